// Package plan shows the course of a fleet's rollouts, and has a file for each format.
// Package flagger simulates them; this package describes them in words, tables and charts.
package plan

import (
	"fmt"
	"io"
	"strconv"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/format"
	"github.com/fleetwright/fleetwright/render"
)

// A Format writes the plans of rollouts.
type Format func(w io.Writer, rollouts []render.Rollout, o Options) error

// Options are the inputs of formats in addition to the rollouts. The zero value is valid.
type Options struct {
	// Version of fleetwright, for json and html.
	Version string
	// Color makes text print colours, for a terminal.
	Color bool
	// Width is the number of columns for text, or 0 if unknown.
	Width int
	// Asked reports whether the rollouts were selected by name: text then shows all of each,
	// however many they are.
	Asked bool
	// Waves are the declared waves with their rollouts.
	Waves []Wave
	// Unrolled are the Applications without rollouts, for html.
	Unrolled []render.Unrolled
	// Commit of the inputs, or "" if unknown. Changed reports whether they differ from it. Both are for html.
	Commit  string
	Changed bool
}

// Formats are all formats, in the order in which they are offered.
var Formats = format.List[Format]{
	{Name: "text", Value: writeText},
	{Name: "markdown", Value: writeMarkdown},
	{Name: "json", Value: writeJSON},
	{Name: "svg", Value: writeSVG},
	{Name: "html", Value: writeHTML},
}

// A run is a run of a plan, with its names.
type run struct {
	// Key is the name for programs, Name that for people, and Short one for a narrow column.
	Key, Name, Short string
	flagger.Run
}

// runsOf returns the runs of a plan, the good one first.
func runsOf(p *flagger.Plan) []run {
	all := []run{{"good", "good version", "good", p.Good}}
	for _, r := range []struct {
		key, name, short string
		run              *flagger.Run
	}{
		{"failsFirst", "bad at the first check", "bad first", p.First},
		{"failsLast", "bad at the last check", "bad last", p.Last},
		{"failsBeforeTraffic", "bad before traffic", "bad before", p.PreRollout},
	} {
		if r.run != nil {
			all = append(all, run{r.key, r.name, r.short, *r.run})
		}
	}
	return all
}

// A row of a run's table: consecutive ticks that show the same.
type row struct {
	flagger.Tick
	// Share is the traffic that gets the new version after the ticks.
	Share flagger.Share
	// from and to are the numbers of the first and the last tick.
	from, to int
	// failed reports whether all checks of the ticks failed; since is the number of the first of several.
	failed bool
	since  int
}

// mostAlike is the maximum number of equal rows that are not folded, and mostFailed the maximum of failed checks.
const (
	mostAlike  = 3
	mostFailed = 10
)

// Rows returns the table of a run. Long stretches that show the same are one row.
func (r run) Rows() (rows []row) {
	shares := r.Shares()
	for i, t := range r.Ticks {
		failed := i > 0 && t.FailedChecks > r.Ticks[i-1].FailedChecks
		rows = append(rows, row{Tick: t, Share: shares[i], from: i, to: i, failed: failed})
	}
	folded := rows[:0]
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].shows(rows[0]) {
			n++
		}
		most := mostAlike
		if rows[0].failed {
			most = mostFailed
		}
		if n > most {
			last := rows[n-1]
			last.from, last.since = rows[0].from, rows[0].FailedChecks
			folded = append(folded, last)
		} else {
			folded = append(folded, rows[:n]...)
		}
		rows = rows[n:]
	}
	return folded
}

// shows reports whether two rows show the same.
func (r row) shows(other row) bool {
	return r.Phase == other.Phase && r.Weight == other.Weight && r.Route == other.Route && r.Share == other.Share && r.failed == other.failed
}

// When returns the time of a row since the detection.
func (r run) When(w row) string {
	if w.to > w.from {
		return fmt.Sprintf("%s to %s", diag.Duration(r.At(w.from)), diag.Duration(r.At(w.to)))
	}
	return diag.Duration(r.At(w.from))
}

// Note returns a remark about a row.
func (w row) Note() string {
	switch {
	case w.failed && w.since > 0:
		return fmt.Sprintf("failed checks %d to %d", w.since, w.FailedChecks)
	case w.failed:
		return fmt.Sprintf("failed check %d", w.FailedChecks)
	case w.Mirrored:
		return "mirrored"
	case w.Share.Primary > 0 && w.Share.Canary > 0:
		return percent(w.Share.Primary) + " " + throughPrimary
	case w.Share.Primary > 0:
		return throughPrimary
	case w.Phase == flagger.Promoting:
		return copied
	}
	return ""
}

// The notes about a promotion: the version is being copied to the primary, and the primary serves it.
const (
	copied         = "primary updated"
	throughPrimary = "by the primary"
)

// Summary returns the cells of a run in the table of all runs.
func (r run) Summary() []string {
	return []string{r.Name, string(r.Outcome), r.After(), r.BacksOut(), r.Most(), r.Exposure()}
}

// Cells returns the cells of a row in the run's table, with a bar of so many characters.
func (r run) Cells(w row, barLength int) []string {
	return []string{string(w.Phase), strconv.Itoa(w.Weight), r.When(w), percent(w.Share.All()), bar(w.Share, barLength), w.Note()}
}

// A count is the number of calls or queries in each run.
type count struct {
	What  string
	Times []int
}

// counts returns the counts of the webhooks and metrics of a plan, in the order of its runs.
func counts(p *flagger.Plan) (all []count) {
	add := func(what string, times func(r run) int) {
		c := count{What: what}
		for _, r := range runsOf(p) {
			c.Times = append(c.Times, times(r))
		}
		all = append(all, c)
	}
	for i, w := range p.Canary.Analysis.Webhooks {
		add(fmt.Sprintf("%s webhook %s", w.Kind(), w.Name), func(r run) int { return r.Calls[i] })
	}
	for i, m := range p.Canary.Analysis.Metrics {
		add("query of "+m.Name, func(r run) int { return r.Queries[i] })
	}
	return all
}
