package conformance

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
)

// TestFluxTakesOver lets Flux apply the example as Kurator's controller does, with a Kustomization without
// patches for each policy and cluster. These are suspended, the rendered chain is applied, and they are
// deleted. No object of the application is deleted or recreated, and the replicas are as docs/migration.md
// and docs/adopting.md describe.
func TestFluxTakesOver(t *testing.T) {
	const cluster = "kurator-member1"
	for _, run := range few([]struct {
		name    string
		prepare func(c *fluxCluster, t *testing.T)
		// replicas is the scale of the target afterwards; Git has 2.
		replicas int64
	}{
		{"with a rollout", (*fluxCluster).scaleDown, 0},
		{"without a rollout", func(*fluxCluster, *testing.T) {}, 1},
		{"without a rollout, with replicas of another owner", (*fluxCluster).keepReplicas, 2},
	}, 1) {
		t.Run(run.name, func(t *testing.T) {
			t.Parallel()
			record(t, "3. Flux: takes over what Kurator has applied")
			tree := golden(t, "kuma-rollout")
			c := startFlux(t, "kuma-rollout", treeOf(cluster), cluster)
			olds := c.applyAsKurator(t, tree)
			run.prepare(c, t)
			before := c.uids(t, olds)
			for _, old := range olds {
				if err := c.Patch(t.Context(), old, map[string]any{"spec": map[string]any{"suspend": true}}); err != nil {
					t.Fatal(err)
				}
			}

			c.push(t, tree)
			for _, o := range tree.objects(t, cluster) {
				if o.GroupVersionKind() == kustomizations {
					c.ready(t, o)
				}
			}
			for _, old := range olds {
				if err := c.Delete(t.Context(), kustomizations, old.GetNamespace(), old.GetName()); err != nil {
					t.Fatal(err)
				}
				kube.Eventually(t, convergence, "the old Kustomization is gone", func() error {
					if _, err := c.Get(t.Context(), kustomizations, old.GetNamespace(), old.GetName()); !errors.IsNotFound(err) {
						return fmt.Errorf("%s: %v", kube.ID(old), err)
					}
					return nil
				})
			}
			for o, uid := range before {
				got, err := c.Get(t.Context(), o.kind, o.namespace, o.name)
				if err != nil {
					t.Error(err)
				} else if got.GetUID() != uid {
					t.Errorf("%v was recreated", o)
				}
			}
			target, err := c.Get(t.Context(), deployments, c.workload.Namespace, c.workload.Name)
			if err != nil {
				t.Fatal(err)
			}
			if got, _, _ := unstructured.NestedInt64(target.Object, "spec", "replicas"); got != run.replicas {
				t.Errorf("the target has %d replicas, want %d", got, run.replicas)
			}
		})
	}
}

// treeOf returns the content of a cluster's repository before the first render.
func treeOf(cluster string) tree {
	return tree{cluster + "/before.yaml": []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: before, namespace: default}\n")}
}

// applyAsKurator applies the source and the Kustomizations of an example's policies with Kurator's names and
// without patches, waits until they are ready, and returns the Kustomizations.
func (c *fluxCluster) applyAsKurator(t *testing.T, tree tree) (olds []*kube.Object) {
	t.Helper()
	for _, o := range tree.objects(t, c.name) {
		if o.GetNamespace() != c.source.Namespace || o.GetKind() != "GitRepository" && o.GroupVersionKind() != kustomizations {
			continue
		}
		o = &kube.Object{Object: o.DeepCopy().Object}
		if o.GroupVersionKind() == kustomizations {
			o.SetName(o.GetName() + "-attachedcluster-" + c.name)
			unstructured.RemoveNestedField(o.Object, "spec", "patches")
			olds = append(olds, o)
		}
		if _, err := c.Apply(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if len(olds) != 2 {
		t.Fatalf("%d policies", len(olds))
	}
	for _, old := range olds {
		c.ready(t, old)
	}
	return olds
}

// scaleDown scales the target to 0, as Flagger does.
func (c *fluxCluster) scaleDown(t *testing.T) {
	t.Helper()
	for _, server := range c.targets() {
		target, err := server.Get(t.Context(), deployments, c.workload.Namespace, c.workload.Name)
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Patch(t.Context(), target, map[string]any{"spec": map[string]any{"replicas": 0}}); err != nil {
			t.Fatal(err)
		}
	}
}

// keepReplicas makes another field manager a co-owner of the target's replicas.
func (c *fluxCluster) keepReplicas(t *testing.T) {
	t.Helper()
	if _, err := c.ApplyAs(t.Context(), "replicas", &kube.Object{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": c.workload.Name, "namespace": c.workload.Namespace},
		"spec": map[string]any{"replicas": 2},
	}}); err != nil {
		t.Fatal(err)
	}
}

// ready waits until Flux has applied a Kustomization.
func (c *fluxCluster) ready(t *testing.T, o *kube.Object) {
	t.Helper()
	kube.Eventually(t, convergence, kube.ID(o)+" is ready", func() error {
		k, err := c.Get(t.Context(), kustomizations, o.GetNamespace(), o.GetName())
		if err != nil {
			return err
		}
		observed, _, _ := unstructured.NestedInt64(k.Object, "status", "observedGeneration")
		if status, message := kube.Condition(k, "Ready"); status != "True" || observed != k.GetGeneration() {
			return fmt.Errorf("Ready is %s: %s", status, message)
		}
		return nil
	})
}

// uids returns the uids of the objects that Flux has applied for Kustomizations.
func (c *fluxCluster) uids(t *testing.T, all []*kube.Object) map[applied]types.UID {
	t.Helper()
	found := map[applied]types.UID{}
	for _, k := range all {
		k, err := c.Get(t.Context(), kustomizations, k.GetNamespace(), k.GetName())
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range inventory(t, k) {
			o, err := c.Get(t.Context(), id.kind, id.namespace, id.name)
			if err != nil {
				t.Fatal(err)
			}
			found[id] = o.GetUID()
		}
	}
	if len(found) == 0 {
		t.Fatal("Flux has applied no objects")
	}
	return found
}
