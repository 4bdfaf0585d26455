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

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/conformance/internal/stub"
	"github.com/fleetwright/fleetwright/conformance/internal/tools"
)

var (
	canaries      = schema.GroupVersionKind{Group: "flagger.app", Version: "v1beta1", Kind: "Canary"}
	trafficRoutes = schema.GroupVersionKind{Group: "kuma.io", Version: "v1alpha1", Kind: "TrafficRoute"}
)

// analysis is how long a whole analysis may take.
const analysis = 5 * time.Minute

// A flaggerCluster is a cluster with everything of one directory applied, and with
// the real Flagger on it.
type flaggerCluster struct {
	*kube.ControlPlane
	application
	proxy   *stub.Proxy
	objects map[string]*kube.Object
	canary  *kube.Object
	// updates counts the versions of the workload.
	updates int
}

// startFlagger starts the first cluster of an example, with the intervals of the
// rollout shortened to the least that Flagger takes. What is applied may be broken
// before.
func startFlagger(t *testing.T, flagger tools.Tool, example string, breakFile func(name string, data []byte) []byte) *flaggerCluster {
	t.Helper()
	tree := compiled(t, example, eachPolicy(func(policy map[string]any) {
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
	}))
	cluster := tree.clusters()[0]
	c := &flaggerCluster{ControlPlane: kube.Start(t, toolsDir), application: applications[example], objects: tree.objects(t, cluster)}
	if c.canary = c.objects["Canary "+workloadNamespace+"/"+c.workload]; c.canary == nil {
		t.Fatalf("%s has no Canary of %s", example, c.workload)
	}
	for name, data := range tree {
		tree[name] = breakFile(name, data)
	}
	bootstrap(t, c.ControlPlane)
	stub.Start(t, c.Client, func(string) {})
	for _, why := range applyChain(t, c.ControlPlane, chain(t, tree.write(t), cluster)) {
		t.Fatal(why)
	}
	app := readTree(t, repository)
	for _, name := range slices.Sorted(maps.Keys(app)) {
		if !strings.HasPrefix(name, "deploy/webapp/") {
			continue
		}
		objects, err := kube.Objects(app[name])
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			if _, err := c.Apply(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.proxy = stub.StartProxy(t)
	values, _, _ := unstructured.NestedMap(c.objects["HelmRelease kuma-system/flagger"].Object, "spec", "values")
	c.Run(toolsDir, flagger, []string{"HTTP_PROXY=" + c.proxy.URL},
		"-kubeconfig="+c.Kubeconfig, fmt.Sprintf("-mesh-provider=%v", values["meshProvider"]), fmt.Sprintf("-metrics-server=%v", values["metricsServer"]),
		fmt.Sprintf("-port=%d", kube.Port(t)), "-log-level=info")
	return c
}

func set(t *testing.T, object map[string]any, value any, path ...string) {
	t.Helper()
	if err := unstructured.SetNestedField(object, value, path...); err != nil {
		t.Fatal(err)
	}
}

// A step is what the status of a Canary and the TrafficRoute of its Service say at
// one time.
type step struct {
	phase  string
	weight int64
	// route is the share of the canary in the TrafficRoute.
	route int64
}

// now is the step that the Canary is at.
func (c *flaggerCluster) now(t *testing.T) (step, error) {
	canary, err := c.Get(t.Context(), canaries, c.canary.GetNamespace(), c.canary.GetName())
	if err != nil {
		return step{}, err
	}
	var s step
	s.phase, _, _ = unstructured.NestedString(canary.Object, "status", "phase")
	s.weight, _, _ = unstructured.NestedInt64(canary.Object, "status", "canaryWeight")
	service, _, _ := unstructured.NestedString(canary.Object, "spec", "service", "name")
	route, err := c.Get(t.Context(), trafficRoutes, "", service)
	if err != nil {
		return s, nil // not yet there
	}
	if mesh := route.Object["mesh"]; mesh != c.canary.GetAnnotations()["kuma.io/mesh"] {
		return s, fmt.Errorf("the TrafficRoute is of the mesh %v", mesh)
	}
	split, _, _ := unstructured.NestedSlice(route.Object, "spec", "conf", "split")
	for _, part := range split {
		to, _, _ := unstructured.NestedString(part.(map[string]any), "destination", "kuma.io/service")
		if strings.HasPrefix(to, service+"-canary_") {
			s.route, _, _ = unstructured.NestedInt64(part.(map[string]any), "weight")
		}
	}
	return s, nil
}

// follow follows the Canary until a phase, and returns the steps on the way.
func (c *flaggerCluster) follow(t *testing.T, until string) []step {
	t.Helper()
	var seen []step
	kube.Eventually(t, analysis, "the Canary is "+until, func() error {
		s, err := c.now(t)
		if err != nil {
			return err
		}
		if !slices.Contains(seen, s) {
			seen = append(seen, s)
		}
		if s.phase != until {
			return fmt.Errorf("it went through %v", seen)
		}
		return nil
	})
	return seen
}

// update brings a new version of the workload.
func (c *flaggerCluster) update(t *testing.T) {
	t.Helper()
	c.updates++
	target, err := c.Get(t.Context(), deployments, workloadNamespace, c.workload)
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

// weights are the shares that the strategy promises, one after the other.
func weights(canary *kube.Object) []int64 {
	analysis, _, _ := unstructured.NestedMap(canary.Object, "spec", "analysis")
	if steps, ok := analysis["stepWeights"].([]any); ok {
		var all []int64
		for _, s := range steps {
			all = append(all, s.(int64))
		}
		return all
	}
	var all []int64
	for w := analysis["stepWeight"].(int64); w <= analysis["maxWeight"].(int64); w += analysis["stepWeight"].(int64) {
		all = append(all, w)
	}
	return all
}

// wrongSteps says what of the steps of a promotion the strategy does not promise.
func (c *flaggerCluster) wrongSteps(steps []step) (wrong []string) {
	var got, want []string
	for _, s := range steps {
		text := s.phase
		if s.phase == "Progressing" {
			text = fmt.Sprintf("%s %d", s.phase, s.weight)
		}
		if text != "Progressing 0" { // before the first check
			got = append(got, text)
		}
	}
	for _, w := range weights(c.canary) {
		want = append(want, fmt.Sprintf("Progressing %d", w))
		if !slices.Contains(steps, step{"Progressing", w, w}) {
			wrong = append(wrong, fmt.Sprintf("the TrafficRoute never gives the canary %d%%: %v", w, steps))
		}
	}
	want = append(want, "Promoting", "Finalising", "Succeeded")
	if got = slices.Compact(got); !slices.Equal(got, want) {
		wrong = append(wrong, fmt.Sprintf("the Canary went through %q, want %q", got, want))
	}
	return wrong
}

// wrongQueries says what Prometheus was asked but the rendered queries, at the
// address of their templates, with the names of this rollout.
func (c *flaggerCluster) wrongQueries(t *testing.T, asked []stub.Query) (wrong []string) {
	t.Helper()
	want := map[stub.Query]bool{}
	metrics, _, _ := unstructured.NestedSlice(c.canary.Object, "spec", "analysis", "metrics")
	for _, m := range metrics {
		ref, _, _ := unstructured.NestedStringMap(m.(map[string]any), "templateRef")
		template := c.objects["MetricTemplate "+ref["namespace"]+"/"+ref["name"]]
		if template == nil {
			return []string{fmt.Sprintf("there is no MetricTemplate %v", ref)}
		}
		query, _, _ := unstructured.NestedString(template.Object, "spec", "query")
		address, _, _ := unstructured.NestedString(template.Object, "spec", "provider", "address")
		// The default port of a URL may be left out on the way.
		want[stub.Query{Server: strings.TrimSuffix(address, ":80"), Text: c.fill(t, query, m.(map[string]any)["interval"].(string))}] = true
	}
	got := map[stub.Query]bool{}
	for _, q := range asked {
		q.Server = strings.TrimSuffix(q.Server, ":80")
		q.Text = strings.Join(strings.Fields(q.Text), " ")
		got[q] = true
	}
	if !maps.Equal(got, want) {
		wrong = append(wrong, fmt.Sprintf("Prometheus was asked\n%v\nwant\n%v", got, want))
	}
	return wrong
}

// wrongWebhooks says what was called but the rendered webhooks, with the rendered
// commands, at Services that are rendered.
func (c *flaggerCluster) wrongWebhooks(t *testing.T, called []stub.Webhook) (wrong []string) {
	t.Helper()
	want := map[string]string{}
	webhooks, _, _ := unstructured.NestedSlice(c.canary.Object, "spec", "analysis", "webhooks")
	for _, w := range webhooks {
		metadata, _, _ := unstructured.NestedStringMap(w.(map[string]any), "metadata")
		want[w.(map[string]any)["url"].(string)] = fmt.Sprint(metadata)
	}
	got := map[string]string{}
	for _, w := range called {
		got[w.URL] = fmt.Sprint(w.Metadata)
		u, err := url.Parse(w.URL)
		if err != nil {
			t.Fatal(err)
		}
		name, namespace, _ := strings.Cut(u.Hostname(), ".")
		if c.objects["Service "+namespace+"/"+name] == nil && !c.isReleased(namespace, name) {
			wrong = append(wrong, "there is no Service behind "+w.URL)
		}
	}
	if !maps.Equal(got, want) {
		wrong = append(wrong, fmt.Sprintf("these webhooks were called:\n%v\nwant\n%v", got, want))
	}
	return wrong
}

// isReleased says whether a chart makes a Service: that of a load tester is called
// as its values say.
func (c *flaggerCluster) isReleased(namespace, name string) bool {
	release := c.objects["HelmRelease "+namespace+"/"+name]
	if release == nil {
		return false
	}
	called, _, _ := unstructured.NestedString(release.Object, "spec", "values", "fullnameOverride")
	return called == name
}

// wrongCatchAll says what is wrong with the route of all traffic that no rollout
// moves.
func (c *flaggerCluster) wrongCatchAll(t *testing.T) (wrong []string) {
	t.Helper()
	name := "route-all-" + c.canary.GetAnnotations()["kuma.io/mesh"]
	route, err := c.Get(t.Context(), trafficRoutes, "", name)
	if err != nil {
		return []string{err.Error()}
	}
	if want := c.objects["TrafficRoute "+name]; fmt.Sprint(route.Object["spec"]) != fmt.Sprint(want.Object["spec"]) {
		wrong = append(wrong, fmt.Sprintf("the catch-all is %v", route.Object["spec"]))
	}
	return wrong
}

func none(t *testing.T, wrong []string) {
	t.Helper()
	for _, w := range wrong {
		t.Error(w)
	}
}

// TestFlagger has Flagger run the rollout of every example: to its end, back when
// Prometheus says that half of the requests fail, and held by a gate.
// TestFlaggerSeesWhatIsBroken shows what the checks see.
func TestFlagger(t *testing.T) {
	type version struct {
		name string
		tool tools.Tool
	}
	for _, version := range []version{{"1.44", tools.Flagger}, {"1.36", tools.OldFlagger}} {
		for _, example := range examples(t) {
			t.Run(version.name+"/"+example, func(t *testing.T) {
				t.Parallel()
				runRollouts(t, "4. Flagger "+version.name+": ", startFlagger(t, version.tool, example, func(_ string, data []byte) []byte { return data }))
			})
		}
	}
}

func runRollouts(t *testing.T, check string, c *flaggerCluster) {
	c.follow(t, "Initialized")
	c.proxy.Asked()

	t.Run("promotes", func(t *testing.T) {
		record(t, check+"promotes through the weights of the strategy")
		c.update(t)
		none(t, c.wrongSteps(c.follow(t, "Succeeded")))
	})
	queries, webhooks := c.proxy.Asked()
	t.Run("asks what is rendered", func(t *testing.T) {
		record(t, check+"asks the rendered queries, calls the rendered webhooks")
		none(t, c.wrongQueries(t, queries))
		none(t, c.wrongWebhooks(t, webhooks))
	})
	t.Run("leaves the catch-all", func(t *testing.T) {
		record(t, check+"leaves the catch-all")
		none(t, c.wrongCatchAll(t))
	})
	t.Run("rolls back", func(t *testing.T) {
		record(t, check+"rolls back when half of the requests fail")
		c.proxy.Answer("50")
		defer c.proxy.Answer("100")
		c.update(t)
		got := c.follow(t, "Failed")
		if slices.ContainsFunc(got, func(s step) bool { return s.phase == "Promoting" }) {
			t.Errorf("it went through %v", got)
		}
		if s, err := c.now(t); err != nil || s.weight != 0 || s.route != 0 {
			t.Errorf("after it the canary has the weight %d, and %d of the traffic: %v", s.weight, s.route, err)
		}
	})
	t.Run("is held by a gate", func(t *testing.T) {
		record(t, check+"is held by a gate")
		c.checkGate(t)
	})
}

// TestFlaggerSeesWhatIsBroken applies a Canary with other steps and another load
// tester, another query, and no catch-all, and compares with what was rendered.
func TestFlaggerSeesWhatIsBroken(t *testing.T) {
	t.Parallel()
	record(t, "4. Flagger: what is broken is seen")
	c := startFlagger(t, tools.Flagger, "kuma-rollout", func(name string, data []byte) []byte {
		text := string(data)
		switch file := path.Base(name); {
		case strings.HasPrefix(file, "canary-"):
			text = strings.NewReplacer("stepWeight: 10", "stepWeight: 25", "http://backend-testloader.", "http://elsewhere.").Replace(text)
		case strings.HasPrefix(file, "metrictemplate-"):
			text = strings.ReplaceAll(text, "http_requests_total", "other_requests_total")
		case strings.HasPrefix(file, "trafficroute-"):
			text = strings.ReplaceAll(text, "name: route-all-default", "name: route-none")
		}
		return []byte(text)
	})
	c.follow(t, "Initialized")
	c.proxy.Asked()
	c.update(t)
	steps := c.follow(t, "Succeeded")
	queries, webhooks := c.proxy.Asked()
	for what, wrong := range map[string][]string{
		"steps": c.wrongSteps(steps), "query": c.wrongQueries(t, queries), "webhook": c.wrongWebhooks(t, webhooks), "catch-all": c.wrongCatchAll(t),
	} {
		if len(wrong) == 0 {
			t.Errorf("nothing is said of the %s", what)
		}
	}
}

// fill fills in the variables of a query, as Flagger documents them.
func (c *flaggerCluster) fill(t *testing.T, query, interval string) string {
	t.Helper()
	service, _, _ := unstructured.NestedString(c.canary.Object, "spec", "service", "name")
	is := func(s string) func() string { return func() string { return s } }
	parsed, err := template.New("query").Funcs(template.FuncMap{
		"name": is(c.canary.GetName()), "namespace": is(c.canary.GetNamespace()), "target": is(c.canary.GetName()),
		"service": is(service), "interval": is(interval),
	}).Parse(query)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := parsed.Execute(&b, nil); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// checkGate adds a gate before the promotion, which holds the Canary until it is
// opened.
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
	// It is asked again and again.
	c.proxy.Asked()
	kube.Eventually(t, time.Minute, "the gate is asked twice more", func() error {
		_, webhooks := c.proxy.Asked()
		for _, w := range webhooks {
			if w.URL == gate {
				return nil
			}
		}
		return fmt.Errorf("not yet")
	})
	if s, err := c.now(t); err != nil || s.phase != "WaitingPromotion" {
		t.Errorf("before the gate is open the Canary is %s: %v", s.phase, err)
	}
	c.proxy.Gate(gate, true)
	c.follow(t, "Succeeded")
}
