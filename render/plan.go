package render

import (
	"cmp"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/render/tree"
	"github.com/fleetwright/fleetwright/schema"
)

// A Rollout is one that Flagger runs, and what it goes through.
type Rollout struct {
	// Application that it is of, as namespace/name. A plain Canary is of none.
	Application string
	// Namespace and Name of the Canary, which are those of the workload.
	Namespace, Name string
	// Clusters that it runs on, by name. Of a plain Canary nobody knows them.
	Clusters []string
	// Flagger is the version of its chart, or a range of them.
	Flagger string
	// Plan is what the Canary goes through as it is rendered, with its patches.
	Plan *RolloutPlan
	// Sight is what its checks see, or nil where nobody knows.
	Sight *rules.Sight
}

// Plan returns the rollouts that the documents compile to, by application, name and first
// cluster, and the clusters, with their names and labels alone. Clusters that have the
// same Flagger installed have one rollout together. The diagnostics are those of Compile;
// where any is an error there are plain Canaries that Flagger runs alone, unless the plan itself tells what it does to the
// rollout.
func Plan(docs schema.Documents, opts Options) ([]*Cluster, []Rollout, schema.Diagnostics) {
	return Begin(docs, opts).Plan(nil)
}

// Plan is [Plan] with what was built of the sources, which is nil where nobody has tried.
func (r *Run) Plan(manifests source.Manifests) ([]*Cluster, []Rollout, schema.Diagnostics) {
	c := r.c
	made, list := r.Compile(manifests)
	if made == nil && !isTold(list) {
		return nil, c.withPlain(nil, true), list
	}
	var clusters []*tree.Cluster
	var all []Rollout
	numbers := map[*rollout.Rollout]int{}
	for _, t := range c.targets {
		clusters = append(clusters, &tree.Cluster{Name: t.Name, Labels: manifest.TextOf(t.Labels)})
		for _, a := range t.Apps {
			for _, r := range c.rolloutsOf(a, t) {
				i, ok := numbers[r]
				if !ok {
					i = len(all)
					numbers[r] = i
					all = append(all, Rollout{
						Application: a.Namespace + "/" + a.Name,
						Namespace:   r.Namespace, Name: r.Workload.Name,
						Flagger: r.On.FlaggerVersion,
						Plan:    flagger.New(*r.Judged.Canary, r.On.Simulated()),
						Sight:   r.Judged.Sight(c.traffic),
					})
				}
				all[i].Clusters = append(all[i].Clusters, t.Name)
			}
		}
	}
	return clusters, c.withPlain(all, false), list
}

// withPlain returns rollouts in order, with those of plain Canaries.
func (c *compiler) withPlain(all []Rollout, errors bool) []Rollout {
	for _, r := range c.canaries {
		if p := r.Plan(errors); p != nil {
			all = append(all, Rollout{Namespace: r.ID.Namespace, Name: r.ID.Name, Flagger: r.On.Flagger, Plan: p, Sight: r.Sight(c.traffic)})
		}
	}
	slices.SortStableFunc(all, func(a, b Rollout) int {
		return cmp.Or(cmp.Compare(a.Application, b.Application), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), slices.Compare(a.Clusters, b.Clusters))
	})
	return all
}

// isTold reports whether a plan tells what all the errors do: a webhook or a metric that keeps every
// version from being promoted.
func isTold(list schema.Diagnostics) bool {
	told := []diag.Code{diag.UnknownTesterPath, diag.OutlivesTimeout, diag.NothingReaches, diag.NothingMeasured}
	return !slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Severity == diag.Error && !slices.Contains(told, d.Code) })
}

// checkEnds reports the rollouts that never promote a version, where neither the rules of the
// language nor those of a patched Canary do.
func (c *compiler) checkEnds() {
	for _, r := range c.rollouts {
		if len(r.Patches) > 0 {
			r.CheckEnd()
		}
	}
}
