package schema

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// TestATextFitsIntoAnObject: what an API server cannot store is not rendered.
func TestATextFitsIntoAnObject(t *testing.T) {
	for size, want := range map[int]bool{maxScalar: false, maxScalar + 1: true} {
		data := fmt.Sprintf("{apiVersion: apps.kurator.dev/v1alpha1, kind: Application, metadata: {name: a}, spec: {source: {gitRepository: {url: https://example.com/a, interval: 5m, ignore: %s}}, syncPolicies: []}}", strings.Repeat("a", size))
		refused := false
		for _, d := range Load([]File{{Name: "a.yaml", Data: []byte(data)}}).Diagnostics {
			refused = refused || d.Code == diag.OutOfBounds && d.Path == "spec.source.gitRepository.ignore"
		}
		if refused != want {
			t.Errorf("a text of %d bytes is refused: %t", size, refused)
		}
	}
}
