package provider

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A feature is a field of a Canary that not all of Flagger's routers read.
type feature struct {
	// field below the Canary's spec, or nil where an Application alone has it.
	field schema.Path
	// application is the field below a rollout, where it does not follow from the Canary's.
	application schema.Path
	// byPatch reports that an Application has the field by a patch alone.
	byPatch bool
	// on are the providers whose router reads it; on the others Flagger ignores it.
	on []string
	// harmless features do nothing on the others, and are reported as such.
	harmless bool
	// otherwise is the advice for a provider, where it is better than to remove the field.
	otherwise map[string]advice
	// since is the minor version of Flagger with which a router began to read the field, by provider, where
	// the CRD is older.
	since map[string]int
}

// An advice is what happens on a provider, if that is not that Flagger ignores the
// field, and what to write there.
type advice struct{ message, hint string }

var (
	gatewayAPIs = []string{flagger.GatewayAPI, flagger.GatewayAPIV1Beta1}
	appMeshes   = []string{flagger.AppMesh, flagger.AppMeshV1Beta2}
	// istioLike routers have all of a route of HTTP.
	istioLike = append([]string{flagger.Istio}, gatewayAPIs...)
	splits    = []string{flagger.Linkerd, flagger.OSM, flagger.SMIV1Alpha1, flagger.SMIV1Alpha2, flagger.SMIV1Alpha3}
)

// features are what the routers read (fluxcd/flagger README.md, and pkg/router: in each router's file that of
// flagger.Routers, Reconcile and SetRoutes, and what these call). What Flagger's CRD has since a newer version than the
// oldest that is rendered for stands in package rules.
var features = []feature{
	// smi.go writes gateways for the mesh istio, which no provider of the CRD names (makeAnnotations).
	{field: inService("gateways"), on: []string{flagger.Istio}, otherwise: map[string]advice{
		flagger.GatewayAPI: {hint: "gatewayRefs: [{name: public, namespace: infra}]"}, flagger.GatewayAPIV1Beta1: {hint: "gatewayRefs: [{name: public, namespace: infra}]"},
	}},
	{field: inService("gatewayRefs"), on: gatewayAPIs, otherwise: map[string]advice{
		flagger.Istio: {hint: "gateways: [istio-system/public]"},
	}},
	// The routers of SMI read the first host, those of App Mesh write them for a gateway (gatewayAnnotations).
	{field: inService("hosts"), on: slices.Concat(istioLike, appMeshes, splits), otherwise: map[string]advice{
		flagger.Nginx: {hint: "host: with the one name"},
	}},
	// contour.go and appmesh.go read the uri.prefix of the first condition.
	{field: inService("match"), on: slices.Concat(istioLike, []string{flagger.Contour}, appMeshes)},
	{field: inService("rewrite"), on: istioLike},
	{field: inService("rewrite", "type"), on: gatewayAPIs},
	{field: inService("mirror"), on: gatewayAPIs},
	{field: inService("retries"), on: slices.Concat([]string{flagger.Istio, flagger.Contour}, appMeshes), otherwise: map[string]advice{
		flagger.Kuma: {hint: "write a MeshRetry for Kuma instead"},
	}},
	{field: inService("headers"), on: istioLike},
	// gateway_api_v1beta1.go, makeFilters, has no CORS.
	{field: inService("corsPolicy"), on: []string{flagger.Istio, flagger.GatewayAPI}, since: map[string]int{flagger.GatewayAPI: 42}},
	// gateway_api_v1beta1.go has no timeouts.
	{field: inService("timeout"), on: slices.Concat([]string{flagger.Istio, flagger.GatewayAPI, flagger.Contour}, appMeshes), harmless: true},
	{field: inService("backendTimeout"), on: []string{flagger.GatewayAPI}},
	{application: rollout.InRouting("host"), on: []string{flagger.Nginx}, otherwise: map[string]advice{
		flagger.Istio:      {hint: "hosts: with a list of names"},
		flagger.GatewayAPI: {hint: "hosts: with a list of names"},
	}},
	// Where Kuma implements it, Gateway API has these two as well.
	{application: rollout.InRouting("protocol"), on: []string{flagger.Kuma, flagger.GatewayAPI}, otherwise: map[string]advice{
		flagger.Istio: {hint: "appProtocol of the rollout"},
	}},
	{application: schema.Path{"meshName"}, on: []string{flagger.Kuma, flagger.GatewayAPI}},
	{field: inService("delegation"), on: []string{flagger.Istio}},
	{field: inService("trafficPolicy"), on: []string{flagger.Istio}},
	{field: inService("meshName"), on: []string{flagger.AppMesh}},
	{field: inService("backends"), on: appMeshes},
	{field: schema.Path{"analysis", "match"}, on: routersThat(func(r *flagger.Router) bool { return r.Matches }), otherwise: map[string]advice{
		flagger.Kuma:       {"Flagger ignores match on kuma and would send all traffic to the new version", "remove match: without it analysisTimes makes a blue/green rollout"},
		flagger.Kubernetes: {"Flagger drops match on kubernetes, and the new version gets no request before the switch", "remove match: analysisTimes makes a blue/green rollout"},
	}},
	{field: schema.Path{"analysis", "mirror"}, on: routersThat((*flagger.Router).Mirrors)},
	{field: schema.Path{"analysis", "mirrorWeight"}, byPatch: true, on: []string{flagger.Istio}},
	{field: schema.Path{"analysis", "sessionAffinity"}, on: istioLike},
	{field: schema.Path{"analysis", "sessionAffinity", "primaryCookieName"}, on: []string{flagger.Istio, flagger.GatewayAPI}, since: map[string]int{flagger.Istio: 43}},
	{field: schema.Path{"ingressRef"}, on: []string{flagger.Nginx, flagger.Skipper}},
	{field: schema.Path{"routeRef"}, on: []string{flagger.Apisix}},
	{field: schema.Path{"upstreamRef"}, on: []string{flagger.Gloo}},
}

func inService(field ...any) schema.Path { return schema.Path{"service"}.With(field...) }

// routersThat returns the providers whose router does something.
func routersThat(does func(*flagger.Router) bool) (all []string) {
	for i := range flagger.Routers() {
		if r := &flagger.Routers()[i]; does(r) {
			all = append(all, r.Provider)
		}
	}
	return all
}

// inApplications are the features' fields below an Application's rollout, or nil.
var inApplications = sync.OnceValue(func() []schema.Path {
	all := make([]schema.Path, len(features))
	for i, f := range features {
		if all[i] = f.application; f.field != nil && !f.byPatch {
			all[i] = rollout.FieldOf(schema.Path{"spec"}.With(f.field...))
		}
	}
	return all
})

// featureCodes say that Flagger ignores a field on a provider, and ignoredCodes
// that this does no harm. Those are the providers that Applications have.
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
		if featureCodes[provider] == "" {
			continue
		}
		eachIgnored(provider, inApplications(), func(field schema.Path) bool { return app.Has(in.With(field...)...) }, func(f feature, field schema.Path) {
			at := in.With(field...)
			if f.harmless && app.Text(at...) == "0" {
				return
			}
			code, message, hint := f.ignored(provider, nameOf(field))
			c.Add(app.Diagnostic(code, at, message, hint))
		})
	}
}

// eachIgnored calls report for each feature that is there though the provider's router does not read it, but for
// what is below one. The fields are those of the features, or nil.
func eachIgnored(provider string, fields []schema.Path, has func(schema.Path) bool, report func(feature, schema.Path)) {
	var ignored schema.Path
	for i, f := range features {
		field := fields[i]
		if field == nil || slices.Contains(f.on, provider) || !has(field) || ignored != nil && len(field) > len(ignored) && slices.Equal(field[:len(ignored)], ignored) {
			continue
		}
		ignored = field
		report(f, field)
	}
}

// Implied returns the provider of a Canary that names none, where it has a field that a single router reads, each
// in all its versions: of the others nobody can tell. A Service of Knative is such a field, too.
func Implied(c *flagger.Canary, has func(field ...any) bool) string {
	if c.TargetRef.IsKnative() {
		return flagger.Knative
	}
	for _, f := range features {
		family, _, _ := strings.Cut(f.on[0], ":")
		if f.field != nil && has(f.field...) && !slices.ContainsFunc(f.on, func(other string) bool { return !strings.HasPrefix(other, family) }) {
			return f.on[0]
		}
	}
	return ""
}

// CheckUnread reports the fields of a Canary that its provider's router does not read, or not yet.
func CheckUnread(r *rules.Rollout) {
	provider := r.Router().Provider
	fields := make([]schema.Path, len(features))
	for i, f := range features {
		fields[i] = f.field
		if since := f.since[provider]; r.On.Version.Minor < since && r.Has(f.field...) {
			r.Report(diag.FlaggerTooOld, f.field, fmt.Sprintf("Flagger %s ignores %s on %s, which it reads since 1.%d", r.On.Flagger, nameOf(f.field), api.ProviderName(provider), since), r.NewerFlagger(since))
		}
	}
	eachIgnored(provider, fields, func(field schema.Path) bool { return r.Has(field...) }, func(f feature, field schema.Path) {
		if f.field.String() == "analysis.mirror" && !r.Analysis.Mirror {
			return // mirror: false
		}
		code, message, hint := f.ignored(provider, nameOf(field))
		if r.Plain || code == diag.NotOnRouter {
			code, message, hint = f.unread(r, hint)
		}
		r.Report(code, field, message, hint)
	})
}

// nameOf returns the name of a field.
func nameOf(field schema.Path) string { return field[len(field)-1].(string) }

// ignored returns what to report of a field that a provider's router does not read.
func (f *feature) ignored(provider, name string) (code diag.Code, message, hint string) {
	if f.harmless {
		if code := ignoredCodes[provider]; code != "" {
			return code, fmt.Sprintf("Flagger does not pass %s on to %s", name, api.ProviderName(provider)), ""
		}
	}
	say := f.otherwise[provider]
	return cmp.Or(featureCodes[provider], diag.NotOnRouter), cmp.Or(say.message, ignores(name, ofApplications(f.on), provider)), cmp.Or(say.hint, "remove the field")
}

// unread returns what to report of a plain Canary's field: with some the rollout does something else than the Canary
// says (fluxcd/flagger pkg/controller/scheduler.go, runAB, runCanary). On kubernetes it is blue/green with any.
func (f *feature) unread(r *rules.Rollout, hint string) (diag.Code, string, string) {
	switch name := nameOf(f.field); {
	case r.Provider == flagger.Kubernetes:
	case name == "match" && f.field[0] == "analysis" && r.Analysis.Iterations > 0:
		return diag.RoutedOtherwise, fmt.Sprintf("Flagger ignores match on %s: in the first iteration every request goes to the new version", r.Provider), "remove match: iterations without it make a blue/green rollout"
	case name == "match" && f.field[0] == "analysis":
		return diag.RoutedOtherwise, fmt.Sprintf("Flagger ignores match on %s: the weights are of all requests", r.Provider), "remove match"
	case name == "mirror" && f.field[0] == "analysis" && r.Analysis.Mirror && r.Strategy() == flagger.Weighted:
		return diag.RoutedOtherwise, fmt.Sprintf("Flagger does not mirror on %s, and waits for the mirror for ever: the rollout never ends", r.Provider), "remove mirror"
	}
	return diag.NotOnRouter, cmp.Or(f.otherwise[r.Provider].message, ignores(nameOf(f.field), families(f.on), r.Provider)), cmp.Or(hint, "remove the field")
}

// ignores returns that the router of a provider does not read a field that others have.
func ignores(name, others, provider string) string {
	are, them := "is", "it"
	if strings.HasSuffix(name, "s") {
		are, them = "are", "them"
	}
	return fmt.Sprintf("%s %s for %s, Flagger ignores %s on %s", name, are, others, them, api.ProviderName(provider))
}

// ofApplications returns the providers of a list that Applications have, or else the first.
func ofApplications(on []string) string {
	var all []string
	for _, provider := range on {
		if featureCodes[provider] != "" {
			all = append(all, api.ProviderName(provider))
		}
	}
	return cmp.Or(strings.Join(all, " and "), on[0])
}

// families returns the providers of a list without the versions of their API.
func families(on []string) string {
	var all []string
	for _, provider := range on {
		if family, _, _ := strings.Cut(provider, ":"); !slices.Contains(all, family) {
			all = append(all, family)
		}
	}
	last := len(all) - 1
	return strings.TrimPrefix(strings.Join(all[:last], ", ")+" and "+all[last], " and ")
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
