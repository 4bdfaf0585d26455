package render_test

import (
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/schema"
)

// TestGatewayAPIByPatch checks that patches may set the fields that Flagger's router for Gateway API reads, and
// no others.
func TestGatewayAPIByPatch(t *testing.T) {
	const at = "error FW731 spec.syncPolicies[0].rollout.patches[0]: "
	for _, tt := range []struct{ name, field, value, routing, want string }{
		{"session affinity", "analysis/sessionAffinity", "{cookieName: a, primaryCookieName: b}", "", ""},
		{"a mirror in blue/green", "analysis/mirror", "true", "analysisTimes: 5", ""},
		{"a mirror with weights", "analysis/mirror", "true", "", "error FW739"},
		{"retries", "service/retries", "{attempts: 3}", "", at + "Flagger ignores retries on gatewayapi: the field is for istio → remove the field"},
		{"gateways", "service/gateways", "[a]", "", at + "Flagger ignores gateways on gatewayapi: the field is for istio → gatewayRefs: [{name: public, namespace: infra}]"},
		{"delegation", "service/delegation", "true", "", at + "Flagger ignores delegation on gatewayapi: the field is for istio → remove the field"},
		{"a traffic policy", "service/trafficPolicy", "{tls: {mode: DISABLE}}", "", at + "Flagger ignores trafficPolicy on gatewayapi: the field is for istio → remove the field"},
		{"backends", "service/backends", "[x]", "", at + "Flagger ignores backends on gatewayapi: the field is for appmesh → remove the field"},
		{"meshName", "service/meshName", "x", "", at + "Flagger ignores meshName on gatewayapi: the field is for appmesh → remove the field"},
		{"a part of the mirror", "analysis/mirrorWeight", "10", "analysisTimes: 5", at + "Flagger ignores mirrorWeight on gatewayapi: the field is for istio → remove the field"},
		{"a Service's labels", "service/apex", "{labels: {a: b}}", "", ""},
		{"an unknown field of a parent", "service/gatewayRefs/0/foo", "1", "", `spec.service.gatewayRefs[0]: unknown field "foo" → known fields are group, kind, name, namespace, port, sectionName`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			patches := "      patches:\n      - target: {kind: Canary}\n        patch: |\n          - {op: add, path: /spec/" + tt.field + ", value: " + tt.value + "}\n"
			silent := "error "
			if tt.want != "" {
				silent = ""
			}
			wantIn(t, byGateway("", patches, tt.routing, ""), tt.want, silent)
		})
	}
}

// TestGatewayAPIHints checks that diagnostics use the input's name of the provider, and that pasted hints are
// accepted.
func TestGatewayAPIHints(t *testing.T) {
	const kuma3 = "gateway: {implementation: kuma}, installed: {gateway-api: {}, kuma: {version: 3.0.0}}"
	const listeners = "gatewayRefs: [{kind: ListenerSet, name: public, namespace: infra}]"
	onFleet := func(plugin ...string) []schema.File {
		return []schema.File{fleetWith("f", plugin...), clusterOne, rollingOut("a", "f", "gatewayapi")}
	}
	for _, tt := range []struct {
		name  string
		files []schema.File
		// want occurs in a diagnostic, and silent in none.
		want, silent string
	}{
		{"a Gateway on Kuma 3", byGateway(kuma3, "", "gatewayRefs: [{name: public, namespace: infra}]", ""),
			"error FW736 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[0]: Kuma 3.0.0 serves no Gateway: the route is ignored, and no traffic moves → {kind: Service}, or gateway: {implementation: other} in plugin.flagger if something else serves this Gateway", ""},
		{"a Gateway and the Service on Kuma 3", byGateway(kuma3, "", "gatewayRefs: [{kind: Service}, {name: public, namespace: infra}]", ""), "", "FW736"},
		{"a Gateway on Kuma 2", byGateway(onKuma, "", "gatewayRefs: [{name: public, namespace: infra}]", ""), "", "FW736"},
		{"a fleet's Gateway on Kuma 3", byGateway("gateway: {implementation: kuma, refs: [{name: public, namespace: infra}]}, installed: {gateway-api: {}, kuma: {version: 3.0.0}}", "", "", ""),
			"error FW736 spec.plugin.flagger.gateway.refs[0]: Kuma 3.0.0 serves no Gateway", ""},
		{"a MeshService on Kuma", byGateway(onKuma, "", "gatewayRefs: [{kind: MeshService, group: kuma.io, name: web}]", ""),
			"gatewayRefs[0]: in a mesh of Kuma, the parent of a rollout's HTTPRoute is its Service, not a MeshService → {kind: Service}", ""},
		{"a ListenerSet on another implementation", byGateway(onOther, "", listeners, ""), "", "FW736"},
		{"a ListenerSet on Istio", byGateway(onIstio, "", listeners, ""), "", "FW736"},
		{"a ListenerSet on Contour", byGateway("", "", listeners, ""), "the parent of an HTTPRoute is a Gateway or a Service, not a ListenerSet", ""},
		{"a ListenerSet of another group", byGateway(onOther, "", "gatewayRefs: [{kind: ListenerSet, group: example.com, name: public}]", ""), "FW736", ""},

		{"Istio implements it and is not under installed", byGateway("gateway: {implementation: istio, refs: [{name: public, namespace: infra}]}", "", "", ""),
			"info FW702 spec.plugin.flagger.gateway.implementation: fleetwright does not install Istio", ""},
		{"Istio is under installed", byGateway(onIstio, "", "gatewayRefs: [{name: public, namespace: infra}]", ""), "", "FW702"},

		{"a path in match", byGateway("", "", "analysisTimes: 5, match: [{uri: {prefix: /beta}}]", ""), "Flagger's match conditions have no uri → uri in serviceMatch, and headers or queryParams in match", "sourceLabels"},
		{"a scheme in match", byGateway("", "", "analysisTimes: 5, match: [{scheme: http}]", ""), "Flagger's match conditions have no scheme → use headers or queryParams", "sourceLabels"},
		{"a method of CORS", byGateway(onOther, "", `corsPolicy: {allowOrigin: ["https://a.example.com"], maxAge: 24h, allowMethods: [foo]}`, ""), "; the API server rejects it", "Istio"},

		{"Kuma's fleet renders none", onFleet("trafficRoutingProvider: kuma"),
			"f.yaml:3:18 sets no gateway (it has kuma) → gateway: {} in plugin.flagger to render it, or gateway: {}, installed: {gateway-api: {}} in plugin.flagger if the clusters have it, or trafficRoutingProvider: kuma", ""},
		{"Kuma's fleet with the hint", onFleet("trafficRoutingProvider: kuma", "gateway: {}"), "", "FW207"},
		{"another provider on a fleet of Gateway API", []schema.File{fleetWith("f", "trafficRoutingProvider: gatewayapi"), clusterOne, rollingOut("a", "f", "istio")},
			"(f.yaml:3:18 has gatewayapi) → installed: {istio: {}} in plugin.flagger if the clusters have it, or trafficRoutingProvider: gatewayapi", "gatewayapi:v1"},
		{"Flagger without the version of Gateway API", onFleet("trafficRoutingProvider: gatewayapi", "extraArgs: {meshProvider: gatewayapi}"),
			"Flagger's meshProvider is gatewayapi, but the fleet's provider is gatewayapi:v1 → meshProvider: gatewayapi:v1, or remove the line", ""},

		{"only the retired nginx", []schema.File{fleetWith("f", "trafficRoutingProvider: nginx"), clusterOne, rollingOut("a", "f", "nginx")}, "rollouts can move to gatewayapi one by one → gateway: {}", ""},
		{"the retired nginx with Gateway API", onFleet("trafficRoutingProvider: gatewayapi", "installed: {ingress-nginx: {}}"), "ingress-nginx was retired in March 2026 and gets no fixes\n", "one by one"},

		{"no strategy on Services", []schema.File{fleetWith("f", "trafficRoutingProvider: kubernetes"), clusterOne, onServices("f", "trafficRouting: {analysisTimes: 5}", "trafficRouting: {}")},
			"error FW302 spec.syncPolicies[0].rollout.rolloutPolicy: the rollout has no strategy; Flagger's CRD requires canaryStrategy or analysisTimes → add trafficRouting: {analysisTimes: 10}", ""},
		{"no steps on Services", []schema.File{fleetWith("f", "trafficRoutingProvider: kubernetes"), clusterOne, onServices("f", "analysisTimes: 5", "canaryStrategy: {maxWeight: 50}")},
			"error FW302 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: canaryStrategy has no steps, so the new version never gets traffic → analysisTimes: 10, instead of canaryStrategy", ""},
		{"no strategy by weight", byGateway("", "", "canaryStrategy: {maxWeight: 50}", ""), "canaryStrategy has no steps, so the new version never gets traffic → add stepWeight: 10", ""},
	} {
		t.Run(tt.name, func(t *testing.T) { wantIn(t, tt.files, tt.want, tt.silent) })
	}
}

// wantIn checks that a diagnostic with its hint contains want, and that none contains silent unless silent is
// empty.
func wantIn(t *testing.T, files []schema.File, want, silent string) {
	t.Helper()
	var said strings.Builder
	for _, d := range diagnostics(files) {
		said.WriteString(strings.TrimSuffix(d.String()+" → "+d.Hint, " → ") + "\n")
	}
	if !strings.Contains(said.String(), want) {
		t.Errorf("got\n%s\nwant\n%s", said.String(), want)
	}
	if silent != "" && strings.Contains(said.String(), silent) {
		t.Errorf("got\n%s\nwant nothing with %s", said.String(), silent)
	}
}
