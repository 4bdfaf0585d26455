package render

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

// gates are the types of webhooks whose answer decides how a rollout goes on, and what
// it does where one always passes (docs/gitbook/usage/webhooks.md).
var gates = map[string]string{
	"pre-rollout":              "traffic goes to the new version whatever the command finds",
	"confirm-rollout":          "the rollout begins whatever the command finds",
	"confirm-traffic-increase": "the traffic is increased whatever the command finds",
	"confirm-promotion":        "the new version is promoted whatever the command finds",
	"rollback":                 "every rollout is undone at its first check",
}

// shellTask is what a load tester takes metadata without a type for. It answers
// before the command has run, whatever becomes of it (pkg/loadtester/server.go).
const shellTask = "cmd"

// tasks are the types that a load tester knows, and whether their command is one of a
// shell (pkg/loadtester/task_*.go). Of any other it dies (task.go, GetTaskFactory).
var tasks = map[string]bool{
	shellTask: true, "bash": true,
	"helm": false, "helmv3": false, "kubectl": false, "concord": false, "ngrinder": false,
}

// needsCommand says whether a task is nothing without cmd.
func needsCommand(task string) bool { return task != "concord" && task != "ngrinder" }

// task is the type of what a load tester does for a webhook. One that is set to
// nothing is not the same as none (pkg/loadtester/server.go).
func (w canaryWebhook) task() string {
	if t, ok := w.Metadata["type"]; ok {
		return t
	}
	return shellTask
}

// toTasks says whether the webhook has a load tester do something.
func (w canaryWebhook) toTasks() bool {
	u, err := url.Parse(w.URL)
	return err == nil && isLoadTester(u.Hostname(), u.Path)
}

// checks says whether the webhook may keep a version from being promoted.
func (w canaryWebhook) checks() bool {
	if w.Type != "rollout" && gates[w.Type] == "" {
		return false
	}
	return !w.toTasks() || w.task() != shellTask
}

// defaultWebhookTimeout is Flagger's, in seconds (pkg/controller/webhook.go).
const defaultWebhookTimeout = 10

// timeoutSeconds is how long Flagger waits for an answer.
func (w canaryWebhook) timeoutSeconds() int {
	d, err := time.ParseDuration(w.Timeout)
	if err != nil || d <= 0 {
		return defaultWebhookTimeout
	}
	return int(min(d, time.Hour*24*365) / time.Second)
}

// checkWebhooks says which webhooks nobody answers, or not as they seem to.
func (r *rollout) checkWebhooks() {
	all := r.webhooks()
	for i, w := range r.RolloutPolicy.Webhooks {
		at := schema.Path{"rolloutPolicy", "webhooks", i}
		if d, err := time.ParseDuration(string(w.Timeout)); w.Timeout != "" && (err != nil || d == 0) {
			r.report(diag.OutOfBounds, at.With("timeout"), "with a timeout of "+string(w.Timeout)+" the webhook never passes", "timeout: 10s")
		}
		if made := all[i]; made.toTasks() {
			r.checkTask(made, at)
			r.checkOutsideMesh(w, at)
		}
	}
	if r.TestLoader || r.stack.loadTester != nil {
		return
	}
	for _, at := range r.toLoadTester() {
		r.report(diag.NoLoadTester, at,
			fmt.Sprintf("no load tester runs the commands: the rollout has none of its own, and the fleet at %s installs no public one", r.stack.fleet.doc.Position("metadata", "name")), "testLoader: true for the rollout, or publicTestloader: true for the fleet")
	}
}

// checkTask says what of a load tester's task does not do what it seems to.
func (r *rollout) checkTask(w canaryWebhook, at schema.Path) {
	shell, known := tasks[w.task()]
	metadata := at.With("metadata")
	switch {
	case len(w.Metadata) == 0:
		r.report(diag.NoCommand, at, "a load tester does nothing without metadata, and answers with an error", "metadata: {type: cmd, cmd: hey …}, or a url")
	case !known:
		hint := "type: bash, or one of " + strings.Join(slices.Sorted(maps.Keys(tasks)), ", ")
		if meant := diag.Nearest(w.task(), slices.Sorted(maps.Keys(tasks))); meant != "" {
			hint = "did you mean " + meant + "?"
		}
		name := w.task()
		if strings.TrimSpace(name) == "" {
			name = strconv.Quote(name)
		}
		r.report(diag.UnknownTask, metadata.With("type"), fmt.Sprintf("a load tester has no tasks of type %s, and answers with none", name), hint)
	case needsCommand(w.task()) && strings.TrimSpace(w.Metadata["cmd"]) == "":
		r.report(diag.NoCommand, metadata, fmt.Sprintf("a task of type %s needs a cmd", w.task()), "cmd: hey -z 1m "+r.serviceURL(r.ServiceName+canarySuffix))
	case w.task() == shellTask && gates[w.Type] != "" && !w.warmsUp():
		r.report(diag.CommandAsGate, metadata, fmt.Sprintf("a load tester answers before a command of type cmd has run: %s", gates[w.Type]), "metadata: {type: bash, cmd: …}, which is waited for")
	}
	if shell {
		r.checkCommand(w.Metadata["cmd"], metadata.With("cmd"), w.Type == "rollout", namespaceOf(w.URL))
	}
}

// warmsUp says whether the webhook makes the load of an analysis before it begins. Its
// command is not to be waited for, and finds nothing.
func (w canaryWebhook) warmsUp() bool {
	if w.Type != "pre-rollout" || len(w.Metadata["cmd"]) > longestCommand {
		return false
	}
	calls, _, err := shellCalls(w.Metadata["cmd"])
	return err == nil && slices.ContainsFunc(calls, func(c shellCall) bool { return isLoadGenerator(c.name) })
}

// checkOutsideMesh says that a load tester of another namespace has no sidecar.
func (r *rollout) checkOutsideMesh(w schema.Webhook, at schema.Path) {
	if w.URL == "" {
		return
	}
	namespace := namespaceOf(w.URL)
	if why := r.stack.neverInjected(namespace); why != "" {
		r.report(diag.TesterOutsideMesh, at.With("url"), fmt.Sprintf("the namespace %s %s, and the traffic that a load tester makes there is not split", namespace, why), "testLoader: true, and no url")
	}
}

// namespaceOf is that of the Service at a URL, or nothing where it does not say it.
func namespaceOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(strings.ToLower(u.Hostname()), ".")
	namespace, _, _ := strings.Cut(rest, ".")
	return namespace
}

// toLoadTester is where the rollout calls its load tester.
func (r *rollout) toLoadTester() (at []schema.Path) {
	if len(r.commands()) > 0 {
		at = append(at, inAnalysis("webhooks", "command"))
	}
	for i, w := range r.RolloutPolicy.Webhooks {
		if w.URL == "" {
			at = append(at, schema.Path{"rolloutPolicy", "webhooks", i})
		}
	}
	return at
}

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
// use; what is rarer, and what the image does not have, is asked about.
var shellCommands = strings.Fields(`
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

// shellCalls are the commands of a script, and the functions that it defines. The
// shell of a load tester's cmd is busybox' and that of bash is bash, which has all of
// its syntax.
func shellCalls(script string) (calls []shellCall, functions []string, err error) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil {
		return nil, nil, err
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			functions = append(functions, n.Name.Value)
		case *syntax.CallExpr:
			var words []word
			for _, w := range n.Args {
				words = append(words, literal(w))
			}
			calls = append(calls, callsOf(words)...)
		}
		return true
	})
	for _, call := range calls {
		inner, ok := call.script()
		if !ok {
			continue
		}
		more, defined, err := shellCalls(inner)
		if err != nil {
			return nil, nil, err
		}
		calls, functions = append(calls, more...), append(functions, defined...)
	}
	return calls, functions, nil
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
	calls, functions, err := shellCalls(script)
	if err != nil {
		r.report(diag.BadCommand, at, "a shell does not take the command: "+shellProblem(err), "check quotes and brackets")
		return
	}
	for _, call := range calls {
		r.checkKnownCommand(call, functions, at)
	}
	if load {
		r.checkTargets(calls, script, at, from)
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
	if name == "" || strings.ContainsAny(name, "/$=") || len(r.Patches) > 0 || r.c.settings.charts["loadtester"].Values["image"] != nil ||
		slices.Contains(testerCommands, name) || slices.Contains(shellCommands, name) || slices.Contains(functions, name) {
		return
	}
	hint := "it has " + strings.Join(testerCommands, ", ") + ", and what busybox has"
	if meant := diag.Nearest(name, testerCommands); meant != "" {
		hint = "did you mean " + meant + "?"
	}
	r.report(diag.UnknownCommand, at, fmt.Sprintf("the load tester's image has no %s", name), hint)
}

// A target is where a command of a load test sends its requests.
type target struct {
	text, host string
	port       int
}

// targetOf reads a word as a URL, or for ghz as host:port.
func targetOf(word, command string) (t target, ok bool) {
	text := word
	if !strings.Contains(word, "://") {
		if host, port, found := strings.Cut(word, ":"); path.Base(command) != "ghz" || !found || host == "" || strings.Trim(port, "0123456789") != "" || port == "" {
			return target{}, false
		}
		text = "http://" + word
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return target{}, false
	}
	authority := strings.Index(word, "://") + len("://")
	if text != word {
		authority = 0
	}
	end := len(word)
	if i := strings.IndexAny(word[authority:], "/?#"); i >= 0 {
		end = authority + i
	}
	t = target{text: word[:end], host: strings.ToLower(u.Hostname()), port: 80}
	if u.Scheme == "https" {
		t.port = 443
	}
	if n, err := strconv.Atoi(u.Port()); err == nil {
		t.port = n
	}
	return t, true
}

// checkTargets says that the load of a test does not reach the rollout. Only what can
// be told without running the script is looked at: a command with a target that
// depends on a variable is left alone.
func (r *rollout) checkTargets(calls []shellCall, script string, at schema.Path, from string) {
	var first target
	for _, call := range calls {
		if !isLoadGenerator(call.name) {
			continue
		}
		for _, w := range call.words {
			if !w.known {
				return
			}
			if r.namesHost(w.text) {
				return // in a header, or of the route
			}
			t, ok := targetOf(w.text, call.name)
			switch {
			case !ok:
			case r.isTarget(t, from), r.mayBeRoute(t, from):
				return
			case first.host == "":
				first = t
			}
		}
	}
	if first.host == "" {
		return
	}
	want := r.wantedTarget()
	hint := strings.Replace(script, first.text, want, 1)
	if strings.Contains(strings.TrimSpace(script), "\n") || !strings.Contains(first.text, "://") {
		hint = strings.TrimPrefix(want, "http://")
	}
	if hint == script {
		hint = want // it is written with escapes
	}
	service, namespace := serviceOf(first.host, from)
	message := fmt.Sprintf("the load goes to %s, and this rollout is of the Service %s in namespace %s", first.host, r.ServiceName, r.namespace)
	switch {
	case namespace != r.namespace:
	case r.isService(service) && r.TrafficRoutingProvider == nginxProvider && service != r.ServiceName+canarySuffix:
		message = fmt.Sprintf("the load goes to the Service %s and not through the Ingress, which is where nginx splits the traffic", service)
	case r.isService(service):
		message = fmt.Sprintf("the load goes to port %d of %s, and the Service is on %d", first.port, first.host, r.Port)
	case service == r.ServiceName+primarySuffix:
		message = fmt.Sprintf("the load goes to %s, which is the old version", first.host)
	}
	r.report(diag.LoadTestElsewhere, at, message, hint)
}

// namesHost says whether a word has a host of the rollout's route in it, such as in
// "Host: shop.example.com".
func (r *rollout) namesHost(word string) bool {
	return slices.ContainsFunc(append(r.hosts(), r.routing().Hosts...), func(host string) bool {
		return strings.Contains(word, strings.TrimPrefix(host, "*"))
	})
}

// serviceOf is the Service that a host names as seen from a namespace.
func serviceOf(host, from string) (name, namespace string) {
	name, rest, ok := strings.Cut(host, ".")
	if !ok {
		return name, from
	}
	namespace, rest, _ = strings.Cut(rest, ".")
	if rest != "" && rest != "svc" && !strings.HasPrefix(rest, "svc.") {
		return "", ""
	}
	return name, namespace
}

// mayBeRoute says whether the load may come in from outside the cluster: a rollout on
// kuma does not say by which name it does, as on Istio and nginx.
func (r *rollout) mayBeRoute(t target, from string) bool {
	_, namespace := serviceOf(t.host, from)
	return r.TrafficRoutingProvider == kumaProvider && namespace == "" && strings.Contains(t.host, ".") && net.ParseIP(t.host) == nil
}

func (r *rollout) isService(name string) bool {
	return name == r.ServiceName || name == r.ServiceName+canarySuffix
}

// isTarget says whether the load reaches the new version, and is counted. On nginx
// the Service alone is the old version: the Ingress splits the traffic.
func (r *rollout) isTarget(t target, from string) bool {
	name, namespace := serviceOf(t.host, from)
	if namespace != r.namespace || !r.isService(name) {
		return false
	}
	if r.TrafficRoutingProvider == nginxProvider && name == r.ServiceName {
		return false
	}
	return t.port == int(r.Port) || r.PortDiscovery
}

// wantedTarget is where the load of the rollout belongs.
func (r *rollout) wantedTarget() string {
	if host := r.routing().Host; host != "" && r.TrafficRoutingProvider == nginxProvider {
		return "http://" + host
	}
	return strings.TrimSuffix(r.serviceURL(r.ServiceName+canarySuffix), "/")
}

// serviceURL is that of a Service of the rollout.
func (r *rollout) serviceURL(name string) string {
	address := name + "." + r.namespace
	if r.Port != 80 {
		address += ":" + strconv.Itoa(int(r.Port))
	}
	return "http://" + address + "/"
}
