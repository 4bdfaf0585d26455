package schema

import (
	"strings"
	"testing"
)

// ruleBreakers are documents that break one rule each and are right but for that: CUE and
// the validator reject them, one by one.
var ruleBreakers = func() (all []string) {
	source := func(names ...string) {
		var set []string
		for _, name := range names {
			set = append(set, map[string]string{
				"git": "gitRepository: {url: 'https://a.b', interval: 1m}", "helm": "helmRepository: {url: 'https://a.b', interval: 1m}", "oci": "ociRepository: {url: 'oci://a.b/cc', interval: 1m}",
				"git 0s": "gitRepository: {url: 'https://a.b', interval: 0s}", "oci 0s": "ociRepository: {url: 'oci://a.b/cc', interval: 0s}",
				"git timeout": "gitRepository: {url: 'https://a.b', interval: 1m, timeout: 0m}", "helm timeout": "helmRepository: {url: 'https://a.b', interval: 1m, timeout: 0s}", "oci timeout": "ociRepository: {url: 'oci://a.b/cc', interval: 1m, timeout: 0.0s}",
			}[name])
		}
		all = append(all, application("source: {"+strings.Join(set, ", ")+"}, syncPolicies: []"))
	}
	policy := func(fields string) {
		all = append(all, application("source: {gitRepository: {url: 'https://a.b', interval: 1m}}, syncPolicies: [{"+fields+"}]"))
	}
	rollout := func(policyFields string) {
		policy("kustomization: {interval: 1m, prune: true}, rollout: {trafficRoutingProvider: istio, workload: {name: a}, serviceName: a, port: 80, rolloutPolicy: {" + policyFields + "}}")
	}
	analysis := func(fields string) {
		rollout("trafficRouting: {canaryStrategy: {stepWeight: 10}}, trafficAnalysis: {" + fields + "}")
	}
	custom := func(metric string) { analysis("metrics: [{name: a, customMetric: {" + metric + "}}]") }
	with := func(spec string) { all = append(all, mesh(spec)) }
	config := func(defaults string) {
		all = append(all, "{apiVersion: fleetwright.dev/v1alpha1, kind: RenderConfig, spec: {defaults: {"+defaults+"}}}")
	}

	source()
	source("git", "helm")
	source("git", "oci")
	source("helm", "oci")
	source("git 0s")
	source("oci 0s")
	source("git timeout")
	source("helm timeout")
	source("oci timeout")
	policy("")
	policy("kustomization: {interval: 1m, prune: true}, helm: {interval: 1m, chart: {spec: {chart: a}}}")
	rollout("")
	rollout("trafficRouting: {analysisTimes: 0, match: []}")
	rollout("trafficRouting: {analysisTimes: 3, canaryStrategy: {stepWeight: 10}}")
	rollout("trafficRouting: {canaryStrategy: {maxWeight: 50}}")
	rollout("trafficRouting: {canaryStrategy: {stepWeight: 10, stepWeights: [10, 20]}}")
	analysis("metrics: [{name: other}]")
	analysis("metrics: [{name: request-duration, thresholdRange: {min: 2, max: 1}}]")
	analysis("webhooks: {command: [hey, ' ']}")
	custom("provider: {type: prometheus, address: 'http://a'}, query: ' '")
	with("mtls: {backends: [{name: a, type: builtin}, {name: b, type: builtin}]}")
	with("mtls: {enabledBackend: b, backends: [{name: a, type: builtin}]}")
	with("metrics: {enabledBackend: b}")
	with("tracing: {defaultBackend: b}")
	with("logging: {defaultBackend: b}")
	with("metrics: {backends: [{name: a, type: prometheus}, {name: a, type: prometheus}]}")
	with("tracing: {backends: [{name: a, type: zipkin, conf: {url: 'http://a:1'}}, {name: a, type: zipkin, conf: {url: 'http://a:1'}}]}")
	with("logging: {backends: [{name: a, type: file, conf: {path: /a}}, {name: a, type: file, conf: {path: /a}}]}")
	with("metrics: {backends: [{name: a, type: prometheus, conf: {skipMTLS: true, tls: {mode: activeMTLSBackend}}}]}")
	with("metrics: {backends: [{name: a, type: prometheus, conf: {aggregate: [{name: a, port: 1}, {name: a, port: 2}]}}]}")
	with("routing: {zoneEgress: true}")
	with("meshServices: {mode: Exclusive}")
	with("logging: {backends: [{name: a}]}")
	with("logging: {backends: [{name: a, type: file}]}")
	with("logging: {backends: [{name: a, type: tcp}]}")
	with("tracing: {backends: [{name: a}]}")
	with("tracing: {backends: [{name: a, type: datadog, conf: {port: 1}}]}")
	with("tracing: {backends: [{name: a, type: datadog, conf: {address: a}}]}")
	with("tracing: {backends: [{name: a, type: zipkin}]}")
	with("tracing: {backends: [{name: a, type: zipkin, conf: {url: 'http://a:1', apiVersion: x}}]}")
	with("mtls: {backends: [{name: a, type: provided, conf: {cert: {file: a}}}]}")
	with("constraints: {dataplaneProxy: {requirements: [{}]}}")
	with("constraints: {dataplaneProxy: {restrictions: [{tags: {}}]}}")
	config("interval: 0s")
	config("retryInterval: 0m")
	return all
}()

// TestRulesAreInBoth: CUE and the validator reject what breaks a rule, and the validator
// with one message.
func TestRulesAreInBoth(t *testing.T) {
	for _, document := range ruleBreakers {
		if list := Load([]File{{Name: "a.yaml", Data: []byte(document)}}).Diagnostics; len(list) != 1 {
			t.Errorf("%s: %v", document, list)
		}
		if !refusedByCUE(t, []byte(document)) {
			t.Errorf("CUE takes %s", document)
		}
	}
}
