package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/mitchellh/go-wordwrap"
	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/format"
)

const explainLong = `Explain says what a diagnostic means: what would happen on the cluster, how to fix it,
and where upstream says so, with an example of the mistake and one without it.

Without CODE it lists the catalogue. An error that is "always" one cannot be made less
by the RenderConfig's severities, nor ignored by a comment.

Exit codes are 0, and 2 for a CODE that there is not.`

const explainExample = `  fleetwright explain FW326
  fleetwright explain
  fleetwright explain --format markdown > diagnostics.md`

// explainFormats are the formats of explain, by name. Each prints families of rules.
var explainFormats = format.List[func(w *bufio.Writer, families []diag.Family, all bool) error]{
	{Name: "text", Value: explainText},
	{Name: "markdown", Value: explainMarkdown},
	{Name: "json", Value: explainJSON},
}

func newExplainCmd(a *app) *cobra.Command {
	var format string
	names := explainFormats.Names()
	cmd := &cobra.Command{
		Use:     "explain [CODE]",
		Short:   "Say what a diagnostic means and how to fix it",
		Long:    explainLong,
		Example: explainExample,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var codes []cobra.Completion
			for r := range diag.Rules() {
				codes = append(codes, cobra.CompletionWithDesc(string(r.Code), r.Title))
			}
			return firstArgument(codes...)(cmd, args, word)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			families, err := asked(args)
			if err != nil {
				return err
			}
			write, ok := explainFormats.Get(format)
			if !ok {
				return unknown("format", format, names)
			}
			w := bufio.NewWriter(a.stdout)
			if err := write(w, families, len(args) == 0); err != nil {
				return err
			}
			return w.Flush()
		},
	}
	cmd.Flags().StringVar(&format, "format", names[0], strings.Join(names, ", "))
	completeFlag(cmd, "format", oneOf(names...))
	return cmd
}

// asked is what the arguments of explain name: one rule, or all of them.
func asked(args []string) ([]diag.Family, error) {
	if len(args) == 0 {
		return diag.Families(), nil
	}
	if len(args) > 1 {
		return nil, &usageError{"name one code", "fleetwright explain lists them all"}
	}
	code := strings.ToUpper(args[0])
	var all []string
	for _, f := range diag.Families() {
		for _, r := range f.Rules {
			if string(r.Code) == code {
				return []diag.Family{{Name: f.Name, Rules: []diag.Rule{r}}}, nil
			}
			all = append(all, string(r.Code))
		}
	}
	hint := "fleetwright explain lists them"
	if meant := diag.Nearest(code, all); meant != "" {
		hint = "did you mean " + meant + "?"
	}
	return nil, &usageError{fmt.Sprintf("there is no diagnostic %q", args[0]), hint}
}

// always says that a rule's severity is not the user's to choose.
func always(r diag.Rule) string {
	if r.Structural {
		return ", always"
	}
	return ""
}

// textWidth is where text for a terminal is broken.
const textWidth = 80

// explainText prints one rule with everything, and of many a line each.
func explainText(w *bufio.Writer, families []diag.Family, all bool) error {
	for i, f := range families {
		if all {
			if i > 0 {
				fmt.Fprintln(w)
			}
			fmt.Fprintf(w, "%s\n", f.Name)
		}
		for _, r := range f.Rules {
			if all {
				fmt.Fprintf(w, "  %s  %-7s  %s\n", r.Code, r.Severity, r.Title)
				continue
			}
			explainRule(w, f.Name, r)
		}
	}
	return nil
}

func explainRule(w io.Writer, family string, r diag.Rule) {
	fmt.Fprintf(w, "%s: %s\n(%s: %s%s)\n", r.Code, r.Title, family, r.Severity, always(r))
	section := func(title, text string) {
		if text != "" {
			fmt.Fprintf(w, "\n%s\n%s", title, indented(wordwrap.WrapString(text, textWidth-2)))
		}
	}
	section("What happens if it is ignored", r.Ignored)
	section("How to fix it", r.Fix)
	if bad := underlined(r.Bad); bad != "" {
		fmt.Fprintf(w, "\nNot like this%s\n%s", on(r), indented(bad))
		fmt.Fprintf(w, "\nBut like this\n%s", indented(strings.TrimPrefix(r.Good, "\n")))
	}
	section("Source", r.Source)
}

// on says which provider an example is for, where that is not the usual one.
func on(r diag.Rule) string {
	if r.On == "" || r.On == "none" {
		return ""
	}
	return " (with " + r.On + ")"
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

// underlined is a bad example with carets in place of the mark.
func underlined(bad string) string {
	text, at, marked := diag.CutMark(strings.TrimPrefix(bad, "\n"))
	if !marked {
		return text
	}
	carets, ok := diag.NewSource([]byte(text)).Carets(at)
	if !ok {
		return text
	}
	var b strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		b.WriteString(line)
		if n++; n == at.Line {
			b.WriteString(carets + "\n")
		}
	}
	return b.String()
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
func explainMarkdown(w *bufio.Writer, families []diag.Family, all bool) error {
	if all {
		w.WriteString(explainIntro)
		for _, f := range families {
			fmt.Fprintf(w, "\n| %s | | |\n|---|---|---|\n", f.Name)
			for _, r := range f.Rules {
				fmt.Fprintf(w, "| [%s](#%s) | %s%s | %s |\n", r.Code, strings.ToLower(string(r.Code)), r.Severity, always(r), escaped(r.Title))
			}
		}
	}
	for _, f := range families {
		if all {
			fmt.Fprintf(w, "\n## %s\n", f.Name)
		}
		for _, r := range f.Rules {
			if all {
				fmt.Fprintln(w)
			}
			fmt.Fprintf(w, "### %s\n\n**%s** (%s%s)\n\n%s\n\n%s\n", r.Code, escaped(r.Title), r.Severity, always(r), escaped(r.Ignored), escaped(r.Fix))
			if bad := underlined(r.Bad); bad != "" {
				fmt.Fprintf(w, "\nNot like this%s:\n\n```yaml\n%s```\n\nBut like this:\n\n```yaml\n%s```\n", on(r), bad, strings.TrimPrefix(r.Good, "\n"))
			}
			if r.Source != "" {
				fmt.Fprintf(w, "\nSource: %s\n", escaped(r.Source))
			}
		}
	}
	return nil
}

// escaped is text that Markdown takes for nothing else.
func escaped(text string) string {
	return strings.NewReplacer("<", "&lt;", "*", `\*`, "|", `\|`).Replace(text)
}

// A ruleJSON is a rule as explain prints it as JSON.
type ruleJSON struct {
	Code     diag.Code `json:"code"`
	Family   string    `json:"family"`
	Severity string    `json:"severity"`
	Always   bool      `json:"always"`
	Title    string    `json:"title"`
	Ignored  string    `json:"ignored"`
	Fix      string    `json:"fix"`
	Source   string    `json:"source,omitempty"`
	Bad      string    `json:"bad,omitempty"`
	Good     string    `json:"good,omitempty"`
}

// explainJSON prints a list of rules.
func explainJSON(w *bufio.Writer, families []diag.Family, _ bool) error {
	rules := []ruleJSON{}
	for _, f := range families {
		for _, r := range f.Rules {
			bad, _, _ := diag.CutMark(strings.TrimPrefix(r.Bad, "\n"))
			rules = append(rules, ruleJSON{r.Code, f.Name, r.Severity.String(), r.Structural, r.Title, r.Ignored, r.Fix, r.Source, bad, strings.TrimPrefix(r.Good, "\n")})
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(rules)
}
