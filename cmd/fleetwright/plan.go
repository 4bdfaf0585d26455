package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/git"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/internal/sink/plan"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/plain"
	"github.com/fleetwright/fleetwright/schema"
)

func newPlanCmd(a *app) *cobra.Command {
	var format string
	var clusters clusterFlags
	var canaries canaryFlags
	var traffic trafficFlags
	from := origin{canaries: &canaries}
	cmd := &cobra.Command{
		Use:               "plan PATH... [NAME...]",
		Short:             "Simulate the rollouts step by step",
		ValidArgsFunction: documentsOrRollouts,
		RunE: func(_ *cobra.Command, args []string) error {
			paths, names := pathsAndNames(args)
			if len(names) > 0 && len(paths) == 0 {
				paths = []string{"."}
			}
			from.paths = paths
			return a.plan(&from, names, format, clusters, &traffic)
		},
	}
	addFormat(cmd, &format, "`FORMAT` of the plans: ", plan.Formats.Names())
	clusters.add(cmd, "plan only")
	from.add(cmd)
	canaries.add(cmd)
	traffic.add(cmd)
	return cmd
}

// pathsAndNames splits arguments into paths and names of rollouts.
func pathsAndNames(args []string) (paths, names []string) {
	for _, arg := range args {
		if arg != "" && isPath(arg) {
			paths = append(paths, arg)
		} else {
			names = append(names, arg)
		}
	}
	return paths, names
}

// isPath reports whether an argument is a file or a directory, or reads as one that is missing.
func isPath(arg string) bool {
	if _, err := os.Lstat(arg); err == nil || errors.Is(err, fs.ErrPermission) {
		return true
	}
	slashed := filepath.ToSlash(arg)
	return isStream(arg) || inputs.IsManifest(arg) || strings.HasPrefix(arg, ".") || filepath.IsAbs(arg) || strings.HasSuffix(slashed, "/") || strings.Count(slashed, "/") > 1
}

func (a *app) plan(from *origin, names []string, format string, chosen clusterFlags, traffic *trafficFlags) error {
	write, ok := plan.Formats.Get(format)
	if !ok {
		return unknown("format", format, plan.Formats.Names())
	}
	if slices.Contains(names, "") {
		return &usageError{"a NAME is empty", "name a rollout or an Application, or none for all"}
	}
	if _, err := chosen.parse(); err != nil {
		return err
	}
	if _, err := from.parse(); err != nil {
		return err
	}
	if err := cmp.Or(from.canaries.check(), traffic.check()); err != nil {
		return err
	}
	files, err := a.read(from.paths)
	if err != nil {
		return err
	}
	clusters, rollouts, run, list, err := from.plan(files, render.Options{Program: a.program(), Expected: traffic.Expected})
	if err != nil {
		return err
	}
	if list.HasErrors() && len(rollouts) == 0 {
		so := "nothing to plan"
		if len(names) > 0 {
			so += fmt.Sprintf("; %s is not a file or directory, so plan searched for a rollout with that name", diag.Some(names, diag.MostNames))
		}
		return a.printErrors(files, list, so)
	}
	if clusters, err = chosen.choose(clusters); err != nil {
		return err
	}
	if rollouts, err = named(rollouts, names); err != nil {
		return err
	}
	waves, clusters, err := chosen.planned(run.Waves(), clusters, rollouts)
	if err != nil {
		return err
	}
	shown := rolloutsOn(clusters, rollouts)
	if len(names) > 0 && len(shown) == 0 {
		return &usageError{strings.Join(names, ", ") + " is on none of the chosen clusters", "it is on " + diag.Some(rollouts[0].Clusters, diag.MostNames)}
	}
	options := plan.Options{Version: a.version.String(), Color: isTerminal(a.stdout) && wantsColor(), Width: terminalWidth(a.stdout, a.stderr), Asked: len(names) > 0, Waves: waves}
	if format == "html" {
		if len(names) == 0 {
			options.Unrolled = unrolledOn(clusters, run.Unrolled())
		}
		options.Commit, options.Changed = commitOf(from.paths)
	}
	if err := show(a.stdout, format, func(w io.Writer) error { return write(w, shown, options) }); err != nil || !list.HasErrors() {
		return err
	}
	so := "a rollout never promotes a version"
	if !slices.ContainsFunc(rollouts, func(r render.Rollout) bool {
		return r.Application != "" || r.Plan.Good.Outcome != flagger.Promoted
	}) {
		so = "not every Canary runs as it is written"
	}
	return a.printErrors(files, list, so)
}

// named returns the rollouts that names mean, or all without names.
func named(rollouts []render.Rollout, names []string) ([]render.Rollout, error) {
	if len(names) == 0 {
		return rollouts, nil
	}
	meant := make([]bool, len(rollouts))
	var unknown []string
	var near string
	for _, name := range names {
		found := false
		// A rollout goes before the Application of the same name.
		for _, by := range []func(*render.Rollout) []string{rolloutNames, applicationNames} {
			for i := range rollouts {
				if !slices.Contains(by(&rollouts[i]), name) {
					continue
				}
				meant[i], found = true, true
			}
			if found {
				break
			}
		}
		if !found {
			unknown = append(unknown, fmt.Sprintf("%q is not a file or directory, and no rollout or Application with rollouts has that name", name))
			near = cmp.Or(near, nearestRollout(rollouts, name))
		}
	}
	if len(unknown) > 0 {
		return nil, usageErrors(unknown, near)
	}
	var all []render.Rollout
	for i, r := range rollouts {
		if meant[i] {
			all = append(all, r)
		}
	}
	return all, nil
}

func rolloutNames(r *render.Rollout) []string {
	return []string{r.Workload(), r.Name}
}

func applicationNames(r *render.Rollout) []string {
	return []string{r.Application, path.Base(r.Application)}
}

// nearestRollout returns a hint at the rollout that a name is nearest to.
func nearestRollout(rollouts []render.Rollout, name string) string {
	var words, titles []string
	for i := range rollouts {
		names := rolloutNames(&rollouts[i])
		titles = append(titles, names[0])
		words = append(append(words, names...), applicationNames(&rollouts[i])...)
	}
	slices.Sort(words)
	words = slices.Compact(words)
	slices.Sort(titles)
	if len(titles) == 0 {
		return "there are no rollouts"
	}
	return diag.DidYouMean(name, words, "there are "+diag.Some(slices.Compact(titles), diag.MostNames))
}

// documentsOrRollouts completes by files and, once there are any, by the names of their rollouts.
func documentsOrRollouts(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	paths, _ := pathsAndNames(args)
	if len(paths) == 0 {
		return documentFiles(cmd, args, begun)
	}
	files, _ := inputs.Read(slices.DeleteFunc(paths, isStream), nil) // the command reports the error when it runs
	_, rollouts, _ := render.Plan(schema.LoadRollouts(files, plain.IsBeside), render.Options{})
	var names []cobra.Completion
	for i := range rollouts {
		names = append(names, rolloutNames(&rollouts[i])[0])
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveDefault
}

// elsewhere returns a function that reports whether a name is not the name of one of some clusters.
func elsewhere(clusters []*render.Cluster) func(name string) bool {
	names := map[string]bool{}
	for _, c := range clusters {
		names[c.Name] = true
	}
	return func(name string) bool { return !names[name] }
}

// rolloutsOn returns the rollouts on some clusters.
func rolloutsOn(clusters []*render.Cluster, rollouts []render.Rollout) (all []render.Rollout) {
	isElsewhere := elsewhere(clusters)
	for _, r := range rollouts {
		anywhere := len(r.Clusters) == 0 // its clusters are unknown
		r.Clusters = slices.DeleteFunc(slices.Clone(r.Clusters), isElsewhere)
		if anywhere || len(r.Clusters) > 0 {
			all = append(all, r)
		}
	}
	return all
}

// unrolledOn returns the Applications without rollouts on some clusters.
func unrolledOn(clusters []*render.Cluster, unrolled []render.Unrolled) (all []render.Unrolled) {
	isElsewhere := elsewhere(clusters)
	for _, u := range unrolled {
		u.Clusters = slices.DeleteFunc(u.Clusters, isElsewhere)
		if len(u.Clusters) > 0 {
			all = append(all, u)
		}
	}
	return all
}

// commitOf returns the commit of the repository that has the inputs, and whether they differ from it. It returns ""
// if they are not in one repository, or if Git fails: a page without the commit is better than no page.
func commitOf(paths []string) (commit string, changed bool) {
	if len(paths) == 0 || slices.ContainsFunc(paths, isStream) {
		return "", false
	}
	repository, err := git.Find(paths[0])
	if err != nil {
		return "", false
	}
	var all []string
	for _, path := range paths {
		real, err := git.Real(path)
		if err != nil || real != repository.Root && !repository.Holds(real) {
			return "", false
		}
		all = append(all, real)
	}
	differing, err := repository.Uncommitted(all...)
	if err != nil {
		return "", false
	}
	unstaged, err := repository.Unstaged(all...)
	if err != nil {
		return "", false
	}
	changed = len(differing) > 0 || slices.ContainsFunc(unstaged, func(f git.File) bool { return inputs.IsManifest(f.Name) })
	return repository.Commit(context.Background()), changed
}
