// Package revision reads what a Git revision has of some paths, with the git command,
// and leaves the working tree and the index as they are.
package revision

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// An Error is a mistake of the user's.
type Error struct {
	// Message says what is wrong.
	Message string
	// Hint says what to do about it.
	Hint string
}

func (e *Error) Error() string { return e.Message }

// A Checkout is what a revision has of some paths, in a directory of its own.
type Checkout struct {
	// Paths are those that the revision has, below the directory. A path that it does
	// not have was added later, and is left out.
	Paths []string

	revision  string
	directory string
	// from is the working directory, from the root of the repository.
	from string
}

// New checks out paths of a revision. They are files and directories of the
// repository that the working directory is in, which need not be there any more. Close
// must be called.
func New(revision string, paths []string) (*Checkout, error) {
	c := &Checkout{revision: revision}
	root, err := git(nil, nil, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	root = strings.TrimRight(root, "\r\n")
	tree, err := git(nil, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{tree}")
	if err != nil {
		hint := "name a branch, a tag or a commit; in CI, fetch it first: git fetch origin " + revision
		return nil, &Error{fmt.Sprintf("git knows no revision %q", revision), hint}
	}
	within, err := inRepository(root, paths)
	if err != nil {
		return nil, err
	}
	if c.directory, err = os.MkdirTemp("", "fleetwright-"); err != nil {
		return nil, err
	}
	if err := c.fill(root, strings.TrimSpace(tree), within); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close removes the directory.
func (c *Checkout) Close() error { return os.RemoveAll(c.directory) }

// Name is what a file of the checkout is called: by the revision, as git calls it, and
// from the working directory, as paths are given.
func (c *Checkout) Name(file string) string {
	rel, err := filepath.Rel(c.work(), filepath.FromSlash(file))
	if err != nil {
		return file
	}
	return c.revision + ":" + filepath.ToSlash(rel)
}

// work is where the checkout has its files.
func (c *Checkout) work() string { return filepath.Join(c.directory, "work", c.from) }

// inRepository are paths from the root of the repository, with slashes.
func inRepository(root string, paths []string) (within []string, err error) {
	var errs []error
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		// The root is a real name; what may be gone is not.
		dir := filepath.Dir(abs)
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
		}
		rel, err := filepath.Rel(root, filepath.Join(dir, filepath.Base(abs)))
		if real, realErr := filepath.EvalSymlinks(abs); realErr == nil && real == root {
			rel, err = ".", nil
		}
		if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			errs = append(errs, fmt.Errorf("%s is not in the Git repository %s", p, root))
			continue
		}
		within = append(within, filepath.ToSlash(rel))
	}
	return within, errors.Join(errs...)
}

// fill writes what the tree has of the paths, as a working tree would have it: an index
// of our own says which files, and git writes them.
func (c *Checkout) fill(root, tree string, paths []string) error {
	work := filepath.Join(c.directory, "work")
	if err := os.Mkdir(work, 0o700); err != nil {
		return err
	}
	if cwd, err := filepath.Abs("."); err == nil {
		if cwd, err = filepath.EvalSymlinks(cwd); err == nil {
			c.from, _ = filepath.Rel(root, cwd)
		}
	}
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(c.directory, "index")}
	in := []string{"-C", root, "--literal-pathspecs"}
	if _, err := git(env, nil, append(in, "read-tree", tree)...); err != nil {
		return err
	}
	staged, err := git(env, nil, append(append(in, "ls-files", "-z", "--stage", "--"), paths...)...)
	if err != nil {
		return err
	}
	var names bytes.Buffer
	for entry := range strings.SplitSeq(strings.TrimSuffix(staged, "\x00"), "\x00") {
		meta, name, _ := strings.Cut(entry, "\t")
		if strings.HasPrefix(meta, linkMode) {
			// It may lead anywhere in the repository.
			names.Reset()
			break
		}
		if name != "" {
			names.WriteString(name + "\x00")
		}
	}
	write := append(in, "checkout-index", "--prefix="+work+"/")
	if staged != "" && names.Len() == 0 {
		write = append(write, "--all")
	} else {
		write = append(write, "-z", "--stdin")
	}
	if _, err := git(env, &names, write...); err != nil {
		return err
	}
	for _, p := range paths {
		at := filepath.Join(work, filepath.FromSlash(p))
		if _, err := os.Lstat(at); err == nil && !slices.Contains(c.Paths, at) {
			c.Paths = append(c.Paths, at)
		}
	}
	return nil
}

// linkMode is that of a symbolic link in the index.
const linkMode = "120000 "

// git runs git, not on the repository that a hook of git was started for but on that
// of the working directory, and returns what it prints.
func git(env []string, stdin *bytes.Buffer, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), isOfHook), env...)
	if stdin != nil {
		cmd.Stdin = stdin
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return "", &Error{"there is no git, which reads revisions", "install git, or leave out --base"}
	}
	if err != nil {
		said := strings.TrimPrefix(strings.TrimSpace(stderr.String()), "fatal: ")
		if said == "" {
			said = err.Error()
		}
		return "", fmt.Errorf("git: %s", said)
	}
	return stdout.String(), nil
}

// isOfHook says whether a variable tells where the repository of a hook is (githooks(5)).
// Where its objects are stays known: what is being pushed is not in the repository yet.
func isOfHook(variable string) bool {
	for _, name := range []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"} {
		if strings.HasPrefix(variable, name+"=") {
			return true
		}
	}
	return false
}
