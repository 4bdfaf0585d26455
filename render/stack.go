package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
)

// A stack is what a fleet has installed for its rollouts: the provider that
// moves the traffic, what measures it, Flagger, and a public load tester.
type stack struct {
	compiler *compiler
	fleet    *place.Fleet
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

	// What clusters share: the objects of infrastructure/ but for Flagger, meshes/,
	// and mesh/ by the namespaces that it labels.
	sharedInfra  []manifest.Rendered
	sharedMeshes *dir
	sharedMesh   map[string]*dir
}

// The public load tester has a namespace of its own: Kuma 2.11 and newer never
// put a sidecar into their own, and a load tester without one does not see the
// split of the traffic.
const (
	publicLoadTester    = "flagger-loadtester"
	publicLoadTesterURL = "http://" + publicLoadTester + "." + publicLoadTester + "/"
)

// newStack is what a fleet asks for, or nil where it cannot be made.
func (c *compiler) newStack(f *place.Fleet) *stack {
	plugin := f.Spec.Plugin.Flagger
	p := c.newProvider(plugin.TrafficRoutingProvider, f)
	if p == nil {
		return nil
	}
	s := &stack{compiler: c, fleet: f, provider: p, providerName: plugin.TrafficRoutingProvider}
	at := manifest.Origin{Doc: f.Doc, Path: schema.Path{"spec", "plugin", "flagger"}}
	s.flagger = &flux.Release{
		Name: "flagger", Namespace: p.Namespace(), Origin: at,
		Chart:     c.flaggerChart(p, f),
		DependsOn: p.releases(),
	}
	if v, ok := settings.ParseMinor(s.flagger.Chart.Version); ok && v.Less(oldestFlagger) {
		c.Add(f.Doc.Diagnostic(diag.FlaggerVersion, at.Path.With("chart", "version"), fmt.Sprintf("Flagger %s is older than what fleetwright renders for", s.flagger.Chart.Version), fmt.Sprintf("version: %s.0 or newer", oldestFlagger)))
	}
	needed := p.flaggerValues()
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

// render makes what the clusters of the stack share.
func (s *stack) render() {
	if s.sharedMesh != nil {
		return
	}
	s.sharedMesh = map[string]*dir{}
	for _, ns := range s.namespaces() {
		s.spaces = append(s.spaces, manifest.Rendered{Object: ns, Origin: s.flagger.Origin})
	}
	if s.loadTester != nil {
		s.spaces = append(s.spaces, manifest.Rendered{Object: manifest.NewNamespace(publicLoadTester, s.namespaceMeta(nil)), Origin: s.loadTester.Origin})
	}
	s.early, s.late = s.meshes(), s.objects()
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
	for _, r := range s.releases() {
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

// infrastructure is the directory of one cluster that its own Flux applies.
func (s *stack) infrastructure(c *encoder, on *place.Target) *dir {
	if s.sharedInfra == nil {
		s.sharedInfra = append(slices.Clip(s.spaces), s.charts(on)...)
	}
	return c.newDir(layout.Infrastructure, append(slices.Clip(s.sharedInfra), s.flaggerRelease(on))...)
}

// meshesDir is meshes/, or nil.
func (s *stack) meshesDir(c *encoder) *dir {
	if s.sharedMeshes == nil && len(s.early) > 0 {
		s.sharedMeshes = c.newDir(layout.MeshesDir, s.early...)
	}
	return s.sharedMeshes
}

// meshDir is mesh/ of a cluster, or nil: what all share, and the namespaces of
// rolled out workloads that every cluster has. No application brings these, and
// several may use one.
func (s *stack) meshDir(c *encoder, on *place.Target, injected map[string]manifest.NamespaceMeta) *dir {
	objects := slices.Clip(s.late)
	if s.testerWaits() && !on.Remote {
		objects = append(objects, s.loadTester.HelmRelease(on))
	}
	var key strings.Builder
	for _, ns := range slices.Sorted(maps.Keys(injected)) {
		if manifest.AlwaysThere[ns] {
			objects = append(objects, manifest.Rendered{Object: manifest.NewNamespace(ns, injected[ns]), Origin: s.flagger.Origin})
			fmt.Fprintf(&key, "%s %v\n", ns, injected[ns])
		}
	}
	if len(objects) == 0 {
		return nil
	}
	d, ok := s.sharedMesh[key.String()]
	if !ok {
		d = c.newDir(layout.MeshDir, objects...)
		s.sharedMesh[key.String()] = d
	}
	return d
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
	maps.Copy(versions, s.versions())
	versions["flagger"] = s.flagger.Chart.Version
	if s.loadTester != nil {
		versions["loadtester"] = s.loadTester.Chart.Version
	}
	return versions
}
