package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
)

var (
	trafficRoutes   = schema.GroupVersionKind{Group: "kuma.io", Version: "v1alpha1", Kind: "TrafficRoute"}
	virtualServices = schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1beta1", Kind: "VirtualService"}
	ingresses       = schema.GroupVersionKind{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"}
)

// A route is what of the traffic the canary gets.
type route struct {
	percent int64
	// audience is whose traffic that is, or nothing where it is everyone's.
	audience string
	// sticky says whether those who got the canary once get it again.
	sticky bool
	// mirrored says whether the canary gets a copy of what others answer.
	mirrored bool
}

// A router is where Flagger has the route on a provider, and what it says.
type router struct {
	kind schema.GroupVersionKind
	// name is that of the object, of which there is none before Flagger makes it.
	name func(canary *kube.Object) types.NamespacedName
	// read reads the route to the canary of a Service.
	read func(o *kube.Object, service string) (route, error)
}

// routers are those of the providers.
var routers = map[string]router{
	"kuma": {trafficRoutes, func(canary *kube.Object) types.NamespacedName {
		return types.NamespacedName{Name: serviceOf(canary)}
	}, ofTrafficRoute},
	"istio": {virtualServices, func(canary *kube.Object) types.NamespacedName {
		return types.NamespacedName{Namespace: canary.GetNamespace(), Name: serviceOf(canary)}
	}, ofVirtualService},
	"nginx": {ingresses, func(canary *kube.Object) types.NamespacedName {
		return types.NamespacedName{Namespace: canary.GetNamespace(), Name: ingressOf(canary) + "-canary"}
	}, ofIngress},
}

// serviceOf is the name of the Service of a Canary.
func serviceOf(canary *kube.Object) string {
	name, _, _ := unstructured.NestedString(canary.Object, "spec", "service", "name")
	return name
}

// ingressOf is the name of the Ingress of a Canary.
func ingressOf(canary *kube.Object) string {
	name, _, _ := unstructured.NestedString(canary.Object, "spec", "ingressRef", "name")
	return name
}

// route reads the route that Flagger has made. It must be of the rollout's mesh, and of
// its Ingress.
func (c *flaggerCluster) route(t *testing.T) (route, error) {
	router := routers[c.provider]
	name := router.name(c.canary)
	o, err := c.Get(t.Context(), router.kind, name.Namespace, name.Name)
	if err != nil {
		return route{}, nil
	}
	switch c.provider {
	case "kuma":
		if mesh := o.Object["mesh"]; mesh != c.canary.GetAnnotations()["kuma.io/mesh"] {
			return route{}, fmt.Errorf("the TrafficRoute is of the mesh %v", mesh)
		}
	case "nginx":
		if !c.isLikeItsIngress(t, o) {
			return route{}, fmt.Errorf("the Ingress of the canary has %v", o.Object["spec"])
		}
	}
	return router.read(o, c.service())
}

// isLikeItsIngress says whether the Ingress that Flagger makes for the canary is like that
// of the rollout in all but the Service.
func (c *flaggerCluster) isLikeItsIngress(t *testing.T, o *kube.Object) bool {
	t.Helper()
	want := c.objects["Ingress "+c.canary.GetNamespace()+"/"+ingressOf(c.canary)].DeepCopy()
	for _, rule := range slice(want.Object, "spec", "rules") {
		for _, path := range slice(rule, "http", "paths") {
			set(t, path, c.service()+"-canary", "backend", "service", "name")
		}
	}
	return equalJSON(t, &kube.Object{Object: map[string]any{"spec": o.Object["spec"]}}, &kube.Object{Object: map[string]any{"spec": want.Object["spec"]}})
}

// ofTrafficRoute reads the split of Kuma's TrafficRoute.
func ofTrafficRoute(o *kube.Object, service string) (route, error) {
	var r route
	for _, part := range slice(o.Object, "spec", "conf", "split") {
		if to, _, _ := unstructured.NestedString(part, "destination", "kuma.io/service"); strings.HasPrefix(to, service+"-canary_") {
			r.percent, _, _ = unstructured.NestedInt64(part, "weight")
		}
	}
	return r, nil
}

// ofVirtualService reads the routes of Istio's VirtualService, of requests and of
// connections. The last that leads to the canary is the one that Flagger moves; one before
// it, for a cookie, keeps clients there.
func ofVirtualService(o *kube.Object, service string) (route, error) {
	var r route
	for _, rule := range append(slice(o.Object, "spec", "http"), slice(o.Object, "spec", "tcp")...) {
		if to, _, _ := unstructured.NestedString(rule, "mirror", "host"); to == service+"-canary" {
			r.mirrored = true
		}
		for _, part := range slice(rule, "route") {
			if to, _, _ := unstructured.NestedString(part, "destination", "host"); to != service+"-canary" {
				continue
			}
			weight, _, _ := unstructured.NestedInt64(part, "weight")
			if of := audience(rule); strings.HasPrefix(of, "Cookie: ") {
				r.sticky = weight == 100
			} else {
				r.percent, r.audience = weight, of
			}
		}
	}
	if r.percent == 0 {
		r.audience = "" // nobody's
	}
	return r, nil
}

// audience is what a rule of a VirtualService matches.
func audience(rule map[string]any) string {
	var all []string
	for _, match := range slice(rule, "match") {
		headers, _, _ := unstructured.NestedMap(match, "headers")
		for _, name := range slices.Sorted(maps.Keys(headers)) {
			for how, text := range headers[name].(map[string]any) {
				all = append(all, fmt.Sprintf("%s: %s %v", name, how, text))
			}
		}
	}
	return strings.Join(all, ", or ")
}

// ofIngress reads the annotations of the Ingress that Flagger makes for the canary. By
// conditions the canary gets all that they choose, whatever the weight.
func ofIngress(o *kube.Object, _ string) (route, error) {
	const prefix = "nginx.ingress.kubernetes.io/"
	var by []string
	for key, value := range o.GetAnnotations() {
		if name, ok := strings.CutPrefix(key, prefix); ok && strings.HasPrefix(name, "canary-by-") {
			by = append(by, name+": "+value)
		}
	}
	if len(by) > 0 {
		slices.Sort(by)
		return route{percent: 100, audience: strings.Join(by, ", ")}, nil
	}
	percent, err := strconv.ParseInt(o.GetAnnotations()[prefix+"canary-weight"], 10, 64)
	return route{percent: percent}, err
}

// slice is a list of objects in an object.
func slice(object map[string]any, path ...string) (all []map[string]any) {
	value, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	list, _ := value.([]any)
	for _, item := range list {
		all = append(all, item.(map[string]any))
	}
	return all
}
