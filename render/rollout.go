package render

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A rollout is that of a policy, with what its clusters have installed.
type rollout struct {
	*api.Rollout
	c      *compiler
	policy *place.Policy
	stack  *stack
	// namespace of the workload.
	namespace string
	// made are the objects that Flagger makes when it runs the rollout. Two
	// rollouts that make the same one would overwrite each other's.
	made []object
	// rendered are the rollout's own objects, nil before they are asked for.
	rendered []manifest.Rendered
}

// Kurator's defaults, as its API documents them (pkg/apis/apps/v1alpha1/types.go),
// and Flagger's where Kurator's has none.
const (
	defaultTimeoutSeconds  = 600   // rolloutTimeoutSeconds
	defaultIntervalSeconds = 60    // checkIntervalSeconds, intervalSeconds and the webhooks' timeoutSeconds
	defaultMaxWeight       = 100   // maxWeight, in percent
	defaultCookieSeconds   = 86400 // maxAge of sessionAffinity
	// Flagger takes a threshold of 0 for 1 (pkg/apis/flagger/v1beta1/canary.go).
	defaultThreshold = 1
)

const (
	canarySuffix  = "-canary"
	primarySuffix = "-primary"
)

// report says something about a field of the rollout, unless that follows from what is
// wrong there.
func (r *rollout) report(code diag.Code, field schema.Path, message, hint string) {
	if r.policy.App.Doc.Unsure(r.at(field...)) {
		return
	}
	r.c.Add(r.policy.App.Doc.Diagnostic(code, r.at(field...), message, hint))
}

func (r *rollout) at(field ...any) schema.Path {
	return r.policy.Path.With("rollout").With(field...)
}

func (r *rollout) origin(field ...any) manifest.Origin {
	return manifest.Origin{Doc: r.policy.App.Doc, Path: r.at(field...)}
}

// reportNoStack says that the clusters have nothing that runs the rollout.
func (r *rollout) reportNoStack() {
	at := schema.Path{"trafficRoutingProvider"}
	add := fmt.Sprintf("plugin: {flagger: {trafficRoutingProvider: %s}}", r.TrafficRoutingProvider)
	f := r.policy.Fleet
	switch {
	case r.stack != nil:
		r.report(diag.ProvidersDiffer, at, fmt.Sprintf("the rollout asks for %s, the fleet at %s installs %s", r.TrafficRoutingProvider, r.stack.fleet.Doc.Position("metadata", "name"), r.stack.providerName), "use the same provider in both")
	case f == nil:
		r.report(diag.NoFlagger, at, "an Application without a fleet has nothing that runs a rollout", "add destination: {fleet: …}, and to that Fleet's spec "+add)
	case f.Spec.Plugin == nil || f.Spec.Plugin.Flagger == nil:
		r.report(diag.NoFlagger, at, fmt.Sprintf("the fleet at %s does not install Flagger, so nothing runs the rollout", f.Doc.Position("metadata", "name")), "add to the Fleet's spec "+add)
	}
}

func (r *rollout) kind() string { return cmp.Or(r.Workload.Kind, "Deployment") }

// check says what of the rollout would not work.
func (r *rollout) check() {
	if target := r.policy.TargetNamespace(); target != "" && target != r.namespace {
		r.report(diag.WorkloadNamespace, schema.Path{"workload", "namespace"},
			fmt.Sprintf("the workload is said to be in namespace %s, the policy's targetNamespace puts it into %s", r.namespace, target), "namespace: "+target)
	}
	if r.Port < 1024 && r.TargetPort == nil {
		r.report(diag.GuessedTargetPort, schema.Path{"port"},
			fmt.Sprintf("without a targetPort Flagger sends the traffic to the container's port %d, where few containers listen", r.Port), "targetPort: 8080, or the name of the container's port")
	}
	if p := r.TargetPort; p != nil && p.Str != "" && len(validation.IsValidPortName(p.Str)) > 0 {
		hint := "targetPort: http, as the container calls it"
		if _, err := strconv.Atoi(p.Str); err == nil {
			hint = "targetPort: " + p.Str + ", without the quotes, for the number"
		}
		r.report(diag.WrongFormat, schema.Path{"targetPort"}, fmt.Sprintf("%q is not a port name: one has a letter in it, and no two hyphens in a row", p.Str), hint)
	}
	if r.ServiceName == "kubernetes" && r.namespace == "default" {
		r.report(diag.BadName, schema.Path{"serviceName"}, "the Service kubernetes in namespace default is the API server's own, and Flagger would take it over", "give the workload's Service another name")
	}
	r.checkName(schema.Path{"serviceName"}, "Service", r.ServiceName, primarySuffix)
	r.checkName(schema.Path{"workload", "name"}, r.kind(), r.Workload.Name, primarySuffix)
	if r.TestLoader {
		r.checkName(schema.Path{"workload", "name"}, "load tester", r.Workload.Name, flagger.LoadTesterSuffix)
		if name := r.loadTester(); len(name) <= layout.MaxLabel && len(validation.IsDNS1035Label(name)) > 0 {
			r.report(diag.BadName, schema.Path{"workload", "name"},
				fmt.Sprintf("the load tester's Service would be called %s, and a Service's name has lower-case letters, digits and '-' only, and begins with a letter", name),
				"use another name, or the fleet's public load tester")
		}
	}
	for _, rule := range []func(){
		r.checkAutoscaler, r.checkFlaggerVersion,
		r.checkIntervals, r.checkSteps, r.checkMaxWeight, r.checkThreshold, r.checkReadinessTimeout, r.checkChecks,
		r.checkMetrics, r.checkThresholds, r.checkQueries,
		r.checkWebhooks, r.checkCommands, r.checkWebhookTimeouts, r.checkAlerts,
		r.checkMatch,
	} {
		rule()
	}
	r.stack.check(r)
	r.checkPatches()
	r.checkPlan()
	r.checkSubstitution()
	r.noteReplicas()
	r.noteSecrets()
}

// checkAutoscaler says what of the autoscaler Flagger or Kubernetes would refuse.
func (r *rollout) checkAutoscaler() {
	a, ref := r.AutoscalerRef, r.autoscalerRef()
	if a == nil {
		return
	}
	at := schema.Path{"autoscalerRef"}
	if name := a.Name + primarySuffix; len(name) > validation.DNS1123SubdomainMaxLength {
		r.report(diag.NameTooLong, at.With("name"), fmt.Sprintf("the primary's %s would have a name of %d characters, Kubernetes takes %d", ref.Kind, len(name), validation.DNS1123SubdomainMaxLength), "use a shorter name")
	}
	if r.kind() == "DaemonSet" {
		r.report(diag.BadAutoscaler, at, "nothing scales a DaemonSet", "remove the field")
	}
	if a.APIVersion != "" && a.APIVersion != ref.APIVersion {
		r.report(diag.BadAutoscaler, at.With("apiVersion"), fmt.Sprintf("a %s is of %s, not of %s", ref.Kind, ref.APIVersion, a.APIVersion), "apiVersion: "+ref.APIVersion)
	}
	if len(a.PrimaryScalerQueries) > 0 && ref.Kind != scaledObject {
		r.report(diag.BadAutoscaler, at.With("primaryScalerQueries"), "Flagger has queries for a ScaledObject only", "remove the field")
	}
	if n := a.PrimaryScalerReplicas; n != nil && n.MinReplicas != nil && n.MaxReplicas != nil && *n.MinReplicas > *n.MaxReplicas {
		r.report(diag.BadAutoscaler, at.With("primaryScalerReplicas", "minReplicas"), fmt.Sprintf("no number of pods is at least %d and at most %d", *n.MinReplicas, *n.MaxReplicas), "give maxReplicas the larger of the two")
	}
}

// checkName checks that a name made from another fits into a label.
func (r *rollout) checkName(field schema.Path, what, name, suffix string) {
	if len(name+suffix) > layout.MaxLabel {
		r.report(diag.NameTooLong, field, fmt.Sprintf("the %s %s%s would have a name of %d characters, Kubernetes takes %d", what, name, suffix, len(name+suffix), layout.MaxLabel),
			fmt.Sprintf("use a name of at most %d characters", layout.MaxLabel-len(suffix)))
	}
}

func (r *rollout) analysis() *api.TrafficAnalysis {
	if a := r.RolloutPolicy.TrafficAnalysis; a != nil {
		return a
	}
	return &api.TrafficAnalysis{}
}

// routing is how the traffic moves, empty where nothing is said.
func (r *rollout) routing() api.TrafficRouting {
	if t := r.RolloutPolicy.TrafficRouting; t != nil {
		return *t
	}
	return api.TrafficRouting{}
}

func (r *rollout) commands() []string {
	if w := r.analysis().Webhooks; w != nil {
		return w.Command
	}
	return nil
}

// loadTester is the name of the load tester that is made for the rollout alone.
func (r *rollout) loadTester() string { return r.Workload.Name + flagger.LoadTesterSuffix }

// loadTesterURL is where the rollout's webhooks go.
func (r *rollout) loadTesterURL() string {
	if r.TestLoader {
		return "http://" + r.loadTester() + "." + r.namespace + "/"
	}
	return publicLoadTesterURL
}

// objects are everything in rollouts/ that is the rollout's, made once for all
// clusters that get it.
func (r *rollout) objects() []manifest.Rendered {
	if r.rendered == nil {
		metrics, templates := r.metrics()
		all := append([]manifest.Rendered{r.canary(metrics)}, templates...)
		if r.TestLoader {
			all = append(all, r.loadTesterObjects()...)
		}
		r.rendered = r.patch(append(all, r.stack.rolloutObjects(r)...))
	}
	return r.rendered
}

// makes are the objects that Flagger makes for the rollout (fluxcd/flagger
// pkg/router/kubernetes_default.go, pkg/canary).
func (r *rollout) makes() (made []object) {
	all := []manifest.Identity{{Group: "apps", Kind: r.kind(), Namespace: r.namespace, Name: r.Workload.Name + primarySuffix}}
	for _, suffix := range []string{"", canarySuffix, primarySuffix} {
		all = append(all, manifest.Identity{Group: "", Kind: "Service", Namespace: r.namespace, Name: r.ServiceName + suffix})
	}
	if a := r.autoscalerRef(); a != nil {
		group, _, _ := strings.Cut(a.APIVersion, "/")
		all = append(all, manifest.Identity{Group: group, Kind: a.Kind, Namespace: r.namespace, Name: a.Name + primarySuffix})
	}
	for _, id := range append(all, r.stack.made(r)...) {
		made = append(made, object{id: id, origin: r.origin("serviceName"), maker: "Flagger"})
	}
	return made
}

// seconds is a number of seconds as Flagger reads a duration. Its CRD's pattern
// allows minutes and seconds only.
func seconds(n int32) string { return strconv.Itoa(int(n)) + "s" }

// or is what a pointer points to, or a default.
func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// noteReplicas notes that Flux would set replicas that Flagger has changed.
func (r *rollout) noteReplicas() {
	p := r.policy
	interval, field := api.Duration(""), "kustomization"
	switch {
	case p.Kustomization != nil:
		interval = p.Kustomization.Interval
		for _, patch := range p.Kustomization.Patches {
			if strings.Contains(patch.Patch, "replicas") {
				return
			}
		}
	case p.Helm != nil:
		interval, field = p.Helm.Interval, "helm"
	}
	if r.kind() == "Deployment" && interval != "" && !interval.IsNone() {
		r.c.Note(diag.ReplicasLeft, manifest.Origin{Doc: p.App.Doc, Path: p.Path.With(field, "interval")}, "")
	}
}

func replicasMessage(_ []string, others int) string {
	return "with every interval Flux would set the replicas in Git again, which Flagger scales, so a patch that leaves them out is added" + hereToo(others)
}
