package plan

import (
	"bufio"
	"cmp"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/power"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/templates"
)

// functions returns what the templates say of rollouts.
func functions() map[string]any {
	curves := &power.Curves{}
	return map[string]any{
		"title": title, "some": func(names []string) string { return diag.Some(names, mostNames) }, "where": where, "strategy": strategy, "runs": runsOf, "gates": gates, "notes": notes, "counts": counts, "odds": func(s *rules.Sight) *odds { return oddsOf(curves, s) }, "oddsChart": newOddsChart,
		"waveSummary": func(w Wave) string { return w.summary(0) }, "waveLength": func(w Wave) string { return w.length() }, "sums": sums,
		"chart": newChart, "plain": diag.Plain, "md": diag.Markdown,
		"since":  func() string { return since },
		"legend": func() string { return legend("Promoted", "rolled back") + " " + legendOfTraffic("Traffic-minutes") },
	}
}

// executeHTML writes data by one of the templates, with those of drawings.
func executeHTML(w io.Writer, name string, data any) error {
	b := bufio.NewWriter(w)
	parsed := template.Must(template.New(name).Funcs(functions()).ParseFS(templates.Plan, "plan/"+name, "plan/chart.svg"))
	return cmp.Or(parsed.Execute(b, data), b.Flush())
}

// A drawing has charts below each other.
type drawing struct {
	Width, Height int
	Charts        []chart
}

func (d *drawing) add(c chart) {
	c.Top = d.Height
	d.Charts = append(d.Charts, c)
	d.Height += c.Height
}

// writeSVG draws the traffic over time, one chart below the other, and below that of a rollout how likely versions are
// undone.
func writeSVG(w io.Writer, rollouts []render.Rollout, _ Options) error {
	drawing, curves := drawing{Width: svgWidth}, &power.Curves{}
	for i := range rollouts {
		if rollouts[i].Plan.Canary.Suspend {
			continue
		}
		drawing.add(newChart(&rollouts[i], fmt.Sprintf("chart-%d", i+1)).named(&rollouts[i]))
		if o := oddsOf(curves, rollouts[i].Sight); o.HasCurves() {
			drawing.add(newOddsChart(o, fmt.Sprintf("odds-%d", i+1)).headed(title(&rollouts[i]), "undone of all versions with a share of bad requests"))
		}
	}
	if len(drawing.Charts) == 0 {
		drawing.Height = plotTop
	}
	return executeHTML(w, "charts.svg", drawing)
}

type htmlPage struct {
	Count    string
	Clusters []string
	// On are the different sets of clusters, by their numbers in Clusters. Rollouts of a fleet
	// have few of them, so each stands once.
	On           [][]int
	Applications []*htmlApplication
	Waves        []Wave
}

type htmlApplication struct {
	ID       htmlID
	Name     string
	Rollouts []htmlRollout
}

type htmlRollout struct {
	*render.Rollout
	ID              htmlID
	ChartID, OddsID string
	// On is the number of its set of clusters.
	On int
}

func writeHTML(w io.Writer, rollouts []render.Rollout, o Options) error {
	page := htmlPage{Count: diag.Plural(len(rollouts), "rollout"), Waves: o.Waves}
	for i := range rollouts {
		page.Clusters = append(page.Clusters, rollouts[i].Clusters...)
	}
	slices.Sort(page.Clusters)
	page.Clusters = slices.Compact(page.Clusters)
	ids, sets := map[htmlID]int{}, map[string]int{}
	for i := range rollouts {
		r := htmlRollout{&rollouts[i], newHTMLID(ids, "rollout", rollouts[i].Namespace, rollouts[i].Name), fmt.Sprintf("chart-%d", i+1), fmt.Sprintf("odds-%d", i+1), page.on(sets, rollouts[i].Clusters)}
		n := len(page.Applications)
		if name := diag.Plain(rollouts[i].Application); n == 0 || page.Applications[n-1].Name != name {
			n++
			page.Applications = append(page.Applications, &htmlApplication{ID: newHTMLID(ids, append([]string{"application"}, strings.Split(name, "/")...)...), Name: name})
		}
		page.Applications[n-1].Rollouts = append(page.Applications[n-1].Rollouts, r)
	}
	if n := len(page.Clusters); n > 0 {
		page.Count += " on " + diag.Plural(n, "cluster")
	}
	return executeHTML(w, "page.html", page)
}

// An htmlID is the id of a part of the page, made of names: people link to it.
type htmlID string

// newHTMLID returns an id that no other part of the page has. Names have no tilde.
func newHTMLID(ids map[htmlID]int, names ...string) htmlID {
	for i, name := range names {
		names[i] = url.PathEscape(name)
	}
	id := htmlID(strings.Join(names, "/"))
	ids[id]++
	if n := ids[id]; n > 1 {
		id += htmlID(fmt.Sprintf("~%d", n))
	}
	return id
}

// Link leads to the part.
func (id htmlID) Link() template.URL { return template.URL("#" + id) }

// on returns the number of a set of clusters, and adds the set if it is new.
func (p *htmlPage) on(sets map[string]int, clusters []string) int {
	numbers := make([]int, len(clusters))
	for i, name := range clusters {
		numbers[i], _ = slices.BinarySearch(p.Clusters, name)
	}
	key := fmt.Sprint(numbers)
	n, ok := sets[key]
	if !ok {
		n = len(p.On)
		sets[key] = n
		p.On = append(p.On, numbers)
	}
	return n
}
