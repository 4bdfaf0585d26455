package api

import "github.com/fluxcd/pkg/apis/kustomize"

// Application syncs a source to clusters of a fleet, and rolls out new versions of its workloads
// there. It is Kurator's apps.kurator.dev/v1alpha1 Application.
type Application struct {
	TypeMeta `json:",inline"`

	// Metadata of the Application.
	// +fleetwright:becomes=see below
	Metadata ObjectMeta `json:"metadata"`

	// Spec is the desired state of the Application.
	// +fleetwright:becomes=see below
	Spec ApplicationSpec `json:"spec"`

	// Status is set by Kurator and ignored.
	// +fleetwright:becomes=ignored: Kurator sets it
	Status any `json:"status,omitempty"`
}

// ApplicationSpec is the desired state of an Application.
type ApplicationSpec struct {
	// Source is the source of the manifests: exactly one of gitRepository,
	// helmRepository, ociRepository and existing.
	// +fleetwright:becomes=a source named after the Application, of one of three kinds; none for an existing one
	Source ApplicationSource `json:"source"`

	// SyncPolicies are the parts of the source to sync. Each may have its own destination and rollout.
	// +fleetwright:becomes=a Flux Kustomization or HelmRelease each, with the objects that its rollout needs
	SyncPolicies []SyncPolicy `json:"syncPolicies"`

	// Destination of the policies without their own. Without any destination, the
	// Application goes to the cluster "host".
	// +fleetwright:becomes=the clusters of the policies without their own destination; without any, the cluster `host`
	Destination *Destination `json:"destination,omitempty"`

	// Overrides change the source on some clusters, in order: later overrides win.
	// +fleetwright:extension
	// +fleetwright:becomes=the source on the clusters that an override selects; on a hub, one source object for each variant
	Overrides []SourceOverride `json:"overrides,omitempty"`
}

// SourceOverride changes the source of an Application on some of its clusters.
type SourceOverride struct {
	// ClusterSelector selects the clusters, among those that the Application goes to.
	// +fleetwright:becomes=the clusters that the override applies to
	ClusterSelector ClusterSelector `json:"clusterSelector" example:"{\"matchLabels\": {\"stage\": \"prod\"}}"`

	// Source is merged over the Application's: maps by key, lists replaced; null removes a field.
	// +fleetwright:becomes=merged over the source
	Source Partial[ApplicationSource] `json:"source" example:"{\"gitRepository\": {\"ref\": {\"tag\": \"v1.4.2\"}}}"`
}

// Destination is the clusters of a fleet.
type Destination struct {
	// Fleet is the name of the Fleet, in the Application's namespace or fleetNamespace. If a policy's is empty, the
	// Application's is used.
	// +fleetwright:becomes=the fleet whose clusters get the policy
	Fleet string `json:"fleet" pattern:"fleet-name" format:"dns-subdomain" example:"production"`

	// FleetNamespace is the namespace of the Fleet, which must allow the Application's namespace
	// (fleetwright extension). The default is the Application's namespace.
	// +fleetwright:extension
	// +fleetwright:example=platform
	// +fleetwright:becomes=the namespace of the fleet, which allows the Application's namespace in `allowedNamespaces`; not in the `hub` topology (FW223)
	FleetNamespace string `json:"fleetNamespace,omitempty" pattern:"dns-label"`

	// ClusterSelector narrows the fleet to the clusters with these labels.
	// +fleetwright:becomes=narrows the fleet to the clusters with these labels
	ClusterSelector *ClusterSelector `json:"clusterSelector,omitempty"`
}

// ClusterSelector selects clusters by their labels.
type ClusterSelector struct {
	// MatchLabels are the labels that a cluster must have, all of them.
	// +fleetwright:example={"region": "eu"}
	MatchLabels map[string]LabelValue `json:"matchLabels,omitempty"`

	// MatchExpressions are conditions that a cluster's labels must meet, all of them
	// (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=narrows the fleet to the clusters that meet all conditions, as Kubernetes' own selectors do
	MatchExpressions []LabelExpression `json:"matchExpressions,omitempty"`
}

// LabelExpression is a condition on a label of a cluster.
type LabelExpression struct {
	// Key of the label.
	Key string `json:"key" format:"label-key" example:"region"`

	// Operator between the label and the values. NotIn also selects clusters without the label.
	Operator string `json:"operator" enum:"In,NotIn,Exists,DoesNotExist"`

	// Values of In and NotIn. Exists and DoesNotExist have none.
	// +fleetwright:example=["eu"]
	Values []LabelValue `json:"values,omitempty"`
}

// SyncPolicy is a part of the source, where it goes, and how it is rolled out.
type SyncPolicy struct {
	// Name of the policy's Flux Kustomization or HelmRelease. Without it, the name is
	// <application>-<index>, which changes when a policy is inserted before this one.
	// +fleetwright:example=webapp
	// +fleetwright:becomes=the name of the Flux Kustomization or HelmRelease; without it `<application>-<index>`, with a warning (FW208)
	Name string `json:"name,omitempty" format:"dns-subdomain"`

	// Kustomization applies a directory of the source.
	// +fleetwright:becomes=a Flux Kustomization
	Kustomization *Kustomization `json:"kustomization,omitempty" variables:"cluster"`

	// Helm installs a chart.
	// +fleetwright:becomes=a HelmRelease
	Helm *HelmRelease `json:"helm,omitempty" variables:"cluster"`

	// Destination replaces the Application's.
	// +fleetwright:becomes=the clusters of this policy
	Destination *Destination `json:"destination,omitempty"`

	// Rollout releases new versions of one workload of the policy step by step.
	// +fleetwright:becomes=a Canary, and the objects that it needs
	Rollout *Rollout `json:"rollout,omitempty" variables:"cluster"`

	// Overrides change the policy on some of its clusters, in order: later overrides win.
	// +fleetwright:extension
	// +fleetwright:becomes=the policy on the clusters that an override selects
	Overrides []PolicyOverride `json:"overrides,omitempty"`
}

// PolicyOverride changes a policy on some of its clusters.
type PolicyOverride struct {
	// ClusterSelector selects the clusters, among those that the policy goes to.
	// +fleetwright:becomes=the clusters that the override applies to
	ClusterSelector ClusterSelector `json:"clusterSelector" example:"{\"matchLabels\": {\"stage\": \"prod\"}}"`

	// Kustomization is merged over the policy's: maps by key, lists replaced; null removes a field.
	// +fleetwright:becomes=merged over the kustomization
	Kustomization Partial[Kustomization] `json:"kustomization,omitempty" variables:"cluster"`

	// Helm is merged over the policy's: maps by key, lists replaced; null removes a field.
	// +fleetwright:becomes=merged over the release
	Helm Partial[HelmRelease] `json:"helm,omitempty" variables:"cluster"`

	// Rollout is merged over the policy's: maps by key, lists replaced; null removes a field.
	// +fleetwright:becomes=merged over the rollout
	Rollout Partial[Rollout] `json:"rollout,omitempty" variables:"cluster"`
}

// Kustomization applies a directory of the source, as a Flux Kustomization does.
// +fleetwright:becomes=`spec.{path}` of the Flux Kustomization
type Kustomization struct {
	// CommonMetadata is added to every object.
	CommonMetadata *CommonMetadata `json:"commonMetadata,omitempty"`

	// DependsOn names the policies with a kustomization that must be ready first,
	// in this or another Application's namespace. Kurator's object names,
	// <policy>-<kind>-<cluster>, are accepted.
	// +fleetwright:becomes=`spec.dependsOn`, with the rendered names
	DependsOn []Dependency `json:"dependsOn,omitempty"`

	// Interval at which Flux corrects drift. With 0s, Flux applies only new
	// revisions.
	Interval Duration `json:"interval" example:"5m0s"`

	// RetryInterval after a failure; without it, or with 0s, the interval. If the
	// interval is 0s too, 2m0s is rendered, because Flux would never retry.
	// +fleetwright:example=2m0s
	// +fleetwright:becomes=`spec.retryInterval` of the Flux Kustomization; 2m0s if the interval is 0s
	RetryInterval Duration `json:"retryInterval,omitempty"`

	// Path of the directory in the source.
	// +fleetwright:example=./deploy/webapp
	Path string `json:"path,omitempty" format:"source-path"`

	// Prune deletes objects that are removed from the source.
	Prune bool `json:"prune"`

	// Patches are strategic merge or JSON patches of the objects.
	// +fleetwright:becomes=`spec.patches` of the Flux Kustomization, before those that a rollout needs; checked as kustomize would (FW505)
	Patches []kustomize.Patch `json:"patches,omitempty"`

	// Images replaces names, tags and digests of images.
	Images []kustomize.Image `json:"images,omitempty"`

	// Suspend stops applying.
	Suspend bool `json:"suspend,omitempty"`

	// TargetNamespace is set on every object.
	// +fleetwright:example=webapp
	TargetNamespace string `json:"targetNamespace,omitempty" pattern:"dns-label"`

	// Timeout of validating, applying and health checks; without it, the interval.
	// +fleetwright:example=2m0s
	Timeout Duration `json:"timeout,omitempty"`

	// Force recreates objects whose immutable fields changed.
	Force bool `json:"force,omitempty"`

	// Components are the paths of kustomize components, relative to path.
	// +fleetwright:example=["../components/monitoring"]
	Components []string `json:"components,omitempty" format:"component"`

	// IgnoreMissingComponents skips components that are not in the source (fleetwright extension; Flux
	// 2.7 or newer).
	// +fleetwright:extension
	IgnoreMissingComponents bool `json:"ignoreMissingComponents,omitempty"`

	// NamePrefix is added to the beginning of the name of every object (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:example=staging-
	// +fleetwright:becomes=`spec.namePrefix` of the Flux Kustomization; the workload of a rollout must have it (FW526)
	NamePrefix string `json:"namePrefix,omitempty" pattern:"name-prefix" format:"affix"`

	// NameSuffix is added to the end of the name of every object (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:example=-blue
	// +fleetwright:becomes=`spec.nameSuffix` of the Flux Kustomization; the workload of a rollout must have it (FW526)
	NameSuffix string `json:"nameSuffix,omitempty" pattern:"name-suffix" format:"affix"`

	// BuildMetadata adds annotations with the origin of each object (fleetwright extension; Flux 2.9
	// or newer).
	// +fleetwright:extension
	// +fleetwright:example=["originAnnotations"]
	BuildMetadata []string `json:"buildMetadata,omitempty" enum:"originAnnotations,transformerAnnotations"`

	// PostBuild substitutes variables after the build (fleetwright extension).
	// +fleetwright:extension
	PostBuild *PostBuild `json:"postBuild,omitempty"`

	// Decryption decrypts Secrets (fleetwright extension).
	// +fleetwright:extension
	Decryption *Decryption `json:"decryption,omitempty"`

	// ServiceAccountName that Flux impersonates, in the Application's namespace (fleetwright extension).
	// In the hub topology, it is on the cluster that Flux applies to.
	// +fleetwright:extension
	// +fleetwright:example=deployer
	ServiceAccountName string `json:"serviceAccountName,omitempty" format:"dns-subdomain"`

	// Wait for all objects to be ready (fleetwright extension).
	// +fleetwright:extension
	Wait bool `json:"wait,omitempty"`

	// HealthChecks are the objects that must be ready; Flux ignores them next to wait (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.healthChecks` of the Flux Kustomization; none of objects that a rollout creates (FW527)
	HealthChecks []HealthCheck `json:"healthChecks,omitempty"`

	// HealthCheckExprs are CEL expressions that tell whether custom resources are ready (fleetwright extension).
	// +fleetwright:extension
	HealthCheckExprs []HealthCheckExpr `json:"healthCheckExprs,omitempty"`

	// DeletionPolicy decides what happens to the objects when the policy is removed (fleetwright extension).
	// +kubebuilder:default=MirrorPrune
	// +fleetwright:extension
	DeletionPolicy string `json:"deletionPolicy,omitempty" enum:"MirrorPrune,Delete,WaitForTermination,Orphan"`

	// Ignore lists fields that Flux does not change on the cluster (fleetwright extension; Flux 2.9 or
	// newer).
	// +fleetwright:extension
	Ignore []IgnoreRule `json:"ignore,omitempty"`
}

// CommonMetadata is added to every object.
type CommonMetadata struct {
	// Annotations to add.
	// +fleetwright:example={"example.com/owner": "shop"}
	Annotations map[string]string `json:"annotations,omitempty"`

	// Labels to add.
	// +fleetwright:example={"team": "shop"}
	Labels map[string]LabelValue `json:"labels,omitempty"`
}
