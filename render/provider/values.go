package provider

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
)

// A valueRow is a value of a chart on which something depends that is rendered or checked here.
// It is followed, which sets a fact, or refused, or neither, where the file of the provider reads it.
type valueRow struct {
	// chart is the key of the chart in the settings, and path the value in it, with dots.
	chart, path string
	// fact is the field of rules.Facts that the value decides, and follow sets it.
	fact   string
	follow func(f *rules.Facts, value any)
	// refuse returns why the value does not go with what is rendered, and what to write, or nothing.
	refuse func(v *values, value any) (why, hint string)
	// needed is why the rendered value must not be removed with null, or nothing.
	needed string
}

const (
	annotationsPrefix    = "controller.extraArgs.annotations-prefix"
	scrapeConfigs        = "serverFiles.prometheus.yml.scrape_configs"
	kumaControlPlane     = "kuma-control-plane"
	defaultIngressPrefix = "nginx.ingress.kubernetes.io"
	defaultIngressClass  = "nginx"
)

// valueRows are the values that decide what is assumed here, by the files of their charts:
// fluxcd/flagger charts/flagger/templates/deployment.yaml and cmd/flagger/main.go;
// kubernetes/ingress-nginx charts/ingress-nginx/templates/_params.tpl and pkg/flags/flags.go;
// kumahq/kuma deployments/charts/kuma/templates/*; prometheus-community/helm-charts
// charts/prometheus/templates/*; fluxcd/flagger charts/loadtester/templates/*;
// projectcontour/helm-charts charts/contour/templates/*.
var valueRows = []valueRow{
	// Flagger reads Canaries, MetricTemplates and AlertProviders of this namespace alone (main.go, startInformers).
	{chart: "flagger", path: "namespace", fact: "WatchNamespace", follow: func(f *rules.Facts, v any) { f.WatchNamespace = text(v) }},
	// pkg/controller/controller.go, verifyNoCrossNamespaceRefs; the flag is rendered where the value is not empty.
	{chart: "flagger", path: "noCrossNamespaceRefs", fact: "NoCrossNamespaceRefs", follow: func(f *rules.Facts, v any) { f.NoCrossNamespaceRefs = isOn(v) && text(v) != "false" }},
	// main.go splits the value at commas alone.
	{chart: "flagger", path: "selectorLabels", fact: "SelectorLabels", follow: func(f *rules.Facts, v any) {
		if s := text(v); s != "" {
			f.SelectorLabels = strings.Split(s, ",")
		}
	}, refuse: isList},
	{chart: "flagger", path: "meshProvider", fact: "MeshProvider", follow: func(f *rules.Facts, v any) { f.MeshProvider = text(v) }},
	{chart: "flagger", path: "metricsServer", fact: "MetricsServer", follow: func(f *rules.Facts, v any) { f.MetricsServer, _ = v.(string) }},
	{chart: "flagger", path: "prometheus.install", fact: "Prometheus", follow: func(f *rules.Facts, v any) { f.Prometheus = v == true }},
	// pkg/router/ingress.go, GetAnnotationWithPrefix
	{chart: "flagger", path: "ingressAnnotationsPrefix", fact: "IngressAnnotationsPrefix", follow: func(f *rules.Facts, v any) { f.IngressAnnotationsPrefix = text(v) }, refuse: otherPrefix},
	// templates/crd.yaml has what Helm has installed from crds/ already, and does not own.
	{chart: "flagger", path: "crd.create", refuse: when(isOn, "Helm does not install the chart: its CRDs are there already, from its directory crds", "remove the line; Flux installs and upgrades the CRDs")},
	{chart: "flagger", path: "leaderElection.replicaCount", refuse: replicas},
	// pkg/router/factory.go: routes are written with meshClient, to another cluster.
	{chart: "flagger", path: "controlplane.kubeconfig.secretName", refuse: func(v *values, value any) (why, hint string) {
		if isOn(value) && usesKuma(v.plugin) {
			return "Flagger writes the routes to another cluster, and the Mesh is on this one", "remove the line"
		}
		return "", ""
	}},

	// The flag has an Ingress' annotations read under this prefix (internal/ingress/annotations/parser).
	{chart: "ingress-nginx", path: annotationsPrefix},
	{chart: "ingress-nginx", path: "controller.metrics.enabled", fact: "NoIngressMetrics", follow: func(f *rules.Facts, v any) {
		if !isOn(v) || text(v) == "false" {
			f.NoIngressMetrics = "controller: {metrics: {enabled: true}}"
		}
	}},
	{chart: "ingress-nginx", path: "controller.extraArgs.enable-metrics", fact: "NoIngressMetrics", follow: func(f *rules.Facts, v any) {
		if f.NoIngressMetrics = ""; text(v) == "false" {
			f.NoIngressMetrics = `controller: {extraArgs: {enable-metrics: "true"}}`
		}
	}},
	// charts/flagger/templates/prometheus.yaml keeps the pods that have the annotation.
	{chart: "ingress-nginx", path: "controller.podAnnotations.prometheus.io/scrape", fact: "NotScraped", follow: func(f *rules.Facts, v any) {
		if text(v) != "true" {
			f.NotScraped = `controller: {podAnnotations: {prometheus.io/scrape: "true"}}`
		}
	}},
	// Where the scope is on, its namespace is that of the release by default.
	{chart: "ingress-nginx", path: "controller.scope.enabled", fact: "IngressNamespace", follow: func(f *rules.Facts, v any) {
		if isOn(v) {
			f.IngressNamespace = nginxNamespace
		}
	}},
	{chart: "ingress-nginx", path: "controller.scope.namespace", fact: "IngressNamespace", follow: func(f *rules.Facts, v any) {
		if ns := text(v); ns != "" && f.IngressNamespace != "" {
			f.IngressNamespace = ns
		}
	}},
	{chart: "ingress-nginx", path: "controller.extraArgs.watch-namespace", fact: "IngressNamespace", follow: func(f *rules.Facts, v any) { f.IngressNamespace = text(v) }},
	// An Ingress of a class that is no object is ignored (internal/ingress/controller/store, GetIngressClass).
	{chart: "ingress-nginx", path: "controller.ingressClassResource.enabled", refuse: when(isOff, "the chart makes no IngressClass, and the controller ignores an Ingress whose class does not exist", "enabled: true")},
	// templates/controller-deployment.yaml and controller-daemonset.yaml
	{chart: "ingress-nginx", path: "controller.kind", refuse: func(_ *values, value any) (why, hint string) {
		if k := text(value); k != "Deployment" && k != "DaemonSet" {
			return fmt.Sprintf("the chart makes no controller of kind %q", k), "kind: Deployment, or DaemonSet"
		}
		return "", ""
	}},
	{chart: "ingress-nginx", path: "controller.replicaCount", refuse: none("the ingress controller")},

	// templates/cp-webhooks-and-secrets.yaml: both injectors select by it. Older charts do not read it.
	{chart: "kuma", path: "namespaceAllowList", fact: "MeshNamespaces", follow: func(f *rules.Facts, v any) {
		list, _ := v.([]any)
		for _, ns := range list {
			f.MeshNamespaces = append(f.MeshNamespaces, text(ns))
		}
	}},
	{chart: "kuma", path: "controlPlane.mode", refuse: kumaMode},
	{chart: "kuma", path: "controlPlane.envVars.KUMA_MODE", refuse: kumaMode},
	// pkg/plugins/runtime/k8s/webhooks/resourceadmissionchecker.go: what a global control plane hands down is read-only.
	{chart: "kuma", path: "controlPlane.kdsGlobalAddress", refuse: when(isOn, zoneRefuses, "remove the line, so that the control plane stands alone")},
	{chart: "kuma", path: "controlPlane.envVars.KUMA_MULTIZONE_ZONE_GLOBAL_ADDRESS", refuse: when(isOn, zoneRefuses, "remove the line, so that the control plane stands alone")},
	{chart: "kuma", path: "controlPlane.envVars.KUMA_ENVIRONMENT", refuse: isNot("kubernetes", "only in environment kubernetes does Kuma serve webhooks, so no pod gets a sidecar and no TrafficRoute is read")},
	{chart: "kuma", path: "controlPlane.environment", refuse: isNot("kubernetes", "only in environment kubernetes does the chart install webhooks, so no pod gets a sidecar and no TrafficRoute is read")},
	// templates/_helpers.tpl, kuma.controlPlane.serviceName; the jobs of Prometheus ask this name.
	{chart: "kuma", path: "nameOverride", refuse: otherControlPlane},
	{chart: "kuma", path: "controlPlane.service.name", refuse: otherControlPlane},
	{chart: "kuma", path: "controlPlane.service.enabled", refuse: when(isOff, "without its Service no sidecar and no Prometheus finds the control plane", "enabled: true")},
	{chart: "kuma", path: "controlPlane.envVars.KUMA_MONITORING_ASSIGNMENT_SERVER_PORT", refuse: upTo2(isNot("5676", "Prometheus asks port 5676 of the control plane for the sidecars, and finds none at another"))},
	// pkg/mads/server/server.go@v2.14.3, and templates/cp-service.yaml, which drops the port.
	{chart: "kuma", path: "controlPlane.madsServer.enabled", refuse: upTo2(when(isOff, noMADS, "enabled: true"))},
	{chart: "kuma", path: "controlPlane.envVars.KUMA_MONITORING_ASSIGNMENT_SERVER_ENABLED", refuse: upTo2(isNot("true", noMADS))},
	// pkg/plugins/runtime/k8s/controllers/inbound_converter.go@v2.14.3: no kuma.io/service tags.
	{chart: "kuma", path: "experimental.inboundTagsDisabled", refuse: upTo2(when(isOn, noTags, "remove the line"))},
	{chart: "kuma", path: "controlPlane.envVars.KUMA_EXPERIMENTAL_INBOUND_TAGS_DISABLED", refuse: upTo2(isNot("false", noTags))},
	// templates/_helpers.tpl makes KUMA_PLUGIN_POLICIES_ENABLED of it. An HTTPRoute becomes a MeshHTTPRoute.
	{chart: "kuma", path: "plugins.policies.meshhttproutes", refuse: func(v *values, value any) (why, hint string) {
		if isOff(value) && v.first(implementedBy("kuma")) != nil {
			return "without MeshHTTPRoutes Kuma does nothing with an HTTPRoute, so no traffic moves", "remove the line"
		}
		return "", ""
	}},
	{chart: "kuma", path: "controlPlane.replicas", refuse: none("Kuma's control plane")},
	// kuma.go reads these: who labels the namespace, and who makes the Mesh.
	{chart: "kuma", path: "noHelmHooks"},
	{chart: "kuma", path: "patchSystemNamespace"},
	{chart: "kuma", path: "controlPlane.defaults.skipMeshCreation"},

	// prometheus.go reads these: they are the address that Flagger asks.
	{chart: "prometheus", path: "server.fullnameOverride"},
	{chart: "prometheus", path: "server.service.servicePort"},
	{chart: "prometheus", path: "server.prefixURL"},
	{chart: "prometheus", path: "forceNamespace"},
	{chart: "prometheus", path: "server.service.enabled", refuse: when(isOff, "without its Service Flagger reaches no Prometheus", "enabled: true")},
	{chart: "prometheus", path: "server.replicaCount", refuse: none("Prometheus")},
	// templates/cm.yaml is rendered without either, and joins scrapeConfigs, scrape_configs and extraScrapeConfigs.
	{chart: "prometheus", path: "server.configMapOverrideName", refuse: when(isOn, "the chart renders no configuration, so Prometheus finds no sidecar, and every check fails", "remove the line")},
	{chart: "prometheus", path: "server.configFromSecret", refuse: when(isOn, "the chart renders no configuration, so Prometheus finds no sidecar, and every check fails", "remove the line")},
	{chart: "prometheus", path: "extraScrapeConfigs", refuse: jobTwice},
	{chart: "prometheus", path: "scrapeConfigs", refuse: jobTwice},
	// A list replaces ours, and with it the job that finds the sidecars.
	{chart: "prometheus", path: scrapeConfigs, refuse: func(v *values, _ any) (why, hint string) {
		if !strings.Contains(fmt.Sprint(v.chart.Values), "kuma_sd_configs") {
			return "the list replaces the rendered jobs, and none of it has kuma_sd_configs: Prometheus finds no sidecar, and every check fails",
				"add your jobs to extraScrapeConfigs instead, which are added to the rendered ones"
		}
		return "", ""
	}},

	// The Gateway that gatewayapi.go renders is the only one that Contour reads (projectcontour/contour
	// cmd/contour/serve.go, setupGatewayAPI), and only its configuration file names it.
	{chart: contour, path: "configInline.gateway.gatewayRef.name", refuse: isNot(gatewayName, otherGateway), needed: noGateway},
	{chart: contour, path: "configInline.gateway.gatewayRef.namespace", refuse: isNot(contourNamespace, otherGateway), needed: noGateway},
	{chart: contour, path: "contour.configPath", refuse: when(isOff, "Contour reads no configuration file, so it reads no Gateway", "remove the line")},
	{chart: contour, path: "namespaceOverride", refuse: isNot(contourNamespace, "the rendered Gateway and the namespace of the release are "+contourNamespace)},
	{chart: contour, path: "contour.extraArgs", refuse: disabledFeatures, needed: "without the rendered list Contour ends at once: the rendered CRDs do not serve what it asks for"},
	// internal/ingressclass/ingressclass.go
	{chart: contour, path: "contour.ingressClass.name", needed: "without the name of its class Contour also serves Ingresses and HTTPProxies that name none"},
	// templates/_helpers.tpl, common.names.fullname, and templates/service_helpers.yaml, envoy.envoyService
	{chart: contour, path: "fullnameOverride", refuse: isNot(contour, otherEnvoy)},
	{chart: contour, path: "nameOverride", refuse: func(_ *values, value any) (why, hint string) {
		if strings.Contains(contour, text(value)) {
			return "", ""
		}
		return otherEnvoy, "remove the line"
	}},
	{chart: contour, path: "envoy.service.name", refuse: isNot(envoyService, otherEnvoy)},
	{chart: contour, path: "contour.manageCRDs", refuse: when(isOff, "Contour ends at once where its own CRDs are missing", "remove the line")},
	// templates/crds/gateway-api-crds.yaml is of the experimental channel.
	{chart: contour, path: "gatewayAPI.manageCRDs", refuse: when(isOn, "the chart would install CRDs of Gateway API that are rendered already, of the experimental channel, and uninstall them with the release", "remove the line")},
	{chart: contour, path: "contour.enabled", refuse: when(isOff, "without Contour nothing reads the rendered Gateway", "remove the line")},
	{chart: contour, path: "contour.replicaCount", refuse: none("Contour")},
	{chart: contour, path: "envoy.enabled", refuse: when(isOff, "without Envoy no request reaches a rollout", "remove the line")},
	{chart: contour, path: "envoy.replicaCount", refuse: func(v *values, value any) (why, hint string) {
		if kind, _ := v.get("envoy.kind"); text(kind) != "deployment" {
			return "", ""
		}
		return none("Contour's Envoy")(v, value)
	}},
	// projectcontour/contour internal/gatewayapi/listeners.go: in the pod a listener is 8000 higher.
	{chart: contour, path: "envoy.containerPorts.http", refuse: isNot("8080", "Envoy listens on 8080 for port 80 of the rendered Gateway, and the Service would send requests elsewhere")},
	{chart: contour, path: "envoy.service.targetPorts.http", refuse: isNot("http", "Envoy listens for the rendered Gateway on its container port http alone")},
	{chart: contour, path: envoyAnnotations + "/scrape", fact: "EnvoyNotScraped", follow: envoyScraped("scrape", "true")},
	{chart: contour, path: envoyAnnotations + "/port", fact: "EnvoyNotScraped", follow: envoyScraped("port", "8002")},
	{chart: contour, path: envoyAnnotations + "/path", fact: "EnvoyNotScraped", follow: envoyScraped("path", "/stats/prometheus")},

	// The Service of the public load tester, which webhooks are sent to.
	{chart: "loadtester", path: "fullnameOverride", refuse: isNot(rollout.PublicLoadTester, "webhooks are sent to the Service "+rollout.PublicLoadTester)},
	{chart: "loadtester", path: "service.port", refuse: isNot("80", "webhooks are sent to port 80 of the load tester")},
	{chart: "loadtester", path: "cmd.namespaceRegexp", fact: "TesterNamespaces", follow: func(f *rules.Facts, v any) { f.TesterNamespaces = text(v) }, refuse: func(_ *values, v any) (why, hint string) {
		if _, err := regexp.Compile(text(v)); err != nil {
			return fmt.Sprintf("%q is not a regular expression, and the load tester ends at once", text(v)), "namespaceRegexp: ^(test|shop)$"
		}
		return "", ""
	}},
}

const (
	otherGateway     = "Contour reads one Gateway alone, and the one that is rendered is " + gatewayName + " in " + contourNamespace
	noGateway        = "Contour reads no Gateway then, so no HTTPRoute moves traffic"
	envoyService     = rules.ContourEnvoy
	otherEnvoy       = "load tests reach the rendered Gateway by the Service " + envoyService + ", which would have another name"
	envoyAnnotations = "envoy.podAnnotations.prometheus.io"
)

// envoyScraped returns what follows an annotation by which Prometheus finds Contour's Envoy.
func envoyScraped(name, needed string) func(*rules.Facts, any) {
	return func(f *rules.Facts, v any) {
		if text(v) != needed {
			f.EnvoyNotScraped = fmt.Sprintf("envoy: {podAnnotations: {prometheus.io/%s: %q}}", name, needed)
		}
	}
}

// disabledFeatures refuses a list that has Contour wait for kinds that no API server serves.
func disabledFeatures(v *values, value any) (why, hint string) {
	list, _ := value.([]any)
	pinned, _ := (&values{chart: settings.Chart{Values: settings.PinnedValues(contour)}}).get("contour.extraArgs")
	needed, _ := pinned.([]any)
	for _, arg := range needed {
		if !slices.Contains(list, arg) {
			return fmt.Sprintf("the list replaces the rendered one, and without %v Contour ends at once: the rendered CRDs do not serve what it asks for", arg),
				"extraArgs: " + listOf(slices.Concat(list, slices.DeleteFunc(slices.Clone(needed), func(arg any) bool { return slices.Contains(list, arg) })))
		}
	}
	return "", ""
}

const zoneRefuses = "the zone of a global control plane refuses Meshes and TrafficRoutes, and Flagger moves traffic by nothing else"

const (
	noMADS = "the control plane names no sidecars to Prometheus, and every check fails"
	noTags = "Kuma tells workloads apart by no kuma.io/service, and by it alone rollouts move traffic and are measured"
)

// upTo2 has values refused for Kuma 2 only.
func upTo2(refuse func(*values, any) (string, string)) func(*values, any) (string, string) {
	return func(v *values, value any) (why, hint string) {
		if major, ok := settings.ParseMajor(v.chart.Version); ok && major > 2 {
			return "", ""
		}
		return refuse(v, value)
	}
}

// values are the values of a chart, and where they are set.
type values struct {
	base
	key   string
	chart settings.Chart
}

// apply follows the values of a chart and reports those that are refused.
func (b base) apply(key string, chart settings.Chart) {
	v := &values{b, key, chart}
	for _, row := range valueRows {
		if row.chart != key {
			continue
		}
		value, ok := v.get(row.path)
		if !ok {
			if doc, at := v.removed(row.path); doc != nil && row.needed != "" {
				v.c.Add(doc.Diagnostic(diag.ContradictingValue, at, row.needed, "remove the line"))
			}
			continue
		}
		where, isSet := v.where(row.path)
		if row.follow != nil {
			row.follow(b.facts, value)
			if isSet {
				b.facts.At[row.fact] = where()
			}
		}
		if row.refuse == nil || !isSet {
			continue
		}
		if why, hint := row.refuse(v, value); why != "" {
			v.report(diag.ContradictingValue, row.path, why, hint)
		}
	}
}

// path returns the keys of a value. Some have dots in them.
func (v *values) path(dotted string) (path schema.Path) {
	for name := range strings.SplitSeq(dotted, ".") {
		if n := len(path); n > 0 && path[n-1] == "prometheus" && (name == "yml" || strings.HasPrefix(name, "io/")) {
			path[n-1] = "prometheus." + name
			continue
		}
		path = append(path, name)
	}
	return path
}

// get returns a value, and whether the values have it.
func (v *values) get(dotted string) (any, bool) {
	var at any = v.chart.Values
	for _, name := range v.path(dotted) {
		m, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if at, ok = m[name.(string)]; !ok || at == nil {
			return nil, false
		}
	}
	return at, true
}

// place returns the document that sets a value, and the path of it there: the Fleet, or the RenderConfig.
func (v *values) place(dotted string) (doc *schema.Document, at schema.Path) {
	return v.find(v.path(dotted), (*schema.Document).Has)
}

// removed returns the document that has null in place of a value, or of a mapping that it is in, and the path of
// that there.
func (v *values) removed(dotted string) (doc *schema.Document, at schema.Path) {
	path := v.path(dotted)
	for n := range path {
		if doc, at := v.find(path[:n+1], (*schema.Document).IsNull); doc != nil {
			return doc, at
		}
	}
	return nil, nil
}

// find returns the first document of which something holds at the path of a value, and that path.
func (v *values) find(path schema.Path, holds func(doc *schema.Document, at ...any) bool) (doc *schema.Document, at schema.Path) {
	switch v.key {
	case "flagger":
		at = v.plugin.At("extraArgs")
	case configuredComponent(v.plugin):
		at = v.plugin.At("config", "extraArgs")
	}
	if at != nil && holds(v.plugin.Doc, at.With(path...)...) {
		return v.plugin.Doc, at.With(path...)
	}
	at = schema.Path{"spec", "charts", v.key, "values"}.With(path...)
	if doc := v.c.RenderConfig; doc != nil && holds(doc, at...) {
		return doc, at
	}
	return nil, nil
}

// where returns the position of a value that the input sets.
func (v *values) where(dotted string) (position func() diag.Position, isSet bool) {
	doc, at := v.place(dotted)
	return func() diag.Position { return doc.Position(at...) }, doc != nil
}

// report reports something about a value where it is set.
func (v *values) report(code diag.Code, dotted, message, hint string) {
	if doc, at := v.place(dotted); doc != nil {
		v.c.Add(doc.Diagnostic(code, at, message, hint))
	}
}

// text returns a value as a template prints it.
func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// isOn reports whether a template's if takes a value for true (text/template, IsTrue).
func isOn(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return !slices.Contains([]string{"", "false", "0"}, text(v)) || v == "false" || v == "0"
}

func isOff(v any) bool { return !isOn(v) }

// when refuses the values of which something holds.
func when(bad func(any) bool, why, hint string) func(*values, any) (string, string) {
	return func(_ *values, v any) (string, string) {
		if bad(v) {
			return why, hint
		}
		return "", ""
	}
}

// isNot refuses all but one value.
func isNot(good, why string) func(*values, any) (string, string) {
	return when(func(v any) bool { return text(v) != good && text(v) != "" }, why, "remove the line, which leaves it "+good)
}

// none refuses that nothing of a component runs.
func none(component string) func(*values, any) (string, string) {
	return when(func(v any) bool { return text(v) == "0" }, "no pod of "+component+" runs, so no traffic moves or nothing is measured", "remove the line")
}

// isList refuses a list, which the template would print with brackets.
func isList(_ *values, v any) (why, hint string) {
	if list, ok := v.([]any); ok {
		var all []string
		for _, l := range list {
			all = append(all, text(l))
		}
		return "the chart takes one text with commas, and prints a list with brackets around it", fmt.Sprintf("%q", strings.Join(all, ","))
	}
	return "", ""
}

// jobs are the names of the rendered jobs of Prometheus, which starts with none of them twice.
var jobs = []string{"prometheus", "kuma-dataplanes", "kubernetes-pods"}

// jobTwice refuses a job of the name of a rendered one, as a text of jobs or as a map of them, unless it is
// switched off.
func jobTwice(v *values, value any) (why, hint string) {
	refuse := func(name string) (why, hint string) {
		return "Prometheus does not start with two jobs called " + name + ", and one is rendered already", "give the job another name"
	}
	if named, ok := value.(map[string]any); ok {
		if major, ok := settings.ParseMajor(v.chart.Version); !ok || major < prometheusOwnJobs {
			return "", "" // which does not read it
		}
		for _, key := range slices.Sorted(maps.Keys(named)) {
			job, _ := named[key].(map[string]any)
			if name := cmp.Or(text(job["job_name"]), key); slices.Contains(jobs, name) && job["enabled"] != false {
				return refuse(name)
			}
		}
		return "", ""
	}
	for _, name := range jobs {
		if jobNamed(name).MatchString(text(value)) {
			return refuse(name)
		}
	}
	return "", ""
}

func jobNamed(name string) *regexp.Regexp {
	return regexp.MustCompile(`job_name:\s*['"]?` + name + `['"]?\s*(#.*)?(\n|$)`)
}

// replicas refuses numbers of Flagger's pods with which no rollout, or each one twice, is run.
func replicas(v *values, value any) (why, hint string) {
	elected, _ := v.get("leaderElection.enabled")
	switch n := text(value); {
	case n == "0":
		return "no pod of Flagger runs, so nothing runs the rollouts", "replicaCount: 1"
	case n != "1" && elected != true:
		return n + " pods of Flagger run every rollout at once", "leaderElection: {enabled: true, replicaCount: " + n + "}"
	}
	return "", ""
}

// otherPrefix refuses annotations that the fleet's ingress controller does not read.
func otherPrefix(v *values, value any) (why, hint string) {
	read := v.ingressPrefix()
	if read == "" || text(value) == "" || text(value) == read {
		return "", ""
	}
	return unreadPrefix(text(value), read),
		fmt.Sprintf("remove the line, or add config: {extraArgs: {controller: {extraArgs: {annotations-prefix: %s}}}}", text(value))
}

// unreadPrefix is what happens where Flagger writes annotations that the ingress controller does not read.
func unreadPrefix(written, read string) string {
	return fmt.Sprintf("Flagger writes annotations with the prefix %s, and the ingress controller reads %s: it ignores every weight", written, read)
}

// ingressPrefix is the prefix of the annotations that the rendered ingress controller reads, or nothing where
// none is rendered.
func (in *installer) ingressPrefix() string {
	plugin := in.renderedBy["ingress-nginx"]
	if plugin == nil {
		return ""
	}
	b := in.base(plugin)
	v := values{b, "ingress-nginx", b.chart("ingress-nginx")}
	if prefix, ok := v.get(annotationsPrefix); ok && text(prefix) != "" {
		return text(prefix)
	}
	return defaultIngressPrefix
}

// kumaMode refuses the modes in which a control plane has no sidecars, or is told by another what to do.
func kumaMode(v *values, value any) (why, hint string) {
	m, ok := settings.ParseMinor(v.chart.Version)
	minor := 0
	if ok && m.Major == 2 {
		minor = m.Minor
	}
	switch mode := text(value); {
	case mode == "global":
		return "a global control plane injects no sidecars, so no traffic moves", "remove the line"
	case mode == "standalone" && m.Major > 2: // templates/cp-deployment.yaml
		return "Kuma 3 has no such mode, and the chart is not installed", "mode: zone"
	case mode == "zone" && minor > 0 && minor <= kumaLastDefaults: // alone since 2.6 (UPGRADE.md)
		return zoneRefuses, "mode: standalone"
	}
	return "", ""
}

// otherControlPlane refuses a name of the control plane under which Prometheus does not look for it.
func otherControlPlane(v *values, value any) (why, hint string) {
	name := text(value)
	if service, ok := v.get("controlPlane.service.name"); ok {
		name = text(service)
	} else {
		name += "-control-plane"
	}
	asked := name + "." + kumaNamespace
	if text(value) == "" || name == kumaControlPlane || strings.Contains(fmt.Sprint(v.c.Settings.Charts["prometheus"].Values), asked) {
		return "", ""
	}
	return fmt.Sprintf("Prometheus asks %s.%s for the sidecars, and the control plane is %s", kumaControlPlane, kumaNamespace, asked), "remove the line"
}
