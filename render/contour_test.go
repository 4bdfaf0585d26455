package render_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// onGateway returns a rollout on a fleet whose plugin has further fields.
func onGateway(plugin string) []schema.File {
	files := rolledOut("gatewayapi", canaryOf("gatewayapi"))
	files[0].Data = []byte(strings.Replace(string(files[0].Data), "trafficRoutingProvider: gatewayapi", "trafficRoutingProvider: gatewayapi"+plugin, 1))
	return files
}

const refs = "refs: [{name: public, namespace: infra}]"

// TestBuiltInMetricsOnEachImplementation checks that a built-in metric queries the implementation's metrics, and is
// rejected for an unknown implementation.
func TestBuiltInMetricsOnEachImplementation(t *testing.T) {
	for _, test := range []struct{ plugin, have, want string }{
		{"", `envoy_cluster_name="{{ namespace }}_{{ service }}-canary_8080"`, ""},
		{", installed: {gateway-api: {}, contour: {}}, gateway: {" + refs + "}", `envoy_cluster_name="{{ namespace }}_{{ service }}-canary_8080"`, ""},
		{", gateway: {implementation: istio, " + refs + "}", `destination_workload="{{ target }}"`, ""},
		{", installed: {gateway-api: {}, istio: {}}, gateway: {" + refs + "}", `reporter=~"source|waypoint"`, ""},
		{", gateway: {implementation: kuma}", `kuma_io_services=~".*,{{ service }}-canary_{{ namespace }}_svc_8080,.*"`, ""},
		{", gateway: {implementation: other, " + refs + "}", "", "FW740"},
	} {
		t.Run(test.plugin, func(t *testing.T) {
			tree, list := render.Compile(schema.Load(onGateway(test.plugin)), render.Options{})
			var got []string
			for _, d := range list {
				if d.Severity == diag.Error {
					got = append(got, string(d.Code))
				}
			}
			if strings.Join(got, " ") != test.want {
				t.Fatalf("got %q, want %q:\n%s", got, test.want, text(list))
			}
			if test.have == "" {
				return
			}
			const file = oneDir + "rollouts/default.x/metrictemplate-web.request-success-rate-gatewayapi.yaml"
			if content := string(contents(tree)[file]); !strings.Contains(content, test.have) {
				t.Errorf("the query is not of the implementation:\n%s", content)
			}
		})
	}
}

// TestFleetsAgreeOnGatewayAPI checks fleets with a common cluster, which must describe its Gateway API
// identically.
func TestFleetsAgreeOnGatewayAPI(t *testing.T) {
	for _, test := range []struct{ name, one, other, want string }{
		{"two render it", "trafficRoutingProvider: gatewayapi", "trafficRoutingProvider: gatewayapi", "FW603"},
		{"two implementations", "trafficRoutingProvider: gatewayapi", "trafficRoutingProvider: gatewayapi, gateway: {implementation: other, " + refs + "}, installed: {flagger: {version: 1.44.0, namespace: projectcontour}, gateway-api: {version: 1.5.1}}", "other implements Gateway API here but contour"},
		{"one has what the other renders", "trafficRoutingProvider: gatewayapi", "trafficRoutingProvider: gatewayapi, installed: {flagger: {version: 1.44.0, namespace: projectcontour}, gateway-api: {version: 1.5.1}, contour: {}}", ""},
		{"one has another version", "trafficRoutingProvider: gatewayapi", "trafficRoutingProvider: gatewayapi, installed: {flagger: {version: 1.44.0, namespace: projectcontour}, gateway-api: {version: 1.4.1}, contour: {}}", "version of gateway-api is 1.4.1 here but 1.5.1"},
		{"one has another namespace", "trafficRoutingProvider: gatewayapi", "trafficRoutingProvider: gatewayapi, installed: {flagger: {version: 1.44.0, namespace: projectcontour}, gateway-api: {version: 1.5.1}, contour: {namespace: infra}}", "namespace of contour is infra here"},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := []schema.File{fleetOf("gatewayapi"), {Name: "other.yaml", Data: fmt.Appendf(nil, "{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: g}, spec: {clusters: [{name: one, kind: AttachedCluster}], plugin: {flagger: {%s}}}}", test.other)}}
			found := text(diagnostics(files))
			if test.want == "" && strings.Contains(found, " error ") || !strings.Contains(found, test.want) {
				t.Errorf("want %q:\n%s", test.want, found)
			}
		})
	}
}

// TestNoChartOfGatewayAPI checks that config applies to the chart of the implementation, if it has one.
func TestNoChartOfGatewayAPI(t *testing.T) {
	for plugin, want := range map[string]string{
		", config: {extraArgs: {envoy: {kind: deployment}}}":                                                                  "",
		", config: {extraArgs: {controlPlane: {replicas: 2}}}, gateway: {implementation: kuma}":                               "",
		", config: {extraArgs: {a: b}}, gateway: {implementation: istio, " + refs + "}":                                       "fleetwright installs no chart for gatewayapi with implementation istio",
		", config: {extraArgs: {a: b}}, gateway: {implementation: other, " + refs + "}":                                       "fleetwright installs no chart for gatewayapi with implementation other",
		", config: {extraArgs: {a: b}}, installed: {contour: {}}, gateway: {" + refs + "}":                                    "contour is under installed",
		", installed: {gateway-api: {version: 0.8.1}, contour: {}}, gateway: {" + refs + "}":                                  "Gateway API 0.8.1 does not serve HTTPRoute v1, which Flagger writes",
		", installed: {gateway-api: {version: 1.0.0}}":                                                                        "Gateway API 1.0.0 does not serve GRPCRoute v1, without which Contour exits at start",
		", installed: {gateway-api: {version: 1.0.0}, contour: {}}, gateway: {" + refs + "}":                                  "",
		", installed: {gateway-api: {}, istio: {}, kuma: {version: 2.13.10}}, gateway: {" + refs + "}":                        "FW730",
		", installed: {gateway-api: {}, istio: {}, kuma: {version: 2.13.10}}, gateway: {implementation: istio, " + refs + "}": "",
		", installed: {gateway-api: {version: 1.5.1, handOver: true}, contour: {handOver: true}}":                             "",
		", gateway: {implementation: other, " + refs + "}, installed: {contour: {handOver: true}}":                            "nothing here renders contour",
	} {
		var found strings.Builder
		for _, d := range diagnostics(onGateway(plugin)) {
			if d.Severity == diag.Error && d.Code != diag.NoImplementationMetric {
				fmt.Fprintln(&found, d)
			}
		}
		if want == "" && found.Len() > 0 || !strings.Contains(found.String(), want) {
			t.Errorf("%s: want %q:\n%s", plugin, want, found.String())
		}
	}
}

// TestRolloutsWaitForGateways checks the stages that wait for a Gateway, and the stages after them.
func TestRolloutsWaitForGateways(t *testing.T) {
	wait := func(stage map[string]any) string {
		var all []string
		for _, field := range []string{"wait", "healthChecks", "healthCheckExprs"} {
			if at(stage, "spec "+field) != nil {
				all = append(all, field)
			}
		}
		return strings.Join(all, " ")
	}
	after := func(stage map[string]any) string {
		var all []string
		on, _ := at(stage, "spec dependsOn").([]any)
		for _, d := range on {
			all = append(all, strings.TrimSuffix(d.(map[string]any)["name"].(string), "-attachedcluster-one"))
		}
		return strings.Join(all, " ")
	}
	for _, test := range []struct {
		name, plugin, provider string
		// mesh and shared are the stages that wait for it, and after is the stage before the application's.
		mesh, gateways, after string
	}{
		{"for the rendered one", "", "gatewayapi", "wait healthCheckExprs", "none", "mesh"},
		{"not with wait false", ", gateway: {wait: false}", "gatewayapi", "wait", "none", "mesh"},
		{"for the fleet's", ", gateway: {implementation: other, " + refs + "}", "gatewayapi", "", "healthChecks healthCheckExprs", "infrastructure gateways"},
		{"not for the fleet's with wait false", ", gateway: {implementation: other, wait: false, " + refs + "}", "gatewayapi", "", "none", "infrastructure"},
		{"not for a Service", ", gateway: {refs: [{group: '', kind: Service}], implementation: other}", "gatewayapi", "", "none", "infrastructure"},
		{"not for another provider", ", gateway: {implementation: other, " + refs + "}", "kubernetes", "", "healthChecks healthCheckExprs", "infrastructure"},
	} {
		for _, hub := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, " hub ", hub), func(t *testing.T) {
				files := onGateway(test.plugin)
				metrics := "{name: request-success-rate, thresholdRange: {min: 99}}"
				files[1].Data = []byte(strings.NewReplacer(
					"trafficRoutingProvider: gatewayapi", "trafficRoutingProvider: "+test.provider, metrics, "",
					"canaryStrategy: {stepWeight: 10}", map[bool]string{true: "analysisTimes: 3", false: "canaryStrategy: {stepWeight: 10}"}[test.provider == "kubernetes"],
				).Replace(string(files[1].Data)))
				root := "one"
				if hub {
					files, root = append(files, hubConfig), "host"
				}
				tree, list := render.Compile(schema.Load(files), render.Options{})
				if tree == nil {
					t.Fatal(text(list))
				}
				mesh, gateways, app := "", "none", ""
				for _, stage := range stagesOf(t, tree, root) {
					switch name := strings.TrimSuffix(at(stage, "metadata name").(string), "-attachedcluster-one"); name {
					case "mesh":
						mesh = wait(stage)
					case "gateways":
						gateways = wait(stage)
						if hub && at(stage, "spec kubeConfig") == nil {
							t.Error("the hub looks for the Gateway on itself")
						}
					case "app-default.x":
						app = after(stage)
					}
				}
				want := test.after
				if hub {
					want = strings.Replace(want, "infrastructure", "releases", 1)
					app = strings.TrimPrefix(app, "sources ")
					app = strings.TrimSuffix(app, " namespaces-default.x")
				}
				if mesh != test.mesh || gateways != test.gateways || app != want {
					t.Errorf("mesh waits by %q, gateways by %q, the application comes after %q; want %q, %q, %q", mesh, gateways, app, test.mesh, test.gateways, want)
				}
			})
		}
	}
}

// TestGatewayAPIComesFirst checks that the CRDs form the first stage, on a hub with the cluster's kubeconfig,
// and that a handover keeps the Gateway.
func TestGatewayAPIComesFirst(t *testing.T) {
	tree, list := render.Compile(schema.Load(onGateway("")), render.Options{})
	if tree == nil {
		t.Fatal(text(list))
	}
	if names := stageNames(t, tree, "one"); !slices.Contains(names, "gateway-api") {
		t.Errorf("the stages are %q", names)
	}
	if sync := string(contents(tree)[oneDir+"sync.yaml"]); strings.Index(sync, "name: gateway-api\n") > strings.Index(sync, "name: infrastructure\n") || !strings.Contains(sync, "dependsOn:\n  - name: gateway-api\n") {
		t.Errorf("infrastructure does not come after gateway-api:\n%s", sync)
	}
	tree, list = render.Compile(schema.Load(append(onGateway(""), hubConfig)), render.Options{})
	if tree == nil {
		t.Fatal(text(list))
	}
	const onHub = "host/fleetwright/clusters/one/gateway-api/kustomization-gateway-api-crds-attachedcluster-one.yaml"
	if crds := string(contents(tree)[onHub]); !strings.Contains(crds, "kubeConfig:") || !strings.Contains(crds, "prune: false") {
		t.Errorf("the hub applies the CRDs by\n%s", crds)
	}
	tree, list = render.Compile(schema.Load(onGateway(", installed: {gateway-api: {version: 1.5.1, handOver: true}, contour: {handOver: true}}")), render.Options{})
	if tree == nil {
		t.Fatal(text(list))
	}
	for _, file := range []string{"infrastructure/helmrelease-contour", "infrastructure/helmrepository-contour", "mesh/gateway-contour", "mesh/gatewayclass-contour"} {
		if content := string(contents(tree)[oneDir+file+".yaml"]); !strings.Contains(content, "kustomize.toolkit.fluxcd.io/prune: disabled") {
			t.Errorf("Flux would delete %s with the file:\n%s", file, content)
		}
	}
}
