package provider

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
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
	// since is the minor version of Flagger with which a router began to read the field, by provider, where
	// the CRD is older, and canary the field of the Canary.
	since  map[string]int
	canary schema.Path
}

// An advice is what happens on a provider, if that is not that Flagger ignores the
// field, and what to write there.
type advice struct{ message, hint string }

// features are what the routers read (fluxcd/flagger README.md, and pkg/router:
// istio.go, kuma.go, ingress.go, gateway_api.go). What Flagger's CRD has since a newer version than the oldest
// that is rendered for stands in package rules.
var features = []feature{
	{field: rollout.InRouting("gateways"), on: []string{flagger.Istio}, otherwise: map[string]advice{
		flagger.GatewayAPI: {hint: "gatewayRefs: [{name: public, namespace: infra}]"},
	}},
	{field: rollout.InRouting("gatewayRefs"), on: []string{flagger.GatewayAPI}, otherwise: map[string]advice{
		flagger.Istio: {hint: "gateways: [istio-system/public]"},
	}},
	{field: rollout.InRouting("hosts"), on: []string{flagger.Istio, flagger.GatewayAPI}, otherwise: map[string]advice{
		flagger.Nginx: {hint: "host: with the one name"},
	}},
	{field: rollout.InRouting("serviceMatch"), on: []string{flagger.Istio, flagger.GatewayAPI}},
	{field: rollout.InRouting("rewrite"), on: []string{flagger.Istio, flagger.GatewayAPI}},
	{field: rollout.InRouting("rewrite").With("type"), on: []string{flagger.GatewayAPI}},
	{field: rollout.InRouting("mirror"), on: []string{flagger.GatewayAPI}},
	{field: rollout.InRouting("retries"), on: []string{flagger.Istio}, otherwise: map[string]advice{
		flagger.Kuma: {hint: "write a MeshRetry for Kuma instead"},
	}},
	{field: rollout.InRouting("headers"), on: []string{flagger.Istio, flagger.GatewayAPI}},
	{
		field: rollout.InRouting("corsPolicy"), on: []string{flagger.Istio, flagger.GatewayAPI},
		since: map[string]int{flagger.GatewayAPI: 42}, canary: schema.Path{"service", "corsPolicy"},
	},
	{field: rollout.InRouting("timeoutSeconds"), on: []string{flagger.Istio, flagger.GatewayAPI}, harmless: true},
	{field: rollout.InRouting("backendTimeoutSeconds"), on: []string{flagger.GatewayAPI}},
	{field: rollout.InRouting("host"), on: []string{flagger.Nginx}, otherwise: map[string]advice{
		flagger.Istio:      {hint: "hosts: with a list of names"},
		flagger.GatewayAPI: {hint: "hosts: with a list of names"},
	}},
	// Where Kuma implements it, Gateway API has these two as well.
	{field: rollout.InRouting("protocol"), on: []string{flagger.Kuma, flagger.GatewayAPI}, otherwise: map[string]advice{
		flagger.Istio: {hint: "appProtocol of the rollout"},
	}},
	{field: schema.Path{"meshName"}, on: []string{flagger.Kuma, flagger.GatewayAPI}},
	{field: rollout.InRouting("match"), on: []string{flagger.Istio, flagger.Nginx, flagger.GatewayAPI}, otherwise: map[string]advice{
		flagger.Kuma:       {"Flagger ignores match on kuma and would send all traffic to the new version", "remove match: without it analysisTimes makes a blue/green rollout"},
		flagger.Kubernetes: {"Flagger drops match on kubernetes, and the new version gets no request before the switch", "remove match: analysisTimes makes a blue/green rollout"},
	}},
	{field: schema.Path{"rolloutPolicy", "trafficAnalysis", "mirror"}, on: []string{flagger.Istio, flagger.GatewayAPI}},
	{field: schema.Path{"rolloutPolicy", "trafficAnalysis", "sessionAffinity"}, on: []string{flagger.Istio, flagger.GatewayAPI}},
}

// featureCodes say that Flagger ignores a field on a provider, and ignoredCodes
// that this does no harm.
var (
	featureCodes = map[string]diag.Code{
		flagger.Kuma: diag.NotOnKuma, flagger.Istio: diag.NotOnIstio, flagger.Nginx: diag.NotOnNginx, flagger.GatewayAPI: diag.NotOnGatewayAPI,
		flagger.Kubernetes: diag.NotOnKubernetes,
	}
	ignoredCodes = map[string]diag.Code{flagger.Kuma: diag.TimeoutOnKuma, flagger.Nginx: diag.TimeoutOnNginx, flagger.Kubernetes: diag.TimeoutOnKubernetes}
)

// CheckFeatures reports the fields of an Application's rollouts that their providers do not read, also
// where the document does not have the shape of an Application.
func CheckFeatures(c *rollout.Compilation, app *schema.Document) {
	for i := range app.Len("spec", "syncPolicies") {
		in := schema.Path{"spec", "syncPolicies", i, "rollout"}
		provider := (&api.Rollout{TrafficRoutingProvider: app.Text(in.With("trafficRoutingProvider")...)}).Provider()
		var ignored schema.Path
		for _, f := range features {
			at := in.With(f.field...)
			if featureCodes[provider] == "" || slices.Contains(f.on, provider) || !app.Has(at...) || ignored != nil && len(at) > len(ignored) && slices.Equal(at[:len(ignored)], ignored) {
				continue
			}
			ignored = at
			reportFeature(c, app, at, f, provider)
		}
	}
}

func reportFeature(c *rollout.Compilation, app *schema.Document, at schema.Path, f feature, provider string) {
	name := f.field[len(f.field)-1].(string)
	if f.harmless {
		if app.Text(at...) != "0" {
			c.Add(app.Diagnostic(ignoredCodes[provider], at, fmt.Sprintf("Flagger does not pass %s on to %s", name, api.ProviderName(provider)), ""))
		}
		return
	}
	message, hint := ignores(name, f.on, provider)
	say := f.otherwise[provider]
	c.Add(app.Diagnostic(featureCodes[provider], at, cmp.Or(say.message, message), cmp.Or(say.hint, hint)))
}

// checkFeaturesSince reports the fields that the router of the fleet's Flagger does not read yet, though its
// CRD has them.
func checkFeaturesSince(r *rules.Rollout) {
	for _, f := range features {
		if since := f.since[r.Provider]; r.On.Version.Minor < since && r.Has(f.canary...) {
			name := f.field[len(f.field)-1].(string)
			r.Report(diag.FlaggerTooOld, f.canary, fmt.Sprintf("Flagger %s ignores %s on %s, which it reads since 1.%d", r.On.Flagger, name, api.ProviderName(r.Provider), since), r.NewerFlagger(since))
		}
	}
}

// unread are the fields of a Canary that its router for Gateway API does not read (fluxcd/flagger
// pkg/router/gateway_api.go), and who reads them. A Canary has them by a patch alone.
var unread = []struct {
	field      schema.Path
	reads, fix string
}{
	{schema.Path{"service", "gateways"}, flagger.Istio, "gatewayRefs: [{name: public, namespace: infra}]"},
	{schema.Path{"service", "retries"}, flagger.Istio, ""},
	{schema.Path{"service", "delegation"}, flagger.Istio, ""},
	{schema.Path{"service", "trafficPolicy"}, flagger.Istio, ""},
	{schema.Path{"service", "meshName"}, "App Mesh", ""},
	{schema.Path{"service", "backends"}, "App Mesh", ""},
	{schema.Path{"analysis", "mirrorWeight"}, flagger.Istio, ""},
}

// checkUnread reports the fields with which patches change nothing.
func checkUnread(r *rules.Rollout) {
	for _, f := range unread {
		if name := f.field[len(f.field)-1].(string); r.Has(f.field...) {
			message, hint := ignores(name, []string{f.reads}, r.Provider)
			r.Report(featureCodes[r.Provider], f.field, message, cmp.Or(f.fix, hint))
		}
	}
}

// ignores returns that the router of a provider does not read a field that others have, and what to write.
func ignores(name string, on []string, provider string) (message, hint string) {
	are, them := "is", "it"
	if strings.HasSuffix(name, "s") {
		are, them = "are", "them"
	}
	var others []string
	for _, other := range on {
		others = append(others, api.ProviderName(other))
	}
	return fmt.Sprintf("%s %s for %s, Flagger ignores %s on %s", name, are, strings.Join(others, " and "), them, api.ProviderName(provider)), "remove the field"
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
				r.Report(diag.BadMatch, rollout.InRouting("match").With(i, f.name), fmt.Sprintf("a Canary's analysis has no %s in match", f.name), matchHint(r.Provider(), f.name))
			}
		}
	}
}

// matchHint returns what to write in place of a field that match does not have, of what the provider's router reads.
func matchHint(provider, field string) string {
	switch {
	case provider == flagger.GatewayAPI && (field == "uri" || field == "method"):
		return field + " in serviceMatch, and headers or queryParams in match"
	case provider == flagger.GatewayAPI:
		return "use headers or queryParams"
	case provider == flagger.Nginx:
		return "use headers"
	}
	return "use headers, queryParams or sourceLabels"
}
