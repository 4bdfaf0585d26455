package schema

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// A field is one of a kind's, as an editor is told of it.
type field struct {
	*jsonSchema
	kind        Kind
	name        string
	description string
}

// unread says of a field that nothing becomes of its value.
var unread = regexp.MustCompile(`\b(not read|ignored)\b`)

// eachField runs a test on every field of every kind.
func eachField(t *testing.T, test func(t *testing.T, f field)) {
	type described struct {
		Description string                `json:"description"`
		Properties  map[string]*described `json:"properties"`
		Defs        map[string]*described `json:"$defs"`
	}
	for _, kind := range Kinds() {
		var words described
		if err := json.Unmarshal(kind.JSONSchema(), &words); err != nil {
			t.Fatal(err)
		}
		root := kind.jsonSchema()
		structs, said := map[string]*jsonSchema{kind.Name: root}, map[string]*described{kind.Name: &words}
		for name, s := range root.Defs {
			structs[name], said[name] = s, words.Defs[name]
		}
		for of, s := range structs {
			for name, p := range s.Properties {
				t.Run(kind.Name+"/"+of+"."+name, func(t *testing.T) {
					test(t, field{p, kind, name, said[of].Properties[name].Description})
				})
			}
		}
	}
}

// isText says whether a value of the schema is text, or holds nothing else.
func (f field) isText(s *jsonSchema) bool {
	s = (&explainer{root: f.kind.jsonSchema()}).schema(s)
	switch {
	case s.Items != nil:
		return f.isText(s.Items)
	case s.AdditionalProperties != nil && len(s.Properties) == 0:
		return f.isText(s.AdditionalProperties)
	}
	return s.Type == "string" || len(s.OneOf) > 0
}

// shown says whether an editor has a value to show.
func (f field) shown() bool {
	return f.Const != "" || len(f.Enum) > 0 || len(f.Default) > 0 || len(f.Examples) > 0
}

// TestEveryFieldIsDescribed is what an editor shows beside a field, in more than its
// own name.
func TestEveryFieldIsDescribed(t *testing.T) {
	eachField(t, func(t *testing.T, f field) {
		if words := strings.Fields(f.description); len(words) < 2 {
			t.Errorf("it is described as %q", f.description)
		}
	})
}

// TestEveryTextShowsItsForm asks for a value that an editor can insert: of every
// text, which has a form that its type does not say, and of every number that
// cannot be 0, which an editor would write.
func TestEveryTextShowsItsForm(t *testing.T) {
	eachField(t, func(t *testing.T, f field) {
		positive := f.Minimum != nil && *f.Minimum > 0
		if (f.isText(f.jsonSchema) || positive) && !f.shown() && !unread.MatchString(f.description) {
			t.Error("it has no enum, default or example")
		}
	})
}

// TestDefaultsAndExamplesAreAccepted: what an editor inserts, and what a hint says to
// write, must be of the schema that it is from.
func TestDefaultsAndExamplesAreAccepted(t *testing.T) {
	eachField(t, func(t *testing.T, f field) {
		if !f.shown() {
			return
		}
		e := explainer{doc: &Document{Kind: f.kind}, root: f.kind.jsonSchema()}
		values := append(f.Examples, json.RawMessage(e.placeholder(f.jsonSchema)))
		if len(f.Default) > 0 {
			values = append(values, f.Default)
		}
		for _, value := range values {
			nodes, list := parse(File{Data: value})
			if len(nodes) != 1 {
				t.Fatalf("%s: %v", value, list)
			}
			e.value(nodes[0], f.jsonSchema, Path{f.name})
			for _, d := range e.list {
				t.Errorf("%s: %s", value, d.Message)
			}
		}
	})
}
