package render

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A metricTemplateSpec is what Flagger asks, and whom.
type metricTemplateSpec struct {
	Provider api.MetricProvider `json:"provider"`
	Query    string             `json:"query"`
}

// metrics are what every check asks for, and the templates behind them. A
// template is named after its workload and its metric, so no two rollouts share
// one.
func (r *rollout) metrics() ([]canaryMetric, []manifest.Rendered) {
	var metrics []canaryMetric
	var templates []manifest.Rendered
	seen := map[string]bool{}
	for i, m := range r.analysis().Metrics {
		name, spec, ok := r.template(m)
		if seen[name] {
			continue // which is an error
		}
		seen[name] = true
		metric := canaryMetric{Name: name, Interval: seconds(or(m.IntervalSeconds, defaultIntervalSeconds)), TemplateVariables: m.TemplateVariables}
		// Without a range Flagger would compare with 0. An empty one accepts
		// every value, as Kurator's API promises.
		if m.ThresholdRange != nil {
			metric.ThresholdRange = *m.ThresholdRange
		}
		if ok {
			ref := api.NamespacedReference{Name: r.metricTemplate(name), Namespace: r.namespace}
			metric.TemplateRef = &ref
			templates = append(templates, manifest.Rendered{Object: &manifest.Object{
				APIVersion: manifest.FlaggerV1beta1, Kind: "MetricTemplate",
				Metadata: manifest.Metadata{Name: ref.Name, Namespace: ref.Namespace},
				Spec:     spec,
			}, Origin: r.origin(inMetrics(i, "name")...)})
		}
		metrics = append(metrics, metric)
	}
	return metrics, templates
}

// metricTemplate is the name of the template behind a metric. A dot, which few of
// these names have, parts the two; where one has it, a hash of both is added.
func (r *rollout) metricTemplate(metric string) string {
	name := r.Workload.Name + "." + metric
	if strings.Count(name, ".") > 1 {
		name += "-" + layout.Hash(r.Workload.Name+"/"+metric)
	}
	return name
}

// inMetrics is a field of one of the rollout's metrics.
func inMetrics(index int, field ...any) schema.Path {
	return schema.Path{"rolloutPolicy", "trafficAnalysis", "metrics", index}.With(field...)
}

// template is the name of a metric and what is behind it; ok is false for what
// Flagger answers by itself.
func (r *rollout) template(m api.Metric) (name string, spec metricTemplateSpec, ok bool) {
	name, query, ok := r.stack.query(r, m.Name)
	if !ok {
		name = m.Name
	}
	if m.CustomMetric != nil {
		query = m.CustomMetric.Query
		if !strings.HasSuffix(query, "\n") {
			query += "\n"
		}
		return name, metricTemplateSpec{m.CustomMetric.Provider, query}, true
	}
	return name, metricTemplateSpec{api.MetricProvider{Type: "prometheus", Address: cmp.Or(r.MetricsServer, r.stack.metricsServer())}, query}, ok
}

// metricsServer is the Prometheus that Flagger asks.
func (s *stack) metricsServer() string {
	address, _ := s.flagger.Chart.Values["metricsServer"].(string)
	return address
}

// checkMetrics says which metrics do not check what they seem to.
func (r *rollout) checkMetrics() {
	seen := map[string]int{}
	for i, m := range r.analysis().Metrics {
		at := inMetrics(i, "name")
		name, _, _ := r.template(m)
		if first, ok := seen[name]; ok {
			called := name
			if r.analysis().Metrics[first].Name == m.Name {
				called = m.Name
			}
			r.report(diag.MetricTwice, at, fmt.Sprintf("the metric at %s is called %s as well", r.origin(inMetrics(first, "name")...).Position(), called), "give one of the two another name")
		}
		seen[name] = i
		if template := r.metricTemplate(name); len(template) > validation.DNS1123SubdomainMaxLength {
			r.report(diag.NameTooLong, at, fmt.Sprintf("the MetricTemplate would have a name of %d characters, Kubernetes takes %d", len(template), validation.DNS1123SubdomainMaxLength), "give the metric a shorter name")
		}
		if t := m.ThresholdRange; t == nil || t.Min == nil && t.Max == nil {
			r.report(diag.NoThreshold, at, fmt.Sprintf("the metric %s has no threshold, so every value of it is good", m.Name), cmp.Or(knownMetrics[m.Name].example, "thresholdRange: {min: …}, or {max: …}"))
		}
	}
}
