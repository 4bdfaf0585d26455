// Package tree holds what is written: the files of every cluster, made once however many clusters
// share them, how two trees differ, and which Applications a difference takes from a cluster.
package tree
