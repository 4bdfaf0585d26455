package render

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A dependency is what a policy waits for.
type dependency struct {
	// ref is what the policy says.
	ref api.NamespacedReference
	// policy is the one that is meant, or nil for what fleetwright does not render.
	policy *policy
	// cluster is the one that Kurator's name of an object says, or nil.
	cluster *cluster
}

// dependsOn is what the policy says that it waits for, and the field it says it in.
func (p *policy) dependsOn() (refs []api.NamespacedReference, field string) {
	switch {
	case p.Kustomization != nil:
		return p.Kustomization.DependsOn, "kustomization"
	case p.Helm != nil:
		return p.Helm.DependsOn, "helm"
	}
	return nil, ""
}

// dependencies are the objects that the policy's own waits for.
func (p sitePolicy) dependencies() (refs []api.NamespacedReference) {
	for _, d := range p.waitsFor {
		ref := d.ref
		switch {
		case d.policy != nil && d.cluster != nil && p.site.remote:
			// Kurator's name is of one cluster, and so is the object on a hub.
			ref.Name = (&site{cluster: d.cluster, remote: true}).objectName(d.policy.name)
		case d.policy != nil:
			ref.Name = p.site.objectName(d.policy.name)
		}
		refs = append(refs, ref)
	}
	return refs
}

// checkDependencies finds what policies wait for, and says which would wait for
// ever: for what nothing makes, for what is not on their cluster, or for each
// other.
func (c *compiler) checkDependencies() {
	d := dependencies{c: c, policies: map[api.NamespacedReference]*policy{}, state: map[*policy]visit{}, place: map[*policy]int{}}
	for _, a := range c.apps {
		for _, p := range a.policies {
			d.policies[api.NamespacedReference{Name: p.name, Namespace: a.namespace}] = p
		}
	}
	for _, a := range c.apps {
		for _, p := range a.policies {
			d.visit(p)
		}
	}
}

type dependencies struct {
	c        *compiler
	policies map[api.NamespacedReference]*policy
	// kurator are the policies by the names that Kurator gives to their objects. It
	// is made when one is asked for: there are as many as policies times clusters.
	kurator map[api.NamespacedReference]dependency
	state   map[*policy]visit
	// place is where a policy that is being visited is in the path.
	place map[*policy]int
	// path are the policies that are being visited, each of which depends on
	// the next.
	path []*policy
}

type visit int

const (
	unvisited visit = iota
	visiting
	visited
)

// find finds the policy that a reference with a namespace means.
func (d *dependencies) find(ref api.NamespacedReference) dependency {
	if p, ok := d.policies[ref]; ok {
		return dependency{policy: p}
	}
	if d.kurator == nil {
		d.kurator = map[api.NamespacedReference]dependency{}
		for _, a := range d.c.apps {
			for _, p := range a.policies {
				d.addKuratorNames(p)
			}
		}
	}
	return d.kurator[ref]
}

// addKuratorNames adds the names of a policy's objects. A name that two have means
// neither.
func (d *dependencies) addKuratorNames(p *policy) {
	for _, cl := range p.clusters {
		name := kuratorName(p.name, cl.kind, cl.name)
		key := api.NamespacedReference{Name: strings.TrimRight(name[:min(len(name), layout.MaxLabel)], "-."), Namespace: p.app.namespace}
		found := dependency{policy: p, cluster: cl}
		if _, ok := d.kurator[key]; ok {
			found = dependency{}
		}
		d.kurator[key] = found
	}
}

// visit checks what a policy depends on, and what that depends on in turn.
func (d *dependencies) visit(p *policy) {
	if d.state[p] != unvisited {
		return
	}
	d.state[p] = visiting
	d.place[p] = len(d.path)
	d.path = append(d.path, p)
	refs, field := p.dependsOn()
	for i, ref := range refs {
		at := p.path.With(field, "dependsOn", i, "name")
		on := d.find(api.NamespacedReference{Name: ref.Name, Namespace: cmp.Or(ref.Namespace, p.app.namespace)})
		on.ref = ref
		p.waitsFor = append(p.waitsFor, on)
		d.check(p, on, at)
	}
	d.path = d.path[:len(d.path)-1]
	d.state[p] = visited
}

// check says why a policy would wait for ever for another, and visits that.
func (d *dependencies) check(p *policy, on dependency, at schema.Path) {
	q, namespace := on.policy, cmp.Or(on.ref.Namespace, p.app.namespace)
	switch {
	case q == nil && (namespace == d.c.settings.Source.Namespace || d.c.mayMiss("Application")):
		// A cluster's own Kustomizations are there too, or it may be of what
		// could not be read.
	case q == nil:
		d.c.Add(p.app.doc.Diagnostic(diag.UnknownDependency, at,
			fmt.Sprintf("no policy makes a %s %s in namespace %s, and without one this policy waits for ever", p.objectKind(), on.ref.Name, namespace),
			"write the name of a policy, or <application>-<index>"))
	case q.objectKind() != p.objectKind():
		d.c.Add(p.app.doc.Diagnostic(diag.DependencyKind, at,
			fmt.Sprintf("a %s waits for its own kind only, and %s is a %s", p.objectKind(), q.name, q.objectKind()),
			"leave the dependency out: "+p.triedAgain()))
	case d.state[q] == visiting:
		d.c.Add(p.app.doc.Diagnostic(diag.DependencyCycle, at, d.cycle(q), "remove one of the dependencies"))
	default:
		if q.suspended() && !p.suspended() {
			d.c.Add(p.app.doc.Diagnostic(diag.WaitsForSuspended, at, fmt.Sprintf("%s is suspended, and where Flux has not applied it before this policy waits for it until it is not", q.name), "suspend: false there, or leave the dependency out"))
		}
		if without := missing(p.clusters, q.clusters); len(without) > 0 && !(on.cluster != nil && d.c.settings.Hub) {
			d.c.Add(p.app.doc.Diagnostic(diag.UnknownDependency, at,
				fmt.Sprintf("%s does not go to %s, where this policy waits for it for ever", q.name, diag.Some(without, 3)), "send both to the same clusters"))
		}
		d.visit(q)
	}
}

// triedAgain says how Flux is to try the policy until what it needs is there. A
// HelmRelease without retries is given up after one failure.
func (p *policy) triedAgain() string {
	if p.Helm != nil {
		return "with install: {remediation: {retries: -1}} Flux tries a HelmRelease until it works"
	}
	return "Flux tries a Kustomization until it works"
}

// cycle names the policies from one that is being visited back to itself.
func (d *dependencies) cycle(p *policy) string {
	if d.path[len(d.path)-1] == p {
		return "the policy waits for itself"
	}
	const few = 10
	var names []string
	way := d.path[d.place[p]:]
	for i, q := range way {
		if i == few && len(way) > few+1 {
			names = append(names, fmt.Sprintf("%d more", len(way)-few))
			break
		}
		names = append(names, q.name)
	}
	return "policies wait for each other: " + strings.Join(append(names, p.name), " -> ")
}

// missing are the names of the clusters that are not among others.
func missing(clusters, others []*cluster) []string {
	among := make(map[*cluster]bool, len(others))
	for _, c := range others {
		among[c] = true
	}
	var names []string
	for _, c := range clusters {
		if !among[c] {
			names = append(names, c.name)
		}
	}
	return names
}
