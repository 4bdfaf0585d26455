// Package conformance gives what fleetwright renders to the real things: the
// published CRDs, Kubernetes' API server, Flux's kustomize-controller and
// Flagger. Its tests are the proof of the promise that what fleetwright accepts
// Flux can apply and Flagger will run. Its schemas are given to an editor's language
// server.
//
// It is a module of its own, so that none of this reaches those who use
// fleetwright. The programs are built once from the modules under tools/, into
// the user's cache directory.
package conformance
