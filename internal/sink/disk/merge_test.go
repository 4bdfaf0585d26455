package disk_test

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/sink/disk"
)

// FuzzMerge has two branches each change another application or cluster of a random fleet and
// render it, and Git merge what they rendered. The merge must be clean, and what render makes
// of the inputs with both edits.
//
// go test runs some seeds, and -run FuzzMerge/seed#7 one of them again; make fuzz draws more.
func FuzzMerge(f *testing.F) {
	addSeeds(f, 14) // of three pairs each
	f.Fuzz(func(t *testing.T, seed uint64) {
		t.Parallel()
		r := rand.New(rand.NewPCG(seed, 1))
		base := newWorld(r)
		g := newRepository(t, seed, base)
		for _, pair := range [][2]edit{base.twoApps(r), base.twoClusters(r), base.appAndCluster(r)} {
			a, b := pair[0], pair[1]
			g.branch("a", base.with(a))
			g.branch("b", base.with(b))
			if out, err := g.try("merge", "--quiet", "--no-edit", "a"); err != nil {
				t.Errorf("seed %d, %s: one branch %s, one %s, and Git does not merge them:\n%s", seed, g.topology, a, b, out)
				g.git("reset", "--hard", "--quiet")
				continue
			}
			if problem := g.differs(base.with(a, b), nil, false); problem != "" {
				t.Errorf("seed %d, %s: one branch %s, one %s, and what Git merges is not current: %s", seed, g.topology, a, b, problem)
			}
		}
	})
}

// FuzzRepair has two branches change one application, and Git merge what they rendered in each
// of its ways. Only files of that application may conflict, and a render of the resolved inputs
// makes them what they must be, whatever Git has left.
func FuzzRepair(f *testing.F) {
	addSeeds(f, 8)
	f.Fuzz(func(t *testing.T, seed uint64) {
		t.Parallel()
		r := rand.New(rand.NewPCG(seed, 2))
		base := newWorld(r)
		g := newRepository(t, seed, base)
		subject := base.anApp(r)
		a, b := base.editApp(r, subject), base.editApp(r, subject)
		g.branch("a", base.with(a))
		g.branch("b", base.with(b))
		for i, way := range mergeWays {
			about := fmt.Sprintf("seed %d, %s, %s: one branch %s, one %s", seed, g.topology, way.name, a, b)
			g.git("reset", "--hard", "--quiet", "b")
			g.git("clean", "-d", "--force", "--quiet")
			_, _ = g.try(append(way.args, "--quiet", "--no-edit", "a")...)
			conflicts := g.conflicts()
			for _, name := range conflicts {
				if !strings.Contains(name, base.apps[subject].name) {
					t.Errorf("%s, and %s conflicts", about, name)
				}
			}
			if way.then != nil {
				way.then(g, conflicts)
			}
			resolved := [][]edit{{a}, {b}, {a, b}}[i%3]
			foreign := g.addForeign(base.apps[subject].name)
			world := base.with(resolved...)
			if _, err := disk.Write(g.dir, world.compile(t, g.topology), disk.Options{AllowPrune: true}); err != nil {
				t.Errorf("%s; it is resolved to %v, and not repaired: %v", about, resolved, err)
			} else if problem := g.differs(world, foreign, way.forgets); problem != "" {
				t.Errorf("%s; it is resolved to %v, and repaired to another tree: %s", about, resolved, problem)
			}
		}
	})
}

// mergeWays are how a merge may be made, and what may be done about its conflicts before
// the repair. One that forgets takes inventories of one side, so that files of the other are
// nobody's: these stay, and only they.
var mergeWays = []struct {
	name    string
	args    []string
	then    func(g *repository, conflicts []string)
	forgets bool
}{
	{name: "merge", args: []string{"merge"}},
	{name: "diff3", args: []string{"-c", "merge.conflictStyle=diff3", "merge"}},
	{name: "zdiff3", args: []string{"-c", "merge.conflictStyle=zdiff3", "merge"}},
	{name: "-X ours", args: []string{"merge", "-X", "ours"}, forgets: true},
	{name: "-X theirs", args: []string{"merge", "-X", "theirs"}, forgets: true},
	{name: "half of it --ours", args: []string{"merge"}, then: (*repository).checkoutHalf, forgets: true},
}

func addSeeds(f *testing.F, n uint64) {
	if testing.Short() {
		n /= 4
	}
	for seed := range n {
		f.Add(seed)
	}
}

// anApp draws the place of an application that may be edited.
func (w world) anApp(r *rand.Rand) int {
	for {
		if place := r.IntN(len(w.apps)); !strings.HasPrefix(w.apps[place].name, resident) {
			return place
		}
	}
}

// aCluster draws the place of a cluster that may be edited. The first of each fleet is not, so
// that no fleet ends.
func (w world) aCluster(r *rand.Rand) int {
	for {
		if place := r.IntN(len(w.clusters)); !strings.HasSuffix(w.clusters[place].name, "-0") {
			return place
		}
	}
}

// twoApps draws edits of two applications, which most often have a cluster in common.
func (w world) twoApps(r *rand.Rand) [2]edit {
	for {
		a, b := w.editApp(r, w.anApp(r)), w.editApp(r, w.anApp(r))
		if a.place != b.place && (w.meet(a, b) || r.IntN(10) == 0) {
			return [2]edit{a, b}
		}
	}
}

// twoClusters draws edits of two clusters.
func (w world) twoClusters(r *rand.Rand) [2]edit {
	for {
		if a, b := w.aCluster(r), w.aCluster(r); a != b {
			return [2]edit{w.editCluster(r, a), w.editCluster(r, b)}
		}
	}
}

// appAndCluster draws edits of an application, and of a cluster that it does not go to.
func (w world) appAndCluster(r *rand.Rand) [2]edit {
	for {
		a, b := w.editApp(r, w.anApp(r)), w.editCluster(r, w.aCluster(r))
		if !w.meet(a, b) {
			return [2]edit{a, b}
		}
	}
}

// A repository has what is rendered in DIR, and the inputs nowhere: what these merge to is
// known, and not Git's to find.
type repository struct {
	t         *testing.T
	topology  string
	root, dir string
}

// newRepository makes a repository whose branch "base" has a rendered world. Of two seeds one
// is for a hub.
func newRepository(t *testing.T, seed uint64, base world) *repository {
	root := t.TempDir()
	g := &repository{t: t, topology: []string{"pull", "hub"}[seed%2], root: root, dir: filepath.Join(root, "clusters")}
	g.git("init", "--quiet", "--initial-branch", "base")
	g.commit(base)
	return g
}

// branch makes a branch of the base, for a world.
func (g *repository) branch(name string, w world) {
	g.git("checkout", "--quiet", "-B", name, "base")
	g.commit(w)
}

// commit renders a world and commits it.
func (g *repository) commit(w world) {
	if _, err := disk.Write(g.dir, w.compile(g.t, g.topology), disk.Options{AllowPrune: true}); err != nil {
		g.t.Fatal(err)
	}
	g.git("add", "--all")
	g.git("commit", "--quiet", "--allow-empty", "--message", "Render")
}

// differs returns how DIR is not what render makes of a world, or "". Files that render has not
// made may be there if they are foreign, or if others may be.
func (g *repository) differs(w world, foreign map[string]string, others bool) string {
	tree, fresh := w.compile(g.t, g.topology), g.t.TempDir()
	c, err := disk.Compare(g.dir, tree, disk.Options{})
	switch {
	case err != nil:
		return err.Error()
	case c.Refused != nil:
		return c.Refused.Error()
	case len(c.Changes) > 0:
		first := c.Changes[0]
		return fmt.Sprintf("%d files are not current; %s/%s is\n%s\nand must be\n%s", len(c.Changes), first.Cluster, first.Path, first.Old, first.New)
	}
	if _, err := disk.Write(fresh, tree, disk.Options{}); err != nil {
		g.t.Fatal(err)
	}
	want := filesIn(g.t, fresh)
	maps.Copy(want, foreign)
	have := filesIn(g.t, g.dir)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if content, ok := have[name]; !ok || content != want[name] {
			return fmt.Sprintf("%s is\n%s\nand must be\n%s", name, content, want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; !ok && (!others || marker.MatchString(have[name])) {
			return fmt.Sprintf("%s is left:\n%s", name, have[name])
		}
	}
	return ""
}

// marker is a line by which Git marks a conflict.
var marker = regexp.MustCompile(`(?m)^(<<<<<<<|\|\|\|\|\|\|\||=======|>>>>>>>)`)

// conflicts returns the paths that a merge has left unmerged.
func (g *repository) conflicts() []string {
	return strings.Fields(g.git("diff", "--name-only", "--diff-filter=U"))
}

// checkoutHalf takes every other of the files in conflict as it was before the merge, where it was.
func (g *repository) checkoutHalf(conflicts []string) {
	for i := 0; i < len(conflicts); i += 2 {
		_, _ = g.try("checkout", "--ours", "--", conflicts[i])
	}
}

// addForeign puts files that render has not made into the directories of DIR, and returns them.
func (g *repository) addForeign(app string) map[string]string {
	foreign := map[string]string{}
	for name := range filesIn(g.t, g.dir) {
		for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
			if !strings.Contains(dir, app) && len(dir)%3 > 0 {
				continue
			}
			for _, base := range []string{"notes.yaml", "kustomization.yaml~HEAD"} {
				foreign[filepath.Join(dir, base)] = "kind: Mine # in " + dir + "\n"
			}
		}
	}
	for name, content := range foreign {
		if err := os.WriteFile(filepath.Join(g.dir, name), []byte(content), 0o644); err != nil {
			g.t.Fatal(err)
		}
	}
	return foreign
}

// filesIn returns the files below a directory.
func filesIn(t *testing.T, dir string) map[string]string {
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		all[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// git runs git, and returns what it printed.
func (g *repository) git(args ...string) string {
	g.t.Helper()
	out, err := g.try(args...)
	if err != nil {
		g.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// try runs git as somebody does who has set nothing but a name.
func (g *repository) try(args ...string) (string, error) {
	// A gc in the background would run on when the test has ended.
	cmd := exec.Command("git", append([]string{"-C", g.root, "-c", "gc.auto=0", "-c", "maintenance.auto=false"}, args...)...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + g.root, "LC_ALL=C",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_ATTR_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=somebody", "GIT_AUTHOR_EMAIL=somebody@example.com",
		"GIT_COMMITTER_NAME=somebody", "GIT_COMMITTER_EMAIL=somebody@example.com",
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
