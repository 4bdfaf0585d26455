package fleet

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/clipperhouse/displaywidth"

	"github.com/fleetwright/fleetwright/internal/ansi"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/sink/plan"
)

// lineLength is the width of sentences, and of tables if the width of the terminal is unknown.
const lineLength = 88

// columnGap is between two columns of a table.
const columnGap = 2

// writeText is for a terminal: for the clusters of the same fleets, tables of clusters and applications, the
// differences, and the order.
func writeText(w io.Writer, f *Fleet, o Options) error {
	b := bufio.NewWriter(w)
	p := printer{b, cmp.Or(o.Width, lineLength), o.Color}
	if len(f.Parts) == 0 {
		p.sentence(0, empty)
	}
	for i, part := range f.Parts {
		if i > 0 {
			fmt.Fprintln(b)
		}
		p.part(f, part)
	}
	p.waves(f)
	return b.Flush()
}

// A printer prints lines that no width exceeds.
type printer struct {
	*bufio.Writer
	width int
	color bool
}

// sentence prints text, broken between words, and within a word only if it is too long.
func (p *printer) sentence(indent int, text string) {
	by := strings.Repeat(" ", indent)
	width := max(min(p.width, lineLength)-indent, 1)
	for _, line := range plan.Folded(text, width) {
		fmt.Fprintln(p, by+line)
	}
}

func (p *printer) bold(text string) {
	fmt.Fprintln(p, ansi.Paint(p.color, ansi.Bold, displaywidth.TruncateString(diag.Plain(text), p.width, diag.Ellipsis)))
}

// table prints the rows of a table below its titles. If they do not fit, it prints the first cell of each row, and
// the other cells below it.
func (p *printer) table(t table) {
	if broken, ok := t.within(p.width); ok {
		p.aligned(broken)
		return
	}
	for _, cells := range t.rows {
		if t.titles[0] == "GROUP" { // a bare number would be a riddle
			cells[0] = "group " + cells[0]
		}
		p.sentence(0, cells[0])
		var parts []string
		for i, cell := range cells[1:] {
			if cell != none && cell != "" {
				parts = append(parts, strings.ToLower(t.titles[i+1])+": "+strings.ReplaceAll(cell, "\n", "; "))
			}
		}
		if len(parts) > 0 {
			p.sentence(2, strings.Join(parts, "; "))
		}
	}
}

// aligned prints a table whose lines fit.
func (p *printer) aligned(t table) {
	widths, _ := t.widths()
	// line returns a line of cells, whose number of lines it may exceed.
	line := func(cells [][]string, n int) string {
		text := ""
		for i, lines := range cells {
			cell := ""
			if n < len(lines) {
				cell = lines[n]
			}
			text += cell + strings.Repeat(" ", widths[i]+columnGap-displaywidth.String(cell))
		}
		return strings.TrimRight(text, " ")
	}
	var titles [][]string
	for _, title := range t.titles {
		titles = append(titles, []string{title})
	}
	fmt.Fprintln(p, ansi.Paint(p.color, ansi.Bold, line(titles, 0)))
	for _, row := range t.rows {
		var cells [][]string
		most := 0
		for _, cell := range row {
			lines := strings.Split(cell, "\n")
			cells, most = append(cells, lines), max(most, len(lines))
		}
		for n := range most {
			fmt.Fprintln(p, line(cells, n))
		}
	}
}

// part prints the clusters of the same fleets.
func (p *printer) part(f *Fleet, part *Part) {
	p.bold(part.title())
	p.sentence(0, part.about())
	fmt.Fprintln(p)
	p.table(groupTable(f, part))
	all := part.Differences()
	if len(part.Applications) > 0 {
		p.applications(part, all)
	}
	if nodes := part.Order(); len(nodes) > 0 {
		fmt.Fprintln(p)
		p.bold(strings.ToUpper(orderTitle(all)))
		p.order(nodes)
	}
}

// applications prints the applications of a part, and the differences between its clusters.
func (p *printer) applications(part *Part, all []Difference) {
	fmt.Fprintln(p)
	p.table(applicationTable(part))
	fmt.Fprintln(p)
	p.bold("DIFFERENCES")
	for _, d := range all {
		if len(d.Parts) == 1 {
			p.sentence(2, d.Application+" on "+d.Parts[0].text(part))
			continue
		}
		p.sentence(2, d.Application)
		for _, of := range d.Parts {
			p.sentence(4, "on "+of.text(part))
		}
	}
	if len(all) == 0 {
		p.sentence(2, same(part))
	}
}

// same states that clusters do not differ.
func same(p *Part) string {
	if len(p.Clusters) == 1 {
		return "There is only one cluster."
	}
	return "All clusters get the same."
}

// A table is titles and rows of cells. A cell may have several lines.
type table struct {
	titles []string
	rows   [][]string
}

// widths returns the widths of the columns, and of the whole table.
func (t table) widths() (all []int, sum int) {
	sum = -columnGap
	for i, title := range t.titles {
		widest := displaywidth.String(title)
		for _, cells := range t.rows {
			for line := range strings.SplitSeq(cells[i], "\n") {
				widest = max(widest, displaywidth.String(line))
			}
		}
		all, sum = append(all, widest), sum+widest+columnGap
	}
	return all, sum
}

// leastWidth is the width below which no column of a table is broken.
const leastWidth = 16

// within returns the table with cells broken between words, the widest first, so that it has a width. It reports
// whether that is possible.
func (t table) within(width int) (table, bool) {
	broken := table{t.titles, make([][]string, len(t.rows))}
	least := make([]int, len(t.titles))
	for i, title := range t.titles {
		least[i] = max(leastWidth, displaywidth.String(title))
	}
	for i, cells := range t.rows {
		for column, cell := range cells {
			lines := strings.Split(cell, "\n")
			for n, line := range lines {
				lines[n] = diag.Plain(line)
				for word := range strings.FieldsSeq(lines[n]) {
					least[column] = max(least[column], displaywidth.String(word))
				}
			}
			broken.rows[i] = append(broken.rows[i], strings.Join(lines, "\n"))
		}
	}
	for {
		widths, sum := broken.widths()
		if sum <= width {
			return broken, true
		}
		widest := -1
		for i, w := range widths {
			if w > least[i] && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return t, false
		}
		to := max(widths[widest]-(sum-width), least[widest], widths[widest]/2)
		for i, cells := range t.rows {
			var lines []string
			for line := range strings.SplitSeq(cells[widest], "\n") {
				lines = append(lines, plan.Folded(line, to)...)
			}
			broken.rows[i][widest] = strings.Join(lines, "\n")
		}
	}
}

// groupTable has a row for the clusters that get the same.
func groupTable(f *Fleet, p *Part) table {
	t := table{titles: []string{"CLUSTERS", "LABELS", "DIFFERS IN"}}
	for _, g := range p.Groups {
		t.rows = append(t.rows, []string{counted(g.Clusters), cmp.Or(strings.Join(g.Labels, ", "), none), g.differsIn(p)})
	}
	if len(f.Waves) > 0 {
		t.lead("WAVE", func(i int) string { return p.Groups[i].waveName() })
	}
	if p.isNumbered() {
		t.lead("GROUP", func(i int) string { return itoa(i + 1) })
	}
	return t
}

// lead puts a column before the others.
func (t *table) lead(title string, cell func(row int) string) {
	t.titles = append([]string{title}, t.titles...)
	for i, cells := range t.rows {
		t.rows[i] = append([]string{cell(i)}, cells...)
	}
}

// waveName returns the name of the wave of the group, and whether it waits.
func (g *Group) waveName() string {
	if g.Wave == nil {
		return none
	}
	return waveName(g.Wave)
}

func waveName(w *plan.Wave) string {
	if w.Waits {
		return w.Name + " (waits)"
	}
	return w.Name
}

// applicationTable has a row for each form of an application.
func applicationTable(p *Part) table {
	t := table{titles: []string{"APPLICATION", "VERSION", "ROLLOUT", "ON"}}
	for _, a := range p.Applications {
		for _, of := range p.forms(a) {
			t.rows = append(t.rows, []string{a.Name, of.versions, cmp.Or(strings.Join(of.rollouts, "\n"), none), p.on(of.clusters)})
		}
	}
	return t
}

// order prints the steps, with a line from each step down to the steps that wait for it.
func (p *printer) order(nodes []node) {
	of, columns := lanes(nodes)
	const most = 8
	drawn := columns <= most && 2*columns+30 <= p.width
	for i, n := range nodes {
		if !drawn {
			p.sentence(0, itoa(i+1)+". "+n.inWords())
			p.sentence(3, n.About)
			continue
		}
		mark, below := marks(i, n, of, columns)
		first := mark + " " + diag.Plain(n.Name)
		if n.About != "" && displaywidth.String(first+"  "+diag.Plain(n.About)) <= p.width {
			fmt.Fprintln(p, first+"  "+diag.Plain(n.About))
			continue
		}
		p.hung(mark+" ", below+" ", n.Name)
		if n.About != "" {
			p.hung(below+"   ", below+"   ", n.About)
		}
	}
}

// hung prints text with a prefix for the first line, and another one for the others.
func (p *printer) hung(first, others, text string) {
	var b strings.Builder
	inner := printer{bufio.NewWriter(&b), p.width - displaywidth.String(first), false}
	inner.sentence(0, text)
	_ = inner.Flush() // a builder never fails
	for line := range strings.Lines(b.String()) {
		fmt.Fprint(p, first+line)
		first = others
	}
}

// inWords returns the name of the step, and the steps that it waits for.
func (n node) inWords() string {
	if len(n.after) == 0 {
		return n.Name
	}
	return n.Name + " after " + stepNumbers(n.after)
}

// stepNumbers returns numbers of steps as people count them.
func stepNumbers(after []int) string {
	var all []string
	for _, at := range after {
		all = append(all, itoa(at+1))
	}
	return diag.Some(all, few)
}

// marks returns the prefix of a step, and the prefix of its further lines.
func marks(i int, n node, of map[int]lane, columns int) (mark, below string) {
	byColumn := make([]*lane, columns)
	for _, l := range of {
		if l.from <= i && i <= l.to {
			byColumn[l.column] = &l
		}
	}
	ends := map[int]bool{}
	for _, at := range n.after {
		ends[at] = true
	}
	isLeft := false
	var m, b strings.Builder
	for _, l := range byColumn {
		starts, joins := l != nil && l.from == i, l != nil && ends[l.from]
		goesOn := l != nil && l.to > i
		sign, gap := " ", " "
		switch {
		case starts && isLeft:
			sign = "┬"
		case starts:
			sign = "┌"
		case joins && goesOn:
			sign = "├"
		case joins && isLeft:
			sign = "┴"
		case joins:
			sign = "└"
		case goesOn:
			sign = "│"
		case isLeft:
			sign = "─"
		}
		isLeft = isLeft || starts || joins
		if isLeft {
			gap = "─"
		}
		m.WriteString(sign + gap)
		if goesOn {
			b.WriteString("│ ")
		} else {
			b.WriteString("  ")
		}
	}
	return m.String() + "●", b.String() + " "
}

// waves prints the duration of each wave.
func (p *printer) waves(f *Fleet) {
	if len(f.Waves) == 0 {
		return
	}
	fmt.Fprintln(p)
	p.table(waveTable(f.Waves))
	p.sentence(0, plan.Sums(f.Waves))
}

// waveClusters names the clusters of a wave.
func waveClusters(w *plan.Wave) string {
	if len(w.Clusters) == 0 {
		return none
	}
	return counted(w.Clusters)
}

// waveTable has a row for each wave.
func waveTable(waves []plan.Wave) table {
	t := table{titles: []string{"WAVE", "TAKES", "CLUSTERS", "LONGEST ROLLOUT"}}
	for i := range waves {
		w := &waves[i]
		t.rows = append(t.rows, []string{waveName(w), w.Length(), waveClusters(w), cmp.Or(w.Longest(), none)})
	}
	return t
}
