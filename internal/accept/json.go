package accept

import (
	"encoding/json"
	"strings"
)

// FromJSON is the value of a JSON object as Accepts takes it. It is quicker than
// encoding/json, whose text it is for: it trusts that the text is JSON. It is not ok
// where a field is there twice.
func FromJSON(text []byte) (value map[string]any, ok bool) {
	r := reader{text: string(text)}
	r.space()
	value, ok = r.value().(map[string]any)
	r.space()
	return value, ok && !r.failed && r.at == len(r.text)
}

// A reader reads a text whose parts the values share.
type reader struct {
	text   string
	at     int
	failed bool
}

func (r *reader) fail() any {
	r.failed, r.at = true, len(r.text)
	return nil
}

func (r *reader) space() {
	for r.at < len(r.text) && (r.text[r.at] == ' ' || r.text[r.at] == '\n' || r.text[r.at] == '\t' || r.text[r.at] == '\r') {
		r.at++
	}
}

// is steps over a byte and the space behind it, if it is the next one.
func (r *reader) is(c byte) bool {
	if r.at == len(r.text) || r.text[r.at] != c {
		return false
	}
	r.at++
	r.space()
	return true
}

func (r *reader) value() any {
	switch {
	case r.is('{'):
		return r.object()
	case r.is('['):
		return r.array()
	case r.at < len(r.text) && r.text[r.at] == '"':
		return r.string()
	}
	end := strings.IndexAny(r.text[r.at:], ",]} \n\t\r")
	if end <= 0 {
		return r.fail()
	}
	word := r.text[r.at : r.at+end]
	r.at += end
	switch word {
	case "null":
		return nil
	case "true", "false":
		return word == "true"
	}
	if c := word[0]; c != '-' && (c < '0' || c > '9') {
		return r.fail()
	}
	return json.Number(word)
}

func (r *reader) object() any {
	fields := map[string]any{}
	if r.is('}') {
		return fields
	}
	for {
		name, _ := r.string().(string)
		r.space()
		if _, twice := fields[name]; twice || !r.is(':') {
			return r.fail()
		}
		fields[name] = r.value()
		r.space()
		if r.is('}') {
			return fields
		}
		if !r.is(',') {
			return r.fail()
		}
	}
}

func (r *reader) array() any {
	items := []any{}
	if r.is(']') {
		return items
	}
	for {
		items = append(items, r.value())
		r.space()
		if r.is(']') {
			return items
		}
		if !r.is(',') {
			return r.fail()
		}
	}
}

func (r *reader) string() any {
	if r.at == len(r.text) || r.text[r.at] != '"' {
		return r.fail()
	}
	from := r.at
	plain := true
	for r.at++; r.at < len(r.text); r.at++ {
		switch r.text[r.at] {
		case '\\':
			plain = false
			r.at++
		case '"':
			r.at++
			if plain {
				return r.text[from+1 : r.at-1]
			}
			var text string
			if json.Unmarshal([]byte(r.text[from:r.at]), &text) != nil {
				return r.fail()
			}
			return text
		}
	}
	return r.fail()
}
