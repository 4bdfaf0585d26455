package bench

import (
	"fmt"

	"github.com/fleetwright/fleetwright/internal/fleetgen"
)

// large measures inputs of which there is very much, beside a tenth of them: what one
// takes must not grow.
func (b *bench) large() error {
	b.table.section("Large inputs, and one of what is in them beside one of a tenth of it")
	for kind, l := range []struct {
		name, unit string
		units      int
		of         func(units int) fleetgen.Size
	}{
		{"100,000 documents", "document", 100_000, func(units int) fleetgen.Size {
			s := fleetgen.Size{Applications: max(units/100, 1), Clusters: 1, ConfigMapText: 500}
			s.ConfigMaps = units - s.Applications - 6
			return s
		}},
		{"50 MB in one file", "MB", 50, func(units int) fleetgen.Size {
			return fleetgen.Size{Applications: 5 * units, Clusters: 1, ConfigMaps: 10 * units, ConfigMapText: 98_000, OneFile: true}
		}},
		{"10,000 applications in one file", "application", 10_000, func(units int) fleetgen.Size {
			return fleetgen.Size{Applications: units, Clusters: 1, OneFile: true}
		}},
		{"5,000 clusters of one application", "cluster", 5_000, func(units int) fleetgen.Size {
			return fleetgen.Size{Applications: 1, Clusters: units}
		}},
	} {
		units := max(l.units/b.share, 10)
		title := l.name
		if b.share > 1 {
			title = fmt.Sprintf("%s / %d", l.name, b.share)
		}
		var per [2]cost
		for i, n := range []int{units / 10, units} {
			of := l.of(n)
			name := fmt.Sprintf("large-%d-%d-%s", kind, n, l.unit)
			inputs, err := b.inputs(name, of)
			if err != nil {
				return err
			}
			c, out, err := b.fresh(name, inputs, size{of.Applications, of.Clusters}.treeSize())
			if err != nil {
				return err
			}
			b.discard(inputs, out)
			per[i] = c.per(n)
			if i == 1 {
				b.table.add(row{what: title, ours: c})
			}
		}
		b.table.add(row{what: "  one " + l.unit, ours: per[1], against: "of a tenth", theirs: per[0], by: cpu, goal: growthGoal})
	}
	return nil
}
