package conformance

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// outputPath is the path of the golden trees in the repository of the clusters.
const outputPath = "clusters"

// The examples of this module have no golden trees. The documents of everyField set every field that is
// compiled. In alerts, two applications of a cluster share an AlertProvider, and one uses small steps.
const (
	everyField = "every-field"
	alerts     = "alerts"
)

// examples returns the directory names of the examples: those for users, and everyField.
func examples(t *testing.T) []string {
	t.Helper()
	applications, err := filepath.Glob("../examples/*/application.yaml")
	if err != nil || len(applications) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	names := []string{everyField}
	for _, name := range applications {
		names = append(names, filepath.Base(filepath.Dir(name)))
	}
	return names
}

// documents returns the files of an example.
func documents(t *testing.T, example string) tree {
	t.Helper()
	if isOwn(example) {
		return readTree(t, filepath.Join("testdata", example))
	}
	return readTree(t, filepath.Join("../examples", example))
}

// isOwn reports whether an example belongs to this module.
func isOwn(example string) bool { return example == everyField || example == alerts }

// A tree holds the files of clusters, by path below the output directory.
type tree map[string][]byte

// golden returns the golden tree of an example.
func golden(t *testing.T, example string) tree {
	t.Helper()
	if isOwn(example) {
		return compiled(t, example, func(map[string]any) {})
	}
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

// rendered compiles an example with edited documents. A document that edit clears is removed.
func rendered(t *testing.T, example string, edit func(document map[string]any)) *render.Tree {
	t.Helper()
	var inputs []schema.File
	for name, data := range documents(t, example) {
		if path.Ext(name) != ".yaml" {
			continue
		}
		objects, err := kube.Objects(data)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range objects {
			if edit(o.Object); len(o.Object) == 0 {
				continue
			}
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
	return rendered
}

// compiled returns the output for an example with edited documents.
func compiled(t *testing.T, example string, edit func(document map[string]any)) tree {
	t.Helper()
	files := tree{}
	for _, c := range rendered(t, example, edit).Clusters {
		for f := range c.Files() {
			files[path.Join(c.Name, layout.Dir, f.Path)] = f.Content
		}
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

// inRepository returns the files of a tree at their paths in the repository of the clusters.
func (f tree) inRepository() tree { return f.below(outputPath) }

// below returns the files of a tree in a directory.
func (f tree) below(dir string) tree {
	files := tree{}
	for name, data := range f {
		files[path.Join(dir, name)] = data
	}
	return files
}

// clusters returns the names of the directories of a tree, each for the Flux of one cluster.
func (f tree) clusters() []string {
	var names []string
	for name := range f {
		names = append(names, directory(name))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// servers returns the clusters whose API servers get objects of a directory: its own cluster, and those that
// a hub applies to.
func (f tree) servers(cluster string) []string {
	var names []string
	for name := range f {
		if directory(name) == cluster {
			names = append(names, server(name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func directory(file string) string {
	cluster, _, _ := strings.Cut(file, "/")
	return cluster
}

// onSpoke matches a file that a hub applies to the API server of another cluster.
var onSpoke = regexp.MustCompile(`^[^/]+/` + layout.Dir + `/clusters/([^/]+)/(?:infrastructure|meshes|mesh|shared|namespaces|rollouts)/`)

// server returns the cluster whose API server gets the objects of a file.
func server(file string) string {
	if m := onSpoke.FindStringSubmatch(file); m != nil {
		return m[1]
	}
	return directory(file)
}

// objects returns the objects for the API server of a cluster.
func (f tree) objects(t *testing.T, cluster string) map[string]*kube.Object {
	t.Helper()
	all := map[string]*kube.Object{}
	for name, data := range f {
		if server(name) != cluster {
			continue
		}
		for _, o := range objects(t, name, data) {
			if other, ok := all[kube.ID(o)]; ok && !equalJSON(t, other, o) {
				t.Errorf("%s is rendered twice for %s, with differences", kube.ID(o), cluster)
			}
			all[kube.ID(o)] = o
		}
	}
	return all
}

// A placed object is an object with the cluster whose API server gets it.
type placed struct {
	*kube.Object
	server string
}

// all returns the objects of all directories.
func (f tree) all(t *testing.T) (all []placed) {
	t.Helper()
	for _, cluster := range f.clusters() {
		for _, name := range f.servers(cluster) {
			for _, o := range f.objects(t, name) {
				all = append(all, placed{o, name})
			}
		}
	}
	return all
}

// objects returns the objects of a file, except those that kustomize and fleetwright read.
func objects(t *testing.T, name string, data []byte) []*kube.Object {
	t.Helper()
	if path.Ext(name) != ".yaml" || path.Base(name) == "kustomization.yaml" {
		return nil
	}
	all, err := kube.Objects(data)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return all
}

// A secret identifies a key of a Secret.
type secret struct{ name, key string }

// spokes maps the secrets with kubeconfigs to the clusters that a hub applies to.
type spokes map[secret]string

// kubeconfigs returns where Kurator stores the kubeconfigs of an example's clusters. An AttachedCluster may
// name a secret; Cluster API, which Kurator creates clusters with, creates the secret of a Cluster.
func kubeconfigs(t *testing.T, example string) spokes {
	t.Helper()
	found := spokes{}
	for name, data := range documents(t, example) {
		for _, o := range objects(t, name, data) {
			switch o.GetKind() {
			case "AttachedCluster":
				if ref, ok, _ := unstructured.NestedStringMap(o.Object, "spec", "kubeconfig"); ok {
					found[secret{ref["name"], ref["key"]}] = o.GetName()
				}
			case "Cluster":
				found[secret{o.GetName() + "-kubeconfig", "value"}] = o.GetName()
			}
		}
	}
	return found
}

// reached returns the cluster that a Flux object applies to: the one of its kubeconfig, or its own.
func (s spokes) reached(t *testing.T, o *kube.Object, own string) string {
	t.Helper()
	ref, ok, _ := unstructured.NestedStringMap(o.Object, "spec", "kubeConfig", "secretRef")
	if !ok {
		return own
	}
	cluster, ok := s[secret{ref["name"], ref["key"]}]
	if !ok {
		t.Fatalf("%s has the kubeconfig %v, want one of %v", kube.ID(o), ref, s)
	}
	return cluster
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
