package render_test

import (
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// TestChartValuesThatMatter checks for each value that rendering depends on one that works with the
// rendered objects, and one that does not.
func TestChartValuesThatMatter(t *testing.T) {
	const metric = "      rolloutPolicy: {trafficRouting: {host: h.example.com, canaryStrategy: {stepWeight: 10}}, trafficAnalysis: {metrics: [{name: request-success-rate}]}}\n"
	for _, test := range []struct {
		provider, values string
		// want is the diagnostics, and have a part of the output.
		want, have string
	}{
		{"istio", "extraArgs: {namespace: web}", "", ""},
		{"istio", "extraArgs: {namespace: ''}", "", ""},
		{"istio", "extraArgs: {namespace: payments}", "FW220", ""},
		{"istio", "extraArgs: {noCrossNamespaceRefs: true}", "", ""},
		{"istio", "extraArgs: {ingressAnnotationsPrefix: custom.example.com}", "", ""},
		{"istio", "extraArgs: {selectorLabels: [app]}", "FW222", ""},
		{"istio", "extraArgs: {selectorLabels: 'app,name'}", "", ""},
		{"istio", "extraArgs: {crd: {create: true}}", "FW222", ""},
		{"istio", "extraArgs: {crd: {create: false}}", "", ""},
		{"istio", "extraArgs: {leaderElection: {replicaCount: 2}}", "FW222", ""},
		{"istio", "extraArgs: {leaderElection: {replicaCount: 0}}", "FW222", ""},
		{"istio", "extraArgs: {leaderElection: {enabled: true, replicaCount: 2}}", "", ""},
		{"istio", "extraArgs: {controlplane: {kubeconfig: {secretName: mesh}}}", "", ""},
		{"kuma", "extraArgs: {controlplane: {kubeconfig: {secretName: mesh}}}", "FW222", ""},
		{"nginx", "extraArgs: {ingressAnnotationsPrefix: custom.example.com}", "FW222", ""},
		{"nginx", "extraArgs: {ingressAnnotationsPrefix: nginx.ingress.kubernetes.io}", "", ""},
		{"nginx", "extraArgs: {fullnameOverride: progressive}", "", "http://progressive-prometheus.ingress-nginx:9090"},
		{"nginx", "config: {extraArgs: {controller: {extraArgs: {annotations-prefix: custom.example.com}}}}", "", "ingressAnnotationsPrefix: custom.example.com"},
		{"nginx", "config: {extraArgs: {controller: {metrics: {enabled: false}}}}", "FW715", ""},
		{"nginx", "config: {extraArgs: {controller: {metrics: null}}}", "FW715", ""},
		{"nginx", "config: {extraArgs: {controller: {extraArgs: {enable-metrics: 'false'}}}}", "FW715", ""},
		{"nginx", "config: {extraArgs: {controller: {metrics: {enabled: false}, extraArgs: {enable-metrics: 'true'}}}}", "", ""},
		{"nginx", "config: {extraArgs: {controller: {podAnnotations: {prometheus.io/scrape: 'false'}}}}", "FW715", ""},
		{"nginx", "config: {extraArgs: {controller: {extraArgs: {healthz-port: 10300}}}}", "", `prometheus.io/port: "10300"`},
		{"nginx", "config: {extraArgs: {controller: {scope: {enabled: true}}}}", "FW220", ""},
		{"nginx", "config: {extraArgs: {controller: {scope: {enabled: true, namespace: web}}}}", "", ""},
		{"nginx", "config: {extraArgs: {controller: {scope: {namespace: other}}}}", "", ""},
		{"nginx", "config: {extraArgs: {controller: {extraArgs: {watch-namespace: other}}}}", "FW220", ""},
		{"nginx", "config: {extraArgs: {controller: {ingressClassResource: {enabled: false}}}}", "FW222", ""},
		{"nginx", "config: {extraArgs: {controller: {kind: DaemonSet, watchIngressWithoutClass: true, ingressClassResource: {controllerValue: example.com/nginx}}}}", "", ""},
		{"nginx", "config: {extraArgs: {controller: {kind: Both}}}", "FW222", ""},
		{"nginx", "config: {extraArgs: {controller: {replicaCount: 0}}}", "FW222", ""},
		{"nginx", "config: {extraArgs: {controller: {replicaCount: 3, service: {type: NodePort}, metrics: {port: 10255}}}}", "", ""},
		{"gatewayapi", "config: {extraArgs: {contour: {replicaCount: 2}, envoy: {kind: deployment, replicaCount: 3}}}", "", "replicaCount: 3"},
		{"gatewayapi", "config: {extraArgs: {envoy: {replicaCount: 0}}}", "", ""}, // of a DaemonSet
		{"gatewayapi", "config: {extraArgs: {envoy: {kind: deployment, replicaCount: 0}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {contour: {replicaCount: 0}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {contour: {enabled: false}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {envoy: {enabled: false}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {configInline: {gateway: {gatewayRef: {name: public}}}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {configInline: {gateway: {gatewayRef: {namespace: infra}}}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {configInline: {disablePermitInsecure: true}}}", "", "disablePermitInsecure: true"},
		{"gatewayapi", "config: {extraArgs: {contour: {configPath: false}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {contour: {manageCRDs: false}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {gatewayAPI: {manageCRDs: true}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {gatewayAPI: {manageCRDs: false}}}", "", ""},
		{"gatewayapi", "config: {extraArgs: {namespaceOverride: infra}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {contour: {extraArgs: [--debug]}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {contour: {extraArgs: [--disable-feature=tlsroutes, --disable-feature=tcproutes, --disable-feature=backendtlspolicies, --debug]}}}", "", "- --debug"},
		{"gatewayapi", "config: {extraArgs: {configInline: {gateway: null}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {configInline: null}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {configInline: {gateway: {gatewayRef: {namespace: null}}}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {configInline: {tls: null}}}", "", ""},
		{"gatewayapi", "config: {extraArgs: {contour: {extraArgs: null}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {contour: {ingressClass: null}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {contour: {ingressClass: {name: null}}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {contour: {ingressClass: {name: public, default: null}}}}", "", "name: public"},
		{"gatewayapi", "config: {extraArgs: {fullnameOverride: x}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {fullnameOverride: contour}}", "", ""},
		{"gatewayapi", "config: {extraArgs: {nameOverride: x}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {nameOverride: cont}}", "", ""}, // part of the name of the release
		{"gatewayapi", "config: {extraArgs: {envoy: {service: {name: public}}}}", "FW222", ""},
		{"contour", "{configInline: {gateway: null}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {envoy: {containerPorts: {http: 8081}}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {envoy: {service: {targetPorts: {http: https}}}}}", "FW222", ""},
		{"gatewayapi", "config: {extraArgs: {envoy: {service: {type: NodePort, ports: {http: 8080}}}}}", "", "type: NodePort"},
		{"gatewayapi", "config: {extraArgs: {envoy: {podAnnotations: {prometheus.io/scrape: 'false'}}}}", "FW715", ""},
		{"gatewayapi", "config: {extraArgs: {envoy: {podAnnotations: {prometheus.io/port: '9001'}}}}", "FW715", ""},
		{"gatewayapi", "config: {extraArgs: {envoy: {podAnnotations: null}}}", "FW715", ""},
		{"gatewayapi", "config: {extraArgs: {envoy: {podAnnotations: null}}}, installed: {prometheus: {address: 'http://prometheus.monitoring:9090'}}", "", ""},
		{"gatewayapi", "extraArgs: {prometheus: {install: false}}", "FW715", ""},
		{"kuma", "gateway: {implementation: contour}, config: {extraArgs: {envoy: {enabled: false}}}", "", ""}, // it is Kuma's config
		{"contour", "{envoy: {enabled: false}}", "FW222", ""},
		{"contour", "{envoy: {podAnnotations: {prometheus.io/path: /metrics}}}", "FW715", ""},
		{"kuma", "config: {chart: {version: 2.13.10}, extraArgs: {namespaceAllowList: [web, flagger-loadtester]}}", "", ""},
		{"kuma", "config: {chart: {version: 2.13.10}, extraArgs: {namespaceAllowList: [flagger-loadtester]}}", "FW220", ""},
		{"kuma", "config: {chart: {version: 2.13.10}, extraArgs: {namespaceAllowList: [web]}}", "FW220", ""},
		{"kuma", "config: {chart: {version: 2.13.10}, extraArgs: {namespaceAllowList: []}}", "", ""},
		{"kuma", "config: {chart: {version: 2.7.3}, extraArgs: {namespaceAllowList: [other]}}", "", ""},
		{"kuma", "config: {extraArgs: {controlPlane: {mode: global}}}", "FW222", ""},
		{"kuma", "config: {extraArgs: {controlPlane: {mode: zone}}}", "", ""},
		{"kuma", "config: {chart: {version: 2.5.0}, extraArgs: {controlPlane: {mode: zone}}}", "FW222", ""},
		{"kuma", "config: {extraArgs: {controlPlane: {zone: eu, kdsGlobalAddress: 'grpcs://global:5685'}}}", "FW222", ""},
		{"kuma", "config: {extraArgs: {controlPlane: {zone: eu}}}", "", ""},
		{"kuma", "config: {extraArgs: {controlPlane: {environment: universal}}}", "FW222", ""},
		{"kuma", "config: {extraArgs: {controlPlane: {service: {name: cp}}}}", "FW222", ""},
		{"kuma", "config: {extraArgs: {nameOverride: mesh}}", "FW222", ""},
		{"kuma", "config: {extraArgs: {controlPlane: {envVars: {KUMA_MONITORING_ASSIGNMENT_SERVER_PORT: '5777'}}}}", "FW222", ""},
		{"kuma", "config: {extraArgs: {noHelmHooks: true}}", "", `kuma.io/sidecar-injection: "false"`},
		{"prometheus", "{server: {service: {servicePort: 9090}}}", "", "http://prometheus-server.mesh-observability:9090"},
		{"prometheus", "{server: {fullnameOverride: metrics, prefixURL: /prom}}", "", "http://metrics.mesh-observability:80/prom"},
		{"prometheus", "{server: {service: {enabled: false}}}", "FW222", ""},
		{"prometheus", "{serverFiles: {prometheus.yml: {scrape_configs: [{job_name: own}]}}}", "FW222", ""},
		{"prometheus", "{serverFiles: {prometheus.yml: {scrape_configs: [{job_name: own}]}}, extraScrapeConfigs: '- {job_name: k, kuma_sd_configs: []}'}", "", ""},
		{"prometheus", "{extraScrapeConfigs: '- {job_name: own}'}", "", ""},
		{"prometheus", "{extraScrapeConfigs: \"- job_name: 'kuma-dataplanes'\\n\"}", "FW222", ""},
		{"prometheus", "{scrapeConfigs: {prometheus: {enabled: true}}}", "", ""}, // version 27 does not read it
		{"prometheus", "{server: {configMapOverrideName: own}}", "FW222", ""},
		{"prometheus", "{server: {configFromSecret: own}}", "FW222", ""},
		{"kuma", "config: {extraArgs: {controlPlane: {envVars: {KUMA_ENVIRONMENT: universal}}}}", "FW222", ""},
		{"loadtester", "{fullnameOverride: tester}", "FW222", ""},
		{"loadtester", "{service: {port: 8080}}", "FW222", ""},
		{"loadtester", "{cmd: {namespaceRegexp: '^shop'}}", "", ""},
	} {
		t.Run(test.provider+" "+test.values, func(t *testing.T) {
			provider, fleet := test.provider, ", "+test.values
			var files []schema.File
			if provider == "prometheus" || provider == "loadtester" {
				files = append(files, config("  charts: {"+provider+": {values: "+test.values+"}}\n"))
				provider, fleet = "kuma", ""
			}
			if provider == "contour" {
				files = append(files, config("  charts: {contour: {values: "+test.values+"}}\n"))
				provider, fleet = "gatewayapi", ""
			}
			files = append(files, fleetOf(provider+fleet))
			more := metric
			if provider != "nginx" {
				more = strings.Replace(metric, "host: h.example.com, ", "", 1)
			}
			files = append(files, rolledOut(provider, more)[1])
			tree, list := render.Compile(schema.Load(files), render.Options{})
			var got []string
			for _, d := range list {
				if d.Severity == diag.Error || d.Code == diag.NotWatched || d.Code == diag.ContradictingValue {
					got = append(got, string(d.Code))
				}
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %q, want %q:\n%s", got, test.want, text(list))
			}
			if test.have == "" || tree == nil {
				return
			}
			for _, content := range contents(tree) {
				if strings.Contains(string(content), test.have) {
					return
				}
			}
			t.Errorf("no file has %s", test.have)
		})
	}
}
