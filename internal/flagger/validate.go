package flagger

import (
	"maps"
	"regexp"
	"slices"

	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A Problem is a field of a Canary's spec that Flagger rejects the Canary for, or moves the traffic otherwise.
type Problem struct {
	Kind          ProblemKind
	Field         schema.Path
	Message, Hint string
}

// A ProblemKind is what a Problem is about.
type ProblemKind int

const (
	// Rejected is a field that Flagger's validation rejects.
	Rejected ProblemKind = iota
	// NoParent is an HTTPRoute without a parent.
	NoParent
	// BadCondition is a condition that an HTTPRoute does not have, or that Flagger cannot keep there. Of an
	// Unmapped one Flagger drops all others, too.
	BadCondition
	Unmapped
	// NeedsNewer is a field that a newer Flagger writes right.
	NeedsNewer
	// CORSWithoutAge is a CORS policy that the API server completes.
	CORSWithoutAge
	// MirrorBesideWeights is a mirror without a blue/green rollout.
	MirrorBesideWeights
	// TwoModifiers are two filters of which an HTTPRoute takes one.
	TwoModifiers
	// AffinityBesideMatch is a cookie for requests that do not match.
	AffinityBesideMatch
)

// differentCookies: a Canary is rejected for equal names of its cookies (#1861).
const differentCookies = 41

// Refused returns what a version of Flagger rejects a Canary for, which then does nothing: its
// validation (pkg/controller/controller.go, verifyCanary), and its routers for Istio (pkg/router/istio.go,
// reconcileVirtualService) and Gateway API (pkg/router/gateway_api.go, Reconcile). Its rules about Knative concern no Canary that is rendered, and those
// about other namespaces depend on how Flagger is installed.
func (c *Canary) Refused(v Version) (all []Problem) {
	if a := c.Analysis.SessionAffinity; a != nil && a.CookieName == a.PrimaryCookieName && v.since(differentCookies) {
		all = append(all, Problem{Rejected, schema.Path{"analysis", "sessionAffinity", "primaryCookieName"},
			"Flagger rejects the Canary: cookieName and primaryCookieName are both " + a.CookieName, "primaryCookieName: " + a.CookieName + "-primary"})
	}
	if s := &c.Service; c.Provider == Istio && s.Delegation && len(s.Hosts)+len(s.Gateways) > 0 {
		all = append(all, Problem{Rejected, schema.Path{"service", "delegation"},
			"Flagger rejects the Canary: with delegation, the VirtualService that delegates to it has the hosts and gateways", "remove hosts and gateways, or delegation"})
	}
	if c.Provider == GatewayAPI {
		all = append(all, c.refusedByGatewayAPI()...)
	}
	return all
}

// partOf returns which part a condition has that is neither exact nor regex.
func partOf(is api.StringMatch) string {
	switch {
	case is.Prefix != "":
		return "prefix"
	case is.Suffix != "":
		return "suffix"
	}
	return "nothing"
}

// AsRegex returns what to write in place of a condition that an HTTPRoute does not have.
func AsRegex(is api.StringMatch) string {
	switch {
	case is.Prefix != "":
		return "regex: ^" + regexp.QuoteMeta(is.Prefix) + ".*$"
	case is.Suffix != "":
		return "regex: ^.*" + regexp.QuoteMeta(is.Suffix) + "$"
	}
	return "exact: insider"
}

// refusedByGatewayAPI is what the router for Gateway API rejects.
func (c *Canary) refusedByGatewayAPI() (all []Problem) {
	refuse := func(kind ProblemKind, message, hint string, at ...any) {
		all = append(all, Problem{kind, schema.Path{"service"}.With(at...), "Flagger rejects the Canary: " + message, hint})
	}
	if len(c.Service.GatewayRefs) == 0 {
		refuse(NoParent, "its HTTPRoute has no parent", "gatewayRefs: [{name: public, namespace: infra}]", "gatewayRefs")
	}
	for i, m := range c.Service.Match {
		if m.URI != (api.StringMatch{}) && !hasText(m.URI) {
			refuse(BadCondition, "an HTTPRoute matches no such path", "uri: {prefix: /}", "match", i, "uri")
		}
		if m.Method != (api.StringMatch{}) && m.Method.Exact == "" {
			refuse(BadCondition, "an HTTPRoute matches a method as a whole", "method: {exact: GET}", "match", i, "method")
		}
		refuseUnmapped := func(field string, conditions map[string]api.StringMatch) {
			for _, name := range slices.Sorted(maps.Keys(conditions)) {
				if is := conditions[name]; IsUnmapped(is) {
					refuse(BadCondition, "an HTTPRoute matches headers and query parameters by exact and regex alone, not by "+partOf(is), AsRegex(is), "match", i, field, name)
				}
			}
		}
		refuseUnmapped("headers", m.Headers)
		refuseUnmapped("queryParams", m.QueryParams)
	}
	return all
}
