package rollout

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/kustomize/api/filters/patchjson6902"
	"sigs.k8s.io/kustomize/api/filters/patchstrategicmerge"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/order"
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

// maxPatched is the largest size of a patched object, in bytes. API servers accept no larger one (etcd's
// --max-request-bytes), and copying a part of an object into itself doubles it.
const maxPatched = 1 << 20

// The limits of a rollout's patches. maxParts counts objects and operations, because each traverses the whole
// object it patches. maxPatch counts bytes, because merging looks up every field.
const (
	maxParts = 250
	maxPatch = 64 << 10
)

// checkPatches reports the patches of the rollout that kustomize would reject.
func checkPatches(r *Rollout) {
	for i, p := range r.Patches {
		if field, message, hint := patch.Check(p); message != "" {
			r.Report(diag.BadPatch, schema.Path{"patches", i}.With(field...), message, hint)
		}
	}
}

// patch applies the rollout's patches to its objects in order, as kustomize does
// (api/internal/builtins/PatchTransformer.go). The result is validated with all other rendered objects.
func (r *Rollout) patch(objects []manifest.Rendered) []manifest.Rendered {
	if len(r.Patches) == 0 {
		return objects
	}
	all := make([]*patching, len(objects))
	for i, o := range objects {
		text, err := json.Marshal(o.Object)
		if err != nil {
			panic(err) // a rendered object can be encoded
		}
		node := kyaml.MustParse(string(text))
		all[i] = &patching{Rendered: o, node: node, steps: []patchStep{{node: node.Copy()}}}
	}
	left, size := maxParts, maxPatch
	for i, p := range r.Patches {
		if _, message, _ := patch.Check(p); message != "" {
			continue
		}
		at := schema.Path{"patches", i}
		if size -= len(p.Patch); size < 0 {
			r.Report(diag.PatchFails, at.With("patch"), fmt.Sprintf("with this one, the patches have more than %d bytes", maxPatch), "move what you can into the workload's own manifests")
			break
		}
		parts := patchParts(p.Patch)
		if left -= len(parts); left < 0 {
			r.Report(diag.PatchFails, at.With("patch"), fmt.Sprintf("with this one, the patches have more than %d objects and operations", maxParts), "merge into each object once, and add all fields below a path in one operation")
			break
		}
		applyPatch(r, all, p, parts, at)
	}
	patched := make([]manifest.Rendered, len(all))
	for i, p := range all {
		patched[i] = p.result(r)
	}
	return patched
}

// A patchStep is the state of an object after a patch, or before the first one.
type patchStep struct {
	// at is the path of the patch.
	at   schema.Path
	node *kyaml.RNode
}

// A patching is an object to which patches are being applied.
type patching struct {
	manifest.Rendered
	node *kyaml.RNode
	// steps holds the unpatched object, and the object after each patch.
	steps []patchStep
	// failed reports whether a patch failed, which was reported. The object then stays unpatched.
	failed bool
}

// applyPatch applies one patch to the objects that it matches.
func applyPatch(r *Rollout, all []*patching, p kustomize.Patch, parts []patchPart, at schema.Path) {
	means := make([]bool, len(parts))
	for _, o := range all {
		isMeant := false
		for i, part := range parts {
			if !o.isMeant(p.Target, part) {
				continue
			}
			isMeant, means[i] = true, true
			if o.failed {
				continue
			}
			if problem := o.applyPart(part); problem != "" {
				o.failed = true
				r.Report(diag.PatchFails, at.With("patch"), fmt.Sprintf("the patch fails on %s: %s", o.Identity(), problem), "")
			}
		}
		if isMeant {
			o.steps = append(o.steps, patchStep{at, o.node.Copy()})
		}
	}
	// As in kustomize, a target need not match for every part, but without a target each part must match an
	// object.
	if !slices.Contains(means, true) || p.Target == nil && slices.Contains(means, false) {
		var names []string
		for _, o := range all {
			names = append(names, o.Identity().String())
		}
		hint := "target one of its objects: " + diag.Some(names, diag.MostNames) + "; a patch without a target must also name the namespace"
		if revision := patch.Label([]kustomize.Patch{p}, "Namespace", r.Namespace, rules.IstioRevision); revision != "" {
			hint = fmt.Sprintf("plugin: {flagger: {installed: {istio: {revision: %s}}}} in the Fleet's spec; for a Namespace in your manifests, move the patch to kustomization.patches", revision)
		}
		r.Report(diag.PatchMatchesNothing, at, "the patch matches none of the rollout's objects", hint)
	}
}

// A patchPart is an object of a strategic merge patch, or an operation of a JSON patch.
type patchPart struct {
	object    *kyaml.RNode
	operation any
}

// patchParts returns the parts of a patch that passed checkPatches.
func patchParts(text string) (parts []patchPart) {
	documents, err := patch.Read([]byte(text))
	if err != nil {
		return nil
	}
	if operations, ok := documents[0].([]any); ok {
		for _, o := range operations {
			parts = append(parts, patchPart{operation: o})
		}
		return parts
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

// applyPart applies a part of a patch to the object, and returns why that fails, or "".
func (o *patching) applyPart(part patchPart) (problem string) {
	if part.object == nil {
		problem = o.applyOperation(part.operation)
	} else {
		problem = o.merge(part.object)
	}
	if problem != "" {
		return problem
	}
	if text, err := o.node.MarshalJSON(); err == nil && len(text) > maxPatched {
		return fmt.Sprintf("the object would have more than %d bytes", maxPatched)
	}
	return ""
}

// isMeant reports whether the target of a patch, or the patch itself if it has no target, matches the object.
func (o *patching) isMeant(target *kustomize.Selector, part patchPart) bool {
	id := resid.FromRNode(o.node)
	if target == nil {
		meant := resid.FromRNode(part.object)
		return id.IsSelectedBy(meant) && id.Name == meant.Name && id.IsNsEquals(meant)
	}
	gvk := resid.Gvk{Group: target.Group, Version: target.Version, Kind: target.Kind}
	regex, err := types.NewSelectorRegex(&types.Selector{ResId: resid.ResId{Gvk: gvk, Name: target.Name, Namespace: target.Namespace}})
	if err != nil || !regex.MatchGvk(id.Gvk) || !regex.MatchName(id.Name) || !regex.MatchNamespace(id.Namespace) {
		return false
	}
	labels, labelsErr := o.node.MatchesLabelSelector(target.LabelSelector)
	annotations, annotationsErr := o.node.MatchesAnnotationSelector(target.AnnotationSelector)
	return labelsErr == nil && labels && annotationsErr == nil && annotations
}

// id returns the identity that the object must keep.
func (o *patching) id() resid.ResId { return resid.FromRNode(o.steps[0].node) }

// applyOperation applies an operation of a JSON patch.
func (o *patching) applyOperation(value any) (problem string) {
	op, path := patch.TextField(value, "op"), cmp.Or(patch.TextField(value, "path"), "the whole object")
	text, err := json.Marshal([]any{value})
	if err == nil {
		_, err = patchjson6902.Filter{Patch: string(text)}.Filter([]*kyaml.RNode{o.node})
	}
	switch {
	case err != nil && op == "test":
		return fmt.Sprintf("the test of %s fails", path)
	case err != nil:
		return fmt.Sprintf("the operation %s cannot find %s", op, path)
	case resid.FromRNode(o.node) != o.id():
		return fmt.Sprintf("the operation %s of %s changes which object it is", op, path)
	}
	return ""
}

// merge applies an object of a strategic merge patch. As in kustomize, the kind, name and namespace stay the
// same, whatever the patch contains.
func (o *patching) merge(patch *kyaml.RNode) (problem string) {
	id := o.id()
	patch = patch.Copy()
	patch.SetApiVersion(o.APIVersion)
	patch.SetKind(id.Kind)
	merged, err := patchstrategicmerge.Filter{Patch: patch}.Filter([]*kyaml.RNode{o.node})
	switch {
	case err != nil:
		return "it does not fit the fields of the object"
	case len(merged) == 0 || merged[0].IsNilOrEmpty():
		return "it deletes the object, which the rollout needs"
	}
	o.node = merged[0]
	if err := cmp.Or(o.node.SetName(id.Name), o.node.SetNamespace(id.Namespace)); err != nil {
		return "it replaces the metadata, which must hold the name and the namespace"
	}
	return ""
}

// result returns the patched object, or the unpatched one if the cluster would reject the patched one or the
// rollout would break.
func (o *patching) result(r *Rollout) manifest.Rendered {
	if o.failed || len(o.steps) == 1 {
		return o.Rendered
	}
	at := schema.Path{"patches"}
	if len(o.steps) == 2 {
		at = o.steps[1].at
	}
	text, problems := o.patched(r)
	for _, p := range problems {
		r.Report(diag.PatchBreaks, at, fmt.Sprintf("the patches break %s: %s", o.Identity(), p.Message), p.Hint)
	}
	if len(problems) > 0 {
		return o.Rendered
	}
	if r.steps == nil {
		r.steps = map[manifest.Identity][]patchStep{}
	}
	r.steps[o.Identity()] = o.steps
	m := *o.Object
	m.Patched = text
	return manifest.Rendered{Object: &m, Origin: o.Origin}
}

// patched returns the JSON of the patched object, and the problems that prevent using it.
func (o *patching) patched(r *Rollout) (json.RawMessage, []rules.Problem) {
	one := func(message, hint string) []rules.Problem { return []rules.Problem{{Message: message, Hint: hint}} }
	yamlText, err := o.node.String()
	if err == nil && manifest.IsSubstituted([]byte(yamlText)) && o.Metadata.Annotations[manifest.FluxSubstitute] == "" {
		if err := o.node.PipeE(kyaml.SetAnnotation(manifest.FluxSubstitute, "disabled")); err != nil {
			return nil, one("its metadata cannot hold annotations", "")
		}
		yamlText, err = o.node.String()
	}
	unpatched := o.steps[0].node
	var text []byte
	var value api.Values
	if err == nil {
		text, err = yaml.YAMLToJSON([]byte(yamlText))
	}
	if err == nil {
		err = json.Unmarshal(text, &value)
	}
	if err != nil {
		return nil, one("it cannot be written as JSON", "use text for keys, and only finite numbers")
	}
	known := openapi.SchemaForResourceType(kyaml.TypeMeta{APIVersion: o.APIVersion, Kind: o.Kind})
	if bad := findMismatch(map[string]any(value), known, nil); bad != nil {
		return nil, one(fmt.Sprintf("the API server would reject %s: %s", bad.Path, bad.Message), bad.Hint)
	}
	if at, why := badKey(map[string]any(value), nil); at != nil {
		return nil, one(fmt.Sprintf("the API server would reject %s: %s", at, why), "at most 63 letters, digits, '-', '_' and '.', with an optional prefix such as example.com/")
	}
	for _, f := range settled(r, o.Kind) {
		if is := scalarAt(o.node, f.path); is != scalarAt(unpatched, f.path) {
			return nil, one(fmt.Sprintf("the rollout relies on %s, which would be %s", f.path, cmp.Or(is, "missing")), f.instead)
		}
	}
	if why, hint := refusedText(r, o.Kind, text); why != "" {
		return nil, one(why, hint)
	}
	patched := o.Output()
	patched.Value, patched.Form = map[string]any(value), output.Patched
	var problems []rules.Problem
	for _, bad := range output.Check([]output.Object{patched}) {
		problems = append(problems, one("the API server would reject "+bad.Explain(), bad.Hint)...)
	}
	if len(problems) > 0 && len(output.Check([]output.Object{o.Output()})) > 0 {
		problems = nil // the patches did not cause them
	}
	return inOrderOf(unpatched, text), problems
}

// refusedText returns why the reader of a text in a patched object would reject it, or "". Other mismatches are
// left to the schema.
func refusedText(r *Rollout, kind string, object []byte) (why, hint string) {
	switch kind {
	case "Canary":
		var canary struct {
			Spec flagger.Canary `json:"spec"`
		}
		if json.Unmarshal(object, &canary) != nil {
			return "", ""
		}
		if refused := schema.CheckTexts(&canary); len(refused) > 0 {
			return refusal(refused[0])
		}
		if problems := r.On.Rejected(&canary.Spec); len(problems) > 0 {
			rejects := "Istio would reject"
			if canary.Spec.Provider == flagger.GatewayAPI {
				rejects = "the API server would reject the HTTPRoute for"
			}
			return fmt.Sprintf("%s %s: %s", rejects, problems[0].Path, problems[0].Message), problems[0].Hint
		}
	case "MetricTemplate":
		var template struct {
			Spec flagger.MetricTemplate `json:"spec"`
		}
		if json.Unmarshal(object, &template) != nil {
			return "", ""
		}
		if refused := schema.CheckTexts(&template); len(refused) > 0 {
			return refusal(refused[0])
		}
		if !rules.IsAddress(template.Spec.Provider) {
			return "spec.provider.address is not the URL of a server", "http://prometheus.monitoring:9090"
		}
	}
	return "", ""
}

func refusal(r schema.Rejection) (why, hint string) {
	return fmt.Sprintf("%s is not valid: %s", r.Path, r.Message), r.Hint
}

// CheckEnd reports patches that prevent every version from being promoted.
func (r *Rollout) CheckEnd() {
	run, ok := r.Judged.Good()
	if !ok {
		return
	}
	for _, o := range r.Objects() {
		spec, ok := o.Spec.(flagger.Canary)
		spec.Unmeasured = r.Judged.Unmeasured
		if ok && run.Outcome == spec.Run(r.On.Simulated(), flagger.Scenario{}).Outcome {
			return // the patches are not the cause
		}
	}
	const endingHint = "remove the changes to spec.analysis from the patches"
	switch last := run.Ticks[len(run.Ticks)-1]; run.Outcome {
	case flagger.Endless:
		r.Report(diag.NeverEnds, schema.Path{"patches"}, fmt.Sprintf("with the patches, a rollout never ends: even a good version stays %s with %d%% of the traffic", last.Phase, last.Canary), endingHint)
	case flagger.RolledBack:
		r.Report(diag.NeverEnds, schema.Path{"patches"}, "with the patches, every version is rolled back, even a good one", endingHint)
	}
}

// A settledField is a field on which other objects and the checks of the rollout rely.
type settledField struct {
	path    schema.Path
	instead string
}

// settled returns the fields of a kind that patches must not change.
func settled(r *Rollout, kind string) []settledField {
	fields := slices.Clip(settledFields[kind])
	if kind == "Canary" {
		for _, service := range []string{"apex", "canary", "primary"} {
			for key := range r.On.ServiceMeta(r.Port) {
				fields = append(fields, settledField{schema.Path{"spec", "service", service, "annotations", key}, "set protocol of the rollout instead"})
			}
		}
	}
	return fields
}

// settledFields holds the settled fields of every rollout; the Application sets them.
var settledFields = map[string][]settledField{
	"Canary": {
		{schema.Path{"metadata", "annotations", rules.MeshAnnotation}, "set meshName of the rollout instead"},
		{schema.Path{"metadata", "annotations", rules.RequestsAnnotation}, "set expectedTraffic of the rollout instead"},
		{schema.Path{"metadata", "annotations", rules.MatchingAnnotation}, "set expectedTraffic of the rollout instead"},
		{schema.Path{"metadata", "annotations", rules.ErrorRateAnnotation}, "set expectedTraffic of the rollout instead"},
		{schema.Path{"spec", "provider"}, "set trafficRoutingProvider of the rollout instead"},
		{schema.Path{"spec", "targetRef", "name"}, "set workload of the rollout instead"},
		{schema.Path{"spec", "targetRef", "kind"}, "set workload of the rollout instead"},
		{schema.Path{"spec", "ingressRef", "name"}, "patch the rendered Ingress instead"},
		{schema.Path{"spec", "service", "name"}, "set serviceName of the rollout instead"},
		{schema.Path{"spec", "service", "port"}, "set port of the rollout instead"},
		{schema.Path{"spec", "service", "targetPort"}, "set targetPort of the rollout instead"},
		{schema.Path{"spec", "service", "appProtocol"}, "set appProtocol of the rollout instead"},
		{schema.Path{"spec", "metricsServer"}, "set metricsServer of the rollout instead"},
		{schema.Path{"spec", "autoscalerRef", "kind"}, "set autoscalerRef of the rollout instead"},
		{schema.Path{"spec", "autoscalerRef", "name"}, "set autoscalerRef of the rollout instead"},
	},
	"Ingress": {
		{schema.Path{"spec", "rules", 0, "host"}, "set host of the rollout instead; a patch may add rules after the first"},
		{schema.Path{"spec", "rules", 0, "http", "paths", 0, "backend", "service", "name"}, "set serviceName of the rollout instead"},
	},
	"Service": {
		{schema.Path{"spec", "selector", "app"}, ""},
		{schema.Path{"spec", "ports", 0, "port"}, ""},
	},
	"Deployment": {
		{schema.Path{"spec", "template", "metadata", "labels", "app"}, ""},
	},
}

// scalarAt returns the scalar at a path, or "".
func scalarAt(object *kyaml.RNode, path schema.Path) string {
	if n := nodeAt(object, path); n != nil {
		return n.Value
	}
	return ""
}

// nodeAt returns the node at a path of names and indices, or nil.
func nodeAt(object *kyaml.RNode, path schema.Path) *kyaml.Node {
	names := make([]string, len(path))
	for i, name := range path {
		names[i] = fmt.Sprint(name)
	}
	found, err := object.Pipe(kyaml.Lookup(names...))
	if err != nil {
		return nil
	}
	return found.YNode()
}

// findMismatch returns the first value that violates Kubernetes' own schema, or nil. It accepts everything in
// unknown kinds.
func findMismatch(value any, known *openapi.ResourceSchema, path schema.Path) *rules.Problem {
	if known == nil || known.IsMissingOrNull() || value == nil {
		return nil
	}
	if message := wrongType(value, known); message != "" {
		return &rules.Problem{Path: path, Message: message}
	}
	switch v := value.(type) {
	case map[string]any:
		if len(known.Schema.Properties) == 0 && known.Schema.AdditionalProperties == nil {
			return nil // free-form
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			field := known.Field(name)
			if field == nil && known.Schema.AdditionalProperties == nil {
				hint := diag.DidYouMean(name, slices.Sorted(maps.Keys(known.Schema.Properties)), "")
				return &rules.Problem{Path: path, Message: fmt.Sprintf("unknown field %q", name), Hint: hint}
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

// badKey returns the path of the first label or annotation key that the API server rejects or that kustomize
// cannot build, and why (k8s.io/apimachinery pkg/api/validation, ValidateAnnotations;
// pkg/apis/meta/v1/validation, ValidateLabels).
func badKey(value any, path schema.Path) (at schema.Path, why string) {
	list, _ := value.([]any)
	for i, item := range list {
		if at, why := badKey(item, path.With(i)); at != nil {
			return at, why
		}
	}
	fields, _ := value.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		keys, ok := fields[name].(map[string]any)
		if !ok || name != "labels" && name != "annotations" {
			if at, why := badKey(fields[name], path.With(name)); at != nil {
				return at, why
			}
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			switch {
			case len(validation.IsQualifiedName(strings.ToLower(key))) > 0:
				return path.With(name), fmt.Sprintf("%q is not a valid key", key)
			case !schema.IsBuildable(path.With(name), key):
				return path.With(name), fmt.Sprintf("kustomize drops the quotes of %q, which is text only in quotes", key)
			}
		}
	}
	return nil, ""
}

// typeNames holds words for the types of Kubernetes' own schema.
var typeNames = map[string]string{
	"string": "text", "integer": "a whole number", "number": "a number",
	"boolean": "true or false", "object": "a mapping", "array": "a list",
}

// wrongType returns the type that Kubernetes' own schema requires, or "" if the value has it.
func wrongType(value any, known *openapi.ResourceSchema) string {
	if len(known.Schema.Type) != 1 {
		return ""
	}
	is, found := typeOf(value)
	expected := typeNames[known.Schema.Type[0]]
	fits := is == known.Schema.Type[0] || is == "integer" && expected == "a number"
	switch {
	case known.Schema.Format == "int-or-string":
		expected = "a whole number or text"
		fits = is == "string" || is == "integer" || is == "number"
	case strings.HasPrefix(known.Schema.Description, "Quantity is"):
		expected = "a quantity such as 100m, 0.5 or 64Mi"
		_, err := resource.ParseQuantity(fmt.Sprint(value))
		fits = err == nil
	}
	if fits {
		return ""
	}
	return fmt.Sprintf("expected %s, got %s", expected, found)
}

// typeOf returns the type of a value in Kubernetes' own schema, and a description of the value.
func typeOf(value any) (name, words string) {
	switch v := value.(type) {
	case map[string]any:
		return "object", "a mapping"
	case []any:
		return "array", "a list"
	case string:
		return "string", fmt.Sprintf("the text %q", v)
	case bool:
		return "boolean", fmt.Sprint(v)
	case float64:
		return "number", fmt.Sprintf("the number %v", v)
	}
	return "integer", fmt.Sprintf("the number %v", value)
}

// inOrderOf returns the JSON of an object with its fields in the order of another object, and new fields last.
func inOrderOf(other *kyaml.RNode, text []byte) []byte {
	node := kyaml.MustParse(string(text))
	if order.SyncOrder(other, node) != nil {
		return text // a list was replaced by a value of another type
	}
	return appendJSON(nil, node.YNode())
}

// appendJSON appends a node that was parsed from JSON.
func appendJSON(b []byte, n *kyaml.Node) []byte {
	switch {
	case n.Kind == kyaml.MappingNode:
		b = append(b, '{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			b = append(appendJSON(b, n.Content[i]), ':')
			b = append(appendJSON(b, n.Content[i+1]), ',')
		}
		return append(bytes.TrimSuffix(b, []byte(",")), '}')
	case n.Kind == kyaml.SequenceNode:
		b = append(b, '[')
		for _, item := range n.Content {
			b = append(appendJSON(b, item), ',')
		}
		return append(bytes.TrimSuffix(b, []byte(",")), ']')
	case n.Style == kyaml.DoubleQuotedStyle:
		text, err := json.Marshal(n.Value)
		if err != nil {
			panic(err) // text can be encoded
		}
		return append(b, text...)
	}
	return append(b, n.Value...)
}
