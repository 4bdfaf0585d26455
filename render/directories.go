package render

import (
	"encoding/binary"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/schema/api"
)

// variants are the directories of applications, by what of an application they
// hold. Targets that get the same of it share them.
type variants map[string]*variant

type variant struct {
	// app is nil for remote targets, of which no two get the same.
	app *dir
	// rollout is nil where the application has none.
	rollout *dir
}

// renderTarget makes the directory of one cluster, for its own Flux. The layout is made
// for the first of the clusters that get the same.
func (c *compiler) renderTarget(t *place.Target, layouts map[string]*clusterLayout, variants variants) *Cluster {
	sync := newSyncFile(c, t.Name)
	key, stack := contentKey(t), c.stack(t)
	l, ok := layouts[key]
	if !ok {
		l = c.layout(c.ownDirs(t, sync, variants), sync, c.inventoryVersions(stack))
		layouts[key] = l
	}
	cluster := newCluster(t.Name, sync.root, l)
	cluster.Labels = manifest.TextOf(t.Labels)
	if stack != nil && ok {
		cluster.infrastructure = stack.infrastructure(c, t)
	}
	return cluster
}

// contentKey tells targets apart that do not get the same: by what they have installed, and
// by their policies.
func contentKey(t *place.Target) string {
	var key []byte
	if f := t.InstalledBy; f != nil {
		key = fmt.Append(key, f.Namespace, "/", f.Name)
	}
	for _, a := range t.Apps {
		for _, p := range a.Policies {
			key = binary.AppendUvarint(append(key, 0), p.Number)
		}
	}
	return string(key)
}

// layout returns the layout of clusters with these directories, and the one that applies them.
func (c *compiler) layout(dirs []*dir, sync *syncFile, versions map[string]string) *clusterLayout {
	return newLayout(append(dirs, sync.dir()), sync.template(), versions)
}

// ownDirs returns the directories that the Flux of the cluster itself applies.
func (c *compiler) ownDirs(t *place.Target, sync *syncFile, variants variants) []*dir {
	var dirs []*dir
	add := func(stage syncStage) api.NamespacedReference {
		dirs = append(dirs, stage.dir)
		return sync.add(stage)
	}
	injected, _ := c.injectedNamespaces(t)
	var ready []api.NamespacedReference
	if stack := c.stack(t); stack != nil {
		stack.render()
		at := stack.flagger.Origin
		for _, d := range []*dir{stack.infrastructure(c, t), stack.meshesDir(c), stack.meshDir(c, t, injected)} {
			if d != nil {
				ready = []api.NamespacedReference{add(syncStage{name: d.path, dir: d, at: at, wait: true, after: ready})}
			}
		}
	}
	for _, a := range t.Apps {
		v := c.variant(a, t, injected, variants)
		var after []api.NamespacedReference
		if c.needsStack(a, t, injected) {
			after = ready
		}
		app := add(syncStage{name: syncName(layout.AppPrefix, a.Application), dir: v.app, at: manifest.Origin{Doc: a.Doc}, wait: flux.CanWait(a), after: after})
		if v.rollout != nil {
			// It does not wait: an analysis takes longer than any timeout.
			add(syncStage{name: syncName(layout.RolloutPrefix, a.Application), dir: v.rollout, at: manifest.Origin{Doc: a.Doc}, after: []api.NamespacedReference{app}})
		}
	}
	return dirs
}

// rolloutsOf returns the rollouts of an application on a target.
func (c *compiler) rolloutsOf(a place.TargetApp, t *place.Target) (all []*rollout) {
	for _, p := range a.Policies {
		if r := c.rollout(p, t); r != nil {
			all = append(all, r)
		}
	}
	return all
}

// injectedNamespaces returns the namespaces of the target that workloads are rolled
// out in, whichever application brings them, where they must carry something. Differing are
// the rollouts in a namespace that must carry something else.
func (c *compiler) injectedNamespaces(t *place.Target) (injected map[string]manifest.NamespaceMeta, differing []*rollout) {
	injected = map[string]manifest.NamespaceMeta{}
	// all are those, and the load tester's, whatever they carry.
	all := map[string]manifest.NamespaceMeta{}
	stack := c.stack(t)
	if stack != nil && stack.loadTester != nil {
		all[publicLoadTester] = stack.namespaceMeta(nil)
	}
	for _, a := range t.Apps {
		for _, r := range c.rolloutsOf(a, t) {
			meta := stack.namespaceMeta(r)
			if other, ok := all[r.namespace]; ok && !reflect.DeepEqual(other, meta) {
				differing = append(differing, r)
				continue
			}
			all[r.namespace] = meta
			if !meta.IsZero() {
				injected[r.namespace] = meta
			}
		}
	}
	return injected, differing
}

// namespaces returns the names of the namespaces that the application's objects and workloads
// are in.
func (c *compiler) namespaces(a place.TargetApp, t *place.Target) []string {
	seen := map[string]bool{a.Namespace: true}
	for _, p := range a.Policies {
		if ns := p.TargetNamespace(); ns != "" {
			seen[ns] = true
		}
	}
	for _, r := range c.rolloutsOf(a, t) {
		seen[r.namespace] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// needsStack reports whether the application has rollouts, whose objects are the
// stack's to know, or pods that must not start before their sidecars can be
// injected.
func (c *compiler) needsStack(a place.TargetApp, t *place.Target, injected map[string]manifest.NamespaceMeta) bool {
	return len(c.rolloutsOf(a, t)) > 0 || slices.ContainsFunc(c.namespaces(a, t), func(ns string) bool {
		_, ok := injected[ns]
		return ok
	})
}

// variant returns what a target gets of an application, made once for all targets that
// get the same.
func (c *compiler) variant(a place.TargetApp, t *place.Target, injected map[string]manifest.NamespaceMeta, variants variants) *variant {
	var key strings.Builder
	fmt.Fprintf(&key, "%s %t", a.ID(), t.Remote)
	if f := t.InstalledBy; f != nil {
		fmt.Fprintf(&key, "\nstack %s/%s", f.Namespace, f.Name)
	}
	for _, p := range a.Policies {
		fmt.Fprintf(&key, "\npolicy %s", p.FluxName)
	}
	for _, ns := range c.namespaces(a, t) {
		fmt.Fprintf(&key, "\nnamespace %s %v", ns, injected[ns])
	}
	providers := c.ownAlertProviders(a, t)
	for _, p := range providers {
		fmt.Fprintf(&key, "\nalerts %s", p.Identity())
	}
	v, ok := variants[key.String()]
	if !ok {
		v = &variant{rollout: c.rolloutDir(a, t, providers)}
		if !t.Remote {
			v.app = c.appDir(a, t, injected)
		}
		variants[key.String()] = v
	}
	return v
}

// ownAlertProviders returns the AlertProviders that come with an application: those
// that its rollouts name, and none of the applications before it on the target.
func (c *compiler) ownAlertProviders(a place.TargetApp, t *place.Target) []manifest.Rendered {
	if c.alerts[t] == nil {
		alerts, seen := map[*place.Application][]manifest.Rendered{}, map[*place.AlertProvider]bool{}
		for _, other := range t.Apps {
			for _, r := range c.rolloutsOf(other, t) {
				for _, provider := range r.alertProviders() {
					if !seen[provider] {
						seen[provider] = true
						alerts[other.Application] = append(alerts[other.Application], c.alertProviderObject(provider))
					}
				}
			}
		}
		c.alerts[t] = alerts
	}
	return c.alerts[t][a.Application]
}

// appDir makes apps/<namespace>.<application>: namespaces, the source, and what
// applies it.
func (c *compiler) appDir(a place.TargetApp, t *place.Target, injected map[string]manifest.NamespaceMeta) *dir {
	objects := append(c.appNamespaces(a, t, injected), flux.NewSource(a.Application))
	return c.newAppDir(a, "apps", append(objects, c.policyObjects(a, t, injected)...)...)
}

// newAppDir makes the directory of an application below another.
func (c *compiler) newAppDir(a place.TargetApp, above string, objects ...manifest.Rendered) *dir {
	d := c.newDir(above+"/"+a.DirName(), objects...)
	d.app = a.ID()
	return d
}

// appNamespaces returns the namespaces that the application needs and nothing else brings.
func (c *compiler) appNamespaces(a place.TargetApp, t *place.Target, injected map[string]manifest.NamespaceMeta) []manifest.Rendered {
	var owned map[string]bool
	if stack := c.stack(t); stack != nil {
		owned = stack.ownedNamespaces()
	}
	var objects []manifest.Rendered
	for _, ns := range c.namespaces(a, t) {
		if owned[ns] || ns == c.settings.Source.Namespace && !t.Remote || manifest.AlwaysThere[ns] {
			continue
		}
		objects = append(objects, manifest.Rendered{Object: manifest.NewSharedNamespace(ns, injected[ns]), Origin: manifest.Origin{Doc: a.Doc}})
	}
	return objects
}

// policyObjects returns the Flux Kustomizations and HelmReleases of the application.
func (c *compiler) policyObjects(a place.TargetApp, t *place.Target, injected map[string]manifest.NamespaceMeta) []manifest.Rendered {
	own := map[string]manifest.NamespaceMeta{}
	for _, ns := range c.namespaces(a, t) {
		if meta, ok := injected[ns]; ok {
			own[ns] = meta
		}
	}
	var objects []manifest.Rendered
	for _, p := range a.Policies {
		make := flux.NewKustomization
		if p.Helm != nil {
			make = flux.NewHelmRelease
		}
		objects = append(objects, make(p, t, own, c.rollout(p, t) != nil))
	}
	return objects
}

// rolloutDir makes rollouts/<namespace>.<application>, or nil where there are none.
func (c *compiler) rolloutDir(a place.TargetApp, t *place.Target, providers []manifest.Rendered) *dir {
	var objects []manifest.Rendered
	for _, r := range c.rolloutsOf(a, t) {
		objects = append(objects, r.objects()...)
	}
	if len(objects) == 0 {
		return nil
	}
	return c.newAppDir(a, "rollouts", append(objects, providers...)...)
}
