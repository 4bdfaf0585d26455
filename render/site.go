package render

import (
	"encoding/binary"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// variants are the directories of applications, by what of an application they
// hold. Clusters that get the same of it share them.
type variants map[string]*variant

type variant struct {
	// app is nil for remote sites, of which no two get the same.
	app *dir
	// rollout is nil where the application has none.
	rollout *dir
}

// renderSite makes the directory of one cluster, for its own Flux. The layout is made
// for the first of the clusters that get the same.
func (c *compiler) renderSite(s *site, layouts map[string]*clusterLayout, variants variants) *Cluster {
	sync := newSyncFile(c, s.name)
	key := s.key()
	l, ok := layouts[key]
	if !ok {
		l = c.layout(c.ownDirs(s, sync, variants), sync, c.inventoryVersions(s.stack))
		layouts[key] = l
	}
	cluster := newCluster(s.name, sync.root, l)
	cluster.Labels = manifest.TextOf(s.labels)
	if s.stack != nil && ok {
		cluster.infrastructure = s.stack.infrastructure(c, s)
	}
	return cluster
}

// key tells sites apart that do not get the same: by what they have installed, and by
// their policies.
func (s *site) key() string {
	var key []byte
	if s.stack != nil {
		key = fmt.Append(key, s.stack.fleet.namespace, "/", s.stack.fleet.name)
	}
	for _, a := range s.apps {
		for _, p := range a.policies {
			key = binary.AppendUvarint(append(key, 0), p.number)
		}
	}
	return string(key)
}

// layout is that of clusters with these directories, and the one that applies them.
func (c *compiler) layout(dirs []*dir, sync *syncFile, versions map[string]string) *clusterLayout {
	return newLayout(append(dirs, sync.dir()), sync.template(), versions)
}

// ownDirs are the directories that the Flux of the cluster itself applies.
func (c *compiler) ownDirs(s *site, sync *syncFile, variants variants) []*dir {
	var dirs []*dir
	add := func(stage syncStage) api.NamespacedReference {
		dirs = append(dirs, stage.dir)
		return sync.add(stage)
	}
	injected := c.injectedNamespaces(s)
	var ready []api.NamespacedReference
	if s.stack != nil {
		s.stack.render()
		at := s.stack.flagger.origin
		for _, d := range []*dir{s.stack.infrastructure(c, s), s.stack.meshesDir(c), s.stack.meshDir(c, s, injected)} {
			if d != nil {
				ready = []api.NamespacedReference{add(syncStage{name: d.path, dir: d, at: at, wait: true, after: ready})}
			}
		}
	}
	for _, a := range s.apps {
		v := c.variant(a, s, injected, variants)
		var after []api.NamespacedReference
		if a.needsStack(injected) {
			after = ready
		}
		app := add(syncStage{name: a.syncName(layout.AppPrefix), dir: v.app, at: manifest.Origin{Doc: a.doc}, wait: a.waits(), after: after})
		if v.rollout != nil {
			// It does not wait: an analysis takes longer than any timeout.
			add(syncStage{name: a.syncName(layout.RolloutPrefix), dir: v.rollout, at: manifest.Origin{Doc: a.doc}, after: []api.NamespacedReference{app}})
		}
	}
	return dirs
}

// injectedNamespaces are the namespaces of the cluster that workloads are rolled
// out in, whichever application brings them, where they must carry something.
func (c *compiler) injectedNamespaces(s *site) map[string]manifest.NamespaceMeta {
	injected := map[string]manifest.NamespaceMeta{}
	// all are those, and the load tester's, whatever they carry.
	all := map[string]manifest.NamespaceMeta{}
	if s.stack != nil && s.stack.loadTester != nil {
		all[publicLoadTester] = s.stack.namespaceMeta(nil)
	}
	for _, a := range s.apps {
		for _, p := range a.policies {
			if p.rollout == nil {
				continue
			}
			meta := s.stack.namespaceMeta(p.rollout)
			if other, ok := all[p.rollout.namespace]; ok && !reflect.DeepEqual(other, meta) {
				p.rollout.report(diag.MeshesDiffer, schema.Path{"meshName"}, fmt.Sprintf("something else in namespace %s is in another mesh, and all pods of a namespace join one", p.rollout.namespace), "use one meshName for both, or two namespaces")
				continue
			}
			all[p.rollout.namespace] = meta
			if !meta.IsZero() {
				injected[p.rollout.namespace] = meta
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

// needsStack says whether the application has rollouts, whose objects are the
// stack's to know, or pods that must not start before their sidecars can be
// injected.
func (a siteApp) needsStack(injected map[string]manifest.NamespaceMeta) bool {
	for _, p := range a.policies {
		if p.rollout != nil {
			return true
		}
	}
	for _, ns := range a.namespaces() {
		if _, ok := injected[ns]; ok {
			return true
		}
	}
	return false
}

// variant is what a site gets of an application, made once for all sites that
// get the same.
func (c *compiler) variant(a siteApp, s *site, injected map[string]manifest.NamespaceMeta, variants variants) *variant {
	var key strings.Builder
	fmt.Fprintf(&key, "%s %t", a.id(), s.remote)
	if s.stack != nil {
		fmt.Fprintf(&key, "\nstack %s/%s", s.stack.fleet.namespace, s.stack.fleet.name)
	}
	for _, p := range a.policies {
		fmt.Fprintf(&key, "\npolicy %s", p.name)
	}
	for _, ns := range a.namespaces() {
		fmt.Fprintf(&key, "\nnamespace %s %v", ns, injected[ns])
	}
	providers := c.ownAlertProviders(a, s)
	for _, p := range providers {
		fmt.Fprintf(&key, "\nalerts %s", p.Identity())
	}
	v, ok := variants[key.String()]
	if !ok {
		v = &variant{rollout: c.rolloutDir(a, providers)}
		if !s.remote {
			v.app = c.appDir(a, s, injected)
		}
		variants[key.String()] = v
	}
	return v
}

// ownAlertProviders are the AlertProviders that come with an application: those
// that its rollouts name, and none of the applications before it on the site.
func (c *compiler) ownAlertProviders(a siteApp, s *site) []manifest.Rendered {
	if s.alerts == nil {
		s.alerts = map[*application][]manifest.Rendered{}
		seen := map[*alertProvider]bool{}
		for _, other := range s.apps {
			for _, provider := range other.alertProviders() {
				if !seen[provider] {
					seen[provider] = true
					s.alerts[other.application] = append(s.alerts[other.application], c.alertProviderObject(provider))
				}
			}
		}
	}
	return s.alerts[a.application]
}

// alertProviders are those that the application's rollouts name.
func (a siteApp) alertProviders() (all []*alertProvider) {
	for _, p := range a.policies {
		if p.rollout != nil {
			all = append(all, p.rollout.alertProviders()...)
		}
	}
	return all
}

// appDir is apps/<namespace>.<application>: namespaces, the source, and what
// applies it.
func (c *compiler) appDir(a siteApp, s *site, injected map[string]manifest.NamespaceMeta) *dir {
	objects := append(c.appNamespaces(a, s, injected), a.source())
	return c.newAppDir(a, "apps", append(objects, c.policyObjects(a, injected)...)...)
}

// newAppDir makes the directory of an application below another.
func (c *compiler) newAppDir(a siteApp, above string, objects ...manifest.Rendered) *dir {
	d := c.newDir(a.dir(above), objects...)
	d.app = a.id()
	return d
}

// appNamespaces are those that the application needs and nothing else brings.
func (c *compiler) appNamespaces(a siteApp, s *site, injected map[string]manifest.NamespaceMeta) []manifest.Rendered {
	var owned map[string]bool
	if s.stack != nil {
		owned = s.stack.ownedNamespaces()
	}
	var objects []manifest.Rendered
	for _, ns := range a.namespaces() {
		if owned[ns] || ns == c.settings.Source.Namespace && !s.remote || manifest.AlwaysThere[ns] {
			continue
		}
		objects = append(objects, manifest.Rendered{Object: manifest.NewSharedNamespace(ns, injected[ns]), Origin: manifest.Origin{Doc: a.doc}})
	}
	return objects
}

// policyObjects are the Flux Kustomizations and HelmReleases of the application.
func (c *compiler) policyObjects(a siteApp, injected map[string]manifest.NamespaceMeta) []manifest.Rendered {
	own := map[string]manifest.NamespaceMeta{}
	for _, ns := range a.namespaces() {
		if meta, ok := injected[ns]; ok {
			own[ns] = meta
		}
	}
	var objects []manifest.Rendered
	for _, p := range a.policies {
		if p.Helm != nil {
			objects = append(objects, p.helmRelease(c, own))
		} else {
			objects = append(objects, p.kustomization(c, own))
		}
	}
	return objects
}

// rolloutDir is rollouts/<namespace>.<application>, or nil where there are none.
func (c *compiler) rolloutDir(a siteApp, providers []manifest.Rendered) *dir {
	var objects []manifest.Rendered
	for _, p := range a.policies {
		if p.rollout != nil {
			objects = append(objects, p.rollout.objects()...)
		}
	}
	if len(objects) == 0 {
		return nil
	}
	return c.newAppDir(a, "rollouts", append(objects, providers...)...)
}

// checkCollisions says which objects of one cluster are the same, and which
// would have one file.
func (c *compiler) checkCollisions(tree *Tree) {
	checked := map[*clusterLayout]bool{}
	for i, cluster := range tree.Clusters {
		if checked[cluster.clusterLayout] {
			continue // what meets there has met in another
		}
		checked[cluster.clusterLayout] = true
		// What a hub applies to another cluster meets there, not on the hub.
		clusters := map[*site]map[manifest.Identity]object{nil: c.bootstrapped()}
		// canary is the last one that is there twice: what else its rollout has, which
		// comes behind it, is there twice because of that.
		var canary manifest.Origin
		for _, d := range cluster.dirs {
			c.checkFiles(d)
			objects := clusters[d.spoke]
			if objects == nil {
				objects = map[manifest.Identity]object{}
				clusters[d.spoke] = objects
			}
			for _, o := range d.objects {
				first, ok := objects[o.id]
				switch {
				case !ok:
					objects[o.id] = o
				case o.id.Kind == "Namespace" && first.blob.sum == o.blob.sum:
					// Applications may share a namespace that is rendered alike.
				case canary.Doc != nil && o.origin.SameRollout(canary):
				default:
					c.reportObjectTwice(first, o)
					if o.id.Kind == "Canary" {
						canary = o.origin
					}
				}
			}
		}
		sites := c.sites
		if !c.settings.Hub {
			sites = sites[i : i+1]
		}
		for _, s := range sites {
			objects := clusters[s.spoke()]
			if objects == nil {
				objects = map[manifest.Identity]object{}
			}
			c.checkSite(s, objects)
		}
	}
}

// bootstrapped are the objects that "flux bootstrap" makes.
func (c *compiler) bootstrapped() map[manifest.Identity]object {
	objects := map[manifest.Identity]object{}
	for _, id := range c.settings.Bootstrapped() {
		objects[id] = object{id: id, maker: "flux bootstrap"}
	}
	return objects
}

// checkFiles says which objects of a directory would have one file.
func (c *compiler) checkFiles(d *dir) {
	for i, f := range d.files[:max(0, len(d.files)-1)] {
		if next := d.files[i+1]; next.name == f.name && next.id != f.id {
			c.Add(next.origin.Doc.Diagnostic(diag.FileTwice, next.origin.Path,
				fmt.Sprintf("the object has the file %s/%s, which the one for %s has as well", d.path, f.name, f.origin.Position()), "rename one of the two"))
		}
	}
}

// checkSite says what the rollouts and the releases of a cluster share with
// others there that only one can have.
func (c *compiler) checkSite(s *site, objects map[manifest.Identity]object) {
	hosts, releases := map[string]*rollout{}, s.stack.helmReleases()
	for _, a := range s.apps {
		for _, p := range a.policies {
			if p.rollout != nil {
				c.checkMade(p.rollout, objects)
				c.checkHost(p.rollout, hosts)
			}
			if p.Helm != nil {
				c.checkRelease(p.policy, releases)
			}
		}
	}
}

// checkHost says which rollouts have one host: ingress-nginx's admission webhook
// refuses the second Ingress for it, and Istio takes one of two VirtualServices, or
// merges them in an order that nobody knows.
func (c *compiler) checkHost(r *rollout, hosts map[string]*rollout) {
	for i, host := range r.istioHosts() {
		for _, gateway := range r.istioGateways() {
			key := host + " of " + gateway
			if first, ok := hosts[key]; ok && first != r {
				r.report(diag.RouteTwice, inRouting("hosts").With(i), fmt.Sprintf("the rollout at %s has the host %s at the gateway %s as well, and one cluster gets both", first.origin(inRouting("hosts")...).Position(), host, gateway), "give one of the two another host or gateway, or send them to different clusters with clusterSelector")
				return
			}
			hosts[key] = r
		}
	}
	for _, host := range r.hosts() {
		if first, ok := hosts[host]; ok && first != r {
			r.report(diag.HostTwice, inRouting("host"), fmt.Sprintf("the rollout at %s has the host %s as well, and one cluster gets both", first.origin(inRouting("host")...).Position(), host), "give one of the two another host, or send them to different clusters with clusterSelector")
			return
		}
		hosts[host] = r
	}
}

// A helmName is what Helm tells releases apart by.
type helmName struct{ namespace, release string }

// helmReleases are the releases of the stack. Helm knows one by its name in the
// namespace that it is stored in, and its objects by that in the namespace that they
// are in, which is the same one here.
func (s *stack) helmReleases() map[helmName]manifest.Origin {
	names := map[helmName]manifest.Origin{}
	if s == nil {
		return names
	}
	for _, r := range append(s.releases(), s.flagger, s.loadTester) {
		if r != nil {
			names[helmName{r.namespace, r.name}] = r.origin
		}
	}
	return names
}

// checkRelease says which releases of a policy and of others are the same to Helm.
func (c *compiler) checkRelease(p *policy, releases map[helmName]manifest.Origin) {
	own := manifest.Origin{Doc: p.app.doc, Path: p.path}
	// The HelmRelease is in the Application's namespace, and there Helm stores it.
	for _, name := range []helmName{{p.app.namespace, p.releaseName()}, {p.targetNamespace(), p.releaseName()}} {
		if first, ok := releases[name]; ok && !first.Is(own) {
			c.Add(p.app.doc.Diagnostic(diag.ReleaseTwice, p.path.With("helm", "releaseName"),
				fmt.Sprintf("what is at %s has the release %s in namespace %s as well, and one cluster gets both", first.Position(), name.release, name.namespace), "give the policy another releaseName"))
			return
		}
		releases[name] = own
	}
}

// checkMade says which objects Flagger makes for a rollout and something else
// makes as well.
func (c *compiler) checkMade(r *rollout, objects map[manifest.Identity]object) {
	canary := manifest.Identity{Group: "flagger.app", Kind: "Canary", Namespace: r.namespace, Name: r.Workload.Name}
	if !objects[canary].origin.Is(r.origin("workload", "name")) {
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
	if a.maker == "" && b.maker == "" && a.origin.Position().Compare(b.origin.Position()) > 0 {
		a, b = b, a
	}
	what := "is rendered"
	if a.maker != "" {
		what = "is made by " + a.maker
	}
	if a.origin.Doc != nil {
		what += fmt.Sprintf(" for %s", a.origin.Position())
	}
	c.Add(b.origin.Doc.Diagnostic(diag.ObjectTwice, b.origin.Path, fmt.Sprintf("%s %s as well, and one cluster gets both", b.id, what),
		"rename one of the two, or send them to different clusters with clusterSelector"))
}
