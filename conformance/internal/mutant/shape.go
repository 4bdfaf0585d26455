// Package mutant changes documents at random by their JSON Schemas. New fields of a schema are included
// automatically.
package mutant

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/schema"
)

// A shape is the part of a JSON Schema that package schema uses.
type shape struct {
	Ref        string            `json:"$ref"`
	Type       string            `json:"type"`
	Properties map[string]*shape `json:"properties"`
	Required   []string          `json:"required"`
	Items      *shape            `json:"items"`
	// Additional is false, or the shape of a map's values.
	Additional json.RawMessage `json:"additionalProperties"`
	OneOf      []*shape        `json:"oneOf"`
	// AnyOf holds a shape and its alternatives for editors: a cluster variable, or null.
	AnyOf    []*shape `json:"anyOf"`
	Enum     []any    `json:"enum"`
	Const    any      `json:"const"`
	Pattern  string   `json:"pattern"`
	Minimum  *float64 `json:"minimum"`
	Maximum  *float64 `json:"maximum"`
	Examples []any    `json:"examples"`
	// DoNotSuggest marks fields that are ignored or rejected.
	DoNotSuggest bool `json:"doNotSuggest"`

	Defs map[string]*shape `json:"$defs"`

	values  *shape
	pattern *regexp.Regexp
}

// shapes returns the shapes of all kinds by name, with references resolved.
func shapes() map[string]*shape {
	all := map[string]*shape{}
	for _, k := range schema.Kinds() {
		root := &shape{}
		if err := json.Unmarshal(k.JSONSchema(), root); err != nil {
			panic(fmt.Sprintf("the JSON Schema of %s: %v", k.Name, err))
		}
		root.resolve(root.Defs, map[*shape]bool{})
		all[k.Name] = root
	}
	return all
}

func (s *shape) resolve(defs map[string]*shape, done map[*shape]bool) {
	if done[s] {
		return
	}
	done[s] = true
	if len(s.AnyOf) > 0 {
		examples, doNotSuggest := s.Examples, s.DoNotSuggest
		*s = *s.AnyOf[0]
		s.Examples, s.DoNotSuggest = examples, doNotSuggest || s.DoNotSuggest
	}
	if strings.HasPrefix(s.Ref, "#/$defs/Partial") {
		// The fields of a merged shape belong to the whole.
		*s = shape{DoNotSuggest: true}
		return
	}
	if name := strings.TrimPrefix(s.Ref, "#/$defs/"); name != "" {
		definition := defs[name]
		definition.resolve(defs, done)
		doNotSuggest, examples := s.DoNotSuggest, s.Examples
		*s = *definition
		s.DoNotSuggest = doNotSuggest || definition.DoNotSuggest
		if len(examples) > 0 {
			s.Examples = examples
		}
		return
	}
	if s.Pattern != "" {
		s.pattern = regexp.MustCompile(s.Pattern)
	}
	var values shape
	if json.Unmarshal(s.Additional, &values) == nil && len(s.Additional) > 0 {
		s.values = &values
		s.values.resolve(defs, done)
	}
	for _, p := range s.Properties {
		p.resolve(defs, done)
	}
	if s.Items != nil {
		s.Items.resolve(defs, done)
	}
	for _, o := range s.OneOf {
		o.resolve(defs, done)
	}
}

// isLeaf reports whether values of the shape have no fields.
func (s *shape) isLeaf() bool { return len(s.Properties) == 0 && s.Items == nil && s.values == nil }

// A step leads from a value to one in it: a field, an item of a list, or a value of a map.
type step struct {
	field string
	kind  stepKind
}

type stepKind int

const (
	ofObject stepKind = iota
	ofList
	ofMap
)

// A field is a leaf of a kind's documents.
type field struct {
	// name is the kind, followed by the field's name in docs/fields.md.
	name  string
	kind  string
	steps []step
	shape *shape
}

func nameOf(kind string, steps []step) string {
	var b strings.Builder
	b.WriteString(kind + " ")
	for i, s := range steps {
		switch s.kind {
		case ofList:
			b.WriteString("[]")
		case ofMap:
			b.WriteString(".*")
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.field)
		}
	}
	return b.String()
}

// fieldsOf returns the fields of a kind, except those that are ignored, are rejected, or have only one value.
func fieldsOf(kind string, root *shape) (all []*field) {
	var walk func(s *shape, steps []step)
	walk = func(s *shape, steps []step) {
		steps = slices.Clip(steps)
		switch {
		case s.DoNotSuggest, len(s.Enum) == 1, s.Const != nil:
		case s.isLeaf():
			all = append(all, &field{nameOf(kind, steps), kind, steps, s})
		case s.Items != nil:
			walk(s.Items, append(steps, step{"", ofList}))
		case s.values != nil:
			walk(s.values, append(steps, step{"", ofMap}))
		default:
			for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
				walk(s.Properties[name], append(steps, step{name, ofObject}))
			}
		}
	}
	walk(root, nil)
	return all
}
