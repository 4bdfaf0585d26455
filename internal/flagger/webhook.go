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
func (w *Webhook) RunsTask() bool {
	u, err := url.Parse(w.URL)
	return err == nil && isLoadTester(u.Hostname(), u.Path)
}

// isLoadTester says whether a host and a path are those of a load tester's tasks.
func isLoadTester(host, path string) bool {
	name, _, _ := strings.Cut(host, ".")
	return (strings.HasSuffix(name, LoadTesterSuffix) || strings.Contains(name, ownLoadTester)) && strings.Trim(path, "/") == ""
}

// unawaited are the tasks that a load tester answers before they have run, whatever
// becomes of them (pkg/loadtester/server.go, HandleNewTask).
var unawaited = []string{shellTask, "ngrinder"}

// AlwaysPasses says whether the webhook has a load tester do what it does not wait for.
func (w *Webhook) AlwaysPasses() bool {
	return w.RunsTask() && slices.Contains(unawaited, w.Task())
}
