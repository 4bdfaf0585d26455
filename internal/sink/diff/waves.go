package diff

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	placed "github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/tree"
)

// A Wave is a declared wave.
type Wave struct {
	Name string
	// Waits reports whether the wave follows the last written one.
	Waits bool
	// Clusters of the wave, by name.
	Clusters []WaveCluster
	// Notes describe the waiting changes.
	Notes []Note
	// inputs reports whether two revisions of the inputs are compared. promoted counts the clusters whose waiting
	// changes are written now.
	inputs   bool
	promoted int
	// unknown counts the clusters whose files cannot be compared.
	unknown int
}

// A WaveCluster is a cluster of a wave, with its changes now, or when its wave is written.
type WaveCluster struct {
	Cluster
	// New reports whether nothing was ever written for the cluster.
	New bool `json:"new,omitempty"`
	// Since is the time since which changes wait, if Git has it.
	Since *time.Time `json:"since,omitempty"`
	// Seconds is the age of the waiting changes.
	Seconds int64 `json:"seconds,omitempty"`
	// behind reports whether changes wait.
	behind bool
}

// An Order holds the waves and their waiting changes.
type Order struct {
	*placed.Waves
	// Through is the index of the last written wave.
	Through int
	// Clusters that are compared; for a hub, its clusters.
	Clusters []string
	// Later are the waiting changes, by cluster and path, and Losses their losses.
	Later  []render.Change
	Losses []tree.Loss
	// WaveOf returns the index of the wave that writes a file, or -1.
	WaveOf func(cluster, file string) int
	// Inputs reports whether two revisions of the inputs are compared, which do not show earlier waiting changes.
	// Promoted are the clusters whose waiting changes are written now.
	Inputs   bool
	Promoted []string
	// Unknown are the clusters whose files cannot be compared.
	Unknown []string
	// Lost are the clusters whose files are missing although Git has them.
	Lost map[string]string
	// Since holds, by cluster, the time since which changes wait, and Now the present time.
	Since map[string]time.Time
	Now   time.Time
}

// AddWaves adds the written and the waiting changes of each wave.
func (r *Report) AddWaves(o Order) {
	r.through = o.Names[o.Through]
	written := map[string]Cluster{}
	for _, c := range r.Clusters {
		written[c.Name] = c
	}
	later := make([][]render.Change, len(o.Names))
	isNew := map[string]bool{}
	for _, c := range o.Later {
		number := max(o.WaveOf(c.Cluster, c.Path), 0)
		later[number] = append(later[number], c)
		if at := placeOf(c.Cluster, c.Path); at.dir == "." && c.Old == nil && layout.IsInventoryFile(c.Path) {
			isNew[at.cluster] = true
		}
	}
	for i, name := range o.Names {
		w := Wave{Name: name, Waits: i > o.Through, inputs: o.Inputs}
		changes := written
		if w.Waits {
			waiting := New(r.made, later[i], lossesOn(o.Losses, o.Waves, i))
			w.Notes = waiting.Notes
			changes = map[string]Cluster{}
			for _, c := range waiting.Clusters {
				changes[c.Name] = c
			}
		}
		for _, cluster := range o.Clusters {
			if o.Number(cluster) != i {
				continue
			}
			if slices.Contains(o.Promoted, cluster) {
				w.promoted++
			}
			if slices.Contains(o.Unknown, cluster) {
				w.unknown++
			}
			counted, behind := changes[cluster]
			c := WaveCluster{Cluster: counted, behind: behind && w.Waits}
			c.Name = cluster
			if c.behind {
				_, lost := o.Lost[cluster]
				c.New = isNew[cluster] && !lost
				if since, ok := o.Since[cluster]; ok {
					c.Since, c.Seconds = &since, int64(o.Now.Sub(since).Seconds())
				}
			}
			w.Clusters = append(w.Clusters, c)
		}
		slices.SortFunc(w.Clusters, func(a, b WaveCluster) int { return strings.Compare(a.Name, b.Name) })
		r.Waves = append(r.Waves, w)
	}
}

// lossesOn returns the losses of the clusters of a wave.
func lossesOn(losses []tree.Loss, waves *placed.Waves, wave int) (on []tree.Loss) {
	for _, l := range losses {
		l.Clusters = slices.DeleteFunc(slices.Clone(l.Clusters), func(cluster string) bool { return waves.Number(cluster) != wave })
		if len(l.Clusters) > 0 {
			on = append(on, l)
		}
	}
	return on
}

// Waiting returns the number of clusters with waiting changes.
func (r *Report) Waiting() (n int) {
	for _, w := range r.Waves {
		for _, c := range w.Clusters {
			if c.behind {
				n++
			}
		}
	}
	return n
}

// summary returns the state of the wave, in one line.
func (w *Wave) summary() string {
	n, changed := len(w.Clusters), 0
	var total counts
	for _, c := range w.Clusters {
		if c.behind || !w.Waits && c.counts != (counts{}) {
			changed++
		}
		total.Created += c.Created
		total.Changed += c.Changed
		total.Deleted += c.Deleted
	}
	switch {
	case n == 0:
		return "no clusters"
	case w.unknown > 0:
		return fmt.Sprintf("waits, %d of %s behind, %d cannot be compared", changed, diag.Plural(n, "cluster"), w.unknown)
	case w.Waits && changed == 0 && w.inputs:
		return fmt.Sprintf("waits, no further changes: %s", diag.Plural(n, "cluster"))
	case w.promoted > 0 && changed == 0:
		return fmt.Sprintf("written now, %d of %s: the waiting changes", w.promoted, diag.Plural(n, "cluster"))
	case w.promoted > 0:
		return fmt.Sprintf("written now, %d of %s: %s, with the waiting changes of %s", max(changed, w.promoted), diag.Plural(n, "cluster"), total, diag.Plural(w.promoted, "cluster"))
	case w.Waits && changed == 0:
		return fmt.Sprintf("waits, no changes: %s", diag.Plural(n, "cluster"))
	case w.Waits:
		return fmt.Sprintf("waits, %d of %s behind", changed, diag.Plural(n, "cluster"))
	case changed == 0:
		return fmt.Sprintf("written, no changes: %s", diag.Plural(n, "cluster"))
	}
	return fmt.Sprintf("written now, %d of %s: %s", changed, diag.Plural(n, "cluster"), total)
}

// String returns the numbers in words.
func (n counts) String() string {
	return fmt.Sprintf("%s created, %d changed, %d deleted", diag.Plural(n.Created, "object"), n.Changed, n.Deleted)
}

// behind returns a line for the clusters with the same waiting changes of the same age.
func (w *Wave) behind() (lines []string) {
	clusters := map[string][]string{}
	for _, c := range w.Clusters {
		if !c.behind {
			continue
		}
		what := c.counts.String()
		switch {
		case c.counts == (counts{}):
			what = "files without objects change"
		case c.New:
			what = "new, " + what
		}
		if c.Since != nil {
			what += ", waits for " + age(time.Duration(c.Seconds)*time.Second)
		}
		if len(clusters[what]) == 0 {
			lines = append(lines, what)
		}
		clusters[what] = append(clusters[what], c.Name)
	}
	for i, what := range lines {
		lines[i] = diag.Some(clusters[what], diag.MostNames) + ": " + what
	}
	return lines
}

// age returns a duration in hours or days, which is precise enough for promotions.
func age(d time.Duration) string {
	switch hours := int(d.Hours()); {
	case hours < 1:
		return "less than 1 hour"
	case hours < 48:
		return diag.Plural(hours, "hour")
	default:
		return diag.Plural(hours/24, "day")
	}
}
