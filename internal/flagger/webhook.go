package flagger

import (
	"cmp"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"
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
// of their own (pkg/loadtester/server.go).
func (w *Webhook) RunsTask() bool { return w.loadTesterPath() == tasks }

// loadTesterPath is the path of the webhook's URL where that is a load tester's, and else nothing.
func (w *Webhook) loadTesterPath() string {
	u, err := url.Parse(w.URL)
	if err != nil {
		return ""
	}
	name, _, _ := strings.Cut(u.Hostname(), ".")
	if !strings.HasSuffix(name, LoadTesterSuffix) && !strings.Contains(name, ownLoadTester) {
		return ""
	}
	return "/" + strings.Trim(u.Path, "/")
}

// unawaited are the tasks that a load tester answers before they have run, whatever
// becomes of them (pkg/loadtester/server.go, HandleNewTask).
var unawaited = []string{shellTask, "ngrinder"}

// The paths of a load tester's tasks, and of its gates that nobody opens or closes
// (pkg/loadtester/server.go).
const (
	tasks         = "/"
	approvingGate = "/gate/approve"
	haltingGate   = "/gate/halt"
)

// An answer is what a webhook says as far as its load tester settles that.
type answer int

const (
	open answer = iota
	passes
	refuses
)

// answer is what a load tester says to the webhook whatever happens.
func (w *Webhook) answer() answer {
	switch path := w.loadTesterPath(); {
	case path == approvingGate, path == tasks && slices.Contains(unawaited, w.Task()):
		return passes
	case path == haltingGate:
		return refuses
	}
	return open
}

// AlwaysPasses reports whether a load tester lets the webhook pass whatever happens.
func (w *Webhook) AlwaysPasses() bool { return w.answer() == passes }

// defaultTimeout is that of a webhook's call (pkg/controller/webhook.go).
const defaultTimeout = 10 * time.Second

// CallTimeout is how long Flagger waits for an answer, in whole seconds, and at most a year.
func (w *Webhook) CallTimeout() time.Duration {
	d, err := time.ParseDuration(w.Timeout)
	if err != nil || d <= 0 {
		return defaultTimeout
	}
	return min(d, time.Hour*24*365).Truncate(time.Second)
}
