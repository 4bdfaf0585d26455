package render

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Topology hub is Kurator's: the Flux of one management cluster, hostCluster,
// applies to all others. What Flux reads is on the hub: sources, Flux
// Kustomizations and HelmReleases, each of the latter with the kubeconfig of one
// cluster. What only the others need, such as Namespaces and Canaries, is applied
// to them by Kustomizations in sync.yaml with a kubeconfig of their own.

// A kubeConfig is how Flux reaches another cluster.
type kubeConfig struct {
	SecretRef api.SecretKey `json:"secretRef"`
}

// kubeConfig is how the hub reaches the cluster, or nil where the cluster's own
// Flux does all.
//
// The Secret of a Cluster is that of Cluster API, which makes it (Kurator names
// that of the cloud's credentials, which holds no kubeconfig); its key is value.
func (s *site) kubeConfig() *kubeConfig {
	switch {
	case s == nil || !s.remote:
		return nil
	case s.kubeconfig != nil:
		return &kubeConfig{api.SecretKey{Name: s.kubeconfig.Name, Key: cmp.Or(s.kubeconfig.Key, "value")}}
	}
	return &kubeConfig{api.SecretKey{Name: s.name + "-kubeconfig", Key: "value"}}
}

// objectName is the name of an object for the cluster: as Kurator has it on a hub,
// <name>-<kind>-<cluster>. Kurator cuts at 63 characters, where two may meet.
func (s *site) objectName(name string) string {
	if !s.remote {
		return name
	}
	return objectNameOnHub(name, s.kind, s.name)
}

// objectNameOnHub is objectName for a cluster of a kind.
func objectNameOnHub(name, kind, cluster string) string {
	return layout.Shorten(kuratorName(name, kind, cluster), layout.MaxLabel)
}

// kuratorName is what Kurator calls the object of a policy for a cluster
// (pkg/fleet-manager/application/helper.go), but for its length.
func kuratorName(policy, kind, cluster string) string {
	return strings.ToLower(policy + "-" + cmp.Or(kind, "currentCluster") + "-" + cluster)
}

// spoke is the site where a hub applies to it, or nil for one with a Flux of its own.
func (s *site) spoke() *site {
	if s.remote {
		return s
	}
	return nil
}

// checkKubeconfigs says which clusters a hub cannot reach.
func (c *compiler) checkKubeconfigs() {
	for _, s := range c.sites {
		if s.remote && s.kubeconfig == nil && s.kind == "AttachedCluster" {
			c.Add(s.doc.Diagnostic(diag.NoKubeconfig, schema.Path{"spec"}, "the hub reaches an AttachedCluster by its kubeconfig, and this one names no Secret with it", "kubeconfig: {name: "+s.name+", key: value}"))
		}
	}
}

// renderHub makes the directory of the hub, which holds those of all clusters.
func (c *compiler) renderHub() *Cluster {
	var dirs []*dir
	sync := newSyncFile(c, hostCluster)
	versions := c.inventoryVersions(nil)
	variants := variants{}
	var spokes []string
	var sources []api.NamespacedReference
	if objects := c.remoteSources(); len(objects) > 0 {
		d := c.newDir(layout.SourcesDir, objects...)
		dirs = append(dirs, d)
		sources = append(sources, sync.add(syncStage{name: layout.SourcesDir, dir: d}))
	}
	for _, s := range c.sites {
		if !s.remote {
			dirs = append(dirs, c.ownDirs(s, sync, variants)...)
			continue
		}
		spokes = append(spokes, s.name)
		dirs = append(dirs, c.spokeDirs(s, sync, sources, variants)...)
		for name, version := range c.stackVersions(s.stack) {
			versions[s.name+"/"+name] = version
		}
	}
	hub := newCluster(hostCluster, sync.root, c.layout(dirs, sync, versions))
	hub.Spokes = spokes
	return hub
}

// remoteSources are the sources of the applications that go to other clusters. Their
// namespaces are there: the Secrets with the kubeconfigs are in them.
func (c *compiler) remoteSources() (objects []manifest.Rendered) {
	remote := map[*application]bool{}
	for _, s := range c.sites {
		for _, a := range s.apps {
			remote[a.application] = remote[a.application] || s.remote
		}
	}
	for _, a := range c.apps {
		if remote[a] {
			objects = append(objects, a.source())
		}
	}
	return objects
}

// spokeDirs are the directories of a cluster that the hub applies to, or applies
// itself for it. The sources must be there before.
func (c *compiler) spokeDirs(s *site, sync *syncFile, sources []api.NamespacedReference, variants variants) []*dir {
	var dirs []*dir
	root := "clusters/" + s.name
	add := func(name string, d *dir, at manifest.Origin, wait, onHub bool, after ...api.NamespacedReference) api.NamespacedReference {
		stage := syncStage{name: s.objectName(name), at: at, wait: wait, after: after}
		stage.dir = d.under(root)
		if !onHub {
			stage.dir.spoke, stage.dir.cluster = s, s.name
		}
		dirs = append(dirs, stage.dir)
		return sync.add(stage)
	}
	at := manifest.Origin{Doc: s.doc}
	injected := c.injectedNamespaces(s)
	var ready []api.NamespacedReference
	then := func(name string, d *dir, onHub bool) {
		if d != nil {
			ready = []api.NamespacedReference{add(name, d, at, true, onHub, ready...)}
		}
	}
	if s.stack != nil {
		at = s.stack.flagger.origin
		s.stack.render()
	}
	if spaces := c.spokeNamespaces(s, injected); len(spaces) > 0 {
		then(layout.Infrastructure, c.newDir(layout.Infrastructure, spaces...), false)
	}
	if s.stack != nil {
		then(layout.ReleasesDir, c.newDir(layout.ReleasesDir, append(s.stack.charts(s), s.stack.flaggerRelease(s))...), true)
		then(layout.MeshesDir, s.stack.meshesDir(c), false)
		if s.stack.testerWaits() {
			then(layout.LoadTesterDir, c.newDir(layout.LoadTesterDir, s.stack.loadTester.release(s)), true)
		}
		then(layout.MeshDir, s.stack.meshDir(c, s, injected), false)
	}
	for _, a := range s.apps {
		of := manifest.Origin{Doc: a.doc}
		after := append(slices.Clip(sources), ready...)
		app := add(layout.AppPrefix+a.id(), c.newAppDir(a, "apps", c.policyObjects(a, injected)...), of, a.waits(), true, after...)
		if d := c.variant(a, s, injected, variants).rollout; d != nil {
			add(layout.RolloutPrefix+a.id(), d, of, false, false, app)
		}
	}
	return dirs
}

// spokeNamespaces are all that a cluster of a hub is given: Flux applies them
// before it installs or applies anything else there.
func (c *compiler) spokeNamespaces(s *site, injected map[string]manifest.NamespaceMeta) []manifest.Rendered {
	var all []manifest.Rendered
	if s.stack != nil {
		all = slices.Clone(s.stack.spaces)
	}
	seen := map[string]bool{}
	for _, a := range s.apps {
		for _, ns := range c.appNamespaces(a, s, injected) {
			if !seen[ns.Metadata.Name] {
				seen[ns.Metadata.Name] = true
				all = append(all, ns)
			}
		}
	}
	return all
}
