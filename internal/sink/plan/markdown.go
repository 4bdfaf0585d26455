package plan

import (
	"bufio"
	"cmp"
	"io"
	"text/template"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/templates"
)

// writeMarkdown is for a pull request or a page: summaries, and tables folded.
func writeMarkdown(w io.Writer, rollouts []render.Rollout, _ bool) error {
	b := bufio.NewWriter(w)
	parsed := template.Must(template.New("plan.md").Funcs(functions).ParseFS(templates.Plan, "plan/plan.md"))
	return cmp.Or(parsed.Execute(b, rollouts), b.Flush())
}
