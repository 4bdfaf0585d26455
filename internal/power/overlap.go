package power

import (
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// An overlap bounds the chance that a version is rolled back if the windows of checks overlap, so that their
// failures depend on each other.
type overlap struct {
	*Calculator
	// certain is the number of checks that fail in any case, because they see no requests.
	certain int
	// passing are the tests of the other checks in a rollout in which all of them pass. failing are the tests of
	// the first checks of a rollout in which all of them fail. held are the tests of checks after so many failures
	// that the share before no longer matters.
	passing, failing, held [][]test
	// apart is the number of checks until one sees no requests of the first.
	apart int
	// known are the cached tests of checks, by the requests that they see.
	known map[string][]test
}

// newOverlap returns the overlap of a model's checks.
func newOverlap(c *Calculator) *overlap {
	o := &overlap{Calculator: c, apart: c.apart(), known: map[string][]test{}}
	var path []int
	for at := 0; ; {
		path = append(path, at)
		s := c.Course.States[at]
		if s.Outcome != "" {
			break
		}
		at = s.Good
		if !s.Checked {
			continue
		}
		tests := o.testsAfter(path)
		if isBlind(tests) {
			o.certain++
			at = s.Bad
			continue
		}
		o.passing = append(o.passing, tests)
		if len(o.passing) == 1 {
			o.failing = o.failFrom(path)
		}
		o.held = append(o.held, o.testsAfter(o.hold(path)))
	}
	return o
}

// isBlind reports whether a test fails in any case, because it sees no requests.
func isBlind(tests []test) bool {
	return slices.ContainsFunc(tests, func(t test) bool { return t.counts.none() == 1 })
}

// failFrom returns the tests of the checks after a path if all of them fail.
func (o *overlap) failFrom(path []int) (all [][]test) {
	path = slices.Clone(path)
	for {
		s := o.Course.States[path[len(path)-1]]
		if s.Outcome != "" {
			return all
		}
		if s.Checked {
			all = append(all, o.testsAfter(path))
		}
		path = append(path, s.Bad)
	}
}

// hold extends a path by failing checks, until one sees nothing from before, or no check is left.
func (o *overlap) hold(path []int) []int {
	path = slices.Clone(path[max(len(path)-o.apart, 0):])
	for range o.apart {
		s := o.Course.States[path[len(path)-1]]
		if next := o.Course.States[s.Bad]; !next.Checked || next.Outcome != "" {
			break
		}
		path = append(path, s.Bad)
	}
	return path
}

// testsAfter returns the tests of the check after a path.
func (o *overlap) testsAfter(path []int) []test {
	path = path[max(len(path)-o.apart-1, 0):] // only the states that the check sees
	sees := o.sees(path)
	tests, known := o.known[sees]
	if !known {
		tests = o.testsOf(path)
		o.known[sees] = tests
	}
	return tests
}

// undone returns bounds of the chance that a version with a share of bad requests is rolled back.
//
// The more requests are bad, the more likely every check fails: the failures are associated (Harris' inequality).
// So the chance that all checks pass, or that all fail, is at least the chance of independent checks. Checks with
// separate windows are independent. Among failed checks, one of every o.apart is separate from the others.
func (o *overlap) undone(bad float64) Range {
	needed := o.Threshold - o.certain // failures
	if needed <= 0 {
		return Range{1, 1}
	}
	checks := len(o.passing) + needed - 1 // the maximum before a promotion or a rollback
	pass, least, most := 1.0, 1.0, 0.0
	known := map[*test]Range{}
	fails := func(tests []test) Range {
		f, ok := known[&tests[0]]
		if !ok {
			f = o.fails(tests, bad)
			known[&tests[0]] = f
		}
		return f
	}
	for i, tests := range slices.Concat(o.passing, o.held) {
		f := fails(tests)
		least, most = min(least, f.Low), max(most, f.High)
		if i < len(o.passing) {
			pass *= 1 - f.High
		}
	}
	fail := 1.0
	for _, tests := range o.failing[:min(needed, len(o.failing))] {
		fail *= fails(tests).Low
	}
	apart := (needed + o.apart - 1) / o.apart // separate checks among the needed failures
	r := Range{
		Low:  max(fail, atLeast(needed, (checks+o.apart-1)/o.apart, least)),
		High: min(1-pass, atLeast(apart, checks-(apart-1)*(o.apart-1), most)),
	}
	return Range{min(r.Low, r.High), r.High}
}

// atLeast returns the chance that at least k of n independent checks fail.
func atLeast(k, n int, chance float64) float64 {
	switch {
	case k <= 0:
		return 1
	case k > n:
		return 0
	}
	return mathext.RegIncBeta(float64(k), float64(n-k+1), chance)
}

// apart returns the number of checks until one sees no requests of the first.
func (m *Model) apart() (checks int) {
	for _, metric := range m.Metrics {
		checks = max(checks, m.Spans(metric))
	}
	return checks
}

// Spans returns the number of intervals in the window of a metric, including a partial one.
func (m *Model) Spans(metric Metric) int {
	return int((metric.Window + m.Course.Every - 1) / m.Course.Every)
}
