// Package render is the compiler: from the documents of an input to the tree of
// manifests that every cluster's Flux syncs.
//
// [Compile] is a pure function. It reads no file, no environment and no clock,
// and the same documents in any order give the same bytes. What is read is in
// package schema, what is written is in the sinks of the command.
//
// An assembler makes the directories of clusters of what the packages below render; what
// meets in a cluster is checked when all of them are made.
package render
