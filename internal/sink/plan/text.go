package plan

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/mitchellh/go-wordwrap"

	"github.com/fleetwright/fleetwright/internal/ansi"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
)

// textFormat is for a terminal: of each rollout the summary, a chart of the traffic over
// time, and a table for each run.
type textFormat struct{ FormatOptions }

func (f textFormat) Write(w io.Writer, rollouts []render.Rollout) error {
	b := bufio.NewWriter(w)
	for i := range rollouts {
		f.rollout(b, &rollouts[i])
		b.WriteByte('\n')
	}
	if len(rollouts) == 0 {
		fmt.Fprintln(b, noRollouts)
	} else {
		fmt.Fprintln(b, wrapped(since, lineLength))
	}
	return b.Flush()
}

// lineLength is how many columns sentences have.
const lineLength = 88

func (f textFormat) rollout(b *bufio.Writer, r *render.Rollout) {
	p := r.Plan
	fmt.Fprintln(b, f.paint(ansi.Bold, title(r)))
	for _, line := range []string{
		strategy(p),
		fmt.Sprintf("Application %s, on %s; Flagger %s", r.Application, clusters(r), r.Flagger),
	} {
		fmt.Fprintln(b, indented(wrapped(line, lineLength-2), "  "))
	}
	if p.Canary.Suspend {
		return
	}
	b.WriteByte('\n')
	f.summary(b, p)
	f.chart(b, p)
	for _, r := range runsOf(p) {
		fmt.Fprintf(b, "\n  %s\n", f.paint(ansi.Bold, r.Name))
		f.table(b, r)
	}
	f.list(b, "gates", gates(p))
	f.counts(b, p)
	f.list(b, "notes", notes(p))
}

// gates are what the gates of a plan add.
func gates(p *flagger.Plan) (all []string) {
	for _, g := range p.Gates {
		all = append(all, gate(g))
	}
	return all
}

func (f textFormat) list(b *bufio.Writer, name string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n  %s\n", f.paint(ansi.Bold, name))
	for _, line := range lines {
		fmt.Fprintln(b, indented(wrapped(line, lineLength-4), "    "))
	}
}

// summary is a line for each run.
func (f textFormat) summary(b *bufio.Writer, p *flagger.Plan) {
	lines := [][]string{{"", "ENDS", "AFTER", "BACKS OUT IN", "MOST TRAFFIC", "EXPOSURE"}}
	for _, r := range runsOf(p) {
		lines = append(lines, r.Summary())
	}
	columns(b, "  ", lines)
}

// table is what kubectl shows of a run, with the traffic beside it.
func (f textFormat) table(b *bufio.Writer, r run) {
	lines := [][]string{{"STATUS", "WEIGHT", "TIME", "TRAFFIC", "", ""}}
	for _, w := range r.Rows() {
		lines = append(lines, r.Cells(w, 20))
	}
	columns(b, "    ", lines)
}

// callColumns is how much is shown of what is called.
const callColumns = 60

// counts are how often webhooks are called and metrics asked for.
func (f textFormat) counts(b *bufio.Writer, p *flagger.Plan) {
	all := counts(p)
	if len(all) == 0 {
		return
	}
	head := []string{"CALLS"}
	for _, r := range runsOf(p) {
		head = append(head, strings.ToUpper(r.Short))
	}
	lines := [][]string{head}
	for _, c := range all {
		line := c.Cells()
		line[0] = cut(line[0], callColumns)
		lines = append(lines, line)
	}
	b.WriteByte('\n')
	columns(b, "  ", lines)
}

// blocks are bars of one to eight eighths of a cell, from the left and from below.
var (
	leftBlocks  = []rune(" ▏▎▍▌▋▊▉█")
	lowerBlocks = []rune(" ▁▂▃▄▅▆▇█")
)

// bar is a share as a bar of at most some cells.
func bar(percent, cells int) string {
	eighths := (percent*cells*8 + 50) / 100
	if percent > 0 {
		eighths = max(eighths, 1)
	}
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string(leftBlocks[rest])
	}
	return text
}

// The chart is this many cells wide and high.
const (
	chartWidth  = 48
	chartHeight = 4
)

// chart is the traffic over time: of the good run, and below it of the others. Runs in
// which the new version never has any are left out.
func (f textFormat) chart(b *bufio.Writer, p *flagger.Plan) {
	longest := 0
	var runs []run
	for _, r := range runsOf(p) {
		longest = max(longest, len(r.Ticks)-1)
		if r.Peak() > 0 {
			runs = append(runs, r)
		}
	}
	if len(runs) == 0 {
		return
	}
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
			fmt.Fprintln(b, strings.TrimRight(fmt.Sprintf("  %-22s %4s │%s", name, label, string(cells)), " "))
		}
	}
	fmt.Fprintf(b, "  %-22s %4s └%s\n", "", "", strings.Repeat("─", chartWidth))
	fmt.Fprintf(b, "  %-22s %4s  0s%*s\n", "", "", chartWidth-2, diag.Duration(p.Good.At(longest)))
}

// level is how many eighths of a cell of the chart are filled: its column is the time of
// some of so many ticks, and its line a share of the traffic. The largest share that there
// is in the time counts.
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
	eighths := (share*chartHeight*8 + 50) / 100
	if share > 0 {
		eighths = max(eighths, 1)
	}
	return min(max(eighths-line*8, 0), 8)
}

// columns writes a table, its columns as wide as what they hold.
func columns(b *bufio.Writer, indent string, lines [][]string) {
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		for len(line) > 0 && line[len(line)-1] == "" {
			line = line[:len(line)-1]
		}
		fmt.Fprintln(table, indent+strings.Join(line, "\t"))
	}
	table.Flush() // a bufio.Writer keeps its error for later
}

// wrapped is text in lines of a length, broken between words.
func wrapped(text string, length uint) string {
	return wordwrap.WrapString(diag.Plain(text), length)
}

// indented is text with something before each line.
func indented(text, by string) string {
	return by + strings.ReplaceAll(text, "\n", "\n"+by)
}

func (f textFormat) paint(s ansi.Style, text string) string { return ansi.Paint(f.Color, s, text) }
