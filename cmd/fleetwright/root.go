package main

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
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

// unknown returns the error for a name that does not exist, with those that do.
func unknown(what, name string, all []string) error {
	return &usageError{fmt.Sprintf("there is no %s %q", what, name), "it is one of " + strings.Join(all, ", ")}
}

// errReported is a failure that was reported already.
var errReported = errors.New("reported")

// errDifferent means that the output is stale, or that --strict turned warnings into errors.
var errDifferent = errors.New("different")

func (a *app) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:                        "fleetwright COMMAND",
		Short:                      "Compile Applications into what Flux runs on every cluster",
		Version:                    version(),
		Args:                       cobra.ArbitraryArgs,
		RunE:                       a.withoutCommand,
		SuggestionsMinimumDistance: 2,
		SilenceErrors:              true,
		SilenceUsage:               true,
		DisableAutoGenTag:          true,
	}
	root.SetVersionTemplate("fleetwright {{.Version}}\n")
	root.AddCommand(newRenderCmd(a), newPublishCmd(a), newCheckCmd(a), newDiffCmd(a), newPlanCmd(a), newExplainCmd(a), newSchemaCmd(a), newInitCmd(a), newImportCmd(a), newCompletionCmd(a))
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		describe(cmd)
		help(cmd, args)
	})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{err.Error(), cmd.CommandPath() + " --help lists the flags"}
	})
	return root
}

// helpTexts has a text about each command: help/NAME.txt, with examples at its end.
//
//go:embed help
var helpTexts embed.FS

// describe gives a command its long help and its examples, which only help needs.
func describe(cmd *cobra.Command) {
	read := func(name string) string {
		text, _ := helpTexts.ReadFile("help/" + name + ".txt") // cobra's own have none
		return strings.TrimSuffix(string(text), "\n")
	}
	if text := read(cmd.Name()); text != "" {
		// What commands with the same flags share.
		text = strings.NewReplacer("{{clusters}}", read("clusters"), "{{watch}}", read("watch"), "{{sources}}", read("sources")).Replace(text)
		cmd.Long, cmd.Example, _ = strings.Cut(text, "\n\nExamples:\n\n")
	}
}

// run is the command with everything it touches. It returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin, stdout, stderr}
	root := a.newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	toOut, toErr := newDoor(stdout), newDoor(stderr)
	root.SetOut(toOut)
	root.SetErr(toErr)
	switch err := cmp.Or(root.Execute(), toOut.Flush(), toErr.Flush()); {
	case err == nil:
		return exitOK
	case errors.Is(err, errDifferent):
		return exitDifferent
	default:
		a.fail(err)
		return exitTrouble
	}
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
		a.say("fleetwright: %s\n", err)
	}
	if hint != "" {
		a.say("  hint: %s\n", hint)
	}
}

// version returns that of the module, where the command was installed as one.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
