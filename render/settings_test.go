package render_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

func config(spec string) schema.File {
	return schema.File{Name: "config.yaml", Data: []byte("apiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nspec:\n" + spec)}
}

func TestRenderConfigReplacesDefaults(t *testing.T) {
	tree := compile(t, append(example(t, seed), config(`
  path: envs/prod
  sourceRef: {kind: OCIRepository, name: fleet, namespace: flux}
  versions: {flux: "2.8"}
  defaults: {interval: 1h, retryInterval: 30s, timeout: 20m, serviceAccountName: fleet}
  charts:
    kuma: {version: 2.13.10, repository: https://charts.example.com, values: {controlPlane: {replicas: 2}}}
    prometheus: {values: {server: {retention: 1d, global: {scrape_interval: 30s}}}}
    flagger: {values: {logLevel: debug, clusterName: mine}}
    loadtester: {version: 0.37.0}
`))...)
	k := syncOf(t, tree, "kurator-member1", "infrastructure")
	for path, want := range map[string]any{
		"metadata namespace":      "flux",
		"spec interval":           "1h",
		"spec retryInterval":      "30s",
		"spec timeout":            "20m",
		"spec serviceAccountName": "fleet",
		"spec sourceRef kind":     "OCIRepository",
		"spec sourceRef name":     "fleet",
		"spec path":               "./envs/prod/kurator-member1/fleetwright/infrastructure",
	} {
		if got := at(k, path); got != want {
			t.Errorf("sync.yaml: %s is %v, want %v", path, got, want)
		}
	}
	for file, paths := range map[string]map[string]any{
		"helmrelease-kuma.yaml": {
			"spec chart spec version":           "2.13.10",
			"spec values controlPlane replicas": 2.0,
		},
		"helmrepository-kuma.yaml": {"spec url": "https://charts.example.com"},
		"helmrelease-prometheus.yaml": {
			"spec values server retention":              "1d",
			"spec values server global scrape_interval": "30s",
			"spec values server global scrape_timeout":  "10s", // merged
			"spec values server fullnameOverride":       "prometheus-server",
		},
		"helmrelease-flagger.yaml": {
			"spec values logLevel":     "debug",
			"spec values clusterName":  "mine",
			"spec values meshProvider": "kuma",
		},
		"helmrelease-flagger-loadtester.yaml": {"spec chart spec version": "0.37.0"},
	} {
		object := get(t, tree, member1+"infrastructure/"+file)
		for path, want := range paths {
			if got := at(object, path); got != want {
				t.Errorf("%s: %s is %v, want %v", file, path, got, want)
			}
		}
	}
	// The private load tester has the version of the public one.
	if got := at(get(t, tree, seedRoll+"deployment-backend-testloader.yaml"), "spec template spec containers 0 image"); got != "ghcr.io/fluxcd/flagger-loadtester:0.37.0" {
		t.Errorf("the private load tester is %v", got)
	}
	inventory := string(contents(tree)[member1+layout.InventoryFile])
	if !strings.Contains(inventory, "\n# version flux 2.8\n") || !strings.Contains(inventory, "\n# version kuma 2.13.10\n") {
		t.Errorf("the inventory is\n%s", inventory)
	}
}

func TestFleetOverridesRenderConfig(t *testing.T) {
	files := edit(t, example(t, seed), "fleet.yaml", "publicTestloader: true", `publicTestloader: true
      chart: {version: 1.40.0, repository: https://flagger.app}
      extraArgs: {logLevel: error, metricsServer: "http://thanos:9090"}
      config: {chart: {version: 2.8.0}, extraArgs: {controlPlane: {replicas: 3}}}`)
	files = edit(t, files, "application.yaml", "            webhooks:", "              - {name: request-duration, thresholdRange: {max: 500}}\n            webhooks:")
	tree := compile(t, append(files, config(`
  charts:
    kuma: {version: 2.13.10, values: {controlPlane: {replicas: 2, mode: zone}}}
    flagger: {version: 1.41.0, values: {logLevel: debug}}
`))...)
	flagger := get(t, tree, member1+"infrastructure/helmrelease-flagger.yaml")
	for path, want := range map[string]any{"spec chart spec version": "1.40.0", "spec values logLevel": "error", "spec values metricsServer": "http://thanos:9090"} {
		if got := at(flagger, path); got != want {
			t.Errorf("flagger: %s is %v, want %v", path, got, want)
		}
	}
	kuma := get(t, tree, member1+"infrastructure/helmrelease-kuma.yaml")
	for path, want := range map[string]any{"spec chart spec version": "2.8.0", "spec values controlPlane replicas": 3.0, "spec values controlPlane mode": "zone"} {
		if got := at(kuma, path); got != want {
			t.Errorf("kuma: %s is %v, want %v", path, got, want)
		}
	}
	if repository := get(t, tree, member1+"infrastructure/helmrepository-flagger.yaml"); at(repository, "spec type") != nil || at(repository, "spec interval") != "1h" {
		t.Errorf("the repository over HTTPS is %v", at(repository, "spec"))
	}
	// Rendered queries use the same Prometheus as Flagger's own.
	if template := get(t, tree, seedRoll+"metrictemplate-backend.request-duration-kuma.yaml"); at(template, "spec provider address") != "http://thanos:9090" {
		t.Errorf("the query goes to %v", at(template, "spec provider"))
	}
}

func TestPathOfTheOutput(t *testing.T) {
	for _, tt := range []struct {
		name, config string
		opts         render.Options
		want         string
	}{
		{"no path known", "", render.Options{}, "./kurator-member1/"},
		{"found", "", render.Options{DefaultPath: "clusters"}, "./clusters/kurator-member1/"},
		{"set", "  path: envs/prod/\n", render.Options{DefaultPath: "clusters"}, "./envs/prod/kurator-member1/"},
		{"given", "  path: envs/prod\n", render.Options{DefaultPath: "clusters", Path: "./x/../y"}, "./y/kurator-member1/"},
		{"given as the root", "  path: envs/prod\n", render.Options{DefaultPath: "clusters", Path: "."}, "./kurator-member1/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := example(t, seed)
			if tt.config != "" {
				files = append(files, config(tt.config))
			}
			tree, list := render.Compile(schema.Load(files), tt.opts)
			if tree == nil {
				t.Fatal(text(list))
			}
			if got := at(syncOf(t, tree, "kurator-member1", "mesh"), "spec path"); got != tt.want+"fleetwright/mesh" {
				t.Errorf("the path is %v", got)
			}
		})
	}
	// An overridden value is not checked.
	overridden := schema.Load(append(example(t, seed), config("  path: /x\n")))
	if tree, list := render.Compile(overridden, render.Options{Path: "clusters"}); tree == nil {
		t.Error(text(list))
	}
	_, list := render.Compile(schema.Load(append(example(t, seed), config("  path: x\n"))), render.Options{Path: "../y"})
	if want := `error FW213 the path "../y" is not inside the repository`; list[0].String() != want {
		t.Errorf("got %s, want %s", list[0], want)
	}
	for _, path := range []string{"../x", "/x", "a/../../x", ".."} {
		wantDiagnostic(t, append(example(t, seed), config("  path: "+path+"\n")), "config.yaml:4:9: error FW213")
		if tree, _ := render.Compile(schema.Load(example(t, seed)), render.Options{Path: path}); tree != nil {
			t.Errorf("the path %s is accepted", path)
		}
	}
}

func TestSeverities(t *testing.T) {
	files := append(example(t, seed), config("  severities: {FW208: error}\n"))
	wantDiagnostic(t, files, "application.yaml:15:7: error FW208")
	if tree, _ := render.Compile(schema.Load(files), render.Options{}); tree != nil {
		t.Error("got a tree despite an error")
	}
	for severity, want := range map[string]diag.Severity{"info": diag.Info, "warning": diag.Warning} {
		list := diagnostics(append(example(t, seed), config("  severities: {FW208: "+severity+"}\n")))
		if got := list[0].Severity; list[0].Code != "FW208" || got != want {
			t.Errorf("FW208 is %v", list[0])
		}
	}
	wantDiagnostic(t, append(example(t, seed), config("  severities: {FW999: info}\n")), "config.yaml:4:23: error FW212 spec.severities.FW999: unknown code FW999")
	wantDiagnostic(t, append(example(t, seed), config("  severities: {FW110: info}\n")), "config.yaml:4:23: error FW212 spec.severities.FW110: FW110 (the field does not exist) is always an error")
	// A disabled diagnostic is not reported. An error cannot be disabled, and the line that tries is rejected.
	noted := slices.ContainsFunc(diagnostics(example(t, seed)), func(d diag.Diagnostic) bool { return d.Code == diag.RetryAdded })
	off := diagnostics(append(example(t, seed), config("  severities: {FW208: off, FW511: off}\n")))
	if !noted || slices.ContainsFunc(off, func(d diag.Diagnostic) bool { return d.Code == diag.PositionalName || d.Code == diag.RetryAdded }) {
		t.Errorf("with disabled codes: got\n%s", text(off))
	}
	wantDiagnostic(t, append(example(t, seed), config("  severities: {FW307: off}\n")), "config.yaml:4:23: error FW212 spec.severities.FW307: FW307 (nothing runs the load test) is an error and cannot be off")
	wantDiagnostic(t, append(example(t, seed), config("  severities: {FW110: off}\n")), "config.yaml:4:23: error FW212 spec.severities.FW110: FW110 (the field does not exist) is always an error")
	// An error lowered to a warning does not stop the compilation.
	unpolled := edit(t, example(t, seed), "application.yaml", "interval: 3m0s", "interval: 0s")
	tree := compile(t, append(unpolled, config("  severities: {FW501: warning, FW101: error}\n"))...)
	if got := at(get(t, tree, seedApp+"gitrepository-rollout-kuma-demo.yaml"), "spec interval"); got != "0s" {
		t.Errorf("the source has the interval %v", got)
	}
}

func TestSettingsThatAreRejected(t *testing.T) {
	for spec, want := range map[string]string{
		"  versions: {flux: \"2.5\"}\n":         "config.yaml:4:20: error FW504",
		"  versions: {flux: \"1.40\"}\n":        "config.yaml:4:20: error FW504",
		"  versions: {flux: new}\n":             "config.yaml:4:20: error FW115",
		"  sourceRef: {name: mesh}\n":           "config.yaml:4:21: error FW601 spec.sourceRef.name",
		"  sourceRef: {name: app-x}\n":          "config.yaml:4:21: error FW601 spec.sourceRef.name",
		"  charts: {kuma: {version: 3.0.0}}\n":  "config.yaml:4:28: error FW401 spec.charts.kuma.version",
		"  defaults: {interval: 0s}\n":          "config.yaml:4:24: error FW114 spec.defaults.interval",
		"  defaults: {retryInterval: 0m0s}\n":   "config.yaml:4:29: error FW114 spec.defaults.retryInterval",
		"  charts: {istio: {version: 1.0.0}}\n": "config.yaml:4:12: error FW110",
	} {
		wantDiagnostic(t, append(example(t, seed), config(spec)), want)
	}
	two := append(example(t, seed), config("  path: a\n"), schema.File{Name: "other.yaml", Data: config("  path: b\n").Data})
	wantDiagnostic(t, two, "other.yaml:1:1: error FW201 metadata.name: there is already a RenderConfig at config.yaml:1:1")
}

// TestSourceHasNotTheNameOfAStage checks the name of the source, because flux bootstrap creates a Kustomization
// with that name.
func TestSourceHasNotTheNameOfAStage(t *testing.T) {
	for name, spec := range map[string]string{
		"infrastructure":   "  sourceRef: {name: infrastructure}\n",
		"sync":             "  sourceRef: {name: sync}\n",
		"shared":           "  sourceRef: {name: shared}\n",
		"sync on a hub":    "  sourceRef: {name: sync}\n  topology: hub\n",
		"sources on a hub": "  sourceRef: {name: sources}\n  topology: hub\n",
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if failure := recover(); failure != nil {
					t.Errorf("it panics: %v", failure)
				}
			}()
			wantDiagnostic(t, append(example(t, seed), config(spec)), "config.yaml:4:21: error FW601 spec.sourceRef.name")
		})
	}
}

// TestPrivateLoadTesterHasATag checks that the image has a tag even if the chart's version is a range.
func TestPrivateLoadTesterHasATag(t *testing.T) {
	for _, chart := range []string{"{version: 0.x}", "{version: ~0.37.0}", "{name: mine, version: 1.2.3}"} {
		tree := compile(t, append(example(t, seed), config("  charts: {loadtester: "+chart+"}\n"))...)
		if got := at(get(t, tree, seedRoll+"deployment-backend-testloader.yaml"), "spec template spec containers 0 image"); got != "ghcr.io/fluxcd/flagger-loadtester:0.38.0" {
			t.Errorf("%s: the private load tester is %v", chart, got)
		}
	}
}

func TestVersionsAreComparedAsNumbers(t *testing.T) {
	compile(t, append(example(t, seed), config("  versions: {flux: v2.10.1}\n"))...)
	if !strings.Contains(string(contents(compile(t, append(example(t, seed), config("  versions: {flux: v2.10.1}\n"))...))[member1+layout.InventoryFile]), "\n# version flux 2.10.1\n") {
		t.Error("the version is not in the inventory")
	}
}

// TestLargeNumbersInValuesAreExact checks numbers that a float64 cannot represent.
func TestLargeNumbersInValuesAreExact(t *testing.T) {
	tree := compile(t, append(example(t, seed), config("  charts: {kuma: {values: {a: 9007199254740993, b: [18446744073709551615, -9007199254740993, 1.5, 1e3]}}}\n"))...)
	release := string(contents(tree)[member1+"infrastructure/helmrelease-kuma.yaml"])
	for _, want := range []string{"a: 9007199254740993\n", "- 18446744073709551615\n", "- -9007199254740993\n", "- 1.5\n", "- 1000\n"} {
		if !strings.Contains(release, want) {
			t.Errorf("no %q in\n%s", want, release)
		}
	}
}
