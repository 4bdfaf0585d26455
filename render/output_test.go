package render_test

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/output"
)

// openFields holds the fields of rendered objects that accept any value.
var openFields = []string{
	"AlertProvider metadata labels",
	"Canary metadata annotations",
	"Canary spec analysis match headers",
	"Canary spec analysis metrics templateVariables",
	"Canary spec analysis webhooks metadata",
	"Canary spec autoscalerRef primaryScalerQueries",
	"Canary spec service canary labels",
	"Canary spec service headers request add",
	"Canary spec service headers request set",
	"Canary spec service headers response add",
	"Canary spec service headers response set",
	"Canary spec service primary labels",
	"Canary spec service apex annotations",
	"Canary spec service canary annotations",
	"Canary spec service primary annotations",
	"Deployment spec template spec containers livenessProbe",
	"Deployment spec template spec containers readinessProbe",
	"Deployment spec template spec containers resources",
	"Deployment spec template spec containers securityContext",
	"HelmRelease spec chart metadata annotations",
	"HelmRelease spec chart metadata labels",
	"HelmRelease spec commonMetadata annotations",
	"HelmRelease spec commonMetadata labels",
	"HelmRelease spec values",
	"HelmRepository spec accessFrom namespaceSelectors matchLabels",
	"Kustomization spec commonMetadata annotations",
	"Kustomization spec commonMetadata labels",
	"Kustomization spec postBuild substitute",
	"Mesh metadata annotations",
	"Mesh metadata labels",
	"Mesh spec metrics",
	"Mesh spec mtls",
	"Namespace metadata labels",
	"Service metadata annotations",
}

// TestOutputSchemasAreClosed changes every field of every object, and checks that unknown fields and
// values of another type are rejected.
func TestOutputSchemasAreClosed(t *testing.T) {
	kinds := map[string]bool{}
	used := map[string]bool{}
	for _, object := range renderedObjects(t) {
		kind := object["kind"].(string)
		if object["apiVersion"] == "kustomize.config.k8s.io/v1beta1" {
			kind = "kustomization.yaml"
		}
		kinds[kind] = true
		if errs := checkOutput(object); len(errs) > 0 {
			t.Errorf("%s is rejected unchanged: %v", kind, errs)
			continue
		}
		for _, m := range mutations(object, []string{kind}) {
			open := slices.IndexFunc(openFields, func(f string) bool {
				return m.path == f && m.added || strings.HasPrefix(m.path, f+" ")
			})
			if open >= 0 {
				used[openFields[open]] = true
				continue
			}
			undo := m.apply()
			if len(checkOutput(object)) == 0 {
				t.Errorf("%s: %s is accepted", m.path, m.what)
			}
			undo()
		}
	}
	if len(kinds) != 19 {
		t.Errorf("only these kinds were rendered: %q", slices.Sorted(keys(kinds)))
	}
	for _, f := range openFields {
		if !used[f] {
			t.Errorf("no object has %s", f)
		}
	}
}

// renderedObjects returns all objects of the examples, and of inputs that set the remaining fields.
func renderedObjects(t *testing.T) (all []map[string]any) {
	t.Helper()
	seen := map[string]bool{}
	add := func(tree *render.Tree) {
		for name, content := range contents(tree) {
			if path.Ext(name) != ".yaml" {
				continue
			}
			for _, document := range strings.Split(string(content), "\n---\n") {
				if seen[document] {
					continue
				}
				seen[document] = true
				all = append(all, unmarshal(t, document))
			}
		}
	}
	for _, dir := range examples(t) {
		add(compile(t, example(t, dir)...))
	}
	add(compile(t, append(example(t, seed), schema.File{Name: "mesh.yaml", Data: []byte(`
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata: {name: default, labels: {a: b}}
spec:
  mtls: {enabledBackend: ca, backends: [{name: ca, type: builtin}]}
`)})...))
	add(compile(t, kumaFiles(t, gatewayKuma+"config: {chart: {version: 3.0.0}}\n", []string{ownMetric})...))
	add(compile(t, worldAnd(everyField, newestFlux)...))
	add(compile(t, everyHelmField, newestFlux))
	add(compile(t, everyOCIField, newestFlux))
	add(compile(t, append(everyRolloutField, alertProviders)...))
	return all
}

func checkOutput(object map[string]any) []output.Error {
	data, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	var form output.Form
	if at(object, "spec maxHistory") != nil {
		form = output.Policy
	}
	return output.Check([]output.Object{{
		APIVersion: object["apiVersion"].(string), Kind: object["kind"].(string), Name: "object", Value: json.RawMessage(data), Form: form,
	}})
}

// A mutation changes one value of an object.
type mutation struct {
	path, what string
	// added reports whether a field is added at the path.
	added bool
	apply func() (undo func())
}

func mutations(value any, at []string) (all []mutation) {
	name := strings.Join(at, " ")
	replace := func(path string, old any, set func(any)) {
		var wrong any = map[string]any{"a": "b"}
		switch old.(type) {
		case map[string]any, []any:
			wrong = "text"
		}
		for _, other := range []any{wrong, nil} {
			all = append(all, mutation{path, fmt.Sprintf("%v instead of %v", other, old), false, func() func() {
				set(other)
				return func() { set(old) }
			}})
		}
	}
	switch v := value.(type) {
	case map[string]any:
		all = append(all, mutation{name, "an unknown field", true, func() func() {
			v["unknownField"] = "x"
			return func() { delete(v, "unknownField") }
		}})
		for key, old := range v {
			if len(at) == 1 && (key == "apiVersion" || key == "kind") {
				continue // they select its schema
			}
			replace(name+" "+key, old, func(other any) { v[key] = other })
			all = append(all, mutations(old, append(slices.Clone(at), key))...)
		}
	case []any:
		for i, old := range v {
			replace(name, old, func(other any) { v[i] = other })
			all = append(all, mutations(old, at)...)
		}
	}
	return all
}
