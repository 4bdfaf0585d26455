package render_test

import (
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// TestRoutesForAllTrafficStay checks that the mesh of an installed Kuma keeps its route for all traffic after
// the route is no longer rendered.
func TestRoutesForAllTrafficStay(t *testing.T) {
	files := having("kuma", "", "kuma: {version: 2.13.10, catchAllRoute: false}, loadtester: {url: http://t.test/}", canaryOf("kuma"))
	route := get(t, compile(t, files...), "one/fleetwright/mesh/trafficroute-route-all-default.yaml")
	if got := at(route, "metadata annotations kustomize.toolkit.fluxcd.io/prune"); got != "disabled" {
		t.Errorf("the annotation is %v", got)
	}
}

// TestKumaIsMeasuredByItsOwnPrometheus checks rollouts on Kuma, whichever fleet renders Flagger.
func TestKumaIsMeasuredByItsOwnPrometheus(t *testing.T) {
	files := []schema.File{
		fleetWith("f", "trafficRoutingProvider: nginx"),
		fleetWith("g", "trafficRoutingProvider: kuma", "installed: {flagger: {version: 1.44.0, namespace: ingress-nginx}}"),
		clusterOne, rollingOut("a", "g", "kuma"),
	}
	template := get(t, compile(t, files...), "one/fleetwright/rollouts/default.a/metrictemplate-a.request-success-rate-kuma.yaml")
	if got, want := at(template, "spec provider address"), "http://prometheus-server.mesh-observability:80"; got != want {
		t.Errorf("it asks %v, want %s", got, want)
	}
	// The Prometheus in Flagger's chart discovers no sidecars of Kuma.
	files = []schema.File{fleetWith("f", "trafficRoutingProvider: nginx", "installed: {kuma: {version: 2.13.10}}"), clusterOne, rollingOut("a", "f", "kuma")}
	wantDiagnostic(t, files, "a.yaml:15:110: error FW715 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics[0].name: Flagger's own Prometheus does not scrape Kuma's sidecars")
}

// TestFlaggerWritesThePrefixOfAnotherFleetsController checks a Flagger that runs the rollouts of two fleets.
func TestFlaggerWritesThePrefixOfAnotherFleetsController(t *testing.T) {
	tree := compile(t,
		fleetWith("f", "trafficRoutingProvider: istio"),
		fleetWith("g", "trafficRoutingProvider: nginx", "config: {extraArgs: {controller: {extraArgs: {annotations-prefix: foo.io}}}}", "installed: {flagger: {version: 1.44.0, namespace: istio-system}}"),
		clusterOne)
	release := get(t, tree, "one/fleetwright/infrastructure/helmrelease-flagger.yaml")
	if got := at(release, "spec values ingressAnnotationsPrefix"); got != "foo.io" {
		t.Errorf("the prefix is %v", got)
	}
}

// withLoad adds a load test to a rollout.
func withLoad(f schema.File) schema.File {
	f.Data = []byte(strings.Replace(string(f.Data), "trafficAnalysis: {", "trafficAnalysis: {webhooks: {command: [hey -z 1m http://a-canary.a/]}, ", 1))
	return f
}

// TestThePublicLoadTesterOfAnotherMesh checks load tests whose traffic is not split.
func TestThePublicLoadTesterOfAnotherMesh(t *testing.T) {
	files := []schema.File{fleetWith("f", "trafficRoutingProvider: kuma", "publicTestloader: true", "installed: {istio: {}}"), clusterOne, withLoad(rollingOut("a", "f", "istio"))}
	const want = "a.yaml:10:5: warning FW418 spec.syncPolicies[0].rollout.testLoader: the public load tester has a sidecar of kuma, so istio does not split its traffic"
	wantDiagnostic(t, files, want)
	files[2] = withLoad(rollingOut("a", "f", "kuma"))
	if list := text(diagnostics(files)); strings.Contains(list, "is not split by") {
		t.Error(list)
	}
}

// TestLoadForAnIngressControllerElsewhere checks commands that name the controller's default namespace.
func TestLoadForAnIngressControllerElsewhere(t *testing.T) {
	files := func(namespace string) []schema.File {
		rollout := strings.Replace(canaryOf("nginx"), "[hey]", "[hey -z 1m -host h.example.com http://ingress-nginx-controller."+namespace+"/]", 1)
		return having("nginx", "", "ingress-nginx: {namespace: ingress}, flagger: {version: 1.44.0}, loadtester: {url: http://t.test/}", rollout)
	}
	const want = "x.yaml:15:203: warning FW350 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test targets namespace ingress-nginx, but the ingress controller is in ingress"
	wantDiagnostic(t, files("ingress-nginx"), want)
	if list := text(diagnostics(files("ingress"))); strings.Contains(list, "FW350") {
		t.Error(list)
	}
}

// TestAHubHasAPlatformOfItsOwn checks that the RenderConfig also applies to the cluster host.
func TestAHubHasAPlatformOfItsOwn(t *testing.T) {
	const hub = "apiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nspec:\n  topology: hub\n  plugin: {flagger: {installed: {flagger: {version: 1.42.0}, kuma: {version: 2.13.10, catchAllRoute: false}, prometheus: {address: http://p.m:9090}, loadtester: {url: http://t.test/}}}}\n"
	tree := compile(t, rollingOut("a", "", "kuma"), schema.File{Name: "config.yaml", Data: []byte(hub)})
	get(t, tree, "host/fleetwright/mesh/trafficroute-route-all-default.yaml")
	if got, want := versionsOf(string(contents(tree)["host/fleetwright/inventory"]))["flagger"], "1.42.0"; got != want {
		t.Errorf("the version of Flagger is %q, want %q", got, want)
	}
}

// TestPoliciesOfOneNameThatWaitOnDifferentClusters checks that a cycle of dependencies is reported only if one
// cluster has all of its policies.
func TestPoliciesOfOneNameThatWaitOnDifferentClusters(t *testing.T) {
	policyOf := func(name, region, waits string) string {
		to := ""
		if region != "" {
			to = ", clusterSelector: {matchLabels: {region: " + region + "}}"
		}
		if waits != "" {
			waits = ", dependsOn: [{name: " + waits + "}]"
		}
		return "  - {name: " + name + ", destination: {fleet: shops" + to + "}, kustomization: {interval: 5m, prune: true, path: ./" + name + waits + "}}\n"
	}
	waiting := func(last string) []schema.File {
		return worldAnd(app("a", "  syncPolicies:\n"+policyOf("p", "eu", "q")+policyOf("p", "asia", "")+policyOf("q", "", "s")+policyOf("s", "asia", "t")+policyOf("s", "eu", last)+policyOf("t", "", "p")))
	}
	if list := problems(waiting("")); len(list) > 0 {
		t.Error(text(list))
	}
	wantDiagnostic(t, waiting("t"), "a.yaml:12:117: error FW506 spec.syncPolicies[5].kustomization.dependsOn[0].name: policies wait for each other: p -> q -> s -> t -> p")
}

// TestComponentsThatDisappear checks that Flux uninstalls the release of a component that is now listed under
// installed, unless it is kept.
func TestComponentsThatDisappear(t *testing.T) {
	const release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: NAME, namespace: kuma-system}\nspec: {releaseName: kuma}\n"
	kept := strings.Replace(release, "NAME,", "NAME, annotations: {kustomize.toolkit.fluxcd.io/prune: disabled},", 1)
	tree := compile(t, having("kuma", "", "kuma: {version: 2.13.10}, loadtester: {url: http://t.test/}", canaryOf("kuma"))...)
	for _, tt := range []struct {
		name, path, old string
		others          []render.Change
		lost            bool
	}{
		{"as it was", "infrastructure/helmrelease-kuma.yaml", strings.Replace(release, "NAME", "kuma", 1), nil, true},
		{"kept", "infrastructure/helmrelease-kuma.yaml", strings.Replace(kept, "NAME", "kuma", 1), nil, false},
		{"unreadable", "infrastructure/helmrelease-kuma.yaml", "{[", nil, true},
		{"with another name", "infrastructure/helmrelease-other.yaml", strings.Replace(release, "NAME", "other", 1), nil, true},
		{"for the cluster of a hub", "clusters/one/releases/helmrelease-kuma-attachedcluster-one.yaml", "{[", nil, true},
		{"rendered in another file", "infrastructure/helmrelease-kuma.yaml", strings.Replace(release, "NAME", "kuma", 1),
			[]render.Change{{Cluster: "one", Path: "mesh/helmrelease-kuma.yaml", New: []byte(strings.Replace(release, "NAME", "kuma", 1))}}, false},
		{"of a component that is not installed", "infrastructure/helmrelease-prometheus.yaml", strings.ReplaceAll(strings.Replace(release, "NAME", "prometheus", 1), "releaseName: kuma", "releaseName: prometheus"), nil, false},
		{"of an application", "apps/default.a/helmrelease-kuma.yaml", strings.Replace(release, "NAME", "kuma", 1), nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tree.LossesOf(append(tt.others, render.Change{Cluster: "one", Path: tt.path, Old: []byte(tt.old)}))
			if (len(got) > 0) != tt.lost {
				t.Errorf("it finds %v", got)
			}
		})
	}
}

// TestRequirementsAreReportedForEachFleet checks that each fleet's requirements are reported, even if another fleet
// renders the component on some of its clusters.
func TestRequirementsAreReportedForEachFleet(t *testing.T) {
	files := []schema.File{
		{Name: "a.yaml", Data: []byte("{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: a}, spec: {clusters: [{kind: AttachedCluster, name: one}, {kind: AttachedCluster, name: two}], plugin: {flagger: {trafficRoutingProvider: istio, installed: {istio: {}, flagger: {version: 1.44.0, namespace: kuma-system}}}}}}\n---\n" +
			"{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: two}}\n")},
		fleetWith("b", "trafficRoutingProvider: kuma", "installed: {istio: {}}"),
		clusterOne,
	}
	var told []string
	for _, d := range diagnostics(files) {
		if d.Code == "FW225" {
			told = append(told, d.Position.File+": "+d.Message)
		}
	}
	if len(told) != 2 || !strings.Contains(told[0], "a.yaml: every cluster of the fleet must already have Flagger 1.44.0 in namespace kuma-system; Istio") {
		t.Errorf("got %q", told)
	}
}
