package render_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

// loaded returns a rollout of the Service web in namespace web with a command that generates its load.
func loaded(provider, command string) []schema.File {
	host := ""
	if provider == "nginx" {
		host = "host: web.example.com, "
	}
	return rolledOut(provider, `
      testLoader: true
      rolloutPolicy:
        trafficRouting: {`+host+`canaryStrategy: {stepWeight: 10}}
        trafficAnalysis:
          metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]
          webhooks: {command: [`+strconv.Quote(command)+`]}
`)
}

// hooked returns the same rollout with a webhook.
func hooked(loader, webhook string) []schema.File {
	return rolledOut("kuma", `
      testLoader: `+loader+`
      rolloutPolicy:
        trafficRouting: {canaryStrategy: {stepWeight: 10}}
        webhooks: [{name: a, `+webhook+`}]
        trafficAnalysis:
          metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]
`)
}

func TestCommands(t *testing.T) {
	const here, there = "http://web-canary.web:8080/", "http://podinfo-canary.test:9898/"
	for _, tt := range []struct{ name, command, want string }{
		{"the new version", "hey -z 50s " + here, ""},
		{"another Service", "hey -z 50s " + there, "FW350"},
		{"the first of a pipe", "hey " + there + " | tee /tmp/log", "FW350"},
		{"a loop", "for i in 1 2; do hey " + there + "; done", "FW350"},
		{"a function", "load() { hey " + there + "; }; load", "FW350"},
		{"lines", "hey -z 50s \\\n  -q 10 \\\n  " + there + "\n", "FW350"},
		{"a variable", "URL=" + there + "; hey $URL", ""},
		{"capitals", "hey http://WEB.web:8080/", ""},

		// Commands that run another command.
		{"a time limit", "timeout 30 hey " + there, "FW350"},
		{"a time limit for the right one", "timeout 30 hey " + here, ""},
		{"a time limit with options", "timeout -s KILL 30 hey " + there, "FW350"},
		{"a time limit for an unknown program", "timeout 30 ab " + here, "FW353"},
		{"unknown options", "nice -n 5 ab " + here, ""},
		{"a shell", "sh -c 'hey " + there + "'", "FW350"},
		{"a shell with options", "bash -exc \"hey " + there + "\"", "FW350"},
		{"a shell that runs an unknown program", "sh -c 'ab " + here + "'", "FW353"},
		{"a shell with a syntax error", "sh -c 'hey " + here + " &&'", "FW354"},
		{"a shell with a file", "sh /tests/load.sh", ""},
		{"a shell of a variable", "sh -c \"hey $URL\"", ""},
		{"a file with a lock", "flock /tmp/lock -c 'hey x'", ""},
		{"an environment", "env -i A=b hey " + there, "FW350"},
		{"others", "exec nohup setsid hey " + there, "FW350"},
		{"nothing to run", "exec > /dev/null", ""},
		{"a conditional command", "command -v hey", ""},
		{"a path", "/usr/bin/hey " + there, "FW350"},

		// Quotes and escapes.
		{"an empty word", "hey -d '' " + there, "FW350"},
		{"a quoted name", `"hey" ` + there, "FW350"},
		{"an escaped name", `\hey ` + there, "FW350"},
		{"escapes in a URL", `hey http://web.web:8080/\?a=1\&b=2`, ""},

		// On kuma, the way in from outside is unknown.
		{"a public name", "hey https://shop.example.com/", ""},
		{"an address", "hey http://10.0.0.1:8080/", "FW350"},

		{"a program of busybox", "ip a; printenv; setsid true; getent hosts web; netstat", ""},
		{"a program that busybox lacks", "k6 run load.js", "FW353"},
		{"more than a shell accepts", strings.Repeat("(", 1<<20), "FW354"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := codesAt(loaded("kuma", tt.command), "trafficAnalysis.webhooks.command[0]"); got != tt.want {
				t.Errorf("%.200q: got %q, want %q", tt.command, got, tt.want)
			}
		})
	}
	if got := codesAt(loaded("nginx", "hey https://shop.example.com/"), "trafficAnalysis.webhooks.command[0]"); got != "FW350" {
		t.Errorf("a public name that is not the Ingress's: got %q", got)
	}
}

func TestWebhookTasks(t *testing.T) {
	for _, tt := range []struct{ name, loader, webhook, want string }{
		{"an unknown type", "true", "metadata: {type: '', cmd: hey http://web:8080}", "FW352"},
		{"a check in the background", "true", "type: pre-rollout, metadata: {cmd: curl http://web:8080}", "FW351"},
		{"a check in the foreground", "true", "type: pre-rollout, metadata: {type: bash, cmd: curl -f http://web-canary:8080}", ""},
		{"a test in the background", "true", "type: confirm-promotion, metadata: {type: ngrinder, server: http://ngrinder.test}", "FW351"},
		{"load before the analysis", "true", "type: pre-rollout, metadata: {cmd: hey -z 10m http://web:8080}", ""},
		{"load that would promote", "true", "type: confirm-promotion, metadata: {cmd: hey -z 10m http://web:8080}", "FW351"},

		// A short name is in the namespace of the load tester.
		{"its own load tester", "true", "metadata: {cmd: hey http://web:8080}", ""},
		{"the public load tester", "false", "metadata: {cmd: hey http://web:8080}", "FW350"},
		{"another load tester in the namespace", "false", "url: http://flagger-loadtester.web/, metadata: {cmd: hey http://web:8080}", ""},
		{"a load tester in another namespace", "true", "url: http://flagger-loadtester.test/, metadata: {cmd: hey http://web:8080}", "FW350"},

		{"a load tester without a sidecar", "true", "url: http://flagger-loadtester.KUMA-SYSTEM/, metadata: {cmd: hey http://web.web:8080}", "FW355"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := codesAt(hooked(tt.loader, tt.webhook), "webhooks[0]"); got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.webhook, got, tt.want)
			}
		})
	}
}

// TestHintsForLoadAreRight checks that a pasted hint resolves the diagnostic even if the URL is written in an
// unusual way.
func TestHintsForLoadAreRight(t *testing.T) {
	for _, command := range []string{
		"hey http://podinfo-canary.test:9898/a?b=c",
		"hey 'HTTP://user:pass@Podinfo.test:9898'",
		"hey http://http/",
		"timeout 30 hey https://podinfo.test?a=b",
	} {
		var hint string
		for _, d := range diagnostics(loaded("kuma", command)) {
			if d.Code == "FW350" {
				hint = d.Hint
			}
		}
		if !strings.Contains(hint, "hey ") {
			t.Errorf("%s: the hint is %q, want a command", command, hint)
		}
		if got := codesAt(loaded("kuma", hint), "trafficAnalysis.webhooks.command[0]"); got != "" {
			t.Errorf("the hint %q for %q: got %q", hint, command, got)
		}
	}
}

// TestHintsForTimeoutsAreRight checks that hints have whole seconds, because Flagger accepts no others.
func TestHintsForTimeoutsAreRight(t *testing.T) {
	for timeout, want := range map[string]string{"500ms": "timeout: 1s", "1.5s": "timeout: 2s", "1h": "timeout: 60m", "2 minutes": "timeout: 2m"} {
		for _, d := range diagnostics(hooked("true", "timeout: "+timeout+", metadata: {cmd: hey http://web:8080}")) {
			if d.Code == "FW115" && d.Hint != want {
				t.Errorf("the hint for %s is %q, want %q", timeout, d.Hint, want)
			}
		}
	}
}

// TestWebhooksByVariable checks that webhooks are judged by the value of the variable.
func TestWebhooksByVariable(t *testing.T) {
	for url, want := range map[string][]string{
		"http://gate.${cluster.name}/open": {"FW357 spec.syncPolicies[0].rollout.rolloutPolicy.webhooks[1].url"},
		"http://gate.one/open":             {"FW357 spec.syncPolicies[0].rollout.rolloutPolicy.webhooks[1].url"},
	} {
		files := rolledOut("kuma", `      rolloutPolicy:
        trafficRouting: {canaryStrategy: {stepWeight: 10}}
        webhooks: [{name: gate, type: confirm-promotion, url: "http://gate.one/open"}, {name: back, type: rollback, url: "`+url+`"}]
`)
		if got := found(files, diag.RollsBack); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}
