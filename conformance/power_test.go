package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/fleetwright/fleetwright/conformance/internal/stub"
	"github.com/fleetwright/fleetwright/conformance/internal/tools"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/flagger/flaggertest"
	"github.com/fleetwright/fleetwright/internal/power/powertest"
)

// powerFile holds the cases of TestPower, with the recorded runs of Flagger.
const powerFile = "../internal/power/testdata/flagger.json"

// TestPower runs rollouts with Flagger whose checks see random requests. Each must run as package flagger
// simulates and end as recorded, and the share that is rolled back must match package power. UPDATE=1 records
// the ends. Like TestPlan, it does not run in parallel with other tests.
func TestPower(t *testing.T) {
	scheduled(t, "hundreds of rollouts")
	cases, err := powertest.Load(powerFile)
	if err != nil {
		t.Fatal(err)
	}
	observed := observeDrawn(t, cases)
	if os.Getenv("UPDATE") != "" && !t.Failed() {
		for i := range cases {
			cases[i].Record(observed[i])
		}
		if err := powertest.Write(powerFile, cases); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			record(t, "4. Flagger 1.44: as many versions are rolled back as is computed")
			is := c
			is.Record(observed[i])
			if is.Outcomes != c.Outcomes || is.Checks != c.Checks || is.RolledBack != c.RolledBack {
				t.Errorf("Flagger's runs are\n%s\n%s\nthe runs recorded with UPDATE=1 are\n%s\n%s", is.Outcomes, is.Checks, c.Outcomes, c.Checks)
			}
			chance, err := c.Chance()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d of %d versions are rolled back, want a share of %.4f", is.RolledBack, is.Rollouts, chance.Low)
			if !chance.IsExact() || !powertest.Within(is.RolledBack, is.Rollouts, chance.Low) {
				t.Errorf("%d of %d versions are rolled back, outside the 99.9%% interval of the computed probability %v", is.RolledBack, is.Rollouts, chance)
			}
		})
	}
}

// A drawnTrack is a series of rollouts of a case for one Canary.
type drawnTrack struct {
	*track
	of     *powertest.Case
	course *flagger.Course
	// first is the number of the first rollout in the case, and observed has an element for each rollout.
	first    int
	observed []powertest.Rollout

	mutex sync.Mutex
	// number is the number of the current rollout, and checks counts its checks with a query.
	number, checks int
}

// drawnLength is the maximum number of rollouts in a track.
const drawnLength = 3

// drawnTracks returns the tracks of a case, whose Canaries query a Prometheus at their own address. before is
// the number of earlier tracks, and observed has an element for each rollout.
func drawnTracks(c *powertest.Case, prometheus string, before int, observed []powertest.Rollout) (all []*drawnTrack, err error) {
	m, err := c.Model()
	if err != nil {
		return nil, err
	}
	var spec map[string]any
	if err := json.Unmarshal(c.Spec, &spec); err != nil {
		return nil, err
	}
	spec["metricsServer"] = prometheus
	data, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	planned := &flaggertest.Case{Name: c.Name, Spec: data, Canary: c.Canary}
	for places := range slices.Chunk(observed, drawnLength) {
		name := fmt.Sprintf("power-%03d", before+len(all))
		all = append(all, &drawnTrack{
			track: &track{name: name, rollout: newRollout(name, planned)},
			of:    c, course: m.Course, first: len(all) * drawnLength, observed: places,
		})
	}
	return all, nil
}

// observeDrawn runs all rollouts of all cases with one Flagger, and returns how they went, by case.
func observeDrawn(t *testing.T, cases []powertest.Case) (observed [][]powertest.Rollout) {
	t.Helper()
	player := drawnPrometheus{}
	address := stub.Play(t, player)
	var all []*drawnTrack
	var plain []*track
	for i := range cases {
		observed = append(observed, make([]powertest.Rollout, cases[i].Rollouts))
		own, err := drawnTracks(&cases[i], address, len(all), observed[i])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, own...)
	}
	for _, tr := range all {
		player[tr.name] = tr
		plain = append(plain, tr.track)
	}
	cluster := startPlanCluster(t, "1.44", tools.Flagger, plain)
	var running sync.WaitGroup
	for i, tr := range all {
		running.Go(func() {
			time.Sleep(time.Duration(i) * flagger.ShortestInterval / time.Duration(len(all))) // spread as in TestPlan
			if err := tr.run(t.Context(), cluster); err != nil {
				t.Errorf("%s, %s: %v", tr.of.Name, tr.name, err)
			}
		})
	}
	running.Wait()
	t.Logf("Flagger checked %d Canaries, each within %s", len(all), cluster.busy)
	return observed
}

// run runs the rollouts in order, and records each. A rollout that differs from its course is an error.
func (tr *drawnTrack) run(ctx context.Context, cluster *planCluster) error {
	r := tr.rollout
	if err := r.start(ctx, cluster); err != nil {
		return err
	}
	defer r.end(ctx, cluster)
	for i := range tr.observed {
		number := tr.first + i
		tr.begin(number)
		want := tr.of.Play(tr.course, number)
		run, err := r.observe(ctx, cluster, flagger.Scenario{}, len(want.Ticks))
		if err != nil {
			return fmt.Errorf("rollout %d: %w", number, err)
		}
		is := powertest.Rollout{Ticks: run.Ticks, Outcome: run.Outcome, Checks: tr.asked()}
		tr.observed[i] = is
		if is.Outcome != want.Outcome || is.Checks != want.Checks || !slices.Equal(is.Ticks, want.Ticks) {
			return fmt.Errorf("rollout %d: Flagger's run is\n%+v\nwant the course\n%+v", number, is, want)
		}
	}
	return nil
}

// begin begins a rollout. None of its checks has sent a query yet.
func (tr *drawnTrack) begin(number int) {
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	tr.number, tr.checks = number, 0
}

// asked returns how many checks of the rollout have sent a query.
func (tr *drawnTrack) asked() int {
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	return tr.checks
}

// answer returns the value of Prometheus for the next check. It depends on the router's current share for the
// new version, and on whether the rollout hooks were called before the check.
func (tr *drawnTrack) answer() string {
	calls, _ := tr.rollout.script.asked()
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	tr.checks++
	requests, bad := tr.of.Draw(powertest.Look{
		Rollout: tr.number, Check: tr.checks,
		Canary: tr.rollout.latest().Canary, Loaded: len(calls) > 0 && calls[0] > 1,
	})
	if requests == 0 && tr.checks == 1 {
		return "" // no series exists yet; later ones do not grow
	}
	return strconv.FormatFloat(powertest.SuccessRate(requests, bad), 'f', -1, 64)
}

// drawnPrometheus simulates Prometheus for tracks by name.
type drawnPrometheus map[string]*drawnTrack

var drawnName = regexp.MustCompile(`power-\d{3}`)

// Query answers the query for the only metric of a Canary.
func (p drawnPrometheus) Query(q stub.Query) string {
	if tr := p[drawnName.FindString(q.Text)]; tr != nil {
		return tr.answer()
	}
	return ""
}

// Call is never used: Flagger calls webhooks elsewhere.
func (drawnPrometheus) Call(stub.Webhook) bool { return false }
