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

// checkRollback reports a rollback webhook that rolls back good versions: Flagger does so on any response from
// 200 to 202 (pkg/controller/webhook.go, callWebhook; scheduler.go, runRollbackHooks).
func checkRollback(r *Rollout, w flagger.Webhook, at schema.Path) {
	if w.Kind() != flagger.Rollback {
		return
	}
	const tell = "type: event for a notification, or type: post-rollout"
	answer, why := w.Answer()
	switch other := r.Analysis.GoesOnWith(&w); {
	case answer == flagger.Yes && w.RunsTask() && !w.IsAwaited(): // reported as CommandAsGate
	case answer == flagger.Yes:
		r.Report(diag.RollsBack, at.With("type"), fmt.Sprintf("every version is rolled back at its first check, because the rollback webhook %q always passes: %s", w.Name, why), tell)
	case other != nil:
		r.Report(diag.RollsBack, at.With("url"),
			fmt.Sprintf("the rollback webhook %q asks the same as the %s webhook %q, so the answer that continues a rollout also rolls it back", w.Name, other.Kind(), other.Name),
			"url: http://"+hostOf(w.URL)+"/rollback/check, which /rollback/open opens")
	case isChat(w.URL):
		r.Report(diag.RollsBack, at.With("type"), fmt.Sprintf("the rollback webhook %q posts to a chat, %s; its response 200 rolls back every version", w.Name, hostOf(w.URL)), tell)
	}
}

// chats are hosts of the services that Flagger's notifiers send messages to, and common names of self-hosted
// ones (fluxcd/flagger pkg/notifier/factory.go).
var chats = []string{
	"hooks.slack.com", "discord.com", "discordapp.com", "webhook.office.com", "chat.googleapis.com",
	"chat", "discord", "mattermost", "rocket", "rocketchat", "slack", "teams",
}

// isChat reports whether a URL belongs to a chat. Rocket and Mattermost use paths below /hooks/.
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

// isOwnTester reports whether a webhook calls a load tester that fleetwright renders, with Flagger's image. For
// a plain Canary, its name and a path like a gate's decide.
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

// checkTesterPath reports a path that the load tester does not have: it treats the call as a task, and rejects
// one without metadata (pkg/loadtester/server.go, HandleNewTask).
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
	r.Report(diag.UnknownTesterPath, at, fmt.Sprintf("the load tester has no path %s and rejects the call, so the webhook never passes", w.TesterPath()), hint)
	return true
}

// checkOutlives reports a task that takes longer than Flagger waits for it. The task continues, but the call has
// failed. Nothing waits for webhooks after a rollout.
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
		fmt.Sprintf("the command takes %s but Flagger waits only %s, %s", diag.Duration(least), diag.Duration(waits), so), hint)
}

// checkBlindGate reports a gate whose command exits with 0 whatever the rollout answers.
func checkBlindGate(r *Rollout, w flagger.Webhook, script flagger.Script, at schema.Path) {
	effect := gates[w.Type]
	if w.Kind() == flagger.RolloutHook {
		effect = "the check passes whatever the result"
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
			asks = asks || own && call.Lasts() == 0 // a command of a fixed duration warms up
		case own, slices.Contains(checkers, path.Base(call.Name)) && w.Kind() != flagger.RolloutHook && (w.Type != flagger.PreRollout || call.IsLenientCurl() && !sends(call)):
			asks = true
		}
	}
	if !asks || load && w.Kind() == flagger.RolloutHook {
		return
	}
	command := w.Metadata["cmd"]
	message, hint := "the command always exits with 0", "use a command that can fail: curl --fail "+r.canaryURL()+"/"
	switch {
	case lenient:
		message, hint = "curl without --fail exits with 0 on HTTP errors, too", strings.Replace(command, "curl ", "curl --fail ", 1)
	case load:
		message = "a load generator exits with 0 whatever the server answers"
	}
	r.Report(diag.BlindGate, at.With("metadata", "cmd"), message+", so "+effect, hint)
}

// checkers are the commands by which a gate checks a server.
var checkers = []string{"bats", "curl", "ghz", "grpc_health_probe", "hey", "wget", "wrk"}

// sends reports whether a call of curl sends data, and so does not check anything.
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

// asked returns the servers that a call sends requests to, if its words name them.
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

// isRouted reports whether a host belongs to the rollout's route. The host * covers the hosts outside the
// cluster.
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

// isBelowRoute reports whether a host is a subdomain of a host of the route. It may lead to either version.
func (r *Rollout) isBelowRoute(host string) bool {
	return slices.ContainsFunc(append(r.IngressHosts(), r.Service.Hosts...), func(routed string) bool { return strings.Contains(routed, ".") && strings.HasSuffix(host, "."+routed) })
}

// checkOldVersion reports a check of the stable version: until traffic shifts, everything but the -canary
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
	r.Report(diag.ChecksOldVersion, at.With("metadata", "cmd"), fmt.Sprintf("the check calls %s, which is the stable version until traffic shifts, so the new version is never tested", old.host), hint)
}

// schemeUnless returns the scheme to trim from a URL if a text has none.
func schemeUnless(text string) string {
	if strings.Contains(text, "://") {
		return ""
	}
	return "http://"
}
