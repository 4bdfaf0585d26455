package tree

import (
	"cmp"
	"crypto/sha256"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rules"
)

// A Tree is everything that is written: the files of every cluster.
type Tree struct {
	// Clusters are sorted by name.
	Clusters []*Cluster
	// Waves are the order in which the clusters get what changes, or nil.
	Waves *place.Waves
	// OwnArtifacts reports whether each cluster syncs an artifact whose root is the cluster's directory.
	OwnArtifacts bool
	// Judged returns a rollout of a cluster as the rules read it, or nil. It may be nil itself.
	Judged func(cluster, namespace, name string) *rules.Rollout

	// input is what the tree was compiled from, also where the clusters are some of all, or
	// nil; byDir are its Applications by the names of their directories.
	input *place.Input
	byDir map[string]*place.Application
}

// New returns the tree of clusters that an input compiles to.
func New(in *place.Input, clusters ...*Cluster) *Tree {
	t := &Tree{Clusters: clusters, input: in, byDir: map[string]*place.Application{}}
	for _, a := range in.Applications {
		t.byDir[a.DirName()] = a
	}
	return t
}

// With returns the tree with some of its clusters.
func (t *Tree) With(clusters []*Cluster) *Tree {
	part := *t
	part.Clusters = clusters
	return &part
}

// Forget drops the documents that the tree was compiled from, without which it finds no losses and no rollouts.
func (t *Tree) Forget() { t.input, t.byDir, t.Judged = nil, nil, nil }

// A Cluster is the directory of one cluster. Clusters share slices of content; what is large and a
// cluster's own is made each time that it is asked for, so that a tree does not grow with them.
type Cluster struct {
	// Name of the cluster, and of its directory.
	Name string
	// Labels of the cluster's document.
	Labels map[string]string
	// Spokes are the names of the other clusters that it applies to as a hub.
	Spokes []string

	*Layout
	// whole is the layout with the files of other shards.
	whole *Layout
	// part is which of a hub's clusters the layout has, or nil where it has all.
	part *hubPart
	// Infrastructure is the cluster's own, or nil where it has that of the layout.
	Infrastructure *Dir
}

// NewCluster returns a cluster that has a layout.
func NewCluster(name string, l *Layout) *Cluster { return &Cluster{Name: name, Layout: l, whole: l} }

// NewFiles returns a cluster that has files as they are, by path.
func NewFiles(name string, files map[string][]byte) *Cluster {
	var dirs []*Dir
	for file, content := range files {
		at := strings.TrimSuffix(path.Dir(file), ".")
		dirs = append(dirs, &Dir{Path: at, files: []dirFile{{path: file, blob: newBlob(content)}}})
	}
	return NewCluster(name, NewLayout(dirs...))
}

// Whole returns the cluster of a shard, or of a part of a hub, with all its files.
func (c *Cluster) Whole() *Cluster {
	whole := *c
	whole.Layout = c.whole
	return &whole
}

// A Layout holds the directories of clusters that get the same. Only the paths in the Flux
// Kustomizations and the name of the cluster in infrastructure/ differ, and the inventories with them.
type Layout struct {
	Dirs []*Dir // sorted by path, those with one path by that of their first file
	// starts are the numbers of the first file of each directory, and of the one behind the last.
	starts []int
}

// NewLayout returns the layout of clusters that get directories, which it sorts.
func NewLayout(dirs ...*Dir) *Layout {
	slices.SortFunc(dirs, func(a, b *Dir) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), compareFiles(a.files[0], b.files[0]))
	})
	l := &Layout{dirs, []int{0}}
	for i, d := range dirs {
		l.starts = append(l.starts, l.starts[i]+len(d.files))
	}
	return l
}

// own returns the cluster's own directory in the place of a layout's.
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
	// For is the cluster that the objects are for, which may be one that a hub applies to.
	For string
	// App is the id of the application that the file is of, or "".
	App string

	// holder knows what is in the file.
	holder *dirFile
}

// Objects are those that the file holds, in its order: none in a file that lists others.
func (f File) Objects() []Object {
	if f.holder == nil {
		return nil
	}
	return f.holder.objects()
}

// Len is the number of files of the cluster, of a shard its own.
func (c *Cluster) Len() int { return c.starts[len(c.starts)-1] }

// find returns the directory of the file of a number, and the file's place in it.
func (c *Cluster) find(number int) (*Dir, int) {
	i, ok := slices.BinarySearch(c.starts, number)
	if !ok {
		i--
	}
	return c.own(c.Dirs[i]), number - c.starts[i]
}

// File returns a file by its number below Len: by directory, and sorted by name in each.
func (c *Cluster) File(number int) File {
	d, i := c.find(number)
	f := &d.files[i]
	file := File{Path: f.path, Content: c.content(f), For: cmp.Or(d.Cluster, c.Name), App: d.App, holder: f}
	if f.blob != nil {
		file.Sum = f.blob.Sum
	} else {
		file.Sum = sha256.Sum256(file.Content)
	}
	return file
}

// Content is that of the file of a number, as File has it, without its sum.
func (c *Cluster) Content(number int) []byte { return c.content(c.at(number)) }

// Path is that of the file of a number.
func (c *Cluster) Path(number int) string { return c.at(number).path }

func (c *Cluster) at(number int) *dirFile {
	d, i := c.find(number)
	return &d.files[i]
}

// content is that of a file of a directory of the cluster.
func (c *Cluster) content(f *dirFile) []byte {
	switch {
	case f.blob != nil:
		return f.blob.content
	case f.inventory != nil:
		return f.inventory.content(c)
	case f.source != nil:
		return f.source.content(c.Name)
	}
	return f.stages.content(c.Name)
}

// sum is that of a file of a directory of the cluster.
func (c *Cluster) sum(f *dirFile) [sha256.Size]byte {
	if f.blob != nil {
		return f.blob.Sum
	}
	return sha256.Sum256(c.content(f))
}

// Files are the files of the cluster, in the order of their numbers.
func (c *Cluster) Files() iter.Seq[File] { return numbered(c.Len(), c.File) }

// Paths are those of the files, in the order of their numbers.
func (c *Cluster) Paths() iter.Seq[string] { return numbered(c.Len(), c.Path) }

// numbered returns what has the numbers from 0 to below n.
func numbered[T any](n int, of func(int) T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := range n {
			if !yield(of(i)) {
				return
			}
		}
	}
}
