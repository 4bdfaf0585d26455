// Package disk writes a tree of manifests into a directory so that nothing is
// lost.
//
// Only DIR/<cluster>/fleetwright is touched, and of that only what fleetwright
// has written: the inventory of the last run says what that is. A run goes
// through three phases:
//
//  1. Plan: compare what is there with what shall be. Nothing is written.
//  2. Stage: note in a journal every path that is or will be fleetwright's, then
//     write each changed file beside its place. A full disk or a missing
//     permission shows here, and the run undoes what it has staged.
//  3. Commit: rename the staged files into place, remove what is gone, and
//     rename the inventory last. A run killed here leaves whole files only, and
//     the journal, by which the next run knows what the killed one has left.
//
// Directories are opened through [os.Root], and a symbolic link on the way to a
// file is refused, so no name leads out of DIR or to another cluster.
package disk

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/gofrs/flock"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
)

// Options of a write.
type Options struct {
	// AllowPrune lets a run empty a cluster, or remove more than half of its
	// files.
	AllowPrune bool
	// Waiting is called once when another run is writing the same directory,
	// before waiting for it to end. It may be nil.
	Waiting func()
	// Progress is called after each file that was staged, put into place or removed,
	// with how many of these there are to do. It may be nil.
	Progress func(done, total int)
}

// A Summary says what a write has done.
type Summary struct {
	// Clusters that have files now.
	Clusters int
	// Files that they have, and how many of these were written.
	Files, Written int
	// Removed files.
	Removed int
	// WrittenNames and RemovedNames are their names below DIR, with slashes.
	WrittenNames, RemovedNames []string
	// Repaired are the clusters where an earlier run was cut off.
	Repaired []string
}

// An Error is a mistake of the user's, or of the directory.
type Error struct {
	// Message says what is wrong.
	Message string
	// Hint says what to do about it.
	Hint string
}

func (e *Error) Error() string { return e.Message }

const (
	// journalFile lists the paths that are fleetwright's while a run is going
	// on, and after one that was cut off.
	journalFile = ".journal.json"
	// stagedSuffix is that of a staged file: .<name>.staged, which neither Flux
	// nor kustomize reads.
	stagedSuffix = ".staged"
)

// Write makes a directory hold a tree. It creates the directory where there is
// none. On an error before the commit everything is as it was.
func Write(dir string, tree *render.Tree, opts Options) (s Summary, err error) {
	created, err := makeDir(dir)
	defer func() {
		if err != nil {
			removeAll(created)
		}
	}()
	if err != nil {
		return Summary{}, err
	}
	unlock, err := lock(dir, opts.Waiting)
	if err != nil {
		return Summary{}, err
	}
	defer unlock()
	files, err := openFiles(dir)
	if err != nil {
		return Summary{}, err
	}
	defer files.Close()
	if s, err = write(files, tree, opts); err != nil {
		return Summary{}, describe(dir, err)
	}
	return s, nil
}

// makeDir makes a directory and what is above it. It returns those that it made,
// the deepest first, also where it fails.
func makeDir(dir string) (created []string, err error) {
	if created, err = missingDirs(dir); err != nil {
		return nil, err
	}
	return created, os.MkdirAll(dir, 0o777)
}

// missingDirs are a directory and those above it that are not there, the deepest first.
func missingDirs(dir string) (missing []string, err error) {
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err == nil && !info.IsDir() {
			return nil, &Error{d + " is not a directory", "name another with -o"}
		}
		isMissing := errors.Is(err, fs.ErrNotExist)
		if isMissing {
			if _, err := os.Lstat(d); err == nil {
				return nil, &Error{d + " is a link that leads to nothing", "remove it, or name another with -o"}
			}
			missing = append(missing, d)
		}
		if !isMissing && !errors.Is(err, syscall.ENOTDIR) || d == filepath.Dir(d) {
			return missing, nil
		}
	}
}

// removeAll removes directories as far as they are empty.
func removeAll(dirs []string) {
	for _, d := range dirs {
		_ = os.Remove(d)
	}
}

// lock keeps two runs from writing one directory at once. It locks the directory
// itself, so no file is left behind, and a killed run holds nothing.
func lock(dir string, waiting func()) (unlock func(), err error) {
	l := flock.New(dir, flock.SetFlag(os.O_RDONLY))
	locked, err := l.TryLock()
	if err == nil && !locked {
		if waiting != nil {
			waiting()
		}
		err = l.Lock()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", dir, err)
	}
	return func() { l.Close() }, nil
}

// describe puts the directory into an error about what is in it.
func describe(dir string, err error) error { return fmt.Errorf("%s: %w", dir, err) }

// write is Write on the open directory.
func write(files files, tree *render.Tree, opts Options) (Summary, error) {
	plans, err := planAll(files, tree)
	if err != nil {
		return Summary{}, err
	}
	if !opts.AllowPrune {
		if err := checkPrune(plans); err != nil {
			return Summary{}, err
		}
	}
	w := newWork(plans, opts.Progress)
	s := stage{files: files, work: w}
	for _, p := range plans {
		if err := s.cluster(p); err != nil {
			s.undo()
			return Summary{}, err
		}
	}
	var sum Summary
	c := commit{files: files, work: w}
	for _, p := range plans {
		if err := c.cluster(p); err != nil {
			if !c.begun {
				s.undo()
				return Summary{}, err
			}
			return Summary{}, fmt.Errorf("%w; some files are written and some are not yet: run the same command again", err)
		}
		if p.cluster != nil {
			sum.Clusters++
		}
		sum.Files += p.files
		sum.Written += len(p.changed)
		sum.Removed += len(p.removed)
		for _, f := range p.changed {
			sum.WrittenNames = append(sum.WrittenNames, path.Join(p.base, f.Path))
		}
		for _, f := range p.removed {
			sum.RemovedNames = append(sum.RemovedNames, path.Join(p.base, f))
		}
		if p.interrupted {
			sum.Repaired = append(sum.Repaired, p.name)
		}
	}
	return sum, nil
}

// work counts what a run has done.
type work struct {
	done, total int
	report      func(done, total int)
}

// newWork is what is to be done for all clusters: each changed file is staged, and put
// into place.
func newWork(plans []*plan, report func(done, total int)) *work {
	w := &work{report: report}
	for _, p := range plans {
		w.total += 2*len(p.changed) + len(p.removed)
	}
	return w
}

// step counts one file.
func (w *work) step() {
	if w.done++; w.report != nil {
		w.report(w.done, w.total)
	}
}

// A plan is what is to be done for one cluster.
type plan struct {
	name string
	// cluster is nil where the tree has no such cluster any more.
	cluster *render.Cluster
	// base is <cluster>/fleetwright.
	base string
	// files of the cluster in the tree, with the inventory.
	files int
	// there are the paths of the last run that exist.
	there []string
	// changed are the files to write, in order; the inventory is the last.
	changed []render.File
	// removed are the paths to remove, in order.
	removed []string
	// owned are all paths that are, were or will be fleetwright's.
	owned []string
	// hasInventory and interrupted: the files of the last run are there.
	hasInventory, interrupted bool
}

// idle says whether there is nothing to do.
func (p *plan) idle() bool { return len(p.changed) == 0 && len(p.removed) == 0 && !p.interrupted }

func planAll(files files, tree *render.Tree) ([]*plan, error) {
	clusters := map[string]*render.Cluster{}
	for _, c := range tree.Clusters {
		clusters[c.Name] = c
	}
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if _, ok := clusters[e.Name()]; ok || !e.IsDir() {
			continue
		}
		written, err := isWritten(files, path.Join(e.Name(), render.Dir))
		if err != nil {
			return nil, err
		}
		if written {
			clusters[e.Name()] = nil
		}
	}
	var plans []*plan
	var foreign []string
	checked := dirs{files: files, known: map[string]bool{".": true}}
	for _, name := range slices.Sorted(maps.Keys(clusters)) {
		p := &plan{name: name, cluster: clusters[name], base: path.Join(name, render.Dir)}
		theirs, err := p.make(files, &checked)
		if err != nil {
			return nil, err
		}
		foreign = append(foreign, theirs...)
		plans = append(plans, p)
	}
	if len(foreign) > 0 {
		return nil, &Error{
			fmt.Sprintf("not written by fleetwright, and in its way: %s", strings.Join(foreign, ", ")),
			"move or delete what is not fleetwright's; if it is, the inventory was lost: delete the directory and render again",
		}
	}
	return plans, nil
}

// IsOutput says whether a directory is a <cluster>/fleetwright that a run has
// written, or was writing when it was cut off.
func IsOutput(dir string) bool {
	if filepath.Base(dir) != render.Dir {
		return false
	}
	files, err := openFiles(filepath.Dir(dir))
	if err != nil {
		return false
	}
	defer files.Close()
	written, _ := isWritten(files, render.Dir)
	return written
}

// isWritten is IsOutput of a directory that is open. What may not be looked into,
// is behind a link, or has another inventory is somebody else's.
func isWritten(files files, dir string) (bool, error) {
	info, err := files.Lstat(dir)
	if err != nil || !info.IsDir() {
		return false, unlessForeign(err)
	}
	for _, name := range []string{journalFile, staged(journalFile)} {
		if _, err := files.Lstat(path.Join(dir, name)); err == nil {
			return true, nil
		} else if err := unlessForeign(err); err != nil {
			return false, err
		}
	}
	inventory, err := readRegular(files, path.Join(dir, render.InventoryFile))
	return render.IsInventory(inventory), unlessForeign(err)
}

// unlessForeign drops the errors by which a directory shows that it is somebody
// else's.
func unlessForeign(err error) error {
	var refused *Error
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.As(err, &refused) {
		return nil
	}
	return err
}

// make compares what is there with what shall be. It returns the files in the
// way that fleetwright has not written.
func (p *plan) make(files files, checked *dirs) (foreign []string, err error) {
	owned := map[string]bool{}
	if err := checked.check(p.base); err != nil {
		return nil, err
	}
	if err := p.readInventory(files, owned); err != nil {
		return nil, err
	}
	if err := p.readJournal(files, owned); err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	compare := func(f render.File) error {
		wanted[f.Path] = true
		p.files++
		at := path.Join(p.base, f.Path)
		if err := checked.check(path.Dir(at)); err != nil {
			return err
		}
		there, same, err := isSame(files, at, f.Content)
		switch {
		case err != nil:
			return err
		case same:
			return nil
		case there && !owned[f.Path] && f.Path != render.InventoryFile:
			foreign = append(foreign, at)
			return nil
		}
		p.changed = append(p.changed, f)
		return nil
	}
	if p.cluster != nil {
		for f := range p.cluster.Files() {
			if err := compare(f); err != nil {
				return nil, err
			}
		}
		if err := compare(p.cluster.Inventory()); err != nil {
			return nil, err
		}
	}
	for _, f := range slices.Sorted(maps.Keys(owned)) {
		at := path.Join(p.base, f)
		if err := checked.check(path.Dir(at)); err != nil {
			return nil, err
		}
		info, err := files.Lstat(at)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return nil, err
		}
		if err := checkRegular(at, info); err != nil {
			return nil, err
		}
		p.there = append(p.there, f)
		if !wanted[f] {
			p.removed = append(p.removed, f)
		}
	}
	if p.cluster == nil && p.hasInventory {
		p.removed = append(p.removed, render.InventoryFile)
	}
	for f := range wanted {
		owned[f] = true
	}
	p.owned = slices.Sorted(maps.Keys(owned))
	return foreign, nil
}

// readInventory finds what the last run has written.
func (p *plan) readInventory(files files, owned map[string]bool) error {
	at := path.Join(p.base, render.InventoryFile)
	data, err := readRegular(files, at)
	if err != nil || data == nil {
		return err
	}
	inv, ok := render.ParseInventory(data)
	if !ok {
		return &Error{at + " is not an inventory that fleetwright has written", "restore it from Git, or delete the directory and render again"}
	}
	p.hasInventory = true
	for f := range inv.Files {
		if err := own(owned, at, f); err != nil {
			return err
		}
	}
	return nil
}

// A journal lists what is fleetwright's while a run is going on.
type journal struct {
	Files []string `json:"files"`
}

// readJournal finds what a run that was cut off may have written. The journal is
// renamed into place, so it is whole.
func (p *plan) readJournal(files files, owned map[string]bool) error {
	at := path.Join(p.base, journalFile)
	if _, err := files.Lstat(staged(at)); err == nil {
		p.interrupted = true // before it had a journal
	}
	data, err := readRegular(files, at)
	if err != nil || data == nil {
		return err
	}
	var j journal
	if json.Unmarshal(data, &j) != nil {
		return &Error{at + " is not a journal that fleetwright has written", "delete it and render again"}
	}
	p.interrupted = true
	for _, f := range j.Files {
		if err := own(owned, at, f); err != nil {
			return err
		}
	}
	return nil
}

// own notes a path that an inventory or a journal names, unless it leads
// elsewhere.
func own(owned map[string]bool, list, name string) error {
	if !fs.ValidPath(name) || !filepath.IsLocal(name) || name == "." {
		return &Error{fmt.Sprintf("%s names %q, which is not in its directory", list, name), "restore the file from Git"}
	}
	if name != render.InventoryFile {
		owned[name] = true
	}
	return nil
}

// isSame says whether a file is there, and whether it has this content.
func isSame(files files, name string, content []byte) (there, same bool, err error) {
	info, err := files.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	if err := checkRegular(name, info); err != nil {
		return true, false, err
	}
	if info.Size() != int64(len(content)) {
		return true, false, nil
	}
	data, err := files.ReadFile(name)
	return true, bytes.Equal(data, content), err
}

// readRegular reads a file; where there is none it returns nothing.
func readRegular(files files, name string) ([]byte, error) {
	info, err := files.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = checkRegular(name, info)
	}
	if err != nil {
		return nil, err
	}
	return files.ReadFile(name)
}

func checkRegular(name string, info fs.FileInfo) error {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return &Error{name + " is a symbolic link", "remove it: fleetwright writes no file through a link"}
	case info.IsDir():
		return &Error{name + " is a directory where a file belongs", "move it away"}
	case !info.Mode().IsRegular():
		return &Error{name + " is not a regular file", "move it away"}
	}
	return nil
}

// dirs checks, once each, that directories are directories and not links.
type dirs struct {
	files files
	known map[string]bool
}

func (d *dirs) check(name string) error {
	if d.known[name] {
		return nil
	}
	if err := d.check(path.Dir(name)); err != nil {
		return err
	}
	info, err := d.files.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return &Error{name + " is a symbolic link", "remove it: fleetwright writes no file through a link"}
	case !info.IsDir():
		return &Error{name + " is not a directory", "move it away"}
	}
	d.known[name] = true
	return nil
}

// checkPrune refuses to remove too much.
func checkPrune(plans []*plan) error {
	var emptied, halved []string
	for _, p := range plans {
		removed, there := len(p.removed), len(p.there)
		switch {
		case p.cluster == nil && there > 0:
			emptied = append(emptied, p.name)
		case removed*2 > there:
			halved = append(halved, fmt.Sprintf("%s (%d of %d files)", p.name, removed, there))
		}
	}
	if len(emptied)+len(halved) == 0 {
		return nil
	}
	var parts []string
	if len(emptied) > 0 {
		parts = append(parts, "would remove everything of "+diag.Some(emptied, 5))
	}
	if len(halved) > 0 {
		parts = append(parts, "would remove more than half of "+diag.Some(halved, 5))
	}
	return &Error{strings.Join(parts, ", and "), "check that all inputs were named; if this is meant, add --allow-prune"}
}

// A stage is what a run has written so far, so that it can be undone.
type stage struct {
	files files
	work  *work
	// made are files and directories, in the order in which they were made.
	made []string
}

// cluster stages the plan of one cluster.
func (s *stage) cluster(p *plan) error {
	if p.idle() {
		return nil
	}
	if p.interrupted {
		for _, f := range p.leftovers() {
			if err := removeRegular(s.files, f); err != nil {
				return err
			}
		}
	}
	data, err := json.Marshal(journal{p.owned})
	if err != nil {
		return err
	}
	at := path.Join(p.base, journalFile)
	if err := s.write(staged(at), append(data, '\n')); err != nil {
		return err
	}
	if err := s.files.Rename(staged(at), at); err != nil {
		return err
	}
	s.made[len(s.made)-1] = at
	if p.interrupted {
		// It stays: it tells of files that are still there.
		s.made = s.made[:len(s.made)-1]
	}
	for _, f := range p.changed {
		if err := s.write(staged(path.Join(p.base, f.Path)), f.Content); err != nil {
			return err
		}
		s.work.step()
	}
	// Where files are only removed, permission must be there as well.
	for _, dir := range p.shrinking() {
		if err := s.write(probe(dir), nil); err != nil {
			return err
		}
		if err := s.files.Remove(probe(dir)); err != nil {
			return err
		}
		s.made = s.made[:len(s.made)-1]
	}
	return nil
}

// shrinking are the directories that files are removed from.
func (p *plan) shrinking() []string {
	dirs := map[string]bool{}
	for _, f := range p.removed {
		dirs[path.Dir(path.Join(p.base, f))] = true
	}
	return slices.Sorted(maps.Keys(dirs))
}

// leftovers are the files that a run which was cut off may have staged.
func (p *plan) leftovers() []string {
	names := map[string]bool{staged(path.Join(p.base, journalFile)): true}
	for _, f := range p.owned {
		at := path.Join(p.base, f)
		names[staged(at)] = true
		names[probe(path.Dir(at))] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// probe is the file that shows whether a directory may be changed.
func probe(dir string) string { return path.Join(dir, ".probe"+stagedSuffix) }

// staged is where a file is written before it is renamed into place.
func staged(name string) string {
	return path.Join(path.Dir(name), "."+path.Base(name)+stagedSuffix)
}

// write writes a new file, and the directories above it.
func (s *stage) write(name string, content []byte) error {
	if err := s.mkdir(path.Dir(name)); err != nil {
		return err
	}
	err := s.files.Create(name, content)
	if errors.Is(err, fs.ErrExist) {
		// What a killed run has left is gone by now.
		if info, err := s.files.Lstat(name); err == nil {
			if err := checkRegular(name, info); err != nil {
				return err
			}
		}
		return &Error{name + " is in the way", "move it away: fleetwright writes its files there first"}
	}
	// After an error there may be a part of it.
	s.made = append(s.made, name)
	return err
}

func (s *stage) mkdir(name string) error {
	if name == "." {
		return nil
	}
	if _, err := s.files.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.mkdir(path.Dir(name)); err != nil {
		return err
	}
	err := s.files.Mkdir(name)
	if err == nil {
		s.made = append(s.made, name)
	}
	return err
}

// undo removes what was made, the last first. What cannot be removed is left to
// the next run.
func (s *stage) undo() {
	for _, name := range slices.Backward(s.made) {
		_ = s.files.Remove(name)
	}
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

// A commit renames what was staged into place and removes what is gone.
type commit struct {
	files files
	work  *work
	// begun says whether a file is no longer as it was, so that only another run
	// can make the directory whole.
	begun bool
}

// cluster commits the plan of one cluster. The inventory is the last of the
// files, the journal goes after it.
func (c *commit) cluster(p *plan) error {
	if p.idle() {
		return nil
	}
	changed := p.changed
	var inventory []render.File
	if n := len(changed); n > 0 && changed[n-1].Path == render.InventoryFile {
		changed, inventory = changed[:n-1], changed[n-1:]
	}
	if err := c.rename(p.base, changed); err != nil {
		return err
	}
	if err := c.prune(p); err != nil {
		return err
	}
	if err := c.rename(p.base, inventory); err != nil {
		return err
	}
	if err := removeRegular(c.files, path.Join(p.base, journalFile)); err != nil {
		return err
	}
	if p.cluster == nil {
		removeEmpty(c.files, p.base)
		removeEmpty(c.files, p.name)
	}
	return nil
}

// rename moves staged files into place.
func (c *commit) rename(base string, files []render.File) error {
	for _, f := range files {
		at := path.Join(base, f.Path)
		if err := c.files.Rename(staged(at), at); err != nil {
			return err
		}
		c.begun = true
		c.work.step()
	}
	return nil
}

// prune removes files, and the directories that it, or a run that was cut off,
// has left empty.
func (c *commit) prune(p *plan) error {
	emptied := map[string]bool{}
	empty := func(f string) {
		for dir := path.Dir(f); dir != "."; dir = path.Dir(dir) {
			emptied[path.Join(p.base, dir)] = true
		}
	}
	for _, f := range p.removed {
		if err := c.files.Remove(path.Join(p.base, f)); err != nil {
			return err
		}
		c.begun = true
		c.work.step()
		empty(f)
	}
	if p.interrupted {
		for _, f := range p.owned {
			empty(f)
		}
	}
	deepestFirst := slices.SortedFunc(maps.Keys(emptied), func(a, b string) int {
		return cmp.Or(-cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")), cmp.Compare(a, b))
	})
	for _, dir := range deepestFirst {
		removeEmpty(c.files, dir)
	}
	return nil
}

// removeEmpty removes a directory that has nothing in it.
func removeEmpty(files files, dir string) {
	if entries, err := files.ReadDir(dir); err == nil && len(entries) == 0 {
		_ = files.Remove(dir)
	}
}
