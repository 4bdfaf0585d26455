package rules

import (
	"fmt"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
)

// flaggerFields came with a version of Flagger (fluxcd/flagger CHANGELOG.md). An API
// server refuses what a CRD does not have.
var flaggerFields = []struct {
	since flagger.Version
	name  string
	// webhook or template reports whether one uses the field, which is at field below it.
	webhook  func(flagger.Webhook) bool
	template func(*Template) bool
	field    schema.Path
}{
	{since: flagger.Version{Minor: 39}, name: "disableTLS", webhook: func(w flagger.Webhook) bool { return w.DisableTLS }, field: schema.Path{"disableTLS"}},
	{since: flagger.Version{Minor: 38}, name: "provider keptn", template: ofType("keptn"), field: spec("provider", "type")},
	{since: flagger.Version{Minor: 40}, name: "provider splunk", template: ofType("splunk"), field: spec("provider", "type")},
	{since: flagger.Version{Minor: 41}, name: "headers of a metric's provider", template: func(t *Template) bool { return len(t.Provider.Headers) > 0 }, field: spec("provider", "headers")},
}

func ofType(name string) func(*Template) bool {
	return func(t *Template) bool { return t.Provider.Type == name }
}

// checkFlaggerVersion reports fields that the fleet's Flagger does not have. Of a range of
// versions nobody can tell.
func checkFlaggerVersion(r *Rollout) {
	for _, f := range flaggerFields {
		if r.On.Version.Minor >= f.since.Minor {
			continue
		}
		say := func(object manifest.Identity, field schema.Path) {
			r.ReportAt(diag.FieldTooNew, object, field,
				fmt.Sprintf("Flagger %s has no %s, which came with 1.%d", r.On.Flagger, f.name, f.since.Minor), fmt.Sprintf("chart: {version: 1.%d.0} of the fleet's Flagger or newer, or remove the field", f.since.Minor))
		}
		if f.webhook != nil {
			for i, w := range r.Analysis.Webhooks {
				if f.webhook(w) {
					say(r.ID, spec("analysis", "webhooks", i).With(f.field...))
				}
			}
			continue
		}
		for _, m := range r.Analysis.Metrics {
			if t := r.template(m); t != nil && f.template(t) {
				say(t.ID, f.field)
			}
		}
	}
}
