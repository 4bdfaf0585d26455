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

// runsDir holds the recorded runs of Flagger, and goldenDir the rendered examples.
const (
	runsDir   = "../internal/flagger/testdata/runs"
	goldenDir = "../testdata/golden"
)

// flaggers are the programs of the recorded versions.
var flaggers = map[string]tools.Tool{"1.36": tools.OldFlagger, "1.44": tools.Flagger}

// TestPlan runs every scenario of every case with Flagger. The result must match the record and the
// simulation in package flagger. UPDATE=1 updates the record. The test does not run in parallel with others:
// on a busy machine it cannot distinguish ticks.
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
						t.Errorf("Flagger's run is\n%sthe run recorded with UPDATE=1 is\n%s", is.text, recorded)
					}
					if simulated := flaggertest.Format(&c.Canary, c.Canary.Run(flaggertest.Versions[version], s.Scenario)); is.text != simulated {
						t.Errorf("Flagger's run is\n%sthe simulated run is\n%s", is.text, simulated)
					}
				})
			}
		}
	}
}

// casesOf returns the cases. When they are recorded again, the cases of examples are rendered again, too.
func casesOf(t *testing.T) []flaggertest.Case {
	t.Helper()
	cases, err := flaggertest.Load(runsDir)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE") == "" {
		return cases // a test of package flagger compares them with the examples
	}
	rendered, err := flaggertest.Examples(goldenDir)
	if err != nil {
		t.Fatal(err)
	}
	cases = slices.DeleteFunc(cases, func(c flaggertest.Case) bool { return c.IsExample() })
	return append(cases, rendered...)
}

// update records the observed runs.
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
		if !written[c.Name] { // the example no longer exists
			if err := os.Remove(filepath.Join(runsDir, c.Name+".txtar")); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func scenarios(c flaggertest.Case, version string) []flaggertest.Scenario {
	return flaggertest.Scenarios(flagger.New(c.Canary, flaggertest.Versions[version]))
}

// An observation is the text of an observed run of Flagger, or the reason why there is none.
type observation struct {
	text string
	err  error
}

// A track is a series of scenarios of a case for one Canary.
type track struct {
	// name is the name of the namespace and of its objects.
	name      string
	scenarios []flaggertest.Scenario
	rollout   *rollout
}

// trackLength is the approximate maximum of ticks in a track. The whole test takes about five minutes.
const trackLength = 24

// tracks returns the tracks of all cases. A scenario that never ends is the last one of its track.
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

// observe runs all scenarios of all cases with one Flagger.
func observe(t *testing.T, version string, tool tools.Tool, cases []flaggertest.Case) map[string]observation {
	t.Helper()
	tracks := tracks(version, cases)
	cluster := startPlanCluster(t, version, tool, tracks)
	all := map[string]observation{}
	var mutex sync.Mutex
	var running sync.WaitGroup
	for i, track := range tracks {
		running.Go(func() {
			// Spread the starts: Flagger checks each Canary when it is created, and at every interval from
			// then on.
			time.Sleep(time.Duration(i) * flagger.ShortestInterval / time.Duration(len(tracks)))
			seen := track.run(t.Context(), cluster, flaggertest.Versions[version])
			mutex.Lock()
			defer mutex.Unlock()
			maps.Copy(all, seen)
		})
	}
	running.Wait()
	t.Logf("Flagger checked %d Canaries, each within %s", len(tracks), cluster.busy)
	return all
}

// run runs the scenarios in order.
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
				err = fmt.Errorf("the previous scenario %s has not ended", s.Name)
			}
		}
		seen[r.c.Name+"/"+s.Name] = is
	}
	r.end(ctx, cluster)
	return seen
}
