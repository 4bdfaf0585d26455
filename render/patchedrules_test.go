package render_test

import (
	"strings"
	"testing"
)

// TestRulesCheckPatchedObjects checks that a patch hides no finding about fields that it does not change,
// removes findings about fields that it corrects, and is the position of findings that it causes.
func TestRulesCheckPatchedObjects(t *testing.T) {
	of := func(patches string) string {
		return text(diagnostics(rolledOut("kuma", `
      testLoader: true
      rolloutPolicy:
        trafficRouting: {canaryStrategy: {stepWeight: 10, maxWeight: 50}}
        trafficAnalysis:
          checkIntervalSeconds: 60
          metrics: [{name: request-success-rate, intervalSeconds: 30, thresholdRange: {min: 99}}]
          webhooks: {command: ["heyy -z 50s http://web-canary.web:8080/"]}
`+patches)))
	}
	const (
		label    = "      - {target: {kind: Deployment}, patch: '- {op: add, path: /metadata/labels/a, value: b}'}\n"
		image    = "      - {target: {kind: Deployment}, patch: '- {op: replace, path: /spec/template/spec/containers/0/image, value: example.com/tester:1}'}\n"
		command  = "      - {target: {kind: Canary}, patch: '- {op: replace, path: /spec/analysis/webhooks/0/metadata/cmd, value: hey -z 50s http://web-canary.web:8080/}'}\n"
		interval = "      - {target: {kind: Canary}, patch: '- {op: replace, path: /spec/analysis/interval, value: 5s}'}\n"
		range0   = "      - {target: {kind: Canary}, patch: '- {op: replace, path: /spec/analysis/metrics/0/thresholdRange/min, value: 0.99}'}\n"
		noRange  = "      - {target: {kind: Canary}, patch: '- {op: remove, path: /spec/analysis/metrics/0/thresholdRange}'}\n"
		former   = "      - {target: {kind: Canary}, patch: '- {op: add, path: /spec/analysis/metrics/0/threshold, value: 99}'}\n"
		rollout  = " spec.syncPolicies[0].rollout."
	)
	for _, tt := range []struct {
		name, patches string
		want          []string
		not           string
	}{
		{"no patch", "", []string{"FW353" + rollout + "rolloutPolicy.trafficAnalysis.webhooks.command[0]"}, ""},
		{"a label of the tester", label, []string{"FW353" + rollout + "rolloutPolicy.trafficAnalysis.webhooks.command[0]"}, ""},
		{"another image of the tester", image, nil, "FW353"},
		{"another command", command, nil, "FW353"},
		{"an interval that is too short", interval, []string{"FW330" + rollout + "patches[0]", "FW353" + rollout + "rolloutPolicy"}, ""},
		{"the second of two patches", label + range0, []string{"FW338" + rollout + "patches[1]"}, ""},
		{"no range, which is a most of 0", noRange, []string{"FW337" + rollout}, "FW306"},
		{"no range, and the threshold that it replaced", noRange + former, nil, "FW337"},
		{"the first of two patches of one object", range0 + command, []string{"FW338" + rollout + "patches[0]"}, "FW353"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			patches := tt.patches
			if patches != "" {
				patches = "      patches:\n" + patches
			}
			got := of(patches)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %s in\n%s", want, got)
				}
			}
			if tt.not != "" && strings.Contains(got, tt.not) {
				t.Errorf("got %s in\n%s", tt.not, got)
			}
		})
	}
}

// TestRejectedValuesAreReportedOnce checks that an empty command is not also reported as a missing one.
func TestRejectedValuesAreReportedOnce(t *testing.T) {
	got := text(diagnostics(rolledOut("kuma", `
      testLoader: true
      rolloutPolicy:
        trafficRouting: {canaryStrategy: {stepWeight: 10, maxWeight: 50}}
        trafficAnalysis:
          checkIntervalSeconds: 60
          metrics: [{name: request-success-rate, intervalSeconds: 60, thresholdRange: {min: 99}}]
          webhooks: {command: [""]}
`)))
	if !strings.Contains(got, "FW115") || strings.Contains(got, "FW324") {
		t.Errorf("want only FW115 for the empty command, got\n%s", got)
	}
}
