package render_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/fleetwright/fleetwright/internal/fleetgen"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// TestCompilingAgainIsCompiling: what a Loader and a Compiler have kept of other inputs
// changes nothing of what is made of the next ones, or of the same.
func TestCompilingAgainIsCompiling(t *testing.T) {
	files := func(size fleetgen.Size, edit func(*schema.File)) []schema.File {
		files, err := fleetgen.Files(size)
		if err != nil {
			t.Fatal(err)
		}
		for i := range files {
			if edit != nil {
				edit(&files[i])
			}
		}
		return files
	}
	small, large := fleetgen.Size{Applications: 30, Clusters: 2}, fleetgen.Size{Applications: 60, Clusters: 3}
	replace := func(old, new string) func(*schema.File) {
		return func(f *schema.File) { f.Data = bytes.ReplaceAll(f.Data, []byte(old), []byte(new)) }
	}
	var loader schema.Loader
	var compiler render.Compiler
	before := &render.Tree{}
	for i, inputs := range [][]schema.File{
		files(small, nil), files(small, nil), files(large, nil),
		files(large, replace("interval: 5m", "interval: 7m")),
		files(large, replace("name: team", "name: Team")), // which is an error
		files(small, replace("prune: true", "prune: yes please")),
		files(small, nil),
	} {
		got, gotList := compiler.Compile(loader.Load(inputs), render.Options{})
		want, wantList := render.Compile(schema.Load(inputs), render.Options{})
		if !slices.Equal(gotList, wantList) || (got == nil) != (want == nil) {
			t.Fatalf("inputs %d: %v, in place of %v", i, gotList, wantList)
		}
		if want == nil {
			continue
		}
		if changes := got.Changes(want); len(changes) > 0 {
			t.Errorf("inputs %d: %s of %s is\n%s\nin place of\n%s", i, changes[0].Path, changes[0].Cluster, changes[0].New, changes[0].Old)
		}
		if i == 1 && len(got.Changes(before)) > 0 {
			t.Error("the same inputs made another tree")
		}
		before = got
	}
}
