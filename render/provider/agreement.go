package provider

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
)

// fieldsOf returns the fields under installed of a component as text, by name. The name of a nested field joins
// both names with a dot.
func fieldsOf(component any) map[string]string {
	data, err := json.Marshal(component)
	if err != nil {
		return nil // these types always marshal
	}
	var values map[string]any
	_ = json.Unmarshal(data, &values)
	delete(values, "handOver")
	fields := map[string]string{}
	add := func(name string, value any) {
		fields[name] = fmt.Sprint(value)
		if list, ok := value.([]any); ok {
			fields[name] = listOf(list)
		}
	}
	for name, value := range values {
		if below, ok := value.(map[string]any); ok {
			for key, value := range below {
				add(name+"."+key, value)
			}
			continue
		}
		add(name, value)
	}
	return fields
}

// listOf returns a list as YAML.
func listOf[T any](list []T) string {
	var all []string
	for _, item := range list {
		all = append(all, fmt.Sprint(item))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// agreed returns the hint with which a plugin gives a field the same value as another plugin.
func agreed(field, value string) string {
	above, below, nested := strings.Cut(field, ".")
	switch {
	case value == "":
		return "remove " + field
	case nested:
		return fmt.Sprintf("%s: %s in %s", below, value, above)
	}
	return field + ": " + value
}

// checkAgreement reports fields that plugins set differently from the plugin that renders the component, or from
// the first plugin that has it installed.
func (in *installer) checkAgreement(s *rollout.Installation) {
	for _, k := range components {
		one := in.has(k.name)
		if one == nil {
			continue
		}
		facts, rendered := in.renderedFields(s, k.name), in.isRendered(k.name)
		if !rendered {
			facts = in.defaultsOf(s, one, k.name)
			maps.Copy(facts, fieldsOf(one.Entry(k.name)))
		}
		for _, p := range in.platform.Plugins {
			if p.Entry(k.name) == nil || p == one && !rendered {
				continue
			}
			said, defaults := fieldsOf(p.Entry(k.name)), in.defaultsOf(s, p, k.name)
			names := slices.Collect(maps.Keys(said))
			if !rendered || p.HandsOver(k.name) { // then unset fields count as well
				names = slices.AppendSeq(names, maps.Keys(facts))
			}
			slices.Sort(names)
			for _, name := range slices.Compact(names) {
				have, known := facts[name]
				if rendered && !known && defaults[name] == "" {
					continue // unknown
				}
				have, want := cmp.Or(have, defaults[name]), cmp.Or(said[name], defaults[name])
				if !agree(name, have, want) {
					in.reportDisagreement(p, one, k.name, name, have, want)
				}
			}
		}
	}
}

// agree reports whether two values of a field under installed are equivalent.
func agree(field, a, b string) bool {
	if field == "version" {
		return isSameVersion(a, b)
	}
	return a == b || strings.Contains(a, "://") && rules.SameServer(a, b)
}

// reportDisagreement reports a field that two plugins set differently for a component.
func (in *installer) reportDisagreement(p, other *place.Plugin, component, field, have, said string) {
	message := fmt.Sprintf("%s of %s is %s here but %s at %s, for the same cluster", field, component, orNothing(said), orNothing(have), in.placeOf(other, component, field))
	if p == other {
		message = fmt.Sprintf("%s of the %s that is handed over is %s (%s); after the handover it would count as %s", field, component, orNothing(have), in.placeOf(other, component, field), orNothing(said))
	}
	in.base(p).report(diag.PluginsDiffer, pathBelow(component, field), message, agreed(field, have))
}

func orNothing(value string) string { return cmp.Or(value, "not set") }

// placeOf returns the position at which a plugin sets a field of a component.
func (in *installer) placeOf(p *place.Plugin, component, field string) diag.Position {
	at := p.At(pathBelow(component, field)...)
	if in.renderedBy[component] == p {
		at = p.At("trafficRoutingProvider")
		by := map[string]schema.Path{"flagger": p.At("chart", field), "kuma": p.At("config", "chart", field), "loadtester": p.At("publicTestloader")}
		if chart, ok := by[component]; ok && p.Doc.Has(chart...) {
			at = chart
		}
	}
	return p.Doc.Position(at...)
}

// pathBelow returns the path of a component's field in a plugin.
func pathBelow(component, field string) []any {
	at := []any{"installed", component}
	for name := range strings.SplitSeq(field, ".") {
		at = append(at, name)
	}
	return at
}

// isSameVersion reports whether two versions may be the same. Ranges and versions without a patch number may
// match any version of their minor version.
func isSameVersion(a, b string) bool {
	a, b = strings.TrimPrefix(a, "v"), strings.TrimPrefix(b, "v")
	minorA, okA := settings.ParseMinor(a)
	minorB, okB := settings.ParseMinor(b)
	if !okA || !okB || minorA != minorB {
		return !okA || !okB
	}
	return !settings.IsExact(a) || !settings.IsExact(b) || a == b
}

// renderedFields returns the fields of a rendered component, by their names under installed, or nil if it is not
// rendered.
func (in *installer) renderedFields(s *rollout.Installation, component string) map[string]string {
	if !in.isRendered(component) {
		return nil
	}
	f := in.facts
	switch component {
	case "flagger":
		if s.Flagger == nil {
			return nil
		}
		return map[string]string{
			"version": s.FlaggerVersion, "namespace": s.FlaggerNamespace, "metricsServer": f.MetricsServer,
			"selectorLabels": labelsOf(f.SelectorLabels), "watchNamespace": f.WatchNamespace,
			"noCrossNamespaceRefs": onlyTrue(f.NoCrossNamespaceRefs), "ingressAnnotationsPrefix": f.IngressAnnotationsPrefix,
		}
	case "kuma":
		fields := map[string]string{"version": in.base(in.renderedBy[component]).chart("kuma").Version, "namespace": kumaNamespace}
		if k, ok := s.Providers[flagger.Kuma].(*kuma); ok {
			fields["mesh"] = k.mesh.Name
		}
		return fields
	case gatewayCRDs:
		return map[string]string{"version": in.c.Settings.Charts[gatewayCRDs].Version, "channel": standardChannel}
	case contour:
		return map[string]string{"namespace": contourNamespace}
	case "ingress-nginx":
		return map[string]string{"namespace": nginxNamespace, "class": ingressClass(in.base(in.renderedBy[component]).chart("ingress-nginx"))}
	case "prometheus":
		return map[string]string{"address": in.base(in.renderedBy[component]).prometheusAddress()}
	}
	return map[string]string{"url": rollout.PublicLoadTesterURL, "namespace": rollout.PublicLoadTester}
}

// labelsOf returns labels as YAML, or "" if there are none.
func labelsOf(labels []string) string {
	if len(labels) == 0 {
		return ""
	}
	return listOf(labels)
}

func onlyTrue(b bool) string {
	if b {
		return "true"
	}
	return ""
}

// The default version and channel of Gateway API's CRDs for plugins that set none: those in the go.mod of
// Flagger 1.44.
const (
	oldestExpected  = "1.4.1"
	standardChannel = "standard"
)

// defaultsOf returns the defaults of a component's fields in a plugin.
func (in *installer) defaultsOf(s *rollout.Installation, p *place.Plugin, component string) map[string]string {
	switch component {
	case "flagger":
		return map[string]string{
			"namespace": flaggerNamespace(s, p), "selectorLabels": "[app, name, app.kubernetes.io/name]",
			"ingressAnnotationsPrefix": defaultIngressPrefix, "metricsServer": in.defaultMetricsServer(),
		}
	case "istio":
		return map[string]string{"namespace": istioNamespace}
	case "kuma":
		return map[string]string{"namespace": kumaNamespace, "mesh": defaultMesh, "catchAllRoute": "true"}
	case gatewayCRDs:
		return map[string]string{"version": oldestExpected, "channel": standardChannel}
	case contour:
		return map[string]string{"namespace": contourNamespace}
	case "ingress-nginx":
		return map[string]string{"namespace": nginxNamespace, "class": defaultIngressClass}
	case "prometheus":
		return map[string]string{"labels.namespace": "namespace", "labels.pod": "pod"}
	case "loadtester":
		_, namespace := testerNamespace(p)
		return map[string]string{"namespace": namespace}
	}
	return nil
}

// defaultMetricsServer returns the address that an installed Flagger queries if no plugin sets it.
func (in *installer) defaultMetricsServer() string {
	if p := in.installedBy["prometheus"]; p != nil {
		return p.Installed.Prometheus.Address
	}
	if p := in.renderedBy["prometheus"]; p != nil {
		return in.base(p).prometheusAddress()
	}
	return flagger.DefaultMetricsServer
}

// checkConflicts reports two ingress controllers that serve the same class.
func (in *installer) checkConflicts(s *rollout.Installation) {
	// Istio serves Ingresses of the class istio by default (istio/api mesh/v1alpha1, ingress_class).
	const istioClass = "istio"
	n, ok := s.Providers[flagger.Nginx].(nginx)
	if ok && s.Providers[flagger.Istio] != nil && n.ingressClass() == istioClass {
		at := schema.Path{"config", "extraArgs", "controller", "ingressClassResource", "name"}
		if n.installedNginx() != nil {
			at = schema.Path{"installed", "ingress-nginx", "class"}
		}
		n.report(diag.InstalledConflict, at, "Istio also serves the Ingress class istio: both controllers would answer for the Ingresses of rollouts", at[len(at)-1].(string)+": nginx")
	}
}
