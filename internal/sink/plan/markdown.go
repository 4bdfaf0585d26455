package plan

import (
	"bufio"
	"cmp"
	"io"
	"text/template"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/templates"
)

// writeMarkdown is for a pull request or a page: summaries, and folded tables. Several rollouts
// get a table, and each is folded.
func writeMarkdown(w io.Writer, rollouts []render.Rollout, o Options) error {
	b := bufio.NewWriter(w)
	names := namesOf(rollouts)
	parsed := template.Must(template.New("plan.md").Funcs(functions(names)).ParseFS(templates.Plan, "plan/plan.md"))
	entries := entriesOf(rollouts, names)
	return cmp.Or(parsed.Execute(b, struct {
		Rollouts []render.Rollout
		Entries  []*entry
		// Placed reports whether the clusters of any rollout are known.
		Many, Placed bool
	}{rollouts, entries, len(entries) > 1, onClusters(entries)}), writeMarkdownWaves(b, o.Waves), b.Flush())
}
