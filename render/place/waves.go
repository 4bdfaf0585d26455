package place

import (
	"fmt"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Waves are the clusters in the order in which they get what changes, as a RenderConfig declares it.
// Nothing that is rendered depends on them.
type Waves struct {
	// Names of the waves, in their order.
	Names []string
	// Through is the name of the last wave that the RenderConfig has written, or "" for all of them.
	Through string
	// At is where the RenderConfig declares the waves.
	At diag.Position
	// of is the number of the wave of each cluster.
	of map[string]int
}

// Number returns the number of the wave that a cluster is in: a cluster in no wave is in the last.
func (w *Waves) Number(cluster string) int {
	if i, ok := w.of[cluster]; ok {
		return i
	}
	return len(w.Names) - 1
}

// Last returns the number of the last wave that is written through one of a name, which is the last of all
// without a name, or -1 where there is no such wave.
func (w *Waves) Last(through string) int {
	if through == "" {
		return len(w.Names) - 1
	}
	return slices.Index(w.Names, through)
}

// Waits reports whether a cluster is behind the wave of a number. One that is not among the inputs is
// not, and neither is a hub itself.
func (w *Waves) Waits(cluster string, wave int) bool {
	i, ok := w.of[cluster]
	return ok && i > wave
}

// maxWaves is how many waves there may be: each is compared with all clusters.
const maxWaves = 100

// PlaceWaves returns the waves of the targets, or nil where none are declared. On a hub, they are those of
// the clusters that the hub applies to. It reports waves that are declared twice or select no cluster.
func (in *Input) PlaceWaves(targets []*Target, hub bool) *Waves {
	doc := in.RenderConfig
	if doc == nil {
		return nil
	}
	spec := doc.Object.(*api.RenderConfig).Spec
	add := func(code diag.Code, at schema.Path, message, hint string) {
		if !doc.Wrong(at) {
			in.report.Add(doc.Diagnostic(code, at, message, hint))
		}
	}
	through := schema.Path{"spec", "through"}
	if len(spec.Waves) == 0 {
		if spec.Through != "" {
			add(diag.UnknownWave, through, fmt.Sprintf("through names the wave %s, and no waves are declared", spec.Through),
				fmt.Sprintf("waves: [{name: %s, clusterSelector: {matchLabels: {stage: %[1]s}}}, {name: rest}], or remove the line", spec.Through))
		}
		return nil
	}
	if len(spec.Waves) > maxWaves {
		add(diag.OutOfBounds, schema.Path{"spec", "waves", maxWaves}, fmt.Sprintf("there are %d waves, and at most %d are taken", len(spec.Waves), maxWaves), "give several clusters one wave")
		return nil
	}
	w := &Waves{Through: spec.Through, At: doc.Position("spec", "waves"), of: map[string]int{}}
	seen := map[string]int{}
	for i, wave := range spec.Waves {
		w.Names = append(w.Names, wave.Name)
		if first, ok := seen[wave.Name]; ok {
			add(diag.DefinedTwice, schema.Path{"spec", "waves", i, "name"},
				fmt.Sprintf("the wave %s is already declared at %s", wave.Name, doc.Position("spec", "waves", first, "name")), "remove one of the two, or give it another name")
			continue
		}
		seen[wave.Name] = i
	}
	if _, ok := seen[spec.Through]; !ok && spec.Through != "" && !doc.Wrong(schema.Path{"spec", "waves"}) {
		add(diag.UnknownWave, through, fmt.Sprintf("there is no wave %s", spec.Through), diag.DidYouMean(spec.Through, w.Names, "the waves are "+diag.Some(w.Names, diag.MostNames)))
	}
	var clusters []*Cluster
	for _, t := range targets {
		if t.Remote || !hub {
			clusters = append(clusters, t.Cluster)
		}
	}
	isWhole := len(clusters) > 0 && !in.MayMiss("Cluster") && !in.MayMiss("AttachedCluster") && !in.MayMiss("Fleet")
	for i, wave := range spec.Waves {
		selected, matched := newSelector(wave.ClusterSelector), false
		taken := map[string]bool{}
		own := 0
		for _, cl := range clusters {
			if !selected.Matches(clusterLabels(cl.Labels)) {
				continue
			}
			matched = true
			if first, ok := w.of[cl.Name]; ok {
				taken[w.Names[first]] = true
			} else {
				w.of[cl.Name] = i
				own++
			}
		}
		if own > 0 || !isWhole || seen[wave.Name] != i {
			continue
		}
		isLast := i == len(spec.Waves)-1
		at := schema.Path{"spec", "waves", i, "name"}
		switch {
		case !matched:
			at = schema.Path{"spec", "waves", i, "clusterSelector"}
			if len(wave.ClusterSelector.MatchExpressions) == 0 {
				at = at.With("matchLabels")
			}
			add(diag.EmptyWave, at, fmt.Sprintf("the wave %s selects no cluster", wave.Name), "the clusters' labels are "+labelsOf(clusters))
		case isLast && (selected.Empty() || len(w.of) < len(clusters)): // it is for clusters to come, or for all others
		default:
			var earlier []string
			for _, name := range w.Names[:i] {
				if taken[name] {
					earlier = append(earlier, name)
				}
			}
			add(diag.EmptyWave, at, fmt.Sprintf("the wave %s has no cluster: earlier waves select all of its clusters (%s)", wave.Name, diag.Some(earlier, diag.MostNames)),
				"put it before them, or remove it")
		}
	}
	for _, cl := range clusters {
		w.of[cl.Name] = w.Number(cl.Name)
	}
	return w
}
