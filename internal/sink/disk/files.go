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
	// Has says whether a regular file has this content.
	Has(name string, content []byte) (bool, error)
	// Create writes a file that is not there yet. Where it was not even made, the error is
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

// rootedFiles are files below an open directory, which no name leads out of.
type rootedFiles interface {
	files
	// Close closes the directory.
	Close()
}

// notMade is the error of what has made nothing.
type notMade struct{ error }

func (e notMade) Unwrap() error { return e.error }

// rootFiles are files below an open directory, which no name leads out of.
//
// Directories stay open while there are few of them, because a root walks every
// name from its top: a handle for each element, for each operation.
type rootFiles struct {
	root *os.Root
	open map[string]*os.Root
	// most is how many stay open.
	most int
}

// maxOpen bounds the handles of all workers, but that each may have minOpen. The files of
// a cluster are visited one after the other, so a handle is seldom wanted again after many
// others.
const (
	maxOpen = 128
	minOpen = 8
)

// openRoot opens a directory.
func openRoot(dir string, most int) (rootedFiles, error) {
	root, err := os.OpenRoot(dir)
	return &rootFiles{root, map[string]*os.Root{}, most}, err
}

// Close closes the directory.
func (r *rootFiles) Close() {
	r.Release()
	r.root.Close()
}

// dir is the directory that a name is in, opened, and the rest of the name.
func (r *rootFiles) dir(name string) (*os.Root, string, error) {
	parent, base := path.Split(path.Clean(name))
	if parent == "" {
		return r.root, base, nil
	}
	if dir, ok := r.open[parent]; ok {
		return dir, base, nil
	}
	above, last, err := r.dir(parent)
	if err != nil {
		return nil, "", err
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
func (r *rootFiles) at(name string, do func(dir *os.Root, base string) error) error {
	dir, base, err := r.dir(name)
	if err == nil {
		err = do(dir, base)
	}
	var inPath *fs.PathError
	var inLink *os.LinkError
	switch {
	case errors.As(err, &inPath):
		return fmt.Errorf("%s: %w", name, inPath.Err)
	case errors.As(err, &inLink):
		return fmt.Errorf("%s: %w", name, inLink.Err)
	}
	return err
}

func (r *rootFiles) Lstat(name string) (info fs.FileInfo, err error) {
	err = r.at(name, func(dir *os.Root, base string) error {
		info, err = dir.Lstat(base)
		return err
	})
	return info, err
}

func (r *rootFiles) ReadFile(name string) (data []byte, err error) {
	err = r.at(name, func(dir *os.Root, base string) error {
		data, err = dir.ReadFile(base)
		return err
	})
	return data, err
}

func (r *rootFiles) Has(name string, content []byte) (bool, error) {
	info, err := r.Lstat(name)
	if err == nil {
		err = checkRegular(name, info)
	}
	if err != nil || info.Size() != int64(len(content)) {
		return false, err
	}
	data, err := r.ReadFile(name)
	return bytes.Equal(data, content), err
}

func (r *rootFiles) ReadDir(name string) (entries []fs.DirEntry, err error) {
	err = r.at(name, func(dir *os.Root, base string) error {
		entries, err = fs.ReadDir(dir.FS(), base)
		return err
	})
	return entries, err
}

func (r *rootFiles) Create(name string, content []byte) error {
	made := false
	err := r.at(name, func(dir *os.Root, base string) error {
		f, err := dir.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if made = err == nil; !made {
			return err
		}
		_, err = f.Write(content)
		return cmp.Or(err, f.Close())
	})
	return unless(made, err)
}

func (r *rootFiles) Mkdir(name string) error {
	return unless(false, r.at(name, func(dir *os.Root, base string) error { return dir.Mkdir(base, 0o777) }))
}

// unless is an error that is a notMade unless something was made.
func unless(made bool, err error) error {
	if err == nil || made {
		return err
	}
	return notMade{err}
}

func (r *rootFiles) Rename(from, to string) error {
	if _, ok := r.open[from+"/"]; ok {
		r.Release() // with what is below it
	}
	return r.at(from, func(dir *os.Root, base string) error { return dir.Rename(base, path.Base(to)) })
}

func (r *rootFiles) Remove(name string) error {
	if dir, ok := r.open[name+"/"]; ok {
		dir.Close()
		delete(r.open, name+"/")
	}
	return r.at(name, func(dir *os.Root, base string) error { return dir.Remove(base) })
}
