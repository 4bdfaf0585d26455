package plan

import (
	"io"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/power"
	"github.com/fleetwright/fleetwright/render"
)

type jsonRollout struct {
	Application     string             `json:"application"`
	Namespace       string             `json:"namespace"`
	Name            string             `json:"name"`
	Clusters        []string           `json:"clusters"`
	Provider        string             `json:"provider"`
	Flagger         string             `json:"flagger"`
	Strategy        flagger.Strategy   `json:"strategy"`
	Summary         string             `json:"summary"`
	SkipAnalysis    bool               `json:"skipAnalysis"`
	Suspend         bool               `json:"suspend"`
	IntervalSeconds float64            `json:"intervalSeconds"`
	Runs            map[string]jsonRun `json:"runs"`
	Gates           []jsonGate         `json:"gates"`
	Notes           []string           `json:"notes"`
	Power           *jsonPower         `json:"power"`
}

// A jsonRun has no seconds where it goes on, and none of what never happens in it.
type jsonRun struct {
	Outcome            flagger.Outcome `json:"outcome"`
	Seconds            *float64        `json:"seconds"`
	CopiedSeconds      *float64        `json:"copiedSeconds,omitempty"`
	FirstFailedSeconds *float64        `json:"firstFailedSeconds,omitempty"`
	Checks             int             `json:"checks"`
	MostTraffic        int             `json:"mostTraffic"`
	ExposedSeconds     *float64        `json:"exposedSeconds"`
	TrafficMinutes     *float64        `json:"trafficMinutes"`
	Ticks              []jsonTick      `json:"ticks"`
	Webhooks           []jsonWebhook   `json:"webhooks"`
	Metrics            []jsonMetric    `json:"metrics"`
}

type jsonTick struct {
	Seconds float64 `json:"seconds"`
	flagger.Tick
}

type jsonWebhook struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Calls int    `json:"calls"`
}

type jsonMetric struct {
	Name    string `json:"name"`
	Queries int    `json:"queries"`
}

type jsonGate struct {
	Type                 string   `json:"type"`
	Webhooks             []string `json:"webhooks"`
	Asked                int      `json:"asked"`
	LeastSeconds         float64  `json:"leastSeconds"`
	MostSeconds          float64  `json:"mostSeconds"`
	FurtherSeconds       float64  `json:"furtherSeconds"`
	MostTrafficMeanwhile int      `json:"mostTrafficMeanwhile"`
}

// writeJSON is for programs. Times are in seconds since the detection, shares in percent.
func writeJSON(w io.Writer, rollouts []render.Rollout, o Options) error {
	all, curves := make([]jsonRollout, len(rollouts)), &power.Curves{}
	for i := range rollouts {
		all[i] = newJSONRollout(&rollouts[i], curves)
	}
	document := map[string]any{"rollouts": all}
	addWaves(document, o.Waves)
	return diag.WriteJSON(w, document)
}

func newJSONRollout(r *render.Rollout, curves *power.Curves) jsonRollout {
	c := &r.Plan.Canary
	out := jsonRollout{
		Application: r.Application, Namespace: r.Namespace, Name: r.Name, Clusters: append([]string{}, r.Clusters...),
		Provider: c.Provider, Flagger: r.Flagger, Strategy: c.Strategy(), Summary: strategy(r.Plan),
		SkipAnalysis: c.SkipAnalysis, Suspend: c.Suspend, IntervalSeconds: c.Analysis.Every().Seconds(),
		Runs: map[string]jsonRun{}, Gates: []jsonGate{}, Notes: append([]string{}, notes(r.Plan)...),
	}
	if c.Suspend {
		return out
	}
	for _, run := range runsOf(r.Plan) {
		out.Runs[run.Key] = newJSONRun(c, run.Run)
	}
	out.Power = newJSONPower(oddsOf(curves, r.Sight), c)
	for _, g := range r.Plan.Gates {
		out.Gates = append(out.Gates, jsonGate{g.Type, redacted(g.Webhooks), g.Asked, g.Least.Seconds(), g.Most.Seconds(), g.Next.Seconds(), g.Traffic})
	}
	return out
}

func redacted(names []string) (all []string) {
	for _, name := range names {
		all = append(all, diag.Redact(name))
	}
	return all
}

func newJSONRun(c *flagger.Canary, r flagger.Run) jsonRun {
	out := jsonRun{
		Outcome: r.Outcome, Checks: r.Checks, MostTraffic: r.Peak(),
		Webhooks: []jsonWebhook{}, Metrics: []jsonMetric{},
	}
	seconds := func(d time.Duration) *float64 { s := d.Seconds(); return &s }
	if !r.GoesOn() {
		exposure := r.Exposure()
		out.Seconds, out.ExposedSeconds, out.TrafficMinutes = seconds(r.Duration()), seconds(r.Exposed()), &exposure
	}
	if r.Outcome == flagger.Promoted {
		out.CopiedSeconds = seconds(r.Copied())
	}
	if r.FirstFailed > 0 {
		out.FirstFailedSeconds = seconds(r.At(r.FirstFailed))
	}
	for i, t := range r.Ticks {
		out.Ticks = append(out.Ticks, jsonTick{r.At(i).Seconds(), t})
	}
	for i := range c.Analysis.Webhooks {
		w := &c.Analysis.Webhooks[i]
		out.Webhooks = append(out.Webhooks, jsonWebhook{diag.Redact(w.Name), w.Kind(), r.Calls[i]})
	}
	for i, m := range c.Analysis.Metrics {
		out.Metrics = append(out.Metrics, jsonMetric{diag.Redact(m.Name), r.Queries[i]})
	}
	return out
}
