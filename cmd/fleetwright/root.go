package main

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/disk"
)

// Exit codes, as those of diff and gofmt -d.
const (
	exitOK      = 0
	exitTrouble = 2
)

// An app is what the commands share.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// errReported says that everything there is to say about a failure was said.
var errReported = errors.New("reported")

const rootLong = `Fleetwright compiles Kurator's Applications and the Fleets they name into plain
manifests: for every cluster a directory that Flux syncs from Git, with sources,
Kustomizations, Flagger Canaries, and the mesh that moves their traffic. What
Kurator's controller decides at run time is decided here, before the commit.

It never talks to a cluster. Exit codes are 0 for success and 2 for errors, after
which nothing has been written.`

func (a *app) execute(args []string) int {
	root := &cobra.Command{
		Use:               "fleetwright",
		Short:             "Compile Applications into what Flux runs on every cluster",
		Long:              rootLong,
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetVersionTemplate("fleetwright {{.Version}}\n")
	root.AddCommand(newRenderCmd(a), newSchemaCmd(a))
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.Execute()
	if err == nil {
		return exitOK
	}
	a.fail(err)
	return exitTrouble
}

// fail says why a command failed, unless that was said already.
func (a *app) fail(err error) {
	if errors.Is(err, errReported) {
		return
	}
	fmt.Fprintf(a.stderr, "fleetwright: %v\n", err)
	var e *disk.Error
	if errors.As(err, &e) && e.Hint != "" {
		fmt.Fprintf(a.stderr, "  hint: %s\n", e.Hint)
	}
}

// diagnose prints diagnostics. It fails if one of them is an error.
func (a *app) diagnose(list diag.List) error {
	if err := diag.WriteText(a.stderr, list); err != nil {
		return err
	}
	if list.HasErrors() {
		fmt.Fprintf(a.stderr, "%s, %s; nothing was written\n", plural(list.Count(diag.Error), "error"), plural(list.Count(diag.Warning), "warning"))
		return errReported
	}
	return nil
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// version is that of the module, where the command was installed as one.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
