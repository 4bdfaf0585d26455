package schema_test

import (
	"testing"

	"github.com/fleetwright/fleetwright/internal/fleetgen"
	"github.com/fleetwright/fleetwright/schema"
)

// TestCUEAgreesAboutFleets that are generated: both take all of them.
func TestCUEAgreesAboutFleets(t *testing.T) {
	files, err := fleetgen.Files(fleetgen.Size{Applications: 60, Clusters: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !schema.CompareWithCUE(t, f) {
			t.Errorf("%s is refused", f.Name)
		}
	}
}
