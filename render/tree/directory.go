package tree

import (
	"cmp"
	"path"
	"slices"

	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
)

// A Dir is a directory of a cluster, or the part of a shared directory that belongs to one owner. Many clusters
// may share it, and it never changes once it is built.
type Dir struct {
	// Path is the path below DIR/<cluster>/fleetwright, "" for that directory itself.
	Path string
	// Cluster is the cluster that a hub applies the directory to, or "" outside of hubs.
	Cluster string
	// App is the id of the application to which the directory belongs, or "".
	App string
	// Wave is the number of the first wave that needs a source of a hub.
	Wave int
	// files are sorted by name.
	files []dirFile
}

// A dirFile is a file of a directory. It has a blob, or each cluster has its own content: stages, an inventory
// or the source that it syncs from.
type dirFile struct {
	// path is the path below DIR/<cluster>/fleetwright.
	path string
	// object is the object in the file, if any.
	object    Object
	blob      *blob
	stages    syncStages
	inventory *inventory
	source    *clusterSource
}

// objects returns the objects in the file, in its order.
func (f *dirFile) objects() []Object {
	if f.object != (Object{}) {
		return []Object{f.object}
	}
	objects := make([]Object, len(f.stages))
	for i, s := range f.stages {
		objects[i] = s.Object
	}
	return objects
}

// Held is an object in a directory, or one that another program creates on a cluster.
type Held struct {
	ID manifest.Identity
	// File is the name of its file, and Blob the content.
	File   string
	Blob   *blob
	Origin manifest.Origin
	// Maker is the creator of an object that fleetwright does not render.
	Maker string
}

// NewDir creates a payload directory: one file per object, and a kustomization.yaml that lists them.
func (e *Encoder) NewDir(at string, objects ...manifest.Rendered) *Dir {
	d := e.NewListed(at, objects...)
	names := make([]string, len(d.files))
	for i, f := range d.files {
		names[i] = path.Base(f.path)
	}
	d.add(dirFile{path: path.Join(at, layout.KustomizationFile), blob: e.kustomization(names...)})
	return d
}

// NewListed creates a directory that Flux lists itself: one file per object.
func (e *Encoder) NewListed(at string, objects ...manifest.Rendered) *Dir {
	const others = 2 // kustomization.yaml and the inventory
	d := &Dir{Path: at, files: make([]dirFile, 0, len(objects)+others)}
	e.Held[d] = make([]Held, 0, len(objects))
	names := fileNames(objects)
	for i, o := range objects {
		e.put(d, names[i], o)
	}
	return d
}

// NewShared creates the part of a directory that Flux lists itself and several applications use. The name of its
// file depends only on the object.
func (e *Encoder) NewShared(at string, o manifest.Rendered) *Dir {
	d := &Dir{Path: at}
	name := o.Metadata.Name
	if o.Metadata.Namespace != "" {
		name += "." + o.Metadata.Namespace
	}
	e.put(d, layout.FileName(o.Kind, name), o)
	return d
}

// NewReadme creates the file that explains the purpose of a directory.
func (e *Encoder) NewReadme(at, text string) *Dir {
	return &Dir{Path: at, files: []dirFile{{path: path.Join(at, layout.ReadmeFile), blob: newBlob([]byte(text))}}}
}

// put adds the file of an object.
func (e *Encoder) put(d *Dir, name string, o manifest.Rendered) {
	b := e.encode(o.Object)
	d.add(dirFile{path: path.Join(d.Path, name), object: objectOf(o.Object), blob: b})
	e.Held[d] = append(e.Held[d], Held{ID: o.Identity(), File: name, Blob: b, Origin: o.Origin})
}

func (d *Dir) add(f dirFile) {
	i, _ := slices.BinarySearchFunc(d.files, f, compareFiles)
	d.files = slices.Insert(d.files, i, f)
}

func compareFiles(a, b dirFile) int { return cmp.Compare(a.path, b.path) }

// fileNames returns the names of the objects' files: <kind>-<name>.yaml in lower case, with the namespace after
// the name if two would be equal.
func fileNames(objects []manifest.Rendered) []string {
	names := make([]string, len(objects))
	seen := map[string]int{}
	for i, o := range objects {
		names[i] = layout.FileName(o.Kind, o.Metadata.Name)
		seen[names[i]]++
	}
	for i, o := range objects {
		if seen[names[i]] > 1 && o.Metadata.Namespace != "" {
			names[i] = layout.FileName(o.Kind, o.Metadata.Name+"."+o.Metadata.Namespace)
		}
	}
	return names
}
