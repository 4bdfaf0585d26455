package render

import (
	"cmp"
	"maps"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// alerts are those of a rollout. Flagger sends none without a severity
// (pkg/controller/events.go), though its documentation says info.
func (r *rollout) alerts() (all []api.Alert) {
	for _, a := range r.RolloutPolicy.Alerts {
		a.Severity = cmp.Or(a.Severity, "info")
		a.ProviderRef.Namespace = cmp.Or(a.ProviderRef.Namespace, r.namespace)
		all = append(all, a)
	}
	return all
}

// alertProviders are those of the input that the rollout names.
func (r *rollout) alertProviders() (all []*place.AlertProvider) {
	for _, a := range r.alerts() {
		if p, _ := r.c.AlertProvider(a.ProviderRef.Namespace, a.ProviderRef.Name); p != nil {
			all = append(all, p)
		}
	}
	return all
}

// notOfTools are labels or annotations without those that kubectl and Flux have left
// on an object that was read from a cluster.
func notOfTools(all map[string]string) map[string]string {
	own := maps.Clone(all)
	maps.DeleteFunc(own, func(key, _ string) bool {
		prefix, _, _ := strings.Cut(key, "/")
		return prefix == "kubectl.kubernetes.io" || strings.HasSuffix(prefix, ".toolkit.fluxcd.io")
	})
	return own
}

// checkAlertProviders checks what the CRD says in a oneOf
// (artifacts/flagger/crd.yaml), and which AlertProviders nobody names.
func (c *compiler) checkAlertProviders() {
	used := map[*place.AlertProvider]bool{}
	for _, r := range c.rollouts {
		for _, p := range r.alertProviders() {
			used[p] = true
		}
	}
	for _, p := range c.AlertProviders {
		if (p.Spec.Address == "") == (p.Spec.SecretRef == nil) {
			c.Add(p.Doc.Diagnostic(diag.BadAlertProvider, schema.Path{"spec"}, "an AlertProvider has either an address or a secretRef", "secretRef: {name: …}, of a Secret with the key address"))
		}
		if !used[p] && !c.MayMiss("Application") {
			c.Add(p.Doc.Diagnostic(diag.AlertProviderUnused, schema.Path{"metadata", "name"}, "no rollout names the AlertProvider, so it is not rendered", "rolloutPolicy: {alerts: [{name: …, providerRef: {name: "+p.Name+"}}]}"))
		}
	}
}
