package provider

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/schema"
)

// testerNamespace returns where a plugin says that the namespace of its load tester is, and which: the one
// that the URL names, unless another is said.
func testerNamespace(p *place.Plugin) (field, namespace string) {
	if p == nil || p.Installed == nil || p.Installed.Loadtester == nil {
		return "", ""
	}
	said := p.Installed.Loadtester
	if said.Namespace != "" {
		return "namespace", said.Namespace
	}
	u, err := url.Parse(said.URL)
	if err != nil {
		return "url", ""
	}
	_, rest, _ := strings.Cut(u.Hostname(), ".")
	namespace, _, _ = strings.Cut(rest, ".")
	return "url", namespace
}

// checkTesterMeshed reports a load tester whose pods get no sidecar, so that its traffic is not split.
func (in *installer) checkTesterMeshed(s *rollout.Installation, plugin *place.Plugin) {
	field, namespace := testerNamespace(plugin)
	for _, name := range slices.Sorted(maps.Keys(s.Providers)) {
		why := s.Providers[name].NeverInjected(namespace)
		if namespace == "" || why == "" {
			continue
		}
		in.base(plugin).report(diag.TesterOutsideMesh, schema.Path{"installed", "loadtester", field},
			fmt.Sprintf("the namespace %s %s, and the traffic that a load tester makes there is not split", namespace, why), "install it in another namespace, or testLoader: true for the rollouts")
		return
	}
}

// addPresent adds what is installed already, and its versions.
func (in *installer) addPresent(s *rollout.Installation) {
	for _, k := range components {
		if in.installedBy[k.name] != nil && !in.isRendered(k.name) {
			s.There = append(s.There, k.name)
		}
	}
	if s.Flagger == nil && s.FlaggerVersion != "" {
		s.Installed["flagger"] = s.FlaggerVersion
	}
	if k := in.installedKuma(); k != nil {
		s.Installed["kuma"] = strings.TrimPrefix(k.Version, "v")
	}
}

// expect reports what plugins expect of the clusters, with commands that show it, but for the plugins that were
// told. All rollouts must have joined their providers.
func (in *installer) expect(s *rollout.Installation, told map[*place.Plugin]bool) {
	for _, p := range in.platform.Plugins {
		if told[p] {
			continue
		}
		told[p] = true
		var what, how []string
		for _, k := range components {
			if p.Says(k.name) == nil || in.isRendered(k.name) {
				continue
			}
			w, h := in.expected(s, k.name)
			what, how = append(what, w), append(how, h)
		}
		if len(what) == 0 {
			continue
		}
		if p.Says("prometheus") == nil && !in.isRendered("prometheus") { // which nothing else tells
			w, h := in.expectedPrometheus(s)
			what, how = append(what, w), append(how, h)
		}
		clusters := "every cluster of the fleet"
		if !p.IsOfFleet() {
			clusters = "every cluster whose fleets have no plugin.flagger"
		}
		in.base(p).report(diag.InstalledExpected, schema.Path{"installed"}, clusters+" is expected to have "+strings.Join(what, "; "), strings.Join(how, "; "))
	}
}

// expected returns what is expected of a component that is installed, and a command that shows it.
func (in *installer) expected(s *rollout.Installation, component string) (what, how string) {
	plugin := in.installedBy[component]
	said, defaults := fieldsOf(plugin.Says(component)), in.defaultsOf(s, plugin, component)
	get := func(field string) string { return cmp.Or(said[field], defaults[field]) }
	namespace := get("namespace")
	switch component {
	case "flagger":
		return in.expectedFlagger(s)
	case "istio":
		what = "Istio in namespace " + namespace
		if r := get("revision"); r != "" {
			what = fmt.Sprintf("Istio with the revision or tag %s in namespace %s", r, namespace)
		}
		return what + ", and its injection label on namespaces of rollouts that exist already",
			"kubectl get mutatingwebhookconfigurations -l app=sidecar-injector -L istio.io/rev,istio.io/tag; kubectl get namespaces -L istio-injection,istio.io/rev"
	case "kuma":
		return in.expectedKuma(s, namespace)
	case "ingress-nginx":
		what = fmt.Sprintf("ingress-nginx in namespace %s for the class %s, with metrics", namespace, get("class"))
		if prefix := in.facts.IngressAnnotationsPrefix; prefix != "" && prefix != defaultIngressPrefix {
			what += " and the annotations-prefix " + prefix
		}
		return what, fmt.Sprintf("kubectl get ingressclass %s; kubectl -n %s get pods -o yaml | grep -e prometheus.io/scrape -e annotations-prefix", get("class"), namespace)
	case "prometheus":
		return in.expectedPrometheus(s)
	}
	return "a load tester at " + get("url"), "kubectl get services -A | grep loadtester"
}

func (in *installer) expectedFlagger(s *rollout.Installation) (what, how string) {
	what, how = "Flagger "+s.FlaggerVersion, "kubectl get -A deployments"
	if s.FlaggerNamespace != "" {
		what, how = what+" in namespace "+s.FlaggerNamespace, "kubectl -n "+s.FlaggerNamespace+" get deployments"
	}
	return what, how + " -l app.kubernetes.io/name=flagger -o jsonpath='{..image} {..command} {..args}'"
}

// expectedPrometheus returns what the Prometheus of rendered MetricTemplates must have.
func (in *installer) expectedPrometheus(s *rollout.Installation) (what, how string) {
	var all []string
	for provider, metrics := range map[string]string{
		flagger.Kuma:  "the metrics of sidecars by kuma_sd_configs",
		flagger.Istio: "istio_requests_total",
		flagger.Nginx: "nginx_ingress_controller_requests",
	} {
		if p := s.Providers[provider]; p != nil && p.PrometheusAddress() == "" && !in.isRendered(rollout.ComponentOf[provider]) {
			all = append(all, metrics)
		}
	}
	slices.Sort(all)
	what = "a Prometheus at " + in.facts.PrometheusAddress
	if len(all) > 0 {
		what += " that has " + strings.Join(all, " and ")
	}
	return what, "kubectl get services -A | grep prometheus"
}

func (in *installer) expectedKuma(s *rollout.Installation, namespace string) (what, how string) {
	what = fmt.Sprintf("Kuma %s in namespace %s", s.Installed["kuma"], namespace)
	how = fmt.Sprintf("kubectl -n %s get deployments -o jsonpath='{..image}'; kubectl get namespaces -L %s", namespace, kumaInjection)
	k, ok := s.Providers[flagger.Kuma].(*kuma)
	if !ok {
		return what, how
	}
	var meshes, routes []string
	for _, m := range k.all {
		if m.there {
			meshes = append(meshes, m.Name)
			if !k.rendersCatchAll(m) {
				routes = append(routes, m.Name)
			}
		}
	}
	what += ", and its injection label on namespaces of rollouts that exist already"
	if len(meshes) > 0 {
		what += fmt.Sprintf("; the Mesh %s, with metrics for Prometheus and no mutual TLS in mode STRICT", strings.Join(meshes, " and "))
		how += "; kubectl get meshes -o yaml"
	}
	if len(routes) > 0 {
		what += fmt.Sprintf("; a TrafficRoute for all traffic of %s", strings.Join(routes, " and "))
		how += "; kubectl get trafficroutes.kuma.io"
	}
	return what, how
}
