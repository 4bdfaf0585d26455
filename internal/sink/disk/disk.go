// Package disk writes a tree of manifests into a directory so that nothing is
// lost.
//
// Only DIR/<cluster>/fleetwright is touched, and of that only what fleetwright
// has written, as the inventories of the last run list it. A run goes
// through three phases:
//
//  1. Compare what is there with what shall be. Nothing is written.
//  2. Stage: note in a journal every path that is or will be fleetwright's, then
//     write each changed file beside its place, and each directory that is not there
//     yet, as a whole, beside its own. A full disk or a missing permission shows here,
//     and the run undoes what it has staged.
//  3. Commit: rename what was staged into place, remove what is gone, and
//     rename the inventories last. A run killed here leaves whole files only, and
//     the journal, by which the next run knows what the killed one has left.
//
// All clusters go through a phase before the next begins, several at a time. What is
// remembered of one between two phases are the numbers of its files: a job must not
// grow as the tree does.
//
// Directories are opened through [os.Root], and a symbolic link on the way to a
// file is refused, so no name leads out of DIR or to another cluster.
package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/gofrs/flock"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
)

// Options of a write.
type Options struct {
	// AllowPrune lets a run empty a cluster, remove more than half of its files, or take
	// an Application from clusters that is still among the inputs.
	AllowPrune bool
	// KeepOthers leaves alone the clusters that the tree does not have: it is of some of a fleet's.
	KeepOthers bool
	// Behind are the clusters of later waves, which are left alone as well. Those of a hub are what its part
	// of the tree leaves.
	Behind map[string]bool
	// Part has the tree be a shard, whose inventories name the files of the others too. Nothing is
	// removed, and a directory with another render is refused: shards would be mixed with it.
	Part bool
	// Synced says that the clusters of directories in the former layout have synced what was written
	// before the new one may be.
	Synced bool
	// NamesOnly lets Compare leave Old and New of a file empty unless it needs the content.
	NamesOnly bool
	// Waiting is called once before waiting for another run to leave the directory. It may be nil.
	Waiting func()
	// Progress is called after each file that was staged, put into place or removed,
	// with how many of these there are to do. It may be nil.
	Progress func(done, total int)
	// Changed is called at the end for each file but the inventories that was written
	// or removed, in order, with its name below DIR. It may be nil.
	Changed func(name string, removed bool)
}

// A Summary is what a write has done.
type Summary struct {
	// Clusters that have files now.
	Clusters int
	// Files that they have, and how many of these were written.
	Files, Written int
	// Removed files.
	Removed int
	// Repaired are the clusters where an earlier run was cut off.
	Repaired []string
	// Waiting are the clusters whose directories stay in the former layout until they have synced it.
	Waiting []string
	// Stray are the manifests of somebody else that Flux applies with ours, by their names below DIR.
	Stray []string
}

// Write makes a directory hold a tree. It creates the directory where there is
// none. On an error before the commit everything is as it was.
func Write(dir string, tree *render.Tree, opts Options) (s Summary, err error) {
	missing, err := missingDirs(dir)
	if err != nil {
		return Summary{}, err
	}
	defer func() {
		if err != nil {
			for _, d := range missing {
				_ = os.Remove(d) // as far as they are empty
			}
		}
	}()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return Summary{}, err
	}
	unlock, err := lock(dir, opts.Waiting)
	if err != nil {
		return Summary{}, err
	}
	defer unlock()
	workers, err := openWorkers(dir)
	if err != nil {
		return Summary{}, err
	}
	defer workers.close()
	if s, err = write(workers, tree, opts); err != nil {
		return Summary{}, describe(dir, err)
	}
	return s, nil
}

// missingDirs are a directory and those above it that are not there, the deepest first.
func missingDirs(dir string) (missing []string, err error) {
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err == nil && !info.IsDir() {
			return nil, diag.NewMistake(d+" is not a directory", "name another with -o")
		}
		isMissing := errors.Is(err, fs.ErrNotExist)
		if isMissing {
			if _, err := os.Lstat(d); err == nil {
				return nil, diag.NewMistake(d+" is a link that leads to nothing", "remove it, or name another with -o")
			}
			missing = append(missing, d)
		}
		if !isMissing && !errors.Is(err, syscall.ENOTDIR) || d == filepath.Dir(d) {
			return missing, nil
		}
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

// describe adds the directory to an error about its content, which may have several lines.
func describe(dir string, err error) error {
	all := diag.Unjoined(err)
	all[0] = fmt.Errorf("%s: %w", dir, all[0])
	return errors.Join(all...)
}

// write is Write on the open directory.
func write(w workers, tree *render.Tree, opts Options) (Summary, error) {
	jobs, err := compareAll(w, tree, opts)
	if err != nil {
		return Summary{}, err
	}
	for _, j := range jobs {
		if j.stuck {
			return Summary{}, diag.NewMistake(j.base+" is in the former layout, which is taken over for all clusters of the hub at once, and some are behind through",
				"take it over with all waves: --through "+lastWave(tree))
		}
	}
	if !opts.AllowPrune {
		if err := checkPrune(w[0], jobs, tree); err != nil {
			return Summary{}, err
		}
	}
	step := counter(jobs, opts.Progress)
	c := commit{step: step}
	err = each(w, jobs, func(j *job, files files) error { return j.stage(files, step) })
	if err == nil {
		err = each(w, jobs, c.cluster)
	}
	switch {
	case err == nil:
		return summarize(jobs, opts.Changed), nil
	case c.begun.Load():
		return Summary{}, fmt.Errorf("%w; some files are written and some are not yet: run the same command again", err)
	}
	_ = each(w, jobs, (*job).undo) // what cannot be removed is left to the next run
	return Summary{}, err
}

// summarize returns what the jobs have done.
func summarize(jobs []*job, changed func(name string, removed bool)) (sum Summary) {
	for _, j := range jobs {
		if j.cluster != nil {
			sum.Clusters++
			sum.Files += j.cluster.Len()
		}
		sum.Written += len(j.changed)
		sum.Removed += len(j.removed)
		if j.interrupted {
			sum.Repaired = append(sum.Repaired, j.name)
		}
		if j.waiting {
			sum.Waiting = append(sum.Waiting, j.name)
		}
		for _, f := range j.stray {
			sum.Stray = append(sum.Stray, j.at(f))
		}
	}
	if changed == nil {
		return sum
	}
	for _, j := range jobs {
		for _, i := range j.changed {
			if f := j.cluster.Path(i); !layout.IsInventoryFile(f) {
				changed(j.at(f), false)
			}
		}
	}
	for _, j := range jobs {
		for _, f := range j.removed {
			if !layout.IsInventoryFile(f) {
				changed(j.at(f), true)
			}
		}
	}
	return sum
}

// counter returns what counts a file that was staged, put into place or removed.
func counter(jobs []*job, report func(done, total int)) (step func()) {
	if report == nil {
		return func() {}
	}
	done, total := 0, 0
	for _, j := range jobs {
		total += 2*len(j.changed) + len(j.removed)
	}
	var mu sync.Mutex
	return func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		report(done, total)
	}
}
