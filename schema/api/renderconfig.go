package api

// RenderConfig holds the settings of fleetwright itself. The inputs may have at most one; flags
// override it, and every setting has a default.
type RenderConfig struct {
	TypeMeta `json:",inline"`

	// Metadata of the RenderConfig.
	Metadata RenderConfigMeta `json:"metadata,omitempty"`

	// Spec holds the settings.
	Spec RenderConfigSpec `json:"spec,omitempty"`
}

// RenderConfigMeta is the metadata of a RenderConfig, which is never applied to
// a cluster and so needs none.
type RenderConfigMeta struct {
	// Name of the RenderConfig.
	// +fleetwright:example=fleetwright
	Name string `json:"name,omitempty"`

	// Namespace is ignored.
	Namespace string `json:"namespace,omitempty"`

	// Labels are ignored.
	Labels map[string]LabelValue `json:"labels,omitempty"`

	// Annotations, such as config.kubernetes.io/function.
	// +fleetwright:example={"config.kubernetes.io/local-config": "true"}
	Annotations map[string]string `json:"annotations,omitempty"`
}

// RenderConfigSpec holds the settings.
type RenderConfigSpec struct {
	// Fleetwright is the range of fleetwright releases that may render the inputs; other releases
	// reject them. It is one or more comparisons, separated by spaces or commas, that must all hold.
	// A pre-release precedes its release, so >=0.9 rejects v0.9.0-rc.1. A build from a commit is not compared.
	// +fleetwright:example=>=0.9
	Fleetwright string `json:"fleetwright,omitempty" pattern:"release-range"`

	// Path of the output directory inside the Git repository that the clusters sync from, with
	// slashes. Without it, the command finds the enclosing repository; with sourceRef.kind OCIRepository,
	// each cluster's directory is then the root of its own artifact, as fleetwright publish pushes it.
	// +fleetwright:example=clusters
	Path string `json:"path,omitempty"`

	// SourceRef is the Flux source, on every cluster, of the repository that holds the output.
	SourceRef *SourceReference `json:"sourceRef,omitempty"`

	// OCIRepository is the OCIRepository of sourceRef on every cluster, for artifacts that fleetwright
	// publish pushes to its url. The name of each cluster is added to the url. It follows
	// the tag latest.
	OCIRepository *OCIRepository `json:"ociRepository,omitempty"`

	// Topology selects the Flux that applies the manifests: each cluster's own (pull), or that of one
	// management cluster, called host, which reaches the others through their kubeconfigs (hub).
	// +kubebuilder:default=pull
	Topology string `json:"topology,omitempty" enum:"pull,hub"`

	// Versions to compile for.
	Versions *Versions `json:"versions,omitempty"`

	// Charts to install instead of the pinned ones.
	Charts *Charts `json:"charts,omitempty"`

	// Plugin declares the components of the clusters whose fleets have no plugin.flagger, and of the cluster host.
	Plugin *InstalledPlugin `json:"plugin,omitempty"`

	// Severities overrides the severity of diagnostics, by code. Infos and warnings can be off, which
	// hides them.
	// +fleetwright:example={"FW208": "error"}
	Severities map[string]Severity `json:"severities,omitempty" enum:"error,warning,info,off"`

	// Defaults of the Flux Kustomizations in sync.yaml.
	Defaults *SyncDefaults `json:"defaults,omitempty"`

	// Sources lists the directories that hold the sources of Applications. Rollouts are checked
	// against the manifests there; they do not change the output.
	Sources []SourceDirectory `json:"sources,omitempty"`

	// Waves groups the clusters in the order in which they get changes. A cluster is in the first
	// wave that selects it, or in the last one if none does.
	// +fleetwright:example=[{"name": "canary", "clusterSelector": {"matchLabels": {"stage": "canary"}}}, {"name": "rest"}]
	Waves []Wave `json:"waves,omitempty"`

	// Through is the last wave that is written. Clusters of later waves stay unchanged. Without it,
	// all waves are written. The flag --through overrides it.
	// +fleetwright:example=canary
	Through string `json:"through,omitempty" pattern:"wave-name"`

	// Function holds the settings of fleetwright as a KRM function, under kustomize
	// or kpt. The subcommands ignore it.
	Function *FunctionConfig `json:"function,omitempty"`
}

// Wave is a group of clusters.
type Wave struct {
	// Name of the wave, for through and --through.
	Name string `json:"name" pattern:"wave-name" example:"canary"`

	// ClusterSelector selects the clusters of the wave. Without it, the wave has all clusters that
	// no earlier wave has.
	// +fleetwright:example={"matchLabels": {"stage": "canary"}}
	ClusterSelector *ClusterSelector `json:"clusterSelector,omitempty"`
}

// SourceDirectory is a directory that stands for the source of an Application.
type SourceDirectory struct {
	// URL of the source, as in an Application. The protocol and a trailing .git make no
	// difference.
	URL string `json:"url" pattern:"^([a-z+]+://|[^/:]+:).*$" example:"https://github.com/stefanprodan/podinfo"`

	// Path of the directory relative to the RenderConfig's file, with slashes; for a KRM function,
	// relative to its working directory. It must be in the same repository. For a directory
	// elsewhere, use the flag --source.
	Path string `json:"path" example:"../podinfo"`
}

// FunctionConfig holds the settings of a KRM function.
type FunctionConfig struct {
	// Mode selects what the function does: render emits the manifests; validate passes
	// its input through, and fails on errors.
	// +kubebuilder:default=render
	Mode string `json:"mode,omitempty" enum:"render,validate"`

	// Cluster is the only cluster that is rendered. kustomize needs it if there is more than one,
	// because it does not know the clusters' directories and reads the objects of two clusters as
	// duplicates. In the hub topology, the objects that the hub applies to a cluster belong to it.
	// +fleetwright:example=eu
	Cluster string `json:"cluster,omitempty"`

	// Inputs lists files and directories to read in addition to the function's input,
	// relative to its working directory. A generator gets no input.
	// +fleetwright:example=["application.yaml", "fleet.yaml"]
	Inputs []string `json:"inputs,omitempty"`

	// Directory of the package for the directories of the clusters, with slashes,
	// under kpt. Without it, spec.path.
	// +fleetwright:example=clusters
	Directory string `json:"directory,omitempty"`

	// AllowPrune names the Applications, as name or namespace/name, that clusters may lose although
	// they are still among the inputs, and the components whose releases they may lose, as
	// installed/kuma, under kpt. The function fails if clusters would lose any other.
	// +fleetwright:example=["default/web"]
	AllowPrune []string `json:"allowPrune,omitempty"`

	// Synced confirms that Flux has synced, on every cluster, the objects that the function marked as kept
	// in a package of the former layout, under kpt. The function then renders the new layout.
	Synced bool `json:"synced,omitempty"`
}

// Severity of a diagnostic.
type Severity string

// SourceReference names a Flux source.
type SourceReference struct {
	// Kind of the source.
	// +kubebuilder:default=GitRepository
	Kind string `json:"kind,omitempty" enum:"GitRepository,OCIRepository,Bucket"`

	// Name of the source.
	// +kubebuilder:default=flux-system
	Name string `json:"name,omitempty" format:"dns-subdomain"`

	// Namespace of the source, and of the Flux Kustomizations in sync.yaml.
	// +kubebuilder:default=flux-system
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`
}

// Versions to compile for. Kuma's is the version of its chart.
type Versions struct {
	// Flux is the oldest Flux version on the clusters, at least 2.6.
	// +kubebuilder:default=2.6
	Flux string `json:"flux,omitempty" pattern:"version"`
}

// Charts to install instead of the pinned ones. A Fleet's own chart overrides them.
type Charts struct {
	// Kuma is the chart of the mesh.
	Kuma *ChartConfig `json:"kuma,omitempty"`

	// GatewayAPI is the Git repository of Gateway API's CRDs.
	GatewayAPI *Release `json:"gateway-api,omitempty"`

	// Contour is the chart of the implementation of Gateway API.
	Contour *ChartConfig `json:"contour,omitempty"`

	// IngressNginx is the chart of the ingress controller.
	IngressNginx *ChartConfig `json:"ingress-nginx,omitempty"`

	// Prometheus is the chart of the metrics.
	Prometheus *ChartConfig `json:"prometheus,omitempty"`

	// Flagger is the chart of the controller that runs the rollouts.
	Flagger *ChartConfig `json:"flagger,omitempty"`

	// Loadtester is the chart of the public load tester.
	Loadtester *ChartConfig `json:"loadtester,omitempty"`
}

// ChartConfig is a chart and its values. Omitted fields have fleetwright's defaults.
type ChartConfig struct {
	Chart `json:",inline"`

	// Values are merged over fleetwright's own.
	Values Values `json:"values,omitempty"`
}

// Release is a tag of a Git repository. Omitted fields have fleetwright's defaults.
type Release struct {
	// Repository of the tag, over HTTPS or SSH.
	// +fleetwright:example=https://git.example.com/mirrors/gateway-api
	Repository string `json:"repository,omitempty" pattern:"^(http|https|ssh)://.*$" format:"git-url"`

	// Version of the release; its tag has a leading v.
	// +fleetwright:example=1.4.1
	Version string `json:"version,omitempty" pattern:"component-version"`
}

// SyncDefaults are the settings of the Flux Kustomizations in sync.yaml.
type SyncDefaults struct {
	// Interval at which Flux corrects drift.
	// +kubebuilder:default=10m
	Interval Duration `json:"interval,omitempty"`

	// RetryInterval after a failure.
	// +kubebuilder:default=2m
	RetryInterval Duration `json:"retryInterval,omitempty"`

	// Timeout of applying and of waiting until all objects are ready.
	// +kubebuilder:default=10m
	Timeout Duration `json:"timeout,omitempty"`

	// ServiceAccountName that Flux impersonates, in the namespace of the Kustomizations.
	// +fleetwright:example=deployer
	ServiceAccountName string `json:"serviceAccountName,omitempty" format:"dns-subdomain"`
}
