package render

import (
	"crypto/sha256"
	"iter"
	"slices"
	"strings"
	"sync"
)

// Dir is the directory of a cluster that fleetwright owns: DIR/<cluster>/Dir.
const Dir = "fleetwright"

// SyncFile is the name of the file with the Flux Kustomizations that apply all others.
const SyncFile = "sync.yaml"

// KustomizationFile is the name of the file by which kustomize, and so Flux, knows what
// of a directory is applied.
const KustomizationFile = "kustomization.yaml"

// RenderedAnnotation is on every object that a KRM function emits, and names the cluster
// that it is for: so what it has emitted is known again.
const RenderedAnnotation = "fleetwright.dev/rendered"

// InventoryFile is the name of the file that lists all others.
const InventoryFile = "inventory.json"

// A Tree is everything that is written: the files of every cluster.
type Tree struct {
	// Clusters are sorted by name.
	Clusters []*Cluster
}

// A Cluster is the directory of one cluster. Content that clusters share is the
// same slice in all of them; what is large and of one cluster alone is made anew each
// time that it is asked for, so that a tree does not grow with the clusters.
type Cluster struct {
	// Name of the cluster, and of its directory.
	Name string
	// Labels of the cluster's document.
	Labels map[string]string
	// Spokes are the names of the other clusters that it applies to as a hub.
	Spokes []string

	*layout
	// written are the directories whose files are written: of a shard not all.
	written []*dir
	// root is the place of the cluster's directory in the repository.
	root string
	// infrastructure is the cluster's own, or nil where it has that of the layout.
	infrastructure *dir
	// syncSum is the SHA-256 of the cluster's sync.yaml.
	syncSum func() [sha256.Size]byte
}

// newCluster is a cluster that has a layout.
func newCluster(name, root string, l *layout) *Cluster {
	c := &Cluster{Name: name, layout: l, written: l.dirs, root: root}
	c.syncSum = sync.OnceValue(func() [sha256.Size]byte { return sha256.Sum256(l.stages.content(root)) })
	return c
}

// A layout is what clusters have in common that get the same of everything: which
// directories there are and how they are applied. Of the files, sync.yaml has other
// paths and infrastructure/ another name of the cluster in each.
type layout struct {
	dirs      []*dir // sorted by path
	stages    *syncTemplate
	inventory *inventoryTemplate
}

// own are directories of the layout as the cluster has them.
func (c *Cluster) own(dirs []*dir) iter.Seq[*dir] {
	return func(yield func(*dir) bool) {
		for _, d := range dirs {
			if d.path == infrastructure && c.infrastructure != nil {
				d = c.infrastructure
			}
			if !yield(d) {
				return
			}
		}
	}
}

// A File is one file of a cluster.
type File struct {
	// Path below DIR/<cluster>/fleetwright, with slashes.
	Path string
	// Content of the file. It is shared and must not be changed.
	Content []byte
	// Sum is the SHA-256 of the content.
	Sum [sha256.Size]byte
	// For is the name of the cluster that the objects in the file are for: in the
	// directory of a hub, also one that the hub applies to.
	For string
}

// Files are the files of the cluster but for the inventory, of a shard its own,
// directory by directory and sorted by name in each.
func (c *Cluster) Files() iter.Seq[File] {
	return func(yield func(File) bool) {
		for d := range c.own(c.written) {
			cluster := c.Name
			if d.spoke != nil {
				cluster = d.spoke.name
			}
			for _, f := range d.files {
				file := File{f.path, nil, [sha256.Size]byte{}, cluster}
				if f.blob != nil {
					file.Content, file.Sum = f.blob.content, f.blob.sum
				} else {
					file.Content, file.Sum = c.stages.content(c.root), c.syncSum()
				}
				if !yield(file) {
					return
				}
			}
		}
	}
}

// Inventory is the file that lists all others, those of other shards too. It is
// written last.
func (c *Cluster) Inventory() File {
	content := c.inventory.content(c)
	return File{InventoryFile, content, sha256.Sum256(content), c.Name}
}

// A Change is a file that one tree has otherwise than another, or alone.
type Change struct {
	// Cluster that the file is of.
	Cluster string
	// Path below DIR/<cluster>/fleetwright, with slashes.
	Path string
	// Old and New are the content before and after, nil where there is no file.
	Old, New []byte
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

// Changes are what makes a tree of an old one, by cluster and path. Content that the
// two share is not compared.
func (t *Tree) Changes(old *Tree) []Change {
	var changes []Change
	for _, pair := range paired(old.Clusters, t.Clusters, func(c *Cluster) string { return c.Name }) {
		for _, f := range paired(pair.old.everything(), pair.new.everything(), func(f *File) string { return f.Path }) {
			change := Change{Cluster: pair.key, Path: f.key}
			if f.old != nil {
				change.Old = f.old.Content
			}
			if f.new != nil {
				change.New = f.new.Content
			}
			if f.old == nil || f.new == nil || f.old.Sum != f.new.Sum {
				changes = append(changes, change)
			}
		}
	}
	return changes
}

// everything are the files of a cluster with its inventory, sorted by path. A cluster
// that is not there has none.
func (c *Cluster) everything() []*File {
	if c == nil {
		return nil
	}
	inventory := c.Inventory()
	files := []*File{&inventory}
	for f := range c.Files() {
		files = append(files, &f)
	}
	slices.SortFunc(files, func(a, b *File) int { return strings.Compare(a.Path, b.Path) })
	return files
}

// A pair is what two sorted lists have of one key, nil where one has nothing.
type pair[T any] struct {
	key      string
	old, new *T
}

// paired pairs the items of two sorted lists.
func paired[T any](olds, news []*T, key func(*T) string) []pair[T] {
	var pairs []pair[T]
	for len(olds) > 0 || len(news) > 0 {
		switch {
		case len(news) == 0 || len(olds) > 0 && key(olds[0]) < key(news[0]):
			pairs = append(pairs, pair[T]{key: key(olds[0]), old: olds[0]})
			olds = olds[1:]
		case len(olds) == 0 || key(news[0]) < key(olds[0]):
			pairs = append(pairs, pair[T]{key: key(news[0]), new: news[0]})
			news = news[1:]
		default:
			pairs = append(pairs, pair[T]{key(olds[0]), olds[0], news[0]})
			olds, news = olds[1:], news[1:]
		}
	}
	return pairs
}
