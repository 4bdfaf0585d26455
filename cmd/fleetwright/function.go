package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/internal/sink/krm"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// function runs the ResourceList on the standard input, or prints help without one.
func (a *app) function(cmd *cobra.Command) error {
	if f, ok := a.stdin.(*os.File); ok && isDevice(f) {
		return cmd.Help()
	}
	data, err := inputs.ReadStdin(a.stdin)
	if err != nil {
		return fmt.Errorf("cannot read the standard input: %w", err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return cmd.Help()
	}
	list, err := krm.Parse(data)
	if err != nil {
		return a.notAList(data, err)
	}
	read := func(paths []string) ([]schema.File, error) { return inputs.Read(paths, nil) }
	outcome := krm.Run(list, read, func(files []schema.File, opts render.Options) (*render.Tree, schema.Diagnostics) {
		opts.Program = a.program()
		from := origin{paths: []string{"."}, function: true}
		tree, list, _ := from.compile(files, opts) // no flag can be wrong
		return tree, list
	})
	output, err := list.Encode(outcome.Results)
	if err != nil {
		return err
	}
	if _, err := a.stdout.Write(output); err != nil {
		return err
	}
	return a.printOutcome(outcome)
}

// isDevice reports whether a file is a terminal or the null device, which hold no ResourceList.
func isDevice(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// notAList returns why the standard input is no ResourceList.
func (a *app) notAList(data []byte, err error) error {
	var mistake *diag.Mistake
	if errors.As(err, &mistake) {
		return err
	}
	files := []schema.File{{Name: inputs.Stdin, Data: data}}
	var list diag.List
	for _, d := range schema.Load(files).Diagnostics {
		switch d.Code {
		case diag.Syntax, diag.Encoding, diag.Oversized:
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return &usageError{"the standard input is " + err.Error(), "kustomize and kpt pass a ResourceList"}
	}
	_, err = a.report(files, list)
	return cmp.Or(err, errReported)
}

// printOutcome prints the results of a function, which kustomize does not read from the list.
func (a *app) printOutcome(outcome *krm.Outcome) error {
	for _, m := range outcome.Mistakes {
		message := m.Message
		if m.Field != "" {
			message = m.Field + ": " + message
		}
		a.fail(&usageError{message, m.Hint})
	}
	for _, w := range outcome.Warnings {
		a.print("%s\n  hint: %s\n", w.Message, w.Hint)
	}
	_, err := a.report(outcome.Files, outcome.Diagnostics)
	if err == nil && outcome.Failed() {
		return errReported
	}
	return err
}
