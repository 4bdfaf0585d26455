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

// Check reports problems of a rollout on Gateway API.
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

// checkRoute reports problems of the HTTPRoute that do not depend on the implementation.
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
		r.Report(diag.AffinityNeedsWeights, inAffinity, "sessionAffinity has no effect: it needs traffic that Flagger splits by weight", "canaryStrategy: {stepWeight: 10}, instead of analysisTimes")
	}
}

// Rejected returns the parts of a Canary for which the API server would reject the HTTPRoute.
func (*gatewayAPI) Rejected(c *flagger.Canary) []rules.Problem {
	return below(schema.Path{"spec"}, httpRouteProblems(c))
}

var (
	inAffinity = schema.Path{"analysis", "sessionAffinity"}
	inCORS     = schema.Path{"service", "corsPolicy"}
)

// checkKumaFields reports fields that only Kuma reads.
func checkKumaFields(r *rollout.Rollout) {
	const hint = "remove the field, or gateway: {implementation: kuma} in plugin.flagger"
	if r.MeshName != "" {
		r.Report(diag.NotOnGatewayAPI, schema.Path{"meshName"}, "meshName is for kuma, but another component implements Gateway API here", hint)
	}
	if r.Routing().Protocol != "" {
		r.Report(diag.NotOnGatewayAPI, rollout.InRouting("protocol"), "protocol is for kuma, but another component implements Gateway API here", "set appProtocol of the rollout instead")
	}
}

// checkMisroutes reports fields that route traffic differently from the Canary.
func (g *gatewayAPI) checkMisroutes(r *rules.Rollout) {
	for _, p := range r.Misroutes(r.On.Version) {
		switch p.Kind {
		case flagger.AffinityBesideMatch:
			if r.Analysis.Iterations > 0 {
				continue // reported elsewhere
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

// reportUnmapped reports the header or query parameter of an A/B testing condition that Flagger cannot write
// into the HTTPRoute.
func reportUnmapped(r *rules.Rollout, at schema.Path, m flagger.Match) bool {
	for _, f := range []struct {
		field string
		of    map[string]api.StringMatch
	}{{"headers", m.Headers}, {"queryParams", m.QueryParams}} {
		for _, name := range slices.Sorted(maps.Keys(f.of)) {
			if is := f.of[name]; flagger.IsUnmapped(is) {
				r.Report(diag.BadGatewayMatch, at.With(f.field, name),
					"an HTTPRoute matches only by exact or regex; because of this condition, Flagger drops the whole match and sends every request to the new version", flagger.AsRegex(is))
				return true
			}
		}
	}
	return false
}

// checkConditions reports conditions that mean something else in an HTTPRoute, except those that Flagger cannot
// write.
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
			r.Report(diag.BadGatewayMatch, at, "the condition is empty, so Flagger drops it", "uri: {prefix: /}")
		}
	}
	for i, m := range r.Analysis.Match {
		at := schema.Path{"analysis", "match", i}
		texts(at.With("headers"), m.Headers)
		texts(at.With("queryParams"), m.QueryParams)
		if len(m.Headers) > 0 && headers {
			r.Report(diag.BadGatewayMatch, at.With("headers"), "headers of match replace the headers of serviceMatch, so requests without these also reach the new version", "queryParams, or no headers in serviceMatch")
		}
		if len(m.QueryParams) > 0 && params {
			r.Report(diag.BadGatewayMatch, at.With("queryParams"), "queryParams of match replace the queryParams of serviceMatch, so requests without these also reach the new version", "headers, or no queryParams in serviceMatch")
		}
	}
}

// checkText reports a text condition with several parts, of which Flagger uses one, or with an invalid regular
// expression.
func checkText(r *rules.Rollout, at schema.Path, m api.StringMatch, parts, example string) {
	if m == (api.StringMatch{}) {
		return // reported where it matters
	}
	for _, p := range rules.TextProblems(m, parts, example) {
		r.Report(diag.BadGatewayMatch, at.With(p.Path...), p.Message, p.Hint)
	}
}

// checkIgnored reports Istio conditions that Flagger drops.
func checkIgnored(r *rules.Rollout) {
	for i, m := range r.Analysis.Match {
		if len(m.SourceLabels) == 0 {
			continue
		}
		message := "Flagger ignores sourceLabels on gatewayapi: requests of pods with any labels meet the condition"
		if len(m.Headers)+len(m.QueryParams) == 0 {
			message = "Flagger ignores sourceLabels on gatewayapi; without them the condition is empty, and Flagger sends every request to the new version"
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
				r.Report(diag.NotOnGatewayAPI, schema.Path{"service", "match", i, f.name}, "Flagger ignores "+f.name+" on gatewayapi: the field is for istio", "remove the field")
			}
		}
	}
}

// checkOwnMirror reports mirrors that Flagger mistakes for an analysis mirror (pkg/router/gateway_api.go,
// GetRoutes, which compares only the name; pkg/controller/scheduler.go, advanceCanary), and a mirror that
// Flagger ignores (runAB).
func checkOwnMirror(r *rules.Rollout) {
	for i, m := range r.Service.Mirror {
		if name := m.BackendRef.Name; name == r.Service.Name+rules.CanarySuffix {
			r.Report(diag.BadMirror, schema.Path{"service", "mirror", i, "backendRef", "name"},
				fmt.Sprintf("Flagger mistakes a mirror to %s for the mirror of an analysis and skips confirm-traffic-increase hooks; between rollouts the Service has no pods", name),
				"trafficAnalysis: {mirror: true} and trafficRouting: {analysisTimes: 10}, instead of this mirror")
		}
	}
	if r.Analysis.Mirror && r.Strategy() == flagger.ABTesting {
		r.Report(diag.BadMirror, schema.Path{"analysis", "mirror"}, "Flagger mirrors only in blue/green rollouts, and ignores mirror with match", "analysisTimes: 10, without match")
	}
}

// corsSince holds the version of Gateway API in which each channel gained the CORS filter
// (kubernetes-sigs/gateway-api CHANGELOG/1.3-CHANGELOG.md and 1.5-CHANGELOG.md).
var corsSince = map[string]settings.MinorVersion{
	"experimental":  {Major: 1, Minor: 3},
	standardChannel: {Major: 1, Minor: 5},
}

// dropsCORS reports whether the implementation supports no CORS.
func (g *gatewayAPI) dropsCORS(r *rules.Rollout) bool {
	return g.implementation == contour || g.kuma != nil && slices.ContainsFunc(r.Service.GatewayRefs, api.GatewayRef.IsService)
}

// checkCORS reports a CORS policy that is ignored or rejected.
func (g *gatewayAPI) checkCORS(r *rules.Rollout) {
	cors := r.Service.CorsPolicy
	if cors == nil {
		return
	}
	if g.dropsCORS(r) {
		if g.implementation == contour {
			r.Report(diag.NoCORS, inCORS, "Contour accepts no HTTPRoute with CORS; Flagger would wait for it forever", "remove the field, and answer preflight requests in the application")
		}
		return // checkDropped reports it for Kuma
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
		r.Report(diag.NoCORS, inCORS, fmt.Sprintf("the %s channel of Gateway API %s has no CORS, so the API server rejects the HTTPRoute", channel, version), hint)
	}
	if len(cors.AllowOrigins) > 0 {
		origin := cmp.Or(cors.AllowOrigins[0].Exact, "https://app.example.com")
		r.Report(diag.NoCORS, inCORS.With("allowOrigins"), "Flagger ignores allowOrigins on gatewayapi: origins cannot be patterns there", fmt.Sprintf("allowOrigin: [%s]", origin))
	}
}

// contourProtocols holds the values of appProtocol that Contour supports (projectcontour/contour
// internal/dag/accessors.go@v1.33.6, toContourProtocol).
var contourProtocols = []string{"", "http", "https", "kubernetes.io/h2c", "kubernetes.io/ws"}

// checkAppProtocol reports a protocol for which Contour answers every request with 500.
func (g *gatewayAPI) checkAppProtocol(r *rules.Rollout) {
	if p := r.Service.AppProtocol; g.implementation == contour && !slices.Contains(contourProtocols, p) {
		hint := "appProtocol: http"
		if slices.Contains([]string{"grpc", "http2", "h2c"}, strings.ToLower(p)) {
			hint = "appProtocol: kubernetes.io/h2c"
		}
		r.Report(diag.ProtocolOnContour, schema.Path{"service", "appProtocol"},
			fmt.Sprintf("Contour does not know appProtocol %s and answers every request with 500; the HTTPRoute stays accepted, so Flagger continues", p), hint)
	}
}

// checkFleetRefs reports parents set by fleets that route nothing.
func (g *gatewayAPI) checkFleetRefs() {
	for _, p := range g.platform.Plugins {
		if p.Gateway == nil {
			continue
		}
		for i, ref := range p.Gateway.Refs {
			if ref.IsService() {
				ref.Group, ref.Name = cmp.Or(ref.Group, new("")), cmp.Or(ref.Name, "own")
			}
			// Without a namespace, a ref means the namespace of each rollout.
			if problem := cmp.Or(g.refProblem(ref, ""), g.kuma.gatewayProblem(p.Gateway.Refs)); problem != nil {
				g.base.installer.base(p).report(diag.BadGatewayRef, schema.Path{"gateway", "refs", i}.With(problem.Path...), problem.Message, problem.Hint)
			}
		}
	}
}

// checkParents reports parents of a rollout's route that route no traffic, or none to the rollout.
func (g *gatewayAPI) checkParents(r *rules.Rollout) {
	refs := schema.Path{"service", "gatewayRefs"}
	for i, ref := range r.Service.GatewayRefs {
		problem := cmp.Or(g.refProblem(ref, r.ID.Namespace), g.kuma.gatewayProblem(r.Service.GatewayRefs))
		if problem != nil && !r.Has(refs...) {
			continue // reported for the fleet
		}
		if problem == nil && ref.IsService() {
			problem = ownServiceProblem(r, ref)
		}
		if problem != nil {
			r.Report(diag.BadGatewayRef, refs.With(i).With(problem.Path...), problem.Message, problem.Hint)
		}
	}
}

// refProblem returns why a parent routes nothing, or nil. The default namespace may be unknown, and is "" then.
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
		return problem("", fmt.Sprintf("in a mesh of Kuma, the parent of a rollout's HTTPRoute is its Service, not a %s", kind), "{kind: Service}")
	case kind != kindGateway && kind != kindService:
		return problem("kind", fmt.Sprintf("the parent of an HTTPRoute is a Gateway or a Service, not a %s", kind), "kind: Gateway")
	case kind == kindGateway && group != api.GatewayGroup:
		return problem("group", fmt.Sprintf("the group of a Gateway is %s, not %q: the route is ignored, and no traffic moves", api.GatewayGroup, group), "group: "+api.GatewayGroup)
	case kind == kindGateway && ref.Name == "":
		return problem("", "the reference to a Gateway has no name", "{name: public, namespace: infra}, or "+aService)
	case kind == kindService && g.implementation == contour:
		return problem("kind", "Contour ignores a route whose parent is a Service: no traffic moves", fmt.Sprintf("{name: %s, namespace: %s}", gatewayName, contourNamespace))
	case kind == kindService && group != "" && (g.implementation != "kuma" || group != api.GatewayGroup):
		return problem("group", fmt.Sprintf("the group of a Service is %q, not %q: the route is ignored, and Flagger promotes each version without a request to it", "", group), `group: ""`)
	case kind == kindGateway && g.isRendered(contour):
		return g.contourRefProblem(ref, cmp.Or(ptr.Deref(ref.Namespace, ""), namespace))
	}
	return nil
}

// contourRefProblem returns why a parent is not the rendered Gateway. Contour serves no other.
func (g *gatewayAPI) contourRefProblem(ref api.GatewayRef, namespace string) *rules.Problem {
	rendered := fmt.Sprintf("{name: %s, namespace: %s}", gatewayName, contourNamespace)
	switch {
	case ref.Name != gatewayName || namespace != contourNamespace:
		return &rules.Problem{
			Message: fmt.Sprintf("Contour serves only Gateway %s in namespace %s: the route is ignored, and no traffic moves", gatewayName, contourNamespace),
			Hint:    rendered + ", or gateway: {implementation: other} in plugin.flagger if something else serves this Gateway",
		}
	case ptr.Deref(ref.SectionName, "http") != "http":
		return &rules.Problem{Path: schema.Path{"sectionName"}, Message: fmt.Sprintf("the Gateway has no listener %s", *ref.SectionName), Hint: "sectionName: http"}
	case ptr.Deref(ref.Port, 80) != 80:
		return &rules.Problem{Path: schema.Path{"port"}, Message: fmt.Sprintf("the Gateway listens on port 80, not on %d", *ref.Port), Hint: "port: 80"}
	}
	return nil
}

// ownServiceProblem returns why a Service is not a working parent: it must be the rollout's own, with its port.
func ownServiceProblem(r *rules.Rollout, ref api.GatewayRef) *rules.Problem {
	own, port, portName := r.Service.Name, r.Service.Port, cmp.Or(r.Service.PortName, "http")
	switch {
	case ref.Name != own:
		return &rules.Problem{
			Path: schema.Path{"name"}, Message: fmt.Sprintf("the parent is Service %s: its callers would get the versions of %s", ref.Name, own),
			Hint: fmt.Sprintf("name: %s, port: %d", own, port),
		}
	case ptr.Deref(ref.Namespace, r.ID.Namespace) != r.ID.Namespace:
		return &rules.Problem{
			Path: schema.Path{"namespace"}, Message: fmt.Sprintf("the rollout's Service is in namespace %s; callers of the one in %s would get its versions", r.ID.Namespace, *ref.Namespace),
			Hint: "remove the line",
		}
	case ptr.Deref(ref.Port, port) != port:
		return &rules.Problem{
			Path: schema.Path{"port"}, Message: fmt.Sprintf("the rollout's Service has port %d: with port %d, the route matches no request and all go to the old version", port, *ref.Port),
			Hint: fmt.Sprintf("port: %d", port),
		}
	case ptr.Deref(ref.SectionName, portName) != portName:
		return &rules.Problem{
			Path: schema.Path{"sectionName"}, Message: fmt.Sprintf("the port of the rollout's Service is named %s: with sectionName %s, the route matches no request and all go to the old version", portName, *ref.SectionName),
			Hint: "sectionName: " + portName,
		}
	}
	return nil
}

// The limits of an HTTPRoute (kubernetes-sigs/gateway-api
// config/crd/standard/gateway.networking.k8s.io_httproutes.yaml@v1.5.1), which is the source of all rules below.
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

// The patterns of the CRD.
var (
	hostnamePattern   = lazyregexp.New(`^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	headerNamePattern = lazyregexp.New("^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$")
	pathPattern       = lazyregexp.New(`^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$`)
	durationPattern   = lazyregexp.New(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)
	originPattern     = lazyregexp.New(`^\*$|^https?://((\*\.)?([a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(:[0-9]{1,5})?$`)
)

// routeMethods holds the methods that an HTTPRoute can match.
var routeMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

// httpRouteProblems returns the problems that the API server would find in the HTTPRoute of a Canary, by their
// paths below the Canary's spec.
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
			why, hint = "an HTTPRoute without hosts is for all hosts", "remove hosts"
		case net.ParseIP(host) != nil:
			why = "it is an IP address"
		case withPort:
			why, hint = "a host has no port", name
		case !hostnamePattern().MatchString(host) || len(host) > 253:
			why = "a host has only lower-case letters, digits, '-' and '.', at most 253"
		}
		if why != "" {
			all = append(all, rules.Problem{Path: schema.Path{"hosts", i}, Message: fmt.Sprintf("%q is not a valid host: %s", host, why), Hint: hint})
		}
	}
	return all
}

func tooMany(at schema.Path, what string, n, most int) rules.Problem {
	return rules.Problem{Path: at, Message: fmt.Sprintf("there are %d %s; an HTTPRoute allows at most %d", n, what, most), Hint: fmt.Sprintf("at most %d %s", most, what)}
}

// parentProblems reports too many parents, and duplicates.
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

// timeoutProblems reports durations with unsupported units or too many digits, and a backend timeout longer than
// the request timeout.
func timeoutProblems(s *flagger.Service) (all []rules.Problem) {
	for _, f := range []struct{ field, name, value string }{{"timeout", "timeoutSeconds", s.Timeout}, {"backendTimeout", "backendTimeoutSeconds", s.BackendTimeout}} {
		if f.value != "" && !durationPattern().MatchString(f.value) {
			all = append(all, rules.Problem{Path: schema.Path{f.field}, Message: fmt.Sprintf("%q is not a valid duration: use numbers of at most 5 digits with the unit h, m, s or ms", f.value), Hint: f.name + ": 60"})
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

// routeHeaderProblems returns the problems of header filters.
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

// badHeader returns why an HTTPRoute rejects a header name and its value, or "".
func badHeader(name, value string, most int) string {
	switch {
	case !headerNamePattern().MatchString(name) || len(name) > maxHeaderName:
		return fmt.Sprintf("%q is not a valid name of a header or query parameter", name)
	case value == "":
		return name + " has no value, which an HTTPRoute does not allow"
	case len(value) > most:
		return fmt.Sprintf("%s has %d characters; an HTTPRoute allows at most %d", name, len(value), most)
	}
	return ""
}

// duplicates returns the items that a list repeats.
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

// rewriteProblems reports a path that is too long, and a prefix rewrite without a single prefix condition.
func rewriteProblems(c *flagger.Canary) (all []rules.Problem) {
	w := c.Service.Rewrite
	if w == nil {
		return nil
	}
	at := schema.Path{"rewrite"}
	if w.URI == "" && w.Authority == "" {
		all = append(all, rules.Problem{Path: at, Message: "rewrite has neither uri nor authority, so it changes nothing", Hint: "uri: /v2"})
	}
	if len(w.URI) > maxPath {
		all = append(all, rules.Problem{Path: at.With("uri"), Message: fmt.Sprintf("the path has %d characters; an HTTPRoute allows at most %d", len(w.URI), maxPath), Hint: "a shorter path"})
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
			Path: at.With("type"), Message: replacePrefix + " needs a single condition in each rule of the HTTPRoute, with a prefix",
			Hint: "one serviceMatch with uri: {prefix: /shop} and at most one match, or type: ReplaceFullPath",
		})
	}
	return all
}

const replacePrefix = "ReplacePrefixMatch"

// mirrorProblems reports Services without a port.
func mirrorProblems(s *flagger.Service) (all []rules.Problem) {
	for i, m := range s.Mirror {
		if b := m.BackendRef; b.Port == nil && ptr.Deref(b.Kind, kindService) == kindService && ptr.Deref(b.Group, "") == "" {
			all = append(all, rules.Problem{Path: schema.Path{"mirror", i, "backendRef"}, Message: fmt.Sprintf("the mirror to Service %s needs a port", b.Name), Hint: "port: 80"})
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
			all = append(all, rules.Problem{Path: at, Message: "an HTTPRoute allows * only as the single entry", Hint: f.name + `: ["*"]`})
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

// countProblems reports too many conditions or filters. A rule combines each condition of match with each of
// serviceMatch, and a rule for a cookie repeats those of serviceMatch.
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
		all = append(all, rules.Problem{Path: at, Message: fmt.Sprintf("%d conditions of match times %d of serviceMatch are more than the %d that a rule of an HTTPRoute allows", len(a), len(s), maxRuleMatches), Hint: "fewer conditions of " + of})
	case first > maxRuleMatches:
		all = append(all, rules.Problem{Path: at, Message: fmt.Sprintf("there are %d conditions; a rule of an HTTPRoute allows at most %d", first, maxRuleMatches), Hint: "fewer conditions of " + of})
	case first+rest > maxRouteMatches:
		all = append(all, rules.Problem{Path: at, Message: fmt.Sprintf("the rules of the HTTPRoute would have %d conditions; at most %d are allowed", first+rest, maxRouteMatches), Hint: "fewer conditions of " + of})
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
		all = append(all, rules.Problem{Path: schema.Path{"service", "mirror"}, Message: fmt.Sprintf("the rule would have %d filters; an HTTPRoute allows at most %d", filters, maxFilters), Hint: "fewer mirrors"})
	}
	return all
}

// conditionProblems returns the problems of conditions that Flagger can write.
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
			all = append(all, rules.Problem{Path: at.With("uri", "regex"), Message: fmt.Sprintf("the regular expression has %d characters; an HTTPRoute allows at most %d", len(m.URI.Regex), maxPath), Hint: "a shorter one"})
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

// suggestedMethod returns the method that was probably meant.
func suggestedMethod(method string) string {
	if upper := strings.ToUpper(method); slices.Contains(routeMethods, upper) {
		return upper
	}
	return routeMethods[0]
}

// badPath returns why an HTTPRoute rejects a path, or "".
func badPath(path string) string {
	switch {
	case path[0] != '/':
		return "it does not begin with /"
	case len(path) > maxPath:
		return fmt.Sprintf("it has %d characters, at most %d are allowed", len(path), maxPath)
	}
	for _, part := range []string{"//", "/./", "/../", "%2f", "%2F", "#"} {
		if strings.Contains(path, part) {
			return "it contains " + part
		}
	}
	for _, end := range []string{"/..", "/."} {
		if strings.HasSuffix(path, end) {
			return "it ends with " + end
		}
	}
	if !pathPattern().MatchString(path) {
		return "it contains a character that must be written as % and two hexadecimal digits"
	}
	return ""
}
