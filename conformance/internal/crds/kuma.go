package crds

import "github.com/fleetwright/fleetwright/conformance/internal/kube"

// Kuma is a set of CRDs as loose as those of Kuma 2, whose modules are not available: the spec of a kind can
// be anything, and Kuma's own webhook validates it. Tests use this set if Kuma's CRDs are not available.
func Kuma() []*kube.Object {
	all := loose("kuma.io", "Cluster", "v1alpha1", "Mesh", "TrafficRoute")
	return append(all, loose("kuma.io", "Namespaced", "v1alpha1", "MeshTrafficPermission")...)
}
