// Package blockyaml writes values as YAML in block style, the way people write manifests: fields in the order of
// the Go struct, lists at the indentation of their key, multi-line text as a literal block.
//
// It encodes a value as JSON, and converts that to YAML in one pass. sigs.k8s.io/yaml decodes the JSON into maps
// and encodes those, which sorts the fields and costs twenty times as much.
package blockyaml

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Marshal returns a value as YAML that ends with a line break. Fields are named by their json tags.
func Marshal(v any) ([]byte, error) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.json.Reset()
	enc := json.NewEncoder(&s.json)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	w := writer{in: s.json.Bytes(), out: s.yaml[:0]}
	w.value(0, start)
	s.yaml = w.out
	return bytes.Clone(w.out), nil
}

// A scratch is a buffer of Marshal. It is reused, so that only the result is allocated.
type scratch struct {
	json bytes.Buffer
	yaml []byte
}

var scratches = sync.Pool{New: func() any { return &scratch{} }}

// A place is the context of a value, which determines how it begins.
type place int

const (
	start    place = iota // at the start of the text
	afterKey              // after "key:"
	inList                // after "- "
)

// A writer converts JSON as encoding/json writes it, which is valid and without spaces, to YAML.
type writer struct {
	in  []byte
	at  int
	out []byte
}

// value writes a value, and indents its lines after the first by indent.
func (w *writer) value(indent int, p place) {
	switch w.in[w.at] {
	case '{', '[':
		w.collection(indent, p)
	case '"':
		s := w.text()
		w.sep(p)
		w.scalar(s, indent, p)
	default:
		w.sep(p)
		n := bytes.IndexAny(w.in[w.at:], ",]}\n")
		w.out = append(append(w.out, w.in[w.at:w.at+n]...), '\n')
		w.at += n
	}
}

// sep separates a key from a value on the same line.
func (w *writer) sep(p place) {
	if p == afterKey {
		w.out = append(w.out, ' ')
	}
}

func (w *writer) indent(n int) {
	for range n {
		w.out = append(w.out, ' ')
	}
}

// collection writes an object or an array.
func (w *writer) collection(indent int, p place) {
	begin := w.in[w.at]
	w.at++
	if end := w.in[w.at]; end == '}' || end == ']' {
		w.at++
		w.sep(p)
		w.out = append(w.out, begin, end, '\n')
		return
	}
	if p == afterKey {
		w.out = append(w.out, '\n')
	}
	for first := true; first || w.in[w.at-1] == ','; first = false {
		if !first || p == afterKey {
			w.indent(indent)
		}
		if begin == '[' {
			w.out = append(w.out, "- "...)
			w.value(indent+2, inList)
		} else {
			w.field(indent)
		}
		w.at++ // after the comma, or the end
	}
}

// field writes a field of an object.
func (w *writer) field(indent int) {
	w.key(w.text(), indent)
	w.at++ // after the colon
	if w.in[w.at] != '[' {
		indent += 2 // a list has the indentation of its key
	}
	w.value(indent, afterKey)
}

// maxKey is the maximum length of a key before a colon: YAML parsers search at most 1024 characters for the colon.
const maxKey = 1000

// key writes a key and its colon. After a long key, the colon is on a separate line.
func (w *writer) key(key string, indent int) {
	from := len(w.out)
	w.out = appendLine(w.out, key)
	if len(w.out)-from > maxKey {
		w.out = append(slices.Insert(w.out, from, '?', ' '), '\n')
		w.indent(indent)
	}
	w.out = append(w.out, ':')
}

// text reads a JSON string.
func (w *writer) text() string {
	from, plain := w.at, true
	for w.at++; w.in[w.at] != '"'; w.at++ {
		if w.in[w.at] == '\\' {
			plain = false
			w.at++
		}
	}
	w.at++
	if plain {
		return string(w.in[from+1 : w.at-1])
	}
	var s string
	_ = json.Unmarshal(w.in[from:w.at], &s) // it is a valid string
	return s
}

// scalar writes text, and multi-line text as a literal block.
func (w *writer) scalar(s string, indent int, p place) {
	if p == start || !fitsBlock(s) {
		w.out = append(appendLine(w.out, s), '\n')
		return
	}
	body, chomp := strings.CutSuffix(s, "\n")
	w.out = append(w.out, '|')
	switch {
	case !chomp:
		w.out = append(w.out, '-')
	case strings.HasSuffix(body, "\n"):
		w.out = append(w.out, '+')
	}
	w.out = append(w.out, '\n')
	for line := range strings.SplitSeq(body, "\n") {
		if line != "" {
			w.indent(indent)
			w.out = append(w.out, line...)
		}
		w.out = append(w.out, '\n')
	}
}

// fitsBlock reports whether text has several lines and can be written as a literal block without loss.
func fitsBlock(s string) bool {
	body := strings.TrimRight(s, "\n")
	if !strings.Contains(s, "\n") || body == "" || body[0] == ' ' || body[0] == '\n' || body[0] == '\t' {
		return false
	}
	for _, r := range s {
		if r != '\n' && !isPrintable(r) {
			return false
		}
	}
	return true
}

func isPrintable(r rune) bool {
	return r == '\t' || r >= ' ' && r < 0x7f || r > 0xa0 && r != utf8.RuneError && r != '\ufeff' && r != '\u2028' && r != '\u2029' && unicode.IsPrint(r)
}

// appendLine appends text as a plain scalar, or in double quotes if that would be ambiguous.
func appendLine(out []byte, s string) []byte {
	if isPlain(s) {
		return append(out, s...)
	}
	out = append(out, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\t':
			out = append(out, `\t`...)
		case isPrintable(r):
			out = utf8.AppendRune(out, r)
		case r < 0x100:
			out = fmt.Appendf(out, `\x%02x`, r)
		case r < 0x10000:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = fmt.Appendf(out, `\U%08x`, r)
		}
	}
	return append(out, '"')
}

// isPlain reports whether text needs no quotes, in YAML 1.1 (Kubernetes) and 1.2 (most others).
func isPlain(s string) bool {
	if s == "" || !beginsPlain(s) || s[len(s)-1] == ' ' || s[len(s)-1] == ':' {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c >= 0x7f:
			return false
		case c == ':' && s[i+1] == ' ', c == '#' && i > 0 && s[i-1] == ' ':
			return false
		}
	}
	return !isAmbiguous(s)
}

// beginsPlain reports whether the first character of text has no special meaning in YAML.
func beginsPlain(s string) bool {
	switch c := s[0]; {
	case isLetter(c), c >= '0' && c <= '9':
		return true
	case c == '.':
		return strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../")
	case c == '-':
		flag := strings.TrimPrefix(s[1:], "-")
		return flag != "" && isLetter(flag[0])
	}
	return strings.IndexByte("/_^$(", s[0]) >= 0
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// isAmbiguous reports whether plain text could be a number, a boolean, a null, a date or a time.
func isAmbiguous(s string) bool {
	if strings.IndexByte(s, '/') >= 0 {
		return false // a path, for example
	}
	if c := s[0]; c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' {
		if strings.Trim(s, "0123456789.") == "" && strings.Count(s, ".") >= 2 {
			return false // a version, for example
		}
		if strings.Trim(s, "0123456789+-.:_eExXoObBaAcCdDfFtTzZ ") == "" {
			return true
		}
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return true
		}
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", ".nan", ".inf", "nan", "inf", "<<", "=":
		return true
	}
	return false
}
