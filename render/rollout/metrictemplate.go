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

// metrics returns the metrics of the checks, and their templates. A template is named after the workload and the
// metric, so that no two rollouts share one.
func (r *Rollout) metrics() ([]flagger.Metric, []manifest.Rendered) {
	var metrics []flagger.Metric
	var templates []manifest.Rendered
	seen := map[string]bool{}
	for i, m := range r.analysis().Metrics {
		name, spec, ok := r.template(m)
		metric := flagger.Metric{Name: name, Interval: Seconds(ptr.Deref(m.IntervalSeconds, defaultIntervalSeconds)), TemplateVariables: m.TemplateVariables}
		// Without a range, Flagger would compare with 0. An empty range accepts every value, as Kurator's API
		// documents.
		metric.ThresholdRange = cmp.Or(m.ThresholdRange, &api.ThresholdRange{})
		if ok {
			metric.TemplateRef = &api.NamespacedReference{Name: r.metricTemplate(name), Namespace: r.Namespace}
		}
		metrics = append(metrics, metric)
		if !ok || seen[name] {
			continue // needs no template, or repeats a metric, which is reported
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

// metricTemplate returns the name of a metric's template. A dot, which is rare in both names, separates them; if
// one of them contains a dot, a hash of both is appended.
func (r *Rollout) metricTemplate(metric string) string {
	name := r.Workload.Name + "." + metric
	if strings.Count(name, ".") > 1 {
		name += "-" + layout.Hash(r.Workload.Name+"/"+metric)
	}
	return name
}

// inMetrics returns the path of a field of a metric.
func inMetrics(index int, field ...any) schema.Path {
	return schema.Path{"rolloutPolicy", "trafficAnalysis", "metrics", index}.With(field...)
}

// template returns the name and the template of a metric, and false if Flagger needs no template. A query that
// replaces a built-in one needs another name: under the built-in name, Flagger also runs its own check, with the
// same threshold (fluxcd/flagger pkg/controller/scheduler_metrics.go, runBuiltinMetricChecks).
func (r *Rollout) template(m api.Metric) (name string, spec flagger.MetricTemplate, ok bool) {
	name, query := m.Name, r.On.Query(r, m.Name)
	if query != "" || m.CustomMetric != nil && rules.IsBuiltin(name) {
		name += "-" + api.ProviderName(r.Provider())
	}
	if m.CustomMetric != nil {
		query = strings.TrimSuffix(m.CustomMetric.Query, "\n") + "\n"
		if m.CustomMetric.Provider.Type == "externalmetrics" {
			query = strings.TrimSpace(query) // it becomes a URL, which must not contain line breaks (pkg/metrics/providers/externalmetrics.go)
		}
		return name, flagger.MetricTemplate{Provider: m.CustomMetric.Provider, Query: query}, true
	}
	return name, flagger.MetricTemplate{Provider: api.MetricProvider{Type: "prometheus", Address: cmp.Or(r.MetricsServer, r.On.prometheus())}, Query: query}, query != ""
}
