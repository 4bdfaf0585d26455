package schema

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A jsonSchema is the part of JSON Schema that the generator uses and an editor reads.
type jsonSchema struct {
	Description string                 `json:"description"`
	Ref         string                 `json:"$ref"`
	Defs        map[string]*jsonSchema `json:"$defs"`
	Properties  map[string]*jsonSchema `json:"properties"`
	Items       *jsonSchema            `json:"items"`
	Others      json.RawMessage        `json:"additionalProperties"`
	Const       string                 `json:"const"`
	Enum        []string               `json:"enum"`
	AnyOf       []*jsonSchema          `json:"anyOf"`
	Examples    []json.RawMessage      `json:"examples"`
	Default     json.RawMessage        `json:"default"`
}

// A field is one of a kind's, as an editor is told of it, and its shape.
type field struct {
	*jsonSchema
	Field
}

// unread says of a field that nothing becomes of its value.
var unread = regexp.MustCompile(`\b(not read|ignored)\b`)

// resolve follows a reference in the schema.
func (s *jsonSchema) resolve(p *jsonSchema) *jsonSchema {
	if p.Ref == "" {
		return p
	}
	return s.Defs[strings.TrimPrefix(p.Ref, "#/$defs/")]
}

// eachField runs a test on every field of every kind.
func eachField(t *testing.T, test func(t *testing.T, f field)) {
	for _, kind := range Kinds() {
		var root jsonSchema
		if err := json.Unmarshal(kind.JSONSchema(), &root); err != nil {
			t.Fatal(err)
		}
		done := map[string]bool{}
		var walk func(name string, s *jsonSchema, shape *Shape)
		walk = func(name string, s *jsonSchema, shape *Shape) {
			if done[name] {
				return
			}
			done[name] = true
			for _, f := range shape.fields() {
				p := s.Properties[f.Name]
				t.Run(kind.Name+"/"+name+"."+f.Name, func(t *testing.T) { test(t, field{p, f}) })
				of := f.Shape
				for of.Items != nil {
					if p = root.resolve(p); p.Items == nil {
						others := p.Others
						p = new(jsonSchema)
						_ = json.Unmarshal(others, p) // or anything is allowed
					} else {
						p = p.Items
					}
					of = of.Items
				}
				walk(strings.TrimPrefix(p.Ref, "#/$defs/"), root.resolve(p), of)
			}
		}
		walk(kind.Name, &root, kind.shape())
	}
}

// shown reports whether an editor has a value to show.
func (f field) shown() bool {
	isEnum := func(s *jsonSchema) bool { return len(s.Enum) > 0 }
	return f.Const != "" || isEnum(f.jsonSchema) || slices.ContainsFunc(f.AnyOf, isEnum) || len(f.Default) > 0 || len(f.Examples) > 0
}

// TestEveryFieldIsDescribed is what an editor shows next to a field, in more than its
// own name.
func TestEveryFieldIsDescribed(t *testing.T) {
	eachField(t, func(t *testing.T, f field) {
		if words := strings.Fields(f.Description); len(words) < 2 {
			t.Errorf("it is described as %q", f.Description)
		}
	})
}

// isText reports whether a value of the shape is text, or holds nothing else.
func (s *Shape) isText() bool {
	if s.Items != nil && len(s.fields()) == 0 {
		return s.Items.isText()
	}
	return s.Type == Text || len(s.Either) > 0
}

// TestEveryTextShowsItsForm asks for a value that an editor can insert: of every
// text, which has a form that its type does not say, and of every number that
// cannot be 0, which an editor would write.
func TestEveryTextShowsItsForm(t *testing.T) {
	eachField(t, func(t *testing.T, f field) {
		positive := f.Shape.Min != nil && *f.Shape.Min > 0
		if (f.Shape.isText() || positive) && !f.shown() && !unread.MatchString(f.Description) {
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
		values := f.Examples
		if f.Required {
			values = append(values, json.RawMessage(f.placeholder()))
		}
		if len(f.Default) > 0 {
			values = append(values, f.Default)
		}
		for _, value := range values {
			nodes, list := parse(File{Data: append([]byte(f.Name+": "), value...)})
			if len(nodes) != 1 {
				t.Fatalf("%s: %v", value, list)
			}
			doc := &Document{node: nodes[0], Kind: Kind{shape: func() *Shape { return &Shape{Type: Mapping, Fields: []Field{f.Field}} }}}
			object, list := doc.decode()
			w := walker{doc: doc, root: f.Shape}
			w.value(object, doc.Kind.shape())
			for _, d := range append(list, w.list...) {
				t.Errorf("%s: %s", value, d.Message)
			}
		}
	})
}

// javaScript is syntax that Go and JavaScript with the flag u, by which editors compile patterns,
// read alike: escapes, classes, repetitions and groups.
var javaScript = regexp.MustCompile(`\\[dDsSwWbBfnrtv^$\\.*+?()[\]{}|/]|\[\^?(?:[^\\[\]]|\\[dDsSwWfnrtv^$\\.*+?()[\]{}|/-])+\]|\{\d+(?:,\d*)?\}|\(\?:`)

// isJavaScript reports whether no other syntax is left of a pattern, such as the flags of (?s:.) and \A.
func isJavaScript(pattern string) bool {
	rest := javaScript.ReplaceAllString(pattern, "-")
	return !strings.ContainsAny(rest, `\[]{}`) && !strings.Contains(rest, "(?")
}

// TestPatternsAreJavaScript: an editor compiles every pattern of every JSON Schema.
func TestPatternsAreJavaScript(t *testing.T) {
	for _, goOnly := range []string{`^(?s:.+)$`, `(?i)a`, `(?P<a>b)`, `\Aa\z`, `\pL`, `\Q.\E`, `\x{61}`, `\a`, `\-`, `[[:alpha:]]`, `[]a]`, `a{b}`, `a{,2}`} {
		if isJavaScript(goOnly) {
			t.Errorf("%s counts as JavaScript", goOnly)
		}
	}
	pattern := regexp.MustCompile(`"pattern": (".*")`)
	for _, kind := range Kinds() {
		for _, m := range pattern.FindAllSubmatch(kind.JSONSchema(), -1) {
			var text string
			if err := json.Unmarshal(m[1], &text); err != nil {
				t.Fatal(err)
			}
			if !isJavaScript(text) {
				t.Errorf("%s: %s is not JavaScript", kind.Name, text)
			}
		}
	}
}
