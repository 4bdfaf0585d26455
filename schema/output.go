package schema

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/errors"
)

// An Output is an object that was rendered.
type Output struct {
	APIVersion, Kind string
	// Name is what to call the object in an error.
	Name string
	// Value is the typed object.
	Value any
}

// outputKinds are the objects that may be rendered. The definition of each is in
// the file of its name in lower case, under output/.
var outputKinds = map[[2]string]*outputKind{
	{"apps/v1", "Deployment"}:                            newOutputKind("Deployment"),
	{"flagger.app/v1beta1", "Canary"}:                    newOutputKind("Canary"),
	{"flagger.app/v1beta1", "MetricTemplate"}:            newOutputKind("MetricTemplate"),
	{"helm.toolkit.fluxcd.io/v2", "HelmRelease"}:         newOutputKind("HelmRelease"),
	{"kuma.io/v1alpha1", "Mesh"}:                         newOutputKind("Mesh"),
	{"kuma.io/v1alpha1", "MeshTrafficPermission"}:        newOutputKind("MeshTrafficPermission"),
	{"kuma.io/v1alpha1", "TrafficRoute"}:                 newOutputKind("TrafficRoute"),
	{"kustomize.config.k8s.io/v1beta1", "Kustomization"}: newOutputKind("KustomizationFile"),
	{"kustomize.toolkit.fluxcd.io/v1", "Kustomization"}:  newOutputKind("Kustomization"),
	{"source.toolkit.fluxcd.io/v1", "GitRepository"}:     newOutputKind("GitRepository"),
	{"source.toolkit.fluxcd.io/v1", "HelmRepository"}:    newOutputKind("HelmRepository"),
	{"v1", "Namespace"}:                                  newOutputKind("Namespace"),
	{"v1", "Service"}:                                    newOutputKind("Service"),
}

// An outputKind is the definition of one kind that may be rendered.
type outputKind struct {
	name string
	file *cueFile
}

func newOutputKind(name string) *outputKind {
	return &outputKind{name, newCUEFile("output/" + strings.ToLower(name) + ".cue")}
}

// maxBatch bounds the memory that checking many objects at once takes.
const maxBatch = 100

// CheckOutput checks objects against the closed definitions of what may be
// rendered. An error names the object and the rule that it breaks.
//
// The objects of a kind are checked together, as a list: CUE does much that is
// the same for each object, and half of the memory goes there.
func CheckOutput(objects []Output) []error {
	batches := map[*outputKind][]Output{}
	var kinds []*outputKind
	var all []error
	for _, o := range objects {
		kind, ok := outputKinds[[2]string{o.APIVersion, o.Kind}]
		if !ok {
			all = append(all, fmt.Errorf("%s: there is no schema for %s %s", o.Name, o.APIVersion, o.Kind))
			continue
		}
		if _, ok := batches[kind]; !ok {
			kinds = append(kinds, kind)
		}
		batches[kind] = append(batches[kind], o)
	}
	for _, kind := range kinds {
		for batch := range slices.Chunk(batches[kind], maxBatch) {
			all = append(all, kind.checkBatch(batch)...)
		}
	}
	return all
}

func (k *outputKind) checkBatch(batch []Output) []error {
	values := make([]any, len(batch))
	for i, o := range batch {
		values[i] = o.Value
	}
	if k.check(k.file.field("objects"), values) == nil {
		return nil
	}
	var all []error
	for _, o := range batch {
		err := k.check(k.file.field("#"+k.name), o.Value)
		for _, err := range errors.Errors(err) {
			all = append(all, fmt.Errorf("%s: %s: %s", o.Name, errorPath(err, "#"+k.name), cueMessage(err)))
		}
	}
	return all
}

func (k *outputKind) check(definition cue.Value, value any) error {
	return definition.Unify(cueContext().Encode(value)).Validate(cue.Concrete(true))
}

// cueMessage is the text of a CUE error without its path.
func cueMessage(err errors.Error) string {
	format, args := err.Msg()
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}
