package render_test

import "testing"

// TestTheSharedLoadTesterIsInTheMesh checks that rollouts use the shared load tester, whatever the fleet's
// provider.
func TestTheSharedLoadTesterIsInTheMesh(t *testing.T) {
	files := edit(t, example(t, "../examples/installed-istio-nginx"), "fleet.yaml", "trafficRoutingProvider: istio", "trafficRoutingProvider: nginx\n      publicTestloader: true")
	files = edit(t, files, "fleet.yaml", "        loadtester:\n          url: http://flagger-loadtester.test/\n", "")
	namespace := get(t, compile(t, files...), "kurator-member1/fleetwright/infrastructure/namespace-flagger-loadtester.yaml")
	if got := at(namespace, "metadata labels istio.io/rev"); got != "stable" {
		t.Errorf("istio.io/rev of the load tester's namespace is %v", got)
	}
}

// TestAnInstalledLoadTesterOutsideTheMeshIsReported checks clusters on which no fleet sets the provider of
// rollouts.
func TestAnInstalledLoadTesterOutsideTheMeshIsReported(t *testing.T) {
	files := edit(t, example(t, "../examples/installed-by-renderconfig"), "renderconfig.yaml", "flagger-loadtester.test", "flagger-loadtester.kuma-system")
	wantDiagnostic(t, files, "renderconfig.yaml:20:16: warning FW355 spec.plugin.flagger.installed.loadtester.url: namespace kuma-system gets no sidecars")
}
