package tree

import (
	"crypto/sha256"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
)

// A Tree is everything that is written: the files of every cluster.
type Tree struct {
	// Clusters are sorted by name.
	Clusters []*Cluster

	// Placements are of all Applications, also where the clusters are some of those that
	// they go to. A tree that was not compiled has none.
	placements *placements
}

// With returns the tree with some of its clusters.
func (t *Tree) With(clusters []*Cluster) *Tree { return &Tree{clusters, t.placements} }

// Finish ends the compilation of the input: a tree outlives the documents that it was made of,
// and keeps where the policies of all Applications go.
func (t *Tree) Finish(in *place.Input) {
	t.placements = newPlacements(in)
	t.forget()
}

// forget drops what only compiling needs.
func (t *Tree) forget() {
	forgotten := map[*Layout]bool{}
	for _, c := range t.Clusters {
		if c.Infrastructure != nil {
			c.Infrastructure.forget()
		}
		if forgotten[c.Layout] {
			continue
		}
		forgotten[c.Layout] = true
		for _, d := range c.Dirs {
			d.forget()
		}
	}
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

	// layout is that of the files that are written, and whole that of all of them: of a
	// shard there are more in its inventory.
	*Layout
	whole *Layout
	// Root is the place of the cluster's directory in the repository.
	root string
	// Infrastructure is the cluster's own, or nil where it has that of the layout.
	Infrastructure *Dir
	// syncSum is the SHA-256 of the cluster's sync.yaml.
	syncSum func() [sha256.Size]byte
}

// NewCluster is a cluster that has a layout.
func NewCluster(name, root string, l *Layout) *Cluster {
	c := &Cluster{Name: name, Layout: l, whole: l, root: root}
	c.syncSum = sync.OnceValue(func() [sha256.Size]byte { return sha256.Sum256(l.stages.content(root)) })
	return c
}

// A Layout is what clusters have in common that get the same of everything: which
// directories there are and how they are applied. Of the files, sync.yaml has other
// paths and infrastructure/ another name of the cluster in each.
type Layout struct {
	Dirs []*Dir // sorted by path
	// starts are the numbers of the first file of each directory, and of the one behind
	// the last.
	starts   []int
	stages   syncTemplate
	versions map[string]string
}

// NewLayout returns the layout of clusters that get these directories, which it sorts.
func NewLayout(dirs []*Dir, stages syncTemplate, versions map[string]string) *Layout {
	slices.SortFunc(dirs, func(a, b *Dir) int { return strings.Compare(a.Path, b.Path) })
	l := &Layout{dirs, []int{0}, stages, versions}
	for i, d := range dirs {
		l.starts = append(l.starts, l.starts[i]+len(d.Files))
	}
	return l
}

// isShard says whether the cluster has only some of the files that its inventory names.
func (c *Cluster) isShard() bool { return c.Layout != c.whole }

// Dir is a directory of the cluster.
func (c *Cluster) dir(i int) *Dir { return c.own(c.Dirs[i]) }

// own is the cluster's own directory in the place of a layout's.
func (c *Cluster) own(d *Dir) *Dir {
	if d.Path != layout.Infrastructure || c.Infrastructure == nil {
		return d
	}
	return c.Infrastructure
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

	// held is the object in the file, and stages are those of sync.yaml.
	held   *Held
	stages syncTemplate
}

// An Object is one of those that a file holds.
type Object struct {
	APIVersion, Kind, Namespace, Name string
	// Applies is the directory, below DIR/<cluster>/fleetwright, that a Flux Kustomization
	// of sync.yaml applies. It is empty for any other object.
	Applies string
}

// Group returns the group of the object's API.
func (o Object) Group() string {
	group, _, ok := strings.Cut(o.APIVersion, "/")
	if !ok {
		return ""
	}
	return group
}

// String is how people name an object: kind namespace/name.
func (o Object) String() string {
	return manifest.Identity{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}.String()
}

// Objects are those that the file holds, in its order: none in a file that lists others.
func (f File) Objects() []Object {
	if f.held != nil && f.held.ID != (manifest.Identity{}) {
		return []Object{f.held.named("")}
	}
	objects := make([]Object, len(f.stages))
	for i, s := range f.stages {
		objects[i] = (&Held{apiVersion: manifest.KustomizeV1, ID: s.id}).named(s.applies)
	}
	return objects
}

func (o *Held) named(applies string) Object {
	return Object{o.apiVersion, o.ID.Kind, o.ID.Namespace, o.ID.Name, applies}
}

// Len is the number of files of the cluster but for the inventory, of a shard its own.
func (c *Cluster) Len() int { return c.starts[len(c.starts)-1] }

// File is the file of a number, from 0 to below Len: directory by directory and sorted
// by name in each.
func (c *Cluster) File(number int) File { return c.file(c.find(number)) }

// Path is that of the file of a number.
func (c *Cluster) Path(number int) string {
	d, i := c.find(number)
	return d.Files[i].path
}

// Sum is that of the file of a number.
func (c *Cluster) sum(number int) [sha256.Size]byte { return c.sumIn(c.find(number)) }

// sumIn is that of a file of a directory of the cluster.
func (c *Cluster) sumIn(d *Dir, i int) [sha256.Size]byte {
	if f := d.Files[i]; f.Blob != nil {
		return f.Blob.Sum
	}
	return c.syncSum()
}

// find is the directory of the file of a number, and the file's place in it.
func (c *Cluster) find(number int) (*Dir, int) {
	i, ok := slices.BinarySearch(c.starts, number)
	if !ok {
		i--
	}
	return c.dir(i), number - c.starts[i]
}

// file is a file of a directory of the cluster.
func (c *Cluster) file(d *Dir, i int) File {
	f := d.Files[i]
	file := File{Path: f.path, For: c.Name, held: &d.Files[i].Held}
	if d.Cluster != "" {
		file.For = d.Cluster
	}
	if file.Sum = c.sumIn(d, i); f.Blob != nil {
		file.Content = f.Blob.content
	} else {
		file.Content, file.stages = c.stages.content(c.root), c.stages
	}
	return file
}

// Files are the files of the cluster but for the inventory, in the order of their
// numbers.
func (c *Cluster) Files() iter.Seq[File] {
	return func(yield func(File) bool) {
		for i := range c.Dirs {
			d := c.dir(i)
			for j := range d.Files {
				if !yield(c.file(d, j)) {
					return
				}
			}
		}
	}
}

// Paths are those of the files but for the inventory, in the order of their numbers.
func (c *Cluster) Paths() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, d := range c.Dirs {
			for _, f := range d.Files {
				if !yield(f.path) {
					return
				}
			}
		}
	}
}

// Inventory is the file that lists all others, those of other shards too. It is
// written last.
func (c *Cluster) Inventory() File {
	content := c.inventory()
	return File{Path: layout.InventoryFile, Content: content, Sum: sha256.Sum256(content), For: c.Name}
}
