package conformance

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// TestLoadTesterIsRestricted checks that the API server admits the private load tester to a namespace that
// enforces the Pod Security level restricted.
func TestLoadTesterIsRestricted(t *testing.T) {
	tree := onIstio(t, "", "[]", "testLoader: true")
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
		t.Error("no load tester")
	}
}
