package stub

import (
	"cmp"
	"context"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
)

var (
	gateways   = schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "Gateway"}
	httpRoutes = schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"}
)

// An Implementation simulates an implementation of Gateways on API servers.
type Implementation struct {
	mutex      sync.Mutex
	programmed string
}

// Start starts the simulation on an API server, until the test ends. The CRDs of Gateway API may be installed
// later.
func (i *Implementation) Start(t testing.TB, client *kube.Client) {
	run(t, client, roles{gateways: i.program})
}

// Program sets the condition Programmed of Gateways, which starts as True. Unknown, the CRD's default, is not
// written.
func (i *Implementation) Program(status string) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.programmed = status
}

// program returns the new status of a Gateway, or nil if it is up to date.
func (i *Implementation) program(_ context.Context, o *kube.Object) map[string]any {
	i.mutex.Lock()
	status := cmp.Or(i.programmed, "True")
	i.mutex.Unlock()
	if have, _ := kube.Condition(o, "Programmed"); status == "Unknown" || have == status && isOf([]any{o.Object["status"]}, o.GetGeneration()) {
		return nil
	}
	condition := func(kind, status string) any {
		return map[string]any{"type": kind, "status": status, "reason": "Played", "message": "played", "lastTransitionTime": now(), "observedGeneration": o.GetGeneration()}
	}
	return map[string]any{"conditions": []any{condition("Accepted", "True"), condition("Programmed", status)}}
}

// StartGateways simulates an implementation of Gateway API on an API server, until the test ends: the parents
// of each HTTPRoute accept it at once.
func StartGateways(t testing.TB, client *kube.Client) {
	client.Watch(t, httpRoutes, func(ctx context.Context, o *kube.Object) {
		if status := accept(o); status != nil {
			write(ctx, client, o, status)
		}
	})
}

// accept returns the status of an HTTPRoute that each of its parents accepts, or nil if it is up to date.
func accept(o *kube.Object) map[string]any {
	refs, _, _ := unstructured.NestedSlice(o.Object, "spec", "parentRefs")
	accepted := map[string]any{
		"type": "Accepted", "status": "True", "reason": "Accepted", "message": "played", "lastTransitionTime": now(), "observedGeneration": o.GetGeneration(),
	}
	var parents []any
	for _, ref := range refs {
		parents = append(parents, map[string]any{"parentRef": ref, "controllerName": "conformance.test/gateway", "conditions": []any{accepted}})
	}
	if have, _, _ := unstructured.NestedSlice(o.Object, "status", "parents"); len(have) == len(parents) && isOf(have, o.GetGeneration()) {
		return nil
	}
	return map[string]any{"parents": parents}
}

// isOf reports whether all conditions of some objects, such as parents, belong to a generation.
func isOf(parents []any, generation int64) bool {
	for _, parent := range parents {
		conditions, _, _ := unstructured.NestedSlice(parent.(map[string]any), "conditions")
		for _, c := range conditions {
			if observed, _, _ := unstructured.NestedInt64(c.(map[string]any), "observedGeneration"); observed != generation {
				return false
			}
		}
	}
	return true
}
