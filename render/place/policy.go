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
	// Variant is the number of the application among those of its document.
	Variant  int
	Policies []*Policy
	// named are the first policies of their kinds and names, and taken those of names that
	// several have, by the cluster that each goes to.
	named map[object]*Policy
	taken map[object]map[*Target]*Policy
}

// The kinds of sources.
const (
	GitRepository  = "GitRepository"
	HelmRepository = "HelmRepository"
	OCIRepository  = "OCIRepository"
	// ExternalArtifact is that of a controller of somebody else.
	ExternalArtifact = "ExternalArtifact"
)

// SourceKind returns the kind of the application's source, or nothing where that is empty.
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
	// allowed are the namespaces of other Applications that may use the fleet, nil before one is asked for.
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
	// Number of the policy among all of all applications.
	Number uint64
	// FluxName is the name of the Flux Kustomization or HelmRelease.
	FluxName string
	// Sound policies can be rendered; the others have errors.
	Sound bool
	// Fleet of the policy. It is nil where the policy goes to no fleet, or to one that is not defined.
	Fleet   *Fleet
	Targets []*Target
	// waitsFor are the dependencies of the policy.
	waitsFor []dependency
}

// Index returns that of the policy in spec.syncPolicies.
func (p *Policy) Index() int { return p.Path[len(p.Path)-1].(int) }

// An object is that of a policy, by its kind and a name.
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

// TargetNamespace returns the namespace of the policy's objects, or "" where these name it.
func (p *Policy) TargetNamespace() string {
	switch {
	case p.Kustomization != nil:
		return p.Kustomization.TargetNamespace
	case p.Helm != nil:
		return cmp.Or(p.Helm.TargetNamespace, p.App.Namespace)
	}
	return ""
}

// ResolveDestination returns the destination of the policy or its application, and its path. It is nil
// for one without a fleet. A policy's own destination may leave the fleet to its application, but not
// the clusters (kurator pkg/fleet-manager/application/helper.go, generateFleetKey and getPolicyDestination).
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
