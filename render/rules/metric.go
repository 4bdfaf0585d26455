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
		if first, ok := seen[m.Name]; ok && !r.Plain { // no MetricTemplate is named after the metric
			called := r.called(m)
			if r.called(r.Analysis.Metrics[first]) != called {
				called = m.Name
			}
			r.Report(diag.MetricTwice, at, fmt.Sprintf("the metric at %s is called %s as well", r.Source.Position(r.ID, spec(InMetrics(first, "name")...)), called), "give one of the two another name")
		}
		seen[m.Name] = i
		if IsBuiltin(m.Name) && (m.TemplateRef != nil || m.Query != "") {
			// pkg/controller/scheduler_metrics.go, runBuiltinMetricChecks
			r.Report(diag.OneThreshold, at, fmt.Sprintf("Flagger also asks its own query of %s, and compares both values with this threshold", m.Name), fmt.Sprintf("name: own-%s", m.Name))
		}
		if r.Plain && m.TemplateRef == nil && m.Query == "" && !IsBuiltin(m.Name) { // an Application's metric has a rule of its own
			// pkg/controller/scheduler_metrics.go, runMetricChecks
			r.Report(diag.UnknownMetric, at, fmt.Sprintf("%s is not one of Flagger's metrics, and there is no templateRef and no query behind it, so every check fails", m.Name), "templateRef: {name: …}, or name: request-success-rate or request-duration")
		}
		if m.TemplateRef != nil && m.Interval == "" && r.readsInterval(m) {
			// Flagger fills in nothing, and Prometheus refuses [] (pkg/controller/scheduler_metrics.go, runMetricChecks).
			r.Report(diag.NoMetricInterval, InMetrics(i, "interval"), fmt.Sprintf("the metric %s has no interval, so every check fails: there is nothing for {{ interval }} in its query", m.Name), "interval: 1m for the metric")
		}
		if ref := m.TemplateRef; ref != nil && len(ref.Name) > validation.DNS1123SubdomainMaxLength {
			r.Report(diag.NameTooLong, at, fmt.Sprintf("the MetricTemplate would have a name of %d characters, Kubernetes takes %d", len(ref.Name), validation.DNS1123SubdomainMaxLength), "give the metric a shorter name")
		}
		switch t := m.ThresholdRange; {
		case t == nil && m.Threshold != 0:
		case t == nil && m.Name != "request-success-rate":
			// pkg/controller/scheduler_metrics.go, runBuiltinMetricChecks and runMetricChecks
			r.Report(diag.ThresholdNeverMet, at, fmt.Sprintf("the metric %s has no thresholdRange; Flagger then compares with 0, and every larger value fails the check", r.called(m)), cmp.Or(knownMetrics[r.called(m)].example, "thresholdRange: {min: …}, or {max: …}"))
		case t == nil || t.Min == nil && t.Max == nil:
			name := r.called(m)
			if empty := InMetrics(i, "thresholdRange"); r.Has(empty...) {
				at = empty
			}
			r.Report(diag.NoThreshold, at, fmt.Sprintf("the metric %s has no threshold, so every value of it is good", name), cmp.Or(knownMetrics[name].example, "thresholdRange: {min: …}, or {max: …}"))
		}
	}
}

// readsInterval reports whether a metric's template or its provider reads the interval. Of a plain Canary's template that
// is not among the inputs nobody can tell.
func (r *Rollout) readsInterval(m flagger.Metric) bool {
	t := r.template(m)
	if t == nil {
		return !r.Plain
	}
	return metricProviders[t.Provider.Type].window || !r.Plain || strings.Contains(t.Query, "interval")
}

// IsBuiltin reports whether Flagger knows a metric of the name by itself.
func IsBuiltin(name string) bool { _, ok := knownMetrics[name]; return ok }
