package api

// Fleet is a group of clusters and what is installed on all of them. It is
// Kurator's fleet.kurator.dev/v1alpha1 Fleet.
type Fleet struct {
	TypeMeta `json:",inline"`

	// Metadata of the Fleet.
	// +fleetwright:becomes=see below
	Metadata ObjectMeta `json:"metadata"`

	// Spec is what the Fleet asks for.
	// +fleetwright:becomes=see below
	Spec FleetSpec `json:"spec"`

	// Status is Kurator's own and ignored.
	// +fleetwright:becomes=ignored: Kurator's own
	Status any `json:"status,omitempty"`
}

// FleetSpec is what a Fleet asks for.
type FleetSpec struct {
	// Clusters of the fleet, in the Fleet's namespace.
	// +fleetwright:becomes=the clusters that get a directory
	Clusters []ClusterReference `json:"clusters"`

	// Plugin is what is installed on every cluster.
	// +fleetwright:becomes=what is installed on every cluster of the fleet
	Plugin *Plugin `json:"plugin,omitempty"`

	// AllowedNamespaces are the namespaces whose Applications may name the fleet, beside its own
	// (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:example=["shop"]
	// +fleetwright:becomes=the namespaces of Applications with a `fleetNamespace`
	AllowedNamespaces []string `json:"allowedNamespaces,omitempty" pattern:"dns-label"`
}

// ClusterReference names a cluster of a fleet.
// +fleetwright:becomes=not read, as Kurator does not
type ClusterReference struct {
	// Kind of the cluster's document.
	// +fleetwright:becomes=the kind of the cluster's document, which must be among the inputs (FW203)
	Kind string `json:"kind" enum:"AttachedCluster,Cluster"`

	// Name of the cluster.
	// +fleetwright:becomes=the cluster, and its directory
	Name string `json:"name" format:"dns-subdomain" example:"eu"`

	// Namespace is not read, as Kurator does not read it: a fleet's clusters are in
	// its own namespace. Another one is warned of.
	// +fleetwright:becomes=not read, as Kurator does not; another namespace than the fleet's is warned of (FW217)
	Namespace string `json:"namespace,omitempty"`

	// APIVersion is not read.
	APIVersion string `json:"apiVersion,omitempty"`

	// UID is not read.
	UID string `json:"uid,omitempty"`

	// ResourceVersion is not read.
	ResourceVersion string `json:"resourceVersion,omitempty"`

	// FieldPath is not read.
	FieldPath string `json:"fieldPath,omitempty"`
}

// Plugin is what is installed on every cluster of a fleet. Of Kurator's plugins
// fleetwright renders flagger.
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
	// +fleetwright:becomes=the chart of the HelmRelease `flagger`; what is left out is pinned
	Chart *Chart `json:"chart,omitempty"`

	// ExtraArgs are values for Flagger's chart.
	// +fleetwright:becomes=merged over the values of the HelmRelease `flagger`
	ExtraArgs Values `json:"extraArgs,omitempty"`

	// TrafficRoutingProvider moves the traffic. kuma and nginx are installed unless they are
	// under installed, istio must be there. gatewayapi (the CRDs of Gateway API and what implements it) and
	// kubernetes, which needs nothing, are fleetwright extensions.
	// +fleetwright:becomes=HelmReleases of the provider and of what measures it; istio is expected to be there (info FW702)
	TrafficRoutingProvider string `json:"trafficRoutingProvider" enum:"istio,kuma,nginx,gatewayapi,gatewayapi:v1,kubernetes"`

	// PublicTestloader installs a load tester that every rollout may use.
	// +fleetwright:becomes=the HelmRelease `flagger-loadtester` in a namespace of its own
	PublicTestloader bool `json:"publicTestloader,omitempty"`

	// Config is the chart of the provider. For istio and kubernetes there is none.
	// +fleetwright:becomes=the HelmRelease of kuma or nginx; of kuma or contour on gatewayapi; refused where there is none (FW703)
	Config *ProviderConfig `json:"config,omitempty"`

	// Gateway is how rollouts use Gateway API. Beside another trafficRoutingProvider it makes
	// gatewayapi available to rollouts, too (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=the CRDs of Gateway API, and what implements it
	Gateway *Gateway `json:"gateway,omitempty"`

	// Installed is what the clusters have already, installed by something else (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=what the rollouts go by
	Installed *Installed `json:"installed,omitempty"`
}

// Provider returns the name that Flagger has for the provider, or nothing where the plugin has none.
func (p *FlaggerPlugin) Provider() string { return flaggersName(p.TrafficRoutingProvider) }

// Gateway is how the rollouts of a fleet use Gateway API.
type Gateway struct {
	// Implementation is what implements Gateway API. Without it, the one that is the fleet's provider or under
	// installed, and else contour, which is rendered. What is not in the list is other.
	// +fleetwright:becomes=Contour or Kuma, unless it is under installed; the queries of Flagger's own metrics
	// +fleetwright:example=kuma
	Implementation string `json:"implementation,omitempty" enum:"contour,istio,kuma,other"`

	// Refs are the parents of the HTTPRoutes of rollouts that name none.
	// +fleetwright:becomes=`spec.service.gatewayRefs` of the Canary; without them, the Gateway that is rendered with contour, and on kuma the rollout's own Service
	Refs []GatewayRef `json:"refs,omitempty"`

	// Wait until the Gateways of the fleet are programmed before applications are applied. Without a load
	// balancer some implementations, such as Envoy Gateway, never program one.
	// +kubebuilder:default=true
	// +fleetwright:becomes=health checks of the Gateways in sync.yaml
	Wait *bool `json:"wait,omitempty"`
}

// Waits reports whether the Gateways must be programmed before applications are applied.
func (g *Gateway) Waits() bool { return g == nil || g.Wait == nil || *g.Wait }

// ProviderConfig is the chart of the provider that moves the traffic.
type ProviderConfig struct {
	// Chart of the provider.
	// +fleetwright:becomes=the chart of the provider's HelmRelease; what is left out is pinned
	Chart *Chart `json:"chart,omitempty"`

	// ExtraArgs are values for the provider's chart.
	// +fleetwright:becomes=merged over the values of the provider's HelmRelease
	ExtraArgs Values `json:"extraArgs,omitempty"`
}

// Chart is a Helm chart. What is left out is fleetwright's pin.
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

// AttachedCluster is a cluster that Kurator did not make. It is Kurator's
// cluster.kurator.dev/v1alpha1 AttachedCluster.
type AttachedCluster struct {
	TypeMeta `json:",inline"`

	// Metadata of the cluster; its labels are what a clusterSelector matches.
	Metadata ObjectMeta `json:"metadata"`

	// Spec says how the cluster is reached.
	Spec AttachedClusterSpec `json:"spec,omitzero"`

	// Status is Kurator's own and ignored.
	Status any `json:"status,omitempty"`
}

// AttachedClusterSpec says how a cluster is reached.
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

// Cluster is a cluster that Kurator made. It is Kurator's cluster.kurator.dev/v1alpha1 Cluster, of
// which fleetwright reads the name and the labels.
type Cluster struct {
	TypeMeta `json:",inline"`

	// Metadata of the cluster; its labels are what a clusterSelector matches.
	Metadata ObjectMeta `json:"metadata"`

	// Spec is how Kurator makes the cluster; it is ignored.
	Spec any `json:"spec,omitempty"`

	// Status is Kurator's own and ignored.
	Status any `json:"status,omitempty"`
}
