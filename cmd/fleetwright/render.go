package main

import (
	"bufio"
	"fmt"
	"path"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/disk"
	"github.com/fleetwright/fleetwright/render"
)

const renderLong = `Render compiles the Applications and Fleets under each PATH and writes, for every
cluster of the fleets, the directory DIR/CLUSTER/fleetwright.

PATH is a file, a directory, which is walked for .yaml, .yml and .json, or - for
the standard input. What is hidden and what fleetwright has written is passed
over, links are followed. Files may hold many documents; those of other kinds are
left out.

Everything is compiled before anything is written, and every changed file is
staged before the first is renamed into place: after an error the directory is as
it was. Unchanged files are not touched. Files of the last render that are gone
now are removed, by its inventory.json, and no others ever are.

With --staged, in a hook of Git, it fails where the commit would leave out some of the
documents that were read or the files that are written, or has them as they were.`

const renderExample = `  # into the Git repository that the clusters sync from
  fleetwright render apps/ fleets/ -o clusters

  # as one YAML stream
  fleetwright render examples/kuma-rollout -o -`

type renderFlags struct {
	out        string
	path       string
	allowPrune bool
	staged     bool
	diagnosticFlags
}

func newRenderCmd(a *app) *cobra.Command {
	var flags renderFlags
	cmd := &cobra.Command{
		Use:     "render PATH... -o DIR",
		Short:   "Compile and write the directories of all clusters",
		Long:    renderLong,
		Example: renderExample,
		RunE: func(_ *cobra.Command, paths []string) error {
			if err := a.render(paths, flags); err != nil || !flags.staged {
				return err
			}
			return a.checkStaged(paths, flags.out, errReported)
		},
	}
	cmd.Flags().StringVarP(&flags.out, "output", "o", "", "directory to write, or - for the standard output (required)")
	addPath(cmd, &flags.path)
	cmd.Flags().BoolVar(&flags.allowPrune, "allow-prune", false, "let the run empty a cluster, or remove more than half of its files")
	cmd.Flags().BoolVar(&flags.staged, "staged", false, stagedUsage)
	flags.add(cmd)
	return cmd
}

func (a *app) render(paths []string, flags renderFlags) error {
	if flags.out == "" && len(paths) > 0 {
		return &usageError{"no output is named", "-o DIR writes a directory, -o - prints a stream"}
	}
	files, err := a.read(paths)
	if err != nil {
		return err
	}
	p, err := a.newPrinter(flags.diagnosticFlags, files, a.stderr)
	if err != nil {
		return err
	}
	tree, list := compile(files, optionsFor(flags.out, flags.path))
	if list, err = p.print(list); err != nil {
		return err
	}
	if list.HasErrors() {
		fmt.Fprintf(a.stderr, "%s; nothing was written\n", summary(list))
		return errReported
	}
	if flags.out == "-" {
		return a.stream(tree)
	}
	sum, err := disk.Write(flags.out, tree, disk.Options{
		AllowPrune: flags.allowPrune,
		Waiting: func() {
			fmt.Fprintf(a.stderr, "waiting for another fleetwright that writes %s\n", flags.out)
		},
	})
	if err != nil {
		return err
	}
	for _, cluster := range sum.Repaired {
		fmt.Fprintf(a.stderr, "%s: an earlier render was cut off, its files are repaired\n", cluster)
	}
	fmt.Fprintf(a.stderr, "%s: %s, %s, %d written, %d unchanged, %d removed\n",
		flags.out, plural(sum.Clusters, "cluster"), plural(sum.Files, "file"), sum.Written, sum.Files-sum.Written, sum.Removed)
	return nil
}

// addPath adds the flag that says where the output is in its repository.
func addPath(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "path", "", "place of the directory in its Git repository (found from the repository around it)")
}

// optionsFor are those of compiling for a directory, if there is one.
func optionsFor(dir, path string) render.Options {
	opts := render.Options{Path: path}
	if dir != "" && dir != "-" && path == "" {
		opts.DefaultPath = pathInRepository(dir)
	}
	return opts
}

// stream prints all manifests as one YAML stream, each under the name of its
// file.
func (a *app) stream(tree *render.Tree) error {
	w := bufio.NewWriter(a.stdout)
	for _, cluster := range tree.Clusters {
		for f := range cluster.Files() {
			fmt.Fprintf(w, "---\n# %s\n", path.Join(cluster.Name, render.Dir, f.Path))
			w.Write(f.Content)
		}
	}
	return w.Flush()
}
