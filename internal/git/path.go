package git

import "path/filepath"

// Real is the name of a path without links, of as much of it as is there: Git does not
// look behind them.
func Real(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	missing := ""
	for {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Join(real, missing), nil
		}
		above := filepath.Dir(path)
		if above == path {
			return filepath.Join(path, missing), nil
		}
		path, missing = above, filepath.Join(filepath.Base(path), missing)
	}
}
