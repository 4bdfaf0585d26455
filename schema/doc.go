// Package schema is the two languages of fleetwright: what comes in (Kurator's
// Application, Fleet, AttachedCluster and Cluster, Kuma's Mesh, and
// fleetwright's own RenderConfig) and what goes out (the manifests that Flux,
// Flagger and Kuma read).
//
// The input kinds are the Go types of package api. From their doc comments and
// markers `go generate` makes one JSON Schema per kind, and from that the closed
// CUE shape that [Load] checks documents against; all of it is committed under
// input/. What no shape can say is written by hand as CUE rules in
// input/<kind>.rules.cue. The output kinds have hand-written closed CUE definitions
// under output/, which [CheckOutput] applies.
package schema

//go:generate go run generate.go
