package disk

import (
	"cmp"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/tree"
)

// A Comparison is what a write would do.
type Comparison struct {
	// Changes that it would make, by cluster and path.
	Changes []render.Change
	// Interrupted are the clusters where an earlier run was cut off.
	Interrupted []string
	// Refused is why it would do nothing of this unless pruning is allowed, or nil. So are
	// the Losses, which it does not tell.
	Refused *diag.Mistake
	// Losses are what it would take from clusters of Applications that are still there.
	Losses []tree.Loss
}

// Compare returns what Write would do with a directory, which need not exist, and does
// nothing. Its errors are those of Write, but for what is refused unless pruning is
// allowed.
func Compare(dir string, rendered *render.Tree, opts Options) (Comparison, error) {
	missing, err := missingDirs(dir)
	if err != nil {
		return Comparison{}, err
	}
	var c Comparison
	switch {
	case len(missing) > 0 && opts.NamesOnly:
		c.Changes = names(rendered)
		return c, nil
	case len(missing) > 0:
		c.Changes = rendered.Changes(&render.Tree{})
		return c, nil
	}
	w, err := openWorkers(dir)
	if err != nil {
		return Comparison{}, err
	}
	defer w.close()
	plans, err := planAll(w, rendered, opts)
	if err != nil {
		return Comparison{}, describe(dir, err)
	}
	c.Refused = checkEmptied(plans)
	shrinking := shrinking(plans, rendered)
	read := func(f string) bool { return !opts.NamesOnly || shrinking[rendered.Application(f)] }
	for _, p := range plans {
		if p.interrupted {
			c.Interrupted = append(c.Interrupted, p.name)
		}
		changes, err := p.comparison(w[0], read)
		if err != nil {
			return Comparison{}, describe(dir, err)
		}
		c.Changes = append(c.Changes, changes...)
	}
	if len(shrinking) > 0 {
		c.Losses = rendered.LossesOf(c.Changes)
	}
	return c, nil
}

// names are the files of a rendered as changes without content, by cluster and path.
func names(rendered *render.Tree) (all []render.Change) {
	for _, c := range rendered.Clusters {
		paths := slices.AppendSeq([]string{layout.InventoryFile}, c.Paths())
		slices.Sort(paths)
		for _, path := range paths {
			all = append(all, render.Change{Cluster: c.Name, Path: path, New: []byte{}})
		}
	}
	return all
}

// comparison is what the plan does, by path. Old and New are empty for a file that is not to
// be read.
func (p *plan) comparison(files files, read func(file string) bool) ([]render.Change, error) {
	var changes []render.Change
	for f := range p.changes() {
		change := render.Change{Cluster: p.name}
		if change.To(f); !read(f.Path) {
			change.New = []byte{}
		}
		changes = append(changes, change)
	}
	for _, f := range p.removed {
		changes = append(changes, render.Change{Cluster: p.name, Path: f})
	}
	slices.SortFunc(changes, func(a, b render.Change) int { return cmp.Compare(a.Path, b.Path) })
	for i := range changes {
		c := &changes[i]
		there, err := isRegular(files, p.at(c.Path))
		switch {
		case !there:
		case read(c.Path):
			c.Old, err = files.ReadFile(p.at(c.Path))
		default:
			c.Old = []byte{}
		}
		if err != nil {
			return nil, err
		}
	}
	return changes, nil
}
