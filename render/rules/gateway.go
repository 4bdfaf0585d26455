package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Contour is the implementation of Gateway API that counts requests only at its gateways.
const Contour = "contour"

// proxy returns the component that splits and counts the requests: the provider, or the implementation of
// Gateway API.
func (r *Rollout) proxy() string {
	if r.IsGatewayAPI() {
		return r.On.GatewayImplementation
	}
	return r.Provider
}

// mesh returns the provider whose sidecars split the requests of clients, or nothing.
func (r *Rollout) mesh() string {
	switch p := r.proxy(); {
	case p != flagger.Istio && p != flagger.Kuma, r.IsGatewayAPI() && !r.routesService():
		return ""
	default:
		return p
	}
}

// routesService reports whether the route covers requests to the Service in the cluster; routesGateway reports
// whether it covers requests through a Gateway. Without parents both are possible.
func (r *Rollout) routesService() bool {
	return len(r.Service.GatewayRefs) == 0 || slices.ContainsFunc(r.Service.GatewayRefs, api.GatewayRef.IsService)
}

func (r *Rollout) routesGateway() bool {
	return len(r.Service.GatewayRefs) == 0 || slices.ContainsFunc(r.Service.GatewayRefs, func(ref api.GatewayRef) bool { return !ref.IsService() })
}

// countsAtGateway reports whether only requests through a gateway or the Ingress are counted.
func (r *Rollout) countsAtGateway() bool {
	return r.Provider == flagger.Nginx || r.proxy() == Contour || slices.Contains(entrances, r.Provider)
}

// mayBeGateway reports whether a host may belong to a Gateway whose route covers all hosts.
func (r *Rollout) mayBeGateway(t target) bool {
	return r.IsGatewayAPI() && len(r.Service.Hosts) == 0 && r.routesGateway() && t.host != "" && t.namespace != r.ID.Namespace && r.wrongDoor(t) == ""
}

// The namespace of the rendered Contour, the Service of its Envoy, named by its chart, and the Service of its
// control plane (charts/contour/templates/envoy/service.yaml and contour/service.yaml@0.7.0).
const (
	ContourHome         = "projectcontour"
	ContourEnvoy        = "contour-envoy"
	contourControlPlane = "contour"
)

// isContour reports whether a parent of the route is the rendered Gateway, or has its name.
func (r *Rollout) isContour() bool {
	return r.proxy() == Contour && slices.ContainsFunc(r.Service.GatewayRefs, func(ref api.GatewayRef) bool {
		return ref.Name == Contour && ref.Namespace != nil && *ref.Namespace == ContourHome
	})
}

// gatewayPort returns the port of the rendered Gateway in the cluster, or 0 if it is unknown.
func (r *Rollout) gatewayPort() int {
	if r.isContour() {
		return r.On.GatewayPort
	}
	return 0
}

// wrongDoor returns why Flagger's route surely does not cover requests to a target, or nothing. An ingress
// controller may send requests to the Service of a mesh.
func (r *Rollout) wrongDoor(t target) string {
	toIngress := strings.HasPrefix(t.service, DefaultIngressHome) && (t.namespace == DefaultIngressHome || t.namespace == r.On.IngressHome)
	toContour := t.namespace == ContourHome && (t.service == ContourEnvoy || t.service == contourControlPlane)
	if !toIngress && !toContour || r.canaryIsRouted() {
		return ""
	}
	atGateway := r.IsGatewayAPI() && !r.routesService()
	switch port := r.gatewayPort(); {
	case toIngress && atGateway:
		return "the load test targets " + t.host + ", but ingress-nginx ignores HTTPRoutes"
	case toContour && r.Provider == flagger.Nginx:
		return "the load test targets " + t.host + ", which is Contour; Flagger splits the traffic at ingress-nginx"
	case toContour && atGateway && (r.proxy() == flagger.Istio || r.proxy() == flagger.Kuma):
		return "the load test targets " + t.host + ", which is Contour; here " + r.proxy() + " implements Gateway API"
	case r.isContour() && t.service == contourControlPlane && toContour:
		return "the load test targets " + t.host + ", which is Contour's control plane; requests go to its Envoy"
	case toContour && port > 0 && strings.HasPrefix(strings.ToLower(t.text), "https:"):
		return "the load test targets " + t.host + " over https, but the Gateway serves only http"
	case toContour && port > 0 && t.port != port:
		return fmt.Sprintf("the load test targets port %d of %s, but the Gateway listens on %d", t.port, t.host, port)
	}
	return ""
}

// rightDoor returns the command with a target that the route covers instead of a wrong one.
func (r *Rollout) rightDoor(command string, t target) string {
	if r.Provider != flagger.Nginx {
		return r.gatewayHint(command, t)
	}
	controller := "http://ingress-nginx-controller." + cmp.Or(r.On.IngressHome, DefaultIngressHome)
	return r.withRoutedHost(strings.Replace(command, t.text, strings.TrimPrefix(controller, schemeUnless(t.text)), 1), r.IngressHosts())
}

// gatewayHint returns the command with the rendered Gateway as its target, and a host of the route.
func (r *Rollout) gatewayHint(command string, t target) string {
	const unknown = "send the load through the Gateway, to a host of the rollout"
	if !r.isContour() {
		return unknown
	}
	envoy := "http://" + ContourEnvoy + "." + ContourHome
	if port := r.gatewayPort(); port > 0 && port != 80 {
		envoy += fmt.Sprint(":", port)
	}
	hint := strings.Replace(command, t.text, strings.TrimPrefix(envoy, schemeUnless(t.text)), 1)
	if hint = r.withRoutedHost(hint, r.Service.Hosts); hint == command {
		return unknown
	}
	return hint
}

// withRoutedHost returns the command with a host of the route.
func (r *Rollout) withRoutedHost(command string, hosts []string) string {
	if script, err := flagger.ParseScript(command); len(hosts) == 0 || err == nil && slices.ContainsFunc(script.Calls, func(c flagger.Call) bool { return r.isRouted(headersOf(c)["host"]) }) {
		return command
	}
	return withHost(command, strings.Replace(hosts[0], "*", "www", 1))
}
