package conformance

import (
	"encoding/json"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/render/layout"
)

// write writes a tree where the repository of the clusters has it, and returns
// the root of the repository.
func (f tree) write(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	mustCopy(t, f.inRepository(), root)
	return root
}

// build builds a directory as kustomize-controller does, with its own builder,
// which makes a kustomization.yaml where there is none.
func build(t *testing.T, root, dir string) []*kube.Object {
	t.Helper()
	kustomization := unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"path": "./" + dir}}}
	action, err := fluxkustomize.NewGenerator(root, kustomization).WriteFile(filepath.Join(root, dir))
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	defer func() {
		if err := fluxkustomize.CleanDirectory(filepath.Join(root, dir), action); err != nil {
			t.Error(err)
		}
	}()
	built, err := fluxkustomize.SecureBuild(root, filepath.Join(root, dir), false)
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	data, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	objects, err := kube.Objects(data)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// A stage is a Flux Kustomization of sync.yaml, and what it applies.
type stage struct {
	// name is that of the Flux Kustomization, with its namespace.
	name      types.NamespacedName
	dependsOn []types.NamespacedName
	// server is the cluster that it is applied to.
	server  string
	wait    bool
	objects []*kube.Object
}

// chain is the stages of a cluster in an order that Flux may apply them in, which
// is given by dependsOn alone.
func chain(t *testing.T, root, cluster string, spokes spokes) []stage {
	t.Helper()
	var all []stage
	for _, o := range build(t, root, path.Join(outputPath, cluster, layout.Dir)) {
		dir, _, _ := unstructured.NestedString(o.Object, "spec", "path")
		s := stage{name: nameOf(o), server: spokes.reached(t, o, cluster), objects: build(t, root, dir)}
		s.wait, _, _ = unstructured.NestedBool(o.Object, "spec", "wait")
		dependencies, _, _ := unstructured.NestedSlice(o.Object, "spec", "dependsOn")
		for _, d := range dependencies {
			name, _, _ := unstructured.NestedString(d.(map[string]any), "name")
			namespace, ok, _ := unstructured.NestedString(d.(map[string]any), "namespace")
			if !ok {
				namespace = o.GetNamespace()
			}
			s.dependsOn = append(s.dependsOn, types.NamespacedName{Namespace: namespace, Name: name})
		}
		all = append(all, s)
	}
	var ordered []stage
	for len(all) > 0 {
		// The last that may come: what comes early only by luck comes late here.
		next := -1
		for i, s := range all {
			if !slices.ContainsFunc(s.dependsOn, func(name types.NamespacedName) bool {
				return !slices.ContainsFunc(ordered, func(done stage) bool { return done.name == name })
			}) {
				next = i
			}
		}
		if next < 0 {
			t.Fatalf("%s: none of the stages may come next: %v", cluster, all)
		}
		ordered = append(ordered, all[next])
		all = slices.Delete(all, next, next+1)
	}
	return ordered
}

func nameOf(o *kube.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// TestBuildsAreWhatTheInventoryLists builds the bootstrap path and every payload
// directory with Flux' builder: together they are the objects of the files that
// the inventory lists, each for the cluster that its file is for, and the bootstrap
// path holds nothing but the chain.
func TestBuildsAreWhatTheInventoryLists(t *testing.T) {
	for _, example := range examples(t) {
		tree := golden(t, example)
		root := tree.write(t)
		for _, cluster := range tree.clusters() {
			t.Run(example+"/"+cluster, func(t *testing.T) {
				record(t, "3. Flux' builder")
				var got, want []string
				for _, o := range build(t, root, path.Join(outputPath, cluster)) {
					if o.GetKind() != "Kustomization" {
						t.Errorf("the bootstrap path holds %s", kube.ID(o))
					}
					got = append(got, cluster+" gets "+kube.ID(o))
				}
				for _, s := range chain(t, root, cluster, kubeconfigs(t, example)) {
					for _, o := range s.objects {
						got = append(got, s.server+" gets "+kube.ID(o))
					}
				}
				var inventory layout.Inventory
				if err := json.Unmarshal(tree[path.Join(cluster, layout.Dir, layout.InventoryFile)], &inventory); err != nil {
					t.Fatal(err)
				}
				for name := range inventory.Files {
					file := path.Join(cluster, layout.Dir, name)
					for _, o := range objects(t, file, tree[file]) {
						want = append(want, server(file)+" gets "+kube.ID(o))
					}
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("it builds\n%s\nand lists\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			})
		}
	}
}
