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

// maxPatched is how large patches may make an object, in bytes: an API server takes no larger one
// (etcd's --max-request-bytes), and copying a part of an object into itself doubles it.
const maxPatched = 1 << 20

// The most that the patches of a rollout may have: objects and operations, each of which goes
// through all of its object, and bytes, since what is merged is looked for field by field.
const (
	maxParts = 250
	maxPatch = 64 << 10
)

// checkPatches reports the patches of the rollout that kustomize would refuse.
func checkPatches(r *Rollout) {
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
		text, err := json.Marshal(o.Object)
		if err != nil {
			panic(err) // what cannot be encoded is in no manifest
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
			r.Report(diag.PatchFails, at.With("patch"), fmt.Sprintf("with this patch the patches have more than %d bytes", maxPatch), "remove what the workload's own manifests can hold")
			break
		}
		parts := patchParts(p.Patch)
		if left -= len(parts); left < 0 {
			r.Report(diag.PatchFails, at.With("patch"), fmt.Sprintf("with this patch the patches have more than %d objects and operations", maxParts), "merge into each object once, and add all fields below a path in one operation")
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

// A patchStep is an object as a patch has left it, or as it was without patches.
type patchStep struct {
	// at is the patch.
	at   schema.Path
	node *kyaml.RNode
}

// A patching is an object while patches are applied to it.
type patching struct {
	manifest.Rendered
	node *kyaml.RNode
	// steps are the object without patches, and what each patch that was applied has made of it.
	steps []patchStep
	// failed objects are left as they were, and reported.
	failed bool
}

// applyPatch applies one patch to the objects that it means.
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
				r.Report(diag.PatchFails, at.With("patch"), fmt.Sprintf("%s of %s", problem, o.Identity()), "")
			}
		}
		if isMeant {
			o.steps = append(o.steps, patchStep{at, o.node.Copy()})
		}
	}
	// As for kustomize, a target may mean nothing of some parts, and without one each part means an object.
	if !slices.Contains(means, true) || p.Target == nil && slices.Contains(means, false) {
		var names []string
		for _, o := range all {
			names = append(names, o.Identity().String())
		}
		hint := "there are " + diag.Some(names, diag.MostNames) + "; without a target a patch names the namespace too"
		if revision := patch.Label([]kustomize.Patch{p}, "Namespace", r.Namespace, rules.IstioRevision); revision != "" {
			hint = fmt.Sprintf("plugin: {flagger: {installed: {istio: {revision: %s}}}} in the Fleet's spec; for a Namespace of your manifests the same patch in kustomization.patches", revision)
		}
		r.Report(diag.PatchMatchesNothing, at, "none of the rollout's objects is meant by the patch", hint)
	}
}

// A patchPart is an object of a strategic merge patch, or an operation of a JSON patch.
type patchPart struct {
	object    *kyaml.RNode
	operation any
}

// patchParts are the parts of a patch, which checkPatches has checked.
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

// applyPart applies a part of a patch to the object, and returns why it cannot.
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
		return fmt.Sprintf("the patch makes more than %d bytes", maxPatched)
	}
	return ""
}

// isMeant reports whether the target of a patch, or without one the patch itself, names the object.
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

// id returns what the patched object must still be.
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
		return fmt.Sprintf("the operation %s does not find %s", op, path)
	case resid.FromRNode(o.node) != o.id():
		return fmt.Sprintf("the operation %s of %s makes another object", op, path)
	}
	return ""
}

// merge applies an object of a strategic merge patch. Like kustomize it keeps the
// object's kind, name and namespace, whatever the patch calls it.
func (o *patching) merge(patch *kyaml.RNode) (problem string) {
	id := o.id()
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
	if err := cmp.Or(o.node.SetName(id.Name), o.node.SetNamespace(id.Namespace)); err != nil {
		return "the patch has no place for the name and the namespace"
	}
	return ""
}

// result returns the object as the patches have left it, or without them where the cluster
// or the rollout would not work with that.
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
		r.Report(diag.PatchBreaks, at, fmt.Sprintf("the patches make %s one that %s", o.Identity(), p.Message), p.Hint)
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

// patched returns the JSON of the patched object, or why it is none that may be applied.
func (o *patching) patched(r *Rollout) (json.RawMessage, []rules.Problem) {
	one := func(message, hint string) []rules.Problem { return []rules.Problem{{Message: message, Hint: hint}} }
	yamlText, err := o.node.String()
	if err == nil && manifest.IsSubstituted([]byte(yamlText)) && o.Metadata.Annotations[manifest.FluxSubstitute] == "" {
		if err := o.node.PipeE(kyaml.SetAnnotation(manifest.FluxSubstitute, "disabled")); err != nil {
			return nil, one("has no place for annotations", "")
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
		return nil, one("JSON cannot hold", "use text for keys, and numbers that are numbers")
	}
	known := openapi.SchemaForResourceType(kyaml.TypeMeta{APIVersion: o.APIVersion, Kind: o.Kind})
	if bad := findMismatch(map[string]any(value), known, nil); bad != nil {
		return nil, one(fmt.Sprintf("the cluster does not take: %s: %s", bad.Path, bad.Message), bad.Hint)
	}
	if at, why := badKey(map[string]any(value), nil); at != nil {
		return nil, one(fmt.Sprintf("the cluster does not take: %s: %s", at, why), "at most 63 letters, digits, '-', '_' and '.', with a prefix such as example.com/ or none")
	}
	for _, f := range settled(r, o.Kind) {
		if is := scalarAt(o.node, f.path); is != scalarAt(unpatched, f.path) {
			return nil, one(fmt.Sprintf("the rollout does not work with: %s is %s", f.path, cmp.Or(is, "gone")), f.instead)
		}
	}
	if why, hint := refusedText(r, o.Kind, text); why != "" {
		return nil, one(why, hint)
	}
	patched := o.Output()
	patched.Value, patched.Form = map[string]any(value), output.Patched
	var problems []rules.Problem
	for _, bad := range output.Check([]output.Object{patched}) {
		problems = append(problems, one("the cluster does not take: "+bad.Explain(), bad.Hint)...)
	}
	if len(problems) > 0 && len(output.Check([]output.Object{o.Output()})) > 0 {
		problems = nil // the patches are not to blame
	}
	return inOrderOf(unpatched, text), problems
}

// refusedText returns why a text of a patched object would be refused by its reader, if one
// would. An object of another shape is left to its schema.
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
			refuses := "Istio refuses"
			if canary.Spec.Provider == flagger.GatewayAPI {
				refuses = "the API server refuses of the HTTPRoute"
			}
			return fmt.Sprintf("%s: %s: %s", refuses, problems[0].Path, problems[0].Message), problems[0].Hint
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
			return "Flagger cannot ask: spec.provider.address is not the URL of a server", "http://prometheus.monitoring:9090"
		}
	}
	return "", ""
}

func refusal(r schema.Rejection) (why, hint string) {
	return fmt.Sprintf("is refused: %s: %s", r.Path, r.Message), r.Hint
}

// CheckEnd reports patches that keep every version from being promoted.
func (r *Rollout) CheckEnd() {
	run, ok := r.Judged.Good()
	if !ok {
		return
	}
	for _, o := range r.Objects() {
		spec, ok := o.Spec.(flagger.Canary)
		spec.Unmeasured = r.Judged.Unmeasured
		if ok && run.Outcome == spec.Run(r.On.Simulated(), flagger.Scenario{}).Outcome {
			return // whatever the reason, it is not the patches
		}
	}
	switch last := run.Ticks[len(run.Ticks)-1]; run.Outcome {
	case flagger.Endless:
		r.Report(diag.NeverEnds, schema.Path{"patches"}, fmt.Sprintf("with the patches a rollout never ends: however good the version is, it stays %s with %d%% of the traffic", last.Phase, last.Canary), "")
	case flagger.RolledBack:
		r.Report(diag.NeverEnds, schema.Path{"patches"}, "with the patches every version is rolled back, however good it is", "")
	}
}

// A settledField is one that other objects, and the checks of the rollout, rely on.
type settledField struct {
	path    schema.Path
	instead string
}

// settled are the fields of a kind that patches cannot change.
func settled(r *Rollout, kind string) []settledField {
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
		{schema.Path{"metadata", "annotations", rules.RequestsAnnotation}, "expectedTraffic of the rollout"},
		{schema.Path{"metadata", "annotations", rules.MatchingAnnotation}, "expectedTraffic of the rollout"},
		{schema.Path{"metadata", "annotations", rules.ErrorRateAnnotation}, "expectedTraffic of the rollout"},
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

// scalarAt returns the scalar at a path, or nothing.
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

// findMismatch returns the first value that Kubernetes' own schema does not allow, or nil. Of
// a kind that it does not know everything is allowed.
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

// badKey returns the first key of a label or an annotation that the API server rejects or
// kustomize cannot build: where it is, and why
// (k8s.io/apimachinery pkg/api/validation, ValidateAnnotations; pkg/apis/meta/v1/validation, ValidateLabels).
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
				return path.With(name), fmt.Sprintf("%q is not a key that Kubernetes takes", key)
			case !schema.IsBuildable(path.With(name), key):
				return path.With(name), fmt.Sprintf("kustomize drops the quotes of %q, which is no text without them", key)
			}
		}
	}
	return nil, ""
}

// typeNames are the types of Kubernetes' own schema in words.
var typeNames = map[string]string{
	"string": "text", "integer": "a whole number", "number": "a number",
	"boolean": "true or false", "object": "a mapping", "array": "a list",
}

// wrongType returns what Kubernetes' own schema expects instead of a value, or nothing
// where the value is of that type.
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

// typeOf returns the type of a value as Kubernetes' own schema calls it, and the value in words.
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

// inOrderOf returns the JSON of an object with the fields of mappings in the order of another,
// and those that it has not behind them.
func inOrderOf(other *kyaml.RNode, text []byte) []byte {
	node := kyaml.MustParse(string(text))
	if order.SyncOrder(other, node) != nil {
		return text // something else is where a list was
	}
	return appendJSON(nil, node.YNode())
}

// appendJSON appends a node that was read from JSON.
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
