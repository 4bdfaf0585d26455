package rollout

import (
	"cmp"
	"maps"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema/api"
)

// An Installation is what clusters have for their rollouts, rendered or installed already: providers
// that move the traffic, what measures it, Flagger, and a public load tester.
type Installation struct {
	Platform *place.Platform
	// Origin is where the first of the documents asks for it.
	Origin manifest.Origin
	// Providers are those that rollouts may use, by name.
	Providers map[string]Provider
	// FlaggerVersion is that of the Flagger that runs, which may be a range, or nothing where there
	// is none.
	FlaggerVersion string
	// FlaggerNamespace is where Flagger runs.
	FlaggerNamespace string
	// TesterURL is where webhooks find the public load tester, or nothing where there is none.
	TesterURL string
	// Facts are what the values of the charts decide, or what is said under installed.
	Facts rules.Facts

	// Expect reports what its plugins expect of the clusters, once all rollouts are made, but for what was
	// told before, to which it adds it.
	Expect func(told Told)

	// GatewayCRDs are to be there before any release, or nil.
	GatewayCRDs *flux.CRDs
	// OwnGateways are the rendered ones that must be programmed before applications are applied, and Gateways
	// others, before those with rollouts on Gateway API are.
	OwnGateways, Gateways []api.NamespacedReference
	// Before are the releases to install before Flagger.
	Before []*flux.Release
	// Flagger is its release, or nil where it is not rendered.
	Flagger *flux.Release
	// LoadTester is that of the public load tester, or nil.
	LoadTester *flux.Release
	// TesterMeta is what the namespace of the rendered load tester must carry.
	TesterMeta manifest.NamespaceMeta
	// There are the components that are installed already, and Installed the versions of those that
	// have one.
	There     []string
	Installed map[string]string

	// NamespaceObjects are the namespaces that it brings.
	NamespaceObjects []manifest.Rendered
	// EarlyMeshes are the meshes that must be there before anything names one, where the
	// provider does not make them itself.
	EarlyMeshes []manifest.Rendered
	// MeshObjects are the objects of mesh/.
	MeshObjects []manifest.Rendered
	prepared    bool
}

// Told are the components of plugins that were told to be expected.
type Told map[toldKey]bool

type toldKey struct {
	plugin    *place.Plugin
	component string
}

// First reports whether a component was not told before.
func (t Told) First(p *place.Plugin, component string) bool {
	key := toldKey{p, component}
	before := t[key]
	t[key] = true
	return !before
}

// The public load tester has a namespace of its own: Kuma 2.11 and newer never put a sidecar into
// their own, and a load tester without one does not see the split of the traffic.
const (
	PublicLoadTester    = place.PublicLoadTester
	PublicLoadTesterURL = "http://" + PublicLoadTester + "." + PublicLoadTester + "/"
)

// ComponentOf are the components that are providers, by the name of the provider. Components have the
// names of their fields under installed.
var ComponentOf = map[string]string{flagger.Istio: "istio", flagger.Kuma: "kuma", flagger.Nginx: "ingress-nginx", flagger.GatewayAPI: "gateway-api"}

// Example returns what to write under installed for a component.
func Example(component string) string {
	return component + ": " + map[string]string{
		"flagger": "{version: " + settings.PinnedVersion("flagger") + "}", "istio": "{}", "kuma": "{version: 2.13.10}", "ingress-nginx": "{}",
		"gateway-api": "{}", "contour": "{}",
		"prometheus": "{address: http://prometheus.monitoring:9090}", "loadtester": "{url: http://flagger-loadtester.test/}",
	}[component]
}

// providers returns the providers in the order of their names.
func (s *Installation) providers() (all []Provider) {
	for _, name := range slices.Sorted(maps.Keys(s.Providers)) {
		all = append(all, s.Providers[name])
	}
	return all
}

// moving returns the names that the input has for the providers that may be used in place of another. Services alone move no
// traffic, so they count where a plugin has chosen them.
func (s *Installation) moving() []string {
	chosen := func(p *place.Plugin) bool { return p.Provider() == flagger.Kubernetes }
	var all []string
	for _, name := range slices.Sorted(maps.Keys(s.Providers)) {
		if name != flagger.Kubernetes || slices.ContainsFunc(s.Platform.Plugins, chosen) {
			all = append(all, api.ProviderName(name))
		}
	}
	return all
}

// Prepare makes the objects that the clusters of the installation share.
func (s *Installation) Prepare() {
	if s.prepared {
		return
	}
	s.prepared = true
	for _, p := range s.providers() {
		for _, ns := range p.Namespaces() {
			s.NamespaceObjects = append(s.NamespaceObjects, manifest.Rendered{Object: ns, Origin: s.Origin})
		}
		s.EarlyMeshes = append(s.EarlyMeshes, p.Meshes()...)
		s.MeshObjects = append(s.MeshObjects, p.Objects()...)
	}
	if s.LoadTester != nil {
		s.NamespaceObjects = append(s.NamespaceObjects, manifest.Rendered{Object: manifest.NewNamespace(PublicLoadTester, s.TesterMeta), Origin: s.LoadTester.Origin})
	}
	if len(s.MeshObjects) == 0 && s.LoadTester == nil {
		s.EarlyMeshes, s.MeshObjects = nil, s.EarlyMeshes // nothing needs them before
	}
}

// TesterWaits reports whether the pod of the public load tester is not started
// without a mesh that it joins and that is yet to be made.
func (s *Installation) TesterWaits() bool { return s.LoadTester != nil && len(s.EarlyMeshes) > 0 }

// Releases returns all releases.
func (s *Installation) Releases() []*flux.Release {
	return slices.DeleteFunc(append(slices.Clip(s.Before), s.Flagger, s.LoadTester), func(r *flux.Release) bool { return r == nil })
}

// RenderedComponents returns the names of the components that are rendered.
func (s *Installation) RenderedComponents() (names []string) {
	if s.GatewayCRDs != nil {
		names = append(names, ComponentOf[flagger.GatewayAPI])
	}
	for _, r := range s.Releases() {
		names = append(names, place.ComponentOf(r.Name))
	}
	return names
}

// Charts are the releases but for Flagger, and but for the load tester where it waits, with all repositories.
func (s *Installation) Charts(on *place.Target) []manifest.Rendered {
	var all []manifest.Rendered
	for _, r := range s.Before {
		all = append(all, r.Objects(on)...)
	}
	if s.Flagger != nil {
		all = append(all, s.Flagger.Repository(on))
	}
	if s.LoadTester != nil {
		all = append(all, s.LoadTester.Repository(on))
		if !s.TesterWaits() {
			all = append(all, s.LoadTester.HelmRelease(on))
		}
	}
	return all
}

// FlaggerRelease is Flagger on one cluster, whose name it is told to show in alerts, unless it is
// not rendered. A fleet may set its own.
func (s *Installation) FlaggerRelease(on *place.Target) []manifest.Rendered {
	if s.Flagger == nil {
		return nil
	}
	release := *s.Flagger
	release.Chart.Values = settings.MergeValues(map[string]any{"clusterName": on.Name}, release.Chart.Values)
	return []manifest.Rendered{release.HelmRelease(on)}
}

// OwnedNamespaces are those that infrastructure/ renders.
func (s *Installation) OwnedNamespaces() map[string]bool {
	owned := map[string]bool{}
	for _, ns := range s.NamespaceObjects {
		owned[ns.Metadata.Name] = true
	}
	return owned
}

// Versions returns the versions of what an installation consists of.
func Versions(s *Installation) map[string]string {
	versions := map[string]string{}
	if s == nil {
		return versions
	}
	maps.Copy(versions, s.Installed)
	if s.GatewayCRDs != nil {
		versions[ComponentOf[flagger.GatewayAPI]] = s.GatewayCRDs.Release.Version
	}
	for _, r := range s.Releases() {
		versions[place.ComponentOf(r.Name)] = r.Chart.Version
	}
	return versions
}

// Position returns where the first of the documents asks for the installation, for messages.
func (s *Installation) Position() diag.Position {
	plugin := s.Platform.Plugins[0]
	if plugin.IsOfFleet() {
		return plugin.Doc.Position("metadata", "name")
	}
	return s.Origin.Position()
}

// Simulated is the version of Flagger that is simulated.
func (s *Installation) Simulated() flagger.Version { return Simulated(s.FlaggerVersion) }

// Simulated returns the version of Flagger that is simulated for one that runs. Of a range over several minor
// versions nobody knows it: then it is the newest.
func Simulated(version string) flagger.Version {
	v, ok := settings.ParseMinor(version)
	if !ok || v.Major != 1 {
		return flagger.Newest
	}
	return flagger.Version{Minor: v.Minor}
}

// An On is what a rollout runs on: an installation, and its own provider there.
type On struct {
	*Installation
	Provider
}

// testerURL returns where webhooks that name no other load tester go, be it there or not.
func (on On) testerURL() string { return cmp.Or(on.TesterURL, PublicLoadTesterURL) }

// prometheus returns the address of the Prometheus that rendered MetricTemplates ask.
func (on On) prometheus() string {
	return cmp.Or(on.PrometheusAddress(), on.Facts.PrometheusAddress)
}

// on returns what a rollout of a provider runs on. It is false where the installation lacks it.
func (s *Installation) on(provider string) (On, bool) {
	if s == nil || s.FlaggerVersion == "" {
		return On{s, nil}, false
	}
	p, ok := s.Providers[provider]
	return On{s, p}, ok
}
