package fleet

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
)

// A node is a step in the order in which Flux applies things to a cluster.
type node struct {
	Name string
	// About has further facts.
	About string
	// Each has the facts of each policy, for a step that is many policies.
	Each []string
	// after are the numbers of the nodes that it waits for, which are before it.
	after []int
}

// mostNodes is how many steps are shown. JSON has all.
const mostNodes = 100

// mostSingle is the number of policies without dependencies that get a step each.
const mostSingle = 6

// Order returns the steps on the clusters of the part: the stages before the applications, then the policies of the
// applications, as most clusters get them. Each step is after the steps that it waits for.
func (p *Part) Order() []node {
	o := orderer{stage: map[string]int{}}
	if p.waitsForSources() {
		o.stage["sources"] = 0
		o.nodes = append(o.nodes, node{Name: "sources", About: "the sources of all applications"})
	}
	for _, s := range p.Base.Stages {
		n := node{Name: s.Name, About: strings.Join(p.components(s), ", ")}
		if at, ok := o.stage[s.After]; ok {
			n.after = []int{at}
		}
		o.stage[s.Name] = len(o.nodes)
		o.nodes = append(o.nodes, n)
	}
	steps := o.steps(p)
	o.place(steps)
	for i, n := range o.nodes {
		o.nodes[i].after = o.needed(n.after)
	}
	return o.nodes
}

func (p *Part) waitsForSources() bool {
	return slices.ContainsFunc(p.Applications, func(a *Application) bool { return slices.Contains(a.Variants[0].After, "sources") })
}

// An orderer puts steps into their order.
type orderer struct {
	nodes []node
	stage map[string]int
}

// A step is a policy.
type step struct {
	name, about string
	stages      []string
	// waits are the policies that it waits for, after their steps, and awaiting the steps that wait for it.
	waits           []render.PolicyReference
	after, awaiting []*step
	// at is the number of its node, or -1 before it has one.
	at int
	// left is how many of the steps that it waits for have no node yet.
	left int
}

// isAlone reports whether the step waits only for stages, and no step waits for it.
func (s *step) isAlone() bool { return len(s.after) == 0 && len(s.awaiting) == 0 }

// steps returns the policies as most clusters get them.
func (o *orderer) steps(p *Part) (all []*step) {
	known := map[render.PolicyReference]*step{}
	for _, a := range p.Applications {
		usual, only := a.Variants[0], ""
		if a.isRare(p) {
			only = "; only on " + p.on(a.clusters())
		}
		for _, policy := range usual.Policies {
			s := &step{name: a.Name, about: versionOf(usual.Placement, &policy), stages: usual.After, waits: policy.After, at: -1}
			if len(usual.Policies) > 1 && !strings.HasSuffix(a.Name, "/"+policy.Name) {
				s.name += ": " + policy.Name
			}
			if policy.Suspended {
				s.about += ", suspended"
			}
			if r := policy.Rollout; r != nil {
				s.about += ", then rollout " + r.Workload() + ": " + rolloutWords(r)
			}
			s.about += only
			known[render.PolicyReference{Application: a.Name, Policy: policy.Name}] = s
			all = append(all, s)
		}
	}
	for _, s := range all {
		for _, ref := range s.waits {
			if before := known[ref]; before != nil {
				before.awaiting = append(before.awaiting, s)
				s.after = append(s.after, before)
			}
		}
	}
	return all
}

// versionOf returns the version of a policy's chart, or else of its source.
func versionOf(p *render.Placement, policy *render.PlacedPolicy) string {
	return cmp.Or(policy.Version.String(), p.Version.String(), unknown+" version")
}

// place adds the nodes of steps, each as near as possible behind the steps that it waits for. Many steps without
// dependencies become one node.
func (o *orderer) place(steps []*step) {
	alike := map[string][]*step{}
	for _, s := range steps {
		s.left = len(s.after)
		if s.isAlone() {
			key := strings.Join(s.stages, " ")
			alike[key] = append(alike[key], s)
		}
	}
	left := 0
	var ready []*step // the last one is next
	for _, s := range slices.Backward(steps) {
		if s.left == 0 {
			ready = append(ready, s)
		}
	}
	for len(ready) > 0 {
		s := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		together := alike[strings.Join(s.stages, " ")]
		switch {
		case s.isAlone() && len(together) > mostSingle:
			if together[0] == s {
				o.add(&node{Name: itoa(len(together)) + " policies", About: aboutOf(together), Each: each(together)}, s)
			}
		case len(o.nodes) >= mostNodes:
			left++
		default:
			s.at = len(o.nodes)
			o.add(&node{Name: s.name, About: s.about}, s)
		}
		for _, next := range slices.Backward(s.awaiting) {
			if next.left--; next.left == 0 {
				ready = append(ready, next)
			}
		}
	}
	if left > 0 {
		o.nodes = append(o.nodes, node{Name: "and " + itoa(left) + " more", About: "--format json has all"})
	}
}

// aboutOf names the policies of a common node.
func aboutOf(steps []*step) string {
	var names []string
	for _, s := range steps {
		names = append(names, s.name)
	}
	return diag.Some(names, few)
}

// lines returns the facts of a step, with at most so many policies.
func (n *node) lines(most int) []string {
	switch {
	case len(n.Each) > most:
		return append(slices.Clone(n.Each[:most]), "and "+itoa(len(n.Each)-most)+" more")
	case len(n.Each) > 0:
		return n.Each
	case n.About != "":
		return []string{n.About}
	}
	return nil
}

// each returns the facts of the policies of a common node.
func each(steps []*step) (all []string) {
	for _, s := range steps {
		all = append(all, s.name+": "+s.about)
	}
	return all
}

// add adds a node with the dependencies of a step.
func (o *orderer) add(n *node, s *step) {
	for _, name := range s.stages {
		if at, ok := o.stage[name]; ok {
			n.after = append(n.after, at)
		}
	}
	for _, before := range s.after {
		if before.at >= 0 {
			n.after = append(n.after, before.at)
		}
	}
	o.nodes = append(o.nodes, *n)
}

// needed removes the nodes that another of the nodes already waits for, directly or through others.
func (o *orderer) needed(after []int) []int {
	after = slices.Compact(slices.Sorted(slices.Values(after)))
	implied := make([]bool, len(o.nodes))
	for _, at := range after {
		o.imply(implied, o.nodes[at].after)
	}
	return slices.DeleteFunc(after, func(at int) bool { return implied[at] })
}

func (o *orderer) imply(implied []bool, nodes []int) {
	for _, at := range nodes {
		if !implied[at] {
			implied[at] = true
			o.imply(implied, o.nodes[at].after)
		}
	}
}

// A lane is a line from a node down to those that wait for it.
type lane struct{ column, from, to int }

// lanes returns the lane of each node that others wait for, and the number of columns. Lanes that overlap have
// different columns.
func lanes(nodes []node) (of map[int]lane, columns int) {
	of = map[int]lane{}
	for i, n := range nodes {
		for _, at := range n.after {
			of[at] = lane{from: at, to: i}
		}
	}
	var ends []int // by column, where the last lane in it ends
	for i := range nodes {
		l, ok := of[i]
		if !ok {
			continue
		}
		column := slices.IndexFunc(ends, func(end int) bool { return end < i })
		if column < 0 {
			column = len(ends)
			ends = append(ends, 0)
		}
		ends[column], l.column = l.to, column
		of[i] = l
	}
	return of, len(ends)
}
