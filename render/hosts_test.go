package render_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/schema"
)

// twoRollouts returns rollouts of cart and shop on one cluster, each with its own routing and patches.
func twoRollouts(provider string, cart, shop [2]string) []schema.File {
	policies := ""
	for _, r := range []struct {
		name string
		own  [2]string
	}{{"cart", cart}, {"shop", shop}} {
		policies += fmt.Sprintf(`
  - name: %[1]s
    kustomization: {interval: 5m, prune: true, targetNamespace: %[1]s}
    rollout:
      trafficRoutingProvider: %[2]s
      workload: {name: %[1]s, namespace: %[1]s}
      serviceName: %[1]s
      port: 8080
      rolloutPolicy:
        trafficRouting: {%[3]s}
        trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
`, r.name, provider, r.own[0])
		if r.own[1] != "" {
			policies += "      patches: [{target: {kind: Canary|Ingress}, patch: '" + r.own[1] + "'}]\n"
		}
	}
	return []schema.File{fleetOf(provider), app("x", "  destination: {fleet: f}\n  syncPolicies:"+policies)}
}

// TestOneHostOfTwoRollouts checks that two rollouts may share a host only if no request matches both.
func TestOneHostOfTwoRollouts(t *testing.T) {
	const (
		weights = "canaryStrategy: {stepWeight: 10}"
		public  = "gateways: [istio-system/public], hosts: [www.example.com], "
	)
	spec := func(match string) [2]string {
		return [2]string{public + weights, "- {op: add, path: /spec/service/match, value: [" + match + "]}"}
	}
	plain := [2]string{public + weights, ""}
	for _, tt := range []struct {
		name, provider string
		cart, shop     [2]string
		want           string
	}{
		{"no conditions", "istio", plain, plain, "FW716"},
		{"one without conditions", "istio", spec("{uri: {prefix: /cart/}}"), plain, ""},
		{"two prefixes", "istio", spec("{uri: {prefix: /cart/}}"), spec("{uri: {prefix: /shop/}}"), ""},
		{"a prefix of the other", "istio", spec("{uri: {prefix: /shop}}"), spec("{uri: {prefix: /shop/old}}"), "FW716"},
		{"a prefix without the slash", "istio", spec("{uri: {prefix: /shop}}"), spec("{uri: {prefix: /shopping/}}"), "FW716"},
		{"an exact path below the prefix", "istio", spec("{uri: {exact: /shop/index}}"), spec("{uri: {prefix: /shop/}}"), "FW716"},
		{"an exact path outside the prefix", "istio", spec("{uri: {exact: /shop}}"), spec("{uri: {prefix: /shop/}}"), ""},
		{"two exact paths", "istio", spec("{uri: {exact: /a}}"), spec("{uri: {exact: /b}}"), ""},
		{"the second of two conditions", "istio", spec("{uri: {exact: /a}}, {uri: {prefix: /b/}}"), spec("{uri: {exact: /c}}, {uri: {prefix: /b/c}}"), "FW716"},
		{"a regex with another beginning", "istio", spec(`{uri: {regex: "^/cart/[0-9]+"}}`), spec("{uri: {prefix: /shop/}}"), ""},
		{"a regex of any path", "istio", spec(`{uri: {regex: ".*/cart"}}`), spec("{uri: {prefix: /shop/}}"), "FW716"},
		{"a regex that ignores case", "istio", spec(`{uri: {regex: "(?i)/shop/.*"}}`), spec("{uri: {prefix: /shop/}}"), "FW716"},
		{"the same path in another case", "istio", spec("{uri: {prefix: /SHOP/}, ignoreUriCase: true}"), spec("{uri: {prefix: /shop/}}"), "FW716"},
		{"two methods of a path", "istio", spec("{uri: {prefix: /a}, method: {exact: GET}}"), spec("{uri: {prefix: /a}, method: {exact: POST}}"), ""},
		{"two values of a header", "istio", spec("{headers: {x-tenant: {exact: a}}}"), spec("{headers: {x-tenant: {exact: b}}}"), ""},
		{"two headers", "istio", spec("{headers: {x-a: {exact: a}}}"), spec("{headers: {x-b: {exact: b}}}"), "FW716"},
		{"a path and a header", "istio", spec("{uri: {prefix: /a/}}"), spec("{headers: {x-b: {exact: b}}}"), "FW716"},
		{
			"A/B testing for all paths", "istio",
			[2]string{public + "analysisTimes: 5, match: [{headers: {x-canary: {exact: insider}}}]", ""}, spec("{uri: {prefix: /shop/}}"), "FW716",
		},
		{
			"A/B testing of a path", "istio",
			[2]string{public + "analysisTimes: 5, match: [{headers: {x-canary: {exact: insider}}}]", spec("{uri: {prefix: /cart/}}")[1]}, spec("{uri: {prefix: /shop/}}"), "",
		},
		{
			"sidecars", "istio",
			[2]string{"gateways: [istio-system/public, mesh], hosts: [www.example.com], " + weights, spec("{uri: {prefix: /cart/}}")[1]},
			[2]string{"gateways: [istio-system/public, mesh], hosts: [www.example.com], " + weights, spec("{uri: {prefix: /shop/}}")[1]}, "FW716",
		},
		{
			"a host of a patch", "istio",
			[2]string{"gateways: [istio-system/public], hosts: [cart.example.com], " + weights, "- {op: add, path: /spec/service/hosts, value: [www.example.com]}"}, plain, "FW716",
		},
		{
			"a gateway of a patch", "istio",
			[2]string{public + weights, "- {op: add, path: /spec/service/gateways, value: [istio-system/other]}"}, plain, "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) { hasOnly(t, twoRollouts(tt.provider, tt.cart, tt.shop), tt.want) })
	}

	ingress := func(path string) [2]string {
		patch := ""
		if path != "" {
			patch = "- {op: replace, path: /spec/rules/0/http/paths/0/path, value: " + path + "}"
		}
		return [2]string{"host: www.example.com, " + weights, patch}
	}
	for _, tt := range []struct{ name, cart, shop, want string }{
		{"one path", "", "", "FW713"},
		{"two paths of an Ingress", "/cart", "/shop", ""},
		{"a path below the other", "/cart", "", ""},
		{"one path of patches", "/cart", "/cart", "FW713"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := twoRollouts("nginx", ingress(tt.cart), ingress(tt.shop))
			for i := range files {
				files[i].Data = []byte(strings.ReplaceAll(string(files[i].Data), "Canary|Ingress", "Ingress"))
			}
			hasOnly(t, files, tt.want)
		})
	}
}

// hasOnly reports errors and warnings with another code than want, or any if want is "".
func hasOnly(t *testing.T, files []schema.File, want string) {
	t.Helper()
	found := false
	for _, d := range diagnostics(files) {
		switch {
		case string(d.Code) == want:
			found = true
		case d.Severity != schema.Info:
			t.Errorf("unexpected %s %s", d.Code, d.Message)
		}
	}
	if want != "" && !found {
		t.Errorf("no %s in\n%s", want, text(diagnostics(files)))
	}
}

// TestPatchedFieldsThatFlaggerRejects checks that a field which the version of Flagger lacks or rejects is
// reported at the patch that sets it.
func TestPatchedFieldsThatFlaggerRejects(t *testing.T) {
	const rollout = `
      rolloutPolicy:
        trafficRouting: {canaryStrategy: {stepWeight: 10}}
        trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
      patches: [{target: {kind: Canary}, patch: '- {op: add, path: /spec/`
	for _, tt := range []struct{ name, version, patch, want string }{
		{"two cookies", "1.44.0", "analysis/sessionAffinity, value: {cookieName: a, primaryCookieName: b}", ""},
		{"one cookie twice", "1.44.0", "analysis/sessionAffinity, value: {cookieName: a, primaryCookieName: a}", "FW322"},
		{"one cookie twice in a version with one cookie", "1.40.0", "analysis/sessionAffinity, value: {cookieName: a, primaryCookieName: a}", "FW325"},
		{"an attribute of a cookie", "1.41.0", "analysis/sessionAffinity, value: {cookieName: a, secure: true}", "FW325"},
		{"a headless Service", "1.41.0", "service/headless, value: true", ""},
		{"a headless Service in an older version", "1.40.1", "service/headless, value: true", "FW325"},
		{"a delegate", "1.36.0", "service/delegation, value: true", ""},
		{"no delegate", "1.36.0", "service/delegation, value: false", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := rolledOut("istio", rollout+tt.patch+"}'}]\n")
			files[0].Data = []byte(strings.Replace(string(files[0].Data), "trafficRoutingProvider: istio", "chart: {version: "+tt.version+"}, trafficRoutingProvider: istio", 1))
			hasOnly(t, files, tt.want)
		})
	}
}

// TestProtocolsOnIstio checks ports that Istio does not treat as HTTP, so that Flagger's HTTP route has no
// effect.
func TestProtocolsOnIstio(t *testing.T) {
	const (
		weights   = "canaryStrategy: {stepWeight: 10}"
		ofGateway = "gateways: [istio-system/public], hosts: [www.example.com], "
		counted   = "metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]"
		custom    = `metrics: [{name: errors, thresholdRange: {max: 1}, customMetric: {provider: {type: prometheus, address: "http://prometheus.istio-system:9090"}, query: 'sum(rate(errors_total{namespace="{{ namespace }}",pod=~"{{ target }}-[0-9a-z]+-[0-9a-z]+"}[{{ interval }}])) or vector(0)'}}]`
	)
	for _, tt := range []struct{ name, port, routing, metrics, want string }{
		{"no name", "port: 8080", weights, counted, ""},
		{"http2 with a suffix", "{port: 8080, portName: http2-web}", weights, counted, ""},
		{"grpc-web", "{port: 8080, portName: grpc-web}", weights, counted, ""},
		{"a name without a protocol", "{port: 8443, portName: admin}", weights, counted, ""},
		{"a protocol that Istio detects", "{port: 5432, portName: postgres}", weights, counted, ""},
		{"https", "{port: 443, portName: https}", weights, counted, "FW715"},
		{"https at a gateway", "{port: 443, portName: https}", ofGateway + weights, counted, "FW715"},
		{"https at a gateway without counted requests", "{port: 443, portName: https}", ofGateway + weights, custom, ""},
		{"https without counted requests", "{port: 443, portName: https}", weights, custom, "FW715"},
		{"tls with a suffix", "{port: 443, portName: tls-web}", weights, counted, "FW715"},
		{"tcp", "{port: 9000, portName: tcp-api}", weights, counted, "FW715"},
		{"redis", "{port: 6379, portName: redis}", weights, counted, "FW715"},
		{"a number that is always tcp", "{port: 3306, portName: db}", weights, counted, "FW715"},
		{"appProtocol before the name", "{port: 443, portName: https, appProtocol: http}", weights, counted, ""},
		{"appProtocol in capitals", "{port: 443, appProtocol: HTTPS}", weights, counted, "FW715"},
		{"appProtocol of Kubernetes", "{port: 8080, appProtocol: kubernetes.io/h2c}", weights, counted, ""},
		{"appProtocol of a websocket with TLS", "{port: 443, appProtocol: kubernetes.io/wss}", weights, counted, "FW715"},
		{"a route of layer 4", "{port: 443, portName: https, appProtocol: tcp}", weights, custom, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			port := strings.NewReplacer("{", "", "}", "", ", ", "\n      ").Replace(tt.port)
			files := []schema.File{fleetOf("istio"), app("x", `  destination: {fleet: f}
  syncPolicies:
  - name: web
    kustomization: {interval: 5m, prune: true}
    rollout:
      trafficRoutingProvider: istio
      workload: {name: web, namespace: web}
      serviceName: web
      `+port+`
      targetPort: web
      rolloutPolicy:
        trafficRouting: {`+tt.routing+`}
        trafficAnalysis: {`+tt.metrics+"}\n")}
			hasOnly(t, files, tt.want)
		})
	}
}
