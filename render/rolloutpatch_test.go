package render_test

import (
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/schema"
)

// patched returns a rollout on nginx, with a load tester, two metrics and patches.
func patched(patches string) []schema.File {
	if patches != "" {
		patches = "      patches:\n" + patches
	}
	return rolledOut("nginx", `
      testLoader: true
      rolloutPolicy:
        trafficRouting: {host: web.example.com, canaryStrategy: {stepWeight: 10}}
        trafficAnalysis:
          metrics: [{name: request-success-rate, thresholdRange: {min: 99}}, {name: request-duration, thresholdRange: {max: 500}}]
          webhooks: {command: [hey http://web.example.com]}
`+patches)
}

// goodPatches holds patches that have an effect.
var goodPatches = map[string]string{
	"a strategic merge patch": `
      - patch: |
          apiVersion: flagger.app/v1beta1
          kind: Canary
          metadata: {name: web, namespace: web}
          spec: {analysis: {mirror: false, stepWeightPromotion: 20, maxWeight: null}}
`,
	"a JSON patch of all matches": `
      - target: {kind: MetricTemplate, name: web\..*}
        patch: |
          - {op: add, path: /metadata/labels, value: {team: a}}
          - {op: replace, path: /spec/provider/address, value: http://prometheus.monitoring:9090}
`,
	"a list that is merged by name": `
      - target: {group: apps, kind: Deployment}
        patch: |
          apiVersion: apps/v1
          kind: Deployment
          metadata: {name: any}
          spec:
            replicas: 2
            template:
              spec:
                nodeSelector: {disk: ssd}
                containers:
                - name: loadtester
                  env: [{name: A, value: b}]
`,
	"several objects": `
      - patch: |
          apiVersion: networking.k8s.io/v1
          kind: Ingress
          metadata: {name: web, namespace: web, annotations: {cert-manager.io/issuer: ca}}
          spec: {tls: [{hosts: [web.example.com], secretName: web-tls}]}
          ---
          apiVersion: v1
          kind: Service
          metadata: {name: web-testloader, namespace: web, labels: {a: b}}
`,
	"an object of any name with a target": `
      - target: {kind: Service}
        patch: |
          apiVersion: v9
          kind: not-important
          metadata: {name: not-important, annotations: {a: b}}
`,
	"one patch on another": `
      - {target: {kind: Canary}, patch: '[{"op": "add", "path": "/spec/service/headless", "value": true}]'}
      - {target: {kind: Canary}, patch: '[{"op": "test", "path": "/spec/service/headless", "value": true}, {"op": "move", "from": "/spec/service/headless", "path": "/spec/service/portDiscovery"}]'}
`,
}

// TestRolloutPatchesMatchKustomize compares patched objects with a kustomize build of the unpatched
// objects with the same patches.
func TestRolloutPatchesMatchKustomize(t *testing.T) {
	const dir = oneDir + "rollouts/default.x/"
	plain := contents(compile(t, patched("")...))
	for name, patches := range goodPatches {
		t.Run(name, func(t *testing.T) {
			disk := filesys.MakeFsInMemory()
			for file, content := range plain {
				if file, ok := strings.CutPrefix(file, dir); ok {
					if err := disk.WriteFile(file, content); err != nil {
						t.Fatal(err)
					}
				}
			}
			kustomization, err := disk.ReadFile("kustomization.yaml")
			if err != nil {
				t.Fatal(err)
			}
			with := append(kustomization, fmt.Appendf(nil, "patches:\n%s", strings.ReplaceAll(patches, "\n      ", "\n"))...)
			if err := disk.WriteFile("kustomization.yaml", with); err != nil {
				t.Fatal(err)
			}
			built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, ".")
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			for _, r := range built.Resources() {
				want[r.GetKind()+" "+r.GetName()] = r.MustYaml()
			}

			changed := false
			for file, content := range contents(compile(t, patched(patches)...)) {
				if !strings.HasPrefix(file, dir) || strings.HasSuffix(file, "/kustomization.yaml") {
					continue
				}
				changed = changed || string(content) != string(plain[file])
				object := unmarshal(t, string(content))
				id := at(object, "kind").(string) + " " + at(object, "metadata name").(string)
				if got := marshal(t, object); got != canonical(t, want[id]) {
					t.Errorf("%s is\n%s\nkustomize makes\n%s", id, got, want[id])
				}
				delete(want, id)
			}
			if len(want) > 0 {
				t.Errorf("kustomize has these as well: %v", want)
			}
			if !changed {
				t.Error("the patch changes nothing")
			}
		})
	}
}

func canonical(t *testing.T, document string) string {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(document), &object); err != nil {
		t.Fatal(err)
	}
	return marshal(t, object)
}

// TestPatchesKeepTheOrderOfFields checks that a first patch changes few lines.
func TestPatchesKeepTheOrderOfFields(t *testing.T) {
	plain := strings.Split(string(contents(compile(t, patched("")...))[oneCanary]), "\n")
	with := strings.Split(string(contents(compile(t, patched(`
      - {target: {kind: Canary}, patch: '[{"op": "replace", "path": "/spec/analysis/stepWeight", "value": 25}]'}
`)...))[oneCanary]), "\n")
	if len(plain) != len(with) {
		t.Fatalf("%d lines became %d", len(plain), len(with))
	}
	var changed []string
	for i := range plain {
		if plain[i] != with[i] {
			changed = append(changed, with[i])
		}
	}
	if len(changed) != 1 || strings.TrimSpace(changed[0]) != "stepWeight: 25" {
		t.Errorf("these lines changed: %q", changed)
	}
}

func TestPatchesThatAreRejected(t *testing.T) {
	json := func(target, operation string) string {
		return "      - {target: {" + target + "}, patch: '[" + operation + "]'}\n"
	}
	// Each copy doubles the size.
	copies := `{"op": "copy", "from": "/spec", "path": "/spec/x0"}`
	for i := range 40 {
		copies += fmt.Sprintf(`, {"op": "copy", "from": "/spec", "path": "/spec/y%d"}`, i)
	}
	for _, tt := range []struct{ name, patches, want string }{
		{"no matching object", json("kind: Canry", `{"op": "remove", "path": "/spec"}`),
			"FW320 spec.syncPolicies[0].rollout.patches[0]: the patch matches none of the rollout's objects"},
		{"an unknown path", json("kind: Canary", `{"op": "remove", "path": "/spec/analysis/iterations"}`),
			"FW321 spec.syncPolicies[0].rollout.patches[0].patch: the patch fails on Canary web/web: the operation remove cannot find /spec/analysis/iterations"},
		{"a test that fails", json("kind: Canary", `{"op": "test", "path": "/spec/provider", "value": "kuma"}`),
			"FW321 spec.syncPolicies[0].rollout.patches[0].patch: the patch fails on Canary web/web: the test of /spec/provider fails"},
		{"another name", json("kind: Canary", `{"op": "replace", "path": "/metadata/name", "value": "other"}`),
			"FW321 spec.syncPolicies[0].rollout.patches[0].patch: the patch fails on Canary web/web: the operation replace of /metadata/name changes which object it is"},
		{"no Canary", "      - patch: |\n          $patch: delete\n          apiVersion: flagger.app/v1beta1\n          kind: Canary\n          metadata: {name: web, namespace: web}\n",
			"FW321 spec.syncPolicies[0].rollout.patches[0].patch: the patch fails on Canary web/web: it deletes the object, which the rollout needs"},
		{"a deleted and rewritten Ingress", "      - patch: |\n          $patch: delete\n          apiVersion: networking.k8s.io/v1\n          kind: Ingress\n          metadata: {name: web, namespace: web}\n          ---\n          apiVersion: networking.k8s.io/v1\n          kind: Ingress\n          metadata: {name: web, namespace: web, labels: {a: b}}\n",
			"FW321 spec.syncPolicies[0].rollout.patches[0].patch: the patch fails on Ingress web/web: it deletes the object"},
		{"one of two objects does not exist", "      - patch: |\n          apiVersion: v1\n          kind: Service\n          metadata: {name: web-testloader, namespace: web, labels: {a: b}}\n          ---\n          apiVersion: v1\n          kind: Service\n          metadata: {name: other, namespace: web, labels: {a: b}}\n",
			"FW320 spec.syncPolicies[0].rollout.patches[0]: the patch matches none of the rollout's objects"},
		{"not a number", "      - {target: {kind: Canary}, patch: '{apiVersion: a, kind: b, metadata: {name: c}, spec: {progressDeadlineSeconds: .nan}}'}\n",
			"FW322 spec.syncPolicies[0].rollout.patches[0]: the patches break Canary web/web: it cannot be written as JSON"},
		{"a key that is a number", "      - {target: {kind: Canary}, patch: '{apiVersion: a, kind: b, metadata: {name: c}, spec: {1: a}}'}\n",
			"FW322 spec.syncPolicies[0].rollout.patches[0]: the patches break Canary web/web: the API server would reject spec: unknown field"},
		{"too large an object", json("kind: Canary", copies),
			"FW321 spec.syncPolicies[0].rollout.patches[0].patch: the patch fails on Canary web/web: the object would have more than 1048576 bytes"},
		{"another provider", json("kind: Canary", `{"op": "replace", "path": "/spec/provider", "value": "istio"}`),
			"FW322 spec.syncPolicies[0].rollout.patches[0]: the patches break Canary web/web: the rollout relies on spec.provider, which would be istio"},
		{"another Service", json("kind: Canary", `{"op": "replace", "path": "/spec/service/name", "value": "other"}`),
			"FW322 spec.syncPolicies[0].rollout.patches[0]: the patches break Canary web/web: the rollout relies on spec.service.name, which would be other"},
		{"another port of the pods", json("kind: Canary", `{"op": "add", "path": "/spec/service/targetPort", "value": 9090}`),
			"FW322 spec.syncPolicies[0].rollout.patches[0]: the patches break Canary web/web: the rollout relies on spec.service.targetPort, which would be 9090"},
		{"another Prometheus", json("kind: Canary", `{"op": "add", "path": "/spec/metricsServer", "value": "http://other:9090"}`),
			"FW322 spec.syncPolicies[0].rollout.patches[0]: the patches break Canary web/web: the rollout relies on spec.metricsServer, which would be http://other:9090"},
		{"another Ingress", json("kind: Canary", `{"op": "remove", "path": "/spec/ingressRef"}`),
			"FW322 spec.syncPolicies[0].rollout.patches[0]: the patches break Canary web/web: the rollout relies on spec.ingressRef.name, which would be missing"},
		{"another backend", json("kind: Ingress", `{"op": "replace", "path": "/spec/rules/0/http/paths/0/backend/service/name", "value": "other"}`),
			"FW322 spec.syncPolicies[0].rollout.patches[0]: the patches break Ingress web/web: the rollout relies on spec.rules[0].http.paths[0].backend.service.name"},
		{"a mirror on nginx", json("kind: Canary", `{"op": "add", "path": "/spec/analysis/mirror", "value": true}`), "FW322 spec.syncPolicies[0].rollout.patches[0]"},
		{"match with weights", json("kind: Canary", `{"op": "add", "path": "/spec/analysis/match", "value": [{"headers": {"a": {"exact": "b"}}}]}`), "FW322 spec.syncPolicies[0].rollout.patches[0]"},
		{"two conditions in one", json("kind: Canary", `{"op": "add", "path": "/spec/analysis/match", "value": [{"headers": {"a": {"exact": "b", "regex": "c"}}}]}, {"op": "remove", "path": "/spec/analysis/stepWeight"}, {"op": "add", "path": "/spec/analysis/iterations", "value": 3}`), "FW322 spec.syncPolicies[0].rollout.patches[0]"},
		{"no steps", json("kind: Canary", `{"op": "remove", "path": "/spec/analysis/stepWeight"}, {"op": "add", "path": "/spec/analysis/stepWeights", "value": []}`), "FW322 spec.syncPolicies[0].rollout.patches[0]"},
		{"a number that is too large", json("kind: Canary", `{"op": "replace", "path": "/spec/progressDeadlineSeconds", "value": 9999999999}`), "FW322 spec.syncPolicies[0].rollout.patches[0]"},
		{"an invalid label", json("kind: Canary", `{"op": "add", "path": "/metadata/labels", "value": {"a": "b c"}}`), "FW322 spec.syncPolicies[0].rollout.patches[0]"},
		{"an invalid label of a Service", json("kind: Canary", `{"op": "add", "path": "/spec/service/apex", "value": {"labels": {"a b": "c"}}}`),
			"FW322 spec.syncPolicies[0].rollout.patches[0]: the patches break Canary web/web: the API server would reject spec.service.apex.labels: \"a b\" is not a valid key"},
		{"an annotation that kustomize cannot build", json("kind: Canary", `{"op": "add", "path": "/metadata/annotations", "value": {"1": "c"}}`),
			"FW322 spec.syncPolicies[0].rollout.patches[0]: the patches break Canary web/web: the API server would reject metadata.annotations: kustomize drops the quotes of \"1\""},
		{"both ports", json("kind: Ingress", `{"op": "add", "path": "/spec/rules/0/http/paths/0/backend/service/port/name", "value": "http"}`), "FW322 spec.syncPolicies[0].rollout.patches[0]"},
		{"a negative number of pods", json("kind: Deployment", `{"op": "add", "path": "/spec/replicas", "value": -1}`), "FW322 spec.syncPolicies[0].rollout.patches[0]"},
		{"a type of metric", json("kind: MetricTemplate", `{"op": "replace", "path": "/spec/provider/type", "value": "abacus"}`), "FW322 spec.syncPolicies[0].rollout.patches[0]"},
		{"an unknown field of a Canary", json("kind: Canary", `{"op": "add", "path": "/spec/analysis/stepWieght", "value": 5}`),
			"FW322 spec.syncPolicies[0].rollout.patches[0]: the patches break Canary web/web: the API server would reject spec.analysis: unknown field \"stepWieght\""},
		{"a value that Flagger misreads", json("kind: Canary", `{"op": "replace", "path": "/spec/analysis/interval", "value": "1h"}`),
			"FW322 spec.syncPolicies[0].rollout.patches[0]: the patches break Canary web/web: the API server would reject spec.analysis.interval: \"1h\" is not a duration that Flagger reads"},
		{"two strategies", json("kind: Canary", `{"op": "add", "path": "/spec/analysis/iterations", "value": 5}`),
			"FW322 spec.syncPolicies[0].rollout.patches[0]: the patches break Canary web/web: the API server would reject spec.analysis: iterations and stepWeight exclude each other"},
		{"an unknown field of a Deployment", json("kind: Deployment", `{"op": "add", "path": "/spec/template/spec/nodeSelektor", "value": {}}`),
			"FW322 spec.syncPolicies[0].rollout.patches[0]: the patches break Deployment web/web-testloader: the API server would reject spec.template.spec: unknown field \"nodeSelektor\""},
		{"not a patch", "      - {patch: 'hello'}\n", "FW505 spec.syncPolicies[0].rollout.patches[0].patch: the patch is neither"},
		{"not a selector", json("kind: '['", `{"op": "remove", "path": "/spec"}`), "FW505 spec.syncPolicies[0].rollout.patches[0].target.kind"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list := diagnostics(patched(tt.patches))
			for _, d := range list {
				if strings.Contains(d.String(), "error "+tt.want) {
					return
				}
			}
			t.Errorf("no diagnostic\n%s\namong\n%s", tt.want, text(list))
		})
	}
}

// TestPatchedVariablesAreNotSubstituted checks that Flux does not substitute variables in patched objects either
// (conformance/substitution_test.go).
func TestPatchedVariablesAreNotSubstituted(t *testing.T) {
	tree := compile(t, patched(`
      - target: {kind: Canary}
        patch: |
          - {op: replace, path: /spec/analysis/webhooks/0/metadata/cmd, value: "hey -z ${LENGTH:-1m} http://web.example.com"}
`)...)
	if got := at(get(t, tree, oneCanary), "metadata annotations kustomize.toolkit.fluxcd.io/substitute"); got != "disabled" {
		t.Errorf("the annotation is %v", got)
	}
	if got := at(get(t, tree, "one/fleetwright/rollouts/default.x/ingress-web.yaml"), "metadata annotations"); got != nil {
		t.Errorf("the Ingress has the annotations %v", got)
	}
}

// TestPatchesThatBreakAreExplained checks that the message has the field, the value found, the expected value
// and the fix.
func TestPatchesThatBreakAreExplained(t *testing.T) {
	for _, tt := range []struct{ kind, at, value, want, hint string }{
		{"Canary", "/spec/analysis/interval", `"1h"`, `spec.analysis.interval: "1h" is not a duration that Flagger reads: minutes and seconds, such as 30s or 1m30s, but not 0`, "interval: 60m"},
		{"Canary", "/spec/analysis/interval", `"10sfoo"`, `spec.analysis.interval: "10sfoo" is not a duration that Flagger reads: minutes and seconds, such as 30s or 1m30s, but not 0`, "interval: 10s"},
		{"Canary", "/spec/analysis/interval", `90`, "spec.analysis.interval: expected text, got the number 90", "interval: 1m30s"},
		{"Canary", "/spec/analysis/webhooks/0/timeout", `"5 minutes"`, `spec.analysis.webhooks[0].timeout: "5 minutes" is not a duration that Flagger reads: minutes and seconds, such as 30s or 1m30s`, "timeout: 5m"},
		{"Canary", "/spec/analysis/threshold", `"5"`, `spec.analysis.threshold: expected a whole number, got the text "5"`, "remove the quotes: 5"},
		{"Canary", "/spec/analysis/stepWeight", `150`, "spec.analysis.stepWeight: 150 is too large; the maximum is 100", ""},
		{"Canary", "/spec/analysis/stepWieght", `5`, `spec.analysis: unknown field "stepWieght"`, "did you mean stepWeight?"},
		{"Canary", "/spec/analysis/webhooks/0/type", `"pre-rolout"`, `spec.analysis.webhooks[0].type: "pre-rolout" is not one of pre-rollout, rollout, `, "did you mean pre-rollout?"},
		{"Canary", "/spec/analysis/iterations", `5`, "spec.analysis: iterations and stepWeight exclude each other", "remove one of the two"},
		{"Canary", "/spec/analysis/stepWeights", `[]`, "spec.analysis.stepWeights: expected at least one item, got an empty list", ""},
		{"Canary", "/spec/analysis", `{"interval": "10s", "threshold": 5}`, "spec.analysis: there are no steps: stepWeight, stepWeights or iterations is missing", "stepWeight: 10"},
		{"Canary", "/spec/analysis/mirror", `true`, "spec: analysis.mirror is for istio and gatewayapi, and nginx would never leave that step", "remove it"},
		{"Canary", "/spec/analysis/match", `[{"headers": {"a": {"exact": "b", "prefix": "c"}}}]`, "spec.analysis.match[0].headers.a: expected exactly one of exact, prefix, suffix, regex, got 2", ""},
		{"Canary", "/spec/analysis/match", `[{"headers": {"a": {"preffix": "c"}}}]`, `spec.analysis.match[0].headers.a: unknown field "preffix"`, "did you mean prefix?"},
		{"Canary", "/spec/service/trafficPolicy", `{"loadBalancer": {"simple": "RANDOM", "consistentHash": {}}}`, "spec.service.trafficPolicy.loadBalancer: simple and consistentHash exclude each other", "remove one of the two"},
		{"Deployment", "/spec/template/spec/containers/0/resources/limits/cpu", `"lots"`, `spec.template.spec.containers[0].resources.limits.cpu: expected a quantity such as 100m, 0.5 or 64Mi, got the text "lots"`, ""},
		{"Deployment", "/spec/template/spec/containers/0/imagePullPolicy", `"always"`, `spec.template.spec.containers[0].imagePullPolicy: "always" is not one of Always, Never, IfNotPresent`, "did you mean Always?"},
		{"Deployment", "/spec/template/spec/hostNetwork", `"yes"`, `spec.template.spec.hostNetwork: expected true or false, got the text "yes"`, ""},
		{"Deployment", "/spec/strategy", `{"type": "recreate"}`, `spec.strategy.type: "recreate" is not one of Recreate, RollingUpdate`, "did you mean Recreate?"},
		{"Service", "/spec/ports/0/protocol", `"tcp"`, `spec.ports[0].protocol: "tcp" is not one of TCP, UDP, SCTP`, "did you mean TCP?"},
		{"Service", "/spec/ports/0/targetPort", `{}`, "spec.ports[0].targetPort: expected a whole number or text, got a mapping", ""},
		{"Ingress", "/spec/rules/0/http/paths/0/pathType", `"prefix"`, `spec.rules[0].http.paths[0].pathType: "prefix" is not one of Prefix, Exact, ImplementationSpecific`, "did you mean Prefix?"},
		{"Ingress", "/spec/rules/0/http/paths/0/backend/service/port/name", `"http"`, "spec.rules[0].http.paths[0].backend.service.port: expected exactly one of number, name, got 2", ""},
		{"Ingress", "/spec/tls", `[{"host": ["a"]}]`, `spec.tls[0]: unknown field "host"`, "did you mean hosts?"},
		{"MetricTemplate", "/spec/provider/type", `"prometeus"`, `spec.provider.type: "prometeus" is not one of prometheus, `, "did you mean prometheus?"},
		{"MetricTemplate", "/spec/query", `""`, `spec.query: "" is not text with at least one character`, ""},
	} {
		t.Run(tt.kind+tt.at+tt.value, func(t *testing.T) {
			list := diagnostics(patched(fmt.Sprintf("      - {target: {kind: %s}, patch: '[{\"op\": \"add\", \"path\": \"%s\", \"value\": %s}]'}\n", tt.kind, tt.at, tt.value)))
			explained := false
			for _, d := range list {
				if d.Code != "FW322" {
					continue
				}
				_, why, _ := strings.Cut(d.Message, " would reject ")
				explained = explained || strings.HasPrefix(why, tt.want) && d.Hint == tt.hint
				for _, cue := range []string{"_|_", "conflicting", "incomplete", "disjunction", "#", "not allowed"} {
					if strings.Contains(d.Message, cue) {
						t.Errorf("%s", d)
					}
				}
			}
			if !explained {
				t.Errorf("no diagnostic\n%s\n  hint: %s\namong\n%s", tt.want, tt.hint, text(list))
			}
		})
	}
}

// TestPatchesAreCheckedDespiteOtherErrors checks patches next to other errors, but not those of a rollout that
// itself has errors, because these may have caused the problem.
func TestPatchesAreCheckedDespiteOtherErrors(t *testing.T) {
	interval := `      - {target: {kind: Canary}, patch: '[{"op": "replace", "path": "/spec/analysis/interval", "value": "1h"}]'}` + "\n"
	elsewhere := schema.File{Name: "y.yaml", Data: []byte("{apiVersion: apps.kurator.dev/v1alpha1, kind: Application, metadata: {name: y}, spec: {}}")}
	broken := func(files []schema.File) bool {
		return strings.Contains(text(diagnostics(files)), "error FW322")
	}
	files := append(patched(interval), elsewhere)
	if !broken(files) {
		t.Errorf("the patch is not reported:\n%s", text(diagnostics(files)))
	}
	for i, f := range files {
		files[i].Data = []byte(strings.Replace(string(f.Data), "stepWeight: 10", "stepWeight: 0", 1))
	}
	if broken(files) {
		t.Errorf("the patch is reported:\n%s", text(diagnostics(files)))
	}
}
