package plan

import (
	"math"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/power"
	"github.com/fleetwright/fleetwright/render/rules"
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

// ChangeOfSight says what of the odds of a rollout is otherwise than before: the smallest rate of errors that is caught,
// and how likely a good version is undone. A sight is nil where nobody knows the traffic; of two it says nothing.
func ChangeOfSight(before, after *rules.Sight) string {
	was, is := newCatch(before), newCatch(after)
	var parts []string
	if was.caught != is.caught {
		parts = append(parts, "smallest error rate caught: "+was.caught+" → "+is.caught)
	}
	if was.undone != is.undone {
		parts = append(parts, "good version undone: "+was.undone+" → "+is.undone)
	}
	return strings.Join(parts, "; ")
}

// Join joins what changes.
func Join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), "; ")
}

// A catch is what a rollout catches, in words.
type catch struct{ caught, undone string }

const unknown = "unknown"

func newCatch(s *rules.Sight) catch {
	o := oddsOf(&power.Curves{}, s)
	if o == nil || o.Errors == nil {
		return catch{unknown, unknown}
	}
	atMost := func(text string, is power.Range) string {
		if is.IsExact() || power.OfHundred(is.Low) == power.OfHundred(is.High) || strings.HasPrefix(text, "less") {
			return text
		}
		return "at most " + text
	}
	c := catch{never, atMost(power.OfHundred(o.Good.Undone.High)+"%", o.Good.Undone)}
	switch caught := o.Errors.Caught[caughtAt]; {
	case caught.High == 0:
		c.caught = "every version"
	case !math.IsNaN(caught.High):
		c.caught = atMost(power.Percent(caught.High), caught)
	}
	return c
}
