package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/internal/staging"
	"github.com/fleetwright/fleetwright/render"
)

const stagedUsage = "fail, too, where Git has not staged all that is read and written"

// checkStaged fails where the next commit would have other documents, or other files
// for the clusters, than there are. A hook sees files, and a commit takes what is
// staged: above all, a file that is new is there for the one and not for the other.
// It says so and returns the error refused.
func (a *app) checkStaged(paths []string, out string, refused error) error {
	unstaged := map[string]bool{}
	roots := slices.DeleteFunc(append(slices.Clone(paths), out), func(root string) bool { return root == "" || root == "-" })
	for _, root := range roots {
		place := real(root)
		names, err := staging.Unstaged(place)
		if err != nil {
			return &usageError{root + ": Git does not say what is staged: " + err.Error(), "--staged is for files of the Git repository that the command runs in"}
		}
		if place, err = filepath.Abs(place); err != nil {
			return err
		}
		for _, name := range names {
			if way := wayFrom(place, name); root != out && isInput(way) || root == out && isOutput(way) {
				unstaged[name] = true
			}
		}
	}
	if len(unstaged) == 0 {
		return nil
	}
	// Files of a cluster change many at once, so they are counted.
	clusters := map[string]int{}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(unstaged)) {
		if dir, _, ok := strings.Cut(name, "/"+render.Dir+"/"); ok {
			clusters[dir+"/"+render.Dir]++
		} else {
			lines = append(lines, name+" is not staged as it is")
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(clusters)) {
		lines = append(lines, fmt.Sprintf("%s has %s not staged as they are", dir, plural(clusters[dir], "file")))
	}
	a.fail(&usageError{strings.Join(lines, "\n"), "git add " + strings.Join(roots, " ")})
	return refused
}

// real is what a path leads to: Git does not look behind links.
func real(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// wayFrom are the names on the way from a directory to a file, or nil where a name on
// it is hidden.
func wayFrom(dir, file string) []string {
	file, err := filepath.Abs(filepath.FromSlash(file))
	if err != nil {
		return nil
	}
	rel, err := filepath.Rel(dir, file)
	way := strings.Split(filepath.ToSlash(rel), "/")
	if err != nil || slices.ContainsFunc(way, func(name string) bool { return strings.HasPrefix(name, ".") && name != "." }) {
		return nil
	}
	return way
}

// isInput says whether a file is, or was, read, by the way to it from a PATH, which may
// be the file.
func isInput(way []string) bool {
	return len(way) > 0 && (way[0] == "." || inputs.IsManifest(way[len(way)-1]))
}

// isOutput says whether a file is, or was, written, by the way to it from DIR.
func isOutput(way []string) bool { return len(way) > 2 && way[1] == render.Dir }
