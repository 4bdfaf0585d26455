// Package disk writes a tree of manifests into a directory without losing anything.
//
// It touches only DIR/<cluster>/fleetwright, and in it only the files that fleetwright has
// written, as the inventories of the last run list them. A run has three phases:
//
//  1. Compare the directory with the tree. Nothing is written.
//  2. Stage: list every present and future path of fleetwright in a journal, then write each
//     changed file next to its place, and each new directory, complete, next to its own. A full
//     disk or a missing permission shows here, and the run removes the staged files.
//  3. Commit: move staged files into place, remove files that are gone, and move the
//     inventories last. A run killed here leaves only complete files, and the journal, from
//     which the next run knows the files of the killed one.
//
// All clusters finish a phase, several at a time, before the next phase begins. Between phases a
// job holds only the indexes of files, so that it does not grow with the tree.
//
// Directories are opened through [os.Root], and a symbolic link on the way to a file is an error,
// so no name leads out of DIR or into another cluster.
package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
)

// Options configure a write.
type Options struct {
	// AllowPrune lets a run empty a cluster, remove more than half of its files, or take
	// an Application from clusters that is still among the inputs.
	AllowPrune bool
	// KeepOthers keeps the directories of clusters that the tree lacks, because the tree is only a part of the fleet.
	KeepOthers bool
	// Behind are the clusters of later waves, whose directories are kept too. On a hub, the tree itself knows
	// which files to keep.
	Behind map[string]bool
	// Part means that the tree is a shard, whose inventories list the files of all shards. Nothing is removed,
	// and a directory with another render is an error, because the shard would be mixed with it.
	Part bool
	// Synced means that clusters with directories in the former layout have synced the first commit of the
	// takeover.
	Synced bool
	// NamesOnly lets Compare leave Old and New of a file empty unless it needs the content.
	NamesOnly bool
	// Waiting is called once before the run waits for another run in the same directory. It may be nil.
	Waiting func()
	// Progress is called after each file that was staged, moved into place or removed, with the total of
	// these steps. It may be nil.
	Progress func(done, total int)
	// Changed is called at the end for each written or removed file except inventories, in order, with its
	// name below DIR. It may be nil.
	Changed func(name string, removed bool)
}

// A Summary is the result of a write.
type Summary struct {
	// Clusters with files.
	Clusters int
	// Files of these clusters, and the number of them that were written.
	Files, Written int
	// Removed files.
	Removed int
	// Repaired are the clusters where an earlier run was interrupted.
	Repaired []string
	// Waiting are the clusters whose directories keep the former layout until they have synced it.
	Waiting []string
	// Stray are manifests of others that Flux applies too, by their names below DIR.
	Stray []string
}

// Write writes a tree into a directory, which it creates if necessary. After an error before the
// commit phase nothing has changed.
func Write(dir string, tree *render.Tree, opts Options) (s Summary, err error) {
	missing, err := missingDirs(dir)
	if err != nil {
		return Summary{}, err
	}
	defer func() {
		if err != nil {
			for _, d := range missing {
				_ = os.Remove(d) // fails if it is not empty
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

// missingDirs returns a directory and its parents that do not exist, the deepest first.
func missingDirs(dir string) (missing []string, err error) {
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err == nil && !info.IsDir() {
			return nil, diag.NewMistake(d+" is not a directory", "name another with -o")
		}
		isMissing := errors.Is(err, fs.ErrNotExist)
		if isMissing {
			if _, err := os.Lstat(d); err == nil {
				return nil, diag.NewMistake(d+" is a symbolic link to nothing", "remove it, or name another with -o")
			}
			missing = append(missing, d)
		}
		if !isMissing && !errors.Is(err, syscall.ENOTDIR) || d == filepath.Dir(d) {
			return missing, nil
		}
	}
}

// lock keeps two runs from writing to one directory at once. A killed run holds no lock.
func lock(dir string, waiting func()) (unlock func(), err error) {
	l, err := lockOf(dir)
	locked := false
	if err == nil {
		locked, err = l.TryLock()
	}
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

// describe adds the directory to an error about its content; the error may be several joined errors.
func describe(dir string, err error) error {
	all := diag.Unjoined(err)
	all[0] = fmt.Errorf("%s: %w", dir, all[0])
	return errors.Join(all...)
}

// write is [Write] on the open directory.
func write(w workers, tree *render.Tree, opts Options) (Summary, error) {
	jobs, err := compareAll(w, tree, opts)
	if err != nil {
		return Summary{}, err
	}
	for _, j := range jobs {
		if j.stuck {
			return Summary{}, diag.NewMistake(j.base+" has the former layout, which changes for all clusters of the hub at once, but some clusters are behind through",
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
		return Summary{}, fmt.Errorf("%w; only some files are written: run the same command again", err)
	}
	_ = each(w, jobs, (*job).undo) // the next run removes what this one cannot
	return Summary{}, err
}

// summarize returns the result of the jobs.
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

// counter returns the function that counts a file as staged, moved into place or removed.
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
