package conformance

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// outputPath is where the golden trees are in the repository of the clusters.
const outputPath = "clusters"

// examples are the names of the examples, each with a golden tree.
func examples(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("../testdata/golden")
	if err != nil || len(entries) == 0 {
		t.Fatalf("no golden trees: %v", err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A tree is the files of clusters, by their paths below the output directory.
type tree map[string][]byte

// golden is the golden tree of an example.
func golden(t *testing.T, example string) tree {
	t.Helper()
	return readTree(t, filepath.Join("../testdata/golden", example))
}

func readTree(t *testing.T, dir string) tree {
	t.Helper()
	files := tree{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files[name], err = os.ReadFile(filepath.Join(dir, name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// compiled compiles an example whose documents are edited.
func compiled(t *testing.T, example string, edit func(document map[string]any)) tree {
	t.Helper()
	var inputs []schema.File
	for name, data := range readTree(t, filepath.Join("../examples", example)) {
		if path.Ext(name) != ".yaml" {
			continue
		}
		objects, err := kube.Objects(data)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range objects {
			edit(o.Object)
			data, err := yaml.Marshal(o.Object)
			if err != nil {
				t.Fatal(err)
			}
			inputs = append(inputs, schema.File{Name: fmt.Sprintf("%s#%d", name, i), Data: data})
		}
	}
	rendered, list := render.Compile(schema.Load(inputs), render.Options{DefaultPath: outputPath})
	if rendered == nil {
		t.Fatalf("%s: %v", example, list)
	}
	files := tree{}
	for _, c := range rendered.Clusters {
		for f := range c.Files() {
			files[path.Join(c.Name, render.Dir, f.Path)] = f.Content
		}
		files[path.Join(c.Name, render.Dir, render.InventoryFile)] = c.Inventory().Content
	}
	return files
}

// eachPolicy edits the sync policies of an Application.
func eachPolicy(edit func(policy map[string]any)) func(map[string]any) {
	return func(document map[string]any) {
		if document["kind"] != "Application" {
			return
		}
		policies, _, _ := unstructured.NestedSlice(document, "spec", "syncPolicies")
		for _, p := range policies {
			edit(p.(map[string]any))
		}
		if err := unstructured.SetNestedSlice(document, policies, "spec", "syncPolicies"); err != nil {
			panic(err)
		}
	}
}

// inRepository are the files of a tree where the repository of the clusters has
// them.
func (f tree) inRepository() tree {
	files := tree{}
	for name, data := range f {
		files[path.Join(outputPath, name)] = data
	}
	return files
}

// clusters are the names of the clusters of a tree.
func (f tree) clusters() []string {
	var names []string
	for name := range f {
		cluster, _, _ := strings.Cut(name, "/")
		names = append(names, cluster)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// objects are those of the files below a directory, but for what kustomize reads.
func (f tree) objects(t *testing.T, dir string) map[string]*kube.Object {
	t.Helper()
	all := map[string]*kube.Object{}
	for name, data := range f {
		if !strings.HasPrefix(name, dir+"/") || path.Ext(name) != ".yaml" || path.Base(name) == "kustomization.yaml" {
			continue
		}
		objects, err := kube.Objects(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, o := range objects {
			if other, ok := all[kube.ID(o)]; ok && !equalJSON(t, other, o) {
				t.Errorf("%s is rendered twice in %s, and differs", kube.ID(o), dir)
			}
			all[kube.ID(o)] = o
		}
	}
	return all
}

func equalJSON(t *testing.T, a, b *kube.Object) bool {
	t.Helper()
	x, err := a.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}
