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

// From returns what shows places in files, whose texts have the names that positions carry.
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

// A Text is that of a YAML file, of which places can be shown, one at a time.
type Text struct {
	lines []textLine
	// ends of the values, by their beginnings.
	ends map[int]int
}

type textLine struct {
	// start of the line in the text.
	start int
	text  string
}

// New returns the text of a file. It need not be valid.
func New(data []byte) *Text {
	t := &Text{}
	var text strings.Builder
	var markers []int
	for line := range strings.SplitSeq(lineBreaks.Replace(string(data)), "\n") {
		// A byte order mark, with which a document may begin, counts as no column.
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

// lineBreaks makes those that the parser counts the same (YAML 1.1, 4.2).
var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// Excerpt is the line at a position, and carets that stand below the value there when
// both are printed one below the other, behind prefixes of one width. Neither holds what
// a terminal would not print as it is, and a long line is cut around the value. Without
// a column there are no carets; there is no excerpt of a line that the file does not
// have.
//
// Credentials are not shown.
func (t *Text) Excerpt(at diag.Position) (line, carets string, ok bool) { return t.excerpt(at, true) }

// Carets are those of Excerpt, below the line as it is.
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

// span is where the value at a column begins and ends in the text of the line, in bytes.
// What is not the beginning of a value is a single character; the end of the line is
// one, too.
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

// widest is how many columns of a line are shown, before how many of them precede a far value.
const (
	widest = 100
	before = 30
)

// tabWidth is the most that a tab takes.
const tabWidth = 8

// A cell is what takes columns of a terminal together, with the marks on it.
type cell struct {
	// start of the cell in the line, in bytes.
	start int
	text  string
	width int
}

// cells are a part of a line, with an empty one at its end.
type cells struct {
	all []cell
	// before and after say that the line has more there.
	before, after bool
}

// reach is how many bytes of a line are looked at on each side of a value: a file may be a single line.
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
	// The user information of a URL may go on in the next line.
	for _, secret := range diag.Credentials(line[from:to] + " @") {
		l.hide(from+secret.Start, from+secret.End)
	}
	return l
}

// hide shows the cells of a credential as one.
func (l cells) hide(start, end int) {
	first := l.at(start)
	for i := first; i < l.at(end); i++ {
		l.all[i].text, l.all[i].width = "", 0
	}
	l.all[first].text, l.all[first].width = diag.Redacted, len(diag.Redacted)
}

// visible is what a terminal shows in columns of its own. Characters without a shape
// are written as escapes, and so are marks without a character to sit on: they would
// sit on what is printed before them.
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

// at is the cell at a byte of the line.
func (l cells) at(offset int) int {
	return sort.Search(len(l.all), func(i int) bool { return l.all[i].start > offset }) - 1
}

// window is what is shown of a line, from one cell to before another, for a value that begins at first.
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
	goLeft(widest) // where there is room left
	return left, right
}

// excerpt is what is in the window, and carets below the cells from first to before end.
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
			// There is a caret even below what takes no column, as the end of the line.
			below.WriteString(strings.Repeat("^", max(c.width, 1)))
		case c.text == "\t":
			// Only a tab is as wide as another in its place.
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
