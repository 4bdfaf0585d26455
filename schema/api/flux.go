package api

import "github.com/fluxcd/pkg/apis/kustomize"

// Dependency names an object that must be ready first.
type Dependency struct {
	NamespacedReference `json:",inline"`

	// ReadyExpr is a CEL expression over dep and self that is true if the dependency is ready (fleetwright extension;
	// Flux 2.7 or newer).
	// +fleetwright:extension
	// +fleetwright:example=dep.status.observedGeneration == dep.metadata.generation
	ReadyExpr string `json:"readyExpr,omitempty"`
}

// PostBuild substitutes variables after a build, such as ${REGION}. fleetwright resolves its own variables,
// ${cluster.…}, before.
type PostBuild struct {
	// Substitute are variables by their names.
	// +fleetwright:example={"REGION": "eu"}
	Substitute map[string]string `json:"substitute,omitempty" keys:"variable"`

	// SubstituteFrom names ConfigMaps and Secrets with variables, in the Application's namespace.
	SubstituteFrom []SubstituteReference `json:"substituteFrom,omitempty"`

	// SubstituteStrategy decides whether Flux also substitutes without variables, with the defaults in the
	// manifests (Flux 2.9 or newer).
	// +kubebuilder:default=WithVariables
	SubstituteStrategy string `json:"substituteStrategy,omitempty" enum:"WithVariables,Always"`
}

// SubstituteReference names a ConfigMap or a Secret with variables.
type SubstituteReference struct {
	// Kind of the object.
	Kind string `json:"kind" enum:"Secret,ConfigMap"`

	// Name of the object, in the Application's namespace.
	Name string `json:"name" pattern:"dns-subdomain" format:"dns-subdomain" example:"cluster-variables"`

	// Optional ignores an object that does not exist.
	Optional bool `json:"optional,omitempty"`
}

// Decryption decrypts Secrets before they are applied.
type Decryption struct {
	// Provider that encrypted them.
	Provider string `json:"provider" enum:"sops" example:"sops"`

	// SecretRef names the Secret with the keys, in the Application's namespace. Keys of age and PGP need
	// one; for a cloud's key service, Flux may need none.
	SecretRef *LocalReference `json:"secretRef,omitempty"`

	// ServiceAccountName is the account that logs in to a cloud's key service.
	// +fleetwright:example=decryptor
	ServiceAccountName string `json:"serviceAccountName,omitempty" format:"dns-subdomain"`
}

// HealthCheck names an object that must be ready.
type HealthCheck struct {
	// APIVersion of the object; without it, a core Kubernetes kind.
	// +fleetwright:example=apps/v1
	APIVersion string `json:"apiVersion,omitempty" pattern:"api-version"`

	// Kind of the object.
	Kind string `json:"kind" pattern:"kind" example:"Deployment"`

	// Name of the object.
	Name string `json:"name" pattern:"^.+$" format:"dns-subdomain" example:"backend"`

	// Namespace of the object.
	// +fleetwright:example=webapp
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`
}

// HealthCheckExpr holds the CEL expressions that tell whether objects of a kind are ready.
type HealthCheckExpr struct {
	// APIVersion of the objects; only its group counts.
	APIVersion string `json:"apiVersion" pattern:"api-version" example:"cert-manager.io/v1"`

	// Kind of the objects; without it, all of the group (Flux 2.9 or newer).
	// +fleetwright:example=Certificate
	Kind string `json:"kind,omitempty" pattern:"kind"`

	// Current is true of an object that is ready.
	Current string `json:"current" pattern:"^[\\s\\S]+$" example:"status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')"`

	// InProgress is true of an object that is not ready yet.
	// +fleetwright:example=status.conditions.exists(c, c.type == 'Ready' && c.status == 'Unknown')
	InProgress string `json:"inProgress,omitempty"`

	// Failed is true of an object that has failed.
	// +fleetwright:example=status.conditions.exists(c, c.type == 'Ready' && c.status == 'False')
	Failed string `json:"failed,omitempty"`
}

// IgnoreRule names fields that Flux does not change.
type IgnoreRule struct {
	// Paths are JSON pointers to the fields.
	Paths []string `json:"paths" format:"json-pointer" example:"[\"/spec/replicas\"]"`

	// Target are the objects; without it, all.
	Target *kustomize.Selector `json:"target,omitempty"`
}

// DriftDetection compares the cluster with a release.
type DriftDetection struct {
	// Mode decides what Flux does about drift: correct it, warn, or nothing.
	// +kubebuilder:default=disabled
	Mode string `json:"mode,omitempty" enum:"enabled,warn,disabled"`

	// Ignore are the fields that are not compared.
	Ignore []IgnoreRule `json:"ignore,omitempty"`
}

// HelmTest runs the tests of a chart.
type HelmTest struct {
	// Enable the tests.
	Enable bool `json:"enable,omitempty"`

	// Timeout of each test; without it, the release's.
	// +fleetwright:example=2m
	Timeout Duration `json:"timeout,omitempty"`

	// IgnoreFailures reports a release as ready even if its tests fail.
	IgnoreFailures bool `json:"ignoreFailures,omitempty"`

	// Filters choose tests by their names.
	Filters []HelmTestFilter `json:"filters,omitempty"`
}

// HelmTestFilter chooses a test of a chart.
type HelmTestFilter struct {
	// Name of the test.
	Name string `json:"name" pattern:"^.+$" format:"dns-subdomain" example:"podinfo-service-test"`

	// Exclude the test.
	Exclude bool `json:"exclude,omitempty"`
}

// WaitStrategy sets how Flux waits for the objects of a release.
type WaitStrategy struct {
	// Name of the strategy: poller checks their status as Kustomizations do; legacy is Helm 3's own.
	Name string `json:"name" enum:"poller,legacy" example:"poller"`
}

// HelmStrategy sets how Flux reacts to a failed Helm operation.
type HelmStrategy struct {
	// Name of the strategy: RetryOnFailure retries; RemediateOnFailure follows remediation.
	Name string `json:"name" enum:"RemediateOnFailure,RetryOnFailure" example:"RetryOnFailure"`

	// RetryInterval is the time between two attempts, with RetryOnFailure.
	// +fleetwright:example=5m
	RetryInterval Duration `json:"retryInterval,omitempty"`
}

// PostRenderer changes the objects of a chart before they are applied.
type PostRenderer struct {
	// Kustomize changes them as kustomize does.
	Kustomize *PostRendererKustomize `json:"kustomize,omitempty"`
}

// PostRendererKustomize holds the changes that kustomize makes.
type PostRendererKustomize struct {
	// Patches are strategic merge or JSON patches of the objects.
	Patches []kustomize.Patch `json:"patches,omitempty"`

	// Images replaces names, tags and digests of images.
	Images []kustomize.Image `json:"images,omitempty"`
}
