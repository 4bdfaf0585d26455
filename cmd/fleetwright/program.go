package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fleetwright/fleetwright/internal/sink/diff"
	"github.com/fleetwright/fleetwright/internal/sink/disk"
	"github.com/fleetwright/fleetwright/internal/sink/oci"
	"github.com/fleetwright/fleetwright/render"
)

// checkProgram returns the mistake with --base-program or its combination with other flags.
func (f diffFlags) checkProgram(paths []string) error {
	switch {
	case !f.program.given:
		return nil
	case f.program.text == "":
		return &usageError{"--base-program names no file", "name the executable of another fleetwright, such as ./fleetwright-0.9"}
	case f.base != "":
		return &usageError{"--base-program and --base exclude each other: each names what to compare with", "omit one of them"}
	case oci.IsURL(f.out):
		return &usageError{"--base-program does not compare with a registry", "omit -o"}
	case f.synced:
		return &usageError{"--base-program compares no directory, so --synced has no effect", "omit --synced"}
	case slices.Contains(paths, "-"):
		return &usageError{"two programs cannot both read the standard input", "name the files or directories that hold the Applications and Fleets"}
	}
	return nil
}

// comparePrograms returns how a tree differs from the output of another program for the same inputs.
// The clusters of all waves are compared, unless --through is set.
func (a *app) comparePrograms(paths []string, flags diffFlags, tree *render.Tree) (*diff.Report, error) {
	if w := tree.Waves; w != nil && !flags.clusters.through.given {
		flags.clusters.through = onceFlag{w.Names[len(w.Names)-1], true}
	}
	chosen, err := flags.clusters.of(tree)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "fleetwright-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	// A signal must not leave the directory behind.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := a.renderWith(ctx, paths, flags, dir); err != nil {
		return nil, err
	}
	comparison, err := disk.Compare(dir, chosen.now, chosen.options())
	if err != nil {
		return nil, err
	}
	return diff.New(tree, comparison.Changes, comparison.Losses), nil
}

// renderWith has another program render the inputs into a directory. Only the command line names
// the program, and no shell reads it.
func (a *app) renderWith(ctx context.Context, paths []string, flags diffFlags, dir string) error {
	program, err := exec.LookPath(flags.program.text)
	if err == nil {
		program, err = filepath.Abs(program)
	}
	if err != nil {
		return &usageError{"--base-program: " + err.Error(), "name the executable of another fleetwright by its path, such as ./fleetwright-0.9"}
	}
	args := []string{"render", "--output", dir}
	for _, f := range append(flags.clusters.values(), flagValue{"--path", flags.path}) {
		if f.value != "" {
			args = append(args, f.name+"="+f.value)
		}
	}
	for _, source := range flags.sources.texts {
		args = append(args, "--source="+source)
	}
	var said strings.Builder
	cmd := exec.CommandContext(ctx, program, append(append(args, "--"), paths...)...)
	cmd.Stderr = &said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	err = cmd.Run()
	if err == nil {
		if written, err := os.ReadDir(dir); err != nil || len(written) > 0 {
			return err
		}
		return &usageError{flags.program.text + " wrote no files", "name the executable of another fleetwright by its path, such as ./fleetwright-0.9"}
	}
	for line := range strings.Lines(said.String()) {
		a.print("%s: %s\n", flags.program.text, strings.TrimSuffix(line, "\n"))
	}
	var failed *exec.ExitError
	if !errors.As(err, &failed) {
		return fmt.Errorf("cannot run %s: %w", flags.program.text, err)
	}
	return cmp.Or(ctx.Err(), error(&usageError{flags.program.text + " cannot render the inputs: " + err.Error(), "its errors are above; the inputs compile with this fleetwright"}))
}
