package render

import (
	"cmp"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/render/tree"
	"github.com/fleetwright/fleetwright/schema"
)

// A Rollout is a rollout with its plan.
type Rollout struct {
	// Application is the name of the Application, as namespace/name, or "" for a plain Canary.
	Application string
	// Policy is the name of the policy of the Application that contains the rollout.
	Policy string
	// Namespace and Name are those of the Canary and of the workload.
	Namespace, Name string
	// Clusters holds the names of the rollout's clusters, which are unknown for a plain Canary.
	Clusters []string
	// Flagger is the version of Flagger, or a range of versions.
	Flagger string
	// Plan is the plan of the rendered and patched Canary.
	Plan *RolloutPlan
	// Sight describes what the rollout's checks can see, or is nil if that is unknown.
	Sight *rules.Sight
	// TooMany reports whether Sight is nil because the rollout has too many states.
	TooMany bool
}

// Workload returns the name of the workload, as namespace/name.
func (r *Rollout) Workload() string { return r.Namespace + "/" + r.Name }

// Plan returns the clusters, with only their names and labels, and the rollouts of the documents, sorted by
// application, namespace, name, policy and clusters. Clusters with the same Flagger share a rollout. The
// diagnostics are those of Compile. If one is an error, Plan returns only plain Canaries that Flagger runs
// nevertheless, unless the plans themselves show the effect of all errors.
func Plan(docs schema.Documents, opts Options) ([]*Cluster, []Rollout, schema.Diagnostics) {
	return Begin(docs, opts).Plan(nil)
}

// Plan is [Plan] with the manifests built from the sources, or nil if they were not built.
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
					sight, tooMany := r.Judged.Look(c.traffic)
					made := newRollout(a, r)
					made.Sight, made.TooMany = sight, tooMany
					all = append(all, made)
				}
				all[i].Clusters = append(all[i].Clusters, t.Name)
			}
		}
	}
	return clusters, c.withPlain(all, false), list
}

// newRollout returns a rollout of an Application with its plan, on no cluster yet.
func newRollout(a place.TargetApp, r *rollout.Rollout) Rollout {
	return Rollout{
		Application: a.Namespace + "/" + a.Name, Policy: r.Policy.FluxName,
		Namespace: r.Namespace, Name: r.Workload.Name,
		Flagger: r.On.FlaggerVersion, Plan: flagger.New(*r.Judged.Canary, r.On.Simulated()),
	}
}

// withPlain returns rollouts and the rollouts of plain Canaries, sorted.
func (c *compiler) withPlain(all []Rollout, errors bool) []Rollout {
	for _, r := range c.canaries {
		if p := r.Plan(errors); p != nil {
			sight, tooMany := r.Look(c.traffic)
			all = append(all, Rollout{Namespace: r.ID.Namespace, Name: r.ID.Name, Flagger: r.On.Flagger, Plan: p, Sight: sight, TooMany: tooMany})
		}
	}
	slices.SortStableFunc(all, func(a, b Rollout) int {
		return cmp.Or(cmp.Compare(a.Application, b.Application), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Policy, b.Policy), slices.Compare(a.Clusters, b.Clusters))
	})
	return all
}

// isTold reports whether the plans show the effect of all errors: a webhook or a metric that prevents every
// promotion.
func isTold(list schema.Diagnostics) bool {
	told := []diag.Code{diag.UnknownTesterPath, diag.OutlivesTimeout, diag.NothingReaches, diag.NothingMeasured}
	return !slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Severity == diag.Error && !slices.Contains(told, d.Code) })
}

// checkEnds reports rollouts that never promote a version because of their patches.
func (c *compiler) checkEnds() {
	for _, r := range c.rollouts {
		if len(r.Patches) > 0 {
			r.CheckEnd()
		}
	}
}
