// Package flaggertest holds recorded runs of Canaries with the real Flagger: conformance records them, and
// the tests of package flagger compare with them.
//
// A case is a txtar file. Its canary.json is the spec of a Canary, as package flagger reads it, and each
// other file is a run, named after the version of Flagger and the scenario: 1.44/good.
package flaggertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/flagger"
)

// Versions holds the versions of Flagger with recorded runs, by their names in files.
var Versions = map[string]flagger.Version{"1.36": {Minor: 36}, "1.44": {Minor: 44}}

// A Case is a Canary with its recorded runs.
type Case struct {
	// Name is the name of the case, and of its file without the extension.
	Name string
	// Spec is the spec of the Canary as JSON, and Canary is the same, decoded.
	Spec   []byte
	Canary flagger.Canary
	// Runs holds the texts of recorded runs, by version and scenario: 1.44/good.
	Runs map[string]string
}

// withoutRequests is the suffix of cases whose metrics never have a value.
const withoutRequests = "-without-requests"

const specFile = "canary.json"

// Load reads the cases in a directory, sorted by name.
func Load(dir string) ([]Case, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return nil, err
	}
	var all []Case
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			return nil, err
		}
		c := Case{Name: strings.TrimSuffix(filepath.Base(name), ".txtar"), Runs: map[string]string{}}
		for _, f := range archive.Files {
			if f.Name == specFile {
				c.Spec = f.Data
			} else {
				c.Runs[f.Name] = string(f.Data)
			}
		}
		if err := json.Unmarshal(c.Spec, &c.Canary); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if strings.HasSuffix(c.Name, withoutRequests) {
			for i := range c.Canary.Analysis.Metrics {
				c.Canary.Unmeasured = append(c.Canary.Unmeasured, i)
			}
		}
		all = append(all, c)
	}
	return all, nil
}

// Write writes the case into a directory, with its runs in the order of versions and scenarios.
func (c *Case) Write(dir string) error {
	archive := &txtar.Archive{Files: []txtar.File{{Name: specFile, Data: c.Spec}}}
	for _, version := range []string{"1.36", "1.44"} {
		for _, s := range Scenarios(flagger.New(c.Canary, Versions[version])) {
			if text, ok := c.Runs[version+"/"+s.Name]; ok {
				archive.Files = append(archive.Files, txtar.File{Name: version + "/" + s.Name, Data: []byte(text)})
			}
		}
	}
	return os.WriteFile(filepath.Join(dir, c.Name+".txtar"), txtar.Format(archive), 0o666)
}

// exampleInterval is the shortened interval of the examples, which saves time with the real Flagger.
const exampleInterval = "10s"

const examplePrefix = "example-"

// IsExample reports whether the case is a Canary of an example.
func (c *Case) IsExample() bool { return strings.HasPrefix(c.Name, examplePrefix) }

// Examples returns the cases of the golden trees of the examples, sorted by name and without runs:
// example-<example> for the first Canary of an example, and example-<example>-<canary> for each other. If a
// Canary differs on some clusters, the name of the first of these is appended.
func Examples(golden string) ([]Case, error) {
	cases, first := map[string]Case{}, map[string]string{}
	err := fs.WalkDir(os.DirFS(golden), ".", func(path string, _ fs.DirEntry, err error) error {
		canary, ok := strings.CutPrefix(filepath.Base(path), "canary-")
		if err != nil || !ok {
			return err
		}
		canary = strings.TrimSuffix(canary, ".yaml")
		example, _, _ := strings.Cut(path, "/")
		c := Case{Name: examplePrefix + example, Runs: map[string]string{}}
		if first[example] == "" {
			first[example] = canary
		}
		if first[example] != canary {
			c.Name += "-" + canary
		}
		if c.Spec, err = canarySpec(filepath.Join(golden, path)); err == nil {
			err = json.Unmarshal(c.Spec, &c.Canary)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for name, known := range cases {
			if isOfCanary := name == c.Name || strings.HasPrefix(name, c.Name+"-"); isOfCanary && bytes.Equal(known.Spec, c.Spec) {
				return nil // equal to another cluster's
			}
		}
		if _, ok := cases[c.Name]; ok {
			cluster, _, _ := strings.Cut(strings.TrimPrefix(path, example+"/"), "/")
			c.Name += "-" + cluster
		}
		cases[c.Name] = c
		return nil
	})
	return slices.SortedFunc(maps.Values(cases), func(a, b Case) int { return strings.Compare(a.Name, b.Name) }), err
}

// canarySpec returns the spec of the Canary in a file, with the interval for examples.
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

// A Scenario is a named scenario of a plan.
type Scenario struct {
	Name string
	flagger.Scenario
}

// Scenarios returns the scenarios of a plan in order: good, first, last, pre-rollout, and for each of its
// gates up to three that close it: once, twice, or at the last call. It returns none if the version of Flagger
// lacks the provider's router.
func Scenarios(p *flagger.Plan) []Scenario {
	if p.Canary.Router().Since > p.Version.Minor {
		return nil
	}
	all := []Scenario{{"good", flagger.Scenario{}}}
	if p.First != nil {
		all = append(all, Scenario{"first", flagger.Scenario{FailFrom: 1}})
	}
	if p.Last != nil {
		all = append(all, Scenario{"last", flagger.Scenario{FailFrom: p.Good.Checks}})
	}
	if p.PreRollout != nil {
		all = append(all, Scenario{"pre-rollout", flagger.Scenario{FailPreRollout: true}})
	}
	for _, g := range p.Gates {
		all = append(all,
			Scenario{"refused-" + g.Type, flagger.Scenario{Gate: g.Type, Refusals: 1}},
			Scenario{"refused-" + g.Type + "-twice", flagger.Scenario{Gate: g.Type, Refusals: 2}})
		if asks := g.Asked * len(g.Webhooks); asks > 1 {
			all = append(all, Scenario{"refused-" + g.Type + "-at-last", flagger.Scenario{Gate: g.Type, Passes: asks - 1, Refusals: 1}})
		}
	}
	return all
}

// Format returns the text of a run: a line for each tick, with the number of the tick, the phase,
// status.canaryWeight, status.failedChecks, status.iterations and the share of the traffic; then the outcome,
// and the numbers of calls of each webhook and queries of each metric.
func Format(c *flagger.Canary, r flagger.Run) string {
	var b strings.Builder
	b.WriteString("tick phase weight failed iterations traffic\n")
	for i, t := range r.Ticks {
		fmt.Fprintf(&b, "%d %s %d %d %d %d", i, t.Phase, t.Weight, t.FailedChecks, t.Iterations, t.Route.Canary)
		if t.Mirrored {
			b.WriteString(" mirrored")
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s\n", r.Outcome)
	if r.Outcome == flagger.Endless {
		return b.String() // endless calls are not counted
	}
	for i, w := range c.Analysis.Webhooks {
		fmt.Fprintf(&b, "webhook %s: %d\n", w.Name, r.Calls[i])
	}
	for i, m := range c.Analysis.Metrics {
		fmt.Fprintf(&b, "metric %s: %d\n", m.Name, r.Queries[i])
	}
	return b.String()
}
