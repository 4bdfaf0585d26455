package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema/api"
)

// checkCanary rejects a Canary without a service. The CRD accepts it since 1.41, for Knative; for other workloads Flagger
// creates Services with port 0 (pkg/router/kubernetes_default.go). It also rejects retries on failures that Istio does not know.
func checkCanary(s *api.CanarySpec) []Rejection {
	if s.Service == nil && s.TargetRef.Kind != "Service" && s.TargetRef.Kind != "" {
		return broken(diag.MissingField, Path{"service"}, "service is missing; Flagger would create Services with port 0, which the API server rejects", "service: {port: 80}")
	}
	if s.Service == nil || s.Service.Retries == nil || s.Service.Retries.RetryOn == "" || s.Provider != "istio" {
		return nil
	}
	f, failures, at := formatNamed("retry-on"), s.Service.Retries.RetryOn, Path{"service", "retries", "retryOn"}
	if why := f.reject(failures); why != "" {
		return broken(diag.WrongFormat, at, f.explain(failures, why), lineOf(at, f.suggest(failures)))
	}
	return nil
}

// checkCanaryMetric rejects an interval that Prometheus does not read. One of a template is read by its provider: 1min is Graphite's.
func checkCanaryMetric(m *api.CanaryMetric) []Rejection {
	interval := string(m.Interval)
	if m.TemplateRef != nil || interval == "" || compiled(patternNamed("flagger-duration")).MatchString(interval) {
		return nil
	}
	words, meant := explainPattern(patternNamed("flagger-duration"), interval)
	return broken(diag.WrongFormat, Path{"interval"}, fmt.Sprintf("%q is not %s", interval, words), lineOf(Path{"interval"}, meant))
}

// checkCanaryAnalysis rejects an analysis without a strategy or with two, which the CRD has in one oneOf
// (fluxcd/flagger artifacts/flagger/crd.yaml, analysis).
func checkCanaryAnalysis(a *api.CanaryAnalysis) []Rejection {
	var given []string
	for i, set := range []bool{a.StepWeight != nil, a.StepWeights != nil, a.Iterations != nil} {
		if set {
			given = append(given, strategies[i])
		}
	}
	switch {
	case len(given) == 0:
		return broken(diag.NoStrategy, nil, "the analysis has no strategy; Flagger's CRD requires one of stepWeight, stepWeights and iterations", "stepWeight: 10 and maxWeight: 50 to move the traffic by weight, or iterations: 10 for blue/green and A/B testing")
	case len(given) == 1:
		return nil
	}
	code, keep := diag.StrategiesExclude, "stepWeight to move the traffic by weight, or iterations for blue/green and A/B testing"
	if !slices.Contains(given, "iterations") {
		code, keep = diag.StepsExclude, "one of the two"
	}
	last := given[len(given)-1]
	return broken(code, Path{last}, fmt.Sprintf("%s and %s exclude each other; Flagger's CRD requires exactly one of them", given[0], last), "keep "+keep)
}

// strategies are the fields of an analysis of which Flagger's CRD requires one.
var strategies = []string{"stepWeight", "stepWeights", "iterations"}

// hasOpenStrategy reports whether an analysis has a strategy that Flux fills in, so that its value is not in the object.
func (d *Document) hasOpenStrategy(analysis Path) bool {
	return slices.ContainsFunc(strategies, func(field string) bool { return d.isOpen(d.Text(analysis.With(field)...)) })
}

// isOpen reports whether Flux may replace a part of a text with its postBuild before the API server has the document:
// the result is unknown (fluxcd/pkg kustomize/kustomize_varsub.go).
func (d *Document) isOpen(text string) bool {
	return d.open && strings.Contains(text, "${")
}

// IsOpenAt reports whether Flux may replace a part of a text at or below a path.
func (d *Document) IsOpenAt(path Path) bool {
	if !d.open {
		return false
	}
	d.openOnce.Do(func() {
		d.openAt = map[string]bool{}
		for _, at := range d.Texts(d.isOpen) {
			for n := range len(at) + 1 {
				d.openAt[at[:n].String()] = true
			}
		}
	})
	return d.openAt[path.String()]
}
