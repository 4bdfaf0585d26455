package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// inWaves compiles Applications for clusters, each in its own wave, and splits the tree after the first wave.
// An application is <name> or <name>@<cluster>.
func inWaves(t testing.TB, topology, clusters, interval string, apps ...string) (all, now, later *render.Tree) {
	t.Helper()
	var documents, members, waves []string
	for _, c := range strings.Fields(clusters) {
		members = append(members, fmt.Sprintf("{kind: Cluster, name: %s}", c))
		documents = append(documents, fmt.Sprintf("{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: %s, labels: {name: %[1]s}}}", c))
		waves = append(waves, fmt.Sprintf("{name: %s, clusterSelector: {matchLabels: {name: %[1]s}}}", c))
	}
	documents = append(documents,
		fmt.Sprintf("{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: f}, spec: {clusters: [%s]}}", strings.Join(members, ", ")),
		fmt.Sprintf("{apiVersion: fleetwright.dev/v1alpha1, kind: RenderConfig, spec: {topology: %s, waves: [%s]}}", topology, strings.Join(waves, ", ")))
	for _, app := range apps {
		name, cluster, some := strings.Cut(app, "@")
		selector := ""
		if some {
			selector = ", clusterSelector: {matchLabels: {name: " + cluster + "}}"
		}
		documents = append(documents, fmt.Sprintf("{apiVersion: apps.kurator.dev/v1alpha1, kind: Application, metadata: {name: %s}, spec: {source: {gitRepository: {url: https://example.com, interval: 1m, ref: {tag: v1}}}, destination: {fleet: f%s}, syncPolicies: [{name: %[1]s, kustomization: {interval: %[3]s, prune: true, targetNamespace: %[1]s}}]}}", name, selector, interval))
	}
	tree, list := render.Compile(schema.Load([]schema.File{{Name: "f.yaml", Data: []byte(strings.Join(documents, "\n---\n"))}}), render.Options{})
	if tree == nil {
		t.Fatal(list)
	}
	now, later = tree.Through(0)
	return tree, now, later
}

// behind returns the options of a write that skips the clusters of a tree.
func behind(later *render.Tree) Options {
	opts := Options{AllowPrune: true, Behind: map[string]bool{}}
	for _, c := range later.Clusters {
		opts.Behind[c.Name] = c.Waiting() == nil
	}
	return opts
}

// isOf reports whether a file belongs to a cluster, in its directory or its hub's.
func isOf(cluster, file string) bool {
	root, rest, _ := strings.Cut(file, "/"+layout.Dir+"/")
	return root == cluster || layout.ClusterOf(rest) == cluster
}

// TestWavesKeepWhatClustersHave checks added, removed and changed applications and clusters.
func TestWavesKeepWhatClustersHave(t *testing.T) {
	for _, topology := range []string{"pull", "hub"} {
		t.Run(topology, func(t *testing.T) {
			dir := t.TempDir()
			old, _, _ := inWaves(t, topology, "one two gone", "5m", "both", "old", "late@two")
			mustWrite(t, dir, old, Options{})
			past := time.Now().Add(-time.Hour)
			before := have(t, dir)
			for name := range before {
				if err := os.Chtimes(filepath.Join(dir, name), past, past); err != nil {
					t.Fatal(err)
				}
			}
			next, now, later := inWaves(t, topology, "one two three", "7m", "both", "new")
			mustWrite(t, dir, now, behind(later))
			end, got := want(next), have(t, dir)
			for name, content := range before {
				if !isOf("two", name) {
					continue
				}
				info, err := os.Stat(filepath.Join(dir, name))
				if err != nil || got[name] != content || !info.ModTime().Equal(past) {
					t.Errorf("%s was touched: %v", name, err)
				}
			}
			for name, content := range end {
				if isOf("one", name) && got[name] != content {
					t.Errorf("%s is %q", name, got[name])
				}
			}
			for name := range got {
				if isOf("gone", name) || isOf("three", name) {
					t.Errorf("%s exists", name)
				}
			}
			if topology == "hub" {
				// One is applied now; the waiting cluster still lists the others.
				for name, there := range map[string]bool{"both": true, "new": true, "old": true, "late": true, "gone": false} {
					if _, ok := got["host/fleetwright/sources/gitrepository-"+name+".default.yaml"]; ok != there {
						t.Errorf("the source of %s exists: %t", name, ok)
					}
				}
			}
			if all, err := CheckWaiting(dir, later); err != nil || len(all) > 0 {
				t.Errorf("%+v, %v", all, err)
			}
			// A second run changes nothing.
			if s := mustWrite(t, dir, now, behind(later)); s.Written+s.Removed+len(s.Stray) > 0 {
				t.Errorf("%+v", s)
			}
			mustWrite(t, dir, next, Options{AllowPrune: true})
			mustHave(t, dir, end)
		})
	}
}

// TestAnotherTopologyKeepsClustersThatWait checks a change of topology: it would remove the files of waiting
// clusters from one directory without writing them into the other.
func TestAnotherTopologyKeepsClustersThatWait(t *testing.T) {
	for from, to := range map[string]string{"pull": "hub", "hub": "pull"} {
		t.Run(from+" to "+to, func(t *testing.T) {
			dir := t.TempDir()
			old, _, _ := inWaves(t, from, "one two", "5m", "both")
			mustWrite(t, dir, old, Options{})
			before := have(t, dir)
			next, now, later := inWaves(t, to, "one two", "5m", "both")
			_, err := Write(dir, now, behind(later))
			wantError(t, err, "would remove the files of clusters that wait, and write them nowhere: two")
			var refused *diag.Mistake
			if !errors.As(err, &refused) || !strings.Contains(refused.Hint, "--through two --allow-prune") {
				t.Errorf("the hint is %+v", refused)
			}
			_, err = Compare(dir, now, behind(later))
			wantError(t, err, "would remove the files of clusters that wait")
			mustHave(t, dir, before)
			// Rendering all waves at once loses nothing.
			mustWrite(t, dir, next, Options{AllowPrune: true})
			mustHave(t, dir, want(next))
		})
	}
}

// TestWavesAfterAKilledRun interrupts a run of all waves, and then runs the first wave.
func TestWavesAfterAKilledRun(t *testing.T) {
	for _, topology := range []string{"pull", "hub"} {
		t.Run(topology, func(t *testing.T) {
			old, _, _ := inWaves(t, topology, "one two", "5m", "both", "old")
			next, now, later := inWaves(t, topology, "one two", "7m", "both", "new")
			before, end := want(old), want(next)
			try := func(at int) (done bool) {
				dir := t.TempDir()
				defer os.RemoveAll(dir)
				mustWrite(t, dir, old, Options{})
				_, done, _ = cutOff(t, dir, next, Options{}, faulty{at: at, killed: true})
				mustWrite(t, dir, now, behind(later))
				for name, content := range have(t, dir) {
					switch {
					case isOf("one", name) && content != end[name]:
						t.Errorf("operation %d: %s is\n%s", at, name, content)
					case isOf("two", name) && hidden(name) && topology == "pull": // the run of that cluster cleans up
					case isOf("two", name) && content != before[name] && content != end[name]:
						t.Errorf("operation %d: %s is\n%s", at, name, content)
					}
				}
				mustWrite(t, dir, next, Options{AllowPrune: true})
				mustHave(t, dir, end)
				noneEmpty(t, dir)
				return done
			}
			at := 1
			for ; !t.Failed() && !try(at); at++ {
			}
			if t.Failed() || at < 30 {
				t.Errorf("operation %d", at)
			}
		})
	}
}

// TestFilesOfClustersThatWait checks that files of waiting clusters are listed in their inventories, or
// reported.
func TestFilesOfClustersThatWait(t *testing.T) {
	for _, topology := range []string{"pull", "hub"} {
		tree, _, later := inWaves(t, topology, "one two", "5m", "both")
		own, app, sync := "inventory", "apps/default.both/", "sync/default.both.yaml"
		root := "two/fleetwright/"
		if topology == "hub" {
			own, app, sync, root = "clusters/two/inventory", "clusters/two/apps/default.both/", "sync/two/default.both.yaml", "host/fleetwright/"
		}
		for name, tt := range map[string]struct {
			do   func(dir string) error
			want []string
		}{
			"as rendered": {func(string) error { return nil }, nil},
			"edited":      {func(dir string) error { return os.WriteFile(dir+sync, []byte("x"), 0o644) }, []string{sync}},
			"missing":     {func(dir string) error { return os.Remove(dir + sync) }, []string{sync + " is missing"}},
			"no inventory of an application": {func(dir string) error { return os.Remove(dir + app + "inventory") },
				[]string{app + "inventory is missing"}},
			"no inventory": {func(dir string) error { return os.Remove(dir + own) }, []string{own + " is missing"}},
			"somebody else's inventory": {func(dir string) error { return os.WriteFile(dir+own, []byte("shelves"), 0o644) },
				[]string{own}},
			"a link": {func(dir string) error {
				if err := os.Rename(dir+sync, dir+"elsewhere"); err != nil {
					return err
				}
				return os.Symlink(dir+"elsewhere", dir+sync)
			}, []string{sync + " is not a file of a render"}},
			"a stale inventory": {func(dir string) error {
				data, err := os.ReadFile(dir + app + "inventory")
				if err != nil {
					return err
				}
				lines := strings.SplitAfter(string(data), "\n")
				for i := range lines {
					if strings.HasSuffix(lines[i], sync+"\n") {
						lines[i] = strings.Repeat("0", 64) + "  " + sync + "\n"
					}
				}
				return os.WriteFile(dir+app+"inventory", []byte(strings.Join(lines, "")), 0o644)
			}, []string{sync}},
			"not there yet": {func(dir string) error {
				if topology == "hub" {
					return errors.Join(os.RemoveAll(dir+"clusters/two"), os.RemoveAll(dir+"sync/two"))
				}
				return os.RemoveAll(dir)
			}, nil},
			"another cluster's": {func(dir string) error {
				return os.WriteFile(strings.NewReplacer("two", "one").Replace(dir+sync), []byte("x"), 0o644)
			}, nil},
		} {
			t.Run(topology+", "+name, func(t *testing.T) {
				dir := t.TempDir()
				mustWrite(t, dir, tree, Options{})
				if err := tt.do(filepath.Join(dir, root) + "/"); err != nil {
					t.Fatal(err)
				}
				all, err := CheckWaiting(dir, later)
				var got []string
				for _, e := range all {
					if e.Name != "two" {
						t.Errorf("%+v", e)
					}
					got = append(got, e.Files...)
				}
				if err != nil || !slices.Equal(got, tt.want) {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		t.Run(topology+", no strays without an inventory", func(t *testing.T) {
			dir := t.TempDir()
			mustWrite(t, dir, tree, Options{})
			if err := os.Remove(filepath.Join(dir, root, app, "inventory")); err != nil {
				t.Fatal(err)
			}
			all, err := CheckWaiting(dir, later)
			if err != nil || len(all) != 1 || len(all[0].Stray) > 0 {
				t.Errorf("%+v, %v", all, err)
			}
		})
		t.Run(topology+", strays", func(t *testing.T) {
			dir := t.TempDir()
			mustWrite(t, dir, tree, Options{})
			plant(t, dir, root+filepath.Dir(sync)+"/mine.yaml", "kind: ConfigMap")
			plant(t, dir, root+app+"mine.yaml", "kind: ConfigMap") // listed in no kustomization.yaml
			all, err := CheckWaiting(dir, later)
			if err != nil || len(all) != 1 || len(all[0].Files) > 0 || !slices.Equal(all[0].Stray, []string{root + filepath.Dir(sync) + "/mine.yaml"}) {
				t.Errorf("%+v, %v", all, err)
			}
		})
	}
}

// TestAHubHasWhatWaitingClustersName checks that a hub keeps what waiting clusters refer to: Flux applies
// nothing of a cluster without its sources, or without one of its two directories.
func TestAHubHasWhatWaitingClustersName(t *testing.T) {
	old, _, _ := inWaves(t, "hub", "one two", "5m", "both", "old", "late@two")
	_, now, later := inWaves(t, "hub", "one two", "7m", "both", "late@two")
	const source = "sources/gitrepository-%s.default.yaml"
	for name, tt := range map[string]struct {
		do   func(hub string) error
		want []string
	}{
		"as rendered":       {func(string) error { return nil }, nil},
		"kept, and missing": {func(hub string) error { return os.Remove(hub + fmt.Sprintf(source, "old")) }, []string{fmt.Sprintf(source, "old") + " is missing"}},
		"of a later wave":   {func(hub string) error { return os.Remove(hub + fmt.Sprintf(source, "late")) }, []string{fmt.Sprintf(source, "late") + " is missing"}},
		"no object":         {func(hub string) error { return os.WriteFile(hub+fmt.Sprintf(source, "old"), []byte("x"), 0o644) }, []string{fmt.Sprintf(source, "old")}},
		"another object": {func(hub string) error {
			return os.WriteFile(hub+fmt.Sprintf(source, "old"), []byte("{kind: GitRepository, metadata: {name: x}}"), 0o644)
		}, []string{fmt.Sprintf(source, "old")}},
		"of a wave that is written": {func(hub string) error { return os.Remove(hub + fmt.Sprintf(source, "both")) }, nil},
		"clusters/two":              {func(hub string) error { return os.RemoveAll(hub + "clusters/two") }, []string{"clusters/two/inventory is missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			mustWrite(t, dir, old, Options{})
			mustWrite(t, dir, now, behind(later))
			if err := tt.do(filepath.Join(dir, "host/fleetwright") + "/"); err != nil {
				t.Fatal(err)
			}
			all, err := CheckWaiting(dir, later)
			var got []string
			for _, e := range all {
				got = append(got, e.Files...)
			}
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// TestAHubOfTheFormerLayout checks that such a hub is taken over as a whole, and therefore not while clusters
// wait.
func TestAHubOfTheFormerLayout(t *testing.T) {
	_, now, later := inWaves(t, "hub", "one two", "5m", "both")
	dir := t.TempDir()
	files := map[string][]byte{"clusters/two/apps/default.both/x.yaml": []byte("kind: X\n"), "sync.yaml": []byte("kind: Y\n")}
	files[layout.FormerInventoryFile] = layout.FormerInventory("host", files)
	for name, content := range files {
		plant(t, dir, "host/fleetwright/"+name, string(content))
	}
	before := have(t, dir)
	comparison, err := Compare(dir, now, behind(later))
	if err != nil || len(comparison.Changes) > 0 || !slices.Equal(comparison.Waiting, []string{"host"}) {
		t.Errorf("%+v, %v", comparison, err)
	}
	_, err = Write(dir, now, behind(later))
	wantError(t, err, "host/fleetwright has the former layout")
	mustHave(t, dir, before)
	if all, err := CheckWaiting(dir, later); err != nil || len(all) > 0 {
		t.Errorf("%+v, %v", all, err)
	}
	plant(t, dir, "host/fleetwright/clusters/two/apps/default.both/x.yaml", "kind: Z\n")
	if all, err := CheckWaiting(dir, later); err != nil || len(all) != 1 || !slices.Equal(all[0].Files, []string{"clusters/two/apps/default.both/x.yaml"}) {
		t.Errorf("%+v, %v", all, err)
	}
}
