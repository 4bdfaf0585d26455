package growth

import (
	"fmt"
	"io"
	"runtime/debug"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/excerpt"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// cost returns the bytes allocated for loading, compiling and printing an input.
func cost(files []schema.File) (cost [3]uint64) {
	// A garbage collection makes documents unpack their nodes again, so the number of collections matters.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var docs schema.Documents
	var list diag.List
	cost[0] = Allocated(func() { docs = schema.Load(files) })
	cost[1] = Allocated(func() { _, list = render.Compile(docs, render.Options{}) })
	texts := map[string][]byte{}
	for _, f := range files {
		texts[f.Name] = f.Data
	}
	options := diag.FormatOptions{Excerpt: excerpt.From(texts)}
	cost[2] = Allocated(func() {
		for _, name := range diag.Formats.Names() {
			format, _ := diag.Formats.Get(name)
			if err := format(io.Discard, list, options); err != nil {
				panic(err)
			}
		}
	})
	return cost
}

// attempts is the number of measurements before a growth counts. The contents of pools vary from run to run,
// and the race detector empties them at random, which once turned a growth of 4 into 5.2. Quadratic growth
// shows in every run.
const attempts = 5

func TestAllocationsGrowAsInputsDo(t *testing.T) {
	for _, kind := range Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			cost(kind.Make(kind.Step)) // allocated once
			found := excess(kind)
			for attempt := 1; attempt < attempts && len(found) > 0; attempt++ {
				found = excess(kind)
			}
			for _, what := range found {
				t.Error(what)
			}
		})
	}
}

// excess measures a kind at two sizes, and describes the costs that grow too fast.
func excess(kind Kind) []string {
	const little = 4 << 20
	before, after := cost(kind.Make(kind.Step)), cost(kind.Make(Factor*kind.Step))
	var found []string
	for i, what := range []string{"loading", "compiling", "printing"} {
		if Exceeds(before[i], after[i], little) {
			found = append(found, fmt.Sprintf("%s allocates %d bytes for %d and %d for %d", what, before[i], kind.Step, after[i], Factor*kind.Step))
		}
	}
	return found
}
