// Package rollout creates the objects of rollouts: the Canary, its MetricTemplates and its load tester, with
// patches applied. It runs the rules on them, and finds the origin of each of their fields in the input.
package rollout

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A Compilation holds the shared state of a run: the documents, the settings and the report.
type Compilation struct {
	*report.Report
	*place.Input
	Settings settings.Settings
}

// A Rollout is the rollout of a policy, with the installation of its clusters.
type Rollout struct {
	*api.Rollout
	c *Compilation
	// Policies holds the variants of the policy with this rollout, and Policy the first of them.
	Policy   *place.Policy
	Policies []*place.Policy
	On       On
	// Namespace is the namespace of the workload.
	Namespace string
	// Made holds the objects that Flagger creates when it runs the rollout. Two rollouts with a common object
	// would overwrite each other's.
	Made []manifest.Identity
	// rendered holds the rollout's own objects, nil until they are needed.
	rendered []manifest.Rendered
	// steps holds the states of each object, after each patch.
	steps map[manifest.Identity][]patchStep
	// Judged is the rollout for the rules.
	Judged *rules.Rollout
	// reported holds the fields with a diagnostic, and about the policies to which diagnostics apply at present.
	reported []schema.Path
	about    []*place.Policy
}

// Kurator's defaults, as its API documents them (pkg/apis/apps/v1alpha1/types.go), and Flagger's if Kurator has
// none.
const (
	defaultTimeoutSeconds  = 600   // rolloutTimeoutSeconds
	defaultIntervalSeconds = 60    // checkIntervalSeconds, intervalSeconds and the webhooks' timeoutSeconds
	defaultMaxWeight       = 100   // maxWeight, in percent
	defaultCookieSeconds   = 86400 // maxAge of sessionAffinity
	// Flagger treats a threshold of 0 as 1 (pkg/apis/flagger/v1beta1/canary.go).
	defaultThreshold = 1
)

// New returns the rollout of variants of a policy on an installation. It reports a rollout that the installation
// cannot run, and returns nil for it.
func New(c *Compilation, policies []*place.Policy, in *Installation) *Rollout {
	p := policies[0]
	r := &Rollout{Rollout: p.Rollout, c: c, Policy: p, Policies: policies, Namespace: p.WorkloadNamespace(), about: policies}
	var ok bool
	if r.On, ok = in.on(r.Provider()); !ok {
		reportNotInstalled(r)
		return nil
	}
	r.On.Join(r)
	r.Judged = r.judge()
	r.Made = makes(r)
	return r
}

// Report reports a diagnostic about a field of the rollout, unless another mistake at the field may have caused
// it.
func (r *Rollout) Report(code diag.Code, field schema.Path, message, hint string) {
	if r.Policy.App.Doc.Unsure(r.at(field...)) {
		return
	}
	r.reported = append(r.reported, r.at(field...))
	r.add(code, r.at(field...), message, hint)
}

// add adds a diagnostic to the documents of the policies being checked.
func (r *Rollout) add(code diag.Code, at schema.Path, message, hint string) {
	for _, p := range r.about {
		r.c.Add(p.App.Doc.Diagnostic(code, at, message, hint))
	}
}

func (r *Rollout) at(field ...any) schema.Path {
	return r.Policy.Path.With("rollout").With(field...)
}

func (r *Rollout) Origin(field ...any) manifest.Origin {
	return manifest.Origin{Doc: r.Policy.App.Doc, Path: r.at(field...)}
}

// reportNotInstalled reports that the clusters lack a component that the rollout needs.
func reportNotInstalled(r *Rollout) {
	provider := r.TrafficRoutingProvider
	component := ComponentOf[r.Provider()]
	if component == "" && provider != flagger.Kubernetes {
		return // rejected by the schema
	}
	const at = "trafficRoutingProvider"
	f, rendered := r.Policy.Fleet, fmt.Sprintf("plugin: {flagger: {trafficRoutingProvider: %s}}", provider)
	needed := Example("flagger")
	if component != "" {
		needed += ", " + Example(component)
	}
	gateway, ask := "", ""
	if r.Provider() == flagger.GatewayAPI {
		gateway = "gateway: {}, "
		if f != nil && f.Spec.Plugin != nil && f.Spec.Plugin.Flagger != nil {
			ask = "gateway: {} in plugin.flagger to render it, or "
		}
	}
	installed := fmt.Sprintf("%sinstalled: {%s}", gateway, needed)
	inConfig := "plugin: {flagger: {" + installed + "}} in the spec of a RenderConfig"
	switch {
	case r.On.Installation != nil && r.On.FlaggerVersion != "":
		have, use := "no provider", ""
		if there := r.On.moving(); len(there) > 0 {
			have, use = strings.Join(there, " and "), ", or trafficRoutingProvider: "+strings.Join(there, " or ")
		}
		lacks := fmt.Sprintf("the clusters have no %s (%s has %s)", component, r.On.Position(), have)
		if gateway != "" {
			lacks = fmt.Sprintf("%s sets no gateway (it has %s)", r.On.Position(), have)
		}
		r.Report(diag.ProvidersDiffer, schema.Path{at},
			fmt.Sprintf("the rollout uses %s, but %s", provider, lacks),
			fmt.Sprintf("%s%sinstalled: {%s} in plugin.flagger if the clusters have it%s", ask, gateway, Example(component), use))
	case r.On.Installation != nil:
		r.Report(diag.NoFlagger, schema.Path{at}, fmt.Sprintf("nothing runs the rollout: %s lists no flagger under installed", r.On.Position()),
			Example("flagger")+" under installed")
	case f == nil && r.Policy.NamesFleet():
		// The fleet does not exist, which is reported elsewhere.
	case r.c.RenderConfig == nil && r.c.MayMiss("RenderConfig"):
		// It may list the installed components.
	case f == nil:
		r.Report(diag.NoFlagger, schema.Path{at}, fmt.Sprintf("nothing runs the rollout: the Application names no fleet, and no RenderConfig lists Flagger for cluster %s", place.HostCluster),
			fmt.Sprintf("if it has Flagger, %s; otherwise destination: {fleet: …}, and %s in that Fleet's spec", inConfig, rendered))
	default:
		r.Report(diag.NoFlagger, schema.Path{at}, fmt.Sprintf("nothing runs the rollout: the fleet at %s neither installs Flagger nor lists it under installed", f.Doc.Position("metadata", "name")),
			fmt.Sprintf("to install Flagger, write %s in the Fleet's spec; if the clusters have it, also write %s there under flagger, or write %s", rendered, installed, inConfig))
	}
}

// InRouting returns the path of a field of trafficRouting.
func InRouting(name string) schema.Path { return schema.Path{"rolloutPolicy", "trafficRouting", name} }

func (r *Rollout) kind() string { return cmp.Or(r.Workload.Kind, "Deployment") }

// For limits the diagnostics of a check to some of the rollout's policies.
func (r *Rollout) For(policies []*place.Policy, check func()) {
	reported := r.reported
	r.about = policies
	check()
	r.about, r.reported = r.Policies, reported
}

// Check reports problems of the rollout: first those not visible in its Canary, then those that the rules find
// in its objects and in the application's manifests, which may be nil.
func (r *Rollout) Check(manifests *source.Set) {
	if target := r.Policy.TargetNamespace(); target != "" && target != r.Namespace {
		r.Report(diag.WorkloadNamespace, schema.Path{"workload", "namespace"},
			fmt.Sprintf("workload.namespace is %s, but the policy's targetNamespace puts the workload into %s", r.Namespace, target), "namespace: "+target)
	}
	checkAutoscalerVersion(r)
	checkMaxWeightIgnored(r)
	checkZeroThreshold(r)
	checkTesterAccount(r)
	checkPatches(r)
	r.Judged.Manifests = manifests
	for _, f := range rules.Check(r.Judged) {
		r.ReportFinding(f)
	}
	notePlan(r)
	checkSubstitution(r)
	noteReplicas(r)
	noteConfig(r)
	noteSecrets(r)
}

// checkAutoscalerVersion reports an apiVersion that does not match the autoscaler's kind. The Canary always has
// the right one.
func checkAutoscalerVersion(r *Rollout) {
	if a, ref := r.AutoscalerRef, r.autoscalerRef(); a != nil && a.APIVersion != "" && a.APIVersion != ref.APIVersion {
		r.Report(diag.BadAutoscaler, schema.Path{"autoscalerRef", "apiVersion"}, fmt.Sprintf("the apiVersion of a %s is %s, not %s", ref.Kind, ref.APIVersion, a.APIVersion), "apiVersion: "+ref.APIVersion)
	}
}

// checkMaxWeightIgnored reports a maxWeight next to stepWeights, which is not rendered.
func checkMaxWeightIgnored(r *Rollout) {
	if s := r.Routing().CanaryStrategy; s != nil && s.MaxWeight > 0 && len(s.StepWeights) > 0 {
		r.Report(diag.MaxWeightIgnored, InRouting("canaryStrategy").With("maxWeight"), "Flagger ignores maxWeight with stepWeights: the last step is the maximum", "remove the line")
	}
}

// checkZeroThreshold reports a threshold of 0. It is rendered as 0, but Flagger reads it as 1
// (pkg/apis/flagger/v1beta1/canary.go, GetAnalysisThreshold).
func checkZeroThreshold(r *Rollout) {
	if n := r.analysis().CheckFailedTimes; n != nil && *n == 0 {
		r.Report(diag.ZeroThreshold, inAnalysis("checkFailedTimes"), "Flagger treats 0 as 1: the first failed check rolls back the new version", "checkFailedTimes: 1 if you mean that, or more")
	}
}

// checkTesterAccount reports a ServiceAccount for a load tester that is not rendered.
func checkTesterAccount(r *Rollout) {
	if r.TestLoaderServiceAccountName != "" && !r.TestLoader {
		r.Report(diag.NoOwnTester, schema.Path{"testLoaderServiceAccountName"}, "without testLoader, the rollout has no load tester to run as this ServiceAccount", "testLoader: true")
	}
}

// checkSubstitution reports queries and commands that Flux might change by substitution.
func checkSubstitution(r *Rollout) {
	check := func(at schema.Path, text string) {
		if manifest.IsSubstituted([]byte(text)) {
			r.Report(diag.Substituted, at, "Flux's postBuild substitution would change ${…} and $$ here; an annotation that disables it for the object was added", "")
		}
	}
	for i, m := range r.analysis().Metrics {
		if m.CustomMetric != nil {
			check(inMetrics(i, "customMetric", "query"), m.CustomMetric.Query)
		}
	}
	for i, command := range r.commands() {
		check(inAnalysis("webhooks", "command", i), command)
	}
	for i, w := range r.RolloutPolicy.Webhooks {
		check(schema.Path{"rolloutPolicy", "webhooks", i, "metadata", "cmd"}, w.Metadata["cmd"])
	}
}

func (r *Rollout) analysis() *api.TrafficAnalysis {
	if a := r.RolloutPolicy.TrafficAnalysis; a != nil {
		return a
	}
	return &api.TrafficAnalysis{}
}

// Routing returns trafficRouting, which is empty if it is not set.
func (r *Rollout) Routing() api.TrafficRouting {
	if t := r.RolloutPolicy.TrafficRouting; t != nil {
		return *t
	}
	return api.TrafficRouting{}
}

func (r *Rollout) commands() []string {
	if w := r.analysis().Webhooks; w != nil {
		return w.Command
	}
	return nil
}

// loadTester returns the name of the rollout's own load tester.
func (r *Rollout) loadTester() string { return r.Workload.Name + flagger.LoadTesterSuffix }

// Service returns the metadata that the Service needs. Flagger sets it only on a Service that it creates, not on
// an existing one that it manages (fluxcd/flagger pkg/router/kubernetes_default.go, reconcileService).
func (r *Rollout) Service() flux.OwnService {
	own := flux.OwnService{Name: r.Judged.Service.Name}
	if apex := r.Judged.Service.Apex; apex != nil {
		own.Labels, own.Annotations = apex.Labels, apex.Annotations
	}
	return own
}

// loadTesterURL returns the default URL of the rollout's webhooks.
func (r *Rollout) loadTesterURL() string {
	if r.TestLoader {
		return "http://" + r.loadTester() + "." + r.Namespace + "/"
	}
	return r.On.testerURL()
}

// Objects returns the rollout's objects in rollouts/, created once for all its clusters.
func (r *Rollout) Objects() []manifest.Rendered {
	if r.rendered == nil {
		metrics, templates := r.metrics()
		all := append([]manifest.Rendered{r.canary(metrics)}, templates...)
		if r.TestLoader {
			all = append(all, r.loadTesterObjects()...)
		}
		all = append(all, r.On.RolloutObjects(r)...)
		if r.Policy.Sound {
			all = r.patch(all)
		}
		r.rendered = all
	}
	return r.rendered
}

// makes returns the objects that Flagger creates for the rollout (fluxcd/flagger
// pkg/router/kubernetes_default.go, pkg/canary).
func makes(r *Rollout) []manifest.Identity {
	all := []manifest.Identity{{Group: "apps", Kind: r.kind(), Namespace: r.Namespace, Name: r.Workload.Name + rules.PrimarySuffix}}
	for _, suffix := range []string{"", rules.CanarySuffix, rules.PrimarySuffix} {
		all = append(all, manifest.Identity{Group: "", Kind: "Service", Namespace: r.Namespace, Name: r.ServiceName + suffix})
	}
	if a := r.autoscalerRef(); a != nil {
		group, _, _ := strings.Cut(a.APIVersion, "/")
		all = append(all, manifest.Identity{Group: group, Kind: a.Kind, Namespace: r.Namespace, Name: a.Name + rules.PrimarySuffix})
	}
	return append(all, r.On.Made(r)...)
}

// Seconds returns a number of seconds as a duration for Flagger. The pattern of its CRD allows only minutes and
// seconds.
func Seconds(n int32) string { return strconv.Itoa(int(n)) + "s" }

// inAnalysis returns the path of a field of trafficAnalysis.
func inAnalysis(field ...any) schema.Path {
	return schema.Path{"rolloutPolicy", "trafficAnalysis"}.With(field...)
}
