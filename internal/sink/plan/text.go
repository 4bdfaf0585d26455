package plan

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/clipperhouse/displaywidth"

	"github.com/fleetwright/fleetwright/internal/ansi"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/templates"
)

// writeText is for a terminal: a summary of each rollout, a chart of the traffic, and a table for each run.
// Two rollouts fill more than a screen, so a table of all comes first, and is all the output unless they were
// selected by name.
func writeText(w io.Writer, rollouts []render.Rollout, o Options) error {
	b := bufio.NewWriter(w)
	width := cmp.Or(o.Width, lineLength)
	sentence := func(indent int, text string) string { return lines(indent, min(width, lineLength), text) }
	names := namesOf(rollouts)
	if entries := entriesOf(rollouts, names); len(entries) > 1 {
		t := newTable(entries, width)
		t.write(b, o)
		fmt.Fprintf(b, "\n%s\n", sentence(0, t.legend()))
		if !o.Asked {
			fmt.Fprintf(b, "%s\n\n%s\n", sentence(0, since), sentence(0, detail))
			return cmp.Or(writeWaves(b, o), b.Flush())
		}
		fmt.Fprintln(b)
	}
	screen := screen(width)
	columns := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	parsed := template.Must(template.New("plan.txt").Funcs(functions(names)).Funcs(template.FuncMap{
		"bold":    func(text string) string { return ansi.Paint(o.Color, ansi.Bold, text) },
		"summary": screen.summary, "chart": screen.chart, "ticks": screen.ticks, "calls": screen.calls, "lines": sentence,
	}).ParseFS(templates.Plan, "plan/plan.txt"))
	return cmp.Or(parsed.Execute(columns, rollouts), columns.Flush(), writeWaves(b, o), b.Flush())
}

// lineLength is the maximum width of sentences, and the width of all output if the width is unknown, as in a pager
// without a terminal.
const lineLength = 80

// A screen shows the steps of a rollout in a number of columns.
type screen int

// summary returns the lines of the table of all runs. If it does not fit, its words are shorter; if it still does not,
// each run is a sentence.
func (s screen) summary(p *flagger.Plan) (all []string) {
	long := [][]string{{"  ", "ENDS", "AFTER", "BACKS OUT IN", "MOST TRAFFIC", "EXPOSURE"}}
	short := [][]string{{"  ", "ENDS", "AFTER", "BACKS OUT IN", "TRAFFIC", "TRAFFIC-MINUTES"}}
	unit := strings.NewReplacer(" traffic-minutes", "", " traffic-minute", "")
	for _, r := range runsOf(p) {
		cells := r.Summary()
		cells[0] = "  " + r.Name
		long = append(long, cells)
		cells = slices.Clone(cells)
		cells[0], cells[5] = "  "+r.Short, unit.Replace(cells[5])
		short = append(short, cells)
	}
	for _, rows := range [][][]string{long, short} {
		if s.fits(rows) {
			return tabbed(rows)
		}
	}
	for _, r := range runsOf(p) {
		text := spoken(r)
		if back := r.BacksOut(); back != nothing {
			text += "; backs out in " + back
		}
		all = append(all, lines(2, min(int(s), lineLength), text+"; exposure: "+r.Exposure()))
	}
	return all
}

// ticks returns the lines of the table of a run, with bars of the traffic if they fit.
func (s screen) ticks(r run) []string {
	indent := "    "
	var rows [][]string
	for _, barLength := range []int{20, 10, 0} {
		rows = [][]string{{indent + "STATUS", "WEIGHT", "TIME", "TRAFFIC"}}
		for _, w := range r.Rows() {
			cells := r.Cells(w, barLength)
			cells[0] = indent + cells[0]
			if barLength == 0 {
				cells = slices.Delete(cells, 4, 5)
			}
			rows = append(rows, cells)
		}
		if s.fits(rows) {
			return tabbed(rows)
		}
	}
	for i := range rows { // the traffic tells as much as the weight
		rows[i] = slices.Delete(rows[i], 1, 2)
		rows[i][0] = strings.TrimPrefix(rows[i][0], "  ")
		last := len(rows[i]) - 1
		rows[i][last] = strings.NewReplacer("failed checks", "failed", "failed check", "failed", copied, "updated", throughPrimary, "primary").Replace(rows[i][last])
	}
	if !s.fits(rows) {
		for i := range rows {
			rows[i][0] = strings.TrimSpace(rows[i][0])
		}
	}
	return tabbed(rows)
}

// calls returns the lines of the table of calls or, if it does not fit, a sentence for each.
func (s screen) calls(p *flagger.Plan) (all []string) {
	runs, called := runsOf(p), counts(p)
	if len(called) == 0 {
		return nil
	}
	header := []string{"  CALLS"}
	for _, r := range runs {
		header = append(header, strings.ToUpper(r.Short))
	}
	rows := [][]string{header}
	for _, c := range called {
		cells := []string{"  " + diag.Plain(c.What)}
		for _, n := range c.Times {
			cells = append(cells, strconv.Itoa(n))
		}
		rows = append(rows, cells)
	}
	if s.fits(rows) {
		return tabbed(rows)
	}
	for _, c := range called {
		var times []string
		for i, n := range c.Times {
			times = append(times, fmt.Sprintf("%s %d", runs[i].Short, n))
		}
		all = append(all, lines(2, min(int(s), lineLength), c.What+": "+strings.Join(times, ", ")))
	}
	return all
}

// fits reports whether aligned rows fit.
func (s screen) fits(rows [][]string) bool {
	var widths []int
	for _, cells := range rows {
		for i, cell := range cells {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], displaywidth.String(cell)+columnGap)
		}
	}
	all := -columnGap
	for _, w := range widths {
		all += w
	}
	return all <= int(s)
}

// tabbed returns rows as lines with tabs between the cells.
func tabbed(rows [][]string) (all []string) {
	for _, cells := range rows {
		all = append(all, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	return all
}

// lines returns text indented, and broken between words.
func lines(indent, width int, text string) string {
	by := strings.Repeat(" ", indent)
	return by + strings.Join(Folded(text, max(width-indent, 1)), "\n"+by)
}

// blocks are bars of one to eight eighths of a cell, from the left and from below.
var (
	leftBlocks  = []rune(" ▏▎▍▌▋▊▉█")
	lowerBlocks = []rune(" ▁▂▃▄▅▆▇█")
)

// primaryBlock is a cell of traffic that gets the new version through the primary.
const primaryBlock = '▒'

func bar(share flagger.Share, cells int) string {
	filled := eighths(share.Canary, cells)
	text := strings.Repeat("█", filled/8)
	if rest := filled % 8; rest > 0 {
		text += string(leftBlocks[rest])
	}
	return text + strings.Repeat(string(primaryBlock), max((eighths(share.All(), cells)+7)/8-(filled+7)/8, 0))
}

// eighths returns the number of eighths of some cells that a share fills: at least one.
func eighths(percent, cells int) int {
	if percent == 0 {
		return 0
	}
	return max((percent*cells*8+50)/100, 1)
}

// The chart is this many cells wide, if they fit, and high; its margin holds the labels of its axis.
const (
	chartWidth  = 48
	chartHeight = 4
	chartMargin = 9
)

// chart shows how much of the traffic gets the new version over time, of the runs in which any does.
func (s screen) chart(p *flagger.Plan) string {
	longest, promotes := 0, false
	type drawn struct {
		run
		shares []flagger.Share
	}
	var runs []drawn
	for _, r := range runsOf(p) {
		longest = max(longest, len(r.Ticks)-1)
		shares := r.Shares()
		if slices.ContainsFunc(shares, func(share flagger.Share) bool { return share.All() > 0 }) {
			runs = append(runs, drawn{r, shares})
		}
		i := slices.IndexFunc(shares, func(share flagger.Share) bool { return share.Primary > 0 })
		promotes = promotes || i > 0
		longest = max(longest, i+1) // so that at least one tick of it shows
	}
	if len(runs) == 0 {
		return ""
	}
	nameOf, nameColumns := func(r run) string { return r.Name }, 22
	if int(s) < nameColumns+chartMargin+chartWidth {
		nameOf, nameColumns = func(r run) string { return r.Short }, 10
	}
	width := min(max(int(s)-nameColumns-chartMargin, chartWidth/4), chartWidth)
	var b strings.Builder
	b.WriteByte('\n')
	for _, r := range runs {
		for line := chartHeight - 1; line >= 0; line-- {
			name, label := "", ""
			switch line {
			case chartHeight - 1:
				name, label = nameOf(r.run), "100%"
			case 0:
				label = "0%"
			}
			cells := make([]rune, width)
			for x := range cells {
				cells[x] = cell(r.shares, r.Outcome, x, width, longest, line)
			}
			fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("  %-*s %4s │%s", nameColumns, name, label, string(cells)), " "))
		}
	}
	fmt.Fprintf(&b, "  %-*s %4s └%s\n", nameColumns, "", "", strings.Repeat("─", width))
	fmt.Fprintf(&b, "  %-*s %4s  0s%*s\n", nameColumns, "", "", width-2, diag.Duration(p.Good.At(longest)))
	if promotes {
		fmt.Fprintf(&b, "\n%s\n", lines(2, min(int(s), lineLength), chartLegend))
	}
	return b.String()
}

// chartLegend describes the two kinds of cells.
const chartLegend = "Traffic that gets the new version: █ from the canary, " + string(primaryBlock) + " through the primary."

// cell returns a cell of the chart of a run's shares. Its column is the time of some ticks, and shows their largest
// share. Its line is a share of the traffic.
func cell(shares []flagger.Share, outcome flagger.Outcome, column, columns, ticks, line int) rune {
	from := column * ticks / columns
	to := max((column+1)*ticks/columns, from+1)
	last := len(shares) - 1
	if from > last && outcome == flagger.RolledBack {
		return ' '
	}
	var share flagger.Share
	for i := min(from, last); i < to; i++ {
		if s := shares[min(i, last)]; s.All() >= share.All() {
			share = s
		}
	}
	level := func(percent int) int { return min(max(eighths(percent, chartHeight)-line*8, 0), 8) }
	switch canary := level(share.Canary); {
	case share.Primary == 0:
		return lowerBlocks[canary]
	case canary >= 4: // a cell has one of both
		return '█'
	case level(share.All()) > 0:
		return primaryBlock
	}
	return ' '
}
