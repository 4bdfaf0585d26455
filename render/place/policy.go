package place

import (
	"cmp"

	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// An Application is an Application of the input.
type Application struct {
	*api.Application
	Doc             *schema.Document
	Namespace, Name string
	// SourceName names the source object. On a hub, clusters with source overrides have their own.
	SourceName string
	// Variant is the number of the application among the variants of its document.
	Variant  int
	Policies []*Policy
	// Overrides holds the overrides that made the variant, and Variables the names of its cluster variables.
	Overrides []Override
	Variables []string
	// named holds the first policy of each kind and name, and taken the policies with a shared name, by cluster.
	named map[object]*Policy
	taken map[object]map[*Target]*Policy
}

// An Override is an override that applies to the clusters of a variant.
type Override struct {
	// Policy is the name of the policy that has the override, or "" for the source.
	Policy string
	// Section is the part that it changes: source, kustomization, helm or rollout.
	Section string
	// Selector selects the clusters, in kubectl's syntax.
	Selector string
}

// The kinds of sources.
const (
	GitRepository  = "GitRepository"
	HelmRepository = "HelmRepository"
	OCIRepository  = "OCIRepository"
	// ExternalArtifact is the source of another controller.
	ExternalArtifact = "ExternalArtifact"
)

// SourceKind returns the kind of the application's source, or "" for an empty source.
func (a *Application) SourceKind() string {
	switch s := a.Spec.Source; {
	case s.GitRepository != nil:
		return GitRepository
	case s.HelmRepository != nil:
		return HelmRepository
	case s.OCIRepository != nil:
		return OCIRepository
	case s.Existing != nil:
		return s.Existing.Kind
	}
	return ""
}

// ID returns the name of the application in the names of Flux Kustomizations.
func (a *Application) ID() string { return a.Namespace + "." + a.Name }

// DirName returns the name of the application's directories.
func (a *Application) DirName() string { return layout.Shorten(a.ID(), layout.MaxFile) }

// A Fleet is a Fleet of the input.
type Fleet struct {
	*api.Fleet
	Doc             *schema.Document
	Namespace, Name string
	Clusters        []*Cluster
	// allowed holds the namespaces of other Applications that may use the fleet, nil until it is needed.
	allowed map[string]bool
}

// A Cluster is an AttachedCluster or a Cluster, or the one without a fleet, which has no document.
type Cluster struct {
	Doc             *schema.Document
	kind            string
	Namespace, Name string
	Labels          map[string]api.LabelValue
	// Kubeconfig is the Secret that an AttachedCluster names, or nil.
	Kubeconfig *api.SecretKey
}

// A Mesh is a Mesh of the input.
type Mesh struct {
	*api.Mesh
	Doc  *schema.Document
	Name string
}

// An AlertProvider is an AlertProvider of the input.
type AlertProvider struct {
	*api.AlertProvider
	Doc             *schema.Document
	Namespace, Name string
}

// A Policy is a sync policy with its name and the clusters it goes to.
type Policy struct {
	*api.SyncPolicy
	App  *Application
	Path schema.Path
	// Number is the index of the policy among those of all applications.
	Number uint64
	// FluxName is the name of the Flux Kustomization or HelmRelease.
	FluxName string
	// Sound policies can be rendered; the others have errors.
	Sound bool
	// Fleet is the fleet of the policy, or nil if the policy has none or an undefined one.
	Fleet   *Fleet
	Targets []*Target
	// waitsFor holds the dependencies of the policy.
	waitsFor []dependency
}

// Index returns the index of the policy in spec.syncPolicies.
func (p *Policy) Index() int { return p.Path[len(p.Path)-1].(int) }

// An object identifies the object of a policy by its kind and name.
type object struct {
	kind string
	api.NamespacedReference
}

func (p *Policy) object() object {
	return object{p.ObjectKind(), api.NamespacedReference{Name: p.FluxName, Namespace: p.App.Namespace}}
}

// ObjectKind returns the kind of the policy's object.
func (p *Policy) ObjectKind() string {
	if p.Helm != nil {
		return "HelmRelease"
	}
	return "Kustomization"
}

// Suspended reports whether the policy is suspended.
func (p *Policy) Suspended() bool {
	return p.Helm != nil && p.Helm.Suspend || p.Kustomization != nil && p.Kustomization.Suspend
}

// NamesFleet reports whether the policy or its application names a fleet, defined or not.
func (p *Policy) NamesFleet() bool {
	d, _ := p.ResolveDestination()
	return d != nil
}

// TargetNamespace returns the namespace of the policy's objects, or "" if they set it themselves.
func (p *Policy) TargetNamespace() string {
	switch {
	case p.Kustomization != nil:
		return p.Kustomization.TargetNamespace
	case p.Helm != nil:
		return cmp.Or(p.Helm.TargetNamespace, p.App.Namespace)
	}
	return ""
}

// ResolveDestination returns the destination of the policy or its application, and its path, or nil without a
// fleet. A policy's own destination may omit the fleet, which is then the application's, but not the clusters
// (kurator pkg/fleet-manager/application/helper.go, generateFleetKey and getPolicyDestination).
func (p *Policy) ResolveDestination() (*api.Destination, schema.Path) {
	d, at := p.App.Spec.Destination, schema.Path{"spec", "destination"}
	if p.Destination != nil {
		own := *p.Destination
		if own.Fleet == "" && d != nil {
			own.Fleet, own.FleetNamespace = d.Fleet, cmp.Or(own.FleetNamespace, d.FleetNamespace)
		}
		d, at = &own, p.Path.With("destination")
	}
	if d == nil || d.Fleet == "" {
		return nil, nil
	}
	return d, at
}

// WorkloadNamespace returns the namespace of the workload that the policy rolls out.
func (p *Policy) WorkloadNamespace() string {
	return cmp.Or(p.Rollout.Workload.Namespace, p.TargetNamespace(), "default")
}
