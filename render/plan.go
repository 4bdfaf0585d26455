package render

import (
	"slices"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/tree"
	"github.com/fleetwright/fleetwright/schema"
)

// A Rollout is one that Flagger runs, and what it goes through.
type Rollout struct {
	// Application that it is of, as namespace/name.
	Application string
	// Namespace and Name of the Canary, which are those of the workload.
	Namespace, Name string
	// Clusters that it runs on, by name.
	Clusters []string
	// Flagger is the version of its chart, or a range of them.
	Flagger string
	// Plan is what the Canary goes through as it is rendered, with its patches.
	Plan *RolloutPlan
}

// Plan says what rollouts the documents compile to, by application, name and first cluster,
// and the clusters, of which it tells the names and labels alone. Clusters that have the
// same Flagger installed have one rollout together. What there is to say is as Compile says
// it; where any of it is an error there is nothing else.
func Plan(docs schema.Documents, opts Options) ([]*Cluster, []Rollout, schema.Diagnostics) {
	c, made, list := compile(docs, opts)
	if made == nil {
		return nil, nil, list
	}
	var clusters []*tree.Cluster
	var all []Rollout
	numbers := map[*rollout.Rollout]int{}
	for _, t := range c.targets {
		clusters = append(clusters, &tree.Cluster{Name: t.Name, Labels: manifest.TextOf(t.Labels)})
		for _, a := range t.Apps {
			for _, p := range a.Policies {
				r := c.rollout(p, t)
				if r == nil {
					continue
				}
				i, ok := numbers[r]
				if !ok {
					i = len(all)
					numbers[r] = i
					all = append(all, planned(r))
				}
				all[i].Clusters = append(all[i].Clusters, t.Name)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Rollout) int {
		return slices.Compare([]string{a.Application, a.Namespace, a.Name, a.Clusters[0]}, []string{b.Application, b.Namespace, b.Name, b.Clusters[0]})
	})
	return clusters, all, list
}

// planned returns the rollout with its plan, and without clusters.
func planned(r *rollout.Rollout) Rollout {
	app := r.Policy.App
	return Rollout{
		Application: app.Namespace + "/" + app.Metadata.Name,
		Namespace:   r.Namespace, Name: r.Workload.Name,
		Flagger: r.On.Flagger.Chart.Version,
		Plan:    flagger.New(*r.Judged.Canary, r.On.FlaggerVersion()),
	}
}

// checkEnds says which rollouts never promote a version. The language has rules of its own
// for what it can say, and so has what is wrong with a patched Canary by itself: this is
// for what is left.
func (c *compiler) checkEnds() {
	for _, r := range c.rollouts {
		if len(r.Patches) > 0 {
			r.CheckEnd()
		}
	}
}
