package render

import (
	"fmt"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// flaggerFields came with a version of Flagger (fluxcd/flagger CHANGELOG.md). An API
// server refuses what a CRD does not have.
var flaggerFields = []struct {
	since settings.MinorVersion
	name  string
	// uses says where a rollout uses the field.
	uses func(*api.RolloutPolicy) []schema.Path
}{
	{settings.MinorVersion{Major: 1, Minor: 39}, "disableTLS", func(p *api.RolloutPolicy) (at []schema.Path) {
		for i, w := range p.Webhooks {
			if w.DisableTLS {
				at = append(at, schema.Path{"rolloutPolicy", "webhooks", i, "disableTLS"})
			}
		}
		return at
	}},
	{settings.MinorVersion{Major: 1, Minor: 38}, "provider keptn", inProviders("type", isType("keptn"))},
	{settings.MinorVersion{Major: 1, Minor: 40}, "provider splunk", inProviders("type", isType("splunk"))},
	{settings.MinorVersion{Major: 1, Minor: 41}, "headers of a metric's provider", inProviders("headers", func(p api.MetricProvider) bool { return len(p.Headers) > 0 })},
}

// inProviders says which metrics use a field of their provider.
func inProviders(field string, uses func(api.MetricProvider) bool) func(*api.RolloutPolicy) []schema.Path {
	return func(p *api.RolloutPolicy) (at []schema.Path) {
		if p.TrafficAnalysis == nil {
			return nil
		}
		for i, m := range p.TrafficAnalysis.Metrics {
			if m.CustomMetric != nil && uses(m.CustomMetric.Provider) {
				at = append(at, inMetrics(i, "customMetric", "provider", field))
			}
		}
		return at
	}
}

func isType(name string) func(api.MetricProvider) bool {
	return func(p api.MetricProvider) bool { return p.Type == name }
}

// oldestFlagger has all that is rendered but for flaggerFields.
var oldestFlagger = settings.MinorVersion{Major: 1, Minor: 36}

// checkFlaggerVersion says which fields the fleet's Flagger does not have. Of a
// range of versions nobody can say it.
func (r *rollout) checkFlaggerVersion() {
	version := r.stack.flagger.Chart.Version
	v, ok := settings.ParseMinor(version)
	if !ok {
		return
	}
	for _, f := range flaggerFields {
		if !v.Less(f.since) {
			continue
		}
		for _, at := range f.uses(&r.RolloutPolicy) {
			r.report(diag.FieldTooNew, at,
				fmt.Sprintf("Flagger %s has no %s, which came with %s", version, f.name, f.since), fmt.Sprintf("chart: {version: %s.0} of the fleet's Flagger or newer, or remove the field", f.since))
		}
	}
}
