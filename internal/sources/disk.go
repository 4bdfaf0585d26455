package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fleetwright/fleetwright/internal/git"
	"github.com/fleetwright/fleetwright/internal/inputs"
)

// maxNames limits the files and directories in a directory.
const maxNames = 500_000

var (
	errTooLarge = fmt.Errorf("too large: all sources together may have at most %d MiB", inputs.MaxBytes>>20)
	errTooMany  = fmt.Errorf("it has more than %d files; name only the directory of the source", maxNames)
	errNoFile   = errors.New("it is not a regular file here")
)

// A disk reads the files of a directory.
type disk struct {
	finder *Finder
	root   *os.Root
	// dir is the real name of the root.
	dir string
}

// file returns the content of a regular file. Links are not regular files, even if Git tracks them.
func (d *disk) file(name string) ([]byte, error) {
	at := filepath.FromSlash(name)
	info, err := d.root.Lstat(at)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	if err := d.finder.count(filepath.Join(d.dir, at), info.Size()); err != nil {
		return nil, err
	}
	f, err := d.root.Open(at)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, info.Size()))
}

// walk lists all regular files in a directory except Git's own. It follows no links.
func walk(ctx context.Context, root *os.Root) (files []git.Listed, err error) {
	n := 0
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if n++; n > maxNames {
			return errTooMany
		}
		switch {
		case entry.Name() == ".git" && entry.IsDir():
			return fs.SkipDir
		case entry.Name() != ".git" && entry.Type().IsRegular():
			files = append(files, git.Listed{Name: name})
		}
		return ctx.Err()
	})
	return files, err
}
