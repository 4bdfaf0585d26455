// Package render is the compiler: from the documents of an input to the tree of
// manifests that every cluster's Flux syncs.
//
// [Compile] is a pure function. It reads no file, no environment and no clock,
// and the same documents in any order give the same bytes. Package schema reads,
// and the sinks of the command write.
//
// An assembler builds the directories of clusters from the objects of the packages below;
// collisions in a cluster are checked when all directories are complete.
package render
