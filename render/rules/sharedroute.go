package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema/api"
)

// SharedRoutes are the conditions that the HTTPRoutes of a cluster have for hosts at their parents. Of two equal
// ones, the older HTTPRoute gets all requests (kubernetes-sigs/gateway-api apis/v1/httproute_types.go,
// HTTPRouteRule.Matches).
type SharedRoutes map[routeKey]*Rollout

// A routeKey is a condition for a host at a parent. Without a listener it is for any listener, or for all.
type routeKey struct {
	parent, host, match string
	any                 bool
	listener            string
}

// A SharedRoute is what two HTTPRoutes share: the index of the parent in the Canary, and the host, empty if they
// are for all hosts.
type SharedRoute struct {
	Other  *Rollout
	Parent int
	Host   string
	// HostIndex is the index of the host in the Canary.
	HostIndex int
}

// mostRoutes limits the comparisons for one rollout. An HTTPRoute has fewer routes.
const mostRoutes = 128

// Add adds the routes of a rollout. If another rollout has the same, it returns that instead.
func (all SharedRoutes) Add(r *Rollout) *SharedRoute {
	if !r.IsGatewayAPI() {
		return nil
	}
	hosts := r.Service.Hosts
	if len(hosts) == 0 {
		hosts = []string{""}
	}
	if len(r.Service.Match)*max(len(r.Analysis.Match), 1) > mostRoutes || len(hosts) > mostRoutes || len(r.Service.GatewayRefs) > mostRoutes {
		return nil // reported elsewhere
	}
	var matches []string
	for _, m := range gatewayMatches(r.Canary) {
		matches = append(matches, conditionText(m))
	}
	for p, ref := range r.Service.GatewayRefs {
		if ref.IsService() {
			continue // the rollout's own, or reported elsewhere
		}
		namespace, listener := r.ID.Namespace, ""
		if ref.Namespace != nil {
			namespace = *ref.Namespace
		}
		switch {
		case ref.SectionName != nil:
			listener = *ref.SectionName
		case ref.Port != nil:
			listener = fmt.Sprint(":", *ref.Port)
		}
		for h, host := range hosts {
			for _, match := range matches {
				key := routeKey{parent: namespace + "/" + ref.Name, host: host, match: match}
				whole, own := key, key
				whole.any, own.listener = true, listener
				others := []routeKey{own, key}
				if listener == "" {
					others = []routeKey{whole}
				}
				for _, k := range others {
					if other := all[k]; other != nil && other != r {
						return &SharedRoute{other, p, host, h}
					}
				}
				all[whole], all[own] = r, r
			}
		}
	}
	return nil
}

// gatewayMatches returns the conditions of the rules that Flagger creates for a Canary, except cookies
// (fluxcd/flagger pkg/router/gateway_api.go, mergeMatchConditions).
func gatewayMatches(c *flagger.Canary) []flagger.Match {
	service := c.Service.Match
	if len(service) == 0 {
		service = []flagger.Match{{URI: api.StringMatch{Prefix: "/"}}}
	}
	all := slices.Clone(service)
	for _, a := range c.Analysis.Match {
		for _, m := range service {
			if len(a.Headers) > 0 {
				m.Headers = a.Headers
			}
			if len(a.QueryParams) > 0 {
				m.QueryParams = a.QueryParams
			}
			all = append(all, m)
		}
	}
	return all
}

// conditionText returns equal texts for conditions that are equal in an HTTPRoute. A prefix ends at a segment.
func conditionText(m flagger.Match) string {
	uri := m.URI
	if uri.Prefix != "/" {
		uri.Prefix = strings.TrimSuffix(uri.Prefix, "/")
	}
	if uri == (api.StringMatch{}) {
		uri.Prefix = "/"
	}
	text := fmt.Sprintf("%q %q", uri, m.Method.Exact)
	for _, of := range []map[string]api.StringMatch{m.Headers, m.QueryParams} {
		text += " |"
		for _, name := range slices.Sorted(maps.Keys(of)) {
			text += fmt.Sprintf(" %q %q", strings.ToLower(name), of[name])
		}
	}
	return text
}
