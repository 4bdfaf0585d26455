package plan

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/templates"
)

// parse reads one of the templates, with what it needs of the drawings.
func parse(name string) *template.Template {
	return template.Must(template.New(name).ParseFS(templates.Plan, "plan/"+name, "plan/chart.svg"))
}

// svgFormat is a drawing of the traffic over time, one chart below the other.
type svgFormat struct{}

func (svgFormat) Write(w io.Writer, rollouts []render.Rollout) error {
	drawing := struct {
		Height int
		Charts []chart
	}{}
	for i := range rollouts {
		if rollouts[i].Plan.Canary.Suspend {
			continue
		}
		c := newChart(&rollouts[i], fmt.Sprintf("chart-%d", i+1))
		c.Top = drawing.Height
		drawing.Charts = append(drawing.Charts, c)
		drawing.Height += svgHeight
	}
	return parse("charts.svg").Execute(w, drawing)
}

// htmlFormat is a page of its own for a fleet.
type htmlFormat struct{}

type htmlPage struct {
	Count, Since string
	Clusters     []string
	Applications []*htmlApplication
}

type htmlApplication struct {
	ID, Name string
	placed
	Rollouts []htmlRollout
}

// placed is what is on clusters.
type placed struct{ Clusters []string }

// ClustersJSON are the names of the clusters, as a script reads them.
func (p placed) ClustersJSON() (string, error) {
	text, err := json.Marshal(p.Clusters)
	return string(text), err
}

type htmlRollout struct {
	ID, Title, Strategy, Flagger string
	placed
	Chart  chart
	Runs   []htmlRun
	Notes  []string
	Counts []htmlCount
}

type htmlRun struct {
	Name, Outcome, After, BacksOut, Peak, Exposure string
	Rows                                 []htmlRow
}

type htmlRow struct {
	Phase           flagger.Phase
	Weight, Traffic int
	When, Note      string
}

type htmlCount struct {
	What  string
	Times []int
}

func (htmlFormat) Write(w io.Writer, rollouts []render.Rollout) error {
	page := htmlPage{Count: diag.Plural(len(rollouts), "rollout"), Since: since}
	for i := range rollouts {
		r := newHTMLRollout(&rollouts[i], i+1)
		page.Clusters = append(page.Clusters, r.Clusters...)
		n := len(page.Applications)
		if n == 0 || page.Applications[n-1].Name != rollouts[i].Application {
			n++
			page.Applications = append(page.Applications, &htmlApplication{ID: fmt.Sprintf("application-%d", n), Name: rollouts[i].Application})
		}
		app := page.Applications[n-1]
		app.Rollouts = append(app.Rollouts, r)
		app.Clusters = sortedSet(append(app.Clusters, r.Clusters...))
	}
	page.Clusters = sortedSet(page.Clusters)
	if n := len(page.Clusters); n > 0 {
		page.Count += " on " + diag.Plural(n, "cluster")
	}
	return parse("page.html").Execute(w, page)
}

// sortedSet are names, each once.
func sortedSet(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

func newHTMLRollout(r *render.Rollout, number int) htmlRollout {
	out := htmlRollout{
		ID: fmt.Sprintf("rollout-%d", number), Title: title(r), Strategy: strategy(r.Plan), Flagger: r.Flagger, placed: placed{slices.Clone(r.Clusters)},
		Notes: append(gates(r.Plan), notes(r)...),
	}
	if r.Plan.Canary.Suspend {
		return out
	}
	out.Chart = newChart(r, fmt.Sprintf("chart-%d", number))
	for _, run := range runsOf(r.Plan) {
		shown := htmlRun{Name: run.name, BacksOut: run.backsOut(), Peak: percent(run.Peak()), Exposure: run.exposure()}
		shown.Outcome, shown.After = run.ending()
		for _, w := range run.rows() {
			shown.Rows = append(shown.Rows, htmlRow{w.Phase, w.Weight, w.Canary, run.when(w), w.note()})
		}
		out.Runs = append(out.Runs, shown)
	}
	for _, c := range counts(r.Plan) {
		out.Counts = append(out.Counts, htmlCount{c.what, c.times})
	}
	return out
}
