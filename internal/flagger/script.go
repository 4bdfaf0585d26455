package flagger

import (
	"errors"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/fleetwright/fleetwright/internal/lazyregexp"
)

// LongestCommand is how many bytes Linux takes as one argument, which is what a
// command is of its shell (MAX_ARG_STRLEN, without the byte that ends it).
const LongestCommand = 128<<10 - 1

var errTooLong = errors.New("the command is longer than a shell takes")

// A Word is one of a command. Its text is known where it depends on nothing.
type Word struct {
	Text  string
	Known bool
}

// A Call is a command with its words. What it is called is empty where it is not known.
type Call struct {
	Name  string
	Words []Word
}

// A Script is what can be told of a script without running it.
type Script struct {
	// Calls are its commands, and Functions those that it defines.
	Calls     []Call
	Functions []string
	// Simple scripts are a command alone, without pipes and loops.
	Simple bool

	file *syntax.File
}

// ParseScript reads a script. The shell of a load tester's cmd is busybox' and that of
// bash is bash, which has all of its syntax.
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

// runners are commands that run the one in their words, and how many words of their own stand before it.
var runners = map[string]int{
	"command": 0, "env": 0, "exec": 0, "flock": 1, "ionice": 0, "nice": 0, "nohup": 0, "setsid": 0, "time": 0, "timeout": 1,
}

// callsOf are the command that words make, and those that it runs.
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
			// An option may have the next word for its value, so only what is meant to
			// be found is looked for.
			own = slices.IndexFunc(words, func(w Word) bool { return IsLoadGenerator(w.Text) })
		}
		if own < 0 || own >= len(words) || strings.HasPrefix(words[own].Text, "-") {
			break
		}
		words = words[own:]
	}
	return calls
}

// script returns the one that a call has a shell run, or nothing.
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

// IsOpaque reports whether a call runs what its words do not tell: the script of a file or of a pipe, or
// what stands behind options whose values are not known.
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

// What a backslash stands before outside of quotes, and inside of double ones.
var (
	escape       = lazyregexp.New(`(?s)\\(.)`)
	quotedEscape = strings.NewReplacer(`\$`, `$`, "\\`", "`", `\"`, `"`, `\\`, `\`)
)
