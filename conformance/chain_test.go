package conformance

import (
	"os"
	"os/exec"
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

// write writes a tree to its path in a repository of the clusters, and returns the root of the repository.
func (f tree) write(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	mustCopy(t, f.inRepository(), root)
	return root
}

// build builds a directory with kustomize-controller's own builder, which generates a missing
// kustomization.yaml.
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

// A stage is a Flux Kustomization on a directory of the cluster, with the objects that it applies.
type stage struct {
	// name is the namespace and name of the Flux Kustomization.
	name types.NamespacedName
	// dependsOn are the stages that must precede it, including the one that applies the Kustomization.
	dependsOn []types.NamespacedName
	// server is the cluster that the stage is applied to.
	server  string
	wait    bool
	objects []*kube.Object
}

// chain returns the stages of a cluster in an order that Flux may use: each stage follows its dependencies
// and the stage that applies its Flux Kustomization.
func chain(t *testing.T, root, cluster string, spokes spokes) []stage {
	t.Helper()
	root, bootstrap := synced(root, cluster)
	all := stages(t, root, cluster, spokes, build(t, root, bootstrap))
	var ordered []stage
	for len(all) > 0 {
		// Choosing the last possible stage delays those that would otherwise come early by luck.
		next := -1
		for i, s := range all {
			if !slices.ContainsFunc(s.dependsOn, func(name types.NamespacedName) bool {
				return !slices.ContainsFunc(ordered, func(done stage) bool { return done.name == name })
			}) {
				next = i
			}
		}
		if next < 0 {
			t.Fatalf("%s: no stage has all its dependencies: %v", cluster, all)
		}
		ordered = append(ordered, all[next])
		all = slices.Delete(all, next, next+1)
	}
	return ordered
}

// synced returns the root of the files that a cluster syncs from a tree, and the path of its own
// Kustomization there: the repository, or the cluster's artifact if the tree has an OCIRepository.
func synced(root, cluster string) (source, bootstrap string) {
	dir := path.Join(outputPath, cluster)
	own := filepath.Join(root, dir, layout.Dir)
	if _, err := os.Stat(filepath.Join(own, layout.SourceFile)); err == nil {
		return own, "."
	}
	return root, dir
}

// stages returns the stages among some objects, and recursively those that they apply. Each depends on the
// stages after.
func stages(t *testing.T, root, cluster string, spokes spokes, objects []*kube.Object, after ...types.NamespacedName) (all []stage) {
	t.Helper()
	for _, o := range objects {
		if !isStage(o) {
			continue
		}
		dir, _, _ := unstructured.NestedString(o.Object, "spec", "path")
		s := stage{name: nameOf(o), dependsOn: slices.Clone(after), server: spokes.reached(t, o, cluster), objects: build(t, root, dir)}
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
		all = append(all, stages(t, root, cluster, spokes, s.objects, s.name)...)
	}
	return all
}

// isStage reports whether an object is a Flux Kustomization on the repository of the clusters.
func isStage(o *kube.Object) bool {
	source, _, _ := unstructured.NestedString(o.Object, "spec", "sourceRef", "name")
	return o.GroupVersionKind() == kustomizations && source == "flux-system"
}

func nameOf(o *kube.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// TestBuildsAreWhatTheInventoriesList builds the bootstrap path and every payload directory with Flux's
// builder. Together they have exactly the objects of the files that the inventories list, each for the right
// cluster, and the bootstrap path holds only the chain.
func TestBuildsAreWhatTheInventoriesList(t *testing.T) {
	for _, example := range examples(t) {
		tree := golden(t, example)
		root := tree.write(t)
		for _, cluster := range tree.clusters() {
			t.Run(example+"/"+cluster, func(t *testing.T) {
				record(t, "3. Flux' builder")
				var got, want []string
				source, bootstrap := synced(root, cluster)
				for _, o := range build(t, source, bootstrap) {
					if !isStage(o) && o.GetKind() != "OCIRepository" {
						t.Errorf("unexpected object in the bootstrap path: %s", kube.ID(o))
					}
					got = append(got, cluster+" gets "+kube.ID(o))
				}
				for _, s := range chain(t, root, cluster, kubeconfigs(t, example)) {
					for _, o := range s.objects {
						got = append(got, s.server+" gets "+kube.ID(o))
					}
				}
				for file := range tree.listed(cluster) {
					for _, o := range objects(t, file, tree[file]) {
						want = append(want, server(file)+" gets "+kube.ID(o))
					}
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("the directories build\n%s\nbut the inventories list\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			})
		}
	}
}

// inventories returns the inventories of a cluster's directory: the cluster's own, and those of applications.
func (f tree) inventories(cluster string) (files []string) {
	for name := range f {
		if directory(name) == cluster && path.Base(name) == layout.InventoryFile {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files
}

// listed returns the files that a cluster's inventories list. Several inventories may list one file.
func (f tree) listed(cluster string) map[string]bool {
	files := map[string]bool{}
	for _, inventory := range f.inventories(cluster) {
		for _, listed := range layout.InventoryFiles(f[inventory]) {
			for name := range f {
				if ok, _ := path.Match(path.Join(cluster, layout.Dir, listed), name); ok {
					files[name] = true
				}
			}
		}
	}
	return files
}

// TestInventoriesAreChecksums checks the files that inventories list with sha256sum. Every file is listed,
// and sha256sum reports a changed file.
func TestInventoriesAreChecksums(t *testing.T) {
	check := func(root, inventory string) (string, error) {
		file := filepath.Join(root, outputPath, inventory)
		cmd := exec.Command("sha256sum", "--check", "--strict", "--quiet", file)
		cmd.Dir = filepath.Join(root, outputPath, directory(inventory), layout.Dir)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, example := range examples(t) {
		tree := golden(t, example)
		root := tree.write(t)
		for _, cluster := range tree.clusters() {
			t.Run(example+"/"+cluster, func(t *testing.T) {
				record(t, "8. sha256sum: checks the inventories")
				listed := tree.listed(cluster)
				for _, inventory := range tree.inventories(cluster) {
					if out, err := check(root, inventory); err != nil {
						t.Errorf("%s: %v\n%s", inventory, err, out)
					}
					listed[inventory] = true
				}
				for name := range tree {
					if directory(name) == cluster && !listed[name] {
						t.Errorf("no inventory lists %s", name)
					}
				}
				for name := range listed {
					if tree[name] == nil {
						t.Errorf("%s is listed but missing", name)
					}
				}
				own := path.Join(cluster, layout.Dir, layout.InventoryFile)
				mustCopy(t, tree.changed(path.Join(cluster, layout.Dir, layout.SyncFile)).inRepository(), root)
				if out, err := check(root, own); err == nil || !strings.Contains(out, layout.SyncFile+": FAILED") {
					t.Errorf("after a change of %s, sha256sum on %s ends with %v:\n%s", layout.SyncFile, own, err, out)
				}
			})
		}
	}
}

// changed returns a tree with a changed file.
func (f tree) changed(name string) tree {
	return tree{name: append(slices.Clone(f[name]), "# changed\n"...)}
}
