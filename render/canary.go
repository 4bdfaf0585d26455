package render

import (
	"maps"
	"strconv"

	"github.com/fleetwright/fleetwright/schema"
)

type canarySpec struct {
	Provider                string         `json:"provider"`
	TargetRef               targetRef      `json:"targetRef"`
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

type canaryService struct {
	Name       string              `json:"name"`
	Port       int32               `json:"port"`
	TargetPort *schema.IntOrString `json:"targetPort,omitempty"`
	Timeout    string              `json:"timeout,omitempty"`
	Apex       *serviceMetadata    `json:"apex,omitempty"`
	Canary     *serviceMetadata    `json:"canary,omitempty"`
	Primary    *serviceMetadata    `json:"primary,omitempty"`
}

type serviceMetadata struct {
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type canaryAnalysis struct {
	Interval            string          `json:"interval"`
	Threshold           int32           `json:"threshold"`
	Iterations          int32           `json:"iterations,omitempty"`
	MaxWeight           int32           `json:"maxWeight,omitempty"`
	StepWeight          int32           `json:"stepWeight,omitempty"`
	StepWeights         []int32         `json:"stepWeights,omitempty"`
	StepWeightPromotion int32           `json:"stepWeightPromotion,omitempty"`
	Metrics             []canaryMetric  `json:"metrics,omitempty"`
	Webhooks            []canaryWebhook `json:"webhooks,omitempty"`
}

type canaryMetric struct {
	Name           string                      `json:"name"`
	Interval       string                      `json:"interval"`
	ThresholdRange schema.ThresholdRange       `json:"thresholdRange"`
	TemplateRef    *schema.NamespacedReference `json:"templateRef,omitempty"`
}

type canaryWebhook struct {
	Name     string            `json:"name"`
	Type     string            `json:"type"`
	URL      string            `json:"url"`
	Timeout  string            `json:"timeout"`
	Metadata map[string]string `json:"metadata"`
}

// canary is the rollout as Flagger reads it, named after the workload.
func (r *rollout) canary(metrics []canaryMetric) rendered {
	policy := r.RolloutPolicy
	m := &manifest{
		APIVersion: flaggerV1beta1, Kind: "Canary",
		Metadata: metadata{Name: r.Workload.Name, Namespace: r.namespace},
	}
	service := canaryService{
		Name: r.ServiceName, Port: r.Port, TargetPort: r.TargetPort,
		Canary:  newServiceMetadata(r.Preview),
		Primary: newServiceMetadata(r.Primary),
	}
	if t := policy.TrafficRouting; t != nil && t.TimeoutSeconds > 0 {
		service.Timeout = seconds(t.TimeoutSeconds)
	}
	r.stack.route(r, m, &service)
	m.Spec = canarySpec{
		Provider:                r.TrafficRoutingProvider,
		TargetRef:               targetRef{appsV1, r.kind(), r.Workload.Name},
		ProgressDeadlineSeconds: or(policy.RolloutTimeoutSeconds, defaultTimeoutSeconds),
		Service:                 service,
		SkipAnalysis:            policy.SkipTrafficAnalysis,
		RevertOnDeletion:        policy.RevertOnDeletion,
		Suspend:                 policy.Suspend,
		Analysis:                r.canaryAnalysis(metrics),
	}
	return rendered{m, r.origin("workload", "name")}
}

func (r *rollout) canaryAnalysis(metrics []canaryMetric) canaryAnalysis {
	analysis := r.analysis()
	a := canaryAnalysis{
		Interval:  seconds(or(analysis.CheckIntervalSeconds, defaultIntervalSeconds)),
		Threshold: max(or(analysis.CheckFailedTimes, defaultThreshold), 1),
		Metrics:   metrics,
		Webhooks:  r.webhooks(),
	}
	var routing schema.TrafficRouting
	if t := r.RolloutPolicy.TrafficRouting; t != nil {
		routing = *t
	}
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

// webhooks have the load tester run the rollout's commands with every check.
func (r *rollout) webhooks() []canaryWebhook {
	var all []canaryWebhook
	for i, command := range r.commands() {
		all = append(all, canaryWebhook{
			Name:     "generated-testload-" + strconv.Itoa(i),
			Type:     "rollout",
			URL:      r.loadTesterURL(),
			Timeout:  seconds(or(r.analysis().Webhooks.TimeoutSeconds, defaultIntervalSeconds)),
			Metadata: map[string]string{"type": "cmd", "cmd": command},
		})
	}
	return all
}

func newServiceMetadata(m *schema.ServiceMetadata) *serviceMetadata {
	if m == nil {
		return nil
	}
	return &serviceMetadata{textOf(m.Labels), maps.Clone(m.Annotations)}
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
