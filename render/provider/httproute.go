package provider

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/ptr"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/lazyregexp"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Check reports what of a rollout would not work with Gateway API.
func (g *gatewayAPI) Check(r *rules.Rollout) {
	CheckUnread(r)
	if r.Plain {
		checkQueries(r)
	}
	g.checkParents(r)
	g.checkRoute(r)
	g.checkCORS(r)
	g.checkAppProtocol(r)
	g.checkMeasured(r)
	if g.kuma != nil {
		g.kuma.checkHTTPRoute(r)
	}
}

// checkRoute reports what is wrong with the HTTPRoute, whatever implements it.
func (g *gatewayAPI) checkRoute(r *rules.Rollout) {
	g.checkMisroutes(r)
	checkConditions(r)
	checkIgnored(r)
	checkOwnMirror(r)
	for _, p := range httpRouteProblems(r.Canary) {
		if p.Path[1] == "corsPolicy" && g.dropsCORS(r) {
			continue
		}
		r.Report(diag.BadHTTPRoute, p.Path, p.Message, p.Hint)
	}
	if r.Analysis.SessionAffinity != nil && r.Analysis.Iterations > 0 {
		r.Report(diag.AffinityNeedsWeights, inAffinity, "Flagger keeps a client on a version only where it splits the traffic by weight", "canaryStrategy: {stepWeight: 10}, in place of analysisTimes")
	}
}

// Rejected returns what the API server would refuse of the HTTPRoute that Flagger makes of a Canary.
func (*gatewayAPI) Rejected(c *flagger.Canary) []rules.Problem {
	return below(schema.Path{"spec"}, httpRouteProblems(c))
}

var (
	inAffinity = schema.Path{"analysis", "sessionAffinity"}
	inCORS     = schema.Path{"service", "corsPolicy"}
)

// checkKumaFields refuses what Kuma alone has.
func checkKumaFields(r *rollout.Rollout) {
	const hint = "remove the field, or gateway: {implementation: kuma} in plugin.flagger"
	if r.MeshName != "" {
		r.Report(diag.NotOnGatewayAPI, schema.Path{"meshName"}, "meshName is for kuma, and another component implements Gateway API here", hint)
	}
	if r.Routing().Protocol != "" {
		r.Report(diag.NotOnGatewayAPI, rollout.InRouting("protocol"), "protocol is for kuma, and another component implements Gateway API here", "appProtocol of the rollout")
	}
}

// checkMisroutes reports what moves the traffic otherwise than the Canary says.
func (g *gatewayAPI) checkMisroutes(r *rules.Rollout) {
	for _, p := range r.Misroutes(r.On.Version) {
		switch p.Kind {
		case flagger.AffinityBesideMatch:
			if r.Analysis.Iterations > 0 {
				continue // it is reported for that
			}
		case flagger.CORSWithoutAge:
			if g.dropsCORS(r) {
				continue
			}
		case flagger.Unmapped:
			m := r.Analysis.Match[p.Field[len(p.Field)-1].(int)]
			if len(m.Headers)+len(m.QueryParams) == 0 && len(m.SourceLabels) > 0 || reportUnmapped(r, p.Field, m) {
				continue
			}
		}
		r.Report(rules.ProblemCodes[p.Kind], p.Field, p.Message, p.Hint)
	}
}

// reportUnmapped reports the header or query parameter of a condition of A/B testing that Flagger cannot write.
func reportUnmapped(r *rules.Rollout, at schema.Path, m flagger.Match) bool {
	for _, f := range []struct {
		field string
		of    map[string]api.StringMatch
	}{{"headers", m.Headers}, {"queryParams", m.QueryParams}} {
		for _, name := range slices.Sorted(maps.Keys(f.of)) {
			if is := f.of[name]; flagger.IsUnmapped(is) {
				r.Report(diag.BadGatewayMatch, at.With(f.field, name),
					"an HTTPRoute matches by exact and regex alone. Flagger drops all conditions because of this one, and sends every request to the new version", flagger.AsRegex(is))
				return true
			}
		}
	}
	return false
}

// checkConditions reports conditions that mean something else in an HTTPRoute than they say, but for
// those that Flagger cannot write.
func checkConditions(r *rules.Rollout) {
	texts := func(at schema.Path, conditions map[string]api.StringMatch) {
		for _, name := range slices.Sorted(maps.Keys(conditions)) {
			checkText(r, at.With(name), conditions[name], "exact or regex", "{exact: insider}")
		}
	}
	var headers, params bool
	for i, m := range r.Service.Match {
		at := schema.Path{"service", "match", i}
		headers, params = headers || len(m.Headers) > 0, params || len(m.QueryParams) > 0
		checkText(r, at.With("uri"), m.URI, "exact, prefix or regex", "uri: {prefix: /}")
		checkText(r, at.With("method"), m.Method, "exact", "method: {exact: GET}")
		texts(at.With("headers"), m.Headers)
		texts(at.With("queryParams"), m.QueryParams)
		if m.URI == (api.StringMatch{}) && m.Method == (api.StringMatch{}) && len(m.Headers)+len(m.QueryParams) == 0 {
			r.Report(diag.BadGatewayMatch, at, "the condition is empty, and Flagger drops it", "uri: {prefix: /}")
		}
	}
	for i, m := range r.Analysis.Match {
		at := schema.Path{"analysis", "match", i}
		texts(at.With("headers"), m.Headers)
		texts(at.With("queryParams"), m.QueryParams)
		if len(m.Headers) > 0 && headers {
			r.Report(diag.BadGatewayMatch, at.With("headers"), "the headers of match replace those of serviceMatch: requests without them reach the new version", "queryParams, or no headers in serviceMatch")
		}
		if len(m.QueryParams) > 0 && params {
			r.Report(diag.BadGatewayMatch, at.With("queryParams"), "the queryParams of match replace those of serviceMatch: requests without them reach the new version", "headers, or no queryParams in serviceMatch")
		}
	}
}

// checkText reports a condition on text that has several parts, of which Flagger takes one, or no regular expression.
func checkText(r *rules.Rollout, at schema.Path, m api.StringMatch, parts, example string) {
	if m == (api.StringMatch{}) {
		return // which is reported where it matters
	}
	for _, p := range rules.TextProblems(m, parts, example) {
		r.Report(diag.BadGatewayMatch, at.With(p.Path...), p.Message, p.Hint)
	}
}

// checkIgnored reports conditions of Istio's that Flagger drops.
func checkIgnored(r *rules.Rollout) {
	for i, m := range r.Analysis.Match {
		if len(m.SourceLabels) == 0 {
			continue
		}
		message := "sourceLabels are for istio, Flagger ignores them on gatewayapi: pods with any labels meet the condition"
		if len(m.Headers)+len(m.QueryParams) == 0 {
			message = "sourceLabels are for istio. Flagger ignores them on gatewayapi, drops all conditions with them, and sends every request to the new version"
		}
		r.Report(diag.NotOnGatewayAPI, schema.Path{"analysis", "match", i, "sourceLabels"}, message, "headers: {x-canary: {exact: insider}}")
	}
	none := api.StringMatch{}
	for i, m := range r.Service.Match {
		for _, f := range []struct {
			name string
			set  bool
		}{
			{"authority", m.Authority != none}, {"scheme", m.Scheme != none}, {"ignoreUriCase", m.IgnoreURICase}, {"withoutHeaders", len(m.WithoutHeaders) > 0},
			{"sourceLabels", len(m.SourceLabels) > 0}, {"gateways", len(m.Gateways) > 0}, {"sourceNamespace", m.SourceNamespace != ""},
		} {
			if f.set {
				r.Report(diag.NotOnGatewayAPI, schema.Path{"service", "match", i, f.name}, f.name+" is for istio, Flagger ignores it on gatewayapi", "remove the field")
			}
		}
	}
}

// checkOwnMirror reports mirrors that Flagger takes for that of an analysis (pkg/router/gateway_api.go, GetRoutes,
// which compares the name alone; pkg/controller/scheduler.go, advanceCanary), and one that it ignores (runAB).
func checkOwnMirror(r *rules.Rollout) {
	for i, m := range r.Service.Mirror {
		if name := m.BackendRef.Name; name == r.Service.Name+rules.CanarySuffix {
			r.Report(diag.BadMirror, schema.Path{"service", "mirror", i, "backendRef", "name"},
				fmt.Sprintf("Flagger takes a mirror to %s for that of an analysis and skips confirm-traffic-increase hooks; between rollouts the copies go to a Service without pods", name),
				"trafficAnalysis: {mirror: true} and trafficRouting: {analysisTimes: 10}, in place of this mirror")
		}
	}
	if r.Analysis.Mirror && r.Strategy() == flagger.ABTesting {
		r.Report(diag.BadMirror, schema.Path{"analysis", "mirror"}, "Flagger mirrors in blue/green alone, and ignores mirror beside match", "analysisTimes: 10, without match")
	}
}

// The CORS filter is in the experimental channel of Gateway API since 1.3, and in the standard one since 1.5
// (kubernetes-sigs/gateway-api CHANGELOG/1.3-CHANGELOG.md and 1.5-CHANGELOG.md).
var corsSince = map[string]settings.MinorVersion{
	"experimental":  {Major: 1, Minor: 3},
	standardChannel: {Major: 1, Minor: 5},
}

// dropsCORS reports whether the implementation takes no CORS, which is reported once.
func (g *gatewayAPI) dropsCORS(r *rules.Rollout) bool {
	return g.implementation == contour || g.kuma != nil && slices.ContainsFunc(r.Service.GatewayRefs, api.GatewayRef.IsService)
}

// checkCORS reports a CORS policy that is ignored, or that nothing takes.
func (g *gatewayAPI) checkCORS(r *rules.Rollout) {
	cors := r.Service.CorsPolicy
	if cors == nil {
		return
	}
	if g.dropsCORS(r) {
		if g.implementation == contour {
			r.Report(diag.NoCORS, inCORS, "Contour accepts no HTTPRoute with CORS, and Flagger waits for that for ever", "remove the field, and answer preflight requests in the application")
		}
		return // of Kuma checkDropped reports it
	}
	pinned := settings.PinnedVersion(gatewayCRDs)
	version, channel, hint := g.c.Settings.Charts[gatewayCRDs].Version, standardChannel, "charts: {gateway-api: {version: "+pinned+"}} in the RenderConfig"
	if in := g.installedBy[gatewayCRDs]; in != nil {
		said := in.Installed.GatewayAPI
		version, channel = cmp.Or(said.Version, oldestExpected), cmp.Or(said.Channel, standardChannel)
		hint = "installed: {gateway-api: {version: " + pinned + "}} once the clusters have it"
		if channel == standardChannel {
			hint += ", or {channel: experimental} if they have that"
		}
	}
	if v, ok := settings.ParseMinor(strings.TrimPrefix(version, "v")); ok && v.Less(corsSince[channel]) {
		r.Report(diag.NoCORS, inCORS, fmt.Sprintf("the %s channel of Gateway API %s has no CORS, and the API server refuses the HTTPRoute", channel, version), hint)
	}
	if len(cors.AllowOrigins) > 0 {
		origin := cmp.Or(cors.AllowOrigins[0].Exact, "https://app.example.com")
		r.Report(diag.NoCORS, inCORS.With("allowOrigins"), "Flagger ignores allowOrigins on gatewayapi, where an origin is no pattern", fmt.Sprintf("allowOrigin: [%s]", origin))
	}
}

// contourProtocols are those that Contour routes to (projectcontour/contour internal/dag/accessors.go@v1.33.6,
// toContourProtocol).
var contourProtocols = []string{"", "http", "https", "kubernetes.io/h2c", "kubernetes.io/ws"}

// checkAppProtocol reports a protocol for which Contour answers each request with 500.
func (g *gatewayAPI) checkAppProtocol(r *rules.Rollout) {
	if p := r.Service.AppProtocol; g.implementation == contour && !slices.Contains(contourProtocols, p) {
		hint := "appProtocol: http"
		if slices.Contains([]string{"grpc", "http2", "h2c"}, strings.ToLower(p)) {
			hint = "appProtocol: kubernetes.io/h2c"
		}
		r.Report(diag.ProtocolOnContour, schema.Path{"service", "appProtocol"},
			fmt.Sprintf("Contour answers every request with 500: it does not know appProtocol %s. The HTTPRoute stays accepted, and Flagger goes on", p), hint)
	}
}

// checkFleetRefs reports parents of the fleets that route nothing.
func (g *gatewayAPI) checkFleetRefs() {
	for _, p := range g.platform.Plugins {
		if p.Gateway == nil {
			continue
		}
		for i, ref := range p.Gateway.Refs {
			if ref.IsService() {
				ref.Group, ref.Name = cmp.Or(ref.Group, new("")), cmp.Or(ref.Name, "own")
			}
			// Without a namespace it is that of each rollout.
			if problem := cmp.Or(g.refProblem(ref, ""), g.kuma.gatewayProblem(p.Gateway.Refs)); problem != nil {
				g.base.installer.base(p).report(diag.BadGatewayRef, schema.Path{"gateway", "refs", i}.With(problem.Path...), problem.Message, problem.Hint)
			}
		}
	}
}

// checkParents reports parents of a rollout's route that route nothing, or not to the rollout.
func (g *gatewayAPI) checkParents(r *rules.Rollout) {
	refs := schema.Path{"service", "gatewayRefs"}
	for i, ref := range r.Service.GatewayRefs {
		problem := cmp.Or(g.refProblem(ref, r.ID.Namespace), g.kuma.gatewayProblem(r.Service.GatewayRefs))
		if problem != nil && !r.Has(refs...) {
			continue // which is reported of the fleet
		}
		if problem == nil && ref.IsService() {
			problem = ownServiceProblem(r, ref)
		}
		if problem != nil {
			r.Report(diag.BadGatewayRef, refs.With(i).With(problem.Path...), problem.Message, problem.Hint)
		}
	}
}

// refProblem returns why a parent routes nothing, or nil. Its namespace, where it names none, may be unknown.
func (g *gatewayAPI) refProblem(ref api.GatewayRef, namespace string) *rules.Problem {
	problem := func(field, message, hint string) *rules.Problem {
		p := &rules.Problem{Message: message, Hint: hint}
		if field != "" {
			p.Path = schema.Path{field}
		}
		return p
	}
	kind, group := ptr.Deref(ref.Kind, kindGateway), ptr.Deref(ref.Group, api.GatewayGroup)
	const aGateway, aService = "gatewayRefs: [{name: public, namespace: infra}]", "{kind: Service}, which is the rollout's own Service"
	switch {
	case kind == kindListenerSet && group == api.GatewayGroup && ref.Name != "" && (g.implementation == "istio" || g.implementation == otherImplementation):
		return nil
	case kind != kindGateway && kind != kindService && g.implementation == "kuma":
		return problem("", fmt.Sprintf("the parent of a rollout's route in a mesh of Kuma is its Service, not a %s", kind), "{kind: Service}")
	case kind != kindGateway && kind != kindService:
		return problem("kind", fmt.Sprintf("the parent of an HTTPRoute is a Gateway or a Service, not a %s", kind), "kind: Gateway")
	case kind == kindGateway && group != api.GatewayGroup:
		return problem("group", fmt.Sprintf("the group of a Gateway is %s, not %q: the route is ignored, and no traffic moves", api.GatewayGroup, group), "group: "+api.GatewayGroup)
	case kind == kindGateway && ref.Name == "":
		return problem("", "the Gateway has no name", "{name: public, namespace: infra}, or "+aService)
	case kind == kindService && g.implementation == contour:
		return problem("kind", "Contour ignores a route whose parent is a Service: no traffic moves", fmt.Sprintf("{name: %s, namespace: %s}", gatewayName, contourNamespace))
	case kind == kindService && group != "" && (g.implementation != "kuma" || group != api.GatewayGroup):
		return problem("group", fmt.Sprintf("a Service is of group %q, not %q. The route is ignored, and Flagger promotes each version without a request to it", "", group), `group: ""`)
	case kind == kindGateway && g.isRendered(contour):
		return g.contourRefProblem(ref, cmp.Or(ptr.Deref(ref.Namespace, ""), namespace))
	}
	return nil
}

// contourRefProblem returns why the Gateway that is rendered is not the parent. Contour serves no other.
func (g *gatewayAPI) contourRefProblem(ref api.GatewayRef, namespace string) *rules.Problem {
	rendered := fmt.Sprintf("{name: %s, namespace: %s}", gatewayName, contourNamespace)
	switch {
	case ref.Name != gatewayName || namespace != contourNamespace:
		return &rules.Problem{
			Message: fmt.Sprintf("Contour serves the Gateway %s in namespace %s alone: the route is ignored, and no traffic moves", gatewayName, contourNamespace),
			Hint:    rendered + ", or gateway: {implementation: other} in plugin.flagger if something else serves this Gateway",
		}
	case ptr.Deref(ref.SectionName, "http") != "http":
		return &rules.Problem{Path: schema.Path{"sectionName"}, Message: fmt.Sprintf("the Gateway has no listener %s", *ref.SectionName), Hint: "sectionName: http"}
	case ptr.Deref(ref.Port, 80) != 80:
		return &rules.Problem{Path: schema.Path{"port"}, Message: fmt.Sprintf("the Gateway listens on port 80, not on %d", *ref.Port), Hint: "port: 80"}
	}
	return nil
}

// ownServiceProblem returns why the Service that is a parent is not the rollout's own, with its port, or nil.
func ownServiceProblem(r *rules.Rollout, ref api.GatewayRef) *rules.Problem {
	own, port, portName := r.Service.Name, r.Service.Port, cmp.Or(r.Service.PortName, "http")
	switch {
	case ref.Name != own:
		return &rules.Problem{
			Path: schema.Path{"name"}, Message: fmt.Sprintf("the parent is the Service %s: its callers would get the versions of %s", ref.Name, own),
			Hint: fmt.Sprintf("name: %s, port: %d", own, port),
		}
	case ptr.Deref(ref.Namespace, r.ID.Namespace) != r.ID.Namespace:
		return &rules.Problem{
			Path: schema.Path{"namespace"}, Message: fmt.Sprintf("the rollout's Service is in namespace %s, and the callers of one in %s would get its versions", r.ID.Namespace, *ref.Namespace),
			Hint: "remove the line",
		}
	case ptr.Deref(ref.Port, port) != port:
		return &rules.Problem{
			Path: schema.Path{"port"}, Message: fmt.Sprintf("the rollout's Service is on port %d: with port %d the route is for no request, and all go to the old version", port, *ref.Port),
			Hint: fmt.Sprintf("port: %d", port),
		}
	case ptr.Deref(ref.SectionName, portName) != portName:
		return &rules.Problem{
			Path: schema.Path{"sectionName"}, Message: fmt.Sprintf("the port of the rollout's Service is %s: with sectionName %s the route is for no request, and all go to the old version", portName, *ref.SectionName),
			Hint: "sectionName: " + portName,
		}
	}
	return nil
}

// The most that an HTTPRoute takes (kubernetes-sigs/gateway-api
// config/crd/standard/gateway.networking.k8s.io_httproutes.yaml@v1.5.1), as all that follows.
const (
	maxHostnames    = 16
	maxParents      = 32
	maxRuleMatches  = 64
	maxRouteMatches = 128
	maxFilters      = 16
	maxHeaders      = 16
	maxHeaderName   = 256
	maxHeaderValue  = 4096
	maxPath         = 1024
	maxOrigins      = 64
)

// Patterns of the CRD.
var (
	hostnamePattern   = lazyregexp.New(`^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	headerNamePattern = lazyregexp.New("^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$")
	pathPattern       = lazyregexp.New(`^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$`)
	durationPattern   = lazyregexp.New(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)
	originPattern     = lazyregexp.New(`^\*$|^https?://((\*\.)?([a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(:[0-9]{1,5})?$`)
)

// routeMethods are the methods of an HTTPRoute.
var routeMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

// httpRouteProblems are those that the API server would find in the HTTPRoute that Flagger makes of a Canary, by
// their paths below its spec.
func httpRouteProblems(c *flagger.Canary) []rules.Problem {
	s := &c.Service
	return slices.Concat(below(schema.Path{"service"}, slices.Concat(
		hostnameProblems(s.Hosts), parentProblems(s.GatewayRefs), timeoutProblems(s), routeHeaderProblems(s.Headers),
		rewriteProblems(c), mirrorProblems(s), corsFilterProblems(s.CorsPolicy),
	)), countProblems(c), conditionProblems(schema.Path{"service", "match"}, s.Match), conditionProblems(schema.Path{"analysis", "match"}, c.Analysis.Match))
}

func hostnameProblems(hosts []string) (all []rules.Problem) {
	if len(hosts) > maxHostnames {
		all = append(all, tooMany(schema.Path{"hosts"}, "hosts", len(hosts), maxHostnames))
	}
	for i, host := range hosts {
		why, hint := "", "backend.example.com, or *.example.com"
		name, _, withPort := strings.Cut(host, ":")
		switch {
		case host == "*":
			why, hint = "an HTTPRoute without hosts is for all of them", "remove hosts"
		case net.ParseIP(host) != nil:
			why = "it is an IP address"
		case withPort:
			why, hint = "a host has no port", name
		case !hostnamePattern().MatchString(host) || len(host) > 253:
			why = "a host has lower-case letters, digits, '-' and '.' only, at most 253"
		}
		if why != "" {
			all = append(all, rules.Problem{Path: schema.Path{"hosts", i}, Message: fmt.Sprintf("%q is not a valid host: %s", host, why), Hint: hint})
		}
	}
	return all
}

func tooMany(at schema.Path, what string, n, most int) rules.Problem {
	return rules.Problem{Path: at, Message: fmt.Sprintf("there are %d %s, and an HTTPRoute takes %d", n, what, most), Hint: fmt.Sprintf("%d of them or fewer", most)}
}

// parentProblems are too many parents, and duplicates.
func parentProblems(refs []api.GatewayRef) (all []rules.Problem) {
	at := schema.Path{"gatewayRefs"}
	if len(refs) > maxParents {
		return []rules.Problem{tooMany(at, "parents", len(refs), maxParents)}
	}
	type parent struct{ group, kind, namespace, name string }
	seen := map[parent]map[string]bool{}
	for i, ref := range refs {
		p, section := parent{ptr.Deref(ref.Group, api.GatewayGroup), ptr.Deref(ref.Kind, kindGateway), ptr.Deref(ref.Namespace, ""), ref.Name}, ptr.Deref(ref.SectionName, "")
		sections := seen[p]
		switch {
		case sections == nil:
			seen[p] = map[string]bool{}
		case sections[section]:
			all = append(all, rules.Problem{Path: at.With(i), Message: fmt.Sprintf("duplicate parent %s: both have the same sectionName or none", ref.Name), Hint: "one parent, or sectionName: http and sectionName: https"})
		case section == "" || sections[""]:
			all = append(all, rules.Problem{Path: at.With(i), Message: fmt.Sprintf("duplicate parent %s: one has no sectionName and stands for all listeners", ref.Name), Hint: "one parent, or sectionName: http and sectionName: https"})
		}
		seen[p][section] = true
	}
	return all
}

// timeoutProblems are durations with other units or too many digits, and an attempt that may take longer than all.
func timeoutProblems(s *flagger.Service) (all []rules.Problem) {
	for _, f := range []struct{ field, name, value string }{{"timeout", "timeoutSeconds", s.Timeout}, {"backendTimeout", "backendTimeoutSeconds", s.BackendTimeout}} {
		if f.value != "" && !durationPattern().MatchString(f.value) {
			all = append(all, rules.Problem{Path: schema.Path{f.field}, Message: fmt.Sprintf("%q is not a valid duration: a number has at most five digits, and the unit h, m, s or ms", f.value), Hint: f.name + ": 60"})
		}
	}
	request, err := time.ParseDuration(s.Timeout)
	backend, wrong := time.ParseDuration(s.BackendTimeout)
	if err == nil && wrong == nil && request > 0 && backend > request {
		all = append(all, rules.Problem{
			Path: schema.Path{"backendTimeout"}, Message: fmt.Sprintf("one attempt may take %s, longer than the %s for the whole request", s.BackendTimeout, s.Timeout),
			Hint: fmt.Sprintf("backendTimeoutSeconds: %d or less", int(request/time.Second)),
		})
	}
	return all
}

// routeHeaderProblems are those of the header filters.
func routeHeaderProblems(h *api.Headers) (all []rules.Problem) {
	if h == nil {
		return nil
	}
	for _, d := range []struct {
		name       string
		operations *api.HeaderOperations
	}{{"request", h.Request}, {"response", h.Response}} {
		if d.operations == nil {
			continue
		}
		for _, o := range []struct {
			name    string
			headers map[string]string
		}{{"set", d.operations.Set}, {"add", d.operations.Add}} {
			at := schema.Path{"headers", d.name, o.name}
			if len(o.headers) > maxHeaders {
				all = append(all, tooMany(at, "headers", len(o.headers), maxHeaders))
			}
			for _, name := range slices.Sorted(maps.Keys(o.headers)) {
				if why := badHeader(name, o.headers[name], maxHeaderValue); why != "" {
					all = append(all, rules.Problem{Path: at.With(name), Message: why, Hint: "x-version: canary"})
				}
			}
		}
		at := schema.Path{"headers", d.name, "remove"}
		if n := len(d.operations.Remove); n > maxHeaders {
			all = append(all, tooMany(at, "headers", n, maxHeaders))
		}
		all = append(all, duplicates(at, "header", d.operations.Remove)...)
	}
	return all
}

// badHeader returns why an HTTPRoute does not take a name and its value, or nothing.
func badHeader(name, value string, most int) string {
	switch {
	case !headerNamePattern().MatchString(name) || len(name) > maxHeaderName:
		return fmt.Sprintf("%q is not a valid name of a header or query parameter", name)
	case value == "":
		return name + " is empty, which an HTTPRoute does not take"
	case len(value) > most:
		return fmt.Sprintf("%s has %d characters, and an HTTPRoute takes %d", name, len(value), most)
	}
	return ""
}

// duplicates are the items of a list that it has before.
func duplicates(at schema.Path, what string, list []string) (all []rules.Problem) {
	seen := map[string]bool{}
	for i, item := range list {
		if seen[item] {
			all = append(all, rules.Problem{Path: at.With(i), Message: fmt.Sprintf("duplicate %s %s", what, item), Hint: fmt.Sprintf("one %s %s", what, item)})
		}
		seen[item] = true
	}
	return all
}

// rewriteProblems are a path that is too long, and a prefix that no one condition names.
func rewriteProblems(c *flagger.Canary) (all []rules.Problem) {
	w := c.Service.Rewrite
	if w == nil {
		return nil
	}
	at := schema.Path{"rewrite"}
	if w.URI == "" && w.Authority == "" {
		all = append(all, rules.Problem{Path: at, Message: "rewrite has neither uri nor authority, and so changes nothing", Hint: "uri: /v2"})
	}
	if len(w.URI) > maxPath {
		all = append(all, rules.Problem{Path: at.With("uri"), Message: fmt.Sprintf("the path has %d characters, and an HTTPRoute takes %d", len(w.URI), maxPath), Hint: "a shorter path"})
	}
	if w.Authority != "" && (strings.HasPrefix(w.Authority, "*") || !hostnamePattern().MatchString(w.Authority)) {
		all = append(all, rules.Problem{Path: at.With("authority"), Message: fmt.Sprintf("%q is not a valid host: a rewritten host has no wildcard, port or upper-case letters", w.Authority), Hint: "authority: backend.example.com"})
	}
	if w.Type != "" && w.Type != "ReplaceFullPath" && w.Type != replacePrefix {
		all = append(all, rules.Problem{Path: at.With("type"), Message: fmt.Sprintf("%q is not a valid type of rewrite", w.Type), Hint: "type: ReplaceFullPath, or " + replacePrefix})
	}
	if w.Type != replacePrefix || w.URI == "" {
		return all
	}
	matches := c.Service.Match
	byPrefix := len(matches) == 0 || len(matches) == 1 && matches[0].URI.Regex == "" && matches[0].URI.Exact == ""
	if !byPrefix || len(c.Analysis.Match) > 1 {
		all = append(all, rules.Problem{
			Path: at.With("type"), Message: replacePrefix + " replaces the prefix of the one condition that each rule of the HTTPRoute may have",
			Hint: "one serviceMatch with uri: {prefix: /shop} and at most one match, or type: ReplaceFullPath",
		})
	}
	return all
}

const replacePrefix = "ReplacePrefixMatch"

// mirrorProblems are Services without a port.
func mirrorProblems(s *flagger.Service) (all []rules.Problem) {
	for i, m := range s.Mirror {
		if b := m.BackendRef; b.Port == nil && ptr.Deref(b.Kind, kindService) == kindService && ptr.Deref(b.Group, "") == "" {
			all = append(all, rules.Problem{Path: schema.Path{"mirror", i, "backendRef"}, Message: fmt.Sprintf("the Service %s needs its port", b.Name), Hint: "port: 80"})
		}
	}
	return all
}

func corsFilterProblems(cors *api.CorsPolicy) (all []rules.Problem) {
	if cors == nil {
		return nil
	}
	at := schema.Path{"corsPolicy"}
	for _, f := range []struct {
		name, what string
		list       []string
		most       int
		alone      bool
		ok         func(string) bool
		hint       string
	}{
		{"allowOrigin", "origin", cors.AllowOrigin, maxOrigins, true, func(s string) bool { return originPattern().MatchString(s) && len(s) <= 253 }, "https://app.example.com"},
		{"allowMethods", "method", cors.AllowMethods, len(routeMethods), true, func(s string) bool { return s == "*" || slices.Contains(routeMethods, s) }, "GET"},
		{"allowHeaders", "header", cors.AllowHeaders, maxOrigins, true, isHeaderName, "content-type"},
		{"exposeHeaders", "header", cors.ExposeHeaders, maxOrigins, false, isHeaderName, "x-request-id"},
	} {
		at := at.With(f.name)
		if len(f.list) > f.most {
			all = append(all, tooMany(at, f.what+"s", len(f.list), f.most))
		}
		if f.alone && len(f.list) > 1 && slices.Contains(f.list, "*") {
			all = append(all, rules.Problem{Path: at, Message: "an HTTPRoute takes * alone", Hint: f.name + `: ["*"]`})
		}
		for i, item := range f.list {
			if !f.ok(item) {
				all = append(all, rules.Problem{Path: at.With(i), Message: fmt.Sprintf("%q is not a valid %s for %s", item, f.what, f.name), Hint: f.hint})
			}
		}
		all = append(all, duplicates(at, f.what, f.list)...)
	}
	return all
}

func isHeaderName(text string) bool {
	return headerNamePattern().MatchString(text) && len(text) <= maxHeaderName
}

// countProblems are conditions and filters that are too many. A rule has each of match with each of serviceMatch,
// and one for each cookie has those of serviceMatch again.
func countProblems(c *flagger.Canary) (all []rules.Problem) {
	s, a := c.Service.Match, c.Analysis.Match
	plain := max(len(s), 1)
	first, rest := plain, 0
	if len(a) > 0 {
		first, rest = plain*len(a), plain
	}
	if affinity := c.Analysis.SessionAffinity; affinity != nil {
		rest += plain
		if affinity.PrimaryCookieName != "" {
			rest += plain
		}
	}
	at, of := schema.Path{"service", "match"}, "serviceMatch"
	if len(a) > len(s) {
		at, of = schema.Path{"analysis", "match"}, "match"
	}
	switch {
	case first > maxRuleMatches && len(a) > 0 && len(s) > 0:
		all = append(all, rules.Problem{Path: at, Message: fmt.Sprintf("each of the %d conditions of match goes with each of the %d of serviceMatch, and a rule of an HTTPRoute takes %d", len(a), len(s), maxRuleMatches), Hint: "fewer conditions of " + of})
	case first > maxRuleMatches:
		all = append(all, rules.Problem{Path: at, Message: fmt.Sprintf("there are %d conditions, and a rule of an HTTPRoute takes %d", first, maxRuleMatches), Hint: "fewer conditions of " + of})
	case first+rest > maxRouteMatches:
		all = append(all, rules.Problem{Path: at, Message: fmt.Sprintf("the rules of the HTTPRoute would have %d conditions, and it takes %d", first+rest, maxRouteMatches), Hint: "fewer conditions of " + of})
	}
	filters := len(c.Service.Mirror)
	if h := c.Service.Headers; h != nil && h.Request != nil {
		filters++
	}
	if h := c.Service.Headers; h != nil && h.Response != nil {
		filters++
	}
	for _, set := range []bool{c.Service.Rewrite != nil, c.Service.CorsPolicy != nil, c.Analysis.Mirror} {
		if set {
			filters++
		}
	}
	if filters > maxFilters {
		all = append(all, rules.Problem{Path: schema.Path{"service", "mirror"}, Message: fmt.Sprintf("the rule would have %d filters, and an HTTPRoute takes %d", filters, maxFilters), Hint: "fewer mirrors"})
	}
	return all
}

// conditionProblems are those of conditions that Flagger can write.
func conditionProblems(in schema.Path, matches []flagger.Match) (all []rules.Problem) {
	for i, m := range matches {
		at := in.With(i)
		if path := cmp.Or(m.URI.Exact, m.URI.Prefix); m.URI.Regex == "" && path != "" {
			if why := badPath(path); why != "" {
				field := "exact"
				if m.URI.Exact == "" {
					field = "prefix"
				}
				all = append(all, rules.Problem{Path: at.With("uri", field), Message: fmt.Sprintf("%q is not a valid path: %s", path, why), Hint: field + ": /shop"})
			}
		}
		if len(m.URI.Regex) > maxPath {
			all = append(all, rules.Problem{Path: at.With("uri", "regex"), Message: fmt.Sprintf("the regular expression has %d characters, and an HTTPRoute takes %d", len(m.URI.Regex), maxPath), Hint: "a shorter one"})
		}
		if method := m.Method.Exact; method != "" && !slices.Contains(routeMethods, method) {
			all = append(all, rules.Problem{Path: at.With("method", "exact"), Message: fmt.Sprintf("%q is not a valid method", method), Hint: "exact: " + suggestedMethod(method)})
		}
		for _, f := range []struct {
			field string
			of    map[string]api.StringMatch
			most  int
		}{{"headers", m.Headers, maxHeaderValue}, {"queryParams", m.QueryParams, maxPath}} {
			for _, name := range slices.Sorted(maps.Keys(f.of)) {
				if flagger.IsUnmapped(f.of[name]) {
					continue
				}
				value := cmp.Or(f.of[name].Exact, f.of[name].Regex)
				if why := badHeader(name, value, f.most); why != "" {
					all = append(all, rules.Problem{Path: at.With(f.field, name), Message: why, Hint: "x-canary: {exact: insider}"})
				}
			}
		}
	}
	return all
}

// suggestedMethod returns the method that was meant.
func suggestedMethod(method string) string {
	if upper := strings.ToUpper(method); slices.Contains(routeMethods, upper) {
		return upper
	}
	return routeMethods[0]
}

// badPath returns why an HTTPRoute does not match a path, or nothing.
func badPath(path string) string {
	switch {
	case path[0] != '/':
		return "it does not begin with /"
	case len(path) > maxPath:
		return fmt.Sprintf("it has %d characters, at most %d are allowed", len(path), maxPath)
	}
	for _, part := range []string{"//", "/./", "/../", "%2f", "%2F", "#"} {
		if strings.Contains(path, part) {
			return "it has " + part + " in it"
		}
	}
	for _, end := range []string{"/..", "/."} {
		if strings.HasSuffix(path, end) {
			return "it ends with " + end
		}
	}
	if !pathPattern().MatchString(path) {
		return "it has a character that must be written as % and two digits"
	}
	return ""
}
