package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Checkout is what a revision has of some paths, in a directory of its own.
type Checkout struct {
	// Paths are those that the revision has, below the directory.
	Paths []string
	// Missing are the paths that it does not have, as they were given.
	Missing []string

	revision  string
	directory string
	// from is the working directory, from the root of the repository.
	from string
}

// NewCheckout checks out paths of a revision: files, and of directories the files that are
// wanted, with all links of the revision. The paths are in one repository, where they
// need not be any more. Close must be called. When the context ends the checkout does,
// too.
func NewCheckout(ctx context.Context, revision string, paths []string, wanted func(name string) bool) (*Checkout, error) {
	r := repository{ctx: ctx}
	if err := r.open(paths); err != nil {
		return nil, err
	}
	tree, err := r.run(nil, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{tree}")
	if errors.As(err, new(*exec.ExitError)) {
		return nil, &Error{fmt.Sprintf("git knows no revision %q", revision), "name a branch, a tag or a commit; a clone that has a part of the history needs more of it: git fetch --unshallow, in CI fetch-depth: 0"}
	}
	if err != nil {
		return nil, err
	}
	within, err := r.within(paths)
	if err != nil {
		return nil, err
	}
	c := &Checkout{revision: revision, from: r.from}
	if c.directory, err = os.MkdirTemp("", "fleetwright-revision-"); err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { c.Close() })
	if err := c.fill(r, strings.TrimSpace(string(tree)), within, wanted); err != nil {
		c.Close()
		return nil, err
	}
	for i, p := range within {
		at := filepath.Join(c.directory, filepath.FromSlash(p))
		if _, err := os.Lstat(at); err != nil {
			c.Missing = append(c.Missing, paths[i])
		} else if !slices.Contains(c.Paths, at) {
			c.Paths = append(c.Paths, at)
		}
	}
	return c, ctx.Err()
}

// Close removes the directory.
func (c *Checkout) Close() error { return os.RemoveAll(c.directory) }

// Directory has the files of the checkout, from the root of the repository.
func (c *Checkout) Directory() string { return c.directory + string(filepath.Separator) }

// Name is what a file of the checkout is called: by the revision, as git calls it, and
// from the working directory, as paths are given.
func (c *Checkout) Name(file string) string {
	rel, err := filepath.Rel(filepath.Join(c.directory, c.from), filepath.FromSlash(file))
	if err != nil {
		return file
	}
	return c.revision + ":" + filepath.ToSlash(rel)
}

// An entry is a file of a tree.
type entry struct {
	mode, hash, name string
	// asked says that it is a path, or below one.
	asked bool
}

// The modes of what is no file (gitdatamodel(7)).
const (
	linkMode      = "120000"
	submoduleMode = "160000"
)

// fill writes what the tree has of the paths, and the links.
func (c *Checkout) fill(r repository, tree string, paths []string, wanted func(string) bool) error {
	listing, err := r.run(nil, "ls-tree", "-r", "-z", "--full-tree", tree)
	if err != nil {
		return err
	}
	var all []entry
	links := false
	for line := range strings.SplitSeq(strings.TrimSuffix(string(listing), "\x00"), "\x00") {
		meta, name, _ := strings.Cut(line, "\t")
		fields := strings.Fields(meta)
		if len(fields) != 3 {
			continue
		}
		asked := slices.ContainsFunc(paths, func(p string) bool { return isBelow(name, p) })
		e := entry{fields[0], fields[2], name, asked}
		if e.mode == submoduleMode {
			if asked || slices.ContainsFunc(paths, func(p string) bool { return isBelow(p, name) }) {
				return &Error{name + " is a submodule, of which " + c.revision + " has no files", "name paths of one repository"}
			}
			continue
		}
		links = links || asked && e.mode == linkMode
		if e.mode == linkMode || wanted(name) || slices.Contains(paths, name) {
			all = append(all, e)
		}
	}
	if !links {
		// Without a link among them nothing leads elsewhere.
		all = slices.DeleteFunc(all, func(e entry) bool { return !e.asked })
	}
	return c.write(r, all)
}

// isBelow says whether a name is a path, or is below it. Both are from the root.
func isBelow(name, p string) bool {
	return p == "." || name == p || strings.HasPrefix(name, p+"/")
}

// write writes files, which git gives in the order in which they are asked for.
func (c *Checkout) write(r repository, all []entry) error {
	var asked bytes.Buffer
	for _, e := range all {
		asked.WriteString(e.hash + "\n")
	}
	output, err := r.run(&asked, "cat-file", "--batch")
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(c.directory)
	if err != nil {
		return err
	}
	defer root.Close()
	in := bufio.NewReader(bytes.NewReader(output))
	for _, e := range all {
		header, err := in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("git: cat-file ends before %s", e.name)
		}
		fields := strings.Fields(header)
		size, err := strconv.Atoi(fields[len(fields)-1])
		if len(fields) != 3 || err != nil {
			return fmt.Errorf("git: cat-file says %q of %s", strings.TrimSpace(header), e.name)
		}
		content := make([]byte, size+1) // a line break follows
		if _, err := io.ReadFull(in, content); err != nil {
			return fmt.Errorf("git: cat-file ends in %s", e.name)
		}
		name := filepath.FromSlash(e.name)
		if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if e.mode != linkMode {
			err = root.WriteFile(name, content[:size], 0o600)
		} else if err = root.Symlink(string(content[:size]), name); err == nil && e.asked && leadsOut(e.name, string(content[:size])) {
			err = &Error{fmt.Sprintf("%s:%s is a link to %s, which the revision does not have", c.revision, e.name, content[:size]), "name what it leads to, or keep it in the repository"}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// leadsOut says whether a link leads out of the repository.
func leadsOut(name, target string) bool {
	to := path.Join(path.Dir(name), target)
	return path.IsAbs(target) || to == ".." || strings.HasPrefix(to, "../")
}

// A repository is one of Git.
type repository struct {
	ctx context.Context
	// root of the repository, and the working directory from there.
	root, from string
}

// open finds the repository of some paths, by the first of them.
func (r *repository) open(paths []string) error {
	dir := "."
	if len(paths) > 0 {
		dir = existing(paths[0])
	}
	r.root = dir
	root, err := r.run(nil, "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	r.root = filepath.FromSlash(strings.TrimSuffix(string(root), "\n"))
	work, err := Real(".")
	if err != nil {
		return err
	}
	r.from, err = filepath.Rel(r.root, work)
	return err
}

// within are paths from the root of the repository, with slashes.
func (r *repository) within(paths []string) (within []string, err error) {
	var errs []error
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		real, err := Real(abs)
		if err != nil {
			return nil, err
		}
		if real != r.root {
			// What is at its end may be a link that the revision has.
			above, err := Real(filepath.Dir(abs))
			if err != nil {
				return nil, err
			}
			real = filepath.Join(above, filepath.Base(abs))
		}
		rel, err := filepath.Rel(r.root, real)
		if err != nil || !filepath.IsLocal(rel) {
			errs = append(errs, fmt.Errorf("%s is not in the Git repository %s", p, r.root))
			continue
		}
		within = append(within, filepath.ToSlash(rel))
	}
	return within, errors.Join(errs...)
}

// run runs git on the repository.
func (r *repository) run(stdin io.Reader, args ...string) ([]byte, error) {
	return run(r.ctx, apart, stdin, append([]string{"-C", r.root}, args...)...)
}
