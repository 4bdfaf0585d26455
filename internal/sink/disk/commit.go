package disk

import (
	"maps"
	"path"
	"slices"
	"sync/atomic"

	"github.com/fleetwright/fleetwright/render/layout"
)

// A commit moves staged files into place and removes files that are gone.
type commit struct {
	// step counts a file.
	step func()
	// begun reports whether files have changed, after which only another run can complete the work.
	begun atomic.Bool
}

// cluster does one job. The inventories are the last files, and the journal is removed after them.
func (c *commit) cluster(j *job, files files) error {
	if j.idle() {
		return nil
	}
	for _, dir := range slices.Sorted(maps.Keys(j.fresh)) {
		if err := c.place(files, j.at(dir)); err != nil {
			return err
		}
	}
	isInventory := func(number int) bool { return layout.IsInventoryFile(j.cluster.Path(number)) }
	changed, inventories := partition(j.changed, isInventory)
	removed, goneInventories := partition(j.removed, layout.IsInventoryFile)
	if err := c.rename(j, files, changed); err != nil {
		return err
	}
	if err := c.prune(j, files, removed); err != nil {
		return err
	}
	if err := c.rename(j, files, inventories); err != nil {
		return err
	}
	if err := c.prune(j, files, goneInventories); err != nil {
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

// partition returns the elements that fail a test, and those that pass it.
func partition[T any](all []T, holds func(T) bool) (without, with []T) {
	for _, v := range all {
		if holds(v) {
			with = append(with, v)
		} else {
			without = append(without, v)
		}
	}
	return without, with
}

// rename moves staged files into place, except those that moved with their directory.
func (c *commit) rename(j *job, files files, changed []int) error {
	for _, i := range changed {
		if f := j.cluster.Path(i); j.freshAbove(f) == "" {
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

// prune removes files, and the directories that become empty by that or by an interrupted run.
func (c *commit) prune(j *job, files files, removed []string) error {
	emptied := map[string]bool{}
	empty := func(f string) {
		for dir := path.Dir(f); dir != "."; dir = path.Dir(dir) {
			emptied[j.at(dir)] = true
		}
	}
	for _, f := range removed {
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

// removeAllEmpty removes directories that contain nothing but each other.
func removeAllEmpty(files files, dirs map[string]bool) {
	for _, dir := range slices.Backward(slices.Sorted(maps.Keys(dirs))) { // children before their parents
		if entries, err := files.ReadDir(dir); err == nil && len(entries) == 0 {
			_ = files.Remove(dir)
		}
	}
}
