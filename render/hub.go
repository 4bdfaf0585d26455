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
func (b *assembler) renderHub() *tree.Cluster {
	var dirs []*tree.Dir
	sync := tree.NewSyncFile(b.Encoder, b.settings, place.HostCluster)
	versions := b.inventoryVersions(nil)
	var spokes []string
	var sources []api.NamespacedReference
	if objects := b.remoteSources(); len(objects) > 0 {
		d := b.NewDir(layout.SourcesDir, objects...)
		dirs = append(dirs, d)
		sources = append(sources, sync.Add(tree.SyncStage{Name: layout.SourcesDir, Dir: d}))
	}
	for _, t := range b.targets {
		if !t.Remote {
			dirs = append(dirs, b.ownDirs(t, sync)...)
			continue
		}
		spokes = append(spokes, t.Name)
		dirs = append(dirs, b.spokeDirs(t, sync, sources)...)
		for name, version := range rollout.Versions(b.installation(t)) {
			versions[t.Name+"/"+name] = version
		}
	}
	hub := tree.NewCluster(place.HostCluster, sync.Root, b.layout(dirs, sync, versions))
	hub.Spokes = spokes
	return hub
}

// remoteSources returns the sources of the applications that go to other clusters. Their
// namespaces are there: the Secrets with the kubeconfigs are in them.
func (b *assembler) remoteSources() (objects []manifest.Rendered) {
	remote := map[*place.Application]bool{}
	for _, t := range b.targets {
		for _, a := range t.Apps {
			remote[a.Application] = remote[a.Application] || t.Remote
		}
	}
	for _, a := range b.applications {
		if remote[a] {
			objects = append(objects, flux.NewSource(a))
		}
	}
	return objects
}

// spokeDirs returns the directories of a cluster that the hub applies to, or applies
// itself for it. The sources must be there before.
func (b *assembler) spokeDirs(t *place.Target, sync *tree.SyncFile, sources []api.NamespacedReference) []*tree.Dir {
	var dirs []*tree.Dir
	root := "clusters/" + t.Name
	add := func(name string, d *tree.Dir, at manifest.Origin, wait, onHub bool, after ...api.NamespacedReference) api.NamespacedReference {
		stage := tree.SyncStage{Name: t.ObjectName(name), At: at, Wait: wait, After: after}
		stage.Dir = d.Under(root)
		if !onHub {
			stage.Dir.Spoke, stage.Dir.Cluster = t, t.Name
		}
		dirs = append(dirs, stage.Dir)
		return sync.Add(stage)
	}
	at := manifest.Origin{Doc: t.Doc}
	injected, _ := b.injectedNamespaces(t)
	var ready []api.NamespacedReference
	then := func(name string, d *tree.Dir, onHub bool) {
		if d != nil {
			ready = []api.NamespacedReference{add(name, d, at, true, onHub, ready...)}
		}
	}
	installation := b.installation(t)
	if installation != nil {
		at = installation.Flagger.Origin
		installation.Prepare()
	}
	if spaces := b.spokeNamespaces(t, injected); len(spaces) > 0 {
		then(layout.Infrastructure, b.NewDir(layout.Infrastructure, spaces...), false)
	}
	if installation != nil {
		then(layout.ReleasesDir, b.NewDir(layout.ReleasesDir, append(installation.Charts(t), installation.FlaggerRelease(t))...), true)
		then(layout.MeshesDir, b.meshesDir(installation), false)
		if installation.TesterWaits() {
			then(layout.LoadTesterDir, b.NewDir(layout.LoadTesterDir, installation.LoadTester.HelmRelease(t)), true)
		}
		then(layout.MeshDir, b.meshDir(installation, t, injected), false)
	}
	for _, a := range t.Apps {
		of := manifest.Origin{Doc: a.Doc}
		after := append(slices.Clip(sources), ready...)
		app := add(layout.AppPrefix+a.ID(), b.newAppDir(a, "apps", b.policyObjects(a, t, injected)...), of, flux.CanWait(a), true, after...)
		if d := b.variant(a, t, injected).rollout; d != nil {
			add(layout.RolloutPrefix+a.ID(), d, of, false, false, app)
		}
	}
	return dirs
}

// spokeNamespaces returns all namespaces that a cluster of a hub is given: Flux applies them
// before it installs or applies anything else there.
func (b *assembler) spokeNamespaces(t *place.Target, injected map[string]manifest.NamespaceMeta) []manifest.Rendered {
	var all []manifest.Rendered
	if installation := b.installation(t); installation != nil {
		all = slices.Clone(installation.NamespaceObjects)
	}
	seen := map[string]bool{}
	for _, a := range t.Apps {
		for _, ns := range b.appNamespaces(a, t, injected) {
			if !seen[ns.Metadata.Name] {
				seen[ns.Metadata.Name] = true
				all = append(all, ns)
			}
		}
	}
	return all
}
