package schema

import (
	"fmt"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema/api"
)

// checkDefaults rejects intervals of 0s, with which Flux never runs.
func checkDefaults(d *api.SyncDefaults) (all []Rejection) {
	if isZero(d.Interval) {
		all = broken(diag.OutOfBounds, Path{"interval"}, fmt.Sprintf("with an interval of %s, Flux never corrects drift", d.Interval), "interval: 10m")
	}
	if isZero(d.RetryInterval) {
		all = append(all, broken(diag.OutOfBounds, Path{"retryInterval"}, fmt.Sprintf("with a retryInterval of %s, Flux never retries", d.RetryInterval), "retryInterval: 2m")...)
	}
	return all
}

// readOff turns the severity false into off: YAML 1.1 reads an unquoted off as false.
func (d *Document) readOff(object map[string]any) {
	spec, _ := object["spec"].(map[string]any)
	severities, _ := spec["severities"].(map[string]any)
	for code, severity := range severities {
		if off := diag.Off.String(); severity == false && d.Text("spec", "severities", code) == off {
			severities[code] = off
		}
	}
}
