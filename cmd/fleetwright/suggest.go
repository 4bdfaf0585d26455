package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// commandsElsewhere are the names of commands in other tools.
var commandsElsewhere = []struct {
	command string
	names   []string
}{
	{"check", []string{"lint", "validate", "verify", "vet", "test", "ci", "status", "scan", "audit"}},
	{"render", []string{"build", "generate", "gen", "template", "compile", "export", "hydrate", "manifests", "kustomize", "apply", "write"}},
	{"diff", []string{"preview", "dry-run", "compare", "changes"}},
	{"plan", []string{"simulate", "timeline", "rollout", "rollouts", "canary", "canaries", "analyze", "analyse"}},
	{"fleet", []string{"graph", "tree", "list", "ls", "map", "show", "get", "clusters", "inventory"}},
	{"explain", []string{"docs", "doc", "why", "describe", "codes", "diagnostics"}},
	{"import", []string{"convert", "adopt", "migrate"}},
	{"publish", []string{"push", "upload", "release", "deploy"}},
	{"init", []string{"new", "create", "scaffold", "bootstrap", "start"}},
	{"schema", []string{"jsonschema", "openapi", "crd", "crds", "cue"}},
	{"completion", []string{"completions", "autocomplete"}},
}

// unknownCommand returns the error for a command that does not exist, with a suggestion.
func unknownCommand(root *cobra.Command, name string) error {
	message := fmt.Sprintf("unknown command %q", name)
	if meant := commandMeant(root, name); meant != "" {
		message += "; did you mean " + meant + "?"
	}
	return &usageError{message, root.Name() + " --help lists the commands"}
}

// commandMeant returns the command that a word means: in other tools, by its spelling, or by both.
func commandMeant(root *cobra.Command, word string) string {
	elsewhere := func(isMeant func(name string) bool) string {
		for _, e := range commandsElsewhere {
			if slices.ContainsFunc(e.names, isMeant) {
				return e.command
			}
		}
		return ""
	}
	var names []string
	for _, cmd := range root.Commands() {
		names = append(names, cmd.Name())
	}
	return cmp.Or(
		elsewhere(func(name string) bool { return strings.EqualFold(name, word) }),
		diag.Nearest(word, names),
		elsewhere(func(name string) bool { return diag.IsTypo(word, name) }),
	)
}

// flagsElsewhere are names that other tools have for a flag, with the flag or a hint.
var flagsElsewhere = []struct {
	names []string
	flag  string
	hint  string
}{
	{names: []string{"out", "outdir", "out-dir", "output-dir", "output-directory", "dir", "dest", "destination"}, flag: "output"},
	{names: []string{"clusters", "only"}, flag: "cluster"},
	{names: []string{"selector", "l"}, flag: "cluster-selector"},
	{names: []string{"wave", "waves"}, flag: "through"},
	{names: []string{"rev", "revision", "ref", "since"}, flag: "base"},
	{names: []string{"force", "prune"}, flag: "allow-prune"},
	{names: []string{"werror", "fail-on-warnings", "warnings-as-errors", "error-on-warnings"}, flag: "strict"},
	{names: []string{"dry-run", "dryrun", "preview"}, hint: "fleetwright diff shows what would change, and writes nothing"},
	{names: []string{"file", "filename", "files", "input", "recursive", "f", "R", "k"}, hint: "PATH is an argument, and directories are walked: COMMAND apps fleets"},
	{names: []string{"namespace", "all-namespaces", "kubeconfig", "context", "server", "n", "A"}, hint: "fleetwright reads files and never talks to a cluster; the documents name namespaces and clusters"},
	{names: []string{"no-color", "color"}, hint: "NO_COLOR=1 in the environment switches colours off"},
}

// flagError returns the error for the flags of a command, with a suggestion for an unknown one.
func flagError(cmd *cobra.Command, err error) error {
	list := cmd.CommandPath() + " --help lists the flags"
	var missing *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var empty *pflag.ValueRequiredError
	switch {
	case errors.As(err, &invalid) && invalid.GetFlag().Value.Type() == "bool":
		return &usageError{fmt.Sprintf("--%s takes true or false, not %q", invalid.GetFlag().Name, invalid.GetValue()), list}
	case errors.As(err, &invalid):
		return &usageError{fmt.Sprintf("--%s %q: %v", invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap()), list}
	case errors.As(err, &empty):
		return &usageError{"--" + empty.GetFlag().Name + " needs a value", list}
	case !errors.As(err, &missing):
		return &usageError{err.Error(), list}
	}
	name, dashes := missing.GetSpecifiedName(), "--"
	if letters := missing.GetSpecifiedShortnames(); letters != "" {
		dashes = "-"
		// -format is -f with four more letters.
		if letters, _, _ = strings.Cut(letters, "="); cmd.Flags().Lookup(letters) != nil {
			return &usageError{"unknown flag -" + letters + "; did you mean --" + letters + "?", list}
		}
	}
	message := "unknown flag " + dashes + name
	for _, e := range flagsElsewhere {
		if !slices.Contains(e.names, name) {
			continue
		}
		if e.hint != "" {
			path := cmd.CommandPath()
			if !cmd.HasParent() {
				path += " check"
			}
			return &usageError{message, strings.Replace(e.hint, "COMMAND", path, 1)}
		}
		if cmd.Flags().Lookup(e.flag) != nil {
			return &usageError{message + "; did you mean --" + e.flag + "?", list}
		}
	}
	if format := cmd.Flags().Lookup("format"); format != nil && slices.Contains(format.Annotations[formatNames], name) {
		return &usageError{message + "; did you mean --format " + name + "?", list}
	}
	var names, others []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	for _, other := range cmd.Root().Commands() {
		if dashes == "--" && other.Flags().Lookup(name) != nil || dashes == "-" && other.Flags().ShorthandLookup(name) != nil {
			others = append(others, other.Name())
		}
	}
	if meant := diag.Nearest(name, names); meant != "" && dashes == "--" {
		return &usageError{message + "; did you mean --" + meant + "?", list}
	}
	if len(others) > 0 {
		return &usageError{message + "; it is a flag of " + inSentence(others), list}
	}
	return &usageError{message, list}
}

// inSentence joins words as a sentence lists them.
func inSentence(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
