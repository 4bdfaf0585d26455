package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// A jsonSchema is the part of JSON Schema that the generator uses.
type jsonSchema struct {
	Ref                  string                 `json:"$ref"`
	Defs                 map[string]*jsonSchema `json:"$defs"`
	Type                 string                 `json:"type"`
	Properties           map[string]*jsonSchema `json:"properties"`
	Required             []string               `json:"required"`
	AdditionalProperties *jsonSchema            `json:"additionalProperties"`
	Items                *jsonSchema            `json:"items"`
	OneOf                []*jsonSchema          `json:"oneOf"`
	Const                string                 `json:"const"`
	Enum                 []string               `json:"enum"`
	Pattern              string                 `json:"pattern"`
	Minimum              *float64               `json:"minimum"`
	Maximum              *float64               `json:"maximum"`
	Examples             []json.RawMessage      `json:"examples"`
	Default              json.RawMessage        `json:"default"`

	// nothing is the schema false, which no value fits.
	nothing bool
	// exactlyOne are fields of which an object has one.
	exactlyOne []string
	// needsItem says that a list has at least one.
	needsItem bool
}

// UnmarshalJSON reads a schema, which may be true or false.
func (s *jsonSchema) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "true":
		return nil
	case "false":
		s.nothing = true
		return nil
	}
	type plain jsonSchema
	return json.Unmarshal(data, (*plain)(s))
}

// jsonSchemas are parsed once per process, and only when there is something to
// explain.
var jsonSchemas sync.Map // Kind.Name → func() *jsonSchema

func (k Kind) jsonSchema() *jsonSchema {
	f, ok := jsonSchemas.Load(k.Name)
	if !ok {
		f, _ = jsonSchemas.LoadOrStore(k.Name, sync.OnceValue(func() *jsonSchema {
			s := new(jsonSchema)
			if err := json.Unmarshal(k.JSONSchema(), s); err != nil {
				panic(fmt.Sprintf("the JSON Schema of %s: %v", k.Name, err))
			}
			return s
		}))
	}
	return f.(func() *jsonSchema)()
}

// explain says everything that keeps a document from the shape of its kind, and where
// what is wrong is.
func explain(d *Document) (list diag.List, wrong []Path) {
	e := explainer{doc: d, root: d.Kind.jsonSchema()}
	e.value(d.node, e.root, nil)
	return e.list, e.wrong
}

type explainer struct {
	doc  *Document
	root *jsonSchema
	list diag.List
	// wrong are the values that were found wrong.
	wrong []Path

	// known are the sorted names of the fields of mappings, and fields the places of the
	// fields of a name, as far as they were asked for.
	known  map[*jsonSchema][]string
	fields map[string][]string
}

func (e *explainer) say(code diag.Code, n *yaml.Node, path Path, message, hint string) {
	if code != diag.UnknownField {
		e.wrong = append(e.wrong, path)
	}
	e.list = append(e.list, diag.New(code, e.doc.at(n), path.String(), message, hint))
}

func (e *explainer) schema(s *jsonSchema) *jsonSchema {
	for s.Ref != "" {
		s = e.root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
	}
	return s
}

func (e *explainer) value(n *yaml.Node, s *jsonSchema, path Path) {
	s = e.schema(s)
	at := n
	n = resolve(n)
	if len(s.OneOf) > 0 {
		e.oneOf(n, s, path)
		return
	}
	value := (&decoder{doc: e.doc}).scalarOf(n)
	switch s.Type {
	case "object":
		if n.Kind != yaml.MappingNode {
			e.wrongType(at, n, value, "a mapping", s, path)
			return
		}
		e.object(n, s, path)
	case "array":
		if n.Kind != yaml.SequenceNode {
			hint := ""
			if n.Kind == yaml.ScalarNode && value != nil {
				hint = "- " + n.Value
			}
			e.say(diag.WrongType, at, path, "expected a list, got "+describe(n, value), hint)
			return
		}
		if s.needsItem && len(n.Content) == 0 {
			e.say(diag.OutOfBounds, at, path, "expected at least one item, got an empty list", "")
		}
		for i, item := range n.Content {
			e.value(item, s.Items, path.With(i))
		}
	case "string":
		text, ok := value.(string)
		if !ok {
			e.wrongType(at, n, value, "text", s, path)
			return
		}
		e.text(at, text, s, path)
	case "boolean":
		if _, ok := value.(bool); !ok {
			e.wrongType(at, n, value, "true or false", s, path)
		}
	case "integer", "number":
		e.number(at, n, value, s, path)
	}
}

func (e *explainer) object(n *yaml.Node, s *jsonSchema, path Path) {
	present := map[string]bool{}
	e.explainFields(n, s, path, present)
	e.exactlyOne(n, s, path, present)
	for _, name := range s.Required {
		if present[name] {
			continue
		}
		p := e.schema(s.Properties[name])
		hint := name + ": " + e.placeholder(p)
		at := e.doc.Position(path...)
		e.wrong = append(e.wrong, path)
		e.list = append(e.list, diag.New(diag.MissingField, at, path.String(), fmt.Sprintf("%s is missing", name), hint))
	}
}

// exactlyOne explains a mapping that has not one of the fields that it is to have one
// of.
func (e *explainer) exactlyOne(n *yaml.Node, s *jsonSchema, path Path, present map[string]bool) {
	found := 0
	for _, name := range s.exactlyOne {
		if present[name] {
			found++
		}
	}
	if len(s.exactlyOne) > 0 && found != 1 && found == len(present) {
		e.say(diag.NotAllowed, n, path, fmt.Sprintf("expected exactly one of %s, got %d of them", strings.Join(s.exactlyOne, ", "), found), "")
	}
}

// explainFields explains the fields of a mapping and of the mappings merged into it.
func (e *explainer) explainFields(n *yaml.Node, s *jsonSchema, path Path, present map[string]bool) {
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if isMerge(key) {
			merges = append(merges, mergeSources(value)...)
			continue
		}
		name, _ := keyName(resolve(key))
		if present[name] {
			continue
		}
		present[name] = true
		switch p := s.Properties[name]; {
		case p != nil && e.absent(value, p):
			// Taken for empty if it is required, and else for left out.
			if p = e.schema(p); slices.Contains(s.Required, name) && p.Type == "object" {
				e.object(resolve(value), p, path.With(name))
			}
		case p != nil:
			e.value(value, p, path.With(name))
		case s.AdditionalProperties != nil && !s.AdditionalProperties.nothing:
			e.value(value, s.AdditionalProperties, path.With(name))
		case s.AdditionalProperties != nil:
			e.unknownField(key, name, s, path)
		}
	}
	for _, source := range merges {
		if source = resolve(source); source.Kind == yaml.MappingNode {
			e.explainFields(source, s, path, present)
		}
	}
}

// absent says whether a value is no mapping and no list where one is to be.
func (e *explainer) absent(n *yaml.Node, s *jsonSchema) bool {
	t := e.schema(s).Type
	return (t == "object" || t == "array") && isNull(resolve(n))
}

func (e *explainer) unknownField(key *yaml.Node, name string, s *jsonSchema, path Path) {
	known := e.knownFields(s)
	hint := ""
	if meant := diag.Nearest(name, known); meant != "" {
		hint = fmt.Sprintf("did you mean %s?", meant)
	} else if places := e.places(name); len(places) > 0 {
		hint = fmt.Sprintf("%s belongs to %s", name, strings.Join(places, " or "))
	} else if len(known) > 0 {
		hint = "known fields are " + strings.Join(known, ", ")
	}
	e.wrong = append(e.wrong, path.With(name))
	e.say(diag.UnknownField, key, path, fmt.Sprintf("unknown field %q", name), hint)
}

// knownFields are the names of the fields that a mapping may have, sorted.
func (e *explainer) knownFields(s *jsonSchema) []string {
	known, ok := e.known[s]
	if !ok {
		if e.known == nil {
			e.known = map[*jsonSchema][]string{}
		}
		known = slices.Sorted(maps.Keys(s.Properties))
		e.known[s] = known
	}
	return known
}

// places are a few of the paths under which the kind has a field of this name.
func (e *explainer) places(name string) []string {
	if e.fields == nil {
		e.fields = map[string][]string{}
		e.addPlaces(e.root, "")
	}
	return e.fields[name]
}

func (e *explainer) addPlaces(s *jsonSchema, path string) {
	const few = 3
	s = e.schema(s)
	for _, name := range e.knownFields(s) {
		if path != "" && len(e.fields[name]) < few {
			e.fields[name] = append(e.fields[name], path)
		}
		e.addPlaces(s.Properties[name], strings.TrimPrefix(path+"."+name, "."))
	}
	if s.Items != nil {
		e.addPlaces(s.Items, path+"[]")
	}
}

func (e *explainer) wrongType(at, n *yaml.Node, value any, expected string, s *jsonSchema, path Path) {
	e.say(diag.WrongType, at, path, fmt.Sprintf("expected %s, got %s", expected, describe(n, value)), wrongTypeHint(n, value, expected, s, path))
}

// wrongTypeHint says what to write instead of a value of another type.
func wrongTypeHint(n *yaml.Node, value any, expected string, s *jsonSchema, path Path) string {
	switch value := value.(type) {
	case string:
		if quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0; quoted && fits(value, expected) {
			return "remove the quotes: " + value
		}
		if name, ok := path[max(0, len(path)-1)].(string); ok && strings.HasSuffix(name, "Seconds") {
			if d, ok := spokenDuration(value); ok {
				return fmt.Sprintf("write the seconds: %.0f", math.Ceil(d.Seconds()))
			}
		}
	case nil:
		if n.Kind == yaml.ScalarNode {
			return "give it a value, or remove the line if it is optional"
		}
	default:
		switch {
		case expected != "text":
		case len(s.Enum) > 0:
			return "write one of " + strings.Join(s.Enum, ", ")
		case s.Pattern != "" && !s.fits(n.Value):
			return patternHint(s.Pattern, n.Value, path)
		default:
			return "put it in quotes: " + strconv.Quote(n.Value)
		}
	}
	if expected == "a mapping" && len(s.Properties) > 0 {
		return "its fields are " + strings.Join(slices.Sorted(maps.Keys(s.Properties)), ", ")
	}
	return ""
}

// fits says whether quoted text would be what is expected without its quotes.
func fits(text, expected string) bool {
	switch expected {
	case "true or false":
		_, ok := booleans[text]
		return ok
	case "a whole number":
		_, err := strconv.ParseInt(text, 0, 64)
		return err == nil
	case "a number":
		_, err := strconv.ParseFloat(text, 64)
		return err == nil
	}
	return false
}

func (e *explainer) number(at, n *yaml.Node, value any, s *jsonSchema, path Path) {
	expected := "a number"
	if s.Type == "integer" {
		expected = "a whole number"
	}
	var f float64
	switch v := value.(type) {
	case int64:
		f = float64(v)
	case uint64:
		f = float64(v)
	case float64:
		if s.Type == "integer" {
			hint := ""
			if v == math.Trunc(v) && math.Abs(v) < 1e15 {
				hint = fmt.Sprintf("write %.0f", v)
			}
			e.say(diag.WrongType, at, path, fmt.Sprintf("expected %s, got %s", expected, n.Value), hint)
			return
		}
		f = v
	default:
		e.wrongType(at, n, value, expected, s, path)
		return
	}
	switch {
	case s.Minimum != nil && f < *s.Minimum:
		e.say(diag.OutOfBounds, at, path, fmt.Sprintf("%s is too small, the least is %s", n.Value, number(*s.Minimum)), "")
	case s.Maximum != nil && f > *s.Maximum:
		e.say(diag.OutOfBounds, at, path, fmt.Sprintf("%s is too large, the most is %s", n.Value, number(*s.Maximum)), "")
	}
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func (e *explainer) text(at *yaml.Node, text string, s *jsonSchema, path Path) {
	switch {
	case s.Const != "" && text != s.Const:
		e.say(diag.NotAllowed, at, path, fmt.Sprintf("%q is not %s", text, s.Const), "")
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, text):
		hint := ""
		if meant := diag.Nearest(text, s.Enum); meant != "" {
			hint = fmt.Sprintf("did you mean %s?", meant)
		}
		e.say(diag.NotAllowed, at, path, fmt.Sprintf("%q is not one of %s", text, strings.Join(s.Enum, ", ")), hint)
	case s.Pattern != "" && !s.fits(text):
		expected, _ := explainPattern(s.Pattern, text)
		e.say(diag.WrongFormat, at, path, fmt.Sprintf("%q is not %s", text, expected), patternHint(s.Pattern, text, path))
	}
}

// compiledPatterns are those of schemas that were needed.
var compiledPatterns sync.Map // pattern → func() *regexp.Regexp

// fits reports whether the schema's pattern matches a text.
func (s *jsonSchema) fits(text string) bool {
	f, ok := compiledPatterns.Load(s.Pattern)
	if !ok {
		f, _ = compiledPatterns.LoadOrStore(s.Pattern, sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(s.Pattern) }))
	}
	return f.(func() *regexp.Regexp)().MatchString(text)
}

// patternHint is a line to paste that fits a pattern.
func patternHint(pattern, text string, path Path) string {
	_, value := explainPattern(pattern, text)
	name, ok := path[max(0, len(path)-1)].(string)
	if value == "" || !ok {
		return value
	}
	return name + ": " + plainText(value)
}

// plainText is text as YAML reads it for text: in quotes where it would be taken
// for something else.
func plainText(text string) string {
	nodes, _ := parse(File{Data: []byte(text)})
	if len(nodes) == 1 {
		if read, _ := (&decoder{doc: &Document{}}).scalarOf(nodes[0]).(string); read == text {
			return text
		}
	}
	return strconv.Quote(text)
}

// oneOf explains a value that may be a number or text.
func (e *explainer) oneOf(n *yaml.Node, s *jsonSchema, path Path) {
	value := (&decoder{doc: e.doc}).scalarOf(n)
	_, isText := value.(string)
	for _, alternative := range s.OneOf {
		if (alternative.Type == "string") == isText {
			e.value(n, alternative, path)
			return
		}
	}
}

// withoutNulls drops the fields of a mapping that are to be mappings or lists and
// have no value, as Kubernetes does; required ones are taken for empty. Elsewhere
// null stays: in free-form values it has a meaning, and for a number or a text it
// is a mistake.
func (e *explainer) withoutNulls(value any, s *jsonSchema) {
	s = e.schema(s)
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			p := s.Properties[name]
			if p == nil && s.AdditionalProperties != nil {
				p = s.AdditionalProperties
			}
			if p == nil {
				continue
			}
			switch t := e.schema(p).Type; {
			case field != nil || t != "object" && t != "array":
				e.withoutNulls(field, p)
			case !slices.Contains(s.Required, name):
				delete(v, name)
			case t == "object":
				v[name] = map[string]any{}
			default:
				v[name] = []any{}
			}
		}
	case []any:
		if s.Items != nil {
			for _, item := range v {
				e.withoutNulls(item, s.Items)
			}
		}
	}
}

// placeholder is a value of the schema to show in a hint.
func (e *explainer) placeholder(s *jsonSchema) string {
	switch {
	case s.Const != "":
		return s.Const
	case len(s.Examples) > 0:
		return inYAML(s.Examples[0])
	case len(s.Default) > 0:
		return inYAML(s.Default)
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type {
	case "object":
		return "{…}"
	case "array":
		return "[…]"
	case "boolean":
		return "true"
	}
	return "…"
}

// inYAML is a value of the schema as one writes it.
func inYAML(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return plainText(text)
	}
	return string(value)
}

// describe is what was found, in words.
func describe(n *yaml.Node, value any) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch value := value.(type) {
	case nil:
		return "nothing"
	case string:
		return "the text " + strconv.Quote(value)
	case bool:
		return fmt.Sprintf("%t (written %s)", value, n.Value)
	}
	return "the number " + n.Value
}

// scalarOf is the value of a scalar; mappings and lists have none.
func (d *decoder) scalarOf(n *yaml.Node) any {
	if n.Kind != yaml.ScalarNode {
		return nil
	}
	return d.scalar(n, nil)
}
