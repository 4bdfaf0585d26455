package render

import (
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
type istio struct{}

func (c *compiler) newIstio(f *fleet) provider {
	at := schema.Path{"spec", "plugin", "flagger"}
	c.report(f.doc.Diagnostic(diag.IstioExpected, at.With("trafficRoutingProvider"),
		"Istio is not installed by the fleet: its CRDs, its control plane and a Prometheus at "+istioMetricsServer+" are expected on every cluster", ""))
	if f.Spec.Plugin.Flagger.Config != nil {
		c.report(f.doc.Diagnostic(diag.IstioNotInstalled, at.With("config"), "there is no chart of istio to install, so the field has no place", "remove the field, and install Istio by itself"))
	}
	return istio{}
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

func (istio) check(r *rollout) {
	if why := neverMeshed(r.c, r.namespace, istioNamespace); why != "" {
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
