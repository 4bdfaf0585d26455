package place

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
	// ref is the reference as the policy writes it.
	ref api.NamespacedReference
	// policy is the policy that is meant, or nil where fleetwright does not render it.
	policy *Policy
	// cluster is the cluster in Kurator's name of an object, or nil.
	cluster *Cluster
}

func (p *Policy) dependsOn() (refs []api.NamespacedReference, field string) {
	switch {
	case p.Kustomization != nil:
		return p.Kustomization.DependsOn, "kustomization"
	case p.Helm != nil:
		return p.Helm.DependsOn, "helm"
	}
	return nil, ""
}

// Dependencies returns the objects that the policy's object on a target waits for.
func (p *Policy) Dependencies(on *Target) (refs []api.NamespacedReference) {
	for _, d := range p.waitsFor {
		ref := d.ref
		switch {
		case d.policy != nil && d.cluster != nil && on.Remote:
			// Kurator's name is of one cluster, and so is the object on a hub.
			ref.Name = ObjectNameOnHub(d.policy.FluxName, d.cluster.kind, d.cluster.Name)
		case d.policy != nil:
			ref.Name = on.ObjectName(d.policy.FluxName)
		}
		refs = append(refs, ref)
	}
	return refs
}

// checkDependencies finds what policies wait for, and reports those that would wait for
// ever: for an object that nothing makes or that is not on their cluster, or for each other.
func (pl *placer) checkDependencies() {
	d := dependencyGraph{placer: pl, policies: map[object]*Policy{}, place: map[*Policy]int{}}
	for _, a := range pl.Applications {
		for _, p := range a.Policies {
			d.policies[p.object()] = p
		}
	}
	for _, a := range pl.Applications {
		for _, p := range a.Policies {
			d.visit(p)
		}
	}
}

// A dependencyGraph is the walk along the dependencies of all policies.
type dependencyGraph struct {
	*placer
	policies map[object]*Policy
	// kurator are the policies by the names that Kurator gives to their objects. It
	// is made when one is asked for: there are as many as policies times clusters.
	kurator map[object]dependency
	// place is where a policy that is being visited is in the path, and then visited.
	place map[*Policy]int
	// path are the policies that are being visited, each of which depends on the next.
	path []*Policy
}

const visited = -1

// find returns the policy that a reference with a namespace means: one of the kind, or else of the
// other.
func (d *dependencyGraph) find(kind string, ref api.NamespacedReference) dependency {
	other := map[string]string{"Kustomization": "HelmRelease", "HelmRelease": "Kustomization"}[kind]
	for _, o := range []object{{kind, ref}, {other, ref}} {
		if p, ok := d.policies[o]; ok {
			return dependency{policy: p}
		}
	}
	if d.kurator == nil {
		d.kurator = map[object]dependency{}
		for _, a := range d.Applications {
			for _, p := range a.Policies {
				d.addKuratorNames(p)
			}
		}
	}
	if found, ok := d.kurator[object{kind, ref}]; ok {
		return found
	}
	return d.kurator[object{other, ref}]
}

// addKuratorNames adds the names of a policy's objects. A name that two have means neither.
func (d *dependencyGraph) addKuratorNames(p *Policy) {
	for _, t := range p.Targets {
		name := kuratorName(p.FluxName, t.kind, t.Name)
		key := p.object()
		key.Name = strings.TrimRight(name[:min(len(name), layout.MaxLabel)], "-.")
		found := dependency{policy: p, cluster: t.Cluster}
		if _, ok := d.kurator[key]; ok {
			found = dependency{}
		}
		d.kurator[key] = found
	}
}

func (d *dependencyGraph) visit(p *Policy) {
	if _, known := d.place[p]; known {
		return
	}
	d.place[p] = len(d.path)
	d.path = append(d.path, p)
	refs, field := p.dependsOn()
	for i, ref := range refs {
		at := p.Path.With(field, "dependsOn", i, "name")
		on := d.find(p.ObjectKind(), api.NamespacedReference{Name: ref.Name, Namespace: cmp.Or(ref.Namespace, p.App.Namespace)})
		on.ref = ref
		p.waitsFor = append(p.waitsFor, on)
		d.check(p, on, at)
	}
	d.path = d.path[:len(d.path)-1]
	d.place[p] = visited
}

// check reports why a policy would wait for ever for another, and visits that.
func (d *dependencyGraph) check(p *Policy, on dependency, at schema.Path) {
	q, namespace := on.policy, cmp.Or(on.ref.Namespace, p.App.Namespace)
	place, known := d.place[q]
	switch {
	case q == nil && (namespace == d.settings.Source.Namespace || d.MayMiss("Application")):
		// A cluster's own Kustomizations are there too, or it may be of what could not be read.
	case q == nil:
		d.Add(p.App.Doc.Diagnostic(diag.UnknownDependency, at,
			fmt.Sprintf("no policy makes a %s %s in namespace %s, and without one this policy waits for ever", p.ObjectKind(), on.ref.Name, namespace),
			"write the name of a policy, or <application>-<index>"))
	case q.ObjectKind() != p.ObjectKind():
		d.Add(p.App.Doc.Diagnostic(diag.DependencyKind, at,
			fmt.Sprintf("a %s waits for its own kind only, and %s is a %s", p.ObjectKind(), q.FluxName, q.ObjectKind()),
			"leave the dependency out: "+p.triedAgain()))
	case known && place != visited:
		d.Add(p.App.Doc.Diagnostic(diag.DependencyCycle, at, cycle(d.path[place:]), "remove one of the dependencies"))
	default:
		if q.Suspended() && !p.Suspended() {
			d.Add(p.App.Doc.Diagnostic(diag.WaitsForSuspended, at, fmt.Sprintf("%s is suspended, and where Flux has not applied it before this policy waits for it until it is not", q.FluxName), "suspend: false there, or leave the dependency out"))
		}
		if without := missing(p.Targets, q.Targets); len(without) > 0 && !(on.cluster != nil && d.settings.Hub) {
			d.Add(p.App.Doc.Diagnostic(diag.UnknownDependency, at,
				fmt.Sprintf("%s does not go to %s, where this policy waits for it for ever", q.FluxName, diag.Some(without, 3)), "send both to the same clusters"))
		}
		d.visit(q)
	}
}

// triedAgain returns how Flux retries: it gives up a HelmRelease without retries at once.
func (p *Policy) triedAgain() string {
	if p.Helm != nil {
		return "with install: {remediation: {retries: -1}} Flux tries a HelmRelease until it works"
	}
	return "Flux tries a Kustomization until it works"
}

// cycle describes policies of which each waits for the next, and the last for the first.
func cycle(policies []*Policy) string {
	if len(policies) == 1 {
		return "the policy waits for itself"
	}
	const few = 10
	var names []string
	for i, p := range policies {
		if i == few && len(policies) > few+1 {
			names = append(names, fmt.Sprintf("%d more", len(policies)-few))
			break
		}
		names = append(names, p.FluxName)
	}
	return "policies wait for each other: " + strings.Join(append(names, policies[0].FluxName), " -> ")
}

func missing(targets, others []*Target) (names []string) {
	among := make(map[*Target]bool, len(others))
	for _, t := range others {
		among[t] = true
	}
	for _, t := range targets {
		if !among[t] {
			names = append(names, t.Name)
		}
	}
	return names
}
