package rules

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema"
)

// shortestInterval is the shortest interval in which Flagger checks, in seconds.
const shortestInterval = int(flagger.ShortestInterval / time.Second)

// defaultDeadline is how long pods may stay unready by default, in seconds (pkg/apis/flagger/v1beta1/canary.go,
// ProgressDeadlineSeconds).
const defaultDeadline = 600

// shorter returns the seconds of an interval, and reports whether it is too short.
func shorter(interval string) (seconds int, ok bool) {
	d, err := time.ParseDuration(interval)
	return int(d / time.Second), err == nil && d < flagger.ShortestInterval
}

// checkIntervals reports intervals that are too short for Flagger or Prometheus.
func checkIntervals(r *Rollout) {
	if n, ok := shorter(r.Analysis.Interval); ok {
		r.Report(diag.ShortInterval, inAnalysis("interval"), fmt.Sprintf("an interval of %d s is too short: Flagger checks at most once every %d s", n, shortestInterval), fmt.Sprintf("checkIntervalSeconds: %d or more", shortestInterval))
	}
	for i, m := range r.Analysis.Metrics {
		if _, err := time.ParseDuration(m.Interval); err != nil && r.parsesInterval(m) {
			r.Report(diag.WrongFormat, InMetrics(i, "interval"), fmt.Sprintf("%q is not a duration, so every check of %s fails", m.Interval, m.Name), "interval: 1m")
		}
		if n, ok := shorter(m.Interval); ok {
			r.Report(diag.ShortInterval, InMetrics(i, "interval"), fmt.Sprintf("a window of %d s holds too few samples to compute a rate, so checks fail", n), "intervalSeconds: 60")
		}
	}
}

// parsesInterval reports whether Prometheus or the provider of a metric parses its interval.
func (r *Rollout) parsesInterval(m flagger.Metric) bool {
	t := r.template(m)
	return m.Interval != "" && (t != nil && metricProviders[t.Provider.Type].window || m.TemplateRef == nil && IsBuiltin(m.Name))
}

// checkSteps reports steps that do not increase the weight: Flagger adds the difference to the next step, and
// stays if it is not positive (pkg/controller/scheduler.go, nextStepWeight).
func checkSteps(r *Rollout) {
	before := 0
	for i, weight := range r.Analysis.StepWeights {
		if weight <= before {
			r.Report(diag.StepsStandStill, inAnalysis("stepWeights", i),
				fmt.Sprintf("the step from %d%% to %d%% moves no traffic, so the rollout stays there and is never promoted", before, weight), "stepWeights: [10, 20, 50], each larger than the one before")
			return
		}
		before = weight
	}
}

// checkMaxWeight reports steps that exceed maxWeight. Flagger takes a step while the weight is below maxWeight,
// and limits the sum only to 100 (pkg/controller/scheduler.go, runCanary).
func checkMaxWeight(r *Rollout) {
	a := &r.Analysis
	if a.MaxWeight <= 0 || len(a.StepWeights) > 0 {
		return
	}
	switch step, most := a.StepWeight, a.MaxWeight; {
	case step > most:
		r.Report(diag.StepTooLarge, inAnalysis("stepWeight"), fmt.Sprintf("the first step moves %d%% of the traffic, above the maxWeight of %d%%", step, most), fmt.Sprintf("stepWeight: %d or less", most))
	case step > 0 && most%step != 0 && most < 100:
		last := min(most-most%step+step, 100)
		r.Report(diag.StepsOvershoot, inAnalysis("maxWeight"), fmt.Sprintf("steps of %d%% reach %d%% of the traffic, above the maxWeight of %d%%", step, last, most),
			fmt.Sprintf("maxWeight: %d, or a stepWeight that divides %d", last, most))
	}
}

// checkReadinessTimeout reports an interval longer than the deadline. Flagger checks readiness once per
// interval, and rolls back a version that has been unavailable for longer than the deadline
// (pkg/canary/deployment_ready.go).
func checkReadinessTimeout(r *Rollout) {
	deadline := defaultDeadline
	if n := r.ProgressDeadlineSeconds; n != nil {
		deadline = int(*n)
	}
	if r.SkipAnalysis || deadline >= r.every() {
		return
	}
	at := schema.Path{"progressDeadlineSeconds"}
	if !r.Has(at...) {
		at = inAnalysis("interval")
	}
	r.Report(diag.ReadinessTimeout, at,
		fmt.Sprintf("Flagger checks readiness only every %d s, but rolls back a version that is not ready within %d s", r.every(), deadline),
		fmt.Sprintf("rolloutTimeoutSeconds: %d or more", max(2*r.every(), defaultDeadline)))
}

// checkChecks reports a rollout without a check that could stop a bad version.
func checkChecks(r *Rollout) {
	if r.SkipAnalysis || len(r.Analysis.Metrics) > 0 || slices.ContainsFunc(r.Analysis.Webhooks, decides) {
		return
	}
	message := "the rollout has no metrics and no webhooks, so every version is promoted"
	if len(r.Analysis.Webhooks) > 0 {
		message = "the rollout has no metrics, and its webhooks always pass, so every version is promoted"
	}
	r.Report(diag.NothingChecked, inAnalysis(), message, "metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]")
}

// checkWebhookTimeouts reports webhooks whose timeouts together exceed the interval
// (docs/gitbook/usage/webhooks.md).
func checkWebhookTimeouts(r *Rollout) {
	total := 0
	for _, w := range r.Analysis.Webhooks {
		if w.Kind() == flagger.RolloutHook && !(r.Plain && w.RunsTask() && !w.IsAwaited()) { // the load tester answers these immediately
			total += int(w.CallTimeout() / time.Second)
		}
	}
	if total > r.every() {
		r.Report(diag.WebhookTimeouts, inAnalysis("webhooks"), fmt.Sprintf("the webhooks of one check may take %d s, longer than the interval of %d s, so the next check comes late", total, r.every()),
			fmt.Sprintf("checkIntervalSeconds: %d, or shorter timeouts", total))
	}
}

// A knownMetric is a built-in metric of Flagger.
type knownMetric struct {
	// unit is the unit of its values, as in "X is in percent"; most is the largest value, or 0 for none.
	unit string
	most float64
	// atLeast reports whether large values are good, so that a threshold is a min, not a max.
	atLeast bool
	// positive reports that no value is 0.
	positive bool
	// suspect reports whether a threshold seems to be in another unit; why is the message about it.
	suspect func(threshold float64) bool
	why     string
	// example is an example of a range.
	example string
}

// knownMetrics are the built-in metrics of pkg/controller/scheduler_metrics.go.
var knownMetrics = map[string]knownMetric{
	"request-success-rate": {
		unit: "in percent", most: 100, atLeast: true, example: "thresholdRange: {min: 99}",
		suspect: func(threshold float64) bool { return threshold > 0 && threshold <= 1 },
		why:     "request-success-rate is in percent (0 to 100); with a min of %s, 99 of 100 requests may fail",
	},
	"request-duration": {
		unit: "in milliseconds", positive: true, example: "thresholdRange: {max: 500}",
		suspect: func(threshold float64) bool { return threshold > 0 && threshold < 10 },
		why:     "request-duration is in milliseconds; few requests take less than %s ms, so good versions fail",
	},
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// checkThresholds reports ranges that contain none or all of the values of a built-in metric.
func checkThresholds(r *Rollout) {
	for i, m := range r.Analysis.Metrics {
		name := r.Builtin(m)
		if known, ok := knownMetrics[name]; ok && m.ThresholdRange != nil {
			checkRange(r, i, name, known)
		}
	}
}

// checkRange reports a range that contains none or all of the values of a metric.
func checkRange(r *Rollout, metric int, name string, known knownMetric) {
	at := InMetrics(metric, "thresholdRange")
	low, high := r.Analysis.Metrics[metric].ThresholdRange.Min, r.Analysis.Metrics[metric].ThresholdRange.Max
	say := func(code diag.Code, field schema.Path, message string) {
		r.Report(code, field, message, known.example)
	}
	switch {
	case low != nil && known.most > 0 && *low > known.most:
		say(diag.ThresholdNeverMet, at.With("min"), fmt.Sprintf("%s is %s and never reaches %s, so every check fails", name, known.unit, number(*low)))
	case high != nil && (*high < 0 || known.positive && *high == 0):
		say(diag.ThresholdNeverMet, at.With("max"), fmt.Sprintf("%s is %s and never drops to %s, so every check fails", name, known.unit, number(*high)))
	case known.atLeast && (low == nil || *low <= 0) && (low != nil || high != nil) && (high == nil || *high >= known.most),
		!known.atLeast && known.most > 0 && high != nil && *high >= known.most && (low == nil || *low <= 0):
		say(diag.NoThreshold, at, fmt.Sprintf("thresholdRange accepts every value of %s, so every version passes", name))
	case known.atLeast && low == nil && high != nil && *high < known.most:
		say(diag.ThresholdSide, at.With("max"), fmt.Sprintf("%s needs a min: a max of %s fails good versions and passes bad ones", name, number(*high)))
	case !known.atLeast && high == nil && low != nil:
		say(diag.ThresholdSide, at.With("min"), fmt.Sprintf("%s needs a max: a min of %s fails good versions and passes bad ones", name, number(*low)))
	case known.atLeast && low != nil && known.suspect(*low):
		say(diag.ThresholdUnit, at.With("min"), fmt.Sprintf(known.why, number(*low)))
	case !known.atLeast && high != nil && known.suspect(*high):
		say(diag.ThresholdUnit, at.With("max"), fmt.Sprintf(known.why, number(*high)))
	}
}
