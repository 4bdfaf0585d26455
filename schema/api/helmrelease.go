package api

// HelmRelease installs a chart, as a Flux HelmRelease does, with the v2beta1 fields that Kurator has.
// +fleetwright:becomes=`spec.{path}` of the HelmRelease (v2)
type HelmRelease struct {
	// Chart to install.
	// +fleetwright:becomes=`spec.chart`, or `spec.chartRef` for a chart from an ociRepository
	Chart HelmChart `json:"chart"`

	// Interval at which Flux reconciles the release. With 0s, Flux installs only
	// new versions of the chart or of the values.
	Interval Duration `json:"interval" example:"5m0s"`

	// Suspend stops installing and upgrading.
	Suspend bool `json:"suspend,omitempty"`

	// ReleaseName is the name of Helm's release; without it, the policy's.
	// +fleetwright:example=podinfo
	// +fleetwright:becomes=`spec.releaseName` of the HelmRelease; without it, the name of the policy
	ReleaseName string `json:"releaseName,omitempty" pattern:"release-name"`

	// TargetNamespace of the release; without it, the Application's.
	// +fleetwright:example=webapp
	TargetNamespace string `json:"targetNamespace,omitempty" pattern:"dns-label"`

	// DependsOn names the policies with helm that must be ready first, in this or
	// another Application's namespace. Kurator's object names,
	// <policy>-<kind>-<cluster>, are accepted.
	// +fleetwright:becomes=`spec.dependsOn`, with the rendered names
	DependsOn []Dependency `json:"dependsOn,omitempty"`

	// Timeout of any one operation of Helm.
	// +kubebuilder:default=5m0s
	Timeout Duration `json:"timeout,omitempty"`

	// MaxHistory is the number of revisions that Helm keeps; 0 is all. Kurator's
	// default is always rendered, because Flux's has been 5 since v2.
	// +kubebuilder:default=10
	// +fleetwright:becomes=`spec.maxHistory` of the HelmRelease, always rendered, because Flux's default has changed
	MaxHistory *int32 `json:"maxHistory,omitempty" min:"0"`

	// ServiceAccountName that Flux impersonates, in the Application's namespace.
	// +fleetwright:example=deployer
	ServiceAccountName string `json:"serviceAccountName,omitempty" format:"dns-subdomain"`

	// PersistentClient keeps one client for all of Helm's actions.
	// +kubebuilder:default=true
	PersistentClient *bool `json:"persistentClient,omitempty"`

	// Install configures the first installation.
	Install *HelmInstall `json:"install,omitempty"`

	// Upgrade configures the upgrade to a new version.
	Upgrade *HelmUpgrade `json:"upgrade,omitempty"`

	// Rollback configures the rollback of a failed upgrade.
	Rollback *HelmRollback `json:"rollback,omitempty"`

	// Uninstall configures the removal of the release.
	Uninstall *HelmUninstall `json:"uninstall,omitempty"`

	// ValuesFrom names Secrets and ConfigMaps with values, which must exist in the
	// Application's namespace on every cluster that the Application goes to.
	ValuesFrom []ValuesReference `json:"valuesFrom,omitempty"`

	// Values for the chart.
	Values Values `json:"values,omitempty"`

	// StorageNamespace is where Helm stores the release; without it, the Application's (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:example=webapp
	StorageNamespace string `json:"storageNamespace,omitempty" pattern:"dns-label"`

	// CommonMetadata is added to every object (fleetwright extension; Flux 2.7 or newer).
	// +fleetwright:extension
	CommonMetadata *CommonMetadata `json:"commonMetadata,omitempty"`

	// DriftDetection compares the cluster with the release at each interval (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.driftDetection` of the HelmRelease (v2); with added rules that ignore the fields that Flagger changes (FW528)
	DriftDetection *DriftDetection `json:"driftDetection,omitempty"`

	// Test runs the chart's tests after installing and upgrading (fleetwright extension).
	// +fleetwright:extension
	Test *HelmTest `json:"test,omitempty"`

	// WaitStrategy sets how Flux waits for objects (fleetwright extension; Flux 2.8 or newer).
	// +fleetwright:extension
	WaitStrategy *WaitStrategy `json:"waitStrategy,omitempty"`

	// HealthCheckExprs are CEL expressions that tell whether custom resources are ready (fleetwright extension; Flux 2.8 or newer).
	// +fleetwright:extension
	HealthCheckExprs []HealthCheckExpr `json:"healthCheckExprs,omitempty"`

	// PostRenderers change the chart's objects, in order (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.postRenderers` of the HelmRelease (v2), before those that a rollout needs; patches are checked as kustomize would (FW505)
	PostRenderers []PostRenderer `json:"postRenderers,omitempty"`

	// PostRenderStrategy decides whether postRenderers also get the chart's hooks (fleetwright extension; Flux
	// 2.9 or newer).
	// +kubebuilder:default=combined
	// +fleetwright:extension
	PostRenderStrategy string `json:"postRenderStrategy,omitempty" enum:"nohooks,combined,separate"`
}

// HelmChart is the chart of a release.
type HelmChart struct {
	// Metadata of the HelmChart that Flux creates.
	// +fleetwright:becomes=`spec.chart.metadata`; rejected for a chart from an ociRepository (FW508)
	Metadata *CommonMetadata `json:"metadata,omitempty"`

	// Spec selects the chart.
	Spec HelmChartSpec `json:"spec"`
}

// HelmChartSpec selects the chart of the source.
type HelmChartSpec struct {
	// Chart is the name of the chart in a helmRepository, or its path in a gitRepository. For an
	// ociRepository, it is the last part of the URL.
	Chart string `json:"chart" pattern:"^.+$" format:"chart" example:"podinfo"`

	// Version of the chart, or a range of versions. A gitRepository has only the
	// checked-out version; an ociRepository sets it in its ref.
	// +kubebuilder:default=*
	// +fleetwright:becomes=`spec.chart.spec.version`; rejected for a chart from an ociRepository (FW508), a warning for one from Git (FW509)
	Version string `json:"version,omitempty" format:"semver"`

	// Interval at which Flux looks for new versions; without it, the release's.
	// +fleetwright:example=1h
	// +fleetwright:becomes=`spec.chart.spec.interval`; rejected for a chart from an ociRepository (FW508)
	Interval Duration `json:"interval,omitempty"`

	// ReconcileStrategy decides when Flux installs a new chart: on a new chart version,
	// or on a new revision of the source.
	// +kubebuilder:default=ChartVersion
	// +fleetwright:becomes=`spec.chart.spec.reconcileStrategy`; rejected for a chart from an ociRepository (FW508)
	ReconcileStrategy string `json:"reconcileStrategy,omitempty" enum:"ChartVersion,Revision"`

	// ValuesFiles of the chart replace its values.yaml; later files override
	// earlier ones.
	// +fleetwright:example=["values.yaml", "values-production.yaml"]
	// +fleetwright:becomes=`spec.chart.spec.valuesFiles`; rejected for a chart from an ociRepository (FW508)
	ValuesFiles []string `json:"valuesFiles,omitempty" format:"source-file"`

	// IgnoreMissingValuesFiles skips valuesFiles that the chart lacks (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.chart.spec.ignoreMissingValuesFiles`; rejected for a chart from an ociRepository (FW508)
	IgnoreMissingValuesFiles bool `json:"ignoreMissingValuesFiles,omitempty"`

	// Verify requires a signature of the chart, in a helmRepository of type oci (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.chart.spec.verify`; rejected for a chart from an ociRepository (FW508)
	Verify *ChartVerification `json:"verify,omitempty"`
}

// HelmInstall configures the first installation of a chart.
type HelmInstall struct {
	// Timeout of any one operation; without it, the release's.
	// +fleetwright:example=10m
	Timeout Duration `json:"timeout,omitempty"`

	// CRDs decides what Flux does with the chart's CRDs.
	// +kubebuilder:default=Create
	CRDs string `json:"crds,omitempty" enum:"Skip,Create,CreateReplace"`

	// Remediation of a failed installation.
	Remediation *HelmInstallRemediation `json:"remediation,omitempty"`

	HelmWaiting `json:",inline"`

	// DisableOpenAPIValidation skips validating the chart's objects against Kubernetes' schemas.
	DisableOpenAPIValidation bool `json:"disableOpenAPIValidation,omitempty"`

	HelmOwning `json:",inline"`

	// ServerSideApply decides whether the API server merges the fields (fleetwright extension; Flux 2.8 or newer).
	// +fleetwright:extension
	ServerSideApply *bool `json:"serverSideApply,omitempty"`

	// Strategy sets how Flux reacts to a failed installation (fleetwright extension; Flux 2.7 or newer).
	// +fleetwright:extension
	Strategy *HelmStrategy `json:"strategy,omitempty"`

	// Replace reuses the name of a deleted release.
	Replace bool `json:"replace,omitempty"`

	// SkipCRDs is deprecated by Flux; crds: Skip is rendered for it.
	// +fleetwright:becomes=`spec.install.crds: Skip` of the HelmRelease
	SkipCRDs bool `json:"skipCRDs,omitempty"`

	// CreateNamespace creates the target namespace. fleetwright always renders it.
	CreateNamespace bool `json:"createNamespace,omitempty"`
}

// HelmWaiting configures waiting and hooks of a Helm operation.
type HelmWaiting struct {
	// DisableWait does not wait until all objects are ready.
	DisableWait bool `json:"disableWait,omitempty"`

	// DisableWaitForJobs does not wait until Jobs are complete.
	DisableWaitForJobs bool `json:"disableWaitForJobs,omitempty"`

	// DisableHooks runs no hooks of the chart.
	DisableHooks bool `json:"disableHooks,omitempty"`
}

// HelmOwning turns off checks of a Helm operation.
type HelmOwning struct {
	// DisableSchemaValidation skips validating the values against the chart's schema (fleetwright extension).
	// +fleetwright:extension
	DisableSchemaValidation bool `json:"disableSchemaValidation,omitempty"`

	// DisableTakeOwnership fails if an object of the chart already exists (fleetwright extension).
	// +fleetwright:extension
	DisableTakeOwnership bool `json:"disableTakeOwnership,omitempty"`
}

// HelmInstallRemediation configures the reaction to a failed installation.
type HelmInstallRemediation struct {
	// Retries before giving up; a negative number retries forever.
	// +kubebuilder:default=0
	Retries int32 `json:"retries,omitempty"`

	// IgnoreTestFailures ignores failed tests of the chart.
	IgnoreTestFailures *bool `json:"ignoreTestFailures,omitempty"`

	// RemediateLastFailure also uninstalls after the last failure.
	RemediateLastFailure *bool `json:"remediateLastFailure,omitempty"`
}

// HelmUpgrade configures the upgrade to a new version.
type HelmUpgrade struct {
	// Timeout of any one operation; without it, the release's.
	// +fleetwright:example=10m
	Timeout Duration `json:"timeout,omitempty"`

	// CRDs decides what Flux does with the chart's CRDs.
	// +kubebuilder:default=Skip
	CRDs string `json:"crds,omitempty" enum:"Skip,Create,CreateReplace"`

	// Remediation of a failed upgrade.
	Remediation *HelmUpgradeRemediation `json:"remediation,omitempty"`

	HelmWaiting `json:",inline"`

	// DisableOpenAPIValidation skips validating the chart's objects against Kubernetes' schemas.
	DisableOpenAPIValidation bool `json:"disableOpenAPIValidation,omitempty"`

	HelmOwning `json:",inline"`

	// ServerSideApply decides whether the API server merges the fields (fleetwright extension; Flux 2.8 or newer).
	// +kubebuilder:default=auto
	// +fleetwright:extension
	ServerSideApply string `json:"serverSideApply,omitempty" enum:"enabled,disabled,auto"`

	// Strategy sets how Flux reacts to a failed upgrade (fleetwright extension; Flux 2.7 or newer).
	// +fleetwright:extension
	Strategy *HelmStrategy `json:"strategy,omitempty"`

	// ChartNameChangeStrategy decides what happens to the release when the chart's name changes (fleetwright
	// extension; Flux 2.9 or newer).
	// +kubebuilder:default=Reinstall
	// +fleetwright:extension
	ChartNameChangeStrategy string `json:"chartNameChangeStrategy,omitempty" enum:"InPlaceUpdate,Reinstall"`

	// Force replaces objects that cannot be changed.
	Force bool `json:"force,omitempty"`

	// PreserveValues keeps the values of the last release and merges the new ones over them.
	PreserveValues bool `json:"preserveValues,omitempty"`

	// CleanupOnFail deletes objects that a failed upgrade created.
	CleanupOnFail bool `json:"cleanupOnFail,omitempty"`
}

// HelmUpgradeRemediation configures the reaction to a failed upgrade.
type HelmUpgradeRemediation struct {
	// Retries before giving up; a negative number retries forever.
	// +kubebuilder:default=0
	Retries int32 `json:"retries,omitempty"`

	// IgnoreTestFailures ignores failed tests of the chart.
	IgnoreTestFailures *bool `json:"ignoreTestFailures,omitempty"`

	// RemediateLastFailure also rolls back after the last failure.
	RemediateLastFailure *bool `json:"remediateLastFailure,omitempty"`

	// Strategy of the remediation.
	// +kubebuilder:default=rollback
	Strategy string `json:"strategy,omitempty" enum:"rollback,uninstall"`
}

// HelmRollback configures the rollback of a failed upgrade.
type HelmRollback struct {
	// Timeout of any one operation; without it, the release's.
	// +fleetwright:example=10m
	Timeout Duration `json:"timeout,omitempty"`

	HelmWaiting `json:",inline"`

	// Recreate restarts pods.
	Recreate bool `json:"recreate,omitempty"`

	// Force replaces objects that cannot be changed.
	Force bool `json:"force,omitempty"`

	// CleanupOnFail deletes objects that a failed rollback created.
	CleanupOnFail bool `json:"cleanupOnFail,omitempty"`

	// ServerSideApply decides whether the API server merges the fields (fleetwright extension; Flux 2.8 or newer).
	// +kubebuilder:default=auto
	// +fleetwright:extension
	ServerSideApply string `json:"serverSideApply,omitempty" enum:"enabled,disabled,auto"`
}

// HelmUninstall configures the removal of a release.
type HelmUninstall struct {
	// Timeout of any one operation; without it, the release's.
	// +fleetwright:example=10m
	Timeout Duration `json:"timeout,omitempty"`

	// DisableHooks runs no hooks of the chart.
	DisableHooks bool `json:"disableHooks,omitempty"`

	// KeepHistory keeps the history of the release.
	KeepHistory bool `json:"keepHistory,omitempty"`

	// DisableWait does not wait until all objects are deleted.
	DisableWait bool `json:"disableWait,omitempty"`

	// DeletionPropagation of the objects.
	// +kubebuilder:default=background
	DeletionPropagation string `json:"deletionPropagation,omitempty" enum:"background,foreground,orphan"`
}

// ValuesReference names a Secret or a ConfigMap with values.
type ValuesReference struct {
	// Kind of the object.
	Kind string `json:"kind" enum:"Secret,ConfigMap"`

	// Name of the object, in the Application's namespace.
	Name string `json:"name" format:"dns-subdomain" example:"podinfo-values"`

	// ValuesKey is the key in the object.
	// +kubebuilder:default=values.yaml
	ValuesKey string `json:"valuesKey,omitempty" format:"config-key"`

	// TargetPath is the path in the values for a single value; without it, the
	// key holds values as YAML.
	// +fleetwright:example=ingress.hosts[0].host
	TargetPath string `json:"targetPath,omitempty" format:"values-path"`

	// Literal sets the value at targetPath unchanged, as text (fleetwright extension; Flux 2.9 or newer).
	// +fleetwright:extension
	Literal bool `json:"literal,omitempty"`

	// Optional ignores an object that does not exist.
	Optional bool `json:"optional,omitempty"`
}
