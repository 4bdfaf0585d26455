package rules

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema"
)

// checkRollback reports a rollback hook that rolls good versions back: Flagger does so on any answer
// of 200 to 202 (pkg/controller/webhook.go, callWebhook; scheduler.go, runRollbackHooks).
func checkRollback(r *Rollout, w flagger.Webhook, at schema.Path) {
	if w.Kind() != flagger.Rollback {
		return
	}
	const tell = "type: event, or post-rollout, for a notification"
	answer, why := w.Answer()
	switch other := r.Analysis.GoesOnWith(&w); {
	case answer == flagger.Yes && w.RunsTask() && !w.IsAwaited(): // CommandAsGate
	case answer == flagger.Yes:
		r.Report(diag.RollsBack, at.With("type"), fmt.Sprintf("the rollback hook %s always answers yes, so every version is rolled back at its first check: %s", w.Name, why), tell)
	case other != nil:
		r.Report(diag.RollsBack, at.With("url"),
			fmt.Sprintf("the rollback hook %s asks the same as the %s hook %s, so whatever lets a version go on rolls it back", w.Name, other.Kind(), other.Name),
			"url: http://"+hostOf(w.URL)+"/rollback/check, which /rollback/open opens")
	case isChat(w.URL):
		r.Report(diag.RollsBack, at.With("type"), fmt.Sprintf("a rollback hook decides, and %s is a chat: each answer of 200 to 202 rolls the version back", hostOf(w.URL)), tell)
	}
}

// chats are hosts of the services that Flagger's own notifiers send messages to, and names that
// people give to servers of their own (fluxcd/flagger pkg/notifier/factory.go).
var chats = []string{
	"hooks.slack.com", "discord.com", "discordapp.com", "webhook.office.com", "chat.googleapis.com",
	"chat", "discord", "mattermost", "rocket", "rocketchat", "slack", "teams",
}

// isChat reports whether a URL is that of a chat, which Rocket and Mattermost serve below /hooks/.
func isChat(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	first, _, _ := strings.Cut(host, ".")
	service, _ := serviceOf(host, "")
	return service == "" && (strings.HasPrefix(u.Path, "/hooks/") || slices.Contains(chats, first)) ||
		slices.ContainsFunc(chats, func(c string) bool { return host == c || strings.HasSuffix(host, "."+c) })
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

// isOwnTester reports whether a webhook goes to a load tester that is rendered here, with Flagger's image. For a plain
// Canary its name and a path like those of gates tell.
func (r *Rollout) isOwnTester(w flagger.Webhook) bool {
	if path := w.TesterPath(); r.Plain && (strings.HasPrefix(path, "/gate") || strings.HasPrefix(path, "/rollback")) {
		return !r.otherImage(w)
	}
	name, namespace := ServiceAt(w.URL)
	publicName, publicNamespace := ServiceAt(r.On.TesterURL)
	own := r.Tester.Exists && name == r.Tester.ID.Name && namespace == r.Tester.ID.Namespace
	public := r.On.PublicTester && name == publicName && namespace == publicNamespace
	return (own || public) && !r.otherImage(w)
}

// checkTesterPath reports a path that a load tester does not have: what it gets there is a task, and
// one that has none is refused (pkg/loadtester/server.go, HandleNewTask).
func checkTesterPath(r *Rollout, w flagger.Webhook, at schema.Path) (unknown bool) {
	_, typed := w.Metadata["type"]
	_, command := w.Metadata["cmd"]
	at = at.With("url")
	if w.TesterPath() == "/" || typed || command || w.Kind() == flagger.Event || !r.isOwnTester(w) || !r.Has(at...) {
		return false
	}
	paths := slices.Sorted(maps.Keys(flagger.TesterPaths))
	hint := "one of " + strings.Join(paths, ", ")
	if slices.Contains(paths, w.TesterPath()+"/check") {
		hint = "url: http://" + hostOf(w.URL) + w.TesterPath() + "/check"
	} else if meant := diag.Nearest(strings.TrimSuffix(w.TesterPath(), "/"), paths); meant != "" {
		hint = "url: http://" + hostOf(w.URL) + meant
	}
	r.Report(diag.UnknownTesterPath, at, fmt.Sprintf("the load tester has no path %s and refuses what has no task, so the webhook never passes", w.TesterPath()), hint)
	return true
}

// checkOutlives reports a task that takes longer than Flagger waits for its answer. It goes on, but
// the call has failed; nobody waits for what comes after a rollout.
func checkOutlives(r *Rollout, w flagger.Webhook, script flagger.Script, at schema.Path) {
	verdict, waits := script.Verdict(), w.CallTimeout()
	least := verdict.Least
	if !w.IsAwaited() || verdict.Fails || least < waits || w.Kind() == flagger.PostRollout || w.Kind() == flagger.Event {
		return
	}
	so := "so the webhook never passes"
	if w.Kind() == flagger.RolloutHook || w.Kind() == flagger.PreRollout {
		so = "so every check fails"
	}
	hint := fmt.Sprintf("timeout: %ds", int(least.Seconds())+10)
	if w.Kind() == flagger.RolloutHook && slices.ContainsFunc(script.Calls, func(c flagger.Call) bool { return flagger.IsLoadGenerator(c.Name) }) {
		hint = "metadata: {type: cmd, cmd: …}, which Flagger does not wait for"
	}
	r.Report(diag.OutlivesTimeout, at.With("metadata", "cmd"),
		fmt.Sprintf("the command takes %s and Flagger waits %s for its answer, %s", diag.Duration(least), diag.Duration(waits), so), hint)
}

// checkBlindGate reports a command of a gate that exits with 0 whatever the rollout answers.
func checkBlindGate(r *Rollout, w flagger.Webhook, script flagger.Script, at schema.Path) {
	effect := gates[w.Type]
	if w.Kind() == flagger.RolloutHook {
		effect = "the check passes whatever it answers"
	}
	verdict := script.Verdict()
	if !verdict.Passes || !w.IsAwaited() || effect == "" || w.Kind() == flagger.Rollback || verdict.Least >= w.CallTimeout() {
		return
	}
	_, from := ServiceAt(w.URL)
	asks, load, lenient := false, false, false
	for _, call := range script.Calls {
		generates := flagger.IsLoadGenerator(call.Name)
		load = load || generates
		lenient = lenient || call.IsLenientCurl()
		switch own := slices.ContainsFunc(r.asked(call, from), r.isOwn); {
		case generates && w.Type == flagger.PreRollout:
			asks = asks || own && call.Lasts() == 0 // what lasts a time warms up
		case own, slices.Contains(checkers, path.Base(call.Name)) && w.Kind() != flagger.RolloutHook && (w.Type != flagger.PreRollout || call.IsLenientCurl() && !sends(call)):
			asks = true
		}
	}
	if !asks || load && w.Kind() == flagger.RolloutHook {
		return
	}
	command := w.Metadata["cmd"]
	message, hint := "the command always exits with 0", "let it fail: curl --fail "+r.canaryURL()+"/"
	switch {
	case lenient:
		message, hint = "curl without --fail exits with 0 on an error page too", strings.Replace(command, "curl ", "curl --fail ", 1)
	case load:
		message = "a load generator exits with 0 whatever it is answered"
	}
	r.Report(diag.BlindGate, at.With("metadata", "cmd"), message+", so "+effect, hint)
}

// checkers are commands that a gate asks somebody with.
var checkers = []string{"bats", "curl", "ghz", "grpc_health_probe", "hey", "wget", "wrk"}

// sends reports whether a call of curl sends something: it is then no question.
func sends(c flagger.Call) bool {
	return slices.ContainsFunc(c.Words, func(w flagger.Word) bool {
		for _, option := range []string{"--data", "--form", "--json", "--request", "--upload-file"} {
			if strings.HasPrefix(w.Text, option) {
				return true
			}
		}
		return len(w.Text) > 1 && w.Text[0] == '-' && w.Text[1] != '-' && strings.ContainsAny(w.Text[1:], "dFTX")
	})
}

// asked are the servers that a call asks, as far as its words tell them.
func (r *Rollout) asked(call flagger.Call, from string) (all []target) {
	for _, w := range call.Words {
		text := strings.TrimPrefix(w.Text, "-addr=")
		t, ok := targetOf(text, call.Name, from)
		if !ok && slices.Contains(checkers, path.Base(call.Name)) && !strings.HasPrefix(text, "-") && strings.ContainsAny(text, ".:/") {
			t, ok = targetOf("http://"+text, call.Name, from)
			t.text = strings.TrimPrefix(t.text, "http://")
		}
		if w.Known && ok {
			all = append(all, t)
		}
	}
	return all
}

// isOwn reports whether a target is one of the rollout's Services, or a host of its route.
func (r *Rollout) isOwn(t target) bool {
	return t.namespace == r.ID.Namespace && (r.isService(t.service) || t.service == r.Service.Name+PrimarySuffix) || r.isRouted(t.host)
}

// isRouted reports whether a host is one of the rollout's route. Of the host * those outside of the
// cluster are.
func (r *Rollout) isRouted(host string) bool {
	return host != "" && slices.ContainsFunc(append(r.IngressHosts(), r.Service.Hosts...), func(routed string) bool {
		domain, any := strings.CutPrefix(routed, "*")
		if routed == "*" {
			service, _ := serviceOf(host, r.ID.Namespace)
			return service == ""
		}
		return any && strings.HasSuffix(host, domain) || host == routed
	})
}

// isBelowRoute reports whether a host is a subdomain of one of the route's, which may lead to any version.
func (r *Rollout) isBelowRoute(host string) bool {
	return slices.ContainsFunc(append(r.IngressHosts(), r.Service.Hosts...), func(routed string) bool { return strings.Contains(routed, ".") && strings.HasSuffix(host, "."+routed) })
}

// checkOldVersion reports a check of the old version: until the traffic moves, all but the -canary
// Service leads there.
func checkOldVersion(r *Rollout, w flagger.Webhook, script flagger.Script, at schema.Path) {
	before := w.Type == flagger.PreRollout
	if r.Strategy() == flagger.BlueGreen {
		before = before || w.Kind() == flagger.RolloutHook || w.Type == flagger.ConfirmPromotion
	}
	if !before || !w.IsAwaited() || r.SkipAnalysis {
		return
	}
	_, from := ServiceAt(w.URL)
	var old target
	for _, call := range script.Calls {
		if flagger.IsLoadGenerator(call.Name) || sends(call) {
			continue
		}
		for _, t := range r.asked(call, from) {
			switch {
			case t.service == r.Service.Name+CanarySuffix:
				return
			case r.isOwn(t) && old.host == "":
				old = t
			}
		}
	}
	if old.host == "" {
		return
	}
	hint := strings.Replace(w.Metadata["cmd"], old.text, strings.TrimPrefix(r.canaryURL(), schemeUnless(old.text)), 1)
	r.Report(diag.ChecksOldVersion, at.With("metadata", "cmd"), fmt.Sprintf("the check asks %s, which is the old version until the new one gets traffic", old.host), hint)
}

// schemeUnless is the scheme to leave out where a text has none.
func schemeUnless(text string) string {
	if strings.Contains(text, "://") {
		return ""
	}
	return "http://"
}
