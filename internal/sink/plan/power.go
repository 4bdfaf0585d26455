package plan

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/power"
	"github.com/fleetwright/fleetwright/render/rules"
)

// odds are the chances that versions of a rollout are rolled back. Errors and Slow are nil if no metric counts such
// requests.
type odds struct {
	*rules.Sight
	Errors, Slow *power.Curve
	// Good is the fate of a version with the expected error rate.
	Good power.Point
}

// oddsOf returns the odds of a rollout, or nil if its traffic is unknown. Rollouts with the same model share curves.
func oddsOf(curves *power.Curves, s *rules.Sight) *odds {
	if s == nil {
		return nil
	}
	o := &odds{Sight: s}
	if o.Has(power.Errors) {
		o.Errors = curves.Of(s.Model, power.Errors)
		o.Good = o.Errors.At(s.Baseline)
	}
	if o.Has(power.Slow) {
		o.Slow = curves.Of(s.Model, power.Slow)
	}
	return o
}

// caughtAt is the index in power.Chances of the chance at which a version counts as caught.
const caughtAt = 1

// Sentences returns the odds and the requests that they depend on, in sentences without full stops.
func (o *odds) Sentences() (all []string) {
	if o == nil {
		return nil
	}
	if o.Errors != nil {
		all = append(all, o.ofErrors())
	}
	if o.Slow != nil && (o.Errors == nil || !o.rollsBackAll(o.Errors)) {
		all = append(all, o.ofSlow())
	}
	all = append(all, o.ofRequests()...)
	if o.Overlaps() {
		all = append(all, "metrics look back past the previous check, so several checks see the same requests; the numbers are bounds")
	}
	if len(o.Untold) > 0 {
		all = append(all, "not counted: the load of "+diag.Some(o.Untold, diag.MostNames)+", because the share that reaches the new version is unknown")
	}
	if o.MissesMatching {
		all = append(all, "not counted: the requests of users, because neither expectedTraffic nor --matching sets the share that matches")
	}
	if len(o.Unjudged) > 0 {
		all = append(all, "not counted: "+diag.Some(o.Unjudged, diag.MostNames)+", because the number of the new version's requests that it counts is unknown")
	}
	return all
}

// ofErrors returns the odds of versions that fail requests: one that is caught, one that fails 1%, and a good one.
func (o *odds) ofErrors() string {
	switch best := o.Errors.Points[0].Undone; {
	case o.rollsBackAll(o.Errors):
		return "every version is rolled back in " + of100(best) + " rollouts, however good it is" + o.blindness()
	case best.Low > .5:
		return "a version without errors is rolled back in " + of100(best) + " rollouts: the threshold requires errors"
	}
	const some = .01
	half, caught := o.Errors.Caught[0].Low, o.Errors.Caught[caughtAt].High
	text := "no version is rolled back in " + of100(known(power.Chances[caughtAt])) + " rollouts, however many requests fail"
	if !math.IsNaN(caught) {
		text = fmt.Sprintf("a version with %s errors is rolled back in %s%s rollouts", power.PercentUp(caught), o.atLeast(), of100(known(power.Chances[caughtAt])))
	}
	switch p, ok := o.point(o.Errors, some); {
	case half > 0 && (caught < 2*some || o.isBounded(o.Errors)):
		if power.Percent(half) != power.PercentUp(caught) {
			text += fmt.Sprintf(", one with %s is promoted in %s%s", power.Percent(half), o.atLeast(), hundreds(known(1-power.Chances[0])))
		}
	case ok:
		promoted := power.Range{Low: 1 - p.Undone.High, High: 1 - p.Undone.Low}
		text += fmt.Sprintf(", one with %s is promoted in %s", power.Percent(some), hundreds(promoted))
	}
	return text + fmt.Sprintf(", a good one (%s) is rolled back in %s", power.Percent(o.Baseline), hundreds(o.Good.Undone))
}

// ofSlow returns the smallest share of slow requests that is caught.
func (o *odds) ofSlow() string {
	if best := o.Slow.Points[0].Undone; o.rollsBackAll(o.Slow) {
		return "every version is rolled back in " + of100(best) + " rollouts, however fast it is" + o.blindness()
	}
	caught := o.Slow.Caught[caughtAt].High
	if math.IsNaN(caught) {
		return "no version is rolled back in " + of100(known(power.Chances[caughtAt])) + " rollouts, however slow it is"
	}
	return fmt.Sprintf("a version with %s of its requests above the threshold of %s is rolled back in %s%s rollouts",
		power.PercentUp(caught), strings.Join(o.names(power.Slow), " or "), o.atLeast(), of100(known(power.Chances[caughtAt])))
}

// rollsBackAll reports whether every version is more likely rolled back than not.
func (o *odds) rollsBackAll(c *power.Curve) bool {
	return !slices.ContainsFunc(c.Points, func(p power.Point) bool { return p.Undone.Low <= .5 })
}

// blindness returns the reason if checks fail for every version.
func (o *odds) blindness() string {
	if slices.ContainsFunc(o.Looks(), func(l power.Look) bool { return slices.Max(l.Empty) > .1 }) {
		return ": some checks see no request"
	}
	return ""
}

// atLeast returns the words before a number that is a bound.
func (o *odds) atLeast() string {
	if o.Errors != nil && o.isBounded(o.Errors) || o.Slow != nil && o.isBounded(o.Slow) {
		return "at least "
	}
	return ""
}

// point returns the point of a curve at a share of bad requests.
func (o *odds) point(c *power.Curve, bad float64) (p power.Point, ok bool) {
	i := slices.IndexFunc(c.Points, func(p power.Point) bool { return p.Bad == bad })
	if i < 0 {
		return p, false
	}
	return c.Points[i], true
}

// names returns the names of the metrics of a kind.
func (o *odds) names(kind power.Kind) (all []string) {
	for _, m := range o.Model.Metrics {
		if m.Kind == kind && !slices.Contains(all, m.Name) {
			all = append(all, m.Name)
		}
	}
	return all
}

// ofRequests returns the number of requests that the checks see.
func (o *odds) ofRequests() (all []string) {
	looks := o.Looks()
	for i, m := range o.Model.Metrics {
		same := slices.IndexFunc(o.Model.Metrics, func(other power.Metric) bool {
			return other.Window == m.Window && slices.Equal(other.Sources, m.Sources)
		})
		least, most := math.Inf(1), 0.0
		for _, look := range looks {
			if n := look.Requests[i]; n > 0 {
				least, most = min(least, n), max(most, n)
			}
		}
		if same == i {
			text := fmt.Sprintf("a check sees %s", requests(least, most))
			if i > 0 || o.hasSeveral() {
				text = m.Name + ": " + text
			}
			if looks[0].Requests[i] == 0 {
				text += "; the first sees none and fails, because the load starts only then"
			} else if empty := looks[0].Empty[i]; empty > .005 {
				text += fmt.Sprintf("; the first sees none in %s rollouts, and then fails", of100(known(empty)))
			}
			all = append(all, text)
		}
		if m.Kind == power.Slow && m.Most > 0 && m.Most < 1 && least >= 1.5 && least*m.Most < 1 {
			all = append(all, fmt.Sprintf("%s: the p%s of %s is the slowest one", m.Name, strings.TrimSuffix(power.Percent(1-m.Most), "%"), requests(math.Round(least), math.Round(least))))
		}
	}
	return all
}

// hasSeveral reports whether the metrics see different requests.
func (o *odds) hasSeveral() bool {
	first := o.Model.Metrics[0]
	return slices.ContainsFunc(o.Model.Metrics, func(m power.Metric) bool { return m.Window != first.Window || !slices.Equal(m.Sources, first.Sources) })
}

// requests returns a number of requests, or its two bounds.
func requests(least, most float64) string {
	switch low, high := power.Rounded(least), power.Rounded(most); {
	case high == "0":
		return "hardly any request"
	case low != high:
		return low + " to " + high + " requests"
	case low == "1":
		return "1 request"
	default:
		return low + " requests"
	}
}

func known(chance float64) power.Range { return power.Range{Low: chance, High: chance} }

// of100 returns a chance as a number of 100.
func of100(r power.Range) string { return hundreds(r) + " of 100" }

// hundreds returns a chance in percent, or its two bounds.
func hundreds(r power.Range) string {
	const nothing = .0005
	low, high := power.OfHundred(r.Low), power.OfHundred(r.High)
	switch {
	case low == high:
		return low
	case r.High < nothing:
		return high
	case r.Low > 1-nothing:
		return low
	case r.Low < nothing && r.High > 1-nothing:
		return "0 to 100"
	case r.Low < nothing:
		return "at most " + high
	case r.High > 1-nothing:
		return "at least " + low
	}
	return low + " to " + high
}

// shownBads are the shares of bad requests in the rows of a curve's table.
var shownBads = []float64{.001, .005, .01, .02, .05, .1, .2, .5}

// An oddsRow is a row of the table of a curve.
type oddsRow struct{ Bad, RolledBack, After, Requests string }

// Rows returns the table of a curve: the odds of versions with some shares of bad requests.
func (o *odds) Rows(c *power.Curve) (rows []oddsRow) {
	for _, p := range c.Points {
		if !slices.Contains(shownBads, p.Bad) {
			continue
		}
		row := oddsRow{power.Percent(p.Bad), of100(p.Undone), nothing, nothing}
		if !o.Overlaps() {
			row.After, row.Requests = between(p.Seconds, after), between(p.Requests, whole)
		}
		rows = append(rows, row)
	}
	return rows
}

// A curveTable is the table of a curve, with the name of its bad requests.
type curveTable struct {
	Of   string
	Rows []oddsRow
}

// Tables returns the tables of the curves.
func (o *odds) Tables() (all []curveTable) {
	if o == nil {
		return nil
	}
	for _, c := range o.curves() {
		all = append(all, curveTable{c.of, o.Rows(c.curve)})
	}
	return all
}

// A namedCurve is a curve with its names.
type namedCurve struct {
	key, of string
	curve   *power.Curve
}

func (o *odds) curves() (all []namedCurve) {
	if o.Errors != nil {
		all = append(all, namedCurve{power.Errors.String(), "errors", o.Errors})
	}
	if o.Slow != nil {
		all = append(all, namedCurve{power.Slow.String(), "slow requests", o.Slow})
	}
	return all
}

func after(seconds float64) string {
	return diag.Duration(time.Duration(math.Round(seconds)) * time.Second)
}

func whole(n float64) string { return number(math.Round(n)) }

// between returns a number, or its two bounds.
func between(r power.Range, text func(float64) string) string {
	low, high := text(r.Low), text(r.High)
	if low == high {
		return low
	}
	return low + " to " + high
}

// HasCurves reports whether the odds have a curve to draw.
func (o *odds) HasCurves() bool { return o != nil && len(o.curves()) > 0 }

// Caption describes the chart of the curves.
func (o *odds) Caption() string {
	text := "Versions that are rolled back, by their share of bad requests; a diamond marks 95 of 100"
	if o.atLeast() != "" {
		text += ". The chance lies between two lines; the dotted one is the upper bound"
	}
	return text
}

// leastBad is the beginning of a curve's axis, which is logarithmic and ends at all requests.
const leastBad = .001

// newOddsChart draws the chance that a version is rolled back over its share of bad requests. Both bounds are drawn.
func newOddsChart(o *odds, id string) chart {
	const legends = 2
	x := func(bad float64) float64 {
		return plotLeft + (plotRight-plotLeft)*(1-math.Log10(max(bad, leastBad))/math.Log10(leastBad))
	}
	y := func(chance float64) float64 { return plotTop + (plotBottom-plotTop)*(1-chance) }
	c := emptyChart(id, o.Caption(), 1)
	for _, bad := range []float64{.001, .003, .01, .03, .1, .3, 1} {
		c.mark(x(bad), power.Percent(bad))
	}
	var descriptions []string
	for i, named := range o.curves() {
		// A side is the lower bound of the chance, whose share is caught for certain, or the upper one.
		type side struct {
			key, name string
			caught    float64
			chance    func(power.Range) float64
		}
		caught := named.curve.Caught[caughtAt]
		sides := []side{{named.key, named.of, caught.High, func(r power.Range) float64 { return r.Low }}}
		if o.isBounded(named.curve) {
			sides = append(sides, side{named.key + " most", "", caught.Low, func(r power.Range) float64 { return r.High }})
		}
		for _, side := range sides {
			l := line{Key: side.key, Name: side.name, LegendX: legendLeft + i%legends*legendOne, LegendY: legendAt, Sign: caughtSign}
			var drawn [][2]float64
			for _, p := range named.curve.Points {
				drawn = append(drawn, [2]float64{p.Bad, side.chance(p.Undone)})
			}
			if !math.IsNaN(side.caught) {
				drawn = append(drawn, [2]float64{side.caught, power.Chances[caughtAt]})
				c.end(&l, x(side.caught), y(power.Chances[caughtAt]))
			}
			slices.SortFunc(drawn, func(a, b [2]float64) int { return slices.Compare(a[:], b[:]) })
			var points []string
			for _, p := range drawn {
				if p[0] >= leastBad {
					points = append(points, number(x(p[0]))+" "+number(y(p[1])))
				}
			}
			l.Path = "M" + strings.Join(points, "L")
			c.Lines = append(c.Lines, l)
		}
		var rows []string
		for _, row := range o.Rows(named.curve) {
			rows = append(rows, row.RolledBack+" at "+row.Bad)
		}
		descriptions = append(descriptions, "rolled back by share of "+named.of+": "+strings.Join(rows, ", "))
	}
	c.Description = strings.Join(descriptions, "; ")
	return c
}

// isBounded reports whether the bounds of a curve differ.
func (o *odds) isBounded(c *power.Curve) bool {
	return slices.ContainsFunc(c.Points, func(p power.Point) bool { return p.Undone.High-p.Undone.Low > .005 })
}
