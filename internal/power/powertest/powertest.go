// Package powertest holds rollouts of Canaries whose versions fail a share of their requests. Conformance
// runs them with the real Flagger and records how they end, and the tests of package power compare the
// records with computed results.
//
// The requests of a check are random, with a seed derived from the case, the rollout and the check. So they
// are the same in every run, in any order.
package powertest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/power"
)

// A Case is a Canary, the requests to its versions, and the recorded results.
type Case struct {
	Name     string           `json:"name"`
	Strategy flagger.Strategy `json:"strategy"`
	// Spec is the spec of the Canary. Its only metric is request-success-rate, with a window that reaches
	// back to the previous check.
	Spec json.RawMessage `json:"spec"`
	// Requests describes the requests, and ErrorRate is the share, from 0 to 1, that a version fails.
	Requests  Requests `json:"requests"`
	ErrorRate float64  `json:"errorRate"`
	Seed      uint64   `json:"seed"`
	// Rollouts is the number of rollouts, and RolledBack is the number that were rolled back.
	Rollouts   int `json:"rollouts"`
	RolledBack int `json:"rolledBack"`
	// Outcomes has a letter for each rollout: P for promoted, and R for rolled back. Checks has a digit for
	// each: the number of checks that queried the metric.
	Outcomes string `json:"outcomes"`
	Checks   string `json:"checks"`

	// Canary is the decoded spec.
	Canary flagger.Canary `json:"-"`
}

// Requests describe the requests that a version gets.
type Requests struct {
	// PerSecond is the rate of requests.
	PerSecond float64 `json:"perSecond"`
	// Matching is the share of the users' requests, from 0 to 1, that match the route. They arrive at random.
	Matching float64 `json:"matching,omitempty"`
	// Load is the duration of a load test that sends the requests directly to the new version, after each
	// check. If it is 0, users send the requests.
	Load string `json:"load,omitempty"`
}

// Load reads the cases of a file.
func Load(name string) ([]Case, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var all []Case
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i := range all {
		if err := json.Unmarshal(all[i].Spec, &all[i].Canary); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, all[i].Name, err)
		}
	}
	return all, nil
}

// Write writes cases into a file.
func Write(name string, all []Case) error {
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(data, '\n'), 0o666)
}

// Model returns the model for package power, with one metric that fails a check below its minimum.
func (c *Case) Model() (*power.Model, error) {
	course, ok := c.Canary.Course(flagger.Newest)
	if !ok {
		return nil, fmt.Errorf("%s: no check can fail", c.Name)
	}
	source, err := c.Requests.source()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	metric := c.Canary.Analysis.Metrics[0]
	window, err := time.ParseDuration(metric.Interval)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	return &power.Model{
		Course:    course,
		Sources:   []power.Source{source},
		Metrics:   []power.Metric{{Name: metric.Name, Window: window, Most: (100 - c.leastRate()) / 100, Sources: []int{0}}},
		Threshold: c.Canary.Analysis.Threshold,
	}, nil
}

// Chance returns the probability of a rollback, as computed by package power.
func (c *Case) Chance() (power.Range, error) {
	m, err := c.Model()
	if err != nil {
		return power.Range{}, err
	}
	return m.Of(power.Errors).Undone(c.ErrorRate), nil
}

// leastRate returns the smallest success rate, in percent, that passes.
func (c *Case) leastRate() float64 { return *c.Canary.Analysis.Metrics[0].ThresholdRange.Min }

// source returns the source of the requests.
func (r *Requests) source() (power.Source, error) {
	if r.Load == "" {
		return power.Source{Rate: r.PerSecond, Share: r.Matching}, nil
	}
	lasts, err := time.ParseDuration(r.Load)
	return power.Source{Rate: r.PerSecond, Steady: true, Straight: true, From: power.WithChecks, Lasts: lasts}, err
}

// A Look identifies a check and the state that determines its requests.
type Look struct {
	// Rollout and Check are their numbers: of the rollout in its case, from 0, and of the check in its
	// rollout, from 1.
	Rollout, Check int
	// Canary is the new version's share of the traffic since the previous check, in percent.
	Canary int
	// Loaded reports whether the previous check started a load test.
	Loaded bool
}

// Draw returns the number of requests that a check sees, and how many of them failed.
func (c *Case) Draw(l Look) (requests, bad int) {
	random := rand.New(rand.NewPCG(c.Seed, uint64(l.Rollout)<<32|uint64(l.Check)))
	source, err := c.Requests.source()
	switch every := c.Canary.Analysis.Every().Seconds(); {
	case err != nil:
		return 0, 0
	case !source.Steady:
		requests = poisson(random, source.Rate*every*source.Share*float64(l.Canary)/100)
	case l.Loaded:
		requests = int(math.Round(source.Rate * source.Lasts.Seconds()))
	}
	for range requests {
		if random.Float64() < c.ErrorRate {
			bad++
		}
	}
	return requests, bad
}

// poisson draws the number of random arrivals within a time, with one expected per unit.
func poisson(random *rand.Rand, until float64) (n int) {
	for at := random.ExpFloat64(); at < until; at += random.ExpFloat64() {
		n++
	}
	return n
}

// SuccessRate returns the value of the metric, in percent. Without requests it is NaN, like a division by 0
// in Prometheus.
func SuccessRate(requests, bad int) float64 {
	return float64(requests-bad) / float64(requests) * 100
}

// A Rollout is the result of a rollout.
type Rollout struct {
	Ticks   []flagger.Tick
	Outcome flagger.Outcome
	// Checks is the number of checks that queried the metric.
	Checks int
}

// Play returns the result of a rollout by a course, with the requests of its checks.
func (c *Case) Play(course *flagger.Course, number int) (r Rollout) {
	for at := 0; ; {
		s := course.States[at]
		r.Ticks = append(r.Ticks, s.Tick)
		if s.Outcome != "" {
			r.Outcome = s.Outcome
			return r
		}
		at = s.Good
		if !s.Checked {
			continue
		}
		r.Checks++
		look := Look{Rollout: number, Check: r.Checks, Canary: s.Route.Canary, Loaded: s.Begun > 0 && s.Begun <= s.At}
		if !(SuccessRate(c.Draw(look)) >= c.leastRate()) {
			at = s.Bad
		}
	}
}

// letters are the letters of Outcomes.
var letters = map[flagger.Outcome]string{flagger.Promoted: "P", flagger.RolledBack: "R"}

// Record replaces the recorded results.
func (c *Case) Record(all []Rollout) {
	c.RolledBack, c.Outcomes, c.Checks = 0, "", ""
	for _, r := range all {
		letter, ok := letters[r.Outcome]
		if !ok {
			letter = "?"
		}
		if r.Outcome == flagger.RolledBack {
			c.RolledBack++
		}
		c.Outcomes += letter
		c.Checks += strconv.Itoa(r.Checks)
	}
}

// tail is the probability on either side of the 99.9 % interval.
const tail = .0005

// Within reports whether k of n lies within the 99.9 % interval of a probability: both tails of the binomial
// distribution, of k and fewer and of k and more, are above 0.05 %.
func Within(k, n int, chance float64) bool {
	return atMost(k, n, chance) > tail && atMost(n-k, n, 1-chance) > tail
}

// atMost returns the probability of at most k of n.
func atMost(k, n int, chance float64) (sum float64) {
	for i := range k + 1 {
		sum += math.Exp(logChoose(n, i) + float64(i)*math.Log(chance) + float64(n-i)*math.Log1p(-chance))
	}
	return sum
}

// logChoose returns the logarithm of the number of ways to choose k of n.
func logChoose(n, k int) float64 {
	all, _ := math.Lgamma(float64(n) + 1)
	chosen, _ := math.Lgamma(float64(k) + 1)
	others, _ := math.Lgamma(float64(n-k) + 1)
	return all - chosen - others
}
