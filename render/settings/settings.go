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
	// OwnArtifacts reports whether each cluster syncs its own artifact, whose root is the
	// cluster's directory. The path is "." then.
	OwnArtifacts bool
	// Source is the Flux source that the clusters sync from.
	Source api.SourceReference
	// Artifact is the OCIRepository to render for the source, or nil. Its URL does not yet contain the name of
	// the cluster.
	Artifact *api.OCIRepository
	// Defaults are the settings of the Flux Kustomizations in sync.yaml.
	Defaults api.SyncDefaults
	// Charts are keyed by the component that they install. That of gateway-api is a tag in a Git repository.
	Charts map[string]Chart
	// Severities override the severities of codes.
	Severities map[diag.Code]diag.Severity
	// Hub reports whether one management cluster's Flux applies to all clusters.
	Hub bool
	// Flux is the oldest version of Flux that must accept the output.
	Flux string
}

// The defaults of a RenderConfig; the doc comments of its type repeat them.
var (
	defaultSource = api.SourceReference{Kind: "GitRepository", Name: "flux-system", Namespace: "flux-system"}
	defaultSync   = api.SyncDefaults{Interval: "10m", RetryInterval: "2m", Timeout: "10m"}
)

// oldestFlux serves all rendered API versions: OCIRepository v1 needs Flux 2.6.
var oldestFlux = MinorVersion{2, 6}

// New returns the settings of a RenderConfig, which may be nil. The path and the topology override its own, and
// defaultPath is the path if neither is given.
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
	if r := spec.SourceRef; r != nil {
		s.Source = api.SourceReference{Kind: cmp.Or(r.Kind, s.Source.Kind), Name: cmp.Or(r.Name, s.Source.Name), Namespace: cmp.Or(r.Namespace, s.Source.Namespace)}
		if layout.IsSyncName(s.Source.Name, s.Hub) {
			add(diag.ObjectTwice, schema.Path{"spec", "sourceRef", "name"},
				fmt.Sprintf("%s is also the name of a Kustomization that fleetwright renders; flux bootstrap names the cluster's own one after sourceRef", s.Source.Name), "use another name")
		}
	}
	if s.OwnArtifacts = s.Source.Kind == "OCIRepository" && repoPath == "" && spec.Path == ""; s.OwnArtifacts {
		defaultPath = ""
	}
	said := cmp.Or(repoPath, spec.Path, defaultPath)
	if s.Path = path.Clean("./" + said); path.IsAbs(said) || s.Path == ".." || strings.HasPrefix(s.Path, "../") {
		bad := diag.New(diag.BadPath, diag.Position{}, "", fmt.Sprintf("the path %q is not inside the repository", said), "write it relative to the root of the repository, such as clusters")
		if repoPath == "" && spec.Path != "" {
			at := schema.Path{"spec", "path"}
			bad.Position, bad.Path = config.Position(at...), at.String()
		}
		to.Add(bad)
	}
	if o := spec.OCIRepository; o != nil {
		s.setArtifact(o, func(at schema.Path, message, hint string) { add(diag.ClusterSource, at, message, hint) })
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
			add(diag.FluxVersion, schema.Path{"spec", "versions", "flux"}, fmt.Sprintf("Flux %s does not serve the API versions that fleetwright renders", s.Flux), fmt.Sprintf("flux: %q, or newer", oldestFlux))
		}
	}
	if ch := spec.Charts; ch != nil {
		for name, over := range map[string]*api.ChartConfig{"kuma": ch.Kuma, "contour": ch.Contour, "ingress-nginx": ch.IngressNginx, "prometheus": ch.Prometheus, "flagger": ch.Flagger, "loadtester": ch.Loadtester} {
			if over != nil {
				s.Charts[name] = s.Charts[name].With(&over.Chart, over.Values)
			}
		}
		if over := ch.GatewayAPI; over != nil {
			s.Charts["gateway-api"] = s.Charts["gateway-api"].With(&api.Chart{Repository: over.Repository, Version: strings.TrimPrefix(over.Version, "v")}, nil)
		}
	}
	for name, value := range spec.Severities {
		at, code := schema.Path{"spec", "severities", name}, diag.Code(name)
		severity, _ := diag.SeverityNamed(string(value))
		switch {
		case !code.Exists():
			add(diag.BadSeverity, at, fmt.Sprintf("unknown code %s", name), "fleetwright explain lists the codes")
		case code.Rule().Structural && severity != diag.Error:
			add(diag.BadSeverity, at, fmt.Sprintf("%s (%s) is always an error", name, code.Rule().Title), "remove the line")
		case code.Rule().Severity == diag.Error && severity == diag.Off:
			add(diag.BadSeverity, at, fmt.Sprintf("%s (%s) is an error and cannot be off", name, code.Rule().Title),
				fmt.Sprintf("%s: warning, or info", name))
		default:
			s.Severities[code] = severity
		}
	}
	return s
}
