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

// An Installation holds the rollout infrastructure of clusters, rendered or already installed: providers that
// move traffic, Prometheus, Flagger, and a public load tester.
type Installation struct {
	Platform *place.Platform
	// Origin is the first position that requests it.
	Origin manifest.Origin
	// Providers holds the providers that rollouts may use, by name.
	Providers map[string]Provider
	// FlaggerVersion is the version of the running Flagger, a range of versions, or "" without Flagger.
	FlaggerVersion string
	// FlaggerNamespace is the namespace of Flagger.
	FlaggerNamespace string
	// TesterURL is the URL of the public load tester for webhooks, or "" without one.
	TesterURL string
	// Facts holds the facts that chart values, or the fields under installed, determine.
	Facts rules.Facts

	// Expect reports the requirements of its plugins for the clusters, once all rollouts exist. It skips those
	// already reported, and records the new ones in told.
	Expect func(told Told)

	// GatewayCRDs must be installed before all releases. It may be nil.
	GatewayCRDs *flux.CRDs
	// OwnGateways holds the rendered Gateways, which must be programmed before applications are applied.
	// Gateways holds the others, which must be programmed before applications with rollouts on Gateway API are
	// applied.
	OwnGateways, Gateways []api.NamespacedReference
	// Before holds the releases that are installed before Flagger.
	Before []*flux.Release
	// Flagger is the release of Flagger, or nil if it is not rendered.
	Flagger *flux.Release
	// LoadTester is the release of the public load tester, or nil.
	LoadTester *flux.Release
	// TesterMeta is the metadata that the namespace of the rendered load tester needs.
	TesterMeta manifest.NamespaceMeta
	// There holds the components that are already installed, and Installed the versions of those whose version
	// is known.
	There     []string
	Installed map[string]string

	// NamespaceObjects holds the namespaces that the installation renders.
	NamespaceObjects []manifest.Rendered
	// EarlyMeshes holds the meshes that must exist before any object that references one, unless the provider
	// creates them itself.
	EarlyMeshes []manifest.Rendered
	// MeshObjects holds the objects of mesh/.
	MeshObjects []manifest.Rendered
	prepared    bool
}

// Told holds the components of plugins whose requirements were reported.
type Told map[toldKey]bool

type toldKey struct {
	plugin    *place.Plugin
	component string
}

// First reports whether it is called the first time for a component of a plugin.
func (t Told) First(p *place.Plugin, component string) bool {
	key := toldKey{p, component}
	before := t[key]
	t[key] = true
	return !before
}

// The public load tester has a separate namespace: Kuma 2.11 and newer never inject sidecars in Kuma's
// namespace, and the traffic of a load tester without a sidecar is not split.
const (
	PublicLoadTester    = place.PublicLoadTester
	PublicLoadTesterURL = "http://" + PublicLoadTester + "." + PublicLoadTester + "/"
)

// ComponentOf maps providers to their components. Components are named after their fields under installed.
var ComponentOf = map[string]string{flagger.Istio: "istio", flagger.Kuma: "kuma", flagger.Nginx: "ingress-nginx", flagger.GatewayAPI: "gateway-api"}

// Example returns an example of a component under installed.
func Example(component string) string {
	return component + ": " + map[string]string{
		"flagger": "{version: " + settings.PinnedVersion("flagger") + "}", "istio": "{}", "kuma": "{version: 2.13.10}", "ingress-nginx": "{}",
		"gateway-api": "{}", "contour": "{}",
		"prometheus": "{address: http://prometheus.monitoring:9090}", "loadtester": "{url: http://flagger-loadtester.test/}",
	}[component]
}

// providers returns the providers, sorted by name.
func (s *Installation) providers() (all []Provider) {
	for _, name := range slices.Sorted(maps.Keys(s.Providers)) {
		all = append(all, s.Providers[name])
	}
	return all
}

// moving returns the input's names of the providers that can replace another. The provider kubernetes counts
// only if a plugin selects it.
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

// Prepare creates the objects that all clusters of the installation share.
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
		s.EarlyMeshes, s.MeshObjects = nil, s.EarlyMeshes // no other object needs them early
	}
}

// TesterWaits reports whether the public load tester must start after the meshes, because it joins a rendered
// one.
func (s *Installation) TesterWaits() bool { return s.LoadTester != nil && len(s.EarlyMeshes) > 0 }

// Releases returns all releases.
func (s *Installation) Releases() []*flux.Release {
	return slices.DeleteFunc(append(slices.Clip(s.Before), s.Flagger, s.LoadTester), func(r *flux.Release) bool { return r == nil })
}

// RenderedComponents returns the names of the rendered components.
func (s *Installation) RenderedComponents() (names []string) {
	if s.GatewayCRDs != nil {
		names = append(names, ComponentOf[flagger.GatewayAPI])
	}
	for _, r := range s.Releases() {
		names = append(names, place.ComponentOf(r.Name))
	}
	return names
}

// Charts returns the releases and repositories, without the release of Flagger, and without that of the load
// tester if it must wait.
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

// FlaggerRelease returns the release of Flagger for one cluster, if Flagger is rendered. Alerts show the
// cluster's name, which a fleet may override.
func (s *Installation) FlaggerRelease(on *place.Target) []manifest.Rendered {
	if s.Flagger == nil {
		return nil
	}
	release := *s.Flagger
	release.Chart.Values = settings.MergeValues(map[string]any{"clusterName": on.Name}, release.Chart.Values)
	return []manifest.Rendered{release.HelmRelease(on)}
}

// OwnedNamespaces returns the namespaces rendered in infrastructure/.
func (s *Installation) OwnedNamespaces() map[string]bool {
	owned := map[string]bool{}
	for _, ns := range s.NamespaceObjects {
		owned[ns.Metadata.Name] = true
	}
	return owned
}

// Versions returns the versions of an installation's components.
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

// Position returns the first position that requests the installation.
func (s *Installation) Position() diag.Position {
	plugin := s.Platform.Plugins[0]
	if plugin.IsOfFleet() {
		return plugin.Doc.Position("metadata", "name")
	}
	return s.Origin.Position()
}

// Simulated returns the version of Flagger to simulate.
func (s *Installation) Simulated() flagger.Version { return Simulated(s.FlaggerVersion) }

// Simulated returns the version to simulate for the running version of Flagger. For a range over several minor
// versions, that is the newest one.
func Simulated(version string) flagger.Version {
	v, ok := settings.ParseMinor(version)
	if !ok || v.Major != 1 {
		return flagger.Newest
	}
	return flagger.Version{Minor: v.Minor}
}

// An On is an installation with the provider that a rollout uses on it.
type On struct {
	*Installation
	Provider
}

// testerURL returns the default URL of webhooks, even if no load tester exists there.
func (on On) testerURL() string { return cmp.Or(on.TesterURL, PublicLoadTesterURL) }

// prometheus returns the address of the Prometheus that rendered MetricTemplates query.
func (on On) prometheus() string {
	return cmp.Or(on.PrometheusAddress(), on.Facts.PrometheusAddress)
}

// on returns the installation with a provider, and false if the installation lacks it.
func (s *Installation) on(provider string) (On, bool) {
	if s == nil || s.FlaggerVersion == "" {
		return On{s, nil}, false
	}
	p, ok := s.Providers[provider]
	return On{s, p}, ok
}
