package krm

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
	"sigs.k8s.io/kustomize/kyaml/kio/kioutil"

	"github.com/fleetwright/fleetwright/schema"
)

// An Object is an object of a list. Only its methods change its content, and its comments stay.
type Object struct{ node *yaml.Node }

// isOrchestrators reports whether an orchestrator has set an annotation for this run only.
func isOrchestrators(annotation string) bool {
	switch annotation {
	case legacyPath, legacyIndex, legacyID, kustomizeID:
		return true
	}
	return strings.HasPrefix(annotation, "internal.config.kubernetes.io/")
}

// Annotations in which orchestrators of version v1beta1 pass the place of an object to a function
// (kyaml kio/kioutil, where they are deprecated).
const (
	legacyPath  = "config.kubernetes.io/path"
	legacyIndex = "config.kubernetes.io/index"
	legacyID    = "config.k8s.io/id"
)

// kustomizeID is the annotation by which kustomize recognises an object
// (kustomize, api/internal/plugins/utils/utils.go).
const kustomizeID = "kustomize.config.k8s.io/id"

// ref names the object.
func (o *Object) ref() *ResourceRef {
	metadata := field(o.node, "metadata")
	return &ResourceRef{text(o.node, "apiVersion"), o.kind(), text(metadata, "namespace"), text(metadata, "name")}
}

// kind of the object, or "".
func (o *Object) kind() string { return text(o.node, "kind") }

// isForeign reports whether fleetwright ignores an object, or all objects of a List.
func (o *Object) isForeign() bool {
	all := o.elements()
	if all == nil {
		all = []*Object{o}
	}
	for _, o := range all {
		if ref := o.ref(); !schema.IsForeign(ref.APIVersion, ref.Kind) {
			return false
		}
	}
	return true
}

// annotation returns the value of an annotation, or "".
func (o *Object) annotation(key string) string { return text(o.node, "metadata", "annotations", key) }

// annotate sets an annotation of a rendered object.
func (o *Object) annotate(key, value string) {
	metadata := field(o.node, "metadata")
	if metadata == nil {
		metadata = &yaml.Node{Kind: yaml.MappingNode}
		// After apiVersion and kind, where people expect metadata.
		o.node.Content = slices.Insert(o.node.Content, min(4, len(o.node.Content)), scalar("metadata"), metadata)
	}
	annotations := field(metadata, "annotations")
	if annotations == nil {
		annotations = &yaml.Node{Kind: yaml.MappingNode}
		metadata.Content = append(metadata.Content, scalar("annotations"), annotations)
	}
	annotations.Content = append(annotations.Content, scalar(key), scalar(value))
}

// path returns the file and the index of the object in the package. It ignores paths that kustomize invents.
func (o *Object) path() (path string, index int, ok bool) {
	if o.annotation(kustomizeID) != "" {
		return "", 0, false
	}
	path = cmp.Or(o.annotation(kioutil.PathAnnotation), o.annotation(legacyPath))
	index, _ = strconv.Atoi(cmp.Or(o.annotation(kioutil.IndexAnnotation), o.annotation(legacyIndex)))
	return path, index, path != ""
}

// place sets the file and the index of a rendered object in the package.
func (o *Object) place(path string, index int) {
	at := strconv.Itoa(index)
	o.annotate(legacyIndex, at)
	o.annotate(legacyPath, path)
	o.annotate(kioutil.IndexAnnotation, at)
	o.annotate(kioutil.PathAnnotation, path)
}

// isCopyOf reports whether two objects are equal except for their annotations.
func (o *Object) isCopyOf(p *Object) bool {
	every := func(string) bool { return true }
	return same(withoutAnnotations(o.node, every), withoutAnnotations(p.node, every))
}

// own returns the object without the annotations of the orchestrator.
func (o *Object) own() *yaml.Node { return withoutAnnotations(o.node, isOrchestrators) }

// withoutAnnotations returns a node without some of its annotations. It shares the other nodes.
func withoutAnnotations(n *yaml.Node, which func(key string) bool) *yaml.Node {
	metadata := resolve(field(n, "metadata"))
	annotations := resolve(field(metadata, "annotations"))
	if annotations == nil || annotations.Kind != yaml.MappingNode {
		return n
	}
	kept := *annotations
	kept.Content = nil
	for i := 0; i+1 < len(annotations.Content); i += 2 {
		if !which(annotations.Content[i].Value) {
			kept.Content = append(kept.Content, annotations.Content[i], annotations.Content[i+1])
		}
	}
	if len(kept.Content) == len(annotations.Content) {
		return n
	}
	with := &kept
	if len(kept.Content) == 0 {
		with = nil
	}
	return withField(n, "metadata", withField(metadata, "annotations", with))
}

// withField returns a mapping with another value for a field, or without the field.
func withField(n *yaml.Node, name string, value *yaml.Node) *yaml.Node {
	changed := *n
	changed.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch key := n.Content[i]; {
		case key.Value != name:
			changed.Content = append(changed.Content, key, n.Content[i+1])
		case value != nil:
			changed.Content = append(changed.Content, key, value)
		}
	}
	return &changed
}

// elements returns the objects in a v1 List, or nil for any other object.
func (o *Object) elements() (all []*Object) {
	items := field(o.node, "items")
	if ref := o.ref(); ref.APIVersion != "v1" || ref.Kind != "List" || items == nil {
		return nil
	}
	for _, item := range items.Content {
		if item = resolve(item); item.Kind == yaml.MappingNode {
			all = append(all, &Object{item})
		}
	}
	return all
}

// parseObjects reads the objects of a file.
func parseObjects(data []byte) ([]*Object, error) {
	documents, err := load(data)
	var objects []*Object
	for _, d := range documents {
		objects = append(objects, &Object{d})
	}
	return objects, err
}

// field returns the value of a field of a mapping, or nil.
func field(n *yaml.Node, name string) *yaml.Node {
	if n = resolve(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; key.Kind == yaml.ScalarNode && key.Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// text returns the scalar at a path of fields, or "".
func text(n *yaml.Node, path ...string) string {
	for _, name := range path {
		n = field(n, name)
	}
	if n = resolve(n); n == nil || n.Kind != yaml.ScalarNode || isNull(n) {
		return ""
	}
	return n.Value
}

// resolve follows aliases to the node that they stand for.
func resolve(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// scalar returns a text node.
func scalar(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}
