package flagger

import (
	"errors"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/fleetwright/fleetwright/internal/lazyregexp"
)

// LongestCommand is the maximum length in bytes of an argument in Linux, and so of a command that is an argument
// of its shell (MAX_ARG_STRLEN, without the terminating byte).
const LongestCommand = 128<<10 - 1

var errTooLong = errors.New("the command is too long for a shell")

// A Word is a word of a command. Its text is known if it contains no expansion.
type Word struct {
	Text  string
	Known bool
}

// A Call is a command with its words. Its name is empty if it is unknown.
type Call struct {
	Name  string
	Words []Word
}

// A Script holds the facts about a script that was not run.
type Script struct {
	// Calls are its commands, and Functions are the names of the functions that it defines.
	Calls     []Call
	Functions []string
	// Simple reports whether the script is a single command, without pipes and loops.
	Simple bool

	file *syntax.File
}

// ParseScript parses a script. A load tester runs cmd with the shell of busybox, and bash with bash, whose syntax
// includes the other.
func ParseScript(text string) (s Script, err error) {
	if len(text) > LongestCommand {
		return Script{}, errTooLong
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		return Script{}, err
	}
	s.file = file
	if len(file.Stmts) == 1 {
		_, s.Simple = file.Stmts[0].Cmd.(*syntax.CallExpr)
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			s.Functions = append(s.Functions, n.Name.Value)
		case *syntax.CallExpr:
			s.Calls = append(s.Calls, callsOf(wordsOf(n.Args))...)
		}
		return true
	})
	for _, call := range s.Calls {
		text := call.script()
		if text == "" {
			continue
		}
		inner, err := ParseScript(text)
		if err != nil {
			return Script{}, err
		}
		s.Calls, s.Functions = append(s.Calls, inner.Calls...), append(s.Functions, inner.Functions...)
	}
	return s, nil
}

// runners are the commands that run the command in their words, with the number of words before it.
var runners = map[string]int{
	"command": 0, "env": 0, "exec": 0, "flock": 1, "ionice": 0, "nice": 0, "nohup": 0, "setsid": 0, "time": 0, "timeout": 1,
}

// callsOf returns the command in words, and the commands that it runs.
func callsOf(words []Word) (calls []Call) {
	for len(words) > 0 {
		call := Call{words[0].Text, words[1:]}
		calls = append(calls, call)
		own, ok := runners[call.Name]
		if !ok {
			break
		}
		words = call.Words
		options := false
		for len(words) > 0 && (strings.HasPrefix(words[0].Text, "-") || call.Name == "env" && strings.Contains(words[0].Text, "=")) {
			options = options || words[0].Text[0] == '-'
			words = words[1:]
		}
		if options {
			// The next word may be the value of an option, so search only for load generators.
			own = slices.IndexFunc(words, func(w Word) bool { return IsLoadGenerator(w.Text) })
		}
		if own < 0 || own >= len(words) || strings.HasPrefix(words[own].Text, "-") {
			break
		}
		words = words[own:]
	}
	return calls
}

// script returns the script that a call passes to a shell, or "".
func (c Call) script() string {
	if name := path.Base(c.Name); name != "ash" && name != "bash" && name != "sh" {
		return ""
	}
	for i := 0; i+1 < len(c.Words) && strings.HasPrefix(c.Words[i].Text, "-"); i++ {
		if option := c.Words[i].Text; !strings.HasPrefix(option, "--") && strings.HasSuffix(option, "c") {
			return c.Words[i+1].Text
		}
	}
	return ""
}

// IsOpaque reports whether a call runs a command that its words do not show: a script in a file or from a pipe, or
// a command after options with unknown values.
func (c Call) IsOpaque() bool {
	switch path.Base(c.Name) {
	case "ash", "bash", "sh":
		return c.script() == ""
	}
	_, runs := runners[c.Name]
	return runs && len(c.Words) > 0 && strings.HasPrefix(c.Words[0].Text, "-") &&
		!slices.ContainsFunc(c.Words, func(w Word) bool { return IsLoadGenerator(w.Text) })
}

func wordsOf(args []*syntax.Word) (words []Word) {
	for _, w := range args {
		words = append(words, literal(w))
	}
	return words
}

// literal returns a word of a script.
func literal(w *syntax.Word) Word {
	var b strings.Builder
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(escape().ReplaceAllString(p.Value, "$1"))
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			for _, inner := range p.Parts {
				lit, ok := inner.(*syntax.Lit)
				if !ok {
					return Word{}
				}
				b.WriteString(quotedEscape.Replace(lit.Value))
			}
		default:
			return Word{}
		}
	}
	return Word{b.String(), true}
}

// The characters that a backslash escapes outside of quotes, and within double quotes.
var (
	escape       = lazyregexp.New(`(?s)\\(.)`)
	quotedEscape = strings.NewReplacer(`\$`, `$`, "\\`", "`", `\"`, `"`, `\\`, `\`)
)
