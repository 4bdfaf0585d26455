package tree

import (
	"strings"

	"github.com/fleetwright/fleetwright/render/manifest"
)

// An Object is an object in a file.
type Object struct {
	APIVersion, Kind, Namespace, Name string
	// Applies is the directory that a Flux Kustomization of sync.yaml applies, or "".
	Applies string
}

func objectOf(m *manifest.Object) Object {
	return Object{APIVersion: m.APIVersion, Kind: m.Kind, Namespace: m.Metadata.Namespace, Name: m.Metadata.Name}
}

// ReadObject returns the object of decoded YAML.
func ReadObject(object map[string]any) Object {
	return Object{
		APIVersion: TextAt(object, "apiVersion"), Kind: TextAt(object, "kind"),
		Namespace: TextAt(object, "metadata", "namespace"), Name: TextAt(object, "metadata", "name"),
	}
}

// Group returns the group of the object's API.
func (o Object) Group() string {
	group, _, ok := strings.Cut(o.APIVersion, "/")
	if !ok {
		return ""
	}
	return group
}

// String returns kind namespace/name.
func (o Object) String() string {
	return manifest.Identity{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}.String()
}

// LeavesAll reports whether Flux keeps the objects that the Kustomization or the HelmRelease applied
// when the object is deleted: by its deletionPolicy, with prune: false, and while it is suspended
// (kustomize-controller internal/controller/kustomization_controller.go, finalizerShouldDeleteResources;
// helm-controller internal/controller/helmrelease_controller.go, reconcileDelete).
func LeavesAll(object map[string]any) bool {
	switch TextAt(object, "spec", "deletionPolicy") {
	case "Orphan":
		return true
	case "Delete", "WaitForTermination":
		return IsSuspended(object)
	}
	return PrunesNothing(object)
}

// PrunesNothing reports whether Flux keeps objects on the cluster that it no longer finds.
func PrunesNothing(object map[string]any) bool {
	return TextAt(object, "kind") == "Kustomization" && ValueAt(object, "spec", "prune") == false || IsSuspended(object)
}

// IsSuspended reports whether Flux or Flagger ignores an object, and its deletion.
func IsSuspended(object map[string]any) bool { return ValueAt(object, "spec", "suspend") == true }

// ValueAt returns the field at a path of an object, or nil.
func ValueAt(object map[string]any, path ...string) any {
	var value any = object
	for _, field := range path {
		fields, _ := value.(map[string]any)
		value = fields[field]
	}
	return value
}

// TextAt returns the text of a field, or "".
func TextAt(object map[string]any, path ...string) string {
	text, _ := ValueAt(object, path...).(string)
	return text
}
