// Package schema is the two languages of fleetwright: what comes in (Kurator's Application, Fleet,
// AttachedCluster and Cluster, Kuma's Mesh, and fleetwright's own RenderConfig) and what goes out
// (the manifests that Flux, Flagger and Kuma read).
//
// The input kinds are the Go types of package api. Their fields and tags are the shapes that
// [Load] checks documents against. From these and the doc comments `go generate` makes, for
// editors, a JSON Schema and a closed CUE definition of each kind, under input/. What no
// shape can say is a rule, a Go function in the file of its kind. The kinds that go out
// have hand-written closed CUE definitions, which package output applies.
package schema

//go:generate go run generate.go
