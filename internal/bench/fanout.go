package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/fleetgen"
)

// Goals of a fan-out: of copying, of comparing, and of a full render. Those of the first
// and the last two hold at the largest size.
const (
	copyGoal    = 1.0
	compareGoal = 0.6
	changeGoal  = 0.3
	watchGoal   = 0.01
)

// fanOut compares renders of all sizes with copying and comparing what they write.
func (b *bench) fanOut() error {
	b.table.section("Fan-out: applications x clusters of each of three fleets")
	for _, s := range b.sizes {
		if err := b.fanOutOf(s, s == b.largest()); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// largest is the size with the most to write.
func (b *bench) largest() size {
	return slices.MaxFunc(b.sizes, func(a, b size) int { return a.applications*a.clusters - b.applications*b.clusters })
}

// treeSize is about what the tree of a size takes on a disk, in bytes.
func (s size) treeSize() int64 {
	return int64(s.applications*s.clusters)*60_000 + int64(s.clusters)*500_000
}

func (b *bench) fanOutOf(s size, largest bool) error {
	goal := func(g float64) float64 {
		if largest {
			return g
		}
		return 0
	}
	inputs, err := b.inputs(s.String(), s.fleets())
	if err != nil {
		return err
	}
	full, copied, last, copyOf, err := b.fullAndCopy(s, inputs)
	if err != nil {
		return err
	}
	b.results[s] = full
	n, err := files(last)
	if err != nil {
		return err
	}
	what := func(text string) string { return fmt.Sprintf("%s %s", s, text) }
	b.table.add(row{what: what(fmt.Sprintf("render of %d files", n)), ours: full, against: "cp -r", theirs: copied, by: wall, goal: goal(copyGoal)})

	b.say("%s unchanged", s)
	costs, err := compare(b.runs, true,
		always(b.fleetwright, "render", inputs, "-o", last),
		always("diff", "-rq", last, copyOf),
		always(b.fleetwright, "check", inputs, "-o", last))
	if err != nil {
		return err
	}
	b.table.add(
		row{what: what("render, unchanged"), ours: costs[0], against: "diff -rq", theirs: costs[1], by: wall, goal: goal(compareGoal)},
		row{what: what("check -o"), ours: costs[2], against: "diff -rq", theirs: costs[1], by: wall, goal: goal(compareGoal)})

	b.say("%s, one application changed", s)
	changed, err := b.changed(inputs, last)
	if err != nil {
		return err
	}
	watched, err := b.watched(inputs, last)
	if err != nil {
		return err
	}
	b.table.add(
		row{what: what("render, one changed"), ours: changed, against: "the full render", theirs: full, by: wall, goal: goal(changeGoal)},
		row{what: what("--watch, one changed"), ours: watched, against: "the full render", theirs: full, by: wall, goal: goal(watchGoal)})
	b.discard(inputs, last, copyOf)
	return nil
}

// fullAndCopy renders into new directories and copies what is there into others, and
// returns the last of both. Every other time the copy, of the render before, comes first.
func (b *bench) fullAndCopy(s size, inputs string) (full, copied cost, last, copyOf string, err error) {
	out := func(run int) string { return b.path(fmt.Sprintf("%s-out-%d", s, run)) }
	duplicate := func(run int) string { return b.path(fmt.Sprintf("%s-copy-%d", s, run)) }
	var fulls, copies []cost
	for run := range b.runs {
		b.say("%s in full, %d of %d", s, run+1, b.runs)
		if err := b.room(2 * s.treeSize()); err != nil {
			return full, copied, "", "", err
		}
		source := out(run)
		both := []command{
			always(b.fleetwright, "render", inputs, "-o", out(run)),
			always("cp", "-r", source, duplicate(run)),
		}
		if run%2 == 1 {
			both[1] = always("cp", "-r", out(run-1), duplicate(run))
			slices.Reverse(both)
		}
		costs, err := compare(1, true, both...)
		if err != nil {
			return full, copied, "", "", err
		}
		if run%2 == 1 {
			slices.Reverse(costs)
		}
		fulls, copies = append(fulls, costs[0]), append(copies, costs[1])
		if run > 0 {
			b.discard(out(run-1), duplicate(run-1))
		}
	}
	return medianCost(fulls), medianCost(copies), out(b.runs - 1), duplicate(b.runs - 1), nil
}

// inputs has another process write what is rendered.
func (b *bench) inputs(name string, of fleetgen.Size) (string, error) {
	dir := b.path(name + "-inputs")
	return dir, b.generate(dir, of)
}

// changed renders after a change of the first application.
func (b *bench) changed(inputs, out string) (cost, error) {
	var costs []cost
	for run := range b.runs {
		if err := save(inputs, run+1); err != nil {
			return cost{}, err
		}
		c, err := compare(1, true, always(b.fleetwright, "render", inputs, "-o", out))
		if err != nil {
			return cost{}, err
		}
		costs = append(costs, c...)
	}
	return medianCost(costs), nil
}

// save replaces the file of the first application as an editor does.
func save(inputs string, revision int) error {
	file, err := fleetgen.First(revision)
	if err != nil {
		return err
	}
	name := filepath.Join(inputs, filepath.FromSlash(file.Name))
	if err := os.WriteFile(name+".new", file.Data, 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// patience is how long a watch may say nothing.
const patience = 5 * time.Minute

// watched is what a change takes while a render watches, from the moment that the file
// is replaced until the command has said what it wrote.
func (b *bench) watched(inputs, out string) (c cost, err error) {
	cmd := exec.Command(b.fleetwright, "render", inputs, "-o", out, "--watch")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return c, err
	}
	if err := cmd.Start(); err != nil {
		return c, err
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(stderr); s.Scan(); {
			lines <- s.Text()
		}
		io.Copy(io.Discard, stderr)
	}()
	defer func() {
		err = errors.Join(err, cmd.Process.Signal(os.Interrupt))
		for range lines {
		}
		err = errors.Join(err, cmd.Wait())
		c.peak = peak(cmd.ProcessState)
	}()
	if err := await(lines, "watching "); err != nil {
		return c, err
	}
	var costs []cost
	for run := range b.runs {
		if err := exec.Command("sync").Run(); err != nil {
			return c, err
		}
		before := cpuSoFar(cmd.Process.Pid)
		started := time.Now()
		if err := save(inputs, 1000+run); err != nil {
			return c, err
		}
		if err := await(lines, out+": "); err != nil {
			return c, err
		}
		took := time.Since(started)
		costs = append(costs, cost{wall: took, cpu: cpuSoFar(cmd.Process.Pid) - before})
	}
	return medianCost(costs), nil
}

// await waits for a line that begins like this.
func await(lines <-chan string, prefix string) error {
	late := time.After(patience)
	for {
		select {
		case line, more := <-lines:
			if !more {
				return errors.New("the watch has ended before it said " + strconv.Quote(prefix))
			}
			if strings.HasPrefix(line, prefix) {
				return nil
			}
		case <-late:
			return errors.New("the watch does not say " + strconv.Quote(prefix))
		}
	}
}
