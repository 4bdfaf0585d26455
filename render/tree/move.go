package tree

import (
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
)

// A target is an object of a cluster's directory, on the cluster that it is for.
type target struct {
	cluster string
	manifest.Identity
}

// Stages holds which directories of a cluster apply each object, by the Flux Kustomizations that
// apply these: an object that another one applies than before moves.
type Stages map[target][]string

// Stages returns the stages of the objects of a cluster. A shard knows only its own: take the Whole.
func (c *Cluster) Stages() Stages {
	stages := Stages{}
	for i := range c.Len() {
		holder := c.at(i)
		for _, o := range (File{holder: holder}).Objects() {
			at := targetOf(holder.path, manifest.Identity{Group: o.Group(), Kind: o.Kind, Namespace: o.Namespace, Name: o.Name})
			stages[at] = append(stages[at], layout.Stage(holder.path))
		}
	}
	return stages
}

// Moves reports whether another Flux Kustomization applies an object than the one that applied the
// file of the cluster's directory in which it was. What is no longer rendered does not move.
func (s Stages) Moves(file string, object map[string]any) bool {
	group, _, ok := strings.Cut(TextAt(object, "apiVersion"), "/")
	if !ok {
		group = ""
	}
	id := manifest.Identity{Group: group, Kind: TextAt(object, "kind"), Namespace: TextAt(object, "metadata", "namespace"), Name: TextAt(object, "metadata", "name")}
	now := s[targetOf(file, id)]
	return len(now) > 0 && !slices.Contains(now, layout.Stage(file))
}

// targetOf returns the object of a file. Below clusters/ a hub has what is for its clusters, which may
// be called alike.
func targetOf(file string, id manifest.Identity) target {
	at := target{Identity: id}
	if rest, ok := strings.CutPrefix(file, layout.ClustersDir+"/"); ok {
		at.cluster, _, _ = strings.Cut(rest, "/")
	}
	return at
}

// IsKept reports whether Flux leaves an object on the cluster that it no longer applies
// (kustomize-controller docs/spec/v1/kustomizations.md, Controlling the deletion).
func IsKept(object map[string]any) bool {
	return TextAt(object, "metadata", "annotations", manifest.FluxPrune) == "disabled"
}
