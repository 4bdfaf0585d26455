package provider

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
)

// A Router is the provider of a plain Canary, of which only Flagger's router is known.
type Router struct{}

// NeverInjected returns "", because the injector of sidecars is unknown.
func (Router) NeverInjected(string) string { return "" }

// Speaks returns the protocol that a mesh assumes for the rollout's port.
func (Router) Speaks(r *rules.Rollout) string {
	switch r.Provider {
	case flagger.Istio:
		return istio{}.Speaks(r)
	case flagger.Kuma:
		return (*kuma)(nil).Speaks(r)
	}
	return ""
}

// OptsOut returns the field that keeps a mesh's sidecar out of the pods.
func (Router) OptsOut(r *rules.Rollout, pod *source.Pod, namespace map[string]string) (inPod bool, by string) {
	switch r.Provider {
	case flagger.Istio:
		return istio{}.OptsOut(r, pod, namespace)
	case flagger.Kuma:
		return (*kuma)(nil).OptsOut(r, pod, namespace)
	}
	return false, ""
}

// Check reports problems of a rollout on the provider's router. Without a provider, the router is unknown.
func (Router) Check(r *rules.Rollout) {
	switch {
	case r.Provider == "":
		return
	case r.Provider == flagger.Istio:
		istio{}.Check(r)
		return
	case r.IsGatewayAPI():
		CheckUnread(r)
		checkQueries(r)
		(&gatewayAPI{}).checkRoute(r)
		return
	}
	checkPlain(r)
	switch r.Provider {
	case flagger.Kubernetes:
		checkNoWeights(r)
	case flagger.Kuma:
		checkCounted(r)
	case flagger.Nginx:
		checkNginxMatch(r)
		for i, m := range r.Analysis.Metrics {
			if name := r.Builtin(m); rules.IsBuiltin(name) {
				checkBeforeSwitch(r, rules.InMetrics(i, "name"), name)
			}
		}
	}
	checkConditionParts(r)
	if r.Provider == flagger.Contour && countHeaders(r.Analysis.Match) > 1 {
		// projectcontour/contour internal/dag/conditions.go, pathMatchConditionsValid
		r.Report(diag.RoutedOtherwise, schema.Path{"analysis", "match"},
			"Flagger writes one prefix per header, but Contour allows one per route: the HTTPProxy is invalid", "keep one header in match")
		return
	}
	for _, p := range r.Misroutes(r.On.Version) {
		r.Report(rules.ProblemCodes[p.Kind], p.Field, p.Message, p.Hint)
	}
}

// plainly returns one of two codes: that for a rollout of an Application, or that for a plain Canary, which all
// providers share.
func plainly(r *rules.Rollout, ofApplication, plain diag.Code) diag.Code {
	if r.Plain {
		return plain
	}
	return ofApplication
}

// checkPlain reports problems of plain Canaries that Applications report differently or cannot have.
func checkPlain(r *rules.Rollout) {
	if r.Plain {
		CheckUnread(r)
		checkQueries(r)
		checkIngress(r)
	}
}

// checkIngress reports an Ingress from which Flagger cannot derive the canary's (fluxcd/flagger
// pkg/router/ingress.go and skipper.go, Reconcile).
func checkIngress(r *rules.Rollout) {
	isSkipper := r.Provider == flagger.Skipper
	if r.IngressRef == nil || r.Manifests == nil || !isSkipper && r.Provider != flagger.Nginx {
		return
	}
	o := r.Manifests.Get(manifest.Identity{Group: "networking.k8s.io", Kind: "Ingress", Namespace: r.ID.Namespace, Name: r.IngressRef.Name})
	if o == nil {
		return
	}
	i := source.Read[source.Ingress](o.Object)
	if i == nil {
		return
	}
	at, service := schema.Path{"ingressRef", "name"}, cmp.Or(r.Service.Name, r.TargetRef.Name)
	backends := i.Backends()
	if i.Spec.DefaultBackend != nil {
		backends = backends[1:] // Flagger does not read the default backend
	}
	switch leads := slices.ContainsFunc(backends, func(b source.IngressBackend) bool { return b.Service.Name == service }); {
	case leads:
	case isSkipper:
		r.Report(diag.RoutedOtherwise, at, fmt.Sprintf("Ingress %s has no backend with Service %s, so Flagger has nothing to split", o.Name, service), "service: {name: "+service+"} in a backend of the Ingress")
	default:
		r.Report(diag.CanaryRejected, at, fmt.Sprintf("Flagger rejects the Canary: Ingress %s has no backend with Service %s", o.Name, service), "service: {name: "+service+"} in a backend of the Ingress")
	}
	type rule struct{ HTTP *struct{} }
	if read := source.Read[struct{ Spec struct{ Rules []rule } }](o.Object); read != nil && slices.Contains(read.Spec.Rules, rule{}) {
		r.Report(diag.CrashesFlagger, at, fmt.Sprintf("Ingress %s has a rule without http, which crashes Flagger: every rollout on the cluster stops", o.Name),
			"http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: "+service+"}}}]}, or remove the rule")
		return
	}
	if isSkipper && len(i.Metadata.Annotations) == 0 {
		// makeAnnotations then writes to a nil map.
		r.Report(diag.CrashesFlagger, at, fmt.Sprintf("Ingress %s has no annotations, which crashes Flagger on skipper: every rollout on the cluster stops", o.Name),
			"annotations: {app: "+service+"} on the Ingress, or any other annotation")
	}
}

func countHeaders(all []flagger.Match) (n int) {
	for _, m := range all {
		n += len(m.Headers)
	}
	return n
}

// headerParts holds the parts of a header condition that routers read which match only by headers
// (fluxcd/flagger pkg/router: contour.go, makeConditions; gloo.go, getHeaderMatchers; appmesh.go and
// appmesh_v1beta2.go, makeHeaders). Contour matches a prefix or suffix anywhere in the header.
var headerParts = map[string][]string{
	flagger.Contour:        {"exact", "prefix", "suffix"},
	flagger.Gloo:           {"exact", "regex"},
	flagger.AppMesh:        {"exact", "prefix", "regex", "suffix"},
	flagger.AppMeshV1Beta2: {"exact", "prefix", "regex", "suffix"},
}

// checkConditionParts reports parts of a condition that the router drops, so that more requests match.
func checkConditionParts(r *rules.Rollout) {
	provider := r.Router().Provider
	parts, known := headerParts[provider]
	if !known {
		return
	}
	drops := func(at schema.Path, what string) {
		r.Report(diag.RoutedOtherwise, at, fmt.Sprintf("Flagger ignores %s on %s: more requests meet the condition", what, r.Provider), "headers: {x-canary: {exact: insider}}")
	}
	for i, m := range r.Service.Match {
		if m.URI.Prefix = ""; provider != flagger.Gloo && (i > 0 || !reflect.DeepEqual(m, flagger.Match{})) {
			// contour.go, makePrefix; appmesh.go, reconcileVirtualService; appmesh_v1beta2.go, reconcileVirtualRouter
			r.Report(diag.RoutedOtherwise, schema.Path{"service", "match", i}, "Flagger reads only uri.prefix of the first condition on "+r.Provider+", and routes all requests below it", "match: [{uri: {prefix: /}}]")
			break
		}
	}
	for i, m := range r.Analysis.Match {
		at := schema.Path{"analysis", "match", i}
		if len(m.QueryParams) > 0 {
			drops(at.With("queryParams"), "queryParams")
		}
		if len(m.SourceLabels) > 0 {
			drops(at.With("sourceLabels"), "sourceLabels")
		}
		for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
			if p := m.Headers[name].Part(); p != "" && !slices.Contains(parts, p) {
				drops(at.With("headers", name), fmt.Sprintf("the %s of a header", p))
			}
		}
	}
}

// checkQueries reports built-in metrics whose queries do not measure the new version.
func checkQueries(r *rules.Rollout) {
	q := r.Queries(r.On.MeshProvider)
	why, fix := "", "a MetricTemplate with a query of your own"
	switch name := r.Service.Name; {
	case r.SkipAnalysis:
		return
	case q.By == flagger.ByTargetService && name != "" && name != r.TargetRef.Name:
		why, fix = fmt.Sprintf("looks for Service %s-canary, but its name is %s-canary, so every check fails", r.TargetRef.Name, name), "service: {name: "+r.TargetRef.Name+"}, or "+fix
	case q.AreIstios() && r.TargetRef.Kind == "Service" && r.Provider != flagger.Istio && !strings.HasPrefix(r.Provider, "smi:"):
		why = "is Istio's for a target of kind Service, so every check fails without Istio"
	case q.By == flagger.ByPod && r.TargetRef.Kind == "DaemonSet":
		// A DaemonSet's pod names have one part less than a Deployment's, and the pattern matches its primary's.
		why = "finds the pods of a DaemonSet's old version, so the new version is not checked"
	case q.DeploymentOnly && r.TargetRef.Kind == "DaemonSet":
		why = "finds only pods of Deployments, so every check fails"
	default:
		return
	}
	for i, m := range r.Analysis.Metrics {
		if rules.IsBuiltin(m.Name) && m.TemplateRef == nil && m.Query == "" {
			r.Report(diag.NothingMeasured, rules.InMetrics(i, "name"), fmt.Sprintf("Flagger's own query for %s %s", m.Name, why), fix)
		}
	}
}
