package flagger

import (
	"math"
	"slices"
	"time"
)

// nothingToAsk is no place of a metric.
const nothingToAsk = -1

// queries are the metrics that a check asks for, by their places and in order: first
// what Flagger knows by itself and what the Canary has, then templates
// (runBuiltinMetricChecks, runMetricChecks). A metric with none of these fails it.
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

// culprit returns what is taken to fail of a bad check: the first metric that is asked for,
// and without one the first webhook of a check that can. A bad version that the first
// metric does not see has more queries asked. It is nil where nothing can fail.
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

// A Tick is what Flagger leaves behind when it has looked at a Canary.
type Tick struct {
	Status
	Route
}

// An Outcome is how a run ends.
type Outcome string

// The outcomes.
const (
	Promoted   Outcome = "promoted"
	RolledBack Outcome = "rolled back"
	// Endless runs come to a point that they never leave.
	Endless Outcome = "never ends"
	// TooLong runs have more than MaxTicks.
	TooLong Outcome = "too long to follow"
)

// ends are the phases that a run ends with.
var ends = map[Phase]Outcome{Succeeded: Promoted, Failed: RolledBack}

// MaxTicks is how many ticks of a run are followed: at Flagger's shortest interval more
// than a day. It is less where the interval is so long that their time could not be told.
const MaxTicks = 10_000

// A Run is what a new version goes through.
type Run struct {
	Outcome Outcome
	// Every is the time from one tick to the next.
	Every time.Duration
	// Ticks are one after the other; the first is that which detects the version.
	Ticks []Tick
	// Checks of the new version under traffic that were begun, and FirstFailed is the
	// number of the tick of the first that failed, or 0.
	Checks      int
	FirstFailed int
	// Calls are how often each webhook of the Canary was called, and Queries how often
	// each of its metrics was asked for. What is retried counts once.
	Calls, Queries []int
}

// At is the time of a tick since the detection.
func (r Run) At(tick int) time.Duration { return time.Duration(tick) * r.Every }

// Duration is the time from the detection to the end.
func (r Run) Duration() time.Duration { return r.At(len(r.Ticks) - 1) }

// Copied is the time from the detection until the new version is copied to the primary, or
// to the end of a run that never does it.
func (r Run) Copied() time.Duration {
	for i, t := range r.Ticks {
		if t.Phase == Promoting || t.Phase == Succeeded {
			return r.At(i)
		}
	}
	return r.Duration()
}

// GoesOn reports whether the run does not end with its last tick.
func (r Run) GoesOn() bool { return r.Outcome == Endless || r.Outcome == TooLong }

// Peak is the largest share of traffic, in percent, that the new version had.
func (r Run) Peak() (percent int) {
	for _, t := range r.Ticks {
		percent = max(percent, t.Canary)
	}
	return percent
}

// Exposed is how long the new version had any traffic.
func (r Run) Exposed() (d time.Duration) {
	for _, t := range r.Ticks[:len(r.Ticks)-1] {
		if t.Canary > 0 {
			d += r.Every
		}
	}
	return d
}

// Exposure is the traffic that the new version had: its share, from 0 to 1, times the
// minutes that it had it. One traffic-minute is all traffic of a minute.
func (r Run) Exposure() (trafficMinutes float64) {
	percent := 0
	for _, t := range r.Ticks[:len(r.Ticks)-1] {
		percent += t.Canary
	}
	return float64(percent) * r.Every.Minutes() / allTraffic
}

// scheduler returns one that has not looked at the Canary yet.
func (c *Canary) scheduler(v Version, sc Scenario) *scheduler {
	s := &scheduler{
		Canary: c, version: v, scenario: sc, status: Status{Phase: Initialized}, queries: c.queries(v), answers: c.Answers(),
		calls: make([]int, len(c.Analysis.Webhooks)), asked: make([]int, len(c.Analysis.Metrics)),
	}
	s.culprit = c.culprit(s.queries)
	return s
}

// Run has a Canary go through a rollout under a version of Flagger.
func (c *Canary) Run(v Version, sc Scenario) Run {
	s := c.scheduler(v, sc)
	r := Run{Outcome: TooLong, Every: c.Analysis.Every()}
	// Where a state comes again, and nothing else has changed, it comes for ever.
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
