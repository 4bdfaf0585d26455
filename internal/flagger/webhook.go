package flagger

import (
	"cmp"
	"fmt"
	"iter"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// The types of webhooks (pkg/apis/flagger/v1beta1/canary.go).
const (
	ConfirmRollout         = "confirm-rollout"
	PreRollout             = "pre-rollout"
	RolloutHook            = "rollout"
	ConfirmTrafficIncrease = "confirm-traffic-increase"
	ConfirmPromotion       = "confirm-promotion"
	PostRollout            = "post-rollout"
	Rollback               = "rollback"
	Event                  = "event"
)

// LoadTesterSuffix is the end of the name of the load tester that Kurator creates for a rollout (kurator
// pkg/fleet-manager/application/rollout_helper.go).
const LoadTesterSuffix = "-testloader"

const (
	// ownLoadTester is a part of the name of Flagger's own load tester.
	ownLoadTester = "loadtester"
	// shellTask is the task type of metadata without a type.
	shellTask = "cmd"
)

// A Webhook is called at certain points of a rollout.
type Webhook struct {
	Name string `json:"name"`
	// Type is the type of the webhook; empty means rollout.
	Type string `json:"type,omitempty"`
	URL  string `json:"url" format:"http-url"`
	// Timeout is the timeout of a call; empty means 10 s.
	Timeout    string            `json:"timeout,omitempty"`
	Retries    int32             `json:"retries,omitempty"`
	MuteAlert  bool              `json:"muteAlert,omitempty"`
	DisableTLS bool              `json:"disableTLS,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
}

// Kind returns the webhook's type, with the default filled in.
func (w *Webhook) Kind() string {
	return cmp.Or(w.Type, RolloutHook)
}

// hooks returns the webhooks of a type, with their indexes.
func (a *Analysis) hooks(kind string) iter.Seq2[int, *Webhook] {
	return func(yield func(int, *Webhook) bool) {
		for i := range a.Webhooks {
			if w := &a.Webhooks[i]; w.Kind() == kind && !yield(i, w) {
				return
			}
		}
	}
}

// Task returns the type of the load tester's task for the webhook. An empty type differs from a missing one
// (pkg/loadtester/server.go).
func (w *Webhook) Task() string {
	if t, ok := w.Metadata["type"]; ok {
		return t
	}
	return shellTask
}

// RunsTask reports whether the webhook runs a task of a load tester. Gates have separate paths, and every
// other path runs a task (pkg/loadtester/server.go).
func (w *Webhook) RunsTask() bool {
	path := w.TesterPath()
	_, gate := TesterPaths[path]
	return path != "" && !gate
}

// TesterPath returns the path of the webhook's URL if its host is a load tester, or else "".
func (w *Webhook) TesterPath() string {
	u, err := url.Parse(w.URL)
	if err != nil {
		return ""
	}
	labels := strings.Split(u.Hostname(), ".")
	outside := len(labels) > 2 && labels[2] != "svc" // outside the cluster, where a proxy may rewrite the path
	if outside || !strings.Contains(labels[0], strings.TrimPrefix(LoadTesterSuffix, "-")) && labels[0] != ownLoadTester && !strings.Contains(labels[0], "flagger-"+ownLoadTester) {
		return ""
	}
	cleaned := path.Clean("/" + u.Path)
	if cleaned != tasks && strings.HasSuffix(u.Path, "/") {
		cleaned += "/" // a ServeMux treats it as a different path
	}
	return cleaned
}

// tasks is the path of a load tester's tasks, and of all paths that it does not know.
const tasks = "/"

// TesterPaths are the answers of a load tester at its other paths. A ServeMux accepts none of these paths with a
// trailing slash (pkg/loadtester/server.go, ListenAndServe).
var TesterPaths = map[string]Answer{
	"/gate/approve": Yes, "/gate/halt": No,
	"/gate/check": Open, "/gate/open": Yes, "/gate/close": Yes,
	"/rollback/check": Open, "/rollback/open": Yes, "/rollback/close": Yes,
	"/healthz": Yes, "/metrics": Yes,
}

// A Task is a type of task of a load tester.
type Task struct {
	// Shell reports whether the task runs a command in a shell.
	Shell bool
	// Awaited reports whether the load tester answers after the task, with its result.
	Awaited bool
}

// Tasks are the task types that a load tester knows (pkg/loadtester/server.go, HandleNewTask). It panics at any
// other, and the call gets no answer (task.go, GetTaskFactory).
var Tasks = map[string]Task{
	"bash": {Shell: true, Awaited: true}, shellTask: {Shell: true}, "ngrinder": {},
	"concord": {Awaited: true}, "helm": {Awaited: true}, "helmv3": {Awaited: true}, "kubectl": {Awaited: true},
}

// An Answer is the answer of a webhook if the Canary determines it.
type Answer int

const (
	// Open answers depend on facts outside the Canary.
	Open Answer = iota
	// Yes and No are always the answer, as long as all servers can be reached.
	Yes
	No
)

// Answer returns the answer that a load tester always gives to the webhook, with the reason as a clause.
func (w *Webhook) Answer() (answer Answer, why string) {
	path := w.TesterPath()
	if path == "" {
		return Open, ""
	}
	if answer, ok := TesterPaths[path]; ok {
		return answer, map[Answer]string{Yes: path + " always answers yes", No: path + " always answers no"}[answer]
	}
	task, known := Tasks[w.Task()]
	command, has := w.Metadata["cmd"]
	switch {
	case len(w.Metadata) == 0 && path != tasks:
		return No, "a load tester has no path " + path
	case len(w.Metadata) == 0:
		return No, "a load tester rejects a task without metadata"
	case !known:
		return No, "a load tester has no tasks of type " + w.Task()
	case w.Task() == shellTask && !has:
		return No, "a task of type cmd needs a cmd"
	case w.Unshelled() != "":
		return No, "no shell runs a task of type " + w.Task()
	case !task.Awaited:
		return Yes, "a load tester answers before a task of type " + w.Task() + " has run"
	case !task.Shell || len(command) > LongestCommand:
		return Open, ""
	}
	script, err := ParseScript(command)
	if err != nil {
		return Open, ""
	}
	switch v := script.Verdict(); {
	case v.Fails:
		return No, "its command always fails"
	case v.Least >= w.CallTimeout():
		return No, fmt.Sprintf("its command takes %s, and Flagger waits %s", diag.Duration(v.Least), diag.Duration(w.CallTimeout()))
	case v.Passes:
		return Yes, "its command always exits with 0"
	}
	return Open, ""
}

// Unshelled returns a word of a task's command that needs a shell, although none runs it: the words between spaces
// are arguments of helm or kubectl (pkg/loadtester/helm.go, helmv3.go, kubectl.go).
func (w *Webhook) Unshelled() string {
	if task := w.Task(); task != "helm" && task != "helmv3" && task != "kubectl" {
		return ""
	}
	for i, word := range strings.Fields(w.Metadata["cmd"]) {
		if i == 0 && (word == "helm" || word == "kubectl") || slices.Contains([]string{"|", "||", "&&", ";", ">", "2>&1"}, word) || strings.ContainsAny(word[:1], "'\"") {
			return word
		}
	}
	return ""
}

// Outlives reports whether the webhook's task takes longer than Flagger waits for its answer.
func (w *Webhook) Outlives() bool {
	script, err := ParseScript(w.Metadata["cmd"])
	return err == nil && w.IsAwaited() && Tasks[w.Task()].Shell && script.Verdict().Least >= w.CallTimeout()
}

// AlwaysPasses reports whether a load tester always lets the webhook pass.
func (w *Webhook) AlwaysPasses() bool { answer, _ := w.Answer(); return answer == Yes }

// IsAwaited reports whether a load tester answers the webhook only after its task has run.
func (w *Webhook) IsAwaited() bool { return w.RunsTask() && Tasks[w.Task()].Awaited }

// asks returns the request of the webhook: webhooks with the same request get the same answer. The gates of a load
// tester answer for a Canary and ignore the metadata.
func (w *Webhook) asks() string {
	if path := w.TesterPath(); path != "" && !w.RunsTask() {
		u, _ := url.Parse(w.URL)
		labels := strings.Split(u.Hostname(), ".")
		return strings.Join(labels[:min(2, len(labels))], ".") + path
	}
	return fmt.Sprint(strings.TrimSuffix(w.URL, "/"), w.Metadata)
}

// askedToGoOn are the types of webhooks whose yes continues the rollout of a good version.
var askedToGoOn = []string{ConfirmRollout, PreRollout, RolloutHook, ConfirmTrafficIncrease, ConfirmPromotion}

// GoesOnWith returns the webhook that sends the same request as the rollback webhook, so that the yes that
// continues the rollout also rolls it back; or nil.
func (a *Analysis) GoesOnWith(rollback *Webhook) *Webhook {
	if answer, _ := rollback.Answer(); rollback.Kind() != Rollback || answer != Open {
		return nil
	}
	for _, kind := range askedToGoOn {
		for _, w := range a.hooks(kind) {
			if w.asks() == rollback.asks() {
				return w
			}
		}
	}
	return nil
}

// Answers gives the successive answers of a Canary's webhooks, if the Canary determines them.
type Answers struct {
	settled []Answer
	// shared are, by the index of a webhook, the index of the gate that sends the same request as a rollback
	// webhook, or -1.
	shared []int
	// found reports whether the gate with this index checks the version, and is not opened by a person.
	found map[int]bool
	// opened reports whether a person opened such a gate, after its first call.
	opened bool
}

// Answers returns the answers for a rollout that begins.
func (c *Canary) Answers() *Answers {
	hooks := c.Analysis.Webhooks
	a := &Answers{settled: make([]Answer, len(hooks)), shared: slices.Repeat([]int{-1}, len(hooks)), found: map[int]bool{}}
	for i := range hooks {
		a.settled[i], _ = hooks[i].Answer()
	}
	for i := range hooks {
		other := c.Analysis.GoesOnWith(&hooks[i])
		if other == nil {
			continue
		}
		gate := slices.IndexFunc(hooks, func(w Webhook) bool { return w.Kind() == other.Kind() && w.asks() == other.asks() })
		a.shared[i], a.shared[gate] = gate, gate
		a.found[gate] = other.Kind() == PreRollout || other.Kind() == RolloutHook
	}
	return a
}

// Ask returns the answer to a call of the webhook with this index.
func (a *Answers) Ask(i int) Answer {
	gate := a.shared[i]
	switch {
	case a.settled[i] != Open || gate < 0:
		return a.settled[i]
	case a.found[gate] || a.opened:
		return Yes
	}
	a.opened = i == gate
	return No
}

// defaultTimeout is the default timeout of a webhook call (pkg/controller/webhook.go).
const defaultTimeout = 10 * time.Second

// CallTimeout returns how long Flagger waits for an answer, in whole seconds, and at most a year.
func (w *Webhook) CallTimeout() time.Duration {
	d, err := time.ParseDuration(w.Timeout)
	if err != nil || d <= 0 || len(w.Timeout) < len("1s") {
		return defaultTimeout
	}
	return min(d, time.Hour*24*365).Truncate(time.Second)
}
