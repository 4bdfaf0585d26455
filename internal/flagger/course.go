package flagger

import "time"

// A Course is every possible course of a rollout: the next state after each check, by its result.
type Course struct {
	// Every is the time between two ticks.
	Every time.Duration
	// TooMany reports whether the course has more than MostStates states, so that States is incomplete.
	TooMany bool
	// States are sorted by tick. In the first, Flagger has detected the new version.
	States []State
}

// A State is the situation after a tick, with the result of the next tick.
type State struct {
	Tick
	// At is the number of the tick.
	At int
	// Checked reports whether the next tick calls the rollout webhooks and queries the metrics.
	Checked bool
	// Prepared and Begun are the numbers of the ticks that first called the pre-rollout webhooks and the rollout
	// webhooks, or 0. The next tick counts.
	Prepared, Begun int
	// Good and Bad are the indexes of the states after the next tick, if its check passes or fails. They are equal
	// if the tick has no check.
	Good, Bad int
	// Outcome is the end of the rollout. A state with an outcome has no next tick.
	Outcome Outcome
}

// MostStates is the limit of states in a course. It bounds the product of steps and failed checks.
const MostStates = 3000

// Course returns the possible courses of a rollout with a version of Flagger. It returns false if no check
// decides, if Flagger promotes no version, or if there are too many states.
func (c *Canary) Course(v Version) (*Course, bool) {
	s := c.scheduler(v, Scenario{})
	if s.culprit == nil {
		return nil, false
	}
	type key struct {
		State
		opened, met, rewritten bool
	}
	course := &Course{Every: c.Analysis.Every()}
	var forks []*scheduler
	places := map[key]int{}
	add := func(s *scheduler, at State) int {
		at.Tick = Tick{s.status, s.route}
		at.Outcome = ends[at.Phase]
		k := key{at, s.answers.opened, s.met, s.rewritten}
		place, known := places[k]
		if !known {
			place = len(course.States)
			places[k] = place
			course.States, forks = append(course.States, at), append(forks, s)
		}
		return place
	}
	s.tick()
	add(s, State{})
	promotes, decides := false, false
	for i := 0; i < len(course.States); i++ {
		if len(course.States) > MostStates {
			return &Course{Every: course.Every, TooMany: true}, false
		}
		from := course.States[i]
		if from.Outcome != "" {
			promotes = promotes || from.Outcome == Promoted
			continue
		}
		next := State{At: from.At + 1, Prepared: from.Prepared, Begun: from.Begun}
		good, prepared := forks[i].fork(false)
		checked := good.checks > forks[i].checks
		if prepared && next.Prepared == 0 {
			next.Prepared = next.At
		}
		decides = decides || checked
		if checked && next.Begun == 0 {
			next.Begun = next.At
		}
		toGood := add(good, next)
		toBad := toGood
		if checked {
			bad, _ := forks[i].fork(true)
			toBad = add(bad, next)
		}
		at := &course.States[i]
		at.Checked, at.Prepared, at.Begun, at.Good, at.Bad = checked, next.Prepared, next.Begun, toGood, toBad
		if !checked && course.States[toGood].Tick == from.Tick && good.answers.opened == forks[i].answers.opened {
			at.Outcome = Endless // Flagger repeats the same tick forever
		}
		forks[i] = nil
	}
	return course, promotes && decides
}

// fork returns a copy of the scheduler after one more tick, whose check passes or fails, and reports whether the
// tick called the pre-rollout webhooks.
func (s *scheduler) fork(fails bool) (after *scheduler, prepared bool) {
	next := *s
	answers := *s.answers
	next.answers, next.scenario = &answers, Scenario{}
	if fails {
		next.scenario.FailFrom = 1
	}
	prepared = s.status.Phase == Progressing && s.isUntouched() && !s.SkipAnalysis
	next.tick()
	return &next, prepared
}
