// Package catalogue reads the texts about diagnostics: templates/diagnostics has a file
// for each code, and a README that describes them.
package catalogue

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fleetwright/fleetwright/templates"
)

// An Entry is the file of a code. As JSON it is what explain says of it.
type Entry struct {
	// Name of the code's constant in Go.
	Name string `json:"-"`
	// Severity of the diagnostics, unless the settings name another: error, warning or info.
	Severity string `json:"severity"`
	// Structural rules cannot be lowered or ignored: the compiler relies on them.
	Structural bool `json:"always"`
	// Base is what the examples change: an Application on kuma if it is empty, on another
	// provider, or none where each example is whole.
	Base string `json:"-"`
	// Title is a short lower case description without a full stop, like a message.
	Title string `json:"title"`
	// Effect is what happens on the cluster if the mistake goes there.
	Effect string `json:"ignored"`
	// Fix says what to change.
	Fix string `json:"fix"`
	// Source is where upstream says so: a file, an issue, a page of its documentation. It
	// is empty for what fleetwright decides by itself.
	Source string `json:"source,omitempty"`
	// Bad is an example with the mistake, Good the same without; both empty if none can have it.
	Bad  string `json:"bad,omitempty"`
	Good string `json:"good,omitempty"`
}

// Mark stands in a bad example before what the diagnostic points at. Without a mark it points nowhere.
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

// parse reads a file: its keys and sections, in their order, and nothing else.
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

// A reader reads lines, until one is not what is wanted.
type reader struct {
	file  string
	lines []string
	n     int
	err   error
}

// want fails at the next line.
func (r *reader) want(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s:%d: want %s", r.file, r.n+1, what)
	}
}

// at reports whether the next lines begin like this, and all before was as it should be.
func (r *reader) at(begin ...string) bool {
	for i, b := range begin {
		if r.err != nil || r.n+i >= len(r.lines) || !strings.HasPrefix(r.lines[r.n+i], b) {
			return false
		}
	}
	return true
}

// take reads a line, and returns what follows its beginning.
func (r *reader) take(begin string) string {
	if !r.at(begin) || r.lines[r.n] == begin {
		r.want(fmt.Sprintf("%q and a text", begin))
		return ""
	}
	r.n++
	return r.lines[r.n-1][len(begin):]
}

// key reads one of the values of a key.
func (r *reader) key(begin string, values ...string) string {
	value := r.take(begin)
	if r.err == nil && !slices.Contains(values, value) {
		r.n--
		r.want(begin + strings.Join(values, " or "))
	}
	return value
}

// line reads lines that are these.
func (r *reader) line(lines ...string) {
	for _, line := range lines {
		if !r.at(line) || r.lines[r.n] != line {
			r.want(fmt.Sprintf("%q", line))
			return
		}
		r.n++
	}
}

// words reads a section of text, whose lines are joined. A backslash is for Markdown only.
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
