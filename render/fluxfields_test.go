package render_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
)

// found returns the diagnostics of files with one of the codes, as code and path.
func found(files []schema.File, codes ...diag.Code) (all []string) {
	_, list := renderAll(files)
	for _, d := range list {
		if slices.Contains(codes, d.Code) {
			all = append(all, string(d.Code)+" "+d.Path)
		}
	}
	return all
}

// onFlux returns a RenderConfig with a version of Flux.
func onFlux(version string) schema.File {
	f := newestFlux
	f.Data = []byte(strings.ReplaceAll(string(f.Data), "2.9", version))
	return f
}

// TestFieldsOfNewerFluxAreRejected checks that each version accepts its own fields, and that fields of newer
// versions are rejected at the field.
func TestFieldsOfNewerFluxAreRejected(t *testing.T) {
	policy := func(field string) string { return "FW524 spec.syncPolicies[0]." + field }
	of26 := map[string][]string{
		"2.9": {
			"FW524 spec.source.gitRepository.provider", policy("kustomization.buildMetadata"), policy("kustomization.ignore"), policy("kustomization.postBuild.substituteStrategy"),
			policy("helm.postRenderStrategy"), policy("helm.upgrade.chartNameChangeStrategy"), policy("helm.valuesFrom[0].literal"),
			"FW524 spec.source.ociRepository.verify.trustedRootSecretRef",
		},
		"2.8": {
			policy("helm.healthCheckExprs"), policy("helm.install.serverSideApply"), policy("helm.upgrade.serverSideApply"), policy("helm.rollback.serverSideApply"), policy("helm.waitStrategy"),
		},
		"2.7": {
			"FW524 spec.source.gitRepository.serviceAccountName", policy("kustomization.dependsOn[0].readyExpr"), policy("kustomization.ignoreMissingComponents"),
			policy("helm.commonMetadata"), policy("helm.dependsOn[0].readyExpr"), policy("helm.install.strategy"), policy("helm.upgrade.strategy"),
		},
	}
	var want []string
	for _, version := range []string{"2.9", "2.8", "2.7", "2.6"} {
		var got []string
		for _, files := range [][]schema.File{worldAnd(everyField), {everyHelmField}, {everyOCIField}} {
			got = append(got, found(append(files, onFlux(version)), diag.NeedsNewerFlux)...)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("Flux %s: rejected\n%s\nwant\n%s", version, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		want = append(want, of26[version]...)
	}
	// Before 2.9 an expression has a kind.
	kindless := document("k", "    gitRepository: {url: https://example.com, interval: 1m}\n", `
  - name: p
    kustomization: {interval: 5m, prune: true, wait: true, healthCheckExprs: [{apiVersion: a.io/v1, kind: B, current: "true"}, {apiVersion: a.io/v1, current: "true"}]}
`)
	for version, want := range map[string][]string{"2.8": {"FW524 spec.syncPolicies[0].kustomization.healthCheckExprs[1]"}, "2.9": nil} {
		if got := found([]schema.File{kindless, onFlux(version)}, diag.NeedsNewerFlux); !slices.Equal(got, want) {
			t.Errorf("Flux %s: rejected %q, want %q", version, got, want)
		}
	}
}

// ofPolicy returns a rollout on kuma whose policy has further fields.
func ofPolicy(kind, more string) []schema.File {
	files := rolledOut("kuma", "      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}\n")
	text := string(files[1].Data)
	if kind == "helm" {
		text = strings.Replace(text, "kustomization: {interval: 5m, prune: true}", "helm: {interval: 5m, targetNamespace: web, chart: {spec: {chart: a}}, "+more+"}", 1)
		text = regexp.MustCompile(`gitRepository: \{[^}]*\}`).ReplaceAllString(text, "helmRepository: {url: https://example.com, interval: 1m}")
	} else {
		text = strings.Replace(text, "prune: true}", "prune: true, "+more+"}", 1)
	}
	files[1].Data = []byte(text)
	return files
}

// TestFieldsThatBreakARollout checks that fields which would break a rollout are reported at their position, and
// others are not.
func TestFieldsThatBreakARollout(t *testing.T) {
	const k, h = "spec.syncPolicies[0].kustomization.", "spec.syncPolicies[0].helm."
	codes := []diag.Code{diag.NoSuchName, diag.WaitsForRollout, diag.DriftIgnored, diag.TestsOldVersion, diag.LeftAtZero, diag.FieldIgnored, diag.HealthyAtZero, diag.RefusedBeside}
	for _, tt := range []struct{ kind, more, want string }{
		{"kustomization", "namePrefix: a-", "FW526 spec.syncPolicies[0].rollout.workload.name"},
		{"kustomization", "namePrefix: w, nameSuffix: b", ""},
		{"kustomization", "namePrefix: web", "FW526 spec.syncPolicies[0].rollout.workload.name"},
		{"kustomization", "wait: true", ""},
		{"kustomization", "healthChecks: [{apiVersion: flagger.app/v1beta1, kind: Canary, name: web, namespace: web}]", "FW527 " + k + "healthChecks[0].name"},
		{"kustomization", "healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: web-primary, namespace: web}]", "FW527 " + k + "healthChecks[0].name"},
		{"kustomization", "healthChecks: [{kind: Service, name: web-canary, namespace: web}]", "FW527 " + k + "healthChecks[0].name"},
		{"kustomization", "healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: web-primary, namespace: other}]", ""},
		{"kustomization", "healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: web, namespace: web}]", "FW532 " + k + "healthChecks[0].name"},
		{"kustomization", "healthChecks: [{apiVersion: apps/v1, kind: StatefulSet, name: db, namespace: web}]", ""},
		{"kustomization", "wait: true, healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: web-primary, namespace: web}]", "FW531 " + k + "healthChecks"},
		{"kustomization", "healthCheckExprs: [{apiVersion: a.io/v1, kind: B, current: x}]", "FW531 " + k + "healthCheckExprs"},
		{"kustomization", "wait: true, healthCheckExprs: [{apiVersion: a.io/v1, kind: B, current: x}]", ""},
		{"kustomization", "deletionPolicy: Orphan", "FW530 " + k + "deletionPolicy"},
		{"kustomization", "deletionPolicy: WaitForTermination", ""},
		{"helm", "test: {enable: true}", "FW529 " + h + "test.enable"},
		{"helm", "test: {enable: true, ignoreFailures: true}", ""},
		{"helm", "test: {filters: [{name: a}]}", "FW531 " + h + "test.filters"},
		{"helm", "driftDetection: {mode: warn}", "FW528 " + h + "driftDetection"},
		{"helm", "driftDetection: {mode: disabled}", ""},
		{"helm", "driftDetection: {mode: enabled, ignore: [{paths: [/spec/replicas]}]}", ""},
		{"helm", "driftDetection: {mode: enabled, ignore: [{paths: [/a, /spec/replicas], target: {kind: Deployment, name: web}}]}", ""},
		{"helm", "driftDetection: {mode: enabled, ignore: [{paths: [/spec/replicas], target: {kind: StatefulSet}}]}", "FW528 " + h + "driftDetection"},
		{"helm", "driftDetection: {mode: enabled, ignore: [{paths: [/spec/replicas], target: {labelSelector: a=b}}]}", "FW528 " + h + "driftDetection"},
		{"helm", "driftDetection: {ignore: [{paths: [/a]}]}", "FW531 " + h + "driftDetection.ignore"},
		{"helm", "waitStrategy: {name: legacy}, healthCheckExprs: [{apiVersion: a.io/v1, current: x}]", "FW531 " + h + "healthCheckExprs"},
		{"helm", "waitStrategy: {name: poller}, healthCheckExprs: [{apiVersion: a.io/v1, current: x}]", ""},
		{"helm", "install: {strategy: {name: RetryOnFailure}, remediation: {retries: 3}}", "FW531 " + h + "install.remediation"},
		{"helm", "upgrade: {strategy: {name: RetryOnFailure}, remediation: {retries: 3}}", "FW531 " + h + "upgrade.remediation"},
		{"helm", "upgrade: {strategy: {name: RemediateOnFailure}, remediation: {retries: 3}}", ""},
	} {
		if got := strings.Join(found(append(ofPolicy(tt.kind, tt.more), newestFlux), codes...), "\n"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.more, got, tt.want)
		}
	}
}

// TestSourcesThatFluxRejects checks that fields of a source which a controller rejects are reported at their
// position.
func TestSourcesThatFluxRejects(t *testing.T) {
	const source = "spec.source."
	for _, tt := range []struct{ source, policy, want string }{
		{"gitRepository: {url: https://example.com, interval: 1m, provider: github}", policy, "FW533 " + source + "gitRepository.provider"},
		{"gitRepository: {url: https://example.com, interval: 1m, provider: github, secretRef: {name: a}}", policy, ""},
		{"gitRepository: {url: https://example.com, interval: 1m, verify: {mode: Tag, secretRef: {name: a}}}", policy, "FW533 " + source + "gitRepository.verify.mode"},
		{"gitRepository: {url: https://example.com, interval: 1m, ref: {tag: a}, verify: {mode: TagAndHEAD, secretRef: {name: a}}}", policy, ""},
		{"helmRepository: {url: https://example.com, interval: 1m, insecure: true}", "helm: {interval: 5m, chart: {spec: {chart: a}}}", "FW531 " + source + "helmRepository.insecure"},
		{"helmRepository: {url: oci://example.com/a, interval: 1m, insecure: true}", "helm: {interval: 5m, chart: {spec: {chart: a, verify: {}}}}", ""},
		{"helmRepository: {url: https://example.com, interval: 1m}", "helm: {interval: 5m, chart: {spec: {chart: a, verify: {}}}}", "FW533 spec.syncPolicies[0].helm.chart.spec.verify"},
		{"helmRepository: {url: oci://example.com/a, interval: 1m}", "helm: {interval: 5m, chart: {spec: {chart: a, verify: {provider: notation}}}}", "FW533 spec.syncPolicies[0].helm.chart.spec.verify.provider"},
		{"ociRepository: {url: oci://example.com/a/b, interval: 1m, verify: {provider: notation}}", policy, "FW533 " + source + "ociRepository.verify.provider"},
		{"ociRepository: {url: oci://example.com/a/b, interval: 1m, verify: {secretRef: {name: a}, matchOIDCIdentity: [{issuer: a, subject: b}]}}", policy, "FW531 " + source + "ociRepository.verify.matchOIDCIdentity"},
		{"ociRepository: {url: oci://example.com/a/b, interval: 1m, verify: {matchOIDCIdentity: [{issuer: a, subject: b}]}}", policy, ""},
		{"ociRepository: {url: oci://example.com/a/b, interval: 1m, ref: {semverFilter: a}}", policy, "FW531 " + source + "ociRepository.ref.semverFilter"},
		{"ociRepository: {url: oci://example.com/a/b, interval: 1m}", "helm: {interval: 5m, chart: {spec: {chart: b, verify: {}, ignoreMissingValuesFiles: true}}}", "FW508 spec.syncPolicies[0].helm.chart.spec.verify\nFW508 spec.syncPolicies[0].helm.chart.spec.ignoreMissingValuesFiles"},
	} {
		files := []schema.File{document("a", "    "+tt.source+"\n", "  - name: p\n    "+tt.policy+"\n"), newestFlux}
		if got := strings.Join(found(files, diag.FieldIgnored, diag.RefusedBeside, diag.NoHelmChart), "\n"); got != tt.want {
			t.Errorf("%s, %s: %q, want %q", tt.source, tt.policy, got, tt.want)
		}
	}
}

// TestHintOfInsecure checks that the hint does not recommend another scheme.
func TestHintOfInsecure(t *testing.T) {
	_, list := renderAll([]schema.File{document("a", "    helmRepository: {url: https://example.com, interval: 1m, insecure: true}\n", "  - {name: p, helm: {interval: 5m, chart: {spec: {chart: a}}}}\n")})
	i := slices.IndexFunc(list, func(d diag.Diagnostic) bool { return d.Code == diag.FieldIgnored })
	if i < 0 || list[i].Hint != "remove insecure" {
		t.Errorf("got %v", list)
	}
}

// TestPatchesMatchPrefixedNames builds the patches of a rollout whose policy has a prefix and a suffix: kustomize
// patches by the names in the manifests.
func TestPatchesMatchPrefixedNames(t *testing.T) {
	files := ofPolicy("kustomization", "namePrefix: w, nameSuffix: b")
	spec := at(get(t, compile(t, files...), "one/fleetwright/apps/default.x/kustomization-web.yaml"), "spec")
	fs := filesys.MakeFsInMemory()
	for name, text := range map[string]string{
		"d.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: e}\nspec: {replicas: 2}\n",
		"s.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: e}\n",
		"kustomization.yaml": marshal(t, map[string]any{
			"resources": []any{"d.yaml", "s.yaml"}, "namePrefix": "w", "nameSuffix": "b", "patches": at(spec, "patches"),
		}),
	} {
		if err := fs.WriteFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, r := range build(t, fs, ".").Resources() {
		object, err := r.Map()
		if err != nil {
			t.Fatal(err)
		}
		seen[r.GetKind()+" "+r.GetName()] = true
		if r.GetKind() == "Deployment" && at(object, "spec replicas") != nil {
			t.Errorf("the Deployment has replicas:\n%s", marshal(t, object))
		}
		if r.GetKind() == "Service" && len(r.GetAnnotations()) == 0 {
			t.Errorf("the Service lacks metadata that Flagger does not set:\n%s", marshal(t, object))
		}
	}
	if !reflect.DeepEqual(seen, map[string]bool{"Deployment web": true, "Service web": true}) {
		t.Errorf("there are %v", seen)
	}
}

// TestDriftDetectionIgnoresFlaggersFields checks that the rules for Flagger's fields follow the user's own rules.
func TestDriftDetectionIgnoresFlaggersFields(t *testing.T) {
	for kind, path := range map[string]string{"Deployment": "/spec/replicas", "DaemonSet": "/spec/template/spec/nodeSelector"} {
		files := ofPolicy("helm", "driftDetection: {mode: enabled, ignore: [{paths: [/data]}]}")
		files[1].Data = []byte(strings.Replace(string(files[1].Data), "workload: {", "workload: {kind: "+kind+", ", 1))
		got := at(get(t, compile(t, files...), "one/fleetwright/apps/default.x/helmrelease-web.yaml"), "spec driftDetection ignore")
		want := unmarshal(t, "l: [{paths: [/data]}, {paths: ["+path+"], target: {group: apps, kind: "+kind+", name: web}}]")["l"]
		if !reflect.DeepEqual(got, want) {
			t.Errorf("of a %s it ignores %v, want %v", kind, got, want)
		}
	}
	files := ofPolicy("helm", "driftDetection: {mode: enabled, ignore: [{paths: [/spec/replicas], target: {group: apps, kind: Deployment, name: web}}]}")
	if got := at(get(t, compile(t, files...), "one/fleetwright/apps/default.x/helmrelease-web.yaml"), "spec driftDetection ignore").([]any); len(got) != 1 {
		t.Errorf("the user's own rule is rendered with others: %v", got)
	}
}

// TestReferencesAreListed checks the lists of Secrets, ConfigMaps and ServiceAccounts that a cluster or the hub
// must have.
func TestReferencesAreListed(t *testing.T) {
	said := func(files []schema.File, code diag.Code) string {
		_, list := renderAll(files)
		for _, d := range list {
			if d.Code == code {
				_, names, _ := strings.Cut(d.Message, ": ")
				return names
			}
		}
		return ""
	}
	files := worldAnd(everyField, newestFlux)
	for code, want := range map[diag.Code]string{
		diag.SecretsNeeded:  "team/age, team/key, team/proxy, team/pub, team/tokens",
		diag.AccountsNeeded: "team/deployer; on every cluster that uses them, to log in: team/decryptor, team/puller",
		diag.ConfigsNeeded:  "",
	} {
		if got := said(files, code); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
	// An account that only logs in needs no rights; one that is impersonated as well is listed once.
	for more, want := range map[string]string{
		"decryption: {provider: sops, serviceAccountName: kms}":                          "to log in: default/kms",
		"serviceAccountName: kms, decryption: {provider: sops, serviceAccountName: kms}": "with the rights to apply the objects: default/kms",
		"serviceAccountName: \"sa-${cluster.name}\"":                                     "with the rights to apply the objects: default/sa-one",
	} {
		_, list := renderAll(ofPolicy("kustomization", more))
		got := ""
		for _, d := range list {
			if d.Code == diag.AccountsNeeded || d.Code == diag.SecretsNeeded {
				got = d.Message
			}
		}
		if !strings.HasSuffix(got, want) || (got == "") != (want == "") || strings.Count(got, "default/") > 1 {
			t.Errorf("with %s it lists %q, want %q", more, got, want)
		}
	}
	// A hub reads the objects of its own controllers, and impersonates accounts on the target cluster.
	hub := onHub(ofPolicy("kustomization", "serviceAccountName: deployer, decryption: {provider: sops, secretRef: {name: age}, serviceAccountName: decryptor}, postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}")...)
	for code, want := range map[diag.Code]string{
		diag.SecretsNeeded:  "default/age",
		diag.AccountsNeeded: "default/deployer; on the hub: default/decryptor",
		diag.ConfigsNeeded:  "default/vars",
	} {
		if got := said(hub, code); got != want {
			t.Errorf("on a hub, %s: %q, want %q", code, got, want)
		}
	}
}

// TestStorageNamespaceIsRendered checks that the storage namespace is rendered: Helm stores releases only in an
// existing namespace.
func TestStorageNamespaceIsRendered(t *testing.T) {
	for _, files := range [][]schema.File{{everyHelmField, newestFlux}, onHub(ofPolicy("helm", "storageNamespace: releases")...)} {
		ok := false
		for name := range contents(compile(t, files...)) {
			ok = ok || strings.HasSuffix(name, "/namespace-releases.yaml")
		}
		if !ok {
			t.Errorf("%s: the namespace is not rendered", files[0].Name)
		}
	}
}

// TestVariablesOfFluxAreLeftToIt checks that the variables of a policy with postBuild are left to Flux, even if
// the cluster's own Kustomization substitutes in all other objects.
func TestVariablesOfFluxAreLeftToIt(t *testing.T) {
	tree := compile(t, ofPolicy("kustomization", `postBuild: {substitute: {A: "${B}"}}, patches: [{patch: '[{"op": "add", "path": "/data", "value": "${A}"}]', target: {kind: ConfigMap}}]`)...)
	object := get(t, tree, "one/fleetwright/apps/default.x/kustomization-web.yaml")
	if got := at(object, "spec postBuild substitute A"); got != "${B}" {
		t.Errorf("the value is %v", got)
	}
	if got := at(object, "metadata annotations"); !reflect.DeepEqual(got, any(map[string]any{"kustomize.toolkit.fluxcd.io/substitute": "disabled"})) {
		t.Errorf("the annotations are %v", got)
	}
}

// TestVariablesAndSecretsOfManifests checks variables without a value, by version of Flux, and encrypted Secrets.
func TestVariablesAndSecretsOfManifests(t *testing.T) {
	files := ofPolicy("kustomization", "postBuild: {substitute: {A: b}}, decryption: {provider: sops}")
	built := source.Manifests{{Namespace: "default", Application: "x"}: {Unset: []string{"LINES", "NAME"}, Keyless: "tokens"}}
	for version, effect := range map[string]string{"2.6": "Flux replaces them with nothing, and from 2.9 on applies nothing", "2.9": "Flux applies nothing"} {
		_, list := render.Begin(schema.Load(append(files, onFlux(version))), render.Options{}).Compile(built)
		for _, want := range []string{
			"FW535 spec.syncPolicies[0].kustomization.postBuild: nothing sets these variables of the manifests: LINES, NAME; " + effect,
			"FW534 spec.syncPolicies[0].kustomization.decryption: Secret tokens is encrypted",
		} {
			if !strings.Contains(text(list), want) {
				t.Errorf("Flux %s: %s\nlacks %s", version, text(list), want)
			}
		}
	}
}

// TestNamesWithAffixes checks that names with a prefix or suffix are valid for the API server, by the rule of
// each kind.
func TestNamesWithAffixes(t *testing.T) {
	for _, tt := range []struct{ affixes, objects, want string }{
		{"namePrefix: 2-", "v1 Service 2-web", "namePrefix: Service 2-web"},
		{"nameSuffix: .blue", "v1 Service web.blue, apps/v1 Deployment web.blue, apps/v1 StatefulSet db.blue", "nameSuffix: Service web.blue, StatefulSet db.blue"},
		{"namePrefix: v1., nameSuffix: -b", "v1 Service v1.web-b", "namePrefix: Service v1.web-b"},
		{"namePrefix: a-, nameSuffix: -b", "v1 Service a-" + strings.Repeat("x", 60) + "-b", "nameSuffix: Service a-" + strings.Repeat("x", 60) + "-b"},
		{"nameSuffix: -nightly", "batch/v1 CronJob " + strings.Repeat("x", 45) + "-nightly", "nameSuffix: CronJob " + strings.Repeat("x", 45) + "-nightly"},
		{"nameSuffix: -nightly", "batch/v1 Job " + strings.Repeat("x", 56) + "-nightly", "nameSuffix: Job " + strings.Repeat("x", 56) + "-nightly"},
		{"namePrefix: staging-", "v1 Service staging-web, apps/v1 Deployment staging-web.a, serving.knative.dev/v1 Service staging-a.b", ""},
		{"nameSuffix: -blue", "v1 Service 2-web-blue, v1 ConfigMap Web-blue", ""},
	} {
		built := &source.Built{}
		for text := range strings.SplitSeq(tt.objects, ", ") {
			f := strings.Fields(text)
			built.Objects = append(built.Objects, source.Object{APIVersion: f[0], Kind: f[1], Name: f[2]})
		}
		_, list := render.Begin(schema.Load(ofPolicy("kustomization", tt.affixes)), render.Options{}).Compile(source.Manifests{{Namespace: "default", Application: "x"}: built})
		field, names, reported := strings.Cut(tt.want, ": ")
		if want := "FW536 spec.syncPolicies[0].kustomization." + field + ": " + field + " makes names that the API server rejects, so Flux applies nothing: " + names + "\n"; strings.Contains(text(list), "FW536") != reported || reported && !strings.Contains(text(list), want) {
			t.Errorf("%s of %s: got\n%swant %s", tt.affixes, tt.objects, text(list), tt.want)
		}
	}
}
