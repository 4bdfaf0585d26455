package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

const checkLong = `Check compiles the Applications and Fleets under each PATH, prints what there is to
say about them and writes nothing. PATH is what it is for render.

Each diagnostic begins with its place, FILE:LINE:COLUMN, and has a code;
fleetwright explain CODE says what it means. A comment in the line, or above it,
keeps one from being said, and gives the reason:

  port: 80 # fleetwright: ignore FW308 the container listens on 80

--format json is one document, github the annotations of a pull request, and sarif a
log for code scanning.

` + watchLong + `

Exit codes are 0 without errors, 1 where --strict makes errors of warnings, and 2
for errors.`

const checkExample = `  fleetwright check examples/kuma-rollout
  fleetwright check examples/own-mesh --watch
  fleetwright check examples/own-mesh --strict --format github
  fleetwright check examples/kuma-rollout --format sarif > fleetwright.sarif`

type checkFlags struct {
	watch bool
	diagnosticFlags
}

func newCheckCmd(a *app) *cobra.Command {
	var flags checkFlags
	cmd := &cobra.Command{
		Use:     "check PATH...",
		Short:   "Say what would not work, and write nothing",
		Long:    checkLong,
		Example: checkExample,

		ValidArgsFunction: documentFiles,

		RunE: func(_ *cobra.Command, paths []string) error { return a.check(paths, flags) },
	}
	flags.add(cmd)
	addWatch(cmd, &flags.watch)
	return cmd
}

func (a *app) check(paths []string, flags checkFlags) error {
	if flags.watch {
		return a.watch(paths, flags.diagnosticFlags, func(files []schema.File, w *watched) error {
			return a.checkFiles(files, flags, w)
		})
	}
	files, err := a.read(paths)
	if err != nil {
		return err
	}
	return a.checkFiles(files, flags, nil)
}

func (a *app) checkFiles(files []schema.File, flags checkFlags, w *watched) error {
	p, err := a.newPrinter(flags.diagnosticFlags, files, a.stdout)
	if err != nil {
		return err
	}
	shown := a.newProgress()
	shown.start("compiling")
	_, list := compile(files, render.Options{})
	shown.clear()
	failed := list.HasErrors()
	list, line, err := p.print(list, w)
	if err != nil {
		return err
	}
	if line != "" {
		fmt.Fprintln(a.stderr, line)
	}
	switch {
	case failed:
		return errReported
	case list.HasErrors():
		return errStrict
	}
	return nil
}
