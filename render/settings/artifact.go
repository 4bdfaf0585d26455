package settings

import (
	"fmt"

	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// setArtifact sets the OCIRepository of the clusters' own artifacts, and rejects settings that no cluster could
// sync.
func (s *Settings) setArtifact(o *api.OCIRepository, refuse func(at schema.Path, message, hint string)) {
	at := schema.Path{"spec", "ociRepository"}
	switch {
	case s.Source.Kind != "OCIRepository":
		refuse(at, fmt.Sprintf("no cluster syncs from ociRepository: sourceRef.kind is %s", s.Source.Kind), "sourceRef: {kind: OCIRepository}")
		return
	case !s.OwnArtifacts:
		refuse(at, fmt.Sprintf("ociRepository needs one artifact for each cluster, but path: %s puts all clusters into one", s.Path),
			"remove the path (fleetwright publish pushes one artifact for each cluster), or remove ociRepository")
		return
	}
	if l := o.LayerSelector; l != nil && (l.MediaType != "" || l.Operation == "copy") {
		refuse(at.With("layerSelector"), "with layerSelector Flux misses the manifests: an artifact of fleetwright has one layer, which Flux must extract", "remove layerSelector")
	}
	latest := api.OCIReference{Tag: "latest"}
	if o.Ref != nil && *o.Ref != (api.OCIReference{}) && *o.Ref != latest {
		refuse(at.With("ref"), "publish, check and rollbacks use the tag latest; with another ref, no cluster syncs it", "remove ref")
	}
	made := *o
	made.Ref = &latest // explicit, since whoever made the OCIRepository first may have set another
	s.Artifact = &made
}
