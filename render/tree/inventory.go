package tree

import (
	"path"
	"slices"

	"github.com/fleetwright/fleetwright/render/layout"
)

// An inventory lists the files of one owner. Each cluster has its own, as what it lists names the cluster.
type inventory struct {
	versions map[string]string
	patterns []string
	dirs     []*Dir
}

// AddInventory adds the inventory of directories, of which one may be that itself, with the versions of
// upstream that they are made for and patterns of what else their owner has, if any.
func (d *Dir) AddInventory(versions map[string]string, patterns []string, dirs ...*Dir) {
	d.add(dirFile{path: path.Join(d.Path, layout.InventoryFile), inventory: &inventory{versions, patterns, slices.Clone(dirs)}})
}

// content is the file of a cluster.
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
