package plan

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
)

// strategy says how a rollout's traffic moves, in a sentence without a full stop.
func strategy(p *flagger.Plan) string {
	a := &p.Canary.Analysis
	every, on := diag.Duration(a.Every()), onProvider(p)
	switch {
	case p.Canary.Suspend:
		return "suspended: Flagger does nothing"
	case p.Canary.SkipAnalysis:
		return fmt.Sprintf("no analysis%s: promoted as soon as it is ready, looked at every %s", on, every)
	}
	undone := "; " + diag.Plural(max(a.Threshold, 1), "failed check") + " undo it"
	if a.Threshold <= 1 {
		undone = "; the first failed check undoes it"
	}
	moves := p.Canary.Strategy()
	kind := fmt.Sprintf("%s%s: ", moves, on)
	checks := diag.Plural(p.Canary.Iterations(), "check")
	switch {
	case p.Canary.Provider == flagger.Kubernetes:
		return kind + fmt.Sprintf("%s without traffic, one every %s, then promoted", checks, every) + undone
	case moves == flagger.ABTesting && !p.Canary.Router().Matches:
		return kind + fmt.Sprintf("%s, one every %s, of all requests", checks, every) + undone
	case moves == flagger.ABTesting:
		return kind + fmt.Sprintf("%s, one every %s, of all requests that match", checks, every) + undone
	case moves == flagger.BlueGreen && a.Mirror:
		return kind + fmt.Sprintf("%s of mirrored traffic, one every %s, then all traffic", checks, every) + undone
	case moves == flagger.BlueGreen:
		return kind + fmt.Sprintf("%s, one every %s, then all traffic", checks, every) + undone
	}
	var weights []string
	for _, t := range p.Good.Ticks {
		if w := strconv.Itoa(t.Canary); t.Phase == flagger.Progressing && t.Canary > 0 && !slices.Contains(weights, w) {
			weights = append(weights, w)
		}
	}
	steps := "no traffic"
	switch n := len(weights); {
	case n > 4 && a.StepWeight > 0:
		steps = fmt.Sprintf("%d%% more every %s, up to %s%%", a.StepWeight, every, weights[n-1])
	case n > 1:
		steps = fmt.Sprintf("%s%%, a step every %s", strings.Join(weights, "%, "), every)
	case n == 1:
		steps = fmt.Sprintf("%s%% for %s", weights[0], every)
	}
	if a.Mirror {
		steps = "mirrored first, then " + steps
	}
	return kind + steps + undone
}

// onProvider says what moves the traffic. Of a plain Canary it may depend on how Flagger was started.
func onProvider(p *flagger.Plan) string {
	if p.Canary.Provider == "" {
		return ""
	}
	return " on " + p.Canary.Provider
}

// where says of which Application a rollout is, and on which clusters. Of a plain Canary neither is known.
func where(r *render.Rollout) string {
	var parts []string
	if r.Application != "" {
		parts = append(parts, "Application "+r.Application)
	}
	if len(r.Clusters) > 0 {
		parts = append(parts, "on "+diag.Some(r.Clusters, diag.MostNames))
	}
	text := "Flagger " + r.Flagger
	if len(parts) > 0 {
		text = strings.Join(parts, ", ") + "; " + text
	}
	return text
}

// After returns when a run ends.
func (r run) After() string {
	if r.GoesOn() {
		return "–"
	}
	return diag.Duration(r.Duration())
}

// BacksOut returns the time from the first failed check until the old version has all traffic.
func (r run) BacksOut() string {
	if r.Outcome != flagger.RolledBack || r.FirstFailed == 0 {
		return "–"
	}
	return diag.Duration(r.Duration() - r.At(r.FirstFailed))
}

func percent(n int) string { return strconv.Itoa(n) + "%" }

// Most returns the largest share of the traffic, or the least it is if a run has no known end.
func (r run) Most() string {
	if r.Outcome == flagger.TooLong {
		return percent(r.Peak()) + " or more"
	}
	return percent(r.Peak())
}

// minutes returns a number of traffic-minutes, with two decimals at most.
func minutes(n float64) string {
	if n > 0 && n < 0.005 {
		return "less than 0.01"
	}
	return strconv.FormatFloat(math.Round(n*100)/100, 'f', -1, 64)
}

// Exposure returns how much traffic the new version of a run has.
func (r run) Exposure() string {
	switch {
	case r.GoesOn() && r.Peak() > 0:
		return "without end"
	case r.Exposed() == 0:
		return "none"
	}
	unit := "traffic-minutes"
	if minutes(r.Run.Exposure()) == "1" {
		unit = "traffic-minute"
	}
	return fmt.Sprintf("%s %s in %s", minutes(r.Run.Exposure()), unit, diag.Duration(r.Exposed()))
}

func gates(p *flagger.Plan) (all []string) {
	for _, g := range p.Gates {
		all = append(all, gate(g))
	}
	return all
}

// gate returns what a gate adds.
func gate(g flagger.Gate) string {
	adds := diag.Duration(g.Least)
	if g.Most > g.Least {
		adds += " to " + diag.Duration(g.Most)
	}
	text := fmt.Sprintf("%s (%s): asked %s; a refusal adds %s", g.Type, diag.Some(g.Webhooks, diag.MostNames), times(g.Asked), adds)
	if g.Next != g.Least || g.Most > g.Least {
		text += ", and each further one " + diag.Duration(g.Next)
	}
	if g.Traffic > 0 {
		return text + fmt.Sprintf("; while it waits the new version has up to %d%% of the traffic", g.Traffic)
	}
	return text + "; while it waits the new version has no traffic"
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// notes returns what else there is to know of a rollout, in sentences without full stops.
func notes(p *flagger.Plan) (all []string) {
	a := &p.Canary.Analysis
	if p.Canary.Suspend {
		return nil
	}
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	switch {
	case p.Reason != "":
		say("%s", p.Reason)
	case p.Good.Outcome == flagger.Endless:
		say("no version is ever promoted: the rollout stays where the table ends")
	case p.Good.Outcome == flagger.RolledBack:
		say("every version is rolled back, however good it is")
	}
	for _, run := range runsOf(p) {
		if run.Outcome == flagger.TooLong {
			say("%s: the table ends after %s, and the rollout does not", run.Name, diag.Duration(run.Duration()))
		}
	}
	switch {
	case p.Canary.SkipAnalysis:
		say("nothing is checked: a version has no traffic before it is promoted, and all of it afterwards, good or bad")
		return all
	case p.First == nil && p.Good.Outcome == flagger.Promoted:
		say("nothing can fail a check: a bad version is promoted like a good one")
	}
	if len(a.Match) > 0 && p.Canary.Router().Matches {
		say("the shares are of the requests that match; all others stay with the old version")
	}
	if a.SessionAffinity != nil {
		say("clients that have met the new version stay with it: the shares are of those that come anew")
	}
	if p.Good.Mirrors() {
		say("what is mirrored the new version gets as well, and nobody sees its answers")
	}
	if p.First != nil && len(a.Metrics) > 1 {
		say("bad versions are taken to fail the first metric that is asked for")
	}
	return all
}

// since says what the times of all plans are since.
const since = "Times are since Flagger has seen the new version, which is up to one interval after Flux has applied it. Each check at which pods are not ready yet adds an interval."
