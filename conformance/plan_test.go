package conformance

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fleetwright/fleetwright/conformance/internal/tools"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/flagger/flaggertest"
)

// runsDir is where what Flagger did is recorded, and goldenDir has what it is to do, too.
const (
	runsDir   = "../internal/flagger/testdata/runs"
	goldenDir = "../testdata/golden"
)

// flaggers are the programs of the versions that runs are recorded of.
var flaggers = map[string]tools.Tool{"1.36": tools.OldFlagger, "1.44": tools.Flagger}

// TestPlan has Flagger go through every scenario of every case: what it does is what is
// recorded, and what package flagger simulates. UPDATE=1 records it. It runs beside no
// other test: on a machine that is too busy it cannot tell one tick from the next.
func TestPlan(t *testing.T) {
	scheduled(t, "every version through hundreds of rollouts")
	cases := casesOf(t)
	observed := map[string]map[string]observation{}
	t.Run("observe", func(t *testing.T) {
		var mutex sync.Mutex
		for version, tool := range flaggers {
			t.Run(version, func(t *testing.T) {
				t.Parallel()
				all := observe(t, version, tool, cases)
				mutex.Lock()
				defer mutex.Unlock()
				observed[version] = all
			})
		}
	})
	if os.Getenv("UPDATE") != "" && !t.Failed() {
		update(t, cases, observed)
	}
	for version := range flaggers {
		for _, c := range cases {
			for _, s := range scenarios(c, version) {
				t.Run(version+"/"+c.Name+"/"+s.Name, func(t *testing.T) {
					record(t, "4. Flagger "+version+": a rollout goes as a plan says")
					is := observed[version][c.Name+"/"+s.Name]
					if is.err != nil {
						t.Fatal(is.err)
					}
					if recorded := c.Runs[version+"/"+s.Name]; is.text != recorded {
						t.Errorf("Flagger does\n%swhere UPDATE=1 has recorded\n%s", is.text, recorded)
					}
					if simulated := flaggertest.Format(&c.Canary, c.Canary.Run(flaggertest.Versions[version], s.Scenario)); is.text != simulated {
						t.Errorf("Flagger does\n%swhere the simulation does\n%s", is.text, simulated)
					}
				})
			}
		}
	}
}

// casesOf are the cases. Where they are recorded anew, those of examples are what these
// render now.
func casesOf(t *testing.T) []flaggertest.Case {
	t.Helper()
	cases, err := flaggertest.Load(runsDir)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE") == "" {
		return cases // package flagger tests that they are those of the examples
	}
	rendered, err := flaggertest.Examples(goldenDir)
	if err != nil {
		t.Fatal(err)
	}
	cases = slices.DeleteFunc(cases, func(c flaggertest.Case) bool { return c.IsExample() })
	return append(cases, rendered...)
}

// update records what was observed.
func update(t *testing.T, cases []flaggertest.Case, observed map[string]map[string]observation) {
	t.Helper()
	written := map[string]bool{}
	for i := range cases {
		c := &cases[i]
		clear(c.Runs)
		for version := range flaggers {
			for _, s := range scenarios(*c, version) {
				if is := observed[version][c.Name+"/"+s.Name]; is.err == nil {
					c.Runs[version+"/"+s.Name] = is.text
				}
			}
		}
		if err := c.Write(runsDir); err != nil {
			t.Fatal(err)
		}
		written[c.Name] = true
	}
	recorded, err := flaggertest.Load(runsDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range recorded {
		if !written[c.Name] { // an example that is gone
			if err := os.Remove(filepath.Join(runsDir, c.Name+".txtar")); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func scenarios(c flaggertest.Case, version string) []flaggertest.Scenario {
	return flaggertest.Scenarios(flagger.New(c.Canary, flaggertest.Versions[version]))
}

// An observation is the text of what Flagger was seen to do, or why that is not known.
type observation struct {
	text string
	err  error
}

// A track is scenarios of a case that one Canary goes through, one after the other.
type track struct {
	// name of the namespace, and of all that is in it.
	name      string
	scenarios []flaggertest.Scenario
	rollout   *rollout
}

// trackLength is about how many ticks a track has at the most: so the whole takes some
// five minutes.
const trackLength = 24

// tracks are those of all cases. One whose scenario never ends has no other after it.
func tracks(version string, cases []flaggertest.Case) (all []*track) {
	v := flaggertest.Versions[version]
	for i := range cases {
		c := &cases[i]
		var current *track
		length := 0
		for _, s := range scenarios(*c, version) {
			run := c.Canary.Run(v, s.Scenario)
			if current == nil || length+len(run.Ticks) > trackLength {
				current, length = &track{name: fmt.Sprintf("plan-%03d", len(all))}, 0
				current.rollout = newRollout(current.name, c)
				all = append(all, current)
			}
			current.scenarios = append(current.scenarios, s)
			if length += len(run.Ticks) + 1; run.Outcome == flagger.Endless {
				current = nil
			}
		}
	}
	return all
}

// observe has one Flagger go through all scenarios of all cases.
func observe(t *testing.T, version string, tool tools.Tool, cases []flaggertest.Case) map[string]observation {
	t.Helper()
	tracks := tracks(version, cases)
	cluster := startPlanCluster(t, version, tool, tracks)
	all := map[string]observation{}
	var mutex sync.Mutex
	var running sync.WaitGroup
	for i, track := range tracks {
		running.Go(func() {
			// Not all at once: Flagger looks at each when it was made, and every interval
			// from then on.
			time.Sleep(time.Duration(i) * flagger.ShortestInterval / time.Duration(len(tracks)))
			seen := track.run(t.Context(), cluster, flaggertest.Versions[version])
			mutex.Lock()
			defer mutex.Unlock()
			maps.Copy(all, seen)
		})
	}
	running.Wait()
	t.Logf("Flagger has looked at %d Canaries, and took %s at the most", len(tracks), cluster.busy)
	return all
}

// run goes through the scenarios.
func (tr *track) run(ctx context.Context, cluster *planCluster, version flagger.Version) map[string]observation {
	seen := map[string]observation{}
	r := tr.rollout
	err := r.start(ctx, cluster)
	for _, s := range tr.scenarios {
		var run flagger.Run
		if err == nil {
			run, err = r.observe(ctx, cluster, s.Scenario, len(r.c.Canary.Run(version, s.Scenario).Ticks))
		}
		is := observation{err: err}
		if err == nil {
			is.text = flaggertest.Format(&r.c.Canary, run)
			if run.Outcome != flagger.Promoted && run.Outcome != flagger.RolledBack {
				err = fmt.Errorf("%s, before it, has not come to an end", s.Name)
			}
		}
		seen[r.c.Name+"/"+s.Name] = is
	}
	r.end(ctx, cluster)
	return seen
}
