package disk

import (
	"path"
	"reflect"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
)

// storeOf returns a store with the files of a tree.
func storeOf(t *render.Tree) Store {
	all := map[string]map[string][]byte{}
	for _, c := range t.Clusters {
		all[c.Name] = map[string][]byte{}
		for f := range c.Files() {
			all[c.Name][f.Path] = f.Content
		}
	}
	return func(cluster string) (Stored, error) { return NewStored(all[cluster]), nil }
}

// TestStoredFilesAreComparedAsADirectory checks that differences, losses and files of waiting clusters are
// the same as for a directory.
func TestStoredFilesAreComparedAsADirectory(t *testing.T) {
	for _, topology := range []string{"pull", "hub"} {
		for _, namesOnly := range []bool{false, true} {
			dir := t.TempDir()
			old, _, _ := inWaves(t, topology, "one two gone", "5m", "both", "old", "moved@one", "late@two")
			mustWrite(t, dir, old, Options{})
			_, now, later := inWaves(t, topology, "one two three", "7m", "both", "new", "moved@three")
			opts := behind(later)
			opts.KeepOthers, opts.NamesOnly = true, namesOnly
			want, err := Compare(dir, now, opts)
			if err != nil || len(want.Changes) == 0 || len(want.Losses) == 0 {
				t.Fatalf("%+v, %v", want, err)
			}
			got, err := CompareStored(storeOf(old), now, opts)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, %v, want %+v", topology, got, err, want)
			}
			opts.AllowPrune = false
			_, refused := Write(dir, now, opts)
			if err := CheckStored(storeOf(old), now, opts); err == nil || refused == nil || refused.Error() != dir+": "+err.Error() {
				t.Errorf("%s: %v, want %v", topology, err, refused)
			}
			opts.AllowPrune = true
			mustWrite(t, dir, now, opts)
			for _, c := range now.Clusters {
				stored, _ := storeOf(old)(c.Name)
				left, err := stored.Left(c)
				if err != nil {
					t.Fatal(err)
				}
				after := map[string]string{}
				for f := range c.Files() {
					after[f.Path] = string(f.Content)
				}
				for _, name := range left {
					after[name] = string(stored.Content(name))
				}
				for name, content := range have(t, dir) {
					if below, ok := strings.CutPrefix(name, path.Join(c.Name, layout.Dir)+"/"); ok && after[below] != content {
						t.Errorf("%s differs from the result of Write", name)
					} else if ok {
						delete(after, below)
					}
				}
				if len(after) > 0 {
					t.Errorf("%s has more than Write leaves: %v", c.Name, after)
				}
			}
		}
	}
}
