package flagger

import "time"

// A Course is every way that a rollout may go: which state each of its checks leads to, by whether it passes.
type Course struct {
	// Every is the time from one tick to the next.
	Every time.Duration
	// States are in the order of their ticks. The first one is that in which Flagger has detected the new version.
	States []State
}

// A State is what a tick leaves behind, and what the next tick does with it.
type State struct {
	Tick
	// At is the number of the tick.
	At int
	// Checked reports whether the next tick calls the rollout hooks and asks for the metrics.
	Checked bool
	// Prepared and Begun are the numbers of the ticks that called the pre-rollout hooks, and the rollout hooks, for the
	// first time; 0 where none has. The next tick counts.
	Prepared, Begun int
	// Good and Bad are the places of the states after the next tick: where its check passes, and where it fails. They
	// are the same where nothing is checked.
	Good, Bad int
	// Outcome ends the rollout; a state that has one has no next tick.
	Outcome Outcome
}

// mostStates is how many states of a course are followed. It bounds the product of steps and failed checks.
const mostStates = 3000

// Course returns how a rollout may go under a version of Flagger. It is false where no check decides, where Flagger
// promotes no version, and where there are too many states.
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
		if len(course.States) > mostStates {
			return nil, false
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
			at.Outcome = Endless // Flagger tries the same again
		}
		forks[i] = nil
	}
	return course, promotes && decides
}

// fork returns the scheduler after one more tick, with a check that passes or fails, and whether the tick called what
// looks at the new version before it has traffic.
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
