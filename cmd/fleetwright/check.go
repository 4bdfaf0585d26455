package main

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/sink/disk"
	"github.com/fleetwright/fleetwright/internal/sink/oci"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/tree"
	"github.com/fleetwright/fleetwright/schema"
)

func newCheckCmd(a *app) *cobra.Command {
	var flags outputFlags
	var canaries canaryFlags
	cmd := &cobra.Command{
		Use:               "check PATH... [-o DIR]",
		Short:             "Validate the inputs, and check whether the output is current",
		ValidArgsFunction: documentFiles,
		RunE:              func(_ *cobra.Command, paths []string) error { return a.check(paths, flags, &canaries) },
	}
	flags.add(cmd, "rendered `DIR`, or oci:// URL of the registry, to compare with", "with -o, check only")
	addInsecure(cmd, &flags.insecure)
	canaries.add(cmd)
	return cmd
}

func (a *app) check(paths []string, flags outputFlags, canaries *canaryFlags) error {
	switch {
	case flags.out == "-":
		return &usageError{"check -o compares with a directory, not with -o -", "-o DIR is the directory that render writes"}
	case (flags.clusters.given() || flags.clusters.through.given) && flags.out == "":
		return &usageError{"--cluster, --cluster-selector and --through need -o", "without -o, check validates all documents"}
	case flags.watch && flags.staged:
		return errWatchStaged
	case flags.watch && oci.IsURL(flags.out):
		return &usageError{"--watch needs a directory; it would ask the registry again and again", "omit one of them"}
	case flags.staged && oci.IsURL(flags.out):
		return &usageError{"--staged needs a directory in Git, not a registry", "omit one of them"}
	}
	if err := flags.checkRegistry(); err != nil {
		return err
	}
	if _, err := flags.clusters.parse(); err != nil {
		return err
	}
	if err := canaries.check(); err != nil {
		return err
	}
	from := &origin{paths: paths, sourceFlag: flags.sources, canaries: canaries}
	return a.onInputs(from, flags, errDifferent, func(files []schema.File, w *watched) (*choice, error) {
		return a.checkFiles(files, from, flags, w)
	})
}

// checkFiles compiles files, and checks the clusters that are chosen, which it returns.
func (a *app) checkFiles(files []schema.File, from *origin, flags outputFlags, w *watched) (*choice, error) {
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
	var chosen *choice
	if flags.out != "" && !failed {
		if chosen, err = flags.clusters.of(tree); err != nil {
			return nil, err
		}
		opts := chosen.options()
		opts.NamesOnly, opts.Synced = true, flags.synced
		comparison, err := a.compareWith(flags.directoryFlags, chosen.now, opts)
		if err != nil {
			return nil, err
		}
		var edited diag.List
		if !oci.IsURL(flags.out) {
			if edited, err = editedIn(flags.out, chosen); err != nil {
				return nil, err
			}
		}
		stale = slices.Concat(flags.lost(comparison.Losses), flags.stale(comparison, from.paths), edited).With(from.severities)
	}
	list, line, err := p.print(append(list, stale...), w)
	if err != nil {
		return nil, err
	}
	if line != "" {
		a.print("%s\n", line)
	}
	switch {
	case failed:
		return nil, errReported
	case list.HasErrors():
		return nil, errDifferent
	}
	return chosen, nil
}

// lost reports the Applications that render would remove from clusters, at the lines that remove them.
func (f directoryFlags) lost(losses []tree.Loss) (list diag.List) {
	for _, l := range losses {
		list = append(list, diag.New(diag.Disappears, l.Position, l.Path, l.String(), "correct this line; if this is meant, "+f.writer()+" with --allow-prune"))
	}
	return list.Sorted()
}

// stale reports, once for each cluster, which files of the directory render would change.
func (f outputFlags) stale(comparison disk.Comparison, paths []string) (list diag.List) {
	hint := f.rendering(paths, f.clusters)
	if comparison.Rejected != nil {
		hint += " --allow-prune"
	}
	if f.synced {
		hint += " --synced"
	}
	report := func(cluster, file, message string) {
		at := diag.Position{File: f.fileOf(cluster, file)}
		list = append(list, diag.New(diag.Stale, at, "", message, hint))
	}
	for changes := range tree.ByCluster(comparison.Changes) {
		cluster := changes[0].Cluster
		if oci.IsURL(f.out) && slices.Contains(comparison.New, cluster) {
			report(cluster, "", "no artifact is published for the cluster")
			continue
		}
		var files []string
		for _, c := range changes {
			files = append(files, inWords(c))
		}
		report(cluster, changes[0].Path, fmt.Sprintf("%s stale: %s", are(len(files), "file"), diag.Some(files, 3)))
	}
	for _, cluster := range comparison.Interrupted {
		report(cluster, "", "an earlier render was interrupted")
	}
	list = append(list, strays(f.out, comparison.Stray)...)
	for _, cluster := range comparison.Waiting {
		at := diag.Position{File: f.fileOf(cluster, layout.FormerInventoryFile)}
		list = append(list, diag.New(diag.FormerLayout, at, "", "the directory is in the former layout; render migrates it in two commits, and writes changes to the inputs only in the second",
			"wait until the cluster has synced the first commit, then run "+f.finishing(paths, f.clusters)))
	}
	return list.Sorted()
}

// strays reports manifests that Flux applies with the rendered ones of a directory.
func strays(out string, files []string) (list diag.List) {
	for _, file := range files {
		at := diag.Position{File: path.Join(filepath.ToSlash(out), file)}
		list = append(list, diag.New(diag.StrayManifest, at, "", "Flux applies this file with the rendered ones, and fleetwright did not write it", "move it out of the directory"))
	}
	return list
}

// inWords returns the path of a changed file, and whether it is missing or no longer rendered.
func inWords(c render.Change) string {
	switch {
	case c.Old == nil:
		return c.Path + " is missing"
	case c.New == nil:
		return c.Path + " is no longer rendered"
	}
	return c.Path
}

func are(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return diag.Plural(n, noun) + " are"
}
