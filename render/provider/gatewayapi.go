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
	// gatewayCRDs is the component of the CRDs of Gateway API.
	gatewayCRDs = "gateway-api"
	// contour is the component of the implementation that is rendered unless another is there.
	contour          = rules.Contour
	contourNamespace = rules.ContourHome
	// otherImplementation is one that nothing is known of.
	otherImplementation = "other"

	// gatewayName is the name of the Gateway that is rendered with Contour, in its namespace, and of its class.
	gatewayName = "contour"
	// gatewayLabel is on the namespaces whose routes that Gateway takes.
	gatewayLabel = "fleetwright.dev/gateway"

	kindGateway = "Gateway"
	// kindListenerSet adds listeners to a Gateway. It is in the standard channel since 1.5
	// (kubernetes-sigs/gateway-api CHANGELOG/1.5-CHANGELOG.md).
	kindListenerSet = "ListenerSet"
	kindService     = "Service"
)

// implementationOf returns what implements Gateway API on a plugin's clusters: what is said, or the provider
// of the fleet, or what is installed already, or Contour, which a Fleet has rendered.
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

// installedImplementations returns the implementations that are under installed.
func installedImplementations(p *place.Plugin) (all []string) {
	for _, name := range []string{"kuma", "istio", contour} {
		if p.Says(name) != nil {
			all = append(all, name)
		}
	}
	return all
}

// gatewayAPI is the provider of one fleet. It moves the traffic by one HTTPRoute for each rollout, which an
// implementation of Gateway API reads.
type gatewayAPI struct {
	base
	implementation string
	// chart is Contour's, where it is rendered.
	chart settings.Chart
	// kuma and istio are the implementation, or nil.
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

// useChart follows the values of Contour's chart.
func (g *gatewayAPI) useChart(b base) {
	g.chart = b.chart(contour)
	v := values{b, contour, g.chart}
	if _, ok := v.get(envoyAnnotations + "/scrape"); !ok { // removed with null
		envoyScraped("scrape", "true")(b.facts, nil)
	}
	b.apply(contour, g.chart)
	b.facts.GatewayPort = gatewayPort(v)
}

// gatewayPort returns the port of the Service at which Envoy takes requests for the Gateway, or 0 where the chart's
// values give it others (charts/contour/templates/envoy/service.yaml@0.7.0).
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

// checkImplementation reports plugins that do not agree on what implements Gateway API, or do not tell it.
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
				fmt.Sprintf("Gateway API is implemented by %s here and by %s at %s, and a cluster has both; rollouts are rendered for one of them", own, g.implementation, g.plugin.Doc.Position(g.plugin.At()...)),
				fmt.Sprintf("gateway: {implementation: %s}, or separate clusters", g.implementation))
		case !said && p.Provider() != own && len(installed) > 1:
			b.report(diag.WhichImplementation, schema.Path{"installed"}, fmt.Sprintf("%s are under installed, and each could implement Gateway API", strings.Join(installed, " and ")), fmt.Sprintf("gateway: {implementation: %s}, or %s", installed[0], installed[1]))
		}
	}
}

// What needs kinds of Gateway API at v1: Flagger and its HTTPRoute, and Contour, which waits for GRPCRoute, too
// (kubernetes-sigs/gateway-api CHANGELOG, v1.0.0 and v1.1.0).
var (
	oldestHTTPRoute = settings.MinorVersion{Major: 1, Minor: 0}
	oldestGRPCRoute = settings.MinorVersion{Major: 1, Minor: 1}
)

// checkCRDs reports versions of Gateway API's CRDs that do not serve what is needed, or name no tag.
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
			report(fmt.Sprintf("Flux fetches the tag v%s of Gateway API, and %s is not the version of one release", version, version), hint)
			return
		}
	}
	oldest, needs := oldestHTTPRoute, "Flagger writes HTTPRoutes of v1, which"
	if g.isRendered(contour) {
		oldest, needs = oldestGRPCRoute, "Contour ends at once without GRPCRoutes of v1, which"
	}
	if v, ok := settings.ParseMinor(version); ok && v.Less(oldest) {
		report(fmt.Sprintf("%s Gateway API %s does not serve", needs, version), hint)
	}
}

// mesh returns the provider whose sidecars route by Gateway API, or nil.
func (g *gatewayAPI) mesh() rollout.Provider {
	switch {
	case g.kuma != nil:
		return g.kuma
	case g.istio != nil:
		return g.istio
	}
	return nil
}

// Namespace is where the implementation is installed, and Flagger where it is rendered.
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
		return nil // the mesh brings its own
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

// Objects are the GatewayClass and the Gateway of Contour, where it is rendered.
func (g *gatewayAPI) Objects() []manifest.Rendered {
	if !g.isRendered(contour) {
		return nil
	}
	return g.contourGateway()
}

// contourGateway returns the GatewayClass that Contour serves, and one Gateway of it that takes the routes of
// namespaces with a label.
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

// NamespaceMeta has the sidecars of a mesh put into the pods where a Service is a parent, and the rendered
// Gateway take the routes.
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

// istioDataplane is the label of a namespace in which Istio needs no sidecars (architecture/ambient/ztunnel.md).
const istioDataplane = "istio.io/dataplane-mode"

// refs returns the parents of a rollout's HTTPRoute: its own, or those of its fleet, or what the
// implementation has by default.
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

// Route gives the Canary the parents of its HTTPRoute and what Flagger puts into it.
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

// PrometheusAddress is the Prometheus of Kuma, where that implements Gateway API.
func (g *gatewayAPI) PrometheusAddress() string {
	if g.kuma != nil {
		return g.kuma.PrometheusAddress()
	}
	return ""
}

// gatewayMetrics are the queries behind Flagger's own metrics, by what implements Gateway API: of Kuma its
// provider has them. Flagger's ask for http_request_duration_seconds of the pods
// (fluxcd/flagger pkg/metrics/observers/http.go).
var gatewayMetrics = map[string]map[string]string{
	// Envoy's cluster is called after namespace, Service and port
	// (projectcontour/contour internal/envoy/cluster.go, AltStatName).
	contour: {"request-success-rate": templates.ContourRequestSuccessRate, "request-duration": templates.ContourRequestDuration},
	// A gateway and a client's sidecar report as source (fluxcd/flagger
	// docs/gitbook/tutorials/gatewayapi-progressive-delivery.md), and in ambient mode the waypoint, which
	// routes there (istio/istio.io content/en/docs/reference/config/metrics, Reporter).
	"istio": {"request-success-rate": templates.IstioRequestSuccessRate, "request-duration": templates.IstioRequestDuration},
}

// Query is one of the implementation's own metrics, where these tell the versions apart.
func (g *gatewayAPI) Query(r *rollout.Rollout, metric string) string {
	if g.kuma != nil {
		return g.kuma.Query(r, metric)
	}
	return strings.ReplaceAll(gatewayMetrics[g.implementation][metric], "PORT", strconv.Itoa(int(r.Port)))
}

// checkMeasured reports metrics that have no value of the new version.
func (g *gatewayAPI) checkMeasured(r *rules.Rollout) {
	if g.kuma != nil {
		return // which checks its own
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

// asksRendered reports whether a rollout is measured by a Prometheus that is rendered, which scrapes pods that ask
// for it.
func (g *gatewayAPI) asksRendered(r *rules.Rollout) bool {
	if p := g.renderedBy["prometheus"]; p != nil {
		return !r.Has("metricsServer") && r.On.PrometheusAddress == g.installer.base(p).prometheusAddress()
	}
	p := g.renderedBy["flagger"]
	return p != nil && g.installer.base(p).asksBundled(r, r.On.Namespace)
}

// unmeasurable returns why there is no query for one of Flagger's own metrics. Flagger's own asks for
// http_request_duration_seconds of the pods (fluxcd/flagger pkg/metrics/observers/http.go).
func (g *gatewayAPI) unmeasurable(metric string) string {
	if g.implementation != otherImplementation {
		return fmt.Sprintf("the patches leave %s without a template; Flagger's own query then asks for http_request_duration_seconds of the pods", metric)
	}
	// envoyproxy/gateway#6742; nginx/documentation content/ngf/monitoring/prometheus.md
	return fmt.Sprintf("no query for %s: the metrics of this implementation are unknown; Envoy Gateway (envoyproxy/gateway#6742) and NGINX Gateway Fabric cannot tell the versions apart", metric)
}

// ownMetric returns a metric of the pods in the place of one of Flagger's own, by the labels of the Prometheus that
// is asked.
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

// Made is the HTTPRoute of the rollout (fluxcd/flagger pkg/router/gateway_api.go).
func (g *gatewayAPI) Made(r *rollout.Rollout) []manifest.Identity {
	return []manifest.Identity{{Group: api.GatewayGroup, Kind: "HTTPRoute", Namespace: r.Namespace, Name: r.ServiceName}}
}

// Join has the rollout join the mesh, where there is one, and refuses what a Canary has no place for.
func (g *gatewayAPI) Join(r *rollout.Rollout) {
	checkMatchFields(r)
	if g.kuma != nil {
		g.kuma.Join(r)
		return
	}
	checkKumaFields(r)
}

// NeverInjected returns why the pods of a namespace get no sidecars, where they need them.
func (g *gatewayAPI) NeverInjected(namespace string) string {
	if m := g.mesh(); m != nil {
		return m.NeverInjected(namespace)
	}
	return ""
}

// Speaks returns what the implementation takes the rollout's port to speak.
func (g *gatewayAPI) Speaks(r *rules.Rollout) string {
	if m := g.mesh(); m != nil {
		return m.Speaks(r)
	}
	return ""
}

// OptsOut returns what keeps a mesh's sidecar from the pods.
func (g *gatewayAPI) OptsOut(r *rules.Rollout, pod *source.Pod, namespace map[string]string) (inPod bool, by string) {
	if m := g.mesh(); m != nil {
		return m.OptsOut(r, pod, namespace)
	}
	return false, ""
}
