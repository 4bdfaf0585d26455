// Package diag holds diagnostics of the input: where, how bad, which rule, what, and a fix.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fleetwright/fleetwright/internal/ansi"
)

// Severity says what a diagnostic does to a run.
type Severity int

const (
	// Info is worth knowing and changes nothing.
	Info Severity = iota
	// Warning will probably not do what was meant.
	Warning
	// Error writes nothing.
	Error
	// Off is a setting alone: a diagnostic whose code is off is not reported.
	Off
)

var severityNames = [...]string{Info: "info", Warning: "warning", Error: "error", Off: "off"}

// String is the severity as it is printed and as RenderConfig spells it.
func (s Severity) String() string { return severityNames[s] }

// SeverityNamed finds a severity by its name.
func SeverityNamed(name string) (Severity, bool) {
	i := slices.Index(severityNames[:], name)
	return Severity(max(i, 0)), i >= 0
}

// Position is a place in an input file.
type Position struct {
	// File is the name of the file as it was given.
	File string
	// Line and Column count from 1; 0 is unknown. Columns count characters.
	Line, Column int
	// Unnumbered says that Line and Column are not those of a file that anybody has:
	// they order what there is to say, and are not said themselves.
	Unnumbered bool
}

// IsZero reports whether the position names no file.
func (p Position) IsZero() bool { return p.File == "" }

// String is file:line:col, without what is unknown.
func (p Position) String() string {
	switch {
	case p.Line == 0 || p.Unnumbered:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Compare orders positions by file, line and column.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// A Diagnostic is one thing to say about the input.
type Diagnostic struct {
	// Position of the value that is meant, not of its document.
	Position Position
	// Severity of the diagnostic, after the settings were applied.
	Severity Severity
	// Code of the rule in the catalogue.
	Code Code
	// Path of the value in its document, as in spec.source.gitRepository.url.
	Path string
	// Message says what was found and expected, in lower case and without a full stop.
	Message string
	// Hint says what to write instead. It may be empty.
	Hint string
	// On are the clusters on which it holds, or nil where it holds on all. Resolved is set where what is
	// meant has variables of clusters, so that each cluster has another value.
	On       *Scope
	Resolved bool
	// Whole is the message with all names, where Message has the first few. JSON has it for programs.
	Whole string
}

// New returns a diagnostic of the rule's own severity, with its quotes redacted and cut.
func New(code Code, at Position, path, message, hint string) Diagnostic {
	return Diagnostic{Position: at, Severity: code.Rule().Severity, Code: code, Path: Cut(Redact(path)), Message: Cut(Redact(message)), Hint: Cut(Redact(hint))}
}

// WithWhole returns a diagnostic whose message names a few of many, with the message that names all.
func (d Diagnostic) WithWhole(message string) Diagnostic {
	d.Whole, d.Hint = Redact(message), "fleetwright check --format json PATH... lists all of them"
	return d
}

// The most that a diagnostic says: of a word, in which names and URLs are one, and in all.
const (
	maxWord = 200
	maxText = 4000
)

// Ellipsis stands where a text is cut.
const Ellipsis = "…"

// Cut cuts long words, and long texts, which nobody reads to their ends.
func Cut(text string) string {
	if len(text) <= maxWord {
		return text
	}
	var b strings.Builder
	word := 0 // characters of the word so far
	for i, r := range text {
		if i >= maxText {
			b.WriteString(Ellipsis)
			break
		}
		switch word++; {
		case unicode.IsSpace(r):
			word = 0
			fallthrough
		case word <= maxWord:
			_, size := utf8.DecodeRuneInString(text[i:])
			b.WriteString(text[i : i+size])
		case word == maxWord+1:
			b.WriteString(Ellipsis)
		}
	}
	return b.String()
}

// String is one line, file:line:col: severity CODE path: message.
func (d Diagnostic) String() string { return d.text(false) }

// text is the line, in colours or not.
func (d Diagnostic) text(color bool) string {
	where, path := "", ""
	if !d.Position.IsZero() {
		where = ansi.Paint(color, ansi.Bold, Plain(d.Position.String())) + ": "
	}
	if d.Path != "" {
		path = d.Path + ": "
	}
	severity := ansi.Paint(color, severityStyles[d.Severity], d.Severity.String())
	return where + severity + Plain(fmt.Sprintf(" %s %s", d.Code, path+d.Message))
}

// Unjoined returns the errors that an error joins, or the error itself.
func Unjoined(err error) (all []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, err := range joined.Unwrap() {
		all = append(all, Unjoined(err)...)
	}
	return all
}

// Printable replaces what a terminal or a log would take for a command, or for a
// new line: what a diagnostic quotes comes from files and their names. So does what
// turns the direction of text: a line must read as it is.
func Printable(s string) string {
	return Escape(s, func(r rune) bool {
		isASCII := ' ' <= r && r <= '~'
		return !isASCII && unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
	})
}

// Escape writes what is not UTF-8, or must not be printed, as a Go string would have it.
func Escape(s string, unprintable func(rune) bool) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, unprintable) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unprintable(r):
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// A List is all there is to say about a run.
type List []Diagnostic

// Sorted returns the list ordered by position, each diagnostic once.
func (l List) Sorted() List {
	l = slices.Clone(l)
	slices.SortStableFunc(l, func(a, b Diagnostic) int {
		return cmp.Or(
			a.Position.Compare(b.Position),
			cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Message, b.Message),
			cmp.Compare(a.Hint, b.Hint))
	})
	return slices.Compact(l)
}

// With returns the list with the severities that settings give to codes, without those that are off.
func (l List) With(severities map[Code]Severity) List {
	if len(severities) == 0 {
		return l
	}
	var list List
	for _, d := range l {
		if s, ok := severities[d.Code]; ok {
			d.Severity = s
		}
		if d.Severity != Off {
			list = append(list, d)
		}
	}
	return list
}

// Count returns the number of diagnostics of a severity.
func (l List) Count(s Severity) int {
	n := 0
	for _, d := range l {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// Strict returns the list with errors in place of warnings.
func (l List) Strict() List {
	l = slices.Clone(l)
	for i := range l {
		if l[i].Severity == Warning {
			l[i].Severity = Error
		}
	}
	return l
}

// HasErrors reports whether any diagnostic is an error.
func (l List) HasErrors() bool { return l.Count(Error) > 0 }
