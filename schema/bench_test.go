package schema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/schema"
)

// many is how many Applications, and objects, the benchmarks have.
const many = 1000

// BenchmarkLoad reads and checks Applications, each in a file of its own.
func BenchmarkLoad(b *testing.B) {
	data, err := os.ReadFile("../examples/kuma-rollout/application.yaml")
	if err != nil {
		b.Fatal(err)
	}
	files := make([]schema.File, many)
	for i := range files {
		name := fmt.Appendf(nil, "name: rollout-kuma-demo-%d\n", i)
		files[i] = schema.File{Name: fmt.Sprintf("%d.yaml", i), Data: bytes.Replace(data, []byte("name: rollout-kuma-demo\n"), name, 1)}
	}
	b.ReportAllocs()
	for b.Loop() {
		if docs := schema.Load(files); docs.Diagnostics.HasErrors() || len(docs.All) != many {
			b.Fatal(docs.Diagnostics)
		}
	}
}

// BenchmarkCheckOutput checks objects of the golden trees.
func BenchmarkCheckOutput(b *testing.B) {
	golden := goldenOutputs(b)
	objects := make([]schema.Output, many)
	for i := range objects {
		objects[i] = golden[i%len(golden)]
	}
	b.ReportAllocs()
	for b.Loop() {
		if all := schema.CheckOutput(objects); len(all) > 0 {
			b.Fatal(all)
		}
	}
}

// goldenOutputs are the objects of Kurator's example.
func goldenOutputs(b *testing.B) (all []schema.Output) {
	b.Helper()
	err := filepath.WalkDir("../testdata/golden/kuma-rollout", func(name string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".yaml" {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if data, err = yaml.YAMLToJSON(data); err != nil {
			return err
		}
		o := schema.Output{Name: name, Value: json.RawMessage(data)}
		if err := json.Unmarshal(data, &struct{ APIVersion, Kind *string }{&o.APIVersion, &o.Kind}); err != nil {
			return err
		}
		all = append(all, o)
		return nil
	})
	if err != nil || len(all) == 0 {
		b.Fatalf("no objects: %v", err)
	}
	return all
}
