package rollout

import (
	"fmt"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
)

// noteSecrets notes the Secrets that a rollout's metrics and alerts name.
func (r *Rollout) noteSecrets() {
	for i, m := range r.analysis().Metrics {
		if m.CustomMetric != nil && m.CustomMetric.Provider.SecretRef != nil {
			r.c.Note(diag.SecretsNeeded, r.Origin(inMetrics(i, "customMetric", "provider", "secretRef", "name")...), r.Namespace+"/"+m.CustomMetric.Provider.SecretRef.Name)
		}
	}
	for _, p := range r.AlertProviders() {
		if p.Spec.SecretRef != nil {
			r.c.Note(diag.SecretsNeeded, manifest.Origin{Doc: p.Doc, Path: schema.Path{"spec", "secretRef", "name"}}, p.Namespace+"/"+p.Spec.SecretRef.Name)
		}
	}
}

func secretsMessage(names []string, _ int) string {
	if len(names) == 1 {
		return fmt.Sprintf("fleetwright renders no Secrets: %s must be on every cluster that gets what names it", names[0])
	}
	return fmt.Sprintf("fleetwright renders no Secrets: %s must be on every cluster that gets what names them", strings.Join(names, ", "))
}
