// Package api holds the kinds of documents that fleetwright reads, as Go types:
// Kurator's Application, Fleet, AttachedCluster and Cluster, Flagger's AlertProvider,
// Kuma's Mesh, and fleetwright's own RenderConfig. Package schema decodes and validates
// them.
//
// A field is required unless its tag says omitempty or omitzero. One that is optional and
// always written has the marker +optional. The other markers are those of Kubernetes' API
// types (+kubebuilder:validation:Enum, Minimum, Maximum, Pattern, +kubebuilder:default)
// and four of our own: +fleetwright:format names a pattern of the generator's table, for
// fields without the tag format, +fleetwright:example gives editors an example,
// +fleetwright:becomes is the field's row in docs/fields.md, and +fleetwright:extension
// marks a field that Kurator's API does not have.
package api
