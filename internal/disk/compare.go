package disk

import (
	"cmp"
	"errors"
	"slices"

	"github.com/fleetwright/fleetwright/render"
)

// A Comparison is what a write would do.
type Comparison struct {
	// Changes that it would make, by cluster and path.
	Changes []render.Change
	// Interrupted are the clusters where an earlier run was cut off.
	Interrupted []string
	// Refused is why it would do nothing of this unless pruning is allowed, or nil.
	Refused *Error
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
	var c Comparison
	errors.As(checkPrune(plans), &c.Refused)
	for _, p := range plans {
		if p.interrupted {
			c.Interrupted = append(c.Interrupted, p.name)
		}
		changes, err := p.comparison(w[0], opts.NamesOnly)
		if err != nil {
			return Comparison{}, describe(dir, err)
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

// comparison is what the plan does, by path.
func (p *plan) comparison(files files, namesOnly bool) ([]render.Change, error) {
	var changes []render.Change
	for f := range p.changes() {
		changes = append(changes, render.Change{Cluster: p.name, Path: f.Path, New: f.Content})
	}
	for _, f := range p.removed {
		changes = append(changes, render.Change{Cluster: p.name, Path: f})
	}
	slices.SortFunc(changes, func(a, b render.Change) int { return cmp.Compare(a.Path, b.Path) })
	for i := range changes {
		old, err := readRegular(files, p.at(changes[i].Path))
		if err != nil {
			return nil, err
		}
		changes[i].Old = old
	}
	if namesOnly {
		dropContent(changes)
	}
	return changes, nil
}
