//go:build unix

package disk

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestPipeInPlaceOfAFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "x/fleetwright"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "x/fleetwright/sync.yaml"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Write(dir, treeOf(t, "x", policyA), Options{})
	wantError(t, err, "x/fleetwright/sync.yaml is not a regular file")
}
