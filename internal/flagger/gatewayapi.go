package flagger

import (
	"fmt"
	"time"

	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// reconcile begins each tick. If the HTTPRoute differs from the one that Flagger wants, apart from the weights,
// Flagger rewrites it, and the canary loses its traffic (pkg/router/gateway_api.go, Reconcile). reconcile reports
// whether the tick continues; it does not until the parents have accepted the rewritten route.
func (s *scheduler) reconcile() bool {
	if !s.rewritten {
		return true
	}
	s.route, s.rewritten = Route{}, false
	return s.Provider == GatewayAPIV1Beta1 || !s.version.since(awaitsAccepted)
}

// hasEmptyTimeout reports whether the second rule of the HTTPRoute, for requests that do not match, has an empty
// timeout (pkg/router/gateway_api.go, SetRoutes).
func (c *Canary) hasEmptyTimeout(v Version) bool {
	return c.Provider == GatewayAPI && len(c.Analysis.Match) > 0 && c.Service.Timeout == "" && !v.since(noEmptyTimeout)
}

// hasTwoModifiers reports whether the rule that deletes the cookie has a second ResponseHeaderModifier
// (pkg/router/gateway_api.go, getSessionAffinityRouteRules), which the CRD of HTTPRoute rejects.
func (c *Canary) hasTwoModifiers() bool {
	return c.IsGatewayAPI() && c.Analysis.SessionAffinity != nil && c.Service.Headers != nil && c.Service.Headers.Response != nil
}

// completed returns the fields that the API server fills with a default in the HTTPRoute. Flagger then treats the
// default as a difference (config/crd/standard of sigs.k8s.io/gateway-api: the path / of a match, the maxAge 5 of
// CORS).
func (c *Canary) completed(v Version) (all []Problem) {
	if !c.IsGatewayAPI() {
		return nil
	}
	const rewritten = ", so Flagger rewrites the HTTPRoute at every check: the canary loses its traffic each time"
	for i, m := range c.Service.Match {
		if known := len(m.Headers)+len(m.QueryParams) > 0 || m.Method.Exact != ""; known && !hasText(m.URI) {
			all = append(all, Problem{BadCondition, schema.Path{"service", "match", i},
				"the condition has no uri; the API server adds the path /" + rewritten, "uri: {prefix: /}"})
		}
	}
	if cors := c.Service.CorsPolicy; cors != nil && c.Provider == GatewayAPI && v.since(corsOfGatewayAPI) {
		if age, err := time.ParseDuration(string(cors.MaxAge)); err != nil || age < time.Second {
			all = append(all, Problem{CORSWithoutAge, schema.Path{"service", "corsPolicy"},
				"corsPolicy has no maxAge of at least 1s; the API server adds 5s" + rewritten, "maxAge: 24h"})
		}
	}
	return all
}

func hasText(m api.StringMatch) bool { return m.Exact != "" || m.Prefix != "" || m.Regex != "" }

// anyOrder is the effect of a condition on two values.
const anyOrder = " in random order and resets the %s whenever the order changes: the canary loses its traffic at random"

// misroutedHTTP returns the fields that the routers for Gateway API write wrong (pkg/router/gateway_api.go and
// gateway_api_v1beta1.go).
func (c *Canary) misroutedHTTP(v Version) (all []Problem) {
	match := schema.Path{"analysis", "match"}
	if c.hasEmptyTimeout(v) {
		all = append(all, Problem{NeedsNewer, match, "Flagger before 1.43 writes an empty timeout with match, which the API server rejects: the rollout never advances", "timeoutSeconds: 60"})
	}
	if c.Analysis.Mirror && c.Strategy() == Weighted {
		all = append(all, Problem{MirrorBesideWeights, schema.Path{"analysis", "mirror"}, "Flagger mirrors only in blue/green rollouts; with weights, it waits for the mirror forever", "analysisTimes: 10, instead of canaryStrategy"})
	}
	all = append(all, c.completed(v)...)
	for i, m := range c.Analysis.Match {
		if len(m.Headers)+len(m.QueryParams) == 0 || hasUnmapped(m) {
			all = append(all, Problem{Unmapped, match.With(i), "Flagger cannot write this condition: it drops all conditions, and every request goes to the canary",
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
				all = append(all, Problem{NeedsNewer, schema.Path{"service", "headers"}, "Flagger before 1.39 writes two headers" + fmt.Sprintf(anyOrder, "HTTPRoute"), "one header in each of set and add"})
				break
			}
		}
	}
	if c.hasTwoModifiers() {
		all = append(all, Problem{TwoModifiers, schema.Path{"service", "headers", "response"}, "with sessionAffinity, the HTTPRoute after a rollout has two ResponseHeaderModifiers, which the API server rejects: the canary keeps its traffic, and no rollback ends",
			"remove headers.response, or sessionAffinity"})
	}
	if c.Analysis.SessionAffinity != nil && len(c.Analysis.Match) > 0 {
		all = append(all, Problem{AffinityBesideMatch, schema.Path{"analysis", "sessionAffinity"}, "with match, Flagger also splits the requests that do not match", "canaryStrategy: {stepWeight: 10}, without match"})
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
