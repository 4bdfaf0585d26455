package place

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A Plugin is the plugin.flagger of a Fleet, or of the RenderConfig, which renders nothing.
type Plugin struct {
	*api.FlaggerPlugin
	Doc *schema.Document
	// number is the index of the plugin among all, in the order of the documents.
	number int
}

// pluginPath is the path of plugin.flagger in a Fleet, and in a RenderConfig.
var pluginPath = schema.Path{"spec", "plugin", "flagger"}

// At returns the path of a field of the plugin in its document.
func (p *Plugin) At(field ...any) schema.Path { return pluginPath.With(field...) }

// IsOfFleet reports whether the plugin belongs to a Fleet, not to the RenderConfig.
func (p *Plugin) IsOfFleet() bool { return p.Doc.Kind.Name == "Fleet" }

// A Platform is the set of components for rollouts on clusters, from their plugins. Clusters with the same
// plugins share it.
type Platform struct {
	// Plugins holds the plugins of the clusters' fleets, or else the plugin of the RenderConfig.
	Plugins []*Plugin
	// key identifies the platform.
	key string
}

// Key returns a text that identifies the platform, or "" for nil.
func (p *Platform) Key() string {
	if p == nil {
		return ""
	}
	return p.key
}

// placePlatforms finds the plugins of the clusters of fleets, in the order of the fleets.
func (pl *placer) placePlatforms() {
	plugins, all := map[*Cluster][]*Plugin{}, map[*Fleet]*Plugin{}
	for i, f := range pl.Fleets {
		if f.Spec.Plugin == nil || f.Spec.Plugin.Flagger == nil {
			continue
		}
		p := &Plugin{f.Spec.Plugin.Flagger, f.Doc, i + 1}
		all[f] = p
		for _, cl := range f.Clusters {
			plugins[cl] = append(plugins[cl], p)
		}
	}
	pl.platforms = map[string]*Platform{}
	if doc := pl.RenderConfig; doc != nil {
		if p := doc.Object.(*api.RenderConfig).Spec.Plugin; p != nil {
			pl.otherwise = pl.platform([]*Plugin{{&api.FlaggerPlugin{Installed: p.Flagger.Installed, Gateway: p.Flagger.Gateway}, doc, 0}})
		}
	}
	for _, f := range pl.Fleets {
		for _, cl := range f.Clusters {
			if have := plugins[cl]; len(have) > 0 {
				pl.target(cl).Platform = pl.platform(have)
				delete(plugins, cl) // other fleets have it as well
			}
		}
		if p := all[f]; p != nil && len(f.Clusters) == 0 {
			pl.platform([]*Plugin{p}) // its mistakes are reported too
		}
	}
}

// platform returns the platform with some plugins.
func (pl *placer) platform(plugins []*Plugin) *Platform {
	var key []byte
	for _, p := range plugins {
		key = fmt.Appendf(key, "%d ", p.number)
	}
	made, ok := pl.platforms[string(key)]
	if !ok {
		made = &Platform{Plugins: plugins, key: string(key)}
		pl.platforms[string(key)] = made
		pl.Platforms = append(pl.Platforms, made)
	}
	return made
}

// ComponentOf returns the name under installed of the component that a rendered Helm release installs.
func ComponentOf(release string) string {
	if release == PublicLoadTester {
		return "loadtester"
	}
	return release
}

// PublicLoadTester is the name of the release of the public load tester, and of its namespace.
const PublicLoadTester = "flagger-loadtester"

// InstalledOn returns the plugin that lists a component as installed on a cluster, handed over or not, or nil.
func (in *Input) InstalledOn(cluster, component string) *Plugin {
	p := in.platformOf[cluster]
	if p == nil {
		return nil
	}
	for _, plugin := range p.Plugins {
		if plugin.Entry(component) != nil {
			return plugin
		}
	}
	return nil
}

// Components holds the names of the components that may be under installed.
var Components = []string{"flagger", "istio", "gateway-api", "contour", "kuma", "ingress-nginx", "prometheus", "loadtester"}

// Entry returns the fields of a component under installed in a plugin, or nil.
func (p *Plugin) Entry(component string) any {
	in := p.Installed
	if in == nil {
		return nil
	}
	switch component {
	case "flagger":
		return said(in.Flagger)
	case "istio":
		return said(in.Istio)
	case "kuma":
		return said(in.Kuma)
	case "gateway-api":
		return said(in.GatewayAPI)
	case "contour":
		return said(in.Contour)
	case "ingress-nginx":
		return said(in.IngressNginx)
	case "prometheus":
		return said(in.Prometheus)
	case "loadtester":
		return said(in.Loadtester)
	}
	return nil
}

// said converts a pointer to any, and a nil pointer to nil.
func said[T any](component *T) any {
	if component == nil {
		return nil
	}
	return component
}

// HandsOver reports whether a plugin renders a component one last time, and treats it as installed afterwards.
func (p *Plugin) HandsOver(component string) bool {
	c, ok := p.Entry(component).(interface{ IsHandedOver() bool })
	return ok && c.IsHandedOver()
}

// checkFleetNamespace reports an Application whose fleet is in another namespace, where it may not be.
func (pl *placer) checkFleetNamespace(a *Application, f *Fleet, at schema.Path) {
	if f.Namespace == a.Namespace {
		return
	}
	field := at.With("fleetNamespace")
	if !a.Doc.Has(field...) { // a policy may leave it to its application
		field = schema.Path{"spec", "destination", "fleetNamespace"}
	}
	switch {
	case pl.settings.Hub:
		pl.Add(a.Doc.Diagnostic(diag.FleetElsewhere, field,
			fmt.Sprintf("in the hub topology, the fleet's kubeconfigs are only in its namespace %s, but the Application is in %s", f.Namespace, a.Namespace),
			"write metadata: {namespace: "+f.Namespace+"} in the Application, and remove fleetNamespace"))
	case !f.allows(a.Namespace):
		pl.Add(a.Doc.Diagnostic(diag.FleetElsewhere, field,
			fmt.Sprintf("the fleet at %s does not allow Applications from namespace %s", f.Doc.Position("metadata", "name"), a.Namespace),
			allowing(f, a.Namespace)))
	}
}

// allows reports whether Applications of another namespace may use a fleet.
func (f *Fleet) allows(namespace string) bool {
	if f.allowed == nil {
		f.allowed = make(map[string]bool, len(f.Spec.AllowedNamespaces))
		for _, name := range f.Spec.AllowedNamespaces {
			f.allowed[name] = true
		}
	}
	return f.allowed[namespace]
}

// allowing returns the line of a Fleet that allows one more namespace.
func allowing(f *Fleet, namespace string) string {
	return fmt.Sprintf("allowedNamespaces: [%s] in the Fleet's spec", strings.Join(append(slices.Clone(f.Spec.AllowedNamespaces), namespace), ", "))
}

// fleetNamespace returns the namespace of the fleet of an application's destination.
func fleetNamespace(a *Application, d *api.Destination) string {
	return cmp.Or(d.FleetNamespace, a.Namespace)
}
