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

// A Problem is a field of a Canary's spec that makes Flagger reject the Canary, or move the traffic incorrectly.
type Problem struct {
	Kind          ProblemKind
	Field         schema.Path
	Message, Hint string
}

// A ProblemKind is the kind of a Problem.
type ProblemKind int

const (
	// Rejected is a field that Flagger's validation rejects.
	Rejected ProblemKind = iota
	// Incomplete is a Canary for which the provider's router cannot create a route, or whose target it does not
	// support.
	Incomplete
	// NoParent is an HTTPRoute without a parent.
	NoParent
	// BadCondition is a condition that an HTTPRoute does not support, or that Flagger cannot keep in it. For an
	// Unmapped one Flagger also drops all other conditions.
	BadCondition
	Unmapped
	// NeedsNewer is a field that only newer versions of Flagger write correctly.
	NeedsNewer
	// CORSWithoutAge is a CORS policy to which the API server adds an age.
	CORSWithoutAge
	// MirrorBesideWeights is a mirror without a blue/green rollout.
	MirrorBesideWeights
	// TwoModifiers are two filters of a kind that an HTTPRoute may have only once.
	TwoModifiers
	// Reset is a condition for which Flagger resets the traffic at random.
	Reset
	// UnevenPromotion is a stepwise promotion whose weights do not add up to 100%.
	UnevenPromotion
	// AffinityBesideMatch is a session cookie for requests that do not match.
	AffinityBesideMatch
)

// differentCookies: Flagger rejects a Canary whose two cookies have the same name (#1861).
const differentCookies = 41

// Rejected returns the fields for which a version of Flagger rejects the Canary, which then has no rollout: its
// validation (pkg/controller/controller.go, verifyCanary), and its routers, each in its Reconcile (pkg/router, and
// for Istio reconcileVirtualService). Its validation of other namespaces depends on how Flagger is installed, and
// is not included.
func (c *Canary) Rejected(v Version) (all []Problem) {
	reject := func(kind ProblemKind, at schema.Path, message, hint string) {
		all = append(all, Problem{kind, at, "Flagger rejects the Canary: " + message, hint})
	}
	if a := c.Analysis.SessionAffinity; a != nil && a.CookieName == a.PrimaryCookieName && v.since(differentCookies) {
		reject(Rejected, schema.Path{"analysis", "sessionAffinity", "primaryCookieName"},
			"cookieName and primaryCookieName are both "+a.CookieName, "primaryCookieName: "+a.CookieName+"-primary")
	}
	if s := &c.Service; c.Provider == Istio && s.Delegation && len(s.Hosts)+len(s.Gateways) > 0 {
		reject(Rejected, schema.Path{"service", "delegation"},
			"with delegation, hosts and gateways belong to the VirtualService that delegates to this one", "remove hosts and gateways, or delegation")
	}
	if c.Service.Port == 0 && !c.TargetRef.IsKnative() { // pkg/router/factory.go, KubernetesRouter
		all = append(all, Problem{Incomplete, schema.Path{"service"}, "the Canary has no service: Flagger creates Services with port 0, which Kubernetes rejects, so the Canary never initializes", "service: {port: 80}"})
	}
	all = append(all, c.rejectedByKnative(v)...)
	if need := c.Router().needs; need != nil && !need.has(c) {
		reject(Incomplete, need.field, need.message, need.hint)
	}
	if c.IsGatewayAPI() {
		all = append(all, c.rejectedByGatewayAPI()...)
	}
	return all
}

// rejectedByKnative returns Flagger's rejections about Knative Services, which need the provider knative
// (pkg/controller/controller.go, verifyKnativeCanary).
func (c *Canary) rejectedByKnative(v Version) []Problem {
	is, target := c.TargetRef.IsKnative(), schema.Path{"targetRef", "kind"}
	switch {
	case !v.since(withKnative) && c.Provider == Knative:
		return []Problem{{NeedsNewer, schema.Path{"provider"}, "Flagger before 1.41 does not support knative", "provider: istio, or Flagger 1.41 or newer"}}
	case !v.since(withKnative):
		return nil
	case is && c.Provider != Knative:
		return []Problem{{Incomplete, target, "Flagger rejects the Canary: a Knative Service needs the provider knative, not " + c.Provider, "provider: knative"}}
	case !is && c.Provider == Knative:
		return []Problem{{Incomplete, target, "Flagger rejects the Canary: the provider knative needs a target of serving.knative.dev/v1, kind Service", "targetRef: {apiVersion: serving.knative.dev/v1, kind: Service, name: podinfo}"}}
	case is && c.AutoscalerRef != nil:
		return []Problem{{Incomplete, schema.Path{"autoscalerRef"}, "Flagger rejects the Canary: Knative scales its Services automatically", "remove autoscalerRef"}}
	}
	return nil
}

// AsRegex returns the replacement for a condition that an HTTPRoute does not support.
func AsRegex(is api.StringMatch) string {
	switch {
	case is.Prefix != "":
		return "regex: ^" + regexp.QuoteMeta(is.Prefix) + ".*$"
	case is.Suffix != "":
		return "regex: ^.*" + regexp.QuoteMeta(is.Suffix) + "$"
	}
	return "exact: insider"
}

// rejectedByGatewayAPI returns the rejections of the router for Gateway API.
func (c *Canary) rejectedByGatewayAPI() (all []Problem) {
	reject := func(kind ProblemKind, message, hint string, at ...any) {
		all = append(all, Problem{kind, schema.Path{"service"}.With(at...), "Flagger rejects the Canary: " + message, hint})
	}
	if len(c.Service.GatewayRefs) == 0 {
		reject(NoParent, "its HTTPRoute has no parent", "gatewayRefs: [{name: public, namespace: infra}]", "gatewayRefs")
	}
	for i, m := range c.Service.Match {
		if m.URI != (api.StringMatch{}) && !hasText(m.URI) {
			reject(BadCondition, "an HTTPRoute cannot match this path", "uri: {prefix: /}", "match", i, "uri")
		}
		if m.Method != (api.StringMatch{}) && m.Method.Exact == "" {
			reject(BadCondition, "an HTTPRoute matches a method as a whole", "method: {exact: GET}", "match", i, "method")
		}
		refuseUnmapped := func(field string, conditions map[string]api.StringMatch) {
			for _, name := range slices.Sorted(maps.Keys(conditions)) {
				if is := conditions[name]; IsUnmapped(is) {
					reject(BadCondition, "an HTTPRoute matches headers and query parameters only by exact and regex, not by "+cmp.Or(is.Part(), "nothing"), AsRegex(is), "match", i, field, name)
				}
			}
		}
		refuseUnmapped("headers", m.Headers)
		refuseUnmapped("queryParams", m.QueryParams)
	}
	return all
}

// Misroutes returns the fields for which the traffic does not follow the analysis, although Flagger accepts the
// Canary.
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
			"on knative, the steps of a promotion do not add up to 100%, so Knative rejects them and the promotion never ends", "remove stepWeightPromotion"})
	}
	return all
}

// stopsPromoting reports whether the promotion of a good version never ends.
func (c *Canary) stopsPromoting(v Version) bool {
	if c.Analysis.StepWeightPromotion == 0 {
		return false
	}
	run := c.Run(v, Scenario{})
	return run.Outcome == Endless && run.Ticks[len(run.Ticks)-1].Phase == Promoting
}
