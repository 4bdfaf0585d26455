package main

import (
	"fmt"
	"path"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/sink/disk"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/tree"
	"github.com/fleetwright/fleetwright/schema"
)

func newCheckCmd(a *app) *cobra.Command {
	var flags outputFlags
	cmd := &cobra.Command{
		Use:               "check PATH... [-o DIR]",
		Short:             "Say what would not work, and whether the output is current",
		ValidArgsFunction: documentFiles,
		RunE:              func(_ *cobra.Command, paths []string) error { return a.check(paths, flags) },
	}
	flags.add(cmd, "directory that render writes, to say whether it is current", "with -o, check only")
	return cmd
}

func (a *app) check(paths []string, flags outputFlags) error {
	switch {
	case flags.out == "-":
		return &usageError{"the standard output is never stale", "-o DIR is the directory that render writes"}
	case flags.clusters.given() && flags.out == "":
		return &usageError{"clusters are chosen for -o", "without it check looks at the documents alone, and at all of them"}
	case flags.watch && flags.staged:
		return errWatchStaged
	}
	if _, err := flags.clusters.parse(); err != nil {
		return err
	}
	from := &origin{paths: paths, sourceFlag: flags.sources}
	return a.onInputs(from, flags, errDifferent, func(files []schema.File, w *watched) (*render.Tree, error) {
		return a.checkFiles(files, from, flags, w)
	})
}

// checkFiles compiles files, and checks the clusters that are chosen, which it returns.
func (a *app) checkFiles(files []schema.File, from *origin, flags outputFlags, w *watched) (*render.Tree, error) {
	p, err := a.newPrinter(flags.diagnosticFlags, files, a.stdout)
	if err != nil {
		return nil, err
	}
	opts := flags.options()
	opts.CheckOutput = true
	tree, list, err := a.compile(files, opts, from)
	if err != nil {
		return nil, err
	}
	failed := list.HasErrors()
	var stale diag.List
	if flags.out != "" && !failed {
		var comparison disk.Comparison
		if tree, err = flags.clusters.of(tree); err == nil {
			comparison, err = a.compareWith(flags.out, tree, disk.Options{KeepOthers: flags.clusters.given(), NamesOnly: true, Synced: flags.synced})
		}
		if err != nil {
			return nil, err
		}
		stale = append(lost(comparison.Losses), flags.stale(comparison, from.paths)...)
	}
	list, line, err := p.print(append(list, stale...), w)
	if err != nil {
		return nil, err
	}
	if line != "" {
		a.say("%s\n", line)
	}
	switch {
	case failed:
		return nil, errReported
	case list.HasErrors():
		return nil, errDifferent
	}
	return tree, nil
}

// lost reports what render would take from clusters, and refuses to, on the lines that decide it.
func lost(losses []tree.Loss) (list diag.List) {
	for _, l := range losses {
		list = append(list, diag.New(diag.Disappears, l.Position, l.Path, l.String(), "correct this line; if this is meant, render with --allow-prune"))
	}
	return list.Sorted()
}

// stale reports, once for each cluster, which files of the directory render would change.
func (f outputFlags) stale(comparison disk.Comparison, paths []string) (list diag.List) {
	hint := f.rendering(paths, f.clusters)
	if comparison.Refused != nil {
		hint += " --allow-prune"
	}
	if f.synced {
		hint += " --synced"
	}
	say := func(cluster, file, message string) {
		at := diag.Position{File: path.Join(filepath.ToSlash(f.out), cluster, layout.Dir, file)}
		list = append(list, diag.New(diag.Stale, at, "", message, hint))
	}
	for changes := range tree.ByCluster(comparison.Changes) {
		var files []string
		for _, c := range changes {
			files = append(files, inWords(c))
		}
		say(changes[0].Cluster, changes[0].Path, fmt.Sprintf("%s not what render writes: %s", are(len(files), "file"), diag.Some(files, 3)))
	}
	for _, cluster := range comparison.Interrupted {
		say(cluster, "", "an earlier render was cut off")
	}
	for _, file := range comparison.Stray {
		at := diag.Position{File: path.Join(filepath.ToSlash(f.out), file)}
		list = append(list, diag.New(diag.StrayManifest, at, "", "Flux applies this file with the rendered ones, and fleetwright did not write it", "move it out of the directory"))
	}
	for _, cluster := range comparison.Waiting {
		at := diag.Position{File: path.Join(filepath.ToSlash(f.out), cluster, layout.Dir, layout.FormerInventoryFile)}
		list = append(list, diag.New(diag.FormerLayout, at, "", "the directory is in the former layout, which is taken over in two commits; changes of the inputs wait for the second",
			"wait until the cluster has synced the first, then run "+f.finishing(paths, f.clusters)))
	}
	return list.Sorted()
}

// inWords returns the path of a changed file, and whether it is missing or left over.
func inWords(c render.Change) string {
	switch {
	case c.Old == nil:
		return c.Path + " is missing"
	case c.New == nil:
		return c.Path + " is left over"
	}
	return c.Path
}

func are(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return diag.Plural(n, noun) + " are"
}
