package render

import (
	"fmt"
	"maps"
	"slices"

	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/tree"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A targetAssembler makes the directories of a target.
type targetAssembler struct {
	*assembler
	*place.Target
	sync *tree.SyncFile
	// in is what the target has installed, or nil, and origin where that comes from, or else
	// the target.
	in     *rollout.Installation
	origin manifest.Origin
	// injected are the namespaces that must carry something.
	injected map[string]manifest.NamespaceMeta
	// owned are the namespaces that come with what is installed.
	owned map[string]bool
	// ready is the last stage of what is installed.
	ready []api.NamespacedReference
	// alerts are the AlertProviders that applications have brought.
	alerts map[*place.AlertProvider]bool
}

// forTarget returns the assembler of a target, whose directories are applied by a sync.yaml.
func (a *assembler) forTarget(target *place.Target, sync *tree.SyncFile) *targetAssembler {
	t := &targetAssembler{
		assembler: a, Target: target, sync: sync, in: a.installation(target),
		origin: manifest.Origin{Doc: target.Doc}, alerts: map[*place.AlertProvider]bool{},
	}
	t.injected, _ = a.injectedNamespaces(target)
	if t.in != nil {
		t.in.Prepare()
		t.owned = t.in.OwnedNamespaces()
		t.origin = t.in.Flagger.Origin
	}
	return t
}

// addOwn adds the directories that the Flux of the cluster itself applies.
func (t *targetAssembler) addOwn() {
	if t.in != nil {
		t.install(layout.Infrastructure, false, t.ownInfrastructure(t.in, t.Target)...)
		t.install(layout.MeshesDir, false, t.in.EarlyMeshes...)
		t.install(layout.MeshDir, false, t.meshObjects()...)
	}
	for _, a := range t.Apps {
		v := t.variant(a)
		var after []api.NamespacedReference
		// Its rollouts are the installation's to know, and some pods must not start before
		// their sidecars can be injected.
		if v.rollout != nil || len(t.injectedBy(a)) > 0 {
			after = t.ready
		}
		t.addApp(a, v, after)
	}
}

// dir makes a directory of the target. On a hub it is below the target's, and the hub applies it
// itself or to the target.
func (t *targetAssembler) dir(at string, onHub bool, objects ...manifest.Rendered) *tree.Dir {
	if !t.Remote {
		return t.NewDir(at, objects...)
	}
	d := t.NewDir("clusters/"+t.Name+"/"+at, objects...)
	if !onHub {
		d.Cluster = t.Name
	}
	return d
}

// add has Flux apply a directory.
func (t *targetAssembler) add(stage tree.SyncStage) api.NamespacedReference {
	stage.Name = t.ObjectName(stage.Name)
	if stage.Dir.Cluster != "" {
		stage.Spoke = t.Target
	}
	return t.sync.Add(stage)
}

// install adds a directory that is applied when what was installed before is ready, unless the
// directory is empty.
func (t *targetAssembler) install(name string, onHub bool, objects ...manifest.Rendered) {
	if len(objects) > 0 {
		stage := tree.SyncStage{Name: name, Dir: t.dir(name, onHub, objects...), At: t.origin, Wait: true, After: t.ready}
		t.ready = []api.NamespacedReference{t.add(stage)}
	}
}

// addApp adds the directories of an application.
func (t *targetAssembler) addApp(a place.TargetApp, v *variant, after []api.NamespacedReference) {
	at := manifest.Origin{Doc: a.Doc}
	app := t.add(tree.SyncStage{Name: layout.AppPrefix + a.ID(), Dir: v.app, At: at, Wait: flux.CanWait(a), After: after})
	if v.rollout != nil {
		// It does not wait: an analysis takes longer than any timeout.
		t.add(tree.SyncStage{Name: layout.RolloutPrefix + a.ID(), Dir: v.rollout, At: at, After: []api.NamespacedReference{app}})
	}
}

// meshObjects returns the objects of mesh/: what all clusters share, and the namespaces of
// rolled out workloads that every cluster has. No application brings these, and
// several may use one.
func (t *targetAssembler) meshObjects() []manifest.Rendered {
	objects := slices.Clip(t.in.MeshObjects)
	if t.in.TesterWaits() && !t.Remote {
		objects = append(objects, t.in.LoadTester.HelmRelease(t.Target))
	}
	for _, ns := range slices.Sorted(maps.Keys(t.injected)) {
		if manifest.AlwaysThere[ns] {
			objects = append(objects, manifest.Rendered{Object: manifest.NewNamespace(ns, t.injected[ns]), Origin: t.in.Flagger.Origin})
		}
	}
	return objects
}

// A variant is the directories of an application.
type variant struct {
	app *tree.Dir
	// rollout is nil where the application has none.
	rollout *tree.Dir
}

// variant returns what a target gets of an application, made once for all targets that
// get the same.
func (t *targetAssembler) variant(a place.TargetApp) *variant {
	alerts := t.newAlertProviders(a)
	key := fmt.Sprint(contentKey(t.InstalledBy, a), t.injectedBy(a), alerts)
	v, ok := t.variants[key]
	if !ok {
		objects := append(t.appNamespaces(a), flux.NewSource(a.Application))
		objects = append(objects, t.policyObjects(a)...)
		v = &variant{t.appDir(a, "apps", false, objects), t.rolloutDir(a, alerts)}
		t.variants[key] = v
	}
	return v
}

// newAlertProviders returns the AlertProviders that come with an application: those
// that its rollouts name, and none of the applications before it.
func (t *targetAssembler) newAlertProviders(a place.TargetApp) (providers []*place.AlertProvider) {
	for _, r := range t.rolloutsOf(a, t.Target) {
		for _, p := range r.AlertProviders() {
			if !t.alerts[p] {
				t.alerts[p] = true
				providers = append(providers, p)
			}
		}
	}
	return providers
}

// namespaces returns the names of the namespaces that the application's objects and workloads
// are in.
func (t *targetAssembler) namespaces(a place.TargetApp) []string {
	seen := map[string]bool{a.Namespace: true}
	for _, p := range a.Policies {
		if ns := p.TargetNamespace(); ns != "" {
			seen[ns] = true
		}
	}
	for _, r := range t.rolloutsOf(a, t.Target) {
		seen[r.Namespace] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// injectedBy returns what must be on the namespaces of an application.
func (t *targetAssembler) injectedBy(a place.TargetApp) map[string]manifest.NamespaceMeta {
	own := map[string]manifest.NamespaceMeta{}
	for _, ns := range t.namespaces(a) {
		if meta, ok := t.injected[ns]; ok {
			own[ns] = meta
		}
	}
	return own
}

// appNamespaces returns the namespaces that the application needs and nothing else brings.
func (t *targetAssembler) appNamespaces(a place.TargetApp) (objects []manifest.Rendered) {
	for _, ns := range t.namespaces(a) {
		if t.owned[ns] || ns == t.Settings.Source.Namespace && !t.Remote || manifest.AlwaysThere[ns] {
			continue
		}
		objects = append(objects, manifest.Rendered{Object: manifest.NewSharedNamespace(ns, t.injected[ns]), Origin: manifest.Origin{Doc: a.Doc}})
	}
	return objects
}

// policyObjects returns the Flux Kustomizations and HelmReleases of the application.
func (t *targetAssembler) policyObjects(a place.TargetApp) (objects []manifest.Rendered) {
	own := t.injectedBy(a)
	for _, p := range a.Policies {
		make := flux.NewKustomization
		if p.Helm != nil {
			make = flux.NewHelmRelease
		}
		objects = append(objects, make(p, t.Target, own, t.rollout(p, t.Target) != nil))
	}
	return objects
}

// appDir makes a directory of the application below another.
func (t *targetAssembler) appDir(a place.TargetApp, above string, onHub bool, objects []manifest.Rendered) *tree.Dir {
	d := t.dir(above+"/"+a.DirName(), onHub, objects...)
	d.App = a.ID()
	return d
}

// rolloutDir makes rollouts/<namespace>.<application>, or nil where there are none.
func (t *targetAssembler) rolloutDir(a place.TargetApp, alerts []*place.AlertProvider) *tree.Dir {
	rollouts := t.rolloutsOf(a, t.Target)
	if len(rollouts) == 0 {
		return nil
	}
	var objects []manifest.Rendered
	for _, r := range rollouts {
		objects = append(objects, r.Objects()...)
	}
	for _, p := range alerts {
		objects = append(objects, t.alertProvider(p))
	}
	return t.appDir(a, "rollouts", false, objects)
}
