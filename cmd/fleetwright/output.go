package main

import (
	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// outputFlags are those of the commands that compile for a directory.
type outputFlags struct {
	out      string
	path     string
	staged   bool
	clusters clusterFlags
	watch    bool
	diagnosticFlags
}

// add adds the flags, with the usage of --output and the beginning of that of --cluster.
func (f *outputFlags) add(cmd *cobra.Command, output, clusters string) {
	cmd.Flags().StringVarP(&f.out, "output", "o", "", output)
	completeFlag(cmd, "output", directories)
	addPath(cmd, &f.path)
	cmd.Flags().BoolVar(&f.staged, "staged", false, "fail, too, where Git has not staged all that is read and written")
	f.clusters.add(cmd, clusters)
	f.diagnosticFlags.add(cmd)
	cmd.Flags().BoolVar(&f.watch, "watch", false, "go on, and compile again when an input is saved")
}

// onInputs runs a function on the files under some paths, again and again with --watch.
// With --staged it returns the error refused where Git has not staged all of them and of
// the output.
func (a *app) onInputs(paths []string, flags outputFlags, refused error, compile func([]schema.File, *watched) (*render.Tree, error)) error {
	if flags.watch {
		return a.watch(paths, flags.diagnosticFlags, func(files []schema.File, w *watched) error {
			_, err := compile(files, w)
			return err
		})
	}
	files, err := a.read(paths)
	if err != nil {
		return err
	}
	tree, err := compile(files, nil)
	if err != nil || !flags.staged {
		return err
	}
	return a.checkStaged(paths, flags.out, flags.clusters.isOf(tree), refused)
}
