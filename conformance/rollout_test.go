package conformance

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fleetwright/fleetwright/conformance/internal/crds"
	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/conformance/internal/stub"
	"github.com/fleetwright/fleetwright/conformance/internal/tools"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/flagger/flaggertest"
)

// A planCluster is a cluster with one Flagger and many rollouts by name.
type planCluster struct {
	*kube.ControlPlane
	rollouts map[string]*rollout

	mutex sync.Mutex
	// busy is the longest time that Flagger took to check a Canary.
	busy time.Duration
}

// initializing is the phase of a Canary that Flagger has not checked yet.
const initializing flagger.Phase = "Initializing"

// metricsHost is the host of Prometheus for every query.
const metricsHost = "http://prometheus.test"

// startPlanCluster starts a version of Flagger with its own CRDs, and watches the rollouts of tracks.
func startPlanCluster(t *testing.T, version string, tool tools.Tool, tracks []*track) *planCluster {
	t.Helper()
	c := &planCluster{ControlPlane: kube.Start(t, toolsDir), rollouts: map[string]*rollout{}}
	for _, tr := range tracks {
		c.rollouts[tr.name] = tr.rollout
	}
	own := map[string]crds.Source{"1.36": crds.Flagger36, "1.44": crds.Flagger}[version]
	set, err := crds.Load(files(t, own.Files)...)
	if err != nil {
		t.Fatal(err)
	}
	install(t, c.ControlPlane, slices.Concat(set.Objects, istioCRDs(t), gatewayCRDs(t), chartCRDs(t)["kuma"], crds.Routers()))
	stub.StartNodes(t, c.Client)
	stub.StartGateways(t, c.Client)
	stub.StartKnative(t, c.Client)
	c.Watch(t, canaries, func(_ context.Context, o *kube.Object) {
		if r := c.rollouts[o.GetNamespace()]; r != nil {
			r.see(func(tick *flagger.Tick) { tick.Status = statusOf(o) })
		}
	})
	for provider, router := range routers {
		provider, _, _ = strings.Cut(provider, ",")
		c.Watch(t, router.kind, func(_ context.Context, o *kube.Object) {
			name := o.GetNamespace()
			if name == "" {
				name = o.GetName()
			}
			if r := c.rollouts[name]; r != nil && r.c.Canary.Provider == provider && o.GetName() == router.name(r.canary).Name {
				r.see(func(tick *flagger.Tick) {
					is, err := router.read(o, name)
					if err != nil {
						is.percent = -1
					}
					tick.Route = flagger.Route{Canary: int(is.percent), Mirrored: is.mirrored}
				})
			}
		})
	}
	runFlagger(t, c.ControlPlane, tool, stub.Play(t, c), "-metrics-server="+metricsHost,
		"-control-loop-interval=1s", "-kubeconfig-qps=1000", "-kubeconfig-burst=1000") // the cluster has many Canaries
	return c
}

// A rollout is the Canary of a case in its own namespace, with its observed states.
type rollout struct {
	// name is the name of the namespace and of its objects.
	name   string
	c      *flaggertest.Case
	canary *kube.Object
	// version is the version of the workload.
	version int

	mutex sync.Mutex
	// seen holds the state of the Canary and its route after each change.
	seen   []sighting
	script script
}

// A sighting is a state of a Canary and its route, and the time when it began.
type sighting struct {
	at   time.Time
	tick flagger.Tick
}

func newRollout(name string, c *flaggertest.Case) *rollout {
	r := &rollout{name: name, c: c, seen: []sighting{{}}}
	r.canary = r.object("flagger.app/v1beta1", "Canary", name, nil)
	return r
}

// object returns an object in the rollout's namespace.
func (r *rollout) object(apiVersion, kind, name string, spec map[string]any) *kube.Object {
	o := &kube.Object{Object: map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": name}}}
	if kind != "Namespace" {
		o.SetNamespace(r.name)
	}
	if spec != nil {
		o.Object["spec"] = spec
	}
	return o
}

const (
	// interval is Flagger's interval for checking a Canary.
	interval = flagger.ShortestInterval
	// spare is the minimum time between the last change of a check and the next check.
	spare = interval / 5
	// settled is the time limit for further effects of a change.
	settled = 2 * time.Second
)

// start creates the rollout's objects, and waits until Flagger has initialized the Canary.
func (r *rollout) start(ctx context.Context, c *planCluster) error {
	made, err := r.objects()
	if err != nil {
		return err
	}
	_, suspended, _ := unstructured.NestedBool(r.canary.Object, "spec", "suspend")
	unstructured.RemoveNestedField(r.canary.Object, "spec", "suspend") // Flagger must initialize it without answers of a script
	for _, o := range append(made, r.canary) {
		if _, err := c.Apply(ctx, o); err != nil {
			return fmt.Errorf("the API server rejects %s: %w", kube.ID(o), err)
		}
	}
	if _, ok := r.wait(ctx, time.Time{}, time.Now().Add(2*time.Minute), func(tick flagger.Tick) bool { return tick.Phase == flagger.Initialized }); !ok {
		return fmt.Errorf("the Canary is not initialized: %+v", r.latest())
	}
	time.Sleep(settled)
	if suspended {
		return c.Patch(ctx, r.canary, map[string]any{"spec": map[string]any{"suspend": true}})
	}
	return nil
}

// end deletes the Canary, so that Flagger forgets it.
func (r *rollout) end(ctx context.Context, c *planCluster) {
	_ = c.Delete(ctx, canaries, r.name, r.name) // otherwise the cluster's end deletes it
}

// objects completes the Canary, and returns the objects that it needs: the namespace, the workload,
// templates, an Ingress, an autoscaler.
func (r *rollout) objects() ([]*kube.Object, error) {
	read, err := kube.Objects(r.c.Spec)
	if err != nil {
		return nil, err
	}
	spec := read[0].Object
	r.canary.Object["spec"] = spec
	workload := r.workload()
	all := []*kube.Object{r.object("v1", "Namespace", r.name, nil), workload}

	spec["targetRef"] = r.reference(workload.GetAPIVersion(), workload.GetKind())
	spec["progressDeadlineSeconds"] = int64(60)
	service, ok := spec["service"].(map[string]any)
	if !ok { // as on Knative, where Flagger creates no Service
		service = map[string]any{}
		spec["service"] = service
	}
	service["name"] = r.name
	if _, ok := service["port"]; !ok {
		service["port"] = int64(80)
	}
	switch spec["provider"] {
	case flagger.Nginx, flagger.Skipper:
		spec["ingressRef"] = r.reference("networking.k8s.io/v1", "Ingress")
		all = append(all, r.ingress(service["port"]))
	case flagger.Gloo:
		if _, ok := spec["upstreamRef"]; ok {
			upstream := r.object("gloo.solo.io/v1", "Upstream", r.name, map[string]any{})
			ref := r.reference(upstream.GetAPIVersion(), upstream.GetKind())
			ref["namespace"] = r.name
			spec["upstreamRef"] = ref
			all = append(all, upstream)
		}
	case flagger.Apisix:
		spec["routeRef"] = r.reference("apisix.apache.org/v2", "ApisixRoute")
		all = append(all, r.object("apisix.apache.org/v2", "ApisixRoute", r.name, map[string]any{"http": []any{map[string]any{
			"name": "all", "match": map[string]any{"paths": []any{"/*"}}, "backends": []any{map[string]any{"serviceName": r.name, "servicePort": service["port"]}},
		}}}))
	}
	if _, ok := spec["autoscalerRef"]; ok {
		spec["autoscalerRef"] = r.reference("autoscaling/v2", "HorizontalPodAutoscaler")
		all = append(all, r.object("autoscaling/v2", "HorizontalPodAutoscaler", r.name, map[string]any{
			"maxReplicas": int64(3), "scaleTargetRef": r.reference("apps/v1", "Deployment"),
		}))
	}
	for i, metric := range slice(spec, "analysis", "metrics") {
		query := fmt.Sprintf(`asked{rollout=%q,metric="%d"}`, r.name, i)
		if _, ok := metric["templateRef"]; ok {
			name := fmt.Sprintf("metric-%d", i)
			metric["templateRef"] = map[string]any{"name": name}
			all = append(all, r.object("flagger.app/v1beta1", "MetricTemplate", name, map[string]any{
				"provider": map[string]any{"type": "prometheus", "address": metricsHost}, "query": "template_" + query,
			}))
		}
		if _, ok := metric["query"]; ok {
			metric["query"] = query
		}
		value := passing(metric)
		if metric["name"] == "request-duration" && r.c.Canary.Queries("").Duration == "http_request_duration_seconds_bucket" {
			value = "0.001" // in seconds; the limit is in milliseconds
		}
		r.script.values = append(r.script.values, value)
	}
	for i, webhook := range slice(spec, "analysis", "webhooks") {
		u, err := url.Parse(webhook["url"].(string))
		if err != nil {
			return nil, err
		}
		u.RawQuery = url.Values{"webhook": {strconv.Itoa(i)}}.Encode()
		webhook["url"] = u.String()
	}
	return all, nil
}

func (r *rollout) reference(apiVersion, kind string) map[string]any {
	return map[string]any{"apiVersion": apiVersion, "kind": kind, "name": r.name}
}

// workload returns a Deployment, or a Service for Knative.
func (r *rollout) workload() *kube.Object {
	if r.c.Canary.Provider == flagger.Knative {
		return r.object("serving.knative.dev/v1", "Service", r.name, map[string]any{"template": map[string]any{
			"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": fmt.Sprintf("app.test/app:%d", r.version)}}},
		}})
	}
	labels := map[string]any{"app": r.name}
	return r.object("apps/v1", "Deployment", r.name, map[string]any{
		"selector": map[string]any{"matchLabels": labels},
		"template": map[string]any{
			"metadata": map[string]any{"labels": labels},
			"spec":     map[string]any{"containers": []any{map[string]any{"name": "app", "image": fmt.Sprintf("app.test/app:%d", r.version)}}},
		},
	})
}

// ingress routes to the port of the Service. Flagger's router for Skipper panics on an Ingress without
// annotations.
func (r *rollout) ingress(port any) *kube.Object {
	o := r.object("networking.k8s.io/v1", "Ingress", r.name, map[string]any{"rules": []any{map[string]any{
		"host": r.name + ".test",
		"http": map[string]any{"paths": []any{map[string]any{
			"path": "/", "pathType": "Prefix",
			"backend": map[string]any{"service": map[string]any{"name": r.name, "port": map[string]any{"number": port}}},
		}}},
	}}})
	o.SetAnnotations(map[string]string{"conformance.test/of": "a rollout"})
	return o
}

// passing returns a value within the threshold of a Canary's metric.
func passing(metric map[string]any) string {
	for _, path := range [][]string{{"thresholdRange", "min"}, {"thresholdRange", "max"}, {"threshold"}} {
		if limit, ok, _ := unstructured.NestedFieldNoCopy(metric, path...); ok {
			return fmt.Sprint(limit)
		}
	}
	return "0"
}

// statusOf returns the recorded part of a Canary's status.
func statusOf(canary *kube.Object) (s flagger.Status) {
	status, _, _ := unstructured.NestedMap(canary.Object, "status")
	number := func(name string) int { n, _ := status[name].(int64); return int(n) }
	phase, _ := status["phase"].(string)
	return flagger.Status{
		Phase: flagger.Phase(phase), Weight: number("canaryWeight"),
		FailedChecks: number("failedChecks"), Iterations: number("iterations"),
	}
}

// see records a change of the Canary or its route.
func (r *rollout) see(change func(tick *flagger.Tick)) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	before := r.seen[len(r.seen)-1].tick
	now := before
	if change(&now); now != before {
		r.seen = append(r.seen, sighting{time.Now(), now})
	}
}

// since returns the changes after a time.
func (r *rollout) since(t time.Time) []sighting {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	i := slices.IndexFunc(r.seen, func(s sighting) bool { return s.at.After(t) })
	if i < 0 {
		return nil
	}
	return slices.Clone(r.seen[i:])
}

// at returns the state of the Canary and its route at a time.
func (r *rollout) at(t time.Time) flagger.Tick {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, s := range slices.Backward(r.seen) {
		if !s.at.After(t) {
			return s.tick
		}
	}
	return flagger.Tick{}
}

func (r *rollout) latest() flagger.Tick { return r.at(time.Now()) }

// wait waits for the first change after a time that satisfies a condition.
func (r *rollout) wait(ctx context.Context, after, until time.Time, is func(tick flagger.Tick) bool) (sighting, bool) {
	for ctx.Err() == nil && time.Now().Before(until) {
		all := r.since(after)
		if i := slices.IndexFunc(all, func(s sighting) bool { return is(s.tick) }); i >= 0 {
			return all[i], true
		}
		time.Sleep(100 * time.Millisecond)
	}
	return sighting{}, false
}

// beat returns a time at which Flagger began to check the Canary, before all its changes, and the longest
// delay of a change after such a time. Flagger checks at every interval, but its start time is unknown. beat
// projects all changes onto one interval; each check begins after the longest gap without changes.
func (r *rollout) beat() (at time.Time, busy time.Duration) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	var first time.Time
	var changes []time.Duration
	for _, s := range r.seen {
		if s.tick.Phase == "" || s.tick.Phase == initializing {
			continue
		}
		if first.IsZero() {
			first = s.at
		}
		changes = append(changes, s.at.Sub(first)%interval)
	}
	slices.Sort(changes)
	before := changes[len(changes)-1] - interval
	var gap time.Duration
	for _, c := range changes {
		if c-before > gap {
			gap, at = c-before, first.Add(c-interval)
		}
		before = c
	}
	return at, interval - gap
}

// observe deploys a new version, and records the rollout until it is promoted or rolled back, or for four
// ticks more than expected.
func (r *rollout) observe(ctx context.Context, c *planCluster, sc flagger.Scenario, expected int) (flagger.Run, error) {
	const more = 4
	r.version++
	began := time.Now()
	r.script.begin(r.c, sc)
	if _, err := c.Apply(ctx, r.workload()); err != nil {
		return flagger.Run{}, err
	}
	run := flagger.Run{Outcome: flagger.Endless, Every: interval}
	detected, ok := r.wait(ctx, began, began.Add((more+1)*interval), func(flagger.Tick) bool { return true })
	if !ok {
		run.Ticks = []flagger.Tick{r.latest()} // Flagger does not check it
		return run, ctx.Err()
	}
	ended := func(tick flagger.Tick) bool {
		return tick.Phase == flagger.Succeeded || tick.Phase == flagger.Failed
	}
	until := detected.at.Add(time.Duration(expected-1+more)*interval + interval/2)
	if _, ok := r.wait(ctx, began, until, ended); ok {
		time.Sleep(settled) // for the calls at the end
	}
	beat, busy := r.beat()
	if busy > interval-spare {
		return run, fmt.Errorf("Flagger takes %s to check the Canary: the machine is too busy to distinguish ticks", busy)
	}
	c.mutex.Lock()
	c.busy = max(c.busy, busy)
	c.mutex.Unlock()
	first := detected.at.Sub(beat) / interval
	last := 0
	for _, s := range r.since(began) {
		last = int(s.at.Sub(beat)/interval - first)
	}
	for i := range last + 1 {
		next := beat.Add((first + time.Duration(i) + 1) * interval)
		run.Ticks = append(run.Ticks, r.at(next.Add(-1)))
	}
	switch end := run.Ticks[last]; {
	case end.Phase == flagger.Succeeded:
		run.Outcome = flagger.Promoted
	case end.Phase == flagger.Failed:
		run.Outcome = flagger.RolledBack
	case last >= expected:
		run.Outcome = flagger.TooLong // the state still changes
		if n, ok := untilAgain(run.Ticks); ok {
			run.Outcome, run.Ticks = flagger.Endless, run.Ticks[:n]
		}
	}
	run.Calls, run.Queries = r.script.asked()
	return run, ctx.Err()
}

// untilAgain returns the number of ticks before the first repeated one, if all later ticks are repetitions.
func untilAgain(ticks []flagger.Tick) (n int, ok bool) {
	for n = 1; n < len(ticks) && !slices.Contains(ticks[:n], ticks[n]); n++ {
	}
	later := ticks[n:]
	return n, len(later) > 0 && !slices.ContainsFunc(later, func(t flagger.Tick) bool { return !slices.Contains(ticks[:n], t) })
}

// A script defines the proxy's answers for a rollout, and counts the requests.
type script struct {
	// values are passing values of the metrics.
	values []string

	mutex    sync.Mutex
	c        *flaggertest.Case
	scenario flagger.Scenario
	// first is the first request of each check, which separates the checks.
	first          string
	checks, gated  int
	calls, queries []int
	answers        *flagger.Answers
}

// begin begins a scenario without requests so far.
func (s *script) begin(c *flaggertest.Case, sc flagger.Scenario) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.c, s.scenario, s.first, s.checks, s.gated = c, sc, "", 0, 0
	s.answers = c.Canary.Answers()
	s.calls, s.queries = make([]int, len(c.Canary.Analysis.Webhooks)), make([]int, len(c.Canary.Analysis.Metrics))
}

// asked returns how often each webhook was called, and each metric queried.
func (s *script) asked() (calls, queries []int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.calls), slices.Clone(s.queries)
}

// isBad reports whether the check of a request fails.
func (s *script) isBad(what string) bool {
	if s.first == "" {
		s.first = what
	}
	if s.first == what {
		s.checks++
	}
	return s.scenario.FailFrom > 0 && s.checks >= s.scenario.FailFrom
}

// query returns the value of a metric. A failing check gets no value, so that its first query fails.
func (s *script) query(metric int, text string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.c == nil {
		return s.values[metric] // before the first new version
	}
	s.queries[metric]++
	if s.isBad(text) || slices.Contains(s.c.Canary.Unmeasured, metric) {
		return ""
	}
	return s.values[metric]
}

// call reports whether a webhook passes. Without metrics, the webhooks of a failing check fail it. Rollback
// webhooks never pass.
func (s *script) call(webhook int) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.c == nil {
		return true // before the first new version
	}
	s.calls[webhook]++
	w := &s.c.Canary.Analysis.Webhooks[webhook]
	bad := w.Kind() == flagger.RolloutHook && s.isBad(fmt.Sprint("webhook ", webhook))
	switch s.answers.Ask(webhook) {
	case flagger.Yes:
		return true
	case flagger.No:
		return false
	}
	switch w.Kind() {
	case s.scenario.Gate:
		s.gated++
		return s.gated <= s.scenario.Passes || s.gated > s.scenario.Passes+s.scenario.Refusals
	case flagger.RolloutHook:
		return !bad || len(s.values) > 0
	case flagger.PreRollout:
		return !s.scenario.FailPreRollout
	}
	return w.Kind() != flagger.Rollback
}

var (
	inQuery  = regexp.MustCompile(`plan[-_]\d{3}`) // names in Skipper's queries have no dashes
	ofMetric = regexp.MustCompile(`metric="(\d+)"`)
)

// Query answers a query. Flagger's own queries differ by the metrics that they sum up.
func (c *planCluster) Query(q stub.Query) string {
	r := c.rollouts[strings.ReplaceAll(inQuery.FindString(q.Text), "_", "-")]
	if r == nil {
		return ""
	}
	var metric int
	if m := ofMetric.FindStringSubmatch(q.Text); m != nil {
		metric, _ = strconv.Atoi(m[1])
	} else {
		name := "request-success-rate"
		if strings.Contains(q.Text, "histogram_quantile") || strings.Contains(q.Text, "latency") || strings.Contains(q.Text, "_seconds_sum{") {
			name = "request-duration"
		}
		metric = slices.IndexFunc(r.c.Canary.Analysis.Metrics, func(m flagger.Metric) bool { return m.Name == name })
	}
	if metric < 0 || metric >= len(r.script.values) {
		return "" // a query of no metric
	}
	return r.script.query(metric, q.Text)
}

// Call answers for load testers and gates. The index of a webhook is in its URL.
func (c *planCluster) Call(w stub.Webhook) bool {
	r := c.rollouts[w.Namespace]
	if r == nil {
		return true
	}
	u, err := url.Parse(w.URL)
	if err != nil {
		return false
	}
	webhook, err := strconv.Atoi(u.Query().Get("webhook"))
	if err != nil {
		return false
	}
	passes := r.script.call(webhook)
	if hook := &r.c.Canary.Analysis.Webhooks[webhook]; hook.Outlives() {
		time.Sleep(hook.CallTimeout() + time.Second)
		return true // Flagger gets it too late
	}
	return passes
}
