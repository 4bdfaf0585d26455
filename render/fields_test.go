package render_test

import (
	"bytes"
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

// everyDocument returns inputs that together set every field of an Application and of a Fleet.
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
	overridden := app("o", `
  destination: {fleet: shared, fleetNamespace: platform}
  overrides:
  - {clusterSelector: {matchLabels: {tier: lab}}, source: {gitRepository: {ref: {branch: lab}}}}
  - {clusterSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [lab]}]}, source: {gitRepository: {interval: 2m}}}
  syncPolicies:
  - name: k
    kustomization: {interval: 5m, prune: true, path: "./${cluster.name}"}
    rollout: {trafficRoutingProvider: kuma, workload: {name: web, namespace: web}, serviceName: web, port: 80, rolloutPolicy: {trafficRouting: {analysisTimes: 5}}}
    overrides:
    - {clusterSelector: {matchLabels: {tier: gold}}, kustomization: {force: true}, rollout: null}
    - {clusterSelector: {matchExpressions: [{key: tier, operator: In, values: [lab]}]}, rollout: {port: 81}}
  - name: h
    destination: {fleet: shared, fleetNamespace: platform, clusterSelector: {matchExpressions: [{key: tier, operator: Exists}]}}
    helm: {interval: 5m, chart: {spec: {chart: ./chart}}}
    overrides: [{clusterSelector: {matchLabels: {tier: gold}}, helm: {values: {a: 1}}}]
`)
	withKuma := schema.File{Name: platform.Name, Data: bytes.Replace(platform.Data, []byte("  allowedNamespaces:"), []byte("  plugin: {flagger: {trafficRoutingProvider: kuma, publicTestloader: true}}\n  allowedNamespaces:"), 1)}
	return map[string][]schema.File{
		"selected":   {platform, shared},
		"overridden": {withKuma, overridden},
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
		"git":               worldAnd(everyField, newestFlux),
		"helm":              {everyHelmField, newestFlux}, "oci": {everyOCIField, newestFlux},
		"registry": {newestFlux, document("registry", "    helmRepository: {url: oci://example.com/charts, provider: aws, insecure: true, interval: 1m}\n", `
  - name: p
    helm: {chart: {spec: {chart: app, verify: {provider: notation, secretRef: {name: keys}}}}, install: {crds: Skip}, upgrade: {strategy: {name: RetryOnFailure, retryInterval: 1m}}, interval: 5m}
`)},
		"existing": {document("existing", "    existing: {kind: Bucket, name: files, namespace: platform}\n", `
  - name: p
    kustomization: {interval: 5m, prune: true}
`)},
		"rollout": append(slices.Clone(everyRolloutField), alertProviders),
		"placed":  {fleet, mesh, placed},
		"nginx":   matches("nginx", "host: h.example.com,", "{headers: {a: {regex: b}}}"),
		"match":   matches("istio", "", `{headers: {a: {exact: b}, c: {prefix: d}, g: {regex: h}}, queryParams: {a: {exact: b}, c: {prefix: d}, g: {regex: h}}, sourceLabels: {a: b}}`),
		"refused": matches("istio", "", `{headers: {a: {exact: b}, e: {suffix: f}}, queryParams: {e: {suffix: f}}, name: n, uri: {}, scheme: {}, method: {}, authority: {}, port: 1, gateways: [], ignoreUriCase: true, withoutHeaders: {}, sourceNamespace: s}`),
		"origins": rolledOut("istio", "      rolloutPolicy: {trafficRouting: {corsPolicy: {allowOrigins: [{suffix: a}, {}]}, canaryStrategy: {stepWeight: 10}}}\n"),
		"gateway": append([]schema.File{handedOver("gatewayapi, publicTestloader: true", "gateway-api: {version: 1.5.1}, istio: {}")},
			rolledOut("gatewayapi", `      rolloutPolicy:
        trafficRouting:
          gatewayRefs: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: infra, name: public, sectionName: https}, {name: public, namespace: lab, port: 80}]
          hosts: [web.example.com]
          serviceMatch: [{uri: {exact: /a}, method: {exact: GET}, headers: {a: {regex: b}}}, {uri: {prefix: /b}, headers: {a: {exact: b}}}, {uri: {prefix: /b}, queryParams: {a: {exact: b}}}, {uri: {regex: c}, queryParams: {a: {regex: b}}}]
          rewrite: {uri: /v2, authority: b.example.com, type: ReplaceFullPath}
          mirror: [{backendRef: {group: example.com, kind: Shadow, namespace: shadow, name: shadow, port: 80}}]
          timeoutSeconds: 30
          backendTimeoutSeconds: 10
          corsPolicy: {allowOrigin: ["https://a.example.com"], maxAge: 24h}
          analysisTimes: 5
        trafficAnalysis: {mirror: true, metrics: [{name: own, thresholdRange: {min: 1}, customMetric: {provider: {type: datadog, secretRef: {name: s}}, query: q}}]}
`)[1]),
		"gateway of the fleet": append([]schema.File{handedOver("gatewayapi, publicTestloader: true, gateway: {implementation: other, wait: false, refs: [{group: gateway.networking.k8s.io, kind: Gateway, name: public, namespace: infra, sectionName: https, port: 443}]}", "gateway-api: {channel: experimental}")},
			rolledOut("gatewayapi", "      rolloutPolicy: {trafficRouting: {corsPolicy: {allowOrigin: [\"https://a.example.com\"], maxAge: 24h}, canaryStrategy: {stepWeight: 10}}}\n")[1]),
		"gateway conditions": rolledOut("gatewayapi", `      rolloutPolicy: {trafficRouting: {serviceMatch: [{uri: {suffix: a}}, {uri: {prefix: /}, method: {prefix: a}}, {uri: {prefix: /}, method: {suffix: a}}, {uri: {prefix: /}, method: {regex: a}}, {uri: {prefix: /}, headers: {a: {prefix: b}}}, {uri: {prefix: /}, headers: {a: {suffix: b}}}, {uri: {prefix: /}, queryParams: {a: {prefix: b}}}, {uri: {prefix: /}, queryParams: {a: {suffix: b}}}], canaryStrategy: {stepWeight: 10}}}
`),
		"handed over gateway": {handedOver("gatewayapi", "gateway-api: {version: 1.5.1, handOver: true}, contour: {handOver: true}")},
		"contour": append([]schema.File{handedOver("gatewayapi, gateway: {refs: [{name: public, namespace: infra}]}", "flagger: {version: 1.44.0}, gateway-api: {version: 1.5.1}, contour: {namespace: contour}")},
			rolledOut("gatewayapi", "      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}\n")[1]),
		"revision": {revised, matches("istio", "", "{headers: {a: {exact: b}}}")[1]},
		"patched":  rolledOut("kuma", "      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}\n      patches: [{target: "+patch+`, patch: '[{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]'}]`+"\n"),
	}
}

// unread holds the fields that change nothing, or nothing in everyDocument, with the reason.
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
	"spec.plugin.flagger.installed.flagger.selectorLabels":      "what is built of the sources is compared; TestFindingsInManifests",
	"spec.plugin.flagger.installed.prometheus.labels.namespace": "TestHintsHaveTheLabelsOfTheInstalledPrometheus",
	"spec.plugin.flagger.installed.prometheus.labels.pod":       "TestHintsHaveTheLabelsOfTheInstalledPrometheus",
}

// sameAsDefault holds the fields that everyDocument sets to their defaults.
var sameAsDefault = []string{
	"spec.syncPolicies[].rollout.workload.apiVersion",
	"spec.syncPolicies[].rollout.autoscalerRef.apiVersion",
	"spec.source.ociRepository.verify.provider",
	"spec.syncPolicies[].rollout.patches[].target.",
}

// checkedWhereRefused holds the fields that prevent an input from being compiled.
var checkedWhereRefused = map[string][]string{
	"refused": {"match[]"}, "origins": {"allowOrigins"}, "gateway conditions": {"serviceMatch[].uri.suffix", "method.", "serviceMatch[].headers", "serviceMatch[].queryParams"},
	"watched": {"watchNamespace"}, "own refs": {"noCrossNamespaceRefs"}, "prefix": {"ingressAnnotationsPrefix"},
}

// TestNoFieldIsDropped removes each field and checks that the output or a diagnostic changes.
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
						// A rejected input stays rejected, whatever the other values.
						same = same || refused && !slices.ContainsFunc(checkedWhereRefused[name], func(p string) bool { return strings.Contains(path, p) })
						if unread[path] == "" && !same && outcome(t, edited) == want {
							t.Errorf("without %s, output and diagnostics are the same", path)
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

// outcome returns the output and the diagnostics, without positions.
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

// eachField visits the fields of a value that contain no others.
func eachField(value any, path string, visit func(path string, remove func() (restore func()))) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			old, at := v[name], strings.TrimPrefix(path+"."+name, ".")
			if isFreeForm(path) {
				at = path + ".*"
			}
			isPartial := strings.HasSuffix(path, "overrides[]") && name != "clusterSelector" // they have the fields of the whole
			if !isLeaf(old) && !isPartial && !strings.HasSuffix(at, ".values") && !strings.HasSuffix(at, ".extraArgs") {
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

// isFreeForm reports whether the mapping at a path accepts any field names.
func isFreeForm(path string) bool {
	for _, name := range []string{"labels", "annotations", "matchLabels", "match[].headers", "serviceMatch[].headers", "queryParams", "sourceLabels", ".set", ".add", "primaryScalerQueries", "webhooks[].metadata", "provider.headers", "templateVariables", "postBuild.substitute"} {
		if strings.HasSuffix(path, name) {
			return true
		}
	}
	return false
}

// isLeaf reports whether a value contains no fields.
func isLeaf(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0 || isLeaf(v[0])
	}
	return true
}

// schemaFields returns the paths in the JSON Schema of a kind that contain no others.
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

// renderAll returns the output and the diagnostics of files.
func renderAll(files []schema.File) (map[string][]byte, diag.List) {
	tree, list := render.Compile(schema.Load(files), render.Options{CheckOutput: true})
	if tree == nil {
		return nil, list
	}
	return contents(tree), list
}
