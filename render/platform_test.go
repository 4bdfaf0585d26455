package render_test

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// having returns rolledOut on a fleet whose plugin, without publicTestloader, has components under installed.
// Plugin holds further fields, and ends with a comma.
func having(provider, plugin, components, more string) []schema.File {
	files := rolledOut(provider, more)
	files[0].Data = []byte(strings.Replace(string(files[0].Data), "publicTestloader: true, trafficRoutingProvider: "+provider,
		"trafficRoutingProvider: "+provider+", "+plugin+"installed: {"+components+"}", 1))
	return files
}

// canaryOf returns the rollout of having for a provider, with a built-in metric and a load test.
func canaryOf(provider string) string {
	host := ""
	if provider == "nginx" {
		host = "host: h.example.com, "
	}
	return "      rolloutPolicy: {trafficRouting: {" + host + "canaryStrategy: {stepWeight: 10}}, trafficAnalysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}], webhooks: {command: [hey]}}}\n"
}

// platformOf returns the names of the files rendered for a platform, on the cluster or for it on a hub.
func platformOf(tree *render.Tree) (names []string) {
	for file := range contents(tree) {
		dir, name := path.Split(file)
		if slices.Contains([]string{"infrastructure", "releases", "meshes", "mesh"}, path.Base(dir)) && name != "kustomization.yaml" {
			names = append(names, strings.TrimSuffix(strings.TrimSuffix(name, ".yaml"), "-attachedcluster-one"))
		}
	}
	slices.Sort(names)
	return names
}

// stageNames returns the names of the Flux Kustomizations of a cluster or, on a hub, for one.
func stageNames(t *testing.T, tree *render.Tree, root string) (names []string) {
	for _, object := range stagesOf(t, tree, root) {
		if at(object, "kind") == "Kustomization" {
			names = append(names, strings.TrimSuffix(at(object, "metadata name").(string), "-attachedcluster-one"))
		}
	}
	slices.Sort(names)
	return names
}

// release returns the files of the release of a component.
func release(name string) []string { return []string{"helmrelease-" + name, "helmrepository-" + name} }

// TestInstalledComponentsAreNotRendered checks that each installed component removes its release, namespace and
// stages, and no others.
func TestInstalledComponentsAreNotRendered(t *testing.T) {
	const (
		flagger    = "flagger: {version: 1.42.0}"
		kuma       = "kuma: {version: 2.13.10}"
		prometheus = "prometheus: {address: http://p.monitoring:9090}"
		loadtester = "loadtester: {url: http://tester.test/}"
	)
	tester := append(release("flagger-loadtester"), "namespace-flagger-loadtester")
	for _, tt := range []struct {
		provider, installed string
		// gone holds the files that are not rendered, and stages the stages that are missing.
		gone, stages []string
	}{
		{"kuma", flagger, release("flagger"), nil},
		{"kuma", kuma, append(release("kuma"), "namespace-kuma-system", "mesh-default", "trafficroute-route-all-default"), []string{"mesh"}},
		{"kuma", "kuma: {version: 2.13.10, catchAllRoute: false}", append(release("kuma"), "namespace-kuma-system", "mesh-default"), nil},
		{"kuma", prometheus, append(release("prometheus"), "namespace-mesh-observability"), nil},
		{"kuma", loadtester, tester, nil},
		{"kuma", strings.Join([]string{flagger, kuma, prometheus, loadtester}, ", "), slices.Concat(release("flagger"), release("kuma"), release("prometheus"), tester,
			[]string{"namespace-kuma-system", "namespace-mesh-observability", "mesh-default", "trafficroute-route-all-default"}), []string{"infrastructure", "releases", "mesh"}},
		{"istio", "istio: {}", []string{"namespace-istio-system"}, nil},
		{"istio", "istio: {namespace: mesh}", []string{"namespace-istio-system"}, nil},
		{"istio", prometheus, nil, nil},
		{"istio", "istio: {}, " + flagger + ", " + loadtester, slices.Concat(release("flagger"), tester, []string{"namespace-istio-system"}), []string{"infrastructure", "releases"}},
		{"nginx", "ingress-nginx: {}", append(release("ingress-nginx"), "namespace-ingress-nginx"), nil},
		{"nginx", "ingress-nginx: {namespace: ingress, class: internal}", append(release("ingress-nginx"), "namespace-ingress-nginx"), nil},
		{"nginx", prometheus, nil, nil},
		{"nginx", flagger, release("flagger"), nil},
		{"nginx", "ingress-nginx: {}, " + flagger + ", " + loadtester + ", " + prometheus, slices.Concat(release("ingress-nginx"), release("flagger"), tester, []string{"namespace-ingress-nginx"}), []string{"infrastructure", "releases"}},
		// Components that the fleet does not render may be installed as well.
		{"nginx", "istio: {}", nil, nil},
	} {
		plugin := "publicTestloader: true, "
		if strings.Contains(tt.installed, "loadtester") {
			plugin = ""
		}
		was := rolledOut(tt.provider, canaryOf(tt.provider))
		is := having(tt.provider, plugin, tt.installed, canaryOf(tt.provider))
		for _, topology := range []string{"pull", "hub"} {
			t.Run(tt.provider+"/"+tt.installed+"/"+topology, func(t *testing.T) {
				was, is, root := was, is, "one"
				if topology == "hub" {
					was, is, root = onHub(was...), onHub(is...), "host"
				}
				before, after := compile(t, was...), compile(t, is...)
				if list := problems(is); len(list) > 0 {
					t.Error(text(list))
				}
				for what, names := range map[string][3][]string{
					"files":  {platformOf(before), platformOf(after), tt.gone},
					"stages": {stageNames(t, before, root), stageNames(t, after, root), tt.stages},
				} {
					want := slices.DeleteFunc(names[0], func(name string) bool { return slices.Contains(names[2], name) })
					if !slices.Equal(names[1], want) {
						t.Errorf("the %s are\n%q, want\n%q", what, names[1], want)
					}
				}
				checkChain(t, after, root)
			})
		}
	}
}

// checkChain reports a stage that waits for a missing stage, or that applies a directory without files.
func checkChain(t *testing.T, tree *render.Tree, root string) {
	t.Helper()
	files := contents(tree)
	there := map[string]bool{}
	for _, object := range stagesOf(t, tree, root) {
		there[fmt.Sprint(at(object, "metadata name"))] = true
	}
	for _, object := range stagesOf(t, tree, root) {
		name := at(object, "metadata name")
		if dir, ok := at(object, "spec path").(string); ok {
			dir = strings.TrimPrefix(dir, "./clusters/") + "/"
			if !slices.ContainsFunc(slices.Collect(maps.Keys(files)), func(file string) bool { return strings.HasPrefix(file, dir) }) {
				t.Errorf("%v applies %s, where nothing is", name, dir)
			}
		}
		waits, _ := at(object, "spec dependsOn").([]any)
		for _, on := range waits {
			if on := fmt.Sprint(at(on, "name")); !there[on] {
				t.Errorf("%v waits for %s, which is not rendered", name, on)
			}
		}
	}
}

// TestSharedObjectsWithoutRenderedComponents checks that shared objects are applied even if every component is
// installed, and that applications wait for them.
func TestSharedObjectsWithoutRenderedComponents(t *testing.T) {
	files := having("istio", "", "istio: {}, flagger: {version: 1.42.0}, loadtester: {url: http://tester.test/}", canaryOf("istio"))
	files[1].Data = []byte(strings.Replace(string(files[1].Data), "namespace: web}", "namespace: default}", 1))
	for root, files := range map[string][]schema.File{"one": files, "host": onHub(files...)} {
		tree := compile(t, files...)
		if stages := stageNames(t, tree, root); !slices.Contains(stages, "shared") {
			t.Errorf("%s has the stages %q", root, stages)
		}
		checkChain(t, tree, root)
	}
}

// TestRolloutsUseInstalledComponents checks that rollouts, and rendered components, use the fields under installed.
func TestRolloutsUseInstalledComponents(t *testing.T) {
	const (
		canary    = oneCanary
		namespace = oneDir + "apps/default.x/namespace-web.yaml"
		flagger   = oneDir + "infrastructure/helmrelease-flagger.yaml"
		ingress   = oneDir + "rollouts/default.x/ingress-web.yaml"
		template  = oneDir + "rollouts/default.x/metrictemplate-web.request-success-rate-"
		route     = oneDir + "mesh/trafficroute-route-all-"
	)
	for _, tt := range []struct {
		provider, installed, file, path string
		want                            any
	}{
		{"nginx", "ingress-nginx: {}", ingress, "spec ingressClassName", "nginx"},
		{"nginx", "ingress-nginx: {class: internal}", ingress, "spec ingressClassName", "internal"},
		{"nginx", "ingress-nginx: {namespace: ingress}", flagger, "metadata namespace", "ingress"},
		{"nginx", "ingress-nginx: {namespace: ingress}", flagger, "spec values metricsServer", "http://flagger-prometheus.ingress:9090"},
		{"nginx", "ingress-nginx: {namespace: ingress}", flagger, "spec dependsOn", nil},
		{"nginx", "ingress-nginx: {namespace: ingress}", template + "nginx.yaml", "spec provider address", "http://flagger-prometheus.ingress:9090"},
		{"nginx", "prometheus: {address: http://p.monitoring:9090}", flagger, "spec values metricsServer", "http://p.monitoring:9090"},
		{"nginx", "prometheus: {address: http://p.monitoring:9090}", flagger, "spec values prometheus", nil},
		{"nginx", "prometheus: {address: http://p.monitoring:9090}", template + "nginx.yaml", "spec provider address", "http://p.monitoring:9090"},
		{"nginx", "flagger: {version: 1.42.0, metricsServer: http://m.monitoring:9090}", template + "nginx.yaml", "spec provider address", "http://m.monitoring:9090"},
		{"nginx", "flagger: {version: 1.42.0, metricsServer: http://m.monitoring:9090}, prometheus: {address: http://p.monitoring:9090}", template + "nginx.yaml", "spec provider address", "http://p.monitoring:9090"},
		{"nginx", "flagger: {version: 1.42.0}", template + "nginx.yaml", "spec provider address", "http://prometheus:9090"},
		{"nginx", "loadtester: {url: http://tester.test/}", canary, "spec analysis webhooks 0 url", "http://tester.test/"},
		{"istio", "istio: {}", namespace, "metadata labels istio-injection", "enabled"},
		{"istio", "istio: {revision: 1-26-2}", namespace, "metadata labels istio.io/rev", "1-26-2"},
		{"istio", "istio: {revision: 1-26-2}", namespace, "metadata labels istio-injection", nil},
		{"istio", "istio: {namespace: mesh}", flagger, "metadata namespace", "mesh"},
		{"istio", "istio: {namespace: mesh}", flagger, "spec values metricsServer", "http://prometheus.mesh:9090"},
		{"istio", "istio: {namespace: mesh}, prometheus: {address: http://p.monitoring:9090}", flagger, "spec values metricsServer", "http://p.monitoring:9090"},
		{"istio", "istio: {}, flagger: {version: 1.42.0}", canary, "spec provider", "istio"},
		{"kuma", "kuma: {version: 2.13.10, namespace: mesh}", flagger, "metadata namespace", "mesh"},
		{"kuma", "kuma: {version: 2.13.10, namespace: mesh}", flagger, "spec values metricsServer", "http://prometheus-server.mesh-observability:80"},
		{"kuma", "kuma: {version: 2.13.10}, prometheus: {address: http://p.monitoring:9090}", flagger, "spec values metricsServer", "http://p.monitoring:9090"},
		{"kuma", "kuma: {version: 2.13.10}, prometheus: {address: http://p.monitoring:9090}", template + "kuma.yaml", "spec provider address", "http://p.monitoring:9090"},
		{"kuma", "kuma: {version: 2.13.10}", canary, "metadata annotations kuma.io/mesh", "default"},
		{"kuma", "kuma: {version: 2.13.10, mesh: shop}", canary, "metadata annotations kuma.io/mesh", "shop"},
		{"kuma", "kuma: {version: 2.13.10, mesh: shop}", namespace, "metadata labels kuma.io/mesh", "shop"},
		{"kuma", "kuma: {version: 2.8.5, mesh: shop}", namespace, "metadata annotations kuma.io/mesh", "shop"},
		{"kuma", "kuma: {version: 2.13.10, mesh: shop, catchAllRoute: false}", route + "shop.yaml", "mesh", "shop"},
		{"kuma", "kuma: {version: v2.13.10}", namespace, "metadata labels kuma.io/sidecar-injection", "enabled"},
	} {
		t.Run(tt.provider+"/"+tt.installed+"/"+tt.path, func(t *testing.T) {
			plugin := "publicTestloader: true, "
			if strings.Contains(tt.installed, "loadtester") {
				plugin = ""
			}
			files := having(tt.provider, plugin, tt.installed, canaryOf(tt.provider))
			if got := at(get(t, compile(t, files...), tt.file), tt.path); got != tt.want {
				t.Errorf("%s is %v, want %v", tt.path, got, tt.want)
			}
		})
	}
	tree := compile(t, having("kuma", "publicTestloader: true, ", "kuma: {version: 2.13.10, namespace: mesh}", canaryOf("kuma"))...)
	prometheus := string(contents(tree)[oneDir+"infrastructure/helmrelease-prometheus.yaml"])
	if !strings.Contains(prometheus, "http://kuma-control-plane.mesh.svc:5676") || strings.Contains(prometheus, "kuma-system") {
		t.Errorf("Prometheus asks another Kuma:\n%s", prometheus)
	}
}

// TestAMeshAmongTheInputsIsRendered checks that, with an installed Kuma, a Mesh is rendered only if it is in the
// input, and then with its route for all traffic.
func TestAMeshAmongTheInputsIsRendered(t *testing.T) {
	for _, tt := range []struct {
		installed, meshes string
		want              []string
	}{
		{"version: 2.13.10", "", nil},
		{"version: 2.13.10, catchAllRoute: true", "", nil},
		{"version: 2.13.10, catchAllRoute: false", "", []string{"trafficroute-route-all-default"}},
		{"version: 2.13.10", "default", []string{"mesh-default", "trafficroute-route-all-default"}},
		{"version: 2.13.10, catchAllRoute: true", "default", []string{"mesh-default"}},
		{"version: 2.13.10, mesh: shop", "default", []string{"mesh-default", "trafficroute-route-all-default"}},
		{"version: 2.13.10, mesh: shop", "default shop", []string{"mesh-default", "mesh-shop", "trafficroute-route-all-default", "trafficroute-route-all-shop"}},
		{"version: 2.13.10, mesh: shop, catchAllRoute: true", "shop", []string{"mesh-shop"}},
		// Up to 2.5, Kuma creates the route of a new Mesh itself.
		{"version: 2.5.4", "", nil},
		{"version: 2.5.4, catchAllRoute: false", "", []string{"trafficroute-route-all-default"}},
	} {
		t.Run(tt.installed+"/"+tt.meshes, func(t *testing.T) {
			files := having("kuma", "", "flagger: {version: 1.42.0}, prometheus: {address: http://p.monitoring:9090}, loadtester: {url: http://t.test/}, kuma: {"+tt.installed+"}", canaryOf("kuma"))
			for _, name := range strings.Fields(tt.meshes) {
				files = append(files, schema.File{Name: "mesh-" + name + ".yaml", Data: []byte(strings.Replace(plainMesh, "name: default", "name: "+name, 1))})
			}
			if got := platformOf(compile(t, files...)); !slices.Equal(got, tt.want) {
				t.Errorf("it renders %q, want %q", got, tt.want)
			}
		})
	}
}

// TestARolloutMayBeInAnotherMesh checks clusters with Meshes that the input does not define.
func TestARolloutMayBeInAnotherMesh(t *testing.T) {
	more := strings.Replace(canaryOf("kuma"), "      rolloutPolicy", "      meshName: other\n      rolloutPolicy", 1)
	files := having("kuma", "", "flagger: {version: 1.42.0}, kuma: {version: 2.13.10}", strings.Replace(more, ", webhooks: {command: [hey]}", "", 1))
	if list := problems(files); len(list) > 0 {
		t.Error(text(list))
	}
	tree := compile(t, files...)
	if got := at(get(t, tree, oneCanary), "metadata annotations kuma.io/mesh"); got != "other" {
		t.Errorf("the Canary is in the mesh %v", got)
	}
	if got := platformOf(tree); slices.ContainsFunc(got, func(name string) bool {
		return strings.HasPrefix(name, "mesh-") || strings.HasPrefix(name, "trafficroute-")
	}) {
		t.Errorf("it renders %q", got)
	}
}

// TestVersionsOfInstalledComponents checks that the inventory lists the versions for which a cluster's files
// were compiled.
func TestVersionsOfInstalledComponents(t *testing.T) {
	for _, tt := range []struct {
		provider, installed string
		want                map[string]string
	}{
		{"kuma", "flagger: {version: v1.42.0}, kuma: {version: 2.13.10}", map[string]string{"flagger": "1.42.0", "kuma": "2.13.10", "prometheus": "*"}},
		{"kuma", "flagger: {version: 1.42.0}, kuma: {version: 2.13.10}, prometheus: {address: http://p.monitoring:9090}", map[string]string{"flagger": "1.42.0", "kuma": "2.13.10"}},
		{"istio", "istio: {}, flagger: {version: 1.42.0}", map[string]string{"flagger": "1.42.0"}},
		{"nginx", "ingress-nginx: {}", map[string]string{"flagger": "*"}},
	} {
		tree := compile(t, having(tt.provider, "", tt.installed, strings.Replace(canaryOf(tt.provider), ", webhooks: {command: [hey]}", "", 1))...)
		got := versionsOf(string(contents(tree)["one/fleetwright/inventory"]))
		for name, version := range tt.want {
			if version == "*" && got[name] != "" {
				got[name] = "*"
			}
		}
		for _, name := range []string{"fleetwright", "flux", "istio"} {
			delete(got, name)
		}
		if !maps.Equal(got, tt.want) {
			t.Errorf("%s of %s: the versions are %v, want %v", tt.installed, tt.provider, got, tt.want)
		}
	}
}

// versionsOf returns the versions in an inventory.
func versionsOf(inventory string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(inventory) {
		if of, ok := strings.CutPrefix(line, "# version "); ok {
			name, version, _ := strings.Cut(strings.TrimSpace(of), " ")
			all[name] = version
		}
	}
	return all
}

// fleetWith returns a Fleet of the cluster one whose plugin.flagger has some lines.
func fleetWith(name string, plugin ...string) schema.File {
	text := "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: " + name + "}\nspec:\n  clusters: [{kind: AttachedCluster, name: one}]\n"
	if len(plugin) > 0 {
		text += "  plugin:\n    flagger:\n      " + strings.Join(plugin, "\n      ") + "\n"
	}
	return schema.File{Name: name + ".yaml", Data: []byte(text)}
}

var clusterOne = schema.File{Name: "one.yaml", Data: []byte("{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: one}, spec: {kubeconfig: {name: one}}}\n")}

// installedConfig returns a RenderConfig whose plugin has some lines under installed.
func installedConfig(components ...string) schema.File {
	return config("  plugin:\n    flagger:\n      installed:\n        " + strings.Join(components, "\n        ") + "\n")
}

// rollingOut returns an Application with a rollout of a provider, for a fleet or without one.
func rollingOut(name, fleet, provider string) schema.File {
	to := ""
	if fleet != "" {
		to = "  destination: {fleet: " + fleet + "}\n"
	}
	return app(name, to+"  syncPolicies:\n  - name: "+name+"\n    kustomization: {interval: 0s, prune: true}\n    rollout:\n      trafficRoutingProvider: "+provider+
		"\n      workload: {name: "+name+", namespace: "+name+"}\n      serviceName: "+name+"\n      port: 8080\n"+strings.Replace(canaryOf(provider), ", webhooks: {command: [hey]}", "", 1))
}

// gated adds a webhook with a field of Flagger 1.39 to an Application of rollingOut.
func gated(f schema.File) schema.File {
	f.Data = []byte(strings.Replace(string(f.Data), "rolloutPolicy: {", "rolloutPolicy: {webhooks: [{name: gate, type: confirm-promotion, url: https://gate.example.com/, disableTLS: true}], ", 1))
	return f
}

// otherFleet returns a Fleet of the cluster two with a plugin.
func otherFleet(plugin string) schema.File {
	return schema.File{Name: "other.yaml", Data: []byte("apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: other}\nspec: {clusters: [{kind: AttachedCluster, name: two}], plugin: {flagger: {" + plugin + "}}}\n---\n" +
		"{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: two}}\n")}
}

// TestPlatformsThatDoNotWork checks the diagnostics of platforms, with hints after arrows, and that correct
// platforms have none.
func TestPlatformsThatDoNotWork(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []schema.File
		want  []string
	}{
		{"a rollout without a fleet",
			[]schema.File{rollingOut("a", "", "istio")},
			[]string{`a.yaml:10:31: error FW206 spec.syncPolicies[0].rollout.trafficRoutingProvider: nothing runs the rollout: the Application names no fleet, and no RenderConfig lists Flagger for cluster host → if it has Flagger, plugin: {flagger: {installed: {flagger: {version: 1.44.0}, istio: {}}}} in the spec of a RenderConfig; otherwise destination: {fleet: …}, and plugin: {flagger: {trafficRoutingProvider: istio}} in that Fleet's spec`}},
		{"without a fleet and without a RenderConfig",
			[]schema.File{rollingOut("a", "", "istio"), installedConfig("istio: {}")},
			[]string{`a.yaml:10:31: error FW206 spec.syncPolicies[0].rollout.trafficRoutingProvider: nothing runs the rollout: config.yaml:5:5 lists no flagger under installed → flagger: {version: 1.44.0} under installed`}},
		{"without a fleet, with a RenderConfig",
			[]schema.File{rollingOut("a", "", "istio"), installedConfig("flagger: {version: 1.42.0}", "istio: {}")},
			nil},
		{"without a fleet, on another provider",
			[]schema.File{rollingOut("a", "", "nginx"), installedConfig("flagger: {version: 1.42.0}", "istio: {}")},
			[]string{`a.yaml:10:31: error FW207 spec.syncPolicies[0].rollout.trafficRoutingProvider: the rollout uses nginx, but the clusters have no ingress-nginx (config.yaml:5:5 has istio) → installed: {ingress-nginx: {}} in plugin.flagger if the clusters have it, or trafficRoutingProvider: istio`}},
		{"a fleet without a plugin",
			[]schema.File{rollingOut("a", "f", "istio"), fleetWith("f"), clusterOne},
			[]string{`a.yaml:11:31: error FW206 spec.syncPolicies[0].rollout.trafficRoutingProvider: nothing runs the rollout: the fleet at f.yaml:3:18 neither installs Flagger nor lists it under installed → to install Flagger, write plugin: {flagger: {trafficRoutingProvider: istio}} in the Fleet's spec; if the clusters have it, also write installed: {flagger: {version: 1.44.0}, istio: {}} there under flagger, or write plugin: {flagger: {installed: {flagger: {version: 1.44.0}, istio: {}}}} in the spec of a RenderConfig`}},
		{"a fleet without a plugin, and a RenderConfig with one",
			[]schema.File{rollingOut("a", "f", "istio"), installedConfig("flagger: {version: 1.42.0}", "istio: {}"), fleetWith("f"), clusterOne},
			nil},
		{"a fleet's plugin overrides the RenderConfig's",
			[]schema.File{rollingOut("a", "f", "istio"), installedConfig("flagger: {version: 1.42.0}", "istio: {}"), fleetWith("f", "trafficRoutingProvider: kuma"), clusterOne},
			[]string{`a.yaml:11:31: error FW207 spec.syncPolicies[0].rollout.trafficRoutingProvider: the rollout uses istio, but the clusters have no istio (f.yaml:3:18 has kuma) → installed: {istio: {}} in plugin.flagger if the clusters have it, or trafficRoutingProvider: kuma`}},
		{"nginx on clusters with Istio",
			[]schema.File{rollingOut("a", "f", "nginx"), fleetWith("f", "trafficRoutingProvider: istio"), clusterOne},
			[]string{`a.yaml:11:31: error FW207 spec.syncPolicies[0].rollout.trafficRoutingProvider: the rollout uses nginx, but the clusters have no ingress-nginx (f.yaml:3:18 has istio) → installed: {ingress-nginx: {}} in plugin.flagger if the clusters have it, or trafficRoutingProvider: istio`}},
		{"nginx with Istio",
			[]schema.File{rollingOut("a", "f", "nginx"), fleetWith("f", "trafficRoutingProvider: istio", "installed: {ingress-nginx: {}}"), clusterOne},
			nil},
		{"Istio with Kuma, which is missing",
			[]schema.File{rollingOut("a", "f", "istio"), fleetWith("f", "trafficRoutingProvider: kuma", "installed: {ingress-nginx: {}}"), clusterOne},
			[]string{`a.yaml:11:31: error FW207 spec.syncPolicies[0].rollout.trafficRoutingProvider: the rollout uses istio, but the clusters have no istio (f.yaml:3:18 has kuma and nginx) → installed: {istio: {}} in plugin.flagger if the clusters have it, or trafficRoutingProvider: kuma or nginx`}},
		{"Kuma without any component",
			[]schema.File{rollingOut("a", "f", "kuma"), fleetWith("f"), clusterOne},
			[]string{`a.yaml:11:31: error FW206 spec.syncPolicies[0].rollout.trafficRoutingProvider: nothing runs the rollout: the fleet at f.yaml:3:18 neither installs Flagger nor lists it under installed → to install Flagger, write plugin: {flagger: {trafficRoutingProvider: kuma}} in the Fleet's spec; if the clusters have it, also write installed: {flagger: {version: 1.44.0}, kuma: {version: 2.13.10}} there under flagger, or write plugin: {flagger: {installed: {flagger: {version: 1.44.0}, kuma: {version: 2.13.10}}}} in the spec of a RenderConfig`}},
		{"a chart of an installed Flagger",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "chart: {version: 1.44.0}", "installed: {flagger: {version: 1.44.0}}"), clusterOne},
			[]string{`f.yaml:9:7: error FW224 spec.plugin.flagger.chart: flagger is under installed (f.yaml:10:19), so it is not rendered and the field has no effect → remove chart; or remove flagger from installed to render it`}},
		{"values of an installed Flagger",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "extraArgs: {logLevel: debug}", "installed: {flagger: {version: 1.44.0}}"), clusterOne},
			[]string{`f.yaml:9:7: error FW224 spec.plugin.flagger.extraArgs: flagger is under installed (f.yaml:10:19), so it is not rendered and the field has no effect → remove extraArgs; or remove flagger from installed to render it`}},
		{"a chart of an installed Kuma",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "config: {chart: {version: 2.8.0}}", "installed: {kuma: {version: 2.13.10}}"), clusterOne},
			[]string{`f.yaml:9:7: error FW224 spec.plugin.flagger.config: kuma is under installed (f.yaml:10:19), so it is not rendered and the field has no effect → remove config; or remove kuma from installed to render it`}},
		{"values of an installed ingress-nginx",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: nginx", "config: {extraArgs: {controller: {replicaCount: 2}}}", "installed: {ingress-nginx: {}}"), clusterOne},
			[]string{`f.yaml:9:7: error FW224 spec.plugin.flagger.config: ingress-nginx is under installed (f.yaml:10:19), so it is not rendered and the field has no effect → remove config; or remove ingress-nginx from installed to render it`}},
		{"a load tester both rendered and installed",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "publicTestloader: true", "installed: {loadtester: {url: http://t.test/}}"), clusterOne},
			[]string{`f.yaml:9:25: error FW224 spec.plugin.flagger.publicTestloader: loadtester is under installed (f.yaml:10:19), so it is not rendered and the field has no effect → remove publicTestloader; or remove loadtester from installed to render it`}},
		{"one that is not rendered",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "publicTestloader: false", "installed: {loadtester: {url: http://t.test/}}"), clusterOne},
			nil},
		{"a chart of a component that is handed over",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "config: {chart: {version: 2.7.3}}", "installed: {kuma: {version: 2.7.3, handOver: true}}"), clusterOne},
			nil},
		{"a config of Istio",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "config: {chart: {version: 1.2.3}}", "installed: {istio: {}}"), clusterOne},
			[]string{`f.yaml:9:7: error FW703 spec.plugin.flagger.config: fleetwright installs no chart for istio, so config has no effect → remove config`}},
		{"installed without a value",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "installed:"), clusterOne},
			[]string{`f.yaml:9:17: error FW224 spec.plugin.flagger.installed: installed has no value, so nothing would count as installed → remove the line, or list what the clusters have`}},
		{"versions before a release",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.42.0-rc.1}, kuma: {version: 2.13.0-preview.v1}}"), clusterOne},
			nil},
		{"default namespaces of one Flagger",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "installed: {flagger: {version: 1.44.0}}"), fleetWith("g", "trafficRoutingProvider: nginx", "installed: {flagger: {version: 1.44.0}}"), clusterOne},
			[]string{`g.yaml:9:19: error FW603 spec.plugin.flagger.installed.flagger.namespace: namespace of flagger is ingress-nginx here but kuma-system at f.yaml:9:19, for the same cluster → namespace: kuma-system`}},
		{"two plugins that hand one component over",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: nginx", "installed: {ingress-nginx: {}, flagger: {version: 1.44.0, metricsServer: http://flagger-prometheus.ingress-nginx:9090, handOver: true}}"), fleetWith("g", "trafficRoutingProvider: nginx", "installed: {ingress-nginx: {}, flagger: {version: 1.44.0, metricsServer: http://flagger-prometheus.ingress-nginx:9090, handOver: true}}"), clusterOne},
			[]string{`g.yaml:7:5: error FW603 spec.plugin.flagger: this fleet and the one at f.yaml:3:18 both render flagger, and a cluster is in both → remove handOver from one of the two`}},
		{"one address written in two ways",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {prometheus: {address: http://p.m.svc.cluster.local:80/}}"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0}, prometheus: {address: http://p.m}}"), clusterOne},
			nil},
		{"components without a value",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "installed: {flagger: , istio: ~}"), clusterOne},
			[]string{
				`f.yaml:9:28: error FW224 spec.plugin.flagger.installed.flagger: flagger has no value, so it would count as not installed → flagger: {version: 1.44.0}`,
				`f.yaml:9:37: error FW224 spec.plugin.flagger.installed.istio: istio has no value, so it would count as not installed → istio: {}`,
			}},
		{"no address and no URL",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", `installed: {prometheus: {address: ""}, loadtester: {url: ""}}`), clusterOne},
			[]string{
				`f.yaml:9:41: error FW115 spec.plugin.flagger.installed.prometheus.address: "" is not an address of at least one character`,
				`f.yaml:9:64: error FW115 spec.plugin.flagger.installed.loadtester.url: "" is not an address of at least one character`,
			}},
		{"a Kuma without TrafficRoutes that no rollout uses",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {kuma: {version: 3.0.0}}"), clusterOne},
			nil},
		{"nothing to hand over of Kuma",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {kuma: {version: 2.13.10, handOver: true}}"), clusterOne},
			[]string{`f.yaml:9:54: error FW224 spec.plugin.flagger.installed.kuma.handOver: nothing here renders kuma, so nothing can be handed over → remove the line`}},
		{"nothing to hand over of Prometheus",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: nginx", "installed: {prometheus: {address: http://p.m:9090, handOver: true}}"), clusterOne},
			[]string{`f.yaml:9:68: error FW224 spec.plugin.flagger.installed.prometheus.handOver: nothing here renders prometheus, so nothing can be handed over → remove the line`}},
		{"nothing to hand over of the load tester",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "installed: {loadtester: {url: http://t.test/, handOver: true}}"), clusterOne},
			[]string{`f.yaml:9:63: error FW224 spec.plugin.flagger.installed.loadtester.handOver: nothing here renders loadtester, so nothing can be handed over → remove the line`}},
		{"nothing to hand over in a RenderConfig",
			[]schema.File{rollingOut("a", "", "istio"), installedConfig("flagger: {version: 1.42.0, handOver: true}", "istio: {}")},
			[]string{`config.yaml:7:46: error FW224 spec.plugin.flagger.installed.flagger.handOver: nothing here renders flagger, so nothing can be handed over → remove the line`}},
		{"Istio's class for nginx",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {ingress-nginx: {class: istio}}"), clusterOne},
			[]string{`f.yaml:9:42: error FW224 spec.plugin.flagger.installed.ingress-nginx.class: Istio also serves the Ingress class istio: both controllers would answer for the Ingresses of rollouts → class: nginx`}},
		{"Istio's class for a rendered nginx",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: nginx", "config: {extraArgs: {controller: {ingressClassResource: {name: istio}}}}", "installed: {istio: {}}"), clusterOne},
			[]string{`f.yaml:9:70: error FW224 spec.plugin.flagger.config.extraArgs.controller.ingressClassResource.name: Istio also serves the Ingress class istio: both controllers would answer for the Ingresses of rollouts → name: nginx`}},
		{"Istio's class without Istio",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: nginx", "installed: {ingress-nginx: {class: istio}}"), clusterOne},
			nil},
		{"charts of components that are installed everywhere",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "installed: {kuma: {version: 2.13.10}, prometheus: {address: http://p.m:9090}, loadtester: {url: http://t.test/}}"), clusterOne, config("  charts:\n    kuma: {version: 2.8.0}\n    prometheus: {version: 29.0.0}\n    loadtester: {version: 0.35.0}\n    ingress-nginx: {version: 4.12.0}\n")},
			[]string{
				`config.yaml:5:5: warning FW226 spec.charts.kuma: the chart of kuma is never rendered: every cluster that needs it has it installed already → remove the chart`,
				`config.yaml:6:5: warning FW226 spec.charts.prometheus: the chart of prometheus is never rendered: every cluster that needs it has it installed already → remove the chart`,
				`config.yaml:7:5: warning FW226 spec.charts.loadtester: the chart of loadtester is never rendered: every cluster that needs it has it installed already → remove the chart`,
			}},
		{"charts of components that one fleet renders",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "installed: {kuma: {version: 2.13.10}}"), clusterOne, config("  charts: {kuma: {version: 2.8.0}}\n"), otherFleet("trafficRoutingProvider: kuma")},
			nil},
		{"two fleets that render",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: nginx"), fleetWith("g", "trafficRoutingProvider: istio"), clusterOne},
			[]string{`g.yaml:7:5: error FW603 spec.plugin.flagger: this fleet and the one at f.yaml:3:18 both render flagger, and a cluster is in both → installed: {flagger: {version: 1.44.0}} in the plugin of one of the two`}},
		{"two fleets that render a load tester",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: nginx", "publicTestloader: true"), fleetWith("g", "trafficRoutingProvider: istio", "publicTestloader: true", "installed: {flagger: {version: 1.44.0}}"), clusterOne},
			[]string{`g.yaml:7:5: error FW603 spec.plugin.flagger: this fleet and the one at f.yaml:3:18 both render loadtester, and a cluster is in both → installed: {loadtester: {url: http://flagger-loadtester.test/}} in the plugin of one of the two`}},
		{"another version than the rendered one",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.40.0}}"), clusterOne},
			[]string{`g.yaml:9:38: error FW603 spec.plugin.flagger.installed.flagger.version: version of flagger is 1.40.0 here but 1.44.0 at f.yaml:8:31, for the same cluster → version: 1.44.0`}},
		{"another version than that of the chart",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "chart: {version: 1.43.0}"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0}}"), clusterOne},
			[]string{`g.yaml:9:38: error FW603 spec.plugin.flagger.installed.flagger.version: version of flagger is 1.44.0 here but 1.43.0 at f.yaml:9:24, for the same cluster → version: 1.43.0`}},
		{"the version of the chart with a v, or its beginning",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "chart: {version: 1.43.0}"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: v1.43}}"), clusterOne},
			nil},
		{"another namespace",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0, namespace: istio-system}}"), clusterOne},
			[]string{`g.yaml:9:57: error FW603 spec.plugin.flagger.installed.flagger.namespace: namespace of flagger is istio-system here but kuma-system at f.yaml:8:31, for the same cluster → namespace: kuma-system`}},
		{"another metricsServer",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0, metricsServer: http://p.m:9090}}"), clusterOne},
			[]string{`g.yaml:9:61: error FW603 spec.plugin.flagger.installed.flagger.metricsServer: metricsServer of flagger is http://p.m:9090 here but http://prometheus-server.mesh-observability:80 at f.yaml:8:31, for the same cluster → metricsServer: http://prometheus-server.mesh-observability:80`}},
		{"another class",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: nginx"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0}, ingress-nginx: {class: internal}}"), clusterOne},
			[]string{`g.yaml:9:70: error FW603 spec.plugin.flagger.installed.ingress-nginx.class: class of ingress-nginx is internal here but nginx at f.yaml:8:31, for the same cluster → class: nginx`}},
		{"another version of Kuma, and another Prometheus",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0}, kuma: {version: 2.8.0}, prometheus: {address: http://p.m:9090}}"), clusterOne},
			[]string{
				`g.yaml:9:63: error FW603 spec.plugin.flagger.installed.kuma.version: version of kuma is 2.8.0 here but 2.7.3 at f.yaml:8:31, for the same cluster → version: 2.7.3`,
				`g.yaml:9:93: error FW603 spec.plugin.flagger.installed.prometheus.address: address of prometheus is http://p.m:9090 here but http://prometheus-server.mesh-observability:80 at f.yaml:8:31, for the same cluster → address: http://prometheus-server.mesh-observability:80`,
			}},
		{"another Mesh",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0}, kuma: {version: 2.7.3, mesh: shop}}"), clusterOne},
			[]string{`g.yaml:9:76: error FW603 spec.plugin.flagger.installed.kuma.mesh: mesh of kuma is shop here but default at f.yaml:8:31, for the same cluster → mesh: default`}},
		{"the Mesh of the inputs",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0}, kuma: {version: 2.7.3, mesh: shop}}"), clusterOne, schema.File{Name: "mesh.yaml", Data: []byte(strings.Replace(plainMesh, "name: default", "name: shop", 1))}},
			nil},
		{"another load tester",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "publicTestloader: true"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0}, loadtester: {url: http://t.test/}}"), clusterOne},
			[]string{`g.yaml:9:65: error FW603 spec.plugin.flagger.installed.loadtester.url: url of loadtester is http://t.test/ here but http://flagger-loadtester.flagger-loadtester/ at f.yaml:9:25, for the same cluster → url: http://flagger-loadtester.flagger-loadtester/`}},
		{"the same fields as the rendered component",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "publicTestloader: true"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0, namespace: kuma-system}, kuma: {version: 2.7.3, namespace: kuma-system, mesh: default, catchAllRoute: true}, prometheus: {address: http://prometheus-server.mesh-observability:80/, labels: {namespace: namespace, pod: pod}}, loadtester: {url: http://flagger-loadtester.flagger-loadtester}}"), clusterOne},
			nil},
		{"explicit defaults in one plugin",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0}, istio: {}, ingress-nginx: {}, kuma: {version: 2.13.10}, prometheus: {address: http://p.m:9090}, loadtester: {url: http://t.test/}}"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0, namespace: istio-system, metricsServer: http://p.m:9090, selectorLabels: [app, name, app.kubernetes.io/name], watchNamespace: '', noCrossNamespaceRefs: false, ingressAnnotationsPrefix: nginx.ingress.kubernetes.io}, istio: {namespace: istio-system}, ingress-nginx: {namespace: ingress-nginx, class: nginx}, kuma: {version: 2.13.10, namespace: kuma-system, mesh: default, catchAllRoute: true}, prometheus: {address: http://p.m:9090, labels: {namespace: namespace, pod: pod}}, loadtester: {url: http://t.test/, namespace: test}}"), clusterOne},
			nil},
		{"two plugins with different fields",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0, selectorLabels: [app], watchNamespace: x}, istio: {revision: a}}"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.43.0, noCrossNamespaceRefs: true}, istio: {revision: b}}"), clusterOne},
			[]string{
				`g.yaml:9:19: error FW603 spec.plugin.flagger.installed.flagger.selectorLabels: selectorLabels of flagger is [app, name, app.kubernetes.io/name] here but [app] at f.yaml:9:46, for the same cluster → selectorLabels: [app]`,
				`g.yaml:9:19: error FW603 spec.plugin.flagger.installed.flagger.watchNamespace: watchNamespace of flagger is not set here but x at f.yaml:9:85, for the same cluster → watchNamespace: x`,
				`g.yaml:9:38: error FW603 spec.plugin.flagger.installed.flagger.version: version of flagger is 1.43.0 here but 1.44.0 at f.yaml:9:38, for the same cluster → version: 1.44.0`,
				`g.yaml:9:68: error FW603 spec.plugin.flagger.installed.flagger.noCrossNamespaceRefs: noCrossNamespaceRefs of flagger is true here but not set at f.yaml:9:19, for the same cluster → remove noCrossNamespaceRefs`,
				`g.yaml:9:93: error FW603 spec.plugin.flagger.installed.istio.revision: revision of istio is b here but a at f.yaml:9:107, for the same cluster → revision: a`,
			}},
		{"other labels of a Prometheus",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0}, prometheus: {address: http://p.m:9090}}"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0}, prometheus: {address: http://p.m:9090, labels: {pod: pod_name}}}"), clusterOne},
			[]string{`g.yaml:9:100: error FW603 spec.plugin.flagger.installed.prometheus.labels.pod: labels.pod of prometheus is pod_name here but pod at f.yaml:9:47, for the same cluster → pod: pod in labels`}},
		{"different default providers of Canaries",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0, meshProvider: istio}}"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0, meshProvider: kuma}}"), clusterOne},
			[]string{`g.yaml:9:60: error FW603 spec.plugin.flagger.installed.flagger.meshProvider: meshProvider of flagger is kuma here but istio at f.yaml:9:60, for the same cluster → meshProvider: istio`}},
		{"a class that only one fleet sets",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0}, ingress-nginx: {}}"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0}, ingress-nginx: {class: internal}}"), clusterOne},
			[]string{`g.yaml:9:70: error FW603 spec.plugin.flagger.installed.ingress-nginx.class: class of ingress-nginx is internal here but nginx at f.yaml:9:47, for the same cluster → class: nginx`}},
		{"a namespace that Flagger does not watch",
			[]schema.File{rollingOut("a", "f", "istio"), fleetWith("f", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.42.0, watchNamespace: shop}}"), clusterOne},
			[]string{`a.yaml:12:38: error FW220 spec.syncPolicies[0].rollout.workload.namespace: Flagger watches only namespace shop (f.yaml:9:62); it never runs this rollout in a → have Flagger watch all namespaces, or move the workload to namespace shop`}},
		{"a Flagger without a provider",
			[]schema.File{rollingOut("a", "", "istio"), installedConfig("flagger: {version: 1.42.0}")},
			[]string{`a.yaml:10:31: error FW207 spec.syncPolicies[0].rollout.trafficRoutingProvider: the rollout uses istio, but the clusters have no istio (config.yaml:5:5 has no provider) → installed: {istio: {}} in plugin.flagger if the clusters have it`}},
		{"a field that the installed Flagger does not have",
			[]schema.File{gated(rollingOut("a", "f", "istio")), fleetWith("f", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.38.0}}"), clusterOne},
			[]string{`a.yaml:15:116: error FW325 spec.syncPolicies[0].rollout.rolloutPolicy.webhooks[0].disableTLS: Flagger 1.38.0 has no disableTLS (added in 1.39), so the API server rejects the Canary → remove the field, or upgrade Flagger on the clusters to 1.39.0 or newer`}},
		{"a field that it has",
			[]schema.File{gated(rollingOut("a", "f", "istio")), fleetWith("f", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.39.0}}"), clusterOne},
			nil},
		{"a field that the Flagger of the RenderConfig does not have",
			[]schema.File{gated(rollingOut("a", "", "istio")), installedConfig("flagger: {version: 1.38.0}", "istio: {}")},
			[]string{`a.yaml:14:116: error FW325 spec.syncPolicies[0].rollout.rolloutPolicy.webhooks[0].disableTLS: Flagger 1.38.0 has no disableTLS (added in 1.39), so the API server rejects the Canary → remove the field, or upgrade Flagger on the clusters to 1.39.0 or newer`}},
		{"the hub's own cluster",
			[]schema.File{rollingOut("a", "", "istio"), config("  topology: hub\n  plugin: {flagger: {installed: {flagger: {version: 1.42.0}, istio: {}}}}\n")},
			nil},
		{"a Flagger that is too old",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.30.0}}"), clusterOne},
			[]string{`f.yaml:9:38: error FW327 spec.plugin.flagger.installed.flagger.version: Flagger 1.30.0 is too old: fleetwright supports 1.36.0 and newer → upgrade Flagger on the clusters to 1.36.0 or newer`}},
		{"a Kuma without TrafficRoutes",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "installed: {kuma: {version: 3.0.0}}"), clusterOne, rollingOut("a", "f", "kuma")},
			[]string{`f.yaml:9:35: error FW401 spec.plugin.flagger.installed.kuma.version: Kuma 3.0.0 has no TrafficRoute, the only way for Flagger to move traffic on kuma → use Kuma 2.2 to 2.14 on the clusters, or another provider; once Kuma 3.0 is released, trafficRoutingProvider: gatewayapi`}},
		{"a Kuma that is too old",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {kuma: {version: 1.8.0}}"), clusterOne, rollingOut("a", "f", "kuma")},
			[]string{`f.yaml:9:35: error FW401 spec.plugin.flagger.installed.kuma.version: fleetwright does not support Kuma 1.8.0 → use Kuma 2.2 to 2.14 on the clusters, or another provider`}},
		{"a Mesh with a field that the installed Kuma does not know",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "installed: {kuma: {version: 2.8.0}}"), clusterOne, schema.File{Name: "mesh.yaml", Data: []byte(strings.Replace(plainMesh, "spec: {", "spec: {meshServices: {mode: Disabled}, ", 1))}},
			[]string{`mesh.yaml:5:8: warning FW411 spec.meshServices: Kuma 2.8.0 ignores meshServices without an error → remove the field, or use Kuma 2.9 or newer`}},
		{"another annotation prefix than that of the rendered controller",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: nginx", "installed: {flagger: {version: 1.42.0, ingressAnnotationsPrefix: example.com}}"), clusterOne},
			[]string{`f.yaml:9:72: error FW222 spec.plugin.flagger.installed.flagger.ingressAnnotationsPrefix: Flagger writes annotations with the prefix example.com, but the ingress controller reads nginx.ingress.kubernetes.io and ignores every weight → config: {extraArgs: {controller: {extraArgs: {annotations-prefix: example.com}}}} next to installed, or ingressAnnotationsPrefix: nginx.ingress.kubernetes.io if Flagger has that`}},
		{"the annotation prefix of the rendered controller",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: nginx", "config: {extraArgs: {controller: {extraArgs: {annotations-prefix: example.com}}}}", "installed: {flagger: {version: 1.42.0, ingressAnnotationsPrefix: example.com}}"), clusterOne},
			nil},
		{"a load tester without sidecars",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {loadtester: {url: http://t.kube-system/}}"), clusterOne},
			[]string{`f.yaml:9:37: warning FW355 spec.plugin.flagger.installed.loadtester.url: namespace kube-system never gets sidecars, so the load tester's traffic is not split → install it in another namespace, or set testLoader: true in the rollouts`}},
		{"a load tester without sidecars, by its namespace",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {loadtester: {url: http://t.test/, namespace: kube-system}}"), clusterOne},
			[]string{`f.yaml:9:64: warning FW355 spec.plugin.flagger.installed.loadtester.namespace: namespace kube-system never gets sidecars, so the load tester's traffic is not split → install it in another namespace, or set testLoader: true in the rollouts`}},
		{"an unknown component",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {flager: {version: 1.42.0}}"), clusterOne},
			[]string{`f.yaml:9:19: error FW110 spec.plugin.flagger.installed: unknown field "flager" → did you mean flagger?`}},
		{"an unknown field",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {istio: {version: 1.26.0}}"), clusterOne},
			[]string{`f.yaml:9:27: error FW110 spec.plugin.flagger.installed.istio: unknown field "version" → did you mean revision?`}},
		{"Istio handed over",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {istio: {handOver: true}}"), clusterOne},
			[]string{`f.yaml:9:27: error FW110 spec.plugin.flagger.installed.istio: unknown field "handOver" → known fields are namespace, revision`}},
		{"no version",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {flagger: {}, kuma: {}}"), clusterOne},
			[]string{
				`f.yaml:9:19: error FW112 spec.plugin.flagger.installed.flagger: version is missing → version: 1.44.0`,
				`f.yaml:9:32: error FW112 spec.plugin.flagger.installed.kuma: version is missing → version: 2.13.10`,
			}},
		{"an invalid version",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {flagger: {version: latest}, kuma: {version: 2.x}}"), clusterOne},
			[]string{
				`f.yaml:9:38: error FW115 spec.plugin.flagger.installed.flagger.version: "latest" is not a version such as 1.44.0`,
				`f.yaml:9:63: error FW115 spec.plugin.flagger.installed.kuma.version: "2.x" is not a version such as 1.44.0`,
			}},
		{"a range",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {flagger: {version: '>=1.40'}}"), clusterOne},
			[]string{`f.yaml:9:38: error FW115 spec.plugin.flagger.installed.flagger.version: ">=1.40" is not a version such as 1.44.0`}},
		{"no address and no URL",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {prometheus: {}, loadtester: {}}"), clusterOne},
			[]string{
				`f.yaml:9:19: error FW112 spec.plugin.flagger.installed.prometheus: address is missing → address: http://prometheus.monitoring:9090`,
				`f.yaml:9:35: error FW112 spec.plugin.flagger.installed.loadtester: url is missing → url: http://flagger-loadtester.test/`,
			}},
		{"not a URL",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {prometheus: {address: prometheus}, loadtester: {url: tester}}"), clusterOne},
			[]string{
				`f.yaml:9:41: error FW115 spec.plugin.flagger.installed.prometheus.address: "prometheus" is not the URL of a server: the URL must begin with http:// or https://; Flagger rejects it → address: http://prometheus`,
				`f.yaml:9:72: error FW115 spec.plugin.flagger.installed.loadtester.url: "tester" is not the URL of a server: the URL must begin with http:// or https://; Flagger rejects it → url: http://tester`,
			}},
		{"a bad namespace, class and label",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {istio: {namespace: A}, ingress-nginx: {class: a_b}, prometheus: {address: http://p.m:9090, labels: {pod: a-b}}}"), clusterOne},
			[]string{
				`f.yaml:9:38: error FW115 spec.plugin.flagger.installed.istio.namespace: "A" is not a valid Kubernetes name: at most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit → namespace: a`,
				`f.yaml:9:65: error FW115 spec.plugin.flagger.installed.ingress-nginx.class: "a_b" is not a valid Kubernetes name: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit → class: a-b`,
				`f.yaml:9:124: error FW115 spec.plugin.flagger.installed.prometheus.labels.pod: "a-b" is not a label of Prometheus: letters, digits and '_', not beginning with a digit`,
			}},
		{"a provider in a RenderConfig",
			[]schema.File{rollingOut("a", "", "istio"), config("  plugin: {flagger: {trafficRoutingProvider: istio, installed: {flagger: {version: 1.42.0}, istio: {}}}}\n")},
			[]string{`config.yaml:4:22: error FW110 spec.plugin.flagger: unknown field "trafficRoutingProvider" → known fields are gateway, installed`}},
		{"a RenderConfig without components",
			[]schema.File{rollingOut("a", "", "istio"), config("  plugin: {flagger: {}}\n")},
			[]string{`config.yaml:4:12: error FW112 spec.plugin.flagger: installed is missing → installed: {…}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantProblems(t, tt.files, tt.want)
		})
	}
}

// TestRequirementsAreReportedOnce checks that requirements are reported once per plugin, with commands that can be
// pasted.
func TestRequirementsAreReportedOnce(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []schema.File
		want  []string
	}{
		{"no component is installed",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma"), clusterOne},
			nil},
		{"a Flagger in an unknown namespace",
			[]schema.File{installedConfig("flagger: {version: 1.42.0}"), fleetWith("f"), clusterOne},
			[]string{`config.yaml:6:7: info FW225 spec.plugin.flagger.installed: every cluster whose fleets have no plugin.flagger must already have Flagger 1.42.0; a Prometheus at http://prometheus:9090 → to check: kubectl get deployments -A -o wide | grep flagger; kubectl get services -A | grep prometheus`}},
		{"all of Istio",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {istio: {revision: stable}, flagger: {version: v1.42.0}, prometheus: {address: http://p.m:9090}, loadtester: {url: http://t.test/}}"), clusterOne, rollingOut("a", "f", "istio"), rollingOut("b", "f", "istio")},
			[]string{`f.yaml:9:7: info FW225 spec.plugin.flagger.installed: every cluster of the fleet must already have Flagger 1.42.0 in namespace istio-system; Istio with the revision or tag stable in namespace istio-system, and its injection label on existing namespaces of rollouts; a Prometheus at http://p.m:9090 with istio_requests_total; a load tester at http://t.test/ → to check: kubectl -n istio-system get deployment flagger -o jsonpath='{..image} {..command} {..args}'; kubectl get mutatingwebhookconfigurations -l app=sidecar-injector -L istio.io/rev,istio.io/tag; kubectl get namespaces -L istio-injection,istio.io/rev; kubectl -n m get service p; kubectl -n test get service t`}},
		{"a Kuma whose route is missing",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "installed: {kuma: {version: 2.13.10, mesh: shop, catchAllRoute: false}}"), clusterOne},
			[]string{`f.yaml:9:7: info FW225 spec.plugin.flagger.installed: every cluster of the fleet must already have Kuma 2.13.10 in namespace kuma-system, and its injection label on existing namespaces of rollouts; the Mesh shop, with metrics for Prometheus and no mutual TLS in mode STRICT → to check: kubectl -n kuma-system get deployments -l app=kuma-control-plane -o jsonpath='{..image}'; kubectl get namespaces -L kuma.io/sidecar-injection; kubectl get meshes.kuma.io -o yaml`}},
		{"a Kuma that creates the route",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "installed: {kuma: {version: 2.5.4}}"), clusterOne},
			[]string{`f.yaml:9:7: info FW225 spec.plugin.flagger.installed: every cluster of the fleet must already have Kuma 2.5.4 in namespace kuma-system, and its injection label on existing namespaces of rollouts; the Mesh default, with metrics for Prometheus and no mutual TLS in mode STRICT; a TrafficRoute for all traffic of default → to check: kubectl -n kuma-system get deployments -l app=kuma-control-plane -o jsonpath='{..image}'; kubectl get namespaces -L kuma.io/sidecar-injection; kubectl get meshes.kuma.io -o yaml; kubectl get trafficroutes.kuma.io`}},
		{"a component that another fleet renders",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: kuma"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0}, istio: {}}"), clusterOne},
			[]string{`g.yaml:9:7: info FW225 spec.plugin.flagger.installed: every cluster of the fleet must already have Istio in namespace istio-system, and its injection label on existing namespaces of rollouts → to check: kubectl get mutatingwebhookconfigurations -l app=sidecar-injector -L istio.io/rev,istio.io/tag; kubectl get namespaces -L istio-injection,istio.io/rev`}},
		{"a component that is handed over",
			[]schema.File{fleetWith("f", "trafficRoutingProvider: nginx", "installed: {ingress-nginx: {handOver: true}}"), clusterOne},
			nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, d := range diagnostics(tt.files) {
				if d.Code == "FW225" {
					got = append(got, d.String()+" → "+d.Hint)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}
