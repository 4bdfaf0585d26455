package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// A process is a command to measure.
type process struct {
	args []string
	// units is the number of items that share the cost, or 1 for the total.
	units int
}

func command(args ...string) *process { return &process{args, 1} }

// A pair compares two processes.
type pair struct {
	name         string
	ours, theirs *process
}

// A cost is the wall-clock time, the CPU time of all cores (user and system), and the peak memory.
type cost struct {
	wall, cpu time.Duration
	peak      int64
}

// newTrees is the directory for the output of each run.
const newTrees = "new"

// compare measures the processes of the pairs in turn, with the order reversed in every other run. If synced
// is set, each run first waits until all earlier writes are on the disk.
func (b *bench) compare(runs int, synced bool, pairs ...pair) error {
	var all []*process
	for _, p := range pairs {
		for _, c := range []*process{p.ours, p.theirs} {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	for range runs {
		if err := os.MkdirAll(b.path(newTrees), 0o755); err != nil {
			return err
		}
		costs := map[*process]cost{}
		for _, c := range all {
			if synced {
				syscall.Sync()
			}
			var err error
			if costs[c], err = b.measure(c.args...); err != nil {
				return err
			}
		}
		slices.Reverse(all)
		for _, p := range pairs {
			b.print(p.name, "other", costs[p.theirs], p.theirs.units)
			b.print(p.name, "fleetwright", costs[p.ours], p.ours.units)
		}
		if err := b.setAside(); err != nil {
			return err
		}
	}
	return nil
}

// print prints a cost as a line of a Go benchmark.
func (b *bench) print(name, by string, c cost, units int) {
	n := float64(units)
	fmt.Fprintf(b.out, "Benchmark%s/by=%s 1 %g sec/op %g cpu-sec/op %g peak-B/op\n", name, by, c.wall.Seconds()/n, c.cpu.Seconds()/n, float64(c.peak)/n)
}

// measure runs a process, and returns its cost.
func (b *bench) measure(args ...string) (cost, error) {
	cmd := exec.CommandContext(b.ctx, args[0], args[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	started := time.Now()
	err := cmd.Run()
	wall := time.Since(started)
	if err != nil {
		return cost{}, fmt.Errorf("%s: %w\n%s", cmd, err, stderr.Bytes())
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	peak := int64(usage.Maxrss)
	if runtime.GOOS == "linux" { // in kilobytes
		peak <<= 10
	}
	return cost{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peak}, nil
}

// do runs a process without measuring it.
func (b *bench) do(args ...string) error {
	_, err := b.measure(args...)
	return err
}

const (
	// spare is the free space that a disk keeps: twice the size of two of the largest trees.
	spare = 16 << 30
	// pause is how long to wait after deleting many files: when ext4 looks for a free inode, it skips those
	// freed within the last minute.
	pause = 70 * time.Second
)

// setAside moves the new trees away to make room for the next ones. It keeps the old trees until the disk is
// nearly full, because the next run would pay for their removal.
func (b *bench) setAside() error {
	b.kept++
	kept := b.path("kept")
	if err := errors.Join(os.MkdirAll(kept, 0o755), os.Rename(b.path(newTrees), filepath.Join(kept, strconv.Itoa(b.kept)))); err != nil {
		return err
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(b.dir, &disk); err != nil || int64(disk.Bavail)*int64(disk.Bsize) > spare {
		return err
	}
	if err := os.RemoveAll(kept); err != nil {
		return err
	}
	select {
	case <-b.ctx.Done():
	case <-time.After(pause):
	}
	return b.ctx.Err()
}
