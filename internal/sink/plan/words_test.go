package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/power"
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
		"canary on istio: 10% more every 1m, up to 50%; the first failed check rolls it back":                                     {StepWeight: 10, MaxWeight: 50},
		"canary on istio: 25%, 50%, a step every 1m30s; 3 failed checks roll it back":                                             {StepWeight: 25, MaxWeight: 50, Threshold: 3, Interval: "90s"},
		"canary on istio: 1%, 10%, a step every 1m; the first failed check rolls it back":                                         {StepWeights: []int{1, 10}},
		"canary on istio: 30% for 1m; the first failed check rolls it back":                                                       {StepWeights: []int{30}},
		"canary on istio: mirrored first, then 20%, 40%, a step every 1m; the first failed check rolls it back":                   {StepWeight: 20, MaxWeight: 40, Mirror: true},
		"canary on istio: no traffic; the first failed check rolls it back":                                                       {},
		"A/B testing on istio: 3 checks, one every 1m, of all requests that match; the first failed check rolls it back":          {Iterations: 3, Match: matching},
		"blue/green on istio: 1 check, one every 1m, then all traffic; the first failed check rolls it back":                      {Iterations: 1},
		"blue/green on istio: 4 checks of mirrored traffic, one every 1m, then all traffic; the first failed check rolls it back": {Iterations: 4, Mirror: true},
	} {
		if got := strategy(of(a).Plan); got != want {
			t.Errorf("it is %q, want %q", got, want)
		}
	}
}

func TestChanceInWords(t *testing.T) {
	for want, r := range map[string]power.Range{
		"5 of 100":              {Low: .05, High: .05},
		"5 to 9 of 100":         {Low: .05, High: .09},
		"0 to 100 of 100":       {Low: 0, High: 1},
		"at most 9 of 100":      {Low: 0, High: .09},
		"at least 95 of 100":    {Low: .95, High: 1},
		"less than 0.1 of 100":  {Low: 0, High: .0001},
		"more than 99.9 of 100": {Low: .9999, High: 1},
	} {
		if got := of100(r); got != want {
			t.Errorf("%v is %q, want %q", r, got, want)
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
		{"very many checks", of(flagger.Analysis{Iterations: 1 << 20}), "good version: the table ends after 166h39m, but the rollout continues"},
		{"very much patience", of(flagger.Analysis{StepWeight: 50, Threshold: 1 << 20}), "bad at the last check: the table ends after 166h39m, but the rollout continues"},
		{"a metric that cannot be asked for", of(flagger.Analysis{StepWeight: 50, Metrics: []flagger.Metric{{Name: "unknown"}}}), "every version is rolled back"},
		{"no analysis", skipped, "nothing is checked: "},
		{"no checks", unchecked, "no check can fail"},
		{"conditions", of(flagger.Analysis{Iterations: 2, Match: make([]flagger.Match, 1)}), "until the primary serves the new version, the shares are of the requests that match"},
		{"a cookie", of(flagger.Analysis{StepWeight: 50, SessionAffinity: &flagger.SessionAffinity{}}), "clients that reached the new version stay with it"},
		{"a mirror", of(flagger.Analysis{StepWeight: 50, Mirror: true}), "the new version also gets a copy of mirrored requests"},
		{"two metrics", of(flagger.Analysis{StepWeight: 50, Metrics: []flagger.Metric{{Name: "request-duration"}}}), "bad versions are assumed to fail the first metric"},
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
		"confirm-promotion (go): called once; a rejection adds 1m; meanwhile the new version has up to 50% of the traffic":                                  {StepWeight: 50, MaxWeight: 50, Webhooks: gate},
		"confirm-promotion (go): called twice; a rejection adds 2m to 3m, and each further one 2m; meanwhile the new version has up to 100% of the traffic": {Iterations: 2, Webhooks: gate},
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
	if got := cell(run.Shares(), run.Outcome, chartWidth-1, chartWidth, 100, 1); got != '█' {
		t.Errorf("at the end of the chart there is %q, want half of the traffic to the end", got)
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
	top := ""
	for x := range chartWidth {
		top += string(cell(run.Shares(), run.Outcome, x, chartWidth, len(run.Ticks)-1, chartHeight-1))
	}
	if !strings.ContainsAny(top, "█▒") {
		t.Errorf("at the top of the chart is %q, want all traffic", top)
	}
}

func TestMinutes(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 0.0017: "less than 0.01", 0.45: "0.45", 3: "3", 4.875: "4.88", 5.625: "5.63", 1499.7: "1499.7"} {
		if got := minutes(n); got != want {
			t.Errorf("%v is %q, want %q", n, got, want)
		}
	}
}
