package conformance

import (
	"fmt"
	"maps"
	"os"
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

// convergence is the time limit for Flux to apply everything.
const convergence = 5 * time.Minute

// A fluxCluster is a cluster that was empty before Flux started, with kustomize-controller and a bootstrap
// Kustomization on the cluster's directory. If the directory is a hub's, its spokes run too, and the hub has
// the Secrets with their kubeconfigs.
type fluxCluster struct {
	*kube.ControlPlane
	application
	name    string
	world   *stub.World
	servers servers
	spokes  spokes
	// bootstrap holds the objects that Flux starts with.
	bootstrap []map[string]any
	// gateways stands in for an implementation of Gateways.
	gateways stub.Implementation
}

// startFlux starts a cluster of an example. Its repository holds a tree.
func startFlux(t *testing.T, example string, tree tree, cluster string) *fluxCluster {
	t.Helper()
	return startFluxOf(t, applicationOf(t, example), kubeconfigs(t, example), tree, cluster)
}

// startFluxOf starts a cluster of an application. prepare may change the cluster before Flux starts.
func startFluxOf(t *testing.T, app application, spokes spokes, tree tree, cluster string, prepare ...func(c *fluxCluster)) *fluxCluster {
	t.Helper()
	c := &fluxCluster{application: app, name: cluster, servers: startServers(t, tree, cluster), spokes: spokes}
	c.ControlPlane = c.servers[cluster]
	c.bootstrap = bootstrapOf("GitRepository", "./"+path.Join(outputPath, cluster), map[string]any{"interval": "1m", "url": "https://example.com/clusters"})
	for at, spoke := range c.spokes {
		if server, ok := c.servers[spoke]; ok {
			c.keep(t, at, server.Kubeconfig)
		}
	}
	for _, server := range c.servers {
		stub.StartNodes(t, server.Client)
		c.gateways.Start(t, server.Client)
	}
	charts := chartCRDs(t)
	c.world = stub.Start(t, c.Client, func(release *kube.Object) {
		for _, crd := range charts[chartOf(release)] {
			_, _ = c.servers[c.spokes.reached(t, release, cluster)].Apply(t.Context(), crd)
		}
	})
	c.push(t, tree)
	c.world.Push(t, c.source.Namespace, c.source.Name, c.repository(t))
	for _, o := range gatewayReleases(tree.objects(t, cluster)) {
		c.world.Push(t, o.GetNamespace(), o.GetName(), packRelease(t, o))
	}
	for _, prepare := range prepare {
		prepare(c)
	}
	health := kube.Port(t)
	c.Run(toolsDir, tools.KustomizeController,
		[]string{"KUBECONFIG=" + c.Kubeconfig, "RUNTIME_NAMESPACE=flux-system", "TMPDIR=" + c.TempDir("flux")},
		fmt.Sprintf("--metrics-addr=127.0.0.1:%d", kube.Port(t)), fmt.Sprintf("--health-addr=127.0.0.1:%d", health),
		"--requeue-dependency=1s")
	for _, o := range c.bootstrap {
		if _, err := c.Apply(t.Context(), &kube.Object{Object: o}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// bootstrapOf returns the bootstrap objects of a cluster: a source, and the Kustomization on one of its
// paths.
func bootstrapOf(kind, path string, source map[string]any) []map[string]any {
	metadata := map[string]any{"name": "flux-system", "namespace": "flux-system"}
	return []map[string]any{
		{"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": kind, "metadata": metadata, "spec": source},
		{
			"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata,
			"spec": map[string]any{
				"interval": "10m", "retryInterval": "5s", "prune": true, "path": path,
				"sourceRef": map[string]any{"kind": kind, "name": "flux-system"},
			},
		},
	}
}

// startFlagger starts Flagger on a Kuma cluster to which Flux has applied a tree.
func (c *fluxCluster) startFlagger(t *testing.T, tree tree) *flaggerCluster {
	t.Helper()
	f := &flaggerCluster{ControlPlane: c.ControlPlane, application: c.application, provider: "kuma", objects: tree.objects(t, c.name)}
	f.canary = f.objects["Canary "+c.workload.String()]
	f.run(t, tools.Flagger)
	return f
}

// keep creates the Secret with a kubeconfig, as Kurator does on a hub.
func (c *fluxCluster) keep(t *testing.T, at secret, kubeconfig string) {
	t.Helper()
	data, err := os.ReadFile(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Apply(t.Context(), &kube.Object{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": at.name, "namespace": "default"},
		"stringData": map[string]any{at.key: string(data)},
	}}); err != nil {
		t.Fatal(err)
	}
}

// push commits a tree to the repository of the clusters.
func (c *fluxCluster) push(t *testing.T, tree tree) (revision string) {
	t.Helper()
	return c.world.Push(t, "flux-system", "flux-system", tree.inRepository())
}

// converge waits until the cluster has the expected Flux Kustomizations, and each has applied the newest
// revision of its source.
func (c *fluxCluster) converge(t *testing.T, tree tree, revisions map[string]string) {
	t.Helper()
	want := 1 // the bootstrap
	for _, o := range tree.objects(t, c.name) {
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
			return fmt.Errorf("%d of %d Kustomizations exist; not ready:\n%s", len(all), want, strings.Join(waiting, "\n"))
		}
		return nil
	})
}

// applied describes the objects that Flux has applied by their generations and metadata, which another
// reconciliation could change.
func (c *fluxCluster) applied(t *testing.T) map[string]string {
	t.Helper()
	all, err := c.List(t.Context(), kustomizations)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, k := range all {
		server := c.spokes.reached(t, &k, c.name)
		for _, id := range inventory(t, &k) {
			o, err := c.servers[server].Get(t.Context(), id.kind, id.namespace, id.name)
			if err != nil {
				t.Fatalf("%v on %s: %v", id, server, err)
			}
			annotations := maps.Clone(o.GetAnnotations())
			delete(annotations, "reconcile.fluxcd.io/requestedAt")
			found[fmt.Sprintf("%s has %v", server, id)] = fmt.Sprintf("generation %d, labels %v, annotations %v", o.GetGeneration(), o.GetLabels(), annotations)
		}
	}
	return found
}

// An applied object is an object in Flux's inventory.
type applied struct {
	kind            schema.GroupVersionKind
	namespace, name string
}

// inventory returns the objects that Flux has applied for a Kustomization.
func inventory(t *testing.T, k *kube.Object) (all []applied) {
	t.Helper()
	entries, _, _ := unstructured.NestedSlice(k.Object, "status", "inventory", "entries")
	for _, e := range entries {
		id, _, _ := unstructured.NestedString(e.(map[string]any), "id")
		version, _, _ := unstructured.NestedString(e.(map[string]any), "v")
		parts := strings.Split(id, "_") // namespace_name_group_kind
		if len(parts) != 4 {
			t.Fatalf("invalid entry in the inventory of %s: %q", kube.ID(k), id)
		}
		all = append(all, applied{schema.GroupVersionKind{Group: parts[2], Version: version, Kind: parts[3]}, parts[0], parts[1]})
	}
	return all
}

// reconcile makes Flux apply everything again.
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

// TestFlux runs the real kustomize-controller on clusters of examples, from their bootstrap Kustomizations
// on. TestFluxSeesWhatIsBroken shows what the checks can find.
func TestFlux(t *testing.T) {
	for _, run := range few([]struct{ example, cluster string }{
		{"kuma-rollout", "kurator-member1"},
		{"helm-repository", "kurator-member1"},
		{"hub", "host"},
		{"kuma-rollout", "kurator-member2"},
		{"own-mesh", "frankfurt"},
		{"own-mesh", "milan"},
		{"istio-canary", "kurator-member1"},
		{"nginx-canary", "kurator-member1"},
		{"helm-oci", "kurator-member1"},
		{"cluster-selectors", "berlin"},
		{"cluster-selectors", "lisbon"},
		{"gatewayapi-canary", "kurator-member1"},
		{"kuma-gatewayapi", "kurator-member1"},
		{"kubernetes-blue-green", "kurator-member1"},
	}, 3) {
		t.Run(run.example+"/"+run.cluster, func(t *testing.T) {
			t.Parallel()
			tree := golden(t, run.example)
			c := startFlux(t, run.example, tree, run.cluster)
			t.Run("converges", func(t *testing.T) {
				record(t, "3. Flux: converges from an empty cluster")
				c.converge(t, tree, nil)
			})
			if t.Failed() {
				return
			}
			t.Run("every object is on its cluster", func(t *testing.T) {
				record(t, "3. Flux: applies everything, each to its cluster")
				none(t, c.misplaced(t, tree))
			})
			t.Run("a second reconciliation changes nothing", func(t *testing.T) {
				record(t, "3. Flux: a second reconcile changes nothing")
				before := c.applied(t)
				c.reconcile(t)
				if after := c.applied(t); !maps.Equal(before, after) {
					t.Errorf("before\n%s\nafter\n%s", show(before), show(after))
				}
			})
			if c.rollsOut() && !c.chart {
				t.Run("the namespace keeps its labels", func(t *testing.T) {
					record(t, "3. Flux: the namespace of two keeps what both say")
					none(t, c.wrongNamespaces(t, tree))
				})
				t.Run("replicas stay", func(t *testing.T) {
					record(t, "3. Flux: a target scaled to 0 stays")
					for server, replicas := range c.replicasAfterPush(t, tree) {
						if replicas != 0 {
							t.Errorf("a new revision scaled the target on %s to %d", server, replicas)
						}
					}
				})
			}
			if c.rollsOut() {
				t.Run("a removed rollout is pruned", func(t *testing.T) {
					record(t, "3. Flux: a removed rollout is pruned, no more")
					c.removeRollouts(t, run.example, tree)
				})
			}
		})
	}
}

func show(m map[string]string) string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, key+": "+m[key])
	}
	return strings.Join(lines, "\n")
}

// misplaced describes the objects of a tree that are missing, or on another cluster.
func (c *fluxCluster) misplaced(t *testing.T, tree tree) (wrong []string) {
	t.Helper()
	objects := map[string]map[string]*kube.Object{}
	for name := range c.servers {
		objects[name] = tree.objects(t, name)
	}
	for of := range c.servers {
		for id, o := range objects[of] {
			for on, server := range c.servers {
				_, err := server.Get(t.Context(), o.GroupVersionKind(), o.GetNamespace(), o.GetName())
				switch belongs := objects[on][id] != nil; {
				case belongs && err != nil:
					wrong = append(wrong, fmt.Sprintf("%s on %s: %v", id, on, err))
				case !belongs && err == nil:
					wrong = append(wrong, fmt.Sprintf("%s belongs to %s, but is on %s", id, of, on))
				}
			}
		}
	}
	return wrong
}

// targets returns the API servers with the workload, by cluster name.
func (c *fluxCluster) targets() servers {
	if len(c.servers) == 1 {
		return c.servers
	}
	spokes := maps.Clone(c.servers)
	delete(spokes, c.name)
	return spokes
}

// wrongNamespaces describes where the workload's namespace lacks labels: both fleetwright and the application
// declare the namespace.
func (c *fluxCluster) wrongNamespaces(t *testing.T, tree tree) (wrong []string) {
	t.Helper()
	for name, server := range c.targets() {
		want := map[string]string{"app.kubernetes.io/part-of": "webapp", "kubernetes.io/metadata.name": c.workload.Namespace}
		maps.Copy(want, tree.objects(t, name)["Namespace "+c.workload.Namespace].GetLabels())
		ns, err := server.Get(t.Context(), namespaces, "", c.workload.Namespace)
		if err != nil {
			t.Fatal(err)
		}
		labels := maps.Clone(ns.GetLabels())
		maps.DeleteFunc(labels, func(key, _ string) bool { return strings.HasPrefix(key, "kustomize.toolkit.fluxcd.io/") })
		if !maps.Equal(labels, want) {
			wrong = append(wrong, fmt.Sprintf("on %s the labels of the namespace are %v, want %v", name, labels, want))
		}
	}
	return wrong
}

// replicasAfterPush scales the targets down as Flagger does, pushes a revision of the application that still
// has replicas: 2, and returns the remaining replicas by cluster.
func (c *fluxCluster) replicasAfterPush(t *testing.T, tree tree) map[string]int64 {
	t.Helper()
	c.scaleDown(t)
	app := c.repository(t)
	file := "deploy/webapp/" + c.workload.Name + "/deployment.yaml"
	if !strings.Contains(string(app[file]), "replicas: 2") {
		t.Fatal("the application lacks replicas: 2")
	}
	app[file] = []byte(strings.ReplaceAll(string(app[file]), "podinfo:6.9.2", "podinfo:6.9.3"))
	revision := c.world.Push(t, c.source.Namespace, c.source.Name, app)
	c.converge(t, tree, map[string]string{c.source.Name: revision})
	left := map[string]int64{}
	for name, server := range c.targets() {
		target, err := server.Get(t.Context(), deployments, c.workload.Namespace, c.workload.Name)
		if err != nil {
			t.Fatal(err)
		}
		containers, _, _ := unstructured.NestedSlice(target.Object, "spec", "template", "spec", "containers")
		if image := containers[0].(map[string]any)["image"]; image != "ghcr.io/stefanprodan/podinfo:6.9.3" {
			t.Errorf("Flux has not applied the new revision to %s: the image is %v", name, image)
		}
		left[name], _, _ = unstructured.NestedInt64(target.Object, "spec", "replicas")
	}
	return left
}

// removeRollouts removes the rollouts from the input, renders again and pushes. Flux must prune exactly their
// objects.
func (c *fluxCluster) removeRollouts(t *testing.T, example string, before tree) {
	t.Helper()
	after := compiled(t, example, eachPolicy(func(policy map[string]any) { delete(policy, "rollout") }))
	revision := c.push(t, after)
	c.converge(t, after, map[string]string{"flux-system": revision})
	for name, server := range c.servers {
		left := after.objects(t, name)
		for id, o := range before.objects(t, name) {
			kube.Eventually(t, time.Minute, id+" is pruned, or remains", func() error {
				_, err := server.Get(t.Context(), o.GroupVersionKind(), o.GetNamespace(), o.GetName())
				_, stays := left[id]
				if stays || o.GetAnnotations()["kustomize.toolkit.fluxcd.io/prune"] == "disabled" {
					return err
				}
				if err == nil {
					return fmt.Errorf("not pruned")
				}
				if !errors.IsNotFound(err) {
					return err
				}
				return nil
			})
		}
	}
	c.applied(t) // the application's own objects still exist
}

// TestFluxSeesWhatIsBroken removes the patches from the application's Flux Kustomizations. The application's
// own manifest then overwrites the namespace's label, and the replicas in Git reset the target's scale.
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
	c.converge(t, broken, nil)
	if len(c.wrongNamespaces(t, broken)) == 0 {
		t.Error("the namespace has sidecar injection without the patch")
	}
	if replicas := c.replicasAfterPush(t, broken)[cluster]; replicas != 2 {
		t.Errorf("without the patch, the target has %d replicas after a new revision", replicas)
	}
}

// TestFluxTriesAgain makes the first apply of a policy with interval 0s fail on a conflicting object that it
// cannot change. After that object is removed, Flux retries without a new revision.
func TestFluxTriesAgain(t *testing.T) {
	t.Parallel()
	record(t, "3. Flux: a policy with interval 0s is tried again")
	tree := golden(t, "kuma-rollout")
	const cluster = "kurator-member2"
	c := startFlux(t, "kuma-rollout", tree, cluster)
	for _, inTheWay := range []map[string]any{
		{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": c.workload.Namespace}},
		{
			"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": c.workload.Name, "namespace": c.workload.Namespace},
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
	if err := c.Delete(t.Context(), deployments, c.workload.Namespace, c.workload.Name); err != nil {
		t.Fatal(err)
	}
	c.converge(t, tree, nil)
}
