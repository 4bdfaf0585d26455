package disk_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// A world is the content of the inputs. Applications and clusters keep their places in it, so that the edits
// of two branches of one world can both be repeated in another.
type world struct {
	apps     []app
	clusters []cluster
}

// A cluster belongs to a fleet.
type cluster struct {
	name, fleet, region string
	absent              bool
}

// An app is an Application. Without a fleet it runs on the cluster "host".
type app struct {
	name, fleet string
	// region selects clusters of the fleet; "" selects all.
	region   string
	interval int
	policies []policy
	absent   bool
}

// A policy is a Kustomization, or the HelmRelease of a chart.
type policy struct {
	name             string
	chart, suspended bool
	// shared puts it in a namespace that others use, if its fleet has one.
	shared bool
	// steps is the number of steps of its rollout, or 0 for no rollout.
	steps int
	// alert is the alert of the rollout: none, the Application's own, or a shared one.
	alert alert
}

type alert int

const (
	silent alert = iota
	ownAlert
	sharedAlert
)

var (
	fleets  = []string{"kuma", "istio", "nginx", "plain"} // the names of the installed charts
	regions = []string{"eu", "us"}
)

// resident is the name of an Application that no edit changes. It is on all clusters of the fleet kuma, and
// has a rollout in each namespace that others share there, with the shared AlertProvider. Two kinds of edits
// would not merge, and the resident keeps them from being drawn. Whether a namespace has sidecars depends on
// all rollouts in it, so a branch that adds its first rollout, or removes its last, changes all Applications
// of the namespace, including the other branch's. And if two branches remove the last two uses of an
// AlertProvider, neither knows that it is the last. The other fleets have no resident: there, a cluster has
// at most one Application, and namespaces are shared only if they need no sidecars.
const resident = "resident"

// newWorld draws a world. Some places are empty, so that an edit can fill them.
func newWorld(r *rand.Rand) world {
	w := world{apps: []app{
		{name: resident, fleet: "kuma", interval: 5, policies: []policy{{name: "team", shared: true, steps: 3, alert: sharedAlert}}},
		{name: resident + "-host", interval: 5, policies: []policy{{name: "tools"}}}, // the host exists only with an Application
	}}
	for i := range 6 + r.IntN(9) {
		a := newApp(r, fmt.Sprintf("app-%02d", i))
		a.absent = r.IntN(5) == 0
		w.apps = append(w.apps, a)
	}
	for _, f := range fleets {
		for i := range 2 + r.IntN(3) {
			c := cluster{name: fmt.Sprintf("%s-%d", f, i), fleet: f, region: pick(r, regions)}
			c.absent = i > 0 && r.IntN(3) == 0
			w.clusters = append(w.clusters, c)
		}
	}
	return w
}

func newApp(r *rand.Rand, name string) app {
	a := app{name: name, fleet: pick(r, append(fleets, "")), region: pick(r, append(regions, "")), interval: 5}
	for i := range 1 + r.IntN(3) {
		a.policies = append(a.policies, newPolicy(r, fmt.Sprintf("p%d", i)))
	}
	return a
}

func newPolicy(r *rand.Rand, name string) policy {
	return policy{name: name, chart: r.IntN(4) == 0, shared: r.IntN(2) == 0, steps: max(0, r.IntN(6)-1), alert: alert(r.IntN(3))}
}

func pick[E any](r *rand.Rand, from []E) E { return from[r.IntN(len(from))] }

// An edit is a change of one application or cluster, which can be made in any world.
type edit struct {
	name      string
	isCluster bool
	place     int
	seed      uint64
	app       func(*rand.Rand, *app)
	cluster   func(*rand.Rand, *cluster)
}

func (e edit) String() string { return e.name }

// appEdits are the possible edits of an application.
var appEdits = []edit{
	{name: "removes", app: func(_ *rand.Rand, a *app) { a.absent = true }},
	{name: "renames", app: func(_ *rand.Rand, a *app) { a.name += "-renamed" }},
	{name: "replaces", app: func(r *rand.Rand, a *app) { *a = newApp(r, a.name) }},
	{name: "changes the interval of", app: func(r *rand.Rand, a *app) { a.interval = 6 + r.IntN(50) }},
	{name: "adds a policy to", app: func(r *rand.Rand, a *app) {
		at := r.IntN(len(a.policies) + 1)
		a.policies = slices.Insert(a.policies, at, newPolicy(r, fmt.Sprintf("added%d", r.IntN(100))))
	}},
	{name: "removes policies of", app: func(r *rand.Rand, a *app) { a.policies = a.policies[:1] }},
	{name: "renames a policy of", app: inPolicy(func(r *rand.Rand, p *policy) { p.name = fmt.Sprintf("renamed%d", r.IntN(100)) })},
	{name: "changes the kind of a policy of", app: inPolicy(func(_ *rand.Rand, p *policy) { p.chart = !p.chart })},
	{name: "suspends a policy of", app: inPolicy(func(_ *rand.Rand, p *policy) { p.suspended = true })},
	{name: "changes the namespace of", app: inPolicy(func(_ *rand.Rand, p *policy) { p.shared = !p.shared })},
	{name: "changes the rollout of", app: inPolicy(func(r *rand.Rand, p *policy) { p.steps = 5 + r.IntN(5) })},
	{name: "ends the rollout of", app: inPolicy(func(_ *rand.Rand, p *policy) { p.steps = 0 })},
	{name: "changes the alert of", app: inPolicy(func(r *rand.Rand, p *policy) { p.alert = alert((int(p.alert) + 1 + r.IntN(2)) % 3) })},
	{name: "changes the selector of", app: func(r *rand.Rand, a *app) { a.region = pick(r, append(regions, "")) }},
	{name: "changes the destination of", app: func(r *rand.Rand, a *app) { a.fleet = pick(r, append(fleets, "")) }},
}

// clusterEdits are the possible edits of a cluster.
var clusterEdits = []edit{
	{name: "removes", cluster: func(_ *rand.Rand, c *cluster) { c.absent = true }},
	{name: "renames", cluster: func(_ *rand.Rand, c *cluster) { c.name += "-renamed" }},
	{name: "relabels", cluster: func(_ *rand.Rand, c *cluster) { c.region = map[string]string{"eu": "us", "us": "eu"}[c.region] }},
}

// inPolicy returns an edit of one policy of an application.
func inPolicy(change func(*rand.Rand, *policy)) func(*rand.Rand, *app) {
	return func(r *rand.Rand, a *app) { change(r, &a.policies[r.IntN(len(a.policies))]) }
}

// editApp draws an edit of the application at a place, or adds one to an empty place.
func (w world) editApp(r *rand.Rand, place int) edit {
	e := pick(r, appEdits)
	if w.apps[place].absent {
		e = edit{name: "adds", app: func(r *rand.Rand, a *app) { *a = newApp(r, a.name) }}
	}
	e.name, e.place, e.seed = e.name+" "+w.apps[place].name, place, r.Uint64()
	return e
}

// editCluster draws an edit of the cluster at a place, or adds one to an empty place.
func (w world) editCluster(r *rand.Rand, place int) edit {
	e := pick(r, clusterEdits)
	if w.clusters[place].absent {
		e = edit{name: "adds", cluster: func(_ *rand.Rand, c *cluster) { c.absent = false }}
	}
	e.name, e.place, e.seed, e.isCluster = e.name+" "+w.clusters[place].name, place, r.Uint64(), true
	return e
}

// with returns a world with edits made.
func (w world) with(edits ...edit) world {
	w = world{slices.Clone(w.apps), slices.Clone(w.clusters)}
	for _, e := range edits {
		r := rand.New(rand.NewPCG(e.seed, 0))
		if e.isCluster {
			e.cluster(r, &w.clusters[e.place])
			continue
		}
		a := &w.apps[e.place]
		a.policies = slices.Clone(a.policies)
		e.app(r, a)
	}
	return w
}

// clustersOf returns the clusters of the application at a place.
func (w world) clustersOf(place int) map[string]bool {
	on := map[string]bool{}
	a := w.apps[place]
	for _, c := range w.clusters {
		if !a.absent && !c.absent && a.fleet == c.fleet && (a.region == "" || a.region == c.region) {
			on[c.name] = true
		}
	}
	return on
}

// touches returns the clusters that an edit changes.
func (w world) touches(e edit) map[string]bool {
	after := w.with(e)
	if e.isCluster {
		return map[string]bool{w.clusters[e.place].name: true, after.clusters[e.place].name: true}
	}
	on := w.clustersOf(e.place)
	maps.Copy(on, after.clustersOf(e.place))
	return on
}

// meet reports whether two edits change the same cluster.
func (w world) meet(a, b edit) bool {
	on := w.touches(b)
	for c := range w.touches(a) {
		if on[c] {
			return true
		}
	}
	return false
}

// compile compiles the documents of a world.
func (w world) compile(t *testing.T, topology string) *render.Tree {
	t.Helper()
	tree, list := render.Compile(schema.Load([]schema.File{{Name: "world.yaml", Data: []byte(w.documents())}}), render.Options{DefaultPath: "clusters", Topology: topology})
	for _, d := range list {
		if d.Severity == schema.Error {
			t.Errorf("%s %s %s", d.Position, d.Code, d.Message)
		}
	}
	if tree == nil {
		t.Fatal("the world does not compile:\n" + w.documents())
	}
	return tree
}

// documents returns the documents of a world.
func (w world) documents() string {
	all := []string{alertProvider("chat", "team")}
	for _, f := range fleets {
		var members []string
		for _, c := range w.clusters {
			if c.fleet == f && !c.absent {
				members = append(members, fmt.Sprintf("{kind: AttachedCluster, name: %s}", c.name))
			}
		}
		plugin := ""
		if f != "plain" {
			plugin = fmt.Sprintf(", plugin: {flagger: {trafficRoutingProvider: %s, publicTestloader: true}}", f)
		}
		all = append(all, fmt.Sprintf(`{apiVersion: fleet.kurator.dev/v1alpha1, kind: Fleet, metadata: {name: %s, namespace: fleets}, spec: {clusters: [%s]%s}}`, f, strings.Join(members, ", "), plugin))
	}
	for _, c := range w.clusters {
		if c.absent {
			continue
		}
		all = append(all, fmt.Sprintf(`{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: %s, namespace: fleets, labels: {region: %s}}, spec: {kubeconfig: {name: %[1]s}}}`, c.name, c.region))
	}
	for _, a := range w.apps {
		if !a.absent {
			all = append(all, a.documents()...)
		}
	}
	return strings.Join(all, "\n---\n")
}

// documents returns an Application and its own AlertProviders.
func (a app) documents() []string {
	destination := ""
	switch {
	case a.fleet != "" && a.region != "":
		destination = fmt.Sprintf("destination: {fleet: %s, clusterSelector: {matchLabels: {region: %s}}}, ", a.fleet, a.region)
	case a.fleet != "":
		destination = fmt.Sprintf("destination: {fleet: %s}, ", a.fleet)
	}
	var policies []string
	for _, p := range a.policies {
		policies = append(policies, p.text(a))
	}
	return []string{
		fmt.Sprintf(`{apiVersion: apps.kurator.dev/v1alpha1, kind: Application, metadata: {name: %s, namespace: fleets}, spec: {source: {gitRepository: {url: https://git.example.com/%[1]s, interval: %dm}}, %ssyncPolicies: [%s]}}`, a.name, a.interval, destination, strings.Join(policies, ", ")),
		alertProvider(a.name, a.name), alertProvider(a.name, "team"),
	}
}

// namespace returns the namespace of the workload of a policy.
func (p policy) namespace(a app) string {
	if p.shared && a.fleet != "istio" && a.fleet != "" {
		return "team"
	}
	return a.name
}

// text returns the policy of an application.
func (p policy) text(a app) string {
	name, namespace := a.name+"-"+p.name, p.namespace(a)
	text := fmt.Sprintf("kustomization: {interval: %dm, prune: true, path: ./%s, targetNamespace: %s, suspend: %t}", a.interval, p.name, namespace, p.suspended)
	if p.chart {
		text = fmt.Sprintf("helm: {interval: %dm, chart: {spec: {chart: ./%s}}, targetNamespace: %s, suspend: %t}", a.interval, p.name, namespace, p.suspended)
	}
	if p.steps > 0 && a.fleet != "" && a.fleet != "plain" {
		extra := map[string]string{"istio": ", gateways: [mesh], hosts: [" + name + "]", "nginx": ", host: " + name + ".example.com"}[a.fleet]
		text += fmt.Sprintf(", rollout: {testLoader: %t, trafficRoutingProvider: %s, workload: {name: %s, namespace: %s}, serviceName: %s, port: 8080, rolloutPolicy: {trafficRouting: {analysisTimes: %d%s}%s}}",
			p.steps%2 == 0, a.fleet, name, namespace, name, p.steps, extra, p.alerts(a))
	}
	return fmt.Sprintf("{name: %s, %s}", name, text)
}

// alerts returns the alerts of the rollout of a policy. An AlertProvider is in the namespace of the workload.
func (p policy) alerts(a app) string {
	const text = ", alerts: [{name: team, severity: warn, providerRef: {name: %s}}]"
	shared := p.namespace(a) == "team"
	switch {
	case p.alert == silent, shared && a.fleet != "kuma": // no resident shares AlertProviders there
		return ""
	case shared && p.alert == sharedAlert:
		return fmt.Sprintf(text, "chat")
	}
	return fmt.Sprintf(text, a.name)
}

// alertProvider returns the document of an AlertProvider.
func alertProvider(name, namespace string) string {
	return fmt.Sprintf("{apiVersion: flagger.app/v1beta1, kind: AlertProvider, metadata: {name: %s, namespace: %s}, spec: {type: slack, channel: all, secretRef: {name: chat}}}", name, namespace)
}
