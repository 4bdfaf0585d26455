package render_test

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

	"github.com/sebdah/goldie/v2"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// examples returns the directories under examples/, each of which has a golden tree.
func examples(t testing.TB) []string {
	t.Helper()
	applications, err := filepath.Glob("../examples/*/application.yaml")
	if err != nil || len(applications) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	var dirs []string
	for _, name := range applications {
		dirs = append(dirs, filepath.Dir(name))
	}
	return dirs
}

// example reads the files of an example, named relative to it.
func example(t testing.TB, dir string) []schema.File {
	t.Helper()
	var files []schema.File
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".yaml" {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		files = append(files, schema.File{Name: filepath.ToSlash(rel), Data: data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// compile compiles files that have no errors.
func compile(t testing.TB, files ...schema.File) *render.Tree {
	t.Helper()
	tree, list := render.Compile(schema.Load(files), render.Options{DefaultPath: "clusters"})
	if tree == nil {
		t.Fatalf("no tree:\n%s", text(list))
	}
	return tree
}

func text(list diag.List) string {
	var b strings.Builder
	if err := diag.WriteText(&b, list); err != nil {
		panic(err)
	}
	return b.String()
}

// contents returns all files of a tree, by path.
func contents(tree *render.Tree) map[string][]byte {
	all := map[string][]byte{}
	for _, c := range tree.Clusters {
		for f := range c.Files() {
			all[path.Join(c.Name, layout.Dir, f.Path)] = f.Content
		}
	}
	return all
}

func TestExamplesRenderTheirGoldenTrees(t *testing.T) {
	for _, dir := range examples(t) {
		name := filepath.Base(dir)
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("../testdata/golden", name)
			g := goldie.New(t, goldie.WithFixtureDir(golden), goldie.WithNameSuffix(""), goldie.WithDiffEngine(goldie.ColoredDiff))
			all := contents(compile(t, example(t, dir)...))
			for _, file := range slices.Sorted(keys(all)) {
				g.Assert(t, file, all[file])
			}
			err := filepath.WalkDir(golden, func(file string, e fs.DirEntry, err error) error {
				rel, _ := filepath.Rel(golden, file)
				if err == nil && !e.IsDir() && all[filepath.ToSlash(rel)] == nil {
					t.Errorf("%s is in the golden tree but no longer rendered", rel)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func keys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// get decodes the object of a file.
func get(t testing.TB, tree *render.Tree, file string) map[string]any {
	t.Helper()
	content, ok := contents(tree)[file]
	if !ok {
		t.Fatalf("%s is not rendered; there are\n%s", file, strings.Join(slices.Sorted(keys(contents(tree))), "\n"))
	}
	var object map[string]any
	if err := yaml.UnmarshalStrict(content, &object); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return object
}

// at returns a value in an object. The path consists of names and indices, separated by spaces.
func at(object any, path string) any {
	for _, name := range strings.Fields(path) {
		switch o := object.(type) {
		case map[string]any:
			object = o[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(o) {
				return nil
			}
			object = o[i]
		default:
			return nil
		}
	}
	return object
}

// edit replaces a text in the Application of Kurator's example.
func edit(t testing.TB, files []schema.File, name, from, to string) []schema.File {
	t.Helper()
	files = slices.Clone(files)
	for i, f := range files {
		if f.Name == name {
			if !bytes.Contains(f.Data, []byte(from)) {
				t.Fatalf("%s does not contain %q", name, from)
			}
			files[i].Data = bytes.Replace(f.Data, []byte(from), []byte(to), 1)
			return files
		}
	}
	t.Fatalf("no file %s", name)
	return nil
}

const seed = "../examples/kuma-rollout"

func marshal(t testing.TB, v any) string {
	t.Helper()
	y, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(y)
}

// diagnostics returns the diagnostics of files.
func diagnostics(files []schema.File) diag.List {
	_, list := render.Compile(schema.Load(files), render.Options{})
	return list
}

// problems returns the diagnostics of files without notices.
func problems(files []schema.File) diag.List {
	return slices.DeleteFunc(diagnostics(files), func(d diag.Diagnostic) bool { return d.Severity == diag.Info })
}

// wantDiagnostic checks that one diagnostic begins with a text.
func wantDiagnostic(t testing.TB, files []schema.File, want string) {
	t.Helper()
	list := diagnostics(files)
	for _, d := range list {
		if strings.HasPrefix(d.String(), want) {
			return
		}
	}
	t.Errorf("no diagnostic\n%s\namong\n%s", want, text(list))
}

func unmarshal(t testing.TB, document string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := yaml.UnmarshalStrict([]byte(document), &object); err != nil {
		t.Fatal(err)
	}
	return object
}
