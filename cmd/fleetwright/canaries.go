package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/lazyregexp"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
)

// canaryFlags describe the clusters of plain Canaries.
type canaryFlags struct{ render.CanaryOptions }

func (f *canaryFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Flagger, "flagger", "", "Flagger `VERSION` that runs plain Canaries (default the newest)")
	cmd.Flags().StringVar(&f.Provider, "provider", "", "provider `NAME` for plain Canaries without one")
	cmd.Flags().StringVar(&f.MetricsServer, "metrics-server", "", "`URL` of the Prometheus that Flagger queries for plain Canaries")
	completeFlag(cmd, "provider", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return flagger.Providers(), cobra.ShellCompDirectiveNoFileComp
	})
	completeFlag(cmd, "flagger", cobra.NoFileCompletions)
	completeFlag(cmd, "metrics-server", cobra.NoFileCompletions)
}

// flaggerVersion is a minor or patch version of Flagger.
var flaggerVersion = lazyregexp.New(`^v?[0-9]+\.[0-9]+(\.[0-9]+(-[0-9A-Za-z.-]+)?)?$`)

// check returns which flag has a value that it cannot have.
func (f *canaryFlags) check() error {
	v, known := settings.ParseMinor(f.Flagger)
	switch {
	case f.Flagger != "" && !flaggerVersion().MatchString(f.Flagger):
		return &usageError{fmt.Sprintf("--flagger %s is not a version", f.Flagger), fmt.Sprintf("--flagger 1.%d", flagger.Newest.Minor)}
	case known && v.Less(settings.MinorVersion{Major: 1, Minor: flagger.Oldest}):
		return &usageError{fmt.Sprintf("Flagger %s is too old for fleetwright", f.Flagger), fmt.Sprintf("--flagger 1.%d or newer", flagger.Oldest)}
	case f.MetricsServer != "" && schema.RefuseURL(f.MetricsServer, "http", "https") != "":
		return &usageError{"--metrics-server is not a URL", "--metrics-server http://prometheus.monitoring:9090"}
	}
	f.Flagger = strings.TrimPrefix(f.Flagger, "v")
	if f.Provider == "" || slices.Contains(flagger.Providers(), f.Provider) {
		return nil
	}
	return unknown("provider", f.Provider, flagger.Providers())
}
