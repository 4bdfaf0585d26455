package flagger

import (
	"testing"
	"time"
)

func TestVerdict(t *testing.T) {
	const passes, fails, open = "passes", "fails", ""
	const url = "http://shop-canary.shop:8080/"
	for _, tt := range []struct {
		script string
		want   string
		least  time.Duration
	}{
		{"true", passes, 0},
		{"", passes, 0},
		{"false", fails, 0},
		{"exit 1", fails, 0},
		{"echo done; exit 0", passes, 0},
		{"curl -s " + url, passes, 0},
		{"curl -sS -o /dev/null -w '%{http_code}' " + url, passes, 0},
		{"curl -sf " + url, open, 0},
		{"curl -fsS " + url, open, 0},
		{"curl --fail " + url, open, 0},
		{"curl --fail-with-body " + url, open, 0},
		{"curl -H f " + url, passes, 0},
		{"curl -XPOST -dfoo " + url, passes, 0},
		{"curl -o /tmp/f " + url, open, 0}, // not writable
		{"curl $OPTIONS " + url, open, 0},
		{"curl -K /etc/curlrc " + url, open, 0},
		{"wget -q " + url, open, 0},
		{"curl -s " + url + " | grep ok", open, 0},
		{"curl -sf " + url + " | cat", passes, 0},
		{"set -o pipefail; curl -sf " + url + " | cat", open, 0},
		{"curl -sf " + url + " || true", passes, 0},
		{"curl -sf " + url + "; true", passes, 0},
		{"set -e; curl -sf " + url + "; true", open, 0},
		{"set -e; curl -s " + url + "; true", passes, 0},
		{"set -euo pipefail\ncurl -sf " + url + "\necho ok", open, 0},
		{"curl -sf " + url + " || exit 1", open, 0},
		{"curl -sf " + url + " && echo ok", open, 0},
		{"! curl -s " + url, fails, 0},
		{"(curl -sf " + url + "; exit 0)", passes, 0},
		{"curl -sf " + url + " > /dev/null 2>&1 || :", passes, 0},
		{"echo ok > /tmp/ok", open, 0},
		{"if curl -sf " + url + "; then echo up; else exit 1; fi", open, 0},
		{"if curl -sf " + url + "; then echo up; fi", passes, 0},
		{"until curl -sf " + url + "; do sleep 5; done", open, 0},
		{"for i in 1 2 3; do curl -s " + url + "; done", passes, 0},
		{"code=$(curl -s " + url + "); [ $code = 200 ]", open, 0},
		{"check() { exit 1; }; check", open, 0},
		{"trap 'exit 1' EXIT; true", open, 0},
		{"eval \"$CHECK\"; true", open, 0},
		{"bash -c 'curl -sf " + url + " || true'", passes, 0},
		{"bats /tests", open, 0},
		{"grpc_health_probe -addr=shop-canary.shop:9000", open, 0},
		{"env A=b curl -s " + url, passes, 0},
		{"timeout 5 curl -s " + url, open, 0},
		{"hey -n 100 -c 2 " + url, passes, 0},
		{"hey -n 10 " + url, fails, 0}, // fewer than the 50 workers
		{"ghz -n 100 --insecure shop-canary.shop:9000", passes, 0},
		{"set -u; echo $X", open, 0},
		{"echo ${X:?no}", open, 0},

		{"hey -z 1m " + url, passes, time.Minute},
		{"sleep 30; sleep 0.5m", passes, time.Minute},
		{"sleep 1m & true", passes, 0},
		{"timeout 10 sleep 60", open, 0},
		{"curl -sf " + url + " && sleep 60", open, time.Minute},
		{"curl -sf " + url + " || sleep 60", passes, 0},
		{"curl -sf " + url + " && sleep 60 || true", passes, 0},
		{"curl -sf " + url + " || exit 1; sleep 60", open, time.Minute},
		{"curl -sf " + url + " && exit 0; sleep 60", passes, 0},
		{"set -e; curl -sf " + url + "; sleep 60", open, time.Minute},
		{"hey -z 1m " + url + " | tail -1", open, time.Minute},
		{"for i in 1 2 3; do sleep 10; done", passes, 30 * time.Second},
		{"for i in 1 2 3; do curl -sf " + url + " && break; sleep 10; done", passes, 0},
		{"if curl -sf " + url + "; then sleep 60; else sleep 30; fi", passes, 30 * time.Second},
		{"exec sleep 60", passes, time.Minute},
		{"bash -c 'sleep 60'", passes, time.Minute},
		{"sleep $LONG", passes, 0},
	} {
		s, err := ParseScript(tt.script)
		if err != nil {
			t.Fatal(err)
		}
		v, got := s.Verdict(), open
		switch {
		case v.Passes:
			got = passes
		case v.Fails:
			got = fails
		}
		if got != tt.want || !v.Fails && v.Least != tt.least {
			t.Errorf("%s: %q after %s, want %q after %s", tt.script, got, v.Least, tt.want, tt.least)
		}
	}
}

// TestAnswer checks that the answer of a load tester depends on its paths, tasks and scripts.
func TestAnswer(t *testing.T) {
	const tester = "http://shop-testloader.shop"
	for _, tt := range []struct {
		name string
		hook Webhook
		want Answer
	}{
		{"an open gate", Webhook{URL: tester + "/gate/approve"}, Yes},
		{"a closed gate", Webhook{URL: tester + "/gate/halt"}, No},
		{"a gate with a slash behind it is a task", Webhook{URL: tester + "/gate/approve/"}, No},
		{"a gate of the public load tester", Webhook{URL: "http://flagger-loadtester.test/gate/check"}, Open},
		{"a path that is none", Webhook{URL: tester + "/gate/aprove"}, No},
		{"a path that is none, with a task", Webhook{URL: tester + "/run", Metadata: map[string]string{"type": "bash", "cmd": "curl -sf http://x/"}}, Open},
		{"a health check", Webhook{URL: tester + "/healthz"}, Yes},
		{"a task without metadata", Webhook{URL: tester}, No},
		{"a task without a command", Webhook{URL: tester, Metadata: map[string]string{"a": "b"}}, No},
		{"a task that nobody waits for", Webhook{URL: tester, Metadata: map[string]string{"cmd": "false"}}, Yes},
		{"a command that fails", Webhook{URL: tester, Metadata: map[string]string{"type": "bash", "cmd": "false"}}, No},
		{"a command that takes ten seconds", Webhook{URL: tester, Metadata: map[string]string{"type": "bash", "cmd": "sleep 10"}}, No},
		{"a command that may", Webhook{URL: tester, Timeout: "11s", Metadata: map[string]string{"type": "bash", "cmd": "sleep 10; grep -q x /y"}}, Open},
		{"a timeout of one letter is the default", Webhook{URL: tester, Timeout: "5", Metadata: map[string]string{"type": "bash", "cmd": "sleep 7"}}, Yes},
		{"helm", Webhook{URL: tester, Metadata: map[string]string{"type": "helm", "cmd": "test shop"}}, Open},
		{"an unknown type", Webhook{URL: tester, Metadata: map[string]string{"type": "helm2", "cmd": "test shop"}}, No},
		{"somebody else", Webhook{URL: "https://ci.example.com/gate/halt"}, Open},
	} {
		if got, why := tt.hook.Answer(); got != tt.want || got != Open && why == "" {
			t.Errorf("%s: %d (%s), want %d", tt.name, got, why, tt.want)
		}
	}
}
