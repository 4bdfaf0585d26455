package diag

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/ansi"
)

// WriteText prints one diagnostic after the other, each with its hint below.
func WriteText(w io.Writer, list List) error {
	return textFormat{}.Write(w, list)
}

// textFormat is for people: the position in front, where editors and terminals find
// it, and what was found behind it.
type textFormat struct{ FormatOptions }

var severityStyles = [...]ansi.Style{Info: ansi.Cyan, Warning: ansi.Yellow, Error: ansi.BoldRed}

func (f textFormat) Write(w io.Writer, list List) error {
	b := bufio.NewWriter(w)
	all, said := map[topic]int{}, map[topic]int{}
	for _, d := range list {
		all[d.topic()]++
	}
	for _, d := range list {
		of := d.topic()
		if said[of]++; said[of] > maxAlike {
			if said[of] == all[of] {
				f.rest(b, d, all[of]-maxAlike)
			}
			continue
		}
		f.head(b, d)
		f.excerpt(b, d)
		for line := range strings.Lines(d.Hint) {
			fmt.Fprintf(b, "  %s %s\n", f.paint(ansi.Green, "hint:"), Plain(strings.TrimSuffix(line, "\n")))
		}
	}
	return b.Flush()
}

// maxAlike is how many diagnostics of one code are printed of one file: a file may be made
// to have millions, and nobody reads more.
const maxAlike = 100

// A topic is what diagnostics are alike in.
type topic struct {
	file string
	code Code
}

func (d Diagnostic) topic() topic { return topic{d.Position.File, d.Code} }

// rest counts the diagnostics that are not printed, of which the given one is the last.
func (f textFormat) rest(b *bufio.Writer, last Diagnostic, n int) {
	where := ""
	if last.Position.File != "" {
		where = " in " + Printable(last.Position.File)
	}
	fmt.Fprintf(b, "… and %d more %s%s; check --format json prints all\n", n, last.Code, where)
}

// head is Diagnostic.String, in colour.
func (f textFormat) head(b *bufio.Writer, d Diagnostic) {
	if !f.Color {
		b.WriteString(d.String())
		b.WriteByte('\n')
		return
	}
	at := d.Position
	d.Position = Position{}
	said := strings.TrimPrefix(d.String(), d.Severity.String())
	if !at.IsZero() {
		b.WriteString(f.paint(ansi.Bold, Plain(at.String())) + ": ")
	}
	b.WriteString(f.paint(severityStyles[d.Severity], d.Severity.String()) + said + "\n")
}

// excerpt prints the line that a diagnostic is about, and carets below its place.
func (f textFormat) excerpt(b *bufio.Writer, d Diagnostic) {
	if f.Excerpt == nil || d.Position.Line == 0 || d.Position.Unnumbered {
		return
	}
	line, carets, ok := f.Excerpt(d.Position)
	if !ok {
		return
	}
	number := fmt.Sprintf("%5d", d.Position.Line)
	fmt.Fprintln(b, strings.TrimRight(number+" | "+line, " \t"))
	if carets != "" {
		fmt.Fprintf(b, "%*s | %s\n", len(number), "", f.paint(severityStyles[d.Severity], carets))
	}
}

func (f textFormat) paint(style ansi.Style, text string) string {
	return ansi.Paint(f.Color, style, text)
}

// Plural is a number with its noun, which takes an s.
func Plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// Duration is how long something takes, without units that are nothing: 8m30s, 12m.
func Duration(d time.Duration) string {
	text := d.Round(time.Second).String()
	for _, nothing := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, nothing) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// Some are the first few of many names, and how many more there are.
func Some(names []string, few int) string {
	if len(names) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

// Markdown is text that Markdown and HTML take for nothing else, nor GitHub for somebody's
// name.
func Markdown(text string) string {
	return strings.NewReplacer(`\`, `\\`, "~", `\~`, "#", `\#`, "&", "&amp;", "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "`", "\\`", "|", `\|`, "[", `\[`, "]", `\]`, "@", "@\u200b").Replace(Plain(text))
}
