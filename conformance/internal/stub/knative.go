package stub

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
)

var (
	knativeServices  = schema.GroupVersionKind{Group: "serving.knative.dev", Version: "v1", Kind: "Service"}
	knativeRevisions = schema.GroupVersionKind{Group: "serving.knative.dev", Version: "v1", Kind: "Revision"}
)

// StartKnative simulates Knative on an API server, until the test ends: a Service has a revision for each
// image, which is ready at once, and splits its traffic as its spec requires.
func StartKnative(t testing.TB, client *kube.Client) {
	client.Watch(t, knativeRevisions, func(ctx context.Context, o *kube.Object) {
		if _, ready := o.Object["status"]; !ready {
			write(ctx, client, o, map[string]any{
				"observedGeneration": o.GetGeneration(),
				"conditions":         []any{map[string]any{"type": "Ready", "status": "True", "lastTransitionTime": now()}},
			})
		}
	})
	client.Watch(t, knativeServices, func(ctx context.Context, o *kube.Object) {
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		if len(containers) == 0 {
			return
		}
		image, _, _ := unstructured.NestedString(containers[0].(map[string]any), "image")
		_, tag, _ := strings.Cut(image, ":")
		latest := o.GetName() + "-" + tag
		traffic := []any{map[string]any{"revisionName": latest, "latestRevision": true, "percent": int64(100)}}
		if wanted, _, _ := unstructured.NestedSlice(o.Object, "spec", "traffic"); len(wanted) > 0 {
			traffic = nil
			for _, target := range wanted {
				target := maps.Clone(target.(map[string]any))
				if target["latestRevision"] == true {
					target["revisionName"] = latest
				} else {
					target["latestRevision"] = false
				}
				traffic = append(traffic, target)
			}
		}
		have, _, _ := unstructured.NestedSlice(o.Object, "status", "traffic")
		created, _, _ := unstructured.NestedString(o.Object, "status", "latestCreatedRevisionName")
		if created == latest && slices.EqualFunc(have, traffic, func(a, b any) bool { return maps.Equal(a.(map[string]any), b.(map[string]any)) }) {
			return
		}
		revision := &kube.Object{Object: map[string]any{"metadata": map[string]any{"name": latest, "namespace": o.GetNamespace()}, "spec": map[string]any{"image": image}}}
		revision.SetGroupVersionKind(knativeRevisions)
		if _, err := client.Apply(ctx, revision); err != nil && ctx.Err() == nil {
			t.Errorf("the revision %s: %v", latest, err)
		}
		write(ctx, client, o, map[string]any{"latestCreatedRevisionName": latest, "latestReadyRevisionName": latest, "traffic": traffic})
	})
}

// write writes the status of an object. The object may be gone, or the API server busy.
func write(ctx context.Context, client *kube.Client, o *kube.Object, status map[string]any) {
	for range 50 {
		if client.Patch(ctx, o, map[string]any{"status": status}, "status") == nil || ctx.Err() != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
