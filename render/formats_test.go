package render_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

// TestCombinationsThatReadersReject checks that combinations of fields which Istio, Flagger or Flux would reject are rejected,
// and others are accepted.
func TestCombinationsThatReadersReject(t *testing.T) {
	long := strings.Repeat("a", 1025)
	istio := func(routing string) string {
		return "      rolloutPolicy: {trafficRouting: {" + routing + ", canaryStrategy: {stepWeight: 10}}}\n"
	}
	match := func(match string) string {
		return "      rolloutPolicy: {trafficRouting: {analysisTimes: 5, match: [" + match + "]}}\n"
	}
	for _, tt := range []struct {
		name, rollout string
		want          diag.Code // "" if it is accepted
	}{
		{"a host twice", istio("gateways: [a/b], hosts: [a.example.com, b.example.com, a.example.com]"), "FW704"},
		{"a host and its wildcard", istio("gateways: [a/b], hosts: [a.example.com, '*.example.com']"), "FW704"},
		{"a wildcard in another", istio("gateways: [a/b], hosts: ['*.example.com', '*.a.example.com']"), "FW704"},
		{"* and another host", istio("gateways: [a/b], hosts: ['*', a.example.com]"), "FW704"},
		{"the last label a number", istio("gateways: [a/b], hosts: [a.1]"), "FW704"},
		{"a label too long", istio("gateways: [a/b], hosts: [" + strings.Repeat("a", 64) + ".example.com]"), "FW704"},
		{"different hosts", istio("gateways: [a/b, mesh], hosts: [a.example.com, '*.b.example.com', example.com, 10.0.0.1, web]"), ""},
		{"* alone", istio("gateways: [a/b], hosts: ['*']"), ""},
		{"a gateway with a wildcard", istio("gateways: ['*.example.com']"), "FW704"},
		{"a gateway's name with a dot", istio("gateways: [a/b.example.com]"), "FW704"},
		{"a namespace with a dot", istio("gateways: [a.com/x]"), "FW704"},
		{"this namespace", istio("gateways: [./a]"), "FW704"},
		{"a gateway that is a number", istio("gateways: ['1']"), "FW704"},
		{"gateways", istio("gateways: [a/b, c, d.e.svc.cluster.local, mesh]"), ""},
		{"a time without attempts", istio("retries: {perTryTimeout: 2s}"), "FW704"},
		{"failures without attempts", istio("retries: {attempts: 0, retryOn: 5xx}"), "FW704"},
		{"an unknown failure", istio("retries: {attempts: 1, retryOn: 'five-hundred'}"), "FW115"},
		{"a time below a millisecond", istio("retries: {attempts: 1, perTryTimeout: 0.5ms}"), "FW704"},
		{"a broken millisecond", istio("retries: {attempts: 1, perTryTimeout: 1.5ms}"), "FW704"},
		{"retries", istio("retries: {attempts: 3, perTryTimeout: 1.5s, retryOn: '5xx,gateway-error,503'}"), ""},
		{"no retries", istio("retries: {attempts: 0}"), ""},
		{"no maxAge", istio("corsPolicy: {maxAge: 0s}"), "FW704"},
		{"half a second of maxAge", istio("corsPolicy: {maxAge: 1.5s}"), "FW704"},
		{"a method in small letters", istio("corsPolicy: {allowMethods: [get]}"), "FW115"},
		{"a header with a space", istio("corsPolicy: {allowHeaders: ['content type']}"), "FW115"},
		{"a shown header with a space", istio("corsPolicy: {exposeHeaders: ['x y']}"), "FW115"},
		{"an origin too long", istio("corsPolicy: {allowOrigins: [{regex: " + long + "}]}"), "FW314"},
		{"a CORS policy", istio("corsPolicy: {maxAge: 24h, allowMethods: [GET, '*'], allowHeaders: ['*', content-type], allowOrigins: [{regex: 'https://.*'}], allowCredentials: true}"), ""},
		{"a header set with a space", istio("headers: {request: {set: {'x y': a}}}"), "FW115"},
		{"a value with a %", istio("headers: {request: {set: {x: 100%}}}"), "FW115"},
		{"the host of a response", istio("headers: {response: {add: {Host: a}}}"), "FW704"},
		{"the host removed", istio("headers: {request: {remove: [host]}}"), "FW704"},
		{"the host set twice", istio("headers: {request: {set: {host: a}, add: {':authority': b}}}"), "FW704"},
		{"headers", istio("headers: {request: {set: {host: a, x-a: '%REQ(:path)%'}, remove: [x-b]}, response: {add: {x-c: 100%%}}}"), ""},
		{"a match's header with a space", match("{headers: {'x y': {exact: a}}}"), "FW115"},
		{"a match too long", match("{headers: {x: {regex: " + long + "}}}"), "FW314"},
		{"a claim without a gateway", match("{headers: {'@request.auth.claims.sub': {exact: a}}}"), "FW704"},
		{"a match", match("{headers: {x: {regex: " + long[:1024] + "}, ':path': {prefix: /a}}, sourceLabels: {example.com/a: b}}"), ""},
		{"a source label's name", match("{headers: {x: {exact: a}}, sourceLabels: {'a b': c}}"), "FW115"},

		{"a patched host", istio("gateways: [a/b], hosts: [a.example.com]") + patching("/spec/service/hosts/-", `"a.example.com"`), "FW322"},
		{"a patched gateway", istio("gateways: [a/b]") + patching("/spec/service/gateways/0", `"./a"`), "FW322"},
		{"patched retries", istio("hosts: [a.example.com]") + patching("/spec/service/retries", `{"retryOn": "5xx"}`), "FW322"},
		{"a patched failure", istio("hosts: [a.example.com]") + patching("/spec/service/retries", `{"attempts": 1, "retryOn": "x"}`), "FW322"},
		{"a patched cookie", istio("hosts: [a.example.com]") + patching("/spec/analysis/sessionAffinity", `{"cookieName": "[a"}`), "FW322"},
		{"a patched webhook", istio("hosts: [a.example.com]") + patching("/spec/analysis/webhooks", `[{"name": "a", "type": "event", "url": "http://a b"}]`), "FW322"},
		{"a patched match", istio("hosts: [a.example.com]") + patching("/spec/service/match", `[{"uri": {"regex": "["}}]`), "FW322"},
		{"a patched delegate", istio("hosts: [a.example.com]") + patching("/spec/service/delegation", "true"), "FW322"},
		{"fields that only patches can set", istio("gateways: [a/b], hosts: [a.example.com]") + patching("/spec/service/match", `[{"uri": {"prefix": "/"}, "gateways": ["mesh"]}]`), ""},
	} {
		var got []string
		for _, d := range problems(rolledOut("istio", tt.rollout)) {
			if d.Severity == diag.Error {
				got = append(got, string(d.Code))
			}
		}
		if want := strings.Fields(string(tt.want)); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, want %v\n%s", tt.name, got, want, text(problems(rolledOut("istio", tt.rollout))))
		}
	}
}

// patching returns a patch that adds a value to the rollout's Canary.
func patching(path, value string) string {
	return "      patches: [{target: {kind: Canary}, patch: '[{\"op\": \"add\", \"path\": \"" + path + "\", \"value\": " + value + "}]'}]\n"
}

// TestComponentsOfTheSource checks components: kustomize-controller reads nothing outside the source, and
// kustomize reads no directory twice.
func TestComponentsOfTheSource(t *testing.T) {
	for _, tt := range []struct {
		path, component string
		refused         bool
	}{
		{"./deploy/web", "../../components/a", false}, {"./deploy/web", "a", false}, {"", "a", false}, {"/deploy", "../a", false}, {"deploy/..", "a", false},
		{"./deploy/web", "../../../a", true}, {"", "../a", true}, {"../..", "../a", true}, {"deploy", "..", true}, {"deploy/web", "..", true}, {"deploy", ".", true}, {"", "./", true}, {"deploy", "../deploy", true},
		{"deploy", "../deploy-a", false},
	} {
		list := problems([]schema.File{app("a", fmt.Sprintf("  syncPolicies: [{name: p, kustomization: {interval: 5m, prune: true, path: %q, components: [%q]}}]\n", tt.path, tt.component))})
		if (len(list) > 0) != tt.refused {
			t.Errorf("%s with %s:\n%s", tt.path, tt.component, text(list))
		}
	}
}

// TestDerivedNames checks names that clash with the API server's Service, and names that become too long.
func TestDerivedNames(t *testing.T) {
	strategy := "      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}, trafficAnalysis: {metrics: [{name: request-duration, thresholdRange: {max: 500}}]}}\n"
	scaled := func(length int) []schema.File {
		return rolledOut("kuma", strategy+"      autoscalerRef: {name: "+strings.Repeat("a", length)+"}\n")
	}
	service := func(namespace string) []schema.File {
		files := rolledOut("kuma", strategy)
		files = edit(t, files, "x.yaml", "serviceName: web", "serviceName: kubernetes")
		return edit(t, files, "x.yaml", "namespace: web", "namespace: "+namespace)
	}
	for _, tt := range []struct {
		files []schema.File
		want  string
	}{
		{scaled(245), ""}, {scaled(246), "FW311"}, {service("web"), ""}, {service("default"), "FW312"},
	} {
		got := ""
		for _, d := range problems(tt.files) {
			if d.Severity == diag.Error {
				got += string(d.Code)
			}
		}
		if got != tt.want {
			t.Errorf("got %q, want %q:\n%s", got, tt.want, text(problems(tt.files)))
		}
	}
}
