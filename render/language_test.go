package render_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/schema"
)

// fleetOf returns a fleet of one cluster with a provider.
func fleetOf(provider string) schema.File {
	return schema.File{Name: "fleet.yaml", Data: fmt.Appendf(nil, `
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: f}
spec:
  clusters: [{kind: AttachedCluster, name: one}]
  plugin: {flagger: {publicTestloader: true, trafficRoutingProvider: %s}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: one}, spec: {kubeconfig: {name: one}}}
`, provider)}
}

// rolledOut returns an Application that rolls out the workload web in namespace web. More holds further fields
// of the rollout, indented by six spaces.
func rolledOut(provider, more string) []schema.File {
	return []schema.File{fleetOf(provider), app("x", `  destination: {fleet: f}
  syncPolicies:
  - name: web
    kustomization: {interval: 5m, prune: true}
    rollout:
      trafficRoutingProvider: `+provider+`
      workload: {name: web, namespace: web}
      serviceName: web
      port: 8080
`+more)}
}

const (
	oneDir    = "one/fleetwright/"
	oneCanary = oneDir + "rollouts/default.x/canary-web.yaml"
)

// everyRolloutField sets every field that a rollout may have on Istio, whose router reads most fields.
var everyRolloutField = rolledOut("istio", `
      testLoader: true
      testLoaderServiceAccountName: tester
      targetPort: http
      portName: web
      portDiscovery: true
      appProtocol: http
      autoscalerRef: {apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: so, primaryScalerQueries: {t: q}, primaryScalerReplicas: {minReplicas: 1, maxReplicas: 3}}
      metricsServer: http://prometheus.monitoring:9090
      primary: {labels: {a: b}, annotations: {c: d}}
      preview: {labels: {e: f}, annotations: {g: h}}
      rolloutPolicy:
        rolloutTimeoutSeconds: 90
        skipTrafficAnalysis: true
        revertOnDeletion: true
        suspend: true
        trafficRouting:
          timeoutSeconds: 15
          gateways: [a/b, mesh]
          hosts: [web.example.com]
          retries: {attempts: 3, perTryTimeout: 2s, retryOn: gateway-error}
          headers: {request: {set: {a: b}, add: {c: d}, remove: [e]}, response: {set: {f: g}, add: {h: i}, remove: [j]}}
          corsPolicy: {allowOrigin: [a], allowOrigins: [{exact: a}, {prefix: b}, {regex: c}], allowMethods: [GET], allowHeaders: [x], exposeHeaders: ["y"], maxAge: 24h, allowCredentials: true}
          canaryStrategy: {stepWeights: [1, 10, 50], stepWeightPromotion: 25}
        trafficAnalysis:
          checkIntervalSeconds: 30
          checkFailedTimes: 4
          primaryReadyThreshold: 50
          canaryReadyThreshold: 0
          sessionAffinity: {cookieName: c, maxAge: 3600, domain: example.com, httpOnly: true, partitioned: true, path: /a, sameSite: Lax, secure: true}
          metrics:
          - {name: request-success-rate, intervalSeconds: 30, thresholdRange: {min: 99}}
          - {name: mine, thresholdRange: {max: 1.5}, customMetric: {provider: {type: prometheus, address: http://p, headers: {a: [b]}, secretRef: {name: s}, region: r, insecureSkipVerify: true}, query: "q{app=\"{{ variables.app }}\"}"}, templateVariables: {app: web}}
          webhooks: {timeoutSeconds: 15, command: [hey http://web-canary.web]}
        webhooks:
        - {name: gate, type: confirm-rollout, url: http://gate.example.com/, timeout: 1m30s, retries: 2, muteAlert: true, disableTLS: true, metadata: {a: b}}
        - {name: load, metadata: {cmd: hey}}
        alerts:
        - {name: team, providerRef: {name: chat}}
        - {name: on call, severity: error, providerRef: {name: pager, namespace: istio-system}}
        expectedTraffic: {requestsPerSecond: 12.5, matching: 5%, errorRate: 0.2%}
`)

var alertProviders = schema.File{Name: "alerts.yaml", Data: []byte(`
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata: {name: chat, namespace: web, labels: {a: b}}
spec: {type: slack, channel: c, username: u, proxy: http://proxy, secretRef: {name: s}}
---
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata: {name: pager, namespace: istio-system}
spec: {type: msteams, address: https://example.com}
`)}

// TestFluxVariableIsNoAddress checks an address with a variable, which Flux does not substitute in rendered
// objects.
func TestFluxVariableIsNoAddress(t *testing.T) {
	alerts := alertProviders
	alerts.Data = []byte(strings.Replace(string(alerts.Data), "https://example.com", "\"${CHAT}\"", 1))
	wantDiagnostic(t, append(slices.Clone(everyRolloutField), alerts), "alerts.yaml:10:32: error FW115 spec.address")
}

func TestEveryFieldOfARolloutIsRendered(t *testing.T) {
	tree := compile(t, append(everyRolloutField, alertProviders)...)
	wantSpec(t, get(t, tree, oneCanary), `
provider: istio
metricsServer: http://prometheus.monitoring:9090
targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
autoscalerRef: {apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: so, primaryScalerQueries: {t: q}, primaryScalerReplicas: {minReplicas: 1, maxReplicas: 3}}
progressDeadlineSeconds: 90
skipAnalysis: true
revertOnDeletion: true
suspend: true
service:
  name: web
  port: 8080
  targetPort: http
  portName: web
  portDiscovery: true
  appProtocol: http
  timeout: 15s
  gateways: [a/b, mesh]
  hosts: [web.example.com]
  retries: {attempts: 3, perTryTimeout: 2s, retryOn: gateway-error}
  headers: {request: {set: {a: b}, add: {c: d}, remove: [e]}, response: {set: {f: g}, add: {h: i}, remove: [j]}}
  corsPolicy: {allowOrigin: [a], allowOrigins: [{exact: a}, {prefix: b}, {regex: c}], allowMethods: [GET], allowHeaders: [x], exposeHeaders: ["y"], maxAge: 24h, allowCredentials: true}
  primary: {labels: {a: b}, annotations: {c: d}}
  canary: {labels: {e: f}, annotations: {g: h}}
analysis:
  interval: 30s
  threshold: 4
  stepWeights: [1, 10, 50]
  stepWeightPromotion: 25
  primaryReadyThreshold: 50
  canaryReadyThreshold: 0
  sessionAffinity: {cookieName: c, maxAge: 3600, domain: example.com, httpOnly: true, partitioned: true, path: /a, sameSite: Lax, secure: true}
  metrics:
  - {name: request-success-rate, interval: 30s, thresholdRange: {min: 99}}
  - {name: mine, interval: 60s, thresholdRange: {max: 1.5}, templateRef: {name: web.mine, namespace: web}, templateVariables: {app: web}}
  alerts:
  - {name: team, severity: info, providerRef: {name: chat, namespace: web}}
  - {name: on call, severity: error, providerRef: {name: pager, namespace: istio-system}}
  webhooks:
  - {name: gate, type: confirm-rollout, url: "http://gate.example.com/", timeout: 1m30s, retries: 2, muteAlert: true, disableTLS: true, metadata: {a: b}}
  - {name: load, type: rollout, url: "http://web-testloader.web/", metadata: {cmd: hey}}
  - {name: generated-testload-0, type: rollout, url: "http://web-testloader.web/", timeout: 15s, metadata: {type: cmd, cmd: "hey http://web-canary.web"}}
`)
	wantSpec(t, get(t, tree, oneDir+"shared/alertprovider-chat.web.yaml"), "{type: slack, channel: c, username: u, proxy: http://proxy, secretRef: {name: s}}")
	wantSpec(t, get(t, tree, oneDir+"shared/alertprovider-pager.istio-system.yaml"), "{type: msteams, address: https://example.com}")
}

// TestStrategiesOfEachProvider checks that each strategy matches Flagger's CRD.
func TestStrategiesOfEachProvider(t *testing.T) {
	for _, tt := range []struct{ provider, routing, want string }{
		{"kuma", "canaryStrategy: {stepWeight: 10}", "{stepWeight: 10, maxWeight: 100}"},
		{"kuma", "canaryStrategy: {stepWeight: 10, maxWeight: 30, stepWeightPromotion: 20}", "{stepWeight: 10, maxWeight: 30, stepWeightPromotion: 20}"},
		{"kuma", "canaryStrategy: {stepWeights: [1, 5], maxWeight: 30}", "{stepWeights: [1, 5]}"},
		{"kuma", "analysisTimes: 5", "{iterations: 5}"},
		{"istio", "canaryStrategy: {stepWeight: 10}", "{stepWeight: 10, maxWeight: 100}"},
		{"istio", "analysisTimes: 5", "{iterations: 5}"},
		{"istio", "analysisTimes: 5, match: [{headers: {a: {prefix: b}}, queryParams: {c: {prefix: d}}, sourceLabels: {e: f}}]", "{iterations: 5, match: [{headers: {a: {prefix: b}}, queryParams: {c: {prefix: d}}, sourceLabels: {e: f}}]}"},
		{"nginx", "host: h.example.com, canaryStrategy: {stepWeight: 10}", "{stepWeight: 10, maxWeight: 100}"},
		{"nginx", "host: h.example.com, analysisTimes: 5", "{iterations: 5}"},
		{"nginx", "host: h.example.com, analysisTimes: 5, match: [{headers: {a: {regex: b}, cookie: {exact: c}}}]", "{iterations: 5, match: [{headers: {a: {regex: b}, cookie: {exact: c}}}]}"},
	} {
		canary := get(t, compile(t, rolledOut(tt.provider, "      rolloutPolicy: {trafficRouting: {"+tt.routing+"}}\n")...), oneCanary)
		want := unmarshal(t, tt.want)
		want["interval"], want["threshold"] = "60s", 1.0
		if got := at(canary, "spec analysis"); !reflect.DeepEqual(got, any(want)) {
			t.Errorf("%s {%s}: the analysis is\n%s\nwant\n%s", tt.provider, tt.routing, marshal(t, got), marshal(t, want))
		}
	}
}

// TestFieldsOfNewerFlagger checks fields that the API server rejects because an older CRD lacks them.
func TestFieldsOfNewerFlagger(t *testing.T) {
	files := append(slices.Clone(everyRolloutField), alertProviders)
	at := func(version string) []schema.File {
		return edit(t, files, "fleet.yaml", "publicTestloader: true", "publicTestloader: true, chart: {version: "+version+"}")
	}
	for version, want := range map[string]int{"1.36.1": 8, "1.39.0": 7, "1.40.0": 7, "1.41.0": 6, "1.42.0": 0, "1.x": 0} {
		n := 0
		for _, d := range diagnostics(at(version)) {
			if d.Code == "FW325" {
				n++
			}
		}
		if n != want {
			t.Errorf("Flagger %s lacks %d fields, want %d", version, n, want)
		}
	}
	keptn := edit(t, at("1.37.0"), "x.yaml", "type: prometheus", "type: keptn")
	wantDiagnostic(t, keptn, "x.yaml:47:86: error FW325 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics[1].customMetric.provider.type: Flagger 1.37.0 has no provider keptn (added in 1.38), so the API server rejects the MetricTemplate")
	wantDiagnostic(t, at("1.35.0"), "fleet.yaml:7:63: error FW327 spec.plugin.flagger.chart.version: Flagger 1.35.0 is too old: fleetwright supports 1.36.0 and newer")
	inConfig := append(slices.Clone(files), schema.File{Name: "config.yaml", Data: []byte("apiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nspec: {charts: {flagger: {version: 1.35.0}}}\n")})
	wantDiagnostic(t, inConfig, "config.yaml:3:36: error FW327 spec.charts.flagger.version: Flagger 1.35.0 is too old: fleetwright supports 1.36.0 and newer")
	wantDiagnostic(t, at("1.36.1"), "x.yaml:50:135: error FW325 spec.syncPolicies[0].rollout.rolloutPolicy.webhooks[0].disableTLS: Flagger 1.36.1 has no disableTLS (added in 1.39), so the API server rejects the Canary")
}

// TestSessionAffinityHasKuratorsDefault checks that a cookie is valid for a day, as Kurator's API documents.
func TestSessionAffinityHasKuratorsDefault(t *testing.T) {
	canary := get(t, compile(t, rolledOut("istio", "      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}, trafficAnalysis: {sessionAffinity: {cookieName: c}}}\n")...), oneCanary)
	if got := at(canary, "spec analysis sessionAffinity maxAge"); got != 86400.0 {
		t.Errorf("maxAge is %v", got)
	}
}

func TestRolloutsThatProvidersDoNotRun(t *testing.T) {
	policy := func(text string) string { return "      rolloutPolicy: {" + text + "}\n" }
	routing := func(text string) string { return policy("trafficRouting: {" + text + "}") }
	steps := "canaryStrategy: {stepWeight: 10}"
	for _, tt := range []struct{ name, provider, more, want string }{
		// Fields that the providers' routers do not read.
		{"A/B on kuma", "kuma", routing("analysisTimes: 5, match: [{headers: {a: {exact: b}}}]"), "FW403 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match: Flagger ignores match on kuma"},
		{"gateways on kuma", "kuma", routing("gateways: [a], " + steps), "FW403 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gateways: Flagger ignores gateways on kuma: the field is for istio"},
		{"hosts on nginx", "nginx", routing("host: h, hosts: [a], " + steps), "FW711 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.hosts: Flagger ignores hosts on nginx: the field is for istio and gatewayapi"},
		{"retries on kuma", "kuma", routing("retries: {attempts: 1}, " + steps), "FW403 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.retries: Flagger ignores retries on kuma: the field is for istio"},
		{"headers on nginx", "nginx", routing("host: h, headers: {}, " + steps), "FW711 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.headers"},
		{"corsPolicy on nginx", "nginx", routing("host: h, corsPolicy: {}, " + steps), "FW711 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy"},
		{"a timeout on nginx", "nginx", routing("host: h, timeoutSeconds: 5, " + steps), "FW714 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.timeoutSeconds: Flagger does not pass timeoutSeconds on to nginx, so it has no effect"},
		{"a host on istio", "istio", routing("host: h, " + steps), "FW701 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.host: Flagger ignores host on istio: the field is for nginx"},
		{"a protocol on istio", "istio", routing("protocol: http, " + steps), "FW701 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.protocol"},
		{"a mesh on istio", "istio", "      meshName: a\n" + routing(steps), "FW701 spec.syncPolicies[0].rollout.meshName"},
		{"session affinity on nginx", "nginx", policy("trafficRouting: {host: h, " + steps + "}, trafficAnalysis: {sessionAffinity: {cookieName: c}}"), "FW711 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.sessionAffinity"},
		{"session affinity on kuma", "kuma", policy("trafficRouting: {" + steps + "}, trafficAnalysis: {sessionAffinity: {cookieName: c}}"), "FW403 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.sessionAffinity"},
		{"session affinity without weights", "istio", policy("trafficRouting: {analysisTimes: 3}, trafficAnalysis: {sessionAffinity: {cookieName: c}}"), "FW315 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.sessionAffinity"},

		// Conditions.
		{"match with weights", "istio", routing("match: [{headers: {a: {exact: b}}}], " + steps), "FW313 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match"},
		{"match with weights on nginx", "nginx", routing("host: h, match: [{headers: {a: {exact: b}}}], " + steps), "FW313 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match"},
		{"a URI", "istio", routing("analysisTimes: 1, match: [{uri: {prefix: /a}, headers: {a: {exact: b}}}]"), "FW314 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].uri: Flagger's match conditions have no uri"},
		{"no condition", "istio", routing("analysisTimes: 1, match: [{}]"), "FW314 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0]: the condition has no headers"},
		{"two conditions in one", "istio", routing("analysisTimes: 1, match: [{headers: {a: {exact: b, prefix: c}}}]"), "FW314 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].headers.a: the condition has 2 comparisons, but needs exactly one"},
		{"a regular expression", "istio", routing("analysisTimes: 1, match: [{headers: {a: {regex: '['}}}]"), "FW314 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].headers.a.regex"},
		{"a parameter's suffix", "istio", routing("analysisTimes: 1, match: [{queryParams: {a: {suffix: b}}}]"), "FW314 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].queryParams.a.suffix"},
		{"parameters on nginx", "nginx", routing("host: h, analysisTimes: 1, match: [{queryParams: {a: {exact: b}}}]"), "FW711 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].queryParams"},
		{"a prefix on nginx", "nginx", routing("host: h, analysisTimes: 1, match: [{headers: {a: {prefix: b}}}]"), "FW711 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].headers.a"},
		{"two headers on nginx", "nginx", routing("host: h, analysisTimes: 1, match: [{headers: {a: {exact: b}}}, {headers: {c: {exact: d}}}]"), "FW711 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match: Flagger uses only one header and one cookie"},
		{"a cookie's value on nginx", "nginx", routing("host: h, analysisTimes: 1, match: [{headers: {cookie: {regex: b}}}]"), "FW711 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match[0].headers.cookie"},

		// nginx.
		{"no host", "nginx", routing(steps), "FW712 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting: the Ingress has no host"},
		{"nothing measured", "nginx", policy("trafficRouting: {host: h, analysisTimes: 3}, trafficAnalysis: {metrics: [{name: request-duration}]}"), "FW715 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics[0].name"},

		{"a host in capitals", "nginx", routing("host: Shop.Example.com, " + steps), `FW115 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.host: "Shop.Example.com" is not a valid host for an Ingress`},
		{"an address for a host", "nginx", routing("host: 10.0.0.1, " + steps), `FW115 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.host: "10.0.0.1" is not a valid host for an Ingress: it is an IP address`},

		// Istio.
		{"layer 4 with conditions", "istio", "      appProtocol: tcp\n" + routing("analysisTimes: 1, match: [{headers: {a: {exact: b}}}]"), "FW701 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match: match is for HTTP"},
		{"layer 4 with requests counted", "istio", "      appProtocol: TCP\n" + policy("trafficRouting: {"+steps+"}, trafficAnalysis: {metrics: [{name: request-duration}]}"), "FW715 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics[0].name: with appProtocol tcp, Istio counts no requests"},
		{"all hosts of all sidecars", "istio", routing("hosts: ['*'], " + steps), "FW704 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.hosts[0]: Istio accepts the host * only at a gateway"},
		{"all hosts of a gateway", "istio", routing("hosts: ['*'], gateways: [a/b], " + steps), "FW702 spec.plugin"},
		{"a host with a space", "istio", routing("hosts: [a b], " + steps), "FW704 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.hosts[0]"},
		{"a gateway without a name", "istio", routing("gateways: [''], " + steps), "FW704 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gateways[0]"},
		{"no time for an attempt", "istio", routing("retries: {perTryTimeout: 0s}, " + steps), "FW704 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.retries.perTryTimeout"},
		{"origins of two conditions", "istio", routing("corsPolicy: {allowOrigins: [{exact: a, prefix: b}]}, " + steps), "FW314 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy.allowOrigins[0]"},

		// Kuma.
		{"requests that Kuma does not count", "kuma", "      appProtocol: tcp\n" + policy("trafficRouting: {protocol: http, "+steps+"}, trafficAnalysis: {metrics: [{name: request-duration}]}"), "FW414 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics[0].name: with appProtocol tcp, sidecars count no requests"},
		{"an undefined mesh", "kuma", "      meshName: a\n" + routing(steps), "FW416 spec.syncPolicies[0].rollout.meshName: the inputs have no Mesh a, so Kuma would reject the pods that name it"},

		// Extensions.
		{"a webhook with a timeout of 0", "kuma", policy("trafficRouting: {" + steps + "}, webhooks: [{name: a, timeout: 0s}]"), "FW114 spec.syncPolicies[0].rollout.rolloutPolicy.webhooks[0].timeout"},
		{"a duration that Flagger misreads", "kuma", policy("trafficRouting: {" + steps + "}, webhooks: [{name: a, timeout: 1h}]"), `FW115 spec.syncPolicies[0].rollout.rolloutPolicy.webhooks[0].timeout: "1h" is not a duration that Flagger reads`},
		{"a type of webhook", "kuma", policy("trafficRouting: {" + steps + "}, webhooks: [{name: a, type: pre-rollback}]"), `FW113 spec.syncPolicies[0].rollout.rolloutPolicy.webhooks[0].type: "pre-rollback" is not one of`},
		{"an autoscaler of another API", "kuma", "      autoscalerRef: {apiVersion: keda.sh/v1alpha1, name: a}\n" + routing(steps), "FW316 spec.syncPolicies[0].rollout.autoscalerRef.apiVersion"},
		{"queries of an HPA", "kuma", "      autoscalerRef: {name: a, primaryScalerQueries: {a: b}}\n" + routing(steps), "FW316 spec.syncPolicies[0].rollout.autoscalerRef.primaryScalerQueries"},
		{"no number of pods", "kuma", "      autoscalerRef: {name: a, primaryScalerReplicas: {minReplicas: 3, maxReplicas: 2}}\n" + routing(steps), "FW316 spec.syncPolicies[0].rollout.autoscalerRef.primaryScalerReplicas.minReplicas"},
		{"a webhook that does nothing", "kuma", policy("trafficRouting: {" + steps + "}, webhooks: [{name: a}]"), "FW324 spec.syncPolicies[0].rollout.rolloutPolicy.webhooks[0]: the webhook has no metadata"},
		{"a webhook without a name", "kuma", policy("trafficRouting: {" + steps + "}, webhooks: [{name: ''}]"), "FW115 spec.syncPolicies[0].rollout.rolloutPolicy.webhooks[0].name"},
		{"equal steps", "kuma", routing("canaryStrategy: {stepWeights: [5, 20, 20]}"), "FW326 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy.stepWeights[2]: the step from 20% to 20% moves no traffic"},
		{"a first step of 0", "kuma", routing("canaryStrategy: {stepWeights: [0, 20]}"), "FW326 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy.stepWeights[0]"},
		{"an ignored maximum", "kuma", routing("canaryStrategy: {stepWeights: [1, 5], maxWeight: 50}"), "FW323 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy.maxWeight"},
		{"an alert without a provider", "kuma", policy("trafficRouting: {" + steps + "}, alerts: [{name: a, providerRef: {name: b}}]"), "FW317 spec.syncPolicies[0].rollout.rolloutPolicy.alerts[0].providerRef.name: the inputs have no AlertProvider b in namespace web"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var found bool
			list := diagnostics(rolledOut(tt.provider, tt.more))
			if strings.HasPrefix(tt.want, "FW702") && list.HasErrors() {
				t.Errorf("rejected:\n%s", text(list))
			}
			for _, d := range list {
				_, said, _ := strings.Cut(d.String(), d.Severity.String()+" ")
				found = found || strings.HasPrefix(said, tt.want)
			}
			if !found {
				t.Errorf("no diagnostic\n%s\namong\n%s", tt.want, text(list))
			}
		})
	}
}

// TestAlertProviderIsRenderedOnce checks that several applications of a cluster share one AlertProvider: two
// Kustomizations that apply it would take it from each other.
func TestAlertProviderIsRenderedOnce(t *testing.T) {
	rollout := "      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}, alerts: [{name: team, providerRef: {name: chat, namespace: web}}]}\n"
	one := rolledOut("kuma", rollout)
	other := schema.File{Name: "other.yaml", Data: []byte(strings.NewReplacer("name: x", "name: other", "name: web", "name: shop", "serviceName: web", "serviceName: shop", "name: chat, namespace: web", "name: chat").Replace(string(one[1].Data)))}
	provider := schema.File{Name: "alerts.yaml", Data: []byte("{apiVersion: flagger.app/v1beta1, kind: AlertProvider, metadata: {name: chat, namespace: web}, spec: {type: slack, secretRef: {name: s}}}")}
	var found []string
	for name := range contents(compile(t, one[0], one[1], other, provider)) {
		if strings.Contains(name, "/alertprovider-chat") {
			found = append(found, name)
		}
	}
	if want := []string{oneDir + "shared/alertprovider-chat.web.yaml"}; !slices.Equal(found, want) {
		t.Errorf("it is in %q, want %q", found, want)
	}
	wantDiagnostic(t, []schema.File{one[0], one[1]}, "x.yaml:15:117: warning FW317")
	unused := schema.File{Name: "alerts.yaml", Data: []byte("{apiVersion: flagger.app/v1beta1, kind: AlertProvider, metadata: {name: chat2, namespace: web}, spec: {type: slack, address: http://a, secretRef: {name: s}}}")}
	wantDiagnostic(t, []schema.File{one[0], one[1], unused}, "alerts.yaml:1:73: warning FW216 metadata.name: no rollout uses the AlertProvider")
	wantDiagnostic(t, []schema.File{one[0], one[1], unused}, "alerts.yaml:1:97: error FW319 spec: an AlertProvider needs exactly one of address and secretRef")
	elsewhere := schema.File{Name: "alerts.yaml", Data: []byte(strings.Replace(string(provider.Data), "namespace: web", "namespace: ops", 1))}
	wantDiagnostic(t, edit(t, []schema.File{one[0], one[1], elsewhere}, "x.yaml", "namespace: web}}]", "namespace: ops}}]"), "x.yaml:15:134: error FW318")
}
