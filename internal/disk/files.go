package disk

import (
	"io/fs"
	"os"
)

// files are the operations on the output directory. Names are below it, with
// slashes.
type files interface {
	Lstat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	ReadFile(name string) ([]byte, error)
	// Create writes a file that is not there yet.
	Create(name string, content []byte) error
	Mkdir(name string) error
	Rename(from, to string) error
	Remove(name string) error
}

// rootFiles are files below an open directory, which no name leads out of.
type rootFiles struct{ root *os.Root }

func (r rootFiles) Lstat(name string) (fs.FileInfo, error)     { return r.root.Lstat(name) }
func (r rootFiles) ReadFile(name string) ([]byte, error)       { return r.root.ReadFile(name) }
func (r rootFiles) Mkdir(name string) error                    { return r.root.Mkdir(name, 0o777) }
func (r rootFiles) Rename(from, to string) error               { return r.root.Rename(from, to) }
func (r rootFiles) Remove(name string) error                   { return r.root.Remove(name) }
func (r rootFiles) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(r.root.FS(), name) }

func (r rootFiles) Create(name string, content []byte) error {
	f, err := r.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
