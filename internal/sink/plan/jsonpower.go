package plan

import (
	"math"
	"strconv"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/power"
)

// A jsonPower holds the odds of a rollout, and the requests that its checks see. Rates and chances are from 0 to 1.
type jsonPower struct {
	Summary  []string         `json:"summary"`
	Expected jsonExpected     `json:"expectedTraffic"`
	Loads    []jsonLoad       `json:"loads"`
	Untold   []string         `json:"uncountedLoads"`
	Unjudged []string         `json:"uncountedMetrics"`
	Overlaps bool             `json:"windowsOverlap"`
	Metrics  []jsonJudge      `json:"metrics"`
	Checks   []jsonLook       `json:"checks"`
	Curves   map[string]curve `json:"curves"`
}

type jsonExpected struct {
	RequestsPerSecond float64 `json:"requestsPerSecond,omitempty"`
	Matching          float64 `json:"matching,omitempty"`
	ErrorRate         float64 `json:"errorRate"`
}

// A jsonLoad is the load of a load test. Without seconds it does not end.
type jsonLoad struct {
	Webhook           string  `json:"webhook"`
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	Seconds           float64 `json:"seconds"`
	// To is canary if all of it goes to the new version, and otherwise route.
	To string `json:"to"`
}

type jsonJudge struct {
	Name string `json:"name"`
	// Counts is errors or slow.
	Counts        string  `json:"counts"`
	WindowSeconds float64 `json:"windowSeconds"`
	// Least and Most are the rates of bad requests between which a check passes.
	Least float64 `json:"least"`
	Most  float64 `json:"most"`
}

// A jsonLook is a check of a good version: the expected number of requests of each metric, and the chance of none.
type jsonLook struct {
	Seconds  float64   `json:"seconds"`
	Traffic  int       `json:"traffic"`
	Requests []float64 `json:"requests"`
	None     []float64 `json:"none"`
}

// A curve holds the odds of versions with one kind of bad requests.
type curve struct {
	Caught []jsonCaught `json:"caught"`
	// Good is a version with the expected rate of errors, or without slow requests.
	Good   jsonPoint   `json:"good"`
	Points []jsonPoint `json:"points"`
}

// A jsonCaught is the smallest rate of bad requests that is rolled back with a chance, or null if none is. If it is a
// bound, the true rate is between atLeast and it.
type jsonCaught struct {
	Chance  float64  `json:"chance"`
	Rate    *float64 `json:"rate"`
	AtLeast *float64 `json:"atLeast,omitempty"`
}

// A jsonPoint holds the odds of a version. If a number is a lower bound, a second number is the upper one. Seconds and
// requests are missing if checks see the same requests.
type jsonPoint struct {
	Rate           float64  `json:"rate"`
	Undone         float64  `json:"undone"`
	UndoneAtMost   float64  `json:"undoneAtMost,omitempty"`
	Seconds        *float64 `json:"seconds,omitempty"`
	SecondsAtMost  float64  `json:"secondsAtMost,omitempty"`
	Requests       *float64 `json:"requests,omitempty"`
	RequestsAtMost float64  `json:"requestsAtMost,omitempty"`
}

func newJSONPower(o *odds, c *flagger.Canary) *jsonPower {
	if o == nil {
		return nil
	}
	out := &jsonPower{
		Summary: o.Sentences(), Untold: append([]string{}, diag.RedactAll(o.Untold)...), Unjudged: append([]string{}, diag.RedactAll(o.Unjudged)...), Overlaps: o.Overlaps(),
		Expected: jsonExpected{o.Expected.RequestsPerSecond, o.Expected.Matching, o.Baseline},
		Loads:    []jsonLoad{}, Metrics: []jsonJudge{}, Checks: []jsonLook{}, Curves: map[string]curve{},
	}
	for i, source := range o.Sources {
		if o.Webhooks[i] < 0 {
			continue
		}
		to := "route"
		if source.Straight {
			to = "canary"
		}
		out.Loads = append(out.Loads, jsonLoad{diag.Redact(c.Analysis.Webhooks[o.Webhooks[i]].Name), source.Rate, source.Lasts.Seconds(), to})
	}
	for _, m := range o.Model.Metrics {
		out.Metrics = append(out.Metrics, jsonJudge{diag.Redact(m.Name), m.Kind.String(), m.Window.Seconds(), m.Least, m.Most})
	}
	for _, look := range o.Looks() {
		at := float64(look.At) * o.Course.Every.Seconds()
		out.Checks = append(out.Checks, jsonLook{at, look.Canary, look.Requests, look.Empty})
	}
	for _, named := range o.curves() {
		c := curve{Good: o.jsonPoint(named.curve.Points[0])}
		if named.curve == o.Errors {
			c.Good = o.jsonPoint(o.Good)
		}
		for i, r := range named.curve.Caught {
			caught := jsonCaught{Chance: power.Chances[i]}
			if rate := rounded(r.High); !math.IsNaN(rate) {
				caught.Rate = &rate
				if least := rounded(r.Low); !r.IsExact() {
					caught.AtLeast = &least
				}
			}
			c.Caught = append(c.Caught, caught)
		}
		for _, p := range named.curve.Points {
			c.Points = append(c.Points, o.jsonPoint(p))
		}
		out.Curves[named.key] = c
	}
	return out
}

func (o *odds) jsonPoint(p power.Point) jsonPoint {
	least := func(r power.Range) (low, high float64) {
		if low = rounded(r.Low); !r.IsExact() {
			high = rounded(r.High)
		}
		return low, high
	}
	out := jsonPoint{Rate: p.Bad}
	out.Undone, out.UndoneAtMost = least(p.Undone)
	if !o.Overlaps() {
		var seconds, requests float64
		seconds, out.SecondsAtMost = least(p.Seconds)
		requests, out.RequestsAtMost = least(p.Requests)
		out.Seconds, out.Requests = &seconds, &requests
	}
	return out
}

// rounded returns a number with six digits.
func rounded(n float64) float64 {
	n, _ = strconv.ParseFloat(strconv.FormatFloat(n, 'g', 6, 64), 64)
	return n
}
