package git

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// first and second are the contents of fleet/app.yaml in the two commits of a new repository.
const first, second = "kind: First\n", "kind: Second\n"

// newRepository returns the root of a repository whose fleet/app.yaml has two versions. Its user has
// configured only a name.
func newRepository(t *testing.T) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	global := filepath.Join(t.TempDir(), "gitconfig")
	write(t, global, "[user]\nname = somebody\nemail = somebody@example.com\n[init]\ndefaultBranch = main\n[protocol \"file\"]\nallow = always\n[maintenance]\nauto = false\n[gc]\nauto = 0\n")
	t.Setenv("GIT_CONFIG_GLOBAL", global)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	do(t, root, "init", "--quiet")
	for _, content := range []string{first, second} {
		write(t, filepath.Join(root, "fleet/app.yaml"), content)
		do(t, root, "add", "fleet")
		do(t, root, "commit", "--quiet", "--message", "app")
	}
	return root
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

// do runs git as a person would.
func do(t *testing.T, dir string, args ...string) string {
	t.Helper()
	output, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return strings.TrimSpace(string(output))
}

func find(t *testing.T, path string) *Repository {
	t.Helper()
	r, err := Find(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// checkout returns the files of a path at a revision, by name.
func checkout(r *Repository, revision, path string) (map[string]string, error) {
	isYAML := func(name string) bool { return strings.HasSuffix(name, ".yaml") }
	c, err := r.Checkout(context.Background(), revision, []string{path}, isYAML, 1<<20)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	files := map[string]string{}
	for _, at := range c.Paths {
		err = errors.Join(err, filepath.Walk(at, func(name string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() {
				return err
			}
			data, err := os.ReadFile(name)
			files[strings.TrimPrefix(name, c.Directory())] = string(data)
			return err
		}))
	}
	return files, err
}

// without returns the repository as queried without some guards.
func (r *Repository) without(names ...string) *Repository {
	open := *r
	open.guards = slices.DeleteFunc(slices.Clone(r.guards), func(g guard) bool {
		return slices.Contains(names, g.setting) || slices.Contains(names, g.variable) || slices.Contains(names, "drop") && g.drop != nil
	})
	return &open
}

const (
	noBare     = "safe.bareRepository=explicit"
	noLazy     = "GIT_NO_LAZY_FETCH=1"
	noProtocol = "GIT_ALLOW_PROTOCOL="
	noReplace  = "GIT_NO_REPLACE_OBJECTS=1"
	noMonitor  = "core.fsmonitor=false"
)

// missing is a commit that no test repository has.
const missing = "1234567890123456789012345678901234567890"

// TestNothingOfARepositoryRuns plants settings that make git run a command. It shows that git runs the
// command without the protection, and then runs every query of fleetwright.
func TestNothingOfARepositoryRuns(t *testing.T) {
	promisor := func(t *testing.T, dir, url string, settings ...string) {
		for _, s := range append([]string{"core.repositoryFormatVersion=1", "extensions.partialClone=origin", "remote.origin.promisor=true", "remote.origin.url=" + url}, settings...) {
			key, value, _ := strings.Cut(s, "=")
			do(t, dir, "config", "--file", filepath.Join(dir, "config"), key, value)
		}
	}
	fetch := []string{"rev-parse", "--verify", "--quiet", missing + "^{tree}"}
	for _, tt := range []struct {
		name string
		// plant plants the command in the repository, and returns the directory in which git would run it.
		plant func(t *testing.T, root, command string) (dir string)
		// live runs the git command without the guards.
		live    []string
		without []string
	}{
		{"a bare repository among the documents", func(t *testing.T, root, command string) string {
			dir := filepath.Join(root, "fleet")
			write(t, filepath.Join(dir, "HEAD"), "ref: refs/heads/main\n")
			write(t, filepath.Join(dir, "objects/keep"), "")
			write(t, filepath.Join(dir, "refs/heads/main"), missing+"\n")
			promisor(t, dir, ".", "remote.origin.uploadpack="+command+";:")
			return dir
		}, []string{"rev-parse", "--verify", "--quiet", "main^{tree}"}, []string{noBare, noLazy, noProtocol}},
		{"a remote that says what serves it", func(t *testing.T, root, command string) string {
			promisor(t, filepath.Join(root, ".git"), root, "remote.origin.uploadpack="+command+";:")
			return root
		}, fetch, []string{noLazy, noProtocol}},
		{"a remote that is a command", func(t *testing.T, root, command string) string {
			promisor(t, filepath.Join(root, ".git"), "ext::"+command, "protocol.ext.allow=always")
			return root
		}, fetch, []string{noLazy, noProtocol}},
		{"a command in place of ssh", func(t *testing.T, root, command string) string {
			promisor(t, filepath.Join(root, ".git"), "ssh://localhost/x", "core.sshCommand="+command, "protocol.allow=always")
			return root
		}, fetch, []string{noLazy, noProtocol}},
		{"a command in place of a proxy", func(t *testing.T, root, command string) string {
			promisor(t, filepath.Join(root, ".git"), "git://localhost/x", "core.gitProxy="+command, "protocol.git.allow=always")
			return root
		}, fetch, []string{noLazy, noProtocol}},
		{"a monitor of the file system", func(t *testing.T, root, command string) string {
			do(t, root, "config", "core.fsmonitor", command)
			do(t, root, "config", "core.untrackedCache", "true")
			return root
		}, []string{"ls-files", "--modified"}, []string{noMonitor}},
		{"hooks", func(t *testing.T, root, command string) string {
			for _, hook := range []string{"post-checkout", "post-index-change", "reference-transaction", "pre-commit", "fsmonitor-watchman", "query-watchman"} {
				write(t, filepath.Join(root, ".git/own", hook), "#!/bin/sh\n"+command+"\n")
			}
			do(t, root, "config", "core.hooksPath", ".git/own")
			return root
		}, []string{"checkout", "--force", "HEAD"}, nil},
		{"another program for differences", func(t *testing.T, root, command string) string {
			write(t, filepath.Join(root, ".git/info/attributes"), "*.yaml diff=other\n")
			do(t, root, "config", "diff.other.command", command)
			return root
		}, []string{"diff", "HEAD~1", "HEAD"}, nil},
		{"another form of text", func(t *testing.T, root, command string) string {
			write(t, filepath.Join(root, ".git/info/attributes"), "*.yaml diff=other\n")
			do(t, root, "config", "diff.other.textconv", command+";cat")
			return root
		}, []string{"show", "HEAD"}, nil},
		{"a filter of what is checked out", func(t *testing.T, root, command string) string {
			write(t, filepath.Join(root, ".git/info/attributes"), "*.yaml filter=other\n")
			do(t, root, "config", "filter.other.smudge", command)
			return root
		}, []string{"cat-file", "--filters", "HEAD:fleet/app.yaml"}, nil},
		{"an alias", func(t *testing.T, root, command string) string {
			for _, name := range []string{"alias.now", "alias.ls-tree", "alias.ls-files", "alias.cat-file", "alias.rev-parse", "alias.rev-list", "alias.diff-tree"} {
				do(t, root, "config", name, "!"+command)
			}
			return root
		}, []string{"now"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := newRepository(t)
			ran := filepath.Join(t.TempDir(), "ran")
			// A script, which accepts any arguments.
			command := filepath.Join(t.TempDir(), "command")
			write(t, command, "#!/bin/sh\ntouch "+ran+"\nexit 1\n")
			dir := tt.plant(t, root, command)

			open := (&Repository{Root: dir, guards: guards}).without(tt.without...)
			open.run(t.Context(), tt.live...)
			if err := os.Remove(ran); err != nil {
				t.Fatalf("git %s does not run the command, so the test shows nothing", strings.Join(tt.live, " "))
			}

			r := find(t, filepath.Join(root, "fleet"))
			for _, revision := range []string{"HEAD", "main", "HEAD~1", missing} {
				_, err := checkout(r, revision, filepath.Join(root, "fleet"))
				if (err != nil) != (revision == missing) {
					t.Errorf("%s: %v", revision, err)
				}
			}
			commits := 0
			err := r.Log(t.Context(), "", []string{filepath.Join(root, "fleet")}, func(c Commit) bool {
				commits++
				return r.Blob(t.Context(), c.Hash, "fleet/app.yaml") != nil
			})
			if err != nil || commits == 0 {
				t.Errorf("%d commits: %v", commits, err)
			}
			write(t, filepath.Join(root, "fleet/app.yaml"), "kind: Third\n")
			write(t, filepath.Join(root, "fleet/new.yaml"), "kind: New\n")
			for _, path := range []string{"fleet", "fleet/app.yaml", "."} {
				files, err := r.Unstaged(filepath.Join(root, path))
				if err != nil || len(files) == 0 {
					t.Errorf("%s: %v %v", path, files, err)
				}
			}
			if _, err := os.Stat(ran); err == nil {
				t.Error("the command has run")
			}
		})
	}
}

// TestNothingOfARepositoryLies plants settings that make git answer for other commits than the revision's.
func TestNothingOfARepositoryLies(t *testing.T) {
	for _, tt := range []struct {
		name    string
		plant   func(t *testing.T, root string) (dir string)
		without []string
	}{
		{"a bare repository with commits of its own", func(t *testing.T, root string) string {
			dir := filepath.Join(root, "fleet")
			do(t, root, "clone", "--quiet", "--bare", root, filepath.Join(root, "bare"))
			do(t, filepath.Join(root, "bare"), "update-ref", "refs/heads/main", do(t, root, "rev-parse", "HEAD~1"))
			for _, name := range []string{"HEAD", "config", "objects", "refs", "packed-refs"} {
				if err := os.Rename(filepath.Join(root, "bare", name), filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			return dir
		}, []string{noBare}},
		{"a commit that stands for another", func(t *testing.T, root string) string {
			do(t, root, "replace", "HEAD", "HEAD~1")
			return root
		}, []string{noReplace}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := newRepository(t)
			dir := tt.plant(t, root)
			open := (&Repository{Root: dir, guards: guards}).without(tt.without...)
			if lie, err := open.run(t.Context(), "show", "main:fleet/app.yaml"); err != nil || string(lie) != first {
				t.Fatalf("git prints %q, %v, so the test shows nothing", lie, err)
			}
			files, err := checkout(find(t, filepath.Join(root, "fleet")), "main", filepath.Join(root, "fleet"))
			if want := map[string]string{"fleet/app.yaml": second}; err != nil || !maps.Equal(files, want) {
				t.Errorf("got %v, %v", files, err)
			}
		})
	}
}

// TestTheEnvironmentNamesNoOtherRepository sets environment variables that name another repository, or its
// objects.
func TestTheEnvironmentNamesNoOtherRepository(t *testing.T) {
	root := newRepository(t)
	other := newRepository(t)
	write(t, filepath.Join(other, "fleet/app.yaml"), "kind: Other\n")
	do(t, other, "commit", "--quiet", "--all", "--message", "other")
	head := do(t, other, "rev-parse", "HEAD")
	for _, tt := range []struct{ variable, value, revision string }{
		{"GIT_DIR", filepath.Join(other, ".git"), "main"},
		{"GIT_OBJECT_DIRECTORY", filepath.Join(other, ".git/objects"), head},
		{"GIT_ALTERNATE_OBJECT_DIRECTORIES", filepath.Join(other, ".git/objects"), head},
	} {
		t.Run(tt.variable, func(t *testing.T) {
			t.Setenv(tt.variable, tt.value)
			r := find(t, root)
			content, err := r.without("drop").run(t.Context(), "show", tt.revision+":fleet/app.yaml")
			if err != nil || string(content) != "kind: Other\n" {
				t.Fatalf("git prints %q, %v, so the test shows nothing", content, err)
			}
			files, err := checkout(r, tt.revision, root)
			if tt.revision == "main" && files["fleet/app.yaml"] != second || tt.revision == head && err == nil {
				t.Errorf("got %v, %v", files, err)
			}
		})
	}
}

// TestAHookNamesItsRepository uses a work tree and a Git directory in different places.
func TestAHookNamesItsRepository(t *testing.T) {
	root := newRepository(t)
	apart := filepath.Join(t.TempDir(), "apart.git")
	if err := os.Rename(filepath.Join(root, ".git"), apart); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	if _, err := OfHook(); err == nil {
		t.Error("without a hook there is none")
	}
	relative, err := filepath.Rel(root, apart)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_DIR", relative)
	t.Setenv("GIT_INDEX_FILE", filepath.Join(apart, "index"))
	r, err := OfHook()
	if err != nil {
		t.Fatal(err)
	}
	if files, err := r.Unstaged(root); err != nil || len(files) > 0 {
		t.Errorf("%v %v", files, err)
	}
	write(t, filepath.Join(root, "fleet/app.yaml"), "kind: Third\n")
	if files, err := r.Unstaged(root); err != nil || len(files) != 1 || files[0] != (File{Name: "fleet/app.yaml"}) {
		t.Errorf("%v %v", files, err)
	}
}

// TestAHookMayGoDown runs as a hook of a linked work tree, whose Git directory Git passes in the environment.
func TestAHookMayGoDown(t *testing.T) {
	root := newRepository(t)
	linked := filepath.Join(t.TempDir(), "linked")
	do(t, root, "worktree", "add", "--quiet", linked)
	t.Setenv("GIT_DIR", do(t, linked, "rev-parse", "--absolute-git-dir"))
	t.Chdir(filepath.Join(linked, "fleet"))
	r, err := OfHook()
	if err != nil {
		t.Fatal(err)
	}
	if files, err := r.Unstaged(filepath.Join(r.Root, "fleet")); err != nil || len(files) > 0 {
		t.Errorf("%v %v", files, err)
	}
}

// TestConfigurationOfTheEnvironmentStays checks that CI can list safe directories in the environment.
func TestConfigurationOfTheEnvironmentStays(t *testing.T) {
	root := newRepository(t)
	t.Setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
	var mistake *diag.Mistake
	if _, err := checkout(find(t, root), "HEAD", root); !errors.As(err, &mistake) || !strings.Contains(mistake.Hint, "safe.directory "+root) {
		t.Errorf("a stranger's repository: %v", err)
	}
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "safe.directory")
	t.Setenv("GIT_CONFIG_VALUE_0", root)
	if files, err := checkout(find(t, root), "HEAD", root); err != nil || files["fleet/app.yaml"] != second {
		t.Errorf("%v %v", files, err)
	}
}

// TestWhatACloneLacksIsNotFetched queries partial clones of a repository.
func TestWhatACloneLacksIsNotFetched(t *testing.T) {
	root := newRepository(t)
	do(t, root, "config", "uploadpack.allowFilter", "true")
	for _, tt := range []struct{ name, flag, revision, want, hint string }{
		{"files", "--filter=blob:none", "HEAD~1", "lacks fleet/app.yaml of HEAD~1", "git fetch --refetch --no-filter"},
		{"directories", "--filter=tree:0", "HEAD~1", "of HEAD~1, and a comparison fetches nothing", "git fetch --refetch --no-filter"},
		{"commits", "--depth=1", "HEAD~1", "unknown Git revision", "git fetch --unshallow"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clone := filepath.Join(t.TempDir(), "clone")
			do(t, root, "clone", "--quiet", tt.flag, "file://"+root, clone)
			r := find(t, clone)
			for range 2 { // the first clone has not fetched it either
				var mistake *diag.Mistake
				if _, err := checkout(r, tt.revision, clone); !errors.As(err, &mistake) || !strings.Contains(mistake.Message, tt.want) || !strings.Contains(mistake.Hint, tt.hint) {
					t.Errorf("%v", err)
				}
			}
			if _, err := checkout(r, "HEAD", clone); err != nil {
				t.Errorf("what is there: %v", err)
			}
			do(t, clone, strings.Fields(tt.hint)[1:]...)
			if files, err := checkout(r, tt.revision, clone); err != nil || files["fleet/app.yaml"] != first {
				t.Errorf("after %s: %v %v", tt.hint, files, err)
			}
		})
	}
}

// TestCleanFiltersDecideWhatDiffers uses a file whose content in Git differs from that on disk, as with Git
// LFS.
func TestCleanFiltersDecideWhatDiffers(t *testing.T) {
	root := newRepository(t)
	do(t, root, "config", "filter.upper.clean", "tr a-z A-Z")
	write(t, filepath.Join(root, ".gitattributes"), "*.yaml filter=upper\n")
	do(t, root, "add", "--renormalize", ".")
	app := filepath.Join(root, "fleet/app.yaml")
	write(t, app, strings.ToLower(second))
	if files, err := find(t, root).Unstaged(filepath.Dir(app)); err != nil || len(files) > 0 {
		t.Errorf("%v %v", files, err)
	}
}

// TestARevisionIsReadOnlySoFar reads a revision above the limits.
func TestARevisionIsReadOnlySoFar(t *testing.T) {
	root := newRepository(t)
	write(t, filepath.Join(root, "fleet/large.yaml"), string(bytes.Repeat([]byte("# large\n"), 1<<18)))
	do(t, root, "add", ".")
	do(t, root, "commit", "--quiet", "--message", "large")
	if _, err := checkout(find(t, root), "HEAD", root); err == nil || !strings.Contains(err.Error(), "fleet/large.yaml") {
		t.Errorf("%v", err)
	}
	if _, err := checkout(find(t, root), "HEAD", filepath.Join(root, "fleet/app.yaml")); err != nil {
		t.Error(err)
	}
}
