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
	// Form says where the object comes from, if what it may hold depends on that.
	Form Form
}

// A Form is where an object comes from. The definition for it, where the kind has
// one, is in a file of its own, because it is larger and not always needed.
type Form string

const (
	// Policy is what a sync policy says.
	Policy Form = "Policy"
	// Patched is what a user's patches have changed.
	Patched Form = "Patched"
)

// outputKinds are the objects that may be rendered. The definition of each is in
// the file of its name in lower case, under output/.
var outputKinds = map[[2]string]*outputKind{
	{"apps/v1", "Deployment"}:                            newOutputKind("Deployment", Patched),
	{"flagger.app/v1beta1", "Canary"}:                    newOutputKind("Canary", Patched),
	{"flagger.app/v1beta1", "MetricTemplate"}:            newOutputKind("MetricTemplate"),
	{"flagger.app/v1beta1", "AlertProvider"}:             newOutputKind("AlertProvider"),
	{"networking.k8s.io/v1", "Ingress"}:                  newOutputKind("Ingress"),
	{"source.toolkit.fluxcd.io/v1", "OCIRepository"}:     newOutputKind("OCIRepository"),
	{"helm.toolkit.fluxcd.io/v2", "HelmRelease"}:         newOutputKind("HelmRelease", Policy),
	{"kuma.io/v1alpha1", "Mesh"}:                         newOutputKind("Mesh"),
	{"kuma.io/v1alpha1", "MeshTrafficPermission"}:        newOutputKind("MeshTrafficPermission"),
	{"kuma.io/v1alpha1", "TrafficRoute"}:                 newOutputKind("TrafficRoute"),
	{"kustomize.config.k8s.io/v1beta1", "Kustomization"}: newOutputKind("KustomizationFile"),
	{"kustomize.toolkit.fluxcd.io/v1", "Kustomization"}:  newOutputKind("Kustomization"),
	{"source.toolkit.fluxcd.io/v1", "GitRepository"}:     newOutputKind("GitRepository"),
	{"source.toolkit.fluxcd.io/v1", "HelmRepository"}:    newOutputKind("HelmRepository"),
	{"v1", "Namespace"}:                                  newOutputKind("Namespace"),
	{"v1", "Service"}:                                    newOutputKind("Service", Patched),
}

// An outputKind is the definition of one kind that may be rendered, in one form.
type outputKind struct {
	// definition in the file.
	definition string
	file       *cueFile
	// forms are the other definitions of the kind.
	forms map[Form]*outputKind
}

func newOutputKind(name string, forms ...Form) *outputKind {
	file := "output/" + strings.ToLower(name)
	k := &outputKind{definition: "#" + name, file: newCUEFile(file + ".cue"), forms: map[Form]*outputKind{}}
	for _, f := range forms {
		k.forms[f] = &outputKind{definition: "#" + string(f) + name, file: newCUEFile(file + "." + strings.ToLower(string(f)) + ".cue")}
	}
	return k
}

// maxBatch bounds the memory that checking many objects at once takes.
const maxBatch = 100

// An OutputError is a rule that an object breaks.
type OutputError struct {
	// Name of the object.
	Name string
	// Path of the value in the object.
	Path Path
	// reason is CUE's.
	reason string
}

// Error names the object, the value and CUE's reason.
func (e OutputError) Error() string { return fmt.Sprintf("%s: %s: %s", e.Name, e.Path, e.reason) }

// Explain is the reason in words for those who do not read CUE.
func (e OutputError) Explain() string {
	switch {
	case strings.Contains(e.reason, "not allowed"):
		return fmt.Sprintf("it has no field %s", e.Path)
	case strings.Contains(e.reason, "required but not present"), strings.Contains(e.reason, "incomplete"):
		return fmt.Sprintf("it needs the field %s", e.Path)
	case len(e.Path) == 0:
		return "its fields do not go together"
	}
	return fmt.Sprintf("the value of %s is not one that it takes", e.Path)
}

// CheckOutput checks objects against the closed definitions of what may be
// rendered.
//
// The objects of a kind are checked together, as a list: CUE does much that is
// the same for each object, and half of the memory goes there.
func CheckOutput(objects []Output) []OutputError {
	batches := map[*outputKind][]Output{}
	var kinds []*outputKind
	var all []OutputError
	for _, o := range objects {
		kind, ok := outputKinds[[2]string{o.APIVersion, o.Kind}]
		if !ok {
			all = append(all, OutputError{Name: o.Name, reason: fmt.Sprintf("there is no schema for %s %s", o.APIVersion, o.Kind)})
			continue
		}
		if form, ok := kind.forms[o.Form]; ok {
			kind = form
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

func (k *outputKind) checkBatch(batch []Output) []OutputError {
	values := make([]any, len(batch))
	for i, o := range batch {
		values[i] = o.Value
	}
	if k.check(k.file.field("objects"), values) == nil {
		return nil
	}
	var all []OutputError
	for _, o := range batch {
		err := k.check(k.file.field(k.definition), o.Value)
		for _, err := range errors.Errors(err) {
			all = append(all, OutputError{o.Name, errorPath(err, k.definition), cueMessage(err)})
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
