package render_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/schema"
)

// onServices returns an Application of rollingOut with a blue/green rollout on Services, in which pairs of texts
// are replaced.
func onServices(fleet string, replaced ...string) schema.File {
	f := rollingOut("a", fleet, "kubernetes")
	replaced = append([]string{
		"      port: 8080", "      testLoader: true\n      port: 8080",
		"canaryStrategy: {stepWeight: 10}", "analysisTimes: 5",
		"thresholdRange: {min: 99}}]", "thresholdRange: {min: 99}}], webhooks: {command: [hey -z 50s http://a-canary.a:8080/]}",
	}, replaced...)
	for i := 0; i < len(replaced); i += 2 {
		f.Data = []byte(strings.Replace(string(f.Data), replaced[i], replaced[i+1], 1))
	}
	return f
}

// TestServicesNeedOnlyFlagger checks that only Flagger and its Prometheus are rendered, because no
// component moves traffic.
func TestServicesNeedOnlyFlagger(t *testing.T) {
	files := []schema.File{clusterOne, fleetWith("f", "trafficRoutingProvider: kubernetes"), onServices("f")}
	wantProblems(t, files, nil)
	tree := compile(t, files...)
	if got, want := platformOf(tree), []string{"helmrelease-flagger", "helmrepository-flagger", "namespace-flagger-system"}; !slices.Equal(got, want) {
		t.Errorf("it renders %q, want %q", got, want)
	}
	release, canary := get(t, tree, oneDir+"infrastructure/helmrelease-flagger.yaml"), get(t, tree, oneDir+"rollouts/default.a/canary-a.yaml")
	for _, w := range []struct {
		object map[string]any
		path   string
		want   any
	}{
		{release, "metadata namespace", "flagger-system"},
		{release, "spec values meshProvider", "kubernetes"},
		{release, "spec values metricsServer", "http://flagger-prometheus.flagger-system:9090"},
		{release, "spec values prometheus install", true},
		{canary, "spec provider", "kubernetes"},
		{canary, "spec analysis iterations", 5.0},
		{get(t, tree, oneDir+"apps/default.a/namespace-a.yaml"), "metadata labels", nil},
	} {
		if got := at(w.object, w.path); got != w.want {
			t.Errorf("%s is %v, want %v", w.path, got, w.want)
		}
	}
	checkChain(t, tree, "one")
}

// TestPodsOfTheNewVersion checks that the queries match only the pods of the new version, by the labels of the
// Prometheus.
func TestPodsOfTheNewVersion(t *testing.T) {
	const installed = "trafficRoutingProvider: kubernetes"
	for _, tt := range []struct {
		name, fleet    string
		change         []string
		namespace, pod string
		daemonSet      bool
	}{
		{"Flagger's own Prometheus", installed, nil, "kubernetes_namespace", "kubernetes_pod_name", false},
		{"a DaemonSet", installed, []string{"workload: {name", "workload: {kind: DaemonSet, name"}, "kubernetes_namespace", "kubernetes_pod_name", true},
		{"the rollout's own Prometheus", installed, []string{"      port: 8080", "      metricsServer: http://p.m:9090\n      port: 8080"}, "namespace", "pod", false},
		{"an installed Prometheus", installed + "\n      installed: {prometheus: {address: http://p.m:9090}}", nil, "namespace", "pod", false},
		{"an installed Prometheus with labels", installed + "\n      installed: {prometheus: {address: http://p.m:9090, labels: {pod: po}}}", nil, "namespace", "po", false},
		{"everything is installed", installed + "\n      installed: {flagger: {version: 1.42.0, metricsServer: http://flagger-prometheus.flagger-system:9090}}", nil, "kubernetes_namespace", "kubernetes_pod_name", false},
		{"Kuma's Prometheus", "trafficRoutingProvider: kuma", nil, "namespace", "pod", false},
		{"nginx' Prometheus", "trafficRoutingProvider: nginx", nil, "kubernetes_namespace", "kubernetes_pod_name", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := []schema.File{clusterOne, fleetWith("f", tt.fleet), onServices("f", tt.change...)}
			wantProblems(t, files, nil)
			query, _ := at(get(t, compile(t, files...), oneDir+"rollouts/default.a/metrictemplate-a.request-success-rate-kubernetes.yaml"), "spec query").(string)
			if !strings.Contains(query, " "+tt.namespace+`="{{ namespace }}"`) {
				t.Errorf("the namespace is not in the label %s of\n%s", tt.namespace, query)
			}
			_, selector, _ := strings.Cut(query, " "+tt.pod+`=~"`)
			selector, _, _ = strings.Cut(strings.ReplaceAll(selector, "{{ target }}", "a"), `"`)
			pods := regexp.MustCompile("^(?:" + selector + ")$")
			if tt.daemonSet && pods.MatchString("a-primary-x2k4z") {
				t.Errorf("%s finds the primary of a DaemonSet", selector)
			}
			for pod, want := range map[string]bool{
				"a-7d9c5b8f6d-x2k4z": !tt.daemonSet, "a-x2k4z": tt.daemonSet,
				"a-primary-7d9c5b8f6d-x2k4z": false, "a-db-0": false, "a-0": false,
			} {
				if pods.MatchString(pod) != want {
					t.Errorf("%s finds %s: %v", selector, pod, !want)
				}
			}
		})
	}
}

// TestFieldsThatServicesDoNotSupport checks fields that split, match or keep requests.
func TestFieldsThatServicesDoNotSupport(t *testing.T) {
	const routing, analysis = "spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting", "spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis"
	for _, tt := range []struct {
		name   string
		fleet  string
		change []string
		want   []string
	}{
		{"weights", "", []string{"analysisTimes: 5", "canaryStrategy: {stepWeight: 10}"},
			[]string{`a.yaml:16:69: error FW750 ` + routing + `.canaryStrategy.stepWeight: Flagger ignores weights on kubernetes: it runs 10 checks, then gives the new version all traffic at once → analysisTimes: 10, instead of canaryStrategy`}},
		{"weights in a list", "", []string{"analysisTimes: 5", "canaryStrategy: {stepWeights: [1, 10]}"},
			[]string{`a.yaml:16:57: error FW750 ` + routing + `.canaryStrategy.stepWeights: Flagger ignores weights on kubernetes: it runs 10 checks, then gives the new version all traffic at once → analysisTimes: 10, instead of canaryStrategy`}},
		{"weights by a patch", "", []string{"      port: 8080", "      patches: [{target: {kind: Canary}, patch: '{apiVersion: flagger.app/v1beta1, kind: Canary, metadata: {name: a}, spec: {analysis: {iterations: null, stepWeight: 10}}}'}]\n      port: 8080"},
			[]string{`a.yaml:15:17: error FW750 spec.syncPolicies[0].rollout.patches[0]: Flagger ignores weights on kubernetes: it runs 10 checks, then gives the new version all traffic at once → analysisTimes: 10, instead of canaryStrategy`}},
		{"weights that the Application does not set", "", []string{"analysisTimes: 5", "canaryStrategy: {stepWeight: 10}", "rolloutPolicy: {", "rolloutPolicy: {skipTrafficAnalysis: true, "}, nil},
		{"conditions", "", []string{"analysisTimes: 5", "analysisTimes: 5, match: [{headers: {x: {exact: a}}}]"},
			[]string{`a.yaml:16:58: error FW750 ` + routing + `.match: Flagger ignores match on kubernetes: the new version gets no requests before the switch → remove match: with only analysisTimes, the rollout is blue/green`}},
		{"a timeout", "", []string{"analysisTimes: 5", "analysisTimes: 5, timeoutSeconds: 5"}, nil},
		{"a chart", "config: {chart: {version: 1.0.0}}", nil,
			[]string{`f.yaml:9:7: error FW703 spec.plugin.flagger.config: fleetwright installs no chart for kubernetes, so config has no effect → remove config`}},
		{"no Prometheus", "extraArgs: {prometheus: {install: false}}", nil,
			[]string{`a.yaml:16:94: error FW715 ` + analysis + `.metrics[0].name: Flagger's chart installs no Prometheus (f.yaml:9:41), so every check of request-success-rate fails → extraArgs: {metricsServer: http://prometheus.monitoring:9090}, with the URL of yours`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plugin := []string{"trafficRoutingProvider: kubernetes"}
			if tt.fleet != "" {
				plugin = append(plugin, tt.fleet)
			}
			wantProblems(t, []schema.File{clusterOne, fleetWith("f", plugin...), onServices("f", tt.change...)}, tt.want)
		})
	}
	for _, field := range []string{
		"hosts: [h.example.com]", "host: h.example.com", "gateways: [a/b]", "retries: {attempts: 3}", "headers: {request: {set: {a: b}}}", "corsPolicy: {allowOrigin: [a]}", "protocol: http",
	} {
		files := []schema.File{clusterOne, fleetWith("f", "trafficRoutingProvider: kubernetes"), onServices("f", "analysisTimes: 5", "analysisTimes: 5, "+field)}
		if list := problems(files); len(list) != 1 || list[0].Code != "FW750" {
			t.Errorf("%s: got\n%s", field, text(list))
		}
	}
}

// TestServicesAreOnEveryClusterWithFlagger checks that a rollout on Services works with any provider of the
// fleet, and that hints for other rollouts do not recommend Services.
func TestServicesAreOnEveryClusterWithFlagger(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []schema.File
		want  []string
	}{
		{"Kuma's fleet", []schema.File{fleetWith("f", "trafficRoutingProvider: kuma"), onServices("f")}, nil},
		{"a RenderConfig with Flagger", []schema.File{installedConfig("flagger: {version: 1.44.0}", "prometheus: {address: http://p.m:9090}"), onServices("")}, nil},
		{"no Flagger", []schema.File{fleetWith("f"), onServices("f")},
			[]string{`a.yaml:11:31: error FW206 spec.syncPolicies[0].rollout.trafficRoutingProvider: nothing runs the rollout: the fleet at f.yaml:3:18 neither installs Flagger nor lists it under installed → to install Flagger, write plugin: {flagger: {trafficRoutingProvider: kubernetes}} in the Fleet's spec; if the clusters have it, also write installed: {flagger: {version: 1.44.0}} there under flagger, or write plugin: {flagger: {installed: {flagger: {version: 1.44.0}}}} in the spec of a RenderConfig`}},
		{"Istio on Kuma's fleet", []schema.File{fleetWith("f", "trafficRoutingProvider: kuma"), rollingOut("a", "f", "istio")},
			[]string{`a.yaml:11:31: error FW207 spec.syncPolicies[0].rollout.trafficRoutingProvider: the rollout uses istio, but the clusters have no istio (f.yaml:3:18 has kuma) → installed: {istio: {}} in plugin.flagger if the clusters have it, or trafficRoutingProvider: kuma`}},
		{"Istio on a fleet on Services", []schema.File{fleetWith("f", "trafficRoutingProvider: kubernetes"), rollingOut("a", "f", "istio")},
			[]string{`a.yaml:11:31: error FW207 spec.syncPolicies[0].rollout.trafficRoutingProvider: the rollout uses istio, but the clusters have no istio (f.yaml:3:18 has kubernetes) → installed: {istio: {}} in plugin.flagger if the clusters have it, or trafficRoutingProvider: kubernetes`}},
	} {
		t.Run(tt.name, func(t *testing.T) { wantProblems(t, append([]schema.File{clusterOne}, tt.files...), tt.want) })
	}
}

// TestNginxRetirementIsReportedOncePerFleet checks that the retirement of ingress-nginx is reported once per fleet that
// renders or has it, whatever the number of clusters and rollouts.
func TestNginxRetirementIsReportedOncePerFleet(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []schema.File
		want  []string
	}{
		{"rendered", []schema.File{fleetWith("f", "trafficRoutingProvider: nginx"), rollingOut("a", "f", "nginx"), rollingOut("b", "f", "nginx")}, []string{"f.yaml:8:31"}},
		{"installed", []schema.File{fleetWith("f", "trafficRoutingProvider: istio", "installed: {ingress-nginx: {}}"), rollingOut("a", "f", "nginx")}, []string{"f.yaml:9:19"}},
		{"two fleets", []schema.File{fleetWith("f", "trafficRoutingProvider: nginx"), otherFleet("trafficRoutingProvider: nginx")}, []string{"f.yaml:8:31", "other.yaml:4:99"}},
		{"a RenderConfig", []schema.File{installedConfig("flagger: {version: 1.44.0}", "ingress-nginx: {}"), rollingOut("a", "", "nginx")}, []string{"config.yaml:8:9"}},
		{"another provider", []schema.File{fleetWith("f", "trafficRoutingProvider: kuma"), rollingOut("a", "f", "kuma")}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, d := range diagnostics(append([]schema.File{clusterOne}, tt.files...)) {
				if d.Code == "FW723" {
					got = append(got, d.Position.String())
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("reported at %q, want %q", got, tt.want)
			}
		})
	}
}

// TestScrapedPort checks that the annotation in the hint has the container's port, if that is a number.
func TestScrapedPort(t *testing.T) {
	const deployment = "# Source deployment.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop, namespace: shop}\nspec: {selector: {matchLabels: {app: shop}}, template: {metadata: {labels: {app: shop}}, spec: {containers: [{name: shop, image: \"shop:1\", ports: [{name: web, containerPort: 9898}]}]}}}\n"
	for target, want := range map[string]string{
		"targetPort: 9898": `annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9898"} in the pod template`,
		"targetPort: web":  `annotations: {prometheus.io/scrape: "true"} in the pod template`,
	} {
		var got []string
		for _, d := range compileExample(t, withExample(t, baseOf(t, "kubernetes"), "# Application spec.syncPolicies[0].rollout\n"+target+"\n---\n"+deployment)) {
			if d.Code == "FW753" {
				got = append(got, d.Hint)
			}
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s: it advises %q, want %q", target, got, want)
		}
	}
}
