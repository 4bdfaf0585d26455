package output

import (
	"maps"
	"slices"

	"cuelang.org/go/cue"

	"github.com/fleetwright/fleetwright/schema"
)

// shapeOf returns the shape that a definition requires of values in one place. Constraints that no
// shape can express are skipped.
func shapeOf(definition cue.Value, values ...any) *schema.Shape {
	definition = definition.Eval()
	switch kind := definition.IncompleteKind(); kind {
	case cue.StructKind:
		return mappingShape(definition, values)
	case cue.ListKind:
		return listShape(definition, values)
	case cue.BoolKind:
		return &schema.Shape{Type: schema.Boolean}
	case cue.IntKind, cue.NumberKind, cue.StringKind:
		s := &schema.Shape{Type: map[cue.Kind]schema.Type{cue.IntKind: schema.Integer, cue.NumberKind: schema.Number, cue.StringKind: schema.Text}[kind]}
		constrain(s, definition)
		return s
	case cue.StringKind | cue.IntKind:
		_, alternatives := definition.Expr()
		s := &schema.Shape{}
		for _, a := range alternatives {
			s.Either = append(s.Either, shapeOf(a))
		}
		return s
	}
	return &schema.Shape{}
}

// mappingShape returns the shape of mappings. Of the fields that a pattern allows, it has
// only those in the values.
func mappingShape(definition cue.Value, values []any) *schema.Shape {
	s := &schema.Shape{Type: schema.Mapping}
	if definition.Allows(cue.AnyString) {
		s.Items = &schema.Shape{}
	}
	alternatives := []cue.Value{definition}
	if op, args := definition.Expr(); op == cue.OrOp {
		alternatives = args
	}
	fields := map[string]schema.Field{}
	for _, a := range alternatives {
		required := addFields(fields, a, values, len(alternatives) == 1)
		if len(alternatives) > 1 {
			s.ExactlyOne = append(s.ExactlyOne, required...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		s.Fields = append(s.Fields, fields[name])
	}
	return s
}

// addFields adds the fields of a definition, and returns the names of those that it requires.
func addFields(to map[string]schema.Field, definition cue.Value, values []any, require bool) (required []string) {
	present := map[string][]any{}
	for _, v := range values {
		fields, _ := v.(map[string]any)
		for name, value := range fields {
			present[name] = append(present[name], value)
		}
	}
	names := slices.Collect(maps.Keys(present))
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
			to[name] = schema.Field{Name: name, Required: require && slices.Contains(required, name), Shape: shapeOf(field, present[name]...)}
		}
	}
	return required
}

func listShape(definition cue.Value, values []any) *schema.Shape {
	var items []any
	for _, v := range values {
		list, _ := v.([]any)
		items = append(items, list...)
	}
	item := definition.LookupPath(cue.MakePath(cue.AnyIndex))
	return &schema.Shape{Type: schema.List, Items: shapeOf(item, items...), NotEmpty: definition.LookupPath(cue.MakePath(cue.Index(0))).Exists()}
}

// notEmpty is the pattern of text that is not empty, for which package schema has words.
const notEmpty = `^[\s\S]+$`

// constrain adds the constraints of a definition on text or a number.
func constrain(s *schema.Shape, definition cue.Value) {
	op, args := definition.Expr()
	switch op {
	case cue.AndOp:
		for _, a := range args {
			constrain(s, a)
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
		s.Min = &least
	case cue.LessThanEqualOp:
		most, _ := args[0].Float64()
		s.Max = &most
	case cue.NoOp:
		if text, err := definition.String(); err == nil {
			s.Enum = []string{text}
		}
	}
}
