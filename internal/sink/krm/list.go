// Package krm implements the KRM function: it reads the ResourceList of kustomize or kpt, and
// returns it with the rendered objects. It is pure: the caller passes a function that reads files.
//
// It reads and writes lists itself. kyaml's kio accepts a mapping as items and any document as a
// list, rejects null keys, restarts line numbers in each document, uses the name of an alias as its
// value, and removes empty annotations from other objects. kyaml's framework drops the index 0 of
// results, and allocates half a megabyte at the start of every command.
package krm

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/fleetwright/fleetwright/internal/blockyaml"
	"github.com/fleetwright/fleetwright/internal/diag"
)

// A List is a ResourceList.
type List struct {
	// Items are the objects that the function receives, and then those that it returns.
	Items []*Object
	// FunctionConfig holds the settings of the function. It may be nil.
	FunctionConfig *Object

	apiVersion string
	// results are the results of earlier functions, or nil. others are the keys and values of
	// unknown fields.
	results *yaml.Node
	others  []*yaml.Node
}

// listFields are the fields of a ResourceList.
var listFields = []string{"apiVersion", "kind", "items", "functionConfig", "results"}

// listKind and listVersions are the kind and the versions of a ResourceList
// (kustomize, cmd/config/docs/api-conventions/functions-spec.md).
const listKind = "ResourceList"

var listVersions = []string{"config.kubernetes.io/v1", "config.kubernetes.io/v1beta1"}

// maxDepth limits the nesting of values. It is far above the depth of any object, or of a CRD's OpenAPI.
const maxDepth = 1000

// ErrSyntax is the error for a text that is not YAML.
var ErrSyntax = errors.New("not valid YAML")

// Parse reads a ResourceList, as YAML or JSON. Its nodes have no cycles, and every item can be moved or
// removed without the others. The error is ErrSyntax or a *diag.Mistake.
func Parse(data []byte) (*List, error) {
	documents, err := load(data)
	if err != nil {
		return nil, err
	}
	root, what := &yaml.Node{}, fmt.Sprintf("%d documents", len(documents))
	if len(documents) == 1 {
		root, what = documents[0], "a document without a kind"
	}
	version, kind := text(root, "apiVersion"), text(root, "kind")
	if kind != listKind {
		if kind != "" {
			what = "a document of kind " + kind
		}
		return nil, diag.NewMistake("the standard input is "+what+", not a ResourceList",
			"kustomize and kpt pass a ResourceList; to compile documents: fleetwright render - -o -")
	}
	if !slices.Contains(listVersions, version) {
		message := fmt.Sprintf("unknown version %s of ResourceList", version)
		if version == "" {
			message = "the ResourceList has no apiVersion"
		}
		return nil, diag.NewMistake(message, "apiVersion: "+listVersions[0])
	}
	l := &List{apiVersion: version}
	var mistakes []string
	if config := field(root, "functionConfig"); config != nil && !isNull(config) {
		if why := unfit(config); why != "" {
			mistakes = append(mistakes, "functionConfig of the ResourceList is "+why)
		}
		l.FunctionConfig = &Object{config}
	}
	switch items := field(root, "items"); {
	case items == nil || isNull(items):
	case items.Kind != yaml.SequenceNode:
		mistakes = append(mistakes, "items of the ResourceList is not a list")
	default:
		for i, item := range items.Content {
			if why := unfit(item); why != "" {
				mistakes = append(mistakes, fmt.Sprintf("items[%d] of the ResourceList is %s", i, why))
			}
			l.Items = append(l.Items, &Object{item})
		}
	}
	if results := field(root, "results"); results != nil && !isNull(results) {
		if results.Kind != yaml.SequenceNode {
			mistakes = append(mistakes, "results of the ResourceList is not a list")
		}
		l.results = results
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if name := root.Content[i].Value; root.Content[i].Kind == yaml.ScalarNode && !slices.Contains(listFields, name) {
			l.others = append(l.others, root.Content[i], root.Content[i+1])
		}
	}
	for _, n := range append(slices.Clone(l.others), l.results) {
		if n == nil {
			continue
		}
		if alias := strange(n, map[*yaml.Node]bool{}); alias != nil {
			mistakes = append(mistakes, fmt.Sprintf("the ResourceList is incomplete: *%s is an alias of an item's value", alias.Value))
		}
	}
	if len(mistakes) > 0 {
		return nil, diag.NewMistake(strings.Join(mistakes, "\n"), "")
	}
	return l, nil
}

// unfit returns the reason why a node is not an object that can leave its list, or "".
func unfit(n *yaml.Node) string {
	if n.Kind != yaml.MappingNode {
		return "not an object"
	}
	if alias := strange(n, map[*yaml.Node]bool{}); alias != nil {
		return fmt.Sprintf("incomplete: *%s is an alias of a node outside it, or of a node that contains it", alias.Value)
	}
	return ""
}

// strange returns the first alias below a node whose anchor does not end before the alias, or nil.
func strange(n *yaml.Node, ended map[*yaml.Node]bool) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		if !ended[n.Alias] {
			return n
		}
		return nil
	}
	for _, child := range n.Content {
		if alias := strange(child, ended); alias != nil {
			return alias
		}
	}
	if n.Anchor != "" {
		ended[n] = true
	}
	return nil
}

// Encode writes the list with the results of the function, after those of earlier functions.
func (l *List) Encode(results []Result) ([]byte, error) {
	items := &yaml.Node{Kind: yaml.SequenceNode}
	for _, o := range l.Items {
		items.Content = append(items.Content, o.node)
	}
	root := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
		scalar("apiVersion"), scalar(l.apiVersion),
		scalar("kind"), scalar(listKind),
		scalar("items"), items,
	}}
	if l.FunctionConfig != nil {
		root.Content = append(root.Content, scalar("functionConfig"), l.FunctionConfig.node)
	}
	all := &yaml.Node{Kind: yaml.SequenceNode}
	if l.results != nil {
		all.Content = slices.Clone(l.results.Content)
	}
	if len(results) > 0 {
		encoded, err := blockyaml.Marshal(results)
		if err != nil {
			return nil, err
		}
		nodes, err := load(encoded)
		if err != nil {
			return nil, err
		}
		ours := nodes[0].Content
		all.Content = slices.DeleteFunc(all.Content, func(earlier *yaml.Node) bool { // results of an earlier run of this function
			return slices.ContainsFunc(ours, func(n *yaml.Node) bool { return same(earlier, n) })
		})
		all.Content = append(all.Content, ours...)
	}
	if len(all.Content) > 0 {
		root.Content = append(root.Content, scalar("results"), all)
	}
	root.Content = append(root.Content, l.others...)
	if data, ok := written(false, root); ok {
		return data, nil
	}
	for i, item := range items.Content {
		if _, ok := written(false, item); !ok {
			items.Content[i] = copied(item, true)
		}
	}
	return encode(root)
}

// load reads the documents of a text.
func load(data []byte) (documents []*yaml.Node, err error) {
	var all []yaml.Node
	limits := yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth), loaderlimits.AliasNone()))
	if yaml.Load(data, &all, yaml.WithAllDocuments(), limits) != nil {
		return nil, ErrSyntax
	}
	for _, n := range all {
		if len(n.Content) == 1 && !isNull(n.Content[0]) {
			documents = append(documents, n.Content[0])
		}
	}
	return documents, nil
}

// encode writes documents. It drops comments and style where the library would otherwise lose something, such as a
// null key.
func encode(documents ...*yaml.Node) ([]byte, error) {
	for _, plain := range []bool{false, true} {
		if data, ok := written(plain, documents...); ok {
			return data, nil
		}
	}
	return nil, errors.New("it cannot be written as equivalent YAML")
}

// written returns the text of documents, and reports whether parsing it gives the same documents.
func written(plain bool, documents ...*yaml.Node) (data []byte, ok bool) {
	copies := make([]*yaml.Node, len(documents))
	for i, d := range documents {
		copies[i] = copied(d, plain) // the library removes tags from its argument
	}
	data, err := yaml.Dump(copies, yaml.WithAllDocuments(), yaml.WithLineWidth(-1))
	if err != nil {
		return nil, false
	}
	read, err := load(data)
	return data, err == nil && slices.EqualFunc(read, documents, same)
}

// same reports whether two nodes are equal except for comments and style.
func same(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Anchor != b.Anchor {
		return false
	}
	switch a.Kind {
	case yaml.AliasNode:
		return a.Value == b.Value
	case yaml.ScalarNode:
		return a.ShortTag() == b.ShortTag() && (a.Value == b.Value || isNull(a))
	}
	return slices.EqualFunc(a.Content, b.Content, same)
}

// copied returns a deep copy of a node. A plain copy has neither comments nor style.
func copied(n *yaml.Node, plain bool) *yaml.Node {
	c := *n
	if plain {
		c = yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Anchor: n.Anchor, Alias: n.Alias}
		switch {
		case isNull(n):
			c.Value = "null"
		case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str":
			c.Style = yaml.DoubleQuotedStyle
		}
	}
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = copied(child, plain)
	}
	return &c
}
