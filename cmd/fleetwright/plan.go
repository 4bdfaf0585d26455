package main

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/sink/plan"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

const planLong = `Plan simulates the rollouts of the Applications under each PATH, and says what
Flagger will do: of a good version, of one that fails its checks from the first on, and
of one that fails at the last, step by step with the time since the new version was
seen. PATH is what it is for render.

For each there is how long it takes until the version is promoted or rolled back, how
much of the traffic it has at most, and its exposure: its share of the traffic times
the minutes that it has it, so that a traffic-minute is all traffic of one minute. Then
comes what gates add, and how often each webhook is called and each metric asked for.

The simulation is what Flagger's controller does in the version that the fleet
installs. Pods are taken to be ready by the next check.

--format text is for a terminal, markdown for a pull request, json for programs, svg a
drawing of the traffic over time, and html one page for the whole fleet, which needs no
network. Where there are errors the diagnostics go to the standard error; fleetwright
check says all the others. --cluster and --cluster-selector choose clusters, as for
render, and on a hub those that it applies to.

Exit codes are 0 and, for errors, 2.`

const planExample = `  fleetwright plan examples/kuma-rollout

  # a page to look at
  fleetwright plan examples/kuma-rollout --format html > plans.html

  # how long each rollout takes on one cluster, in seconds
  fleetwright plan examples/kuma-rollout --cluster kurator-member1 --format json`

type planFlags struct {
	format   string
	clusters clusterFlags
}

func newPlanCmd(a *app) *cobra.Command {
	var flags planFlags
	cmd := &cobra.Command{
		Use:     "plan PATH...",
		Short:   "Say what each rollout will go through, and when",
		Long:    planLong,
		Example: planExample,

		ValidArgsFunction: documentFiles,

		RunE: func(_ *cobra.Command, paths []string) error { return a.plan(paths, flags) },
	}
	cmd.Flags().StringVar(&flags.format, "format", plan.Formats()[0], "of the plans: "+strings.Join(plan.Formats(), ", "))
	flags.clusters.add(cmd, "plan only")
	completeFlag(cmd, "format", oneOf(plan.Formats()...))
	return cmd
}

func (a *app) plan(paths []string, flags planFlags) error {
	format, ok := plan.NewFormat(flags.format, plan.FormatOptions{Color: isTerminal(a.stdout) && wantsColor()})
	if !ok {
		return unknown("format", flags.format, plan.Formats())
	}
	if _, err := flags.clusters.parse(); err != nil {
		return err
	}
	files, err := a.read(paths)
	if err != nil {
		return err
	}
	clusters, rollouts, list := render.Plan(schema.Load(files), render.Options{})
	if list.HasErrors() {
		return a.sayErrors(files, list, "there is nothing to plan")
	}
	if clusters, err = flags.clusters.choose(clusters); err != nil {
		return err
	}
	return show(a.stdout, flags.format, func(w io.Writer) error { return format.Write(w, rolloutsOn(clusters, rollouts)) })
}

// rolloutsOn are those on some clusters.
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
