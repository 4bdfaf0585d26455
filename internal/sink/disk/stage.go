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
)

// stage writes the changed files of one cluster beside their places, and before them the journal.
func (p *plan) stage(files files, step func()) error {
	if p.idle() {
		return nil
	}
	own, err := p.readOwnership(files)
	if err != nil {
		return err
	}
	noted := p.owned(own)
	if p.interrupted {
		if err := p.removeLeftovers(files, noted); err != nil {
			return err
		}
	} else if p.cluster != nil {
		noted = slices.DeleteFunc(noted, own.has) // the inventory that is there has them
	}
	if err := p.checkWay(files); err != nil {
		return err
	}
	p.staging = true
	for _, dir := range p.missing {
		if err := files.Mkdir(dir); err != nil {
			return err
		}
	}
	if err := p.writeJournal(files, journal{noted}); err != nil {
		return err
	}
	made := ""
	for f := range p.changes() {
		at, top := p.stagedAt(f.Path)
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
	// Where files are only removed, permission must be there as well.
	for _, name := range p.probes() {
		if err := files.Create(name, nil); err != nil {
			return err
		}
		if err := files.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// writeJournal writes the journal, whole.
func (p *plan) writeJournal(files files, j journal) error {
	data, err := json.Marshal(j)
	if err != nil {
		return err
	}
	at := p.at(journalFile)
	if err := files.Create(staged(at), append(data, '\n')); err != nil {
		return err
	}
	return files.Rename(staged(at), at)
}

// makeDirs makes a directory, and those down to it from the top one, where they are not there yet.
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

// checkWay refuses to stage where something is in the way, which is not fleetwright's: what
// a killed run has left is gone by now.
func (p *plan) checkWay(files files) error {
	var names []string
	for _, dir := range slices.Sorted(maps.Keys(p.fresh)) {
		names = append(names, staged(p.at(dir)))
	}
	for _, i := range p.changed {
		if at, top := p.stagedAt(p.path(i)); top == "" {
			names = append(names, at)
		}
	}
	for i, name := range append(names, p.probes()...) {
		info, err := files.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && i >= len(p.fresh) {
			err = checkRegular(name, info)
		}
		return cmp.Or[error](err, diag.NewMistake(name+" is in the way", "move it away: fleetwright writes its files there first"))
	}
	return nil
}

// undo removes what staging has made. Where something cannot be removed the journal stays,
// which tells the next run of it.
func (p *plan) undo(files files) error {
	if !p.staging {
		return nil
	}
	own, err := p.readOwnership(files)
	if err != nil {
		return err
	}
	if err := cmp.Or(p.removeLeftovers(files, p.owned(own)), p.checkWay(files)); err != nil {
		return err
	}
	if p.interrupted {
		return nil // the journal tells of files that are still there
	}
	if err := removeRegular(files, p.at(journalFile)); err != nil {
		return err
	}
	for _, dir := range slices.Backward(p.missing) {
		_ = files.Remove(dir)
	}
	return nil
}

// stagedAt is where a file is written before it is renamed into place, or before the
// topmost directory is that comes to be with it.
func (p *plan) stagedAt(file string) (name, top string) {
	at := p.at(file)
	if top := p.freshAbove(file); top != "" {
		top := p.at(top)
		return staged(top) + at[len(top):], staged(top)
	}
	return staged(at), ""
}

// probes are the files that show whether the directories may be changed that files are
// removed from.
func (p *plan) probes() []string {
	names := map[string]bool{}
	for _, f := range p.removed {
		names[probe(path.Dir(p.at(f)))] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// removeLeftovers removes what a run that was cut off, or is undone, may have staged of the
// files that are fleetwright's.
func (p *plan) removeLeftovers(files files, owned []string) error {
	names := map[string]bool{staged(p.at(journalFile)): true}
	tops, emptied := map[string]bool{}, map[string]bool{}
	for _, f := range owned {
		at := p.at(f)
		names[staged(at)] = true
		names[probe(path.Dir(at))] = true
		for dir := path.Dir(f); dir != "."; dir = path.Dir(dir) {
			top := staged(p.at(dir))
			isDir, looked := tops[top]
			if !looked {
				info, err := files.Lstat(top)
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
				isDir = err == nil && info.IsDir() // else checkWay refuses it, if it is in the way
				tops[top] = isDir
			}
			if !isDir {
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

// probe is the file that shows whether a directory may be changed.
func probe(dir string) string { return path.Join(dir, ".probe"+stagedSuffix) }

// staged is where a file or a directory is written before it is renamed into place.
func staged(name string) string {
	dir, base := path.Split(name)
	return dir + "." + base + stagedSuffix
}
