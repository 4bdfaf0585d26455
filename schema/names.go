package schema

import (
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// The longest names of an object, and of a Mesh, whose name goes into a label.
const (
	maxName     = validation.DNS1123SubdomainMaxLength
	maxMeshName = validation.LabelValueMaxLength
)

// maxQuoted is the longest name of an object that is compiled though it is too long, to
// find its other mistakes: diagnostics about its policies may quote the name.
const maxQuoted = 1000

// checkNames checks constraints that patterns do not: lengths that a
// pattern would count too slowly, and the keys of labels and annotations.
func (d *Document) checkNames(object map[string]any) diag.List {
	var list diag.List
	longest := maxName
	if d.Kind.Name == "Mesh" {
		longest = maxMeshName
	}
	if len(d.Name) > longest {
		list = append(list, d.Diagnostic(diag.WrongFormat, Path{"metadata", "name"},
			fmt.Sprintf("the name has %d characters; Kubernetes allows at most %d", len(d.Name), longest), ""))
	}
	return append(list, d.checkKeys(object, nil)...)
}

// freeForm are the fields whose contents are free-form.
var freeForm = []string{"extraArgs", "values", "status", "managedFields"}

// qualified are the fields whose keys are label keys of Kubernetes.
var qualified = []string{"labels", "annotations", "matchLabels", "sourceLabels"}

// maxAnnotations is how large all annotations of an object may be, in bytes
// (k8s.io/apimachinery pkg/api/validation, TotalAnnotationSizeLimitB).
const maxAnnotations = 256 << 10

func sizeOf(annotations map[string]any) (size int) {
	for key, value := range annotations {
		text, _ := value.(string)
		size += len(key) + len(text)
	}
	return size
}

// IsBuildable reports whether kustomize can build the key of a label or an annotation at a path.
// It writes the annotations of an object anew, without quotes, so a key must be text without
// them (sigs.k8s.io/kustomize/kyaml v0.21 yaml, RNode.SetAnnotations; measured).
func IsBuildable(at Path, key string) bool {
	if len(at) != 2 || at[0] != "metadata" || at[1] != "annotations" {
		return true
	}
	var plain yaml.Node
	err := yaml.Unmarshal([]byte(key), &plain)
	return err == nil && len(plain.Content) == 1 && plain.Content[0].ShortTag() == "!!str"
}

// checkKeys checks the keys of all labels and annotations below a value.
func (d *Document) checkKeys(value any, path Path) (list diag.List) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			at := append(path, name)
			switch {
			case slices.Contains(freeForm, name):
			case slices.Contains(qualified, name):
				keys, _ := v[name].(map[string]any)
				if size := sizeOf(keys); name == "annotations" && size > maxAnnotations {
					list = append(list, d.Diagnostic(diag.WrongFormat, at, fmt.Sprintf("the annotations have %d bytes with their keys; Kubernetes allows at most %d", size, maxAnnotations), "move large data to a ConfigMap"))
				}
				for _, key := range slices.Sorted(maps.Keys(keys)) {
					if len(validation.IsQualifiedName(key)) > 0 {
						list = append(list, diag.New(diag.WrongFormat, d.keyPosition(at, key), d.where(at.With(key)),
							fmt.Sprintf("%q is not a valid label or annotation key: at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit", key),
							"write a key such as app.kubernetes.io/name or team"))
					} else if !IsBuildable(at, key) {
						list = append(list, diag.New(diag.WrongFormat, d.keyPosition(at, key), d.where(at.With(key)),
							fmt.Sprintf("kustomize cannot build the annotation %q: it drops the quotes, and without them YAML reads no text", key),
							fmt.Sprintf("add a prefix: example.com/%s", key)))
					}
				}
			default:
				list = append(list, d.checkKeys(v[name], at)...)
			}
		}
	case []any:
		for i, item := range v {
			list = append(list, d.checkKeys(item, append(path, i))...)
		}
	}
	return list
}
