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

// LoadTesterSuffix ends the name of the load tester that Kurator makes for a rollout
// (kurator pkg/fleet-manager/application/rollout_helper.go).
const LoadTesterSuffix = "-testloader"

const (
	// ownLoadTester is in the name of Flagger's own.
	ownLoadTester = "loadtester"
	// shellTask is what a load tester takes metadata without a type for.
	shellTask = "cmd"
)

// A Webhook is called at a point of a rollout.
type Webhook struct {
	Name string `json:"name"`
	// Type is when it is called; nothing is rollout.
	Type string `json:"type,omitempty"`
	URL  string `json:"url" format:"http-url"`
	// Timeout of a call; nothing is 10s.
	Timeout    string            `json:"timeout,omitempty"`
	Retries    int32             `json:"retries,omitempty"`
	MuteAlert  bool              `json:"muteAlert,omitempty"`
	DisableTLS bool              `json:"disableTLS,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
}

// Kind is the webhook's type, written out.
func (w *Webhook) Kind() string {
	return cmp.Or(w.Type, RolloutHook)
}

// hooks are the webhooks of a type, by their places.
func (a *Analysis) hooks(kind string) iter.Seq2[int, *Webhook] {
	return func(yield func(int, *Webhook) bool) {
		for i := range a.Webhooks {
			if w := &a.Webhooks[i]; w.Kind() == kind && !yield(i, w) {
				return
			}
		}
	}
}

// Task is the type of what a load tester does for the webhook. One that is set to nothing
// is not the same as none (pkg/loadtester/server.go).
func (w *Webhook) Task() string {
	if t, ok := w.Metadata["type"]; ok {
		return t
	}
	return shellTask
}

// RunsTask reports whether the webhook has a load tester do something: its gates have paths
// of their own, and every other path is of its tasks (pkg/loadtester/server.go).
func (w *Webhook) RunsTask() bool {
	path := w.TesterPath()
	_, gate := TesterPaths[path]
	return path != "" && !gate
}

// TesterPath is the path of the webhook's URL where that is a load tester's, and else nothing.
func (w *Webhook) TesterPath() string {
	u, err := url.Parse(w.URL)
	if err != nil {
		return ""
	}
	labels := strings.Split(u.Hostname(), ".")
	outside := len(labels) > 2 && labels[2] != "svc" // of the cluster, where a path may be rewritten
	if outside || !strings.Contains(labels[0], strings.TrimPrefix(LoadTesterSuffix, "-")) && labels[0] != ownLoadTester && !strings.Contains(labels[0], "flagger-"+ownLoadTester) {
		return ""
	}
	cleaned := path.Clean("/" + u.Path)
	if cleaned != tasks && strings.HasSuffix(u.Path, "/") {
		cleaned += "/" // which is another path of a ServeMux
	}
	return cleaned
}

// tasks is the path of a load tester's tasks, and of all that it does not know.
const tasks = "/"

// TesterPaths are what a load tester answers at its other paths. A ServeMux takes none of them with
// a slash behind it (pkg/loadtester/server.go, ListenAndServe).
var TesterPaths = map[string]Answer{
	"/gate/approve": Yes, "/gate/halt": No,
	"/gate/check": Open, "/gate/open": Yes, "/gate/close": Yes,
	"/rollback/check": Open, "/rollback/open": Yes, "/rollback/close": Yes,
	"/healthz": Yes, "/metrics": Yes,
}

// A Task is a type of what a load tester does.
type Task struct {
	// Shell tasks have a command of a shell.
	Shell bool
	// Awaited tasks are answered when they have run, by what became of them.
	Awaited bool
}

// Tasks are those that a load tester knows (pkg/loadtester/server.go, HandleNewTask). At any other
// it panics, and the call gets no answer (task.go, GetTaskFactory).
var Tasks = map[string]Task{
	"bash": {Shell: true, Awaited: true}, shellTask: {Shell: true}, "ngrinder": {},
	"concord": {Awaited: true}, "helm": {Awaited: true}, "helmv3": {Awaited: true}, "kubectl": {Awaited: true},
}

// An Answer is what a webhook says as far as the Canary settles that.
type Answer int

const (
	// Open answers depend on what is not in the Canary.
	Open Answer = iota
	// Yes and No are said whatever happens, as long as all that is asked can be reached.
	Yes
	No
)

// Answer is what a load tester says to the webhook whatever happens, and why it does, in a clause.
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
		return No, "a load tester refuses a task without metadata"
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

// Unshelled returns a word of a task's command that is meant for a shell, where none runs it: the words
// between spaces are the arguments of helm or kubectl (pkg/loadtester/helm.go, helmv3.go, kubectl.go).
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

// AlwaysPasses reports whether a load tester lets the webhook pass whatever happens.
func (w *Webhook) AlwaysPasses() bool { answer, _ := w.Answer(); return answer == Yes }

// IsAwaited reports whether a load tester answers the webhook when its task has run.
func (w *Webhook) IsAwaited() bool { return w.RunsTask() && Tasks[w.Task()].Awaited }

// asks is what the webhook asks, and whom: two that ask the same get the same answer. The gates of a load
// tester answer for a Canary, whatever the metadata is.
func (w *Webhook) asks() string {
	if path := w.TesterPath(); path != "" && !w.RunsTask() {
		u, _ := url.Parse(w.URL)
		labels := strings.Split(u.Hostname(), ".")
		return strings.Join(labels[:min(2, len(labels))], ".") + path
	}
	return fmt.Sprint(strings.TrimSuffix(w.URL, "/"), w.Metadata)
}

// askedToGoOn are the types of webhooks whose yes lets a good version go on.
var askedToGoOn = []string{ConfirmRollout, PreRollout, RolloutHook, ConfirmTrafficIncrease, ConfirmPromotion}

// GoesOnWith returns the webhook whose yes lets the rollout go on, and is that of a rollback hook as
// well, or nil: opening such a gate rolls back.
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

// Answers are what the webhooks of a Canary say one after the other, as far as it settles that.
type Answers struct {
	settled []Answer
	// shared are, by the places of the webhooks, those of the gate that lets the rollout go on with
	// the same yes as a rollback hook, or -1.
	shared []int
	// found reports whether the gate of that place finds a version good, and is not opened by somebody.
	found map[int]bool
	// opened reports whether such a gate was opened, after it was asked once.
	opened bool
}

// Answers returns those of a rollout that begins.
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

// Ask asks the webhook of a place.
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

// defaultTimeout is that of a webhook's call (pkg/controller/webhook.go).
const defaultTimeout = 10 * time.Second

// CallTimeout is how long Flagger waits for an answer, in whole seconds, and at most a year.
func (w *Webhook) CallTimeout() time.Duration {
	d, err := time.ParseDuration(w.Timeout)
	if err != nil || d <= 0 || len(w.Timeout) < len("1s") {
		return defaultTimeout
	}
	return min(d, time.Hour*24*365).Truncate(time.Second)
}
