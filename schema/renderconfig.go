package schema

import (
	"fmt"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema/api"
)

// checkDefaults refuses intervals of 0s, which Flux takes for never.
func checkDefaults(d *api.SyncDefaults) (all []Refusal) {
	if isZero(d.Interval) {
		all = broken(diag.OutOfBounds, Path{"interval"}, fmt.Sprintf("with an interval of %s drift would never be corrected", d.Interval), "interval: 10m")
	}
	if isZero(d.RetryInterval) {
		all = append(all, broken(diag.OutOfBounds, Path{"retryInterval"}, fmt.Sprintf("with a retryInterval of %s nothing would be tried again", d.RetryInterval), "retryInterval: 2m")...)
	}
	return all
}
