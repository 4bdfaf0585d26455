package importer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema/api"
)

// An installation is the set of components that run on the clusters already.
type installation struct {
	components *yaml.Node // the value of installed
	provider   string     // the provider of the Fleet
	// meshProvider is the provider of Canaries that set none, or "" if no file sets it.
	meshProvider string
	notes        []string
	// why is the reason why no rollout can be imported, or "".
	why string
	// differs are the targets with other components, with the reasons.
	differs map[int]string
}

// flaggerField is Flagger's field of installed.
const flaggerField = "flagger"

// components are the charts of the components that rollouts need, with their fields of installed, and the
// functions that fill these fields from a release. The values are those of fluxcd/flagger charts/flagger and
// charts/loadtester, kumahq/kuma deployments/charts/kuma, istio/istio
// manifests/charts/istio-control/istio-discovery, kubernetes/ingress-nginx charts/ingress-nginx and bitnami/charts
// bitnami/contour.
var components = map[string]struct {
	field string
	write func(o *object, to *yaml.Node) (why string)
}{
	"flagger": {flaggerField, func(o *object, to *yaml.Node) string {
		values := get(o.node, "spec", "values")
		for _, f := range [][2]string{
			{"meshProvider", "meshProvider"}, {"metricsServer", "metricsServer"}, {"namespace", "watchNamespace"},
			{"noCrossNamespaceRefs", "noCrossNamespaceRefs"}, {"ingressAnnotationsPrefix", "ingressAnnotationsPrefix"},
		} {
			if v := get(values, f[0]); v != nil && v.Value != "" {
				set(to, f[1], clone(v))
			}
		}
		if labels := textAt(values, "selectorLabels"); labels != "" {
			set(to, "selectorLabels", newNode(strings.Split(labels, ",")))
		}
		return writeVersion(o, to, textAt(values, "image", "tag"))
	}},
	"kuma": {"kuma", func(o *object, to *yaml.Node) string { return writeVersion(o, to, "") }},
	"istiod": {"istio", func(o *object, to *yaml.Node) string {
		if revision := textAt(o.node, "spec", "values", "revision"); revision != "" {
			set(to, "revision", newText(revision))
		}
		return ""
	}},
	"ingress-nginx": {"ingress-nginx", func(o *object, to *yaml.Node) string {
		if class := textAt(o.node, "spec", "values", "controller", "ingressClassResource", "name"); class != "" {
			set(to, "class", newText(class))
		}
		return ""
	}},
	"contour": {"contour", func(*object, *yaml.Node) string { return "" }},
	"loadtester": {"loadtester", func(o *object, to *yaml.Node) string {
		name := cmp.Or(textAt(o.node, "spec", "releaseName"), releaseName(o))
		if !strings.Contains(name, "loadtester") {
			name += "-loadtester" // as in the chart's template loadtester.fullname
		}
		name = cmp.Or(textAt(o.node, "spec", "values", "fullnameOverride"), name)
		set(to, "url", newText(fmt.Sprintf("http://%s.%s/", name, installedIn(o))))
		return ""
	}},
}

// installedIn returns the namespace that a release installs into.
func installedIn(o *object) string {
	return cmp.Or(textAt(o.node, "spec", "targetNamespace"), o.Namespace)
}

// writeVersion writes the version of a component, from its image or else from its chart, which have the same
// version.
func writeVersion(o *object, to *yaml.Node, image string) (why string) {
	version := strings.TrimPrefix(cmp.Or(image, textAt(o.node, "spec", "chart", "spec", "version")), "v")
	if !settings.IsExact(version) {
		return fmt.Sprintf("%s sets no exact version, but installed needs the running version", o)
	}
	set(to, "version", newText(version))
	return ""
}

// findInstalled finds the components that run on the clusters already, if Flagger does; they stay there. A Fleet
// describes one of each component: the one on most of the clusters with Canaries.
func (m *model) findInstalled() *installation {
	in := &installation{components: newMapping(), differs: map[int]string{}}
	var releases []*item
	hasFlagger := len(m.canaries) > 0
	for _, p := range m.policies {
		chart := chartName(p.first())
		if _, ok := components[chart]; ok && p.Kind == "HelmRelease" {
			releases = append(releases, p)
			hasFlagger = hasFlagger || chart == "flagger"
		}
	}
	if !hasFlagger {
		return in
	}
	for _, p := range releases {
		m.leave(p.Identity, "it already runs, and is described in installed."+components[chartName(p.first())].field)
	}
	on := make([]*installation, len(m.targets))
	all := m.variants(func(at int) *yaml.Node {
		if len(m.canaries) > 0 && !slices.ContainsFunc(m.canaries, func(c *item) bool { return c.on[at] != nil }) {
			return nil
		}
		on[at] = installedOn(at, releases)
		return on[at].components
	})
	main := slices.Index(all[0].on, true)
	in.components, in.notes, in.why, in.meshProvider = on[main].components, on[main].notes, on[main].why, on[main].meshProvider
	for at, other := range on {
		if other != nil && !all[0].on[at] {
			in.differs[at] = differs(m.targets[at].clusterName(), other.components, m.targets[main].clusterName(), in.components)
		}
	}
	if get(in.components, flaggerField) == nil {
		set(in.components, flaggerField, newMapping())
		in.notes = append(in.notes, "no HelmRelease of Flagger was found: set installed.flagger.namespace to the namespace of Flagger")
	}
	if f := get(in.components, flaggerField); get(f, "version") == nil {
		newest := fmt.Sprintf("1.%d.0", flagger.Newest.Minor)
		set(f, "version", newText(newest))
		in.notes = append(in.notes, "no file sets the version of Flagger: set installed.flagger.version to the running version; it is "+newest+" now")
	}
	metrics := textAt(in.components, flaggerField, "metricsServer")
	if metrics == "" {
		metrics = flagger.DefaultMetricsServer
	}
	set(in.components, "prometheus", newMapping("address", metrics))
	used := []string{in.meshProvider}
	for _, c := range m.canaries {
		used = append(used, textAt(c.first().node, "spec", "provider"))
	}
	isRendered := func(provider string) bool { return slices.Contains(providers, api.ProviderName(provider)) }
	if i := slices.IndexFunc(used, isRendered); i >= 0 {
		in.provider = api.ProviderName(used[i])
	} else if in.provider = flagger.Istio; in.meshProvider != "" {
		in.provider = flagger.Kubernetes // it needs no other component, and a Fleet cannot describe the one that runs
	}
	m.require(in)
	return in
}

// installedOn returns the components that the releases install on a target.
func installedOn(at int, releases []*item) *installation {
	in := &installation{components: newMapping()}
	for _, p := range releases {
		o := p.on[at]
		if o == nil {
			continue
		}
		c := components[chartName(p.first())]
		if get(in.components, c.field) != nil {
			in.notes = append(in.notes, fmt.Sprintf("%s: installed.%s describes another release of this component", p, c.field))
			continue
		}
		made := newMapping()
		if c.field != "loadtester" {
			set(made, "namespace", newText(installedIn(o)))
		}
		why := c.write(o, made)
		set(in.components, c.field, made)
		if c.field != flaggerField {
			in.why = cmp.Or(in.why, why)
			continue
		}
		in.meshProvider = textAt(made, "meshProvider")
		if in.meshProvider == "" && get(o.node, "spec", "valuesFrom") == nil {
			in.meshProvider = flagger.Istio // Flagger's default: cmd/flagger/main.go
		}
	}
	return in
}

// differs returns the reason why a Fleet with the components of one cluster cannot render the Canaries of another.
func differs(cluster string, its *yaml.Node, other string, others *yaml.Node) string {
	x, y := value(its), value(others)
	field := differing(x, y, nil)[0]
	text := func(v any) string {
		if _, ok := v.(map[string]any); ok {
			return "a release"
		}
		return brief(v)
	}
	return fmt.Sprintf("a Fleet has one installed.%s, but it is %s on %s and %s on %s: import these clusters separately", field, text(valueAt(x, field)), cluster, text(valueAt(y, field)), other)
}

// require adds the provider of the rollouts, which must run on the clusters already.
func (m *model) require(in *installation) {
	m.installed = in
	used := map[string]bool{in.provider: true}
	for _, c := range m.canaries {
		if m.reject(c.first()) == "" {
			used[m.provider(c.first())] = true
		}
	}
	for _, p := range []struct{ provider, field string }{{flagger.Istio, "istio"}, {flagger.Nginx, "ingress-nginx"}, {api.ProviderName(flagger.GatewayAPI), "gateway-api"}} {
		if used[p.provider] && get(in.components, p.field) == nil {
			set(in.components, p.field, newMapping())
		}
	}
	if used[flagger.Kuma] && get(in.components, "kuma") == nil {
		in.why = cmp.Or(in.why, "no HelmRelease of Kuma was found, but installed.kuma needs its version")
	}
}

// chartName returns the name of the chart of a HelmRelease.
func chartName(o *object) string {
	if ref := sourceOf(o); ref.Kind == place.OCIRepository {
		return ref.Name
	}
	return textAt(o.node, "spec", "chart", "spec", "chart")
}

// plugin returns the installed components as plugin.flagger of a Fleet or a RenderConfig, or nil if Flagger does
// not run.
func (in *installation) plugin(ofFleet bool) *yaml.Node {
	if len(in.components.Content) == 0 || in.why != "" {
		return nil
	}
	made := newMapping()
	if ofFleet {
		set(made, "trafficRoutingProvider", newText(in.provider))
	}
	if get(in.components, "gateway-api") != nil && get(in.components, "contour") == nil {
		set(made, "gateway", newMapping("implementation", "other"))
	}
	set(made, "installed", in.components)
	return made
}
