package provider

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/shell"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/schema"
)

// testerNamespace returns the namespace of a plugin's load tester and the field that determines it: namespace if
// set, and otherwise the URL.
func testerNamespace(p *place.Plugin) (field, namespace string) {
	if p == nil || p.Installed == nil || p.Installed.Loadtester == nil {
		return "", ""
	}
	said := p.Installed.Loadtester
	if said.Namespace != "" {
		return "namespace", said.Namespace
	}
	_, namespace = rules.ServiceAt(said.URL)
	if u, err := url.Parse(said.URL); err != nil || net.ParseIP(u.Hostname()) != nil {
		namespace = ""
	}
	return "url", namespace
}

// checkTesterMeshed reports a load tester whose pods get no sidecar, because its traffic is not split.
func (in *installer) checkTesterMeshed(s *rollout.Installation, plugin *place.Plugin) {
	field, namespace := testerNamespace(plugin)
	for _, name := range slices.Sorted(maps.Keys(s.Providers)) {
		why := s.Providers[name].NeverInjected(namespace)
		if namespace == "" || why == "" {
			continue
		}
		in.base(plugin).report(diag.TesterOutsideMesh, schema.Path{"installed", "loadtester", field},
			fmt.Sprintf("namespace %s %s, so the load tester's traffic is not split", namespace, why), "install it in another namespace, or set testLoader: true in the rollouts")
		return
	}
}

// addPresent adds the installed components and their versions.
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

// expectIstio reports that clusters need Istio, if it is not listed under installed.
func (in *installer) expectIstio(p *place.Plugin) {
	at := schema.Path{"trafficRoutingProvider"}
	if !uses(flagger.Istio)(p) {
		at = schema.Path{"gateway", "implementation"}
	}
	in.base(p).report(diag.IstioExpected, at,
		fmt.Sprintf("fleetwright does not install Istio: every cluster needs its CRDs, its control plane and a Prometheus at %v", in.facts.MetricsServer), "installed: {istio: {}} in plugin.flagger, once the clusters have it")
}

// expect reports the components that plugins require on the clusters, with commands to check them, and skips
// those already reported. All rollouts must have joined their providers before.
func (in *installer) expect(s *rollout.Installation, told rollout.Told) {
	for _, p := range in.platform.Plugins {
		if expectsIstio(p) && in.installedBy["istio"] == nil && told.First(p, "istio") {
			in.expectIstio(p)
		}
		var what, how []string
		for _, k := range components {
			if p.Entry(k.name) == nil || in.isRendered(k.name) || !told.First(p, k.name) {
				continue
			}
			w, h := in.expected(s, k.name)
			what, how = append(what, w), append(how, h)
		}
		if len(what) == 0 {
			continue
		}
		if p.Entry("prometheus") == nil && !in.rendersPrometheus() { // nothing else mentions it
			w, h := in.expectedPrometheus(s)
			what, how = append(what, w), append(how, h)
		}
		clusters := "every cluster of the fleet"
		if !p.IsOfFleet() {
			clusters = "every cluster whose fleets have no plugin.flagger"
		}
		in.base(p).report(diag.InstalledExpected, schema.Path{"installed"}, clusters+" must already have "+strings.Join(what, "; "), "to check: "+strings.Join(how, "; "))
	}
}

// expected returns the requirement for an installed component, and a command to check it.
func (in *installer) expected(s *rollout.Installation, component string) (what, how string) {
	plugin := in.installedBy[component]
	said, defaults := fieldsOf(plugin.Entry(component)), in.defaultsOf(s, plugin, component)
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
		return what + ", and its injection label on existing namespaces of rollouts",
			"kubectl get mutatingwebhookconfigurations -l app=sidecar-injector -L istio.io/rev,istio.io/tag; kubectl get namespaces -L istio-injection,istio.io/rev"
	case gatewayCRDs:
		return fmt.Sprintf("the CRDs of Gateway API %s in the %s channel", get("version"), get("channel")),
			"kubectl get crd httproutes.gateway.networking.k8s.io -o yaml | grep -e bundle-version: -e channel:"
	case contour:
		return fmt.Sprintf("Contour in namespace %s, and the Gateway of gateway.refs, which Contour serves, with allowedRoutes for the namespaces of rollouts", namespace),
			fmt.Sprintf("kubectl -n %s get configmaps -o yaml | grep -A 3 gatewayRef; kubectl get gateways -A", namespace)
	case "kuma":
		return in.expectedKuma(s, namespace)
	case "ingress-nginx":
		what = fmt.Sprintf("ingress-nginx in namespace %s for class %s, with metrics", namespace, get("class"))
		if prefix := in.facts.IngressAnnotationsPrefix; prefix != "" && prefix != defaultIngressPrefix {
			what += " and the annotations-prefix " + prefix
		}
		return what, fmt.Sprintf("kubectl get ingressclass %s; kubectl -n %s get pods -o yaml | grep -e prometheus.io/scrape -e annotations-prefix", get("class"), namespace)
	case "prometheus":
		return in.expectedPrometheus(s)
	}
	return "a load tester at " + get("url"), showService(get("url"), s.FlaggerNamespace)
}

func (in *installer) expectedFlagger(s *rollout.Installation) (what, how string) {
	if s.FlaggerNamespace == "" {
		return "Flagger " + s.FlaggerVersion, "kubectl get deployments -A -o wide | grep flagger"
	}
	return fmt.Sprintf("Flagger %s in namespace %s", s.FlaggerVersion, s.FlaggerNamespace),
		fmt.Sprintf("kubectl -n %s get deployment flagger -o jsonpath='{..image} {..command} {..args}'", s.FlaggerNamespace)
}

// rendersPrometheus reports whether the Prometheus that measures rollouts is rendered, by its chart or by
// Flagger's.
func (in *installer) rendersPrometheus() bool {
	return in.isRendered("prometheus") || in.isRendered("flagger") && in.facts.Prometheus
}

// expectedPrometheus returns the metrics that each Prometheus must have. Flagger queries its own for Istio's
// metrics, and rendered MetricTemplates query theirs.
func (in *installer) expectedPrometheus(s *rollout.Installation) (what, how string) {
	metrics := map[string][]string{in.facts.PrometheusAddress: nil}
	add := func(provider, address, name string) {
		if p := s.Providers[provider]; p != nil && p.PrometheusAddress() == "" && !slices.Contains(metrics[address], name) {
			metrics[address] = append(metrics[address], name)
		}
	}
	add(flagger.Istio, in.facts.MetricsServer, "istio_requests_total")
	add(flagger.Nginx, in.facts.PrometheusAddress, "nginx_ingress_controller_requests")
	if g, ok := s.Providers[flagger.GatewayAPI].(*gatewayAPI); ok {
		switch g.implementation {
		case contour:
			add(flagger.GatewayAPI, in.facts.PrometheusAddress, "envoy_cluster_upstream_rq of Contour's Envoy")
		case "istio":
			add(flagger.GatewayAPI, in.facts.PrometheusAddress, "istio_requests_total")
		}
	}
	if k, ok := s.Providers[flagger.Kuma].(*kuma); !ok || k.minor < kumaOtherMetrics {
		add(flagger.Kuma, in.facts.PrometheusAddress, "the sidecars' metrics by kuma_sd_configs")
	}
	if k, ok := s.Providers[flagger.Kubernetes].(*kubernetes); ok && k.measured {
		add(flagger.Kubernetes, in.facts.PrometheusAddress, "http_request_duration_seconds of the pods")
	}
	var all, commands []string
	for _, address := range slices.Sorted(maps.Keys(metrics)) {
		one := "a Prometheus at " + address
		if has := metrics[address]; len(has) > 0 {
			one += " with " + strings.Join(has, " and ")
		}
		all, commands = append(all, one), append(commands, showService(address, s.FlaggerNamespace))
	}
	return strings.Join(all, "; "), strings.Join(commands, "; ")
}

// showService returns a command that shows the Service of an address, as seen from a namespace, or, for an
// address outside the cluster, whether it answers.
func showService(address, from string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	name, rest, _ := strings.Cut(u.Hostname(), ".")
	namespace, domain, _ := strings.Cut(rest, ".")
	if domain != "" && domain != "svc" && !strings.HasPrefix(domain, "svc.") || net.ParseIP(u.Hostname()) != nil {
		return "curl " + shell.Quote(address)
	}
	if namespace = cmp.Or(namespace, from); namespace == "" {
		return "kubectl get services -A | grep " + shell.Quote(name)
	}
	return fmt.Sprintf("kubectl -n %s get service %s", shell.Quote(namespace), shell.Quote(name))
}

func (in *installer) expectedKuma(s *rollout.Installation, namespace string) (what, how string) {
	what = fmt.Sprintf("Kuma %s in namespace %s", s.Installed["kuma"], namespace)
	how = fmt.Sprintf("kubectl -n %s get deployments -l app=kuma-control-plane -o jsonpath='{..image}'; kubectl get namespaces -L %s", namespace, kumaInjection)
	k, ok := s.Providers[flagger.Kuma].(*kuma)
	if !ok {
		return what, how
	}
	var meshes, routes []string
	for _, m := range k.all {
		if m.there {
			meshes = append(meshes, m.Name)
			if (k.movesByRoute || !k.byGateway) && !k.rendersCatchAll(m) {
				routes = append(routes, m.Name)
			}
		}
	}
	what += ", and its injection label on existing namespaces of rollouts"
	if k.byGateway {
		what += "; a control plane that was started after the CRDs of Gateway API were installed"
		how += fmt.Sprintf("; kubectl get crds referencegrants.gateway.networking.k8s.io; kubectl -n %s get pods -l app=kuma-control-plane", namespace)
	}
	if len(meshes) > 0 {
		what += fmt.Sprintf("; the Mesh %s, with metrics for Prometheus and no mutual TLS in mode STRICT", diag.Some(meshes, 3))
		how += "; kubectl get meshes.kuma.io -o yaml"
	}
	if len(routes) > 0 {
		what += fmt.Sprintf("; a TrafficRoute for all traffic of %s", diag.Some(routes, 3))
		how += "; kubectl get trafficroutes.kuma.io"
	}
	return what, how
}
