package growth

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/importer"
	"github.com/fleetwright/fleetwright/schema"
)

// TestImportIsLinear checks that the allocations of import grow in proportion to the input.
func TestImportIsLinear(t *testing.T) {
	bootstrap, err := os.ReadFile("../../testdata/import/plain/clusters/eu/flux-system/gotk-sync.yaml")
	if err != nil {
		t.Fatal(err)
	}
	synced := func(cluster string) schema.File {
		return schema.File{Name: "clusters/" + cluster + "/flux-system/gotk-sync.yaml", Data: []byte(strings.ReplaceAll(string(bootstrap), "clusters/eu", "clusters/"+cluster))}
	}
	each := func(n int, name, text string) (files []schema.File) {
		for i := range n {
			number := strings.NewReplacer("N+1", fmt.Sprint(i+1), "NUMBER", fmt.Sprint(i))
			files = append(files, schema.File{Name: number.Replace(name), Data: []byte(number.Replace(text))})
		}
		return files
	}
	const (
		repository    = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: aNUMBER, namespace: apps}\nspec: {interval: 5m, url: https://example.com/a.git}\n---\n"
		kustomization = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: aNUMBER, namespace: apps, labels: {team: shop}}\nspec: {interval: 5m, prune: true, sourceRef: {kind: GitRepository, name: aNUMBER}}\n"
	)
	for name, files := range map[string]func(n int) []schema.File{
		"Applications": func(n int) []schema.File {
			return append(each(n, "clusters/eu/aNUMBER.yaml", repository+kustomization), synced("eu"))
		},
		"policies of one Application": func(n int) []schema.File {
			return append(each(n, "clusters/eu/aNUMBER.yaml", strings.Replace(kustomization, "GitRepository, name: aNUMBER", "GitRepository, name: one", 1)), synced("eu"))
		},
		"objects that stay": func(n int) []schema.File {
			return append(each(n, "clusters/eu/aNUMBER.yaml", repository+strings.Replace(kustomization, "prune: true", "prune: true, timout: 1m", 1)), synced("eu"))
		},
		"directories": func(n int) []schema.File {
			files := append(each(n, "clusters/eu/NUMBER/kustomization.yaml", "resources: [a.yaml, ../N+1]\n"), synced("eu"))
			return append(files, each(n, "clusters/eu/NUMBER/a.yaml", repository+kustomization)...)
		},
		"Canaries": func(n int) []schema.File {
			return append(each(n, "clusters/eu/aNUMBER.yaml", repository+strings.Replace(kustomization, "prune: true", "prune: true, targetNamespace: nNUMBER", 1)+
				"---\napiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: a, namespace: nNUMBER}\nspec: {provider: istio, targetRef: {kind: Deployment, name: a}, service: {port: 80, apex: {labels: {a: b}}}, analysis: {interval: 1m, threshold: 1, stepWeight: 10}}\n"), synced("eu"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cost := func(n int) uint64 {
				of := files(n)
				return Allocated(func() { importer.Import([]importer.Cluster{{Files: of}}) })
			}
			cost(10)
			const few, little = 50, 1 << 20
			before, after := cost(few), cost(Factor*few)
			if Exceeds(before, after, little) {
				t.Errorf("%d cost %d bytes, and %d cost %d", few, before, Factor*few, after)
			}
		})
	}
}
