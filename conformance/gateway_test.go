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
	// gatewayAPI is Flagger's name of the provider Gateway API.
	gatewayAPI = "gatewayapi:v1"
	// gatewayCRDStage is the stage that applies the CRDs of Gateway API.
	gatewayCRDStage = "gateway-api"
	// gatewayURL is the repository of its releases.
	gatewayURL = "https://github.com/kubernetes-sigs/gateway-api"
)

// gatewayCRDs returns the CRDs of Gateway API.
func gatewayCRDs(t *testing.T) []*kube.Object {
	t.Helper()
	set, err := crds.Load(files(t, crds.Gateway.Files)...)
	if err != nil {
		t.Fatal(err)
	}
	return set.Objects
}

// gatewayReleases returns the rendered sources of Gateway API's CRDs.
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

// releaseOf returns the source of a Flux Kustomization, if it is a release of Gateway API, or nil.
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

// packRelease returns the files that source-controller packs for the tag of a release. The Go module has the
// same files as the repository.
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

// buildRelease returns the objects that a Flux Kustomization applies for a release among objects.
func buildRelease(t *testing.T, k *kube.Object, objects []*kube.Object) []*kube.Object {
	t.Helper()
	dir, _, _ := unstructured.NestedString(k.Object, "spec", "path")
	built, err := buildFiles(packRelease(t, releaseOf(k, objects)), dir, *k)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

// TestGatewayRelease builds the objects that Flux applies for a Gateway API release: only the CRDs, and not
// the admission policy. Annotations keep Flux from pruning the CRDs and from overwriting existing ones.
// Without the patches, the check must report both.
func TestGatewayRelease(t *testing.T) {
	const cluster = "kurator-member1"
	objects := slices.Collect(maps.Values(golden(t, "gatewayapi-canary").objects(t, cluster)))
	i := slices.IndexFunc(objects, func(o *kube.Object) bool { return isOfRelease(o, objects) })
	if i < 0 {
		t.Fatal("no release in the tree")
	}
	k := objects[i]
	none(t, wrongRelease(t, packRelease(t, releaseOf(k, objects)), buildRelease(t, k, objects)))
	record(t, "3. Flux' builder: the CRDs of Gateway API alone, annotated")

	k = k.DeepCopy()
	unstructured.RemoveNestedField(k.Object, "spec", "patches")
	wrong := strings.Join(wrongRelease(t, packRelease(t, releaseOf(k, objects)), buildRelease(t, k, objects)), "\n")
	for _, what := range []string{"ValidatingAdmissionPolicy ", "ValidatingAdmissionPolicyBinding ", "httproutes.gateway.networking.k8s.io has the annotations"} {
		if !strings.Contains(wrong, what) {
			t.Errorf("without the patches, %s is not reported:\n%s", what, wrong)
		}
	}
}

// wrongRelease describes the objects of a release that are not CRDs of the standard channel, those that
// differ, and those that Flux would prune or overwrite.
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
			wrong = append(wrong, kube.ID(o)+" differs")
		}
	}
	for id := range want {
		wrong = append(wrong, id+" is not applied")
	}
	return wrong
}

var gateways = schema.GroupVersionKind{Group: gatewayGroup, Version: "v1", Kind: "Gateway"}

// TestFluxWaitsForGateways runs Flux on clusters whose Gateway is not programmed at first: the rendered
// Gateway, and a cluster's own that the fleet names. Flux must not apply the application before the Gateway
// is programmed, unless the fleet sets wait: false. The first cluster has older CRDs of Gateway API: Flux
// must not change them, and must not prune any when they are no longer rendered.
func TestFluxWaitsForGateways(t *testing.T) {
	t.Parallel()
	const cluster = "kurator-member1"
	for _, run := range few([]struct {
		example string
		gateway types.NamespacedName
		// stage is the waiting stage, and own reports whether the Gateway is the cluster's own.
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
			t.Run("the Gateway accepts the routes of the application", func(t *testing.T) {
				record(t, "3. Flux: the namespace is one that the Gateway takes routes of")
				none(t, c.wrongListeners(t, run.gateway))
			})
			t.Run("older CRDs do not change", func(t *testing.T) {
				record(t, "3. Flux: CRDs of Gateway API that are there stay as they are")
				c.reconcile(t)
				none(t, older.changed(c.gatewayAPI(t)))
				if all := c.gatewayAPI(t); len(all) != len(gatewayCRDs(t)) {
					t.Errorf("the CRDs are %v", all)
				}
			})
			t.Run("CRDs that are no longer rendered remain", func(t *testing.T) {
				record(t, "3. Flux: CRDs of Gateway API are not pruned")
				before := c.gatewayAPI(t)
				after := compiled(t, run.example, installedGateway(t, map[string]any{"installed": map[string]any{"gateway-api": map[string]any{"version": "1.5.1"}}}))
				c.converge(t, after, map[string]string{"flux-system": c.push(t, after)})
				if all := gatewayReleases(after.objects(t, cluster)); len(all) > 0 {
					t.Errorf("%s is still rendered", kube.ID(all[0]))
				}
				none(t, before.changed(c.gatewayAPI(t)))
			})
		})
	}
}

// TestFluxDoesNotWait runs Flux on a cluster whose Gateway is never programmed, with a fleet that sets wait:
// false.
func TestFluxDoesNotWait(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the test above covers the health check expressions")
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

// makeGateway creates a Gateway that is the cluster's own.
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

// makeOlderCRDs installs the CRDs of Gateway API 1.4.1 with another field manager.
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

// mustWait waits until Flux waits for a Gateway, and checks for longer than Flux's polling interval that the
// application is not applied.
func (c *fluxCluster) mustWait(t *testing.T, stage string, gateway types.NamespacedName, programmed string) {
	t.Helper()
	kube.Eventually(t, convergence, "Flux waits for the Gateway", func() error {
		g, err := c.Get(t.Context(), gateways, gateway.Namespace, gateway.Name)
		if err != nil {
			return err
		}
		if status, _ := kube.Condition(g, "Programmed"); status != programmed {
			return fmt.Errorf("Programmed is %s", status)
		}
		k, err := c.Get(t.Context(), kustomizations, "flux-system", stage)
		if err != nil {
			return err
		}
		if status, message := kube.Condition(k, "Reconciling"); status != "True" || !strings.Contains(message, "health checks") {
			return fmt.Errorf("Reconciling of %s is %s: %s", stage, status, message)
		}
		return nil
	})
	time.Sleep(2 * healthPoll)
	if status, message := c.readiness(t, stage); status == "True" {
		t.Errorf("stage %s is ready, with Programmed of its Gateway %s: %s", stage, programmed, message)
	}
	if _, err := c.Get(t.Context(), deployments, c.workload.Namespace, c.workload.Name); !errors.IsNotFound(err) {
		t.Errorf("Flux has applied the application: %v", err)
	}
}

// healthPoll is Flux's polling interval for health checks (fluxcd/kustomize-controller
// internal/controller/kustomization_controller.go, v1.9.6).
const healthPoll = 5 * time.Second

// readiness returns the Ready condition of a stage.
func (c *fluxCluster) readiness(t *testing.T, stage string) (status, message string) {
	t.Helper()
	k, err := c.Get(t.Context(), kustomizations, "flux-system", stage)
	if err != nil {
		t.Fatal(err)
	}
	return kube.Condition(k, "Ready")
}

// A gatewayAPICRDs holds the uids and versions of a cluster's Gateway API CRDs and of admission policies
// about them.
type gatewayAPICRDs map[string]string

// gatewayAPI returns the CRDs of the cluster, and the policies, which must not exist.
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

// changed describes the CRDs that have changed.
func (before gatewayAPICRDs) changed(after gatewayAPICRDs) (wrong []string) {
	if len(before) == 0 {
		return []string{"no CRDs before"}
	}
	for id, was := range before {
		if is := after[id]; is != was {
			wrong = append(wrong, fmt.Sprintf("%s was %s, and is now %q", id, was, is))
		}
	}
	return wrong
}

// wrongListeners describes the listeners of a Gateway that accept no routes of the workload's namespace.
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
				wrong = append(wrong, fmt.Sprintf("the listener %v requires the label %s: %s; the namespace has %v", l["name"], key, value, ns.GetLabels()))
			}
		}
	}
	return wrong
}

// TestFlaggerMovesToGatewayAPI changes the provider of a Canary from kuma to gatewayapi, as
// docs/kuma-to-gatewayapi.md describes, with the real Flagger and a simulated implementation of Gateway API.
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
			kube.Eventually(t, time.Minute, "the HTTPRoute exists", func() error {
				_, err := c.httpRoute(t)
				return err
			})
			if run.after > 0 {
				// Flagger reads the weight from the route. The route is new, so the analysis starts again;
				// the old split stays.
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
				t.Errorf("the TrafficRoute was %s, and is now %s", split, after)
			}
			none(t, c.wrongCatchAll(t))
		})
	}
}

// move applies the Canary and its objects as rendered for a rollout with the provider gatewayapi.
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
			err = fmt.Errorf("the Canary is at %+v", s)
		}
		return err
	})
}

// httpRoute returns the HTTPRoute that Flagger created.
func (c *flaggerCluster) httpRoute(t *testing.T) (*kube.Object, error) {
	return c.Get(t.Context(), httpRoutes, c.canary.GetNamespace(), c.service())
}

// trafficRoute returns the split of the rollout's TrafficRoute.
func (c *flaggerCluster) trafficRoute(t *testing.T) string {
	t.Helper()
	route, err := c.Get(t.Context(), trafficRoutes, "", c.service())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(route.Object["spec"])
}

// wrongRest describes changes of an idle Canary during three of its intervals.
func (c *flaggerCluster) wrongRest(t *testing.T) (wrong []string) {
	t.Helper()
	for range 6 {
		time.Sleep(interval / 2)
		switch s, err := c.now(t); {
		case err != nil:
			wrong = append(wrong, err.Error())
		case s != (step{phase: "Initialized"}):
			wrong = append(wrong, fmt.Sprintf("the idle Canary is at %+v", s))
		}
	}
	return wrong
}
