package conformance

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fleetwright/fleetwright/conformance/internal/crds"
	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// fluxReleases returns the files with the CRDs of each supported minor version of Flux.
func fluxReleases(t *testing.T) map[string][]string {
	t.Helper()
	files, err := crds.FluxReleases(t.TempDir(), "v2.6.0")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// parts maps the parts of an Application to the specs of Flux's kinds.
var parts = map[string]struct{ version, path string }{
	"Kustomization":  {"v1", "spec.syncPolicies[].kustomization"},
	"HelmRelease":    {"v2", "spec.syncPolicies[].helm"},
	"GitRepository":  {"v1", "spec.source.gitRepository"},
	"HelmRepository": {"v1", "spec.source.helmRepository"},
	"OCIRepository":  {"v1", "spec.source.ociRepository"},
}

// different lists the fields that only Flux or only an Application has, including their subfields, with the
// reason.
var different = map[string]string{
	"Kustomization.sourceRef":          "the source of the Application",
	"Kustomization.kubeConfig":         "the destination of the Application",
	"HelmRelease.kubeConfig":           "the destination of the Application",
	"HelmRelease.chart.spec.sourceRef": "the source of the Application",
	"HelmRelease.chartRef":             "an ociRepository as the source of the Application",
	"GitRepository.gitImplementation":  "Kurator's field, removed from Flux (FW502)",
	"GitRepository.accessFrom":         "Kurator's field, removed from Flux (FW502)",
}

// A field is a field of a schema.
type field struct{ enum []string }

// TestEveryFieldOfFlux compares the CRDs of the newest Flux field by field with the fields of an Application.
func TestEveryFieldOfFlux(t *testing.T) {
	record(t, "1. published CRDs: an Application takes every field of Flux")
	releases := fluxReleases(t)
	newest := slices.Max(slices.Collect(maps.Keys(releases)))
	of := specs(t, releases[newest])
	input := inputFields(t)
	used := map[string]bool{}
	explained := func(name string) bool {
		for reason := range different {
			if name == reason || strings.HasPrefix(name, reason+".") {
				used[reason] = true
				return true
			}
		}
		return false
	}
	for kind, part := range parts {
		ours := map[string]field{}
		for path, f := range input {
			if below, ok := strings.CutPrefix(path, part.path+"."); ok {
				ours[below] = f
			}
		}
		if len(of[kind]) == 0 || len(ours) == 0 {
			t.Fatalf("%s has no fields in the CRDs of Flux %s, or in the input", kind, newest)
		}
		for path, f := range of[kind] {
			name := kind + "." + path
			own, ok := ours[path]
			switch {
			case explained(name):
			case !ok:
				t.Errorf("an Application lacks %s", name)
			case !equalSets(f.enum, own.enum):
				t.Errorf("the enum of %s is %q in Flux, and %q in an Application", name, f.enum, own.enum)
			}
		}
		for path := range ours {
			if _, ok := of[kind][path]; !ok && !explained(kind+"."+path) {
				t.Errorf("Flux lacks %s.%s", kind, path)
			}
		}
	}
	for reason := range different {
		if !used[reason] {
			t.Errorf("%s does not differ", reason)
		}
	}
}

func equalSets(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// specs returns the fields of the specs in files with CRDs, by kind.
func specs(t *testing.T, files []string) map[string]map[string]field {
	t.Helper()
	all := map[string]map[string]field{}
	for _, crd := range definitions(t, files) {
		for _, v := range crd.Spec.Versions {
			if kind := crd.Spec.Names.Kind; parts[kind].version == v.Name {
				all[kind] = map[string]field{}
				addFields(all[kind], "", v.Schema.OpenAPIV3Schema.Properties["spec"])
			}
		}
	}
	return all
}

// definitions returns the CRDs in files.
func definitions(t *testing.T, files []string) (all []apiextensionsv1.CustomResourceDefinition) {
	t.Helper()
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		objects, err := kube.Objects(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			var crd apiextensionsv1.CustomResourceDefinition
			if o.GetKind() != "CustomResourceDefinition" {
				continue
			}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &crd); err != nil {
				t.Fatal(err)
			}
			all = append(all, crd)
		}
	}
	return all
}

func addFields(to map[string]field, path string, s apiextensionsv1.JSONSchemaProps) {
	if path != "" {
		var f field
		for _, value := range s.Enum {
			f.enum = append(f.enum, strings.Trim(string(value.Raw), `"`))
		}
		to[path] = f
	}
	for name, p := range s.Properties {
		addFields(to, strings.TrimPrefix(path+"."+name, "."), p)
	}
	if s.Items != nil && s.Items.Schema != nil {
		addFields(to, path+"[]", *s.Items.Schema)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		addFields(to, path+".*", *s.AdditionalProperties.Schema)
	}
}

// inputFields returns the fields in the JSON Schema of an Application.
func inputFields(t *testing.T) map[string]field {
	t.Helper()
	kind, _ := schema.KindNamed("Application")
	type node struct {
		Ref                  string `json:"$ref"`
		Properties           map[string]json.RawMessage
		Items                json.RawMessage
		AdditionalProperties json.RawMessage
		Enum                 []string
		AnyOf                []json.RawMessage
	}
	var root struct {
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	if err := json.Unmarshal(kind.JSONSchema(), &root); err != nil {
		t.Fatal(err)
	}
	fields := map[string]field{}
	var walk func(path string, raw json.RawMessage)
	walk = func(path string, raw json.RawMessage) {
		var n node
		if json.Unmarshal(raw, &n) != nil {
			return // true or false
		}
		if len(n.AnyOf) > 0 {
			walk(path, n.AnyOf[0]) // the schema for editors also allows a cluster variable or null
			return
		}
		for name, ok := strings.CutPrefix(n.Ref, "#/$defs/"); ok; name, ok = strings.CutPrefix(n.Ref, "#/$defs/") {
			enum := n.Enum
			n = node{}
			if err := json.Unmarshal(root.Defs[name], &n); err != nil {
				t.Fatal(err)
			}
			n.Enum = append(n.Enum, enum...)
		}
		if path != "" {
			fields[path] = field{enum: n.Enum}
		}
		for name, p := range n.Properties {
			walk(strings.TrimPrefix(path+"."+name, "."), p)
		}
		if len(n.Items) > 0 {
			walk(path+"[]", n.Items)
		}
		if len(n.AdditionalProperties) > 0 && n.AdditionalProperties[0] == '{' {
			walk(path+".*", n.AdditionalProperties)
		}
	}
	walk("", kind.JSONSchema())
	return fields
}

// indices matches the indexes of lists in a path.
var indices = regexp.MustCompile(`\[\d+\]`)

// TestFieldsOfReleases compiles every field for each version of Flux. The fields rejected with FW524 are
// exactly those that the version's CRDs lack.
func TestFieldsOfReleases(t *testing.T) {
	releases := fluxReleases(t)
	if len(releases) < 4 {
		t.Fatalf("%d releases", len(releases))
	}
	tree := golden(t, everyField)
	for _, minor := range slices.Sorted(maps.Keys(releases)) {
		t.Run(minor, func(t *testing.T) {
			record(t, "1. published CRDs: fields that a version of Flux lacks are refused")
			set, err := crds.Load(releases[minor]...)
			if err != nil {
				t.Fatal(err)
			}
			lacks := map[string]bool{}
			for _, o := range tree.all(t) {
				part, ok := parts[o.GetKind()]
				if !ok || !set.Has(o.Object) {
					continue
				}
				for _, why := range set.Validate(o.Object) {
					path, _, _ := strings.Cut(strings.TrimPrefix(why, "spec."), ":")
					if strings.Contains(why, "healthCheckExprs") && strings.Contains(why, "kind") {
						path = strings.TrimSuffix(path, ".kind") // required before 2.9
					}
					if strings.HasPrefix(why, "spec: Invalid value") && strings.Contains(why, "serviceAccountName") {
						continue // follows from the provider
					}
					lacks[part.path+"."+indices.ReplaceAllString(path, "[]")] = true
				}
			}
			refused := map[string]bool{}
			for _, d := range everyFieldOn(t, strings.TrimPrefix(minor, "v")) {
				if d.Code == "FW524" {
					refused[indices.ReplaceAllString(d.Path, "[]")] = true
				} else if d.Severity.String() == "error" {
					t.Error(d)
				}
			}
			if !maps.Equal(lacks, refused) {
				t.Errorf("Flux lacks\n%s\nFW524 rejects\n%s", lines(lacks), lines(refused))
			}
		})
	}
}

func lines(set map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(set)), "\n") }

// everyFieldOn returns the diagnostics about every field for a version of Flux.
func everyFieldOn(t *testing.T, version string) schema.Diagnostics {
	t.Helper()
	var inputs []schema.File
	for name, data := range documents(t, everyField) {
		if filepath.Base(name) == "config.yaml" {
			data = []byte(strings.Replace(string(data), "2.9", version, 1))
		}
		inputs = append(inputs, schema.File{Name: name, Data: data})
	}
	_, list := render.Compile(schema.Load(inputs), render.Options{DefaultPath: outputPath})
	return list
}
