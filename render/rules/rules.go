// Package rules judges rollouts as Flagger reads them: a Canary with its MetricTemplates,
// its Ingress and its load tester, rendered and patched or written by hand, and what the
// cluster has installed. It knows nothing of the documents that they come from.
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

// The suffixes of what Flagger makes for a rollout.
const (
	CanarySuffix  = "-canary"
	PrimarySuffix = "-primary"
)

// MeshAnnotation is the annotation of a Canary that names its Mesh on Kuma
// (fluxcd/flagger pkg/router/kuma.go).
const MeshAnnotation = "kuma.io/mesh"

// IstioRevision is the label of a Namespace that names the revision of Istio whose sidecars its pods get.
const IstioRevision = "istio.io/rev"

// A Rollout is a Canary and what belongs to it.
type Rollout struct {
	ID manifest.Identity
	// Plain reports whether the Canary is written by hand, and not that of an Application's rollout.
	Plain bool
	// Mesh is the one that the Canary's annotation names.
	Mesh string
	*flagger.Canary
	Templates map[api.NamespacedReference]*Template
	// Annotations are those of the Canary.
	Annotations map[string]string
	// Ingress is the one that the Canary refers to, or nil.
	Ingress *Ingress
	Tester  LoadTester
	On      *Installed
	// Complete is false where mistakes in the input have left something out, so that the
	// rollout cannot be simulated.
	Complete bool
	Source   Source
	// Manifests are the application's own, or nil where they were not read.
	Manifests *source.Set

	found []Finding
	// good is what Good returns, once it was asked for.
	good *flagger.Run
}

// A Template is a MetricTemplate.
type Template struct {
	ID manifest.Identity
	flagger.MetricTemplate
	// Replaces is the metric of Flagger's own whose query this is in the place of.
	Replaces string
}

// An Ingress is what decides which requests reach the rollout on nginx.
type Ingress struct {
	ID    manifest.Identity
	Hosts []string
	Paths []IngressPath
}

// An IngressPath is a path of one of an Ingress' hosts, and the field that names the host.
type IngressPath struct {
	HostPath
	Field schema.Path
}

// A HostPath is a path of a host.
type HostPath struct{ Host, Path string }

// NewIngress returns the Ingress with its hosts and their paths. nginx takes no path for /
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
	// ID that its Service has, or would have.
	ID     manifest.Identity
	Exists bool
	// OtherImage reports that it runs another image than Flagger's.
	OtherImage bool
	// ServiceAccount that its pods run as, or nothing for the namespace's default one.
	ServiceAccount string
}

// Installed is what a cluster has for its rollouts.
type Installed struct {
	Provider
	// Flagger is the version of its chart, or a range of versions.
	Flagger string
	// FlaggerThere reports whether that was installed already, and is not rendered.
	FlaggerThere bool
	// Version is the one that is simulated: the newest that Flagger may be.
	Version flagger.Version
	Facts
	// Namespace is where Flagger runs.
	Namespace string
	// By is where the document stands that says so.
	By diag.Position
	// PublicTester reports whether there is a load tester for all rollouts, and OtherTesterImage
	// whether it runs another image than Flagger's. TesterURL is where webhooks find it.
	PublicTester, OtherTesterImage bool
	TesterURL                      string
	// TesterHasRights reports whether the chart of that load tester gives it a ServiceAccount of its own.
	TesterHasRights bool
	// AlertProvider looks for an AlertProvider. It is known but not found where its document
	// is broken or may be among those that could not be read.
	AlertProvider func(namespace, name string) (found, known bool)
}

// A Provider is what moves the traffic on a cluster.
type Provider interface {
	// NeverInjected returns why the pods of a namespace get no sidecars, if they do not and need one.
	NeverInjected(namespace string) string
	// Speaks returns what the provider takes the rollout's port to speak, or nothing where that
	// does not count.
	Speaks(r *Rollout) string
	// OptsOut returns which label or annotation keeps a sidecar from pods of a template, or of
	// a namespace with labels, though the rollout needs them to have one, or nothing.
	OptsOut(r *Rollout, pod *source.Pod, namespace map[string]string) (inPod bool, by string)
	// Check reports what of a rollout would not work with the provider.
	Check(r *Rollout)
}

// A Source tells where the fields of objects come from.
type Source interface {
	// Position returns the place in the input that made a field.
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

// Check returns what of a rollout would not work.
func Check(r *Rollout) []Finding {
	r.found = nil
	r.Unmeasured = r.unmeasured()
	for _, rule := range []func(*Rollout){
		checkService, checkValues, checkInjected, checkWatched, checkCrossNamespace, checkNames, checkAutoscaler, checkFlaggerVersion, checkRefused,
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

// Good returns what a good version goes through. It is false where Flagger does nothing with
// the rollout, or where nobody can tell.
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

// Report reports something about a field of the Canary's spec.
func (r *Rollout) Report(code diag.Code, field schema.Path, message, hint string) {
	r.ReportAt(code, r.ID, spec(field...), message, hint)
}

// ReportAt reports something about a field of any object of the rollout.
func (r *Rollout) ReportAt(code diag.Code, object manifest.Identity, field schema.Path, message, hint string) {
	r.found = append(r.found, Finding{code, object, field, message, hint})
}

// spec is a field of an object's spec.
func spec(field ...any) schema.Path { return schema.Path{"spec"}.With(field...) }

// inAnalysis is a field of spec.analysis.
func inAnalysis(field ...any) schema.Path { return schema.Path{"analysis"}.With(field...) }

// InMetrics is a field of one of the Canary's metrics.
func InMetrics(index int, field ...any) schema.Path {
	return inAnalysis("metrics", index).With(field...)
}

// Has reports whether the input has a field of the Canary's spec, so that it is no default.
func (r *Rollout) Has(field ...any) bool { return r.Source.Has(r.ID, spec(field...)) }

// every is how often Flagger checks, in seconds.
func (r *Rollout) every() int { return int(r.Analysis.Every() / time.Second) }

// template is the MetricTemplate that a metric refers to, or nil.
func (r *Rollout) template(m flagger.Metric) *Template {
	if m.TemplateRef == nil {
		return nil
	}
	ref := *m.TemplateRef
	ref.Namespace = cmp.Or(ref.Namespace, r.ID.Namespace)
	return r.Templates[ref]
}

// Builtin returns which of Flagger's own metrics a metric is, be it by a query of
// fleetwright's, or nothing where it is none.
func (r *Rollout) Builtin(m flagger.Metric) string {
	switch t := r.template(m); {
	case t != nil:
		return t.Replaces
	case m.TemplateRef == nil && m.Query == "":
		return m.Name
	}
	return ""
}

// QueryOf returns the query of a metric, or nothing for one of Flagger's own.
func (r *Rollout) QueryOf(m flagger.Metric) string {
	if t := r.template(m); t != nil {
		return t.Query
	}
	return m.Query
}

// called is the name of a metric in the input.
func (r *Rollout) called(m flagger.Metric) string {
	if t := r.template(m); t != nil && t.Replaces != "" {
		return t.Replaces
	}
	return m.Name
}
