package render

import (
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
)

// fileNames are the names of the objects' files: <kind>-<name>.yaml in lower
// case, with the namespace behind the name where two would be the same.
func fileNames(objects []manifest.Rendered) []string {
	names := make([]string, len(objects))
	seen := map[string]int{}
	for i, o := range objects {
		names[i] = layout.FileName(o.Kind, o.Metadata.Name)
		seen[names[i]]++
	}
	for i, o := range objects {
		if seen[names[i]] > 1 && o.Metadata.Namespace != "" {
			names[i] = layout.FileName(o.Kind, o.Metadata.Name+"."+o.Metadata.Namespace)
		}
	}
	return names
}
