package power

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/fleetwright/fleetwright/internal/flagger"
)

// canary returns a Canary with an analysis and one metric.
func canary(a flagger.Analysis) *flagger.Canary {
	if a.Interval == "" {
		a.Interval = "1m"
	}
	a.Metrics = []flagger.Metric{{Name: "request-success-rate", Interval: "1m"}}
	return &flagger.Canary{Provider: flagger.Istio, Analysis: a}
}

// The analyses of the three strategies.
var (
	weighted  = flagger.Analysis{Threshold: 2, StepWeight: 10, MaxWeight: 50}
	abTesting = flagger.Analysis{Threshold: 3, Iterations: 4, Match: make([]flagger.Match, 1)}
	blueGreen = flagger.Analysis{Threshold: 2, Iterations: 4}
	mirroring = flagger.Analysis{Threshold: 2, Iterations: 3, Mirror: true}
)

// newModel returns the model of an analysis, with metrics that count the requests of all sources.
func newModel(t testing.TB, a flagger.Analysis, sources []Source, metrics ...Metric) *Model {
	t.Helper()
	course, ok := canary(a).Course(flagger.Newest)
	if !ok {
		t.Fatal("there is no course")
	}
	m := &Model{Course: course, Threshold: max(a.Threshold, 1), Sources: sources, Metrics: metrics}
	for i := range m.Metrics {
		if m.Metrics[i].Sources == nil {
			for source := range sources {
				m.Metrics[i].Sources = append(m.Metrics[i].Sources, source)
			}
		}
	}
	return m
}

// percent99 passes 99 of 100 requests.
var percent99 = Metric{Kind: Errors, Window: time.Minute, Most: .01}

// near reports whether two numbers are equal except for rounding.
func near(a, b, by float64) bool { return math.Abs(a-b) <= by }

// TestTwentyRequests checks the example of docs/power.md: 20 requests in each of five checks, of which the
// second failed one rolls back.
func TestTwentyRequests(t *testing.T) {
	load := Source{Rate: 20. / 60, Steady: true, Straight: true}
	odds := newModel(t, weighted, []Source{load}, percent99).Of(Errors)
	for p, want := range map[float64]float64{.01: .70, .001: .994, .043: .05} {
		if promoted := 1 - odds.Undone(p).High; !near(promoted, want, .005) {
			t.Errorf("with %g errors %.3f are promoted, want %.3f", p, promoted, want)
		}
	}
	pass := math.Pow(.99, 20)
	if want, got := math.Pow(pass, 5)*(1+5*(1-pass)), 1-odds.Undone(.01).Low; !near(got, want, 1e-12) {
		t.Errorf("promoted: %.15f, want %.15f", got, want)
	}
	if caught := odds.Curve().Caught[1]; !near(caught.Low, .0427, .0001) || !caught.IsExact() {
		t.Errorf("caught: %v", caught)
	}
	load.Rate, load.From, load.Lasts = 20./50, WithChecks, 50*time.Second
	odds = newModel(t, weighted, []Source{load}, percent99).Of(Errors)
	if promoted := 1 - odds.Undone(.01).High; !near(promoted, math.Pow(pass, 5), 1e-12) {
		t.Errorf("if the first check finds no requests, %.3f are promoted, want %.3f", promoted, math.Pow(pass, 5))
	}
	if looks := odds.Looks(); looks[0].Requests[0] != 0 || looks[0].Empty[0] != 1 || !near(looks[1].Requests[0], 20, 1e-9) || looks[1].Empty[0] != 0 {
		t.Errorf("checks see %v", looks)
	}
}

// TestPublishedTables compares results with tables of the binomial and the Poisson distribution
// (NIST/SEMATECH e-Handbook of Statistical Methods; Abramowitz and Stegun, table 26.7).
func TestPublishedTables(t *testing.T) {
	for _, tt := range []struct {
		n, k    int
		p, want float64
	}{
		{20, 2, .1, .6769}, {20, 4, .1, .9568}, {10, 0, .05, .5987}, {10, 3, .3, .6496}, {15, 7, .5, .5}, {25, 1, .01, .9742}, {5, 4, .9, .4095},
	} {
		if got := fixed(tt.n).atMost(tt.p, func(int) int { return tt.k }); !near(got, tt.want, 5e-5) {
			t.Errorf("at most %d of %d with %g: %.4f, want %.4f", tt.k, tt.n, tt.p, got, tt.want)
		}
	}
	for _, tt := range []struct {
		mean float64
		k    int
		want float64
	}{{5, 3, .2650}, {1, 0, .3679}, {3, 0, .0498}, {10, 12, .7916}, {.5, 2, .9856}} {
		c, got := poisson(tt.mean), 0.0
		for i, p := range c.chances {
			if c.least+i <= tt.k {
				got += p
			}
		}
		if !near(got, tt.want, 5e-5) {
			t.Errorf("at most %d of %g expected: %.4f, want %.4f", tt.k, tt.mean, got, tt.want)
		}
	}
}

// TestLongWalks checks that stepping from one number of requests to the next loses no precision.
func TestLongWalks(t *testing.T) {
	for _, mean := range []float64{3, 50, 1200, 30_000, 200_000} {
		for _, bad := range []float64{.002, .0099, .01, .0105, .03} {
			c := poisson(mean)
			got := c.fails(bad, 0, .01)
			want := c.none()
			for i, p := range c.chances {
				if n := c.least + i*c.step; n > 0 {
					want += p * (1 - fixed(n).atMost(bad, func(n int) int { return allowed(n, .01) }))
				}
			}
			if !near(got, want, 1e-9) {
				t.Errorf("%g expected, %g bad: %.12f, each by itself %.12f", mean, bad, got, want)
			}
		}
	}
}

func TestSums(t *testing.T) {
	sum := binomial(10, .3).plus(poisson(4))
	mean, variance := sum.moments()
	if !near(mean, 7, 1e-6) || !near(variance, 2.1+4, 1e-6) {
		t.Errorf("binomial and Poisson: mean %g, variance %g, want 7 and 6.1", mean, variance)
	}
	large := binomial(100_000, .5).plus(poisson(80_000))
	if mean, variance := large.moments(); !near(mean, 130_000, 1) || !near(variance, 105_000, 300) {
		t.Errorf("large ones: mean %g, variance %g, want 130000 and 105000", mean, variance)
	}
	if c := fixed(3).plus(poisson(2)); c.least != 3 || !near(c.chances[0], math.Exp(-2), 1e-9) {
		t.Errorf("a fixed number and a random one begin with %d and %g", c.least, c.chances[0])
	}
}

// An outcome is a number of requests and of bad ones, with its probability.
type outcome struct {
	n, bad int
	chance float64
}

// outcomes enumerates the results of some requests: each goes to the old version, or to the new one, where it
// fails or succeeds.
func outcomes(requests int, share, bad float64) []outcome {
	all := []outcome{{0, 0, 1}}
	for range requests {
		var next []outcome
		for _, o := range all {
			next = append(next, outcome{o.n, o.bad, o.chance * (1 - share)}, outcome{o.n + 1, o.bad, o.chance * share * (1 - bad)}, outcome{o.n + 1, o.bad + 1, o.chance * share * bad})
		}
		all = next
	}
	return all
}

// TestEnumeration compares results with the sum over all outcomes of all requests of all checks.
func TestEnumeration(t *testing.T) {
	const requests = 4
	for _, straight := range []bool{false, true} {
		for name, a := range map[string]flagger.Analysis{"weighted": weighted, "A/B": abTesting} {
			source := Source{Rate: requests / 60., Steady: true, Straight: straight, Share: 1}
			m := newModel(t, a, []Source{source}, Metric{Kind: Errors, Window: time.Minute, Most: .3})
			for _, bad := range []float64{0, .05, .3, 1} {
				var walk func(place int) (undone, seconds, answered float64)
				walk = func(place int) (undone, seconds, answered float64) {
					s := m.Course.States[place]
					if s.Outcome == flagger.RolledBack {
						return 1, 0, 0
					}
					if s.Outcome != "" {
						return 0, 0, 0
					}
					share := float64(s.Canary) / 100
					if straight {
						share = 1
					}
					seconds, answered = 60, requests*share
					if !s.Checked {
						u, sec, n := walk(s.Good)
						return u, seconds + sec, answered + n
					}
					fails := 0.0
					for _, o := range outcomes(requests, share, bad) {
						if o.n == 0 || float64(o.bad) > .3*float64(o.n)+1e-12 {
							fails += o.chance
						}
					}
					goodUndone, goodSeconds, goodAnswered := walk(s.Good)
					badUndone, badSeconds, badAnswered := walk(s.Bad)
					return mix(fails, badUndone, goodUndone), seconds + mix(fails, badSeconds, goodSeconds), answered + mix(fails, badAnswered, goodAnswered)
				}
				undone, seconds, answered := walk(0)
				got := m.Of(Errors).At(bad)
				if !near(got.Undone.Low, undone, 1e-12) || !got.Undone.IsExact() || !near(got.Seconds.Low, seconds, 1e-8) || !near(got.Requests.High, answered, 1e-8) {
					t.Errorf("%s, straight %t, %g bad: %v, enumerated %g undone in %g s with %g requests", name, straight, bad, got, undone, seconds, answered)
				}
			}
		}
	}
}

// A drawer draws runs of a model request by request.
type drawer struct {
	*Model
	*rand.Rand
}

// poisson draws a number with a given expectation.
func (d drawer) poisson(mean float64) int {
	if mean > 500 {
		return max(int(math.Round(mean+d.NormFloat64()*math.Sqrt(mean))), 0)
	}
	n := -1
	for product := 1.0; product > math.Exp(-mean); n++ {
		product *= d.Float64()
	}
	return n
}

// binomial draws the number of successes of n.
func (d drawer) binomial(n int, p float64) (k int) {
	if v := float64(n) * p * (1 - p); v > 100 {
		return min(max(int(math.Round(float64(n)*p+d.NormFloat64()*math.Sqrt(v))), 0), n)
	}
	for range n {
		if d.Float64() < p {
			k++
		}
	}
	return k
}

// A block holds the new version's requests between two ticks, by source.
type block struct{ n, bad []int }

// run draws one run, and returns whether the version is rolled back, the duration, and the number of requests
// that it answers.
func (d drawer) run(bad float64) (undone bool, seconds, answered float64) {
	var blocks []block
	for at := 0; ; {
		s := d.Course.States[at]
		if s.Outcome != "" {
			return s.Outcome == flagger.RolledBack, seconds, answered
		}
		seconds += d.Course.Every.Seconds()
		b := block{}
		for i := range d.Sources {
			source := &d.Sources[i]
			lasts := d.sentUntil(source, s, time.Duration(s.At+1)*d.Course.Every) - d.sentUntil(source, s, time.Duration(s.At)*d.Course.Every)
			sent, n := source.Rate*lasts.Seconds(), 0
			if source.Steady {
				n = d.binomial(int(sent+rounding), source.shareOf(s.Route))
			} else {
				n = d.poisson(sent * source.shareOf(s.Route))
			}
			b.n, b.bad = append(b.n, n), append(b.bad, d.binomial(n, bad))
			if source.Straight || s.Canary > 0 {
				answered += float64(n)
			}
		}
		blocks = append(blocks, b)
		at = s.Good
		if s.Checked && d.failed(blocks) {
			at = s.Bad
		}
	}
}

// failed reports whether any metric fails the check after some blocks. Windows consist of whole blocks.
func (d drawer) failed(blocks []block) bool {
	return slices.ContainsFunc(d.Metrics, func(m Metric) bool {
		n, bad := 0, 0
		for _, b := range blocks[max(len(blocks)-int(m.Window/d.Course.Every), 0):] {
			for _, source := range m.Sources {
				n += b.n[source]
				if m.Kind == Errors {
					bad += b.bad[source]
				}
			}
		}
		return n == 0 || bad > allowed(n, m.Most)
	})
}

// TestDrawnRuns compares results with 100,000 random runs: the shares must lie within three standard errors.
func TestDrawnRuns(t *testing.T) {
	runs := 100_000
	if testing.Short() {
		runs = 10_000
	}
	users := func(rate, share float64) Source { return Source{Rate: rate, Share: share, Copied: 1} }
	for i, tt := range []struct {
		name     string
		analysis flagger.Analysis
		sources  []Source
		bad      float64
	}{
		{"few users by weight", weighted, []Source{users(.5, 1)}, .02},
		{"many users by weight", weighted, []Source{users(200, 1)}, .009},
		{"users who match", abTesting, []Source{users(20, .05)}, .015},
		{"users and a load by the route", weighted, []Source{users(2, 1), {Rate: 20, Steady: true, Share: 1, From: WithChecks, Lasts: 50 * time.Second}}, .008},
		{"copies of the users' requests", mirroring, []Source{users(3, 1)}, .012},
		{"a load that each check begins", blueGreen, []Source{{Rate: 5, Steady: true, Straight: true, From: WithChecks, Lasts: 30 * time.Second}}, .006},
		{"a load that begins with every second check", weighted, []Source{users(1, 1), {Rate: 3, Steady: true, Straight: true, From: WithChecks, Lasts: 90 * time.Second}}, .012},
		{"two loads that the pre-rollout hooks begin", weighted, []Source{
			{Rate: 2, Steady: true, Straight: true, From: WithPreRollout, Lasts: 3 * time.Minute}, {Rate: 2, Steady: true, Straight: true, From: WithPreRollout, Lasts: 20 * time.Minute},
		}, .012},
		{"a load that the pre-rollout hook begins", weighted, []Source{{Rate: 2, Steady: true, Straight: true, From: WithPreRollout, Lasts: 20 * time.Minute}}, .012},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := newModel(t, tt.analysis, tt.sources, percent99)
			d := drawer{m, rand.New(rand.NewPCG(27, uint64(i)))}
			var undone, seconds, squares, answered, answers float64
			for range runs {
				u, s, n := d.run(tt.bad)
				if u {
					undone++
				}
				seconds, squares, answered, answers = seconds+s, squares+s*s, answered+n, answers+n*n
			}
			total := float64(runs)
			p := m.Of(Errors).At(tt.bad)
			if p.Undone.Low < .02 || p.Undone.Low > .98 {
				t.Errorf("rolled back: %v, which shows nothing", p.Undone)
			}
			within := func(what string, drawn, of float64, variance float64, r Range) {
				if !r.IsExact() || !near(drawn/of, r.Low, 3*math.Sqrt(variance/of)) {
					t.Errorf("%s: drawn %g, computed %v, standard error %g", what, drawn/of, r, math.Sqrt(variance/of))
				}
			}
			within("undone", undone, total, p.Undone.Low*(1-p.Undone.Low), p.Undone)
			within("seconds", seconds, total, squares/total-seconds/total*seconds/total, p.Seconds)
			within("requests", answered, total, answers/total-answered/total*answered/total, p.Requests)
		})
	}
}

// TestBounds checks that, if checks or metrics see the same requests, the random share lies between the
// bounds.
func TestBounds(t *testing.T) {
	const runs = 10_000
	straight := Source{Rate: 5, Steady: true, Straight: true}
	begun := Source{Rate: 5, Steady: true, Straight: true, From: WithChecks, Lasts: 50 * time.Second}
	users := Source{Rate: 5, Share: 1}
	wide := func(minutes int, most float64) Metric {
		return Metric{Kind: Errors, Window: time.Duration(minutes) * time.Minute, Most: most}
	}
	patient := weighted
	patient.Threshold = 5
	impatient := weighted
	impatient.Threshold = 1
	for i, tt := range []struct {
		name     string
		analysis flagger.Analysis
		sources  []Source
		metrics  []Metric
	}{
		{"two intervals", weighted, []Source{straight}, []Metric{wide(2, .01)}},
		{"two intervals of users", weighted, []Source{users}, []Metric{wide(2, .01)}},
		{"two intervals, load with the checks", patient, []Source{begun}, []Metric{wide(2, .01)}},
		{"three intervals", patient, []Source{straight}, []Metric{wide(3, .01)}},
		{"five intervals of users", patient, []Source{users}, []Metric{wide(5, .01)}},
		{"the first failure undoes", impatient, []Source{users}, []Metric{wide(2, .01)}},
		{"A/B testing", abTesting, []Source{users}, []Metric{wide(3, .01)}},
		{"two metrics of one load", weighted, []Source{users}, []Metric{wide(1, .01), wide(1, .02)}},
		{"two metrics of two windows", weighted, []Source{users}, []Metric{wide(1, .03), wide(2, .01)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := newModel(t, tt.analysis, tt.sources, tt.metrics...)
			odds, apart := m.Of(Errors), 0
			for j, bad := range []float64{0, .001, .004, .008, .012, .02, .04, .08} {
				d := drawer{m, rand.New(rand.NewPCG(uint64(i), uint64(j)))}
				undone := 0.0
				for range runs {
					if u, _, _ := d.run(bad); u {
						undone++
					}
				}
				r := odds.Undone(bad)
				if r.High-r.Low > .001 {
					apart++
				}
				if by := 3 * math.Sqrt(max(undone, 1)*max(runs-undone, 1)/runs) / runs; undone/runs < r.Low-by || undone/runs > r.High+by {
					t.Errorf("%g bad: drawn %g, computed %v", bad, undone/runs, r)
				}
			}
			if apart == 0 {
				t.Error("the bounds are never apart")
			}
			if caught := odds.Curve().Caught[1]; caught.Low > caught.High || math.IsNaN(caught.High) {
				t.Errorf("caught: %v", caught)
			}
		})
	}
}

// TestQuantile checks that the p99 of 40 requests is the slowest one, and that of 200 the third slowest.
func TestQuantile(t *testing.T) {
	slow := Metric{Kind: Slow, Window: time.Minute, Most: 1 - .99}
	for n, allowed := range map[float64]int{40: 0, 99: 0, 100: 1, 200: 2} {
		m := newModel(t, flagger.Analysis{Threshold: 1, StepWeight: 100}, []Source{{Rate: n / 60, Steady: true, Straight: true}}, slow)
		want := 1 - fixed(int(n)).atMost(.005, func(int) int { return allowed })
		if got := m.Of(Slow).Undone(.005); !near(got.Low, want, 1e-12) {
			t.Errorf("of %g requests: %v, want %g", n, got, want)
		}
		if got := m.Of(Errors).Undone(1); got.High > 0 {
			t.Errorf("errors fail a check of slow requests: %v", got)
		}
	}
}

// TestNoValues checks that a check without requests fails, even if its metric counts other requests.
func TestNoValues(t *testing.T) {
	few := Source{Rate: 3. / 60, Share: 1}
	all := flagger.Analysis{Threshold: 1, StepWeight: 100}
	m := newModel(t, all, []Source{few}, percent99)
	if got := m.Of(Errors).Undone(0); !near(got.Low, math.Exp(-3), 1e-9) {
		t.Errorf("of 3 expected requests: %v, want %g", got, math.Exp(-3))
	}
	m = newModel(t, all, []Source{few}, Metric{Kind: Errors, Window: time.Minute, Most: 1}, Metric{Kind: Slow, Window: 30 * time.Second, Most: .01})
	if got := m.Of(Errors).Undone(0); !near(got.Low, math.Exp(-1.5), 1e-9) || got.High <= got.Low {
		t.Errorf("a metric of a shorter window: %v, want at least %g", got, math.Exp(-1.5))
	}
}

// TestLeast checks that a check fails below the minimum share.
func TestLeast(t *testing.T) {
	all := flagger.Analysis{Threshold: 1, StepWeight: 100}
	m := newModel(t, all, []Source{{Rate: 10. / 60, Steady: true, Straight: true}}, Metric{Kind: Errors, Window: time.Minute, Least: .1, Most: .5})
	if got, want := m.Of(Errors).Undone(0), 1.0; got.Low != want {
		t.Errorf("none bad: %v, want %g", got, want)
	}
	want := 1 - (fixed(10).atMost(.2, func(int) int { return 5 }) - fixed(10).atMost(.2, func(int) int { return 0 }))
	if got := m.Of(Errors).Undone(.2); !near(got.Low, want, 1e-12) {
		t.Errorf("0.2 bad: %v, want %g", got, want)
	}
}

// TestCurve checks that more bad requests are never caught less often, and that curves are shared.
func TestCurve(t *testing.T) {
	m := newModel(t, weighted, []Source{{Rate: 200, Share: 1}}, percent99, Metric{Kind: Slow, Window: time.Minute, Most: .01, Sources: []int{0}})
	var curves Curves
	c := curves.Of(m, Errors)
	if c != curves.Of(m, Slow) {
		t.Error("the same curve is computed twice")
	}
	for i, p := range c.Points[1:] {
		if p.Undone.Low < c.Points[i].Undone.Low-1e-9 {
			t.Errorf("%g bad: %v, fewer: %v", p.Bad, p.Undone, c.Points[i].Undone)
		}
	}
	for i, caught := range c.Caught {
		if got := c.At(caught.High).Undone.Low; !near(got, Chances[i], .003) {
			t.Errorf("%g caught: %g undone, want %g", caught.High, got, Chances[i])
		}
	}
}

func TestWords(t *testing.T) {
	for share, want := range map[float64]string{0: "0%", .001: "0.1%", .0427: "4.3%", .00988: "0.99%", .1: "10%", .999: "100%", 1: "100%", .0000012: "0.00012%"} {
		if got := Percent(share); got != want {
			t.Errorf("%g: %s, want %s", share, got, want)
		}
	}
	for share, want := range map[float64]string{0: "0%", .0427: "4.3%", .0421: "4.3%", .0102: "1.1%", .01: "1%", .05: "5%", .074: "7.4%", .991: "100%", 1: "100%"} {
		if got := PercentUp(share); got != want {
			t.Errorf("%g up: %s, want %s", share, got, want)
		}
	}
	for chance, want := range map[float64]string{0: "0", .0056: "0.6", .95: "95", .0001: "less than 0.1", .9999: "more than 99.9", .994: "99.4", 1: "100", .7: "70"} {
		if got := OfHundred(chance); got != want {
			t.Errorf("%g: %s, want %s", chance, got, want)
		}
	}
}

// TestHostileNumbers checks that no number of requests takes long or panics.
func TestHostileNumbers(t *testing.T) {
	for _, rate := range []float64{1e-9, 1e-3, 1e6, 1e9} {
		for _, steady := range []bool{true, false} {
			for _, window := range []time.Duration{1, time.Second, time.Minute, 7 * time.Minute, 1000 * time.Hour} {
				m := newModel(t, weighted, []Source{{Rate: rate, Steady: steady, Share: 1, From: WithChecks, Lasts: 1}, {Rate: rate, Steady: steady, Share: .3}}, Metric{Kind: Errors, Window: window, Most: .01})
				if p := m.Of(Errors).At(.01).Undone; !(p.Low >= 0 && p.Low <= p.High && p.High <= 1) {
					t.Errorf("%g a second in %s: %v", rate, window, p)
				}
				m.Looks()
			}
		}
	}
}

func BenchmarkCurve(b *testing.B) {
	for _, rate := range []float64{2, 200, 20_000} {
		b.Run(fmt.Sprintf("%g a second", rate), func(b *testing.B) {
			for b.Loop() {
				newModel(b, weighted, []Source{{Rate: rate, Share: 1}}, percent99).Of(Errors).Curve()
			}
		})
	}
}
