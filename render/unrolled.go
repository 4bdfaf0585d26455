package render

import (
	"cmp"
	"slices"

	"github.com/fleetwright/fleetwright/render/place"
)

// An Unrolled is an Application without a rollout on any cluster.
type Unrolled struct {
	// Application is its name, as namespace/name.
	Application string
	// Versions describes the versions of the source and of the charts that Flux uses.
	Versions []string
	// Clusters holds the names of its clusters.
	Clusters []string
}

// Unrolled returns the Applications without rollouts, by name. Call it after Plan.
func (r *Run) Unrolled() []Unrolled {
	c := r.c
	var all []*Unrolled
	known, rolled := map[string]*Unrolled{}, map[string]bool{}
	for _, t := range c.targets {
		for _, a := range t.Apps {
			name := a.Namespace + "/" + a.Name
			if len(c.rolloutsOf(a, t)) > 0 {
				rolled[name] = true
				continue
			}
			u := known[name]
			if u == nil {
				u = &Unrolled{Application: name}
				known[name] = u
				all = append(all, u)
			}
			u.Clusters = append(u.Clusters, t.Name)
			add := func(v place.Version) {
				if text := v.String(); text != "" && !slices.Contains(u.Versions, text) {
					u.Versions = append(u.Versions, text)
				}
			}
			add(a.Version())
			for _, p := range a.Policies {
				add(p.ChartVersion())
			}
		}
	}
	var found []Unrolled
	for _, u := range all {
		if !rolled[u.Application] {
			slices.Sort(u.Clusters)
			found = append(found, *u)
		}
	}
	slices.SortFunc(found, func(a, b Unrolled) int { return cmp.Compare(a.Application, b.Application) })
	return found
}
