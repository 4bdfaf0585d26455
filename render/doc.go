// Package render is the compiler: from the documents of an input to the tree of
// manifests that every cluster's Flux syncs.
//
// [Compile] is a pure function. It reads no file, no environment and no clock,
// and the same documents in any order give the same bytes. What is read is in
// package schema, what is written is in the sinks of the command.
//
// There is one file per kind of thing that is rendered, and one per provider
// that moves traffic; a provider is what implements the interface in
// provider.go. What differs between upstream versions stands in one table of its
// provider's file.
package render
