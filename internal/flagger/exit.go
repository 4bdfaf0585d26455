package flagger

import (
	"path"
	"slices"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"
)

// A Verdict is the known end of a script that was not run.
type Verdict struct {
	// Passes reports whether the script always exits with 0 if it reaches its servers. Fails reports whether it
	// always exits with another status.
	Passes, Fails bool
	// Least is the shortest time until it exits with 0.
	Least time.Duration
}

// Verdict returns the facts about the script's end that depend on nothing outside the script.
func (s *Script) Verdict() Verdict {
	e := exit{functions: s.Functions}
	syntax.Walk(s.file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			if len(n.Args) > 0 {
				e.readOptions(wordsOf(n.Args))
			}
		case *syntax.ParamExp:
			e.lost = e.lost || n.Exp != nil // ${X:?} ends the script
			e.expands = true
		}
		return true
	})
	if e.lost {
		return Verdict{}
	}
	o := e.list(s.file.Stmts).inSubshell()
	told := !e.unset || !e.expands
	return Verdict{Passes: told && o.other == forever, Fails: told && o.zero == forever, Least: o.zero}
}

// An outcome is the outcome of a part of a script: the shortest times until it succeeds, until it fails, and until
// it ends the script with 0 or with another status. An impossible event takes forever.
type outcome struct{ zero, other, exit, abort time.Duration }

const forever = time.Duration(1<<63 - 1)

var (
	succeeds = outcome{0, forever, forever, forever}
	fails    = outcome{forever, 0, forever, forever}
	either   = outcome{0, 0, forever, forever}
	unsure   = outcome{}
)

// An exit finds the outcomes of the parts of a script.
type exit struct {
	functions []string
	// errexit, pipefail and unset are options of the shell that the script may set anywhere.
	errexit, pipefail, unset bool
	// expands reports whether the script expands parameters, breaks whether it breaks out of loops, and lost
	// whether nothing is known about it.
	expands, breaks, lost bool
}

// changers are the builtins after which the text of a script no longer shows what it does.
var changers = []string{".", "alias", "eval", "kill", "return", "shopt", "source", "trap", "wait"}

// readOptions records the shell options that a command sets.
func (e *exit) readOptions(words []Word) {
	e.lost = e.lost || !words[0].Known || slices.Contains(changers, words[0].Text)
	e.breaks = e.breaks || words[0].Text == "break" || words[0].Text == "continue"
	if words[0].Text != "set" {
		return
	}
	for i, w := range words[1:] {
		switch {
		case !w.Known:
			e.lost = true
		case strings.HasPrefix(w.Text, "-") && !strings.HasPrefix(w.Text, "--"):
			e.errexit = e.errexit || strings.Contains(w.Text, "e")
			e.unset = e.unset || strings.Contains(w.Text, "u")
		case i > 0:
			e.errexit = e.errexit || w.Text == "errexit"
			e.pipefail = e.pipefail || w.Text == "pipefail"
			e.unset = e.unset || w.Text == "nounset"
		}
	}
}

// done returns the shortest time until the part is done.
func (o outcome) done() time.Duration { return min(o.zero, o.other) }

// after returns the outcome of a part that begins later by d.
func (o outcome) after(d time.Duration) outcome {
	plus := func(t time.Duration) time.Duration {
		if t > forever-d {
			return forever
		}
		return t + d
	}
	return outcome{plus(o.zero), plus(o.other), plus(o.exit), plus(o.abort)}
}

// or returns the outcome if either of two parts runs.
func (o outcome) or(p outcome) outcome {
	return outcome{min(o.zero, p.zero), min(o.other, p.other), min(o.exit, p.exit), min(o.abort, p.abort)}
}

// branch returns the outcome of a part followed by then if it succeeds, or else by otherwise.
func (o outcome) branch(then, otherwise outcome) outcome {
	return outcome{forever, forever, o.exit, o.abort}.or(then.after(o.zero)).or(otherwise.after(o.other))
}

// inSubshell returns the outcome of a part that can end only its own subshell.
func (o outcome) inSubshell() outcome {
	return outcome{min(o.zero, o.exit), min(o.other, o.abort), forever, forever}
}

func (e *exit) list(stmts []*syntax.Stmt) outcome {
	o := succeeds
	for _, s := range stmts {
		next := e.statement(s)
		o = o.branch(next, next)
	}
	return o
}

func (e *exit) statement(s *syntax.Stmt) outcome {
	if s.Background {
		return succeeds
	}
	o := e.command(s.Cmd)
	if slices.ContainsFunc(s.Redirs, func(r *syntax.Redirect) bool { return !safeRedirect(r) }) {
		o = o.or(fails)
	}
	if s.Negated {
		o.zero, o.other = o.other, o.zero
	} else if e.errexit {
		o.abort = min(o.abort, o.other)
	}
	return o
}

// safeRedirect reports whether a redirection always succeeds: the load tester's file system is read-only.
func safeRedirect(r *syntax.Redirect) bool {
	if r.Op == syntax.DplOut || r.Op == syntax.DplIn || r.Hdoc != nil || r.Op == syntax.WordHdoc {
		return true
	}
	w := literal(r.Word)
	return w.Known && slices.Contains([]string{"/dev/null", "/dev/stdout", "/dev/stderr"}, w.Text)
}

func (e *exit) command(c syntax.Command) outcome {
	switch c := c.(type) {
	case nil, *syntax.FuncDecl:
		return succeeds
	case *syntax.CallExpr:
		return e.call(c)
	case *syntax.Block:
		return e.list(c.Stmts)
	case *syntax.Subshell:
		return e.list(c.Stmts).inSubshell()
	case *syntax.TimeClause:
		if c.Stmt == nil {
			return succeeds
		}
		return e.statement(c.Stmt)
	case *syntax.BinaryCmd:
		return e.binary(c)
	case *syntax.IfClause:
		return e.ifClause(c)
	case *syntax.CaseClause:
		o := succeeds
		for _, item := range c.Items {
			o = o.or(e.list(item.Stmts))
		}
		return o
	case *syntax.ForClause:
		return e.forClause(c)
	}
	// Loops with a condition may never end, and tests depend on the environment.
	return unsure
}

// forClause returns the outcome of a for loop, which runs once for each word of a list.
func (e *exit) forClause(c *syntax.ForClause) outcome {
	once := e.list(c.Do)
	all := succeeds.or(once)
	list, ok := c.Loop.(*syntax.WordIter)
	if !ok || e.breaks || once.done() == 0 || slices.ContainsFunc(list.Items, func(w *syntax.Word) bool { return !literal(w).Known }) {
		return all
	}
	all = succeeds
	for range list.Items {
		all = all.branch(once, once)
	}
	return all
}

func (e *exit) ifClause(c *syntax.IfClause) outcome {
	if len(c.Cond) == 0 { // else
		return e.list(c.Then)
	}
	otherwise := succeeds
	if c.Else != nil {
		otherwise = e.ifClause(c.Else)
	}
	return e.list(c.Cond).branch(e.list(c.Then), otherwise)
}

func (e *exit) binary(c *syntax.BinaryCmd) outcome {
	x, y := e.statement(c.X), e.statement(c.Y)
	switch c.Op {
	case syntax.AndStmt:
		return x.branch(y, fails)
	case syntax.OrStmt:
		return x.branch(succeeds, y)
	}
	// Each part of a pipe runs in its own subshell.
	x, y = x.inSubshell(), y.inSubshell()
	pipe := outcome{max(y.zero, x.done()), max(y.other, x.done()), forever, forever}
	if e.pipefail {
		pipe.other = min(pipe.other, max(x.other, y.done()))
	}
	return pipe
}

// transparent are the commands that exit with the status of the command that they run.
var transparent = []string{"command", "env", "exec", "nice", "nohup", "setsid", "time"}

func (e *exit) call(c *syntax.CallExpr) outcome {
	if len(c.Args) == 0 {
		for _, a := range c.Assigns {
			if a.Value != nil && !literal(a.Value).Known || a.Array != nil {
				return either // the status of a command substitution
			}
		}
		return succeeds
	}
	calls := callsOf(wordsOf(c.Args))
	last := calls[len(calls)-1]
	for _, runner := range calls[:len(calls)-1] {
		if !slices.Contains(transparent, runner.Name) {
			return either
		}
	}
	switch {
	case slices.Contains(e.functions, last.Name):
		return unsure
	case last.Name == "exit":
		switch {
		case len(last.Words) == 0 || !last.Words[0].Known:
			return outcome{forever, forever, 0, 0}
		case strings.Trim(last.Words[0].Text, "0") == "":
			return outcome{forever, forever, 0, forever}
		}
		return outcome{forever, forever, forever, 0}
	}
	o := last.outcome()
	if calls[0].Name == "exec" && len(calls) > 1 {
		return outcome{forever, forever, o.zero, o.other}
	}
	return o
}

// outcome returns the outcome of a command.
func (c Call) outcome() outcome {
	if text := c.script(); text != "" {
		inner, err := ParseScript(text)
		if err != nil {
			return either
		}
		switch v := inner.Verdict(); {
		case v.Passes:
			return succeeds.after(v.Least)
		case v.Fails:
			return fails
		default:
			return either.after(v.Least) // a failure never counts as a pass
		}
	}
	switch name := path.Base(c.Name); {
	case name == "sleep":
		return succeeds.after(slept(c))
	case name == "hey" && c.Lasts() == 0 && c.requests() == 0, name == "false":
		return fails // hey rejects fewer requests than workers (rakyll/hey hey.go)
	case slices.Contains(contented, name), generators[name].contented, c.IsLenientCurl(), name == "cat" && len(c.Words) == 0:
		return succeeds.after(c.Lasts())
	}
	return either
}

// contented are the commands that always exit with 0, unless their options are wrong.
var contented = []string{":", "break", "continue", "date", "echo", "printf", "set", "true", "unset"}

// curlValues are the short options of curl that need a value (curl src/tool_getparam.c).
const curlValues = "AbcCdDeEFhHKmoPQrtTuUwxXyYz"

// IsLenientCurl reports whether a call runs curl without --fail, which exits with 0 even if the server returns an
// error.
func (c Call) IsLenientCurl() bool {
	if path.Base(c.Name) != "curl" {
		return false
	}
	for i := 0; i < len(c.Words); i++ {
		w := c.Words[i]
		switch {
		case !w.Known:
			return false
		case strings.HasPrefix(w.Text, "--"):
			// curl accepts unambiguous prefixes of options, and a configuration file may set any option.
			if strings.HasPrefix(w.Text, "--fa") || strings.HasPrefix(w.Text, "--conf") ||
				strings.HasPrefix(w.Text, "--remote-n") || strings.HasPrefix(w.Text, "--output") && !c.isNull(i, "--output") {
				return false
			}
		case strings.HasPrefix(w.Text, "-"):
			for j, letter := range w.Text[1:] {
				if letter == 'f' || letter == 'K' || letter == 'O' || letter == 'o' && !c.isNull(i, w.Text[:j+2]) {
					return false
				}
				if strings.ContainsRune(curlValues, letter) {
					if j == len(w.Text)-2 {
						i++ // the next word is the value
					}
					break
				}
			}
		}
	}
	return true
}

// isNull reports whether an option's value is /dev/null, which may be the only writable file in the load tester.
func (c Call) isNull(i int, option string) bool {
	value := strings.TrimPrefix(c.Words[i].Text[len(option):], "=")
	if value == "" && i+1 < len(c.Words) {
		value = c.Words[i+1].Text
	}
	return value == "/dev/null"
}

// slept returns how long a sleep takes, or 0 if that is unknown.
func slept(c Call) (d time.Duration) {
	for _, w := range c.Words {
		text := w.Text
		if strings.Trim(text, "0123456789.") == "" {
			text += "s"
		}
		switch days, isDays := strings.CutSuffix(text, "d"); {
		case isDays && days != "":
			d += 24 * time.Hour
		default:
			one, err := time.ParseDuration(text)
			if err != nil {
				return 0
			}
			d += one
		}
	}
	return d
}
