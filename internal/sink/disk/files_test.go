package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
)

func TestNoNameLeadsThroughALink(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for link, to := range map[string]string{"dir": outside, "file": secret, "nothing": filepath.Join(outside, "new")} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := openFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	if _, err := files.ReadFile("dir/secret"); err == nil {
		t.Error("a file is read through a link to its directory")
	}
	var refused *diag.Mistake
	if has, err := files.Has("file", []byte("secret")); has || !errors.As(err, &refused) {
		t.Errorf("a link is compared: %t, %v", has, err)
	}
	if err := files.Create("dir/new", nil); err == nil {
		t.Error("a file is made through a link to its directory")
	}
	if err := files.Create("nothing", nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file is made through a link: %v", err)
	}
	if err := files.Remove("dir/secret"); err == nil {
		t.Error("a file is removed through a link to its directory")
	}
	if _, err := files.ReadDir("dir"); err == nil {
		t.Error("a directory is listed through a link")
	}
	if have(t, outside)["secret"] != "secret" || len(have(t, outside)) != 1 {
		t.Errorf("outside there are %v", have(t, outside))
	}
}
