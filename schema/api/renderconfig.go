package api

// RenderConfig holds the settings that are not an Application's to say. At most one may be among
// the inputs; the command's flags override it, and everything has a default.
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
	// Path of the output directory inside the Git repository that the clusters sync from, with
	// slashes. Without it the command finds the enclosing repository; with sourceRef.kind OCIRepository
	// each cluster's directory is then the root of its own artifact, as fleetwright publish pushes it.
	// +fleetwright:example=clusters
	Path string `json:"path,omitempty"`

	// SourceRef is the Flux source, on every cluster, of the repository that holds the output.
	SourceRef *SourceReference `json:"sourceRef,omitempty"`

	// OCIRepository is the OCIRepository of sourceRef on every cluster, for artifacts of fleetwright
	// publish. Its url is the one that publish pushes to: the name of each cluster is added. Without a
	// ref it follows the tag latest.
	OCIRepository *OCIRepository `json:"ociRepository,omitempty"`

	// Topology says whose Flux applies the manifests: each cluster's own (pull), or that of one
	// management cluster, called host, which reaches the others by their kubeconfigs (hub).
	// +kubebuilder:default=pull
	Topology string `json:"topology,omitempty" enum:"pull,hub"`

	// Versions to compile for.
	Versions *Versions `json:"versions,omitempty"`

	// Charts to install instead of the pinned ones.
	Charts *Charts `json:"charts,omitempty"`

	// Plugin says what clusters have whose fleets have no plugin.flagger, and the cluster host.
	Plugin *InstalledPlugin `json:"plugin,omitempty"`

	// Severities replaces the severity of diagnostics, by code. Infos and warnings can be off: they
	// are reported nowhere.
	// +fleetwright:example={"FW208": "error"}
	Severities map[string]Severity `json:"severities,omitempty" enum:"error,warning,info,off"`

	// Defaults of the Flux Kustomizations in sync.yaml.
	Defaults *SyncDefaults `json:"defaults,omitempty"`

	// Sources are the directories that hold the sources of Applications, whose manifests the
	// rollouts are checked against. What is rendered does not depend on them.
	Sources []SourceDirectory `json:"sources,omitempty"`

	// Waves are the clusters in the order in which they get what changes. A cluster is in the first
	// wave that selects it, and in the last one where none does.
	// +fleetwright:example=[{"name": "canary", "clusterSelector": {"matchLabels": {"stage": "canary"}}}, {"name": "rest"}]
	Waves []Wave `json:"waves,omitempty"`

	// Through is the last wave that is written. The clusters of later waves keep what they have. Without
	// it, all waves are written. The flag --through overrides it.
	// +fleetwright:example=canary
	Through string `json:"through,omitempty" pattern:"wave-name"`

	// Function holds what is only for fleetwright as a KRM function, under kustomize
	// or kpt. The command's own subcommands ignore it.
	Function *FunctionConfig `json:"function,omitempty"`
}

// Wave is a part of all clusters.
type Wave struct {
	// Name of the wave, for through and --through.
	Name string `json:"name" pattern:"wave-name" example:"canary"`

	// ClusterSelector selects the clusters of the wave. Without it, the wave has all that no earlier
	// wave has.
	// +fleetwright:example={"matchLabels": {"stage": "canary"}}
	ClusterSelector *ClusterSelector `json:"clusterSelector,omitempty"`
}

// SourceDirectory is a directory that stands for the source of an Application.
type SourceDirectory struct {
	// URL of the source, as in an Application. How Git fetches it, by ssh or https, with or without
	// .git, makes no difference.
	URL string `json:"url" pattern:"^([a-z+]+://|[^/:]+:).*$" example:"https://github.com/stefanprodan/podinfo"`

	// Path of the directory from the RenderConfig's file, with slashes; for a KRM function from the
	// directory that it runs in. It is inside the same repository. Only the flag --source leads
	// anywhere else.
	Path string `json:"path" example:"../podinfo"`
}

// FunctionConfig holds the settings of a KRM function.
type FunctionConfig struct {
	// Mode says what the function does: render emits the manifests; validate passes
	// on what it is given, and fails where there are errors.
	// +kubebuilder:default=render
	Mode string `json:"mode,omitempty" enum:"render,validate"`

	// Cluster is the only one that is rendered. kustomize needs it where there is more than one,
	// since it knows no files of clusters, and takes what two clusters get for one object. With
	// topology hub, what the hub applies to a cluster is that cluster's.
	// +fleetwright:example=eu
	Cluster string `json:"cluster,omitempty"`

	// Inputs are files and directories to read beside the objects that the function
	// is given, from the directory that it runs in. A generator is given none.
	// +fleetwright:example=["application.yaml", "fleet.yaml"]
	Inputs []string `json:"inputs,omitempty"`

	// Directory of the package that the directories of the clusters are put in, with
	// slashes, under kpt. Without it, it is spec.path.
	// +fleetwright:example=clusters
	Directory string `json:"directory,omitempty"`

	// AllowPrune names the Applications that may disappear from clusters while they are still among
	// the inputs, as name or namespace/name, and the components whose releases may, as installed/kuma,
	// under kpt. The function fails where any other would.
	// +fleetwright:example=["default/web"]
	AllowPrune []string `json:"allowPrune,omitempty"`

	// Synced says that Flux has synced, on every cluster, what the function has marked as kept in a
	// package of the former layout, under kpt. The function renders the new layout then.
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
	// Flux is the oldest version that runs on the clusters, at least 2.6.
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

// ChartConfig is a chart and its values. What is left out is fleetwright's own.
type ChartConfig struct {
	Chart `json:",inline"`

	// Values are merged over fleetwright's own.
	Values Values `json:"values,omitempty"`
}

// Release is a tag of a Git repository. What is left out is fleetwright's own.
type Release struct {
	// Repository of the tag, over HTTPS or SSH.
	// +fleetwright:example=https://git.example.com/mirrors/gateway-api
	Repository string `json:"repository,omitempty" pattern:"^(http|https|ssh)://.*$" format:"git-url"`

	// Version of the release, whose tag has a v before it.
	// +fleetwright:example=1.4.1
	Version string `json:"version,omitempty" pattern:"component-version"`
}

// SyncDefaults are the settings of the Flux Kustomizations in sync.yaml.
type SyncDefaults struct {
	// Interval at which drift is corrected.
	// +kubebuilder:default=10m
	Interval Duration `json:"interval,omitempty"`

	// RetryInterval after a failure.
	// +kubebuilder:default=2m
	RetryInterval Duration `json:"retryInterval,omitempty"`

	// Timeout of applying and of waiting until all is ready.
	// +kubebuilder:default=10m
	Timeout Duration `json:"timeout,omitempty"`

	// ServiceAccountName that Flux impersonates, in the namespace of the Kustomizations.
	// +fleetwright:example=deployer
	ServiceAccountName string `json:"serviceAccountName,omitempty" format:"dns-subdomain"`
}
