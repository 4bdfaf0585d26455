package bench

import (
	"fmt"
	"maps"
	"slices"
)

// Goals of growth: what one more takes at the largest size, of what it takes at the
// smallest; and the most memory for all clusters, of that for one in each fleet.
const (
	growthGoal = 1.3
	memoryGoal = 1.5
)

// growth says how the cost of full renders grows with applications and with clusters. What
// has not been measured for the fan-out is measured now.
func (b *bench) growth() error {
	for _, s := range b.sizes {
		if _, ok := b.results[s]; ok {
			continue
		}
		inputs, err := b.inputs(s.String()+"-growth", s.fleets())
		if err != nil {
			return err
		}
		c, out, err := b.fresh(s.String()+"-growth", inputs, s.treeSize())
		if err != nil {
			return err
		}
		b.results[s] = c
		b.discard(inputs, out)
	}
	largest := b.largest()
	b.table.section("Growth of the full render, from size to size")
	b.table.add(b.grows("an application", func(s size) (int, bool) { return s.applications, s.clusters == largest.clusters })...)
	b.table.add(b.grows("a cluster", func(s size) (int, bool) { return s.clusters, s.applications == largest.applications })...)
	one := size{largest.applications, 1}
	if few, ok := b.results[one]; ok && one != largest {
		b.table.add(row{what: fmt.Sprintf("memory of %s", largest), ours: b.results[largest],
			against: one.String(), theirs: few, by: memory, goal: memoryGoal})
	}
	return nil
}

// grows are rows about sizes that differ in one dimension: what each more of it takes,
// from every size to the next. Start and all that is the same at any size is not in it.
func (b *bench) grows(what string, along func(size) (n int, is bool)) (rows []row) {
	line := map[int]cost{}
	for s, c := range b.results {
		if n, is := along(s); is {
			line[n] = c
		}
	}
	numbers := slices.Sorted(maps.Keys(line))
	var first cost
	var between string
	for i, n := range numbers {
		rows = append(rows, row{what: fmt.Sprintf("%s, with %d of them", what, n), ours: line[n].per(n)})
		if i == 0 {
			continue
		}
		before := numbers[i-1]
		step := cost{line[n].wall - line[before].wall, line[n].cpu - line[before].cpu, 0}.per(n - before)
		name := fmt.Sprintf("%s more, from %d to %d", what, before, n)
		if i == 1 {
			first, between = step, fmt.Sprintf("from %d to %d", before, n)
			rows = append(rows, row{what: name, ours: step})
			continue
		}
		for _, by := range []part{wall, cpu} {
			rows = append(rows, row{what: name, ours: step, against: between, theirs: first, by: by, goal: growthGoal})
		}
	}
	return rows
}
