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
		s := a.forTarget(t, sync)
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
func (t *targetAssembler) addRemote(sources []api.NamespacedReference) {
	t.install(layout.Infrastructure, false, t.remoteNamespaces()...)
	if t.in != nil {
		t.install(layout.ReleasesDir, true, append(t.in.Charts(t.Target), t.in.FlaggerRelease(t.Target))...)
		t.install(layout.MeshesDir, false, t.in.EarlyMeshes...)
		if t.in.TesterWaits() {
			t.install(layout.LoadTesterDir, true, t.in.LoadTester.HelmRelease(t.Target))
		}
		t.install(layout.MeshDir, false, t.meshObjects()...)
	}
	for _, a := range t.Apps {
		v := &variant{t.appDir(a, "apps", true, t.policyObjects(a)), t.rolloutDir(a, t.newAlertProviders(a))}
		t.addApp(a, v, slices.Concat(sources, t.ready))
	}
}

// remoteNamespaces returns all namespaces that a cluster of a hub is given: Flux applies them
// before it installs or applies anything else there.
func (t *targetAssembler) remoteNamespaces() (all []manifest.Rendered) {
	if t.in != nil {
		all = slices.Clone(t.in.NamespaceObjects)
	}
	seen := map[string]bool{}
	for _, a := range t.Apps {
		for _, ns := range t.appNamespaces(a) {
			if !seen[ns.Metadata.Name] {
				seen[ns.Metadata.Name] = true
				all = append(all, ns)
			}
		}
	}
	return all
}
