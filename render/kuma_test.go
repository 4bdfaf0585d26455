package render_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

// withKuma returns the fleet of Kurator's example with a version of Kuma, and further documents.
func withKuma(t *testing.T, version string, documents ...string) []schema.File {
	files := edit(t, example(t, seed), "fleet.yaml", "trafficRoutingProvider: kuma",
		"trafficRoutingProvider: kuma\n      config: {chart: {version: \""+version+"\"}}")
	for _, d := range documents {
		files = append(files, schema.File{Name: "mesh.yaml", Data: []byte(d)})
	}
	return files
}

const (
	plainMesh = `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata: {name: default}
spec: {metrics: {enabledBackend: p, backends: [{name: p, type: prometheus, conf: {skipMTLS: true}}]}}
`
	tlsMesh = `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata: {name: default}
spec:
  mtls: {enabledBackend: ca, backends: [{name: ca, type: builtin, mode: PERMISSIVE}]}
  metrics: {enabledBackend: p, backends: [{name: p, type: prometheus, conf: {skipMTLS: true}}]}
`
	skippingMesh = `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata: {name: default}
spec:
  skipCreatingInitialPolicies: [TrafficRoute]
  metrics: {enabledBackend: p, backends: [{name: p, type: prometheus}]}
`
)

// TestMeshPoliciesByKumaVersion checks the policies of a mesh. With only Flagger's TrafficRoute, Kuma 2.6
// and newer give every other service a listener without a route.
func TestMeshPoliciesByKumaVersion(t *testing.T) {
	const mesh, route, permission = "mesh-default.yaml", "trafficroute-route-all-default.yaml", "meshtrafficpermission-allow-all-default.yaml"
	for _, tt := range []struct {
		name, version, mesh string
		want                []string
	}{
		{"2.5 creates a route itself", "2.5.0", plainMesh, []string{mesh}},
		{"2.5 creates a permission itself", "2.5.0", tlsMesh, []string{mesh}},
		{"2.5 that creates no route", "2.5.0", skippingMesh, []string{mesh, route}},
		{"2.6", "2.6.0", plainMesh, []string{mesh, route}},
		{"2.7 with mutual TLS", "2.7.3", tlsMesh, []string{mesh, permission, route}},
		{"a range of patch versions", "2.13.x", plainMesh, []string{mesh, route}},
		{"the last", "2.14.3", tlsMesh, []string{mesh, permission, route}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for name := range contents(compile(t, withKuma(t, tt.version, tt.mesh)...)) {
				if file, ok := strings.CutPrefix(name, member1+"mesh/"); ok && file != "kustomization.yaml" {
					got = append(got, file)
				}
			}
			if slices.Sort(got); !slices.Equal(got, tt.want) {
				t.Errorf("mesh/ has %q, want %q", got, tt.want)
			}
		})
	}
}

func TestUnsupportedKumaVersions(t *testing.T) {
	for version, want := range map[string]string{
		"3.0.0":           "fleet.yaml:16:33: error FW401 spec.plugin.flagger.config.chart.version: Kuma 3.0.0 has no TrafficRoute",
		"2.1.0":           "fleet.yaml:16:33: error FW401 spec.plugin.flagger.config.chart.version: fleetwright does not support Kuma 2.1.0",
		"2.15.0":          "fleet.yaml:16:33: error FW401 spec.plugin.flagger.config.chart.version: fleetwright does not support Kuma 2.15.0",
		"1.8.1":           "fleet.yaml:16:33: error FW401",
		"2.x":             "fleet.yaml:16:33: error FW402 spec.plugin.flagger.config.chart.version: version \"2.x\" may resolve to one that needs other manifests",
		">=2.6.0":         "fleet.yaml:16:33: error FW402",
		"2":               "fleet.yaml:16:33: error FW402",
		"latest":          "fleet.yaml:16:33: error FW402",
		"2.7.three":       "fleet.yaml:16:33: error FW402",
		"2.7.0-0 - 2.9.0": "fleet.yaml:16:33: error FW402",
		"2.7.3-0 || 3.x":  "fleet.yaml:16:33: error FW402",
		"2.7.0-0, <4":     "fleet.yaml:16:33: error FW402",
		"2.7.3-":          "fleet.yaml:16:33: error FW402",
		"2.7.x-0":         "fleet.yaml:16:33: error FW402",
		"99999999999.1":   "fleet.yaml:16:33: error FW402",
	} {
		t.Run(version, func(t *testing.T) { wantDiagnostic(t, withKuma(t, version), want) })
	}
	for _, version := range []string{"2.2.0", "2.7", "~2.7.3", "~2.7", "v2.7.3", "2.7.*", "2.7.3-rc1", "2.7.3+build"} {
		t.Run(version, func(t *testing.T) { compile(t, withKuma(t, version)...) })
	}
}

func TestOwnMeshReplacesTheDefault(t *testing.T) {
	tree := compile(t, withKuma(t, "2.7.3", `
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata:
  name: prod
  labels: {team: web}
  annotations: {note: ours}
spec:
  metrics: {enabledBackend: p, backends: [{name: p, type: prometheus, conf: {port: 1234}}]}
  networking: {outbound: {passthrough: false}}
`)...)
	mesh := get(t, tree, member1+"meshes/mesh-prod.yaml")
	for path, want := range map[string]any{
		"metadata labels team":                                   "web",
		"metadata annotations note":                              "ours",
		"metadata annotations kustomize.toolkit.fluxcd.io/prune": "disabled",
		"metadata namespace":                                     nil,
		"spec metrics backends 0 conf port":                      1234.0,
		"spec networking outbound passthrough":                   false,
	} {
		if got := at(mesh, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	if _, ok := contents(tree)[member1+"mesh/mesh-default.yaml"]; ok {
		t.Error("the default Mesh is rendered as well")
	}
	// Every object in the mesh has its name.
	if got := at(get(t, tree, member1+"mesh/trafficroute-route-all-prod.yaml"), "mesh"); got != "prod" {
		t.Errorf("the catch-all is for %v", got)
	}
	if got := at(get(t, tree, seedCanary), "metadata annotations kuma.io/mesh"); got != "prod" {
		t.Errorf("the Canary is in %v", got)
	}
	for _, file := range []string{seedApp + "namespace-webapp.yaml", member1 + "infrastructure/namespace-flagger-loadtester.yaml"} {
		ns := get(t, tree, file)
		if at(ns, "metadata labels kuma.io/mesh") != "prod" || at(ns, "metadata annotations kuma.io/mesh") != "prod" {
			t.Errorf("%s: %v", file, at(ns, "metadata"))
		}
	}
	if patch := at(get(t, tree, seedApp+"kustomization-rollout-kuma-demo-0.yaml"), "spec patches 0 patch").(string); strings.Count(patch, "kuma.io/mesh: prod") != 2 {
		t.Errorf("the application's namespace is patched with\n%s", patch)
	}
}

// TestMeshesComeBeforeReferencesToThem checks that Meshes that Kuma does not create itself come first: Kuma rejects
// objects that reference a missing Mesh, and Flux validates all objects of a Kustomization before it applies the
// first one.
func TestMeshesComeBeforeReferencesToThem(t *testing.T) {
	own := "apiVersion: kuma.io/v1alpha1\nkind: Mesh\nmetadata: {name: prod}\nspec: {metrics: {enabledBackend: p, backends: [{name: p, type: prometheus}]}}\n"
	skip := func(files []schema.File) []schema.File {
		return edit(t, files, "fleet.yaml", "publicTestloader: true", "publicTestloader: true\n      config: {extraArgs: {controlPlane: {defaults: {skipMeshCreation: true}}}}")
	}
	for name, tt := range map[string]struct {
		files []schema.File
		first string
		chain map[string]string
	}{
		"the Mesh that Kuma creates":               {example(t, seed), "", map[string]string{"mesh": "infrastructure"}},
		"another Mesh":                             {withKuma(t, "2.7.3", own), "meshes/mesh-prod.yaml", map[string]string{"meshes": "infrastructure", "mesh": "meshes"}},
		"a default Mesh that Kuma does not create": {skip(example(t, seed)), "meshes/mesh-default.yaml", map[string]string{"meshes": "infrastructure", "mesh": "meshes"}},
	} {
		t.Run(name, func(t *testing.T) {
			tree := compile(t, tt.files...)
			for name, want := range tt.chain {
				if got := at(syncOf(t, tree, "kurator-member1", name), "spec dependsOn 0 name"); got != want {
					t.Errorf("%s depends on %v, want %s", name, got, want)
				}
			}
			// The load tester's pod joins the Mesh.
			loadTester := "infrastructure"
			if tt.first != "" {
				loadTester = "mesh"
				get(t, tree, member1+tt.first)
			}
			get(t, tree, member1+loadTester+"/helmrelease-flagger-loadtester.yaml")
			get(t, tree, member1+"infrastructure/helmrepository-flagger-loadtester.yaml")
		})
	}
	t.Run("no rollout names it", func(t *testing.T) {
		files := edit(t, withKuma(t, "2.5.0", own), "fleet.yaml", "publicTestloader: true", "publicTestloader: false")
		tree := compile(t, files...)
		get(t, tree, member1+"mesh/mesh-prod.yaml")
		if got := at(syncOf(t, tree, "kurator-member1", "mesh"), "spec dependsOn 0 name"); got != "infrastructure" {
			t.Errorf("mesh depends on %v", got)
		}
	})
}

func TestMeshesThatBreakRollouts(t *testing.T) {
	mesh := func(spec string) string {
		return "apiVersion: kuma.io/v1alpha1\nkind: Mesh\nmetadata: {name: default}\nspec:\n" + spec
	}
	const metrics = "  metrics: {enabledBackend: p, backends: [{name: p, type: prometheus, conf: {skipMTLS: true}}]}\n"
	for _, tt := range []struct{ name, version, spec, want string }{
		{"no metrics", "2.7.3", "  networking: {}\n", "mesh.yaml:4:1: warning FW410 spec: the Mesh has no enabled metrics backend"},
		{"metrics off", "2.7.3", "  metrics: {backends: [{name: p, type: prometheus}]}\n", "mesh.yaml:5:3: warning FW410 spec.metrics:"},
		{"hidden metrics", "2.7.3", "  mtls: {enabledBackend: ca, backends: [{name: ca, type: builtin, mode: PERMISSIVE}]}\n  metrics: {enabledBackend: p, backends: [{name: p, type: prometheus}]}\n",
			"mesh.yaml:6:32: warning FW410 spec.metrics.backends: with mutual TLS"},
		{"a filter that is not a regular expression", "2.7.3", "  metrics: {enabledBackend: p, backends: [{name: p, type: prometheus, conf: {skipMTLS: true, envoy: {filterRegex: '('}}}]}\n",
			"mesh.yaml:5:115: error FW405 spec.metrics.backends[0].conf.envoy.filterRegex"},
		{"strict", "2.7.3", "  mtls: {enabledBackend: ca, backends: [{name: ca, type: builtin}]}\n" + metrics, "mesh.yaml:5:30: warning FW412"},
		{"no traffic allowed", "2.5.0", "  skipCreatingInitialPolicies: ['*']\n  mtls: {enabledBackend: ca, backends: [{name: ca, type: builtin}]}\n" + metrics, "mesh.yaml:5:3: warning FW413"},
		{"a name too long for a label", "2.7.3", metrics + "---\napiVersion: kuma.io/v1alpha1\nkind: Mesh\nmetadata: {name: " + strings.Repeat("m", 64) + "}\n", "mesh.yaml:9:18: error FW115"},
		{"meshServices before 2.9", "2.8.0", "  meshServices: {mode: Everywhere}\n" + metrics, "mesh.yaml:5:3: warning FW411"},
		{"meshServices only", "2.9.0", "  meshServices: {mode: Exclusive}\n" + metrics, "mesh.yaml:5:24: error FW408"},
		{"a misspelt field", "2.7.3", "  metrcis: {}\n", "mesh.yaml:5:3: error FW110 spec: unknown field \"metrcis\""},
		{"an unknown backend", "2.7.3", "  metrics: {enabledBackend: q, backends: [{name: p, type: prometheus}]}\n", "mesh.yaml:5:29: error FW405"},
	} {
		t.Run(tt.name, func(t *testing.T) { wantDiagnostic(t, withKuma(t, tt.version, mesh(tt.spec)), tt.want) })
	}
	t.Run("metrics without TLS are collected", func(t *testing.T) {
		files := withKuma(t, "2.7.3", mesh("  mtls: {enabledBackend: ca, backends: [{name: ca, type: builtin, mode: PERMISSIVE}]}\n  metrics: {enabledBackend: p, backends: [{name: p, type: prometheus, conf: {tls: {mode: disabled}}}]}\n"))
		for _, d := range diagnostics(files) {
			if d.Code == diag.MetricsNotSeen {
				t.Error(d)
			}
		}
	})
	t.Run("an unknown backend is reported once", func(t *testing.T) {
		for _, d := range diagnostics(withKuma(t, "2.7.3", mesh("  metrics: {enabledBackend: q, backends: [{name: p, type: prometheus}]}\n"))) {
			if d.Code == diag.MetricsNotSeen {
				t.Error(d)
			}
		}
	})
	t.Run("fields are not checked for an unknown version", func(t *testing.T) {
		for _, d := range diagnostics(withKuma(t, ">=2.9", mesh("  meshServices: {mode: Everywhere}\n"+metrics))) {
			if d.Code == diag.MeshFieldTooNew {
				t.Error(d)
			}
		}
	})
	t.Run("a namespace", func(t *testing.T) {
		files := withKuma(t, "2.7.3", strings.Replace(plainMesh, "{name: default}", "{name: default, namespace: kuma-system}", 1))
		wantDiagnostic(t, files, "mesh.yaml:4:38: warning FW409")
	})
	t.Run("two without a default", func(t *testing.T) {
		a, b := strings.Replace(plainMesh, "default", "a", 1), strings.Replace(plainMesh, "default", "b", 1)
		wantDiagnostic(t, withKuma(t, "2.7.3", a+"---"+b), "mesh.yaml:9:18: error FW406")
	})
	t.Run("two with a default", func(t *testing.T) {
		tree := compile(t, withKuma(t, "2.7.3", plainMesh+"---"+strings.Replace(plainMesh, "default", "b", 1))...)
		for _, mesh := range []string{"default", "b"} {
			get(t, tree, member1+"meshes/mesh-"+mesh+".yaml")
			// It exists before the first rollout in the mesh, so that this changes nothing here.
			get(t, tree, member1+"mesh/trafficroute-route-all-"+mesh+".yaml")
		}
	})
	for _, namespace := range []string{"kuma-system", "kube-system", "mesh-observability", "flux-system"} {
		t.Run("a rollout in "+namespace, func(t *testing.T) {
			files := edit(t, example(t, seed), "application.yaml", "namespace: webapp", "namespace: "+namespace)
			wantDiagnostic(t, files, "application.yaml:29:22: error FW407")
		})
	}
}

func TestContainerPortNarrowsTheQueries(t *testing.T) {
	for target, want := range map[string]string{
		"":                           `envoy_cluster_name=~"localhost_9898"`,
		"\n        targetPort: 80":   `envoy_cluster_name=~"localhost_80"`,
		"\n        targetPort: http": `envoy_cluster_name=~"localhost_.*"`,
	} {
		files := edit(t, example(t, seed), "application.yaml", "port: 9898", "port: 9898"+target)
		files = edit(t, files, "application.yaml", "            webhooks:", "              - {name: request-duration, thresholdRange: {max: 500}}\n            webhooks:")
		query := at(get(t, compile(t, files...), seedRoll+"metrictemplate-backend.request-duration-kuma.yaml"), "spec query").(string)
		if !strings.Contains(query, want) {
			t.Errorf("with %q the query is\n%s", target, query)
		}
	}
}

// TestRolloutsOfANamespaceAreInOneMesh checks namespaces, also the one of the public load tester.
func TestRolloutsOfANamespaceAreInOneMesh(t *testing.T) {
	meshes := schema.File{Name: "meshes.yaml"}
	for _, name := range []string{"default", "other"} {
		meshes.Data = append(meshes.Data, "{apiVersion: kuma.io/v1alpha1, kind: Mesh, metadata: {name: "+name+"}, spec: {metrics: {enabledBackend: p, backends: [{name: p, type: prometheus}]}}}\n---\n"...)
	}
	rollout := func(name, namespace, mesh string) schema.File {
		f := rolledOut("kuma", "      meshName: "+mesh+"\n      testLoader: true\n      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}\n")[1]
		return schema.File{Name: name + ".yaml", Data: []byte(strings.NewReplacer("name: x", "name: "+name, "namespace: web", "namespace: "+namespace, "name: web", "name: "+name, "serviceName: web", "serviceName: "+name).Replace(string(f.Data)))}
	}
	one, other := rollout("one", "web", "default"), rollout("two", "web", "other")
	wantDiagnostic(t, []schema.File{fleetOf("kuma"), meshes, one, other}, "two.yaml:15:17: error FW417 spec.syncPolicies[0].rollout.meshName: another workload in namespace web is in another mesh")
	wantDiagnostic(t, []schema.File{fleetOf("kuma"), meshes, rollout("tester", "flagger-loadtester", "other")}, "tester.yaml:15:17: error FW417")
	tree := compile(t, fleetOf("kuma"), meshes, one, rollout("two", "web2", "other"))
	for _, name := range []string{"default", "other"} {
		if got := at(get(t, tree, oneDir+"mesh/trafficroute-route-all-"+name+".yaml"), "mesh"); got != name {
			t.Errorf("the catch-all of %s is of %v", name, got)
		}
	}
	if got := at(get(t, tree, oneDir+"apps/default.two/namespace-web2.yaml"), "metadata annotations kuma.io/mesh"); got != "other" {
		t.Errorf("the namespace joins %v", got)
	}
	if got := at(get(t, tree, oneDir+"rollouts/default.two/canary-two.yaml"), "metadata annotations kuma.io/mesh"); got != "other" {
		t.Errorf("the Canary is of %v", got)
	}
}
