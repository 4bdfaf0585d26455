// Package output validates rendered objects. Each kind has a closed CUE definition in the file
// of its name, which allows only objects that this compiler may emit, not everything that a
// CRD accepts.
package output

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/parser"

	"github.com/fleetwright/fleetwright/internal/parallel"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// cueContext is the one CUE context of the process; values of it may be used concurrently.
var cueContext = sync.OnceValue(func() *cue.Context { return cuecontext.New() })

//go:embed *.cue
var files embed.FS

// An Object is a rendered object.
type Object struct {
	APIVersion, Kind string
	// Name is the name of the object in errors.
	Name string
	// Value is the object, of any type that encodes as JSON.
	Value any
	// Form is the origin of the object, if its definition depends on that.
	Form Form
}

// A Form is the origin of an object. If a kind has a definition for it, that is in a
// separate file, because it is larger and not always needed.
type Form string

const (
	// Policy is the form of an object that a sync policy sets.
	Policy Form = "Policy"
	// Patched is the form of an object that a user's patches changed.
	Patched Form = "Patched"
)

// kinds returns the kinds of objects that may be rendered, each in the file of its name.
var kinds = sync.OnceValue(func() map[[2]string]*kind {
	return map[[2]string]*kind{
		{"apps/v1", "Deployment"}:                            newKind("Deployment", Patched),
		{"flagger.app/v1beta1", "Canary"}:                    newKind("Canary", Patched),
		{"flagger.app/v1beta1", "MetricTemplate"}:            newKind("MetricTemplate"),
		{"flagger.app/v1beta1", "AlertProvider"}:             newKind("AlertProvider"),
		{"gateway.networking.k8s.io/v1", "Gateway"}:          newKind("Gateway"),
		{"gateway.networking.k8s.io/v1", "GatewayClass"}:     newKind("GatewayClass"),
		{"networking.k8s.io/v1", "Ingress"}:                  newKind("Ingress"),
		{"source.toolkit.fluxcd.io/v1", "OCIRepository"}:     newKind("OCIRepository"),
		{"helm.toolkit.fluxcd.io/v2", "HelmRelease"}:         newKind("HelmRelease", Policy),
		{"kuma.io/v1alpha1", "Mesh"}:                         newKind("Mesh"),
		{"kuma.io/v1alpha1", "MeshMetric"}:                   newKind("MeshMetric"),
		{"kuma.io/v1alpha1", "MeshTrafficPermission"}:        newKind("MeshTrafficPermission"),
		{"kuma.io/v1alpha1", "TrafficRoute"}:                 newKind("TrafficRoute"),
		{"kustomize.config.k8s.io/v1beta1", "Kustomization"}: newKind("KustomizationFile"),
		{"kustomize.toolkit.fluxcd.io/v1", "Kustomization"}:  newKind("Kustomization"),
		{"source.toolkit.fluxcd.io/v1", "GitRepository"}:     newKind("GitRepository"),
		{"source.toolkit.fluxcd.io/v1", "HelmRepository"}:    newKind("HelmRepository"),
		{"v1", "Namespace"}:                                  newKind("Namespace"),
		{"v1", "Service"}:                                    newKind("Service", Patched),
	}
})

// A kind is the definition of one kind that may be rendered, in one form.
type kind struct {
	// definition is the name of one in the file.
	definition, file string
	// value is the value of the file, which is compiled on first use.
	value func() cue.Value
	// rules of the file about fields that meet, one by one, or nil: only patches break them.
	rules func() []cue.Value
	// names are the names of all fields in the definition.
	names func() map[string]bool
	// forms are the other definitions of the kind.
	forms map[Form]*kind
}

func newKind(name string, forms ...Form) *kind {
	base := strings.ToLower(name)
	k := newForm(name, base)
	k.forms = map[Form]*kind{}
	for _, f := range forms {
		k.forms[f] = newForm(string(f)+name, base+"."+strings.ToLower(string(f)))
	}
	if form, ok := k.forms[Patched]; ok {
		form.rules = sync.OnceValue(func() []cue.Value { return eachRule(form.file) })
	}
	return k
}

func newForm(name, base string) *kind {
	k := &kind{definition: "#" + name, file: base + ".cue"}
	k.value = sync.OnceValue(func() cue.Value {
		source, _ := files.ReadFile(k.file) // without a file, there is no definition in it
		v := cueContext().CompileBytes(source, cue.Filename(k.file))
		if err := v.Err(); err != nil {
			panic(fmt.Sprintf("%s does not compile: %v", k.file, err))
		}
		return v
	})
	k.names = sync.OnceValue(func() map[string]bool {
		names := map[string]bool{}
		addNames(names, k.field(k.definition))
		return names
	})
	return k
}

func (k *kind) field(name string) cue.Value {
	v := k.value().LookupPath(cue.ParsePath(name))
	if !v.Exists() {
		panic(fmt.Sprintf("%s has no %s", k.file, name))
	}
	return v
}

// eachRule returns the rules of a file one by one: an error hides those in the structs below it.
func eachRule(file string) (all []cue.Value) {
	source, _ := files.ReadFile(file)
	f, err := parser.ParseFile(file, source)
	if err != nil {
		panic(err) // a test compiles it
	}
	for _, decl := range f.Decls {
		field, ok := decl.(*ast.Field)
		if !ok {
			continue
		}
		if name, _, err := ast.LabelName(field.Label); err != nil || name != "rules" {
			continue
		}
		for _, rule := range field.Value.(*ast.StructLit).Elts {
			all = append(all, cueContext().BuildExpr(&ast.StructLit{Elts: []ast.Decl{rule}}))
		}
	}
	return all
}

// maxBatch bounds the memory that checking many objects at once takes.
const maxBatch = 100

// An Error is a rule that an object breaks.
type Error struct {
	// Name of the object.
	Name string
	// Path of the value in the object; empty is the object.
	Path string
	// Message states the value found and the value expected.
	Message string
	// Hint is the fix. It may be empty.
	Hint string
}

// Error returns the error with the names of the object and the value.
func (e Error) Error() string { return e.Name + ": " + e.Explain() }

// Explain returns the error without the name of the object.
func (e Error) Explain() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

// A batch is objects of one kind. They are checked together, as a list: CUE does much that
// is the same for each object, and half of the memory goes there.
type batch struct {
	*kind
	objects []Object
}

// Check validates objects against the closed definitions of the output.
func Check(objects []Object) (all []Error) {
	byKind := map[*kind][]Object{}
	var occurring []*kind
	for _, o := range objects {
		k, ok := o.kind()
		if !ok {
			all = append(all, Error{Name: o.Name, Message: fmt.Sprintf("no schema for %s %s", o.APIVersion, o.Kind)})
			continue
		}
		if byKind[k] == nil {
			occurring = append(occurring, k)
		}
		byKind[k] = append(byKind[k], o)
	}
	var batches []batch
	for _, k := range occurring {
		for objects := range slices.Chunk(byKind[k], maxBatch) {
			batches = append(batches, batch{k, objects})
		}
	}
	found := make([][]Error, len(batches))
	parallel.Each(len(batches), func(i int) { found[i] = batches[i].check() })
	return append(all, slices.Concat(found...)...)
}

// kind returns the definition that is meant for the object, if there is one.
func (o Object) kind() (*kind, bool) {
	k, ok := kinds()[[2]string{o.APIVersion, o.Kind}]
	if !ok {
		return nil, false
	}
	if form, ok := k.forms[o.Form]; ok {
		return form, true
	}
	return k, true
}

func (b batch) check() (all []Error) {
	divided := make([][]any, len(b.objects))
	for i := range b.objects {
		o := &b.objects[i]
		value, err := jsonValue(o.Value)
		if err != nil {
			all = append(all, Error{Name: o.Name, Message: err.Error()})
			continue
		}
		if o.Value, divided[i] = value, []any{value}; isWide(value) {
			divided[i] = pieces(value, b.names())
		}
	}
	fit := check(b.field("objects"), slices.Concat(divided...)) == nil
	for i, o := range b.objects {
		if !fit {
			all = append(all, b.checkShape(o, divided[i])...)
		}
		all = append(all, b.checkRules(o, divided[i])...)
	}
	return all
}

func jsonValue(object any) (map[string]any, error) {
	if value, ok := object.(map[string]any); ok {
		return value, nil
	}
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var value api.Values
	err = json.Unmarshal(text, &value)
	return value, err
}

// checkShape returns the places where an object, given in pieces, does not match the definition. It
// reports them in the words of a document's diagnostics if it can, since CUE's errors hide each other.
func (k *kind) checkShape(o Object, pieces []any) (all []Error) {
	definition := k.field(k.definition)
	var failed error
	for _, piece := range pieces {
		failed = cmp.Or(failed, check(definition, piece))
	}
	if failed == nil {
		return nil
	}
	for _, d := range shapeOf(definition, o.Value).Mismatches(o.Value) {
		all = append(all, Error{o.Name, d.Path, d.Message, d.Hint})
	}
	if len(all) > 0 {
		return all
	}
	for _, err := range errors.Errors(failed) {
		all = append(all, Error{Name: o.Name, Path: errorPath(err, k.definition).String(), Message: "the definition does not allow this value"})
	}
	return all
}

// checkRules returns the rules that an object breaks, which are error("message | hint").
func (k *kind) checkRules(o Object, pieces []any) (all []Error) {
	if k.rules == nil {
		return nil
	}
	for _, rule := range k.rules() {
		for _, piece := range pieces {
			for _, err := range errors.Errors(check(rule, piece)) {
				if message, hint, ok := strings.Cut(cueMessage(err), " | "); ok {
					all = append(all, Error{o.Name, errorPath(err, "").String(), message, hint})
				}
			}
		}
	}
	return all
}

func check(definition cue.Value, value any) error {
	return definition.Unify(cueContext().Encode(value)).Validate(cue.Concrete(true))
}

func cueMessage(err errors.Error) string {
	format, args := err.Msg()
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// errorPath returns the path of a CUE error below the definition that was checked.
func errorPath(err errors.Error, root string) schema.Path {
	selectors := err.Path()
	if len(selectors) > 0 && selectors[0] == root {
		selectors = selectors[1:]
	}
	path := make(schema.Path, len(selectors))
	for i, s := range selectors {
		path[i] = s
		if n, err := strconv.Atoi(s); err == nil {
			path[i] = n
		} else if unquoted, err := strconv.Unquote(s); err == nil {
			path[i] = unquoted
		}
	}
	return path
}
