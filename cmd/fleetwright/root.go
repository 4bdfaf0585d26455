package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/git"
	"github.com/fleetwright/fleetwright/internal/sink/disk"
)

// Exit codes, as those of diff and gofmt -d.
const (
	exitOK        = 0
	exitDifferent = 1
	exitTrouble   = 2
)

// An app is what the commands share.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// A usageError is a mistake on the command line.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }

// usageErrors is a mistake on the command line that takes several lines to say.
func usageErrors(messages []string, hint string) error {
	all := make([]error, len(messages))
	for i, message := range messages {
		all[i] = &usageError{message, hint}
	}
	return errors.Join(all...)
}

// unknown says that there is nothing of a name, and what there is.
func unknown(what, name string, all []string) error {
	return &usageError{fmt.Sprintf("there is no %s %q", what, name), "it is one of " + strings.Join(all, ", ")}
}

// errReported says that everything there is to say about a failure was said.
var errReported = errors.New("reported")

// errDifferent says that the output is not what render would write, or that there are
// warnings, which --strict made errors.
var errDifferent = errors.New("different")

const rootLong = `Fleetwright compiles Kurator's Applications and the Fleets they name into plain
manifests: for every cluster a directory that Flux syncs from Git, with sources,
Kustomizations, Flagger Canaries, and the mesh that moves their traffic. What
Kurator's controller decides at run time is decided here, before the commit.

It never talks to a cluster. Exit codes are 0 for success and 2 for errors; check and
diff have 1 for an output that is not what render would write, and check for warnings
that --strict makes errors. After an error in the input nothing has been written.

Without a command, and with a ResourceList on the standard input, it is a KRM
function for kustomize and kpt.`

const rootExample = `  fleetwright init fleet
  fleetwright check fleet
  fleetwright render fleet -o clusters`

func (a *app) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:                        "fleetwright COMMAND",
		Short:                      "Compile Applications into what Flux runs on every cluster",
		Long:                       rootLong,
		Example:                    rootExample,
		Version:                    version(),
		Args:                       cobra.ArbitraryArgs,
		RunE:                       a.withoutCommand,
		SuggestionsMinimumDistance: 2,
		SilenceErrors:              true,
		SilenceUsage:               true,
		DisableAutoGenTag:          true,
	}
	root.SetVersionTemplate("fleetwright {{.Version}}\n")
	root.AddCommand(newRenderCmd(a), newCheckCmd(a), newDiffCmd(a), newPlanCmd(a), newExplainCmd(a), newSchemaCmd(a), newInitCmd(a), newCompletionCmd(a))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{err.Error(), cmd.CommandPath() + " --help lists the flags"}
	})
	return root
}

func (a *app) execute(args []string) int {
	root := a.newRoot()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	stdout, stderr := newDoor(a.stdout), newDoor(a.stderr)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	err = cmp.Or(err, stdout.Flush(), stderr.Flush())
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errDifferent) {
		return exitDifferent
	}
	a.fail(err)
	return exitTrouble
}

// withoutCommand runs where no command is named, or one that there is not.
func (a *app) withoutCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return a.function(root)
	}
	hint := root.Name() + " --help lists the commands"
	if meant := root.SuggestionsFor(args[0]); len(meant) > 0 {
		hint = "did you mean " + strings.Join(meant, " or ") + "?"
	}
	return &usageError{fmt.Sprintf("there is no command %q", args[0]), hint}
}

// fail says why a command failed, unless that was said already.
func (a *app) fail(err error) {
	if errors.Is(err, errReported) {
		return
	}
	var usage *usageError
	var directory *disk.Error
	var repository *git.Error
	hint := ""
	switch {
	case errors.As(err, &usage):
		hint = usage.hint
	case errors.As(err, &directory):
		hint = directory.Hint
	case errors.As(err, &repository):
		hint = repository.Hint
	}
	for _, err := range diag.Unjoined(err) {
		a.say("fleetwright: %s\n", err)
	}
	if hint != "" {
		a.say("  hint: %s\n", hint)
	}
}

// version is that of the module, where the command was installed as one.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
