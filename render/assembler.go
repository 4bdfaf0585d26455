package render

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/render/tree"
	"github.com/fleetwright/fleetwright/schema/api"
)

// An assembler makes the directories of clusters.
type assembler struct {
	*tree.Encoder
	*installed
	settings     *settings.Settings
	applications []*place.Application
	targets      []*place.Target
	// layouts are those of targets, by their contentKey.
	layouts map[string]*tree.Layout
	// variants are the directories of applications, by what of an application they
	// hold. Targets that get the same of it share them.
	variants map[string]*variant
	// shared are the directories of installations that their clusters share.
	shared map[*rollout.Installation]*sharedDirs
	// alertProviders are the AlertProviders that come with each application of a target,
	// once they were asked for, and alertManifests the objects of all.
	alertProviders map[*place.Target]map[*place.Application][]manifest.Rendered
	alertManifests map[*place.AlertProvider]*manifest.Object
}

// sharedDirs are the directories of an installation, or what is in them, that its clusters
// share.
type sharedDirs struct {
	// infrastructure is all of infrastructure/ but Flagger, whose release names the cluster.
	infrastructure []manifest.Rendered
	meshes         *tree.Dir
	// mesh is mesh/ by the namespaces that it labels.
	mesh map[string]*tree.Dir
}

// A variant is the directories of an application.
type variant struct {
	// app is nil for remote targets, of which no two get the same.
	app *tree.Dir
	// rollout is nil where the application has none.
	rollout *tree.Dir
}

// render makes the tree of everything that was placed.
func (c *compiler) render(e *tree.Encoder) *tree.Tree {
	b := &assembler{
		Encoder: e, installed: c.installed, settings: &c.Settings, applications: c.Applications, targets: c.targets,
		layouts: map[string]*tree.Layout{}, variants: map[string]*variant{}, shared: map[*rollout.Installation]*sharedDirs{},
		alertProviders: map[*place.Target]map[*place.Application][]manifest.Rendered{}, alertManifests: map[*place.AlertProvider]*manifest.Object{},
	}
	tree := &tree.Tree{}
	switch {
	case !c.Settings.Hub:
		for _, t := range c.targets {
			tree.Clusters = append(tree.Clusters, b.renderTarget(t))
		}
	case len(c.targets) > 0:
		tree.Clusters = append(tree.Clusters, b.renderHub())
	}
	e.EncodeAll()
	return tree
}

// renderTarget makes the directory of one cluster, for its own Flux. The layout is made
// for the first of the clusters that get the same.
func (b *assembler) renderTarget(t *place.Target) *tree.Cluster {
	sync := tree.NewSyncFile(b.Encoder, b.settings, t.Name)
	key, installation := contentKey(t), b.installation(t)
	l, ok := b.layouts[key]
	if !ok {
		l = b.layout(b.ownDirs(t, sync), sync, b.inventoryVersions(installation))
		b.layouts[key] = l
	}
	cluster := tree.NewCluster(t.Name, sync.Root, l)
	cluster.Labels = manifest.TextOf(t.Labels)
	if installation != nil && ok {
		cluster.Infrastructure = b.infrastructureDir(installation, t)
	}
	return cluster
}

// inventoryVersions returns the versions that the manifests of a cluster are made for.
func (b *assembler) inventoryVersions(s *rollout.Installation) map[string]string {
	versions := rollout.Versions(s)
	versions["flux"] = b.settings.Flux
	return versions
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
func (b *assembler) layout(dirs []*tree.Dir, sync *tree.SyncFile, versions map[string]string) *tree.Layout {
	return tree.NewLayout(append(dirs, sync.Dir()), sync.Template(), versions)
}

// ownDirs returns the directories that the Flux of the cluster itself applies.
func (b *assembler) ownDirs(t *place.Target, sync *tree.SyncFile) []*tree.Dir {
	var dirs []*tree.Dir
	add := func(stage tree.SyncStage) api.NamespacedReference {
		dirs = append(dirs, stage.Dir)
		return sync.Add(stage)
	}
	injected, _ := b.injectedNamespaces(t)
	var ready []api.NamespacedReference
	if installation := b.installation(t); installation != nil {
		installation.Prepare()
		at := installation.Flagger.Origin
		for _, d := range []*tree.Dir{b.infrastructureDir(installation, t), b.meshesDir(installation), b.meshDir(installation, t, injected)} {
			if d != nil {
				ready = []api.NamespacedReference{add(tree.SyncStage{Name: d.Path, Dir: d, At: at, Wait: true, After: ready})}
			}
		}
	}
	for _, a := range t.Apps {
		v := b.variant(a, t, injected)
		var after []api.NamespacedReference
		if b.needsInstallation(a, t, injected) {
			after = ready
		}
		app := add(tree.SyncStage{Name: tree.SyncName(layout.AppPrefix, a.Application), Dir: v.app, At: manifest.Origin{Doc: a.Doc}, Wait: flux.CanWait(a), After: after})
		if v.rollout != nil {
			// It does not wait: an analysis takes longer than any timeout.
			add(tree.SyncStage{Name: tree.SyncName(layout.RolloutPrefix, a.Application), Dir: v.rollout, At: manifest.Origin{Doc: a.Doc}, After: []api.NamespacedReference{app}})
		}
	}
	return dirs
}

// sharedOf returns the directories of an installation that its clusters share.
func (b *assembler) sharedOf(in *rollout.Installation) *sharedDirs {
	s, ok := b.shared[in]
	if !ok {
		s = &sharedDirs{mesh: map[string]*tree.Dir{}}
		b.shared[in] = s
	}
	return s
}

// infrastructureDir returns infrastructure/ of one cluster that its own Flux applies.
func (b *assembler) infrastructureDir(in *rollout.Installation, on *place.Target) *tree.Dir {
	s := b.sharedOf(in)
	if s.infrastructure == nil {
		s.infrastructure = append(slices.Clip(in.NamespaceObjects), in.Charts(on)...)
	}
	return b.NewDir(layout.Infrastructure, append(slices.Clip(s.infrastructure), in.FlaggerRelease(on))...)
}

// meshesDir returns meshes/, or nil.
func (b *assembler) meshesDir(in *rollout.Installation) *tree.Dir {
	s := b.sharedOf(in)
	if s.meshes == nil && len(in.EarlyMeshes) > 0 {
		s.meshes = b.NewDir(layout.MeshesDir, in.EarlyMeshes...)
	}
	return s.meshes
}

// meshDir returns mesh/ of a cluster, or nil: what all share, and the namespaces of
// rolled out workloads that every cluster has. No application brings these, and
// several may use one.
func (b *assembler) meshDir(in *rollout.Installation, on *place.Target, injected map[string]manifest.NamespaceMeta) *tree.Dir {
	objects := slices.Clip(in.MeshObjects)
	if in.TesterWaits() && !on.Remote {
		objects = append(objects, in.LoadTester.HelmRelease(on))
	}
	var key strings.Builder
	for _, ns := range slices.Sorted(maps.Keys(injected)) {
		if manifest.AlwaysThere[ns] {
			objects = append(objects, manifest.Rendered{Object: manifest.NewNamespace(ns, injected[ns]), Origin: in.Flagger.Origin})
			fmt.Fprintf(&key, "%s %v\n", ns, injected[ns])
		}
	}
	if len(objects) == 0 {
		return nil
	}
	mesh := b.sharedOf(in).mesh
	d, ok := mesh[key.String()]
	if !ok {
		d = b.NewDir(layout.MeshDir, objects...)
		mesh[key.String()] = d
	}
	return d
}

// needsInstallation reports whether the application has rollouts, whose objects are the
// installation's to know, or pods that must not start before their sidecars can be
// injected.
func (b *assembler) needsInstallation(a place.TargetApp, t *place.Target, injected map[string]manifest.NamespaceMeta) bool {
	return len(b.rolloutsOf(a, t)) > 0 || slices.ContainsFunc(b.namespaces(a, t), func(ns string) bool {
		_, ok := injected[ns]
		return ok
	})
}

// variant returns what a target gets of an application, made once for all targets that
// get the same.
func (b *assembler) variant(a place.TargetApp, t *place.Target, injected map[string]manifest.NamespaceMeta) *variant {
	var key strings.Builder
	fmt.Fprintf(&key, "%s %t", a.ID(), t.Remote)
	if f := t.InstalledBy; f != nil {
		fmt.Fprintf(&key, "\nstack %s/%s", f.Namespace, f.Name)
	}
	for _, p := range a.Policies {
		fmt.Fprintf(&key, "\npolicy %s", p.FluxName)
	}
	for _, ns := range b.namespaces(a, t) {
		fmt.Fprintf(&key, "\nnamespace %s %v", ns, injected[ns])
	}
	providers := b.ownAlertProviders(a, t)
	for _, p := range providers {
		fmt.Fprintf(&key, "\nalerts %s", p.Identity())
	}
	v, ok := b.variants[key.String()]
	if !ok {
		v = &variant{rollout: b.rolloutDir(a, t, providers)}
		if !t.Remote {
			v.app = b.appDir(a, t, injected)
		}
		b.variants[key.String()] = v
	}
	return v
}

// ownAlertProviders returns the AlertProviders that come with an application: those
// that its rollouts name, and none of the applications before it on the target.
func (b *assembler) ownAlertProviders(a place.TargetApp, t *place.Target) []manifest.Rendered {
	if b.alertProviders[t] == nil {
		alerts, seen := map[*place.Application][]manifest.Rendered{}, map[*place.AlertProvider]bool{}
		for _, other := range t.Apps {
			for _, r := range b.rolloutsOf(other, t) {
				for _, provider := range r.AlertProviders() {
					if !seen[provider] {
						seen[provider] = true
						alerts[other.Application] = append(alerts[other.Application], b.alertProvider(provider))
					}
				}
			}
		}
		b.alertProviders[t] = alerts
	}
	return b.alertProviders[t][a.Application]
}

// alertProvider returns the object of an AlertProvider, the same for all rollouts.
func (b *assembler) alertProvider(p *place.AlertProvider) manifest.Rendered {
	m, ok := b.alertManifests[p]
	if !ok {
		m = &manifest.Object{
			APIVersion: manifest.FlaggerV1beta1, Kind: "AlertProvider",
			Metadata: manifest.Metadata{Name: p.Name, Namespace: p.Namespace, Labels: rollout.NotOfTools(manifest.TextOf(p.Metadata.Labels)), Annotations: rollout.NotOfTools(p.Metadata.Annotations)},
			Spec:     p.Spec,
		}
		b.alertManifests[p] = m
	}
	return manifest.Rendered{Object: m, Origin: manifest.Origin{Doc: p.Doc}}
}

// appDir makes apps/<namespace>.<application>: namespaces, the source, and what
// applies it.
func (b *assembler) appDir(a place.TargetApp, t *place.Target, injected map[string]manifest.NamespaceMeta) *tree.Dir {
	objects := append(b.appNamespaces(a, t, injected), flux.NewSource(a.Application))
	return b.newAppDir(a, "apps", append(objects, b.policyObjects(a, t, injected)...)...)
}

// newAppDir makes the directory of an application below another.
func (b *assembler) newAppDir(a place.TargetApp, above string, objects ...manifest.Rendered) *tree.Dir {
	d := b.NewDir(above+"/"+a.DirName(), objects...)
	d.App = a.ID()
	return d
}

// appNamespaces returns the namespaces that the application needs and nothing else brings.
func (b *assembler) appNamespaces(a place.TargetApp, t *place.Target, injected map[string]manifest.NamespaceMeta) []manifest.Rendered {
	var owned map[string]bool
	if installation := b.installation(t); installation != nil {
		owned = installation.OwnedNamespaces()
	}
	var objects []manifest.Rendered
	for _, ns := range b.namespaces(a, t) {
		if owned[ns] || ns == b.settings.Source.Namespace && !t.Remote || manifest.AlwaysThere[ns] {
			continue
		}
		objects = append(objects, manifest.Rendered{Object: manifest.NewSharedNamespace(ns, injected[ns]), Origin: manifest.Origin{Doc: a.Doc}})
	}
	return objects
}

// policyObjects returns the Flux Kustomizations and HelmReleases of the application.
func (b *assembler) policyObjects(a place.TargetApp, t *place.Target, injected map[string]manifest.NamespaceMeta) []manifest.Rendered {
	own := map[string]manifest.NamespaceMeta{}
	for _, ns := range b.namespaces(a, t) {
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
		objects = append(objects, make(p, t, own, b.rollout(p, t) != nil))
	}
	return objects
}

// rolloutDir makes rollouts/<namespace>.<application>, or nil where there are none.
func (b *assembler) rolloutDir(a place.TargetApp, t *place.Target, providers []manifest.Rendered) *tree.Dir {
	var objects []manifest.Rendered
	for _, r := range b.rolloutsOf(a, t) {
		objects = append(objects, r.Objects()...)
	}
	if len(objects) == 0 {
		return nil
	}
	return b.newAppDir(a, "rollouts", append(objects, providers...)...)
}
