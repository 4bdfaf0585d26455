package disk

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// files are the operations on the output directory. Names are below it, with
// slashes.
type files interface {
	Lstat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	// ReadFile reads a regular file.
	ReadFile(name string) ([]byte, error)
	// Has reports whether a regular file has this content.
	Has(name string, content []byte) (bool, error)
	// Create writes a file that does not exist yet. Where it was not even made, the error is
	// a notMade.
	Create(name string, content []byte) error
	// Mkdir makes a directory, or fails with a notMade.
	Mkdir(name string) error
	// Rename gives a file or a directory another name in the same directory.
	Rename(from, to string) error
	Remove(name string) error
	// Release closes the directories that were kept open.
	Release()
}

// notMade is the error of an operation that has made nothing.
type notMade struct{ error }

func (e notMade) Unwrap() error { return e.error }

// A directory is open, and the names are those of what is in it. No name leads out of it.
type directory interface {
	Lstat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	ReadFile(name string) ([]byte, error)
	// Has reports whether a file has this content; it may read into the buffer.
	Has(name string, content []byte, buffer *[]byte) (bool, error)
	Create(name string, content []byte) (made bool, err error)
	OpenDir(name string) (directory, error)
	Mkdir(name string, mode fs.FileMode) error
	Rename(from, to string) error
	Remove(name string) error
	Close() error
}

// rootFiles are files below an open directory.
//
// Directories stay open while there are few of them, so that not every name is walked
// from the top: a handle for each element, for each operation.
type rootFiles struct {
	root directory
	open map[string]directory
	// most is how many stay open.
	most int
	// buffer is for content that is compared and not kept.
	buffer []byte
}

// maxOpen bounds the handles of all workers, but that each may have minOpen. The files of
// a cluster are visited one after the other, so a handle is seldom wanted again after many
// others.
const (
	maxOpen = 128
	minOpen = 8
)

func newRootFiles(root directory, most int) *rootFiles {
	return &rootFiles{root: root, open: map[string]directory{}, most: most}
}

// errNotRegular is the error of a name that belongs to a link, a directory or a device.
var errNotRegular = errors.New("not a regular file")

// A rootDirectory is open by the calls that every system has.
type rootDirectory struct{ *os.Root }

// openRoot opens a directory by these calls.
func openRoot(dir string, most int) (*rootFiles, error) {
	root, err := os.OpenRoot(dir)
	return newRootFiles(rootDirectory{root}, most), err
}

func (d rootDirectory) OpenDir(name string) (directory, error) {
	root, err := d.OpenRoot(name)
	return rootDirectory{root}, err
}

func (d rootDirectory) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(d.FS(), name) }

func (d rootDirectory) Has(name string, content []byte, _ *[]byte) (bool, error) {
	info, err := d.Lstat(name)
	switch {
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, errNotRegular
	case info.Size() != int64(len(content)):
		return false, nil
	}
	data, err := d.ReadFile(name)
	return bytes.Equal(data, content), err
}

func (d rootDirectory) Create(name string, content []byte) (made bool, err error) {
	f, err := d.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return false, err
	}
	_, err = f.Write(content)
	return true, cmp.Or(err, f.Close())
}

// Close closes the directory.
func (r *rootFiles) Close() {
	r.Release()
	r.root.Close()
}

// dir is the directory that a name is in, opened, and the rest of the name.
func (r *rootFiles) dir(name string) (directory, string, error) {
	parent, base := path.Split(name)
	if parent == "" {
		return r.root, base, nil
	}
	if dir, ok := r.open[parent]; ok {
		return dir, base, nil
	}
	above, last, err := r.dir(parent[:len(parent)-1])
	if err != nil {
		return nil, "", err
	}
	dir, err := above.OpenDir(last)
	if err != nil {
		return nil, "", err
	}
	if len(r.open) >= r.most {
		r.Release()
	}
	r.open[parent] = dir
	return dir, base, nil
}

func (r *rootFiles) Release() {
	for _, dir := range r.open {
		dir.Close()
	}
	clear(r.open)
}

// at does something in the directory that a name is in.
func at[T any](r *rootFiles, name string, do func(dir directory, base string) (T, error)) (result T, err error) {
	dir, base, err := r.dir(name)
	if err == nil {
		result, err = do(dir, base)
	}
	var inPath *fs.PathError
	var inLink *os.LinkError
	switch {
	case err == nil:
		return result, nil
	case errors.As(err, &inPath):
		err = inPath.Err
	case errors.As(err, &inLink):
		err = inLink.Err
	}
	return result, fmt.Errorf("%s: %w", name, err)
}

func (r *rootFiles) Lstat(name string) (fs.FileInfo, error) { return at(r, name, directory.Lstat) }
func (r *rootFiles) ReadFile(name string) ([]byte, error)   { return at(r, name, directory.ReadFile) }
func (r *rootFiles) ReadDir(name string) ([]fs.DirEntry, error) {
	return at(r, name, directory.ReadDir)
}

func (r *rootFiles) Has(name string, content []byte) (bool, error) {
	has, err := at(r, name, func(d directory, base string) (bool, error) { return d.Has(base, content, &r.buffer) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if info, err := r.Lstat(name); err == nil {
			if err := checkRegular(name, info); err != nil {
				return false, err
			}
		}
	}
	return has, err
}

func (r *rootFiles) Create(name string, content []byte) error {
	return unless(at(r, name, func(d directory, base string) (bool, error) { return d.Create(base, content) }))
}

func (r *rootFiles) Mkdir(name string) error {
	return unless(at(r, name, func(d directory, base string) (bool, error) { return false, d.Mkdir(base, 0o777) }))
}

// unless returns an error as a notMade unless something was made.
func unless(made bool, err error) error {
	if err == nil || made {
		return err
	}
	return notMade{err}
}

func (r *rootFiles) Rename(from, to string) error {
	r.forget(from)
	_, err := at(r, from, func(d directory, base string) (bool, error) { return true, d.Rename(base, path.Base(to)) })
	return err
}

func (r *rootFiles) Remove(name string) error {
	r.forget(name)
	_, err := at(r, name, func(d directory, base string) (bool, error) { return true, d.Remove(base) })
	return err
}

// forget closes what is open of a directory that goes.
func (r *rootFiles) forget(name string) {
	if _, ok := r.open[name+"/"]; ok {
		r.Release() // with what is below it
	}
}
