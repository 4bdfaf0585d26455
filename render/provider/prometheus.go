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

// The major versions of Prometheus' chart that were rendered with the values of
// templates/charts.yaml, and that in which they changed (charts/prometheus/README.md, Upgrading).
const (
	prometheusFirst = 25
	// From 28 on the chart's own jobs are in the map scrapeConfigs, beside
	// serverFiles."prometheus.yml".scrape_configs. Prometheus rejects two jobs of one name.
	prometheusOwnJobs = 28
	prometheusLast    = 29
)

// prometheusJobs are the chart's own jobs (charts/prometheus/values.yaml, scrapeConfigs, the same
// from 28.0.0 to 29.27.0). The rendered ones are all that is needed.
var prometheusJobs = []string{
	"prometheus", "kubernetes-api-servers", "kubernetes-nodes", "kubernetes-nodes-cadvisor",
	"kubernetes-service-endpoints", "kubernetes-service-endpoints-slow", "prometheus-pushgateway",
	"kubernetes-services", "kubernetes-pods", "kubernetes-pods-slow",
}

// prometheus returns the release of the Prometheus that finds the sidecars of the Kuma in a namespace, with
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

// replaced returns values with a text replaced in all texts.
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

// checkPrometheus reports a version of Prometheus' chart that nobody has tried the values with.
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
			fmt.Sprintf("the values for Prometheus were tried with its chart from %d to %d, and %q may be another", prometheusFirst, prometheusLast, chart.Version),
			fmt.Sprintf("version: %s, or a range of one major version, such as %d.x", settings.PinnedVersion("prometheus"), prometheusLast)))
	}
}

// prometheusAddress is that of the Service that the chart makes (templates/service.yaml and
// _helpers.tpl), as the settings' values name it.
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

// checkBundled reports a metric that is asked of the Prometheus in Flagger's chart, though the values have the chart
// install none.
func (b base) checkBundled(r *rules.Rollout, at schema.Path, metric string) bool {
	p := b.renderedBy["flagger"]
	if p == nil || !b.installer.base(p).lacksBundled(r, r.On.Namespace) {
		return false
	}
	r.Report(diag.NothingMeasured, at, fmt.Sprintf("Flagger's chart installs no Prometheus%s, so every check of %s fails", r.On.Where("Prometheus"), metric),
		"metricsServer: with the URL of yours, in extraArgs")
	return true
}
