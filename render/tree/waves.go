package tree

import (
	"slices"

	"github.com/fleetwright/fleetwright/render/layout"
)

// Through splits the tree into the changes of the waves up to a number, and those that wait. On a hub, both
// parts contain the hub's directory: the first with the hub's own files, the files for the clusters of the waves
// and the sources that any of these needs, and the second with all other files. A cluster's files do not depend
// on the number.
func (t *Tree) Through(wave int) (now, later *Tree) {
	now, later = t.With(nil), t.With(nil)
	for _, c := range t.Clusters {
		switch {
		case len(c.Spokes) > 0:
			before, behind := c.split(t, wave)
			now.Clusters = append(now.Clusters, before)
			if behind != nil {
				later.Clusters = append(later.Clusters, behind)
			}
		case t.Waves.Waits(c.Name, wave):
			later.Clusters = append(later.Clusters, c)
		default:
			now.Clusters = append(now.Clusters, c)
		}
	}
	return now, later
}

// Names returns the clusters of the tree, or for a hub those that it applies to.
func (t *Tree) Names() (names []string) {
	for _, c := range t.Clusters {
		if len(c.Spokes) > 0 {
			names = append(names, c.Spokes...)
		} else {
			names = append(names, c.Name)
		}
	}
	return names
}

// WaveOf returns a function that returns the number of the wave that writes a file of a cluster's directory, or
// -1 for a file that every run writes: one of a hub itself, or of a removed cluster.
func (t *Tree) WaveOf() func(cluster, file string) int {
	type place struct{ cluster, file string }
	sources := map[place]int{}
	for _, c := range t.Clusters {
		if len(c.Spokes) == 0 {
			continue
		}
		for _, d := range c.whole.Dirs {
			if d.Path == layout.SourcesDir && d.App != "" {
				sources[place{c.Name, d.files[0].path}] = d.Wave
			}
		}
	}
	return func(cluster, file string) int {
		for _, name := range []string{layout.ClusterOf(file), cluster} {
			if t.Waves.Waits(name, -1) {
				return t.Waves.Number(name)
			}
		}
		if wave, ok := sources[place{cluster, file}]; ok {
			return wave
		}
		return -1
	}
}

// A hubPart is a part of a hub's clusters.
type hubPart struct {
	// waiting holds the clusters in later waves.
	waiting map[string]bool
	// isLater reports whether the part contains these, and not the other clusters with the hub's own files.
	isLater bool
}

// split splits the directory of a hub. The second part is nil if no cluster waits.
func (c *Cluster) split(t *Tree, wave int) (now, later *Cluster) {
	waiting := map[string]bool{}
	var spokes [2][]string
	for _, name := range c.Spokes {
		if t.Waves.Waits(name, wave) {
			waiting[name] = true
			spokes[1] = append(spokes[1], name)
		} else {
			spokes[0] = append(spokes[0], name)
		}
	}
	if len(waiting) == 0 {
		return c, nil
	}
	var dirs [2][]*Dir
	for _, d := range c.Dirs {
		i := 0
		if waiting[layout.ClusterOf(d.files[0].path)] || d.Wave > wave {
			i = 1
		}
		dirs[i] = append(dirs[i], d)
	}
	parts := [2]*Cluster{}
	for i := range parts {
		own := *c
		own.Layout, own.Spokes, own.part = NewLayout(dirs[i]...), spokes[i], &hubPart{waiting, i == 1}
		parts[i] = &own
	}
	return parts[0], parts[1]
}

// Leaves reports whether a path in the directory of a hub belongs to a cluster that is not in this part.
func (c *Cluster) Leaves(file string) bool {
	return c.part != nil && c.part.waiting[layout.ClusterOf(file)] != c.part.isLater
}

// Waiting returns the clusters of a hub that are behind a wave, sorted.
func (c *Cluster) Waiting() []string {
	if c.part == nil {
		return nil
	}
	var names []string
	for name := range c.part.waiting {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
