package flagger

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzNew checks that every readable Canary has a plan whose runs end or are marked as endless, and whose
// shares are between 0 and 100 %.
func FuzzNew(f *testing.F) {
	names, err := filepath.Glob("testdata/runs/*.txtar")
	if err != nil || len(names) == 0 {
		f.Fatal("there are no cases to begin with", err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data, 44)
	}
	f.Fuzz(func(t *testing.T, spec []byte, minor int) {
		var c Canary
		if json.Unmarshal(spec, &c) != nil {
			return
		}
		p := New(c, Version{minor})
		for _, r := range []*Run{&p.Good, p.First, p.Last, p.PreRollout} {
			if r == nil {
				continue
			}
			if len(r.Ticks) == 0 || len(r.Ticks) > MaxTicks || r.Outcome == "" || r.Duration() < 0 || r.Exposure() < 0 || r.Peak() > 100 {
				t.Errorf("%s after %d ticks and %s, with %d%% of the traffic", r.Outcome, len(r.Ticks), r.Duration(), r.Peak())
			}
			for _, tick := range r.Ticks {
				if tick.Canary < 0 || tick.Canary > 100 {
					t.Fatalf("a share of %+v", tick)
				}
			}
		}
		for _, g := range p.Gates {
			if g.Least < 0 || g.Most < g.Least || g.Asked == 0 {
				t.Errorf("a gate of %+v", g)
			}
		}
	})
}
