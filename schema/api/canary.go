package api

import "k8s.io/apimachinery/pkg/util/intstr"

// Canary is Flagger's flagger.app/v1beta1 Canary, as its CRD has it (fluxcd/flagger artifacts/flagger/crd.yaml
// of 1.44; package rules has the versions of newer fields). It is checked and planned, but not rendered.
type Canary struct {
	TypeMeta `json:",inline"`

	// Metadata of the Canary.
	Metadata ObjectMeta `json:"metadata"`

	// Spec of the Canary.
	Spec CanarySpec `json:"spec"`

	// Status is set by Flagger and ignored.
	Status any `json:"status,omitempty"`
}

// CanarySpec configures the rollout of new versions of a workload.
type CanarySpec struct {
	// Provider is the router; without it, the default provider of Flagger.
	Provider string `json:"provider,omitempty" enum:"apisix,appmesh,appmesh:v1beta2,contour,gatewayapi:v1,gatewayapi:v1beta1,gloo,istio,knative,kubernetes,kuma,linkerd,nginx,osm,skipper,smi:v1alpha1,smi:v1alpha2,smi:v1alpha3,traefik"`
	// MetricsServer is the URL of the Prometheus that answers Flagger's own metrics.
	MetricsServer string `json:"metricsServer,omitempty" format:"http-url"`
	// ProgressDeadlineSeconds is how long, in seconds, pods may stay unready.
	ProgressDeadlineSeconds *int32 `json:"progressDeadlineSeconds,omitempty"`
	// TargetRef is the workload.
	TargetRef TargetReference `json:"targetRef"`
	// AutoscalerRef is the autoscaler of the workload.
	AutoscalerRef *CanaryAutoscaler `json:"autoscalerRef,omitempty"`
	// IngressRef is the Ingress of the workload, for nginx and skipper.
	IngressRef *IngressReference `json:"ingressRef,omitempty"`
	// RouteRef is the ApisixRoute of the workload, for apisix.
	RouteRef *RouteReference `json:"routeRef,omitempty"`
	// UpstreamRef is the Upstream of the workload, for gloo.
	UpstreamRef *UpstreamReference `json:"upstreamRef,omitempty"`
	// Service configures the Services and routes that Flagger creates. Knative has its own instead.
	Service *CanaryService `json:"service,omitempty"`
	// SkipAnalysis promotes a new version at once, without checks.
	SkipAnalysis bool `json:"skipAnalysis,omitempty"`
	// RevertOnDeletion restores the workload's replicas when the Canary is deleted.
	RevertOnDeletion bool `json:"revertOnDeletion,omitempty"`
	// Suspend stops Flagger from processing the Canary.
	Suspend bool `json:"suspend,omitempty"`
	// Analysis configures the checks of a new version.
	Analysis CanaryAnalysis `json:"analysis"`
}

// TargetReference names a workload.
type TargetReference struct {
	// APIVersion of the workload.
	APIVersion string `json:"apiVersion" example:"apps/v1"`
	// Kind of the workload. A Service is Knative's.
	Kind string `json:"kind" enum:"Deployment,DaemonSet,Service"`
	// Name of the workload.
	Name string `json:"name" format:"dns-subdomain" example:"backend"`
}

// CanaryAutoscaler names an autoscaler; Flagger creates a copy for the primary.
type CanaryAutoscaler struct {
	// APIVersion of the autoscaler.
	APIVersion string `json:"apiVersion" example:"autoscaling/v2"`
	// Kind of the autoscaler.
	Kind string `json:"kind" enum:"HorizontalPodAutoscaler,ScaledObject"`
	// Name of the autoscaler.
	Name string `json:"name" format:"dns-subdomain" example:"backend"`
	// PrimaryScalerQueries are the queries of the primary's ScaledObject, by trigger.
	PrimaryScalerQueries map[string]string `json:"primaryScalerQueries,omitempty"`
	// PrimaryScalerReplicas are the primary's own bounds.
	PrimaryScalerReplicas *ScalerReplicas `json:"primaryScalerReplicas,omitempty"`
}

// IngressReference names an Ingress.
type IngressReference struct {
	// APIVersion of the Ingress.
	APIVersion string `json:"apiVersion" example:"networking.k8s.io/v1"`
	// Kind of the Ingress.
	Kind string `json:"kind" enum:"Ingress"`
	// Name of the Ingress.
	Name string `json:"name" format:"dns-subdomain" example:"backend"`
}

// RouteReference names a route of APISIX.
type RouteReference struct {
	// APIVersion of the route.
	APIVersion string `json:"apiVersion" example:"apisix.apache.org/v2"`
	// Kind of the route.
	Kind string `json:"kind" enum:"ApisixRoute"`
	// Name of the route.
	Name string `json:"name" format:"dns-subdomain" example:"backend"`
}

// UpstreamReference names an Upstream of Gloo.
type UpstreamReference struct {
	// APIVersion of the Upstream.
	APIVersion string `json:"apiVersion" example:"gloo.solo.io/v1"`
	// Kind of the Upstream.
	Kind string `json:"kind" enum:"Upstream"`
	// Name of the Upstream.
	Name string `json:"name" format:"dns-subdomain" example:"backend"`
	// Namespace of the Upstream.
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`
}

// CanaryService configures the Services and routes that Flagger creates.
type CanaryService struct {
	// Name of the Services, without their suffixes; without it, the workload's.
	Name string `json:"name,omitempty"`
	// Port of the Services.
	Port int32 `json:"port" min:"1" max:"65535" example:"80"`
	// PortName is the name of the port.
	PortName string `json:"portName,omitempty"`
	// TargetPort is the container's port.
	TargetPort *intstr.IntOrString `json:"targetPort,omitempty"`
	// AppProtocol of the port.
	AppProtocol string `json:"appProtocol,omitempty" format:"qualified-name"`
	// TrafficDistribution of the Services.
	TrafficDistribution string `json:"trafficDistribution,omitempty" enum:"PreferClose,PreferSameZone,PreferSameNode"`
	// PortDiscovery adds the other ports of the workload.
	PortDiscovery bool `json:"portDiscovery,omitempty"`
	// Headless creates Services without a cluster IP.
	Headless bool `json:"headless,omitempty"`
	// Timeout of a request.
	Timeout string `json:"timeout,omitempty"`
	// BackendTimeout of one request to a backend.
	BackendTimeout string `json:"backendTimeout,omitempty"`
	// MeshName is the mesh of App Mesh.
	MeshName string `json:"meshName,omitempty"`
	// Backends are the hosts that the workload calls, for App Mesh.
	Backends []string `json:"backends,omitempty"`
	// Hosts of the route.
	Hosts []string `json:"hosts,omitempty"`
	// Delegation creates a VirtualService that others delegate to.
	Delegation bool `json:"delegation,omitempty"`
	// Match selects the requests that the route applies to.
	Match []RouteMatch `json:"match,omitempty"`
	// Rewrite changes requests before they are forwarded.
	Rewrite *HTTPRewrite `json:"rewrite,omitempty"`
	// Retries of a request.
	Retries *CanaryRetry `json:"retries,omitempty"`
	// Headers to set, add or remove.
	Headers *Headers `json:"headers,omitempty"`
	// Mirror lists other Services that get a copy of all requests.
	Mirror []HTTPMirror `json:"mirror,omitempty"`
	// Gateways of the VirtualService.
	Gateways []string `json:"gateways,omitempty"`
	// GatewayRefs are the parents of the HTTPRoute.
	GatewayRefs []CanaryParent `json:"gatewayRefs,omitempty"`
	// CorsPolicy of the route.
	CorsPolicy *CanaryCORS `json:"corsPolicy,omitempty"`
	// TrafficPolicy of the DestinationRules.
	TrafficPolicy *TrafficPolicy `json:"trafficPolicy,omitempty"`
	// Apex is added to the main Service.
	Apex *ServiceMetadata `json:"apex,omitempty"`
	// Primary is added to the Service of the stable version.
	Primary *ServiceMetadata `json:"primary,omitempty"`
	// Canary is added to the Service of the new version.
	Canary *ServiceMetadata `json:"canary,omitempty"`
	// UnmanagedMetadata is metadata that Flagger does not change.
	UnmanagedMetadata *UnmanagedMetadata `json:"unmanagedMetadata,omitempty"`
}

// CanaryParent is a parent of the HTTPRoute.
type CanaryParent struct {
	GatewayRef `json:",inline"`

	// Name of the parent.
	Name string `json:"name" format:"dns-subdomain" example:"public"`
}

// CanaryCORS is the cross-origin resource sharing of a Service.
type CanaryCORS struct {
	CorsPolicy `json:",inline"`

	// AllowOrigins lists the allowed origins.
	AllowOrigins []TextMatch `json:"allowOrigins,omitempty" oneof:"exact,prefix,regex"`
}

// UnmanagedMetadata holds the names of metadata that Flagger does not change.
type UnmanagedMetadata struct {
	// Labels by their names.
	Labels []string `json:"labels,omitempty"`
	// Annotations by their names.
	Annotations []string `json:"annotations,omitempty"`
}

// CanaryRetry sets how failed requests are retried. The values of retryOn depend on the provider.
type CanaryRetry struct {
	// Attempts is the number of retries.
	Attempts int32 `json:"attempts,omitempty"`
	// PerTryTimeout is the timeout of each attempt.
	PerTryTimeout string `json:"perTryTimeout,omitempty"`
	// RetryOn lists the failures to retry.
	RetryOn string `json:"retryOn,omitempty"`
}

// RouteMatch is Istio's condition on requests: all its fields must match.
type RouteMatch struct {
	// Name of the condition.
	Name string `json:"name,omitempty"`
	// URI is the path.
	URI TextMatch `json:"uri,omitzero" oneof:"exact,prefix,regex,"`
	// Scheme of the URL.
	Scheme TextMatch `json:"scheme,omitzero" oneof:"exact,prefix,regex,"`
	// Method of HTTP.
	Method TextMatch `json:"method,omitzero" oneof:"exact,prefix,regex,"`
	// Authority is the host.
	Authority TextMatch `json:"authority,omitzero" oneof:"exact,prefix,regex,"`
	// Port of the host.
	Port int32 `json:"port,omitempty"`
	// IgnoreURICase compares paths case-insensitively.
	IgnoreURICase bool `json:"ignoreUriCase,omitempty"`
	// Headers that a request must have.
	Headers map[string]TextMatch `json:"headers,omitempty" oneof:"exact,prefix,regex,"`
	// WithoutHeaders are those that a request must not have.
	WithoutHeaders map[string]TextMatch `json:"withoutHeaders,omitempty" oneof:"exact,prefix,regex,"`
	// QueryParams that a request must have.
	QueryParams map[string]TextMatch `json:"queryParams,omitempty" oneof:"exact,prefix,regex,"`
	// SourceLabels that the calling pod must have.
	SourceLabels map[string]string `json:"sourceLabels,omitempty"`
	// SourceNamespace is the namespace of the calling pod.
	SourceNamespace string `json:"sourceNamespace,omitempty"`
	// Gateways that the condition applies to.
	Gateways []string `json:"gateways,omitempty"`
}

// TextMatch is Istio's condition on text: exactly one field is set.
type TextMatch struct {
	// Exact is the whole text.
	Exact string `json:"exact,omitempty"`
	// Prefix is the beginning of the text.
	Prefix string `json:"prefix,omitempty"`
	// Regex is a regular expression for the whole text.
	Regex string `json:"regex,omitempty"`
}

// AnalysisMatch is a condition on the requests that go to the new version.
type AnalysisMatch struct {
	// Headers that a request must have.
	Headers map[string]StringMatch `json:"headers,omitempty" oneof:"exact,prefix,suffix,regex"`
	// QueryParams that a request must have.
	QueryParams map[string]TextMatch `json:"queryParams,omitempty" oneof:"exact,prefix,regex,"`
	// SourceLabels that the calling pod must have.
	SourceLabels map[string]string `json:"sourceLabels,omitempty"`
}

// CanaryAnalysis configures the checks of a new version.
type CanaryAnalysis struct {
	// Interval from one check to the next.
	Interval FlaggerDuration `json:"interval" example:"1m"`
	// Threshold is the number of failed checks that roll the new version back.
	Threshold int32 `json:"threshold" example:"5"`
	// Iterations is the number of checks of A/B testing and blue/green.
	Iterations *int32 `json:"iterations,omitempty"`
	// MaxWeight is the share, in percent, at which a version is promoted.
	MaxWeight int32 `json:"maxWeight,omitempty"`
	// StepWeight is the share, in percent, that each good check adds.
	StepWeight *int32 `json:"stepWeight,omitempty"`
	// StepWeights are the shares, in percent, step by step.
	StepWeights []int32 `json:"stepWeights,omitempty"`
	// StepWeightPromotion is the share, in percent, that each step of the promotion moves back.
	StepWeightPromotion int32 `json:"stepWeightPromotion,omitempty"`
	// Mirror sends the new version a copy of requests first.
	Mirror bool `json:"mirror,omitempty"`
	// MirrorWeight is the share of requests, in percent, that is copied.
	MirrorWeight int32 `json:"mirrorWeight,omitempty"`
	// PrimaryReadyThreshold is how many of the primary's pods, in percent, must be ready.
	PrimaryReadyThreshold *int32 `json:"primaryReadyThreshold,omitempty"`
	// CanaryReadyThreshold is how many of the new version's pods, in percent, must be ready.
	CanaryReadyThreshold *int32 `json:"canaryReadyThreshold,omitempty"`
	// Match selects the requests that go to the new version in A/B testing.
	Match []AnalysisMatch `json:"match,omitempty"`
	// Metrics that every check queries.
	Metrics []CanaryMetric `json:"metrics,omitempty"`
	// Alerts that are sent.
	Alerts []CanaryAlert `json:"alerts,omitempty"`
	// Webhooks that are called.
	Webhooks []CanaryWebhook `json:"webhooks,omitempty"`
	// SessionAffinity keeps each client on the version that it reached first.
	SessionAffinity *CanaryAffinity `json:"sessionAffinity,omitempty"`
}

// CanaryMetric is a metric that every check queries.
type CanaryMetric struct {
	// Name of the metric.
	Name string `json:"name" pattern:"^.+$" example:"request-success-rate"`
	// Interval is the time window of the query, in the format of the metric's provider.
	Interval MetricInterval `json:"interval,omitempty"`
	// Threshold is deprecated: use thresholdRange.
	Threshold float64 `json:"threshold,omitempty"`
	// ThresholdRange is the range of good values.
	ThresholdRange *ThresholdRange `json:"thresholdRange,omitempty"`
	// Query is deprecated: use templateRef.
	Query string `json:"query,omitempty"`
	// TemplateRef is the MetricTemplate.
	TemplateRef *NamespacedReference `json:"templateRef,omitempty"`
	// TemplateVariables are the values of {{ variables.x }} in the query.
	TemplateVariables map[string]string `json:"templateVariables,omitempty"`
}

// MetricInterval is a duration in Flagger's CRD: minutes or seconds, followed by any text.
type MetricInterval string

// CanaryAlert is a destination of alerts.
type CanaryAlert struct {
	// Name of the alert.
	Name string `json:"name" pattern:"^.+$" example:"on-call"`
	// Severity is the lowest severity that is sent.
	Severity string `json:"severity,omitempty" enum:",info,warn,error"`
	// ProviderRef names the AlertProvider.
	ProviderRef NamespacedReference `json:"providerRef"`
}

// CanaryWebhook is called at a point of a rollout.
type CanaryWebhook struct {
	// Name of the webhook.
	Name string `json:"name" pattern:"^.+$" example:"load-test"`
	// Type is when Flagger calls it.
	Type string `json:"type,omitempty" enum:",confirm-rollout,pre-rollout,rollout,confirm-promotion,post-rollout,event,rollback,confirm-traffic-increase"`
	// MuteAlert sends no alert when the webhook fails.
	MuteAlert bool `json:"muteAlert,omitempty"`
	// URL that is called.
	URL string `json:"url" pattern:"^https?://.+$" format:"http-url" example:"http://flagger-loadtester.test/"`
	// Timeout of the call.
	Timeout FlaggerDuration `json:"timeout,omitempty"`
	// Retries after a failed call.
	Retries int32 `json:"retries,omitempty"`
	// DisableTLS accepts any certificate.
	DisableTLS bool `json:"disableTLS,omitempty"`
	// Metadata that Flagger sends with the call.
	Metadata map[string]string `json:"metadata,omitempty"`
}

// CanaryAffinity is the cookie that a client carries.
type CanaryAffinity struct {
	SessionAffinity `json:",inline"`

	// PrimaryCookieName is the cookie of clients that reached the stable version.
	PrimaryCookieName string `json:"primaryCookieName,omitempty" format:"cookie"`
}

// TrafficPolicy configures the connections in Istio's DestinationRules.
type TrafficPolicy struct {
	// LoadBalancer chooses the pod.
	LoadBalancer *LoadBalancer `json:"loadBalancer,omitempty" oneof:"simple,consistentHash"`
	// ConnectionPool limits connections.
	ConnectionPool *ConnectionPool `json:"connectionPool,omitempty"`
	// OutlierDetection ejects failing pods.
	OutlierDetection *OutlierDetection `json:"outlierDetection,omitempty"`
	// TLS of the connections.
	TLS *PolicyTLS `json:"tls,omitempty"`
}

// LoadBalancer chooses the pod of a request.
type LoadBalancer struct {
	// Simple is an algorithm.
	Simple string `json:"simple,omitempty" enum:"ROUND_ROBIN,LEAST_CONN,RANDOM,PASSTHROUGH,LEAST_REQUEST"`
	// ConsistentHash chooses by a part of the request.
	ConsistentHash *ConsistentHash `json:"consistentHash,omitempty" oneof:"httpHeaderName,httpCookie,useSourceIp,httpQueryParameterName"`
	// LocalityLBSetting chooses by locality.
	LocalityLBSetting *LocalityLBSetting `json:"localityLbSetting,omitempty"`
	// WarmupDurationSecs is how long a new pod gets fewer requests.
	WarmupDurationSecs string `json:"warmupDurationSecs,omitempty"`
}

// ConsistentHash is the part of a request that chooses its pod.
type ConsistentHash struct {
	// HTTPHeaderName is a header.
	HTTPHeaderName string `json:"httpHeaderName,omitempty"`
	// HTTPCookie is a cookie.
	HTTPCookie *HTTPCookie `json:"httpCookie,omitempty"`
	// UseSourceIP is the address of the client.
	UseSourceIP bool `json:"useSourceIp,omitempty"`
	// HTTPQueryParameterName is a query parameter.
	HTTPQueryParameterName string `json:"httpQueryParameterName,omitempty"`
	// MinimumRingSize is the minimum size of the ring.
	MinimumRingSize int `json:"minimumRingSize,omitempty"`
}

// HTTPCookie is a cookie that chooses the pod.
type HTTPCookie struct {
	// Name of the cookie.
	Name string `json:"name,omitempty"`
	// Path of the cookie.
	Path string `json:"path,omitempty"`
	// TTL of the cookie.
	TTL string `json:"ttl,omitempty"`
}

// LocalityLBSetting distributes requests among localities.
type LocalityLBSetting struct {
	// Distribute lists the shares by locality.
	Distribute []LocalityDistribute `json:"distribute,omitempty"`
	// Failover lists the localities that replace others.
	Failover []LocalityFailover `json:"failover,omitempty"`
	// Enabled turns it on or off.
	Enabled *bool `json:"enabled,omitempty"`
}

// LocalityDistribute distributes the requests of a locality.
type LocalityDistribute struct {
	// From is the locality.
	From string `json:"from,omitempty"`
	// To holds the shares, in percent, by locality.
	To map[string]int `json:"to,omitempty"`
}

// LocalityFailover names the locality that replaces another.
type LocalityFailover struct {
	// From is the locality that fails.
	From string `json:"from,omitempty"`
	// To is the locality that replaces it.
	To string `json:"to,omitempty"`
}

// ConnectionPool limits connections.
type ConnectionPool struct {
	// HTTP limits requests.
	HTTP *HTTPPool `json:"http,omitempty"`
}

// HTTPPool limits HTTP requests.
type HTTPPool struct {
	// H2UpgradePolicy decides whether connections are upgraded to HTTP/2.
	H2UpgradePolicy string `json:"h2UpgradePolicy,omitempty" enum:"DEFAULT,DO_NOT_UPGRADE,UPGRADE"`
	// HTTP1MaxPendingRequests is the maximum number of waiting requests.
	HTTP1MaxPendingRequests int32 `json:"http1MaxPendingRequests,omitempty"`
	// HTTP2MaxRequests is the maximum number of concurrent requests.
	HTTP2MaxRequests int32 `json:"http2MaxRequests,omitempty"`
	// IdleTimeout of a connection.
	IdleTimeout string `json:"idleTimeout,omitempty"`
	// MaxRequestsPerConnection is the maximum number of requests on one connection.
	MaxRequestsPerConnection int32 `json:"maxRequestsPerConnection,omitempty"`
	// MaxRetries is the maximum number of concurrent retries.
	MaxRetries int32 `json:"maxRetries,omitempty"`
}

// OutlierDetection ejects failing pods.
type OutlierDetection struct {
	// BaseEjectionTime is the minimum time that a pod is ejected.
	BaseEjectionTime string `json:"baseEjectionTime,omitempty"`
	// Consecutive5xxErrors is the number of 5xx errors that eject a pod.
	Consecutive5xxErrors *int `json:"consecutive5xxErrors,omitempty"`
	// ConsecutiveErrors is deprecated: use consecutive5xxErrors.
	ConsecutiveErrors int32 `json:"consecutiveErrors,omitempty"`
	// ConsecutiveGatewayErrors is the number of gateway errors that eject a pod.
	ConsecutiveGatewayErrors *int32 `json:"consecutiveGatewayErrors,omitempty"`
	// ConsecutiveLocalOriginFailures is the number of failed connections that eject a pod.
	ConsecutiveLocalOriginFailures *int32 `json:"consecutiveLocalOriginFailures,omitempty"`
	// Interval between two evaluations.
	Interval string `json:"interval,omitempty"`
	// MaxEjectionPercent is the maximum share of ejected pods, in percent.
	MaxEjectionPercent int32 `json:"maxEjectionPercent,omitempty"`
	// MinHealthPercent is the minimum share of healthy pods, in percent.
	MinHealthPercent int32 `json:"minHealthPercent,omitempty"`
	// SplitExternalLocalOriginErrors counts connection failures separately from errors of the pod.
	SplitExternalLocalOriginErrors bool `json:"splitExternalLocalOriginErrors,omitempty"`
}

// PolicyTLS is the TLS of connections to the pods.
type PolicyTLS struct {
	// Mode of TLS.
	Mode string `json:"mode,omitempty" enum:"DISABLE,SIMPLE,MUTUAL,ISTIO_MUTUAL"`
	// CACertificates is the file of the CA certificates.
	CACertificates string `json:"caCertificates,omitempty"`
	// ClientCertificate is the file of the client certificate.
	ClientCertificate string `json:"clientCertificate,omitempty"`
	// PrivateKey is the file of the private key.
	PrivateKey string `json:"privateKey,omitempty"`
	// SNI is the server name of the TLS handshake.
	SNI string `json:"sni,omitempty"`
	// SubjectAltNames lists the names that the server may have.
	SubjectAltNames []string `json:"subjectAltNames,omitempty"`
}

// MetricTemplate is Flagger's flagger.app/v1beta1 MetricTemplate: a query that Canaries name.
type MetricTemplate struct {
	TypeMeta `json:",inline"`

	// Metadata of the MetricTemplate.
	Metadata ObjectMeta `json:"metadata"`

	// Spec of the MetricTemplate.
	Spec CustomMetric `json:"spec"`

	// Status is set by Flagger and ignored.
	Status any `json:"status,omitempty"`
}
