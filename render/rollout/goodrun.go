package rollout

import (
	"fmt"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
)

// FlaggerVersion is that of the fleet's Flagger. Of a range over several minor versions
// nobody knows it: then it is the newest.
func (s *Installation) FlaggerVersion() flagger.Version {
	v, ok := settings.ParseMinor(s.Flagger.Chart.Version)
	if !ok || v.Major != 1 {
		return flagger.Newest
	}
	return flagger.Version{Minor: v.Minor}
}

// notePlan notes what the way of a good version through the rollout meets outside of it.
func (r *Rollout) notePlan() {
	if run, ok := r.Judged.Good(); ok && run.Outcome == flagger.Promoted && !r.Judged.SkipAnalysis {
		r.noteRolloutTimeout(run)
		r.noteUndoneByFlux(run)
	}
}

// CheckEnd reports patches that keep every version from being promoted.
func (r *Rollout) CheckEnd() {
	run, ok := r.Judged.Good()
	if !ok {
		return
	}
	for _, o := range r.Objects() {
		if spec, ok := o.Spec.(flagger.Canary); ok && run.Outcome == spec.Run(r.On.FlaggerVersion(), flagger.Scenario{}).Outcome {
			return // whatever the reason, it is not the patches
		}
	}
	switch last := run.Ticks[len(run.Ticks)-1]; run.Outcome {
	case flagger.Endless:
		r.Report(diag.NeverEnds, schema.Path{"patches"}, fmt.Sprintf("with the patches a rollout never ends: however good the version is, it stays %s with %d%% of the traffic", last.Phase, last.Canary), "")
	case flagger.RolledBack:
		r.Report(diag.NeverEnds, schema.Path{"patches"}, "with the patches every version is rolled back, however good it is", "")
	}
}

// noteRolloutTimeout notes that a timeout is not one of the whole rollout.
func (r *Rollout) noteRolloutTimeout(run flagger.Run) {
	n := r.RolloutPolicy.RolloutTimeoutSeconds
	if n == nil {
		return
	}
	if timeout := time.Duration(*n) * time.Second; run.Duration() > timeout {
		r.c.Note(diag.LongerThanTimeout, r.Origin("rolloutPolicy", "rolloutTimeoutSeconds"),
			fmt.Sprintf("a good version is promoted after %s, and the timeout is %s", diag.Duration(run.Duration()), diag.Duration(timeout)))
	}
}

func timeoutMessage(what []string, others int) string {
	return sameOr(what, "a good version takes longer to be promoted than the timeout") +
		": Flagger takes it for how long pods may not be ready, and ends no rollout for being late" + hereToo(others)
}

// noteUndoneByFlux notes that Flux applies what is in Git while a version that is not in
// Git is rolled out.
func (r *Rollout) noteUndoneByFlux(run flagger.Run) {
	k := r.Policy.Kustomization
	if k == nil || r.Policy.Suspended() || k.Interval.IsNone() || k.Interval.Length() >= run.Copied() {
		return
	}
	r.c.Note(diag.UndoneByFlux, manifest.Origin{Doc: r.Policy.App.Doc, Path: r.Policy.Path.With("kustomization", "interval")},
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
