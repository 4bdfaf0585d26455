package conformance

import (
	"context"
	"path"
	"strings"
	"testing"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resource"
)

// TestNothingIsSubstituted checks that Flux does not change the commands and queries of a rollout, even if a
// cluster's own Kustomization makes all others substitute variables.
func TestNothingIsSubstituted(t *testing.T) {
	record(t, "3. Flux leaves variables to the shell")
	const command, query = "hey -z ${LENGTH:-1m} http://backend-canary.webapp:9898/$$", `sum(rate(x{app="backend",path="${PATH}"}[1m]))`
	files := compiled(t, "kuma-rollout", eachPolicy(func(policy map[string]any) {
		if policy["rollout"] == nil {
			return
		}
		analysis := []string{"rollout", "rolloutPolicy", "trafficAnalysis"}
		metrics, _, _ := unstructured.NestedSlice(policy, append(analysis, "metrics")...)
		metrics[0].(map[string]any)["customMetric"].(map[string]any)["query"] = query
		for field, value := range map[string]any{"metrics": metrics, "webhooks": map[string]any{"command": []any{command}}} {
			if err := unstructured.SetNestedField(policy, value, append(analysis, field)...); err != nil {
				t.Fatal(err)
			}
		}
	}))
	substituting := unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"postBuild": map[string]any{
		"substitute": map[string]any{"LENGTH": "9m", "PATH": "elsewhere"},
	}}}}
	found := 0
	for name, data := range files {
		if path.Ext(name) != ".yaml" || path.Base(name) == "kustomization.yaml" || !strings.Contains(string(data), "${") && !strings.Contains(string(data), "$$") {
			continue
		}
		for _, o := range objects(t, name, data) {
			before, err := o.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			var r resource.Resource
			if err := r.UnmarshalJSON(before); err != nil {
				t.Fatal(err)
			}
			substituted, err := fluxkustomize.SubstituteVariables(context.Background(), nil, substituting, &r, fluxkustomize.SubstituteWithDryRun(true))
			if err != nil {
				t.Fatal(err)
			}
			if substituted != nil {
				t.Errorf("%s: Flux changes it to %s", name, substituted.MustYaml())
			}
			found++
		}
	}
	if found != 4 { // a Canary and a MetricTemplate on two clusters
		t.Errorf("%d objects have variables", found)
	}
}
