package flagger

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/fleetwright/fleetwright/schema/api"
)

// asked is a metric that Flagger queries, so that checks can fail.
var asked = []Metric{{Name: "request-success-rate"}}

func weighted(a Analysis) Canary {
	a.Metrics = asked
	return Canary{Provider: Istio, Analysis: a}
}

// TestTicksOfPromotion compares the number of simulated ticks, from detection to the end, with the number
// derived from the scheduler's source.
func TestTicksOfPromotion(t *testing.T) {
	matching := weighted(Analysis{Iterations: 10, Match: make([]Match, 1)})
	skipped := weighted(Analysis{StepWeight: 10})
	skipped.SkipAnalysis = true
	on := func(provider string, a Analysis) Canary {
		c := weighted(a)
		c.Provider = provider
		return c
	}
	for _, tt := range []struct {
		name   string
		canary Canary
		ticks  int
	}{
		{"steps", weighted(Analysis{StepWeight: 10, MaxWeight: 50}), 5 + 3},
		{"steps past the largest weight", weighted(Analysis{StepWeight: 20, MaxWeight: 50}), 3 + 3},
		{"a list", weighted(Analysis{StepWeights: []int{1, 5, 50}}), 3 + 3},
		{"a mirror", weighted(Analysis{StepWeight: 10, MaxWeight: 50, Mirror: true}), 5 + 3 + 1},
		{"a promotion in steps", weighted(Analysis{StepWeight: 10, MaxWeight: 50, StepWeightPromotion: 20}), 5 + 2 + 3},
		{"A/B testing", matching, 10 + 3},
		{"blue/green", weighted(Analysis{Iterations: 10}), 10 + 4},
		{"blue/green with a promotion in steps", weighted(Analysis{Iterations: 10, StepWeightPromotion: 30}), 10 + 4 + 3},
		{"no analysis", skipped, 1},
		{"steps on gatewayapi", on(GatewayAPI, Analysis{StepWeight: 10, MaxWeight: 50}), 5 + 3},
		{"A/B testing on gatewayapi", on(GatewayAPI, matching.Analysis), 10 + 3},
		{"blue/green with a mirror on gatewayapi", on(GatewayAPI, Analysis{Iterations: 10, Mirror: true}), 10 + 4},
		{"blue/green on kubernetes", on(Kubernetes, Analysis{Iterations: 3, Mirror: true, StepWeightPromotion: 30}), 3 + 4},
		{"steps on kubernetes", on(Kubernetes, Analysis{StepWeight: 50}), 10 + 4},
		{"conditions on kubernetes", on(Kubernetes, Analysis{Iterations: 3, Match: make([]Match, 1)}), 3 + 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.canary.Run(Newest, Scenario{})
			if got := len(r.Ticks) - 1; got != tt.ticks || r.Outcome != Promoted {
				t.Errorf("%s after %d ticks, want it promoted after %d: %v", r.Outcome, got, tt.ticks, r.Ticks)
			}
		})
	}
}

// TestTicksOfRollback checks that a rollout is rolled back at the tick after the last tolerated failed check.
// The first check is at the third tick.
func TestTicksOfRollback(t *testing.T) {
	for threshold := range 6 {
		p := New(weighted(Analysis{StepWeight: 10, MaxWeight: 50, Threshold: threshold}), Newest)
		if got, want := len(p.First.Ticks)-1, max(threshold, 1)+2; got != want {
			t.Errorf("threshold %d: rolled back after %d ticks, want %d", threshold, got, want)
		}
		if got, want := len(p.Last.Ticks)-1, 5+max(threshold, 1)+1; got != want {
			t.Errorf("threshold %d, failing at the last step: rolled back after %d ticks, want %d", threshold, got, want)
		}
	}
}

// TestRoutesOfGatewayAPI checks that a rollout never ends if Flagger rewrites its HTTPRoute at each check, or
// if the API server rejects it.
func TestRoutesOfGatewayAPI(t *testing.T) {
	canary := func(change func(c *Canary)) Canary {
		c := weighted(Analysis{StepWeight: 50})
		c.Provider = GatewayAPI
		change(&c)
		return c
	}
	pathless := func(c *Canary) { c.Service.Match = []Match{{Method: api.StringMatch{Exact: "GET"}}} }
	for _, tt := range []struct {
		name   string
		canary Canary
		minor  int
		bad    bool
		want   Outcome
		ticks  int
	}{
		{"weights", canary(func(*Canary) {}), 44, false, Promoted, 5},
		{"a mirror beside weights", canary(func(c *Canary) { c.Analysis.Mirror = true }), 44, false, Endless, 0},
		{"conditions", canary(func(c *Canary) { c.Analysis.Match = make([]Match, 1) }), 44, false, Promoted, 5},
		{"conditions in 1.42", canary(func(c *Canary) { c.Analysis.Match = make([]Match, 1) }), 42, false, Endless, 0},
		{"conditions in 1.42 with a timeout", canary(func(c *Canary) { c.Analysis.Match, c.Service.Timeout = make([]Match, 1), "1s" }), 42, false, Promoted, 5},
		{"no path", canary(pathless), 44, false, Endless, 2},
		{"no path in 1.41", canary(pathless), 41, false, Endless, 1},
		{"blue/green without a path", canary(func(c *Canary) { pathless(c); c.Analysis = Analysis{Iterations: 2} }), 41, false, Promoted, 6},
		{"the same, whose tick waits", canary(func(c *Canary) { pathless(c); c.Analysis = Analysis{Iterations: 2} }), 44, false, Promoted, 7},
		{"a cookie", canary(func(c *Canary) { c.Analysis.SessionAffinity = &SessionAffinity{} }), 44, true, RolledBack, 3},
		{"a cookie and response headers", canary(func(c *Canary) {
			c.Analysis.SessionAffinity, c.Service.Headers = &SessionAffinity{}, &api.Headers{Response: &api.HeaderOperations{}}
		}), 44, true, Endless, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc := Scenario{}
			if tt.bad {
				sc.FailFrom = 1
			}
			r := tt.canary.Run(Version{tt.minor}, sc)
			if got := len(r.Ticks) - 1; got != tt.ticks || r.Outcome != tt.want {
				t.Errorf("%s after %d ticks, want it %s after %d: %v", r.Outcome, got, tt.want, tt.ticks, r.Ticks)
			}
			if p := New(tt.canary, Version{tt.minor}); p.Good.Outcome == Endless && p.Reason == "" {
				t.Error("the plan has no reason")
			}
		})
	}
}

// TestSeed checks the table of Kurator's guide: with intervals of 50 s, 10 s and 90 s, and one failed check,
// a rollout takes 810 s.
func TestSeed(t *testing.T) {
	c := weighted(Analysis{Interval: "90s", Threshold: 2, StepWeight: 10, MaxWeight: 50})
	r := c.Run(Newest, Scenario{})
	const failed = 1
	if got := r.Duration() + failed*r.Every; got != 810*time.Second {
		t.Errorf("the rollout takes %s, want 810s", got)
	}
	if got := c.Run(Version{42}, Scenario{}).Ticks[6]; got.Phase != Promoting || got.Weight != 0 || got.Canary != 50 {
		t.Errorf("Flagger 1.42 is %+v, want it promoting with weight 0, as in the guide, and still half of the traffic", got)
	}
}

// TestExposure checks that shares count for as long as they last.
func TestExposure(t *testing.T) {
	p := New(weighted(Analysis{Interval: "60s", Threshold: 1, StepWeights: []int{10, 50}}), Newest)
	for _, tt := range []struct {
		name     string
		run      *Run
		peak     int
		exposed  time.Duration
		exposure string
	}{
		{"failing at the first check", p.First, 10, 2 * time.Minute, "0.2"},
		{"failing at the last", p.Last, 50, 3 * time.Minute, "1.1"},
		{"good", &p.Good, 50, 3 * time.Minute, "1.1"},
	} {
		if got := fmt.Sprintf("%.4g", tt.run.Exposure()); tt.run.Peak() != tt.peak || tt.run.Exposed() != tt.exposed || got != tt.exposure {
			t.Errorf("%s: %d%%, %s traffic-minutes in %s; want %d%%, %s in %s", tt.name, tt.run.Peak(), got, tt.run.Exposed(), tt.peak, tt.exposure, tt.exposed)
		}
	}
}

// TestIntervals checks intervals that Flagger cannot read, or does not use.
func TestIntervals(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": time.Minute, "10sfoo": time.Minute, "1s": 10 * time.Second, "90s": 90 * time.Second, "1m30s": 90 * time.Second,
		"2147483647s": 2147483647 * time.Second,
	} {
		if got := (&Analysis{Interval: text}).Every(); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// TestEveryRunEnds runs Canaries of all kinds through all scenarios of their plans: every run ends, shares
// stay valid, and promoted versions have passed their checks.
func TestEveryRunEnds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...int) int { return of[random.IntN(len(of))] }
	kinds := []string{"", ConfirmRollout, PreRollout, ConfirmTrafficIncrease, ConfirmPromotion, PostRollout, Rollback, Event}
	for range 20_000 {
		c := Canary{Provider: []string{GatewayAPI, Istio, Kubernetes, Kuma, Nginx}[random.IntN(5)], SkipAnalysis: pick(0, 0, 0, 1) == 1}
		c.Analysis = Analysis{
			Threshold: random.IntN(4), Iterations: pick(0, 0, 1, 3), MaxWeight: pick(0, 20, 50, 100), StepWeight: pick(0, 7, 30, 100),
			StepWeightPromotion: pick(0, 0, 30, 100), Mirror: pick(0, 0, 1) == 1,
		}
		for range random.IntN(4) {
			c.Analysis.StepWeights = append(c.Analysis.StepWeights, random.IntN(120))
		}
		for range random.IntN(2) {
			c.Analysis.Match = append(c.Analysis.Match, Match{})
			c.Analysis.Metrics = append(c.Analysis.Metrics, asked...)
		}
		switch random.IntN(6) {
		case 0:
			c.Service.Match = []Match{{Method: api.StringMatch{Exact: "GET"}}}
		case 1:
			c.Analysis.SessionAffinity, c.Service.Headers = &SessionAffinity{}, &api.Headers{Response: &api.HeaderOperations{}}
		}
		for range random.IntN(4) {
			c.Analysis.Webhooks = append(c.Analysis.Webhooks, Webhook{Type: kinds[random.IntN(len(kinds))], URL: "http://hooks.test/"})
		}
		p := New(c, Version{pick(36, 44)})
		runs := []*Run{&p.Good, p.First, p.Last, p.PreRollout}
		for _, r := range runs {
			if r == nil {
				continue
			}
			if len(r.Ticks) == 0 || r.Outcome == TooLong {
				t.Fatalf("%+v: %s", c, r.Outcome)
			}
			for _, tick := range r.Ticks {
				if tick.Canary < 0 || tick.Canary > 100 || tick.Canary > 0 && tick.Mirrored {
					t.Fatalf("%+v: a share of %+v", c, tick)
				}
			}
			if last := r.Ticks[len(r.Ticks)-1]; (r.Outcome == Promoted || r.Outcome == RolledBack) && last.Canary != 0 {
				t.Fatalf("%+v: at the end the canary has %d%% of the traffic", c, last.Canary)
			}
		}
		for _, r := range runs[1:] {
			if r != nil && r.Outcome == Promoted {
				t.Fatalf("%+v: a version that fails is promoted", c)
			}
		}
	}
}

// TestLongRunsAreCut checks that a mistyped number of checks costs no more than a long run.
func TestLongRunsAreCut(t *testing.T) {
	p := New(weighted(Analysis{Iterations: 1 << 30}), Newest)
	if p.Good.Outcome != TooLong || len(p.Good.Ticks) != MaxTicks || p.Last != nil {
		t.Errorf("%s after %d ticks", p.Good.Outcome, len(p.Good.Ticks))
	}
}

// TestLongTimesAreCut checks that the time of each simulated tick can be represented.
func TestLongTimesAreCut(t *testing.T) {
	p := New(weighted(Analysis{Interval: "2147483647s", StepWeight: 10}), Newest)
	if p.Good.Outcome != TooLong || p.Good.Duration() <= 0 {
		t.Errorf("%s after %d ticks and %s", p.Good.Outcome, len(p.Good.Ticks), p.Good.Duration())
	}
}

// TestFixedGates checks gates of a load tester whose URL determines whether they pass.
func TestFixedGates(t *testing.T) {
	with := func(kind, url string) *Plan {
		return New(weighted(Analysis{StepWeight: 50, Webhooks: []Webhook{{Type: kind, URL: url}}}), Newest)
	}
	if p := with(ConfirmRollout, "http://flagger-loadtester.test/gate/halt"); p.Good.Outcome != Endless || p.Good.Ticks[0].Phase != Waiting {
		t.Errorf("a gate that halts: %s, %v", p.Good.Outcome, p.Good.Ticks)
	}
	if p := with(ConfirmPromotion, "http://flagger-loadtester.test/gate/approve"); p.Good.Outcome != Promoted || len(p.Gates) > 0 {
		t.Errorf("a gate that approves: %s, %v", p.Good.Outcome, p.Gates)
	}
	if p := with(ConfirmPromotion, "http://gates.test/gate/halt"); p.Good.Outcome != Promoted || len(p.Gates) != 1 {
		t.Errorf("a gate of somebody else's: %s, %v", p.Good.Outcome, p.Gates)
	}
}

// TestGates checks that the cost of a refusal depends on the strategy and on the position of the gate.
func TestGates(t *testing.T) {
	gate := func(kind string) []Webhook { return []Webhook{{Name: "gate", Type: kind, URL: "http://hooks.test/"}} }
	matching := make([]Match, 1)
	for _, tt := range []struct {
		name string
		a    Analysis
		want Gate
	}{
		{"before the start", Analysis{StepWeight: 50, Webhooks: gate(ConfirmRollout)}, Gate{Asked: 1, Least: 10, Most: 10, Next: 10}},
		{"before each step", Analysis{StepWeight: 50, Webhooks: gate(ConfirmTrafficIncrease)}, Gate{Asked: 3, Least: 10, Most: 10, Next: 10, Traffic: 100}},
		{"before the promotion", Analysis{StepWeight: 30, MaxWeight: 60, Webhooks: gate(ConfirmPromotion)}, Gate{Asked: 1, Least: 10, Most: 10, Next: 10, Traffic: 60}},
		{"A/B testing", Analysis{Iterations: 3, Match: matching, Webhooks: gate(ConfirmPromotion)}, Gate{Asked: 1, Least: 20, Most: 20, Next: 20, Traffic: 100}},
		{"blue/green", Analysis{Iterations: 3, Webhooks: gate(ConfirmPromotion)}, Gate{Asked: 2, Least: 20, Most: 30, Next: 20, Traffic: 100}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.a.Interval = "10s"
			want := tt.want
			want.Type, want.Webhooks = tt.a.Webhooks[0].Type, []string{"gate"}
			for _, d := range []*time.Duration{&want.Least, &want.Most, &want.Next} {
				*d *= time.Second
			}
			if p := New(weighted(tt.a), Newest); len(p.Gates) != 1 || fmt.Sprint(p.Gates[0]) != fmt.Sprint(want) {
				t.Errorf("got %+v, want %+v", p.Gates, want)
			}
		})
	}
}

// TestShares checks that a promoted version gets all traffic through the primary from the tick after the
// copy. Until then, the primary's pods are replaced.
func TestShares(t *testing.T) {
	matching := weighted(Analysis{Iterations: 2, Match: make([]Match, 1)})
	skipped := weighted(Analysis{StepWeight: 10})
	skipped.SkipAnalysis = true
	plain := weighted(Analysis{Iterations: 1})
	plain.Provider = Kubernetes
	stuck := weighted(Analysis{StepWeight: 50, MaxWeight: 50, StepWeightPromotion: 30})
	stuck.Provider = Knative
	for _, tt := range []struct {
		name   string
		canary Canary
		want   string
	}{
		{"steps", weighted(Analysis{StepWeight: 25, MaxWeight: 50}), "0+0 25+0 50+0 50+0 0+100 0+100"},
		{"a promotion in steps", weighted(Analysis{StepWeight: 50, MaxWeight: 50, StepWeightPromotion: 30}), "0+0 50+0 50+0 20+80 0+100 0+100"},
		{"A/B testing", matching, "0+0 100+0 100+0 100+0 0+100 0+100"},
		{"blue/green", weighted(Analysis{Iterations: 1}), "0+0 0+0 100+0 100+0 0+100 0+100"},
		{"blue/green on kubernetes", plain, "0+0 0+0 0+0 0+0 0+100 0+100"},
		{"no analysis", skipped, "0+0 0+100"},
		{"a promotion that never ends", stuck, "0+0 50+0 50+0 20+80 20+80"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, s := range tt.canary.Run(Newest, Scenario{}).Shares() {
				got = append(got, fmt.Sprintf("%d+%d", s.Canary, s.Primary))
			}
			if all := strings.Join(got, " "); all != tt.want {
				t.Errorf("shares are %s, want %s", all, tt.want)
			}
		})
	}
	failing := weighted(Analysis{StepWeight: 10, MaxWeight: 50, Threshold: 3})
	for _, s := range failing.Run(Newest, Scenario{FailFrom: 3}).Shares() {
		if s.Primary != 0 {
			t.Errorf("the primary has a version that fails: %v", s)
		}
	}
}
