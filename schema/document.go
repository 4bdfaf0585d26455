package schema

import (
	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// A File is text that documents are read from.
type File struct {
	// Name is what diagnostics call the file.
	Name string
	// Data is the text: one or many YAML or JSON documents.
	Data []byte
	// Unnumbered says that nobody has the text, so that its lines must not be named:
	// it was made of objects, such as those that a KRM function is given.
	Unnumbered bool

	// marked says that there are byte order marks in documents.
	marked bool
}

// position is a place in the file.
func (f File) position(line, column int) diag.Position {
	return diag.Position{File: f.Name, Line: line, Column: column, Unnumbered: f.Unnumbered}
}

// A Document is one object of an input kind.
type Document struct {
	// Kind of the document.
	Kind Kind
	// Name and Namespace are those of its metadata, as far as they can be read.
	Name, Namespace string
	// Object is the typed object: *Application, *Fleet and so on. It is nil
	// where the document does not have the shape of its kind; it then still
	// tells what is there, so that nothing that refers to it is called missing.
	Object any
	// Valid says whether the document can be compiled: whether it has the shape
	// of its kind and breaks no rule that the compiler relies on.
	Valid bool

	// Salvaged says that Object is only what is right of the document: its rollouts can
	// be checked, but not all that it defines is there.
	Salvaged bool

	file File
	node *yaml.Node
	// wrong are the places of what does not have the shape of the kind.
	wrong []Path
}

// Position of the value at a path. Where there is no value, it is that of the
// nearest field above it.
func (d *Document) Position(path ...any) diag.Position {
	node := d.node
	if len(node.Content) > 0 {
		node = node.Content[0]
	}
	at := node
	node = d.node
	for _, element := range path {
		key, value := child(node, element)
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

// keyPosition is that of a key of the mapping at a path.
func (d *Document) keyPosition(path Path, key string) diag.Position {
	if n := d.value(path); n != nil {
		if key, _ := child(n, key); key != nil {
			return d.at(key)
		}
	}
	return d.Position(path...)
}

// Text is the scalar at a path, also where the document does not have the shape
// of its kind. Where there is none it is empty.
func (d *Document) Text(path ...any) string {
	if n := d.value(path); n != nil && n.Kind == yaml.ScalarNode && !isNull(n) {
		return n.Value
	}
	return ""
}

// Has says whether there is a value at a path, also where the document does not
// have the shape of its kind.
func (d *Document) Has(path ...any) bool {
	n := d.value(path)
	return n != nil && !isNull(n)
}

// Len is the number of items of the list at a path, also where the document does
// not have the shape of its kind.
func (d *Document) Len(path ...any) int {
	if n := d.value(path); n != nil && n.Kind == yaml.SequenceNode {
		return len(n.Content)
	}
	return 0
}

// value is the node at a path, or nil.
func (d *Document) value(path Path) *yaml.Node {
	n := d.node
	for _, element := range path {
		if _, n = child(n, element); n == nil {
			return nil
		}
	}
	return resolve(n)
}

// Diagnostic says something about the value at a path.
func (d *Document) Diagnostic(code diag.Code, path Path, message, hint string) diag.Diagnostic {
	return diag.New(code, d.Position(path...), path.String(), message, hint)
}

func (d *Document) at(n *yaml.Node) diag.Position {
	return d.file.position(n.Line, n.Column)
}

// child finds a field of a mapping, with its key, or an item of a list.
func child(n *yaml.Node, element any) (key, value *yaml.Node) {
	n = resolve(n)
	switch e := element.(type) {
	case string:
		if n.Kind != yaml.MappingNode {
			return nil, nil
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == e {
				return n.Content[i], n.Content[i+1]
			}
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if isMerge(n.Content[i]) {
				for _, source := range mergeSources(n.Content[i+1]) {
					if key, value := child(source, e); value != nil {
						return key, value
					}
				}
			}
		}
	case int:
		if n.Kind == yaml.SequenceNode && e < len(n.Content) {
			return nil, n.Content[e]
		}
	}
	return nil, nil
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}
