package main

import (
	"path/filepath"

	"github.com/fleetwright/fleetwright/internal/git"
)

// pathInRepository is the place of a directory, which need not exist, in the Git
// repository around it. Without one it is nothing: the directory is then taken
// for a repository's root.
func pathInRepository(dir string) string {
	dir, err := git.Real(dir)
	if err != nil {
		return ""
	}
	root, ok := git.Around(dir)
	if !ok {
		return ""
	}
	rel, err := filepath.Rel(root, dir)
	if err != nil {
		return ""
	}
	return filepath.ToSlash(rel)
}
