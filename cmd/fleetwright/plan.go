package main

import (
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/sink/plan"
	"github.com/fleetwright/fleetwright/render"
)

func newPlanCmd(a *app) *cobra.Command {
	var format string
	var clusters clusterFlags
	var from origin
	cmd := &cobra.Command{
		Use:               "plan PATH...",
		Short:             "Say what each rollout will go through, and when",
		ValidArgsFunction: documentFiles,
		RunE: func(_ *cobra.Command, paths []string) error {
			from.paths = paths
			return a.plan(&from, format, clusters)
		},
	}
	addFormat(cmd, &format, "of the plans: ", plan.Formats.Names())
	clusters.add(cmd, "plan only")
	from.add(cmd)
	return cmd
}

func (a *app) plan(from *origin, format string, chosen clusterFlags) error {
	write, ok := plan.Formats.Get(format)
	if !ok {
		return unknown("format", format, plan.Formats.Names())
	}
	if _, err := chosen.parse(); err != nil {
		return err
	}
	if _, err := from.parse(); err != nil {
		return err
	}
	files, err := a.read(from.paths)
	if err != nil {
		return err
	}
	clusters, rollouts, list, err := from.plan(files)
	if err != nil {
		return err
	}
	if list.HasErrors() && len(rollouts) == 0 {
		return a.sayErrors(files, list, "there is nothing to plan")
	}
	if clusters, err = chosen.choose(clusters); err != nil {
		return err
	}
	color := isTerminal(a.stdout) && wantsColor()
	if err := show(a.stdout, format, func(w io.Writer) error { return write(w, rolloutsOn(clusters, rollouts), color) }); err != nil || !list.HasErrors() {
		return err
	}
	return a.sayErrors(files, list, "a rollout never promotes a version")
}

// rolloutsOn returns the rollouts on some clusters.
func rolloutsOn(clusters []*render.Cluster, rollouts []render.Rollout) (all []render.Rollout) {
	names := map[string]bool{}
	for _, c := range clusters {
		names[c.Name] = true
	}
	for _, r := range rollouts {
		r.Clusters = slices.DeleteFunc(slices.Clone(r.Clusters), func(name string) bool { return !names[name] })
		if len(r.Clusters) > 0 {
			all = append(all, r)
		}
	}
	return all
}
