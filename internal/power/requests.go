package power

import (
	"math"
	"slices"
	"time"

	"github.com/fleetwright/fleetwright/internal/flagger"
)

// shareOf returns the share of the requests, from 0 to 1, that the new version gets with a route.
func (s *Source) shareOf(r flagger.Route) float64 {
	switch {
	case s.Straight:
		return 1
	case r.Canary == 0 && r.Mirrored:
		return s.Copied
	}
	return float64(r.Canary) / 100 * s.Share
}

// sentUntil returns for how long a source has sent at a time since the detection, as far as the hooks have begun it.
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
	again := (s.Lasts/m.Course.Every + 1) * m.Course.Every // at the first check at which it has ended
	if s.Awaited {
		again = m.Course.Every
	}
	times := since / again
	return times*s.Lasts + min(since-times*again, s.Lasts)
}

// A stretch is the time with one share in which sources send.
type stretch struct {
	requests float64 // that they send, to both versions
	share    float64 // that the new version gets
	steady   bool
}

// mostRequests is how many requests of one stretch are told apart from more.
const mostRequests = 1e9

// stretches returns those in the window of a metric at the check after the last of some states, which came one after
// the other.
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

// add adds a stretch, to one with the same share where there is any.
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

// none returns the chance that there is no request in the window of a metric.
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

// count returns the distribution of the number of requests in the window of a metric. Requests that come at random
// have a Poisson distribution, of steady ones a route takes each with the chance of its share.
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

// rounding is what products of decimal fractions may lack to a whole number.
const rounding = 1e-9

// allowed returns the largest number of n requests that is at most a share of them.
func allowed(n int, share float64) int { return int(math.Floor(float64(n)*share + rounding)) }
