package schema

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/fleetwright/fleetwright/internal/diag"
)

const (
	// maxDepth is how deep mappings and lists may nest. Kubernetes' objects stay
	// under 30.
	maxDepth = 200
	// maxAliased is how many values the aliases of one document may stand for.
	maxAliased = 100_000
)

// parse reads the YAML documents of a file. Documents before a syntax error are
// returned beside it.
func parse(f File) ([]*yaml.Node, diag.List) {
	if at, what, hint := badEncoding(f.Data); what != "" {
		at.File = f.Name
		return nil, diag.List{diag.New(diag.Encoding, at, "", what, hint)}
	}
	loader, err := yaml.NewLoader(bytes.NewReader(f.Data),
		yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth), loaderlimits.AliasNone())))
	if err != nil {
		return nil, diag.List{diag.New(diag.Internal, diag.Position{File: f.Name}, "", err.Error(), "")}
	}
	var nodes []*yaml.Node
	for {
		var n yaml.Node
		err := loader.Load(&n)
		if err == io.EOF {
			return nodes, nil
		}
		if err != nil {
			return nodes, diag.List{syntaxError(f, err)}
		}
		if len(n.Content) == 1 && !isNull(n.Content[0]) {
			nodes = append(nodes, n.Content[0])
		}
	}
}

// badEncoding finds the first byte that is not UTF-8 text.
func badEncoding(data []byte) (at diag.Position, what, hint string) {
	if bytes.HasPrefix(data, []byte("\xfe\xff")) || bytes.HasPrefix(data, []byte("\xff\xfe")) {
		return diag.Position{Line: 1, Column: 1}, "the file is UTF-16, not UTF-8", "save the file as UTF-8"
	}
	line, column := 1, 1
	if i := firstBadByte(data); i >= 0 {
		for _, r := range string(data[:i]) {
			column++
			if r == '\n' {
				line, column = line+1, 1
			}
		}
		at = diag.Position{Line: line, Column: column}
		if data[i] == 0 {
			return at, "a NUL byte, which YAML does not allow", "remove it; is this a text file?"
		}
		return at, fmt.Sprintf("byte 0x%02x is not UTF-8", data[i]), "save the file as UTF-8"
	}
	return diag.Position{}, "", ""
}

func firstBadByte(data []byte) int {
	nul := bytes.IndexByte(data, 0)
	if utf8.Valid(data) {
		return nul
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size <= 1 || r == 0 {
			return i
		}
		i += size
	}
	return -1
}

// syntaxHints say what to write instead, by what the parser says of its state.
var syntaxHints = []struct{ message, what, hint string }{
	{"found a tab character that violates indentation", "a tab in the indentation", "indent with spaces"},
	{"found character that cannot start any token", "%c cannot begin a value", "put the value in quotes"},
	{"mapping values are not allowed in this context", "a second \": \" in one value", "put the value in quotes, or check the indentation"},
	{"did not find expected key", "the line fits neither the mapping nor the list above it", "check the indentation, and that quotes are closed"},
	{"did not find expected '-' indicator", "a list item was expected", "check the indentation"},
	{"did not find expected ',' or ']'", "a list in brackets is not closed", "add the missing ]"},
	{"did not find expected ',' or '}'", "a mapping in braces is not closed", "add the missing }"},
	{"found unexpected end of stream", "a quoted value is not closed", "add the missing quote"},
	{"could not find expected ':'", "a key without a value", "add \": \" after the key, or check the indentation"},
	{"exceeded max depth", "values nest deeper than " + strconv.Itoa(maxDepth) + " levels", ""},
}

func syntaxError(f File, err error) diag.Diagnostic {
	at := diag.Position{File: f.Name}
	what, hint := err.Error(), ""
	var load *yaml.LoadError
	if errors.As(err, &load) {
		at.Line, at.Column = load.Mark.Line, load.Mark.Column
		what = load.Message
	}
	for _, known := range syntaxHints {
		if !strings.HasPrefix(what, known.message) {
			continue
		}
		what, hint = known.what, known.hint
		if strings.Contains(what, "%c") {
			r := runeAt(f.Data, at)
			if r == '\t' {
				what, hint = "a tab in the indentation", "indent with spaces"
			} else {
				what = strings.Replace(what, "%c", string(r), 1)
			}
		}
		break
	}
	return diag.New(diag.Syntax, at, "", "not valid YAML: "+what, hint)
}

// runeAt is the character at a position of a file.
func runeAt(data []byte, at diag.Position) rune {
	line := 1
	for text := range bytes.Lines(data) {
		if line == at.Line {
			column := 1
			for _, r := range string(text) {
				if column == at.Column {
					return r
				}
				column++
			}
		}
		line++
	}
	return utf8.RuneError
}

// A decoder turns nodes into what encoding/json would make of them, reading
// plain scalars as Kubernetes does (YAML 1.1: yes is true, 010 is 8).
type decoder struct {
	doc *Document
	// aliased counts the values that aliases stand for; open are the aliases
	// that are being followed.
	aliased int
	open    []*yaml.Node
	// nulls says whether any value is null.
	nulls bool
	list  diag.List
}

func (d *decoder) fail(code diag.Code, n *yaml.Node, path Path, message, hint string) {
	d.list = append(d.list, diag.New(code, d.doc.at(n), path.String(), message, hint))
}

func (d *decoder) value(n *yaml.Node, path Path) any {
	if len(d.open) > 0 {
		if d.aliased++; d.aliased == maxAliased {
			d.fail(diag.Oversized, n, path, fmt.Sprintf("the aliases of the document stand for more than %d values", maxAliased), "write the values out")
		}
		if d.aliased >= maxAliased {
			return nil
		}
	}
	switch n.Kind {
	case yaml.AliasNode:
		for _, open := range d.open {
			if open == n.Alias {
				d.fail(diag.Oversized, n, path, fmt.Sprintf("the alias *%s contains itself", n.Value), "write the values out")
				return nil
			}
		}
		d.open = append(d.open, n.Alias)
		v := d.value(n.Alias, path)
		d.open = d.open[:len(d.open)-1]
		return v
	case yaml.MappingNode:
		return d.mapping(n, path)
	case yaml.SequenceNode:
		items := make([]any, len(n.Content))
		for i, item := range n.Content {
			items[i] = d.value(item, path.With(i))
		}
		return items
	}
	return d.scalar(n, path)
}

func (d *decoder) mapping(n *yaml.Node, path Path) any {
	m := make(map[string]any, len(n.Content)/2)
	lines := make(map[string]int, len(n.Content)/2)
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if isMerge(key) {
			merges = append(merges, mergeSources(value)...)
			continue
		}
		name, ok := keyName(resolve(key))
		if !ok {
			hint := ""
			if resolve(key).Kind == yaml.MappingNode {
				hint = "a template such as {{ value }} needs quotes"
			}
			d.fail(diag.Syntax, key, path, "a key must be text", hint)
			continue
		}
		if first, ok := lines[name]; ok {
			d.fail(diag.DuplicateKey, key, path.With(name), fmt.Sprintf("the key is already set in line %d", first), "remove one of the two")
			continue
		}
		lines[name] = key.Line
		m[name] = d.value(value, path.With(name))
	}
	for _, source := range merges {
		merged, ok := d.value(source, path).(map[string]any)
		if !ok {
			d.fail(diag.Syntax, source, path, "only a mapping can be merged with <<", "")
			continue
		}
		for name, value := range merged {
			if _, ok := m[name]; !ok {
				m[name] = value
			}
		}
	}
	return m
}

func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge"
}

// mergeSources are the mappings that a merge key names.
func mergeSources(value *yaml.Node) []*yaml.Node {
	if value.Kind == yaml.SequenceNode {
		return value.Content
	}
	return []*yaml.Node{value}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// keyName is the text of a key. Plain numbers and booleans are keys by their
// value, as Kubernetes' decoder has it: n is "false", 0x1f is "31".
func keyName(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		return "", false
	}
	switch key := (&decoder{doc: &Document{}}).scalar(n, nil).(type) {
	case string:
		return key, true
	case bool:
		return strconv.FormatBool(key), true
	case int64:
		return strconv.FormatInt(key, 10), true
	case float64:
		// As a float32, with YAML's word for what that does not hold.
		text := strconv.FormatFloat(key, 'g', -1, 32)
		return strings.Replace(strings.TrimPrefix(text, "+"), "Inf", ".inf", 1), true
	}
	return "", false
}

// booleans are the plain scalars that YAML 1.1, and so Kubernetes, reads as
// booleans (go.yaml.in/yaml/v2, resolve.go).
var booleans = map[string]bool{
	"y": true, "Y": true, "yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true,
	"true": true, "True": true, "TRUE": true,
	"n": false, "N": false, "no": false, "No": false, "NO": false, "off": false, "Off": false, "OFF": false,
	"false": false, "False": false, "FALSE": false,
}

func (d *decoder) scalar(n *yaml.Node, path Path) any {
	tag := n.ShortTag()
	if plain := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0; plain {
		if b, ok := booleans[n.Value]; ok {
			return b
		}
	}
	switch tag {
	case "!!null":
		d.nulls = true
		return nil
	case "!!bool":
		if b, ok := booleans[n.Value]; ok {
			return b
		}
	case "!!int":
		digits := strings.ReplaceAll(n.Value, "_", "")
		if i, err := strconv.ParseInt(digits, 0, 64); err == nil {
			return i
		}
		if u, err := strconv.ParseUint(digits, 0, 64); err == nil {
			return u
		}
		if f, err := strconv.ParseFloat(digits, 64); err == nil {
			return f
		}
	case "!!float":
		if i, err := strconv.ParseInt(n.Value, 0, 64); err == nil {
			return i // -0
		}
		f, err := strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), 64)
		if err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f
		}
		d.fail(diag.WrongType, n, path, fmt.Sprintf("%s is not a number that JSON has", n.Value), "put it in quotes if text is meant")
		return nil
	case "!!str", "!!timestamp", "!!merge":
		return n.Value
	}
	d.fail(diag.Syntax, n, path, fmt.Sprintf("%q does not fit its tag %s", n.Value, tag), "remove the tag")
	return nil
}
