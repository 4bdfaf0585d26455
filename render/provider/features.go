package provider

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/schema"
)

// A feature is a field of a rollout that not all of Flagger's routers read.
type feature struct {
	// field below rollout.
	field schema.Path
	// on are the providers whose router reads it; on the others Flagger ignores it.
	on []string
	// harmless features do nothing on the others, and are reported as such.
	harmless bool
	// otherwise is the advice for a provider, where it is better than to remove the field.
	otherwise map[string]advice
}

// An advice is what happens on a provider, if that is not that Flagger ignores the
// field, and what to write there.
type advice struct{ message, hint string }

// features are what the routers read (fluxcd/flagger README.md, and pkg/router:
// istio.go, kuma.go, ingress.go).
var features = []feature{
	{field: rollout.InRouting("gateways"), on: []string{flagger.Istio}},
	{field: rollout.InRouting("hosts"), on: []string{flagger.Istio}, otherwise: map[string]advice{
		flagger.Nginx: {hint: "host: with the one name"},
	}},
	{field: rollout.InRouting("retries"), on: []string{flagger.Istio}, otherwise: map[string]advice{
		flagger.Kuma: {hint: "write a MeshRetry for Kuma instead"},
	}},
	{field: rollout.InRouting("headers"), on: []string{flagger.Istio}},
	{field: rollout.InRouting("corsPolicy"), on: []string{flagger.Istio}},
	{field: rollout.InRouting("timeoutSeconds"), on: []string{flagger.Istio}, harmless: true},
	{field: rollout.InRouting("host"), on: []string{flagger.Nginx}, otherwise: map[string]advice{
		flagger.Istio: {hint: "hosts: with a list of names"},
	}},
	{field: rollout.InRouting("protocol"), on: []string{flagger.Kuma}, otherwise: map[string]advice{
		flagger.Istio: {hint: "appProtocol of the rollout"},
	}},
	{field: rollout.InRouting("match"), on: []string{flagger.Istio, flagger.Nginx}, otherwise: map[string]advice{
		flagger.Kuma: {"Flagger ignores match on kuma and would send all traffic to the new version", "remove match: without it analysisTimes makes a blue/green rollout"},
	}},
	{field: schema.Path{"rolloutPolicy", "trafficAnalysis", "sessionAffinity"}, on: []string{flagger.Istio}},
	{field: schema.Path{"meshName"}, on: []string{flagger.Kuma}},
}

// featureCodes say that Flagger ignores a field on a provider, and ignoredCodes
// that this does no harm.
var (
	featureCodes = map[string]diag.Code{flagger.Kuma: diag.NotOnKuma, flagger.Istio: diag.NotOnIstio, flagger.Nginx: diag.NotOnNginx}
	ignoredCodes = map[string]diag.Code{flagger.Kuma: diag.TimeoutOnKuma, flagger.Nginx: diag.TimeoutOnNginx}
)

// CheckFeatures reports the fields of rollouts that their providers do not read, also where
// a document does not have the shape of an Application.
func CheckFeatures(c *rollout.Compilation) {
	for _, app := range c.Documents {
		if app.Kind.Name != "Application" {
			continue
		}
		for i := range app.Len("spec", "syncPolicies") {
			in := schema.Path{"spec", "syncPolicies", i, "rollout"}
			provider := app.Text(in.With("trafficRoutingProvider")...)
			for _, f := range features {
				if at := in.With(f.field...); featureCodes[provider] != "" && !slices.Contains(f.on, provider) && app.Has(at...) {
					reportFeature(c, app, at, f, provider)
				}
			}
		}
	}
}

func reportFeature(c *rollout.Compilation, app *schema.Document, at schema.Path, f feature, provider string) {
	name := f.field[len(f.field)-1].(string)
	if f.harmless {
		if app.Text(at...) != "0" {
			c.Add(app.Diagnostic(ignoredCodes[provider], at, fmt.Sprintf("Flagger does not pass %s on to %s", name, provider), ""))
		}
		return
	}
	are, them := "is", "it"
	if strings.HasSuffix(name, "s") {
		are, them = "are", "them"
	}
	say := f.otherwise[provider]
	c.Add(app.Diagnostic(featureCodes[provider], at,
		cmp.Or(say.message, fmt.Sprintf("%s %s for %s, Flagger ignores %s on %s", name, are, strings.Join(f.on, " and "), them, provider)),
		cmp.Or(say.hint, "remove the field")))
}

// checkMatchFields refuses the conditions that a Canary's analysis has no place for.
func checkMatchFields(r *rollout.Rollout) {
	for i, m := range r.Routing().Match {
		for _, f := range []struct {
			name  string
			value any
		}{
			{"name", m.Name}, {"uri", m.Uri}, {"scheme", m.Scheme}, {"method", m.Method}, {"authority", m.Authority}, {"port", m.Port},
			{"gateways", m.Gateways}, {"ignoreUriCase", m.IgnoreUriCase}, {"withoutHeaders", m.WithoutHeaders}, {"sourceNamespace", m.SourceNamespace},
		} {
			if f.value != nil {
				r.Report(diag.BadMatch, rollout.InRouting("match").With(i, f.name), fmt.Sprintf("a Canary's analysis has no %s in match", f.name), "use headers, queryParams or sourceLabels")
			}
		}
	}
}
