package rollout

import (
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/rules"
)

// A Provider moves the traffic of rollouts. Its file contains everything that depends on it, except the fields
// that Flagger's router reads, which the table features lists for all providers.
type Provider interface {
	rules.Provider
	// Namespace returns the namespace of the provider, and of Flagger if it is rendered.
	Namespace() string
	// Namespaces returns all namespaces of the provider, with their labels.
	Namespaces() []*manifest.Object
	// Releases returns the charts to install before Flagger, in any order.
	Releases() []*flux.Release
	// FlaggerValues returns the values that make Flagger work with the provider.
	FlaggerValues() map[string]any
	// Meshes returns the objects that must exist before others are applied, and before a pod starts in a
	// namespace of rolled out workloads. They are in a separate Kustomization, because Flux validates all
	// objects of a Kustomization with the API server before it applies the first one (fluxcd/pkg ssa, ApplyAll).
	Meshes() []manifest.Rendered
	// Objects returns further custom resources of the provider, which are applied when the releases are ready
	// and the meshes exist.
	Objects() []manifest.Rendered
	// NamespaceMeta returns the metadata that the namespace of a rolled out workload needs. A nil rollout stands
	// for the public load tester.
	NamespaceMeta(r *Rollout) manifest.NamespaceMeta
	// Route sets the provider's fields in a Canary.
	Route(r *Rollout, canary *manifest.Object, spec *flagger.Canary)
	// RolloutObjects returns the objects that a rollout needs in addition to its Canary.
	RolloutObjects(r *Rollout) []manifest.Rendered
	// PrometheusAddress returns the address of a Prometheus that measures only rollouts of this provider, or ""
	// for that of the installation.
	PrometheusAddress() string
	// Query returns the query that replaces a built-in metric that does not work with this provider, or "".
	Query(r *Rollout, metric string) string
	// ServiceMeta returns the annotations of a Service whose port speaks HTTP.
	ServiceMeta(port int32) map[string]string
	// Made returns the objects that Flagger creates for a rollout only with this provider.
	Made(r *Rollout) []manifest.Identity
	// Rejected returns the parts of a Canary for which the provider would reject Flagger's objects, by their
	// paths in the Canary.
	Rejected(spec *flagger.Canary) []rules.Problem
	// Join is called once for each rollout of the provider, before any of its objects is created.
	Join(r *Rollout)
}
