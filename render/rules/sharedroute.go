package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema/api"
)

// SharedRoutes are the conditions that the HTTPRoutes of a cluster have for hosts at their parents. Of two with
// the same, the older one gets all requests (kubernetes-sigs/gateway-api apis/v1/httproute_types.go,
// HTTPRouteRule.Matches).
type SharedRoutes map[routeKey]*Rollout

// A routeKey is a condition for a host at a parent. Without a listener it is for any, or for all of them.
type routeKey struct {
	parent, host, match string
	any                 bool
	listener            string
}

// A SharedRoute is what two HTTPRoutes have both: the index of the parent in the Canary, and its host, empty where
// they are for all hosts.
type SharedRoute struct {
	Other  *Rollout
	Parent int
	Host   string
	// HostIndex is that of the host in the Canary.
	HostIndex int
}

// mostRoutes bounds what is compared of one rollout. An HTTPRoute has fewer.
const mostRoutes = 128

// Add adds the routes of a rollout, unless another has the same, which it then returns.
func (all SharedRoutes) Add(r *Rollout) *SharedRoute {
	if !r.IsGatewayAPI() {
		return nil
	}
	hosts := r.Service.Hosts
	if len(hosts) == 0 {
		hosts = []string{""}
	}
	if len(r.Service.Match)*max(len(r.Analysis.Match), 1) > mostRoutes || len(hosts) > mostRoutes || len(r.Service.GatewayRefs) > mostRoutes {
		return nil // which is reported
	}
	var matches []string
	for _, m := range gatewayMatches(r.Canary) {
		matches = append(matches, conditionText(m))
	}
	for p, ref := range r.Service.GatewayRefs {
		if ref.IsService() {
			continue // a rollout's own, or that is reported
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

// gatewayMatches are the conditions of the rules that Flagger makes of a Canary, but for those of cookies
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

// conditionText is the same for conditions that are the same in an HTTPRoute. A prefix ends with a segment.
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
