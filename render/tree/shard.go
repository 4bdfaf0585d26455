package tree

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/fleetwright/fleetwright/render/layout"
)

// Shard returns the ith of n parts of the tree, counted from 1, so that several machines can write one each.
// Combined in any order, the parts are the tree, to the byte: each contains its applications' files on all
// clusters, the first one also the files of no application, and all contain each cluster's own inventory, which
// marks its directory.
//
// The shard of an application depends only on its <namespace>.<name>, so adding or removing one moves no other
// application to another machine.
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

// ShardOfClusters returns the ith of n parts of the tree, counted from 1, each with whole clusters. The shard of
// a cluster depends on its name as that of an application does in Shard.
func (t *Tree) ShardOfClusters(i, n int) *Tree {
	return t.With(slices.DeleteFunc(slices.Clone(t.Clusters), func(c *Cluster) bool { return shardOf(c.Name, n) != i }))
}

// shard returns which of n shards contains a directory.
func (d *Dir) shard(n int) int {
	if d.App == "" {
		return 1
	}
	return shardOf(d.App, n)
}

// shardOf returns which of n shards contains a name: the first eight bytes of its SHA-256 as a number, modulo n,
// plus 1.
func shardOf(name string, n int) int {
	sum := sha256.Sum256([]byte(name))
	return int(binary.BigEndian.Uint64(sum[:])%uint64(n)) + 1
}

// isRootInventory reports whether a directory is the part of a cluster's own directory with its inventory.
func (d *Dir) isRootInventory() bool { return d.Path == "" && d.files[0].path == layout.InventoryFile }
