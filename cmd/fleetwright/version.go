package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/format"
	"github.com/fleetwright/fleetwright/internal/version"
)

// versionFormats are the formats of the version. The first is the default.
var versionFormats = format.List[func(io.Writer, version.Version) error]{
	{Name: "text", Value: writeVersion},
	{Name: "json", Value: writeVersionJSON},
}

func newVersionCmd(a *app) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:               "version",
		Short:             "Print the version of fleetwright",
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{"version has no arguments", "fleetwright version --format json prints the version for programs"}
			}
			write, ok := versionFormats.Get(name)
			if !ok {
				return unknown("format", name, versionFormats.Names())
			}
			return show(a.stdout, name, func(w io.Writer) error { return write(w, a.version) })
		},
	}
	addFormat(cmd, &name, "output `FORMAT`: ", versionFormats.Names())
	return cmd
}

// program returns the release of the program, or "" for a build from a commit.
func (a *app) program() string {
	if !a.version.IsRelease() {
		return ""
	}
	return a.version.String()
}

func writeVersion(w io.Writer, v version.Version) error {
	text := fmt.Sprintf("fleetwright %s\n", v)
	if v.Commit() != "" {
		text += "commit      " + v.Commit() + "\n"
	}
	_, err := io.WriteString(w, text+"go          "+v.Go()+"\nplatform    "+v.Platform()+"\n")
	return err
}

func writeVersionJSON(w io.Writer, v version.Version) error {
	return diag.WriteJSON(w, v.Document())
}
