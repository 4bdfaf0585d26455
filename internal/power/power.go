// Package power computes what a rollout can see: how likely a bad version is rolled back before it is promoted, and a
// good one by mistake. It follows from the requests that each check looks at, from the thresholds of its metrics, and
// from Flagger's scheduler, whose states package flagger gives. Nothing is drawn: the distributions are summed, and
// the states are evaluated from the last to the first. docs/power.md is the model in one page.
package power

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/fleetwright/fleetwright/internal/flagger"
)

// A Source sends requests at a steady rate.
type Source struct {
	// Rate is the number of requests in a second.
	Rate float64
	// Steady reports that they come at fixed times, as those of a load test. The others come at random, as those of
	// users: their numbers have a Poisson distribution.
	Steady bool
	// Straight reports that all of them go to the new version. The others go by the route, which gives it a share.
	Straight bool
	// Share of the requests, from 0 to 1, that the route is for.
	Share float64
	// Copied is the share of the requests of which the new version gets a copy while the route mirrors.
	Copied float64
	// From is what begins the requests, and Lasts is for how long they come then; 0 is until the end. Awaited requests
	// are over when the check that begins them asks for its metrics.
	From    Beginning
	Lasts   time.Duration
	Awaited bool
}

// A Beginning is what begins the requests of a source.
type Beginning int

// The beginnings.
const (
	// Always: they come all the time.
	Always Beginning = iota
	// WithPreRollout: the pre-rollout hooks begin them.
	WithPreRollout
	// WithChecks: each check begins them, unless they have not ended yet. A load tester skips a task that still runs
	// (fluxcd/flagger pkg/loadtester/runner.go).
	WithChecks
)

// A Kind is what a request is counted for.
type Kind int

// The kinds.
const (
	// Errors: it failed, as the query of the metric counts failures.
	Errors Kind = iota
	// Slow: it took longer than the threshold.
	Slow
)

// String returns the name of a kind, for programs.
func (k Kind) String() string { return []string{"errors", "slow"}[k] }

// A Metric is one by which a check passes or fails: by a share of the requests in its window. Without any request it
// has no value, and the check fails (fluxcd/flagger pkg/controller/scheduler_metrics.go).
type Metric struct {
	Name string
	Kind Kind
	// Window is how far back it looks.
	Window time.Duration
	// Least and Most are the shares of bad requests, from 0 to 1, between which the check passes.
	Least, Most float64
	// Sources are the places of those in the model that it counts.
	Sources []int
}

// A Model is what is known of a rollout.
type Model struct {
	Course  *flagger.Course
	Sources []Source
	Metrics []Metric
	// Threshold is how many failed checks roll the version back.
	Threshold int
	// Delay is how long after a tick has begun the metrics are asked for.
	Delay time.Duration
}

// A Range is a number that lies between two, which are the same where it is known.
type Range struct{ Low, High float64 }

// IsExact reports whether the number is known.
func (r Range) IsExact() bool { return r.Low == r.High }

// A Point is what becomes of a version with a share of bad requests.
type Point struct {
	// Bad is the share, from 0 to 1.
	Bad float64
	// Undone is the chance that it is rolled back before it is promoted.
	Undone Range
	// Seconds is the expected time until the rollout ends, and Requests the expected number of requests that the
	// version answers, copies aside. Neither is known where windows overlap.
	Seconds, Requests Range
}

// bads are the shares of bad requests that a curve has points of.
var bads = []float64{0, .001, .002, .003, .005, .007, .01, .015, .02, .03, .04, .05, .07, .1, .15, .2, .3, .5, .7, 1}

// A Curve is the operating characteristic of a rollout: what becomes of versions that are bad to several degrees.
type Curve struct {
	Points []Point
	// Caught are the smallest shares of bad requests that are rolled back with the chances of Chances. NaN is none.
	Caught []Range

	of *Calculator
}

// At returns what becomes of a version with another share of bad requests.
func (c *Curve) At(bad float64) Point { return c.of.At(bad) }

// Chances are those that a curve tells the smallest share for.
var Chances = []float64{.5, .95, .99}

// A Look is what one check of a good version sees.
type Look struct {
	// At is the number of its tick, and Canary the share of the traffic, in percent, that the new version has then.
	At, Canary int
	// Requests is the expected number in the window of each metric of the model, and Empty the chance that there are none.
	Requests, Empty []float64
	// Sent are the expected numbers of each of the metric's sources.
	Sent [][]float64
}

// Has reports whether the model has a metric of a kind.
func (m *Model) Has(kind Kind) bool {
	return slices.ContainsFunc(m.Metrics, func(metric Metric) bool { return metric.Kind == kind })
}

// Overlaps reports whether two checks see the same requests: a metric looks back further than the last check.
func (m *Model) Overlaps() bool {
	return slices.ContainsFunc(m.Metrics, func(metric Metric) bool { return metric.Window > m.Course.Every })
}

// Looks returns what the checks of a good version see, in their order. Without a metric they see nothing.
func (m *Model) Looks() (all []Look) {
	if len(m.Metrics) == 0 {
		return nil
	}
	var path []int
	for at := 0; ; {
		path = append(path, at)
		s := m.Course.States[at]
		if s.Outcome != "" {
			return all
		}
		at = s.Good
		if !s.Checked {
			continue
		}
		look := Look{At: s.At + 1, Canary: s.Canary}
		for _, metric := range m.Metrics {
			total, sent := 0.0, []float64{}
			for _, source := range metric.Sources {
				n := m.mean(Metric{Window: metric.Window, Sources: []int{source}}, path)
				total, sent = total+n, append(sent, n)
			}
			look.Requests, look.Sent = append(look.Requests, total), append(look.Sent, sent)
			look.Empty = append(look.Empty, m.none(metric, path))
		}
		all = append(all, look)
		// One that surely sees nothing fails. Where that undoes every version, the others are what would come.
		if slices.Contains(look.Empty, 1) && s.FailedChecks+1 < m.Threshold {
			at = s.Bad
		}
	}
}

// Of returns a calculator for versions that are bad in one way.
func (m *Model) Of(kind Kind) *Calculator {
	c := &Calculator{Model: m, judges: m.judges(kind)}
	if m.Overlaps() {
		c.overlaps = newOverlap(c)
		return c
	}
	c.seen = make([]int, len(m.Course.States))
	known := map[string]int{}
	for i, s := range m.Course.States {
		if !s.Checked {
			continue
		}
		sees := c.sees([]int{i})
		number, ok := known[sees]
		if !ok {
			number = len(c.tests)
			known[sees] = number
			c.tests = append(c.tests, c.testsOf([]int{i}))
		}
		c.seen[i] = number
	}
	return c
}

// A Calculator computes what becomes of versions that are bad in one way and good in all others.
type Calculator struct {
	*Model
	judges []judge
	// tests are those of checks that see something else, and seen has their numbers for the checks after the states.
	tests [][]test
	seen  []int
	// overlaps is nil where no check sees the requests of another.
	overlaps *overlap
}

// sees returns a text that is the same for checks that see the same: those after the last of some states, which came
// one after the other.
func (c *Calculator) sees(path []int) string {
	var text []byte
	for _, j := range c.judges {
		for _, s := range c.stretches(j.Metric, path) {
			text = fmt.Append(text, s)
		}
		text = append(text, ';')
	}
	return string(text)
}

// A test is what one metric makes of the requests in its window.
type test struct {
	counts      counts
	least, most float64
	bad         bool // it counts what is bad of the version
}

// Curve returns the operating characteristic.
func (c *Calculator) Curve() *Curve {
	curve := &Curve{of: c}
	for _, bad := range bads {
		curve.Points = append(curve.Points, c.At(bad))
	}
	for _, chance := range Chances {
		curve.Caught = append(curve.Caught, Range{
			c.smallest(curve, chance, func(p Point) float64 { return p.Undone.High }),
			c.smallest(curve, chance, func(p Point) float64 { return p.Undone.Low }),
		})
	}
	return curve
}

// precision is how near to each other two shares are that are taken for the same.
const precision = 1e-3

// smallest returns the smallest share that is rolled back with a chance, or NaN.
func (c *Calculator) smallest(curve *Curve, chance float64, undone func(Point) float64) float64 {
	i := slices.IndexFunc(curve.Points, func(p Point) bool { return undone(p) >= chance })
	switch {
	case i < 0:
		return math.NaN()
	case i == 0:
		return 0
	}
	// Between two points of the curve the odds are nearly straight, in logarithms.
	beyond := func(p Point) float64 { return logOdds(undone(p)) - logOdds(chance) }
	low, high := curve.Points[i-1].Bad, curve.Points[i].Bad
	below, above := beyond(curve.Points[i-1]), beyond(curve.Points[i])
	for found := high; ; {
		next := (low*above - high*below) / (above - below)
		if math.Abs(next-found) <= precision*next {
			return next
		}
		found = next
		if f := beyond(Point{Undone: c.Undone(found)}); f >= 0 {
			high, above = found, f
		} else {
			low, below = found, f
		}
	}
}

// logOdds returns the logarithm of the odds of a chance, for chances that a curve can tell apart.
func logOdds(chance float64) float64 {
	const least = 1e-9
	chance = min(max(chance, least), 1-least)
	return math.Log(chance / (1 - chance))
}

// Undone returns the chance that a version with a share of bad requests is rolled back.
func (c *Calculator) Undone(bad float64) Range {
	if c.overlaps != nil {
		return c.overlaps.undone(bad)
	}
	return c.evaluate(c.failing(bad), 1, func(flagger.State) float64 { return 0 })
}

// At returns what becomes of a version with a share of bad requests.
func (c *Calculator) At(bad float64) Point {
	if c.overlaps != nil {
		return Point{Bad: bad, Undone: c.overlaps.undone(bad)}
	}
	failing, every := c.failing(bad), c.Course.Every.Seconds()
	return Point{
		Bad:      bad,
		Undone:   c.evaluate(failing, 1, func(flagger.State) float64 { return 0 }),
		Seconds:  c.evaluate(failing, 0, func(flagger.State) float64 { return every }),
		Requests: c.evaluate(failing, 0, c.meets),
	}
}

// failing returns how likely the check after each state fails.
func (c *Calculator) failing(bad float64) []Range {
	var of []Range
	for _, tests := range c.tests {
		of = append(of, c.fails(tests, bad))
	}
	all := make([]Range, len(c.Course.States))
	for i, s := range c.Course.States {
		if s.Checked {
			all[i] = of[c.seen[i]]
		}
	}
	return all
}

// evaluate returns the least and the largest expectation of what the states of a rollout cost until it ends, and its
// rolling back. Where it is not known how likely a check fails, whichever chance makes the value smaller, or larger,
// is taken.
func (c *Calculator) evaluate(failing []Range, rollingBack float64, cost func(flagger.State) float64) Range {
	states := c.Course.States
	values := make([]Range, len(states))
	for i := len(states) - 1; i >= 0; i-- {
		s := states[i]
		if s.Outcome != "" {
			if s.Outcome == flagger.RolledBack {
				values[i] = Range{rollingBack, rollingBack}
			}
			continue
		}
		v, f := values[s.Good], failing[i]
		if s.Checked {
			worse := values[s.Bad]
			v.Low = min(mix(f.Low, worse.Low, v.Low), mix(f.High, worse.Low, v.Low))
			v.High = max(mix(f.Low, worse.High, v.High), mix(f.High, worse.High, v.High))
		}
		more := cost(s)
		values[i] = Range{v.Low + more, v.High + more}
	}
	return values[0]
}

// mix returns what is expected of two values, of which the first comes with a chance.
func mix(chance, first, second float64) float64 { return chance*first + (1-chance)*second }

// fails returns how likely a check fails. Any of its metrics fails it, and those of one load see the same requests, so
// that the chance lies between that of the likeliest and the sum of all.
func (c *Calculator) fails(tests []test, bad float64) (f Range) {
	for _, t := range tests {
		share := 0.0
		if t.bad {
			share = bad
		}
		one := t.counts.fails(share, t.least, t.most)
		f.Low, f.High = max(f.Low, one), min(f.High+one, 1)
	}
	return f
}

// A judge is a metric for versions that are bad in one way: it may count something else.
type judge struct {
	Metric
	bad bool
}

// judges returns the metrics for versions that are bad in one way. One that counts something else fails a check where it
// sees no request, which one that sees the same requests does as well.
func (m *Model) judges(kind Kind) (all []judge) {
	for i, metric := range m.Metrics {
		same := func(other Metric) bool {
			return other.Window == metric.Window && slices.Equal(other.Sources, metric.Sources)
		}
		told := slices.ContainsFunc(m.Metrics, func(other Metric) bool { return other.Kind == kind && same(other) }) || slices.ContainsFunc(m.Metrics[:i], same)
		if metric.Kind == kind || !told {
			metric.Name, metric.Kind = "", 0
			all = append(all, judge{metric, m.Metrics[i].Kind == kind})
		}
	}
	return all
}

// testsOf returns what the judges make of the check after some states.
func (c *Calculator) testsOf(path []int) (all []test) {
	for _, j := range c.judges {
		all = append(all, test{c.count(j.Metric, path), j.Least, j.Most, j.bad})
	}
	return all
}

// Curves are the curves of several models, of which many are the same. The zero value is ready.
type Curves struct{ known map[string]*Curve }

// Of returns the operating characteristic of a model for versions that are bad in one way.
func (all *Curves) Of(m *Model, kind Kind) *Curve {
	key := fmt.Sprint(m.Course, m.Sources, m.judges(kind), m.Threshold, m.Delay)
	curve := all.known[key]
	if curve == nil {
		if all.known == nil {
			all.known = map[string]*Curve{}
		}
		curve = m.Of(kind).Curve()
		all.known[key] = curve
	}
	return curve
}

// meets returns how many requests the new version answers from a state until the next.
func (c *Calculator) meets(s flagger.State) (n float64) {
	for i := range c.Sources {
		source := &c.Sources[i]
		share := source.shareOf(flagger.Route{Canary: s.Canary}) // without copies
		lasts := c.sentUntil(source, s, time.Duration(s.At+1)*c.Course.Every) - c.sentUntil(source, s, time.Duration(s.At)*c.Course.Every)
		n += source.Rate * share * lasts.Seconds()
	}
	return n
}
