package rules

import (
	"fmt"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
)

// providersSince are the minor versions of Flagger that providers of metrics came with; it always
// had the others.
var providersSince = map[string]int{"keptn": 38, "splunk": 40}

// checkFlaggerVersion reports fields that the fleet's Flagger does not have: an API server refuses
// what a CRD does not have (fluxcd/flagger CHANGELOG.md). Of a range of versions nobody can tell.
func checkFlaggerVersion(r *Rollout) {
	since := func(minor int, name string, object manifest.Identity, field schema.Path) {
		if r.On.Version.Minor < minor {
			r.ReportAt(diag.FieldTooNew, object, field,
				fmt.Sprintf("Flagger %s has no %s, which came with 1.%d", r.On.Flagger, name, minor),
				fmt.Sprintf("chart: {version: 1.%d.0} of the fleet's Flagger or newer, or remove the field", minor))
		}
	}
	for i, w := range r.Analysis.Webhooks {
		if w.DisableTLS {
			since(39, "disableTLS", r.ID, spec("analysis", "webhooks", i, "disableTLS"))
		}
	}
	for _, m := range r.Analysis.Metrics {
		t := r.template(m)
		if t == nil {
			continue
		}
		since(providersSince[t.Provider.Type], "provider "+t.Provider.Type, t.ID, spec("provider", "type"))
		if len(t.Provider.Headers) > 0 {
			since(41, "headers of a metric's provider", t.ID, spec("provider", "headers"))
		}
	}
}
