package render

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

// A stack is what a fleet has installed for its rollouts: the provider that
// moves the traffic, what measures it, Flagger, and a public load tester.
type stack struct {
	fleet *fleet
	provider
	providerName string
	flagger      release
	// loadTester is the public one, or nil.
	loadTester *release

	// shared are the objects of infrastructure/ that all clusters have.
	shared []rendered
	// early is meshes/, or nil where nothing else that is rendered names a mesh
	// which the provider does not make itself.
	early *dir
	// late are the objects of mesh/, and mesh is that directory, by the
	// namespaces that it labels.
	late []rendered
	mesh map[string]*dir
}

// The public load tester has a namespace of its own: Kuma 2.11 and newer never
// put a sidecar into their own, and a load tester without one does not see the
// split of the traffic.
const (
	publicLoadTester    = "flagger-loadtester"
	publicLoadTesterURL = "http://" + publicLoadTester + "." + publicLoadTester + "/"
)

// newStack is what a fleet asks for, or nil where it cannot be made.
func (c *compiler) newStack(f *fleet) *stack {
	plugin := f.Spec.Plugin.Flagger
	p := c.newProvider(plugin.TrafficRoutingProvider, f)
	if p == nil {
		return nil
	}
	s := &stack{fleet: f, provider: p, providerName: plugin.TrafficRoutingProvider}
	at := origin{f.doc, schema.Path{"spec", "plugin", "flagger"}}
	own := plugin.Chart
	if own == nil {
		own = &schema.Chart{}
	}
	flagger := c.settings.charts["flagger"]
	flagger.Values = mergeValues(p.flaggerValues(), flagger.Values)
	s.flagger = release{
		name: "flagger", namespace: p.namespace(), origin: at,
		chart: flagger.with(own.Repository, own.Name, own.Version, plugin.ExtraArgs),
	}
	needed := p.flaggerValues()
	if u, err := url.Parse(s.metricsServer()); err != nil || u.Host == "" {
		c.report(f.doc.Diagnostic(diag.NoAddress, at.path.With("extraArgs", "metricsServer"), "Flagger's metricsServer is not the URL of a Prometheus", fmt.Sprintf("metricsServer: %v", needed["metricsServer"])))
	}
	if said := s.flagger.chart.Values["meshProvider"]; said != needed["meshProvider"] {
		c.report(f.doc.Diagnostic(diag.ProvidersDiffer, at.path.With("extraArgs", "meshProvider"), fmt.Sprintf("Flagger is told to use %v, the fleet's provider is %s", said, s.providerName), fmt.Sprintf("meshProvider: %v, or remove the line", needed["meshProvider"])))
	}
	for _, r := range p.releases() {
		s.flagger.dependsOn = append(s.flagger.dependsOn, r.reference())
	}
	if plugin.PublicTestloader {
		s.loadTester = &release{
			name: publicLoadTester, namespace: publicLoadTester, origin: at,
			chart:     c.settings.charts["loadtester"],
			dependsOn: []helmDependency{s.flagger.reference()},
		}
	}
	return s
}

// render makes what the clusters of the stack share.
func (s *stack) render(c *compiler) {
	if s.mesh != nil {
		return
	}
	for _, ns := range s.namespaces() {
		s.shared = append(s.shared, rendered{ns, s.flagger.origin})
	}
	releases := s.releases()
	for i := range releases {
		s.shared = append(s.shared, releases[i].objects()...)
	}
	s.shared = append(s.shared, s.flagger.repository())
	meshes := s.meshes()
	s.late, s.mesh = s.objects(), map[string]*dir{}
	switch {
	case len(meshes) == 0:
	case len(s.late) > 0 || s.loadTester != nil:
		s.early = c.newDir(meshesDir, meshes...)
	default:
		s.late = meshes // nothing else there needs them
	}
	if s.loadTester == nil {
		return
	}
	meta := s.namespaceMeta()
	s.shared = append(s.shared, rendered{newNamespace(publicLoadTester, meta), s.loadTester.origin}, s.loadTester.repository())
	// Its pod is not started without the mesh that it joins.
	if s.early == nil {
		s.shared = append(s.shared, s.loadTester.release())
	} else {
		s.late = append(s.late, s.loadTester.release())
	}
}

// infrastructure is the directory of one cluster: what all share, and Flagger,
// which is told the cluster's name.
func (s *stack) infrastructure(c *compiler, cluster string) *dir {
	flagger := s.flagger
	// The name is shown in alerts. A fleet may set its own.
	flagger.chart.Values = mergeValues(map[string]any{"clusterName": cluster}, flagger.chart.Values)
	return c.newDir("infrastructure", append(s.shared[:len(s.shared):len(s.shared)], flagger.release())...)
}

// meshDir is mesh/ of a cluster: what all share, and the namespaces of rolled out
// workloads that every cluster has. No application brings these, and several may
// use one.
func (s *stack) meshDir(c *compiler, injected map[string]namespaceMeta) *dir {
	objects := s.late[:len(s.late):len(s.late)]
	var key strings.Builder
	for _, ns := range slices.Sorted(maps.Keys(injected)) {
		if alwaysThere[ns] {
			objects = append(objects, rendered{newNamespace(ns, injected[ns]), s.flagger.origin})
			key.WriteString(ns + " ")
		}
	}
	d, ok := s.mesh[key.String()]
	if !ok {
		d = c.newDir(meshDir, objects...)
		s.mesh[key.String()] = d
	}
	return d
}

// ownedNamespaces are those that infrastructure/ renders.
func (s *stack) ownedNamespaces() map[string]bool {
	owned := map[string]bool{}
	for _, ns := range s.namespaces() {
		owned[ns.Metadata.Name] = true
	}
	if s.loadTester != nil {
		owned[publicLoadTester] = true
	}
	return owned
}

// inventoryVersions are what the manifests of a cluster are made for.
func (c *compiler) inventoryVersions(s *stack) map[string]string {
	versions := map[string]string{"flux": c.settings.flux}
	if s == nil {
		return versions
	}
	for name, version := range s.versions() {
		versions[name] = version
	}
	versions["flagger"] = s.flagger.chart.Version
	if s.loadTester != nil {
		versions["loadtester"] = s.loadTester.chart.Version
	}
	return versions
}
