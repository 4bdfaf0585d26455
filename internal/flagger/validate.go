package flagger

import (
	"cmp"
	"fmt"
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
	// Incomplete is a Canary of which the provider's router can make no route, or whose target is not for it.
	Incomplete
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
	// Reset is a condition with which Flagger takes the traffic back at random.
	Reset
	// UnevenPromotion is a promotion in steps whose weights are not 100% together.
	UnevenPromotion
	// AffinityBesideMatch is a cookie for requests that do not match.
	AffinityBesideMatch
)

// differentCookies: a Canary is rejected for equal names of its cookies (#1861).
const differentCookies = 41

// Rejected returns what a version of Flagger rejects a Canary for, which then does nothing: its
// validation (pkg/controller/controller.go, verifyCanary), and its routers, each in its Reconcile (pkg/router,
// and for Istio reconcileVirtualService). What it says of other namespaces depends on how Flagger is installed.
func (c *Canary) Rejected(v Version) (all []Problem) {
	refuse := func(kind ProblemKind, at schema.Path, message, hint string) {
		all = append(all, Problem{kind, at, "Flagger rejects the Canary: " + message, hint})
	}
	if a := c.Analysis.SessionAffinity; a != nil && a.CookieName == a.PrimaryCookieName && v.since(differentCookies) {
		refuse(Rejected, schema.Path{"analysis", "sessionAffinity", "primaryCookieName"},
			"cookieName and primaryCookieName are both "+a.CookieName, "primaryCookieName: "+a.CookieName+"-primary")
	}
	if s := &c.Service; c.Provider == Istio && s.Delegation && len(s.Hosts)+len(s.Gateways) > 0 {
		refuse(Rejected, schema.Path{"service", "delegation"},
			"with delegation, the VirtualService that delegates to it has the hosts and gateways", "remove hosts and gateways, or delegation")
	}
	if c.Service.Port == 0 && !c.TargetRef.IsKnative() { // pkg/router/factory.go, KubernetesRouter
		all = append(all, Problem{Incomplete, schema.Path{"service"}, "the Canary has no service: Flagger makes Services with port 0, which Kubernetes rejects, and the Canary never initializes", "service: {port: 80}"})
	}
	all = append(all, c.refusedByKnative(v)...)
	if need := c.Router().needs; need != nil && !need.has(c) {
		refuse(Incomplete, need.field, need.message, need.hint)
	}
	if c.IsGatewayAPI() {
		all = append(all, c.refusedByGatewayAPI()...)
	}
	return all
}

// refusedByKnative is what Flagger says of a Service of Knative, which one provider is for
// (pkg/controller/controller.go, verifyKnativeCanary).
func (c *Canary) refusedByKnative(v Version) []Problem {
	is, target := c.TargetRef.IsKnative(), schema.Path{"targetRef", "kind"}
	switch {
	case !v.since(withKnative) && c.Provider == Knative:
		return []Problem{{NeedsNewer, schema.Path{"provider"}, "before 1.41 Flagger has no router for knative", "provider: istio, or Flagger 1.41 or newer"}}
	case !v.since(withKnative):
		return nil
	case is && c.Provider != Knative:
		return []Problem{{Incomplete, target, "Flagger rejects the Canary: a Service of Knative is for the provider knative, and this one is " + c.Provider, "provider: knative"}}
	case !is && c.Provider == Knative:
		return []Problem{{Incomplete, target, "Flagger rejects the Canary: the provider knative is for a Service of serving.knative.dev/v1, and the target is another", "targetRef: {apiVersion: serving.knative.dev/v1, kind: Service, name: podinfo}"}}
	case is && c.AutoscalerRef != nil:
		return []Problem{{Incomplete, schema.Path{"autoscalerRef"}, "Flagger rejects the Canary: Knative scales its Services by itself", "remove autoscalerRef"}}
	}
	return nil
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
					refuse(BadCondition, "an HTTPRoute matches headers and query parameters by exact and regex alone, not by "+cmp.Or(is.Part(), "nothing"), AsRegex(is), "match", i, field, name)
				}
			}
		}
		refuseUnmapped("headers", m.Headers)
		refuseUnmapped("queryParams", m.QueryParams)
	}
	return all
}

// Misroutes returns the fields with which the traffic does not move as the analysis says, although
// Flagger takes the Canary: what its routers make of them.
func (c *Canary) Misroutes(v Version) (all []Problem) {
	if c.IsGatewayAPI() {
		return c.misroutedHTTP(v)
	}
	r := c.Router()
	for i, m := range c.Analysis.Match {
		if r.unordered && len(m.Headers) > 1 {
			all = append(all, Problem{Reset, schema.Path{"analysis", "match", i, "headers"},
				"Flagger writes two headers of one condition" + fmt.Sprintf(anyOrder, "route"), "one header in the condition"})
		}
	}
	if r.Provider == Knative && c.stopsPromoting(v) {
		all = append(all, Problem{UnevenPromotion, schema.Path{"analysis", "stepWeightPromotion"},
			"on knative the steps of a promotion do not add up to 100%, and Knative refuses them: the promotion never ends", "remove stepWeightPromotion"})
	}
	return all
}

// stopsPromoting reports whether a good version is promoted for ever.
func (c *Canary) stopsPromoting(v Version) bool {
	if c.Analysis.StepWeightPromotion == 0 {
		return false
	}
	run := c.Run(v, Scenario{})
	return run.Outcome == Endless && run.Ticks[len(run.Ticks)-1].Phase == Promoting
}
