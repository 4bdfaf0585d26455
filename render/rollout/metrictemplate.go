package rollout

import (
	"cmp"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// metrics are what every check asks for, and the templates behind them. A template is named after
// its workload and its metric, so no two rollouts share one.
func (r *Rollout) metrics() ([]flagger.Metric, []manifest.Rendered) {
	var metrics []flagger.Metric
	var templates []manifest.Rendered
	seen := map[string]bool{}
	for i, m := range r.analysis().Metrics {
		name, spec, ok := r.template(m)
		metric := flagger.Metric{Name: name, Interval: Seconds(ptr.Deref(m.IntervalSeconds, defaultIntervalSeconds)), TemplateVariables: m.TemplateVariables}
		// Without a range Flagger would compare with 0. An empty one accepts
		// every value, as Kurator's API promises.
		metric.ThresholdRange = cmp.Or(m.ThresholdRange, &api.ThresholdRange{})
		if ok {
			metric.TemplateRef = &api.NamespacedReference{Name: r.metricTemplate(name), Namespace: r.Namespace}
		}
		metrics = append(metrics, metric)
		if !ok || seen[name] {
			continue // it needs none, or has it, which is reported
		}
		seen[name] = true
		templates = append(templates, manifest.Rendered{Object: &manifest.Object{
			APIVersion: manifest.FlaggerV1beta1, Kind: "MetricTemplate",
			Metadata: manifest.Metadata{Name: metric.TemplateRef.Name, Namespace: r.Namespace},
			Spec:     spec,
		}, Origin: r.Origin(inMetrics(i, "name")...)})
	}
	return metrics, templates
}

// metricTemplate is the name of the template behind a metric. A dot, which few of
// these names have, parts the two; where one has it, a hash of both is added.
func (r *Rollout) metricTemplate(metric string) string {
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

// template returns the name of a metric and what is behind it; ok is false for what
// Flagger answers by itself. A query in the place of Flagger's own needs another name: under
// that one Flagger runs its own check as well, against the same threshold
// (fluxcd/flagger pkg/controller/scheduler_metrics.go, runBuiltinMetricChecks).
func (r *Rollout) template(m api.Metric) (name string, spec flagger.MetricTemplate, ok bool) {
	name, query := m.Name, r.On.Query(r, m.Name)
	if query != "" || m.CustomMetric != nil && rules.IsBuiltin(name) {
		name += "-" + api.ProviderName(r.Provider())
	}
	if m.CustomMetric != nil {
		query = strings.TrimSuffix(m.CustomMetric.Query, "\n") + "\n"
		if m.CustomMetric.Provider.Type == "externalmetrics" {
			query = strings.TrimSpace(query) // it becomes a URL, which has no line breaks (pkg/metrics/providers/externalmetrics.go)
		}
		return name, flagger.MetricTemplate{Provider: m.CustomMetric.Provider, Query: query}, true
	}
	return name, flagger.MetricTemplate{Provider: api.MetricProvider{Type: "prometheus", Address: cmp.Or(r.MetricsServer, r.On.prometheus())}, Query: query}, query != ""
}
