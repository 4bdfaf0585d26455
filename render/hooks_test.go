package render_test

import "testing"

// TestHooks checks hooks by their response and their effect.
func TestHooks(t *testing.T) {
	const url = "http://web-canary.web:8080/"
	for _, tt := range []struct{ name, webhook, want string }{
		// Rollback hooks that always succeed.
		{"a notification", "type: rollback, metadata: {type: bash, cmd: curl -s -XPOST https://cmdb.example.com}", "FW357"},
		{"a command that does nothing", "type: rollback, metadata: {type: bash, cmd: echo rollback}", "FW357"},
		{"an open gate", "type: rollback, url: http://web-testloader.web/gate/approve", "FW357"},
		{"a health check", "type: rollback, url: http://web-testloader.web/healthz", "FW357"},
		{"a chat", "type: rollback, url: https://hooks.slack.com/services/a/b/c", "FW357"},
		{"a self-hosted chat", "type: rollback, url: https://mattermost.example.com/hooks/abc", "FW357"},
		{"an event hook to a chat", "type: event, url: https://hooks.slack.com/services/a/b/c", ""},
		{"a rollback gate", "type: rollback, url: http://web-testloader.web/rollback/check", ""},
		{"a closed gate", "type: rollback, url: http://web-testloader.web/gate/halt", ""},
		{"a workload called chat", "type: rollback, url: http://chat.web:8080/burning", ""},
		{"a server of hooks in the cluster", "type: rollback, url: http://webhook.ops:9000/hooks/burning", ""},
		{"a decision", "type: rollback, metadata: {type: bash, cmd: curl -sf https://slo.example.com/burning}", ""},
		{"a service that decides", "type: rollback, url: https://slo.example.com/burning", ""},

		// Paths that the load tester does not have.
		{"a path that is misspelt", "type: confirm-promotion, url: http://web-testloader.web/gate/aprove", "FW358"},
		{"an extra slash", "type: confirm-rollout, url: http://web-testloader.web/gate/check/", "FW358"},
		{"an invalid path, with a task", "type: pre-rollout, url: http://web-testloader.web/run, metadata: {type: bash, cmd: curl -sf " + url + "}", ""},
		{"a path of another server", "type: confirm-promotion, url: http://gates.web/gate/aprove", ""},
		{"an event", "type: event, url: http://web-testloader.web/events", ""},

		{"a tester of another kind", "type: pre-rollout, url: http://k6-loadtester.web/launch-test, metadata: {script: x}", ""},

		// Tasks that no shell runs.
		{"helm's own name", "type: pre-rollout, metadata: {type: helm, cmd: helm test web -n web --kubeconfig x}", "FW354"},
		{"a pipe of kubectl", "type: pre-rollout, metadata: {type: kubectl, cmd: get pods --kubeconfig x | grep web}", "FW354"},
		{"only arguments", "type: pre-rollout, metadata: {type: helmv3, cmd: test web -n web --kubeconfig x}", ""},

		// Commands that outlive their timeout.
		{"load in the foreground", "type: rollout, metadata: {type: bash, cmd: hey -z 1m " + url + "}", "FW359"},
		{"a sleep", "type: pre-rollout, timeout: 30s, metadata: {type: bash, cmd: sleep 30}", "FW359"},
		{"a sleep that ends", "type: pre-rollout, timeout: 60s, metadata: {type: bash, cmd: sleep 30}", ""},
		{"load in the background", "type: rollout, metadata: {cmd: hey -z 50s " + url + "}", ""},
		{"a sleep afterwards", "type: post-rollout, metadata: {type: bash, cmd: sleep 30}", ""},
		{"a loop that may end", "type: pre-rollout, metadata: {type: bash, cmd: 'until curl -sf " + url + "; do sleep 20; done'}", ""},

		// Gates that do not notice errors.
		{"curl without --fail", "type: pre-rollout, metadata: {type: bash, cmd: curl -s " + url + "}", "FW391"},
		{"an ignored failure", "type: pre-rollout, metadata: {type: bash, cmd: 'curl -sf " + url + " || true'}", "FW391"},
		{"a load generator as a gate", "type: confirm-promotion, metadata: {type: bash, cmd: hey -n 100 -c 2 " + url + "}", "FW391"},
		{"a gate elsewhere", "type: confirm-promotion, metadata: {type: bash, cmd: curl -s https://approvals.example.com/web}", "FW391"},
		{"a check in each round", "type: rollout, metadata: {type: bash, cmd: curl -s " + url + "}", "FW391"},
		{"curl with -f", "type: pre-rollout, metadata: {type: bash, cmd: curl -sf " + url + "}", ""},
		{"wget", "type: pre-rollout, metadata: {type: bash, cmd: wget -q -O /dev/null " + url + "}", ""},
		{"a pipe that checks the output", "type: pre-rollout, metadata: {type: bash, cmd: 'curl -s " + url + " | grep ok'}", ""},
		{"load that warms up", "type: pre-rollout, timeout: 60s, metadata: {type: bash, cmd: hey -z 30s " + url + "}", ""},
		{"a notification before", "type: pre-rollout, metadata: {type: bash, cmd: curl -s -XPOST https://cmdb.example.com}", ""},

		// Tasks without the required rights.
		{"helm", "type: pre-rollout, timeout: 60s, metadata: {type: helm, cmd: test web}", "FW392"},
		{"kubectl", "type: rollout, metadata: {type: kubectl, cmd: get pods}", "FW392"},
		{"kubectl of bash", "type: pre-rollout, metadata: {type: bash, cmd: kubectl wait --for=condition=ready pod/web}", "FW392"},
		{"helm lint", "type: pre-rollout, metadata: {type: helm, cmd: lint /charts/web}", ""},
		{"kubectl with a token", "type: pre-rollout, metadata: {type: kubectl, cmd: get pods --token=x}", ""},

		// Checks of the old version.
		{"the Service", "type: pre-rollout, metadata: {type: bash, cmd: curl -sf http://web.web:8080/}", "FW393"},
		{"the primary", "type: pre-rollout, metadata: {type: bash, cmd: curl -sf http://web-primary.web:8080/}", "FW393"},
		{"the Service without a scheme", "type: pre-rollout, metadata: {type: bash, cmd: 'curl -sf web.web:8080/ | grep ok'}", "FW393"},
		{"both", "type: pre-rollout, metadata: {type: bash, cmd: curl -sf http://web.web:8080/ && curl -sf " + url + "}", ""},
		{"another command", "type: pre-rollout, metadata: {type: bash, cmd: curl -sf http://database.web:8080/}", ""},
		{"afterwards", "type: post-rollout, metadata: {type: bash, cmd: curl -sf http://web.web:8080/}", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := codesAt(hooked("true", tt.webhook), "webhooks[0]"); got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.webhook, got, tt.want)
			}
		})
	}
}

// TestLoadReachesTheNewVersion checks for every strategy and provider that load reaches the new version, or that
// a diagnostic reports otherwise.
func TestLoadReachesTheNewVersion(t *testing.T) {
	const (
		canary, apex = "hey -z 50s http://web-canary.web:8080/", "hey -z 50s http://web.web:8080/"
		builtin      = "{name: request-success-rate, thresholdRange: {min: 99}}"
		unrelated    = "{name: cpu, thresholdRange: {max: 1}, customMetric: {provider: {type: prometheus, address: 'http://p:9090'}, query: 'sum(container_cpu{pod=~\"web-[0-9a-z]+-[0-9a-z]+\"})'}}"
		blueGreen    = "analysisTimes: 5"
		weights      = "canaryStrategy: {stepWeight: 10}"
		ab           = "analysisTimes: 5, match: [{headers: {x-canary: {exact: insider}}}]"
		gateways     = "gateways: [istio-system/public], hosts: [web.example.com], "
	)
	for _, tt := range []struct{ name, provider, routing, metric, load, want string }{
		{"blue/green with load to the Service", "istio", blueGreen, builtin, apex, "FW390"},
		{"blue/green without load", "kuma", blueGreen, builtin, "", "FW390"},
		{"blue/green with load to the Service on kuma", "kuma", blueGreen, builtin, apex, "FW390"},
		{"blue/green with load to the new version", "istio", blueGreen, builtin, canary, ""},
		{"blue/green with a metric of another service", "istio", blueGreen, unrelated, apex, ""},
		{"blue/green for all hosts, with load to the new version", "istio", "gateways: [istio-system/public], hosts: ['*'], " + blueGreen, builtin, canary, ""},
		{"blue/green with the host in another header", "istio", gateways + blueGreen, builtin, "hey -z 50s -H 'Origin: https://web.example.com' http://web-canary.web:8080/", ""},
		{"blue/green with a preview", "istio", gateways + blueGreen, builtin, "hey -z 50s http://preview.web.example.com/", ""},
		{"blue/green with a script of a file", "istio", blueGreen, builtin, "bash /scripts/load.sh", ""},
		{"blue/green with a script behind options", "istio", blueGreen, builtin, "timeout -s KILL 50 /scripts/load.sh", ""},
		{"the Service, around the Ingress, with its host", "nginx", "host: web.example.com, " + weights, builtin, "hey -z 50s -host web.example.com http://web.web:8080/", "FW350"},
		{"a host with the same ending", "nginx", "host: web.example.com, " + weights, builtin, "hey -z 50s -host notweb.example.com http://ingress.ingress-nginx/", "FW350"},
		{"A/B testing with metadata of ghz", "istio", ab, builtin, "ghz -z 50s --metadata-file x web.web:8080", ""},
		{"blue/green with an unknown script", "istio", blueGreen, builtin, "bats /tests", ""},
		{"blue/green with a variable", "istio", blueGreen, builtin, "hey -z 50s $URL", ""},
		{"A/B testing without the header", "istio", ab, builtin, apex, "FW350"},
		{"A/B testing with another value", "istio", ab, builtin, "hey -z 50s -H 'x-canary: x' http://web.web:8080/", "FW350"},
		{"A/B testing with the header", "istio", ab, builtin, "hey -z 50s -H 'x-canary: insider' http://web.web:8080/", ""},
		{"A/B testing with load to the new version", "istio", ab, builtin, canary, ""},
		{"A/B testing on nginx without the header", "nginx", "host: web.example.com, " + ab, builtin, "hey -z 50s http://web.example.com/", "FW350"},
		{"A/B testing on nginx with the header", "nginx", "host: web.example.com, " + ab, builtin, "hey -z 50s -H 'X-Canary: insider' http://web.example.com/", ""},
		{"a gateway without the mesh", "istio", gateways + weights, builtin, apex, "FW350"},
		{"a gateway without the mesh, and load through it", "istio", gateways + weights, builtin, "hey -z 50s -host web.example.com http://istio-ingressgateway.istio-system/", ""},
		{"a gateway and the mesh", "istio", "gateways: [istio-system/public, mesh], hosts: [web.example.com], " + weights, builtin, apex, ""},
		{"around the Ingress", "nginx", "host: web.example.com, " + weights, builtin, canary, "FW350"},
		{"through the Ingress", "nginx", "host: web.example.com, " + weights, builtin, "hey -z 50s http://web.example.com/", ""},
		{"under the host of the Ingress", "nginx", "host: web.example.com, " + weights, builtin, "hey -z 50s -host web.example.com http://ingress-nginx-controller.ingress-nginx/", ""},
		{"under the host of the Ingress, through Contour", "nginx", "host: web.example.com, " + weights, builtin, "hey -z 50s -host web.example.com http://contour-envoy.projectcontour/", "FW350"},
		{"a path of serviceMatch", "istio", "serviceMatch: [{uri: {prefix: /a}}], " + weights, builtin, "hey -z 50s http://web.web:8080/ab", ""},
		{"no path of serviceMatch", "istio", "serviceMatch: [{uri: {prefix: /a}}], " + weights, builtin, apex, "FW350"},
		{"around serviceMatch to the new version", "istio", "serviceMatch: [{uri: {prefix: /a}}], " + weights, builtin, canary, ""},
		{"weights", "istio", weights, builtin, apex, ""},
		{"weights on kuma", "kuma", weights, builtin, apex, ""},
		{"weights without load", "istio", weights, builtin, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			load := ""
			if tt.load != "" {
				load = "\n          webhooks: {command: [\"" + tt.load + "\"]}"
			}
			got := codesAt(rolledOut(tt.provider, `
      testLoader: true
      rolloutPolicy:
        trafficRouting: {`+tt.routing+`}
        trafficAnalysis:
          checkFailedTimes: 5
          metrics: [`+tt.metric+`]`+load+"\n"), "trafficAnalysis")
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
