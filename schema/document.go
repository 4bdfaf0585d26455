package schema

import (
	"encoding/json"
	"slices"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// A File is text that documents are read from.
type File struct {
	// Name of the file in diagnostics.
	Name string
	// Data is the text: one or many YAML or JSON documents.
	Data []byte
	// Unnumbered reports whether the text was generated from objects, such as the input of a KRM
	// function, so that its line numbers mean nothing to a reader.
	Unnumbered bool

	// marked reports whether documents contain byte order marks.
	marked bool
}

func (f File) position(line, column int) diag.Position {
	return diag.Position{File: f.Name, Line: line, Column: column, Unnumbered: f.Unnumbered}
}

// A Document is one object of an input kind.
type Document struct {
	// Kind of the document.
	Kind Kind
	// Name and Namespace are in its metadata, if they can be read.
	Name, Namespace string
	// Object is the typed object, such as *Application, or nil where the document does not match
	// the schema of its kind. The document still defines its name then.
	Object any
	// Valid documents match the schema of their kind, and break no rule that the compiler needs.
	Valid bool

	// Scope is the clusters that the document applies to, or nil for all.
	Scope *diag.Scope

	// Partial documents lack the wrong fields of their rollouts; they can be checked but not rendered.
	Partial bool

	file File
	// node is the root, or nil where it is packed: once loaded, unless there are overrides or variables.
	node *yaml.Node
	// mappings are the pairs of those that were looked into, by their nodes.
	mappings sync.Map
	// variables are the sync policies in which variables of clusters are left, by their index.
	variables map[int]bool
	// templated are the places of texts with variables, bad those that cannot be resolved, and
	// reported are the values that do not have the shape of the kind.
	templated, bad map[diag.Position]bool
	reported       map[mistake]bool
	// origins are the places of the values that overrides set.
	origins
	packed packedTree
	// wrong are the places that do not have the shape of the kind.
	wrong wrong
	// open reports whether Flux may substitute in the document. It is false for an AlertProvider of Applications,
	// which is rendered unchanged. openAt holds the paths of values that Flux may replace, and their parents; it is
	// filled on first use.
	open     bool
	openOnce sync.Once
	openAt   map[string]bool
}

// A mistake is a code at a path.
type mistake struct {
	code diag.Code
	path string
}

// Position returns the position of the value at a path, or of the nearest field above it.
func (d *Document) Position(path ...any) diag.Position {
	if len(path) == 0 && d.node == nil {
		return d.packed.begin
	}
	t := d.tree()
	node, at := t.root, t.root
	if len(node.Content) > 0 {
		at = node.Content[0]
	}
	for _, element := range path {
		key, value := t.child(node, element)
		if value == nil {
			break
		}
		at, node = value, value
		if key != nil && (value.Kind == yaml.MappingNode || value.Kind == yaml.SequenceNode) {
			at = key
		}
	}
	return d.at(at)
}

// keyPosition returns the position of a key of the mapping at a path.
func (d *Document) keyPosition(path Path, key string) diag.Position {
	if key, _ := d.find(path.With(key)); key != nil {
		return d.at(key)
	}
	return d.Position(path...)
}

// Text returns the scalar at a path, or "". The document need not match its schema.
func (d *Document) Text(path ...any) string {
	if n := d.value(path); n != nil && n.Kind == yaml.ScalarNode && !isNull(n) {
		return n.Value
	}
	return ""
}

// Has reports whether there is a value at a path. The document need not match its schema.
func (d *Document) Has(path ...any) bool {
	n := d.value(path)
	return n != nil && !isNull(n)
}

// IsNull reports whether a path has a key without a value. The document need not match its schema.
func (d *Document) IsNull(path ...any) bool {
	n := d.value(path)
	return n != nil && isNull(n)
}

// Len returns the length of the list at a path. The document need not match its schema.
func (d *Document) Len(path ...any) int {
	if n := d.value(path); n != nil && n.Kind == yaml.SequenceNode {
		return len(n.Content)
	}
	return 0
}

// JSON returns the document as JSON, or nil where it cannot be read.
func (d *Document) JSON() []byte {
	dec := decoder{doc: d}
	object, ok := dec.value(d.tree().root, make(Path, 0, usualDepth)).(map[string]any)
	if !ok || dec.list.HasErrors() {
		return nil
	}
	data, err := json.Marshal(object)
	if err != nil {
		return nil
	}
	return data
}

// File returns the name of the file that has the document.
func (d *Document) File() string { return d.file.Name }

// value returns the node at a path, or nil.
func (d *Document) value(path Path) *yaml.Node {
	if _, n := d.find(path); n != nil {
		return resolve(n)
	}
	return nil
}

// find finds the value at a path, which may be an alias, and its key if it has one.
func (d *Document) find(path Path) (key, value *yaml.Node) {
	t := d.tree()
	value = t.root
	for _, element := range path {
		if key, value = t.child(value, element); value == nil {
			return nil, nil
		}
	}
	return key, value
}

// Texts returns the paths of the scalars that match. An aliased scalar is at its anchor.
func (d *Document) Texts(match func(text string) bool) []Path {
	return texts(d.tree().root, nil, match)
}

// texts returns the paths of the scalars that match at or below a path.
func texts(n *yaml.Node, at Path, match func(text string) bool) (paths []Path) {
	if n.Kind == yaml.ScalarNode && match(n.Value) {
		return []Path{slices.Clone(at)}
	}
	for i := 0; i < len(n.Content); i++ {
		var element any = i
		if n.Kind == yaml.MappingNode {
			element = n.Content[i].Value
			i++
		}
		paths = append(paths, texts(n.Content[i], append(at, element), match)...)
	}
	return paths
}

// Diagnostic returns a diagnostic about the value at a path.
func (d *Document) Diagnostic(code diag.Code, path Path, message, hint string) diag.Diagnostic {
	made := diag.New(code, d.Position(path...), d.where(path), message, hint)
	made.On, made.Resolved = d.Scope, d.Scope != nil && d.templated[made.Position]
	return made
}

func (d *Document) at(n *yaml.Node) diag.Position {
	return d.file.position(n.Line, n.Column)
}

func (t *tree) child(n *yaml.Node, element any) (key, value *yaml.Node) {
	n = resolve(n)
	switch e := element.(type) {
	case string:
		if n.Kind == yaml.MappingNode {
			return t.field(n, e)
		}
	case int:
		if n.Kind == yaml.SequenceNode && e < len(n.Content) {
			return nil, n.Content[e]
		}
	}
	return nil, nil
}

// field finds a field of a mapping, with its key. Most mappings are small, and not worth an index.
func (t *tree) field(n *yaml.Node, name string) (key, value *yaml.Node) {
	const few = 16
	for i := 0; i+1 < min(len(n.Content), 2*few); i += 2 {
		key := n.Content[i]
		if key.Value != name {
			continue
		}
		if text, _ := keyName(key); text == name { // which on, that is "true", and an alias are not
			return key, n.Content[i+1]
		}
	}
	pair := t.pairs(n)[name]
	return pair[0], pair[1]
}

// pairs returns the keys and values of a mapping by their names. The mapping's own keys
// override merged ones, and earlier merges override later ones.
func (t *tree) pairs(n *yaml.Node) map[string][2]*yaml.Node {
	if known, ok := t.mappings.Load(n); ok {
		return known.(map[string][2]*yaml.Node)
	}
	pairs := make(map[string][2]*yaml.Node, len(n.Content)/2)
	for _, p := range flatten(n) {
		pairs[p.name] = [2]*yaml.Node{p.key, p.value}
	}
	t.mappings.Store(n, pairs)
	return pairs
}

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}
