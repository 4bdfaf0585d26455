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

// A door is where the requests of a load test enter.
type door int

const (
	canaryDoor  door = iota // the -canary Service
	apexDoor                // the Service itself, in the cluster
	routeDoor               // a host of the route, at a gateway or the Ingress
	primaryDoor             // the -primary Service
)

// A way is a strategy on a provider, or on an implementation of Gateway API that differs from others.
type way struct {
	provider string
	strategy flagger.Strategy
}

// A passage is whether requests through a door reach the new version, and are counted there.
type passage int

const (
	never   passage = iota
	always          // or a share of it
	matched         // if they meet the conditions of match
	uncounted
	unrouted // they meet no condition of the routes
)

// passages are the passages by door, in the order of the doors. Istio and Kuma split the requests that clients
// send to the Service, and measure where they arrive; nginx splits and measures at the Ingress (fluxcd/flagger
// pkg/router/istio.go, kuma.go, ingress.go, SetRoutes; pkg/metrics/observers). In a blue/green rollout the
// primary gets all requests until the last check (pkg/controller/scheduler.go, runBlueGreen). Kuma ignores
// conditions. Gateway API splits requests through a Gateway, and for a Service the requests of the mesh's
// clients; Contour counts only at the Gateway. With plain Services, the primary gets all requests to the
// Service, before the switch and after it.
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

// entrances are the providers whose proxy splits and counts incoming traffic, as Contour does (pkg/router and
// pkg/metrics/observers: apisix.go, gloo.go, skipper.go, traefik.go). APISIX counts the requests of a route for
// both versions.
var entrances = []string{flagger.Apisix, flagger.Gloo, flagger.Skipper, flagger.Traefik}

// passage returns the passage of a call's requests through a door.
func (r *Rollout) passage(d door, call flagger.Call, t target, from string) passage {
	p := r.split(d, call, t, from)
	if (d == apexDoor || d == routeDoor) && (p == always || p == matched) && !r.meetsRoute(call) {
		return unrouted
	}
	return p
}

// splitter returns the component that splits the requests, by its name in passages.
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

// split returns the passage through a door of requests that meet the routes.
func (r *Rollout) split(d door, call flagger.Call, t target, from string) passage {
	all, known := passages[way{r.splitter(), r.Strategy()}]
	if r.IsGatewayAPI() && len(r.Analysis.Match) > 0 {
		for i, p := range all {
			if p == always && door(i) != canaryDoor {
				all[i] = matched // the weights split only requests that meet the conditions
			}
		}
	}
	switch p := all[d]; {
	case !known, r.Provider == flagger.Istio && r.Service.Delegation:
		return always // unknown
	case d == apexDoor && r.Provider == flagger.Istio && !r.Service.IsMeshed():
		return never // only gateways have the route (pkg/router/istio.go, reconcileVirtualService)
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

// A measure is what a metric counts, judged by its query.
type measure int

const (
	somethingElse measure = iota
	podRequests           // possibly including probes
	routeRequests         // at the sidecars or the Ingress, only those to the new version
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
		return somethingElse // it has a value without requests
	}
	return r.measureOfQuery(query)
}

// unspaced removes the spaces of a query.
var unspaced = strings.NewReplacer(" ", "", "\n", "", "\t", "")

// measureOfQuery returns what a query counts. The query has no spaces, and no value without requests.
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

// requestMetrics returns the indexes of the metrics that count requests, at least as certainly as least.
func (r *Rollout) requestMetrics(least measure) (all []int) {
	for i, m := range r.Analysis.Metrics {
		if r.measureOf(m) >= least {
			all = append(all, i)
		}
	}
	return all
}

// countedAtIngress reports whether all metrics that count requests count at the Ingress.
func (r *Rollout) countedAtIngress() bool {
	return r.countsAtGateway() && len(r.requestMetrics(routeRequests)) > 0 && len(r.requestMetrics(routeRequests)) == len(r.requestMetrics(podRequests))
}

// doorOf returns the door of a call's requests, if its words name it.
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

// A traffic is the load that a rollout's webhooks send.
type traffic struct {
	// reaches reports whether some of it may reach the new version, and is counted there.
	reaches bool
	// missed is the load that does not, by webhook, command and target.
	missed []missed
}

type missed struct {
	webhook int
	call    flagger.Call
	door    door
	target  target
	passage passage
}

// traffic returns the load that the webhooks send once the new version is up. Uncertain load may reach it.
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
			all.reaches = true // unknown
			continue
		}
		_, from := ServiceAt(w.URL)
		for _, call := range script.Calls {
			if call.Name == "" || call.IsOpaque() || !slices.Contains(silent, path.Base(call.Name)) && !slices.Contains(senders, path.Base(call.Name)) {
				all.reaches = true
				continue
			}
			// A single request has ended long before the metrics are queried.
			once := w.Kind() == flagger.PreRollout && script.Simple && !flagger.IsLoadGenerator(call.Name)
			if once || slices.Contains(silent, path.Base(call.Name)) {
				continue
			}
			d, t, known := r.doorOf(call, from)
			switch {
			case !known && slices.ContainsFunc(call.Words, func(w flagger.Word) bool { return !w.Known }):
				all.reaches = true
			case !known: // to another server, unless it comes from outside or another Service selects the pods
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

// senders are commands whose words name their targets; silent are commands that send nothing.
var (
	senders = []string{"curl", "ghz", "grpc_health_probe", "hey", "wget", "wrk"}
	silent  = []string{
		":", "[", "ash", "bash", "break", "cat", "continue", "cut", "date", "echo", "env", "exit", "false", "grep", "head", "jq", "nice", "nohup",
		"printf", "seq", "set", "sh", "sleep", "tail", "tee", "test", "time", "timeout", "tr", "true", "wc",
	}
)

// unmeasured returns the metrics that never have a value: in a blue/green rollout the stable version gets all
// traffic until the last check, and no webhook sends requests to the new one.
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

// isBehindProxy reports whether Flagger's queries count at a proxy without mirroring: in a blue/green rollout no
// load reaches the new version through it.
func (r *Rollout) isBehindProxy() bool {
	return r.Provider == Contour || slices.Contains(entrances, r.Provider)
}

// canaryIsRouted reports whether the application has another route to the new version.
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

// checkReach reports load that does not reach the new version although a metric counts its requests.
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
		told := w.Kind() == flagger.RolloutHook && (m.door == primaryDoor || m.door == apexDoor && r.Provider == flagger.Nginx) && !slices.Contains(entrances, r.Provider) // reported by checkTargets
		if !told && makesLoad(w) {
			message, hint := r.whyMissed(m)
			r.Report(diag.LoadTestElsewhere, inAnalysis("webhooks", m.webhook, "metadata", "cmd"), message, hint)
			return
		}
	}
}

// reportProbed reports that only probes reach the new version's pods, on provider kubernetes.
func (r *Rollout) reportProbed(all traffic) bool {
	metric := slices.IndexFunc(r.Analysis.Metrics, func(m flagger.Metric) bool { return IsBuiltin(r.Builtin(m)) })
	loaded := slices.ContainsFunc(all.missed, func(m missed) bool { return makesLoad(r.Analysis.Webhooks[m.webhook]) })
	if r.Provider != flagger.Kubernetes || metric < 0 || loaded || r.canaryIsRouted() {
		return false
	}
	r.Report(diag.NothingReaches, InMetrics(metric, "name"),
		fmt.Sprintf("only probes reach the new version before a blue/green switch, so %s does not measure it", r.called(r.Analysis.Metrics[metric])),
		"webhooks: {command: [hey -z 50s -q 10 "+r.canaryURL()+"/]} in trafficAnalysis")
	return true
}

// DefaultIngressHome is the usual namespace of the ingress controller, as in copied commands.
const DefaultIngressHome = "ingress-nginx"

// checkIngressHome reports load for the ingress controller's usual namespace if it runs in another one.
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
					fmt.Sprintf("the load test targets namespace %s, but the ingress controller is in %s", t.namespace, home),
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
		return // reported by the provider
	}
	name := r.called(r.Analysis.Metrics[r.Unmeasured[0]])
	if r.isBehindProxy() {
		r.Report(diag.NothingReaches, InMetrics(r.Unmeasured[0], "name"),
			fmt.Sprintf("every check of %s fails: before a blue/green switch, the %s proxy sends the new version no requests, and Flagger measures only there", name, r.Provider), "a customMetric that the pods export, with load to "+r.canaryURL())
		return
	}
	if r.proxy() == Contour {
		r.Report(diag.NothingReaches, InMetrics(r.Unmeasured[0], "name"),
			fmt.Sprintf("every check of %s fails: before a blue/green switch, the Gateway sends the new version no requests, and Contour measures only there", name), "mirror: true in trafficAnalysis, or a customMetric that the pods export, with load to "+r.canaryURL())
		return
	}
	if r.Provider == flagger.Nginx {
		r.Report(diag.NothingReaches, InMetrics(r.Unmeasured[0], "name"),
			fmt.Sprintf("every check of %s fails: before a blue/green switch, the Ingress sends the new version no requests", name), "a customMetric that the pods export, with load to "+r.canaryURL())
		return
	}
	for _, m := range r.traffic().missed {
		if w := r.Analysis.Webhooks[m.webhook]; makesLoad(w) {
			r.Report(diag.NothingReaches, inAnalysis("webhooks", m.webhook, "metadata", "cmd"),
				fmt.Sprintf("every check of %s fails: the load test targets %s, which is the stable version until the blue/green switch", name, m.target.host),
				r.beforeSwitch(m))
			return
		}
	}
	r.Report(diag.NothingReaches, InMetrics(r.Unmeasured[0], "name"),
		fmt.Sprintf("every check of %s fails: before a blue/green switch, no request reaches the new version", name),
		"webhooks: {command: [hey -z 50s -q 10 "+r.canaryURL()+"/]} in trafficAnalysis")
}

// whyMissed returns why load does not reach the new version, and a hint.
func (r *Rollout) whyMissed(m missed) (message, hint string) {
	command := r.Analysis.Webhooks[m.webhook].Metadata["cmd"]
	toCanary := r.toCanary(command, m.target)
	switch {
	case m.passage == unrouted:
		return r.whyUnrouted(command, m.call)
	case m.passage == matched:
		return fmt.Sprintf("the load test's requests to %s do not meet match, so all go to the stable version", m.target.host), r.matching(command, m.call)
	case r.Strategy() == flagger.BlueGreen:
		return fmt.Sprintf("the load test targets %s, which is the stable version until the blue/green switch", m.target.host), r.beforeSwitch(m)
	case r.Provider == flagger.Nginx:
		hint := "send the load to a host of the Ingress"
		if hosts := r.IngressHosts(); len(hosts) > 0 {
			hint = strings.Replace(command, m.target.text, "http://"+hosts[0], 1)
		}
		return fmt.Sprintf("the load test targets %s and bypasses the Ingress, where nginx splits and counts requests", m.target.host), hint
	}
	if r.Provider == flagger.Contour || slices.Contains(entrances, r.Provider) {
		return fmt.Sprintf("the load test targets %s and bypasses the %s proxy, which splits and counts requests", m.target.host, r.Provider),
			"send the load through the proxy, to a host of its route: hey -host app.example.com …"
	}
	why := fmt.Sprintf("the load test targets %s, but Flagger splits only the traffic of gateways, so all its requests go to the stable version", m.target.host)
	switch {
	case r.proxy() == Contour && m.passage == uncounted:
		return fmt.Sprintf("the load test targets %s and bypasses the Gateway, where Contour counts requests", m.target.host), r.gatewayHint(command, m.target)
	case r.proxy() == Contour:
		return why, r.gatewayHint(command, m.target)
	case r.IsGatewayAPI():
		return why, toCanary
	}
	return why, toCanary + ", or add mesh to gateways"
}

// whyUnrouted returns which request meets no condition of the routes, and a command whose request does.
func (r *Rollout) whyUnrouted(command string, call flagger.Call) (message, hint string) {
	conditions, q := r.routeConditions(), requestsOf(call)[0]
	m := conditions[0]
	if len(r.Analysis.Match) > 0 {
		m = conditions[len(r.Service.Match)]
	}
	message = fmt.Sprintf("the load test sends %s, which meets no condition of serviceMatch, so the rollout has no route for it", strings.TrimSpace(q.method+" "+cmp.Or(q.url.RequestURI(), "/")))
	hint = r.meeting(command, call, m)
	script, err := flagger.ParseScript(hint)
	if err != nil || !slices.ContainsFunc(script.Calls, func(c flagger.Call) bool { return len(requestsOf(c)) > 0 && r.meetsRoute(c) }) {
		hint = "send requests that meet serviceMatch, or set serviceMatch: [{uri: {prefix: /}}]"
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

// toCanary returns the command with the new version instead of a target. The -canary Service does not have the
// hosts of the route.
func (r *Rollout) toCanary(command string, t target) string {
	command = hostOption().ReplaceAllString(command, "")
	text := t.text
	if !strings.Contains(command, text) { // named by an option
		text = authority().FindString(firstURL().FindString(command))
	}
	if text == "" {
		return r.canaryURL()
	}
	return strings.Replace(command, text, strings.TrimPrefix(r.canaryURL(), schemeUnless(text)), 1)
}

// matching returns a command whose requests meet the first condition of match that is about requests.
func (r *Rollout) matching(command string, call flagger.Call) string {
	for _, m := range r.Analysis.Match {
		if len(m.Headers) == 0 && (len(m.QueryParams) == 0 || r.Provider == flagger.Nginx) {
			continue
		}
		if r.Provider == flagger.Nginx { // which reads only one header
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
		return true // a file may hold its metadata
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
		// Its pods have only the label of their selector.
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

// meetsOnNginx reports whether a header or a cookie leads to the new version. A condition without a value means
// always (pkg/router/ingress.go, SetRoutes).
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

// matches reports whether a text meets a condition. Istio matches regular expressions against the whole text.
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

// headersOf returns the headers that a call sends, with names in lower case.
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
