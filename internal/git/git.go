// Package git asks Git, by its command, what a revision holds and what is staged. The
// repository may be a stranger's: nothing in it runs code, names another repository or
// changes what Git answers, and Git reaches no network.
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

// A Repository is one of Git, with a work tree.
type Repository struct {
	// Root is the real path of the work tree.
	Root string

	// hook are the variables by which Git names the repository of a hook.
	hook []string
	// guards are the package's, but for tests that take one away.
	guards []guard
}

// Find finds the repository that encloses a path, which need not exist: the nearest .git above its
// real path. Git's own search would take a directory of a stranger's files for a bare repository.
func Find(path string) (*Repository, error) {
	real, err := Real(path)
	if err != nil {
		return nil, err
	}
	root, ok := Around(real)
	if !ok {
		return nil, diag.NewMistake(path+" is not in a Git repository", "name files of one: a revision is of the repository around them")
	}
	return &Repository{Root: root, guards: guards}, nil
}

// Around is the root of the repository that encloses a real path, if there is one.
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

// Holds reports whether a real path is in the work tree, and not in what Git keeps there.
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
		if name == "GIT_DIR" || name == "GIT_WORK_TREE" { // relative to the working directory
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
			return nil, diag.NewMistake("the working directory is not in a Git repository", "--staged is for files of the Git repository that the command runs in")
		}
		r.hook = named
		return r, nil
	}
	// A hook begins at the root of the work tree, and may have gone further down.
	root, err := Real(os.Getenv("GIT_WORK_TREE"))
	if top, ok := Around(root); ok && os.Getenv("GIT_WORK_TREE") == "" {
		root = top
	}
	return &Repository{Root: root, hook: named, guards: guards}, err
}

// A guard keeps Git from something that a repository or the environment asks for.
type guard struct {
	// setting overrides all configuration files, as KEY=VALUE, or variable sets the environment.
	setting, variable string
	// drop are variables of the environment that are dropped.
	drop []string
}

// guards are those of every run of git.
var guards = []guard{
	// A directory with HEAD, objects and refs is no repository by that alone (git-config(1),
	// safe.bareRepository; since Git 2.38).
	{setting: "safe.bareRepository=explicit"},
	// Nothing is fetched for a clone that lacks it: a remote may name a command that serves
	// it (git(1), GIT_NO_LAZY_FETCH; since Git 2.44), and older ones fetch by no protocol
	// (GIT_ALLOW_PROTOCOL).
	{variable: "GIT_NO_LAZY_FETCH=1"},
	{variable: "GIT_ALLOW_PROTOCOL="},
	// What a hash names is that object and no other (git-replace(1)).
	{variable: "GIT_NO_REPLACE_OBJECTS=1"},
	// A commit has the parents that it names (gitrepository-layout(5), info/grafts).
	{variable: "GIT_GRAFT_FILE=" + os.DevNull},
	// No command says which files have changed (git-config(1), core.fsmonitor).
	{setting: "core.fsmonitor=false"},
	// What names a repository, its objects or a part of them (git rev-parse
	// --local-env-vars, but for GIT_CONFIG_…, by which CI sets safe.directory).
	{drop: append([]string{
		"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_IMPLICIT_WORK_TREE",
		"GIT_INTERNAL_SUPER_PREFIX", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE",
	}, hookVariables...)},
}

// run runs git at the root of the repository, and returns its output, or its message as the error.
func (r *Repository) run(ctx context.Context, args ...string) ([]byte, error) {
	var output bytes.Buffer
	err := r.runInto(ctx, &output, args...)
	return output.Bytes(), err
}

// runInto is run with the output written elsewhere.
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
		return diag.NewMistake(fmt.Sprintf("git: somebody else owns the repository %s", r.Root), "if you trust it: git config --global --add safe.directory "+r.Root)
	case err != nil && said != "":
		return fmt.Errorf("git: %s", said)
	}
	return err
}

// command is git at the root of the repository, guarded.
func (r *Repository) command(ctx context.Context, args ...string) *exec.Cmd {
	// Git looks for the repository at the root and nowhere above. It does not with
	// --git-dir, but then it does not check who owns it either.
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
