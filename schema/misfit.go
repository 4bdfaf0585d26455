package schema

import (
	"encoding/json"
	"maps"
	"slices"

	"cuelang.org/go/cue"
)

// misfits are the values that do not fit a definition, each by itself. They are found
// as those of a document are, since CUE's messages mask each other, and of alternatives
// name all.
func misfits(name string, definition cue.Value, value map[string]any) (all []OutputError) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	nodes, _ := parse(File{Data: text})
	if len(nodes) != 1 {
		return nil
	}
	e := explainer{doc: &Document{node: nodes[0]}, root: schemaOf(definition, value)}
	e.value(nodes[0], e.root, nil)
	for _, d := range e.list {
		all = append(all, OutputError{name, d.Path, d.Message, d.Hint})
	}
	return all
}

// schemaOf is what a definition says about values in one place, as far as a
// jsonSchema can say it.
func schemaOf(definition cue.Value, values ...any) *jsonSchema {
	definition = definition.Eval()
	switch kind := definition.IncompleteKind(); {
	case kind == cue.StructKind:
		return structSchema(definition, values)
	case kind == cue.ListKind:
		return listSchema(definition, values)
	case kind == cue.BoolKind:
		return &jsonSchema{Type: "boolean"}
	case kind == cue.IntKind, kind == cue.NumberKind, kind == cue.StringKind:
		s := &jsonSchema{Type: map[cue.Kind]string{cue.IntKind: "integer", cue.NumberKind: "number", cue.StringKind: "string"}[kind]}
		s.constrain(definition)
		return s
	case kind == cue.StringKind|cue.IntKind:
		_, alternatives := definition.Expr()
		s := &jsonSchema{}
		for _, a := range alternatives {
			s.OneOf = append(s.OneOf, schemaOf(a))
		}
		return s
	}
	return &jsonSchema{} // anything
}

// structSchema is the schema of mappings. Of the fields that a pattern allows it has
// those that there are.
func structSchema(definition cue.Value, values []any) *jsonSchema {
	s := &jsonSchema{Type: "object", Properties: map[string]*jsonSchema{}, AdditionalProperties: &jsonSchema{nothing: !definition.Allows(cue.AnyString)}}
	alternatives := []cue.Value{definition}
	if op, args := definition.Expr(); op == cue.OrOp {
		alternatives = args
	}
	for _, a := range alternatives {
		required := s.addFields(a, values)
		if len(alternatives) == 1 {
			s.Required = required
		} else {
			s.exactlyOne = append(s.exactlyOne, required...)
		}
	}
	return s
}

// addFields adds the fields of a definition, and says which are required.
func (s *jsonSchema) addFields(definition cue.Value, values []any) (required []string) {
	present := map[string][]any{}
	for _, v := range values {
		fields, _ := v.(map[string]any)
		for name, value := range fields {
			present[name] = append(present[name], value)
		}
	}
	names := slices.Sorted(maps.Keys(present))
	fields, err := definition.Fields(cue.Optional(true))
	for err == nil && fields.Next() {
		name := fields.Selector().Unquoted()
		if fields.Selector().ConstraintType() == cue.RequiredConstraint {
			required = append(required, name)
		}
		names = append(names, name)
	}
	for _, name := range names {
		if field := definition.LookupPath(cue.MakePath(cue.Str(name).Optional())); field.Exists() {
			s.Properties[name] = schemaOf(field, present[name]...)
		}
	}
	return required
}

// listSchema is the schema of lists.
func listSchema(definition cue.Value, values []any) *jsonSchema {
	var items []any
	for _, v := range values {
		list, _ := v.([]any)
		items = append(items, list...)
	}
	item := definition.LookupPath(cue.MakePath(cue.AnyIndex))
	return &jsonSchema{Type: "array", Items: schemaOf(item, items...), needsItem: definition.LookupPath(cue.MakePath(cue.Index(0))).Exists()}
}

// notEmpty is the pattern of text that is not empty.
const notEmpty = "^(?s:.+)$"

// constrain adds what a definition says about text or a number.
func (s *jsonSchema) constrain(definition cue.Value) {
	op, args := definition.Expr()
	switch op {
	case cue.AndOp:
		for _, a := range args {
			s.constrain(a)
		}
	case cue.OrOp:
		for _, a := range args {
			if text, err := a.String(); err == nil {
				s.Enum = append(s.Enum, text)
			}
		}
	case cue.RegexMatchOp:
		s.Pattern, _ = args[0].String()
	case cue.NotEqualOp:
		s.Pattern = notEmpty
	case cue.GreaterThanEqualOp, cue.GreaterThanOp:
		least, _ := args[0].Float64()
		if op == cue.GreaterThanOp {
			least++
		}
		s.Minimum = &least
	case cue.LessThanEqualOp:
		most, _ := args[0].Float64()
		s.Maximum = &most
	case cue.NoOp:
		if text, err := definition.String(); err == nil {
			s.Const = text
		}
	}
}
