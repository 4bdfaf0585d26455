package flagger_test

import (
	"testing"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/flagger/flaggertest"
)

// TestRunsAreFlaggers compares every run of every case with the recorded run of the real Flagger.
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
						t.Errorf("no record of Flagger %s, %s; create it in conformance with: UPDATE=1 go test -run 'TestPlan$' .", name, s.Name)
						continue
					}
					left--
					if simulated := flaggertest.Format(&c.Canary, c.Canary.Run(version, s.Scenario)); simulated != recorded {
						t.Errorf("Flagger %s, %s: simulated run\n%srecorded run\n%s", name, s.Name, simulated, recorded)
					}
				}
			}
			if left > 0 {
				t.Errorf("%d of the records are of no scenario of the plan", left)
			}
		})
	}
}

// TestExamplesAreCases compares the Canaries of the examples with those that have recorded runs.
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

// TestReasons checks that a plan gives the reason if no version can be promoted because of a webhook or of
// metrics without values.
func TestReasons(t *testing.T) {
	cases, err := flaggertest.Load("testdata/runs")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]flagger.Outcome{
		"blue-green-without-requests":           flagger.RolledBack,
		"hook-that-times-out":                   flagger.RolledBack,
		"one-check-for-traffic-and-rollback":    flagger.RolledBack,
		"one-gate-for-promotion-and-rollback":   flagger.RolledBack,
		"one-gate-for-the-rollout-and-rollback": flagger.RolledBack,
		"path-that-never-passes":                flagger.Endless,
		"rollback-hook-that-always-answers-yes": flagger.RolledBack,
	}
	for _, c := range cases {
		p := flagger.New(c.Canary, flagger.Newest)
		if outcome, settled := want[c.Name]; settled && (p.Good.Outcome != outcome || p.Reason == "") {
			t.Errorf("%s: %s (%s), want %s and why", c.Name, p.Good.Outcome, p.Reason, outcome)
		} else if p.Good.Outcome == flagger.Promoted && p.Reason != "" {
			t.Errorf("%s is promoted, and %s", c.Name, p.Reason)
		}
		delete(want, c.Name)
	}
	if len(want) > 0 {
		t.Errorf("there are no cases %v", want)
	}
}
