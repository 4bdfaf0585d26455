package disk

import (
	"cmp"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/tree"
)

// A Comparison holds the effects of a write.
type Comparison struct {
	// Changes to files, by cluster and path.
	Changes []render.Change
	// Interrupted are the clusters where an earlier run was interrupted.
	Interrupted []string
	// Waiting are the clusters whose directories keep the former layout until they have synced it.
	Waiting []string
	// New are the clusters without a directory.
	New []string
	// Stray are manifests of others that Flux applies too, by their names below DIR.
	Stray []string
	// Rejected is the reason, apart from Losses, for which Write would need AllowPrune, or nil.
	Rejected *diag.Mistake
	// Losses are Applications that would disappear from clusters although they are among the inputs.
	Losses []tree.Loss
}

// Compare returns the effects of [Write]. It returns the errors of Write, except for a missing AllowPrune.
func Compare(dir string, rendered *render.Tree, opts Options) (Comparison, error) {
	missing, err := missingDirs(dir)
	if err != nil {
		return Comparison{}, err
	}
	switch {
	case len(missing) > 0 && opts.NamesOnly:
		return Comparison{Changes: names(rendered)}, nil
	case len(missing) > 0:
		return Comparison{Changes: rendered.Changes(&render.Tree{})}, nil
	}
	w, err := openWorkers(dir)
	if err != nil {
		return Comparison{}, err
	}
	defer w.close()
	c, err := compareIn(w, rendered, opts)
	if err != nil {
		return Comparison{}, describe(dir, err)
	}
	return c, nil
}

// compareIn is [Compare] on the files of workers.
func compareIn(w workers, rendered *render.Tree, opts Options) (Comparison, error) {
	jobs, err := compareAll(w, rendered, opts)
	if err != nil {
		return Comparison{}, err
	}
	shrinks := shrinkageOf(jobs, rendered)
	read := func(f string) bool { return !opts.NamesOnly || shrinks.concerns(f) }
	changes, err := changesOf(w[0], jobs, read)
	if err != nil {
		return Comparison{}, err
	}
	refused, err := checkEmptied(w[0], jobs)
	if err != nil {
		return Comparison{}, err
	}
	c := Comparison{Changes: changes, Rejected: refused}
	for _, j := range jobs {
		if j.interrupted {
			c.Interrupted = append(c.Interrupted, j.name)
		}
		if j.waiting {
			c.Waiting = append(c.Waiting, j.name)
		}
		if slices.Contains(j.missing, j.name) {
			c.New = append(c.New, j.name)
		}
		for _, f := range j.stray {
			c.Stray = append(c.Stray, j.at(f))
		}
	}
	if !shrinks.isNone() {
		c.Losses = shrinks.losses(changes)
	}
	return c, nil
}

// names returns the files of a tree as changes without content, by cluster and path.
func names(rendered *render.Tree) (all []render.Change) {
	for _, c := range rendered.Clusters {
		for _, path := range slices.Sorted(c.Paths()) {
			all = append(all, render.Change{Cluster: c.Name, Path: path, New: []byte{}})
		}
	}
	return all
}

// changesOf returns the changes of jobs, by cluster and path; files that are not read are empty in it.
func changesOf(files files, jobs []*job, read func(file string) bool) (changes []render.Change, err error) {
	for _, j := range jobs {
		first := len(changes)
		for f := range j.changes() {
			change := render.Change{Cluster: j.name, Path: f.Path, New: []byte{}, NewObjects: f.Objects()}
			if read(f.Path) {
				change.New = f.Content
			}
			changes = append(changes, change)
		}
		for _, f := range j.removed {
			changes = append(changes, render.Change{Cluster: j.name, Path: f})
		}
		own := changes[first:]
		slices.SortFunc(own, func(a, b render.Change) int { return cmp.Compare(a.Path, b.Path) })
		for i := range own {
			c := &own[i]
			there, err := isRegular(files, j.at(c.Path))
			switch {
			case !there:
			case read(c.Path):
				c.Old, err = files.ReadFile(j.at(c.Path))
			default:
				c.Old = []byte{}
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return changes, nil
}
