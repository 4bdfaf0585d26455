package fleet

import (
	"fmt"
	"io"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/sink/plan"
)

type htmlPage struct {
	Empty, Count string
	Version      string
	Parts        []htmlPart
	Waves        []htmlWave
	// Declared are the waves as they were given.
	Declared []plan.Wave
}

type htmlPart struct {
	*Part
	ID, Title, About string
	Numbered         bool
	Groups           []htmlGroup
	Applications     []htmlApplication
	Differences      []htmlDifference
	OrderTitle       string
	Order            *drawing
}

type htmlGroup struct {
	*Group
	Wave, Number, DiffersIn string
}

type htmlApplication struct {
	Name, Versions, On string
	Rollouts           []string
}

type htmlDifference struct {
	Application string
	Lines       []string
}

type htmlWave struct {
	Name, Takes string
	Clusters    []string
	Longest     string
}

// writeHTML writes a page that needs no script and no network.
func writeHTML(w io.Writer, f *Fleet, o Options) error {
	page := htmlPage{Version: o.Version, Declared: f.Waves, Count: diag.Plural(len(f.members), "cluster")}
	if len(f.Parts) == 0 {
		page.Empty = empty
	}
	for i, p := range f.Parts {
		part := htmlPart{Part: p, ID: fmt.Sprintf("part-%d", i+1), Title: p.title(), About: p.about(), Numbered: p.isNumbered()}
		for n, g := range p.Groups {
			part.Groups = append(part.Groups, htmlGroup{g, g.waveName(), itoa(n + 1), g.differsIn(p)})
		}
		for _, a := range p.Applications {
			for _, of := range p.forms(a) {
				part.Applications = append(part.Applications, htmlApplication{a.Name, of.versions, p.on(of.clusters), of.rollouts})
			}
		}
		differences := p.Differences()
		for _, d := range differences {
			part.Differences = append(part.Differences, htmlDifference{d.Application, d.lines(p)})
		}
		if nodes := p.Order(); len(nodes) > 0 {
			part.OrderTitle = orderTitle(differences)
			part.Order = newDrawing(part.ID+"-order", "Order of "+p.title(), spoken(nodes))
			part.Order.order(nodes)
			part.Order.Height += margin / 2
		}
		page.Parts = append(page.Parts, part)
	}
	t := waveTable(f.Waves)
	for i, cells := range t.rows {
		page.Waves = append(page.Waves, htmlWave{cells[0], cells[1], f.Waves[i].Clusters, cells[3]})
	}
	return execute(w, "page.html", page)
}

// spoken describes the order of steps for a screen reader.
func spoken(nodes []node) string {
	var all []string
	for i, n := range nodes {
		all = append(all, itoa(i+1)+" "+n.inWords())
	}
	return joined(all)
}
