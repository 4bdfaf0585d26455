// Package power computes what a rollout can detect: the chance that a bad version is rolled back before its
// promotion, and the chance that a good version is rolled back by mistake. It uses the requests that each check
// sees, the thresholds of the metrics, and the states of Flagger's scheduler from package flagger. It does not
// simulate: it sums distributions, and evaluates the states from the last to the first. docs/power.md describes
// the model on one page.
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
	// Rate is the number of requests per second.
	Rate float64
	// Steady reports whether the requests come at fixed times, like the requests of a load test. Otherwise they
	// come at random, like the requests of users, and their number has a Poisson distribution.
	Steady bool
	// Straight reports whether all of them go to the new version. Otherwise the route splits them.
	Straight bool
	// Share is the share of the requests, from 0 to 1, that the route applies to.
	Share float64
	// Copied is the share of the requests that are also copied to the new version while the route mirrors.
	Copied float64
	// From is the event that starts the requests, and Lasts is their duration; 0 means until the end. Awaited
	// requests end before the check that starts them queries its metrics.
	From    Beginning
	Lasts   time.Duration
	Awaited bool
}

// A Beginning is the event that starts the requests of a source.
type Beginning int

// The beginnings.
const (
	// Always: they come all the time.
	Always Beginning = iota
	// WithPreRollout: the pre-rollout webhooks start them.
	WithPreRollout
	// WithChecks: each check starts them, unless they still run. A load tester skips a task that still runs
	// (fluxcd/flagger pkg/loadtester/runner.go).
	WithChecks
)

// A Kind is a way in which a request can be bad.
type Kind int

// The kinds.
const (
	// Errors: it failed, according to the query of the metric.
	Errors Kind = iota
	// Slow: it took longer than the threshold.
	Slow
)

// String returns the name of a kind for JSON.
func (k Kind) String() string { return []string{"errors", "slow"}[k] }

// A Metric passes or fails a check by the share of bad requests in its window. Without requests it has no value,
// and the check fails (fluxcd/flagger pkg/controller/scheduler_metrics.go).
type Metric struct {
	Name string
	Kind Kind
	// Window is the period that the query covers.
	Window time.Duration
	// Least and Most are the limits of the share of bad requests, from 0 to 1, with which the check passes.
	Least, Most float64
	// Sources are the indexes of the model's sources that it counts.
	Sources []int
}

// A Model describes a rollout and its requests.
type Model struct {
	Course  *flagger.Course
	Sources []Source
	Metrics []Metric
	// Threshold is the number of failed checks that roll back the version.
	Threshold int
	// Delay is the time from the beginning of a tick until it queries the metrics.
	Delay time.Duration
}

// A Range is a number between two bounds, which are equal if it is known exactly.
type Range struct{ Low, High float64 }

// IsExact reports whether the number is known exactly.
func (r Range) IsExact() bool { return r.Low == r.High }

// A Point is the expected result for versions with a share of bad requests.
type Point struct {
	// Bad is the share, from 0 to 1.
	Bad float64
	// Undone is the chance of a rollback before the promotion.
	Undone Range
	// Seconds is the expected time until the rollout ends, and Requests is the expected number of requests that
	// the version answers, without copies. Both are unknown if windows overlap.
	Seconds, Requests Range
}

// bads are the shares of bad requests for the points of a curve.
var bads = []float64{0, .001, .002, .003, .005, .007, .01, .015, .02, .03, .04, .05, .07, .1, .15, .2, .3, .5, .7, 1}

// A Curve is the operating characteristic of a rollout: the results for increasing shares of bad requests.
type Curve struct {
	Points []Point
	// Caught are the smallest shares of bad requests that are rolled back with each of Chances, or NaN.
	Caught []Range

	of *Calculator
}

// At returns the result for another share of bad requests.
func (c *Curve) At(bad float64) Point { return c.of.At(bad) }

// Chances are the chances for which a curve has the smallest share.
var Chances = []float64{.5, .95, .99}

// A Look is the view of one check of a good version.
type Look struct {
	// At is the number of its tick, and Canary is the traffic share of the new version at that time, in percent.
	At, Canary int
	// Requests is the expected number in the window of each metric of the model, and Empty the chance of an empty
	// window.
	Requests, Empty []float64
	// Sent are the expected numbers of requests from each of the metric's sources.
	Sent [][]float64
}

// Has reports whether the model has a metric for a kind.
func (m *Model) Has(kind Kind) bool {
	return slices.ContainsFunc(m.Metrics, func(metric Metric) bool { return metric.Kind == kind })
}

// Overlaps reports whether checks see the same requests, because the window of a metric is longer than an
// interval.
func (m *Model) Overlaps() bool {
	return slices.ContainsFunc(m.Metrics, func(metric Metric) bool { return metric.Window > m.Course.Every })
}

// Looks returns the views of the checks of a good version, in order. Without metrics they see nothing.
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
		// A check that certainly sees nothing fails. If such failures roll back every version, assume that they
		// pass.
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

// A Calculator computes the results for versions that are bad in only one way.
type Calculator struct {
	*Model
	judges []judge
	// tests are the tests of checks with distinct views, and seen are their indexes for the check after each
	// state.
	tests [][]test
	seen  []int
	// overlaps is nil if no checks see the same requests.
	overlaps *overlap
}

// sees returns a key that is equal for checks that see the same requests, for the check after a path of states.
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

// A test is a metric with the distribution of the requests in its window.
type test struct {
	counts      counts
	least, most float64
	bad         bool // whether it counts the requests that are bad
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

// precision is the relative difference below which two shares count as equal.
const precision = 1e-3

// smallest returns the smallest share that is rolled back with this chance, or NaN.
func (c *Calculator) smallest(curve *Curve, chance float64, undone func(Point) float64) float64 {
	i := slices.IndexFunc(curve.Points, func(p Point) bool { return undone(p) >= chance })
	switch {
	case i < 0:
		return math.NaN()
	case i == 0:
		return 0
	}
	// Between two points of the curve, the logarithm of the odds is nearly linear.
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

// logOdds returns the logarithm of the odds of a chance, which it limits to the precision of a curve.
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

// At returns the result for versions with a share of bad requests.
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

// failing returns the chance that the check after each state fails.
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

// evaluate returns bounds of the expected total cost of the states until the rollout ends, plus the cost of
// rolling back. If the chance of a failure is a range, it uses the end that gives the smaller, or the larger,
// result.
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

// mix returns the expected value if first has this chance, and second otherwise.
func mix(chance, first, second float64) float64 { return chance*first + (1-chance)*second }

// fails returns the chance that a check fails because any of its metrics fails. Metrics of the same load see the
// same requests, so the chance is between the largest one and the sum of all.
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

// A judge is a metric, applied to versions that are bad in one way. It may count something else.
type judge struct {
	Metric
	bad bool
}

// judges returns the metrics, applied to versions that are bad in one way. A metric that counts something else can
// only fail for lack of requests. It is omitted if another metric sees the same requests, because that one then
// fails, too.
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

// testsOf returns the tests of the check after a path of states.
func (c *Calculator) testsOf(path []int) (all []test) {
	for _, j := range c.judges {
		all = append(all, test{c.count(j.Metric, path), j.Least, j.Most, j.bad})
	}
	return all
}

// Curves caches the curves of models, many of which are equal. The zero value is ready to use.
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

// meets returns the number of requests that the new version answers from a state until the next.
func (c *Calculator) meets(s flagger.State) (n float64) {
	for i := range c.Sources {
		source := &c.Sources[i]
		share := source.shareOf(flagger.Route{Canary: s.Canary}) // without copies
		lasts := c.sentUntil(source, s, time.Duration(s.At+1)*c.Course.Every) - c.sentUntil(source, s, time.Duration(s.At)*c.Course.Every)
		n += source.Rate * share * lasts.Seconds()
	}
	return n
}
