package render_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

// kumaFiles returns an Application for each of some rollouts, on a fleet with Gateway API and Kuma.
func kumaFiles(t *testing.T, plugin string, rollouts []string, documents ...string) []schema.File {
	t.Helper()
	files := []schema.File{clusterOne, {Name: "fleet.yaml", Data: []byte(`apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: f, namespace: default}
spec:
  clusters: [{name: one, kind: AttachedCluster}]
  plugin:
    flagger:
` + indented(plugin, 6))}}
	for i, rollout := range rollouts {
		name := string(rune('a' + i))
		files = append(files, schema.File{Name: name + ".yaml", Data: []byte(strings.ReplaceAll(`apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata: {name: NAME, namespace: default}
spec:
  source: {gitRepository: {url: https://example.com/NAME.git, interval: 5m, ref: {branch: main}}}
  destination: {fleet: f}
  syncPolicies:
  - name: NAME
    kustomization: {path: ./, interval: 10m, prune: true, targetNamespace: NAME}
    rollout:
      workload: {name: NAME, namespace: NAME}
      serviceName: NAME
      port: 8080
`, "NAME", name) + indented(rollout, 6))})
	}
	for _, d := range documents {
		files = append(files, schema.File{Name: "mesh.yaml", Data: []byte(d)})
	}
	return files
}

func indented(text string, by int) string {
	return strings.ReplaceAll("\n"+strings.Trim(text, "\n"), "\n", "\n"+strings.Repeat(" ", by))[1:] + "\n"
}

const (
	gatewayKuma    = "trafficRoutingProvider: gatewayapi\ngateway: {implementation: kuma}\n"
	inSteps        = "rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10, maxWeight: 50}}, trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}}\n"
	byTrafficRoute = "trafficRoutingProvider: kuma\n" + inSteps
	byHTTPRoute    = "trafficRoutingProvider: gatewayapi\n" + inSteps
	// ownMetric queries a metric that Kuma 3 has, too.
	ownMetric = `trafficRoutingProvider: gatewayapi
rolloutPolicy:
  trafficRouting: {canaryStrategy: {stepWeight: 10, maxWeight: 50}}
  trafficAnalysis:
    metrics:
    - name: errors
      thresholdRange: {max: 1}
      customMetric:
        provider: {type: prometheus, address: "http://prometheus.monitoring:9090"}
        query: sum(rate(http_errors_total{namespace="{{ namespace }}",pod=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}[{{ interval }}]))
`
)

// TestPartsOfAnHTTPRouteThatKumaIgnores checks mistakes seen with Kuma's control planes. Most of those rollouts ended
// as Succeeded without a request to the new version.
func TestPartsOfAnHTTPRouteThatKumaIgnores(t *testing.T) {
	everywhere := strings.Replace(plainMesh, "spec: {", "spec: {meshServices: {mode: Everywhere}, ", 1)
	version := func(v string) string { return gatewayKuma + "config: {chart: {version: " + v + "}}\n" }
	there := func(more ...string) string {
		return "trafficRoutingProvider: gatewayapi\ninstalled:\n" + indented("prometheus: {address: \"http://prometheus.monitoring:9090\"}\n"+strings.Join(more, "\n"), 2)
	}
	in := func(field, rollout string) string {
		return strings.Replace(rollout, "{canaryStrategy", "{"+field+", canaryStrategy", 1)
	}
	for _, tt := range []struct {
		name, plugin string
		rollouts     []string
		mesh         string
		want         []string
	}{
		{"a split", gatewayKuma, []string{byHTTPRoute}, "", nil},
		{"grpc", gatewayKuma, []string{"appProtocol: grpc\n" + ownMetric}, "", nil},
		{"http2 by protocol", gatewayKuma, []string{in("protocol: http2", byHTTPRoute)}, "", nil},
		{"tcp", gatewayKuma, []string{"appProtocol: tcp\n" + byHTTPRoute}, "",
			[]string{"a.yaml:14:20: error FW423 spec.syncPolicies[0].rollout.appProtocol: the port speaks tcp, so Kuma ignores the HTTPRoute and no request reaches the new version → appProtocol: http"}},
		{"kafka by protocol", gatewayKuma, []string{in("protocol: kafka", byHTTPRoute)}, "",
			[]string{"a.yaml:15:50: error FW423 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.protocol: the port speaks kafka, so Kuma ignores the HTTPRoute and no request reaches the new version → protocol: http"}},
		{"an unknown protocol, and an annotation with a known one", gatewayKuma, []string{"appProtocol: kubernetes.io/h2c\n" + byHTTPRoute}, "",
			[]string{"a.yaml:14:20: warning FW420 spec.syncPolicies[0].rollout.appProtocol: Kuma does not know appProtocol kubernetes.io/h2c and treats the port as http"}},
		{"the same with MeshServices", version("2.13.10"), []string{"appProtocol: kubernetes.io/h2c\n" + byHTTPRoute}, everywhere,
			[]string{"a.yaml:14:20: error FW423 spec.syncPolicies[0].rollout.appProtocol: with meshServices mode Everywhere, a port without a known appProtocol is TCP, so Kuma ignores the HTTPRoute and no request reaches the new version → appProtocol: http"}},
		{"MeshServices", version("2.13.10"), []string{byHTTPRoute}, everywhere, nil},
		{"MeshServices only", version("2.13.10"), []string{byHTTPRoute}, strings.Replace(everywhere, "Everywhere", "Exclusive", 1),
			[]string{"mesh.yaml:5:29: error FW408 spec.meshServices.mode: with meshServices mode Exclusive, sidecars ignore TrafficRoutes, and an HTTPRoute sends all requests to the new version → mode: Disabled; or, once Kuma 3.0 is released, trafficRoutingProvider: gatewayapi and no meshServices"}},
		{"session affinity", gatewayKuma, []string{strings.Replace(byHTTPRoute, "{metrics", "{sessionAffinity: {cookieName: c}, metrics", 1)}, "",
			[]string{"a.yaml:15:108: error FW424 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.sessionAffinity: Kuma drops the cookie from the HTTPRoute, so clients switch between the versions → remove sessionAffinity"}},
		{"CORS", gatewayKuma, []string{in("corsPolicy: {allowOrigin: [https://example.com], maxAge: 24h}", byHTTPRoute)}, "",
			[]string{"a.yaml:15:40: error FW424 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy: Kuma drops CORS from the HTTPRoute, so browsers get no CORS headers → remove corsPolicy, and answer preflight requests in the application"}},
		{"hosts", gatewayKuma, []string{in("hosts: [a.example.com]", byHTTPRoute)}, "",
			[]string{"a.yaml:15:40: error FW424 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.hosts: Kuma drops the hosts of an HTTPRoute whose parent is a Service, so it routes requests for any host → remove hosts"}},
		{"the Service's own port by its name", gatewayKuma, []string{in("gatewayRefs: [{kind: Service, sectionName: http}]", byHTTPRoute)}, "", nil},
		{"session affinity behind the user's Gateway", gatewayKuma, []string{in("hosts: [a.example.com], gatewayRefs: [{name: public, namespace: infra}]", strings.Replace(byHTTPRoute, "{metrics", "{sessionAffinity: {cookieName: c}, metrics", 1))}, "", nil},

		{"two providers in a mesh", "trafficRoutingProvider: kuma\ngateway: {}\n", []string{byHTTPRoute, byTrafficRoute}, "",
			[]string{"a.yaml:14:31: error FW422 spec.syncPolicies[0].rollout.trafficRoutingProvider: this rollout's HTTPRoute disables the traffic split of the rollout at b.yaml:14:31, which is on kuma in the same mesh and cluster → trafficRoutingProvider: kuma, or gatewayapi for all rollouts of the mesh"}},
		{"all rollouts moved before the fleet", "trafficRoutingProvider: kuma\ngateway: {}\n", []string{byHTTPRoute, byHTTPRoute}, "", nil},
		{"two providers in two meshes", "trafficRoutingProvider: kuma\ngateway: {}\n", []string{byHTTPRoute, "meshName: other\n" + byTrafficRoute}, plainMesh + "---" + strings.Replace(plainMesh, "name: default", "name: other", 1), nil},
		{"kuma where the fleet has moved", gatewayKuma, []string{byHTTPRoute, byTrafficRoute}, "",
			[]string{"b.yaml:14:31: error FW422 spec.syncPolicies[0].rollout.trafficRoutingProvider: the fleet's provider is gatewayapi, so the mesh has no TrafficRoutes; this rollout would create the first one, and Kuma then stops all traffic that has none → trafficRoutingProvider: gatewayapi"}},

		{"a Kuma without GAMMA", version("2.6.13"), []string{byHTTPRoute}, "",
			[]string{"fleet.yaml:10:33: error FW401 spec.plugin.flagger.config.chart.version: Kuma 2.6.13 ignores the HTTPRoutes with which Flagger moves traffic on gatewayapi → version: 2.7.3, or another from 2.7 to 2.14"}},
		{"an installed Kuma that creates the route for all traffic", there("gateway-api: {}", "kuma: {version: 2.5.0}"), []string{byHTTPRoute}, "",
			[]string{"fleet.yaml:12:25: error FW401 spec.plugin.flagger.installed.kuma.version: Kuma 2.5.0 ignores the HTTPRoutes with which Flagger moves traffic on gatewayapi → use Kuma 2.7 to 2.14 on the clusters, or another provider"}},
		{"a Kuma that runs before the CRDs", there("kuma: {version: 2.13.10}"), []string{byHTTPRoute}, "",
			[]string{"fleet.yaml:11:9: warning FW425 spec.plugin.flagger.installed.kuma: fleetwright renders the CRDs of Gateway API; a Kuma that started before them ignores every HTTPRoute → once Flux has applied them, run on each cluster: kubectl -n kuma-system rollout restart deployment kuma-control-plane; then add installed: {gateway-api: {}}"}},
		{"installed CRDs", there("gateway-api: {}", "kuma: {version: 2.13.10}"), []string{byHTTPRoute}, "", nil},
		{"Kuma handed over", there("kuma: {version: 2.7.3, handOver: true}"), []string{byHTTPRoute}, "", nil},
		{"a route for all traffic", there("gateway-api: {}", "kuma: {version: 2.13.10, catchAllRoute: false}"), []string{byHTTPRoute}, "",
			[]string{"fleet.yaml:12:49: error FW224 spec.plugin.flagger.installed.kuma.catchAllRoute: only gatewayapi moves traffic in Kuma here, without TrafficRoutes, so catchAllRoute has no effect → remove the line"}},

		{"Kuma 3", version("3.0.0"), []string{ownMetric}, "",
			[]string{"fleet.yaml:10:33: warning FW426 spec.plugin.flagger.config.chart.version: Kuma 3.0.0 is not released; the manifests follow its sources of August 2026 → version: 2.7.3, or another from 2.7 to 2.14"}},
		{"Kuma 3.1", version("3.1.0"), []string{ownMetric}, "",
			[]string{"fleet.yaml:10:33: error FW401 spec.plugin.flagger.config.chart.version: fleetwright does not support Kuma 3.1.0 → version: 2.7.3, or another from 2.7 to 2.14"}},
		{"Kuma 3 by TrafficRoute", "trafficRoutingProvider: kuma\nconfig: {chart: {version: 3.0.0}}\n", []string{byTrafficRoute}, "",
			[]string{"fleet.yaml:9:33: error FW401 spec.plugin.flagger.config.chart.version: Kuma 3.0.0 has no TrafficRoute, the only way for Flagger to move traffic on kuma → version: 2.7.3, or another from 2.2 to 2.14; once Kuma 3.0 is released, trafficRoutingProvider: gatewayapi"}},
		{"the metrics of Kuma 3", version("3.0.0"), []string{byHTTPRoute}, "",
			[]string{
				"a.yaml:15:125: error FW715 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics[0].name: Kuma 3.0.0 has other metrics than Kuma 2, and fleetwright has no tested query for request-success-rate → a customMetric, such as one of the application's own metrics",
				"fleet.yaml:10:33: warning FW426",
			}},
		{"a Mesh of Kuma 2", version("3.0.0"), []string{ownMetric}, tlsMesh,
			[]string{
				"fleet.yaml:10:33: warning FW426",
				"mesh.yaml:6:3: error FW427 spec.mtls: Kuma 3.0.0 ignores mtls, so nothing is encrypted and everything is allowed → remove the field; a MeshIdentity and a MeshTLS turn mutual TLS on, and a MeshTrafficPermission with rules allows traffic",
				"mesh.yaml:7:3: error FW427 spec.metrics: Kuma 3.0.0 ignores metrics → remove the field; a MeshMetric is rendered",
			}},
		{"the same on Kuma 3", version("3.0.0"), []string{"appProtocol: kubernetes.io/h2c\n" + ownMetric}, "",
			[]string{
				"a.yaml:14:20: error FW423 spec.syncPolicies[0].rollout.appProtocol: on Kuma 3.0.0, a port without a known appProtocol is TCP, so Kuma ignores the HTTPRoute",
				"fleet.yaml:10:33: warning FW426",
			}},

		{"no tags", gatewayKuma + "config: {chart: {version: 2.14.3}, extraArgs: {experimental: {inboundTagsDisabled: true}}}\n", []string{byHTTPRoute}, "",
			[]string{"fleet.yaml:10:90: error FW222 spec.plugin.flagger.config.extraArgs.experimental.inboundTagsDisabled: without the tag kuma.io/service, rollouts can neither move traffic nor be measured → remove the line"}},
		{"no server for Prometheus", gatewayKuma + "config: {chart: {version: 2.14.3}, extraArgs: {controlPlane: {madsServer: {enabled: false}}}}\n", []string{byHTTPRoute}, "",
			[]string{"fleet.yaml:10:91: error FW222 spec.plugin.flagger.config.extraArgs.controlPlane.madsServer.enabled: the control plane tells Prometheus of no sidecars, so every check fails → enabled: true"}},
		{"no MeshHTTPRoutes", gatewayKuma + "config: {extraArgs: {plugins: {policies: {meshhttproutes: false}}}}\n", []string{byHTTPRoute}, "",
			[]string{"fleet.yaml:10:65: error FW222 spec.plugin.flagger.config.extraArgs.plugins.policies.meshhttproutes: without MeshHTTPRoutes, Kuma ignores every HTTPRoute, so no traffic moves → remove the line"}},
		{"routes on another cluster", gatewayKuma + "extraArgs: {controlplane: {kubeconfig: {secretName: other}}}\n", []string{byHTTPRoute}, "",
			[]string{"fleet.yaml:10:59: error FW222 spec.plugin.flagger.extraArgs.controlplane.kubeconfig.secretName: Flagger would write routes to another cluster, but the Mesh is on this one → remove the line"}},
		{"no MeshHTTPRoutes, by TrafficRoute", "trafficRoutingProvider: kuma\nconfig: {extraArgs: {plugins: {policies: {meshhttproutes: false}}}}\n", []string{byTrafficRoute}, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var documents []string
			if tt.mesh != "" {
				documents = append(documents, tt.mesh)
			}
			got := problems(kumaFiles(t, tt.plugin, tt.rollouts, documents...))
			same := len(got) == len(tt.want)
			for i := 0; same && i < len(got); i++ {
				same = strings.HasPrefix(oneLine(got[i]), tt.want[i])
			}
			if !same {
				t.Errorf("got\n%swant\n%s", text(got), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// oneLine returns a diagnostic with its hint.
func oneLine(d diag.Diagnostic) string { return d.String() + " → " + d.Hint }

// TestKumaByGatewayAPI checks that the objects that move traffic by HTTPRoutes are rendered, and none that only
// TrafficRoutes need.
func TestKumaByGatewayAPI(t *testing.T) {
	tree := compile(t, kumaFiles(t, gatewayKuma+"publicTestloader: true\n", []string{byHTTPRoute})...)
	all := contents(tree)
	for name := range all {
		if strings.Contains(name, "trafficroute") {
			t.Errorf("%s is rendered", name)
		}
	}
	canary := get(t, tree, "one/fleetwright/rollouts/default.a/canary-a.yaml")
	for path, want := range map[string]any{
		"spec provider":                     "gatewayapi:v1",
		"spec service appProtocol":          "http",
		"spec service gatewayRefs 0 group":  "",
		"spec service gatewayRefs 0 kind":   "Service",
		"spec service gatewayRefs 0 name":   "a",
		"spec service gatewayRefs 0 port":   8080.0,
		"spec analysis metrics 0 name":      "request-success-rate-gatewayapi",
		"metadata annotations kuma.io/mesh": "default",
	} {
		if got := at(canary, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	for _, of := range []string{"apex", "canary", "primary"} {
		if got := at(canary, "spec service "+of+" annotations 8080.service.kuma.io/protocol"); got != "http" {
			t.Errorf("the Service %s speaks %v", of, got)
		}
	}
	if got := at(get(t, tree, "one/fleetwright/infrastructure/namespace-flagger-loadtester.yaml"), "metadata labels kuma.io/sidecar-injection"); got != "enabled" {
		t.Errorf("the load tester's sidecar is %v", got)
	}
	// The control plane starts after the CRDs, even one that is already running.
	if got := at(get(t, tree, "one/fleetwright/infrastructure/helmrelease-kuma.yaml"), "spec values controlPlane podAnnotations fleetwright.dev/gateway-api"); got != "true" {
		t.Errorf("the pod of the control plane has %v", got)
	}
}

// TestKuma3 checks that a MeshMetric replaces the Mesh's own metrics.
func TestKuma3(t *testing.T) {
	tree := compile(t, kumaFiles(t, gatewayKuma+"config: {chart: {version: 3.0.0}}\n", []string{ownMetric})...)
	if got := at(get(t, tree, "one/fleetwright/mesh/mesh-default.yaml"), "spec metrics"); got != nil {
		t.Errorf("the Mesh has the metrics %v", got)
	}
	if got := at(get(t, tree, "one/fleetwright/mesh/meshmetric-prometheus-default.yaml"), "spec default backends 0 prometheus port"); got != 5670.0 {
		t.Errorf("the sidecars show their metrics at %v", got)
	}
	// Kuma 3 rejects the permission that a Mesh with mutual TLS has on Kuma 2.
	const permission = "one/fleetwright/mesh/meshtrafficpermission-allow-all-default.yaml"
	ignored := "apiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nspec: {severities: {FW427: warning}}\n---"
	for version, want := range map[string]bool{"2.13.10": true, "3.0.0": false} {
		tree := compile(t, kumaFiles(t, gatewayKuma+"config: {chart: {version: "+version+"}}\n", []string{ownMetric}, ignored+tlsMesh)...)
		if _, ok := contents(tree)[permission]; ok != want {
			t.Errorf("Kuma %s has a MeshTrafficPermission: %v, want %v", version, ok, want)
		}
	}
}

// TestParentBySection checks a parent with a section name, to which no port number is added.
func TestParentBySection(t *testing.T) {
	rollout := strings.Replace(byHTTPRoute, "{canaryStrategy", "{gatewayRefs: [{kind: Service, sectionName: http}], canaryStrategy", 1)
	tree := compile(t, kumaFiles(t, gatewayKuma, []string{rollout})...)
	got := at(get(t, tree, "one/fleetwright/rollouts/default.a/canary-a.yaml"), "spec service gatewayRefs 0")
	if want := map[string]any{"group": "", "kind": "Service", "name": "a", "sectionName": "http"}; !reflect.DeepEqual(got, want) {
		t.Errorf("the parent is %v, want %v", got, want)
	}
}

// TestOneProviderInAMesh checks rollouts on a common cluster, from all fleets and without a fleet.
func TestOneProviderInAMesh(t *testing.T) {
	there := []string{"flagger: {version: 1.44.0}", "gateway-api: {}", "prometheus: {address: http://prometheus.monitoring:9090}"}
	plain := func(version string) schema.File {
		f := installedConfig(append(there, "kuma: {version: "+version+"}")...)
		f.Data = []byte(strings.Replace(string(f.Data), "      installed:", "      gateway: {}\n      installed:", 1))
		return f
	}
	second := fleetWith("g", "trafficRoutingProvider: gatewayapi", "installed:\n        "+strings.Join([]string{"flagger: {version: 1.44.0, namespace: kuma-system}", "gateway-api: {}", "kuma: {version: 2.7.3}", "prometheus: {address: http://prometheus-server.mesh-observability:80}"}, "\n        "))
	for _, tt := range []struct {
		name  string
		files []schema.File
		want  string
	}{
		{"in two fleets of a cluster", []schema.File{clusterOne, fleetWith("f", "trafficRoutingProvider: kuma"), second, rollingOut("a", "f", "kuma"), rollingOut("b", "g", "gatewayapi")},
			"b.yaml:11:31: error FW422 spec.syncPolicies[0].rollout.trafficRoutingProvider: this rollout's HTTPRoute disables the traffic split of the rollout at a.yaml:11:31"},
		{"in two fleets, all on gatewayapi", []schema.File{clusterOne, fleetWith("f", "trafficRoutingProvider: kuma"), second, rollingOut("a", "f", "gatewayapi"), rollingOut("b", "g", "gatewayapi")}, ""},
		{"without a fleet", []schema.File{plain("2.13.10"), rollingOut("a", "", "kuma"), rollingOut("b", "", "gatewayapi")},
			"b.yaml:10:31: error FW422"},
		{"without a fleet, on kuma", []schema.File{plain("2.13.10"), rollingOut("a", "", "kuma")}, ""},
		{"without a fleet, on gatewayapi", []schema.File{plain("2.13.10"), rollingOut("a", "", "gatewayapi")}, ""},
		{"without a fleet, on a Kuma that has no TrafficRoute", []schema.File{plain("3.0.0"), rollingOut("a", "", "kuma")},
			"a.yaml:10:31: error FW401 spec.syncPolicies[0].rollout.trafficRoutingProvider: Kuma 3.0.0 has no TrafficRoute"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" {
				if list := problems(tt.files); len(list) > 0 {
					t.Errorf("got\n%s", text(list))
				}
				return
			}
			wantDiagnostic(t, tt.files, tt.want)
		})
	}
}
