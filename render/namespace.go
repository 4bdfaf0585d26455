package render

import "maps"

// Annotations that kustomize-controller reads on the objects that it applies.
const (
	fluxPrune = "kustomize.toolkit.fluxcd.io/prune"
	fluxSSA   = "kustomize.toolkit.fluxcd.io/ssa"
)

// alwaysThere are the namespaces that every cluster has.
var alwaysThere = map[string]bool{"default": true, "kube-system": true, "kube-public": true, "kube-node-lease": true}

// newNamespace is a namespace that only fleetwright renders. It is never pruned:
// with it would go everything in it.
func newNamespace(name string, meta namespaceMeta) *manifest {
	annotations := map[string]string{fluxPrune: "disabled"}
	maps.Copy(annotations, meta.annotations)
	return &manifest{
		APIVersion: coreV1, Kind: "Namespace",
		Metadata: metadata{Name: name, Labels: meta.labels, Annotations: annotations},
	}
}

// newSharedNamespace is a namespace that an application may bring as well. Flux
// applies every object under one field manager, so of two Kustomizations that
// apply it the later one would remove what only the earlier one sets: this one
// is applied only where there is none yet, and the application's own is patched
// to carry the same labels.
func newSharedNamespace(name string, meta namespaceMeta) *manifest {
	m := newNamespace(name, meta)
	m.Metadata.Annotations[fluxSSA] = "IfNotPresent"
	return m
}
