package tree

import (
	"path"
	"slices"

	"github.com/fleetwright/fleetwright/render/layout"
)

// AddInventory adds the inventory of directories, of which one may be that itself, and of what else
// their owner has.
func (d *Dir) AddInventory(versions map[string]string, others []string, dirs ...*Dir) {
	files := slices.Clone(others)
	for _, of := range dirs {
		for _, f := range of.files {
			if !layout.IsInventoryFile(f.path) {
				files = append(files, f.path)
			}
		}
	}
	d.add(dirFile{path: path.Join(d.Path, layout.InventoryFile), blob: newBlob(layout.Inventory(versions, files))})
}
