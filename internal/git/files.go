package git

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxConfig is the maximum size of a configuration that is read without Git.
const maxConfig = 64 << 10

// MayConfigure reports whether the configuration of the repository may contain a text, such as the end of a
// remote's URL. It does not run Git, which most repositories do not need.
func (r *Repository) MayConfigure(text string) bool {
	file := filepath.Join(r.Root, ".git", "config")
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxConfig || strings.ContainsFunc(text, isQuoted) {
		return true // a linked work tree, or something unusual
	}
	config, err := os.ReadFile(file)
	return err != nil || bytes.Contains(config, []byte(text)) || bytes.Contains(bytes.ToLower(config), []byte("[include"))
}

// isQuoted reports whether a character may have another form in a configuration or a URL.
func isQuoted(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r))
}

// A Listed is a file of a work tree or of a revision.
type Listed struct {
	// Name is the path relative to the listed directory, with slashes.
	Name string
	// Hash and Size describe the content; only files of a revision have them.
	Hash string
	Size int64
	// Absent is the reason why the file, or the files of a submodule, cannot be read here, or "".
	Absent string
}

// maxListing is the maximum size of a listing. A tree can contain itself many times, so that its listing never
// ends.
const maxListing = 64 << 20

// errListing is the error for a listing that is too long.
var errListing = fmt.Errorf("the list of its files is longer than %d MiB", maxListing>>20)

// Tracked returns the files below a directory of the work tree that Git tracks and that exist, without links. "."
// is the root.
func (r *Repository) Tracked(ctx context.Context, dir string) ([]Listed, error) {
	output, err := r.list(ctx, "--literal-pathspecs", "ls-files", "-z", "-t", "--stage", "--cached", "--deleted", "--", dir)
	if err != nil {
		return nil, err
	}
	var files []Listed
	deleted := map[string]bool{}
	for entry := range strings.SplitSeq(output, "\x00") {
		meta, name, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(meta) // tag, mode, hash, stage
		name, ok := below(dir, name)
		switch {
		case !ok || len(fields) != 4:
		case fields[0] == "R":
			deleted[name] = true
		case fields[1] == submoduleMode:
			files = append(files, Listed{Name: name, Absent: submodule})
		case fields[1] == linkMode:
		case fields[0] == "S":
			files = append(files, Listed{Name: name, Absent: "this sparse checkout omits it"})
		default:
			files = append(files, Listed{Name: name})
		}
	}
	return sound(slices.DeleteFunc(files, func(f Listed) bool { return deleted[f.Name] })), nil
}

const submodule = "it is a submodule"

// Listing returns the files that a tree has below a directory, without links. "." is the root.
func (r *Repository) Listing(ctx context.Context, tree, dir string) ([]Listed, error) {
	args := []string{"--literal-pathspecs", "ls-tree", "-r", "-l", "-z", "--full-tree", tree}
	if dir != "." {
		args = append(args, "--", dir+"/")
	}
	output, err := r.list(ctx, args...)
	if err != nil && err != errListing { // Git before 2.44 stops if a partial clone lacks a file
		err = cmp.Or(ctx.Err(), errors.New("this clone lacks files of it"))
	}
	if err != nil {
		return nil, err
	}
	var files []Listed
	for entry := range strings.SplitSeq(output, "\x00") {
		meta, name, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(meta) // mode, type, hash, size
		name, ok := below(dir, name)
		if !ok || len(fields) != 4 || fields[0] == linkMode {
			continue
		}
		file := Listed{Name: name, Hash: fields[2]}
		file.Size, err = strconv.ParseInt(fields[3], 10, 64)
		switch {
		case fields[0] == submoduleMode:
			file.Absent = submodule
		case err != nil: // Git printed BAD
			file.Absent = "this partial clone lacks it"
		}
		files = append(files, file)
	}
	return sound(files), nil
}

// list runs git, and fails if its output exceeds maxListing.
func (r *Repository) list(ctx context.Context, args ...string) (string, error) {
	var b limited
	err := r.runInto(ctx, &b, args...)
	if b.full {
		return "", errListing
	}
	return b.String(), err
}

// limited is a buffer that fails if it exceeds maxListing.
type limited struct {
	bytes.Buffer
	full bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.full = l.full || l.Len()+len(p) > maxListing; l.full {
		return 0, errListing
	}
	return l.Buffer.Write(p)
}

// ReadFrom replaces the buffer's own method, which has no limit.
func (l *limited) ReadFrom(from io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{l}, from)
}

// below returns the path of a file relative to a directory; both are relative to the root.
func below(dir, name string) (string, bool) {
	ok := true
	if dir != "." {
		name, ok = strings.CutPrefix(name, dir+"/")
	}
	return name, ok && name != "." && fs.ValidPath(name)
}

// sound returns files sorted and without duplicates, and omits names that have files below them: during a conflict
// the index has a name several times, and a damaged tree can contain anything.
func sound(files []Listed) []Listed {
	byName := func(a, b Listed) int { return strings.Compare(a.Name, b.Name) }
	slices.SortStableFunc(files, byName)
	files = slices.CompactFunc(files, func(a, b Listed) bool { return a.Name == b.Name })
	all := slices.Clone(files)
	return slices.DeleteFunc(files, func(f Listed) bool {
		i, _ := slices.BinarySearchFunc(all, Listed{Name: f.Name + "/"}, byName)
		return i < len(all) && strings.HasPrefix(all[i].Name, f.Name+"/")
	})
}

// A Remote is the name of another repository, and the URL to fetch from.
type Remote struct{ Name, URL string }

// Remotes returns the remotes, sorted by name.
func (r *Repository) Remotes(ctx context.Context) (remotes []Remote, err error) {
	output, err := r.list(ctx, "remote", "-v")
	for line := range strings.Lines(output) {
		name, url, _ := strings.Cut(line, "\t")
		if url, _, ok := strings.Cut(url, " (fetch)"); ok {
			remotes = append(remotes, Remote{name, url})
		}
	}
	return remotes, err
}

// Head returns the checked-out branch, or else the checked-out commit.
func (r *Repository) Head(ctx context.Context) (branch, commit string, err error) {
	output, err := r.run(ctx, "symbolic-ref", "--quiet", "HEAD")
	if err == nil {
		return strings.TrimPrefix(strings.TrimSpace(string(output)), "refs/heads/"), "", nil
	}
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		return "", "", err
	}
	output, err = r.run(ctx, "rev-parse", "--verify", "--quiet", "HEAD")
	return "", strings.TrimSpace(string(output)), err
}

// Commit returns the hash of the checked-out commit, or "" if there is none yet.
func (r *Repository) Commit(ctx context.Context) string { return r.hash(ctx, "HEAD^{commit}") }

// Tree returns the hash of the tree of the first revision that this clone has, or "".
func (r *Repository) Tree(ctx context.Context, revisions ...string) string {
	for _, revision := range revisions {
		if tree := r.hash(ctx, revision+"^{tree}"); tree != "" {
			return tree
		}
	}
	return ""
}

// hash returns the hash of the object with this name, or "" if this clone lacks it.
func (r *Repository) hash(ctx context.Context, name string) string {
	output, err := r.run(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(output))
}

// A Tag is a tag of this clone.
type Tag struct {
	Name string
	// Time is the time of its commit, in seconds since 1970.
	Time int64
}

// Tags returns the tags of this clone, sorted by name.
func (r *Repository) Tags(ctx context.Context) (tags []Tag, err error) {
	// An asterisk selects a field of the commit that an annotated tag points to.
	output, err := r.list(ctx, "for-each-ref", "--format=%(refname:lstrip=2) %(*committerdate:unix) %(committerdate:unix)", "refs/tags")
	for line := range strings.Lines(output) {
		if fields := strings.Fields(line); len(fields) == 2 {
			seconds, _ := strconv.ParseInt(fields[1], 10, 64)
			tags = append(tags, Tag{fields[0], seconds})
		}
	}
	return tags, err
}

// Contents reads the content of files in revisions. It runs one git process for all of them, on demand, and is
// safe for concurrent use.
type Contents struct {
	repository *Repository
	ctx        context.Context
	end        context.CancelFunc

	mu      sync.Mutex
	command *exec.Cmd
	ask     io.Writer
	answer  *bufio.Reader
}

// Contents returns a reader of files. It ends with the context; the caller must call Close.
func (r *Repository) Contents(ctx context.Context) *Contents {
	ctx, end := context.WithCancel(ctx)
	return &Contents{repository: r, ctx: ctx, end: end}
}

// Read returns the content of a file of a listing.
func (c *Contents) Read(file Listed) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.command == nil {
		if err := c.start(); err != nil {
			return nil, err
		}
	}
	if _, err := io.WriteString(c.ask, file.Hash+"\n"); err != nil {
		return nil, cmp.Or(c.ctx.Err(), err)
	}
	header, err := c.answer.ReadString('\n')
	if want := fmt.Sprintf("%s blob %d\n", file.Hash, file.Size); err != nil || header != want {
		return nil, cmp.Or(c.ctx.Err(), fmt.Errorf("git cannot read %s", file.Name))
	}
	content := make([]byte, file.Size+1) // a line break follows
	if _, err := io.ReadFull(c.answer, content); err != nil {
		return nil, cmp.Or(c.ctx.Err(), err)
	}
	return content[:file.Size], nil
}

func (c *Contents) start() error {
	command := c.repository.command(c.ctx, "cat-file", "--batch")
	ask, err := command.StdinPipe()
	if err != nil {
		return err
	}
	answer, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	c.command, c.ask, c.answer = command, ask, bufio.NewReader(answer)
	return nil
}

// Close ends the git process.
func (c *Contents) Close() {
	c.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.command != nil {
		_ = c.command.Wait() // it was killed
	}
}
