package schema

import (
	"bytes"
	"encoding/json"
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

// Nodes returns the roots of the YAML documents of a file, with their comments, up to a syntax error. Those
// above and below a document are the comments of its root.
func Nodes(f File) ([]*yaml.Node, diag.List) {
	f.Data, _ = withoutMarks(f.Data)
	return parse(f)
}

// parse reads the YAML documents of a file up to a syntax error. All of their aliases end.
func parse(f File) ([]*yaml.Node, diag.List) { return parseWithin(f, nil) }

// parseWithin is parse of as many documents as are left.
func parseWithin(f File, left *budget) ([]*yaml.Node, diag.List) {
	if at, what, hint := badEncoding(f.Data); what != "" {
		at.File = f.Name
		return nil, diag.List{diag.New(diag.Encoding, at, "", what, hint)}
	}
	loader, err := yaml.NewLoader(bytes.NewReader(withoutSurrogates(f.Data)),
		yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth), loaderlimits.AliasNone())))
	if err != nil {
		return nil, diag.List{diag.New(diag.Internal, diag.Position{File: f.Name}, "", err.Error(), "")}
	}
	var nodes []*yaml.Node
	var list diag.List
	for {
		var n yaml.Node
		err := loader.Load(&n)
		if err == io.EOF {
			return nodes, list
		}
		if err != nil {
			return nodes, append(list, syntaxError(f, err))
		}
		if !left.take() {
			return nodes, list
		}
		if len(n.Content) != 1 || isNull(n.Content[0]) {
			continue
		}
		if at, message := checkAliases(n.Content[0]); at != nil {
			list = append(list, diag.New(diag.Oversized, f.position(at.Line, at.Column), "", message, "replace the alias with its values"))
			continue
		}
		n.Content[0].HeadComment, n.Content[0].FootComment = n.HeadComment, n.FootComment
		nodes = append(nodes, n.Content[0])
	}
}

// mark is the byte order mark, which may begin each document (YAML 1.2, 9.1.1), as it
// does where files are put together. Elsewhere it would be a part of a key or a value.
const mark = "\ufeff"

// withoutMarks drops the marks that begin documents, and reports whether there are others.
func withoutMarks(data []byte) (clean []byte, marked bool) {
	if !bytes.Contains(data, []byte(mark)) {
		return data, false
	}
	clean = make([]byte, 0, len(data))
	// before reports whether the document is still empty.
	before := true
	for line := range bytes.Lines(data) {
		rest, marked := bytes.CutPrefix(line, []byte(mark))
		content := bytes.TrimSpace(rest)
		begins := bytes.HasPrefix(rest, []byte("---")) || bytes.HasPrefix(rest, []byte("..."))
		if marked && (before || begins) {
			line = rest
		}
		clean = append(clean, line...)
		switch {
		case begins:
			content = bytes.TrimSpace(content[3:])
			before = len(content) == 0 || content[0] == '#'
		case len(content) > 0 && content[0] != '#' && content[0] != '%':
			before = false
		}
	}
	return clean, bytes.Contains(clean, []byte(mark))
}

// checkMark rejects a byte order mark in an unquoted text.
func (d *decoder) checkMark(n *yaml.Node, path Path) {
	if d.doc.file.marked && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 && strings.Contains(n.Value, mark) {
		d.fail(diag.Encoding, n, path, "byte order mark (U+FEFF) inside a document", "remove it; if a new document begins here, put --- before it")
	}
}

// checkAppliable rejects a character that Flux could not apply, in a key or a value.
func (d *decoder) checkAppliable(text string, n *yaml.Node, path Path) {
	if r := unappliable(text); r != 0 {
		d.fail(diag.Encoding, n, path, fmt.Sprintf("character %U; an API server rejects it", r), "remove it")
	}
}

// badEncoding returns the first byte that YAML text cannot contain.
func badEncoding(data []byte) (at diag.Position, what, hint string) {
	if bytes.HasPrefix(data, []byte("\xfe\xff")) || bytes.HasPrefix(data, []byte("\xff\xfe")) {
		return diag.Position{Line: 1, Column: 1}, "the file is UTF-16, not UTF-8", "save the file as UTF-8"
	}
	r, i := firstBadRune(data)
	if i < 0 {
		return diag.Position{}, "", ""
	}
	before := data[:i]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	at = diag.Position{Line: bytes.Count(before, []byte("\n")) + 1, Column: utf8.RuneCount(line) + 1}
	switch r {
	case 0:
		return at, "NUL byte; YAML does not allow it", "remove it; is this a text file?"
	case utf8.RuneError:
		return at, fmt.Sprintf("byte 0x%02x is not valid UTF-8", data[i]), "save the file as UTF-8"
	}
	return at, fmt.Sprintf("control character %U; YAML does not allow it", r), fmt.Sprintf("remove it, or write \\u%04x in double quotes", r)
}

// firstBadRune returns the first character that YAML 1.2 forbids (5.1), or RuneError for invalid UTF-8.
func firstBadRune(data []byte) (r rune, index int) {
	for i, r := range string(data) {
		switch {
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0xfffe, r == 0xffff,
			r == utf8.RuneError && !bytes.HasPrefix(data[i:], []byte("\ufffd")):
			return r, i
		}
	}
	return 0, -1
}

// unappliable is the first character of text that YAML does not allow and JSON does
// not escape, or 0: Flux sends JSON to the API server, which reads it as YAML.
func unappliable(text string) rune {
	for _, r := range text {
		if r >= 0x7f && r <= 0x9f && r != 0x85 || r == 0xfffe || r == 0xffff {
			return r
		}
	}
	return 0
}

// A decoder turns nodes into the values of encoding/json, and reads plain
// scalars as Kubernetes does (YAML 1.1: yes is true, 010 is 8).
type decoder struct {
	doc *Document
	// nulls is true once a value is null.
	nulls bool
	list  diag.List
}

func (d *decoder) fail(code diag.Code, n *yaml.Node, path Path, message, hint string) {
	d.list = append(d.list, diag.New(code, d.doc.at(n), d.doc.where(path), message, hint))
}

// value decodes the node at a path, whose spare room it uses.
func (d *decoder) value(n *yaml.Node, path Path) any {
	switch n.Kind {
	case yaml.AliasNode:
		return d.value(n.Alias, path)
	case yaml.MappingNode:
		return d.mapping(n, path)
	case yaml.SequenceNode:
		items := make([]any, len(n.Content))
		for i, item := range n.Content {
			items[i] = d.value(item, append(path, i))
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
		d.checkMark(resolve(key), path)
		name, ok := keyName(resolve(key))
		if !ok {
			isMapping := resolve(key).Kind == yaml.MappingNode
			d.fail(diag.Syntax, key, path, "a key must be text", when(isMapping, "put a template such as {{ value }} in quotes"))
			continue
		}
		if len(name) > maxKey/6 && keyLength(name) > maxKey {
			d.fail(diag.WrongFormat, key, path, fmt.Sprintf("the key has %d characters; the API server rejects keys of more than %d", keyLength(name), maxKey), "shorten it")
		}
		d.checkAppliable(name, key, path)
		if first, ok := lines[name]; ok {
			message := fmt.Sprintf("the key is already set on line %d", first)
			if d.doc.file.Unnumbered {
				message = "the key is already set"
			}
			d.fail(diag.DuplicateKey, key, path.With(name), message, "remove one of the two")
			continue
		}
		lines[name] = key.Line
		if written := resolve(key).Value; written != name {
			d.fail(diag.KeyReadAs, key, path.With(name), fmt.Sprintf("Kubernetes and Helm read the key %q as %s: in YAML 1.1 it is text only in quotes", written, name), strconv.Quote(written)+": …")
		}
		m[name] = d.value(value, append(path, name))
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

// maxKey is the maximum length of a key in JSON, with its quotes, if an API server reads it
// as YAML (YAML 1.2, 8.2.2; go.yaml.in/yaml/v2 scannerc.go).
const maxKey = 1024

// keyLength is how long the JSON of a key is, in characters.
func keyLength(name string) int {
	text, err := json.Marshal(name)
	if err != nil {
		return 0
	}
	return utf8.RuneCount(text)
}

func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge"
}

func mergeSources(value *yaml.Node) []*yaml.Node {
	if value.Kind == yaml.SequenceNode {
		return value.Content
	}
	return []*yaml.Node{value}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// noDocument is the document of nodes that have no diagnostics.
var noDocument = &Document{}

// keyName is the text of a key. Plain numbers and booleans are keys by their
// value, as Kubernetes' decoder has it: n is "false", 0x1f is "31".
func keyName(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		return "", false
	}
	switch key := (&decoder{doc: noDocument}).scalar(n, nil).(type) {
	case string:
		return key, true
	case bool:
		return strconv.FormatBool(key), true
	case int64:
		return strconv.FormatInt(key, 10), true
	case float64:
		// As a float32, with YAML's word for infinities.
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

// maxScalar is how many bytes a request to etcd has at most, and so an object with all that
// is in it (etcd server/embed/config.go, DefaultMaxRequestBytes).
const maxScalar = 3 << 19

func (d *decoder) scalar(n *yaml.Node, path Path) any {
	if len(n.Value) > maxScalar {
		d.fail(diag.OutOfBounds, n, path, fmt.Sprintf("the text has %d bytes; an API server rejects objects of more than %d, the limit of etcd", len(n.Value), maxScalar), "")
	}
	tag := n.ShortTag()
	d.checkMark(n, path)
	// The tag "!" turns any value into text.
	if plain := n.Tag != "!" && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0; plain {
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
		d.fail(diag.WrongType, n, path, fmt.Sprintf("%s is not a number in JSON, so Flux cannot apply it", n.Value), "put it in quotes if you mean text")
		return nil
	case "!!str", "!!timestamp", "!!merge":
		d.checkAppliable(n.Value, n, path)
		return n.Value
	}
	d.fail(diag.Syntax, n, path, fmt.Sprintf("%q does not match its tag %s", n.Value, tag), "remove the tag")
	return nil
}
