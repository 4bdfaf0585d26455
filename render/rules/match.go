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

// checkMatch reports conditions of A/B testing that a Canary does not take, or that its
// provider does not read.
func checkMatch(r *Rollout) {
	a := &r.Analysis
	if len(a.Match) == 0 || r.Provider != flagger.Istio && r.Provider != flagger.Nginx { // of gatewayapi the provider has rules
		return
	}
	// On Istio the weights of a plain Canary are those of the requests that match (pkg/router/istio.go, SetRoutes).
	if weights := a.StepWeight > 0 || a.MaxWeight > 0 || len(a.StepWeights) > 0; weights && !(r.Plain && r.Provider == flagger.Istio) {
		r.Report(diag.MatchWithWeights, inAnalysis("match"),
			"with match Flagger splits no traffic by weight: on istio what does not match stays with the old version, on nginx the first good check promotes the new one",
			"write analysisTimes in place of canaryStrategy for A/B testing, or remove match")
	}
	for i, m := range a.Match {
		at := inAnalysis("match", i)
		if len(m.Headers)+len(m.QueryParams)+len(m.SourceLabels) == 0 {
			r.Report(diag.BadMatch, at, "the condition has no headers, and so every request meets it", "headers: {x-canary: {exact: insider}}")
		}
		for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
			// Of a suffix Flagger's type and nginx's rule know, Istio does not
			// (networking/v1alpha3, StringMatch).
			r.CheckStringMatch(m.Headers[name], at.With("headers", name), r.Provider != flagger.Istio)
		}
		for _, name := range slices.Sorted(maps.Keys(m.QueryParams)) {
			r.CheckStringMatch(m.QueryParams[name], at.With("queryParams", name), false)
		}
	}
}

// CheckStringMatch reports what is wrong with a condition on text.
func (r *Rollout) CheckStringMatch(m api.StringMatch, at schema.Path, suffix bool) {
	for _, p := range StringMatchProblems(m, suffix) {
		r.Report(diag.BadMatch, at.With(p.Path...), p.Message, p.Hint)
	}
}

// A Problem is a field that its reader refuses, by its path below a Canary's service, or one
// of its conditions.
type Problem struct {
	Path          schema.Path
	Message, Hint string
}

// maxRegex is the longest regular expression that Istio takes
// (pkg/config/validation/validation.go, validateStringRegexp).
const maxRegex = 1024

// StringMatchProblems are what the CRD (artifacts/flagger/crd.yaml) and Istio's
// validation would refuse of a condition on text.
func StringMatchProblems(m api.StringMatch, suffix bool) []Problem {
	all := TextProblems(m, "exact, prefix, suffix or regex", "{exact: insider}")
	if m.Suffix != "" && !suffix {
		all = append(all, Problem{schema.Path{"suffix"}, "Istio has no suffix in a condition", "regex: .*" + regexp.QuoteMeta(m.Suffix)})
	}
	if len(m.Regex) > maxRegex {
		all = append(all, Problem{schema.Path{"regex"}, fmt.Sprintf("the regular expression has %d characters, Istio takes at most %d", len(m.Regex), maxRegex), "use exact or prefix, or a shorter expression"})
	}
	return all
}

// TextProblems are those of a condition on text that any router has, by the parts of which this one takes one.
func TextProblems(m api.StringMatch, parts, example string) (all []Problem) {
	set := slices.DeleteFunc([]string{m.Exact, m.Prefix, m.Suffix, m.Regex}, func(text string) bool { return text == "" })
	if len(set) != 1 {
		all = append(all, Problem{nil, fmt.Sprintf("the condition has %d parts, and takes one: %s", len(set), parts), example})
	}
	if _, err := regexp.Compile(m.Regex); err != nil {
		all = append(all, Problem{schema.Path{"regex"}, fmt.Sprintf("%q is not a regular expression", m.Regex), "escape characters such as [ and ( with a backslash"})
	}
	return all
}
