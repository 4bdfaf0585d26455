package provider

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
	"github.com/fleetwright/fleetwright/templates"
)

const (
	// gatewayCRDs is the name of the component with the CRDs of Gateway API.
	gatewayCRDs = "gateway-api"
	// contour is the implementation that is rendered by default.
	contour          = rules.Contour
	contourNamespace = rules.ContourHome
	// otherImplementation stands for an implementation unknown to fleetwright.
	otherImplementation = "other"

	// gatewayName is the name of the rendered Gateway and of its GatewayClass.
	gatewayName = "contour"
	// gatewayLabel marks the namespaces whose routes the rendered Gateway accepts.
	gatewayLabel = "fleetwright.dev/gateway"

	kindGateway = "Gateway"
	// kindListenerSet is a kind that adds listeners to a Gateway. It is in the standard channel since 1.5
	// (kubernetes-sigs/gateway-api CHANGELOG/1.5-CHANGELOG.md).
	kindListenerSet = "ListenerSet"
	kindService     = "Service"
)

// implementationOf returns the implementation of Gateway API on a plugin's clusters: the one that the plugin
// sets, the fleet's provider, an installed one, or, for a Fleet, the rendered Contour.
func implementationOf(p *place.Plugin) string {
	switch installed := installedImplementations(p); {
	case p.Gateway != nil && p.Gateway.Implementation != "":
		return p.Gateway.Implementation
	case p.Provider() == flagger.Kuma, p.Provider() == flagger.Istio:
		return p.Provider()
	case len(installed) > 0:
		return installed[0]
	case p.IsOfFleet():
		return contour
	}
	return otherImplementation
}

// installedImplementations returns the implementations listed under installed.
func installedImplementations(p *place.Plugin) (all []string) {
	for _, name := range []string{"kuma", "istio", contour} {
		if p.Entry(name) != nil {
			all = append(all, name)
		}
	}
	return all
}

// gatewayAPI is the provider of one fleet. It moves the traffic with one HTTPRoute for each rollout, which an
// implementation of Gateway API reads.
type gatewayAPI struct {
	base
	implementation string
	// chart is Contour's chart, if it is rendered.
	chart settings.Chart
	// kuma or istio is set if it is the implementation.
	kuma  *kuma
	istio *istio
}

func newGatewayAPI(b base, others map[string]rollout.Provider) rollout.Provider {
	g := &gatewayAPI{base: b, implementation: implementationOf(b.plugin)}
	g.facts.GatewayImplementation = g.implementation
	switch g.implementation {
	case contour:
		if p := b.renderedBy[contour]; p != nil {
			g.useChart(b.installer.base(p))
		}
	case "kuma":
		if g.kuma, _ = others[flagger.Kuma].(*kuma); g.kuma != nil {
			g.kuma.checkStart()
		}
	case "istio":
		if i, ok := others[flagger.Istio].(istio); ok {
			g.istio = &i
		}
	}
	g.checkImplementation()
	g.checkCRDs()
	g.checkFleetRefs()
	return g
}

// useChart derives facts from the values of Contour's chart.
func (g *gatewayAPI) useChart(b base) {
	g.chart = b.chart(contour)
	v := values{b, contour, g.chart}
	if _, ok := v.get(envoyAnnotations + "/scrape"); !ok { // removed with null
		envoyScraped("scrape", "true")(b.facts, nil)
	}
	b.apply(contour, g.chart)
	b.facts.GatewayPort = gatewayPort(v)
}

// gatewayPort returns the port of Envoy's Service for the Gateway, or 0 if the chart's values add other ports
// (charts/contour/templates/envoy/service.yaml@0.7.0).
func gatewayPort(v values) int {
	extra, _ := v.get("envoy.service.extraPorts")
	zones, _ := v.get("envoy.service.multiAz.enabled")
	if list, _ := extra.([]any); len(list) > 0 || zones == true {
		return 0
	}
	said, ok := v.get("envoy.service.ports.http")
	if !ok {
		return 80
	}
	port, _ := strconv.Atoi(text(said))
	return port
}

// checkImplementation reports plugins that name different implementations of Gateway API, or none.
func (g *gatewayAPI) checkImplementation() {
	for _, p := range g.platform.Plugins {
		if !usesGateway(p) {
			continue
		}
		b, said := g.installer.base(p), p.Gateway != nil && p.Gateway.Implementation != ""
		own, installed := implementationOf(p), installedImplementations(p)
		switch {
		case own != g.implementation:
			at := schema.Path{"trafficRoutingProvider"}
			if p.Gateway != nil {
				at = schema.Path{"gateway"}
			}
			if said {
				at = at.With("implementation")
			}
			b.report(diag.PluginsDiffer, at,
				fmt.Sprintf("%s implements Gateway API here but %s at %s, for the same cluster; rollouts are rendered for one of them", own, g.implementation, g.plugin.Doc.Position(g.plugin.At()...)),
				fmt.Sprintf("gateway: {implementation: %s}, or separate clusters", g.implementation))
		case !said && p.Provider() != own && len(installed) > 1:
			b.report(diag.WhichImplementation, schema.Path{"installed"}, fmt.Sprintf("%s are under installed, and each could implement Gateway API", strings.Join(installed, " and ")), fmt.Sprintf("gateway: {implementation: %s}, or %s", installed[0], installed[1]))
		}
	}
}

// The oldest versions of Gateway API that serve the required kinds at v1: Flagger needs HTTPRoute, and Contour
// also waits for GRPCRoute (kubernetes-sigs/gateway-api CHANGELOG, v1.0.0 and v1.1.0).
var (
	oldestHTTPRoute = settings.MinorVersion{Major: 1, Minor: 0}
	oldestGRPCRoute = settings.MinorVersion{Major: 1, Minor: 1}
)

// checkCRDs reports versions of Gateway API's CRDs that lack required kinds, or that are not tags.
func (g *gatewayAPI) checkCRDs() {
	version, report := g.installedGatewayAPI().Version, func(message, hint string) {
		p := g.installedBy[gatewayCRDs]
		g.installer.base(p).report(diag.GatewayAPIVersion, schema.Path{"installed", gatewayCRDs, "version"}, message, hint)
	}
	hint := "install Gateway API " + settings.PinnedVersion(gatewayCRDs)
	if g.isRendered(gatewayCRDs) {
		version, hint = g.c.Settings.Charts[gatewayCRDs].Version, "version: "+settings.PinnedVersion(gatewayCRDs)
		report = func(message, hint string) {
			if doc, at := g.c.RenderConfig, (schema.Path{"spec", "charts", gatewayCRDs, "version"}); doc != nil {
				g.c.Add(doc.Diagnostic(diag.GatewayAPIVersion, at, message, hint))
			}
		}
		if !settings.IsExact(version) {
			report(fmt.Sprintf("%s is not an exact version, and Gateway API has no Git tag v%s for Flux to fetch", version, version), hint)
			return
		}
	}
	oldest, needs := oldestHTTPRoute, "HTTPRoute v1, which Flagger writes"
	if g.isRendered(contour) {
		oldest, needs = oldestGRPCRoute, "GRPCRoute v1, without which Contour exits at start"
	}
	if v, ok := settings.ParseMinor(version); ok && v.Less(oldest) {
		report(fmt.Sprintf("Gateway API %s does not serve %s", version, needs), hint)
	}
}

// mesh returns the provider whose sidecars implement Gateway API, or nil.
func (g *gatewayAPI) mesh() rollout.Provider {
	switch {
	case g.kuma != nil:
		return g.kuma
	case g.istio != nil:
		return g.istio
	}
	return nil
}

// Namespace returns the namespace of the implementation, and of Flagger if it is rendered.
func (g *gatewayAPI) Namespace() string {
	if m := g.mesh(); m != nil {
		return m.Namespace()
	}
	if g.implementation == contour {
		return cmp.Or(g.installedContour().Namespace, contourNamespace)
	}
	return flaggerSystem
}

func (g *gatewayAPI) Namespaces() []*manifest.Object {
	switch {
	case g.mesh() != nil:
		return nil // the mesh has its own
	case g.isRendered(contour):
		return []*manifest.Object{manifest.NewNamespace(contourNamespace, manifest.NamespaceMeta{})}
	case g.implementation == contour:
		return nil
	}
	return g.ownNamespace(flagger.GatewayAPI)
}

func (g *gatewayAPI) Releases() []*flux.Release {
	if !g.isRendered(contour) {
		return nil
	}
	return []*flux.Release{{Name: contour, Namespace: contourNamespace, Chart: g.chart, Origin: g.origin, Kept: g.kept(contour)}}
}

func (g *gatewayAPI) FlaggerValues() map[string]any {
	if m := g.mesh(); m != nil {
		values := m.FlaggerValues()
		values["meshProvider"] = flagger.GatewayAPI
		return values
	}
	return g.bundledPrometheus(flagger.GatewayAPI, g.Namespace())
}

// Objects returns Contour's GatewayClass and Gateway, if Contour is rendered.
func (g *gatewayAPI) Objects() []manifest.Rendered {
	if !g.isRendered(contour) {
		return nil
	}
	return g.contourGateway()
}

// contourGateway returns the GatewayClass that Contour serves, and a Gateway that accepts the routes of labelled
// namespaces.
func (g *gatewayAPI) contourGateway() []manifest.Rendered {
	var annotations map[string]string
	if g.kept(contour) {
		annotations = map[string]string{manifest.FluxPrune: "disabled"}
	}
	return []manifest.Rendered{
		{Origin: g.origin, Object: &manifest.Object{
			APIVersion: manifest.GatewayV1, Kind: "GatewayClass", Metadata: manifest.Metadata{Name: gatewayName, Annotations: annotations},
			Spec: map[string]any{"controllerName": "projectcontour.io/gateway-controller"},
		}},
		{Origin: g.origin, Object: &manifest.Object{
			APIVersion: manifest.GatewayV1, Kind: kindGateway, Metadata: manifest.Metadata{Name: gatewayName, Namespace: contourNamespace, Annotations: annotations},
			Spec: map[string]any{"gatewayClassName": gatewayName, "listeners": []any{map[string]any{
				"name": "http", "port": 80, "protocol": "HTTP",
				"allowedRoutes": map[string]any{"namespaces": map[string]any{"from": "Selector", "selector": map[string]any{"matchLabels": map[string]any{gatewayLabel: gatewayName}}}},
			}}},
		}},
	}
}

// NamespaceMeta makes the mesh inject sidecars if a Service is a parent, or the rendered Gateway accept the
// routes of the namespace.
func (g *gatewayAPI) NamespaceMeta(r *rollout.Rollout) manifest.NamespaceMeta {
	switch {
	case g.kuma != nil:
		return g.kuma.NamespaceMeta(r)
	case g.istio != nil && (r == nil || slices.ContainsFunc(g.refs(r), api.GatewayRef.IsService)):
		meta := g.istio.NamespaceMeta(r)
		meta.Unless = append(slices.Clone(meta.Unless), istioDataplane)
		return meta
	case r != nil && g.isRendered(contour):
		return manifest.NamespaceMeta{Labels: map[string]string{gatewayLabel: gatewayName}}
	}
	return manifest.NamespaceMeta{}
}

// istioDataplane is the label of namespaces in which Istio works without sidecars
// (architecture/ambient/ztunnel.md).
const istioDataplane = "istio.io/dataplane-mode"

// refs returns the parents of a rollout's HTTPRoute: its own, those of its fleet, or the implementation's
// default.
func (g *gatewayAPI) refs(r *rollout.Rollout) []api.GatewayRef {
	all := r.Routing().GatewayRefs
	own := g.plugin.FlaggerPlugin
	if f := r.Policy.Fleet; f != nil && f.Spec.Plugin != nil && f.Spec.Plugin.Flagger != nil {
		own = f.Spec.Plugin.Flagger
	}
	if len(all) == 0 && own.Gateway != nil {
		all = own.Gateway.Refs
	}
	switch {
	case len(all) > 0:
	case g.kuma != nil:
		all = []api.GatewayRef{{Group: new(""), Kind: new(kindService)}}
	case g.isRendered(contour):
		all = []api.GatewayRef{{Name: gatewayName, Namespace: new(contourNamespace)}}
	}
	all = slices.Clone(all)
	for i, ref := range all {
		if ref.IsService() {
			all[i].Group = cmp.Or(ref.Group, new(""))
			if all[i].Name = cmp.Or(ref.Name, r.ServiceName); all[i].Name == r.ServiceName && ref.SectionName == nil {
				all[i].Port = cmp.Or(ref.Port, new(r.Port))
			}
		}
	}
	return all
}

// Route sets the Canary's parents and the fields that Flagger copies into the HTTPRoute.
func (g *gatewayAPI) Route(r *rollout.Rollout, canary *manifest.Object, spec *flagger.Canary) {
	routing, s := r.Routing(), &spec.Service
	s.GatewayRefs, s.Hosts, s.Headers, s.CorsPolicy = g.refs(r), routing.Hosts, routing.Headers, routing.CorsPolicy
	s.Match, s.Rewrite, s.Mirror = serviceMatch(routing), routing.Rewrite, routing.Mirror
	if t := routing.BackendTimeoutSeconds; t > 0 {
		s.BackendTimeout = rollout.Seconds(t)
	}
	if g.kuma != nil {
		g.kuma.Route(r, canary, spec)
		s.AppProtocol = cmp.Or(s.AppProtocol, routing.Protocol, "http")
	}
}

// PrometheusAddress returns the address of Kuma's Prometheus if Kuma implements Gateway API.
func (g *gatewayAPI) PrometheusAddress() string {
	if g.kuma != nil {
		return g.kuma.PrometheusAddress()
	}
	return ""
}

// gatewayMetrics holds the queries of the built-in metrics, by implementation; Kuma's are in its provider.
// Flagger's own queries read http_request_duration_seconds of the pods (fluxcd/flagger
// pkg/metrics/observers/http.go).
var gatewayMetrics = map[string]map[string]string{
	// The name of an Envoy cluster consists of the namespace, Service and port (projectcontour/contour
	// internal/envoy/cluster.go, AltStatName).
	contour: {"request-success-rate": templates.ContourRequestSuccessRate, "request-duration": templates.ContourRequestDuration},
	// A gateway and a client's sidecar report as source (fluxcd/flagger
	// docs/gitbook/tutorials/gatewayapi-progressive-delivery.md). In ambient mode the waypoint routes the
	// requests and reports (istio/istio.io content/en/docs/reference/config/metrics, Reporter).
	"istio": {"request-success-rate": templates.IstioRequestSuccessRate, "request-duration": templates.IstioRequestDuration},
}

// Query returns the implementation's query for a built-in metric, if its metrics distinguish the two versions.
func (g *gatewayAPI) Query(r *rollout.Rollout, metric string) string {
	if g.kuma != nil {
		return g.kuma.Query(r, metric)
	}
	return strings.ReplaceAll(gatewayMetrics[g.implementation][metric], "PORT", strconv.Itoa(int(r.Port)))
}

// checkMeasured reports metrics that have no data about the new version.
func (g *gatewayAPI) checkMeasured(r *rules.Rollout) {
	if g.kuma != nil {
		return // Kuma has separate checks
	}
	for i, m := range r.Analysis.Metrics {
		name, at := r.Builtin(m), rules.InMetrics(i, "name")
		switch fix := r.On.EnvoyNotScraped; {
		case !rules.IsBuiltin(name):
		case m.TemplateRef == nil:
			r.Report(diag.NoImplementationMetric, at, g.unmeasurable(name), ownMetric(r, name))
		case !g.isRendered(contour) || !g.asksRendered(r):
		case g.checkBundled(r, at, name):
		case fix != "":
			r.Report(diag.NothingMeasured, at, fmt.Sprintf("Prometheus does not scrape Contour's Envoy%s, so every check of %s fails", r.On.Where("EnvoyNotScraped"), name), fix)
		}
	}
}

// asksRendered reports whether a rendered Prometheus measures the rollout. It scrapes only pods with the
// annotation.
func (g *gatewayAPI) asksRendered(r *rules.Rollout) bool {
	if p := g.renderedBy["prometheus"]; p != nil {
		return !r.Has("metricsServer") && r.On.PrometheusAddress == g.installer.base(p).prometheusAddress()
	}
	p := g.renderedBy["flagger"]
	return p != nil && g.installer.base(p).asksBundled(r, r.On.Namespace)
}

// unmeasurable explains why a built-in metric has no query. Flagger's own query reads
// http_request_duration_seconds of the pods (fluxcd/flagger pkg/metrics/observers/http.go).
func (g *gatewayAPI) unmeasurable(metric string) string {
	if g.implementation != otherImplementation {
		return fmt.Sprintf("the patches leave %s without a template, so Flagger's own query reads http_request_duration_seconds of the pods", metric)
	}
	// envoyproxy/gateway#6742; nginx/documentation content/ngf/monitoring/prometheus.md
	return fmt.Sprintf("fleetwright has no query of %s for this implementation of Gateway API: the metrics of Envoy Gateway (envoyproxy/gateway#6742) and NGINX Gateway Fabric do not distinguish the versions", metric)
}

// ownMetric returns a customMetric that replaces a built-in one: it queries metrics of the pods by the labels of
// the rollout's Prometheus.
func ownMetric(r *rules.Rollout, name string) string {
	address := cmp.Or(r.MetricsServer, r.On.PrometheusAddress)
	labels := r.On.LabelsAt(address)
	pods := fmt.Sprintf(`%s="{{ namespace }}",%s=~"{{ target }}-%s"`, labels["namespace"], labels["pod"], podSuffix(r.TargetRef.Kind))
	query := `sum(rate(http_requests_total{` + pods + `,status!~"5.*"}[{{ interval }}])) / sum(rate(http_requests_total{` + pods + `}[{{ interval }}])) * 100`
	if name == "request-duration" {
		query = `histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{` + pods + `}[{{ interval }}]))) * 1000`
	}
	return "customMetric: {provider: {type: prometheus, address: " + address + "}, query: '" + query + "'}"
}

func (g *gatewayAPI) ServiceMeta(port int32) map[string]string {
	if g.kuma != nil {
		return g.kuma.ServiceMeta(port)
	}
	return nil
}

// Made returns the HTTPRoute of the rollout (fluxcd/flagger pkg/router/gateway_api.go).
func (g *gatewayAPI) Made(r *rollout.Rollout) []manifest.Identity {
	return []manifest.Identity{{Group: api.GatewayGroup, Kind: "HTTPRoute", Namespace: r.Namespace, Name: r.ServiceName}}
}

// Join adds the rollout to the mesh, if there is one, and reports unsupported fields.
func (g *gatewayAPI) Join(r *rollout.Rollout) {
	checkMatchFields(r)
	if g.kuma != nil {
		g.kuma.Join(r)
		return
	}
	checkKumaFields(r)
}

// NeverInjected returns why the pods of a namespace get no sidecars, if the implementation needs sidecars.
func (g *gatewayAPI) NeverInjected(namespace string) string {
	if m := g.mesh(); m != nil {
		return m.NeverInjected(namespace)
	}
	return ""
}

// Speaks returns the protocol that the implementation detects for the rollout's port.
func (g *gatewayAPI) Speaks(r *rules.Rollout) string {
	if m := g.mesh(); m != nil {
		return m.Speaks(r)
	}
	return ""
}

// OptsOut returns the field that keeps the mesh's sidecar out of the pods.
func (g *gatewayAPI) OptsOut(r *rules.Rollout, pod *source.Pod, namespace map[string]string) (inPod bool, by string) {
	if m := g.mesh(); m != nil {
		return m.OptsOut(r, pod, namespace)
	}
	return false, ""
}
