package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// variants are the directories of applications, by what of an application they
// hold. Clusters that get the same of it share them.
type variants map[string]*variant

type variant struct {
	app *dir
	// rollout is nil where the application has none.
	rollout *dir
}

// renderSite makes the directory of one cluster.
func (c *compiler) renderSite(s *site, variants variants) *Cluster {
	cluster := &Cluster{Name: s.name}
	sync := &syncFile{c: c, cluster: s.name}
	injected := s.injectedNamespaces()
	if s.stack != nil {
		s.stack.render(c)
		cluster.dirs = append(cluster.dirs, s.stack.infrastructure(c, s.name), s.stack.meshDir(c, injected))
		if s.stack.early != nil {
			cluster.dirs = append(cluster.dirs, s.stack.early)
		}
		sync.stack(s.stack)
	}
	for _, a := range s.apps {
		v := c.variant(a, s, injected, variants)
		cluster.dirs = append(cluster.dirs, v.app)
		sync.application(a, a.needsMesh(injected))
		if v.rollout != nil {
			cluster.dirs = append(cluster.dirs, v.rollout)
			sync.rollout(a)
		}
	}
	cluster.dirs = append(cluster.dirs, sync.dir())
	slices.SortFunc(cluster.dirs, func(a, b *dir) int { return strings.Compare(a.path, b.path) })
	cluster.inventory = newInventory(cluster, c.inventoryVersions(s.stack))
	return cluster
}

// injectedNamespaces are the namespaces of the cluster that workloads are rolled
// out in, whichever application brings them.
func (s *site) injectedNamespaces() map[string]namespaceMeta {
	injected := map[string]namespaceMeta{}
	for _, a := range s.apps {
		for _, p := range a.policies {
			if p.rollout != nil {
				injected[p.rollout.namespace] = s.stack.namespaceMeta()
			}
		}
	}
	return injected
}

// namespaces are those that the application's objects and workloads are in.
func (a siteApp) namespaces() []string {
	seen := map[string]bool{a.namespace: true}
	for _, p := range a.policies {
		if ns := p.targetNamespace(); ns != "" {
			seen[ns] = true
		}
		if p.rollout != nil {
			seen[p.rollout.namespace] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// needsMesh says whether the application has pods that must not start before
// their sidecars can be injected.
func (a siteApp) needsMesh(injected map[string]namespaceMeta) bool {
	for _, ns := range a.namespaces() {
		if _, ok := injected[ns]; ok {
			return true
		}
	}
	return false
}

// variant is what a site gets of an application, made once for all sites that
// get the same.
func (c *compiler) variant(a siteApp, s *site, injected map[string]namespaceMeta, variants variants) *variant {
	var key strings.Builder
	key.WriteString(a.id())
	if s.stack != nil {
		fmt.Fprintf(&key, "\nstack %s/%s", s.stack.fleet.namespace, s.stack.fleet.name)
	}
	for _, p := range a.policies {
		fmt.Fprintf(&key, "\npolicy %s", p.name)
	}
	for _, ns := range a.namespaces() {
		_, inject := injected[ns]
		fmt.Fprintf(&key, "\nnamespace %s %t", ns, inject)
	}
	v, ok := variants[key.String()]
	if !ok {
		v = &variant{app: c.appDir(a, s, injected), rollout: c.rolloutDir(a)}
		variants[key.String()] = v
	}
	return v
}

// appDir is apps/<namespace>.<application>: namespaces, the source, and what
// applies it.
func (c *compiler) appDir(a siteApp, s *site, injected map[string]namespaceMeta) *dir {
	var owned map[string]bool
	if s.stack != nil {
		owned = s.stack.ownedNamespaces()
	}
	own := map[string]namespaceMeta{}
	var objects []rendered
	for _, ns := range a.namespaces() {
		meta, inject := injected[ns]
		if inject {
			own[ns] = meta
		}
		if owned[ns] || ns == c.settings.source.Namespace || alwaysThere[ns] {
			continue
		}
		objects = append(objects, rendered{newSharedNamespace(ns, meta), origin{doc: a.doc}})
	}
	objects = append(objects, a.source())
	for _, p := range a.policies {
		objects = append(objects, p.kustomization(c, own))
	}
	return c.newDir(a.dir("apps"), objects...)
}

// rolloutDir is rollouts/<namespace>.<application>, or nil where there are none.
func (c *compiler) rolloutDir(a siteApp) *dir {
	var objects []rendered
	for _, p := range a.policies {
		if p.rollout != nil {
			objects = append(objects, p.rollout.objects()...)
		}
	}
	if len(objects) == 0 {
		return nil
	}
	return c.newDir(a.dir("rollouts"), objects...)
}

// checkCollisions says which objects of one cluster are the same, and which
// would have one file.
func (c *compiler) checkCollisions(tree *Tree) {
	bootstrapped := c.settings.bootstrapped()
	for i, cluster := range tree.Clusters {
		objects := map[identity]object{}
		for _, id := range bootstrapped {
			objects[id] = object{id: id, maker: "flux bootstrap"}
		}
		for _, d := range cluster.dirs {
			for i, f := range d.files[:max(0, len(d.files)-1)] {
				if next := d.files[i+1]; next.name == f.name && next.id != f.id {
					c.report(next.origin.doc.Diagnostic(diag.FileTwice, next.origin.path,
						fmt.Sprintf("the object has the file %s/%s, which the one for %s has as well", d.path, f.name, f.origin.position()), "rename one of the two"))
				}
			}
			for _, o := range d.objects {
				first, ok := objects[o.id]
				if !ok {
					objects[o.id] = o
					continue
				}
				// Applications may share a namespace that is rendered alike.
				if o.id.kind == "Namespace" && first.blob.sum == o.blob.sum {
					continue
				}
				c.reportObjectTwice(first, o)
			}
		}
		for _, a := range c.sites[i].apps {
			for _, p := range a.policies {
				if p.rollout != nil {
					c.checkMade(p.rollout, objects)
				}
			}
		}
	}
}

// checkMade says which objects Flagger makes for a rollout and something else
// makes as well.
func (c *compiler) checkMade(r *rollout, objects map[identity]object) {
	canary := identity{"flagger.app", "Canary", r.namespace, r.Workload.Name}
	if !objects[canary].origin.is(r.origin("workload", "name")) {
		return // the rollout itself is there twice, which is said
	}
	for _, made := range r.made {
		if first, ok := objects[made.id]; ok {
			c.reportObjectTwice(first, made)
			return // the rest follows from it
		}
		objects[made.id] = made
	}
}

// reportObjectTwice says that a cluster would get two objects that are the same.
func (c *compiler) reportObjectTwice(a, b object) {
	if a.blob != nil && b.blob != nil && a.origin.position().Compare(b.origin.position()) > 0 {
		a, b = b, a
	}
	what := "is rendered"
	if a.maker != "" {
		what = "is made by " + a.maker
	}
	if a.origin.doc != nil {
		what += fmt.Sprintf(" for %s", a.origin.position())
	}
	c.report(b.origin.doc.Diagnostic(diag.ObjectTwice, b.origin.path, fmt.Sprintf("%s %s as well, and one cluster gets both", b.id, what),
		"rename one of the two, or send them to different clusters with clusterSelector"))
}
