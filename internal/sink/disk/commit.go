package disk

import (
	"maps"
	"path"
	"slices"
	"sync/atomic"

	"github.com/fleetwright/fleetwright/render/layout"
)

// A commit renames what was staged into place and removes what is gone.
type commit struct {
	// step counts a file.
	step func()
	// begun reports whether files have changed, so that only another run can complete the work.
	begun atomic.Bool
}

// cluster does one job. The inventory is the last file, and the journal is removed after it.
func (c *commit) cluster(j *job, files files) error {
	if j.idle() {
		return nil
	}
	for _, dir := range slices.Sorted(maps.Keys(j.fresh)) {
		if err := c.place(files, j.at(dir)); err != nil {
			return err
		}
	}
	changed, inventory := j.changed, []int(nil)
	if n := len(changed) - 1; n >= 0 && j.path(changed[n]) == layout.InventoryFile {
		changed, inventory = changed[:n], changed[n:]
	}
	if err := c.rename(j, files, changed); err != nil {
		return err
	}
	if err := c.prune(j, files); err != nil {
		return err
	}
	if err := c.rename(j, files, inventory); err != nil {
		return err
	}
	if err := removeRegular(files, j.at(layout.JournalFile)); err != nil {
		return err
	}
	if j.cluster == nil {
		removeAllEmpty(files, map[string]bool{j.base: true, j.name: true})
	}
	return nil
}

// rename moves staged files into place, but for those that came with their directory.
func (c *commit) rename(j *job, files files, changed []int) error {
	for _, i := range changed {
		if f := j.path(i); j.freshAbove(f) == "" {
			if err := c.place(files, j.at(f)); err != nil {
				return err
			}
		}
		c.step()
	}
	return nil
}

// place moves a file or a directory to its place.
func (c *commit) place(files files, name string) error {
	err := files.Rename(layout.Staged(name), name)
	if err == nil {
		c.begun.Store(true)
	}
	return err
}

// prune removes files, and the directories that it, or a run that was cut off, has left empty.
func (c *commit) prune(j *job, files files) error {
	emptied := map[string]bool{}
	empty := func(f string) {
		for dir := path.Dir(f); dir != "."; dir = path.Dir(dir) {
			emptied[j.at(dir)] = true
		}
	}
	for _, f := range j.removed {
		if err := files.Remove(j.at(f)); err != nil {
			return err
		}
		c.begun.Store(true)
		c.step()
		empty(f)
	}
	if j.interrupted {
		own, err := j.readOwnership(files)
		if err != nil {
			return err
		}
		for _, f := range j.owned(own) {
			empty(f)
		}
	}
	removeAllEmpty(files, emptied)
	return nil
}

// removeAllEmpty removes directories that have nothing in them but each other.
func removeAllEmpty(files files, dirs map[string]bool) {
	for _, dir := range slices.Backward(slices.Sorted(maps.Keys(dirs))) { // what is below one is before it
		if entries, err := files.ReadDir(dir); err == nil && len(entries) == 0 {
			_ = files.Remove(dir)
		}
	}
}
