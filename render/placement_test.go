package render_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// world is a fleet of three clusters and another fleet of one.
const world = `
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: shops}
spec:
  clusters:
  - {kind: AttachedCluster, name: berlin}
  - {kind: AttachedCluster, name: lisbon}
  - {kind: Cluster, name: tokyo}
  plugin: {flagger: {trafficRoutingProvider: kuma}}
---
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: labs}
spec: {clusters: [{kind: AttachedCluster, name: lab}]}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: berlin, labels: {region: eu, tier: gold}}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: lisbon, labels: {region: eu}}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: tokyo, labels: {region: asia}}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: lab}}
`

// app returns an Application with a source and further fields of its spec.
func app(name, spec string) schema.File {
	return schema.File{Name: name + ".yaml", Data: []byte("apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {name: " + name + "}\nspec:\n" +
		"  source: {gitRepository: {url: https://example.com/a, interval: 1m}}\n" + spec)}
}

func worldAnd(files ...schema.File) []schema.File {
	return append([]schema.File{{Name: "world.yaml", Data: []byte(world)}}, files...)
}

const policy = "kustomization: {interval: 5m, prune: true}"

func TestPoliciesGoWhereTheirDestinationSays(t *testing.T) {
	tree := compile(t, worldAnd(
		app("a", "  destination: {fleet: shops}\n  syncPolicies:\n"+
			"  - {name: everywhere, "+policy+"}\n"+
			"  - {name: europe, destination: {fleet: shops, clusterSelector: {matchLabels: {region: eu}}}, "+policy+"}\n"+
			"  - {name: gold, destination: {fleet: shops, clusterSelector: {matchLabels: {region: eu, tier: gold}}}, "+policy+"}\n"),
		app("b", "  destination: {fleet: labs}\n  syncPolicies: [{name: lab, "+policy+"}]\n"),
		app("c", "  syncPolicies: [{name: nowhere, "+policy+"}]\n"),
	)...)
	got := map[string][]string{}
	for _, c := range tree.Clusters {
		for f := range c.Files() {
			if _, file, ok := strings.Cut(f.Path, "/kustomization-"); ok {
				got[c.Name] = append(got[c.Name], strings.TrimSuffix(file, ".yaml"))
			}
		}
	}
	for cluster, want := range map[string][]string{
		"berlin": {"europe", "everywhere", "gold"},
		"lisbon": {"europe", "everywhere"},
		"tokyo":  {"everywhere"},
		"lab":    {"lab"},
		"host":   {"nowhere"},
	} {
		if !slices.Equal(got[cluster], want) {
			t.Errorf("%s gets %q, want %q", cluster, got[cluster], want)
		}
		delete(got, cluster)
	}
	if len(got) > 0 {
		t.Errorf("other clusters get %v", got)
	}
}

func TestPlacementThatDoesNotWork(t *testing.T) {
	one := func(destination string) string {
		return "  syncPolicies: [{name: p, destination: {" + destination + "}, " + policy + "}]\n"
	}
	// own returns an application in the Kustomization with which the clusters of shops sync themselves.
	own := func(name, policyName string) schema.File {
		return schema.File{Name: "f.yaml", Data: []byte("apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {name: " + name + ", namespace: flux-system}\nspec:\n  destination: {fleet: shops}\n" +
			"  source: {gitRepository: {url: https://example.com/a, interval: 1m}}\n  syncPolicies: [{name: " + policyName + ", " + policy + "}]\n")}
	}
	inFlux := func(f schema.File) []schema.File {
		return []schema.File{f, {Name: "world.yaml", Data: []byte(strings.ReplaceAll(world, "metadata: {name", "metadata: {namespace: flux-system, name"))}}
	}
	rollout := "rollout: {trafficRoutingProvider: kuma, workload: {name: w, namespace: ns}, serviceName: s, port: 8080, rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}}"
	for _, tt := range []struct {
		name  string
		files []schema.File
		want  string
	}{
		{"no such fleet", worldAnd(app("a", one("fleet: shop"))), "a.yaml:6:49: error FW202 spec.syncPolicies[0].destination.fleet: the inputs have no Fleet shop in namespace default"},
		{"no cluster selected", worldAnd(app("a", one("fleet: shops, clusterSelector: {matchLabels: {region: us}}"))), "a.yaml:6:74: warning FW204 spec.syncPolicies[0].destination.clusterSelector.matchLabels: no cluster of the fleet shops has these labels"},
		{"a rollout without Flagger", worldAnd(app("a", "  destination: {fleet: labs}\n  syncPolicies: [{name: p, "+policy+", "+rollout+"}]\n")),
			"a.yaml:7:106: error FW206 spec.syncPolicies[0].rollout.trafficRoutingProvider: nothing runs the rollout: the fleet at world.yaml:14:18 neither installs Flagger nor lists it under installed"},
		{"a rollout without a fleet", worldAnd(app("a", "  syncPolicies: [{name: p, "+policy+", "+rollout+"}]\n")), "a.yaml:6:106: error FW206"},
		{"defined twice", append(worldAnd(app("a", one("fleet: shops"))), schema.File{Name: "z.yaml", Data: app("a", one("fleet: shops")).Data}),
			"z.yaml:3:18: error FW201 metadata.name: Application a is already defined at a.yaml:1:1"},
		{"two policies of one name", worldAnd(app("a", "  syncPolicies: [{name: p, "+policy+"}, {name: p, "+policy+"}]\n")), "a.yaml:6:80: error FW201"},
		{"a name equal to another's positional name", worldAnd(app("a", "  syncPolicies: [{name: a-1, "+policy+"}, {"+policy+"}]\n")), "a.yaml:6:75: error FW201"},
		{"a name too long for Flux", worldAnd(app("a", "  syncPolicies: [{name: "+strings.Repeat("p", 64)+", "+policy+"}]\n")), "a.yaml:6:25: error FW503"},
		{"no document of fleetwright", []schema.File{{Name: "world.yaml", Data: []byte("kind: ConfigMap\napiVersion: v1\n")}}, "error FW200"},
		{"no such cluster", []schema.File{{Name: "f.yaml", Data: []byte("{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: f}, spec: {clusters: [{kind: Cluster, name: c}]}}")}},
			"f.yaml:1:116: error FW203 spec.clusters[0].name: the inputs have no Cluster c in namespace default"},
		{"a cluster twice in a fleet", worldAnd(schema.File{Name: "f.yaml", Data: []byte("{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: f}, spec: {clusters: [{kind: AttachedCluster, name: lab}, {kind: AttachedCluster, name: lab}]}}")}),
			"f.yaml:1:160: error FW201"},
		{"two fleets that install on one cluster", worldAnd(schema.File{Name: "f.yaml", Data: []byte("{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: a}, spec: {clusters: [{kind: AttachedCluster, name: berlin}], plugin: {flagger: {trafficRoutingProvider: kuma}}}}")}),
			"world.yaml:10:12: error FW603"},
		{"two clusters of one name", worldAnd(app("a", one("fleet: shops")), schema.File{Name: "f.yaml", Data: []byte(
			"{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: f, namespace: x}, spec: {clusters: [{kind: Cluster, name: tokyo}], plugin: {flagger: {trafficRoutingProvider: kuma}}}}\n---\n" +
				"{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: tokyo, namespace: x}}")}),
			"f.yaml:3:76: error FW209 metadata.name: the cluster tokyo has the same name as the Cluster at world.yaml:21:"},
		{"a cluster called host", worldAnd(app("a", "  syncPolicies: [{name: p, "+policy+"}]\n"), schema.File{Name: "f.yaml", Data: []byte(
			"{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: f}, spec: {clusters: [{kind: Cluster, name: host}], plugin: {flagger: {trafficRoutingProvider: kuma}}}}\n---\n" +
				"{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: host}}")}),
			"f.yaml:3:76: error FW209 metadata.name: the cluster host has the same name as the cluster of Applications without a fleet"},
		{"a plugin of Kurator", worldAnd(schema.File{Name: "f.yaml", Data: []byte("{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: f}, spec: {clusters: [], plugin: {grafana: {}}}}")}),
			"f.yaml:1:106: info FW210 spec.plugin.grafana"},
		{"an unknown dependency", worldAnd(app("a", "  syncPolicies: [{name: p, kustomization: {interval: 5m, prune: true, dependsOn: [{name: q}]}}]\n")), "a.yaml:6:90: warning FW211"},
		{"a destination that all policies replace", worldAnd(app("a", "  destination: {fleet: shop}\n"+one("fleet: shops"))), "a.yaml:6:24: error FW202 spec.destination.fleet: the inputs have no Fleet shop"},
		{"no policies", worldAnd(app("a", "  syncPolicies: []\n")), "a.yaml:6:3: warning FW214 spec.syncPolicies"},
		{"policies left open", worldAnd(app("a", "  syncPolicies:\n")), "a.yaml:6:16: warning FW214 spec.syncPolicies"},
		{"a Mesh without Kuma", []schema.File{app("a", "  syncPolicies: [{name: p, "+policy+"}]\n"), {Name: "mesh.yaml", Data: []byte("{apiVersion: kuma.io/v1alpha1, kind: Mesh, metadata: {name: default}}")}},
			"mesh.yaml:1:61: warning FW415 metadata.name: no cluster has Kuma, so the Mesh is not rendered"},
		{"another mesh for Flagger", []schema.File{{Name: "f.yaml", Data: []byte("{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: f}, spec: {clusters: [], plugin: {flagger: {trafficRoutingProvider: kuma, extraArgs: {meshProvider: istio}}}}}")}},
			"f.yaml:1:172: error FW207 spec.plugin.flagger.extraArgs.meshProvider: Flagger's meshProvider is istio, but the fleet's provider is kuma"},
		{"no URL of a metrics server", []schema.File{{Name: "f.yaml", Data: []byte("{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: f}, spec: {clusters: [], plugin: {flagger: {trafficRoutingProvider: kuma, extraArgs: {metricsServer: prometheus}}}}}")}},
			"f.yaml:1:173: error FW305 spec.plugin.flagger.extraArgs.metricsServer"},
		{"no metrics server", []schema.File{{Name: "f.yaml", Data: []byte("{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: f}, spec: {clusters: [], plugin: {flagger: {trafficRoutingProvider: kuma, extraArgs: {metricsServer: 5}}}}}")}},
			"f.yaml:1:173: error FW305 spec.plugin.flagger.extraArgs.metricsServer"},
		{"the cluster's own Kustomization", inFlux(own("p", "flux-system")), "f.yaml:7:18: error FW601 spec.syncPolicies[0]: Kustomization flux-system/flux-system is also created by flux bootstrap on the same cluster"},
		{"the cluster's own source", inFlux(own("flux-system", "p")), "f.yaml:6:12: error FW601 spec.source.gitRepository: GitRepository flux-system/flux-system is also created by flux bootstrap on the same cluster"},
		{"the chain's first", inFlux(own("p", "infrastructure")),
			"world.yaml:10:12: error FW601 spec.plugin.flagger: Kustomization flux-system/infrastructure is also rendered for f.yaml:7:18 on the same cluster"},
		{"two objects of one file", worldAnd(app("a", "  destination: {fleet: shops}\n  syncPolicies:\n"+
			"  - {name: p, "+policy+", "+strings.Replace(rollout, "ns", "n1", 1)+"}\n"+
			"  - {name: q, "+policy+", "+strings.NewReplacer("ns", "n2", "serviceName: s", "serviceName: t").Replace(rollout)+"}\n"+
			"  - {name: r, "+policy+", "+strings.NewReplacer("ns", "n3", "serviceName: s", "serviceName: u", "name: w", "name: w.n1").Replace(rollout)+"}\n")),
			"a.yaml:10:116: error FW602 spec.syncPolicies[2].rollout.workload.name: rollouts/default.a/canary-w.n1.yaml would hold both this object and the one for a.yaml:8:116; the cluster would get only one of them"},
		{"an unpolled source", worldAnd(schema.File{Name: "a.yaml", Data: []byte(strings.Replace(string(app("a", one("fleet: shops")).Data), "interval: 1m", "interval: 0s", 1))}),
			"a.yaml:5:66: error FW501"},
	} {
		t.Run(tt.name, func(t *testing.T) { wantDiagnostic(t, tt.files, tt.want) })
	}
}

// TestBrokenDocumentsAreNotCalledMissing checks that the names which a broken document defines are known, so
// that only the mistake itself is reported.
func TestBrokenDocumentsAreNotCalledMissing(t *testing.T) {
	broken := strings.Replace(strings.Replace(world, "tier: gold", "tier: [gold]", 1), "plugin: {flagger:", "plugin: {flager:", 1)
	list := diagnostics([]schema.File{{Name: "world.yaml", Data: []byte(broken)}, app("a", "  destination: {fleet: shops}\n  syncPolicies: [{name: p, "+policy+"}]\n")})
	var codes []string
	for _, d := range list {
		codes = append(codes, string(d.Code))
	}
	if !slices.Equal(codes, []string{"FW110", "FW111"}) {
		t.Errorf("got\n%s", text(list))
	}
}

// TestOneMistakeIsReportedOnce checks that consequences of a reported mistake are not reported.
func TestOneMistakeIsReportedOnce(t *testing.T) {
	meshed := everyDocument()["placed"]
	edited := func(file, from, to string) []schema.File { return edit(t, meshed, file, from, to) }
	for _, tt := range []struct {
		name  string
		files []schema.File
		not   string
	}{
		{"a Mesh with a typo is no missing Mesh", edited("mesh.yaml", "backends:", "backend:"), "FW416"},
		{"nor is one without a name", edited("mesh.yaml", "{name: shop}", "{nmae: shop}"), "FW416"},
		{"nor one whose kind is misspelt", edited("mesh.yaml", "kind: Mesh\nmetadata: {name: shop}", "kind: Mehs\nmetadata: {name: shop}"), "FW416"},
		{"a cluster without a name is no missing one", edited("fleet.yaml", "metadata: {name: two,", "metadata: {nam: two,"), "FW203"},
		{"an empty source is no gitRepository", []schema.File{document("x", "    {}\n", strings.Replace(chartPolicy, "chart: app", "chart: app, version: 1.0.0", 1))}, "FW509"},
		{"no strategy is not blue/green", rolledOut("nginx", "      rolloutPolicy: {trafficRouting: {host: h.example.com}, trafficAnalysis: {metrics: [{name: request-duration, thresholdRange: {max: 500}}]}}\n"), "FW715"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list := diagnostics(tt.files)
			if !list.HasErrors() {
				t.Error("no error at all")
			}
			if strings.Contains(text(list), tt.not) {
				t.Errorf("%s among\n%s", tt.not, text(list))
			}
		})
	}
}

// TestARenderConfigWithoutANameHidesNothing checks the only kind that needs no name.
func TestARenderConfigWithoutANameHidesNothing(t *testing.T) {
	settings := schema.File{Name: "settings.yaml", Data: []byte("{apiVersion: fleetwright.dev/v1alpha1, kind: RenderConfig, spec: {path: clusters}}")}
	wantDiagnostic(t, []schema.File{settings, app("a", "  destination: {fleet: nowhere}\n  syncPolicies: [{name: p, "+policy+"}]\n")}, "a.yaml:6:24: error FW202")
}

// TestHintsCanBePasted checks that pasting a hint's line resolves the diagnostic.
func TestHintsCanBePasted(t *testing.T) {
	rollout := func(metric, webhook string) []schema.File {
		return rolledOut("istio", "      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}, trafficAnalysis: {metrics: [{"+metric+"}]}, webhooks: [{name: a, type: event, url: http://a, "+webhook+"}]}\n")
	}
	for _, tt := range []struct {
		code, metric, webhook string
		// paste puts the hint in its place.
		paste func(hint string) []schema.File
	}{
		{"FW306", "name: request-success-rate", "timeout: 5s", func(hint string) []schema.File { return rollout("name: request-success-rate, "+hint, "timeout: 5s") }},
		{"FW306", "name: request-duration", "timeout: 5s", func(hint string) []schema.File { return rollout("name: request-duration, "+hint, "timeout: 5s") }},
		{"FW111", "name: request-duration, thresholdRange: {max: 500}", "timeout: 1.5", func(hint string) []schema.File {
			return rollout("name: request-duration, thresholdRange: {max: 500}", hint)
		}},
		{"FW115", "name: request-duration, thresholdRange: {max: 500}", "timeout: 500ms", func(hint string) []schema.File {
			return rollout("name: request-duration, thresholdRange: {max: 500}", hint)
		}},
	} {
		t.Run(tt.code+" "+tt.metric+" "+tt.webhook, func(t *testing.T) {
			found := false
			for _, d := range diagnostics(rollout(tt.metric, tt.webhook)) {
				if string(d.Code) != tt.code {
					continue
				}
				found = true
				if list := diagnostics(tt.paste(d.Hint)); list.Count(diag.Error)+list.Count(diag.Warning) > 0 {
					t.Errorf("with %s\n%s", d.Hint, text(list))
				}
			}
			if !found {
				t.Errorf("no %s", tt.code)
			}
		})
	}
}

func TestCollisionsInOneCluster(t *testing.T) {
	rollout := func(policy, workload, service, loader string) string {
		return "  destination: {fleet: shops}\n  syncPolicies:\n  - name: " + policy + "\n    kustomization: {interval: 5m, prune: true}\n" +
			"    rollout:\n      trafficRoutingProvider: kuma\n      testLoader: " + loader + "\n      workload: {name: " + workload + ", namespace: shop}\n      serviceName: " + service +
			"\n      port: 8080\n      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}, trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}}\n"
	}
	t.Run("one workload rolled out twice", func(t *testing.T) {
		files := worldAnd(app("a", rollout("a", "cart", "cart", "false")), app("b", rollout("b", "cart", "cart", "false")))
		wantDiagnostic(t, files, "b.yaml:13:24: error FW601 spec.syncPolicies[0].rollout.workload.name: Canary shop/cart is also rendered for a.yaml:13:24 on the same cluster; each would overwrite the other")
		if list := problems(files); len(list) != 1 {
			t.Errorf("%d diagnostics for three clusters:\n%s", len(list), text(list))
		}
	})
	t.Run("one workload on different clusters", func(t *testing.T) {
		a := strings.Replace(rollout("a", "cart", "cart", "false"), "{fleet: shops}", "{fleet: shops, clusterSelector: {matchLabels: {region: eu}}}", 1)
		b := strings.Replace(rollout("b", "cart", "cart", "false"), "{fleet: shops}", "{fleet: shops, clusterSelector: {matchLabels: {region: asia}}}", 1)
		compile(t, worldAnd(app("a", a), app("b", b))...)
	})
	t.Run("objects that Flagger creates for two rollouts", func(t *testing.T) {
		for name, tt := range map[string]struct{ a, b, want string }{
			"one Service in two namespaces": {rollout("a", "cart", "web", "false"), strings.Replace(rollout("b", "pay", "web", "false"), "namespace: shop", "namespace: till", 1),
				"TrafficRoute web is also created by Flagger for a.yaml:14:20 on the same cluster"},
			"one Service for two workloads": {rollout("a", "cart", "web", "false"), rollout("b", "pay", "web", "false"),
				"Service shop/web is also created by Flagger for a.yaml:14:20 on the same cluster"},
			"a Service that is the other's canary": {rollout("a", "cart", "web", "false"), rollout("b", "pay", "web-canary", "false"),
				"Service shop/web-canary is also created by Flagger for a.yaml:14:20 on the same cluster"},
			"a Service that is the other's load tester": {rollout("a", "cart", "web", "true"), rollout("b", "pay", "cart-testloader", "false"),
				"Service shop/cart-testloader is also rendered for a.yaml:12:19 on the same cluster"},
		} {
			t.Run(name, func(t *testing.T) {
				files := worldAnd(app("a", tt.a), app("b", tt.b))
				wantDiagnostic(t, files, "b.yaml:14:20: error FW601 spec.syncPolicies[0].rollout.serviceName: "+tt.want)
				if list := problems(files); len(list) != 1 {
					t.Errorf("%d diagnostics:\n%s", len(list), text(list))
				}
			})
		}
	})
	t.Run("one policy name in two applications", func(t *testing.T) {
		wantDiagnostic(t, worldAnd(app("a", rollout("p", "cart", "cart", "false")), app("b", rollout("p", "pay", "pay", "false"))),
			"b.yaml:8:5: error FW601 spec.syncPolicies[0]: Kustomization default/p is also rendered for a.yaml:8:5 on the same cluster")
	})
	t.Run("applications that share a namespace", func(t *testing.T) {
		tree := compile(t, worldAnd(app("a", rollout("a", "cart", "cart", "true")), app("b", rollout("b", "pay", "pay", "true")),
			app("c", "  destination: {fleet: shops}\n  syncPolicies: [{name: c, kustomization: {interval: 5m, prune: true, targetNamespace: shop}}]\n"))...)
		// The application without a rollout renders the label too, because whichever is applied first creates
		// the namespace.
		for _, application := range []string{"a", "b", "c"} {
			ns := get(t, tree, "berlin/fleetwright/apps/default."+application+"/namespace-shop.yaml")
			if at(ns, "metadata labels kuma.io/sidecar-injection") != "enabled" {
				t.Errorf("%s: %v", application, at(ns, "metadata"))
			}
		}
		// It also waits for Kuma, or its pods would start without sidecars.
		for application, want := range map[string]string{"a": "mesh", "c": "mesh"} {
			if got := at(syncOf(t, tree, "berlin", "app-default."+application), "spec dependsOn 0 name"); got != want {
				t.Errorf("%s depends on %v", application, got)
			}
		}
	})
	t.Run("an application without meshed namespaces waits for nothing", func(t *testing.T) {
		tree := compile(t, worldAnd(app("c", "  destination: {fleet: shops}\n  syncPolicies: [{name: c, "+policy+"}]\n"))...)
		if got := at(syncOf(t, tree, "berlin", "app-default.c"), "spec dependsOn"); got != nil {
			t.Errorf("it depends on %v", got)
		}
	})
}

// stagesOf returns the Flux Kustomizations of a cluster's sync.yaml and sync/.
func stagesOf(t *testing.T, tree *render.Tree, cluster string) (all []map[string]any) {
	t.Helper()
	for name, content := range contents(tree) {
		if strings.HasPrefix(name, cluster+"/fleetwright/sync") && path.Ext(name) == ".yaml" {
			for document := range strings.SplitSeq(string(content), "\n---\n") {
				all = append(all, unmarshal(t, document))
			}
		}
	}
	return all
}

// syncOf returns one of them.
func syncOf(t *testing.T, tree *render.Tree, cluster, name string) map[string]any {
	t.Helper()
	for _, object := range stagesOf(t, tree, cluster) {
		if at(object, "metadata name") == name {
			return object
		}
	}
	t.Fatalf("no Kustomization %s in the sync.yaml or sync/ of %s", name, cluster)
	return nil
}

// TestAnApplicationMayBeInjectedOnSomeClustersOnly checks that the clusters share the rest of its content.
func TestAnApplicationMayBeInjectedOnSomeClustersOnly(t *testing.T) {
	tree := compile(t, worldAnd(
		app("a", "  destination: {fleet: shops}\n  syncPolicies: [{name: a, kustomization: {interval: 5m, prune: true, targetNamespace: shop}}]\n"),
		app("b", "  destination: {fleet: shops, clusterSelector: {matchLabels: {region: eu}}}\n  syncPolicies: [{name: b, "+policy+
			", rollout: {trafficRoutingProvider: kuma, workload: {name: w, namespace: shop}, serviceName: w, port: 8080, rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}}}]\n"))...)
	for cluster, want := range map[string]any{"berlin": "enabled", "lisbon": "enabled", "tokyo": nil} {
		namespace := get(t, tree, cluster+"/fleetwright/apps/default.a/namespace-shop.yaml")
		if got := at(namespace, "metadata labels kuma.io/sidecar-injection"); got != want {
			t.Errorf("%s: the namespace has the label %v, want %v", cluster, got, want)
		}
	}
}

func TestSuspendedPolicyIsNotWaitedFor(t *testing.T) {
	for spec, want := range map[string]any{
		"kustomization: {interval: 5m, prune: true}":                nil,
		"kustomization: {interval: 5m, prune: true, suspend: true}": "no",
	} {
		tree := compile(t, worldAnd(app("a", "  destination: {fleet: shops}\n  syncPolicies: [{name: p, "+spec+"}]\n"))...)
		wait := at(syncOf(t, tree, "berlin", "app-default.a"), "spec wait")
		if waits := wait == true; waits == (want != nil) {
			t.Errorf("%s: wait is %v", spec, wait)
		}
	}
	suspended := app("a", "  destination: {fleet: shops}\n  syncPolicies: [{name: p, "+policy+"}]\n")
	suspended.Data = []byte(strings.Replace(string(suspended.Data), "interval: 1m", "interval: 1m, suspend: true", 1))
	if wait := at(syncOf(t, compile(t, worldAnd(suspended)...), "berlin", "app-default.a"), "spec wait"); wait != nil {
		t.Errorf("with a suspended source, wait is %v", wait)
	}
}

func TestLongNamesStayApart(t *testing.T) {
	long := strings.Repeat("n", 60)
	tree := compile(t, worldAnd(
		app(long+"-a", "  destination: {fleet: shops}\n  syncPolicies: [{name: p, "+policy+"}]\n"),
		app(long+"-b", "  destination: {fleet: shops}\n  syncPolicies: [{name: q, "+policy+"}]\n"))...)
	seen := map[any]bool{}
	for _, stage := range stagesOf(t, tree, "berlin") {
		name := at(stage, "metadata name").(string)
		if len(name) > 63 || seen[name] {
			t.Errorf("a Kustomization is called %s", name)
		}
		seen[name] = true
	}
	if len(seen) != 6 { // and infrastructure, mesh, shared and sync
		t.Errorf("there are %d Kustomizations", len(seen))
	}
}

func TestDocumentsOfUnreadFilesAreNotCalledMissing(t *testing.T) {
	a := app("a", "  destination: {fleet: lost}\n  syncPolicies: [{name: p, kustomization: {interval: 5m, prune: true, dependsOn: [{name: q}]}}]\n")
	lost := "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata:\n  name: lost\nspec:\n\tclusters: []\n"
	for name, tt := range map[string]struct {
		files []schema.File
		want  []string
	}{
		"the fleet's own":   {[]schema.File{a, {Name: "fleet.yaml", Data: []byte(lost)}}, []string{"FW101"}},
		"another fleet's":   {[]schema.File{a, {Name: "fleet.yaml", Data: []byte(strings.Replace(lost, "lost", "lost-2", 1))}}, []string{"FW202", "FW101"}},
		"a misspelt kind's": {[]schema.File{a, {Name: "fleet.yaml", Data: []byte("apiVersion: fleet.kurator.dev/v1alpha1\nkind: Flet\nmetadata: {name: lost}\n")}}, []string{"FW105"}},
		"no other document": {[]schema.File{{Name: "fleet.yaml", Data: []byte(lost)}}, []string{"FW101"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, d := range diagnostics(tt.files) {
				got = append(got, string(d.Code))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestDependenciesThatAreNeverMet(t *testing.T) {
	const kustomization = "kustomization: {interval: 5m, prune: true, dependsOn: "
	file := func(policies ...string) []schema.File {
		return worldAnd(app("a", "  destination: {fleet: shops}\n  syncPolicies:\n  - "+strings.Join(policies, "\n  - ")+"\n"))
	}
	for name, tt := range map[string]struct {
		files []schema.File
		want  string
	}{
		"itself": {file("{name: p, " + kustomization + "[{name: p}]}}"),
			"a.yaml:8:77: error FW506 spec.syncPolicies[0].kustomization.dependsOn[0].name: the policy waits for itself"},
		"each other": {file("{name: p, "+kustomization+"[{name: q}]}}", "{name: q, "+kustomization+"[{name: r}]}}", "{name: r, "+kustomization+"[{name: q}]}}"),
			"a.yaml:10:77: error FW506 spec.syncPolicies[2].kustomization.dependsOn[0].name: policies wait for each other: q -> r -> q"},
		"elsewhere": {file("{name: p, "+kustomization+"[{name: q}]}}", "{name: q, destination: {fleet: shops, clusterSelector: {matchLabels: {tier: gold}}}, "+policy+"}"),
			"a.yaml:8:77: warning FW211 spec.syncPolicies[0].kustomization.dependsOn[0].name: q does not go to lisbon, tokyo, so this policy waits forever there"},
	} {
		t.Run(name, func(t *testing.T) {
			list := problems(tt.files)
			if len(list) != 1 || list[0].String() != tt.want {
				t.Errorf("got\n%swant\n%s", text(list), tt.want)
			}
		})
	}
	if list := problems(file("{name: p, "+kustomization+"[{name: q}, {name: r}]}}", "{name: q, "+kustomization+"[{name: r}]}}", "{name: r, "+policy+"}")); len(list) > 0 {
		t.Errorf("dependencies that are met:\n%s", text(list))
	}
}

// TestRolloutsFitTheComponentsOfEachCluster checks a fleet whose clusters have Flagger from different
// other fleets.
func TestRolloutsFitTheComponentsOfEachCluster(t *testing.T) {
	const fleets = `
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: both}
spec: {clusters: [{kind: AttachedCluster, name: east}, {kind: AttachedCluster, name: west}]}
---
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: old}
spec: {clusters: [{kind: AttachedCluster, name: east}], plugin: {flagger: {trafficRoutingProvider: kuma, extraArgs: {metricsServer: http://one}, publicTestloader: true}}}
---
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: new}
spec: {clusters: [{kind: AttachedCluster, name: west}], plugin: {flagger: {trafficRoutingProvider: kuma, extraArgs: {metricsServer: http://two}, publicTestloader: true}}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: east}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: west}}
`
	a := app("a", `  destination: {fleet: both}
  syncPolicies:
  - name: p
    kustomization: {interval: 5m, prune: true}
    rollout:
      trafficRoutingProvider: kuma
      workload: {name: web, namespace: shop}
      serviceName: web
      port: 8080
      rolloutPolicy:
        trafficRouting: {canaryStrategy: {stepWeight: 10}}
        trafficAnalysis:
          metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]
          webhooks: {command: [hey http://web-canary.shop:8080/]}
`)
	file := schema.File{Name: "fleets.yaml", Data: []byte(fleets)}
	tree := compile(t, file, a)
	for cluster, want := range map[string]string{"east": "http://one", "west": "http://two"} {
		template := get(t, tree, cluster+"/fleetwright/rollouts/default.a/metrictemplate-web.request-success-rate-kuma.yaml")
		if got := at(template, "spec provider address"); got != want {
			t.Errorf("%s asks %v, want %s", cluster, got, want)
		}
	}
	file.Data = []byte(strings.Replace(fleets, "{metricsServer: http://two}, publicTestloader: true", "{metricsServer: http://two}", 1))
	wantDiagnostic(t, []schema.File{file, a}, "a.yaml:19:22: error FW307")
}

// TestPoliciesMayDependOnStages checks dependencies on the Kustomizations of sync.yaml, which are not policies.
func TestPoliciesMayDependOnStages(t *testing.T) {
	for dependency, want := range map[string]int{"{name: mesh, namespace: flux-system}": 0, "{name: mesh}": 1} {
		list := problems(worldAnd(app("a", "  destination: {fleet: shops}\n  syncPolicies: [{name: p, kustomization: {interval: 5m, prune: true, dependsOn: ["+dependency+"]}}]\n")))
		if len(list) != want {
			t.Errorf("%s:\n%s", dependency, text(list))
		}
	}
	// The same applies to those of a broken Application.
	broken := app("b", "  syncPolicies: [{name: q, "+policy+"}]\n  nothing: {}\n")
	list := diagnostics(worldAnd(broken, app("a", "  syncPolicies: [{name: p, kustomization: {interval: 5m, prune: true, dependsOn: [{name: q}]}}]\n")))
	if len(list) != 1 || list[0].Code != "FW110" {
		t.Error(text(list))
	}
}

// TestOneMistakeHidesNoOther checks that correct documents are rendered and compared even if others have
// mistakes.
func TestOneMistakeHidesNoOther(t *testing.T) {
	rollout := func(policy, port string) string {
		return "  destination: {fleet: shops}\n  syncPolicies:\n  - name: " + policy + "\n    kustomization: {interval: 5m, prune: true}\n" +
			"    rollout: {trafficRoutingProvider: kuma, workload: {name: cart, namespace: shop}, serviceName: cart, port: " + port + ", rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}, trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}}}\n"
	}
	rule := app("d", rollout("d", "80"))
	rule.Data = []byte(strings.Replace(string(rule.Data), "gitRepository: {", "ociRepository: {url: oci://example.com/xy, interval: 1m}, gitRepository: {", 1))
	var got []string
	for _, d := range problems(worldAnd(app("a", rollout("a", "8080")), app("b", rollout("b", "8080")), app("c", rollout("c", "cart")), rule)) {
		got = append(got, d.Position.File+" "+string(d.Code))
	}
	want := []string{"b.yaml FW601", "c.yaml FW111", "d.yaml FW120", "d.yaml FW308"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestApplicationsFromKuratorAreAccepted checks that an Application running on Kurator, as kubectl prints it, compiles
// without a warning and for the same clusters.
func TestApplicationsFromKuratorAreAccepted(t *testing.T) {
	list := schema.File{Name: "list.yaml", Data: []byte(`apiVersion: apps.kurator.dev/v1alpha1
kind: ApplicationList
metadata: {continue: "", resourceVersion: "123"}
items:
- apiVersion: apps.kurator.dev/v1alpha1
  kind: Application
  metadata: {name: a, namespace: default, generation: 1, uid: 00000000-0000-0000-0000-000000000000}
  spec:
    source: {gitRepository: {gitImplementation: go-git, interval: 1m0s, timeout: 1m0s, url: https://example.com/a}}
    destination: {fleet: shops, clusterSelector: {matchLabels: {region: asia}}}
    syncPolicies:
    - name: a
      destination: {fleet: "", clusterSelector: {matchLabels: {region: eu}}}
      kustomization: {interval: 5m0s, path: ./deploy, prune: true}
    - name: a
      helm: {interval: 5m0s, chart: {spec: {chart: ./charts/a}}}
`)}
	files := worldAnd(list)
	for _, d := range diagnostics(files) {
		if d.Position.File == list.Name {
			t.Error(d)
		}
	}
	tree := compile(t, files...)
	for cluster, want := range map[string]map[string]bool{
		"berlin": {"kustomization-a.yaml": true, "helmrelease-a.yaml": false},
		"tokyo":  {"kustomization-a.yaml": false, "helmrelease-a.yaml": true},
	} {
		for file, has := range want {
			if _, ok := contents(tree)[cluster+"/fleetwright/apps/default.a/"+file]; ok != has {
				t.Errorf("%s has %s: %v, want %v", cluster, file, ok, has)
			}
		}
	}

	for _, tt := range []struct{ name, spec, want string }{
		{"an empty fleet of the Application", "  destination: {fleet: ''}\n  syncPolicies: [{name: p, " + policy + "}]\n", ""},
		{"a selector without a fleet", "  syncPolicies: [{name: p, destination: {fleet: '', clusterSelector: {matchLabels: {region: eu}}}, " + policy + "}]\n", "a.yaml:6:53: warning FW204"},
		{"a fleet that does not exist, once", "  destination: {fleet: shop}\n  syncPolicies: [{name: p, destination: {fleet: ''}, " + policy + "}]\n", "a.yaml:6:24: error FW202"},
		{"one kind twice", "  destination: {fleet: shops}\n  syncPolicies: [{name: p, " + policy + "}, {name: p, helm: {interval: 5m, chart: {spec: {chart: ./a}}}}, {name: p, " + policy + "}]\n", "a.yaml:7:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var found []string
			for _, d := range diagnostics(worldAnd(app("a", tt.spec))) {
				if d.Position.File == "a.yaml" && d.Severity != schema.Info {
					found = append(found, d.String())
				}
			}
			if got := strings.Join(found, "\n"); !strings.HasPrefix(got, tt.want) || len(found) > 1 || tt.want == "" && got != "" {
				t.Errorf("got\n%s\nwant %s", got, tt.want)
			}
		})
	}
}
