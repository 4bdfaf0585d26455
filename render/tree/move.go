package tree

import (
	"bytes"
	"maps"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/blockyaml"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
)

// A target is an object of a cluster's directory, on the cluster that it is for.
type target struct {
	cluster string
	manifest.Identity
}

// Stages maps each object of a cluster to the directories whose Flux Kustomizations apply it. An object moves
// if another directory applied it before.
type Stages map[target][]string

// Stages returns the stages of the objects of a cluster. A shard knows only its own: use Whole.
func (c *Cluster) Stages() Stages {
	stages := Stages{}
	for i := range c.Len() {
		holder := c.at(i)
		for _, o := range holder.objects() {
			at := targetOf(holder.path, o)
			stages[at] = append(stages[at], layout.Stage(holder.path))
		}
	}
	return stages
}

// MustBeKept reports whether Flux must keep an object of a file of the former layout during the takeover. It
// must if the object moves. It must not if the object is no longer rendered, even if it was to move in an
// earlier run: Flux would never delete it. For all other objects, decided is false.
func (s Stages) MustBeKept(file string, object map[string]any) (must, decided bool) {
	now := s.of(file, object)
	switch {
	case len(now) > 0:
		must = !slices.Contains(now, layout.Stage(file))
		return must, must
	case file == layout.SyncFile, TextAt(object, "kind") == "AlertProvider":
		return false, true
	}
	return false, false
}

// of returns the stages that now apply an object of a file.
func (s Stages) of(file string, object map[string]any) []string {
	return s[targetOf(file, ReadObject(object))]
}

// Keep returns a file of the cluster's directory whose objects have or lack the annotation that makes Flux keep
// them, as MustBeKept decides, and reports whether any of them moves. It returns an error for a file that is not
// YAML.
func (s Stages) Keep(file string, content []byte) (kept []byte, moves bool, err error) {
	documents := bytes.Split(bytes.TrimSuffix(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")), []byte("\n")), []byte("\n---\n"))
	changed := false
	for i, text := range documents {
		var object map[string]any
		if err := yaml.Unmarshal(text, &object); err != nil {
			return nil, false, err
		}
		must, decided := s.MustBeKept(file, object)
		moves = moves || must
		if !decided || must == IsKept(object) {
			continue
		}
		changed = true
		if documents[i], err = keep(text, must); err != nil {
			return nil, false, err
		}
	}
	if !changed {
		return content, moves, nil
	}
	return append(bytes.Join(documents, []byte("\n---\n")), '\n'), moves, nil
}

// keep returns the text of an object with or without the annotation.
func keep(text []byte, with bool) ([]byte, error) {
	var o manifest.Object
	if err := yaml.Unmarshal(text, &o); err != nil {
		return nil, err
	}
	if o.Kind == "Kustomization" { // its fields have a fixed order
		o.Spec = &flux.KustomizationSpec{}
		if err := yaml.UnmarshalStrict(text, &o); err != nil {
			return nil, err
		}
	}
	delete(o.Metadata.Annotations, manifest.FluxPrune)
	if with {
		annotations := map[string]string{manifest.FluxPrune: "disabled"}
		maps.Copy(annotations, o.Metadata.Annotations)
		o.Metadata.Annotations = annotations
	}
	made, err := blockyaml.Marshal(o)
	return bytes.TrimSuffix(made, []byte("\n")), err
}

// targetOf returns the object of a file. Below clusters/, a hub has the objects of its clusters, whose names may
// be equal.
func targetOf(file string, o Object) target {
	spoke, _, _ := layout.Spoke(file)
	return target{spoke, manifest.Identity{Group: o.Group(), Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}}
}

// IsKept reports whether Flux leaves an object on the cluster that it no longer applies
// (kustomize-controller docs/spec/v1/kustomizations.md, Controlling the deletion).
func IsKept(object map[string]any) bool {
	return TextAt(object, "metadata", "annotations", manifest.FluxPrune) == "disabled"
}
