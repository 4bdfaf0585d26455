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

// A dependency is an object that a policy waits for.
type dependency struct {
	// ref is the reference as the policy writes it.
	ref api.Dependency
	// policies holds the policies with the name, each for other clusters, or none if fleetwright renders none.
	policies []*Policy
	// on holds the policy on each target, if several policies have the name.
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
			// Kurator's name stands for one cluster, and so does the object on a hub.
			ref.Name = ObjectNameOnHub(d.policies[0].FluxName, d.cluster.kind, d.cluster.Name)
		default:
			ref.Name = on.ObjectName(d.policies[0].FluxName)
		}
		refs = append(refs, ref)
	}
	return refs
}

// WaitsFor returns the policies that the policy waits for on a target.
func (p *Policy) WaitsFor(on *Target) (all []*Policy) {
	for _, d := range p.waitsFor {
		if q := d.policyOn(on); q != nil {
			all = append(all, q)
		}
	}
	return all
}

// policyOn returns the policy of the dependency on a target, or nil.
func (on dependency) policyOn(t *Target) *Policy {
	if len(on.policies) == 1 {
		return on.policies[0]
	}
	return on.on[t]
}

// checkDependencies resolves the dependencies of policies, and reports those that would wait forever: for an
// object that is not rendered or not on their cluster, or for each other.
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

// A dependencyGraph is the traversal of the dependencies of all policies.
type dependencyGraph struct {
	*placer
	policies map[object][]*Policy
	// on holds the policy on each target, for names that several policies have.
	on map[object]map[*Target]*Policy
	// kurator holds the policies by the names that Kurator gives to their objects. It is computed on first use,
	// because it has as many entries as policies times clusters.
	kurator map[object]dependency
	// names holds the names of the policies of each kind and namespace, sorted. It is computed on first use.
	names map[object][]string
	// place holds the index in path of each policy being visited, and then the constant visited.
	place map[*Policy]int
	// path holds the policies being visited, each of which depends on the next.
	path []*Policy
	// unclear reports whether policies with a shared name form a cycle, which may be on no single cluster.
	unclear bool
	// cyclic holds the policies of reported cycles.
	cyclic map[*Policy]bool
}

const visited = -1

// find returns the policies to which a reference with a namespace refers: those of the kind, or else of the
// other kind.
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

// nameHint returns the hint for a policy that depends on an unknown one: a similar name of its own kind, if any.
func (d *dependencyGraph) nameHint(p *Policy, name, namespace string) string {
	in := func(o object) object { return object{o.kind, api.NamespacedReference{Namespace: o.Namespace}} }
	if d.names == nil {
		d.names = map[object][]string{}
		for o := range d.policies {
			d.names[in(o)] = append(d.names[in(o)], o.Name)
		}
		for _, names := range d.names {
			slices.Sort(names)
		}
	}
	const otherwise = "write the name of a policy; one without a name is called <application>-<index>"
	all := d.names[object{p.ObjectKind(), api.NamespacedReference{Namespace: namespace}}]
	if diag.Nearest(name, all) == p.FluxName {
		return otherwise
	}
	return diag.DidYouMean(name, all, otherwise)
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

// addKuratorNames adds Kurator's names of a policy's objects. A name that two policies share is not resolved.
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

// check reports why a policy would wait forever for another, and visits the latter.
func (d *dependencyGraph) check(p *Policy, on dependency, at schema.Path) {
	namespace := cmp.Or(on.ref.Namespace, p.App.Namespace)
	if len(on.policies) == 0 {
		// The cluster's own Kustomizations exist too, and so may those of unreadable files.
		if namespace != d.settings.Source.Namespace && !d.MayMiss("Application") {
			d.Add(p.App.Doc.Diagnostic(diag.UnknownDependency, at,
				fmt.Sprintf("no policy renders a %s %s in namespace %s, so this policy waits forever", p.ObjectKind(), on.ref.Name, namespace),
				d.nameHint(p, on.ref.Name, namespace)))
		}
		return
	}
	first := on.policies[0]
	if first.ObjectKind() != p.ObjectKind() {
		d.Add(p.App.Doc.Diagnostic(diag.DependencyKind, at,
			fmt.Sprintf("a %s can depend only on its own kind, but %s is a %s", p.ObjectKind(), first.FluxName, first.ObjectKind()),
			"remove the dependency: "+p.triedAgain()))
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
			d.Add(p.App.Doc.Diagnostic(diag.WaitsForSuspended, at, fmt.Sprintf("%s is suspended; on a new cluster this policy waits until it is resumed", q.FluxName), "suspend: false in that policy, or remove the dependency"))
		}
	}
	without := missing(p.Targets, met)
	if other := d.ofOtherKind(p, first, met); len(other) > 0 {
		d.Add(p.App.Doc.Diagnostic(diag.DependencyKind, at,
			fmt.Sprintf("a %s can depend only on its own kind, but on %s %s is a %s", p.ObjectKind(), diag.Some(other, 3), first.FluxName, otherKind[p.ObjectKind()]),
			"remove the dependency there: "+p.triedAgain()))
		without = slices.DeleteFunc(without, func(name string) bool { return slices.Contains(other, name) })
	}
	if len(without) > 0 && !(on.cluster != nil && d.settings.Hub) {
		d.Add(p.App.Doc.Diagnostic(diag.UnknownDependency, at,
			fmt.Sprintf("%s does not go to %s, so this policy waits forever there", first.FluxName, diag.Some(without, 3)), "send both to the same clusters"))
	}
	for _, q := range all {
		d.visit(q)
	}
}

// ofOtherKind returns the clusters of a policy on which overrides give a policy that it depends on the other
// kind.
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

// otherKind maps the kind of a policy's object to the other kind.
var otherKind = map[string]string{"Kustomization": "HelmRelease", "HelmRelease": "Kustomization"}

// reportCycle reports policies each of which waits for the next, and the last for the first.
func (d *dependencyGraph) reportCycle(p *Policy, at schema.Path, policies []*Policy) {
	for _, p := range policies {
		d.cyclic[p] = true
	}
	d.Add(p.App.Doc.Diagnostic(diag.DependencyCycle, at, cycle(policies), "remove one of the dependencies"))
}

// isCycle reports whether a cycle of policies exists on every cluster. Policies with shared names may be on
// different clusters; their cycles are left to onTarget.
func (d *dependencyGraph) isCycle(policies []*Policy) bool {
	shared := slices.ContainsFunc(policies, func(p *Policy) bool { return len(d.policies[p.object()]) > 1 })
	d.unclear = d.unclear || shared
	return !shared
}

// onTarget reports the policies of a target that wait for each other there, unless one of them is in a reported
// cycle.
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
			q := on.policyOn(t)
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

// meet returns the policies of a dependency that share a target with the waiting policy, and these targets. A
// policy whose name is unique always counts.
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

// triedAgain describes how Flux retries: without retries, a failed HelmRelease stays failed.
func (p *Policy) triedAgain() string {
	if p.Helm != nil {
		return "with install: {remediation: {retries: -1}}, Flux retries a HelmRelease until it succeeds"
	}
	return "Flux retries a Kustomization until it succeeds"
}

// cycle describes policies each of which waits for the next, and the last for the first.
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
