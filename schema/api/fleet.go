package api

// Fleet is a group of clusters with the components that are installed on all of them. It is
// Kurator's fleet.kurator.dev/v1alpha1 Fleet.
type Fleet struct {
	TypeMeta `json:",inline"`

	// Metadata of the Fleet.
	// +fleetwright:becomes=see below
	Metadata ObjectMeta `json:"metadata"`

	// Spec is the desired state of the Fleet.
	// +fleetwright:becomes=see below
	Spec FleetSpec `json:"spec"`

	// Status is set by Kurator and ignored.
	// +fleetwright:becomes=ignored: Kurator sets it
	Status any `json:"status,omitempty"`
}

// FleetSpec is the desired state of a Fleet.
type FleetSpec struct {
	// Clusters of the fleet, in the Fleet's namespace.
	// +fleetwright:becomes=the clusters that get a directory
	Clusters []ClusterReference `json:"clusters"`

	// Plugin lists the components that are installed on every cluster.
	// +fleetwright:becomes=the components of every cluster of the fleet
	Plugin *Plugin `json:"plugin,omitempty"`

	// AllowedNamespaces lists other namespaces whose Applications may use the fleet
	// (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:example=["shop"]
	// +fleetwright:becomes=the namespaces of Applications with a `fleetNamespace`
	AllowedNamespaces []string `json:"allowedNamespaces,omitempty" pattern:"dns-label"`
}

// ClusterReference names a cluster of a fleet.
// +fleetwright:becomes=ignored, as in Kurator
type ClusterReference struct {
	// Kind of the cluster's document.
	// +fleetwright:becomes=the kind of the cluster's document, which must be among the inputs (FW203)
	Kind string `json:"kind" enum:"AttachedCluster,Cluster"`

	// Name of the cluster.
	// +fleetwright:becomes=the cluster, and its directory
	Name string `json:"name" format:"dns-subdomain" example:"eu"`

	// Namespace is ignored, as in Kurator: a fleet's clusters are in its own
	// namespace. Another one gives a warning.
	// +fleetwright:becomes=ignored, as in Kurator; another namespace than the fleet's gives a warning (FW217)
	Namespace string `json:"namespace,omitempty"`

	// APIVersion is ignored.
	APIVersion string `json:"apiVersion,omitempty"`

	// UID is ignored.
	UID string `json:"uid,omitempty"`

	// ResourceVersion is ignored.
	ResourceVersion string `json:"resourceVersion,omitempty"`

	// FieldPath is ignored.
	FieldPath string `json:"fieldPath,omitempty"`
}

// Plugin lists the components that are installed on every cluster of a fleet. fleetwright renders
// only flagger of Kurator's plugins.
type Plugin struct {
	// Flagger runs the rollouts.
	// +fleetwright:becomes=Flagger, its provider and a load tester
	Flagger *FlaggerPlugin `json:"flagger,omitempty"`

	// Metric is not rendered by fleetwright.
	// +fleetwright:becomes=not rendered, with one info (FW210)
	Metric any `json:"metric,omitempty"`

	// Grafana is not rendered by fleetwright.
	// +fleetwright:becomes=not rendered, with one info (FW210)
	Grafana any `json:"grafana,omitempty"`

	// Policy is not rendered by fleetwright.
	// +fleetwright:becomes=not rendered, with one info (FW210)
	Policy any `json:"policy,omitempty"`

	// Backup is not rendered by fleetwright.
	// +fleetwright:becomes=not rendered, with one info (FW210)
	Backup any `json:"backup,omitempty"`

	// DistributedStorage is not rendered by fleetwright.
	// +fleetwright:becomes=not rendered, with one info (FW210)
	DistributedStorage any `json:"distributedStorage,omitempty"`

	// Submariner is not rendered by fleetwright.
	// +fleetwright:becomes=not rendered, with one info (FW210)
	Submariner any `json:"submariner,omitempty"`
}

// FlaggerPlugin installs Flagger, and the provider that moves the traffic.
type FlaggerPlugin struct {
	// Chart of Flagger.
	// +fleetwright:becomes=the chart of the HelmRelease `flagger`; omitted fields are pinned
	Chart *Chart `json:"chart,omitempty"`

	// ExtraArgs are values for Flagger's chart.
	// +fleetwright:becomes=merged over the values of the HelmRelease `flagger`
	ExtraArgs Values `json:"extraArgs,omitempty"`

	// TrafficRoutingProvider moves the traffic. kuma and nginx are installed unless they are
	// under installed; istio must already be installed. gatewayapi (the CRDs of Gateway API and an implementation) and
	// kubernetes, which needs nothing, are fleetwright extensions.
	// +fleetwright:becomes=HelmReleases of the provider and its metrics; istio must already be installed (info FW702)
	TrafficRoutingProvider string `json:"trafficRoutingProvider" enum:"istio,kuma,nginx,gatewayapi,gatewayapi:v1,kubernetes"`

	// PublicTestloader installs a load tester that every rollout may use.
	// +fleetwright:becomes=the HelmRelease `flagger-loadtester` in its own namespace
	PublicTestloader bool `json:"publicTestloader,omitempty"`

	// Config is the chart of the provider. istio and kubernetes have none.
	// +fleetwright:becomes=the HelmRelease of kuma or nginx; of kuma or contour on gatewayapi; rejected if there is none (FW703)
	Config *ProviderConfig `json:"config,omitempty"`

	// Gateway configures Gateway API for rollouts. Next to another trafficRoutingProvider, it also makes
	// gatewayapi available to rollouts (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=the CRDs of Gateway API, and an implementation
	Gateway *Gateway `json:"gateway,omitempty"`

	// Installed lists components that the clusters already have (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=not rendered; rollouts are rendered and checked for these components
	Installed *Installed `json:"installed,omitempty"`
}

// Provider returns Flagger's name for the provider, or "" if the plugin has none.
func (p *FlaggerPlugin) Provider() string { return flaggersName(p.TrafficRoutingProvider) }

// Gateway configures Gateway API for the rollouts of a fleet.
type Gateway struct {
	// Implementation is the implementation of Gateway API. Without it, it is the fleet's provider or the one under
	// installed, or else contour, which is rendered. Any other implementation is other.
	// +fleetwright:becomes=Contour or Kuma, unless it is under installed; the queries of Flagger's own metrics
	// +fleetwright:example=kuma
	Implementation string `json:"implementation,omitempty" enum:"contour,istio,kuma,other"`

	// Refs are the parents of the HTTPRoutes of rollouts that name none.
	// +fleetwright:becomes=`spec.service.gatewayRefs` of the Canary; without them, the Gateway that is rendered with contour, and on kuma the rollout's own Service
	Refs []GatewayRef `json:"refs,omitempty"`

	// Wait makes Flux wait until the fleet's Gateways are programmed before it applies applications. Without a
	// load balancer, some implementations, such as Envoy Gateway, never program one.
	// +kubebuilder:default=true
	// +fleetwright:becomes=health checks of the Gateways in sync.yaml
	Wait *bool `json:"wait,omitempty"`
}

// Waits reports whether the Gateways must be programmed before applications are applied.
func (g *Gateway) Waits() bool { return g == nil || g.Wait == nil || *g.Wait }

// ProviderConfig is the chart of the provider that moves the traffic.
type ProviderConfig struct {
	// Chart of the provider.
	// +fleetwright:becomes=the chart of the provider's HelmRelease; omitted fields are pinned
	Chart *Chart `json:"chart,omitempty"`

	// ExtraArgs are values for the provider's chart.
	// +fleetwright:becomes=merged over the values of the provider's HelmRelease
	ExtraArgs Values `json:"extraArgs,omitempty"`
}

// Chart is a Helm chart. Omitted fields have fleetwright's pinned values.
type Chart struct {
	// Repository of the chart, over HTTP, HTTPS or OCI.
	// +fleetwright:example=https://kumahq.github.io/charts
	Repository string `json:"repository,omitempty" pattern:"^(http|https|oci)://.*$" format:"helm-url"`

	// Name of the chart.
	// +fleetwright:example=kuma
	Name string `json:"name,omitempty" format:"repository-chart"`

	// Version of the chart, or a range of versions.
	// +fleetwright:example=2.7.3
	Version string `json:"version,omitempty" format:"semver"`
}

// AttachedCluster is a cluster that Kurator did not create. It is Kurator's
// cluster.kurator.dev/v1alpha1 AttachedCluster.
type AttachedCluster struct {
	TypeMeta `json:",inline"`

	// Metadata of the cluster; a clusterSelector matches its labels.
	Metadata ObjectMeta `json:"metadata"`

	// Spec holds the access to the cluster.
	Spec AttachedClusterSpec `json:"spec,omitzero"`

	// Status is set by Kurator and ignored.
	Status any `json:"status,omitempty"`
}

// AttachedClusterSpec holds the access to a cluster.
type AttachedClusterSpec struct {
	// Kubeconfig names the Secret with the cluster's kubeconfig.
	Kubeconfig *SecretKey `json:"kubeconfig,omitempty"`
}

// SecretKey names a key of a Secret.
type SecretKey struct {
	// Name of the Secret.
	Name string `json:"name" format:"dns-subdomain" example:"eu-kubeconfig"`

	// Key in the Secret.
	// +kubebuilder:default=value
	Key string `json:"key,omitempty" format:"config-key"`
}

// Cluster is a cluster that Kurator created. It is Kurator's cluster.kurator.dev/v1alpha1 Cluster, of
// which fleetwright reads only the name and the labels.
type Cluster struct {
	TypeMeta `json:",inline"`

	// Metadata of the cluster; a clusterSelector matches its labels.
	Metadata ObjectMeta `json:"metadata"`

	// Spec is Kurator's and ignored.
	Spec any `json:"spec,omitempty"`

	// Status is set by Kurator and ignored.
	Status any `json:"status,omitempty"`
}
