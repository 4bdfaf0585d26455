package plan

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/mitchellh/go-wordwrap"

	"github.com/fleetwright/fleetwright/internal/ansi"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/templates"
)

// writeText is for a terminal: a summary, a chart of the traffic, and a table for each run.
func writeText(w io.Writer, rollouts []render.Rollout, color bool) error {
	b := bufio.NewWriter(w)
	columns := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	parsed := template.Must(template.New("plan.txt").Funcs(functions).Funcs(template.FuncMap{
		"bold":  func(text string) string { return ansi.Paint(color, ansi.Bold, text) },
		"row":   func(cells []string) string { return strings.TrimRight(strings.Join(cells, "\t"), "\t") },
		"name":  func(text string) string { return cut(text, callColumns) },
		"chart": textChart, "lines": lines, "upper": strings.ToUpper,
	}).ParseFS(templates.Plan, "plan/plan.txt"))
	return cmp.Or(parsed.Execute(columns, rollouts), columns.Flush(), b.Flush())
}

// lineLength is the width of sentences, and callColumns that of the names of calls.
const (
	lineLength  = 88
	callColumns = 60
)

// lines returns text indented, and broken between words.
func lines(indent int, text string) string {
	by := strings.Repeat(" ", indent)
	return by + strings.ReplaceAll(wordwrap.WrapString(diag.Plain(text), uint(lineLength-indent)), "\n", "\n"+by)
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

// The chart is this many cells wide and high.
const (
	chartWidth  = 48
	chartHeight = 4
)

// textChart shows the traffic over time, of the runs in which the new version has any.
func textChart(p *flagger.Plan) string {
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
	var b strings.Builder
	b.WriteByte('\n')
	for _, r := range runs {
		for line := chartHeight - 1; line >= 0; line-- {
			name, label := "", ""
			switch line {
			case chartHeight - 1:
				name, label = r.Name, "100%"
			case 0:
				label = "0%"
			}
			cells := make([]rune, chartWidth)
			for x := range cells {
				cells[x] = lowerBlocks[level(r.Run, x, longest, line)]
			}
			fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("  %-22s %4s │%s", name, label, string(cells)), " "))
		}
	}
	fmt.Fprintf(&b, "  %-22s %4s └%s\n", "", "", strings.Repeat("─", chartWidth))
	fmt.Fprintf(&b, "  %-22s %4s  0s%*s\n", "", "", chartWidth-2, diag.Duration(p.Good.At(longest)))
	return b.String()
}

// level returns how many eighths of a cell of the chart are filled. Its column is the time of
// some ticks, of which the largest share counts, and its line a share of the traffic.
func level(r flagger.Run, column, ticks, line int) int {
	from := column * ticks / chartWidth
	to := max((column+1)*ticks/chartWidth, from+1)
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
