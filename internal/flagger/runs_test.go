package flagger_test

import (
	"testing"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/flagger/flaggertest"
)

// TestRunsAreFlaggers compares every run of every case with what the real Flagger did.
func TestRunsAreFlaggers(t *testing.T) {
	cases, err := flaggertest.Load("testdata/runs")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			left := len(c.Runs)
			for name, version := range flaggertest.Versions {
				for _, s := range flaggertest.Scenarios(flagger.New(c.Canary, version)) {
					recorded, ok := c.Runs[name+"/"+s.Name]
					if !ok {
						t.Errorf("there is no record of Flagger %s, %s; conformance makes them: UPDATE=1 go test -run 'TestPlan$' .", name, s.Name)
						continue
					}
					left--
					if simulated := flaggertest.Format(&c.Canary, c.Canary.Run(version, s.Scenario)); simulated != recorded {
						t.Errorf("Flagger %s, %s: simulated\n%swant what Flagger did:\n%s", name, s.Name, simulated, recorded)
					}
				}
			}
			if left > 0 {
				t.Errorf("%d of the records are of no scenario of the plan", left)
			}
		})
	}
}

// TestExamplesAreCases compares the Canaries of the examples with those whose runs are
// recorded.
func TestExamplesAreCases(t *testing.T) {
	cases, err := flaggertest.Load("testdata/runs")
	if err != nil {
		t.Fatal(err)
	}
	differences, err := flaggertest.Differences(cases, "../../examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences {
		t.Errorf("%s; conformance records it: UPDATE=1 go test -run 'TestPlan$' .", d)
	}
}
