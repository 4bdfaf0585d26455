package conformance

import (
	"testing"

	"github.com/fleetwright/fleetwright/conformance/internal/tools"
)

// TestTools builds the programs before the tests that run in parallel start them.
func TestTools(t *testing.T) {
	for _, tool := range []tools.Tool{tools.Etcd, tools.APIServer, tools.KustomizeController, tools.Flagger, tools.OldFlagger, tools.Kustomize, tools.Kpt, tools.Helm, tools.OldHelm} {
		if _, err := tools.Build(toolsDir, tool); err != nil {
			t.Fatal(err)
		}
	}
}
