package importer_test

import (
	"encoding/json"
	"flag"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/importer"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

var update = flag.Bool("update", false, "write the golden files")

// repositories is the directory with the repositories to import.
const repositories = "../../testdata/import"

// TestGolden checks the result and the report of importing each repository in testdata.
func TestGolden(t *testing.T) {
	for _, dir := range directories(t) {
		t.Run(dir, func(t *testing.T) {
			result := imported(t, read(t, filepath.Join(repositories, dir)))
			var b strings.Builder
			for _, f := range result.Files {
				b.WriteString("-- " + f.Name + " --\n" + string(f.Data))
			}
			report, err := json.MarshalIndent(result, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString("-- report.json --\n" + string(report) + "\n")
			golden := filepath.Join(repositories, dir+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || string(want) != b.String() {
				t.Errorf("%s differs (%v) from\n%s", golden, err, b.String())
			}
		})
	}
}

func directories(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(repositories)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// read returns the files of a directory by name.
func read(t *testing.T, dir string) []schema.File {
	t.Helper()
	files, err := inputs.Read([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		files[i].Name = strings.TrimPrefix(f.Name, filepath.ToSlash(dir)+"/")
	}
	return files
}

func imported(t *testing.T, files []schema.File) *importer.Result {
	t.Helper()
	result, list := importer.Import([]importer.Cluster{{Files: files}})
	for _, d := range list {
		t.Error(d)
	}
	if result == nil {
		t.FailNow()
	}
	return result
}

// TestRenderedIsImportedAgain checks that importing, rendering and importing again gives the same result.
func TestRenderedIsImportedAgain(t *testing.T) {
	for _, dir := range directories(t) {
		t.Run(dir, func(t *testing.T) {
			files := read(t, filepath.Join(repositories, dir))
			first := imported(t, files)
			tree, list := render.Compile(schema.Load(first.Files), render.Options{CheckOutput: true})
			if tree == nil {
				t.Fatal(list)
			}
			files = without(files, first.Imported)
			for _, c := range tree.Clusters {
				for f := range c.Files() {
					files = append(files, schema.File{Name: path.Join(first.Output, c.Name, "fleetwright", f.Path), Data: f.Content})
				}
			}
			files = slices.DeleteFunc(files, func(f schema.File) bool { return !inputs.IsManifest(f.Name) })
			second := imported(t, files)
			if a, b := values(t, first.Files), values(t, second.Files); a != b {
				t.Errorf("the second import gives\n%s\nthe first gave\n%s", b, a)
			}
		})
	}
}

// without returns files without the imported objects.
func without(files []schema.File, objects []importer.Imported) []schema.File {
	var left []schema.File
	for _, f := range files {
		if path.Ext(f.Name) == ".json" {
			continue // a List without remaining items
		}
		lines := strings.SplitAfter(string(f.Data), "\n")
		for _, o := range objects {
			if o.File != f.Name {
				continue
			}
			for i := o.Line - 1; i < len(lines) && lines[i] != "---\n"; i++ {
				lines[i] = ""
			}
		}
		f.Data = []byte(strings.Join(lines, ""))
		left = append(left, f)
	}
	return left
}

// values returns the documents of files, without comments and formatting.
func values(t *testing.T, files []schema.File) string {
	t.Helper()
	var b strings.Builder
	for _, f := range files {
		for _, text := range strings.Split(string(f.Data), "\n---\n") {
			var v any
			if err := yaml.Unmarshal([]byte(text), &v); err != nil {
				t.Fatal(err)
			}
			out, err := yaml.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString("-- " + f.Name + " --\n" + string(out))
		}
	}
	return b.String()
}

// TestCommentsAreKept checks that each comment of an imported document is in the result.
func TestCommentsAreKept(t *testing.T) {
	for _, dir := range directories(t) {
		files := read(t, filepath.Join(repositories, dir))
		result := imported(t, files)
		var made strings.Builder
		for _, f := range result.Files {
			made.Write(f.Data)
		}
		for _, f := range files {
			if !slices.ContainsFunc(result.Imported, func(o importer.Imported) bool { return o.File == f.Name }) {
				continue
			}
			for line := range strings.Lines(string(f.Data)) {
				if _, comment, ok := strings.Cut(line, "# "); ok && !strings.Contains(made.String(), comment) {
					t.Errorf("%s: %s is lost", f.Name, comment)
				}
			}
		}
	}
}
