package disk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
)

// ownership is what fleetwright has written for a cluster, or may have.
type ownership struct {
	// hasInventory reports whether the inventory of the last run is there.
	hasInventory bool
	// current reports whether that is the tree's: every file of the tree is fleetwright's, and
	// need not be among the paths.
	current bool
	// interrupted reports whether a run was cut off, or is going on.
	interrupted bool
	paths       map[string]bool
}

func (o *ownership) has(file string) bool { return o.current || o.paths[file] }

// A journal lists what is fleetwright's while a run is going on.
type journal struct {
	Files []string `json:"files"`
}

// readOwnership finds what the last run has written, and one that was cut off.
func (j *job) readOwnership(files files) (*ownership, error) {
	own := &ownership{paths: map[string]bool{}}
	at := j.at(layout.InventoryFile)
	data, err := readRegular(files, at)
	if err != nil {
		return nil, err
	}
	own.hasInventory = data != nil
	own.current = own.hasInventory && j.cluster != nil && bytes.Equal(data, j.cluster.Inventory().Content)
	if own.hasInventory && !own.current {
		inventory, ok := layout.ParseInventory(data)
		if !ok {
			return nil, diag.NewMistake(at+" is not an inventory that fleetwright has written", "restore it from Git, or delete the directory and render again")
		}
		if err := own.add(at, maps.Keys(inventory.Files)); err != nil {
			return nil, err
		}
	}
	return own, j.readJournal(files, own)
}

// readJournal finds what an interrupted run may have written.
func (j *job) readJournal(files files, own *ownership) error {
	at := j.at(layout.JournalFile)
	switch _, err := files.Lstat(layout.Staged(at)); {
	case err == nil:
		own.interrupted = true // before it had a journal
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	data, err := readRegular(files, at)
	if err != nil || data == nil {
		return err
	}
	own.interrupted = true
	var listed journal
	if json.Unmarshal(data, &listed) != nil {
		return diag.NewMistake(at+" is not a journal that fleetwright has written", "delete it and render again")
	}
	return own.add(at, slices.Values(listed.Files))
}

// add notes the paths that an inventory or a journal names, unless one leads elsewhere.
func (o *ownership) add(list string, names iter.Seq[string]) error {
	for name := range names {
		if !fs.ValidPath(name) || !filepath.IsLocal(name) || name == "." {
			return diag.NewMistake(fmt.Sprintf("%s names %q, which is not in its directory", list, name), "restore the file from Git")
		}
		if name != layout.InventoryFile {
			o.paths[name] = true
		}
	}
	return nil
}

// owned returns all paths that are, were or will be fleetwright's, sorted.
func (j *job) owned(own *ownership) []string {
	all := j.wantedPaths()
	maps.Copy(all, own.paths)
	if j.part {
		// Another shard may have been cut off.
		for f := range j.wholeSums() {
			all[f] = true
		}
	}
	all[layout.InventoryFile] = true
	return slices.Sorted(maps.Keys(all))
}

// isWritten reports whether a directory is a <cluster>/fleetwright of a completed or interrupted
// run. What may not be looked into, is behind a link, or has another inventory is somebody else's.
func isWritten(files files, dir string) (bool, error) {
	for _, name := range layout.Journals() {
		if _, err := files.Lstat(path.Join(dir, name)); err == nil {
			return true, nil
		} else if err := unlessForeign(err); err != nil {
			return false, err
		}
	}
	inventory, err := readRegular(files, path.Join(dir, layout.InventoryFile))
	return layout.IsInventory(inventory), unlessForeign(err)
}

// unlessForeign drops the errors by which a directory shows that it is somebody else's.
func unlessForeign(err error) error {
	var refused *diag.Mistake
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.As(err, &refused) {
		return nil
	}
	return err
}
