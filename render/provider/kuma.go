package provider

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
	"github.com/fleetwright/fleetwright/templates"
)

// The minor versions of Kuma 2 on which Flagger can move traffic, and those in which the required manifests
// changed. kumaThree is 3.0 and greater than all of them.
const (
	// Before 2.2, an annotation enables injection in a namespace (UPGRADE.md, 2.2).
	kumaFirst = 2
	// Up to 2.5, Kuma creates a TrafficRoute and a TrafficPermission for all traffic of a new Mesh
	// (pkg/defaults/mesh/mesh.go@2.5.0). Newer versions route without a TrafficRoute, but stop doing so for the
	// whole Mesh as soon as it has one, and Flagger creates one (docs/madr/decisions/036). With mutual TLS they
	// deny traffic that no policy allows (UPGRADE.md, 2.6).
	kumaLastDefaults = 5
	// Before 2.7, Kuma ignores an HTTPRoute of a Service unless a flag enables it
	// (pkg/config/app/kuma-cp/config.go@2.6.13, Experimental.GatewayAPI).
	kumaGatewayAPI = 7
	// A Mesh has the field meshServices since 2.9 (api/mesh/v1alpha1/mesh.proto).
	kumaMeshServices = 9
	// The chart has namespaceAllowList since 2.11 (deployments/charts/kuma/values.yaml).
	kumaAllowList = 11
	kumaLast      = 14

	// 3.0 is not released. Its changes (UPGRADE.md and api/mesh/v1alpha1/mesh.proto at 348b652):
	// TrafficRoute is gone, so only Gateway API moves traffic;
	kumaNoTrafficRoute = kumaThree
	// a Mesh keeps only skipCreatingInitialPolicies, and all other fields have no effect;
	kumaNoMeshFields = kumaThree
	// metrics come from a MeshMetric, and MeshTrafficPermission replaces from with rules, which need identities
	// that are unknown here;
	kumaPolicies = kumaThree
	// routes attach to Services and MeshServices, not to Gateways
	// (pkg/plugins/runtime/k8s/controllers/gatewayapi/attachment/attachment.go);
	kumaNoGateway = kumaThree
	// clients treat a port without appProtocol as TCP, whatever the annotation
	// (pkg/plugins/runtime/k8s/controllers/meshservice_controller.go);
	kumaNeedsAppProtocol = kumaThree
	// the control plane lists no sidecars for Prometheus (pkg/mads/server/server.go), and their metrics have
	// neither kuma_io_services nor the clusters localhost_* (pkg/core/naming/contextual.go).
	kumaOtherMetrics = kumaThree

	// kumaThree stands for 3.0.
	kumaThree = 100
)

const (
	kumaNamespace       = "kuma-system"
	prometheusNamespace = "mesh-observability"

	// defaultMesh is the mesh of pods that name none.
	defaultMesh = "default"
)

// kuma is the provider of one fleet.
type kuma struct {
	base
	// installed holds the fields of Kuma under installed, or is nil.
	installed *api.InstalledKuma
	// chart is the rendered chart, or holds only the version of the installed Kuma.
	chart settings.Chart
	// minor is the minor version of Kuma 2, kumaThree, or 0 for an unknown version.
	minor int
	// byRoute reports whether rollouts may use TrafficRoutes, and byGateway whether they may use HTTPRoutes.
	byRoute, byGateway bool
	// movesByRoute reports whether a rollout uses a TrafficRoute.
	movesByRoute bool
	// mesh is the mesh of the public load tester and of rollouts that name none.
	mesh *mesh
	all  []*mesh
	// unclear reports whether mesh is a guess.
	unclear bool
	// sayVersion reports that no rollout works on the installed version of Kuma. It is nil if rollouts work, or
	// after its first call.
	sayVersion func()
}

// A mesh is a Mesh from the input, or the default one.
type mesh struct {
	*place.Mesh
	origin manifest.Origin
	// there reports whether the clusters already have the mesh, whose fields are unknown then.
	there bool
	// used reports whether rollouts are in the mesh.
	used bool
}

func newKuma(b base) rollout.Provider {
	k := &kuma{base: b, installed: b.installedKuma()}
	if k.installed != nil {
		k.chart.Version = k.installed.Version
	} else {
		k.chart = b.chart(flagger.Kuma)
	}
	k.findVersion()
	if k.installed == nil {
		k.apply(flagger.Kuma, k.chart)
		if k.byGateway {
			k.chart.Values = settings.MergeValues(startedAfterCRDs, k.chart.Values)
		}
	}
	if k.minor > 0 && k.minor < kumaAllowList {
		k.facts.MeshNamespaces = nil
	}
	if k.isRendered("prometheus") {
		k.checkPrometheus()
	}
	if k.installed != nil && k.installed.CatchAllRoute != nil && !k.byRoute {
		k.report(diag.InstalledConflict, schema.Path{"installed", "kuma", "catchAllRoute"}, "only gatewayapi moves traffic in Kuma here, without TrafficRoutes, so catchAllRoute has no effect", "remove the line")
	}
	k.findMeshes()
	if k.unclear && b.isRendered("loadtester") {
		k.sayUnclear()
	}
	return k
}

// findVersion sets the minor version, which a range within one minor version also determines, and how traffic
// moves: only with Gateway API if no fleet has Kuma as its provider.
func (k *kuma) findVersion() {
	v, ok := settings.ParseMinor(k.chart.Version)
	k.byGateway = k.first(implementedBy("kuma")) != nil
	k.byRoute = !k.byGateway || k.first(uses(flagger.Kuma)) != nil || !k.plugin.IsOfFleet() && v.Major < 3
	first := kumaFirst
	if k.byGateway {
		first = kumaGatewayAPI
	}
	supported := fmt.Sprintf("2.%d to 2.%d", first, kumaLast)
	if k.installed != nil {
		supported = fmt.Sprintf("use Kuma %s on the clusters, or another provider", supported)
	} else {
		supported = "version: 2.7.3, or another from " + supported
	}
	switch {
	case !ok:
		k.reportVersion(diag.KumaRange, fmt.Sprintf("version %q may resolve to one that needs other manifests", k.chart.Version), "version: 2.7.3, or a range within one minor version, such as 2.7.x")
	case v == settings.MinorVersion{Major: 3} && !k.byRoute:
		k.minor = kumaThree
		k.reportVersion(diag.KumaUnreleased, fmt.Sprintf("Kuma %s is not released; the manifests follow its sources of August 2026", k.chart.Version), supported)
	case v.Major > 2 && k.byRoute:
		k.reportVersion(diag.KumaVersion, fmt.Sprintf("Kuma %s has no TrafficRoute, the only way for Flagger to move traffic on kuma", k.chart.Version), supported+"; once Kuma 3.0 is released, trafficRoutingProvider: gatewayapi")
	case v.Major == 2 && v.Minor >= kumaFirst && v.Minor < first:
		k.reportVersion(diag.KumaVersion, fmt.Sprintf("Kuma %s ignores the HTTPRoutes with which Flagger moves traffic on gatewayapi", k.chart.Version), supported)
	case v.Major != 2 || v.Minor < first || v.Minor > kumaLast:
		k.reportVersion(diag.KumaVersion, fmt.Sprintf("fleetwright does not support Kuma %s", k.chart.Version), supported)
	default:
		k.minor = v.Minor
	}
}

// hasDefaults reports whether Kuma creates the policies of a new Mesh.
func (k *kuma) hasDefaults() bool { return k.minor > 0 && k.minor <= kumaLastDefaults }

// reportVersion reports a diagnostic at the field that sets Kuma's version.
func (k *kuma) reportVersion(code diag.Code, message, hint string) {
	if k.installed != nil {
		k.sayVersion = func() { k.report(code, schema.Path{"installed", "kuma", "version"}, message, hint) }
		return
	}
	var own *api.Chart
	if config := k.plugin.Config; config != nil {
		own = config.Chart
	}
	k.reportChart(code, "kuma", own, schema.Path{"config", "chart", "version"}, message, hint)
}

// findMeshes collects the Meshes of the input, or adds the default one.
func (k *kuma) findMeshes() {
	for _, m := range k.c.Meshes {
		own := &mesh{Mesh: m, origin: manifest.Origin{Doc: m.Doc}}
		k.all = append(k.all, own)
		if m.Name == defaultMesh || len(k.c.Meshes) == 1 {
			k.mesh = own
		}
		k.checkMesh(m)
		k.checkBackends(m)
	}
	switch {
	case k.installed != nil:
		name := cmp.Or(k.installed.Mesh, defaultMesh)
		if k.mesh = k.named(name); k.mesh == nil {
			k.mesh = k.addThere(name)
		}
	case len(k.all) == 0:
		k.mesh = &mesh{origin: k.origin, Mesh: &place.Mesh{Name: defaultMesh, Mesh: &api.Mesh{}}}
		if k.minor < kumaNoMeshFields {
			k.mesh.Spec.Metrics = &api.MeshMetrics{
				EnabledBackend: "prometheus-1",
				Backends:       []api.MeshMetricsBackend{{Name: "prometheus-1", Type: "prometheus"}},
			}
		}
		k.all = append(k.all, k.mesh)
	}
	if k.mesh == nil {
		k.mesh, k.unclear = k.all[0], true
		return
	}
	k.use(k.mesh)
}

// addThere adds a mesh that the clusters already have.
func (k *kuma) addThere(name string) *mesh {
	m := &mesh{origin: k.origin, there: true, Mesh: &place.Mesh{Name: name, Mesh: &api.Mesh{}}}
	k.all = append(k.all, m)
	return m
}

// named returns the mesh with a name, or nil.
func (k *kuma) named(name string) *mesh {
	if i := slices.IndexFunc(k.all, func(m *mesh) bool { return m.Name == name }); i >= 0 {
		return k.all[i]
	}
	return nil
}

// sayUnclear reports that the mesh of a rollout, or of the public load tester, is ambiguous.
func (k *kuma) sayUnclear() {
	m := k.c.Meshes[1]
	k.c.Add(m.Doc.Diagnostic(diag.WhichMesh, schema.Path{"metadata", "name"},
		"none of the Meshes is called default, so it is not clear which one the rollouts use", "name one of them default, or set meshName for each rollout"))
}

// use marks a mesh as used by rollouts, and checks it the first time.
func (k *kuma) use(m *mesh) {
	if !m.used {
		m.used = true
		k.checkRolloutMesh(m)
	}
}

// meshOf returns the mesh of a rollout, or nil if the rollout names an undefined one. A nil rollout stands for
// the public load tester.
func (k *kuma) meshOf(r *rollout.Rollout) *mesh {
	if r == nil || r.MeshName == "" {
		return k.mesh
	}
	return k.named(r.MeshName)
}

// checkMesh reports fields of a Mesh that this version of Kuma does not support.
func (k *kuma) checkMesh(m *place.Mesh) {
	if m.Metadata.Namespace != "" {
		k.c.Add(m.Doc.Diagnostic(diag.MeshNamespace, schema.Path{"metadata", "namespace"}, "a Mesh is cluster-scoped; its namespace is not rendered", "remove the line"))
	}
	if m.Spec.MeshServices != nil && k.minor > 0 && k.minor < kumaMeshServices {
		k.c.Add(m.Doc.Diagnostic(diag.MeshFieldTooNew, schema.Path{"spec", "meshServices"},
			fmt.Sprintf("Kuma %s ignores meshServices without an error", k.chart.Version), "remove the field, or use Kuma 2.9 or newer"))
	}
	if k.minor >= kumaNoMeshFields {
		k.checkGoneFields(m)
	}
}

// checkBackends reports regular expressions in a Mesh that Kuma rejects.
func (k *kuma) checkBackends(m *place.Mesh) {
	if m.Spec.Metrics == nil {
		return
	}
	for i, b := range m.Spec.Metrics.Backends {
		if b.Conf == nil || b.Conf.Envoy == nil {
			continue
		}
		if _, err := regexp.Compile(b.Conf.Envoy.FilterRegex); err != nil {
			k.c.Add(m.Doc.Diagnostic(diag.MeshBackend, schema.Path{"spec", "metrics", "backends", i, "conf", "envoy", "filterRegex"},
				fmt.Sprintf("%q is not a regular expression, so Kuma would reject the Mesh", b.Conf.Envoy.FilterRegex), "escape characters such as [ and ( with a backslash"))
		}
	}
}

// checkRolloutMesh reports settings of a Mesh that break the rollouts in it.
func (k *kuma) checkRolloutMesh(m *mesh) {
	doc := m.Doc
	if doc == nil || k.minor >= kumaNoMeshFields {
		return // the default mesh is correct, and the fields of others are unknown
	}
	metrics := m.Spec.Metrics
	authority := m.authority()
	switch backend := m.metricsBackend(); {
	case backend == nil && metrics != nil && metrics.EnabledBackend != "":
		// Kuma rejects an enabledBackend that is not in the list.
	case backend == nil:
		at := schema.Path{"spec"}
		if metrics != nil {
			at = at.With("metrics")
		}
		k.c.Add(doc.Diagnostic(diag.MetricsNotSeen, at, "the Mesh has no enabled metrics backend, so sidecars expose no metrics and every check fails",
			"metrics: {enabledBackend: prometheus-1, backends: [{name: prometheus-1, type: prometheus}]}"))
	case authority != nil && !showsPlainly(backend.Conf):
		k.c.Add(doc.Diagnostic(diag.MetricsNotSeen, schema.Path{"spec", "metrics", "backends"},
			"with mutual TLS, sidecars expose metrics only to members of the mesh, and Prometheus is not one", "conf: {skipMTLS: true} for the metrics backend"))
	}
	if authority != nil && k.hasDefaults() && m.skips("TrafficPermission") {
		k.c.Add(doc.Diagnostic(diag.NothingAllowed, schema.Path{"spec", "skipCreatingInitialPolicies"},
			"mutual TLS denies all traffic without a TrafficPermission, and this list keeps Kuma from creating one", "remove TrafficPermission or * from the list, or create a TrafficPermission on the clusters"))
	}
	if authority != nil && authority.Mode != "PERMISSIVE" {
		k.c.Add(doc.Diagnostic(diag.StrictTLS, schema.Path{"spec", "mtls", "backends"},
			"with mutual TLS in STRICT mode, Flagger, which is outside the mesh, cannot reach load testers inside it", "mode: PERMISSIVE for the mutual TLS backend"))
	}
}

// authority returns the enabled mutual TLS backend, or nil.
func (m *mesh) authority() *api.MeshMTLSBackend {
	if m.Spec.MTLS == nil || m.Spec.MTLS.EnabledBackend == "" {
		return nil
	}
	return find(m.Spec.MTLS.Backends, func(b api.MeshMTLSBackend) bool { return b.Name == m.Spec.MTLS.EnabledBackend })
}

// metricsBackend returns the enabled metrics backend, or nil.
func (m *mesh) metricsBackend() *api.MeshMetricsBackend {
	if m.Spec.Metrics == nil {
		return nil
	}
	return find(m.Spec.Metrics.Backends, func(b api.MeshMetricsBackend) bool { return b.Name == m.Spec.Metrics.EnabledBackend })
}

// find returns the first value that satisfies a condition, or nil.
func find[T any](all []T, fits func(T) bool) *T {
	if i := slices.IndexFunc(all, fits); i >= 0 {
		return &all[i]
	}
	return nil
}

func showsPlainly(conf *api.MeshPrometheus) bool {
	if conf == nil {
		return false
	}
	return conf.SkipMTLS != nil && *conf.SkipMTLS || conf.TLS != nil && conf.TLS.Mode == "disabled"
}

// Namespace returns the namespace of Kuma, and of Flagger if it is rendered.
func (k *kuma) Namespace() string {
	if k.installed != nil {
		return cmp.Or(k.installed.Namespace, kumaNamespace)
	}
	return kumaNamespace
}

func (k *kuma) Namespaces() (all []*manifest.Object) {
	if k.installed == nil {
		all = append(all, k.systemNamespace())
	}
	if k.isRendered("prometheus") {
		all = append(all, manifest.NewNamespace(prometheusNamespace, manifest.NamespaceMeta{}))
	}
	return all
}

func (k *kuma) systemNamespace() *manifest.Object {
	// The chart labels its namespace in a Job that runs kubectl, and Flux would remove the label, which Kuma's
	// webhooks select by.
	labels := map[string]string{"kuma.io/system-namespace": "true"}
	v := values{k.base, flagger.Kuma, k.chart}
	without, _ := v.get("noHelmHooks")
	patch, ok := v.get("patchSystemNamespace")
	if isOn(without) || ok && isOff(patch) {
		// That Job of newer charts adds this label, too (templates/pre-install-patch-namespace-job.yaml).
		labels[kumaInjection] = "false"
	}
	return manifest.NewNamespace(kumaNamespace, manifest.NamespaceMeta{Labels: labels})
}

func (k *kuma) Releases() (all []*flux.Release) {
	if k.installed == nil {
		all = append(all, &flux.Release{Name: "kuma", Namespace: kumaNamespace, Chart: k.chart, Origin: k.origin, Kept: k.kept("kuma")})
	}
	if k.isRendered("prometheus") {
		all = append(all, k.prometheus(k.Namespace(), all...))
	}
	return all
}

func (k *kuma) FlaggerValues() map[string]any {
	return map[string]any{"meshProvider": flagger.Kuma, "metricsServer": k.measuredAt(k.prometheusAddress())}
}

// routeAll and allowAll keep traffic flowing that no rollout moves. routeAll is the spec of the TrafficRoute
// that Kuma up to 2.5 creates (pkg/defaults/mesh/mesh.go@2.5.0), and allowAll that of a MeshTrafficPermission.
const (
	routeAll = `{
		"sources": [{"match": {"kuma.io/service": "*"}}],
		"destinations": [{"match": {"kuma.io/service": "*"}}],
		"conf": {"loadBalancer": {"roundRobin": {}}, "destination": {"kuma.io/service": "*"}}
	}`
	allowAll = `{
		"targetRef": {"kind": "Mesh"},
		"from": [{"targetRef": {"kind": "Mesh"}, "default": {"action": "Allow"}}]
	}`
)

// madeByKuma reports whether Kuma itself creates all Meshes when it starts, as it does the default one
// (pkg/defaults/mesh.go). Then they exist before any rendered object is applied.
func (k *kuma) madeByKuma() bool {
	v := values{k.base, flagger.Kuma, k.chart}
	for _, path := range []string{"controlPlane.defaults.skipMeshCreation", "controlPlane.envVars.KUMA_DEFAULTS_SKIP_MESH_CREATION"} {
		if skipped, ok := v.get(path); ok && text(skipped) == "true" {
			return false
		}
	}
	return !slices.ContainsFunc(k.all, func(m *mesh) bool { return !m.there && m.Name != defaultMesh })
}

// Meshes returns the Meshes, unless Kuma creates them itself. Kuma's webhooks reject routes, permissions and
// pods of a missing Mesh (pkg/plugins/runtime/k8s/webhooks, owner_reference_mutator.go and
// injector/injector.go).
func (k *kuma) Meshes() []manifest.Rendered {
	if k.madeByKuma() {
		return nil
	}
	return k.allMeshes()
}

func (k *kuma) allMeshes() []manifest.Rendered {
	var all []manifest.Rendered
	for _, m := range k.all {
		if m.there {
			continue
		}
		annotations := map[string]string{}
		maps.Copy(annotations, m.Metadata.Annotations)
		annotations[manifest.FluxPrune] = "disabled" // Kuma rejects the deletion of a Mesh with dataplanes
		all = append(all, m.rendered(&manifest.Object{
			Kind:     "Mesh",
			Metadata: manifest.Metadata{Name: m.Name, Labels: manifest.TextOf(m.Metadata.Labels), Annotations: annotations},
			Spec:     m.Spec,
		}))
	}
	return all
}

// rendered returns a Kuma object of the mesh.
func (m *mesh) rendered(o *manifest.Object) manifest.Rendered {
	o.APIVersion = manifest.KumaV1alpha1
	return manifest.Rendered{Object: o, Origin: m.origin}
}

// Objects returns the policies that keep traffic flowing that no rollout moves, and the Meshes if Kuma creates
// them itself, because the input may configure them.
func (k *kuma) Objects() []manifest.Rendered {
	var all []manifest.Rendered
	if k.madeByKuma() {
		all = k.allMeshes()
	}
	for _, m := range k.all {
		all = append(all, k.policies(m)...)
	}
	return all
}

// policies returns the policies of a mesh, even without a rollout in it: a fleet's infrastructure must not
// depend on its applications.
func (k *kuma) policies(m *mesh) []manifest.Rendered {
	var all []manifest.Rendered
	if k.rendersCatchAll(m) {
		all = append(all, m.rendered(&manifest.Object{
			Kind: "TrafficRoute", Mesh: m.Name,
			Metadata: manifest.Metadata{Name: catchAll(m.Name), Annotations: k.keptAnnotations()},
			Spec:     json.RawMessage(routeAll),
		}))
	}
	if k.minor >= kumaPolicies {
		return append(all, k.meshMetric(m)...)
	}
	if m.authority() != nil && !k.hasDefaults() {
		all = append(all, m.rendered(&manifest.Object{
			Kind:     "MeshTrafficPermission",
			Metadata: manifest.Metadata{Name: "allow-all-" + m.Name, Namespace: k.Namespace(), Labels: map[string]string{rules.MeshAnnotation: m.Name}, Annotations: k.keptAnnotations()},
			Spec:     json.RawMessage(allowAll),
		}))
	}
	return all
}

// rendersCatchAll reports whether the route for all traffic of a mesh is rendered, unless Kuma creates it or the
// clusters already have it.
func (k *kuma) rendersCatchAll(m *mesh) bool {
	if !k.byRoute {
		return false
	}
	if k.installed != nil && k.installed.CatchAllRoute != nil && m == k.mesh {
		return !*k.installed.CatchAllRoute
	}
	return !m.there && (!k.hasDefaults() || m.skips("TrafficRoute"))
}

// keptAnnotations returns annotations that keep policies on the clusters after they are no longer rendered,
// because a Kuma that is installed or handed over still needs them.
func (k *kuma) keptAnnotations() map[string]string {
	if k.installed == nil && !k.kept("kuma") {
		return nil
	}
	return map[string]string{manifest.FluxPrune: "disabled"}
}

// skips reports whether a new Mesh tells Kuma not to create a policy.
func (m *mesh) skips(policy string) bool {
	skipped := m.Spec.SkipCreatingInitialPolicies
	return slices.Contains(skipped, "*") || slices.Contains(skipped, policy)
}

// NamespaceMeta makes Kuma inject a sidecar into every pod of the namespace. Up to 2.8 an annotation selects the
// mesh, and since 2.9 a label. The default mesh needs neither.
func (k *kuma) NamespaceMeta(r *rollout.Rollout) manifest.NamespaceMeta {
	// Kuma reads the label, not the annotation that Kurator writes.
	meta := manifest.NamespaceMeta{Labels: map[string]string{kumaInjection: "enabled"}}
	if m := k.meshOf(r); m != nil && m.Name != defaultMesh {
		meta.Labels[rules.MeshAnnotation] = m.Name
		meta.Annotations = map[string]string{rules.MeshAnnotation: m.Name}
	}
	return meta
}

func (k *kuma) ServiceMeta(port int32) map[string]string { return kumaProtocol(port, "http") }

// kumaProtocol returns the annotation with the protocol of a Service's port. Without it, Kuma treats the port as
// TCP and counts no requests.
func kumaProtocol(port int32, protocol string) map[string]string {
	return map[string]string{strconv.Itoa(int(port)) + ".service.kuma.io/protocol": protocol}
}

// Route sets the mesh for Flagger, and the protocol for Kuma on the Services that Flagger creates.
func (k *kuma) Route(r *rollout.Rollout, canary *manifest.Object, spec *flagger.Canary) {
	if m := k.meshOf(r); m != nil {
		canary.Metadata.Annotations = map[string]string{rules.MeshAnnotation: m.Name}
	}
	service, annotations := &spec.Service, kumaProtocol(r.Port, cmp.Or(r.Routing().Protocol, "http"))
	service.Apex = rollout.WithAnnotations(service.Apex, annotations)
	service.Canary = rollout.WithAnnotations(service.Canary, annotations)
	service.Primary = rollout.WithAnnotations(service.Primary, annotations)
}

// PrometheusAddress returns the address of the Prometheus rendered for Kuma, unless Flagger already queries it.
func (k *kuma) PrometheusAddress() string {
	if p, by := k.renderedBy["prometheus"], k.renderedBy["flagger"]; p != nil && by != nil && by != p {
		return k.prometheusAddress()
	}
	return ""
}

// Query returns the query of a built-in metric. Flagger's own queries return nothing on Kuma: they select by a
// label that Kuma's metrics lack, and by the name of the workload instead of the Service (fluxcd/flagger
// pkg/metrics/observers/kuma.go).
func (k *kuma) Query(r *rollout.Rollout, metric string) string {
	if k.minor >= kumaOtherMetrics {
		return ""
	}
	query := map[string]string{
		"request-success-rate": templates.KumaRequestSuccessRate,
		"request-duration":     templates.KumaRequestDuration,
	}[metric]
	// The sidecar names a cluster after the container's port number, unknown if targetPort is a name.
	port := ".*"
	switch {
	case r.TargetPort == nil:
		port = strconv.Itoa(int(r.Port))
	case r.TargetPort.StrVal == "":
		port = strconv.Itoa(int(r.TargetPort.IntVal))
	}
	name := k.mesh.Name
	if m := k.meshOf(r); m != nil {
		name = m.Name
	}
	fill := strings.NewReplacer("MESH", name, "PORT", strconv.Itoa(int(r.Port)), "CLUSTER", "localhost_"+port)
	return fill.Replace(query)
}

// Made returns the TrafficRoute of the rollout. It is cluster-scoped and named after the Service, whatever the
// Service's namespace (fluxcd/flagger pkg/router/kuma.go).
func (k *kuma) Made(r *rollout.Rollout) []manifest.Identity {
	if k.isCatchAll(r.ServiceName) {
		return nil // Check reports that the Service has the name of the catch-all
	}
	return []manifest.Identity{{Group: "kuma.io", Kind: "TrafficRoute", Namespace: "", Name: r.ServiceName}}
}

// catchAll returns the name of the route for all traffic of a mesh.
func catchAll(mesh string) string { return "route-all-" + mesh }

// isCatchAll reports whether a name belongs to the catch-all route of a mesh, which Kuma up to 2.5 creates
// itself (pkg/defaults/mesh/mesh.go@2.5.0).
func (k *kuma) isCatchAll(name string) bool {
	return slices.ContainsFunc(k.all, func(m *mesh) bool { return name == catchAll(m.Name) })
}

// Join marks the rollout's Mesh as used. It reports an undefined or ambiguous Mesh.
func (k *kuma) Join(r *rollout.Rollout) {
	if k.sayVersion != nil {
		k.sayVersion()
		k.sayVersion = nil
	}
	k.movesByRoute = k.movesByRoute || r.Provider() == flagger.Kuma
	if k.unclear && r.MeshName == "" {
		k.sayUnclear()
	}
	if m := k.meshOf(r); m != nil {
		k.use(m)
	} else if k.installed != nil {
		k.addThere(r.MeshName)
	} else if !k.c.MayDefine("Mesh", "", r.MeshName) {
		r.Report(diag.NoMesh, schema.Path{"meshName"}, fmt.Sprintf("the inputs have no Mesh %s, so Kuma would reject the pods that name it", r.MeshName), "add {apiVersion: kuma.io/v1alpha1, kind: Mesh, metadata: {name: "+r.MeshName+"}} to the inputs, and metrics to its spec")
	}
}

// Check reports problems of a rollout on Kuma.
func (k *kuma) Check(r *rules.Rollout) {
	checkPlain(r)
	if k.minor >= kumaNoTrafficRoute {
		r.Report(diag.KumaVersion, schema.Path{"provider"}, fmt.Sprintf("Kuma %s has no TrafficRoute, the only way for Flagger to move traffic on kuma", k.chart.Version), "trafficRoutingProvider: gatewayapi")
		return
	}
	if !k.byRoute {
		r.Report(diag.MeshTwoProviders, schema.Path{"provider"},
			"the fleet's provider is gatewayapi, so the mesh has no TrafficRoutes; this rollout would create the first one, and Kuma then stops all traffic that has none",
			"trafficRoutingProvider: gatewayapi")
		return
	}
	if k.isCatchAll(r.Service.Name) {
		r.Report(diag.ReservedRoute, schema.Path{"service", "name"}, fmt.Sprintf("Flagger names its TrafficRoute after the Service and would overwrite %s, the route for all traffic of the mesh", r.Service.Name), "rename the Service")
	}
	checkCounted(r)
	k.checkSidecars(r)
}

// checkCounted reports a port whose requests Kuma's sidecars do not count.
func checkCounted(r *rules.Rollout) {
	protocol, field := kumaSpeaks(r)
	checkProtocolKnown(r, protocol)
	if protocol != "tcp" && protocol != "kafka" {
		return
	}
	for i, m := range r.Analysis.Metrics {
		if name := r.Builtin(m); rules.IsBuiltin(name) {
			r.Report(diag.NothingCounted, rules.InMetrics(i, "name"),
				fmt.Sprintf("with %s %s, sidecars count no requests, so every check of %s fails", field, protocol, name), "use "+field+" http, http2 or grpc, or a customMetric")
		}
	}
}

// checkProtocolKnown reports an appProtocol that Kuma does not support.
func checkProtocolKnown(r *rules.Rollout, protocol string) {
	if p := r.Service.AppProtocol; p != "" && !slices.Contains(kumaProtocols, p) {
		r.Report(diag.ProtocolUnknown, schema.Path{"service", "appProtocol"}, fmt.Sprintf("Kuma does not know appProtocol %s and treats the port as %s", p, protocol), "appProtocol: one of "+strings.Join(kumaProtocols, ", "))
	}
}

// checkSidecars reports problems that do not depend on how traffic moves.
func (k *kuma) checkSidecars(r *rules.Rollout) {
	if r.Mesh != "" && r.Mesh != k.mesh.Name && r.On.PublicTester && !r.Tester.Exists && r.UsesPublicTester() {
		r.ReportAt(diag.TesterInOtherMesh, r.Tester.ID, nil, fmt.Sprintf("the public load tester is in Mesh %s, so its traffic is not split in Mesh %s", k.mesh.Name, r.Mesh), "testLoader: true")
	}
	k.checkMeasured(r)
}

// checkMeasured reports metrics queried from the Prometheus in Flagger's chart. It scrapes pods with the
// annotation prometheus.io/scrape, but not Kuma's sidecars (charts/flagger/templates/prometheus.yaml).
func (k *kuma) checkMeasured(r *rules.Rollout) {
	if k.minor >= kumaOtherMetrics {
		k.checkOtherMetrics(r)
		return
	}
	if r.Has("metricsServer") || !r.On.IsBundled(r.On.PrometheusAddress) {
		return
	}
	for i, m := range r.Analysis.Metrics {
		if name := r.Builtin(m); rules.IsBuiltin(name) {
			r.Report(diag.NothingMeasured, rules.InMetrics(i, "name"),
				fmt.Sprintf("Flagger's own Prometheus does not scrape Kuma's sidecars, so every check of %s fails", name),
				"installed: {"+rollout.Example("prometheus")+"} with one that scrapes them, or metricsServer in the rollout")
		}
	}
}

// kumaProtocols holds the protocols that Kuma supports. It ignores any other appProtocol
// (pkg/plugins/runtime/k8s/controllers/inbound_converter.go).
var kumaProtocols = []string{"http", "http2", "grpc", "tcp", "kafka"}

// kumaSpeaks returns the protocol that Kuma assumes for the rollout's port, and the field that sets it.
func kumaSpeaks(r *rules.Rollout) (protocol, field string) {
	if slices.Contains(kumaProtocols, r.Service.AppProtocol) {
		return r.Service.AppProtocol, "appProtocol"
	}
	return cmp.Or(kumaAnnotated(r), "tcp"), "protocol"
}

// kumaAnnotated returns the protocol in the annotation of the rollout's port, or "".
func kumaAnnotated(r *rules.Rollout) (protocol string) {
	if m := r.Service.Canary; m != nil {
		for key := range kumaProtocol(r.Service.Port, "") {
			protocol = m.Annotations[key]
		}
	}
	return protocol
}

// Speaks returns the protocol that Kuma assumes for the rollout's port.
func (k *kuma) Speaks(r *rules.Rollout) string {
	protocol, _ := kumaSpeaks(r)
	return protocol
}

// kumaInjection is the label of a pod or namespace that turns sidecar injection on or off.
const kumaInjection = "kuma.io/sidecar-injection"

// OptsOut returns the label that keeps Kuma's sidecar out of the pods. A pod's label overrides that of its
// namespace (pkg/plugins/runtime/k8s/webhooks/injector/injector.go, preCheck).
func (k *kuma) OptsOut(_ *rules.Rollout, pod *source.Pod, namespace map[string]string) (inPod bool, by string) {
	off := func(value string) bool { return value == "disabled" || value == "false" }
	switch own := pod.Metadata.Labels[kumaInjection]; {
	case off(own):
		return true, kumaInjection + ": " + own
	case own == "" && off(namespace[kumaInjection]):
		return false, kumaInjection + ": " + namespace[kumaInjection]
	}
	return false, ""
}

// NeverInjected returns why the pods of a namespace get no sidecars, or "". Kuma's webhooks skip kube-system and
// Kuma's own namespace (deployments/charts/kuma/templates/cp-webhooks-and-secrets.yaml). The other namespaces
// get no label, because their pods must start without Kuma.
func (k *kuma) NeverInjected(namespace string) string {
	if namespace == prometheusNamespace && k.isRendered("prometheus") {
		return "belongs to Prometheus, which is not in the mesh"
	}
	return k.neverMeshed(namespace, k.Namespace())
}
