package conformance

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/conformance/internal/stub"
	"github.com/fleetwright/fleetwright/conformance/internal/tools"
)

var (
	kustomizations = schema.GroupVersionKind{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Kind: "Kustomization"}
	namespaces     = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}
	deployments    = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	services       = schema.GroupVersionKind{Version: "v1", Kind: "Service"}
)

// convergence is how long Flux may take to apply everything.
const convergence = 5 * time.Minute

// An application is what an example rolls out.
type application struct {
	// source is the namespace and the name of the GitRepository.
	namespace, source string
	// workload is the name of the Deployment, in workloadNamespace.
	workload string
}

// applications are those of the examples. The repository of all is
// testdata/podinfo.
var applications = map[string]application{
	"kuma-rollout": {"default", "rollout-kuma-demo", "backend"},
	"own-mesh":     {"shop", "web", "frontend"},
}

const (
	repository        = "testdata/podinfo"
	workloadNamespace = "webapp"
)

// A fluxCluster is a cluster that was empty, with kustomize-controller on it and a
// bootstrap Kustomization on the cluster's directory.
type fluxCluster struct {
	*kube.ControlPlane
	application
	world *stub.World
}

// startFlux starts a cluster of an example, whose repository holds a tree.
func startFlux(t *testing.T, example string, tree tree, cluster string) *fluxCluster {
	t.Helper()
	app, ok := applications[example]
	if !ok {
		t.Fatalf("nothing is known of the example %s", example)
	}
	c := &fluxCluster{ControlPlane: kube.Start(t, toolsDir), application: app}
	bootstrap(t, c.ControlPlane)
	charts := chartCRDs(t)
	c.world = stub.Start(t, c.Client, func(release string) {
		for _, crd := range charts[release] {
			_, _ = c.Apply(t.Context(), crd)
		}
	})
	c.push(t, tree)
	c.world.Push(t, app.namespace, app.source, readTree(t, repository))
	health := kube.Port(t)
	c.Run(toolsDir, tools.KustomizeController,
		[]string{"KUBECONFIG=" + c.Kubeconfig, "RUNTIME_NAMESPACE=flux-system", "TMPDIR=" + c.TempDir("flux")},
		fmt.Sprintf("--metrics-addr=127.0.0.1:%d", kube.Port(t)), fmt.Sprintf("--health-addr=127.0.0.1:%d", health),
		"--requeue-dependency=1s")
	for _, o := range []map[string]any{
		{
			"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": map[string]any{"name": "flux-system", "namespace": "flux-system"},
			"spec": map[string]any{"interval": "1m", "url": "https://example.com/clusters"},
		},
		{
			"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": map[string]any{"name": "flux-system", "namespace": "flux-system"},
			"spec": map[string]any{
				"interval": "10m", "retryInterval": "5s", "prune": true, "path": "./" + path.Join(outputPath, cluster),
				"sourceRef": map[string]any{"kind": "GitRepository", "name": "flux-system"},
			},
		},
	} {
		if _, err := c.Apply(t.Context(), &kube.Object{Object: o}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// push commits a tree to the repository of the clusters.
func (c *fluxCluster) push(t *testing.T, tree tree) (revision string) {
	t.Helper()
	return c.world.Push(t, "flux-system", "flux-system", tree.inRepository())
}

// converge waits until there are as many Flux Kustomizations as there should be,
// and all of them have applied the newest revision of their source.
func (c *fluxCluster) converge(t *testing.T, tree tree, cluster string, revisions map[string]string) {
	t.Helper()
	want := 1 // the bootstrap
	for _, o := range tree.objects(t, cluster) {
		if o.GroupVersionKind() == kustomizations {
			want++
		}
	}
	kube.Eventually(t, convergence, "Flux has applied everything", func() error {
		all, err := c.List(t.Context(), kustomizations)
		if err != nil {
			return err
		}
		var waiting []string
		for _, k := range all {
			source, _, _ := unstructured.NestedString(k.Object, "spec", "sourceRef", "name")
			applied, _, _ := unstructured.NestedString(k.Object, "status", "lastAppliedRevision")
			observed, _, _ := unstructured.NestedInt64(k.Object, "status", "observedGeneration")
			status, message := kube.Condition(&k, "Ready")
			if status != "True" || observed != k.GetGeneration() || revisions[source] != "" && applied != revisions[source] {
				waiting = append(waiting, fmt.Sprintf("%s: %s", kube.ID(&k), message))
			}
		}
		if len(waiting) > 0 || len(all) != want {
			return fmt.Errorf("%d of %d Kustomizations are there; these are not ready:\n%s", len(all), want, strings.Join(waiting, "\n"))
		}
		return nil
	})
}

// applied are the objects that Flux has applied, with their generations and
// metadata: what another run would change.
func (c *fluxCluster) applied(t *testing.T) map[string]string {
	t.Helper()
	all, err := c.List(t.Context(), kustomizations)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, k := range all {
		entries, _, _ := unstructured.NestedSlice(k.Object, "status", "inventory", "entries")
		for _, e := range entries {
			id, _, _ := unstructured.NestedString(e.(map[string]any), "id")
			version, _, _ := unstructured.NestedString(e.(map[string]any), "v")
			parts := strings.Split(id, "_") // namespace_name_group_kind
			if len(parts) != 4 {
				t.Fatalf("the inventory of %s holds %q", kube.ID(&k), id)
			}
			o, err := c.Get(t.Context(), schema.GroupVersionKind{Group: parts[2], Version: version, Kind: parts[3]}, parts[0], parts[1])
			if err != nil {
				t.Fatalf("%s: %v", id, err)
			}
			annotations := maps.Clone(o.GetAnnotations())
			delete(annotations, "reconcile.fluxcd.io/requestedAt")
			found[id] = fmt.Sprintf("generation %d, labels %v, annotations %v", o.GetGeneration(), o.GetLabels(), annotations)
		}
	}
	return found
}

// reconcile has Flux apply everything again.
func (c *fluxCluster) reconcile(t *testing.T) {
	t.Helper()
	all, err := c.List(t.Context(), kustomizations)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Format(time.RFC3339Nano)
	for _, k := range all {
		if err := c.Patch(t.Context(), &k, map[string]any{"metadata": map[string]any{"annotations": map[string]any{"reconcile.fluxcd.io/requestedAt": at}}}); err != nil {
			t.Fatal(err)
		}
	}
	kube.Eventually(t, convergence, "Flux has applied everything again", func() error {
		all, err := c.List(t.Context(), kustomizations)
		if err != nil {
			return err
		}
		for _, k := range all {
			handled, _, _ := unstructured.NestedString(k.Object, "status", "lastHandledReconcileAt")
			if status, message := kube.Condition(&k, "Ready"); handled != at || status != "True" {
				return fmt.Errorf("%s: %s", kube.ID(&k), message)
			}
		}
		return nil
	})
}

// TestFlux has the real kustomize-controller apply every cluster of every example
// from its bootstrap Kustomization on. TestFluxSeesWhatIsBroken takes out what the
// checks are for.
func TestFlux(t *testing.T) {
	for _, example := range examples(t) {
		tree := golden(t, example)
		for _, cluster := range tree.clusters() {
			t.Run(example+"/"+cluster, func(t *testing.T) {
				t.Parallel()
				c := startFlux(t, example, tree, cluster)
				t.Run("converges", func(t *testing.T) {
					record(t, "3. Flux: converges from an empty cluster")
					c.converge(t, tree, cluster, nil)
				})
				if t.Failed() {
					return
				}
				t.Run("a second time nothing changes", func(t *testing.T) {
					record(t, "3. Flux: a second reconcile changes nothing")
					before := c.applied(t)
					c.reconcile(t)
					if after := c.applied(t); !maps.Equal(before, after) {
						t.Errorf("there was\n%s\nand now there is\n%s", show(before), show(after))
					}
				})
				t.Run("the namespace stays injected", func(t *testing.T) {
					record(t, "3. Flux: the namespace stays injected")
					if why := c.notInjected(t); why != "" {
						t.Error(why)
					}
				})
				t.Run("replicas stay", func(t *testing.T) {
					record(t, "3. Flux: a target scaled to 0 stays")
					if replicas := c.replicasAfterPush(t, tree, cluster); replicas != 0 {
						t.Errorf("a new revision has scaled the target to %d", replicas)
					}
				})
				t.Run("a removed rollout is pruned", func(t *testing.T) {
					record(t, "3. Flux: a removed rollout is pruned, no more")
					c.removeRollouts(t, example, tree, cluster)
				})
			})
		}
	}
}

func show(m map[string]string) string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, key+": "+m[key])
	}
	return strings.Join(lines, "\n")
}

// notInjected says why the workload's namespace does not get sidecars, or nothing
// where it does: both fleetwright and the application bring it.
func (c *fluxCluster) notInjected(t *testing.T) string {
	t.Helper()
	ns, err := c.Get(t.Context(), namespaces, "", workloadNamespace)
	if err != nil {
		return err.Error()
	}
	labels := ns.GetLabels()
	if labels["kuma.io/sidecar-injection"] != "enabled" || labels["app.kubernetes.io/part-of"] != "webapp" {
		return fmt.Sprintf("the namespace has the labels %v", labels)
	}
	return ""
}

// replicasAfterPush scales the target down as Flagger does, pushes a revision of
// the application that says replicas: 2 as before, and returns the replicas that
// are left.
func (c *fluxCluster) replicasAfterPush(t *testing.T, tree tree, cluster string) int64 {
	t.Helper()
	target, err := c.Get(t.Context(), deployments, workloadNamespace, c.workload)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Patch(t.Context(), target, map[string]any{"spec": map[string]any{"replicas": 0}}); err != nil {
		t.Fatal(err)
	}
	app := readTree(t, repository)
	file := "deploy/webapp/" + c.workload + "/deployment.yaml"
	if !strings.Contains(string(app[file]), "replicas: 2") {
		t.Fatal("the application does not say replicas: 2")
	}
	app[file] = []byte(strings.ReplaceAll(string(app[file]), "podinfo:6.7.0", "podinfo:6.7.1"))
	revision := c.world.Push(t, c.namespace, c.source, app)
	c.converge(t, tree, cluster, map[string]string{c.source: revision})
	if target, err = c.Get(t.Context(), deployments, workloadNamespace, c.workload); err != nil {
		t.Fatal(err)
	}
	containers, _, _ := unstructured.NestedSlice(target.Object, "spec", "template", "spec", "containers")
	if image := containers[0].(map[string]any)["image"]; image != "ghcr.io/stefanprodan/podinfo:6.7.1" {
		t.Errorf("the new revision is not applied: the image is %v", image)
	}
	replicas, _, _ := unstructured.NestedInt64(target.Object, "spec", "replicas")
	return replicas
}

// removeRollouts removes the rollouts from the input, renders again and pushes:
// their objects are pruned, and nothing else.
func (c *fluxCluster) removeRollouts(t *testing.T, example string, before tree, cluster string) {
	t.Helper()
	after := compiled(t, example, eachPolicy(func(policy map[string]any) { delete(policy, "rollout") }))
	revision := c.push(t, after)
	c.converge(t, after, cluster, map[string]string{"flux-system": revision})
	left := after.objects(t, cluster)
	for id, o := range before.objects(t, cluster) {
		kube.Eventually(t, time.Minute, id+" is pruned, or is left", func() error {
			_, err := c.Get(t.Context(), o.GroupVersionKind(), o.GetNamespace(), o.GetName())
			_, stays := left[id]
			if stays || o.GetAnnotations()["kustomize.toolkit.fluxcd.io/prune"] == "disabled" {
				return err
			}
			if err == nil {
				return fmt.Errorf("it is still there")
			}
			if !errors.IsNotFound(err) {
				return err
			}
			return nil
		})
	}
	for gvk, names := range map[schema.GroupVersionKind][]string{deployments: {"backend", "frontend"}, services: {"backend", "frontend"}} {
		for _, name := range names {
			if _, err := c.Get(t.Context(), gvk, workloadNamespace, name); err != nil {
				t.Errorf("the application's own: %v", err)
			}
		}
	}
}

// TestFluxSeesWhatIsBroken takes the patches out of the application's Flux
// Kustomizations: the namespace then loses its label to the application's own
// manifest, and the target its scale to the number in Git.
func TestFluxSeesWhatIsBroken(t *testing.T) {
	t.Parallel()
	broken := golden(t, "kuma-rollout")
	const cluster = "kurator-member1"
	for name, data := range broken {
		if !strings.HasPrefix(path.Base(name), "kustomization-") {
			continue
		}
		objects, err := kube.Objects(data)
		if err != nil {
			t.Fatal(err)
		}
		unstructured.RemoveNestedField(objects[0].Object, "spec", "patches")
		if broken[name], err = objects[0].MarshalJSON(); err != nil {
			t.Fatal(err)
		}
	}
	record(t, "3. Flux: what is broken is seen")
	c := startFlux(t, "kuma-rollout", broken, cluster)
	c.converge(t, broken, cluster, nil)
	if c.notInjected(t) == "" {
		t.Error("the namespace is injected without the patch")
	}
	if replicas := c.replicasAfterPush(t, broken, cluster); replicas != 2 {
		t.Errorf("without the patch a new revision leaves the target at %d", replicas)
	}
}

// TestFluxTriesAgain has the first apply of a policy with interval 0s fail, on an
// object in its way that it cannot change: once that is gone, it is tried again,
// although no new revision comes.
func TestFluxTriesAgain(t *testing.T) {
	t.Parallel()
	record(t, "3. Flux: a policy with interval 0s is tried again")
	tree := golden(t, "kuma-rollout")
	const cluster = "kurator-member2"
	c := startFlux(t, "kuma-rollout", tree, cluster)
	for _, inTheWay := range []map[string]any{
		{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": workloadNamespace}},
		{
			"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": c.workload, "namespace": workloadNamespace},
			"spec": map[string]any{
				"selector": map[string]any{"matchLabels": map[string]any{"in": "the-way"}},
				"template": map[string]any{
					"metadata": map[string]any{"labels": map[string]any{"in": "the-way"}},
					"spec":     map[string]any{"containers": []any{map[string]any{"name": "x", "image": "x"}}},
				},
			},
		},
	} {
		if _, err := c.Apply(t.Context(), &kube.Object{Object: inTheWay}); err != nil {
			t.Fatal(err)
		}
	}
	kube.Eventually(t, convergence, "the apply fails", func() error {
		k, err := c.Get(t.Context(), kustomizations, "default", "rollout-kuma-demo-0")
		if err != nil {
			return err
		}
		if status, message := kube.Condition(k, "Ready"); status != "False" || !strings.Contains(message, "immutable") {
			return fmt.Errorf("Ready is %s: %s", status, message)
		}
		return nil
	})
	if err := c.Delete(t.Context(), deployments, workloadNamespace, c.workload); err != nil {
		t.Fatal(err)
	}
	c.converge(t, tree, cluster, nil)
}
