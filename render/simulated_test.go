package render

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema"
)

// TestSimulatedIsWhatParseReads: the Canary that a rollout's rules simulate is the one
// that is written.
func TestSimulatedIsWhatParseReads(t *testing.T) {
	dirs, err := filepath.Glob("../examples/*")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[flagger.Strategy]bool{}
	for _, dir := range dirs {
		var files []schema.File
		names, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, schema.File{Name: name, Data: data})
		}
		c, _, _ := compile(schema.Load(files), Options{})
		for _, a := range c.apps {
			for _, p := range a.policies {
				for _, r := range p.rollouts {
					if r == nil {
						continue
					}
					_, spec := r.canaryObject()
					text, err := json.Marshal(spec)
					if err != nil {
						t.Fatal(err)
					}
					want, err := flagger.Parse(text)
					if err != nil {
						t.Fatal(err)
					}
					got := spec.simulated()
					seen[got.Analysis.Strategy()] = true
					if len(got.Analysis.Match) != len(want.Analysis.Match) {
						t.Errorf("%s: %d conditions, want %d", dir, len(got.Analysis.Match), len(want.Analysis.Match))
					}
					got.Analysis.Match, want.Analysis.Match = nil, nil
					if !reflect.DeepEqual(got, want) {
						t.Errorf("%s: it is\n%+v, want\n%+v", dir, got, want)
					}
				}
			}
		}
	}
	if got := (&canarySpec{Service: canaryService{AppProtocol: "tcp"}}).simulated(); got.Service.AppProtocol != "tcp" {
		t.Errorf("a Service of connections is of %q", got.Service.AppProtocol)
	}
	if len(seen) != 3 {
		t.Errorf("there are examples of %v alone", seen)
	}
}
