package conformance

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fleetwright/fleetwright/conformance/internal/crds"
	"github.com/fleetwright/fleetwright/conformance/internal/kube"
)

// fluxCRDs are what a cluster has that Flux was bootstrapped on.
func fluxCRDs(t *testing.T) []*kube.Object {
	t.Helper()
	set, err := crds.Load(slices.Concat(files(t, crds.Kustomize.Files), files(t, crds.Sources.Files), files(t, made(crds.Helm)))...)
	if err != nil {
		t.Fatal(err)
	}
	return set.Objects
}

// chartCRDs are the CRDs that a chart brings, by the name of its HelmRelease. They
// are Kuma's own where the folder of CRDs is there.
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
			return nil
		})
	}
}

// applyChain applies the stages of a cluster one after the other, as Flux does
// where everything becomes ready at once. The CRDs of a chart are there after the
// stage whose HelmRelease installs it has been waited for, and not before. It
// returns what the API server refuses or warns of.
func applyChain(t *testing.T, c *kube.ControlPlane, stages []stage) (refused []string) {
	t.Helper()
	charts := chartCRDs(t)
	for _, s := range stages {
		slices.SortStableFunc(s.objects, func(a, b *kube.Object) int { return rank(a) - rank(b) })
		for _, o := range s.objects {
			if _, err := c.Apply(t.Context(), o); err != nil {
				refused = append(refused, fmt.Sprintf("%s: %s: %v", s.name, kube.ID(o), err))
			}
			for _, w := range c.Warnings() {
				refused = append(refused, fmt.Sprintf("%s: %s: warning: %s", s.name, kube.ID(o), w))
			}
		}
		for _, o := range s.objects {
			if o.GetKind() == "HelmRelease" && s.wait {
				install(t, c, charts[o.GetName()])
				c.Warnings() // of the CRDs themselves
			}
		}
	}
	return refused
}

// rank orders objects as Flux does within one Kustomization: namespaces first.
func rank(o *kube.Object) int {
	if o.GetKind() == "Namespace" {
		return 0
	}
	return 1
}

// bootstrap makes what "flux bootstrap" makes first.
func bootstrap(t *testing.T, c *kube.ControlPlane) {
	t.Helper()
	install(t, c, fluxCRDs(t))
	namespace := &kube.Object{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "flux-system"}}}
	if _, err := c.Apply(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	c.Warnings()
}

// TestAPIServer applies the directories of every cluster to an API server of its
// own, by server-side apply with strict validation, in the order of the chain:
// nothing is refused or warned of, and a second time nothing changes. The CRDs of
// Kuma and Flagger come with their releases, so nothing can precede what it needs,
// as the next test shows.
func TestAPIServer(t *testing.T) {
	for _, example := range examples(t) {
		tree := golden(t, example)
		root := tree.write(t)
		for _, cluster := range tree.clusters() {
			t.Run(example+"/"+cluster, func(t *testing.T) {
				c := kube.Start(t, toolsDir)
				bootstrap(t, c)
				stages := chain(t, root, cluster)
				record(t, "2. API server: strict apply, twice")
				for _, why := range applyChain(t, c, stages) {
					t.Error(why)
				}
				before := contents(t, c, stages)
				for _, why := range applyChain(t, c, stages) {
					t.Errorf("a second time: %s", why)
				}
				if after := contents(t, c, stages); !maps.Equal(before, after) {
					t.Errorf("a second apply changes something: from\n%s\nto\n%s", show(before), show(after))
				}
			})
		}
	}
}

// contents are what stages apply, as the API server has it. The resourceVersion is
// left out: Flux' CRDs have a default for status, for which the API server writes
// their objects anew at every apply.
func contents(t *testing.T, c *kube.ControlPlane, stages []stage) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, s := range stages {
		for _, o := range s.objects {
			have, err := c.Get(t.Context(), o.GroupVersionKind(), o.GetNamespace(), o.GetName())
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
			all[kube.ID(o)] = string(data)
		}
	}
	return all
}

// TestChainThatIsTooShort applies a stage before another that it depends on:
// something is then refused, so the test above would fail. (An application before
// mesh is refused by nobody: its pods would start without sidecars.)
func TestChainThatIsTooShort(t *testing.T) {
	tree := golden(t, "kuma-rollout")
	root := tree.write(t)
	for early, late := range map[string]string{
		"mesh":                              "infrastructure",
		"rollout-default.rollout-kuma-demo": "infrastructure",
	} {
		t.Run(early+" before "+late, func(t *testing.T) {
			record(t, "2. a chain that is too short is refused")
			c := kube.Start(t, toolsDir)
			bootstrap(t, c)
			stages := chain(t, root, "kurator-member1")
			i := slices.IndexFunc(stages, func(s stage) bool { return s.name == early })
			j := slices.IndexFunc(stages, func(s stage) bool { return s.name == late })
			stages[i], stages[j] = stages[j], stages[i]
			if refused := applyChain(t, c, stages); len(refused) == 0 {
				t.Error("nothing is refused")
			}
		})
	}
}
