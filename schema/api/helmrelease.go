package api

// HelmRelease installs a chart, as a Flux HelmRelease does, in the v2beta1 shape that Kurator has.
// +fleetwright:becomes=`spec.{path}` of the HelmRelease (v2)
type HelmRelease struct {
	// Chart to install.
	// +fleetwright:becomes=`spec.chart`, or `spec.chartRef` for a chart from an ociRepository
	Chart HelmChart `json:"chart"`

	// Interval at which the release is looked at. With 0s there is no periodic
	// run: only a new version of the chart or of the values is installed.
	Interval Duration `json:"interval" example:"5m0s"`

	// Suspend stops installing and upgrading.
	Suspend bool `json:"suspend,omitempty"`

	// ReleaseName is the name of Helm's release; without it, that of the policy.
	// +fleetwright:example=podinfo
	// +fleetwright:becomes=`spec.releaseName` of the HelmRelease; without it, the name of the policy
	ReleaseName string `json:"releaseName,omitempty" pattern:"release-name"`

	// TargetNamespace of the release; without it, the Application's.
	// +fleetwright:example=webapp
	TargetNamespace string `json:"targetNamespace,omitempty" pattern:"dns-label"`

	// DependsOn names the policies with helm that must be ready first, in this or
	// another Application's namespace. The names that Kurator gives to objects,
	// <policy>-<kind>-<cluster>, are understood.
	// +fleetwright:becomes=`spec.dependsOn`, the names mapped to those that are rendered
	DependsOn []Dependency `json:"dependsOn,omitempty"`

	// Timeout of any one operation of Helm.
	// +kubebuilder:default=5m0s
	Timeout Duration `json:"timeout,omitempty"`

	// MaxHistory is how many revisions Helm keeps; 0 is all. Flux' own default is
	// 5 since v2, so Kurator's is written out.
	// +kubebuilder:default=10
	// +fleetwright:becomes=`spec.maxHistory` of the HelmRelease, written out because Flux' default has changed
	MaxHistory *int32 `json:"maxHistory,omitempty" min:"0"`

	// ServiceAccountName that Flux impersonates, in the Application's namespace.
	// +fleetwright:example=deployer
	ServiceAccountName string `json:"serviceAccountName,omitempty" format:"dns-subdomain"`

	// PersistentClient keeps one client for all of Helm's actions.
	// +kubebuilder:default=true
	PersistentClient *bool `json:"persistentClient,omitempty"`

	// Install is how the chart is installed first.
	Install *HelmInstall `json:"install,omitempty"`

	// Upgrade is how a new version is installed.
	Upgrade *HelmUpgrade `json:"upgrade,omitempty"`

	// Rollback is how a failed upgrade is undone.
	Rollback *HelmRollback `json:"rollback,omitempty"`

	// Uninstall is how the release is removed.
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
	// +fleetwright:becomes=`spec.driftDetection` of the HelmRelease (v2); rules that ignore what Flagger changes are added (FW528)
	DriftDetection *DriftDetection `json:"driftDetection,omitempty"`

	// Test runs the chart's tests after installing and upgrading (fleetwright extension).
	// +fleetwright:extension
	Test *HelmTest `json:"test,omitempty"`

	// WaitStrategy says how Flux waits for objects (fleetwright extension; Flux 2.8 or newer).
	// +fleetwright:extension
	WaitStrategy *WaitStrategy `json:"waitStrategy,omitempty"`

	// HealthCheckExprs are CEL expressions for when custom resources are ready (fleetwright extension; Flux 2.8 or newer).
	// +fleetwright:extension
	HealthCheckExprs []HealthCheckExpr `json:"healthCheckExprs,omitempty"`

	// PostRenderers change what the chart makes, in order (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.postRenderers` of the HelmRelease (v2), before those that a rollout needs; patches are checked as kustomize would (FW505)
	PostRenderers []PostRenderer `json:"postRenderers,omitempty"`

	// PostRenderStrategy sets whether postRenderers get the chart's hooks, too (fleetwright extension; Flux
	// 2.9 or newer).
	// +kubebuilder:default=combined
	// +fleetwright:extension
	PostRenderStrategy string `json:"postRenderStrategy,omitempty" enum:"nohooks,combined,separate"`
}

// HelmChart is the chart of a release.
type HelmChart struct {
	// Metadata of the HelmChart that Flux makes.
	// +fleetwright:becomes=`spec.chart.metadata`; refused for a chart from an ociRepository (FW508)
	Metadata *CommonMetadata `json:"metadata,omitempty"`

	// Spec says which chart.
	Spec HelmChartSpec `json:"spec"`
}

// HelmChartSpec says which chart of the source is installed.
type HelmChartSpec struct {
	// Chart is the name of the chart in a helmRepository, or its path in a gitRepository. An
	// ociRepository is the chart itself, which its URL ends with.
	Chart string `json:"chart" pattern:"^.+$" format:"chart" example:"podinfo"`

	// Version of the chart, or a range of versions. A gitRepository has only the
	// one that is checked out; that of an ociRepository is its ref.
	// +kubebuilder:default=*
	// +fleetwright:becomes=`spec.chart.spec.version`; refused for a chart from an ociRepository (FW508), a warning for one from Git (FW509)
	Version string `json:"version,omitempty" format:"semver"`

	// Interval at which new versions are looked for; without it, the release's.
	// +fleetwright:example=1h
	// +fleetwright:becomes=`spec.chart.spec.interval`; refused for a chart from an ociRepository (FW508)
	Interval Duration `json:"interval,omitempty"`

	// ReconcileStrategy says what makes a new chart: a new version of it, or a new
	// revision of the source.
	// +kubebuilder:default=ChartVersion
	// +fleetwright:becomes=`spec.chart.spec.reconcileStrategy`; refused for a chart from an ociRepository (FW508)
	ReconcileStrategy string `json:"reconcileStrategy,omitempty" enum:"ChartVersion,Revision"`

	// ValuesFiles of the chart that are used in place of its values.yaml, the
	// later ones over the earlier.
	// +fleetwright:example=["values.yaml", "values-production.yaml"]
	// +fleetwright:becomes=`spec.chart.spec.valuesFiles`; refused for a chart from an ociRepository (FW508)
	ValuesFiles []string `json:"valuesFiles,omitempty" format:"source-file"`

	// IgnoreMissingValuesFiles skips valuesFiles that the chart lacks (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.chart.spec.ignoreMissingValuesFiles`; refused for a chart from an ociRepository (FW508)
	IgnoreMissingValuesFiles bool `json:"ignoreMissingValuesFiles,omitempty"`

	// Verify asks for a signature of the chart, in a helmRepository of type oci (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.chart.spec.verify`; refused for a chart from an ociRepository (FW508)
	Verify *ChartVerification `json:"verify,omitempty"`
}

// HelmInstall is how a chart is installed first.
type HelmInstall struct {
	// Timeout of any one operation; without it, the release's.
	// +fleetwright:example=10m
	Timeout Duration `json:"timeout,omitempty"`

	// CRDs says what is done with those of the chart.
	// +kubebuilder:default=Create
	CRDs string `json:"crds,omitempty" enum:"Skip,Create,CreateReplace"`

	// Remediation of a failed installation.
	Remediation *HelmInstallRemediation `json:"remediation,omitempty"`

	HelmWaiting `json:",inline"`

	// DisableOpenAPIValidation does not check the chart's objects against Kubernetes' schemas.
	DisableOpenAPIValidation bool `json:"disableOpenAPIValidation,omitempty"`

	HelmOwning `json:",inline"`

	// ServerSideApply sets whether the API server merges the fields (fleetwright extension; Flux 2.8 or newer).
	// +fleetwright:extension
	ServerSideApply *bool `json:"serverSideApply,omitempty"`

	// Strategy says what follows a failed installation (fleetwright extension; Flux 2.7 or newer).
	// +fleetwright:extension
	Strategy *HelmStrategy `json:"strategy,omitempty"`

	// Replace takes the name of a deleted release again.
	Replace bool `json:"replace,omitempty"`

	// SkipCRDs is deprecated by Flux; crds: Skip is rendered for it.
	// +fleetwright:becomes=`spec.install.crds: Skip` of the HelmRelease
	SkipCRDs bool `json:"skipCRDs,omitempty"`

	// CreateNamespace makes the target namespace. fleetwright renders it in any case.
	CreateNamespace bool `json:"createNamespace,omitempty"`
}

// HelmWaiting says what an operation of Helm waits for and runs beside it.
type HelmWaiting struct {
	// DisableWait does not wait until all is ready.
	DisableWait bool `json:"disableWait,omitempty"`

	// DisableWaitForJobs does not wait until jobs are done.
	DisableWaitForJobs bool `json:"disableWaitForJobs,omitempty"`

	// DisableHooks runs no hooks of the chart.
	DisableHooks bool `json:"disableHooks,omitempty"`
}

// HelmOwning says what an operation of Helm does not check.
type HelmOwning struct {
	// DisableSchemaValidation does not check the values against the chart's schema (fleetwright extension).
	// +fleetwright:extension
	DisableSchemaValidation bool `json:"disableSchemaValidation,omitempty"`

	// DisableTakeOwnership fails where an object of the chart is there already (fleetwright extension).
	// +fleetwright:extension
	DisableTakeOwnership bool `json:"disableTakeOwnership,omitempty"`
}

// HelmInstallRemediation is what is done after a failed installation.
type HelmInstallRemediation struct {
	// Retries before giving up; negative is no end.
	// +kubebuilder:default=0
	Retries int32 `json:"retries,omitempty"`

	// IgnoreTestFailures passes over failed tests of the chart.
	IgnoreTestFailures *bool `json:"ignoreTestFailures,omitempty"`

	// RemediateLastFailure uninstalls after the last failure as well.
	RemediateLastFailure *bool `json:"remediateLastFailure,omitempty"`
}

// HelmUpgrade is how a new version is installed.
type HelmUpgrade struct {
	// Timeout of any one operation; without it, the release's.
	// +fleetwright:example=10m
	Timeout Duration `json:"timeout,omitempty"`

	// CRDs says what is done with those of the chart.
	// +kubebuilder:default=Skip
	CRDs string `json:"crds,omitempty" enum:"Skip,Create,CreateReplace"`

	// Remediation of a failed upgrade.
	Remediation *HelmUpgradeRemediation `json:"remediation,omitempty"`

	HelmWaiting `json:",inline"`

	// DisableOpenAPIValidation does not check the chart's objects against Kubernetes' schemas.
	DisableOpenAPIValidation bool `json:"disableOpenAPIValidation,omitempty"`

	HelmOwning `json:",inline"`

	// ServerSideApply sets whether the API server merges the fields (fleetwright extension; Flux 2.8 or newer).
	// +kubebuilder:default=auto
	// +fleetwright:extension
	ServerSideApply string `json:"serverSideApply,omitempty" enum:"enabled,disabled,auto"`

	// Strategy says what follows a failed upgrade (fleetwright extension; Flux 2.7 or newer).
	// +fleetwright:extension
	Strategy *HelmStrategy `json:"strategy,omitempty"`

	// ChartNameChangeStrategy sets what a new name of the chart does to the release (fleetwright
	// extension; Flux 2.9 or newer).
	// +kubebuilder:default=Reinstall
	// +fleetwright:extension
	ChartNameChangeStrategy string `json:"chartNameChangeStrategy,omitempty" enum:"InPlaceUpdate,Reinstall"`

	// Force replaces objects that cannot be changed.
	Force bool `json:"force,omitempty"`

	// PreserveValues keeps the values of the last release and merges the new ones over them.
	PreserveValues bool `json:"preserveValues,omitempty"`

	// CleanupOnFail deletes what a failed upgrade has made.
	CleanupOnFail bool `json:"cleanupOnFail,omitempty"`
}

// HelmUpgradeRemediation is what is done after a failed upgrade.
type HelmUpgradeRemediation struct {
	// Retries before giving up; negative is no end.
	// +kubebuilder:default=0
	Retries int32 `json:"retries,omitempty"`

	// IgnoreTestFailures passes over failed tests of the chart.
	IgnoreTestFailures *bool `json:"ignoreTestFailures,omitempty"`

	// RemediateLastFailure rolls back after the last failure as well.
	RemediateLastFailure *bool `json:"remediateLastFailure,omitempty"`

	// Strategy of the remediation.
	// +kubebuilder:default=rollback
	Strategy string `json:"strategy,omitempty" enum:"rollback,uninstall"`
}

// HelmRollback is how a failed upgrade is undone.
type HelmRollback struct {
	// Timeout of any one operation; without it, the release's.
	// +fleetwright:example=10m
	Timeout Duration `json:"timeout,omitempty"`

	HelmWaiting `json:",inline"`

	// Recreate restarts pods.
	Recreate bool `json:"recreate,omitempty"`

	// Force replaces objects that cannot be changed.
	Force bool `json:"force,omitempty"`

	// CleanupOnFail deletes what a failed rollback has made.
	CleanupOnFail bool `json:"cleanupOnFail,omitempty"`

	// ServerSideApply sets whether the API server merges the fields (fleetwright extension; Flux 2.8 or newer).
	// +kubebuilder:default=auto
	// +fleetwright:extension
	ServerSideApply string `json:"serverSideApply,omitempty" enum:"enabled,disabled,auto"`
}

// HelmUninstall is how a release is removed.
type HelmUninstall struct {
	// Timeout of any one operation; without it, the release's.
	// +fleetwright:example=10m
	Timeout Duration `json:"timeout,omitempty"`

	// DisableHooks runs no hooks of the chart.
	DisableHooks bool `json:"disableHooks,omitempty"`

	// KeepHistory keeps the history of the release.
	KeepHistory bool `json:"keepHistory,omitempty"`

	// DisableWait does not wait until all is gone.
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

	// TargetPath is where in the values a single value goes; without it, the
	// key's text holds values of its own.
	// +fleetwright:example=ingress.hosts[0].host
	TargetPath string `json:"targetPath,omitempty" format:"values-path"`

	// Literal takes the value for targetPath as it is: a text (fleetwright extension; Flux 2.9 or newer).
	// +fleetwright:extension
	Literal bool `json:"literal,omitempty"`

	// Optional passes over an object that does not exist.
	Optional bool `json:"optional,omitempty"`
}
