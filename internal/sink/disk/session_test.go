package disk

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render"
)

// TestUpdateDoesWhatWriteDoes updates from tree to tree, in every order, and ends where a
// write does, having written the same.
func TestUpdateDoesWhatWriteDoes(t *testing.T) {
	trees := []*render.Tree{
		tree(t, "eu us", policyA, rollout),
		tree(t, "eu us", changed, rollout),
		tree(t, "eu us ap", changed, policyB),
		tree(t, "eu", policyB),
		{},
	}
	for _, from := range trees {
		for _, to := range trees {
			dir, other := t.TempDir(), t.TempDir()
			session := NewSession(dir)
			all := Options{AllowPrune: true}
			if _, err := session.Write(from, all); err != nil {
				t.Fatal(err)
			}
			mustWrite(t, other, from, all)
			var names, otherNames []string
			log := func(names *[]string) Options {
				return Options{AllowPrune: true, Changed: func(name string, removed bool) { *names = append(*names, name) }}
			}
			got, err := session.Update(to, log(&names))
			if err != nil {
				t.Fatal(err)
			}
			want, err := Write(other, to, log(&otherNames))
			if err != nil || got.Written != want.Written || got.Removed != want.Removed || got.Files != want.Files || !slices.Equal(names, otherNames) {
				t.Errorf("updating did %+v %q, writing %+v %q, %v", got, names, want, otherNames, err)
			}
			mustHave(t, dir, have(t, other))
			if again, err := session.Write(to, all); err != nil || again.Written+again.Removed > 0 {
				t.Errorf("a write after an update does %+v, %v", again, err)
			}
		}
	}
}

// TestWriteAfterUpdateMendsWhatAHandHasChanged: an update alone does not, and says so.
func TestWriteAfterUpdateMendsWhatAHandHasChanged(t *testing.T) {
	dir := t.TempDir()
	first, second := tree(t, "eu us", policyA, policyB), tree(t, "eu us", changed, policyB)
	session := NewSession(dir)
	if _, err := session.Write(first, Options{}); err != nil {
		t.Fatal(err)
	}
	edit := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	edit("eu/fleetwright/apps/default.app-1/kustomization-b.yaml", "edited")
	// Another run has made another tree of this one since, and back.
	mustWrite(t, dir, tree(t, "eu us", policyA), Options{AllowPrune: true})
	edit("us/fleetwright/sync.yaml", "edited")
	if _, err := session.Update(second, Options{}); err != nil {
		t.Fatal(err)
	}
	mustHave(t, dir, want(second)) // both inventories were touched
	edit("eu/fleetwright/apps/default.app-1/kustomization-b.yaml", "edited")
	if _, err := session.Update(first, Options{}); err != nil {
		t.Fatal(err)
	}
	if s, err := session.Write(first, Options{}); err != nil || s.Written != 1 {
		t.Errorf("the write after it does %+v, %v", s, err)
	}
	mustHave(t, dir, want(first))
}

// TestUpdateRefusesWhatWriteDoes: a foreign file in the way, a run that was cut off.
func TestUpdateRefusesWhatWriteDoes(t *testing.T) {
	dir := t.TempDir()
	first, second := tree(t, "eu", policyA), tree(t, "eu", policyA, policyB)
	session := NewSession(dir)
	if _, err := session.Write(first, Options{}); err != nil {
		t.Fatal(err)
	}
	in := filepath.Join(dir, "eu/fleetwright/apps/default.app-1")
	if err := os.Mkdir(in, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(in, "kustomization.yaml"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := session.Update(second, Options{})
	wantError(t, err, "not written by fleetwright, and in its way: eu/fleetwright/apps/default.app-1/kustomization.yaml")
	if err := os.RemoveAll(in); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "eu/fleetwright", journalFile), []byte(`{"files":[]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := session.Update(second, Options{}); err != nil || len(s.Repaired) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	mustHave(t, dir, want(second))
}

// TestUpdatePrunesNoMoreThanWrite: what a hand has deleted is not there to be kept.
func TestUpdatePrunesNoMoreThanWrite(t *testing.T) {
	dir := t.TempDir()
	session := NewSession(dir)
	if _, err := session.Write(tree(t, "eu", policyA, policyB, strings.Replace(policyA, "name: a", "name: c", 1), strings.Replace(policyB, "name: b", "name: d", 1)), Options{}); err != nil {
		t.Fatal(err)
	}
	for _, app := range []string{"default.app-0", "default.app-1"} {
		if err := os.RemoveAll(filepath.Join(dir, "eu/fleetwright/apps", app)); err != nil {
			t.Fatal(err)
		}
	}
	next := tree(t, "eu", policyA, policyB)
	_, err := Write(dir, next, Options{})
	wantError(t, err, "would remove more than half of eu")
	_, err = session.Update(next, Options{})
	wantError(t, err, "would remove more than half of eu")
}
