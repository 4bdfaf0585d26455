package tree

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"github.com/fleetwright/fleetwright/render/layout"
)

// A Change is a file that differs between two trees, or that only one of them has.
type Change struct {
	// Cluster is the cluster of the file.
	Cluster string
	// Path is the path below DIR/<cluster>/fleetwright, with slashes.
	Path string
	// Old and New hold the content before and after, nil without a file.
	Old, New []byte
	// OldObjects and NewObjects are known for files of trees, not for those read from a directory.
	OldObjects, NewObjects []Object
}

// noFiles is the layout of a cluster that a tree does not have.
var noFiles = &Layout{starts: []int{0}}

// Changes returns the changes from an old tree, by cluster and path, comparing layouts once.
func (t *Tree) Changes(old *Tree) []Change {
	pairs := map[string][2]*Cluster{}
	for i, clusters := range [][]*Cluster{old.Clusters, t.Clusters} {
		for _, c := range clusters {
			pair, ok := pairs[c.Name]
			if !ok {
				none := NewCluster(c.Name, noFiles)
				pair = [2]*Cluster{none, none}
			}
			pair[i] = c
			pairs[c.Name] = pair
		}
	}
	var changes []Change
	compared := map[[2]*Layout][][2]int{}
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		before, after := pairs[name][0], pairs[name][1]
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

// differing returns the numbers of the files that differ between two clusters, or may differ between other
// clusters with their layouts. The number is -1 if one of them lacks the file.
func differing(old, new *Cluster) (files [][2]int) {
	before := map[string]int{}
	for i := range old.Len() {
		before[old.Path(i)] = i
	}
	for i := range new.Len() {
		d, at := new.find(i)
		f := &d.files[at]
		// The name of the cluster is the same in both.
		isOwn := d.Path == layout.Infrastructure || f.path == layout.InventoryFile
		switch was, ok := before[f.path]; {
		case !ok:
			files = append(files, [2]int{-1, i})
		case isOwn || old.sum(old.at(was)) != new.sum(f):
			files = append(files, [2]int{was, i})
		}
		delete(before, f.path)
	}
	for _, was := range before {
		files = append(files, [2]int{was, -1})
	}
	return files
}

// changesOf returns the changes from an old cluster to a new one, among the files that may differ.
func changesOf(old, new *Cluster, files [][2]int) []Change {
	var changes []Change
	add := func(was, is File) {
		if was.Sum != is.Sum {
			changes = append(changes, Change{new.Name, cmp.Or(was.Path, is.Path), was.Content, is.Content, was.Objects(), is.Objects()})
		}
	}
	for _, f := range files {
		var was, is File
		if f[0] >= 0 {
			was = old.File(f[0])
		}
		if f[1] >= 0 {
			is = new.File(f[1])
		}
		add(was, is)
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return changes
}

// ByCluster yields the changes of each cluster. Changes of inventories follow from the others, and are omitted
// unless there are no others.
func ByCluster(changes []Change) iter.Seq[[]Change] {
	return func(yield func([]Change) bool) {
		for len(changes) > 0 {
			n := 1
			for n < len(changes) && changes[n].Cluster == changes[0].Cluster {
				n++
			}
			of := changes[:n]
			changes = changes[n:]
			isList := func(c Change) bool { return layout.IsInventoryFile(c.Path) }
			if others := slices.DeleteFunc(slices.Clone(of), isList); len(others) > 0 {
				of = others
			}
			if !yield(of) {
				return
			}
		}
	}
}
