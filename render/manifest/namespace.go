package manifest

import "maps"

// Annotations that kustomize-controller reads on the objects that it applies.
const (
	FluxPrune = "kustomize.toolkit.fluxcd.io/prune"
	FluxSSA   = "kustomize.toolkit.fluxcd.io/ssa"
)

// AlwaysThere are the namespaces that every cluster has.
var AlwaysThere = map[string]bool{"default": true, "kube-system": true, "kube-public": true, "kube-node-lease": true}

// NewNamespace returns a namespace that only fleetwright renders. It is never pruned:
// with it would go everything in it.
func NewNamespace(name string, meta NamespaceMeta) *Object {
	annotations := map[string]string{FluxPrune: "disabled"}
	maps.Copy(annotations, meta.Annotations)
	return &Object{
		APIVersion: CoreV1, Kind: "Namespace",
		Metadata: Metadata{Name: name, Labels: meta.Labels, Annotations: annotations},
	}
}

// NewSharedNamespace returns a namespace that an application may bring as well. Flux applies every
// object under one field manager, so of two Kustomizations that apply it the later one would remove
// what only the earlier one sets: this one is applied only where there is none yet, and the
// application's own is patched to carry the same labels.
func NewSharedNamespace(name string, meta NamespaceMeta) *Object {
	m := NewNamespace(name, meta)
	m.Metadata.Annotations[FluxSSA] = "IfNotPresent"
	return m
}

// A NamespaceMeta is what a namespace must carry.
type NamespaceMeta struct {
	Labels, Annotations map[string]string
	// Unless are labels of the application's own namespace that stand for these.
	Unless []string
}

// IsZero reports whether a namespace need carry nothing.
func (m NamespaceMeta) IsZero() bool { return len(m.Labels) == 0 && len(m.Annotations) == 0 }
