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

// A Tree holds the whole output: the files of every cluster.
type Tree struct {
	// Clusters are sorted by name.
	Clusters []*Cluster
	// Waves is the order in which the clusters get changes, or nil.
	Waves *place.Waves
	// OwnArtifacts reports whether each cluster syncs an artifact whose root is the cluster's directory.
	OwnArtifacts bool
	// Judged returns a rollout of a cluster as the rules read it, or nil. It may be nil itself.
	Judged func(cluster, namespace, name string) *rules.Rollout

	// input is the input from which the tree was compiled, even if the tree has only some of its clusters, or
	// nil. byDir holds its Applications by the names of their directories.
	input *place.Input
	byDir map[string]*place.Application
}

// New returns the tree of the clusters to which an input compiles.
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

// Forget drops the documents from which the tree was compiled. Without them, it finds no losses and no rollouts.
func (t *Tree) Forget() { t.input, t.byDir, t.Judged = nil, nil, nil }

// A Cluster is the directory of one cluster. Clusters share slices of content; large content of a single cluster
// is created on each request, so that the memory of a tree does not grow with its clusters.
type Cluster struct {
	// Name of the cluster, and of its directory.
	Name string
	// Labels of the cluster's document.
	Labels map[string]string
	// Spokes holds the names of the other clusters that it applies to as a hub.
	Spokes []string

	*Layout
	// whole is the layout with the files of other shards.
	whole *Layout
	// part is the part of a hub's clusters in the layout, or nil for all of them.
	part *hubPart
	// Infrastructure is the cluster's own directory, or nil if the layout contains it.
	Infrastructure *Dir
}

// NewCluster returns a cluster with a layout.
func NewCluster(name string, l *Layout) *Cluster { return &Cluster{Name: name, Layout: l, whole: l} }

// NewFiles returns a cluster with the given files, by path.
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

// A Layout holds the directories of clusters with the same content. Only the paths in the Flux Kustomizations
// and the name of the cluster in infrastructure/ differ, and with them the inventories.
type Layout struct {
	Dirs []*Dir // sorted by path, and directories with the same path by their first file
	// starts holds the number of the first file of each directory, and the number of all files at the end.
	starts []int
}

// NewLayout returns the layout of clusters with the directories, which it sorts.
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

// own returns the cluster's own directory if it replaces the layout's.
func (c *Cluster) own(d *Dir) *Dir {
	if d.Path != layout.Infrastructure || c.Infrastructure == nil {
		return d
	}
	return c.Infrastructure
}

// A File is one file of a cluster.
type File struct {
	// Path is the path below DIR/<cluster>/fleetwright, with slashes.
	Path string
	// Content is shared and must not be changed.
	Content []byte
	// Sum is the SHA-256 of the content.
	Sum [sha256.Size]byte
	// For is the cluster for which the objects are, which may be one that a hub applies to.
	For string
	// App is the id of the application to which the file belongs, or "".
	App string

	// holder is the dirFile of the file.
	holder *dirFile
}

// Objects returns the objects in the file, in its order, and none for a file that lists others.
func (f File) Objects() []Object {
	if f.holder == nil {
		return nil
	}
	return f.holder.objects()
}

// Len returns the number of files of the cluster, or of its part in a shard.
func (c *Cluster) Len() int { return c.starts[len(c.starts)-1] }

// find returns the directory of the file with a number, and the file's index in it.
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

// Content returns the content of the file with a number.
func (c *Cluster) Content(number int) []byte { return c.content(c.at(number)) }

// Path returns the path of the file with a number.
func (c *Cluster) Path(number int) string { return c.at(number).path }

func (c *Cluster) at(number int) *dirFile {
	d, i := c.find(number)
	return &d.files[i]
}

// content returns the content of a file of the cluster.
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

// sum returns the SHA-256 of a file of the cluster.
func (c *Cluster) sum(f *dirFile) [sha256.Size]byte {
	if f.blob != nil {
		return f.blob.Sum
	}
	return sha256.Sum256(c.content(f))
}

// Files yields the files of the cluster, in the order of their numbers.
func (c *Cluster) Files() iter.Seq[File] { return numbered(c.Len(), c.File) }

// Paths yields the paths of the files, in the order of their numbers.
func (c *Cluster) Paths() iter.Seq[string] { return numbered(c.Len(), c.Path) }

// numbered returns the elements with the numbers from 0 to n-1.
func numbered[T any](n int, of func(int) T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := range n {
			if !yield(of(i)) {
				return
			}
		}
	}
}
