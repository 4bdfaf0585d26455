package flagger_test

import (
	"slices"
	"testing"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/flagger/flaggertest"
)

// follow returns the ticks of a course in which all checks fail from a number on, or none if the number is 0.
func follow(course *flagger.Course, failFrom int) (ticks []flagger.Tick, outcome flagger.Outcome) {
	checks := 0
	for s := course.States[0]; ; {
		ticks = append(ticks, s.Tick)
		if s.Outcome != "" {
			return ticks, s.Outcome
		}
		next := s.Good
		if s.Checked {
			checks++
			if failFrom > 0 && checks >= failFrom {
				next = s.Bad
			}
		}
		s = course.States[next]
	}
}

// TestCourseIsEveryRun checks that the states of a course are those of a plan's runs, for every first failing
// check.
func TestCourseIsEveryRun(t *testing.T) {
	cases, err := flaggertest.Load("testdata/runs")
	if err != nil {
		t.Fatal(err)
	}
	followed := 0
	for _, c := range cases {
		for name, version := range flaggertest.Versions {
			plan := flagger.New(c.Canary, version)
			course, ok := c.Canary.Course(version)
			if want := plan.Good.Outcome == flagger.Promoted && plan.First != nil; ok != want {
				t.Errorf("%s on %s: course %t, want %t", c.Name, name, ok, want)
			}
			if !ok {
				continue
			}
			for failFrom := range min(plan.Good.Checks, 20) + 1 {
				run := c.Canary.Run(version, flagger.Scenario{FailFrom: failFrom})
				ticks, outcome := follow(course, failFrom)
				if run.Outcome == flagger.Endless {
					continue
				}
				followed++
				if !slices.Equal(ticks, run.Ticks) || outcome != run.Outcome {
					t.Errorf("%s on %s, checks that fail from %d on: the course goes through\n%v %s, the run through\n%v %s", c.Name, name, failFrom, ticks, outcome, run.Ticks, run.Outcome)
				}
			}
		}
	}
	if followed < 200 {
		t.Errorf("followed %d runs", followed)
	}
}

// TestCourseCountsChecks checks that a state records when the hooks were first called.
func TestCourseCountsChecks(t *testing.T) {
	c := flagger.Canary{Provider: flagger.Istio, Analysis: flagger.Analysis{Interval: "1m", Threshold: 2, StepWeight: 20, MaxWeight: 40, Metrics: []flagger.Metric{{Name: "request-success-rate"}}}}
	course, ok := c.Course(flagger.Newest)
	if !ok {
		t.Fatal("there is no course")
	}
	for _, s := range course.States {
		if s.At >= 1 && s.Outcome == "" && s.Prepared != 1 {
			t.Errorf("tick %d: the pre-rollout hooks are called at tick %d, want 1", s.At, s.Prepared)
		}
		if s.Checked && s.Begun != 2 {
			t.Errorf("tick %d: the rollout hooks are called at tick %d, want 2", s.At, s.Begun)
		}
	}
	c.Analysis.Iterations, c.Analysis.Threshold = 5000, 5000
	if _, ok := c.Course(flagger.Newest); ok {
		t.Error("a course of millions of states was followed")
	}
}
