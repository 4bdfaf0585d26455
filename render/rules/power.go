package rules

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/power"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// What a rollout should achieve: a good version is undone in at most mostUndone of all rollouts, and one that is
// plainlyBad in at least leastCaught.
const (
	mostUndone  = .05
	plainlyBad  = .1
	leastCaught = .5
)

// checkPower reports rollouts that tell good versions from bad ones by too few requests, or by thresholds that do not.
// It is silent where nobody knows the traffic, and where load ends too early, which another rule reports.
func checkPower(r *Rollout) {
	s := r.Sight(Expected{})
	if s == nil || len(s.Untold) > 0 || s.MissesMatching || !s.Has(power.Errors) || slices.ContainsFunc(r.found, func(f Finding) bool { return f.Code == diag.LoadEnds }) {
		return
	}
	undone := s.Of(power.Errors).Undone(s.Baseline)
	r.checkResolution(s)
	if undone.Low > mostUndone {
		r.reportGoodUndone(s, undone.Low)
	}
	if caught := s.Of(power.Errors).Undone(plainlyBad); caught.High < leastCaught {
		r.reportBadPromoted(s, caught.High)
	}
}

// checkResolution reports a threshold that so few requests of a check cannot tell from none that fails.
func (r *Rollout) checkResolution(s *Sight) {
	looks := s.Looks()
	for i, metric := range s.Model.Metrics {
		if metric.Kind != power.Errors || metric.Most <= 0 || metric.Most >= 1 {
			continue
		}
		fewest := math.Inf(1)
		for _, look := range looks {
			if n := look.Requests[i]; n > 0 {
				fewest = min(fewest, n)
			}
		}
		needed := math.Ceil(1/metric.Most - 1e-6)
		if fewest >= needed || math.IsInf(fewest, 1) {
			continue
		}
		r.Report(diag.TooFewRequests, r.thresholdOf(s.Judging[i]),
			fmt.Sprintf("a check sees %s, so one failed request fails it; %s needs %s to allow one", countOf(fewest), r.limitOf(s.Judging[i]), countOf(needed)),
			r.moreRequests(s, metric, needed/fewest))
	}
}

// thresholdOf returns the field that a metric's threshold is in.
func (r *Rollout) thresholdOf(metric int) schema.Path {
	if at := InMetrics(metric, "thresholdRange"); r.Has(at...) {
		return at
	}
	return InMetrics(metric, "name")
}

// limitOf returns the threshold of a metric for a message.
func (r *Rollout) limitOf(metric int) string {
	switch least, most := thresholdsOf(r.Analysis.Metrics[metric]); {
	case least != nil:
		return "min: " + number(*least)
	case most != nil:
		return "max: " + number(*most)
	}
	return "its threshold"
}

// countOf returns a number of requests for a message.
func countOf(n float64) string {
	switch rounded := math.Round(n); {
	case n >= 10:
		return diag.Plural(int(rounded), "request")
	case rounded == 1 && math.Abs(n-1) < .05:
		return "1 request"
	}
	return strconv.FormatFloat(math.Round(n*10)/10, 'f', -1, 64) + " requests"
}

// moreRequests returns what makes so many times as many requests: a higher rate of the first load test, or a longer time.
func (r *Rollout) moreRequests(s *Sight, metric power.Metric, times float64) string {
	for _, source := range metric.Sources {
		if webhook := s.Webhooks[source]; webhook >= 0 {
			call, _ := flagger.LoadCall(r.Analysis.Webhooks[webhook].Metadata["cmd"])
			return call.Times(times)
		}
	}
	interval := time.Duration(math.Ceil(metric.Window.Seconds()*times)) * time.Second
	if r.Plain {
		return fmt.Sprintf("interval: %s for the metric and the analysis", diag.Duration(interval))
	}
	return fmt.Sprintf("checkIntervalSeconds: %d, and intervalSeconds: %[1]d for the metric", int(interval.Seconds()))
}

// reportGoodUndone reports that good versions are rolled back.
func (r *Rollout) reportGoodUndone(s *Sight, undone float64) {
	message := fmt.Sprintf("%s, a good version (%s errors) is undone in %s of 100 rollouts", alone(s), power.Percent(s.Baseline), power.OfHundred(undone))
	if looks := s.Looks(); s.Threshold == 1 && looks[0].Empty[0] > leastCaught {
		message = alone(s) + ", the first check sees no request and fails: the load begins with it, and one failed check undoes every version"
	}
	field := inAnalysis("threshold")
	if !r.Has(field...) {
		field = inAnalysis("metrics")
	}
	r.Report(diag.GoodUndone, field, message, r.wayOut(append(r.lenient(s), r.withMore(s)...)))
}

// reportBadPromoted reports that plainly bad versions are promoted.
func (r *Rollout) reportBadPromoted(s *Sight, caught float64) {
	worst := 0 // the metric that tells the least
	for i, metric := range s.Model.Metrics {
		if metric.Kind == power.Errors {
			worst = i
			break
		}
	}
	r.Report(diag.BadPromoted, r.thresholdOf(s.Judging[worst]),
		fmt.Sprintf("%s, a version with %s errors is promoted in %s of 100 rollouts", alone(s), power.Percent(plainlyBad), power.OfHundred(1-caught)),
		r.wayOut(append(r.strict(s), r.withMore(s)...)))
}

// alone returns which traffic a message is about.
func alone(s *Sight) string {
	switch users := slices.Contains(s.Webhooks, -1); {
	case users && len(s.Webhooks) > 1:
		return "with the load and the expected traffic"
	case users:
		return "with the expected traffic"
	}
	return "with the load test alone"
}

// A change is one of a rollout: what to write, and what it does to a copy.
type change struct {
	hint  string
	apply func(*Rollout)
	// times is how many times as much the load tests send.
	times float64
}

// wayOut returns the first of some changes with which good versions are promoted, and plainly bad ones are not.
func (r *Rollout) wayOut(changes []change) string {
	for _, c := range changes {
		changed, canary := *r, *r.Canary
		canary.Analysis.Metrics = slices.Clone(canary.Analysis.Metrics)
		changed.Canary, changed.found, changed.good = &canary, nil, nil
		if c.apply != nil {
			c.apply(&changed)
		}
		s := changed.Sight(Expected{})
		if s == nil {
			continue
		}
		for i, webhook := range s.Webhooks {
			if webhook >= 0 && c.times > 0 {
				s.Sources[i].Rate *= c.times
			}
		}
		if p := s.Of(power.Errors); p.Undone(s.Baseline).High <= mostUndone && p.Undone(plainlyBad).Low >= leastCaught {
			return c.hint
		}
	}
	return "more requests in each check; expectedTraffic says what users send (docs/power.md)"
}

// named returns a field with a value, by its name in a Canary or in an Application.
func (r *Rollout) named(canary, application, value string) string {
	if r.Plain {
		return canary + ": " + value
	}
	return application + ": " + value
}

// withFailures are changes of how many failed checks undo a rollout.
func (r *Rollout) withFailures(numbers ...int) (all []change) {
	for _, n := range numbers {
		if n > 0 {
			all = append(all, change{hint: r.named("threshold", "checkFailedTimes", strconv.Itoa(n)), apply: func(r *Rollout) { r.Analysis.Threshold = n }})
		}
	}
	return all
}

// withLimits are changes of the thresholds of error metrics: to shares of bad requests of which each meets a condition.
func (r *Rollout) withLimits(s *Sight, shares []float64, wanted func(share, now float64) bool) (all []change) {
	for i, metric := range s.Model.Metrics {
		if metric.Kind != power.Errors {
			continue
		}
		place := s.Judging[i]
		for _, share := range shares {
			limits, hint, ok := r.limits(place, metric, share)
			if ok && wanted(share, metric.Most) {
				all = append(all, change{hint: hint, apply: func(r *Rollout) { r.Analysis.Metrics[place].ThresholdRange = limits }})
			}
		}
	}
	return all
}

// limits returns the range that lets a share of bad requests pass, in the unit of the range that a metric has.
func (r *Rollout) limits(place int, metric power.Metric, share float64) (*api.ThresholdRange, string, bool) {
	least, most := thresholdsOf(r.Analysis.Metrics[place])
	switch {
	case least != nil && most == nil:
		whole := *least / (1 - metric.Most) // 100 or 1
		limit := math.Round(whole*(1-share)*1e6) / 1e6
		return &api.ThresholdRange{Min: &limit}, "thresholdRange: {min: " + number(limit) + "}", metric.Most < 1
	case most != nil && metric.Most > 0:
		limit := math.Round(*most/metric.Most*share*1e6) / 1e6
		return &api.ThresholdRange{Max: &limit}, "thresholdRange: {max: " + number(limit) + "}", true
	}
	return nil, "", false
}

// lenient are changes that promote more versions, and strict ones that promote fewer.
func (r *Rollout) lenient(s *Sight) []change {
	more := func(share, now float64) bool { return share > now }
	return append(r.withFailures(s.Threshold+1, s.Threshold+2, s.Threshold+3), r.withLimits(s, []float64{.01, .02, .05}, more)...)
}

func (r *Rollout) strict(s *Sight) []change {
	less := func(share, now float64) bool { return share < now }
	return append(r.withLimits(s, []float64{.05, .02, .01}, less), r.withFailures(s.Threshold/2, 2, 1)...)
}

// withMore are changes that have each check see more requests.
func (r *Rollout) withMore(s *Sight) (all []change) {
	for _, times := range []float64{2, 5, 10, 20} {
		c := change{times: times, hint: r.moreRequests(s, s.Model.Metrics[0], times)}
		if !slices.ContainsFunc(s.Webhooks, func(webhook int) bool { return webhook >= 0 }) {
			c.apply = func(r *Rollout) {
				r.Analysis.Interval = (time.Duration(times) * r.Analysis.Every()).String()
				for i := range r.Analysis.Metrics {
					r.Analysis.Metrics[i].Interval = r.Analysis.Interval
				}
			}
		}
		all = append(all, c)
	}
	return all
}
