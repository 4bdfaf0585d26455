// Package git runs the git command to read revisions and staged files. The repository is untrusted: nothing in it
// can run code, redirect to another repository or change Git's answers, and Git uses no network.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// A Repository is a Git repository with a work tree.
type Repository struct {
	// Root is the real path of the work tree.
	Root string

	// hook are the variables in which Git names the repository of a hook.
	hook []string
	// guards are the guards of the package, unless a test removes one.
	guards []guard
}

// Find finds the repository that contains a path, which need not exist: the nearest .git above its real path.
// Git's own search would accept a directory of untrusted files as a bare repository.
func Find(path string) (*Repository, error) {
	real, err := Real(path)
	if err != nil {
		return nil, err
	}
	root, ok := Around(real)
	if !ok {
		return nil, diag.NewMistake(path+" is not in a Git repository", "name files in a Git repository: the revision is looked up there")
	}
	return &Repository{Root: root, guards: guards}, nil
}

// Around returns the root of the repository that contains a real path, if there is one.
func Around(real string) (root string, ok bool) {
	for root = real; ; root = filepath.Dir(root) {
		if _, err := os.Lstat(filepath.Join(root, ".git")); err == nil {
			return root, true
		}
		if root == filepath.Dir(root) {
			return "", false
		}
	}
}

// Holds reports whether a real path is in the work tree, outside of .git.
func (r *Repository) Holds(real string) bool {
	rel, err := filepath.Rel(r.Root, real)
	return err == nil && filepath.IsLocal(rel) && !slices.Contains(strings.Split(rel, string(filepath.Separator)), ".git")
}

// hookVariables name the repository of a hook, and the index of its commit (githooks(5)).
var hookVariables = []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}

// OfHook returns the repository of the running Git hook, or else of the working directory.
func OfHook() (*Repository, error) {
	var named []string
	for _, name := range hookVariables {
		value := os.Getenv(name)
		if value == "" {
			continue
		}
		if name == "GIT_DIR" || name == "GIT_WORK_TREE" { // it is relative to the working directory
			abs, err := filepath.Abs(value)
			if err != nil {
				return nil, err
			}
			value = abs
		}
		named = append(named, name+"="+value)
	}
	if os.Getenv("GIT_DIR") == "" {
		r, err := Find(".")
		if err != nil {
			return nil, diag.NewMistake("the working directory is not in a Git repository", "run the command inside the repository: --staged reads the Git repository of the working directory")
		}
		r.hook = named
		return r, nil
	}
	// A hook starts at the root of the work tree, and may have changed its directory since.
	root, err := Real(os.Getenv("GIT_WORK_TREE"))
	if top, ok := Around(root); ok && os.Getenv("GIT_WORK_TREE") == "" {
		root = top
	}
	return &Repository{Root: root, hook: named, guards: guards}, err
}

// A guard prevents Git from doing something that a repository or the environment requests.
type guard struct {
	// setting is KEY=VALUE, which overrides all configuration files; variable sets an environment variable.
	setting, variable string
	// drop are environment variables to remove.
	drop []string
}

// guards apply to every run of git.
var guards = []guard{
	// A directory with HEAD, objects and refs is not automatically a repository (git-config(1),
	// safe.bareRepository; since Git 2.38).
	{setting: "safe.bareRepository=explicit"},
	// Git fetches no missing objects: a remote may name a command that serves it (git(1), GIT_NO_LAZY_FETCH; since
	// Git 2.44). Older versions may use no protocol (GIT_ALLOW_PROTOCOL).
	{variable: "GIT_NO_LAZY_FETCH=1"},
	{variable: "GIT_ALLOW_PROTOCOL="},
	// A hash names its own object and no replacement (git-replace(1)).
	{variable: "GIT_NO_REPLACE_OBJECTS=1"},
	// A commit has its own parents and no grafts (gitrepository-layout(5), info/grafts).
	{variable: "GIT_GRAFT_FILE=" + os.DevNull},
	// No command reports changed files (git-config(1), core.fsmonitor).
	{setting: "core.fsmonitor=false"},
	// Variables that name a repository, its objects or a part of them (git rev-parse --local-env-vars, except
	// GIT_CONFIG_…, in which CI sets safe.directory).
	{drop: append([]string{
		"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_IMPLICIT_WORK_TREE",
		"GIT_INTERNAL_SUPER_PREFIX", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE",
	}, hookVariables...)},
}

// run runs git at the root of the repository, and returns its output, or an error with its message.
func (r *Repository) run(ctx context.Context, args ...string) ([]byte, error) {
	var output bytes.Buffer
	err := r.runInto(ctx, &output, args...)
	return output.Bytes(), err
}

// runInto is like run, but writes the output to output.
func (r *Repository) runInto(ctx context.Context, output io.Writer, args ...string) error {
	cmd := r.command(ctx, args...)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = output, &stderr
	err := cmd.Run()
	said := ""
	for line := range strings.Lines(stderr.String()) {
		if !strings.HasPrefix(line, "warning: ") {
			said = strings.TrimSuffix(strings.TrimPrefix(line, "fatal: "), "\n")
			break
		}
	}
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return diag.NewMistake("git is not installed", "install git")
	case err != nil && strings.HasPrefix(said, "detected dubious ownership"):
		return diag.NewMistake(fmt.Sprintf("git rejects the repository %s: another user owns it", r.Root), "if you trust it: git config --global --add safe.directory "+r.Root)
	case err != nil && said != "":
		return fmt.Errorf("git: %s", said)
	}
	return err
}

// command returns a guarded git command at the root of the repository.
func (r *Repository) command(ctx context.Context, args ...string) *exec.Cmd {
	// Git searches for the repository only at the root. With --git-dir it would not search, but then it would not
	// check the owner either.
	all := []string{"-C", r.Root}
	env := append(os.Environ(), "LC_ALL=C", "GIT_CEILING_DIRECTORIES="+filepath.Dir(r.Root))
	for _, g := range r.guards {
		env = slices.DeleteFunc(env, func(variable string) bool {
			name, _, _ := strings.Cut(variable, "=")
			return slices.Contains(g.drop, name)
		})
		if g.variable != "" {
			env = append(env, g.variable)
		}
		if g.setting != "" {
			all = append(all, "-c", g.setting)
		}
	}
	cmd := exec.CommandContext(ctx, "git", append(all, args...)...)
	cmd.Env = append(env, r.hook...)
	return cmd
}
