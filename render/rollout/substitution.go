package rollout

import (
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
)

// checkSubstitution says which queries and commands Flux might change.
func (r *Rollout) checkSubstitution() {
	say := func(at schema.Path, text string) {
		if manifest.IsSubstituted([]byte(text)) {
			r.Report(diag.Substituted, at, "a postBuild substitution of Flux would replace what begins with ${, and $$ by $, so the object is annotated to be left as it is", "")
		}
	}
	for i, m := range r.analysis().Metrics {
		if m.CustomMetric != nil {
			say(inMetrics(i, "customMetric", "query"), m.CustomMetric.Query)
		}
	}
	for i, command := range r.commands() {
		say(inAnalysis("webhooks", "command", i), command)
	}
	for i, w := range r.RolloutPolicy.Webhooks {
		say(schema.Path{"rolloutPolicy", "webhooks", i, "metadata", "cmd"}, w.Metadata["cmd"])
	}
}
