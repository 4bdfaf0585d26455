package provider

import (
	"fmt"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
)

// oldestFlagger is the oldest version of Flagger whose CRD has every field that is rendered,
// but for those that rules report by version.
var oldestFlagger = settings.MinorVersion{Major: 1, Minor: 36}

// Install returns what a fleet asks for, or nil where it cannot be made. It reports what of
// that does not work.
func Install(c *rollout.Compilation, f *place.Fleet) *rollout.Installation {
	plugin := f.Spec.Plugin.Flagger
	p := newProvider(c, plugin.TrafficRoutingProvider, f)
	if p == nil {
		return nil
	}
	s := &rollout.Installation{Fleet: f, Provider: p, ProviderName: plugin.TrafficRoutingProvider}
	at := manifest.Origin{Doc: f.Doc, Path: schema.Path{"spec", "plugin", "flagger"}}
	s.Flagger = &flux.Release{
		Name: "flagger", Namespace: p.Namespace(), Origin: at,
		Chart:     flaggerChart(c, p, f),
		DependsOn: p.Releases(),
	}
	if v, ok := settings.ParseMinor(s.Flagger.Chart.Version); ok && v.Less(oldestFlagger) {
		c.Add(f.Doc.Diagnostic(diag.FlaggerVersion, at.Path.With("chart", "version"), fmt.Sprintf("Flagger %s is older than what fleetwright renders for", s.Flagger.Chart.Version), fmt.Sprintf("version: %s.0 or newer", oldestFlagger)))
	}
	needed := p.FlaggerValues()
	if schema.RefuseURL(s.MetricsServer(), "http", "https") != "" {
		c.Add(f.Doc.Diagnostic(diag.NoAddress, at.Path.With("extraArgs", "metricsServer"), "Flagger's metricsServer is not the URL of a Prometheus", fmt.Sprintf("metricsServer: %v", needed["metricsServer"])))
	}
	if said := s.Flagger.Chart.Values["meshProvider"]; said != needed["meshProvider"] {
		c.Add(f.Doc.Diagnostic(diag.ProvidersDiffer, at.Path.With("extraArgs", "meshProvider"), fmt.Sprintf("Flagger is told to use %v, the fleet's provider is %s", said, s.ProviderName), fmt.Sprintf("meshProvider: %v, or remove the line", needed["meshProvider"])))
	}
	if plugin.PublicTestloader {
		s.LoadTester = &flux.Release{
			Name: rollout.PublicLoadTester, Namespace: rollout.PublicLoadTester, Origin: at,
			Chart:     c.Settings.Charts["loadtester"],
			DependsOn: []*flux.Release{s.Flagger},
		}
	}
	return s
}
