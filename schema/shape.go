package schema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// A Shape describes the allowed values. The zero value allows anything.
type Shape struct {
	Type Type
	// Fields of a mapping.
	Fields []Field
	// of is the struct whose fields a mapping has, where these are made when asked for.
	of reflect.Type
	// Items are the items of a list, or the values of a mapping under names that no field
	// has. Without it a mapping has no other names.
	Items *Shape
	// Either are a shape of numbers and one of text, of which a value has one.
	Either []*Shape
	// Enum and Pattern restrict text, where they are set.
	Enum    []string
	Pattern string
	// Min and Max restrict numbers, where they are set.
	Min, Max *float64

	// ExactlyOne are fields of which a mapping has one.
	ExactlyOne []string
	// oneOf are fields of which a mapping has one next to others, or none where that is allowed.
	oneOf  []string
	orNone bool
	// mayBeEmpty is set where empty text is as good as none.
	mayBeEmpty bool
	// NotEmpty requires an item of a list.
	NotEmpty bool

	// format is the format of a text, and keys the format of the names in a mapping; nil allows everything.
	format, keys *Format
	// duration is set where text is a duration that Go holds.
	duration bool
	mode     mode
}

// A mode widens the allowed values of a shape.
type mode int

const (
	// A partial mapping may lack any field, or have null for one, which removes it.
	partial mode = 1 << iota
	// Values in a templated one may have variables of clusters.
	templated
	// Nulls in a stored one are dropped, as an API server does before it looks at a field
	// (k8s.io/apiextensions-apiserver pkg/apiserver/schema/defaulting, PruneNonNullableNullsWithoutDefaults).
	// Empty text counts as missing if a Go type of Flagger treats both alike and its CRD accepts it.
	stored
)

// A Type is a type of values.
type Type int

// String returns the description of a value of the type.
func (t Type) String() string {
	return [...]string{"anything", "a mapping", "a list", "text", "true or false", "a whole number", "a number"}[t]
}

// The types of values. Anything is also null.
const (
	Anything Type = iota
	Mapping
	List
	Text
	Boolean
	Integer
	Number
)

// A Field is a field of a mapping.
type Field struct {
	Name     string
	Required bool
	Shape    *Shape
	// Example is a value of a required field.
	Example string

	// Index of the field in a struct, and In the struct that declares it, which may be
	// embedded there.
	Index []int
	In    reflect.Type
}

// Nullable reports whether a value may be null, which removes the value.
func (s *Shape) Nullable() bool { return s.mode&partial != 0 }

// Templated reports whether a value may have variables of clusters.
func (s *Shape) Templated() bool { return s.mode&templated != 0 }

// Struct returns the struct whose fields a mapping has, and these as the shape has them.
func (s *Shape) Struct() (reflect.Type, []Field) { return s.of, s.fields() }

// isRead reports whether a value of the shape may have texts, or structs with rules.
func (s *Shape) isRead() bool {
	return s.mode&partial == 0 && (s.of != nil || s.format != nil || s.keys != nil || s.duration || s.Items != nil && s.Items.isRead())
}

// fields returns the fields of a mapping.
func (s *Shape) fields() []Field {
	if s.of != nil {
		return fieldsIn(s.of, s.mode)
	}
	return s.Fields
}

// below returns the shape of a field, or nil, and reports whether the field is required.
func (s *Shape) below(name string) (below *Shape, required bool) {
	fields := s.fields()
	i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return s.Items, false
	}
	return fields[i].Shape, fields[i].Required
}

// names returns the names of the fields of a mapping, in order.
func (s *Shape) names() []string {
	var names []string
	for _, f := range byName(s.fields()) {
		names = append(names, f.Name)
	}
	return names
}

// A walker compares values with shapes and reports every value that does not fit.
type walker struct {
	doc  *Document
	root *Shape
	path Path
	list diag.List
	// at are the paths of the list in the walked value.
	at    []string
	wrong wrong
	// places are the places of the fields of a name, filled on first use.
	places map[string][]string
}

func (w *walker) report(code diag.Code, message, hint string) {
	_, n := w.doc.find(w.path)
	w.add(w.path, diag.New(code, w.doc.at(n), w.doc.where(w.path), message, hint))
}

// add adds a diagnostic, and the path of the value that cannot be read because of it.
func (w *walker) add(unread Path, of diag.Diagnostic) {
	w.wrong.add(w.path, unread)
	w.list, w.at = append(w.list, of), append(w.at, unread.String())
}

func (w *walker) below(element, value any, s *Shape) {
	w.path = append(w.path, element)
	w.value(value, s)
	w.path = w.path[:len(w.path)-1]
}

func (w *walker) value(value any, s *Shape) {
	if value == nil && s.mode&partial != 0 {
		return
	}
	if text, ok := value.(string); ok && s.mode&templated != 0 && s.Type != Mapping && s.Type != List && hasVariable(text) && !w.doc.isResolved(w.path) {
		return
	}
	switch s.Type {
	case Anything:
		_, isText := value.(string)
		for _, alternative := range s.Either {
			if (alternative.Type == Text) == isText {
				w.value(value, alternative)
			}
		}
		return
	case Mapping:
		if fields, ok := value.(map[string]any); ok {
			w.mapping(fields, s)
			return
		}
	case List:
		if items, ok := value.([]any); ok {
			w.items(items, s)
			return
		}
	case Text:
		if text, ok := value.(string); ok {
			if !w.doc.isOpen(text) {
				w.text(text, s)
			}
			return
		}
	case Boolean:
		if _, ok := value.(bool); ok {
			return
		}
	case Integer, Number:
		if f, ok := asNumber(value, s.Type); ok {
			w.number(f, s)
			return
		}
	}
	n := w.doc.value(w.path)
	found := describe(n, value)
	if _, ok := value.(float64); ok && s.Type == Integer {
		found = n.Value
	}
	w.report(diag.WrongType, fmt.Sprintf("expected %s, got %s", s.Type, found), wrongTypeHint(n, value, s, w.path))
}

func (w *walker) items(items []any, s *Shape) {
	if s.NotEmpty && len(items) == 0 {
		w.report(diag.OutOfBounds, "expected at least one item, got an empty list", "")
	}
	for i, item := range items {
		w.below(i, item, s.Items)
	}
}

func (w *walker) mapping(fields map[string]any, s *Shape) {
	var open []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text, _ := fields[name].(string)
		if below, _ := s.below(name); below != nil && below.Type != Text && below.Type != Anything && w.doc.isOpen(text) {
			open = append(open, name)
		} else if below, _ := s.below(name); below != nil {
			w.below(name, fields[name], below)
		} else {
			w.unknownField(name, s)
		}
	}
	found := 0
	for _, name := range s.ExactlyOne {
		if _, ok := fields[name]; ok {
			found++
		}
	}
	if len(s.ExactlyOne) > 0 && found != 1 && found == len(fields) {
		w.report(diag.NotAllowed, fmt.Sprintf("expected exactly one of %s, got %d", strings.Join(s.ExactlyOne, ", "), found), "")
	}
	w.oneOf(fields, s)
	var missing []Field
	for _, f := range s.fields() {
		if _, ok := fields[f.Name]; f.Required && !ok {
			missing = append(missing, f)
		}
	}
	for _, f := range byName(missing) {
		if w.wrong.at[w.path.With(f.Name).String()] { // it is there under another name
			w.wrong.add(w.path, w.path.With(f.Name))
			continue
		}
		w.add(w.path.With(f.Name), w.doc.Diagnostic(diag.MissingField, w.path, f.Name+" is missing", f.Name+": "+cmp.Or(w.own(f.Name), f.placeholder())))
	}
	for _, name := range open {
		delete(fields, name) // whose value nobody knows
	}
}

// oneOf reports a mapping with several of the fields that exclude each other, or with none.
func (w *walker) oneOf(fields map[string]any, s *Shape) {
	var given []string
	for _, name := range s.oneOf {
		if _, ok := fields[name]; ok {
			given = append(given, name)
		}
	}
	switch {
	case len(given) == 0 && len(s.oneOf) > 0 && !s.orNone:
		if !slices.ContainsFunc(s.oneOf, func(name string) bool { return w.wrong.at[w.path.With(name).String()] }) {
			w.report(diag.NotAllowed, "expected one of "+strings.Join(s.oneOf, ", ")+", got none", "")
		}
	case len(given) > 1:
		w.report(diag.NotAllowed, strings.Join(given, " and ")+" exclude each other", "keep one of them")
	}
}

func (w *walker) unknownField(name string, s *Shape) {
	known := s.names()
	hint, ours := w.foreign(name)
	other := w.ofOther(name)
	if hint == "" && other == "" {
		hint = diag.DidYouMean(name, known, "")
	}
	if hint == "" {
		places := w.placesOf(name)
		few := len(places) < fewPlaces
		places = slices.DeleteFunc(slices.Clone(places), w.isOther)
		hint = cmp.Or(
			when(few && len(places) > 0, name+" belongs to "+strings.Join(places, " or ")),
			other,
			when(len(known) > 0, "known fields are "+strings.Join(known, ", ")))
	}
	path := w.path.With(name)
	w.wrong.add(path, path)
	if ours != "" {
		w.wrong.mark(w.path.With(ours)) // it is there under another name
	}
	message := fmt.Sprintf("unknown field %q", name)
	if key, _ := w.doc.find(path); key != nil && resolve(key).Value != name {
		message += ", which is how Kubernetes reads " + resolve(key).Value
	}
	from := w.doc.origin(path)
	w.list = append(w.list, diag.New(diag.UnknownField, w.doc.keyPosition(w.path, name), from[:len(from)-1].String(), message, hint))
	w.at = append(w.at, path.String())
}

// placesOf returns a few of the paths under which the kind has a field of this name.
func (w *walker) placesOf(name string) []string {
	if w.places == nil {
		w.places = map[string][]string{}
		w.addPlaces(w.root, "")
	}
	return w.places[name]
}

// alternatives are fields of which a mapping has only one, so a field below another is no suggestion.
var alternatives = [][]string{{"kustomization", "helm"}, {"gitRepository", "helmRepository", "ociRepository", "existing"}}

// ofOther returns which of the alternatives to a mapping have a field of this name, in words, or nothing.
func (w *walker) ofOther(name string) string {
	for _, names := range alternatives {
		this := w.under()
		if !slices.Contains(names, this) {
			continue
		}
		last := len(w.path) - 1
		have := slices.DeleteFunc(slices.Clone(names), func(kind string) bool {
			of, _ := w.root.at(w.path[:last]).below(kind)
			return of == nil || !slices.Contains(of.names(), name)
		})
		switch len(have) {
		case 0:
		case 1:
			return have[0] + " has " + name + ", and " + this + " does not"
		default:
			return strings.Join(have, " and ") + " have " + name + ", and " + this + " does not"
		}
	}
	return ""
}

// sections are fields that become separate objects, so a field below one is no suggestion below another.
var sections = []string{"gitRepository", "helmRepository", "ociRepository", "existing", "kustomization", "helm", "rollout"}

// isOther reports whether a place is in another section than the mapping, or below another of the alternatives
// than the one that the mapping has.
func (w *walker) isOther(place string) bool {
	elements := strings.Split(place, ".")
	own := slices.IndexFunc(w.path, func(e any) bool { name, ok := e.(string); return ok && slices.Contains(sections, name) })
	if own >= 0 && slices.ContainsFunc(elements, func(e string) bool { return slices.Contains(sections, e) && e != w.path[own] }) {
		return true
	}
	return slices.ContainsFunc(alternatives, func(names []string) bool {
		chosen := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			key, _ := w.doc.find(w.path.With(name))
			return key == nil && !slices.Contains(w.path, any(name))
		})
		return len(chosen) > 0 && slices.ContainsFunc(elements, func(e string) bool {
			return slices.Contains(names, e) && !slices.Contains(chosen, e)
		})
	})
}

// fewPlaces is one more than the places that tell where a field belongs: a name or an interval may be
// anywhere.
const fewPlaces = 3

func (w *walker) addPlaces(s *Shape, path string) {
	if s.mode&partial != 0 { // it has the fields of the whole
		return
	}
	for _, f := range byName(s.fields()) {
		if path != "" && len(w.places[f.Name]) < fewPlaces {
			w.places[f.Name] = append(w.places[f.Name], path)
		}
		w.addPlaces(f.Shape, strings.TrimPrefix(path+"."+f.Name, "."))
	}
	if s.Type == List {
		w.addPlaces(s.Items, path+"[]")
	}
}

// Mismatches reports the parts of a JSON value that do not fit the shape. The diagnostics have no positions.
func (s *Shape) Mismatches(value any) diag.List {
	text, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	nodes, _ := parse(File{Data: text})
	if len(nodes) != 1 {
		return nil
	}
	doc := &Document{node: nodes[0]}
	value = (&decoder{doc: doc}).value(nodes[0], nil)
	s.withoutNulls(value)
	w := walker{doc: doc, root: s}
	w.value(value, s)
	return w.list
}

// wrongTypeHint returns the hint for a value of the wrong type.
func wrongTypeHint(n *yaml.Node, value any, s *Shape, path Path) string {
	if s.Type == List {
		return when(n.Kind == yaml.ScalarNode && value != nil, s.Items.itemHint(n, value))
	}
	switch value := value.(type) {
	case string:
		if quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0; quoted && fits(value, s.Type) {
			return "remove the quotes: " + value
		}
		if name, ok := path[max(0, len(path)-1)].(string); ok && strings.HasSuffix(name, "Seconds") {
			if d, ok := spokenDuration(value); ok {
				return fmt.Sprintf("write the seconds: %.0f", math.Ceil(d.Seconds()))
			}
		}
		if percent, ok := strings.CutSuffix(value, "%"); ok && fits(percent, s.Type) {
			return "write " + percent
		}
		if s.Type == Integer && under(path) == "rollout.port" && compiled(portName).MatchString(value) {
			return "port: 80, or the number of the Service's port, and portName: " + value
		}
		if s.Type == Mapping {
			return s.mappingHint(n, path)
		}
	case nil:
		return "give it a value, or remove the line if it is optional"
	case float64:
		if s.Type == Integer {
			return when(value == math.Trunc(value) && math.Abs(value) < 1e15, fmt.Sprintf("write %.0f", value))
		}
	}
	switch {
	case s.Type == Text && n.Kind == yaml.ScalarNode:
		return s.textHint(n.Value, path)
	case s.Type == Mapping && n.Kind == yaml.SequenceNode && under(path) == "trafficAnalysis.webhooks":
		if len(n.Content) > 0 && !slices.ContainsFunc(n.Content, func(item *yaml.Node) bool { return item.Kind != yaml.ScalarNode }) {
			return "put command: before the list, as in webhooks: {command: [hey …]}"
		}
		return "its items go into " + flaggerWebhooks
	case s.Type == Mapping && len(s.fields()) > 0:
		return "its fields are " + strings.Join(s.names(), ", ")
	}
	return ""
}

// itemHint returns the list item to write instead of a scalar.
func (s *Shape) itemHint(n *yaml.Node, value any) string {
	_, isText := value.(string)
	switch {
	case s.Type == Mapping:
		inner := s.wrapped(flowText(n.Value))
		return cmp.Or(when(inner != "", "- "+inner), when(len(s.fields()) > 0, "its items have the fields "+strings.Join(s.names(), ", ")))
	case s.Type == Text || isText:
		return "- " + plainText(n.Value)
	}
	return "- " + n.Value
}

// portName is the pattern of the names of ports (Kubernetes' IsValidPortName).
const portName = `^[a-z0-9-]{1,15}$`

// under returns the last two fields of a path.
func under(path Path) string {
	last := len(path) - 1
	if last < 1 {
		return ""
	}
	return fmt.Sprint(path[last-1], ".", path[last])
}

// mappingHint returns the hint for a text where a mapping is expected.
func (s *Shape) mappingHint(n *yaml.Node, path Path) string {
	nodes, list := parse(File{Data: []byte(n.Value)})
	name, _ := path[max(0, len(path)-1)].(string)
	switch block := n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0; {
	case len(list) == 0 && len(nodes) == 1 && nodes[0].Kind == yaml.MappingNode && block:
		return fmt.Sprintf("remove the %s after %s:, so that the lines below are fields, not text", map[bool]string{true: "|", false: ">"}[n.Style&yaml.LiteralStyle != 0], name)
	case len(list) == 0 && len(nodes) == 1 && nodes[0].Kind == yaml.MappingNode:
		return "remove the quotes"
	}
	if inner := s.wrapped(flowText(n.Value)); inner != "" && name != "" {
		return name + ": " + inner
	} else if inner != "" {
		return "- " + inner
	}
	return when(len(s.fields()) > 0, "its fields are "+strings.Join(s.names(), ", "))
}

// wrapped returns a mapping with a text as its only required field, or nothing if it has no such field.
func (s *Shape) wrapped(text string) string {
	var required []Field
	for _, f := range s.fields() {
		if f.Required {
			required = append(required, f)
		}
	}
	if len(required) != 1 {
		return ""
	}
	switch f := required[0]; f.Shape.Type {
	case Text:
		return when(len(f.Shape.Enum) == 0, "{"+f.Name+": "+text+"}")
	case Mapping:
		inner := f.Shape.wrapped(text)
		return when(inner != "", "{"+f.Name+": "+inner+"}")
	}
	return ""
}

func (s *Shape) textHint(written string, path Path) string {
	switch {
	case len(s.Enum) > 0:
		return "write one of " + strings.Join(s.Enum, ", ")
	case s.Pattern != "" && !s.fits(written):
		_, meant := explainPattern(s.Pattern, written)
		return lineOf(path, meant)
	}
	return "put it in quotes: " + strconv.Quote(written)
}

// fits reports whether quoted text would be of a type without its quotes.
func fits(text string, t Type) bool {
	var err error
	switch t {
	case Boolean:
		_, ok := booleans[text]
		return ok
	case Integer:
		_, err = strconv.ParseInt(text, 0, 64)
	case Number:
		_, err = strconv.ParseFloat(text, 64)
	default:
		return false
	}
	return err == nil
}

func asNumber(value any, t Type) (f float64, ok bool) {
	switch v := value.(type) {
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, t == Number
	}
	return 0, false
}

func (w *walker) number(f float64, s *Shape) {
	switch {
	case s.Min != nil && f < *s.Min:
		w.report(diag.OutOfBounds, fmt.Sprintf("%s is too small; the minimum is %s", w.doc.value(w.path).Value, number(*s.Min)), "")
	case s.Max != nil && f > *s.Max:
		w.report(diag.OutOfBounds, fmt.Sprintf("%s is too large; the maximum is %s", w.doc.value(w.path).Value, number(*s.Max)), "")
	}
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func (w *walker) text(text string, s *Shape) {
	switch {
	case len(s.Enum) == 1 && s.Enum[0] != text:
		w.report(diag.NotAllowed, fmt.Sprintf("%q must be %s", text, s.Enum[0]), lineOf(w.path, s.Enum[0]))
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, text):
		words := slices.DeleteFunc(slices.Clone(s.Enum), func(word string) bool { return word == "" })
		w.report(diag.NotAllowed, fmt.Sprintf("%q is not one of %s", text, strings.Join(words, ", ")), diag.DidYouMean(text, words, ""))
	case s.Pattern != "" && !s.fits(text) && (text != "" || !s.mayBeEmpty):
		expected, meant := explainPattern(s.Pattern, text)
		w.report(diag.WrongFormat, fmt.Sprintf("%q is not %s", text, expected), lineOf(w.path, meant))
	}
}

func (s *Shape) fits(text string) bool {
	for i := range patterns {
		if p := &patterns[i]; p.begins == s.Pattern && p.takes != nil && p.takes(text) {
			return true
		}
	}
	return compiled(s.Pattern).MatchString(text)
}

// expressions are the patterns that were compiled when they were first needed.
var expressions sync.Map // pattern → *regexp.Regexp

func compiled(pattern string) *regexp.Regexp {
	known, ok := expressions.Load(pattern)
	if !ok {
		known, _ = expressions.LoadOrStore(pattern, regexp.MustCompile(pattern))
	}
	return known.(*regexp.Regexp)
}

// lineOf returns the line to paste that sets a field to a text, if there is one.
func lineOf(path Path, text string) string {
	name, ok := path[len(path)-1].(string)
	if text == "" || !ok {
		return text
	}
	return name + ": " + plainText(text)
}

// plainText returns text as YAML, in quotes where it would be read as something else.
func plainText(text string) string {
	nodes, _ := parse(File{Data: []byte(text)})
	if len(nodes) == 1 {
		if read, _ := (&decoder{doc: noDocument}).value(nodes[0], nil).(string); read == text {
			return text
		}
	}
	return strconv.Quote(text)
}

// flowText returns text as YAML, in quotes where it would be read as something else inside of {}.
func flowText(text string) string {
	if strings.ContainsAny(text, ",[]{}") {
		return strconv.Quote(text)
	}
	return plainText(text)
}

// withoutNulls drops the fields of a mapping that must be mappings or lists and have no value, as
// Kubernetes does; required ones become empty. Elsewhere null stays: in free-form values it
// has a meaning, and for a number or a text it is a mistake.
func (s *Shape) withoutNulls(value any) {
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			below, required := s.below(name)
			switch {
			case below == nil || field == nil && below.mode&partial != 0:
			case field == nil && below.mode&stored != 0:
				delete(v, name)
			case field != nil || below.Type != Mapping && below.Type != List:
				below.withoutNulls(field)
			case !required:
				delete(v, name)
			case below.Type == Mapping:
				v[name] = map[string]any{}
			default:
				v[name] = []any{}
			}
		}
	case []any:
		if s.Items != nil {
			for _, item := range v {
				s.Items.withoutNulls(item)
			}
		}
	}
}

// placeholder returns a value of the field to show in a hint.
func (f *Field) placeholder() string {
	switch s := f.Shape; {
	case f.Example != "" && s.Type == Text:
		return plainText(f.Example)
	case f.Example != "":
		return f.Example
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Type == Mapping:
		return "{…}"
	case s.Type == List:
		return "[…]"
	case s.Type == Boolean:
		return "true"
	}
	return "…"
}

func describe(n *yaml.Node, value any) string {
	switch n.Kind {
	case yaml.MappingNode:
		return Mapping.String()
	case yaml.SequenceNode:
		return List.String()
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
