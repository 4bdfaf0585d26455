// Package catalogue reads the texts about diagnostics. templates/diagnostics has a file for each code, and a
// README that describes the files.
package catalogue

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fleetwright/fleetwright/templates"
)

// An Entry is the file of a code.
type Entry struct {
	// Name is the code's constant in Go.
	Name string `json:"-"`
	// Severity is the default severity of the diagnostics: error, warning or info.
	Severity string `json:"severity"`
	// Structural reports whether the compiler relies on the rule: its severity can then be neither lowered nor
	// ignored.
	Structural bool `json:"always"`
	// Base is the document that the examples change: an Application on kuma if it is empty, an Application on
	// another provider, or none if each example is complete.
	Base string `json:"-"`
	// Title is a short lower-case description without a full stop, like a message.
	Title string `json:"title"`
	// Effect describes the effect of the mistake on the cluster.
	Effect string `json:"effect"`
	// Fix describes the change to make.
	Fix string `json:"fix"`
	// Source is the upstream source: a file, an issue, a page of documentation. It is empty for rules of
	// fleetwright itself.
	Source string `json:"source,omitempty"`
	// Bad is an example with the mistake, and Good is the same without it. Both are empty if no example exists.
	Bad  string `json:"bad,omitempty"`
	Good string `json:"good,omitempty"`
}

// Mark stands before the position of the diagnostic in a bad example. Without a mark, the diagnostic has no
// position.
const Mark = "»"

// CutMark returns a bad example without its mark, and the mark's line and column, or 0 and 0.
func CutMark(bad string) (text string, line, column int) {
	before, after, marked := strings.Cut(bad, Mark)
	if !marked {
		return bad, 0, 0
	}
	last := before[strings.LastIndexByte(before, '\n')+1:]
	return before + after, strings.Count(before, "\n") + 1, utf8.RuneCountInString(last) + 1
}

// Read returns the entry of a code.
func Read(code string) (Entry, error) {
	file := "diagnostics/" + code + ".md"
	text, err := templates.Diagnostics.ReadFile(file)
	if err != nil {
		return Entry{}, err
	}
	return parse("templates/"+file, string(text))
}

// parse reads a file: exactly its keys and sections, in order.
func parse(file, text string) (e Entry, err error) {
	r := reader{file: file, lines: strings.Split(text, "\n")}
	r.line("---")
	e.Name = r.take("name: ")
	e.Severity = r.key("severity: ", "error", "warning", "info")
	if r.at("structural: ") {
		e.Structural = r.key("structural: ", "true") != ""
	}
	if r.at("base: ") {
		e.Base = r.key("base: ", "istio", "nginx", "gatewayapi", "kubernetes", "none")
	}
	r.line("---", "")
	e.Title = r.take("# ")
	e.Effect = r.words("## What happens")
	e.Fix = r.words("## How to fix it")
	if r.at("", "## Reported") {
		e.Bad = r.yaml("## Reported")
		e.Good = r.yaml("## Not reported")
	}
	if r.at("", "## Source") {
		e.Source = r.words("## Source")
	}
	if r.line(""); r.n < len(r.lines) {
		r.want("the end of the file")
	}
	return e, r.err
}

// A reader reads lines until one is not as expected.
type reader struct {
	file  string
	lines []string
	n     int
	err   error
}

// want fails with the expected text for the next line.
func (r *reader) want(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s:%d: want %s", r.file, r.n+1, what)
	}
}

// at reports whether the next lines begin like this, and no error has occurred.
func (r *reader) at(begin ...string) bool {
	for i, b := range begin {
		if r.err != nil || r.n+i >= len(r.lines) || !strings.HasPrefix(r.lines[r.n+i], b) {
			return false
		}
	}
	return true
}

// take reads a line, and returns the rest after begin.
func (r *reader) take(begin string) string {
	if !r.at(begin) || r.lines[r.n] == begin {
		r.want(fmt.Sprintf("%q and a text", begin))
		return ""
	}
	r.n++
	return r.lines[r.n-1][len(begin):]
}

// key reads a key with one of the values.
func (r *reader) key(begin string, values ...string) string {
	value := r.take(begin)
	if r.err == nil && !slices.Contains(values, value) {
		r.n--
		r.want(begin + strings.Join(values, " or "))
	}
	return value
}

// line reads exactly these lines.
func (r *reader) line(lines ...string) {
	for _, line := range lines {
		if !r.at(line) || r.lines[r.n] != line {
			r.want(fmt.Sprintf("%q", line))
			return
		}
		r.n++
	}
}

// words reads a section of text, and joins its lines. It removes backslashes, which only Markdown needs.
func (r *reader) words(heading string) string {
	r.line("", heading, "")
	first := r.n
	for r.n < len(r.lines) && r.lines[r.n] != "" {
		if strings.IndexAny(r.lines[r.n], " #`-") == 0 {
			r.want("words")
		}
		r.n++
	}
	if r.n == first {
		r.want("words")
	}
	return strings.ReplaceAll(strings.Join(r.lines[first:r.n], " "), `\`, "")
}

// yaml reads a section with a block of YAML.
func (r *reader) yaml(heading string) string {
	r.line("", heading, "", "```yaml")
	first := r.n
	for r.n < len(r.lines) && r.lines[r.n] != "```" {
		r.n++
	}
	text := strings.Join(r.lines[first:r.n], "\n") + "\n"
	r.line("```")
	return text
}
