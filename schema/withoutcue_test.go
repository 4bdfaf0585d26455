package schema_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// TestExamplesAreCompiledWithoutCUE: neither what comes in nor what goes out needs it,
// where all is right.
func TestExamplesAreCompiledWithoutCUE(t *testing.T) {
	var asked atomic.Int64
	schema.OnCUE(t, func() { asked.Add(1) })
	examples, err := filepath.Glob("../examples/*/application.yaml")
	examples = append(examples, "../examples/kustomize/fleet/application.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, name := range examples {
		files := filesOf(t, filepath.Dir(name))
		tree, list := render.Compile(schema.Load(files), render.Options{DefaultPath: "clusters"})
		if tree == nil {
			t.Fatalf("%s: no tree: %v", name, list)
		}
		if n := asked.Swap(0); n > 0 {
			t.Errorf("%s: CUE was asked %d times", name, n)
		}
	}
	wrong := filesOf(t, "../examples/kuma-rollout")
	for i := range wrong {
		wrong[i].Data = bytes.Replace(wrong[i].Data, []byte("stepWeight: 10"), []byte("stepWeight: 110"), 1)
	}
	if docs := schema.Load(wrong); !docs.Diagnostics.HasErrors() || asked.Load() == 0 {
		t.Errorf("of what is wrong CUE was asked %d times: %v", asked.Load(), docs.Diagnostics)
	}
}

// filesOf are the YAML files below a directory.
func filesOf(t testing.TB, dir string) (files []schema.File) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".yaml" {
			return err
		}
		data, err := os.ReadFile(name)
		files = append(files, schema.File{Name: name, Data: data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
