package render

import (
	"cmp"

	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// An application is an Application of the input.
type application struct {
	*api.Application
	doc             *schema.Document
	namespace, name string
	policies        []*policy
	// named are the policies by their names.
	named map[string]*policy
}

// id returns the name of the application in the names of Flux Kustomizations.
func (a *application) id() string { return a.namespace + "." + a.name }

// dirName returns the name of the application's directories.
func (a *application) dirName() string { return layout.Shorten(a.id(), layout.MaxFile) }

// A fleet is a Fleet of the input.
type fleet struct {
	*api.Fleet
	doc             *schema.Document
	namespace, name string
	clusters        []*cluster
}

// A cluster is an AttachedCluster or a Cluster, or the one without a fleet, which has no
// document.
type cluster struct {
	doc             *schema.Document
	kind            string
	namespace, name string
	labels          map[string]api.LabelValue
	// kubeconfig is the Secret that an AttachedCluster names, or nil.
	kubeconfig *api.SecretKey
}

// A mesh is a Mesh of the input.
type mesh struct {
	*api.Mesh
	doc  *schema.Document
	name string
}

// An alertProvider is an AlertProvider of the input.
type alertProvider struct {
	*api.AlertProvider
	doc             *schema.Document
	namespace, name string
}

// A policy is a sync policy with its name and the clusters it goes to.
type policy struct {
	*api.SyncPolicy
	app  *application
	path schema.Path
	// number of the policy among all of all applications.
	number uint64
	// fluxName is the name of the Flux Kustomization or HelmRelease.
	fluxName string
	// sound policies can be rendered; the others have errors.
	sound bool
	// fleet is nil where the policy goes to no fleet, or to one that is not defined.
	fleet   *fleet
	targets []*Target
	// waitsFor are the dependencies of the policy.
	waitsFor []dependency
}

// objectKind returns the kind of the policy's object.
func (p *policy) objectKind() string {
	if p.Helm != nil {
		return "HelmRelease"
	}
	return "Kustomization"
}

// suspended reports whether the policy is suspended.
func (p *policy) suspended() bool {
	return p.Helm != nil && p.Helm.Suspend || p.Kustomization != nil && p.Kustomization.Suspend
}

// targetNamespace returns the namespace that the policy applies its objects to, or "" where
// the manifests name it.
func (p *policy) targetNamespace() string {
	switch {
	case p.Kustomization != nil:
		return p.Kustomization.TargetNamespace
	case p.Helm != nil:
		return cmp.Or(p.Helm.TargetNamespace, p.app.namespace)
	}
	return ""
}

// destination returns the destination of the policy, or else of its application, and its
// place in the document.
func (p *policy) destination() (*api.Destination, schema.Path) {
	if p.Destination != nil {
		return p.Destination, p.path.With("destination")
	}
	return p.app.Spec.Destination, schema.Path{"spec", "destination"}
}
