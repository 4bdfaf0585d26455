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

// nginx is the provider of one fleet. It moves the traffic of an Ingress, with a second Ingress that Flagger
// derives from it.
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
	// The controller exposes metrics on its health port (cmd/nginx/main.go). The annotation must have that port
	// unless the input sets it.
	if port, ok := v.get("controller.extraArgs.healthz-port"); ok {
		if _, isSet := v.where("controller.podAnnotations.prometheus.io/port"); !isSet {
			n.chart.Values = settings.MergeValues(n.chart.Values, map[string]any{"controller": map[string]any{"podAnnotations": map[string]any{"prometheus.io/port": text(port)}}})
		}
	}
	if class := n.ingressClass(); len(validation.IsDNS1123Subdomain(class)) > 0 {
		n.report(diag.WrongFormat, schema.Path{"config", "extraArgs", "controller", "ingressClassResource", "name"},
			fmt.Sprintf("%q is not a valid name in Kubernetes", class), "name: nginx")
	}
	return n
}

// reportRetired reports once per plugin that ingress-nginx no longer gets fixes
// (kubernetes.io/blog/2025/11/11/ingress-nginx-retirement).
func (in *installer) reportRetired() {
	for _, p := range in.platform.Plugins {
		at := schema.Path{"installed", "ingress-nginx"}
		if uses(flagger.Nginx)(p) {
			at = schema.Path{"trafficRoutingProvider"}
		} else if p.Entry("ingress-nginx") == nil {
			continue
		}
		message, hint := "ingress-nginx was retired in March 2026 and gets no fixes", ""
		if !usesGateway(p) {
			message, hint = message+"; rollouts can move to gatewayapi one by one", "gateway: {} in plugin.flagger"
		}
		in.base(p).report(diag.NginxRetired, at, message, hint)
	}
}

// Namespace returns the namespace of nginx, and of Flagger if it is rendered.
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

// ingressClass returns the class in a chart's values, or else the chart's default.
func ingressClass(chart settings.Chart) string {
	controller, _ := chart.Values["controller"].(map[string]any)
	resource, _ := controller["ingressClassResource"].(map[string]any)
	name, _ := resource["name"].(string)
	return cmp.Or(name, defaultIngressClass)
}

func (nginx) Route(r *rollout.Rollout, _ *manifest.Object, spec *flagger.Canary) {
	spec.IngressRef = &flagger.ObjectReference{APIVersion: manifest.NetworkingV1, Kind: "Ingress", Name: r.Workload.Name}
}

// RolloutObjects returns an Ingress for this rollout only: two rollouts with one Ingress would overwrite each
// other's canary, as happens on Kurator.
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

// Query selects by the canary's upstream, which nginx names after the namespace, Service and port
// (kubernetes/ingress-nginx internal/ingress/controller, upstreamName) and writes to the label canary of its
// requests. Flagger's own queries select by the labels namespace and ingress, which Prometheus renames if the
// scraped pod has labels of the same names (fluxcd/flagger#421).
func (nginx) Query(r *rollout.Rollout, metric string) string {
	query := map[string]string{
		"request-success-rate": templates.NginxRequestSuccessRate,
		"request-duration":     templates.NginxRequestDuration,
	}[metric]
	return strings.ReplaceAll(query, "PORT", strconv.Itoa(int(r.Port)))
}

// badHost returns why an Ingress rejects a host, or "" (k8s.io/kubernetes pkg/apis/networking/validation).
func badHost(host string) string {
	switch {
	case net.ParseIP(host) != nil:
		return "it is an IP address"
	case strings.HasPrefix(host, "*"):
		if len(validation.IsWildcardDNS1123Subdomain(host)) > 0 {
			return "a wildcard host is *. and a name"
		}
	case len(validation.IsDNS1123Subdomain(host)) > 0:
		return "a host has only lower-case letters, digits, '-' and '.', at most 253"
	}
	return ""
}

// Made returns the Ingress of the canary (fluxcd/flagger pkg/router/ingress.go).
func (nginx) Made(r *rollout.Rollout) []manifest.Identity {
	return []manifest.Identity{{Group: "networking.k8s.io", Kind: "Ingress", Namespace: r.Namespace, Name: r.Workload.Name + rules.CanarySuffix}}
}

// Join reports fields that a Canary does not have.
func (nginx) Join(r *rollout.Rollout) { checkMatchFields(r) }

// Check reports problems of a rollout on nginx.
func (n nginx) Check(r *rules.Rollout) {
	checkPlain(r)
	if in := r.Ingress; in != nil && len(in.Hosts) > 0 {
		if why := badHost(in.Hosts[0]); why != "" {
			r.ReportAt(diag.WrongFormat, in.ID, schema.Path{"spec", "rules", 0, "host"}, fmt.Sprintf("%q is not a valid host for an Ingress: %s", in.Hosts[0], why), "host: shop.example.com")
		}
	} else if in != nil {
		r.ReportAt(diag.NoHost, in.ID, schema.Path{"spec"}, "the Ingress has no host, so it would match requests for every host", "host: shop.example.com")
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
			fmt.Sprintf("before the switch of a blue/green rollout, nginx sends the new version no requests, so every check of %s fails", name),
			"use a customMetric that the pods export, or canaryStrategy")
	}
}

// checkNginxMatch reports conditions that nginx does not get: Flagger uses only the last header and the last
// cookie of all conditions (pkg/router/ingress.go, SetRoutes).
func checkNginxMatch(r *rules.Rollout) {
	headers := map[bool]int{}
	for i, m := range r.Analysis.Match {
		at := schema.Path{"analysis", "match", i}
		for name, n := range map[string]int{"queryParams": len(m.QueryParams), "sourceLabels": len(m.SourceLabels)} {
			if n > 0 {
				r.Report(diag.NotOnNginx, at.With(name), fmt.Sprintf("Flagger ignores %s on nginx: the field is for istio", name), "use headers")
			}
		}
		for name, h := range m.Headers {
			at := at.With("headers", name)
			cookie := name == "cookie"
			if headers[cookie]++; headers[cookie] == 2 {
				r.Report(diag.NotOnNginx, schema.Path{"analysis", "match"}, "Flagger uses only one header and one cookie on nginx, and ignores the others", "keep one header and one cookie")
			}
			switch {
			case cookie && h.Exact == "":
				r.Report(diag.NotOnNginx, at, "nginx matches a cookie by its name, which Flagger reads from exact; its value must be always", "cookie: {exact: canary}")
			case h.Prefix != "" || h.Suffix != "":
				r.Report(diag.NotOnNginx, at, "Flagger ignores prefix and suffix of a header on nginx; it reads only exact and regex", "regex: ^insider.*")
			}
		}
	}
}
