package render_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// wavesOf returns a RenderConfig with lines of its spec, and a fleet whose clusters are named after their
// labels.
func wavesOf(source, spec string) []schema.File {
	documents := []string{
		"apiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nspec:\n" + spec,
		"{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: f}, spec: {clusters: [{kind: Cluster, name: a-eu}, {kind: Cluster, name: b-eu}, {kind: Cluster, name: c-us}, {kind: Cluster, name: d-none}]}}",
		"{apiVersion: apps.kurator.dev/v1alpha1, kind: Application, metadata: {name: shop}, spec: {source: " + source + ", destination: {fleet: f}, syncPolicies: [{name: shop, kustomization: {interval: 5m, prune: true}}]}}",
	}
	for _, labels := range []string{"a-eu {stage: canary, region: eu}", "b-eu {region: eu}", "c-us {region: us}", "d-none {}"} {
		name, labels, _ := strings.Cut(labels, " ")
		documents = append(documents, fmt.Sprintf("{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: %s, labels: %s}}", name, labels))
	}
	return []schema.File{{Name: "f.yaml", Data: []byte(strings.Join(documents, "\n---\n"))}}
}

const (
	pinned = "{gitRepository: {url: https://example.com/shop.git, interval: 1m, ref: {tag: v1}}}"
	canary = "  - {name: canary, clusterSelector: {matchLabels: {stage: canary}}}\n"
	eu     = "  - {name: eu, clusterSelector: {matchLabels: {region: eu}}}\n"
	us     = "  - {name: us, clusterSelector: {matchLabels: {region: us}}}\n"
	others = "  - {name: rest}\n"
)

// TestWavesOfClusters checks that a cluster is in the first wave that selects it, or else in the last one.
func TestWavesOfClusters(t *testing.T) {
	for name, tt := range map[string]struct {
		waves string
		want  string
		// says holds the codes of the diagnostics about the waves.
		says []diag.Code
	}{
		"the first wins":                            {canary + eu + others, "canary a-eu, eu b-eu, rest c-us d-none", nil},
		"in the other order":                        {eu + canary + others, "eu a-eu b-eu, canary, rest c-us d-none", []diag.Code{diag.EmptyWave}},
		"in no wave":                                {canary + eu + us, "canary a-eu, eu b-eu, us c-us d-none", nil},
		"all in the first":                          {others + canary, "rest a-eu b-eu c-us d-none, canary", []diag.Code{diag.EmptyWave}},
		"none for the last":                         {"  - {name: all, clusterSelector: {}}\n" + others, "all a-eu b-eu c-us d-none, rest", nil},
		"a label that no cluster has":               {"  - {name: canary, clusterSelector: {matchLabels: {stage: canray}}}\n" + others, "canary, rest a-eu b-eu c-us d-none", []diag.Code{diag.EmptyWave}},
		"a label that no cluster has, for the last": {canary + "  - {name: us, clusterSelector: {matchExpressions: [{key: region, operator: In, values: [su]}]}}\n", "canary a-eu, us b-eu c-us d-none", []diag.Code{diag.EmptyWave}},
		"conditions":                                {"  - {name: some, clusterSelector: {matchExpressions: [{key: region, operator: DoesNotExist}]}}\n" + others, "some d-none, rest a-eu b-eu c-us", nil},
		"too many":                                  {strings.Repeat(others, 101), "", []diag.Code{diag.OutOfBounds}},
		"a name twice":                              {canary + others + others, "", []diag.Code{diag.DefinedTwice}},
	} {
		t.Run(name, func(t *testing.T) {
			tree, list := render.Compile(schema.Load(wavesOf(pinned, "  waves:\n"+tt.waves)), render.Options{})
			var says []diag.Code
			for _, d := range list {
				says = append(says, d.Code)
			}
			if !slices.Equal(says, tt.says) {
				t.Errorf("got %v", list)
			}
			var all []string
			if tree != nil {
				for i, wave := range tree.Waves.Names {
					for _, c := range tree.Clusters {
						if tree.Waves.Number(c.Name) == i {
							wave += " " + c.Name
						}
					}
					all = append(all, wave)
				}
			}
			if got := strings.Join(all, ", "); got != tt.want {
				t.Errorf("the waves are %s, want %s", got, tt.want)
			}
		})
	}
}

// TestNothingRenderedDependsOnWaves checks that the output depends neither on the declaration of waves nor on
// their progress.
func TestNothingRenderedDependsOnWaves(t *testing.T) {
	for _, topology := range []string{"pull", "hub"} {
		want := contents(compile(t, wavesOf(pinned, "  topology: "+topology+"\n")...))
		for _, spec := range []string{canary + others, canary + eu + others + "  through: canary\n", canary + eu + others + "  through: rest\n"} {
			tree := compile(t, wavesOf(pinned, "  topology: "+topology+"\n  waves:\n"+spec)...)
			if got := contents(tree); !maps.EqualFunc(got, want, func(a, b []byte) bool { return string(a) == string(b) }) {
				t.Errorf("%s: with the waves\n%sit renders otherwise", topology, spec)
			}
			// The parts together are the whole tree, and no file is in both.
			for wave := range tree.Waves.Names {
				now, later := tree.Through(wave)
				parts := contents(now)
				for file, content := range contents(later) {
					if parts[file] != nil {
						t.Errorf("%s: %s is in both parts", topology, file)
					}
					parts[file] = content
				}
				if !maps.EqualFunc(parts, want, func(a, b []byte) bool { return string(a) == string(b) }) {
					t.Errorf("%s: the parts of wave %d are not the whole", topology, wave)
				}
			}
		}
	}
}

// TestSourcesThatMove checks changes of sources that reach all waves at once.
func TestSourcesThatMove(t *testing.T) {
	git := func(ref string) string {
		return "{gitRepository: {url: https://example.com/shop.git, interval: 1m" + ref + "}}"
	}
	oci := func(ref string) string {
		return "{ociRepository: {url: oci://example.com/shop, interval: 1m" + ref + "}}"
	}
	tag := func(name string) string { return oci(", ref: {tag: '" + name + "'}") }
	for source, want := range map[string]string{
		git(""):                                "spec.source.gitRepository",
		git(", ref: {branch: main}"):           "spec.source.gitRepository.ref.branch",
		git(", ref: {semver: 1.x}"):            "spec.source.gitRepository.ref.semver",
		git(", ref: {semver: '>=1.0.0'}"):      "spec.source.gitRepository.ref.semver",
		git(", ref: {semver: 1.2.3}"):          "",
		git(", ref: {tag: v1}"):                "",
		git(", ref: {name: refs/heads/main}"):  "spec.source.gitRepository.ref.name",
		git(", ref: {name: refs/pull/1/head}"): "spec.source.gitRepository.ref.name",
		git(", ref: {name: refs/tags/v1}"):     "",
		git(", ref: {branch: main, commit: '0123456789012345678901234567890123456789'}"): "",
		git(", ref: {branch: main}, suspend: true"):                                      "",
		oci(""):                        "spec.source.ociRepository",
		oci(", ref: {semver: '~1.2'}"): "spec.source.ociRepository.ref.semver",
		oci(", ref: {tag: latest, digest: 'sha256:0123456789012345678901234567890123456789012345678901234567890123'}"): "",
		tag("latest"): "spec.source.ociRepository.ref.tag", tag("main"): "spec.source.ociRepository.ref.tag",
		tag("1"): "spec.source.ociRepository.ref.tag", tag("v1.2"): "spec.source.ociRepository.ref.tag",
		tag("1.2-alpine"): "spec.source.ociRepository.ref.tag", tag("release-1.2"): "spec.source.ociRepository.ref.tag",
		tag("1.2.3"): "", tag("v1.2.3-rc.1"): "", tag("6.5.0-alpine"): "", tag("sha-0a1b2c3"): "", tag("main-0a1b2c3-1700000000"): "",
		tag("20260131"): "", tag("2026.01.31"): "", tag("build-1234"): "",
	} {
		found := func(waves string) (at []string) {
			_, list := render.Compile(schema.Load(wavesOf(source, waves)), render.Options{})
			if list.HasErrors() {
				t.Fatal(list)
			}
			for _, d := range list {
				if d.Code == diag.MovingSource {
					at = append(at, d.Path)
				}
			}
			return at
		}
		if got := strings.Join(found("  waves:\n"+canary+others), " "); got != want {
			t.Errorf("%s moves at %q, want %q", source, got, want)
		}
		if got := append(found("  topology: pull\n"), found("  waves:\n"+others)...); len(got) > 0 {
			t.Errorf("%s moves without an order: %v", source, got)
		}
	}
}

// TestChartsByVariableThatMove checks that a version is judged by the value of its variable.
func TestChartsByVariableThatMove(t *testing.T) {
	for version, want := range map[string]bool{"1.x": true, "1.2.3": false} {
		files := wavesOf("{helmRepository: {url: https://example.com, interval: 1m}}", "  waves:\n"+canary+others)
		text := strings.ReplaceAll(string(files[0].Data), "labels: {", "labels: {ver: "+version+", ")
		files[0].Data = []byte(strings.Replace(text, "kustomization: {interval: 5m, prune: true}", `helm: {interval: 5m, chart: {spec: {chart: shop, version: "${cluster.labels.ver}"}}}`, 1))
		_, list := render.Compile(schema.Load(files), render.Options{})
		if got := slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Code == diag.MovingSource }); got != want || list.HasErrors() {
			t.Errorf("the version %s moves: %v, want %v; got\n%v", version, got, want, list)
		}
	}
}

// TestSourcesOfVariantsThatMove checks sources of variants: one that only clusters of the first wave follow is
// not reported, but one that two variants follow, each in another wave, or that only a later wave follows, is.
func TestSourcesOfVariantsThatMove(t *testing.T) {
	for overrides, want := range map[string]string{
		"": "spec.source.gitRepository.ref.branch",
		"  overrides: [{clusterSelector: {matchLabels: {region: eu}}, source: {gitRepository: {ref: {branch: null, tag: v1}}}}]\n":   "",
		"  overrides: [{clusterSelector: {matchLabels: {region: eu}}, source: {gitRepository: {ref: {branch: null, tag: null}}}}]\n": "spec.overrides[0].source.gitRepository.ref",
		"  overrides: [{clusterSelector: {matchLabels: {region: eu}}, source: {gitRepository: {interval: 5m}}}]\n":                   "spec.source.gitRepository.ref.branch",
	} {
		files := worldAnd(app("a", overrides+"  destination: {fleet: shops}\n  syncPolicies: [{name: p, "+policy+"}]\n"),
			schema.File{Name: "config.yaml", Data: []byte("apiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nspec: {waves: [{name: asia, clusterSelector: {matchLabels: {region: asia}}}, {name: rest}]}\n")})
		for i := range files {
			files[i].Data = []byte(strings.Replace(string(files[i].Data), "interval: 1m}}", "interval: 1m, ref: {branch: main}}}", 1))
		}
		_, list := render.Compile(schema.Load(files), render.Options{})
		var got []string
		for _, d := range list {
			if d.Code == diag.MovingSource {
				got = append(got, d.Path)
			}
		}
		if list.HasErrors() || strings.Join(got, " ") != want {
			t.Errorf("with\n%sgot\n%v\nand %v moves, want %q", overrides, list, got, want)
		}
	}
}
