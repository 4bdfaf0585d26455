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

// In topology hub, as in Kurator, the Flux of one management cluster, place.HostCluster, applies objects to all
// others. The hub holds the objects that Flux reads: sources, Flux Kustomizations, and HelmReleases with the
// kubeconfig of a cluster. Objects that only the other clusters need, such as Namespaces and Canaries, are
// applied to them by Kustomizations in sync.yaml, with a kubeconfig each.

// renderHub returns the directory of the hub, which contains the directories of all clusters.
func (a *assembler) renderHub() *tree.Cluster {
	own := &place.Target{Cluster: &place.Cluster{Name: place.HostCluster}}
	if i := slices.IndexFunc(a.targets, func(t *place.Target) bool { return !t.Remote }); i >= 0 {
		own = a.targets[i]
	}
	hub := a.forTarget(own, tree.NewSyncFile(a.Encoder, &a.Settings, layout.SyncFile))
	readme := a.NewReadme(layout.SourcesDir, sourcesReadme)
	hub.own = append(hub.own, readme)
	hub.sync.Add(tree.SyncStage{Name: layout.SourcesDir, Dir: readme})
	for variants := range a.VariantsByApplication() {
		hub.apps = append(hub.apps, a.sourceFiles(variants)...)
	}
	var spokes []string
	var dirs []*tree.Dir
	for _, target := range a.targets {
		if target == own {
			hub.addOwn()
			continue
		}
		t := a.forTarget(target, tree.NewSyncFile(a.Encoder, &a.Settings, layout.SyncDir+"/"+target.Name+"/"+layout.ClusterSyncFile))
		spokes = append(spokes, t.Name)
		t.addRemote()
		dirs = append(dirs, t.all()...)
	}
	cluster := tree.NewCluster(place.HostCluster, tree.NewLayout(append(dirs, hub.root(a.versions(hub.in))...)...))
	cluster.Spokes = spokes
	return cluster
}

// sourceFiles returns the sources of an application's variants for other clusters, even if none of these
// clusters is selected. Their namespace exists already, because it contains the Secrets with the kubeconfigs.
func (a *assembler) sourceFiles(variants []*place.Application) (dirs []*tree.Dir) {
	made := map[string]*tree.Dir{}
	for _, app := range variants {
		if app.Spec.Source.Existing != nil || !slices.ContainsFunc(app.Policies, func(p *place.Policy) bool { return p.Sound && p.Fleet != nil }) {
			continue
		}
		d, ok := made[app.SourceName]
		if !ok {
			d = a.NewShared(layout.SourcesDir, flux.NewSource(app))
			d.App = app.ID()
			made[app.SourceName] = d
			dirs = append(dirs, d)
		}
		if a.waves != nil {
			wave := a.firstWave(app)
			if ok {
				wave = min(wave, d.Wave)
			}
			d.Wave = wave
		}
	}
	return dirs
}

// firstWave returns the number of the first wave that needs the source of a variant, or 0.
func (a *assembler) firstWave(app *place.Application) int {
	first := len(a.waves.Names)
	for _, p := range app.Policies {
		for _, t := range p.Targets {
			if t.Remote {
				first = min(first, a.waves.Number(t.Name))
			}
		}
	}
	return first % len(a.waves.Names)
}

// sources returns the stage that applies the sources.
func (a *assembler) sources() api.NamespacedReference {
	return api.NamespacedReference{Name: layout.SourcesDir, Namespace: a.Settings.Source.Namespace}
}

// addRemote adds the directories of a remote cluster: those that the hub applies to it, and those that the hub
// applies to itself for it.
func (t *targetAssembler) addRemote() {
	own := t.fleetNamespace()
	namespaces := own
	if t.in != nil {
		namespaces = slices.Concat(t.in.NamespaceObjects, own)
		t.install(layout.GatewayAPIDir, true, t.gatewayCRDs()...)
	}
	t.install(layout.Infrastructure, false, namespaces...)
	if len(own) > 0 {
		t.namespaced = t.ready
	}
	if t.in != nil {
		t.install(layout.ReleasesDir, true, append(t.in.Charts(t.Target), t.in.FlaggerRelease(t.Target)...)...)
		t.install(layout.MeshesDir, false, t.in.EarlyMeshes...)
		if t.in.TesterWaits() {
			t.install(layout.LoadTesterDir, true, t.in.LoadTester.HelmRelease(t.Target))
		}
		t.install(layout.MeshDir, false, t.meshObjects()...)
		t.addShared()
	}
	if t.in != nil || len(t.ready) > 0 {
		t.own = append(t.own, t.sync.Dir())
	}
	t.own = append(t.own, t.NewReadme(layout.SyncDir+"/"+t.Name, syncReadme))
	t.addInventory(&tree.Dir{Path: layout.ClustersDir + "/" + t.Name}, rollout.Versions(t.in))
	for _, a := range t.Apps {
		t.addApp(a)
	}
}

// fleetNamespace returns the namespace of the fleet and its applications, unless another object of the cluster
// creates it: Helm stores releases there.
func (t *targetAssembler) fleetNamespace() []manifest.Rendered {
	if t.owned[t.Namespace] || manifest.AlwaysThere[t.Namespace] {
		return nil
	}
	return []manifest.Rendered{{Object: manifest.NewSharedNamespace(t.Namespace, t.injected[t.Namespace]), Origin: t.origin}}
}
