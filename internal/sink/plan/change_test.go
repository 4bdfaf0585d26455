package plan

import (
	"testing"

	"github.com/fleetwright/fleetwright/internal/flagger"
)

func TestChange(t *testing.T) {
	metrics := []flagger.Metric{{Name: "request-success-rate"}}
	base := flagger.Canary{Provider: flagger.Kuma, Analysis: flagger.Analysis{Interval: "30s", Threshold: 2, StepWeight: 10, MaxWeight: 50, Metrics: metrics}}
	for _, tt := range []struct {
		name   string
		change func(c *flagger.Canary)
		want   string
	}{
		{"nothing", func(*flagger.Canary) {}, ""},
		{"what a plan does not depend on", func(c *flagger.Canary) { c.Analysis.Metrics = []flagger.Metric{{Name: "request-duration"}} }, ""},
		{"larger steps", func(c *flagger.Canary) { c.Analysis.StepWeight = 50 }, "promotion 4m → 2m; exposure at failure: at the first check 0.15 → 0.75, at the last 1.25 → 0.75 traffic-minutes"},
		{"more patience", func(c *flagger.Canary) { c.Analysis.Threshold = 4 }, "exposure at failure: at the first check 0.15 → 0.25, at the last 1.25 → 1.75 traffic-minutes"},
		{"a promotion in steps", func(c *flagger.Canary) { c.Analysis.StepWeightPromotion = 25 }, "promotion 4m → 4m30s"},
		{"no metrics", func(c *flagger.Canary) { c.Analysis.Metrics = nil }, "no check can fail any longer"},
		{"conditions", func(c *flagger.Canary) { c.Analysis.Iterations, c.Analysis.Match = 3, make([]flagger.Match, 1) }, "promotion 4m → 3m; exposure at failure counts other requests"},
		{"very many checks", func(c *flagger.Canary) { c.Analysis.Iterations = 1 << 20 }, "promotion 4m → more than 83h19m30s"},
		{"very much patience", func(c *flagger.Canary) { c.Analysis.Threshold = 1 << 20 }, "exposure at failure: at the first check 0.15 → endless, at the last 1.25 → endless traffic-minutes"},
		{"a mirror that is none", func(c *flagger.Canary) { c.Analysis.Mirror = true }, "promotion 4m → never"},
		{"a suspension", func(c *flagger.Canary) { c.Suspend = true }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changed := base
			tt.change(&changed)
			if got := Change(flagger.New(base, flagger.Newest), flagger.New(changed, flagger.Newest)); got != tt.want {
				t.Errorf("it says %q, want %q", got, tt.want)
			}
		})
	}
}
