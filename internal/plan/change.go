package plan

import (
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
)

// Change says what of a plan is otherwise than before: how long the promotion takes, and
// the exposure to versions that fail at the first check and at the last. It says nothing
// where all of these are the same, and of rollouts that are suspended.
func Change(before, after *flagger.Plan) string {
	if before.Canary.Suspend || after.Canary.Suspend {
		return ""
	}
	var parts []string
	if was, is := promotion(before), promotion(after); was != is {
		parts = append(parts, "promotion "+was+" → "+is)
	}
	var failures []string
	for _, f := range []struct {
		at          string
		before, now *flagger.Run
	}{
		{"at the first check", before.First, after.First},
		{"at the last", before.Last, after.Last},
	} {
		if was, is := trafficMinutes(f.before), trafficMinutes(f.now); was != is {
			failures = append(failures, f.at+" "+was+" → "+is)
		}
	}
	if len(failures) > 0 {
		parts = append(parts, "exposure at failure: "+strings.Join(failures, ", ")+" traffic-minutes")
	}
	return strings.Join(parts, "; ")
}

// promotion is how long the good run takes.
func promotion(p *flagger.Plan) string {
	if p.Good.Outcome != flagger.Promoted {
		return "never"
	}
	return diag.Duration(p.Good.Duration())
}

// trafficMinutes is the exposure of a run that fails, if there is one.
func trafficMinutes(r *flagger.Run) string {
	if r == nil {
		return "unchecked"
	}
	return minutes(r.Exposure())
}
