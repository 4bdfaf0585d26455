package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
)

// A plan is what is to be done for one cluster.
type plan struct {
	name string
	// cluster is nil where the tree has no such cluster any more.
	cluster *render.Cluster
	// part says that the cluster's files are some of those in its inventory.
	part bool
	// base is <cluster>/fleetwright.
	base string
	// missing are the directories above and with base that are not there.
	missing []string
	// files of the cluster in the tree, with the inventory.
	files int
	// there is how many of the last run's files exist.
	there int
	// changed are the files to write, by their numbers in the cluster, in order; the
	// inventory is the last.
	changed []int
	// fresh are the directories below base that are not there and come to be, but for
	// those below one of them.
	fresh map[string]bool
	// removed are the paths to remove, in order.
	removed []string
	// added are the paths to write that were not fleetwright's before; all of them are
	// where allAdded says so, which a plan for many clusters does not spell out.
	added    []string
	allAdded bool
	// foreign are the files in the way that fleetwright has not written.
	foreign []string
	// mixed says that of a part there are files of another render.
	mixed bool
	// hasInventory and interrupted: the files of the last run are there.
	hasInventory, interrupted bool
	// staged is how many steps of staging were taken.
	staged int
}

// idle says whether there is nothing to do.
func (p *plan) idle() bool { return len(p.changed) == 0 && len(p.removed) == 0 && !p.interrupted }

// at is the name of a file below the output directory.
func (p *plan) at(file string) string { return p.base + "/" + file }

// changes are the files to write.
func (p *plan) changes() iter.Seq[render.File] {
	return func(yield func(render.File) bool) {
		for _, i := range p.changed {
			if i == p.cluster.Len() {
				yield(p.cluster.Inventory())
				return
			}
			if !yield(p.cluster.File(i)) {
				return
			}
		}
	}
}

// planAll compares all clusters, and finds those that the tree does not have any more.
func planAll(w workers, rendered *render.Tree, opts Options) ([]*plan, error) {
	clusters := map[string]*render.Cluster{}
	for _, c := range rendered.Clusters {
		clusters[c.Name] = c
	}
	if !opts.KeepOthers {
		if err := addGone(w[0], clusters); err != nil {
			return nil, err
		}
	}
	var plans []*plan
	for _, name := range slices.Sorted(maps.Keys(clusters)) {
		plans = append(plans, &plan{name: name, cluster: clusters[name], part: opts.Part, base: path.Join(name, layout.Dir)})
	}
	if err := each(w, plans, (*plan).make); err != nil {
		return nil, err
	}
	var foreign, mixed []string
	for _, p := range plans {
		foreign = append(foreign, p.foreign...)
		if p.mixed {
			mixed = append(mixed, p.name)
		}
	}
	if len(mixed) > 0 {
		return nil, &Error{
			fmt.Sprintf("holds another render of %s, which a shard would be mixed with", diag.Some(mixed, 5)),
			"render the shards into a new directory, and put them together there",
		}
	}
	if len(foreign) > 0 {
		return nil, &Error{
			fmt.Sprintf("not written by fleetwright, and in its way: %s", strings.Join(foreign, ", ")),
			"move or delete what is not fleetwright's; if it is, the inventory was lost: delete the directory and render again",
		}
	}
	return plans, nil
}

// addGone adds the clusters of earlier runs that the tree does not have any more.
func addGone(files files, clusters map[string]*render.Cluster) error {
	entries, err := files.ReadDir(".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, ok := clusters[e.Name()]; ok || !e.IsDir() {
			continue
		}
		written, err := isWritten(files, path.Join(e.Name(), layout.Dir))
		if err != nil {
			return err
		}
		if written {
			clusters[e.Name()] = nil
		}
	}
	return nil
}

// IsOutput says whether a directory is a <cluster>/fleetwright that a run has
// written, or was writing when it was cut off.
func IsOutput(dir string) bool {
	if filepath.Base(dir) != layout.Dir {
		return false
	}
	files, err := openFiles(filepath.Dir(dir), minOpen)
	if err != nil {
		return false
	}
	defer files.Close()
	written, _ := isWritten(files, layout.Dir)
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
	inventory, err := readRegular(files, path.Join(dir, layout.InventoryFile))
	return layout.IsInventory(inventory), unlessForeign(err)
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

// make compares what is there with what shall be.
func (p *plan) make(files files) error {
	known := dirs{files: files, missing: map[string]string{".": ""}}
	for _, dir := range []string{p.name, p.base} {
		missing, err := known.check(dir)
		if err != nil {
			return err
		}
		if missing != "" {
			p.missing = append(p.missing, dir)
			known.missing[dir] = "" // what is below it is missing by itself
		}
	}
	known.none = len(p.missing) > 0
	own, err := p.readOwnership(files)
	if err != nil {
		return err
	}
	if p.part && (p.cluster == nil || p.hasInventory && !own.current) {
		p.mixed = true
		return nil
	}
	p.fresh = map[string]bool{}
	if p.cluster != nil {
		i := 0
		for f := range p.cluster.Files() {
			if err := p.compare(files, &known, own, i, f); err != nil {
				return err
			}
			i++
		}
		if p.files = i + 1; !own.current {
			p.changed = append(p.changed, i) // the inventory
		}
	}
	p.findAdded(own)
	if err := p.findRemoved(files, &known, own); err != nil {
		return err
	}
	if p.cluster == nil && p.hasInventory {
		p.removed = append(p.removed, layout.InventoryFile)
	}
	return nil
}

// compare compares the file of a number.
func (p *plan) compare(files files, known *dirs, own *ownership, number int, f render.File) error {
	at := p.at(f.Path)
	missing, err := known.check(path.Dir(at))
	if err != nil {
		return err
	}
	if missing != "" {
		p.fresh[strings.TrimPrefix(missing, p.base+"/")] = true
		p.changed = append(p.changed, number)
		return nil
	}
	if known.none {
		p.changed = append(p.changed, number)
		return nil
	}
	there, same, err := isSame(files, at, f.Content)
	if err != nil {
		return err
	}
	switch {
	case there && own.has(f.Path):
		p.there++
	case there && !same:
		p.foreign = append(p.foreign, at)
		return nil
	}
	if !same {
		p.changed = append(p.changed, number)
	}
	return nil
}

// findRemoved finds what fleetwright has written and the tree does not have any more.
// Of a part that is what other shards may have, and must be as they have it.
func (p *plan) findRemoved(files files, known *dirs, own *ownership) error {
	if len(own.paths) == 0 {
		return nil
	}
	wanted := p.wantedPaths()
	var whole map[string]string
	if p.part {
		whole = p.wholeSums()
	}
	for _, f := range slices.Sorted(maps.Keys(own.paths)) {
		if wanted[f] {
			continue
		}
		at := p.at(f)
		if missing, err := known.check(path.Dir(at)); err != nil {
			return err
		} else if missing != "" {
			continue
		}
		info, err := files.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = checkRegular(at, info)
		}
		if err != nil {
			return err
		}
		p.there++
		if !p.part {
			p.removed = append(p.removed, f)
			continue
		}
		data, err := files.ReadFile(at)
		if err != nil {
			return err
		}
		p.mixed = p.mixed || whole[f] != fmt.Sprintf("%x", sha256.Sum256(data))
	}
	return nil
}

// wantedPaths are those of the cluster's files in the tree.
func (p *plan) wantedPaths() map[string]bool {
	wanted := map[string]bool{}
	if p.cluster != nil {
		for f := range p.cluster.Paths() {
			wanted[f] = true
		}
	}
	return wanted
}

// wholeSums are those of the files that all shards of the cluster have, by path.
func (p *plan) wholeSums() map[string]string {
	whole, _ := layout.ParseInventory(p.cluster.Inventory().Content)
	return whole.Files
}

// findAdded finds what the tree has and fleetwright has not written before.
func (p *plan) findAdded(own *ownership) {
	if p.allAdded = !own.current && len(own.paths) == 0; p.allAdded || p.cluster == nil {
		return
	}
	for f := range p.cluster.Paths() {
		if !own.has(f) {
			p.added = append(p.added, f)
		}
	}
}

// ownership is what fleetwright has written for a cluster, or may have.
type ownership struct {
	// current says that the inventory is that of the tree: every file of the tree is
	// fleetwright's, and need not be among the paths.
	current bool
	paths   map[string]bool
}

func (o *ownership) has(file string) bool { return o.current || o.paths[file] }

// readOwnership finds what the last run has written, and one that was cut off.
func (p *plan) readOwnership(files files) (*ownership, error) {
	own := &ownership{paths: map[string]bool{}}
	if err := p.readInventory(files, own); err != nil {
		return nil, err
	}
	return own, p.readJournal(files, own)
}

// readInventory finds what the last run has written.
func (p *plan) readInventory(files files, own *ownership) error {
	at := p.at(layout.InventoryFile)
	data, err := readRegular(files, at)
	if err != nil || data == nil {
		return err
	}
	if p.cluster != nil && bytes.Equal(data, p.cluster.Inventory().Content) {
		p.hasInventory, own.current = true, true
		return nil
	}
	inv, ok := layout.ParseInventory(data)
	if !ok {
		return &Error{at + " is not an inventory that fleetwright has written", "restore it from Git, or delete the directory and render again"}
	}
	p.hasInventory = true
	for f := range inv.Files {
		if err := own.add(at, f); err != nil {
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
func (p *plan) readJournal(files files, own *ownership) error {
	at := p.at(journalFile)
	switch _, err := files.Lstat(staged(at)); {
	case err == nil:
		p.interrupted = true // before it had a journal
	case !errors.Is(err, fs.ErrNotExist):
		return err
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
		if err := own.add(at, f); err != nil {
			return err
		}
	}
	return nil
}

// add notes a path that an inventory or a journal names, unless it leads
// elsewhere.
func (o *ownership) add(list, name string) error {
	if !fs.ValidPath(name) || !filepath.IsLocal(name) || name == "." {
		return &Error{fmt.Sprintf("%s names %q, which is not in its directory", list, name), "restore the file from Git"}
	}
	if name != layout.InventoryFile {
		o.paths[name] = true
	}
	return nil
}

// owned are all paths that are, were or will be fleetwright's, sorted.
func (p *plan) owned(files files) ([]string, error) {
	own, err := p.readOwnership(files)
	if err != nil {
		return nil, err
	}
	all := p.wantedPaths()
	maps.Copy(all, own.paths)
	if p.part {
		// Another shard may have been cut off.
		for f := range p.wholeSums() {
			all[f] = true
		}
	}
	all[layout.InventoryFile] = true
	return slices.Sorted(maps.Keys(all)), nil
}

// isSame says whether a file is there, and whether it has this content.
func isSame(files files, name string, content []byte) (there, same bool, err error) {
	same, err = files.Has(name, content)
	if errors.Is(err, fs.ErrNotExist) {
		return false, false, nil
	}
	return true, same, err
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

// dirs finds, once each, whether directories are there, and are no links.
type dirs struct {
	files files
	// missing are the directories that were looked for: "" for one that is there, and
	// else the topmost one above it, or itself, that is not.
	missing map[string]string
	// none says that none is there but for those in missing.
	none bool
}

// check returns the topmost directory on the way to one, or itself, that is not there.
func (d *dirs) check(name string) (missing string, err error) {
	if missing, ok := d.missing[name]; ok {
		return missing, nil
	}
	if missing, err = d.check(path.Dir(name)); err != nil {
		return "", err
	}
	if missing == "" && d.none {
		missing = name
	}
	if missing == "" {
		info, err := d.files.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = name
		case err != nil:
			return "", err
		case info.Mode()&fs.ModeSymlink != 0:
			return "", &Error{name + " is a symbolic link", "remove it: fleetwright writes no file through a link"}
		case !info.IsDir():
			return "", &Error{name + " is not a directory", "move it away"}
		}
	}
	d.missing[name] = missing
	return missing, nil
}
