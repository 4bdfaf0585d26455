package power

import (
	"math"
	"slices"
	"time"

	"github.com/fleetwright/fleetwright/internal/flagger"
)

// shareOf returns the share of the requests, from 0 to 1, that reaches the new version with a route.
func (s *Source) shareOf(r flagger.Route) float64 {
	switch {
	case s.Straight:
		return 1
	case r.Canary == 0 && r.Mirrored:
		return s.Copied
	}
	return float64(r.Canary) / 100 * s.Share
}

// sentUntil returns how long a source has sent requests since the detection, up to a time, if the webhooks have
// started it.
func (m *Model) sentUntil(s *Source, at flagger.State, until time.Duration) time.Duration {
	begun := 0
	switch s.From {
	case Always:
		return until
	case WithPreRollout:
		begun = at.Prepared
	case WithChecks:
		begun = at.Begun
	}
	since := until - time.Duration(begun)*m.Course.Every
	switch {
	case begun == 0 || since <= 0:
		return 0
	case s.Lasts == 0:
		return since
	case s.From == WithPreRollout:
		return min(since, s.Lasts)
	}
	again := (s.Lasts/m.Course.Every + 1) * m.Course.Every // at the first check after its end
	if s.Awaited {
		again = m.Course.Every
	}
	times := since / again
	return times*s.Lasts + min(since-times*again, s.Lasts)
}

// A stretch is a period in which sources send with a constant share.
type stretch struct {
	requests float64 // sent to both versions
	share    float64 // of the new version
	steady   bool
}

// mostRequests is the number of requests in a stretch above which more make no difference.
const mostRequests = 1e9

// stretches returns the stretches in the window of a metric, at the check after a path of states.
func (m *Model) stretches(metric Metric, path []int) (all []stretch) {
	last := m.Course.States[path[len(path)-1]]
	asked := time.Duration(last.At+1)*m.Course.Every + m.Delay
	to := asked
	for i := len(path) - 1; i >= 0; i-- {
		route := m.Course.States[path[i]]
		from := max(asked-metric.Window, time.Duration(route.At)*m.Course.Every)
		for _, place := range metric.Sources {
			s := &m.Sources[place]
			lasts := m.sentUntil(s, last, to) - m.sentUntil(s, last, from)
			if share := s.shareOf(route.Route); lasts > 0 && share > 0 {
				all = add(all, stretch{min(s.Rate*lasts.Seconds(), mostRequests), share, s.Steady})
			}
		}
		if to = from; to <= asked-metric.Window {
			break
		}
	}
	return all
}

// add adds a stretch, and merges it into one with the same share if there is one.
func add(all []stretch, s stretch) []stretch {
	if i := slices.IndexFunc(all, func(other stretch) bool { return other.share == s.share && other.steady == s.steady }); i >= 0 {
		all[i].requests += s.requests
		return all
	}
	return append(all, s)
}

// mean returns the expected number of requests in the window of a metric.
func (m *Model) mean(metric Metric, path []int) (n float64) {
	for _, s := range m.stretches(metric, path) {
		n += s.requests * s.share
	}
	return n
}

// none returns the chance that the window of a metric contains no request.
func (m *Model) none(metric Metric, path []int) float64 {
	chance := 1.0
	for _, s := range m.stretches(metric, path) {
		if s.steady {
			chance *= math.Pow(1-s.share, math.Floor(s.requests+rounding))
		} else {
			chance *= math.Exp(-s.requests * s.share)
		}
	}
	return chance
}

// count returns the distribution of the number of requests in the window of a metric. Random requests have a
// Poisson distribution. A route selects each steady request with the chance of its share.
func (m *Model) count(metric Metric, path []int) counts {
	n, random := fixed(0), 0.0
	for _, s := range m.stretches(metric, path) {
		switch steady := int(s.requests + rounding); {
		case !s.steady:
			random += s.requests * s.share
		case s.share == 1:
			n = n.plus(fixed(steady))
		default:
			n = n.plus(binomial(steady, s.share))
		}
	}
	if random > 0 {
		n = n.plus(poisson(random))
	}
	return n
}

// rounding is the error below a whole number that products of decimal fractions may have.
const rounding = 1e-9

// allowed returns the largest number of n requests that does not exceed a share of n.
func allowed(n int, share float64) int { return int(math.Floor(float64(n)*share + rounding)) }
