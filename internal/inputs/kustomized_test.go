package inputs_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/schema"
)

// TestKustomizedLooksAround looks for the kustomization of a file that is given by itself.
func TestKustomizedLooksAround(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"shop/Kustomization":       "namespace: shop-eu\npatches: [{path: patches/faster.yaml}]\nresources: [own.yaml]\n",
		"shop/patches/faster.yaml": "apiVersion: flagger.app/v1beta1\n", "shop/own.yaml": "apiVersion: flagger.app/v1beta1\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := inputs.Read([]string{"shop/patches/faster.yaml", "shop/own.yaml"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	whole, namespaces := inputs.Kustomized(files)
	if len(whole) != 1 || whole[0].Name != "shop/own.yaml" || namespaces["shop/own.yaml"] != "shop-eu" {
		t.Errorf("whole are %v, in the namespaces %v", whole, namespaces)
	}
}

// TestTemplatesOfChartsAreSkipped checks that templates of charts, which are not YAML, are skipped.
func TestTemplatesOfChartsAreSkipped(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"shop/Chart.yaml", "shop/templates/canary.yaml", "own/templates/canary.yaml"} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("{{ if }}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := inputs.Read([]string{dir}, nil)
	if err != nil || len(files) != 2 {
		t.Errorf("%v: read %v", err, files)
	}
}

func TestKustomized(t *testing.T) {
	const canary = "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: shop}\n"
	files := []schema.File{
		{Name: "shop/base/kustomization.yaml", Data: []byte("resources: [canary.yaml]\n")},
		{Name: "shop/base/canary.yaml", Data: []byte(canary)},
		{Name: "shop/eu/kustomization.yaml", Data: []byte("namespace: shop-eu\nresources: [../base, own.yaml]\npatches: [{path: faster.yaml}, {path: values.yaml}]\npatchesStrategicMerge: [slower.yaml]\n")},
		{Name: "shop/eu/own.yaml", Data: []byte(canary)},
		{Name: "shop/eu/faster.yaml", Data: []byte(canary)},
		{Name: "shop/eu/slower.yaml", Data: []byte(canary)},
		{Name: "shop/eu/values.yaml", Data: []byte("apiVersion: apps/v1\nkind: Deployment\n")},
		{Name: "shop/us/kustomization.yaml", Data: []byte("namespace: shop-us\nresources: [../base]\n")},
	}
	whole, namespaces := inputs.Kustomized(files)
	if len(whole) != len(files)-2 {
		t.Errorf("%d files are whole", len(whole))
	}
	for _, f := range whole {
		if f.Name == "shop/eu/faster.yaml" || f.Name == "shop/eu/slower.yaml" {
			t.Errorf("%s is a patch", f.Name)
		}
	}
	want := map[string]string{"shop/base/canary.yaml": "", "shop/base/kustomization.yaml": "", "shop/eu/own.yaml": "shop-eu"}
	if !maps.Equal(namespaces, want) {
		t.Errorf("the namespaces are %v, want %v", namespaces, want)
	}
}
