package render

import (
	"fmt"
	"strconv"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema"
)

// The rules of this file are what Flagger's scheduler makes of an analysis. Each looks
// at one thing of one rollout; check calls them.

// shortestInterval is, in seconds, how often Flagger checks at most: it takes less for
// this.
const shortestInterval = int32(flagger.ShortestInterval / time.Second)

// inAnalysis is a field of trafficAnalysis.
func inAnalysis(field ...any) schema.Path {
	return schema.Path{"rolloutPolicy", "trafficAnalysis"}.With(field...)
}

// interval is how often Flagger checks, in seconds.
func (r *rollout) interval() int32 {
	return max(or(r.analysis().CheckIntervalSeconds, defaultIntervalSeconds), shortestInterval)
}

// checkIntervals says which intervals Flagger or Prometheus cannot keep.
func (r *rollout) checkIntervals() {
	if n := r.analysis().CheckIntervalSeconds; n != nil && *n < shortestInterval {
		r.report(diag.ShortInterval, inAnalysis("checkIntervalSeconds"), fmt.Sprintf("Flagger checks at most every %d seconds, not every %d", shortestInterval, *n), fmt.Sprintf("checkIntervalSeconds: %d or more", shortestInterval))
	}
	for i, m := range r.analysis().Metrics {
		if n := m.IntervalSeconds; n != nil && *n < shortestInterval {
			r.report(diag.ShortInterval, inMetrics(i, "intervalSeconds"), fmt.Sprintf("a window of %d seconds holds too few samples to tell a rate from", *n), "intervalSeconds: 60")
		}
	}
}

// checkSteps says which steps Flagger never takes: it adds the difference to the next
// one, and where that is not more than nothing it stays (pkg/controller/scheduler.go,
// nextStepWeight).
func (r *rollout) checkSteps() {
	s := r.routing().CanaryStrategy
	if s == nil {
		return
	}
	before := int32(0)
	for i, weight := range s.StepWeights {
		if weight <= before {
			r.report(diag.StepsStandStill, inRouting("canaryStrategy").With("stepWeights", i),
				fmt.Sprintf("after %d%% of the traffic a step to %d%% moves nothing, and with good checks the rollout stays there for ever", before, weight), "let each step be more than the one before it, and the first more than 0")
			return
		}
		before = weight
	}
}

// checkMaxWeight says where the steps lead past maxWeight, or do not see it. Flagger
// adds a step while the weight is below maxWeight, and holds the sum to 100 only
// (pkg/controller/scheduler.go, runCanary).
func (r *rollout) checkMaxWeight() {
	s := r.routing().CanaryStrategy
	if s == nil || s.MaxWeight <= 0 {
		return
	}
	at := inRouting("canaryStrategy")
	switch step, most := s.StepWeight, s.MaxWeight; {
	case len(s.StepWeights) > 0:
		r.report(diag.MaxWeightIgnored, at.With("maxWeight"), "Flagger ignores maxWeight beside stepWeights: the last of them is the largest", "remove the line")
	case step > most:
		r.report(diag.StepTooLarge, at.With("stepWeight"), fmt.Sprintf("the first step moves %d%% of the traffic, more than the maxWeight of %d%%", step, most), fmt.Sprintf("stepWeight: %d or less", most))
	case step > 0 && most%step != 0 && most < 100:
		last := min(most-most%step+step, 100)
		r.report(diag.StepsOvershoot, at.With("maxWeight"), fmt.Sprintf("steps of %d%% lead to %d%% of the traffic, past the maxWeight of %d%%", step, last, most),
			fmt.Sprintf("maxWeight: %d, or a stepWeight that divides %d", last, most))
	}
}

// checkThreshold says that Flagger reads a threshold of 0 as 1
// (pkg/apis/flagger/v1beta1/canary.go, GetAnalysisThreshold).
func (r *rollout) checkThreshold() {
	if n := r.analysis().CheckFailedTimes; n != nil && *n == 0 {
		r.report(diag.ZeroThreshold, inAnalysis("checkFailedTimes"), "Flagger takes 0 for 1: the first failed check undoes the rollout", "checkFailedTimes: 1 if that is meant, or more")
	}
}

// checkReadinessTimeout says that a new version gets one look. Flagger looks whether
// it is ready with each check only, and gives up where it has been unavailable for
// longer than the timeout (pkg/canary/deployment_ready.go).
func (r *rollout) checkReadinessTimeout() {
	n := r.RolloutPolicy.RolloutTimeoutSeconds
	if r.RolloutPolicy.SkipTrafficAnalysis || or(n, defaultTimeoutSeconds) >= r.interval() {
		return
	}
	at := schema.Path{"rolloutPolicy", "rolloutTimeoutSeconds"}
	if n == nil {
		at = inAnalysis("checkIntervalSeconds")
	}
	r.report(diag.ReadinessTimeout, at,
		fmt.Sprintf("a new version that is not ready within %d seconds is given up, and Flagger looks only every %d seconds", or(n, defaultTimeoutSeconds), r.interval()),
		fmt.Sprintf("rolloutTimeoutSeconds: %d or more", max(2*r.interval(), defaultTimeoutSeconds)))
}

// checkChecks says that nothing stops a bad version.
func (r *rollout) checkChecks() {
	if r.RolloutPolicy.SkipTrafficAnalysis || len(r.analysis().Metrics) > 0 {
		return
	}
	webhooks := r.webhooks()
	for _, w := range webhooks {
		if decides(w) {
			return
		}
	}
	message := "the rollout has no metrics and no webhooks, so nothing is checked and every version is promoted"
	if len(webhooks) > 0 {
		message = "the rollout has no metrics, and a webhook that always passes checks nothing, so every version is promoted"
	}
	r.report(diag.NothingChecked, inAnalysis(), message, "metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]")
}

// checkWebhookTimeouts says that the webhooks of a check may take longer than the
// interval (docs/gitbook/usage/webhooks.md).
func (r *rollout) checkWebhookTimeouts() {
	total := 0
	for _, w := range r.webhooks() {
		if w.Type == flagger.RolloutHook {
			total += int(w.CallTimeout() / time.Second)
		}
	}
	if total <= int(r.interval()) {
		return
	}
	at := inAnalysis("webhooks", "timeoutSeconds")
	if len(r.commands()) == 0 {
		at = schema.Path{"rolloutPolicy", "webhooks"}
	}
	r.report(diag.WebhookTimeouts, at, fmt.Sprintf("with their timeouts the webhooks of one check may take %d seconds, and the next check is due after %d", total, r.interval()),
		"give them less time, or set a longer checkIntervalSeconds")
}

// A knownMetric is one that Flagger knows by itself.
type knownMetric struct {
	// unit of its values.
	unit string
	// atLeast says whether large values are good: a threshold is then a min, and else
	// a max.
	atLeast bool
	// most is the largest value there is, or 0.
	most float64
	// suspect says why a threshold looks like one in another unit.
	suspect func(threshold float64) string
	// example of a range.
	example string
}

// knownMetrics are those of pkg/controller/scheduler_metrics.go.
var knownMetrics = map[string]knownMetric{
	"request-success-rate": {
		unit: "percent", atLeast: true, most: 100, example: "thresholdRange: {min: 99}",
		suspect: func(threshold float64) string {
			if threshold > 0 && threshold <= 1 {
				return fmt.Sprintf("request-success-rate is in percent, from 0 to 100: for %s one good request of a hundred is enough", number(threshold))
			}
			return ""
		},
	},
	"request-duration": {
		unit: "milliseconds", example: "thresholdRange: {max: 500}",
		suspect: func(threshold float64) string {
			if threshold > 0 && threshold < 10 {
				return fmt.Sprintf("request-duration is in milliseconds, and few requests take less than %s; are seconds meant?", number(threshold))
			}
			return ""
		},
	},
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// checkThresholds says which ranges no value of a metric of Flagger's is in, or all
// are.
func (r *rollout) checkThresholds() {
	for i, m := range r.analysis().Metrics {
		known, ok := knownMetrics[m.Name]
		if !ok || m.CustomMetric != nil || m.ThresholdRange == nil {
			continue
		}
		at := inMetrics(i, "thresholdRange")
		low, high := m.ThresholdRange.Min, m.ThresholdRange.Max
		say := func(code diag.Code, field schema.Path, message string) {
			r.report(code, field, message, known.example)
		}
		switch {
		case low != nil && known.most > 0 && *low > known.most:
			say(diag.ThresholdNeverMet, at.With("min"), fmt.Sprintf("%s is in %s, and never as much as %s", m.Name, known.unit, number(*low)))
		case high != nil && (*high < 0 || !known.atLeast && *high == 0):
			say(diag.ThresholdNeverMet, at.With("max"), fmt.Sprintf("%s is in %s, and never as little as %s", m.Name, known.unit, number(*high)))
		case known.atLeast && (low == nil || *low <= 0) && (low != nil || high != nil) && (high == nil || *high >= known.most):
			say(diag.NoThreshold, at, fmt.Sprintf("every %s is in the range, so every value of it is good", m.Name))
		case known.atLeast && low == nil && high != nil && *high < known.most:
			say(diag.ThresholdSide, at.With("max"), fmt.Sprintf("with a max alone a %s of less than %s is good, and one of more is not", m.Name, number(*high)))
		case !known.atLeast && high == nil && low != nil:
			say(diag.ThresholdSide, at.With("min"), fmt.Sprintf("with a min alone a %s of more than %s is good, and one of less is not", m.Name, number(*low)))
		case known.atLeast && low != nil && known.suspect(*low) != "":
			say(diag.ThresholdUnit, at.With("min"), known.suspect(*low))
		case !known.atLeast && high != nil && known.suspect(*high) != "":
			say(diag.ThresholdUnit, at.With("max"), known.suspect(*high))
		}
	}
}
