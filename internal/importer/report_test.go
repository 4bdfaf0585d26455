package importer_test

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/fleetwright/fleetwright/internal/importer"
	"github.com/fleetwright/fleetwright/schema"
)

// TestReports checks which texts the report of each repository in testdata/reports contains and lacks.
// bootstrap lists the directories that clusters sync, and clusters lists the names as in --cluster NAME=PATH.
func TestReports(t *testing.T) {
	names, err := filepath.Glob("testdata/reports/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no reports", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var files []schema.File
			var clusters []importer.Cluster
			about := map[string]string{}
			for _, f := range archive.Files {
				if path.Ext(f.Name) != "" {
					files = append(files, schema.File{Name: f.Name, Data: f.Data})
				} else {
					about[f.Name] = string(f.Data)
				}
			}
			for dir := range strings.Lines(about["bootstrap"]) {
				files = append(files, bootstrapOf(strings.TrimSpace(dir)))
			}
			for line := range strings.Lines(about["clusters"]) {
				name, dir, _ := strings.Cut(strings.TrimSpace(line), "=")
				c := importer.Cluster{Name: name}
				for _, f := range files {
					if dir == "." || strings.HasPrefix(f.Name, dir+"/") {
						c.Files = append(c.Files, f)
					}
				}
				clusters = append(clusters, c)
			}
			if clusters == nil {
				clusters = []importer.Cluster{{Files: files}}
			}
			got := report(t, clusters)
			for line := range strings.Lines(about["has"]) {
				if !strings.Contains(got, strings.TrimSpace(line)) {
					t.Errorf("no line has %s", line)
				}
			}
			for line := range strings.Lines(about["has not"]) {
				if strings.Contains(got, strings.TrimSpace(line)) {
					t.Errorf("a line has %s", line)
				}
			}
			if t.Failed() {
				t.Log("\n" + got)
			}
		})
	}
}

// bootstrapOf returns the files that flux bootstrap writes for a cluster that syncs a directory.
func bootstrapOf(dir string) schema.File {
	return schema.File{Name: path.Join(dir, "flux-system/gotk-sync.yaml"), Data: fmt.Appendf(nil, `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m, url: https://example.com/platform.git, ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m, path: ./%s, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
`, dir)}
}

// report returns the report of an import, or the errors.
func report(t *testing.T, clusters []importer.Cluster) string {
	t.Helper()
	result, list := importer.Import(clusters)
	var b strings.Builder
	for _, d := range list {
		fmt.Fprintf(&b, "%s\n%s\n", d, d.Hint)
	}
	if result == nil {
		return b.String()
	}
	if result.Rejected != nil {
		return result.Rejected.Message + "\n" + result.Rejected.Hint
	}
	write, _ := importer.Formats.Get("text")
	if err := write(&b, result, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
