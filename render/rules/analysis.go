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

// shortestInterval is, in seconds, how often Flagger checks at most.
const shortestInterval = int(flagger.ShortestInterval / time.Second)

// defaultDeadline is, in seconds, for how long pods may be unready
// (pkg/apis/flagger/v1beta1/canary.go, ProgressDeadlineSeconds).
const defaultDeadline = 600

// shorter returns how many seconds an interval has, and reports whether these are too few.
func shorter(interval string) (seconds int, ok bool) {
	d, err := time.ParseDuration(interval)
	return int(d / time.Second), err == nil && d < flagger.ShortestInterval
}

// checkIntervals reports intervals that Flagger or Prometheus cannot keep.
func checkIntervals(r *Rollout) {
	if n, ok := shorter(r.Analysis.Interval); ok {
		r.Report(diag.ShortInterval, inAnalysis("interval"), fmt.Sprintf("Flagger checks at most every %d seconds, not every %d", shortestInterval, n), fmt.Sprintf("checkIntervalSeconds: %d or more", shortestInterval))
	}
	for i, m := range r.Analysis.Metrics {
		if _, err := time.ParseDuration(m.Interval); err != nil && r.parsesInterval(m) {
			r.Report(diag.WrongFormat, InMetrics(i, "interval"), fmt.Sprintf("%q is not a duration, so every check of %s fails", m.Interval, m.Name), "interval: 1m")
		}
		if n, ok := shorter(m.Interval); ok {
			r.Report(diag.ShortInterval, InMetrics(i, "interval"), fmt.Sprintf("a window of %d seconds holds too few samples to tell a rate from", n), "intervalSeconds: 60")
		}
	}
}

// parsesInterval reports whether Prometheus or the provider of a metric parses its interval.
func (r *Rollout) parsesInterval(m flagger.Metric) bool {
	t := r.template(m)
	return m.Interval != "" && (t != nil && metricProviders[t.Provider.Type].window || m.TemplateRef == nil && IsBuiltin(m.Name))
}

// checkSteps reports steps that Flagger never takes: it adds the difference to the next one, and
// where that is not more than nothing it stays (pkg/controller/scheduler.go, nextStepWeight).
func checkSteps(r *Rollout) {
	before := 0
	for i, weight := range r.Analysis.StepWeights {
		if weight <= before {
			r.Report(diag.StepsStandStill, inAnalysis("stepWeights", i),
				fmt.Sprintf("after %d%% of the traffic a step to %d%% moves nothing, and with good checks the rollout stays there for ever", before, weight), "let each step be more than the one before it, and the first more than 0")
			return
		}
		before = weight
	}
}

// checkMaxWeight reports steps that lead past maxWeight. Flagger adds a step while the weight is
// below maxWeight, and holds the sum to 100 only (pkg/controller/scheduler.go, runCanary).
func checkMaxWeight(r *Rollout) {
	a := &r.Analysis
	if a.MaxWeight <= 0 || len(a.StepWeights) > 0 {
		return
	}
	switch step, most := a.StepWeight, a.MaxWeight; {
	case step > most:
		r.Report(diag.StepTooLarge, inAnalysis("stepWeight"), fmt.Sprintf("the first step moves %d%% of the traffic, more than the maxWeight of %d%%", step, most), fmt.Sprintf("stepWeight: %d or less", most))
	case step > 0 && most%step != 0 && most < 100:
		last := min(most-most%step+step, 100)
		r.Report(diag.StepsOvershoot, inAnalysis("maxWeight"), fmt.Sprintf("steps of %d%% lead to %d%% of the traffic, past the maxWeight of %d%%", step, last, most),
			fmt.Sprintf("maxWeight: %d, or a stepWeight that divides %d", last, most))
	}
}

// checkReadinessTimeout reports that Flagger looks at a new version once. It looks whether
// it is ready with each check only, and gives up where it has been unavailable for longer
// than the deadline (pkg/canary/deployment_ready.go).
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
		fmt.Sprintf("a new version that is not ready within %d seconds is given up, and Flagger looks only every %d seconds", deadline, r.every()),
		fmt.Sprintf("rolloutTimeoutSeconds: %d or more", max(2*r.every(), defaultDeadline)))
}

// checkChecks reports that nothing stops a bad version.
func checkChecks(r *Rollout) {
	if r.SkipAnalysis || len(r.Analysis.Metrics) > 0 || slices.ContainsFunc(r.Analysis.Webhooks, decides) {
		return
	}
	message := "the rollout has no metrics and no webhooks, so nothing is checked and every version is promoted"
	if len(r.Analysis.Webhooks) > 0 {
		message = "the rollout has no metrics, and a webhook that always passes checks nothing, so every version is promoted"
	}
	r.Report(diag.NothingChecked, inAnalysis(), message, "metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]")
}

// checkWebhookTimeouts reports that the webhooks of a check may take longer than the
// interval (docs/gitbook/usage/webhooks.md).
func checkWebhookTimeouts(r *Rollout) {
	total := 0
	for _, w := range r.Analysis.Webhooks {
		if w.Kind() == flagger.RolloutHook && !(r.Plain && w.RunsTask() && !w.IsAwaited()) { // which a load tester answers at once
			total += int(w.CallTimeout() / time.Second)
		}
	}
	if total > r.every() {
		r.Report(diag.WebhookTimeouts, inAnalysis("webhooks"), fmt.Sprintf("with their timeouts the webhooks of one check may take %d seconds, and the next check is due after %d", total, r.every()),
			"give them less time, or set a longer checkIntervalSeconds")
	}
}

// A knownMetric is one that Flagger knows by itself.
type knownMetric struct {
	// unit of its values, of which most is the largest there is, or 0.
	unit string
	most float64
	// atLeast reports that large values are good: a threshold is then a min, and else a max.
	atLeast bool
	// positive reports that no value is 0.
	positive bool
	// suspect reports whether a threshold looks like one in another unit, for the reason why.
	suspect func(threshold float64) bool
	why     string
	// example of a range.
	example string
}

// knownMetrics are those of pkg/controller/scheduler_metrics.go.
var knownMetrics = map[string]knownMetric{
	"request-success-rate": {
		unit: "percent", most: 100, atLeast: true, example: "thresholdRange: {min: 99}",
		suspect: func(threshold float64) bool { return threshold > 0 && threshold <= 1 },
		why:     "request-success-rate is in percent, from 0 to 100: for %s one good request of a hundred is enough",
	},
	"request-duration": {
		unit: "milliseconds", positive: true, example: "thresholdRange: {max: 500}",
		suspect: func(threshold float64) bool { return threshold > 0 && threshold < 10 },
		why:     "request-duration is in milliseconds, and few requests take less than %s; are seconds meant?",
	},
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// checkThresholds reports ranges that hold no value of one of Flagger's metrics, or all of them.
func checkThresholds(r *Rollout) {
	for i, m := range r.Analysis.Metrics {
		name := r.Builtin(m)
		if known, ok := knownMetrics[name]; ok && m.ThresholdRange != nil {
			checkRange(r, i, name, known)
		}
	}
}

// checkRange reports the range of a metric that holds no value of it, or all of them.
func checkRange(r *Rollout, metric int, name string, known knownMetric) {
	at := InMetrics(metric, "thresholdRange")
	low, high := r.Analysis.Metrics[metric].ThresholdRange.Min, r.Analysis.Metrics[metric].ThresholdRange.Max
	say := func(code diag.Code, field schema.Path, message string) {
		r.Report(code, field, message, known.example)
	}
	switch {
	case low != nil && known.most > 0 && *low > known.most:
		say(diag.ThresholdNeverMet, at.With("min"), fmt.Sprintf("%s is in %s, and never as much as %s", name, known.unit, number(*low)))
	case high != nil && (*high < 0 || known.positive && *high == 0):
		say(diag.ThresholdNeverMet, at.With("max"), fmt.Sprintf("%s is in %s, and never as little as %s", name, known.unit, number(*high)))
	case known.atLeast && (low == nil || *low <= 0) && (low != nil || high != nil) && (high == nil || *high >= known.most),
		!known.atLeast && known.most > 0 && high != nil && *high >= known.most && (low == nil || *low <= 0):
		say(diag.NoThreshold, at, fmt.Sprintf("every %s is in the range, so every value of it is good", name))
	case known.atLeast && low == nil && high != nil && *high < known.most:
		say(diag.ThresholdSide, at.With("max"), fmt.Sprintf("with a max alone a %s of less than %s is good, and one of more is not", name, number(*high)))
	case !known.atLeast && high == nil && low != nil:
		say(diag.ThresholdSide, at.With("min"), fmt.Sprintf("with a min alone a %s of more than %s is good, and one of less is not", name, number(*low)))
	case known.atLeast && low != nil && known.suspect(*low):
		say(diag.ThresholdUnit, at.With("min"), fmt.Sprintf(known.why, number(*low)))
	case !known.atLeast && high != nil && known.suspect(*high):
		say(diag.ThresholdUnit, at.With("max"), fmt.Sprintf(known.why, number(*high)))
	}
}
