package tree

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"github.com/fleetwright/fleetwright/render/layout"
)

// A Change is a file that one tree has otherwise than another, or alone.
type Change struct {
	// Cluster that the file is of.
	Cluster string
	// Path below DIR/<cluster>/fleetwright, with slashes.
	Path string
	// Old and New are the content before and after, nil where there is no file.
	Old, New []byte
	// OldObjects and NewObjects are those that a file of a tree holds. Nobody knows those
	// of a file that was read from a directory.
	OldObjects, NewObjects []Object
}

// From takes what a file of a tree was before.
func (c *Change) From(f File) { c.Path, c.Old, c.OldObjects = f.Path, f.Content, f.Objects() }

// To takes what a file of a tree becomes.
func (c *Change) To(f File) { c.Path, c.New, c.NewObjects = f.Path, f.Content, f.Objects() }

// Changes returns what makes the tree of an old one, by cluster and path. Clusters that
// share their layouts are compared once.
func (t *Tree) Changes(old *Tree) []Change {
	var changes []Change
	compared := map[[2]*Layout][][2]int{}
	olds, news := old.Clusters, t.Clusters
	for len(olds) > 0 || len(news) > 0 {
		before, after := &Cluster{}, &Cluster{}
		if len(news) == 0 || len(olds) > 0 && olds[0].Name <= news[0].Name {
			before, olds = olds[0], olds[1:]
		}
		if len(news) > 0 && (before.Name == "" || before.Name == news[0].Name) {
			after, news = news[0], news[1:]
		}
		layouts := [2]*Layout{before.Layout, after.Layout}
		files, ok := compared[layouts]
		if !ok {
			files = differing(before, after)
			compared[layouts] = files
		}
		changes = append(changes, changesOf(before, after, files)...)
	}
	return changes
}

// differing returns the numbers of the files that differ between two clusters, or may
// between others with their layouts. The number is -1 where one has no such file. A
// cluster without a layout has no files.
func differing(old, new *Cluster) (files [][2]int) {
	before := map[string]int{}
	if old.Layout != nil {
		for i := range old.Len() {
			before[old.Path(i)] = i
		}
	}
	if new.Layout != nil {
		for i := range new.Len() {
			d, at := new.find(i)
			was, ok := before[d.Files[at].path]
			if !ok {
				files = append(files, [2]int{-1, i})
			} else if isOwn := d.Path == "" || d.Path == layout.Infrastructure; isOwn || old.sum(was) != new.sum(i) {
				files = append(files, [2]int{was, i})
			}
			delete(before, d.Files[at].path)
		}
	}
	for _, was := range before {
		files = append(files, [2]int{was, -1})
	}
	return files
}

// changesOf returns what makes a cluster of an old one, of the files that may differ.
func changesOf(old, new *Cluster, files [][2]int) []Change {
	var changes []Change
	add := func(was, is File) {
		if was.Sum != is.Sum {
			change := Change{Cluster: cmp.Or(new.Name, old.Name)}
			if was.Path != "" {
				change.From(was)
			}
			if is.Path != "" {
				change.To(is)
			}
			changes = append(changes, change)
		}
	}
	for _, f := range files {
		switch {
		case f[0] < 0:
			add(File{}, new.File(f[1]))
		case f[1] < 0:
			add(old.File(f[0]), File{})
		case old.sum(f[0]) != new.sum(f[1]):
			add(old.File(f[0]), new.File(f[1]))
		}
	}
	switch {
	case old.Layout == nil:
		add(File{}, new.Inventory())
	case new.Layout == nil:
		add(old.Inventory(), File{})
	case len(changes) > 0 || old.isShard() || new.isShard() || !maps.Equal(old.versions, new.versions):
		add(old.Inventory(), new.Inventory())
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return changes
}

// ByCluster are the changes of each cluster, of changes by cluster and path. That of an
// inventory follows from the others, and is left out where there are any.
func ByCluster(changes []Change) iter.Seq[[]Change] {
	return func(yield func([]Change) bool) {
		for len(changes) > 0 {
			n := 1
			for n < len(changes) && changes[n].Cluster == changes[0].Cluster {
				n++
			}
			of := changes[:n]
			if changes = changes[n:]; n > 1 {
				of = slices.DeleteFunc(slices.Clone(of), func(c Change) bool { return c.Path == layout.InventoryFile })
			}
			if !yield(of) {
				return
			}
		}
	}
}
