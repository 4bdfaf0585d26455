package render

import (
	"fmt"
	"slices"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/settings"
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
	Plan *flagger.Plan
}

// Plan says what rollouts the documents compile to, by application, name and first cluster,
// and the clusters, of which it tells the names and labels alone. Clusters that have the
// same Flagger installed have one rollout together. What there is to say is as Compile says
// it; where any of it is an error there is nothing else.
func Plan(docs schema.Documents, opts Options) ([]*Cluster, []Rollout, diag.List) {
	c, tree, list := compile(docs, opts)
	if tree == nil {
		return nil, nil, list
	}
	var clusters []*Cluster
	var all []Rollout
	numbers := map[*rollout]int{}
	for _, t := range c.targets {
		clusters = append(clusters, &Cluster{Name: t.Name, Labels: manifest.TextOf(t.Labels)})
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
func planned(r *rollout) Rollout {
	app := r.policy.App
	return Rollout{
		Application: app.Namespace + "/" + app.Metadata.Name,
		Namespace:   r.namespace, Name: r.Workload.Name,
		Flagger: r.stack.flagger.Chart.Version,
		Plan:    flagger.New(*r.judged.Canary, r.stack.flaggerVersion()),
	}
}

// flaggerVersion is that of the fleet's Flagger. Of a range over several minor versions
// nobody knows it: then it is the newest.
func (s *stack) flaggerVersion() flagger.Version {
	v, ok := settings.ParseMinor(s.flagger.Chart.Version)
	if !ok || v.Major != 1 {
		return flagger.Newest
	}
	return flagger.Version{Minor: v.Minor}
}

// notePlan notes what the way of a good version through the rollout meets outside of it.
func (r *rollout) notePlan() {
	if run, ok := r.judged.Good(); ok && run.Outcome == flagger.Promoted && !r.judged.SkipAnalysis {
		r.noteRolloutTimeout(run)
		r.noteUndoneByFlux(run)
	}
}

// checkEnds says which rollouts never promote a version. The language has rules of its own
// for what it can say, and so has what is wrong with a patched Canary by itself: this is
// for what is left.
func (c *compiler) checkEnds() {
	for _, r := range c.rollouts {
		if len(r.Patches) > 0 {
			r.checkEnd()
		}
	}
}

func (r *rollout) checkEnd() {
	run, ok := r.judged.Good()
	if !ok {
		return
	}
	for _, o := range r.objects() {
		if spec, ok := o.Spec.(flagger.Canary); ok && run.Outcome == spec.Run(r.stack.flaggerVersion(), flagger.Scenario{}).Outcome {
			return // whatever the reason, it is not the patches
		}
	}
	switch last := run.Ticks[len(run.Ticks)-1]; run.Outcome {
	case flagger.Endless:
		r.report(diag.NeverEnds, schema.Path{"patches"}, fmt.Sprintf("with the patches a rollout never ends: however good the version is, it stays %s with %d%% of the traffic", last.Phase, last.Canary), "")
	case flagger.RolledBack:
		r.report(diag.NeverEnds, schema.Path{"patches"}, "with the patches every version is rolled back, however good it is", "")
	}
}

// noteRolloutTimeout notes that a timeout is not one of the whole rollout.
func (r *rollout) noteRolloutTimeout(run flagger.Run) {
	n := r.RolloutPolicy.RolloutTimeoutSeconds
	if n == nil {
		return
	}
	if timeout := time.Duration(*n) * time.Second; run.Duration() > timeout {
		r.c.Note(diag.LongerThanTimeout, r.origin("rolloutPolicy", "rolloutTimeoutSeconds"),
			fmt.Sprintf("a good version is promoted after %s, and the timeout is %s", diag.Duration(run.Duration()), diag.Duration(timeout)))
	}
}

func timeoutMessage(what []string, others int) string {
	return sameOr(what, "a good version takes longer to be promoted than the timeout") +
		": Flagger takes it for how long pods may not be ready, and ends no rollout for being late" + hereToo(others)
}

// noteUndoneByFlux notes that Flux applies what is in Git while a version that is not in
// Git is rolled out.
func (r *rollout) noteUndoneByFlux(run flagger.Run) {
	k := r.policy.Kustomization
	if k == nil || r.policy.Suspended() || k.Interval.IsNone() || k.Interval.Length() >= run.Copied() {
		return
	}
	r.c.Note(diag.UndoneByFlux, manifest.Origin{Doc: r.policy.App.Doc, Path: r.policy.Path.With("kustomization", "interval")},
		fmt.Sprintf("Flux applies what is in Git every %s, and Flagger copies a new version to the primary after %s", diag.Duration(k.Interval.Length()), diag.Duration(run.Copied())))
}

func undoneMessage(what []string, others int) string {
	return sameOr(what, "Flux applies what is in Git with every interval, and Flagger copies a new version to the primary later") +
		": one that is set on the cluster alone is taken back before" + hereToo(others)
}

// sameOr is what all notes say where they say the same, and else something general.
func sameOr(what []string, general string) string {
	if len(what) == 1 {
		return what[0]
	}
	return general
}
