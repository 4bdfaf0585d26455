package patch

import (
	"regexp"
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"
)

// Label returns the value of an object's label after patches, or "" if they do not set it. An empty name stands
// for every object of the kind.
func Label(patches []kustomize.Patch, kind, name, label string) (value string) {
	for _, p := range patches {
		pointer := inPointer.Replace(label)
		if !strings.Contains(p.Patch, label) && !strings.Contains(p.Patch, pointer) {
			continue
		}
		documents, err := Read([]byte(p.Patch))
		if err != nil {
			continue // Check reports it
		}
		for _, d := range documents {
			if operations, ok := d.([]any); ok {
				for _, o := range operations {
					if MaySelect(p.Target, "", kind, name) {
						value = labelOf(o, pointer, label, value)
					}
				}
				continue
			}
			metadata, _ := d.(map[string]any)["metadata"].(map[string]any)
			own := TextField(d, "kind") == kind && (name == "" || TextField(metadata, "name") == name)
			labels, _ := metadata["labels"].(map[string]any)
			if set, ok := labels[label]; ok && (p.Target == nil && own || p.Target != nil && MaySelect(p.Target, "", kind, name)) {
				value, _ = set.(string)
			}
		}
	}
	return value
}

// inPointer writes a key as JSON pointers do (RFC 6901).
var inPointer = strings.NewReplacer("~", "~0", "/", "~1")

// labelOf returns the value of a label after an operation of a JSON patch.
func labelOf(operation any, pointer, label, before string) string {
	o, _ := operation.(map[string]any)
	set := TextField(o, "op") == "add" || TextField(o, "op") == "replace"
	switch TextField(o, "path") {
	case "/metadata/labels/" + pointer:
		if set {
			return TextField(o, "value")
		}
		if TextField(o, "op") == "remove" {
			return ""
		}
	case "/metadata/labels":
		if set {
			return TextField(o["value"], label)
		}
	}
	return before
}

// MaySelect reports whether a target may match an object, by its group, kind and name. Empty arguments are
// unknown.
func MaySelect(t *kustomize.Selector, group, kind, name string) bool {
	matches := func(pattern, text string) bool {
		if pattern == "" || text == "" || pattern == text {
			return true
		}
		if regexp.QuoteMeta(pattern) == pattern {
			return false
		}
		re, err := regexp.Compile("^(?:" + pattern + ")$")
		return err == nil && re.MatchString(text)
	}
	return t != nil && matches(t.Group, group) && matches(t.Kind, kind) && matches(t.Name, name)
}
