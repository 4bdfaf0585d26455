// Package tree holds the output: the files of every cluster, created once however many clusters
// share them, how two trees differ, and which Applications a difference takes from a cluster.
package tree
