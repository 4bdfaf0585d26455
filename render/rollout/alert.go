package rollout

import (
	"cmp"
	"maps"
	"strings"

	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/schema/api"
)

// alerts are those of a rollout. Flagger sends none without a severity
// (pkg/controller/events.go), though its documentation says info.
func (r *Rollout) alerts() (all []api.Alert) {
	for _, a := range r.RolloutPolicy.Alerts {
		a.Severity = cmp.Or(a.Severity, "info")
		a.ProviderRef.Namespace = cmp.Or(a.ProviderRef.Namespace, r.Namespace)
		all = append(all, a)
	}
	return all
}

// AlertProviders are those of the input that the rollout names.
func (r *Rollout) AlertProviders() (all []*place.AlertProvider) {
	for _, a := range r.alerts() {
		if p, _ := r.c.AlertProvider(a.ProviderRef.Namespace, a.ProviderRef.Name); p != nil {
			all = append(all, p)
		}
	}
	return all
}

// NotOfTools are labels or annotations without those that kubectl and Flux have left
// on an object that was read from a cluster.
func NotOfTools(all map[string]string) map[string]string {
	own := maps.Clone(all)
	maps.DeleteFunc(own, func(key, _ string) bool {
		prefix, _, _ := strings.Cut(key, "/")
		return prefix == "kubectl.kubernetes.io" || strings.HasSuffix(prefix, ".toolkit.fluxcd.io")
	})
	return own
}
