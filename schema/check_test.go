package schema

import (
	"os"
	"path/filepath"
	"testing"

	"cuelang.org/go/cue"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestShapesWithoutUnusedFieldsDecideAlike: what a document has no field of is left
// out of the shape that it is checked with, and the whole shape says the same.
func TestShapesWithoutUnusedFieldsDecideAlike(t *testing.T) {
	refused := 0
	for _, f := range documentsOfTheRepository(t) {
		nodes, _ := parse(f)
		for _, n := range nodes {
			d := &Document{file: f, node: n}
			if d.Kind, _, _ = match(d.Text("apiVersion"), d.Text("kind")); d.Kind.Name == "" {
				continue
			}
			value, _ := d.decode()
			if value == nil {
				continue
			}
			fields := map[string]bool{}
			addFields(fields, value)
			pruned := (&inputCheck{kind: d.Kind}).shapeFor(fields)
			whole := newCUEFile(d.Kind.file(".cue")).field("#" + d.Kind.Name)
			decide := func(shape cue.Value) bool {
				return shape.Unify(cueContext().Encode(value)).Validate(cue.Concrete(true)) == nil
			}
			got, want := decide(pruned), decide(whole)
			if got != want {
				t.Errorf("%s:%d: the pruned shape says %t, the whole one %t", f.Name, n.Line, got, want)
			}
			if !want {
				refused++
			}
		}
	}
	if refused == 0 {
		t.Error("no document was refused")
	}
}

// TestShapesGrow with the fields of later documents.
func TestShapesGrow(t *testing.T) {
	k, _ := KindNamed("Fleet")
	c := &inputCheck{kind: k}
	document := func(plugin map[string]any) map[string]any {
		return map[string]any{"apiVersion": k.APIVersion, "kind": k.Name, "metadata": map[string]any{"name": "a"}, "spec": map[string]any{"clusters": []any{}, "plugin": plugin}}
	}
	for _, plugin := range []map[string]any{{}, {"grafana": map[string]any{}}, {"metric": 1}, {}} {
		d := document(plugin)
		fields := map[string]bool{}
		addFields(fields, d)
		if err := c.shapeFor(fields).Unify(cueContext().Encode(d)).Validate(cue.Concrete(true)); err != nil {
			t.Errorf("%v is refused: %v", plugin, err)
		}
	}
	for name, want := range map[string]bool{"grafana": true, "metric": true, "submariner": false} {
		if c.optional[name] != want {
			t.Errorf("the shape has %s: %t", name, !want)
		}
	}
}

// documentsOfTheRepository are the examples, and the documents of the tests of
// diagnostics, of which many are refused.
func documentsOfTheRepository(t *testing.T) (all []File) {
	t.Helper()
	for _, pattern := range []string{"../examples/*/*.yaml", "testdata/diagnostics/*.txtar"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no such files", pattern)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(name) == ".yaml" {
				all = append(all, File{Name: name, Data: data})
				continue
			}
			for _, f := range txtar.Parse(data).Files {
				all = append(all, File{Name: name + "/" + f.Name, Data: f.Data})
			}
		}
	}
	return all
}
