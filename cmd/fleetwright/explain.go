package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/mitchellh/go-wordwrap"
	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/catalogue"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/excerpt"
	"github.com/fleetwright/fleetwright/internal/format"
	"github.com/fleetwright/fleetwright/templates"
)

// explainFormats are the formats of explain, by name. Each prints one rule, or all of them.
var explainFormats = format.List[func(w io.Writer, rules []catalogue.Rule, version string) error]{
	{Name: "text", Value: explainWith("explain.txt")},
	{Name: "markdown", Value: explainWith("explain.md")},
	{Name: "json", Value: explainJSON},
}

func newExplainCmd(a *app) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "explain [CODE]",
		Short: "Describe a diagnostic and how to fix it",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var codes []cobra.Completion
			for _, r := range diag.Rules() {
				codes = append(codes, cobra.CompletionWithDesc(string(r.Code), r.Title))
			}
			return firstArgument(codes...)(cmd, args, word)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			rules, err := asked(args)
			if err != nil {
				return err
			}
			write, ok := explainFormats.Get(name)
			if !ok {
				return unknown("format", name, explainFormats.Names())
			}
			w := bufio.NewWriter(a.stdout)
			return cmp.Or(write(w, rules, a.version.String()), w.Flush())
		},
	}
	addFormat(cmd, &name, "output `FORMAT`: ", explainFormats.Names())
	return cmd
}

// asked returns the rule that the arguments of explain name, or all rules.
func asked(args []string) (rules []catalogue.Rule, err error) {
	if len(args) > 1 {
		return nil, &usageError{"name one code", "fleetwright explain lists all codes"}
	}
	var codes []string
	for _, r := range diag.Rules() {
		code := string(r.Code)
		codes = append(codes, code)
		if len(args) == 1 && code != strings.ToUpper(args[0]) {
			continue
		}
		entry, err := catalogue.Read(code)
		if err != nil {
			return nil, err
		}
		rules = append(rules, catalogue.Rule{Code: code, Family: r.Family(), Entry: entry})
	}
	if len(rules) > 0 {
		return rules, nil
	}
	hint := diag.DidYouMean(strings.ToUpper(args[0]), codes, "fleetwright explain lists them")
	return nil, &usageError{fmt.Sprintf("unknown code %q", args[0]), hint}
}

// always marks a rule whose severity is not the user's to choose.
func always(r catalogue.Rule) string {
	if r.Structural {
		return ", always"
	}
	return ""
}

// exampleOn returns the provider of a rule's examples, if it is not the usual one.
func exampleOn(r catalogue.Rule) string {
	if r.Base == "" || r.Base == "none" {
		return ""
	}
	return " (with " + r.Base + ")"
}

// textWidth is the width of text for a terminal.
const textWidth = 80

// explainWith returns a format that is a template, given one rule or all.
func explainWith(name string) func(io.Writer, []catalogue.Rule, string) error {
	return func(w io.Writer, rules []catalogue.Rule, _ string) error {
		parsed := template.Must(template.New(name).Funcs(template.FuncMap{
			"lower": strings.ToLower, "always": always, "exampleOn": exampleOn, "indented": indented, "underlined": underlined, "escaped": escaped,
			"wrapped": func(text string) string { return indented(wordwrap.WrapString(text, textWidth-2)) },
		}).ParseFS(templates.Explain, "explain/"+name))
		return parsed.Execute(w, rules)
	}
}

// indented is text with its lines indented, each of them ended.
func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			b.WriteString("  " + line)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// underlined returns a bad example with carets instead of the mark.
func underlined(bad string) string {
	text, line, column := catalogue.CutMark(bad)
	carets, ok := excerpt.New([]byte(text)).Carets(diag.Position{Line: line, Column: column})
	if !ok {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(slices.Insert(lines, line, carets+"\n"), "")
}

// escaped is text without a meaning in Markdown.
func escaped(text string) string {
	return strings.NewReplacer("<", "&lt;", "*", `\*`, "|", `\|`).Replace(text)
}

// explainJSON prints rules without the marks in their examples.
func explainJSON(w io.Writer, rules []catalogue.Rule, version string) error {
	rules = slices.Clone(rules)
	for i := range rules {
		rules[i].Bad, _, _ = catalogue.CutMark(rules[i].Bad)
	}
	return diag.WriteJSON(w, catalogue.Document{Header: format.NewHeader("explain", version), Rules: rules})
}
