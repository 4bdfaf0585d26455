package disk

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"
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
	if err := c.rename(p, files); err != nil {
		return err
	}
	if err := c.prune(p, files); err != nil {
		return err
	}
	if at := p.at(layout.InventoryFile); p.cluster != nil && slices.Contains(p.changed, p.cluster.Len()) {
		if err := files.Rename(staged(at), at); err != nil {
			return err
		}
		c.did()
	}
	if err := removeRegular(files, p.at(journalFile)); err != nil {
		return err
	}
	if p.cluster == nil {
		removeEmpty(files, p.base)
		removeEmpty(files, p.name)
	}
	return nil
}

// did notes that a file was put into place or removed.
func (c *commit) did() {
	c.begun.Store(true)
	c.step()
}

// rename moves what was staged into place, but for the inventory.
func (c *commit) rename(p *plan, files files) error {
	for _, dir := range slices.Sorted(maps.Keys(p.fresh)) {
		at := p.at(dir)
		if err := files.Rename(staged(at), at); err != nil {
			return err
		}
		c.begun.Store(true)
	}
	for _, i := range p.changed {
		f := p.path(i)
		if f == layout.InventoryFile {
			break
		}
		if p.freshAbove(f) == "" {
			at := p.at(f)
			if err := files.Rename(staged(at), at); err != nil {
				return err
			}
		}
		c.did()
	}
	return nil
}

// prune removes files, and the directories that it, or a run that was cut off,
// has left empty.
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
		c.did()
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
	deepestFirst := slices.SortedFunc(maps.Keys(dirs), func(a, b string) int {
		return cmp.Or(-cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")), cmp.Compare(a, b))
	})
	for _, dir := range deepestFirst {
		removeEmpty(files, dir)
	}
}

// removeEmpty removes a directory that has nothing in it.
func removeEmpty(files files, dir string) {
	if entries, err := files.ReadDir(dir); err == nil && len(entries) == 0 {
		_ = files.Remove(dir)
	}
}
