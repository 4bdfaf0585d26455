package schema

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"cuelang.org/go/cue"
	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// maxWidth is how many items of a list, or fields of free names, CUE is given at once. It
// looks each of them up among the others one by one, so its time grows with their square.
const maxWidth = 100

// A piece is a document with a part of what it has too much of for CUE.
type piece struct {
	value any
	// begins are the lists of the piece that begin with a later item, the innermost first.
	// The first piece has none, and other pieces tell nothing new but of that list.
	begins []beginning
}

// A beginning is the number of the first item that a piece has of a list.
type beginning struct {
	list Path
	item int
}

// pieces divide a document so that every item of every list is in one with all that is
// around it. What CUE says of the document it says of one of them, since its rules are
// of items one by one: those of a Mesh are not, which therefore may have only so many.
// Of the fields with free names some are enough: no rule is about them, and their values
// have been explained.
func (k Kind) pieces(object map[string]any) []piece {
	return split(object, k.fieldNames())
}

// checkWidth reports the lists of a Mesh that have too many items to be compared with each
// other, which the rules of no other kind do.
func (d *Document) checkWidth() (list diag.List) {
	if d.Kind.Name != "Mesh" {
		return nil
	}
	var walk func(n *yaml.Node, path Path)
	walk = func(n *yaml.Node, path Path) {
		n = resolve(n)
		switch n.Kind {
		case yaml.SequenceNode:
			if len(n.Content) > maxWidth {
				list = append(list, d.Diagnostic(diag.OutOfBounds, path, fmt.Sprintf("expected at most %d items, got %d", maxWidth, len(n.Content)), ""))
				return
			}
			for i, item := range n.Content {
				walk(item, path.With(i))
			}
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				walk(n.Content[i+1], path.With(n.Content[i].Value))
			}
		}
	}
	walk(d.node, nil)
	return list
}

// fieldNames are the names of all fields of a kind, wherever they are.
func (k Kind) fieldNames() map[string]bool {
	return k.jsonSchema().names()
}

var schemaNames sync.Map // *jsonSchema → map[string]bool

// names are those of all fields in a schema.
func (s *jsonSchema) names() map[string]bool {
	if known, ok := schemaNames.Load(s); ok {
		return known.(map[string]bool)
	}
	names := map[string]bool{}
	s.addNames(names)
	for _, definition := range s.Defs {
		definition.addNames(names)
	}
	schemaNames.Store(s, names)
	return names
}

func (s *jsonSchema) addNames(names map[string]bool) {
	if s == nil {
		return
	}
	for name, field := range s.Properties {
		names[name] = true
		field.addNames(names)
	}
	s.Items.addNames(names)
	s.AdditionalProperties.addNames(names)
}

func split(value any, names map[string]bool) []piece {
	switch v := value.(type) {
	case map[string]any:
		return splitMapping(v, names)
	case []any:
		return splitList(v, names)
	}
	return []piece{{value: value}}
}

func splitMapping(fields map[string]any, names map[string]bool) []piece {
	first := make(map[string]any, min(len(fields), len(names)+maxWidth))
	var more []piece
	others := 0
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !names[name] {
			if others++; others > maxWidth {
				continue
			}
		}
		all := split(fields[name], names)
		first[name] = all[0].value
		for _, p := range all[1:] {
			more = append(more, p.below(name, map[string]any{name: p.value}))
		}
	}
	for i := range more {
		around := maps.Clone(first)
		maps.Copy(around, more[i].value.(map[string]any))
		more[i].value = around
	}
	return append([]piece{{value: first}}, more...)
}

func splitList(items []any, names map[string]bool) []piece {
	first := make([]any, len(items))
	var more []piece
	for i, item := range items {
		all := split(item, names)
		first[i] = all[0].value
		for _, p := range all[1:] {
			p = p.below(0, []any{p.value})
			p.begins = append(p.begins, beginning{item: i})
			more = append(more, p)
		}
	}
	pieces := []piece{{value: first[:min(len(first), maxWidth)]}}
	for at := maxWidth; at < len(first); at += maxWidth {
		pieces = append(pieces, piece{first[at:min(at+maxWidth, len(first))], []beginning{{item: at}}})
	}
	return append(pieces, more...)
}

// below is the piece in a value that has it at an element.
func (p piece) below(element, value any) piece {
	begins := make([]beginning, len(p.begins))
	for i, b := range p.begins {
		begins[i] = beginning{append(Path{element}, b.list...), b.item}
	}
	return piece{value, begins}
}

// inDocument is the path in the document of what is at a path in the piece, and whether
// the piece is the one to tell it.
func (p piece) inDocument(path Path) (Path, bool) {
	if len(p.begins) > 0 && !path.isBelow(p.begins[0].list) {
		return nil, false
	}
	path = slices.Clone(path)
	for _, b := range p.begins {
		if i, ok := path[len(b.list)].(int); ok {
			path[len(b.list)] = i + b.item
		}
	}
	return path, true
}

// isBelow reports whether a path leads to something in what is at another path.
func (p Path) isBelow(q Path) bool { return len(p) > len(q) && slices.Equal(p[:len(q)], q) }

// misfit is CUE's error where one of the pieces does not have a shape.
func misfit(shape cue.Value, pieces []piece) error {
	for _, p := range pieces {
		if err := shape.Unify(cueContext().Encode(p.value)).Validate(cue.Concrete(true)); err != nil {
			return err
		}
	}
	return nil
}
