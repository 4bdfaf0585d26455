package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// treeOf compiles an Application for each of the policies, for a fleet of these clusters. Only a rollout adds
// the infrastructure.
func treeOf(t testing.TB, clusters string, policies ...string) *render.Tree {
	t.Helper()
	plugin := ""
	if slices.Contains(policies, rollout) {
		plugin = "plugin: {flagger: {trafficRoutingProvider: kuma}}, "
	}
	var members, documents []string
	for _, c := range strings.Fields(clusters) {
		members = append(members, fmt.Sprintf("{kind: Cluster, name: %s}", c))
		documents = append(documents, fmt.Sprintf("{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: %s}}", c))
	}
	documents = append(documents, fmt.Sprintf("{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: f}, spec: {%sclusters: [%s]}}", plugin, strings.Join(members, ", ")))
	for i, p := range policies {
		documents = append(documents, fmt.Sprintf("{apiVersion: apps.kurator.dev/v1alpha1, kind: Application, metadata: {name: app-%d}, spec: {source: {gitRepository: {url: https://example.com, interval: 1m}}, destination: {fleet: f}, syncPolicies: [{%s}]}}", i, p))
	}
	tree, list := render.Compile(schema.Load([]schema.File{{Name: "f.yaml", Data: []byte(strings.Join(documents, "\n---\n"))}}), render.Options{})
	if tree == nil {
		t.Fatal(list)
	}
	return tree
}

const (
	policyA = "name: a, kustomization: {interval: 5m, prune: true}"
	changed = "name: a, kustomization: {interval: 7m, prune: true}"
	policyB = "name: b, kustomization: {interval: 5m, prune: true, targetNamespace: web}"
	rollout = "name: r, kustomization: {interval: 5m, prune: true}, rollout: {testLoader: true, trafficRoutingProvider: kuma, workload: {name: r, namespace: r}, serviceName: r, port: 8080, rolloutPolicy: {trafficRouting: {analysisTimes: 3}}}"
)

// want returns the expected content of a directory for a tree.
func want(t *render.Tree) map[string]string {
	all := map[string]string{}
	for _, c := range t.Clusters {
		for f := range c.Files() {
			all[path.Join(c.Name, layout.Dir, f.Path)] = string(f.Content)
		}
	}
	return all
}

// have returns the content of a directory.
func have(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		all[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func mustHave(t testing.TB, dir string, want map[string]string) {
	t.Helper()
	got := have(t, dir)
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if w, ok := want[name]; !ok {
			t.Errorf("%s is there", name)
		} else if w != got[name] {
			t.Errorf("%s is\n%s", name, got[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
}

func mustWrite(t testing.TB, dir string, tree *render.Tree, opts Options) Summary {
	t.Helper()
	s, err := Write(dir, tree, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWriteMakesTheDirectoryTheTree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	first := treeOf(t, "x z", policyA, policyB, rollout)
	s := mustWrite(t, dir, first, Options{})
	mustHave(t, dir, want(first))
	if n := len(want(first)); s.Clusters != 2 || s.Files != n || s.Written != n || s.Removed != 0 {
		t.Errorf("the summary is %+v of %d files", s, n)
	}
	second := treeOf(t, "x z", changed, policyB)
	s = mustWrite(t, dir, second, Options{AllowPrune: true})
	mustHave(t, dir, want(second))
	if s.Removed == 0 || s.Written == 0 || s.Written == s.Files {
		t.Errorf("the summary is %+v", s)
	}
	if _, err := os.Stat(filepath.Join(dir, "x/fleetwright/rollouts")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory is left: %v", err)
	}
}

func TestUnchangedFilesAreNotTouched(t *testing.T) {
	dir := t.TempDir()
	mustWrite(t, dir, treeOf(t, "x", policyA, rollout), Options{})
	old := time.Now().Add(-time.Hour)
	for name := range have(t, dir) {
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	touched := func() (names []string) {
		for name := range have(t, dir) {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if !info.ModTime().Equal(old) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	if s := mustWrite(t, dir, treeOf(t, "x", policyA, rollout), Options{}); s.Written != 0 || len(touched()) > 0 {
		t.Errorf("%+v, touched %q", s, touched())
	}
	mustWrite(t, dir, treeOf(t, "x", changed, rollout), Options{})
	if got, want := touched(), []string{"x/fleetwright/apps/default.app-0/inventory", "x/fleetwright/apps/default.app-0/kustomization-a.yaml"}; !slices.Equal(got, want) {
		t.Errorf("touched %q, want %q", got, want)
	}
}

func TestHandEditsAreUndone(t *testing.T) {
	dir := t.TempDir()
	tr := treeOf(t, "x", policyA)
	mustWrite(t, dir, tr, Options{})
	sync, app := filepath.Join(dir, "x/fleetwright/sync.yaml"), filepath.Join(dir, "x/fleetwright/apps/default.app-0/kustomization-a.yaml")
	if err := os.WriteFile(sync, []byte("edited"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(app); err != nil {
		t.Fatal(err)
	}
	if s := mustWrite(t, dir, tr, Options{}); s.Written != 2 {
		t.Errorf("%+v", s)
	}
	mustHave(t, dir, want(tr))
}

func TestForeignFilesStay(t *testing.T) {
	dir := t.TempDir()
	foreign := map[string]string{
		"README.md":                        "mine",
		"x/flux-system/gotk-sync.yaml":     "flux's",
		"x/fleetwright/notes.txt":          "mine",
		"x/fleetwright/apps/mine.yaml":     "mine",
		"gone/fleetwright/apps/a/mine.txt": "mine",
		"other/fleetwright/a.yaml":         "without an inventory",
		"x/fleetwright/apps/.hidden":       "mine",
	}
	for name, content := range foreign {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mustWrite(t, dir, treeOf(t, "x gone", policyA, rollout), Options{})
	last := treeOf(t, "x", policyA)
	mustWrite(t, dir, last, Options{AllowPrune: true})
	all := want(last)
	maps.Copy(all, foreign)
	mustHave(t, dir, all)
}

func TestForeignFilesInTheWayAreRefused(t *testing.T) {
	dir := t.TempDir()
	tr := treeOf(t, "x", policyA)
	inTheWay := filepath.Join(dir, "x/fleetwright/apps/default.app-0/kustomization-a.yaml")
	if err := os.MkdirAll(filepath.Dir(inTheWay), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(inTheWay, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Write(dir, tr, Options{})
	wantError(t, err, "are in the way: x/fleetwright/apps/default.app-0/kustomization-a.yaml")
	mustHave(t, dir, map[string]string{"x/fleetwright/apps/default.app-0/kustomization-a.yaml": "mine"})
	// A file that already has the new content is taken over.
	if err := os.WriteFile(inTheWay, []byte(want(tr)["x/fleetwright/apps/default.app-0/kustomization-a.yaml"]), 0o644); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, dir, tr, Options{})
}

// TestOthersMayCallADirectoryLikeOurs checks that foreign directories are skipped, whatever they look like:
// those neither in the tree nor from an earlier run.
func TestOthersMayCallADirectoryLikeOurs(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"a/fleetwright/inventory.json": `{"kind": "Inventory"}`, "b/fleetwright": "", "c/x": ""} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"c/fleetwright": "../../..", "d": "/", "e": "e"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	before := listing(t, dir)
	tr := treeOf(t, "x", policyA)
	mustWrite(t, dir, tr, Options{})
	for name := range want(tr) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "x")); err != nil {
		t.Fatal(err)
	}
	if after := listing(t, dir); !slices.Equal(before, after) {
		t.Errorf("there were %q, now there are %q", before, after)
	}
}

// TestForeignStagedFileIsNotReplaced checks that a foreign file with the name of a staged file is not
// replaced: only an interrupted run leaves such files.
func TestForeignStagedFileIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x/fleetwright/.sync.yaml.staged")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Write(dir, treeOf(t, "x", policyA), Options{})
	wantError(t, err, "x/fleetwright/.sync.yaml.staged is in the way")
	mustHave(t, dir, map[string]string{"x/fleetwright/.sync.yaml.staged": "mine"})
}

func wantError(t *testing.T, err error, message string) {
	t.Helper()
	var e *diag.Mistake
	if !errors.As(err, &e) || !strings.Contains(err.Error(), message) || e.Hint == "" {
		t.Errorf("the error is %v, want %s, with a hint", err, message)
	}
}

func TestPruningTooMuchIsRefused(t *testing.T) {
	full := treeOf(t, "x z", policyA, policyB, rollout)
	for name, tt := range map[string]struct {
		next *render.Tree
		want string
	}{
		"a cluster that is gone": {treeOf(t, "x", policyA, policyB, rollout), "would remove all files of z"},
		"all clusters":           {&render.Tree{}, "would remove all files of x, z"},
		"most of a cluster":      {treeOf(t, "x", policyA), "would remove all files of z"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			mustWrite(t, dir, full, Options{})
			_, err := Write(dir, tt.next, Options{})
			wantError(t, err, tt.want)
			mustHave(t, dir, want(full))
			mustWrite(t, dir, tt.next, Options{AllowPrune: true})
			mustHave(t, dir, want(tt.next))
		})
	}
	t.Run("more than half", func(t *testing.T) {
		dir := t.TempDir()
		var many []string
		for i := range 40 {
			many = append(many, fmt.Sprintf("name: p%d, kustomization: {interval: 5m, prune: true, targetNamespace: n%d}", i, i))
		}
		mustWrite(t, dir, treeOf(t, "x", many...), Options{})
		_, err := Write(dir, treeOf(t, "x", many[:2]...), Options{})
		wantError(t, err, "would remove more than half of x (")
		mustWrite(t, dir, treeOf(t, "x", many[:30]...), Options{})
	})
}

func TestLinksAreNotFollowed(t *testing.T) {
	for name, plant := range map[string]func(dir, outside string) error{
		"a file": func(dir, outside string) error {
			return os.Symlink(filepath.Join(outside, "victim"), filepath.Join(dir, "x/fleetwright/sync.yaml"))
		},
		"a directory": func(dir, outside string) error { return os.Symlink(outside, filepath.Join(dir, "x/fleetwright/apps")) },
		"a link to a directory nearby": func(dir, outside string) error {
			return errors.Join(os.MkdirAll(filepath.Join(dir, "y"), 0o755), os.Symlink("../../y", filepath.Join(dir, "x/fleetwright/apps")))
		},
		"the cluster": func(dir, outside string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "x")), os.Symlink(outside, filepath.Join(dir, "x")))
		},
		"a dangling link": func(dir, outside string) error {
			return os.Symlink(filepath.Join(outside, "new"), filepath.Join(dir, "x/fleetwright/kustomization.yaml"))
		},
		"the inventory": func(dir, outside string) error {
			return os.Symlink(filepath.Join(outside, "victim"), filepath.Join(dir, "x/fleetwright/inventory.json"))
		},
		"a staged file": func(dir, outside string) error {
			return os.Symlink(filepath.Join(outside, "victim"), filepath.Join(dir, "x/fleetwright/.sync.yaml.staged"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, outside := t.TempDir(), t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, "x/fleetwright"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(outside, "victim"), []byte("untouched"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := plant(dir, outside); err != nil {
				t.Fatal(err)
			}
			before := fmt.Sprint(listing(t, dir))
			_, err := Write(dir, treeOf(t, "x", policyA), Options{})
			wantError(t, err, "is a symbolic link")
			mustHave(t, outside, map[string]string{"victim": "untouched"})
			if after := fmt.Sprint(listing(t, dir)); after != before {
				t.Errorf("the directory was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

// listing returns everything below a directory, including links and directories.
func listing(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		names = append(names, name+" "+e.Type().String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestInventoriesThatLeadElsewhere(t *testing.T) {
	for _, name := range []string{"../../victim", "/etc/passwd", "a/../../b", ".", "a//b"} {
		for inventory, line := range map[string]string{
			"x/fleetwright/inventory":                    strings.Repeat("0", 64) + "  " + name,
			"x/fleetwright/apps/default.app-0/inventory": strings.Repeat("0", 64) + "  " + name,
			"x/fleetwright/apps/gone/inventory":          strings.Repeat("0", 64) + "  " + name,
			"x/fleetwright/inventory.json":               fmt.Sprintf("%q: %q", name, strings.Repeat("0", 64)),
		} {
			dir := t.TempDir()
			victim := filepath.Join(dir, "victim")
			if err := os.WriteFile(victim, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			tr := treeOf(t, "x", policyA)
			mustWrite(t, dir, tr, Options{})
			title := "# fleetwright.dev/v1alpha1 Inventory\n"
			if strings.HasSuffix(inventory, ".json") {
				title = `"apiVersion": "fleetwright.dev/v1alpha1", "kind": "Inventory"` + "\n"
			}
			plant(t, dir, inventory, title+line+"\n")
			_, err := Write(dir, tr, Options{AllowPrune: true})
			wantError(t, err, "which is outside its directory")
			if _, err := os.Stat(victim); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestOthersMayCallAFileInventory checks that a foreign inventory is rejected at the path of ours, and kept
// elsewhere.
func TestOthersMayCallAFileInventory(t *testing.T) {
	dir := t.TempDir()
	tr := treeOf(t, "x", policyA)
	mustWrite(t, dir, tr, Options{})
	plant(t, dir, "x/fleetwright/apps/mine/inventory", "mine")
	mustWrite(t, dir, tr, Options{})
	plant(t, dir, "x/fleetwright/inventory", "mine")
	_, err := Write(dir, tr, Options{})
	wantError(t, err, "is not an inventory")
	if got := have(t, dir)["x/fleetwright/apps/mine/inventory"]; got != "mine" {
		t.Errorf("the file is now %q", got)
	}
}

// plant writes a foreign file.
func plant(t testing.TB, dir, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A faulty directory fails one operation, or is interrupted before it.
type faulty struct {
	files
	// at is the number of the failing operation, from 1.
	at, count int
	// killed makes every later operation fail as well, as after a kill. Then only operations that change
	// something count: it makes no difference how much was read before a kill.
	killed bool
	// begun reports whether a file was already renamed into place or removed.
	begun bool
}

var errFault = errors.New("no space left on device")

func (f *faulty) read() error {
	if f.killed {
		if f.count >= f.at {
			return errFault
		}
		return nil
	}
	return f.change()
}

func (f *faulty) change() error {
	f.count++
	if f.count == f.at || f.killed && f.count > f.at {
		return errFault
	}
	return nil
}

func (f *faulty) Create(name string, content []byte) error {
	if err := f.change(); err != nil {
		if f.count == f.at {
			// Half of the data is written.
			_ = f.files.Create(name, content[:len(content)/2])
		}
		return err
	}
	return f.files.Create(name, content)
}

func (f *faulty) Mkdir(name string) error {
	if err := f.change(); err != nil {
		return err
	}
	return f.files.Mkdir(name)
}

func (f *faulty) Rename(from, to string) error {
	if err := f.change(); err != nil {
		return err
	}
	f.begun = f.begun || !hidden(to)
	return f.files.Rename(from, to)
}

func (f *faulty) Remove(name string) error {
	if err := f.change(); err != nil {
		return err
	}
	info, err := f.files.Lstat(name)
	f.begun = f.begun || err == nil && !info.IsDir() && !hidden(name)
	return f.files.Remove(name)
}

func (f *faulty) Lstat(name string) (fs.FileInfo, error) {
	if err := f.read(); err != nil {
		return nil, err
	}
	return f.files.Lstat(name)
}

func (f *faulty) ReadFile(name string) ([]byte, error) {
	if err := f.read(); err != nil {
		return nil, err
	}
	return f.files.ReadFile(name)
}

func (f *faulty) Has(name string, content []byte) (bool, error) {
	if err := f.read(); err != nil {
		return false, err
	}
	return f.files.Has(name, content)
}

func (f *faulty) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.read(); err != nil {
		return nil, err
	}
	return f.files.ReadDir(name)
}

// hidden reports whether a file is a journal or staged, or is in a staged directory.
func hidden(name string) bool { return strings.HasPrefix(name, ".") || strings.Contains(name, "/.") }

// cutOff writes a tree with one fault. In the result, done reports whether the write had fewer operations
// than that.
func cutOff(t testing.TB, dir string, tr *render.Tree, opts Options, f faulty) (_ faulty, done bool, err error) {
	t.Helper()
	files, err := openFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	f.files = files
	opts.AllowPrune = true
	_, err = write(workers{&f}, tr, opts)
	if err != nil && !errors.Is(err, errFault) {
		t.Fatalf("operation %d: %v", f.at, err)
	}
	return f, f.count < f.at, err
}

// TestEveryFault makes every operation of a write fail in turn: once as with a full disk or a missing
// permission, and once as with a kill.
func TestEveryFault(t *testing.T) {
	old := treeOf(t, "gone x", policyA, policyB)
	next := treeOf(t, "new x", changed)
	after := treeOf(t, "new x", policyB, policyA)
	many := treeOf(t, "x z", policyA, policyB)
	first, second := many.Shard(1, 2), many.Shard(2, 2)
	for _, s := range []*render.Tree{first, second} {
		if n := len(want(s)); n < 3 || n > len(want(many))-3 {
			t.Fatalf("a shard has %d files of %d", n, len(want(many)))
		}
	}
	// others are the files of the cluster that next lacks.
	others := want(&render.Tree{Clusters: old.Clusters[:1]})
	for name, tt := range map[string]struct {
		// old is the content of the directory, and next is the tree to write.
		old, next *render.Tree
		opts      Options
		// end is the expected content.
		end map[string]string
		// after is written completely instead of next after every other fault.
		after *render.Tree
		least int
	}{
		"all clusters":    {old, next, Options{}, want(next), after, 50},
		"some clusters":   {old, next, Options{KeepOthers: true}, with(want(next), others), after, 30},
		"the first shard": {&render.Tree{}, first, Options{Part: true}, want(first), many, 25},
		"another shard":   {first, second, Options{Part: true}, want(many), after, 15},
	} {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, killed=%t", name, killed), func(t *testing.T) {
				foreign := map[string]string{"x/fleetwright/apps/mine.txt": "mine", "x/other.yaml": "mine"}
				try := func(fault faulty) (done bool) {
					dir := t.TempDir()
					defer os.RemoveAll(dir)
					for name, content := range foreign {
						if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
							t.Fatal(err)
						}
						if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
							t.Fatal(err)
						}
					}
					mustWrite(t, dir, tt.old, Options{})
					f, done, err := cutOff(t, dir, tt.next, tt.opts, fault)
					if err == nil {
						// The failed operation was optional, such as removing an empty directory.
						mustHave(t, dir, with(tt.end, foreign))
						return done
					}
					before := want(tt.old)
					if !f.begun && !f.killed {
						mustHave(t, dir, with(before, foreign))
					}
					got := have(t, dir)
					for name, content := range foreign {
						if got[name] != content {
							t.Errorf("%s is %q", name, got[name])
						}
					}
					for name, content := range before {
						if tt.end[name] == content && got[name] != content {
							t.Errorf("the untouched file %s is now %q", name, got[name])
						}
					}
					for name, content := range got {
						if !hidden(name) && content != before[name] && content != tt.end[name] && content != foreign[name] {
							t.Errorf("%s is neither the old nor the new one:\n%s", name, content)
						}
					}
					// The next render, of the same or another tree, gives the same result as an undisturbed
					// one.
					if f.at%2 == 0 {
						mustWrite(t, dir, tt.after, Options{AllowPrune: true})
						mustHave(t, dir, with(want(tt.after), foreign))
					} else {
						opts := tt.opts
						opts.AllowPrune = true
						mustWrite(t, dir, tt.next, opts)
						mustHave(t, dir, with(tt.end, foreign))
					}
					noneEmpty(t, dir)
					return done
				}
				at := 1
				for ; !t.Failed() && !try(faulty{at: at, killed: killed}); at++ {
				}
				if t.Failed() || at < tt.least {
					t.Errorf("operation %d", at)
				}
			})
		}
	}
}

// TestFaultAfterFault interrupts the run that repairs an interrupted run.
func TestFaultAfterFault(t *testing.T) {
	old, next, third := treeOf(t, "x", policyA, policyB), treeOf(t, "x", changed), treeOf(t, "x", policyB, policyA)
	for first := 1; ; first++ {
		dir := t.TempDir()
		mustWrite(t, dir, old, Options{})
		if _, done, _ := cutOff(t, dir, next, Options{}, faulty{at: first, killed: true}); done {
			break
		}
		for second := 1; ; second += 3 {
			other := t.TempDir()
			if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			// Half of the runs are interrupted; the others fail and undo as much as they can.
			if _, done, _ := cutOff(t, other, third, Options{}, faulty{at: second, killed: second%2 == 0}); done {
				break
			}
			mustWrite(t, other, old, Options{AllowPrune: true})
			mustHave(t, other, want(old))
			if t.Failed() {
				t.Fatalf("cut off at %d, and then at %d", first, second)
			}
		}
	}
}

// TestFaultOfOneWorker makes one of several workers fail: the others' clusters are restored, too.
func TestFaultOfOneWorker(t *testing.T) {
	for at := 1; !faultOfWorkers(t, at, 0); at++ {
		if t.Failed() {
			t.Fatalf("operation %d", at)
		}
	}
}

// TestFaultOfTwoWorkers makes another worker fail while the stage is undone: the next run knows the remaining
// files.
func TestFaultOfTwoWorkers(t *testing.T) {
	for at := 1; at < 40; at += 3 {
		for other := 1; other < 60; other += 7 {
			faultOfWorkers(t, at, other)
			if t.Failed() {
				t.Fatalf("operations %d and %d", at, other)
			}
		}
	}
}

// faultOfWorkers makes operations of two of three workers fail; 0 is none.
func faultOfWorkers(t *testing.T, at, other int) (done bool) {
	t.Helper()
	old, next := treeOf(t, "a b c d gone", policyA), treeOf(t, "a b c d new", changed, policyB)
	dir := t.TempDir()
	mustWrite(t, dir, old, Options{})
	var w workers
	faults := make([]faulty, 3)
	for i := range faults {
		files, err := openFiles(dir)
		if err != nil {
			t.Fatal(err)
		}
		faults[i].files = files
		w = append(w, &faults[i])
	}
	faults[1].at, faults[2].at = at, other
	_, err := write(w, next, Options{AllowPrune: true})
	begun := faults[0].begun || faults[1].begun || faults[2].begun
	for _, f := range faults {
		f.files.(*rootFiles).Close()
	}
	switch {
	case err == nil:
		mustHave(t, dir, want(next))
	case !begun && other == 0:
		mustHave(t, dir, want(old))
	}
	mustWrite(t, dir, next, Options{AllowPrune: true})
	mustHave(t, dir, want(next))
	return faults[1].count < at && at > 30
}

// noneEmpty checks that no directory is empty, except one that a killed run was about to remove: without
// content, its owner is unknown.
func noneEmpty(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		entries, err := os.ReadDir(name)
		if len(entries) == 0 && e.Name() != layout.Dir && filepath.Dir(name) != dir {
			t.Errorf("%s is empty", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A forbidding directory denies changes in one of its directories, or reading another.
type forbidding struct {
	files
	change, look string
}

func (f *forbidding) refuse(dir, name string) error {
	if dir != "" && strings.HasPrefix(name, dir+"/") {
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return nil
}

func (f *forbidding) Create(name string, content []byte) error {
	if err := f.refuse(f.change, name); err != nil {
		return err
	}
	return f.files.Create(name, content)
}

func (f *forbidding) Remove(name string) error {
	if err := f.refuse(f.change, name); err != nil {
		return err
	}
	return f.files.Remove(name)
}

func (f *forbidding) Lstat(name string) (fs.FileInfo, error) {
	if err := f.refuse(f.look, name); err != nil {
		return nil, err
	}
	return f.files.Lstat(name)
}

func TestPermissions(t *testing.T) {
	open := func(t *testing.T, dir string) files {
		files, err := openFiles(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(files.Close)
		return files
	}
	t.Run("to remove, missing, shows before anything is changed", func(t *testing.T) {
		dir := t.TempDir()
		old := treeOf(t, "x", policyA, policyB)
		mustWrite(t, dir, old, Options{})
		refusing := &forbidding{files: open(t, dir), change: "x/fleetwright/apps/default.app-1"}
		if _, err := write(workers{refusing}, treeOf(t, "x", policyA), Options{AllowPrune: true}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("the error is %v", err)
		}
		mustHave(t, dir, want(old))
	})
	t.Run("to look into somebody else's directory is not needed", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "theirs/fleetwright"), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := write(workers{&forbidding{files: open(t, dir), look: "theirs"}}, treeOf(t, "x", policyA), Options{}); err != nil {
			t.Error(err)
		}
	})
}

// TestNothingIsLeftOfADirectory checks that, after a killed run that was about to remove a cluster, no
// remaining file needs --allow-prune.
func TestNothingIsLeftOfADirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "gone/fleetwright"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "gone/fleetwright", layout.JournalFile), []byte(`{"files":["sync.yaml"]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	tr := treeOf(t, "x", policyA)
	mustWrite(t, dir, tr, Options{})
	mustHave(t, dir, want(tr))
}

func with(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func TestRepairsAreSaid(t *testing.T) {
	dir := t.TempDir()
	tr := treeOf(t, "x z", policyA)
	mustWrite(t, dir, tr, Options{})
	if err := os.WriteFile(filepath.Join(dir, "x/fleetwright", layout.JournalFile), []byte(`{"files":["a.yaml"]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if s := mustWrite(t, dir, tr, Options{}); !slices.Equal(s.Repaired, []string{"x"}) {
		t.Errorf("%+v", s)
	}
	mustHave(t, dir, want(tr))
	if s := mustWrite(t, dir, tr, Options{}); len(s.Repaired) > 0 {
		t.Errorf("%+v", s)
	}
}

// TestRunsDoNotMix writes three trees into one directory in eight concurrent runs.
func TestRunsDoNotMix(t *testing.T) {
	dir := t.TempDir()
	trees := []*render.Tree{treeOf(t, "x z", policyA, rollout), treeOf(t, "x z", changed, policyB), treeOf(t, "x z", policyB, rollout)}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 5 {
				if _, err := Write(dir, trees[(i+j)%3], Options{AllowPrune: true}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got := have(t, dir)
	for _, tr := range trees {
		if maps.Equal(got, want(tr)) {
			return
		}
	}
	t.Errorf("the directory holds a mixture:\n%s", strings.Join(slices.Sorted(maps.Keys(got)), "\n"))
}

func TestWaitingIsSaid(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lock(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan bool)
	done := make(chan error)
	go func() {
		_, err := Write(dir, treeOf(t, "x", policyA), Options{Waiting: func() { close(waiting) }})
		done <- err
	}()
	<-waiting
	if names := listing(t, dir); len(names) != 1 {
		t.Errorf("the waiting run has written %q", names)
	}
	unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestErrorsOfTheDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		_, err := Write(dir, treeOf(t, "x", policyA), Options{})
		wantError(t, err, file+" is not a directory")
	}
	above := t.TempDir()
	if _, err := Write(filepath.Join(above, "q1", strings.Repeat("n", 300)), treeOf(t, "x", policyA), Options{}); err == nil {
		t.Error("a name of 300 is written")
	}
	mustHave(t, above, nil)
	if names := listing(t, above); len(names) != 1 {
		t.Errorf("remaining files: %q", names)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Write(dir, treeOf(t, "x", policyA), Options{})
	wantError(t, err, "x is not a directory")
	dir = t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "x/fleetwright/sync.yaml"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = Write(dir, treeOf(t, "x", policyA), Options{})
	wantError(t, err, "x/fleetwright/sync.yaml is a directory where a file belongs")
}

// TestFailedRunLeavesNoDirectory checks that a failed run removes the directory that it created.
func TestFailedRunLeavesNoDirectory(t *testing.T) {
	tr := treeOf(t, "x", policyA)
	for at := 1; ; at++ {
		dir := t.TempDir()
		f, done, err := cutOff(t, dir, tr, Options{}, faulty{at: at})
		if done {
			break
		}
		if names := listing(t, dir); err != nil && !f.begun && len(names) != 1 {
			t.Errorf("operation %d leaves %q", at, names)
		}
	}
}

func TestLinksToTheDirectory(t *testing.T) {
	tr := treeOf(t, "x", policyA)
	top := t.TempDir()
	link := filepath.Join(top, "a")
	if err := os.MkdirAll(filepath.Join(top, "real"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("elsewhere", filepath.Join(top, "real", "x")); err != nil {
		t.Fatal(err)
	}
	// The directory itself may be a link; those below may not.
	_, err := Write(link, tr, Options{})
	wantError(t, err, "x is a symbolic link")
}

// TestProgressCountsToItsTotal checks that progress is reported once for each file that is staged, renamed or
// removed, and never if nothing changes.
func TestProgressCountsToItsTotal(t *testing.T) {
	dir := t.TempDir()
	count := func(tree *render.Tree) (Summary, int) {
		t.Helper()
		calls, of := 0, 0
		s := mustWrite(t, dir, tree, Options{AllowPrune: true, Progress: func(done, total int) {
			if calls++; done != calls || of != 0 && of != total {
				t.Errorf("call %d reports %d of %d", calls, done, total)
			}
			of = total
		}})
		if calls != of {
			t.Errorf("%d of %d are done at the end", calls, of)
		}
		return s, calls
	}
	if s, n := count(treeOf(t, "x z", policyA, rollout)); n != 2*s.Written {
		t.Errorf("%d steps for %+v", n, s)
	}
	if s, n := count(treeOf(t, "x", changed)); n != 2*s.Written+s.Removed || s.Removed == 0 {
		t.Errorf("%d steps for %+v", n, s)
	}
	if s, n := count(treeOf(t, "x", changed)); n != 0 {
		t.Errorf("%d steps for %+v", n, s)
	}
}
