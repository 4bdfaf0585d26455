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
	switch was, is := before.First != nil, after.First != nil; {
	case before.Good.Outcome != flagger.Promoted || after.Good.Outcome != flagger.Promoted:
	case was && !is:
		parts = append(parts, "nothing can fail a check any more")
	case !was && is:
		parts = append(parts, "checks can fail, where none could before")
	case was && len(before.Canary.Analysis.Match) == 0 != (len(after.Canary.Analysis.Match) == 0):
		parts = append(parts, "exposure at failure is of other requests")
	case was:
		if text := exposures(before, after); text != "" {
			parts = append(parts, "exposure at failure: "+text+" traffic-minutes")
		}
	}
	return strings.Join(parts, "; ")
}

// exposures returns how the exposure changes for those failures whose exposure does.
func exposures(before, after *flagger.Plan) string {
	var all []string
	for _, f := range []struct {
		at      string
		was, is *flagger.Run
	}{
		{"at the first check", before.First, after.First},
		{"at the last", before.Last, after.Last},
	} {
		if was, is := trafficMinutes(f.was), trafficMinutes(f.is); was != is {
			all = append(all, f.at+" "+was+" → "+is)
		}
	}
	return strings.Join(all, ", ")
}

// promotion returns how long the good run takes.
func promotion(p *flagger.Plan) string {
	switch p.Good.Outcome {
	case flagger.Promoted:
		return diag.Duration(p.Good.Duration())
	case flagger.TooLong:
		return "more than " + diag.Duration(p.Good.Duration())
	}
	return "never"
}

// trafficMinutes returns the exposure of a run that fails.
func trafficMinutes(r *flagger.Run) string {
	if r.GoesOn() {
		return "endless"
	}
	return minutes(r.Exposure())
}
