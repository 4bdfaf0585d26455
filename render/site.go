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

// A site is a target whose directories are made.
type site struct {
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

// newSite returns the site of a target, whose directories are applied by a sync.yaml.
func (a *assembler) newSite(t *place.Target, sync *tree.SyncFile) *site {
	s := &site{assembler: a, Target: t, sync: sync, in: a.installation(t), origin: manifest.Origin{Doc: t.Doc}, alerts: map[*place.AlertProvider]bool{}}
	s.injected, _ = a.injectedNamespaces(t)
	if s.in != nil {
		s.in.Prepare()
		s.owned = s.in.OwnedNamespaces()
		s.origin = s.in.Flagger.Origin
	}
	return s
}

// addOwn adds the directories that the Flux of the cluster itself applies.
func (s *site) addOwn() {
	if s.in != nil {
		s.install(layout.Infrastructure, false, s.ownInfrastructure(s.in, s.Target)...)
		s.install(layout.MeshesDir, false, s.in.EarlyMeshes...)
		s.install(layout.MeshDir, false, s.meshObjects()...)
	}
	for _, a := range s.Apps {
		v := s.variant(a)
		var after []api.NamespacedReference
		// Its rollouts are the installation's to know, and some pods must not start before
		// their sidecars can be injected.
		if v.rollout != nil || len(s.injectedBy(a)) > 0 {
			after = s.ready
		}
		s.addApp(a, v, after)
	}
}

// dir makes a directory of the target. On a hub it is below the target's, and the hub applies it
// itself or to the target.
func (s *site) dir(at string, onHub bool, objects ...manifest.Rendered) *tree.Dir {
	if !s.Remote {
		return s.NewDir(at, objects...)
	}
	d := s.NewDir("clusters/"+s.Name+"/"+at, objects...)
	if !onHub {
		d.Cluster = s.Name
	}
	return d
}

// add has Flux apply a directory.
func (s *site) add(stage tree.SyncStage) api.NamespacedReference {
	stage.Name = s.ObjectName(stage.Name)
	if stage.Dir.Cluster != "" {
		stage.Spoke = s.Target
	}
	return s.sync.Add(stage)
}

// install adds a directory that is applied when what was installed before is ready, unless the
// directory is empty.
func (s *site) install(name string, onHub bool, objects ...manifest.Rendered) {
	if len(objects) > 0 {
		stage := tree.SyncStage{Name: name, Dir: s.dir(name, onHub, objects...), At: s.origin, Wait: true, After: s.ready}
		s.ready = []api.NamespacedReference{s.add(stage)}
	}
}

// addApp adds the directories of an application.
func (s *site) addApp(a place.TargetApp, v *variant, after []api.NamespacedReference) {
	at := manifest.Origin{Doc: a.Doc}
	app := s.add(tree.SyncStage{Name: layout.AppPrefix + a.ID(), Dir: v.app, At: at, Wait: flux.CanWait(a), After: after})
	if v.rollout != nil {
		// It does not wait: an analysis takes longer than any timeout.
		s.add(tree.SyncStage{Name: layout.RolloutPrefix + a.ID(), Dir: v.rollout, At: at, After: []api.NamespacedReference{app}})
	}
}

// meshObjects returns the objects of mesh/: what all clusters share, and the namespaces of
// rolled out workloads that every cluster has. No application brings these, and
// several may use one.
func (s *site) meshObjects() []manifest.Rendered {
	objects := slices.Clip(s.in.MeshObjects)
	if s.in.TesterWaits() && !s.Remote {
		objects = append(objects, s.in.LoadTester.HelmRelease(s.Target))
	}
	for _, ns := range slices.Sorted(maps.Keys(s.injected)) {
		if manifest.AlwaysThere[ns] {
			objects = append(objects, manifest.Rendered{Object: manifest.NewNamespace(ns, s.injected[ns]), Origin: s.in.Flagger.Origin})
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
func (s *site) variant(a place.TargetApp) *variant {
	alerts := s.newAlertProviders(a)
	key := fmt.Sprint(contentKey(s.InstalledBy, a), s.injectedBy(a), alerts)
	v, ok := s.variants[key]
	if !ok {
		objects := append(s.appNamespaces(a), flux.NewSource(a.Application))
		objects = append(objects, s.policyObjects(a)...)
		v = &variant{s.appDir(a, "apps", false, objects), s.rolloutDir(a, alerts)}
		s.variants[key] = v
	}
	return v
}

// newAlertProviders returns the AlertProviders that come with an application: those
// that its rollouts name, and none of the applications before it.
func (s *site) newAlertProviders(a place.TargetApp) (providers []*place.AlertProvider) {
	for _, r := range s.rolloutsOf(a, s.Target) {
		for _, p := range r.AlertProviders() {
			if !s.alerts[p] {
				s.alerts[p] = true
				providers = append(providers, p)
			}
		}
	}
	return providers
}

// namespaces returns the names of the namespaces that the application's objects and workloads
// are in.
func (s *site) namespaces(a place.TargetApp) []string {
	seen := map[string]bool{a.Namespace: true}
	for _, p := range a.Policies {
		if ns := p.TargetNamespace(); ns != "" {
			seen[ns] = true
		}
	}
	for _, r := range s.rolloutsOf(a, s.Target) {
		seen[r.Namespace] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// injectedBy returns what must be on the namespaces of an application.
func (s *site) injectedBy(a place.TargetApp) map[string]manifest.NamespaceMeta {
	own := map[string]manifest.NamespaceMeta{}
	for _, ns := range s.namespaces(a) {
		if meta, ok := s.injected[ns]; ok {
			own[ns] = meta
		}
	}
	return own
}

// appNamespaces returns the namespaces that the application needs and nothing else brings.
func (s *site) appNamespaces(a place.TargetApp) (objects []manifest.Rendered) {
	for _, ns := range s.namespaces(a) {
		if s.owned[ns] || ns == s.Settings.Source.Namespace && !s.Remote || manifest.AlwaysThere[ns] {
			continue
		}
		objects = append(objects, manifest.Rendered{Object: manifest.NewSharedNamespace(ns, s.injected[ns]), Origin: manifest.Origin{Doc: a.Doc}})
	}
	return objects
}

// policyObjects returns the Flux Kustomizations and HelmReleases of the application.
func (s *site) policyObjects(a place.TargetApp) (objects []manifest.Rendered) {
	own := s.injectedBy(a)
	for _, p := range a.Policies {
		make := flux.NewKustomization
		if p.Helm != nil {
			make = flux.NewHelmRelease
		}
		objects = append(objects, make(p, s.Target, own, s.rollout(p, s.Target) != nil))
	}
	return objects
}

// appDir makes a directory of the application below another.
func (s *site) appDir(a place.TargetApp, above string, onHub bool, objects []manifest.Rendered) *tree.Dir {
	d := s.dir(above+"/"+a.DirName(), onHub, objects...)
	d.App = a.ID()
	return d
}

// rolloutDir makes rollouts/<namespace>.<application>, or nil where there are none.
func (s *site) rolloutDir(a place.TargetApp, alerts []*place.AlertProvider) *tree.Dir {
	rollouts := s.rolloutsOf(a, s.Target)
	if len(rollouts) == 0 {
		return nil
	}
	var objects []manifest.Rendered
	for _, r := range rollouts {
		objects = append(objects, r.Objects()...)
	}
	for _, p := range alerts {
		objects = append(objects, s.alertProvider(p))
	}
	return s.appDir(a, "rollouts", false, objects)
}
