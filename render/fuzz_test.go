package render_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/plain"
	"github.com/fleetwright/fleetwright/schema"
)

// FuzzCompile checks properties of every input: compiling ends without a panic, the same input gives the same
// bytes, and accepted inputs match the output schemas, or an internal error would be reported.
func FuzzCompile(f *testing.F) {
	for _, dir := range examples(f) {
		var all [][]byte
		for _, file := range example(f, dir) {
			all = append(all, file.Data)
		}
		f.Add(bytes.Join(all, []byte("\n---\n")))
	}
	seeds := append(slices.Collect(maps.Values(everyDocument())), everything(f), onHub(everyHelmField))
	for _, patches := range goodPatches {
		seeds = append(seeds, patched(patches))
	}
	for _, files := range seeds {
		var all [][]byte
		for _, file := range files {
			all = append(all, file.Data)
		}
		f.Add(bytes.Join(all, []byte("\n---\n")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		files := []schema.File{{Name: "f.yaml", Data: data}}
		tree, list := render.Compile(schema.Load(files), render.Options{DefaultPath: "clusters", CheckOutput: true})
		for _, d := range list {
			if d.Code == "FW901" {
				t.Error(d)
			}
		}
		if (tree == nil) != list.HasErrors() {
			t.Errorf("a tree: %t, errors: %t", tree != nil, list.HasErrors())
		}
		again, sameList := render.Compile(schema.Load(files), render.Options{DefaultPath: "clusters"})
		if text(list) != text(sameList) {
			t.Errorf("got\n%sand then\n%s", text(list), text(sameList))
		}
		if tree == nil || again == nil {
			return
		}
		first, second := contents(tree), contents(again)
		for name := range first {
			if !bytes.Equal(first[name], second[name]) {
				t.Errorf("%s differs", name)
			}
		}
	})
}

// FuzzCanaries checks properties of all plain Canaries: reading, checking and planning them ends without a
// panic, and gives the same result for the same input.
func FuzzCanaries(f *testing.F) {
	for _, pattern := range []string{"../testdata/canaries/*.yaml", "../internal/flagger/testdata/runs/*/canary.json"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data, "1.44.0")
		}
	}
	archive, err := txtar.ParseFile("../schema/testdata/canaries.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range archive.Files {
		f.Add(file.Data, "1.36")
	}
	f.Fuzz(func(t *testing.T, data []byte, version string) {
		check := func() string {
			docs := schema.LoadRollouts([]schema.File{{Name: "f.yaml", Data: data}}, plain.IsBeside)
			run := render.Begin(docs, render.Options{Canaries: render.CanaryOptions{Flagger: version}})
			_, list := run.Compile(nil)
			return text(list)
		}
		if one, two := check(), check(); one != two {
			t.Errorf("got\n%sand then\n%s", one, two)
		}
	})
}
