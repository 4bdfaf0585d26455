package sources

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/git"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema/api"
)

// unknown is why a source is not read of which nobody has said where it is.
const unknown = "no directory is known for it, and --source or spec.sources names none"

// Options say where the inputs are, and what stands for sources.
type Options struct {
	// Inputs are the paths of the inputs, "-" for the standard input, which is taken for the
	// working directory.
	Inputs []string
	// Revision of the repository of the inputs that they are read at, in place of its work tree.
	Revision string
	// Given are what the command line says.
	Given []Given
	// Function reports that the inputs are those of a KRM function: it may run where no directory
	// of the RenderConfig is there to read.
	Function bool
}

// A Finder finds the files that stand for sources: those of a directory that the command line or
// the RenderConfig names, or of the repository that encloses the inputs. Nothing is looked for before
// it is asked for. Many may ask at once.
type Finder struct {
	Options
	ctx context.Context

	// mu guards all below.
	mu sync.Mutex
	// named are the directories that are named for sources, by precedence.
	named []*named
	// repositories are those that were asked, by their roots.
	repositories map[string]*repository
	// enclosing are those of the inputs, once they were looked for.
	enclosing []*repository
	looked    bool
	// answers are those given, and found the files of directories, by the directory and the revision.
	answers map[request]answer
	found   map[string]*Files
	// read are the files on disk that were read.
	read map[string]bool
	// left is how many bytes may still be read.
	left int64
	// built are the directories of work trees that were built.
	built []string
	// mistakes are those of the command line, and list those of the RenderConfig.
	mistakes []error
	list     diag.List
	closers  []func()
}

// A named directory stands for a source because a user says so.
type named struct {
	// url of the source, in its normal form.
	url string
	// dir is its real name.
	dir string
	// absent is why it is not read, or "".
	absent string
	// report reports why it cannot be read.
	report func(message string)
}

// fail reports that a named directory cannot be read, once.
func (n *named) fail(message string) {
	if n.absent == "" {
		n.report(message)
		n.absent = message
	}
}

// A request is for the files of a source.
type request struct {
	url string
	ref api.GitReference
	git bool
	// ofClusters asks for the repository that the inputs are in, which the clusters sync from.
	ofClusters bool
}

// An answer has the files that stand for a source and, where they are those of a directory, its real
// name; or why there are none.
type answer struct {
	files    *Files
	dir, why string
}

// A directoryError is why a directory cannot be read, whatever Git says.
type directoryError struct{ error }

func (e directoryError) Unwrap() error { return e.error }

// NewFinder returns a finder. It ends with the context, and Close must be called.
func NewFinder(ctx context.Context, options Options) *Finder {
	f := &Finder{
		Options: options, ctx: ctx, repositories: map[string]*repository{},
		answers: map[request]answer{}, found: map[string]*Files{}, read: map[string]bool{}, left: inputs.MaxBytes,
	}
	for _, g := range options.Given {
		f.named = append(f.named, &named{url: normal(g.URL), dir: g.Dir, report: func(message string) {
			f.mistakes = append(f.mistakes, diag.NewMistake(fmt.Sprintf("--source %s=%s: %s", g.URL, g.name, message), givenHint))
		}})
	}
	return f
}

// Close ends what reads.
func (f *Finder) Close() {
	for _, end := range f.closers {
		end()
	}
}

// Problems returns the mistakes in what the RenderConfig and the command line name, as far as they
// were found.
func (f *Finder) Problems() (diag.List, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.list, errors.Join(f.mistakes...)
}

// Files returns the files that stand for the source of a build, or why there are none.
func (f *Finder) Files(b *source.Build) (*Files, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := requestOf(b.Source)
	asked.ofClusters = b.OfClusters
	found, ok := f.answers[asked]
	if !ok {
		found = f.answer(asked)
		f.answers[asked] = found
	}
	if found.dir != "" {
		f.built = append(f.built, filepath.Join(found.dir, builtPath(b)))
	}
	return found.files, found.why
}

// builtPath returns the directory of a source that is built.
func builtPath(b *source.Build) string {
	name := ""
	if b.Kustomization != nil {
		name = b.Kustomization.Path
	} else if b.Chart != nil {
		name = b.Chart.Path
	}
	return filepath.FromSlash(path.Clean("/" + name))
}

// requestOf returns the request for a source.
func requestOf(s *api.ApplicationSource) (asked request) {
	switch {
	case s.GitRepository != nil:
		asked = request{url: s.GitRepository.URL, git: true}
		if ref := s.GitRepository.Ref; ref != nil {
			asked.ref = *ref
		}
	case s.OCIRepository != nil:
		asked.url = s.OCIRepository.URL
	case s.HelmRepository != nil:
		asked.url = s.HelmRepository.URL
	}
	asked.url = normal(asked.url)
	return asked
}

// answer looks for the files of a source.
func (f *Finder) answer(asked request) answer {
	if asked.ofClusters {
		around := f.around()
		if len(around) == 0 {
			return answer{why: unknown}
		}
		found, err := f.standing(around[0], around[0].Root)
		if err != nil {
			return answer{why: around[0].why(err)}
		}
		return found
	}
	for _, n := range f.named {
		if n.url == asked.url {
			return f.ofNamed(n, asked.ref)
		}
	}
	why := unknown
	if !asked.git {
		return answer{why: why}
	}
	for _, r := range f.around() {
		remote, err := r.remoteOf(f.ctx, asked.url)
		if err != nil {
			why = r.why(err)
		}
		if remote != "" {
			return f.ofEnclosing(r, remote, asked.ref)
		}
	}
	return answer{why: why}
}

// ofNamed returns the files of a directory that a user names. What a reference pins is read from the
// objects of a repository whose root it is; any other directory stands for what is pinned, too.
func (f *Finder) ofNamed(n *named, ref api.GitReference) answer {
	if n.absent != "" {
		return answer{why: n.absent}
	}
	r := f.repository(n.dir)
	if r != nil && r.Root == n.dir && isPinned(ref) {
		remote, err := r.remoteOf(f.ctx, n.url)
		if err != nil {
			return answer{why: r.why(err)}
		}
		return f.pinned(r, cmp.Or(remote, "origin"), ref)
	}
	found, err := f.standing(r, n.dir)
	if err == nil {
		return found
	}
	why := reason(err, n.dir)
	if r != nil {
		why = r.why(err)
	}
	if errors.As(err, &directoryError{}) {
		n.fail(why)
	}
	return answer{why: why}
}

// ofEnclosing returns the files of the repository that encloses the inputs, whose remote is the source.
func (f *Finder) ofEnclosing(r *repository, remote string, ref api.GitReference) answer {
	standing := !isPinned(ref)
	if standing && ref.Branch != "" {
		var err error
		if standing, err = r.isOn(f.ctx, remote, ref.Branch); err != nil {
			return answer{why: r.why(err)}
		}
	}
	if !standing {
		return f.pinned(r, remote, ref)
	}
	found, err := f.standing(r, r.Root)
	if err != nil {
		return answer{why: r.why(err)}
	}
	return found
}

// standing returns the files of a directory as they are or, of the repository of the inputs, as they
// are at the revision. Those that Git tracks count; where it tracks none all do.
func (f *Finder) standing(r *repository, dir string) (answer, error) {
	prefix := "."
	if r != nil {
		rel, err := filepath.Rel(r.Root, dir)
		if err != nil {
			return answer{}, err
		}
		prefix = filepath.ToSlash(rel)
	}
	if f.Revision != "" && r != nil && slices.Contains(f.around(), r) {
		files, err := f.objects(r, f.Revision, prefix)
		return answer{files: files}, err
	}
	if files := f.found[dir]; files != nil {
		return answer{files: files, dir: dir}, nil
	}
	var listed []git.Listed
	if r != nil {
		var err error
		if listed, err = r.Tracked(f.ctx, prefix); err != nil {
			return answer{}, err
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return answer{}, directoryError{err}
	}
	f.closers = append(f.closers, func() { root.Close() })
	if len(listed) == 0 {
		if listed, err = walk(f.ctx, root); err != nil {
			return answer{}, directoryError{err}
		}
	}
	d := &disk{finder: f, root: root, dir: dir}
	f.found[dir] = newListed(listed, func(file git.Listed) ([]byte, error) { return d.file(file.Name) })
	return answer{files: f.found[dir], dir: dir}, nil
}

// pinned returns the files of what a reference names, from the objects of a repository.
func (f *Finder) pinned(r *repository, remote string, ref api.GitReference) answer {
	revisions, what, err := r.revisions(f.ctx, remote, ref)
	if err != nil {
		return answer{why: r.why(err)}
	}
	tree := r.Tree(f.ctx, revisions...)
	if tree == "" {
		return answer{why: what + " is not in this clone"}
	}
	files, err := f.objects(r, tree, ".")
	if err != nil {
		return answer{why: r.why(err)}
	}
	return answer{files: files}
}

// objects returns the files that a revision has below a directory.
func (f *Finder) objects(r *repository, revision, prefix string) (*Files, error) {
	tree := r.Tree(f.ctx, revision)
	key := r.Root + "\x00" + prefix + "\x00" + tree
	if files := f.found[key]; files != nil {
		return files, nil
	}
	if tree == "" {
		return nil, fmt.Errorf("%s is not in this clone", revision)
	}
	listed, err := r.Listing(f.ctx, tree, prefix)
	if err != nil {
		return nil, err
	}
	if len(listed) == 0 && prefix != "." {
		return nil, directoryError{fmt.Errorf("it is not in %s", f.Revision)}
	}
	contents := r.Contents(f.ctx)
	f.closers = append(f.closers, contents.Close)
	f.found[key] = newListed(listed, func(file git.Listed) ([]byte, error) {
		if err := f.count(key+"\x00"+file.Name, file.Size); err != nil {
			return nil, err
		}
		return contents.Read(file)
	})
	return f.found[key], nil
}

// newListed returns the files of a listing.
func newListed(listed []git.Listed, read func(git.Listed) ([]byte, error)) *Files {
	names, absent, byName := []string{}, map[string]string{}, map[string]git.Listed{}
	for _, file := range listed {
		if file.Absent != "" {
			absent[file.Name] = file.Absent
			continue
		}
		names = append(names, file.Name)
		byName[file.Name] = file
	}
	return newFiles(names, absent, func(name string) ([]byte, error) {
		file, ok := byName[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return read(file)
	})
}

// count fails where the files that were read are too many bytes together. Each counts once.
func (f *Finder) count(name string, size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.read[name] {
		return nil
	}
	if size > f.left {
		return errTooLarge
	}
	f.read[name] = true
	f.left -= size
	return nil
}

// repository returns the one that encloses a real path, or nil.
func (f *Finder) repository(real string) *repository {
	root, ok := git.Around(real)
	if !ok {
		return nil
	}
	if r := f.repositories[root]; r != nil {
		return r
	}
	found, err := git.Find(root)
	if err != nil {
		return nil
	}
	r := &repository{Repository: found}
	f.repositories[root] = r
	return r
}

// around returns the repositories that enclose the inputs.
func (f *Finder) around() []*repository {
	if f.looked {
		return f.enclosing
	}
	f.looked = true
	for _, p := range f.Inputs {
		if p == "-" {
			p = "."
		}
		real, err := git.Real(p)
		if err != nil {
			continue
		}
		if r := f.repository(real); r != nil && !slices.Contains(f.enclosing, r) {
			f.enclosing = append(f.enclosing, r)
		}
	}
	return f.enclosing
}

// Places returns the places of the files on disk that were read, and of what says which files Git
// tracks.
func (f *Finder) Places() (places inputs.Places) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dirs := map[string]bool{}
	for name := range f.read {
		if !strings.Contains(name, "\x00") {
			places.Files, places.Names = append(places.Files, name), append(places.Names, name)
			dirs[filepath.Dir(name)] = true
		}
	}
	for dir := range dirs {
		places.Dirs = append(places.Dirs, dir)
	}
	for root := range f.repositories {
		for _, name := range []string{"HEAD", "index"} {
			places.Names = append(places.Names, filepath.Join(root, ".git", name))
		}
	}
	return places
}

// Built returns the directories on disk that were built, by their real names.
func (f *Finder) Built() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(f.built)))
}

// reason returns the message of an error without the absolute name of a directory.
func reason(err error, dir string) string {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		err = e.Err
		if name := filepath.ToSlash(e.Path); name != "." && fs.ValidPath(name) {
			err = fmt.Errorf("%s: %w", name, err)
		}
	}
	if dir == string(filepath.Separator) {
		return err.Error() // it is in every name
	}
	return strings.ReplaceAll(strings.ReplaceAll(err.Error(), " "+dir, ""), dir, ".")
}
