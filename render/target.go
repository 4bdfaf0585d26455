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

// A targetAssembler creates the directories of a target. The target's own directories depend only on its fleet,
// and an application's only on the application and the fleet, so that branches of two applications merge in Git.
type targetAssembler struct {
	*assembler
	*place.Target
	// sync holds the stages of the installation.
	sync *tree.SyncFile
	// in is the installation of the target, or nil. origin is the origin of the installation, or else of the
	// target.
	in     *rollout.Installation
	origin manifest.Origin
	// injected holds the metadata that namespaces of workloads need.
	injected map[string]manifest.NamespaceMeta
	// owned holds the namespaces that the installation renders.
	owned map[string]bool
	// ready is the last stage of the installation, sharedStage the stage of shared objects, and gatewaysStage
	// the stage that waits for Gateways, if any.
	ready                      []api.NamespacedReference
	sharedStage, gatewaysStage api.NamespacedReference
	// readyName is the name of the last stage of the installation, without the cluster's name that a hub adds.
	readyName string
	// namespaced is the stage that creates the namespaces of the fleet on a cluster of a hub, if any.
	namespaced []api.NamespacedReference
	// own holds the directories of the target, apps those of applications, and shared those that several
	// applications use.
	own, apps []*tree.Dir
	shared    map[*tree.Dir]bool
}

// forTarget returns the assembler of a target, whose stages go into sync.
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

// addShared adds the directory of shared objects and the stage that applies it. If the fleets have Gateways, it
// adds another stage that waits for them.
func (t *targetAssembler) addShared() {
	d := t.to(false, t.NewReadme(t.below(layout.SharedDir), sharedReadme))
	t.own = append(t.own, d)
	t.sharedStage = t.sync.Add(t.stage(tree.SyncStage{Name: layout.SharedDir, Dir: d, At: t.origin, Wait: true, After: t.ready}))
	t.noteStage(layout.SharedDir)
	if len(t.in.Gateways) > 0 {
		d := t.to(false, t.NewReadme(t.below(layout.GatewaysDir), gatewaysReadme))
		t.own = append(t.own, d)
		t.gatewaysStage = t.sync.Add(t.stage(tree.SyncStage{Name: layout.GatewaysDir, Dir: d, At: t.origin, Gateways: t.in.Gateways, After: t.ready}))
		t.noteStage(layout.GatewaysDir)
	}
}

// gatewayCRDs returns the objects with which Flux applies the CRDs of Gateway API.
func (t *targetAssembler) gatewayCRDs() []manifest.Rendered {
	if t.in.GatewayCRDs == nil {
		return nil
	}
	return t.in.GatewayCRDs.Objects(&t.Settings, t.Target)
}

// root returns all directories of a cluster. It adds the files that never change, and the inventory of the
// target's own directories.
func (t *targetAssembler) root(versions map[string]string) []*tree.Dir {
	readme := t.NewReadme(layout.SyncDir, syncReadme)
	t.sync.Add(tree.SyncStage{Name: layout.SyncDir, Dir: readme})
	t.own = append(t.own, t.sync.RootDir(t.source), readme)
	t.addInventory(&tree.Dir{}, versions)
	return t.all()
}

// The READMEs of the directories whose YAML files Flux applies without a kustomization.yaml.
const (
	syncReadme    = "The Flux Kustomizations of the applications, one file for each. Flux applies every YAML file in this directory.\n"
	sourcesReadme = "The sources of the applications, one file for each. Flux applies every YAML file in this directory.\n"
	sharedReadme  = "Objects that several applications may use. Flux applies every YAML file in this directory.\n"

	gatewaysReadme = "This directory contains no objects. Its Flux Kustomization waits until the Gateways are programmed.\n"
)

// addInventory adds the inventory of the target's own directories to a directory.
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

// all returns all directories.
func (t *targetAssembler) all() []*tree.Dir {
	return slices.Concat(t.own, t.apps, slices.Collect(maps.Keys(t.shared)))
}

// below returns a path within the target, which on a hub is below the cluster's directory.
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

// to marks a directory that a hub applies to the target, unless onHub.
func (t *targetAssembler) to(onHub bool, d *tree.Dir) *tree.Dir {
	if t.Remote && !onHub {
		d.Cluster = t.Name
	}
	return d
}

// stage adapts a stage to the target.
func (t *targetAssembler) stage(stage tree.SyncStage) tree.SyncStage {
	stage.Name = t.ObjectName(stage.Name)
	if stage.Dir.Cluster != "" {
		stage.Spoke = t.Target
	}
	return stage
}

// install adds a directory that is applied when the stages before it are ready, unless it is empty.
func (t *targetAssembler) install(name string, onHub bool, objects ...manifest.Rendered) {
	if len(objects) > 0 {
		d := t.to(onHub, t.NewDir(t.below(name), objects...))
		t.own = append(t.own, d)
		stage := tree.SyncStage{Name: name, Dir: d, At: t.origin, Wait: true, After: t.ready}
		if name == layout.MeshDir {
			stage.Gateways = t.in.OwnGateways
		}
		t.ready = []api.NamespacedReference{t.sync.Add(t.stage(stage))}
		t.noteStage(name, objects...)
		t.readyName = name
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

// noteStage records that a stage with some objects comes before the applications and after the last stage of the
// installation.
func (t *targetAssembler) noteStage(name string, objects ...manifest.Rendered) {
	key := stagesKey{t.Platform, t.Remote}
	if slices.ContainsFunc(t.stages[key], func(s renderedStage) bool { return s.name == name }) {
		return
	}
	t.stages[key] = append(t.stages[key], renderedStage{name, t.readyName, t.Target, objects})
}

// addApp adds the directories of an application.
func (t *targetAssembler) addApp(a place.TargetApp) {
	v := t.variant(a)
	t.apps = append(t.apps, v.dirs...)
	for _, d := range v.shared {
		t.shared[d] = true
	}
}

// A variant holds the directories of an application on some targets.
type variant struct {
	// dirs holds the application's own directories, and shared those that others may also use.
	dirs, shared []*tree.Dir
}

// variant returns the directories of an application on a target, created once for all targets with the same
// content.
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

// newVariant creates the directories of an application, and the Flux Kustomizations that apply them.
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
	var names []string
	waitFor := func(name string, stages ...api.NamespacedReference) {
		after = append(after, stages...)
		if len(stages) > 0 {
			names = append(names, name)
		}
	}
	if t.Remote {
		waitFor(layout.SourcesDir, t.sources())
	}
	// Only the installation knows the kinds of rollouts, and some pods must not start before their sidecars can
	// be injected.
	if len(rollouts) > 0 || len(t.injectedBy(a, t.Target, t.injected)) > 0 {
		waitFor(t.readyName, t.ready...)
	} else {
		waitFor(layout.Infrastructure, t.namespaced...)
	}
	var isLabelled bool
	if v.shared, isLabelled = t.sharedBy(a); isLabelled {
		waitFor(layout.SharedDir, t.sharedStage)
	}
	if t.waitsForGateways(a) {
		waitFor(layout.GatewaysDir, t.gatewaysStage)
	}
	t.waits[contentKey(t.Platform, a)] = names
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
		// The stage has no wait, because an analysis takes longer than any timeout.
		d := t.to(false, t.NewDir(t.below(layout.RolloutsDir+"/"+a.DirName()), rollouts...))
		add(d, tree.SyncStage{Name: layout.RolloutPrefix + a.ID(), After: []api.NamespacedReference{ready}})
	}
	file := sync.Dir()
	file.App = a.ID()
	v.dirs = append(v.dirs, file)
	d.AddInventory(nil, nil, v.dirs...)
	return v
}

// waitsForGateways reports whether rollouts of an application may need Gateways for which a stage waits.
func (t *targetAssembler) waitsForGateways(a place.TargetApp) bool {
	return t.in != nil && len(t.in.Gateways) > 0 &&
		slices.ContainsFunc(t.rolloutsOf(a, t.Target), func(r *rollout.Rollout) bool { return r.Provider() == flagger.GatewayAPI })
}

// sharedBy returns the files that an application shares with others: AlertProviders, with their namespaces if
// the application creates them, and the labelled namespaces of its rollouts that exist on every cluster. It
// reports whether there is a namespace of the latter kind.
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

// share returns a directory that several applications use on the target, created once.
func (t *targetAssembler) share(key string, make func() *tree.Dir) *tree.Dir {
	key = t.below(key)
	d, ok := t.assembler.shared[key]
	if !ok {
		d = make()
		t.assembler.shared[key] = d
	}
	return d
}

// appNamespaces returns the namespaces that the application needs and that no other object creates.
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

// rolloutObjects returns the objects of the application's rollouts, without the shared ones.
func (t *targetAssembler) rolloutObjects(a place.TargetApp) (objects []manifest.Rendered) {
	for _, r := range t.rolloutsOf(a, t.Target) {
		objects = append(objects, r.Objects()...)
	}
	return objects
}
