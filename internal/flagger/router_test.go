package flagger_test

import (
	"testing"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema/api"
)

// TestRouterOfProvider checks that a provider has the router that Flagger's factory creates for its name.
func TestRouterOfProvider(t *testing.T) {
	for _, r := range flagger.Routers() {
		c := flagger.Canary{Provider: r.Provider}
		if got := c.Router(); got.Provider != r.Provider {
			t.Errorf("%s has the router of %s", r.Provider, got.Provider)
		}
		if c.Queries("") == nil {
			t.Errorf("%s has no queries", r.Provider)
		}
	}
	for name, want := range map[string]string{
		"smi:v1alpha1:istio": flagger.SMIV1Alpha1, "appmesh:v1beta2": flagger.AppMeshV1Beta2, "appmesh:v1beta1": flagger.Istio,
		"gatewayapi:v1beta1": flagger.GatewayAPIV1Beta1, "gatewayapi": flagger.Istio, "supergloo": flagger.Istio, "": flagger.Istio,
	} {
		c := flagger.Canary{Provider: name}
		if got := c.Router(); got.Provider != want {
			t.Errorf("%q has the router of %s, want that of %s", name, got.Provider, want)
		}
	}
}

// TestQueriesOfService checks that, for a Service as target, most providers use Istio's metrics.
func TestQueriesOfService(t *testing.T) {
	service := flagger.ObjectReference{APIVersion: "v1", Kind: "Service"}
	for provider, want := range map[string]string{
		flagger.Kubernetes: "istio_requests_total", flagger.Contour: "istio_requests_total",
		flagger.AppMesh: "envoy_cluster_upstream_rq", flagger.Gloo: "envoy_cluster_upstream_rq",
		flagger.GatewayAPI: "http_request_duration_seconds_count",
	} {
		c := flagger.Canary{Provider: provider}
		if got := c.Queries("linkerd").Metric("request-duration"); got != "response_latency_ms_bucket" {
			t.Errorf("beside Linkerd %s asks for %s", provider, got)
		}
		c.TargetRef = service
		if got := c.Queries("").Metric("request-success-rate"); got != want {
			t.Errorf("%s asks for %s, want %s", provider, got, want)
		}
	}
}

// TestMisroutesOfRouters checks the reports of Canary fields that a router handles wrongly.
func TestMisroutesOfRouters(t *testing.T) {
	is := api.StringMatch{Exact: "a"}
	headers := func(names ...string) flagger.Match {
		m := flagger.Match{Headers: map[string]api.StringMatch{}}
		for _, name := range names {
			m.Headers[name] = is
		}
		return m
	}
	for _, tt := range []struct {
		name, provider string
		analysis       flagger.Analysis
		want           string
	}{
		{"two headers of one condition", flagger.Contour, flagger.Analysis{Iterations: 2, Match: []flagger.Match{headers("x", "y")}}, "analysis.match[0].headers"},
		{"two conditions", flagger.Gloo, flagger.Analysis{Iterations: 2, Match: []flagger.Match{headers("x"), headers("y")}}, ""},
		{"two headers where the weights are kept", flagger.AppMesh, flagger.Analysis{Iterations: 2, Match: []flagger.Match{headers("x", "y")}}, ""},
		{"a promotion in steps", flagger.Knative, flagger.Analysis{StepWeight: 20, MaxWeight: 60, StepWeightPromotion: 20}, "analysis.stepWeightPromotion"},
		{"a promotion in steps from half", flagger.Knative, flagger.Analysis{StepWeight: 50, MaxWeight: 50, StepWeightPromotion: 20}, "analysis.stepWeightPromotion"},
		{"a promotion in one step", flagger.Knative, flagger.Analysis{StepWeight: 20, MaxWeight: 60, StepWeightPromotion: 60}, ""},
		{"a promotion at once", flagger.Knative, flagger.Analysis{StepWeight: 20, MaxWeight: 60}, ""},
		{"a promotion in steps elsewhere", flagger.Traefik, flagger.Analysis{StepWeight: 20, MaxWeight: 60, StepWeightPromotion: 20}, ""},
	} {
		c := flagger.Canary{Provider: tt.provider, Analysis: tt.analysis}
		got := ""
		for _, p := range c.Misroutes(flagger.Newest) {
			got += p.Field.String()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
