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
	return writeText(w, list, FormatOptions{})
}

var severityStyles = [...]ansi.Style{Info: ansi.Cyan, Warning: ansi.Yellow, Error: ansi.BoldRed}

// writeText is for people: the position first, where editors and terminals find it.
func writeText(w io.Writer, list List, options FormatOptions) error {
	b := bufio.NewWriter(w)
	all, said := map[topic]int{}, map[topic]int{}
	for _, d := range list {
		all[topic{d.Position.File, d.Code}]++
	}
	for _, d := range list {
		of := topic{d.Position.File, d.Code}
		if said[of]++; said[of] > maxAlike {
			if said[of] == all[of] {
				writeRest(b, d, all[of]-maxAlike)
			}
			continue
		}
		b.WriteString(d.text(options.Color) + "\n")
		options.writeExcerpt(b, d)
		for line := range strings.Lines(d.Hint) {
			fmt.Fprintf(b, "  %s %s\n", ansi.Paint(options.Color, ansi.Green, "hint:"), Plain(strings.TrimSuffix(line, "\n")))
		}
	}
	return b.Flush()
}

// maxAlike is how many diagnostics of one code are printed of one file: nobody reads more.
const maxAlike = 100

// A topic is what diagnostics are alike in.
type topic struct {
	file string
	code Code
}

// writeRest counts the diagnostics that are not printed, of which the given one is the last.
func writeRest(b *bufio.Writer, last Diagnostic, n int) {
	where := ""
	if last.Position.File != "" {
		where = " in " + Printable(last.Position.File)
	}
	fmt.Fprintf(b, "… and %d more %s%s; check --format json prints all\n", n, last.Code, where)
}

// writeExcerpt prints the line that a diagnostic is about, and carets below its place.
func (o *FormatOptions) writeExcerpt(b *bufio.Writer, d Diagnostic) {
	if o.Excerpt == nil || d.Position.Line == 0 || d.Position.Unnumbered {
		return
	}
	line, carets, ok := o.Excerpt(d.Position)
	if !ok {
		return
	}
	number := fmt.Sprintf("%5d", d.Position.Line)
	fmt.Fprintln(b, strings.TrimRight(number+" | "+line, " \t"))
	if carets != "" {
		fmt.Fprintf(b, "%*s | %s\n", len(number), "", ansi.Paint(o.Color, severityStyles[d.Severity], carets))
	}
}

// Plural returns a number with its noun, which takes an s.
func Plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// Duration returns a time without units that are nothing: 8m30s, 12m.
func Duration(d time.Duration) string {
	text := d.Round(time.Second).String()
	for _, nothing := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, nothing) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// MostNames is how many names of many are listed: a fleet has thousands, and nobody reads them.
const MostNames = 10

// Some returns the first few of many names, and how many more there are.
func Some(names []string, few int) string {
	if len(names) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

// Markdown returns text that Markdown and HTML read as text, and GitHub as nobody's name.
func Markdown(text string) string {
	return strings.NewReplacer(`\`, `\\`, "~", `\~`, "#", `\#`, "&", "&amp;", "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "`", "\\`", "|", `\|`, "[", `\[`, "]", `\]`, "@", "@\u200b").Replace(Plain(text))
}
