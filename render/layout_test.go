package render_test

import (
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// stages returns clusters of three stages, with Applications for all of them and for one stage.
func stages(names ...string) string {
	var documents, members []string
	for _, name := range names {
		stage, _, _ := strings.Cut(name, "-")
		documents = append(documents, fmt.Sprintf("{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: %s, labels: {stage: %s}}}", name, stage))
		members = append(members, fmt.Sprintf("{kind: Cluster, name: %s}", name))
	}
	documents = append(documents, fmt.Sprintf("{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: f}, spec: {plugin: {flagger: {trafficRoutingProvider: kuma, publicTestloader: true}}, clusters: [%s]}}", strings.Join(members, ", ")))
	app := func(name, selector, rollout string) {
		documents = append(documents, fmt.Sprintf("{apiVersion: apps.kurator.dev/v1alpha1, kind: Application, metadata: {name: %[1]s}, spec: {source: {gitRepository: {url: https://example.com, interval: 1m}}, destination: {fleet: f%[2]s}, syncPolicies: [{name: %[1]s, kustomization: {interval: 5m, prune: true}%[3]s}]}}", name, selector, rollout))
	}
	app("everywhere", "", ", rollout: {trafficRoutingProvider: kuma, workload: {name: web, namespace: shop}, serviceName: web, port: 8080, rolloutPolicy: {trafficRouting: {analysisTimes: 3}}}")
	app("tested", ", clusterSelector: {matchLabels: {stage: test}}", "")
	return strings.Join(documents, "\n---\n")
}

func mustRender(t *testing.T, documents string, opts render.Options) *render.Tree {
	t.Helper()
	tree, list := render.Compile(schema.Load([]schema.File{{Name: "f.yaml", Data: []byte(documents)}}), opts)
	if tree == nil {
		t.Fatal(list)
	}
	return tree
}

// TestAClustersFilesAreItsOwn checks that a cluster's files do not depend on the fleet's other clusters,
// although clusters with the same content share memory.
func TestAClustersFilesAreItsOwn(t *testing.T) {
	names := []string{"prod-a", "prod-b", "test-a", "test-b"}
	opts := render.Options{Path: "some place/of: it"}
	for i, cluster := range mustRender(t, stages(names...), opts).Clusters {
		alone := mustRender(t, stages(names[i]), opts).Clusters[0]
		want := map[string]string{}
		for f := range alone.Files() {
			want[f.Path] = string(f.Content)
		}
		for f := range cluster.Files() {
			if want[f.Path] != string(f.Content) {
				t.Errorf("%s of %s is\n%s\nand, on its own,\n%s", f.Path, cluster.Name, f.Content, want[f.Path])
			}
			delete(want, f.Path)
		}
		if len(want) > 0 {
			t.Errorf("%s lacks %v", cluster.Name, want)
		}
	}
}

// TestInventoriesListTheFiles checks that every file except inventories is listed in exactly one inventory.
func TestInventoriesListTheFiles(t *testing.T) {
	for name, files := range fleets(t) {
		for _, cluster := range compile(t, files...).Clusters {
			owners := map[string]string{}
			var patterns []string
			for f := range cluster.Files() {
				if !layout.IsInventoryFile(f.Path) {
					continue
				}
				for _, file := range layout.InventoryFiles(f.Content) {
					if strings.Contains(file, "*") {
						patterns = append(patterns, file)
					}
					if other, ok := owners[file]; ok {
						t.Errorf("%s: %s of %s lists %s, and so does %s", name, f.Path, cluster.Name, file, other)
					}
					owners[file] = f.Path
				}
			}
			for file := range cluster.Paths() {
				for _, pattern := range patterns {
					if ok, _ := path.Match(pattern, file); ok {
						owners[file] = pattern
					}
				}
				if owners[file] == "" && !layout.IsInventoryFile(file) {
					t.Errorf("%s: no inventory of %s lists %s", name, cluster.Name, file)
				}
				delete(owners, file)
			}
			for file := range owners {
				if !strings.Contains(file, "*") {
					t.Errorf("%s: an inventory of %s lists %s, which is not there", name, cluster.Name, file)
				}
			}
		}
	}
}

// TestPathsAreNotSubstituted checks that Flux' postBuild does not change paths in sync.yaml.
func TestPathsAreNotSubstituted(t *testing.T) {
	for dir, want := range map[string]bool{"clusters": false, "cl$${x}": true, "${env}": true} {
		tree := mustRender(t, stages("prod-a"), render.Options{Path: dir})
		for f := range tree.Clusters[0].Files() {
			if f.Path == layout.SyncFile && strings.Contains(string(f.Content), "kustomize.toolkit.fluxcd.io/substitute: disabled") != want {
				t.Errorf("with the path %q it is\n%s", dir, f.Content)
			}
		}
	}
}
