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

// mostDrawn is how many differences of a part are in a flowchart: GitHub draws none of more than 50,000 characters
// (mermaid's maxTextSize).
const mostDrawn = 10

// mermaid returns the waves and, for each part, the order on its clusters. Differences are optional.
func (f *Fleet) mermaid(differences bool) string {
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
		fmt.Fprintf(&b, "  subgraph p%d [%s]\n", i, label(p.title()+", "+p.about()))
		for n, node := range p.Order() {
			fmt.Fprintf(&b, "    p%dn%d[%s]\n", i, n, label(node.Name, node.About))
			for _, at := range node.after {
				fmt.Fprintf(&b, "    p%dn%d --> p%dn%d\n", i, at, i, n)
			}
		}
		var all []Difference
		if differences {
			all = p.Differences()
		}
		for n, d := range all {
			if n == mostDrawn {
				fmt.Fprintf(&b, "    p%dd%d[%s]:::differs\n", i, n, label(fmt.Sprintf("and %d more applications differ", len(all)-n)))
				break
			}
			fmt.Fprintf(&b, "    p%dd%d[%s]:::differs\n", i, n, label(append([]string{"≠ " + d.Application}, d.lines(p)...)...))
		}
		b.WriteString("  end\n")
		if len(f.Waves) > 0 {
			fmt.Fprintf(&b, "  waves --> p%d\n", i)
		}
	}
	if differences {
		b.WriteString("  classDef differs stroke-width:2px,stroke-dasharray:6 3\n")
	}
	return b.String()
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
