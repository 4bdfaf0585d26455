package render

import (
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
	"github.com/fleetwright/fleetwright/schema/api"
)

// gates are the types of webhooks whose answer decides how a rollout goes on, and what
// it does where one always passes (docs/gitbook/usage/webhooks.md).
var gates = map[string]string{
	flagger.PreRollout:             "traffic goes to the new version whatever the task finds",
	flagger.ConfirmRollout:         "the rollout begins whatever the task finds",
	flagger.ConfirmTrafficIncrease: "the traffic is increased whatever the task finds",
	flagger.ConfirmPromotion:       "the new version is promoted whatever the task finds",
	flagger.Rollback:               "every rollout is undone at its first check",
}

// tasks are the types that a load tester knows, and whether their command is one of a
// shell (pkg/loadtester). At any other it panics, and the call gets no answer (task.go,
// GetTaskFactory).
var tasks = map[string]bool{
	"cmd": true, "bash": true,
	"helm": false, "helmv3": false, "kubectl": false, "concord": false, "ngrinder": false,
}

// needsCommand says whether a task is nothing without cmd.
func needsCommand(task string) bool { return task != "concord" && task != "ngrinder" }

// hook is the webhook as the simulation takes it.
func (w canaryWebhook) hook() *flagger.Webhook {
	return &flagger.Webhook{Name: w.Name, Type: w.Type, URL: w.URL, Metadata: w.Metadata}
}

// checks says whether the webhook may keep a version from being promoted.
func (w canaryWebhook) checks() bool {
	if w.Type != flagger.RolloutHook && gates[w.Type] == "" {
		return false
	}
	return !w.hook().AlwaysPasses()
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
		if made := all[i]; made.hook().RunsTask() {
			r.checkTask(made, at)
			r.checkOutsideMesh(w, at)
		}
	}
	if r.TestLoader || r.stack.loadTester != nil {
		return
	}
	for _, at := range r.toLoadTester() {
		r.report(diag.NoLoadTester, at,
			fmt.Sprintf("no load tester runs the commands: the rollout has none of its own, and the fleet at %s installs no public one", r.stack.fleet.Doc.Position("metadata", "name")), "testLoader: true for the rollout, or publicTestloader: true for the fleet")
	}
}

// checkTask says what of a load tester's task does not do what it seems to.
func (r *rollout) checkTask(w canaryWebhook, at schema.Path) {
	shell, known := tasks[w.hook().Task()]
	metadata := at.With("metadata")
	switch {
	case len(w.Metadata) == 0:
		r.report(diag.NoCommand, at, "a load tester does nothing without metadata, and answers with an error", "metadata: {type: cmd, cmd: hey …}, or a url")
	case !known:
		hint := "type: bash, or one of " + strings.Join(slices.Sorted(maps.Keys(tasks)), ", ")
		if meant := diag.Nearest(w.hook().Task(), slices.Sorted(maps.Keys(tasks))); meant != "" {
			hint = "did you mean " + meant + "?"
		}
		name := w.hook().Task()
		if strings.TrimSpace(name) == "" {
			name = strconv.Quote(name)
		}
		r.report(diag.UnknownTask, metadata.With("type"), fmt.Sprintf("a load tester has no tasks of type %s, and answers with none", name), hint)
	case needsCommand(w.hook().Task()) && strings.TrimSpace(w.Metadata["cmd"]) == "":
		r.report(diag.NoCommand, metadata.With("cmd"), fmt.Sprintf("a task of type %s needs a cmd", w.hook().Task()), "cmd: hey -z 50s "+r.serviceURL(r.ServiceName+canarySuffix))
	case w.hook().AlwaysPasses() && gates[w.Type] != "" && !w.warmsUp():
		r.report(diag.CommandAsGate, metadata, fmt.Sprintf("a load tester answers before a task of type %s has run: %s", w.hook().Task(), gates[w.Type]), "metadata: {type: bash, cmd: …}, which is waited for")
	}
	if shell {
		r.checkCommand(w.Metadata["cmd"], metadata.With("cmd"), w.Type == flagger.RolloutHook, namespaceOf(w.URL))
	}
}

// warmsUp says whether the webhook makes the load of an analysis before it begins. Its
// command is not to be waited for, and finds nothing.
func (w canaryWebhook) warmsUp() bool {
	_, makesLoad := loadTime(w.Metadata["cmd"])
	return w.Type == flagger.PreRollout && makesLoad
}

// checkOutsideMesh says that a load tester of another namespace has no sidecar.
func (r *rollout) checkOutsideMesh(w api.Webhook, at schema.Path) {
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
