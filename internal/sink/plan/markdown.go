package plan

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
)

// markdownFormat is for a pull request or a page: of each rollout the summary, and its
// tables folded.
type markdownFormat struct{}

func (f markdownFormat) Write(w io.Writer, rollouts []render.Rollout) error {
	b := bufio.NewWriter(w)
	for i := range rollouts {
		f.rollout(b, &rollouts[i])
	}
	if len(rollouts) == 0 {
		fmt.Fprintln(b, noRollouts)
	} else {
		fmt.Fprintln(b, since)
	}
	return b.Flush()
}

func (f markdownFormat) rollout(b *bufio.Writer, r *render.Rollout) {
	p := r.Plan
	fmt.Fprintf(b, "### %s\n\n%s.\n\nApplication %s, on %s; Flagger %s.\n\n",
		diag.Markdown(title(r)), diag.Markdown(strategy(p)), diag.Markdown(r.Application), diag.Markdown(clusters(r)), diag.Markdown(r.Flagger))
	if p.Canary.Suspend {
		return
	}
	fmt.Fprint(b, "| | ends | after | backs out in | most traffic | exposure |\n|---|---|---|---|---|---|\n")
	for _, r := range runsOf(p) {
		tableRow(b, r.summary())
	}
	b.WriteByte('\n')
	for _, line := range append(gates(p), notes(p)...) {
		fmt.Fprintf(b, "- %s\n", diag.Markdown(line))
	}
	for _, r := range runsOf(p) {
		fmt.Fprintf(b, "\n<details><summary>%s</summary>\n\n| status | weight | time | traffic | | |\n|---|---|---|---|---|---|\n", r.name)
		for _, w := range r.rows() {
			tableRow(b, r.cells(w, 10))
		}
		b.WriteString("\n</details>\n")
	}
	f.counts(b, p)
	b.WriteByte('\n')
}

func (f markdownFormat) counts(b *bufio.Writer, p *flagger.Plan) {
	all := counts(p)
	if len(all) == 0 {
		return
	}
	b.WriteString("\n<details><summary>webhooks and queries</summary>\n\n")
	head := []string{""}
	for _, r := range runsOf(p) {
		head = append(head, r.name)
	}
	tableRow(b, head)
	b.WriteString("|" + strings.Repeat("---|", len(head)) + "\n")
	for _, c := range all {
		tableRow(b, c.cells())
	}
	b.WriteString("\n</details>\n")
}

// tableRow is a row of a table.
func tableRow(b *bufio.Writer, cells []string) {
	for _, cell := range cells {
		b.WriteString("| " + diag.Markdown(cell) + " ")
	}
	b.WriteString("|\n")
}
