package plan

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
)

// A chart shows the traffic of the runs of a rollout over time, as drawn by
// templates/plan/chart.svg. Its numbers are in units of the drawing.
type chart struct {
	// ID tells the charts of a page apart.
	ID string
	// Title and Description describe the chart to readers who do not see it.
	Title, Description string
	// Name and About are the lines above the chart. They are empty if the page names it elsewhere.
	Name, About []mark
	// Top is the offset of the chart in a drawing of several, and From is where it begins.
	Top, From, Width, Height int
	// Grid and Axis are paths.
	Grid, Axis string
	// Shares and Times are the labels of the axes.
	Shares, Times []mark
	Lines         []line
	// Primary is the area of the traffic that gets the new version through the primary, or empty. PrimaryX and
	// PrimaryY are the place of its entry in the legend.
	Primary            string
	PrimaryX, PrimaryY int
	// ends are the places of signs.
	ends [][2]float64
}

// The measures of a drawing. Above the plot is its name, and below it are the times and the
// lines of the legend, in two columns.
const (
	svgWidth = 372
	// A chart without a name begins here.
	unnamedFrom           = 42
	plotTop, plotBottom   = 58, 218
	plotLeft, plotRight   = 46, 350
	timesAt               = plotBottom + 18
	legendAt, legendLine  = plotBottom + 44, 22
	legendLeft, legendOne = 8, 180
	bottomMargin          = 12
)

// A mark is a label of an axis.
type mark struct{ X, Y, Label string }

// A line is a run. Its key selects its colour and its dashes.
type line struct {
	Key, Name string
	// Path of the line.
	Path string
	// X and Y are its end. Sign is drawn there, or next to it if another sign is too close: Stem then leads
	// from the end to the sign.
	X, Y, Sign, Stem string
	// LegendX and LegendY are the place of its name.
	LegendX, LegendY int
}

// The signs at the ends of lines: a ring, a cross, and an arrow for a run without end. A diamond marks the point of a
// curve at which a version counts as caught.
const (
	promotedSign   = "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z"
	rolledBackSign = "M-5-5 5 5M5-5-5 5"
	goesOnSign     = "M-3-6 5 0-3 6"
	caughtSign     = "M-6 0 0-6 6 0 0 6z"
)

// The columns of a name and of the text below it, the height of their lines, and the maximum number of clusters in it.
const (
	nameColumns  = 33
	aboutColumns = 52
	headingLine  = 18
	mostNames    = 3
)

func newChart(r *render.Rollout, name label, id string) chart {
	runs := runsOf(r.Plan)
	longest := shown(runs)
	x := func(d time.Duration) float64 {
		return plotLeft + (plotRight-plotLeft)*float64(d)/float64(longest)
	}
	primary := primaryArea(runs[0], x)
	legends := len(runs)
	if primary != "" {
		legends++
	}
	c := emptyChart(id, diag.Plain(name.Heading()+", "+strategy(r.Plan)), (legends+1)/2)
	c.Primary = primary
	c.PrimaryX, c.PrimaryY = legendAtPlace(len(runs))
	for at := time.Duration(0); at <= longest; at += step(longest) {
		c.mark(x(at), diag.Duration(at))
	}
	var descriptions []string
	for i, run := range runs {
		descriptions = append(descriptions, spoken(run))
		end, sign := run.Duration(), rolledBackSign
		switch {
		case run.Outcome == flagger.Promoted:
			sign = promotedSign
		case run.GoesOn():
			end, sign = longest, goesOnSign
		}
		l := line{Key: run.Key, Name: run.Name, Path: steps(run, end, x), Sign: sign}
		l.LegendX, l.LegendY = legendAtPlace(i)
		shares := run.Shares()
		c.end(&l, x(end), shareAt(shares[len(shares)-1].All()))
		c.Lines = append(c.Lines, l)
	}
	c.Description = strings.Join(descriptions, "; ")
	return c
}

// legendAtPlace returns the place of an entry of the legend.
func legendAtPlace(i int) (x, y int) {
	return legendLeft + i%2*legendOne, legendAt + i/2*legendLine
}

// primaryArea returns the area of the traffic that gets the new version of a run through the primary. Its lower edge
// is the canary's share.
func primaryArea(r run, x func(time.Duration) float64) string {
	var b strings.Builder
	for i, share := range r.Shares()[:len(r.Ticks)-1] {
		if share.Primary > 0 {
			fmt.Fprintf(&b, "M%s %sH%sV%sH%sz", number(x(r.At(i))), number(shareAt(share.All())), number(x(r.At(i+1))), number(shareAt(share.Canary)), number(x(r.At(i))))
		}
	}
	return b.String()
}

// signSize is the space that a sign needs on each side.
const signSize = 14

// end draws the sign of a line at its end or, if another sign is too close, above or below it: towards the middle.
func (c *chart) end(l *line, x, y float64) {
	step, at := -signSize, y
	if y < (plotTop+plotBottom)/2 {
		step = signSize
	}
	for slices.ContainsFunc(c.ends, func(other [2]float64) bool {
		return math.Abs(other[0]-x) < signSize && math.Abs(other[1]-at) < signSize
	}) {
		at += float64(step)
	}
	c.ends = append(c.ends, [2]float64{x, at})
	l.X, l.Y = number(x), number(at)
	if at != y {
		l.Stem = fmt.Sprintf("M%s %sV%s", number(x), number(y), number(at))
	}
}

// shareAt returns the vertical position of a share in percent.
func shareAt(percent int) float64 { return plotTop + (plotBottom-plotTop)*float64(100-percent)/100 }

// emptyChart returns a chart of shares without lines, with room for some lines of the legend.
func emptyChart(id, title string, legendLines int) chart {
	c := chart{
		ID: id, Title: title, From: unnamedFrom,
		Width: svgWidth, Height: legendAt + (legendLines-1)*legendLine + bottomMargin - unnamedFrom,
		Axis: fmt.Sprintf("M%d %dH%d", plotLeft, plotBottom, plotRight),
	}
	for share := 0; share <= 100; share += 25 {
		c.Shares = append(c.Shares, mark{number(plotLeft - 6), number(shareAt(share) + 4), percent(share)})
		c.Grid += fmt.Sprintf("M%d %sH%d", plotLeft, number(shareAt(share)), plotRight)
	}
	return c
}

// mark writes a label below the axis, and draws a line of the grid above it.
func (c *chart) mark(x float64, label string) {
	c.Times = append(c.Times, mark{number(x), number(timesAt), label})
	c.Grid += fmt.Sprintf("M%s %dV%d", number(x), plotTop, plotBottom)
}

// headed returns a chart with a name and a text above it. The more lines they have, the further up it begins.
func (c chart) headed(name, about string) chart {
	baseline := unnamedFrom - 2
	above := func(text string, columns int) (marks []mark) {
		lines := Folded(text, columns)
		for i, line := range lines {
			marks = append(marks, mark{"12", strconv.Itoa(baseline - headingLine*(len(lines)-1-i)), line})
		}
		baseline -= headingLine * len(lines)
		return marks
	}
	c.About = above(about, aboutColumns)
	c.Name = above(name, nameColumns)
	from := baseline - 4
	c.Height, c.From = c.Height+c.From-from, from
	return c
}

// named returns a chart with the name of its rollout above it.
func (c chart) named(r *render.Rollout, name label) chart {
	about := "traffic that gets the new version"
	if len(r.Clusters) > 0 {
		about += " on " + diag.Some(r.Clusters, mostNames)
	}
	return c.headed(name.Title(), about)
}

// spoken describes a run to readers who do not see its line.
func spoken(r run) string {
	outcome := string(r.Outcome)
	if !r.GoesOn() {
		outcome += " after " + r.After()
	}
	text := fmt.Sprintf("%s: %s, with up to %d%% of the traffic", r.Name, outcome, r.Peak())
	if r.Outcome == flagger.Promoted {
		text += " as the canary, then all of it through the primary"
	}
	return text
}

// shown returns the time that a chart shows: the longest run, and more for runs without end.
func shown(runs []run) time.Duration {
	const more = 3 // ticks
	var longest time.Duration
	for _, r := range runs {
		longest = max(longest, r.Duration(), r.Every)
		if r.GoesOn() {
			longest = max(longest, r.Duration()+more*r.Every)
		}
	}
	return longest
}

// steps returns the path of a run's line until a time: a share lasts until the next tick. It includes all traffic
// that gets the new version, from the canary or the primary.
func steps(r run, end time.Duration, x func(time.Duration) float64) string {
	shares := r.Shares()
	share := shares[0].All()
	path := "M" + number(x(0)) + " " + number(shareAt(share))
	for i, s := range shares {
		if s.All() != share {
			share = s.All()
			path += "H" + number(x(r.At(i))) + "V" + number(shareAt(share))
		}
	}
	return path + "H" + number(x(end))
}

// mostSteps is the maximum number of steps on the time axis.
const mostSteps = 5

// step returns the time between two marks of the time axis.
func step(longest time.Duration) time.Duration {
	for _, d := range []time.Duration{
		2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
	} {
		if longest/d <= mostSteps {
			return d
		}
	}
	// Long times have longer labels, so the axis has fewer of them.
	const day = 24 * time.Hour
	return (longest/4/day + 1) * day
}

// number returns a coordinate, with at most one decimal.
func number(f float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0")
}
