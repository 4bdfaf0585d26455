package schema

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema/api"
)

// checkTexts reports what the readers of the document's object refuse of it, but for what
// is not of the shape of the kind, or may be missing because of that.
func (d *Document) checkTexts(object any) (list diag.List) {
	for _, r := range CheckTexts(object) {
		if d.wrong.hides(r.Path) || !r.key && d.Unsure(r.Path) {
			continue
		}
		position := d.Position(r.Path...)
		if last := len(r.Path) - 1; r.key {
			position = d.keyPosition(r.Path[:last], r.Path[last].(string))
		}
		list = append(list, diag.New(r.Code, position, r.Path.String(), r.Message, r.Hint))
	}
	return list
}

// A Refusal is a value that its reader refuses.
type Refusal struct {
	Code diag.Code
	Path Path
	// Message says why, and Hint what to write instead, which may be empty.
	Message, Hint string

	// key says that the text is a key, the last of the path.
	key bool
}

// CheckTexts returns the texts of an object, a pointer to a struct, that are not of their
// fields' formats, durations that are too long, and broken rules about values that meet.
func CheckTexts(object any) []Refusal {
	var c textChecker
	c.value(reflect.ValueOf(object), fieldTexts{})
	return c.all
}

type textChecker struct {
	// path of the value that is being checked.
	path Path
	all  []Refusal
}

// below checks a value below the checker's path.
func (c *textChecker) below(element any, v reflect.Value, f fieldTexts) {
	c.path = append(c.path, element)
	c.value(v, f)
	c.path = c.path[:len(c.path)-1]
}

func (c *textChecker) value(v reflect.Value, f fieldTexts) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c.value(v.Elem(), f)
		}
	case reflect.Struct:
		c.object(v)
	case reflect.Slice:
		for i := range v.Len() {
			c.below(i, v.Index(i), f)
		}
	case reflect.Map:
		if f.format != nil || f.keys != nil || v.Type().Elem().Kind() == reflect.Struct {
			c.mapping(v, f)
		}
	case reflect.String:
		c.text(v.String(), f)
	}
}

func (c *textChecker) object(v reflect.Value) {
	for _, f := range textsOf(v.Type()) {
		switch field := reflect.Indirect(v.Field(f.index)); {
		case !field.IsValid() || field.Kind() == reflect.String && field.Len() == 0:
		case f.name == "":
			c.value(field, f)
		default:
			c.below(f.name, field, f)
		}
	}
	if !v.CanAddr() {
		return // of a mapping with free names, about which there are no rules
	}
	for _, r := range brokenRules(v.Addr().Interface()) {
		r.Path = slices.Concat(c.path, r.Path)
		c.all = append(c.all, r)
	}
}

func (c *textChecker) mapping(v reflect.Value, f fieldTexts) {
	fields := map[string]reflect.Value{}
	for key, value := range v.Seq2() {
		fields[key.String()] = value
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if f.keys != nil {
			if why := f.keys.refuse(key); why != "" {
				c.all = append(c.all, Refusal{diag.WrongFormat, c.path.With(key), f.keys.explain(key, why), f.keys.suggest(key), true})
			}
		}
		c.below(key, fields[key], f)
	}
}

// text checks a text, also an empty one.
func (c *textChecker) text(text string, f fieldTexts) {
	if f.duration {
		if _, err := time.ParseDuration(text); err != nil {
			c.refuse(diag.OutOfBounds, text+" is too long, the most is 2562047h", "")
		}
	}
	if f.format == nil {
		return
	}
	if why := f.format.refuse(text); why != "" {
		hint := f.format.suggest(text)
		if name, ok := c.path[len(c.path)-1].(string); ok && hint != "" {
			hint = name + ": " + plainText(hint)
		}
		c.refuse(diag.WrongFormat, f.format.explain(text, why), hint)
	}
}

func (c *textChecker) refuse(code diag.Code, message, hint string) {
	c.all = append(c.all, Refusal{Code: code, Path: slices.Clone(c.path), Message: message, Hint: hint})
}

func (f *Format) explain(text, why string) string {
	return fmt.Sprintf("%s is not %s: %s, and %s refuses it", shown(text), f.Words, why, f.Reader)
}

func (f *Format) suggest(text string) string {
	if f.hint == nil || len(diag.Credentials(text)) > 0 {
		return ""
	}
	return f.hint(text)
}

// maxShown is how much of a text that is wrong is shown, in bytes.
const maxShown = 80

// shown is a text in quotes, cut where it is long, and without what may be credentials
// of a URL.
func shown(text string) string {
	scheme, rest := "", text
	if i := strings.Index(text, "://"); i >= 0 {
		scheme, rest = text[:i+len("://")], text[i+len("://"):]
	}
	if scheme != "" || strings.Contains(text, "@") {
		if i := strings.LastIndexByte(rest, '@'); i >= 0 {
			rest = "…" + rest[i:]
		}
		if i := strings.IndexAny(rest, "?#"); i >= 0 {
			rest = rest[:i+1] + "…"
		}
		text = scheme + rest
	}
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return strconv.Quote(text)
}

// A fieldTexts is a field that has texts, or may have some below it.
type fieldTexts struct {
	index int
	// name of the field, or nothing for one whose fields are the struct's own.
	name string
	// format of its text, or of the items and values below it, and keys of its mapping;
	// nil where all is taken.
	format, keys *Format
	// duration is set where its text is one.
	duration bool
}

// checkedTexts are those of the types that have occurred: reflect.Type → []fieldTexts.
var checkedTexts sync.Map

// textsOf returns what of a struct is checked.
func textsOf(t reflect.Type) (fields []fieldTexts) {
	if known, ok := checkedTexts.Load(t); ok {
		return known.([]fieldTexts)
	}
	for i := range t.NumField() {
		if field := t.Field(i); field.IsExported() {
			format, keys := FormatsOf(t, field)
			f := fieldTexts{index: i, format: formatNamed(format), keys: formatNamed(keys)}
			if f.mayHave(field.Type) {
				f.name, _, _ = strings.Cut(field.Tag.Get("json"), ",")
				fields = append(fields, f)
			}
		}
	}
	checkedTexts.Store(t, fields)
	return fields
}

// mayHave reports whether a value of a type may have texts to check, and notes whether it is
// a duration.
func (f *fieldTexts) mayHave(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer:
		return f.mayHave(t.Elem())
	case reflect.Struct, reflect.Slice, reflect.Map:
		return true
	case reflect.String:
		f.duration = t == reflect.TypeFor[api.Duration]() || t == reflect.TypeFor[api.SourceTimeout]()
		return f.duration || f.format != nil
	}
	return false
}

// FormatsOf returns the names of the formats of a struct's field: of its text, items or
// values, and of its keys.
func FormatsOf(t reflect.Type, field reflect.StructField) (format, keys string) {
	tag := TagOf(t, field)
	return tag.Get("format"), tag.Get("keys")
}
