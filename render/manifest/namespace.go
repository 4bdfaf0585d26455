package manifest

import "maps"

// Annotations that kustomize-controller reads on the objects that it applies.
const (
	FluxPrune = "kustomize.toolkit.fluxcd.io/prune"
	FluxSSA   = "kustomize.toolkit.fluxcd.io/ssa"
)

// AlwaysThere are the namespaces that every cluster has.
var AlwaysThere = map[string]bool{"default": true, "kube-system": true, "kube-public": true, "kube-node-lease": true}

// NewNamespace returns a namespace that only fleetwright renders. It is never pruned, because that would delete
// everything in it.
func NewNamespace(name string, meta NamespaceMeta) *Object {
	annotations := map[string]string{FluxPrune: "disabled"}
	maps.Copy(annotations, meta.Annotations)
	return &Object{
		APIVersion: CoreV1, Kind: "Namespace",
		Metadata: Metadata{Name: name, Labels: meta.Labels, Annotations: annotations},
	}
}

// NewSharedNamespace returns a namespace that an application may also contain. Flux applies every object under
// one field manager, so of two Kustomizations that apply the namespace, the later one would remove fields that
// only the earlier one sets. Therefore this one is applied only if the namespace does not exist, and the
// application's own is patched to have the same labels.
func NewSharedNamespace(name string, meta NamespaceMeta) *Object {
	m := NewNamespace(name, meta)
	m.Metadata.Annotations[FluxSSA] = "IfNotPresent"
	return m
}

// A NamespaceMeta holds the labels and annotations that a namespace needs.
type NamespaceMeta struct {
	Labels, Annotations map[string]string
	// Unless holds labels of the application's own namespace that replace these.
	Unless []string
}

// IsZero reports whether a namespace needs no metadata.
func (m NamespaceMeta) IsZero() bool { return len(m.Labels) == 0 && len(m.Annotations) == 0 }
