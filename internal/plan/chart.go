package plan

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
)

// A chart is the traffic of the runs of a rollout over time, as templates/plan/chart.svg
// draws it. Its numbers are in units of the drawing, which is this wide and high.
type chart struct {
	// ID tells the charts of a page apart.
	ID string
	// Name is what stands above the chart, cut where it is too long, and Title all of it.
	// Description says what the lines show.
	Name, Title, Description string
	// Top of the chart, where several stand below each other.
	Top int
	// Shares and Times are the lines across, and what stands beside them.
	Shares, Times []mark
	Lines         []line
}

const (
	svgWidth  = 480
	svgHeight = 260
	// The plot is inside of these margins.
	left, right, top, bottom = 44, 16, 34, 66
)

// A mark is a place on an axis.
type mark struct {
	At    string
	Label string
}

// A line is a run: by its key it has its colour and its dashes.
type line struct {
	Key, Name string
	// Points of the line.
	Points string
	// X and Y are where it ends, and Ends whether it does.
	X, Y string
	Ends bool
	// RolledBack says whether the version is.
	RolledBack bool
	// LegendX and LegendY are where its name stands.
	LegendX, LegendY int
}

// longestName is how many characters fit above a chart.
const longestName = 56

// newChart is the chart of a rollout.
func newChart(r *render.Rollout, id string) chart {
	c := chart{ID: id, Title: title(r) + ", " + strategy(r.Plan), Name: shortened(title(r), longestName)}
	runs := runsOf(r.Plan)
	longest := time.Duration(1)
	for _, run := range runs {
		longest = max(longest, run.Duration())
	}
	x := func(d time.Duration) float64 {
		return left + float64(svgWidth-left-right)*float64(d)/float64(longest)
	}
	y := func(percent int) float64 {
		return top + float64(svgHeight-top-bottom)*float64(100-percent)/100
	}
	for share := 0; share <= 100; share += 25 {
		c.Shares = append(c.Shares, mark{number(y(share)), percent(share)})
	}
	for at := time.Duration(0); at <= longest; at += step(longest) {
		c.Times = append(c.Times, mark{number(x(at)), diag.Duration(at)})
	}
	var said []string
	for i, run := range runs {
		outcome, after := run.ending()
		said = append(said, fmt.Sprintf("%s: %s after %s, with up to %d%% of the traffic", run.name, outcome, after, run.Peak()))
		last := len(run.Ticks) - 1
		c.Lines = append(c.Lines, line{
			Key: run.key, Name: run.name, Points: points(run, x, y),
			X: number(x(run.At(last))), Y: number(y(run.Ticks[last].Canary)),
			Ends: run.Outcome == flagger.Promoted || run.Outcome == flagger.RolledBack, RolledBack: run.Outcome == flagger.RolledBack,
			LegendX: left + i%2*210, LegendY: svgHeight - 28 + i/2*18,
		})
	}
	c.Description = strings.Join(said, "; ")
	return c
}

// points are those of a run's line: a share lasts until the next tick.
func points(r run, x func(time.Duration) float64, y func(int) float64) string {
	var all []string
	add := func(x, y float64) { all = append(all, number(x)+","+number(y)) }
	for i, t := range r.Ticks {
		if i > 0 && t.Canary == r.Ticks[i-1].Canary && i < len(r.Ticks)-1 {
			continue
		}
		if i > 0 {
			add(x(r.At(i)), y(r.Ticks[i-1].Canary))
		}
		add(x(r.At(i)), y(t.Canary))
	}
	return strings.Join(all, " ")
}

// mostTimes is how many times fit beside the time axis.
const mostTimes = 6

// step is the time between two that are written beside the axis.
func step(longest time.Duration) time.Duration {
	for _, d := range []time.Duration{
		10 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
		20 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		if longest/d < mostTimes {
			return d
		}
	}
	days := longest/mostTimes/(24*time.Hour) + 1
	return days * 24 * time.Hour
}

// number is one of a drawing, with a decimal at most.
func number(f float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0")
}

// shortened is text of at most some characters.
func shortened(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}
