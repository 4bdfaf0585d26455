// Package provider holds what the compiler knows of the providers that move the traffic of
// rollouts, a file for each: kuma.go, istio.go and nginx.go.
package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// newProvider returns the provider of a fleet. The schema has refused all others.
func newProvider(b base, name string) rollout.Provider {
	switch name {
	case flagger.Kuma:
		return newKuma(b)
	case flagger.Istio:
		return newIstio(b)
	case flagger.Nginx:
		return newNginx(b)
	}
	return nil
}

// oldestFlagger is the oldest version of Flagger whose CRD has every field that is rendered,
// but for those that rules report by version.
var oldestFlagger = settings.MinorVersion{Major: 1, Minor: 36}

// Install returns what a fleet asks for, or nil where it cannot be made. It reports what of
// that does not work.
func Install(c *rollout.Compilation, f *place.Fleet) *rollout.Installation {
	plugin := f.Spec.Plugin.Flagger
	facts := &rules.Facts{At: map[string]diag.Position{}}
	b := base{c, f, manifest.Origin{Doc: f.Doc, Path: schema.Path{"spec", "plugin", "flagger"}}, facts}
	p := newProvider(b, plugin.TrafficRoutingProvider)
	if p == nil {
		return nil
	}
	if in := plugin.Installed; in != nil && in.Istio != nil && plugin.TrafficRoutingProvider != flagger.Istio {
		b.report(diag.InstalledUnused, schema.Path{"installed", "istio"}, fmt.Sprintf("the fleet's provider is %s, so no rollout uses this Istio", plugin.TrafficRoutingProvider), "remove the field")
	}
	s := &rollout.Installation{Fleet: f, Provider: p, ProviderName: plugin.TrafficRoutingProvider}
	s.Flagger = &flux.Release{
		Name: "flagger", Namespace: p.Namespace(), Origin: b.origin,
		Chart:     b.flaggerChart(p.FlaggerValues()),
		DependsOn: p.Releases(),
	}
	b.apply("flagger", s.Flagger.Chart)
	if v, ok := settings.ParseMinor(s.Flagger.Chart.Version); ok && v.Less(oldestFlagger) {
		b.report(diag.FlaggerVersion, schema.Path{"chart", "version"}, fmt.Sprintf("Flagger %s is older than what fleetwright renders for", s.Flagger.Chart.Version), fmt.Sprintf("version: %s.0 or newer", oldestFlagger))
	}
	needed := p.FlaggerValues()
	if schema.RefuseURL(facts.MetricsServer, "http", "https") != "" {
		b.report(diag.NoAddress, schema.Path{"extraArgs", "metricsServer"}, "Flagger's metricsServer is not the URL of a Prometheus", fmt.Sprintf("metricsServer: %v", needed["metricsServer"]))
	}
	if message, hint := rules.AddressProblem(api.MetricProvider{Type: "prometheus", Address: facts.MetricsServer}); message != "" {
		b.report(diag.BadAddress, schema.Path{"extraArgs", "metricsServer"}, message, "metricsServer"+strings.TrimPrefix(hint, "address"))
	}
	if said := s.Flagger.Chart.Values["meshProvider"]; said != needed["meshProvider"] {
		b.report(diag.ProvidersDiffer, schema.Path{"extraArgs", "meshProvider"}, fmt.Sprintf("Flagger is told to use %v, the fleet's provider is %s", said, s.ProviderName), fmt.Sprintf("meshProvider: %v, or remove the line", needed["meshProvider"]))
	}
	if plugin.PublicTestloader {
		s.LoadTester = &flux.Release{
			Name: rollout.PublicLoadTester, Namespace: rollout.PublicLoadTester, Origin: b.origin,
			Chart:     c.Settings.Charts["loadtester"],
			DependsOn: []*flux.Release{s.Flagger},
		}
		b.apply("loadtester", s.LoadTester.Chart)
		if all := facts.MeshNamespaces; len(all) > 0 && !slices.Contains(all, rollout.PublicLoadTester) {
			(&values{base: b, key: plugin.TrafficRoutingProvider}).report(diag.NotWatched, "namespaceAllowList",
				fmt.Sprintf("Kuma injects no sidecar into the public load tester: namespace %s is not in the list, so its traffic is not split", rollout.PublicLoadTester),
				fmt.Sprintf("namespaceAllowList: [%s]", strings.Join(append(slices.Clip(all), rollout.PublicLoadTester), ", ")))
		}
	}
	s.Facts = *facts
	return s
}

// A base is what all providers of fleets have. Its methods are those of a provider that
// installs nothing, and whose rollouts need nothing but their Canary.
type base struct {
	c     *rollout.Compilation
	fleet *place.Fleet
	// origin is where the Fleet asks for the provider.
	origin manifest.Origin
	// facts are what the values of the charts decide.
	facts *rules.Facts
}

func (base) Releases() []*flux.Release                              { return nil }
func (base) Meshes() []manifest.Rendered                            { return nil }
func (base) Objects() []manifest.Rendered                           { return nil }
func (base) NamespaceMeta(*rollout.Rollout) manifest.NamespaceMeta  { return manifest.NamespaceMeta{} }
func (base) RolloutObjects(*rollout.Rollout) []manifest.Rendered    { return nil }
func (base) Query(_ *rollout.Rollout, metric string) (query string) { return "" }
func (base) ServiceMeta(port int32) map[string]string               { return nil }
func (base) NeverInjected(namespace string) string                  { return "" }
func (base) Speaks(*rules.Rollout) string                           { return "" }
func (base) Refused(*flagger.Canary) []rules.Problem                { return nil }
func (base) Join(*rollout.Rollout)                                  {}

// OptsOut is nothing where pods need no sidecars.
func (base) OptsOut(*rules.Rollout, *source.Pod, map[string]string) (inPod bool, by string) {
	return false, ""
}

// report reports something about a field of what the Fleet asks for.
func (b base) report(code diag.Code, field schema.Path, message, hint string) {
	b.c.Add(b.fleet.Doc.Diagnostic(code, b.origin.Path.With(field...), message, hint))
}

// chart returns the chart of a provider, as the settings and the fleet say it.
func (b base) chart(name string) settings.Chart {
	chart := b.c.Settings.Charts[name]
	if config := b.fleet.Spec.Plugin.Flagger.Config; config != nil {
		chart = chart.With(config.Chart, config.ExtraArgs)
	}
	return chart
}

// flaggerChart returns Flagger's with the values of a provider, as the settings and the fleet say it.
func (b base) flaggerChart(values map[string]any) settings.Chart {
	chart, plugin := b.c.Settings.Charts["flagger"], b.fleet.Spec.Plugin.Flagger
	chart.Values = settings.MergeValues(values, chart.Values)
	return chart.With(plugin.Chart, plugin.ExtraArgs)
}

// neverMeshed returns why the pods of a namespace get no sidecars, if they do not.
func (b base) neverMeshed(namespace, provider string) string {
	switch namespace {
	case provider, "kube-system":
		return "is not one that fleetwright has sidecars put into"
	case b.c.Settings.Source.Namespace:
		return "is that of Flux, which is not in the mesh"
	}
	return ""
}
