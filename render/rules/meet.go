package rules

import (
	"regexp"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema/api"
)

// SharedHost holds the routes that rollouts have for one host of an Istio gateway. Istio merges them in an
// undefined order, except that a route without conditions comes last (istio.io, Traffic Management Best
// Practices, Split large virtual services; istio/istio pilot/pkg/networking/core/route/route.go,
// IsCatchAllRoute).
type SharedHost struct {
	// One reports whether one rollout gets all requests, as with sidecars, which merge nothing.
	One      bool
	catchAll *Rollout
	routes   []sharedRoute
	// bySegment are the routes by the first segment of their paths, so that few are compared.
	bySegment map[string][]sharedRoute
}

type sharedRoute struct {
	flagger.Match
	of *Rollout
}

// Add adds the routes of a rollout. If another rollout may get the same requests, it returns that instead.
func (h *SharedHost) Add(r *Rollout) (other *Rollout) {
	var own []sharedRoute
	catchesAll := false
	for _, m := range routed(r.Canary) {
		if h.One || isCatchAll(m) {
			catchesAll = true
			continue
		}
		own = append(own, sharedRoute{m, r})
		others := [][]sharedRoute{h.routes}
		if segment := segmentOf(m); segment != "" {
			others = [][]sharedRoute{h.bySegment[segment], h.bySegment[""]}
		}
		for _, routes := range others {
			if i := slices.IndexFunc(routes, func(o sharedRoute) bool { return o.of != r && mayMeet(m, o.Match) }); i >= 0 {
				return routes[i].of
			}
		}
	}
	if catchesAll {
		if h.catchAll != nil && h.catchAll != r {
			return h.catchAll
		}
		h.catchAll = r
	}
	if h.bySegment == nil {
		h.bySegment = map[string][]sharedRoute{}
	}
	h.routes = append(h.routes, own...)
	for _, o := range own {
		segment := segmentOf(o.Match)
		h.bySegment[segment] = append(h.bySegment[segment], o)
	}
	return nil
}

// routed returns the conditions of the routes that Flagger creates for a Canary: the ones of its Service,
// combined with A/B testing and with the cookie of session affinity (fluxcd/flagger pkg/router/istio.go,
// mergeMatchConditions).
func routed(c *flagger.Canary) []flagger.Match {
	if strings.EqualFold(c.Service.AppProtocol, "tcp") {
		return []flagger.Match{{}}
	}
	all := slices.Clone(c.Service.Match)
	if len(all) == 0 {
		all = append([]flagger.Match{{}}, c.Analysis.Match...)
	}
	for _, m := range c.Service.Match {
		for _, chosen := range c.Analysis.Match {
			if chosen.Headers != nil {
				m.Headers = chosen.Headers
			}
			all = append(all, m)
		}
	}
	if c.Analysis.SessionAffinity == nil {
		return all
	}
	for _, m := range all[:max(len(c.Service.Match), 1)] {
		m.Headers = map[string]api.StringMatch{"Cookie": {}}
		all = append(all, m)
	}
	return all
}

// isCatchAll reports whether every request meets a condition.
func isCatchAll(m flagger.Match) bool {
	none := api.StringMatch{}
	return (m.URI == none || m.URI.Prefix == "/" || m.URI.Regex == ".*") && m.Method == none && m.Authority == none && m.Scheme == none &&
		len(m.Headers)+len(m.WithoutHeaders)+len(m.QueryParams) == 0
}

// mayMeet reports whether a request may meet both of two conditions.
func mayMeet(a, b flagger.Match) bool {
	if a.IgnoreURICase || b.IgnoreURICase {
		a.URI, b.URI = lower(a.URI), lower(b.URI)
	}
	if apart(a.URI, b.URI) || apart(a.Method, b.Method) || apart(a.Authority, b.Authority) || apart(a.Scheme, b.Scheme) {
		return false
	}
	return !anyApart(a.Headers, b.Headers) && !anyApart(a.QueryParams, b.QueryParams)
}

func anyApart(a, b map[string]api.StringMatch) bool {
	for name := range a {
		if _, ok := b[name]; ok && apart(a[name], b[name]) {
			return true
		}
	}
	return false
}

// apart reports whether no text meets both of two conditions, judged by the texts' beginnings.
func apart(a, b api.StringMatch) bool {
	x, isX := begin(a)
	y, isY := begin(b)
	return isX && !strings.HasPrefix(x, y) || isY && !strings.HasPrefix(y, x) || isX && isY && x != y ||
		!strings.HasPrefix(x, y) && !strings.HasPrefix(y, x)
}

// begin returns the beginning of all texts that meet a condition, and whether it is the whole text. Envoy
// matches regular expressions against the whole text.
func begin(m api.StringMatch) (text string, whole bool) {
	if m.Regex != "" {
		re, err := regexp.Compile(strings.TrimPrefix(m.Regex, "^"))
		if err != nil {
			return "", false // reported elsewhere
		}
		return re.LiteralPrefix()
	}
	return m.Exact + m.Prefix, m.Exact != ""
}

// lower returns a condition in lower case. Regular expressions are dropped, because their letters may be
// classes.
func lower(m api.StringMatch) api.StringMatch {
	if m.Regex != "" {
		return api.StringMatch{}
	}
	return api.StringMatch{Exact: strings.ToLower(m.Exact), Prefix: strings.ToLower(m.Prefix), Suffix: m.Suffix}
}

// segmentOf returns the first segment of all paths that meet a condition, in lower case, or nothing if they
// differ.
func segmentOf(m flagger.Match) string {
	path, whole := begin(m.URI)
	if path == "" || path[0] != '/' {
		return ""
	}
	segment, _, ended := strings.Cut(path[1:], "/")
	if !ended && !whole {
		return ""
	}
	return "/" + strings.ToLower(segment)
}
