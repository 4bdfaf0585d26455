package render

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

func newCanaryMatches(all []api.HTTPMatch) (matches []flagger.Match) {
	for _, m := range all {
		matches = append(matches, flagger.Match{Headers: m.Headers, QueryParams: m.QueryParams, SourceLabels: m.SourceLabels})
	}
	return matches
}

// checkMatch says which conditions a Canary does not take, or the provider does
// not read.
func (r *rollout) checkMatch() {
	routing := r.routing()
	if len(routing.Match) == 0 || !slices.Contains(matchOn, r.TrafficRoutingProvider) {
		return
	}
	if routing.CanaryStrategy != nil {
		r.report(diag.MatchWithWeights, inRouting("match"),
			"with match Flagger splits no traffic by weight: on istio what does not match stays with the old version, on nginx the first good check promotes the new one",
			"write analysisTimes in place of canaryStrategy for A/B testing, or remove match")
	}
	for i, m := range routing.Match {
		at := inRouting("match").With(i)
		if ok := r.checkMatchFields(m, at); ok && len(m.Headers)+len(m.QueryParams)+len(m.SourceLabels) == 0 {
			r.report(diag.BadMatch, at, "the condition has no headers, and so every request meets it", "headers: {x-canary: {exact: insider}}")
		}
		for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
			// Of a suffix Flagger's type and nginx's rule know, Istio does not
			// (networking/v1alpha3, StringMatch).
			r.checkStringMatch(m.Headers[name], at.With("headers", name), r.TrafficRoutingProvider != istioProvider)
		}
		for _, name := range slices.Sorted(maps.Keys(m.QueryParams)) {
			r.checkStringMatch(m.QueryParams[name], at.With("queryParams", name), false)
		}
	}
}

// matchOn are the providers that A/B testing works on.
var matchOn = []string{istioProvider, nginxProvider}

// checkMatchFields refuses what a Canary's analysis has no place for.
func (r *rollout) checkMatchFields(m api.HTTPMatch, at schema.Path) (ok bool) {
	ok = true
	for _, f := range []struct {
		name  string
		value any
	}{
		{"name", m.Name}, {"uri", m.Uri}, {"scheme", m.Scheme}, {"method", m.Method}, {"authority", m.Authority}, {"port", m.Port},
		{"gateways", m.Gateways}, {"ignoreUriCase", m.IgnoreUriCase}, {"withoutHeaders", m.WithoutHeaders}, {"sourceNamespace", m.SourceNamespace},
	} {
		if f.value != nil {
			r.report(diag.BadMatch, at.With(f.name), fmt.Sprintf("a Canary's analysis has no %s in match", f.name), "use headers, queryParams or sourceLabels")
			ok = false
		}
	}
	return ok
}

// checkStringMatch checks a condition on text.
func (r *rollout) checkStringMatch(m api.StringMatch, at schema.Path, suffix bool) {
	for _, p := range stringMatchProblems(m, suffix) {
		r.report(diag.BadMatch, at.With(p.path...), p.message, p.hint)
	}
}

// maxRegex is the longest regular expression that Istio takes
// (pkg/config/validation/validation.go, validateStringRegexp).
const maxRegex = 1024

// stringMatchProblems are what the CRD (artifacts/flagger/crd.yaml) and Istio's
// validation would refuse of a condition on text.
func stringMatchProblems(m api.StringMatch, suffix bool) (all []routeProblem) {
	set := 0
	for _, text := range []string{m.Exact, m.Prefix, m.Suffix, m.Regex} {
		if text != "" {
			set++
		}
	}
	if set != 1 {
		all = append(all, routeProblem{nil, fmt.Sprintf("a condition is exactly one of exact, prefix, suffix and regex, this one has %d of them", set), "{exact: insider}"})
	}
	if m.Suffix != "" && !suffix {
		all = append(all, routeProblem{schema.Path{"suffix"}, "Istio has no suffix in a condition", "regex: .*" + regexp.QuoteMeta(m.Suffix)})
	}
	if len(m.Regex) > maxRegex {
		all = append(all, routeProblem{schema.Path{"regex"}, fmt.Sprintf("the regular expression has %d characters, Istio takes at most %d", len(m.Regex), maxRegex), "use exact or prefix, or a shorter expression"})
	} else if _, err := regexp.Compile(m.Regex); err != nil {
		all = append(all, routeProblem{schema.Path{"regex"}, fmt.Sprintf("%q is not a regular expression", m.Regex), "escape characters such as [ and ( with a backslash"})
	}
	return all
}
