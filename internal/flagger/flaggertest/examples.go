package flaggertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// exampleInterval is what the intervals of the examples are shortened to, so that the
// real Flagger's time is not wasted.
const exampleInterval = "10s"

const examplePrefix = "example-"

// IsExample reports whether the case is a Canary that an example renders.
func (c *Case) IsExample() bool { return strings.HasPrefix(c.Name, examplePrefix) }

// Examples are the cases of what a directory of examples renders, sorted by name and
// without runs: example-<example>, and where it has several Canaries
// example-<example>-<canary>.
func Examples(dir string) ([]Case, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*/application.yaml"))
	if err != nil {
		return nil, err
	}
	var all []Case
	for _, name := range names {
		example := filepath.Dir(name)
		specs, err := canarySpecs(example)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", example, err)
		}
		for canary, spec := range specs {
			c := Case{Name: examplePrefix + filepath.Base(example), Spec: spec, Runs: map[string]string{}}
			if len(specs) > 1 {
				c.Name += "-" + canary
			}
			if c.Canary, err = flagger.Parse(spec); err != nil {
				return nil, fmt.Errorf("%s: %w", example, err)
			}
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b Case) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// canarySpecs are the specs of the Canaries of an example, by their names. They must be
// the same on all clusters.
func canarySpecs(example string) (map[string]json.RawMessage, error) {
	files, err := inputs.Read([]string{example}, nil)
	if err != nil {
		return nil, err
	}
	tree, list := render.Compile(schema.Load(files), render.Options{})
	if tree == nil {
		return nil, fmt.Errorf("it does not compile: %v", list)
	}
	specs := map[string]json.RawMessage{}
	for _, cluster := range tree.Clusters {
		for f := range cluster.Files() {
			var o struct {
				Kind     string
				Metadata struct{ Name string }
				Spec     map[string]any
			}
			if err := yaml.Unmarshal(f.Content, &o); err != nil {
				return nil, fmt.Errorf("%s: %w", f.Path, err)
			}
			if o.Kind != "Canary" {
				continue
			}
			o.Spec["analysis"].(map[string]any)["interval"] = exampleInterval
			spec, err := json.MarshalIndent(o.Spec, "", "  ")
			if err != nil {
				return nil, err
			}
			spec = append(spec, '\n')
			if other, ok := specs[o.Metadata.Name]; ok && !bytes.Equal(other, spec) {
				return nil, fmt.Errorf("the Canary %s of %s is another than before", o.Metadata.Name, cluster.Name)
			}
			specs[o.Metadata.Name] = spec
		}
	}
	return specs, nil
}
