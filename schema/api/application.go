package api

import "github.com/fluxcd/pkg/apis/kustomize"

// Application says which source is synced to which clusters of a fleet, and how a new version of
// its workloads is rolled out there. It is Kurator's apps.kurator.dev/v1alpha1 Application.
type Application struct {
	TypeMeta `json:",inline"`

	// Metadata of the Application.
	// +fleetwright:becomes=see below
	Metadata ObjectMeta `json:"metadata"`

	// Spec is what the Application asks for.
	// +fleetwright:becomes=see below
	Spec ApplicationSpec `json:"spec"`

	// Status is Kurator's own and ignored.
	// +fleetwright:becomes=ignored: Kurator's own
	Status any `json:"status,omitempty"`
}

// ApplicationSpec is what an Application asks for.
type ApplicationSpec struct {
	// Source is where the manifests come from: exactly one of gitRepository,
	// helmRepository and ociRepository.
	// +fleetwright:becomes=a source named after the Application, of one of three kinds
	Source ApplicationSource `json:"source"`

	// SyncPolicies are the parts of the source to sync, each with its own destination and rollout.
	// +fleetwright:becomes=a Flux Kustomization or HelmRelease each, with what its rollout needs
	SyncPolicies []SyncPolicy `json:"syncPolicies"`

	// Destination of the policies that have none of their own. Without any, the
	// Application goes to the cluster "host".
	// +fleetwright:becomes=the clusters of the policies that have none of their own; without any, the cluster `host`
	Destination *Destination `json:"destination,omitempty"`
}

// Destination is the clusters of a fleet.
type Destination struct {
	// Fleet is the name of the Fleet, in the Application's namespace or fleetNamespace. Where a policy's is empty, the
	// Application's counts.
	// +fleetwright:becomes=the fleet whose clusters get the policy
	Fleet string `json:"fleet" pattern:"fleet-name" format:"dns-subdomain" example:"production"`

	// FleetNamespace is the namespace of the Fleet, which must allow that of the Application
	// (fleetwright extension). Without it, the Application's.
	// +fleetwright:extension
	// +fleetwright:example=platform
	// +fleetwright:becomes=the namespace of the fleet, which allows that of the Application in `allowedNamespaces`; not with topology `hub` (FW223)
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
	// Name of the Flux Kustomization or HelmRelease that is made of the policy. Without it the name
	// is <application>-<index>, which changes when a policy is inserted before this one.
	// +fleetwright:example=webapp
	// +fleetwright:becomes=the name of the Flux Kustomization or HelmRelease; without it `<application>-<index>`, with a warning (FW208)
	Name string `json:"name,omitempty" format:"dns-subdomain"`

	// Kustomization applies a directory of the source.
	// +fleetwright:becomes=a Flux Kustomization
	Kustomization *Kustomization `json:"kustomization,omitempty"`

	// Helm installs a chart.
	// +fleetwright:becomes=a HelmRelease
	Helm *HelmRelease `json:"helm,omitempty"`

	// Destination replaces that of the Application.
	// +fleetwright:becomes=the clusters of this policy
	Destination *Destination `json:"destination,omitempty"`

	// Rollout brings new versions of one workload of the policy step by step.
	// +fleetwright:becomes=a Canary, and what it needs
	Rollout *Rollout `json:"rollout,omitempty"`
}

// Kustomization applies a directory of the source, as a Flux Kustomization does.
// +fleetwright:becomes=`spec.{path}` of the Flux Kustomization
type Kustomization struct {
	// CommonMetadata is added to every object.
	CommonMetadata *CommonMetadata `json:"commonMetadata,omitempty"`

	// DependsOn names the policies with a kustomization that must be ready first,
	// in this or another Application's namespace. The names that Kurator gives to
	// objects, <policy>-<kind>-<cluster>, are understood.
	// +fleetwright:becomes=`spec.dependsOn`, the names mapped to those that are rendered
	DependsOn []NamespacedReference `json:"dependsOn,omitempty"`

	// Interval at which drift is corrected. With 0s there is no periodic run:
	// only a new revision is applied.
	Interval Duration `json:"interval" example:"5m0s"`

	// RetryInterval after a failure; without it, or with 0s, the interval. Where
	// that is 0s too, Flux would never try again, so 2m0s is rendered.
	// +fleetwright:example=2m0s
	// +fleetwright:becomes=`spec.retryInterval` of the Flux Kustomization; 2m0s where the interval is 0s
	RetryInterval Duration `json:"retryInterval,omitempty"`

	// Path of the directory in the source.
	// +fleetwright:example=./deploy/webapp
	Path string `json:"path,omitempty" format:"source-path"`

	// Prune deletes what is gone from the source.
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

	// Force recreates objects of which an immutable field changed.
	Force bool `json:"force,omitempty"`

	// Components are the paths of kustomize components, relative to path.
	// +fleetwright:example=["../components/monitoring"]
	Components []string `json:"components,omitempty" format:"component"`
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
