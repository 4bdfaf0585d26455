package render_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/schema"
)

// on returns a rollout whose metric queries a provider.
func on(provider, query string) []schema.File {
	return measured(`{name: m, thresholdRange: {max: 1}, customMetric: {provider: ` + provider + `, query: ` + strconv.Quote(query) + `}}`)
}

// withoutNotes returns codes without the note about Secrets that a cluster needs.
func withoutNotes(codes string) string {
	return strings.TrimSpace(strings.ReplaceAll(codes, "FW514", ""))
}

// ranged returns a rollout that queries Prometheus and compares with a range.
func ranged(t *testing.T, thresholdRange, query string) []schema.File {
	return edit(t, asked(query), "x.yaml", "{max: 1}", thresholdRange)
}

// TestProviderQueries checks queries as Flagger and the provider read them (pkg/metrics/providers).
func TestProviderQueries(t *testing.T) {
	const (
		cloudWatch = "{type: cloudwatch, region: eu-central-1}"
		newRelic   = "{type: newrelic, secretRef: {name: a}}"
		graphite   = "{type: graphite, address: http://g}"
		influx     = "{type: influxdb, address: http://i}"
		splunk     = "{type: splunk, address: https://api.us1.signalfx.com, secretRef: {name: a}}"
		keptn      = "{type: keptn}"
		external   = "{type: externalmetrics}"
		stat       = `{"Id": "m1", "MetricStat": {"Metric": {"Namespace": "AWS/SQS", "MetricName": "x"}, "Period": 60, "Stat": "Sum"}}`
	)
	for _, tt := range []struct{ name, provider, query, want string }{
		{"a list of CloudWatch queries", cloudWatch, "[" + stat + `, {"id": "e1", "expression": "m1 / 2"}]`, ""},
		{"one CloudWatch query", cloudWatch, stat, "FW349"},
		{"only a CloudWatch expression", cloudWatch, "SELECT AVG(x) FROM y", "FW349"},
		{"no CloudWatch query", cloudWatch, "[]", "FW349"},
		{"a CloudWatch query without an Id", cloudWatch, `[{"Expression": "m1"}]`, "FW349"},
		{"a CloudWatch period in words", cloudWatch, strings.Replace("["+stat+"]", "60", `"60"`, 1), "FW349"},
		{"a CloudWatch query without a period", cloudWatch, strings.Replace("["+stat+"]", `"Period": 60, `, "", 1), "FW349"},

		{"NRQL", newRelic, "SELECT percentage(count(*), WHERE error IS true) FROM Transaction WHERE name = 'since {{ target }}' LIMIT 1", ""},
		{"NRQL that begins with FROM", newRelic, "FROM Transaction SELECT count(*)", ""},
		{"NRQL since", newRelic, "select count(*) from Transaction since 1 hour ago", "FW349"},
		{"NRQL by time", newRelic, "SELECT count(*) FROM Transaction TIMESERIES 1 minute", "FW349"},
		{"NRQL by host", newRelic, "SELECT count(*) FROM Transaction FACET host", "FW349"},
		{"NRQL of two weeks", newRelic, "SELECT count(*) FROM Transaction COMPARE WITH 1 week ago", "FW349"},
		{"PromQL for New Relic", newRelic, "sum(x)", "FW349"},
		{"a field with a name like a clause", newRelic, "SELECT max(`since`) FROM Transaction WHERE facets = 1", ""},

		{"a target", graphite, "target=stats.{{ target }}.a&from=-5min", ""},
		{"a target on lines", graphite, "target=summarize(\n  stats.{{ target }}.a,\n  '{{ interval }}'\n)\n", ""},
		{"a target after other arguments", graphite, "from=-5min&target=a", ""},
		{"no target", graphite, "sumSeries(stats.{{ target }}.a)", "FW349"},
		{"an empty target", graphite, "target=", "FW349"},
		{"a target in capitals", graphite, "Target=a", "FW349"},
		{"a target after a #", graphite, "#target=a", "FW349"},
		{"a target with a ;", graphite, "target=seriesByTag('name=a;b')", "FW349"},

		{"Flux", influx, "from(bucket: \"a\") |> range(start: -1m) |> count()", ""},
		{"Flux of no bucket", influx, "import \"sql\"\nsql.from(driverName: \"postgres\", query: \"SELECT 1\") |> range(start: -1m)", ""},
		{"Flux without bounds", influx, "from(bucket: \"range(\") |> last()", "FW349"},
		{"InfluxQL", influx, "SELECT mean(x) FROM y", "FW349"},

		{"a program", splunk, "data('a').sum().publish()", ""},
		{"a program that publishes nothing", splunk, "A = data('publish(').sum()", "FW349"},

		{"a KeptnMetric", keptn, "keptnmetric/web/response-time/2m/a=b\n", ""},
		{"an Analysis", keptn, "Analysis/{{ namespace }}/{{ target }}/{{ interval }}", ""},
		{"a KeptnMetric without a namespace", keptn, "keptnmetric/response-time", "FW349"},
		{"another kind for Keptn", keptn, "metric/web/response-time", "FW349"},

		{"an external metric", external, "{{ namespace }}/queue?labelSelector=app%3D{{ target }}", ""},
		{"an external metric on a line", external, "queue\n", ""},
		{"an external metric of Datadog", external, "datadogmetric@web:queue", ""},
		{"an external metric on two lines", external, "queue\n?labelSelector=a", "FW349"},
		{"an external metric too deep", external, "a/b/c", "FW349"},
		{"an external metric without a name", external, "web/", "FW349"},
		{"a broken selector of an external metric", external, "queue?labelSelector=a%3D%3D%3Db", "FW349"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := withoutNotes(codesAt(on(tt.provider, tt.query), "trafficAnalysis.metrics[0]")); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestProviderAddresses checks addresses to which Flagger appends the path of the API.
func TestProviderAddresses(t *testing.T) {
	for provider, want := range map[string]string{
		"{type: prometheus, address: http://p:9090/api/v1/query}":                                                  "FW344",
		"{type: prometheus, address: http://p:9090/api/v1/query_range/}":                                           "FW344",
		"{type: prometheus, address: http://p:9090/prometheus/api/v1}":                                             "FW344",
		"{type: prometheus, address: 'http://p:9090/graph?g0.expr=x'}":                                             "FW344",
		"{type: prometheus, address: http://p:9090/}":                                                              "",
		"{type: prometheus, address: http://p:9090/select/0/prometheus}":                                           "",
		"{type: prometheus, address: 'https://k/api/v1/namespaces/monitoring/services/prometheus:9090/proxy'}":     "",
		"{type: graphite, address: http://g/render}":                                                               "FW344",
		"{type: influxdb, address: http://i/api/v2/query}":                                                         "FW344",
		"{type: datadog, address: https://api.datadoghq.eu/api/v1/query, secretRef: {name: a}}":                    "FW344",
		"{type: dynatrace, address: https://a.live.dynatrace.com/api/v2, secretRef: {name: a}}":                    "FW344",
		"{type: dynatrace, address: https://host/e/abc, secretRef: {name: a}}":                                     "",
		"{type: splunk, address: 'wss://stream.us1.signalfx.com', secretRef: {name: a}}":                           "",
		"{type: splunk, address: 'wss://stream.us1.signalfx.com/v2/signalflow', secretRef: {name: a}}":             "FW344",
		"{type: externalmetrics, address: 'datadog-cluster-agent-metrics-server:8443'}":                            "",
		"{type: prometheus, address: http://kuma-system-flagger-eu-prometheus.kuma-system:9090}":                   "FW348",
		"{type: prometheus, address: http://kuma-system-flagger-eu-prometheus.kuma-system.svc:9090}":               "FW348",
		"{type: prometheus, address: http://flagger-eu-prometheus.kuma-system:9090}":                               "",
		"{type: prometheus, address: http://shop-flagger-eu-prometheus.shop:9090}":                                 "",
		"{type: keptn, address: http://k}":                                                                         "FW386",
		"{type: datadog, secretRef: {name: a}, headers: {a: [b]}}":                                                 "FW386",
		"{type: cloudwatch, region: eu-central-1, secretRef: {name: a}}":                                           "FW386",
		"{type: prometheus, address: http://p, headers: {a: [b]}, secretRef: {name: a}, insecureSkipVerify: true}": "",
	} {
		if got := withoutNotes(codesAt(on(provider, `sum(x{app="web"})`), "trafficAnalysis.metrics[0].customMetric.provider")); got != want {
			t.Errorf("%s: got %q, want %q", provider, got, want)
		}
	}
}

// TestAnswersOfPrometheus checks the results that Flagger can compare (pkg/metrics/providers/prometheus.go).
func TestAnswersOfPrometheus(t *testing.T) {
	const ok, failed, all = `sum(rate(r{app="web",code!~"5.."}[1m]))`, `sum(rate(r{app="web",code=~"5.."}[1m]))`, `sum(rate(r{app="web"}[1m]))`
	for _, tt := range []struct{ name, threshold, query, want string }{
		{"a success rate", "{min: 99}", ok + "/" + all + "*100", ""},
		{"errors", "{max: 1}", failed, "FW346"},
		{"an error ratio", "{max: 1}", failed + "/" + all + "*100", "FW346"},
		{"an error ratio from 1", "{min: 0.99}", "1 - " + failed + "/" + all, "FW346"},
		{"an error ratio, multiplied before", "{max: 1}", "100 * " + failed + "/" + all, "FW346"},
		{"an error ratio of scalars", "{max: 1}", "vector(100 * scalar(" + failed + ") / scalar(" + all + "))", "FW346"},
		{"one of errors and timeouts", "{max: 1}", failed + ` + sum(rate(timeouts{app="web"}[1m]))`, "FW346"},
		{"errors by exclusion", "{max: 1}", `sum(rate(r{app="web",status!="200"}[1m]))`, "FW346"},
		{"errors by class", "{max: 1}", `sum(rate(r{app="web",envoy_response_code_class="5"}[1m]))`, "FW346"},
		{"errors by word", "{max: 1}", `sum(rate(r{app="web",outcome="SERVER_ERROR"}[1m]))`, "FW346"},
		{"errors of gRPC", "{max: 1}", `sum(rate(r{app="web",grpc_response_status=~"[1-9].*"}[1m]))`, "FW346"},
		{"a zero for no series", "{max: 1}", "(" + failed + " or on() vector(0)) / " + all + " * 100", ""},
		{"a zero after the ratio", "{max: 1}", failed + "/" + all + " or vector(0)", ""},
		{"all for no errors", "{max: 1}", "(" + failed + " or " + all + " * 0) / " + all + " * 100", ""},
		{"errors as the rest of all", "{max: 1}", "100 - " + ok + "/" + all + "*100", ""},
		{"errors that are absent", "{min: 1}", `absent(r{app="web",code=~"5.."})`, ""},
		{"clients' errors", "{max: 1}", `sum(rate(r{app="web",code="404"}[1m])) / ` + all, ""},
		{"errors by name", "{max: 1}", `sum(rate(errors_total{app="web"}[1m])) / ` + all, ""},
		{"errors initialized with zero", "{max: 1}", `sum(rate(grpc_server_handled_total{app="web",grpc_code!="OK"}[1m]))`, ""},

		{"a comparison that drops the good", "{max: 1}", all + " > 5", "FW346"},
		{"a comparison without filtering", "{min: 1}", ok + "/" + all + " > 0.99", "FW346"},
		{"a comparison with the number first", "{max: 1}", "5 < " + all, "FW346"},
		{"a comparison that keeps only good values", "{max: 10}", all + " < 5", "FW346"},
		{"not zero", "{max: 1}", `sum(x{app="web"}) != 0`, "FW346"},
		{"a comparison with bool", "{min: 1}", ok + "/" + all + " > bool 0.99", ""},
		{"a comparison with the same number", "{min: 0.99}", ok + "/" + all + " > 0.99", ""},
		{"a comparison in the middle", "{max: 1}", all + " > 5 or vector(0)", ""},
		{"a comparison below", "{min: 1}", `count(up{app="web"} == 1)`, ""},
		{"no division by zero", "{min: 99}", ok + "/ (" + all + " > 0) * 100", ""},

		{"pods", "{max: 1}", `sum by (pod) (rate(x{app="web"}[1m]))`, "FW345"},
		{"pods of both sides", "{max: 1}", `sum by (pod) (x{app="web"}) / sum by (pod) (y{app="web"})`, "FW345"},
		{"pods of one side", "{max: 1}", `sum by (pod) (x{app="web"}) / on() group_left() sum(y{app="web"})`, "FW345"},
		{"codes", "{max: 1}", `sum by (code) (x{app="web"})`, "FW345"},
		{"all but pods", "{max: 1}", `sum without (pod) (rate(http_requests_total{app="web"}[1m]))`, "FW345"},
		{"no aggregation", "{max: 1}", `rate(http_requests_total{app="web"}[1m])`, "FW345"},
		{"no aggregation of pods", "{max: 1}", `rate(x{pod=~"web-[0-9a-z]+-[0-9a-z]+"}[1m])`, "FW345"},
		{"buckets", "{max: 1}", `sum by (le) (rate(x_bucket{app="web"}[1m]))`, "FW345"},
		{"a histogram of pods", "{max: 1}", `histogram_quantile(0.9, sum by (le, pod) (rate(x_bucket{app="web"}[1m])))`, "FW345"},
		{"the three worst", "{max: 1}", `topk(3, sum by (path) (rate(x{app="web"}[1m])))`, "FW345"},
		{"the worst", "{max: 1}", `topk(1, sum by (path) (rate(x{app="web"}[1m])))`, ""},
		{"the worst pod", "{max: 1}", `max(sum by (pod) (rate(x{app="web"}[1m])))`, ""},
		{"one code", "{max: 1}", `sum by (code) (x{app="web",code="404"})`, ""},
		{"one workload", "{max: 1}", `sum by (app) (x{app="web"})`, ""},
		{"a gauge", "{max: 1}", `queue_length{app="web"}`, ""},
		{"a histogram", "{max: 1}", `histogram_quantile(0.9, sum by (le) (rate(x_bucket{app="web"}[1m])))`, ""},
		{"pods divided by one series", "{max: 1}", `sum(x{app="web"}) / count(count by (pod) (y{app="web"}))`, ""},

		{"a histogram without buckets", "{max: 1}", `histogram_quantile(0.9, sum(rate(x_bucket{app="web"}[1m])))`, "FW347"},
		{"a histogram of something else", "{max: 1}", `histogram_quantile(0.9, sum by (pod) (rate(x_bucket{app="web"}[1m])))`, "FW347"},
		{"a histogram without le", "{max: 1}", `max(histogram_quantile(0.9, sum without (le) (rate(x_bucket{app="web"}[1m]))))`, "FW347"},
		{"a native histogram", "{max: 1}", `histogram_quantile(0.9, sum(rate(x{app="web"}[1m])))`, ""},
		{"a histogram with le last", "{max: 1}", `histogram_quantile(0.9, sum(rate(x_bucket{app="web"}[1m])) by (le))`, ""},

		{"the primary's pods as well", "{max: 1}", `sum(rate(x{pod=~"web-.*"}[1m]))`, "FW342"},
		{"the primary's workload as well", "{max: 1}", `sum(rate(x{destination_workload=~"web.*"}[1m]))`, "FW342"},
		{"the primary's Service as well", "{max: 1}", `sum(rate(x{destination_service=~"{{ service }}-.+"}[1m]))`, "FW342"},
		{"the primary's pods, but not these", "{max: 1}", `sum(rate(x{pod=~"web-.*",pod!~"web-primary-.*"}[1m]))`, ""},
		{"the new version's pods", "{max: 1}", `sum(rate(x{pod=~"web-[0-9a-z]+-[0-9a-z]+"}[1m]))`, ""},
		{"the new version divided by all", "{max: 1}", `sum(rate(x{app="web"}[1m])) / sum(rate(x{app=~"web.*"}[1m]))`, ""},
		{"the primary's pods in the namespace of the same name", "{max: 1}", `sum(rate(x{namespace="web",pod=~"web-.*"}[1m]))`, "FW342"},
		{"namespaces that begin like the workload", "{max: 1}", `sum(rate(x{namespace=~"web.*",app="web"}[1m]))`, ""},
		{"the primary", "{max: 1}", `sum(rate(x{pod=~"web-primary-.*"}[1m])) - sum(rate(x{pod=~"web-[0-9a-z]+-[0-9a-z]+"}[1m]))`, ""},

		{"a max of successes", "{max: 99}", ok + "/" + all + "*100", "FW339"},
		{"a min of errors", "{min: 1}", "100 - " + ok + "/" + all + "*100", "FW339"},
		{"percent of a ratio", "{min: 99}", ok + "/" + all, "FW337"},
		{"a ratio of percent", "{min: 0.99}", ok + "/" + all + " * 100", "FW338"},
		{"all errors", "{max: 1}", "1 - " + ok + "/" + all, "FW306"},
		{"no errors", "{max: 0}", "1 - " + ok + "/" + all, ""},
		{"a max of something else", "{max: 99}", ok + `/ sum(rate(other{app="web"}[1m])) * 100`, ""},
		{"a ratio with a percent threshold", "{max: 99}", "100 * " + ok + "/" + all, "FW339"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := codesAt(ranged(t, tt.threshold, tt.query), "trafficAnalysis.metrics[0]"); got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.query, got, tt.want)
			}
		})
	}
}

// labelled returns a rollout on nginx that queries the Prometheus of Flagger's chart.
func labelled(address, query string) []schema.File {
	return rolledOut("nginx", `
      rolloutPolicy:
        trafficRouting: {host: web.example.com, canaryStrategy: {stepWeight: 10}}
        trafficAnalysis:
          metrics: [{name: m, thresholdRange: {max: 1}, customMetric: {provider: {type: prometheus, address: "`+address+`"}, query: `+strconv.Quote(query)+`}}]
`)
}

// TestLabelsOfFlaggersPrometheus checks the labels of the Prometheus in Flagger's chart on nginx
// (charts/flagger/templates/prometheus.yaml), also in hints.
func TestLabelsOfFlaggersPrometheus(t *testing.T) {
	const bundled, other = "http://flagger-prometheus.ingress-nginx:9090", "http://prometheus.monitoring:9090"
	for _, tt := range []struct{ name, address, query, want string }{
		{"another setup's labels", bundled, `sum(x{namespace="{{ namespace }}",pod=~"{{ target }}-[0-9a-z]+-[0-9a-z]+"})`, "FW384"},
		{"only another setup's label of the pod", bundled, `sum(x{pod=~"{{ target }}-[0-9a-z]+-[0-9a-z]+"})`, "FW384"},
		{"its own labels", bundled, `sum(x{kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"{{ target }}-[0-9a-z]+-[0-9a-z]+"})`, ""},
		{"labels of the pods", bundled, `sum(x{app="{{ target }}"})`, ""},
		{"the controller's own labels", bundled, `sum(nginx_ingress_controller_requests{namespace="{{ namespace }}",ingress="{{ ingress }}"})`, ""},
		{"the kubelet's labels", bundled, `sum(container_memory_rss{namespace="{{ namespace }}",pod=~"{{ target }}-[0-9a-z]+-[0-9a-z]+"})`, ""},
		{"no label", bundled, `sum(x{app="{{ target }}",namespace!="kube-system"})`, ""},
		{"another Prometheus", other, `sum(x{namespace="{{ namespace }}",pod=~"{{ target }}-[0-9a-z]+-[0-9a-z]+"})`, ""},
		{"Kurator's Prometheus", "http://ingress-nginx-flagger-one-prometheus.ingress-nginx:9090", `sum(x{namespace="{{ namespace }}",app="{{ target }}"})`, "FW348 FW384"},
		{"no selector", bundled, `sum(x)`, "FW342"},
		{"no selector elsewhere", other, `sum(x)`, "FW342"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := codesAt(labelled(tt.address, tt.query), "trafficAnalysis.metrics[0]"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			for _, d := range diagnostics(labelled(tt.address, tt.query)) {
				if d.Code != "FW342" && d.Code != "FW384" || strings.Contains(tt.want, "FW348") {
					continue
				}
				if got := codesAt(labelled(tt.address, "sum("+d.Hint+")"), "trafficAnalysis.metrics[0]"); got != "" {
					t.Errorf("the hint %s is pasted, and draws %s", d.Hint, got)
				}
			}
		})
	}
}

// TestGRPCIsNotJudgedByHTTP checks that a built-in metric is reported for gRPC if sidecars count gRPC statuses
// and no other metric does.
func TestGRPCIsNotJudgedByHTTP(t *testing.T) {
	const builtin = "{name: request-success-rate, thresholdRange: {min: 99}}"
	own := func(query string) string {
		return `{name: m, thresholdRange: {min: 99}, customMetric: {provider: {type: prometheus, address: "http://p"}, query: ` + strconv.Quote(query) + `}}`
	}
	http := own(`sum(rate(istio_requests_total{destination_workload="{{ target }}",response_code!~"5.*"}[1m])) / sum(rate(istio_requests_total{destination_workload="{{ target }}"}[1m])) * 100`)
	for _, tt := range []struct {
		name, port, metrics string
		want                bool
	}{
		{"by appProtocol", "appProtocol: grpc", builtin, true},
		{"by the port's name", "portName: grpc-api", builtin, true},
		{"by a custom query", "appProtocol: grpc", http, true},
		{"HTTP", "appProtocol: http", builtin, false},
		{"gRPC-Web", "portName: grpc-web", builtin, false},
		{"durations", "appProtocol: grpc", "{name: request-duration, thresholdRange: {max: 500}}", false},
		{"with the status of gRPC", "appProtocol: grpc", builtin + ", " + own(`sum(rate(grpc_server_handled_total{app="{{ target }}",grpc_code="OK"}[1m]))`), false},
		{"a metric of the application", "appProtocol: grpc", own(`sum(x{app="{{ target }}"})`), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := rolledOut("istio", "      "+tt.port+`
      rolloutPolicy:
        trafficRouting: {canaryStrategy: {stepWeight: 10}}
        trafficAnalysis:
          metrics: [`+tt.metrics+`]
`)
			if got := strings.Contains(codesAt(files, "trafficAnalysis.metrics[0]"), "FW383"); got != tt.want {
				t.Errorf("reported: %v, want %v", got, tt.want)
			}
		})
	}
}

// TestMetricsServersAreAsked checks metricsServer like the addresses of metrics.
func TestMetricsServersAreAsked(t *testing.T) {
	for address, want := range map[string]string{
		"http://p:9090/api/v1/query": "FW344", "http://p:9090": "", "http://istio-system-flagger-one-prometheus.istio-system:9090": "FW348",
	} {
		files := rolledOut("istio", `
      metricsServer: `+address+`
      rolloutPolicy:
        trafficRouting: {canaryStrategy: {stepWeight: 10}}
        trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
`)
		var got []string
		for _, d := range diagnostics(files) {
			if strings.HasSuffix(d.Path, "rollout.metricsServer") {
				got = append(got, string(d.Code))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
	fleet := edit(t, rolledOut("istio", `
      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}
`), "fleet.yaml", "publicTestloader: true,", "publicTestloader: true, extraArgs: {metricsServer: 'http://p:9090/api/v1'},")
	wantDiagnostic(t, fleet, "fleet.yaml:7:73: error FW344")
}

// TestPatchedProvidersAreJudged checks providers as patched.
func TestPatchedProvidersAreJudged(t *testing.T) {
	const metric = "{name: m, thresholdRange: {max: 1}, customMetric: {provider: {type: prometheus%s}, query: 'sum(x{app=\"{{ target }}\"})'}}"
	patched := func(provider, patch string) []schema.File {
		return edit(t, measured(strings.Replace(metric, "%s", provider, 1)), "x.yaml", "      rolloutPolicy:", "      patches: [{target: {kind: MetricTemplate}, patch: '- {op: "+patch+"}'}]\n      rolloutPolicy:")
	}
	if got := codesAt(patched("", "add, path: /spec/provider/address, value: http://p"), "trafficAnalysis"); got != "" {
		t.Errorf("an address in a patch: got %q", got)
	}
	wantDiagnostic(t, patched(", address: http://p", "remove, path: /spec/provider/address"), "x.yaml:16:17: error FW305")
	wantDiagnostic(t, patched(", address: http://p", "replace, path: /spec/query, value: sum by (pod) (x)"), "x.yaml:16:17: warning FW345")
}
