package render_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/fleetwright/fleetwright/render/layout"
)

// TestKustomizeBuildsEveryDirectory builds what Flux' kustomize-controller will
// build: every directory that has a kustomization.yaml, with kustomize itself.
func TestKustomizeBuildsEveryDirectory(t *testing.T) {
	for _, dir := range examples(t) {
		tree := compile(t, example(t, dir)...)
		files := filesys.MakeFsInMemory()
		want := map[string]int{}
		for name, content := range contents(tree) {
			if err := files.WriteFile(name, content); err != nil {
				t.Fatal(err)
			}
			switch path.Base(name) {
			case "kustomization.yaml", layout.InventoryFile:
			default:
				want[path.Dir(name)] += strings.Count("\n"+string(content), "\napiVersion: ")
			}
		}
		for _, name := range slices.Sorted(keys(want)) {
			built := build(t, files, name)
			if built.Size() != want[name] {
				t.Errorf("%s: kustomize builds %d objects of %d", name, built.Size(), want[name])
			}
		}
		// Nothing else is a Kubernetes object that a scan would find: a
		// kustomization.yaml is beside every file.
		for name := range contents(tree) {
			if !files.Exists(path.Join(path.Dir(name), "kustomization.yaml")) {
				t.Errorf("%s has no kustomization.yaml beside it", name)
			}
		}
	}
}

// TestBootstrapSeesOnlyTheChain builds the directory that a cluster's bootstrap
// Kustomization applies. Payload in it would be applied without its order, and a
// kustomization.yaml above it would make Flux prune itself.
func TestBootstrapSeesOnlyTheChain(t *testing.T) {
	tree := compile(t, example(t, seed)...)
	files := filesys.MakeFsInMemory()
	for name, content := range contents(tree) {
		if strings.Count(name, "/") < 2 {
			t.Errorf("%s is above <cluster>/fleetwright", name)
		}
		if err := files.WriteFile(name, content); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for _, r := range build(t, files, "kurator-member1/fleetwright").Resources() {
		names = append(names, r.GetKind()+" "+r.GetNamespace()+"/"+r.GetName())
	}
	slices.Sort(names)
	want := []string{
		"Kustomization flux-system/app-default.rollout-kuma-demo",
		"Kustomization flux-system/infrastructure",
		"Kustomization flux-system/mesh",
		"Kustomization flux-system/rollout-default.rollout-kuma-demo",
	}
	if !slices.Equal(names, want) {
		t.Errorf("the bootstrap Kustomization sees %q, want %q", names, want)
	}
}

func build(t testing.TB, files filesys.FileSystem, dir string) resmap.ResMap {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, dir)
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return built
}

// webapp is what the source of the Application of Kurator's example holds, but for the
// replicas, which a user's would have.
const webapp = `apiVersion: v1
kind: Namespace
metadata:
  name: webapp
  labels:
    pod-security.kubernetes.io/enforce: baseline
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: backend, namespace: webapp}
spec:
  replicas: 3
  selector: {matchLabels: {app: backend}}
  template:
    metadata: {labels: {app: backend}}
    spec: {containers: [{name: backend, image: podinfo}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: backend-worker, namespace: webapp}
spec:
  replicas: 2
  selector: {matchLabels: {app: backend-worker}}
  template:
    metadata: {labels: {app: backend-worker}}
    spec: {containers: [{name: backend, image: podinfo}]}
`

// TestPatchesDoWhatTheyAreFor has kustomize apply the patches of the rendered
// Flux Kustomization to manifests as an application brings them.
func TestPatchesDoWhatTheyAreFor(t *testing.T) {
	for name, edits := range map[string][2]string{
		"as the seed has it":      {"", ""},
		"with a target namespace": {"path: ./deploy/webapp", "path: ./deploy/webapp\n        targetNamespace: webapp"},
	} {
		t.Run(name, func(t *testing.T) {
			files := example(t, seed)
			if edits[0] != "" {
				files = edit(t, files, "application.yaml", edits[0], edits[1])
			}
			k := get(t, compile(t, files...), "kurator-member1/fleetwright/apps/default.rollout-kuma-demo/kustomization-rollout-kuma-demo-0.yaml")
			fs := filesys.MakeFsInMemory()
			write := func(name, content string) {
				if err := fs.WriteFile(name, []byte(content)); err != nil {
					t.Fatal(err)
				}
			}
			own := webapp
			if edits[0] != "" {
				// kustomize renames it, after it has patched.
				own = strings.Replace(own, "name: webapp", "name: its-own", 1)
			}
			write("app/webapp.yaml", own)
			kustomization := map[string]any{"resources": []string{"webapp.yaml"}, "patches": at(k, "spec patches")}
			if ns := at(k, "spec targetNamespace"); ns != nil {
				kustomization["namespace"] = ns
			}
			write("app/kustomization.yaml", marshal(t, kustomization))
			built := build(t, fs, "app")
			for _, r := range built.Resources() {
				object, err := r.Map()
				if err != nil {
					t.Fatal(err)
				}
				switch r.GetName() {
				case "webapp":
					labels := r.GetLabels()
					if labels["kuma.io/sidecar-injection"] != "enabled" || labels["pod-security.kubernetes.io/enforce"] != "baseline" {
						t.Errorf("the namespace has the labels %v", labels)
					}
				case "backend":
					if replicas := at(object, "spec replicas"); replicas != nil {
						t.Errorf("backend keeps replicas: %v, which Flux would reset", replicas)
					}
				case "backend-worker":
					if replicas := at(object, "spec replicas"); replicas != 2 {
						t.Errorf("backend-worker, which is not rolled out, has replicas: %v", replicas)
					}
				}
			}
		})
	}
	t.Run("on an application without any of it", func(t *testing.T) {
		k := get(t, compile(t, example(t, seed)...), "kurator-member1/fleetwright/apps/default.rollout-kuma-demo/kustomization-rollout-kuma-demo-0.yaml")
		fs := filesys.MakeFsInMemory()
		_ = fs.WriteFile("app/kustomization.yaml", []byte(marshal(t, map[string]any{"resources": []string{"cm.yaml"}, "patches": at(k, "spec patches")})))
		_ = fs.WriteFile("app/cm.yaml", []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"))
		if size := build(t, fs, "app").Size(); size != 1 {
			t.Errorf("kustomize builds %d objects, want the ConfigMap", size)
		}
	})
}
