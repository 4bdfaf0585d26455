package plan

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
)

// A chart is the traffic of the runs of a rollout over time, as templates/plan/chart.svg
// draws it. Its numbers are in units of the drawing.
type chart struct {
	// ID tells the charts of a page apart.
	ID string
	// Title and Description are what is said of the chart to those who do not see it.
	Title, Description string
	// Name and About stand above the chart, cut if too long. Name is empty where it stands elsewhere.
	Name, About string
	// Top of the chart, where several stand below each other, and From, where it begins.
	Top, From, Width, Height int
	// Grid and Axis are paths.
	Grid, Axis string
	// Shares and Times are what stands beside the axes.
	Shares, Times []mark
	Lines         []line
}

// The measures of a drawing. The plot has what it is of above it, and below it the times
// and the lines of the legend, in two columns.
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

// A mark is what is written beside an axis.
type mark struct{ X, Y, Label string }

// A line is a run: by its key it has its colour and its dashes.
type line struct {
	Key, Name string
	// Points of the line.
	Points string
	// X and Y are where it ends, and Sign is what is drawn there.
	X, Y, Sign string
	// LegendX and LegendY are where its name stands.
	LegendX, LegendY int
}

// The signs at the ends of lines: a ring, a cross, and an arrow for what goes on. Where a curve comes to the chance by
// which a version counts as caught, it has a diamond.
const (
	promotedSign   = "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z"
	rolledBackSign = "M-5-5 5 5M5-5-5 5"
	goesOnSign     = "M-3-6 5 0-3 6"
	caughtSign     = "M-6 0 0-6 6 0 0 6z"
)

// The columns of a name and of the text below it, and how many clusters are named there.
const (
	nameColumns  = 33
	aboutColumns = 52
	mostNames    = 3
)

func newChart(r *render.Rollout, id string) chart {
	runs := runsOf(r.Plan)
	longest := shown(runs)
	x := func(d time.Duration) float64 {
		return plotLeft + (plotRight-plotLeft)*float64(d)/float64(longest)
	}
	legendLines := (len(runs) + 1) / 2
	c := emptyChart(id, diag.Plain(title(r)+", "+strategy(r.Plan)), legendLines)
	for at := time.Duration(0); at <= longest; at += step(longest) {
		c.mark(x(at), diag.Duration(at))
	}
	var said []string
	for i, run := range runs {
		said = append(said, spoken(run))
		end, sign := run.Duration(), rolledBackSign
		switch {
		case run.Outcome == flagger.Promoted:
			sign = promotedSign
		case run.GoesOn():
			end, sign = longest, goesOnSign
		}
		c.Lines = append(c.Lines, line{
			Key: run.Key, Name: run.Name, Points: points(run, end, x),
			X: number(x(end)), Y: number(shareAt(run.Ticks[len(run.Ticks)-1].Canary)), Sign: sign,
			LegendX: legendLeft + i%2*legendOne, LegendY: legendAt + i/2*legendLine,
		})
	}
	c.Description = strings.Join(said, "; ")
	return c
}

// shareAt is how far down a share in percent is.
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

// headed returns a chart that stands alone, with a name and a text above it.
func (c chart) headed(name, about string) chart {
	c.Name, c.About = cut(name, nameColumns), cut(about, aboutColumns)
	c.Height, c.From = c.Height+c.From, 0
	return c
}

// named returns a chart that stands alone, with the name of its rollout above it.
func (c chart) named(r *render.Rollout) chart {
	about := "traffic of the new version"
	for few := mostNames; few > 0 && len(r.Clusters) > 0; few-- {
		about = "traffic of the new version on " + diag.Some(r.Clusters, few)
		if displaywidth.String(about) <= aboutColumns {
			break
		}
	}
	return c.headed(title(r), about)
}

// spoken describes a run to those who do not see its line.
func spoken(r run) string {
	outcome := string(r.Outcome)
	if !r.GoesOn() {
		outcome += " after " + r.After()
	}
	return fmt.Sprintf("%s: %s, with up to %d%% of the traffic", r.Name, outcome, r.Peak())
}

// shown returns the time that a chart shows: the longest run, and more of those that go on.
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

// points returns those of a run's line until a time: a share lasts until the next tick.
func points(r run, end time.Duration, x func(time.Duration) float64) string {
	var all []string
	add := func(at time.Duration, percent int) { all = append(all, number(x(at))+","+number(shareAt(percent))) }
	share := r.Ticks[0].Canary
	add(0, share)
	for i, t := range r.Ticks {
		if t.Canary != share {
			add(r.At(i), share)
			share = t.Canary
			add(r.At(i), share)
		}
	}
	add(end, share)
	return strings.Join(all, " ")
}

// mostSteps is how many steps fit on the time axis.
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
	// What is written of long times is longer, so there is less of it.
	const day = 24 * time.Hour
	return (longest/4/day + 1) * day
}

// number returns a coordinate, with a decimal at most.
func number(f float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0")
}

func cut(text string, columns int) string {
	return displaywidth.TruncateString(diag.Plain(text), columns, "…")
}
