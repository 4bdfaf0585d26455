package plan

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/lazyregexp"
	"github.com/fleetwright/fleetwright/internal/power"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/templates"
)

// functions returns the functions of the templates, by their names.
func functions(names names) map[string]any {
	curves := &power.Curves{}
	return map[string]any{
		"title": func(r *render.Rollout) string { return names[r].Title() }, "heading": func(r *render.Rollout) string { return names[r].Heading() }, "headline": headline, "join": strings.Join, "some": func(names []string) string { return diag.Some(names, mostNames) }, "where": where, "strategy": strategy, "runs": runsOf, "gates": gates, "notes": notesOf, "counts": counts, "odds": func(s *rules.Sight) *odds { return oddsOf(curves, s) }, "oddsChart": newOddsChart,
		"waveSummary": func(w Wave) string { return w.summary() }, "waveLength": func(w Wave) string { return w.Length() }, "sums": Sums,
		"chart": func(r *render.Rollout, id string) chart { return newChart(r, names[r], id) }, "plain": diag.Plain, "md": diag.Markdown,
		"since":  func() string { return since },
		"legend": func() string { return legend("Promoted", "rolled back") + " " + legendOfTraffic("Traffic-minutes") },
	}
}

// parsed returns one of the templates, together with the template of charts.
func parsed(name string, names names) *template.Template {
	return template.Must(template.New(name).Funcs(functions(names)).ParseFS(templates.Plan, "plan/"+name, "plan/chart.svg"))
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

// writeSVG draws charts below each other: for each rollout the traffic over time, and the chance that versions are
// rolled back.
func writeSVG(w io.Writer, rollouts []render.Rollout, _ Options) error {
	drawing, curves, names := drawing{Width: svgWidth}, &power.Curves{}, namesOf(rollouts)
	for i := range rollouts {
		r := &rollouts[i]
		if r.Plan.Canary.Suspend {
			continue
		}
		drawing.add(newChart(r, names[r], fmt.Sprintf("chart-%d", i+1)).named(r, names[r]))
		if o := oddsOf(curves, r.Sight); o.HasCurves() {
			drawing.add(newOddsChart(o, fmt.Sprintf("odds-%d", i+1)).headed(names[r].Heading(), o.Caption()))
		}
	}
	if len(drawing.Charts) == 0 {
		drawing.Height = plotTop
	}
	b := bufio.NewWriter(w)
	return cmp.Or(parsed("charts.svg", names).Execute(b, drawing), b.Flush())
}

// A page draws at most mostDrawn rollouts at once. A larger page draws each when it is opened, and holds them
// compressed, perStore together.
const (
	mostDrawn = 20
	perStore  = 250
)

type htmlPage struct {
	Count string
	// Made names the version of fleetwright and the commit.
	Made     string
	Clusters []string
	// On are the different sets of clusters, by their numbers in Clusters. Rollouts of a fleet
	// have few of them, so each is listed once.
	On           [][]int
	Applications []*htmlApplication
	Unrolled     []htmlUnrolled
	Waves        []Wave
	// Stores hold drawn rollouts, as JSON, compressed by gzip, in base64.
	Stores []template.HTML
	// Script is the only script that the page allows, by its hash.
	Script     template.JS
	ScriptHash string
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
	// Part is the number of its store and its place in that, or "" if it is drawn at once.
	Part string
}

type htmlUnrolled struct {
	render.Unrolled
	// On is the number of its set of clusters.
	On int
}

func writeHTML(w io.Writer, rollouts []render.Rollout, o Options) error {
	script, err := templates.Plan.ReadFile("plan/page.js")
	if err != nil {
		return err
	}
	hash := sha256.Sum256(script)
	page := htmlPage{
		Count: diag.Plural(len(rollouts), "rollout"), Made: made(o), Waves: o.Waves,
		Script: template.JS(script), ScriptHash: "sha256-" + base64.StdEncoding.EncodeToString(hash[:]),
	}
	clusters := map[string]bool{}
	for i := range rollouts {
		for _, name := range rollouts[i].Clusters {
			clusters[name] = true
		}
	}
	if n := len(clusters); n > 0 {
		page.Count += " on " + diag.Plural(n, "cluster")
	}
	for _, u := range o.Unrolled {
		for _, name := range u.Clusters {
			clusters[name] = true
		}
	}
	page.Clusters = slices.Sorted(maps.Keys(clusters))
	names := namesOf(rollouts)
	parsed := parsed("page.html", names)
	ids, sets := map[htmlID]int{}, map[string]int{}
	var stored []string
	for i := range rollouts {
		r := htmlRollout{&rollouts[i], newHTMLID(ids, names[&rollouts[i]].parts(&rollouts[i])...), fmt.Sprintf("chart-%d", i+1), fmt.Sprintf("odds-%d", i+1), page.on(sets, rollouts[i].Clusters), ""}
		if len(rollouts) > mostDrawn {
			r.Part = fmt.Sprintf("%d %d", i/perStore, i%perStore)
			r.ChartID, r.OddsID = "chart", "odds" // the script makes them unique when it draws them
			var drawn strings.Builder
			if err := parsed.ExecuteTemplate(&drawn, "detail", r); err != nil {
				return err
			}
			stored = append(stored, drawn.String())
		}
		n := len(page.Applications)
		if name := diag.Plain(rollouts[i].Application); n == 0 || page.Applications[n-1].Name != name {
			n++
			page.Applications = append(page.Applications, &htmlApplication{ID: newHTMLID(ids, append([]string{"application"}, strings.Split(name, "/")...)...), Name: name})
		}
		page.Applications[n-1].Rollouts = append(page.Applications[n-1].Rollouts, r)
	}
	for some := range slices.Chunk(stored, perStore) {
		if err := page.store(some); err != nil {
			return err
		}
	}
	for _, u := range o.Unrolled {
		page.Unrolled = append(page.Unrolled, htmlUnrolled{u, page.on(sets, u.Clusters)})
	}
	b := bufio.NewWriter(w)
	return cmp.Or(parsed.Execute(b, page), b.Flush())
}

// made names the version that made a page, and the commit of its inputs.
func made(o Options) string {
	var parts []string
	if o.Version != "" {
		parts = append(parts, "fleetwright "+o.Version)
	}
	if o.Commit != "" {
		commit := "commit " + o.Commit
		if o.Changed {
			commit += " with uncommitted changes"
		}
		parts = append(parts, commit)
	}
	return diag.Plain(strings.Join(parts, ", "))
}

// A store holds drawn rollouts. Most of their lines differ only in numbers, further apart than gzip looks, so each line
// is stored once, without its numbers. Parts are the lines of each rollout, each as the distance from the line after the
// previous one: mostly 0. Numbers are those of each rollout, separated by blanks.
type store struct {
	Lines   []string `json:"lines"`
	Parts   [][]int  `json:"parts"`
	Numbers []string `json:"numbers"`
}

// digits matches a number in a drawing, and noNumber replaces it: html/template writes no such character.
var digits = lazyregexp.New(`[0-9.]+`)

const noNumber = "\x00"

func newStore(drawn []string) (s store) {
	places := map[string]int{}
	for _, text := range drawn {
		var part []int
		next := 0
		for line := range strings.SplitSeq(digits().ReplaceAllString(text, noNumber), "\n") {
			n, ok := places[line]
			if !ok {
				n = len(s.Lines)
				places[line] = n
				s.Lines = append(s.Lines, line)
			}
			part = append(part, n-next)
			next = n + 1
		}
		s.Parts = append(s.Parts, part)
		s.Numbers = append(s.Numbers, strings.Join(digits().FindAllString(text, -1), " "))
	}
	return s
}

// store adds drawn rollouts.
func (p *htmlPage) store(drawn []string) error {
	var b bytes.Buffer
	packed, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(packed)
	encoder.SetEscapeHTML(false)
	if err := cmp.Or(encoder.Encode(newStore(drawn)), packed.Close()); err != nil {
		return err
	}
	p.Stores = append(p.Stores, template.HTML(base64.StdEncoding.EncodeToString(b.Bytes())))
	return nil
}

// An htmlID is the id of a part of the page, built from names: people link to it.
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
