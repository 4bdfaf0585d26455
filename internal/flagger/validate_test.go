package flagger_test

import (
	"testing"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema/api"
)

// TestRejected checks that the errors are exactly those of Flagger's versions.
func TestRejected(t *testing.T) {
	cookies := func(cookie, primary string) (c flagger.Canary) {
		c.Analysis.SessionAffinity = &flagger.SessionAffinity{CookieName: cookie, PrimaryCookieName: primary}
		return c
	}
	delegate := func(provider string, s flagger.Service) flagger.Canary {
		s.Delegation = true
		return flagger.Canary{Provider: provider, Service: s}
	}
	routed := func(matches ...flagger.Match) flagger.Canary {
		return flagger.Canary{Provider: flagger.GatewayAPI, Service: flagger.Service{GatewayRefs: []api.GatewayRef{{Name: "public"}}, Match: matches}}
	}
	header := func(is api.StringMatch) flagger.Match {
		return flagger.Match{Headers: map[string]api.StringMatch{"x": is}}
	}
	elsewhere := routed(flagger.Match{URI: api.StringMatch{Suffix: "a"}})
	elsewhere.Provider = flagger.Kubernetes
	knative := flagger.ObjectReference{APIVersion: "serving.knative.dev/v1", Kind: "Service", Name: "a"}
	hosts := flagger.Service{Hosts: []string{"a.example.com"}}
	for _, tt := range []struct {
		name   string
		canary flagger.Canary
		minor  int
		want   string
	}{
		{"nothing", flagger.Canary{Provider: flagger.Istio, Service: hosts}, 44, ""},
		{"no service", flagger.Canary{Provider: flagger.Istio}, 44, "service"},
		{"equal cookies", cookies("a", "a"), 44, "analysis.sessionAffinity.primaryCookieName"},
		{"equal cookies at first", cookies("a", "a"), 41, "analysis.sessionAffinity.primaryCookieName"},
		{"equal cookies before", cookies("a", "a"), 40, ""},
		{"two cookies", cookies("a", "b"), 44, ""},
		{"one cookie", cookies("a", ""), 44, ""},
		{"a delegate with hosts", delegate(flagger.Istio, hosts), 36, "service.delegation"},
		{"a delegate with gateways", delegate(flagger.Istio, flagger.Service{Gateways: []string{"mesh"}}), 44, "service.delegation"},
		{"a delegate", delegate(flagger.Istio, flagger.Service{}), 44, ""},
		{"a route without a parent", flagger.Canary{Provider: flagger.GatewayAPI}, 36, "service.gatewayRefs"},
		{"a route", routed(flagger.Match{URI: api.StringMatch{Regex: "/a.*"}, Method: api.StringMatch{Exact: "GET"}}, header(api.StringMatch{Exact: "a"})), 44, ""},
		{"a path by its end", routed(flagger.Match{}, flagger.Match{URI: api.StringMatch{Suffix: "a"}}), 44, "service.match[1].uri"},
		{"a method by its beginning", routed(flagger.Match{Method: api.StringMatch{Prefix: "P"}}), 44, "service.match[0].method"},
		{"a header by its beginning", routed(header(api.StringMatch{Prefix: "a"})), 36, "service.match[0].headers.x"},
		{"a query by its end", routed(flagger.Match{QueryParams: map[string]api.StringMatch{"q": {Suffix: "a"}}}), 44, "service.match[0].queryParams.q"},
		{"what another router ignores", elsewhere, 44, ""},
		{"an Ingress that is not named", flagger.Canary{Provider: flagger.Nginx}, 36, "ingressRef"},
		{"an Ingress without a name", flagger.Canary{Provider: flagger.Skipper, IngressRef: &flagger.ObjectReference{Kind: "Ingress"}}, 44, "ingressRef"},
		{"an Ingress", flagger.Canary{Provider: flagger.Skipper, IngressRef: &flagger.ObjectReference{Name: "a"}}, 44, ""},
		{"no ApisixRoute", flagger.Canary{Provider: flagger.Apisix}, 36, "routeRef"},
		{"an Upstream without a namespace", flagger.Canary{Provider: flagger.Gloo, UpstreamRef: &api.NamespacedReference{Name: "a"}}, 44, "upstreamRef"},
		{"an Upstream", flagger.Canary{Provider: flagger.Gloo, UpstreamRef: &api.NamespacedReference{Name: "a", Namespace: "b"}}, 44, ""},
		{"no Upstream", flagger.Canary{Provider: flagger.Gloo}, 44, ""},
		{"no mesh", flagger.Canary{Provider: flagger.AppMesh}, 36, "service.meshName"},
		{"no mesh, which the newer API does not have", flagger.Canary{Provider: flagger.AppMeshV1Beta2}, 36, ""},
		{"an older HTTPRoute without a parent", flagger.Canary{Provider: flagger.GatewayAPIV1Beta1}, 36, "service.gatewayRefs"},
		{"a Deployment on Knative", flagger.Canary{Provider: flagger.Knative, TargetRef: flagger.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment"}}, 44, "targetRef.kind"},
		{"a Service of Knative", flagger.Canary{Provider: flagger.Knative, TargetRef: knative}, 44, ""},
		{"a Service of Knative elsewhere", flagger.Canary{Provider: flagger.Istio, TargetRef: knative}, 44, "targetRef.kind"},
		{"a Service of Knative elsewhere, before", flagger.Canary{Provider: flagger.Istio, TargetRef: knative}, 40, ""},
		{"Knative before it came", flagger.Canary{Provider: flagger.Knative, TargetRef: knative}, 40, "provider"},
		{"an autoscaler on Knative", flagger.Canary{Provider: flagger.Knative, TargetRef: knative, AutoscalerRef: &flagger.Autoscaler{}}, 44, "autoscalerRef"},
		{"a delegate that kuma ignores", delegate(flagger.Kuma, hosts), 44, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name != "no service" {
				tt.canary.Service.Port = 80
			}
			got := ""
			for _, p := range tt.canary.Rejected(flagger.Version{Minor: tt.minor}) {
				got += p.Field.String()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
