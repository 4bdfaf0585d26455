package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Contour is the implementation of Gateway API that counts requests at its gateways alone.
const Contour = "contour"

// proxy is what splits the requests and counts them: the provider, or what implements Gateway API.
func (r *Rollout) proxy() string {
	if r.IsGatewayAPI() {
		return r.On.GatewayImplementation
	}
	return r.Provider
}

// mesh is the one whose sidecars split the requests of clients, or nothing.
func (r *Rollout) mesh() string {
	switch p := r.proxy(); {
	case p != flagger.Istio && p != flagger.Kuma, r.IsGatewayAPI() && !r.routesService():
		return ""
	default:
		return p
	}
}

// routesService reports whether the requests to the Service in the cluster are routed, and routesGateway whether
// those that come in at a Gateway are. Without parents nobody can tell.
func (r *Rollout) routesService() bool {
	return len(r.Service.GatewayRefs) == 0 || slices.ContainsFunc(r.Service.GatewayRefs, api.GatewayRef.IsService)
}

func (r *Rollout) routesGateway() bool {
	return len(r.Service.GatewayRefs) == 0 || slices.ContainsFunc(r.Service.GatewayRefs, func(ref api.GatewayRef) bool { return !ref.IsService() })
}

// countsAtGateway reports whether what routes the requests counts those alone that come in at a gateway, or at
// the Ingress.
func (r *Rollout) countsAtGateway() bool {
	return r.Provider == flagger.Nginx || r.proxy() == Contour || slices.Contains(entrances, r.Provider)
}

// mayBeGateway reports whether a host may be that of a Gateway, whose route is for all hosts.
func (r *Rollout) mayBeGateway(t target) bool {
	return r.IsGatewayAPI() && len(r.Service.Hosts) == 0 && r.routesGateway() && t.host != "" && t.namespace != r.ID.Namespace && r.wrongDoor(t) == ""
}

// Where the rendered Contour is, the Service of its Envoy, which has the name that its chart gives it, and that of its
// control plane (charts/contour/templates/envoy/service.yaml and contour/service.yaml@0.7.0).
const (
	ContourHome         = "projectcontour"
	ContourEnvoy        = "contour-envoy"
	contourControlPlane = "contour"
)

// isContour reports whether the parents of the route are the rendered Gateway, or one of its name.
func (r *Rollout) isContour() bool {
	return r.proxy() == Contour && slices.ContainsFunc(r.Service.GatewayRefs, func(ref api.GatewayRef) bool {
		return ref.Name == Contour && ref.Namespace != nil && *ref.Namespace == ContourHome
	})
}

// gatewayPort returns the port of the rendered Gateway in the cluster, or 0 where nobody knows it.
func (r *Rollout) gatewayPort() int {
	if r.isContour() {
		return r.On.GatewayPort
	}
	return 0
}

// wrongDoor returns why what comes in at a target is surely not routed by Flagger's route, or nothing. An
// ingress controller may send requests to the Service of a mesh.
func (r *Rollout) wrongDoor(t target) string {
	toIngress := strings.HasPrefix(t.service, DefaultIngressHome) && (t.namespace == DefaultIngressHome || t.namespace == r.On.IngressHome)
	toContour := t.namespace == ContourHome && (t.service == ContourEnvoy || t.service == contourControlPlane)
	if !toIngress && !toContour || r.canaryIsRouted() {
		return ""
	}
	atGateway := r.IsGatewayAPI() && !r.routesService()
	switch port := r.gatewayPort(); {
	case toIngress && atGateway:
		return "the load goes to " + t.host + ", and ingress-nginx reads no HTTPRoute"
	case toContour && r.Provider == flagger.Nginx:
		return "the load goes to " + t.host + ", which is Contour's: Flagger splits the traffic of ingress-nginx"
	case toContour && atGateway && (r.proxy() == flagger.Istio || r.proxy() == flagger.Kuma):
		return "the load goes to " + t.host + ", which is Contour's, and " + r.proxy() + " implements Gateway API here"
	case r.isContour() && t.service == contourControlPlane && toContour:
		return "the load goes to " + t.host + ", which is Contour's control plane: its Envoy takes the requests"
	case toContour && port > 0 && strings.HasPrefix(strings.ToLower(t.text), "https:"):
		return "the load goes to " + t.host + " by https, and the Gateway takes http alone"
	case toContour && port > 0 && t.port != port:
		return fmt.Sprintf("the load goes to port %d of %s, and the Gateway is on %d", t.port, t.host, port)
	}
	return ""
}

// rightDoor returns a command that sends to where the route is what it has sent to a wrong door.
func (r *Rollout) rightDoor(command string, t target) string {
	if r.Provider != flagger.Nginx {
		return r.gatewayHint(command, t)
	}
	controller := "http://ingress-nginx-controller." + cmp.Or(r.On.IngressHome, DefaultIngressHome)
	return r.withRoutedHost(strings.Replace(command, t.text, strings.TrimPrefix(controller, schemeUnless(t.text)), 1), r.IngressHosts())
}

// gatewayHint returns a command that sends to the rendered Gateway, with a host of the route, what it has sent
// elsewhere.
func (r *Rollout) gatewayHint(command string, t target) string {
	const unknown = "load through the Gateway, with a host of the rollout"
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

// withRoutedHost returns a command whose requests are for one of the hosts of the route.
func (r *Rollout) withRoutedHost(command string, hosts []string) string {
	if script, err := flagger.ParseScript(command); len(hosts) == 0 || err == nil && slices.ContainsFunc(script.Calls, func(c flagger.Call) bool { return r.isRouted(headersOf(c)["host"]) }) {
		return command
	}
	return withHost(command, strings.Replace(hosts[0], "*", "www", 1))
}
