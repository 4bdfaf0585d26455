package main

import (
	"bufio"
	"fmt"
	"path"
	"slices"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/sink/disk"
	"github.com/fleetwright/fleetwright/internal/sink/oci"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

type renderFlags struct {
	outputFlags
	allowPrune bool
	shard      shardFlag
}

func newRenderCmd(a *app) *cobra.Command {
	var flags renderFlags
	cmd := &cobra.Command{
		Use:               "render PATH... -o DIR",
		Short:             "Compile and write the directories of all clusters",
		ValidArgsFunction: documentFiles,
		RunE:              func(_ *cobra.Command, paths []string) error { return a.render(paths, flags) },
	}
	flags.add(cmd, "directory to write, or - for the standard output (required)", "write only")
	cmd.Flags().BoolVar(&flags.allowPrune, "allow-prune", false, "let the run empty a cluster, remove more than half of its files, or remove an Application that is still among the inputs")
	flags.shard.add(cmd, "write")
	return cmd
}

func (a *app) render(paths []string, flags renderFlags) error {
	if flags.out == "" && len(paths) > 0 {
		return &usageError{"no output is named", "-o DIR writes a directory, -o - prints a stream"}
	}
	if oci.IsURL(flags.out) {
		return &usageError{"render writes directories", "publish pushes to a registry: " + commandLine("publish", append(slices.Clone(paths), flags.out))}
	}
	if _, err := flags.clusters.parse(); err != nil {
		return err
	}
	if err := flags.shard.check(flags); err != nil {
		return err
	}
	if flags.watch && flags.staged {
		return errWatchStaged
	}
	if flags.watch && flags.synced {
		return &usageError{"--watch writes again and again, and --synced is said of one commit", "leave out one of them"}
	}
	if err := flags.checkSynced(); err != nil {
		return err
	}
	if flags.watch && flags.out == "-" {
		return &usageError{"--watch writes no stream", "-o DIR writes a directory, in which only what has changed is written"}
	}
	shown := a.newProgress()
	from := &origin{paths: paths, sourceFlag: flags.sources}
	return a.onInputs(from, flags.outputFlags, errReported, func(files []schema.File, w *watched) (*choice, error) {
		if w.again {
			shown = a.newProgress()
		}
		return a.renderFiles(files, from, flags, shown, w)
	})
}

// renderFiles compiles files, and writes the clusters that are chosen, which it returns.
func (a *app) renderFiles(files []schema.File, from *origin, flags renderFlags, shown *progress, w *watched) (*choice, error) {
	p, err := a.newPrinter(flags.diagnosticFlags, files, a.stderr)
	if err != nil {
		return nil, err
	}
	shown.start("compiling")
	tree, list, err := from.compile(files, flags.options())
	shown.clear()
	if err != nil {
		return nil, err
	}
	first := !w.again
	list, line, err := p.print(list, w)
	if err != nil {
		return nil, err
	}
	if list.HasErrors() {
		if line != "" {
			a.say("%s; nothing was written\n", line)
		}
		return nil, errReported
	}
	if !first && line != "" {
		a.say("%s\n", line)
	}
	chosen, err := flags.clusters.of(tree)
	if err != nil {
		return nil, err
	}
	if flags.out == "-" {
		whole, err := chosen.whole(flags.clusters)
		if err != nil {
			return nil, err
		}
		return chosen, a.stream(whole)
	}
	if err := chosen.checkNamed(flags.clusters.names); err != nil {
		return nil, err
	}
	return chosen, a.write(chosen, from.paths, flags, shown, first)
}

// write writes a choice and prints a summary, in a watch after the files that have changed.
func (a *app) write(chosen *choice, paths []string, flags renderFlags, shown *progress, first bool) error {
	log := changeLog{say: a.say, out: flags.out}
	opts := chosen.options()
	opts.AllowPrune, opts.Part, opts.Synced = flags.allowPrune, flags.shard.given, flags.synced
	opts.Progress = shown.counter("writing")
	opts.Waiting = func() {
		shown.clear()
		a.say("waiting for another fleetwright that writes %s\n", flags.out)
		shown.start("waiting")
	}
	if !first {
		opts.Changed = log.add
	}
	shown.start("comparing")
	sum, err := disk.Write(flags.out, flags.shard.of(chosen.now), opts)
	shown.clear()
	if err != nil {
		return err
	}
	if len(sum.Repaired) > 0 {
		a.say("%s: an earlier render was cut off, its files are repaired\n", diag.Some(sum.Repaired, diag.MostNames))
	}
	if first && len(sum.Stray) > 0 {
		a.say("%s: Flux applies files that fleetwright did not write: %s\n  hint: move them out of these directories\n", flags.out, diag.Some(sum.Stray, 5))
	}
	if len(sum.Waiting) > 0 && (first || sum.Written > 0) {
		a.say("%s: the former layout of %s is taken over in two commits. The first is written: it annotates the objects that move to another Flux Kustomization, so that Flux keeps them. Changes of the inputs wait for the second\n  hint: commit it, wait until these clusters have synced it, then run %s\n",
			flags.out, diag.Some(sum.Waiting, 5), flags.finishing(paths, flags.clusters))
	}
	if !first {
		if sum.Written == 0 && sum.Removed == 0 {
			return nil
		}
		log.end()
	}
	a.say("%s: %s, %s, %d written, %d unchanged, %d removed\n",
		flags.out, diag.Plural(sum.Clusters, "cluster"), diag.Plural(sum.Files, "file"), sum.Written, sum.Files-sum.Written, sum.Removed)
	a.sayWaiting(flags.out, chosen)
	return nil
}

// stream prints all manifests as one YAML stream, each below the name of its file.
func (a *app) stream(tree *render.Tree) error {
	w := bufio.NewWriter(a.stdout)
	for _, cluster := range tree.Clusters {
		for i := range cluster.Len() {
			if name := cluster.Path(i); layout.IsManifest(name) {
				fmt.Fprintf(w, "---\n# %s\n", path.Join(cluster.Name, layout.Dir, name))
				w.Write(cluster.Content(i))
			}
		}
	}
	return w.Flush()
}
