// Package powertest holds rollouts of Canaries whose versions fail a share of their requests: conformance has the real
// Flagger go through them and records how they end, and the tests of package power compare with what is computed.
//
// The requests that a check sees are drawn, from a seed of the case and the numbers of the rollout and of its check. So
// they are the same whenever they are drawn, whoever draws them, and in whichever order.
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

// A Case is a Canary, the requests to its versions, and what became of these.
type Case struct {
	Name     string           `json:"name"`
	Strategy flagger.Strategy `json:"strategy"`
	// Spec of the Canary. Its one metric is request-success-rate, which looks back to the check before.
	Spec json.RawMessage `json:"spec"`
	// Requests are those that are sent, and ErrorRate is the share of them, from 0 to 1, that a version fails.
	Requests  Requests `json:"requests"`
	ErrorRate float64  `json:"errorRate"`
	Seed      uint64   `json:"seed"`
	// Rollouts is how many there are, and RolledBack how many of them were rolled back.
	Rollouts   int `json:"rollouts"`
	RolledBack int `json:"rolledBack"`
	// Outcomes has a letter for each rollout: P for promoted, and R for rolled back. Checks has a digit for each: how
	// many checks asked for the metric.
	Outcomes string `json:"outcomes"`
	Checks   string `json:"checks"`

	// Canary is the spec, read.
	Canary flagger.Canary `json:"-"`
}

// Requests say how many a version gets.
type Requests struct {
	// PerSecond is how many are sent.
	PerSecond float64 `json:"perSecond"`
	// Matching is the share of the users' requests, from 0 to 1, that the route is for. They come at random.
	Matching float64 `json:"matching,omitempty"`
	// Load is for how long a load test sends them straight to the new version, from each check on. Without it they are
	// those of users.
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

// Model returns what package power computes from. It is the model of one metric that fails a check by its least value.
func (c *Case) Model() (*power.Model, error) {
	course, ok := c.Canary.Course(flagger.Newest)
	if !ok {
		return nil, fmt.Errorf("%s: no check decides", c.Name)
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

// Chance returns how likely a version is rolled back, as package power computes it.
func (c *Case) Chance() (power.Range, error) {
	m, err := c.Model()
	if err != nil {
		return power.Range{}, err
	}
	return m.Of(power.Errors).Undone(c.ErrorRate), nil
}

// leastRate returns the smallest success rate, in percent, that passes.
func (c *Case) leastRate() float64 { return *c.Canary.Analysis.Metrics[0].ThresholdRange.Min }

// source returns what sends the requests.
func (r *Requests) source() (power.Source, error) {
	if r.Load == "" {
		return power.Source{Rate: r.PerSecond, Share: r.Matching}, nil
	}
	lasts, err := time.ParseDuration(r.Load)
	return power.Source{Rate: r.PerSecond, Steady: true, Straight: true, From: power.WithChecks, Lasts: lasts}, err
}

// A Look is what decides about the requests that a check sees.
type Look struct {
	// Rollout and Check are their numbers: of the rollout in its case, from 0, and of the check in its rollout, from 1.
	Rollout, Check int
	// Canary is the share of the traffic, in percent, that the new version has had since the check before.
	Canary int
	// Loaded reports whether the check before has begun a load test.
	Loaded bool
}

// Draw returns how many requests a check sees, and how many of them have failed.
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

// poisson draws how many come at random until a time, where one is expected in each unit of it.
func poisson(random *rand.Rand, until float64) (n int) {
	for at := random.ExpFloat64(); at < until; at += random.ExpFloat64() {
		n++
	}
	return n
}

// SuccessRate returns the value of the metric, in percent: NaN where there is no request, as Prometheus divides.
func SuccessRate(requests, bad int) float64 {
	return float64(requests-bad) / float64(requests) * 100
}

// A Rollout is how one went.
type Rollout struct {
	Ticks   []flagger.Tick
	Outcome flagger.Outcome
	// Checks is how many asked for the metric.
	Checks int
}

// Play returns how a rollout goes by a course, with what its checks see.
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

// letters are those of Outcomes.
var letters = map[flagger.Outcome]string{flagger.Promoted: "P", flagger.RolledBack: "R"}

// Record replaces what became of the versions.
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

// tail is the chance on either side of the 99.9 % interval.
const tail = .0005

// Within reports whether k of n lies within the 99.9 % interval of a chance between 0 and 1: both tails of the binomial
// distribution, of k and fewer and of k and more, are above 0.05 %.
func Within(k, n int, chance float64) bool {
	return atMost(k, n, chance) > tail && atMost(n-k, n, 1-chance) > tail
}

// atMost returns the chance of at most k of n.
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
