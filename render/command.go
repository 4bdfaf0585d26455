package render

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

// checkCommands says which commands of the analysis do not test the rollout.
func (r *rollout) checkCommands() {
	for i, command := range r.commands() {
		r.checkCommand(command, inAnalysis("webhooks", "command", i), true, namespaceOf(r.loadTesterURL()))
	}
}

// testerCommands are what the load tester's image has beside a shell's own and those
// of busybox (fluxcd/flagger Dockerfile.loadtester).
var testerCommands = []string{
	"bash", "bats", "curl", "ghz", "git", "grpc_health_probe", "helm", "hey", "jq", "kubectl", "wget", "wrk",
}

// loadGenerators make the traffic that is measured.
var loadGenerators = []string{"ghz", "hey", "wrk"}

// shellCommands are those of bash and of a busybox that scripts of a load test may
// use. Of all others it is said that the image has none: the few that are rarer can be
// ignored by a comment, and a misspelt one is worth it.
var shellCommands = sync.OnceValue(func() []string {
	return strings.Fields(`
	. : [ alias bg bind break builtin caller cd command compgen complete continue declare dirs disown echo enable
	eval exec exit export false fc fg getopts hash help history jobs kill let local logout mapfile popd printf pushd
	pwd read readarray readonly return set shift shopt source suspend test times trap true type typeset ulimit umask
	unalias unset wait
	addgroup adduser arch arp arping ash awk base64 basename bc bunzip2 bzcat bzip2 cal cat chattr chgrp chmod chown
	chpasswd chroot cksum clear cmp comm cp cpio crond crontab cut date dc dd df diff dirname dmesg dnsdomainname
	dos2unix du egrep env expand expr factor fallocate fgrep find flock fold free fsync fuser getconf getent getopt
	grep groups gunzip gzip hd head hexdump hostid hostname iconv id ifconfig install ionice iostat ip ipcalc killall
	last ldd less link ln logger login ls lsattr lsof lzcat lzma lzop md5sum mkdir mkfifo mknod mkpasswd mktemp more
	mount mountpoint mpstat mv nc netstat nice nl nohup nologin nproc nslookup nsenter ntpd od paste pgrep pidof ping
	ping6 pkill pmap printenv ps pscan pstree pwdx rdate readlink realpath renice reset resize rev rm rmdir route
	run-parts sed sendmail seq setpriv setsid sh sha1sum sha256sum sha3sum sha512sum shred shuf sleep sort split
	ssl_client stat strings stty su sum sync sysctl tac tail tar tee time timeout top touch tr traceroute traceroute6
	tree truncate tty ttysize umount uname unexpand uniq unix2dos unlink unlzma unlzop unshare unxz unzip uptime usleep
	uudecode uuencode vi vlock volname watch watchdog wc which who whoami whois xargs xxd xzcat yes zcat`)
})

// A word is one of a command. Its text is known where it depends on nothing.
type word struct {
	text  string
	known bool
}

// A shellCall is a command with its words. What it is called is empty where it is not
// known.
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
		text, ok := call.script()
		if !ok {
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

// runners are commands that run the one in their words, and how many words of their
// own stand before it.
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
			own = max(slices.IndexFunc(words, func(w word) bool { return isLoadGenerator(w.text) }), 0)
			if own == 0 && (len(words) == 0 || !isLoadGenerator(words[0].text)) {
				break
			}
		}
		words = words[min(own, len(words)):]
		if len(words) > 0 && strings.HasPrefix(words[0].text, "-") {
			break
		}
	}
	return calls
}

// script is the one that a call has a shell run.
func (c shellCall) script() (text string, ok bool) {
	switch path.Base(c.name) {
	case "ash", "bash", "sh":
	default:
		return "", false
	}
	for i, w := range c.words[:max(len(c.words)-1, 0)] {
		if !strings.HasPrefix(w.text, "-") {
			break
		}
		if !strings.HasPrefix(w.text, "--") && strings.HasSuffix(w.text, "c") {
			return c.words[i+1].text, c.words[i+1].known
		}
	}
	return "", false
}

// isLoadGenerator says whether a command makes the traffic that is measured.
func isLoadGenerator(name string) bool { return slices.Contains(loadGenerators, path.Base(name)) }

// literal is a word of a script.
func literal(w *syntax.Word) word {
	var b strings.Builder
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(unescaped(p.Value, ""))
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			for _, inner := range p.Parts {
				lit, ok := inner.(*syntax.Lit)
				if !ok {
					return word{}
				}
				b.WriteString(unescaped(lit.Value, "$`\"\\"))
			}
		default:
			return word{}
		}
	}
	return word{b.String(), true}
}

// unescaped is text without the backslashes before some characters, or before any.
func unescaped(text, some string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (some == "" || strings.IndexByte(some, text[i+1]) >= 0) {
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// longestCommand is how many bytes Linux takes as one argument, which is what a
// command is of its shell (MAX_ARG_STRLEN, without the byte that ends it).
const longestCommand = 128<<10 - 1

// checkCommand says what of a command the load tester cannot run, and, where it makes
// the load of the analysis, whether the load goes from the namespace that it runs in
// to where it is measured.
func (r *rollout) checkCommand(script string, at schema.Path, load bool, from string) {
	if len(script) > longestCommand {
		r.report(diag.BadCommand, at, fmt.Sprintf("the command has %d bytes, and a shell takes %d", len(script), longestCommand), "put the script into the image of a load tester of your own")
		return
	}
	parsed, err := parseScript(script)
	if err != nil {
		r.report(diag.BadCommand, at, "a shell does not take the command: "+shellProblem(err), "check quotes and brackets")
		return
	}
	for _, call := range parsed.calls {
		r.checkKnownCommand(call, parsed.functions, at)
	}
	if load {
		r.checkTargets(parsed.calls, script, at, from)
	}
}

// shellProblem is a parser's error without its position, which is in the command.
func shellProblem(err error) string {
	text := err.Error()
	if _, after, ok := strings.Cut(text, ": "); ok {
		text = after
	}
	return text
}

// checkKnownCommand says which commands are not in the load tester's image. Of an
// image that is another nobody can say it.
func (r *rollout) checkKnownCommand(call shellCall, functions []string, at schema.Path) {
	name := call.name
	if name == "" || strings.ContainsAny(name, "/$=") || len(r.Patches) > 0 || r.c.settings.Charts["loadtester"].Values["image"] != nil ||
		slices.Contains(testerCommands, name) || slices.Contains(shellCommands(), name) || slices.Contains(functions, name) {
		return
	}
	hint := "it has " + strings.Join(testerCommands, ", ") + ", and what busybox has"
	if meant := diag.Nearest(name, testerCommands); meant != "" {
		hint = "did you mean " + meant + "?"
	}
	r.report(diag.UnknownCommand, at, fmt.Sprintf("the load tester's image has no %s", name), hint)
}
