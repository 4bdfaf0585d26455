package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/schema"
)

func newSchemaCmd(a *app) *cobra.Command {
	var format string
	var names []string
	for _, k := range schema.Kinds() {
		names = append(names, strings.ToLower(k.Name))
	}
	cmd := &cobra.Command{
		Use:               "schema KIND",
		Short:             "Print the schema of an input kind",
		ValidArgsFunction: firstArgument(names...),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{"name one kind", "it is one of " + strings.Join(names, ", ")}
			}
			kind, ok := schema.KindNamed(args[0])
			if !ok {
				return unknown("kind", args[0], names)
			}
			switch format {
			case "jsonschema":
				_, err := a.stdout.Write(kind.JSONSchema())
				return err
			case "cue":
				_, err := a.stdout.Write(kind.CUE())
				return err
			}
			return unknown("format", format, []string{"jsonschema", "cue"})
		},
	}
	cmd.Flags().StringVar(&format, "format", "jsonschema", "jsonschema or cue")
	completeFlag(cmd, "format", oneOf("jsonschema", "cue"))
	return cmd
}
