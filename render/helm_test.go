package render_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/schema"
)

// document returns an Application in namespace team for the cluster host.
func document(name, source, policies string) schema.File {
	return schema.File{Name: name + ".yaml", Data: []byte("apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {name: " + name + ", namespace: team}\nspec:\n  source:\n" + source + "  syncPolicies:\n" + policies)}
}

const chartPolicy = "  - name: p\n    helm: {interval: 5m, chart: {spec: {chart: app}}}\n"

// everyHelmField sets every field of a helmRepository and a helm policy.
var everyHelmField = document("h", `
    helmRepository:
      url: https://example.com/charts
      secretRef: {name: login}
      certSecretRef: {name: ca}
      passCredentials: true
      interval: 1h
      timeout: 90s
      suspend: true
      type: default
      accessFrom: {namespaceSelectors: [{matchLabels: {a: b}}]}
`, `
  - name: p
    helm:
      chart:
        metadata: {labels: {a: b}, annotations: {c: d}}
        spec: {chart: app, version: 1.x, interval: 2h, reconcileStrategy: Revision, valuesFiles: [a.yaml, b.yaml], ignoreMissingValuesFiles: true}
      interval: 1h30m
      suspend: true
      releaseName: shop
      targetNamespace: web
      dependsOn: [{name: q, readyExpr: "true"}, {name: q, namespace: team}]
      timeout: 1h
      maxHistory: 0
      serviceAccountName: deployer
      persistentClient: false
      install:
        timeout: 2m
        remediation: {retries: -1, ignoreTestFailures: true, remediateLastFailure: false}
        disableWait: true
        disableWaitForJobs: true
        disableHooks: true
        disableOpenAPIValidation: true
        disableSchemaValidation: true
        disableTakeOwnership: true
        serverSideApply: false
        strategy: {name: RetryOnFailure, retryInterval: 4m}
        replace: true
        skipCRDs: true
        createNamespace: true
      upgrade:
        timeout: 3m
        remediation: {retries: 3, ignoreTestFailures: false, remediateLastFailure: true, strategy: uninstall}
        disableWait: true
        disableWaitForJobs: true
        disableHooks: true
        disableOpenAPIValidation: true
        disableSchemaValidation: true
        disableTakeOwnership: true
        serverSideApply: enabled
        strategy: {name: RemediateOnFailure}
        chartNameChangeStrategy: InPlaceUpdate
        force: true
        preserveValues: true
        cleanupOnFail: true
        crds: CreateReplace
      rollback: {timeout: 4m, disableWait: true, disableWaitForJobs: true, disableHooks: true, recreate: true, force: true, cleanupOnFail: true, serverSideApply: disabled}
      uninstall: {timeout: 5m, disableHooks: true, keepHistory: true, disableWait: true, deletionPropagation: orphan}
      valuesFrom: [{kind: Secret, name: s, valuesKey: k, targetPath: a.b, literal: true, optional: true}, {kind: ConfigMap, name: c}]
      values: {a: {b: [1, two, 9007199254740993]}, c: null}
      storageNamespace: releases
      commonMetadata: {labels: {e: f}, annotations: {g: h}}
      driftDetection: {mode: enabled, ignore: [{paths: [/spec/replicas], target: {kind: Deployment, group: apps, version: v1, name: x, namespace: z, labelSelector: a=b, annotationSelector: c=d}}]}
      test: {enable: true, timeout: 2m, ignoreFailures: true, filters: [{name: t, exclude: true}]}
      waitStrategy: {name: poller}
      healthCheckExprs: [{apiVersion: cert-manager.io/v1, kind: Certificate, current: "true", inProgress: "false", failed: "false"}]
      postRenderStrategy: separate
      postRenderers:
      - kustomize:
          patches:
          - target: {kind: Deployment, group: apps, version: v1, name: x, namespace: z, labelSelector: a=b, annotationSelector: c=d}
            patch: '[{"op": "remove", "path": "/spec/replicas"}]'
          images: [{name: i, newName: j, newTag: k, digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}]
  - name: q
    helm: {interval: 0s, chart: {spec: {chart: other}}}
`)

// everyOCIField sets every field of an ociRepository.
var everyOCIField = document("o", `
    ociRepository:
      url: oci://example.com/manifests
      ref: {digest: "sha256:0123456789012345678901234567890123456789012345678901234567890123", semver: ">=1.0.0", semverFilter: ".*-rc.*", tag: t}
      layerSelector: {mediaType: application/x-tar, operation: extract}
      provider: aws
      secretRef: {name: login}
      verify: {provider: notation, secretRef: {name: pub}, matchOIDCIdentity: [{issuer: "^i$", subject: "^s$"}], trustedRootSecretRef: {name: root}}
      serviceAccountName: puller
      certSecretRef: {name: ca}
      proxySecretRef: {name: proxy}
      interval: 1h
      timeout: 60m
      ignore: "*.md\n"
      insecure: true
      suspend: true
`, "  - name: p\n    "+policy+"\n")

func wantSpec(t *testing.T, got map[string]any, want string) {
	t.Helper()
	if spec := at(got, "spec"); !reflect.DeepEqual(spec, any(unmarshal(t, want))) {
		t.Errorf("the spec is\n%s\nwant\n%s", marshal(t, spec), marshal(t, unmarshal(t, want)))
	}
}

func TestEveryFieldOfHelmIsRendered(t *testing.T) {
	tree := compile(t, everyHelmField, newestFlux)
	dir := "host/fleetwright/apps/team.h/"
	wantSpec(t, get(t, tree, dir+"helmrepository-h.yaml"), `
type: default
url: https://example.com/charts
secretRef: {name: login}
certSecretRef: {name: ca}
passCredentials: true
interval: 1h
timeout: 90s
suspend: true
accessFrom: {namespaceSelectors: [{matchLabels: {a: b}}]}
`)
	wantSpec(t, get(t, tree, dir+"helmrelease-p.yaml"), `
chart:
  metadata: {labels: {a: b}, annotations: {c: d}}
  spec: {chart: app, version: 1.x, sourceRef: {kind: HelmRepository, name: h}, interval: 2h, reconcileStrategy: Revision, valuesFiles: [a.yaml, b.yaml], ignoreMissingValuesFiles: true}
interval: 1h30m
suspend: true
releaseName: shop
targetNamespace: web
dependsOn: [{name: q, readyExpr: "true"}, {name: q, namespace: team}]
timeout: 1h
maxHistory: 0
serviceAccountName: deployer
persistentClient: false
install:
  timeout: 2m
  remediation: {retries: -1, ignoreTestFailures: true, remediateLastFailure: false}
  disableWait: true
  disableWaitForJobs: true
  disableHooks: true
  disableOpenAPIValidation: true
  disableSchemaValidation: true
  disableTakeOwnership: true
  serverSideApply: false
  strategy: {name: RetryOnFailure, retryInterval: 4m}
  replace: true
  crds: Skip
  createNamespace: true
upgrade:
  timeout: 3m
  remediation: {retries: 3, ignoreTestFailures: false, remediateLastFailure: true, strategy: uninstall}
  disableWait: true
  disableWaitForJobs: true
  disableHooks: true
  disableOpenAPIValidation: true
  disableSchemaValidation: true
  disableTakeOwnership: true
  serverSideApply: enabled
  strategy: {name: RemediateOnFailure}
  chartNameChangeStrategy: InPlaceUpdate
  force: true
  preserveValues: true
  cleanupOnFail: true
  crds: CreateReplace
rollback: {timeout: 4m, disableWait: true, disableWaitForJobs: true, disableHooks: true, recreate: true, force: true, cleanupOnFail: true, serverSideApply: disabled}
uninstall: {timeout: 5m, disableHooks: true, keepHistory: true, disableWait: true, deletionPropagation: orphan}
valuesFrom: [{kind: Secret, name: s, valuesKey: k, targetPath: a.b, literal: true, optional: true}, {kind: ConfigMap, name: c}]
values: {a: {b: [1, two, 9007199254740993]}, c: null}
storageNamespace: releases
commonMetadata: {labels: {e: f}, annotations: {g: h}}
driftDetection: {mode: enabled, ignore: [{paths: [/spec/replicas], target: {kind: Deployment, group: apps, version: v1, name: x, namespace: z, labelSelector: a=b, annotationSelector: c=d}}]}
test: {enable: true, timeout: 2m, ignoreFailures: true, filters: [{name: t, exclude: true}]}
waitStrategy: {name: poller}
healthCheckExprs: [{apiVersion: cert-manager.io/v1, kind: Certificate, current: "true", inProgress: "false", failed: "false"}]
postRenderStrategy: separate
postRenderers:
- kustomize:
    patches:
    - target: {kind: Deployment, group: apps, version: v1, name: x, namespace: z, labelSelector: a=b, annotationSelector: c=d}
      patch: '[{"op": "remove", "path": "/spec/replicas"}]'
    images: [{name: i, newName: j, newTag: k, digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}]
`)
	// Unset fields have Kurator's defaults, even where Flux has changed its own.
	wantSpec(t, get(t, tree, dir+"helmrelease-q.yaml"), `
chart: {spec: {chart: other, sourceRef: {kind: HelmRepository, name: h}}}
interval: 0s
releaseName: q
maxHistory: 10
`)
	get(t, tree, dir+"namespace-web.yaml")
	if content := string(contents(tree)[dir+"helmrelease-p.yaml"]); !strings.Contains(content, "9007199254740993") {
		t.Errorf("a large number has changed:\n%s", content)
	}
}

func TestEveryFieldOfAnOCIRepositoryIsRendered(t *testing.T) {
	wantSpec(t, get(t, compile(t, everyOCIField, newestFlux), "host/fleetwright/apps/team.o/ocirepository-o.yaml"), `
url: oci://example.com/manifests
ref: {digest: "sha256:0123456789012345678901234567890123456789012345678901234567890123", semver: ">=1.0.0", semverFilter: ".*-rc.*", tag: t}
layerSelector: {mediaType: application/x-tar, operation: extract}
provider: aws
secretRef: {name: login}
verify: {provider: notation, secretRef: {name: pub}, matchOIDCIdentity: [{issuer: "^i$", subject: "^s$"}], trustedRootSecretRef: {name: root}}
serviceAccountName: puller
certSecretRef: {name: ca}
proxySecretRef: {name: proxy}
interval: 1h
timeout: 60m
ignore: "*.md\n"
insecure: true
suspend: true
`)
}

// TestChartsComeFromEachSource checks that a HelmRelease gets its chart from each kind of source, and from an
// OCIRepository only with chartRef.
func TestChartsComeFromEachSource(t *testing.T) {
	for source, want := range map[string]string{
		"    gitRepository: {url: https://example.com/a, interval: 1m}\n":        "chart: {spec: {chart: app, sourceRef: {kind: GitRepository, name: x}}}",
		"    helmRepository: {url: https://example.com/a, interval: 1m}\n":       "chart: {spec: {chart: app, sourceRef: {kind: HelmRepository, name: x}}}",
		"    helmRepository: {url: oci://example.com/a, interval: 1m}\n":         "chart: {spec: {chart: app, sourceRef: {kind: HelmRepository, name: x}}}",
		"    ociRepository: {url: oci://example.com/charts/app, interval: 1m}\n": "chartRef: {kind: OCIRepository, name: x}",
	} {
		tree := compile(t, document("x", source, chartPolicy))
		wantSpec(t, get(t, tree, "host/fleetwright/apps/team.x/helmrelease-p.yaml"), "interval: 5m\nreleaseName: p\nmaxHistory: 10\n"+want)
		switch {
		case strings.Contains(source, "helmRepository: {url: oci"):
			if got := at(get(t, tree, "host/fleetwright/apps/team.x/helmrepository-x.yaml"), "spec type"); got != "oci" {
				t.Errorf("a registry has the type %v", got)
			}
		case strings.Contains(source, "ociRepository"):
			layer := at(get(t, tree, "host/fleetwright/apps/team.x/ocirepository-x.yaml"), "spec layerSelector")
			if want := unmarshal(t, "{mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: copy}"); !reflect.DeepEqual(layer, any(want)) {
				t.Errorf("Flux uses the layer %v of the chart's artifact", layer)
			}
		}
	}
}

func TestSourcesThatCannotServeAPolicy(t *testing.T) {
	oci := "    ociRepository: {url: oci://example.com/charts/app, interval: 1m}\n"
	for _, tt := range []struct{ name, source, policies, want string }{
		{"a kustomization of a Helm repository", "    helmRepository: {url: https://example.com, interval: 1m}\n", "  - name: p\n    " + policy + "\n",
			"x.yaml:9:5: error FW507 spec.syncPolicies[0].kustomization: a helmRepository holds charts"},
		{"a type that is not the URL's", "    helmRepository: {url: https://example.com, type: oci, interval: 1m}\n", chartPolicy,
			"x.yaml:6:54: error FW507 spec.source.helmRepository.type: type oci does not match the URL https://example.com"},
		{"a provider without a registry", "    helmRepository: {url: https://example.com, provider: aws, interval: 1m}\n", chartPolicy,
			"x.yaml:6:58: error FW507 spec.source.helmRepository.provider"},
		{"another chart than the artifact", oci, strings.Replace(chartPolicy, "chart: app", "chart: shop", 1),
			"x.yaml:9:48: error FW507 spec.syncPolicies[0].helm.chart.spec.chart: an ociRepository holds one chart, and this one holds app, not shop"},
		{"a version in addition to the artifact's", oci, strings.Replace(chartPolicy, "chart: app", "chart: app, version: 1.0.0", 1),
			"x.yaml:9:62: error FW508 spec.syncPolicies[0].helm.chart.spec.version: Flux creates no HelmChart"},
		{"values files of an artifact", oci, strings.Replace(chartPolicy, "chart: app", "chart: app, valuesFiles: [a]", 1),
			"x.yaml:9:53: error FW508 spec.syncPolicies[0].helm.chart.spec.valuesFiles"},
		{"a chart that is applied", oci, chartPolicy + "  - name: q\n    " + policy + "\n",
			"x.yaml:11:5: error FW507 spec.syncPolicies[1].kustomization: another policy installs the ociRepository as a chart"},
		{"a version in Git", "    gitRepository: {url: https://example.com, interval: 1m}\n", strings.Replace(chartPolicy, "chart: app", "chart: ./app, version: 1.0.0", 1),
			"x.yaml:9:64: warning FW509 spec.syncPolicies[0].helm.chart.spec.version"},
		{"CRDs skipped and created", "    helmRepository: {url: https://example.com, interval: 1m}\n", strings.Replace(chartPolicy, "interval: 5m", "interval: 5m, install: {skipCRDs: true, crds: Create}", 1),
			"x.yaml:9:46: error FW113 spec.syncPolicies[0].helm.install.skipCRDs"},
		{"one release of two policies", "    helmRepository: {url: https://example.com, interval: 1m}\n", chartPolicy + strings.NewReplacer("name: p", "name: q", "interval", "releaseName: p, interval").Replace(chartPolicy),
			"x.yaml:11:25: error FW604 spec.syncPolicies[1].helm.releaseName: x.yaml:8:5 also has the Helm release p in namespace team"},
		{"a HelmRelease waiting for a Kustomization", "    gitRepository: {url: https://example.com, interval: 1m}\n", "  - name: q\n    " + policy + "\n" + strings.Replace(chartPolicy, "interval", "dependsOn: [{name: q}], interval", 1),
			"x.yaml:11:31: error FW510 spec.syncPolicies[1].helm.dependsOn[0].name: a HelmRelease can depend only on its own kind, but q is a Kustomization"},
		{"a branch with its prefix", "    gitRepository: {url: https://example.com, interval: 1m, ref: {branch: refs/heads/main}}\n", "  - name: q\n    " + policy + "\n",
			"x.yaml:6:75: error FW115 spec.source.gitRepository.ref.branch: Flux adds the prefix of a branch itself"},
		{"a tag in the URL", strings.Replace(oci, "/app,", "/app:1.0,", 1), chartPolicy, "x.yaml:6:26: error FW115 spec.source.ociRepository.url"},
		{"a URL with a slash at its end", strings.Replace(oci, "/app,", "/app/,", 1), chartPolicy, "x.yaml:6:26: error FW115 spec.source.ociRepository.url"},
		{"no time to install", "    helmRepository: {url: https://example.com, interval: 1m}\n", strings.Replace(chartPolicy, "interval: 5m", "interval: 5m, timeout: 0s", 1),
			"x.yaml:9:35: error FW114 spec.syncPolicies[0].helm.timeout"},
		{"a key that is too long", "    helmRepository: {url: https://example.com, interval: 1m}\n", strings.Replace(chartPolicy, "interval: 5m", "interval: 5m, valuesFrom: [{kind: Secret, name: a, valuesKey: "+strings.Repeat("k", 254)+"}]", 1),
			"x.yaml:9:74: error FW115 spec.syncPolicies[0].helm.valuesFrom[0].valuesKey: \"kkk"},
		{"a character that the API server rejects", "    helmRepository: {url: https://example.com, interval: 1m}\n", strings.Replace(chartPolicy, "interval: 5m", `interval: 5m, values: {a: "b\x7f"}`, 1),
			"x.yaml:9:38: error FW104 spec.syncPolicies[0].helm.values.a: character U+007F"},
		{"a registry that is never polled", strings.Replace(oci, "1m", "0s", 1), chartPolicy, "x.yaml:6:66: error FW501 spec.source.ociRepository.interval"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantDiagnostic(t, []schema.File{document("x", tt.source, tt.policies)}, tt.want)
		})
	}
}

// TestReleasesWithOneName checks releases with one name, which Helm cannot distinguish in their storage namespace
// or in the namespace of their objects.
func TestReleasesWithOneName(t *testing.T) {
	release := func(name, more string) schema.File {
		f := app(name, "  destination: {fleet: shops}\n  syncPolicies:\n  - {name: "+name+", helm: {interval: 5m, chart: {spec: {chart: ./app}}, "+more+"}}\n")
		return f
	}
	wantDiagnostic(t, worldAnd(release("a", "releaseName: kuma, targetNamespace: kuma-system")), "a.yaml:8:")
	one, two := release("a", "releaseName: web, targetNamespace: web"), release("b", "releaseName: web, targetNamespace: other")
	wantDiagnostic(t, worldAnd(one, two), "b.yaml:8:")
	compile(t, worldAnd(one, release("b", "releaseName: web2, targetNamespace: web"))...)
}

// TestAmbiguousDependencyIsUnknown checks a name that two objects of Kurator have.
func TestAmbiguousDependencyIsUnknown(t *testing.T) {
	files := []schema.File{{Name: "world.yaml", Data: []byte("{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: q}, spec: {clusters: [{kind: Cluster, name: c}, {kind: Cluster, name: b-cluster-c}]}}\n---\n" +
		"{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: c}}\n---\n{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: b-cluster-c}}\n")},
		app("x", "  destination: {fleet: q}\n  syncPolicies:\n  - {name: a, "+policy+"}\n  - {name: a-cluster-b, "+policy+"}\n  - {name: z, kustomization: {interval: 5m, prune: true, dependsOn: [{name: a-cluster-b-cluster-c}]}}\n")}
	for range 10 {
		wantDiagnostic(t, files, "x.yaml:10:77: warning FW211")
	}
}

// TestDependenciesAreNamedAsTheyAreEmitted checks that Kurator's names for objects, one per cluster, stand for
// policies here.
func TestDependenciesAreNamedAsTheyAreEmitted(t *testing.T) {
	policies := "  destination: {fleet: shops}\n  syncPolicies:\n  - {name: a, " + policy + "}\n" +
		"  - {name: b, kustomization: {interval: 5m, prune: true, dependsOn: [{name: a-attachedcluster-berlin}, {name: c-1, namespace: default}]}}\n"
	other := app("c", "  destination: {fleet: shops}\n  syncPolicies: [{name: z, "+policy+"}, {"+policy+"}]\n")
	files := worldAnd(app("x", policies), other)
	k := get(t, compile(t, files...), "berlin/fleetwright/apps/default.x/kustomization-b.yaml")
	if got, want := at(k, "spec dependsOn"), unmarshal(t, "d: [{name: a}, {name: c-1, namespace: default}]")["d"]; !reflect.DeepEqual(got, want) {
		t.Errorf("it depends on %v, want %v", got, want)
	}
	host := strings.NewReplacer("  destination: {fleet: shops}\n", "", "attachedcluster-berlin", "currentcluster-host", "c-1", "z").Replace(policies)
	k = get(t, compile(t, append(files[:len(files)-2:len(files)-2], app("x", host), other)...), "host/fleetwright/apps/default.x/kustomization-b.yaml")
	if got := at(k, "spec dependsOn 0 name"); got != "a" {
		t.Errorf("without a fleet it depends on %v", got)
	}
}

// TestChartOfARolloutLeavesItsServiceToFlagger checks a chart's Service and its replicas.
func TestChartOfARolloutLeavesItsServiceToFlagger(t *testing.T) {
	tree := compile(t, example(t, "../examples/helm-repository")...)
	patches, _ := at(get(t, tree, member1+"apps/default.podinfo/helmrelease-podinfo.yaml"), "spec postRenderers 0 kustomize patches").([]any)
	var text strings.Builder
	for _, p := range patches {
		text.WriteString(at(p, "patch").(string))
	}
	for _, want := range []string{"replicas: null", "$patch: delete", "kuma.io/sidecar-injection: enabled"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no patch has %q:\n%s", want, text.String())
		}
	}
	if got := at(get(t, tree, member1+"apps/default.podinfo/helmrelease-cache.yaml"), "spec postRenderers 0 kustomize patches 1"); got != nil {
		t.Errorf("a chart without a rollout is patched: %v", got)
	}
}
