package schema

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// syntaxErrors translates the messages of the parser (go.yaml.in/yaml/v4,
// internal/libyaml/scanner.go and parser.go), and adds hints.
var syntaxErrors = []struct {
	// message is how the parser's own begins.
	message string
	what    string
	hint    string
	// atStart points at where the construct begins, not at where it fails.
	atStart bool
}{
	{"found a tab character", "a tab in the indentation", "indent with spaces", false},
	{"found character that cannot start any token", "a value cannot begin with %c", "put the value in quotes", false},
	{"mapping values are not allowed in this context", "a second \": \" in one value", "put the value in quotes, or check the indentation", false},
	{"block sequence entries are not allowed in this context", "a list cannot begin on the line of its key", "begin the list on the next line, or write it in brackets", false},
	{"did not find expected key", "the line belongs to neither the mapping nor the list above it", "check the indentation, and that quotes are closed", false},
	{"did not find expected '-' indicator", "a list item was expected", "check the indentation", false},
	{"did not find expected ',' or ']'", "a list in brackets is not closed", "add the missing ]", false},
	{"did not find expected ',' or '}'", "a mapping in braces is not closed", "add the missing }", false},
	{"did not find expected node content", "a value was expected", "remove a comma, or close the bracket", false},
	{"did not find expected <document start>", "unexpected text after the document", "put --- on its own line between documents", false},
	{"did not find expected alphabetic or numeric character", "no name follows %c", "put the value in quotes", true},
	{"did not find expected comment or line break", "text follows | or > on the same line", "put the value in quotes, or begin the text on the next line", false},
	{"found an indentation indicator equal to 0", "the indentation of a text cannot be 0", "put the value in quotes, or remove the number after | or >", false},
	{"found unexpected end of stream", "a quoted value is not closed", "add the missing quote", true},
	{"found unexpected document indicator", "a quoted value is not closed", "add the missing quote", true},
	{"found unknown escape character", "YAML has no escape %c", "write \\\\ for a backslash, or use single quotes", false},
	{"found invalid Unicode character escape code", "the escape is not a character", "write the character itself", false},
	{"did not find expected hexadecimal number", "the escape needs a hexadecimal number", "write \\\\ for a backslash, or use single quotes", false},
	{"found a comment without preceding whitespace", "text follows the closing quote", "put a space before #", false},
	{"found undefined tag handle", "unknown YAML tag", "put the value in quotes, or remove the tag", false},
	{"did not find the expected '>'", "the tag is not closed", "put the value in quotes, or remove the tag", true},
	{"did not find expected tag URI", "unknown YAML tag", "put the value in quotes, or remove the tag", true},
	{"could not find expected ':'", "the key has no value", "add \": \" after the key, or check the indentation", true},
	{"unknown anchor", "no anchor defines the alias", "put the value in quotes, or define the anchor before it in the same document", false},
	{"found unknown directive name", "unknown YAML directive", "remove the line", true},
	{"found incompatible YAML document", "unsupported version in the %YAML directive", "remove the line", false},
	{"exceeded max depth", "values nest deeper than " + strconv.Itoa(maxDepth) + " levels", "", false},
}

// syntaxError returns why a file is not YAML.
func syntaxError(f File, err error) diag.Diagnostic {
	at := diag.Position{File: f.Name}
	what, hint := "unexpected text", "check quotes, brackets and the indentation"
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return diag.New(diag.Syntax, at, "", "not valid YAML", hint)
	}
	start, end := load.ContextMark, load.Mark
	at.Line, at.Column = end.Line, end.Column
	for _, known := range syntaxErrors {
		if !strings.HasPrefix(load.Message, known.message) {
			continue
		}
		what, hint = known.what, known.hint
		if start.Line > 0 && (known.atStart || end.Line > bytes.Count(f.Data, []byte("\n"))) {
			at.Line, at.Column = start.Line, start.Column
		}
		break
	}
	switch r := runeAt(f.Data, at); {
	case strings.HasPrefix(load.Message, "mapping values") && isFirstColon(f.Data, at):
		what, hint = "a key below a line that is not a key", "end the line above with a colon, or put both lines in quotes"
	case strings.HasPrefix(load.Message, "found unknown escape"):
		// The parser points at the backslash.
		next := runeAt(f.Data, diag.Position{Line: at.Line, Column: at.Column + 1})
		what = strings.Replace(what, "%c", fmt.Sprintf("\\%c", next), 1)
	case strings.Contains(what, "%c") && r == '\t':
		what, hint = "a tab in the indentation", "indent with spaces"
	default:
		what = strings.Replace(what, "%c", string(r), 1)
	}
	if line, ok := lineAt(f.Data, at.Line); ok && hasVariable(line) {
		hint = "put the text with " + variable + "…} in quotes: inside braces, YAML reads its } as the end of the mapping"
	}
	return diag.New(diag.Syntax, at, "", "not valid YAML: "+what, hint)
}

// isFirstColon reports whether no key precedes the colon on its line: the line above lacks one.
func isFirstColon(data []byte, at diag.Position) bool {
	line, ok := lineAt(data, at.Line)
	before := []rune(line)
	if !ok || at.Line == 1 || at.Column-1 > len(before) {
		return false
	}
	text := string(before[:at.Column-1])
	return !strings.Contains(text, ": ") && !strings.HasPrefix(text, "---")
}

func runeAt(data []byte, at diag.Position) rune {
	line, _ := lineAt(data, at.Line)
	if runes := []rune(line); at.Column >= 1 && at.Column <= len(runes) {
		return runes[at.Column-1]
	}
	return utf8.RuneError
}

func lineAt(data []byte, number int) (string, bool) {
	for line := range bytes.Lines(data) {
		if number--; number == 0 {
			return string(line), true
		}
	}
	return "", false
}
