package crds

import (
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
)

// anything is a schema that accepts every object.
func anything() map[string]any {
	return map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
}

// loose returns CRDs that accept every object, for kinds of a group in a version. Commas separate several
// versions.
func loose(group, scope, versions string, kinds ...string) (all []*kube.Object) {
	for _, kind := range kinds {
		singular := strings.ToLower(kind)
		plural := singular + "s"
		if strings.HasSuffix(singular, "sh") {
			plural = singular + "es"
		} else if strings.HasSuffix(singular, "xy") {
			plural = strings.TrimSuffix(singular, "y") + "ies"
		}
		var served []any
		for i, version := range strings.Split(versions, ",") {
			served = append(served, map[string]any{
				"name": version, "served": true, "storage": i == 0, "subresources": map[string]any{"status": map[string]any{}},
				"schema": map[string]any{"openAPIV3Schema": anything()},
			})
		}
		all = append(all, &kube.Object{Object: map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
			"metadata": map[string]any{"name": plural + "." + group},
			"spec": map[string]any{
				"group": group, "scope": scope, "versions": served,
				"names": map[string]any{"kind": kind, "listKind": kind + "List", "plural": plural, "singular": singular},
			},
		}})
	}
	return all
}

// Routers are CRDs of the objects that Flagger's routers create, except those of Istio, Kuma and Gateway API.
// They only reject a split that the real API server would reject: Knative requires a total of 100%.
func Routers() []*kube.Object {
	knative := loose("serving.knative.dev", "Namespaced", "v1", "Service", "Revision")
	traffic := map[string]any{
		"type": "array", "maxItems": int64(10), "items": anything(),
		// knative/serving pkg/apis/serving/v1/route_validation.go, validateTrafficList
		"x-kubernetes-validations": []any{map[string]any{"rule": "self.map(t, t.percent).sum() == 100", "message": "the traffic must add up to 100%"}},
	}
	traffic["items"].(map[string]any)["properties"] = map[string]any{"percent": map[string]any{"type": "integer", "default": int64(0)}}
	spec := anything()
	spec["properties"] = map[string]any{"traffic": traffic}
	version := knative[0].Object["spec"].(map[string]any)["versions"].([]any)[0].(map[string]any)
	version["schema"].(map[string]any)["openAPIV3Schema"].(map[string]any)["properties"] = map[string]any{"spec": spec}
	return slices.Concat(knative,
		loose("apisix.apache.org", "Namespaced", "v2", "ApisixRoute"),
		loose("appmesh.k8s.aws", "Namespaced", "v1beta2,v1beta1", "VirtualNode", "VirtualRouter", "VirtualService"),
		loose("gateway.solo.io", "Namespaced", "v1", "RouteTable"),
		loose("gloo.solo.io", "Namespaced", "v1", "Upstream"),
		loose("projectcontour.io", "Namespaced", "v1", "HTTPProxy"),
		loose("split.smi-spec.io", "Namespaced", "v1alpha1,v1alpha2,v1alpha3", "TrafficSplit"),
		loose("traefik.containo.us", "Namespaced", "v1alpha1", "TraefikService"), // before 1.43
		loose("traefik.io", "Namespaced", "v1alpha1", "TraefikService"),
	)
}
