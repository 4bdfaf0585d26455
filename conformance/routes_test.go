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
}

// A router reads the route that Flagger has made on a provider. There is none before
// Flagger makes it.
type router func(t *testing.T, c *flaggerCluster) (route, error)

// routers are those of the providers.
var routers = map[string]router{"kuma": ofTrafficRoute, "istio": ofVirtualService, "nginx": ofIngress}

// ofTrafficRoute reads the split of Kuma's TrafficRoute, which must be of the
// rollout's mesh.
func ofTrafficRoute(t *testing.T, c *flaggerCluster) (route, error) {
	o, err := c.Get(t.Context(), trafficRoutes, "", c.service())
	if err != nil {
		return route{}, nil
	}
	if mesh := o.Object["mesh"]; mesh != c.canary.GetAnnotations()["kuma.io/mesh"] {
		return route{}, fmt.Errorf("the TrafficRoute is of the mesh %v", mesh)
	}
	var r route
	for _, part := range slice(o.Object, "spec", "conf", "split") {
		if to, _, _ := unstructured.NestedString(part, "destination", "kuma.io/service"); strings.HasPrefix(to, c.service()+"-canary_") {
			r.percent, _, _ = unstructured.NestedInt64(part, "weight")
		}
	}
	return r, nil
}

// ofVirtualService reads the routes of Istio's VirtualService. The last that leads to
// the canary is the one that Flagger moves; one before it, for a cookie, keeps
// clients there.
func ofVirtualService(t *testing.T, c *flaggerCluster) (route, error) {
	o, err := c.Get(t.Context(), virtualServices, c.canary.GetNamespace(), c.service())
	if err != nil {
		return route{}, nil
	}
	var r route
	for _, rule := range slice(o.Object, "spec", "http") {
		for _, part := range slice(rule, "route") {
			if to, _, _ := unstructured.NestedString(part, "destination", "host"); to != c.service()+"-canary" {
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

// ofIngress reads the annotations of the Ingress that Flagger makes for the canary,
// which must be like that of the rollout in all but the Service.
func ofIngress(t *testing.T, c *flaggerCluster) (route, error) {
	ref, _, _ := unstructured.NestedString(c.canary.Object, "spec", "ingressRef", "name")
	o, err := c.Get(t.Context(), ingresses, c.canary.GetNamespace(), ref+"-canary")
	if err != nil {
		return route{}, nil
	}
	want := c.objects["Ingress "+c.canary.GetNamespace()+"/"+ref].DeepCopy()
	for _, rule := range slice(want.Object, "spec", "rules") {
		for _, path := range slice(rule, "http", "paths") {
			set(t, path, c.service()+"-canary", "backend", "service", "name")
		}
	}
	if !equalJSON(t, &kube.Object{Object: map[string]any{"spec": o.Object["spec"]}}, &kube.Object{Object: map[string]any{"spec": want.Object["spec"]}}) {
		return route{}, fmt.Errorf("the Ingress of the canary has %v", o.Object["spec"])
	}
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
