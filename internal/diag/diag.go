// Package diag holds diagnostics of the input: position, severity, rule, message, and hint.
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

// A Severity is the effect of a diagnostic on a run.
type Severity int

const (
	// Info is information that needs no change.
	Info Severity = iota
	// Warning is input that will probably not work as intended.
	Warning
	// Error prevents all output.
	Error
	// Off is only a setting: diagnostics of a code that is off are not reported.
	Off
)

var severityNames = [...]string{Info: "info", Warning: "warning", Error: "error", Off: "off"}

// String returns the severity as printed and as spelled in a RenderConfig.
func (s Severity) String() string { return severityNames[s] }

// SeverityNamed returns the severity with this name.
func SeverityNamed(name string) (Severity, bool) {
	i := slices.Index(severityNames[:], name)
	return Severity(max(i, 0)), i >= 0
}

// A Position is a place in an input file.
type Position struct {
	// File is the name of the file as given.
	File string
	// Line and Column count from 1; 0 means unknown. Columns count characters.
	Line, Column int
	// Unnumbered reports whether Line and Column only order diagnostics, and are not printed, because no file has
	// these numbers.
	Unnumbered bool
}

// IsZero reports whether the position names no file.
func (p Position) IsZero() bool { return p.File == "" }

// String returns file:line:col, without unknown parts.
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

// A Diagnostic is a finding about the input.
type Diagnostic struct {
	// Position is the position of the value itself, not of its document.
	Position Position
	// Severity is the severity after the settings are applied.
	Severity Severity
	// Code is the code of the rule in the catalogue.
	Code Code
	// Path is the path of the value in its document, such as spec.source.gitRepository.url.
	Path string
	// Message describes the found and the expected values, in lower case and without a full stop.
	Message string
	// Hint is the text to write instead, or "".
	Hint string
	// On are the clusters that the diagnostic is about, or nil for all clusters. Resolved reports whether the
	// value contains cluster variables, so that each cluster has another value.
	On       *Scope
	Resolved bool
	// Whole is the message with all names if Message has only the first few. The JSON output contains it.
	Whole string
}

// New returns a diagnostic with the rule's default severity, and redacts and cuts its texts.
func New(code Code, at Position, path, message, hint string) Diagnostic {
	return Diagnostic{Position: at, Severity: code.Rule().Severity, Code: code, Path: Cut(Redact(path)), Message: Cut(Redact(message)), Hint: Cut(Redact(hint))}
}

// WithWhole returns a diagnostic whose message names only a few of many names, with the message that names all.
func (d Diagnostic) WithWhole(message string) Diagnostic {
	d.Whole, d.Hint = Redact(message), "fleetwright check --format json PATH... lists all of them"
	return d
}

// The limits of a diagnostic's texts: of a word, which may be a name or a URL, and of the whole text.
const (
	maxWord = 200
	maxText = 4000
)

// Ellipsis marks the end of a text that was cut.
const Ellipsis = "…"

// Cut shortens long words and long texts.
func Cut(text string) string {
	if len(text) <= maxWord {
		return text
	}
	var b strings.Builder
	word := 0 // number of characters in the current word
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

// String returns one line, file:line:col: severity CODE path: message.
func (d Diagnostic) String() string { return d.text(false) }

// text returns the line of String, with or without colors.
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

// Printable escapes control characters and line breaks, because diagnostics quote texts of untrusted files. It
// also escapes characters that change the direction of text, so that a line reads as it is.
func Printable(s string) string {
	return Escape(s, func(r rune) bool {
		isASCII := ' ' <= r && r <= '~'
		return !isASCII && unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
	})
}

// Escape escapes invalid UTF-8 and unprintable characters as in a Go string.
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

// A List is the diagnostics of a run.
type List []Diagnostic

// Sorted returns the list sorted by position, without duplicates.
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

// With returns the list with the severities from the settings, without the codes that are off.
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

// Strict returns the list with warnings turned into errors.
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
