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
	"strings"
	"syscall"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// files has the operations on files below the output directory. None of them follows a symbolic link.
type files interface {
	Lstat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	ReadFile(name string) ([]byte, error)
	// Has reports whether a regular file has this content.
	Has(name string, content []byte) (bool, error)
	// Create writes a file that does not exist yet.
	Create(name string, content []byte) error
	Mkdir(name string) error
	// Rename gives a file or a directory another name in the same directory.
	Rename(from, to string) error
	Remove(name string) error
}

// rootFiles are files below an open directory. The directories above the last name stay open, so
// that not every operation opens each element of a name.
type rootFiles struct {
	root *os.Root
	open []openDir
	// buffer holds content that is compared and then dropped.
	buffer []byte
}

type openDir struct {
	// name ends with a slash.
	name string
	*os.Root
}

func openFiles(dir string) (*rootFiles, error) {
	root, err := os.OpenRoot(dir)
	return &rootFiles{root: root}, err
}

func (r *rootFiles) Close() {
	r.closeFrom(0)
	r.root.Close()
}

// closeFrom closes the open directories from an index on.
func (r *rootFiles) closeFrom(first int) {
	for _, dir := range r.open[first:] {
		dir.Close()
	}
	r.open = r.open[:first]
}

// above opens the parent directory of a name. It closes every open directory that is not above the
// name, since that directory may be removed or renamed.
func (r *rootFiles) above(name string) (*os.Root, error) {
	i := slices.IndexFunc(r.open, func(dir openDir) bool { return !strings.HasPrefix(name, dir.name) })
	if i >= 0 {
		r.closeFrom(i)
	}
	dir, known := r.root, 0
	if n := len(r.open); n > 0 {
		dir, known = r.open[n-1].Root, len(r.open[n-1].name)
	}
	for {
		base, _, more := strings.Cut(name[known:], "/")
		if !more {
			return dir, nil
		}
		at := name[:known+len(base)]
		info, err := dir.Lstat(base)
		if err == nil {
			err = checkDir(at, info)
		}
		if err != nil {
			return nil, err
		}
		if dir, err = dir.OpenRoot(base); err != nil {
			return nil, err
		}
		known = len(at) + 1
		r.open = append(r.open, openDir{name[:known], dir})
	}
}

// at calls a function in the parent directory of a name.
func at[T any](r *rootFiles, name string, do func(dir *os.Root, base string) (T, error)) (result T, err error) {
	dir, err := r.above(name)
	if err == nil {
		result, err = do(dir, path.Base(name))
	}
	var refused *diag.Mistake
	if err == nil || errors.As(err, &refused) {
		return result, err
	}
	// Go's error has only the last part of the name.
	return result, fmt.Errorf("%s: %w", name, cmp.Or(errors.Unwrap(err), err))
}

// do is [rootFiles.at] for functions without a result.
func (r *rootFiles) do(name string, do func(dir *os.Root, base string) error) error {
	_, err := at(r, name, func(dir *os.Root, base string) (struct{}, error) { return struct{}{}, do(dir, base) })
	return err
}

func (r *rootFiles) Lstat(name string) (fs.FileInfo, error) { return at(r, name, (*os.Root).Lstat) }
func (r *rootFiles) ReadFile(name string) ([]byte, error)   { return at(r, name, (*os.Root).ReadFile) }
func (r *rootFiles) Remove(name string) error               { return r.do(name, (*os.Root).Remove) }

func (r *rootFiles) ReadDir(name string) ([]fs.DirEntry, error) {
	return at(r, name, func(d *os.Root, base string) ([]fs.DirEntry, error) { return fs.ReadDir(d.FS(), base) })
}

// unpolled saves four system calls for each file, with which Go finds out that the file cannot be polled.
const unpolled = syscall.O_NONBLOCK

func (r *rootFiles) Has(name string, content []byte) (bool, error) {
	return at(r, name, func(d *os.Root, base string) (bool, error) {
		info, err := d.Lstat(base)
		if err == nil {
			err = checkRegular(name, info)
		}
		if err != nil {
			return false, err
		}
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
	return r.do(name, func(d *os.Root, base string) error {
		f, err := d.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unpolled, 0o666)
		if err != nil {
			return err
		}
		_, err = f.Write(content)
		return cmp.Or(err, f.Close())
	})
}

func (r *rootFiles) Mkdir(name string) error {
	return r.do(name, func(d *os.Root, base string) error { return d.Mkdir(base, 0o777) })
}

func (r *rootFiles) Rename(from, to string) error {
	return r.do(from, func(d *os.Root, base string) error { return d.Rename(base, path.Base(to)) })
}

// isRegular reports whether a file exists. Anything else of that name is an error.
func isRegular(files files, name string) (bool, error) { return isThere(files, name, checkRegular) }

// isDir reports whether a directory exists. Anything else of that name is an error.
func isDir(files files, name string) (bool, error) { return isThere(files, name, checkDir) }

func isThere(files files, name string, check func(string, fs.FileInfo) error) (bool, error) {
	info, err := files.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = check(name, info)
	}
	return err == nil, err
}

// readRegular reads a file, or returns nil if it does not exist.
func readRegular(files files, name string) ([]byte, error) {
	if there, err := isRegular(files, name); !there {
		return nil, err
	}
	return files.ReadFile(name)
}

// removeRegular removes a file if it exists.
func removeRegular(files files, name string) error {
	if there, err := isRegular(files, name); !there {
		return err
	}
	return files.Remove(name)
}

func checkRegular(name string, info fs.FileInfo) error {
	switch {
	case info.Mode().IsRegular():
		return nil
	case info.IsDir():
		return diag.NewMistake(name+" is a directory where a file belongs", "move it away")
	}
	return notA("regular file", name, info)
}

func checkDir(name string, info fs.FileInfo) error {
	if info.IsDir() {
		return nil
	}
	return notA("directory", name, info)
}

func notA(kind, name string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return diag.NewMistake(name+" is a symbolic link", "remove it: fleetwright writes no file through a link")
	}
	return diag.NewMistake(name+" is not a "+kind, "move it away")
}
