package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mitchellh/go-wordwrap"
	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/catalogue"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/excerpt"
	"github.com/fleetwright/fleetwright/internal/format"
)

// explainFormats are the formats of explain, by name. Each prints one rule, or all of them.
var explainFormats = format.List[func(w *bufio.Writer, rules []explained) error]{
	{Name: "text", Value: explainText},
	{Name: "markdown", Value: explainMarkdown},
	{Name: "json", Value: explainJSON},
}

func newExplainCmd(a *app) *cobra.Command {
	var format string
	names := explainFormats.Names()
	cmd := &cobra.Command{
		Use:   "explain [CODE]",
		Short: "Say what a diagnostic means and how to fix it",
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
			write, ok := explainFormats.Get(format)
			if !ok {
				return unknown("format", format, names)
			}
			w := bufio.NewWriter(a.stdout)
			if err := write(w, rules); err != nil {
				return err
			}
			return w.Flush()
		},
	}
	cmd.Flags().StringVar(&format, "format", names[0], strings.Join(names, ", "))
	completeFlag(cmd, "format", oneOf(names...))
	return cmd
}

// An explained rule is one with the texts about it.
type explained struct {
	Code, Family string
	catalogue.Entry
}

// asked returns the rule that the arguments of explain name, or all rules.
func asked(args []string) (rules []explained, err error) {
	if len(args) > 1 {
		return nil, &usageError{"name one code", "fleetwright explain lists them all"}
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
		rules = append(rules, explained{code, r.Family(), entry})
	}
	if len(rules) > 0 {
		return rules, nil
	}
	hint := "fleetwright explain lists them"
	if meant := diag.Nearest(strings.ToUpper(args[0]), codes); meant != "" {
		hint = "did you mean " + meant + "?"
	}
	return nil, &usageError{fmt.Sprintf("there is no diagnostic %q", args[0]), hint}
}

// always marks a rule whose severity is not the user's to choose.
func always(r explained) string {
	if r.Structural {
		return ", always"
	}
	return ""
}

// textWidth is where text for a terminal is broken.
const textWidth = 80

// explainText prints one rule with everything, and of many a line each.
func explainText(w *bufio.Writer, rules []explained) error {
	if len(rules) == 1 {
		explainRule(w, rules[0])
		return nil
	}
	for i, r := range rules {
		if i == 0 || r.Family != rules[i-1].Family {
			if i > 0 {
				fmt.Fprintln(w)
			}
			fmt.Fprintln(w, r.Family)
		}
		fmt.Fprintf(w, "  %s  %-7s  %s\n", r.Code, r.Severity, r.Title)
	}
	return nil
}

func explainRule(w io.Writer, r explained) {
	fmt.Fprintf(w, "%s: %s\n(%s: %s%s)\n", r.Code, r.Title, r.Family, r.Severity, always(r))
	section := func(title, text string) {
		if text != "" {
			fmt.Fprintf(w, "\n%s\n%s", title, indented(wordwrap.WrapString(text, textWidth-2)))
		}
	}
	section("What happens if it is ignored", r.Effect)
	section("How to fix it", r.Fix)
	if r.Bad != "" {
		fmt.Fprintf(w, "\nNot like this%s\n%s", on(r), indented(underlined(r.Bad)))
		fmt.Fprintf(w, "\nBut like this\n%s", indented(r.Good))
	}
	section("Source", r.Source)
}

// on returns which provider an example is for, where that is not the usual one.
func on(r explained) string {
	if r.Base == "" || r.Base == "none" {
		return ""
	}
	return " (with " + r.Base + ")"
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

// underlined returns a bad example with carets in place of the mark.
func underlined(bad string) string {
	text, line, column := catalogue.CutMark(bad)
	carets, ok := excerpt.New([]byte(text)).Carets(diag.Position{Line: line, Column: column})
	if !ok {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(slices.Insert(lines, line, carets+"\n"), "")
}

const explainIntro = `<!-- Made by fleetwright explain --format markdown; do not edit. -->

# Diagnostics

Everything that fleetwright says has a code. ` + "`fleetwright explain CODE`" + ` prints what
stands here.

A severity can be changed in the RenderConfig (` + "`severities: {FW208: error}`" + `), and a
diagnostic ignored where it is good:

` + "```yaml" + `
port: 80 # fleetwright: ignore FW308 the container listens on 80
` + "```" + `

The comment stands in the line that the diagnostic points at, or above it, and the reason
is required. What is *always* an error can be neither made less nor ignored: the compiler
relies on it.

The examples show what to change of an Application with a rollout on kuma, or of its Fleet;
the comment above says where.
`

// explainMarkdown prints a page, or the part of it that is about one rule.
func explainMarkdown(w *bufio.Writer, rules []explained) error {
	all := len(rules) > 1
	begins := func(i int) bool { return all && (i == 0 || rules[i].Family != rules[i-1].Family) }
	if all {
		w.WriteString(explainIntro)
		for i, r := range rules {
			if begins(i) {
				fmt.Fprintf(w, "\n| %s | | |\n|---|---|---|\n", r.Family)
			}
			fmt.Fprintf(w, "| [%s](#%s) | %s%s | %s |\n", r.Code, strings.ToLower(r.Code), r.Severity, always(r), escaped(r.Title))
		}
	}
	for i, r := range rules {
		if begins(i) {
			fmt.Fprintf(w, "\n## %s\n", r.Family)
		}
		if all {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "### %s\n\n**%s** (%s%s)\n\n%s\n\n%s\n", r.Code, escaped(r.Title), r.Severity, always(r), escaped(r.Effect), escaped(r.Fix))
		if r.Bad != "" {
			fmt.Fprintf(w, "\nNot like this%s:\n\n```yaml\n%s```\n\nBut like this:\n\n```yaml\n%s```\n", on(r), underlined(r.Bad), r.Good)
		}
		if r.Source != "" {
			fmt.Fprintf(w, "\nSource: %s\n", escaped(r.Source))
		}
	}
	return nil
}

// escaped is text that Markdown takes for nothing else.
func escaped(text string) string {
	return strings.NewReplacer("<", "&lt;", "*", `\*`, "|", `\|`).Replace(text)
}

// explainJSON prints a list of rules.
func explainJSON(w *bufio.Writer, rules []explained) error {
	type rule struct {
		Code     string `json:"code"`
		Family   string `json:"family"`
		Severity string `json:"severity"`
		Always   bool   `json:"always"`
		Title    string `json:"title"`
		Ignored  string `json:"ignored"`
		Fix      string `json:"fix"`
		Source   string `json:"source,omitempty"`
		Bad      string `json:"bad,omitempty"`
		Good     string `json:"good,omitempty"`
	}
	list := make([]rule, len(rules))
	for i, r := range rules {
		bad, _, _ := catalogue.CutMark(r.Bad)
		list[i] = rule{r.Code, r.Family, r.Severity, r.Structural, r.Title, r.Effect, r.Fix, r.Source, bad, r.Good}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(list)
}
