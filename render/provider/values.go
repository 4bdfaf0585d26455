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

// A valueRow is a chart value that rendering or checks depend on. It sets a fact, may be rejected, or, with
// neither, is read by the provider's file.
type valueRow struct {
	// chart is the chart's key in the settings, and path the dotted path of the value.
	chart, path string
	// fact is the field of rules.Facts that the value determines, and follow sets it.
	fact   string
	follow func(f *rules.Facts, value any)
	// reject returns why the value contradicts the rendered objects, and a hint, or "".
	reject func(v *values, value any) (why, hint string)
	// needed is the reason why the rendered value must not be removed with null, or "".
	needed string
}

const (
	annotationsPrefix    = "controller.extraArgs.annotations-prefix"
	scrapeConfigs        = "serverFiles.prometheus.yml.scrape_configs"
	kumaControlPlane     = "kuma-control-plane"
	defaultIngressPrefix = "nginx.ingress.kubernetes.io"
	defaultIngressClass  = "nginx"
)

// valueRows holds the values on which rendering and checks depend. The sources, by chart:
// fluxcd/flagger charts/flagger/templates/deployment.yaml and cmd/flagger/main.go;
// kubernetes/ingress-nginx charts/ingress-nginx/templates/_params.tpl and pkg/flags/flags.go;
// kumahq/kuma deployments/charts/kuma/templates/*; prometheus-community/helm-charts
// charts/prometheus/templates/*; fluxcd/flagger charts/loadtester/templates/*;
// projectcontour/helm-charts charts/contour/templates/*.
var valueRows = []valueRow{
	// Flagger reads Canaries, MetricTemplates and AlertProviders only in this namespace (main.go,
	// startInformers).
	{chart: "flagger", path: "namespace", fact: "WatchNamespace", follow: func(f *rules.Facts, v any) { f.WatchNamespace = text(v) }},
	// pkg/controller/controller.go, verifyNoCrossNamespaceRefs; the chart sets the flag if the value is not
	// empty.
	{chart: "flagger", path: "noCrossNamespaceRefs", fact: "NoCrossNamespaceRefs", follow: func(f *rules.Facts, v any) { f.NoCrossNamespaceRefs = isOn(v) && text(v) != "false" }},
	// main.go splits the value only at commas.
	{chart: "flagger", path: "selectorLabels", fact: "SelectorLabels", follow: func(f *rules.Facts, v any) {
		if s := text(v); s != "" {
			f.SelectorLabels = strings.Split(s, ",")
		}
	}, reject: isList},
	{chart: "flagger", path: "meshProvider", fact: "MeshProvider", follow: func(f *rules.Facts, v any) { f.MeshProvider = text(v) }},
	{chart: "flagger", path: "metricsServer", fact: "MetricsServer", follow: func(f *rules.Facts, v any) { f.MetricsServer, _ = v.(string) }},
	{chart: "flagger", path: "prometheus.install", fact: "Prometheus", follow: func(f *rules.Facts, v any) { f.Prometheus = v == true }},
	// pkg/router/ingress.go, GetAnnotationWithPrefix
	{chart: "flagger", path: "ingressAnnotationsPrefix", fact: "IngressAnnotationsPrefix", follow: func(f *rules.Facts, v any) { f.IngressAnnotationsPrefix = text(v) }, reject: otherPrefix},
	// Helm has already installed the CRDs of templates/crd.yaml from crds/, and does not own them.
	{chart: "flagger", path: "crd.create", reject: when(isOn, "Helm cannot install the chart: its directory crds has already installed the CRDs", "remove the line; Flux installs and upgrades the CRDs")},
	{chart: "flagger", path: "leaderElection.replicaCount", reject: replicas},
	// pkg/router/factory.go: routes are written with meshClient, to another cluster.
	{chart: "flagger", path: "controlplane.kubeconfig.secretName", reject: func(v *values, value any) (why, hint string) {
		if isOn(value) && usesKuma(v.plugin) {
			return "Flagger would write routes to another cluster, but the Mesh is on this one", "remove the line"
		}
		return "", ""
	}},

	// The flag sets the prefix of an Ingress' annotations (internal/ingress/annotations/parser).
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
	// If the scope is on, its namespace defaults to that of the release.
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
	// An Ingress is ignored if its class has no IngressClass (internal/ingress/controller/store,
	// GetIngressClass).
	{chart: "ingress-nginx", path: "controller.ingressClassResource.enabled", reject: when(isOff, "the chart creates no IngressClass, and the controller ignores an Ingress whose class does not exist", "enabled: true")},
	// templates/controller-deployment.yaml and controller-daemonset.yaml
	{chart: "ingress-nginx", path: "controller.kind", reject: func(_ *values, value any) (why, hint string) {
		if k := text(value); k != "Deployment" && k != "DaemonSet" {
			return fmt.Sprintf("the chart creates no controller of kind %q", k), "kind: Deployment, or DaemonSet"
		}
		return "", ""
	}},
	{chart: "ingress-nginx", path: "controller.replicaCount", reject: none("the ingress controller")},

	// templates/cp-webhooks-and-secrets.yaml: both injectors select by it. Older charts ignore it.
	{chart: "kuma", path: "namespaceAllowList", fact: "MeshNamespaces", follow: func(f *rules.Facts, v any) {
		list, _ := v.([]any)
		for _, ns := range list {
			f.MeshNamespaces = append(f.MeshNamespaces, text(ns))
		}
	}},
	{chart: "kuma", path: "controlPlane.mode", reject: kumaMode},
	{chart: "kuma", path: "controlPlane.envVars.KUMA_MODE", reject: kumaMode},
	// pkg/plugins/runtime/k8s/webhooks/resourceadmissionchecker.go: objects from a global control plane are
	// read-only.
	{chart: "kuma", path: "controlPlane.kdsGlobalAddress", reject: when(isOn, zoneRefuses, "remove the line: the control plane must be standalone")},
	{chart: "kuma", path: "controlPlane.envVars.KUMA_MULTIZONE_ZONE_GLOBAL_ADDRESS", reject: when(isOn, zoneRefuses, "remove the line: the control plane must be standalone")},
	{chart: "kuma", path: "controlPlane.envVars.KUMA_ENVIRONMENT", reject: isNot("kubernetes", "Kuma serves webhooks only in environment kubernetes; in another, no pod gets a sidecar and no TrafficRoute is read")},
	{chart: "kuma", path: "controlPlane.environment", reject: isNot("kubernetes", "the chart installs webhooks only in environment kubernetes; in another, no pod gets a sidecar and no TrafficRoute is read")},
	// templates/_helpers.tpl, kuma.controlPlane.serviceName; the scrape jobs of Prometheus use this name.
	{chart: "kuma", path: "nameOverride", reject: otherControlPlane},
	{chart: "kuma", path: "controlPlane.service.name", reject: otherControlPlane},
	{chart: "kuma", path: "controlPlane.service.enabled", reject: when(isOff, "without its Service, neither sidecars nor Prometheus find the control plane", "enabled: true")},
	{chart: "kuma", path: "controlPlane.envVars.KUMA_MONITORING_ASSIGNMENT_SERVER_PORT", reject: upTo2(isNot("5676", "Prometheus looks for sidecars at port 5676 of the control plane, and finds none at another"))},
	// pkg/mads/server/server.go@v2.14.3, and templates/cp-service.yaml, which drops the port.
	{chart: "kuma", path: "controlPlane.madsServer.enabled", reject: upTo2(when(isOff, noMADS, "enabled: true"))},
	{chart: "kuma", path: "controlPlane.envVars.KUMA_MONITORING_ASSIGNMENT_SERVER_ENABLED", reject: upTo2(isNot("true", noMADS))},
	// pkg/plugins/runtime/k8s/controllers/inbound_converter.go@v2.14.3: no kuma.io/service tags.
	{chart: "kuma", path: "experimental.inboundTagsDisabled", reject: upTo2(when(isOn, noTags, "remove the line"))},
	{chart: "kuma", path: "controlPlane.envVars.KUMA_EXPERIMENTAL_INBOUND_TAGS_DISABLED", reject: upTo2(isNot("false", noTags))},
	// templates/_helpers.tpl sets KUMA_PLUGIN_POLICIES_ENABLED from it. An HTTPRoute becomes a MeshHTTPRoute.
	{chart: "kuma", path: "plugins.policies.meshhttproutes", reject: func(v *values, value any) (why, hint string) {
		if isOff(value) && v.first(implementedBy("kuma")) != nil {
			return "without MeshHTTPRoutes, Kuma ignores every HTTPRoute, so no traffic moves", "remove the line"
		}
		return "", ""
	}},
	{chart: "kuma", path: "controlPlane.replicas", reject: none("Kuma's control plane")},
	// kuma.go reads these: they determine who labels the namespace and who creates the Mesh.
	{chart: "kuma", path: "noHelmHooks"},
	{chart: "kuma", path: "patchSystemNamespace"},
	{chart: "kuma", path: "controlPlane.defaults.skipMeshCreation"},

	// prometheus.go reads these for the address that Flagger queries.
	{chart: "prometheus", path: "server.fullnameOverride"},
	{chart: "prometheus", path: "server.service.servicePort"},
	{chart: "prometheus", path: "server.prefixURL"},
	{chart: "prometheus", path: "forceNamespace"},
	{chart: "prometheus", path: "server.service.enabled", reject: when(isOff, "without its Service, Flagger cannot reach Prometheus", "enabled: true")},
	{chart: "prometheus", path: "server.replicaCount", reject: none("Prometheus")},
	// With either value, templates/cm.yaml is not rendered; it joins scrapeConfigs, scrape_configs and
	// extraScrapeConfigs.
	{chart: "prometheus", path: "server.configMapOverrideName", reject: when(isOn, "the chart renders no configuration, so Prometheus finds no sidecars and every check fails", "remove the line")},
	{chart: "prometheus", path: "server.configFromSecret", reject: when(isOn, "the chart renders no configuration, so Prometheus finds no sidecars and every check fails", "remove the line")},
	{chart: "prometheus", path: "extraScrapeConfigs", reject: jobTwice},
	{chart: "prometheus", path: "scrapeConfigs", reject: jobTwice},
	// A list replaces the rendered jobs, and with them the one that discovers sidecars.
	{chart: "prometheus", path: scrapeConfigs, reject: func(v *values, _ any) (why, hint string) {
		if !strings.Contains(fmt.Sprint(v.chart.Values), "kuma_sd_configs") {
			return "the list replaces the rendered jobs, and no job in it has kuma_sd_configs: Prometheus finds no sidecars, and every check fails",
				"move your jobs to extraScrapeConfigs, which adds them to the rendered ones"
		}
		return "", ""
	}},

	// Contour reads only the Gateway that gatewayapi.go renders (projectcontour/contour cmd/contour/serve.go,
	// setupGatewayAPI), and only its configuration file names it.
	{chart: contour, path: "configInline.gateway.gatewayRef.name", reject: isNot(gatewayName, otherGateway), needed: noGateway},
	{chart: contour, path: "configInline.gateway.gatewayRef.namespace", reject: isNot(contourNamespace, otherGateway), needed: noGateway},
	{chart: contour, path: "contour.configPath", reject: when(isOff, "without its configuration file, Contour serves no Gateway", "remove the line")},
	{chart: contour, path: "namespaceOverride", reject: isNot(contourNamespace, "the rendered Gateway and the release are in namespace "+contourNamespace)},
	{chart: contour, path: "contour.extraArgs", reject: disabledFeatures, needed: "without the rendered list, Contour exits at start: it asks for kinds that the rendered CRDs do not serve"},
	// internal/ingressclass/ingressclass.go
	{chart: contour, path: "contour.ingressClass.name", needed: "without the name of its class, Contour also serves Ingresses and HTTPProxies without a class"},
	// templates/_helpers.tpl, common.names.fullname, and templates/service_helpers.yaml, envoy.envoyService
	{chart: contour, path: "fullnameOverride", reject: isNot(contour, otherEnvoy)},
	{chart: contour, path: "nameOverride", reject: func(_ *values, value any) (why, hint string) {
		if strings.Contains(contour, text(value)) {
			return "", ""
		}
		return otherEnvoy, "remove the line"
	}},
	{chart: contour, path: "envoy.service.name", reject: isNot(envoyService, otherEnvoy)},
	{chart: contour, path: "contour.manageCRDs", reject: when(isOff, "Contour exits at start if its own CRDs are missing", "remove the line")},
	// templates/crds/gateway-api-crds.yaml is of the experimental channel.
	{chart: contour, path: "gatewayAPI.manageCRDs", reject: when(isOn, "the chart would replace the rendered CRDs of Gateway API with the experimental channel, and uninstall them with the release", "remove the line")},
	{chart: contour, path: "contour.enabled", reject: when(isOff, "without Contour, nothing serves the rendered Gateway", "remove the line")},
	{chart: contour, path: "contour.replicaCount", reject: none("Contour")},
	{chart: contour, path: "envoy.enabled", reject: when(isOff, "without Envoy, no request reaches a rollout", "remove the line")},
	{chart: contour, path: "envoy.replicaCount", reject: func(v *values, value any) (why, hint string) {
		if kind, _ := v.get("envoy.kind"); text(kind) != "deployment" {
			return "", ""
		}
		return none("Contour's Envoy")(v, value)
	}},
	// projectcontour/contour internal/gatewayapi/listeners.go: in the pod, a listener's port is 8000 higher.
	{chart: contour, path: "envoy.containerPorts.http", reject: isNot("8080", "Envoy listens on 8080 for port 80 of the rendered Gateway, but the Service would send requests elsewhere")},
	{chart: contour, path: "envoy.service.targetPorts.http", reject: isNot("http", "Envoy listens for the rendered Gateway only on its container port http")},
	{chart: contour, path: envoyAnnotations + "/scrape", fact: "EnvoyNotScraped", follow: envoyScraped("scrape", "true")},
	{chart: contour, path: envoyAnnotations + "/port", fact: "EnvoyNotScraped", follow: envoyScraped("port", "8002")},
	{chart: contour, path: envoyAnnotations + "/path", fact: "EnvoyNotScraped", follow: envoyScraped("path", "/stats/prometheus")},

	// Webhooks call this Service of the public load tester.
	{chart: "loadtester", path: "fullnameOverride", reject: isNot(rollout.PublicLoadTester, "webhooks call the Service "+rollout.PublicLoadTester)},
	{chart: "loadtester", path: "service.port", reject: isNot("80", "webhooks call port 80 of the load tester")},
	{chart: "loadtester", path: "cmd.namespaceRegexp", fact: "TesterNamespaces", follow: func(f *rules.Facts, v any) { f.TesterNamespaces = text(v) }, reject: func(_ *values, v any) (why, hint string) {
		if _, err := regexp.Compile(text(v)); err != nil {
			return fmt.Sprintf("%q is not a regular expression, so the load tester exits at start", text(v)), "namespaceRegexp: ^(test|shop)$"
		}
		return "", ""
	}},
}

const (
	otherGateway     = "Contour serves only one Gateway, and the rendered one is " + gatewayName + " in namespace " + contourNamespace
	noGateway        = "without this value, Contour serves no Gateway, so no HTTPRoute moves traffic"
	envoyService     = rules.ContourEnvoy
	otherEnvoy       = "load tests reach the rendered Gateway through Service " + envoyService + ", which would get another name"
	envoyAnnotations = "envoy.podAnnotations.prometheus.io"
)

// envoyScraped returns a function that records whether Prometheus scrapes Contour's Envoy, which needs an
// annotation.
func envoyScraped(name, needed string) func(*rules.Facts, any) {
	return func(f *rules.Facts, v any) {
		if text(v) != needed {
			f.EnvoyNotScraped = fmt.Sprintf("envoy: {podAnnotations: {prometheus.io/%s: %q}}", name, needed)
		}
	}
}

// disabledFeatures rejects a list with which Contour waits for kinds that no API server serves.
func disabledFeatures(v *values, value any) (why, hint string) {
	list, _ := value.([]any)
	pinned, _ := (&values{chart: settings.Chart{Values: settings.PinnedValues(contour)}}).get("contour.extraArgs")
	needed, _ := pinned.([]any)
	for _, arg := range needed {
		if !slices.Contains(list, arg) {
			return fmt.Sprintf("the list replaces the rendered one; without %v, Contour exits at start: it asks for kinds that the rendered CRDs do not serve", arg),
				"extraArgs: " + listOf(slices.Concat(list, slices.DeleteFunc(slices.Clone(needed), func(arg any) bool { return slices.Contains(list, arg) })))
		}
	}
	return "", ""
}

const zoneRefuses = "a zone of a global control plane rejects Meshes and TrafficRoutes, so Flagger cannot move traffic"

const (
	noMADS = "the control plane tells Prometheus of no sidecars, so every check fails"
	noTags = "without the tag kuma.io/service, rollouts can neither move traffic nor be measured"
)

// upTo2 limits a rejection to Kuma 2.
func upTo2(reject func(*values, any) (string, string)) func(*values, any) (string, string) {
	return func(v *values, value any) (why, hint string) {
		if major, ok := settings.ParseMajor(v.chart.Version); ok && major > 2 {
			return "", ""
		}
		return reject(v, value)
	}
}

// values holds the values of a chart, with their origins.
type values struct {
	base
	key   string
	chart settings.Chart
}

// apply sets the facts that a chart's values determine, and reports rejected values.
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
		if row.reject == nil || !isSet {
			continue
		}
		if why, hint := row.reject(v, value); why != "" {
			v.report(diag.ContradictingValue, row.path, why, hint)
		}
	}
}

// path splits a dotted path into keys. Some keys contain dots themselves.
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

// get returns a value, and reports whether it is set.
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

// place returns the document that sets a value, the Fleet or the RenderConfig, and the path of the value in it.
func (v *values) place(dotted string) (doc *schema.Document, at schema.Path) {
	return v.find(v.path(dotted), (*schema.Document).Has)
}

// removed returns the document that sets a value, or a mapping around it, to null, and the path of that null.
func (v *values) removed(dotted string) (doc *schema.Document, at schema.Path) {
	path := v.path(dotted)
	for n := range path {
		if doc, at := v.find(path[:n+1], (*schema.Document).IsNull); doc != nil {
			return doc, at
		}
	}
	return nil, nil
}

// find returns the first document for which a condition holds at the path of a value, and that path.
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

// where returns the position of a value, and reports whether the input sets it.
func (v *values) where(dotted string) (position func() diag.Position, isSet bool) {
	doc, at := v.place(dotted)
	return func() diag.Position { return doc.Position(at...) }, doc != nil
}

// report reports a diagnostic at the position of a value, if the input sets it.
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

// isOn reports whether a value is true in a template's if (text/template, IsTrue).
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

// when rejects values for which a condition holds.
func when(bad func(any) bool, why, hint string) func(*values, any) (string, string) {
	return func(_ *values, v any) (string, string) {
		if bad(v) {
			return why, hint
		}
		return "", ""
	}
}

// isNot rejects all values but one.
func isNot(good, why string) func(*values, any) (string, string) {
	return when(func(v any) bool { return text(v) != good && text(v) != "" }, why, "remove the line; the value is then "+good)
}

// none rejects values with which no pod of a component runs.
func none(component string) func(*values, any) (string, string) {
	return when(func(v any) bool { return text(v) == "0" }, "no pod of "+component+" runs, so no traffic moves or nothing is measured", "remove the line")
}

// isList rejects a list, which the template would print with brackets.
func isList(_ *values, v any) (why, hint string) {
	if list, ok := v.([]any); ok {
		var all []string
		for _, l := range list {
			all = append(all, text(l))
		}
		return "the chart expects one text with commas, and would print a list with its brackets", fmt.Sprintf("%q", strings.Join(all, ","))
	}
	return "", ""
}

// jobs holds the names of the rendered scrape jobs. Prometheus does not start with two jobs of one name.
var jobs = []string{"prometheus", "kuma-dataplanes", "kubernetes-pods"}

// jobTwice rejects a job with the name of a rendered one, in a text or a map of jobs, unless it is disabled.
func jobTwice(v *values, value any) (why, hint string) {
	reject := func(name string) (why, hint string) {
		return "Prometheus does not start with two jobs called " + name + ", and one is already rendered", "rename the job"
	}
	if named, ok := value.(map[string]any); ok {
		if major, ok := settings.ParseMajor(v.chart.Version); !ok || major < prometheusOwnJobs {
			return "", "" // older charts do not read the map
		}
		for _, key := range slices.Sorted(maps.Keys(named)) {
			job, _ := named[key].(map[string]any)
			if name := cmp.Or(text(job["job_name"]), key); slices.Contains(jobs, name) && job["enabled"] != false {
				return reject(name)
			}
		}
		return "", ""
	}
	for _, name := range jobs {
		if jobNamed(name).MatchString(text(value)) {
			return reject(name)
		}
	}
	return "", ""
}

func jobNamed(name string) *regexp.Regexp {
	return regexp.MustCompile(`job_name:\s*['"]?` + name + `['"]?\s*(#.*)?(\n|$)`)
}

// replicas rejects replica counts for Flagger with which no rollout runs, or each one twice.
func replicas(v *values, value any) (why, hint string) {
	elected, _ := v.get("leaderElection.enabled")
	switch n := text(value); {
	case n == "0":
		return "Flagger has no pods, so nothing runs the rollouts", "replicaCount: 1"
	case n != "1" && elected != true:
		return n + " pods of Flagger would each run every rollout", "leaderElection: {enabled: true, replicaCount: " + n + "}"
	}
	return "", ""
}

// otherPrefix rejects a prefix of annotations that the fleet's ingress controller does not read.
func otherPrefix(v *values, value any) (why, hint string) {
	read := v.ingressPrefix()
	if read == "" || text(value) == "" || text(value) == read {
		return "", ""
	}
	return unreadPrefix(text(value), read),
		fmt.Sprintf("remove the line, or add config: {extraArgs: {controller: {extraArgs: {annotations-prefix: %s}}}}", text(value))
}

// unreadPrefix returns the consequence of a prefix that the ingress controller does not read.
func unreadPrefix(written, read string) string {
	return fmt.Sprintf("Flagger writes annotations with the prefix %s, but the ingress controller reads %s and ignores every weight", written, read)
}

// ingressPrefix returns the annotation prefix of the rendered ingress controller, or "" if none is rendered.
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

// kumaMode rejects modes in which a control plane has no sidecars, or is controlled by another one.
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
		return "Kuma 3 has no mode standalone, so the chart is not installed", "mode: zone"
	case mode == "zone" && minor > 0 && minor <= kumaLastDefaults: // newer zones do not need a global control plane (UPGRADE.md)
		return zoneRefuses, "mode: standalone"
	}
	return "", ""
}

// otherControlPlane rejects a control plane name under which Prometheus does not look for it.
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
	return fmt.Sprintf("Prometheus looks for sidecars at %s.%s, but the control plane would be %s", kumaControlPlane, kumaNamespace, asked), "remove the line"
}
