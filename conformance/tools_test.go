package conformance

import (
	"testing"

	"github.com/fleetwright/fleetwright/conformance/internal/tools"
)

// TestTools builds the programs before parallel tests start them.
func TestTools(t *testing.T) {
	for _, tool := range few([]tools.Tool{tools.Etcd, tools.APIServer, tools.KustomizeController, tools.Flagger, tools.Kustomize, tools.Helm, tools.Registry, tools.Crane, tools.Kpt, tools.Cosign, tools.OldFlagger, tools.OldHelm}, 8) {
		if _, err := tools.Build(toolsDir, tool); err != nil {
			t.Fatal(err)
		}
	}
}
