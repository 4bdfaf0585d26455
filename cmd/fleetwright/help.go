package main

import (
	"embed"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// helpTexts has a text about each command: help/NAME.txt. It begins with one sentence
// about the command, then it has examples and details.
//
//go:embed help
var helpTexts embed.FS

// describe gives a command its long help and its examples, which only help needs.
func describe(cmd *cobra.Command) {
	read := func(name string) string {
		text, _ := helpTexts.ReadFile("help/" + name + ".txt") // cobra's own have none
		return strings.TrimSuffix(string(text), "\n")
	}
	text := read(cmd.Name())
	if text == "" {
		return
	}
	// Commands with the same flags share these texts.
	text = strings.NewReplacer("{{clusters}}", read("clusters"), "{{watch}}", read("watch"), "{{sources}}", read("sources")).Replace(text)
	cmd.Long, text, _ = strings.Cut(text, "\n\nExamples:\n\n")
	examples, details, ok := strings.Cut(text, "\n\nDetails:\n\n")
	cmd.Example = examples
	if ok {
		cmd.Long += "\n\n" + details
	}
}

// newHelpCmd returns the command that writes the help of another. Unlike cobra's, it rejects
// unknown commands.
func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Describe a command",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			for _, c := range cmd.Root().Commands() {
				if len(args) == 0 && c.IsAvailableCommand() {
					names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			found, _, err := root.Find(args)
			if err == nil && found == root && len(args) > 0 {
				return unknownCommand(root, args[0])
			}
			if err != nil {
				return err
			}
			found.InitDefaultHelpFlag() // cobra adds these only to the command that runs
			found.InitDefaultVersionFlag()
			return found.Help()
		},
	}
}

// writeHelp writes the help of a command: the usage and the examples first, which most readers look
// for, then the details, and the flags last, where a terminal shows them.
func writeHelp(w io.Writer, cmd *cobra.Command) {
	describe(cmd)
	if cmd.Long == "" {
		cmd.Long = cmd.Short
	}
	summary, details, _ := strings.Cut(cmd.Long, "\n\n")
	fmt.Fprintf(w, "%s\n\nUsage:\n  %s\n", summary, cmd.UseLine())
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", cmd.Example)
	}
	if details != "" {
		fmt.Fprintf(w, "\n%s\n", details)
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprint(w, "\nCommands:\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				fmt.Fprintf(w, "  %-*s  %s\n", c.NamePadding(), c.Name(), c.Short)
			}
		}
	}
	fmt.Fprintf(w, "\nFlags:\n%s", cmd.LocalFlags().FlagUsages())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n%s COMMAND --help describes a command.\n", cmd.CommandPath())
	}
}
