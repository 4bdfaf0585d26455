package render

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

const (
	istioNamespace = "istio-system"
	// istioMetricsServer is the Prometheus of Istio's own addons
	// (samples/addons/prometheus.yaml), which is also Flagger's default where it
	// runs beside it.
	istioMetricsServer = "http://prometheus.istio-system:9090"
	// istioInjection is read of a namespace's labels
	// (manifests/charts/istio-control/istio-discovery).
	istioInjection = "istio-injection"
)

// istio is the provider of a fleet whose clusters have Istio already: Kurator does
// not install it (pkg/fleet-manager/plugin), and neither does fleetwright.
type istio struct{ c *compiler }

func (c *compiler) newIstio(f *fleet) provider {
	at := schema.Path{"spec", "plugin", "flagger"}
	metricsServer := c.flaggerChart(istio{c}, f).Values["metricsServer"]
	if metricsServer == nil {
		metricsServer = istioMetricsServer
	}
	c.report(f.doc.Diagnostic(diag.IstioExpected, at.With("trafficRoutingProvider"),
		fmt.Sprintf("Istio is not installed by the fleet: its CRDs, its control plane and a Prometheus at %v are expected on every cluster", metricsServer), ""))
	if f.Spec.Plugin.Flagger.Config != nil {
		c.report(f.doc.Diagnostic(diag.IstioNotInstalled, at.With("config"), "there is no chart of istio to install, so the field has no place", "remove the field, and install Istio by itself"))
	}
	return istio{c}
}

func (istio) namespace() string { return istioNamespace }

// namespaces is Istio's own, which is there where Istio is.
func (istio) namespaces() []*manifest {
	return []*manifest{newSharedNamespace(istioNamespace, namespaceMeta{})}
}

func (istio) releases() []*release { return nil }

func (istio) flaggerValues() map[string]any {
	return map[string]any{"meshProvider": istioProvider, "metricsServer": istioMetricsServer}
}

func (istio) versions() map[string]string { return nil }

func (istio) meshes() []rendered { return nil }

func (istio) objects() []rendered { return nil }

func (istio) namespaceMeta(*rollout) namespaceMeta {
	return namespaceMeta{labels: map[string]string{istioInjection: "enabled"}}
}

func (istio) route(r *rollout, _ *manifest, spec *canarySpec) {
	routing := r.routing()
	spec.Service.Gateways = routing.Gateways
	spec.Service.Hosts = routing.Hosts
	spec.Service.Retries = routing.Retries
	spec.Service.Headers = routing.Headers
	spec.Service.CorsPolicy = routing.CorsPolicy
}

func (istio) rolloutObjects(*rollout) []rendered { return nil }

// query is none: Flagger's own metrics select by the workload, as Istio does.
func (istio) query(*rollout, string) (name, query string, ok bool) { return "", "", false }

func (istio) serviceMeta(int32) map[string]string { return nil }

// made are the routes of the rollout (fluxcd/flagger pkg/router/istio.go).
func (istio) made(r *rollout) []identity {
	const group = "networking.istio.io"
	return []identity{
		{group, "VirtualService", r.namespace, r.ServiceName},
		{group, "DestinationRule", r.namespace, r.ServiceName + canarySuffix},
		{group, "DestinationRule", r.namespace, r.ServiceName + primarySuffix},
	}
}

func (i istio) check(r *rollout) {
	checkIstioTCP(r)
	checkIstioHosts(r)
	if why := i.neverInjected(r.namespace); why != "" {
		r.report(diag.NeverInjected, schema.Path{"workload", "namespace"}, "the namespace "+r.namespace+" "+why+", so no traffic would move", "move the workload to another namespace")
	}
	if cors := r.routing().CorsPolicy; cors != nil {
		for i, origin := range cors.AllowOrigins {
			r.checkStringMatch(origin, inRouting("corsPolicy").With("allowOrigins", i), false)
		}
	}
	if a := r.analysis().SessionAffinity; a != nil && r.routing().CanaryStrategy == nil {
		r.report(diag.AffinityNeedsWeights, schema.Path{"rolloutPolicy", "trafficAnalysis", "sessionAffinity"},
			"Flagger keeps a client on a version only where it splits the traffic by weight", "add trafficRouting: {canaryStrategy: {stepWeight: 10}}, or remove sessionAffinity")
	}
}

// istioIgnores are the namespaces whose pods Istio never injects
// (pkg/kube/inject/inject.go, IgnoredNamespaces).
var istioIgnores = []string{"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}

func (i istio) neverInjected(namespace string) string {
	if slices.Contains(istioIgnores, namespace) {
		return "never gets sidecars"
	}
	return neverMeshed(i.c, namespace, istioNamespace)
}

// checkIstioTCP says what of a rollout means nothing where the route is one of layer
// 4, as Flagger makes it for appProtocol tcp (pkg/router/istio.go, isTcp).
func checkIstioTCP(r *rollout) {
	if !strings.EqualFold(r.AppProtocol, "tcp") {
		return
	}
	t := r.routing()
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"match", len(t.Match) > 0}, {"timeoutSeconds", t.TimeoutSeconds > 0}, {"retries", t.Retries != nil},
		{"headers", t.Headers != nil}, {"corsPolicy", t.CorsPolicy != nil},
	} {
		if f.set {
			r.report(diag.NotOnIstio, inRouting(f.name), f.name+" is for HTTP, and with appProtocol tcp Flagger makes a route of layer 4", "appProtocol: http, or remove the field")
		}
	}
	for i, m := range r.analysis().Metrics {
		if m.CustomMetric == nil {
			r.report(diag.NothingMeasured, inMetrics(i, "name"), fmt.Sprintf("with appProtocol tcp Istio counts no requests, so every check of %s would fail", m.Name), "appProtocol: http, or a customMetric")
		}
	}
}

// meshGateway is Istio's word for all sidecars. Flagger adds it where no gateway is
// named.
const meshGateway = "mesh"

// istioHosts are those of the rollout's VirtualService.
func (r *rollout) istioHosts() []string {
	if r.TrafficRoutingProvider != istioProvider {
		return nil
	}
	return r.routing().Hosts
}

// istioGateways are those of the rollout's VirtualService, with their namespaces.
func (r *rollout) istioGateways() (all []string) {
	for _, gateway := range r.routing().Gateways {
		if gateway != meshGateway && !strings.Contains(gateway, "/") {
			gateway = r.namespace + "/" + gateway
		}
		all = append(all, strings.Replace(gateway, "./", r.namespace+"/", 1))
	}
	if len(all) == 0 {
		return []string{meshGateway}
	}
	return all
}

// checkIstioHosts says what Istio's validation would refuse
// (pkg/config/validation/virtualservice.go).
func checkIstioHosts(r *rollout) {
	t := r.routing()
	for i, host := range t.Hosts {
		switch {
		case host == "*" && (len(t.Gateways) == 0 || slices.Contains(t.Gateways, meshGateway)):
			r.report(diag.BadRoute, inRouting("hosts").With(i), "Istio takes the host * for a gateway only, not for all sidecars", "gateways: with the name of a Gateway, and not mesh")
		case host != "*" && badHost(host) != "" && net.ParseIP(host) == nil:
			r.report(diag.BadRoute, inRouting("hosts").With(i), fmt.Sprintf("%q is not a host that Istio takes", host), "backend.example.com, or *.example.com")
		}
	}
	for i, gateway := range t.Gateways {
		namespace, name, ok := strings.Cut(gateway, "/")
		if !ok {
			namespace, name = ".", gateway
		}
		if badHost(name) != "" || namespace != "." && badHost(namespace) != "" {
			r.report(diag.BadRoute, inRouting("gateways").With(i), fmt.Sprintf("%q is not the name of a Gateway", gateway), "istio-system/public-gateway, or mesh")
		}
	}
	if t.Retries != nil && t.Retries.PerTryTimeout != "" && duration(t.Retries.PerTryTimeout) < time.Millisecond {
		r.report(diag.BadRoute, inRouting("retries").With("perTryTimeout"), "Istio takes 1ms or more", "perTryTimeout: 2s")
	}
}
