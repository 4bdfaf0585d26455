package fleet

import (
	"fmt"
	"io"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// writeMermaid writes a flowchart, which GitHub and others draw.
func writeMermaid(w io.Writer, f *Fleet, _ Options) error {
	_, err := io.WriteString(w, f.mermaid(true))
	return err
}

// mostDrawn is how many groups, differences and policies of a step are in a flowchart: GitHub draws none of more than
// 50,000 characters (mermaid's maxTextSize).
const mostDrawn = 10

// mermaid returns the waves and, for each part, the order on its clusters. Without tables around it, it also has the
// groups of clusters and their differences.
func (f *Fleet) mermaid(alone bool) string {
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	if len(f.Parts) == 0 {
		fmt.Fprintf(&b, "  none[%s]\n", label(empty))
		return b.String()
	}
	if len(f.Waves) > 0 {
		b.WriteString("  subgraph waves [\"Waves\"]\n    direction LR\n")
		for i := range f.Waves {
			wave := &f.Waves[i]
			waits := ""
			if wave.Waits {
				waits = ", waits"
			}
			fmt.Fprintf(&b, "    w%d[%s]\n", i, label(wave.Name, wave.Length()+waits, waveClusters(wave)))
			if i > 0 {
				fmt.Fprintf(&b, "    w%d --> w%d\n", i-1, i)
			}
		}
		b.WriteString("  end\n")
	}
	for i, p := range f.Parts {
		above := "waves"
		if len(f.Waves) == 0 {
			above = ""
		}
		if alone {
			above = boxes(&b, above, fmt.Sprintf("p%dg", i), "Clusters that get the same: "+p.title(), "", p.groupLines(), "group")
		}
		fmt.Fprintf(&b, "  subgraph p%d [%s]\n    direction TB\n", i, label(p.title()+", "+p.about()))
		for n, node := range p.Order() {
			fmt.Fprintf(&b, "    p%dn%d[%s]\n", i, n, label(append([]string{node.Name}, node.lines(mostDrawn)...)...))
			for _, at := range node.after {
				fmt.Fprintf(&b, "    p%dn%d --> p%dn%d\n", i, at, i, n)
			}
		}
		b.WriteString("  end\n")
		if above != "" {
			fmt.Fprintf(&b, "  %s --> p%d\n", above, i)
		}
		if alone {
			boxes(&b, fmt.Sprintf("p%d", i), fmt.Sprintf("p%dd", i), "Differences: "+p.title(), ":::differs", p.differenceLines(), "application")
		}
	}
	if alone {
		b.WriteString("  classDef differs stroke-width:2px,stroke-dasharray:6 3\n")
	}
	return b.String()
}

// boxes writes a subgraph of boxes below each other, and a link to it from the subgraph above. It returns the id of the
// subgraph, or of the one above if there are no boxes.
func boxes(b *strings.Builder, above, id, title, class string, all [][]string, one string) string {
	if len(all) == 0 {
		return above
	}
	fmt.Fprintf(b, "  subgraph %s [%s]\n    direction TB\n", id, label(title))
	for n, lines := range all[:min(len(all), mostDrawn+1)] {
		if n == mostDrawn {
			lines = []string{"and " + diag.Plural(len(all)-n, "more "+one)}
		}
		fmt.Fprintf(b, "    %s%d[%s]%s\n", id, n, label(lines...), class)
		if n > 0 { // an invisible link puts it below the one before
			fmt.Fprintf(b, "    %s%d ~~~ %s%d\n", id, n-1, id, n)
		}
	}
	b.WriteString("  end\n")
	if above != "" {
		fmt.Fprintf(b, "  %s --> %s\n", above, id)
	}
	return id
}

// groupLines describes each group of clusters in lines.
func (p *Part) groupLines() (all [][]string) {
	for i, g := range p.Groups {
		lines := []string{diag.Some(g.Clusters, few)}
		if n := len(g.Clusters); n > 1 {
			lines[0] = diag.Plural(n, "cluster") + ": " + lines[0]
		}
		if p.isNumbered() {
			lines[0] = "group " + itoa(i+1) + ": " + lines[0]
		}
		if g.Wave != nil {
			lines = append(lines, "wave "+g.waveName())
		}
		all = append(all, append(lines, strings.Join(g.Labels, ", ")))
	}
	return all
}

// differenceLines describes each application that differs in lines.
func (p *Part) differenceLines() (all [][]string) {
	for _, d := range p.Differences() {
		all = append(all, append([]string{"≠ " + d.Application}, d.lines(p)...))
	}
	return all
}

// lines describes the differences, one in a line.
func (d *Difference) lines(p *Part) (all []string) {
	for _, of := range d.Parts {
		all = append(all, "on "+of.text(p))
	}
	return all
}

// label returns a label with lines of text. Characters with a meaning in Mermaid, Markdown or HTML are written as
// entity codes (mermaid.js.org/syntax/flowchart.html, "Entity codes to escape characters").
func label(lines ...string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, line := range lines {
		if line == "" {
			continue
		}
		if i > 0 {
			b.WriteString("<br/>")
		}
		for _, r := range diag.Plain(line) {
			switch {
			case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(" ,.:/()=%–≠…-", r):
				b.WriteRune(r)
			default:
				fmt.Fprintf(&b, "#%d;", r)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}
