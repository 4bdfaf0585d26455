package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/outputs"
	"github.com/fleetwright/fleetwright/schema"
)

func newSchemaCmd(a *app) *cobra.Command {
	var format string
	var names []string
	for _, k := range schema.Kinds() {
		names = append(names, strings.ToLower(k.Name))
	}
	names = append(names, outputs.Names()...)
	cmd := &cobra.Command{
		Use:               "schema KIND",
		Short:             "Print the schema of an input kind or of a command's JSON",
		ValidArgsFunction: firstArgument(names...),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{"name one kind", "it is one of " + strings.Join(names, ", ")}
			}
			text, err := schemaOf(args[0], format, names)
			if err != nil {
				return err
			}
			_, err = a.stdout.Write(text)
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", "jsonschema", "output `FORMAT`: jsonschema, cue")
	completeFlag(cmd, "format", oneOf("jsonschema", "cue"))
	return cmd
}

// schemaOf returns the schema of a kind or of an output, which has no CUE.
func schemaOf(name, format string, names []string) ([]byte, error) {
	kind, isKind := schema.KindNamed(name)
	output, isOutput := outputs.JSONSchema(strings.ToLower(name))
	switch {
	case !isKind && !isOutput:
		return nil, unknown("kind", name, names)
	case format == "jsonschema" && isOutput:
		return output, nil
	case format == "jsonschema":
		return kind.JSONSchema(), nil
	case format == "cue" && isOutput:
		return nil, &usageError{name + " has no CUE", "fleetwright schema " + strings.ToLower(name) + " prints its JSON Schema"}
	case format == "cue":
		return kind.CUE(), nil
	}
	return nil, unknown("format", format, []string{"jsonschema", "cue"})
}
