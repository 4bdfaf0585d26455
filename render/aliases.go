package render

import (
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/plain"
	"github.com/fleetwright/fleetwright/render/tree"
)

// The results of a compilation, and the difference of two.
type (
	// Tree holds the files of every cluster.
	Tree = tree.Tree
	// Cluster is the directory of one cluster.
	Cluster = tree.Cluster
	// File is one file of a cluster.
	File = tree.File
	// Object is an object of a file.
	Object = tree.Object
	// Change is a file that differs between two trees.
	Change = tree.Change
	// RolloutPlan holds the steps of the rollouts of a Canary.
	RolloutPlan = flagger.Plan
	// CanaryOptions describe the clusters of plain Canaries.
	CanaryOptions = plain.Options
)
