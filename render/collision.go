package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/provider"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/tree"
	"github.com/fleetwright/fleetwright/schema"
)

// objectsByID holds the objects of a cluster.
type objectsByID map[manifest.Identity]*tree.Held

// checkCollisions reports objects of a cluster with the same identity, and objects with the same file.
func (c *compiler) checkCollisions(rendered *tree.Tree, held map[*tree.Dir][]tree.Held) {
	for d, objects := range held {
		c.checkFiles(d.Path, objects)
	}
	checked, own := map[*tree.Layout]bool{}, objectsByID{}
	for i, cluster := range rendered.Clusters {
		if checked[cluster.Layout] {
			continue // its collisions were reported for another cluster
		}
		checked[cluster.Layout] = true
		// Objects that a hub applies to another cluster can only collide there, not on the hub.
		clear(own)
		c.addBootstrapped(own)
		clusters := map[string]objectsByID{"": own}
		// canary is the last duplicate Canary. The other objects of its rollout follow it, and are duplicates
		// for the same reason.
		var canary manifest.Origin
		for _, d := range cluster.Dirs {
			objects, ok := clusters[d.Cluster]
			if !ok {
				objects = objectsByID{}
				clusters[d.Cluster] = objects
			}
			for i := range held[d] {
				o := &held[d][i]
				first, ok := objects[o.ID]
				switch {
				case !ok:
					objects[o.ID] = o
				case o.ID.Kind == "Namespace" && first.Blob.Sum == o.Blob.Sum:
					// Applications may share a namespace that is rendered identically.
				case canary.Doc != nil && o.Origin.SameRollout(canary):
				default:
					c.reportObjectTwice(*first, *o)
					if o.ID.Kind == "Canary" {
						canary = o.Origin
					}
				}
			}
		}
		targets := c.targets
		if !c.Settings.Hub {
			targets = targets[i : i+1]
		}
		for _, t := range targets {
			objects := clusters[""]
			if t.Remote {
				objects = clusters[t.Name]
			}
			c.checkTarget(t, objects)
		}
	}
}

// addBootstrapped adds the objects that "flux bootstrap" creates: the source that the clusters sync from, unless
// it is rendered, and the Kustomization with the same name.
func (c *compiler) addBootstrapped(objects objectsByID) {
	source := c.Settings.Source
	for group, kind := range map[string]string{"source.toolkit.fluxcd.io": source.Kind, "kustomize.toolkit.fluxcd.io": "Kustomization"} {
		if kind != "Kustomization" && c.Settings.Artifact != nil {
			continue
		}
		id := manifest.Identity{Group: group, Kind: kind, Namespace: source.Namespace, Name: source.Name}
		objects[id] = &tree.Held{ID: id, Maker: "flux bootstrap"}
	}
}

// checkFiles reports objects of a directory with the same file.
func (c *compiler) checkFiles(dir string, objects []tree.Held) {
	if len(objects) < 2 {
		return
	}
	files := make(map[string]*tree.Held, len(objects))
	for i := range objects {
		o := &objects[i]
		if first, ok := files[o.File]; ok && first.ID != o.ID && o.File != "" {
			c.AddAt(o.Origin, diag.FileTwice,
				fmt.Sprintf("%s/%s would hold both this object and the one for %s; the cluster would get only one of them", dir, o.File, first.Origin.Position()), "rename one of the two")
		}
		files[o.File] = o
	}
}

// checkTarget reports hosts, meshes, objects and releases that two rollouts or releases of a target both claim.
func (c *compiler) checkTarget(t *place.Target, objects objectsByID) {
	_, differing := c.injectedNamespaces(t)
	var first map[string]string
	if len(differing) > 0 {
		first = c.meshProviders(t)
	}
	for _, r := range differing {
		if other := first[r.Namespace]; other != "" && other != r.TrafficRoutingProvider {
			r.Report(diag.MeshesDiffer, schema.Path{"workload", "namespace"}, fmt.Sprintf("another rollout in namespace %s is on %s, this one on %s; all pods of a namespace join one mesh", r.Namespace, other, r.TrafficRoutingProvider),
				"move one of the two workloads to another namespace")
			continue
		}
		if r.TrafficRoutingProvider == flagger.Istio {
			r.Report(diag.MeshesDiffer, schema.Path{"workload", "namespace"}, fmt.Sprintf("another Application, or the Fleet, sets another revision of Istio for namespace %s; all pods of a namespace get one revision", r.Namespace),
				"plugin: {flagger: {installed: {istio: {revision: 1-26-2}}}} in the Fleet's spec, and no patch of istio.io/rev")
			continue
		}
		r.Report(diag.MeshesDiffer, schema.Path{"meshName"}, fmt.Sprintf("another workload in namespace %s is in another mesh; all pods of a namespace join one mesh", r.Namespace), "set the same meshName for both, or use two namespaces")
	}
	c.checkMeshProviders(t)
	hosts := sharedHosts{map[provider.IstioHost]*rules.SharedHost{}, map[rules.HostPath]*rules.Rollout{}, rules.SharedRoutes{}}
	releases := helmReleases(c.installation(t))
	for _, a := range t.Apps {
		for _, p := range a.Policies {
			if r := c.rollout(p, t); r != nil {
				c.checkMade(r, objects)
				hosts.check(r)
			}
			if p.Helm != nil {
				c.checkRelease(p, releases)
			}
		}
	}
}

// checkMeshProviders reports the rollouts of a target that use HTTPRoutes in a mesh of Kuma in which others use
// TrafficRoutes.
func (c *compiler) checkMeshProviders(t *place.Target) {
	byRoute, byGateway := map[string]*rollout.Rollout{}, map[string][]*rollout.Rollout{}
	for _, a := range t.Apps {
		for _, r := range c.rolloutsOf(a, t) {
			switch route, ok := provider.KumaRouteOf(r); {
			case !ok:
			case route.ByHTTPRoute:
				byGateway[route.Mesh] = append(byGateway[route.Mesh], r)
			case byRoute[route.Mesh] == nil:
				byRoute[route.Mesh] = r
			}
		}
	}
	for mesh, first := range byRoute {
		for _, r := range byGateway[mesh] {
			provider.CheckMeshProvider(r, first)
		}
	}
}

// meshProviders returns the provider of the first rollout in each namespace whose pods need sidecars.
func (c *compiler) meshProviders(t *place.Target) map[string]string {
	first := map[string]string{}
	for _, a := range t.Apps {
		for _, r := range c.rolloutsOf(a, t) {
			if first[r.Namespace] == "" && !r.On.NamespaceMeta(r).IsZero() {
				first[r.Namespace] = r.TrafficRoutingProvider
			}
		}
	}
	return first
}

// sharedHosts holds the hosts of a target's rollouts.
type sharedHosts struct {
	istio  map[provider.IstioHost]*rules.SharedHost
	nginx  map[rules.HostPath]*rules.Rollout
	routes rules.SharedRoutes
}

// check reports a rollout that may get the requests of another. ingress-nginx's admission webhook rejects the
// second Ingress for a path of a host; Istio sends requests for both to one of them.
func (h *sharedHosts) check(r *rollout.Rollout) {
	const elsewhere = "or send them to different clusters with clusterSelector"
	report := func(code diag.Code, object manifest.Identity, field schema.Path, message, hint string) {
		r.ReportFinding(rules.Finding{Code: code, Object: object, Field: field, Message: message, Hint: hint})
	}
	own := r.Judged
	for n, host := range provider.IstioHosts(own) {
		shared := h.istio[host]
		if shared == nil {
			shared = &rules.SharedHost{One: host.InMesh()}
			h.istio[host] = shared
		}
		other := shared.Add(own)
		if other == nil {
			continue
		}
		hosts := schema.Path{"spec", "service", "hosts"}
		message := fmt.Sprintf("the rollout at %s also has host %s at gateway %s on the same cluster; one of them may lose its requests", other.Source.Position(other.ID, hosts), host.Host, host.Gateway)
		hint := "give one of the two another host or gateway, " + elsewhere
		if !host.InMesh() {
			hint = fmt.Sprintf("patches: [{target: {kind: Canary}, patch: '- {op: add, path: /spec/service/match, value: [{uri: {prefix: /%s/}}]}'}], and another prefix for the other rollout; or another host or gateway; %s", own.Service.Name, elsewhere)
		}
		report(diag.RouteTwice, own.ID, hosts.With(n), message, hint)
		return
	}
	if shared := h.routes.Add(own); shared != nil {
		ref := own.Service.GatewayRefs[shared.Parent]
		hosts, name := schema.Path{"spec", "service", "hosts"}, "host "+shared.Host
		if shared.Host == "" {
			name = "no host"
		} else {
			hosts = hosts.With(shared.HostIndex)
		}
		report(diag.HTTPRouteTwice, own.ID, hosts,
			fmt.Sprintf("the rollout at %s also has %s with the same conditions at Gateway %s on the same cluster; the older one gets all requests", shared.Other.Source.Position(shared.Other.ID, schema.Path{"spec", "service", "hosts"}), name, ref.Name),
			routeOfOwn(own, shared.Other)+elsewhere)
		return
	}
	for _, p := range own.IngressPaths() {
		first, ok := h.nginx[p.HostPath]
		if ok && first != own {
			message := fmt.Sprintf("the rollout at %s also has host %s on the same cluster; ingress-nginx rejects the second Ingress", first.Source.Position(first.Ingress.ID, p.Field), p.Host)
			if p.Path != "/" {
				message = fmt.Sprintf("the rollout at %s also has path %s of host %s on the same cluster; ingress-nginx rejects the second Ingress", first.Source.Position(first.Ingress.ID, p.Field), p.Path, p.Host)
			}
			report(diag.HostTwice, own.Ingress.ID, p.Field, message, "give one of the two another host, or patch its Ingress with another path, "+elsewhere)
			return
		}
		h.nginx[p.HostPath] = own
	}
}

// routeOfOwn returns hints that distinguish a rollout's HTTPRoute from another's, except those that one of the
// two already uses.
func routeOfOwn(own, other *rules.Rollout) (ways string) {
	name := own.Service.Name
	if host := name + ".example.com"; !slices.Contains(slices.Concat(own.Service.Hosts, other.Service.Hosts), host) {
		ways = fmt.Sprintf("hosts: [%s], ", host)
	}
	prefix := "/" + name
	if !slices.ContainsFunc(slices.Concat(own.Service.Match, other.Service.Match), func(m flagger.Match) bool { return strings.TrimSuffix(m.URI.Prefix, "/") == prefix }) {
		ways += fmt.Sprintf("serviceMatch: [{uri: {prefix: %s}}], ", prefix)
	}
	return cmp.Or(ways, "another host or another path in serviceMatch, ")
}

// A helmName identifies a release for Helm.
type helmName struct{ namespace, release string }

// helmReleases returns the releases of the installation. Helm identifies a release by its name and the namespace
// in which it is stored, and the objects of a release by its name and their namespace. Here, both namespaces are
// the same.
func helmReleases(s *rollout.Installation) map[helmName]manifest.Origin {
	names := map[helmName]manifest.Origin{}
	if s == nil {
		return names
	}
	for _, r := range s.Releases() {
		names[helmName{r.Namespace, r.Name}] = r.Origin
	}
	return names
}

// checkRelease reports a release of a policy that Helm cannot distinguish from another.
func (c *compiler) checkRelease(p *place.Policy, releases map[helmName]manifest.Origin) {
	own := manifest.Origin{Doc: p.App.Doc, Path: p.Path}
	// Helm stores the release in the namespace of the HelmRelease, which is that of the Application.
	for _, name := range []helmName{{p.App.Namespace, flux.ReleaseName(p)}, {p.TargetNamespace(), flux.ReleaseName(p)}} {
		if first, ok := releases[name]; ok && !first.Is(own) {
			c.Add(p.App.Doc.Diagnostic(diag.ReleaseTwice, p.Path.With("helm", "releaseName"),
				fmt.Sprintf("%s also has the Helm release %s in namespace %s on the same cluster; each upgrade would replace the other", first.Position(), name.release, name.namespace), "set another releaseName for the policy"))
			return
		}
		releases[name] = own
	}
}

// checkMade reports an object that Flagger creates for a rollout and that another owner also has.
func (c *compiler) checkMade(r *rollout.Rollout, objects objectsByID) {
	canary := manifest.Identity{Group: "flagger.app", Kind: "Canary", Namespace: r.Namespace, Name: r.Workload.Name}
	if own := objects[canary]; own == nil || !own.Origin.Is(r.Origin("workload", "name")) {
		return // the rollout itself is reported as a duplicate
	}
	for _, id := range r.Made {
		made := &tree.Held{ID: id, Origin: r.Origin("serviceName"), Maker: "Flagger"}
		if first, ok := objects[made.ID]; ok {
			c.reportObjectTwice(*first, *made)
			return // the other collisions have the same cause
		}
		objects[made.ID] = made
	}
}

// reportObjectTwice reports two objects of a cluster with the same identity.
func (c *compiler) reportObjectTwice(a, b tree.Held) {
	if a.Maker == "" && b.Maker == "" && a.Origin.Position().Compare(b.Origin.Position()) > 0 {
		a, b = b, a
	}
	if b.Origin.Doc == nil {
		return // the name of the source was already reported
	}
	what := "is also rendered"
	if a.Maker != "" {
		what = "is also created by " + a.Maker
	}
	if a.Origin.Doc != nil {
		what += fmt.Sprintf(" for %s", a.Origin.Position())
	}
	c.AddAt(b.Origin, diag.ObjectTwice, fmt.Sprintf("%s %s on the same cluster; each would overwrite the other", b.ID, what),
		"rename one of the two, or send them to different clusters with clusterSelector")
}
