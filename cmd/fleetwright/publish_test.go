package main

import (
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/tree"
)

func TestSyncedFrom(t *testing.T) {
	const url = "oci://registry.example.com/fleet"
	for content, want := range map[string]string{
		"spec: {url: oci://registry.example.com/fleet/eu}":  "",
		"spec: {url: oci://registry.example.com/fleets/eu}": "oci://registry.example.com/fleets/eu",
		"spec: {url: oci://registry.example.com/fleet/us}":  "oci://registry.example.com/fleet/us",
		"": "",
	} {
		files := map[string][]byte{"sync.yaml": nil}
		if content != "" {
			files[layout.SourceFile] = []byte(content)
		}
		if got := syncedFrom(&render.Tree{Clusters: []*render.Cluster{tree.NewFiles("eu", files)}}, url); got != want {
			t.Errorf("%s: %q", content, got)
		}
	}
}
