package render_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/schema"
)

// codesAt returns the codes of diagnostics about fields below a path of the rollout.
func codesAt(files []schema.File, path string) string {
	var codes []string
	for _, d := range diagnostics(files) {
		if strings.HasPrefix(d.Path, "spec.syncPolicies[0].rollout.rolloutPolicy."+path) && !slices.Contains(codes, string(d.Code)) {
			codes = append(codes, string(d.Code))
		}
	}
	slices.Sort(codes)
	return strings.Join(codes, " ")
}

// measured returns a rollout of the workload web, with a metric.
func measured(metric string) []schema.File {
	return rolledOut("kuma", `
      rolloutPolicy:
        trafficRouting: {canaryStrategy: {stepWeight: 10}}
        trafficAnalysis:
          metrics: [`+metric+`]
`)
}

func asked(query string) []schema.File {
	return measured(`{name: m, thresholdRange: {max: 1}, customMetric: {provider: {type: prometheus, address: "http://p"}, query: ` + strconv.Quote(query) + `}}`)
}

func TestQueries(t *testing.T) {
	for _, tt := range []struct{ name, query, want string }{
		{"trimmed templates", `sum(rate(x{app="{{- target -}}"}[{{interval}}]))`, ""},
		{"a subquery", `max_over_time(rate(x{app="{{ target }}"}[1m])[5m:30s])`, ""},
		{"another time range", `x{app="{{ target }}"} @ end() offset 5m`, ""},
		{"a fallback", `sum(x{app="{{ target }}"}) or vector(0)`, ""},
		{"the name of the metric", `{__name__="web_errors_total"}`, ""},

		{"a part of the name", `x{app=~"we.+"}`, ""},
		{"one of two", `x{app=~"shop|we[a-c]"}`, ""},
		{"everything", `x{app=~".+"}`, "FW342"},
		{"everything except the rollout", `x{app!="web"}`, "FW342"},
		{"services whose names begin differently", `x{app!~"web.*"}`, "FW342"},

		{"a comment at the end", "x{app=\"web\"} # errors", ""},
		{"a comment and nothing else", "x{app=\"web\"} # errors\n  # of all\n", ""},
		{"a # in a text", "x{app=\"web\", path=\"/#a\"}\n / y{app=\"web\"}", ""},
		{"a comment above", "# errors\nx{app=\"web\"}", "FW341"},
		{"a comment that hides a part", "x{app=\"web\"} # errors\n / y{app=\"web\"}", "FW341"},

		{"a number", "1", "FW341"},
		{"a range", `x{app="web"}[5m]`, "FW341"},
		{"a very long query", strings.Repeat("(", 1<<19) + "x" + strings.Repeat(")", 1<<19), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := codesAt(asked(tt.query), "trafficAnalysis.metrics[0]"); got != tt.want {
				t.Errorf("%.200q: got %q, want %q", tt.query, got, tt.want)
			}
		})
	}
}

// TestHyphensInTheNamesOfMetrics checks that hyphens in the workload's name match underscores in a metric's name.
func TestHyphensInTheNamesOfMetrics(t *testing.T) {
	files := edit(t, asked(`sum(rate(web_shop_errors_total[1m]))`), "x.yaml", "workload: {name: web,", "workload: {name: web-shop,")
	files = edit(t, files, "x.yaml", "serviceName: web", "serviceName: web-shop")
	if got := codesAt(files, "trafficAnalysis.metrics[0]"); got != "" {
		t.Errorf("got %q", got)
	}
}

// TestErrorsInTemplates checks that messages have the error of text/template without its position.
func TestErrorsInTemplates(t *testing.T) {
	for query, want := range map[string]string{
		"x\n{{ target":               "Flagger cannot fill in line 2 of the query, so every check fails: unclosed action",
		"{{ variables.my-cluster }}": "Flagger cannot fill in line 1 of the query, so every check fails: bad character U+002D '-'",
		"{{ len 3 }}":                "Flagger cannot fill in line 1 of the query, so every check fails: error calling len: len of type int",
		"{{ target.name }}":          "Flagger cannot fill in line 1 of the query, so every check fails: can't evaluate field name in type string",
		"{{ variables.cluster }}":    "{{ variables.cluster }} on line 1 of the query is not set",
		"{{ .target }}":              "{{ .target }} on line 1 of the query has no value",
	} {
		wantDiagnostic(t, asked(query), "x.yaml:19:130: error FW340 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics[0].customMetric.query: "+want)
	}
}

// TestProvidersThatNeedAnAddress checks providers for which Flagger has no default.
func TestProvidersThatNeedAnAddress(t *testing.T) {
	for provider, want := range map[string]string{
		"prometheus": "FW305", "graphite": "FW305", "influxdb": "FW305",
		"datadog": "FW112", "newrelic": "FW112", "dynatrace": "FW112 FW305", "splunk": "FW112 FW305", "cloudwatch": "FW112", "stackdriver": "FW112", "keptn": "", "externalmetrics": "",
	} {
		if got := codesAt(measured(`{name: m, thresholdRange: {max: 1}, customMetric: {provider: {type: `+provider+`}, query: a}}`), "trafficAnalysis.metrics[0].customMetric.provider"); got != want {
			t.Errorf("%s without an address: got %q, want %q", provider, got, want)
		}
	}
}

// TestStepsUpToAll checks that steps do not exceed a maxWeight of 100, to which Flagger limits them.
func TestStepsUpToAll(t *testing.T) {
	for strategy, want := range map[string]string{
		"stepWeight: 30":                 "",
		"stepWeight: 30, maxWeight: 100": "",
		"stepWeight: 30, maxWeight: 99":  "FW332",
		"stepWeight: 30, maxWeight: 60":  "",
	} {
		files := edit(t, measured("{name: request-duration, thresholdRange: {max: 500}}"), "x.yaml", "stepWeight: 10", strategy)
		if got := codesAt(files, "trafficRouting"); got != want {
			t.Errorf("%s: got %q, want %q", strategy, got, want)
		}
	}
}

// TestThresholdsOfDurations checks thresholds below a millisecond: they can be met, but are probably a mistake.
func TestThresholdsOfDurations(t *testing.T) {
	for most, want := range map[string]string{"-1": "FW337", "0": "FW337", "0.5": "FW338", "5": "FW338", "500": ""} {
		if got := codesAt(measured("{name: request-duration, thresholdRange: {max: "+most+"}}"), "trafficAnalysis.metrics[0]"); got != want {
			t.Errorf("a max of %s: got %q, want %q", most, got, want)
		}
	}
}

// TestHintsForSelectorsAreRight checks that a pasted hint resolves the diagnostic and queries the same metric,
// whatever its name.
func TestHintsForSelectorsAreRight(t *testing.T) {
	for query, want := range map[string]string{
		`x{a="b"}`:              `x{a="b",`,
		`{__name__=~"shop_.*"}`: `{__name__=~"shop_.*",`,
		`{"shop.errors"}`:       `{__name__="shop.errors",`,
	} {
		var hint string
		for _, d := range diagnostics(asked(query)) {
			if d.Code == "FW342" {
				hint = d.Hint
			}
		}
		if got := codesAt(asked(hint), "trafficAnalysis.metrics[0]"); !strings.HasPrefix(hint, want) || got != "" {
			t.Errorf("%s: the hint is %q, want one that begins with %s; pasted, it gives %q", query, hint, want, got)
		}
	}
}

// TestQueriesWithLoopsAreNotExecuted checks loops over a number, which Flagger would run forever.
func TestQueriesWithLoopsAreNotExecuted(t *testing.T) {
	double := `{{ define "x0" }}{{ end }}`
	for i := range 40 {
		double += fmt.Sprintf(`{{ define "x%d" }}{{ template "x%d" }}{{ template "x%d" }}{{ end }}`, i+1, i, i)
	}
	for _, query := range []string{
		double + `{{ template "x40" }}up{app="web"}`,
		`{{ define "x" }}{{ template "x" }}{{ end }}{{ template "x" }}up{app="web"}`,
		`{{ if true }}{{ range 1000000000000 }}{{ end }}{{ end }}up{app="web"}`,
		`{{ define "all" }}{{ range 1000000000000 }}{{ end }}{{ end }}{{ template "all" }}up{app="web"}`,
	} {
		wantDiagnostic(t, asked(query), "x.yaml:19:130: error FW340")
	}
	compile(t, asked(`{{ define "app" }}app="web"{{ end }}up{ {{ template "app" }} }`)...)
	loop := asked(`up{app="web"{{ range $k, $v := variables }},{{ $k }}="{{ $v }}"{{ end }}}`)
	compile(t, edit(t, loop, "x.yaml", "{name: m,", "{name: m, templateVariables: {a: b},")...)
}

// TestASelectorNamesTheRollout checks that a name that only begins like the rollout's does not count.
func TestASelectorNamesTheRollout(t *testing.T) {
	for query, loose := range map[string]bool{
		`up{app="web"}`: false, `up{app="webserver"}`: true, `up{app="myweb"}`: true, `up{app="my-web"}`: false, `up{pod=~"webx|web-.*"}`: false,
	} {
		list := problems(asked(query))
		if (len(list) > 0) != loose {
			t.Errorf("%s:\n%s", query, text(list))
		}
	}
}

// TestQueriesUnderTheNamesOfFlaggersMetrics checks that they get other names in the Canary: under its own names,
// Flagger also runs its own queries against the same threshold.
func TestQueriesUnderTheNamesOfFlaggersMetrics(t *testing.T) {
	for _, provider := range []string{"istio", "kuma", "nginx"} {
		for name, want := range map[string]string{
			"request-success-rate": "request-success-rate-" + provider, "request-duration": "request-duration-" + provider, "own": "own",
		} {
			host := ""
			if provider == "nginx" {
				host = "host: web.example.com, "
			}
			tree := compile(t, rolledOut(provider, `
      rolloutPolicy:
        trafficRouting: {`+host+`canaryStrategy: {stepWeight: 10}}
        trafficAnalysis:
          metrics: [{name: `+name+`, thresholdRange: {max: 1}, customMetric: {provider: {type: prometheus, address: "http://p"}, query: 'sum(x{app="{{ target }}"})'}}]
`)...)
			m := at(get(t, tree, oneCanary), "spec analysis metrics 0")
			if got, ref := at(m, "name"), at(m, "templateRef name"); got != want || ref != "web."+want {
				t.Errorf("on %s the metric %s is %v, of the template %v, want %s", provider, name, got, ref, want)
			}
		}
	}
}
