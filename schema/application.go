package schema

import "github.com/fluxcd/pkg/apis/kustomize"

// Application says which source is synced to which clusters of a fleet, and how
// a new version of its workloads is rolled out there. It is Kurator's
// apps.kurator.dev/v1alpha1 Application.
type Application struct {
	TypeMeta `json:",inline"`

	// Metadata of the Application.
	// +required
	Metadata ObjectMeta `json:"metadata"`

	// Spec is what the Application asks for.
	// +required
	Spec ApplicationSpec `json:"spec"`

	// Status is Kurator's own and ignored.
	// +optional
	Status any `json:"status,omitempty"`
}

// ApplicationSpec is what an Application asks for.
type ApplicationSpec struct {
	// Source is where the manifests come from: exactly one of gitRepository,
	// helmRepository and ociRepository.
	// +required
	Source ApplicationSource `json:"source"`

	// SyncPolicies are the parts of the source to sync, each with its own
	// destination and rollout.
	// +required
	SyncPolicies []SyncPolicy `json:"syncPolicies"`

	// Destination of the policies that have none of their own. Without any, the
	// Application goes to the cluster "host".
	// +optional
	Destination *Destination `json:"destination,omitempty"`
}

// ApplicationSource is where the manifests come from.
type ApplicationSource struct {
	// GitRepository is a Flux GitRepository.
	// +optional
	GitRepository *GitRepository `json:"gitRepository,omitempty"`

	// HelmRepository is a Flux HelmRepository. Not supported yet.
	// +optional
	HelmRepository map[string]any `json:"helmRepository,omitempty"`

	// OCIRepository is a Flux OCIRepository. Not supported yet.
	// +optional
	OCIRepository map[string]any `json:"ociRepository,omitempty"`
}

// GitRepository is the spec of a Flux GitRepository in the v1beta2 shape that
// Kurator has.
type GitRepository struct {
	// URL of the repository, over HTTP, HTTPS or SSH.
	// +required
	// +kubebuilder:validation:Pattern=^(http|https|ssh)://.*$
	// +fleetwright:example=https://github.com/stefanprodan/podinfo
	URL string `json:"url"`

	// SecretRef names the Secret with the credentials. It must exist in the
	// Application's namespace on every cluster that the Application goes to.
	// +optional
	SecretRef *LocalReference `json:"secretRef,omitempty"`

	// Interval at which the repository is polled. With 0s it is fetched once
	// and never again, so it must be more.
	// +required
	// +fleetwright:example=3m0s
	Interval Duration `json:"interval"`

	// Timeout of Git operations such as cloning.
	// +optional
	// +kubebuilder:default=60s
	Timeout SourceTimeout `json:"timeout,omitempty"`

	// Ref is what to check out.
	// +optional
	Ref *GitReference `json:"ref,omitempty"`

	// Verify asks for a signature of the commit.
	// +optional
	Verify *GitVerification `json:"verify,omitempty"`

	// Ignore replaces the patterns, in the format of .gitignore, of what is left
	// out of the artifact.
	// +optional
	Ignore *string `json:"ignore,omitempty"`

	// Suspend stops polling.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// GitImplementation was removed from Flux; it is accepted and left out.
	// +optional
	// +kubebuilder:validation:Enum=go-git;libgit2
	GitImplementation string `json:"gitImplementation,omitempty"`

	// RecurseSubmodules clones the submodules too.
	// +optional
	RecurseSubmodules bool `json:"recurseSubmodules,omitempty"`

	// Include merges the artifacts of other GitRepositories into this one.
	// +optional
	Include []GitInclude `json:"include,omitempty"`

	// AccessFrom was never implemented by Flux and was removed from it; it is
	// accepted and left out.
	// +optional
	AccessFrom any `json:"accessFrom,omitempty"`
}

// GitReference is what to check out. Commit overrides Name, Name overrides
// SemVer, SemVer overrides Tag, Tag overrides Branch.
type GitReference struct {
	// Branch to check out.
	// +optional
	// +kubebuilder:default=master
	Branch string `json:"branch,omitempty"`

	// Tag to check out.
	// +optional
	Tag string `json:"tag,omitempty"`

	// SemVer range of tags, of which the newest is checked out.
	// +optional
	// +fleetwright:example=>=1.0.0 <2.0.0
	SemVer string `json:"semver,omitempty"`

	// Name is a full Git reference.
	// +optional
	// +fleetwright:example=refs/heads/main
	Name string `json:"name,omitempty"`

	// Commit is the SHA to check out.
	// +optional
	Commit string `json:"commit,omitempty"`
}

// GitVerification asks for a signature of the commit.
type GitVerification struct {
	// Mode says what is verified: the commit that HEAD points to.
	// +required
	// +kubebuilder:validation:Enum=head;HEAD
	Mode string `json:"mode"`

	// SecretRef names the Secret with the public keys.
	// +required
	SecretRef LocalReference `json:"secretRef"`
}

// GitInclude merges the artifact of another GitRepository into this one.
type GitInclude struct {
	// Repository names the other GitRepository.
	// +required
	Repository LocalReference `json:"repository"`

	// FromPath is the directory to copy from, by default the root.
	// +optional
	FromPath string `json:"fromPath,omitempty"`

	// ToPath is the directory to copy to, by default the repository's name.
	// +optional
	ToPath string `json:"toPath,omitempty"`
}

// Destination is the clusters of a fleet.
type Destination struct {
	// Fleet is the name of the Fleet, in the Application's namespace.
	// +required
	// +fleetwright:format=dns-subdomain
	Fleet string `json:"fleet"`

	// ClusterSelector narrows the fleet to the clusters with these labels.
	// +optional
	ClusterSelector *ClusterSelector `json:"clusterSelector,omitempty"`
}

// ClusterSelector selects clusters by their labels.
type ClusterSelector struct {
	// MatchLabels are the labels that a cluster must have, all of them.
	// +optional
	MatchLabels map[string]LabelValue `json:"matchLabels,omitempty"`
}

// SyncPolicy is a part of the source, where it goes, and how it is rolled out.
type SyncPolicy struct {
	// Name of the Flux Kustomization or HelmRelease that is made of the policy.
	// Without it the name is <application>-<index>, which changes when a policy
	// is inserted before this one.
	// +optional
	// +fleetwright:format=dns-subdomain
	Name string `json:"name,omitempty"`

	// Kustomization applies a directory of the source.
	// +optional
	Kustomization *Kustomization `json:"kustomization,omitempty"`

	// Helm installs a chart. Not supported yet.
	// +optional
	Helm map[string]any `json:"helm,omitempty"`

	// Destination replaces that of the Application.
	// +optional
	Destination *Destination `json:"destination,omitempty"`

	// Rollout brings new versions of one workload of the policy step by step.
	// +optional
	Rollout *Rollout `json:"rollout,omitempty"`
}

// Kustomization applies a directory of the source, as a Flux Kustomization does.
type Kustomization struct {
	// CommonMetadata is added to every object.
	// +optional
	CommonMetadata *CommonMetadata `json:"commonMetadata,omitempty"`

	// DependsOn names the Kustomizations that must be ready first.
	// +optional
	DependsOn []NamespacedReference `json:"dependsOn,omitempty"`

	// Interval at which drift is corrected. With 0s there is no periodic run:
	// only a new revision is applied.
	// +required
	// +fleetwright:example=5m0s
	Interval Duration `json:"interval"`

	// RetryInterval after a failure; without it, or with 0s, the interval. Where
	// that is 0s too, Flux would never try again, so 2m0s is rendered.
	// +optional
	RetryInterval Duration `json:"retryInterval,omitempty"`

	// Path of the directory in the source.
	// +optional
	// +fleetwright:example=./deploy/webapp
	Path string `json:"path,omitempty"`

	// Prune deletes what is gone from the source.
	// +required
	Prune bool `json:"prune"`

	// Patches are strategic merge or JSON patches of the objects.
	// +optional
	Patches []kustomize.Patch `json:"patches,omitempty"`

	// Images replaces names, tags and digests of images.
	// +optional
	Images []kustomize.Image `json:"images,omitempty"`

	// Suspend stops applying.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// TargetNamespace is set on every object.
	// +optional
	// +fleetwright:format=dns-label
	TargetNamespace string `json:"targetNamespace,omitempty"`

	// Timeout of validating, applying and health checks; without it, the
	// interval.
	// +optional
	Timeout Duration `json:"timeout,omitempty"`

	// Force recreates objects of which an immutable field changed.
	// +optional
	Force bool `json:"force,omitempty"`

	// Components are the paths of kustomize components, relative to path.
	// +optional
	Components []string `json:"components,omitempty"`
}

// CommonMetadata is added to every object.
type CommonMetadata struct {
	// Annotations to add.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// Labels to add.
	// +optional
	Labels map[string]LabelValue `json:"labels,omitempty"`
}

// Rollout brings new versions of one workload step by step.
type Rollout struct {
	// TestLoader installs a load tester beside the workload. Without it the
	// fleet's public one is used.
	// +optional
	TestLoader bool `json:"testLoader,omitempty"`

	// TrafficRoutingProvider moves the traffic. Only kuma is supported yet.
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

	// Primary is added to the Service of the stable version.
	// +optional
	Primary *ServiceMetadata `json:"primary,omitempty"`

	// Preview is added to the Service of the new version.
	// +optional
	Preview *ServiceMetadata `json:"preview,omitempty"`

	// RolloutPolicy says how the traffic moves and what is measured.
	// +required
	RolloutPolicy RolloutPolicy `json:"rolloutPolicy"`
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
	Retries map[string]any `json:"retries,omitempty"`

	// Headers to set, add or remove. For istio.
	// +optional
	Headers map[string]any `json:"headers,omitempty"`

	// CorsPolicy of the VirtualService. For istio.
	// +optional
	CorsPolicy map[string]any `json:"corsPolicy,omitempty"`

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
	Match []map[string]any `json:"match,omitempty"`
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
	// CookieName is the name of the cookie.
	// +optional
	CookieName string `json:"cookieName,omitempty"`

	// MaxAge of the cookie, in seconds.
	// +optional
	// +kubebuilder:default=86400
	// +kubebuilder:validation:Minimum=0
	MaxAge int32 `json:"maxAge,omitempty"`
}
