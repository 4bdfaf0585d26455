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

// TestSeedDecides: a refusal that a run has found is found again.
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
		t.Error("the same seed makes other mutants")
	}
	if reflect.DeepEqual(once, other) {
		t.Error("another seed makes the same mutants")
	}
}

// TestFieldsAreOfTheSchemas: fields of lists, of maps and of objects in them are found, those
// that are ignored are not, and all of a document's kind are changed.
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
			t.Errorf("that %s is a field is %t", field, has)
		}
	}
	for range 6_000 {
		m.Accept(m.Next())
	}
	for _, f := range m.Uncovered() {
		if strings.HasPrefix(f, "Application ") {
			t.Errorf("%s is not changed", f)
		}
	}
	original := New(1, sample).Samples()[0]
	if !reflect.DeepEqual(original.Documents, sample["sample"]) {
		t.Error("a sample is changed")
	}
}
