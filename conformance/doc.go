// Package conformance tests the output of fleetwright with the real programs and schemas: the published CRDs,
// the Kubernetes API server, Flux's kustomize-controller and Flagger. The tests prove that Flux can apply,
// and Flagger can run, everything that fleetwright accepts. They also test the input schemas with an editor's
// language server.
//
// Conformance is a separate module, so that users of fleetwright do not depend on these programs. The
// programs are built once, from the modules under tools/, into the user's cache directory.
package conformance
