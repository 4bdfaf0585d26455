package output

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// goldenObjects returns the objects of the golden trees, each once.
func goldenObjects(t testing.TB) (all []Object) {
	t.Helper()
	seen := map[string]bool{}
	err := filepath.WalkDir("../../testdata/golden", func(name string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".yaml" {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for text := range strings.SplitSeq(string(data), "\n---\n") {
			if seen[text] {
				continue
			}
			seen[text] = true
			o := Object{Name: name}
			object, err := yaml.YAMLToJSON([]byte(text))
			if err == nil {
				o.Value = json.RawMessage(object)
				err = json.Unmarshal(object, &struct{ APIVersion, Kind *string }{&o.APIVersion, &o.Kind})
			}
			if err != nil {
				return err
			}
			all = append(all, o)
		}
		return nil
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("no objects: %v", err)
	}
	return all
}

// TestGoldenObjectsFit: each object fits one of the definitions of its kind.
func TestGoldenObjectsFit(t *testing.T) {
	for _, o := range goldenObjects(t) {
		bad := Check([]Object{o})
		for _, o.Form = range []Form{Policy, Patched} {
			if k := kinds()[[2]string{o.APIVersion, o.Kind}]; len(bad) > 0 && k != nil && k.forms[o.Form] != nil && len(Check([]Object{o})) == 0 {
				bad = nil
			}
		}
		for _, err := range bad {
			t.Error(err)
		}
	}
}

// TestWideObjectsAreCheckedToTheirEnd: of lists and mappings, in each other, every item and
// every field.
func TestWideObjectsAreCheckedToTheirEnd(t *testing.T) {
	object := func(change func(metadata, spec map[string]any)) Object {
		metadata := map[string]any{"name": "a", "namespace": "b"}
		spec := map[string]any{"interval": "1m", "sourceRef": map[string]any{"kind": "GitRepository", "name": "a"}, "prune": true}
		change(metadata, spec)
		value := map[string]any{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata, "spec": spec}
		return Object{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Name: "a", Value: value}
	}
	const n = 3*maxWidth + 1
	for _, at := range []int{-1, 0, maxWidth - 1, maxWidth, n - 1} {
		for name, change := range map[string]func(metadata, spec map[string]any){
			"items": func(_, spec map[string]any) {
				items := make([]any, n)
				for i := range items {
					if items[i] = "x"; i == at {
						items[i] = 1
					}
				}
				spec["components"] = items
			},
			"fields": func(_, spec map[string]any) {
				labels := map[string]any{}
				for i := range n {
					if labels[fmt.Sprintf("l%04d", i)] = "x"; i == at {
						labels[fmt.Sprintf("l%04d", i)] = 1
					}
				}
				spec["commonMetadata"] = map[string]any{"labels": labels}
			},
			"items of items": func(_, spec map[string]any) {
				items := make([]any, n)
				for i := range items {
					if items[i] = map[string]any{"name": "x"}; i == at {
						items[i] = map[string]any{"nam": "x"}
					}
				}
				spec["images"] = items
			},
			"unknown fields": func(_, spec map[string]any) {
				for i := range n * min(at+1, 1) {
					spec[fmt.Sprintf("l%04d", i)] = "x"
				}
			},
		} {
			if bad := Check([]Object{object(change)}); (len(bad) == 0) != (at < 0) {
				t.Errorf("%s: with a mistake at %d there are %d errors: %.300v", name, at, len(bad), bad)
			}
		}
	}
}

// TestUnknownKindsAreRefused.
func TestUnknownKindsAreRefused(t *testing.T) {
	bad := Check([]Object{{APIVersion: "v1", Kind: "Pod", Name: "Pod a"}, {APIVersion: "v1", Kind: "Namespace", Name: "Namespace b", Value: func() {}}})
	if len(bad) != 2 || bad[0].Error() != "Pod a: no schema for v1 Pod" {
		t.Errorf("got %v", bad)
	}
}

// TestDefinitionsCompile: none panics, in any form, nor do their rules.
func TestDefinitionsCompile(t *testing.T) {
	for _, k := range kinds() {
		forms := []*kind{k}
		for _, f := range k.forms {
			forms = append(forms, f)
		}
		for _, k := range forms {
			k.field(k.definition)
			k.field("objects")
			if k.rules != nil {
				k.rules()
			}
		}
	}
}

// BenchmarkCheck checks objects of the golden trees.
func BenchmarkCheck(b *testing.B) {
	golden := goldenObjects(b)
	objects := make([]Object, 1000)
	for i := range objects {
		objects[i] = golden[i%len(golden)]
	}
	b.ReportAllocs()
	for b.Loop() {
		Check(objects)
	}
}
