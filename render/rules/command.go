package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/lazyregexp"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/templates"
)

// testerCommands are what the load tester's image has beside a shell's own and those
// of busybox (fluxcd/flagger Dockerfile.loadtester).
var testerCommands = []string{
	"bash", "bats", "curl", "ghz", "git", "grpc_health_probe", "helm", "hey", "jq", "kubectl", "wget", "wrk",
}

// A word is one of a command. Its text is known where it depends on nothing.
type word struct {
	text  string
	known bool
}

// A shellCall is a command with its words. What it is called is empty where it is not known.
type shellCall struct {
	name  string
	words []word
}

// A shellScript is what of a script can be told without running it.
type shellScript struct {
	// calls are its commands, and functions those that it defines.
	calls     []shellCall
	functions []string
	// simple scripts are a command alone, without pipes and loops.
	simple bool
}

// parseScript reads a script. The shell of a load tester's cmd is busybox' and that of
// bash is bash, which has all of its syntax.
func parseScript(text string) (s shellScript, err error) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		return shellScript{}, err
	}
	if len(file.Stmts) == 1 {
		_, s.simple = file.Stmts[0].Cmd.(*syntax.CallExpr)
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			s.functions = append(s.functions, n.Name.Value)
		case *syntax.CallExpr:
			var words []word
			for _, w := range n.Args {
				words = append(words, literal(w))
			}
			s.calls = append(s.calls, callsOf(words)...)
		}
		return true
	})
	for _, call := range s.calls {
		text := call.script()
		if text == "" {
			continue
		}
		inner, err := parseScript(text)
		if err != nil {
			return shellScript{}, err
		}
		s.calls, s.functions = append(s.calls, inner.calls...), append(s.functions, inner.functions...)
	}
	return s, nil
}

// runners are commands that run the one in their words, and how many words of their own stand before it.
var runners = map[string]int{
	"command": 0, "env": 0, "exec": 0, "flock": 1, "ionice": 0, "nice": 0, "nohup": 0, "setsid": 0, "time": 0, "timeout": 1,
}

// callsOf are the command that words make, and those that it runs.
func callsOf(words []word) (calls []shellCall) {
	for len(words) > 0 {
		call := shellCall{words[0].text, words[1:]}
		calls = append(calls, call)
		own, ok := runners[call.name]
		if !ok {
			break
		}
		words = call.words
		options := false
		for len(words) > 0 && (strings.HasPrefix(words[0].text, "-") || call.name == "env" && strings.Contains(words[0].text, "=")) {
			options = options || words[0].text[0] == '-'
			words = words[1:]
		}
		if options {
			// An option may have the next word for its value, so only what is meant to
			// be found is looked for.
			own = slices.IndexFunc(words, func(w word) bool { return isLoadGenerator(w.text) })
		}
		if own < 0 || own >= len(words) || strings.HasPrefix(words[own].text, "-") {
			break
		}
		words = words[own:]
	}
	return calls
}

// script returns the one that a call has a shell run, or nothing.
func (c shellCall) script() string {
	if name := path.Base(c.name); name != "ash" && name != "bash" && name != "sh" {
		return ""
	}
	for i := 0; i+1 < len(c.words) && strings.HasPrefix(c.words[i].text, "-"); i++ {
		if option := c.words[i].text; !strings.HasPrefix(option, "--") && strings.HasSuffix(option, "c") {
			return c.words[i+1].text
		}
	}
	return ""
}

// literal returns a word of a script.
func literal(w *syntax.Word) word {
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
					return word{}
				}
				b.WriteString(quotedEscape.Replace(lit.Value))
			}
		default:
			return word{}
		}
	}
	return word{b.String(), true}
}

// What a backslash stands before outside of quotes, and inside of double ones.
var (
	escape       = lazyregexp.New(`(?s)\\(.)`)
	quotedEscape = strings.NewReplacer(`\$`, `$`, "\\`", "`", `\"`, `"`, `\\`, `\`)
)

// longestCommand is how many bytes Linux takes as one argument, which is what a
// command is of its shell (MAX_ARG_STRLEN, without the byte that ends it).
const longestCommand = 128<<10 - 1

// checkCommand reports what of a webhook's command the load tester cannot run, and, where it
// makes the load of the analysis, load that does not go to where it is measured.
func checkCommand(r *Rollout, w flagger.Webhook, script string, at schema.Path) {
	if len(script) > longestCommand {
		r.Report(diag.BadCommand, at, fmt.Sprintf("the command has %d bytes, and a shell takes %d", len(script), longestCommand), "put the script into the image of a load tester of your own")
		return
	}
	parsed, err := parseScript(script)
	if err != nil {
		_, problem, _ := strings.Cut(err.Error(), ": ") // behind the position, which is in the command
		r.Report(diag.BadCommand, at, "a shell does not take the command: "+problem, "check quotes and brackets")
		return
	}
	for _, call := range parsed.calls {
		checkKnownCommand(r, w, call, parsed.functions, at)
	}
	if w.Kind() == flagger.RolloutHook {
		_, from := serviceAt(w.URL)
		checkTargets(r, parsed.calls, script, at, from)
	}
}

// checkKnownCommand reports a command that is not in the load tester's image. Of
// another image nobody can say it.
func checkKnownCommand(r *Rollout, w flagger.Webhook, call shellCall, functions []string, at schema.Path) {
	name := call.name
	known := slices.Concat(testerCommands, strings.Fields(templates.ShellCommands), functions)
	if name == "" || strings.ContainsAny(name, "/$=") || r.otherImage(w) || slices.Contains(known, name) {
		return
	}
	hint := diag.DidYouMean(name, testerCommands, "it has "+strings.Join(testerCommands, ", ")+", and what busybox has")
	r.Report(diag.UnknownCommand, at, fmt.Sprintf("the load tester's image has no %s", name), hint)
}

// otherImage reports whether the load tester that a webhook calls runs another image than Flagger's.
func (r *Rollout) otherImage(w flagger.Webhook) bool {
	name, namespace := serviceAt(w.URL)
	if t := r.Tester; t.Exists && name == t.ID.Name && namespace == t.ID.Namespace {
		return t.OtherImage
	}
	return r.On.OtherTesterImage
}
