package git

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// A Checkout is a temporary directory with some paths of a revision.
type Checkout struct {
	// Paths are the paths that the revision has, inside the directory.
	Paths []string
	// Missing are the paths that the revision does not have, as given.
	Missing []string

	revision  string
	directory string
	// from is the working directory, relative to the root of the repository.
	from string
}

// Checkout checks out paths of a revision: files, the wanted files of directories, and the targets of links among
// them. The paths must be in the repository, but need not exist in the work tree. A link that leads out of the
// revision is an error, and so are more than most bytes. The checkout ends with the context; the caller must call
// Close.
func (r *Repository) Checkout(ctx context.Context, revision string, paths []string, wanted func(name string) bool, most int64) (*Checkout, error) {
	tree, err := r.tree(ctx, revision)
	if err != nil {
		return nil, err
	}
	within, err := r.within(paths)
	if err != nil {
		return nil, err
	}
	c := &Checkout{revision: revision}
	work, err := Real(".")
	if err != nil {
		return nil, err
	}
	if c.from, err = filepath.Rel(r.Root, work); err != nil {
		return nil, err
	}
	files, err := r.files(ctx, revision, tree, within, wanted, most)
	if err != nil {
		return nil, err
	}
	if c.directory, err = os.MkdirTemp("", "fleetwright-revision-"); err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { c.Close() })
	if err := c.write(files); err != nil {
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

// Directory returns the directory of the checkout, which corresponds to the root of the repository.
func (c *Checkout) Directory() string { return c.directory + string(filepath.Separator) }

// Name returns a file of the checkout as REVISION:PATH, relative to the working directory.
func (c *Checkout) Name(file string) string {
	rel, err := filepath.Rel(filepath.Join(c.directory, c.from), filepath.FromSlash(file))
	if err != nil {
		return file
	}
	return c.revision + ":" + filepath.ToSlash(rel)
}

// write writes files into the directory, each once: a Git tree can contain a name twice.
func (c *Checkout) write(files []entry) error {
	root, err := os.OpenRoot(c.directory)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, e := range files {
		name := filepath.FromSlash(e.name)
		if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if e.mode == linkMode {
			if err := root.Symlink(string(e.content), name); err != nil {
				return err
			}
			continue
		}
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(e.content)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// tree returns the hash of the tree of a revision.
func (r *Repository) tree(ctx context.Context, revision string) (string, error) {
	root, err := r.run(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return "", err
	}
	if top := filepath.FromSlash(strings.TrimSuffix(string(root), "\n")); top != r.Root {
		return "", diag.NewMistake(fmt.Sprintf("git uses %s as the work tree of %s", top, r.Root), "see core.worktree in git config --show-origin --list")
	}
	if tree := r.Tree(ctx, revision); tree != "" {
		return tree, nil
	}
	if r.hash(ctx, revision+"^{commit}") != "" {
		return "", r.lacks(revision, "the tree")
	}
	return "", cmp.Or[error](ctx.Err(), diag.NewMistake(
		fmt.Sprintf("unknown Git revision %q", revision),
		"name a branch, a tag or a commit; in a shallow clone, fetch the history first: git fetch --unshallow, in CI fetch-depth: 0",
	))
}

// lacks returns the error for a clone that lacks an object of a revision.
func (r *Repository) lacks(revision, what string) error {
	return diag.NewMistake(
		fmt.Sprintf("this clone lacks %s of %s, and a comparison fetches nothing", what, revision),
		"fetch all objects of a partial clone: git fetch --refetch --no-filter, in CI clone without a filter; or check a damaged clone: git fsck",
	)
}

// files returns the files of a tree at or below paths, and the links on the way to them.
func (r *Repository) files(ctx context.Context, revision, hash string, paths []string, wanted func(string) bool, most int64) ([]entry, error) {
	listing, err := r.run(ctx, "ls-tree", "-r", "-z", "--full-tree", hash)
	if err != nil {
		return nil, cmp.Or(ctx.Err(), r.lacks(revision, "a directory"))
	}
	t, err := newTree(revision, string(listing))
	if err != nil {
		return nil, err
	}
	if links := t.links(paths); len(links) > 0 {
		if err := r.read(ctx, revision, links, most); err != nil {
			return nil, err
		}
	}
	for _, p := range paths {
		if err := t.need(p, wanted); err != nil {
			return nil, err
		}
	}
	needed := slices.DeleteFunc(t.entries, func(e entry) bool { return !e.needed })
	var files []*entry
	for i := range needed {
		if needed[i].mode != linkMode {
			files = append(files, &needed[i])
		}
	}
	return needed, r.read(ctx, revision, files, most)
}

// read reads the content of entries, up to most bytes. Git answers in the order of the requests.
func (r *Repository) read(ctx context.Context, revision string, entries []*entry, most int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := r.command(ctx, "cat-file", "--batch")
	var asked bytes.Buffer
	for _, e := range entries {
		asked.WriteString(e.hash + "\n")
	}
	cmd.Stdin = &asked
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer cmd.Wait()
	defer cancel() // stops git if its output is not read to the end
	in := bufio.NewReader(output)
	for _, e := range entries {
		var size int64
		header, _ := in.ReadString('\n')
		if _, err := fmt.Sscanf(header, e.hash+" blob %d\n", &size); err != nil {
			return cmp.Or(ctx.Err(), r.lacks(revision, e.name)) // it is missing, or git has ended
		}
		if most -= size; most < 0 {
			return diag.NewMistake(fmt.Sprintf("%s is too large to read, at %s", revision, e.name), "name fewer paths, or smaller ones")
		}
		e.content = make([]byte, size+1) // a line break follows
		if _, err := io.ReadFull(in, e.content); err != nil {
			return cmp.Or(ctx.Err(), r.lacks(revision, e.name))
		}
		e.content = e.content[:size]
	}
	return ctx.Err()
}

// within returns paths relative to the root of the repository, with slashes.
func (r *Repository) within(paths []string) (within []string, err error) {
	var errs []error
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		real := withoutLinks(abs)
		if real != r.Root {
			// The last element may be a link that the revision contains.
			real = filepath.Join(withoutLinks(filepath.Dir(abs)), filepath.Base(abs))
		}
		rel, err := filepath.Rel(r.Root, real)
		if err != nil || !filepath.IsLocal(rel) {
			errs = append(errs, fmt.Errorf("%s is not in the Git repository %s", p, r.Root))
			continue
		}
		within = append(within, filepath.ToSlash(rel))
	}
	return within, errors.Join(errs...)
}
