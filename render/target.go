package render

import (
	"fmt"
	"maps"
	"slices"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/tree"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A targetAssembler makes the directories of a target. What is of the target follows from its fleet
// alone, and what is of an application from that, so that branches of two applications merge in Git.
type targetAssembler struct {
	*assembler
	*place.Target
	// sync has the stages of what is installed.
	sync *tree.SyncFile
	// in is what the target has installed, or nil, and origin where that comes from, or else
	// the target.
	in     *rollout.Installation
	origin manifest.Origin
	// injected are the namespaces that must carry something.
	injected map[string]manifest.NamespaceMeta
	// owned are the namespaces that come with what is installed.
	owned map[string]bool
	// ready is the last stage of what is installed, sharedStage that of what applications share, and
	// gatewaysStage the one that waits for Gateways, if any.
	ready                      []api.NamespacedReference
	sharedStage, gatewaysStage api.NamespacedReference
	// namespaced is the stage that brings the namespaces of the fleet to a cluster of a hub, if any.
	namespaced []api.NamespacedReference
	// own are the directories of the target, apps those of applications, and shared what several
	// of these use.
	own, apps []*tree.Dir
	shared    map[*tree.Dir]bool
}

// forTarget returns the assembler of a target, whose own directories are applied by a file.
func (a *assembler) forTarget(target *place.Target, sync *tree.SyncFile) *targetAssembler {
	t := &targetAssembler{
		assembler: a, Target: target, sync: sync, in: a.installation(target),
		origin: manifest.Origin{Doc: target.Doc}, shared: map[*tree.Dir]bool{},
	}
	t.injected, _ = a.injectedNamespaces(target)
	if t.in != nil {
		t.in.Prepare()
		t.owned = t.in.OwnedNamespaces()
		t.origin = t.in.Origin
	}
	return t
}

// addOwn adds the directories that the Flux of the cluster itself applies.
func (t *targetAssembler) addOwn() {
	if t.in != nil {
		t.install(layout.GatewayAPIDir, false, t.gatewayCRDs()...)
		t.install(layout.Infrastructure, false, t.ownInfrastructure(t.in, t.Target)...)
		t.install(layout.MeshesDir, false, t.in.EarlyMeshes...)
		t.install(layout.MeshDir, false, t.meshObjects()...)
		t.addShared()
	}
	for _, a := range t.Apps {
		t.addApp(a)
	}
}

// addShared adds the directory of what several applications may use, and the stage that applies it. Where the
// fleets have Gateways, another stage waits for them.
func (t *targetAssembler) addShared() {
	d := t.to(false, t.NewReadme(t.below(layout.SharedDir), sharedReadme))
	t.own = append(t.own, d)
	t.sharedStage = t.sync.Add(t.stage(tree.SyncStage{Name: layout.SharedDir, Dir: d, At: t.origin, Wait: true, After: t.ready}))
	if len(t.in.Gateways) > 0 {
		d := t.to(false, t.NewReadme(t.below(layout.GatewaysDir), gatewaysReadme))
		t.own = append(t.own, d)
		t.gatewaysStage = t.sync.Add(t.stage(tree.SyncStage{Name: layout.GatewaysDir, Dir: d, At: t.origin, Gateways: t.in.Gateways, After: t.ready}))
	}
}

// gatewayCRDs returns what has Flux apply the CRDs of Gateway API.
func (t *targetAssembler) gatewayCRDs() []manifest.Rendered {
	if t.in.GatewayCRDs == nil {
		return nil
	}
	return t.in.GatewayCRDs.Objects(&t.Settings, t.Target)
}

// root returns all directories of a cluster, of which it adds those that never change, and the
// inventory of its own.
func (t *targetAssembler) root(versions map[string]string) []*tree.Dir {
	readme := t.NewReadme(layout.SyncDir, syncReadme)
	t.sync.Add(tree.SyncStage{Name: layout.SyncDir, Dir: readme})
	t.own = append(t.own, t.sync.RootDir(t.source), readme)
	t.addInventory(&tree.Dir{}, versions)
	return t.all()
}

// What people read in directories that Flux lists itself.
const (
	syncReadme    = "The Flux Kustomizations of the applications, one file for each. Flux applies every YAML file in this directory.\n"
	sourcesReadme = "The sources of the applications, one file for each. Flux applies every YAML file in this directory.\n"
	sharedReadme  = "Objects that several applications may use. Flux applies every YAML file in this directory.\n"

	gatewaysReadme = "Flux applies nothing here: its Kustomization waits until Gateways are programmed.\n"
)

// addInventory adds a directory with the inventory of the target's own.
func (t *targetAssembler) addInventory(d *tree.Dir, versions map[string]string) {
	var patterns []string
	if t.in != nil {
		for _, pattern := range layout.SharedFiles() {
			patterns = append(patterns, t.below(pattern))
		}
	}
	if t.Settings.Hub && !t.Remote {
		patterns = append(patterns, layout.SourceFiles()...)
	}
	d.AddInventory(versions, patterns, t.own...)
	t.own = append(t.own, d)
}

// all returns the directories that were added.
func (t *targetAssembler) all() []*tree.Dir {
	return slices.Concat(t.own, t.apps, slices.Collect(maps.Keys(t.shared)))
}

// below returns the path of something of the target, which a hub has below the target's own.
func (t *targetAssembler) below(at string) string {
	if t.Remote {
		return layout.ClustersDir + "/" + t.Name + "/" + at
	}
	return at
}

// syncPath returns the path of a file in sync/, which on a hub has a directory for each cluster.
func (t *targetAssembler) syncPath(name string) string {
	if t.Remote {
		name = t.Name + "/" + name
	}
	return layout.SyncDir + "/" + name
}

// to returns a directory as one that a hub applies to the target, unless onHub.
func (t *targetAssembler) to(onHub bool, d *tree.Dir) *tree.Dir {
	if t.Remote && !onHub {
		d.Cluster = t.Name
	}
	return d
}

// stage returns a stage as one of the target.
func (t *targetAssembler) stage(stage tree.SyncStage) tree.SyncStage {
	stage.Name = t.ObjectName(stage.Name)
	if stage.Dir.Cluster != "" {
		stage.Spoke = t.Target
	}
	return stage
}

// install adds a directory that is applied when what was installed before is ready, unless the
// directory is empty.
func (t *targetAssembler) install(name string, onHub bool, objects ...manifest.Rendered) {
	if len(objects) > 0 {
		d := t.to(onHub, t.NewDir(t.below(name), objects...))
		t.own = append(t.own, d)
		stage := tree.SyncStage{Name: name, Dir: d, At: t.origin, Wait: true, After: t.ready}
		if name == layout.MeshDir {
			stage.Gateways = t.in.OwnGateways
		}
		t.ready = []api.NamespacedReference{t.sync.Add(t.stage(stage))}
	}
}

// meshObjects returns the objects of mesh/.
func (t *targetAssembler) meshObjects() []manifest.Rendered {
	objects := slices.Clip(t.in.MeshObjects)
	if t.in.TesterWaits() && !t.Remote {
		objects = append(objects, t.in.LoadTester.HelmRelease(t.Target))
	}
	return objects
}

// addApp adds the directories of an application.
func (t *targetAssembler) addApp(a place.TargetApp) {
	v := t.variant(a)
	t.apps = append(t.apps, v.dirs...)
	for _, d := range v.shared {
		t.shared[d] = true
	}
}

// A variant is what targets get of an application.
type variant struct {
	// dirs are the application's own, and shared what others may use as well.
	dirs, shared []*tree.Dir
}

// variant returns what a target gets of an application, made once for all targets that
// get the same.
func (t *targetAssembler) variant(a place.TargetApp) *variant {
	key := fmt.Sprint(contentKey(t.Platform, a), t.injectedBy(a, t.Target, t.injected))
	if t.Remote {
		key = fmt.Sprint(t.Namespace, "/", t.Name, " ", key)
	}
	v, ok := t.variants[key]
	if !ok {
		v = t.newVariant(a)
		t.variants[key] = v
	}
	return v
}

// newVariant makes the directories of an application, and the Flux Kustomizations that apply them.
func (t *targetAssembler) newVariant(a place.TargetApp) *variant {
	v := &variant{}
	sync := tree.NewSyncFile(t.Encoder, &t.Settings, t.syncPath(a.DirName()+".yaml"))
	at := manifest.Origin{Doc: a.Doc}
	add := func(d *tree.Dir, stage tree.SyncStage) api.NamespacedReference {
		d.App = a.ID()
		v.dirs = append(v.dirs, d)
		stage.Dir, stage.At = d, at
		return sync.Add(t.stage(stage))
	}
	rollouts := t.rolloutObjects(a)
	var after []api.NamespacedReference
	if t.Remote {
		after = append(after, t.sources())
	}
	// The rollouts are the installation's to know, and some pods must not start before their
	// sidecars can be injected.
	if len(rollouts) > 0 || len(t.injectedBy(a, t.Target, t.injected)) > 0 {
		after = append(after, t.ready...)
	} else {
		after = append(after, t.namespaced...)
	}
	var isLabelled bool
	if v.shared, isLabelled = t.sharedBy(a); isLabelled {
		after = append(after, t.sharedStage)
	}
	if t.waitsForGateways(a) {
		after = append(after, t.gatewaysStage)
	}
	objects := t.appNamespaces(a)
	if !t.Remote {
		if a.Spec.Source.Existing == nil {
			objects = append(objects, flux.NewSource(a.Application))
		}
	} else if len(objects) > 0 {
		d := t.to(false, t.NewListed(t.below(layout.NamespacesDir+"/"+a.DirName()), objects...))
		after = append(after, add(d, tree.SyncStage{Name: layout.NamespacesPrefix + a.ID(), Wait: true}))
		objects = nil
	}
	d := t.to(true, t.NewDir(t.below(layout.AppsDir+"/"+a.DirName()), append(objects, t.policyObjects(a)...)...))
	ready := add(d, tree.SyncStage{Name: layout.AppPrefix + a.ID(), Wait: flux.CanWait(a), After: after})
	if len(rollouts) > 0 {
		// It does not wait: an analysis takes longer than any timeout.
		d := t.to(false, t.NewDir(t.below(layout.RolloutsDir+"/"+a.DirName()), rollouts...))
		add(d, tree.SyncStage{Name: layout.RolloutPrefix + a.ID(), After: []api.NamespacedReference{ready}})
	}
	file := sync.Dir()
	file.App = a.ID()
	v.dirs = append(v.dirs, file)
	d.AddInventory(nil, nil, v.dirs...)
	return v
}

// waitsForGateways reports whether rollouts of an application may need Gateways that a stage waits for.
func (t *targetAssembler) waitsForGateways(a place.TargetApp) bool {
	return t.in != nil && len(t.in.Gateways) > 0 &&
		slices.ContainsFunc(t.rolloutsOf(a, t.Target), func(r *rollout.Rollout) bool { return r.Provider() == flagger.GatewayAPI })
}

// sharedBy returns the files of what an application uses and others may use as well: AlertProviders,
// with their namespaces where the application brings these, and the namespaces that every cluster
// has and that its rollouts are in. It reports whether there are any of the latter.
func (t *targetAssembler) sharedBy(a place.TargetApp) (dirs []*tree.Dir, isLabelled bool) {
	add := func(key string, make func() manifest.Rendered) {
		d := t.share(key, func() *tree.Dir { return t.to(false, t.NewShared(t.below(layout.SharedDir), make())) })
		if !slices.Contains(dirs, d) {
			dirs = append(dirs, d)
		}
	}
	injected := t.injectedBy(a, t.Target, t.injected)
	for _, ns := range slices.Sorted(maps.Keys(injected)) {
		if meta := injected[ns]; manifest.AlwaysThere[ns] {
			isLabelled = true
			add(fmt.Sprint(ns, meta), func() manifest.Rendered {
				return manifest.Rendered{Object: manifest.NewNamespace(ns, meta), Origin: t.in.Origin}
			})
		}
	}
	brought := t.appNamespaces(a)
	for _, r := range t.rolloutsOf(a, t.Target) {
		for _, p := range r.AlertProviders() {
			add(p.Namespace+"/"+p.Name, func() manifest.Rendered { return alertProvider(p) })
			for _, ns := range brought {
				if ns.Metadata.Name == p.Namespace {
					add(fmt.Sprint(p.Namespace, t.injected[p.Namespace]), func() manifest.Rendered { return ns })
				}
			}
		}
	}
	return dirs, isLabelled
}

// share returns what several applications use on the target, made once.
func (t *targetAssembler) share(key string, make func() *tree.Dir) *tree.Dir {
	key = t.below(key)
	d, ok := t.assembler.shared[key]
	if !ok {
		d = make()
		t.assembler.shared[key] = d
	}
	return d
}

// appNamespaces returns the namespaces that the application needs and nothing else brings.
func (t *targetAssembler) appNamespaces(a place.TargetApp) (objects []manifest.Rendered) {
	for _, ns := range t.namespaces(a, t.Target) {
		brought := ns == t.Settings.Source.Namespace
		if t.Remote {
			brought = ns == t.Namespace
		}
		if t.owned[ns] || brought || manifest.AlwaysThere[ns] {
			continue
		}
		objects = append(objects, manifest.Rendered{Object: manifest.NewSharedNamespace(ns, t.injected[ns]), Origin: manifest.Origin{Doc: a.Doc}})
	}
	return objects
}

// policyObjects returns the Flux Kustomizations and HelmReleases of the application.
func (t *targetAssembler) policyObjects(a place.TargetApp) (objects []manifest.Rendered) {
	own := t.injectedBy(a, t.Target, t.injected)
	for _, p := range a.Policies {
		make := flux.NewKustomization
		if p.Helm != nil {
			make = flux.NewHelmRelease
		}
		objects = append(objects, make(p, t.Target, flux.Patches(p, own, t.service(p, t.Target))))
	}
	return objects
}

// rolloutObjects returns the objects of the application's rollouts but what others may use as well.
func (t *targetAssembler) rolloutObjects(a place.TargetApp) (objects []manifest.Rendered) {
	for _, r := range t.rolloutsOf(a, t.Target) {
		objects = append(objects, r.Objects()...)
	}
	return objects
}
