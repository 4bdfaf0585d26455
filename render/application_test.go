package render_test

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

// everyField sets every field of a gitRepository and a kustomization.
var everyField = schema.File{Name: "a.yaml", Data: []byte(`
apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata: {name: a, namespace: team}
spec:
  source:
    gitRepository:
      url: ssh://git@example.com/a
      secretRef: {name: key}
      interval: 1h30m
      timeout: 60m
      ref: {branch: b, tag: t, semver: ">=1.0.0", name: refs/heads/x, commit: "0123456789012345678901234567890123456789"}
      verify: {mode: head, secretRef: {name: pub}}
      provider: aws
      serviceAccountName: puller
      proxySecretRef: {name: proxy}
      sparseCheckout: [./x, c]
      ignore: "*.md\n"
      suspend: true
      gitImplementation: libgit2
      recurseSubmodules: true
      include: [{repository: {name: other}, fromPath: x, toPath: z}]
      accessFrom: {}
  syncPolicies:
  - name: p
    kustomization:
      commonMetadata: {labels: {a: b}, annotations: {c: d}}
      dependsOn: [{name: q, readyExpr: "dep.status.observedGeneration == 1"}, {name: r, namespace: team}]
      interval: 1m
      retryInterval: 10s
      path: ./x
      prune: false
      patches:
      - target: {kind: Deployment, labelSelector: a=b, annotationSelector: c=d, group: apps, version: v1, name: x, namespace: z}
        patch: '[{"op": "remove", "path": "/spec/replicas"}]'
      images: [{name: i, newName: j, newTag: k, digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}]
      suspend: true
      targetNamespace: web
      timeout: 1h
      force: true
      components: [../c]
      ignoreMissingComponents: true
      namePrefix: a-
      nameSuffix: -b
      buildMetadata: [originAnnotations, transformerAnnotations]
      postBuild:
        substitute: {REGION: eu}
        substituteFrom: [{kind: ConfigMap, name: vars, optional: true}, {kind: Secret, name: tokens}]
        substituteStrategy: Always
      decryption: {provider: sops, secretRef: {name: age}, serviceAccountName: decryptor}
      serviceAccountName: deployer
      wait: true
      healthCheckExprs: [{apiVersion: cert-manager.io/v1, kind: Certificate, current: "true", inProgress: "false", failed: "false"}]
      deletionPolicy: WaitForTermination
      ignore: [{paths: [/spec/replicas], target: {kind: Deployment, group: apps, version: v1, name: x, namespace: z, labelSelector: a=b, annotationSelector: c=d}}]
  - name: q
    kustomization: {interval: 0s, retryInterval: 5s, prune: true, healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: x, namespace: z}]}
  - name: r
    kustomization: {interval: 0m0s, retryInterval: 0s, prune: true}
  - name: s
    kustomization: {interval: 1m, retryInterval: 0s, prune: true}
`)}

// newestFlux selects the version of Flux that has every field.
var newestFlux = schema.File{Name: "config.yaml", Data: []byte("{apiVersion: fleetwright.dev/v1alpha1, kind: RenderConfig, spec: {versions: {flux: \"2.9\"}}}")}

func TestEveryFieldOfSourceAndPolicyIsRendered(t *testing.T) {
	tree := compile(t, worldAnd(everyField, newestFlux)...)
	dir := "host/fleetwright/apps/team.a/"
	want := unmarshal(t, `
url: ssh://git@example.com/a
secretRef: {name: key}
interval: 1h30m
timeout: 60m
ref: {branch: b, tag: t, semver: ">=1.0.0", name: refs/heads/x, commit: "0123456789012345678901234567890123456789"}
verify: {mode: HEAD, secretRef: {name: pub}}
provider: aws
serviceAccountName: puller
proxySecretRef: {name: proxy}
sparseCheckout: [./x, c]
ignore: "*.md\n"
suspend: true
recurseSubmodules: true
include: [{repository: {name: other}, fromPath: x, toPath: z}]
`)
	if got := at(get(t, tree, dir+"gitrepository-a.yaml"), "spec"); !reflect.DeepEqual(got, any(want)) {
		t.Errorf("the source is\n%swant\n%s", marshal(t, got), marshal(t, want))
	}
	want = unmarshal(t, `
commonMetadata: {labels: {a: b}, annotations: {c: d}}
dependsOn: [{name: q, readyExpr: "dep.status.observedGeneration == 1"}, {name: r, namespace: team}]
interval: 1m
retryInterval: 10s
path: ./x
prune: false
patches:
- target: {kind: Deployment, labelSelector: a=b, annotationSelector: c=d, group: apps, version: v1, name: x, namespace: z}
  patch: '[{"op": "remove", "path": "/spec/replicas"}]'
images: [{name: i, newName: j, newTag: k, digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}]
suspend: true
targetNamespace: web
timeout: 1h
force: true
components: [../c]
ignoreMissingComponents: true
namePrefix: a-
nameSuffix: -b
buildMetadata: [originAnnotations, transformerAnnotations]
postBuild:
  substitute: {REGION: eu}
  substituteFrom: [{kind: ConfigMap, name: vars, optional: true}, {kind: Secret, name: tokens}]
  substituteStrategy: Always
decryption: {provider: sops, secretRef: {name: age}, serviceAccountName: decryptor}
serviceAccountName: deployer
wait: true
healthCheckExprs: [{apiVersion: cert-manager.io/v1, kind: Certificate, current: "true", inProgress: "false", failed: "false"}]
deletionPolicy: WaitForTermination
ignore: [{paths: [/spec/replicas], target: {kind: Deployment, group: apps, version: v1, name: x, namespace: z, labelSelector: a=b, annotationSelector: c=d}}]
sourceRef: {kind: GitRepository, name: a}
`)
	if got := at(get(t, tree, dir+"kustomization-p.yaml"), "spec"); !reflect.DeepEqual(got, any(want)) {
		t.Errorf("the policy is\n%swant\n%s", marshal(t, got), marshal(t, want))
	}
	if got, want := at(get(t, tree, dir+"kustomization-q.yaml"), "spec healthChecks"), any(unmarshal(t, "l: [{apiVersion: apps/v1, kind: Deployment, name: x, namespace: z}]")["l"]); !reflect.DeepEqual(got, want) {
		t.Errorf("the health checks are %v, want %v", got, want)
	}
	// A failure is retried, even if nothing is polled.
	for policy, want := range map[string]any{"q": "5s", "r": "2m0s", "s": nil} {
		if got := at(get(t, tree, dir+"kustomization-"+policy+".yaml"), "spec retryInterval"); got != want {
			t.Errorf("%s is retried after %v, want %v", policy, got, want)
		}
	}
	// The namespaces of the objects and the workloads must exist.
	for _, ns := range []string{"team", "web"} {
		if got := at(get(t, tree, dir+"namespace-"+ns+".yaml"), "metadata labels"); got != nil {
			t.Errorf("%s has the labels %v", ns, got)
		}
	}
}

func TestFieldsRemovedFromFluxAreReported(t *testing.T) {
	files := edit(t, example(t, seed), "application.yaml", "      timeout: 1m0s\n", "      timeout: 1m0s\n      gitImplementation: libgit2\n      accessFrom: {}\n")
	wantDiagnostic(t, files, "application.yaml:13:26: warning FW502 spec.source.gitRepository.gitImplementation")
	wantDiagnostic(t, files, "application.yaml:14:7: warning FW502 spec.source.gitRepository.accessFrom")
}

// TestPatchesAreAcceptedAsKustomizeAcceptsThem compares the verdict on each patch with that of kustomize itself.
func TestPatchesAreAcceptedAsKustomizeAcceptsThem(t *testing.T) {
	for patch, want := range map[string]string{
		"{patch: nonsense}":                      "the patch is neither",
		"{patch: ''}":                            "the patch is neither",
		"{patch: 'a: [b'}":                       "the patch is neither",
		"{patch: '- {op: remove, path: /spec}'}": "a JSON patch needs a target",
		"{patch: '[{op: remove, path: /data}]', target: {kind: ConfigMap}}": "the patch begins with [, so kustomize reads it as JSON",
		"{patch: \"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {b: c}}\\n---\\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\", target: {kind: ConfigMap}}": "a patch with a target holds one object, but this one holds 2",
		"{patch: '- {op: delete, path: /data}', target: {kind: ConfigMap}}":                                      "unknown JSON patch operation \"delete\"",
		"{patch: '- {op: remove, path: data}', target: {kind: ConfigMap}}":                                       "the path \"data\" of a JSON patch",
		"{patch: 'data: {b: c}', target: {kind: ConfigMap}}":                                                     "a strategic merge patch needs",
		"{patch: '{apiVersion: v1, kind: Pod, metadata: {name: a}}', target: {name: '['}}":                       "target.name: \"[\" is not a valid regular expression",
		"{patch: '- {op: add, value: b}', target: {kind: ConfigMap}}":                                            "the operation add has no path",
		"{patch: '- {op: add, path: \"\", value: {}}', target: {kind: ConfigMap}}":                               "the operation add needs a path",
		"{patch: '- {op: replace, path: \"\", value: x}', target: {kind: ConfigMap}}":                            "the operation replace needs a path",
		"{patch: '- {op: remove, path: \"\"}', target: {kind: ConfigMap}}":                                       "the operation remove needs a path",
		"{patch: '- {op: move, path: /data/c}', target: {kind: ConfigMap}}":                                      "the operation move has no from",
		"{patch: '- {op: move, path: /data/c, from: data/a}', target: {kind: ConfigMap}}":                        "the from \"data/a\"",
		"{patch: '- {op: move, path: /data/c, from: \"\"}', target: {kind: ConfigMap}}":                          "the from \"\"",
		"{patch: '[{\"op\": \"remove\"}]', target: {kind: ConfigMap}}":                                           "the operation remove has no path",
		"{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}', target: {labelSelector: \"a==\"}}":    "",
		"{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}', target: {labelSelector: \"a=(b\"}}":   "target.labelSelector: \"a=(b\" is not a valid selector",
		"{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}', target: {annotationSelector: \"!\"}}": "target.annotationSelector: \"!\" is not a valid selector",
		"{patch: '- {op: move, path: /data/c, from: /data/a}', target: {kind: ConfigMap}}":                       "",

		"{patch: '- {op: add, path: /data/c, value: b}', target: {kind: Config.*}}":                                                                                 "",
		"{patch: '[{\"op\": \"test\", \"path\": \"\"}]', target: {name: b}}":                                                                                        "",
		"{patch: \"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {b: c}}\\n---\\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\\n---\\n\"}": "",
		"{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {b: c}}'}":                                                                           "",
		"{patch: \"$patch: delete\\napiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n\"}":                                                                   "",
		"{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}', target: {kind: ConfigMap}}":                                                              "",
	} {
		files := worldAnd(app("a", "  syncPolicies: [{name: p, kustomization: {interval: 5m, prune: true, patches: ["+patch+"]}}]\n"))
		list := diagnostics(files)
		if want != "" {
			field := "patch: "
			if strings.HasPrefix(want, "target.") {
				field = ""
			}
			if !slices.ContainsFunc(list, func(d diag.Diagnostic) bool {
				return strings.Contains(d.String(), "error FW505 spec.syncPolicies[0].kustomization.patches[0]."+field+want) && d.Position.Line == 6
			}) {
				t.Errorf("%s: no %s%s\n%s", patch, field, want, text(list))
			}
		} else if list = problems(files); len(list) > 0 {
			t.Errorf("%s:\n%s", patch, text(list))
		}
		fs := filesys.MakeFsInMemory()
		_ = fs.WriteFile("configmap.yaml", []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n"))
		_ = fs.WriteFile("kustomization.yaml", []byte("resources: [configmap.yaml]\npatches: ["+patch+"]\n"))
		_, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, ".")
		if (err == nil) != (want == "") {
			t.Errorf("%s: kustomize returns %v, fleetwright %q", patch, err, want)
		}
	}
}

func TestRolloutsThatDoNotWork(t *testing.T) {
	for _, tt := range []struct{ name, from, to, want string }{
		{"a port that no container listens on", "port: 9898", "port: 80", "application.yaml:31:15: warning FW308"},
		{"a Service's name too long for its primary", "serviceName: backend", "serviceName: " + strings.Repeat("b", 56), "application.yaml:30:22: error FW311"},
		{"a workload's name too long for its load tester", "name: backend", "name: " + strings.Repeat("b", 53), "application.yaml:27:17: error FW311"},
		{"a workload name that is invalid for a Service of a load tester", "name: backend", "name: back.end", "application.yaml:27:17: error FW312"},
		{"a port name without a letter", "port: 9898", "port: 9898\n        targetPort: \"8080\"", "application.yaml:32:21: error FW115 spec.syncPolicies[0].rollout.targetPort: \"8080\" is not a port name"},
		{"a port name with two hyphens", "port: 9898", "port: 9898\n        targetPort: a--b", "application.yaml:32:21: error FW115"},
		{"a metric whose template has too long a name", "name: kuma-request-success-rate", "name: " + strings.Repeat("m", 250), "application.yaml:43:23: error FW311"},
		{"a workload in another namespace", "path: ./deploy/webapp", "targetNamespace: shop", "application.yaml:29:22: error FW309 spec.syncPolicies[0].rollout.workload.namespace: workload.namespace is webapp, but the policy's targetNamespace puts the workload into shop"},
		{"a metric without a threshold", "              - name: kuma", "              - name: request-duration\n              - name: kuma", "application.yaml:43:23: warning FW306"},
		{"two metrics of one name", "              - name: kuma", "              - {name: kuma-request-success-rate, thresholdRange: {min: 1}, customMetric: {provider: {type: prometheus, address: x}, query: x}}\n              - name: kuma", "application.yaml:44:23: error FW310"},
		{"one of Flagger's metrics twice", "              - name: kuma", "              - {name: request-duration, thresholdRange: {max: 1}}\n              - {name: request-duration, thresholdRange: {max: 2}}\n              - name: kuma", "application.yaml:44:24: error FW310 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics[1].name: the metric at application.yaml:43:24 is also called request-duration, so only one of their queries would count"},
		{"no steps", "stepWeight: 10", "stepWeightPromotion: 10", "application.yaml:36:13: error FW302"},
		{"a step of 0", "stepWeight: 10", "stepWeight: 0", "application.yaml:36:13: error FW302"},
		{"an empty list of steps", "stepWeight: 10", "stepWeights: []", "application.yaml:36:13: error FW302"},
		{"both kinds of steps", "stepWeight: 10", "stepWeight: 10\n              stepWeights: [1, 2]", "application.yaml:39:15: error FW301"},
		{"both strategies", "protocol: http", "analysisTimes: 3", "application.yaml:34:28: error FW303"},
		{"no address", "address: http://prometheus-server.mesh-observability:80\n", "region: x\n", "application.yaml:48:19: error FW305"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantDiagnostic(t, edit(t, example(t, seed), "application.yaml", tt.from, tt.to), tt.want)
		})
	}
	t.Run("a metric of requests that are not counted", func(t *testing.T) {
		files := edit(t, example(t, seed), "application.yaml", "protocol: http\n", "protocol: tcp\n")
		files = edit(t, files, "application.yaml", "              - name: kuma", "              - {name: request-duration, thresholdRange: {max: 500}}\n              - name: kuma")
		wantDiagnostic(t, files, "application.yaml:43:24: error FW414")
	})
	t.Run("commands without a load tester", func(t *testing.T) {
		files := edit(t, example(t, seed), "application.yaml", "testLoader: true", "testLoader: false")
		files = edit(t, files, "fleet.yaml", "      publicTestloader: true\n", "")
		wantDiagnostic(t, files, "application.yaml:67:15: error FW307")
	})
	t.Run("no strategy", func(t *testing.T) {
		files := edit(t, example(t, seed), "application.yaml", "            canaryStrategy:\n              maxWeight: 50\n              stepWeight: 10\n", "")
		wantDiagnostic(t, files, "application.yaml:32:9: error FW302 spec.syncPolicies[0].rollout.rolloutPolicy: the rollout has no strategy")
	})
}

func TestStrategies(t *testing.T) {
	for _, tt := range []struct{ name, from, to, want string }{
		{"step weights", "maxWeight: 50\n              stepWeight: 10", "stepWeights: [1, 10, 50]\n              stepWeightPromotion: 20", "{interval: 90s, threshold: 2, stepWeights: [1, 10, 50], stepWeightPromotion: 20}"},
		{"step weights with a maximum", "stepWeight: 10", "stepWeights: [1, 10]", "{interval: 90s, threshold: 2, stepWeights: [1, 10]}"},
		{"no maximum", "maxWeight: 50\n", "", "{interval: 90s, threshold: 2, maxWeight: 100, stepWeight: 10}"},
		{"blue/green", "canaryStrategy:\n              maxWeight: 50\n              stepWeight: 10", "analysisTimes: 5", "{interval: 90s, threshold: 2, iterations: 5}"},
		{"a threshold that Flagger reads as 1", "checkFailedTimes: 2", "checkFailedTimes: 0", "{interval: 90s, threshold: 1, maxWeight: 50, stepWeight: 10}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "no maximum" {
				tt.from = "              " + tt.from
			}
			got := at(get(t, compile(t, edit(t, example(t, seed), "application.yaml", tt.from, tt.to)...), seedCanary), "spec analysis").(map[string]any)
			delete(got, "metrics")
			delete(got, "webhooks")
			if want := unmarshal(t, tt.want); !reflect.DeepEqual(got, want) {
				t.Errorf("the analysis is\n%swant\n%s", marshal(t, got), marshal(t, want))
			}
		})
	}
}

func TestSwitchesOfARollout(t *testing.T) {
	files := edit(t, example(t, seed), "application.yaml", "rolloutTimeoutSeconds: 600", "rolloutTimeoutSeconds: 120\n          skipTrafficAnalysis: true\n          revertOnDeletion: true\n          suspend: true")
	files = edit(t, files, "application.yaml", "port: 9898", `port: 9898
        targetPort: http
        primary: {labels: {tier: stable}, annotations: {a: b}}
        preview: {annotations: {9898.service.kuma.io/protocol: http2}}`)
	canary := get(t, compile(t, files...), seedCanary)
	for path, want := range map[string]any{
		"spec progressDeadlineSeconds":       120.0,
		"spec skipAnalysis":                  true,
		"spec revertOnDeletion":              true,
		"spec suspend":                       true,
		"spec service targetPort":            "http",
		"spec service primary labels tier":   "stable",
		"spec service primary annotations a": "b",
		"spec service primary annotations 9898.service.kuma.io/protocol": "http",
		"spec service canary annotations 9898.service.kuma.io/protocol":  "http2", // set by the user
		"spec service apex annotations 9898.service.kuma.io/protocol":    "http",
	} {
		if got := at(canary, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
}

// A namespace that every cluster has exists before fleetwright's, which would never be applied if it waited for
// its absence. If two Kustomizations applied it, each would take it from the other.
func TestWorkloadsInTheDefaultNamespace(t *testing.T) {
	files := edit(t, example(t, seed), "application.yaml", "namespace: webapp", "namespace: default")
	other := edit(t, files, "application.yaml", "name: rollout-kuma-demo", "name: other")
	other = edit(t, other, "application.yaml", "name: backend", "name: frontend")
	other = edit(t, other, "application.yaml", "serviceName: backend", "serviceName: frontend")
	other[0].Name = "other.yaml"
	tree := compile(t, append(files, other[0])...)
	ns := get(t, tree, member1+"shared/namespace-default.yaml")
	if at(ns, "metadata labels kuma.io/sidecar-injection") != "enabled" || at(ns, "metadata annotations kustomize.toolkit.fluxcd.io/ssa") != nil {
		t.Errorf("the namespace is %v", at(ns, "metadata"))
	}
	for name := range contents(tree) {
		if path.Base(name) == "namespace-default.yaml" && path.Base(path.Dir(name)) != "shared" {
			t.Errorf("%s applies the namespace as well", name)
		}
	}
	if got := at(ns, "metadata annotations kustomize.toolkit.fluxcd.io/prune"); got != "disabled" {
		t.Errorf("prune is %v", got)
	}
	// The pods need the label before they start, and the label needs Kuma.
	for stage, want := range map[string]any{"app-default.other": "shared", "app-default.rollout-kuma-demo": "shared", "shared": "mesh"} {
		if after := marshal(t, at(syncOf(t, tree, "kurator-member1", stage), "spec dependsOn")); !strings.Contains(after, fmt.Sprintf("- name: %v\n", want)) {
			t.Errorf("%s depends on\n%s, want %v among it", stage, after, want)
		}
	}
}
