package render

import (
	"github.com/fleetwright/fleetwright/render/settings"
)

// oldestFlagger has all that is rendered but for flaggerFields.
var oldestFlagger = settings.MinorVersion{Major: 1, Minor: 36}
