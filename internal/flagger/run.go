package flagger

import (
	"math"
	"slices"
	"time"
)

// nothingToAsk stands for a metric without a query.
const nothingToAsk = -1

// queries returns the indexes of the metrics that a check queries, in order: first built-in queries and queries in
// the Canary, then templates (runBuiltinMetricChecks, runMetricChecks). A metric with neither fails the check.
func (c *Canary) queries(v Version) (all []int) {
	for i, m := range c.Analysis.Metrics {
		if m.isBuiltin() {
			all = append(all, i)
		}
		if m.Query != "" {
			all = append(all, i)
		}
	}
	for i, m := range c.Analysis.Metrics {
		switch {
		case m.TemplateRef != nil:
			all = append(all, i)
		case !m.isBuiltin() && (m.Query == "" || !v.since(inlineQueries)):
			all = append(all, nothingToAsk)
		}
	}
	return all
}

// culprit returns the metric or webhook that fails in a bad check: the first queried metric, or else the first
// rollout webhook that can fail. (A bad version that passes the first metric causes more queries.) It returns nil
// if nothing can fail.
func (c *Canary) culprit(queries []int) any {
	if len(queries) > 0 {
		return queries[0]
	}
	for _, w := range c.Analysis.hooks(RolloutHook) {
		if answer, _ := w.Answer(); answer == Open {
			return w
		}
	}
	return nil
}

// A Tick is the situation after one tick of the scheduler.
type Tick struct {
	Status
	Route
}

// An Outcome is the end of a run.
type Outcome string

// The outcomes.
const (
	Promoted   Outcome = "promoted"
	RolledBack Outcome = "rolled back"
	// Endless runs reach a state that they never leave.
	Endless Outcome = "never ends"
	// TooLong runs have more than MaxTicks ticks.
	TooLong Outcome = "too long to follow"
)

// ends are the phases that end a run.
var ends = map[Phase]Outcome{Succeeded: Promoted, Failed: RolledBack}

// MaxTicks is the limit of ticks in a run: more than a day at Flagger's shortest interval. It is lower for
// intervals so long that the total time would overflow.
const MaxTicks = 10_000

// A Run is the rollout of one new version.
type Run struct {
	Outcome Outcome
	// Every is the time between two ticks.
	Every time.Duration
	// Ticks are in order; the first one detects the version.
	Ticks []Tick
	// Checks is the number of checks under traffic that began, and FirstFailed is the number of the tick of the
	// first failed one, or 0.
	Checks      int
	FirstFailed int
	// Calls are how often each webhook of the Canary was called, and Queries are how often each of its metrics was
	// queried. Retries do not count.
	Calls, Queries []int
}

// At returns the time from the detection to a tick.
func (r Run) At(tick int) time.Duration { return time.Duration(tick) * r.Every }

// Duration returns the time from the detection to the end.
func (r Run) Duration() time.Duration { return r.At(len(r.Ticks) - 1) }

// Copied returns the time from the detection until the new version is copied to the primary, or until the end of a
// run that never copies it.
func (r Run) Copied() time.Duration {
	for i, t := range r.Ticks {
		if t.Phase == Promoting || t.Phase == Succeeded {
			return r.At(i)
		}
	}
	return r.Duration()
}

// A Share is the percentage of the traffic that the new version serves: in the canary, and in the primary once
// that runs it, too.
type Share struct{ Canary, Primary int }

// All returns the sum of both.
func (s Share) All() int { return s.Canary + s.Primary }

// Shares returns the share of the new version after each tick, and for a run that continues also the share
// afterwards. The tick that copies the version replaces the primary's pods one by one, and every later tick waits
// until all are ready (pkg/controller/scheduler.go, advanceCanary). So the primary counts as old until the next
// tick. Only a skipped analysis ends without another tick: there the primary counts as new at the end.
func (r Run) Shares() (all []Share) {
	for i, t := range r.Ticks {
		share := Share{Canary: t.Canary}
		if i > 0 && r.Ticks[i-1].Phase == Promoting || t.Phase == Finalising || t.Phase == Succeeded {
			share.Primary = allTraffic - t.Canary
		}
		all = append(all, share)
	}
	if r.GoesOn() {
		last := len(all) - 1
		share := all[last]
		if r.Ticks[last].Phase == Promoting {
			share.Primary = allTraffic - share.Canary
		}
		all = append(all, share)
	}
	return all
}

// GoesOn reports whether the run continues after its last tick.
func (r Run) GoesOn() bool { return r.Outcome == Endless || r.Outcome == TooLong }

// Peak returns the largest share of traffic, in percent, that the new version had.
func (r Run) Peak() (percent int) {
	for _, t := range r.Ticks {
		percent = max(percent, t.Canary)
	}
	return percent
}

// Exposed returns how long the new version had any traffic.
func (r Run) Exposed() (d time.Duration) {
	for _, t := range r.Ticks[:len(r.Ticks)-1] {
		if t.Canary > 0 {
			d += r.Every
		}
	}
	return d
}

// Exposure returns the traffic that the new version served: its share, from 0 to 1, times the minutes. One
// traffic-minute is the whole traffic of one minute.
func (r Run) Exposure() (trafficMinutes float64) {
	percent := 0
	for _, t := range r.Ticks[:len(r.Ticks)-1] {
		percent += t.Canary
	}
	return float64(percent) * r.Every.Minutes() / allTraffic
}

// scheduler returns a scheduler that has not processed the Canary yet.
func (c *Canary) scheduler(v Version, sc Scenario) *scheduler {
	s := &scheduler{
		Canary: c, version: v, scenario: sc, status: Status{Phase: Initialized}, queries: c.queries(v), answers: c.Answers(),
		calls: make([]int, len(c.Analysis.Webhooks)), asked: make([]int, len(c.Analysis.Metrics)),
	}
	s.culprit = c.culprit(s.queries)
	return s
}

// Run simulates one rollout of a Canary with a version of Flagger.
func (c *Canary) Run(v Version, sc Scenario) Run {
	s := c.scheduler(v, sc)
	r := Run{Outcome: TooLong, Every: c.Analysis.Every()}
	// A state that recurs with nothing else changed recurs forever.
	type state struct {
		Tick
		checks, gated int
		opened, met   bool
	}
	seen := map[state]bool{}
	most := int(min(MaxTicks, math.MaxInt64/r.Every))
	for len(r.Ticks) < most {
		before := s.status.FailedChecks
		s.tick()
		if s.status.FailedChecks > before && r.FirstFailed == 0 {
			r.FirstFailed = len(r.Ticks)
		}
		now := Tick{s.status, s.route}
		at := state{now, min(s.checks+1, sc.FailFrom), min(s.gated, sc.Passes+sc.Refusals), s.answers.opened, s.met}
		if seen[at] {
			r.Outcome = Endless
			break
		}
		seen[at] = true
		r.Ticks = append(r.Ticks, now)
		if end, ok := ends[now.Phase]; ok {
			r.Outcome = end
			break
		}
	}
	r.Checks, r.Calls, r.Queries = s.checks, s.calls, s.asked
	return r
}

// Mirrors reports whether the new version gets a copy of the traffic at any time.
func (r Run) Mirrors() bool {
	return slices.ContainsFunc(r.Ticks, func(t Tick) bool { return t.Mirrored })
}
