package render_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/schema"
)

// inNamespace moves the workload of an Application of rollingOut to a namespace.
func inNamespace(f schema.File, namespace string) schema.File {
	f.Data = []byte(strings.Replace(string(f.Data), ", namespace: "+strings.TrimSuffix(f.Name, ".yaml")+"}", ", namespace: "+namespace+"}", 1))
	return f
}

// TestRolloutsOfTwoProviders checks that one Flagger runs the rollouts of Istio and of nginx on one cluster,
// each with its own provider.
func TestRolloutsOfTwoProviders(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fleets []schema.File
		// address is the Prometheus of the rollout on nginx.
		flagger bool
		address string
	}{
		{"Istio's Flagger is rendered", []schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {ingress-nginx: {class: internal}}")}, true, "http://prometheus.istio-system:9090"},
		{"nginx and its Flagger are rendered", []schema.File{fleetWith("f", "trafficRoutingProvider: nginx", "config: {extraArgs: {controller: {ingressClassResource: {name: internal}}}}", "installed: {istio: {}}")}, true, "http://flagger-prometheus.ingress-nginx:9090"},
		{"everything is installed", []schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.42.0, metricsServer: http://p.m:9090}, istio: {}, ingress-nginx: {class: internal}}")}, false, "http://p.m:9090"},
		{"everything is installed, in a RenderConfig", []schema.File{fleetWith("f"), installedConfig("flagger: {version: 1.42.0}", "istio: {}", "ingress-nginx: {class: internal}", "prometheus: {address: http://p.m:9090}")}, false, "http://p.m:9090"},
		{"two fleets", []schema.File{fleetWith("f", "trafficRoutingProvider: nginx", "config: {extraArgs: {controller: {ingressClassResource: {name: internal}}}}"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0}, istio: {}}")}, true, "http://flagger-prometheus.ingress-nginx:9090"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := append([]schema.File{clusterOne, rollingOut("meshed", "f", "istio"), rollingOut("public", "f", "nginx")}, tt.fleets...)
			wantProblems(t, files, nil)
			tree := compile(t, files...)
			for _, w := range []struct {
				file, path string
				want       any
			}{
				{"rollouts/default.meshed/canary-meshed.yaml", "spec provider", "istio"},
				{"rollouts/default.public/canary-public.yaml", "spec provider", "nginx"},
				{"rollouts/default.public/ingress-public.yaml", "spec ingressClassName", "internal"},
				{"rollouts/default.public/metrictemplate-public.request-success-rate-nginx.yaml", "spec provider address", tt.address},
				{"apps/default.meshed/namespace-meshed.yaml", "metadata labels istio-injection", "enabled"},
				{"apps/default.public/namespace-public.yaml", "metadata labels", nil},
			} {
				if got := at(get(t, tree, oneDir+w.file), w.path); got != w.want {
					t.Errorf("%s: %s is %v, want %v", w.file, w.path, got, w.want)
				}
			}
			if got := slices.Contains(platformOf(tree), "helmrelease-flagger"); got != tt.flagger {
				t.Errorf("Flagger is rendered: %v", got)
			}
			// Istio's built-in queries are Flagger's own.
			if got := at(get(t, tree, oneDir+"rollouts/default.meshed/canary-meshed.yaml"), "spec analysis metrics 0 templateRef"); got != nil {
				t.Errorf("the metric of the rollout on Istio is %v", got)
			}
			checkChain(t, tree, "one")
		})
	}
}

// TestTwoFleetsOnOneCluster checks two fleets: one renders Kuma and Flagger, the other has Istio and lists
// Flagger as installed.
func TestTwoFleetsOnOneCluster(t *testing.T) {
	files := []schema.File{clusterOne, fleetWith("f", "trafficRoutingProvider: kuma"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {flagger: {version: 1.44.0, namespace: kuma-system}, istio: {}}"),
		rollingOut("a", "f", "kuma"), rollingOut("b", "g", "istio"), rollingOut("c", "g", "kuma"), rollingOut("d", "f", "istio")}
	wantProblems(t, files, nil)
	tree := compile(t, files...)
	for app, provider := range map[string]string{"a": "kuma", "b": "istio", "c": "kuma", "d": "istio"} {
		canary := get(t, tree, oneDir+"rollouts/default."+app+"/canary-"+app+".yaml")
		if got := at(canary, "spec provider"); got != provider {
			t.Errorf("%s: the provider is %v", app, got)
		}
		if got := at(get(t, tree, oneDir+"apps/default."+app+"/namespace-"+app+".yaml"), "metadata labels kuma.io/sidecar-injection"); (got == "enabled") != (provider == "kuma") {
			t.Errorf("%s: the label for Kuma's sidecars is %v", app, got)
		}
	}
	want := []string{"helmrelease-flagger", "helmrelease-kuma", "helmrelease-prometheus", "helmrepository-flagger", "helmrepository-kuma", "helmrepository-prometheus",
		"mesh-default", "namespace-kuma-system", "namespace-mesh-observability", "trafficroute-route-all-default"}
	if got := platformOf(tree); !slices.Equal(got, want) {
		t.Errorf("it renders %q, want %q", got, want)
	}
	if got := at(get(t, tree, oneDir+"infrastructure/helmrelease-flagger.yaml"), "spec values meshProvider"); got != "kuma" {
		t.Errorf("Flagger's provider is %v", got)
	}
	checkChain(t, tree, "one")
}

// TestFeaturesOfEachProvider checks that fields which a provider lacks are reported only for its own
// rollouts.
func TestFeaturesOfEachProvider(t *testing.T) {
	with := func(f schema.File, routing string) schema.File {
		f.Data = []byte(strings.Replace(string(f.Data), "trafficRouting: {", "trafficRouting: {"+routing+", ", 1))
		return f
	}
	fleet := []schema.File{clusterOne, fleetWith("f", "trafficRoutingProvider: istio", "installed: {ingress-nginx: {}, kuma: {version: 2.13.10}}")}
	for _, tt := range []struct {
		name  string
		files []schema.File
		want  []string
	}{
		{"retries on Istio",
			[]schema.File{with(rollingOut("a", "f", "istio"), "retries: {attempts: 3}")},
			nil},
		{"retries on nginx",
			[]schema.File{with(rollingOut("a", "f", "nginx"), "retries: {attempts: 3}")},
			[]string{`a.yaml:15:40: error FW711 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.retries: Flagger ignores retries on nginx: the field is for istio → remove the field`}},
		{"a host on Istio",
			[]schema.File{with(rollingOut("a", "f", "istio"), "host: h.example.com")},
			[]string{`a.yaml:15:46: error FW701 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.host: Flagger ignores host on istio: the field is for nginx → hosts: [shop.example.com]`}},
		{"retries on Kuma",
			[]schema.File{with(rollingOut("a", "f", "kuma"), "retries: {attempts: 3}")},
			[]string{`a.yaml:15:40: error FW403 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.retries: Flagger ignores retries on kuma: the field is for istio → remove the field, and create a MeshRetry in Kuma`}},
		{"no host on nginx",
			[]schema.File{{Name: "a.yaml", Data: []byte(strings.Replace(string(rollingOut("a", "f", "nginx").Data), "host: h.example.com, ", "", 1))}},
			[]string{`a.yaml:15:23: error FW712 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting: the Ingress has no host, so it would match requests for every host → host: shop.example.com`}},
		{"a namespace of Istio and of nginx",
			[]schema.File{inNamespace(rollingOut("a", "f", "istio"), "shop"), inNamespace(rollingOut("b", "f", "nginx"), "shop")},
			nil},
		{"a namespace of Istio and of Kuma",
			[]schema.File{inNamespace(rollingOut("a", "f", "istio"), "shop"), inNamespace(rollingOut("b", "f", "kuma"), "shop")},
			[]string{`b.yaml:12:38: error FW417 spec.syncPolicies[0].rollout.workload.namespace: another rollout in namespace shop is on istio, this one on kuma; all pods of a namespace join one mesh → move one of the two workloads to another namespace`}},
		{"a namespace of Kuma and of Istio",
			[]schema.File{inNamespace(rollingOut("a", "f", "kuma"), "shop"), inNamespace(rollingOut("b", "f", "istio"), "shop")},
			[]string{`b.yaml:12:38: error FW417 spec.syncPolicies[0].rollout.workload.namespace: another rollout in namespace shop is on kuma, this one on istio; all pods of a namespace join one mesh → move one of the two workloads to another namespace`}},
		{"one workload on two providers",
			[]schema.File{rollingOut("a", "f", "istio"), {Name: "b.yaml", Data: []byte(strings.NewReplacer("metadata: {name: a}", "metadata: {name: b}", "  - name: a\n", "  - name: b\n").Replace(string(rollingOut("a", "f", "nginx").Data)))}},
			[]string{`b.yaml:12:24: error FW601 spec.syncPolicies[0].rollout.workload.name: Canary a/a is also rendered for a.yaml:12:24 on the same cluster; each would overwrite the other → rename one of the two, or send them to different clusters with clusterSelector`}},
	} {
		t.Run(tt.name, func(t *testing.T) { wantProblems(t, append(slices.Clone(fleet), tt.files...), tt.want) })
	}
}

// TestTheRenderConfigAppliesToClustersWithoutAPlugin checks that the plugin of a RenderConfig applies to
// clusters of fleets without one and to the cluster host, but not to a cluster with a fleet that has its own.
func TestTheRenderConfigAppliesToClustersWithoutAPlugin(t *testing.T) {
	installed := installedConfig("flagger: {version: 1.42.0}", "istio: {revision: stable}", "loadtester: {url: http://tester.test/}")
	revision := func(files ...schema.File) map[string]any {
		got := map[string]any{}
		for file := range contents(compile(t, append(files, installed)...)) {
			if strings.HasSuffix(file, "/namespace-a.yaml") {
				got[strings.Split(file, "/")[0]] = at(get(t, compile(t, append(files, installed)...), file), "metadata labels istio.io/rev")
			}
		}
		return got
	}
	a := rollingOut("a", "f", "istio")
	for _, tt := range []struct {
		name  string
		files []schema.File
		want  map[string]any
	}{
		{"host", []schema.File{rollingOut("a", "", "istio")}, map[string]any{"host": "stable"}},
		{"a fleet without a plugin", []schema.File{a, clusterOne, fleetWith("f")}, map[string]any{"one": "stable"}},
		{"a fleet with its own", []schema.File{a, clusterOne, fleetWith("f", "trafficRoutingProvider: istio")}, map[string]any{"one": nil}},
		{"a cluster of another fleet with a plugin", []schema.File{a, clusterOne, fleetWith("f"), fleetWith("g", "trafficRoutingProvider: istio", "installed: {istio: {revision: canary}}")}, map[string]any{"one": "canary"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := revision(tt.files...)
			if len(got) != len(tt.want) {
				t.Fatalf("the namespace is on %v", got)
			}
			for cluster, want := range tt.want {
				if got[cluster] != want {
					t.Errorf("on %s the revision is %v, want %v", cluster, got[cluster], want)
				}
			}
		})
	}
	// Nothing is rendered for a cluster of a RenderConfig, and a fleet with a plugin gets only its own.
	tree := compile(t, append(worldAnd(rollingOut("a", "labs", "istio"), rollingOut("b", "shops", "kuma"), rollingOut("c", "", "istio")), installed)...)
	for cluster, want := range map[string]bool{"lab": false, "host": false, "berlin": true} {
		_, got := contents(tree)[cluster+"/fleetwright/infrastructure/helmrelease-flagger.yaml"]
		if got != want {
			t.Errorf("Flagger is rendered for %s: %v", cluster, got)
		}
	}
}

// TestHintsHaveTheLabelsOfTheInstalledPrometheus checks that the hint for a query of all services uses the
// labels of the installed Prometheus, and for another Prometheus the usual ones.
func TestHintsHaveTheLabelsOfTheInstalledPrometheus(t *testing.T) {
	for _, tt := range []struct{ labels, address, want string }{
		{"", "http://p.m:9090", `up{namespace="{{ namespace }}",pod=~"{{ target }}-`},
		{", labels: {namespace: ns}", "http://p.m:9090", `up{ns="{{ namespace }}",pod=~"{{ target }}-`},
		{", labels: {namespace: ns, pod: po}", "http://p.m:9090", `up{ns="{{ namespace }}",po=~"{{ target }}-`},
		{", labels: {namespace: ns, pod: po}", "http://other.m:9090", `up{namespace="{{ namespace }}",pod=~"{{ target }}-`},
	} {
		files := having("istio", "", "flagger: {version: 1.42.0}, prometheus: {address: http://p.m:9090"+tt.labels+"}",
			"      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}, trafficAnalysis: {metrics: [{name: own, thresholdRange: {min: 1}, customMetric: {provider: {type: prometheus, address: "+tt.address+"}, query: sum(up)}}]}}\n")
		found := false
		for _, d := range diagnostics(files) {
			found = found || strings.Contains(d.Hint, tt.want)
		}
		if !found {
			t.Errorf("%s of %s: no hint has %s among\n%s", tt.labels, tt.address, tt.want, text(diagnostics(files)))
		}
	}
}
