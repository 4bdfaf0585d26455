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
		Short:             "Compile the inputs and write the manifests of every cluster",
		ValidArgsFunction: documentFiles,
		RunE:              func(_ *cobra.Command, paths []string) error { return a.render(paths, flags) },
	}
	flags.add(cmd, "write to `DIR`, or with - to the standard output (required)", "write only")
	cmd.Flags().BoolVar(&flags.allowPrune, "allow-prune", false, "allow the run to empty a cluster, to remove more than half of its files, or to remove an Application that is still among the inputs")
	flags.shard.add(cmd, "write")
	return cmd
}

func (a *app) render(paths []string, flags renderFlags) error {
	if flags.out == "" && len(paths) > 0 {
		return &usageError{"no output directory given", "write a directory with -o DIR, or a stream with -o -"}
	}
	if oci.IsURL(flags.out) {
		return &usageError{"render writes directories, not to a registry", "publish pushes to a registry: " + commandLine("publish", append(slices.Clone(paths), flags.out))}
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
		return &usageError{"--watch and --synced exclude each other: --synced is for one commit", "omit one of them"}
	}
	if err := flags.checkSynced(); err != nil {
		return err
	}
	if flags.watch && flags.out == "-" {
		return &usageError{"--watch cannot write a stream", "write a directory with -o DIR; only changed files are written"}
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
	options := flags.options()
	options.Program = a.program()
	tree, list, err := from.compile(files, options)
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
			a.print("%s; nothing was written\n", line)
		}
		return nil, errReported
	}
	if !first && line != "" {
		a.print("%s\n", line)
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
	log := changeLog{print: a.print, out: flags.out}
	opts := chosen.options()
	opts.AllowPrune, opts.Part, opts.Synced = flags.allowPrune, flags.shard.given, flags.synced
	opts.Progress = shown.counter("writing")
	opts.Waiting = func() {
		shown.clear()
		a.print("waiting for another fleetwright that writes %s\n", flags.out)
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
		a.print("%s: repaired the files of an interrupted render\n", diag.Some(sum.Repaired, diag.MostNames))
	}
	if first && len(sum.Stray) > 0 {
		a.print("%s: Flux applies files that fleetwright did not write: %s\n  hint: move them to a directory that Flux does not apply\n", flags.out, diag.Some(sum.Stray, 5))
	}
	if len(sum.Waiting) > 0 && (first || sum.Written > 0) {
		a.print("%s: the former layout of %s is migrated in two commits. The first was written: it annotates the objects that move to another Flux Kustomization, so that Flux keeps them. Changes to the inputs wait for the second\n  hint: commit it, wait until these clusters have synced it, then run %s\n",
			flags.out, diag.Some(sum.Waiting, 5), flags.finishing(paths, flags.clusters))
	}
	if !first {
		if sum.Written == 0 && sum.Removed == 0 {
			return nil
		}
		log.end()
	}
	a.print("%s: %s, %s, %d written, %d unchanged, %d removed\n",
		flags.out, diag.Plural(sum.Clusters, "cluster"), diag.Plural(sum.Files, "file"), sum.Written, sum.Files-sum.Written, sum.Removed)
	a.printWaiting(flags.out, chosen)
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
