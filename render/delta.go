package render

import (
	"bytes"
	"cmp"
	"iter"
	"maps"
	"slices"
)

// A Delta is what makes a cluster of a tree of the one that an old tree has.
type Delta struct {
	// Old and New are the cluster before and after, nil where a tree does not have it.
	Old, New *Cluster
	// Files differ, or are in one of the two alone.
	Files []FileDelta
	// Inventory says whether the inventory differs, or is in one of the two alone.
	Inventory bool
}

// A FileDelta is the number of a file in the old cluster and in the new one, or -1 where
// it is in the other alone.
type FileDelta struct{ Old, New int }

// name of the cluster.
func (d Delta) name() string {
	if d.New != nil {
		return d.New.Name
	}
	return d.Old.Name
}

// Deltas are what makes a tree of an old one, by cluster. Clusters that have their
// layouts in common are compared once.
func (t *Tree) Deltas(old *Tree) []Delta {
	var deltas []Delta
	compared := map[[2]*layout]layoutDelta{}
	for _, pair := range paired(old.Clusters, t.Clusters, func(c **Cluster) string { return (*c).Name }) {
		var d Delta
		var layouts [2]*layout
		if pair.old != nil {
			d.Old = *pair.old
			layouts[0] = d.Old.layout
		}
		if pair.new != nil {
			d.New = *pair.new
			layouts[1] = d.New.layout
		}
		l, ok := compared[layouts]
		if !ok {
			l = compareLayouts(layouts[0], layouts[1])
			compared[layouts] = l
		}
		d.take(l)
		deltas = append(deltas, d)
	}
	return deltas
}

// take makes a delta of clusters of that of their layouts.
func (d *Delta) take(l layoutDelta) {
	d.Files = l.files
	if d.Old == nil || d.New == nil {
		d.Inventory = true
		return
	}
	if l.sameSync && d.Old.root == d.New.root {
		d.New.syncSum = d.Old.syncSum // which need not be made again
	}
	d.Files = slices.DeleteFunc(slices.Clone(l.files), func(f FileDelta) bool {
		return f.Old >= 0 && f.New >= 0 && d.Old.sum(f.Old) == d.New.sum(f.New)
	})
	d.Inventory = len(d.Files) > 0 || !maps.Equal(d.Old.versions, d.New.versions)
	if d.Old.isShard() || d.New.isShard() { // which name the files of others as well
		d.Inventory = !bytes.Equal(d.Old.inventory(), d.New.inventory())
	}
}

// A layoutDelta is how the clusters of two layouts differ.
type layoutDelta struct {
	// files differ, or may, because clusters have their own.
	files []FileDelta
	// sameSync says that sync.yaml differs by the places of the clusters alone.
	sameSync bool
}

// compareLayouts finds how the clusters of two layouts differ, of which one may be nil.
func compareLayouts(old, new *layout) (delta layoutDelta) {
	add := func(old, new int) { delta.files = append(delta.files, FileDelta{old, new}) }
	for _, dirs := range paired(old.numbered(), new.numbered(), func(d *numberedDir) string { return d.path }) {
		for _, files := range paired(dirs.old.numbered(), dirs.new.numbered(), func(f *numberedFile) string { return f.name }) {
			switch {
			case files.old == nil:
				add(-1, files.new.number)
			case files.new == nil:
				add(files.old.number, -1)
			case files.old.differs(files.new):
				add(files.old.number, files.new.number)
			}
		}
	}
	delta.sameSync = old != nil && new != nil && slices.EqualFunc(old.stages, new.stages, func(a, b *stage) bool { return a.template.Equal(&b.template) })
	return delta
}

// A numberedDir is a directory of a layout, with the number of its first file.
type numberedDir struct {
	*dir
	first int
}

func (l *layout) numbered() []numberedDir {
	if l == nil {
		return nil
	}
	all := make([]numberedDir, len(l.dirs))
	for i, d := range l.dirs {
		all[i] = numberedDir{d, l.starts[i]}
	}
	return all
}

// A numberedFile is a file of a layout with its number.
type numberedFile struct {
	*namedObject
	number int
	// own says that each cluster has its own.
	own bool
}

func (d *numberedDir) numbered() []numberedFile {
	if d == nil {
		return nil
	}
	all := make([]numberedFile, len(d.files))
	for i := range d.files {
		all[i] = numberedFile{&d.files[i], d.first + i, d.isOwn()}
	}
	return all
}

// differs says whether a file differs from another, or may.
func (f *numberedFile) differs(g *numberedFile) bool {
	return f.own || g.own || f.blob.sum != g.blob.sum
}

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

// Changes are what makes a tree of an old one, by cluster and path.
func (t *Tree) Changes(old *Tree) []Change {
	var changes []Change
	for _, d := range t.Deltas(old) {
		changes = append(changes, d.changes()...)
	}
	return changes
}

func (d Delta) changes() []Change {
	var changes []Change
	for _, f := range d.Files {
		change := Change{Cluster: d.name()}
		if f.Old >= 0 {
			change.From(d.Old.File(f.Old))
		}
		if f.New >= 0 {
			change.To(d.New.File(f.New))
		}
		changes = append(changes, change)
	}
	if d.Inventory {
		change := Change{Cluster: d.name()}
		if d.Old != nil {
			change.From(d.Old.Inventory())
		}
		if d.New != nil {
			change.To(d.New.Inventory())
		}
		changes = append(changes, change)
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
				of = slices.DeleteFunc(slices.Clone(of), func(c Change) bool { return c.Path == InventoryFile })
			}
			if !yield(of) {
				return
			}
		}
	}
}

// A pair is what two sorted lists have of one key, nil where one has nothing.
type pair[T any] struct {
	key      string
	old, new *T
}

// paired pairs the items of two sorted lists.
func paired[T any](olds, news []T, key func(*T) string) []pair[T] {
	var pairs []pair[T]
	for len(olds) > 0 || len(news) > 0 {
		switch {
		case len(news) == 0 || len(olds) > 0 && key(&olds[0]) < key(&news[0]):
			pairs = append(pairs, pair[T]{key: key(&olds[0]), old: &olds[0]})
			olds = olds[1:]
		case len(olds) == 0 || key(&news[0]) < key(&olds[0]):
			pairs = append(pairs, pair[T]{key: key(&news[0]), new: &news[0]})
			news = news[1:]
		default:
			pairs = append(pairs, pair[T]{key(&olds[0]), &olds[0], &news[0]})
			olds, news = olds[1:], news[1:]
		}
	}
	return pairs
}
