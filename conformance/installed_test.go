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

// A platform is the set of components that a fleet's plugin lists under installed.
type platform struct {
	installed api.Installed
	// objects are the platform's own objects, applied with the field manager platform.
	objects []*kube.Object
}

// platforms are the examples that run on a platform. The first has rollouts of two providers.
var platforms = []string{
	"installed-istio-nginx", "installed-kuma", "installed-istio", "installed-nginx",
	"installed-istio-ab", "installed-istio-blue-green", "installed-nginx-ab", "installed-nginx-blue-green",
}

// ownMetricsServer is the Prometheus of the platform's Flagger. It differs from the one that rendered
// MetricTemplates query.
const ownMetricsServer = "http://metrics.flagger-system:9090"

// installedTree returns the output for an example on a platform, with a Flagger whose metrics server also
// differs from a rendered one. Its rollouts are quickened, and use the platform's load tester.
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
		t.Fatalf("%s does not list every component as installed: %+v", example, p.installed)
	}
	p.addObjects(t)
	return files, p
}

// platformOf returns the platform of an example's clusters, or nil.
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

// read reads the field installed of a Fleet or a RenderConfig, and gives Flagger its own metrics server.
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

// addObjects adds objects as if installed by others: a Deployment and a Service of each component, their
// namespaces, and cluster-wide objects.
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

// flags returns the flags of the platform's Flagger. Fields that are not set have the chart's defaults,
// except the provider: it must not matter, because every Canary sets its own.
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

// install creates the platform on a cluster, with the CRDs of its components.
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

// startFlagger starts the platform's Flagger when everything else is ready, and returns its proxy.
func (p *platform) startFlagger(t *testing.T, c *kube.ControlPlane) *stub.Proxy {
	t.Helper()
	kube.Eventually(t, kube.Startup, "the platform is ready", func() error {
		all, err := c.List(t.Context(), deployments)
		for _, d := range all {
			if status, _ := kube.Condition(&d, "Available"); status != "True" {
				err = fmt.Errorf("%s is not ready", kube.ID(&d))
			}
		}
		return err
	})
	proxy := stub.StartProxy(t)
	runFlagger(t, c, tools.Flagger, proxy.URL, p.flags()...)
	return proxy
}

// A possession describes a cluster's objects of the platform's kinds.
type possession map[held]string

// possessions returns all objects of the platform's kinds and all CRDs, with their uids and resourceVersions.
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

// touched describes the platform's objects that have changed, and new objects in its namespaces or
// cluster-wide, except the namespaces and routes of rollouts.
func (p *platform) touched(before, after possession, made ...held) (wrong []string) {
	own := map[string]bool{}
	for _, o := range p.objects {
		own[o.GetNamespace()] = true // includes "", for cluster-wide objects
	}
	for h, was := range before {
		if is := after[h]; is != was {
			wrong = append(wrong, fmt.Sprintf("%v: was %s, is %s", h, was, cmp.Or(is, "gone")))
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

// rollouts returns the rollouts of a tree on the cluster, which the platform's Flagger runs.
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
		t.Fatal("no Canary")
	}
	return all
}

// made returns the cluster-wide objects that Flagger and Flux create for rollouts: the namespace, and a
// TrafficRoute on Kuma.
func (c *flaggerCluster) made(t *testing.T, server string) []held {
	t.Helper()
	all := []held{{server, applied{kind: namespaces, name: c.workload.Namespace}}}
	if c.provider == "kuma" {
		all = append(all, held{server, applied{kind: trafficRoutes, name: c.service()}})
	}
	return all
}

// TestFluxBesideAPlatform runs the real Flux on clusters that already have Flagger, a provider, Prometheus
// and a load tester, and the existing Flagger promotes all rollouts, each through its own provider's route.
// The platform does not change.
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
					steps = slices.DeleteFunc(steps, func(s step) bool { return s.phase == "Initialized" }) // before the API server lists it
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
					t.Error("another load tester is not reported")
				}
			})
			t.Run("leaves the platform", func(t *testing.T) {
				record(t, "3. Flux: leaves the objects of a platform, to the resourceVersion")
				c.reconcile(t)
				none(t, p.touched(before, p.possessions(t, c), made...))
				if releases := c.list(t, c.name, helmReleases); len(releases) > 0 {
					t.Errorf("%s is installed again", kube.ID(&releases[0]))
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
					t.Errorf("reported changes: %q", wrong)
				}
			})
		})
	}
}

var helmReleases = schema.GroupVersionKind{Group: "helm.toolkit.fluxcd.io", Version: "v2", Kind: "HelmRelease"}

// wrongPlatform describes unexpected requests of Flagger. Each rollout must send its own queries to the
// platform's Prometheus, and call its own webhooks at the platform's load tester.
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
				wrong = append(wrong, w.URL+" was called; it is not the load tester of the platform")
			}
		}
		wrong = append(wrong, f.wrongWebhooks(t, called)...)
		for _, o := range f.objects {
			address, _, _ := unstructured.NestedString(o.Object, "spec", "provider", "address")
			own := f.measured == "" // the user's query names its own Prometheus
			if o.GetKind() == "MetricTemplate" && !own && address != p.installed.Prometheus.Address {
				wrong = append(wrong, fmt.Sprintf("%s queries %s", kube.ID(o), address))
			}
		}
	}
	for _, q := range queries {
		wrong = append(wrong, "query of no rollout: "+q.Text)
	}
	return wrong
}

// handedOver edits a Fleet with rendered components: it lists them all as installed, either to be handed over
// now or handed over already.
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

// A handOver is a cluster of an example with rendered components, which are to be handed over.
type handOver struct {
	*fluxCluster
	example, dir string
	// versions holds the versions of the charts by name.
	versions map[string]string
	// going holds the uids of the objects that are no longer rendered after the hand-over.
	going   map[held]types.UID
	deleted func() []held
}

// startHandOver starts the cluster, and waits until Flux has applied the output.
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

// commit renders again, and lets Flux apply the output.
func (h *handOver) commit(t *testing.T, edit func(document map[string]any), opts disk.Options) {
	t.Helper()
	mustWrite(t, h.dir, rendered(t, h.example, edit), opts)
	files := readTree(t, h.dir)
	h.converge(t, files, map[string]string{"flux-system": h.push(t, files)})
}

// gone describes the objects, except Flux Kustomizations, that were deleted or recreated after they left the
// output.
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

// TestFluxHandsOver lets Flux apply the two commits that turn rendered components into installed ones. Only
// the stages that had them are deleted, and no release is uninstalled.
func TestFluxHandsOver(t *testing.T) {
	t.Parallel()
	for _, run := range few([]struct {
		example, cluster string
		// copied is the directory that the repository keeps, as docs/adopting.md describes. Afterwards,
		// everything is rendered again.
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
					t.Errorf("deleted: %v", of)
				}
				ended[of] = true
			}
			if len(ended) != stages || len(h.going) == stages {
				t.Errorf("deleted stages: %v, of %v", ended, h.going)
			}
			maps.DeleteFunc(before, func(of held, _ types.UID) bool { _, goes := h.going[of]; return goes }) // checked above
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
				t.Errorf("deleted on the way back: %v", of)
			}
			for _, release := range h.list(t, run.cluster, helmReleases) {
				if release.GetAnnotations()[pruneAnnotation] != "" {
					t.Errorf("%s keeps its prune annotation", kube.ID(&release))
				}
			}
		})
	}
}

// TestFluxUninstallsWhatIsNotHandedOver skips the first of the two commits, which needs AllowPrune. The
// releases are deleted, so helm-controller would uninstall them.
func TestFluxUninstallsWhatIsNotHandedOver(t *testing.T) {
	t.Parallel()
	record(t, "3. Flux: hands components over: what is broken is seen")
	h := startHandOver(t, "kuma-rollout", "kurator-member1")
	over := handedOver(t, h.versions, true)
	if _, err := disk.Write(h.dir, rendered(t, h.example, over), disk.Options{}); err == nil || !strings.Contains(err.Error(), "handOver") {
		t.Errorf("the write is not rejected: %v", err)
	}
	h.commit(t, over, disk.Options{AllowPrune: true})
	kube.Eventually(t, convergence, "the releases are deleted", func() error {
		gone := h.gone(t)
		for of := range h.going {
			if of.kind == helmReleases && !slices.Contains(gone, of.String()+", which is gone") {
				return fmt.Errorf("%v is not deleted; deleted: %q", of, gone)
			}
		}
		return nil
	})
}
