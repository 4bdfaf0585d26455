package main

import (
	"os"
	"path/filepath"
	"strings"
)

// pathInRepository is the place of a directory, which need not exist, in the Git
// repository around it. Without one it is nothing: the directory is then taken
// for a repository's root.
func pathInRepository(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	// Follow links, of as much of it as exists.
	missing := ""
	for {
		real, err := filepath.EvalSymlinks(dir)
		if err == nil {
			dir = real
			break
		}
		missing = filepath.Join(filepath.Base(dir), missing)
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
	root, ok := repositoryAround(dir)
	if !ok {
		return ""
	}
	rel, err := filepath.Rel(root, filepath.Join(dir, missing))
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
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
