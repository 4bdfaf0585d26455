// Package inputs reads the files that documents are in.
package inputs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/disk"
	"github.com/fleetwright/fleetwright/schema"
)

// Stdin is the name that diagnostics call the standard input.
const Stdin = "stdin"

// Read reads files, directories and, for "-", the standard input. A directory is
// walked for .yaml, .yml and .json files; hidden files and directories, and what
// fleetwright has written, are passed over. A link counts as what it leads to. A
// file that is named twice, or by two names, is read once. The error is of all
// that cannot be read.
func Read(paths []string, stdin io.Reader) ([]schema.File, error) {
	r := reader{stdin: stdin, seen: map[string]bool{}}
	for _, path := range paths {
		r.path(path)
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	return r.files, nil
}

type reader struct {
	stdin io.Reader
	// seen are the files and directories that were read, by their real names.
	seen  map[string]bool
	files []schema.File
	errs  []error
}

// path reads what a path stands for.
func (r *reader) path(path string) {
	if path == "-" {
		if r.isNew(path) {
			data, err := io.ReadAll(r.stdin)
			r.add(Stdin, data, err)
		}
		return
	}
	path = filepath.Clean(path)
	switch real, mode, err := follow(path); {
	case err != nil:
		r.fail(path, err)
	case mode.IsDir():
		r.directory(path, real)
	default:
		r.file(path, real)
	}
}

// directory reads the files of a directory, and of those below it. A link to a
// directory that was read leads to nothing new, so there is an end.
func (r *reader) directory(name, real string) {
	if !r.isNew(real) {
		return
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		r.fail(name, err)
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			r.entry(filepath.Join(name, e.Name()), filepath.Join(real, e.Name()), e.Type())
		}
	}
}

// entry reads what is found in a directory.
func (r *reader) entry(name, real string, mode fs.FileMode) {
	if mode&fs.ModeSymlink != 0 {
		from, err := real, error(nil)
		if real, mode, err = follow(real); err != nil {
			if isManifest(name) {
				r.fail(name, err)
			}
			return
		}
		if strings.HasPrefix(from, real+string(filepath.Separator)) {
			return // back up to where the link is
		}
	}
	switch {
	case mode.IsDir() && !disk.IsOutput(real):
		r.directory(name, real)
	case mode.IsRegular() && isManifest(name):
		r.file(name, real)
	}
}

func (r *reader) file(name, real string) {
	if r.isNew(real) {
		data, err := os.ReadFile(real)
		r.add(filepath.ToSlash(name), data, err)
	}
}

func (r *reader) isNew(name string) bool {
	if r.seen[name] {
		return false
	}
	r.seen[name] = true
	return true
}

func (r *reader) add(name string, data []byte, err error) {
	if err != nil {
		r.fail(name, err)
		return
	}
	r.files = append(r.files, schema.File{Name: name, Data: data})
}

// fail notes that something cannot be read, without the system call that failed.
func (r *reader) fail(name string, err error) {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	r.errs = append(r.errs, fmt.Errorf("%s: %w", name, err))
}

// follow is the real name of what a path leads to, and what that is.
func follow(path string) (real string, mode fs.FileMode, err error) {
	real, err = filepath.Abs(path)
	if err != nil {
		return "", 0, err
	}
	if real, err = filepath.EvalSymlinks(real); err != nil {
		return "", 0, err
	}
	info, err := os.Stat(real)
	if err != nil {
		return "", 0, err
	}
	return real, info.Mode(), nil
}

// Extensions are those of the files that are read from directories, without the dot.
func Extensions() []string { return []string{"yaml", "yml", "json"} }

func isManifest(name string) bool {
	extension, ok := strings.CutPrefix(filepath.Ext(name), ".")
	return ok && slices.Contains(Extensions(), extension)
}
