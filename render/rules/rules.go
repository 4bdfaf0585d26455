// Package rules judges rollouts as Flagger reads them: a Canary with its MetricTemplates, Ingress and load
// tester, rendered and patched or written by hand, and the components on the cluster. It does not know the
// documents behind them.
package rules

import (
	"cmp"
	"slices"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// The suffixes of the objects that Flagger creates for a rollout.
const (
	CanarySuffix  = "-canary"
	PrimarySuffix = "-primary"
)

// MeshAnnotation is the annotation of a Canary that names its Mesh on Kuma
// (fluxcd/flagger pkg/router/kuma.go).
const MeshAnnotation = "kuma.io/mesh"

// IstioRevision is the label of a Namespace that selects the Istio revision of its pods' sidecars.
const IstioRevision = "istio.io/rev"

// A Rollout is a Canary with the objects around it.
type Rollout struct {
	ID manifest.Identity
	// Plain reports whether the Canary is written by hand, not rendered from an Application.
	Plain bool
	// Mesh is the mesh in the Canary's annotation.
	Mesh string
	*flagger.Canary
	Templates map[api.NamespacedReference]*Template
	// Annotations are the annotations of the Canary.
	Annotations map[string]string
	// Ingress is the Ingress that the Canary refers to, or nil.
	Ingress *Ingress
	Tester  LoadTester
	On      *Installed
	// Complete is false if mistakes in the input left fields unset, so that the rollout cannot be simulated.
	Complete bool
	Source   Source
	// Manifests are the application's manifests, or nil if they were not read.
	Manifests *source.Set

	found []Finding
	// good is the cached result of Good.
	good *flagger.Run
}

// A Template is a MetricTemplate.
type Template struct {
	ID manifest.Identity
	flagger.MetricTemplate
	// Replaces is the built-in metric whose query this one replaces, or empty.
	Replaces string
}

// An Ingress decides which requests reach the rollout on nginx.
type Ingress struct {
	ID    manifest.Identity
	Hosts []string
	Paths []IngressPath
}

// An IngressPath is a path of a host of an Ingress, and the field of the host.
type IngressPath struct {
	HostPath
	Field schema.Path
}

// A HostPath is a path of a host.
type HostPath struct{ Host, Path string }

// NewIngress returns the Ingress with its hosts and their paths. nginx treats no path as /
// (kubernetes/ingress-nginx internal/ingress/controller/controller.go, checkOverlap).
func NewIngress(id manifest.Identity, spec manifest.IngressSpec) *Ingress {
	in := &Ingress{ID: id}
	for i, rule := range spec.Rules {
		if rule.Host == "" {
			continue
		}
		if !slices.Contains(in.Hosts, rule.Host) {
			in.Hosts = append(in.Hosts, rule.Host)
		}
		for _, p := range rule.HTTP.Paths {
			in.Paths = append(in.Paths, IngressPath{HostPath{rule.Host, cmp.Or(p.Path, "/")}, schema.Path{"spec", "rules", i, "host"}})
		}
	}
	return in
}

// A LoadTester is a Deployment of Flagger's load tester.
type LoadTester struct {
	// ID is the identity of its Service, whether or not it exists.
	ID     manifest.Identity
	Exists bool
	// OtherImage reports whether it runs another image than Flagger's.
	OtherImage bool
	// ServiceAccount is the ServiceAccount of its pods, or empty for the namespace's default.
	ServiceAccount string
}

// Installed describes the components on a cluster for its rollouts.
type Installed struct {
	Provider
	// Flagger is the version of Flagger's chart, or a range of versions.
	Flagger string
	// FlaggerThere reports whether Flagger is already installed, and not rendered.
	FlaggerThere bool
	// Version is the simulated version: the newest that Flagger may have.
	Version flagger.Version
	Facts
	// Namespace is the namespace of Flagger.
	Namespace string
	// By is the position of the document that describes them.
	By diag.Position
	// PublicTester reports whether the rollouts share a load tester, and OtherTesterImage whether it runs
	// another image than Flagger's. TesterURL is its URL.
	PublicTester, OtherTesterImage bool
	TesterURL                      string
	// TesterHasRights reports whether the chart of that load tester sets a ServiceAccount.
	TesterHasRights bool
	// AlertProvider looks up an AlertProvider. It is known but not found if its document is invalid, and unknown
	// if it may be among unreadable documents.
	AlertProvider func(namespace, name string) (found, known bool)
}

// A Provider shifts the traffic on a cluster.
type Provider interface {
	// NeverInjected returns why the pods of a namespace get no sidecars that they need, or nothing.
	NeverInjected(namespace string) string
	// Speaks returns the protocol that the provider assumes for the rollout's port, or nothing if that does not
	// matter.
	Speaks(r *Rollout) string
	// OptsOut returns the label or annotation, of the pod template or the namespace, that prevents a sidecar
	// that the rollout needs, or nothing.
	OptsOut(r *Rollout, pod *source.Pod, namespace map[string]string) (inPod bool, by string)
	// Check reports problems of a rollout with the provider.
	Check(r *Rollout)
}

// A Source maps fields of objects to the input.
type Source interface {
	// Position returns the position in the input that a field comes from.
	Position(object manifest.Identity, field schema.Path) diag.Position
	// Has reports whether the input has the field, so that it is not a default.
	Has(object manifest.Identity, field schema.Path) bool
}

// A Finding is a diagnostic at a field of an object.
type Finding struct {
	Code          diag.Code
	Object        manifest.Identity
	Field         schema.Path
	Message, Hint string
}

// Check returns the problems of a rollout.
func Check(r *Rollout) []Finding {
	r.found = nil
	r.Unmeasured = r.unmeasured()
	for _, rule := range []func(*Rollout){
		checkService, checkValues, checkInjected, checkWatched, checkCrossNamespace, checkNames, checkAutoscaler, checkFlaggerVersion, checkRejected,
		checkIntervals, checkSteps, checkMaxWeight, checkReadinessTimeout, checkChecks,
		checkMetrics, checkThresholds, checkQueries, checkMetricsServer, checkGRPC,
		checkWebhooks, checkRights, checkWebhookTimeouts, checkAlerts,
		checkMatch, checkLoadTime, checkExpected, checkPower, checkReach, checkIngressHome,
		checkWorkload, checkMadeTwice, checkPorts, checkDiscovery, checkDroppedPorts, checkOwnService, checkSelecting, checkAutoscalers,
		checkRunsTwice, checkTags, checkOptsOut, checkRoutes, checkAskedPorts, checkPatchMisses,
	} {
		rule(r)
	}
	r.On.Check(r)
	return r.found
}

// Good returns the run of a good version. It returns false if Flagger ignores the rollout, or the run is
// unknown.
func (r *Rollout) Good() (flagger.Run, bool) {
	if !r.Complete || r.Suspend {
		return flagger.Run{}, false
	}
	if r.good == nil {
		run := r.Run(r.On.Version, flagger.Scenario{})
		r.good = &run
	}
	return *r.good, true
}

// Report reports a finding at a field of the Canary's spec.
func (r *Rollout) Report(code diag.Code, field schema.Path, message, hint string) {
	r.ReportAt(code, r.ID, spec(field...), message, hint)
}

// ReportAt reports a finding at a field of an object of the rollout.
func (r *Rollout) ReportAt(code diag.Code, object manifest.Identity, field schema.Path, message, hint string) {
	r.found = append(r.found, Finding{code, object, field, message, hint})
}

// spec returns a field of an object's spec.
func spec(field ...any) schema.Path { return schema.Path{"spec"}.With(field...) }

// inAnalysis returns a field of spec.analysis.
func inAnalysis(field ...any) schema.Path { return schema.Path{"analysis"}.With(field...) }

// InMetrics returns a field of one of the Canary's metrics.
func InMetrics(index int, field ...any) schema.Path {
	return inAnalysis("metrics", index).With(field...)
}

// Has reports whether the input has a field of the Canary's spec, so that it is not a default.
func (r *Rollout) Has(field ...any) bool { return r.Source.Has(r.ID, spec(field...)) }

// every returns Flagger's interval in seconds.
func (r *Rollout) every() int { return int(r.Analysis.Every() / time.Second) }

// template returns the MetricTemplate that a metric refers to, or nil.
func (r *Rollout) template(m flagger.Metric) *Template {
	if m.TemplateRef == nil {
		return nil
	}
	ref := *m.TemplateRef
	ref.Namespace = cmp.Or(ref.Namespace, r.ID.Namespace)
	return r.Templates[ref]
}

// Builtin returns which built-in metric a metric is, even by a query of fleetwright's, or nothing.
func (r *Rollout) Builtin(m flagger.Metric) string {
	switch t := r.template(m); {
	case t != nil:
		return t.Replaces
	case m.TemplateRef == nil && m.Query == "":
		return m.Name
	}
	return ""
}

// QueryOf returns the query of a metric, or nothing for a built-in one.
func (r *Rollout) QueryOf(m flagger.Metric) string {
	if t := r.template(m); t != nil {
		return t.Query
	}
	return m.Query
}

// called returns the name of a metric in the input.
func (r *Rollout) called(m flagger.Metric) string {
	if t := r.template(m); t != nil && t.Replaces != "" {
		return t.Replaces
	}
	return m.Name
}
