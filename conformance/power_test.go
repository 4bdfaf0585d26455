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

// powerFile holds the cases of TestPower, and what Flagger was seen to do with them.
const powerFile = "../internal/power/testdata/flagger.json"

// TestPower has Flagger go through rollouts whose checks see requests that are drawn: each goes as package flagger says,
// and ends as is recorded, and as many are rolled back as package power computes. UPDATE=1 records how they end. As
// TestPlan, it runs beside no other test.
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
				t.Errorf("Flagger does\n%s\n%s\nwhere UPDATE=1 has recorded\n%s\n%s", is.Outcomes, is.Checks, c.Outcomes, c.Checks)
			}
			chance, err := c.Chance()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d of %d versions are rolled back, computed %.4f", is.RolledBack, is.Rollouts, chance.Low)
			if !chance.IsExact() || !powertest.Within(is.RolledBack, is.Rollouts, chance.Low) {
				t.Errorf("%d of %d versions are rolled back, which is not within the 99.9%% interval of the computed chance %v", is.RolledBack, is.Rollouts, chance)
			}
		})
	}
}

// A drawnTrack is rollouts of a case that one Canary goes through, one after the other.
type drawnTrack struct {
	*track
	of     *powertest.Case
	course *flagger.Course
	// first is the number of the first rollout in the case, and observed has a place for each.
	first    int
	observed []powertest.Rollout

	mutex sync.Mutex
	// number is that of the rollout that goes on, and checks is how many of its checks have asked.
	number, checks int
}

// drawnLength is how many rollouts a track has at the most.
const drawnLength = 3

// drawnTracks are those of a case, whose Canaries ask a Prometheus at an address of its own. As many tracks were made
// before, and what is observed has a place for each rollout.
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

// observeDrawn has one Flagger go through all rollouts of all cases, and returns how those of each case went.
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
			time.Sleep(time.Duration(i) * flagger.ShortestInterval / time.Duration(len(all))) // as those of TestPlan
			if err := tr.run(t.Context(), cluster); err != nil {
				t.Errorf("%s, %s: %v", tr.of.Name, tr.name, err)
			}
		})
	}
	running.Wait()
	t.Logf("Flagger has looked at %d Canaries, and took %s at the most", len(all), cluster.busy)
	return observed
}

// run goes through the rollouts, and notes how each went. It is an error where one goes otherwise than its course says.
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
			return fmt.Errorf("rollout %d: Flagger does\n%+v\nwhere the course has\n%+v", number, is, want)
		}
	}
	return nil
}

// begin begins a rollout, of which no check has asked yet.
func (tr *drawnTrack) begin(number int) {
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	tr.number, tr.checks = number, 0
}

// asked returns how many checks of the rollout have asked.
func (tr *drawnTrack) asked() int {
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	return tr.checks
}

// answer returns what Prometheus finds for the next check. It depends on what has happened: on the share of the traffic
// that the router gives the new version, and on whether the rollout hooks were called before the check.
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
		return "" // there is no series yet, later ones do not grow
	}
	return strconv.FormatFloat(powertest.SuccessRate(requests, bad), 'f', -1, 64)
}

// drawnPrometheus plays Prometheus for tracks, by their names.
type drawnPrometheus map[string]*drawnTrack

var drawnName = regexp.MustCompile(`power-\d{3}`)

// Query plays Prometheus. Nothing but the one metric of a Canary is asked for.
func (p drawnPrometheus) Query(q stub.Query) string {
	if tr := p[drawnName.FindString(q.Text)]; tr != nil {
		return tr.answer()
	}
	return ""
}

// Call plays nothing: Flagger calls webhooks elsewhere.
func (drawnPrometheus) Call(stub.Webhook) bool { return false }
