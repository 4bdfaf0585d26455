package rollout

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/fluxcd/pkg/apis/kustomize"
	"sigs.k8s.io/kustomize/api/filters/patchjson6902"
	"sigs.k8s.io/kustomize/api/filters/patchstrategicmerge"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/resid"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/patch"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
	"github.com/fleetwright/fleetwright/schema/output"
)

// maxPatched is how large patches may make an object, in bytes: an API server takes
// no larger one (etcd's --max-request-bytes), and copying a part of an object into
// itself doubles it.
const maxPatched = 1 << 20

// The most that the patches of a rollout may have: objects and operations, each of which goes
// through all of its object, and bytes, since what is merged is looked for field by field.
const (
	maxParts = 250
	maxPatch = 64 << 10
)

// checkPatches says which patches of the rollout kustomize would refuse.
func (r *Rollout) checkPatches() {
	for i, p := range r.Patches {
		if field, message, hint := patch.Check(p); message != "" {
			r.Report(diag.BadPatch, schema.Path{"patches", i}.With(field...), message, hint)
		}
	}
}

// patch applies the rollout's patches to its objects, one after the other, as
// kustomize does (api/internal/builtins/PatchTransformer.go). What they make is
// checked with everything else that is rendered.
func (r *Rollout) patch(objects []manifest.Rendered) []manifest.Rendered {
	if len(r.Patches) == 0 {
		return objects
	}
	all := make([]*patching, len(objects))
	for i, o := range objects {
		all[i] = newPatching(o)
	}
	left, size := maxParts, maxPatch
	for i, p := range r.Patches {
		if _, message, _ := patch.Check(p); message != "" {
			continue
		}
		at := schema.Path{"patches", i}
		if size -= len(p.Patch); size < 0 {
			r.Report(diag.PatchFails, at.With("patch"), fmt.Sprintf("with this patch the patches have more than %d bytes", maxPatch), "remove what the workload's own manifests can hold")
			break
		}
		parts := patchParts(p.Patch)
		if left -= len(parts); left < 0 {
			r.Report(diag.PatchFails, at.With("patch"), fmt.Sprintf("with this patch the patches have more than %d objects and operations", maxParts), "merge into each object once, and add all fields below a path in one operation")
			break
		}
		r.apply(all, p, parts, at)
	}
	patched := make([]manifest.Rendered, len(all))
	for i, p := range all {
		patched[i] = r.result(p)
	}
	return patched
}

// A patchStep is what a patch has made of an object.
type patchStep struct {
	// at is the patch.
	at            schema.Path
	before, after *kyaml.RNode
}

// A patching is an object while patches are applied to it.
type patching struct {
	manifest.Rendered
	node *kyaml.RNode
	// before is the object without patches.
	before *kyaml.RNode
	// steps are the patches that were applied.
	steps []patchStep
	// failed objects are left as they were: why is said.
	failed bool
}

func newPatching(o manifest.Rendered) *patching {
	text, err := json.Marshal(o.Object)
	if err != nil {
		panic(err) // what cannot be encoded is in no manifest
	}
	return &patching{Rendered: o, node: kyaml.MustParse(string(text)), before: kyaml.MustParse(string(text))}
}

// apply applies one patch to the objects that it means.
func (r *Rollout) apply(all []*patching, p kustomize.Patch, parts []patchPart, at schema.Path) {
	unmatched := slices.Clone(parts)
	for _, o := range all {
		meant, before := false, o.node.Copy()
		for _, part := range parts {
			if !o.isMeant(p.Target, part) {
				continue
			}
			meant = true
			unmatched = slices.DeleteFunc(unmatched, func(other patchPart) bool { return other == part })
			if o.failed {
				continue
			}
			if problem := o.applyPart(part); problem != "" {
				o.failed = true
				r.Report(diag.PatchFails, at.With("patch"), fmt.Sprintf("%s of %s", problem, o.Identity()), "")
			}
		}
		if meant {
			o.steps = append(o.steps, patchStep{at, before, o.node.Copy()})
		}
	}
	// As for kustomize, a target may mean nothing of some parts, and without one each
	// part means an object.
	if len(unmatched) == len(parts) || p.Target == nil && len(unmatched) > 0 {
		var names []string
		for _, o := range all {
			names = append(names, o.Identity().String())
		}
		r.Report(diag.PatchMatchesNothing, at, "none of the rollout's objects is meant by the patch", "there are "+strings.Join(names, ", ")+"; without a target a patch names the namespace too")
	}
}

// A patchPart is an object of a strategic merge patch, or an operation of a JSON
// patch.
type patchPart struct {
	object    *kyaml.RNode
	operation *any
}

// patchParts are the parts of a patch, which checkPatch has checked.
func patchParts(text string) (parts []patchPart) {
	documents, err := patch.Read([]byte(text))
	if err != nil {
		return nil
	}
	if len(documents) == 1 {
		if operations, ok := documents[0].([]any); ok {
			for i := range operations {
				parts = append(parts, patchPart{operation: &operations[i]})
			}
			return parts
		}
	}
	objects, err := (&kio.ByteReader{Reader: strings.NewReader(text), OmitReaderAnnotations: true}).Read()
	if err != nil {
		return nil
	}
	for _, o := range objects {
		parts = append(parts, patchPart{object: o})
	}
	return parts
}

// applyPart applies a part of a patch to the object. It says what is wrong with it.
func (o *patching) applyPart(part patchPart) (problem string) {
	if part.operation != nil {
		problem = o.applyOperation(*part.operation)
	} else {
		problem = o.merge(part.object)
	}
	if problem != "" {
		return problem
	}
	if text, err := o.node.MarshalJSON(); err == nil && len(text) > maxPatched {
		return fmt.Sprintf("the patch makes more than %d bytes", maxPatched)
	}
	return ""
}

// isMeant says whether the target of a patch, or without one the patch itself,
// names the object.
func (o *patching) isMeant(target *kustomize.Selector, part patchPart) bool {
	id := resid.FromRNode(o.node)
	if target == nil {
		meant := resid.FromRNode(part.object)
		return id.IsSelectedBy(meant) && id.Name == meant.Name && id.IsNsEquals(meant)
	}
	selector := &types.Selector{
		ResId: resid.ResId{
			Gvk:  resid.Gvk{Group: target.Group, Version: target.Version, Kind: target.Kind},
			Name: target.Name, Namespace: target.Namespace,
		},
		LabelSelector: target.LabelSelector, AnnotationSelector: target.AnnotationSelector,
	}
	regex, err := types.NewSelectorRegex(selector)
	if err != nil || !regex.MatchGvk(id.Gvk) || !regex.MatchName(id.Name) || !regex.MatchNamespace(id.Namespace) {
		return false
	}
	labels, err := o.node.MatchesLabelSelector(target.LabelSelector)
	if err != nil || !labels {
		return false
	}
	annotations, err := o.node.MatchesAnnotationSelector(target.AnnotationSelector)
	return err == nil && annotations
}

// applyOperation applies an operation of a JSON patch.
func (o *patching) applyOperation(value any) (problem string) {
	operation := patch.NewOperation(value)
	path := cmp.Or(*operation.Path, "the whole object")
	text, err := json.Marshal([]any{value})
	if err == nil {
		_, err = patchjson6902.Filter{Patch: string(text)}.Filter([]*kyaml.RNode{o.node})
	}
	switch {
	case err != nil && operation.Op == "test":
		return fmt.Sprintf("the test of %s fails", path)
	case err != nil:
		return fmt.Sprintf("the operation %s does not find %s", operation.Op, path)
	case resid.FromRNode(o.node) != resid.FromRNode(o.before):
		return fmt.Sprintf("the operation %s of %s makes another object", operation.Op, path)
	}
	return ""
}

// merge applies an object of a strategic merge patch. Like kustomize it keeps the
// object's kind, name and namespace, whatever the patch calls it.
func (o *patching) merge(patch *kyaml.RNode) (problem string) {
	id := resid.FromRNode(o.before)
	patch = patch.Copy()
	patch.SetApiVersion(o.APIVersion)
	patch.SetKind(id.Kind)
	merged, err := patchstrategicmerge.Filter{Patch: patch}.Filter([]*kyaml.RNode{o.node})
	switch {
	case err != nil:
		return "the patch does not fit the fields"
	case len(merged) == 0 || merged[0].IsNilOrEmpty():
		return "the rollout does not work without what the patch deletes, which is all"
	}
	o.node = merged[0]
	if err := o.node.SetName(id.Name); err != nil {
		return "the patch has no place for the name"
	}
	if id.Namespace != "" {
		if err := o.node.SetNamespace(id.Namespace); err != nil {
			return "the patch has no place for the namespace"
		}
	}
	return ""
}

// result is the object as the patches have left it.
func (r *Rollout) result(o *patching) manifest.Rendered {
	if o.failed || len(o.steps) == 0 {
		return o.Rendered
	}
	at := schema.Path{"patches"}
	if len(o.steps) == 1 {
		at = o.steps[0].at
	}
	breaks := func(why, hint string) {
		r.Report(diag.PatchBreaks, at, fmt.Sprintf("the patches make %s one that %s", o.Identity(), why), hint)
	}
	yamlText, err := o.node.String()
	if err == nil && manifest.IsSubstituted([]byte(yamlText)) && o.Metadata.Annotations[manifest.FluxSubstitute] == "" {
		if err := o.node.PipeE(kyaml.SetAnnotation(manifest.FluxSubstitute, "disabled")); err != nil {
			breaks("has no place for annotations", "")
			return o.Rendered
		}
		yamlText, err = o.node.String()
	}
	var value map[string]any
	if err == nil {
		value, err = jsonValue(yamlText)
	}
	if err != nil {
		breaks("JSON cannot hold", "use text for keys, and numbers that are numbers")
		return o.Rendered
	}
	known := openapi.SchemaForResourceType(kyaml.TypeMeta{APIVersion: o.APIVersion, Kind: o.Kind})
	if bad := findMismatch(value, known, nil); bad != nil {
		breaks(fmt.Sprintf("the cluster does not take: %s: %s", bad.path, bad.message), bad.hint)
		return o.Rendered
	}
	for _, f := range r.settled(o.Kind) {
		if was, is := lookup(o.before, f.path), lookup(o.node, f.path); was != is {
			breaks(fmt.Sprintf("the rollout does not work with: %s is %s", f.path, cmp.Or(is, "gone")), f.instead)
			return o.Rendered
		}
	}
	if why, hint := r.refusedText(o.Kind, value); why != "" {
		breaks(why, hint)
		return o.Rendered
	}
	patched := o.Output()
	patched.Value, patched.Form = value, output.Patched
	if refused := output.Check([]output.Object{patched}); len(refused) > 0 && len(output.Check([]output.Object{o.Output()})) == 0 {
		for _, bad := range refused {
			breaks("the cluster does not take: "+bad.Explain(), bad.Hint)
		}
		return o.Rendered
	}
	if r.steps == nil {
		r.steps = map[manifest.Identity][]patchStep{}
	}
	r.steps[o.Identity()] = o.steps
	var text bytes.Buffer
	writeOrdered(&text, value, o.before.YNode())
	m := *o.Object
	m.Patched = &manifest.Patch{Value: value, JSON: text.Bytes()}
	return manifest.Rendered{Object: &m, Origin: o.Origin}
}

// A patchedSpec is a Canary or a MetricTemplate of which only the spec matters.
type patchedSpec[T any] struct {
	Spec T `json:"spec"`
}

// refusedText says why a text of a patched object would be refused by its reader, if one
// would. Where the object has another shape its schema says so.
func (r *Rollout) refusedText(kind string, value map[string]any) (why, hint string) {
	switch kind {
	case "Canary":
		canary, ok := decodePatched[patchedSpec[flagger.Canary]](value)
		if !ok {
			return "", ""
		}
		if why, hint = firstRefusal(schema.CheckTexts(canary)); why == "" {
			why, hint = firstProblem(r.On.Refused(&canary.Spec))
		}
	case "MetricTemplate":
		if template, ok := decodePatched[patchedSpec[flagger.MetricTemplate]](value); ok {
			why, hint = firstRefusal(schema.CheckTexts(template))
			if p := template.Spec.Provider; why == "" && !rules.IsAddress(p) {
				why, hint = "Flagger cannot ask: spec.provider.address is not the URL of a server", "http://prometheus.monitoring:9090"
			}
		}
	}
	return why, hint
}

func decodePatched[T any](value map[string]any) (*T, bool) {
	text, err := json.Marshal(value)
	object := new(T)
	return object, err == nil && json.Unmarshal(text, object) == nil
}

func firstRefusal(all []schema.Refusal) (why, hint string) {
	if len(all) == 0 {
		return "", ""
	}
	return fmt.Sprintf("is refused: %s: %s", all[0].Path, all[0].Message), all[0].Hint
}

func firstProblem(all []rules.Problem) (why, hint string) {
	if len(all) == 0 {
		return "", ""
	}
	return fmt.Sprintf("Istio refuses: %s: %s", all[0].Path, all[0].Message), all[0].Hint
}

// A settledField is one that other objects, and the checks of the rollout, rely on.
type settledField struct {
	path    schema.Path
	instead string
}

// settled are the fields of a kind that patches cannot change.
func (r *Rollout) settled(kind string) []settledField {
	fields := slices.Clip(settledFields[kind])
	if kind == "Canary" {
		for _, service := range []string{"apex", "canary", "primary"} {
			for key := range r.On.ServiceMeta(r.Port) {
				fields = append(fields, settledField{schema.Path{"spec", "service", service, "annotations", key}, "protocol of the rollout"})
			}
		}
	}
	return fields
}

// settledFields are those that every rollout has: the Application says them.
var settledFields = map[string][]settledField{
	"Canary": {
		{schema.Path{"metadata", "annotations", rules.MeshAnnotation}, "meshName of the rollout"},
		{schema.Path{"spec", "provider"}, "trafficRoutingProvider of the rollout"},
		{schema.Path{"spec", "targetRef", "name"}, "workload of the rollout"},
		{schema.Path{"spec", "targetRef", "kind"}, "workload of the rollout"},
		{schema.Path{"spec", "ingressRef", "name"}, "patch the Ingress that is rendered"},
		{schema.Path{"spec", "service", "name"}, "serviceName of the rollout"},
		{schema.Path{"spec", "service", "port"}, "port of the rollout"},
		{schema.Path{"spec", "service", "targetPort"}, "targetPort of the rollout"},
		{schema.Path{"spec", "service", "appProtocol"}, "appProtocol of the rollout"},
		{schema.Path{"spec", "metricsServer"}, "metricsServer of the rollout"},
		{schema.Path{"spec", "autoscalerRef", "kind"}, "autoscalerRef of the rollout"},
		{schema.Path{"spec", "autoscalerRef", "name"}, "autoscalerRef of the rollout"},
	},
	"Ingress": {
		{schema.Path{"spec", "rules", 0, "host"}, "host of the rollout; more rules may be added behind the first"},
		{schema.Path{"spec", "rules", 0, "http", "paths", 0, "backend", "service", "name"}, "serviceName of the rollout"},
	},
	"Service": {
		{schema.Path{"spec", "selector", "app"}, ""},
		{schema.Path{"spec", "ports", 0, "port"}, ""},
	},
	"Deployment": {
		{schema.Path{"spec", "template", "metadata", "labels", "app"}, ""},
	},
}

// lookup is the scalar at a path of names and indices, as text, or nothing.
func lookup(node *kyaml.RNode, path schema.Path) string {
	names := make([]string, len(path))
	for i, name := range path {
		names[i] = fmt.Sprint(name)
	}
	found, err := node.Pipe(kyaml.Lookup(names...))
	if err != nil || found == nil {
		return ""
	}
	return found.YNode().Value
}

// jsonValue is the value of YAML as JSON holds it, with whole numbers.
func jsonValue(text string) (map[string]any, error) {
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return nil, err
	}
	var value api.Values
	return value, json.Unmarshal(data, &value)
}

// A mismatch is a value that Kubernetes' own schema does not allow.
type mismatch struct {
	path          schema.Path
	message, hint string
}

// findMismatch is the first value that Kubernetes' own schema does not allow, or nil. Of
// a kind that it does not know everything is allowed.
func findMismatch(value any, known *openapi.ResourceSchema, path schema.Path) *mismatch {
	if known == nil || known.IsMissingOrNull() || value == nil {
		return nil
	}
	if expected := expectedType(value, known); expected != "" {
		return &mismatch{path, fmt.Sprintf("expected %s, got %s", expected, found(value)), ""}
	}
	switch v := value.(type) {
	case map[string]any:
		if len(known.Schema.Properties) == 0 && known.Schema.AdditionalProperties == nil {
			return nil // free-form
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			field := known.Field(name)
			if field == nil && known.Schema.AdditionalProperties == nil {
				hint := ""
				if meant := diag.Nearest(name, slices.Sorted(maps.Keys(known.Schema.Properties))); meant != "" {
					hint = fmt.Sprintf("did you mean %s?", meant)
				}
				return &mismatch{path, fmt.Sprintf("unknown field %q", name), hint}
			}
			if bad := findMismatch(v[name], field, path.With(name)); bad != nil {
				return bad
			}
		}
	case []any:
		for i, item := range v {
			if bad := findMismatch(item, known.Elements(), path.With(i)); bad != nil {
				return bad
			}
		}
	}
	return nil
}

// quantity is how Kubernetes writes one (k8s.io/apimachinery pkg/api/resource).
var quantity = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$`)
})

// expectedType is what Kubernetes' own schema expects instead of a value, or nothing
// where the value is of that type.
func expectedType(value any, known *openapi.ResourceSchema) string {
	types, text := known.Schema.Type, ""
	if len(types) != 1 {
		return ""
	}
	switch v := value.(type) {
	case string:
		text = v
	case int64, uint64, float64:
		text = fmt.Sprint(v)
	}
	_, isText := value.(string)
	isNumber := text != "" && !isText
	switch types[0] {
	case "string":
		switch {
		case known.Schema.Format == "int-or-string":
			if !isText && !isNumber {
				return "a whole number or text"
			}
		case strings.HasPrefix(known.Schema.Description, "Quantity is"):
			if !quantity().MatchString(text) {
				return "a quantity such as 100m, 0.5 or 64Mi"
			}
		case !isText:
			return "text"
		}
	case "integer":
		if _, fraction := value.(float64); !isNumber || fraction {
			return "a whole number"
		}
	case "number":
		if !isNumber {
			return "a number"
		}
	case "boolean":
		if _, ok := value.(bool); !ok {
			return "true or false"
		}
	case "object":
		if _, ok := value.(map[string]any); !ok {
			return "a mapping"
		}
	case "array":
		if _, ok := value.([]any); !ok {
			return "a list"
		}
	}
	return ""
}

// found is a value in words.
func found(value any) string {
	switch v := value.(type) {
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	case string:
		return fmt.Sprintf("the text %q", v)
	case bool:
		return fmt.Sprint(v)
	}
	return fmt.Sprintf("the number %v", value)
}

// writeOrdered writes a value as JSON with the fields of mappings in the order of
// another value, and those that it has not behind them.
func writeOrdered(b *bytes.Buffer, value any, like *kyaml.Node) {
	switch v := value.(type) {
	case map[string]any:
		b.WriteByte('{')
		for i, name := range orderedKeys(v, like) {
			if i > 0 {
				b.WriteByte(',')
			}
			writeOrdered(b, name, nil)
			b.WriteByte(':')
			writeOrdered(b, v[name], field(like, name))
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			var at *kyaml.Node
			if like != nil && like.Kind == kyaml.SequenceNode && i < len(like.Content) {
				at = like.Content[i]
			}
			writeOrdered(b, item, at)
		}
		b.WriteByte(']')
	default:
		enc := json.NewEncoder(b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			panic(err) // it was read from YAML
		}
	}
}

func orderedKeys(v map[string]any, like *kyaml.Node) []string {
	var keys []string
	if like != nil && like.Kind == kyaml.MappingNode {
		for i := 0; i+1 < len(like.Content); i += 2 {
			if _, ok := v[like.Content[i].Value]; ok {
				keys = append(keys, like.Content[i].Value)
			}
		}
	}
	known := len(keys)
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if !slices.Contains(keys[:known], name) {
			keys = append(keys, name)
		}
	}
	return keys
}

// field is the value of a field of a mapping, or nil.
func field(n *kyaml.Node, name string) *kyaml.Node {
	if n == nil || n.Kind != kyaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}
