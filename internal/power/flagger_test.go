package power_test

import (
	"testing"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/power/powertest"
)

// fewest is the minimum number of rollouts in a case.
const fewest = 60

// TestFlaggersRollouts compares the model with rollouts of the real Flagger whose checks saw random requests.
// Conformance records them.
func TestFlaggersRollouts(t *testing.T) {
	cases, err := powertest.Load("testdata/flagger.json")
	if err != nil {
		t.Fatal(err)
	}
	rates := map[flagger.Strategy]map[float64]bool{flagger.Weighted: {}, flagger.ABTesting: {}, flagger.BlueGreen: {}}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			if is := c.Canary.Strategy(); is != c.Strategy {
				t.Fatalf("the strategy is %s, but %s in the case", is, c.Strategy)
			}
			rates[c.Strategy][c.ErrorRate] = true
			checkShare(t, &c)
			checkOutcomes(t, c)
		})
	}
	for strategy, of := range rates {
		if len(of) < 2 {
			t.Errorf("%s has %d error rates, want 2 or more", strategy, len(of))
		}
	}
}

// checkShare compares the share of versions that were rolled back with the computed probability.
func checkShare(t *testing.T, c *powertest.Case) {
	t.Helper()
	chance, err := c.Chance()
	if err != nil {
		t.Fatal(err)
	}
	if c.Rollouts < fewest || len(c.Outcomes) != c.Rollouts {
		t.Errorf("%d outcomes of %d rollouts, want %d or more", len(c.Outcomes), c.Rollouts, fewest)
	}
	if !chance.IsExact() || chance.Low < .1 || chance.Low > .9 {
		t.Errorf("the computed chance is %v, want one that is known, and a share that could differ from it", chance)
	}
	if !powertest.Within(c.RolledBack, c.Rollouts, chance.Low) {
		t.Errorf("Flagger rolled back %d of %d versions, outside the 99.9%% interval of the computed probability %g", c.RolledBack, c.Rollouts, chance.Low)
	}
}

// checkOutcomes compares each rollout with its path through the states of the course.
func checkOutcomes(t *testing.T, c powertest.Case) {
	t.Helper()
	m, err := c.Model()
	if err != nil {
		t.Fatal(err)
	}
	var played []powertest.Rollout
	for number := range c.Rollouts {
		played = append(played, c.Play(m.Course, number))
	}
	want := c
	want.Record(played)
	if c.Outcomes != want.Outcomes || c.Checks != want.Checks || c.RolledBack != want.RolledBack {
		t.Errorf("Flagger did\n%s\n%s\nwhere the course has\n%s\n%s", c.Outcomes, c.Checks, want.Outcomes, want.Checks)
	}
}
