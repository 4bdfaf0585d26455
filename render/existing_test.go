package render_test

import (
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

// TestExistingSource checks that policies reference an existing source, and that none is rendered.
func TestExistingSource(t *testing.T) {
	for name, test := range map[string]struct {
		existing, policies, file string
		want, not                string
		codes                    []diag.Code
	}{
		"that of the cluster": {
			existing: "kind: GitRepository, name: flux-system, namespace: flux-system",
			policies: "  - {name: p, kustomization: {interval: 5m, path: ./app, prune: true}}\n",
			file:     "kustomization-p.yaml", want: "  sourceRef:\n    kind: GitRepository\n    name: flux-system\n    namespace: flux-system\n",
		},
		"in the namespace of the Application": {
			existing: "kind: Bucket, name: files, namespace: team",
			policies: "  - {name: p, kustomization: {interval: 5m, prune: true}}\n",
			file:     "kustomization-p.yaml", want: "  sourceRef:\n    kind: Bucket\n    name: files\n", not: "namespace: team\n  path",
			codes: []diag.Code{diag.SourcesNeeded},
		},
		"with charts": {
			existing: "kind: HelmRepository, name: charts, namespace: infra",
			policies: chartPolicy,
			file:     "helmrelease-p.yaml", want: "      sourceRef:\n        kind: HelmRepository\n        name: charts\n        namespace: infra\n",
			codes: []diag.Code{diag.SourcesNeeded},
		},
		"a chart": {
			existing: "kind: OCIRepository, name: chart, namespace: infra",
			policies: chartPolicy,
			file:     "helmrelease-p.yaml", want: "  chartRef:\n    kind: OCIRepository\n    name: chart\n    namespace: infra\n",
			codes: []diag.Code{diag.SourcesNeeded},
		},
		"of another controller": {
			existing: "kind: ExternalArtifact, name: chart",
			policies: chartPolicy,
			codes:    []diag.Code{diag.NeedsNewerFlux, diag.SourcesNeeded},
		},
		"of a chart with a version": {
			existing: "kind: OCIRepository, name: chart",
			policies: "  - {name: p, helm: {interval: 5m, chart: {spec: {chart: app, version: 1.0.0}}}}\n",
			codes:    []diag.Code{diag.NoHelmChart, diag.SourcesNeeded},
		},
		"of charts applied as manifests": {
			existing: "kind: HelmRepository, name: charts",
			policies: "  - {name: p, kustomization: {interval: 5m, prune: true}}\n",
			codes:    []diag.Code{diag.SourceMismatch, diag.SourcesNeeded},
		},
	} {
		t.Run(name, func(t *testing.T) {
			files, list := renderAll([]schema.File{document("e", "    existing: {"+test.existing+"}\n", test.policies)})
			for _, code := range test.codes {
				if !strings.Contains(text(list), string(code)) {
					t.Errorf("no %s in:\n%s", code, text(list))
				}
			}
			if len(test.codes) == 0 && len(list) > 0 {
				t.Errorf("unexpected:\n%s", text(list))
			}
			if test.file == "" {
				return
			}
			made := string(files["host/fleetwright/apps/team.e/"+test.file])
			if !strings.Contains(made, test.want) || test.not != "" && strings.Contains(made, test.not) {
				t.Errorf("%s is\n%s", test.file, made)
			}
			for file := range files {
				if strings.Contains(file, "repository-") {
					t.Errorf("%s is rendered", file)
				}
			}
		})
	}
}
