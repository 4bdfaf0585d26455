package conformance

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// TestLoadTesterIsRestricted: the API server's own admission takes the private load tester in a
// namespace that enforces Pod Security restricted.
func TestLoadTesterIsRestricted(t *testing.T) {
	tree, list := render.Compile(schema.Load([]schema.File{{Name: "all.yaml", Data: []byte(`
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: f}
spec: {clusters: [{kind: AttachedCluster, name: one}], plugin: {flagger: {trafficRoutingProvider: istio}}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: one}, spec: {kubeconfig: {name: one}}}
---
apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata: {name: x}
spec:
  source: {gitRepository: {url: https://example.com/x.git, interval: 1m}}
  destination: {fleet: f}
  syncPolicies:
  - name: web
    kustomization: {interval: 5m, prune: true}
    rollout:
      testLoader: true
      trafficRoutingProvider: istio
      workload: {name: web, namespace: web}
      serviceName: web
      port: 8080
      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}
`)}}), render.Options{})
	if tree == nil {
		t.Fatal(list)
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for f := range tree.Clusters[0].Files() {
		var d appsv1.Deployment
		if yaml.Unmarshal(f.Content, &d) != nil || d.Kind != "Deployment" {
			continue
		}
		found = true
		restricted := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
		for _, r := range evaluator.EvaluatePod(restricted, &d.Spec.Template.ObjectMeta, &d.Spec.Template.Spec) {
			if !r.Allowed {
				t.Errorf("%s: %s: %s", f.Path, r.ForbiddenReason, r.ForbiddenDetail)
			}
		}
	}
	if !found {
		t.Error("there is no load tester")
	}
}
