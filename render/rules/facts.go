package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema"
)

// Facts are the settings of the installed charts that affect every rollout. Flagger's have the names of its
// flags (fluxcd/flagger cmd/flagger/main.go).
type Facts struct {
	// GatewayImplementation is the implementation of Gateway API, by its name in plugin.flagger.gateway, or
	// empty.
	GatewayImplementation string
	// GatewayPort is the Service port of the rendered Gateway, or 0 if none is rendered or the port is unknown.
	GatewayPort int
	// WatchNamespace is the only namespace that Flagger watches, or empty for all.
	WatchNamespace string
	// NoCrossNamespaceRefs reports whether Flagger rejects references to other namespaces.
	NoCrossNamespaceRefs bool
	// SelectorLabels are the labels by which Flagger selects the pods of a workload; if empty, its defaults.
	SelectorLabels []string
	// IngressAnnotationsPrefix is the prefix of the annotations that Flagger writes, or empty for the default.
	IngressAnnotationsPrefix string
	// MeshProvider is the provider of Canaries without one.
	MeshProvider string
	// MetricsServer is the Prometheus that Flagger queries for built-in metrics.
	MetricsServer string
	// Prometheus reports whether Flagger's chart installs a Prometheus.
	Prometheus bool
	// PrometheusAddress is the Prometheus in rendered MetricTemplates.
	PrometheusAddress string
	// NamespaceLabel and PodLabel are its labels for the namespace and the pod of a sample, or empty for the
	// usual ones.
	NamespaceLabel, PodLabel string

	// MeshNamespaces are the only namespaces that get sidecars, or none for all.
	MeshNamespaces []string
	// IngressNamespace is the only namespace whose Ingresses the controller reads, or empty for all.
	IngressNamespace string
	// NoIngressMetrics is the chart value that makes the controller count no requests, and NotScraped the one
	// that keeps Flagger's Prometheus from scraping the controller. Both may be empty.
	NoIngressMetrics, NotScraped string
	// EnvoyNotScraped is the chart value that lets Prometheus scrape Contour's Envoy again, or empty if it does.
	EnvoyNotScraped string
	// TesterNamespaces is a regular expression: the public load tester rejects the webhooks of rollouts in other
	// namespaces. It may be empty.
	TesterNamespaces string

	// TesterMesh is the provider whose sidecar the rendered public load tester has, or empty.
	TesterMesh string
	// IngressHome is the namespace of the ingress controller.
	IngressHome string

	// At are the positions of the values behind the facts above, by field name.
	At map[string]diag.Position
}

// Where returns the position of a fact for a message, or nothing if no input states it.
func (f *Facts) Where(field string) string {
	if p, ok := f.At[field]; ok {
		return fmt.Sprintf(" (%s)", p)
	}
	return ""
}

// checkWatched reports a rollout in a namespace that a component on the cluster ignores.
func checkWatched(r *Rollout) {
	own, on := r.ID.Namespace, &r.On.Facts
	report := func(message, hint string) {
		r.ReportAt(diag.NotWatched, r.ID, schema.Path{"metadata", "namespace"}, message, hint)
	}
	if ns := on.WatchNamespace; ns != "" && ns != own {
		// fluxcd/flagger cmd/flagger/main.go, startInformers
		report(fmt.Sprintf("Flagger watches only namespace %s%s; it never runs this rollout in %s", ns, on.Where("WatchNamespace"), own),
			r.watchAll()+", or move the workload to namespace "+ns)
	}
	if all := on.MeshNamespaces; r.mesh() == flagger.Kuma && len(all) > 0 && !slices.Contains(all, own) {
		// kumahq/kuma deployments/charts/kuma/templates/cp-webhooks-and-secrets.yaml
		report(fmt.Sprintf("Kuma injects sidecars only in %s%s; no traffic shifts in namespace %s", diag.Some(all, diag.MostNames), on.Where("MeshNamespaces"), own),
			fmt.Sprintf("namespaceAllowList: [%s]", strings.Join(append(slices.Clip(all), own), ", ")))
	}
	if ns := on.IngressNamespace; r.Provider == flagger.Nginx && ns != "" && ns != own {
		// kubernetes/ingress-nginx pkg/flags/flags.go, watch-namespace
		report(fmt.Sprintf("the ingress controller watches only namespace %s%s; it ignores the Ingress of this rollout in %s", ns, on.Where("IngressNamespace"), own),
			"controller: {scope: {enabled: false}}")
	}
	if on.TesterNamespaces == "" {
		return
	}
	// fluxcd/flagger pkg/loadtester/authorizer.go
	if allowed, err := regexp.Compile(on.TesterNamespaces); err != nil || !allowed.MatchString(own) {
		for i := range r.Analysis.Webhooks {
			if r.isForPublicTester(i) && !r.Tester.Exists {
				r.Report(diag.NotWatched, inAnalysis("webhooks", i, "url"),
					fmt.Sprintf("the public load tester rejects webhooks from namespace %s: its namespaceRegexp is %s%s", own, on.TesterNamespaces, on.Where("TesterNamespaces")),
					"testLoader: true, and no url; or a namespaceRegexp that matches "+own)
			}
		}
	}
}

// watchAll returns a hint that makes Flagger watch all namespaces.
func (r *Rollout) watchAll() string {
	if r.On.FlaggerThere {
		return "have Flagger watch all namespaces"
	}
	return `remove "namespace" from the values of Flagger's chart`
}

// checkCrossNamespace reports references to other namespaces that Flagger rejects or cannot follow
// (fluxcd/flagger pkg/controller/controller.go, verifyNoCrossNamespaceRefs; cmd/flagger/main.go,
// startInformers).
func checkCrossNamespace(r *Rollout) {
	if u := r.UpstreamRef; u != nil {
		r.checkCrossNamespace("Upstream", u.Name, u.Namespace, schema.Path{"upstreamRef", "namespace"})
	}
	for i, m := range r.Analysis.Metrics {
		if m.TemplateRef != nil {
			r.checkCrossNamespace("MetricTemplate", m.TemplateRef.Name, m.TemplateRef.Namespace, InMetrics(i, "templateRef", "namespace"))
		}
	}
	for i, a := range r.Analysis.Alerts {
		ns := a.ProviderRef.Namespace
		if found, _ := r.On.AlertProvider(ns, a.ProviderRef.Name); found && ns != r.On.Namespace {
			continue // checkAlerts reports it
		}
		r.checkCrossNamespace("AlertProvider", a.ProviderRef.Name, ns, inAnalysis("alerts", i, "providerRef", "namespace"))
	}
}

func (r *Rollout) checkCrossNamespace(kind, name, namespace string, at schema.Path) {
	own := r.ID.Namespace
	if namespace == "" || namespace == own || !r.ownNamespaceOnly() {
		return
	}
	message := fmt.Sprintf("Flagger rejects this Canary: noCrossNamespaceRefs is set%s, and the %s %s is in namespace %s, not in %s", r.On.Where("NoCrossNamespaceRefs"), kind, name, namespace, own)
	if !r.On.NoCrossNamespaceRefs {
		message = fmt.Sprintf("Flagger cannot find the %s %s: it watches only namespace %s%s, not %s", kind, name, own, r.On.Where("WatchNamespace"), namespace)
	}
	r.Report(diag.CrossNamespace, at, message, fmt.Sprintf("namespace: %s, and move the %s there", own, kind))
}

// ownNamespaceOnly reports whether Flagger accepts only references to the Canary's namespace.
func (r *Rollout) ownNamespaceOnly() bool {
	return r.On.NoCrossNamespaceRefs || r.On.WatchNamespace == r.ID.Namespace
}
