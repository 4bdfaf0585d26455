package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/git"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/internal/sink/diff"
	"github.com/fleetwright/fleetwright/internal/sink/disk"
	"github.com/fleetwright/fleetwright/internal/sink/oci"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

type diffFlags struct {
	directoryFlags
	base, head string
	// program is another fleetwright, whose output is compared with.
	program  onceFlag
	format   string
	clusters clusterFlags
	sources  sourceFlag
}

func newDiffCmd(a *app) *cobra.Command {
	var flags diffFlags
	cmd := &cobra.Command{
		Use:               "diff PATH... [-o DIR] [--base REV [--head REV]] [--base-program FILE]",
		Short:             "Show what render would change, and flag dangerous changes",
		ValidArgsFunction: documentFiles,
		RunE:              func(_ *cobra.Command, paths []string) error { return a.diff(paths, flags) },
	}
	flags.directoryFlags.add(cmd, "rendered `DIR`, or oci:// URL of the registry, to compare with")
	addInsecure(cmd, &flags.insecure)
	cmd.Flags().StringVar(&flags.base, "base", "", "compare with the inputs at the Git revision `REV`, instead of a directory")
	cmd.Flags().StringVar(&flags.head, "head", "", "with --base, compare the inputs at the Git revision `REV`, instead of the working tree")
	cmd.Flags().Var(&flags.program, "base-program", "compare with the output of another fleetwright, the executable `FILE`, for the same inputs")
	addFormat(cmd, &flags.format, "`FORMAT` of the difference: ", diff.Formats.Names())
	flags.clusters.add(cmd, "compare only")
	flags.sources.add(cmd)
	completeFlag(cmd, "base", cobra.NoFileCompletions)
	completeFlag(cmd, "head", cobra.NoFileCompletions)
	return cmd
}

func (a *app) diff(paths []string, flags diffFlags) error {
	write, ok := diff.Formats.Get(flags.format)
	switch {
	case !ok:
		return unknown("format", flags.format, diff.Formats.Names())
	case len(paths) == 0:
	case flags.out == "" && flags.base == "" && !flags.program.given:
		return &usageError{"nothing to compare with", "name the rendered directory with -o DIR, a revision of the inputs with --base REV, or another fleetwright with --base-program FILE"}
	case flags.out == "-":
		return &usageError{"diff cannot compare with a stream", "-o DIR is the directory that render writes"}
	case flags.head != "" && flags.base == "":
		return &usageError{"--head needs --base", "--base REV is the revision to compare with"}
	case flags.base != "" && slices.Contains(paths, "-"):
		return &usageError{"--base cannot read the standard input, which Git has no revision of", "name the files and directories that hold the Applications and Fleets"}
	}
	if err := flags.checkProgram(paths); err != nil {
		return err
	}
	if err := flags.checkRegistry(); err != nil {
		return err
	}
	if _, err := flags.clusters.parse(); err != nil {
		return err
	}
	if _, err := flags.sources.parse(); err != nil {
		return err
	}
	report, list, err := a.compare(paths, flags)
	if errors.Is(err, errReported) && flags.format == "markdown" {
		// Readers of the pull request must know why the difference is missing.
		return cmp.Or(show(a.stdout, flags.format, func(w io.Writer) error { return diff.WriteErrors(w, list) }), err)
	}
	if err != nil {
		return err
	}
	options := diff.Options{Dir: flags.out, Version: a.version.String(), Color: isTerminal(a.stdout) && wantsColor(), Command: flags.command(paths)}
	if err := show(a.stdout, flags.format, func(w io.Writer) error { return write(w, report, options) }); err != nil {
		return err
	}
	a.print("%s\n", report.Summary())
	if !report.Empty() {
		return errDifferent
	}
	return nil
}

// compare returns the report, or the diagnostics of inputs that do not compile.
func (a *app) compare(paths []string, flags diffFlags) (*diff.Report, diag.List, error) {
	if flags.program.given && flags.out != "" && flags.path == "" {
		// The other program renders elsewhere and needs the place of the directory.
		flags.path = pathInRepository(flags.out)
	}
	opts := flags.options()
	// The range allows the other program until the upgrade, and may exclude this one.
	opts.AnyProgram = flags.program.given
	if flags.program.given && flags.out == "" {
		opts.DefaultPath = "" // as for the other program
	}
	var old *render.Tree
	if flags.base != "" {
		files, err := readRevision(flags.base, paths, true)
		if err != nil {
			return nil, nil, err
		}
		var list diag.List
		if old, list, err = a.compileOrPrint(files, opts, &origin{paths: paths, revision: flags.base, sourceFlag: flags.sources}, true); err != nil {
			return nil, list, err
		}
		old.Forget()
	}
	files, err := a.readHead(paths, flags)
	if err != nil {
		return nil, nil, err
	}
	tree, list, err := a.compileOrPrint(files, opts, &origin{paths: paths, revision: flags.head, sourceFlag: flags.sources}, false)
	if err != nil {
		return nil, list, err
	}
	if old != nil {
		before := old.Waves
		if tree, old, err = flags.clusters.ofBoth(tree, old); err != nil {
			return nil, nil, err
		}
		report, err := flags.clusters.compareTrees(tree, old, before)
		return report, list, err
	}
	if flags.program.given {
		report, err := a.comparePrograms(paths, flags, tree)
		return report, list, err
	}
	chosen, err := flags.clusters.of(tree)
	if err != nil {
		return nil, nil, err
	}
	options := chosen.options()
	options.Synced = flags.synced
	comparison, err := a.compareWith(flags.directoryFlags, chosen.now, options)
	if err != nil {
		return nil, nil, err
	}
	var notes []diff.Note
	if r := comparison.Rejected; r != nil {
		notes = append(notes, diff.Note{Text: r.Message, Danger: flags.writer() + " does nothing of all this without --allow-prune"})
	}
	if clusters := comparison.Interrupted; len(clusters) > 0 {
		notes = append(notes, diff.Note{Text: "an earlier render was interrupted", Clusters: clusters})
	}
	if clusters := comparison.Waiting; len(clusters) > 0 {
		text := "the former layout is migrated in two commits; when the clusters have synced the first, run " + flags.finishing(paths, flags.clusters)
		if len(comparison.Changes) > 0 {
			notes = append(notes, diff.Note{Text: text, Clusters: clusters})
		} else {
			a.print("%s: %s\n", diag.Some(clusters, 5), text)
		}
	}
	lost := map[string]string{}
	if !oci.IsURL(flags.out) {
		lost = chosen.lost(flags.out)
	}
	for _, name := range slices.Sorted(maps.Keys(lost)) {
		notes = append(notes, diff.Note{Text: "all files are missing", Clusters: []string{name},
			Danger: "render does not write them behind through: " + chosen.through + ", and Flux removes what the cluster has once this is committed; restore them: " + lost[name]})
	}
	report := diff.New(tree, comparison.Changes, comparison.Losses, notes...)
	if tree.Waves != nil {
		options := disk.Options{KeepOthers: true, Synced: flags.synced}
		later, err := a.compareWith(flags.directoryFlags, chosen.later, options)
		var unknown []string
		if err != nil { // one cluster must not hide the changes of the others
			for _, cluster := range chosen.later.Clusters {
				alone := chosen.later.With([]*render.Cluster{cluster})
				of, err := a.compareWith(flags.directoryFlags, alone, options)
				if err != nil {
					unknown = append(unknown, alone.Names()...)
					a.print("%s: cannot compare the waiting changes of %s: %s\n", flags.out, diag.Some(alone.Names(), 5), err)
				}
				later.Changes, later.Losses = append(later.Changes, of.Changes...), append(later.Losses, of.Losses...)
			}
		}
		order := chosen.order(later.Changes, later.Losses)
		order.Lost, order.Unknown = lost, unknown
		if !oci.IsURL(flags.out) {
			order.Since = waitingSince(flags.out, paths, order.Later)
		}
		report.AddWaves(order)
	}
	return report, list, nil
}

// readHead reads the inputs of a revision or, without one, of the working tree. If they are
// compared with a revision, both must be in its repository: the difference must not show the
// targets of links in a pull request.
func (a *app) readHead(paths []string, flags diffFlags) ([]schema.File, error) {
	switch {
	case flags.head != "":
		return readRevision(flags.head, paths, false)
	case flags.base == "":
		return a.read(paths)
	}
	repository, err := git.Find(paths[0])
	if err != nil {
		return nil, err
	}
	files, places, err := inputs.ReadPlaces(paths)
	if err != nil {
		return nil, err
	}
	for i, file := range places.Files {
		if !repository.Holds(file) {
			return nil, &usageError{files[i].Name + " is a link out of the repository", "name the target of the link, or keep a copy in the repository"}
		}
	}
	return files, nil
}

// readRevision reads the inputs of a Git revision. An early revision may have none of them.
func readRevision(rev string, paths []string, early bool) ([]schema.File, error) {
	if len(paths) == 0 {
		return nil, errNoPath
	}
	// A signal must not leave the checkout behind.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	repository, err := git.Find(paths[0])
	if err != nil {
		return nil, err
	}
	checkout, err := repository.Checkout(ctx, rev, paths, inputs.IsManifest, inputs.MaxBytes)
	if err != nil {
		return nil, err
	}
	defer checkout.Close()
	if len(checkout.Missing) > 0 && !early {
		return nil, &usageError{fmt.Sprintf("%s has no %s", rev, diag.Some(checkout.Missing, diag.MostNames)), "name files and directories that it has"}
	}
	files, err := inputs.Read(checkout.Paths, nil)
	if err != nil {
		return nil, inRevision(err, checkout.Directory(), rev)
	}
	for i := range files {
		files[i].Name = checkout.Name(files[i].Name)
	}
	return files, nil
}

// inRevision returns an error with the name of the revision instead of its checkout.
func inRevision(err error, directory, rev string) error {
	var all []error
	for _, err := range diag.Unjoined(err) {
		all = append(all, errors.New(strings.ReplaceAll(err.Error(), directory, rev+":")))
	}
	return errors.Join(all...)
}

// compileOrPrint compiles inputs, and prints the errors if there are any. Only check reports the
// other diagnostics, because they are about the inputs and not about a comparison. Early inputs
// may be empty; then the tree has no clusters.
func (a *app) compileOrPrint(files []schema.File, opts render.Options, from *origin, early bool) (*render.Tree, diag.List, error) {
	tree, list, err := a.compile(files, opts, from)
	if err != nil {
		return nil, nil, err
	}
	nothing := func(d diag.Diagnostic) bool { return d.Code == diag.NothingToCompile }
	switch {
	case early && slices.ContainsFunc(list, nothing) && list.Count(diag.Error) == 1:
		return &render.Tree{}, nil, nil
	case !list.HasErrors():
		return tree, list, nil
	}
	return nil, list, a.printErrors(files, list, "nothing to compare")
}

// command returns the command line that prints the whole difference.
func (f diffFlags) command(paths []string) string {
	flags := []flagValue{{"-o", f.out}, {"--base", f.base}, {"--head", f.head}, {"--base-program", f.program.text}, {"--path", f.path}}
	return f.commandLine("diff", paths, append(flags, f.clusters.values()...)...)
}
