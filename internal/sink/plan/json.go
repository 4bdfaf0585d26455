package plan

import (
	"io"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/format"
	"github.com/fleetwright/fleetwright/internal/power"
	"github.com/fleetwright/fleetwright/render"
)

// A Document holds all rollouts for programs. It is stable: a field keeps its name and its meaning, and
// fields may be added. Times are in seconds since the detection, shares in percent.
type Document struct {
	format.Header
	Rollouts []jsonRollout `json:"rollouts"`
	// Waves are missing if none are declared.
	Waves []jsonWave `json:"waves,omitempty"`
	// WavesSeconds is the sum of the waves, null if one never ends, and missing without waves.
	WavesSeconds any `json:"wavesSeconds,omitempty" jsonschema:"oneof_type=number;null"`
}

type jsonRollout struct {
	Application     string             `json:"application"`
	Policy          string             `json:"policy"`
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

// A jsonRun has no seconds if it never ends, and no time of a step that never happens.
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
	// NewVersion is the share of the traffic, in percent, that gets the new version, and Primary reports whether
	// the primary serves it, too.
	NewVersion int  `json:"newVersion"`
	Primary    bool `json:"primary"`
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

func writeJSON(w io.Writer, rollouts []render.Rollout, o Options) error {
	all, curves := make([]jsonRollout, len(rollouts)), &power.Curves{}
	for i := range rollouts {
		all[i] = newJSONRollout(&rollouts[i], curves)
	}
	document := Document{Header: format.NewHeader("plan", o.Version), Rollouts: all}
	document.addWaves(o.Waves)
	return diag.WriteJSON(w, document)
}

func newJSONRollout(r *render.Rollout, curves *power.Curves) jsonRollout {
	c := &r.Plan.Canary
	out := jsonRollout{
		Application: r.Application, Policy: r.Policy, Namespace: r.Namespace, Name: r.Name, Clusters: append([]string{}, r.Clusters...),
		Provider: c.Provider, Flagger: r.Flagger, Strategy: c.Strategy(), Summary: strategy(r.Plan),
		SkipAnalysis: c.SkipAnalysis, Suspend: c.Suspend, IntervalSeconds: c.Analysis.Every().Seconds(),
		Runs: map[string]jsonRun{}, Gates: []jsonGate{}, Notes: append([]string{}, notesOf(r)...),
	}
	if c.Suspend {
		return out
	}
	for _, run := range runsOf(r.Plan) {
		out.Runs[run.Key] = newJSONRun(c, run.Run)
	}
	out.Power = newJSONPower(oddsOf(curves, r.Sight), c)
	for _, g := range r.Plan.Gates {
		out.Gates = append(out.Gates, jsonGate{g.Type, diag.RedactAll(g.Webhooks), g.Asked, g.Least.Seconds(), g.Most.Seconds(), g.Next.Seconds(), g.Traffic})
	}
	return out
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
	shares := r.Shares()
	for i, t := range r.Ticks {
		out.Ticks = append(out.Ticks, jsonTick{r.At(i).Seconds(), t, shares[i].All(), shares[i].Primary > 0})
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
