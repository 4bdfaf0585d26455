package rules

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A door is where requests of a load test go in.
type door int

const (
	canaryDoor  door = iota // the -canary Service
	apexDoor                // the Service itself, in the cluster
	routeDoor               // a host of the route, at a gateway or the Ingress
	primaryDoor             // the -primary Service
)

// A way is one of a strategy on a provider, or with an implementation of Gateway API that differs from others.
type way struct {
	provider string
	strategy flagger.Strategy
}

// A passage is whether what goes in at a door reaches the new version, and is counted there.
type passage int

const (
	never   passage = iota
	always          // or a share of it
	matched         // what meets the conditions of match
	uncounted
	unrouted // it meets no condition of the routes
)

// passages tell how requests go from each door, in the order of the doors. Istio and Kuma split what
// clients send to the Service, and measure where it arrives; nginx splits and measures at the Ingress
// (fluxcd/flagger pkg/router/istio.go, kuma.go, ingress.go, SetRoutes; pkg/metrics/observers). In a
// blue/green rollout the primary has all of it until the last check (pkg/controller/scheduler.go,
// runBlueGreen). On Kuma conditions are ignored. Gateway API splits what comes in at a Gateway, and for a Service
// what clients of a mesh send to it; Contour counts at the Gateway alone. By Services alone the primary has all
// requests to the Service, before the switch and after.
var passages = map[way][4]passage{
	{flagger.Istio, flagger.Weighted}:  {always, always, always, never},
	{flagger.Istio, flagger.ABTesting}: {always, matched, matched, never},
	{flagger.Istio, flagger.BlueGreen}: {always, never, never, never},
	{flagger.Kuma, flagger.Weighted}:   {always, always, always, never},
	{flagger.Kuma, flagger.ABTesting}:  {always, always, always, never},
	{flagger.Kuma, flagger.BlueGreen}:  {always, never, never, never},
	{flagger.Nginx, flagger.Weighted}:  {uncounted, never, always, never},
	{flagger.Nginx, flagger.ABTesting}: {uncounted, never, matched, never},
	{flagger.Nginx, flagger.BlueGreen}: {uncounted, never, never, never},

	{flagger.GatewayAPI, flagger.Weighted}:  {always, always, always, never},
	{flagger.GatewayAPI, flagger.ABTesting}: {always, matched, matched, never},
	{flagger.GatewayAPI, flagger.BlueGreen}: {always, never, never, never},
	{Contour, flagger.Weighted}:             {uncounted, never, always, never},
	{Contour, flagger.ABTesting}:            {uncounted, never, matched, never},
	{Contour, flagger.BlueGreen}:            {uncounted, never, never, never},
	{flagger.Kubernetes, flagger.BlueGreen}: {always, never, never, never},
}

// entrances are the providers whose proxy splits the traffic that comes in by it and counts it there, as Contour does
// (pkg/router and pkg/metrics/observers: apisix.go, gloo.go, skipper.go, traefik.go). That of APISIX counts the requests
// of a route, whichever version they go to.
var entrances = []string{flagger.Apisix, flagger.Gloo, flagger.Skipper, flagger.Traefik}

// passage returns how a call's requests get from a door to the new version.
func (r *Rollout) passage(d door, call flagger.Call, t target, from string) passage {
	p := r.split(d, call, t, from)
	if (d == apexDoor || d == routeDoor) && (p == always || p == matched) && !r.meetsRoute(call) {
		return unrouted
	}
	return p
}

// splitter returns what splits the requests, by its name in passages.
func (r *Rollout) splitter() string {
	switch {
	case r.proxy() == Contour:
		return Contour
	case r.IsGatewayAPI():
		return flagger.GatewayAPI
	case slices.Contains(entrances, r.Provider) && (r.Strategy() == flagger.Weighted || r.Strategy() == flagger.BlueGreen && r.Provider != flagger.Apisix):
		return Contour
	}
	return r.Provider
}

// split returns how what the routes take gets from a door to the new version.
func (r *Rollout) split(d door, call flagger.Call, t target, from string) passage {
	all, known := passages[way{r.splitter(), r.Strategy()}]
	if r.IsGatewayAPI() && len(r.Analysis.Match) > 0 {
		for i, p := range all {
			if p == always && door(i) != canaryDoor {
				all[i] = matched // weights are of what meets the conditions alone
			}
		}
	}
	switch p := all[d]; {
	case !known, r.Provider == flagger.Istio && r.Service.Delegation:
		return always // nobody can tell
	case d == apexDoor && r.Provider == flagger.Istio && !r.Service.IsMeshed():
		return never // the route is at the gateways alone (pkg/router/istio.go, reconcileVirtualService)
	case d == apexDoor && r.IsGatewayAPI() && !r.routesService():
		return never
	case p == never && d != primaryDoor && r.Mirrors():
		return always // as a copy
	case p == uncounted && !r.countedAtIngress():
		return always
	case p == matched && r.meets(call, t, from):
		return always
	default:
		return p
	}
}

// A measure is what a metric counts, as far as its query tells it.
type measure int

const (
	somethingElse measure = iota
	podRequests           // which may be those of probes, too
	routeRequests         // of the sidecars or the Ingress, to the new version alone
)

// measureOf returns what a metric counts.
func (r *Rollout) measureOf(m flagger.Metric) measure {
	if _, ok := knownMetrics[r.Builtin(m)]; ok {
		if r.Provider == flagger.Kubernetes || r.IsGatewayAPI() && r.template(m) == nil {
			return podRequests // http_request_duration_seconds (pkg/metrics/observers/http.go)
		}
		return routeRequests
	}
	query := m.Query
	if t := r.template(m); t != nil {
		if t.Provider.Type != "prometheus" {
			return somethingElse
		}
		query = t.Query
	}
	if filled, err := fillIn(query, r.queryFunctions(m)); err == nil {
		query = filled
	}
	query = unspaced.Replace(query)
	if strings.Contains(query, "vector(") || strings.Contains(query, "absent") {
		return somethingElse // which has a value without requests
	}
	return r.measureOfQuery(query)
}

// unspaced removes the spaces of a query.
var unspaced = strings.NewReplacer(" ", "", "\n", "", "\t", "")

// measureOfQuery returns what a query counts that has no spaces, and no value without requests.
func (r *Rollout) measureOfQuery(query string) measure {
	has := func(part string) bool { return strings.Contains(query, part) }
	switch {
	case r.proxy() == flagger.Istio && has("istio_request") && has(`destination_workload="`+r.TargetRef.Name+`"`),
		r.proxy() == flagger.Kuma && has("envoy_cluster_upstream_rq") && has(CanarySuffix+"_"+r.ID.Namespace+"_svc_"),
		r.proxy() == Contour && has("envoy_cluster_upstream_rq") && has(r.ID.Namespace+"_"+r.Service.Name+CanarySuffix+"_"),
		r.Provider == flagger.Nginx && has("nginx_ingress_controller_request") && has(`canary="`+r.ID.Namespace+"-"+r.Service.Name+CanarySuffix):
		return routeRequests
	case has("http_") || has("request") || has("grpc_"):
		return podRequests
	}
	return somethingElse
}

// requestMetrics are those that count requests, by their places, at least as surely as told.
func (r *Rollout) requestMetrics(least measure) (all []int) {
	for i, m := range r.Analysis.Metrics {
		if r.measureOf(m) >= least {
			all = append(all, i)
		}
	}
	return all
}

// countedAtIngress reports whether the metrics that count requests do so at the Ingress alone.
func (r *Rollout) countedAtIngress() bool {
	return r.countsAtGateway() && len(r.requestMetrics(routeRequests)) > 0 && len(r.requestMetrics(routeRequests)) == len(r.requestMetrics(podRequests))
}

// doorOf returns the door of a call's requests, as far as its words tell it.
func (r *Rollout) doorOf(call flagger.Call, from string) (d door, t target, known bool) {
	for _, w := range call.Words {
		if !w.Known {
			return 0, target{}, false
		}
	}
	routed := r.isRouted(headersOf(call)["host"])
	for _, asked := range r.asked(call, from) {
		own := asked.namespace == r.ID.Namespace
		switch {
		case own && asked.service == r.Service.Name+CanarySuffix:
			return canaryDoor, asked, true
		case own && asked.service == r.Service.Name:
			d, t, known = apexDoor, asked, true
		case own && asked.service == r.Service.Name+PrimarySuffix:
			d, t, known = primaryDoor, asked, true
		case r.isRouted(asked.host), routed && !known, r.mayBeGateway(asked) && !known:
			d, t, known = routeDoor, asked, true
		}
	}
	return d, t, known
}

// A traffic is what the webhooks of a rollout send to it.
type traffic struct {
	// reaches reports that some of it may reach the new version, and is counted there.
	reaches bool
	// missed is what does not: the place of the webhook, its command, and where it goes.
	missed []missed
}

type missed struct {
	webhook int
	call    flagger.Call
	door    door
	target  target
	passage passage
}

// traffic returns what the webhooks send once the new version is up. What is not surely known may reach it.
func (r *Rollout) traffic() (all traffic) {
	for i := range r.Analysis.Webhooks {
		w := &r.Analysis.Webhooks[i]
		if w.Kind() != flagger.RolloutHook && w.Kind() != flagger.PreRollout {
			continue
		}
		if w.TesterPath() != "" && !w.RunsTask() {
			continue // a gate
		}
		script, err := flagger.ParseScript(w.Metadata["cmd"])
		if !w.RunsTask() || !flagger.Tasks[w.Task()].Shell || err != nil || r.otherImage(*w) {
			all.reaches = true // nobody can tell
			continue
		}
		_, from := ServiceAt(w.URL)
		for _, call := range script.Calls {
			if call.Name == "" || call.IsOpaque() || !slices.Contains(silent, path.Base(call.Name)) && !slices.Contains(senders, path.Base(call.Name)) {
				all.reaches = true
				continue
			}
			// A single request is long over when the metrics are asked for.
			once := w.Kind() == flagger.PreRollout && script.Simple && !flagger.IsLoadGenerator(call.Name)
			if once || slices.Contains(silent, path.Base(call.Name)) {
				continue
			}
			d, t, known := r.doorOf(call, from)
			switch {
			case !known && slices.ContainsFunc(call.Words, func(w flagger.Word) bool { return !w.Known }):
				all.reaches = true
			case !known: // to somebody else, unless it comes from outside or another Service selects the pods
				asked := r.asked(call, from)
				all.reaches = all.reaches || len(asked) == 0 || r.hasUnknownDoor()
				for _, t := range asked {
					all.reaches = all.reaches || t.service == "" || t.namespace == r.ID.Namespace
				}
			default:
				if p := r.passage(d, call, t, from); p == always {
					all.reaches = true
				} else {
					all.missed = append(all.missed, missed{i, call, d, t, p})
				}
			}
		}
	}
	return all
}

// senders are commands whose requests go where their words tell, and silent ones those that send none.
var (
	senders = []string{"curl", "ghz", "grpc_health_probe", "hey", "wget", "wrk"}
	silent  = []string{
		":", "[", "ash", "bash", "break", "cat", "continue", "cut", "date", "echo", "env", "exit", "false", "grep", "head", "jq", "nice", "nohup",
		"printf", "seq", "set", "sh", "sleep", "tail", "tee", "test", "time", "timeout", "tr", "true", "wc",
	}
)

// unmeasured returns the metrics that never have a value: in a blue/green rollout all traffic goes to
// the old version until the last check, and no webhook sends anything to the new one.
func (r *Rollout) unmeasured() []int {
	if r.SkipAnalysis || r.Strategy() != flagger.BlueGreen || r.Mirrors() || r.Provider == flagger.Apisix {
		return nil
	}
	metrics := r.requestMetrics(routeRequests)
	if len(metrics) == 0 || !r.isBehindProxy() && r.traffic().reaches || r.canaryIsRouted() {
		return nil
	}
	return metrics
}

// isBehindProxy reports whether Flagger's queries count at a proxy that no mirror is for: in a blue/green rollout no load
// reaches the new version by it.
func (r *Rollout) isBehindProxy() bool {
	return r.Provider == Contour || slices.Contains(entrances, r.Provider)
}

// canaryIsRouted reports whether the application has a route of its own to the new version.
func (r *Rollout) canaryIsRouted() bool {
	if r.Manifests == nil {
		return false
	}
	for found := range r.Manifests.All() {
		switch found.Kind {
		case "Ingress", "VirtualService", "HTTPRoute", "GRPCRoute", "MeshHTTPRoute", "TrafficRoute", "CronJob", "Job":
			if bytes.Contains(found.JSON, []byte(r.Service.Name+CanarySuffix)) {
				return true
			}
		}
	}
	return false
}

// checkReach reports load that does not reach the new version, where something that counts requests asks for it.
func checkReach(r *Rollout) {
	if r.SkipAnalysis {
		return
	}
	if len(r.Unmeasured) > 0 {
		r.reportUnmeasured()
		return
	}
	if len(r.requestMetrics(podRequests)) == 0 {
		return
	}
	all := r.traffic()
	if all.reaches {
		return
	}
	if r.reportProbed(all) {
		return
	}
	for _, m := range all.missed {
		w := r.Analysis.Webhooks[m.webhook]
		told := w.Kind() == flagger.RolloutHook && (m.door == primaryDoor || m.door == apexDoor && r.Provider == flagger.Nginx) && !slices.Contains(entrances, r.Provider) // by checkTargets
		if !told && makesLoad(w) {
			message, hint := r.whyMissed(m)
			r.Report(diag.LoadTestElsewhere, inAnalysis("webhooks", m.webhook, "metadata", "cmd"), message, hint)
			return
		}
	}
}

// reportProbed reports that the pods of the new version have no requests but those of probes, by Services alone.
func (r *Rollout) reportProbed(all traffic) bool {
	metric := slices.IndexFunc(r.Analysis.Metrics, func(m flagger.Metric) bool { return IsBuiltin(r.Builtin(m)) })
	loaded := slices.ContainsFunc(all.missed, func(m missed) bool { return makesLoad(r.Analysis.Webhooks[m.webhook]) })
	if r.Provider != flagger.Kubernetes || metric < 0 || loaded || r.canaryIsRouted() {
		return false
	}
	r.Report(diag.NothingReaches, InMetrics(metric, "name"),
		fmt.Sprintf("nothing but probes reaches the new version before the switch of a blue/green rollout, so %s says nothing of it", r.called(r.Analysis.Metrics[metric])),
		"webhooks: {command: [hey -z 50s -q 10 "+r.canaryURL()+"/]} in trafficAnalysis")
	return true
}

// DefaultIngressHome is where the ingress controller is by default, which commands are copied with.
const DefaultIngressHome = "ingress-nginx"

// checkIngressHome reports load for the ingress controller in its default namespace, where it is in another.
func checkIngressHome(r *Rollout) {
	home := r.On.IngressHome
	if r.Provider != flagger.Nginx || home == "" || home == DefaultIngressHome {
		return
	}
	for i, w := range r.Analysis.Webhooks {
		script, err := flagger.ParseScript(w.Metadata["cmd"])
		if !makesLoad(w) || err != nil {
			continue
		}
		_, from := ServiceAt(w.URL)
		for _, call := range script.Calls {
			for _, t := range r.asked(call, from) {
				if t.namespace != DefaultIngressHome || !strings.HasPrefix(t.service, "ingress-nginx") {
					continue
				}
				r.Report(diag.LoadTestElsewhere, inAnalysis("webhooks", i, "metadata", "cmd"),
					fmt.Sprintf("the load goes to namespace %s, and the ingress controller is in %s", t.namespace, home),
					strings.Replace(w.Metadata["cmd"], t.service+"."+t.namespace, t.service+"."+home, 1))
			}
		}
	}
}

func makesLoad(w flagger.Webhook) bool {
	_, ok := flagger.LoadTime(w.Metadata["cmd"])
	return ok
}

// reportUnmeasured reports that no request reaches the new version of a blue/green rollout.
func (r *Rollout) reportUnmeasured() {
	if r.Provider == flagger.Nginx && r.Builtin(r.Analysis.Metrics[r.Unmeasured[0]]) != "" {
		return // which the provider reports
	}
	name := r.called(r.Analysis.Metrics[r.Unmeasured[0]])
	if r.isBehindProxy() {
		r.Report(diag.NothingReaches, InMetrics(r.Unmeasured[0], "name"),
			fmt.Sprintf("before the switch of a blue/green rollout the proxy of %s sends the new version nothing, and Flagger's query counts there alone: every check of %s fails", r.Provider, name), "a customMetric of the pods, with load to "+r.canaryURL())
		return
	}
	if r.proxy() == Contour {
		r.Report(diag.NothingReaches, InMetrics(r.Unmeasured[0], "name"),
			fmt.Sprintf("before the switch of a blue/green rollout the Gateway sends the new version nothing, and Contour counts nothing else: every check of %s fails", name), "mirror: true in trafficAnalysis, or a customMetric of the pods, with load to "+r.canaryURL())
		return
	}
	if r.Provider == flagger.Nginx {
		r.Report(diag.NothingReaches, InMetrics(r.Unmeasured[0], "name"),
			fmt.Sprintf("before the switch of a blue/green rollout the Ingress sends the new version nothing, so every check of %s fails", name), "use a customMetric of the pods, with load to "+r.canaryURL())
		return
	}
	for _, m := range r.traffic().missed {
		if w := r.Analysis.Webhooks[m.webhook]; makesLoad(w) {
			r.Report(diag.NothingReaches, inAnalysis("webhooks", m.webhook, "metadata", "cmd"),
				fmt.Sprintf("no request reaches the new version before the switch of a blue/green rollout, so every check of %s fails: the load goes to %s, which is the old version until then", name, m.target.host),
				r.beforeSwitch(m))
			return
		}
	}
	r.Report(diag.NothingReaches, InMetrics(r.Unmeasured[0], "name"),
		fmt.Sprintf("no request reaches the new version before the switch of a blue/green rollout, so every check of %s fails", name),
		"webhooks: {command: [hey -z 50s -q 10 "+r.canaryURL()+"/]} in trafficAnalysis")
}

// whyMissed returns why load does not reach the new version, and what would.
func (r *Rollout) whyMissed(m missed) (message, hint string) {
	command := r.Analysis.Webhooks[m.webhook].Metadata["cmd"]
	toCanary := r.toCanary(command, m.target)
	switch {
	case m.passage == unrouted:
		return r.whyUnrouted(command, m.call)
	case m.passage == matched:
		return fmt.Sprintf("the load goes to %s without what match asks for, so all of it stays with the old version", m.target.host), r.matching(command, m.call)
	case r.Strategy() == flagger.BlueGreen:
		return fmt.Sprintf("the load goes to %s, which is the old version until the switch of a blue/green rollout", m.target.host), r.beforeSwitch(m)
	case r.Provider == flagger.Nginx:
		hint := "load through the host of the Ingress"
		if hosts := r.IngressHosts(); len(hosts) > 0 {
			hint = strings.Replace(command, m.target.text, "http://"+hosts[0], 1)
		}
		return fmt.Sprintf("the load goes to %s and not through the Ingress, where nginx splits the traffic and counts the requests", m.target.host), hint
	}
	if r.Provider == flagger.Contour || slices.Contains(entrances, r.Provider) {
		return fmt.Sprintf("the load goes to %s and not through the proxy of %s, which splits the traffic and counts the requests", m.target.host, r.Provider),
			"load through the proxy, with a host of its route: hey -host app.example.com …"
	}
	why := fmt.Sprintf("the load goes to %s, and Flagger splits the traffic of the gateways alone, so all of it stays with the old version", m.target.host)
	switch {
	case r.proxy() == Contour && m.passage == uncounted:
		return fmt.Sprintf("the load goes to %s and not through the Gateway, where Contour counts the requests", m.target.host), r.gatewayHint(command, m.target)
	case r.proxy() == Contour:
		return why, r.gatewayHint(command, m.target)
	case r.IsGatewayAPI():
		return why, toCanary
	}
	return why, toCanary + ", or gateways: with mesh among them"
}

// whyUnrouted returns which request meets no condition of the routes, and one that does.
func (r *Rollout) whyUnrouted(command string, call flagger.Call) (message, hint string) {
	conditions, q := r.routeConditions(), requestsOf(call)[0]
	m := conditions[0]
	if len(r.Analysis.Match) > 0 {
		m = conditions[len(r.Service.Match)]
	}
	message = fmt.Sprintf("the load sends %s, which meets no condition of serviceMatch, so the rollout has no route for it", strings.TrimSpace(q.method+" "+cmp.Or(q.url.RequestURI(), "/")))
	hint = r.meeting(command, call, m)
	script, err := flagger.ParseScript(hint)
	if err != nil || !slices.ContainsFunc(script.Calls, func(c flagger.Call) bool { return len(requestsOf(c)) > 0 && r.meetsRoute(c) }) {
		hint = "load that meets serviceMatch, or serviceMatch: [{uri: {prefix: /}}]"
	}
	return message, hint
}

// beforeSwitch returns a command whose load reaches the new version of a blue/green rollout before the switch.
func (r *Rollout) beforeSwitch(m missed) string {
	hint := r.toCanary(r.Analysis.Webhooks[m.webhook].Metadata["cmd"], m.target)
	if m.door == routeDoor && r.IsGatewayAPI() {
		hint += ", or mirror: true in trafficAnalysis"
	}
	return hint
}

// toCanary returns a command that sends to the new version what it has sent to a target. The hosts of the route
// are not those of the -canary Service.
func (r *Rollout) toCanary(command string, t target) string {
	command = hostOption().ReplaceAllString(command, "")
	text := t.text
	if !strings.Contains(command, text) { // which the option has told
		text = authority().FindString(firstURL().FindString(command))
	}
	if text == "" {
		return r.canaryURL()
	}
	return strings.Replace(command, text, strings.TrimPrefix(r.canaryURL(), schemeUnless(text)), 1)
}

// matching returns a command whose requests meet the first condition of match that tells of requests.
func (r *Rollout) matching(command string, call flagger.Call) string {
	for _, m := range r.Analysis.Match {
		if len(m.Headers) == 0 && (len(m.QueryParams) == 0 || r.Provider == flagger.Nginx) {
			continue
		}
		if r.Provider == flagger.Nginx { // which reads one header
			name := slices.Min(slices.Collect(maps.Keys(m.Headers)))
			h := m.Headers[name]
			if name == "cookie" {
				h = api.StringMatch{Exact: h.Exact + "=always"}
			}
			m = flagger.Match{Headers: map[string]api.StringMatch{name: h}}
		}
		return r.meeting(command, call, m)
	}
	return withOption(command, `-H "…"`, nil)
}

// meets reports whether a call's requests may meet one of the conditions.
func (r *Rollout) meets(call flagger.Call, t target, from string) bool {
	if path.Base(call.Name) == "ghz" {
		return true // its metadata may be in a file
	}
	headers := headersOf(call)
	var query url.Values
	for _, w := range call.Words {
		if u, err := url.Parse(w.Text); err == nil && u.RawQuery != "" {
			query = u.Query()
		}
	}
	for _, m := range r.Analysis.Match {
		if r.Provider == flagger.Nginx {
			if meetsOnNginx(m, headers) {
				return true
			}
			continue
		}
		ok := m.SourceNamespace == "" || m.SourceNamespace == from
		for name, match := range m.Headers {
			value, sent := headers[strings.ToLower(name)]
			ok = ok && (strings.HasPrefix(name, ":") || strings.EqualFold(name, "user-agent") || strings.EqualFold(name, "host") || sent && matches(match, value))
		}
		for name, match := range m.QueryParams {
			ok = ok && query.Has(name) && matches(match, query.Get(name))
		}
		// Its pods have the one label of their selector.
		for name, value := range m.SourceLabels {
			own := r.Tester.Exists && from == r.Tester.ID.Namespace
			ok = ok && (!own || name == "app" && string(value) == r.Tester.ID.Name)
		}
		if ok {
			return true
		}
	}
	return false
}

// meetsOnNginx reports whether a header or a cookie leads to the new version: any value of
// a condition without one is always (pkg/router/ingress.go, SetRoutes).
func meetsOnNginx(m flagger.Match, headers map[string]string) bool {
	for name, match := range m.Headers {
		value, sent := headers[strings.ToLower(name)]
		if name == "cookie" {
			if sent && (match.Exact == "" || strings.Contains(value, match.Exact+"=always")) {
				return true
			}
			continue
		}
		if sent && (match.Exact == "" && match.Regex == "" || match.Exact == value || match.Regex != "" && matches(api.StringMatch{Regex: match.Regex}, value)) {
			return true
		}
	}
	return len(m.Headers) == 0
}

// matches reports whether a text meets a condition. Istio's expressions are of all of it.
func matches(m api.StringMatch, text string) bool {
	switch {
	case m.Exact != "":
		return text == m.Exact
	case m.Prefix != "":
		return strings.HasPrefix(text, m.Prefix)
	case m.Suffix != "":
		return strings.HasSuffix(text, m.Suffix)
	}
	expression, err := regexp.Compile("^(?:" + m.Regex + ")$")
	return err != nil || expression.MatchString(text)
}

// headerOptions are options of load generators that set one header (rakyll/hey hey.go, bojand/ghz
// cmd/ghz/main.go).
var headerOptions = map[string]string{"-host": "host", "--authority": "host", "-A": "accept", "-T": "content-type", "-a": "authorization"}

// headersOf are the headers that a call sends, by their names in lower case.
func headersOf(call flagger.Call) map[string]string {
	all := map[string]string{}
	for i, w := range call.Words {
		text := w.Text
		for option, header := range headerOptions {
			if value, ok := strings.CutPrefix(text, option); ok && (value == "" || value[0] == '=') {
				if value = strings.TrimPrefix(value, "="); value == "" && i+1 < len(call.Words) {
					value = call.Words[i+1].Text
				}
				if option == "-a" {
					value = "Basic " + value
				}
				all[header] = value
			}
		}
		for _, option := range []string{"-H", "--header=", "--header", "-b", "--cookie"} {
			value, ok := strings.CutPrefix(text, option)
			if !ok {
				continue
			}
			if value == "" && i+1 < len(call.Words) {
				value = call.Words[i+1].Text
			}
			value = strings.TrimPrefix(value, "=")
			if option == "-b" || option == "--cookie" {
				value = "cookie:" + value
			}
			if name, content, ok := strings.Cut(value, ":"); ok {
				all[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(content)
			}
			break
		}
	}
	return all
}
