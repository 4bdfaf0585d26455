package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
)

// of is a rollout of a strategy on istio, checked by a metric every minute.
func of(a flagger.Analysis) *render.Rollout {
	a.Metrics = append(a.Metrics, flagger.Metric{Name: "request-success-rate"})
	return &render.Rollout{Plan: flagger.New(flagger.Canary{Provider: flagger.Istio, Analysis: a}, flagger.Newest)}
}

func TestStrategyInWords(t *testing.T) {
	matching := make([]flagger.Match, 1)
	for want, a := range map[string]flagger.Analysis{
		"canary on istio: 10% more every 1m, up to 50%; the first failed check undoes it":                                     {StepWeight: 10, MaxWeight: 50},
		"canary on istio: 25%, 50%, a step every 1m30s; 3 failed checks undo it":                                              {StepWeight: 25, MaxWeight: 50, Threshold: 3, Interval: "90s"},
		"canary on istio: 1%, 10%, a step every 1m; the first failed check undoes it":                                         {StepWeights: []int{1, 10}},
		"canary on istio: 30% for 1m; the first failed check undoes it":                                                       {StepWeights: []int{30}},
		"canary on istio: mirrored first, then 20%, 40%, a step every 1m; the first failed check undoes it":                   {StepWeight: 20, MaxWeight: 40, Mirror: true},
		"canary on istio: no traffic; the first failed check undoes it":                                                       {},
		"A/B testing on istio: 3 checks, one every 1m, of all requests that match; the first failed check undoes it":          {Iterations: 3, Match: matching},
		"blue/green on istio: 1 check, one every 1m, then all traffic; the first failed check undoes it":                      {Iterations: 1},
		"blue/green on istio: 4 checks of mirrored traffic, one every 1m, then all traffic; the first failed check undoes it": {Iterations: 4, Mirror: true},
	} {
		if got := strategy(of(a).Plan); got != want {
			t.Errorf("it is %q, want %q", got, want)
		}
	}
}

// TestNotes: what a table does not show is said.
func TestNotes(t *testing.T) {
	unchecked := of(flagger.Analysis{StepWeight: 50})
	unchecked.Plan.Canary.Analysis.Metrics = nil
	unchecked.Plan = flagger.New(unchecked.Plan.Canary, flagger.Newest)
	skipped := of(flagger.Analysis{StepWeight: 50})
	skipped.Plan.Canary.SkipAnalysis = true
	for _, tt := range []struct {
		name    string
		rollout *render.Rollout
		want    string
	}{
		{"nothing", of(flagger.Analysis{StepWeight: 50}), ""},
		{"no step", of(flagger.Analysis{}), "no version is ever promoted"},
		{"very many checks", of(flagger.Analysis{Iterations: 1 << 20}), "good version: the table ends after 166h39m, and the rollout does not"},
		{"very much patience", of(flagger.Analysis{StepWeight: 50, Threshold: 1 << 20}), "bad at the last check: the table ends after 166h39m, and the rollout does not"},
		{"a metric that cannot be asked for", of(flagger.Analysis{StepWeight: 50, Metrics: []flagger.Metric{{Name: "unknown"}}}), "every version is rolled back"},
		{"no analysis", skipped, "nothing is checked: "},
		{"no checks", unchecked, "nothing can fail a check"},
		{"conditions", of(flagger.Analysis{Iterations: 2, Match: make([]flagger.Match, 1)}), "the shares are of the requests that match"},
		{"a cookie", of(flagger.Analysis{StepWeight: 50, SessionAffinity: &flagger.SessionAffinity{}}), "clients that have met the new version stay with it"},
		{"a mirror", of(flagger.Analysis{StepWeight: 50, Mirror: true}), "what is mirrored the new version gets as well"},
		{"two metrics", of(flagger.Analysis{StepWeight: 50, Metrics: []flagger.Metric{{Name: "request-duration"}}}), "bad versions are taken to fail the first metric"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := notes(tt.rollout.Plan)
			if tt.want == "" && len(got) > 0 || tt.want != "" && !slices.ContainsFunc(got, func(n string) bool { return strings.HasPrefix(n, tt.want) }) {
				t.Errorf("it says %q, want %q", got, tt.want)
			}
		})
	}
}

func TestGatesInWords(t *testing.T) {
	gate := []flagger.Webhook{{Name: "go", Type: flagger.ConfirmPromotion, URL: "http://gates.test/"}}
	for want, a := range map[string]flagger.Analysis{
		"confirm-promotion (go): asked once; a refusal adds 1m; while it waits the new version has up to 50% of the traffic":                                  {StepWeight: 50, MaxWeight: 50, Webhooks: gate},
		"confirm-promotion (go): asked twice; a refusal adds 2m to 3m, and each further one 2m; while it waits the new version has up to 100% of the traffic": {Iterations: 2, Webhooks: gate},
	} {
		if got := gates(of(a).Plan); !slices.Equal(got, []string{want}) {
			t.Errorf("it is %q, want %q", got, want)
		}
	}
}

// TestRunsThatGoOn have no end that could be told.
func TestRunsThatGoOn(t *testing.T) {
	stuck := of(flagger.Analysis{StepWeights: []int{50, 10}})
	run := runsOf(stuck.Plan)[0]
	if run.Outcome != "never ends" || run.After() != "–" || run.Most() != "50%" || run.Exposure() != "without end" {
		t.Errorf("%s, %s, %s, %s", run.Outcome, run.After(), run.Most(), run.Exposure())
	}
	if got := level(run.Run, chartWidth-1, chartWidth, 100, 1); got != 8 {
		t.Errorf("at the end of the chart it is %d eighths high, want half of the traffic to the end", got)
	}
	long := runsOf(of(flagger.Analysis{Iterations: 1 << 20}).Plan)[0]
	if long.Most() != "0% or more" || long.Exposure() != "none" {
		t.Errorf("%s, %s", long.Most(), long.Exposure())
	}
	encoded, err := json.Marshal(newJSONRun(&stuck.Plan.Canary, run.Run))
	if err != nil || !strings.Contains(string(encoded), `"seconds":null`) || !strings.Contains(string(encoded), `"trafficMinutes":null`) {
		t.Errorf("%s, %v", encoded, err)
	}
}

// TestLongTablesAreFolded: what shows the same for long is one row.
func TestLongTablesAreFolded(t *testing.T) {
	p := of(flagger.Analysis{Iterations: 100, Threshold: 50}).Plan
	if rows := runsOf(p)[0].Rows(); len(rows) != 5 {
		t.Errorf("of 100 checks there are %d rows", len(rows))
	}
	rows := runsOf(p)[1].Rows()
	if len(rows) != 4 || rows[2].Note() != "failed checks 1 to 50" {
		t.Errorf("of 50 failed checks there are %d rows, %q", len(rows), rows[2].Note())
	}
	few := runsOf(of(flagger.Analysis{StepWeight: 10, Threshold: 5}).Plan)[1].Rows()
	if len(few) != 8 {
		t.Errorf("of 5 failed checks there are %d rows", len(few))
	}
}

// TestShortPeaksAreShown: a chart shows the traffic of a minute of hours.
func TestShortPeaksAreShown(t *testing.T) {
	run := of(flagger.Analysis{Iterations: 160}).Plan.Good
	highest := 0
	for x := range chartWidth {
		highest = max(highest, level(run, x, chartWidth, len(run.Ticks)-1, chartHeight-1))
	}
	if highest != 8 {
		t.Errorf("the chart is %d eighths high at the top, want all", highest)
	}
}

func TestMinutes(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 0.0017: "less than 0.01", 0.45: "0.45", 3: "3", 4.875: "4.88", 5.625: "5.63", 1499.7: "1499.7"} {
		if got := minutes(n); got != want {
			t.Errorf("%v is %q, want %q", n, got, want)
		}
	}
}
