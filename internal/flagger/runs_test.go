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
	rendered, err := flaggertest.Examples("../../testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	recorded := map[string]string{}
	for _, c := range cases {
		if c.IsExample() {
			recorded[c.Name] = string(c.Spec)
		}
	}
	const hint = "conformance records it: UPDATE=1 go test -run 'TestPlan$' ."
	for _, c := range rendered {
		if spec, ok := recorded[c.Name]; !ok {
			t.Errorf("%s is no case; %s", c.Name, hint)
		} else if spec != string(c.Spec) {
			t.Errorf("the Canary of %s is\n%swhere Flagger has run\n%s; %s", c.Name, c.Spec, spec, hint)
		}
		delete(recorded, c.Name)
	}
	for name := range recorded {
		t.Errorf("no example renders %s; %s", name, hint)
	}
}
