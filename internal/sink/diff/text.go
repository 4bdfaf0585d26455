package diff

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/fleetwright/fleetwright/internal/ansi"
	"github.com/fleetwright/fleetwright/internal/diag"
)

// textFormat is for people: the differences as diff -u has them, then what they mean,
// where it is not scrolled away.
type textFormat struct{ FormatOptions }

func (f textFormat) Write(w io.Writer, r *Report) error {
	b := bufio.NewWriter(w)
	for i := range r.Changes {
		ch := &r.Changes[i]
		fmt.Fprintln(b, f.paint(ansi.Bold, "# "+diag.Plain(ch.title())))
		if len(ch.Clusters) > mostNamed {
			fmt.Fprintln(b, diag.Plain("# "+strings.Join(ch.Clusters, ", ")))
		}
		for line := range strings.Lines(printable(ch.unified(f.Dir))) {
			f.line(b, strings.TrimSuffix(line, "\n"))
		}
		fmt.Fprintln(b)
	}
	if len(r.Notes) > 0 {
		f.notes(b, r)
	}
	return b.Flush()
}

// lineStyles are those of the lines of a difference, by how they begin.
var lineStyles = []struct {
	prefix string
	style  ansi.Style
}{
	{"---", ansi.Bold},
	{"+++", ansi.Bold},
	{"@@", ansi.Cyan},
	{"-", ansi.Red},
	{"+", ansi.Green},
}

func (f textFormat) line(b *bufio.Writer, line string) {
	for _, s := range lineStyles {
		if strings.HasPrefix(line, s.prefix) {
			line = f.paint(s.style, line)
			break
		}
	}
	fmt.Fprintln(b, line)
}

// printable is a difference in which no character does anything to the terminal.
func printable(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, ended := strings.CutSuffix(line, "\n")
		parts := strings.Split(line, "\t")
		for i := range parts {
			parts[i] = diag.Plain(parts[i])
		}
		b.WriteString(strings.Join(parts, "\t"))
		if ended {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func (f textFormat) notes(b *bufio.Writer, r *Report) {
	last := "\x00"
	for _, n := range r.Notes {
		if n.About != last {
			last = n.About
			fmt.Fprintln(b, f.paint(ansi.Bold, diag.Plain(aboutInWords(n.About))))
		}
		if n.Danger == "" {
			fmt.Fprintf(b, "  %s\n", diag.Plain(n.String()))
			continue
		}
		fmt.Fprintf(b, "  %s %s\n", f.paint(ansi.BoldRed, "danger:"), diag.Plain(n.String()))
	}
}

// aboutInWords is what notes are about.
func aboutInWords(about string) string {
	if about == "" {
		return "clusters"
	}
	return about
}

func (f textFormat) paint(style ansi.Style, text string) string {
	return ansi.Paint(f.Color, style, text)
}
