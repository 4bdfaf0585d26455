package schema

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// The longest names of an object, and of a Mesh, whose name goes into a label.
const (
	maxName     = validation.DNS1123SubdomainMaxLength
	maxMeshName = validation.LabelValueMaxLength
)

// maxQuoted is the longest name of an object that is compiled though it is too long, to
// find its other mistakes: what is said of each of its policies may quote the name.
const maxQuoted = 1000

// checkNames checks what the patterns of the shape leave open: lengths that a
// pattern would count too slowly, and the keys of labels and annotations.
func (d *Document) checkNames(object map[string]any) diag.List {
	var list diag.List
	longest := maxName
	if d.Kind.Name == "Mesh" {
		longest = maxMeshName
	}
	if len(d.Name) > longest {
		list = append(list, d.Diagnostic(diag.WrongFormat, Path{"metadata", "name"},
			fmt.Sprintf("the name has %d characters, Kubernetes takes at most %d", len(d.Name), longest), ""))
	}
	return append(list, d.checkKeys(object, nil)...)
}

// freeForm are the fields with values for others, in which nothing is known.
var freeForm = []string{"extraArgs", "values", "status", "managedFields"}

// qualified are the fields whose keys are names that Kubernetes takes for labels.
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
					list = append(list, d.Diagnostic(diag.WrongFormat, at, fmt.Sprintf("the annotations have %d bytes with their keys, Kubernetes takes at most %d", size, maxAnnotations), "put large data into a ConfigMap"))
				}
				for _, key := range slices.Sorted(maps.Keys(keys)) {
					if len(validation.IsQualifiedName(key)) > 0 {
						list = append(list, diag.New(diag.WrongFormat, d.keyPosition(at, key), at.With(key).String(),
							fmt.Sprintf("%q is not a key that Kubernetes takes: at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit", key),
							"a prefix such as example.com/ may stand before it"))
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
