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

// A Wave is a declared wave, with the rollouts on its clusters.
type Wave struct {
	Name string
	// Waits reports whether the wave is after the last one that is written.
	Waits bool
	// Clusters of the wave, by name.
	Clusters []string
	// Rollouts on these, the longest first. Suspended ones are not among them.
	Rollouts []*render.Rollout

	names names
}

// NewWaves returns the waves of clusters up to the last one. Those after the wave through wait.
func NewWaves(order *placed.Waves, through, last int, clusters []string, rollouts []render.Rollout) []Wave {
	var waves []Wave
	names := namesOf(rollouts)
	for i, name := range order.Names[:last+1] {
		isOf := func(cluster string) bool { return order.Waits(cluster, -1) && order.Number(cluster) == i }
		w := Wave{Name: name, Waits: i > through, names: names}
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

// title returns the name of a rollout in the wave, with its clusters if another one has the same name.
func (w *Wave) title(r *render.Rollout) string {
	name := func(r *render.Rollout) string { return cmp.Or(w.names[r].Title(), r.Workload()) }
	if slices.ContainsFunc(w.Rollouts, func(other *render.Rollout) bool { return other != r && name(other) == name(r) }) {
		return name(r) + " on " + diag.Some(w.of(r), mostNames)
	}
	return name(r)
}

// of returns the clusters of the wave that a rollout is on.
func (w *Wave) of(r *render.Rollout) []string {
	clusters := []string{}
	for _, name := range r.Clusters {
		if _, ok := slices.BinarySearch(w.Clusters, name); ok {
			clusters = append(clusters, name)
		}
	}
	return clusters
}

// Longest returns the name of the longest rollout, or "" if the wave has none.
func (w *Wave) Longest() string {
	if len(w.Rollouts) == 0 {
		return ""
	}
	return w.title(w.Rollouts[0])
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

// Takes returns the duration of the wave, whose rollouts run at once, and reports whether they end.
func (w *Wave) Takes() (time.Duration, bool) {
	if len(w.Rollouts) == 0 {
		return 0, true
	}
	good := w.Rollouts[0].Plan.Good
	return good.Duration(), good.Outcome == flagger.Promoted
}

// summary describes the wave's clusters and rollouts.
func (w *Wave) summary() string {
	text := diag.Plural(len(w.Clusters), "cluster")
	if w.Waits {
		text += ", waits"
	}
	if len(w.Rollouts) == 0 {
		return text + "; no rollouts"
	}
	var names []string
	for _, r := range w.Rollouts[:min(len(w.Rollouts), mostLongest)] {
		names = append(names, w.title(r)+" "+Promotion(r.Plan))
	}
	text += "; " + strings.Join(names, ", ")
	if more := len(w.Rollouts) - mostLongest; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// mostLongest is the number of rollouts of a wave that are named: the longest ones.
const mostLongest = 3

// Length returns the duration of the wave in words.
func (w *Wave) Length() string {
	if len(w.Rollouts) == 0 {
		return "0s"
	}
	return Promotion(w.Rollouts[0].Plan)
}

// Total returns the sum of the waves, which run in sequence, and reports whether they end.
func Total(waves []Wave) (sum time.Duration, ends bool) {
	ends = true
	for i := range waves {
		d, ended := waves[i].Takes()
		sum, ends = sum+d, ends && ended
	}
	return sum, ends
}

// Sums describes the sum of the waves.
func Sums(waves []Wave) string {
	sum, ends := Total(waves)
	if !ends {
		return "the waves never end: a rollout never promotes a version"
	}
	return diag.Duration(sum) + " in total, if each wave begins when the previous one ends"
}

// writeWaves writes the waves as text, after the rollouts.
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
	const rest, indent = len("    ") + len("never "), 4 // the columns after a name, and before it
	longest = min(longest, max(width-rest, leastName))
	for i := range waves {
		name := Folded(waves[i].Name, longest)
		for _, part := range name[:len(name)-1] {
			fmt.Fprintf(&b, "  %s\n", part)
		}
		begin := fmt.Sprintf("  %-*s  %6s", longest, name[len(name)-1], waves[i].Length())
		if summary := diag.Plain(waves[i].summary()); displaywidth.String(begin)+2+displaywidth.String(summary) <= width {
			fmt.Fprintf(&b, "%s  %s\n", begin, summary)
		} else {
			fmt.Fprintf(&b, "%s\n%s\n", begin, lines(indent, width, summary))
		}
	}
	fmt.Fprintf(&b, "%s\n", lines(2, width, Sums(waves)))
	_, err := io.WriteString(w, b.String())
	return err
}

// writeMarkdownWaves writes the waves as a table, after the rollouts.
func writeMarkdownWaves(w io.Writer, waves []Wave) error {
	if len(waves) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("\n## Waves\n\n| wave | takes | |\n|---|---|---|\n")
	for i := range waves {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", diag.Markdown(waves[i].Name), waves[i].Length(), diag.Markdown(waves[i].summary()))
	}
	fmt.Fprintf(&b, "\n%s.\n", Sums(waves))
	_, err := io.WriteString(w, b.String())
	return err
}

// A jsonWave has no seconds if one of its rollouts never promotes a version.
type jsonWave struct {
	Name     string            `json:"name"`
	Waits    bool              `json:"waits"`
	Clusters []string          `json:"clusters"`
	Seconds  *float64          `json:"seconds"`
	Rollouts []jsonWaveRollout `json:"rollouts"`
}

type jsonWaveRollout struct {
	Application string   `json:"application"`
	Policy      string   `json:"policy"`
	Namespace   string   `json:"namespace"`
	Name        string   `json:"name"`
	Clusters    []string `json:"clusters"`
	Seconds     *float64 `json:"seconds"`
}

// Seconds returns a time that ends, or nil.
func Seconds(d time.Duration, ends bool) *float64 {
	if !ends {
		return nil
	}
	s := d.Seconds()
	return &s
}

// addWaves adds the waves.
func (to *Document) addWaves(waves []Wave) {
	if len(waves) == 0 {
		return
	}
	all := make([]jsonWave, len(waves))
	for i := range waves {
		w := &waves[i]
		all[i] = jsonWave{w.Name, w.Waits, append([]string{}, w.Clusters...), Seconds(w.Takes()), []jsonWaveRollout{}}
		for _, r := range w.Rollouts {
			all[i].Rollouts = append(all[i].Rollouts, jsonWaveRollout{r.Application, r.Policy, r.Namespace, r.Name, w.of(r), Seconds(r.Plan.Good.Duration(), r.Plan.Good.Outcome == flagger.Promoted)})
		}
	}
	to.Waves, to.WavesSeconds = all, Seconds(Total(waves))
}
