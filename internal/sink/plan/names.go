package plan

import (
	"path"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
)

// A label is the name of a rollout: its workload and, if several rollouts share that, the policy or the
// clusters that tell them apart.
type label struct {
	// Workload is its namespace and name.
	Workload string
	// Policy is empty if only one policy rolls out the workload.
	Policy string
	// Clusters are empty if the rollout is the only one of its policy.
	Clusters []string
}

// names holds the names of rollouts.
type names map[*render.Rollout]label

// namesOf returns the names of rollouts that are shown together.
func namesOf(rollouts []render.Rollout) names {
	type policy struct{ application, name string }
	of := func(r *render.Rollout) policy { return policy{r.Application, r.Policy} }
	policies := map[string][]policy{}
	count := map[string]map[policy]int{}
	for i := range rollouts {
		r := &rollouts[i]
		workload := r.Workload()
		if count[workload] == nil {
			count[workload] = map[policy]int{}
		}
		if count[workload][of(r)]++; count[workload][of(r)] == 1 {
			policies[workload] = append(policies[workload], of(r))
		}
	}
	all := names{}
	for i := range rollouts {
		r := &rollouts[i]
		n := label{Workload: r.Workload()}
		if others := policies[n.Workload]; len(others) > 1 {
			n.Policy = r.Policy
			alike := func(other policy) bool { return other != of(r) && other.name == r.Policy }
			switch {
			case r.Application == "":
				n.Policy = "a plain Canary"
			case slices.ContainsFunc(others, alike):
				n.Policy = path.Join(r.Application, r.Policy)
			}
		}
		if count[n.Workload][of(r)] > 1 {
			n.Clusters = r.Clusters
		}
		all[r] = n
	}
	return all
}

// Title returns the name for a table that lists the clusters, too.
func (n label) Title() string {
	if n.Policy != "" {
		return n.Workload + " (" + n.Policy + ")"
	}
	return n.Workload
}

// Heading returns the name with the clusters.
func (n label) Heading() string {
	if len(n.Clusters) > 0 {
		return n.Title() + " on " + diag.Some(n.Clusters, mostNames)
	}
	return n.Title()
}

// parts returns the parts of an id.
func (n label) parts(r *render.Rollout) []string {
	parts := []string{"rollout", r.Namespace, r.Name}
	if n.Policy != "" {
		parts = append(parts, n.Policy)
	}
	if len(n.Clusters) > 0 {
		parts = append(parts, "on", n.Clusters[0])
	}
	return parts
}
