package rules

import (
	"fmt"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
)

// canaryFieldsSince are the minor versions that added fields of a Canary (artifacts/flagger/crd.yaml of each
// version).
var canaryFieldsSince = []struct {
	minor int
	field schema.Path
}{
	{41, schema.Path{"service", "headless"}},
	{41, inAnalysis("sessionAffinity", "primaryCookieName")},
	{42, schema.Path{"service", "trafficDistribution"}},
	{42, schema.Path{"service", "unmanagedMetadata"}},
	{42, inAnalysis("sessionAffinity", "domain")},
	{42, inAnalysis("sessionAffinity", "httpOnly")},
	{42, inAnalysis("sessionAffinity", "partitioned")},
	{42, inAnalysis("sessionAffinity", "path")},
	{42, inAnalysis("sessionAffinity", "sameSite")},
	{42, inAnalysis("sessionAffinity", "secure")},
	{44, schema.Path{"service", "backendTimeout"}},
	{44, schema.Path{"service", "trafficPolicy", "outlierDetection", "consecutiveLocalOriginFailures"}},
	{44, schema.Path{"service", "trafficPolicy", "outlierDetection", "splitExternalLocalOriginErrors"}},
}

// serviceOptional is the first minor version in which a Canary needs no service (the same source).
const serviceOptional = 41

// checkFlaggerVersion reports fields that the fleet's Flagger does not have: the API server rejects fields that
// the CRD lacks (fluxcd/flagger CHANGELOG.md). Version ranges are not checked.
func checkFlaggerVersion(r *Rollout) {
	since := func(minor int, name string, object manifest.Identity, field schema.Path) {
		if r.On.Version.Minor >= minor {
			return
		}
		r.ReportAt(diag.FieldTooNew, object, field, fmt.Sprintf("Flagger %s has no %s (added in 1.%d), so the API server rejects the %s", r.On.Flagger, name, minor, object.Kind), r.NewerFlagger(minor))
	}
	if r.Plain && r.On.Version.Minor < serviceOptional && !r.Has("service") {
		r.Report(diag.CanaryRejected, schema.Path{"service"}, fmt.Sprintf("service is missing; the CRD of Flagger %s requires one", r.On.Flagger), fmt.Sprintf("service: {port: 80}, or Flagger 1.%d.0 or newer", serviceOptional))
	}
	for _, f := range canaryFieldsSince {
		if r.On.Version.Minor < f.minor && r.Has(f.field...) {
			since(f.minor, f.field[len(f.field)-1].(string), r.ID, spec(f.field...))
		}
	}
	for i, w := range r.Analysis.Webhooks {
		if w.DisableTLS {
			since(39, "disableTLS", r.ID, spec("analysis", "webhooks", i, "disableTLS"))
		}
	}
	for _, m := range r.Analysis.Metrics {
		t := r.template(m)
		if t == nil {
			continue
		}
		since(metricProviders[t.Provider.Type].since, "provider "+t.Provider.Type, t.ID, spec("provider", "type"))
		if len(t.Provider.Headers) > 0 {
			since(41, "provider.headers", t.ID, spec("provider", "headers"))
		}
	}
}

// NewerFlagger returns the hint for a field that a minor version of Flagger added.
func (r *Rollout) NewerFlagger(minor int) string {
	if r.On.FlaggerThere {
		return fmt.Sprintf("remove the field, or upgrade Flagger on the clusters to 1.%d.0 or newer", minor)
	}
	return fmt.Sprintf("chart: {version: 1.%d.0} or newer for the fleet's Flagger, or remove the field", minor)
}

// ProblemCodes are the codes of Flagger's problems. Only patches can make its validation reject a rendered
// Canary.
var ProblemCodes = map[flagger.ProblemKind]diag.Code{
	flagger.Rejected:            diag.PatchBreaks,
	flagger.Incomplete:          diag.CanaryRejected,
	flagger.NoParent:            diag.BadGatewayRef,
	flagger.BadCondition:        diag.BadGatewayMatch,
	flagger.Unmapped:            diag.BadGatewayMatch,
	flagger.NeedsNewer:          diag.FlaggerTooOld,
	flagger.CORSWithoutAge:      diag.NoCORS,
	flagger.MirrorBesideWeights: diag.BadMirror,
	flagger.TwoModifiers:        diag.BadHTTPRoute,
	flagger.Reset:               diag.RoutedOtherwise,
	flagger.UnevenPromotion:     diag.RoutedOtherwise,
	flagger.AffinityBesideMatch: diag.AffinityNeedsWeights,
}

// checkRejected reports why Flagger rejects the Canary.
func checkRejected(r *Rollout) {
	for _, p := range r.Rejected(r.On.Version) {
		code := ProblemCodes[p.Kind]
		if r.Plain && p.Kind == flagger.Rejected { // not by a patch
			code = diag.CanaryRejected
		}
		r.Report(code, p.Field, p.Message, strings.Replace(p.Hint, "name: podinfo", "name: "+r.TargetRef.Name, 1))
	}
}
