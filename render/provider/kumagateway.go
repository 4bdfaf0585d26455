package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// startedAfterCRDs holds values with which Flux replaces the pod of a Kuma that started before the CRDs of
// Gateway API were installed: the control plane looks for them only at start
// (pkg/plugins/runtime/k8s/plugin_gateway.go).
var startedAfterCRDs = map[string]any{"controlPlane": map[string]any{"podAnnotations": map[string]any{"fleetwright.dev/gateway-api": "true"}}}

// checkStart reports an installed Kuma that will not see the rendered CRDs of Gateway API, because it is already
// running.
func (k *kuma) checkStart() {
	if k.installed == nil || !k.isRendered(gatewayCRDs) || k.kept(gatewayCRDs) {
		return
	}
	k.report(diag.CRDsAfterKuma, schema.Path{"installed", "kuma"},
		"fleetwright renders the CRDs of Gateway API; a Kuma that started before them ignores every HTTPRoute",
		fmt.Sprintf("once Flux has applied them, run on each cluster: kubectl -n %s rollout restart deployment %s; then add installed: {gateway-api: {}}", k.Namespace(), kumaControlPlane))
}

// gatewayProblem returns why refs without a Service route nothing on Kuma 3, or nil. It returns nil for a nil
// kuma.
func (k *kuma) gatewayProblem(refs []api.GatewayRef) *rules.Problem {
	if k == nil || k.minor < kumaNoGateway || slices.ContainsFunc(refs, api.GatewayRef.IsService) {
		return nil
	}
	return &rules.Problem{
		Message: fmt.Sprintf("Kuma %s serves no Gateway: the route is ignored, and no traffic moves", k.chart.Version),
		Hint:    "{kind: Service}, or gateway: {implementation: other} in plugin.flagger if something else serves this Gateway",
	}
}

// checkGoneFields reports the fields of a Mesh that Kuma 3 accepts and ignores. Mutual TLS there needs a
// MeshIdentity (UPGRADE.md, 3.0).
func (k *kuma) checkGoneFields(m *place.Mesh) {
	var spec map[string]json.RawMessage
	if text, err := json.Marshal(m.Spec); err != nil || json.Unmarshal(text, &spec) != nil {
		return
	}
	for _, field := range slices.Sorted(maps.Keys(spec)) {
		message, hint := fmt.Sprintf("Kuma %s ignores %s", k.chart.Version, field), "remove the field"
		switch field {
		case "skipCreatingInitialPolicies":
			continue
		case "mtls":
			message += ", so nothing is encrypted and everything is allowed"
			hint += "; a MeshIdentity and a MeshTLS turn mutual TLS on, and a MeshTrafficPermission with rules allows traffic"
		case "metrics":
			hint += "; a MeshMetric is rendered"
		}
		k.c.Add(m.Doc.Diagnostic(diag.MeshFieldGone, schema.Path{"spec", field}, message, hint))
	}
}

// meshMetric returns the policy that makes a mesh's sidecars expose metrics on Kuma 3, where they are off by
// default.
func (k *kuma) meshMetric(m *mesh) []manifest.Rendered {
	if m.there {
		return nil
	}
	return []manifest.Rendered{m.rendered(&manifest.Object{
		Kind:     "MeshMetric",
		Metadata: manifest.Metadata{Name: "prometheus-" + m.Name, Namespace: k.Namespace(), Labels: map[string]string{rules.MeshAnnotation: m.Name}, Annotations: k.keptAnnotations()},
		Spec: json.RawMessage(`{
			"targetRef": {"kind": "Mesh"},
			"default": {"backends": [{"type": "Prometheus", "prometheus": {"port": 5670, "path": "/metrics"}}]}
		}`),
	})}
}

// checkOtherMetrics reports built-in metrics without a known query.
func (k *kuma) checkOtherMetrics(r *rules.Rollout) {
	for i, m := range r.Analysis.Metrics {
		if name := r.Builtin(m); rules.IsBuiltin(name) {
			r.Report(diag.NothingMeasured, rules.InMetrics(i, "name"),
				fmt.Sprintf("Kuma %s has other metrics than Kuma 2, and fleetwright has no tested query for %s", k.chart.Version, name), "a customMetric, such as one of the application's own metrics")
		}
	}
}

// checkHTTPRoute reports parts of the HTTPRoute that Kuma does not implement. If all parents are Gateways,
// Kuma's sidecars do not route by it.
func (k *kuma) checkHTTPRoute(r *rules.Rollout) {
	k.checkSidecars(r)
	if slices.ContainsFunc(r.Service.GatewayRefs, api.GatewayRef.IsService) {
		k.checkSplit(r)
		k.checkDropped(r)
	}
}

// checkSplit reports a port that Kuma treats as TCP, because Kuma then ignores the HTTPRoute (seen on 2.13.10:
// all requests reach the primary, and without metrics the rollout ends as Succeeded).
func (k *kuma) checkSplit(r *rules.Rollout) {
	protocol, _ := kumaSpeaks(r)
	report := func(why string) {
		hint := "appProtocol: http"
		if said := kumaAnnotated(r); said != "" && said == r.Service.AppProtocol {
			hint = "protocol: http" // the protocol renders both the annotation and appProtocol
		}
		r.Report(diag.NotSplitByKuma, schema.Path{"service", "appProtocol"}, why+", so Kuma ignores the HTTPRoute and no request reaches the new version", hint)
	}
	if protocol == "tcp" || protocol == "kafka" {
		report("the port speaks " + protocol)
		return
	}
	mesh := k.named(r.Mesh)
	everywhere := mesh != nil && mesh.Spec.MeshServices != nil && mesh.Spec.MeshServices.Mode == "Everywhere"
	if slices.Contains(kumaProtocols, r.Service.AppProtocol) || k.minor < kumaNeedsAppProtocol && !everywhere {
		checkProtocolKnown(r, protocol)
		return
	}
	// A MeshService reads only appProtocol (seen on 2.13.10).
	if everywhere {
		report("with meshServices mode Everywhere, a port without a known appProtocol is TCP")
		return
	}
	report("on Kuma " + k.chart.Version + ", a port without a known appProtocol is TCP")
}

// checkDropped reports parts that Kuma drops from the HTTPRoute while its conditions stay True: the filter that
// sets the cookie (seen on 2.13.10 and 3.0-dev), the CORS filter, hosts and timeouts
// (pkg/plugins/runtime/k8s/controllers/gatewayapi/http_route_conversion.go, gapiToKumaMeshFilter).
func (k *kuma) checkDropped(r *rules.Rollout) {
	if r.Analysis.SessionAffinity != nil {
		r.Report(diag.DroppedByKuma, schema.Path{"analysis", "sessionAffinity"}, "Kuma drops the cookie from the HTTPRoute, so clients switch between the versions", "remove sessionAffinity")
	}
	if r.Service.CorsPolicy != nil {
		r.Report(diag.DroppedByKuma, schema.Path{"service", "corsPolicy"}, "Kuma drops CORS from the HTTPRoute, so browsers get no CORS headers", "remove corsPolicy, and answer preflight requests in the application")
	}
	if len(r.Service.Hosts) > 0 && !slices.ContainsFunc(r.Service.GatewayRefs, api.GatewayRef.IsGateway) {
		r.Report(diag.DroppedByKuma, schema.Path{"service", "hosts"}, "Kuma drops the hosts of an HTTPRoute whose parent is a Service, so it routes requests for any host", "remove hosts")
	}
	for _, t := range []struct{ field, name, value string }{
		{"timeout", "timeoutSeconds", r.Service.Timeout}, {"backendTimeout", "backendTimeoutSeconds", r.Service.BackendTimeout},
	} {
		if t.value != "" {
			r.Report(diag.TimeoutOnKuma, schema.Path{"service", t.field}, "Kuma ignores "+t.name+" of an HTTPRoute", "")
		}
	}
}

// A KumaRoute describes how a rollout moves its traffic in a mesh.
type KumaRoute struct {
	Mesh string
	// ByHTTPRoute reports whether it uses an HTTPRoute, not a TrafficRoute.
	ByHTTPRoute bool
}

// KumaRouteOf returns how a rollout moves traffic in a mesh of Kuma, and false if it does not.
func KumaRouteOf(r *rollout.Rollout) (KumaRoute, bool) {
	route := KumaRoute{Mesh: r.Judged.Mesh}
	switch p := r.On.Provider.(type) {
	case *kuma:
		return route, p.byRoute
	case *gatewayAPI:
		route.ByHTTPRoute = true
		return route, p.kuma != nil && slices.ContainsFunc(r.Judged.Service.GatewayRefs, api.GatewayRef.IsService)
	}
	return route, false
}

// CheckMeshProvider reports a rollout whose HTTPRoute disables another rollout's TrafficRoute: once a client's
// sidecar has a MeshHTTPRoute, it ignores all TrafficRoutes (seen on 2.7.3 and 2.13.10).
func CheckMeshProvider(r, other *rollout.Rollout) {
	r.ReportFinding(rules.Finding{
		Code: diag.MeshTwoProviders, Object: r.Judged.ID, Field: schema.Path{"spec", "provider"},
		Message: fmt.Sprintf("this rollout's HTTPRoute disables the traffic split of the rollout at %s, which is on kuma in the same mesh and cluster", other.Origin("trafficRoutingProvider").Position()),
		Hint:    "trafficRoutingProvider: kuma, or gatewayapi for all rollouts of the mesh",
	})
}
