package render

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// settings are those of the RenderConfig and the options, with every default
// filled in.
type settings struct {
	// path of the output directory in the repository, "." for its root.
	path       string
	source     api.SourceReference
	defaults   api.SyncDefaults
	charts     charts
	severities map[diag.Code]diag.Severity
	// hub says whether one management cluster's Flux applies to all clusters.
	hub bool
	// flux is the oldest version of Flux that must take the output.
	flux string
}

// The defaults of a RenderConfig; the doc comments of its type say them too.
var (
	defaultSource = api.SourceReference{Kind: "GitRepository", Name: "flux-system", Namespace: "flux-system"}
	defaultSync   = api.SyncDefaults{Interval: "10m", RetryInterval: "2m", Timeout: "10m"}
)

// oldestFlux serves every API version that is rendered: OCIRepository v1 came
// with Flux 2.6.
var oldestFlux = minorVersion{2, 6}

func (c *compiler) newSettings(opts Options) settings {
	s := settings{source: defaultSource, defaults: defaultSync, charts: pinnedCharts(), flux: oldestFlux.String(), path: opts.DefaultPath}
	var spec api.RenderConfigSpec
	report := func(code diag.Code, at schema.Path, message, hint string) {
		c.Add(diag.New(code, diag.Position{}, "", message, hint))
	}
	if c.config != nil {
		spec = c.config.Spec
		report = func(code diag.Code, at schema.Path, message, hint string) {
			c.Add(c.config.doc.Diagnostic(code, at, message, hint))
		}
	}
	s.hub = cmp.Or(opts.Topology, spec.Topology) == "hub"
	fill(&s.path, spec.Path)
	fill(&s.path, opts.Path)
	said := s.path
	if s.path = path.Clean("./" + said); path.IsAbs(said) || s.path == ".." || strings.HasPrefix(s.path, "../") {
		bad := diag.New(diag.BadPath, diag.Position{}, "", fmt.Sprintf("the path %q is not inside the repository", said), "write the path from the root of the repository, such as clusters")
		if opts.Path == "" && spec.Path != "" {
			at := schema.Path{"spec", "path"}
			bad.Position, bad.Path = c.config.doc.Position(at...), at.String()
		}
		c.Add(bad)
	}
	if r := spec.SourceRef; r != nil {
		fill(&s.source.Kind, r.Kind)
		fill(&s.source.Name, r.Name)
		fill(&s.source.Namespace, r.Namespace)
		if layout.IsSyncName(s.source.Name, s.hub) {
			report(diag.ObjectTwice, schema.Path{"spec", "sourceRef", "name"},
				fmt.Sprintf("flux bootstrap calls the cluster's own Kustomization %s after it, and fleetwright renders one of that name", s.source.Name), "use another name")
		}
	}
	if d := spec.Defaults; d != nil {
		fill(&s.defaults.Interval, d.Interval)
		fill(&s.defaults.RetryInterval, d.RetryInterval)
		fill(&s.defaults.Timeout, d.Timeout)
		fill(&s.defaults.ServiceAccountName, d.ServiceAccountName)
	}
	if v := spec.Versions; v != nil && v.Flux != "" {
		s.flux = strings.TrimPrefix(v.Flux, "v")
		if v, ok := parseMinor(s.flux); !ok || v.less(oldestFlux) {
			report(diag.FluxVersion, schema.Path{"spec", "versions", "flux"}, fmt.Sprintf("Flux %s does not serve the API versions that fleetwright renders", s.flux), fmt.Sprintf("flux: %s or newer", oldestFlux))
		}
	}
	if ch := spec.Charts; ch != nil {
		for name, over := range map[string]*api.ChartConfig{"kuma": ch.Kuma, "ingress-nginx": ch.IngressNginx, "prometheus": ch.Prometheus, "flagger": ch.Flagger, "loadtester": ch.Loadtester} {
			if over != nil {
				s.charts[name] = s.charts[name].with(&api.Chart{Repository: over.Repository, Name: over.Name, Version: over.Version}, over.Values)
			}
		}
	}
	s.severities = map[diag.Code]diag.Severity{}
	for _, name := range slices.Sorted(maps.Keys(spec.Severities)) {
		at := schema.Path{"spec", "severities", name}
		code := diag.Code(name)
		severity, _ := diag.SeverityNamed(string(spec.Severities[name]))
		switch {
		case !code.Exists():
			report(diag.BadSeverity, at, fmt.Sprintf("there is no diagnostic %s", name), "")
		case code.Structural() && severity != diag.Error:
			report(diag.BadSeverity, at, fmt.Sprintf("%s is always an error: %s", name, code.Title()), "remove the line")
		default:
			s.severities[code] = severity
		}
	}
	return s
}

// bootstrapped are what the clusters sync themselves with: the source, and the
// Kustomization that "flux bootstrap" calls after it.
func (s *settings) bootstrapped() []manifest.Identity {
	meta := manifest.Metadata{Name: s.source.Name, Namespace: s.source.Namespace}
	source := manifest.Object{APIVersion: manifest.SourceV1, Kind: s.source.Kind, Metadata: meta}
	kustomization := manifest.Object{APIVersion: manifest.KustomizeV1, Kind: "Kustomization", Metadata: meta}
	return []manifest.Identity{source.Identity(), kustomization.Identity()}
}

// fill sets a value unless the new one is zero.
func fill[T comparable](to *T, from T) {
	var zero T
	if from != zero {
		*to = from
	}
}
