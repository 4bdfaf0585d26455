package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"
	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// A patchOperation is one of a JSON patch (RFC 6902).
type patchOperation struct {
	Op   string `json:"op"`
	Path string `json:"path"`
}

// checkPatch says why kustomize would refuse a patch, and what to write instead
// (sigs.k8s.io/kustomize/api/internal/builtins/PatchTransformer.go). kustomize
// itself is not asked: to link it costs more at every start than all the rest of
// a small render.
func checkPatch(p kustomize.Patch) (message, hint string) {
	if t := p.Target; t != nil {
		for _, field := range []string{t.Group, t.Version, t.Kind, t.Name, t.Namespace} {
			if _, err := regexp.Compile(field); err != nil {
				return fmt.Sprintf("the target's %q is not a regular expression, which kustomize takes it for", field), "escape characters such as [ and ( with a backslash"
			}
		}
	}
	const neither = "the patch is neither a part of an object nor a list of JSON patch operations"
	const either = "write an object with apiVersion, kind, metadata.name and what to change, or a list such as [{\"op\": \"replace\", \"path\": \"/spec/replicas\", \"value\": 2}] with a target"
	text := []byte(strings.TrimSpace(p.Patch))
	if bytes.HasPrefix(text, []byte("[")) {
		var operations []patchOperation
		if err := json.Unmarshal(text, &operations); err != nil {
			return "the patch begins with [, so kustomize takes it for JSON, which it is not", "put the names in quotes, or begin each operation on a line of its own, with a dash"
		}
		return checkJSONPatch(operations, p.Target)
	}
	documents, err := readPatch(text)
	if err != nil || len(documents) == 0 {
		return neither, either
	}
	if list, ok := documents[0].([]any); ok && len(documents) == 1 {
		var operations []patchOperation
		for _, o := range list {
			operations = append(operations, patchOperation{Op: textField(o, "op"), Path: textField(o, "path")})
		}
		return checkJSONPatch(operations, p.Target)
	}
	for _, d := range documents {
		object, ok := d.(map[string]any)
		if !ok {
			return neither, either
		}
		if textField(object, "kind") == "" || textField(object["metadata"], "name") == "" {
			return "a strategic merge patch needs apiVersion, kind and metadata.name, with a target as well", "name the object in the patch; with a target any name will do"
		}
	}
	if len(documents) > 1 && p.Target != nil {
		return fmt.Sprintf("a patch with a target holds one object, this one holds %d", len(documents)), "make a patch of each"
	}
	return "", ""
}

// readPatch reads the YAML documents of a patch that are not empty.
func readPatch(text []byte) (documents []any, err error) {
	err = yaml.Load(text, &documents, yaml.WithAllDocuments(), yaml.WithPlugin(loaderlimits.New()))
	return slices.DeleteFunc(documents, func(d any) bool { return d == nil }), err
}

// textField is a field that holds text.
func textField(object any, name string) string {
	fields, _ := object.(map[string]any)
	s, _ := fields[name].(string)
	return s
}

func checkJSONPatch(operations []patchOperation, target *kustomize.Selector) (message, hint string) {
	if target == nil {
		return "a JSON patch needs a target", "target: {kind: Deployment, name: …}"
	}
	for _, o := range operations {
		switch o.Op {
		case "add", "remove", "replace", "move", "copy", "test":
		default:
			return fmt.Sprintf("a JSON patch has no operation %q", o.Op), "op: add, remove, replace, move, copy or test"
		}
		if o.Path != "" && o.Path[0] != '/' {
			return fmt.Sprintf("the path %q of a JSON patch does not begin with /", o.Path), "path: /" + o.Path
		}
	}
	return "", ""
}
