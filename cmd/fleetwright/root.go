package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/version"
)

// Exit codes, the same as of diff and gofmt -d.
const (
	exitOK        = 0
	exitDifferent = 1
	exitTrouble   = 2
)

// An app holds the state that the commands share.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	version        version.Version
}

// A usageError is a mistake on the command line.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }

// usageErrors is a mistake on the command line in several lines.
func usageErrors(messages []string, hint string) error {
	all := make([]error, len(messages))
	for i, message := range messages {
		all[i] = &usageError{message, hint}
	}
	return errors.Join(all...)
}

// unknown returns the error for an unknown name, and lists the known ones.
func unknown(what, name string, all []string) error {
	return &usageError{fmt.Sprintf("unknown %s %q", what, name), "use one of " + strings.Join(all, ", ")}
}

// errReported is a failure that was reported already.
var errReported = errors.New("reported")

// errDifferent means that the output is stale, or that --strict turned warnings into errors.
var errDifferent = errors.New("different")

func (a *app) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:               "fleetwright COMMAND",
		Short:             "Compile Applications and Fleets into the manifests of every cluster",
		Version:           a.version.String(),
		Args:              cobra.ArbitraryArgs,
		RunE:              a.withoutCommand,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	root.SetVersionTemplate("fleetwright {{.Version}}\n")
	root.AddCommand(newRenderCmd(a), newPublishCmd(a), newCheckCmd(a), newDiffCmd(a), newPlanCmd(a), newFleetCmd(a), newExplainCmd(a), newSchemaCmd(a), newInitCmd(a), newImportCmd(a), newCompletionCmd(a), newVersionCmd(a))
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { writeHelp(cmd.OutOrStdout(), cmd) })
	root.SetHelpCommand(newHelpCmd())
	root.SetFlagErrorFunc(flagError)
	return root
}

// run is the command with everything it touches. It returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return (&app{stdin, stdout, stderr, version.Get()}).run(args)
}

func (a *app) run(args []string) int {
	root := a.newRoot()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	toOut, toErr := newDoor(a.stdout), newDoor(a.stderr)
	root.SetOut(toOut)
	root.SetErr(toErr)
	var noHelp error
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if cmd == root && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			noHelp = unknownCommand(root, args[0])
			return
		}
		help(cmd, args)
	})
	switch err := cmp.Or(root.Execute(), noHelp, toOut.Flush(), toErr.Flush()); {
	case err == nil:
		return exitOK
	case errors.Is(err, errDifferent):
		return exitDifferent
	default:
		a.fail(err)
		return exitTrouble
	}
}

// withoutCommand runs if the command is missing or unknown.
func (a *app) withoutCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return a.function(root)
	}
	return unknownCommand(root, args[0])
}

// fail prints why a command failed, unless that was reported already.
func (a *app) fail(err error) {
	if errors.Is(err, errReported) {
		return
	}
	var usage *usageError
	var mistake *diag.Mistake
	hint := ""
	switch {
	case errors.As(err, &usage):
		hint = usage.hint
	case errors.As(err, &mistake):
		hint = mistake.Hint
	}
	for _, err := range diag.Unjoined(err) {
		a.print("fleetwright: %s\n", err)
	}
	if hint != "" {
		a.print("  hint: %s\n", hint)
	}
}
