package main

import (
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/sink/fleet"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/schema"
)

func newFleetCmd(a *app) *cobra.Command {
	var format string
	var clusters clusterFlags
	var from origin
	cmd := &cobra.Command{
		Use:               "fleet PATH...",
		Short:             "Show which cluster gets which Applications, and in which order",
		ValidArgsFunction: documentFiles,
		RunE: func(_ *cobra.Command, args []string) error {
			from.paths = args
			return a.fleet(&from, format, clusters)
		},
	}
	addFormat(cmd, &format, "`FORMAT` of the picture: ", fleet.Formats.Names())
	clusters.add(cmd, "show only")
	from.add(cmd)
	return cmd
}

func (a *app) fleet(from *origin, format string, chosen clusterFlags) error {
	write, ok := fleet.Formats.Get(format)
	if !ok {
		return unknown("format", format, fleet.Formats.Names())
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
	members, order, list, err := from.fleet(files, render.Options{Program: a.program()})
	if err != nil {
		return err
	}
	if list.HasErrors() {
		return a.printErrors(files, list, "nothing is shown")
	}
	all := make([]*render.Cluster, len(members))
	for i, m := range members {
		all[i] = &render.Cluster{Name: m.Name, Labels: m.Labels}
	}
	if all, err = chosen.choose(all); err != nil {
		return err
	}
	waves, all, err := chosen.planned(order, all, fleet.Rollouts(members))
	if err != nil {
		return err
	}
	isElsewhere := elsewhere(all)
	members = slices.DeleteFunc(members, func(m *render.Member) bool { return isElsewhere(m.Name) })
	options := fleet.Options{Color: isTerminal(a.stdout) && wantsColor(), Width: terminalWidth(a.stdout, a.stderr), Version: a.version.String()}
	return show(a.stdout, format, func(w io.Writer) error {
		return write(w, fleet.New(members, waves), options)
	})
}

// fleet returns the clusters of files with their applications, and the waves.
func (o *origin) fleet(files []schema.File, opts render.Options) ([]*render.Member, *place.Waves, diag.List, error) {
	run, manifests, problems, err := o.begin(files, opts)
	if err != nil {
		return nil, nil, nil, err
	}
	members, list := run.Fleet(manifests)
	return members, run.Waves(), append(list, problems...).Sorted(), nil
}
