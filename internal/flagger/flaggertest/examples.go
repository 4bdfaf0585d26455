package flaggertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// exampleInterval is what the intervals of the examples are shortened to, so that the
// real Flagger's time is not wasted.
const exampleInterval = "10s"

const examplePrefix = "example-"

// IsExample reports whether the case is a Canary that an example renders.
func (c *Case) IsExample() bool { return strings.HasPrefix(c.Name, examplePrefix) }

// Examples returns the cases of the golden trees of the examples, sorted by name and
// without runs: example-<example>. The Canary of an example is the same on all clusters.
func Examples(golden string) (all []Case, err error) {
	err = fs.WalkDir(os.DirFS(golden), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasPrefix(filepath.Base(path), "canary-") {
			return err
		}
		example, _, _ := strings.Cut(path, "/")
		c := Case{Name: examplePrefix + example, Runs: map[string]string{}}
		if c.Spec, err = canarySpec(filepath.Join(golden, path)); err == nil {
			err = json.Unmarshal(c.Spec, &c.Canary)
		}
		switch last := len(all) - 1; {
		case err != nil:
			return fmt.Errorf("%s: %w", path, err)
		case last < 0 || all[last].Name != c.Name:
			all = append(all, c)
		case !bytes.Equal(all[last].Spec, c.Spec):
			return fmt.Errorf("%s is another Canary than before", path)
		}
		return nil
	})
	return all, err
}

// canarySpec returns the spec of the Canary in a file, with the interval of examples.
func canarySpec(name string) ([]byte, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var canary struct{ Spec map[string]any }
	if err := yaml.Unmarshal(content, &canary); err != nil {
		return nil, err
	}
	canary.Spec["analysis"].(map[string]any)["interval"] = exampleInterval
	spec, err := json.MarshalIndent(canary.Spec, "", "  ")
	return append(spec, '\n'), err
}
