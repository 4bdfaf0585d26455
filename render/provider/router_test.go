package provider_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/provider"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
)

// TestFieldsOnEachRouter checks, for Canaries of any provider, fields that the router ignores or interprets
// differently.
func TestFieldsOnEachRouter(t *testing.T) {
	targets := map[string]string{"name: service": "Service", "name: daemon": "DaemonSet"}
	const ab = "iterations: 2, match: [{headers: {x: {exact: a}}}]"
	for _, tt := range []struct {
		provider, service, analysis string
		want                        []string
	}{
		{"contour", "match: [{uri: {prefix: /a}}], timeout: 5s, retries: {attempts: 1}", ab, nil},
		{"contour", "match: [{uri: {prefix: /a}}, {uri: {prefix: /b}}]", ab, []string{"FW761 service.match[1]"}},
		{"appmesh:v1beta2", "match: [{uri: {exact: /a}}]", ab, []string{"FW761 service.match[0]"}},
		{"gloo", "match: [{uri: {exact: /a}}]", ab, []string{"FW760 service.match"}},
		{"contour", "hosts: [a.test], gateways: [a/b]", "stepWeight: 10", []string{"FW760 service.gateways", "FW760 service.hosts"}},
		{"contour", "", "iterations: 2, match: [{headers: {x: {exact: a}}}, {headers: {y: {exact: a}}}]", []string{"FW761 analysis.match"}},
		{"contour", "", "iterations: 2, match: [{headers: {x: {regex: a}}}]", []string{"FW761 analysis.match[0].headers.x"}},
		{"gloo", "timeout: 5s", "iterations: 2, match: [{headers: {x: {exact: a}, y: {regex: a}}}]", []string{"FW760 service.timeout", "FW761 analysis.match[0].headers"}},
		{"gloo", "name: b", "stepWeight: 10, metrics: [{name: request-duration}]", []string{"FW715 analysis.metrics[0].name"}},
		{"traefik", "name: a", "stepWeight: 10, metrics: [{name: request-duration}]", nil},
		{"kubernetes", "name: service", "iterations: 10, metrics: [{name: request-success-rate}]", []string{"FW390 analysis.metrics[0].name", "FW715 analysis.metrics[0].name"}},
		{"kubernetes", "name: daemon", "iterations: 10, metrics: [{name: request-success-rate}]", []string{"FW390 analysis.metrics[0].name", "FW715 analysis.metrics[0].name"}},
		{"kubernetes", "name: daemon", "iterations: 10, metrics: [{name: errors, templateRef: {name: errors}}]", nil},
		{"linkerd", "name: daemon", "stepWeight: 10, metrics: [{name: request-duration}]", []string{"FW715 analysis.metrics[0].name"}},
		{"traefik", "", ab, []string{"FW761 analysis.match"}},
		{"traefik", "", "stepWeight: 10, mirror: true", []string{"FW761 analysis.mirror"}},
		{"traefik", "", "iterations: 10, mirror: true", []string{"FW760 analysis.mirror"}},
		{"traefik", "", "iterations: 10, mirror: false", nil},
		{"linkerd", "hosts: [a.test], headers: {request: {set: {a: b}}}", "stepWeight: 10", []string{"FW760 service.headers"}},
		{"appmesh", "meshName: a, backends: [b], hosts: [c], retries: {attempts: 1}", ab, nil},
		{"appmesh:v1beta2", "meshName: a, backends: [b]", ab, []string{"FW760 service.meshName"}},
		{"appmesh", "meshName: a", "iterations: 2, match: [{headers: {x: {suffix: a}}, sourceLabels: {a: b}}]", []string{"FW761 analysis.match[0].sourceLabels"}},
		{"skipper", "corsPolicy: {maxAge: 1m}", "stepWeight: 10, sessionAffinity: {cookieName: a}", []string{"FW760 analysis.sessionAffinity", "FW760 service.corsPolicy", "FW762 ingressRef"}},
		{"knative", "", "stepWeight: 10, maxWeight: 50, stepWeightPromotion: 10", []string{"FW761 analysis.stepWeightPromotion", "FW762 targetRef.kind"}},
		{"gatewayapi:v1beta1", "gatewayRefs: [{name: a}], timeout: 5s", "stepWeight: 10, sessionAffinity: {cookieName: a, primaryCookieName: b}", []string{"FW760 analysis.sessionAffinity.primaryCookieName", "FW760 service.timeout"}},
		{"gatewayapi:v1", "gatewayRefs: [{name: a}], timeout: 5s, retries: {attempts: 1}", "stepWeight: 10", []string{"FW760 service.retries"}},
		{"istio", "gatewayRefs: [{name: a}], delegation: true", "stepWeight: 10, mirror: true, mirrorWeight: 20", []string{"FW760 service.gatewayRefs"}},
		{"kuma", "timeout: 5s, retries: {attempts: 1}", "stepWeight: 10", []string{"FW760 service.retries", "FW760 service.timeout"}},
		{"nginx", "timeout: 5s", "stepWeight: 10, sessionAffinity: {cookieName: a}", []string{"FW760 analysis.sessionAffinity", "FW760 service.timeout", "FW762 ingressRef"}},
		{"", "hosts: [a.test], gatewayRefs: [{name: a}]", "iterations: 10, match: [{headers: {x: {prefix: a}}}]", nil},
		{"kubernetes", "hosts: [a.test]", "iterations: 10", []string{"FW760 service.hosts"}},
	} {
		spec := fmt.Sprintf("{provider: %q, targetRef: {kind: Deployment, name: a}, service: {port: 80, %s}, analysis: {threshold: 1, %s}}", tt.provider, tt.service, tt.analysis)
		if kind, ok := targets[tt.service]; ok {
			spec = strings.Replace(spec, "Deployment", kind, 1)
		}
		var got []string
		for _, f := range check(t, spec) {
			got = append(got, fmt.Sprintf("%s %s", f.Code, strings.TrimPrefix(f.Field.String(), "spec.")))
		}
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("of %s\ngot  %q\nwant %q", spec, got, tt.want)
		}
	}
}

// TestLoadThroughGateways checks that load through a gateway of the provider is not reported as another service's,
// and that load around it is.
func TestLoadThroughGateways(t *testing.T) {
	for _, tt := range []struct {
		provider, command string
		want              []string
	}{
		{"contour", "hey -z 1m -host app.example.com http://envoy.projectcontour", nil},
		{"traefik", "hey -z 1m -host app.example.com http://traefik.traefik", nil},
		{"linkerd", "hey -z 1m http://a.shop", nil},
		{"appmesh", "hey -z 1m http://a-canary.shop:80/", nil},
		{"knative", "hey -z 1m http://a.shop.example.com", nil},
		{"nginx", "hey -z 1m http://app.example.com", nil},
		{"gloo", "hey -z 1m http://a.shop:8080", []string{string(diag.LoadTestElsewhere) + " analysis.webhooks[0].metadata.cmd"}},
		{"traefik", "hey -z 1m http://a-canary.shop", []string{string(diag.LoadTestElsewhere) + " analysis.webhooks[0].metadata.cmd"}},
		{"skipper", "hey -z 1m http://a.shop", []string{string(diag.LoadTestElsewhere) + " analysis.webhooks[0].metadata.cmd"}},
		{"nginx", "hey -z 1m http://a-canary.shop", []string{string(diag.LoadTestElsewhere) + " analysis.webhooks[0].metadata.cmd"}},
		{"knative", "hey -z 1m http://a.shop:8080", nil},
		{"traefik", "hey -z 1m http://a-primary.shop", []string{string(diag.LoadTestElsewhere) + " analysis.webhooks[0].metadata.cmd"}},
	} {
		spec := fmt.Sprintf(`{provider: %q, targetRef: {kind: Deployment, name: a}, service: {name: a, port: 80}, analysis: {interval: 30s, threshold: 1, stepWeight: 10,
			metrics: [{name: request-success-rate, thresholdRange: {min: 99}}], webhooks: [{name: load, type: rollout, url: "http://flagger-loadtester.shop/", metadata: {cmd: %q}}]}}`, tt.provider, tt.command)
		var got []string
		for _, f := range check(t, spec) {
			if f.Code == diag.LoadTestElsewhere || f.Code == diag.NothingReaches {
				got = append(got, fmt.Sprintf("%s %s", f.Code, strings.TrimPrefix(f.Field.String(), "spec.")))
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("of %s on %s: got %q, want %q", tt.command, tt.provider, got, tt.want)
		}
	}
}

// TestBlueGreenBehindProxy checks that, before the switch of a blue/green rollout, a proxy counts no requests to
// the new version, whatever the target of the load; APISIX counts those to both versions.
func TestBlueGreenBehindProxy(t *testing.T) {
	for _, tt := range []struct{ provider, hook, want string }{
		{"gloo", "http://a-canary.shop/", "FW390 spec.analysis.metrics[0].name"},
		{"traefik", "http://a-canary.shop/", "FW390 spec.analysis.metrics[0].name"},
		{"skipper", "http://a-canary.shop/", "FW390 spec.analysis.metrics[0].name"},
		{"contour", "http://a-canary.shop/", "FW390 spec.analysis.metrics[0].name"},
		{"gloo", "http://a.example.com/", "FW390 spec.analysis.metrics[0].name"},
		{"apisix", "http://a-canary.shop/", ""},
		{"apisix", "", ""},
		{"linkerd", "http://a-canary.shop/", ""},
	} {
		hooks := ""
		if tt.hook != "" {
			hooks = fmt.Sprintf(`webhooks: [{name: load, url: "http://flagger-loadtester.shop/", metadata: {cmd: "hey -z 1m %s"}}]`, tt.hook)
		}
		spec := fmt.Sprintf(`{provider: %s, targetRef: {kind: Deployment, name: a}, service: {name: a, port: 80},
			analysis: {threshold: 1, iterations: 5, metrics: [{name: request-success-rate, thresholdRange: {min: 99}}], %s}}`, tt.provider, hooks)
		got := ""
		for _, f := range check(t, spec) {
			if f.Code == diag.NothingReaches {
				got += fmt.Sprintf("%s %s", f.Code, f.Field)
				if strings.Contains(f.Hint, "mirror") {
					t.Errorf("on %s the hint is %s, but its router mirrors nothing", tt.provider, f.Hint)
				}
			}
		}
		if got != tt.want {
			t.Errorf("of load to %s on %s: got %q, want %q", tt.hook, tt.provider, got, tt.want)
		}
	}
}

// TestIngressOfRouter checks that the Ingress must route to the rollout's Service, and on skipper must have an
// annotation.
func TestIngressOfRouter(t *testing.T) {
	for _, tt := range []struct{ provider, annotations, service, want string }{
		{"nginx", "{}", "a", ""},
		{"nginx", "{}", "b", "[FW762 spec.ingressRef.name]"},
		{"skipper", "{a: b}", "a", ""},
		{"skipper", "{}", "a", "[FW763 spec.ingressRef.name]"},
		{"skipper", "{a: b}", "b", "[FW761 spec.ingressRef.name]"},
	} {
		spec := fmt.Sprintf("{provider: %s, targetRef: {kind: Deployment, name: a}, ingressRef: {name: in}, service: {port: 80}, analysis: {threshold: 1, stepWeight: 10}}", tt.provider)
		ingress := fmt.Sprintf(`{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: in, annotations: %s},
			spec: {rules: [{host: a.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: %s, port: {number: 80}}}}]}}]}}`, tt.annotations, tt.service)
		got := ""
		for _, f := range check(t, spec, ingress) {
			got += fmt.Sprintf("[%s %s]", f.Code, f.Field)
		}
		if got != tt.want {
			t.Errorf("an Ingress on %s with annotations %s to %s: got %q, want %q", tt.provider, tt.annotations, tt.service, got, tt.want)
		}
	}
}

// TestIngressWithoutPaths checks that Flagger reads only the paths of rules.
func TestIngressWithoutPaths(t *testing.T) {
	const leads = "http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}"
	for _, tt := range []struct{ provider, spec, want string }{
		{"nginx", "{defaultBackend: {service: {name: a}}}", "[FW762 spec.ingressRef.name]"},
		{"skipper", "{defaultBackend: {service: {name: a}}}", "[FW761 spec.ingressRef.name]"},
		{"nginx", "{defaultBackend: {service: {name: b}}, rules: [{host: a.test, " + leads + "}]}", ""},
		{"nginx", "{rules: [{host: a.test, " + leads + "}, {host: b.test}]}", "[FW763 spec.ingressRef.name]"},
		{"skipper", "{rules: [{host: b.test}, {host: a.test, " + leads + "}]}", "[FW763 spec.ingressRef.name]"},
	} {
		canary := fmt.Sprintf("{provider: %s, targetRef: {kind: Deployment, name: a}, ingressRef: {name: in}, service: {port: 80}, analysis: {threshold: 1, stepWeight: 10}}", tt.provider)
		got := ""
		for _, f := range check(t, canary, "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: in, annotations: {a: b}}, spec: "+tt.spec+"}") {
			got += fmt.Sprintf("[%s %s]", f.Code, f.Field)
		}
		if got != tt.want {
			t.Errorf("an Ingress on %s of %s: got %q, want %q", tt.provider, tt.spec, got, tt.want)
		}
	}
}

// check returns the rules' findings about providers and load for the spec of a Canary.
func check(t *testing.T, spec string, beside ...string) []rules.Finding {
	t.Helper()
	fields := input{}
	r := &rules.Rollout{Plain: true, Canary: &flagger.Canary{}, On: &rules.Installed{Provider: provider.Router{}, Version: flagger.Newest}, Source: fields}
	r.ID.Kind, r.ID.Namespace, r.ID.Name = "Canary", "shop", "a"
	for _, into := range []any{&fields, r.Canary} {
		if err := yaml.Unmarshal([]byte(spec), into); err != nil {
			t.Fatalf("%s: %v", spec, err)
		}
	}
	if len(beside) > 0 {
		r.Manifests = &source.Set{Built: &source.Built{}, DefaultNamespace: "shop"}
	}
	for _, manifest := range beside {
		text, err := yaml.YAMLToJSON([]byte(manifest))
		if err != nil {
			t.Fatal(err)
		}
		o, err := source.NewObject(text, "ingress.yaml")
		if err != nil {
			t.Fatal(err)
		}
		r.Manifests.Objects = append(r.Manifests.Objects, o)
	}
	return slices.DeleteFunc(rules.Check(r), func(f rules.Finding) bool {
		return f.Code != diag.LoadTestElsewhere && f.Code != diag.NothingReaches && (f.Code < "FW4" || f.Code > "FW5" && f.Code < "FW7")
	})
}

// An input is the spec of a Canary as written.
type input map[string]any

func (input) Position(manifest.Identity, schema.Path) diag.Position { return diag.Position{} }

func (in input) Has(_ manifest.Identity, field schema.Path) bool {
	var value any = map[string]any(in)
	for _, name := range field[1:] {
		m, _ := value.(map[string]any)
		key, _ := name.(string)
		if value = m[key]; value == nil {
			return false
		}
	}
	return true
}
