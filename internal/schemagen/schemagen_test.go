package schemagen_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/fleetwright/fleetwright/internal/schemagen"
)

// TestCommittedSchemasAreCurrent checks that the JSON Schemas, the CUE and its forms match the Go types.
func TestCommittedSchemasAreCurrent(t *testing.T) {
	const dir = "../../schema"
	files, err := schemagen.Generate(dir)
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	for _, f := range files {
		made[f.Name] = true
		committed, err := os.ReadFile(filepath.Join(dir, f.Name))
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(committed, f.Content) {
			t.Errorf("schema/%s is stale: run go generate ./schema", f.Name)
		}
	}
	there, err := filepath.Glob(filepath.Join(dir, "input", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range there {
		if matched, _ := filepath.Match("*.rules.cue", filepath.Base(name)); !matched && !made["input/"+filepath.Base(name)] {
			t.Errorf("%s is made from no Go type", name)
		}
	}
}
