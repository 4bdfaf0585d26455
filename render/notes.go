package render

import (
	"fmt"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// summarize reports what was noted.
func (c *compiler) summarize() {
	c.Summarize(diag.ReplicasLeft, replicasMessage)
	c.Summarize(diag.SecretsNeeded, secretsMessage)
	c.Summarize(diag.LongerThanTimeout, timeoutMessage)
	c.Summarize(diag.UndoneByFlux, undoneMessage)
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
