package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

// checkDependencies says which policies would wait for ever: for what nothing
// makes, for what is not on their cluster, or for each other.
func (c *compiler) checkDependencies() {
	d := dependencies{c: c, policies: map[schema.NamespacedReference]*policy{}, state: map[*policy]visit{}}
	for _, a := range c.apps {
		for _, p := range a.policies {
			d.policies[schema.NamespacedReference{Name: p.name, Namespace: a.namespace}] = p
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
	policies map[schema.NamespacedReference]*policy
	state    map[*policy]visit
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

// visit checks what a policy depends on, and what that depends on in turn.
func (d *dependencies) visit(p *policy) {
	if p.Kustomization == nil || d.state[p] != unvisited {
		return
	}
	d.state[p] = visiting
	d.path = append(d.path, p)
	for i, ref := range p.Kustomization.DependsOn {
		at := p.path.With("kustomization", "dependsOn", i, "name")
		if ref.Namespace == "" {
			ref.Namespace = p.app.namespace
		}
		q, ok := d.policies[ref]
		switch {
		case !ok && (ref.Namespace == d.c.settings.source.Namespace || d.c.mayMiss("Application")):
			// A cluster's own Kustomizations are there too, or it may be of what
			// could not be read.
		case !ok:
			d.c.report(p.app.doc.Diagnostic(diag.UnknownDependency, at,
				fmt.Sprintf("no policy makes a Kustomization %s in namespace %s, and without one this policy waits for ever", ref.Name, ref.Namespace),
				"write the name of a policy, or <application>-<index>"))
		case d.state[q] == visiting:
			d.c.report(p.app.doc.Diagnostic(diag.DependencyCycle, at, d.cycle(q), "remove one of the dependencies"))
		default:
			if without := missing(p.clusters, q.clusters); len(without) > 0 {
				d.c.report(p.app.doc.Diagnostic(diag.UnknownDependency, at,
					fmt.Sprintf("%s does not go to %s, where this policy waits for it for ever", q.name, diag.Some(without, 3)), "send both to the same clusters"))
			}
			d.visit(q)
		}
	}
	d.path = d.path[:len(d.path)-1]
	d.state[p] = visited
}

// cycle names the policies from one that is being visited back to itself.
func (d *dependencies) cycle(p *policy) string {
	if d.path[len(d.path)-1] == p {
		return "the policy waits for itself"
	}
	var names []string
	for _, q := range d.path[slices.Index(d.path, p):] {
		names = append(names, q.name)
	}
	return "policies wait for each other: " + strings.Join(append(names, p.name), " -> ")
}

// missing are the names of the clusters that are not among others.
func missing(clusters, others []*cluster) []string {
	var names []string
	for _, c := range clusters {
		if !slices.Contains(others, c) {
			names = append(names, c.name)
		}
	}
	return names
}
