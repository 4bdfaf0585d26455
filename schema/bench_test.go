package schema_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/fleetwright/fleetwright/schema"
)

// many is how many Applications the benchmark has.
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
