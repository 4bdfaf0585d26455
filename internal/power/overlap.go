package power

import (
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// An overlap bounds the chance that a version is rolled back where checks see the requests of others, so that their
// failures depend on each other.
type overlap struct {
	*Calculator
	// certain is how many checks see no request whatever happens, and fail.
	certain int
	// passing are the tests of the others in a rollout of which all of these pass, failing those of the first of one
	// of which all fail, and held those of checks of a version that failed to leave its share behind.
	passing, failing, held [][]test
	// apart is how many checks it takes until one sees none of the requests of the first.
	apart int
	// known are the tests of checks by what these see.
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

// isBlind reports whether a test fails whatever happens: it sees no request.
func isBlind(tests []test) bool {
	return slices.ContainsFunc(tests, func(t test) bool { return t.counts.none() == 1 })
}

// failFrom returns the tests of the checks after a path, of which all fail.
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

// hold returns a path with checks after it that fail, until one sees none of what was before, or the last of them.
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
	path = path[max(len(path)-o.apart-1, 0):] // as far as it looks back, and before the tick in which it is asked
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
// The more requests are bad, the more checks fail, all of them: their failures are associated (Harris' inequality). So
// checks all pass, and all fail, at least as likely as if they were independent. Checks whose windows are apart are
// independent. Of a number of failed checks, one in as many as overlap are apart.
func (o *overlap) undone(bad float64) Range {
	needed := o.Threshold - o.certain // failures
	if needed <= 0 {
		return Range{1, 1}
	}
	checks := len(o.passing) + needed - 1 // before as many have passed as a promotion takes, or as many have failed
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
	apart := (needed + o.apart - 1) / o.apart // failed checks of those that are needed
	r := Range{
		Low:  max(fail, atLeast(needed, (checks+o.apart-1)/o.apart, least)),
		High: min(1-pass, atLeast(apart, checks-(apart-1)*(o.apart-1), most)),
	}
	return Range{min(r.Low, r.High), r.High}
}

// atLeast returns the chance that k of n independent checks fail, or more.
func atLeast(k, n int, chance float64) float64 {
	switch {
	case k <= 0:
		return 1
	case k > n:
		return 0
	}
	return mathext.RegIncBeta(float64(k), float64(n-k+1), chance)
}

// apart returns how many checks it takes until one sees none of the requests of the first.
func (m *Model) apart() (checks int) {
	for _, metric := range m.Metrics {
		checks = max(checks, m.Spans(metric))
	}
	return checks
}

// Spans returns how many intervals of the checks the window of a metric spans, of which the last may be a part.
func (m *Model) Spans(metric Metric) int {
	return int((metric.Window + m.Course.Every - 1) / m.Course.Every)
}
