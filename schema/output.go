package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/errors"

	"github.com/fleetwright/fleetwright/internal/accept"
	"github.com/fleetwright/fleetwright/internal/parallel"
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
	// rules of the file, one by one, which say what the fields mean for each other. What
	// people have no hand in breaks none, and has none.
	rules func() []cue.Value
	// forms are the other definitions of the kind.
	forms map[Form]*outputKind
}

func newOutputKind(name string, forms ...Form) *outputKind {
	file := "output/" + strings.ToLower(name)
	k := &outputKind{definition: "#" + name, file: newCUEFile(file + ".cue"), forms: map[Form]*outputKind{}}
	for _, f := range forms {
		file := file + "." + strings.ToLower(string(f)) + ".cue"
		form := &outputKind{definition: "#" + string(f) + name, file: newCUEFile(file)}
		if f == Patched {
			form.rules = sync.OnceValue(func() []cue.Value { return eachRule(file) })
		}
		k.forms[f] = form
	}
	return k
}

// maxBatch bounds the memory that checking many objects at once takes.
const maxBatch = 100

// An OutputError is a rule that an object breaks.
type OutputError struct {
	// Name of the object.
	Name string
	// Path of the value in the object; empty is the object.
	Path string
	// Message says what was found and what was expected.
	Message string
	// Hint says what to write instead. It may be empty.
	Hint string
}

// Error names the object and the value, and says what is wrong with it.
func (e OutputError) Error() string { return e.Name + ": " + e.Explain() }

// Explain is the error without the name of the object.
func (e OutputError) Explain() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

// CheckOutput checks objects against the closed definitions of what may be
// rendered.
//
// CUE is asked about the objects that are not accepted without it. Those of a kind are
// checked together, as a list: CUE does much that is the same for each object, and half
// of the memory goes there.
func CheckOutput(objects []Output) []OutputError {
	batches := map[*outputKind][]Output{}
	var kinds []*outputKind
	var all []OutputError
	accepted := make([]bool, len(objects))
	parallel.Each(len(objects), func(i int) {
		kind, ok := objects[i].kind()
		accepted[i] = ok && kind.accepts(objects[i].Value)
	})
	for i, o := range objects {
		if accepted[i] {
			continue
		}
		kind, ok := o.kind()
		if !ok {
			all = append(all, OutputError{Name: o.Name, Message: fmt.Sprintf("there is no schema for %s %s", o.APIVersion, o.Kind)})
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

// kind is the definition that is meant for the object, if there is one.
func (o Output) kind() (*outputKind, bool) {
	kind, ok := outputKinds[[2]string{o.APIVersion, o.Kind}]
	if !ok {
		return nil, false
	}
	if form, ok := kind.forms[o.Form]; ok {
		return form, true
	}
	return kind, true
}

// accepts says whether an object surely fits the definition and breaks no rules. A
// typed one is judged by its JSON, which is what is written.
func (k *outputKind) accepts(object any) bool {
	value, ok := object.(map[string]any)
	if !ok {
		text, err := json.Marshal(object)
		if err != nil {
			return false
		}
		if value, ok = accept.FromJSON(text); !ok {
			return false
		}
	}
	return accept.Accepts(formOf(k.file.name), value)
}

func (k *outputKind) checkBatch(batch []Output) []OutputError {
	values := make([]any, len(batch))
	for i, o := range batch {
		values[i] = o.Value
	}
	fit := k.check(k.file.field("objects"), values) == nil
	var all []OutputError
	for _, o := range batch {
		if !fit {
			all = append(all, k.checkShape(o)...)
		}
		all = append(all, k.checkRules(o)...)
	}
	return all
}

// checkShape says where an object has not the shape of the definition. What people have
// had a hand in is a map, and explained like a document; of the rest CUE's own words
// are enough, for those who mend fleetwright.
func (k *outputKind) checkShape(o Output) []OutputError {
	definition := k.file.field(k.definition)
	err := k.check(definition, o.Value)
	if err == nil {
		return nil
	}
	words := cueMessage
	if value, ok := o.Value.(map[string]any); ok {
		if all := misfits(o.Name, definition, value); len(all) > 0 {
			return all
		}
		words = func(errors.Error) string { return "the value is not one that it takes" }
	}
	var all []OutputError
	for _, err := range errors.Errors(err) {
		all = append(all, OutputError{Name: o.Name, Path: errorPath(err, k.definition).String(), Message: words(err)})
	}
	return all
}

// checkRules says which rules of the definition's file an object breaks: those give
// their messages themselves, as error("message | hint").
func (k *outputKind) checkRules(o Output) (all []OutputError) {
	if k.rules == nil {
		return nil
	}
	for _, rule := range k.rules() {
		for _, err := range errors.Errors(k.check(rule, o.Value)) {
			if message, hint, ok := strings.Cut(cueMessage(err), " | "); ok {
				all = append(all, OutputError{o.Name, errorPath(err, "").String(), message, hint})
			}
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
