package place

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A dependency is what a policy waits for.
type dependency struct {
	// ref is the reference as the policy writes it.
	ref api.Dependency
	// policies are those of the name, each for other clusters, or none where fleetwright renders none.
	policies []*Policy
	// on is the one of several policies that goes to a target.
	on map[*Target]*Policy
	// cluster is the cluster in Kurator's name of an object, or nil.
	cluster *Cluster
}

func (p *Policy) dependsOn() (refs []api.Dependency, field string) {
	switch {
	case p.Kustomization != nil:
		return p.Kustomization.DependsOn, "kustomization"
	case p.Helm != nil:
		return p.Helm.DependsOn, "helm"
	}
	return nil, ""
}

// Dependencies returns the objects that the policy's object on a target waits for.
func (p *Policy) Dependencies(on *Target) (refs []api.Dependency) {
	for _, d := range p.waitsFor {
		ref := d.ref
		switch {
		case len(d.policies) == 0:
		case d.cluster != nil && on.Remote:
			// Kurator's name is of one cluster, and so is the object on a hub.
			ref.Name = ObjectNameOnHub(d.policies[0].FluxName, d.cluster.kind, d.cluster.Name)
		default:
			ref.Name = on.ObjectName(d.policies[0].FluxName)
		}
		refs = append(refs, ref)
	}
	return refs
}

// checkDependencies finds what policies wait for, and reports those that would wait for
// ever: for an object that nothing makes or that is not on their cluster, or for each other.
func (pl *placer) checkDependencies(targets []*Target) {
	d := dependencyGraph{placer: pl, policies: map[object][]*Policy{}, on: map[object]map[*Target]*Policy{}, place: map[*Policy]int{}, cyclic: map[*Policy]bool{}}
	for _, a := range pl.Variants {
		for _, p := range a.Policies {
			d.policies[p.object()] = append(d.policies[p.object()], p)
		}
	}
	for _, a := range pl.Variants {
		for _, p := range a.Policies {
			d.visit(p)
		}
	}
	if d.unclear {
		for _, t := range targets {
			d.onTarget(t)
		}
	}
}

// A dependencyGraph is the walk along the dependencies of all policies.
type dependencyGraph struct {
	*placer
	policies map[object][]*Policy
	// on is the policy on each target, for the names that several policies have.
	on map[object]map[*Target]*Policy
	// kurator are the policies by the names that Kurator gives to their objects. It
	// is made when one is asked for: there are as many as policies times clusters.
	kurator map[object]dependency
	// place is where a policy that is being visited is in the path, and then visited.
	place map[*Policy]int
	// path are the policies that are being visited, each of which depends on the next.
	path []*Policy
	// unclear reports whether policies of a shared name wait in a circle, be it on one cluster or not.
	unclear bool
	// cyclic are the policies of the circles that were reported.
	cyclic map[*Policy]bool
}

const visited = -1

// find returns the policies that a reference with a namespace means: those of the kind, or else of the
// other.
func (d *dependencyGraph) find(kind string, ref api.NamespacedReference) dependency {
	for _, o := range []object{{kind, ref}, {otherKind[kind], ref}} {
		if all, ok := d.policies[o]; ok {
			return dependency{policies: all, on: d.byTarget(o)}
		}
	}
	if d.kurator == nil {
		d.kurator = map[object]dependency{}
		for _, a := range d.Variants {
			for _, p := range a.Policies {
				d.addKuratorNames(p)
			}
		}
	}
	if found, ok := d.kurator[object{kind, ref}]; ok {
		return found
	}
	return d.kurator[object{otherKind[kind], ref}]
}

// byTarget returns the policy of a name on each target, if several policies have the name.
func (d *dependencyGraph) byTarget(o object) map[*Target]*Policy {
	all := d.policies[o]
	if on, ok := d.on[o]; ok || len(all) == 1 {
		return on
	}
	on := map[*Target]*Policy{}
	for _, p := range all {
		for _, t := range p.Targets {
			on[t] = p
		}
	}
	d.on[o] = on
	return on
}

// addKuratorNames adds the names of a policy's objects. A name that two have means neither.
func (d *dependencyGraph) addKuratorNames(p *Policy) {
	for _, t := range p.Targets {
		name := kuratorName(p.FluxName, t.kind, t.Name)
		key := p.object()
		key.Name = strings.TrimRight(name[:min(len(name), layout.MaxLabel)], "-.")
		found := dependency{policies: []*Policy{p}, cluster: t.Cluster}
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
	namespace := cmp.Or(on.ref.Namespace, p.App.Namespace)
	if len(on.policies) == 0 {
		// A cluster's own Kustomizations are there too, or it may be of what could not be read.
		if namespace != d.settings.Source.Namespace && !d.MayMiss("Application") {
			d.Add(p.App.Doc.Diagnostic(diag.UnknownDependency, at,
				fmt.Sprintf("no policy makes a %s %s in namespace %s, and without one this policy waits for ever", p.ObjectKind(), on.ref.Name, namespace),
				"write the name of a policy, or <application>-<index>"))
		}
		return
	}
	first := on.policies[0]
	if first.ObjectKind() != p.ObjectKind() {
		d.Add(p.App.Doc.Diagnostic(diag.DependencyKind, at,
			fmt.Sprintf("a %s waits for its own kind only, and %s is a %s", p.ObjectKind(), first.FluxName, first.ObjectKind()),
			"leave the dependency out: "+p.triedAgain()))
		return
	}
	all, met := on.meet(p)
	for _, q := range all {
		if place, known := d.place[q]; known && place != visited {
			if !d.isCycle(d.path[place:]) {
				continue
			}
			d.reportCycle(p, at, d.path[place:])
			return
		}
		if q.Suspended() && !p.Suspended() {
			d.Add(p.App.Doc.Diagnostic(diag.WaitsForSuspended, at, fmt.Sprintf("%s is suspended, and where Flux has not applied it before this policy waits for it until it is not", q.FluxName), "suspend: false there, or leave the dependency out"))
		}
	}
	without := missing(p.Targets, met)
	if other := d.ofOtherKind(p, first, met); len(other) > 0 {
		d.Add(p.App.Doc.Diagnostic(diag.DependencyKind, at,
			fmt.Sprintf("a %s waits for its own kind only, and on %s %s is a %s", p.ObjectKind(), diag.Some(other, 3), first.FluxName, otherKind[p.ObjectKind()]),
			"leave the dependency out there: "+p.triedAgain()))
		without = slices.DeleteFunc(without, func(name string) bool { return slices.Contains(other, name) })
	}
	if len(without) > 0 && !(on.cluster != nil && d.settings.Hub) {
		d.Add(p.App.Doc.Diagnostic(diag.UnknownDependency, at,
			fmt.Sprintf("%s does not go to %s, where this policy waits for it for ever", first.FluxName, diag.Some(without, 3)), "send both to the same clusters"))
	}
	for _, q := range all {
		d.visit(q)
	}
}

// ofOtherKind returns the clusters of a policy on which another that it waits for is of the other kind, by
// overrides.
func (d *dependencyGraph) ofOtherKind(p, on *Policy, met map[*Target]bool) (names []string) {
	object := on.object()
	object.kind = otherKind[object.kind]
	there := map[*Target]bool{}
	for _, q := range d.policies[object] {
		for _, t := range q.Targets {
			there[t] = true
		}
	}
	for _, t := range p.Targets {
		if there[t] && !met[t] {
			names = append(names, t.Name)
		}
	}
	return names
}

// otherKind is the other kind of the objects of policies.
var otherKind = map[string]string{"Kustomization": "HelmRelease", "HelmRelease": "Kustomization"}

// reportCycle reports policies of which each waits for the next, and the last for the first.
func (d *dependencyGraph) reportCycle(p *Policy, at schema.Path, policies []*Policy) {
	for _, p := range policies {
		d.cyclic[p] = true
	}
	d.Add(p.App.Doc.Diagnostic(diag.DependencyCycle, at, cycle(policies), "remove one of the dependencies"))
}

// isCycle reports whether policies that wait for each other do so on any cluster. Of names that several
// policies have each may be on others: then that is left to onTarget.
func (d *dependencyGraph) isCycle(policies []*Policy) bool {
	shared := slices.ContainsFunc(policies, func(p *Policy) bool { return len(d.policies[p.object()]) > 1 })
	d.unclear = d.unclear || shared
	return !shared
}

// onTarget reports the policies of a target that wait for each other there, unless one of them was reported.
func (d *dependencyGraph) onTarget(t *Target) {
	place, path := map[*Policy]int{}, []*Policy(nil)
	here := map[*Policy]bool{}
	for _, a := range t.Apps {
		for _, p := range a.Policies {
			here[p] = true
		}
	}
	var visit func(p *Policy)
	visit = func(p *Policy) {
		if _, known := place[p]; known {
			return
		}
		place[p] = len(path)
		path = append(path, p)
		_, field := p.dependsOn()
		for i, on := range p.waitsFor {
			q := on.on[t]
			if len(on.policies) == 1 {
				q = on.policies[0]
			}
			if q == nil || !here[q] || q.ObjectKind() != p.ObjectKind() {
				continue
			}
			if at, known := place[q]; known && at != visited {
				if !slices.ContainsFunc(path[at:], func(p *Policy) bool { return d.cyclic[p] }) {
					d.reportCycle(p, p.Path.With(field, "dependsOn", i, "name"), path[at:])
				}
				continue
			}
			visit(q)
		}
		path = path[:len(path)-1]
		place[p] = visited
	}
	for _, a := range t.Apps {
		for _, p := range a.Policies {
			visit(p)
		}
	}
}

// meet returns the policies of a dependency that meet the waiting policy on a target, and the targets where
// they are. A policy that has its name alone counts in any case.
func (on dependency) meet(p *Policy) (all []*Policy, met map[*Target]bool) {
	if len(on.policies) == 1 {
		return on.policies, setOf(on.policies[0].Targets)
	}
	met = map[*Target]bool{}
	seen := map[*Policy]bool{}
	for _, t := range p.Targets {
		q := on.on[t]
		if q == nil {
			continue
		}
		met[t] = true
		if !seen[q] {
			seen[q] = true
			all = append(all, q)
		}
	}
	slices.SortFunc(all, func(a, b *Policy) int { return cmp.Compare(a.Number, b.Number) })
	return all, met
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

func setOf(targets []*Target) map[*Target]bool {
	set := make(map[*Target]bool, len(targets))
	for _, t := range targets {
		set[t] = true
	}
	return set
}

func missing(targets []*Target, among map[*Target]bool) (names []string) {
	for _, t := range targets {
		if !among[t] {
			names = append(names, t.Name)
		}
	}
	return names
}
