package render_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// everyDocument are inputs that set, together, every field of an Application and of
// a Fleet.
func everyDocument() map[string][]schema.File {
	mesh := schema.File{Name: "mesh.yaml", Data: []byte("apiVersion: kuma.io/v1alpha1\nkind: Mesh\nmetadata: {name: shop}\nspec: {metrics: {enabledBackend: p, backends: [{name: p, type: prometheus}]}}\n---\n" +
		"apiVersion: kuma.io/v1alpha1\nkind: Mesh\nmetadata: {name: default}\nspec: {metrics: {enabledBackend: p, backends: [{name: p, type: prometheus}]}}\n")}
	fleet := schema.File{Name: "fleet.yaml", Data: []byte(`
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: f, namespace: team}
spec:
  clusters: [{kind: AttachedCluster, name: one, namespace: other}, {kind: Cluster, name: two}]
  plugin:
    flagger:
      chart: {repository: oci://example.com/charts, name: flagger, version: 1.43.0}
      extraArgs: {logLevel: debug}
      trafficRoutingProvider: kuma
      publicTestloader: true
      config:
        chart: {repository: https://example.com/kuma, name: kuma2, version: 2.8.0}
        extraArgs: {controlPlane: {replicas: 2}}
    metric: {}
    grafana: {}
    policy: {}
    backup: {}
    distributedStorage: {}
    submariner: {}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: one, namespace: team}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: two, namespace: team, labels: {a: b}}}
`)}
	placed := document("placed", "    gitRepository: {url: https://example.com, interval: 1m}\n", `
  - name: p
    destination: {fleet: f, clusterSelector: {matchLabels: {a: b}}}
    kustomization: {interval: 5m, prune: true}
    rollout:
      trafficRoutingProvider: kuma
      meshName: shop
      workload: {apiVersion: apps/v1, kind: DaemonSet, name: web, namespace: web}
      serviceName: web
      port: 8080
      rolloutPolicy:
        trafficRouting: {protocol: grpc, canaryStrategy: {stepWeight: 10, maxWeight: 30, stepWeightPromotion: 10}}
        trafficAnalysis: {webhooks: {command: [hey]}}
  - kustomization: {interval: 5m, prune: true}
  destination: {fleet: f, clusterSelector: {matchLabels: {a: b}}}
`)
	match := "      rolloutPolicy: {trafficRouting: {HOST analysisTimes: 5, match: [MATCH]}}\n"
	matches := func(provider, host, match1 string) []schema.File {
		return rolledOut(provider, strings.NewReplacer("HOST", host, "MATCH", match1).Replace(match))
	}
	patch := `{group: flagger.app, version: v1beta1, kind: Canary, name: web, namespace: web, labelSelector: "!x", annotationSelector: "!y"}`
	rolled := "      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}\n"
	revised := fleetOf("istio, installed: {istio: {revision: stable}}")
	installed := func(provider, components, more string) []schema.File {
		files := rolledOut(provider, more)
		files[0].Data = []byte(strings.NewReplacer("publicTestloader: true, ", "", "trafficRoutingProvider: "+provider, "trafficRoutingProvider: "+provider+", installed: {"+components+"}").Replace(string(files[0].Data)))
		return files
	}
	shared := app("s", `
  destination: {fleet: shared, fleetNamespace: platform, clusterSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [lab]}]}}
  syncPolicies:
  - {name: everywhere, kustomization: {interval: 5m, prune: true}}
  - name: some
    destination: {fleet: shared, fleetNamespace: platform, clusterSelector: {matchExpressions: [{key: tier, operator: In, values: [gold]}]}}
    kustomization: {interval: 5m, prune: true}
`)
	platform := schema.File{Name: "platform.yaml", Data: []byte(`
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: shared, namespace: platform}
spec:
  allowedNamespaces: [default]
  clusters: [{kind: AttachedCluster, name: one}, {kind: AttachedCluster, name: two}, {kind: AttachedCluster, name: lab}]
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: one, namespace: platform, labels: {tier: gold}}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: two, namespace: platform}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: lab, namespace: platform, labels: {tier: lab}}}
`)}
	handedOver := func(provider, components string) schema.File {
		return schema.File{Name: "fleet.yaml", Data: []byte("{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: f}, spec: {clusters: [{kind: AttachedCluster, name: one}], plugin: {flagger: {trafficRoutingProvider: " + provider + ", installed: {" + components + "}}}}}\n---\n" +
			"{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: one}}\n")}
	}
	return map[string][]schema.File{
		"selected": {platform, shared},
		"installed istio": installed("istio", `flagger: {version: 1.42.0, namespace: flagger-system}, istio: {namespace: mesh, revision: stable}, `+
			`prometheus: {address: http://metrics.monitoring:9090}, loadtester: {url: http://tester.test/, namespace: kube-system}, ingress-nginx: {namespace: ingress, class: internal}`,
			"      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}, trafficAnalysis: {webhooks: {command: [hey]}}}\n"),
		"installed kuma": installed("kuma", `flagger: {version: 1.42.0}, kuma: {version: 2.13.10, namespace: mesh, mesh: shop, catchAllRoute: false}`,
			"      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}, trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}}\n"),
		"metrics": installed("nginx", "flagger: {version: 1.42.0, metricsServer: http://metrics.monitoring:9090}",
			"      rolloutPolicy: {trafficRouting: {host: h.example.com, canaryStrategy: {stepWeight: 10}}, trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}}\n"),
		"watched": installed("istio", "flagger: {version: 1.42.0, watchNamespace: shop}", rolled),
		"own refs": installed("istio", "flagger: {version: 1.42.0, noCrossNamespaceRefs: true}",
			"      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}, trafficAnalysis: {metrics: [{name: own, thresholdRange: {min: 99}, templateRef: {name: own, namespace: shop}}]}}\n"),
		"prefix": installed("nginx", "flagger: {version: 1.42.0, ingressAnnotationsPrefix: example.com}",
			"      rolloutPolicy: {trafficRouting: {host: h.example.com, canaryStrategy: {stepWeight: 10}}}\n"),
		"handed over":       {handedOver("kuma, publicTestloader: true", "flagger: {version: 1.44.0, handOver: true}, kuma: {version: 2.7.3, handOver: true}, prometheus: {address: http://prometheus-server.mesh-observability:80, handOver: true}, loadtester: {url: http://flagger-loadtester.flagger-loadtester/, handOver: true}")},
		"handed over nginx": {handedOver("nginx", "ingress-nginx: {handOver: true}")},
		"git":               worldAnd(everyField),
		"helm":              {everyHelmField}, "oci": {everyOCIField},
		"registry": {document("registry", "    helmRepository: {url: oci://example.com/charts, provider: aws, interval: 1m}\n", strings.Replace(chartPolicy, "interval", "install: {crds: Skip}, interval", 1))},
		"rollout":  append(slices.Clone(everyRolloutField), alertProviders),
		"placed":   {fleet, mesh, placed},
		"nginx":    matches("nginx", "host: h.example.com,", "{headers: {a: {regex: b}}}"),
		"match":    matches("istio", "", `{headers: {a: {exact: b}, c: {prefix: d}, g: {regex: h}}, queryParams: {a: {exact: b}, c: {prefix: d}, g: {regex: h}}, sourceLabels: {a: b}}`),
		"refused":  matches("istio", "", `{headers: {a: {exact: b}, e: {suffix: f}}, queryParams: {e: {suffix: f}}, name: n, uri: {}, scheme: {}, method: {}, authority: {}, port: 1, gateways: [], ignoreUriCase: true, withoutHeaders: {}, sourceNamespace: s}`),
		"origins":  rolledOut("istio", "      rolloutPolicy: {trafficRouting: {corsPolicy: {allowOrigins: [{suffix: a}, {}]}, canaryStrategy: {stepWeight: 10}}}\n"),
		"revision": {revised, matches("istio", "", "{headers: {a: {exact: b}}}")[1]},
		"patched":  rolledOut("kuma", "      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}\n      patches: [{target: "+patch+`, patch: '[{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]'}]`+"\n"),
	}
}

// unread are the fields that change nothing, or nothing in everyDocument, and why.
var unread = map[string]string{
	"metadata.annotations.*":                                    "free notes",
	"metadata.creationTimestamp":                                "an API server's",
	"metadata.deletionTimestamp":                                "an API server's",
	"metadata.deletionGracePeriodSeconds":                       "an API server's",
	"metadata.finalizers":                                       "an API server's",
	"metadata.generation":                                       "an API server's",
	"metadata.managedFields":                                    "an API server's",
	"metadata.ownerReferences":                                  "an API server's",
	"metadata.resourceVersion":                                  "an API server's",
	"metadata.selfLink":                                         "an API server's",
	"metadata.uid":                                              "an API server's",
	"metadata.labels.*":                                         "a cluster's are selected by",
	"status":                                                    "Kurator's own",
	"spec.clusters[].apiVersion":                                "not read, as Kurator does not",
	"spec.clusters[].uid":                                       "not read, as Kurator does not",
	"spec.clusters[].resourceVersion":                           "not read, as Kurator does not",
	"spec.clusters[].fieldPath":                                 "not read, as Kurator does not",
	"spec.syncPolicies[].rollout.testLoader":                    "TestWebhooksReachThePrivateLoadTester",
	"spec.plugin.flagger.installed.flagger.meshProvider":        "each Canary names its provider; TestFleetsOfOneClusterAgree",
	"spec.plugin.flagger.installed.flagger.selectorLabels":      "what is built of the sources is compared; TestManifestsDecide",
	"spec.plugin.flagger.installed.prometheus.labels.namespace": "TestHintsHaveTheLabelsOfTheInstalledPrometheus",
	"spec.plugin.flagger.installed.prometheus.labels.pod":       "TestHintsHaveTheLabelsOfTheInstalledPrometheus",
}

// sameAsDefault are the fields that everyDocument sets to what they are without.
var sameAsDefault = []string{
	"spec.syncPolicies[].rollout.workload.apiVersion",
	"spec.syncPolicies[].rollout.autoscalerRef.apiVersion",
	"spec.source.ociRepository.verify.provider",
	"spec.syncPolicies[].rollout.patches[].target.",
}

// checkedWhereRefused are the fields that keep an input from being compiled.
var checkedWhereRefused = map[string][]string{
	"refused": {"match[]"}, "origins": {"allowOrigins"},
	"watched": {"watchNamespace"}, "own refs": {"noCrossNamespaceRefs"}, "prefix": {"ingressAnnotationsPrefix"},
}

// TestNoFieldIsDropped: without any one of the fields that are set, other bytes are
// rendered or something else is said.
func TestNoFieldIsDropped(t *testing.T) {
	covered := map[string]bool{}
	for name, files := range everyDocument() {
		t.Run(name, func(t *testing.T) {
			refused := checkedWhereRefused[name] != nil
			want := outcome(t, files)
			if tree, list := renderAll(files); (tree == nil) != refused {
				t.Fatalf("it is not as it should be:\n%s", text(list))
			}
			for i, f := range files {
				documents := strings.Split(string(f.Data), "\n---\n")
				for j := range documents {
					var object map[string]any
					if err := yaml.Unmarshal([]byte(documents[j]), &object); err != nil {
						t.Fatal(err)
					}
					if kind := object["kind"]; kind != "Application" && kind != "Fleet" {
						continue
					}
					eachField(object, "", func(path string, remove func() (restore func())) {
						covered[path] = true
						restore := remove()
						edited := slices.Clone(files)
						parts := slices.Clone(documents)
						parts[j] = marshal(t, object)
						edited[i].Data = []byte(strings.Join(parts, "\n---\n"))
						restore()
						same := slices.ContainsFunc(sameAsDefault, func(p string) bool { return strings.HasPrefix(path, p) })
						// What is refused is, whatever the others say.
						same = same || refused && !slices.ContainsFunc(checkedWhereRefused[name], func(p string) bool { return strings.Contains(path, p) })
						if unread[path] == "" && !same && outcome(t, edited) == want {
							t.Errorf("without %s the same is rendered and said", path)
						}
					})
				}
			}
		})
	}
	for _, kind := range []string{"Application", "Fleet"} {
		for _, path := range schemaFields(t, kind) {
			if !covered[path] && unread[path] == "" {
				t.Errorf("%s: no input sets %s", kind, path)
			}
		}
	}
}

// outcome is everything that is rendered and said, but for positions.
func outcome(t *testing.T, files []schema.File) string {
	t.Helper()
	tree, list := renderAll(files)
	var b strings.Builder
	for _, d := range list {
		b.WriteString(string(d.Code) + " " + d.Path + " " + d.Message + "\n")
	}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		b.WriteString(name + "\n" + string(tree[name]))
	}
	return b.String()
}

// eachField visits the fields of a value that hold no others.
func eachField(value any, path string, visit func(path string, remove func() (restore func()))) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			old, at := v[name], strings.TrimPrefix(path+"."+name, ".")
			if isFreeForm(path) {
				at = path + ".*"
			}
			if !isLeaf(old) && !strings.HasSuffix(at, ".values") && !strings.HasSuffix(at, ".extraArgs") {
				eachField(old, at, visit)
				continue
			}
			visit(at, func() func() {
				delete(v, name)
				return func() { v[name] = old }
			})
		}
	case []any:
		for _, item := range v {
			eachField(item, path+"[]", visit)
		}
	}
}

// isFreeForm says whether the fields of the mapping at a path have any names.
func isFreeForm(path string) bool {
	for _, name := range []string{"labels", "annotations", "matchLabels", "match[].headers", "queryParams", "sourceLabels", ".set", ".add", "primaryScalerQueries", "webhooks[].metadata", "provider.headers", "templateVariables"} {
		if strings.HasSuffix(path, name) {
			return true
		}
	}
	return false
}

// isLeaf says whether a value holds no fields.
func isLeaf(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0 || isLeaf(v[0])
	}
	return true
}

// schemaFields are the paths, in the JSON Schema of a kind, that hold no others.
func schemaFields(t *testing.T, kind string) (paths []string) {
	t.Helper()
	k, _ := schema.KindNamed(kind)
	var root map[string]any
	if err := json.Unmarshal(k.JSONSchema(), &root); err != nil {
		t.Fatal(err)
	}
	var walk func(s map[string]any, path string)
	walk = func(s map[string]any, path string) {
		if ref, ok := s["$ref"].(string); ok {
			s = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		}
		properties, _ := s["properties"].(map[string]any)
		items, _ := s["items"].(map[string]any)
		additional, _ := s["additionalProperties"].(map[string]any)
		switch {
		case len(properties) > 0:
			for name, p := range properties {
				below, ok := p.(map[string]any)
				if !ok {
					below = map[string]any{}
				}
				walk(below, strings.TrimPrefix(path+"."+name, "."))
			}
		case items["$ref"] != nil:
			walk(items, path+"[]")
		case len(additional) > 0:
			walk(additional, path+".*")
		default:
			paths = append(paths, path)
		}
	}
	walk(root, "")
	slices.Sort(paths)
	return paths
}

// renderAll is what files are compiled to, and everything that is said of them.
func renderAll(files []schema.File) (map[string][]byte, diag.List) {
	tree, list := render.Compile(schema.Load(files), render.Options{CheckOutput: true})
	if tree == nil {
		return nil, list
	}
	return contents(tree), list
}
