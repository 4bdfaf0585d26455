package rollout

import (
	"fmt"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/report"
)

// Summarize reports what was noted.
func Summarize(r *report.Report) {
	r.Summarize(diag.ReplicasLeft, replicasMessage)
	r.Summarize(diag.SecretsNeeded, secretsMessage)
	r.Summarize(diag.LongerThanTimeout, timeoutMessage)
	r.Summarize(diag.UndoneByFlux, undoneMessage)
}

// hereToo says that a note holds of other rollouts as well.
func hereToo(others int) string {
	switch others {
	case 0:
		return ""
	case 1:
		return ", here and for one other rollout"
	}
	return fmt.Sprintf(", here and for %d other rollouts", others)
}
