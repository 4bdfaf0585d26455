package disk

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
)

// ownership holds the files that fleetwright has, or may have, written for a cluster.
type ownership struct {
	// inventories maps the paths of the existing inventories to whether they equal the tree's.
	inventories map[string]bool
	// interrupted reports whether a run was interrupted, or is still running.
	interrupted bool
	// paths are the paths in the journal, and in the inventories that differ from the tree's.
	paths map[string]bool
	// left are the files that waiting clusters of a hub keep after an interrupted run. begun are the files that
	// the run has begun to write for them: the journal lists these, but no inventory does.
	left, begun map[string]bool
	// current are the contents of the other inventories. Their paths are parsed on demand.
	current [][]byte
}

// has reports whether a file belongs to fleetwright.
func (o *ownership) has(file string) bool {
	if !o.paths[file] && len(o.current) > 0 {
		for _, data := range o.current {
			for _, name := range layout.InventoryFiles(data) {
				o.paths[name] = true
			}
		}
		o.current = nil
	}
	return o.paths[file]
}

// A journal lists the files of fleetwright during a run.
type journal struct {
	Files []string `json:"files"`
}

// readOwnership finds the files of the last run, and of an interrupted one.
func (j *job) readOwnership(files files) (*ownership, error) {
	own := &ownership{inventories: map[string]bool{}, paths: map[string]bool{}, left: map[string]bool{}, begun: map[string]bool{}}
	wanted := map[string][]byte{}
	if j.cluster != nil {
		whole := j.cluster.Whole()
		for i := range whole.Len() {
			if f := whole.Path(i); layout.IsInventoryFile(f) && !j.leaves(f) {
				wanted[f] = whole.Content(i)
			}
		}
	}
	possible, err := j.possibleInventories(files)
	for _, f := range possible {
		if err == nil && !j.leaves(f) {
			err = j.readInventory(files, own, f, wanted[f])
		}
	}
	// A merge may have removed the cluster's inventory; shared files then belong to the applications.
	prefixes := map[string]bool{}
	for f := range own.inventories {
		prefix, _, ofApp := strings.Cut(f, layout.AppsDir+"/")
		if _, ok := own.inventories[prefix+layout.InventoryFile]; ofApp && !ok {
			prefixes[prefix] = true
		}
	}
	for prefix := range prefixes {
		for _, pattern := range layout.SharedFiles() {
			if err == nil {
				err = j.expand(files, own, prefix+pattern)
			}
		}
	}
	if err == nil {
		err = j.readJournal(files, own)
	}
	if err == nil && own.interrupted {
		err = j.findLeft(files, own, possible)
	}
	if err != nil {
		return nil, err
	}
	return own, nil
}

// readInventory reads an inventory, if it exists, and compares it with the one in the tree, if any.
func (j *job) readInventory(files files, own *ownership, file string, wanted []byte) error {
	at := j.at(file)
	if wanted != nil {
		switch same, err := files.Has(at, wanted); {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case same:
			own.inventories[file] = true
			own.current = append(own.current, wanted)
			return j.expandAll(files, own, wanted)
		}
	}
	data, err := readRegular(files, at)
	switch {
	case err != nil || data == nil:
		return err
	case layout.IsInventory(data):
		own.inventories[file] = false
		if err := own.add(at, layout.InventoryFiles(data)); err != nil {
			return err
		}
		return j.expandAll(files, own, data)
	case wanted != nil:
		return diag.NewMistake(at+" is not an inventory that fleetwright has written", "restore it from Git, or move it away")
	}
	return nil // another tool's
}

// expandAll adds the existing files that match the patterns in an inventory.
func (j *job) expandAll(files files, own *ownership, inventory []byte) error {
	if !bytes.Contains(inventory, []byte("*")) {
		return nil
	}
	for _, pattern := range layout.InventoryFiles(inventory) {
		if strings.Contains(path.Base(pattern), "*") {
			if err := j.expand(files, own, pattern); err != nil {
				return err
			}
		}
	}
	return nil
}

// expand adds the existing files that match a pattern.
func (j *job) expand(files files, own *ownership, pattern string) error {
	dir, base := path.Split(pattern)
	entries, err := j.readDir(files, path.Clean(dir))
	for _, e := range entries {
		if ok, _ := path.Match(base, e.Name()); ok && !e.IsDir() {
			own.paths[dir+e.Name()] = true
		}
	}
	return err
}

// readDir returns the entries of a directory, or nil if it does not exist.
func (j *job) readDir(files files, dir string) ([]fs.DirEntry, error) {
	if there, err := isDir(files, j.at(dir)); !there {
		return nil, err
	}
	return files.ReadDir(j.at(dir))
}

// possibleInventories returns the possible paths of inventories: the cluster's, those of its applications,
// and on a hub those of its clusters.
func (j *job) possibleInventories(files files) (all []string, err error) {
	if there, err := isDir(files, j.base); !there {
		return nil, err
	}
	below := func(dir string) (of []string) {
		entries, e := j.readDir(files, dir)
		err = cmp.Or(err, e)
		for _, e := range entries {
			if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
				of = append(of, dir+"/"+e.Name()+"/")
			}
		}
		return of
	}
	clusters := below(layout.ClustersDir)
	dirs := slices.Concat([]string{""}, clusters, below(layout.AppsDir))
	for _, cluster := range clusters {
		dirs = append(dirs, below(cluster+layout.AppsDir)...)
	}
	all = append(all, layout.FormerInventoryFile)
	for _, dir := range dirs {
		all = append(all, dir+layout.InventoryFile)
	}
	return all, err
}

// readJournal finds the files that an interrupted run may have written.
func (j *job) readJournal(files files, own *ownership) error {
	at := j.at(layout.JournalFile)
	switch _, err := files.Lstat(layout.Staged(at)); {
	case err == nil:
		own.interrupted = true // it wrote no journal yet
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
	return own.add(at, listed.Files)
}

// add adds the paths in an inventory or a journal. A path outside the directory is an error.
func (o *ownership) add(list string, names []string) error {
	for _, name := range names {
		if !fs.ValidPath(name) || !filepath.IsLocal(name) || name == "." {
			return diag.NewMistake(fmt.Sprintf("%s names %q, which is outside its directory", list, name), "restore the file from Git")
		}
		o.paths[name] = true
	}
	return nil
}

// owned returns all paths that are, were or will be fleetwright's, sorted.
func (j *job) owned(own *ownership) []string {
	own.has("") // parses the current inventories
	all := maps.Clone(own.paths)
	maps.Copy(all, own.left)
	for f := range own.inventories {
		all[f] = true
	}
	if j.cluster != nil {
		for f := range j.cluster.Whole().Paths() { // another shard may have been interrupted
			if !j.leaves(f) {
				all[f] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// isWritten reports whether a directory is a <cluster>/fleetwright of a completed or interrupted
// run, or the rest that a merge has left of one. A directory that cannot be read, is behind a link, or has
// another tool's inventory belongs to somebody else.
func isWritten(files files, dir string) (bool, error) {
	for _, name := range layout.Journals() {
		if _, err := files.Lstat(path.Join(dir, name)); err == nil {
			return true, nil
		} else if err := unlessForeign(err); err != nil {
			return false, err
		}
	}
	possible, err := (&job{base: dir}).possibleInventories(files)
	for _, f := range possible {
		var data []byte
		if err == nil {
			data, err = readRegular(files, path.Join(dir, f))
		}
		if err := unlessForeign(err); err != nil || layout.IsInventory(data) {
			return err == nil, err
		}
		err = nil
	}
	return false, unlessForeign(err)
}

// unlessForeign drops the errors that mean that a directory belongs to somebody else.
func unlessForeign(err error) error {
	var refused *diag.Mistake
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.As(err, &refused) {
		return nil
	}
	return err
}
