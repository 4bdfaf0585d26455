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

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// Stdin is the name that diagnostics call the standard input.
const Stdin = "stdin"

// Read reads files, directories and, for "-", the standard input. A directory is
// walked for .yaml, .yml and .json files; hidden directories and what fleetwright
// has written are passed over. A file that is named twice is read once.
func Read(paths []string, stdin io.Reader) ([]schema.File, error) {
	var files []schema.File
	seen := map[string]bool{}
	add := func(name string, data []byte) { files = append(files, schema.File{Name: name, Data: data}) }
	for _, path := range paths {
		if path == "-" {
			if seen[path] {
				continue
			}
			seen[path] = true
			data, err := io.ReadAll(stdin)
			if err != nil {
				return nil, err
			}
			add(Stdin, data)
			continue
		}
		names, err := list(path)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if seen[name] {
				continue
			}
			seen[name] = true
			data, err := os.ReadFile(name)
			if err != nil {
				return nil, describe(err)
			}
			add(filepath.ToSlash(name), data)
		}
	}
	return files, nil
}

// list is the files that a path stands for.
func list(path string) ([]string, error) {
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	if err != nil {
		return nil, describe(err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var names []string
	err = filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			if name != path && (strings.HasPrefix(e.Name(), ".") || isOutput(name)) {
				return fs.SkipDir
			}
			return nil
		case !isManifest(name):
			return nil
		}
		// A link counts as what it leads to, unless that is a directory.
		if info, err := os.Stat(name); err != nil || info.Mode().IsRegular() {
			names = append(names, name)
		}
		return nil
	})
	return names, describe(err)
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

// isOutput says whether a directory is one that fleetwright has written. It holds
// a Mesh, which must not come back as an input.
func isOutput(dir string) bool {
	if filepath.Base(dir) != render.Dir {
		return false
	}
	_, err := os.Lstat(filepath.Join(dir, render.InventoryFile))
	return err == nil
}
