package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// A part is that of a cost that is compared.
type part string

const (
	wall   part = "wall"
	cpu    part = "CPU"
	memory part = "memory"
)

func (c cost) of(p part) float64 {
	switch p {
	case wall:
		return float64(c.wall)
	case cpu:
		return float64(c.cpu)
	}
	return float64(c.peak)
}

// A row is one comparison.
type row struct {
	what    string
	ours    cost
	against string
	theirs  cost
	// by is what of the two is compared; without it there is nothing to compare with.
	by part
	// goal is the most that ours is of theirs. Where inverse is set theirs is so many
	// times ours, at least.
	goal    float64
	inverse bool
}

// A table is what was measured, in sections.
type table struct {
	sections []section
}

type section struct {
	title string
	rows  []row
}

// section begins one.
func (t *table) section(title string) { t.sections = append(t.sections, section{title: title}) }

// add adds to the last section.
func (t *table) add(rows ...row) {
	s := &t.sections[len(t.sections)-1]
	s.rows = append(s.rows, rows...)
}

// ratio is that of a row, and whether it meets the goal.
func (r row) ratio() (ratio float64, met bool) {
	ours, theirs := r.ours.of(r.by), r.theirs.of(r.by)
	if r.inverse {
		ratio = theirs / ours
		return ratio, ratio >= r.goal
	}
	ratio = ours / theirs
	return ratio, ratio <= r.goal
}

// print prints the table, and how many goals are missed.
func (t *table) print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	goals, missed := 0, 0
	for _, s := range t.sections {
		fmt.Fprintf(w, "\n%s\n", s.title)
		fmt.Fprintln(w, "\twall\tCPU\tmemory\tagainst\twall\tCPU\tmemory\tof\tratio\tgoal")
		for _, r := range s.rows {
			cells := append([]string{"  " + r.what}, r.ours.cells()...)
			if r.by != "" {
				ratio, met := r.ratio()
				cells = append(append(append(cells, r.against), r.theirs.cells()...), string(r.by), fmt.Sprintf("%.3g", ratio))
				if r.goal > 0 {
					goals++
					cells = append(cells, r.mark(met))
					if !met {
						missed++
					}
				}
			}
			fmt.Fprintln(w, strings.Join(cells, "\t"))
		}
	}
	fmt.Fprintf(w, "\n%d of %d goals are met\n", goals-missed, goals)
	return w.Flush()
}

func (r row) mark(met bool) string {
	sign := "≤"
	if r.inverse {
		sign = "≥"
	}
	text := fmt.Sprintf("%s %g", sign, r.goal)
	if !met {
		text += "  MISSED"
	}
	return text
}

func (c cost) cells() []string {
	return []string{duration(c.wall), duration(c.cpu), size64(c.peak)}
}

// duration is a time in three digits.
func duration(d time.Duration) string {
	switch {
	case d == 0:
		return "–"
	case d < time.Millisecond:
		return fmt.Sprintf("%.3g µs", float64(d)/float64(time.Microsecond))
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.3g s", d.Seconds())
}

// size64 is a number of bytes in three digits.
func size64(bytes int64) string {
	if bytes == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3g MB", float64(bytes)/1e6)
}
