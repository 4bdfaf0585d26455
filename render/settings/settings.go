// Package settings holds the settings of a compilation: a RenderConfig and the options, with
// every default and the pinned charts filled in.
package settings

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Settings are the settings of the RenderConfig and the options, with every default filled in.
type Settings struct {
	// Path of the output directory in the repository, "." for its root.
	Path string
	// Source is the Flux source that the clusters sync from.
	Source api.SourceReference
	// Defaults are the settings of the Flux Kustomizations in sync.yaml.
	Defaults api.SyncDefaults
	// Charts are keyed by what they install: kuma, ingress-nginx, prometheus, flagger and loadtester.
	Charts map[string]Chart
	// Severities override the severities of codes.
	Severities map[diag.Code]diag.Severity
	// Hub reports whether one management cluster's Flux applies to all clusters.
	Hub bool
	// Flux is the oldest version of Flux that must take the output.
	Flux string
}

// The defaults of a RenderConfig; the doc comments of its type say them too.
var (
	defaultSource = api.SourceReference{Kind: "GitRepository", Name: "flux-system", Namespace: "flux-system"}
	defaultSync   = api.SyncDefaults{Interval: "10m", RetryInterval: "2m", Timeout: "10m"}
)

// oldestFlux serves all rendered API versions: OCIRepository v1 came with Flux 2.6.
var oldestFlux = MinorVersion{2, 6}

// New returns the settings of a RenderConfig, which may be nil. The path and the
// topology override its own, and defaultPath is the path where neither is given.
func New(config *schema.Document, repoPath, defaultPath, topology string, to *report.Report) Settings {
	s := Settings{Source: defaultSource, Defaults: defaultSync, Charts: maps.Clone(pinnedCharts()), Flux: oldestFlux.String(), Severities: map[diag.Code]diag.Severity{}}
	var spec api.RenderConfigSpec
	add := func(code diag.Code, at schema.Path, message, hint string) {
		to.Add(config.Diagnostic(code, at, message, hint))
	}
	if config != nil {
		spec = config.Object.(*api.RenderConfig).Spec
	}
	s.Hub = cmp.Or(topology, spec.Topology) == "hub"
	said := cmp.Or(repoPath, spec.Path, defaultPath)
	if s.Path = path.Clean("./" + said); path.IsAbs(said) || s.Path == ".." || strings.HasPrefix(s.Path, "../") {
		bad := diag.New(diag.BadPath, diag.Position{}, "", fmt.Sprintf("the path %q is not inside the repository", said), "write the path from the root of the repository, such as clusters")
		if repoPath == "" && spec.Path != "" {
			at := schema.Path{"spec", "path"}
			bad.Position, bad.Path = config.Position(at...), at.String()
		}
		to.Add(bad)
	}
	if r := spec.SourceRef; r != nil {
		s.Source = api.SourceReference{Kind: cmp.Or(r.Kind, s.Source.Kind), Name: cmp.Or(r.Name, s.Source.Name), Namespace: cmp.Or(r.Namespace, s.Source.Namespace)}
		if layout.IsSyncName(s.Source.Name, s.Hub) {
			add(diag.ObjectTwice, schema.Path{"spec", "sourceRef", "name"},
				fmt.Sprintf("flux bootstrap calls the cluster's own Kustomization %s after it, and fleetwright renders one of that name", s.Source.Name), "use another name")
		}
	}
	if d := spec.Defaults; d != nil {
		s.Defaults.Interval = cmp.Or(d.Interval, s.Defaults.Interval)
		s.Defaults.RetryInterval = cmp.Or(d.RetryInterval, s.Defaults.RetryInterval)
		s.Defaults.Timeout = cmp.Or(d.Timeout, s.Defaults.Timeout)
		s.Defaults.ServiceAccountName = d.ServiceAccountName
	}
	if v := spec.Versions; v != nil && v.Flux != "" {
		s.Flux = strings.TrimPrefix(v.Flux, "v")
		if v, ok := ParseMinor(s.Flux); !ok || v.Less(oldestFlux) {
			add(diag.FluxVersion, schema.Path{"spec", "versions", "flux"}, fmt.Sprintf("Flux %s does not serve the API versions that fleetwright renders", s.Flux), fmt.Sprintf("flux: %s or newer", oldestFlux))
		}
	}
	if ch := spec.Charts; ch != nil {
		for name, over := range map[string]*api.ChartConfig{"kuma": ch.Kuma, "ingress-nginx": ch.IngressNginx, "prometheus": ch.Prometheus, "flagger": ch.Flagger, "loadtester": ch.Loadtester} {
			if over != nil {
				s.Charts[name] = s.Charts[name].With(&over.Chart, over.Values)
			}
		}
	}
	for name, value := range spec.Severities {
		at, code := schema.Path{"spec", "severities", name}, diag.Code(name)
		severity, _ := diag.SeverityNamed(string(value))
		switch {
		case !code.Exists():
			add(diag.BadSeverity, at, fmt.Sprintf("there is no diagnostic %s", name), "")
		case code.Rule().Structural && severity != diag.Error:
			add(diag.BadSeverity, at, fmt.Sprintf("%s is always an error: %s", name, code.Rule().Title), "remove the line")
		default:
			s.Severities[code] = severity
		}
	}
	return s
}
