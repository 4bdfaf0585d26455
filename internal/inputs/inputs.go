// Package inputs reads the files that documents are in.
package inputs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fleetwright/fleetwright/internal/disk"
	"github.com/fleetwright/fleetwright/schema"
)

// Stdin is the name that diagnostics call the standard input.
const Stdin = "stdin"

// Read reads files, directories and, for "-", the standard input. A directory is
// walked for .yaml, .yml and .json files; hidden files and directories, and what
// fleetwright has written, are passed over. A file that is named twice is read
// once. The error is of all that cannot be read.
func Read(paths []string, stdin io.Reader) ([]schema.File, error) {
	r := reader{stdin: stdin, seen: map[string]bool{}}
	for _, path := range paths {
		r.read(path)
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	return r.files, nil
}

type reader struct {
	stdin io.Reader
	// seen are the files that were read, by their absolute names.
	seen  map[string]bool
	files []schema.File
	errs  []error
}

// read reads what a path stands for.
func (r *reader) read(path string) {
	if path == "-" {
		if r.isNew(path) {
			data, err := io.ReadAll(r.stdin)
			r.add(Stdin, data, err)
		}
		return
	}
	names, err := list(path)
	if err != nil {
		r.errs = append(r.errs, describe(err))
	}
	for _, name := range names {
		absolute, err := filepath.Abs(name)
		if err != nil {
			absolute = name
		}
		if r.isNew(absolute) {
			data, err := os.ReadFile(name)
			r.add(filepath.ToSlash(name), data, err)
		}
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
		r.errs = append(r.errs, describe(err))
		return
	}
	r.files = append(r.files, schema.File{Name: name, Data: data})
}

// list is the files that a path stands for.
func list(path string) ([]string, error) {
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var names []string
	// Unlike filepath.WalkDir, this follows a link that the path itself is.
	err = fs.WalkDir(os.DirFS(path), ".", func(below string, e fs.DirEntry, err error) error {
		name := filepath.Join(path, filepath.FromSlash(below))
		hidden := below != "." && strings.HasPrefix(e.Name(), ".")
		switch {
		case err != nil:
			return err
		case e.IsDir():
			if hidden || below != "." && disk.IsOutput(name) {
				return fs.SkipDir
			}
			return nil
		case hidden || !isManifest(name):
			return nil
		}
		// A link counts as what it leads to, unless that is a directory.
		if info, err := os.Stat(name); err != nil || info.Mode().IsRegular() {
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// describe leaves the system call out of an error.
func describe(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return fmt.Errorf("%s: %w", e.Path, e.Err)
	}
	return err
}

func isManifest(name string) bool {
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}
