package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/git"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/plain"
	"github.com/fleetwright/fleetwright/schema"
)

// checkStaged fails if the next commit would have other documents than the directory, or other
// files for the clusters. A hook sees the files, and a commit has the staged ones: a new file, for
// example, exists only for the hook. It includes the manifests that were read from the sources, and
// the output of the chosen clusters. It reports the files and returns the error rejected.
func (a *app) checkStaged(from *origin, out string, chosen *choice, rejected error) error {
	repository, err := git.OfHook()
	if err != nil {
		return err
	}
	work, err := git.Real(".")
	if err != nil {
		return err
	}
	unstaged := unstaged{repository, work, map[string]git.File{}}
	roots := slices.DeleteFunc(slices.Clone(from.paths), isStream)
	for _, root := range roots {
		if err := unstaged.add(root, isInput); err != nil {
			return err
		}
	}
	elsewhere, err := unstaged.addElsewhere(roots)
	if err != nil {
		return err
	}
	manifests, err := unstaged.addSources(from)
	if err != nil {
		return err
	}
	elsewhere = append(elsewhere, manifests...)
	if !isStream(out) {
		roots = append(roots, out)
		isOutput := func(way []string, _ string, _ git.File) bool {
			return len(way) > 2 && way[1] == layout.Dir && chosen.writes(way[0], strings.Join(way[2:], "/"))
		}
		if err := unstaged.add(out, isOutput); err != nil {
			return err
		}
	}
	if len(unstaged.files) == 0 {
		return nil
	}
	// Files of a cluster change many at once, so they are counted.
	clusters := map[string]int{}
	var lines, ignored []string
	for _, name := range slices.Sorted(maps.Keys(unstaged.files)) {
		if unstaged.files[name].Ignored {
			ignored = append(ignored, quoted(name))
		}
		if dir, _, ok := strings.Cut(name, "/"+layout.Dir+"/"); ok {
			clusters[dir+"/"+layout.Dir]++
		} else {
			lines = append(lines, name+" is not staged as it is")
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(clusters)) {
		lines = append(lines, fmt.Sprintf("%s has %s not staged as they are", dir, diag.Plural(clusters[dir], "file")))
	}
	hint := "git add"
	for _, root := range append(roots, elsewhere...) {
		hint += " " + quoted(root)
	}
	if len(ignored) > 0 {
		hint = "Git ignores some: git add --force " + diag.Some(ignored, 3)
	}
	a.fail(usageErrors(lines, hint))
	return rejected
}

// isStream reports whether a path names no file.
func isStream(path string) bool { return path == "" || path == "-" }

// unstaged are files that the next commit does not have as they are.
type unstaged struct {
	repository *git.Repository
	// work is the working directory, by its real name.
	work string
	// files by their names from the working directory, with slashes.
	files map[string]git.File
}

// add adds the files below a path that matter, by the names on the way to them.
func (u *unstaged) add(root string, matters func(way []string, name string, file git.File) bool) error {
	dir, err := git.Real(root)
	if err != nil {
		return err
	}
	files, err := u.repository.Unstaged(dir)
	if err != nil {
		return &usageError{root + ": cannot read the staged files: " + err.Error(), "--staged checks files in the Git repository that the command runs in"}
	}
	for _, f := range files {
		file := filepath.Join(u.repository.Root, filepath.FromSlash(f.Name))
		if way := wayFrom(dir, file); len(way) > 0 && matters(way, file, f) {
			u.note(file, f)
		}
	}
	return nil
}

// note adds a file, and returns its name from the working directory.
func (u *unstaged) note(file string, f git.File) (name string) {
	name, err := filepath.Rel(u.work, file)
	if err != nil {
		name = file // on another volume
	}
	name = filepath.ToSlash(name)
	u.files[name] = f
	return name
}

// addElsewhere adds, and returns, the targets of links outside of the paths or the repository.
func (u *unstaged) addElsewhere(roots []string) (names []string, err error) {
	_, places, err := inputs.ReadPlaces(roots)
	if err != nil {
		return nil, err
	}
	dirs := make([]string, len(roots))
	for i, root := range roots {
		if dirs[i], err = git.Real(root); err != nil {
			return nil, err
		}
	}
	known := repositories{}
	var linked []string
	for _, file := range places.Files {
		switch {
		case known.around(filepath.Dir(file)) != u.repository.Root:
			names = append(names, u.note(file, git.File{New: true}))
		case !slices.ContainsFunc(dirs, func(dir string) bool { return len(wayFrom(dir, file)) > 0 }):
			linked = append(linked, file) // Git was not asked of it yet
		}
	}
	files, err := u.repository.Unstaged(linked...)
	for _, f := range files {
		names = append(names, u.note(filepath.Join(u.repository.Root, filepath.FromSlash(f.Name)), f))
	}
	return names, err
}

// addSources adds, and returns, the files of sources that Git tracks and that were read, or were
// removed from a directory that was built. A file that is new is not in the source.
func (u *unstaged) addSources(from *origin) (names []string, err error) {
	isOurs := func(name string) bool {
		root, ok := git.Around(name)
		return ok && root == u.repository.Root
	}
	asked := slices.DeleteFunc(slices.Clone(from.built), func(dir string) bool { return !isOurs(dir) })
	read := map[string]bool{}
	for _, file := range from.places.Files {
		read[file] = isOurs(file)
		if read[file] && !slices.ContainsFunc(asked, func(dir string) bool { return isIn(dir, file) }) {
			asked = append(asked, file)
		}
	}
	files, err := u.repository.Unstaged(asked...)
	for _, f := range files {
		file := filepath.Join(u.repository.Root, filepath.FromSlash(f.Name))
		_, gone := os.Lstat(file)
		if !f.New && (read[file] || gone != nil) {
			names = append(names, u.note(file, f))
		}
	}
	return names, err
}

// isIn reports whether a file is below a directory.
func isIn(dir, file string) bool {
	rel, err := filepath.Rel(dir, file)
	return err == nil && filepath.IsLocal(rel)
}

// wayFrom returns the names from a directory to a file (to itself "."), or nil if one is hidden.
func wayFrom(dir, file string) []string {
	rel, err := filepath.Rel(dir, file)
	way := strings.Split(filepath.ToSlash(rel), "/")
	if err != nil || slices.ContainsFunc(way, func(name string) bool { return strings.HasPrefix(name, ".") && name != "." }) {
		return nil
	}
	return way
}

// isInput reports whether a file is, or was, read, and may have documents.
func isInput(way []string, name string, file git.File) bool {
	if way[0] != "." && !inputs.IsManifest(name) {
		return false
	}
	if !file.New {
		return true
	}
	// New files may be somebody else's.
	files, err := inputs.Read([]string{name}, nil)
	return err != nil || len(schema.LoadRollouts(files, plain.IsBeside).All) > 0
}
