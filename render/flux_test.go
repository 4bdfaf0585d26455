package render_test

import (
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// inMemory returns a tree as a file system for kustomize.
func inMemory(t testing.TB, tree *render.Tree) filesys.FileSystem {
	t.Helper()
	files := filesys.MakeFsInMemory()
	for name, content := range contents(tree) {
		if err := files.WriteFile(name, content); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestKustomizeBuildsEveryDirectory builds the directories that Flux' kustomize-controller will build, with
// kustomize itself: the one that the bootstrap Kustomization applies, and those of all Kustomizations found on
// the way. They contain every object exactly once.
func TestKustomizeBuildsEveryDirectory(t *testing.T) {
	all := fleets(t)
	maps.Copy(all, sharing(t))
	all["a cluster without applications"] = worldAnd(app("a", "  destination: {fleet: shops}\n  syncPolicies: [{name: p, "+policy+"}]\n"))
	for name, files := range all {
		tree := compile(t, files...)
		fs := inMemory(t, tree)
		for _, c := range tree.Clusters {
			root := path.Join(c.Name, layout.Dir)
			want := map[string]int{}
			for f := range c.Files() {
				if path.Ext(f.Path) == ".yaml" && path.Base(f.Path) != layout.KustomizationFile {
					want[path.Join(root, layout.Stage(f.Path))] += strings.Count("\n"+string(f.Content), "\napiVersion: ")
				}
			}
			for dirs := []string{root}; len(dirs) > 0; dirs = dirs[1:] {
				built := build(t, fs, dirs[0])
				if built.Size() != want[dirs[0]] {
					t.Errorf("%s: of %s kustomize builds %d objects of %d", name, dirs[0], built.Size(), want[dirs[0]])
				}
				if _, ok := want[dirs[0]]; !ok && !slices.Contains([]string{layout.SyncDir, layout.SourcesDir, layout.SharedDir, layout.GatewaysDir}, path.Base(dirs[0])) {
					t.Errorf("%s: two Flux Kustomizations apply %s, or it is empty", name, dirs[0])
				}
				delete(want, dirs[0])
				for _, r := range built.Resources() {
					object, err := r.Map()
					if err != nil {
						t.Fatal(err)
					}
					of, _ := at(object, "spec path").(string)
					own, _ := at(object, "spec sourceRef kind").(string)
					if dir, ok := strings.CutPrefix(of, "./clusters/"); ok && strings.HasPrefix(dir, root+"/") {
						dirs = append(dirs, dir)
					} else if tree.OwnArtifacts && own == "OCIRepository" {
						dirs = append(dirs, path.Join(root, of))
					}
				}
			}
			if len(want) > 0 {
				t.Errorf("%s: no Flux Kustomization applies %v", name, want)
			}
		}
	}
}

// TestBootstrapSeesOnlyTheChain builds the directory that a cluster's bootstrap Kustomization applies. Other
// objects in it would be applied in the wrong order, and a kustomization.yaml above it would make Flux prune
// itself.
func TestBootstrapSeesOnlyTheChain(t *testing.T) {
	tree := compile(t, example(t, seed)...)
	for name := range contents(tree) {
		if strings.Count(name, "/") < 2 {
			t.Errorf("%s is above <cluster>/fleetwright", name)
		}
	}
	files := inMemory(t, tree)
	for dir, want := range map[string][]string{
		"kurator-member1/fleetwright": {
			"Kustomization flux-system/infrastructure",
			"Kustomization flux-system/mesh",
			"Kustomization flux-system/shared",
			"Kustomization flux-system/sync",
		},
		"kurator-member1/fleetwright/sync": {
			"Kustomization flux-system/app-default.rollout-kuma-demo",
			"Kustomization flux-system/rollout-default.rollout-kuma-demo",
		},
	} {
		var names []string
		for _, r := range build(t, files, dir).Resources() {
			names = append(names, r.GetKind()+" "+r.GetNamespace()+"/"+r.GetName())
		}
		slices.Sort(names)
		if !slices.Equal(names, want) {
			t.Errorf("the Kustomization of %s sees %q, want %q", dir, names, want)
		}
	}
}

// build builds a directory as kustomize-controller does: one without a kustomization.yaml gets one that lists
// the YAML files below it, and the directories that have one (fluxcd/pkg kustomize/kustomize_generator.go,
// generateKustomization).
func build(t testing.TB, files filesys.FileSystem, dir string) resmap.ResMap {
	t.Helper()
	if file := path.Join(dir, layout.KustomizationFile); !files.Exists(file) {
		resources := []string{}
		err := files.Walk(dir, func(name string, info fs.FileInfo, err error) error {
			below, _ := filepath.Rel("/"+dir, "/"+name)
			switch {
			case err != nil || below == ".":
			case info.IsDir() && files.Exists(path.Join(name, layout.KustomizationFile)):
				resources = append(resources, below)
				return filepath.SkipDir
			case !info.IsDir() && slices.Contains([]string{".yaml", ".yml"}, path.Ext(name)):
				resources = append(resources, below)
			}
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		kustomization := map[string]any{"resources": resources}
		if len(resources) == 0 {
			kustomization = map[string]any{"namespace": "_placeholder"} // as in kustomize-controller
		}
		if err := files.WriteFile(file, []byte(marshal(t, kustomization))); err != nil {
			t.Fatal(err)
		}
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, dir)
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return built
}

// webapp is the content of the source in Kurator's example, with replicas added, as users have them.
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
---
apiVersion: v1
kind: Service
metadata: {name: backend, namespace: webapp, annotations: {example.com/team: shop}}
spec: {selector: {app: backend}, ports: [{name: http, port: 9898}, {name: grpc, port: 9999}]}
---
apiVersion: v1
kind: Service
metadata: {name: backend-worker, namespace: webapp}
spec: {selector: {app: backend-worker}, ports: [{port: 80}]}
`

// TestRenderedPatchesWork makes kustomize apply the patches of the rendered Flux Kustomization to typical
// manifests of an application.
func TestRenderedPatchesWork(t *testing.T) {
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
				// kustomize renames it after it has patched.
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
				switch r.GetKind() + " " + r.GetName() {
				case "Service backend":
					annotations := r.GetAnnotations()
					if annotations["9898.service.kuma.io/protocol"] != "http" || annotations["example.com/team"] != "shop" {
						t.Errorf("the Service, whose annotations Flagger does not change, has %v", annotations)
					}
				case "Service backend-worker":
					if annotations := r.GetAnnotations(); len(annotations) > 0 {
						t.Errorf("the Service of another workload has %v", annotations)
					}
				case "Namespace webapp":
					labels := r.GetLabels()
					if labels["kuma.io/sidecar-injection"] != "enabled" || labels["pod-security.kubernetes.io/enforce"] != "baseline" {
						t.Errorf("the namespace has the labels %v", labels)
					}
				case "Deployment backend":
					if replicas := at(object, "spec replicas"); replicas != nil {
						t.Errorf("backend keeps replicas: %v, which Flux would reset", replicas)
					}
				case "Deployment backend-worker":
					if replicas := at(object, "spec replicas"); replicas != 2 {
						t.Errorf("backend-worker, which is not rolled out, has replicas: %v", replicas)
					}
				}
			}
		})
	}
	t.Run("on an application without these objects", func(t *testing.T) {
		k := get(t, compile(t, example(t, seed)...), "kurator-member1/fleetwright/apps/default.rollout-kuma-demo/kustomization-rollout-kuma-demo-0.yaml")
		fs := filesys.MakeFsInMemory()
		_ = fs.WriteFile("app/kustomization.yaml", []byte(marshal(t, map[string]any{"resources": []string{"cm.yaml"}, "patches": at(k, "spec patches")})))
		_ = fs.WriteFile("app/cm.yaml", []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"))
		if size := build(t, fs, "app").Size(); size != 1 {
			t.Errorf("kustomize builds %d objects, want the ConfigMap", size)
		}
	})
}

// TestOwnServiceGetsMissingMetadata checks a Service that exists before its Canary: it keeps its own
// metadata (fluxcd/flagger pkg/router/kubernetes_default.go, reconcileService).
func TestOwnServiceGetsMissingMetadata(t *testing.T) {
	patchOf := func(t *testing.T, files []schema.File) any {
		k := get(t, compile(t, files...), seedApp+"kustomization-rollout-kuma-demo-0.yaml")
		for _, p := range at(k, "spec patches").([]any) {
			if at(p, "target kind") == "Service" {
				var patch map[string]any
				if err := yaml.Unmarshal([]byte(at(p, "patch").(string)), &patch); err != nil {
					t.Fatal(err)
				}
				return patch
			}
		}
		return nil
	}
	files := edit(t, example(t, seed), "application.yaml", "protocol: http", "protocol: grpc")
	if got := at(patchOf(t, files), "metadata annotations 9898.service.kuma.io/protocol"); got != "grpc" {
		t.Errorf("the annotation of the port is %v", got)
	}
	patched := edit(t, example(t, seed), "application.yaml", "        testLoader: true", `        patches:
        - target: {kind: Canary}
          patch: '[{"op": "add", "path": "/spec/service/apex/labels", "value": {"team": "shop"}}]'
        testLoader: true`)
	if got := at(patchOf(t, patched), "metadata labels team"); got != "shop" {
		t.Errorf("a label that a patch puts on the apex Service is %v", got)
	}
	istio := edit(t, edit(t, example(t, seed), "fleet.yaml", "trafficRoutingProvider: kuma", "trafficRoutingProvider: istio"),
		"application.yaml", "trafficRoutingProvider: kuma", "trafficRoutingProvider: istio")
	istio = edit(t, istio, "application.yaml", "            protocol: http\n", "")
	if got := patchOf(t, istio); got != nil {
		t.Errorf("on istio, where nothing is missing, the Service is patched: %v", got)
	}
}
