// Package inputs reads the files that documents are in.
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

// Stdin is the name that diagnostics call the standard input.
const Stdin = "stdin"

// Read reads files, directories, pipes and, for "-", the standard input. A directory is walked for
// .yaml, .yml and .json files; hidden files and directories, the templates of Helm's charts, and what
// fleetwright has written, are passed over. A link counts as what it leads to. A file that is named twice, or by two names, is
// read once. All together may have MaxBytes. The error is of all that cannot be read.
func Read(paths []string, stdin io.Reader) ([]schema.File, error) {
	files, _, err := read(paths, stdin)
	return files, err
}

// Places are where files were read, and where they may be another time.
type Places struct {
	// Dirs are the directories that were walked, and Files what was read, by their real names.
	Dirs, Files []string
	// Names are those of every directory, link and file by which the paths, and the
	// links below them, lead where they do, as far as these are there.
	Names []string
}

// ReadPlaces is Read without the standard input, and returns where it looked, also on errors.
func ReadPlaces(paths []string) ([]schema.File, Places, error) {
	return read(paths, nil)
}

type reader struct {
	stdin io.Reader
	// left is how many bytes may still be read, less than none once there were too many.
	left int64
	// seen are the files and directories that were read, by their real names.
	seen  map[string]bool
	files []schema.File
	errs  []error
	// templates reports whether what is read may be templates of a chart.
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
		if r.isNew(path) { // no writer can come to it later, so nothing waits for one
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

// isStream reports whether a path leads to a stream without a name, such as a shell's <(…).
func isStream(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice|fs.ModeSocket) != 0
}

// isOutput reports whether a directory is a <cluster>/fleetwright that a run has written, or is
// writing, or that a KRM function has emitted, which has no inventory.
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

// head returns the beginning of a regular file, where it says what it is, or nothing.
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

// directory reads the files of a directory, and of those below it. A link to a
// directory that was read leads to nothing new, so there is an end.
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
			return // back up to where the link is
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

// fail notes that something cannot be read, without the system call that failed.
func (r *reader) fail(name string, err error) {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	r.errs = append(r.errs, fmt.Errorf("%s: %w", name, err))
}

// follow returns the real name of what a path leads to, and its mode.
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

// maxTrail is how many names a trail has at most: a loop of links has no end.
const maxTrail = 1000

// trail returns the names by which a path leads where it does: of every directory and
// link on the way and of what is at its end, as far as the first that is missing.
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
			at = name // by ".", or ".." in a link
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

// Extensions are those of the files that are read from directories, without the dot.
func Extensions() []string { return []string{"yaml", "yml", "json"} }

// IsManifest reports whether a file in a directory is read, by its name.
func IsManifest(name string) bool {
	extension, ok := strings.CutPrefix(filepath.Ext(name), ".")
	return ok && slices.Contains(Extensions(), extension)
}
