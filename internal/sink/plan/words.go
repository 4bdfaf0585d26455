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

// strategy describes how a rollout's traffic moves, in a sentence without a full stop.
func strategy(p *flagger.Plan) string {
	a := &p.Canary.Analysis
	every, on := diag.Duration(a.Every()), onProvider(p)
	switch {
	case p.Canary.Suspend:
		return "suspended: Flagger does nothing"
	case p.Canary.SkipAnalysis:
		return fmt.Sprintf("no analysis%s: promoted as soon as it is ready, checked every %s", on, every)
	}
	rollback := "; " + diag.Plural(max(a.Threshold, 1), "failed check") + " roll it back"
	if a.Threshold <= 1 {
		rollback = "; the first failed check rolls it back"
	}
	moves := p.Canary.Strategy()
	kind := fmt.Sprintf("%s%s: ", moves, on)
	checks := diag.Plural(p.Canary.Iterations(), "check")
	switch {
	case p.Canary.Provider == flagger.Kubernetes:
		return kind + fmt.Sprintf("%s without traffic, one every %s, then promoted", checks, every) + rollback
	case moves == flagger.ABTesting && !p.Canary.Router().Matches:
		return kind + fmt.Sprintf("%s, one every %s, of all requests", checks, every) + rollback
	case moves == flagger.ABTesting:
		return kind + fmt.Sprintf("%s, one every %s, of all requests that match", checks, every) + rollback
	case moves == flagger.BlueGreen && a.Mirror:
		return kind + fmt.Sprintf("%s of mirrored traffic, one every %s, then all traffic", checks, every) + rollback
	case moves == flagger.BlueGreen:
		return kind + fmt.Sprintf("%s, one every %s, then all traffic", checks, every) + rollback
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
	return kind + steps + rollback
}

// onProvider names the provider that moves the traffic. A plain Canary may depend on Flagger's own default.
func onProvider(p *flagger.Plan) string {
	if p.Canary.Provider == "" {
		return ""
	}
	return " on " + p.Canary.Provider
}

// where names the Application and the clusters of a rollout. For a plain Canary both are unknown.
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

// Most returns the largest share of the traffic that the canary has, and whether all traffic follows. It is a
// lower bound if a run has no known end.
func (r run) Most() string {
	switch r.Outcome {
	case flagger.TooLong:
		return percent(r.Peak()) + " or more"
	case flagger.Promoted:
		return percent(r.Peak()) + ", then all"
	}
	return percent(r.Peak())
}

// minutes returns a number of traffic-minutes, with at most two decimals.
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

// gate describes the calls of a gate, and the time that it adds.
func gate(g flagger.Gate) string {
	adds := diag.Duration(g.Least)
	if g.Most > g.Least {
		adds += " to " + diag.Duration(g.Most)
	}
	text := fmt.Sprintf("%s (%s): called %s; a rejection adds %s", g.Type, diag.Some(g.Webhooks, diag.MostNames), times(g.Asked), adds)
	if g.Next != g.Least || g.Most > g.Least {
		text += ", and each further one " + diag.Duration(g.Next)
	}
	if g.Traffic > 0 {
		return text + fmt.Sprintf("; meanwhile the new version has up to %d%% of the traffic", g.Traffic)
	}
	return text + "; meanwhile the new version has no traffic"
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

// headline returns the row of a rollout in the table of all, as a sentence without a full stop.
func headline(p *flagger.Plan) string {
	promoted, rolledBack, traffic := atWorst(p)
	if p.Canary.Suspend {
		return Strategy(&p.Canary)
	}
	text := Strategy(&p.Canary) + onProvider(p) + "; promoted after " + promoted
	if promoted == never {
		text = Strategy(&p.Canary) + onProvider(p) + "; never promoted"
	}
	if rolledBack == never {
		return text + "; bad versions are never rolled back"
	}
	return text + fmt.Sprintf("; bad versions are rolled back within %s, after up to %s traffic-minutes", rolledBack, traffic)
}

// notesOf returns the notes of a plan, with a note if the rollout is too long to compute its odds.
func notesOf(r *render.Rollout) []string {
	all := notes(r.Plan)
	if r.TooMany {
		all = append(all, fmt.Sprintf("the odds of catching a bad version are not computed: the rollout has more than %d states (steps times failed checks)", flagger.MostStates))
	}
	return all
}

// notes returns further facts about a rollout, in sentences without full stops.
func notes(p *flagger.Plan) (all []string) {
	a := &p.Canary.Analysis
	if p.Canary.Suspend {
		return nil
	}
	note := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	switch {
	case p.Reason != "":
		note("%s", p.Reason)
	case p.Good.Outcome == flagger.Endless:
		note("no version is ever promoted: the rollout stays at the last row of the table")
	case p.Good.Outcome == flagger.RolledBack:
		note("every version is rolled back, however good it is")
	}
	for _, run := range runsOf(p) {
		if run.Outcome == flagger.TooLong {
			note("%s: the table ends after %s, but the rollout continues", run.Name, diag.Duration(run.Duration()))
		}
	}
	switch {
	case p.Canary.SkipAnalysis:
		note("nothing is checked: a version has no traffic before its promotion and all traffic afterwards, good or bad")
		return all
	case p.First == nil && p.Good.Outcome == flagger.Promoted:
		note("no check can fail: a bad version is promoted like a good one")
	}
	if len(a.Match) > 0 && p.Canary.Router().Matches {
		note("until the primary serves the new version, the shares are of the requests that match; all other requests stay with the old version")
	}
	if a.SessionAffinity != nil {
		note("clients that reached the new version stay with it: the shares are of new clients")
	}
	if p.Good.Mirrors() {
		note("the new version also gets a copy of mirrored requests, and its responses are dropped")
	}
	if p.First != nil && len(a.Metrics) > 1 {
		note("bad versions are assumed to fail the first metric that Flagger queries")
	}
	return all
}

// since defines the times of all plans.
const since = "Times begin when Flagger detects the new version, up to one interval after Flux applies it. Each check at which pods are not ready adds an interval."
