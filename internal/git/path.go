package git

import "path/filepath"

// Real is the name of a path without links, of as much of it as is there: Git looks behind none.
func Real(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return withoutLinks(abs), nil
}

// withoutLinks is Real of an absolute path.
func withoutLinks(path string) string {
	missing := ""
	for {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Join(real, missing)
		}
		above := filepath.Dir(path)
		if above == path {
			return filepath.Join(path, missing)
		}
		path, missing = above, filepath.Join(filepath.Base(path), missing)
	}
}
