package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/git"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

const stagedUsage = "fail, too, where Git has not staged all that is read and written"

// checkStaged fails where the next commit would have other documents, or other files
// for the clusters, than there are. A hook sees files, and a commit takes what is
// staged: above all, a file that is new is there for the one and not for the other.
// Of the output the clusters count that are chosen. It says so and returns the error
// refused.
func (a *app) checkStaged(paths []string, out string, chosen func(cluster string) bool, refused error) error {
	unstaged := map[string]git.File{}
	roots := slices.DeleteFunc(slices.Clone(paths), isStream)
	for _, root := range roots {
		if err := addUnstaged(unstaged, root, isInput); err != nil {
			return err
		}
	}
	elsewhere, err := addElsewhere(unstaged, roots)
	if err != nil {
		return err
	}
	if !isStream(out) {
		roots = append(roots, out)
		if err := addUnstaged(unstaged, out, func(way []string, file git.File) bool { return isOutput(way, file) && chosen(way[0]) }); err != nil {
			return err
		}
	}
	if len(unstaged) == 0 {
		return nil
	}
	// Files of a cluster change many at once, so they are counted.
	clusters := map[string]int{}
	var lines, ignored []string
	for _, name := range slices.Sorted(maps.Keys(unstaged)) {
		if unstaged[name].Ignored {
			ignored = append(ignored, quoted(name))
		}
		if dir, _, ok := strings.Cut(name, "/"+render.Dir+"/"); ok {
			clusters[dir+"/"+render.Dir]++
		} else {
			lines = append(lines, diag.Printable(name)+" is not staged as it is")
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(clusters)) {
		lines = append(lines, fmt.Sprintf("%s has %s not staged as they are", diag.Printable(dir), diag.Plural(clusters[dir], "file")))
	}
	hint := "git add"
	for _, root := range append(roots, elsewhere...) {
		hint += " " + quoted(root)
	}
	if len(ignored) > 0 {
		hint = "Git ignores some: git add --force " + diag.Some(ignored, 3)
	}
	a.fail(&usageError{strings.Join(lines, "\n"), hint})
	return refused
}

// isStream says whether there is no file to a path.
func isStream(path string) bool { return path == "" || path == "-" }

// addUnstaged adds the names of the files of a path that are not staged as they are, and
// matter by the way to them from the path.
func addUnstaged(to map[string]git.File, root string, matters func(way []string, file git.File) bool) error {
	work, err := git.Real(".")
	if err != nil {
		return err
	}
	dir, err := git.Real(root)
	if err != nil {
		return err
	}
	files, err := git.Unstaged(dir)
	if err != nil {
		return &usageError{root + ": it cannot be known what is staged: " + err.Error(), "--staged is for files of the Git repository that the command runs in"}
	}
	for _, f := range files {
		if way := wayFrom(dir, filepath.Join(work, filepath.FromSlash(f.Name))); len(way) > 0 && matters(way, f) {
			to[f.Name] = f
		}
	}
	return nil
}

// addElsewhere adds what is read by links from other places, and from repositories that
// the commit is not of. It returns their names.
func addElsewhere(to map[string]git.File, roots []string) (names []string, err error) {
	_, places, err := inputs.ReadPlaces(roots)
	if err != nil {
		return nil, err
	}
	work, err := git.Real(".")
	if err != nil {
		return nil, err
	}
	dirs := make([]string, len(roots))
	for i, root := range roots {
		if dirs[i], err = git.Real(root); err != nil {
			return nil, err
		}
	}
	repositories := newRepositories()
	repository := repositories.around(work)
	for _, file := range places.Files {
		around := repositories.around(filepath.Dir(file))
		isBelow := func(dir string) bool { return len(wayFrom(dir, file)) > 0 }
		if around == repository && slices.ContainsFunc(dirs, isBelow) {
			continue // Git was asked of it with all that are there
		}
		files := []git.File{{New: true}} // of another repository
		if around == repository {
			if files, err = git.Unstaged(file); err != nil {
				return nil, err
			}
		}
		if name, err := filepath.Rel(work, file); err == nil && len(files) > 0 {
			names = append(names, filepath.ToSlash(name))
			to[filepath.ToSlash(name)] = files[0]
		}
	}
	return names, nil
}

// wayFrom are the names on the way from a directory to a file, or nil where a name on
// it is hidden. The way from a file to itself is ".".
func wayFrom(dir, file string) []string {
	rel, err := filepath.Rel(dir, file)
	way := strings.Split(filepath.ToSlash(rel), "/")
	if err != nil || slices.ContainsFunc(way, func(name string) bool { return strings.HasPrefix(name, ".") && name != "." }) {
		return nil
	}
	return way
}

// isInput says whether a file is, or was, read, and may have documents.
func isInput(way []string, file git.File) bool {
	if way[0] != "." && !inputs.IsManifest(file.Name) {
		return false
	}
	if !file.New {
		return true
	}
	// Among new files there may be any that are somebody else's.
	files, err := inputs.Read([]string{filepath.FromSlash(file.Name)}, nil)
	return err != nil || len(schema.Load(files).All) > 0
}

// isOutput says whether a file is, or was, written.
func isOutput(way []string, _ git.File) bool { return len(way) > 2 && way[1] == render.Dir }
