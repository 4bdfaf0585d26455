package render

import (
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/plain"
	"github.com/fleetwright/fleetwright/render/tree"
)

// What a compilation makes, and how two of these differ.
type (
	// Tree is everything that is written: the files of every cluster.
	Tree = tree.Tree
	// Cluster is the directory of one cluster.
	Cluster = tree.Cluster
	// File is one file of a cluster.
	File = tree.File
	// Object is one of those that a file holds.
	Object = tree.Object
	// Change is a file that differs between two trees.
	Change = tree.Change
	// RolloutPlan is what the rollouts of a Canary go through.
	RolloutPlan = flagger.Plan
	// CanaryOptions say what the clusters of plain Canaries have.
	CanaryOptions = plain.Options
)
