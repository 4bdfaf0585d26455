package render_test

import (
	"fmt"
	"os"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// Compile an Application and the Fleet that it names, and walk the files of each cluster.
func ExampleCompile() {
	var files []schema.File
	for _, name := range []string{"../examples/kuma-rollout/application.yaml", "../examples/kuma-rollout/fleet.yaml"} {
		data, err := os.ReadFile(name)
		if err != nil {
			fmt.Println(err)
			return
		}
		files = append(files, schema.File{Name: name, Data: data})
	}
	tree, diagnostics := render.Compile(schema.Load(files), render.Options{Path: "clusters"})
	for _, d := range diagnostics {
		if d.Severity == schema.Error {
			fmt.Println(d.Position, d.Code, d.Message)
		}
	}
	if tree == nil {
		return
	}
	for _, cluster := range tree.Clusters {
		for file := range cluster.Files() {
			for _, o := range file.Objects() {
				if o.Kind == "Canary" {
					fmt.Println(cluster.Name, file.Path, o)
				}
			}
		}
	}
	// Output:
	// kurator-member1 rollouts/default.rollout-kuma-demo/canary-backend.yaml Canary webapp/backend
	// kurator-member2 rollouts/default.rollout-kuma-demo/canary-backend.yaml Canary webapp/backend
}
