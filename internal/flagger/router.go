package flagger

import (
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/schema"
)

// The providers (artifacts/flagger/crd.yaml, the enum of spec.provider).
const (
	Apisix            = "apisix"
	AppMesh           = "appmesh"
	AppMeshV1Beta2    = "appmesh:v1beta2"
	Contour           = "contour"
	GatewayAPI        = "gatewayapi:v1"
	GatewayAPIV1Beta1 = "gatewayapi:v1beta1"
	Gloo              = "gloo"
	Istio             = "istio"
	Knative           = "knative"
	Kubernetes        = "kubernetes" // only Services
	Kuma              = "kuma"
	Linkerd           = "linkerd"
	Nginx             = "nginx"
	OSM               = "osm"
	Skipper           = "skipper"
	SMIV1Alpha1       = "smi:v1alpha1"
	SMIV1Alpha2       = "smi:v1alpha2"
	SMIV1Alpha3       = "smi:v1alpha3"
	Traefik           = "traefik"
)

// A Router moves the traffic for a provider. It holds the facts that affect the course of a rollout.
type Router struct {
	Provider string
	// file is its source in fluxcd/flagger pkg/router.
	file string
	// prefix reports whether the factory accepts every name that begins with the provider's.
	prefix bool
	// Since is the minor version of Flagger that added it, if newer than 1.36.
	Since int
	// Matches reports whether the router reads analysis.match. If not, the new version gets every request from the
	// first iteration of A/B testing.
	Matches bool
	// unordered reports whether the router writes the headers of a condition in random order, treats a changed
	// order as a difference, and resets the weights.
	unordered bool
	// mirrors reports whether the router mirrors a Canary's requests and tells the scheduler, which waits for
	// that. If it is nil, the router never mirrors.
	mirrors func(*Canary) bool
	// needs is the field without which Reconcile rejects a Canary, or nil.
	needs *need
	// queries are the built-in queries.
	queries *Queries
}

// A need is a field that a router requires.
type need struct {
	field         schema.Path
	has           func(*Canary) bool
	message, hint string
}

// routers are in the order of the factory (pkg/router/factory.go, MeshRouter; pkg/metrics/observers/factory.go,
// Observer). The source of a row is its file: Reconcile, GetRoutes and SetRoutes. The scheduler recognizes
// kubernetes by its name.
var routers = []Router{
	{Provider: AppMeshV1Beta2, file: "appmesh_v1beta2.go", prefix: true, Matches: true, queries: &appMeshQueries},
	{Provider: AppMesh, file: "appmesh.go", Matches: true, needs: &meshName, queries: &appMeshQueries},
	{Provider: Linkerd, file: "smi.go", queries: &linkerdQueries},
	{Provider: Istio, file: "istio.go", Matches: true, mirrors: mirrorsRequests, queries: &istioQueries},
	{Provider: SMIV1Alpha1, file: "smi.go", prefix: true, queries: &istioQueries},
	{Provider: SMIV1Alpha2, file: "smi_v1alpha2.go", prefix: true, queries: &istioQueries},
	{Provider: SMIV1Alpha3, file: "smi_v1alpha3.go", prefix: true, queries: &istioQueries},
	{Provider: Contour, file: "contour.go", Matches: true, unordered: true, queries: &contourQueries},
	{Provider: Knative, file: "knative.go", Since: withKnative, queries: &knativeQueries},
	{Provider: Gloo, file: "gloo.go", prefix: true, Matches: true, unordered: true, needs: &upstreamNamespace, queries: &glooQueries},
	{Provider: Nginx, file: "ingress.go", Matches: true, needs: &ingress, queries: &nginxQueries},
	{Provider: Skipper, file: "skipper.go", needs: &ingress, queries: &skipperQueries},
	{Provider: Traefik, file: "traefik.go", queries: &traefikQueries},
	{Provider: Apisix, file: "apisix.go", needs: &apisixRoute, queries: &apisixQueries},
	{Provider: OSM, file: "smi_v1alpha2.go", queries: &osmQueries},
	{Provider: Kuma, file: "kuma.go", queries: &kumaQueries},
	{Provider: GatewayAPIV1Beta1, file: "gateway_api_v1beta1.go", prefix: true, Matches: true, mirrors: mirrorsBlueGreen, queries: &podQueries},
	{Provider: GatewayAPI, file: "gateway_api.go", prefix: true, Matches: true, mirrors: mirrorsBlueGreen, queries: &podQueries},
	{Provider: Kubernetes, file: "nop.go", queries: &podQueries},
}

// Mirrors reports whether the router mirrors requests in any rollout.
func (r *Router) Mirrors() bool { return r.mirrors != nil }

// Routers returns the routers of all providers.
func Routers() []Router { return routers }

// Providers returns the names of all providers.
func Providers() (names []string) {
	for _, r := range routers {
		names = append(names, r.Provider)
	}
	slices.Sort(names)
	return names
}

// Router returns the router of the Canary's provider. For an unknown name the factory returns Istio's.
func (c *Canary) Router() *Router {
	i := slices.IndexFunc(routers, func(r Router) bool {
		return r.Provider == c.Provider || r.prefix && strings.HasPrefix(c.Provider, r.Provider)
	})
	if i < 0 {
		i = slices.IndexFunc(routers, func(r Router) bool { return r.Provider == Istio })
	}
	return &routers[i]
}

// IsGatewayAPI reports whether Flagger creates an HTTPRoute for the Canary.
func (c *Canary) IsGatewayAPI() bool {
	provider := c.Router().Provider
	return provider == GatewayAPI || provider == GatewayAPIV1Beta1
}

// mirrorsRequests: conditions overwrite the mirror, and connections cannot be copied (pkg/router/istio.go, SetRoutes).
func mirrorsRequests(c *Canary) bool {
	return len(c.Analysis.Match) == 0 && !strings.EqualFold(c.Service.AppProtocol, "tcp")
}

// mirrorsBlueGreen: the route has a mirror only in blue/green (pkg/router/gateway_api.go, SetRoutes).
func mirrorsBlueGreen(c *Canary) bool { return c.Strategy() == BlueGreen }

var (
	ingress = need{schema.Path{"ingressRef"}, func(c *Canary) bool { return c.IngressRef != nil && c.IngressRef.Name != "" },
		"it has no ingressRef, the Ingress that Flagger copies for the canary", "ingressRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: podinfo}"}
	apisixRoute = need{schema.Path{"routeRef"}, func(c *Canary) bool { return c.RouteRef != nil && c.RouteRef.Name != "" },
		"it has no routeRef, the ApisixRoute that Flagger copies for the canary", "routeRef: {apiVersion: apisix.apache.org/v2, kind: ApisixRoute, name: podinfo}"}
	// getGlooConfigUpstream does not default a missing namespace to the Canary's.
	upstreamNamespace = need{schema.Path{"upstreamRef"}, func(c *Canary) bool { return c.UpstreamRef == nil || c.UpstreamRef.Namespace != "" },
		"its upstreamRef has no namespace, so Flagger cannot find the Upstream", "set namespace in upstreamRef to the namespace of the Upstream"}
	meshName = need{schema.Path{"service", "meshName"}, func(c *Canary) bool { return c.Service.MeshName != "" },
		"it has no meshName, which App Mesh requires", "meshName: global"}
)
