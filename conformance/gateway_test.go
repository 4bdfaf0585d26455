package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fleetwright/fleetwright/conformance/internal/crds"
	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/conformance/internal/stub"
	"github.com/fleetwright/fleetwright/conformance/internal/tools"
)

const (
	// gatewayAPI is the provider of Gateway API, as Flagger calls it.
	gatewayAPI = "gatewayapi:v1"
	// gatewayCRDStage is the stage that applies the CRDs of Gateway API.
	gatewayCRDStage = "gateway-api"
	// gatewayURL is where their releases are.
	gatewayURL = "https://github.com/kubernetes-sigs/gateway-api"
)

// gatewayCRDs are those of Gateway API.
func gatewayCRDs(t *testing.T) []*kube.Object {
	t.Helper()
	set, err := crds.Load(files(t, crds.Gateway.Files)...)
	if err != nil {
		t.Fatal(err)
	}
	return set.Objects
}

// gatewayReleases are the rendered sources of Gateway API's CRDs.
func gatewayReleases(objects map[string]*kube.Object) (all []*kube.Object) {
	for _, id := range slices.Sorted(maps.Keys(objects)) {
		if isRelease(objects[id]) {
			all = append(all, objects[id])
		}
	}
	return all
}

func isRelease(o *kube.Object) bool {
	url, _, _ := unstructured.NestedString(o.Object, "spec", "url")
	return o.GetKind() == "GitRepository" && url == gatewayURL
}

// releaseOf is the source, among objects, of a Flux Kustomization that applies a release of Gateway API, or nil.
func releaseOf(k *kube.Object, objects []*kube.Object) *kube.Object {
	name, _, _ := unstructured.NestedString(k.Object, "spec", "sourceRef", "name")
	i := slices.IndexFunc(objects, func(o *kube.Object) bool {
		return isRelease(o) && o.GetName() == name && o.GetNamespace() == k.GetNamespace()
	})
	if i < 0 || k.GroupVersionKind() != kustomizations {
		return nil
	}
	return objects[i]
}

func isOfRelease(k *kube.Object, objects []*kube.Object) bool { return releaseOf(k, objects) != nil }

// packRelease is what source-controller packs of the tag of a release: the files of the module are those of the
// repository.
func packRelease(t *testing.T, source *kube.Object) tree {
	t.Helper()
	tag, _, _ := unstructured.NestedString(source.Object, "spec", "ref", "tag")
	dir, err := crds.Source{Module: crds.Gateway.Module, Version: tag}.Dir()
	if err != nil {
		t.Fatal(err)
	}
	ignore, _, _ := unstructured.NestedString(source.Object, "spec", "ignore")
	packed := t.TempDir()
	pack(t, dir, packed, &ignore)
	return readTree(t, packed)
}

// buildRelease are the objects that a Flux Kustomization applies of a release among objects.
func buildRelease(t *testing.T, k *kube.Object, objects []*kube.Object) []*kube.Object {
	t.Helper()
	dir, _, _ := unstructured.NestedString(k.Object, "spec", "path")
	built, err := buildFiles(packRelease(t, releaseOf(k, objects)), dir, *k)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

// TestGatewayRelease builds what Flux applies of Gateway API's release: its CRDs, which Flux is told to prune
// never, and to leave as they are where there are any, and not its policy. Without the patches both are seen.
func TestGatewayRelease(t *testing.T) {
	const cluster = "kurator-member1"
	objects := slices.Collect(maps.Values(golden(t, "gatewayapi-canary").objects(t, cluster)))
	i := slices.IndexFunc(objects, func(o *kube.Object) bool { return isOfRelease(o, objects) })
	if i < 0 {
		t.Fatal("no release is applied")
	}
	k := objects[i]
	none(t, wrongRelease(t, packRelease(t, releaseOf(k, objects)), buildRelease(t, k, objects)))
	record(t, "3. Flux' builder: the CRDs of Gateway API alone, annotated")

	k = k.DeepCopy()
	unstructured.RemoveNestedField(k.Object, "spec", "patches")
	wrong := strings.Join(wrongRelease(t, packRelease(t, releaseOf(k, objects)), buildRelease(t, k, objects)), "\n")
	for _, what := range []string{"ValidatingAdmissionPolicy ", "ValidatingAdmissionPolicyBinding ", "httproutes.gateway.networking.k8s.io has the annotations"} {
		if !strings.Contains(wrong, what) {
			t.Errorf("without the patches nothing is said of %s:\n%s", what, wrong)
		}
	}
}

// wrongRelease says what of a release is more than the CRDs of the standard channel, or another one of these, and
// which of them Flux would prune or write over.
func wrongRelease(t *testing.T, packed tree, built []*kube.Object) (wrong []string) {
	t.Helper()
	for name := range packed {
		if !strings.HasPrefix(name, "config/crd/") {
			wrong = append(wrong, name+" is packed")
		}
	}
	want := map[string]*kube.Object{}
	for _, crd := range gatewayCRDs(t) {
		want[kube.ID(crd)] = crd
	}
	for _, o := range built {
		crd, ok := want[kube.ID(o)]
		if !ok {
			wrong = append(wrong, kube.ID(o)+" is applied")
			continue
		}
		delete(want, kube.ID(o))
		annotations := maps.Clone(crd.GetAnnotations())
		annotations[pruneAnnotation], annotations["kustomize.toolkit.fluxcd.io/ssa"] = "disabled", "IfNotPresent"
		if !maps.Equal(o.GetAnnotations(), annotations) {
			wrong = append(wrong, fmt.Sprintf("%s has the annotations %v", o.GetName(), o.GetAnnotations()))
		}
		if fmt.Sprint(o.Object["spec"]) != fmt.Sprint(crd.Object["spec"]) {
			wrong = append(wrong, kube.ID(o)+" is another one")
		}
	}
	for id := range want {
		wrong = append(wrong, id+" is not applied")
	}
	return wrong
}

var gateways = schema.GroupVersionKind{Group: gatewayGroup, Version: "v1", Kind: "Gateway"}

// TestFluxWaitsForGateways has Flux apply clusters whose Gateway nobody programs at first: the one that is rendered,
// and one of the clusters' own that the fleet names. Nothing of the application is applied until it is programmed,
// unless the fleet does not wait. The first cluster has older CRDs of Gateway API already: these stay as they are,
// and all stay when they are no longer rendered.
func TestFluxWaitsForGateways(t *testing.T) {
	t.Parallel()
	const cluster = "kurator-member1"
	for _, run := range few([]struct {
		example string
		gateway types.NamespacedName
		// stage is the one that waits, and own reports whether the Gateway is the cluster's own.
		stage string
		own   bool
	}{
		{"gatewayapi-canary", types.NamespacedName{Namespace: "projectcontour", Name: "contour"}, "mesh", false},
		{"istio-gatewayapi", types.NamespacedName{Namespace: "infra", Name: "public"}, "gateways", true},
	}, 1) {
		t.Run(run.example, func(t *testing.T) {
			t.Parallel()
			tree := golden(t, run.example)
			c := startFluxOf(t, applicationOf(t, run.example), nil, tree, cluster, func(c *fluxCluster) {
				c.gateways.Program("Unknown")
				if run.own {
					platformOf(t, run.example).install(t, c.ControlPlane)
					c.makeGateway(t, run.gateway)
				} else {
					c.makeOlderCRDs(t)
				}
			})
			older := c.gatewayAPI(t)
			t.Run("waits", func(t *testing.T) {
				record(t, "3. Flux: waits until the Gateway is programmed")
				for _, programmed := range []string{"Unknown", "False"} {
					c.gateways.Program(programmed)
					c.mustWait(t, run.stage, run.gateway, programmed)
				}
				c.gateways.Program("True")
				c.converge(t, tree, nil)
				none(t, c.misplaced(t, tree))
			})
			if t.Failed() || run.own {
				return
			}
			t.Run("its Gateway takes the routes of the application", func(t *testing.T) {
				record(t, "3. Flux: the namespace is one that the Gateway takes routes of")
				none(t, c.wrongListeners(t, run.gateway))
			})
			t.Run("older CRDs stay", func(t *testing.T) {
				record(t, "3. Flux: CRDs of Gateway API that are there stay as they are")
				c.reconcile(t)
				none(t, older.changed(c.gatewayAPI(t)))
				if all := c.gatewayAPI(t); len(all) != len(gatewayCRDs(t)) {
					t.Errorf("there are %v", all)
				}
			})
			t.Run("all stay when they are no longer rendered", func(t *testing.T) {
				record(t, "3. Flux: CRDs of Gateway API are not pruned")
				before := c.gatewayAPI(t)
				after := compiled(t, run.example, installedGateway(t, map[string]any{"installed": map[string]any{"gateway-api": map[string]any{"version": "1.5.1"}}}))
				c.converge(t, after, map[string]string{"flux-system": c.push(t, after)})
				if all := gatewayReleases(after.objects(t, cluster)); len(all) > 0 {
					t.Errorf("%s is rendered", kube.ID(all[0]))
				}
				none(t, before.changed(c.gatewayAPI(t)))
			})
		})
	}
}

// TestFluxDoesNotWait has Flux apply a cluster whose Gateway is never programmed, as its fleet says.
func TestFluxDoesNotWait(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the expressions that Flux waits by are seen by the test above")
	}
	record(t, "3. Flux: wait: false does not wait for the Gateway")
	tree := compiled(t, "gatewayapi-canary", installedGateway(t, map[string]any{"gateway": map[string]any{"wait": false}}))
	c := startFluxOf(t, applicationOf(t, "gatewayapi-canary"), nil, tree, "kurator-member1", func(c *fluxCluster) { c.gateways.Program("Unknown") })
	c.converge(t, tree, nil)
}

// installedGateway sets fields of a Fleet's plugin.
func installedGateway(t *testing.T, fields map[string]any) func(document map[string]any) {
	t.Helper()
	return func(document map[string]any) {
		if plugin, ok, _ := unstructured.NestedMap(document, "spec", "plugin", "flagger"); ok {
			maps.Copy(plugin, fields)
			set(t, document, plugin, "spec", "plugin", "flagger")
		}
	}
}

// makeGateway makes a Gateway of the cluster's own.
func (c *fluxCluster) makeGateway(t *testing.T, name types.NamespacedName) {
	t.Helper()
	for _, o := range []map[string]any{
		{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name.Namespace}},
		{
			"apiVersion": gateways.GroupVersion().String(), "kind": gateways.Kind, "metadata": map[string]any{"name": name.Name, "namespace": name.Namespace},
			"spec": map[string]any{"gatewayClassName": "istio", "listeners": []any{map[string]any{
				"name": "http", "port": int64(80), "protocol": "HTTP", "allowedRoutes": map[string]any{"namespaces": map[string]any{"from": "All"}},
			}}},
		},
	} {
		if _, err := c.ApplyAs(t.Context(), "platform", &kube.Object{Object: o}); err != nil {
			t.Fatal(err)
		}
	}
}

// makeOlderCRDs installs CRDs of Gateway API 1.4.1, under the name of another.
func (c *fluxCluster) makeOlderCRDs(t *testing.T) {
	t.Helper()
	set, err := crds.Load(files(t, crds.Gateway14.Files)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, crd := range set.Objects {
		if _, err := c.ApplyAs(t.Context(), "platform", crd); err != nil {
			t.Fatal(err)
		}
	}
	c.Warnings()
}

// mustWait waits until Flux waits for a Gateway, and sees it do so for longer than it takes to look again: the
// application is not applied.
func (c *fluxCluster) mustWait(t *testing.T, stage string, gateway types.NamespacedName, programmed string) {
	t.Helper()
	kube.Eventually(t, convergence, "Flux waits for the Gateway", func() error {
		g, err := c.Get(t.Context(), gateways, gateway.Namespace, gateway.Name)
		if err != nil {
			return err
		}
		if status, _ := kube.Condition(g, "Programmed"); status != programmed {
			return fmt.Errorf("it is programmed: %s", status)
		}
		k, err := c.Get(t.Context(), kustomizations, "flux-system", stage)
		if err != nil {
			return err
		}
		if status, message := kube.Condition(k, "Reconciling"); status != "True" || !strings.Contains(message, "health checks") {
			return fmt.Errorf("%s is reconciling: %s: %s", stage, status, message)
		}
		return nil
	})
	time.Sleep(2 * healthPoll)
	if status, message := c.readiness(t, stage); status == "True" {
		t.Errorf("%s is ready, and its Gateway is programmed: %s: %s", stage, programmed, message)
	}
	if _, err := c.Get(t.Context(), deployments, c.workload.Namespace, c.workload.Name); !errors.IsNotFound(err) {
		t.Errorf("the application is applied: %v", err)
	}
}

// healthPoll is how often Flux looks at what it waits for (fluxcd/kustomize-controller internal/controller/kustomization_controller.go, v1.9.6).
const healthPoll = 5 * time.Second

// readiness is the condition of a stage.
func (c *fluxCluster) readiness(t *testing.T, stage string) (status, message string) {
	t.Helper()
	k, err := c.Get(t.Context(), kustomizations, "flux-system", stage)
	if err != nil {
		t.Fatal(err)
	}
	return kube.Condition(k, "Ready")
}

// A gatewayAPICRDs is the CRDs of Gateway API on a cluster, and policies about them: their uids and versions.
type gatewayAPICRDs map[string]string

// gatewayAPI are the CRDs that the cluster has, and policies, of which there is to be none.
func (c *fluxCluster) gatewayAPI(t *testing.T) gatewayAPICRDs {
	t.Helper()
	all := gatewayAPICRDs{}
	for _, kind := range []schema.GroupVersionKind{
		{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingAdmissionPolicy"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingAdmissionPolicyBinding"},
	} {
		for _, o := range c.list(t, c.name, kind) {
			if strings.HasSuffix(o.GetName(), gatewayGroup) {
				all[kube.ID(&o)] = fmt.Sprintf("%s, generation %d, version %s", o.GetUID(), o.GetGeneration(), o.GetAnnotations()["gateway.networking.k8s.io/bundle-version"])
			}
		}
	}
	return all
}

// changed says which CRDs are not as they were.
func (before gatewayAPICRDs) changed(after gatewayAPICRDs) (wrong []string) {
	if len(before) == 0 {
		return []string{"there were no CRDs"}
	}
	for id, was := range before {
		if is := after[id]; is != was {
			wrong = append(wrong, fmt.Sprintf("%s had %s, and has %q", id, was, is))
		}
	}
	return wrong
}

// wrongListeners says which listeners of a Gateway take no routes of the workload's namespace.
func (c *fluxCluster) wrongListeners(t *testing.T, gateway types.NamespacedName) (wrong []string) {
	t.Helper()
	g, err := c.Get(t.Context(), gateways, gateway.Namespace, gateway.Name)
	if err != nil {
		t.Fatal(err)
	}
	ns, err := c.Get(t.Context(), namespaces, "", c.workload.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range slice(g.Object, "spec", "listeners") {
		want, _, _ := unstructured.NestedStringMap(l, "allowedRoutes", "namespaces", "selector", "matchLabels")
		if len(want) == 0 {
			wrong = append(wrong, fmt.Sprintf("the listener %v selects no namespaces", l["name"]))
		}
		for key, value := range want {
			if ns.GetLabels()[key] != value {
				wrong = append(wrong, fmt.Sprintf("the listener %v wants the label %s: %s, of %v", l["name"], key, value, ns.GetLabels()))
			}
		}
	}
	return wrong
}

// TestFlaggerMovesToGatewayAPI changes the provider of a Canary from kuma to gatewayapi, as docs/kuma-to-gatewayapi.md
// says, with the real Flagger and what implements Gateway API played.
func TestFlaggerMovesToGatewayAPI(t *testing.T) {
	t.Parallel()
	const example = "kuma-rollout"
	for _, run := range few([]struct {
		name string
		// after is the weight of the canary when the provider changes.
		after int64
	}{
		{"at rest", 0},
		{"in the middle of an analysis", 20},
	}, 1) {
		t.Run(run.name, func(t *testing.T) {
			t.Parallel()
			record(t, "4. Flagger 1.44: a Canary changes its provider from kuma to gatewayapi")
			c := startFlagger(t, tools.Flagger, example, func(_ string, data []byte) []byte { return data })
			install(t, c.ControlPlane, gatewayCRDs(t))
			stub.StartGateways(t, c.Client)
			c.follow(t, "Initialized")
			if run.after > 0 {
				c.update(t)
				c.reach(t, run.after)
			}
			split := c.trafficRoute(t)
			c.move(t, example)
			kube.Eventually(t, time.Minute, "there is an HTTPRoute", func() error {
				_, err := c.httpRoute(t)
				return err
			})
			if run.after > 0 {
				// Flagger reads the weight from the route, which is new: it starts again, and the old split stays.
				steps := c.follow(t, "Succeeded")
				none(t, c.wrongSteps(slices.DeleteFunc(steps, func(s step) bool { return s.at == run.after && s.route.percent == 0 })))
			} else {
				none(t, c.wrongRest(t))
				c.proxy.Asked()
				c.update(t)
				none(t, c.wrongSteps(c.follow(t, "Succeeded")))
				queries, webhooks := c.proxy.Asked()
				none(t, c.wrongQueries(t, queries))
				none(t, c.wrongWebhooks(t, webhooks))
			}
			if after := c.trafficRoute(t); after != split {
				t.Errorf("the TrafficRoute had %s, and has %s", split, after)
			}
			none(t, c.wrongCatchAll(t))
		})
	}
}

// move has the Canary, and what belongs to it, be as they are rendered where the rollout's provider is gatewayapi.
func (c *flaggerCluster) move(t *testing.T, example string) {
	t.Helper()
	quicken := quicken(t)
	beside := installedGateway(t, map[string]any{"gateway": map[string]any{}})
	rollout := eachPolicy(func(policy map[string]any) {
		if _, ok := policy["rollout"]; ok {
			set(t, policy, "gatewayapi", "rollout", "trafficRoutingProvider")
		}
	})
	c.objects = compiled(t, example, func(document map[string]any) {
		quicken(document)
		beside(document)
		rollout(document)
	}).objects(t, "kurator-member1")
	c.canary, c.provider = c.objects[kube.ID(c.canary)], gatewayAPI
	for _, o := range c.objects {
		if o.GroupVersionKind().Group == canaries.Group {
			if _, err := c.Apply(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// reach waits until the canary has a weight.
func (c *flaggerCluster) reach(t *testing.T, weight int64) {
	t.Helper()
	kube.Eventually(t, analysis, fmt.Sprintf("the canary has %d %%", weight), func() error {
		s, err := c.now(t)
		if err == nil && s.at != weight {
			err = fmt.Errorf("it is at %+v", s)
		}
		return err
	})
}

// httpRoute is the HTTPRoute that Flagger has made.
func (c *flaggerCluster) httpRoute(t *testing.T) (*kube.Object, error) {
	return c.Get(t.Context(), httpRoutes, c.canary.GetNamespace(), c.service())
}

// trafficRoute is what the TrafficRoute of the rollout says.
func (c *flaggerCluster) trafficRoute(t *testing.T) string {
	t.Helper()
	route, err := c.Get(t.Context(), trafficRoutes, "", c.service())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(route.Object["spec"])
}

// wrongRest says what a Canary does that is at rest, in three of its intervals.
func (c *flaggerCluster) wrongRest(t *testing.T) (wrong []string) {
	t.Helper()
	for range 6 {
		time.Sleep(interval / 2)
		switch s, err := c.now(t); {
		case err != nil:
			wrong = append(wrong, err.Error())
		case s != (step{phase: "Initialized"}):
			wrong = append(wrong, fmt.Sprintf("it is at %+v", s))
		}
	}
	return wrong
}
