package importer_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fleetwright/fleetwright/internal/importer"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// FuzzImport checks that the result of an import compiles, for every repository.
func FuzzImport(f *testing.F) {
	err := filepath.Walk(repositories, func(name string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && filepath.Ext(name) != ".golden" {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			f.Add(data)
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	bootstrap, err := os.ReadFile(filepath.Join(repositories, "plain/clusters/eu/flux-system/gotk-sync.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, files := range [][]schema.File{
			{{Name: "a.yaml", Data: data}},
			{{Name: "clusters/eu/flux-system/gotk-sync.yaml", Data: bootstrap}, {Name: "clusters/eu/a.yaml", Data: data}},
		} {
			result, _ := importer.Import([]importer.Cluster{{Files: files}})
			if result == nil || len(result.Imported) == 0 {
				continue
			}
			if tree, list := render.Compile(schema.Load(result.Files), render.Options{CheckOutput: true}); tree == nil {
				t.Errorf("the result does not compile: %v", list)
			}
		}
	})
}
