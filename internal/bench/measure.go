package bench

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"time"
)

// A cost is what a process takes: time on the clock, time of all cores for the user and
// in the system, and the most memory, in bytes. A child has at least the memory of this
// process when it is forked, so this one stays small: large things are made in others.
type cost struct {
	wall, cpu time.Duration
	peak      int64
}

// per is the cost of one of so many; its memory stays.
func (c cost) per(n int) cost {
	return cost{c.wall / time.Duration(n), c.cpu / time.Duration(n), c.peak}
}

// A command is one that is measured. Its arguments may be others in each run.
type command struct {
	name string
	args func(run int) []string
}

// always is a command that is the same in each run.
func always(name string, args ...string) command {
	return command{name, func(int) []string { return args }}
}

// once measures a command.
func once(name string, args ...string) (cost, error) {
	cmd := exec.Command(name, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	started := time.Now()
	err := cmd.Run()
	wall := time.Since(started)
	if err != nil {
		return cost{}, fmt.Errorf("%s: %w\n%s", cmd, err, said.Bytes())
	}
	return cost{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peak(cmd.ProcessState)}, nil
}

// compare measures commands n times, one after the other and every other time in
// reverse, and returns their medians. With synced, each finds the disk idle.
func compare(n int, synced bool, commands ...command) ([]cost, error) {
	all := make([][]cost, len(commands))
	for run := range n {
		for i := range commands {
			if run%2 == 1 {
				i = len(commands) - 1 - i
			}
			if synced {
				if err := exec.Command("sync").Run(); err != nil {
					return nil, err
				}
			}
			c, err := once(commands[i].name, commands[i].args(run)...)
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], c)
		}
	}
	medians := make([]cost, len(commands))
	for i, costs := range all {
		medians[i] = medianCost(costs)
	}
	return medians, nil
}

// medianCost is the median of each part.
func medianCost(costs []cost) cost {
	var m cost
	m.wall = median(costs, func(c cost) time.Duration { return c.wall })
	m.cpu = median(costs, func(c cost) time.Duration { return c.cpu })
	m.peak = median(costs, func(c cost) int64 { return c.peak })
	return m
}

func median[T time.Duration | int64](costs []cost, part func(cost) T) T {
	var all []T
	for _, c := range costs {
		all = append(all, part(c))
	}
	slices.Sort(all)
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}
