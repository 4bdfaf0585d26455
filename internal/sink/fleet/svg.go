package fleet

import (
	"bufio"
	"cmp"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/clipperhouse/displaywidth"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/sink/plan"
	"github.com/fleetwright/fleetwright/templates"
)

// A drawing is as wide as a phone, where its smallest text is still readable. Its height follows its content. The
// lines of dependencies are left of the text, so that the width never grows.
type drawing struct {
	// ID of the drawing in its page.
	ID, Title, Description string
	Width, Height          int
	Texts                  []drawnText
	Boxes                  []drawnBox
	Lanes                  []template.HTMLAttr
	Dots                   []drawnDot
}

type drawnText struct {
	Class, Text string
	X, Y        int
}

type drawnBox struct {
	Class               string
	X, Y, Width, Height int
}

type drawnDot struct{ X, Y int }

// Measures of a drawing in its units.
const (
	svgWidth  = 372
	margin    = 12
	lineHigh  = 17
	laneGap   = 13
	lanesWide = 130
)

// write adds text at the bottom, broken between words, and within a word only if it is too long.
func (d *drawing) write(class string, x int, text string) {
	room := 100 * (svgWidth - margin - x)
	switch class { // letters are larger, and bold
	case "title":
		room = room * 100 / 140
	case "name":
		room = room * 100 / 121
	}
	for _, line := range broken(text, room) {
		d.Height += lineHigh
		d.Texts = append(d.Texts, drawnText{class, line, x, d.Height - 4})
	}
}

// broken returns text in lines of a width in hundredths, broken between words and, where one is longer, within it.
func broken(text string, width int) (lines []string) {
	line, used := "", 0
	end := func() {
		lines = append(lines, line)
		line, used = "", 0
	}
	for _, word := range strings.Fields(diag.Plain(text)) {
		wide := 0
		for _, r := range word {
			wide += advance(r)
		}
		if line != "" && used+advance(' ')+wide > width {
			end()
		}
		if line != "" {
			line, used = line+" ", used+advance(' ')
		}
		for _, r := range word {
			if line != "" && used+advance(r) > width {
				end()
			}
			line, used = line+string(r), used+advance(r)
		}
	}
	end()
	return lines
}

// advance returns how wide a letter of 12 units is at most in fonts of systems, in hundredths of a unit.
func advance(r rune) int {
	switch {
	case strings.ContainsRune("ijlI.,:;|'! ", r):
		return 450
	case strings.ContainsRune("mwMW@%…—", r):
		return 1200
	case r >= 'A' && r <= 'Z', strings.ContainsRune("=+<>≠", r):
		return 1010
	}
	return 770 * max(displaywidth.Rune(r), 1)
}

// part draws the clusters of the same fleets.
func (d *drawing) part(p *Part) {
	d.Height += margin
	d.write("title", margin, p.title())
	d.write("about", margin, p.about())
	d.groups(p)
	all := p.Differences()
	if nodes := p.Order(); len(nodes) > 0 {
		d.heading(orderTitle(all))
		d.order(nodes)
	}
	if len(all) > 0 {
		d.heading("Differences")
		d.differences(p, all)
	}
}

func (d *drawing) heading(text string) {
	d.Height += margin
	d.write("name", margin, text)
	d.Height += margin / 3
}

// groups draws a box for the clusters that get the same. A line leads from each wave to the next.
func (d *drawing) groups(p *Part) {
	for i, g := range p.Groups {
		if i == mostNodes {
			d.write("about", margin, fmt.Sprintf("and %d more groups of clusters", len(p.Groups)-i))
			break
		}
		d.Height += margin
		top := d.Height
		if i > 0 && g.Wave != p.Groups[i-1].Wave {
			d.Lanes = append(d.Lanes, path("M%d %dV%d", svgWidth/2, top-margin, top))
		}
		d.Height += margin / 2
		x := 2 * margin
		name := diag.Plural(len(g.Clusters), "cluster")
		if g.Wave != nil {
			name = "wave " + g.waveName() + ", " + g.Wave.Length()
		}
		if p.isNumbered() {
			name = "group " + itoa(i+1) + ": " + name
		}
		d.write("name", x, name)
		d.write("about", x, diag.Some(g.Clusters, few))
		if len(g.Labels) > 0 {
			d.write("about", x, strings.Join(g.Labels, ", "))
		}
		class := "box"
		if len(g.Differs) > 0 {
			class += " differs"
			d.write("about", x, "≠ differs in "+g.differsIn(p))
		}
		d.Height += margin / 2
		d.Boxes = append(d.Boxes, drawnBox{class, margin, top, svgWidth - 2*margin, d.Height - top})
	}
}

// order draws the steps, with a line from each down to those that wait for it.
func (d *drawing) order(nodes []node) {
	of, columns := lanes(nodes)
	gap := laneGap
	if columns*gap > lanesWide {
		gap = max(lanesWide/columns, 1)
	}
	dot := margin + columns*gap + 4
	tops := make([]int, len(nodes))
	const round = 5
	for i, n := range nodes {
		tops[i] = d.Height + lineHigh/2 + 1
		y := tops[i]
		for _, at := range n.after {
			x := margin + of[at].column*gap
			d.Lanes = append(d.Lanes, path("M%d %dV%dq0 %d %d %dH%d", x, tops[at]+round, y-round, round, round, round, dot))
		}
		if l, ok := of[i]; ok {
			x := margin + l.column*gap
			d.Lanes = append(d.Lanes, path("M%d %dH%dq%d 0 %d %d", dot, y, x+round, -round, -round, round))
		}
		d.Dots = append(d.Dots, drawnDot{dot, y})
		d.write("name", dot+10, n.Name)
		for _, line := range n.lines(mostNodes) {
			d.write("about", dot+10, line)
		}
		d.Height += 4
	}
}

// path returns the attribute of a path. Its arguments are numbers.
func path(format string, args ...any) template.HTMLAttr {
	return template.HTMLAttr(fmt.Sprintf(`d="`+format+`"`, args...))
}

func (d *drawing) differences(p *Part, all []Difference) {
	for i, difference := range all {
		if i == mostNodes {
			d.write("about", margin, fmt.Sprintf("and %d more applications differ", len(all)-i))
			break
		}
		d.write("name", margin, "≠ "+difference.Application)
		for _, line := range difference.lines(p) {
			d.write("about", 2*margin, line)
		}
		d.Height += 4
	}
}

// newDrawing returns a drawing without anything in it.
func newDrawing(id, title, description string) *drawing {
	return &drawing{ID: id, Title: diag.Plain(title), Description: diag.Plain(description), Width: svgWidth}
}

// writeSVG draws the groups of clusters, the order on each, and the differences.
func writeSVG(w io.Writer, f *Fleet, _ Options) error {
	d := newDrawing("fleet", "Fleet", "The clusters by fleet and wave, the order on each cluster, and the differences")
	if len(f.Parts) == 0 {
		d.Height += margin
		d.write("about", margin, empty)
	}
	for _, p := range f.Parts {
		d.part(p)
	}
	if len(f.Waves) > 0 {
		d.Height += margin
		d.write("about", margin, plan.Sums(f.Waves))
	}
	d.Height += margin
	return execute(w, "fleet.svg", d)
}

// execute writes data with a template, which may use the templates of drawings.
func execute(w io.Writer, name string, data any) error {
	b := bufio.NewWriter(w)
	parsed := template.Must(template.New(name).Funcs(template.FuncMap{
		"plain": diag.Plain, "join": strings.Join, "sums": plan.Sums, "same": same, "many": func(names []string) bool { return len(names) > few },
	}).ParseFS(templates.Fleet, "fleet/"+name, "fleet/drawing.svg"))
	return cmp.Or(parsed.Execute(b, data), b.Flush())
}
