// Package api holds the kinds of documents that fleetwright reads, as Go types: Kurator's
// Application, Fleet, AttachedCluster and Cluster, Flagger's AlertProvider, Kuma's Mesh, and
// fleetwright's own RenderConfig. Package schema decodes and validates them.
//
// A field is required unless its tag has omitempty or omitzero, or required:"false". The
// tags enum, min, max and pattern restrict its text or number, or each one in its list or
// mapping: a pattern is a regular expression, or the name of one in schema/patterns.go. The
// tags format and keys name a row of schema/formats.go. The tag example gives a required
// field the example that hints show.
//
// The comments have the marker +kubebuilder:default and three fleetwright markers:
// +fleetwright:example gives editors an example, +fleetwright:becomes is the field's row in
// docs/fields.md, and +fleetwright:extension marks a field that Kurator's API does not have.
package api
