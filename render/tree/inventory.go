package tree

import (
	"path"
	"slices"

	"github.com/fleetwright/fleetwright/render/layout"
)

// An inventory lists the files of one owner. Each cluster has its own, because the listed files contain the
// cluster's name.
type inventory struct {
	versions map[string]string
	patterns []string
	dirs     []*Dir
}

// AddInventory adds the inventory of directories, one of which may be d itself, with the versions of upstream
// for which they are rendered and patterns for further files of their owner, if any.
func (d *Dir) AddInventory(versions map[string]string, patterns []string, dirs ...*Dir) {
	d.add(dirFile{path: path.Join(d.Path, layout.InventoryFile), inventory: &inventory{versions, patterns, slices.Clone(dirs)}})
}

// content returns the file of a cluster.
func (inv *inventory) content(c *Cluster) []byte {
	var files []dirFile
	for _, d := range inv.dirs {
		files = append(files, c.own(d).files...)
	}
	slices.SortFunc(files, compareFiles)
	content := layout.AppendInventory(nil, inv.versions, inv.patterns)
	size := 0
	for _, f := range files {
		size += layout.FileLine(f.path)
	}
	content = slices.Grow(content, size)
	for _, f := range files {
		if f.inventory == nil {
			content = layout.AppendFile(content, f.path, c.sum(&f))
		}
	}
	return content
}
