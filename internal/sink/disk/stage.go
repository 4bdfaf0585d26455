package disk

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
)

// stage writes the journal of one cluster, and then its changed files next to their places.
func (j *job) stage(files files, step func()) error {
	if j.idle() {
		return nil
	}
	own, err := j.readOwnership(files)
	if err != nil {
		return err
	}
	noted := j.owned(own)
	if j.interrupted {
		if err := j.removeLeftovers(files, noted); err != nil {
			return err
		}
	} else if j.cluster != nil {
		noted = slices.DeleteFunc(noted, own.has) // the existing inventory lists them
	}
	if err := j.checkWay(files); err != nil {
		return err
	}
	j.staging = true
	for _, dir := range j.missing {
		if err := files.Mkdir(dir); err != nil {
			return err
		}
	}
	if err := j.writeJournal(files, journal{noted}); err != nil {
		return err
	}
	made := ""
	for f := range j.changes() {
		at, top := j.stagedAt(f.Path)
		if dir := path.Dir(at); top != "" && dir != made {
			if err := makeDirs(files, top, dir); err != nil {
				return err
			}
			made = dir
		}
		if err := files.Create(at, f.Content); err != nil {
			return err
		}
		step()
	}
	// Removing files needs write permission too: test it now.
	for _, name := range j.probes() {
		if err := files.Create(name, nil); err != nil {
			return err
		}
		if err := files.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// writeJournal writes the complete journal.
func (j *job) writeJournal(files files, owned journal) error {
	data, err := json.Marshal(owned)
	if err != nil {
		return err
	}
	at := j.at(layout.JournalFile)
	if err := files.Create(layout.Staged(at), append(data, '\n')); err != nil {
		return err
	}
	return files.Rename(layout.Staged(at), at)
}

// makeDirs creates a directory and its missing parents, from the top one down.
func makeDirs(files files, top, dir string) error {
	err := files.Mkdir(dir)
	if errors.Is(err, fs.ErrNotExist) && dir != top {
		if err = makeDirs(files, top, path.Dir(dir)); err == nil {
			err = files.Mkdir(dir)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// checkWay rejects staging over files of others. Leftovers of fleetwright are removed before.
func (j *job) checkWay(files files) error {
	var names []string
	for _, dir := range slices.Sorted(maps.Keys(j.fresh)) {
		names = append(names, layout.Staged(j.at(dir)))
	}
	for _, i := range j.changed {
		if at, top := j.stagedAt(j.cluster.Path(i)); top == "" {
			names = append(names, at)
		}
	}
	for i, name := range append(names, j.probes()...) {
		info, err := files.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && i >= len(j.fresh) {
			err = checkRegular(name, info)
		}
		return cmp.Or[error](err, diag.NewMistake(name+" is in the way", "move it away: fleetwright writes its files there first"))
	}
	return nil
}

// undo removes the staged files. If it fails the journal stays, and the next run removes the rest.
func (j *job) undo(files files) error {
	if !j.staging {
		return nil
	}
	own, err := j.readOwnership(files)
	if err != nil {
		return err
	}
	if err := cmp.Or(j.removeLeftovers(files, j.owned(own)), j.checkWay(files)); err != nil {
		return err
	}
	if j.interrupted {
		return nil // the journal lists files that still exist
	}
	if err := removeRegular(files, j.at(layout.JournalFile)); err != nil {
		return err
	}
	for _, dir := range slices.Backward(j.missing) {
		_ = files.Remove(dir)
	}
	return nil
}

// stagedAt returns the path at which a file is staged, and the topmost directory staged for it, if any.
func (j *job) stagedAt(file string) (name, top string) {
	at := j.at(file)
	if top := j.freshAbove(file); top != "" {
		top := j.at(top)
		return layout.Staged(top) + at[len(top):], layout.Staged(top)
	}
	return layout.Staged(at), ""
}

// probes returns files that test whether the directories of removed files are writable.
func (j *job) probes() []string {
	names := map[string]bool{}
	for _, f := range j.removed {
		names[probe(path.Dir(j.at(f)))] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// removeLeftovers removes staged copies of owned files that this run or an interrupted one may have left.
func (j *job) removeLeftovers(files files, owned []string) error {
	names := map[string]bool{layout.Staged(j.at(layout.JournalFile)): true}
	emptied := map[string]bool{}
	for _, f := range owned {
		at := j.at(f)
		names[layout.Staged(at)] = true
		names[probe(path.Dir(at))] = true
		for dir := path.Dir(f); dir != "."; dir = path.Dir(dir) {
			top := layout.Staged(j.at(dir))
			info, err := files.Lstat(top)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err != nil || !info.IsDir() { // checkWay reports anything else in the way
				continue
			}
			name := top + f[len(dir):]
			names[name] = true
			for above := path.Dir(name); len(above) >= len(top); above = path.Dir(above) {
				emptied[above] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if err := removeRegular(files, name); err != nil {
			return err
		}
	}
	removeAllEmpty(files, emptied)
	return nil
}

// probe is the name of the file that tests whether a directory is writable.
func probe(dir string) string { return path.Join(dir, ".probe"+layout.StagedSuffix) }
