package tree

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/fleetwright/fleetwright/render/layout"
)

// Shard is the ith of n parts of the tree, counted from 1, as several machines write one
// each. Put together in any order they are the tree, to the byte: each has what is of its own
// applications on all clusters, the first also what is of none, and all have the inventory of each
// cluster itself, by which its directory is known.
//
// An application is in the shard of its <namespace>.<name> alone, so one that comes or
// goes moves no other to another machine.
func (t *Tree) Shard(i, n int) *Tree {
	parts := map[*Layout]*Layout{}
	shard := t.With(nil)
	for _, c := range t.Clusters {
		part, ok := parts[c.Layout]
		if !ok {
			dirs := slices.DeleteFunc(slices.Clone(c.Dirs), func(d *Dir) bool { return d.shard(n) != i && !d.isRootInventory() })
			part = NewLayout(dirs...)
			parts[c.Layout] = part
		}
		own := *c
		own.Layout = part
		shard.Clusters = append(shard.Clusters, &own)
	}
	return shard
}

// ShardOfClusters is the ith of n parts of the tree, counted from 1, that have whole clusters: those whose names are
// in it as those of applications are in Shard.
func (t *Tree) ShardOfClusters(i, n int) *Tree {
	return t.With(slices.DeleteFunc(slices.Clone(t.Clusters), func(c *Cluster) bool { return shardOf(c.Name, n) != i }))
}

// shard is the one of n that a directory is in.
func (d *Dir) shard(n int) int {
	if d.App == "" {
		return 1
	}
	return shardOf(d.App, n)
}

// shardOf is the one of n that a name is in: the first eight bytes of its SHA-256 as a number, modulo n, and 1.
func shardOf(name string, n int) int {
	sum := sha256.Sum256([]byte(name))
	return int(binary.BigEndian.Uint64(sum[:])%uint64(n)) + 1
}

// isRootInventory reports whether a directory is the part of a cluster's own that has its inventory.
func (d *Dir) isRootInventory() bool { return d.Path == "" && d.files[0].path == layout.InventoryFile }
