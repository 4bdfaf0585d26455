package render

import (
	"fmt"
	"maps"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
)

// A stack is what a fleet has installed for its rollouts: the provider that
// moves the traffic, what measures it, Flagger, and a public load tester.
type stack struct {
	c     *compilation
	fleet *place.Fleet
	// facts are what rules read of the stack, nil before they are asked for.
	facts *rules.Installed
	provider
	providerName string
	flagger      *flux.Release
	// loadTester is the public one, or nil.
	loadTester *flux.Release

	// spaces are the namespaces that the stack brings.
	spaces []manifest.Rendered
	// early are the meshes that must be there before anything names one, where the
	// provider does not make them itself.
	early []manifest.Rendered
	// late are the objects of mesh/.
	late []manifest.Rendered
}

// The public load tester has a namespace of its own: Kuma 2.11 and newer never
// put a sidecar into their own, and a load tester without one does not see the
// split of the traffic.
const (
	publicLoadTester    = "flagger-loadtester"
	publicLoadTesterURL = "http://" + publicLoadTester + "." + publicLoadTester + "/"
)

// newStack is what a fleet asks for, or nil where it cannot be made.
func newStack(c *compilation, f *place.Fleet) *stack {
	plugin := f.Spec.Plugin.Flagger
	p := newProvider(c, plugin.TrafficRoutingProvider, f)
	if p == nil {
		return nil
	}
	s := &stack{c: c, fleet: f, provider: p, providerName: plugin.TrafficRoutingProvider}
	at := manifest.Origin{Doc: f.Doc, Path: schema.Path{"spec", "plugin", "flagger"}}
	s.flagger = &flux.Release{
		Name: "flagger", Namespace: p.Namespace(), Origin: at,
		Chart:     flaggerChart(c, p, f),
		DependsOn: p.Releases(),
	}
	if v, ok := settings.ParseMinor(s.flagger.Chart.Version); ok && v.Less(oldestFlagger) {
		c.Add(f.Doc.Diagnostic(diag.FlaggerVersion, at.Path.With("chart", "version"), fmt.Sprintf("Flagger %s is older than what fleetwright renders for", s.flagger.Chart.Version), fmt.Sprintf("version: %s.0 or newer", oldestFlagger)))
	}
	needed := p.FlaggerValues()
	if schema.RefuseURL(s.metricsServer(), "http", "https") != "" {
		c.Add(f.Doc.Diagnostic(diag.NoAddress, at.Path.With("extraArgs", "metricsServer"), "Flagger's metricsServer is not the URL of a Prometheus", fmt.Sprintf("metricsServer: %v", needed["metricsServer"])))
	}
	if said := s.flagger.Chart.Values["meshProvider"]; said != needed["meshProvider"] {
		c.Add(f.Doc.Diagnostic(diag.ProvidersDiffer, at.Path.With("extraArgs", "meshProvider"), fmt.Sprintf("Flagger is told to use %v, the fleet's provider is %s", said, s.providerName), fmt.Sprintf("meshProvider: %v, or remove the line", needed["meshProvider"])))
	}
	if plugin.PublicTestloader {
		s.loadTester = &flux.Release{
			Name: publicLoadTester, Namespace: publicLoadTester, Origin: at,
			Chart:     c.settings.Charts["loadtester"],
			DependsOn: []*flux.Release{s.flagger},
		}
	}
	return s
}

// render makes the objects that the clusters of the installation share.
func (s *stack) render() {
	if s.spaces != nil {
		return
	}
	for _, ns := range s.Namespaces() {
		s.spaces = append(s.spaces, manifest.Rendered{Object: ns, Origin: s.flagger.Origin})
	}
	if s.loadTester != nil {
		s.spaces = append(s.spaces, manifest.Rendered{Object: manifest.NewNamespace(publicLoadTester, s.NamespaceMeta(nil)), Origin: s.loadTester.Origin})
	}
	s.early, s.late = s.Meshes(), s.Objects()
	if len(s.late) == 0 && s.loadTester == nil {
		s.early, s.late = nil, s.early // nothing needs them before
	}
}

// testerWaits says whether the pod of the public load tester is not started
// without a mesh that it joins and that is yet to be made.
func (s *stack) testerWaits() bool { return s.loadTester != nil && len(s.early) > 0 }

// charts are the releases but for Flagger, and but for the load tester where it
// waits, with all repositories.
func (s *stack) charts(on *place.Target) []manifest.Rendered {
	var all []manifest.Rendered
	for _, r := range s.Releases() {
		all = append(all, r.Objects(on)...)
	}
	all = append(all, s.flagger.Repository(on))
	if s.loadTester != nil {
		all = append(all, s.loadTester.Repository(on))
		if !s.testerWaits() {
			all = append(all, s.loadTester.HelmRelease(on))
		}
	}
	return all
}

// flaggerRelease is Flagger on one cluster, whose name it is told to show in
// alerts. A fleet may set its own.
func (s *stack) flaggerRelease(on *place.Target) manifest.Rendered {
	flagger := *s.flagger
	flagger.Chart.Values = settings.MergeValues(map[string]any{"clusterName": on.Name}, flagger.Chart.Values)
	return flagger.HelmRelease(on)
}

// ownedNamespaces are those that infrastructure/ renders.
func (s *stack) ownedNamespaces() map[string]bool {
	owned := map[string]bool{}
	for _, ns := range s.spaces {
		owned[ns.Metadata.Name] = true
	}
	return owned
}

// stackVersions returns the versions of what a stack installs.
func stackVersions(s *stack) map[string]string {
	versions := map[string]string{}
	if s == nil {
		return versions
	}
	maps.Copy(versions, s.Versions())
	versions["flagger"] = s.flagger.Chart.Version
	if s.loadTester != nil {
		versions["loadtester"] = s.loadTester.Chart.Version
	}
	return versions
}
