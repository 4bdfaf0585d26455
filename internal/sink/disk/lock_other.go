//go:build !windows

package disk

import (
	"os"

	"github.com/gofrs/flock"
)

// lockOf returns the lock of a directory: the directory itself, so no file is left behind.
func lockOf(dir string) (*flock.Flock, error) {
	return flock.New(dir, flock.SetFlag(os.O_RDONLY)), nil
}
