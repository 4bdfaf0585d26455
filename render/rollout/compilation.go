package rollout

import (
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/render/settings"
)

// A Compilation is what all parts of a run share: the documents, the settings, and where to
// report.
type Compilation struct {
	*report.Report
	*place.Input
	Settings settings.Settings
}
