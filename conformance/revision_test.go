package conformance

import (
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// TestNamespaceHasOneLabelOfIstio checks that kustomize leaves the application's Namespace with
// istio-injection or istio.io/rev, never both (istio/istio#43621), whatever label it has in Git or from a
// policy's patch.
func TestNamespaceHasOneLabelOfIstio(t *testing.T) {
	const patch = `[{target: {kind: Namespace, name: web}, patch: '{apiVersion: v1, kind: Namespace, metadata: {name: web, labels: {istio.io/rev: canary}}}'}]`
	for _, test := range []struct{ revision, labels, patches, want string }{
		{"", "{}", "[]", "istio-injection: enabled"},
		{"", "{istio.io/rev: canary}", "[]", "istio.io/rev: canary"},
		{"", "{}", patch, "istio.io/rev: canary"},
		{"stable", "{}", "[]", "istio.io/rev: stable"},
		{"stable", "{istio.io/rev: canary}", "[]", "istio.io/rev: canary"},
		{"stable", "{istio-injection: enabled}", "[]", "istio-injection: enabled"},
		{"stable", "{}", patch, "istio.io/rev: canary"},
	} {
		t.Run(strings.Join([]string{test.revision, test.labels, test.patches}, " "), func(t *testing.T) {
			istio := ""
			if test.revision != "" {
				istio = "revision: " + test.revision
			}
			tree := onIstio(t, istio, test.patches, "testLoader: false")
			build := map[string]any{"resources": []string{"ns.yaml"}}
			for f := range tree.Clusters[0].Files() {
				if strings.HasSuffix(f.Path, "/kustomization-web.yaml") {
					var k struct {
						Spec struct {
							Patches []any `json:"patches"`
						} `json:"spec"`
					}
					if err := yaml.Unmarshal(f.Content, &k); err != nil {
						t.Fatal(err)
					}
					build["patches"] = k.Spec.Patches
				}
				if strings.HasSuffix(f.Path, "/namespace-web.yaml") && strings.Contains(string(f.Content), "istio-injection") && strings.Contains(string(f.Content), "istio.io/rev") {
					t.Errorf("the rendered Namespace has both labels:\n%s", f.Content)
				}
			}
			text, err := yaml.Marshal(build)
			if err != nil {
				t.Fatal(err)
			}
			fs := filesys.MakeFsInMemory()
			for name, data := range map[string]string{
				"kustomization.yaml": string(text),
				"ns.yaml":            "apiVersion: v1\nkind: Namespace\nmetadata: {name: web, labels: " + test.labels + "}\n",
			} {
				if err := fs.WriteFile(name, []byte(data)); err != nil {
					t.Fatal(err)
				}
			}
			built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, ".")
			if err != nil {
				t.Fatal(err)
			}
			out, err := built.AsYaml()
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(out), "istio"); n != 1 || !strings.Contains(string(out), test.want) {
				t.Errorf("want only %s:\n%s", test.want, out)
			}
		})
	}
}

// onIstio returns the tree of one rollout on Istio, with fields of the installed Istio, patches of its
// Kustomization, and a field of the rollout.
func onIstio(t *testing.T, installed, patches, field string) *render.Tree {
	t.Helper()
	tree, list := render.Compile(schema.Load([]schema.File{{Name: "all.yaml", Data: fmt.Appendf(nil, `
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: f}
spec: {clusters: [{kind: AttachedCluster, name: one}], plugin: {flagger: {trafficRoutingProvider: istio, installed: {istio: {%s}}}}}
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
    kustomization: {interval: 5m, prune: true, patches: %s}
    rollout:
      %s
      trafficRoutingProvider: istio
      workload: {name: web, namespace: web}
      serviceName: web
      port: 8080
      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}
`, installed, patches, field)}}), render.Options{})
	if tree == nil {
		t.Fatal(list)
	}
	return tree
}
