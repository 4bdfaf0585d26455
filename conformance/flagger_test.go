package conformance

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fleetwright/fleetwright/conformance/internal/crds"
	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/conformance/internal/stub"
	"github.com/fleetwright/fleetwright/conformance/internal/tools"
)

var canaries = schema.GroupVersionKind{Group: "flagger.app", Version: "v1beta1", Kind: "Canary"}

// analysis is the time limit of a whole analysis.
const analysis = 5 * time.Minute

// A flaggerCluster is a cluster with all objects of one directory, on which the real Flagger runs.
type flaggerCluster struct {
	*kube.ControlPlane
	application
	provider string
	proxy    *stub.Proxy
	objects  map[string]*kube.Object
	canary   *kube.Object
	// metricsServer is the default Prometheus of Flagger, for metrics without a template.
	metricsServer string
	// updates counts the versions of the workload.
	updates int
}

// quickened compiles an example with the intervals of its rollouts shortened to the minimum that Flagger
// accepts.
func quickened(t *testing.T, example string) tree {
	t.Helper()
	return compiled(t, example, quicken(t))
}

// quicken shortens the intervals of an Application's rollouts.
func quicken(t *testing.T) func(document map[string]any) {
	return eachPolicy(func(policy map[string]any) {
		if _, ok := policy["rollout"]; !ok {
			return
		}
		at := []string{"rollout", "rolloutPolicy", "trafficAnalysis"}
		set(t, policy, int64(10), append(at, "checkIntervalSeconds")...)
		metrics, _, _ := unstructured.NestedSlice(policy, append(at, "metrics")...)
		for _, m := range metrics {
			m.(map[string]any)["intervalSeconds"] = int64(10)
		}
		set(t, policy, metrics, append(at, "metrics")...)
	})
}

// startFlagger starts the first cluster of an example, with quickened rollouts. breakFile may change the
// files before they are applied.
func startFlagger(t *testing.T, flagger tools.Tool, example string, breakFile func(name string, data []byte) []byte) *flaggerCluster {
	t.Helper()
	tree := quickened(t, example)
	cluster := tree.clusters()[0]
	c := &flaggerCluster{application: applicationOf(t, example), objects: tree.objects(t, cluster)}
	if c.canary = c.objects["Canary "+c.workload.String()]; c.canary == nil {
		t.Fatalf("%s has no Canary for %s", example, c.workload)
	}
	c.provider, _, _ = unstructured.NestedString(c.canary.Object, "spec", "provider")
	for name, data := range tree {
		tree[name] = breakFile(name, data)
	}
	servers := startServers(t, tree, cluster)
	c.ControlPlane = servers[cluster]
	stub.StartNodes(t, c.Client)
	if c.provider == "istio" {
		install(t, c.ControlPlane, istioCRDs(t)) // as fleetwright requires
		c.Warnings()                             // for the CRDs themselves
	}
	if p := platformOf(t, example); p != nil {
		p.install(t, c.ControlPlane)
	}
	for _, why := range applyChain(t, servers, nil, chain(t, tree.write(t), cluster, nil)) {
		t.Fatal(why)
	}
	if c.provider == gatewayAPI {
		stub.StartGateways(t, c.Client)
	}
	c.applyWorkload(t)
	c.run(t, flagger)
	return c
}

// run starts Flagger with the values of its chart, and a proxy for its requests.
func (c *flaggerCluster) run(t *testing.T, flagger tools.Tool) {
	t.Helper()
	c.proxy = stub.StartProxy(t)
	values := c.flaggerValues(t)
	c.metricsServer = fmt.Sprint(values["metricsServer"])
	runFlagger(t, c.ControlPlane, flagger, c.proxy.URL, fmt.Sprintf("-mesh-provider=%v", values["meshProvider"]), "-metrics-server="+c.metricsServer)
}

// runFlagger starts a Flagger that sends its requests to a proxy.
func runFlagger(t *testing.T, c *kube.ControlPlane, flagger tools.Tool, proxy string, args ...string) {
	t.Helper()
	args = append(args, "-kubeconfig="+c.Kubeconfig, fmt.Sprintf("-port=%d", kube.Port(t)), "-log-level=info")
	c.Run(toolsDir, flagger, []string{"HTTP_PROXY=" + proxy}, args...)
}

// istioCRDs are the CRDs of the objects that Flagger creates on Istio.
func istioCRDs(t *testing.T) []*kube.Object {
	t.Helper()
	set, err := crds.Load(files(t, crds.Istio.Files)...)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(set.Objects, func(crd *kube.Object) bool {
		return crd.GetName() != "virtualservices.networking.istio.io" && crd.GetName() != "destinationrules.networking.istio.io"
	})
}

// applyWorkload applies the manifests in the repository of the application. A chart installs only its
// Deployment, with no Service next to Flagger's.
func (c *flaggerCluster) applyWorkload(t *testing.T) {
	t.Helper()
	root := t.TempDir()
	mustCopy(t, c.repository(t), root)
	for _, path := range c.paths {
		for _, o := range build(t, root, path) {
			if c.chart && o.GetKind() != "Deployment" {
				continue
			}
			if o.GetNamespace() == "" && o.GetKind() != "Namespace" {
				o.SetNamespace(c.workload.Namespace) // the targetNamespace of the policy
			}
			if _, err := c.Apply(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// flaggerValues returns the values of the HelmRelease of Flagger.
func (c *flaggerCluster) flaggerValues(t *testing.T) map[string]any {
	t.Helper()
	for _, o := range c.objects {
		if o.GetKind() == "HelmRelease" && chartOf(o) == "flagger" {
			values, _, _ := unstructured.NestedMap(o.Object, "spec", "values")
			return values
		}
	}
	t.Fatal("no HelmRelease of Flagger")
	return nil
}

// service returns the name of the workload's Service.
func (c *flaggerCluster) service() string { return serviceOf(c.canary) }

func set(t *testing.T, object map[string]any, value any, path ...string) {
	t.Helper()
	if err := unstructured.SetNestedField(object, value, path...); err != nil {
		t.Fatal(err)
	}
}

// A step is the status of a Canary at one time, with its route.
type step struct {
	phase string
	// at is the progress of the analysis: the weight of the canary, or the number of checks in strategies
	// that count checks.
	at    int64
	route route
}

// now returns the current step of the Canary.
func (c *flaggerCluster) now(t *testing.T) (step, error) {
	canary, err := c.Get(t.Context(), canaries, c.canary.GetNamespace(), c.canary.GetName())
	if err != nil {
		return step{}, err
	}
	progress := "canaryWeight"
	if _, ok := c.strategy()["iterations"]; ok {
		progress = "iterations"
	}
	var s step
	s.phase, _, _ = unstructured.NestedString(canary.Object, "status", "phase")
	s.at, _, _ = unstructured.NestedInt64(canary.Object, "status", progress)
	s.route, err = c.route(t)
	return s, err
}

// strategy returns the analysis fields of the rendered Canary.
func (c *flaggerCluster) strategy() map[string]any {
	analysis, _, _ := unstructured.NestedMap(c.canary.Object, "spec", "analysis")
	return analysis
}

// follow waits for a phase of the Canary, and returns the steps until then.
func (c *flaggerCluster) follow(t *testing.T, until string) []step {
	t.Helper()
	return follow(t, until, c)[0]
}

// follow waits until all Canaries are in a phase, and returns the steps of each until then.
func follow(t *testing.T, until string, all ...*flaggerCluster) [][]step {
	t.Helper()
	seen := make([][]step, len(all))
	kube.Eventually(t, analysis, "the phase of the Canary is "+until, func() (err error) {
		for i, c := range all {
			s, failed := c.now(t)
			if failed != nil {
				return failed
			}
			if !slices.Contains(seen[i], s) {
				seen[i] = append(seen[i], s)
			}
			if s.phase != until {
				err = fmt.Errorf("the steps of %s were %v", kube.ID(c.canary), seen[i])
			}
		}
		return err
	})
	return seen
}

// update deploys a new version of the workload.
func (c *flaggerCluster) update(t *testing.T) {
	t.Helper()
	c.updates++
	target, err := c.Get(t.Context(), deployments, c.workload.Namespace, c.workload.Name)
	if err != nil {
		t.Fatal(err)
	}
	containers, _, _ := unstructured.NestedSlice(target.Object, "spec", "template", "spec", "containers")
	containers[0].(map[string]any)["image"] = fmt.Sprintf("ghcr.io/stefanprodan/podinfo:6.8.%d", c.updates)
	if err := c.Patch(t.Context(), target, map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": containers}}}}); err != nil {
		t.Fatal(err)
	}
	kube.Eventually(t, time.Minute, "Flagger has seen the new version", func() error {
		s, err := c.now(t)
		if err == nil && s.phase != "Progressing" {
			err = fmt.Errorf("the phase is %s", s.phase)
		}
		return err
	})
}

// weights returns the weights of the canary in order, as its strategy defines them.
func weights(strategy map[string]any) (all []int64) {
	if steps, ok := strategy["stepWeights"].([]any); ok {
		for _, s := range steps {
			all = append(all, s.(int64))
		}
		return all
	}
	for w := strategy["stepWeight"].(int64); w <= strategy["maxWeight"].(int64); w += strategy["stepWeight"].(int64) {
		all = append(all, w)
	}
	return all
}

// promised returns the steps that the strategy defines, in order. In a canary rollout the weight grows. In
// A/B testing the canary gets the whole audience from the first check on. In blue/green it gets all traffic
// after the last check, and mirrored requests before if the strategy mirrors. With Services only, it gets no
// traffic: Flagger updates the primary.
func (c *flaggerCluster) promised() (all []step) {
	strategy := c.strategy()
	checks, counts := strategy["iterations"].(int64)
	switch {
	case !counts:
		_, sticky := strategy["sessionAffinity"]
		for _, w := range weights(strategy) {
			all = append(all, step{"Progressing", w, route{percent: w, sticky: sticky}})
		}
	case strategy["match"] != nil:
		for i := range checks {
			all = append(all, step{"Progressing", i + 1, route{percent: 100, audience: c.audience}})
		}
	default:
		mirrored, _ := strategy["mirror"].(bool)
		for i := range checks {
			all = append(all, step{"Progressing", i + 1, route{mirrored: mirrored}})
		}
		last := route{percent: 100}
		if c.provider == "kubernetes" {
			last.percent = 0
		}
		all = append(all, step{"Progressing", checks + 1, last})
	}
	return all
}

// wrongSteps describes the steps of a promotion that the strategy does not define.
func (c *flaggerCluster) wrongSteps(steps []step) (wrong []string) {
	progress := func(s step) string {
		if s.phase == "Progressing" {
			return fmt.Sprintf("%s %d", s.phase, s.at)
		}
		return s.phase
	}
	var got, want []string
	for _, s := range steps {
		if text := progress(s); text != "Progressing 0" { // before the first check
			got = append(got, text)
		}
	}
	for _, s := range c.promised() {
		want = append(want, progress(s))
		if !slices.Contains(steps, s) {
			wrong = append(wrong, fmt.Sprintf("at step %d the route is never %+v: %+v", s.at, s.route, steps))
		}
	}
	want = append(want, "Promoting", "Finalising", "Succeeded")
	if got = slices.Compact(got); !slices.Equal(got, want) {
		wrong = append(wrong, fmt.Sprintf("the phases were %q, want %q", got, want))
	}
	if last := steps[len(steps)-1]; last.route.percent != 0 {
		wrong = append(wrong, fmt.Sprintf("after the rollout the route is %+v", last.route))
	}
	return wrong
}

// ownQueries are Flagger's queries for metrics without a template (pkg/metrics/observers/istio.go).
var ownQueries = map[string]string{
	"istio request-success-rate": `
		sum(rate(istio_requests_total{
			reporter="destination", destination_workload_namespace="{{ namespace }}", destination_workload=~"{{ target }}", response_code!~"5.*"
		}[{{ interval }}]))
		/ sum(rate(istio_requests_total{
			reporter="destination", destination_workload_namespace="{{ namespace }}", destination_workload=~"{{ target }}"
		}[{{ interval }}])) * 100`,
	"istio request-duration": `
		histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds_bucket{
			reporter="destination", destination_workload_namespace="{{ namespace }}", destination_workload=~"{{ target }}"
		}[{{ interval }}])) by (le))`,
}

// wrongQueries describes unexpected and missing queries, and queries that do not select the canary. Expected
// are the rendered queries at the addresses of their templates, and Flagger's own queries at its default
// address, with the names of this rollout.
func (c *flaggerCluster) wrongQueries(t *testing.T, asked []stub.Query) (wrong []string) {
	t.Helper()
	want := map[stub.Query]bool{}
	for _, metric := range slice(c.canary.Object, "spec", "analysis", "metrics") {
		address, query := c.metricsServer, ownQueries[c.provider+" "+metric["name"].(string)]
		if ref, ok, _ := unstructured.NestedStringMap(metric, "templateRef"); ok {
			template := c.objects["MetricTemplate "+ref["namespace"]+"/"+ref["name"]]
			if template == nil {
				return []string{fmt.Sprintf("no MetricTemplate %v", ref)}
			}
			query, _, _ = unstructured.NestedString(template.Object, "spec", "query")
			address, _, _ = unstructured.NestedString(template.Object, "spec", "provider", "address")
		}
		want[normal(stub.Query{Server: address, Text: c.fill(t, query, metric["interval"].(string))})] = true
	}
	got := map[stub.Query]bool{}
	for _, q := range asked {
		got[normal(q)] = true
		if !strings.Contains(q.Text, c.measured) {
			wrong = append(wrong, fmt.Sprintf("%s is queried, but not for %s", q.Text, c.measured))
		}
	}
	if !maps.Equal(got, want) {
		wrong = append(wrong, fmt.Sprintf("Prometheus got the queries\n%v\nwant\n%v", got, want))
	}
	return wrong
}

// normal returns a query without irrelevant parts: spaces, and the default port of a URL.
func normal(q stub.Query) stub.Query {
	return stub.Query{Server: strings.TrimSuffix(q.Server, ":80"), Text: strings.Join(strings.Fields(q.Text), "")}
}

// wrongWebhooks describes the differences between the webhooks called and those rendered, with their
// commands, and calls to Services that do not exist.
func (c *flaggerCluster) wrongWebhooks(t *testing.T, called []stub.Webhook) (wrong []string) {
	t.Helper()
	want, got := map[string]bool{}, map[string]bool{}
	for _, w := range slice(c.canary.Object, "spec", "analysis", "webhooks") {
		metadata, _, _ := unstructured.NestedStringMap(w, "metadata")
		want[fmt.Sprint(w["url"], " ", metadata)] = true
	}
	for _, w := range called {
		got[fmt.Sprint(w.URL, " ", w.Metadata)] = true
		u, err := url.Parse(w.URL)
		if err != nil {
			t.Fatal(err)
		}
		name, namespace, _ := strings.Cut(u.Hostname(), ".")
		if _, err := c.Get(t.Context(), services, namespace, name); err != nil && !c.isReleased(namespace, name) {
			wrong = append(wrong, "no Service at "+w.URL)
		}
	}
	if !maps.Equal(got, want) {
		wrong = append(wrong, fmt.Sprintf("webhooks called:\n%v\nwant\n%v", got, want))
	}
	return wrong
}

// isReleased reports whether a HelmRelease creates a Service: a load tester's Service has the name in its
// values.
func (c *flaggerCluster) isReleased(namespace, name string) bool {
	release := c.objects["HelmRelease "+namespace+"/"+name]
	if release == nil {
		return false
	}
	called, _, _ := unstructured.NestedString(release.Object, "spec", "values", "fullnameOverride")
	return called == name
}

// wrongCatchAll describes the differences in the route of all traffic that no rollout shifts.
func (c *flaggerCluster) wrongCatchAll(t *testing.T) (wrong []string) {
	t.Helper()
	name := "route-all-" + c.canary.GetAnnotations()["kuma.io/mesh"]
	route, err := c.Get(t.Context(), trafficRoutes, "", name)
	if err != nil {
		return []string{err.Error()}
	}
	if want := c.objects["TrafficRoute "+name]; fmt.Sprint(route.Object["spec"]) != fmt.Sprint(want.Object["spec"]) {
		wrong = append(wrong, fmt.Sprintf("the catch-all route is %v", route.Object["spec"]))
	}
	return wrong
}

func none(t *testing.T, wrong []string) {
	t.Helper()
	for _, w := range wrong {
		t.Error(w)
	}
}

// TestFlagger runs the rollouts of examples with Flagger: all to promotion, some to rollback because
// Prometheus reports that half of the requests fail, and some to a closed gate. TestFlaggerSeesWhatIsBroken
// shows what the checks can find.
func TestFlagger(t *testing.T) {
	type version struct {
		name string
		tool tools.Tool
	}
	latest, old := version{"1.44", tools.Flagger}, version{"1.36", tools.OldFlagger}
	for _, run := range few([]struct {
		example  string
		versions []version
		// whole reports whether to test a rollback and a gate, too.
		whole bool
	}{
		{"kuma-rollout", []version{latest, old}, true},
		{"gatewayapi-canary", []version{latest, old}, true},
		{"istio-canary", []version{latest, old}, true},
		{"nginx-canary", []version{latest, old}, true},
		{"own-mesh", []version{latest, old}, true},
		{"istio-ab", []version{latest}, false},
		{"istio-blue-green", []version{latest}, false},
		{"nginx-ab", []version{latest}, false},
		{"nginx-blue-green", []version{latest}, false},
		{"helm-repository", []version{latest}, false},
		{"flagger-guide", []version{latest}, false},
		{"gatewayapi-ab", []version{latest}, false},
		{"gatewayapi-blue-green", []version{latest}, false},
		{"kuma-gatewayapi", []version{latest}, false},
		{"istio-gatewayapi", []version{latest}, false},
		{"kubernetes-blue-green", []version{latest}, true},
	}, 4) {
		for _, version := range few(run.versions, 1) {
			t.Run(version.name+"/"+run.example, func(t *testing.T) {
				t.Parallel()
				c := startFlagger(t, version.tool, run.example, func(_ string, data []byte) []byte { return data })
				check := "4. Flagger " + version.name + ": "
				c.runRollout(t, check)
				if run.whole && !t.Failed() {
					c.stopRollouts(t, check)
				}
			})
		}
	}
}

// runRollout rolls out a new version until it is promoted.
func (c *flaggerCluster) runRollout(t *testing.T, check string) {
	c.follow(t, "Initialized")
	c.proxy.Asked()

	t.Run("promotes", func(t *testing.T) {
		record(t, check+"promotes as the strategy says, and the routes with it")
		c.update(t)
		none(t, c.wrongSteps(c.follow(t, "Succeeded")))
	})
	queries, webhooks := c.proxy.Asked()
	t.Run("asks what is rendered", func(t *testing.T) {
		record(t, check+"asks the rendered queries, calls the rendered webhooks")
		none(t, c.wrongQueries(t, queries))
		none(t, c.wrongWebhooks(t, webhooks))
	})
	if c.provider == "kuma" {
		t.Run("leaves the catch-all", func(t *testing.T) {
			record(t, check+"leaves the catch-all")
			none(t, c.wrongCatchAll(t))
		})
	}
}

// stopRollouts rolls out a version that fails, and one that must wait.
func (c *flaggerCluster) stopRollouts(t *testing.T, check string) {
	t.Run("rolls back", func(t *testing.T) {
		record(t, check+"rolls back if half of the requests fail")
		c.proxy.Answer("50")
		defer c.proxy.Answer("100")
		c.update(t)
		got := c.follow(t, "Failed")
		if slices.ContainsFunc(got, func(s step) bool { return s.phase == "Promoting" }) {
			t.Errorf("the steps were %v", got)
		}
		if s, err := c.now(t); err != nil || s.at != 0 || s.route.percent != 0 {
			t.Errorf("after the rollback the weight of the canary is %d, and its route %+v: %v", s.at, s.route, err)
		}
	})
	t.Run("is held by a gate", func(t *testing.T) {
		record(t, check+"is held by a gate")
		c.checkGate(t)
	})
}

// TestFlaggerSeesWhatIsBroken applies Canaries with different steps, audiences, metrics, load testers or
// queries, or without a catch-all route, and checks that the comparison reports them.
func TestFlaggerSeesWhatIsBroken(t *testing.T) {
	for _, tt := range []struct {
		example string
		// replace holds replacements for files by name prefix.
		replace map[string]*strings.Replacer
	}{
		{"kuma-rollout", map[string]*strings.Replacer{
			"canary-":         strings.NewReplacer("stepWeight: 10", "stepWeight: 25", "http://backend-testloader.", "http://elsewhere."),
			"metrictemplate-": strings.NewReplacer("http_requests_total", "other_requests_total"),
			"trafficroute-":   strings.NewReplacer("name: route-all-default", "name: route-none"),
		}},
		{"istio-ab", map[string]*strings.Replacer{
			"canary-": strings.NewReplacer("iterations: 10", "iterations: 2", "insider", "outsider", "name: request-duration", "name: request-success-rate", "http://backend-testloader.", "http://elsewhere."),
		}},
		{"nginx-canary", map[string]*strings.Replacer{
			"canary-":         strings.NewReplacer("stepWeight: 10", "stepWeight: 25", "http://flagger-loadtester.", "http://elsewhere."),
			"metrictemplate-": strings.NewReplacer("-canary-9898", "-9898"),
		}},
	} {
		t.Run(tt.example, func(t *testing.T) {
			t.Parallel()
			record(t, "4. Flagger: what is broken is seen")
			c := startFlagger(t, tools.Flagger, tt.example, func(name string, data []byte) []byte {
				for prefix, replacer := range tt.replace {
					if strings.HasPrefix(path.Base(name), prefix) {
						return []byte(replacer.Replace(string(data)))
					}
				}
				return data
			})
			c.follow(t, "Initialized")
			c.proxy.Asked()
			c.update(t)
			steps := c.follow(t, "Succeeded")
			queries, webhooks := c.proxy.Asked()
			seen := map[string][]string{"steps": c.wrongSteps(steps), "queries": c.wrongQueries(t, queries), "webhooks": c.wrongWebhooks(t, webhooks)}
			if c.provider == "kuma" {
				seen["catch-all"] = c.wrongCatchAll(t)
			}
			for what, wrong := range seen {
				if len(wrong) == 0 {
					t.Errorf("the broken %s is not reported", what)
				}
			}
		})
	}
}

// fill replaces the variables of a query, as Flagger documents them.
func (c *flaggerCluster) fill(t *testing.T, query, interval string) string {
	t.Helper()
	is := func(s string) func() string { return func() string { return s } }
	parsed, err := template.New("query").Funcs(template.FuncMap{
		"name": is(c.canary.GetName()), "namespace": is(c.canary.GetNamespace()), "target": is(c.canary.GetName()),
		"service": is(c.service()), "interval": is(interval),
	}).Parse(query)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := parsed.Execute(&b, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// checkGate adds a gate before the promotion, and checks that it holds the Canary until it opens.
func (c *flaggerCluster) checkGate(t *testing.T) {
	t.Helper()
	const gate = "http://gate.example/promote"
	canary, err := c.Get(t.Context(), canaries, c.canary.GetNamespace(), c.canary.GetName())
	if err != nil {
		t.Fatal(err)
	}
	webhooks, _, _ := unstructured.NestedSlice(canary.Object, "spec", "analysis", "webhooks")
	webhooks = append(webhooks, map[string]any{"name": "gate", "type": "confirm-promotion", "url": gate})
	if err := c.Patch(t.Context(), canary, map[string]any{"spec": map[string]any{"analysis": map[string]any{"webhooks": webhooks}}}); err != nil {
		t.Fatal(err)
	}
	c.proxy.Gate(gate, false)
	c.update(t)
	c.follow(t, "WaitingPromotion")
	// Flagger asks repeatedly.
	c.proxy.Asked()
	kube.Eventually(t, time.Minute, "Flagger calls the gate twice more", func() error {
		_, webhooks := c.proxy.Asked()
		for _, w := range webhooks {
			if w.URL == gate {
				return nil
			}
		}
		return fmt.Errorf("not yet")
	})
	if s, err := c.now(t); err != nil || s.phase != "WaitingPromotion" {
		t.Errorf("before the gate opens the Canary is %s: %v", s.phase, err)
	}
	c.proxy.Gate(gate, true)
	c.follow(t, "Succeeded")
}
