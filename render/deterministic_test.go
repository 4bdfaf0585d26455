package render_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// everything returns documents that use most features.
func everything(t testing.TB) []schema.File {
	files := append(example(t, seed), worldAnd(
		app("a", "  destination: {fleet: shops}\n  syncPolicies:\n"+
			"  - {name: everywhere, "+policy+"}\n"+
			"  - {name: europe, destination: {fleet: shops, clusterSelector: {matchLabels: {region: eu}}}, kustomization: {interval: 0s, prune: true, targetNamespace: shop},\n"+
			"     rollout: {testLoader: true, trafficRoutingProvider: kuma, workload: {name: cart, namespace: shop}, serviceName: cart, port: 8080,\n"+
			"       primary: {labels: {a: b, c: d}, annotations: {e: f}},\n"+
			"       rolloutPolicy: {trafficRouting: {analysisTimes: 3}, trafficAnalysis: {metrics: [{name: request-duration, thresholdRange: {max: 1}}, {name: request-success-rate}], webhooks: {command: [a, b]}}}}}\n"),
		app("b", "  destination: {fleet: labs}\n  syncPolicies: [{name: lab, "+policy+"}, {"+policy+"}]\n"),
		app("c", "  syncPolicies: [{name: nowhere, "+policy+"}]\n"),
	)...)
	// One fleet renders Kuma and Flagger on the cluster east, and another has Istio and nginx there.
	files = append(files, schema.File{Name: "both.yaml", Data: []byte(`
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: meshed}
spec: {clusters: [{kind: AttachedCluster, name: east}, {kind: AttachedCluster, name: west}], plugin: {flagger: {trafficRoutingProvider: kuma}}}
---
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: public}
spec:
  clusters: [{kind: AttachedCluster, name: west}, {kind: AttachedCluster, name: east}]
  plugin: {flagger: {trafficRoutingProvider: istio, installed: {flagger: {version: 1.44.0}, istio: {revision: stable}, ingress-nginx: {class: internal}, kuma: {version: 2.7.3}}}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: east, labels: {side: east}}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: west, labels: {side: west}}}
`)}, rollingOut("on-kuma", "meshed", "kuma"), rollingOut("on-istio", "public", "istio"), rollingOut("on-nginx", "meshed", "nginx"),
		app("one-name", "  destination: {fleet: meshed}\n  syncPolicies:\n"+
			"  - {name: web, destination: {fleet: meshed, clusterSelector: {matchExpressions: [{key: side, operator: NotIn, values: [west]}, {key: side, operator: Exists}]}}, "+policy+"}\n"+
			"  - {name: web, destination: {fleet: public, clusterSelector: {matchLabels: {side: west}}}, "+policy+"}\n"+
			"  - {name: after, kustomization: {interval: 5m, prune: true, dependsOn: [{name: web}]}}\n"))
	return append(files, config("  plugin: {flagger: {installed: {flagger: {version: 1.42.0}, istio: {}}}}\n  charts: {kuma: {values: {a: {b: 1}, c: [1, 2]}}}\n  severities: {FW208: info}\n"))
}

// TestOutputDependsOnlyOnTheDocuments checks that the output does not depend on the order of documents, their
// division into files, files named twice, or the number of processors.
func TestOutputDependsOnlyOnTheDocuments(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	files := everything(t)
	want, wantList := render.Compile(schema.Load(files), render.Options{DefaultPath: "clusters"})
	if want == nil {
		t.Fatal(text(wantList))
	}
	for i := range 20 {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		runtime.GOMAXPROCS(1 + i%4)
		docs := schema.Load(files)
		if i%2 == 1 {
			docs.All = append(docs.All, docs.All...)
		}
		random.Shuffle(len(docs.All), func(i, j int) { docs.All[i], docs.All[j] = docs.All[j], docs.All[i] })
		got, list := render.Compile(docs, render.Options{DefaultPath: "clusters"})
		if got == nil {
			t.Fatal(text(list))
		}
		if !slices.Equal(list, wantList) {
			t.Fatalf("order %d gives\n%s\nwant\n%s", i, text(list), text(wantList))
		}
		if !maps.EqualFunc(contents(got), contents(want), bytes.Equal) {
			t.Fatalf("order %d renders something else", i)
		}
	}
}

// TestOneFileOrMany checks that the same documents in one file give the same tree. Only the diagnostics name
// other positions.
func TestOneFileOrMany(t *testing.T) {
	files := everything(t)
	var joined bytes.Buffer
	for _, f := range slices.Backward(files) {
		joined.WriteString("---\n")
		joined.Write(f.Data)
		joined.WriteByte('\n')
	}
	got := contents(compile(t, schema.File{Name: "all.yaml", Data: joined.Bytes()}))
	if !maps.EqualFunc(got, contents(compile(t, files...)), bytes.Equal) {
		t.Error("the tree is another")
	}
}

// TestClustersShareContent checks that the common content of clusters is created once.
func TestClustersShareContent(t *testing.T) {
	tree := compile(t, example(t, seed)...)
	shared, own := 0, 0
	files := map[string]render.File{}
	for f := range tree.Clusters[0].Files() {
		files[f.Path] = f
	}
	for f := range tree.Clusters[1].Files() {
		if &f.Content[0] == &files[f.Path].Content[0] {
			shared++
			continue
		}
		own++
		// Both contain the cluster's name, and inventories contain their sums.
		if !strings.HasPrefix(f.Path, "sync") && f.Path != "infrastructure/helmrelease-flagger.yaml" && !layout.IsInventoryFile(f.Path) {
			t.Errorf("%s is created for each cluster", f.Path)
		}
	}
	if shared < 20 || own != 5 {
		t.Errorf("%d files are shared and %d are not", shared, own)
	}
}

// TestCompileChangesNoDocument checks that compiling twice, and eight times concurrently, gives the same output
// and leaves the documents unchanged.
func TestCompileChangesNoDocument(t *testing.T) {
	for name, files := range map[string][]schema.File{
		"sound":  append(everything(t), schema.File{Name: "mesh.yaml", Data: []byte(strings.Replace(plainMesh, "name: default", "name: default, annotations: {a: b}", 1))}),
		"broken": append(everything(t), schema.File{Name: "x", Data: []byte("[")}, schema.File{Name: "y", Data: []byte("]")}, schema.File{Name: "z", Data: []byte("*")}),
	} {
		t.Run(name, func(t *testing.T) {
			docs := schema.Load(files)
			order, before := slices.Clone(docs.All), marshal(t, objectsOf(docs))
			first, list := render.Compile(docs, render.Options{})
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					again, sameList := render.Compile(docs, render.Options{})
					if text(list) != text(sameList) {
						t.Errorf("got\n%sand then\n%s", text(list), text(sameList))
					}
					if first != nil && !maps.EqualFunc(contents(first), contents(again), bytes.Equal) {
						t.Error("the second tree is another")
					}
				})
			}
			wg.Wait()
			if !slices.Equal(docs.All, order) {
				t.Error("the documents are in another order")
			}
			if after := marshal(t, objectsOf(docs)); after != before {
				t.Errorf("the documents were\n%sand are\n%s", before, after)
			}
		})
	}
}

func objectsOf(docs schema.Documents) (all []any) {
	for _, d := range docs.All {
		all = append(all, d.Object)
	}
	return all
}

// TestRunsChangeNoSettings checks that a run does not change the pinned versions and values.
func TestRunsChangeNoSettings(t *testing.T) {
	before := contents(compile(t, example(t, seed)...))
	compile(t, append(example(t, seed), config("  charts: {prometheus: {values: {server: {retention: 1h}}}, flagger: {values: {x: y}}}\n"))...)
	if after := contents(compile(t, example(t, seed)...)); !maps.EqualFunc(before, after, bytes.Equal) {
		t.Error("a run has changed the defaults of the next")
	}
}

func BenchmarkCompile(b *testing.B) {
	files := example(b, seed)
	b.ReportAllocs()
	for b.Loop() {
		render.Compile(schema.Load(files), render.Options{})
	}
}
