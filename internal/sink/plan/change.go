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

// Change describes the changes of a plan: the time until the promotion, and the exposure to
// versions that fail at the first check and at the last. It is empty if none of them
// changes, and for suspended rollouts.
func Change(before, after *flagger.Plan) string {
	if before.Canary.Suspend || after.Canary.Suspend {
		return ""
	}
	var parts []string
	if was, is := Promotion(before), Promotion(after); was != is {
		parts = append(parts, "promotion "+was+" → "+is)
	}
	switch was, is := before.First != nil, after.First != nil; {
	case before.Good.Outcome != flagger.Promoted || after.Good.Outcome != flagger.Promoted:
	case was && !is:
		parts = append(parts, "no check can fail any longer")
	case !was && is:
		parts = append(parts, "checks can fail now")
	case was && len(before.Canary.Analysis.Match) == 0 != (len(after.Canary.Analysis.Match) == 0):
		parts = append(parts, "exposure at failure counts other requests")
	case was:
		if text := exposures(before, after); text != "" {
			parts = append(parts, "exposure at failure: "+text+" traffic-minutes")
		}
	}
	return strings.Join(parts, "; ")
}

// exposures returns the changes of the exposure at each failure.
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

// Promotion returns the duration of the good run in words.
func Promotion(p *flagger.Plan) string {
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

// ChangeOfSight describes the changes of a rollout's odds: the smallest error rate that is caught, and the chance that a
// good version is rolled back. A sight is nil if the traffic is unknown; two of them have no changes.
func ChangeOfSight(before, after *rules.Sight) string {
	was, is := newCatch(before), newCatch(after)
	var parts []string
	if was.caught != is.caught {
		parts = append(parts, "smallest error rate caught: "+was.caught+" → "+is.caught)
	}
	if was.rolledBack != is.rolledBack {
		parts = append(parts, "good version rolled back: "+was.rolledBack+" → "+is.rolledBack)
	}
	return strings.Join(parts, "; ")
}

// Join joins changes.
func Join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), "; ")
}

// A catch holds the odds of a rollout, in words.
type catch struct{ caught, rolledBack string }

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
		c.caught = atMost(power.PercentUp(caught.High), caught)
	}
	return c
}
