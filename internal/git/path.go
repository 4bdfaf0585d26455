package git

import "path/filepath"

// Real returns a path without links, for its existing part: Git does not follow links.
func Real(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return withoutLinks(abs), nil
}

// withoutLinks is Real for an absolute path.
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
