package provider

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A component is a part of the infrastructure for rollouts, such as Flagger.
type component struct {
	name string
	// asked reports whether a Fleet's plugin requests rendering the component. It is nil for one that is never
	// rendered.
	asked func(*place.Plugin) bool
	// configured returns the plugin's fields for the rendered component. It may be nil.
	configured func(*place.Plugin) []string
}

var components = []component{
	{"flagger", func(*place.Plugin) bool { return true }, func(*place.Plugin) []string { return []string{"chart", "extraArgs"} }},
	{"istio", nil, nil},
	// Kuma ignores Gateway API if the CRDs are installed after Kuma.
	{gatewayCRDs, usesGateway, nil},
	{contour, implementedBy(contour), config(contour)},
	{"kuma", usesKuma, config("kuma")},
	{"ingress-nginx", uses(flagger.Nginx), config("ingress-nginx")},
	// The Prometheus in Flagger's chart measures ingress-nginx and Contour, and Istio has a Prometheus of its
	// own.
	{"prometheus", usesKuma, nil},
	{"loadtester", func(p *place.Plugin) bool { return p.PublicTestloader }, func(*place.Plugin) []string { return []string{"publicTestloader"} }},
}

func uses(provider string) func(*place.Plugin) bool {
	return func(p *place.Plugin) bool { return p.Provider() == provider }
}

func usesKuma(p *place.Plugin) bool { return uses(flagger.Kuma)(p) || implementedBy("kuma")(p) }

// usesGateway reports whether rollouts on the plugin's clusters may use Gateway API. That includes clusters with
// another provider, from which rollouts can move one by one.
func usesGateway(p *place.Plugin) bool { return uses(flagger.GatewayAPI)(p) || p.Gateway != nil }

func implementedBy(implementation string) func(*place.Plugin) bool {
	return func(p *place.Plugin) bool { return usesGateway(p) && implementationOf(p) == implementation }
}

// config returns a function that returns the field with the chart of a component, if a plugin has it.
func config(component string) func(*place.Plugin) []string {
	return func(p *place.Plugin) []string {
		if configuredComponent(p) == component {
			return []string{"config"}
		}
		return nil
	}
}

// configuredComponent returns the component that config configures, or "".
func configuredComponent(p *place.Plugin) string {
	if uses(flagger.GatewayAPI)(p) {
		return implementationOf(p)
	}
	return rollout.ComponentOf[p.Provider()]
}

// An installer creates the installation of a platform.
type installer struct {
	c        *rollout.Compilation
	platform *place.Platform
	// facts holds the facts that chart values, or the fields under installed, determine.
	facts *rules.Facts
	// renderedBy holds the plugin that renders each component, and installedBy the first plugin that lists it
	// under installed.
	renderedBy, installedBy map[string]*place.Plugin
}

// newInstaller assigns components to plugins. It reports components that two plugins render, and those that a
// plugin both configures and lists as installed.
func newInstaller(c *rollout.Compilation, platform *place.Platform) *installer {
	in := &installer{c, platform, &rules.Facts{At: map[string]diag.Position{}}, map[string]*place.Plugin{}, map[string]*place.Plugin{}}
	for _, p := range platform.Plugins {
		if p.Doc.IsNull(p.At("installed")...) {
			in.base(p).report(diag.InstalledConflict, schema.Path{"installed"}, "installed has no value, so nothing would count as installed", "remove the line, or list what the clusters have")
		}
		for _, k := range components {
			in.add(p, k)
		}
		in.checkConfig(p)
	}
	return in
}

// checkConfig reports a chart for a provider that has no chart.
func (in *installer) checkConfig(p *place.Plugin) {
	if _, ok := in.c.Settings.Charts[configuredComponent(p)]; p.Config == nil || ok {
		return
	}
	provider := p.TrafficRoutingProvider
	if uses(flagger.GatewayAPI)(p) {
		provider += " with implementation " + implementationOf(p)
	}
	in.base(p).report(diag.NoProviderChart, schema.Path{"config"}, fmt.Sprintf("fleetwright installs no chart for %s, so config has no effect", provider), "remove config")
}

// add records whether a plugin renders a component or has it installed.
func (in *installer) add(p *place.Plugin, k component) {
	there, handOver := p.Entry(k.name) != nil, p.HandsOver(k.name)
	asked := p.IsOfFleet() && k.asked != nil && k.asked(p)
	switch {
	case handOver && !asked:
		in.base(p).report(diag.InstalledConflict, schema.Path{"installed", k.name, "handOver"},
			fmt.Sprintf("nothing here renders %s, so nothing can be handed over", k.name), "remove the line")
	case there && !handOver:
		in.checkConfigured(p, k)
	}
	if at := p.At("installed", k.name); !there && p.Doc.IsNull(at...) {
		in.base(p).report(diag.InstalledConflict, schema.Path{"installed", k.name}, k.name+" has no value, so it would count as not installed", rollout.Example(k.name))
	}
	if there && in.installedBy[k.name] == nil {
		in.installedBy[k.name] = p
	}
	if !asked || there && !handOver {
		return
	}
	if first := in.renderedBy[k.name]; first != nil {
		in.base(p).report(diag.PluginsDiffer, nil,
			fmt.Sprintf("this fleet and the one at %s both render %s, and a cluster is in both", first.Doc.Position("metadata", "name"), k.name),
			oneRenders(p, first, k.name))
		return
	}
	in.renderedBy[k.name] = p
}

// oneRenders returns the hint that leaves a component to one of two plugins.
func oneRenders(p, other *place.Plugin, component string) string {
	if p.HandsOver(component) || other.HandsOver(component) {
		return "remove handOver from one of the two"
	}
	return fmt.Sprintf("installed: {%s} in the plugin of one of the two", rollout.Example(component))
}

// checkConfigured reports chart fields of a component that the plugin does not render.
func (in *installer) checkConfigured(p *place.Plugin, k component) {
	if k.configured == nil {
		return
	}
	for _, field := range k.configured(p) {
		if p.Doc.Has(p.At(field)...) && p.Doc.Text(p.At(field)...) != "false" {
			in.base(p).report(diag.InstalledConflict, schema.Path{field},
				fmt.Sprintf("%s is under installed (%s), so it is not rendered and the field has no effect", k.name, p.Doc.Position(p.At("installed", k.name)...)),
				fmt.Sprintf("remove %s; or remove %s from installed to render it", field, k.name))
		}
	}
}

func (in *installer) base(p *place.Plugin) base {
	return base{in, p, manifest.Origin{Doc: p.Doc, Path: p.At()}}
}

// has returns the plugin that provides a component, by rendering it or else by listing it as installed. Istio is
// never rendered: a Fleet with the provider istio expects it.
func (in *installer) has(component string) *place.Plugin {
	p := cmp.Or(in.renderedBy[component], in.installedBy[component])
	if p == nil && component == rollout.ComponentOf[flagger.Istio] {
		p = in.first(expectsIstio)
	}
	return p
}

// hasProvider returns the plugin that makes a provider available to rollouts, or nil. Every cluster has
// Services.
func (in *installer) hasProvider(name string) *place.Plugin {
	there := in.has(rollout.ComponentOf[name])
	switch name {
	case flagger.Kubernetes:
		return cmp.Or(in.first(uses(name)), in.has("flagger"))
	case flagger.GatewayAPI:
		if there != nil { // The CRDs are not enough: many clusters have them without an implementation.
			return in.first(usesGateway)
		}
	}
	return there
}

func expectsIstio(p *place.Plugin) bool { return uses(flagger.Istio)(p) || implementedBy("istio")(p) }

// first returns the first plugin of the platform that satisfies a condition, or nil.
func (in *installer) first(holds func(*place.Plugin) bool) *place.Plugin {
	if i := slices.IndexFunc(in.platform.Plugins, holds); i >= 0 {
		return in.platform.Plugins[i]
	}
	return nil
}

// isRendered reports whether a component is rendered.
func (in *installer) isRendered(component string) bool { return in.renderedBy[component] != nil }

// kept reports whether Flux must keep a component that is no longer rendered.
func (in *installer) kept(component string) bool {
	p := in.renderedBy[component]
	return p != nil && p.HandsOver(component)
}

// installedIstio returns the fields of Istio under installed, or zero values; the functions below do the same
// for other components.
func (in *installer) installedIstio() api.InstalledIstio {
	if p := in.installedBy["istio"]; p != nil {
		return *p.Installed.Istio
	}
	return api.InstalledIstio{}
}

func (in *installer) installedGatewayAPI() api.InstalledGatewayAPI {
	if p := in.installedBy[gatewayCRDs]; p != nil {
		return *p.Installed.GatewayAPI
	}
	return api.InstalledGatewayAPI{}
}

func (in *installer) installedContour() api.InstalledContour {
	if p := in.installedBy[contour]; p != nil {
		return *p.Installed.Contour
	}
	return api.InstalledContour{}
}

func (in *installer) installedKuma() *api.InstalledKuma {
	if p := in.installedBy["kuma"]; p != nil && !in.isRendered("kuma") {
		return p.Installed.Kuma
	}
	return nil
}

func (in *installer) installedNginx() *api.InstalledIngressNginx {
	if p := in.installedBy["ingress-nginx"]; p != nil && !in.isRendered("ingress-nginx") {
		return p.Installed.IngressNginx
	}
	return nil
}

func (in *installer) installedPrometheus() *api.InstalledPrometheus {
	if p := in.installedBy["prometheus"]; p != nil && !in.isRendered("prometheus") {
		return p.Installed.Prometheus
	}
	return nil
}

// measuredAt returns the address of the installed Prometheus, or else the given one.
func (in *installer) measuredAt(otherwise string) string {
	if p := in.installedPrometheus(); p != nil {
		return p.Address
	}
	return otherwise
}
