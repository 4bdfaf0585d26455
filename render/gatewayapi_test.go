package render_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/schema"
)

// byGateway returns a rollout on gatewayapi, with further fields of its fleet's plugin, the rollout, its routing
// and its analysis.
func byGateway(plugin, rollout, routing, analysis string) []schema.File {
	if !strings.Contains(routing, "analysisTimes") && !strings.Contains(routing, "canaryStrategy") {
		routing = strings.TrimPrefix(routing+", canaryStrategy: {stepWeight: 10}", ", ")
	}
	if analysis != "" {
		analysis += ", "
	}
	files := rolledOut("gatewayapi", rollout+"      rolloutPolicy:\n        trafficRouting: {"+routing+"}\n        trafficAnalysis: {"+analysis+custom+"}\n")
	if plugin != "" {
		files[0].Data = []byte(strings.Replace(string(files[0].Data), "publicTestloader: true, ", "publicTestloader: true, "+plugin+", ", 1))
	}
	return files
}

// custom is a metric of unknown meaning.
const custom = "metrics: [{name: own, thresholdRange: {min: 1}, customMetric: {provider: {type: datadog, secretRef: {name: datadog}}, query: q}}]"

const (
	onIstio = "gateway: {implementation: istio}, installed: {istio: {}}"
	onKuma  = "gateway: {implementation: kuma}, installed: {gateway-api: {}, kuma: {version: 2.13.10}}"
	onOther = "gateway: {implementation: other, refs: [{name: public, namespace: infra}]}"
)

// TestGatewayAPIRejects checks, with positions and hints, the fields that Flagger's router ignores or cannot
// write and those that the API server or an implementation rejects, and similar fields that are correct.
func TestGatewayAPIRejects(t *testing.T) {
	for _, tt := range []struct {
		name                               string
		plugin, rollout, routing, analysis string
		want                               []string
	}{
		{"plain", "", "", "", "", nil},
		{"retries", "", "", "retries: {attempts: 3}", "", []string{
			"x.yaml:16:26: error FW731 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.retries: Flagger ignores retries on gatewayapi: the field is for istio → remove the field",
		}},
		{"gateways", "", "", "gateways: [istio-system/public]", "", []string{
			"x.yaml:16:26: error FW731 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gateways: Flagger ignores gateways on gatewayapi: the field is for istio → gatewayRefs: [{name: public, namespace: infra}]",
		}},
		{"host", "", "", "host: shop.example.com", "", []string{
			"x.yaml:16:32: error FW731 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.host: Flagger ignores host on gatewayapi: the field is for nginx → hosts: [shop.example.com]",
		}},
		{"protocol and meshName without Kuma", "", "      meshName: shop\n", "protocol: http", "", []string{
			"x.yaml:15:17: error FW731 spec.syncPolicies[0].rollout.meshName: meshName is for kuma, but another component implements Gateway API here → remove the field, or gateway: {implementation: kuma} in plugin.flagger",
			"x.yaml:17:36: error FW731 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.protocol: protocol is for kuma, but another component implements Gateway API here → set appProtocol of the rollout instead",
		}},
		{"a Gateway that another implementation serves", onOther, "", `hosts: [shop.example.com], corsPolicy: {allowOrigin: ["https://a.example.com"], maxAge: 24h}, timeoutSeconds: 30, backendTimeoutSeconds: 10, serviceMatch: [{uri: {prefix: /shop}, method: {exact: GET}, headers: {x-a: {regex: b.*}}}], rewrite: {uri: /v2, authority: b.example.com}, mirror: [{backendRef: {name: shadow, port: 80}}], headers: {request: {set: {x-a: b}}}`, "", nil},
		{"only sourceLabels", "", "", "analysisTimes: 5, match: [{sourceLabels: {app: a}}]", "", []string{
			"x.yaml:16:53: error FW731 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].sourceLabels: Flagger ignores sourceLabels on gatewayapi; without them the condition is empty, and Flagger sends every request to the new version → headers: {x-canary: {exact: insider}}",
		}},
		{"sourceLabels with headers", "", "", "analysisTimes: 5, match: [{headers: {x-a: {exact: b}}, sourceLabels: {app: a}}]", "", []string{
			"x.yaml:16:81: error FW731 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].sourceLabels: Flagger ignores sourceLabels on gatewayapi: requests of pods with any labels meet the condition → headers: {x-canary: {exact: insider}}",
		}},
		{"a header's prefix in match", "", "", "analysisTimes: 5, match: [{headers: {x-a: {prefix: b}}}]", "", []string{
			"x.yaml:16:63: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].headers.x-a: an HTTPRoute matches only by exact or regex; because of this condition, Flagger drops the whole match and sends every request to the new version → regex: ^b.*$",
		}},
		{"a query parameter's suffix in match", "", "", "analysisTimes: 5, match: [{queryParams: {a: {suffix: b}}}]", "", []string{
			"x.yaml:16:67: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].queryParams.a: an HTTPRoute matches only by exact or regex; because of this condition, Flagger drops the whole match and sends every request to the new version → regex: ^.*b$",
		}},
		{"a query parameter in match", "", "", "analysisTimes: 5, match: [{queryParams: {a: {exact: b}}}]", "", nil},
		{"two headers in match", "", "", "analysisTimes: 5, match: [{headers: {x-a: {exact: b}, x-c: {exact: d}}}]", "", []string{
			"x.yaml:16:52: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0]: Flagger writes two headers or query parameters of one condition in random order and resets the HTTPRoute whenever the order changes: the canary loses its traffic at random → one header, or one query parameter, in each condition",
		}},
		{"exact and regex in match", "", "", "analysisTimes: 5, match: [{headers: {x-a: {exact: b, regex: c}}}]", "", []string{
			"x.yaml:16:63: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].headers.x-a: the condition has 2 comparisons, but needs exactly one: exact or regex → {exact: insider}",
		}},
		{"exact and prefix of a path", "", "", "serviceMatch: [{uri: {exact: /a, prefix: /b}}]", "", []string{
			"x.yaml:16:42: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.serviceMatch[0].uri: the condition has 2 comparisons, but needs exactly one: exact, prefix or regex → uri: {prefix: /}",
		}},
		{"exact and prefix of a method", "", "", "serviceMatch: [{uri: {prefix: /}, method: {exact: GET, prefix: P}}]", "", []string{
			"x.yaml:16:60: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.serviceMatch[0].method: the condition has 2 comparisons, but needs exactly one: exact → method: {exact: GET}",
		}},
		{"two headers in match, and one by its prefix", "", "", "analysisTimes: 5, match: [{headers: {x-a: {exact: b}, x-c: {prefix: d}}}]", "", []string{
			"x.yaml:16:52: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0]: Flagger writes two headers or query parameters of one condition in random order and resets the HTTPRoute whenever the order changes: the canary loses its traffic at random → one header, or one query parameter, in each condition",
			"x.yaml:16:80: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].headers.x-c: an HTTPRoute matches only by exact or regex; because of this condition, Flagger drops the whole match and sends every request to the new version → regex: ^d.*$",
		}},
		{"no regular expression", "", "", `analysisTimes: 5, match: [{headers: {x-a: {regex: "["}}}]`, "", []string{
			`x.yaml:16:76: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].headers.x-a.regex: "[" is not a valid regular expression → escape characters such as [ and ( with a backslash`,
		}},
		{"a header's prefix in serviceMatch", "", "", "serviceMatch: [{uri: {prefix: /}, headers: {x-a: {prefix: b}}}]", "", []string{
			"x.yaml:16:70: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.serviceMatch[0].headers.x-a: Flagger rejects the Canary: an HTTPRoute matches headers and query parameters only by exact and regex, not by prefix → regex: ^b.*$",
		}},
		{"a method that is not exact", "", "", "serviceMatch: [{uri: {prefix: /}, method: {prefix: G}}]", "", []string{
			"x.yaml:16:60: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.serviceMatch[0].method: Flagger rejects the Canary: an HTTPRoute matches a method as a whole → method: {exact: GET}",
		}},
		{"a path's suffix", "", "", "serviceMatch: [{uri: {suffix: .png}}]", "", []string{
			"x.yaml:16:42: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.serviceMatch[0].uri: Flagger rejects the Canary: an HTTPRoute cannot match this path → uri: {prefix: /}",
		}},
		{"no path", "", "", "serviceMatch: [{method: {exact: GET}}]", "", []string{
			"x.yaml:16:41: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.serviceMatch[0]: the condition has no uri; the API server adds the path /, so Flagger rewrites the HTTPRoute at every check: the canary loses its traffic each time → uri: {prefix: /}",
		}},
		{"an empty condition", "", "", "serviceMatch: [{}]", "", []string{
			"x.yaml:16:41: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.serviceMatch[0]: the condition is empty, so Flagger drops it → uri: {prefix: /}",
		}},
		{"headers in both", "", "", "analysisTimes: 5, serviceMatch: [{uri: {prefix: /}, headers: {x-a: {exact: b}}}], match: [{headers: {x-c: {exact: d}}}]", "", []string{
			"x.yaml:16:117: error FW733 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].headers: headers of match replace the headers of serviceMatch, so requests without these also reach the new version → queryParams, or no headers in serviceMatch",
		}},
		{"headers in one and query parameters in the other", "", "", "analysisTimes: 5, serviceMatch: [{uri: {prefix: /}, headers: {x-a: {exact: b}}}], match: [{queryParams: {c: {exact: d}}}]", "", nil},
		{"mirror with weights", "", "", "", "mirror: true", []string{
			"x.yaml:17:35: error FW739 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.mirror: Flagger mirrors only in blue/green rollouts; with weights, it waits for the mirror forever → analysisTimes: 10, instead of canaryStrategy",
		}},
		{"mirror in blue/green", "", "", "analysisTimes: 5", "mirror: true", nil},
		{"mirror with match", "", "", "analysisTimes: 5, match: [{headers: {x-a: {exact: b}}}]", "mirror: true", []string{
			"x.yaml:17:35: error FW739 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.mirror: Flagger mirrors only in blue/green rollouts, and ignores mirror with match → analysisTimes: 10, without match",
		}},
		{"a mirror to the new version", "", "", "mirror: [{backendRef: {name: web-canary, port: 8080}}]", "", []string{
			"x.yaml:16:55: error FW739 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.mirror[0].backendRef.name: Flagger mistakes a mirror to web-canary for the mirror of an analysis and skips confirm-traffic-increase hooks; between rollouts the Service has no pods → trafficAnalysis: {mirror: true} and trafficRouting: {analysisTimes: 10}, instead of this mirror",
		}},
		{"a mirror without a port", "", "", "mirror: [{backendRef: {name: shadow}}]", "", []string{
			"x.yaml:16:36: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.mirror[0].backendRef: the mirror to Service shadow needs a port → port: 80",
		}},
		{"session affinity", "", "", "", "sessionAffinity: {cookieName: c}", nil},
		{"session affinity in blue/green", "", "", "analysisTimes: 5", "sessionAffinity: {cookieName: c}", []string{
			"x.yaml:17:27: error FW315 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.sessionAffinity: sessionAffinity has no effect: it needs traffic that Flagger splits by weight → canaryStrategy: {stepWeight: 10}, instead of analysisTimes",
		}},
		{"session affinity and match", "", "", "match: [{headers: {x-a: {exact: b}}}]", "sessionAffinity: {cookieName: c}", []string{
			"x.yaml:17:27: error FW315 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.sessionAffinity: with match, Flagger also splits the requests that do not match → canaryStrategy: {stepWeight: 10}, without match",
		}},
		{"session affinity and response headers", "", "", "headers: {response: {set: {x-a: b}}}", "sessionAffinity: {cookieName: c}", []string{
			"x.yaml:16:36: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.headers.response: with sessionAffinity, the HTTPRoute after a rollout has two ResponseHeaderModifiers, which the API server rejects: the canary keeps its traffic, and no rollback ends → remove headers.response, or sessionAffinity",
		}},
		{"CORS on Contour", "", "", `corsPolicy: {allowOrigin: ["https://a.example.com"], maxAge: 24h}`, "", []string{
			"x.yaml:16:26: error FW734 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy: Contour accepts no HTTPRoute with CORS; Flagger would wait for it forever → remove the field, and answer preflight requests in the application",
		}},
		{"CORS on Contour without maxAge", "", "", `corsPolicy: {allowOrigin: [app.example.com]}`, "", []string{
			"x.yaml:16:26: error FW734 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy: Contour accepts no HTTPRoute with CORS; Flagger would wait for it forever → remove the field, and answer preflight requests in the application",
		}},
		{"CORS on Kuma without maxAge", onKuma, "", `corsPolicy: {allowOrigins: [{exact: "https://a.example.com"}]}`, "", []string{
			"x.yaml:16:26: error FW424 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy: Kuma drops CORS from the HTTPRoute, so browsers get no CORS headers → remove corsPolicy, and answer preflight requests in the application",
		}},
		{"CORS with patterns", onOther, "", `corsPolicy: {allowOrigins: [{exact: "https://a.example.com"}], maxAge: 24h}`, "", []string{
			"x.yaml:16:39: error FW734 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy.allowOrigins: Flagger ignores allowOrigins on gatewayapi: origins cannot be patterns there → allowOrigin: [https://a.example.com]",
		}},
		{"CORS without maxAge", onOther, "", `corsPolicy: {allowOrigin: ["https://a.example.com"]}`, "", []string{
			"x.yaml:16:26: error FW734 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy: corsPolicy has no maxAge of at least 1s; the API server adds 5s, so Flagger rewrites the HTTPRoute at every check: the canary loses its traffic each time → maxAge: 24h",
		}},
		{"CORS with CRDs of 1.4", "gateway: {implementation: other, refs: [{name: public, namespace: infra}]}, installed: {gateway-api: {}}", "", `corsPolicy: {allowOrigin: ["https://a.example.com"], maxAge: 24h}`, "", []string{
			"x.yaml:16:26: error FW734 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy: the standard channel of Gateway API 1.4.1 has no CORS, so the API server rejects the HTTPRoute → installed: {gateway-api: {version: 1.5.1}} once the clusters have it, or {channel: experimental} if they have that",
		}},
		{"CORS with the experimental channel", "gateway: {implementation: other, refs: [{name: public, namespace: infra}]}, installed: {gateway-api: {channel: experimental}}", "", `corsPolicy: {allowOrigin: ["https://a.example.com"], maxAge: 24h}`, "", nil},
		{"CORS with an experimental channel that has none yet", "gateway: {implementation: other, refs: [{name: public, namespace: infra}]}, installed: {gateway-api: {version: 1.2.1, channel: experimental}}", "", `corsPolicy: {allowOrigin: ["https://a.example.com"], maxAge: 24h}`, "", []string{
			"x.yaml:16:26: error FW734 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy: the experimental channel of Gateway API 1.2.1 has no CORS, so the API server rejects the HTTPRoute → installed: {gateway-api: {version: 1.5.1}} once the clusters have it",
		}},
		{"CORS with an old Flagger", "chart: {version: 1.41.0}, gateway: {implementation: other, refs: [{name: public, namespace: infra}]}", "", `corsPolicy: {allowOrigin: ["https://a.example.com"], maxAge: 24h}`, "", []string{
			"x.yaml:16:26: error FW732 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy: Flagger 1.41.0 ignores corsPolicy on gatewayapi; only 1.42 and newer read it → chart: {version: 1.42.0} or newer for the fleet's Flagger, or remove the field",
		}},
		{"CORS with an invalid origin", onOther, "", `corsPolicy: {allowOrigin: [app.example.com, "*"], allowMethods: [GET, GET], maxAge: 24h}`, "", []string{
			`x.yaml:16:39: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy.allowOrigin: an HTTPRoute allows * only as the single entry → allowOrigin: ["*"]`,
			`x.yaml:16:53: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy.allowOrigin[0]: "app.example.com" is not a valid origin for allowOrigin → https://app.example.com`,
			"x.yaml:16:96: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy.allowMethods[1]: duplicate method GET → one method GET",
		}},
		{"match with an old Flagger", "chart: {version: 1.42.0}", "", "analysisTimes: 5, match: [{headers: {x-a: {exact: b}}}]", "", []string{
			"x.yaml:16:44: error FW732 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match: Flagger before 1.43 writes an empty timeout with match, which the API server rejects: the rollout never advances → timeoutSeconds: 60",
		}},
		{"match and a timeout with an old Flagger", "chart: {version: 1.42.0}", "", "analysisTimes: 5, timeoutSeconds: 60, match: [{headers: {x-a: {exact: b}}}]", "", nil},
		{"backendTimeout with an old Flagger", "chart: {version: 1.43.0}", "", "backendTimeoutSeconds: 5", "", []string{
			"x.yaml:16:49: error FW325 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.backendTimeoutSeconds: Flagger 1.43.0 has no backendTimeout (added in 1.44), so the API server rejects the Canary → chart: {version: 1.44.0} or newer for the fleet's Flagger, or remove the field",
		}},
		{"hosts", "", "", `hosts: ["*", 10.0.0.1, "a.example.com:80", "A.example.com", "*.example.com"]`, "", []string{
			`x.yaml:16:34: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.hosts[0]: "*" is not a valid host: an HTTPRoute without hosts is for all hosts → remove hosts`,
			`x.yaml:16:39: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.hosts[1]: "10.0.0.1" is not a valid host: it is an IP address → backend.example.com, or *.example.com`,
			`x.yaml:16:49: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.hosts[2]: "a.example.com:80" is not a valid host: a host has no port → a.example.com`,
			`x.yaml:16:69: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.hosts[3]: "A.example.com" is not a valid host: a host has only lower-case letters, digits, '-' and '.', at most 253 → backend.example.com, or *.example.com`,
		}},
		{"seventeen hosts", "", "", "hosts: [a1, a2, a3, a4, a5, a6, a7, a8, a9, b1, b2, b3, b4, b5, b6, b7, b8]", "", []string{
			"x.yaml:16:26: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.hosts: there are 17 hosts; an HTTPRoute allows at most 16 → at most 16 hosts",
		}},
		{"an attempt longer than the request", "", "", "timeoutSeconds: 5, backendTimeoutSeconds: 10", "", []string{
			"x.yaml:16:68: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.backendTimeoutSeconds: one attempt may take 10s, longer than the 5s for the whole request → backendTimeoutSeconds: 5 or less",
		}},
		{"a timeout of six digits", "", "", "timeoutSeconds: 100000", "", []string{
			`x.yaml:16:42: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.timeoutSeconds: "100000s" is not a valid duration: use numbers of at most 5 digits with the unit h, m, s or ms → timeoutSeconds: 60`,
		}},
		{"paths", "", "", `serviceMatch: [{uri: {exact: shop}}, {uri: {prefix: /a//b}}, {uri: {prefix: /a/..}}, {uri: {exact: "/a%2Fb"}}, {uri: {exact: "/a b"}}, {uri: {regex: "^x"}}]`, "", []string{
			`x.yaml:16:55: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.serviceMatch[0].uri.exact: "shop" is not a valid path: it does not begin with / → exact: /shop`,
			`x.yaml:16:78: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.serviceMatch[1].uri.prefix: "/a//b" is not a valid path: it contains // → prefix: /shop`,
			`x.yaml:16:102: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.serviceMatch[2].uri.prefix: "/a/.." is not a valid path: it ends with /.. → prefix: /shop`,
			`x.yaml:16:125: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.serviceMatch[3].uri.exact: "/a%2Fb" is not a valid path: it contains %2F → exact: /shop`,
			`x.yaml:16:151: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.serviceMatch[4].uri.exact: "/a b" is not a valid path: it contains a character that must be written as % and two hexadecimal digits → exact: /shop`,
		}},
		{"a method", "", "", "serviceMatch: [{uri: {prefix: /}, method: {exact: get}}]", "", []string{
			`x.yaml:16:76: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.serviceMatch[0].method.exact: "get" is not a valid method → exact: GET`,
		}},
		{"an empty header", "", "", `headers: {request: {set: {x-a: ""}, remove: [x-b, x-b]}}`, "", []string{
			"x.yaml:16:57: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.headers.request.set.x-a: x-a has no value, which an HTTPRoute does not allow → x-version: canary",
			"x.yaml:16:76: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.headers.request.remove[1]: duplicate header x-b → one header x-b",
		}},
		{"ReplacePrefixMatch without a condition", "", "", "rewrite: {uri: /v2, type: ReplacePrefixMatch}", "", nil},
		{"ReplacePrefixMatch of a path", "", "", "rewrite: {uri: /v2, type: ReplacePrefixMatch}, serviceMatch: [{uri: {exact: /a}}]", "", []string{
			"x.yaml:16:52: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.rewrite.type: ReplacePrefixMatch needs a single condition in each rule of the HTTPRoute, with a prefix → one serviceMatch with uri: {prefix: /shop} and at most one match, or type: ReplaceFullPath",
		}},
		{"ReplacePrefixMatch of two prefixes", "", "", "rewrite: {uri: /v2, type: ReplacePrefixMatch}, serviceMatch: [{uri: {prefix: /a}}, {uri: {prefix: /b}}]", "", []string{
			"x.yaml:16:52: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.rewrite.type: ReplacePrefixMatch needs a single condition in each rule of the HTTPRoute, with a prefix → one serviceMatch with uri: {prefix: /shop} and at most one match, or type: ReplaceFullPath",
		}},
		{"an empty rewrite", "", "", "rewrite: {}", "", []string{
			"x.yaml:16:26: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.rewrite: rewrite has neither uri nor authority, so it changes nothing → uri: /v2",
		}},
		{"a parent twice", "", "", "gatewayRefs: [{name: contour, namespace: projectcontour}, {name: contour, namespace: projectcontour}]", "", []string{
			"x.yaml:16:84: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[1]: duplicate parent contour: both have the same sectionName or none → one parent, or sectionName: http and sectionName: https",
		}},
		{"no parent", onIstio, "", "", "", []string{
			"x.yaml:16:9: error FW736 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs: Flagger rejects the Canary: its HTTPRoute has no parent → gatewayRefs: [{name: public, namespace: infra}]",
		}},
		{"a Service of the group core", onIstio, "", "gatewayRefs: [{group: core, kind: Service, name: web, port: 8080}]", "", []string{
			`x.yaml:16:48: error FW736 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[0].group: the group of a Service is "", not "core": the route is ignored, and Flagger promotes each version without a request to it → group: ""`,
		}},
		{"a Service of the group core on Kuma", onKuma, "", "gatewayRefs: [{group: core, kind: Service, name: web, port: 8080}]", "", []string{
			`x.yaml:16:48: error FW736 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[0].group: the group of a Service is "", not "core": the route is ignored, and Flagger promotes each version without a request to it → group: ""`,
		}},
		{"a Service without a group", onIstio, "", "gatewayRefs: [{kind: Service, name: web}]", "", nil},
		{"another Service", onIstio, "", "gatewayRefs: [{kind: Service, name: api, port: 8080}]", "", []string{
			"x.yaml:16:62: error FW736 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[0].name: the parent is Service api: its callers would get the versions of web → name: web, port: 8080",
		}},
		{"the Service's other port", onIstio, "", "gatewayRefs: [{kind: Service, name: web, port: 80}]", "", []string{
			"x.yaml:16:73: error FW736 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[0].port: the rollout's Service has port 8080: with port 80, the route matches no request and all go to the old version → port: 8080",
		}},
		{"the Service's other port by name", onIstio, "", "gatewayRefs: [{kind: Service, name: web, sectionName: grpc}]", "", []string{
			"x.yaml:16:80: error FW736 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[0].sectionName: the port of the rollout's Service is named http: with sectionName grpc, the route matches no request and all go to the old version → sectionName: http",
		}},
		{"the Service's port by name", onIstio, "", "gatewayRefs: [{kind: Service, name: web, sectionName: http}]", "", nil},
		{"the Service's own port name", onIstio, "      portName: grpc\n", "gatewayRefs: [{kind: Service, name: web, sectionName: grpc}]", "", nil},
		{"a Service of another namespace", onIstio, "", "gatewayRefs: [{kind: Service, name: web, namespace: shop}]", "", []string{
			"x.yaml:16:78: error FW736 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[0].namespace: the rollout's Service is in namespace web; callers of the one in shop would get its versions → remove the line",
		}},
		{"a parent twice, once for all listeners", onIstio, "", "gatewayRefs: [{name: public}, {name: public, sectionName: http}]", "", []string{
			"x.yaml:16:56: error FW735 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[1]: duplicate parent public: one has no sectionName and stands for all listeners → one parent, or sectionName: http and sectionName: https",
		}},
		{"a Service on Contour", "", "", "gatewayRefs: [{kind: Service}]", "", []string{
			"x.yaml:16:47: error FW736 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[0].kind: Contour ignores a route whose parent is a Service: no traffic moves → {name: contour, namespace: projectcontour}",
		}},
		{"another kind", onIstio, "", "gatewayRefs: [{kind: ServiceEntry, name: web}]", "", []string{
			"x.yaml:16:47: error FW736 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[0].kind: the parent of an HTTPRoute is a Gateway or a Service, not a ServiceEntry → kind: Gateway",
		}},
		{"a Gateway without a name", onIstio, "", "gatewayRefs: [{namespace: infra}]", "", []string{
			"x.yaml:16:40: error FW736 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[0]: the reference to a Gateway has no name → {name: public, namespace: infra}, or {kind: Service}, which is the rollout's own Service",
		}},
		{"a Gateway of another group", onIstio, "", "gatewayRefs: [{group: networking.istio.io, name: public}]", "", []string{
			`x.yaml:16:48: error FW736 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[0].group: the group of a Gateway is gateway.networking.k8s.io, not "networking.istio.io": the route is ignored, and no traffic moves → group: gateway.networking.k8s.io`,
		}},
		{"another Gateway than that of the rendered Contour", "", "", "gatewayRefs: [{name: public, namespace: infra}]", "", []string{
			"x.yaml:16:40: error FW736 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[0]: Contour serves only Gateway contour in namespace projectcontour: the route is ignored, and no traffic moves → {name: contour, namespace: projectcontour}, or gateway: {implementation: other} in plugin.flagger if something else serves this Gateway",
		}},
		{"another listener of the rendered Contour", "", "", "gatewayRefs: [{name: contour, namespace: projectcontour, sectionName: https}]", "", []string{
			"x.yaml:16:96: error FW736 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gatewayRefs[0].sectionName: the Gateway has no listener https → sectionName: http",
		}},
		{"the listener of the rendered Contour", "", "", "gatewayRefs: [{name: contour, namespace: projectcontour, sectionName: http, port: 80}]", "", nil},
		{"gRPC on Contour", "", "      appProtocol: grpc\n", "", "", []string{
			"x.yaml:15:20: error FW737 spec.syncPolicies[0].rollout.appProtocol: Contour does not know appProtocol grpc and answers every request with 500; the HTTPRoute stays accepted, so Flagger continues → appProtocol: kubernetes.io/h2c",
		}},
		{"h2c on Contour", "", "      appProtocol: kubernetes.io/h2c\n", "", "", nil},
		{"refs of the fleet", "gateway: {implementation: istio, refs: [{group: core, kind: Service}, {namespace: infra}]}, installed: {istio: {}}", "", "", "", []string{
			`fleet.yaml:7:94: error FW736 spec.plugin.flagger.gateway.refs[0].group: the group of a Service is "", not "core": the route is ignored, and Flagger promotes each version without a request to it → group: ""`,
			"fleet.yaml:7:116: error FW736 spec.plugin.flagger.gateway.refs[1]: the reference to a Gateway has no name → {name: public, namespace: infra}, or {kind: Service}, which is the rollout's own Service",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantProblems(t, byGateway(tt.plugin, tt.rollout, tt.routing, tt.analysis), tt.want)
		})
	}
}

// TestOneHTTPRouteOfTwoRollouts checks that two rollouts do not share both a host and a condition at one parent.
func TestOneHTTPRouteOfTwoRollouts(t *testing.T) {
	const weights = "canaryStrategy: {stepWeight: 10}"
	for _, tt := range []struct{ name, cart, shop, want string }{
		{"no hosts", "", "", "FW738"},
		{"one host", "hosts: [a.example.com], ", "hosts: [a.example.com], ", "FW738"},
		{"two hosts", "hosts: [a.example.com], ", "hosts: [b.example.com], ", ""},
		{"one of several hosts", "hosts: [a.example.com, b.example.com], ", "hosts: [c.example.com, b.example.com], ", "FW738"},
		{"a host and its wildcard, of which the longer counts", "hosts: [a.example.com], ", "hosts: ['*.example.com'], ", ""},
		{"a host and none", "hosts: [a.example.com], ", "", ""},
		{"two paths", "serviceMatch: [{uri: {prefix: /cart}}], ", "serviceMatch: [{uri: {prefix: /shop}}], ", ""},
		{"one path", "serviceMatch: [{uri: {prefix: /cart/}}], ", "serviceMatch: [{uri: {prefix: /cart}}], ", "FW738"},
		{"a path below the other's, of which the longer counts", "serviceMatch: [{uri: {prefix: /cart}}], ", "serviceMatch: [{uri: {prefix: /}}], ", ""},
		{"the prefix / and no condition", "serviceMatch: [{uri: {prefix: /}}], ", "", "FW738"},
		{"two methods", "serviceMatch: [{uri: {prefix: /}, method: {exact: GET}}], ", "serviceMatch: [{uri: {prefix: /}, method: {exact: PUT}}], ", ""},
		{"two Gateways", "gatewayRefs: [{name: a, namespace: infra}], ", "gatewayRefs: [{name: b, namespace: infra}], ", ""},
		{"two listeners", "gatewayRefs: [{name: a, namespace: infra, sectionName: http}], ", "gatewayRefs: [{name: a, namespace: infra, sectionName: https}], ", ""},
		{"all listeners and one", "gatewayRefs: [{name: a, namespace: infra}], ", "gatewayRefs: [{name: a, namespace: infra, sectionName: https}], ", "FW738"},
		{"one listener and all", "gatewayRefs: [{name: a, namespace: infra, sectionName: https}], ", "gatewayRefs: [{name: a, namespace: infra}], ", "FW738"},
		{"Gateways of two namespaces", "gatewayRefs: [{name: a}], ", "gatewayRefs: [{name: a}], ", ""},
		{"a Service each", "gatewayRefs: [{kind: Service}], ", "gatewayRefs: [{kind: Service}], ", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := twoRollouts("gatewayapi", [2]string{tt.cart + weights}, [2]string{tt.shop + weights})
			if strings.Contains(tt.cart, "gatewayRefs") {
				files[0].Data = []byte(strings.Replace(string(files[0].Data), "publicTestloader: true, ", "publicTestloader: true, "+onIstio+", ", 1))
			}
			got := ""
			for _, d := range problems(files) {
				if strings.HasPrefix(string(d.Code), "FW73") {
					got += string(d.Code)
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s:\n%s", got, tt.want, text(problems(files)))
			}
		})
	}
}

// TestHintsForOneHTTPRouteOfTwo checks that hints use hosts and paths of neither rollout.
func TestHintsForOneHTTPRouteOfTwo(t *testing.T) {
	const elsewhere = "or send them to different clusters with clusterSelector"
	for _, tt := range []struct{ cart, shop, want string }{
		{"hosts: [a.example.com], ", "hosts: [a.example.com], ", "hosts: [shop.example.com], serviceMatch: [{uri: {prefix: /shop}}], "},
		{"hosts: [shop.example.com], ", "hosts: [shop.example.com], ", "serviceMatch: [{uri: {prefix: /shop}}], "},
		{"serviceMatch: [{uri: {prefix: /shop}}], ", "serviceMatch: [{uri: {prefix: /shop/}}], ", "hosts: [shop.example.com], "},
		{"hosts: [shop.example.com], serviceMatch: [{uri: {prefix: /shop}}], ", "hosts: [shop.example.com], serviceMatch: [{uri: {prefix: /shop}}], ", "another host or another path in serviceMatch, "},
	} {
		const weights = "canaryStrategy: {stepWeight: 10}"
		got := ""
		for _, d := range problems(twoRollouts("gatewayapi", [2]string{tt.cart + weights}, [2]string{tt.shop + weights})) {
			if d.Code == "FW738" {
				got = d.Hint
			}
		}
		if got != tt.want+elsewhere {
			t.Errorf("of %sthe hint is %q, want %q", tt.shop, got, tt.want+elsewhere)
		}
	}
}

// TestLoadOnGatewayAPI checks that a load test goes where the route splits and where requests are counted.
func TestLoadOnGatewayAPI(t *testing.T) {
	const (
		counted = `metrics: [{name: own, thresholdRange: {min: 1}, customMetric: {provider: {type: prometheus, address: "http://p.m:9090"}, query: 'sum(rate(envoy_cluster_upstream_rq{envoy_cluster_name="{{ namespace }}_{{ service }}-canary_8080"}[{{ interval }}]))'}}]`
		contour = "hosts: [www.example.com]"
		service = "gatewayRefs: [{kind: Service}]"
		gateway = "hosts: [www.example.com], gatewayRefs: [{name: public, namespace: infra}]"
		pods    = `metrics: [{name: own, thresholdRange: {min: 1}, customMetric: {provider: {type: prometheus, address: "http://p.m:9090"}, query: 'sum(rate(http_requests_total{namespace="{{ namespace }}",pod=~"{{ target }}-[0-9a-z]+-[0-9a-z]+"}[{{ interval }}]))'}}]`
	)
	for _, tt := range []struct {
		name, plugin, routing, metrics, command string
		want                                    []string
	}{
		{"through the Gateway with a host", "", contour, counted, "hey -z 50s -host www.example.com http://contour-envoy.projectcontour/", nil},
		{"through the Gateway without a host", "", contour, counted, "hey -z 50s http://contour-envoy.projectcontour/", []string{
			"x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets contour-envoy.projectcontour, which is not a host of the rollout → hey -host www.example.com -z 50s http://contour-envoy.projectcontour/",
		}},
		{"to the host", "", contour, counted, "hey -z 50s http://www.example.com/", nil},
		{"a route for all hosts", "", "", counted, "hey -z 50s http://contour-envoy.projectcontour/", nil},
		{"to the Service", "", contour, counted, "hey -z 50s http://web.web:8080/", []string{
			"x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets web.web, but Flagger splits only the traffic of gateways, so all its requests go to the stable version → hey -host www.example.com -z 50s http://contour-envoy.projectcontour/",
		}},
		{"to the new version, which Contour does not count", "", contour, counted, "hey -z 50s http://web-canary.web:8080/", []string{
			"x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets web-canary.web and bypasses the Gateway, where Contour counts requests → hey -host www.example.com -z 50s http://contour-envoy.projectcontour/",
		}},
		{"to the new version, whose pods count", "", contour, pods, "hey -z 50s http://web-canary.web:8080/", nil},
		{"to the Service of a mesh", onIstio, service, pods, "hey -z 50s http://web.web:8080/", nil},
		{"to the Service, whose route is at a Gateway", onIstio, gateway, pods, "hey -z 50s http://web.web:8080/", []string{
			"x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets web.web, but Flagger splits only the traffic of gateways, so all its requests go to the stable version → hey -z 50s http://web-canary.web:8080/",
		}},
		{"to a Gateway", onIstio, gateway, pods, "hey -z 50s -host www.example.com http://public-istio.infra/", nil},
		{"blue/green on Contour", "", "analysisTimes: 5, " + contour, counted, "hey -z 50s http://web-canary.web:8080/", []string{
			"x.yaml:17:107: error FW390 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics[0].name: every check of own fails: before a blue/green switch, the Gateway sends the new version no requests, and Contour measures only there → mirror: true in trafficAnalysis, or a customMetric that the pods export, with load to http://web-canary.web:8080",
		}},
		{"blue/green to the Service of a mesh", onIstio, "analysisTimes: 5, " + service, pods, "hey -z 50s http://web.web:8080/", []string{
			"x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets web.web, which is the stable version until the blue/green switch → hey -z 50s http://web-canary.web:8080/",
		}},
		{"blue/green to the new version", onIstio, "analysisTimes: 5, " + service, pods, "hey -z 50s http://web-canary.web:8080/", nil},
		{"without the header of match", "", "analysisTimes: 5, match: [{headers: {x-a: {exact: b}}}], " + contour, counted, "hey -z 50s -host www.example.com http://contour-envoy.projectcontour/", []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test's requests to www.example.com do not meet match, so all go to the stable version → hey -H "x-a: b" -z 50s -host www.example.com http://contour-envoy.projectcontour/`,
		}},
		{"with the header of match", "", "analysisTimes: 5, match: [{headers: {x-a: {exact: b}}}], " + contour, counted, `"hey -z 50s -H 'x-a: b' -host www.example.com http://contour-envoy.projectcontour/"`, nil},
		{"weights of matching requests", "", "match: [{headers: {x-a: {exact: b}}}], " + contour, counted, "hey -z 50s -host www.example.com http://contour-envoy.projectcontour/", []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test's requests to www.example.com do not meet match, so all go to the stable version → hey -H "x-a: b" -z 50s -host www.example.com http://contour-envoy.projectcontour/`,
		}},
		{"to another path than that of serviceMatch", "", "serviceMatch: [{uri: {prefix: /cart}}], " + contour, counted, `hey -z 50s -host www.example.com http://contour-envoy.projectcontour/`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test sends GET /, which meets no condition of serviceMatch, so the rollout has no route for it → hey -z 50s -host www.example.com http://contour-envoy.projectcontour/cart`,
		}},
		{"to a path that only begins like that of serviceMatch", "", "serviceMatch: [{uri: {prefix: /cart}}], " + contour, counted, `hey -z 50s -host www.example.com http://contour-envoy.projectcontour/carts?a=b`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test sends GET /carts?a=b, which meets no condition of serviceMatch, so the rollout has no route for it → hey -z 50s -host www.example.com http://contour-envoy.projectcontour/cart?a=b`,
		}},
		{"to a path below that of serviceMatch", "", "serviceMatch: [{uri: {prefix: /cart/}}], " + contour, counted, `hey -z 50s -host www.example.com http://contour-envoy.projectcontour/cart/1`, nil},
		{"to one of two paths", "", "serviceMatch: [{uri: {exact: /}}, {uri: {prefix: /cart}}], " + contour, counted, `hey -z 50s -host www.example.com http://contour-envoy.projectcontour/cart`, nil},
		{"to a path that a regular expression may match", "", "serviceMatch: [{uri: {regex: /cart}}], " + contour, counted, `hey -z 50s -host www.example.com http://contour-envoy.projectcontour/a/cart`, nil},
		{"with another method than that of serviceMatch", "", "serviceMatch: [{uri: {prefix: /}, method: {exact: POST}}], " + contour, counted, `hey -z 50s -host www.example.com http://contour-envoy.projectcontour/`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test sends GET /, which meets no condition of serviceMatch, so the rollout has no route for it → hey -m POST -z 50s -host www.example.com http://contour-envoy.projectcontour/`,
		}},
		{"with the method of serviceMatch", "", "serviceMatch: [{uri: {prefix: /}, method: {exact: POST}}], " + contour, counted, `hey -z 50s -m POST -host www.example.com http://contour-envoy.projectcontour/`, nil},
		{"without the header of serviceMatch", "", "serviceMatch: [{uri: {prefix: /}, headers: {x-a: {exact: b}}}], " + contour, counted, `hey -z 50s -host www.example.com http://contour-envoy.projectcontour/`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test sends GET /, which meets no condition of serviceMatch, so the rollout has no route for it → hey -H "x-a: b" -z 50s -host www.example.com http://contour-envoy.projectcontour/`,
		}},
		{"with a header that hey always sends", "", "serviceMatch: [{uri: {prefix: /}, headers: {content-type: {exact: text/html}}}], " + contour, counted, `hey -z 50s -host www.example.com http://contour-envoy.projectcontour/`, nil},
		{"with the header of match to another path", "", "analysisTimes: 5, match: [{headers: {x-a: {exact: b}}}], serviceMatch: [{uri: {prefix: /cart}}], " + contour, counted, `"hey -z 50s -H 'x-a: b' -host www.example.com http://contour-envoy.projectcontour/"`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test sends GET /, which meets no condition of serviceMatch, so the rollout has no route for it → hey -z 50s -H 'x-a: b' -host www.example.com http://contour-envoy.projectcontour/cart`,
		}},
		{"around serviceMatch to the new version, whose pods count", "", "serviceMatch: [{uri: {prefix: /cart}}], " + contour, pods, `hey -z 50s http://web-canary.web:8080/`, nil},
		{"a loop of curl, whose options set the method", "", "serviceMatch: [{uri: {prefix: /cart}, method: {exact: POST}}], " + contour, counted, `"while true; do curl -d x -H 'Host: www.example.com' http://contour-envoy.projectcontour/cart; done"`, nil},
		{"with another method in another form", "", "serviceMatch: [{uri: {prefix: /}, method: {exact: POST}}], " + contour, counted, `hey -z 50s --m=PUT -host www.example.com http://contour-envoy.projectcontour/`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test sends PUT /, which meets no condition of serviceMatch, so the rollout has no route for it → hey -z 50s -m POST -host www.example.com http://contour-envoy.projectcontour/`,
		}},
		{"a script of wrk", "", "serviceMatch: [{uri: {prefix: /cart}}], " + contour, counted, `"wrk -d 50s -s /post.lua -H 'Host: www.example.com' http://contour-envoy.projectcontour/"`, nil},
		{"blue/green through a Gateway", onIstio, "analysisTimes: 5, " + gateway, pods, `hey -z 50s -host www.example.com http://public-istio.infra/`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets www.example.com, which is the stable version until the blue/green switch → hey -z 50s http://web-canary.web:8080/, or mirror: true in trafficAnalysis`,
		}},
		{"without the query parameter of match", "", "analysisTimes: 5, match: [{queryParams: {v: {exact: \"2\"}}}], " + contour, counted, `hey -z 50s -host www.example.com http://contour-envoy.projectcontour/`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test's requests to www.example.com do not meet match, so all go to the stable version → hey -z 50s -host www.example.com http://contour-envoy.projectcontour/?v=2`,
		}},
		{"with the query parameter of match", "", "analysisTimes: 5, match: [{queryParams: {v: {exact: \"2\"}}}], " + contour, counted, `hey -z 50s -host www.example.com http://contour-envoy.projectcontour/?v=2`, nil},
		{"with the header and without the query parameter", "", "analysisTimes: 5, match: [{headers: {x-a: {exact: b}}, queryParams: {v: {regex: 2.*}}}], " + contour, counted, `"hey -z 50s -H 'x-a: b' -host www.example.com http://contour-envoy.projectcontour/"`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test's requests to www.example.com do not meet match, so all go to the stable version → hey -z 50s -H 'x-a: b' -host www.example.com http://contour-envoy.projectcontour/?v=2`,
		}},
		{"with another value of the header", "", "analysisTimes: 5, match: [{headers: {x-a: {exact: b}}}], " + contour, counted, `"hey -z 50s -H 'X-A: c' -host www.example.com http://contour-envoy.projectcontour/"`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test's requests to www.example.com do not meet match, so all go to the stable version → hey -z 50s -H "x-a: b" -host www.example.com http://contour-envoy.projectcontour/`,
		}},
		{"with another host", "", contour, counted, `hey -z 50s -host api.example.com http://contour-envoy.projectcontour/`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets contour-envoy.projectcontour, which is not a host of the rollout → hey -z 50s -host www.example.com http://contour-envoy.projectcontour/`,
		}},
		{"with another host of wrk", "", contour, counted, `"wrk -d 50s -H 'Host: api.example.com' http://contour-envoy.projectcontour/"`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets contour-envoy.projectcontour, which is not a host of the rollout → wrk -d 50s -H "Host: www.example.com" http://contour-envoy.projectcontour/`,
		}},
		{"with the host of wrk", "", contour, counted, `"wrk -d 50s -H 'Host: www.example.com' http://contour-envoy.projectcontour/"`, nil},
		{"through ingress-nginx", "", contour, counted, `hey -z 50s -host www.example.com http://ingress-nginx-controller.ingress-nginx/`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets ingress-nginx-controller.ingress-nginx, but ingress-nginx ignores HTTPRoutes → hey -z 50s -host www.example.com http://contour-envoy.projectcontour/`,
		}},
		{"to Contour's control plane", "", contour, counted, `hey -z 50s -host www.example.com http://contour.projectcontour/`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets contour.projectcontour, which is Contour's control plane; requests go to its Envoy → hey -z 50s -host www.example.com http://contour-envoy.projectcontour/`,
		}},
		{"to another port of the Gateway", "", contour, counted, `hey -z 50s -host www.example.com http://contour-envoy.projectcontour:8080/`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets port 8080 of contour-envoy.projectcontour, but the Gateway listens on 80 → hey -z 50s -host www.example.com http://contour-envoy.projectcontour/`,
		}},
		{"to the port of the chart's values", "config: {extraArgs: {envoy: {service: {ports: {http: 8080}}}}}", contour, counted, `hey -z 50s -host www.example.com http://contour-envoy.projectcontour:8080/`, nil},
		{"to another port, for all hosts", "", "", counted, `hey -z 50s http://contour-envoy.projectcontour:8080/`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets port 8080 of contour-envoy.projectcontour, but the Gateway listens on 80 → hey -z 50s http://contour-envoy.projectcontour/`,
		}},
		{"to the Gateway by https", "", contour, counted, `hey -z 50s -host www.example.com https://contour-envoy.projectcontour/`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets contour-envoy.projectcontour over https, but the Gateway serves only http → hey -z 50s -host www.example.com http://contour-envoy.projectcontour/`,
		}},
		{"by https to an installed Contour", "gateway: {refs: [{name: contour, namespace: projectcontour}]}, installed: {gateway-api: {}, contour: {}}", contour, counted, `hey -z 50s -host www.example.com https://contour-envoy.projectcontour/`, nil},
		{"through Contour on Istio", onIstio, gateway, pods, `hey -z 50s -host www.example.com http://contour-envoy.projectcontour/`, []string{
			`x.yaml:17:48: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets contour-envoy.projectcontour, which is Contour; here istio implements Gateway API → send the load through the Gateway, to a host of the rollout`,
		}},
		{"through an unknown Contour", onOther, contour, pods, `hey -z 50s -host www.example.com http://contour-envoy.projectcontour/`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := byGateway(tt.plugin, "", tt.routing, "webhooks: {command: ["+tt.command+"]}")
			files[1].Data = []byte(strings.Replace(string(files[1].Data), custom, tt.metrics, 1))
			var got []string
			for _, d := range problems(files) {
				if d.Code == "FW350" || d.Code == "FW390" {
					got = append(got, strings.TrimSuffix(d.String()+" → "+d.Hint, " → "))
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestFieldsOfGatewayAPIElsewhere checks that the fields are rejected on providers whose routers do not read
// them.
func TestFieldsOfGatewayAPIElsewhere(t *testing.T) {
	const fields = "      rolloutPolicy:\n        trafficRouting: {HOST gatewayRefs: [{name: public}], serviceMatch: [{uri: {prefix: /}}], rewrite: {uri: /v2, type: ReplaceFullPath}, mirror: [{backendRef: {name: s, port: 80}}], backendTimeoutSeconds: 5, canaryStrategy: {stepWeight: 10}}\n        trafficAnalysis: {mirror: true}\n"
	for _, tt := range []struct{ provider, code, want string }{
		{"istio", "FW701", "gatewayRefs rewrite.type mirror backendTimeoutSeconds"},
		{"nginx", "FW711", "gatewayRefs serviceMatch rewrite mirror backendTimeoutSeconds mirror"},
		{"kuma", "FW403", "gatewayRefs serviceMatch rewrite mirror backendTimeoutSeconds mirror"},
	} {
		host := ""
		if tt.provider == "nginx" {
			host = "host: www.example.com,"
		}
		var got []string
		for _, d := range problems(rolledOut(tt.provider, strings.Replace(fields, "HOST", host, 1))) {
			if string(d.Code) == tt.code {
				field := d.Path[strings.Index(d.Path, "traffic"):]
				_, field, _ = strings.Cut(field, ".")
				got = append(got, field)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s refuses %q, want %q", tt.provider, got, tt.want)
		}
	}
}

// TestHintsForBuiltInMetrics checks that the hint for a built-in metric queries the rollout's Prometheus by
// its labels, for pods of the new version only.
func TestHintsForBuiltInMetrics(t *testing.T) {
	const builtin = "metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]"
	for _, tt := range []struct{ name, plugin, rollout, address, pods string }{
		{"Flagger's own", onOther, "", "http://flagger-prometheus.flagger-system:9090", `{kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"{{ target }}-[0-9a-z]+-[0-9a-z]{5}"`},
		{"the rollout's", onOther, "      metricsServer: http://p.m:9090\n", "http://p.m:9090", `{namespace="{{ namespace }}",pod=~"{{ target }}-[0-9a-z]+-[0-9a-z]{5}"`},
		{"an installed one", onOther + ", installed: {prometheus: {address: http://p.m:9090, labels: {pod: po}}}", "", "http://p.m:9090", `{namespace="{{ namespace }}",po=~`},
	} {
		files := byGateway(tt.plugin, tt.rollout, "", "")
		files[1].Data = []byte(strings.Replace(string(files[1].Data), custom, builtin, 1))
		var got []string
		for _, d := range problems(files) {
			if d.Code == "FW740" {
				got = append(got, d.Hint)
			}
		}
		if len(got) != 1 || !strings.Contains(got[0], "address: "+tt.address+"}") || !strings.Contains(got[0], tt.pods) {
			t.Errorf("%s: it advises %q", tt.name, got)
		}
	}
}

// TestMeshRoutesNextToAnHTTPRoute checks that Kuma's own route kinds, which may replace the route derived from
// Flagger's HTTPRoute, are reported, but not routes at Gateways by the address of the Service.
func TestMeshRoutesNextToAnHTTPRoute(t *testing.T) {
	const kuma = "# Fleet spec.plugin.flagger\ngateway: {implementation: kuma}\n---\n# Source route.yaml\n"
	for _, tt := range []struct{ name, route, want string }{
		{"a MeshHTTPRoute", "apiVersion: kuma.io/v1alpha1\nkind: MeshHTTPRoute\nmetadata: {name: own, namespace: shop}\nspec: {to: [{targetRef: {kind: MeshService, name: shop_shop_svc_8080}}]}\n",
			"MeshHTTPRoute own (route.yaml) also routes the Service's requests: Kuma turns Flagger's HTTPRoute into a MeshHTTPRoute, and this one may override its split"},
		{"one of another Service", "apiVersion: kuma.io/v1alpha1\nkind: MeshHTTPRoute\nmetadata: {name: own, namespace: shop}\nspec: {to: [{targetRef: {kind: MeshService, name: cart_shop_svc_8080}}]}\n", ""},
		{"an HTTPRoute at a Gateway", "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: own, namespace: shop}\nspec: {rules: [{backendRefs: [{name: shop, port: 8080}]}]}\n", ""},
	} {
		var got []string
		for _, d := range compileExample(t, withExample(t, baseOf(t, "gatewayapi"), kuma+tt.route)) {
			if d.Code == "FW370" {
				got = append(got, d.Message)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestNamespacesOfKumaOnlyMatterToItsSidecars checks that a route whose parents are Gateways needs no sidecar.
func TestNamespacesOfKumaOnlyMatterToItsSidecars(t *testing.T) {
	const listed = "gateway: {implementation: kuma}, config: {chart: {version: 2.13.10}, extraArgs: {namespaceAllowList: [other, flagger-loadtester]}}"
	for routing, want := range map[string]bool{"": true, "gatewayRefs: [{name: public, namespace: infra}]": false} {
		got := false
		for _, d := range problems(byGateway(listed, "", routing, "")) {
			got = got || strings.Contains(d.Message, "no traffic shifts in namespace web")
		}
		if got != want {
			t.Errorf("with %q it reports the namespace: %v", routing, got)
		}
	}
}
