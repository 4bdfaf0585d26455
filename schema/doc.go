// Package schema defines the two languages of fleetwright: its inputs (Kurator's Application, Fleet,
// AttachedCluster and Cluster, Kuma's Mesh, and fleetwright's own RenderConfig) and its outputs
// (the manifests that Flux, Flagger and Kuma read).
//
// The input kinds are the Go types of package api. Their fields and tags are the shapes that
// [Load] checks documents against. From these and the doc comments `go generate` creates, for
// editors, a JSON Schema and a closed CUE definition of each kind, under input/. Constraints that no
// shape can express are rules: Go functions in the file of their kind. The output kinds
// have hand-written closed CUE definitions, which package output applies.
package schema

//go:generate go run generate.go
