package render_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"
)

// guideCanary is the Canary of Flagger's guide "Kuma Canary Deployments" (fluxcd/flagger
// docs/gitbook/tutorials/kuma-progressive-delivery.md).
const guideCanary = `
apiVersion: flagger.app/v1beta1
kind: Canary
metadata:
  name: podinfo
  namespace: test
  annotations: {kuma.io/mesh: default}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: podinfo}
  progressDeadlineSeconds: 60
  service:
    port: 9898
    targetPort: 9898
    apex: {annotations: {9898.service.kuma.io/protocol: http}}
    canary: {annotations: {9898.service.kuma.io/protocol: http}}
    primary: {annotations: {9898.service.kuma.io/protocol: http}}
  analysis:
    interval: 30s
    threshold: 5
    maxWeight: 50
    stepWeight: 5
    metrics:
    - {name: request-success-rate, threshold: 99, interval: 1m}
    - {name: request-duration, threshold: 500, interval: 30s}
    webhooks:
    - name: acceptance-test
      type: pre-rollout
      url: http://flagger-loadtester.test/
      timeout: 30s
      metadata: {type: bash, cmd: "curl -sd 'test' http://podinfo-canary.test:9898/token | grep token"}
    - name: load-test
      type: rollout
      url: http://flagger-loadtester.test/
      metadata: {cmd: "hey -z 2m -q 10 -c 2 http://podinfo-canary.test:9898/"}
`

// guideDifferences holds the fields in which the example differs from the guide, with the guide's value and the
// reason.
var guideDifferences = map[string]struct {
	want any
	why  string
}{
	"spec provider":      {"kuma", "the guide sets it with a flag of Flagger"},
	"spec service name":  {"podinfo", "Kurator's API sets it, and it is the default"},
	"spec autoscalerRef": {map[string]any{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "podinfo"}, "the guide has the autoscaler, and its Canary forgets it"},

	// Flagger's own metrics find nothing on Kuma, so each is a MetricTemplate; and threshold is deprecated.
	"spec analysis metrics 0 name":           {"request-success-rate-kuma", "a template"},
	"spec analysis metrics 0 interval":       {"60s", "the same as 1m"},
	"spec analysis metrics 0 threshold":      {nil, "deprecated"},
	"spec analysis metrics 0 thresholdRange": {map[string]any{"min": 99.0}, "in its place"},
	"spec analysis metrics 0 templateRef":    {map[string]any{"name": "podinfo.request-success-rate-kuma", "namespace": "test"}, "a template"},
	"spec analysis metrics 1 name":           {"request-duration-kuma", "a template"},
	"spec analysis metrics 1 threshold":      {nil, "deprecated"},
	"spec analysis metrics 1 thresholdRange": {map[string]any{"max": 500.0}, "in its place"},
	"spec analysis metrics 1 templateRef":    {map[string]any{"name": "podinfo.request-duration-kuma", "namespace": "test"}, "a template"},
}

// TestTheGuidesCanary compares the example with the guide, field by field.
func TestTheGuidesCanary(t *testing.T) {
	got := get(t, compile(t, example(t, "../examples/flagger-guide")...), "guide/fleetwright/rollouts/default.guide/canary-podinfo.yaml")
	met := map[string]bool{}
	compareFields(t, got, unmarshal(t, guideCanary), "", met)
	for path := range guideDifferences {
		if !met[path] {
			t.Errorf("%s does not differ", path)
		}
	}
}

func compareFields(t *testing.T, got, want any, path string, met map[string]bool) {
	t.Helper()
	if d, ok := guideDifferences[path]; ok {
		met[path] = true
		if !reflect.DeepEqual(got, d.want) {
			t.Errorf("%s is %v, want %v", path, got, d.want)
		}
		return
	}
	below := func(name string) string {
		if path == "" {
			return name
		}
		return path + " " + name
	}
	switch want := want.(type) {
	case map[string]any:
		fields := maps.Clone(want)
		if got, ok := got.(map[string]any); ok {
			maps.Copy(fields, got)
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			compareFields(t, at(got, name), want[name], below(name), met)
		}
	case []any:
		if got, ok := got.([]any); !ok || len(got) != len(want) {
			t.Errorf("%s is %v, want %v", path, got, want)
			return
		}
		for i, item := range want {
			index := string(rune('0' + i))
			compareFields(t, at(got, index), item, below(index), met)
		}
	default:
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, the guide has %v", path, got, want)
		}
	}
}
