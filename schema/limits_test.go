package schema_test

import (
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

func TestDocumentsTogetherAreLimited(t *testing.T) {
	half := strings.Repeat("--- 1\n", 125_000)
	files := []schema.File{{Name: "a.yaml", Data: []byte(half)}, {Name: "b.yaml", Data: []byte(half)}}
	if docs := schema.Load(files); docs.Diagnostics.HasErrors() {
		t.Errorf("250,000 documents: %v", docs.Diagnostics)
	}
	list := "apiVersion: v1\nkind: List\nitems:\n" + strings.Repeat("- 1\n", 10)
	files = append(files, schema.File{Name: "c.yaml", Data: []byte(list)})
	docs := schema.Load(files)
	if len(docs.Diagnostics) != 1 || docs.Diagnostics[0].Code != diag.Oversized || docs.Diagnostics[0].Position.File != "c.yaml" || docs.Complete() {
		t.Errorf("250,011 documents: %v", docs.Diagnostics)
	}
}

func TestRulesHoldOfEveryItemOfALongList(t *testing.T) {
	var b strings.Builder
	b.WriteString("apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec:\n  source: {gitRepository: {interval: 1m, url: https://x.y/z}}\n  syncPolicies:\n")
	for i := range 1000 {
		if i == 567 {
			b.WriteString("  - {name: p}\n")
			continue
		}
		b.WriteString("  - {name: p, kustomization: {interval: 1m, path: x, prune: true}}\n")
	}
	docs := schema.Load([]schema.File{{Name: "a.yaml", Data: []byte(b.String())}})
	if len(docs.Diagnostics) != 1 || docs.Diagnostics[0].Path != "spec.syncPolicies[567]" || docs.Diagnostics[0].Code != diag.OnePolicy {
		t.Errorf("%v", docs.Diagnostics)
	}
}
