package plan

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clipperhouse/displaywidth"
	"github.com/sebdah/goldie/v2"
	"golang.org/x/net/html"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/power"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/rules"
)

// canaries are of every strategy; endless comes to no end.
var (
	metrics  = []flagger.Metric{{Name: "request-success-rate"}, {Name: "request-duration"}}
	weighted = flagger.Canary{Provider: flagger.Istio, Analysis: flagger.Analysis{Interval: "30s", Threshold: 5, StepWeight: 10, MaxWeight: 50, Metrics: metrics}}
	gated    = flagger.Canary{Provider: flagger.Kuma, Analysis: flagger.Analysis{
		Interval: "1m", Threshold: 2, StepWeights: []int{1, 10, 100}, StepWeightPromotion: 40, Metrics: metrics,
		Webhooks: []flagger.Webhook{{Name: "<by hand>", Type: flagger.ConfirmPromotion, URL: "http://gate"}, {Name: "smoke & fire", Type: flagger.PreRollout, URL: "http://gate"}},
	}}
	blueGreen = flagger.Canary{Provider: flagger.Nginx, Analysis: flagger.Analysis{Interval: "24h", Threshold: 1, Iterations: 9, Metrics: metrics}}
	skipping  = flagger.Canary{Provider: flagger.Istio, SkipAnalysis: true}
	suspended = flagger.Canary{Provider: flagger.Istio, Suspend: true}
	endless   = flagger.Canary{Provider: flagger.Istio, Analysis: flagger.Analysis{Metrics: metrics}}
	tooLong   = flagger.Canary{Provider: flagger.Istio, Analysis: flagger.Analysis{Interval: "240h", Iterations: 2 * flagger.MaxTicks, Metrics: metrics}}
)

func rollout(application, name string, c flagger.Canary, clusters ...string) render.Rollout {
	return render.Rollout{Application: application, Namespace: "web", Name: name, Clusters: clusters, Flagger: "1.44.0", Plan: flagger.New(c, flagger.Newest)}
}

// place is where a point of a line is: when, as a part of the time that is shown, and at
// which share.
type place struct{ at, percent float64 }

func places(t *testing.T, path string) (all []place) {
	t.Helper()
	var x, y float64
	for _, part := range regexp.MustCompile(`[MHV][^MHV]*`).FindAllString(path, -1) {
		var err error
		switch part[0] {
		case 'M':
			_, err = fmt.Sscanf(part, "M%g %g", &x, &y)
		case 'H':
			_, err = fmt.Sscanf(part, "H%g", &x)
		case 'V':
			_, err = fmt.Sscanf(part, "V%g", &y)
		}
		if err != nil {
			t.Fatalf("%q: %v", path, err)
		}
		all = append(all, place{(x - plotLeft) / (plotRight - plotLeft), 100 * (plotBottom - y) / (plotBottom - plotTop)})
	}
	return all
}

func TestLinesAreWhereTheTicksAre(t *testing.T) {
	for name, canary := range map[string]flagger.Canary{"by weight": weighted, "with gates": gated, "blue/green": blueGreen, "skipped": skipping, "endless": endless, "too long": tooLong} {
		t.Run(name, func(t *testing.T) {
			r := rollout("default/web", "web", canary, "one")
			c := newChart(&r, label{Workload: "web/web"}, "chart-1")
			runs := runsOf(r.Plan)
			if len(c.Lines) != len(runs) {
				t.Fatalf("%d lines of %d runs", len(c.Lines), len(runs))
			}
			total := float64(shown(runs))
			const near = 0.4 // of a percent: a tenth of a unit of the drawing
			for i, run := range runs {
				drawn := places(t, c.Lines[i].Path)
				for j := range drawn[1:] {
					if before, now := drawn[j], drawn[j+1]; before.at > now.at || before.at != now.at && before.percent != now.percent {
						t.Errorf("%s: from %v to %v it is neither level nor upright", run.Name, before, now)
					}
				}
				for tick, share := range run.Shares()[:len(run.Ticks)] {
					want := float64(share.All())
					// A moment after the tick, or at the end of the run.
					at := min((float64(run.At(tick))+float64(run.Every)/2)/total, drawn[len(drawn)-1].at)
					got := -1.0
					for _, p := range drawn {
						if p.at <= at {
							got = p.percent
						}
					}
					if got < want-near || got > want+near {
						t.Fatalf("%s: %.1f%% after tick %d, want %v%%", run.Name, got, tick, want)
					}
				}
				end, sign := float64(run.Duration())/total, rolledBackSign
				switch run.Outcome {
				case flagger.Promoted:
					sign = promotedSign
				case flagger.Endless, flagger.TooLong:
					end, sign = 1, goesOnSign
				}
				if got := drawn[len(drawn)-1].at; got < end-0.001 || got > end+0.001 {
					t.Errorf("%s ends at %.3f of the time, want %.3f", run.Name, got, end)
				}
				if c.Lines[i].Sign != sign {
					t.Errorf("%s, which is %s, ends with %s", run.Name, run.Outcome, c.Lines[i].Sign)
				}
			}
		})
	}
}

func TestWhatGoesOnIsSaidToGoOn(t *testing.T) {
	r := rollout("default/web", "web", endless)
	if got, want := newChart(&r, label{Workload: "web/web"}, "chart-1").Description, "good version: never ends, with up to 0% of the traffic; "; !strings.HasPrefix(got+"; ", want) {
		t.Errorf("it is said %q, want %q", got, want)
	}
}

func TestAFewTimesAreBesideTheAxis(t *testing.T) {
	const digit = 7.7 // a character of 12 pixels is no wider, in the widest of usual fonts
	for every := flagger.ShortestInterval; every <= 10*24*time.Hour; every += every/7 + time.Second {
		for _, checks := range []int{1, 3, 10, 100, 9000} {
			r := rollout("default/web", "web", flagger.Canary{Provider: flagger.Istio, Analysis: flagger.Analysis{Interval: every.String(), Iterations: checks}})
			times := newChart(&r, label{Workload: "web/web"}, "chart-1").Times
			if n := len(times); n < 2 || n > 6 {
				t.Fatalf("%d checks every %s: %d times", checks, every, n)
			}
			right := 0.0
			for _, m := range times {
				x, err := strconv.ParseFloat(m.X, 64)
				if err != nil {
					t.Fatal(err)
				}
				half := digit * float64(len(m.Label)) / 2
				if x-half < right || x+half > svgWidth {
					t.Fatalf("%d checks every %s: no room for %s in %v", checks, every, m.Label, times)
				}
				right = x + half
			}
		}
	}
}

// seen is a rollout of which the traffic is known: users see each of two kinds of bad requests.
func seen(r render.Rollout, window time.Duration) render.Rollout {
	course, _ := r.Plan.Canary.Course(flagger.Newest)
	metric := func(name string, kind power.Kind) power.Metric {
		return power.Metric{Name: name, Kind: kind, Window: window, Most: .01, Sources: []int{0}}
	}
	r.Sight = &rules.Sight{
		Model:    &power.Model{Course: course, Threshold: r.Plan.Canary.Analysis.Threshold, Sources: []power.Source{{Rate: 2, Share: 1}}, Metrics: []power.Metric{metric("<errors>", power.Errors), metric("<times>", power.Slow)}},
		Baseline: rules.Baseline, Webhooks: []int{-1}, Unjudged: []string{"<other>"}, Untold: []string{"<load>"},
	}
	return r
}

// fleet has rollouts of all kinds, with names that are as odd as they may be.
func fleet() []render.Rollout {
	many := make([]string, 12)
	for i := range many {
		many[i] = fmt.Sprintf("cluster-%02d", i)
	}
	return []render.Rollout{
		seen(rollout("default/shop", "web", weighted, "eu", "us"), 30*time.Second),
		seen(rollout("default/shop", "web", gated, "asia"), 2*time.Minute),
		rollout("default/stock", "basket", blueGreen, many...),
		rollout("default/stock", "never", endless, "eu"),
		rollout("default/stock", "skipped", skipping, "eu"),
		rollout("default/stock", "suspended", suspended, "eu"),
	}
}

// Golden files are in testdata: go test ./internal/sink/plan -run Golden -update
func TestGolden(t *testing.T) {
	g := goldie.New(t, goldie.WithFixtureDir("testdata"), goldie.WithNameSuffix(""), goldie.WithDiffEngine(goldie.ColoredDiff))
	for name, rollouts := range map[string][]render.Rollout{"fleet": fleet(), "nothing": nil} {
		for _, format := range []string{"svg", "html"} {
			g.Assert(t, name+"."+format, []byte(written(t, format, rollouts)))
		}
	}
}

func written(t *testing.T, format string, rollouts []render.Rollout) string {
	t.Helper()
	write, ok := Formats.Get(format)
	if !ok {
		t.Fatalf("there is no format %s", format)
	}
	var b strings.Builder
	if err := write(&b, rollouts, Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// oddNames are what no schema lets through, and some do.
var oddNames = []string{
	"<script>alert(1)</script>", "]]>", "--> <!--", `"quoted" & 'so'`, "</title></style></desc>", "{{ .Name }} ${HOME}",
	"שלום עולם", "🚢🚢", "\u202egnp.txt", "a\x00b\x1b[31m\x7f", "\xff\xfe", strings.Repeat("long-name-", 25), "a b/c#d?e%20f",
}

// oddFleet has every odd name everywhere.
func oddFleet() (all []render.Rollout) {
	for _, name := range oddNames {
		c := gated
		c.Analysis.Webhooks = []flagger.Webhook{{Name: name, Type: flagger.ConfirmPromotion, URL: "http://gate"}}
		c.Analysis.Metrics = []flagger.Metric{{Name: name, Query: "q"}}
		r := rollout(name, name, c, name, "other")
		r.Namespace = name
		all = append(all, r)
	}
	return all
}

func TestDrawingsAreWellFormedWhateverNamesAre(t *testing.T) {
	for what, rollouts := range map[string][]render.Rollout{"odd names": oddFleet(), "fleet": fleet(), "nothing": nil} {
		decoder := xml.NewDecoder(strings.NewReader(written(t, "svg", rollouts)))
		elements := map[string]int{}
		ids := map[string]bool{}
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if e, ok := token.(xml.StartElement); ok {
				elements[e.Name.Local]++
				for _, a := range e.Attr {
					if a.Name.Local == "id" && ids[a.Value] {
						t.Errorf("%s: a second %s", what, a.Value)
					} else if a.Name.Local == "id" {
						ids[a.Value] = true
					}
				}
			}
		}
		if elements["script"] > 0 || elements["style"] != 1 {
			t.Errorf("%s: elements %v", what, elements)
		}
	}
}

func TestPagesAreWellFormedWhateverNamesAre(t *testing.T) {
	for what, rollouts := range map[string][]render.Rollout{"odd names": oddFleet(), "fleet": fleet(), "nothing": nil} {
		document, err := html.Parse(strings.NewReader(written(t, "html", rollouts)))
		if err != nil {
			t.Fatal(err)
		}
		elements, ids, links := map[string]int{}, map[string]bool{}, map[string]bool{}
		var text strings.Builder
		for n := range document.Descendants() {
			switch n.Type {
			case html.TextNode:
				text.WriteString(n.Data)
			case html.CommentNode:
				t.Errorf("%s: a comment: %s", what, n.Data)
			case html.ElementNode:
				elements[n.Data]++
				for _, a := range n.Attr {
					switch {
					case a.Key == "id" && ids[a.Val]:
						t.Errorf("%s: a second %s", what, a.Val)
					case a.Key == "id":
						ids[a.Val] = true
					case a.Key == "href":
						links[a.Val] = true
					case strings.HasPrefix(a.Key, "on"):
						t.Errorf("%s: <%s %s=%q>", what, n.Data, a.Key, a.Val)
					}
				}
			}
		}
		for link := range links {
			if !ids[strings.TrimPrefix(link, "#")] {
				t.Errorf("%s: nothing has the id of %s", what, link)
			}
		}
		if elements["script"] > 2 || elements["style"] != 1 || elements["img"] > 0 || elements["b"] > 0 {
			t.Errorf("%s: elements %v", what, elements)
		}
		if what == "odd names" {
			for _, name := range oddNames {
				if name := diag.Plain(name); !strings.Contains(text.String(), "query of "+name) {
					t.Errorf("no text says %q", name)
				}
			}
		}
	}
}

// TestSignsAreApart: the signs at the ends of lines and of curves do not lie on each other.
func TestSignsAreApart(t *testing.T) {
	for _, checks := range []int{1, 2, 3, 5, 10, 30, 60} {
		for _, threshold := range []int{1, 5, 60} {
			c := gated
			c.Analysis.StepWeights, c.Analysis.Iterations, c.Analysis.Threshold = nil, checks, threshold
			r := seen(rollout("default/web", "web", c, "one"), 30*time.Second)
			drawings := []chart{newChart(&r, label{}, "chart-1")}
			if !r.Sight.Course.TooMany {
				drawings = append(drawings, newOddsChart(oddsOf(&power.Curves{}, r.Sight), "odds-1"))
			}
			for _, drawing := range drawings {
				var at [][2]float64
				for _, l := range drawing.Lines {
					if l.X == "" {
						continue
					}
					x, _ := strconv.ParseFloat(l.X, 64)
					y, _ := strconv.ParseFloat(l.Y, 64)
					if y < plotTop-1 || y > plotBottom+1 {
						t.Errorf("%d checks, %d may fail: a sign is at %v", checks, threshold, y)
					}
					for _, other := range at {
						if math.Abs(other[0]-x) < 12 && math.Abs(other[1]-y) < 12 {
							t.Fatalf("%d checks, %d may fail: %s at %v,%v is on another sign", checks, threshold, l.Name, x, y)
						}
					}
					at = append(at, [2]float64{x, y})
				}
			}
		}
	}
}

// TestHeadingsAreComplete: a name of any length stands above its drawing, in as many lines as it needs.
func TestHeadingsAreComplete(t *testing.T) {
	r := rollout("default/web", strings.Repeat("checkout-", 28)+"x", weighted, strings.Repeat("cluster-", 31)+"one")
	c := newChart(&r, label{Workload: r.Workload()}, "chart-1").named(&r, label{Workload: r.Workload()})
	var got strings.Builder
	for i, line := range c.Name {
		got.WriteString(line.Label)
		if n := displaywidth.String(line.Label); n > nameColumns {
			t.Errorf("%q is %d columns wide", line.Label, n)
		}
		if y, _ := strconv.Atoi(line.Y); y-15 < c.From {
			t.Errorf("line %d is at %d, and the drawing begins at %d", i, y, c.From)
		}
	}
	if got.String() != r.Workload() {
		t.Errorf("above the drawing stands %q", got.String())
	}
	if text := written(t, "svg", []render.Rollout{r}); !strings.Contains(text, r.Name) {
		t.Error("the whole name is not in the title")
	}
}
