package main

import (
	"cmp"
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
		Short:             "Say what each rollout will go through, and when",
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
	addFormat(cmd, &format, "of the plans: ", plan.Formats.Names())
	clusters.add(cmd, "plan only")
	from.add(cmd)
	canaries.add(cmd)
	traffic.add(cmd)
	return cmd
}

// pathsAndNames tells the paths among arguments from the names of rollouts.
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
	clusters, rollouts, order, list, err := from.plan(files, render.Options{Expected: traffic.Expected})
	if err != nil {
		return err
	}
	if list.HasErrors() && len(rollouts) == 0 {
		so := "there is nothing to plan"
		if len(names) > 0 {
			so += fmt.Sprintf("; %s is no file or directory, so a rollout of that name was looked for", diag.Some(names, diag.MostNames))
		}
		return a.sayErrors(files, list, so)
	}
	if clusters, err = chosen.choose(clusters); err != nil {
		return err
	}
	if rollouts, err = named(rollouts, names); err != nil {
		return err
	}
	waves, clusters, err := chosen.planned(order, clusters, rollouts)
	if err != nil {
		return err
	}
	shown := rolloutsOn(clusters, rollouts)
	if len(names) > 0 && len(shown) == 0 {
		return &usageError{strings.Join(names, ", ") + " is on none of the chosen clusters", "it is on " + diag.Some(rollouts[0].Clusters, diag.MostNames)}
	}
	options := plan.Options{Color: isTerminal(a.stdout) && wantsColor(), Width: terminalWidth(a.stdout, a.stderr), Asked: len(names) > 0, Waves: waves}
	if err := show(a.stdout, format, func(w io.Writer) error { return write(w, shown, options) }); err != nil || !list.HasErrors() {
		return err
	}
	so := "a rollout never promotes a version"
	if !slices.ContainsFunc(rollouts, func(r render.Rollout) bool {
		return r.Application != "" || r.Plan.Good.Outcome != flagger.Promoted
	}) {
		so = "not every Canary runs as it is written"
	}
	return a.sayErrors(files, list, so)
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
			unknown = append(unknown, fmt.Sprintf("%q is no file or directory, and no rollout or Application has that name", name))
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
	return []string{r.Namespace + "/" + r.Name, r.Name}
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
	files, _ := inputs.Read(slices.DeleteFunc(paths, isStream), nil) // else it is said when the command runs
	_, rollouts, _ := render.Plan(schema.LoadRollouts(files, plain.IsBeside), render.Options{})
	var names []cobra.Completion
	for i := range rollouts {
		names = append(names, rolloutNames(&rollouts[i])[0])
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveDefault
}

// rolloutsOn returns the rollouts on some clusters.
func rolloutsOn(clusters []*render.Cluster, rollouts []render.Rollout) (all []render.Rollout) {
	names := map[string]bool{}
	for _, c := range clusters {
		names[c.Name] = true
	}
	for _, r := range rollouts {
		anywhere := len(r.Clusters) == 0 // nobody knows where it runs
		r.Clusters = slices.DeleteFunc(slices.Clone(r.Clusters), func(name string) bool { return !names[name] })
		if anywhere || len(r.Clusters) > 0 {
			all = append(all, r)
		}
	}
	return all
}
