package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
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
	httpRoutes      = schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"}
	trafficRoutes   = schema.GroupVersionKind{Group: "kuma.io", Version: "v1alpha1", Kind: "TrafficRoute"}
	virtualServices = schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1beta1", Kind: "VirtualService"}
	ingresses       = schema.GroupVersionKind{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"}
	apisixRoutes    = kindOf("apisix.apache.org/v2", "ApisixRoute")
	knativeServices = kindOf("serving.knative.dev/v1", "Service")
)

// A route is the canary's share of the traffic.
type route struct {
	percent int64
	// audience describes the requests of the share, or is empty for all requests.
	audience string
	// sticky reports whether clients that reached the canary once reach it again.
	sticky bool
	// mirrored reports whether the canary gets a copy of the requests.
	mirrored bool
}

// A router describes where Flagger keeps the route of a provider, and how to read it.
type router struct {
	kind schema.GroupVersionKind
	// name returns the name of the object, which does not exist before Flagger creates it.
	name func(canary *kube.Object) types.NamespacedName
	// read returns the route to the canary of a Service.
	read func(o *kube.Object, service string) (route, error)
}

// routers maps each provider with a route to its router.
var routers = map[string]router{
	gatewayAPI: {httpRoutes, func(canary *kube.Object) types.NamespacedName {
		return types.NamespacedName{Namespace: canary.GetNamespace(), Name: serviceOf(canary)}
	}, ofHTTPRoute},
	"kuma": {trafficRoutes, func(canary *kube.Object) types.NamespacedName {
		return types.NamespacedName{Name: serviceOf(canary)}
	}, ofTrafficRoute},
	"istio": {virtualServices, func(canary *kube.Object) types.NamespacedName {
		return types.NamespacedName{Namespace: canary.GetNamespace(), Name: serviceOf(canary)}
	}, ofVirtualService},
	"nginx": {ingresses, func(canary *kube.Object) types.NamespacedName {
		return types.NamespacedName{Namespace: canary.GetNamespace(), Name: ingressOf(canary) + "-canary"}
	}, ofIngress},

	"apisix":             {apisixRoutes, namedLike(func(c *kube.Object) string { return serviceOf(c) + "-" + serviceOf(c) + "-canary" }), ofBackends},
	"appmesh":            {kindOf("appmesh.k8s.aws/v1beta1", "VirtualService"), namedLike(func(c *kube.Object) string { return serviceOf(c) + "." + c.GetNamespace() }), ofBackends},
	"appmesh:v1beta2":    {kindOf("appmesh.k8s.aws/v1beta2", "VirtualRouter"), namedLike(serviceOf), ofBackends},
	"contour":            {kindOf("projectcontour.io/v1", "HTTPProxy"), namedLike(serviceOf), ofBackends},
	"gatewayapi:v1beta1": {httpRoutes, namedLike(serviceOf), ofHTTPRoute},
	"gloo":               {kindOf("gateway.solo.io/v1", "RouteTable"), namedLike(serviceOf), ofBackends},
	"knative":            {knativeServices, namedLike(serviceOf), ofRevisions},
	"linkerd":            {kindOf("split.smi-spec.io/v1alpha1", "TrafficSplit"), namedLike(serviceOf), ofBackends},
	"osm":                {kindOf("split.smi-spec.io/v1alpha2", "TrafficSplit"), namedLike(serviceOf), ofBackends},
	"skipper":            {ingresses, namedLike(func(c *kube.Object) string { return ingressOf(c) + "-canary" }), ofSkipper},
	"smi:v1alpha1":       {kindOf("split.smi-spec.io/v1alpha1", "TrafficSplit"), namedLike(serviceOf), ofBackends},
	"smi:v1alpha2":       {kindOf("split.smi-spec.io/v1alpha2", "TrafficSplit"), namedLike(serviceOf), ofBackends},
	"smi:v1alpha3":       {kindOf("split.smi-spec.io/v1alpha3", "TrafficSplit"), namedLike(serviceOf), ofBackends},
	"traefik":            {kindOf("traefik.io/v1alpha1", "TraefikService"), namedLike(serviceOf), ofBackends},
	"traefik, before":    {kindOf("traefik.containo.us/v1alpha1", "TraefikService"), namedLike(serviceOf), ofBackends},
}

// namedLike returns a function for the object with a name in the Canary's namespace.
func namedLike(name func(canary *kube.Object) string) func(canary *kube.Object) types.NamespacedName {
	return func(canary *kube.Object) types.NamespacedName {
		return types.NamespacedName{Namespace: canary.GetNamespace(), Name: name(canary)}
	}
}

func kindOf(apiVersion, kind string) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(apiVersion, kind)
}

// serviceOf returns the name of a Canary's Service.
func serviceOf(canary *kube.Object) string {
	name, _, _ := unstructured.NestedString(canary.Object, "spec", "service", "name")
	return name
}

// ingressOf returns the name of a Canary's Ingress.
func ingressOf(canary *kube.Object) string {
	name, _, _ := unstructured.NestedString(canary.Object, "spec", "ingressRef", "name")
	return name
}

// route reads the route that Flagger created. It must belong to the rollout's mesh and its Ingress.
func (c *flaggerCluster) route(t *testing.T) (route, error) {
	if c.provider == "kubernetes" {
		return c.ofServices(t)
	}
	router := routers[c.provider]
	name := router.name(c.canary)
	o, err := c.Get(t.Context(), router.kind, name.Namespace, name.Name)
	if err != nil {
		return route{}, nil
	}
	switch c.provider {
	case gatewayAPI:
		if wrong := c.wrongHTTPRoute(o); wrong != "" {
			return route{}, errors.New(wrong)
		}
	case "kuma":
		if mesh := o.Object["mesh"]; mesh != c.canary.GetAnnotations()["kuma.io/mesh"] {
			return route{}, fmt.Errorf("the TrafficRoute belongs to the mesh %v", mesh)
		}
	case "nginx":
		if !c.isLikeItsIngress(t, o) {
			return route{}, fmt.Errorf("the Ingress of the canary has %v", o.Object["spec"])
		}
	}
	return router.read(o, c.service())
}

// isLikeItsIngress reports whether the Ingress that Flagger created for the canary differs from the rollout's
// only in the Service.
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

// ofServices reads the version that the workload's Service selects.
func (c *flaggerCluster) ofServices(t *testing.T) (r route, err error) {
	t.Helper()
	apex, err := c.Get(t.Context(), services, c.canary.GetNamespace(), c.service())
	if err != nil {
		return r, nil // Flagger has not created it yet
	}
	switch selector, _, _ := unstructured.NestedStringMap(apex.Object, "spec", "selector"); selector["app"] {
	case c.workload.Name + "-primary":
	case c.workload.Name:
		r.percent = 100
	default:
		err = fmt.Errorf("the Service selects %v", selector)
	}
	return r, err
}

// wrongHTTPRoute describes where an HTTPRoute differs from its Canary: in its parents, its hosts, and the
// fields common to all rules. Each rule must send all its requests to the Services of the two versions.
func (c *flaggerCluster) wrongHTTPRoute(o *kube.Object) string {
	service, _, _ := unstructured.NestedMap(c.canary.Object, "spec", "service")
	want, got := slice(service, "gatewayRefs"), slice(o.Object, "spec", "parentRefs")
	for _, ref := range want { // with the API server's defaults
		for field, value := range map[string]any{"group": gatewayGroup, "kind": "Gateway"} {
			if _, ok := ref[field]; !ok {
				ref[field] = value
			}
		}
	}
	if len(got) == 0 || !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("parents of the HTTPRoute: %v, want %v", got, want)
	}
	hosts, _, _ := unstructured.NestedStringSlice(service, "hosts")
	if has, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "hostnames"); !slices.Equal(has, hosts) {
		return fmt.Sprintf("hosts of the HTTPRoute: %v, want %v", has, hosts)
	}
	timeouts := map[string]any{}
	for of, field := range map[string]string{"request": "timeout", "backendRequest": "backendTimeout"} {
		if d, ok := service[field]; ok {
			timeouts[of] = d
		}
	}
	for _, rule := range slice(o.Object, "spec", "rules") {
		if has, _, _ := unstructured.NestedMap(rule, "timeouts"); len(has)+len(timeouts) > 0 && !reflect.DeepEqual(has, timeouts) {
			return fmt.Sprintf("timeouts of a rule: %v, want %v", has, timeouts)
		}
		sum := int64(0)
		for _, backend := range slice(rule, "backendRefs") {
			weight, _, _ := unstructured.NestedInt64(backend, "weight")
			sum += weight
			if name := backend["name"]; name != c.service()+"-primary" && name != c.service()+"-canary" || backend["port"] != service["port"] {
				return fmt.Sprintf("unexpected backend %v", backend)
			}
		}
		if sum != 100 {
			return fmt.Sprintf("the weights of a rule add up to %d", sum)
		}
	}
	return ""
}

// ofHTTPRoute reads the rules of a Gateway API HTTPRoute. Flagger shifts the last rule that leads to the
// canary; an earlier rule with a cookie keeps clients on the canary.
func ofHTTPRoute(o *kube.Object, service string) (route, error) {
	var r route
	for _, rule := range slice(o.Object, "spec", "rules") {
		for _, filter := range slice(rule, "filters") {
			if to, _, _ := unstructured.NestedString(filter, "requestMirror", "backendRef", "name"); to == service+"-canary" {
				r.mirrored = true
			}
		}
		for _, backend := range slice(rule, "backendRefs") {
			if backend["name"] != service+"-canary" {
				continue
			}
			weight, _, _ := unstructured.NestedInt64(backend, "weight")
			if of := audienceOfHTTP(rule); strings.HasPrefix(of, "Cookie: ") {
				r.sticky = r.sticky || weight == 100
			} else {
				r.percent, r.audience = weight, of
			}
		}
	}
	if r.percent == 0 {
		r.audience = "" // a rule for no clients
	}
	return r, nil
}

// audienceOfHTTP returns the matches of an HTTPRoute rule in the words of a VirtualService.
func audienceOfHTTP(rule map[string]any) string {
	var all []string
	for _, match := range slice(rule, "matches") {
		for _, header := range slice(match, "headers") {
			how := map[any]string{"Exact": "exact", "RegularExpression": "regex"}[header["type"]]
			all = append(all, fmt.Sprintf("%s: %s %v", header["name"], how, header["value"]))
		}
	}
	return strings.Join(all, ", or ")
}

// ofTrafficRoute reads the split of a Kuma TrafficRoute.
func ofTrafficRoute(o *kube.Object, service string) (route, error) {
	var r route
	for _, part := range slice(o.Object, "spec", "conf", "split") {
		if to, _, _ := unstructured.NestedString(part, "destination", "kuma.io/service"); strings.HasPrefix(to, service+"-canary_") {
			r.percent, _, _ = unstructured.NestedInt64(part, "weight")
		}
	}
	return r, nil
}

// ofVirtualService reads the HTTP and TCP routes of an Istio VirtualService. Flagger shifts the last route
// that leads to the canary; an earlier route with a cookie keeps clients on the canary.
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
		r.audience = "" // a route for no clients
	}
	return r, nil
}

// audience returns the matches of a VirtualService route.
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

// ofIngress reads the annotations of the Ingress that Flagger creates for the canary. With conditions, the
// canary gets all matching requests, whatever the weight.
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

// ofBackends reads the weight of the canary among the backends of the first route. Kinds name the backends
// differently.
func ofBackends(o *kube.Object, service string) (route, error) {
	spec := o.Object["spec"].(map[string]any)
	for _, routes := range []string{"routes", "http"} {
		if all := slice(spec, routes); len(all) > 0 {
			spec = all[0]
		}
	}
	for _, path := range [][]string{
		{"backends"}, {"services"}, {"weighted", "services"}, {"routeAction", "multi", "destinations"},
		{"http", "action", "weightedTargets"}, {"httpRoute", "action", "weightedTargets"},
	} {
		for _, backend := range slice(spec, path...) {
			if !leadsTo(backend, service+"-canary", "-canaryupstream-") {
				continue
			}
			weight := fmt.Sprint(backend["weight"]) // SMI once used a quantity
			if backend["weight"] == nil {
				weight = "0"
			}
			percent, err := strconv.ParseInt(weight, 10, 64)
			return route{percent: percent}, err
		}
	}
	return route{}, nil
}

// leadsTo reports whether a backend is a Service, or has a name that contains a text.
func leadsTo(backend map[string]any, service, part string) bool {
	for _, path := range [][]string{{"name"}, {"service"}, {"serviceName"}, {"virtualNodeName"}, {"virtualNodeRef", "name"}, {"destination", "upstream", "name"}} {
		if name, _, _ := unstructured.NestedString(backend, path...); name == service || strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// ofSkipper reads the weights in the annotation of the Ingress that Flagger creates for the canary.
func ofSkipper(o *kube.Object, service string) (route, error) {
	var weights map[string]int64
	err := json.Unmarshal([]byte(o.GetAnnotations()["zalando.org/backend-weights"]), &weights)
	return route{percent: weights[service+"-canary"]}, err
}

// ofRevisions reads the share of the newest revision of a Knative Service.
func ofRevisions(o *kube.Object, _ string) (route, error) {
	for _, target := range slice(o.Object, "spec", "traffic") {
		if target["latestRevision"] == true {
			percent, _ := target["percent"].(int64)
			return route{percent: percent}, nil
		}
	}
	return route{}, nil
}

// slice returns a list of objects in an object.
func slice(object map[string]any, path ...string) (all []map[string]any) {
	value, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	list, _ := value.([]any)
	for _, item := range list {
		all = append(all, item.(map[string]any))
	}
	return all
}
