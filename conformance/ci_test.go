package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"github.com/fleetwright/fleetwright/internal/pages"
)

// release is the version of this module in a test's module proxy.
var release = module.Version{Path: "github.com/fleetwright/fleetwright", Version: "v0.1.0"}

// moduleProxy returns a module proxy that serves the current state of this module as its only version. Other
// modules come from the module cache, or Go's default proxy.
func moduleProxy(t *testing.T) (env []string) {
	t.Helper()
	dir := t.TempDir()
	versions := filepath.Join(dir, release.Path, "@v")
	goMod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	info, err := json.Marshal(map[string]any{"Version": release.Version, "Time": time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	mustCopy(t, tree{"list": []byte(release.Version + "\n"), release.Version + ".info": info, release.Version + ".mod": goMod}, versions)
	file, err := os.Create(filepath.Join(versions, release.Version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := zip.CreateFromDir(file, release, pages.Clone(t, "..")); err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(goEnv(t, "GOMODCACHE"), "cache", "download")
	return []string{
		"GOPROXY=file://" + dir + ",file://" + cache + "," + goEnv(t, "GOPROXY"), "GONOSUMDB=" + release.Path,
	}
}

// A gitlabJob is a job of GitLab CI.
type gitlabJob struct {
	Variables map[string]any
	Script    []string
	Artifacts struct {
		When  string
		Paths []string
	}
}

// run runs the script as GitLab's runner does: in one shell that stops at the first failure.
func (g gitlabJob) run(t *testing.T, dir string, env []string) (code int, printed string) {
	t.Helper()
	cmd := exec.Command("sh", "-e", "-c", strings.Join(g.Script, "\n"))
	cmd.Dir = dir
	cmd.Env = env
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatalf("cannot start sh: %s", out)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// A change is a change on a branch, since a commit whose output is up to date.
type change struct {
	name string
	edit string
	// renders reports whether the change is rendered, too.
	renders bool
	// code is the exit code of CI, and comment is its comment file.
	code    int
	comment string
	printed string
}

var changes = []change{
	{"nothing", "date > notes", false, 0, "nothing would change", "0 errors, 0 warnings"},
	{"a change", "sed -i.bak 's/prune: true/prune: false/' apps/application.yaml", true, 0, "prune", "0 errors, 0 warnings"},
	{"a change without rendering", "sed -i.bak 's/prune: true/prune: false/' apps/application.yaml", false, 1, "prune", " files are stale: "},
	{"a mistake", "sed -i.bak '21s/prune/prnue/' apps/application.yaml", false, 2, "FW110", "apps/application.yaml:21:9: error FW110 "},
}

// makeIn creates a repository with a change, and returns its path and its base.
func (c change) makeIn(t *testing.T, env []string) (dir, base string) {
	t.Helper()
	dir = userRepository(t, env, nil)
	render := fleetwright(t) + " render apps fleets -o clusters > /dev/null 2>&1"
	commit := "git add --all && git commit --quiet --message commit"
	base = pages.Shell(t, dir, render+" && "+commit+" && git rev-parse HEAD", env...)
	pages.Shell(t, dir, c.edit, env...)
	if c.renders {
		pages.Shell(t, dir, render, env...)
	}
	pages.Shell(t, dir, commit, env...)
	return dir, strings.TrimSpace(base)
}

// check checks the result of a run in a repository.
func (c change) check(t *testing.T, dir string, code int, printed string) {
	t.Helper()
	if code != c.code || !strings.Contains(printed, c.printed) {
		t.Errorf("exit code %d, want %d with %q:\n%s", code, c.code, c.printed, printed)
	}
	if comment := string(readTree(t, dir)["fleetwright.md"]); !strings.HasPrefix(comment, "<!-- fleetwright diff -->\n") || !strings.Contains(comment, c.comment) {
		t.Errorf("comment %q, want %q", comment, c.comment)
	}
}

// TestGitLab runs the job of docs/ci.md with the variables of GitLab.
func TestGitLab(t *testing.T) {
	var file map[string]gitlabJob
	mustParse(t, "../examples/ci/gitlab-ci.yml", &file)
	job := file["fleetwright"]
	_, env := published(t)
	// After the first build, the build cache makes this fast in any directory.
	bin := t.TempDir()
	env = append(env, "CGO_ENABLED=0", "GOBIN="+bin, "PATH="+bin+":"+os.Getenv("PATH"))
	env = append(env, moduleProxy(t)...)
	modules := t.TempDir()
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			record(t, "8. GitLab")
			dir, base := c.makeIn(t, env)
			env := slices.Clone(env)
			for name, value := range job.Variables {
				env = append(env, fmt.Sprintf("%s=%v", name, strings.ReplaceAll(fmt.Sprint(value), "$CI_PROJECT_DIR", dir)))
			}
			// The project's caches are empty; use those of this machine.
			env = append(env, "GOCACHE="+goEnv(t, "GOCACHE"), "GOMODCACHE="+modules, "GOFLAGS=-modcacherw -trimpath")
			code, printed := job.run(t, dir, append(env, "CI_PROJECT_DIR="+dir, "CI_MERGE_REQUEST_DIFF_BASE_SHA="+base))
			c.check(t, dir, code, printed)
			if job.Artifacts.When != "always" || !slices.Equal(job.Artifacts.Paths, []string{"fleetwright.md"}) {
				t.Errorf("artifacts: %v", job.Artifacts)
			}
			// A branch has no base.
			if code, printed := job.run(t, dir, append(env, "CI_PROJECT_DIR="+dir)); code != c.code {
				t.Errorf("exit code without a base: %d, want %d:\n%s", code, c.code, printed)
			}
		})
	}
}

// TestShell runs the script of docs/ci.md.
func TestShell(t *testing.T) {
	_, env := published(t)
	script, err := filepath.Abs("../examples/ci/check.sh")
	if err != nil {
		t.Fatal(err)
	}
	env = append(env, "PATH="+filepath.Dir(fleetwright(t))+":"+os.Getenv("PATH"))
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			record(t, "8. a shell")
			dir, base := c.makeIn(t, env)
			cmd := exec.Command(script, base)
			cmd.Dir, cmd.Env = dir, env
			printed, _ := cmd.CombinedOutput()
			c.check(t, dir, cmd.ProcessState.ExitCode(), string(printed))
			cmd = exec.Command(script)
			cmd.Dir, cmd.Env = dir, env
			if printed, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != c.code {
				t.Errorf("exit code without a base: %d, want %d:\n%s", cmd.ProcessState.ExitCode(), c.code, printed)
			}
		})
	}
}

// TestPageOfCI runs the commands of docs/ci.md, and checks that the page contains the files of examples/ci.
// UPDATE=1 updates the page.
func TestPageOfCI(t *testing.T) {
	record(t, "8. the page of CI")
	_, env := published(t)
	pages.Run(t, "..", "docs/ci.md", pages.Clone(t, ".."), env...)

	text := page(t, "docs/ci.md")
	shown := append(pages.Blocks(text, "yaml"), pages.Blocks(text, "sh")...)
	files := []string{"github-workflow.yml", "github-shards.yml", "gitlab-ci.yml", "check.sh"}
	if len(shown) != len(files) {
		t.Fatalf("docs/ci.md shows %d files, want %d", len(shown), len(files))
	}
	for i, file := range files {
		want := string(readTree(t, "../examples/ci")[file])
		if os.Getenv("UPDATE") != "" {
			text = strings.Replace(text, "\n"+shown[i]+"```\n", "\n"+want+"```\n", 1)
		} else if shown[i] != want {
			t.Errorf("docs/ci.md shows a different examples/ci/%s", file)
		}
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("../docs/ci.md", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestInputsAndOutputsOfThePage checks that docs/ci.md has a row for each input and output of action.yml.
func TestInputsAndOutputsOfThePage(t *testing.T) {
	var a action
	mustParse(t, "../action.yml", &a)
	rows := ""
	for line := range strings.Lines(page(t, "docs/ci.md")) {
		if strings.HasPrefix(line, "| `") {
			rows += strings.SplitN(line, "|", 3)[1]
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(a.Inputs)), slices.Collect(maps.Keys(a.Outputs))) {
		if !strings.Contains(rows, "`"+name+"`") {
			t.Errorf("docs/ci.md has no row for %s", name)
		}
	}
}
