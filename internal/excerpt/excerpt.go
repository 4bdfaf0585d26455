// Package excerpt shows lines of YAML files, with carets below the value that a diagnostic is about.
package excerpt

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// From returns a function that shows excerpts of files, which are named as in positions.
func From(files map[string][]byte) func(at diag.Position) (line, carets string, ok bool) {
	texts := map[string]*Text{}
	return func(at diag.Position) (line, carets string, ok bool) {
		data, ok := files[at.File]
		if !ok {
			return "", "", false
		}
		if texts[at.File] == nil {
			texts[at.File] = New(data)
		}
		return texts[at.File].Excerpt(at)
	}
}

// A Text is the text of a YAML file. It is not safe for concurrent use.
type Text struct {
	lines []textLine
	// ends are the ends of the values, by their beginnings.
	ends map[int]int
}

type textLine struct {
	// start is the offset of the line in the text.
	start int
	text  string
}

// New returns the text of a file, which may be invalid.
func New(data []byte) *Text {
	t := &Text{}
	var text strings.Builder
	var markers []int
	for line := range strings.SplitSeq(lineBreaks.Replace(string(data)), "\n") {
		// A byte order mark at the beginning of a document has no column.
		line = strings.TrimPrefix(line, "\ufeff")
		if isMarker(line) {
			markers = append(markers, text.Len())
		}
		t.lines = append(t.lines, textLine{text.Len(), line})
		text.WriteString(line + "\n")
	}
	t.ends = valueEnds(text.String(), markers)
	return t
}

// lineBreaks replaces the line breaks of the parser with \n (YAML 1.1, 4.2).
var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// Excerpt returns the line at a position, and carets that mark the value if they are printed below the line, with
// prefixes of the same width. Both contain only printable characters, and a long line is cut around the value.
// Without a column there are no carets. Excerpt returns false for a line that the file does not have.
//
// Credentials are redacted.
func (t *Text) Excerpt(at diag.Position) (line, carets string, ok bool) { return t.excerpt(at, true) }

// Carets returns the carets of Excerpt, for the unchanged line.
func (t *Text) Carets(at diag.Position) (carets string, ok bool) {
	_, carets, ok = t.excerpt(at, false)
	return carets, ok
}

func (t *Text) excerpt(at diag.Position, redact bool) (line, carets string, ok bool) {
	if at.Line < 1 || at.Line > len(t.lines) {
		return "", "", false
	}
	l := t.lines[at.Line-1]
	start, end := t.span(l, at.Column)
	shown := newCells(l.text, start, redact)
	line, carets = shown.excerpt(shown.at(start), shown.at(end-1)+1)
	if at.Column < 1 {
		carets = ""
	}
	return line, carets, true
}

// span returns the beginning and the end of the value at a column, as offsets in the line. If no value begins
// there, it is a single character, or the end of the line.
func (t *Text) span(l textLine, column int) (start, end int) {
	start = len(l.text)
	n := 0
	for i := range l.text {
		if n++; n >= column {
			start = i
			break
		}
	}
	end = min(t.ends[l.start+start]-l.start, len(strings.TrimRight(l.text, blanks)))
	return start, max(end, start+1)
}

// widest is the maximum width of an excerpt, and before is the number of columns shown before a distant value.
const (
	widest = 100
	before = 30
)

// tabWidth is the maximum width of a tab.
const tabWidth = 8

// A cell is a character with its combining marks.
type cell struct {
	// start is the offset of the cell in the line, in bytes.
	start int
	text  string
	width int
}

// cells are a part of a line, with an empty cell at the end.
type cells struct {
	all []cell
	// before and after report whether the line continues there.
	before, after bool
}

// reach limits the bytes that are read on each side of a value, because a file may be a single line.
const reach = 4096

func newCells(line string, value int, redact bool) cells {
	from, to := max(value-reach, 0), min(value+reach, len(line))
	for from > 0 && !utf8.RuneStart(line[from]) {
		from--
	}
	for to < len(line) && !utf8.RuneStart(line[to]) {
		to++
	}
	l := cells{before: from > 0, after: to < len(line)}
	at := from
	for graphemes := displaywidth.StringGraphemes(line[from:to]); graphemes.Next(); {
		c := cell{at, graphemes.Value(), graphemes.Width()}
		at += len(c.text)
		if c.text == "\t" {
			c.width = tabWidth
		} else if shown := visible(c.text); shown != c.text {
			c.text, c.width = shown, displaywidth.String(shown)
		}
		l.all = append(l.all, c)
	}
	l.all = append(l.all, cell{start: to})
	if !redact {
		return l
	}
	// The user information of a URL may continue on the next line.
	for _, secret := range diag.Credentials(line[from:to] + " @") {
		l.hide(from+secret.Start, from+secret.End)
	}
	return l
}

// hide replaces the cells of a credential with one.
func (l cells) hide(start, end int) {
	first := l.at(start)
	for i := first; i < l.at(end); i++ {
		l.all[i].text, l.all[i].width = "", 0
	}
	l.all[first].text, l.all[first].width = diag.Redacted, len(diag.Redacted)
}

// visible returns text in the form in which a terminal shows it in separate columns. It escapes characters
// without a shape, and combining marks without a base character, which would combine with the text before them.
func visible(text string) string {
	shapeless := func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }
	first, _ := utf8.DecodeRuneInString(text)
	behind := displaywidth.StringGraphemes("x" + text)
	behind.Next()
	if shapeless(first) || behind.Value() != "x" {
		return diag.Escape(text, func(r rune) bool { return r == first || shapeless(r) || unicode.IsMark(r) })
	}
	return diag.Escape(text, unicode.IsControl)
}

// at returns the index of the cell at an offset.
func (l cells) at(offset int) int {
	return sort.Search(len(l.all), func(i int) bool { return l.all[i].start > offset }) - 1
}

// window returns the range of cells to show for a value that begins at first.
func (l cells) window(first int) (left, right int) {
	width := 0
	for _, c := range l.all {
		width += c.width
	}
	if width <= widest && !l.before && !l.after {
		return 0, len(l.all)
	}
	left, right, width = first, first, 2*displaywidth.String(diag.Ellipsis)
	goLeft := func(most int) {
		for left > 0 && width+l.all[left-1].width <= most {
			left--
			width += l.all[left].width
		}
	}
	goLeft(before)
	for right < len(l.all) && (right == first || width+l.all[right].width <= widest) {
		width += l.all[right].width
		right++
	}
	goLeft(widest) // use the remaining room on the left
	return left, right
}

// excerpt returns the cells in the window, and carets below the cells from first up to end.
func (l cells) excerpt(first, end int) (line, carets string) {
	left, right := l.window(first)
	var text, below strings.Builder
	if left > 0 || l.before {
		text.WriteString(diag.Ellipsis)
		below.WriteByte(' ')
	}
	for i := left; i < right; i++ {
		c := l.all[i]
		text.WriteString(c.text)
		switch {
		case i >= end:
		case i == first && c.text == "\t":
			below.WriteByte('^')
		case i == first:
			// A value without width, such as the end of the line, gets a caret, too.
			below.WriteString(strings.Repeat("^", max(c.width, 1)))
		case c.text == "\t":
			// Only another tab has the width of a tab.
			below.WriteByte('\t')
		case i < first:
			below.WriteString(strings.Repeat(" ", c.width))
		default:
			below.WriteString(strings.Repeat("^", c.width))
		}
	}
	if right < len(l.all) || l.after {
		text.WriteString(diag.Ellipsis)
	}
	return text.String(), below.String()
}
