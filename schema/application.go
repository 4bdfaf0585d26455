package schema

import (
	"fmt"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema/api"
)

// checkSource rejects all but one source: Kurator reads only one, whichever it finds first.
func checkSource(s *api.ApplicationSource) (all []Rejection) {
	var set []string
	for _, source := range []struct {
		name string
		set  bool
	}{{"gitRepository", s.GitRepository != nil}, {"helmRepository", s.HelmRepository != nil}, {"ociRepository", s.OCIRepository != nil}, {"existing", s.Existing != nil}} {
		if !source.set {
			continue
		}
		for _, first := range set {
			all = append(all, broken(diag.OneSource, Path{source.name}, "an Application has only one source, and "+first+" is already set", "remove one of the two")...)
		}
		set = append(set, source.name)
	}
	if len(set) == 0 {
		return broken(diag.OneSource, nil, "the Application has no source, so Flux has nothing to apply", "add gitRepository: {url: https://…, interval: 3m0s, ref: {branch: main}}")
	}
	return all
}

func checkGit(s *api.GitRepository) []Rejection {
	all := append(checkInterval("repository is fetched", s.Interval), checkSourceTimeout(s.Timeout)...)
	// source-controller api/v1, GitRepositorySpec, XValidation
	if s.ServiceAccountName != "" && s.Provider != "azure" && s.Provider != "aws" {
		all = append(all, broken(diag.RefusedBeside, Path{"serviceAccountName"}, "serviceAccountName needs provider azure or aws; without one the API server rejects the source", "provider: azure, or secretRef instead of serviceAccountName")...)
	}
	return all
}

func checkHelmRepository(s *api.HelmRepository) []Rejection { return checkSourceTimeout(s.Timeout) }

func checkOCI(s *api.OCIRepository) []Rejection {
	return append(checkInterval("artifact is pulled", s.Interval), checkSourceTimeout(s.Timeout)...)
}

// checkInterval rejects an interval of 0s, with which source-controller fetches once and
// never polls.
func checkInterval(fetched string, interval api.Duration) []Rejection {
	if !isZero(interval) {
		return nil
	}
	return broken(diag.NeverPolled, Path{"interval"}, fmt.Sprintf("with an interval of %s, the %s once and never again", interval, fetched), "interval: 1m0s, or longer")
}

// checkSourceTimeout rejects a timeout of 0s, which has ended before anything is fetched.
func checkSourceTimeout(timeout api.SourceTimeout) []Rejection {
	if !isZero(timeout) {
		return nil
	}
	return broken(diag.OutOfBounds, Path{"timeout"}, fmt.Sprintf("with a timeout of %s, Flux never fetches anything", timeout), "timeout: 60s")
}

// MaxOverrides is the most overrides that a policy or a source may have: each is compared with every other one.
const MaxOverrides = 100

func tooManyOverrides(n int) []Rejection {
	return broken(diag.OutOfBounds, Path{"overrides"}, fmt.Sprintf("there are %d overrides; at most %d are allowed", n, MaxOverrides),
		"use variables such as ${cluster.labels.replicas}, or split the policy")
}

// checkSpec rejects too many overrides of the source.
func checkSpec(s *api.ApplicationSpec) []Rejection {
	if len(s.Overrides) > MaxOverrides {
		return tooManyOverrides(len(s.Overrides))
	}
	return nil
}

// checkPolicy rejects a policy that applies nothing, or two things.
func checkPolicy(p *api.SyncPolicy) (all []Rejection) {
	if len(p.Overrides) > MaxOverrides {
		all = tooManyOverrides(len(p.Overrides))
	}
	switch {
	case p.Kustomization != nil && p.Helm != nil:
		all = append(all, broken(diag.OnePolicy, Path{"helm"}, "a sync policy is a kustomization or a helm release, not both", "split it into two policies")...)
	case p.Kustomization == nil && p.Helm == nil:
		all = append(all, broken(diag.OnePolicy, nil, "a sync policy needs a kustomization or a helm release", "add kustomization: {interval: 5m0s, path: ./deploy, prune: true}")...)
	}
	return all
}

// checkHelmStrategy rejects an interval between tries with a strategy that does not try again
// (helm-controller api/v2, InstallStrategy and UpgradeStrategy, XValidation).
func checkHelmStrategy(s *api.HelmStrategy) []Rejection {
	if s.Name != "RemediateOnFailure" || s.RetryInterval == "" {
		return nil
	}
	return broken(diag.RefusedBeside, Path{"retryInterval"}, "RemediateOnFailure has no retryInterval; the API server rejects one", "name: RetryOnFailure, or remediation: {retries: 3} instead of strategy")
}

// checkStrategy rejects a rollout without a strategy, or with one that has no steps: Flagger's
// CRD wants one in every analysis, and Kurator renders none. On kubernetes no weights move.
func checkStrategy(o *api.Rollout) []Rejection {
	const at = "rolloutPolicy"
	p, r, byWeight := &o.RolloutPolicy, o.RolloutPolicy.TrafficRouting, o.TrafficRoutingProvider != "kubernetes"
	hint, steps := "add trafficRouting: {analysisTimes: 10}", "analysisTimes: 10, instead of canaryStrategy"
	if byWeight {
		hint, steps = "add trafficRouting: {canaryStrategy: {stepWeight: 10, maxWeight: 50}}", "add stepWeight: 10"
	}
	switch {
	case r != nil && r.CanaryStrategy != nil && r.CanaryStrategy.StepWeight <= 0 && len(r.CanaryStrategy.StepWeights) == 0:
		return broken(diag.NoStrategy, Path{at, "trafficRouting", "canaryStrategy"}, "canaryStrategy has no steps, so the new version never gets traffic", steps)
	case p.SkipTrafficAnalysis || r != nil && (r.CanaryStrategy != nil || r.AnalysisTimes > 0):
		return nil
	case r != nil && r.Match != nil:
		return broken(diag.NoStrategy, Path{at, "trafficRouting", "match"}, "match without analysisTimes: no request is tested on the new version", "add analysisTimes: 10 next to match")
	}
	return broken(diag.NoStrategy, Path{at}, "the rollout has no strategy; Flagger's CRD requires canaryStrategy or analysisTimes", hint)
}

// checkRouting rejects two strategies: Flagger's CRD has steps and iterations in one oneOf.
func checkRouting(r *api.TrafficRouting) []Rejection {
	if r.CanaryStrategy == nil || r.AnalysisTimes <= 0 {
		return nil
	}
	return broken(diag.StrategiesExclude, Path{"analysisTimes"}, "analysisTimes and canaryStrategy exclude each other", "keep canaryStrategy to move traffic by weight, or analysisTimes to move it all at once")
}

// checkSteps rejects steps of two kinds, which are in the same oneOf.
func checkSteps(s *api.CanaryStrategy) []Rejection {
	if s.StepWeight <= 0 || len(s.StepWeights) == 0 {
		return nil
	}
	return broken(diag.StepsExclude, Path{"stepWeights"}, "stepWeights and stepWeight exclude each other", "keep one of the two")
}

// checkMetric rejects a name that is neither of Flagger's metrics nor has a template:
// Flagger rejects every check of it (scheduler_metrics.go, runMetricChecks).
func checkMetric(m *api.Metric) []Rejection {
	if m.CustomMetric != nil || slices.Contains([]string{"request-success-rate", "request-duration"}, m.Name) {
		return nil
	}
	return broken(diag.UnknownMetric, Path{"name"}, m.Name+" is not one of Flagger's metrics and has no customMetric, so every check would fail",
		"use request-success-rate or request-duration, or add customMetric: {provider: {type: prometheus, address: http://…}, query: …}")
}

// checkThreshold rejects a range that no value is in.
func checkThreshold(r *api.ThresholdRange) []Rejection {
	if r.Min == nil || r.Max == nil || *r.Min <= *r.Max {
		return nil
	}
	return broken(diag.OutOfBounds, Path{"min"}, fmt.Sprintf("no value is both at least %s and at most %s, so every check would fail", number(*r.Min), number(*r.Max)), fmt.Sprintf("thresholdRange: {min: %s, max: %s}", number(*r.Max), number(*r.Min)))
}

// checkCustomMetric rejects an empty query.
func checkCustomMetric(m *api.CustomMetric) []Rejection {
	if isBlank(m.Query) {
		return broken(diag.WrongFormat, Path{"query"}, "the query is empty", "write a query in the provider's language")
	}
	return nil
}

func checkCommands(w *api.Webhooks) (all []Rejection) {
	for i, command := range w.Command {
		if isBlank(command) {
			all = append(all, broken(diag.WrongFormat, Path{"command", i}, "the command is empty", "remove it")...)
		}
	}
	return all
}

// checkExpression rejects values that the operator of a condition does not accept, and missing ones that
// it needs (k8s.io/apimachinery pkg/labels, NewRequirement).
func checkExpression(e *api.LabelExpression) []Rejection {
	takesValues := e.Operator == "In" || e.Operator == "NotIn"
	switch {
	case takesValues && len(e.Values) == 0:
		return broken(diag.OutOfBounds, Path{"operator"}, "operator "+e.Operator+" needs values to compare the label with", "values: [eu, us]")
	case !takesValues && len(e.Values) > 0 && slices.Contains([]string{"Exists", "DoesNotExist"}, e.Operator):
		return broken(diag.OutOfBounds, Path{"values"}, "operator "+e.Operator+" allows no values", "remove values, or write operator: In")
	}
	return nil
}
