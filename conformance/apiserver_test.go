package conformance

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fleetwright/fleetwright/conformance/internal/crds"
	"github.com/fleetwright/fleetwright/conformance/internal/kube"
)

// fluxCRDs are the CRDs of a cluster after a bootstrap of Flux.
func fluxCRDs(t *testing.T) []*kube.Object {
	t.Helper()
	set, err := crds.Load(slices.Concat(files(t, crds.Kustomize.Files), files(t, crds.Sources.Files), files(t, made(crds.Helm)))...)
	if err != nil {
		t.Fatal(err)
	}
	return set.Objects
}

// chartCRDs are the CRDs that a chart installs, by the chart's name. They are Kuma's own if the folder of
// CRDs exists.
func chartCRDs(t *testing.T) map[string][]*kube.Object {
	t.Helper()
	flagger, err := crds.Load(files(t, crds.Flagger.Files)...)
	if err != nil {
		t.Fatal(err)
	}
	kuma := crds.Kuma()
	if own, _ := filepath.Glob(filepath.Join(sharedCRDs, "kuma/*.yaml")); len(own) > 0 {
		set, err := crds.Load(own...)
		if err != nil {
			t.Fatal(err)
		}
		kuma = set.Objects
	}
	return map[string][]*kube.Object{"flagger": flagger.Objects, "kuma": kuma}
}

// install installs CRDs and waits until they are served.
func install(t *testing.T, c *kube.ControlPlane, all []*kube.Object) {
	t.Helper()
	for _, crd := range all {
		if _, err := c.Apply(t.Context(), crd); err != nil {
			t.Fatalf("%s: %v", crd.GetName(), err)
		}
	}
	for _, crd := range all {
		kube.Eventually(t, kube.Startup, crd.GetName()+" is served", func() error {
			have, err := c.Get(t.Context(), crd.GroupVersionKind(), "", crd.GetName())
			if err != nil {
				return err
			}
			if status, message := kube.Condition(have, "Established"); status != "True" {
				return fmt.Errorf("not yet: %s", message)
			}
			return c.Serves(crd)
		})
	}
}

// servers are API servers by cluster name.
type servers map[string]*kube.ControlPlane

// startServers starts the API servers of a directory's clusters. Flux was bootstrapped only on the
// directory's own cluster.
func startServers(t *testing.T, tree tree, cluster string) servers {
	t.Helper()
	all := servers{}
	for _, name := range tree.servers(cluster) {
		all[name] = kube.Start(t, toolsDir)
	}
	bootstrap(t, all[cluster])
	return all
}

// applyChain applies the stages of a directory in order, as Flux does when every object becomes ready at
// once. The CRDs of a chart exist only after the stage with its HelmRelease is ready, and so do the CRDs of
// Gateway API's release. It returns the errors and warnings of the API servers.
func applyChain(t *testing.T, servers servers, spokes spokes, stages []stage) (refused []string) {
	t.Helper()
	charts := chartCRDs(t)
	for _, s := range stages {
		c := servers[s.server]
		slices.SortStableFunc(s.objects, func(a, b *kube.Object) int { return rank(a) - rank(b) })
		for _, o := range s.objects {
			if _, err := c.Apply(t.Context(), o); err != nil {
				refused = append(refused, fmt.Sprintf("%s: %s on %s: %v", s.name, kube.ID(o), s.server, err))
			}
			for _, w := range c.Warnings() {
				refused = append(refused, fmt.Sprintf("%s: %s on %s: warning: %s", s.name, kube.ID(o), s.server, w))
			}
		}
		for _, o := range s.objects {
			if o.GetKind() == "HelmRelease" && s.wait {
				on := servers[spokes.reached(t, o, s.server)]
				install(t, on, charts[chartOf(o)])
				on.Warnings() // for the CRDs themselves
			}
			if isOfRelease(o, s.objects) && s.wait {
				on := servers[spokes.reached(t, o, s.server)]
				install(t, on, buildRelease(t, o, s.objects))
				on.Warnings()
			}
		}
	}
	return refused
}

// chartOf returns the name of the chart that a HelmRelease installs, or "".
func chartOf(release *kube.Object) string {
	name, _, _ := unstructured.NestedString(release.Object, "spec", "chart", "spec", "chart")
	return name
}

// rank orders objects as Flux does within one Kustomization: namespaces first.
func rank(o *kube.Object) int {
	if o.GetKind() == "Namespace" {
		return 0
	}
	return 1
}

// bootstrap creates the objects that "flux bootstrap" creates first.
func bootstrap(t *testing.T, c *kube.ControlPlane) {
	t.Helper()
	install(t, c, fluxCRDs(t))
	namespace := &kube.Object{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "flux-system"}}}
	if _, err := c.Apply(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	c.Warnings()
}

// TestAPIServer applies the directories of every cluster to fresh API servers, by server-side apply with
// strict validation, in the order of the chain. The servers reject nothing and print no warnings, and a
// second apply changes nothing. The CRDs of Kuma and Flagger are installed with their releases, so no object
// can precede one that it needs, as the next test shows. A spoke of a hub has no CRDs of Flux.
func TestAPIServer(t *testing.T) {
	for i, example := range examples(t) {
		if testing.Short() && i%4 != 0 {
			continue // names of examples with one provider begin alike
		}
		tree := golden(t, example)
		root := tree.write(t)
		for _, cluster := range few(tree.clusters(), 1) {
			t.Run(example+"/"+cluster, func(t *testing.T) {
				servers, spokes := startServers(t, tree, cluster), kubeconfigs(t, example)
				stages := chain(t, root, cluster, spokes)
				if p := platformOf(t, example); p != nil {
					p.install(t, servers[cluster])
				}
				record(t, "2. API server: strict apply, twice")
				for _, why := range applyChain(t, servers, spokes, stages) {
					t.Error(why)
				}
				before := contents(t, servers, stages)
				for _, why := range applyChain(t, servers, spokes, stages) {
					t.Errorf("second apply: %s", why)
				}
				if after := contents(t, servers, stages); !maps.Equal(before, after) {
					t.Errorf("the second apply changes\n%s\nto\n%s", show(before), show(after))
				}
			})
		}
	}
}

// contents returns the live objects of the stages. It omits the resourceVersion: Flux's CRDs have a default
// for status, so the API server rewrites their objects at every apply.
func contents(t *testing.T, servers servers, stages []stage) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, s := range stages {
		for _, o := range s.objects {
			have, err := servers[s.server].Get(t.Context(), o.GroupVersionKind(), o.GetNamespace(), o.GetName())
			if err != nil {
				t.Errorf("%s: %v", kube.ID(o), err)
				continue
			}
			have.SetResourceVersion("")
			have.SetManagedFields(nil)
			data, err := have.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			all[s.server+" has "+kube.ID(o)] = string(data)
		}
	}
	return all
}

// TestChainThatIsTooShort applies a stage before one that it depends on. The API server must reject an
// object, so the test above can fail. (No API server rejects an application that is applied before mesh: its
// pods would only start without sidecars.)
func TestChainThatIsTooShort(t *testing.T) {
	for _, tt := range []struct{ example, cluster, early, late string }{
		{"kuma-rollout", "kurator-member1", "mesh", "infrastructure"},
		{"kuma-rollout", "kurator-member1", "rollout-default.rollout-kuma-demo", "infrastructure"},
		{"nginx-canary", "kurator-member1", "rollout-default.webapp", "infrastructure"},
		{"gatewayapi-canary", "kurator-member1", "mesh", gatewayCRDStage},
		{"hub", "host", "mesh-attachedcluster-kurator-member1", "releases-attachedcluster-kurator-member1"},
		{"hub", "host", "rollout-default.webapp-cluster-kurator-member2", "releases-cluster-kurator-member2"},
	} {
		t.Run(tt.example+"/"+tt.early+" before "+tt.late, func(t *testing.T) {
			record(t, "2. a chain that is too short is refused")
			tree, spokes := golden(t, tt.example), kubeconfigs(t, tt.example)
			stages := chain(t, tree.write(t), tt.cluster, spokes)
			i := slices.IndexFunc(stages, func(s stage) bool { return s.name.Name == tt.early })
			j := slices.IndexFunc(stages, func(s stage) bool { return s.name.Name == tt.late })
			stages[i], stages[j] = stages[j], stages[i]
			if refused := applyChain(t, startServers(t, tree, tt.cluster), spokes, stages); len(refused) == 0 {
				t.Error("no object is rejected")
			}
		})
	}
}
