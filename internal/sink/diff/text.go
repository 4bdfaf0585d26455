package diff

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/fleetwright/fleetwright/internal/ansi"
	"github.com/fleetwright/fleetwright/internal/diag"
)

// writeText writes differences in the format of diff -u, and then the notes, which stay visible at the end.
func writeText(w io.Writer, r *Report, o Options) error {
	b := bufio.NewWriter(w)
	paint := func(style ansi.Style, text string) string { return ansi.Paint(o.Color, style, text) }
	for i := range r.Changes {
		ch := &r.Changes[i]
		fmt.Fprintln(b, paint(ansi.Bold, "# "+diag.Plain(ch.title())))
		if len(ch.Clusters) > mostNamed {
			fmt.Fprintln(b, diag.Plain("# "+diag.Some(ch.Clusters, diag.MostNames)))
		}
		for line := range strings.Lines(printable(ch.unified(o.Dir))) {
			line = strings.TrimSuffix(line, "\n")
			for _, s := range lineStyles {
				if strings.HasPrefix(line, s.prefix) {
					line = paint(s.style, line)
					break
				}
			}
			fmt.Fprintln(b, line)
		}
		fmt.Fprintln(b)
	}
	last := ""
	for _, n := range r.Notes {
		if about := n.aboutInWords(); about != last {
			last = about
			fmt.Fprintln(b, paint(ansi.Bold, diag.Plain(about)))
		}
		danger := ""
		if n.Danger != "" {
			danger = paint(ansi.BoldRed, "danger:") + " "
		}
		fmt.Fprintf(b, "  %s%s\n", danger, diag.Plain(n.String()))
	}
	if len(r.Waves) > 0 {
		fmt.Fprintln(b, paint(ansi.Bold, "waves, through "+r.through))
	}
	for _, w := range r.Waves {
		fmt.Fprintf(b, "  %s: %s\n", w.Name, w.summary())
		for _, line := range w.behind() {
			fmt.Fprintf(b, "    %s\n", diag.Plain(line))
		}
		for _, n := range w.Notes {
			danger := ""
			if n.Danger != "" {
				danger = paint(ansi.BoldRed, "danger:") + " "
			}
			fmt.Fprintf(b, "      %s%s: %s\n", danger, diag.Plain(n.aboutInWords()), diag.Plain(n.String()))
		}
	}
	return b.Flush()
}

// lineStyles are the styles of lines of a difference, by their prefixes.
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
