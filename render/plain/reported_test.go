package plain_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/plain"
	"github.com/fleetwright/fleetwright/schema"
)

// sound is a Canary without diagnostics.
const sound = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: web, namespace: shop}
spec:
  provider: istio
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  service: {port: 80, targetPort: 8080}
  analysis:
    interval: 1m
    threshold: 5
    stepWeight: 10
    maxWeight: 50
    metrics:
    - {name: request-success-rate, thresholdRange: {min: 99}, interval: 1m}
`

// hook is a webhook for sound, with a type and a path to fill in.
const hook = "    webhooks:\n    - {name: gate, type: TYPE, url: http://flagger-loadtester.test/PATH}\n"

// load is a load test for sound.
const load = "    webhooks:\n    - {name: load, url: http://flagger-loadtester.test/, metadata: {cmd: hey -z 50s -q 10 http://web-canary.shop/}}\n"

// with returns sound with texts replaced, and more lines.
func with(more string, replace ...string) string {
	return strings.NewReplacer(replace...).Replace(sound) + more
}

// hooked returns sound with a webhook.
func hooked(kind, path string) string {
	return with(strings.NewReplacer("TYPE", kind, "PATH", path).Replace(hook))
}

// judged returns the warnings and errors of a document, each as code, field, message and hint, and the rollouts
// that have a plan.
func judged(text string, opts render.CanaryOptions) (all []string, rollouts []render.Rollout) {
	docs := schema.LoadRollouts([]schema.File{{Name: "canary.yaml", Data: []byte(text)}}, plain.IsBeside)
	_, rollouts, list := render.Plan(docs, render.Options{Canaries: opts})
	for _, d := range list {
		if d.Severity > diag.Info {
			all = append(all, strings.Join([]string{string(d.Code), d.Path, d.Message, d.Hint}, " | "))
		}
	}
	return all, rollouts
}

// TestReported compares the diagnostics of plain Canaries with their beginnings, one per line.
func TestReported(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", sound, nil},
		{"a gate that a person opens", hooked("confirm-promotion", "gate/halt"), nil},
		{"another that a person opens", hooked("confirm-rollout", "gate/halt"), nil},
		{"steps behind a gate that a person opens", strings.Replace(hooked("confirm-rollout", "gate/halt"), "maxWeight: 50", "maxWeight: 110", 1), []string{"FW326 | spec.analysis.maxWeight"}},
		{"steps from a Flux variable", with("", "stepWeight: 10", "stepWeight: ${step:=10}"), nil},
		{"a list of steps from a Flux variable", with("", "stepWeight: 10\n    maxWeight: 50", "stepWeights: ${steps}"), nil},
		{"iterations from a Flux variable", with("", "istio", "kubernetes", "stepWeight: 10\n    maxWeight: 50", "iterations: ${n}"), []string{"FW390 | spec.analysis.metrics[0].name"}},
		{"a mirror with iterations from a Flux variable", with("", "stepWeight: 10\n    maxWeight: 50", "iterations: ${n}\n    mirror: true"), nil},
		{"no strategy", with("", "stepWeight: 10\n    maxWeight: 50", "primaryReadyThreshold: 100"), []string{"FW302 | spec.analysis"}},
		{"a field that the router ignores", with("", "port: 80,", "port: 80, gatewayRefs: [{name: public}],"), []string{"FW760 | spec.service.gatewayRefs"}},
		{"another ignored field on kuma", with("", "istio", "kuma", "port: 80,", "port: 80, appProtocol: http, retries: {attempts: 3},"), []string{"FW760 | spec.service.retries"}},
		{"a timeout that the router ignores", with("", "istio", "nginx", "port: 80,", "port: 80, timeout: 5s,"), []string{"FW762", "FW760 | spec.service.timeout"}},
		{"conditions on kuma", with("", "istio", "kuma", "port: 80,", "port: 80, appProtocol: http,", "stepWeight: 10", "match: [{headers: {x-canary: {exact: me}}}]\n    stepWeight: 10"), []string{"FW761 | spec.analysis.match"}},
		{"a mirror on kuma", with("", "istio", "kuma", "port: 80,", "port: 80, appProtocol: http,", "stepWeight: 10", "mirror: true\n    stepWeight: 10"), []string{"FW761 | spec.analysis.mirror"}},
		{"a field of HTTP in a route of TCP", with("", "port: 80,", "port: 80, appProtocol: tcp, retries: {attempts: 3},"), []string{"FW760 | spec.service.retries", "FW715"}},
		{"conditions in a route of TCP", with("", "port: 80,", "port: 80, appProtocol: tcp,", "stepWeight: 10\n    maxWeight: 50", "iterations: 5\n    match: [{headers: {x-canary: {exact: me}}}]"), []string{"FW761 | spec.analysis.match", "FW715"}},
		{"a field of two routers", with("", "targetRef", "ingressRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: web}\n  targetRef"), []string{"FW760 | spec.ingressRef | Flagger ignores ingressRef on istio: the field is for nginx and skipper"}},
		{"weights on kubernetes", with("", "istio", "kubernetes"), []string{"FW761 | spec.analysis.stepWeight", "FW390"}},
		{"two metrics of one name", with("    - {name: request-success-rate, thresholdRange: {min: 90}, interval: 5m}\n"), nil},
		{"a long name of a workload", with("", "name: web}\n  service: {", "name: "+strings.Repeat("w", 60)+"}\n  service: {name: web, "), nil},
		{"a long name of a Service", with("", "name: web}\n  service: {", "name: "+strings.Repeat("w", 60)+"}\n  service: {"), []string{"FW311"}},
		{"a cookie and conditions", with("", "stepWeight: 10", "sessionAffinity: {cookieName: v}\n    match: [{headers: {x-canary: {exact: me}}}]\n    stepWeight: 10"), []string{"FW315 | spec.analysis.sessionAffinity | Flagger overwrites"}},
		{"a wrong path of a gate", hooked("confirm-rollout", "gate/aprove"), []string{"FW358 | spec.analysis.webhooks[0].url | the load tester has no path /gate/aprove and rejects the call, so the webhook never passes | url: http://flagger-loadtester.test/gate/approve"}},
		{"a wrong path of a rollback hook", hooked("rollback", "rollback/chek"), []string{"FW358 | spec.analysis.webhooks[0].url"}},
		{"a path of another server", strings.Replace(hooked("confirm-rollout", "gate/aprove"), "flagger-loadtester", "gatekeeper", 1), nil},
		{"a load tester's path for events", hooked("event", "events"), nil},
		{"an unknown type of webhook", hooked("pre_rollout", "gate/check"), []string{`FW113 | spec.analysis.webhooks[0].type | "pre_rollout" is not one of confirm-rollout, `}},
		{"no port", with(load, "port: 80, ", ""), []string{"FW112 | spec.service"}},
		{"a port as text", with(load, "port: 80,", `port: "80",`), []string{"FW111 | spec.service.port"}},
		{"an invalid namespace", with(load, "namespace: shop", "namespace: Shop"), []string{"FW115 | metadata.namespace"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, _ := judged(test.text, render.CanaryOptions{})
			if !slices.EqualFunc(got, test.want, strings.Contains) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// TestReportedOnce checks that a field that the router reads later than the CRD has it is reported once, with
// the router's version.
func TestReportedOnce(t *testing.T) {
	got, _ := judged(with("", "stepWeight: 10", "sessionAffinity: {cookieName: v, primaryCookieName: p}\n    stepWeight: 10"), render.CanaryOptions{Flagger: "1.38"})
	if len(got) != 1 || !strings.HasPrefix(got[0], "FW732 ") {
		t.Errorf("got %q", got)
	}
}

// TestPlanned checks that a Canary has a plan if its errors do not keep Flagger from running it.
func TestPlanned(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       flagger.Outcome
	}{
		{"a gate that a person opens", hooked("confirm-promotion", "gate/halt"), flagger.Endless},
		{"a wrong path of a gate", hooked("confirm-rollout", "gate/aprove"), flagger.Endless},
		{"weights on kubernetes", with("", "istio", "kubernetes"), flagger.Promoted},
		{"a mirror on kuma", with("", "istio", "kuma", "port: 80,", "port: 80, appProtocol: http,", "stepWeight: 10", "mirror: true\n    stepWeight: 10"), flagger.Endless},
		{"an unknown metric", with("", "name: request-success-rate", "name: latency"), flagger.RolledBack},
		{"a Canary that Flagger rejects", with("", "istio", "nginx"), ""},
		{"a Canary that the API server rejects", with("", "threshold: 5", "treshold: 5"), ""},
		{"steps from a Flux variable", with("", "stepWeight: 10", "stepWeight: ${step}"), ""},
		{"one that runs and one that is rejected", sound + "---\n" + with("", "istio", "nginx", "name: web", "name: api"), flagger.Promoted},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got flagger.Outcome
			found, rollouts := judged(test.text, render.CanaryOptions{})
			for _, r := range rollouts {
				got = r.Plan.Good.Outcome
			}
			if got != test.want || len(rollouts) > 1 {
				t.Errorf("got %d, %q, want %q: %q", len(rollouts), got, test.want, found)
			}
		})
	}
}
