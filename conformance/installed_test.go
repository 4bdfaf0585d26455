package conformance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/conformance/internal/stub"
	"github.com/fleetwright/fleetwright/conformance/internal/tools"
	"github.com/fleetwright/fleetwright/internal/sink/disk"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A platform is what clusters have before anything is rendered for them, as a fleet's plugin
// names it under installed.
type platform struct {
	installed api.Installed
	// objects are the platform's own. Their field manager is the platform, too.
	objects []*kube.Object
}

// platforms are the examples that are run beside a platform. The first has rollouts of two providers.
var platforms = []string{
	"installed-istio-nginx", "installed-kuma", "installed-istio", "installed-nginx",
	"installed-istio-ab", "installed-istio-blue-green", "installed-nginx-ab", "installed-nginx-blue-green",
}

// ownMetricsServer is the Prometheus of the platform's Flagger, which is not the one that rendered
// MetricTemplates ask.
const ownMetricsServer = "http://metrics.flagger-system:9090"

// installedTree is what an example renders on a platform, with a Flagger that differs from a rendered
// one in its metrics server as well. Its rollouts are quickened and use the platform's load tester.
func installedTree(t *testing.T, example string) (tree, *platform) {
	t.Helper()
	p := &platform{}
	quicken := quicken(t)
	shared := eachPolicy(func(policy map[string]any) { unstructured.RemoveNestedField(policy, "rollout", "testLoader") })
	files := compiled(t, example, func(document map[string]any) {
		quicken(document)
		shared(document)
		p.read(t, document)
	})
	if p.installed.Flagger == nil || p.installed.Prometheus == nil || p.installed.Loadtester == nil {
		t.Fatalf("%s has not everything installed: %+v", example, p.installed)
	}
	p.addObjects(t)
	return files, p
}

// platformOf is what the clusters of an example have already, or nil.
func platformOf(t *testing.T, example string) *platform {
	t.Helper()
	p := &platform{}
	for name, data := range documents(t, example) {
		for _, o := range objects(t, name, data) {
			p.read(t, o.Object)
		}
	}
	if p.installed == (api.Installed{}) {
		return nil
	}
	p.addObjects(t)
	return p
}

// read reads what a Fleet or a RenderConfig has under installed, and gives Flagger its own metrics server.
func (p *platform) read(t *testing.T, document map[string]any) {
	t.Helper()
	in, ok, _ := unstructured.NestedMap(document, "spec", "plugin", "flagger", "installed")
	if !ok {
		return
	}
	if in["flagger"] != nil {
		set(t, in, ownMetricsServer, "flagger", "metricsServer")
	}
	set(t, document, in, "spec", "plugin", "flagger", "installed")
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &p.installed); err != nil {
		t.Fatal(err)
	}
}

// addObjects adds what somebody else has installed: a Deployment and a Service of each component,
// their namespaces, and what belongs to the cluster.
func (p *platform) addObjects(t *testing.T) {
	t.Helper()
	in, namespaces := &p.installed, map[string]map[string]any{}
	add := func(apiVersion, kind, namespace, name string, fields map[string]any) {
		o := &kube.Object{Object: map[string]any{"apiVersion": apiVersion, "kind": kind}}
		maps.Copy(o.Object, fields)
		o.SetName(name)
		o.SetNamespace(namespace)
		labels := map[string]string{"app.kubernetes.io/managed-by": "platform"}
		maps.Copy(labels, o.GetLabels())
		o.SetLabels(labels)
		p.objects = append(p.objects, o)
	}
	var serving []func()
	serve := func(namespace, name string, labels map[string]any, args ...any) {
		namespaces[namespace] = labels
		serving = append(serving, func() {
			selector := map[string]any{"app.kubernetes.io/name": name}
			add("apps/v1", "Deployment", namespace, name, map[string]any{"spec": map[string]any{
				"selector": map[string]any{"matchLabels": selector},
				"template": map[string]any{
					"metadata": map[string]any{"labels": selector},
					"spec":     map[string]any{"containers": []any{map[string]any{"name": name, "image": "platform.test/" + name, "args": args}}},
				},
			}})
			add("v1", "Service", namespace, name, map[string]any{"spec": map[string]any{
				"selector": selector, "ports": []any{map[string]any{"port": int64(80)}},
			}})
		})
	}
	at := func(address string, labels map[string]any) {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		name, namespace, _ := strings.Cut(u.Hostname(), ".")
		serve(namespace, name, labels)
	}
	var injected map[string]any
	if istio := in.Istio; istio != nil {
		serve(cmp.Or(istio.Namespace, "istio-system"), "istiod", nil)
		injected = map[string]any{"istio.io/rev": cmp.Or(istio.Revision, "default")}
		add("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", "istio-sidecar-injector", map[string]any{
			"metadata": map[string]any{"labels": map[string]any{"app": "sidecar-injector"}},
		})
	}
	if kuma := in.Kuma; kuma != nil {
		serve(cmp.Or(kuma.Namespace, "kuma-system"), "kuma-control-plane", map[string]any{"kuma.io/system-namespace": "true"})
		injected = map[string]any{"kuma.io/sidecar-injection": "enabled"}
		mesh := cmp.Or(kuma.Mesh, "default")
		all := map[string]any{"match": map[string]any{"kuma.io/service": "*"}}
		add("kuma.io/v1alpha1", "Mesh", "", mesh, map[string]any{"spec": map[string]any{"metrics": map[string]any{"enabledBackend": "platform"}}})
		add("kuma.io/v1alpha1", "TrafficRoute", "", "route-all-"+mesh, map[string]any{"mesh": mesh, "spec": map[string]any{
			"sources": []any{all}, "destinations": []any{all},
			"conf": map[string]any{"destination": map[string]any{"kuma.io/service": "*"}},
		}})
	}
	if nginx := in.IngressNginx; nginx != nil {
		serve(cmp.Or(nginx.Namespace, "ingress-nginx"), "ingress-nginx-controller", nil)
		add("networking.k8s.io/v1", "IngressClass", "", cmp.Or(nginx.Class, "nginx"), map[string]any{"spec": map[string]any{"controller": "k8s.io/ingress-nginx"}})
	}
	if in.Prometheus != nil {
		at(in.Prometheus.Address, nil)
	}
	if in.Loadtester != nil {
		at(in.Loadtester.URL, injected)
	}
	if in.Flagger != nil {
		at(ownMetricsServer, nil)
		var args []any
		for _, arg := range p.flags() {
			args = append(args, arg)
		}
		serve(in.Flagger.Namespace, "flagger", nil, args...)
	}
	for _, name := range slices.Sorted(maps.Keys(namespaces)) {
		add("v1", "Namespace", "", name, map[string]any{"metadata": map[string]any{"labels": namespaces[name]}})
	}
	for _, serve := range serving {
		serve()
	}
}

// flags are those of the platform's Flagger. What is not said of it is as its chart has it, but for
// the provider: it must not matter, since every Canary names its own.
func (p *platform) flags() []string {
	f := p.installed.Flagger
	return []string{
		"-mesh-provider=" + cmp.Or(f.MeshProvider, "kubernetes"),
		"-metrics-server=" + f.MetricsServer,
		"-selector-labels=" + cmp.Or(strings.Join(f.SelectorLabels, ","), "app,name,app.kubernetes.io/name"),
		"-namespace=" + f.WatchNamespace,
		fmt.Sprintf("-no-cross-namespace-refs=%t", f.NoCrossNamespaceRefs),
		"-ingress-annotations-prefix=" + cmp.Or(f.IngressAnnotationsPrefix, "nginx.ingress.kubernetes.io"),
	}
}

// install makes the platform on a cluster, with the CRDs of its components.
func (p *platform) install(t *testing.T, c *kube.ControlPlane) {
	t.Helper()
	charts := chartCRDs(t)
	var crds []*kube.Object
	if p.installed.Flagger != nil {
		crds = charts["flagger"]
	}
	if p.installed.Kuma != nil {
		crds = slices.Concat(crds, charts["kuma"])
	}
	if p.installed.Istio != nil {
		crds = slices.Concat(crds, istioCRDs(t))
	}
	if p.installed.GatewayAPI != nil {
		crds = slices.Concat(crds, gatewayCRDs(t))
	}
	install(t, c, crds)
	for _, namespacesFirst := range []bool{true, false} {
		for _, o := range p.objects {
			if (o.GetKind() == "Namespace") != namespacesFirst {
				continue
			}
			if _, err := c.ApplyAs(t.Context(), "platform", o); err != nil {
				t.Fatalf("%s: %v", kube.ID(o), err)
			}
		}
	}
	c.Warnings()
}

// startFlagger starts the platform's Flagger when all else is ready, and returns what it asks.
func (p *platform) startFlagger(t *testing.T, c *kube.ControlPlane) *stub.Proxy {
	t.Helper()
	kube.Eventually(t, kube.Startup, "the platform is ready", func() error {
		all, err := c.List(t.Context(), deployments)
		for _, d := range all {
			if status, _ := kube.Condition(&d, "Available"); status != "True" {
				err = fmt.Errorf("%s is not", kube.ID(&d))
			}
		}
		return err
	})
	proxy := stub.StartProxy(t)
	runFlagger(t, c, tools.Flagger, proxy.URL, p.flags()...)
	return proxy
}

// A possession is what a cluster has of the kinds of a platform's objects.
type possession map[held]string

// possessions are all objects of the kinds of the platform, CRDs among them, with their uids and
// resourceVersions.
func (p *platform) possessions(t *testing.T, c *fluxCluster) possession {
	t.Helper()
	all := possession{}
	kinds := map[schema.GroupVersionKind]bool{{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}: true}
	for _, o := range p.objects {
		kinds[o.GroupVersionKind()] = true
	}
	for kind := range kinds {
		for _, o := range c.list(t, c.name, kind) {
			all[heldBy(c.name, &o)] = fmt.Sprintf("uid %s, resourceVersion %s", o.GetUID(), o.GetResourceVersion())
		}
	}
	return all
}

// touched says which objects of the platform are not as before, and what has come into its namespaces
// or to the cluster as a whole beside the namespaces and the routes of rollouts.
func (p *platform) touched(before, after possession, made ...held) (wrong []string) {
	own := map[string]bool{}
	for _, o := range p.objects {
		own[o.GetNamespace()] = true // also that of what has none
	}
	for h, was := range before {
		if is := after[h]; is != was {
			wrong = append(wrong, fmt.Sprintf("%v: it had %s, and has %s", h, was, cmp.Or(is, "gone")))
		}
	}
	for h := range after {
		if before[h] == "" && own[h.namespace] && !slices.Contains(made, h) {
			wrong = append(wrong, fmt.Sprintf("%v, which is new", h))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// rollouts are those of a tree on the cluster, which the platform's Flagger runs.
func (c *fluxCluster) rollouts(t *testing.T, tree tree, p *platform, proxy *stub.Proxy) (all []*flaggerCluster) {
	t.Helper()
	objects := tree.objects(t, c.name)
	for _, id := range slices.Sorted(maps.Keys(objects)) {
		canary := objects[id]
		if canary.GroupVersionKind() != canaries {
			continue
		}
		f := &flaggerCluster{
			ControlPlane: c.ControlPlane, application: c.application, proxy: proxy,
			objects: objects, canary: canary, metricsServer: p.installed.Flagger.MetricsServer,
		}
		f.provider, _, _ = unstructured.NestedString(canary.Object, "spec", "provider")
		target, _, _ := unstructured.NestedString(canary.Object, "spec", "targetRef", "name")
		f.workload = types.NamespacedName{Namespace: canary.GetNamespace(), Name: target}
		if f.workload != c.workload { // the example's second rollout
			port, _, _ := unstructured.NestedInt64(canary.Object, "spec", "service", "port")
			f.measured = fmt.Sprintf(`canary="%s-%s-canary-%d"`, f.workload.Namespace, f.service(), port)
		}
		all = append(all, f)
	}
	if len(all) == 0 {
		t.Fatal("there is no Canary")
	}
	return all
}

// made are the objects of the cluster as a whole that Flagger and Flux make for rollouts: the namespace, and
// on Kuma a TrafficRoute.
func (c *flaggerCluster) made(t *testing.T, server string) []held {
	t.Helper()
	all := []held{{server, applied{kind: namespaces, name: c.workload.Namespace}}}
	if c.provider == "kuma" {
		all = append(all, held{server, applied{kind: trafficRoutes, name: c.service()}})
	}
	return all
}

// TestFluxBesideAPlatform has the real Flux apply what is rendered for clusters that have Flagger, a
// provider, Prometheus and a load tester already, and the Flagger that runs there beforehand take all
// rollouts to their ends: each by the route of its own provider. Nothing of the platform is touched.
func TestFluxBesideAPlatform(t *testing.T) {
	t.Parallel()
	for _, example := range few(platforms, 1) {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			const cluster = "kurator-member1"
			tree, p := installedTree(t, example)
			var proxy *stub.Proxy
			var before possession
			c := startFluxOf(t, applicationOf(t, example), nil, tree, cluster, func(c *fluxCluster) {
				p.install(t, c.ControlPlane)
				proxy = p.startFlagger(t, c.ControlPlane)
				before = p.possessions(t, c)
			})
			t.Run("converges", func(t *testing.T) {
				record(t, "3. Flux: converges beside a platform")
				c.converge(t, tree, nil)
				none(t, c.misplaced(t, tree))
			})
			if t.Failed() {
				return
			}
			rollouts := c.rollouts(t, tree, p, proxy)
			var made []held
			for _, f := range rollouts {
				made = append(made, f.made(t, cluster)...)
			}
			t.Run("rolls out", func(t *testing.T) {
				recordAll(t, "4. Flagger of a platform: promotes as the strategy says", len(rollouts))
				follow(t, "Initialized", rollouts...)
				proxy.Asked()
				app := c.repository(t)
				for name, data := range app {
					app[name] = []byte(strings.ReplaceAll(string(data), "podinfo:6.9.2", "podinfo:6.9.3"))
				}
				c.world.Push(t, c.source.Namespace, c.source.Name, app)
				for i, steps := range follow(t, "Succeeded", rollouts...) {
					steps = slices.DeleteFunc(steps, func(s step) bool { return s.phase == "Initialized" }) // before it is seen
					none(t, rollouts[i].wrongSteps(steps))
				}
			})
			queries, webhooks := proxy.Asked()
			t.Run("asks what is installed", func(t *testing.T) {
				recordAll(t, "4. Flagger of a platform: asks what is installed", len(rollouts))
				none(t, wrongPlatform(t, p, rollouts, queries, webhooks))
				elsewhere := *p
				elsewhere.installed.Loadtester = &api.InstalledLoadtester{URL: "http://elsewhere/"}
				if len(wrongPlatform(t, &elsewhere, rollouts, queries, webhooks)) == 0 {
					t.Error("nothing is said of another load tester")
				}
			})
			t.Run("leaves the platform", func(t *testing.T) {
				record(t, "3. Flux: leaves the objects of a platform, to the resourceVersion")
				c.reconcile(t)
				none(t, p.touched(before, p.possessions(t, c), made...))
				if releases := c.list(t, c.name, helmReleases); len(releases) > 0 {
					t.Errorf("%s is installed once more", kube.ID(&releases[0]))
				}
			})
			if p.installed.Kuma == nil || t.Failed() {
				return
			}
			t.Run("what is touched is seen", func(t *testing.T) {
				record(t, "3. Flux: what is touched of a platform is seen")
				without := compiled(t, example, func(document map[string]any) {
					if in, ok, _ := unstructured.NestedMap(document, "spec", "plugin", "flagger", "installed"); ok {
						set(t, in, false, "kuma", "catchAllRoute")
						set(t, document, in, "spec", "plugin", "flagger", "installed")
					}
				})
				c.converge(t, without, map[string]string{"flux-system": c.push(t, without)})
				wrong := p.touched(before, p.possessions(t, c), made...)
				if len(wrong) != 1 || !strings.Contains(wrong[0], "TrafficRoute /route-all-") {
					t.Errorf("what is seen is %q", wrong)
				}
			})
		})
	}
}

var helmReleases = schema.GroupVersionKind{Group: "helm.toolkit.fluxcd.io", Version: "v2", Kind: "HelmRelease"}

// wrongPlatform says what Flagger has asked but what is installed: each rollout its own queries, at the
// Prometheus of the platform, and its own webhooks, at the load tester of the platform.
func wrongPlatform(t *testing.T, p *platform, rollouts []*flaggerCluster, queries []stub.Query, webhooks []stub.Webhook) (wrong []string) {
	t.Helper()
	queries = slices.Clone(queries)
	for _, f := range rollouts {
		about := func(q stub.Query) bool { return strings.Contains(q.Text, f.measured) }
		wrong = append(wrong, f.wrongQueries(t, slices.DeleteFunc(slices.Clone(queries), func(q stub.Query) bool { return !about(q) }))...)
		queries = slices.DeleteFunc(queries, about)
		var called []stub.Webhook
		for _, w := range webhooks {
			if w.Namespace != f.canary.GetNamespace() || w.Name != f.canary.GetName() {
				continue
			}
			called = append(called, w)
			if strings.TrimSuffix(w.URL, "/") != strings.TrimSuffix(p.installed.Loadtester.URL, "/") {
				wrong = append(wrong, w.URL+" is called, and is not the load tester of the platform")
			}
		}
		wrong = append(wrong, f.wrongWebhooks(t, called)...)
		for _, o := range f.objects {
			address, _, _ := unstructured.NestedString(o.Object, "spec", "provider", "address")
			own := f.measured == "" // the user's own query, of a Prometheus that it names itself
			if o.GetKind() == "MetricTemplate" && !own && address != p.installed.Prometheus.Address {
				wrong = append(wrong, fmt.Sprintf("%s asks %s", kube.ID(o), address))
			}
		}
	}
	for _, q := range queries {
		wrong = append(wrong, "of no rollout is "+q.Text)
	}
	return wrong
}

// handedOver edits a Fleet that has everything rendered: its clusters have all components already, which
// are handed over, or were.
func handedOver(t *testing.T, versions map[string]string, isOver bool) func(document map[string]any) {
	t.Helper()
	return func(document map[string]any) {
		plugin, ok, _ := unstructured.NestedMap(document, "spec", "plugin", "flagger")
		if !ok {
			return
		}
		installed := map[string]any{
			"flagger":    map[string]any{"version": versions["flagger"]},
			"loadtester": map[string]any{"url": "http://flagger-loadtester.flagger-loadtester/"},
		}
		switch plugin["trafficRoutingProvider"] {
		case "kuma":
			installed["kuma"] = map[string]any{"version": versions["kuma"]}
			installed["prometheus"] = map[string]any{"address": "http://prometheus-server.mesh-observability:80"}
		case "nginx":
			installed["ingress-nginx"] = map[string]any{}
			set(t, installed, "http://flagger-prometheus.ingress-nginx:9090", "flagger", "metricsServer")
		}
		for _, component := range installed {
			if !isOver {
				component.(map[string]any)["handOver"] = true
			}
		}
		plugin["installed"] = installed
		if isOver {
			delete(plugin, "publicTestloader")
			delete(plugin, "config")
		}
		set(t, document, plugin, "spec", "plugin", "flagger")
	}
}

// A handOver is a cluster of an example with everything rendered, whose components are to be handed over.
type handOver struct {
	*fluxCluster
	example, dir string
	// versions are those of the charts, by their names.
	versions map[string]string
	// going are the uids of all that is no longer rendered then.
	going   map[held]types.UID
	deleted func() []held
}

// startHandOver starts the cluster, to which Flux has applied what is rendered.
func startHandOver(t *testing.T, example, cluster string) *handOver {
	t.Helper()
	h := &handOver{example: example, dir: t.TempDir(), versions: map[string]string{}, going: map[held]types.UID{}}
	mustWrite(t, h.dir, rendered(t, example, func(map[string]any) {}), disk.Options{})
	files := readTree(t, h.dir)
	h.fluxCluster = startFlux(t, example, files, cluster)
	h.converge(t, files, nil)
	for _, o := range files.objects(t, cluster) {
		if o.GroupVersionKind() == helmReleases {
			h.versions[chartOf(o)], _, _ = unstructured.NestedString(o.Object, "spec", "chart", "spec", "version")
		}
	}
	last := compiled(t, example, handedOver(t, h.versions, true))
	for name, server := range h.servers {
		stays := last.objects(t, name)
		for id, o := range files.objects(t, name) {
			if stays[id] != nil {
				continue
			}
			is, err := server.Get(t.Context(), o.GroupVersionKind(), o.GetNamespace(), o.GetName())
			if err != nil {
				t.Fatal(err)
			}
			h.going[heldBy(name, is)] = is.GetUID()
		}
	}
	h.deleted = h.watchDeletions(t, h.held(t))
	return h
}

// commit renders once more, and has Flux apply that.
func (h *handOver) commit(t *testing.T, edit func(document map[string]any), opts disk.Options) {
	t.Helper()
	mustWrite(t, h.dir, rendered(t, h.example, edit), opts)
	files := readTree(t, h.dir)
	h.converge(t, files, map[string]string{"flux-system": h.push(t, files)})
}

// gone says which objects that are no longer rendered are not as they were, but for Flux Kustomizations.
func (h *handOver) gone(t *testing.T) (wrong []string) {
	t.Helper()
	for of, uid := range h.going {
		if of.kind == kustomizations {
			continue
		}
		switch is, err := h.servers[of.server].Get(t.Context(), of.kind, of.namespace, of.name); {
		case errors.IsNotFound(err):
			wrong = append(wrong, fmt.Sprintf("%v, which is gone", of))
		case err != nil:
			t.Fatal(err)
		case is.GetUID() != uid || is.GetDeletionTimestamp() != nil:
			wrong = append(wrong, fmt.Sprintf("%v, which was deleted", of))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// TestFluxHandsOver has Flux apply the two commits by which what was rendered becomes what is installed
// already. Nothing is deleted but the stages that had it, and no release is uninstalled.
func TestFluxHandsOver(t *testing.T) {
	t.Parallel()
	for _, run := range few([]struct {
		example, cluster string
		// copied are the files that the repository keeps, as docs/adopting.md says, and from which all
		// is rendered again afterwards.
		copied string
	}{
		{"kuma-rollout", "kurator-member1", "kurator-member1/fleetwright/infrastructure"},
		{"hub", "host", ""},
		{"nginx-canary", "kurator-member1", ""},
	}, 1) {
		t.Run(run.example, func(t *testing.T) {
			t.Parallel()
			record(t, "3. Flux: hands components over, and uninstalls none")
			h := startHandOver(t, run.example, run.cluster)
			before := h.held(t)
			h.commit(t, handedOver(t, h.versions, false), disk.Options{})
			h.mustHaveAll(t, before, h.deleted())

			components := filepath.Join(h.dir, run.cluster, "components")
			if run.copied != "" {
				mustCopy(t, readTree(t, filepath.Join(h.dir, run.copied)), components)
			}
			h.commit(t, handedOver(t, h.versions, true), disk.Options{})
			h.reconcile(t)
			none(t, h.gone(t))
			stages := 0
			for of := range h.going {
				if of.kind == kustomizations {
					stages++
				}
			}
			ended := map[held]bool{}
			for _, of := range h.deleted() {
				if _, goes := h.going[of]; !goes || of.kind != kustomizations {
					t.Errorf("%v, which is deleted", of)
				}
				ended[of] = true
			}
			if len(ended) != stages || len(h.going) == stages {
				t.Errorf("these stages are deleted: %v, of %v", ended, h.going)
			}
			maps.DeleteFunc(before, func(of held, _ types.UID) bool { _, goes := h.going[of]; return goes }) // which is seen above
			none(t, remade(before, h.held(t)))
			if run.copied == "" {
				return
			}

			if err := os.RemoveAll(components); err != nil {
				t.Fatal(err)
			}
			h.commit(t, func(map[string]any) {}, disk.Options{})
			h.reconcile(t)
			none(t, h.gone(t))
			for _, of := range h.deleted() {
				t.Errorf("%v, which is deleted on the way back", of)
			}
			for _, release := range h.list(t, run.cluster, helmReleases) {
				if release.GetAnnotations()[pruneAnnotation] != "" {
					t.Errorf("%s is not rendered again", kube.ID(&release))
				}
			}
		})
	}
}

// TestFluxUninstallsWhatIsNotHandedOver leaves the first of the two commits out, which has to be
// allowed: the releases are deleted, so that helm-controller would uninstall them.
func TestFluxUninstallsWhatIsNotHandedOver(t *testing.T) {
	t.Parallel()
	record(t, "3. Flux: hands components over: what is broken is seen")
	h := startHandOver(t, "kuma-rollout", "kurator-member1")
	over := handedOver(t, h.versions, true)
	if _, err := disk.Write(h.dir, rendered(t, h.example, over), disk.Options{}); err == nil || !strings.Contains(err.Error(), "handOver") {
		t.Errorf("it is not refused: %v", err)
	}
	h.commit(t, over, disk.Options{AllowPrune: true})
	kube.Eventually(t, convergence, "the releases are deleted", func() error {
		gone := h.gone(t)
		for of := range h.going {
			if of.kind == helmReleases && !slices.Contains(gone, of.String()+", which is gone") {
				return fmt.Errorf("%v; seen is %q", of, gone)
			}
		}
		return nil
	})
}
