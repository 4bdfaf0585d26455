// Package patch reads patches as kustomize does.
package patch

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"
	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fleetwright/fleetwright/schema"
)

var (
	inPatch  = schema.Path{"patch"}
	inTarget = schema.Path{"target"}
)

// Check returns why kustomize would reject a patch, the field of the patch, and a hint
// (sigs.k8s.io/kustomize/api/internal/builtins/PatchTransformer.go). It does not call kustomize itself: linking
// it would cost more at every start than the rest of a small render.
func Check(p kustomize.Patch) (field schema.Path, message, hint string) {
	if field, message, hint = checkSelector(p.Target); message != "" {
		return field, message, hint
	}
	message, hint = checkText(strings.TrimSpace(p.Patch), p.Target)
	return inPatch, message, hint
}

// checkText checks the text of a patch: partial objects, or JSON patch operations.
func checkText(text string, target *kustomize.Selector) (message, hint string) {
	if strings.HasPrefix(text, "[") {
		var operations []map[string]any
		if err := json.Unmarshal([]byte(text), &operations); err != nil {
			return "the patch begins with [, so kustomize reads it as JSON, but it is not valid JSON", "put the names in quotes, or begin each operation with a dash on its own line"
		}
		return checkJSONPatch(operations, target)
	}
	const neither = "the patch is neither a partial object nor a list of JSON patch operations"
	const either = "write an object with apiVersion, kind, metadata.name and the fields to change, or a list such as [{\"op\": \"replace\", \"path\": \"/spec/replicas\", \"value\": 2}] with a target"
	documents, err := Read([]byte(text))
	if err != nil || len(documents) == 0 {
		return neither, either
	}
	if list, ok := documents[0].([]any); ok && len(documents) == 1 {
		operations := make([]map[string]any, len(list))
		for i, o := range list {
			operations[i], _ = o.(map[string]any)
		}
		return checkJSONPatch(operations, target)
	}
	for _, d := range documents {
		object, ok := d.(map[string]any)
		if !ok {
			return neither, either
		}
		if TextField(object, "kind") == "" || TextField(object["metadata"], "name") == "" {
			return "a strategic merge patch needs apiVersion, kind and metadata.name, even with a target", "name the object in the patch; with a target, any name works"
		}
	}
	if len(documents) > 1 && target != nil {
		return fmt.Sprintf("a patch with a target holds one object, but this one holds %d", len(documents)), "write one patch for each object"
	}
	return "", ""
}

// checkSelector checks the target of a patch: regular expressions, and selectors
// of labels (sigs.k8s.io/kustomize/api/types/selector.go).
func checkSelector(t *kustomize.Selector) (field schema.Path, message, hint string) {
	if t == nil {
		return nil, "", ""
	}
	for _, f := range []struct{ name, value string }{
		{"group", t.Group}, {"version", t.Version}, {"kind", t.Kind}, {"name", t.Name}, {"namespace", t.Namespace},
	} {
		if _, err := regexp.Compile(f.value); err != nil {
			return inTarget.With(f.name), fmt.Sprintf("%q is not a valid regular expression, and kustomize reads it as one", f.value), "escape characters such as [ and ( with a backslash"
		}
	}
	for _, f := range []struct{ name, value string }{{"labelSelector", t.LabelSelector}, {"annotationSelector", t.AnnotationSelector}} {
		if _, err := labels.Parse(f.value); err != nil {
			return inTarget.With(f.name), fmt.Sprintf("%q is not a valid selector", f.value), f.name + ": app=web,tier!=test"
		}
	}
	return nil, "", ""
}

// Read returns the YAML documents of a patch that are not empty.
func Read(text []byte) (documents []any, err error) {
	err = yaml.Load(text, &documents, yaml.WithAllDocuments(), yaml.WithPlugin(loaderlimits.New()))
	return slices.DeleteFunc(documents, func(d any) bool { return d == nil }), err
}

// TextField returns a field of an object, or "" where it holds no text.
func TextField(object any, name string) string {
	fields, _ := object.(map[string]any)
	s, _ := fields[name].(string)
	return s
}

// checkJSONPatch checks the parts of a JSON patch that do not depend on the patched object
// (gopkg.in/evanphx/json-patch.v4, patch.go).
func checkJSONPatch(operations []map[string]any, target *kustomize.Selector) (message, hint string) {
	if target == nil {
		return "a JSON patch needs a target", "target: {kind: Deployment, name: …}"
	}
	for _, o := range operations {
		op := TextField(o, "op")
		path, hasPath := o["path"].(string)
		from, hasFrom := o["from"].(string)
		needsFrom := op == "move" || op == "copy"
		switch {
		case !slices.Contains([]string{"add", "remove", "replace", "move", "copy", "test"}, op):
			return fmt.Sprintf("unknown JSON patch operation %q", op), "op: add, remove, replace, move, copy or test"
		case !hasPath:
			return fmt.Sprintf("the operation %s has no path", op), "path: /spec/replicas"
		case needsFrom && !hasFrom:
			return fmt.Sprintf("the operation %s has no from", op), "from: /metadata/labels/old"
		case path == "" && !takesAll(op, o["value"]):
			return fmt.Sprintf("the operation %s needs a path into the object", op), "path: /spec/replicas"
		case path != "" && !strings.HasPrefix(path, "/"):
			return fmt.Sprintf("the path %q of a JSON patch does not begin with /", path), "path: /" + path
		case needsFrom && !strings.HasPrefix(from, "/"):
			return fmt.Sprintf("the from %q of a JSON patch does not begin with /", from), "from: /" + from
		}
	}
	return "", ""
}

// takesAll reports whether an operation accepts the empty path, which is the whole object.
func takesAll(op string, value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return op == "replace" || op == "test"
	}
	return op == "test"
}
