package rules

import (
	"cmp"
	"fmt"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// checkAlerts reports alerts that go nowhere.
func checkAlerts(r *Rollout) {
	for i, a := range r.Analysis.Alerts {
		if a.Severity == "" { // pkg/controller/events.go, alert
			r.Report(diag.AlertNeverSent, inAnalysis("alerts", i), fmt.Sprintf("the alert %s has no severity, and Flagger sends none without one", a.Name), "severity: info")
		}
		at := inAnalysis("alerts", i, "providerRef")
		namespace := cmp.Or(a.ProviderRef.Namespace, r.ID.Namespace)
		switch found, known := r.On.AlertProvider(namespace, a.ProviderRef.Name); {
		case !known:
			r.Report(diag.NoAlertProvider, at.With("name"),
				fmt.Sprintf("there is no AlertProvider %s in namespace %s among the inputs, and where the cluster has none either the alert is not sent", a.ProviderRef.Name, namespace),
				"add the AlertProvider to the inputs")
		case found && !r.Plain && namespace != r.ID.Namespace && namespace != r.On.Namespace:
			hint := "put the AlertProvider into namespace " + r.ID.Namespace
			if !r.ownNamespaceOnly() {
				hint += " or " + r.On.Namespace
			}
			r.Report(diag.AlertNamespace, at.With("namespace"),
				fmt.Sprintf("an AlertProvider is in the workload's namespace or in Flagger's; nothing makes the namespace %s before it", namespace), hint)
		}
	}
}
