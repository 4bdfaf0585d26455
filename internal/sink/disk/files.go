package disk

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"
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

// rootFiles are files below an open directory.
//
// Directories stay open while there are few of them, so that not every name is walked
// from the top: a handle for each element, for each operation.
type rootFiles struct {
	root *os.Root
	open map[string]*os.Root
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

// openFiles opens a directory.
func openFiles(dir string, most int) (*rootFiles, error) {
	root, err := os.OpenRoot(dir)
	return &rootFiles{root: root, open: map[string]*os.Root{}, most: most}, err
}

// Close closes the directory.
func (r *rootFiles) Close() {
	r.Release()
	r.root.Close()
}

// dir is the directory that a name is in, opened, and the rest of the name.
// A link on the way, also to a directory beside it, is no directory.
func (r *rootFiles) dir(name string) (*os.Root, string, error) {
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
	if info, err := above.Lstat(last); err != nil {
		return nil, "", err
	} else if !info.IsDir() {
		return nil, "", syscall.ENOTDIR
	}
	dir, err := above.OpenRoot(last)
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
func at[T any](r *rootFiles, name string, do func(dir *os.Root, base string) (T, error)) (result T, err error) {
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

func (r *rootFiles) Lstat(name string) (fs.FileInfo, error) { return at(r, name, (*os.Root).Lstat) }
func (r *rootFiles) ReadFile(name string) ([]byte, error)   { return at(r, name, (*os.Root).ReadFile) }
func (r *rootFiles) ReadDir(name string) ([]fs.DirEntry, error) {
	return at(r, name, func(d *os.Root, base string) ([]fs.DirEntry, error) { return fs.ReadDir(d.FS(), base) })
}

// unpolled is a flag for files. Without it each takes four more system calls, by which Go finds
// out that it cannot wait for them.
const unpolled = syscall.O_NONBLOCK

func (r *rootFiles) Has(name string, content []byte) (bool, error) {
	info, err := r.Lstat(name)
	if err == nil {
		err = checkRegular(name, info)
	}
	if err != nil {
		return false, err
	}
	return at(r, name, func(d *os.Root, base string) (bool, error) {
		f, err := d.OpenFile(base, os.O_RDONLY|unpolled, 0)
		if err != nil {
			return false, err
		}
		defer f.Close()
		if info.Size() != int64(len(content)) {
			return false, nil
		}
		r.buffer = slices.Grow(r.buffer[:0], len(content))[:len(content)]
		_, err = io.ReadFull(f, r.buffer)
		return bytes.Equal(r.buffer, content), err
	})
}

func (r *rootFiles) Create(name string, content []byte) error {
	return unless(at(r, name, func(d *os.Root, base string) (made bool, err error) {
		f, err := d.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unpolled, 0o666)
		if err != nil {
			return false, err
		}
		_, err = f.Write(content)
		return true, cmp.Or(err, f.Close())
	}))
}

func (r *rootFiles) Mkdir(name string) error {
	return unless(at(r, name, func(d *os.Root, base string) (bool, error) { return false, d.Mkdir(base, 0o777) }))
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
	_, err := at(r, from, func(d *os.Root, base string) (bool, error) { return true, d.Rename(base, path.Base(to)) })
	return err
}

func (r *rootFiles) Remove(name string) error {
	r.forget(name)
	_, err := at(r, name, func(d *os.Root, base string) (bool, error) { return true, d.Remove(base) })
	return err
}

// forget closes what is open of a directory that goes.
func (r *rootFiles) forget(name string) {
	if _, ok := r.open[name+"/"]; ok {
		r.Release() // with what is below it
	}
}
