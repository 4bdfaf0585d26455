package rules

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/power"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A rollout should roll back a good version in at most mostUndone of all cases, and a plainlyBad one in at least
// leastCaught.
const (
	mostUndone  = .05
	plainlyBad  = .1
	leastCaught = .5
)

// told are the codes of findings that already explain why checks pass or fail regardless of the version.
var told = []diag.Code{diag.LoadEnds, diag.NoThreshold, diag.ThresholdNeverMet, diag.ThresholdUnit, diag.ThresholdSide, diag.NoValueWhenHealthy, diag.NeverAValue}

// checkPower reports rollouts whose checks see too few requests, or whose thresholds are too loose or strict, to
// tell good versions from bad ones. It skips rollouts with unknown traffic, and those with a finding that
// explains the cause.
func checkPower(r *Rollout) {
	s := r.Sight(Expected{})
	if s == nil || len(s.Untold) > 0 || s.MissesMatching || len(s.Model.Metrics) == 0 || slices.ContainsFunc(r.found, func(f Finding) bool { return slices.Contains(told, f.Code) }) {
		return
	}
	v := s.verdict()
	if v.few >= 0 && !v.blind {
		r.reportTooFew(s, v.few, v.fewest)
	}
	if v.good.Low > mostUndone {
		r.reportGoodUndone(s, v)
	}
	if v.bad.High < leastCaught {
		r.reportBadPromoted(s, v)
	}
}

// A verdict is the result of a sight.
type verdict struct {
	// good and bad are the probabilities that a good version and a plainly bad one are rolled back.
	good, bad power.Range
	// few is the first metric that one failed request fails although its threshold tolerates failures, or -1.
	// fewest is the look with the fewest requests once the load that starts with the checks fills the window.
	few    int
	fewest power.Look
	// blind reports whether the first check surely sees no requests, and its failure rolls back every version.
	blind bool
}

func (s *Sight) verdict() (v verdict) {
	looks := s.Looks()
	v.few, v.fewest = s.tooFew(looks)
	v.blind = s.Threshold == 1 && len(looks) > 0 && slices.Contains(looks[0].Empty, 1)
	if !s.Has(power.Errors) {
		v.good, v.bad = s.Of(power.Slow).Undone(0), power.Range{Low: 1, High: 1}
		return v
	}
	odds := s.Of(power.Errors)
	v.good, v.bad = odds.Undone(s.Baseline), odds.Undone(plainlyBad)
	return v
}

// tooFew returns the fields few and fewest of a verdict.
func (s *Sight) tooFew(all []power.Look) (metric int, fewest power.Look) {
	for i, m := range s.Model.Metrics {
		if m.Kind != power.Errors || m.Most <= 0 || m.Most >= 1 {
			continue
		}
		looks := all
		if slices.ContainsFunc(m.Sources, func(source int) bool { return s.Sources[source].From == power.WithChecks }) {
			looks = looks[min(s.Spans(m), len(looks)-1):]
		}
		fewest = slices.MinFunc(looks, func(a, b power.Look) int { return cmp.Compare(a.Requests[i], b.Requests[i]) })
		if n := fewest.Requests[i]; n > 0 && n < resolves(m) {
			return i, fewest
		}
	}
	return -1, power.Look{}
}

// resolves returns how many requests a metric needs to tolerate one failure.
func resolves(m power.Metric) float64 { return math.Ceil(1/m.Most - 1e-6) }

// reportTooFew reports a threshold that tolerates no failure with so few requests per check.
func (r *Rollout) reportTooFew(s *Sight, metric int, fewest power.Look) {
	m := s.Model.Metrics[metric]
	n := fewest.Requests[metric]
	more := r.withMore(s, metric, func(i int) float64 { // so that all sources together are enough
		sent := fewest.Sent[metric][i]
		return (sent + resolves(m) - n) / sent
	}, resolves(m)/n)
	hint, _ := r.wayOut(-1, append(more, r.withLimits(s, []float64{.001, .005, .01, .02, .05, .1}, func(share, now float64) bool { return share > now })...))
	r.Report(diag.TooFewRequests, r.thresholdOf(s.Judging[metric]),
		fmt.Sprintf("a check sees %s, so one failed request fails it; %s needs %s to tolerate one", countOf(n), s.Limits[metric], countOf(resolves(m))), hint)
}

// thresholdOf returns the field with a metric's threshold.
func (r *Rollout) thresholdOf(metric int) schema.Path {
	if at := InMetrics(metric, "thresholdRange"); r.Has(at...) {
		return at
	}
	return InMetrics(metric, "name")
}

// countOf returns a number of requests as text.
func countOf(n float64) string {
	switch text := power.Rounded(n); {
	case text == "1":
		return "1 request"
	case n < .1:
		return "hardly any request"
	default:
		return text + " requests"
	}
}

// reportGoodUndone reports that good versions are rolled back.
func (r *Rollout) reportGoodUndone(s *Sight, v verdict) {
	good := "a good version"
	if s.Has(power.Errors) {
		good += " (" + power.Percent(s.Baseline) + " errors)"
	}
	message := fmt.Sprintf("%s, %s is rolled back in %s of 100 rollouts", underTraffic(s), good, power.OfHundred(v.good.Low))
	if v.blind {
		message = "the first check rolls back every version: the load starts only with that check, which sees no requests and fails"
	}
	field := inAnalysis("threshold")
	if !r.Has(field...) {
		field = inAnalysis("metrics")
	}
	if v.blind {
		v.few = 0 // the first check with requests may reveal it
	}
	hint, metric := r.wayOut(v.few, append(r.lenient(s), r.withTimes(s)...))
	if metric >= 0 {
		field = r.thresholdOf(metric)
	}
	r.Report(diag.GoodUndone, field, message, hint)
}

// reportBadPromoted reports that plainly bad versions are promoted.
func (r *Rollout) reportBadPromoted(s *Sight, v verdict) {
	hint, metric := r.wayOut(v.few, append(r.strict(s), r.withTimes(s)...))
	if metric < 0 {
		metric = s.Judging[slices.IndexFunc(s.Model.Metrics, func(m power.Metric) bool { return m.Kind == power.Errors })]
	}
	r.Report(diag.BadPromoted, r.thresholdOf(metric),
		fmt.Sprintf("%s, a version with %s errors is promoted in %s of 100 rollouts", underTraffic(s), power.Percent(plainlyBad), power.OfHundred(1-v.bad.High)), hint)
}

// underTraffic returns the traffic that a message is about.
func underTraffic(s *Sight) string {
	switch users := slices.Contains(s.Webhooks, -1); {
	case users && len(s.Webhooks) > 1:
		return "with the load test and the expected traffic"
	case users:
		return "with the expected traffic"
	}
	return "with no traffic but the load test"
}

// A change is a change to a rollout: the hint for it, and its effect on a copy.
type change struct {
	hint  string
	apply func(*Rollout)
	// source is the index of a source that sends times as much; times is 0 if none does.
	source int
	times  float64
	// metric is the index of the metric whose threshold changes, or -1.
	metric int
}

// wayOut returns the hint of the first change with which good versions are promoted and plainly bad ones are
// not, and the metric that it changes, or -1. Apart from the one before the change, if any, no metric may then
// see too few requests.
func (r *Rollout) wayOut(before int, changes []change) (hint string, metric int) {
	for _, c := range changes {
		changed, canary := *r, *r.Canary
		canary.Analysis.Metrics = slices.Clone(canary.Analysis.Metrics)
		changed.Canary, changed.found, changed.good = &canary, nil, nil
		if c.apply != nil {
			c.apply(&changed)
		}
		s := changed.Sight(Expected{})
		if s == nil || len(s.Model.Metrics) == 0 {
			continue
		}
		if c.times > 0 {
			s.Sources[c.source].Rate *= c.times
		}
		if v := s.verdict(); (v.few < 0 || v.few == before) && v.good.High <= mostUndone && v.bad.Low >= leastCaught {
			return c.hint, c.metric
		}
	}
	return "send more requests to the new version per check; if users send them, set expectedTraffic (docs/power.md)", -1
}

// withFailures returns changes to the number of failed checks that rolls back a version.
func (r *Rollout) withFailures(numbers ...int) (all []change) {
	field := "checkFailedTimes"
	if r.Plain {
		field = "threshold"
	}
	for _, n := range numbers {
		if n > 0 {
			all = append(all, change{metric: -1, hint: field + ": " + strconv.Itoa(n), apply: func(r *Rollout) { r.Analysis.Threshold = n }})
		}
	}
	return all
}

// withLimits returns changes to the thresholds of error metrics: to shares of bad requests that are wanted.
func (r *Rollout) withLimits(s *Sight, shares []float64, wanted func(share, now float64) bool) (all []change) {
	for i, metric := range s.Model.Metrics {
		if metric.Kind != power.Errors {
			continue
		}
		place := s.Judging[i]
		for _, share := range shares {
			limits, hint, ok := r.limits(place, metric, share)
			if ok && wanted(share, metric.Most) {
				all = append(all, change{metric: place, hint: hint, apply: func(r *Rollout) { r.Analysis.Metrics[place].ThresholdRange = limits }})
			}
		}
	}
	return all
}

// limits returns the range that tolerates a share of bad requests, in the unit of a metric's current range.
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

// lenient returns changes that promote more versions; strict returns changes that promote fewer.
func (r *Rollout) lenient(s *Sight) []change {
	more := func(share, now float64) bool { return share > now }
	for i, metric := range s.Model.Metrics {
		if place := s.Judging[i]; metric.Least > 0 { // it fails versions that are too good
			return []change{{metric: place, hint: "thresholdRange: {" + s.Limits[i] + "} alone", apply: func(r *Rollout) {
				t := *r.Analysis.Metrics[place].ThresholdRange
				if strings.HasPrefix(s.Limits[i], "min") {
					t.Max = nil
				} else {
					t.Min = nil
				}
				r.Analysis.Metrics[place].ThresholdRange = &t
			}}}
		}
	}
	return append(r.withFailures(s.Threshold+1, s.Threshold+2, s.Threshold+3), r.withLimits(s, []float64{.01, .02, .05}, more)...)
}

func (r *Rollout) strict(s *Sight) []change {
	less := func(share, now float64) bool { return share < now }
	return append(r.withLimits(s, []float64{.05, .02, .01}, less), r.withFailures(s.Threshold/2, 2, 1)...)
}

// withTimes returns changes with which each check sees several times as many requests.
func (r *Rollout) withTimes(s *Sight) (all []change) {
	for _, times := range []float64{2, 5, 10, 20} {
		all = append(all, r.withMore(s, 0, func(int) float64 { return times }, times)...)
	}
	return all
}

// longestInterval is the longest interval in a hint: with it, a rollout of a few steps takes hours.
const longestInterval = 10 * time.Minute

// withMore returns changes with which the checks of a metric see more requests: a load test with a higher rate,
// by the source's index in the metric, or longer intervals.
func (r *Rollout) withMore(s *Sight, metric int, times func(i int) float64, longer float64) (all []change) {
	for i, source := range s.Model.Metrics[metric].Sources {
		if webhook := s.Webhooks[source]; webhook >= 0 && !math.IsInf(times(i), 0) {
			call, _ := flagger.LoadCall(r.Analysis.Webhooks[webhook].Metadata["cmd"])
			hint := call.Times(times(i))
			if len(s.Webhooks) > 1 {
				hint += " in webhook " + r.Analysis.Webhooks[webhook].Name
			}
			all = append(all, change{metric: -1, hint: hint, source: source, times: times(i)})
		}
	}
	interval := time.Duration(math.Ceil(r.Analysis.Every().Seconds()*longer-1e-6)) * time.Second
	if len(all) > 0 || interval > longestInterval {
		return all
	}
	hint := fmt.Sprintf("checkIntervalSeconds: %d, and intervalSeconds: %[1]d for the metrics", int(interval.Seconds()))
	if r.Plain {
		hint = fmt.Sprintf("interval: %s for the metrics and the analysis", diag.Duration(interval))
	}
	return append(all, change{metric: -1, hint: hint, apply: func(r *Rollout) {
		r.Analysis.Interval = interval.String()
		for i := range r.Analysis.Metrics {
			r.Analysis.Metrics[i].Interval = r.Analysis.Interval
		}
	}})
}
