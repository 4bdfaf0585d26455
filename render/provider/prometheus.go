package provider

import (
	"fmt"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
)

// The major versions of Prometheus' chart tested with the values of templates/charts.yaml, and the one that
// required other values (charts/prometheus/README.md, Upgrading).
const (
	prometheusFirst = 25
	// Since 28, the chart's own jobs are in the map scrapeConfigs, separate from
	// serverFiles."prometheus.yml".scrape_configs. Prometheus rejects two jobs with the same name.
	prometheusOwnJobs = 28
	prometheusLast    = 29
)

// prometheusJobs holds the names of the chart's own jobs (charts/prometheus/values.yaml, scrapeConfigs, the same
// from 28.0.0 to 29.27.0). They are removed, because rollouts need only the rendered jobs.
var prometheusJobs = []string{
	"prometheus", "kubernetes-api-servers", "kubernetes-nodes", "kubernetes-nodes-cadvisor",
	"kubernetes-service-endpoints", "kubernetes-service-endpoints-slow", "prometheus-pushgateway",
	"kubernetes-services", "kubernetes-pods", "kubernetes-pods-slow",
}

// prometheus returns the release of the Prometheus that discovers the sidecars of the Kuma in a namespace, with
// the values for its version.
func (b base) prometheus(kuma string, after ...*flux.Release) *flux.Release {
	chart := b.c.Settings.Charts["prometheus"]
	if kuma != kumaNamespace {
		asks := func(namespace string) string { return kumaControlPlane + "." + namespace + "." }
		chart.Values, _ = replaced(chart.Values, asks(kumaNamespace), asks(kuma)).(map[string]any)
	}
	if v, ok := settings.ParseMajor(chart.Version); !ok || v >= prometheusOwnJobs {
		off := map[string]any{}
		for _, job := range prometheusJobs {
			off[job] = map[string]any{"enabled": false}
		}
		chart.Values = settings.MergeValues(map[string]any{"scrapeConfigs": off}, chart.Values)
	}
	return &flux.Release{Name: "prometheus", Namespace: prometheusNamespace, Chart: chart, Origin: b.origin, DependsOn: after, Kept: b.kept("prometheus")}
}

// replaced returns a value in which every text has old replaced with new.
func replaced(value any, old, new string) any {
	switch v := value.(type) {
	case map[string]any:
		m := map[string]any{}
		for key, below := range v {
			m[key] = replaced(below, old, new)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, below := range v {
			list[i] = replaced(below, old, new)
		}
		return list
	case string:
		return strings.ReplaceAll(v, old, new)
	}
	return value
}

// checkPrometheus reports a version of Prometheus' chart with which the values were not tested.
func (b base) checkPrometheus() {
	chart := b.c.Settings.Charts["prometheus"]
	b.apply("prometheus", chart)
	v, ok := settings.ParseMajor(chart.Version)
	if ok && v >= prometheusFirst && v <= prometheusLast {
		return
	}
	at := schema.Path{"spec", "charts", "prometheus", "version"}
	if doc := b.c.RenderConfig; doc != nil && doc.Has(at...) {
		b.c.Add(doc.Diagnostic(diag.PrometheusUntried, at,
			fmt.Sprintf("the rendered values were tested only with versions %d to %d of the Prometheus chart; %q may need others", prometheusFirst, prometheusLast, chart.Version),
			fmt.Sprintf("version: %s, or a range of one major version, such as %d.x", settings.PinnedVersion("prometheus"), prometheusLast)))
	}
}

// prometheusAddress returns the address of the chart's Service, named as in templates/service.yaml and
// _helpers.tpl with the values of the settings.
func (b base) prometheusAddress() string {
	v := values{b, "prometheus", b.c.Settings.Charts["prometheus"]}
	get := func(path, otherwise string) string {
		if value, ok := v.get(path); ok && text(value) != "" {
			return text(value)
		}
		return otherwise
	}
	return fmt.Sprintf("http://%s.%s:%s%s", get("server.fullnameOverride", "prometheus-server"),
		get("forceNamespace", prometheusNamespace), get("server.service.servicePort", "80"), get("server.prefixURL", ""))
}

// checkBundled reports a metric queried from the Prometheus in Flagger's chart if the chart's values disable
// that Prometheus.
func (b base) checkBundled(r *rules.Rollout, at schema.Path, metric string) bool {
	p := b.renderedBy["flagger"]
	if p == nil || !b.installer.base(p).lacksBundled(r, r.On.Namespace) {
		return false
	}
	r.Report(diag.NothingMeasured, at, fmt.Sprintf("Flagger's chart installs no Prometheus%s, so every check of %s fails", r.On.Where("Prometheus"), metric),
		"extraArgs: {metricsServer: http://prometheus.monitoring:9090}, with the URL of yours")
	return true
}
