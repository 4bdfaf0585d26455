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

// The versions of Kuma that Flagger can move traffic on, and those with which the manifests changed: the minor
// versions of Kuma 2, and kumaThree, which is behind them.
const (
	// Before 2.2 a namespace was injected by an annotation (UPGRADE.md, 2.2).
	kumaFirst = 2
	// Up to 2.5 Kuma makes a TrafficRoute and a TrafficPermission for all traffic of a new Mesh
	// (pkg/defaults/mesh/mesh.go@2.5.0). Newer versions route without a TrafficRoute, and stop
	// doing so for a whole Mesh as soon as it has one, which Flagger makes
	// (docs/madr/decisions/036); with mutual TLS they deny what no policy allows (UPGRADE.md, 2.6).
	kumaLastDefaults = 5
	// Before 2.7 Kuma routes no HTTPRoute of a Service unless a flag says so
	// (pkg/config/app/kuma-cp/config.go@2.6.13, Experimental.GatewayAPI).
	kumaGatewayAPI = 7
	// The Mesh has the field meshServices since 2.9 (api/mesh/v1alpha1/mesh.proto).
	kumaMeshServices = 9
	// The chart has namespaceAllowList since 2.11 (deployments/charts/kuma/values.yaml).
	kumaAllowList = 11
	kumaLast      = 14

	// 3.0 is not released. From it on (UPGRADE.md and api/mesh/v1alpha1/mesh.proto at 348b652):
	// there is no TrafficRoute, so that only Gateway API moves traffic;
	kumaNoTrafficRoute = kumaThree
	// a Mesh has skipCreatingInitialPolicies alone, all other fields do nothing;
	kumaNoMeshFields = kumaThree
	// metrics come from a MeshMetric, and a MeshTrafficPermission has rules in the place of from, which need
	// identities that nobody knows here;
	kumaPolicies = kumaThree
	// a route is attached to Services and MeshServices, not to Gateways
	// (pkg/plugins/runtime/k8s/controllers/gatewayapi/attachment/attachment.go);
	kumaNoGateway = kumaThree
	// a port without appProtocol is TCP to clients, whatever the annotation says
	// (pkg/plugins/runtime/k8s/controllers/meshservice_controller.go);
	kumaNeedsAppProtocol = kumaThree
	// the control plane names no sidecars to Prometheus (pkg/mads/server/server.go), and their metrics have
	// neither kuma_io_services nor the clusters localhost_* (pkg/core/naming/contextual.go).
	kumaOtherMetrics = kumaThree

	// kumaThree stands for 3.0.
	kumaThree = 100
)

const (
	kumaNamespace       = "kuma-system"
	prometheusNamespace = "mesh-observability"

	// defaultMesh is the one that a pod joins which names none.
	defaultMesh = "default"
)

// kuma is the provider of one fleet.
type kuma struct {
	base
	// installed is what is said of the Kuma that the clusters have already, or nil.
	installed *api.InstalledKuma
	// chart is the rendered one, or the version of what is installed.
	chart settings.Chart
	// minor version of Kuma 2, or kumaThree, or 0 where it is not one that fleetwright knows.
	minor int
	// byRoute reports whether rollouts may be moved by TrafficRoutes, and byGateway whether by HTTPRoutes.
	byRoute, byGateway bool
	// movesByRoute reports whether a rollout is.
	movesByRoute bool
	// mesh is the one of all that rollouts are in which name none, and the public load tester.
	mesh *mesh
	all  []*mesh
	// unclear reports whether mesh is a guess.
	unclear bool
	// sayVersion reports that no rollouts work with the version of an installed Kuma. It is nil where
	// they do, or once it was called.
	sayVersion func()
}

// A mesh is a Mesh of the input, or the default one.
type mesh struct {
	*place.Mesh
	origin manifest.Origin
	// there reports whether the clusters have the mesh already, and nothing is known of it.
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
		k.report(diag.InstalledConflict, schema.Path{"installed", "kuma", "catchAllRoute"}, "gatewayapi alone moves the traffic of Kuma here, which needs no TrafficRoute, so catchAllRoute changes nothing", "remove the line")
	}
	k.findMeshes()
	if k.unclear && b.isRendered("loadtester") {
		k.sayUnclear()
	}
	return k
}

// findVersion finds the minor version of the chart, which may be a range within one, and what moves the traffic:
// Gateway API alone where no fleet has Kuma as its provider.
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
		k.reportVersion(diag.KumaRange, fmt.Sprintf("the version %q may become one that needs other manifests", k.chart.Version), "write one version, such as 2.7.3, or a range of one minor version, such as 2.7.x")
	case v == settings.MinorVersion{Major: 3} && !k.byRoute:
		k.minor = kumaThree
		k.reportVersion(diag.KumaUnreleased, fmt.Sprintf("Kuma %s is not released; what is rendered for it follows its sources of August 2026", k.chart.Version), supported)
	case v.Major > 2 && k.byRoute:
		k.reportVersion(diag.KumaVersion, fmt.Sprintf("Kuma %s has no TrafficRoute, by which alone Flagger moves traffic on kuma", k.chart.Version), supported+"; with Kuma 3.0, trafficRoutingProvider: gatewayapi")
	case v.Major == 2 && v.Minor >= kumaFirst && v.Minor < first:
		k.reportVersion(diag.KumaVersion, fmt.Sprintf("Kuma %s ignores the HTTPRoutes by which Flagger moves traffic on gatewayapi", k.chart.Version), supported)
	case v.Major != 2 || v.Minor < first || v.Minor > kumaLast:
		k.reportVersion(diag.KumaVersion, fmt.Sprintf("Kuma %s is not a version that fleetwright knows", k.chart.Version), supported)
	default:
		k.minor = v.Minor
	}
}

// hasDefaults reports whether Kuma makes the policies of a new Mesh.
func (k *kuma) hasDefaults() bool { return k.minor > 0 && k.minor <= kumaLastDefaults }

// reportVersion reports something about the version of Kuma, where it is set.
func (k *kuma) reportVersion(code diag.Code, message, hint string) {
	inConfig := schema.Path{"spec", "charts", "kuma", "version"}
	switch config := k.plugin.Config; {
	case k.installed != nil:
		k.sayVersion = func() { k.report(code, schema.Path{"installed", "kuma", "version"}, message, hint) }
	case config != nil && config.Chart != nil && config.Chart.Version != "":
		k.report(code, schema.Path{"config", "chart", "version"}, message, hint)
	case k.c.RenderConfig != nil && k.c.RenderConfig.Text(inConfig...) != "":
		k.c.Add(k.c.RenderConfig.Diagnostic(code, inConfig, message, hint))
	default:
		k.report(code, schema.Path{"trafficRoutingProvider"}, message, hint)
	}
}

// findMeshes takes the Meshes of the input, or makes the default one.
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

// addThere adds a mesh that the clusters have already.
func (k *kuma) addThere(name string) *mesh {
	m := &mesh{origin: k.origin, there: true, Mesh: &place.Mesh{Name: name, Mesh: &api.Mesh{}}}
	k.all = append(k.all, m)
	return m
}

// named returns the mesh of a name, or nil.
func (k *kuma) named(name string) *mesh {
	if i := slices.IndexFunc(k.all, func(m *mesh) bool { return m.Name == name }); i >= 0 {
		return k.all[i]
	}
	return nil
}

// sayUnclear reports that nothing says which mesh a rollout, or the public load tester, is in.
func (k *kuma) sayUnclear() {
	m := k.c.Meshes[1]
	k.c.Add(m.Doc.Diagnostic(diag.WhichMesh, schema.Path{"metadata", "name"},
		"there are several Meshes and none is called default, so it is not clear which one the rollouts are in", "call one of them default, or write meshName for each rollout"))
}

// use has rollouts in a mesh.
func (k *kuma) use(m *mesh) {
	if !m.used {
		m.used = true
		k.checkRolloutMesh(m)
	}
}

// meshOf returns the mesh that a rollout is in, or the public load tester where there
// is no rollout. It is nil where the rollout names one that does not exist.
func (k *kuma) meshOf(r *rollout.Rollout) *mesh {
	if r == nil || r.MeshName == "" {
		return k.mesh
	}
	return k.named(r.MeshName)
}

// checkMesh reports what of a Mesh this version of Kuma does not take.
func (k *kuma) checkMesh(m *place.Mesh) {
	if m.Metadata.Namespace != "" {
		k.c.Add(m.Doc.Diagnostic(diag.MeshNamespace, schema.Path{"metadata", "namespace"}, "a Mesh is cluster-scoped, its namespace is left out", "remove the line"))
	}
	if m.Spec.MeshServices != nil && k.minor > 0 && k.minor < kumaMeshServices {
		k.c.Add(m.Doc.Diagnostic(diag.MeshFieldTooNew, schema.Path{"spec", "meshServices"},
			fmt.Sprintf("Kuma %s does not know meshServices, and says nothing about it", k.chart.Version), "remove the field, or use Kuma 2.9 or newer"))
	}
	if k.minor >= kumaNoMeshFields {
		k.checkGoneFields(m)
	}
}

// checkBackends reports which regular expressions of a Mesh Kuma refuses.
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
				fmt.Sprintf("%q is not a regular expression", b.Conf.Envoy.FilterRegex), "escape characters such as [ and ( with a backslash"))
		}
	}
}

// checkRolloutMesh reports what of a Mesh keeps the rollouts in it from working.
func (k *kuma) checkRolloutMesh(m *mesh) {
	doc := m.Doc
	if doc == nil || k.minor >= kumaNoMeshFields {
		return // the default one is right, and of others there is nothing to read
	}
	metrics := m.Spec.Metrics
	authority := m.authority()
	switch backend := m.metricsBackend(); {
	case backend == nil && metrics != nil && metrics.EnabledBackend != "":
		// It names none of the backends, which Kuma refuses.
	case backend == nil:
		at := schema.Path{"spec"}
		if metrics != nil {
			at = at.With("metrics")
		}
		k.c.Add(doc.Diagnostic(diag.MetricsNotSeen, at, "the Mesh has no metrics backend in use, so the sidecars show no metrics and no check ever passes",
			"metrics: {enabledBackend: prometheus-1, backends: [{name: prometheus-1, type: prometheus}]}"))
	case authority != nil && !showsPlainly(backend.Conf):
		k.c.Add(doc.Diagnostic(diag.MetricsNotSeen, schema.Path{"spec", "metrics", "backends"},
			"with mutual TLS the sidecars show their metrics to members of the mesh only, and Prometheus is none", "conf: {skipMTLS: true} for the metrics backend"))
	}
	if authority != nil && k.hasDefaults() && m.skips("TrafficPermission") {
		k.c.Add(doc.Diagnostic(diag.NothingAllowed, schema.Path{"spec", "skipCreatingInitialPolicies"},
			"with mutual TLS nothing is allowed that no TrafficPermission allows, and Kuma is told to make none", "add a TrafficPermission to the cluster, or remove it from the list"))
	}
	if authority != nil && authority.Mode != "PERMISSIVE" {
		k.c.Add(doc.Diagnostic(diag.StrictTLS, schema.Path{"spec", "mtls", "backends"},
			"with mutual TLS in STRICT mode Flagger, which is not in the mesh, reaches no load tester that is", "mode: PERMISSIVE for the backend of mutual TLS"))
	}
}

// authority returns the backend of mutual TLS that is in use, or nil.
func (m *mesh) authority() *api.MeshMTLSBackend {
	if m.Spec.MTLS == nil || m.Spec.MTLS.EnabledBackend == "" {
		return nil
	}
	return find(m.Spec.MTLS.Backends, func(b api.MeshMTLSBackend) bool { return b.Name == m.Spec.MTLS.EnabledBackend })
}

// metricsBackend returns the one in use, or nil.
func (m *mesh) metricsBackend() *api.MeshMetricsBackend {
	if m.Spec.Metrics == nil {
		return nil
	}
	return find(m.Spec.Metrics.Backends, func(b api.MeshMetricsBackend) bool { return b.Name == m.Spec.Metrics.EnabledBackend })
}

// find returns the first of some values that fits, or nil.
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

// Namespace is where Kuma is installed, and Flagger where it is rendered.
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
	// The chart labels its namespace with a job of kubectl, which Flux would
	// undo; Kuma's webhooks select by the label.
	labels := map[string]string{"kuma.io/system-namespace": "true"}
	v := values{k.base, flagger.Kuma, k.chart}
	without, _ := v.get("noHelmHooks")
	patch, ok := v.get("patchSystemNamespace")
	if isOn(without) || ok && isOff(patch) {
		// Without that job newer charts want this one, too (templates/pre-install-patch-namespace-job.yaml).
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

// What keeps the traffic of a mesh flowing that no rollout moves: the spec of a TrafficRoute,
// as Kuma up to 2.5 makes it (pkg/defaults/mesh/mesh.go@2.5.0), and of a MeshTrafficPermission.
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

// madeByKuma reports whether Kuma makes all Meshes when it starts, as it does the one
// called default (pkg/defaults/mesh.go), so that they are there before anything of ours is applied.
func (k *kuma) madeByKuma() bool {
	v := values{k.base, flagger.Kuma, k.chart}
	for _, path := range []string{"controlPlane.defaults.skipMeshCreation", "controlPlane.envVars.KUMA_DEFAULTS_SKIP_MESH_CREATION"} {
		if skipped, ok := v.get(path); ok && text(skipped) == "true" {
			return false
		}
	}
	return !slices.ContainsFunc(k.all, func(m *mesh) bool { return !m.there && m.Name != defaultMesh })
}

// Meshes are there where one is not made by Kuma, whose webhooks refuse a route, a
// permission and a pod of a Mesh that does not exist (pkg/plugins/runtime/k8s/webhooks,
// owner_reference_mutator.go and injector/injector.go).
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
		annotations[manifest.FluxPrune] = "disabled" // Kuma refuses to delete a Mesh that has dataplanes
		all = append(all, m.rendered(&manifest.Object{
			Kind:     "Mesh",
			Metadata: manifest.Metadata{Name: m.Name, Labels: manifest.TextOf(m.Metadata.Labels), Annotations: annotations},
			Spec:     m.Spec,
		}))
	}
	return all
}

// rendered returns an object of Kuma for the mesh.
func (m *mesh) rendered(o *manifest.Object) manifest.Rendered {
	o.APIVersion = manifest.KumaV1alpha1
	return manifest.Rendered{Object: o, Origin: m.origin}
}

// Objects are what keeps the traffic that no rollout moves flowing as it did
// before, and the Meshes where Kuma has made those that this names.
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

// policies are those of a mesh, also before the first rollout is in it: what a fleet installs must not
// follow from what applications come and go.
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

// rendersCatchAll reports whether the route for all traffic of a mesh is rendered: not where Kuma makes it,
// or where the clusters have it already.
func (k *kuma) rendersCatchAll(m *mesh) bool {
	if !k.byRoute {
		return false
	}
	if k.installed != nil && k.installed.CatchAllRoute != nil && m == k.mesh {
		return !*k.installed.CatchAllRoute
	}
	return !m.there && (!k.hasDefaults() || m.skips("TrafficRoute"))
}

// keptAnnotations keep what is rendered for a Kuma that is handed over, or installed: the mesh needs it when
// it is no longer rendered, too.
func (k *kuma) keptAnnotations() map[string]string {
	if k.installed == nil && !k.kept("kuma") {
		return nil
	}
	return map[string]string{manifest.FluxPrune: "disabled"}
}

// skips reports whether Kuma is told not to make a policy for the new Mesh.
func (m *mesh) skips(policy string) bool {
	skipped := m.Spec.SkipCreatingInitialPolicies
	return slices.Contains(skipped, "*") || slices.Contains(skipped, policy)
}

// NamespaceMeta has Kuma put a sidecar into every pod of the namespace. Which mesh
// it joins is read from the annotation up to 2.8 and from the label since 2.9;
// for the default mesh neither is needed.
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

// kumaProtocol tells Kuma what a port of a Service speaks; what it is not told
// it takes for TCP, of which it counts no requests.
func kumaProtocol(port int32, protocol string) map[string]string {
	return map[string]string{strconv.Itoa(int(port)) + ".service.kuma.io/protocol": protocol}
}

// Route tells Flagger the mesh, and Kuma the protocol of the Services that Flagger makes.
func (k *kuma) Route(r *rollout.Rollout, canary *manifest.Object, spec *flagger.Canary) {
	if m := k.meshOf(r); m != nil {
		canary.Metadata.Annotations = map[string]string{rules.MeshAnnotation: m.Name}
	}
	service, annotations := &spec.Service, kumaProtocol(r.Port, cmp.Or(r.Routing().Protocol, "http"))
	service.Apex = rollout.WithAnnotations(service.Apex, annotations)
	service.Canary = rollout.WithAnnotations(service.Canary, annotations)
	service.Primary = rollout.WithAnnotations(service.Primary, annotations)
}

// PrometheusAddress is the Prometheus that is rendered for Kuma, where Flagger is not told to ask it.
func (k *kuma) PrometheusAddress() string {
	if p, by := k.renderedBy["prometheus"], k.renderedBy["flagger"]; p != nil && by != nil && by != p {
		return k.prometheusAddress()
	}
	return ""
}

// Query is the one behind Flagger's own metrics, which return nothing on Kuma:
// they select by a label that Kuma's metrics do not have, and by the workload's
// name where the Service's is meant (fluxcd/flagger pkg/metrics/observers/kuma.go).
func (k *kuma) Query(r *rollout.Rollout, metric string) string {
	if k.minor >= kumaOtherMetrics {
		return ""
	}
	query := map[string]string{
		"request-success-rate": templates.KumaRequestSuccessRate,
		"request-duration":     templates.KumaRequestDuration,
	}[metric]
	// The sidecar names a cluster after the container's port, which is known unless it is given by name.
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

// Made is the TrafficRoute of the rollout. It is cluster-scoped and named after
// the Service, whatever the namespace (fluxcd/flagger pkg/router/kuma.go).
func (k *kuma) Made(r *rollout.Rollout) []manifest.Identity {
	if k.isCatchAll(r.ServiceName) {
		return nil // Check reports that the Service has the name of the catch-all
	}
	return []manifest.Identity{{Group: "kuma.io", Kind: "TrafficRoute", Namespace: "", Name: r.ServiceName}}
}

// catchAll is the name of the route for all traffic of a mesh.
func catchAll(mesh string) string { return "route-all-" + mesh }

// isCatchAll reports whether a name is that of the catch-all of a mesh, which Kuma up to
// 2.5 makes itself (pkg/defaults/mesh/mesh.go@2.5.0).
func (k *kuma) isCatchAll(name string) bool {
	return slices.ContainsFunc(k.all, func(m *mesh) bool { return name == catchAll(m.Name) })
}

// Join has the Mesh that a rollout is in made ready for rollouts. It reports one that nothing
// defines, and that nothing says which one is meant.
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
		r.Report(diag.NoMesh, schema.Path{"meshName"}, fmt.Sprintf("there is no Mesh %s among the inputs", r.MeshName), "add {apiVersion: kuma.io/v1alpha1, kind: Mesh, metadata: {name: "+r.MeshName+"}} to them, with metrics")
	}
}

// Check reports what of a rollout would not work on Kuma.
func (k *kuma) Check(r *rules.Rollout) {
	checkPlain(r)
	if k.minor >= kumaNoTrafficRoute {
		r.Report(diag.KumaVersion, schema.Path{"provider"}, fmt.Sprintf("Kuma %s has no TrafficRoute, by which alone Flagger moves traffic on kuma", k.chart.Version), "trafficRoutingProvider: gatewayapi")
		return
	}
	if !k.byRoute {
		r.Report(diag.MeshTwoProviders, schema.Path{"provider"},
			"the fleet moves the traffic of Kuma by gatewayapi, so the mesh has no TrafficRoute for all traffic: this rollout's would stop all of it that no other routes",
			"trafficRoutingProvider: gatewayapi")
		return
	}
	if k.isCatchAll(r.Service.Name) {
		r.Report(diag.ReservedRoute, schema.Path{"service", "name"}, fmt.Sprintf("Flagger calls its TrafficRoute after the Service, and %s is the one for all traffic of the mesh", r.Service.Name), "give the Service another name")
	}
	checkCounted(r)
	k.checkSidecars(r)
}

// checkCounted reports a port of which Kuma's sidecars count no requests.
func checkCounted(r *rules.Rollout) {
	protocol, field := kumaSpeaks(r)
	checkProtocolKnown(r, protocol)
	if protocol != "tcp" && protocol != "kafka" {
		return
	}
	for i, m := range r.Analysis.Metrics {
		if name := r.Builtin(m); rules.IsBuiltin(name) {
			r.Report(diag.NothingCounted, rules.InMetrics(i, "name"),
				fmt.Sprintf("with %s %s the sidecars count no requests, so every check of %s would fail", field, protocol, name), "use "+field+" http, http2 or grpc, or a customMetric")
		}
	}
}

// checkProtocolKnown reports an appProtocol that Kuma does not know.
func checkProtocolKnown(r *rules.Rollout, protocol string) {
	if p := r.Service.AppProtocol; p != "" && !slices.Contains(kumaProtocols, p) {
		r.Report(diag.ProtocolUnknown, schema.Path{"service", "appProtocol"}, fmt.Sprintf("Kuma knows no appProtocol %s, and takes the port to speak %s", p, protocol), "one of "+strings.Join(kumaProtocols, ", "))
	}
}

// checkSidecars reports what does not follow from how traffic is moved.
func (k *kuma) checkSidecars(r *rules.Rollout) {
	if r.Mesh != "" && r.Mesh != k.mesh.Name && r.On.PublicTester && !r.Tester.Exists && r.UsesPublicTester() {
		r.ReportAt(diag.TesterInOtherMesh, r.Tester.ID, nil, fmt.Sprintf("the public load tester is in the mesh %s, and the traffic that it makes is not split in %s", k.mesh.Name, r.Mesh), "testLoader: true")
	}
	k.checkMeasured(r)
}

// checkMeasured reports metrics that the Prometheus in Flagger's chart is asked for: it scrapes pods that
// prometheus.io/scrape names, and Kuma's sidecars are none (charts/flagger/templates/prometheus.yaml).
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

// kumaProtocols are those that Kuma knows; of an appProtocol that is none of them it
// takes no notice (pkg/plugins/runtime/k8s/controllers/inbound_converter.go).
var kumaProtocols = []string{"http", "http2", "grpc", "tcp", "kafka"}

// kumaSpeaks returns what Kuma takes the rollout's port to speak, and the field that says it.
func kumaSpeaks(r *rules.Rollout) (protocol, field string) {
	if slices.Contains(kumaProtocols, r.Service.AppProtocol) {
		return r.Service.AppProtocol, "appProtocol"
	}
	return cmp.Or(kumaAnnotated(r), "tcp"), "protocol"
}

// kumaAnnotated returns what the annotation of the rollout's port says, or nothing.
func kumaAnnotated(r *rules.Rollout) (protocol string) {
	if m := r.Service.Canary; m != nil {
		for key := range kumaProtocol(r.Service.Port, "") {
			protocol = m.Annotations[key]
		}
	}
	return protocol
}

// Speaks returns what Kuma takes the rollout's port to speak.
func (k *kuma) Speaks(r *rules.Rollout) string {
	protocol, _ := kumaSpeaks(r)
	return protocol
}

// kumaInjection is the label of a pod or a namespace by which Kuma injects sidecars, or does not.
const kumaInjection = "kuma.io/sidecar-injection"

// OptsOut returns the label that keeps Kuma's sidecar from the pods; a pod's goes before that of
// its namespace (pkg/plugins/runtime/k8s/webhooks/injector/injector.go, preCheck).
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

// NeverInjected returns why the pods of a namespace get no sidecars, if they do not.
// Kuma's webhooks leave out kube-system and its own namespace
// (deployments/charts/kuma/templates/cp-webhooks-and-secrets.yaml); the others are
// not labelled, because what is in them must start without Kuma.
func (k *kuma) NeverInjected(namespace string) string {
	if namespace == prometheusNamespace && k.isRendered("prometheus") {
		return "is that of Prometheus, which is not in the mesh"
	}
	return k.neverMeshed(namespace, k.Namespace())
}
