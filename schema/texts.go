package schema

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// checkTexts reports the values of the document's object that their readers reject, except values
// that do not have the shape of the kind, or may be missing because of that.
func (d *Document) checkTexts(object any) (list diag.List) {
	return d.refusals(CheckTexts(object), nil)
}

// refusals reports the rejected parts of a value at a path.
func (d *Document) refusals(refused []Rejection, at Path) (list diag.List) {
	for i := range refused {
		refused[i].Path = at.With(refused[i].Path...)
	}
	refused = slices.DeleteFunc(refused, func(r Rejection) bool { return r.Code == diag.NoStrategy && d.hasOpenStrategy(r.Path) })
	for _, r := range refused {
		if d.IsOpenAt(r.Path) || d.wrong.hides(r.Path) || !r.key && d.Unsure(r.Path) || !d.isResolved(r.Path) {
			continue
		}
		position := d.Position(r.Path...)
		if last := len(r.Path) - 1; r.key {
			position = d.keyPosition(r.Path[:last], r.Path[last].(string))
		}
		list = append(list, diag.New(r.Code, position, d.where(r.Path), r.Message, r.Hint))
	}
	for _, r := range refused {
		if d.isResolved(r.Path) {
			d.wrong.mark(r.Path)
		}
	}
	return list
}

// A Rejection is a value that its reader rejects.
type Rejection struct {
	Code diag.Code
	Path Path
	// Message is the reason, and Hint the fix, which may be empty.
	Message, Hint string

	// key reports whether the text is a key, the last element of the path.
	key bool
}

// CheckTexts returns the texts of an object, a pointer to a struct, that are not of their
// fields' formats, durations that are too long, and broken rules about values that meet.
func CheckTexts(object any) []Rejection {
	var c textChecker
	c.value(reflect.ValueOf(object), anything)
	return c.all
}

type textChecker struct {
	path Path
	all  []Rejection
}

func (c *textChecker) below(element any, v reflect.Value, s *Shape) {
	c.path = append(c.path, element)
	c.value(v, s)
	c.path = c.path[:len(c.path)-1]
}

func (c *textChecker) value(v reflect.Value, s *Shape) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c.value(v.Elem(), s)
		}
	case reflect.Struct:
		c.object(v)
	case reflect.Slice:
		for i := range v.Len() {
			c.below(i, v.Index(i), s.Items)
		}
	case reflect.Map:
		c.mapping(v, s)
	case reflect.String:
		c.text(v.String(), s)
	}
}

func (c *textChecker) object(v reflect.Value) {
	for _, f := range FieldsOf(v.Type()) {
		if !f.Shape.isRead() {
			continue
		}
		field := reflect.Indirect(v.FieldByIndex(f.Index))
		if field.IsValid() && (field.Kind() != reflect.String || field.Len() > 0) {
			c.below(f.Name, field, f.Shape)
		}
	}
	if !v.CanAddr() {
		return // of a mapping with free names, which has no rules
	}
	object := v.Addr().Interface()
	for _, check := range rules {
		for _, r := range check(object) {
			r.Path = slices.Concat(c.path, r.Path)
			c.all = append(c.all, r)
		}
	}
}

func (c *textChecker) mapping(v reflect.Value, s *Shape) {
	fields := map[string]reflect.Value{}
	for key, value := range v.Seq2() {
		fields[key.String()] = value
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if s.keys != nil {
			if why := s.keys.reject(key); why != "" {
				c.all = append(c.all, Rejection{diag.WrongFormat, c.path.With(key), s.keys.explain(key, why), s.keys.suggest(key), true})
			}
		}
		c.below(key, fields[key], s.Items)
	}
}

// text checks a text, also an empty one.
func (c *textChecker) text(text string, s *Shape) {
	if s.duration {
		if _, err := time.ParseDuration(text); err != nil {
			c.reject(diag.OutOfBounds, text+" is too long; the maximum is 2562047h", "")
		}
	}
	if s.format == nil {
		return
	}
	if why := s.format.reject(text); why != "" {
		c.reject(diag.WrongFormat, s.format.explain(text, why), lineOf(c.path, s.format.suggest(text)))
	}
}

func (c *textChecker) reject(code diag.Code, message, hint string) {
	c.all = append(c.all, Rejection{Code: code, Path: slices.Clone(c.path), Message: message, Hint: hint})
}

func (f *Format) explain(text, why string) string {
	return fmt.Sprintf("%s is not %s: %s; %s rejects it", shown(text), f.Words, why, f.Reader)
}

func (f *Format) suggest(text string) string {
	if f.hint == nil || len(diag.Credentials(text)) > 0 {
		return ""
	}
	return f.hint(text)
}

// maxShown is how much of a text that is wrong is shown, in bytes.
const maxShown = 80

// shown returns a text in quotes, cut if long, without possible credentials of a URL.
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

// FormatsOf returns the names of the formats of a struct's field: of its text, items or
// values, and of its keys.
func FormatsOf(t reflect.Type, field reflect.StructField) (format, keys string) {
	tag := TagOf(t, field)
	return tag.Get("format"), tag.Get("keys")
}
