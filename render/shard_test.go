package render_test

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/fleetgen"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// fleets returns documents of different shapes, by description.
func fleets(t *testing.T) map[string][]schema.File {
	t.Helper()
	all := map[string][]schema.File{"everything": everything(t)}
	for _, dir := range examples(t) {
		all[path.Base(dir)] = example(t, dir)
	}
	for _, size := range []fleetgen.Size{{Applications: 1, Clusters: 1}, {Applications: 10, Clusters: 7}, {Applications: 60, Clusters: 2}} {
		files, err := fleetgen.Files(size)
		if err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprintf("%d applications", size.Applications)] = files
		all[fmt.Sprintf("%d applications on a hub", size.Applications)] = onHub(files...)
	}
	return all
}

// ofApplication returns a match with the directory of the application to which a file belongs, or nil.
func ofApplication(file string) []string {
	if m := sourceFile.FindStringSubmatch(file); m != nil {
		return []string{m[0], m[2] + "." + m[1]}
	}
	return applicationFile.FindStringSubmatch(file)
}

var (
	applicationFile = regexp.MustCompile(`/fleetwright/(?:(?:clusters/[^/]+/)?(?:apps|rollouts|namespaces)/|sync/(?:[^/]+/)?)([^/]+\.[^/]+?)(?:/|\.yaml$)`)
	sourceFile      = regexp.MustCompile(`/sources/[a-z]+-(.+)\.([^./]+)\.yaml$`)
)

// TestShardsContainTheTree checks that each file except a directory's own inventory is in exactly one shard,
// together with all other files of its application, and that the inventory is in all shards. So the order in
// which shards are combined makes no difference.
func TestShardsContainTheTree(t *testing.T) {
	for name, files := range fleets(t) {
		t.Run(name, func(t *testing.T) {
			tree := compile(t, files...)
			want := contents(tree)
			for _, n := range []int{1, 2, 3, 5, 16} {
				union, shardOf := map[string][]byte{}, map[string]int{}
				for i := 1; i <= n; i++ {
					shard := tree.Shard(i, n)
					if len(shard.Clusters) != len(tree.Clusters) {
						t.Errorf("shard %d of %d has %d clusters", i, n, len(shard.Clusters))
					}
					for file, content := range contents(shard) {
						of := ofApplication(file)
						switch before, there := union[file]; {
						case strings.HasSuffix(file, "/"+layout.Dir+"/"+layout.InventoryFile):
							if there && !bytes.Equal(before, content) {
								t.Errorf("%s differs in shard %d of %d", file, i, n)
							}
						case there:
							t.Errorf("%s is in shard %d of %d and in one before", file, i, n)
						case of == nil && i != 1:
							t.Errorf("%s is of no application, and in shard %d of %d", file, i, n)
						case of != nil && shardOf[of[1]] != 0 && shardOf[of[1]] != i:
							t.Errorf("%s is in shard %d of %d, and other files of the application in %d", file, i, n, shardOf[of[1]])
						case of != nil:
							shardOf[of[1]] = i
						}
						union[file] = content
					}
				}
				if !maps.EqualFunc(union, want, bytes.Equal) {
					t.Errorf("%d shards have %d files, and the tree %d, or not the same ones", n, len(union), len(want))
				}
			}
			if !maps.EqualFunc(contents(tree), want, bytes.Equal) {
				t.Error("the tree itself has changed")
			}
		})
	}
}

// TestShardsAreBalanced checks the sizes of shards, also for names of applications that follow a pattern.
func TestShardsAreBalanced(t *testing.T) {
	const applications = 120
	var documents bytes.Buffer
	for i := range applications {
		fmt.Fprintf(&documents, "---\n{apiVersion: apps.kurator.dev/v1alpha1, kind: Application, metadata: {name: app-%03d}, spec: {source: {gitRepository: {url: https://example.com, interval: 1m}}, syncPolicies: [{name: p-%[1]d, kustomization: {interval: 5m, prune: true}}]}}\n", i*2)
	}
	tree := mustRender(t, documents.String(), render.Options{})
	for _, n := range []int{2, 4, 6} {
		for i := 1; i <= n; i++ {
			apps := map[string]bool{}
			for file := range contents(tree.Shard(i, n)) {
				if of := ofApplication(file); of != nil {
					apps[of[1]] = true
				}
			}
			if share := applications / n; len(apps) < share/2 || len(apps) > share*3/2 {
				t.Errorf("shard %d of %d has %d of %d applications", i, n, len(apps), applications)
			}
		}
	}
}

// TestClustersHaveTheirLabels checks that clusters have the labels of their documents.
func TestClustersHaveTheirLabels(t *testing.T) {
	for _, c := range compile(t, example(t, "../examples/cluster-selectors")...).Clusters {
		want := map[string]string{
			"austin": "map[region:us stage:production]", "berlin": "map[region:eu stage:production]", "lisbon": "map[region:eu stage:staging]",
		}[c.Name]
		if got := fmt.Sprint(c.Labels); got != want || c.Spokes != nil {
			t.Errorf("%s has the labels %s, want %s, and the spokes %v", c.Name, got, want, c.Spokes)
		}
	}
	hub := compile(t, example(t, "../examples/hub")...).Clusters[0]
	if hub.Labels != nil || fmt.Sprint(hub.Spokes) != "[kurator-member1 kurator-member2]" {
		t.Errorf("the hub has the labels %v and the spokes %v", hub.Labels, hub.Spokes)
	}
}
