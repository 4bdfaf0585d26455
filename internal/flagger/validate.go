package flagger

import "github.com/fleetwright/fleetwright/schema"

// A Problem is a field of a Canary's spec for which Flagger rejects the Canary.
type Problem struct {
	Field         schema.Path
	Message, Hint string
}

// differentCookies: a Canary is rejected for equal names of its cookies (#1861).
const differentCookies = 41

// Refused returns what a version of Flagger rejects a Canary for, which then does nothing: its
// validation (pkg/controller/controller.go, verifyCanary), and its router for Istio (pkg/router/istio.go,
// reconcileVirtualService). Its rules about Knative concern no Canary that is rendered, and those
// about other namespaces depend on how Flagger is installed.
func (c *Canary) Refused(v Version) (all []Problem) {
	if a := c.Analysis.SessionAffinity; a != nil && a.CookieName == a.PrimaryCookieName && v.since(differentCookies) {
		all = append(all, Problem{schema.Path{"analysis", "sessionAffinity", "primaryCookieName"},
			"Flagger rejects the Canary: cookieName and primaryCookieName are both " + a.CookieName, "primaryCookieName: " + a.CookieName + "-primary"})
	}
	if s := &c.Service; c.Provider == Istio && s.Delegation && len(s.Hosts)+len(s.Gateways) > 0 {
		all = append(all, Problem{schema.Path{"service", "delegation"},
			"Flagger rejects the Canary: with delegation, the VirtualService that delegates to it has the hosts and gateways", "remove hosts and gateways, or delegation"})
	}
	return all
}
