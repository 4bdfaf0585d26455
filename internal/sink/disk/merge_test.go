package disk_test

import (
	"flag"
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
	"github.com/fleetwright/fleetwright/render/layout"
)

var (
	seeds     = flag.Int("seeds", 14, "how many random worlds the tests of merges draw")
	firstSeed = flag.Uint64("seed", 0, "the seed of the first of them")
)

// draw runs a test with the base of each of n seeds, rendered in a repository. Repeat a failure with seed=7
// by -seed 7 -seeds 1.
func draw(t *testing.T, n int, test func(g *repository, r *rand.Rand, base world)) {
	if testing.Short() {
		n = (n + 3) / 4
	}
	for i := range n {
		seed := *firstSeed + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 0))
			base := newWorld(r)
			test(newRepository(t, pick(r, []string{"pull", "hub"}), base), r, base)
		})
	}
}

// TestBranchesMerge makes two branches that each change another application or cluster of a random fleet and
// render it. Git must merge them without conflicts, and the result must be the output for the inputs with
// both edits.
func TestBranchesMerge(t *testing.T) {
	draw(t, *seeds, func(g *repository, r *rand.Rand, base world) {
		for _, pair := range [][2]edit{base.twoApps(r), base.twoClusters(r), base.appAndCluster(r)} {
			g.mustMerge(base, pair[0], pair[1])
		}
	})
}

// mustMerge merges two branches of a base.
func (g *repository) mustMerge(base world, a, b edit) {
	g.t.Helper()
	g.branch("a", base.with(a))
	g.branch("b", base.with(b))
	if out, err := g.try("merge", "--quiet", "--no-edit", "a"); err != nil {
		g.t.Errorf("%s: one branch %s, one %s; Git cannot merge them:\n%s", g.topology, a, b, out)
		g.git("reset", "--hard", "--quiet")
	} else if problem := g.differs(base.with(a, b), map[string]string{}, false); problem != "" {
		g.t.Errorf("%s: one branch %s, one %s; the merge is not up to date: %s", g.topology, a, b, problem)
	}
}

// TestTheOnlyApplicationMoves checks that one branch can move the only application of a cluster to another
// cluster while another branch adds a second. Git takes the moved directories for renamed ones, and moves the
// other branch's new files along with them.
func TestTheOnlyApplicationMoves(t *testing.T) {
	for _, topology := range []string{"pull", "hub"} {
		for _, fleet := range fleets[1:] {
			t.Run(topology+" "+fleet, func(t *testing.T) {
				t.Parallel()
				only := app{name: "only", fleet: fleet, region: "eu", interval: 5, policies: []policy{{name: "a", steps: 3, alert: ownAlert}, {name: "b"}}}
				second := only
				second.name = "second"
				base := world{apps: []app{only, {name: "second", absent: true}}}
				for _, f := range fleets {
					base.clusters = append(base.clusters, cluster{name: f + "-0", fleet: f, region: "eu"}, cluster{name: f + "-1", fleet: f, region: "us"})
				}
				g := newRepository(t, topology, base)
				adds := edit{name: "adds second", place: 1, app: func(_ *rand.Rand, a *app) { *a = second }}
				g.mustMerge(base, edit{name: "moves only", app: func(_ *rand.Rand, a *app) { a.region = "us" }}, adds)
				g.mustMerge(base, edit{name: "moves only to another fleet", app: func(_ *rand.Rand, a *app) { a.fleet = "kuma" }}, adds)
			})
		}
	}
}

// TestRenderRepairsMerges makes two branches that change one application, and merges them in each of Git's
// ways. Only files of that application may conflict, and rendering the resolved inputs must repair the
// output, whatever Git left.
func TestRenderRepairsMerges(t *testing.T) {
	draw(t, (*seeds+1)/2, func(g *repository, r *rand.Rand, base world) {
		subject := base.anApp(r)
		a, b := base.editApp(r, subject), base.editApp(r, subject)
		g.branch("a", base.with(a))
		g.branch("b", base.with(b))
		for i, way := range mergeWays {
			resolved := [][]edit{{a}, {b}, {a, b}}[i%3]
			about := fmt.Sprintf("%s, %s: one branch %s, one %s; resolved to %v", g.topology, way.name, a, b, resolved)
			g.git("reset", "--hard", "--quiet", "b")
			g.git("clean", "-d", "--force", "--quiet")
			out, _ := g.try(append(way.args, "--quiet", "--no-edit", "a")...)
			isMoved := strings.Contains(out, "(file location)")
			conflicts := strings.Fields(g.git("diff", "--name-only", "--diff-filter=U"))
			for _, name := range conflicts {
				// A shared file may belong to only one application, and Git may take one file for the other,
				// renamed.
				if !strings.Contains(name, base.apps[subject].name) && !strings.Contains(name, "/shared/") {
					g.t.Errorf("%s, and %s conflicts", about, name)
				}
			}
			if way.takesHalf {
				g.checkoutHalf(conflicts)
			}
			foreign := g.addForeign(base.apps[subject].name)
			world := base.with(resolved...)
			if _, err := disk.Write(g.dir, world.compile(g.t, g.topology), disk.Options{AllowPrune: true}); err != nil {
				g.t.Errorf("%s, and not repaired: %v", about, err)
			} else if problem := g.differs(world, foreign, way.forgets || isMoved); problem != "" {
				g.t.Errorf("%s, and repaired to another tree: %s", about, problem)
			}
		}
	})
}

// mergeWays are ways to merge, and to treat conflicts before the repair. One of them keeps the inventories of
// one side, so files that only the other side lists remain. So do files that Git moved because one branch
// renamed the directory to which the other added them: no inventory lists them there.
var mergeWays = []struct {
	name               string
	args               []string
	takesHalf, forgets bool
}{
	{name: "merge", args: []string{"merge"}},
	{name: "diff3", args: []string{"-c", "merge.conflictStyle=diff3", "merge"}},
	{name: "zdiff3", args: []string{"-c", "merge.conflictStyle=zdiff3", "merge"}},
	{name: "-X ours", args: []string{"merge", "-X", "ours"}, forgets: true},
	{name: "-X theirs", args: []string{"merge", "-X", "theirs"}, forgets: true},
	{name: "half of it --ours", args: []string{"merge"}, takesHalf: true, forgets: true},
}

// anApp draws the place of an application to edit.
func (w world) anApp(r *rand.Rand) int {
	for {
		if place := r.IntN(len(w.apps)); !strings.HasPrefix(w.apps[place].name, resident) {
			return place
		}
	}
}

// aCluster draws the place of a cluster to edit, except the first of each fleet, so that no fleet becomes
// empty.
func (w world) aCluster(r *rand.Rand) int {
	for {
		if place := r.IntN(len(w.clusters)); !strings.HasSuffix(w.clusters[place].name, "-0") {
			return place
		}
	}
}

// twoApps draws edits of two applications, which usually share a cluster.
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

// appAndCluster draws edits of an application, and of a cluster that it never runs on.
func (w world) appAndCluster(r *rand.Rand) [2]edit {
	for {
		a, b := w.editApp(r, w.anApp(r)), w.editCluster(r, w.aCluster(r))
		if !w.meet(a, b) && !w.with(b).meet(a, b) {
			return [2]edit{a, b}
		}
	}
}

// A repository has the output in DIR, and no inputs: their merge is known, and Git need not find it.
type repository struct {
	t         *testing.T
	topology  string
	root, dir string
}

// newRepository creates a repository whose branch "base" has a rendered world.
func newRepository(t *testing.T, topology string, base world) *repository {
	root := t.TempDir()
	g := &repository{t: t, topology: topology, root: root, dir: filepath.Join(root, "clusters")}
	g.git("init", "--quiet", "--initial-branch", "base")
	g.commit(base)
	return g
}

// branch creates a branch of the base for a world.
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

// differs returns how DIR differs from the output for a world, or "". Other files may exist if they are
// foreign, or if others is set. Those that Flux would apply must be reported.
func (g *repository) differs(w world, foreign map[string]string, others bool) string {
	tree := w.compile(g.t, g.topology)
	c, err := disk.Compare(g.dir, tree, disk.Options{})
	switch {
	case err != nil:
		return err.Error()
	case c.Rejected != nil:
		return c.Rejected.Error()
	case len(c.Changes) > 0:
		first := c.Changes[0]
		return fmt.Sprintf("%d files are not up to date; %s/%s is\n%s\nwant\n%s", len(c.Changes), first.Cluster, first.Path, first.Old, first.New)
	}
	want := maps.Clone(foreign)
	for _, c := range tree.Clusters {
		for f := range c.Files() {
			want[filepath.Join(c.Name, layout.Dir, f.Path)] = string(f.Content)
		}
	}
	have := filesIn(g.t, g.dir)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if content, ok := have[name]; !ok || content != want[name] {
			return fmt.Sprintf("%s is\n%s\nand must be\n%s", name, content, want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		_, isWanted := want[name]
		_, isForeign := foreign[name]
		switch {
		case !isWanted && !others:
			return fmt.Sprintf("%s is left:\n%s", name, have[name])
		case (isForeign || !isWanted) && applied(name, want) && !slices.Contains(c.Stray, name):
			return fmt.Sprintf("Flux applies %s, which is not reported:\n%s", name, have[name])
		}
	}
	return ""
}

// applied reports whether Flux applies a file that no tree has: a manifest below the path of a Kustomization,
// where no kustomization.yaml lists the resources.
func applied(file string, tree map[string]string) bool {
	if filepath.Ext(file) != ".yaml" {
		return false
	}
	for _, content := range tree {
		for _, path := range syncPath.FindAllStringSubmatch(content, -1) {
			_, isListed := tree[path[1]+"/kustomization.yaml"]
			if !isListed && strings.HasPrefix(file, path[1]+"/") {
				return true
			}
		}
	}
	return false
}

// syncPath matches the line of a Flux Kustomization with the directory of DIR that it applies.
var syncPath = regexp.MustCompile(`(?m)^  path: \./clusters/(.+)$`)

// checkoutHalf restores every other conflicting file to its state before the merge, if it existed.
func (g *repository) checkoutHalf(conflicts []string) {
	for i := 0; i < len(conflicts); i += 2 {
		_, _ = g.try("checkout", "--ours", "--", conflicts[i])
	}
}

// addForeign adds foreign files to the directories of an application and their parents, and returns them.
func (g *repository) addForeign(app string) map[string]string {
	foreign := map[string]string{}
	for name := range filesIn(g.t, g.dir) {
		if !strings.Contains(name, app) {
			continue
		}
		for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
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

// git runs git, and returns its output.
func (g *repository) git(args ...string) string {
	g.t.Helper()
	out, err := g.try(args...)
	if err != nil {
		g.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// try runs git as a user who has configured only a name.
func (g *repository) try(args ...string) (string, error) {
	// A background gc would outlast the test.
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
