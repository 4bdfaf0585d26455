package disk

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
)

// TestCompareSaysWhatWriteDoes compares, writes, and checks the reported differences against the directory
// before and after.
func TestCompareSaysWhatWriteDoes(t *testing.T) {
	trees := []*render.Tree{
		treeOf(t, "eu us", policyA, rollout),
		treeOf(t, "eu us", changed, rollout),
		treeOf(t, "eu us ap", changed, policyB),
		treeOf(t, "eu", policyB),
	}
	dir := filepath.Join(t.TempDir(), "clusters")
	for i, tr := range trees {
		before := map[string]string{}
		if i > 0 {
			before = have(t, dir)
		}
		comparison, err := Compare(dir, tr, Options{})
		if err != nil {
			t.Fatal(err)
		}
		old := &render.Tree{}
		if i > 0 {
			old = trees[i-1]
			mustHave(t, dir, before)
		}
		if same := slices.EqualFunc(comparison.Changes, tr.Changes(old), sameChange); !same {
			t.Errorf("tree %d: the directory and the tree before it do not differ alike:\n%s\n%s", i, namesOf(comparison.Changes), namesOf(tr.Changes(old)))
		}
		shrinks := map[string]bool{} // the Applications whose files are read anyway
		for _, c := range comparison.Changes {
			if c.New == nil {
				shrinks[tr.Application(c.Path)] = true
			}
		}
		withNames, err := Compare(dir, tr, Options{NamesOnly: true})
		same := slices.EqualFunc(withNames.Changes, comparison.Changes, func(a, b render.Change) bool {
			return a.Cluster == b.Cluster && a.Path == b.Path && (a.Old == nil) == (b.Old == nil) && (a.New == nil) == (b.New == nil) && (len(a.Old)+len(a.New) == 0 || shrinks[tr.Application(a.Path)])
		})
		if err != nil || !same {
			t.Errorf("tree %d: by names: %q, %v", i, namesOf(withNames.Changes), err)
		}
		mustWrite(t, dir, tr, Options{AllowPrune: true})
		after := have(t, dir)
		for _, c := range comparison.Changes {
			at := filepath.ToSlash(filepath.Join(c.Cluster, layout.Dir, c.Path))
			if before[at] != string(c.Old) || after[at] != string(c.New) {
				t.Errorf("%s differs from the report", at)
			}
			delete(before, at)
			delete(after, at)
		}
		mustEqual(t, before, after)
		if again, err := Compare(dir, tr, Options{}); err != nil || len(again.Changes) > 0 {
			t.Errorf("after the write there are %v, %v", namesOf(again.Changes), err)
		}
	}
}

func sameChange(a, b render.Change) bool {
	return a.Cluster == b.Cluster && a.Path == b.Path && string(a.Old) == string(b.Old) && string(a.New) == string(b.New)
}

func namesOf(changes []render.Change) (all []string) {
	for _, c := range changes {
		all = append(all, c.Cluster+"/"+c.Path)
	}
	return all
}

func mustEqual(t *testing.T, before, after map[string]string) {
	t.Helper()
	if len(before) != len(after) {
		t.Errorf("%d other files before, %d after", len(before), len(after))
	}
	for name, content := range before {
		if after[name] != content {
			t.Errorf("%s changes, but was not reported", name)
		}
	}
}

// TestCompareSaysWhatIsRefused checks the reports of too many removals, a file in the way, and an interrupted
// run.
func TestCompareSaysWhatIsRefused(t *testing.T) {
	dir := t.TempDir()
	mustWrite(t, dir, treeOf(t, "eu us", policyA), Options{})
	comparison, err := Compare(dir, treeOf(t, "eu", policyA), Options{})
	if err != nil || comparison.Rejected == nil || comparison.Rejected.Message != "would remove all files of us" {
		t.Errorf("rejected is %v, %v", comparison.Rejected, err)
	}
	journal := filepath.Join(dir, "eu", layout.Dir, layout.JournalFile)
	if err := os.WriteFile(journal, []byte(`{"files": []}`), 0o644); err != nil {
		t.Fatal(err)
	}
	comparison, err = Compare(dir, treeOf(t, "eu us", policyA), Options{})
	if err != nil || !slices.Equal(comparison.Interrupted, []string{"eu"}) || len(comparison.Changes) > 0 {
		t.Errorf("interrupted is %v, changes %v, %v", comparison.Interrupted, namesOf(comparison.Changes), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "eu", layout.Dir, "mesh"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Compare(dir, treeOf(t, "eu us", rollout), Options{})
	wantError(t, err, "mesh is not a directory")
}
