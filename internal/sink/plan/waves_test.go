package plan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/clipperhouse/displaywidth"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// TestWavesAddUp: the rollouts of a wave run at once, the waves one after the other. A suspended rollout
// takes no time, and one that promotes no version ends none.
func TestWavesAddUp(t *testing.T) {
	const documents = `
{apiVersion: fleetwright.dev/v1alpha1, kind: RenderConfig, spec: {waves: [{name: canary, clusterSelector: {matchLabels: {stage: canary}}}, {name: rest}], through: canary}}
---
{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: f}, spec: {plugin: {flagger: {trafficRoutingProvider: kubernetes}}, clusters: [{kind: Cluster, name: a}, {kind: Cluster, name: b}, {kind: Cluster, name: c}]}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: a, labels: {stage: canary}}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: b}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: c}}
`
	app := func(name, selector, checks string) string {
		return `---
{apiVersion: apps.kurator.dev/v1alpha1, kind: Application, metadata: {name: ` + name + `}, spec: {source: {gitRepository: {url: "https://example.com", interval: 1m, ref: {tag: v1}}}, destination: {fleet: f` + selector + `},
  syncPolicies: [{name: ` + name + `, kustomization: {interval: 5m, prune: true}, rollout: {trafficRoutingProvider: kubernetes, workload: {name: ` + name + `, namespace: test}, serviceName: ` + name + `, port: 80,
    rolloutPolicy: {trafficRouting: {analysisTimes: ` + checks + `}, trafficAnalysis: {checkIntervalSeconds: 60, checkFailedTimes: 2}}}}]}}
`
	}
	docs := schema.Load([]schema.File{{Name: "f.yaml", Data: []byte(documents + app("short", "", "3") + app("long", ", clusterSelector: {matchExpressions: [{key: stage, operator: DoesNotExist}]}", "10"))}})
	run := render.Begin(docs, render.Options{})
	clusters, rollouts, list := run.Plan(nil)
	if list.HasErrors() {
		t.Fatal(list)
	}
	var names []string
	for _, c := range clusters {
		names = append(names, c.Name)
	}
	text := func(through, last int) string {
		t.Helper()
		var b strings.Builder
		if err := writeWaves(&b, Options{Waves: NewWaves(run.Waves(), through, last, names, rollouts)}); err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(b.String(), "\nWAVES\n")
	}
	if got, want := text(0, 1), "  canary      7m  1 cluster; test/short 7m\n  rest       14m  2 clusters, waits; test/long 14m, test/short 7m\n  21m in total, if each wave begins when the previous one ends\n"; got != want {
		t.Errorf("the waves are\n%swant\n%s", got, want)
	}
	if got, want := text(0, 0), "  canary      7m  1 cluster; test/short 7m\n  7m in total, if each wave begins when the previous one ends\n"; got != want {
		t.Errorf("the first wave is\n%swant\n%s", got, want)
	}
	long := Wave{Name: "a-wave-with-quite-a-long-name-that-goes-on", Clusters: []string{"a"}}
	for i := range rollouts {
		r := rollouts[i]
		r.Name += "-with-a-name-that-is-longer-than-any-terminal-is-wide-where-it-is-narrow"
		long.Rollouts = append(long.Rollouts, &r)
	}
	for _, width := range []int{20, 30, 40, 60} {
		var b strings.Builder
		if err := writeWaves(&b, Options{Waves: []Wave{long, {Name: "rest"}}, Width: width}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := displaywidth.String(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("in %d columns a line has %d: %s", width, n, line)
			}
		}
	}
	var b strings.Builder
	if err := writeJSON(&b, rollouts, Options{Waves: NewWaves(run.Waves(), 0, 1, names, rollouts)}); err != nil {
		t.Fatal(err)
	}
	var document struct {
		Waves []struct {
			Name    string
			Waits   bool
			Seconds float64
		}
		WavesSeconds float64
	}
	if err := json.Unmarshal([]byte(b.String()), &document); err != nil || len(document.Waves) != 2 || !document.Waves[1].Waits || document.Waves[1].Seconds != 840 || document.WavesSeconds != 1260 {
		t.Errorf("%+v, %v", document, err)
	}
	for i := range rollouts {
		if rollouts[i].Name == "long" {
			rollouts[i].Plan.Canary.Suspend = true
		}
	}
	if got, want := text(1, 1), "  canary      7m  1 cluster; test/short 7m\n  rest        7m  2 clusters; test/short 7m\n  14m in total, if each wave begins when the previous one ends\n"; got != want {
		t.Errorf("with one suspended the waves are\n%swant\n%s", got, want)
	}
	rollouts[0].Plan.Canary.Suspend, rollouts[0].Plan.Good.Outcome = false, "endless"
	if got := text(1, 1); !strings.Contains(got, "  rest     never  2 clusters; ") || !strings.HasSuffix(got, "  the waves never end: a rollout never promotes a version\n") {
		t.Errorf("with one that never ends the waves are\n%s", got)
	}
}
