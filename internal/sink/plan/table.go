package plan

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"

	"github.com/fleetwright/fleetwright/internal/ansi"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
)

// An entry is a rollout in the table of all, on all clusters where it has the same course.
type entry struct {
	application string
	// Title, Strategy, Promoted, RolledBack and Traffic are the cells.
	Title, Strategy, Promoted, RolledBack, Traffic string
	Clusters                                       []string
}

// entriesOf returns the entries of rollouts, by name. Rollouts of a name that differ only by the facts of
// their clusters, and have the same course, share an entry.
func entriesOf(rollouts []render.Rollout, names names) (all []*entry) {
	known := map[[6]string]*entry{}
	for i := range rollouts {
		r := &rollouts[i]
		promoted, rolledBack, traffic := atWorst(r.Plan)
		e := &entry{application: r.Application, Title: diag.Plain(names[r].Title()), Strategy: Strategy(&r.Plan.Canary), Promoted: promoted, RolledBack: rolledBack, Traffic: traffic}
		key := [...]string{e.application, e.Title, e.Strategy, e.Promoted, e.RolledBack, e.Traffic}
		if known[key] == nil {
			known[key] = e
			all = append(all, e)
		}
		known[key].Clusters = append(known[key].Clusters, r.Clusters...)
	}
	times := map[string]int{}
	for _, e := range all {
		slices.Sort(e.Clusters)
		e.Clusters = slices.Compact(e.Clusters)
		times[e.Title]++
	}
	slices.SortStableFunc(all, func(a, b *entry) int { return cmp.Compare(a.Title, b.Title) })
	for _, e := range all {
		if times[e.Title] > 1 && len(e.Clusters) > 0 {
			e.Title += " on " + diag.Some(e.Clusters, mostNames)
		}
	}
	return all
}

// Strategy returns the strategy of a Canary in a word.
func Strategy(c *flagger.Canary) string {
	switch {
	case c.Suspend:
		return "suspended"
	case c.SkipAnalysis:
		return "no analysis"
	}
	return string(c.Strategy())
}

const (
	nothing = "–"
	never   = "never"
)

// atWorst returns the time until a good version is promoted, and for bad ones the longest time until one is
// rolled back and the most traffic that one gets.
func atWorst(p *flagger.Plan) (promoted, rolledBack, traffic string) {
	switch {
	case p.Canary.Suspend:
		return nothing, nothing, nothing
	case p.Good.Outcome == flagger.Promoted:
		promoted = diag.Duration(p.Good.Duration())
	case p.Good.Outcome == flagger.TooLong:
		promoted = ">" + diag.Duration(p.Good.Duration())
	default:
		promoted = never
	}
	var longest time.Duration
	exposure, rollsBack, goesOn := 0.0, false, false
	for _, r := range runsOf(p) {
		switch {
		case r.Outcome == flagger.RolledBack:
			rollsBack = true
			longest, exposure = max(longest, r.Duration()), max(exposure, r.Run.Exposure())
		case r.Key != "good" && r.GoesOn():
			goesOn = true
		}
	}
	if goesOn || !rollsBack { // nothing ends a bad version, so it stays
		return promoted, never, nothing
	}
	return promoted, diag.Duration(longest), minutes(exposure)
}

// A column of the table: its title, and a shorter one for a narrow terminal.
type column struct {
	title, short string
	cell         func(*entry) string
}

// The columns of the table. If they do not fit, the first of dispensable is dropped first.
var (
	rolloutColumn    = &column{"ROLLOUT", "ROLLOUT", func(e *entry) string { return e.Title }}
	strategyColumn   = &column{"STRATEGY", "STRATEGY", func(e *entry) string { return e.Strategy }}
	promotedColumn   = &column{"PROMOTED", "GOOD", func(e *entry) string { return e.Promoted }}
	rolledBackColumn = &column{"ROLLED BACK", "BAD", func(e *entry) string { return e.RolledBack }}
	trafficColumn    = &column{"TRAFFIC-MINUTES", "TRAFFIC-MINUTES", func(e *entry) string { return e.Traffic }}
	clustersColumn   = &column{"CLUSTERS", "ON", func(e *entry) string {
		if len(e.Clusters) == 0 {
			return nothing
		}
		return strconv.Itoa(len(e.Clusters))
	}}

	columns     = []*column{rolloutColumn, strategyColumn, promotedColumn, rolledBackColumn, trafficColumn, clustersColumn}
	dispensable = []*column{trafficColumn, strategyColumn}
)

// columnGap is the space between two columns, leastName the minimum width of a name, and wholeName the width up to
// which names are not broken if a column can be dropped instead.
const (
	columnGap = 2
	leastName = 8
	wholeName = 36
)

// A table shows an entry on each line, in a width that no line exceeds. A long name continues on further lines.
type table struct {
	entries []*entry
	columns []*column
	widths  []int
	short   bool
	width   int
}

// newTable returns the table that shows the most in a width.
func newTable(entries []*entry, width int) *table {
	t := &table{entries: entries, columns: columns, width: width}
	if !onClusters(entries) {
		t.drop(clustersColumn)
	}
	left := t.measure()
	tooWide := func() bool { return left+max(t.widths[0]-wholeName, 0) < 0 }
	for _, c := range dispensable {
		if tooWide() {
			t.drop(c)
			if left = t.measure(); tooWide() {
				t.short = true
				left = t.measure()
			}
		}
	}
	t.widths[0] += min(left, 0)
	t.widths[0] = max(t.widths[0], leastName)
	return t
}

func (t *table) drop(c *column) {
	t.columns = slices.DeleteFunc(slices.Clone(t.columns), func(other *column) bool { return other == c })
}

// onClusters reports whether the clusters of any rollout are known.
func onClusters(entries []*entry) bool {
	return slices.ContainsFunc(entries, func(e *entry) bool { return len(e.Clusters) > 0 })
}

// measure sets the widths of the columns, and returns how much of the width they leave.
func (t *table) measure() (left int) {
	left = t.width + columnGap
	t.widths = make([]int, len(t.columns))
	for i, c := range t.columns {
		t.widths[i] = displaywidth.String(t.title(c))
		for _, e := range t.entries {
			t.widths[i] = max(t.widths[i], displaywidth.String(c.cell(e)))
		}
		left -= t.widths[i] + columnGap
	}
	return left
}

func (t *table) title(c *column) string {
	if t.short {
		return c.short
	}
	return c.title
}

// write writes the table.
func (t *table) write(w io.Writer, o Options) {
	var titles []string
	for _, c := range t.columns {
		titles = append(titles, t.title(c))
	}
	fmt.Fprintln(w, ansi.Paint(o.Color, ansi.Bold, t.line(titles, nil)))
	for _, e := range t.entries {
		var cells []string
		for _, c := range t.columns {
			cells = append(cells, c.cell(e))
		}
		name := []string{cells[0]}
		if displaywidth.String(cells[0]) > t.widths[0] {
			name = Folded(cells[0], t.widths[0]-2)
			cells[0] = name[0]
		}
		fmt.Fprintln(w, t.line(cells, e.Clusters))
		for _, rest := range name[1:] {
			fmt.Fprintln(w, "  "+rest)
		}
	}
}

// line returns a line of the table. The rest of the width is for names of clusters.
func (t *table) line(cells, clusters []string) string {
	var b strings.Builder
	used := 0
	for i, cell := range cells {
		b.WriteString(cell)
		used += displaywidth.String(cell)
		if i < len(cells)-1 {
			gap := t.widths[i] + columnGap - displaywidth.String(cell)
			b.WriteString(strings.Repeat(" ", gap))
			used += gap
		}
	}
	for few := min(len(clusters), diag.MostNames); few > 0; few-- {
		names := ": " + diag.Plain(strings.Join(clusters[:few], ", "))
		if few < len(clusters) {
			names += ", " + diag.Ellipsis
		}
		if displaywidth.String(names) <= t.width-used {
			b.WriteString(names)
			break
		}
	}
	return b.String()
}

// legend describes the columns of the table, in sentences.
func (t *table) legend() string {
	text := legend(t.title(promotedColumn), t.title(rolledBackColumn))
	if slices.Contains(t.columns, trafficColumn) {
		text += " " + legendOfTraffic(trafficColumn.title)
	}
	if t.short && slices.Contains(t.columns, clustersColumn) {
		text += fmt.Sprintf(" %s is the number of clusters.", t.title(clustersColumn))
	}
	return text
}

func legend(promoted, rolledBack string) string {
	return fmt.Sprintf("%s is the time until a good version is promoted, %s the longest time until a bad one is rolled back.", promoted, rolledBack)
}

func legendOfTraffic(traffic string) string {
	return traffic + " are the most traffic that a bad version gets: one is all traffic for one minute."
}

// detail names the command that shows the steps of a rollout.
const detail = "fleetwright plan PATH... NAME shows a rollout step by step; NAME is the name of a rollout or an Application."
