package render

import (
	"cmp"
	"maps"
	"strconv"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema/api"
)

type canarySpec struct {
	Provider                string         `json:"provider"`
	MetricsServer           string         `json:"metricsServer,omitempty"`
	TargetRef               targetRef      `json:"targetRef"`
	AutoscalerRef           *autoscalerRef `json:"autoscalerRef,omitempty"`
	IngressRef              *targetRef     `json:"ingressRef,omitempty"`
	ProgressDeadlineSeconds int32          `json:"progressDeadlineSeconds"`
	Service                 canaryService  `json:"service"`
	SkipAnalysis            bool           `json:"skipAnalysis,omitempty"`
	RevertOnDeletion        bool           `json:"revertOnDeletion,omitempty"`
	Suspend                 bool           `json:"suspend,omitempty"`
	Analysis                canaryAnalysis `json:"analysis"`
}

type targetRef struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}

type autoscalerRef struct {
	APIVersion            string              `json:"apiVersion"`
	Kind                  string              `json:"kind"`
	Name                  string              `json:"name"`
	PrimaryScalerQueries  map[string]string   `json:"primaryScalerQueries,omitempty"`
	PrimaryScalerReplicas *api.ScalerReplicas `json:"primaryScalerReplicas,omitempty"`
}

type canaryService struct {
	Name          string           `json:"name"`
	Port          int32            `json:"port"`
	PortName      string           `json:"portName,omitempty"`
	TargetPort    *api.IntOrString `json:"targetPort,omitempty"`
	AppProtocol   string           `json:"appProtocol,omitempty"`
	PortDiscovery bool             `json:"portDiscovery,omitempty"`
	Timeout       string           `json:"timeout,omitempty"`
	Gateways      []string         `json:"gateways,omitempty"`
	Hosts         []string         `json:"hosts,omitempty"`
	Retries       *api.HTTPRetry   `json:"retries,omitempty"`
	Headers       *api.Headers     `json:"headers,omitempty"`
	CorsPolicy    *api.CorsPolicy  `json:"corsPolicy,omitempty"`
	Apex          *serviceMetadata `json:"apex,omitempty"`
	Canary        *serviceMetadata `json:"canary,omitempty"`
	Primary       *serviceMetadata `json:"primary,omitempty"`
}

type serviceMetadata struct {
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type canaryAnalysis struct {
	Interval              string           `json:"interval"`
	Threshold             int32            `json:"threshold"`
	Iterations            int32            `json:"iterations,omitempty"`
	MaxWeight             int32            `json:"maxWeight,omitempty"`
	StepWeight            int32            `json:"stepWeight,omitempty"`
	StepWeights           []int32          `json:"stepWeights,omitempty"`
	StepWeightPromotion   int32            `json:"stepWeightPromotion,omitempty"`
	PrimaryReadyThreshold *int32           `json:"primaryReadyThreshold,omitempty"`
	CanaryReadyThreshold  *int32           `json:"canaryReadyThreshold,omitempty"`
	Match                 []canaryMatch    `json:"match,omitempty"`
	SessionAffinity       *sessionAffinity `json:"sessionAffinity,omitempty"`
	Metrics               []canaryMetric   `json:"metrics,omitempty"`
	Alerts                []api.Alert      `json:"alerts,omitempty"`
	Webhooks              []canaryWebhook  `json:"webhooks,omitempty"`
}

type sessionAffinity struct {
	CookieName string `json:"cookieName"`
	MaxAge     int32  `json:"maxAge"`
}

type canaryMetric struct {
	Name              string                   `json:"name"`
	Interval          string                   `json:"interval"`
	ThresholdRange    api.ThresholdRange       `json:"thresholdRange"`
	TemplateRef       *api.NamespacedReference `json:"templateRef,omitempty"`
	TemplateVariables map[string]string        `json:"templateVariables,omitempty"`
}

type canaryWebhook struct {
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	URL        string            `json:"url"`
	Timeout    string            `json:"timeout,omitempty"`
	Retries    int32             `json:"retries,omitempty"`
	MuteAlert  bool              `json:"muteAlert,omitempty"`
	DisableTLS bool              `json:"disableTLS,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
}

// canary is the rollout as Flagger reads it, named after the workload.
func (r *rollout) canary(metrics []canaryMetric) manifest.Rendered {
	policy := r.RolloutPolicy
	m := &manifest.Object{
		APIVersion: manifest.FlaggerV1beta1, Kind: "Canary",
		Metadata: manifest.Metadata{Name: r.Workload.Name, Namespace: r.namespace},
	}
	spec := canarySpec{
		Provider:                r.TrafficRoutingProvider,
		MetricsServer:           r.MetricsServer,
		TargetRef:               targetRef{manifest.AppsV1, r.kind(), r.Workload.Name},
		AutoscalerRef:           r.autoscalerRef(),
		ProgressDeadlineSeconds: or(policy.RolloutTimeoutSeconds, defaultTimeoutSeconds),
		Service: canaryService{
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
	if t := r.routing().TimeoutSeconds; t > 0 {
		spec.Service.Timeout = seconds(t)
	}
	r.stack.route(r, m, &spec)
	m.Spec = spec
	return manifest.Rendered{Object: m, Origin: r.origin("workload", "name")}
}

// The API versions of what scales workloads.
const (
	autoscalingV2 = "autoscaling/v2"
	kedaV1alpha1  = "keda.sh/v1alpha1"
	scaledObject  = "ScaledObject"
)

func (r *rollout) autoscalerRef() *autoscalerRef {
	a := r.AutoscalerRef
	if a == nil {
		return nil
	}
	kind, version := cmp.Or(a.Kind, "HorizontalPodAutoscaler"), autoscalingV2
	if kind == scaledObject {
		version = kedaV1alpha1
	}
	return &autoscalerRef{version, kind, a.Name, a.PrimaryScalerQueries, a.PrimaryScalerReplicas}
}

func (r *rollout) canaryAnalysis(metrics []canaryMetric) canaryAnalysis {
	analysis := r.analysis()
	a := canaryAnalysis{
		Interval:  seconds(or(analysis.CheckIntervalSeconds, defaultIntervalSeconds)),
		Threshold: max(or(analysis.CheckFailedTimes, defaultThreshold), 1),
		Metrics:   metrics,
		Webhooks:  r.webhooks(),
		Alerts:    r.alerts(),

		PrimaryReadyThreshold: analysis.PrimaryReadyThreshold,
		CanaryReadyThreshold:  analysis.CanaryReadyThreshold,
	}
	if s := analysis.SessionAffinity; s != nil {
		a.SessionAffinity = &sessionAffinity{s.CookieName, s.MaxAge}
		if s.MaxAge == 0 {
			a.SessionAffinity.MaxAge = defaultCookieSeconds
		}
	}
	routing := r.routing()
	a.Match = newCanaryMatches(routing.Match)
	switch strategy := routing.CanaryStrategy; {
	case strategy != nil && len(strategy.StepWeights) > 0:
		// Flagger ignores maxWeight beside stepWeights (scheduler.go, maxWeight).
		a.StepWeights = strategy.StepWeights
		a.StepWeightPromotion = strategy.StepWeightPromotion
	case strategy != nil:
		a.StepWeight = strategy.StepWeight
		a.MaxWeight = strategy.MaxWeight
		if a.MaxWeight == 0 {
			a.MaxWeight = defaultMaxWeight
		}
		a.StepWeightPromotion = strategy.StepWeightPromotion
	default:
		// Where the analysis is skipped there may be no strategy, but the CRD
		// wants one.
		a.Iterations = max(routing.AnalysisTimes, 1)
	}
	return a
}

// webhooks are the rollout's own, and those that have the load tester run its
// commands with every check.
func (r *rollout) webhooks() []canaryWebhook {
	var all []canaryWebhook
	for _, w := range r.RolloutPolicy.Webhooks {
		all = append(all, canaryWebhook{
			Name: w.Name, Type: cmp.Or(w.Type, flagger.RolloutHook), URL: cmp.Or(w.URL, r.loadTesterURL()), Timeout: string(w.Timeout),
			Retries: w.Retries, MuteAlert: w.MuteAlert, DisableTLS: w.DisableTLS, Metadata: w.Metadata,
		})
	}
	for i, command := range r.commands() {
		all = append(all, canaryWebhook{
			Name:     "generated-testload-" + strconv.Itoa(i),
			Type:     flagger.RolloutHook,
			URL:      r.loadTesterURL(),
			Timeout:  seconds(or(r.analysis().Webhooks.TimeoutSeconds, defaultIntervalSeconds)),
			Metadata: map[string]string{"type": "cmd", "cmd": command},
		})
	}
	return all
}

func newServiceMetadata(m *api.ServiceMetadata) *serviceMetadata {
	if m == nil {
		return nil
	}
	return &serviceMetadata{manifest.TextOf(m.Labels), maps.Clone(m.Annotations)}
}

// with adds annotations, which those that are there override.
func (m *serviceMetadata) with(annotations map[string]string) *serviceMetadata {
	merged := maps.Clone(annotations)
	if m == nil {
		return &serviceMetadata{Annotations: merged}
	}
	maps.Copy(merged, m.Annotations)
	return &serviceMetadata{m.Labels, merged}
}
