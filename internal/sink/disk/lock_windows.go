package disk

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// lockOf returns the lock of a directory. Windows locks files only, so it is a file for temporary
// files that is named after the directory.
func lockOf(dir string) (*flock.Flock, error) {
	real, err := filepath.Abs(dir)
	if err == nil {
		real, err = filepath.EvalSymlinks(real)
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(strings.ToLower(real)))
	return flock.New(filepath.Join(os.TempDir(), "fleetwright-"+hex.EncodeToString(sum[:])+".lock")), nil
}
