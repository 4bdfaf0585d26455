package disk

import (
	"cmp"
	"slices"

	"github.com/fleetwright/fleetwright/render"
)

// A Comparison is what a write would do.
type Comparison struct {
	// Changes that it would make, by cluster and path.
	Changes []render.Change
	// Interrupted are the clusters where an earlier run was cut off.
	Interrupted []string
	// Refused is why it would do nothing of this unless pruning is allowed, or nil. So are
	// the Losses, which it does not tell.
	Refused *Error
	// Losses are what it would take from clusters of Applications that are still there.
	Losses []render.Loss
}

// Compare says what Write would do with a directory, which need not exist, and does
// nothing. Its errors are those of Write, but for what is refused unless pruning is
// allowed.
func Compare(dir string, tree *render.Tree, opts Options) (Comparison, error) {
	missing, err := missingDirs(dir)
	if err != nil {
		return Comparison{}, err
	}
	if len(missing) > 0 {
		if opts.NamesOnly {
			return Comparison{Changes: names(tree)}, nil
		}
		return Comparison{Changes: tree.Changes(&render.Tree{})}, nil
	}
	w, err := openWorkers(dir)
	if err != nil {
		return Comparison{}, err
	}
	defer w.close()
	plans, err := planAll(w, tree, opts, nil)
	if err != nil {
		return Comparison{}, describe(dir, err)
	}
	c := Comparison{Refused: checkEmptied(plans)}
	if c.Losses, err = findLosses(w[0], plans, tree); err != nil {
		return Comparison{}, describe(dir, err)
	}
	for _, p := range plans {
		if p.interrupted {
			c.Interrupted = append(c.Interrupted, p.name)
		}
		changes, err := p.comparison(w[0], nil)
		if err != nil {
			return Comparison{}, describe(dir, err)
		}
		if opts.NamesOnly {
			dropContent(changes)
		}
		c.Changes = append(c.Changes, changes...)
	}
	return c, nil
}

// names are the files of a tree as changes without content, by cluster and path.
func names(tree *render.Tree) (all []render.Change) {
	for _, c := range tree.Clusters {
		paths := slices.AppendSeq([]string{render.InventoryFile}, c.Paths())
		slices.Sort(paths)
		for _, path := range paths {
			all = append(all, render.Change{Cluster: c.Name, Path: path, New: []byte{}})
		}
	}
	return all
}

// dropContent leaves of changes what is said of them without it.
func dropContent(changes []render.Change) {
	for i := range changes {
		c := &changes[i]
		if c.Old != nil {
			c.Old = []byte{}
		}
		if c.New != nil {
			c.New = []byte{}
		}
	}
}

// comparison is what the plan does with files that are asked for, or with all, by path.
func (p *plan) comparison(files files, wanted func(file string) bool) ([]render.Change, error) {
	var changes []render.Change
	for f := range p.changes() {
		if wanted == nil || wanted(f.Path) {
			change := render.Change{Cluster: p.name}
			change.To(f)
			changes = append(changes, change)
		}
	}
	for _, f := range p.removed {
		if wanted == nil || wanted(f) {
			changes = append(changes, render.Change{Cluster: p.name, Path: f})
		}
	}
	slices.SortFunc(changes, func(a, b render.Change) int { return cmp.Compare(a.Path, b.Path) })
	for i := range changes {
		old, err := readRegular(files, p.at(changes[i].Path))
		if err != nil {
			return nil, err
		}
		changes[i].Old = old
	}
	return changes, nil
}
