package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema/api"
)

// checkRoutes reports routes of the application that bypass the rollout: requests to the Service itself reach
// the primary, which it selects, unless the provider splits them.
func checkRoutes(r *Rollout) {
	if r.Manifests == nil {
		return
	}
	checkIngresses(r)
	switch {
	case r.Provider == flagger.Istio:
		checkGatewayRoutes(r)
		checkVirtualServices(r)
	case r.Provider == flagger.Nginx:
		checkGatewayRoutes(r)
	case r.IsGatewayAPI():
		if r.mesh() == flagger.Kuma { // a gateway with a sidecar may send requests to the Service's address
			checkMeshRoutes(r, "also routes the Service's requests: Kuma turns Flagger's HTTPRoute into a MeshHTTPRoute, and this one may override its split")
		} else {
			checkGatewayRoutes(r)
		}
	case r.Provider == flagger.Kuma:
		checkKumaRoutes(r)
	}
}

func (r *Rollout) reportRoute(o source.Found, why, hint string) {
	r.Report(diag.RoutePastRollout, serviceName, called(o.Object)+" "+why, hint)
}

// upstream are the annotations that make an ingress controller send requests to the address of a Service, where
// its sidecar splits them, instead of to the pods. Kuma sets them on Services, where nginx does not read them
// (kuma.io, Delegated gateways). Traefik reads its annotation on Services (doc.traefik.io, Kubernetes Ingress).
var upstream = []string{
	"nginx.ingress.kubernetes.io/service-upstream", "ingress.kubernetes.io/service-upstream",
	"haproxy-ingress.github.io/service-upstream", "traefik.ingress.kubernetes.io/service.nativelb",
}

// toPods are the classes of Ingresses whose controllers send requests to the pods by default.
var toPods = []string{"nginx", "alb", "gce", "gce-internal", "azure-application-gateway"}

// checkIngresses reports Ingresses whose controller sends requests to the pods of the Service.
func checkIngresses(r *Rollout) {
	var onService map[string]string
	if _, s, _ := r.ownService(); s != nil {
		onService = s.Metadata.Annotations
	}
	for found := range r.Manifests.Find("networking.k8s.io", "Ingress") {
		i := source.Read[source.Ingress](found.Object)
		if i == nil || found.ID.Namespace != r.ID.Namespace || r.Ingress != nil && found.ID == r.Ingress.ID ||
			!slices.ContainsFunc(i.Backends(), func(b source.IngressBackend) bool { return b.Service.Name == r.Service.Name }) {
			continue
		}
		const past = "sends requests straight to the stable version's pods, past the sidecars that split them"
		annotations := i.Metadata.Annotations
		split := slices.ContainsFunc(upstream, func(key string) bool { return annotations[key] == "true" || onService[key] == "true" })
		class := cmp.Or(i.Spec.IngressClassName, annotations["kubernetes.io/ingress.class"])
		switch {
		case r.Provider == flagger.Nginx && annotations["nginx.ingress.kubernetes.io/canary"] != "true":
			hint := "set host in the rollout, instead of this Ingress"
			if len(i.Spec.Rules) > 0 && i.Spec.Rules[0].Host != "" {
				hint = fmt.Sprintf("host: %s in the rollout, instead of this Ingress", i.Spec.Rules[0].Host)
			}
			if r.Plain {
				hint = fmt.Sprintf("ingressRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: %s}", found.ID.Name)
			}
			r.reportRoute(found, "sends all requests to the stable version; Flagger splits only the rollout's Ingress", hint)
		case r.IsGatewayAPI() && r.mesh() == "":
			r.reportRoute(found, "sends all requests to the stable version; Flagger splits only the rollout's Gateway", "set hosts in the rollout, instead of this Ingress")
		case r.IsGatewayAPI() && r.mesh() == flagger.Istio && !split:
			r.reportRoute(found, past, "gatewayRefs: [{name: public, namespace: infra}] and hosts in the rollout, instead of this Ingress")
		case r.Provider == flagger.Istio && !split:
			r.reportRoute(found, past, "gateways: [istio-system/public-gateway] and hosts in the rollout, instead of this Ingress")
		case r.mesh() == flagger.Kuma && annotations[upstream[0]] != "true" && slices.Contains(toPods, class):
			hint := `annotations: {nginx.ingress.kubernetes.io/service-upstream: "true"}, for a controller that has a sidecar`
			if class != "nginx" {
				hint = "route requests from outside through a gateway with a sidecar"
			}
			r.reportRoute(found, past, hint)
		}
	}
}

// checkGatewayRoutes reports routes of Gateway API, whose gateways read neither Flagger's objects for Istio nor
// for nginx. On Kuma it depends on the gateway: with a sidecar it may send requests to the Service's address.
func checkGatewayRoutes(r *Rollout) {
	hint := map[string]string{
		flagger.Istio: "set gateways and hosts in the rollout, instead of this route",
		flagger.Nginx: "set host in the rollout, instead of this route",

		flagger.GatewayAPI: "set gatewayRefs and hosts in the rollout, instead of this route",
	}[r.Provider]
	for _, kind := range []string{"HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"} {
		for found := range r.Manifests.Find(api.GatewayGroup, kind) {
			route := source.Read[source.GatewayRoute](found.Object)
			if route == nil || r.IsGatewayAPI() && kind == "HTTPRoute" && found.ID.Namespace == r.ID.Namespace && found.ID.Name == r.Service.Name {
				continue // Flagger takes it over
			}
			toApex := func(b source.BackendRef) bool {
				return cmp.Or(b.Kind, "Service") == "Service" && b.Name == r.Service.Name && cmp.Or(b.Namespace, found.ID.Namespace) == r.ID.Namespace
			}
			for _, rule := range route.Spec.Rules {
				if slices.ContainsFunc(rule.BackendRefs, toApex) {
					r.reportRoute(found, "sends requests straight to the stable version's pods, past the rollout", hint)
					break
				}
			}
		}
	}
}

// checkVirtualServices reports VirtualServices of the application. Flagger takes over the one with its Service's
// name, and overwrites its spec (pkg/router/istio.go, reconcileVirtualService). If two have one host, sidecars
// read the older one, and the sidecars of a gateway do not read Flagger's.
func checkVirtualServices(r *Rollout) {
	for found := range r.Manifests.Find("networking.istio.io", "VirtualService") {
		v := source.Read[source.VirtualService](found.Object)
		if v == nil {
			continue
		}
		isApex := func(host string) bool {
			name, namespace := serviceOf(host, found.ID.Namespace)
			return name == r.Service.Name && namespace == r.ID.Namespace
		}
		if found.ID.Namespace == r.ID.Namespace && found.ID.Name == r.Service.Name {
			checkTakenOver(r, found, v, isApex)
			continue
		}
		toApex, delegates := false, false
		for _, route := range slices.Concat(v.Spec.HTTP, v.Spec.TCP, v.Spec.TLS) {
			for _, to := range route.Route {
				toApex = toApex || isApex(to.Destination.Host)
			}
			delegates = delegates || route.Delegate.Name == r.Service.Name && cmp.Or(route.Delegate.Namespace, found.ID.Namespace) == r.ID.Namespace
		}
		inMesh := len(v.Spec.Gateways) == 0 || slices.Contains(v.Spec.Gateways, flagger.MeshGateway)
		switch {
		case delegates && r.Service.Delegation: // this one has the host, and Flagger's has the route
		case inMesh && slices.ContainsFunc(v.Spec.Hosts, isApex):
			r.reportRoute(found,
				"also routes the host "+r.Service.Name+": Istio reads one VirtualService per host, and may ignore Flagger's",
				"remove the host from this VirtualService")
		case toApex:
			r.reportRoute(found, "sends all requests to the stable version; Istio does not apply Flagger's split to them",
				fmt.Sprintf("hosts: [%s] and gateways: [%s] in the rollout, instead of this VirtualService", strings.Join(v.Spec.Hosts, ", "), strings.Join(v.Spec.Gateways, ", ")))
		}
	}
}

// checkTakenOver reports the hosts that a VirtualService loses when Flagger takes it over.
func checkTakenOver(r *Rollout, found source.Found, v *source.VirtualService, isApex func(string) bool) {
	lost := slices.DeleteFunc(slices.Clone(v.Spec.Hosts), func(host string) bool { return isApex(host) || slices.Contains(r.Service.Hosts, host) })
	if len(lost) > 0 && !slices.Contains(r.Service.Hosts, "*") {
		hint := fmt.Sprintf("hosts: [%s]", strings.Join(v.Spec.Hosts, ", "))
		if len(v.Spec.Gateways) > 0 {
			hint += fmt.Sprintf(" and gateways: [%s]", strings.Join(v.Spec.Gateways, ", "))
		}
		r.reportRoute(found, "loses the hosts "+diag.Some(lost, 3)+" when Flagger overwrites its spec", hint+" in the rollout")
	}
}

// checkKumaRoutes reports Kuma's routes for the Service. Only the most specific route applies.
func checkKumaRoutes(r *Rollout) {
	tag := r.kumaTag()
	const why = "also routes the Service's requests: Kuma applies only one route, so Flagger's may split nothing"
	for found := range r.Manifests.Find("kuma.io", "TrafficRoute") {
		route := source.Read[source.TrafficRoute](found.Object)
		if route == nil || found.Name == r.Service.Name { // Flagger takes it over
			continue
		}
		for _, d := range route.Spec.Destinations {
			if d.Match["kuma.io/service"] == tag {
				r.reportRoute(found, why, "remove the destination "+tag+" from this route")
				break
			}
		}
	}
	checkMeshRoutes(r, why)
}

// kumaTag returns Kuma's name of the rollout's Service and port.
func (r *Rollout) kumaTag() string {
	return fmt.Sprintf("%s_%s_svc_%d", r.Service.Name, r.ID.Namespace, r.Service.Port)
}

// checkMeshRoutes reports routes of Kuma's newer kinds for the Service, and why they break the split.
func checkMeshRoutes(r *Rollout, why string) {
	tag := r.kumaTag()
	for _, kind := range []string{"MeshHTTPRoute", "MeshTCPRoute"} {
		for found := range r.Manifests.Find("kuma.io", kind) {
			route := source.Read[source.MeshRoute](found.Object)
			if route == nil {
				continue
			}
			for _, to := range route.Spec.To {
				ref := to.TargetRef
				named := ref.Name == tag || ref.Name == r.Service.Name && cmp.Or(ref.Namespace, found.ID.Namespace) == r.ID.Namespace
				if ref.Kind == "MeshService" && named {
					r.reportRoute(found, why, "remove the target "+ref.Name+" from this route")
					break
				}
			}
		}
	}
}
