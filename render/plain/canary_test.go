package plain_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/plain"
	"github.com/fleetwright/fleetwright/schema"
)

// canary returns a Canary for istio with a name in namespace shop, fields of its service, and webhooks.
func canary(name, service, webhooks string) string {
	return fmt.Sprintf(`apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: %s, namespace: shop}
spec:
  provider: istio
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: %[1]s}
  service: {port: 80, targetPort: 8080, %s}
  analysis: {interval: 1m, threshold: 3, stepWeight: 10, maxWeight: 50, metrics: [{name: request-success-rate, interval: 1m, thresholdRange: {min: 99}}], webhooks: [%s]}
`, name, service, webhooks)
}

// deployment returns a Deployment with a name and an image.
func deployment(name, image, metadata string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %s, namespace: shop, %s}
spec: {selector: {matchLabels: {app: %[1]s}}, template: {metadata: {labels: {app: %[1]s}}, spec: {containers: [{name: web, image: "%[3]s", ports: [{containerPort: 8080}]}]}}}
`, name, metadata, image)
}

// service returns a Service with a name that targets a port of the pods of web.
func service(name, targetPort string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: shop}\nspec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: %s}]}\n", name, targetPort)
}

// virtualService returns the VirtualService of web.
func virtualService(metadata string) string {
	return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web, namespace: shop, %s}\nspec: {hosts: [web], http: [{route: [{destination: {host: web}}]}]}\n", metadata)
}

// template returns a MetricTemplate for Prometheus.
func template(address, query string) string {
	return fmt.Sprintf("apiVersion: flagger.app/v1beta1\nkind: MetricTemplate\nmetadata: {name: errors, namespace: flagger}\nspec: {provider: {type: prometheus, address: %s}, query: '%s'}\n", address, query)
}

// edit replaces the first occurrence of a text in a document.
func edit(document, from, to string) string { return strings.Replace(document, from, to, 1) }

// reported returns the diagnostics of files except notices, each as file, line, code, path and hint.
func reported(files map[string][]string) (all []string) {
	var inputs []schema.File
	for name, documents := range files {
		inputs = append(inputs, schema.File{Name: name, Data: []byte(strings.Join(documents, "---\n"))})
	}
	slices.SortFunc(inputs, func(a, b schema.File) int { return strings.Compare(a.Name, b.Name) })
	_, list := render.Begin(schema.LoadRollouts(inputs, plain.IsBeside), render.Options{}).Compile(nil)
	for _, d := range list {
		if d.Severity > diag.Info {
			all = append(all, fmt.Sprintf("%s %s %s → %s", d.Position.File, d.Code, d.Path, d.Hint))
		}
	}
	return all
}

// TestCheck checks plain Canaries that would not work, and similar ones that would.
func TestCheck(t *testing.T) {
	const owned = `ownerReferences: [{apiVersion: flagger.app/v1beta1, kind: Canary, name: web, uid: "1"}]`
	for _, tt := range []struct {
		name  string
		files map[string][]string
		want  []string
	}{
		{"an image without a tag, which an overlay sets", map[string][]string{"a.yaml": {canary("web", "", ""), deployment("web", "web", "")}}, nil},
		{"the tag latest", map[string][]string{"a.yaml": {canary("web", "", ""), deployment("web", "web:latest", "")}}, []string{"a.yaml FW372 spec.targetRef.name → image: web:1.2.3"}},
		{"a primary in Git", map[string][]string{"a.yaml": {canary("web", "", ""), deployment("web", "web:1", ""), deployment("web-primary", "web:1", "")}},
			[]string{"a.yaml FW380 spec.targetRef.name → remove it from the manifests"}},
		{"a primary copied from the cluster", map[string][]string{"a.yaml": {canary("web", "", ""), deployment("web", "web:1", ""), deployment("web-primary", "web:1", owned)}}, nil},
		{"an upper-case portName", map[string][]string{"a.yaml": {canary("web", "portName: HTTP_x", "")}}, []string{"a.yaml FW115 spec.service.portName → portName: http, or another name of lower-case letters, digits and '-'"}},
		{"a long portName", map[string][]string{"a.yaml": {canary("web", "portName: http-of-the-web-shop", "")}}, nil},
		{"an upper-case Service", map[string][]string{"a.yaml": {canary("web", "name: Web", "")}}, []string{"a.yaml FW312 spec.service.name → service: {name: web}"}},
		{"a Service of a name with dots", map[string][]string{"a.yaml": {canary("web.v2", "", "")}}, []string{"a.yaml FW312 spec.targetRef.name → service: {name: web-v2}"}},
		{"a timeout without a unit", map[string][]string{"a.yaml": {canary("web", `timeout: "15", retries: {attempts: 1, perTryTimeout: "1"}`, "")}},
			[]string{"a.yaml FW115 spec.service.timeout → timeout: 15s", "a.yaml FW115 spec.service.retries.perTryTimeout → perTryTimeout: 15s"}},
		{"timeouts", map[string][]string{"a.yaml": {canary("web", `timeout: 1m30s, retries: {attempts: 1, perTryTimeout: 500ms}`, "")}}, nil},
		{"no timeout on contour", map[string][]string{"a.yaml": {edit(canary("web", "timeout: infinity", ""), "provider: istio", "provider: contour")}}, nil},
		{"a very long interval", map[string][]string{"a.yaml": {edit(canary("web", "", ""), "{interval: 1m, threshold", "{interval: 9999999999m, threshold")}}, []string{"a.yaml FW115 spec.analysis.interval → interval: 1m"}},
		{"too large a mirrorWeight", map[string][]string{"a.yaml": {edit(canary("web", "", ""), "maxWeight: 50", "maxWeight: 50, mirror: true, mirrorWeight: 150")}}, []string{"a.yaml FW114 spec.analysis.mirrorWeight → mirrorWeight: 100"}},
		{"more ready pods than exist", map[string][]string{"a.yaml": {edit(canary("web", "", ""), "maxWeight: 50", "maxWeight: 50, canaryReadyThreshold: 150"),
			edit(deployment("web", "web:1", ""), "spec: {", "spec: {replicas: 4, ")}}, []string{"a.yaml FW114 spec.analysis.canaryReadyThreshold → canaryReadyThreshold: 100"}},
		{"one pod of one", map[string][]string{"a.yaml": {edit(canary("web", "", ""), "maxWeight: 50", "maxWeight: 50, canaryReadyThreshold: 150")}}, nil},
		{"one Canary twice", map[string][]string{"a.yaml": {canary("web", "", ""), canary("web", "", "")}}, []string{"a.yaml FW380 metadata.name → remove one of the two, or give it another name"}},
		{"one Canary of two clusters", map[string][]string{"eu/a.yaml": {canary("web", "", "")}, "us/a.yaml": {canary("web", "", "")}}, nil},
		{"two Canaries of one Deployment", map[string][]string{"a.yaml": {canary("web", "", ""), edit(canary("web", "name: shop", ""), "{name: web", "{name: shop")}},
			[]string{"a.yaml FW380 spec.targetRef.name → remove one of the two Canaries"}},
		{"two Canaries of one Service", map[string][]string{"a.yaml": {canary("web", "name: x", ""), canary("shop", "name: x", "")}}, []string{"a.yaml FW380 spec.service.name → give the Service of one of the two another name"}},
		{"a Service of Knative", map[string][]string{"a.yaml": {edit(edit(canary("web", "", ""), "istio", "knative"), "apps/v1, kind: Deployment", "serving.knative.dev/v1, kind: Service")}}, nil},
		{"Services of a rollout in Git", map[string][]string{"a.yaml": {canary("web", "", ""), deployment("web", "web:1", ""), service("web-canary", "http")}},
			[]string{"a.yaml FW380 spec.targetRef.name → remove it from the manifests"}},
		{"a Service as Flagger creates it", map[string][]string{"a.yaml": {canary("web", "", ""), deployment("web", "web:1", ""), service("web-canary", "8080")}}, nil},
		{"the VirtualService of a rollout in Git", map[string][]string{"a.yaml": {canary("web", "", ""), deployment("web", "web:1", ""), virtualService("")}},
			[]string{"a.yaml FW380 spec.targetRef.name → remove it from the manifests"}},
		{"a VirtualService in a file that may not be applied", map[string][]string{"a.yaml": {canary("web", "", ""), deployment("web", "web:1", "")}, "b.yaml": {virtualService("")}}, nil},
		{"a VirtualService that Flux does not overwrite", map[string][]string{"a.yaml": {canary("web", "", ""), deployment("web", "web:1", ""), virtualService("annotations: {kustomize.toolkit.fluxcd.io/ssa: IfNotPresent}")}}, nil},
		{"the VirtualService of a cluster", map[string][]string{"a.yaml": {canary("web", "", ""), deployment("web", "web:1", ""), virtualService(owned)}}, nil},
		{"a misspelt gate", map[string][]string{"a.yaml": {canary("web", "", `{name: gate, type: confirm-rollout, url: "http://flagger-loadtester.shop/gate/aprove"}`)}},
			[]string{"a.yaml FW358 spec.analysis.webhooks[0].url → url: http://flagger-loadtester.shop/gate/approve"}},
		{"a half-configured gate", map[string][]string{"a.yaml": {canary("web", "", `{name: gate, type: confirm-rollout, url: "http://flagger-loadtester.shop/gate"}`)}},
			[]string{"a.yaml FW358 spec.analysis.webhooks[0].url → url: http://flagger-loadtester.shop/gate/check"}},
		{"a misspelt rollback gate", map[string][]string{"a.yaml": {canary("web", "", `{name: gate, type: rollback, url: "http://flagger-loadtester.shop/rollback/chek"}`)}},
			[]string{"a.yaml FW358 spec.analysis.webhooks[0].url → url: http://flagger-loadtester.shop/rollback/check"}},
		{"gates of other servers", map[string][]string{"a.yaml": {canary("web", "", `{name: gate, type: confirm-rollout, url: "http://gates.shop/gate/aprove"}, {name: all, type: confirm-rollout, url: "http://flagger-loadtester.shop/gate/check"}`)}}, nil},
		{"an unused MetricTemplate", map[string][]string{"metrics/a.yaml": {template(`"http://prometheus:9090"`, "sum(rate(x[")}}, []string{"metrics/a.yaml FW341 spec.query → "}},
		{"a valid MetricTemplate", map[string][]string{"metrics/a.yaml": {template(`"http://prometheus:9090"`, `sum(rate(x{a="{{ target }}",b="{{ variables.c }}"}[{{ interval }}]))`)}}, nil},
		{"a MetricTemplate without an address that no Canary names", map[string][]string{"metrics/a.yaml": {template(`""`, "sum(x)")}, "a.yaml": {canary("web", "", "")}},
			[]string{"metrics/a.yaml FW305 spec.provider.address → address: http://prometheus.monitoring:9090"}},
		{"a MetricTemplate with Flux variables", map[string][]string{"metrics/a.yaml": {template(`"${PROMETHEUS}"`, "sum(x${LABELS})")}}, nil},
		{"a timeout on Gateway API", map[string][]string{"a.yaml": {edit(canary("web", `timeout: "15", gatewayRefs: [{name: public}]`, ""), "provider: istio", "provider: gatewayapi:v1")}}, []string{"a.yaml FW735 spec.service.timeout → timeout: 1m"}},
		{"an AlertProvider in another namespace", map[string][]string{"a.yaml": {edit(canary("web", "", ""), "maxWeight: 50", "maxWeight: 50, alerts: [{name: on-call, severity: info, providerRef: {name: chat}}]"),
			"apiVersion: flagger.app/v1beta1\nkind: AlertProvider\nmetadata: {name: chat, namespace: flagger}\nspec: {type: slack, address: \"https://hooks.slack.com/services/x\"}\n"}}, []string{"a.yaml FW317 spec.analysis.alerts[0].providerRef.name → namespace: flagger"}},
		{"a weight above 100", map[string][]string{"a.yaml": {edit(canary("web", "", ""), "maxWeight: 50", "maxWeight: 110")}}, []string{"a.yaml FW326 spec.analysis.maxWeight → maxWeight: 100"}},
		{"a negative stepWeightPromotion", map[string][]string{"a.yaml": {edit(canary("web", "", ""), "maxWeight: 50", "maxWeight: 50, stepWeightPromotion: -10")}}, []string{"a.yaml FW326 spec.analysis.stepWeightPromotion → stepWeightPromotion: 50, or remove the field"}},
		{"no Ingress", map[string][]string{"a.yaml": {edit(canary("web", "", ""), "provider: istio", "provider: nginx")}}, []string{"a.yaml FW762 spec.ingressRef → ingressRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: web}"}},
		{"blue/green without load", map[string][]string{"a.yaml": {edit(canary("web", "", `{name: gate, type: confirm-rollout, url: "http://loadtester.ops/gate/check"}`), "stepWeight: 10, maxWeight: 50", "iterations: 10")}},
			[]string{"a.yaml FW390 spec.analysis.metrics[0].name → webhooks: [{name: load-test, url: http://loadtester.ops/, metadata: {cmd: hey -z 50s -q 10 http://web-canary.shop/}}]"}},
		{"a shell task", map[string][]string{"a.yaml": {canary("web", "", `{name: test, type: pre-rollout, url: "http://flagger-loadtester.shop/", metadata: {type: shell, cmd: "true"}}`)}},
			[]string{"a.yaml FW352 spec.analysis.webhooks[0].metadata.type → type: bash"}},
	} {
		if got := reported(tt.files); !slices.Equal(got, tt.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.name, got, tt.want)
		}
	}
}
