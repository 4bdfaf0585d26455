package rules

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema"
)

// gates are the types of webhooks whose answer decides how a rollout continues, with the effect of always
// passing (docs/gitbook/usage/webhooks.md).
var gates = map[string]string{
	flagger.PreRollout:             "traffic shifts to the new version whatever the result",
	flagger.ConfirmRollout:         "the rollout starts whatever the result",
	flagger.ConfirmTrafficIncrease: "traffic increases whatever the result",
	flagger.ConfirmPromotion:       "the new version is promoted whatever the result",
	flagger.Rollback:               "every version is rolled back at its first check",
}

// checkWebhooks reports webhooks that nothing answers, or that do not do what they seem to.
func checkWebhooks(r *Rollout) {
	if mesh, own := r.On.TesterMesh, r.mesh(); mesh != "" && own != "" && mesh != own && !r.Tester.Exists && r.UsesPublicTester() {
		r.ReportAt(diag.TesterInOtherMesh, r.Tester.ID, nil, fmt.Sprintf("the public load tester has a sidecar of %s, so %s does not split its traffic", mesh, own), "testLoader: true")
	}
	unanswered := map[diag.Position]bool{}
	for i, w := range r.Analysis.Webhooks {
		at := inAnalysis("webhooks", i)
		if d, err := time.ParseDuration(w.Timeout); w.Timeout != "" && (err != nil || d == 0) {
			r.Report(diag.OutOfBounds, at.With("timeout"), "with a timeout of "+w.Timeout+", the webhook never passes", "timeout: 10s")
		}
		checkRollback(r, w, at)
		if w.RunsTask() && !checkTesterPath(r, w, at) {
			_, typed := w.Metadata["type"]
			if _, command := w.Metadata["cmd"]; w.TesterPath() == "/" || typed || command {
				checkTask(r, w, at)
			}
			checkOutsideMesh(r, w, at)
		}
		if r.On.PublicTester || !r.isForPublicTester(i) {
			continue
		}
		if position := r.Source.Position(r.ID, spec(at...)); !unanswered[position] {
			unanswered[position] = true
			r.Report(diag.NoLoadTester, at,
				fmt.Sprintf("no load tester answers this webhook, so every check fails: neither the rollout nor the plugin at %s has one", r.On.By),
				"testLoader: true in the rollout; or in plugin.flagger publicTestloader: true, or installed: {loadtester: {url: http://flagger-loadtester.test/}}")
		}
	}
}

// isForPublicTester reports whether a webhook calls the shared load tester because it names no other.
func (r *Rollout) isForPublicTester(i int) bool {
	return r.Analysis.Webhooks[i].URL == r.On.TesterURL && !r.Has(inAnalysis("webhooks", i, "url")...)
}

// UsesPublicTester reports whether any webhook calls the shared load tester.
func (r *Rollout) UsesPublicTester() bool {
	for i := range r.Analysis.Webhooks {
		if r.isForPublicTester(i) {
			return true
		}
	}
	return false
}

// checkTask reports a load tester's task that does not do what it seems to.
func checkTask(r *Rollout, w flagger.Webhook, at schema.Path) {
	task, known := flagger.Tasks[w.Task()]
	metadata := at.With("metadata")
	switch {
	case len(w.Metadata) == 0:
		r.Report(diag.NoCommand, at, "the webhook has no metadata, so the load tester answers with an error", "metadata: {type: cmd, cmd: hey …}, or a url")
	case !known:
		all := slices.Sorted(maps.Keys(flagger.Tasks))
		hint := diag.DidYouMean(w.Task(), all, "type: bash, or one of "+strings.Join(all, ", "))
		if slices.Contains([]string{"sh", "shell", "script"}, w.Task()) { // another task has more letters in common
			hint = "type: bash"
		}
		name := w.Task()
		if strings.TrimSpace(name) == "" {
			name = strconv.Quote(name)
		}
		r.Report(diag.UnknownTask, metadata.With("type"), fmt.Sprintf("the load tester has no tasks of type %s, so the webhook never passes", name), hint)
	case w.Task() != "concord" && w.Task() != "ngrinder" && strings.TrimSpace(w.Metadata["cmd"]) == "":
		r.Report(diag.NoCommand, metadata.With("cmd"), fmt.Sprintf("a task of type %s without cmd has nothing to run", w.Task()), "cmd: hey -z 50s "+r.canaryURL()+"/")
	case w.Unshelled() != "":
		r.Report(diag.BadCommand, metadata.With("cmd"), fmt.Sprintf("a task of type %s runs without a shell, so it gets %s as an argument and fails", w.Task(), w.Unshelled()),
			"only its arguments, such as cmd: test app -n "+r.ID.Namespace+"; or metadata: {type: bash, cmd: …}")
	case !task.Awaited && gates[w.Type] != "" && !warmsUp(w):
		r.Report(diag.CommandAsGate, metadata, fmt.Sprintf("the load tester answers before a task of type %s has run, so %s", w.Task(), gates[w.Type]), "metadata: {type: bash, cmd: …}, which Flagger waits for")
	}
	if task.Shell {
		checkCommand(r, w, w.Metadata["cmd"], metadata.With("cmd"))
	}
}

// warmsUp reports whether the webhook starts the load before the analysis. Nothing waits for its command, which
// checks nothing.
func warmsUp(w flagger.Webhook) bool {
	_, makesLoad := flagger.LoadTime(w.Metadata["cmd"])
	return w.Type == flagger.PreRollout && makesLoad
}

// checkOutsideMesh reports a load tester without a sidecar in another namespace.
func checkOutsideMesh(r *Rollout, w flagger.Webhook, at schema.Path) {
	at = at.With("url")
	_, namespace := ServiceAt(w.URL)
	if why := r.On.NeverInjected(namespace); why != "" && r.Has(at...) {
		r.Report(diag.TesterOutsideMesh, at, fmt.Sprintf("namespace %s %s, so nothing splits the traffic of a load tester there", namespace, why), "testLoader: true, and no url")
	}
}

// ServiceAt returns the name and the namespace of the Service at a URL, if the URL names them.
func ServiceAt(address string) (name, namespace string) {
	u, err := url.Parse(address)
	if err != nil {
		return "", ""
	}
	name, rest, _ := strings.Cut(strings.ToLower(u.Hostname()), ".")
	namespace, _, _ = strings.Cut(rest, ".")
	return name, namespace
}

// SameServer reports whether two URLs have the same server, however they write its Service and port.
func SameServer(a, b string) bool { return serverOf(a) == serverOf(b) }

func serverOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	host := strings.ToLower(u.Hostname())
	for _, suffix := range []string{".", ".cluster.local", ".svc"} {
		host = strings.TrimSuffix(host, suffix)
	}
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	return u.Scheme + "://" + host + ":" + port + strings.TrimSuffix(u.Path, "/")
}

// decides reports whether the webhook can prevent the promotion of a version.
func decides(w flagger.Webhook) bool {
	return (w.Kind() == flagger.RolloutHook || gates[w.Type] != "") && !w.AlwaysPasses()
}
