package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// overlaid is a size that is built by overlays, and how much less CPU rendering it takes.
type overlaid struct {
	size
	goal float64
}

// overlays compares with kustomize as people use it for this: a base of all objects for
// each fleet, and an overlay for each cluster, built by a process each. These print what
// they build, and so does the render that they are compared with; one that writes all of it
// into files is beside it.
func (b *bench) overlays() error {
	kustomize, err := b.tool(kustomizeTool)
	if err != nil {
		return err
	}
	b.table.section("Overlays of kustomize, one for each cluster, built for all of them")
	for _, o := range b.overlaid {
		inputs, err := b.inputs("overlays-"+o.String(), o.fleets())
		if err != nil {
			return err
		}
		full, rendered, err := b.fresh("overlays-"+o.String(), inputs, o.treeSize())
		if err != nil {
			return err
		}
		b.say("%s by kustomize", o.size)
		dir := b.path("overlays-" + o.String())
		if output, err := exec.Command(b.self, "bases", rendered, dir).CombinedOutput(); err != nil {
			return fmt.Errorf("%w\n%s", err, output)
		}
		clusters, err := os.ReadDir(filepath.Join(dir, "overlays"))
		if err != nil {
			return err
		}
		var all cost
		for _, cluster := range clusters {
			c, err := once(kustomize, "build", filepath.Join(dir, "overlays", cluster.Name()))
			if err != nil {
				return err
			}
			all = cost{all.wall + c.wall, all.cpu + c.cpu, max(all.peak, c.peak)}
		}
		streamed, err := compare(b.runs, true, always(b.fleetwright, "render", inputs, "-o", "-"))
		if err != nil {
			return err
		}
		against := fmt.Sprintf("%d overlays", len(clusters))
		b.table.add(row{what: o.String() + " render to a stream", ours: medianCost(streamed), against: against, theirs: all, by: cpu, goal: o.goal, inverse: true})
		b.table.add(row{what: o.String() + " render into a new directory", ours: full, against: against, theirs: all, by: cpu, inverse: true})
		b.discard(inputs, rendered, dir)
	}
	return nil
}

// fresh is what it takes to render into new directories, of about so many bytes. It
// returns the last of them.
func (b *bench) fresh(name, inputs string, bytes int64) (_ cost, out string, err error) {
	var costs []cost
	for run := range b.runs {
		b.say("%s, %d of %d", name, run+1, b.runs)
		if err := b.room(bytes); err != nil {
			return cost{}, "", err
		}
		if out != "" {
			b.discard(out)
		}
		out = b.path(fmt.Sprintf("%s-out-%d", name, run))
		c, err := compare(1, true, always(b.fleetwright, "render", inputs, "-o", out))
		if err != nil {
			return cost{}, "", err
		}
		costs = append(costs, c...)
	}
	return medianCost(costs), out, nil
}
