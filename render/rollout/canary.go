package rollout

import (
	"cmp"
	"maps"
	"strconv"

	"k8s.io/utils/ptr"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/schema/api"
)

// canary returns the Canary of the rollout, named after the workload.
func (r *Rollout) canary(metrics []flagger.Metric) manifest.Rendered {
	policy := r.RolloutPolicy
	m := &manifest.Object{
		APIVersion: manifest.FlaggerV1beta1, Kind: "Canary",
		Metadata: manifest.Metadata{Name: r.Workload.Name, Namespace: r.Namespace},
	}
	spec := flagger.Canary{
		Provider:                r.Provider(),
		MetricsServer:           r.MetricsServer,
		TargetRef:               flagger.ObjectReference{APIVersion: manifest.AppsV1, Kind: r.kind(), Name: r.Workload.Name},
		AutoscalerRef:           r.autoscalerRef(),
		ProgressDeadlineSeconds: new(ptr.Deref(policy.RolloutTimeoutSeconds, defaultTimeoutSeconds)),
		Service: flagger.Service{
			Name: r.ServiceName, Port: r.Port, PortName: r.PortName, TargetPort: r.TargetPort,
			AppProtocol: r.AppProtocol, PortDiscovery: r.PortDiscovery,
			Canary:  newServiceMetadata(r.Preview),
			Primary: newServiceMetadata(r.Primary),
		},
		SkipAnalysis:     policy.SkipTrafficAnalysis,
		RevertOnDeletion: policy.RevertOnDeletion,
		Suspend:          policy.Suspend,
		Analysis:         r.canaryAnalysis(metrics),
	}
	if t := r.Routing().TimeoutSeconds; t > 0 {
		spec.Service.Timeout = Seconds(t)
	}
	r.On.Route(r, m, &spec)
	if expected := annotationsOf(policy.ExpectedTraffic); len(expected) > 0 {
		maps.Copy(expected, m.Metadata.Annotations)
		m.Metadata.Annotations = expected
	}
	m.Spec = spec
	return manifest.Rendered{Object: m, Origin: r.Origin("workload", "name")}
}

// annotationsOf returns annotations with the expected traffic, for reviewers and for tools that check only the
// Canary.
func annotationsOf(e *api.ExpectedTraffic) map[string]string {
	annotations := map[string]string{}
	if e == nil {
		return nil
	}
	if e.RequestsPerSecond > 0 {
		annotations[rules.RequestsAnnotation] = strconv.FormatFloat(e.RequestsPerSecond, 'f', -1, 64)
	}
	if e.Matching != "" {
		annotations[rules.MatchingAnnotation] = e.Matching
	}
	if e.ErrorRate != "" {
		annotations[rules.ErrorRateAnnotation] = e.ErrorRate
	}
	return annotations
}

func (r *Rollout) autoscalerRef() *flagger.Autoscaler {
	a := r.AutoscalerRef
	if a == nil {
		return nil
	}
	kind, version := cmp.Or(a.Kind, "HorizontalPodAutoscaler"), "autoscaling/v2"
	if kind == rules.ScaledObject {
		version = "keda.sh/v1alpha1"
	}
	return &flagger.Autoscaler{
		ObjectReference:      flagger.ObjectReference{APIVersion: version, Kind: kind, Name: a.Name},
		PrimaryScalerQueries: a.PrimaryScalerQueries, PrimaryScalerReplicas: a.PrimaryScalerReplicas,
	}
}

func (r *Rollout) canaryAnalysis(metrics []flagger.Metric) flagger.Analysis {
	analysis := r.analysis()
	a := flagger.Analysis{
		Interval:  Seconds(ptr.Deref(analysis.CheckIntervalSeconds, defaultIntervalSeconds)),
		Threshold: int(max(ptr.Deref(analysis.CheckFailedTimes, defaultThreshold), 1)),
		Mirror:    analysis.Mirror,
		Metrics:   metrics,
		Webhooks:  r.webhooks(),
		Alerts:    r.alerts(),

		PrimaryReadyThreshold: analysis.PrimaryReadyThreshold,
		CanaryReadyThreshold:  analysis.CanaryReadyThreshold,
	}
	if s := analysis.SessionAffinity; s != nil {
		a.SessionAffinity = &flagger.SessionAffinity{
			CookieName: s.CookieName, MaxAge: cmp.Or(s.MaxAge, defaultCookieSeconds), Domain: s.Domain, HTTPOnly: s.HTTPOnly,
			Partitioned: s.Partitioned, Path: s.Path, SameSite: s.SameSite, Secure: s.Secure,
		}
	}
	routing := r.Routing()
	for _, m := range routing.Match {
		a.Match = append(a.Match, flagger.Match{Headers: m.Headers, QueryParams: m.QueryParams, SourceLabels: m.SourceLabels})
	}
	strategy := routing.CanaryStrategy
	if strategy == nil {
		// An Application without an analysis may have no strategy, but the CRD requires one.
		a.Iterations = int(max(routing.AnalysisTimes, 1))
		return a
	}
	a.StepWeightPromotion = int(strategy.StepWeightPromotion)
	for _, w := range strategy.StepWeights {
		a.StepWeights = append(a.StepWeights, int(w))
	}
	if len(a.StepWeights) == 0 { // Flagger ignores maxWeight next to them (scheduler.go, maxWeight)
		a.StepWeight = int(strategy.StepWeight)
		a.MaxWeight = cmp.Or(int(strategy.MaxWeight), defaultMaxWeight)
	}
	return a
}

// webhooks returns the rollout's own webhooks, and those that make the load tester run its commands in every
// check.
func (r *Rollout) webhooks() []flagger.Webhook {
	var all []flagger.Webhook
	for _, w := range r.RolloutPolicy.Webhooks {
		all = append(all, flagger.Webhook{
			Name: w.Name, Type: cmp.Or(w.Type, flagger.RolloutHook), URL: cmp.Or(w.URL, r.loadTesterURL()), Timeout: string(w.Timeout),
			Retries: w.Retries, MuteAlert: w.MuteAlert, DisableTLS: w.DisableTLS, Metadata: w.Metadata,
		})
	}
	for i, command := range r.commands() {
		all = append(all, flagger.Webhook{
			Name:     "generated-testload-" + strconv.Itoa(i),
			Type:     flagger.RolloutHook,
			URL:      r.loadTesterURL(),
			Timeout:  Seconds(ptr.Deref(r.analysis().Webhooks.TimeoutSeconds, defaultIntervalSeconds)),
			Metadata: map[string]string{"type": "cmd", "cmd": command},
		})
	}
	return all
}

func newServiceMetadata(m *api.ServiceMetadata) *flagger.Metadata {
	if m == nil {
		return nil
	}
	return &flagger.Metadata{Labels: manifest.TextOf(m.Labels), Annotations: maps.Clone(m.Annotations)}
}

// WithAnnotations returns metadata with further annotations. Existing annotations override them.
func WithAnnotations(m *flagger.Metadata, annotations map[string]string) *flagger.Metadata {
	merged := &flagger.Metadata{Annotations: maps.Clone(annotations)}
	if m != nil {
		merged.Labels = m.Labels
		maps.Copy(merged.Annotations, m.Annotations)
	}
	return merged
}
