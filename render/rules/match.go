package rules

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

// checkMatch reports conditions of A/B testing that a Canary rejects or its provider does not read.
func checkMatch(r *Rollout) {
	a := &r.Analysis
	if len(a.Match) == 0 || r.Provider != flagger.Istio && r.Provider != flagger.Nginx { // gatewayapi has its own rules
		return
	}
	// On istio the weights of a plain Canary split the matching requests (pkg/router/istio.go, SetRoutes).
	if weights := a.StepWeight > 0 || a.MaxWeight > 0 || len(a.StepWeights) > 0; weights && !(r.Plain && r.Provider == flagger.Istio) {
		message := "with match, the weights split only the matching requests; all other requests stay on the stable version until promotion"
		if r.Provider == flagger.Nginx {
			message = "match overrides the weights: matching requests all go to the new version, and the first passed check promotes it"
		}
		r.Report(diag.MatchWithWeights, inAnalysis("match"), message, "analysisTimes: 10 instead of canaryStrategy for A/B testing, or remove match")
	}
	for i, m := range a.Match {
		at := inAnalysis("match", i)
		if len(m.Headers)+len(m.QueryParams)+len(m.SourceLabels) == 0 {
			r.Report(diag.BadMatch, at, "the condition has no headers, so every request meets it", "headers: {x-canary: {exact: insider}}")
		}
		for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
			// Flagger's type and nginx know suffix, Istio does not (networking/v1alpha3, StringMatch).
			r.CheckStringMatch(m.Headers[name], at.With("headers", name), r.Provider != flagger.Istio)
		}
		for _, name := range slices.Sorted(maps.Keys(m.QueryParams)) {
			r.CheckStringMatch(m.QueryParams[name], at.With("queryParams", name), false)
		}
	}
}

// CheckStringMatch reports mistakes in a string match.
func (r *Rollout) CheckStringMatch(m api.StringMatch, at schema.Path, suffix bool) {
	for _, p := range StringMatchProblems(m, suffix) {
		r.Report(diag.BadMatch, at.With(p.Path...), p.Message, p.Hint)
	}
}

// A Problem is an invalid field, by its path below a Canary's service or one of its conditions.
type Problem struct {
	Path          schema.Path
	Message, Hint string
}

// maxRegex is the longest regular expression that Istio accepts (pkg/config/validation/validation.go,
// validateStringRegexp).
const maxRegex = 1024

// StringMatchProblems returns the mistakes in a string match that the CRD (artifacts/flagger/crd.yaml) or
// Istio's validation rejects.
func StringMatchProblems(m api.StringMatch, suffix bool) []Problem {
	all := TextProblems(m, "exact, prefix, suffix or regex", "{exact: insider}")
	if m.Suffix != "" && !suffix {
		all = append(all, Problem{schema.Path{"suffix"}, "Istio does not support suffix", "regex: .*" + regexp.QuoteMeta(m.Suffix)})
	}
	if len(m.Regex) > maxRegex {
		all = append(all, Problem{schema.Path{"regex"}, fmt.Sprintf("the regular expression has %d characters; Istio allows %d", len(m.Regex), maxRegex), "use exact or prefix, or a shorter expression"})
	}
	return all
}

// TextProblems returns the mistakes in a string match for any router. parts are the comparisons that this one
// knows.
func TextProblems(m api.StringMatch, parts, example string) (all []Problem) {
	set := slices.DeleteFunc([]string{m.Exact, m.Prefix, m.Suffix, m.Regex}, func(text string) bool { return text == "" })
	if len(set) != 1 {
		all = append(all, Problem{nil, fmt.Sprintf("the condition has %d comparisons, but needs exactly one: %s", len(set), parts), example})
	}
	if _, err := regexp.Compile(m.Regex); err != nil {
		all = append(all, Problem{schema.Path{"regex"}, fmt.Sprintf("%q is not a valid regular expression", m.Regex), "escape characters such as [ and ( with a backslash"})
	}
	return all
}
