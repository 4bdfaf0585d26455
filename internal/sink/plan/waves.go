package plan

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"

	"github.com/fleetwright/fleetwright/internal/ansi"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
	placed "github.com/fleetwright/fleetwright/render/place"
)

// A Wave is one of the waves that are declared, with the rollouts on its clusters.
type Wave struct {
	Name string
	// Waits reports whether the wave is behind the last one that is written.
	Waits bool
	// Clusters of the wave, by name.
	Clusters []string
	// Rollouts on these, the longest first. Suspended ones are not among them.
	Rollouts []*render.Rollout
}

// NewWaves returns the waves of clusters up to the last one, of which those behind the wave of a number wait.
func NewWaves(order *placed.Waves, through, last int, clusters []string, rollouts []render.Rollout) []Wave {
	var waves []Wave
	for i, name := range order.Names[:last+1] {
		isOf := func(cluster string) bool { return order.Waits(cluster, -1) && order.Number(cluster) == i }
		w := Wave{Name: name, Waits: i > through}
		for _, cluster := range clusters {
			if isOf(cluster) {
				w.Clusters = append(w.Clusters, cluster)
			}
		}
		for j := range rollouts {
			if r := &rollouts[j]; !r.Plan.Canary.Suspend && slices.ContainsFunc(r.Clusters, isOf) {
				w.Rollouts = append(w.Rollouts, r)
			}
		}
		slices.SortStableFunc(w.Rollouts, func(a, b *render.Rollout) int { return compareLength(b, a) })
		waves = append(waves, w)
	}
	return waves
}

// compareLength compares how long two rollouts take. One that never promotes a version is the longest.
func compareLength(a, b *render.Rollout) int {
	never := func(r *render.Rollout) int {
		if r.Plan.Good.Outcome == flagger.Promoted {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(never(a), never(b)), cmp.Compare(a.Plan.Good.Duration(), b.Plan.Good.Duration()))
}

// takes returns how long the rollouts of the wave take, which run at once, and whether they end.
func (w *Wave) takes() (time.Duration, bool) {
	if len(w.Rollouts) == 0 {
		return 0, true
	}
	good := w.Rollouts[0].Plan.Good
	return good.Duration(), good.Outcome == flagger.Promoted
}

// summary says how the wave stands and what runs on its clusters. Names are cut to a width, unless it is 0.
func (w *Wave) summary(width int) string {
	text := diag.Plural(len(w.Clusters), "cluster")
	if w.Waits {
		text += ", waits"
	}
	if len(w.Rollouts) == 0 {
		return text + "; no rollouts"
	}
	var names []string
	for _, r := range w.Rollouts {
		name := diag.Plain(title(r))
		if width > 0 {
			name = cutFront(name, width)
		}
		names = append(names, name+" "+promotion(r.Plan))
	}
	return text + "; " + diag.Some(names, mostLongest)
}

// mostLongest is how many rollouts of a wave are named, the longest.
const mostLongest = 3

// length says how long the wave takes.
func (w *Wave) length() string {
	if len(w.Rollouts) == 0 {
		return "0s"
	}
	return promotion(w.Rollouts[0].Plan)
}

// total adds up the waves, which are written one after the other.
func total(waves []Wave) (sum time.Duration, ends bool) {
	ends = true
	for i := range waves {
		d, ended := waves[i].takes()
		sum, ends = sum+d, ends && ended
	}
	return sum, ends
}

// sums says what the waves add up to.
func sums(waves []Wave) string {
	sum, ends := total(waves)
	if !ends {
		return "the waves never end: a rollout promotes no version"
	}
	return diag.Duration(sum) + " in all, if each wave begins when the one before has ended"
}

// writeWaves writes the waves as text, behind the rollouts.
func writeWaves(w io.Writer, o Options) error {
	waves := o.Waves
	if len(waves) == 0 {
		return nil
	}
	longest := 0
	for i := range waves {
		longest = max(longest, len(waves[i].Name))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", ansi.Paint(o.Color, ansi.Bold, "WAVES"))
	width := min(cmp.Or(o.Width, lineLength), lineLength)
	const beside, indent = len("    ") + len("never "), 4 // what a name has beside and before it
	longest = min(longest, max(width-beside, leastName))
	for i := range waves {
		begin := fmt.Sprintf("  %-*s  %6s", longest, cutFront(waves[i].Name, longest), waves[i].length())
		if summary := diag.Plain(waves[i].summary(0)); displaywidth.String(begin)+2+displaywidth.String(summary) <= width {
			fmt.Fprintf(&b, "%s  %s\n", begin, summary)
		} else {
			fmt.Fprintf(&b, "%s\n%s\n", begin, lines(indent, width, waves[i].summary(max(width-indent, leastName))))
		}
	}
	fmt.Fprintf(&b, "%s\n", lines(2, width, sums(waves)))
	_, err := io.WriteString(w, b.String())
	return err
}

// writeMarkdownWaves writes the waves as a table, behind the rollouts.
func writeMarkdownWaves(w io.Writer, waves []Wave) error {
	if len(waves) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("\n## Waves\n\n| wave | takes | |\n|---|---|---|\n")
	for i := range waves {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", diag.Markdown(waves[i].Name), waves[i].length(), diag.Markdown(waves[i].summary(0)))
	}
	fmt.Fprintf(&b, "\n%s.\n", sums(waves))
	_, err := io.WriteString(w, b.String())
	return err
}

// A jsonWave has no seconds where one of its rollouts never promotes a version.
type jsonWave struct {
	Name     string            `json:"name"`
	Waits    bool              `json:"waits"`
	Clusters []string          `json:"clusters"`
	Seconds  *float64          `json:"seconds"`
	Rollouts []jsonWaveRollout `json:"rollouts"`
}

type jsonWaveRollout struct {
	Application string   `json:"application"`
	Namespace   string   `json:"namespace"`
	Name        string   `json:"name"`
	Seconds     *float64 `json:"seconds"`
}

// addWaves adds the waves to the document for programs.
func addWaves(to map[string]any, waves []Wave) {
	if len(waves) == 0 {
		return
	}
	seconds := func(d time.Duration, ends bool) *float64 {
		if s := d.Seconds(); ends {
			return &s
		}
		return nil
	}
	all := make([]jsonWave, len(waves))
	for i := range waves {
		w := &waves[i]
		all[i] = jsonWave{w.Name, w.Waits, append([]string{}, w.Clusters...), seconds(w.takes()), []jsonWaveRollout{}}
		for _, r := range w.Rollouts {
			all[i].Rollouts = append(all[i].Rollouts, jsonWaveRollout{r.Application, r.Namespace, r.Name, seconds(r.Plan.Good.Duration(), r.Plan.Good.Outcome == flagger.Promoted)})
		}
	}
	to["waves"], to["wavesSeconds"] = all, seconds(total(waves))
}
