// Package rollout makes the objects of rollouts: the Canary, its MetricTemplates and its load
// tester, as patches leave them. It has the rules judge them, and finds what in the input each
// of their fields comes from.
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

// A Compilation is what all parts of a run share: the documents, the settings, and where to report.
type Compilation struct {
	*report.Report
	*place.Input
	Settings settings.Settings
}

// A Rollout is that of a policy, with what its clusters have installed.
type Rollout struct {
	*api.Rollout
	c *Compilation
	// Policies are the variants of the policy that have the rollout, and Policy the first of them.
	Policy   *place.Policy
	Policies []*place.Policy
	On       On
	// Namespace of the workload.
	Namespace string
	// Made are the objects that Flagger makes when it runs the rollout. Two
	// rollouts that make the same one would overwrite each other's.
	Made []manifest.Identity
	// rendered are the rollout's own objects, nil before they are asked for.
	rendered []manifest.Rendered
	// steps are what patches have made of each of them, one after the other.
	steps map[manifest.Identity][]patchStep
	// Judged is the rollout as the rules read it.
	Judged *rules.Rollout
	// reported are the fields that something was reported about, and about the policies of which it was.
	reported []schema.Path
	about    []*place.Policy
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

// New makes the rollout of variants of a policy with what its clusters have installed. It reports a rollout
// that nothing runs, and returns nil for it.
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

// Report says something about a field of the rollout, unless that follows from what is wrong there.
func (r *Rollout) Report(code diag.Code, field schema.Path, message, hint string) {
	if r.Policy.App.Doc.Unsure(r.at(field...)) {
		return
	}
	r.reported = append(r.reported, r.at(field...))
	r.add(code, r.at(field...), message, hint)
}

// add adds a diagnostic about a value in the documents of the policies that are checked.
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

// reportNotInstalled reports that the clusters have nothing that runs the rollout.
func reportNotInstalled(r *Rollout) {
	provider := r.TrafficRoutingProvider
	component := ComponentOf[r.Provider()]
	if component == "" && provider != flagger.Kubernetes {
		return // which the schema has refused
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
			ask = "gateway: {} in plugin.flagger to have it rendered, or "
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
		lacks := fmt.Sprintf("the clusters have no %s: %s has %s", component, r.On.Position(), have)
		if gateway != "" {
			lacks = fmt.Sprintf("%s sets no gateway: it has %s", r.On.Position(), have)
		}
		r.Report(diag.ProvidersDiffer, schema.Path{at},
			fmt.Sprintf("the rollout uses %s, and %s", provider, lacks),
			fmt.Sprintf("%s%sinstalled: {%s} in plugin.flagger if the clusters have it%s", ask, gateway, Example(component), use))
	case r.On.Installation != nil:
		r.Report(diag.NoFlagger, schema.Path{at}, fmt.Sprintf("nothing runs the rollout: %s names no flagger under installed", r.On.Position()),
			Example("flagger")+" under installed")
	case f == nil && r.Policy.NamesFleet():
		// The fleet does not exist, which is reported.
	case r.c.RenderConfig == nil && r.c.MayMiss("RenderConfig"):
		// It may say what the clusters have.
	case f == nil:
		r.Report(diag.NoFlagger, schema.Path{at}, fmt.Sprintf("nothing runs the rollout: the Application names no fleet, and no document says that the cluster %s has Flagger", place.HostCluster),
			fmt.Sprintf("if it has, %s; otherwise destination: {fleet: …}, and in that Fleet's spec %s", inConfig, rendered))
	default:
		r.Report(diag.NoFlagger, schema.Path{at}, fmt.Sprintf("nothing runs the rollout: the fleet at %s neither installs Flagger nor says that its clusters have it", f.Doc.Position("metadata", "name")),
			fmt.Sprintf("in the Fleet's spec %s to install it, or plugin: {flagger: {trafficRoutingProvider: %s, %s}} if the clusters have it, or %s", rendered, provider, installed, inConfig))
	}
}

// InRouting is a field of trafficRouting.
func InRouting(name string) schema.Path { return schema.Path{"rolloutPolicy", "trafficRouting", name} }

func (r *Rollout) kind() string { return cmp.Or(r.Workload.Kind, "Deployment") }

// For has what a check reports be about some of the rollout's policies.
func (r *Rollout) For(policies []*place.Policy, check func()) {
	reported := r.reported
	r.about = policies
	check()
	r.about, r.reported = r.Policies, reported
}

// Check reports what of the rollout would not work: first what its Canary cannot say, then
// what the rules find in its objects, and in those of the application's own, unless they are nil.
func (r *Rollout) Check(manifests *source.Set) {
	if target := r.Policy.TargetNamespace(); target != "" && target != r.Namespace {
		r.Report(diag.WorkloadNamespace, schema.Path{"workload", "namespace"},
			fmt.Sprintf("the workload is said to be in namespace %s, the policy's targetNamespace puts it into %s", r.Namespace, target), "namespace: "+target)
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

// checkAutoscalerVersion reports an apiVersion that is not that of the autoscaler's kind. The
// Canary always has the right one.
func checkAutoscalerVersion(r *Rollout) {
	if a, ref := r.AutoscalerRef, r.autoscalerRef(); a != nil && a.APIVersion != "" && a.APIVersion != ref.APIVersion {
		r.Report(diag.BadAutoscaler, schema.Path{"autoscalerRef", "apiVersion"}, fmt.Sprintf("a %s is of %s, not of %s", ref.Kind, ref.APIVersion, a.APIVersion), "apiVersion: "+ref.APIVersion)
	}
}

// checkMaxWeightIgnored reports a maxWeight beside stepWeights, which the Canary does not get.
func checkMaxWeightIgnored(r *Rollout) {
	if s := r.Routing().CanaryStrategy; s != nil && s.MaxWeight > 0 && len(s.StepWeights) > 0 {
		r.Report(diag.MaxWeightIgnored, InRouting("canaryStrategy").With("maxWeight"), "Flagger ignores maxWeight beside stepWeights: the last of them is the largest", "remove the line")
	}
}

// checkZeroThreshold reports a threshold of 0, which Flagger reads as 1, as it is rendered
// (pkg/apis/flagger/v1beta1/canary.go, GetAnalysisThreshold).
func checkZeroThreshold(r *Rollout) {
	if n := r.analysis().CheckFailedTimes; n != nil && *n == 0 {
		r.Report(diag.ZeroThreshold, inAnalysis("checkFailedTimes"), "Flagger takes 0 for 1: the first failed check undoes the rollout", "checkFailedTimes: 1 if that is meant, or more")
	}
}

// checkTesterAccount reports a ServiceAccount for a load tester that is not rendered.
func checkTesterAccount(r *Rollout) {
	if r.TestLoaderServiceAccountName != "" && !r.TestLoader {
		r.Report(diag.NoOwnTester, schema.Path{"testLoaderServiceAccountName"}, "the rollout has no load tester of its own that could run as the ServiceAccount", "testLoader: true")
	}
}

// checkSubstitution reports the queries and commands that Flux might change.
func checkSubstitution(r *Rollout) {
	check := func(at schema.Path, text string) {
		if manifest.IsSubstituted([]byte(text)) {
			r.Report(diag.Substituted, at, "a postBuild substitution of Flux would replace what begins with ${, and $$ by $, so the object is annotated to be left as it is", "")
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

// Routing is how the traffic moves, empty where nothing is said.
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

// LoadTester is the name of the load tester that is made for the rollout alone.
func (r *Rollout) loadTester() string { return r.Workload.Name + flagger.LoadTesterSuffix }

// Service is what Flagger would put on the Service that it takes over, and does only on one that
// it makes (fluxcd/flagger pkg/router/kubernetes_default.go, reconcileService).
func (r *Rollout) Service() flux.OwnService {
	own := flux.OwnService{Name: r.Judged.Service.Name}
	if apex := r.Judged.Service.Apex; apex != nil {
		own.Labels, own.Annotations = apex.Labels, apex.Annotations
	}
	return own
}

// loadTesterURL is where the rollout's webhooks go.
func (r *Rollout) loadTesterURL() string {
	if r.TestLoader {
		return "http://" + r.loadTester() + "." + r.Namespace + "/"
	}
	return r.On.testerURL()
}

// Objects are everything in rollouts/ that is the rollout's, made once for all clusters that get it.
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

// makes are the objects that Flagger makes for the rollout (fluxcd/flagger
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

// Seconds is a number of seconds as Flagger reads a duration. Its CRD's pattern
// allows minutes and seconds only.
func Seconds(n int32) string { return strconv.Itoa(int(n)) + "s" }

// inAnalysis is a field of trafficAnalysis.
func inAnalysis(field ...any) schema.Path {
	return schema.Path{"rolloutPolicy", "trafficAnalysis"}.With(field...)
}
