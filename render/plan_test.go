package render_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// codesOf returns the given codes among the diagnostics of files, repeated as often as they occur.
func codesOf(files []schema.File, among ...diag.Code) (codes []diag.Code) {
	for _, d := range diagnostics(files) {
		if slices.Contains(among, d.Code) {
			codes = append(codes, d.Code)
		}
	}
	return codes
}

// TestEveryRenderedCanaryHasAPlan checks that every Canary of a tree has a plan, with the Canary's clusters, and that
// Plan gives the same diagnostics as Compile.
func TestEveryRenderedCanaryHasAPlan(t *testing.T) {
	for _, dir := range examples(t) {
		t.Run(dir, func(t *testing.T) {
			docs := schema.Load(example(t, dir))
			want, wantList := render.Compile(docs, render.Options{})
			clusters, rollouts, list := render.Plan(docs, render.Options{})
			if text(list) != text(wantList) {
				t.Error("Plan and Compile differ")
			}
			var planned, rendered []string
			for _, r := range rollouts {
				for _, cluster := range r.Clusters {
					namespace, name, _ := strings.Cut(r.Application, "/")
					planned = append(planned, fmt.Sprintf("%s %s.%s %s/%s", cluster, namespace, name, r.Namespace, r.Name))
				}
				if r.Plan.Good.Outcome == "" || r.Flagger == "" {
					t.Errorf("%s/%s has no plan", r.Namespace, r.Name)
				}
			}
			var names, wantNames []string
			for _, c := range clusters {
				names = append(names, c.Name)
			}
			for _, c := range want.Clusters {
				if len(c.Spokes) == 0 || slices.ContainsFunc(clusters, func(o *render.Cluster) bool { return o.Name == c.Name }) {
					wantNames = append(wantNames, c.Name)
				}
				wantNames = append(wantNames, c.Spokes...)
				for f := range c.Files() {
					if _, name, ok := strings.Cut(f.Path, "/canary-"); ok {
						parts := strings.Split(f.Path, "/")
						namespace := at(unmarshal(t, string(f.Content)), "metadata namespace")
						rendered = append(rendered, fmt.Sprintf("%s %s %s/%s", f.For, parts[len(parts)-2], namespace, strings.TrimSuffix(name, ".yaml")))
					}
				}
			}
			slices.Sort(wantNames)
			if !slices.Equal(names, wantNames) {
				t.Errorf("the clusters are %q, want %q", names, wantNames)
			}
			slices.Sort(planned)
			slices.Sort(rendered)
			if !slices.Equal(planned, rendered) {
				t.Errorf("there are plans of\n%s\nwant\n%s", strings.Join(planned, "\n"), strings.Join(rendered, "\n"))
			}
		})
	}
}

// TestPlanUsesThePatchedCanary checks that the simulation uses patched fields of the analysis and the version of
// Flagger.
func TestPlanUsesThePatchedCanary(t *testing.T) {
	files := rolledOut("istio", `
      rolloutPolicy:
        trafficRouting: {canaryStrategy: {stepWeight: 50}}
        trafficAnalysis: {checkIntervalSeconds: 30, metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
      patches:
      - target: {kind: Canary}
        patch: |
          - {op: replace, path: /spec/analysis/interval, value: 1m}
          - {op: add, path: /spec/analysis/mirror, value: true}
`)
	_, rollouts, list := render.Plan(schema.Load(files), render.Options{})
	if len(rollouts) != 1 {
		t.Fatal(text(list))
	}
	if got := rollouts[0].Plan.Good.Duration(); got != 6*time.Minute {
		t.Errorf("it takes %s, want the 2+3 checks of a minute, and one of a mirror", got)
	}
}

// TestLoadThatEnds checks that the load which one check starts lasts until the next check.
func TestLoadThatEnds(t *testing.T) {
	of := func(provider string, interval, window int, webhooks, command string) []schema.File {
		if command != "" {
			command = "webhooks: {command: [" + command + "]}"
		}
		return rolledOut(provider, fmt.Sprintf(`
      testLoader: true
      rolloutPolicy:
        trafficRouting: {canaryStrategy: {stepWeight: 10, maxWeight: 50}}
        webhooks: [%s]
        trafficAnalysis:
          checkIntervalSeconds: %d
          metrics: [{name: request-success-rate, intervalSeconds: %d, thresholdRange: {min: 99}}]
          %s
`, webhooks, interval, window, command))
	}
	const url = " http://web-canary.web:8080/"
	hook := func(kind, task, command string) string {
		return fmt.Sprintf("{name: load, type: %s, metadata: {type: %s, cmd: '%s'}}", kind, task, command)
	}
	for _, tt := range []struct {
		name  string
		files []schema.File
		want  bool
	}{
		{"load for most of the interval", of("kuma", 60, 30, "", "hey -z 50s"+url), false},
		{"load up to the next check, which excludes it", of("kuma", 60, 30, "", "hey -z 1m"+url), true},
		{"the same, and a window over two intervals", of("kuma", 60, 61, "", "hey -z 1m"+url), false},
		{"load over two intervals", of("kuma", 90, 60, "", "hey -z 2m"+url), true},
		{"load over two intervals, up to the third", of("kuma", 90, 60, "", "hey -z 170s"+url), false},
		{"a gap that the window spans", of("kuma", 90, 90, "", "hey -z 1m"+url), false},
		{"a gap that the window does not span", of("kuma", 90, 30, "", "hey -z 1m"+url), true},
		{"a gap that the window spans by a second", of("kuma", 90, 31, "", "hey -z 1m"+url), false},
		{"two loads, which may cover for each other", of("kuma", 90, 30, "", "hey -z 30s"+url+", hey -z 80s"+url), false},
		{"one of two loads without a duration", of("kuma", 90, 30, "", "hey -z 30s"+url+", hey -n 1000"+url), false},
		{"load in the foreground", of("kuma", 90, 30, hook("rollout", "bash", "hey -z 20s"+url), ""), false},
		{"load started once that lasts", of("kuma", 60, 60, hook("pre-rollout", "cmd", "hey -z 6m"+url), ""), false},
		{"load started once that ends", of("kuma", 60, 60, hook("pre-rollout", "cmd", "hey -z 2m"+url), ""), true},
		{"load before a wait for traffic", of("kuma", 60, 60, hook("pre-rollout", "bash", "hey -z 2m"+url), ""), false},
		{"load started twice", of("kuma", 60, 60, hook("pre-rollout", "cmd", "hey -z 2m"+url), "hey -z 50s"+url), false},
		{"no load", of("kuma", 600, 30, "", ""), false},
		{"an unrelated patch", edit(t, of("kuma", 90, 30, "", "hey -z 1m"+url), "x.yaml", "      testLoader: true\n", "      testLoader: true\n      patches: [{target: {kind: Canary}, patch: '- {op: add, path: /metadata/labels, value: {a: b}}'}]\n"), true},
		{"a patch that lets the metric look back further", edit(t, of("kuma", 90, 30, "", "hey -z 1m"+url), "x.yaml", "      testLoader: true\n", "      testLoader: true\n      patches: [{target: {kind: Canary}, patch: '- {op: replace, path: /spec/analysis/metrics/0/interval, value: 90s}'}]\n"), false},
		{"a query with a window of its own", edit(t, of("kuma", 90, 30, "", "hey -z 1m"+url), "x.yaml", "name: request-success-rate, intervalSeconds: 30,", `name: errors, intervalSeconds: 30, customMetric: {provider: {type: prometheus, address: "http://prometheus:9090"}, query: 'sum(rate(errors_total{namespace="web",pod=~"web-[0-9a-z-]+"}[5m]))'},`), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := len(codesOf(tt.files, diag.LoadEnds)) > 0; got != tt.want {
				t.Errorf("%t, want %t:\n%s", got, tt.want, text(diagnostics(tt.files)))
			}
		})
	}
}

// TestRolloutsAndTheirTimes checks the duration of rollouts against timeouts and intervals that users may
// mistake for limits of a rollout.
func TestRolloutsAndTheirTimes(t *testing.T) {
	of := func(interval, policy string) []schema.File {
		files := rolledOut("kuma", `
      rolloutPolicy:
        trafficRouting: {canaryStrategy: {stepWeight: 50}}
        trafficAnalysis: {checkIntervalSeconds: 60, metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
        `+policy+`
`)
		return edit(t, files, "x.yaml", "interval: 5m, prune", "interval: "+interval+", prune")
	}
	for _, tt := range []struct {
		name  string
		files []schema.File
		want  string
	}{
		{"Flux reconciles when the primary is updated", of("3m", ""), "[]"},
		{"Flux reconciles before", of("2m59s", ""), "[FW516]"},
		{"Flux never reconciles", of("0s", ""), "[]"},
		{"a timeout as long as the rollout", of("1h", "rolloutTimeoutSeconds: 300"), "[]"},
		{"a shorter one", of("1h", "rolloutTimeoutSeconds: 299"), "[FW329]"},
		{"no analysis", of("1m", "rolloutTimeoutSeconds: 60\n        skipTrafficAnalysis: true"), "[]"},
		{"Flux is suspended", edit(t, of("1m", ""), "x.yaml", "prune: true}", "prune: true, suspend: true}"), "[]"},
		{"it is suspended", of("1m", "rolloutTimeoutSeconds: 60\n        suspend: true"), "[]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := fmt.Sprint(codesOf(tt.files, diag.UndoneByFlux, diag.LongerThanTimeout)); got != tt.want {
				t.Errorf("%s, want %s:\n%s", got, tt.want, text(diagnostics(tt.files)))
			}
		})
	}
}

// TestPatchesThatPreventPromotion checks that only the effects of the patches are reported for them.
func TestPatchesThatPreventPromotion(t *testing.T) {
	of := func(webhooks, patch string) []schema.File {
		return rolledOut("istio", `
      rolloutPolicy:
        trafficRouting: {canaryStrategy: {stepWeight: 50}}
        webhooks: [`+webhooks+`]
        trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
      testLoader: true
      patches:
      - target: {kind: Canary}
        patch: |
          - `+patch+`
`)
	}
	const (
		always  = `{name: a, type: rollback, metadata: {cmd: echo}}`
		patched = `{op: add, path: /spec/analysis/webhooks, value: [{name: a, type: rollback, url: "http://web-testloader.web/", metadata: {cmd: echo}}]}`
		label   = `{op: add, path: /metadata/labels, value: {a: b}}`
	)
	for _, tt := range []struct {
		name  string
		files []schema.File
		want  string
	}{
		{"a rollback added by a patch", of("", patched), "[FW328]"},
		{"a rollback without the patch", of(always, label), "[]"},
		{"a label", of("", label), "[]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := fmt.Sprint(codesOf(tt.files, diag.NeverEnds)); got != tt.want {
				t.Errorf("%s, want %s:\n%s", got, tt.want, text(diagnostics(tt.files)))
			}
		})
	}
}
