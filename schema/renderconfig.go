package schema

import (
	"fmt"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema/api"
)

// checkDefaults refuses intervals of 0s, which Flux takes for never.
func checkDefaults(d *api.SyncDefaults) (all []Rejection) {
	if isZero(d.Interval) {
		all = broken(diag.OutOfBounds, Path{"interval"}, fmt.Sprintf("with an interval of %s drift would never be corrected", d.Interval), "interval: 10m")
	}
	if isZero(d.RetryInterval) {
		all = append(all, broken(diag.OutOfBounds, Path{"retryInterval"}, fmt.Sprintf("with a retryInterval of %s nothing would be tried again", d.RetryInterval), "retryInterval: 2m")...)
	}
	return all
}

// readOff makes text of the severities that are off. Without quotes YAML 1.1 reads false.
func (d *Document) readOff(object map[string]any) {
	spec, _ := object["spec"].(map[string]any)
	severities, _ := spec["severities"].(map[string]any)
	for code, severity := range severities {
		if off := diag.Off.String(); severity == false && d.Text("spec", "severities", code) == off {
			severities[code] = off
		}
	}
}
