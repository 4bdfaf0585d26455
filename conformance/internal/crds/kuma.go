package crds

import "github.com/fleetwright/fleetwright/conformance/internal/kube"

// Kuma are CRDs as loose as those of Kuma 2, whose modules are not to be had: the
// spec of a kind is anything, and Kuma's own webhook looks at it. They are used
// where its own are not at hand.
func Kuma() []*kube.Object {
	all := loose("kuma.io", "Cluster", "v1alpha1", "Mesh", "TrafficRoute")
	return append(all, loose("kuma.io", "Namespaced", "v1alpha1", "MeshTrafficPermission")...)
}
