package disk

import (
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
)

// TestOthersAreLeftAlone checks that the files of other clusters, even if stale, foreign, interrupted or
// gone, are not written, removed or compared.
func TestOthersAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	mustWrite(t, dir, treeOf(t, "ap eu us", policyA, policyB), Options{})
	for name, content := range map[string]string{
		"us/fleetwright/sync.yaml":                            "edited",
		"us/fleetwright/mine.txt":                             "mine",
		"us/fleetwright/" + layout.JournalFile:                `{"files": ["apps/default.app-9/left.yaml"]}`,
		"us/fleetwright/apps/default.app-0/.left.yaml.staged": "half",
		"new/fleetwright/sync.yaml":                           "in the way",
		"broken/fleetwright/inventory.json":                   `"apiVersion": "fleetwright.dev/v1alpha1" "kind": "Inventory" <<<<`,
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-time.Hour)
	before := have(t, dir)
	for name := range before {
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	whole := treeOf(t, "eu us new", changed, policyB)
	one := &render.Tree{Clusters: whole.Clusters[:1]}
	comparison, err := Compare(dir, one, Options{KeepOthers: true})
	if err != nil || len(comparison.Changes) != 2 || len(comparison.Interrupted) > 0 || comparison.Rejected != nil {
		t.Errorf("%v, %+v", err, comparison)
	}
	if s := mustWrite(t, dir, one, Options{KeepOthers: true}); s.Clusters != 1 || s.Written != 2 || s.Removed != 0 || len(s.Repaired) > 0 {
		t.Errorf("%+v", s)
	}
	for name := range before {
		if strings.HasPrefix(name, "eu/") {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || !info.ModTime().Equal(old) {
			t.Errorf("%s was touched: %v", name, err)
		}
	}
	after := have(t, dir)
	for name, content := range want(one) {
		if after[name] != content {
			t.Errorf("%s is %q", name, after[name])
		}
		delete(after, name)
		delete(before, name)
	}
	mustEqual(t, before, after)
	// Too many removals from the chosen clusters need permission.
	small := treeOf(t, "eu", "name: z, kustomization: {interval: 5m, prune: true}")
	_, err = Write(dir, &render.Tree{}, Options{KeepOthers: true})
	if err != nil {
		t.Error(err)
	}
	many := treeOf(t, "eu", policyA, policyB, "name: c, kustomization: {interval: 5m, prune: true, targetNamespace: c}", "name: d, kustomization: {interval: 5m, prune: true, targetNamespace: d}")
	mustWrite(t, dir, many, Options{KeepOthers: true})
	_, err = Write(dir, small, Options{KeepOthers: true})
	wantError(t, err, "would remove more than half of eu (")
}

// TestShardsMakeTheTree checks that the shards together make the tree: written into one directory in any
// order, or into separate directories that are merged in any order.
func TestShardsMakeTheTree(t *testing.T) {
	tr := treeOf(t, "v x z", policyA, policyB, rollout)
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(1, seed))
		n := 1 + random.IntN(5)
		one, over := t.TempDir(), map[string]string{}
		for _, i := range random.Perm(n) {
			shard := tr.Shard(i+1, n)
			mustWrite(t, one, shard, Options{Part: true})
			if s := mustWrite(t, one, shard, Options{Part: true}); s.Written != 0 {
				t.Errorf("again, a shard writes %+v", s)
			}
			own := t.TempDir()
			mustWrite(t, own, shard, Options{Part: true})
			mustHave(t, own, want(shard))
			for name, content := range have(t, own) {
				if before, ok := over[name]; ok && (path.Base(name) != layout.InventoryFile || before != content) {
					t.Errorf("%s is of two shards", name)
				}
				over[name] = content
			}
			// A render of this or another tree can complete a single shard.
			if i%2 == 0 {
				s := mustWrite(t, own, tr, Options{})
				if s.Written != len(want(tr))-len(want(shard)) || s.Removed != 0 {
					t.Errorf("%+v for %d of %d files", s, len(want(shard)), len(want(tr)))
				}
				mustHave(t, own, want(tr))
			} else {
				other := treeOf(t, "x w", changed)
				mustWrite(t, own, other, Options{AllowPrune: true})
				mustHave(t, own, want(other))
			}
		}
		mustHave(t, one, want(tr))
		if !maps.Equal(over, want(tr)) {
			t.Errorf("%d shards laid over each other have %d files of %d", n, len(over), len(want(tr)))
		}
	}
}

// TestShardsDoNotMixRenders checks that a shard is rejected, without changes, if the directory has files of
// another render.
func TestShardsDoNotMixRenders(t *testing.T) {
	tr := treeOf(t, "x z", policyA, policyB)
	// mine has one application, and yours the other.
	mine, yours := tr.Shard(1, 4), tr.Shard(4, 4)
	for _, s := range []*render.Tree{mine, yours} {
		if n := len(want(s)); n <= 2 {
			t.Fatalf("a shard has %d files", n)
		}
	}
	file := ""
	for name := range want(yours) {
		if strings.HasSuffix(name, ".yaml") && strings.HasPrefix(name, "x/") {
			file = name
		}
	}
	put := func(name, content string) func(dir string) {
		return func(dir string) {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	journal := put("x/fleetwright/"+layout.JournalFile, `{"files": ["`+strings.TrimPrefix(file, "x/fleetwright/")+`", "gone.yaml"]}`)
	for name, tt := range map[string]struct {
		plant func(dir string)
		opts  Options
		want  string // "" if it is accepted
	}{
		"nothing":        {func(string) {}, Options{}, ""},
		"all of it":      {func(dir string) { mustWrite(t, dir, tr, Options{}) }, Options{}, ""},
		"another shard":  {func(dir string) { mustWrite(t, dir, yours, Options{Part: true}) }, Options{}, ""},
		"another render": {func(dir string) { mustWrite(t, dir, treeOf(t, "x", changed, policyB), Options{}) }, Options{}, "another render of x;"},
		"another shard of another": {func(dir string) {
			mustWrite(t, dir, treeOf(t, "x z", policyB, rollout).Shard(2, 2), Options{Part: true})
		}, Options{}, "another render of x, z;"},
		"another cluster":              {func(dir string) { mustWrite(t, dir, treeOf(t, "v", policyA), Options{}) }, Options{}, "another render of v;"},
		"another cluster, kept":        {func(dir string) { mustWrite(t, dir, treeOf(t, "v", policyA), Options{}) }, Options{KeepOthers: true}, ""},
		"a cut off one, no inventory":  {func(dir string) { put(file, "old")(dir); journal(dir) }, Options{}, "another render of x;"},
		"a cut off one, of this":       {func(dir string) { put(file, want(tr)[file])(dir); journal(dir) }, Options{}, ""},
		"a cut off one, with a file":   {func(dir string) { put("x/fleetwright/gone.yaml", "old")(dir); journal(dir) }, Options{}, "another render of x;"},
		"somebody else's files":        {put("x/fleetwright/mine.txt", "mine"), Options{}, ""},
		"somebody else's, in its way":  {put("x/fleetwright/sync.yaml", "mine"), Options{}, "are in the way: x/fleetwright/sync.yaml"},
		"its own, edited, of this one": {func(dir string) { mustWrite(t, dir, tr, Options{}); put("x/fleetwright/sync.yaml", "mine")(dir) }, Options{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tt.plant(dir)
			before := have(t, dir)
			opts := tt.opts
			opts.Part, opts.AllowPrune = true, true
			s, err := Write(dir, mine, opts)
			if tt.want != "" {
				wantError(t, err, tt.want)
				mustHave(t, dir, before)
				return
			}
			if err != nil || s.Removed != 0 {
				t.Fatalf("%+v, %v", s, err)
			}
			end := with(before, want(mine))
			delete(end, "x/fleetwright/"+layout.JournalFile)
			mustHave(t, dir, end)
		})
	}
}

// TestShardsRepairEachOther checks that a shard removes the staged files of another, interrupted one.
func TestShardsRepairEachOther(t *testing.T) {
	whole := treeOf(t, "x z", policyA, policyB)
	for at := 1; ; at++ {
		dir := t.TempDir()
		part := Options{Part: true}
		mustWrite(t, dir, whole.Shard(4, 4), part)
		_, done, _ := cutOff(t, dir, whole.Shard(1, 4), part, faulty{at: at, killed: true})
		for _, i := range []int{4, 3, 2, 1} {
			mustWrite(t, dir, whole.Shard(i, 4), part)
		}
		mustHave(t, dir, want(whole))
		if done || t.Failed() {
			break
		}
	}
}
