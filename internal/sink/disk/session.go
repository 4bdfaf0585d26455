package disk

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/fleetwright/fleetwright/render"
)

// A Session writes one directory again and again, and remembers what it has left there.
type Session struct {
	dir string
	// tree is the one of the last write, or nil.
	tree *render.Tree
	// inventories are the files of the clusters after it.
	inventories map[string]fs.FileInfo
	// update says that what the last write has left is taken to be there.
	update bool
}

// NewSession is for a directory that was not written yet.
func NewSession(dir string) *Session { return &Session{dir: dir} }

// Write is the function of that name.
func (s *Session) Write(tree *render.Tree, opts Options) (Summary, error) {
	return writeDir(s.dir, tree, opts, s)
}

// Update writes what a tree has otherwise than the one before, and takes all else to be
// as the last write has left it. Of a cluster whose inventory somebody has touched it
// takes nothing so, but other files that were changed by hand, and links in their places,
// are seen by Write alone: it does not take the place of that, but comes before it.
func (s *Session) Update(tree *render.Tree, opts Options) (Summary, error) {
	s.update = true
	defer func() { s.update = false }()
	return writeDir(s.dir, tree, opts, s)
}

// deltas are what makes a tree of the last one, by cluster.
func (s *Session) deltas(tree *render.Tree) map[string]render.Delta {
	if s == nil || !s.update || s.tree == nil {
		return nil
	}
	deltas := map[string]render.Delta{}
	for _, d := range tree.Deltas(s.tree) {
		if d.Old != nil && d.New != nil {
			deltas[d.New.Name] = d
		}
	}
	return deltas
}

// make makes the plan of a cluster without a look at what is the same in both trees. It
// reports false where that must be looked at.
func (s *Session) make(p *plan, d render.Delta, files files) (made bool, err error) {
	// What goes may be too much of what is still there.
	if d.New == nil || slices.ContainsFunc(d.Files, func(f render.FileDelta) bool { return f.New < 0 }) {
		return false, nil
	}
	info, err := files.Lstat(p.at(render.InventoryFile))
	if err != nil || !sameFile(s.inventories[p.name], info) {
		return false, nil
	}
	for _, name := range []string{journalFile, staged(journalFile)} {
		if _, err := files.Lstat(p.at(name)); !errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
	}
	return true, p.makeOf(d, files)
}

// makeOf compares what a delta names with what is there.
func (p *plan) makeOf(d render.Delta, files files) error {
	p.files, p.there, p.hasInventory = d.New.Len()+1, d.Old.Len(), true
	p.fresh = map[string]bool{}
	known := dirs{files: files, missing: map[string]string{".": ""}}
	own := &ownership{paths: map[string]bool{}}
	for _, f := range d.Files {
		file := d.New.File(f.New)
		if f.Old >= 0 {
			p.there--
			own.paths[file.Path] = true
		} else {
			p.added = append(p.added, file.Path)
		}
		if err := p.compare(files, &known, own, f.New, file); err != nil {
			return err
		}
	}
	if d.Inventory {
		p.changed.add(d.New.Len())
	}
	return nil
}

// remember notes what a write has left.
func (s *Session) remember(w workers, plans []*plan, tree *render.Tree) error {
	if s == nil {
		return nil
	}
	s.tree, s.inventories = tree, map[string]fs.FileInfo{}
	for _, p := range plans {
		if p.cluster == nil {
			continue
		}
		info, err := w[0].Lstat(path.Join(p.base, render.InventoryFile))
		if err != nil {
			return err
		}
		s.inventories[p.name] = info
	}
	w[0].Release()
	return nil
}

// sameFile says whether a file was not touched since.
func sameFile(before, now fs.FileInfo) bool {
	return before != nil && before.ModTime().Equal(now.ModTime()) && before.Size() == now.Size()
}
