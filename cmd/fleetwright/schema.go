package main

import (
	"strings"

	"github.com/mitchellh/go-wordwrap"
	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/schema"
)

const schemaLong = `Schema prints the schema of an input kind: as a JSON Schema for editors, or as the
CUE definition that documents are checked with.

An editor with the YAML language server takes it from a file:

  # yaml-language-server: $schema=application.schema.json`

const schemaExample = `  fleetwright schema application > application.schema.json
  fleetwright schema fleet --format cue`

func newSchemaCmd(a *app) *cobra.Command {
	var format string
	var names []string
	for _, k := range schema.Kinds() {
		names = append(names, strings.ToLower(k.Name))
	}
	cmd := &cobra.Command{
		Use:               "schema KIND",
		Short:             "Print the schema of an input kind",
		Long:              schemaLong + "\n\n" + wordwrap.WrapString("KIND is one of "+strings.Join(names, ", ")+".", textWidth) + "\n\nExit codes are 0, and 2 for a KIND that there is not.",
		Example:           schemaExample,
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
