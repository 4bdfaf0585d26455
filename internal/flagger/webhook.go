package flagger

import (
	"net/url"
	"slices"
	"strings"
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
	Type     string            `json:"type,omitempty"`
	URL      string            `json:"url"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// Kind is the webhook's type, written out.
func (w *Webhook) Kind() string {
	if w.Type == "" {
		return RolloutHook
	}
	return w.Type
}

// Task is the type of what a load tester does for the webhook. One that is set to nothing
// is not the same as none (pkg/loadtester/server.go).
func (w *Webhook) Task() string {
	if t, ok := w.Metadata["type"]; ok {
		return t
	}
	return shellTask
}

// RunsTask says whether the webhook has a load tester do something: its gates have paths
// of their own (pkg/loadtester/server.go).
func (w *Webhook) RunsTask() bool { return w.loadTesterPath() == "/" }

// loadTesterPath is the path of the webhook's URL where that is a load tester's, and else
// nothing.
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

// The gates of a load tester that nobody opens or closes (pkg/loadtester/server.go).
const (
	approvingGate = "/gate/approve"
	haltingGate   = "/gate/halt"
)

// AlwaysPasses says whether a load tester lets the webhook pass whatever happens.
func (w *Webhook) AlwaysPasses() bool {
	return w.loadTesterPath() == approvingGate || w.RunsTask() && slices.Contains(unawaited, w.Task())
}

// neverPasses says whether a load tester never lets the webhook pass.
func (w *Webhook) neverPasses() bool { return w.loadTesterPath() == haltingGate }
