package render

import (
	"testing"

	"github.com/fleetwright/fleetwright/internal/fleetgen"
	"github.com/fleetwright/fleetwright/schema"
)

// generated returns the files of a fleet.
func generated(b *testing.B) []schema.File {
	b.Helper()
	files, err := fleetgen.Files(fleetgen.Size{Applications: 48, Clusters: 10})
	if err != nil {
		b.Fatal(err)
	}
	return files
}

// BenchmarkLoadFleets loads and validates 48 Applications.
func BenchmarkLoadFleets(b *testing.B) {
	files := generated(b)
	b.ReportAllocs()
	for b.Loop() {
		schema.Load(files)
	}
}

// BenchmarkCompileFleets compiles 48 loaded Applications for 10 clusters each.
func BenchmarkCompileFleets(b *testing.B) {
	docs := schema.Load(generated(b))
	b.ReportAllocs()
	for b.Loop() {
		if tree, _ := Compile(docs, Options{}); tree == nil {
			b.Fatal("no tree")
		}
	}
}

// BenchmarkCompileClusters compiles one Application for 1,000 clusters.
func BenchmarkCompileClusters(b *testing.B) {
	files, err := fleetgen.Files(fleetgen.Size{Applications: 1, Clusters: 1000})
	if err != nil {
		b.Fatal(err)
	}
	docs := schema.Load(files)
	b.ReportAllocs()
	for b.Loop() {
		if tree, _ := Compile(docs, Options{}); tree == nil {
			b.Fatal("no tree")
		}
	}
}
