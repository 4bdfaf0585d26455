package api

import (
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Rollout releases new versions of one workload step by step.
type Rollout struct {
	// TestLoader installs a load tester next to the workload. Without it, the rollout uses the one
	// that all rollouts of the cluster share.
	// +fleetwright:becomes=a load tester of this rollout; without it, the fleet's public one, or `installed.loadtester`
	TestLoader bool `json:"testLoader,omitempty"`

	// TestLoaderServiceAccountName is the ServiceAccount of the load tester, which its helm and
	// kubectl tasks need. The application's manifests must create it, with its rights.
	// +fleetwright:extension
	// +fleetwright:example=shop-testloader
	// +fleetwright:becomes=`spec.template.spec.serviceAccountName` of the load tester's Deployment
	TestLoaderServiceAccountName string `json:"testLoaderServiceAccountName,omitempty" format:"dns-subdomain"`

	// TrafficRoutingProvider moves the traffic. The fleet must install it, or declare it under installed.
	// gatewayapi and kubernetes are fleetwright extensions: any implementation of Gateway API, and
	// blue/green with Services only.
	// +fleetwright:becomes=`spec.provider` of the Canary, gatewayapi as `gatewayapi:v1`; the clusters must have it (FW207)
	TrafficRoutingProvider string `json:"trafficRoutingProvider" enum:"istio,kuma,nginx,gatewayapi,gatewayapi:v1,kubernetes"`

	// Workload is the workload that is rolled out.
	// +fleetwright:becomes=`spec.targetRef` of the Canary, and its name and namespace
	Workload Workload `json:"workload"`

	// ServiceName is the name of the workload's Service. Flagger takes it over
	// and adds <serviceName>-primary and <serviceName>-canary.
	// +fleetwright:becomes=`spec.service.name` of the Canary
	ServiceName string `json:"serviceName" pattern:"dns-1035-label" example:"backend"`

	// Port of the Service.
	// +fleetwright:becomes=`spec.service.port` of the Canary, and the protocol annotation on Kuma
	Port int32 `json:"port" min:"1" max:"65535" example:"80"`

	// TargetPort is the container's port, by number or name. Without it, Flagger
	// uses the Service's port for both.
	// +fleetwright:extension
	// +fleetwright:example=http
	// +fleetwright:becomes=`spec.service.targetPort` of the Canary, which Kurator asks the cluster for
	TargetPort *intstr.IntOrString `json:"targetPort,omitempty"`

	// PortName is the name of the Service's port.
	// +fleetwright:extension
	// +kubebuilder:default=http
	// +fleetwright:becomes=`spec.service.portName` of the Canary
	PortName string `json:"portName,omitempty" pattern:"port-name"`

	// PortDiscovery adds the container's other ports to the Services. Their
	// traffic is not split by kuma and nginx.
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.service.portDiscovery` of the Canary
	PortDiscovery bool `json:"portDiscovery,omitempty"`

	// AppProtocol of the Service's port. On Kuma it overrides protocol; on istio,
	// tcp creates a TCP route.
	// +fleetwright:extension
	// +fleetwright:example=http
	// +fleetwright:becomes=`spec.service.appProtocol` of the Canary; on gatewayapi with Kuma it defaults to protocol
	AppProtocol string `json:"appProtocol,omitempty" format:"qualified-name"`

	// MeshName is the workload's Mesh, which must be among the inputs. For kuma, and gatewayapi with Kuma.
	// +fleetwright:extension
	// +kubebuilder:default=default
	// +fleetwright:becomes=the annotation `kuma.io/mesh` of the Canary, and the mesh of its namespace; rejected without Kuma (FW701, FW711, FW731, FW750)
	MeshName string `json:"meshName,omitempty" pattern:"dns-label"`

	// AutoscalerRef is the autoscaler of the workload. Flagger creates another one
	// for the primary, and pauses this one between rollouts.
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.autoscalerRef` of the Canary
	AutoscalerRef *AutoscalerReference `json:"autoscalerRef,omitempty"`

	// MetricsServer is the URL of the Prometheus that answers Flagger's own
	// metrics of this rollout; without it, the fleet's.
	// +fleetwright:extension
	// +fleetwright:example=http://prometheus.monitoring:9090
	// +fleetwright:becomes=`spec.metricsServer` of the Canary, and the address of the MetricTemplates that fleetwright renders
	MetricsServer string `json:"metricsServer,omitempty" pattern:"^https?://.+$" format:"http-url"`

	// Primary is added to the Service of the stable version.
	// +fleetwright:becomes=`spec.service.primary` of the Canary
	Primary *ServiceMetadata `json:"primary,omitempty"`

	// Preview is added to the Service of the new version.
	// +fleetwright:becomes=`spec.service.canary` of the Canary
	Preview *ServiceMetadata `json:"preview,omitempty"`

	// RolloutPolicy sets how the traffic moves and which metrics are checked.
	// +fleetwright:becomes=see below
	RolloutPolicy RolloutPolicy `json:"rolloutPolicy"`

	// Patches of the objects that are rendered for this rollout: its Canary, MetricTemplates, load
	// tester and Ingress. They are kustomize's strategic merge and JSON patches; the patched objects
	// must still be valid.
	// +fleetwright:extension
	// +fleetwright:becomes=applied to the rollout's own objects, which are checked afterwards (FW320 to FW322)
	Patches []kustomize.Patch `json:"patches,omitempty"`
}

// Provider returns Flagger's name for the provider.
func (r *Rollout) Provider() string { return flaggersName(r.TrafficRoutingProvider) }

// flaggersName returns Flagger's name for a provider: its CRD accepts Gateway API only with a version.
func flaggersName(provider string) string {
	if provider == "gatewayapi" {
		return "gatewayapi:v1"
	}
	return provider
}

// ProviderName returns the input's name for one of Flagger's providers.
func ProviderName(flaggers string) string { return strings.TrimSuffix(flaggers, ":v1") }

// AutoscalerReference names the autoscaler of a workload.
// +fleetwright:becomes=`spec.autoscalerRef.{path}` of the Canary
type AutoscalerReference struct {
	// APIVersion of the autoscaler: autoscaling/v2, or keda.sh/v1alpha1 for a ScaledObject.
	APIVersion string `json:"apiVersion,omitempty" enum:"autoscaling/v2,keda.sh/v1alpha1"`

	// Kind of the autoscaler.
	// +kubebuilder:default=HorizontalPodAutoscaler
	Kind string `json:"kind,omitempty" enum:"HorizontalPodAutoscaler,ScaledObject"`

	// Name of the autoscaler, in the workload's namespace.
	Name string `json:"name" format:"dns-subdomain" example:"backend"`

	// PrimaryScalerQueries are the queries of the primary's ScaledObject, by the
	// name of the trigger.
	// +fleetwright:example={"requests": "sum(rate(http_requests_total{app=\"backend-primary\"}[1m]))"}
	PrimaryScalerQueries map[string]string `json:"primaryScalerQueries,omitempty"`

	// PrimaryScalerReplicas are the primary's own bounds.
	PrimaryScalerReplicas *ScalerReplicas `json:"primaryScalerReplicas,omitempty"`
}

// ScalerReplicas are the bounds of an autoscaler.
type ScalerReplicas struct {
	// MinReplicas is the minimum number of pods.
	// +fleetwright:example=2
	MinReplicas *int32 `json:"minReplicas,omitempty" min:"1"`

	// MaxReplicas is the maximum number of pods.
	// +fleetwright:example=10
	MaxReplicas *int32 `json:"maxReplicas,omitempty" min:"1"`
}

// Workload is the workload that is rolled out.
type Workload struct {
	// APIVersion of the workload.
	// +kubebuilder:default=apps/v1
	// +fleetwright:becomes=`spec.targetRef.apiVersion` of the Canary
	APIVersion string `json:"apiVersion,omitempty" enum:"apps/v1"`

	// Kind of the workload.
	// +kubebuilder:default=Deployment
	// +fleetwright:becomes=`spec.targetRef.kind` of the Canary
	Kind string `json:"kind,omitempty" enum:"Deployment,DaemonSet"`

	// Name of the workload.
	// +fleetwright:becomes=`spec.targetRef.name` of the Canary, and its name
	Name string `json:"name" format:"dns-subdomain" example:"backend"`

	// Namespace of the workload.
	// +kubebuilder:default=default
	// +fleetwright:becomes=the namespace of the Canary, its templates and its load tester
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`
}

// ServiceMetadata is added to a Service that Flagger creates.
type ServiceMetadata struct {
	// Labels to add.
	// +fleetwright:example={"team": "shop"}
	Labels map[string]LabelValue `json:"labels,omitempty"`

	// Annotations to add.
	// +fleetwright:example={"example.com/owner": "shop"}
	Annotations map[string]string `json:"annotations,omitempty"`
}

// RolloutPolicy sets how the traffic moves and which metrics are checked.
type RolloutPolicy struct {
	// TrafficRouting sets how the traffic moves.
	// +fleetwright:becomes=see below; without it the rollout needs skipTrafficAnalysis (FW302)
	TrafficRouting *TrafficRouting `json:"trafficRouting,omitempty"`

	// TrafficAnalysis sets the checks while the traffic moves.
	// +fleetwright:becomes=`spec.analysis` of the Canary
	TrafficAnalysis *TrafficAnalysis `json:"trafficAnalysis,omitempty"`

	// RolloutTimeoutSeconds is how long, in seconds, the new version's pods may
	// take to become ready before the rollout fails.
	// +kubebuilder:default=600
	// +fleetwright:becomes=`spec.progressDeadlineSeconds` of the Canary
	RolloutTimeoutSeconds *int32 `json:"rolloutTimeoutSeconds,omitempty" min:"1"`

	// SkipTrafficAnalysis promotes a new version at once, without checks.
	// +fleetwright:becomes=`spec.skipAnalysis` of the Canary
	SkipTrafficAnalysis bool `json:"skipTrafficAnalysis,omitempty"`

	// RevertOnDeletion restores the workload's replicas and its Service when the
	// rollout is removed.
	// +fleetwright:becomes=`spec.revertOnDeletion` of the Canary
	RevertOnDeletion bool `json:"revertOnDeletion,omitempty"`

	// Suspend stops all rollouts of the workload.
	// +fleetwright:becomes=`spec.suspend` of the Canary
	Suspend bool `json:"suspend,omitempty"`

	// Webhooks are called at points of the rollout: gates, tests and load. Those
	// of trafficAnalysis follow them.
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.analysis.webhooks` of the Canary, before the webhooks of trafficAnalysis
	Webhooks []Webhook `json:"webhooks,omitempty"`

	// Alerts are sent when the rollout begins, fails and ends.
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.analysis.alerts` of the Canary; the AlertProviders among the inputs are rendered
	Alerts []Alert `json:"alerts,omitempty"`

	// ExpectedTraffic is the traffic that users send to the workload. plan and check compute from it how likely a
	// rollout catches a bad version; Flagger does not read it.
	// +fleetwright:extension
	// +fleetwright:becomes=see below; check and plan read it ([power](power.md))
	ExpectedTraffic *ExpectedTraffic `json:"expectedTraffic,omitempty"`
}

// ExpectedTraffic is the traffic that users are expected to send to a workload in quiet hours.
type ExpectedTraffic struct {
	// RequestsPerSecond that the workload gets, both versions together.
	// +fleetwright:example=200
	// +fleetwright:becomes=the annotation `fleetwright.dev/expected-requests-per-second` of the Canary
	RequestsPerSecond float64 `json:"requestsPerSecond,omitempty" min:"0.001" max:"1000000000"`

	// Matching is the share of the requests, in percent, that match in trafficRouting selects.
	// +fleetwright:example=5%
	// +fleetwright:becomes=the annotation `fleetwright.dev/expected-matching` of the Canary
	Matching string `json:"matching,omitempty" pattern:"percent"`

	// ErrorRate is the share of the requests, in percent, that fails on a good version.
	// +kubebuilder:default=0.1%
	// +fleetwright:becomes=the annotation `fleetwright.dev/expected-error-rate` of the Canary
	ErrorRate string `json:"errorRate,omitempty" pattern:"percent"`
}

// Webhook is called at a point of a rollout (fluxcd/flagger
// docs/gitbook/usage/webhooks.md). It passes with a status of 200 to 202.
// +fleetwright:becomes=`spec.analysis.webhooks[].{path}` of the Canary
type Webhook struct {
	// Name of the webhook, in events and alerts.
	Name string `json:"name" pattern:"^.+$" example:"load-test"`

	// Type is when Flagger calls it. confirm-rollout: before the new version is started, until it
	// passes. pre-rollout: before it gets traffic. rollout: with every check.
	// confirm-traffic-increase: before each step. confirm-promotion: before it is promoted, until
	// it passes. post-rollout: after the rollout, or its failure. rollback: with every check, and
	// Flagger rolls back if it passes. event: with every event.
	// +kubebuilder:default=rollout
	Type string `json:"type,omitempty" enum:"pre-rollout,rollout,confirm-rollout,confirm-traffic-increase,confirm-promotion,post-rollout,rollback,event"`

	// URL that Flagger calls; without it, the URL of the rollout's load tester.
	// +fleetwright:example=http://flagger-loadtester.flagger-loadtester/gate/check
	// +fleetwright:becomes=`spec.analysis.webhooks[].url` of the Canary; without it, the rollout's load tester
	URL string `json:"url,omitempty" pattern:"^https?://.+$" format:"http-url"`

	// Timeout of the call.
	// +kubebuilder:default=10s
	Timeout FlaggerDuration `json:"timeout,omitempty"`

	// Retries after a failed call.
	Retries int32 `json:"retries,omitempty" min:"0"`

	// Metadata that Flagger sends with the call. A load tester reads type and cmd.
	// +fleetwright:example={"cmd": "hey -z 50s -q 10 -c 2 http://backend-canary.webapp:9898/"}
	Metadata map[string]string `json:"metadata,omitempty"`

	// MuteAlert sends no alert when the webhook fails.
	MuteAlert bool `json:"muteAlert,omitempty"`

	// DisableTLS accepts any certificate of the URL.
	DisableTLS bool `json:"disableTLS,omitempty"`
}

// Alert is a destination of a rollout's alerts.
// +fleetwright:becomes=`spec.analysis.alerts[].{path}` of the Canary
type Alert struct {
	// Name of the alert.
	Name string `json:"name" pattern:"^.+$" example:"on-call"`

	// Severity is the lowest severity that is sent: info is everything, warn is failures and waiting
	// rollouts, error is failures. It is always rendered, because Flagger sends nothing without one.
	// +kubebuilder:default=info
	Severity string `json:"severity,omitempty" enum:"info,warn,error"`

	// ProviderRef names the AlertProvider; without a namespace, in the workload's.
	ProviderRef NamespacedReference `json:"providerRef"`
}

// TrafficRouting sets how the traffic moves: by weight with canaryStrategy, or
// all at once after analysisTimes good checks.
type TrafficRouting struct {
	// TimeoutSeconds is the timeout of a request, in seconds. For istio and gatewayapi. 0 is no timeout.
	// +fleetwright:example=60
	// +fleetwright:becomes=`spec.service.timeout` of the Canary, which Flagger reads on istio and gatewayapi; without effect on Kuma (info FW404), nginx (FW714) and kubernetes (FW752); 0 is not rendered
	TimeoutSeconds int32 `json:"timeoutSeconds,omitempty" min:"0"`

	// BackendTimeoutSeconds is the timeout, in seconds, of each attempt of the gateway to reach the
	// Service. For gatewayapi, with Flagger 1.44 or newer. 0 is no timeout.
	// +fleetwright:extension
	// +fleetwright:example=10
	// +fleetwright:becomes=`spec.service.backendTimeout` of the Canary on gatewayapi; without effect on Kuma (info FW404); rejected on the others (FW403, FW701, FW711, FW750); 0 is not rendered
	BackendTimeoutSeconds int32 `json:"backendTimeoutSeconds,omitempty" min:"0"`

	// GatewayRefs are the parents of the HTTPRoute: Gateways, or the Service of a mesh. For gatewayapi.
	// Without them, the fleet's.
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.service.gatewayRefs` of the Canary on gatewayapi; rejected on the others (FW403, FW701, FW711, FW750)
	GatewayRefs []GatewayRef `json:"gatewayRefs,omitempty"`

	// ServiceMatch selects the requests that the route applies to; without it, all. For istio and gatewayapi.
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.service.match` of the Canary on istio and gatewayapi; rejected on the others (FW403, FW711, FW750)
	ServiceMatch []ServiceMatch `json:"serviceMatch,omitempty"`

	// Rewrite changes the requests on their way to the Service. For istio and gatewayapi.
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.service.rewrite` of the Canary on istio and gatewayapi; rejected on the others (FW403, FW711, FW750)
	Rewrite *HTTPRewrite `json:"rewrite,omitempty"`

	// Mirror lists other Services that get a copy of all requests. For gatewayapi.
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.service.mirror` of the Canary on gatewayapi; rejected on the others (FW403, FW701, FW711, FW750)
	Mirror []HTTPMirror `json:"mirror,omitempty"`

	// Gateways of the VirtualService. For istio.
	// +fleetwright:example=["istio-system/public"]
	// +fleetwright:becomes=`spec.service.gateways` of the Canary on istio; rejected on the others (FW403, FW711, FW731, FW750)
	Gateways []string `json:"gateways,omitempty"`

	// Hosts of the VirtualService or the HTTPRoute. For istio and gatewayapi.
	// +fleetwright:example=["app.example.com"]
	// +fleetwright:becomes=`spec.service.hosts` of the Canary on istio and gatewayapi; rejected on the others (FW403, FW711, FW750), and on Kuma without a Gateway (FW424)
	Hosts []string `json:"hosts,omitempty"`

	// Retries of a request. For istio.
	// +fleetwright:becomes=`spec.service.retries` of the Canary on istio; rejected on the others (FW403, FW711, FW731, FW750)
	Retries *HTTPRetry `json:"retries,omitempty"`

	// Headers to set, add or remove. For istio and gatewayapi.
	// +fleetwright:becomes=`spec.service.headers` of the Canary on istio and gatewayapi; rejected on the others (FW403, FW711, FW750)
	Headers *Headers `json:"headers,omitempty"`

	// CorsPolicy of the VirtualService or the HTTPRoute. For istio and gatewayapi.
	// +fleetwright:becomes=`spec.service.corsPolicy` of the Canary on istio and gatewayapi; rejected on the others (FW403, FW711, FW750), on Kuma (FW424), and if an HTTPRoute cannot have it (FW734)
	CorsPolicy *CorsPolicy `json:"corsPolicy,omitempty"`

	// Host of the Ingress. For nginx.
	// +fleetwright:example=app.example.com
	// +fleetwright:becomes=the host of the rollout's Ingress on nginx, where it is required (FW712); rejected on the others (FW403, FW701, FW731, FW750)
	Host string `json:"host,omitempty"`

	// Protocol of the Service. For kuma, and gatewayapi with Kuma: Kuma counts requests only with
	// http, http2 or grpc.
	// +kubebuilder:default=http
	// +fleetwright:becomes=the annotation `<port>.service.kuma.io/protocol` of the Services on Kuma, and on gatewayapi their appProtocol; rejected without Kuma (FW701, FW711, FW731, FW750)
	Protocol string `json:"protocol,omitempty" enum:"http,http2,grpc,tcp,kafka"`

	// CanaryStrategy moves the traffic by weight.
	// +fleetwright:becomes=a canary by weight
	CanaryStrategy *CanaryStrategy `json:"canaryStrategy,omitempty"`

	// AnalysisTimes is the number of good checks after which all traffic moves
	// at once: blue/green, or A/B testing with match.
	// +fleetwright:example=10
	// +fleetwright:becomes=`spec.analysis.iterations` of the Canary; excludes canaryStrategy (FW303)
	AnalysisTimes int32 `json:"analysisTimes,omitempty" min:"0"`

	// Match selects the requests that go to the new version in A/B testing. For gatewayapi, istio and nginx.
	// +fleetwright:becomes=`spec.analysis.match` of the Canary on gatewayapi, istio and nginx, with analysisTimes; rejected on kuma and kubernetes (FW403, FW750) and with weights (FW313)
	Match []HTTPMatch `json:"match,omitempty"`
}

// CanaryStrategy moves the traffic by weight.
// +fleetwright:becomes=`spec.analysis.{path}` of the Canary
type CanaryStrategy struct {
	// MaxWeight is the largest share of traffic, in percent, that the new
	// version gets before it is promoted. Flagger ignores it next to stepWeights.
	// +kubebuilder:default=100
	// +fleetwright:becomes=`spec.analysis.maxWeight` of the Canary; not rendered next to stepWeights, where Flagger ignores it
	MaxWeight int32 `json:"maxWeight,omitempty" min:"0" max:"100"`

	// StepWeight is how much traffic, in percent, each good check adds.
	// +fleetwright:example=10
	StepWeight int32 `json:"stepWeight,omitempty" min:"0" max:"100"`

	// StepWeights are the shares of traffic, in percent, step by step.
	// +fleetwright:example=[10, 30, 60]
	StepWeights []int32 `json:"stepWeights,omitempty" min:"0" max:"100"`

	// StepWeightPromotion is how much traffic, in percent, moves back to the
	// primary with each step of the promotion. 0 moves all at once.
	// +kubebuilder:default=0
	StepWeightPromotion int32 `json:"stepWeightPromotion,omitempty" min:"0" max:"100"`
}

// TrafficAnalysis sets the checks while the traffic moves.
type TrafficAnalysis struct {
	// CheckIntervalSeconds is the time, in seconds, from one check to the next.
	// +kubebuilder:default=60
	// +fleetwright:becomes=`spec.analysis.interval` of the Canary
	CheckIntervalSeconds *int32 `json:"checkIntervalSeconds,omitempty" min:"1"`

	// CheckFailedTimes is the number of failed checks that roll the new version back. Flagger treats 0 as 1.
	// +kubebuilder:default=1
	// +fleetwright:becomes=`spec.analysis.threshold` of the Canary
	CheckFailedTimes *int32 `json:"checkFailedTimes,omitempty" min:"0"`

	// Metrics that every check queries.
	// +fleetwright:becomes=`spec.analysis.metrics` of the Canary, and a MetricTemplate if Flagger has no built-in query
	Metrics []Metric `json:"metrics,omitempty"`

	// Mirror sends the new version a copy of all requests: before the switch of a blue/green rollout, and on
	// istio also before the first step. For istio and gatewayapi.
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.analysis.mirror` of the Canary on istio and gatewayapi; on gatewayapi only with analysisTimes (FW739); rejected on the others (FW403, FW711, FW750)
	Mirror bool `json:"mirror,omitempty"`

	// Webhooks generate load during the analysis.
	// +fleetwright:becomes=a webhook for each command, sent to the load tester
	Webhooks *Webhooks `json:"webhooks,omitempty"`

	// SessionAffinity keeps each client on the version that it reached first. For istio and gatewayapi.
	// +fleetwright:becomes=`spec.analysis.sessionAffinity` of the Canary on istio and gatewayapi, with weights (FW315); rejected on the others (FW403, FW711, FW750), and on Kuma (FW424)
	SessionAffinity *SessionAffinity `json:"sessionAffinity,omitempty"`

	// PrimaryReadyThreshold is how many of the primary's pods, in percent, must be ready.
	// +fleetwright:extension
	// +kubebuilder:default=100
	// +fleetwright:becomes=`spec.analysis.primaryReadyThreshold` of the Canary
	PrimaryReadyThreshold *int32 `json:"primaryReadyThreshold,omitempty" min:"0" max:"100"`

	// CanaryReadyThreshold is how many of the new version's pods, in percent, must be ready.
	// +fleetwright:extension
	// +kubebuilder:default=100
	// +fleetwright:becomes=`spec.analysis.canaryReadyThreshold` of the Canary
	CanaryReadyThreshold *int32 `json:"canaryReadyThreshold,omitempty" min:"0" max:"100"`
}

// Metric is a metric that every check queries.
type Metric struct {
	// Name of the metric: request-success-rate (percent), request-duration (the
	// 99th percentile in milliseconds), or a name of your own with customMetric.
	// +fleetwright:becomes=`spec.analysis.metrics[].name` of the Canary; Flagger's own become `<name>-kuma`, `<name>-nginx`, `<name>-gatewayapi` and `<name>-kubernetes` with templates that work there
	Name string `json:"name" format:"dns-subdomain" example:"request-success-rate"`

	// IntervalSeconds is the time window, in seconds, of the query.
	// +kubebuilder:default=60
	// +fleetwright:becomes=`spec.analysis.metrics[].interval` of the Canary
	IntervalSeconds *int32 `json:"intervalSeconds,omitempty" min:"1"`

	// ThresholdRange is the range in which the value must be for the check to pass.
	// +fleetwright:becomes=`spec.analysis.metrics[].thresholdRange` of the Canary; without it every value passes, with a warning (FW306)
	ThresholdRange *ThresholdRange `json:"thresholdRange,omitempty"`

	// CustomMetric is the query behind a name of your own.
	// +fleetwright:becomes=a MetricTemplate named `<workload>.<metric>`
	CustomMetric *CustomMetric `json:"customMetric,omitempty"`

	// TemplateVariables are the values of {{ variables.x }} in the query.
	// +fleetwright:extension
	// +fleetwright:example={"direction": "inbound"}
	// +fleetwright:becomes=`spec.analysis.metrics[].templateVariables` of the Canary
	TemplateVariables map[string]string `json:"templateVariables,omitempty"`
}

// ThresholdRange is a range of good values, both ends included.
type ThresholdRange struct {
	// Min is the smallest good value.
	// +fleetwright:example=99
	Min *float64 `json:"min,omitempty"`

	// Max is the largest good value.
	// +fleetwright:example=500
	Max *float64 `json:"max,omitempty"`
}

// CustomMetric is the spec of a Flagger MetricTemplate.
type CustomMetric struct {
	// Provider answers the query.
	// +fleetwright:becomes=`spec.provider` of the MetricTemplate
	Provider MetricProvider `json:"provider"`

	// Query in the provider's language. Flagger fills in {{ name }}, {{ namespace }}, {{ target }},
	// {{ service }}, {{ ingress }}, {{ route }}, {{ interval }} and the metric's {{ variables.x }}.
	// +fleetwright:becomes=`spec.query` of the MetricTemplate
	Query string `json:"query" example:"sum(rate(http_requests_total{namespace=\"{{ namespace }}\", app=\"{{ target }}\"}[{{ interval }}]))"`
}

// MetricProvider answers the queries of a MetricTemplate.
// +fleetwright:becomes=`spec.provider.{path}` of the MetricTemplate
type MetricProvider struct {
	// Type of the provider.
	Type string `json:"type" enum:"prometheus,influxdb,datadog,externalmetrics,stackdriver,cloudwatch,newrelic,graphite,dynatrace,keptn,splunk"`

	// Address of the provider, a URL.
	// +fleetwright:example=http://prometheus.monitoring:9090
	Address string `json:"address,omitempty"`

	// Headers of the requests to the provider.
	// +fleetwright:example={"X-Scope-OrgID": ["shop"]}
	Headers map[string][]string `json:"headers,omitempty" format:"header-value" keys:"header"`

	// SecretRef names the Secret with the credentials, in the workload's namespace.
	SecretRef *LocalReference `json:"secretRef,omitempty"`

	// Region of the provider.
	// +fleetwright:example=eu-central-1
	Region string `json:"region,omitempty" pattern:"^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$"`

	// InsecureSkipVerify accepts any certificate of the provider.
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}

// Webhooks lists the commands that the load tester runs with every check.
type Webhooks struct {
	// TimeoutSeconds is how long, in seconds, Flagger waits for the load tester to answer.
	// +kubebuilder:default=60
	// +fleetwright:becomes=`timeout` of these webhooks
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty" min:"1"`

	// Command is the list of commands.
	// +fleetwright:example=["hey -z 50s -q 10 -c 2 http://backend-canary.webapp:9898/"]
	// +fleetwright:becomes=`metadata.cmd` of a webhook `generated-testload-<index>`
	Command []string `json:"command,omitempty"`
}

// SessionAffinity keeps each client on the version that it reached first.
// +fleetwright:becomes=`spec.analysis.sessionAffinity.{path}` of the Canary on istio and gatewayapi; rejected on the others (FW403, FW711, FW750), and on Kuma (FW424)
type SessionAffinity struct {
	// CookieName is the name of the cookie; a Canary requires one.
	CookieName string `json:"cookieName" pattern:"^.+$" format:"cookie" example:"flagger-cookie"`

	// MaxAge of the cookie, in seconds.
	// +kubebuilder:default=86400
	MaxAge int32 `json:"maxAge,omitempty" min:"0"`

	// Domain whose hosts get the cookie; without it, the host of the request.
	// +fleetwright:extension
	// +fleetwright:example=example.com
	Domain string `json:"domain,omitempty" format:"dns-subdomain"`

	// Path below which the cookie is sent.
	// +fleetwright:extension
	// +fleetwright:example=/shop
	Path string `json:"path,omitempty" pattern:"cookie-path"`

	// SameSite controls whether requests from other sites carry the cookie.
	// +fleetwright:extension
	// +fleetwright:example=Lax
	SameSite string `json:"sameSite,omitempty" enum:"Strict,Lax,None"`

	// HTTPOnly hides the cookie from scripts.
	// +fleetwright:extension
	HTTPOnly bool `json:"httpOnly,omitempty"`

	// Partitioned keeps a separate cookie for each site that embeds this one.
	// +fleetwright:extension
	Partitioned bool `json:"partitioned,omitempty"`

	// Secure sends the cookie only over HTTPS.
	// +fleetwright:extension
	Secure bool `json:"secure,omitempty"`
}
