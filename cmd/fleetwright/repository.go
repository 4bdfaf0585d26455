package main

import (
	"os"
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
	root, ok := repositoryAround(dir)
	if !ok {
		return ""
	}
	rel, err := filepath.Rel(root, dir)
	if err != nil {
		return ""
	}
	return filepath.ToSlash(rel)
}

// repositoryAround is the root of the Git repository that a directory is in.
func repositoryAround(dir string) (root string, ok bool) {
	for root = dir; ; root = filepath.Dir(root) {
		if _, err := os.Lstat(filepath.Join(root, ".git")); err == nil {
			return root, true
		}
		if root == filepath.Dir(root) {
			return "", false
		}
	}
}
