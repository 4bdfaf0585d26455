package sources

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema/api"
)

// filesOf returns the files of a txtar archive.
func filesOf(t testing.TB, archive string) *Files {
	t.Helper()
	texts := map[string][]byte{}
	var names []string
	for _, f := range txtar.Parse([]byte(archive)).Files {
		texts[f.Name] = f.Data
		names = append(names, f.Name)
	}
	return newFiles(names, nil, func(name string) ([]byte, error) { return texts[name], nil })
}

// buildOne builds a policy of a Git source.
func buildOne(t testing.TB, f *Files, k source.Kustomization, patches, added []kustomize.Patch) *source.Built {
	t.Helper()
	b := source.Build{Source: &api.ApplicationSource{GitRepository: &api.GitRepository{}}, Kustomization: &k, Patches: patches, Added: added}
	built := Build(t.Context(), []source.Build{b}, func(*source.Build) (*Files, string) { return f, "" })[b.Key]
	if built == nil {
		t.Fatal("nothing was built")
	}
	return built
}

// list returns the objects as lines.
func list(objects []source.Object) string {
	var lines []string
	for _, o := range objects {
		lines = append(lines, o.Kind+" "+o.Namespace+"/"+o.Name+" "+o.File)
	}
	return strings.Join(lines, "\n")
}

func TestKustomizationFilesAreBuiltWithTheirFiles(t *testing.T) {
	f := filesOf(t, `
-- deploy/app/service.yaml --
apiVersion: v1
kind: Service
metadata: {name: b}
-- deploy/overlay/kustomization.yaml --
resources: [../app/service.yaml]
configMapGenerator:
- name: c
  literals: [a=b]
`)
	built := buildOne(t, f, source.Kustomization{Path: "./deploy/overlay", TargetNamespace: "web"}, nil, nil)
	const want = "Service web/b deploy/app/service.yaml\nConfigMap web/c-4h2mbtbbt6 deploy/overlay/kustomization.yaml"
	if got := list(built.Objects); got != want {
		t.Errorf("got\n%s\nwant\n%s\n%+v", got, want, built)
	}
}

// TestFailures checks that an error of Flux becomes one sentence, at the field to change.
func TestFailures(t *testing.T) {
	deployment := "-- app/d.yaml --\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: web}\n"
	for _, test := range []struct {
		name, archive string
		k             source.Kustomization
		patches       []string
		field, want   string
	}{
		{"a path that is missing", deployment, source.Kustomization{Path: "ap"}, nil, "[kustomization path]", "the path ap is not in the source, so Flux applies nothing"},
		{"a path that is a file", deployment, source.Kustomization{Path: "./app/d.yaml"}, nil, "[kustomization path]", "the path ./app/d.yaml is a file in the source, but Flux builds only directories"},
		{"a component that is missing", deployment, source.Kustomization{Path: "app", Components: []string{"../tls"}}, nil, "[kustomization components 0]", "the component ../tls has no kustomization.yaml in the source"},
		{"a component that leaves the source", deployment, source.Kustomization{Path: "app", Components: []string{"../../tls"}}, nil, "[kustomization components 0]", "the component ../../tls leaves the source, which Flux rejects"},
		{"a patch of nothing", deployment, source.Kustomization{Path: "app"}, []string{"", "apiVersion: v1\nkind: Service\nmetadata: {name: a}"}, "[kustomization patches 1]", `Flux cannot apply this patch: no resource matches strategic merge patch "Service.v1.[noGrp]/a.[noNs]"`},
		{"a base's mistake", "-- app/kustomization.yaml --\nresources: [../base]\n-- base/kustomization.yaml --\nresources: [x.yaml]\n-- base/x.yaml --\na: [\n", source.Kustomization{Path: "app"}, nil, "[kustomization path]", "Flux cannot build app: base/x.yaml: yaml: line 1: did not find expected node content"},
		{"an entry that is missing", "-- app/kustomization.yaml --\nresources: [../base]\n", source.Kustomization{Path: "app"}, nil, "[kustomization path]", "Flux cannot build app: app/kustomization.yaml names ../base, which is not in the source"},
		{"an entry that is absolute", "-- app/kustomization.yaml --\nresources: [/etc/passwd]\n", source.Kustomization{Path: "app"}, nil, "[kustomization path]", "Flux cannot build app: app/kustomization.yaml names /etc/passwd, which leaves the source"},
		{"an entry that is excluded", "-- .sourceignore --\n/base\n-- app/kustomization.yaml --\nresources: [../base]\n-- base/kustomization.yaml --\n", source.Kustomization{Path: "app"}, nil, "[kustomization path]", "Flux cannot build app: app/kustomization.yaml names ../base, which is excluded by .sourceignore or spec.source's ignore"},
		{"a file that is no manifest", deployment + "-- app/values.yaml --\nreplicas: 2\n", source.Kustomization{Path: "app"}, nil, "[kustomization path]", "Flux cannot build app: app/values.yaml: missing Resource metadata"},
		{"a key that is there twice", deployment + "kind: Deployment\n", source.Kustomization{Path: "app", TargetNamespace: "web"}, []string{""}, "[kustomization path]", `Flux cannot build app: app/d.yaml: yaml: unmarshal errors: line 4: mapping key "kind" already defined at line 2`},
		{"an encrypted Secret", "-- app/s.yaml --\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: web}\nsops: {mac: x}\n", source.Kustomization{Path: "app"}, nil, "[kustomization path]", "the Secret s is encrypted by SOPS, but the policy configures no decryption, so Flux applies nothing: app/s.yaml"},
		{"no namespace", "-- app/d.yaml --\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n", source.Kustomization{Path: "app"}, nil, "[kustomization targetNamespace]", "the Deployment a names no namespace, so Flux applies nothing: app/d.yaml"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var patches []kustomize.Patch
			for _, text := range test.patches {
				p := kustomize.Patch{Patch: text}
				if text == "" {
					p = kustomize.Patch{Patch: "apiVersion: v1\nkind: X\nmetadata: {name: x}", Target: &kustomize.Selector{Kind: "X"}}
				}
				patches = append(patches, p)
			}
			built := buildOne(t, filesOf(t, test.archive), test.k, patches, nil)
			if len(built.Failures) != 1 {
				t.Fatalf("%+v", built)
			}
			f := built.Failures[0]
			if got := fmt.Sprint(f.Field); got != test.field || !strings.HasPrefix(f.Message, test.want) || f.Hint == "" || strings.Contains(f.Message+f.Hint, root) {
				t.Errorf("got %s: %s (%s)\nwant %s: %s", got, f.Message, f.Hint, test.field, test.want)
			}
		})
	}
}
