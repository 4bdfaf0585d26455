package render

import (
	"crypto/sha256"
	"iter"
	"path"
)

// Dir is the directory of a cluster that fleetwright owns: DIR/<cluster>/Dir.
const Dir = "fleetwright"

// InventoryFile is the name of the file that lists all others.
const InventoryFile = "inventory.json"

// A Tree is everything that is written: the files of every cluster.
type Tree struct {
	// Clusters are sorted by name.
	Clusters []*Cluster
}

// A Cluster is the directory of one cluster. Content that clusters share is the
// same slice in all of them.
type Cluster struct {
	// Name of the cluster, and of its directory.
	Name string

	dirs      []*dir // sorted by path
	inventory *blob
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

// Files are the files of the cluster but for the inventory, directory by
// directory and sorted by name in each.
func (c *Cluster) Files() iter.Seq[File] {
	return func(yield func(File) bool) {
		for _, d := range c.dirs {
			cluster := c.Name
			if d.spoke != nil {
				cluster = d.spoke.name
			}
			for _, f := range d.files {
				if !yield(File{path.Join(d.path, f.name), f.blob.content, f.blob.sum, cluster}) {
					return
				}
			}
		}
	}
}

// Inventory is the file that lists all others. It is written last.
func (c *Cluster) Inventory() File {
	return File{InventoryFile, c.inventory.content, c.inventory.sum, c.Name}
}
