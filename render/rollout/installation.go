package rollout

import (
	"strings"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/settings"
)

// An Installation is what a fleet has installed for its rollouts: the provider that
// moves the traffic, what measures it, Flagger, and a public load tester.
type Installation struct {
	Fleet *place.Fleet
	Provider
	ProviderName string
	Flagger      *flux.Release
	// LoadTester is the public one, or nil.
	LoadTester *flux.Release
	// Facts are what the values of all these charts decide.
	Facts rules.Facts

	// NamespaceObjects are the namespaces that it brings.
	NamespaceObjects []manifest.Rendered
	// EarlyMeshes are the meshes that must be there before anything names one, where the
	// provider does not make them itself.
	EarlyMeshes []manifest.Rendered
	// MeshObjects are the objects of mesh/.
	MeshObjects []manifest.Rendered
}

// The public load tester has a namespace of its own: Kuma 2.11 and newer never put a sidecar into
// their own, and a load tester without one does not see the split of the traffic.
const (
	PublicLoadTester    = "flagger-loadtester"
	publicLoadTesterURL = "http://" + PublicLoadTester + "." + PublicLoadTester + "/"
)

// Prepare makes the objects that the clusters of the installation share.
func (s *Installation) Prepare() {
	if s.NamespaceObjects != nil {
		return
	}
	for _, ns := range s.Namespaces() {
		s.NamespaceObjects = append(s.NamespaceObjects, manifest.Rendered{Object: ns, Origin: s.Flagger.Origin})
	}
	if s.LoadTester != nil {
		s.NamespaceObjects = append(s.NamespaceObjects, manifest.Rendered{Object: manifest.NewNamespace(PublicLoadTester, s.NamespaceMeta(nil)), Origin: s.LoadTester.Origin})
	}
	s.EarlyMeshes, s.MeshObjects = s.Meshes(), s.Objects()
	if len(s.MeshObjects) == 0 && s.LoadTester == nil {
		s.EarlyMeshes, s.MeshObjects = nil, s.EarlyMeshes // nothing needs them before
	}
}

// TesterWaits reports whether the pod of the public load tester is not started
// without a mesh that it joins and that is yet to be made.
func (s *Installation) TesterWaits() bool { return s.LoadTester != nil && len(s.EarlyMeshes) > 0 }

// Charts are the releases but for Flagger, and but for the load tester where it waits, with all repositories.
func (s *Installation) Charts(on *place.Target) []manifest.Rendered {
	var all []manifest.Rendered
	for _, r := range s.Releases() {
		all = append(all, r.Objects(on)...)
	}
	all = append(all, s.Flagger.Repository(on))
	if s.LoadTester != nil {
		all = append(all, s.LoadTester.Repository(on))
		if !s.TesterWaits() {
			all = append(all, s.LoadTester.HelmRelease(on))
		}
	}
	return all
}

// FlaggerRelease is Flagger on one cluster, whose name it is told to show in alerts. A fleet may set its own.
func (s *Installation) FlaggerRelease(on *place.Target) manifest.Rendered {
	release := *s.Flagger
	release.Chart.Values = settings.MergeValues(map[string]any{"clusterName": on.Name}, release.Chart.Values)
	return release.HelmRelease(on)
}

// OwnedNamespaces are those that infrastructure/ renders.
func (s *Installation) OwnedNamespaces() map[string]bool {
	owned := map[string]bool{}
	for _, ns := range s.NamespaceObjects {
		owned[ns.Metadata.Name] = true
	}
	return owned
}

// Versions returns the versions of what an installation brings.
func Versions(s *Installation) map[string]string {
	versions := map[string]string{}
	if s == nil {
		return versions
	}
	for _, r := range s.Releases() {
		versions[r.Name] = r.Chart.Version
	}
	versions["flagger"] = s.Flagger.Chart.Version
	if s.LoadTester != nil {
		versions["loadtester"] = s.LoadTester.Chart.Version
	}
	return versions
}

// FlaggerVersion is that of the fleet's Flagger. Of a range over several minor versions
// nobody knows it: then it is the newest.
func (s *Installation) FlaggerVersion() flagger.Version {
	v, ok := settings.ParseMinor(s.flaggerVersion())
	if !ok || v.Major != 1 {
		return flagger.Newest
	}
	return flagger.Version{Minor: v.Minor}
}

// flaggerVersion is the version of the image that runs, where the values name one, and else that
// of the chart (charts/flagger/templates/deployment.yaml, image.tag).
func (s *Installation) flaggerVersion() string {
	image, _ := s.Flagger.Chart.Values["image"].(map[string]any)
	if tag, _ := image["tag"].(string); tag != "" {
		if _, ok := settings.ParseMinor(tag); ok {
			return strings.TrimPrefix(tag, "v")
		}
	}
	return s.Flagger.Chart.Version
}
