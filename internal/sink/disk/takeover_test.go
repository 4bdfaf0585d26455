package disk

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// former returns inputs, and their output in the former layout.
func former(t *testing.T, name string) (tree *render.Tree, dir string) {
	t.Helper()
	at := filepath.Join("testdata", "former", name)
	data, err := os.ReadFile(filepath.Join(at, "inputs.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	tree, list := render.Compile(schema.Load([]schema.File{{Name: "inputs.yaml", Data: data}}), render.Options{Path: "clusters"})
	if tree == nil {
		t.Fatal(list)
	}
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(at, "clusters"))); err != nil {
		t.Fatal(err)
	}
	return tree, dir
}

// kept returns the files with the annotation that keeps an object, with the number of annotations.
func kept(t *testing.T, dir string) map[string]int {
	t.Helper()
	all := map[string]int{}
	for name, content := range have(t, dir) {
		if n := strings.Count(content, "kustomize.toolkit.fluxcd.io/prune: disabled"); n > 0 && !strings.Contains(content, "kind: Namespace") && !strings.Contains(content, "kind: Mesh\n") {
			all[name] = n
		}
	}
	return all
}

// TestFormerLayoutIsTakenOver checks both commits: the first keeps the objects that move, changes nothing
// else, and is stable; the second, which must be requested, is the tree.
func TestFormerLayoutIsTakenOver(t *testing.T) {
	for name, want1 := range map[string]map[string]int{
		"pull": {"eu/fleetwright/sync.yaml": 3, "eu/fleetwright/rollouts/default.shop/alertprovider-slack.yaml": 1, "us/fleetwright/sync.yaml": 3, "us/fleetwright/rollouts/default.shop/alertprovider-slack.yaml": 1},
		"hub":  {"host/fleetwright/sync.yaml": 12, "host/fleetwright/clusters/eu/rollouts/default.shop/alertprovider-slack.yaml": 1, "host/fleetwright/clusters/us/rollouts/default.shop/alertprovider-slack.yaml": 1},
	} {
		t.Run(name, func(t *testing.T) {
			tree, dir := former(t, name)
			before := have(t, dir)
			s := mustWrite(t, dir, tree, Options{Synced: true}) // requested too early
			first := have(t, dir)
			if got := kept(t, dir); !maps.Equal(got, want1) {
				t.Errorf("kept are %v, want %v", got, want1)
			}
			if len(before) != len(first) || s.Removed > 0 || len(s.Waiting) != len(tree.Clusters) {
				t.Errorf("the summary is %+v, with %d files of %d", s, len(first), len(before))
			}
			for file, content := range first {
				changed := before[file] != content
				if should := want1[file] > 0 || filepath.Base(file) == layout.FormerInventoryFile; changed != should {
					t.Errorf("%s has changed: %v", file, changed)
				}
			}
			if s := mustWrite(t, dir, tree, Options{}); s.Written > 0 || len(s.Waiting) != len(tree.Clusters) {
				t.Errorf("the summary of another run is %+v", s)
			}
			mustHave(t, dir, first)

			if s := mustWrite(t, dir, tree, Options{Synced: true}); len(s.Waiting) > 0 {
				t.Errorf("the summary of the second commit is %+v", s)
			}
			mustHave(t, dir, want(tree))
			if got := kept(t, dir); len(got) > 0 {
				t.Errorf("still kept are %v", got)
			}
			if s := mustWrite(t, dir, tree, Options{}); s.Written > 0 || s.Removed > 0 {
				t.Errorf("the summary of the last run is %+v", s)
			}
		})
	}
}

// TestFirstCommitIsWhole checks that the former layout's inventory has the checksums of the written files.
func TestFirstCommitIsWhole(t *testing.T) {
	tree, dir := former(t, "pull")
	mustWrite(t, dir, tree, Options{})
	all := have(t, dir)
	var inventory struct{ Files map[string]string }
	if err := json.Unmarshal([]byte(all["eu/fleetwright/inventory.json"]), &inventory); err != nil || len(inventory.Files) == 0 {
		t.Fatalf("%d files, %v", len(inventory.Files), err)
	}
	for file, sum := range inventory.Files {
		if got := fmt.Sprintf("%x", sha256.Sum256([]byte(all["eu/fleetwright/"+file]))); got != sum {
			t.Errorf("%s has the checksum %s, but %s in the inventory", file, got, sum)
		}
	}
}

// TestApplicationsGoWhileTakingOver checks that an object that was kept for its move, and is removed before
// the second commit, is written once more without the annotation. Otherwise Flux would never delete it.
func TestApplicationsGoWhileTakingOver(t *testing.T) {
	for _, name := range []string{"pull", "hub"} {
		tree, dir := former(t, name)
		mustWrite(t, dir, tree, Options{})
		before := kept(t, dir)
		data, err := os.ReadFile(filepath.Join("testdata/former", name, "inputs.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		_, others, _ := strings.Cut(string(data), "\n---\n") // without the shop, the only user of the AlertProvider
		next, list := render.Compile(schema.Load([]schema.File{{Name: "inputs.yaml", Data: []byte(others)}}), render.Options{Path: "clusters"})
		if next == nil {
			t.Fatal(list)
		}
		s := mustWrite(t, dir, next, Options{Synced: true, AllowPrune: true})
		if len(s.Waiting) != len(next.Clusters) || s.Removed > 0 {
			t.Errorf("%s: the summary is %+v", name, s)
		}
		for file, n := range before {
			left := n * 1 / 3 // app-docs, app-shop and rollout-shop on each cluster
			if name == "hub" {
				left = n * 4 / 6 // also infrastructure, releases and mesh
			}
			if strings.Contains(file, "alertprovider") {
				left = 0
			}
			if got := kept(t, dir)[file]; got != left {
				t.Errorf("%s: %s has %d kept objects, want %d", name, file, got, left)
			}
		}
		mustWrite(t, dir, next, Options{Synced: true, AllowPrune: true})
		mustHave(t, dir, want(next))
	}
}

// TestClustersGoWhileTakingOver checks that the kept objects of a removed cluster are released first, and its
// directory is removed when that is synced.
func TestClustersGoWhileTakingOver(t *testing.T) {
	tree, dir := former(t, "pull")
	mustWrite(t, dir, tree, Options{})
	next := &render.Tree{Clusters: tree.Clusters[:1]} // without the cluster us
	s := mustWrite(t, dir, next, Options{Synced: true, AllowPrune: true})
	if !slices.Equal(s.Waiting, []string{"us"}) || kept(t, dir)["us/fleetwright/sync.yaml"] > 0 || len(want(next)) > len(have(t, dir)) {
		t.Errorf("the summary is %+v, and kept are %v", s, kept(t, dir))
	}
	if _, err := os.Stat(filepath.Join(dir, "us/fleetwright/sync.yaml")); err != nil {
		t.Error(err)
	}
	mustWrite(t, dir, next, Options{AllowPrune: true})
	mustHave(t, dir, want(next))
}

// TestFormerInventoryComesBack checks two repairs: after a merge restored the former inventory, the files
// that it lists are removed again, and an interrupted second commit is completed.
func TestFormerInventoryComesBack(t *testing.T) {
	tree, dir := former(t, "pull")
	inventory := have(t, dir)["eu/fleetwright/inventory.json"]
	alerts := have(t, dir)["eu/fleetwright/rollouts/default.shop/alertprovider-slack.yaml"]
	mustWrite(t, dir, tree, Options{})
	mustWrite(t, dir, tree, Options{Synced: true})
	plant(t, dir, "eu/fleetwright/inventory.json", "<<<<<<< HEAD\n=======\n"+inventory+">>>>>>> old\n")
	plant(t, dir, "eu/fleetwright/rollouts/default.shop/alertprovider-slack.yaml", alerts)
	plant(t, dir, "eu/fleetwright/sync.yaml", "<<<<<<< HEAD\n=======\n>>>>>>> old\n")
	mustWrite(t, dir, tree, Options{})
	mustHave(t, dir, want(tree))

	for at := 1; ; at++ {
		tree, dir := former(t, "pull")
		mustWrite(t, dir, tree, Options{})
		first := have(t, dir)
		f, done, _ := cutOff(t, dir, tree, Options{Synced: true}, faulty{at: at, killed: true})
		mustWrite(t, dir, tree, Options{})
		for _, cluster := range []string{"eu/", "us/"} {
			isOther := func(name, _ string) bool { return !strings.HasPrefix(name, cluster) }
			got, first, second := have(t, dir), maps.Clone(first), want(tree)
			for _, files := range []map[string]string{got, first, second} {
				maps.DeleteFunc(files, isOther)
			}
			if !maps.Equal(got, second) && (f.begun && cluster == "eu/" || !maps.Equal(got, first)) {
				t.Errorf("cut off at %d, %s is neither of the two commits", at, cluster)
			}
		}
		if done || t.Failed() {
			break
		}
	}
}

// TestMergesLeaveRemovedClusters checks that, if one branch removes a cluster and the other adds an
// application to it, the next render removes the files that Git left, without --allow-prune.
func TestMergesLeaveRemovedClusters(t *testing.T) {
	tree, dir := former(t, "pull")
	mustWrite(t, dir, tree, Options{})
	mustWrite(t, dir, tree, Options{Synced: true})
	left := map[string]bool{"shared": true, "default.shop": true}
	for name := range have(t, dir) {
		if strings.HasPrefix(name, "us/") && (!slices.ContainsFunc(slices.Collect(maps.Keys(left)), func(part string) bool { return strings.Contains(name, part) }) || strings.HasSuffix(name, "README.md")) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	next := &render.Tree{Clusters: tree.Clusters[:1]}
	if s := mustWrite(t, dir, next, Options{}); s.Removed == 0 {
		t.Errorf("the summary is %+v", s)
	}
	mustHave(t, dir, want(next))
}

// TestNothingToKeep checks that one commit is enough if no object moves.
func TestNothingToKeep(t *testing.T) {
	tree, dir := former(t, "pull")
	for _, cluster := range []string{"eu", "us"} {
		sync := filepath.Join(dir, cluster, "fleetwright/sync.yaml")
		if err := os.WriteFile(sync, []byte("{}\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, cluster, "fleetwright/rollouts/default.shop/alertprovider-slack.yaml")); err != nil {
			t.Fatal(err)
		}
	}
	if s := mustWrite(t, dir, tree, Options{}); len(s.Waiting) > 0 {
		t.Errorf("the summary is %+v", s)
	}
	mustHave(t, dir, want(tree))
}

// TestUnreadableFormerLayout checks that nothing is written if conflict markers in a file hide the objects
// that move.
func TestUnreadableFormerLayout(t *testing.T) {
	tree, dir := former(t, "pull")
	plant(t, dir, "eu/fleetwright/sync.yaml", "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> b\n")
	before := have(t, dir)
	_, err := Write(dir, tree, Options{})
	wantError(t, err, "eu/fleetwright/sync.yaml has the former layout and cannot be read")
	mustHave(t, dir, before)
}

// TestFaultsWhileTakingOver interrupts each of the two commits at every operation, and lets another run
// repair it.
func TestFaultsWhileTakingOver(t *testing.T) {
	for _, opts := range []Options{{}, {Synced: true}} {
		for at := 0; ; at++ {
			tree, dir := former(t, "pull")
			if opts.Synced {
				mustWrite(t, dir, tree, Options{})
			}
			_, done, _ := cutOff(t, dir, tree, opts, faulty{at: at, killed: true})
			mustWrite(t, dir, tree, opts)
			if opts.Synced {
				mustHave(t, dir, want(tree))
			} else if got := kept(t, dir); len(got) != 4 {
				t.Fatalf("cut off at %d, kept are %v", at, got)
			}
			if done {
				break
			}
		}
	}
}

// TestStrayManifestsAreReported checks that foreign manifests are reported exactly in directories that Flux
// lists itself.
func TestStrayManifestsAreReported(t *testing.T) {
	dir := t.TempDir()
	tr := treeOf(t, "x", policyA, rollout)
	mustWrite(t, dir, tr, Options{})
	plant(t, dir, "x/fleetwright/sync/mine.yaml", "")
	plant(t, dir, "x/fleetwright/sync/notes.txt", "")
	plant(t, dir, "x/fleetwright/apps/default.app-0/mine.yaml", "")
	plant(t, dir, "x/mine.yaml", "")
	if got := mustWrite(t, dir, tr, Options{}).Stray; !slices.Equal(got, []string{"x/fleetwright/sync/mine.yaml"}) {
		t.Errorf("stray are %q", got)
	}
	c, err := Compare(dir, treeOf(t, "x", policyA), Options{AllowPrune: true})
	if err != nil || !slices.Equal(c.Stray, []string{"x/fleetwright/sync/mine.yaml"}) {
		t.Errorf("stray are %q, %v", c.Stray, err)
	}
}
