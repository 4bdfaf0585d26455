package tree

import (
	"cmp"
	"path"
	"slices"
	"sync"

	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
)

// A Dir is a directory of a cluster. Many may share it, and nothing changes it once it is built.
type Dir struct {
	// Path below DIR/<cluster>/fleetwright, "" for that itself.
	Path string
	// Cluster is the one that a hub applies the directory to, or "" outside of hubs.
	Cluster string
	// App is the id of the application that the directory is of, or "".
	App string
	// files are sorted by name.
	files []dirFile
	// lines are those of the files in an inventory.
	lines func() []byte
}

// A dirFile is a file of a directory.
type dirFile struct {
	// path below DIR/<cluster>/fleetwright.
	path string
	// object that it holds, or none.
	object Object
	// blob is nil for a file of which each cluster has its own.
	blob *blob
}

// Held is an object in a directory, or one that somebody else makes on a cluster.
type Held struct {
	ID manifest.Identity
	// File is the name of its file, and Blob the content.
	File   string
	Blob   *blob
	Origin manifest.Origin
	// Maker of what fleetwright does not render.
	Maker string
}

// NewDir makes a payload directory: one file per object, and a kustomization.yaml that names them.
func (e *Encoder) NewDir(at string, objects ...manifest.Rendered) *Dir {
	d := &Dir{Path: at}
	names := fileNames(objects)
	for i, o := range objects {
		b := e.encode(o.Object)
		d.files = append(d.files, dirFile{path.Join(at, names[i]), objectOf(o.Object), b})
		e.Held[d] = append(e.Held[d], Held{ID: o.Identity(), File: names[i], Blob: b, Origin: o.Origin})
	}
	slices.Sort(names)
	d.files = append(d.files, dirFile{path: path.Join(at, layout.KustomizationFile), blob: e.kustomization(names...)})
	slices.SortFunc(d.files, func(a, b dirFile) int { return cmp.Compare(a.path, b.path) })
	d.lines = sync.OnceValue(func() (lines []byte) {
		for _, f := range d.files {
			lines = append(lines, inventoryLine(f.path, f.blob.Sum)...)
		}
		return lines
	})
	return d
}

// fileNames are the names of the objects' files: <kind>-<name>.yaml in lower
// case, with the namespace behind the name where two would be the same.
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
