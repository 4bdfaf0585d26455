package render

import (
	"slices"

	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/tree"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Topology hub is Kurator's: the Flux of one management cluster, place.HostCluster,
// applies to all others. What Flux reads is on the hub: sources, Flux
// Kustomizations and HelmReleases, each of the latter with the kubeconfig of one
// cluster. What only the others need, such as Namespaces and Canaries, is applied
// to them by Kustomizations in sync.yaml with a kubeconfig of their own.

// renderHub makes the directory of the hub, which holds those of all clusters.
func (a *assembler) renderHub() *tree.Cluster {
	sync := tree.NewSyncFile(a.Encoder, &a.Settings)
	versions := a.versions(nil)
	var spokes []string
	var sources []api.NamespacedReference
	if objects := a.remoteSources(); len(objects) > 0 {
		stage := tree.SyncStage{Name: layout.SourcesDir, Dir: a.NewDir(layout.SourcesDir, objects...)}
		sources = append(sources, sync.Add(stage))
	}
	for _, t := range a.targets {
		s := a.newSite(t, sync)
		if !t.Remote {
			s.addOwn()
			continue
		}
		spokes = append(spokes, t.Name)
		s.addRemote(sources)
		for name, version := range rollout.Versions(s.in) {
			versions[t.Name+"/"+name] = version
		}
	}
	hub := tree.NewCluster(place.HostCluster, tree.NewLayout(sync, versions))
	hub.Spokes = spokes
	return hub
}

// remoteSources returns the sources of the applications that go to other clusters. Their
// namespaces are there: the Secrets with the kubeconfigs are in them.
func (a *assembler) remoteSources() (objects []manifest.Rendered) {
	remote := map[*place.Application]bool{}
	for _, t := range a.targets {
		for _, app := range t.Apps {
			remote[app.Application] = remote[app.Application] || t.Remote
		}
	}
	for _, app := range a.Applications {
		if remote[app] {
			objects = append(objects, flux.NewSource(app))
		}
	}
	return objects
}

// addRemote adds the directories of a cluster that the hub applies to, or applies
// itself for it. The sources must be there before.
func (s *site) addRemote(sources []api.NamespacedReference) {
	s.install(layout.Infrastructure, false, s.remoteNamespaces()...)
	if s.in != nil {
		s.install(layout.ReleasesDir, true, append(s.in.Charts(s.Target), s.in.FlaggerRelease(s.Target))...)
		s.install(layout.MeshesDir, false, s.in.EarlyMeshes...)
		if s.in.TesterWaits() {
			s.install(layout.LoadTesterDir, true, s.in.LoadTester.HelmRelease(s.Target))
		}
		s.install(layout.MeshDir, false, s.meshObjects()...)
	}
	for _, a := range s.Apps {
		v := &variant{s.appDir(a, "apps", true, s.policyObjects(a)), s.rolloutDir(a, s.newAlertProviders(a))}
		s.addApp(a, v, slices.Concat(sources, s.ready))
	}
}

// remoteNamespaces returns all namespaces that a cluster of a hub is given: Flux applies them
// before it installs or applies anything else there.
func (s *site) remoteNamespaces() (all []manifest.Rendered) {
	if s.in != nil {
		all = slices.Clone(s.in.NamespaceObjects)
	}
	seen := map[string]bool{}
	for _, a := range s.Apps {
		for _, ns := range s.appNamespaces(a) {
			if !seen[ns.Metadata.Name] {
				seen[ns.Metadata.Name] = true
				all = append(all, ns)
			}
		}
	}
	return all
}
