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

// A Plugin is a plugin.flagger: that of a Fleet, or that of the RenderConfig, which renders nothing.
type Plugin struct {
	*api.FlaggerPlugin
	Doc *schema.Document
	// number is the place of the plugin among all, in the order of the documents.
	number int
}

// pluginPath is the path of plugin.flagger in a Fleet, and in a RenderConfig.
var pluginPath = schema.Path{"spec", "plugin", "flagger"}

// At returns the path of a field of the plugin in its document.
func (p *Plugin) At(field ...any) schema.Path { return pluginPath.With(field...) }

// IsOfFleet reports whether the plugin is that of a Fleet, and not of the RenderConfig.
func (p *Plugin) IsOfFleet() bool { return p.Doc.Kind.Name == "Fleet" }

// A Platform is what clusters have for their rollouts, as plugins say it. Clusters with the same
// plugins share it.
type Platform struct {
	// Plugins are those of the fleets that the clusters are in, or else that of the RenderConfig.
	Plugins []*Plugin
	// key tells platforms apart.
	key string
}

// Key returns a text that tells the platform from all others, and nothing where there is none.
func (p *Platform) Key() string {
	if p == nil {
		return ""
	}
	return p.key
}

// placePlatforms finds the plugins of the clusters of fleets. The order of the fleets is theirs.
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
				delete(plugins, cl) // which other fleets have as well
			}
		}
		if p := all[f]; p != nil && len(f.Clusters) == 0 {
			pl.platform([]*Plugin{p}) // whose mistakes count as well
		}
	}
}

// platform returns the one of some plugins.
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

// ComponentOf returns the name under installed of the component of a Helm release that is rendered.
func ComponentOf(release string) string {
	if release == PublicLoadTester {
		return "loadtester"
	}
	return release
}

// PublicLoadTester is the name of the release of the public load tester, and of its namespace.
const PublicLoadTester = "flagger-loadtester"

// InstalledOn returns the plugin that says that a component is on a cluster already, be it handed over or
// not, or nil.
func (in *Input) InstalledOn(cluster, component string) *Plugin {
	p := in.platformOf[cluster]
	if p == nil {
		return nil
	}
	for _, plugin := range p.Plugins {
		if plugin.Says(component) != nil {
			return plugin
		}
	}
	return nil
}

// Components are the names of what may be under installed.
var Components = []string{"flagger", "istio", "gateway-api", "contour", "kuma", "ingress-nginx", "prometheus", "loadtester"}

// Says returns what a plugin says of a component under installed, or nil.
func (p *Plugin) Says(component string) any {
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

// said returns a pointer as any, which is nil where the pointer is.
func said[T any](component *T) any {
	if component == nil {
		return nil
	}
	return component
}

// HandsOver reports whether a plugin has a component rendered once more, which is installed from then on.
func (p *Plugin) HandsOver(component string) bool {
	c, ok := p.Says(component).(interface{ IsHandedOver() bool })
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
			fmt.Sprintf("with topology hub Flux reads the kubeconfigs of the fleet in namespace %s alone, where the Fleet is; the Application is in %s", f.Namespace, a.Namespace),
			"metadata: {namespace: "+f.Namespace+"} of the Application, and no fleetNamespace"))
	case !f.allows(a.Namespace):
		pl.Add(a.Doc.Diagnostic(diag.FleetElsewhere, field,
			fmt.Sprintf("the fleet at %s does not allow Applications of namespace %s", f.Doc.Position("metadata", "name"), a.Namespace),
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

// fleetNamespace returns the namespace that a destination of an application means.
func fleetNamespace(a *Application, d *api.Destination) string {
	return cmp.Or(d.FleetNamespace, a.Namespace)
}
