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
	// begun reports whether a file is no longer as it was, so that only another run
	// can make the directory whole.
	begun atomic.Bool
}

// cluster commits the plan of one cluster. The inventory is the last of the
// files, the journal goes after it.
func (c *commit) cluster(p *plan, files files) error {
	if p.idle() {
		return nil
	}
	for _, dir := range slices.Sorted(maps.Keys(p.fresh)) {
		if err := c.place(files, p.at(dir)); err != nil {
			return err
		}
	}
	changed, inventory := p.changed, []int(nil)
	if n := len(changed) - 1; n >= 0 && p.path(changed[n]) == layout.InventoryFile {
		changed, inventory = changed[:n], changed[n:]
	}
	if err := c.rename(p, files, changed); err != nil {
		return err
	}
	if err := c.prune(p, files); err != nil {
		return err
	}
	if err := c.rename(p, files, inventory); err != nil {
		return err
	}
	if err := removeRegular(files, p.at(journalFile)); err != nil {
		return err
	}
	if p.cluster == nil {
		removeAllEmpty(files, map[string]bool{p.base: true, p.name: true})
	}
	return nil
}

// rename moves files into place that were staged beside it. Others are there by now, with
// their directory.
func (c *commit) rename(p *plan, files files, changed []int) error {
	for _, i := range changed {
		if f := p.path(i); p.freshAbove(f) == "" {
			if err := c.place(files, p.at(f)); err != nil {
				return err
			}
		}
		c.step()
	}
	return nil
}

// place moves a file or a directory to its place.
func (c *commit) place(files files, name string) error {
	err := files.Rename(staged(name), name)
	if err == nil {
		c.begun.Store(true)
	}
	return err
}

// prune removes files, and the directories that it, or a run that was cut off, has left empty.
func (c *commit) prune(p *plan, files files) error {
	emptied := map[string]bool{}
	empty := func(f string) {
		for dir := path.Dir(f); dir != "."; dir = path.Dir(dir) {
			emptied[p.at(dir)] = true
		}
	}
	for _, f := range p.removed {
		if err := files.Remove(p.at(f)); err != nil {
			return err
		}
		c.begun.Store(true)
		c.step()
		empty(f)
	}
	if p.interrupted {
		own, err := p.readOwnership(files)
		if err != nil {
			return err
		}
		for _, f := range p.owned(own) {
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
