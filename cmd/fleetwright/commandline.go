package main

import (
	"errors"
	"strings"

	"github.com/fleetwright/fleetwright/internal/shell"
)

// A flagValue is a flag of a command line, which is omitted without a value.
type flagValue struct{ name, value string }

// commandLine returns a command of fleetwright as people type it.
func commandLine(command string, paths []string, flags ...flagValue) string {
	line := "fleetwright " + command
	for _, p := range paths {
		line += " " + quoted(p)
	}
	for _, f := range flags {
		if f.value != "" {
			line += " " + f.name + " " + quoted(f.value)
		}
	}
	return line
}

// quoted returns an argument as a shell takes it.
func quoted(argument string) string {
	if strings.HasPrefix(argument, "-") && argument != "-" {
		argument = "./" + argument // not a flag
	}
	return shell.Quote(argument)
}

// A onceFlag is the value of a flag that is given once or not at all. One that is given and
// empty, as by a script whose variable is not set, differs from one that is not given.
type onceFlag struct {
	text  string
	given bool
}

func (o *onceFlag) Set(text string) error {
	if o.given {
		return errors.New("the flag is set twice")
	}
	*o = onceFlag{text, true}
	return nil
}

func (o *onceFlag) String() string { return o.text }

// Type returns the type of the values, for completions and help.
func (o *onceFlag) Type() string { return "string" }
