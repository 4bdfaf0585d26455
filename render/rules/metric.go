package rules

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
)

// checkMetrics reports metrics that do not check what they seem to.
func checkMetrics(r *Rollout) {
	seen := map[string]int{}
	for i, m := range r.Analysis.Metrics {
		at := InMetrics(i, "name")
		if first, ok := seen[m.Name]; ok && !r.Plain { // a plain Canary's MetricTemplates are not named after its metrics
			called := r.called(m)
			if r.called(r.Analysis.Metrics[first]) != called {
				called = m.Name
			}
			r.Report(diag.MetricTwice, at, fmt.Sprintf("the metric at %s is also called %s, so only one of their queries would count", r.Source.Position(r.ID, spec(InMetrics(first, "name")...)), called), "rename one of the two metrics")
		}
		seen[m.Name] = i
		if IsBuiltin(m.Name) && (m.TemplateRef != nil || m.Query != "") {
			// pkg/controller/scheduler_metrics.go, runBuiltinMetricChecks
			r.Report(diag.OneThreshold, at, fmt.Sprintf("metric %s has the name of a built-in query: Flagger runs both, and compares both values with this threshold", m.Name), fmt.Sprintf("name: own-%s", m.Name))
		}
		if r.Plain && m.TemplateRef == nil && m.Query == "" && !IsBuiltin(m.Name) { // an Application's metrics have their own rule
			// pkg/controller/scheduler_metrics.go, runMetricChecks
			r.Report(diag.UnknownMetric, at, fmt.Sprintf("%s is not a built-in metric and has no templateRef or query, so every check fails", m.Name), "templateRef: {name: …}, or name: request-success-rate or request-duration")
		}
		if m.TemplateRef != nil && m.Interval == "" && r.readsInterval(m) {
			// Flagger fills in nothing, and Prometheus rejects [] (pkg/controller/scheduler_metrics.go,
			// runMetricChecks).
			r.Report(diag.NoMetricInterval, InMetrics(i, "interval"), fmt.Sprintf("metric %s has no interval, so {{ interval }} in its query is empty and every check fails", m.Name), "interval: 1m")
		}
		if ref := m.TemplateRef; ref != nil && len(ref.Name) > validation.DNS1123SubdomainMaxLength {
			r.Report(diag.NameTooLong, at, fmt.Sprintf("the MetricTemplate would have a name of %d characters; Kubernetes allows %d", len(ref.Name), validation.DNS1123SubdomainMaxLength), "give the metric a shorter name")
		}
		switch t := m.ThresholdRange; {
		case t == nil && m.Threshold != 0:
		case t == nil && m.Name != "request-success-rate":
			// pkg/controller/scheduler_metrics.go, runBuiltinMetricChecks and runMetricChecks
			r.Report(diag.ThresholdNeverMet, at, fmt.Sprintf("metric %s has no thresholdRange, so every value above 0 fails the check", r.called(m)), cmp.Or(knownMetrics[r.called(m)].example, "thresholdRange: {min: …}, or {max: …}"))
		case t == nil || t.Min == nil && t.Max == nil:
			name := r.called(m)
			if empty := InMetrics(i, "thresholdRange"); r.Has(empty...) {
				at = empty
			}
			r.Report(diag.NoThreshold, at, fmt.Sprintf("metric %s has no threshold, so every value passes", name), cmp.Or(knownMetrics[name].example, "thresholdRange: {min: …}, or {max: …}"))
		}
	}
}

// readsInterval reports whether a metric's template or provider reads the interval. It returns false for a plain
// Canary's template that is not among the inputs.
func (r *Rollout) readsInterval(m flagger.Metric) bool {
	t := r.template(m)
	if t == nil {
		return !r.Plain
	}
	return metricProviders[t.Provider.Type].window || !r.Plain || strings.Contains(t.Query, "interval")
}

// IsBuiltin reports whether Flagger has a built-in metric of the name.
func IsBuiltin(name string) bool { _, ok := knownMetrics[name]; return ok }
