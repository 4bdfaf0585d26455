package diag

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/ansi"
)

// WriteText prints the diagnostics in order, each with its hint below.
func WriteText(w io.Writer, list List) error {
	return writeText(w, list, FormatOptions{})
}

var severityStyles = [...]ansi.Style{Info: ansi.Cyan, Warning: ansi.Yellow, Error: ansi.BoldRed}

// writeText writes the text format. The position is first, where editors and terminals find it.
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

// maxAlike limits the diagnostics of one code that are printed for one file.
const maxAlike = 100

// A topic is the key of similar diagnostics.
type topic struct {
	file string
	code Code
}

// writeRest writes the number of omitted diagnostics; last is the last of them.
func writeRest(b *bufio.Writer, last Diagnostic, n int) {
	where := ""
	if last.Position.File != "" {
		where = " in " + Printable(last.Position.File)
	}
	fmt.Fprintf(b, "… and %d more %s%s; check --format json prints all\n", n, last.Code, where)
}

// writeExcerpt prints the line of a diagnostic, with carets below the value.
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

// Plural returns a number with its noun, which gets an s except for 1.
func Plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// Duration returns a duration without zero units: 8m30s, 12m.
func Duration(d time.Duration) string {
	text := d.Round(time.Second).String()
	for _, nothing := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, nothing) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// MostNames limits the names in a list, because a fleet may have thousands.
const MostNames = 10

// Some returns the first few names, and the number of the others.
func Some(names []string, few int) string {
	if len(names) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

// Markdown escapes text so that Markdown and HTML show it unchanged, and GitHub mentions nobody.
func Markdown(text string) string {
	return strings.NewReplacer(`\`, `\\`, "~", `\~`, "#", `\#`, "&", "&amp;", "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "`", "\\`", "|", `\|`, "[", `\[`, "]", `\]`, "@", "@\u200b").Replace(Plain(text))
}
