package diag

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

var githubCommands = [...]string{Info: "notice", Warning: "warning", Error: "error"}

// The characters that must be escaped in a command (github.com/actions/toolkit, packages/core/src/command.ts,
// escapeData and escapeProperty).
var (
	githubData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// writeGitHub writes workflow commands, which GitHub shows next to the lines of a pull request.
func writeGitHub(w io.Writer, list List, options FormatOptions) error {
	b := bufio.NewWriter(w)
	for _, d := range list {
		var properties []string
		set := func(name, value string) {
			properties = append(properties, name+"="+Printable(githubProperty.Replace(Redact(value))))
		}
		if at := d.Position; !at.IsZero() {
			set("file", options.inRepository(at.File))
			if at.Line > 0 {
				set("line", strconv.Itoa(at.Line))
			}
			if at.Line > 0 && at.Column > 0 {
				set("col", strconv.Itoa(at.Column))
			}
		}
		set("title", strings.TrimSpace(string(d.Code)+" "+d.Code.Rule().Title))
		text := withHint(d)
		if d.Path != "" {
			text = Plain(d.Path) + ": " + text
		}
		fmt.Fprintf(b, "::%s %s::%s\n", githubCommands[d.Severity], strings.Join(properties, ","), githubData.Replace(text))
	}
	return b.Flush()
}

// withHint returns the message with the hint on separate lines.
func withHint(d Diagnostic) string {
	lines := []string{Plain(d.Message)}
	for line := range strings.Lines(d.Hint) {
		lines = append(lines, "hint: "+Plain(strings.TrimSuffix(line, "\n")))
	}
	return strings.Join(lines, "\n")
}
