package fleetgen

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

func files(t *testing.T, size Size) []schema.File {
	t.Helper()
	all, err := Files(size)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestFleetsCompile checks that fleets compile without errors or warnings, and that every Application is on
// all clusters of its fleet.
func TestFleetsCompile(t *testing.T) {
	for _, size := range []Size{
		{Applications: 1, Clusters: 1},
		{Applications: 1, Clusters: 500},
		{Applications: 10, Clusters: 1},
		{Applications: 10, Clusters: 7},
		{Applications: 150, Clusters: 5},
	} {
		t.Run(fmt.Sprintf("%+v", size), func(t *testing.T) {
			tree, list := render.Compile(schema.Load(files(t, size)), render.Options{CheckOutput: true})
			for _, d := range list {
				if d.Severity != diag.Info {
					t.Errorf("%s %s %s", d.Position, d.Code, d.Message)
				}
			}
			if tree == nil {
				t.Fatal("no tree")
			}
			if want := size.Clusters * min(3, size.Applications); len(tree.Clusters) != want {
				t.Errorf("%d clusters, want %d", len(tree.Clusters), want)
			}
			on := map[string]int{}
			for _, cluster := range tree.Clusters {
				for f := range cluster.Files() {
					if dir, base := filepath.Split(f.Path); base == "kustomization.yaml" && strings.HasPrefix(dir, "apps/") {
						on[dir]++
					}
				}
			}
			if len(on) != size.Applications {
				t.Errorf("%d applications, want %d", len(on), size.Applications)
			}
			for name, n := range on {
				if n != size.Clusters {
					t.Errorf("%s is on %d clusters, want %d", name, n, size.Clusters)
				}
			}
		})
	}
}

// TestAllKindsOfRollouts checks that the output for a fleet uses all features of the providers, and that a
// small fleet already uses most.
func TestAllKindsOfRollouts(t *testing.T) {
	everywhere := []string{
		"stepWeight: 10", "stepWeights:", "stepWeightPromotion:", "iterations:", "skipAnalysis: true", "alerts:",
		"type: confirm-rollout", "type: pre-rollout", "primaryReadyThreshold:", "kind: MetricTemplate", "kind: AlertProvider",
		"name: request-success-rate", "kind: Deployment", "flagger-loadtester.flagger-loadtester", "kind: GitRepository", "kind: OCIRepository",
		"url: https://charts.example.com", "chart: ./chart", "kind: HelmRelease", "targetPort: 8080", "dependsOn:",
	}
	only := map[string][]string{
		"kuma":  {".service.kuma.io/protocol"},
		"istio": {"match:", "mirror: true", "gateways:"},
		"nginx": {"match:", "kind: Ingress"},
	}
	tree, _ := render.Compile(schema.Load(files(t, Size{Applications: 3 * len(shapes) * 2, Clusters: 1})), render.Options{})
	for _, cluster := range tree.Clusters {
		var all bytes.Buffer
		for f := range cluster.Files() {
			all.Write(f.Content)
		}
		provider, _, _ := strings.Cut(cluster.Name, "-")
		for _, want := range append(everywhere, only[provider]...) {
			if !strings.Contains(all.String(), want) {
				t.Errorf("%s has no %q", cluster.Name, want)
			}
		}
	}
}

// TestSelected checks a policy that selects some clusters.
func TestSelected(t *testing.T) {
	tree, _ := render.Compile(schema.Load(files(t, Size{Applications: 10, Clusters: 5})), render.Options{})
	with := 0
	for _, cluster := range tree.Clusters {
		for f := range cluster.Files() {
			if strings.Contains(f.Path, "-production.yaml") {
				with++
			}
		}
	}
	if want := 3 * 4; with != want {
		t.Errorf("policies for production on %d clusters, want %d", with, want)
	}
}

// TestSameSizeSameBytes generates and writes the same size twice.
func TestSameSizeSameBytes(t *testing.T) {
	size := Size{Applications: 40, Clusters: 3}
	all := files(t, size)
	if !reflect.DeepEqual(all, files(t, size)) {
		t.Error("the same size made other files")
	}
	dir := t.TempDir()
	if err := Write(dir, all); err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if data, err := os.ReadFile(filepath.Join(dir, f.Name)); err != nil || !bytes.Equal(data, f.Data) {
			t.Errorf("%s was not written: %v", f.Name, err)
		}
	}
}

// TestSizes checks the number of files.
func TestSizes(t *testing.T) {
	if all := files(t, Size{Applications: 40, Clusters: 3}); len(all) != 43 {
		t.Errorf("%d files, want one for each application and fleet", len(all))
	}
}
