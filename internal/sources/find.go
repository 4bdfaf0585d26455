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

// unknown is the reason why a source without a known directory is not read.
const unknown = "its directory is unknown; name it with --source or in spec.sources"

// Options describe the inputs, and the directories to read as sources.
type Options struct {
	// Inputs are the paths of the inputs; "-" is standard input, which belongs to the working directory.
	Inputs []string
	// Revision is the revision of the inputs' repository to read instead of its work tree.
	Revision string
	// Given are the directories from the command line.
	Given []Given
	// Function reports whether the inputs belong to a KRM function, which may run without the directories that the
	// RenderConfig names.
	Function bool
}

// A Finder finds the files of sources: in a directory that the command line or the RenderConfig names, or in the
// repository that contains the inputs. It searches on demand, and is safe for concurrent use.
type Finder struct {
	Options
	ctx context.Context

	// mu guards the fields below.
	mu sync.Mutex
	// named are the directories that the user named, by precedence.
	named []*named
	// repositories are the known repositories, by root.
	repositories map[string]*repository
	// enclosing are the repositories of the inputs; looked reports whether they were searched.
	enclosing []*repository
	looked    bool
	// answers are the cached answers, and found are the cached files, by directory and revision.
	answers map[request]answer
	found   map[string]*Files
	// read are the files on disk that were read.
	read map[string]bool
	// left is the number of bytes that may still be read.
	left int64
	// built are the directories in work trees that were built.
	built []string
	// mistakes are the errors of the command line, and list holds the errors of the RenderConfig.
	mistakes []error
	list     diag.List
	closers  []func()
}

// A named directory is one that the user named for a source.
type named struct {
	// url is the URL of the source in normal form.
	url string
	// dir is the real path.
	dir string
	// absent is the reason why the directory is not read, or "".
	absent string
	// report reports that the directory cannot be read.
	report func(message string)
}

// fail reports once that a named directory cannot be read.
func (n *named) fail(message string) {
	if n.absent == "" {
		n.report(message)
		n.absent = message
	}
}

// A request asks for the files of a source.
type request struct {
	url string
	ref api.GitReference
	git bool
	// ofClusters asks for the repository of the inputs, which the clusters sync.
	ofClusters bool
}

// An answer holds the files of a source, with the real path of their directory if they have one, or the reason why
// there are none.
type answer struct {
	files    *Files
	dir, why string
}

// A directoryError is a failure to read a directory that does not depend on Git.
type directoryError struct{ error }

func (e directoryError) Unwrap() error { return e.error }

// NewFinder returns a Finder. It ends with the context; the caller must call Close.
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

// Close releases the readers.
func (f *Finder) Close() {
	for _, end := range f.closers {
		end()
	}
}

// Problems returns the errors in the RenderConfig and on the command line that were found so far.
func (f *Finder) Problems() (diag.List, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.list, errors.Join(f.mistakes...)
}

// Files returns the files of the source of a build, or the reason why there are none.
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

// builtPath returns the directory of the source that is built.
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

// answer searches for the files of a source.
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

// ofNamed returns the files of a directory that the user named. If it is the root of a repository, the revision of
// a pinned reference is read from there. Any other directory is read as it is, whatever the reference is.
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

// ofEnclosing returns the files of the repository that contains the inputs and has the source as a remote.
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

// standing returns the files of a directory as they are, or, in the inputs' repository, at the revision. If Git
// tracks files there, it returns only these.
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

// pinned returns the files at the revision of a reference, from the objects of a repository.
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

// objects returns the files below a directory at a revision.
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

// count fails if all read files together are too large. Each file counts once.
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

// repository returns the repository that contains a real path, or nil.
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

// around returns the repositories that contain the inputs.
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

// Places returns the places of the files on disk that were read, and of the files that tell which files Git
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

// Built returns the real paths of the directories on disk that were built.
func (f *Finder) Built() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(f.built)))
}

// reason returns the message of an error without the absolute path of a directory.
func reason(err error, dir string) string {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		err = e.Err
		if name := filepath.ToSlash(e.Path); name != "." && fs.ValidPath(name) {
			err = fmt.Errorf("%s: %w", name, err)
		}
	}
	if dir == string(filepath.Separator) {
		return err.Error() // the root is in every path
	}
	return strings.ReplaceAll(strings.ReplaceAll(err.Error(), " "+dir, ""), dir, ".")
}
