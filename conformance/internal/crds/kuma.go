package crds

import (
	"strings"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
)

// Kuma are CRDs as loose as those of Kuma 2, whose modules are not to be had: the
// spec of a kind is anything, and Kuma's own webhook looks at it. They are used
// where its own are not at hand.
func Kuma() []*kube.Object {
	var all []*kube.Object
	for _, k := range []struct{ kind, plural, scope string }{
		{"Mesh", "meshes", "Cluster"},
		{"TrafficRoute", "trafficroutes", "Cluster"},
		{"MeshTrafficPermission", "meshtrafficpermissions", "Namespaced"},
	} {
		anything := map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
		all = append(all, &kube.Object{Object: map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
			"metadata": map[string]any{"name": k.plural + ".kuma.io"},
			"spec": map[string]any{
				"group": "kuma.io", "scope": k.scope,
				"names": map[string]any{"kind": k.kind, "listKind": k.kind + "List", "plural": k.plural, "singular": strings.ToLower(k.kind)},
				"versions": []any{map[string]any{
					"name": "v1alpha1", "served": true, "storage": true,
					"schema": map[string]any{"openAPIV3Schema": map[string]any{
						"type":       "object",
						"properties": map[string]any{"mesh": map[string]any{"type": "string"}, "spec": anything},
					}},
				}},
			},
		}})
	}
	return all
}
