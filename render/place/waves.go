package place

import (
	"fmt"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Waves are the groups of clusters that a RenderConfig declares, in the order in which they get changes. The
// rendered files do not depend on them.
type Waves struct {
	// Names holds the names of the waves, in order.
	Names []string
	// Through is the name of the last wave that the RenderConfig allows to be written, or "" for all of them.
	Through string
	// At is the position at which the RenderConfig declares the waves.
	At diag.Position
	// of is the number of the wave of each cluster.
	of map[string]int
}

// Number returns the number of a cluster's wave. A cluster in no wave is in the last one.
func (w *Waves) Number(cluster string) int {
	if i, ok := w.of[cluster]; ok {
		return i
	}
	return len(w.Names) - 1
}

// Last returns the number of the last wave to write: the one with the name, or the last of all without a name.
// It returns -1 for an unknown name.
func (w *Waves) Last(through string) int {
	if through == "" {
		return len(w.Names) - 1
	}
	return slices.Index(w.Names, through)
}

// Waits reports whether a cluster is in a wave after the one with a number. A cluster that is not in the input
// does not wait, and neither does a hub itself.
func (w *Waves) Waits(cluster string, wave int) bool {
	i, ok := w.of[cluster]
	return ok && i > wave
}

// maxWaves is the maximum number of waves, because each is compared with all clusters.
const maxWaves = 100

// PlaceWaves returns the waves of the targets, or nil if none are declared. On a hub, they group the clusters
// that the hub applies to. It reports waves that are declared twice or select no cluster.
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
			add(diag.UnknownWave, through, fmt.Sprintf("through names the wave %s, but the RenderConfig declares no waves", spec.Through),
				fmt.Sprintf("waves: [{name: %s, clusterSelector: {matchLabels: {stage: %[1]s}}}, {name: rest}], or remove the line", spec.Through))
		}
		return nil
	}
	if len(spec.Waves) > maxWaves {
		add(diag.OutOfBounds, schema.Path{"spec", "waves", maxWaves}, fmt.Sprintf("there are %d waves; at most %d are allowed", len(spec.Waves), maxWaves), "put several clusters into one wave")
		return nil
	}
	w := &Waves{Through: spec.Through, At: doc.Position("spec", "waves"), of: map[string]int{}}
	seen := map[string]int{}
	for i, wave := range spec.Waves {
		w.Names = append(w.Names, wave.Name)
		if first, ok := seen[wave.Name]; ok {
			add(diag.DefinedTwice, schema.Path{"spec", "waves", i, "name"},
				fmt.Sprintf("the wave %s is already declared at %s", wave.Name, doc.Position("spec", "waves", first, "name")), "remove or rename one of the two")
			continue
		}
		seen[wave.Name] = i
	}
	if _, ok := seen[spec.Through]; !ok && spec.Through != "" && !doc.Wrong(schema.Path{"spec", "waves"}) {
		add(diag.UnknownWave, through, fmt.Sprintf("unknown wave %q", spec.Through), diag.DidYouMean(spec.Through, w.Names, "the waves are "+diag.Some(w.Names, diag.MostNames)))
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
			add(diag.EmptyWave, at, fmt.Sprintf("the wave %s selects no cluster", wave.Name), "labels of the clusters: "+labelsOf(clusters))
		case isLast && (selected.Empty() || len(w.of) < len(clusters)): // it may be for future clusters, or for all other clusters
		default:
			var earlier []string
			for _, name := range w.Names[:i] {
				if taken[name] {
					earlier = append(earlier, name)
				}
			}
			add(diag.EmptyWave, at, fmt.Sprintf("the wave %s has no clusters left: earlier waves select all of them (%s)", wave.Name, diag.Some(earlier, diag.MostNames)),
				"move it before them, or remove it")
		}
	}
	for _, cl := range clusters {
		w.of[cl.Name] = w.Number(cl.Name)
	}
	return w
}
