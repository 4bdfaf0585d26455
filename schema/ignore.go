package schema

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// An Ignore is a comment that keeps a diagnostic from being said:
//
//	port: 80 # fleetwright: ignore FW308 the container listens on 80
//
// It stands in the line that the diagnostic points at, or above it in a line of its
// own. The reason is required.
type Ignore struct {
	// Position of the comment.
	Position diag.Position
	// Code of the diagnostics that are meant.
	Code diag.Code
	// Line that the diagnostics must point at.
	Line int
}

// addIgnores reads the comments of a file that are meant for fleetwright.
func (l *loaded) addIgnores(f File, nodes []*yaml.Node) {
	if !bytes.Contains(f.Data, []byte("fleetwright:")) {
		return
	}
	// What makes a comment one for fleetwright, and the words behind it.
	directive := regexp.MustCompile(`^#+\s*fleetwright:\s*([a-z]+)\b[ \t]*(.*)`)
	lines := strings.Split(string(f.Data), "\n")
	texts := map[int][]textSpan{}
	for _, s := range textSpans(newColumns(lines), nodes) {
		for line := s.first; line <= s.last; line++ {
			texts[line] = append(texts[line], s)
		}
	}
	for i, line := range lines {
		at := commentOf(line, i+1, texts[i+1])
		if at < 0 {
			continue
		}
		m := directive.FindStringSubmatch(strings.TrimRight(line[at:], " \t\r"))
		if m == nil {
			continue
		}
		position := f.position(i+1, utf8.RuneCountInString(line[:at])+1)
		if m[1] != "ignore" {
			if diag.Nearest(m[1], []string{"ignore"}) != "" {
				l.badIgnore(position, fmt.Sprintf("%q is nothing that a comment can say to fleetwright", m[1]), "# fleetwright: ignore "+m[2])
			}
			continue
		}
		ignore := Ignore{Position: position, Line: i + 1}
		if strings.Trim(line[:at], " \t-") == "" { // alone, or behind the dash of a list
			ignore.Line = lineBelow(lines, i) + 1
		}
		code, reason := m[2], ""
		if i := strings.IndexAny(code, " \t"); i >= 0 {
			code, reason = code[:i], code[i:]
		}
		ignore.Code = diag.Code(code)
		switch {
		case code == "":
			l.badIgnore(position, "the comment does not say what to ignore", "# fleetwright: ignore FW308 with the reason")
		case !ignore.Code.Exists():
			hint := "fleetwright explain lists them"
			if meant := diag.Code(strings.ToUpper(strings.TrimRight(code, ":,;."))); meant.Exists() {
				hint = fmt.Sprintf("# fleetwright: ignore %s%s", meant, reason)
			}
			l.badIgnore(position, fmt.Sprintf("there is no diagnostic %s", code), hint)
		case ignore.Code.Structural():
			l.badIgnore(position, fmt.Sprintf("%s is always an error: %s", code, ignore.Code.Title()), "remove the comment, and mend the line")
		case strings.TrimSpace(reason) == "":
			l.badIgnore(position, "the comment gives no reason", fmt.Sprintf("# fleetwright: ignore %s and why it is good here", code))
		default:
			l.Ignores = append(l.Ignores, ignore)
		}
	}
}

func (l *loaded) badIgnore(at diag.Position, message, hint string) {
	l.Diagnostics = append(l.Diagnostics, diag.New(diag.BadIgnore, at, "", message, hint))
}

// lineBelow is the index of the next line that is neither empty nor a comment.
func lineBelow(lines []string, i int) int {
	for i++; i < len(lines); i++ {
		if text := strings.TrimSpace(lines[i]); text != "" && !strings.HasPrefix(text, "#") {
			break
		}
	}
	return i
}

// commentOf is where the comment of a line begins, or -1: a # at its beginning or
// behind a space that is not in a text. The texts are in the order of the line.
func commentOf(line string, number int, texts []textSpan) int {
	for at := range len(line) {
		if line[at] != '#' || at > 0 && line[at-1] != ' ' && line[at-1] != '\t' {
			continue
		}
		for len(texts) > 0 && texts[0].endsBefore(number, at) {
			texts = texts[1:]
		}
		if len(texts) == 0 || !texts[0].holds(number, at) {
			return at
		}
	}
	return -1
}

// A textSpan is the place of a scalar in which # begins no comment: a quoted one, or
// one below | or >. Lines count from 1, offsets in them from 0, in bytes.
type textSpan struct {
	first, from int
	last, to    int
}

// endsBefore says whether all of the text is before an offset of a line.
func (s textSpan) endsBefore(line, at int) bool {
	return line > s.last || line == s.last && at >= s.to
}

// holds says whether an offset of a line is in the text.
func (s textSpan) holds(line, at int) bool {
	begins := line > s.first || line == s.first && at >= s.from
	return begins && !s.endsBefore(line, at)
}

// textSpans are those of the scalars of documents, in their order.
func textSpans(c columns, nodes []*yaml.Node) (all []textSpan) {
	lines := c.lines
	for _, n := range nodes {
		all = append(all, textSpans(c, n.Content)...)
		if n.Kind != yaml.ScalarNode || n.Line < 1 || n.Line > len(lines) {
			continue
		}
		switch from := c.offset(n.Line, n.Column); {
		case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
			all = append(all, blockSpan(lines, n.Line))
		case n.Style&yaml.DoubleQuotedStyle != 0:
			all = append(all, quotedSpan(lines, n.Line, from, '"'))
		case n.Style&yaml.SingleQuotedStyle != 0:
			all = append(all, quotedSpan(lines, n.Line, from, '\''))
		}
	}
	return all
}

// blockSpan is the text below a line that ends in | or >: all that is empty or
// indented as far as its first line.
func blockSpan(lines []string, header int) textSpan {
	last := header
	indent := -1
	for i := header; i < len(lines); i++ {
		text := strings.TrimLeft(lines[i], " ")
		if strings.TrimSpace(text) == "" {
			continue
		}
		own := len(lines[i]) - len(text)
		if indent < 0 {
			indent = own
		}
		if own < indent || indent == 0 && strings.HasPrefix(text, "---") {
			break
		}
		last = i + 1
	}
	return textSpan{first: header + 1, last: last, to: len(lines[last-1])}
}

// quotedSpan is the text from a quote to the next one that is not part of it.
func quotedSpan(lines []string, line, from int, quote byte) textSpan {
	open := false
	for i := line; i <= len(lines); i++ {
		text := lines[i-1]
		at := 0
		if i == line {
			at = from
		}
		for ; at < len(text); at++ {
			switch {
			case text[at] == '\\' && quote == '"' && open:
				at++
			case text[at] != quote:
			case !open:
				open = true
			case quote == '\'' && at+1 < len(text) && text[at+1] == quote:
				at++
			default:
				return textSpan{line, from, i, at + 1}
			}
		}
	}
	return textSpan{line, from, len(lines), 0}
}

// columns are where the columns of lines begin.
type columns struct {
	lines []string
	// offsets of the columns in bytes, of each line that was asked for: a file may be
	// a single line with many values.
	offsets map[int][]int
}

func newColumns(lines []string) columns { return columns{lines, map[int][]int{}} }

// offset is where a column of a line begins, in bytes; both count from 1.
func (c columns) offset(line, column int) int {
	text := c.lines[line-1]
	offsets, known := c.offsets[line]
	if !known {
		for i := range text {
			offsets = append(offsets, i)
		}
		c.offsets[line] = offsets
	}
	if i := max(column, 1) - 1; i < len(offsets) {
		return offsets[i]
	}
	return len(text)
}
