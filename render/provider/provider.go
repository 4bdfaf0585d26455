// Package provider implements the providers that move the traffic of rollouts, in one file each: kuma.go,
// istio.go, nginx.go and others.
package provider

import (
	"cmp"
	"fmt"
	"slices"
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
)

// newProvider returns the provider of a fleet. Others holds the existing providers.
func newProvider(b base, name string, others map[string]rollout.Provider) rollout.Provider {
	switch name {
	case flagger.Kuma:
		return newKuma(b)
	case flagger.Istio:
		return istio{b}
	case flagger.Nginx:
		return newNginx(b)
	case flagger.GatewayAPI:
		return newGatewayAPI(b, others)
	}
	return &kubernetes{base: b}
}

// oldestFlagger is the oldest version of Flagger whose CRD has every rendered field, except the fields that
// rules check by version.
var oldestFlagger = settings.MinorVersion{Major: 1, Minor: flagger.Oldest}

// Install returns the installation of a platform, or nil if it has none. It reports problems of the plugins.
func Install(c *rollout.Compilation, platform *place.Platform) *rollout.Installation {
	in := newInstaller(c, platform)
	s := &rollout.Installation{
		Platform: platform, Origin: manifest.Origin{Doc: platform.Plugins[0].Doc, Path: platform.Plugins[0].At()},
		Providers: map[string]rollout.Provider{}, Installed: map[string]string{},
	}
	for _, name := range []string{flagger.Istio, flagger.Kuma, flagger.Nginx, flagger.GatewayAPI, flagger.Kubernetes} {
		if plugin := in.hasProvider(name); plugin != nil {
			s.Providers[name] = newProvider(in.base(plugin), name, s.Providers)
			s.Before = append(s.Before, s.Providers[name].Releases()...)
		}
	}
	if len(s.Providers) == 0 && in.has("flagger") == nil {
		return nil
	}
	in.addGateways(s)
	in.addFlagger(s)
	in.addPrometheus()
	in.addLoadTester(s)
	in.addPresent(s)
	in.checkAgreement(s)
	in.checkConflicts(s)
	s.Facts = *in.facts
	s.Expect = func(told rollout.Told) { in.expect(s, told) }
	return s
}

// addGateways adds the rendered CRDs of Gateway API, and the Gateways that applications wait for.
func (in *installer) addGateways(s *rollout.Installation) {
	if plugin := in.renderedBy[gatewayCRDs]; plugin != nil {
		s.GatewayCRDs = &flux.CRDs{Name: gatewayCRDs + "-crds", Release: in.c.Settings.Charts[gatewayCRDs], Origin: in.base(plugin).origin}
	}
	if p := in.renderedBy[contour]; p != nil && p.Gateway.Waits() {
		s.OwnGateways = []api.NamespacedReference{{Name: gatewayName, Namespace: contourNamespace}}
	}
	for _, p := range in.platform.Plugins {
		if p.Gateway == nil || !p.Gateway.Waits() {
			continue
		}
		for _, ref := range p.Gateway.Refs {
			if !ref.IsGateway() || ref.Namespace == nil {
				continue
			}
			if g := (api.NamespacedReference{Name: ref.Name, Namespace: *ref.Namespace}); !slices.Contains(append(s.OwnGateways, s.Gateways...), g) {
				s.Gateways = append(s.Gateways, g)
			}
		}
	}
}

// addFlagger adds the rendered Flagger, or the facts of the installed one.
func (in *installer) addFlagger(s *rollout.Installation) {
	if plugin := in.renderedBy["flagger"]; plugin != nil && s.Providers[plugin.Provider()] != nil {
		in.renderFlagger(s, plugin, s.Providers[plugin.Provider()])
		return
	}
	plugin := in.installedBy["flagger"]
	if plugin == nil {
		return
	}
	said, b := plugin.Installed.Flagger, in.base(plugin)
	s.FlaggerVersion, s.FlaggerNamespace = strings.TrimPrefix(said.Version, "v"), cmp.Or(said.Namespace, flaggerNamespace(s, plugin))
	f := in.facts
	f.MetricsServer, f.MeshProvider = said.MetricsServer, said.MeshProvider
	f.SelectorLabels, f.WatchNamespace = said.SelectorLabels, said.WatchNamespace
	f.NoCrossNamespaceRefs, f.IngressAnnotationsPrefix = said.NoCrossNamespaceRefs, said.IngressAnnotationsPrefix
	for fact, field := range map[string]string{"WatchNamespace": "watchNamespace", "NoCrossNamespaceRefs": "noCrossNamespaceRefs", "SelectorLabels": "selectorLabels"} {
		f.At[fact] = plugin.Doc.Position(plugin.At("installed", "flagger", field)...)
	}
	in.checkPrefix(b, said.IngressAnnotationsPrefix)
	if message := oldFlagger(s.FlaggerVersion); message != "" {
		b.report(diag.FlaggerVersion, schema.Path{"installed", "flagger", "version"}, message, fmt.Sprintf("upgrade Flagger on the clusters to %s.0 or newer", oldestFlagger))
	}
	if said.MetricsServer != "" {
		b.checkMetricsServer(said.MetricsServer, schema.Path{"installed", "flagger", "metricsServer"}, "http://prometheus.monitoring:9090")
	}
}

// flaggerNamespace returns the default namespace of an installed Flagger: that of a provider, as for a rendered
// Flagger.
func flaggerNamespace(s *rollout.Installation, plugin *place.Plugin) string {
	names := []string{plugin.Provider()}
	if plugin.Entry("flagger") != nil {
		names = append(names, plugin.Installed.Flagger.MeshProvider)
	}
	for _, name := range append(names, flagger.Kuma, flagger.Istio, flagger.Nginx, flagger.GatewayAPI) {
		if p := s.Providers[name]; p != nil {
			return p.Namespace()
		}
	}
	return ""
}

// checkPrefix reports a Flagger that writes annotations with a prefix that the rendered ingress controller does
// not read.
func (in *installer) checkPrefix(b base, said string) {
	written, read := cmp.Or(said, defaultIngressPrefix), in.ingressPrefix()
	if read != "" && written != read {
		b.report(diag.ContradictingValue, schema.Path{"installed", "flagger", "ingressAnnotationsPrefix"},
			unreadPrefix(written, read),
			fmt.Sprintf("config: {extraArgs: {controller: {extraArgs: {annotations-prefix: %s}}}} next to installed, or ingressAnnotationsPrefix: %s if Flagger has that", written, read))
	}
}

// renderFlagger adds the release of Flagger for a plugin, with the values for its provider.
func (in *installer) renderFlagger(s *rollout.Installation, plugin *place.Plugin, p rollout.Provider) {
	b := in.base(plugin)
	needed := p.FlaggerValues()
	if prefix := in.ingressPrefix(); prefix != "" && prefix != defaultIngressPrefix {
		needed["ingressAnnotationsPrefix"] = prefix
	}
	s.Flagger = &flux.Release{
		Name: "flagger", Namespace: p.Namespace(), Origin: b.origin,
		Chart:     b.flaggerChart(needed),
		DependsOn: s.Before,
		Kept:      in.kept("flagger"),
	}
	s.FlaggerVersion, s.FlaggerNamespace = imageVersion(s.Flagger.Chart), p.Namespace()
	b.apply("flagger", s.Flagger.Chart)
	if message := oldFlagger(s.Flagger.Chart.Version); message != "" {
		b.reportChart(diag.FlaggerVersion, "flagger", plugin.Chart, schema.Path{"chart", "version"}, message, fmt.Sprintf("version: %s.0 or newer", oldestFlagger))
	}
	if prometheus := in.installedPrometheus(); prometheus == nil || prometheus.Address != in.facts.MetricsServer { // an installed address has a separate check
		b.checkMetricsServer(in.facts.MetricsServer, schema.Path{"extraArgs", "metricsServer"}, fmt.Sprint(needed["metricsServer"]))
	}
	if said := text(s.Flagger.Chart.Values["meshProvider"]); s.Providers[said] == nil {
		b.report(diag.ProvidersDiffer, schema.Path{"extraArgs", "meshProvider"}, fmt.Sprintf("Flagger's meshProvider is %v, but the fleet's provider is %s", said, plugin.Provider()), fmt.Sprintf("meshProvider: %v, or remove the line", needed["meshProvider"]))
	}
}

// oldFlagger returns why a version of Flagger is not supported, or "".
func oldFlagger(version string) string {
	if v, ok := settings.ParseMinor(version); ok && v.Less(oldestFlagger) {
		return fmt.Sprintf("Flagger %s is too old: fleetwright supports %s.0 and newer", version, oldestFlagger)
	}
	return ""
}

// checkMetricsServer reports an address that Flagger cannot query.
func (b base) checkMetricsServer(address string, at schema.Path, example string) {
	if schema.RefuseURL(address, "http", "https") != "" {
		b.report(diag.NoAddress, at, "Flagger's metricsServer is not the URL of a Prometheus", "metricsServer: "+example)
	}
	if message, hint := rules.AddressProblem(api.MetricProvider{Type: "prometheus", Address: address}); message != "" {
		b.report(diag.BadAddress, at, message, "metricsServer"+strings.TrimPrefix(hint, "address"))
	}
}

// imageVersion returns the version of the image if the values set it, and otherwise that of the chart
// (fluxcd/flagger charts/flagger/templates/deployment.yaml, image.tag).
func imageVersion(chart settings.Chart) string {
	image, _ := chart.Values["image"].(map[string]any)
	if tag, _ := image["tag"].(string); tag != "" {
		if _, ok := settings.ParseMinor(tag); ok {
			return strings.TrimPrefix(tag, "v")
		}
	}
	return chart.Version
}

// addPrometheus sets the Prometheus of rendered MetricTemplates and that of the built-in metrics. Each defaults
// to the other.
func (in *installer) addPrometheus() {
	f := in.facts
	f.PrometheusAddress = f.MetricsServer
	if f.MetricsServer == "" && in.renderedBy["prometheus"] != nil {
		f.PrometheusAddress = in.base(in.renderedBy["prometheus"]).prometheusAddress()
	}
	if said := in.installedPrometheus(); said != nil {
		f.PrometheusAddress = said.Address
		if l := said.Labels; l != nil {
			f.NamespaceLabel, f.PodLabel = l.Namespace, l.Pod
		}
		if message, hint := rules.AddressProblem(api.MetricProvider{Type: "prometheus", Address: said.Address}); message != "" {
			in.base(in.installedBy["prometheus"]).report(diag.BadAddress, schema.Path{"installed", "prometheus", "address"}, message, hint)
		}
	}
	f.MetricsServer = cmp.Or(f.MetricsServer, f.PrometheusAddress, flagger.DefaultMetricsServer)
	f.PrometheusAddress = cmp.Or(f.PrometheusAddress, f.MetricsServer)
	if in.renderedBy["flagger"] == nil { // a rendered one may have its own Prometheus, with other labels
		name, _ := rules.ServiceAt(f.PrometheusAddress)
		f.Prometheus = name == rules.BundledPrometheus
	}
}

// addLoadTester adds the load tester that all rollouts may use.
func (in *installer) addLoadTester(s *rollout.Installation) {
	if plugin := in.renderedBy["loadtester"]; plugin != nil {
		b := in.base(plugin)
		s.LoadTester = &flux.Release{
			Name: rollout.PublicLoadTester, Namespace: rollout.PublicLoadTester, Origin: b.origin,
			Chart:     in.c.Settings.Charts["loadtester"],
			DependsOn: s.Before,
			Kept:      in.kept("loadtester"),
		}
		if s.Flagger != nil {
			s.LoadTester.DependsOn = []*flux.Release{s.Flagger}
		}
		s.TesterURL = rollout.PublicLoadTesterURL
		if mesh := testerMesh(s, plugin.Provider()); mesh != "" {
			s.TesterMeta, in.facts.TesterMesh = s.Providers[mesh].NamespaceMeta(nil), mesh
		}
		b.apply("loadtester", s.LoadTester.Chart)
		in.checkTesterAllowed()
		return
	}
	if plugin := in.installedBy["loadtester"]; plugin != nil {
		s.TesterURL = plugin.Installed.Loadtester.URL
		in.checkTesterMeshed(s, plugin)
	}
}

// checkTesterAllowed reports a rendered load tester into which Kuma injects no sidecar although it needs one.
func (in *installer) checkTesterAllowed() {
	plugin, all := in.renderedBy["kuma"], in.facts.MeshNamespaces
	if plugin == nil || in.facts.TesterMesh != flagger.Kuma || len(all) == 0 || slices.Contains(all, rollout.PublicLoadTester) {
		return
	}
	(&values{base: in.base(plugin), key: flagger.Kuma}).report(diag.NotWatched, "namespaceAllowList",
		fmt.Sprintf("Kuma injects no sidecar into the public load tester: namespace %s is not in the list, so its traffic is not split", rollout.PublicLoadTester),
		fmt.Sprintf("namespaceAllowList: [%s]", strings.Join(append(slices.Clip(all), rollout.PublicLoadTester), ", ")))
}

// testerMesh returns the name of the provider whose sidecar the rendered load tester gets: the fleet's own, or
// else another mesh that rollouts may use, or "".
func testerMesh(s *rollout.Installation, own string) string {
	if g, ok := s.Providers[own].(*gatewayAPI); ok && g.kuma != nil {
		own = flagger.Kuma
	}
	for _, name := range []string{own, flagger.Istio, flagger.Kuma} {
		if p := s.Providers[name]; p != nil && !p.NamespaceMeta(nil).IsZero() {
			if g, ok := p.(*gatewayAPI); ok {
				return g.implementation
			}
			return name
		}
	}
	return ""
}

// A base is the common part of all providers. Its methods are those of a provider that installs nothing and
// whose rollouts need only their Canary.
type base struct {
	*installer
	plugin *place.Plugin
	// origin is the position at which the plugin selects the provider.
	origin manifest.Origin
}

func (base) Releases() []*flux.Release                              { return nil }
func (base) Meshes() []manifest.Rendered                            { return nil }
func (base) Objects() []manifest.Rendered                           { return nil }
func (base) NamespaceMeta(*rollout.Rollout) manifest.NamespaceMeta  { return manifest.NamespaceMeta{} }
func (base) RolloutObjects(*rollout.Rollout) []manifest.Rendered    { return nil }
func (base) PrometheusAddress() string                              { return "" }
func (base) Query(_ *rollout.Rollout, metric string) (query string) { return "" }
func (base) ServiceMeta(port int32) map[string]string               { return nil }
func (base) NeverInjected(namespace string) string                  { return "" }
func (base) Speaks(*rules.Rollout) string                           { return "" }
func (base) Rejected(*flagger.Canary) []rules.Problem               { return nil }
func (base) Join(*rollout.Rollout)                                  {}

// OptsOut returns nothing, because pods need no sidecars.
func (base) OptsOut(*rules.Rollout, *source.Pod, map[string]string) (inPod bool, by string) {
	return false, ""
}

// report reports a diagnostic at a field of the plugin.
func (b base) report(code diag.Code, field schema.Path, message, hint string) {
	b.c.Add(b.plugin.Doc.Diagnostic(code, b.plugin.At(field...), message, hint))
}

// reportChart reports a diagnostic at the version of a component's chart: at a path in the plugin if its own chart sets
// one, or else in the RenderConfig, or at the provider.
func (b base) reportChart(code diag.Code, component string, own *api.Chart, at schema.Path, message, hint string) {
	inConfig := schema.Path{"spec", "charts", component, "version"}
	switch config := b.c.RenderConfig; {
	case own != nil && own.Version != "":
		b.report(code, at, message, hint)
	case config != nil && config.Text(inConfig...) != "":
		b.c.Add(config.Diagnostic(code, inConfig, message, hint))
	default:
		b.report(code, schema.Path{"trafficRoutingProvider"}, message, hint)
	}
}

// chart returns the chart of a provider, with the values of the settings and the fleet.
func (b base) chart(name string) settings.Chart {
	chart := b.c.Settings.Charts[name]
	if config := b.plugin.Config; config != nil && configuredComponent(b.plugin) == name {
		chart = chart.With(config.Chart, config.ExtraArgs)
	}
	return chart
}

// ownNamespace returns the namespace of a Flagger that is rendered for the provider and does not share another
// component's.
func (b base) ownNamespace(provider string) []*manifest.Object {
	if p := b.renderedBy["flagger"]; p == nil || p != b.plugin || !uses(provider)(p) {
		return nil
	}
	return []*manifest.Object{manifest.NewNamespace(flaggerSystem, manifest.NamespaceMeta{})}
}

// bundledPrometheus returns values that enable the Prometheus in Flagger's chart, which scrapes annotated pods,
// unless a Prometheus is installed.
func (b base) bundledPrometheus(provider, namespace string) map[string]any {
	if p := b.installedPrometheus(); p != nil {
		return map[string]any{"meshProvider": provider, "metricsServer": p.Address}
	}
	return map[string]any{"meshProvider": provider, "metricsServer": b.bundledMetricsServer(namespace), "prometheus": map[string]any{"install": true}}
}

// bundledMetricsServer returns the address of the Prometheus in Flagger's chart, which the chart names after
// Flagger (charts/flagger/templates/_helpers.tpl, flagger.fullname).
func (b base) bundledMetricsServer(namespace string) string {
	v := values{b, "flagger", b.flaggerChart(nil)}
	name := "flagger"
	if own, ok := v.get("nameOverride"); ok && !strings.Contains(name, text(own)) {
		name += "-" + text(own)
	}
	if full, ok := v.get("fullnameOverride"); ok && text(full) != "" {
		name = text(full)
	}
	return fmt.Sprintf("http://%s-prometheus.%s:9090", name, namespace)
}

// lacksBundled reports whether a rollout queries the Prometheus of the Flagger rendered in a namespace while the
// values disable it.
func (b base) lacksBundled(r *rules.Rollout, namespace string) bool {
	return !r.On.Prometheus && b.asksBundled(r, namespace)
}

func (b base) asksBundled(r *rules.Rollout, namespace string) bool {
	return b.isRendered("flagger") && !r.Has("metricsServer") && r.On.PrometheusAddress == b.bundledMetricsServer(namespace)
}

// flaggerChart returns Flagger's chart with the values of a provider, the settings and the fleet.
func (b base) flaggerChart(values map[string]any) settings.Chart {
	chart := b.c.Settings.Charts["flagger"]
	chart.Values = settings.MergeValues(values, chart.Values)
	return chart.With(b.plugin.Chart, b.plugin.ExtraArgs)
}

// neverMeshed returns why the pods of a namespace get no sidecars, or "".
func (b base) neverMeshed(namespace, provider string) string {
	rendered := map[string]string{kumaNamespace: "kuma", nginxNamespace: "ingress-nginx", prometheusNamespace: "prometheus"}
	if component := rendered[namespace]; component != "" && b.isRendered(component) {
		return "gets no sidecars from fleetwright"
	}
	switch namespace {
	case provider, "kube-system":
		return "gets no sidecars from fleetwright"
	case b.c.Settings.Source.Namespace:
		return "belongs to Flux, which is not in the mesh"
	}
	return ""
}
