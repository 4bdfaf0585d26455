package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
)

// Stored holds the files of a cluster that are not in a directory but, for example, in an artifact. Paths are
// below DIR/<cluster>/fleetwright. The zero value has no files.
type Stored struct {
	names   []string // sorted
	content map[string][]byte
}

// NewStored returns files by path. Paths must be valid, and no file may be the parent of another.
func NewStored(content map[string][]byte) Stored {
	names := make([]string, 0, len(content))
	for name := range content {
		names = append(names, name)
	}
	slices.Sort(names)
	return Stored{names, content}
}

// Content returns the content of a file.
func (s Stored) Content(name string) []byte { return s.content[name] }

// A Store returns the files of a cluster by its name.
type Store func(cluster string) (Stored, error)

// CompareStored returns the effects of [Write] on a directory with the files of a store. It sees only the
// clusters of the tree.
func CompareStored(store Store, rendered *render.Tree, opts Options) (Comparison, error) {
	opts.KeepOthers = true
	return compareIn(storedWorkers(store), rendered, opts)
}

// CheckStored returns the error of [Write] for a tree and a directory with the files of a store.
func CheckStored(store Store, rendered *render.Tree, opts Options) error {
	opts.KeepOthers = true
	w := storedWorkers(store)
	jobs, err := compareAll(w, rendered, opts)
	if err != nil || opts.AllowPrune {
		return err
	}
	return checkPrune(w[0], jobs, rendered)
}

// storedWorkers returns one worker for each core.
func storedWorkers(store Store) workers {
	w := make(workers, runtime.GOMAXPROCS(0))
	for i := range w {
		w[i] = &storedFiles{store: store}
	}
	return w
}

// Left returns the stored files of a hub that a write keeps, sorted: those of waiting clusters, and the sources
// that these name or will name.
func (s Stored) Left(hub *render.Cluster) ([]string, error) {
	j := &job{name: hub.Name, cluster: hub, base: path.Join(hub.Name, layout.Dir)}
	files := &storedFiles{store: func(string) (Stored, error) { return s, nil }}
	if err := j.make(files, false); err != nil {
		return nil, err
	}
	written, later := pathsOf(hub), pathsOf(hub.Whole())
	var left []string
	for _, name := range s.names {
		if !written[name] && (later[name] || j.leaves(name) || slices.Contains(j.needed, name)) {
			left = append(left, name)
		}
	}
	return left, nil
}

// storedFiles implements files on a store. It caches the files of the cluster that was read last.
type storedFiles struct {
	store   Store
	cluster string
	stored  Stored
}

var errReadOnly = errors.New("a store is read-only")

// at returns the files of the cluster in a name, and the rest of the name: "." for all of them.
func (s *storedFiles) at(name string) (Stored, string, error) {
	cluster, below, _ := strings.Cut(name, "/")
	below = strings.TrimPrefix(strings.TrimPrefix(below, layout.Dir), "/")
	if below == "" {
		below = "."
	}
	if cluster == s.cluster {
		return s.stored, below, nil
	}
	stored, err := s.store(cluster)
	if err == nil {
		s.cluster, s.stored = cluster, stored
	}
	return stored, below, err
}

// first returns the index of the first name that is in a directory or sorts after it.
func (s Stored) first(dir string) (int, string) {
	if dir == "." {
		return 0, ""
	}
	prefix := dir + "/"
	i, _ := slices.BinarySearch(s.names, prefix)
	return i, prefix
}

func (s *storedFiles) Lstat(name string) (fs.FileInfo, error) {
	stored, below, err := s.at(name)
	if err != nil {
		return nil, err
	}
	if content, ok := stored.content[below]; ok {
		return storedInfo{path.Base(name), int64(len(content)), 0}, nil
	}
	if i, prefix := stored.first(below); i < len(stored.names) && strings.HasPrefix(stored.names[i], prefix) {
		return storedInfo{path.Base(name), 0, fs.ModeDir}, nil
	}
	return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
}

func (s *storedFiles) ReadDir(name string) (entries []fs.DirEntry, err error) {
	stored, below, err := s.at(name)
	if err != nil {
		return nil, err
	}
	i, prefix := stored.first(below)
	last := ""
	for ; i < len(stored.names) && strings.HasPrefix(stored.names[i], prefix); i++ {
		base, _, isDir := strings.Cut(stored.names[i][len(prefix):], "/")
		if base == last {
			continue
		}
		last = base
		info := storedInfo{name: base, size: int64(len(stored.content[stored.names[i]]))}
		if isDir {
			info = storedInfo{name: base, mode: fs.ModeDir}
		}
		entries = append(entries, fs.FileInfoToDirEntry(info))
	}
	return entries, nil
}

func (s *storedFiles) ReadFile(name string) ([]byte, error) {
	stored, below, err := s.at(name)
	content, ok := stored.content[below]
	if err == nil && !ok {
		err = &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	return content, err
}

func (s *storedFiles) Has(name string, content []byte) (bool, error) {
	data, err := s.ReadFile(name)
	return err == nil && bytes.Equal(data, content), err
}

func (s *storedFiles) Create(string, []byte) error { return errReadOnly }
func (s *storedFiles) Mkdir(string) error          { return errReadOnly }
func (s *storedFiles) Rename(_, _ string) error    { return errReadOnly }
func (s *storedFiles) Remove(string) error         { return errReadOnly }

// storedInfo describes a stored file, or a directory of some.
type storedInfo struct {
	name string
	size int64
	mode fs.FileMode
}

func (i storedInfo) Name() string       { return i.name }
func (i storedInfo) Size() int64        { return i.size }
func (i storedInfo) Mode() fs.FileMode  { return i.mode }
func (i storedInfo) ModTime() time.Time { return time.Time{} }
func (i storedInfo) IsDir() bool        { return i.mode.IsDir() }
func (i storedInfo) Sys() any           { return nil }
