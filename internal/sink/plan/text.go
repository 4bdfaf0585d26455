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
	"github.com/mitchellh/go-wordwrap"

	"github.com/fleetwright/fleetwright/internal/ansi"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/templates"
)

// writeText is for a terminal: of each rollout a summary, a chart of the traffic, and a table for each run.
// Two rollouts are more than a screen of that, so a table of all comes first, and alone unless they were
// asked for.
func writeText(w io.Writer, rollouts []render.Rollout, o Options) error {
	b := bufio.NewWriter(w)
	width := cmp.Or(o.Width, lineLength)
	sentence := func(indent int, text string) string { return lines(indent, min(width, lineLength), text) }
	if entries := entriesOf(rollouts); len(entries) > 1 {
		t := newTable(entries, width)
		t.write(b, o)
		fmt.Fprintf(b, "\n%s\n", sentence(0, t.legend()))
		if !o.Asked {
			fmt.Fprintf(b, "%s\n\n%s\n", sentence(0, since), sentence(0, detail))
			return cmp.Or(writeWaves(b, o), b.Flush())
		}
		fmt.Fprintln(b)
	}
	screen := screen(cmp.Or(o.Width, anyWidth))
	columns := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	parsed := template.Must(template.New("plan.txt").Funcs(functions()).Funcs(template.FuncMap{
		"bold":    func(text string) string { return ansi.Paint(o.Color, ansi.Bold, text) },
		"summary": screen.summary, "chart": screen.chart, "ticks": screen.ticks, "calls": screen.calls, "lines": sentence,
	}).ParseFS(templates.Plan, "plan/plan.txt"))
	return cmp.Or(parsed.Execute(columns, rollouts), columns.Flush(), writeWaves(b, o), b.Flush())
}

// lineLength is the width of sentences, and callColumns that of the names of calls. In anyWidth all fits.
const (
	lineLength  = 88
	callColumns = 60
	anyWidth    = 1000
)

// A screen shows the steps of a rollout in a number of columns.
type screen int

// summary returns the lines of the table of all runs or, where it does not fit, a sentence for each.
func (s screen) summary(p *flagger.Plan) (all []string) {
	rows := [][]string{{"  ", "ENDS", "AFTER", "BACKS OUT IN", "MOST TRAFFIC", "EXPOSURE"}}
	for _, r := range runsOf(p) {
		rows = append(rows, r.Summary())
		rows[len(rows)-1][0] = "  " + r.Name
	}
	if s.fits(rows) {
		return tabbed(rows)
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

// ticks returns the lines of the table of a run, with bars of the traffic as far as there is room.
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
	for i := range rows { // the traffic says as much as the weight
		rows[i] = slices.Delete(rows[i], 1, 2)
		rows[i][0] = strings.TrimPrefix(rows[i][0], "  ")
		last := len(rows[i]) - 1
		rows[i][last] = strings.NewReplacer("failed checks", "failed", "failed check", "failed").Replace(rows[i][last])
	}
	if !s.fits(rows) {
		for i := range rows {
			rows[i][0] = strings.TrimSpace(rows[i][0])
		}
	}
	return tabbed(rows)
}

// calls returns the lines of the table of calls or, where it does not fit, a sentence for each.
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
		cells := []string{"  " + cut(c.What, callColumns)}
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
		all = append(all, lines(2, min(int(s), lineLength), cut(c.What, callColumns)+": "+strings.Join(times, ", ")))
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
	return by + strings.ReplaceAll(wordwrap.WrapString(diag.Plain(text), uint(max(width-indent, 1))), "\n", "\n"+by)
}

// blocks are bars of one to eight eighths of a cell, from the left and from below.
var (
	leftBlocks  = []rune(" ▏▎▍▌▋▊▉█")
	lowerBlocks = []rune(" ▁▂▃▄▅▆▇█")
)

func bar(percent, cells int) string {
	filled := eighths(percent, cells)
	text := strings.Repeat("█", filled/8)
	if rest := filled % 8; rest > 0 {
		text += string(leftBlocks[rest])
	}
	return text
}

// eighths returns how many eighths of some cells a share fills: at least one.
func eighths(percent, cells int) int {
	if percent == 0 {
		return 0
	}
	return max((percent*cells*8+50)/100, 1)
}

// The chart is this many cells wide, where there is room, and high; its margin is what stands beside it and the names.
const (
	chartWidth  = 48
	chartHeight = 4
	chartMargin = 9
)

// chart shows the traffic over time, of the runs in which the new version has any.
func (s screen) chart(p *flagger.Plan) string {
	longest := 0
	var runs []run
	for _, r := range runsOf(p) {
		longest = max(longest, len(r.Ticks)-1)
		if r.Peak() > 0 {
			runs = append(runs, r)
		}
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
				name, label = nameOf(r), "100%"
			case 0:
				label = "0%"
			}
			cells := make([]rune, width)
			for x := range cells {
				cells[x] = lowerBlocks[level(r.Run, x, width, longest, line)]
			}
			fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("  %-*s %4s │%s", nameColumns, name, label, string(cells)), " "))
		}
	}
	fmt.Fprintf(&b, "  %-*s %4s └%s\n", nameColumns, "", "", strings.Repeat("─", width))
	fmt.Fprintf(&b, "  %-*s %4s  0s%*s\n", nameColumns, "", "", width-2, diag.Duration(p.Good.At(longest)))
	return b.String()
}

// level returns how many eighths of a cell of the chart are filled. Its column is the time of
// some ticks, of which the largest share counts, and its line a share of the traffic.
func level(r flagger.Run, column, columns, ticks, line int) int {
	from := column * ticks / columns
	to := max((column+1)*ticks/columns, from+1)
	last := len(r.Ticks) - 1
	if from >= len(r.Ticks) && !r.GoesOn() {
		return 0
	}
	share := 0
	for i := min(from, last); i < to; i++ {
		share = max(share, r.Ticks[min(i, last)].Canary)
	}
	return min(max(eighths(share, chartHeight)-line*8, 0), 8)
}
