package flagger

import (
	"fmt"
	"time"

	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// reconcile is how each tick begins: where the HTTPRoute is not the one that Flagger wants, but for
// the weights, Flagger writes it anew, and the canary has no traffic (pkg/router/gateway_api.go,
// Reconcile). It reports whether the tick goes on: until the parents have accepted what was just
// written, it does not.
func (s *scheduler) reconcile() bool {
	if !s.rewritten {
		return true
	}
	s.route, s.rewritten = Route{}, false
	return s.Provider == GatewayAPIV1Beta1 || !s.version.since(awaitsAccepted)
}

// hasEmptyTimeout reports whether the second rule of the HTTPRoute, for requests that do not match,
// has the timeout "" (pkg/router/gateway_api.go, SetRoutes).
func (c *Canary) hasEmptyTimeout(v Version) bool {
	return c.Provider == GatewayAPI && len(c.Analysis.Match) > 0 && c.Service.Timeout == "" && !v.since(noEmptyTimeout)
}

// hasTwoModifiers reports whether the rule that takes the cookie back has a second
// ResponseHeaderModifier (pkg/router/gateway_api.go, getSessionAffinityRouteRules), which the CRD of
// HTTPRoute refuses.
func (c *Canary) hasTwoModifiers() bool {
	return c.IsGatewayAPI() && c.Analysis.SessionAffinity != nil && c.Service.Headers != nil && c.Service.Headers.Response != nil
}

// completed are the fields of which the API server completes the HTTPRoute with a default that
// Flagger then takes for a difference (config/crd/standard of sigs.k8s.io/gateway-api: the path / of
// a match, the maxAge 5 of CORS).
func (c *Canary) completed(v Version) (all []Problem) {
	if !c.IsGatewayAPI() {
		return nil
	}
	const rewritten = ", and Flagger writes the HTTPRoute anew at every check: the canary loses its traffic each time"
	for i, m := range c.Service.Match {
		if known := len(m.Headers)+len(m.QueryParams) > 0 || m.Method.Exact != ""; known && !hasText(m.URI) {
			all = append(all, Problem{BadCondition, schema.Path{"service", "match", i},
				"the condition has no uri. The API server adds the path /" + rewritten, "uri: {prefix: /}"})
		}
	}
	if cors := c.Service.CorsPolicy; cors != nil && c.Provider == GatewayAPI && v.since(corsOfGatewayAPI) {
		if age, err := time.ParseDuration(string(cors.MaxAge)); err != nil || age < time.Second {
			all = append(all, Problem{CORSWithoutAge, schema.Path{"service", "corsPolicy"},
				"corsPolicy has no maxAge of at least 1s. The API server adds 5s" + rewritten, "maxAge: 24h"})
		}
	}
	return all
}

func hasText(m api.StringMatch) bool { return m.Exact != "" || m.Prefix != "" || m.Regex != "" }

// anyOrder is why a condition on two values resets a route.
const anyOrder = " in any order, takes another order for a difference, and resets the %s: the canary loses its traffic at random"

// misroutedHTTP is what the routers for Gateway API make of a Canary (pkg/router/gateway_api.go and
// gateway_api_v1beta1.go).
func (c *Canary) misroutedHTTP(v Version) (all []Problem) {
	match := schema.Path{"analysis", "match"}
	if c.hasEmptyTimeout(v) {
		all = append(all, Problem{NeedsNewer, match, "before 1.43 Flagger writes an empty timeout beside match. The API server refuses that, so the rollout never moves", "timeoutSeconds: 60"})
	}
	if c.Analysis.Mirror && c.Strategy() == Weighted {
		all = append(all, Problem{MirrorBesideWeights, schema.Path{"analysis", "mirror"}, "Flagger mirrors in blue/green alone. Beside weights it waits for the mirror for ever", "analysisTimes: 10, in place of canaryStrategy"})
	}
	all = append(all, c.completed(v)...)
	for i, m := range c.Analysis.Match {
		if len(m.Headers)+len(m.QueryParams) == 0 || hasUnmapped(m) {
			all = append(all, Problem{Unmapped, match.With(i), "Flagger cannot write this condition. It drops all conditions, and every request goes to the canary",
				"headers: {x-canary: {exact: insider}}"})
		}
	}
	for _, of := range []struct {
		in      schema.Path
		matches []Match
	}{{schema.Path{"service", "match"}, c.Service.Match}, {match, c.Analysis.Match}} {
		for i, m := range of.matches {
			if len(m.Headers) > 1 || len(m.QueryParams) > 1 {
				all = append(all, Problem{BadCondition, of.in.With(i), "Flagger writes two headers or query parameters of one condition" + fmt.Sprintf(anyOrder, "HTTPRoute"),
					"one header, or one query parameter, in each condition"})
			}
		}
	}
	if h := c.Service.Headers; h != nil && !v.since(sortedHeaders) {
		for _, o := range []*api.HeaderOperations{h.Request, h.Response} {
			if o != nil && (len(o.Set) > 1 || len(o.Add) > 1) {
				all = append(all, Problem{NeedsNewer, schema.Path{"service", "headers"}, "before 1.39 Flagger writes two headers" + fmt.Sprintf(anyOrder, "HTTPRoute"), "one header in each of set and add"})
				break
			}
		}
	}
	if c.hasTwoModifiers() {
		all = append(all, Problem{TwoModifiers, schema.Path{"service", "headers", "response"}, "with sessionAffinity the HTTPRoute that ends a rollout has two ResponseHeaderModifiers. The API server refuses that, so the canary keeps its traffic, and no rollback ends",
			"remove headers.response, or sessionAffinity"})
	}
	if c.Analysis.SessionAffinity != nil && len(c.Analysis.Match) > 0 {
		all = append(all, Problem{AffinityBesideMatch, schema.Path{"analysis", "sessionAffinity"}, "with match Flagger splits the requests that do not match, too", "canaryStrategy: {stepWeight: 10}, without match"})
	}
	return all
}

// IsUnmapped reports whether Flagger cannot write the condition of a header or a query parameter into an
// HTTPRoute (pkg/router/gateway_api.go, mapRouteMatches).
func IsUnmapped(is api.StringMatch) bool { return is.Exact == "" && is.Regex == "" }

func hasUnmapped(m Match) bool {
	for _, conditions := range []map[string]api.StringMatch{m.Headers, m.QueryParams} {
		for _, is := range conditions {
			if IsUnmapped(is) {
				return true
			}
		}
	}
	return false
}
