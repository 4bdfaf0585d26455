package schema

import "github.com/fluxcd/pkg/apis/kustomize"

// Rollout brings new versions of one workload step by step.
type Rollout struct {
	// TestLoader installs a load tester beside the workload. Without it the
	// fleet's public one is used.
	// +optional
	TestLoader bool `json:"testLoader,omitempty"`

	// TrafficRoutingProvider moves the traffic. The fleet installs kuma and nginx;
	// istio must be on the clusters.
	// +required
	// +kubebuilder:validation:Enum=istio;kuma;nginx
	TrafficRoutingProvider string `json:"trafficRoutingProvider"`

	// Workload is what is rolled out.
	// +required
	Workload Workload `json:"workload"`

	// ServiceName is the name of the workload's Service. Flagger takes it over
	// and adds <serviceName>-primary and <serviceName>-canary.
	// +required
	// +fleetwright:format=dns-1035-label
	ServiceName string `json:"serviceName"`

	// Port of the Service.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`

	// TargetPort is the container's port, by number or name. Without it Flagger
	// uses the Service's port for both.
	// +optional
	// +fleetwright:extension
	TargetPort *IntOrString `json:"targetPort,omitempty"`

	// PortName is the name of the Service's port.
	// +optional
	// +fleetwright:extension
	// +fleetwright:format=port-name
	// +kubebuilder:default=http
	PortName string `json:"portName,omitempty"`

	// PortDiscovery adds the container's other ports to the Services. Their
	// traffic is not split by kuma and nginx.
	// +optional
	// +fleetwright:extension
	PortDiscovery bool `json:"portDiscovery,omitempty"`

	// AppProtocol of the Service's port. On kuma it goes before protocol, on istio
	// tcp makes a route of layer 4.
	// +optional
	// +fleetwright:extension
	// +fleetwright:example=http
	AppProtocol string `json:"appProtocol,omitempty"`

	// MeshName is the Mesh that the workload is in, one among the inputs. For
	// kuma.
	// +optional
	// +fleetwright:extension
	// +fleetwright:format=dns-label
	// +kubebuilder:default=default
	MeshName string `json:"meshName,omitempty"`

	// AutoscalerRef is what scales the workload. Flagger makes another for the
	// primary and pauses this one between rollouts.
	// +optional
	// +fleetwright:extension
	AutoscalerRef *AutoscalerReference `json:"autoscalerRef,omitempty"`

	// MetricsServer is the URL of the Prometheus that answers Flagger's own
	// metrics of this rollout; without it, the fleet's.
	// +optional
	// +fleetwright:extension
	// +kubebuilder:validation:Pattern=^https?://.+$
	// +fleetwright:example=http://prometheus.monitoring:9090
	MetricsServer string `json:"metricsServer,omitempty"`

	// Primary is added to the Service of the stable version.
	// +optional
	Primary *ServiceMetadata `json:"primary,omitempty"`

	// Preview is added to the Service of the new version.
	// +optional
	Preview *ServiceMetadata `json:"preview,omitempty"`

	// RolloutPolicy says how the traffic moves and what is measured.
	// +required
	RolloutPolicy RolloutPolicy `json:"rolloutPolicy"`

	// Patches of the objects that are rendered for this rollout: its Canary,
	// MetricTemplates, load tester and Ingress. Strategic merge and JSON patches
	// as kustomize takes them; what they make must still be what the cluster
	// takes.
	// +optional
	// +fleetwright:extension
	Patches []kustomize.Patch `json:"patches,omitempty"`
}

// AutoscalerReference names what scales a workload.
type AutoscalerReference struct {
	// APIVersion of the autoscaler: autoscaling/v2, or keda.sh/v1alpha1 for a
	// ScaledObject.
	// +optional
	// +kubebuilder:validation:Enum=autoscaling/v2;keda.sh/v1alpha1
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the autoscaler.
	// +optional
	// +kubebuilder:validation:Enum=HorizontalPodAutoscaler;ScaledObject
	// +kubebuilder:default=HorizontalPodAutoscaler
	Kind string `json:"kind,omitempty"`

	// Name of the autoscaler, in the workload's namespace.
	// +required
	// +fleetwright:format=dns-subdomain
	Name string `json:"name"`

	// PrimaryScalerQueries are the queries of the primary's ScaledObject, by the
	// name of the trigger.
	// +optional
	PrimaryScalerQueries map[string]string `json:"primaryScalerQueries,omitempty"`

	// PrimaryScalerReplicas are the primary's own bounds.
	// +optional
	PrimaryScalerReplicas *ScalerReplicas `json:"primaryScalerReplicas,omitempty"`
}

// ScalerReplicas are the bounds of an autoscaler.
type ScalerReplicas struct {
	// MinReplicas is the least number of pods.
	// +optional
	// +kubebuilder:validation:Minimum=1
	MinReplicas *int32 `json:"minReplicas,omitempty"`

	// MaxReplicas is the largest number of pods.
	// +optional
	// +kubebuilder:validation:Minimum=1
	MaxReplicas *int32 `json:"maxReplicas,omitempty"`
}

// Workload is what is rolled out.
type Workload struct {
	// APIVersion of the workload.
	// +optional
	// +kubebuilder:validation:Enum=apps/v1
	// +kubebuilder:default=apps/v1
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the workload.
	// +optional
	// +kubebuilder:validation:Enum=Deployment;DaemonSet
	// +kubebuilder:default=Deployment
	Kind string `json:"kind,omitempty"`

	// Name of the workload.
	// +required
	// +fleetwright:format=dns-subdomain
	Name string `json:"name"`

	// Namespace of the workload.
	// +optional
	// +kubebuilder:default=default
	// +fleetwright:format=dns-label
	Namespace string `json:"namespace,omitempty"`
}

// ServiceMetadata is added to a Service that Flagger makes.
type ServiceMetadata struct {
	// Labels to add.
	// +optional
	Labels map[string]LabelValue `json:"labels,omitempty"`

	// Annotations to add.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// RolloutPolicy says how the traffic moves and what is measured.
type RolloutPolicy struct {
	// TrafficRouting says how the traffic moves.
	// +optional
	TrafficRouting *TrafficRouting `json:"trafficRouting,omitempty"`

	// TrafficAnalysis says what is measured meanwhile.
	// +optional
	TrafficAnalysis *TrafficAnalysis `json:"trafficAnalysis,omitempty"`

	// RolloutTimeoutSeconds is how long, in seconds, the new version may take to
	// become ready before the rollout fails.
	// +optional
	// +kubebuilder:default=600
	// +kubebuilder:validation:Minimum=1
	RolloutTimeoutSeconds *int32 `json:"rolloutTimeoutSeconds,omitempty"`

	// SkipTrafficAnalysis promotes a new version at once.
	// +optional
	SkipTrafficAnalysis bool `json:"skipTrafficAnalysis,omitempty"`

	// RevertOnDeletion gives the workload its replicas and its Service back when
	// the rollout is removed.
	// +optional
	RevertOnDeletion bool `json:"revertOnDeletion,omitempty"`

	// Suspend stops all rollouts of the workload.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// Webhooks are called at points of the rollout: gates, tests and load. Those
	// of trafficAnalysis come after them.
	// +optional
	// +fleetwright:extension
	Webhooks []Webhook `json:"webhooks,omitempty"`

	// Alerts are sent when the rollout begins, fails and ends.
	// +optional
	// +fleetwright:extension
	Alerts []Alert `json:"alerts,omitempty"`
}

// Webhook is called at a point of a rollout (fluxcd/flagger
// docs/gitbook/usage/webhooks.md). It passes with a status of 200 to 202.
type Webhook struct {
	// Name of the webhook, in events and alerts.
	// +required
	Name string `json:"name"`

	// Type is when it is called. confirm-rollout: before the new version is
	// started, until it passes. pre-rollout: before it gets traffic. rollout: with
	// every check. confirm-traffic-increase: before each step. confirm-promotion:
	// before it is promoted, until it passes. post-rollout: after the rollout, or
	// its failure. rollback: with every check, and the rollout is undone where it
	// passes. event: with every event.
	// +optional
	// +kubebuilder:validation:Enum=pre-rollout;rollout;confirm-rollout;confirm-traffic-increase;confirm-promotion;post-rollout;rollback;event
	// +kubebuilder:default=rollout
	Type string `json:"type,omitempty"`

	// URL that is called; without it, that of the rollout's load tester.
	// +optional
	// +kubebuilder:validation:Pattern=^https?://.+$
	// +fleetwright:example=http://flagger-loadtester.flagger-loadtester/gate/check
	URL string `json:"url,omitempty"`

	// Timeout of the call.
	// +optional
	// +kubebuilder:default=10s
	Timeout FlaggerDuration `json:"timeout,omitempty"`

	// Retries after a failed call.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Retries int32 `json:"retries,omitempty"`

	// Metadata that is sent along. A load tester reads type and cmd.
	// +optional
	Metadata map[string]string `json:"metadata,omitempty"`

	// MuteAlert sends no alert when the webhook fails.
	// +optional
	MuteAlert bool `json:"muteAlert,omitempty"`

	// DisableTLS trusts any certificate of the URL.
	// +optional
	DisableTLS bool `json:"disableTLS,omitempty"`
}

// Alert is where a rollout's alerts are sent.
type Alert struct {
	// Name of the alert.
	// +required
	Name string `json:"name"`

	// Severity is the least that is sent: info is everything, warn is failures and
	// what waits, error is failures. Flagger sends nothing without one, so it is
	// written out.
	// +optional
	// +kubebuilder:validation:Enum=info;warn;error
	// +kubebuilder:default=info
	Severity string `json:"severity,omitempty"`

	// ProviderRef names the AlertProvider; without a namespace, one in that of the
	// workload.
	// +required
	ProviderRef NamespacedReference `json:"providerRef"`
}

// TrafficRouting says how the traffic moves: by weight with canaryStrategy, or
// all at once after analysisTimes good checks.
type TrafficRouting struct {
	// TimeoutSeconds of a request, in seconds. 0 is no timeout.
	// +optional
	// +kubebuilder:validation:Minimum=0
	TimeoutSeconds int32 `json:"timeoutSeconds,omitempty"`

	// Gateways of the VirtualService. For istio.
	// +optional
	Gateways []string `json:"gateways,omitempty"`

	// Hosts of the VirtualService. For istio.
	// +optional
	Hosts []string `json:"hosts,omitempty"`

	// Retries of a request. For istio.
	// +optional
	Retries *HTTPRetry `json:"retries,omitempty"`

	// Headers to set, add or remove. For istio.
	// +optional
	Headers *Headers `json:"headers,omitempty"`

	// CorsPolicy of the VirtualService. For istio.
	// +optional
	CorsPolicy *CorsPolicy `json:"corsPolicy,omitempty"`

	// Host of the Ingress. For nginx.
	// +optional
	Host string `json:"host,omitempty"`

	// Protocol that the Service speaks. For kuma: only with http, http2 or grpc
	// are requests counted.
	// +optional
	// +kubebuilder:validation:Enum=http;http2;grpc;tcp;kafka
	// +kubebuilder:default=http
	Protocol string `json:"protocol,omitempty"`

	// CanaryStrategy moves the traffic by weight.
	// +optional
	CanaryStrategy *CanaryStrategy `json:"canaryStrategy,omitempty"`

	// AnalysisTimes is the number of good checks after which all traffic moves
	// at once: blue/green, or A/B testing with match.
	// +optional
	// +kubebuilder:validation:Minimum=0
	AnalysisTimes int32 `json:"analysisTimes,omitempty"`

	// Match says which requests go to the new version in A/B testing. For istio
	// and nginx.
	// +optional
	Match []HTTPMatch `json:"match,omitempty"`
}

// CanaryStrategy moves the traffic by weight.
type CanaryStrategy struct {
	// MaxWeight is the largest share of traffic, in percent, that the new
	// version gets before it is promoted. Flagger ignores it beside stepWeights.
	// +optional
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	MaxWeight int32 `json:"maxWeight,omitempty"`

	// StepWeight is how much traffic, in percent, each good check adds.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	StepWeight int32 `json:"stepWeight,omitempty"`

	// StepWeights are the shares of traffic, in percent, one after the other.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	StepWeights []int32 `json:"stepWeights,omitempty"`

	// StepWeightPromotion is how much traffic, in percent, goes back to the
	// primary with each step of the promotion. 0 is all at once.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	StepWeightPromotion int32 `json:"stepWeightPromotion,omitempty"`
}

// TrafficAnalysis says what is measured while the traffic moves.
type TrafficAnalysis struct {
	// CheckIntervalSeconds is the time, in seconds, from one check to the next.
	// +optional
	// +kubebuilder:default=60
	// +kubebuilder:validation:Minimum=1
	CheckIntervalSeconds *int32 `json:"checkIntervalSeconds,omitempty"`

	// CheckFailedTimes is how many failed checks make the rollout fail. Flagger
	// takes 0 for 1.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	CheckFailedTimes *int32 `json:"checkFailedTimes,omitempty"`

	// Metrics that every check asks for.
	// +optional
	Metrics []Metric `json:"metrics,omitempty"`

	// Webhooks make load during the analysis.
	// +optional
	Webhooks *Webhooks `json:"webhooks,omitempty"`

	// SessionAffinity keeps a client on the version it met first. For istio.
	// +optional
	SessionAffinity *SessionAffinity `json:"sessionAffinity,omitempty"`

	// PrimaryReadyThreshold is how many of the primary's pods, in percent, must be
	// ready.
	// +optional
	// +fleetwright:extension
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	PrimaryReadyThreshold *int32 `json:"primaryReadyThreshold,omitempty"`

	// CanaryReadyThreshold is how many of the new version's pods, in percent, must
	// be ready.
	// +optional
	// +fleetwright:extension
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	CanaryReadyThreshold *int32 `json:"canaryReadyThreshold,omitempty"`
}

// Metric is a number that every check asks for.
type Metric struct {
	// Name of the metric: request-success-rate (percent), request-duration (the
	// 99th percentile in milliseconds), or a name of your own with customMetric.
	// +required
	// +fleetwright:format=dns-subdomain
	Name string `json:"name"`

	// IntervalSeconds is the window, in seconds, that a query looks back on.
	// +optional
	// +kubebuilder:default=60
	// +kubebuilder:validation:Minimum=1
	IntervalSeconds *int32 `json:"intervalSeconds,omitempty"`

	// ThresholdRange is where the value must be for the check to be good.
	// +optional
	ThresholdRange *ThresholdRange `json:"thresholdRange,omitempty"`

	// CustomMetric is the query behind a name of your own.
	// +optional
	CustomMetric *CustomMetric `json:"customMetric,omitempty"`
}

// ThresholdRange is where a value must be, both ends included.
type ThresholdRange struct {
	// Min is the smallest good value.
	// +optional
	Min *float64 `json:"min,omitempty"`

	// Max is the largest good value.
	// +optional
	Max *float64 `json:"max,omitempty"`
}

// CustomMetric is the spec of a Flagger MetricTemplate.
type CustomMetric struct {
	// Provider answers the query.
	// +required
	Provider MetricProvider `json:"provider"`

	// Query in the provider's language. Flagger fills in {{ name }},
	// {{ namespace }}, {{ target }}, {{ service }}, {{ ingress }}, {{ route }}
	// and {{ interval }}.
	// +required
	Query string `json:"query"`
}

// MetricProvider answers the queries of a MetricTemplate.
type MetricProvider struct {
	// Type of the provider.
	// +required
	// +kubebuilder:validation:Enum=prometheus;influxdb;datadog;externalmetrics;stackdriver;cloudwatch;newrelic;graphite;dynatrace;keptn;splunk
	Type string `json:"type"`

	// Address of the provider, a URL.
	// +optional
	Address string `json:"address,omitempty"`

	// Headers of the requests to the provider.
	// +optional
	Headers map[string][]string `json:"headers,omitempty"`

	// SecretRef names the Secret with the credentials, in the workload's
	// namespace.
	// +optional
	SecretRef *LocalReference `json:"secretRef,omitempty"`

	// Region of the provider.
	// +optional
	Region string `json:"region,omitempty"`

	// InsecureSkipVerify trusts any certificate of the provider.
	// +optional
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}

// Webhooks are commands that the load tester runs with every check.
type Webhooks struct {
	// TimeoutSeconds is how long, in seconds, Flagger waits for the load tester
	// to answer.
	// +optional
	// +kubebuilder:default=60
	// +kubebuilder:validation:Minimum=1
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty"`

	// Command is the list of commands.
	// +optional
	// +fleetwright:example=hey -z 1m -q 10 -c 2 http://backend-canary.webapp:9898/
	Command []string `json:"command,omitempty"`
}

// SessionAffinity keeps a client on the version it met first.
type SessionAffinity struct {
	// CookieName is the name of the cookie. A Canary needs one.
	// +required
	// +fleetwright:example=flagger-cookie
	CookieName string `json:"cookieName"`

	// MaxAge of the cookie, in seconds.
	// +optional
	// +kubebuilder:default=86400
	// +kubebuilder:validation:Minimum=0
	MaxAge int32 `json:"maxAge,omitempty"`
}
