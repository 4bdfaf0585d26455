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

// A feature is a field of a Canary that only some of Flagger's routers read.
type feature struct {
	// field is its path below the Canary's spec, or nil if only an Application has it.
	field schema.Path
	// application is its path below a rollout, unless it follows from field.
	application schema.Path
	// byPatch reports whether an Application can set the field only with a patch.
	byPatch bool
	// on holds the providers whose router reads the field. On other providers Flagger ignores it.
	on []string
	// harmless reports whether ignoring the field does no harm; such fields have separate codes.
	harmless bool
	// otherwise holds better advice than to remove the field, by provider.
	otherwise map[string]advice
	// since is the minor version of Flagger whose router first reads the field, by provider, if Flagger's CRD
	// had the field before.
	since map[string]int
}

// An advice replaces the default message, which is that Flagger ignores the field, and the default hint.
type advice struct{ message, hint string }

var (
	gatewayAPIs = []string{flagger.GatewayAPI, flagger.GatewayAPIV1Beta1}
	appMeshes   = []string{flagger.AppMesh, flagger.AppMeshV1Beta2}
	// istioLike holds the providers whose routers support every field of an HTTP route.
	istioLike = append([]string{flagger.Istio}, gatewayAPIs...)
	splits    = []string{flagger.Linkerd, flagger.OSM, flagger.SMIV1Alpha1, flagger.SMIV1Alpha2, flagger.SMIV1Alpha3}
)

// features holds the fields that the routers read (fluxcd/flagger README.md, and pkg/router: Reconcile and
// SetRoutes in the file of each router of flagger.Routers, and their callees). Package rules holds the fields
// that Flagger's CRD gained after the oldest supported version.
var features = []feature{
	// smi.go writes gateways for the mesh istio, but the CRD has no such provider (makeAnnotations).
	{field: inService("gateways"), on: []string{flagger.Istio}, otherwise: map[string]advice{
		flagger.GatewayAPI: {hint: "gatewayRefs: [{name: public, namespace: infra}]"}, flagger.GatewayAPIV1Beta1: {hint: "gatewayRefs: [{name: public, namespace: infra}]"},
	}},
	{field: inService("gatewayRefs"), on: gatewayAPIs, otherwise: map[string]advice{
		flagger.Istio: {hint: "gateways: [istio-system/public]"},
	}},
	// SMI routers read the first host; App Mesh routers write all hosts for a gateway (gatewayAnnotations).
	{field: inService("hosts"), on: slices.Concat(istioLike, appMeshes, splits), otherwise: map[string]advice{
		flagger.Nginx: {hint: "host: shop.example.com"},
	}},
	// contour.go and appmesh.go read uri.prefix of the first condition.
	{field: inService("match"), on: slices.Concat(istioLike, []string{flagger.Contour}, appMeshes)},
	{field: inService("rewrite"), on: istioLike},
	{field: inService("rewrite", "type"), on: gatewayAPIs},
	{field: inService("mirror"), on: gatewayAPIs},
	{field: inService("retries"), on: slices.Concat([]string{flagger.Istio, flagger.Contour}, appMeshes), otherwise: map[string]advice{
		flagger.Kuma: {hint: "remove the field, and create a MeshRetry in Kuma"},
	}},
	{field: inService("headers"), on: istioLike},
	// In gateway_api_v1beta1.go, makeFilters supports no CORS.
	{field: inService("corsPolicy"), on: []string{flagger.Istio, flagger.GatewayAPI}, since: map[string]int{flagger.GatewayAPI: 42}},
	// gateway_api_v1beta1.go supports no timeouts.
	{field: inService("timeout"), on: slices.Concat([]string{flagger.Istio, flagger.GatewayAPI, flagger.Contour}, appMeshes), harmless: true},
	{field: inService("backendTimeout"), on: []string{flagger.GatewayAPI}},
	{application: rollout.InRouting("host"), on: []string{flagger.Nginx}, otherwise: map[string]advice{
		flagger.Istio:      {hint: "hosts: [shop.example.com]"},
		flagger.GatewayAPI: {hint: "hosts: [shop.example.com]"},
	}},
	// Gateway API reads these two as well if Kuma implements it.
	{application: rollout.InRouting("protocol"), on: []string{flagger.Kuma, flagger.GatewayAPI}, otherwise: map[string]advice{
		flagger.Istio: {hint: "set appProtocol of the rollout instead"},
	}},
	{application: schema.Path{"meshName"}, on: []string{flagger.Kuma, flagger.GatewayAPI}},
	{field: inService("delegation"), on: []string{flagger.Istio}},
	{field: inService("trafficPolicy"), on: []string{flagger.Istio}},
	{field: inService("meshName"), on: []string{flagger.AppMesh}},
	{field: inService("backends"), on: appMeshes},
	{field: schema.Path{"analysis", "match"}, on: routersThat(func(r *flagger.Router) bool { return r.Matches }), otherwise: map[string]advice{
		flagger.Kuma:       {"Flagger ignores match on kuma: it would send all traffic to the new version", "remove match: with only analysisTimes, the rollout is blue/green"},
		flagger.Kubernetes: {"Flagger ignores match on kubernetes: the new version gets no requests before the switch", "remove match: with only analysisTimes, the rollout is blue/green"},
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

// routersThat returns the providers of the routers that satisfy a condition.
func routersThat(does func(*flagger.Router) bool) (all []string) {
	for i := range flagger.Routers() {
		if r := &flagger.Routers()[i]; does(r) {
			all = append(all, r.Provider)
		}
	}
	return all
}

// inApplications returns the paths of the features below an Application's rollout, nil for those without one.
var inApplications = sync.OnceValue(func() []schema.Path {
	all := make([]schema.Path, len(features))
	for i, f := range features {
		if all[i] = f.application; f.field != nil && !f.byPatch {
			all[i] = rollout.FieldOf(schema.Path{"spec"}.With(f.field...))
		}
	}
	return all
})

// featureCodes holds the codes for ignored fields, and ignoredCodes those for fields that are ignored without
// harm, by the providers of Applications.
var (
	featureCodes = map[string]diag.Code{
		flagger.Kuma: diag.NotOnKuma, flagger.Istio: diag.NotOnIstio, flagger.Nginx: diag.NotOnNginx, flagger.GatewayAPI: diag.NotOnGatewayAPI,
		flagger.Kubernetes: diag.NotOnKubernetes,
	}
	ignoredCodes = map[string]diag.Code{flagger.Kuma: diag.TimeoutOnKuma, flagger.Nginx: diag.TimeoutOnNginx, flagger.Kubernetes: diag.TimeoutOnKubernetes}
)

// CheckFeatures reports the fields of an Application's rollouts that their providers do not read. It also works
// on a document that does not match the schema of an Application.
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

// eachIgnored calls report for each feature that is set and that the provider's router does not read, but not
// for fields below a reported one. The paths of the features are in fields; nil skips a feature.
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

// Implied returns the provider of a Canary that names none, if a field of it is read by only one router, in all
// versions of its API. A Knative Service as the target implies its provider, too.
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

// CheckUnread reports the fields of a Canary that its provider's router does not read at all, or not in this
// version.
func CheckUnread(r *rules.Rollout) {
	provider := r.Router().Provider
	fields := make([]schema.Path, len(features))
	for i, f := range features {
		fields[i] = f.field
		if since := f.since[provider]; r.On.Version.Minor < since && r.Has(f.field...) {
			r.Report(diag.FlaggerTooOld, f.field, fmt.Sprintf("Flagger %s ignores %s on %s; only 1.%d and newer read it", r.On.Flagger, nameOf(f.field), api.ProviderName(provider), since), r.NewerFlagger(since))
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

// nameOf returns the last name of a path.
func nameOf(field schema.Path) string { return field[len(field)-1].(string) }

// ignored returns the diagnostic for a field that the provider's router does not read.
func (f *feature) ignored(provider, name string) (code diag.Code, message, hint string) {
	if f.harmless {
		if code := ignoredCodes[provider]; code != "" {
			return code, fmt.Sprintf("Flagger does not pass %s on to %s, so it has no effect", name, api.ProviderName(provider)), "remove the field"
		}
	}
	say := f.otherwise[provider]
	return cmp.Or(featureCodes[provider], diag.NotOnRouter), cmp.Or(say.message, ignores(name, ofApplications(f.on), provider)), cmp.Or(say.hint, "remove the field")
}

// unread returns the diagnostic for a plain Canary's field. Ignoring some fields changes the rollout
// (fluxcd/flagger pkg/controller/scheduler.go, runAB, runCanary), but never on kubernetes, where every rollout
// is blue/green.
func (f *feature) unread(r *rules.Rollout, hint string) (diag.Code, string, string) {
	switch name := nameOf(f.field); {
	case r.Provider == flagger.Kubernetes:
	case name == "match" && f.field[0] == "analysis" && r.Analysis.Iterations > 0:
		return diag.RoutedOtherwise, fmt.Sprintf("Flagger ignores match on %s: in the first iteration every request goes to the new version", r.Provider), "remove match: with only iterations, the rollout is blue/green"
	case name == "match" && f.field[0] == "analysis":
		return diag.RoutedOtherwise, fmt.Sprintf("Flagger ignores match on %s: the weights apply to all requests", r.Provider), "remove match"
	case name == "mirror" && f.field[0] == "analysis" && r.Analysis.Mirror && r.Strategy() == flagger.Weighted:
		return diag.RoutedOtherwise, fmt.Sprintf("Flagger cannot mirror on %s and waits for the mirror forever: the rollout never ends", r.Provider), "remove mirror"
	}
	return diag.NotOnRouter, cmp.Or(f.otherwise[r.Provider].message, ignores(nameOf(f.field), families(f.on), r.Provider)), cmp.Or(hint, "remove the field")
}

// ignores returns the message that a provider's router does not read a field.
func ignores(name, others, provider string) string {
	return fmt.Sprintf("Flagger ignores %s on %s: the field is for %s", name, api.ProviderName(provider), others)
}

// ofApplications returns the providers that Applications can use, or the first provider if they can use none.
func ofApplications(on []string) string {
	var all []string
	for _, provider := range on {
		if featureCodes[provider] != "" {
			all = append(all, api.ProviderName(provider))
		}
	}
	return cmp.Or(strings.Join(all, " and "), on[0])
}

// families returns the providers without their API versions.
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

// checkMatchFields reports conditions that the match of a Canary's analysis does not support.
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
				r.Report(diag.BadMatch, rollout.InRouting("match").With(i, f.name), fmt.Sprintf("Flagger's match conditions have no %s", f.name), matchHint(r.Provider(), f.name))
			}
		}
	}
}

// matchHint returns the fields to use instead of one that match does not support, for the provider's router.
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
