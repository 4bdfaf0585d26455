// Package inputs reads the files that contain documents.
package inputs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// Stdin is the name of standard input in diagnostics.
const Stdin = "stdin"

// Read reads files, directories, pipes and, for "-", standard input. In a directory it reads all .yaml, .yml and
// .json files, but skips hidden files and directories, templates of Helm charts, and fleetwright's own output. It
// follows links, and reads a file only once. All files together may have MaxBytes. The error joins the errors of
// all unreadable paths.
func Read(paths []string, stdin io.Reader) ([]schema.File, error) {
	files, _, err := read(paths, stdin)
	return files, err
}

// Places are the places of the files, and of paths that may lead to other files later.
type Places struct {
	// Dirs are the walked directories, and Files are the read files, by real path.
	Dirs, Files []string
	// Names are the existing names of all directories, links and files on the way to the paths and through the
	// links below them.
	Names []string
}

// ReadPlaces is Read without standard input. It returns the places even if it fails.
func ReadPlaces(paths []string) ([]schema.File, Places, error) {
	return read(paths, nil)
}

type reader struct {
	stdin io.Reader
	// left is the number of bytes that may still be read; it is negative once there were too many.
	left int64
	// seen are the real paths of the files and directories that were read.
	seen  map[string]bool
	files []schema.File
	errs  []error
	// templates reports whether files may be templates of a chart.
	templates bool
	Places
}

func read(paths []string, stdin io.Reader) ([]schema.File, Places, error) {
	r := reader{stdin: stdin, left: MaxBytes, seen: map[string]bool{}}
	for _, path := range paths {
		r.path(path)
	}
	if len(r.errs) > 0 {
		return nil, r.Places, errors.Join(r.errs...)
	}
	return r.files, r.Places, nil
}

func (r *reader) path(path string) {
	if path == "-" {
		if r.isNew(path) {
			data, err := readStdin(r.stdin, r.left)
			r.add(Stdin, data, err)
		}
		return
	}
	path = filepath.Clean(path)
	r.Names = append(r.Names, trail(path)...)
	switch real, mode, err := follow(path); {
	case err != nil && isStream(path):
		if r.isNew(path) { // nothing waits for a pipe that no later writer can open
			data, err := readFile(path, r.left, 0)
			r.add(filepath.ToSlash(path), data, err)
		}
	case err != nil:
		r.fail(path, err)
	case mode.IsDir():
		r.directory(path, real)
	default:
		r.file(path, real)
	}
}

// isStream reports whether a path leads to an unnamed stream, such as a shell's <(…).
func isStream(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice|fs.ModeSocket) != 0
}

// isOutput reports whether a directory is the <cluster>/fleetwright of a finished or running render, or of a KRM
// function, which writes no inventory.
func isOutput(dir string) bool {
	if filepath.Base(dir) != layout.Dir {
		return false
	}
	for _, name := range layout.Journals() {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return layout.IsInventory(head(dir, layout.InventoryFile)) || layout.IsInventory(head(dir, layout.FormerInventoryFile)) ||
		bytes.Contains(head(dir, layout.KustomizationFile), []byte(layout.RenderedAnnotation))
}

// head returns the beginning of a regular file, which identifies its kind, or nil.
func head(dir, name string) []byte {
	name = filepath.Join(dir, name)
	if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, _ := io.ReadAll(io.LimitReader(f, 64<<10))
	return data
}

// directory reads the files in and below a directory. It skips links to directories that it has read, so it ends.
func (r *reader) directory(name, real string) {
	if !r.isNew(real) {
		return
	}
	r.Dirs = append(r.Dirs, real)
	entries, err := os.ReadDir(real)
	if err != nil {
		r.fail(name, err)
		return
	}
	isChart := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "Chart.yaml" })
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		outer := r.templates
		r.templates = outer || isChart && e.Name() == "templates"
		r.entry(filepath.Join(name, e.Name()), filepath.Join(real, e.Name()), e.Type())
		r.templates = outer
	}
}

func (r *reader) entry(name, real string, mode fs.FileMode) {
	if mode&fs.ModeSymlink != 0 {
		r.Names = append(r.Names, trail(real)...)
		from, err := real, error(nil)
		if real, mode, err = follow(real); err != nil {
			if IsManifest(name) {
				r.fail(name, err)
			}
			return
		}
		if strings.HasPrefix(from, real+string(filepath.Separator)) {
			return // the walk returns to the place of the link
		}
	}
	switch {
	case mode.IsDir() && !isOutput(real):
		r.directory(name, real)
	case mode.IsRegular() && IsManifest(name):
		r.file(name, real)
	}
}

func (r *reader) file(name, real string) {
	if r.isNew(real) {
		r.Files = append(r.Files, real)
		data, err := readFile(real, r.left, writerWait)
		r.add(filepath.ToSlash(name), data, err)
	}
}

func (r *reader) isNew(name string) bool {
	if r.seen[name] || r.left < 0 {
		return false
	}
	r.seen[name] = true
	return true
}

func (r *reader) add(name string, data []byte, err error) {
	if errors.Is(err, errTooLarge) {
		r.left = -1
	}
	if err != nil {
		r.fail(name, err)
		return
	}
	if r.templates && bytes.Contains(data, []byte("{{")) {
		return
	}
	r.left -= int64(len(data))
	r.files = append(r.files, schema.File{Name: name, Data: data})
}

// fail records that a file cannot be read, without the name of the failed system call.
func (r *reader) fail(name string, err error) {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	r.errs = append(r.errs, fmt.Errorf("%s: %w", name, err))
}

// follow returns the real path and the mode of a path's target.
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

// maxTrail is the maximum number of names in a trail, because a loop of links has no end.
const maxTrail = 1000

// trail returns the names on the way to a path's target: all directories, all links and the target, up to the
// first one that does not exist.
func trail(path string) (names []string) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	const separator = string(filepath.Separator)
	root := filepath.VolumeName(path) + separator
	at, rest := root, strings.Split(strings.TrimPrefix(path, root), separator)
	for len(rest) > 0 && len(names) < maxTrail {
		name := filepath.Join(at, rest[0])
		rest = rest[1:]
		if name == at || name == root {
			at = name // through "." or ".." in a link
			continue
		}
		names = append(names, name)
		info, err := os.Lstat(name)
		if err != nil {
			return names
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = name
			continue
		}
		target, err := os.Readlink(name)
		if err != nil {
			return names
		}
		if filepath.IsAbs(target) {
			at, target = root, strings.TrimPrefix(target, root)
		}
		rest = append(strings.Split(target, separator), rest...)
	}
	return names
}

// Extensions returns the extensions of the files that are read from directories, without the dot.
func Extensions() []string { return []string{"yaml", "yml", "json"} }

// IsManifest reports whether a file in a directory is read, according to its name.
func IsManifest(name string) bool {
	extension, ok := strings.CutPrefix(filepath.Ext(name), ".")
	return ok && slices.Contains(Extensions(), extension)
}
