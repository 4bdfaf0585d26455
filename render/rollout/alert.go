package rollout

import (
	"cmp"
	"maps"
	"strings"

	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/schema/api"
)

// alerts returns the alerts of a rollout. Flagger sends none without a severity (pkg/controller/events.go),
// although its documentation calls info the default.
func (r *Rollout) alerts() (all []api.Alert) {
	for _, a := range r.RolloutPolicy.Alerts {
		a.Severity = cmp.Or(a.Severity, "info")
		a.ProviderRef.Namespace = cmp.Or(a.ProviderRef.Namespace, r.Namespace)
		all = append(all, a)
	}
	return all
}

// AlertProviders returns the AlertProviders of the input that the rollout references.
func (r *Rollout) AlertProviders() (all []*place.AlertProvider) {
	for _, a := range r.alerts() {
		if p, _ := r.c.AlertProvider(a.ProviderRef.Namespace, a.ProviderRef.Name); p != nil {
			all = append(all, p)
		}
	}
	return all
}

// NotOfTools returns labels or annotations without those that kubectl and Flux add to an object on a cluster.
func NotOfTools(all map[string]string) map[string]string {
	own := maps.Clone(all)
	maps.DeleteFunc(own, func(key, _ string) bool {
		prefix, _, _ := strings.Cut(key, "/")
		return prefix == "kubectl.kubernetes.io" || strings.HasSuffix(prefix, ".toolkit.fluxcd.io")
	})
	return own
}
