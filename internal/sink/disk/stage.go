package disk

import (
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
)

// stage writes the changed files of one cluster beside their places.
func (p *plan) stage(files files, progress *progress) error {
	if p.idle() {
		return nil
	}
	noted, err := p.toNote(files)
	if err != nil {
		return err
	}
	if p.interrupted {
		if err := p.removeLeftovers(files, noted); err != nil {
			return err
		}
	}
	data, err := json.Marshal(journal{noted})
	if err != nil {
		return err
	}
	for s := range p.steps() {
		if s.kind == stepJournal {
			s.content = append(data, '\n')
		}
		err := s.take(files)
		if !errors.As(err, &notMade{}) {
			p.staged++ // after another error there may be a part of it
		}
		if err != nil {
			return p.inTheWay(files, s, err)
		}
		if s.kind == stepFile {
			progress.step()
		}
	}
	return nil
}

// toNote are the paths that belong into the journal: with the inventory that is there, it
// tells everything that is or will be fleetwright's.
func (p *plan) toNote(files files) ([]string, error) {
	switch {
	case p.interrupted, p.cluster == nil:
		return p.owned(files) // the inventory goes, or an earlier journal tells of more
	case p.allAdded:
		return slices.Collect(p.cluster.Paths()), nil
	}
	return p.added, nil
}

// inTheWay explains an error of a step where something is in its place.
func (p *plan) inTheWay(files files, s step, err error) error {
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	// What a killed run has left is gone by now.
	name := s.name
	if s.kind == stepJournal {
		name = staged(name)
	}
	if info, err := files.Lstat(name); err == nil && s.kind != stepDir {
		if err := checkRegular(name, info); err != nil {
			return err
		}
	}
	return &Error{name + " is in the way", "move it away: fleetwright writes its files there first"}
}

// A step is what staging makes in one go.
type step struct {
	kind    stepKind
	name    string
	content []byte
}

type stepKind int

const (
	stepDir stepKind = iota
	stepFile
	// stepJournal is staged and put into place at once.
	stepJournal
	// stepProbe is removed at once.
	stepProbe
)

// steps are all that staging makes, in order: the journal is there before any other
// file, and each directory before what is in it. They follow from the plan, so that
// what was made needs not be remembered.
func (p *plan) steps() iter.Seq[step] {
	return func(yield func(step) bool) {
		for _, dir := range p.missing {
			if !yield(step{kind: stepDir, name: dir}) {
				return
			}
		}
		if !yield(step{kind: stepJournal, name: p.at(journalFile)}) {
			return
		}
		made := map[string]bool{}
		for f := range p.changes() {
			at, top := p.stagedAt(f.Path)
			for _, dir := range missingBetween(top, path.Dir(at), made) {
				if !yield(step{kind: stepDir, name: dir}) {
					return
				}
			}
			if !yield(step{stepFile, at, f.Content}) {
				return
			}
		}
		// Where files are only removed, permission must be there as well.
		for _, dir := range p.shrinking() {
			if !yield(step{kind: stepProbe, name: probe(dir)}) {
				return
			}
		}
	}
}

// take takes a step.
func (s step) take(files files) error {
	switch s.kind {
	case stepDir:
		return files.Mkdir(s.name)
	case stepJournal:
		if err := files.Create(staged(s.name), s.content); err != nil {
			return err
		}
		return files.Rename(staged(s.name), s.name)
	case stepProbe:
		if err := files.Create(s.name, nil); err != nil {
			return err
		}
		return files.Remove(s.name)
	}
	return files.Create(s.name, s.content)
}

// undo removes what staging has made, the last first. Where something cannot be removed
// the journal stays, which tells the next run of it.
func (p *plan) undo(files files) error {
	var made []step
	for s := range p.steps() {
		if len(made) == p.staged {
			break
		}
		made = append(made, step{kind: s.kind, name: s.name})
	}
	clean := true
	remove := func(name string) {
		if files.Remove(name) != nil {
			_, err := files.Lstat(name)
			clean = clean && errors.Is(err, fs.ErrNotExist)
		}
	}
	for _, s := range slices.Backward(made) {
		if s.kind == stepJournal {
			remove(staged(s.name))
			if p.interrupted || !clean {
				break // it tells of files that are still there
			}
		}
		remove(s.name)
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

// freshAbove is the directory that comes to be with a file, or nothing.
func (p *plan) freshAbove(file string) string {
	if len(p.fresh) == 0 {
		return ""
	}
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		if p.fresh[dir] {
			return dir
		}
	}
	return ""
}

// missingBetween are the directories from the top one down to another that were not
// made yet. They are made then.
func missingBetween(top, dir string, made map[string]bool) (missing []string) {
	for ; top != "" && !made[dir]; dir = path.Dir(dir) {
		made[dir] = true
		missing = append(missing, dir)
		if dir == top {
			break
		}
	}
	slices.Reverse(missing)
	return missing
}

// shrinking are the directories that files are removed from.
func (p *plan) shrinking() []string {
	dirs := map[string]bool{}
	for _, f := range p.removed {
		dirs[path.Dir(p.at(f))] = true
	}
	return slices.Sorted(maps.Keys(dirs))
}

// removeLeftovers removes what a run that was cut off may have staged of the files
// that are fleetwright's.
func (p *plan) removeLeftovers(files files, owned []string) error {
	names := map[string]bool{staged(p.at(journalFile)): true}
	dirs := map[string]bool{}
	for _, f := range owned {
		at := p.at(f)
		names[staged(at)] = true
		names[probe(path.Dir(at))] = true
		for dir := path.Dir(f); dir != "." && !dirs[dir]; dir = path.Dir(dir) {
			dirs[dir] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if err := removeRegular(files, name); err != nil {
			return err
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		top := staged(p.at(dir))
		info, err := files.Lstat(top)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if !info.IsDir() {
			continue // staging says that it is in the way, if it is
		}
		if err := p.removeStaged(files, dir, owned); err != nil {
			return err
		}
	}
	return nil
}

// removeStaged removes a directory that was staged, as far as what is in it is of the
// files that are fleetwright's.
func (p *plan) removeStaged(files files, dir string, owned []string) error {
	top := staged(p.at(dir))
	emptied := map[string]bool{top: true}
	first, _ := slices.BinarySearch(owned, dir+"/")
	for _, f := range owned[first:] {
		rest, ok := strings.CutPrefix(f, dir+"/")
		if !ok {
			break // they are sorted
		}
		if err := removeRegular(files, top+"/"+rest); err != nil {
			return err
		}
		for above := path.Dir(rest); above != "."; above = path.Dir(above) {
			emptied[top+"/"+above] = true
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

// removeRegular removes a file if it is there.
func removeRegular(files files, name string) error {
	info, err := files.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = checkRegular(name, info)
	}
	if err != nil {
		return err
	}
	return files.Remove(name)
}
