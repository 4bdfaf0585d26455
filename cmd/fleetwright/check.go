package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/render"
)

const checkLong = `Check compiles the Applications and Fleets under each PATH, prints what there is to
say about them and writes nothing. PATH is what it is for render.

Each diagnostic begins with its place, FILE:LINE:COLUMN, and has a code;
fleetwright explain CODE says what it means. A comment in the line, or above it,
keeps one from being said, and gives the reason:

  port: 80 # fleetwright: ignore FW308 the container listens on 80

Exit codes are 0 without errors, 1 where --strict makes errors of warnings, and 2
for errors.`

const checkExample = `  fleetwright check apps/ fleets/
  fleetwright check . --strict --format github
  fleetwright check . --format sarif > fleetwright.sarif`

func newCheckCmd(a *app) *cobra.Command {
	var flags diagnosticFlags
	cmd := &cobra.Command{
		Use:     "check PATH...",
		Short:   "Say what would not work, and write nothing",
		Long:    checkLong,
		Example: checkExample,

		ValidArgsFunction: documentFiles,

		RunE: func(_ *cobra.Command, paths []string) error { return a.check(paths, flags) },
	}
	flags.add(cmd)
	return cmd
}

func (a *app) check(paths []string, flags diagnosticFlags) error {
	files, err := a.read(paths)
	if err != nil {
		return err
	}
	p, err := a.newPrinter(flags, files, a.stdout)
	if err != nil {
		return err
	}
	shown := a.newProgress()
	shown.start("compiling")
	_, list := compile(files, render.Options{})
	shown.clear()
	failed := list.HasErrors()
	if list, err = p.print(list); err != nil {
		return err
	}
	fmt.Fprintln(a.stderr, summary(list))
	switch {
	case failed:
		return errReported
	case list.HasErrors():
		return errStrict
	}
	return nil
}
