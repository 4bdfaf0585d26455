package mutant

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

var sample = map[string][]Document{"sample": {{
	"apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "metadata": map[string]any{"name": "a"},
	"spec": map[string]any{
		"source":       map[string]any{"gitRepository": map[string]any{"url": "https://a.example", "interval": "1m"}},
		"syncPolicies": []any{map[string]any{"name": "p", "kustomization": map[string]any{"interval": "1m", "prune": true}}},
	},
}}}

// TestSeedDecides checks that a run can be repeated with its seed.
func TestSeedDecides(t *testing.T) {
	made := func(seed uint64) (all []Mutant) {
		m := New(seed, sample)
		for i := range 200 {
			next := m.Next()
			if i%3 == 0 {
				m.Accept(next)
			}
			next.Base = nil
			all = append(all, next)
		}
		return all
	}
	once, again, other := made(1), made(1), made(2)
	if !reflect.DeepEqual(once, again) {
		t.Error("the same seed gives different mutants")
	}
	if reflect.DeepEqual(once, other) {
		t.Error("another seed gives the same mutants")
	}
}

// TestFieldsAreOfTheSchemas checks that the fields of lists, maps and nested objects are found, that ignored
// fields are not, and that every field of a document's kind gets changed.
func TestFieldsAreOfTheSchemas(t *testing.T) {
	m := New(1, sample)
	for field, want := range map[string]bool{
		"Application spec.source.gitRepository.url":                                                    true,
		"Application spec.syncPolicies[].kustomization.components[]":                                   true,
		"Application spec.syncPolicies[].rollout.primary.labels.*":                                     true,
		"Application spec.syncPolicies[].rollout.rolloutPolicy.trafficRouting.match[].headers.*.exact": true,
		"Mesh spec.mtls.enabledBackend":                                                                true,
		"Application metadata.uid":                                                                     false,
		"Application kind":                                                                             false,
	} {
		if has := slices.Contains(m.Fields(), field); has != want {
			t.Errorf("%s is a field: %t", field, has)
		}
	}
	for range 6_000 {
		m.Accept(m.Next())
	}
	for _, f := range m.Uncovered() {
		if strings.HasPrefix(f, "Application ") {
			t.Errorf("no mutant changes %s", f)
		}
	}
	original := New(1, sample).Samples()[0]
	if !reflect.DeepEqual(original.Documents, sample["sample"]) {
		t.Error("a sample was modified")
	}
}
