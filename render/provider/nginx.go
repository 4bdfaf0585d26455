package provider

import (
	"cmp"
	"fmt"
	"net"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/templates"
)

const nginxNamespace = rules.DefaultIngressHome

// nginx is the provider of one fleet. It moves the traffic that comes in through
// an Ingress, by a second one that Flagger makes of it.
type nginx struct {
	base
	chart settings.Chart
}

func newNginx(b base) rollout.Provider {
	n := nginx{base: b}
	b.reportRetired()
	b.facts.IngressHome = n.Namespace()
	if b.installedNginx() != nil {
		return n
	}
	n.chart = b.chart("ingress-nginx")
	v := values{b, "ingress-nginx", n.chart}
	b.apply(v.key, n.chart)
	if _, ok := v.get("controller.metrics.enabled"); !ok { // removed with null; the chart's default is false
		b.facts.NoIngressMetrics = "controller: {metrics: {enabled: true}}"
	}
	// The controller shows its metrics at the port of its health (cmd/nginx/main.go), which the
	// annotation must name unless the input does.
	if port, ok := v.get("controller.extraArgs.healthz-port"); ok {
		if _, isSet := v.where("controller.podAnnotations.prometheus.io/port"); !isSet {
			n.chart.Values = settings.MergeValues(n.chart.Values, map[string]any{"controller": map[string]any{"podAnnotations": map[string]any{"prometheus.io/port": text(port)}}})
		}
	}
	if class := n.ingressClass(); len(validation.IsDNS1123Subdomain(class)) > 0 {
		n.report(diag.WrongFormat, schema.Path{"config", "extraArgs", "controller", "ingressClassResource", "name"},
			fmt.Sprintf("%q is not a name that Kubernetes takes", class), "name: nginx")
	}
	return n
}

// reportRetired reports, once a plugin, that ingress-nginx gets no fixes any more
// (kubernetes.io/blog/2025/11/11/ingress-nginx-retirement).
func (in *installer) reportRetired() {
	for _, p := range in.platform.Plugins {
		at := schema.Path{"installed", "ingress-nginx"}
		if uses(flagger.Nginx)(p) {
			at = schema.Path{"trafficRoutingProvider"}
		} else if p.Says("ingress-nginx") == nil {
			continue
		}
		message, hint := "ingress-nginx was retired in March 2026 and gets no fixes", ""
		if !usesGateway(p) {
			message, hint = message+"; beside it, rollouts can move to gatewayapi one by one", "gateway: {}"
		}
		in.base(p).report(diag.NginxRetired, at, message, hint)
	}
}

// Namespace is where nginx is installed, and Flagger where it is rendered.
func (n nginx) Namespace() string {
	if in := n.installedNginx(); in != nil {
		return cmp.Or(in.Namespace, nginxNamespace)
	}
	return nginxNamespace
}

func (n nginx) Namespaces() []*manifest.Object {
	if n.installedNginx() != nil {
		return nil
	}
	return []*manifest.Object{manifest.NewNamespace(nginxNamespace, manifest.NamespaceMeta{})}
}

func (n nginx) Releases() []*flux.Release {
	if n.installedNginx() != nil {
		return nil
	}
	return []*flux.Release{{Name: "ingress-nginx", Namespace: nginxNamespace, Chart: n.chart, Origin: n.origin, Kept: n.kept("ingress-nginx")}}
}

func (n nginx) FlaggerValues() map[string]any {
	return n.bundledPrometheus(flagger.Nginx, n.Namespace())
}

// ingressClass returns the class that the controller serves.
func (n nginx) ingressClass() string {
	if in := n.installedNginx(); in != nil {
		return cmp.Or(in.Class, defaultIngressClass)
	}
	return ingressClass(n.chart)
}

// ingressClass returns the class of a chart's values, which is the chart's own unless set.
func ingressClass(chart settings.Chart) string {
	controller, _ := chart.Values["controller"].(map[string]any)
	resource, _ := controller["ingressClassResource"].(map[string]any)
	name, _ := resource["name"].(string)
	return cmp.Or(name, defaultIngressClass)
}

func (nginx) Route(r *rollout.Rollout, _ *manifest.Object, spec *flagger.Canary) {
	spec.IngressRef = &flagger.ObjectReference{APIVersion: manifest.NetworkingV1, Kind: "Ingress", Name: r.Workload.Name}
}

// RolloutObjects are the Ingress of this rollout alone: two that share one would
// overwrite each other's canary, as Kurator's do.
func (n nginx) RolloutObjects(r *rollout.Rollout) []manifest.Rendered {
	path := manifest.IngressPath{Path: "/", PathType: "Prefix"}
	path.Backend.Service.Name = r.ServiceName
	path.Backend.Service.Port.Number = r.Port
	rule := manifest.IngressRule{Host: r.Routing().Host}
	rule.HTTP.Paths = []manifest.IngressPath{path}
	return []manifest.Rendered{{Object: &manifest.Object{
		APIVersion: manifest.NetworkingV1, Kind: "Ingress",
		Metadata: manifest.Metadata{Name: r.Workload.Name, Namespace: r.Namespace},
		Spec:     manifest.IngressSpec{IngressClassName: n.ingressClass(), Rules: []manifest.IngressRule{rule}},
	}, Origin: r.Origin(rollout.InRouting("host")...)}}
}

// Query selects by the upstream of the canary, which nginx names after namespace, Service and port
// (kubernetes/ingress-nginx internal/ingress/controller, upstreamName) and puts into the label
// canary of the requests that it got. Flagger's own queries select by the labels namespace and
// ingress, which Prometheus renames where the scraped pod has labels of these names
// (fluxcd/flagger#421).
func (nginx) Query(r *rollout.Rollout, metric string) string {
	query := map[string]string{
		"request-success-rate": templates.NginxRequestSuccessRate,
		"request-duration":     templates.NginxRequestDuration,
	}[metric]
	return strings.ReplaceAll(query, "PORT", strconv.Itoa(int(r.Port)))
}

// badHost returns why an Ingress does not take a host (k8s.io/kubernetes pkg/apis/networking/validation).
func badHost(host string) string {
	switch {
	case net.ParseIP(host) != nil:
		return "it is an IP address"
	case strings.HasPrefix(host, "*"):
		if len(validation.IsWildcardDNS1123Subdomain(host)) > 0 {
			return "a wildcard is *. and a name"
		}
	case len(validation.IsDNS1123Subdomain(host)) > 0:
		return "a host has lower-case letters, digits, '-' and '.' only, at most 253"
	}
	return ""
}

// Made is the Ingress of the canary (fluxcd/flagger pkg/router/ingress.go).
func (nginx) Made(r *rollout.Rollout) []manifest.Identity {
	return []manifest.Identity{{Group: "networking.k8s.io", Kind: "Ingress", Namespace: r.Namespace, Name: r.Workload.Name + rules.CanarySuffix}}
}

// Join refuses what a Canary has no place for.
func (nginx) Join(r *rollout.Rollout) { checkMatchFields(r) }

// Check reports what of a rollout would not work on nginx.
func (n nginx) Check(r *rules.Rollout) {
	checkPlain(r)
	if in := r.Ingress; in != nil && len(in.Hosts) > 0 {
		if why := badHost(in.Hosts[0]); why != "" {
			r.ReportAt(diag.WrongFormat, in.ID, schema.Path{"spec", "rules", 0, "host"}, fmt.Sprintf("%q is not a host that an Ingress takes: %s", in.Hosts[0], why), "host: shop.example.com")
		}
	} else if in != nil {
		r.ReportAt(diag.NoHost, in.ID, schema.Path{"spec"}, "the Ingress needs the name that requests come in for", "host: shop.example.com")
	}
	for i, m := range r.Analysis.Metrics {
		name, at := r.Builtin(m), rules.InMetrics(i, "name")
		if fix := r.On.NoIngressMetrics; fix != "" && strings.Contains(r.QueryOf(m), "nginx_ingress_controller_") {
			r.Report(diag.NothingMeasured, at, fmt.Sprintf("the ingress controller counts no requests%s, so every check of %s fails", r.On.Where("NoIngressMetrics"), cmp.Or(name, m.Name)), fix)
		}
		if !rules.IsBuiltin(name) {
			continue
		}
		checkBeforeSwitch(r, at, name)
		bundled := n.asksBundled(r, n.Namespace())
		if fix := r.On.NotScraped; fix != "" && bundled && r.On.NoIngressMetrics == "" {
			r.Report(diag.NothingMeasured, at, fmt.Sprintf("Flagger's Prometheus does not scrape the ingress controller%s, so every check of %s fails", r.On.Where("NotScraped"), name), fix)
		}
		n.checkBundled(r, at, name)
	}
	checkNginxMatch(r)
}

// checkBeforeSwitch reports a metric of the Ingress in a blue/green rollout.
func checkBeforeSwitch(r *rules.Rollout, at schema.Path, name string) {
	if r.Analysis.Iterations > 0 && len(r.Analysis.Match) == 0 && r.Has("analysis", "iterations") {
		r.Report(diag.NothingMeasured, at,
			fmt.Sprintf("before the switch of a blue/green rollout nginx sends the new version nothing, so every check of %s would fail", name),
			"use a customMetric of the pods, or canaryStrategy")
	}
}

// checkNginxMatch reports conditions that nginx does not get: of all Flagger takes the last
// header and the last cookie (pkg/router/ingress.go, SetRoutes).
func checkNginxMatch(r *rules.Rollout) {
	headers := map[bool]int{}
	for i, m := range r.Analysis.Match {
		at := schema.Path{"analysis", "match", i}
		for name, n := range map[string]int{"queryParams": len(m.QueryParams), "sourceLabels": len(m.SourceLabels)} {
			if n > 0 {
				r.Report(diag.NotOnNginx, at.With(name), fmt.Sprintf("%s are for istio, Flagger ignores them on nginx", name), "use headers")
			}
		}
		for name, h := range m.Headers {
			at := at.With("headers", name)
			cookie := name == "cookie"
			if headers[cookie]++; headers[cookie] == 2 {
				r.Report(diag.NotOnNginx, schema.Path{"analysis", "match"}, "Flagger takes one header and one cookie on nginx, and ignores the others", "leave one header, and one cookie")
			}
			switch {
			case cookie && h.Exact == "":
				r.Report(diag.NotOnNginx, at, "on nginx a cookie is matched by its name, which Flagger takes from exact; nginx then wants its value to be always", "cookie: {exact: canary}")
			case h.Prefix != "" || h.Suffix != "":
				r.Report(diag.NotOnNginx, at, "Flagger takes exact and regex of a header on nginx, and ignores prefix and suffix", "regex: ^insider.*")
			}
		}
	}
}
