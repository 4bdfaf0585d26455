// Package api holds the kinds of documents that fleetwright reads, as Go types:
// Kurator's Application, Fleet, AttachedCluster and Cluster, Flagger's AlertProvider,
// Kuma's Mesh, and fleetwright's own RenderConfig. Package schema decodes and validates
// them.
//
// Markers are those of Kubernetes' API types (+required, +optional,
// +kubebuilder:validation:Enum, Minimum, Maximum, Pattern, +kubebuilder:default)
// and three of our own: +fleetwright:format names a pattern of the generator's
// table, +fleetwright:example gives editors an example, and
// +fleetwright:extension marks a field that Kurator's API does not have.
package api
