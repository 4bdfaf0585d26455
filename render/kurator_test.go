package render_test

import (
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/schema"
)

// These tests guard against mistakes of Kurator's controller (pkg/fleet-manager/application/rollout_helper.go).
// Each fails on the objects that Kurator would create from the same document.

const (
	member1    = "kurator-member1/fleetwright/"
	seedApp    = member1 + "apps/default.rollout-kuma-demo/"
	seedRoll   = member1 + "rollouts/default.rollout-kuma-demo/"
	seedCanary = seedRoll + "canary-backend.yaml"
)

// TestProtocolIsThatOfTheRolloutsPort: Kurator writes 9898.service.kuma.io/protocol whatever the port, and any
// other port silently becomes TCP.
func TestProtocolIsThatOfTheRolloutsPort(t *testing.T) {
	files := edit(t, example(t, seed), "application.yaml", "port: 9898", "port: 8080")
	files = edit(t, files, "application.yaml", "protocol: http", "protocol: grpc")
	canary := get(t, compile(t, files...), seedCanary)
	for _, service := range []string{"apex", "canary", "primary"} {
		annotations := at(canary, "spec service "+service+" annotations")
		if got := at(annotations, "8080.service.kuma.io/protocol"); got != "grpc" {
			t.Errorf("the %s Service's annotations are %v", service, annotations)
		}
	}
}

// TestCanaryNamesItsMesh: Kurator sets the annotation, and then replaces all annotations.
func TestCanaryNamesItsMesh(t *testing.T) {
	canary := get(t, compile(t, example(t, seed)...), seedCanary)
	if got := at(canary, "metadata annotations kuma.io/mesh"); got != "default" {
		t.Errorf("kuma.io/mesh is %v", got)
	}
}

// TestWebhooksReachThePrivateLoadTester: Kurator names the load tester after the workload, and calls it by the
// name of the Service.
func TestWebhooksReachThePrivateLoadTester(t *testing.T) {
	files := edit(t, example(t, seed), "application.yaml", "serviceName: backend", "serviceName: shop-api")
	tree := compile(t, files...)
	service := get(t, tree, seedRoll+"service-backend-testloader.yaml")
	name, namespace := at(service, "metadata name").(string), at(service, "metadata namespace").(string)
	if got, want := at(get(t, tree, seedCanary), "spec analysis webhooks 0 url"), "http://"+name+"."+namespace+"/"; got != want {
		t.Errorf("the webhook goes to %v, the load tester is %s", got, want)
	}
	deployment := get(t, tree, seedRoll+"deployment-backend-testloader.yaml")
	if selector, labels := at(service, "spec selector app"), at(deployment, "spec template metadata labels app"); selector != labels {
		t.Errorf("the Service selects %v, the pods are %v", selector, labels)
	}
}

func TestWebhooksReachThePublicLoadTester(t *testing.T) {
	files := edit(t, example(t, seed), "application.yaml", "testLoader: true", "testLoader: false")
	tree := compile(t, files...)
	release := get(t, tree, member1+"infrastructure/helmrelease-flagger-loadtester.yaml")
	name, namespace := at(release, "spec values fullnameOverride").(string), at(release, "metadata namespace").(string)
	if got, want := at(get(t, tree, seedCanary), "spec analysis webhooks 0 url"), "http://"+name+"."+namespace+"/"; got != want {
		t.Errorf("the webhook goes to %v, the load tester is %s", got, want)
	}
}

// TestOptionalFieldsHaveDefaults: Kurator crashes if an optional number or section is missing, and renders a
// timeoutSeconds of 0 as 0s.
func TestOptionalFieldsHaveDefaults(t *testing.T) {
	tree := compile(t, schema.File{Name: "app.yaml", Data: []byte(`
apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata: {name: shop}
spec:
  source: {gitRepository: {url: https://example.com/shop, interval: 1m}}
  destination: {fleet: quickstart}
  syncPolicies:
  - name: shop
    kustomization: {interval: 5m, prune: true}
    rollout:
      trafficRoutingProvider: kuma
      workload: {name: cart, namespace: shop}
      serviceName: cart
      port: 8080
      rolloutPolicy: {trafficRouting: {timeoutSeconds: 0, canaryStrategy: {stepWeight: 20}}}
  - name: pay
    kustomization: {interval: 5m, prune: true, targetNamespace: pay}
    rollout:
      testLoader: true
      trafficRoutingProvider: kuma
      workload: {name: pay, kind: DaemonSet}
      serviceName: pay
      port: 8080
      rolloutPolicy:
        trafficRouting: {analysisTimes: 3}
        trafficAnalysis:
          metrics: [{name: request-success-rate}]
          webhooks: {command: [hey http://pay-canary.pay:8080/]}
  - name: fast
    kustomization: {interval: 5m, prune: true, targetNamespace: fast}
    rollout:
      trafficRoutingProvider: kuma
      workload: {name: fast}
      serviceName: fast
      port: 8080
      rolloutPolicy: {skipTrafficAnalysis: true}
`)}, example(t, seed)[1])
	dir := member1 + "rollouts/default.shop/"
	for file, want := range map[string]map[string]any{
		"canary-cart.yaml": {
			"metadata namespace":           "shop",
			"spec targetRef kind":          "Deployment",
			"spec progressDeadlineSeconds": 600.0,
			"spec service timeout":         nil,
			"spec analysis interval":       "60s",
			"spec analysis threshold":      1.0,
			"spec analysis maxWeight":      100.0,
			"spec analysis stepWeight":     20.0,
			"spec analysis metrics":        nil,
			"spec analysis webhooks":       nil,
		},
		"canary-pay.yaml": {
			"metadata namespace":               "pay",
			"spec targetRef kind":              "DaemonSet",
			"spec analysis iterations":         3.0,
			"spec analysis stepWeight":         nil,
			"spec analysis maxWeight":          nil,
			"spec analysis metrics 0 interval": "60s",
			"spec analysis webhooks 0 timeout": "60s",
		},
		"canary-fast.yaml": {
			"spec skipAnalysis":        true,
			"spec analysis iterations": 1.0,
			"spec analysis stepWeight": nil,
		},
	} {
		object := get(t, tree, dir+file)
		for path, value := range want {
			if got := at(object, path); got != value {
				t.Errorf("%s: %s is %v, want %v", file, path, got, value)
			}
		}
	}
	// Without a threshold every value is accepted, as the API documents; Flagger would compare with 0.
	canary := get(t, tree, dir+"canary-pay.yaml")
	if got, ok := at(canary, "spec analysis metrics 0 thresholdRange").(map[string]any); !ok || len(got) != 0 {
		t.Errorf("thresholdRange is %v, want {}", at(canary, "spec analysis metrics 0 thresholdRange"))
	}
	// A DaemonSet has no replicas that Flux could reset.
	k := get(t, tree, member1+"apps/default.shop/kustomization-pay.yaml")
	for _, patch := range at(k, "spec patches").([]any) {
		if at(patch, "target kind") == "Deployment" {
			t.Errorf("the policy of a DaemonSet has the patch %v", patch)
		}
	}
}

// TestNamespaceIsInjectedByLabel: Kurator writes an annotation that Kuma has ignored since 2.2.
func TestNamespaceIsInjectedByLabel(t *testing.T) {
	tree := compile(t, example(t, seed)...)
	ns := get(t, tree, seedApp+"namespace-webapp.yaml")
	if got := at(ns, "metadata labels kuma.io/sidecar-injection"); got != "enabled" {
		t.Errorf("the label is %v", got)
	}
	if got := at(ns, "metadata annotations kuma.io/sidecar-injection"); got != nil {
		t.Errorf("the annotation is %v", got)
	}
	// The application's own namespace does not remove it again.
	k := get(t, tree, seedApp+"kustomization-rollout-kuma-demo-0.yaml")
	if patch := at(k, "spec patches 0 patch").(string); !strings.Contains(patch, "kuma.io/sidecar-injection: enabled") || at(k, "spec patches 0 target name") != "webapp" {
		t.Errorf("the namespace is not patched: %v", at(k, "spec patches"))
	}
	if got := at(ns, "metadata annotations kustomize.toolkit.fluxcd.io/ssa"); got != "IfNotPresent" {
		t.Errorf("the rendered namespace would fight the application's: ssa is %v", got)
	}
	if got := at(ns, "metadata annotations kustomize.toolkit.fluxcd.io/prune"); got != "disabled" {
		t.Errorf("removing the Application would delete the namespace: prune is %v", got)
	}
}

// TestUnknownMetricIsRejected: Kurator references a MetricTemplate that does not exist.
func TestUnknownMetricIsRejected(t *testing.T) {
	files := edit(t, example(t, seed), "application.yaml", "name: kuma-request-success-rate", "name: request-succes-rate")
	files = edit(t, files, "application.yaml", "customMetric:", "x-customMetric:")
	wantDiagnostic(t, files, "application.yaml:43:23: error FW304 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics[0].name: request-succes-rate is not one of Flagger's metrics")
}

// TestRolloutsShareNoMetricTemplate: Kurator names the MetricTemplates of a namespace only after the metric, so
// the last rollout wins.
func TestRolloutsShareNoMetricTemplate(t *testing.T) {
	second := strings.NewReplacer("name: rollout-kuma-demo", "name: second", "name: backend", "name: frontend", "serviceName: backend", "serviceName: frontend",
		"min: 99", "min: 50", `status!~"5.*"`, `status!~"4.*"`).Replace(string(example(t, seed)[0].Data))
	tree := compile(t, append(example(t, seed), schema.File{Name: "second.yaml", Data: []byte(second)})...)
	first := at(get(t, tree, seedRoll+"metrictemplate-backend.kuma-request-success-rate.yaml"), "metadata")
	other := at(get(t, tree, member1+"rollouts/default.second/metrictemplate-frontend.kuma-request-success-rate.yaml"), "metadata")
	if at(first, "name") == at(other, "name") && at(first, "namespace") == at(other, "namespace") {
		t.Errorf("both rollouts have the MetricTemplate %v", first)
	}
	for dir, workload := range map[string]string{"default.rollout-kuma-demo": "backend", "default.second": "frontend"} {
		canary := get(t, tree, member1+"rollouts/"+dir+"/canary-"+workload+".yaml")
		template := get(t, tree, member1+"rollouts/"+dir+"/metrictemplate-"+workload+".kuma-request-success-rate.yaml")
		if got, want := at(canary, "spec analysis metrics 0 templateRef name"), at(template, "metadata name"); got != want {
			t.Errorf("%s refers to %v, its template is %v", workload, got, want)
		}
	}
}

// TestTemplatesHaveUniqueNames checks names of two rollouts and metrics that are equal when joined.
func TestTemplatesHaveUniqueNames(t *testing.T) {
	rollout := func(policy, workload, metric string) string {
		return "  - name: " + policy + "\n    kustomization: {interval: 5m, prune: true}\n    rollout:\n      trafficRoutingProvider: kuma\n      workload: {name: " + workload + ", namespace: shop}\n" +
			"      serviceName: " + policy + "\n      port: 8080\n      rolloutPolicy:\n        trafficRouting: {canaryStrategy: {stepWeight: 10}}\n" +
			"        trafficAnalysis: {metrics: [{name: " + metric + ", thresholdRange: {min: 1}, customMetric: {provider: {type: prometheus, address: http://x}, query: x}}]}\n"
	}
	for _, names := range [][4]string{{"a", "b-c", "a-b", "c"}, {"a", "b.c", "a.b", "c"}} {
		tree := compile(t, worldAnd(app("x", "  destination: {fleet: shops}\n  syncPolicies:\n"+rollout("p", names[0], names[1])+rollout("q", names[2], names[3])))...)
		templates := 0
		for name := range contents(tree) {
			if strings.Contains(name, "berlin/") && strings.Contains(name, "metrictemplate-") {
				templates++
			}
		}
		if templates != 2 {
			t.Errorf("%q: there are %d templates", names, templates)
		}
	}
}

// TestMatchIsRejectedOnKuma: with match, Flagger would send all traffic to the new version.
func TestMatchIsRejectedOnKuma(t *testing.T) {
	files := edit(t, example(t, seed), "application.yaml", "protocol: http", "match: [{headers: {cookie: {exact: insider}}}]")
	wantDiagnostic(t, files, "application.yaml:34:13: error FW403 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match: Flagger ignores match on kuma")
}

// TestInsertingAPolicyRenamesNoNamedOne: Kurator names objects after the position of their policy, so inserting
// one deletes and recreates the workloads of all that follow.
func TestInsertingAPolicyRenamesNoNamedOne(t *testing.T) {
	named := edit(t, example(t, seed), "application.yaml", "    - destination:", "    - name: webapp\n      destination:")
	wantDiagnostic(t, example(t, seed), "application.yaml:15:7: warning FW208 spec.syncPolicies[0]: the policy is called rollout-kuma-demo-0")
	before := contents(compile(t, named...))
	inserted := edit(t, named, "application.yaml", "  syncPolicies:\n", "  syncPolicies:\n    - name: first\n      destination: {fleet: quickstart}\n      kustomization: {interval: 5m, prune: true}\n")
	after := contents(compile(t, inserted...))
	file := seedApp + "kustomization-webapp.yaml"
	if string(before[file]) == "" || string(before[file]) != string(after[file]) {
		t.Errorf("%s has changed from\n%s\nto\n%s", file, before[file], after[file])
	}
}

// TestBuiltInMetricsSelectOnlyTheCanary: Flagger's own metrics return nothing on Kuma, and Flagger runs its own
// checks under their names even if a template has such a name.
func TestBuiltInMetricsSelectOnlyTheCanary(t *testing.T) {
	files := edit(t, example(t, seed), "application.yaml", "            webhooks:", `              - name: request-success-rate
                thresholdRange: {min: 95}
              - name: request-duration
                thresholdRange: {max: 500}
            webhooks:`)
	tree := compile(t, files...)
	metrics := at(get(t, tree, seedCanary), "spec analysis metrics").([]any)
	if len(metrics) != 3 {
		t.Fatalf("the Canary has the metrics %v", metrics)
	}
	for _, m := range metrics[1:] {
		name := at(m, "name").(string)
		if name == "request-success-rate" || name == "request-duration" {
			t.Errorf("Flagger would run its own check of %s", name)
		}
		template := get(t, tree, seedRoll+"metrictemplate-"+at(m, "templateRef name").(string)+".yaml")
		if got := at(template, "spec provider address"); got != "http://prometheus-server.mesh-observability:80" {
			t.Errorf("%s asks %v", name, got)
		}
		query := at(template, "spec query").(string)
		for _, selector := range []string{`mesh="default"`, `kuma_io_services=~".*,{{ service }}-canary_{{ namespace }}_svc_9898,.*"`, `envoy_cluster_name=~"localhost_9898"`} {
			if !strings.Contains(query, selector) {
				t.Errorf("the query of %s does not select by %s:\n%s", name, selector, query)
			}
		}
	}
}
