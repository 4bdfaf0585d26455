package render_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// ofShops returns an Application of the fleet shops with one policy. The fleet's clusters are berlin {region:
// eu, tier: gold}, lisbon {region: eu} and tokyo {region: asia}.
func ofShops(policy string) []schema.File {
	return worldAnd(app("a", "  destination: {fleet: shops}\n  syncPolicies:\n"+policy))
}

// values is a policy of a chart with values, indented like a policy's fields.
const values = `  - name: p
    helm:
      interval: 5m
      chart: {spec: {chart: ./chart}}
      values:
        one: 1
        map: {a: 1, b: 2}
        list: [1, 2]
`

// valuesOn returns the values of the policy p on a cluster.
func valuesOn(t *testing.T, tree *render.Tree, cluster string) any {
	t.Helper()
	return at(get(t, tree, cluster+"/fleetwright/apps/default.a/helmrelease-p.yaml"), "spec values")
}

func TestOverridesAreMerged(t *testing.T) {
	for _, tt := range []struct {
		name, overrides string
		// want holds the values on berlin, lisbon and tokyo.
		want [3]string
	}{
		{"maps by key", "- {clusterSelector: {matchLabels: {tier: gold}}, helm: {values: {map: {b: 3, c: 4}}}}",
			[3]string{"{one: 1, map: {a: 1, b: 3, c: 4}, list: [1, 2]}", "{one: 1, map: {a: 1, b: 2}, list: [1, 2]}", "{one: 1, map: {a: 1, b: 2}, list: [1, 2]}"}},
		{"lists as a whole", "- {clusterSelector: {matchLabels: {tier: gold}}, helm: {values: {list: [3]}}}",
			[3]string{"{one: 1, map: {a: 1, b: 2}, list: [3]}", "{one: 1, map: {a: 1, b: 2}, list: [1, 2]}", "{one: 1, map: {a: 1, b: 2}, list: [1, 2]}"}},
		{"null removes", "- {clusterSelector: {matchLabels: {region: eu}}, helm: {values: {one: null, map: {a: null}, new: {x: null, z: 1}}}}",
			[3]string{"{map: {b: 2}, list: [1, 2], new: {z: 1}}", "{map: {b: 2}, list: [1, 2], new: {z: 1}}", "{one: 1, map: {a: 1, b: 2}, list: [1, 2]}"}},
		{"another type", "- {clusterSelector: {matchLabels: {region: asia}}, helm: {values: {map: 1, one: {two: 2}}}}",
			[3]string{"{one: 1, map: {a: 1, b: 2}, list: [1, 2]}", "{one: 1, map: {a: 1, b: 2}, list: [1, 2]}", "{one: {two: 2}, map: 1, list: [1, 2]}"}},
		{"the last one wins, field by field",
			"- {clusterSelector: {matchLabels: {region: eu}}, helm: {values: {one: 2, map: {a: 2}}}}\n    - {clusterSelector: {matchLabels: {tier: gold}}, helm: {values: {one: 3}}}",
			[3]string{"{one: 3, map: {a: 2, b: 2}, list: [1, 2]}", "{one: 2, map: {a: 2, b: 2}, list: [1, 2]}", "{one: 1, map: {a: 1, b: 2}, list: [1, 2]}"}},
		{"all clusters", "- {clusterSelector: {}, helm: {values: {one: 2}}}\n    - {clusterSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}, helm: {values: {list: null}}}",
			[3]string{"{one: 2, map: {a: 1, b: 2}, list: [1, 2]}", "{one: 2, map: {a: 1, b: 2}}", "{one: 2, map: {a: 1, b: 2}}"}},
		{"aliases and merge keys", "- {clusterSelector: {matchLabels: {region: eu}}, helm: {values: &v {one: 2}}}\n    - {clusterSelector: {matchLabels: {region: asia}}, helm: {values: {<<: *v, map: null}}}",
			[3]string{"{one: 2, map: {a: 1, b: 2}, list: [1, 2]}", "{one: 2, map: {a: 1, b: 2}, list: [1, 2]}", "{one: 2, list: [1, 2]}"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := ofShops(values + "    overrides:\n    " + tt.overrides + "\n")
			tree := compile(t, files...)
			for i, cluster := range []string{"berlin", "lisbon", "tokyo"} {
				if got, want := valuesOn(t, tree, cluster), any(unmarshal(t, tt.want[i])); !reflect.DeepEqual(got, want) {
					t.Errorf("on %s they are\n%swant\n%s", cluster, marshal(t, got), marshal(t, want))
				}
			}
			if list := problems(files); len(list) > 0 {
				t.Errorf("got\n%s", text(list))
			}
		})
	}
}

// TestOverridesShareEqualContent checks that clusters with the same result share the same bytes.
func TestOverridesShareEqualContent(t *testing.T) {
	tree := compile(t, ofShops(values+`    overrides:
    - {clusterSelector: {matchLabels: {tier: gold}}, helm: {values: {one: 1}}}
    - {clusterSelector: {matchLabels: {region: asia}}, helm: {values: {one: 2}}}
`)...)
	made := map[string]*byte{}
	for _, c := range tree.Clusters {
		for f := range c.Files() {
			if f.Path == "apps/default.a/helmrelease-p.yaml" {
				made[c.Name] = &f.Content[0]
			}
		}
	}
	if made["berlin"] == nil || made["berlin"] != made["lisbon"] || made["berlin"] == made["tokyo"] {
		t.Errorf("the contents are at %v", made)
	}
}

func TestVariablesAreResolved(t *testing.T) {
	files := ofShops(`  - name: p
    helm:
      interval: 5m
      chart: {spec: {chart: "./charts/${cluster.labels.region}"}}
      releaseName: a-${cluster.name}
      maxHistory: ${cluster.labels.history}
      suspend: "${cluster.labels.suspended}"
      targetNamespace: ${cluster.labels.history}
      values:
        number: ${cluster.labels.history}
        text: "${cluster.labels.history}"
        block: |
          a ${cluster.name}
          b $${cluster.name}
        mixed: ${cluster.labels.history}0
        of: ${cluster.labels.suspended}
        empty: ${cluster.labels.none}
        nothing: ${cluster.labels.nothing}
        tagged: !!str ${cluster.labels.history}
        $${cluster.key}: 1
        prefixed: ${cluster.labels.example.com/zone}
        twice: ${cluster.name}-${cluster.labels.region}
        others: $x $$ ${x} ${cluster} ${ cluster.name} $(cluster.name) {{ cluster.name }} $$${cluster.name} ${clusters.name}
        list: [a, "${cluster.name}", {b: "${cluster.labels.region}"}]
`)
	text := strings.NewReplacer(
		"region: eu, tier: gold", `region: eu, tier: gold, history: "6", suspended: "true", none: "", nothing: "null", example.com/zone: a`,
		"labels: {region: eu}", `labels: {region: eu, history: "7", suspended: "false", none: "", nothing: "null", example.com/zone: b}`,
		"labels: {region: asia}", `labels: {region: asia, history: "8", suspended: "false", none: "", nothing: "null", example.com/zone: c}`,
	).Replace(string(files[0].Data))
	files[0].Data = []byte(text)
	tree := compile(t, files...)
	spec := at(get(t, tree, "berlin/fleetwright/apps/default.a/helmrelease-p.yaml"), "spec").(map[string]any)
	delete(spec, "postRenderers")
	want := unmarshal(t, `
interval: 5m
chart: {spec: {chart: ./charts/eu, sourceRef: {kind: GitRepository, name: a}, reconcileStrategy: Revision}}
releaseName: a-berlin
maxHistory: 6
suspend: true
targetNamespace: "6"
values:
  number: 6
  text: "6"
  block: "a berlin\nb ${cluster.name}\n"
  mixed: "60"
  of: true
  empty: null
  nothing: null
  tagged: "6"
  ${cluster.key}: 1
  prefixed: a
  twice: berlin-eu
  others: $x $$ ${x} ${cluster} ${ cluster.name} $(cluster.name) {{ cluster.name }} $${cluster.name} ${clusters.name}
  list: [a, berlin, {b: eu}]
`)
	if chart, ok := at(any(spec), "chart spec").(map[string]any); ok && chart["reconcileStrategy"] == nil {
		delete(at(any(want), "chart spec").(map[string]any), "reconcileStrategy")
	}
	if !reflect.DeepEqual(any(spec), any(want)) {
		t.Errorf("it is\n%swant\n%s", marshal(t, spec), marshal(t, want))
	}
	if got := at(get(t, tree, "lisbon/fleetwright/apps/default.a/helmrelease-p.yaml"), "spec values number"); got != 7.0 {
		t.Errorf("on lisbon the number is %v", got)
	}
}

// TestEffectOfOverrides checks that following a warning's hint to remove an override changes nothing.
func TestEffectOfOverrides(t *testing.T) {
	for _, tt := range []struct {
		name, base string
		overrides  []string
		useless    string
	}{
		{"a removal inside a mapping", "{a: {x: 1}}", []string{"{a: null}", "{a: {b: 2}}"}, ""},
		{"a text instead of a mapping", "{a: {x: 1}}", []string{"{a: text}", "{a: {b: 2}}"}, ""},
		{"a number before a mapping", "{a: 1}", []string{"{a: 2}", "{a: {b: 2}}"}, "0"},
		{"the same twice", "{a: 1}", []string{"{a: 5}", "{a: 5}"}, "1"},
		{"one and its reversal", "{a: 1}", []string{"{a: 5}", "{a: 1}"}, "0"},
		{"a quoted variable and a plain one", "{a: \"${cluster.name}\"}", []string{"\n          a: ${cluster.name}"}, ""},
		{"an empty mapping", "{a: {b: 1}}", []string{"{a: {}}"}, "0"},
		{"nothing", "{a: {b: 1}}", []string{"{}"}, "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			policy := "  - name: p\n    helm:\n      interval: 5m\n      chart: {spec: {chart: ./a}}\n      values: " + tt.base + "\n    overrides:\n"
			for _, values := range tt.overrides {
				policy += "    - clusterSelector: {}\n      helm:\n        values: " + values + "\n"
			}
			var useless []string
			for _, d := range problems(ofShops(policy)) {
				if d.Code != diag.OverrideUnused {
					t.Fatal(d)
				}
				useless = append(useless, strings.Trim(d.Path[strings.LastIndex(d.Path, "["):], "[]"))
			}
			if got := strings.Join(useless, " "); got != tt.useless {
				t.Errorf("useless are %q, want %q\n%s", got, tt.useless, policy)
			}
		})
	}
}

// TestEscapedVariables checks a policy with no other variables.
func TestEscapedVariables(t *testing.T) {
	tree := compile(t, ofShops("  - name: p\n    helm: {interval: 5m, chart: {spec: {chart: ./a}}, values: {a: \"$${cluster.name} ${x}\"}}\n")...)
	if got := at(get(t, tree, "tokyo/fleetwright/apps/default.a/helmrelease-p.yaml"), "spec values a"); got != "${cluster.name} ${x}" {
		t.Errorf("it is %q", got)
	}
}

// TestOverridesAndVariablesThatDoNotWork checks that each mistake is reported at its position.
func TestOverridesAndVariablesThatDoNotWork(t *testing.T) {
	const chart = "  - name: p\n    helm: {interval: 5m, chart: {spec: {chart: ./chart}}, values: {one: 1}}\n    overrides:\n"
	for _, tt := range []struct {
		name, policy string
		want         []string
	}{
		{"it selects nothing", chart + "    - {clusterSelector: {matchLabels: {region: us}}, helm: {values: {one: 2}}}\n",
			[]string{"a.yaml:11:8: warning FW204 spec.syncPolicies[0].overrides[0].clusterSelector: the override selects no cluster → labels of the clusters: berlin {region=eu, tier=gold}, lisbon {region=eu}, tokyo {region=asia}"}},
		{"it changes nothing", chart + "    - {clusterSelector: {matchLabels: {region: eu}}, helm: {values: {one: 1, two: null}}}\n",
			[]string{"a.yaml:11:7: warning FW228 spec.syncPolicies[0].overrides[0]: the override changes nothing on the clusters that it selects → remove it"}},
		{"it sets nothing", chart + "    - {clusterSelector: {matchLabels: {region: eu}}}\n",
			[]string{"a.yaml:11:7: warning FW228 spec.syncPolicies[0].overrides[0]: the override changes nothing on the clusters that it selects → remove it"}},
		{"it is always overridden", chart + "    - {clusterSelector: {matchLabels: {tier: gold}}, helm: {values: {one: 2}}}\n    - {clusterSelector: {matchLabels: {region: eu}}, helm: {values: {one: 3}}}\n",
			[]string{"a.yaml:11:7: warning FW228 spec.syncPolicies[0].overrides[0]: later overrides replace everything that this one sets → remove it, or move it after them"}},
		{"it is overridden on some clusters", chart + "    - {clusterSelector: {matchLabels: {region: eu}}, helm: {values: {one: 2}}}\n    - {clusterSelector: {matchLabels: {tier: gold}}, helm: {values: {one: 3}}}\n", nil},
		{"it reverses another", chart + "    - {clusterSelector: {matchLabels: {region: eu}}, helm: {values: {one: 2}}}\n    - {clusterSelector: {matchLabels: {tier: gold}}, helm: {values: {one: 1}}}\n", nil},
		{"an unknown field", chart + "    - {clusterSelector: {matchLabels: {region: eu}}, helm: {value: {one: 2}}}\n",
			[]string{"a.yaml:11:61: error FW110 spec.syncPolicies[0].overrides[0].helm: unknown field \"value\" → did you mean values?"}},
		{"another type", chart + "    - {clusterSelector: {matchLabels: {region: eu}}, helm: {maxHistory: many}}\n",
			[]string{"a.yaml:11:73: error FW111 spec.syncPolicies[0].overrides[0].helm.maxHistory: expected a whole number, got the text \"many\""}},
		{"a format", chart + "    - {clusterSelector: {matchLabels: {region: eu}}, helm: {releaseName: A_b}}\n",
			[]string{"a.yaml:11:74: error FW115 spec.syncPolicies[0].overrides[0].helm.releaseName"}},
		{"a required field is removed", chart + "    - {clusterSelector: {matchLabels: {region: eu}}, helm: {interval: null}}\n",
			[]string{"a.yaml:11:54: error FW112 spec.syncPolicies[0].overrides[0].helm: interval is missing"}},
		{"both kinds", chart + "    - {clusterSelector: {matchLabels: {region: eu}}, kustomization: {interval: 5m, prune: true}}\n",
			[]string{"a.yaml:11:54: error FW121 spec.syncPolicies[0].overrides[0].kustomization: a sync policy is a kustomization or a helm release, not both"}},
		{"the other kind", chart + "    - {clusterSelector: {matchLabels: {region: eu}}, helm: null, kustomization: {interval: 5m, prune: true}}\n", nil},
		{"no selector", chart + "    - {helm: {values: {one: 2}}}\n",
			[]string{"a.yaml:11:7: error FW112 spec.syncPolicies[0].overrides[0]: clusterSelector is missing"}},
		{"a rule about merged fields", chart + "    - {clusterSelector: {matchLabels: {region: eu}}, helm: {install: {skipCRDs: true, crds: Create}}}\n",
			[]string{"a.yaml:11:81: error FW113 spec.syncPolicies[0].overrides[0].helm.install.skipCRDs: skipCRDs and crds: Create contradict each other → remove skipCRDs"}},

		{"a selector without a value", chart + "    - {clusterSelector: , helm: {values: {one: 2}}}\n",
			[]string{"a.yaml:11:25: error FW112 spec.syncPolicies[0].overrides[0].clusterSelector: clusterSelector has no value, so it would select every cluster"}},
		{"a required field of a rollout is removed", "  - name: p\n    kustomization: {interval: 5m, prune: true}\n    rollout: {trafficRoutingProvider: kuma, testLoader: true, workload: {name: w, namespace: w}, serviceName: w, port: 80, targetPort: 8080, rolloutPolicy: {trafficRouting: {protocol: http, canaryStrategy: {stepWeight: 10}}, trafficAnalysis: {checkIntervalSeconds: 60, checkFailedTimes: 2, metrics: [{name: request-success-rate, thresholdRange: {min: 99}}], webhooks: {command: [\"hey -z 55s -q 10 http://w-canary.w:80/\"]}}}}\n    overrides:\n    - {clusterSelector: {matchLabels: {region: eu}}, rollout: {port: null}}\n",
			[]string{"a.yaml:12:54: error FW112 spec.syncPolicies[0].overrides[0].rollout: port is missing"}},
		{"a dependency of the other kind on some clusters", "  - name: p\n    kustomization: {interval: 5m, prune: true}\n    overrides:\n    - {clusterSelector: {matchLabels: {region: asia}}, kustomization: null, helm: {interval: 5m, chart: {spec: {chart: ./a}}}}\n  - name: q\n    kustomization: {interval: 5m, prune: true, dependsOn: [{name: p}]}\n",
			[]string{"a.yaml:13:67: error FW510 spec.syncPolicies[1].kustomization.dependsOn[0].name: on tokyo: a Kustomization can depend only on its own kind, but on tokyo p is a HelmRelease"}},

		{"another name", "  - name: p\n    kustomization: {interval: 5m, prune: true, path: \"./${cluster.region}\"}\n",
			[]string{"a.yaml:9:54: error FW124 spec.syncPolicies[0].kustomization.path: unknown variable ${cluster.region} → ${cluster.labels.region}, or ${cluster.name}"}},
		{"no closing brace", "  - name: p\n    kustomization: {interval: 5m, prune: true, path: \"./${cluster.name\"}\n",
			[]string{"a.yaml:9:54: error FW124 spec.syncPolicies[0].kustomization.path: the variable ${cluster. is not closed"}},
		{"in a name", "  - name: p-${cluster.name}\n    kustomization: {interval: 5m, prune: true}\n",
			[]string{"a.yaml:8:11: error FW124 spec.syncPolicies[0].name: ${cluster.name} is not resolved here"}},
		{"in a key", "  - name: p\n    helm: {interval: 5m, chart: {spec: {chart: ./chart}}, values: {\"${cluster.name}\": 1}}\n",
			[]string{"a.yaml:9:68: error FW124 spec.syncPolicies[0].helm.values[\"${cluster.name}\"]: ${cluster.name} is not resolved in a key"}},
		{"a label that a cluster lacks", "  - name: p\n    kustomization: {interval: 5m, prune: true, path: \"./${cluster.labels.tier}\"}\n",
			[]string{"a.yaml:9:54: error FW227 spec.syncPolicies[0].kustomization.path: clusters lisbon, tokyo have no label \"tier\", so ${cluster.labels.tier} has no value there → add the label to the clusters, or set the value with overrides"}},
		{"a label that an override does not need", "  - name: p\n    kustomization: {interval: 5m, prune: true, path: \"./${cluster.labels.tier}\"}\n    overrides:\n    - {clusterSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}, kustomization: {path: ./other}}\n", nil},
		{"a value of another type", "  - name: p\n    kustomization: {interval: 5m, prune: true, force: \"${cluster.labels.region}\"}\n",
			[]string{"a.yaml:9:55: error FW111 spec.syncPolicies[0].kustomization.force: on berlin, lisbon: expected true or false, got the text \"eu\"", "a.yaml:9:55: error FW111 spec.syncPolicies[0].kustomization.force: on tokyo: expected true or false, got the text \"asia\""}},
		{"a value of another form", "  - name: p\n    kustomization: {interval: \"${cluster.labels.region}\", prune: true}\n",
			[]string{"a.yaml:9:31: error FW115 spec.syncPolicies[0].kustomization.interval: on berlin, lisbon: \"eu\" is not ", "a.yaml:9:31: error FW115 spec.syncPolicies[0].kustomization.interval: on tokyo: "}},
		{"short names that do not exist", "  - name: p\n    kustomization: {interval: 5m, prune: true, path: \"./${cluster.nam}${cluster.}${cluster.labels}\", targetNamespace: \"x-${cluster.name}\", serviceAccountName: \"a-${cluster.namespace}\"}\n",
			[]string{"a.yaml:9:54: error FW124 spec.syncPolicies[0].kustomization.path: unknown variable ${cluster.nam} → ${cluster.name}", "a.yaml:9:54: error FW124 spec.syncPolicies[0].kustomization.path: unknown variable ${cluster.} → ${cluster.labels.region}, or", "a.yaml:9:54: error FW124 spec.syncPolicies[0].kustomization.path: unknown variable ${cluster.labels} → ", "a.yaml:9:160: error FW124 spec.syncPolicies[0].kustomization.serviceAccountName: unknown variable ${cluster.namespace}"}},
		{"a mapping", "  - name: p\n    kustomization: {interval: 5m, prune: true, decryption: {provider: sops, secretRef: \"${cluster.name}\"}}\n",
			[]string{"a.yaml:9:88: error FW111 spec.syncPolicies[0].kustomization.decryption.secretRef: expected a mapping, got the text \"${cluster.name}\" → secretRef: {name: \"${cluster.name}\"}"}},
		{"an escaped variable in a field with a type", "  - name: p\n    kustomization: {interval: 5m, prune: true, wait: \"$${cluster.name}\", deletionPolicy: \"$${cluster.name}\", namePrefix: \"$${cluster.name}\"}\n",
			[]string{"a.yaml:9:54: error FW111 spec.syncPolicies[0].kustomization.wait: expected true or false, got the text \"${cluster.name}\"", "a.yaml:9:90: error FW113 spec.syncPolicies[0].kustomization.deletionPolicy: ", "a.yaml:9:122: error FW115 spec.syncPolicies[0].kustomization.namePrefix: "}},
		{"a mistake next to an override", "  - name: p\n    kustomization: {interval: 5m, foo: bar}\n    overrides:\n    - {clusterSelector: {matchLabels: {region: eu}}, kustomization: {timeout: 5m}}\n",
			[]string{"a.yaml:9:5: error FW112 spec.syncPolicies[0].kustomization: prune is missing", "a.yaml:9:35: error FW110 spec.syncPolicies[0].kustomization: unknown field \"foo\""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := ofShops(tt.policy)
			list := problems(files)
			for _, want := range tt.want {
				if !slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return strings.HasPrefix(oneLine(d), want) }) {
					t.Errorf("no %s among\n%s", want, text(list))
				}
			}
			if len(list) != len(tt.want) {
				t.Errorf("got\n%s", text(list))
			}
		})
	}
}

// TestFindingsNameTheirClusters checks that a finding at a line outside of overrides names its clusters, unless
// it applies to all of them.
func TestFindingsNameTheirClusters(t *testing.T) {
	files := example(t, "../examples/overrides")
	wantDiagnostic(t, edit(t, files, "application.yaml", "              - hey -z 110s", "              - hey -z 50s"),
		"application.yaml:139:17: warning FW356 spec.syncPolicies[0].overrides[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]: the load test lasts only 50s of the 2m")
	wantDiagnostic(t, edit(t, files, "application.yaml", "            stepWeight: 10\n", "            stepWeight: 20\n"),
		"application.yaml:113:24: warning FW332 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy.maxWeight: steps of 20%")
	wantDiagnostic(t, edit(t, files, "application.yaml", "          rolloutTimeoutSeconds: 1200\n", "          trafficRouting: {canaryStrategy: {stepWeight: 20}}\n          rolloutTimeoutSeconds: 1200\n"),
		"application.yaml:113:24: warning FW332 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy.maxWeight: on production-ap, production-eu, production-us: steps of 20%")
}

// TestSourceOverridesOnAHub checks that the hub has one source object for each variant, and that each cluster's
// policies reference their own.
func TestSourceOverridesOnAHub(t *testing.T) {
	files := worldAnd(app("a", `  overrides:
  - {clusterSelector: {matchLabels: {region: eu}}, source: {gitRepository: {ref: {tag: v1}}}}
  - {clusterSelector: {matchLabels: {tier: gold}}, source: {gitRepository: {ref: {tag: null, branch: main}}}}
  destination: {fleet: shops}
  syncPolicies: [{name: p, `+policy+`}]
`))
	files[0].Data = []byte(strings.ReplaceAll(string(files[0].Data), "}}}\n", "}}, spec: {kubeconfig: {name: k}}}\n"))
	tree := compile(t, onHub(files...)...)
	for policy, want := range map[string]string{"attachedcluster-berlin": "a-override-0-1", "attachedcluster-lisbon": "a-override-0", "cluster-tokyo": "a"} {
		_, cluster, _ := strings.Cut(policy, "-")
		file := "host/fleetwright/clusters/" + cluster + "/apps/default.a/kustomization-p-" + policy + ".yaml"
		if got := at(get(t, tree, file), "spec sourceRef name"); got != want {
			t.Errorf("%s: the source is %v, want %s", cluster, got, want)
		}
	}
	_, list := render.Compile(schema.Load(ofShops("  - {name: p, "+policy+"}\n  overrides: [{clusterSelector: {matchLabels: {region: eu}}, source: null}]\n")), render.Options{})
	if !slices.ContainsFunc(list, func(d diag.Diagnostic) bool {
		return d.Code == diag.OneSource && d.Path == "spec.overrides[0].source" && d.Position.Line == 9
	}) {
		t.Errorf("without a source: got\n%s", text(list))
	}
	for name, want := range map[string]any{"a": nil, "a-override-0": map[string]any{"tag": "v1"}, "a-override-0-1": map[string]any{"branch": "main"}} {
		if got := at(get(t, tree, "host/fleetwright/sources/gitrepository-"+name+".default.yaml"), "spec ref"); !reflect.DeepEqual(got, want) {
			t.Errorf("the ref of %s is %v, want %v", name, got, want)
		}
	}
}
