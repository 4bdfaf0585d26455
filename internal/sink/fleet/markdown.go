package fleet

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/sink/plan"
)

// writeMarkdown is for a pull request or a page: tables, the differences, and the order as a flowchart.
func writeMarkdown(w io.Writer, f *Fleet, _ Options) error {
	b := bufio.NewWriter(w)
	if len(f.Parts) == 0 {
		fmt.Fprintln(b, diag.Markdown(empty))
		return b.Flush()
	}
	for _, p := range f.Parts {
		fmt.Fprintf(b, "### %s\n\n%s.\n\n", diag.Markdown(p.title()), diag.Markdown(p.about()))
		groupTable(f, p).markdown(b)
		if len(p.Applications) == 0 {
			continue
		}
		applicationTable(p).markdown(b)
		b.WriteString("**Differences**\n\n")
		all := p.Differences()
		for _, d := range all {
			fmt.Fprintf(b, "- %s\n", diag.Markdown(d.Application))
			for _, of := range d.Parts {
				fmt.Fprintf(b, "  - on %s\n", diag.Markdown(of.text(p)))
			}
		}
		if len(all) == 0 {
			fmt.Fprintln(b, same(p))
		}
		b.WriteByte('\n')
	}
	if len(f.Waves) > 0 {
		b.WriteString("### Waves\n\n")
		waveTable(f.Waves).markdown(b)
		fmt.Fprintf(b, "%s.\n\n", plan.Sums(f.Waves))
	}
	fmt.Fprintf(b, "### Order\n\n```mermaid\n%s```\n", f.mermaid(false))
	return b.Flush()
}

// markdown writes the table, and an empty line.
func (t table) markdown(b *bufio.Writer) {
	line := func(cells []string) {
		for _, cell := range cells {
			lines := strings.Split(cell, "\n")
			for i, line := range lines {
				lines[i] = diag.Markdown(line)
			}
			fmt.Fprintf(b, "| %s ", strings.Join(lines, "<br>"))
		}
		b.WriteString("|\n")
	}
	var titles []string
	for _, title := range t.titles {
		titles = append(titles, strings.ToLower(title))
	}
	line(titles)
	fmt.Fprintf(b, "|%s\n", strings.Repeat("---|", len(titles)))
	for _, cells := range t.rows {
		line(cells)
	}
	b.WriteByte('\n')
}
