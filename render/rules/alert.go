package rules

import (
	"cmp"
	"fmt"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// checkAlerts reports alerts that nobody gets.
func checkAlerts(r *Rollout) {
	for i, a := range r.Analysis.Alerts {
		if a.Severity == "" { // pkg/controller/events.go, alert
			r.Report(diag.AlertNeverSent, inAnalysis("alerts", i), fmt.Sprintf("alert %s has no severity, so Flagger never sends it", a.Name), "severity: info")
		}
		at := inAnalysis("alerts", i, "providerRef")
		namespace := cmp.Or(a.ProviderRef.Namespace, r.ID.Namespace)
		switch found, known := r.On.AlertProvider(namespace, a.ProviderRef.Name); {
		case !known:
			r.Report(diag.NoAlertProvider, at.With("name"),
				fmt.Sprintf("the inputs have no AlertProvider %s in namespace %s; unless the cluster has it, nobody gets the alert", a.ProviderRef.Name, namespace),
				"add the AlertProvider to the inputs")
		case found && !r.Plain && namespace != r.ID.Namespace && namespace != r.On.Namespace:
			hint := "move the AlertProvider to namespace " + r.ID.Namespace
			if !r.ownNamespaceOnly() {
				hint += " or " + r.On.Namespace
			}
			r.Report(diag.AlertNamespace, at.With("namespace"),
				fmt.Sprintf("nothing creates namespace %q before Flux applies AlertProvider %s; until it exists, Flux applies no rollout of this application", namespace, a.ProviderRef.Name), hint)
		}
	}
}
