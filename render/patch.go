package render

import (
	"fmt"
	"regexp"

	"github.com/fluxcd/pkg/apis/kustomize"
	"sigs.k8s.io/yaml"
)

// A patchObject is what a strategic merge patch needs to find what it patches.
type patchObject struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
}

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
	var content any
	if err := yaml.Unmarshal([]byte(p.Patch), &content); err == nil {
		switch v := content.(type) {
		case []any:
			var operations []patchOperation
			if yaml.Unmarshal([]byte(p.Patch), &operations) == nil && len(v) > 0 {
				return checkJSONPatch(operations, p.Target)
			}
		case map[string]any:
			var object patchObject
			if yaml.Unmarshal([]byte(p.Patch), &object) == nil && object.Kind != "" && object.Metadata.Name != "" {
				return "", ""
			}
			return "a strategic merge patch needs apiVersion, kind and metadata.name, with a target as well", "name the object in the patch; with a target any name will do"
		}
	}
	return "the patch is neither a part of an object nor a list of JSON patch operations",
		"write an object with apiVersion, kind, metadata.name and what to change, or a list such as [{op: replace, path: /spec/replicas, value: 2}] with a target"
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
